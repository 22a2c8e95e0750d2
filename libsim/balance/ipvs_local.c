/* IPVS' locality-based least connections: ip_vs_lblc.c, ip_vs_lblcr.c. */
#include "balance/ipvs.h"

#include "base/pool.h"

enum { EXPIRATION = VS_IPVS_N_SHARED_PARAMS };

enum {
    TABLE_BITS = 10,
    TABLE_SIZE = 1 << TABLE_BITS,
    MAX_ENTRIES = TABLE_SIZE * 16, /* More are cut down at the next check. */
    CHECKS_A_FULL_ONE = 30,
    OBJECTS_A_SLAB = 64,
};

#define CHECK_INTERVAL (60 * VS_S)
#define ENTRY_TIMEOUT (6 * 60 * VS_S) /* In checks of too many entries. */

const VsBalancerParam vs_ipvs_local_params[] = {
    VS_IPVS_SHARED_PARAMS,
    {.name = "expiration",
     .doc =
         "Seconds after which an address that nobody asked for is forgotten, and a "
         "set of servers that did not change loses one (net.ipv4.vs.lblc_expiration, "
         "lblcr_expiration).",
     .def = 24 * 60 * 60,
     .min = 1,
     .max = 1000 * 1000},
    {0},
};

/* A server of an address; lblc has one for each. */
typedef struct Member {
    struct Member *next;
    uint32_t backend;
} Member;

typedef struct Entry {
    struct Entry *next;
    VsAddr address; /* Of the destination; IPv6 folded. */
    VsTime used;
    VsTime changed;  /* Its members. */
    Member *members; /* The newest first. */
    uint32_t n_members;
} Entry;

struct VsIpvsCache {
    Entry *buckets[TABLE_SIZE];
    VsPool entries;
    VsPool members;
    int64_t n_counted; /* As the kernel does; lblc's replaced entries stay counted. */
    uint32_t rover;    /* The last bucket that a check looked at. */
    uint32_t n_checks;
    VsTime next_check;
};

static VsIpvsCache *
cache_of(const VsBalancer *balancer)
{
    return ((const VsIpvsLocal *)balancer->state)->cache;
}

static VsTime
expiration(const VsBalancer *balancer)
{
    return (VsTime)balancer->params[EXPIRATION] * VS_S;
}

bool
vs_ipvs_local_init(VsBalancer *balancer, GError **error)
{
    VsIpvsLocal *local = balancer->state;

    if (!vs_ipvs_list_init(balancer, error)) {
        return false;
    }
    local->cache = g_new0(VsIpvsCache, 1);
    vs_pool_init(&local->cache->entries, sizeof(Entry), OBJECTS_A_SLAB);
    vs_pool_init(&local->cache->members, sizeof(Member), OBJECTS_A_SLAB);
    local->cache->n_checks = 1;
    local->cache->next_check = CHECK_INTERVAL;
    return true;
}

void
vs_ipvs_local_clear(VsBalancer *balancer)
{
    VsIpvsCache *cache = cache_of(balancer);

    vs_pool_clear(&cache->entries);
    vs_pool_clear(&cache->members);
    g_free(cache);
}

uint32_t
vs_ipvs_local_n_entries(const VsBalancer *balancer)
{
    return (uint32_t)vs_pool_n_used(&cache_of(balancer)->entries);
}

/* ---- Entries ---------------------------------------------------------------------- */

static Entry **
bucket_of(VsIpvsCache *cache, VsAddr address)
{
    return &cache->buckets[vs_ipvs_hash_32(address, TABLE_BITS)];
}

static Entry *
find(VsIpvsCache *cache, VsAddr address)
{
    Entry *entry = *bucket_of(cache, address);

    while (entry && entry->address != address) {
        entry = entry->next;
    }
    return entry;
}

static Entry *
entry_new(VsIpvsCache *cache, VsAddr address, VsTime now)
{
    Entry **bucket = bucket_of(cache, address);
    Entry *entry = vs_pool_alloc(&cache->entries);

    *entry = (Entry){.next = *bucket, .address = address, .used = now};
    *bucket = entry;
    cache->n_counted++;
    return entry;
}

static bool
has_member(const Entry *entry, uint32_t backend)
{
    for (const Member *member = entry->members; member; member = member->next) {
        if (member->backend == backend) {
            return true;
        }
    }
    return false;
}

static void
add_member(VsIpvsCache *cache, Entry *entry, uint32_t backend, VsTime now)
{
    Member *member = vs_pool_alloc(&cache->members);

    *member = (Member){.next = entry->members, .backend = backend};
    entry->members = member;
    entry->n_members++;
    entry->changed = now;
}

static void
remove_member(VsIpvsCache *cache, Entry *entry, uint32_t backend, VsTime now)
{
    Member **at = &entry->members;
    Member *member;

    while ((*at)->backend != backend) {
        at = &(*at)->next;
    }
    member = *at;
    *at = member->next;
    vs_pool_free(&cache->members, member);
    entry->n_members--;
    entry->changed = now;
}

/* Frees the entries of a bucket that nobody asked for since 'idle' before 'now'; returns
 * how many. */
static int64_t
expire_bucket(VsIpvsCache *cache, unsigned bucket, VsTime now, VsTime idle)
{
    Entry **at = &cache->buckets[bucket];
    int64_t n_freed = 0;

    while (*at) {
        Entry *entry = *at;

        if (now < entry->used + idle) {
            at = &entry->next;
            continue;
        }
        while (entry->members) {
            remove_member(cache, entry, entry->members->backend, now);
        }
        *at = entry->next;
        vs_pool_free(&cache->entries, entry);
        n_freed++;
    }
    cache->n_counted -= n_freed;
    return n_freed;
}

/* Goes round the buckets until 'goal' entries are gone, if there are as many. */
static void
expire(VsIpvsCache *cache, VsTime now, VsTime idle, int64_t goal)
{
    for (unsigned i = 0; i < TABLE_SIZE && goal > 0; i++) {
        cache->rover = (cache->rover + 1) % TABLE_SIZE;
        goal -= expire_bucket(cache, cache->rover, now, idle);
    }
}

/* ip_vs_lblc_check_expire(): every minute, since the time 0. */
static void
check(const VsBalancer *balancer, VsTime now)
{
    VsIpvsCache *cache = cache_of(balancer);
    int64_t excess = cache->n_counted - MAX_ENTRIES;

    if (cache->n_checks % CHECKS_A_FULL_ONE == 0) {
        expire(cache, now, expiration(balancer), INT64_MAX);
        cache->n_checks = 1;
    } else if (excess <= 0) {
        cache->n_checks++;
    } else {
        expire(cache, now, ENTRY_TIMEOUT, MIN(excess * 4 / 3, MAX_ENTRIES / 2));
    }
}

/* The checks that were due by now. */
static void
catch_up(const VsBalancer *balancer, VsTime now)
{
    VsIpvsCache *cache = cache_of(balancer);

    for (; cache->next_check <= now; cache->next_check += CHECK_INTERVAL) {
        check(balancer, cache->next_check);
    }
}

/* ---- Choices ---------------------------------------------------------------------- */

/* Has 'backend' more than its weight, while another one has less than half of its own?
 * O(n) if the former. */
static bool
is_too_busy(const VsBalancer *balancer, uint32_t backend)
{
    if (balancer->backends[backend].n_active <= vs_ipvs_weight(balancer, backend)) {
        return false;
    }
    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        if ((uint64_t)balancer->backends[at].n_active * 2 <
            vs_ipvs_weight(balancer, at)) {
            return true;
        }
    }
    return false;
}

uint32_t
vs_ipvs_lblc_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    VsIpvsCache *cache = cache_of(balancer);
    Entry *entry;
    uint32_t backend;

    catch_up(balancer, key->now);
    entry = find(cache, key->flow.daddr);
    if (entry) {
        entry->used = key->now;
        backend = entry->members->backend;
        if (vs_backend_is_available(&balancer->backends[backend]) &&
            !is_too_busy(balancer, backend)) {
            return vs_ipvs_take(balancer, backend);
        }
    }
    backend = vs_ipvs_least_loaded(balancer);
    if (backend == VS_BALANCER_NONE) {
        return VS_BALANCER_NONE;
    }
    if (!entry) {
        entry = entry_new(cache, key->flow.daddr, key->now);
        add_member(cache, entry, backend, key->now);
    } else if (entry->members->backend != backend) {
        entry->members->backend = backend;
        cache->n_counted++;
    }
    return vs_ipvs_take(balancer, backend);
}

/* ip_vs_dest_set_min(): the usable member of least overhead for its weight. */
static uint32_t
least_of(VsBalancer *balancer, const Entry *entry)
{
    uint32_t best = VS_BALANCER_NONE;

    for (const Member *member = entry->members; member; member = member->next) {
        uint32_t at = member->backend;

        if (vs_ipvs_is_usable(balancer, at) &&
            (best == VS_BALANCER_NONE ||
             vs_ipvs_overhead(balancer, best) * balancer->backends[at].weight >
                 vs_ipvs_overhead(balancer, at) * balancer->backends[best].weight)) {
            best = at;
        }
    }
    return best;
}

/* ip_vs_dest_set_max(): of most overhead for its weight, usable or not. */
static uint32_t
most_of(const VsBalancer *balancer, const Entry *entry)
{
    uint32_t worst = VS_BALANCER_NONE;

    for (const Member *member = entry->members; member; member = member->next) {
        uint32_t at = member->backend;

        if (vs_ipvs_weight(balancer, at) > 0 &&
            (worst == VS_BALANCER_NONE ||
             vs_ipvs_overhead(balancer, worst) * balancer->backends[at].weight <
                 vs_ipvs_overhead(balancer, at) * balancer->backends[worst].weight)) {
            worst = at;
        }
    }
    return worst;
}

/* A set that has not changed for long loses its busiest member. */
static void
shrink(const VsBalancer *balancer, Entry *entry, VsTime now)
{
    if (entry->n_members > 1 && now > entry->changed + expiration(balancer)) {
        uint32_t worst = most_of(balancer, entry);

        if (worst != VS_BALANCER_NONE) {
            remove_member(cache_of(balancer), entry, worst, now);
        }
    }
}

uint32_t
vs_ipvs_lblcr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    VsIpvsCache *cache = cache_of(balancer);
    uint32_t backend = VS_BALANCER_NONE;
    Entry *entry;

    catch_up(balancer, key->now);
    entry = find(cache, key->flow.daddr);
    if (entry) {
        entry->used = key->now;
        backend = least_of(balancer, entry);
        shrink(balancer, entry, key->now);
        if (backend != VS_BALANCER_NONE && !is_too_busy(balancer, backend)) {
            return vs_ipvs_take(balancer, backend);
        }
    }
    backend = vs_ipvs_least_loaded(balancer);
    if (backend == VS_BALANCER_NONE) {
        return VS_BALANCER_NONE;
    }
    if (!entry) {
        entry = entry_new(cache, key->flow.daddr, key->now);
    }
    if (!has_member(entry, backend)) {
        add_member(cache, entry, backend, key->now);
    }
    return vs_ipvs_take(balancer, backend);
}

void
vs_ipvs_local_describe(const VsBalancer *balancer, GString *out)
{
    g_string_append_printf(out, "%u destination addresses in the cache\n",
                           vs_ipvs_local_n_entries(balancer));
}

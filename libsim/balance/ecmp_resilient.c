/* Resilient next hop groups: a table of buckets whose owners change only when they go, or
 * when a bucket has been idle.
 *
 * The kernel tends the table by a timer (nh_res_table_upkeep); here a pick tends it when the
 * time that the timer was set to has passed.  Nothing is looked at in between, but what a
 * bucket's idle time is counted from is the same. */
#include "balance/ecmp.h"

#include "balance/kinds.h"

enum { BUCKETS = VS_ECMP_N_PARAMS, IDLE_TIMER, UNBALANCED_TIMER };

enum { NOBODY = UINT16_MAX };

/* The kernel's timer is never set to less (NH_RES_UPKEEP_MIN_INTERVAL). */
#define UPKEEP_MIN_INTERVAL (VS_S / 2)

typedef struct Bucket {
    uint16_t hop; /* NOBODY: must be given to one. */
    bool is_used; /* Since it changed hands. */
    VsTime used;
} Bucket;

/* Of a backend. */
typedef struct Hop {
    uint32_t n_wanted;
    uint32_t n_buckets;
} Hop;

typedef struct Resilient {
    VsFlowHashKey hash_key;
    Bucket *buckets;
    uint32_t *wanting; /* Hops with too few buckets; the last one is served first. */
    uint32_t n_wanting;
    VsTime unbalanced_since;
    VsTime upkeep_due;
    bool has_new_hops;
} Resilient;

static inline Hop *
hop_at(const VsBalancer *balancer, uint32_t hop)
{
    return vs_balancer_backend_state(balancer, hop);
}

static inline VsTime
seconds_of(const VsBalancer *balancer, unsigned param)
{
    return (VsTime)balancer->params[param] * VS_S;
}

static bool
resilient_init(VsBalancer *balancer, GError **error)
{
    Resilient *resilient = balancer->state;
    uint32_t n_buckets = (uint32_t)balancer->params[BUCKETS];

    (void)error;
    resilient->hash_key = vs_ecmp_draw_key(balancer);
    resilient->buckets = g_new0(Bucket, n_buckets);
    for (uint32_t i = 0; i < n_buckets; i++) {
        resilient->buckets[i].hop = NOBODY;
    }
    resilient->upkeep_due = VS_TIME_NEVER;
    return true;
}

static void
resilient_clear(VsBalancer *balancer)
{
    Resilient *resilient = balancer->state;

    g_free(resilient->buckets);
    g_free(resilient->wanting);
}

/* The time is the next pick's. */
static void
resilient_rebuild(VsBalancer *balancer)
{
    Resilient *resilient = balancer->state;

    resilient->wanting = g_renew(uint32_t, resilient->wanting, balancer->n_backends);
    resilient->has_new_hops = true;
}

/* nh_res_table_migrate_buckets(): the buckets of hops that are gone are nobody's. */
static void
release_buckets(VsBalancer *balancer)
{
    Resilient *resilient = balancer->state;

    for (uint32_t i = 0; i < balancer->params[BUCKETS]; i++) {
        Bucket *bucket = &resilient->buckets[i];

        if (bucket->hop != NOBODY &&
            !vs_backend_is_available(&balancer->backends[bucket->hop])) {
            hop_at(balancer, bucket->hop)->n_buckets--;
            bucket->hop = NOBODY;
        }
    }
}

/* nh_res_group_rebalance(): how many buckets each hop should have. */
static void
rebalance(VsBalancer *balancer, VsTime now)
{
    Resilient *resilient = balancer->state;
    bool was_balanced = resilient->n_wanting == 0;
    uint64_t sum = 0;
    uint32_t before = 0;

    resilient->n_wanting = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        Hop *hop = hop_at(balancer, i);
        uint32_t upper;

        sum += vs_backend_is_available(&balancer->backends[i])
                   ? balancer->backends[i].weight
                   : 0;
        upper =
            (uint32_t)((balancer->params[BUCKETS] * sum + balancer->total_weight / 2) /
                       balancer->total_weight);
        hop->n_wanted = upper - before;
        before = upper;
        if (hop->n_buckets < hop->n_wanted) {
            resilient->wanting[resilient->n_wanting++] = i;
        }
    }
    if (was_balanced) {
        resilient->unbalanced_since = now;
    }
}

/* nh_res_bucket_should_migrate(); else 'deadline' becomes the time to ask again, if sooner. */
static bool
should_migrate(const VsBalancer *balancer, const Bucket *bucket, VsTime now,
               VsTime *deadline)
{
    const Resilient *resilient = balancer->state;
    VsTime idle_at;
    const Hop *hop;

    if (bucket->hop == NOBODY) {
        return true;
    }
    hop = hop_at(balancer, bucket->hop);
    if (hop->n_buckets <= hop->n_wanted) {
        return false;
    }
    idle_at = bucket->is_used ? bucket->used + seconds_of(balancer, IDLE_TIMER) : now;
    if (now >= idle_at) {
        return true;
    }
    if (balancer->params[UNBALANCED_TIMER] != 0) {
        VsTime forced_at =
            resilient->unbalanced_since + seconds_of(balancer, UNBALANCED_TIMER);

        if (now > forced_at) {
            return true;
        }
        *deadline = MIN(*deadline, forced_at);
    }
    *deadline = MIN(*deadline, idle_at);
    return false;
}

static void
migrate(VsBalancer *balancer, Bucket *bucket)
{
    Resilient *resilient = balancer->state;
    uint32_t to = resilient->wanting[resilient->n_wanting - 1];
    Hop *hop = hop_at(balancer, to);

    if (bucket->hop != NOBODY) {
        hop_at(balancer, bucket->hop)->n_buckets--;
    }
    *bucket = (Bucket){.hop = (uint16_t)to};
    if (++hop->n_buckets == hop->n_wanted) {
        resilient->n_wanting--;
    }
}

/* nh_res_table_upkeep() */
static void
tend(VsBalancer *balancer, VsTime now)
{
    Resilient *resilient = balancer->state;
    VsTime deadline = now + seconds_of(balancer, balancer->params[UNBALANCED_TIMER] != 0
                                                     ? UNBALANCED_TIMER
                                                     : IDLE_TIMER);

    for (uint32_t i = 0; i < balancer->params[BUCKETS]; i++) {
        Bucket *bucket = &resilient->buckets[i];

        if (should_migrate(balancer, bucket, now, &deadline)) {
            migrate(balancer, bucket);
        }
    }
    resilient->upkeep_due = resilient->n_wanting > 0
                                ? MAX(deadline, now + UPKEEP_MIN_INTERVAL)
                                : VS_TIME_NEVER;
}

static uint32_t
resilient_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Resilient *resilient = balancer->state;
    Bucket *bucket;

    if (resilient->has_new_hops) {
        resilient->has_new_hops = false;
        release_buckets(balancer);
        rebalance(balancer, key->now);
        tend(balancer, key->now);
    } else if (key->now >= resilient->upkeep_due) {
        tend(balancer, key->now);
    }
    bucket = &resilient->buckets[vs_ecmp_hash(balancer, resilient->hash_key, key) %
                                 balancer->params[BUCKETS]];
    bucket->is_used = true;
    bucket->used = key->now;
    return bucket->hop;
}

static void
resilient_describe(const VsBalancer *balancer, GString *out)
{
    const Resilient *resilient = balancer->state;

    for (uint32_t i = 0; i < balancer->params[BUCKETS]; i++) {
        uint16_t hop = resilient->buckets[i].hop;

        g_string_append_printf(out, "bucket %u %s\n", i,
                               hop == NOBODY ? "-" : balancer->backends[hop].name);
    }
}

static const VsBalancerParam resilient_params[] = {
    VS_ECMP_PARAM_ROWS,
    {.name = "buckets", .doc = "Of the table.", .def = 128, .min = 1, .max = 65535},
    {.name = "idle-timer",
     .doc = "Seconds after which a bucket without traffic may change hands.",
     .def = 120,
     .max = 1000000},
    {.name = "unbalanced-timer",
     .doc = "Seconds after which buckets in use change hands, too; 0: never.",
     .max = 1000000},
    {0},
};

const VsBalancerKind vs_balancer_kinds_ecmp_resilient[] = {
    {
        .name = "ecmp-resilient",
        .weight_max = 256,
        .doc =
            "A table of buckets, each a next hop's, as many as its weight says; the "
            "flow hash chooses the bucket.  A hop that goes gives its buckets away and "
            "moves no other flow; one that comes gets buckets as they become idle, or "
            "when the group has been unbalanced for too long.  The buckets of a new "
            "group go to the hops from the last on.",
        .source = "Linux, net/ipv4/nexthop.c, nexthop_select_path_res(), "
                  "nh_res_group_rebalance(), nh_res_table_upkeep()",
        .formula = "buckets[hash31 mod n]",
        .key = VS_BALANCE_BY_FLOW,
        .params = resilient_params,
        .state_size = sizeof(Resilient),
        .backend_size = sizeof(Hop),
        .init = resilient_init,
        .clear = resilient_clear,
        .rebuild = resilient_rebuild,
        .pick = resilient_pick,
        .describe = resilient_describe,
    },
    {0},
};

/* Envoy's balancers by hash.  A request's hash is XXH64 of what its route hashes (a header,
 * a cookie); hosts go by their name, and those that are down are left out. */
#include <string.h>

#include "balance/hash_ring.h"
#include "balance/kinds.h"
#include "balance/maglev.h"
#include "base/hash.h"

/* The least and the greatest of what hosts have of the total weight. */
typedef struct Shares {
    double least;
    double greatest;
} Shares;

static inline double
share_of(const VsBalancer *balancer, uint32_t host)
{
    return (double)balancer->backends[host].weight / (double)balancer->total_weight;
}

static Shares
find_shares(const VsBalancer *balancer)
{
    Shares shares = {.least = 1, .greatest = 0};

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            shares.least = MIN(shares.least, share_of(balancer, i));
            shares.greatest = MAX(shares.greatest, share_of(balancer, i));
        }
    }
    return shares;
}

/* ---- Ring --------------------------------------------------------------------------- */

enum { RING_MIN, RING_MAX, RING_HASH };
enum { HASH_XX, HASH_MURMUR2 };

/* The seed of libstdc++'s std::hash. */
#define STD_HASH_SEED UINT64_C(0xc70f6907)

static const char *const hash_choices[] = {"xx-hash", "murmur-hash-2", NULL};

static bool
ring_init(VsBalancer *balancer, GError **error)
{
    if (balancer->params[RING_MIN] > balancer->params[RING_MAX]) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "minimum-ring-size=%" G_GUINT64_FORMAT
                    ": write at most maximum-ring-size, %" G_GUINT64_FORMAT,
                    balancer->params[RING_MIN], balancer->params[RING_MAX]);
        return false;
    }
    return true;
}

static void
ring_clear(VsBalancer *balancer)
{
    vs_hash_ring_clear(balancer->state);
}

/* Points in all, not always whole: as many as give the least of the hosts a whole number. */
static double
ring_scale(const VsBalancer *balancer)
{
    double least = find_shares(balancer).least;

    return MIN(__builtin_ceil(least * (double)balancer->params[RING_MIN]) / least,
               (double)balancer->params[RING_MAX]);
}

static uint64_t
ring_point(const VsBalancer *balancer, const GString *name)
{
    return balancer->params[RING_HASH] == HASH_XX
               ? vs_xxhash64(name->str, name->len, 0)
               : vs_murmur2_64(name->str, name->len, STD_HASH_SEED);
}

static void
ring_rebuild(VsBalancer *balancer)
{
    VsHashRing *ring = balancer->state;
    double scale = balancer->n_available > 0 ? ring_scale(balancer) : 0;
    g_autoptr(GString) name = g_string_new(NULL);
    double n_due = 0; /* Points, of the hosts so far. */
    double n_points = 0;

    vs_hash_ring_reset(ring);
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!vs_backend_is_available(&balancer->backends[i])) {
            continue;
        }
        n_due += scale * share_of(balancer, i);
        for (unsigned j = 0; n_points < n_due; j++, n_points++) {
            g_string_printf(name, "%s_%u", balancer->backends[i].name, j);
            vs_hash_ring_add(ring, ring_point(balancer, name), i);
        }
    }
    vs_hash_ring_seal(ring);
}

static uint32_t
ring_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsHashRing *ring = balancer->state;
    uint64_t at = vs_hash_ring_find(ring, vs_xxhash64(key->data, key->bytes, 0));

    return ring->points[(at + key->attempt) % ring->n_points].owner;
}

static const VsBalancerParam ring_params[] = {
    {.name = "minimum-ring-size",
     .doc = "Points in all, at least.",
     .def = 1024,
     .min = 1,
     .max = 8388608},
    {.name = "maximum-ring-size",
     .doc = "Points in all, at most.",
     .def = 8388608,
     .min = 1,
     .max = 8388608},
    {.name = "hash-function",
     .doc = "Of the points.",
     .def = HASH_XX,
     .choices = hash_choices},
    {0},
};

/* ---- Maglev ------------------------------------------------------------------------- */

/* In round k a host takes a slot if k shares of it have reached its next target, which is
 * the greatest share further each time. */
static void
maglev_take_turns(const VsBalancer *balancer, const uint32_t *sorted, uint32_t n,
                  VsMaglevFill *fill)
{
    double greatest = find_shares(balancer).greatest;
    g_autofree double *targets = g_new0(double, n);
    g_autofree double *shares = g_new(double, n);

    for (uint32_t i = 0; i < n; i++) {
        shares[i] = share_of(balancer, sorted[i]);
    }
    for (uint32_t round = 1; n > 0 && fill->n_free > 0; round++) {
        for (uint32_t i = 0; i < n && fill->n_free > 0; i++) {
            if (round * shares[i] >= targets[i]) {
                targets[i] += greatest;
                vs_maglev_fill_take(fill, i);
            }
        }
    }
}

static void
maglev_rebuild(VsBalancer *balancer)
{
    VsMaglev *maglev = balancer->state;
    g_autofree uint32_t *sorted = g_new(uint32_t, balancer->n_backends);
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, balancer->n_backends);
    uint32_t n = vs_maglev_sort_backends(balancer, sorted);
    VsMaglevFill fill;

    for (uint32_t i = 0; i < n; i++) {
        const char *name = balancer->backends[sorted[i]].name;
        size_t length = strlen(name);

        entries[i] = (VsMaglevEntry){
            .backend = (uint16_t)sorted[i],
            .offset = (uint32_t)(vs_xxhash64(name, length, 0) % maglev->size),
            .skip = (uint32_t)(vs_xxhash64(name, length, 1) % (maglev->size - 1)) + 1,
        };
    }
    vs_maglev_fill_open(&fill, entries, n, maglev->table, maglev->size);
    maglev_take_turns(balancer, sorted, n, &fill);
    vs_maglev_fill_close(&fill);
}

/* A retry's hash differs in its top bits: that far away is another host. */
static uint32_t
maglev_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    uint64_t hash = vs_xxhash64(key->data, key->bytes, 0);

    return vs_maglev_at(balancer, hash ^ -(uint64_t)key->attempt);
}

static const VsBalancerParam maglev_params[] = {
    {.name = "table-size",
     .doc = "Slots: a prime, over 100 for each backend.",
     .def = 65537,
     .min = 3,
     .max = 5000011},
    {0},
};

const VsBalancerKind vs_balancer_kinds_envoy_hash[] = {
    {
        .name = "envoy-ring-hash",
        .doc =
            "Consistent hashing: each host has points on a ring, as many as its share "
            "of the weights; a request goes to the first point at its hash or after.  "
            "A retry goes as many points further as there were attempts.",
        .source = "Envoy, load_balancing_policies/ring_hash/ring_hash_lb.cc, "
                  "Ring::Ring(), Ring::chooseHost()",
        .formula = "first point >= XXH64(text); points XXH64(name \"_\" j), j < scale "
                   "* weight / total",
        .key = VS_BALANCE_BY_TEXT,
        .params = ring_params,
        .state_size = sizeof(VsHashRing),
        .init = ring_init,
        .clear = ring_clear,
        .rebuild = ring_rebuild,
        .pick = ring_pick,
    },
    {
        .name = "envoy-maglev",
        .doc =
            "Maglev over hosts sorted by name; a host below the greatest weight sits "
            "out some rounds.  A retry's hash has its upper bits flipped.",
        .source = "Envoy, load_balancing_policies/maglev/maglev_lb.cc, "
                  "constructMaglevTableInternal(), chooseHost()",
        .formula = "table[(XXH64(text) ^ -attempt) mod size]; offset = XXH64(name; 0) "
                   "mod size, skip = XXH64(name; 1) mod (size - 1) + 1",
        .key = VS_BALANCE_BY_TEXT,
        .params = maglev_params,
        .state_size = sizeof(VsMaglev),
        .init = vs_maglev_init,
        .clear = vs_maglev_clear,
        .rebuild = maglev_rebuild,
        .pick = maglev_pick,
    },
    {0},
};

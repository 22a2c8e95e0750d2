/* The balancers of ingress-nginx, which are Lua: its own, and those of lua-resty-balancer.
 *
 * The controller lists the endpoints that are ready, so one that goes down is one that is
 * gone.  Lua walks its tables in no order that could be foretold; here it is that of
 * addition. */
#include <math.h>
#include <string.h>

#include "balance/ketama.h"
#include "balance/kinds.h"
#include "base/hash.h"

/* ---- round_robin ------------------------------------------------------------------ */

typedef struct RoundRobin {
    uint32_t last; /* VS_BALANCER_NONE: a walk begins. */
    uint32_t gcd;
    uint32_t max_weight;
    uint32_t current_weight;
} RoundRobin;

static uint32_t
gcd(uint32_t a, uint32_t b)
{
    while (b > 0) {
        uint32_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static void
round_robin_rebuild(VsBalancer *balancer)
{
    RoundRobin *rr = balancer->state;
    uint64_t at = balancer->n_available > 0
                      ? vs_rng_below(&balancer->rng, balancer->n_available)
                      : 0;

    *rr = (RoundRobin){.last = VS_BALANCER_NONE};
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];

        if (vs_backend_is_available(backend)) {
            rr->gcd = gcd(backend->weight, rr->gcd);
            rr->max_weight = MAX(rr->max_weight, backend->weight);
            if (at-- == 0) {
                rr->last = i;
            }
        }
    }
    rr->current_weight = rr->max_weight;
}

static uint32_t
round_robin_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    RoundRobin *rr = balancer->state;

    (void)key;
    for (;;) {
        for (uint32_t i = rr->last == VS_BALANCER_NONE ? 0 : rr->last + 1;
             i < balancer->n_backends; i++) {
            if (vs_backend_is_available(&balancer->backends[i]) &&
                balancer->backends[i].weight >= rr->current_weight) {
                rr->last = i;
                return i;
            }
        }
        rr->last = VS_BALANCER_NONE;
        rr->current_weight -= rr->gcd;
        if (rr->current_weight == 0) {
            rr->current_weight = rr->max_weight;
        }
    }
}

/* ---- chash ------------------------------------------------------------------------ */

typedef struct Ring {
    size_t n_points;
    VsKetamaPoint *points;
} Ring;

static void
chash_clear(VsBalancer *balancer)
{
    g_free(((Ring *)balancer->state)->points);
}

static void
chash_rebuild(VsBalancer *balancer)
{
    Ring *ring = balancer->state;

    ring->points =
        g_renew(VsKetamaPoint, ring->points, VS_KETAMA_POINTS * balancer->total_weight);
    ring->n_points = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        size_t n_own = VS_KETAMA_POINTS * (size_t)backend->weight;

        if (vs_backend_is_available(backend)) {
            /* It goes on from the finished CRC without undoing the last inversion. */
            uint32_t base = ~vs_crc32(0, backend->name, strlen(backend->name));

            vs_ketama_fill(ring->points + ring->n_points, n_own, base, i);
            ring->n_points += n_own;
        }
    }
    vs_ketama_sort(ring->points, ring->n_points);
}

static uint32_t
chash_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Ring *ring = balancer->state;
    uint32_t hash = vs_crc32(0, key->data, key->bytes);
    size_t n_upto = hash == UINT32_MAX
                        ? ring->n_points
                        : vs_ketama_find(ring->points, ring->n_points, hash + 1);

    return ring->points[n_upto > 0 ? n_upto - 1 : 0].backend;
}

/* ---- ewma ------------------------------------------------------------------------- */

#define DECAY_SECONDS 10.0

typedef struct Ewma {
    bool has_new; /* Endpoints that wait for the time of their first pick. */
    uint32_t *listed;
    uint32_t n_listed;
} Ewma;

typedef struct EwmaEndpoint {
    double ewma;        /* In s. */
    int64_t touched_ms; /* Of the run's clock. */
    bool is_listed;
    bool has_ewma;
    bool is_new; /* touched_ms is not known yet. */
} EwmaEndpoint;

static void
ewma_clear(VsBalancer *balancer)
{
    g_free(((Ewma *)balancer->state)->listed);
}

/* A new endpoint starts with the mean of the others', if any has one. */
static void
start_slowly(VsBalancer *balancer, EwmaEndpoint *started)
{
    const EwmaEndpoint *endpoints = balancer->backend_states;
    Ewma *ewma = balancer->state;
    double sum = 0;
    unsigned n = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (endpoints[i].has_ewma) {
            sum += endpoints[i].ewma;
            n++;
        }
    }
    *started = (EwmaEndpoint){.is_listed = true};
    if (n > 0) {
        started->ewma = sum / n;
        started->has_ewma = true;
        started->is_new = true;
        ewma->has_new = true;
    }
}

static void
ewma_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    EwmaEndpoint *endpoint = vs_balancer_backend_state(balancer, backend);
    bool is_listed = vs_backend_is_available(&balancer->backends[backend]);

    (void)change;
    if (is_listed && !endpoint->is_listed) {
        start_slowly(balancer, endpoint);
    } else if (!is_listed) {
        memset(endpoint, 0, sizeof(*endpoint));
    }
}

static void
ewma_rebuild(VsBalancer *balancer)
{
    Ewma *ewma = balancer->state;

    ewma->listed = g_renew(uint32_t, ewma->listed, balancer->n_backends);
    ewma->n_listed = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            ewma->listed[ewma->n_listed++] = i;
        }
    }
}

static void
stamp_new(VsBalancer *balancer, int64_t now_ms)
{
    EwmaEndpoint *endpoints = balancer->backend_states;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (endpoints[i].is_new) {
            endpoints[i].is_new = false;
            endpoints[i].touched_ms = now_ms;
        }
    }
    ((Ewma *)balancer->state)->has_new = false;
}

/* The average with a round trip of 'rtt' seconds taken in now. */
static double
decayed(const EwmaEndpoint *endpoint, double rtt, int64_t now_ms)
{
    double idle = (double)MAX(now_ms - endpoint->touched_ms, 0) / 1000;
    double weight = endpoint->has_ewma ? exp(-idle / DECAY_SECONDS) : 0;

    return endpoint->ewma * weight + rtt * (1 - weight);
}

static uint32_t
ewma_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    Ewma *ewma = balancer->state;
    const EwmaEndpoint *endpoints = balancer->backend_states;
    int64_t now_ms = key->now / VS_MS;
    uint32_t n = ewma->n_listed;
    uint32_t a, b, first, second;

    if (ewma->has_new) {
        stamp_new(balancer, now_ms);
    }
    if (n == 1) {
        return ewma->listed[0];
    }
    /* Two steps of a shuffle: the first change places with any, the second with any but
     * the first. */
    a = (uint32_t)vs_rng_below(&balancer->rng, n);
    b = 1 + (uint32_t)vs_rng_below(&balancer->rng, n - 1);
    first = ewma->listed[a];
    second = ewma->listed[b == a ? 0 : b];
    return decayed(&endpoints[second], 0, now_ms) <
                   decayed(&endpoints[first], 0, now_ms)
               ? second
               : first;
}

static void
ewma_released(VsBalancer *balancer, uint32_t backend, const VsBalanceOutcome *outcome)
{
    EwmaEndpoint *endpoint = vs_balancer_backend_state(balancer, backend);

    if (outcome && endpoint->is_listed) {
        int64_t now_ms = outcome->now / VS_MS;
        /* Times are differences of a clock that counts milliseconds. */
        int64_t rtt_ms = now_ms - (outcome->now - outcome->latency) / VS_MS;

        endpoint->ewma = decayed(endpoint, (double)rtt_ms / 1000, now_ms);
        endpoint->touched_ms = now_ms;
        endpoint->has_ewma = true;
        endpoint->is_new = false;
    }
}

static void
ewma_describe(const VsBalancer *balancer, GString *out)
{
    const EwmaEndpoint *endpoints = balancer->backend_states;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (endpoints[i].is_listed) {
            g_string_append_printf(out, "%s ewma %.6f s\n", balancer->backends[i].name,
                                   endpoints[i].ewma);
        }
    }
}

const VsBalancerKind vs_balancer_kinds_ingress_nginx[] = {
    {
        .name = "ingress-nginx-round-robin",
        .doc = "ingress-nginx's default: endpoints in order, those of at least the "
               "current weight, which falls by the greatest common divisor each walk, "
               "from after one chosen by chance; any change of the endpoints starts "
               "over.  The controller gives every endpoint weight 1.",
        .source = "ingress-nginx, rootfs/etc/nginx/lua/balancer/round_robin.lua; "
                  "lua-resty-balancer, lib/resty/roundrobin.lua, find()",
        .formula = "next with weight >= current; current -= gcd after a walk",
        .state_size = sizeof(RoundRobin),
        .rebuild = round_robin_rebuild,
        .pick = round_robin_pick,
    },
    {
        .name = "ingress-nginx-chash",
        .doc =
            "upstream-hash-by: a ring of 160 points for each unit of weight, which is "
            "1 in ingress-nginx; the last point at or below the key's CRC-32 "
            "chooses, and the first of all below it.",
        .source = "ingress-nginx, rootfs/etc/nginx/lua/balancer/chash.lua; "
                  "lua-resty-balancer, lib/resty/chash.lua, _find_id(), and chash.c, "
                  "chash_point_init_crc()",
        .formula = "point[j] = crc32 from crc32(NAME) of point[j-1]; last point <= "
                   "crc32(key)",
        .key = VS_BALANCE_BY_TEXT,
        .state_size = sizeof(Ring),
        .clear = chash_clear,
        .rebuild = chash_rebuild,
        .pick = chash_pick,
    },
    {
        .name = "ingress-nginx-ewma",
        .doc = "Of two endpoints drawn, whatever their weights, the one with the lower "
               "average of round trips, which decays within 10 s and is read as if it "
               "had decayed to now; of equals the first.  A new endpoint starts with "
               "the mean of the others.",
        .source = "ingress-nginx, rootfs/etc/nginx/lua/balancer/ewma.lua, "
                  "pick_and_score(), decay_ewma(), calculate_slow_start_ewma()",
        .formula = "ewma * w + rtt * (1 - w), w = exp(-idle / 10 s)",
        .state_size = sizeof(Ewma),
        .backend_size = sizeof(EwmaEndpoint),
        .clear = ewma_clear,
        .changed = ewma_changed,
        .rebuild = ewma_rebuild,
        .pick = ewma_pick,
        .released = ewma_released,
        .describe = ewma_describe,
    },
    {0},
};

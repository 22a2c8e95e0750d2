/* Balancers in their plainest form, of no program in particular. */
#include "balance/kinds.h"

#include "balance/weights.h"
#include "base/alias.h"
#include "base/hash.h"

static uint32_t
round_robin_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    uint32_t *next = balancer->state;
    uint32_t backend;

    (void)key;
    do {
        backend = *next;
        *next = backend + 1 < balancer->n_backends ? backend + 1 : 0;
    } while (!vs_backend_is_available(&balancer->backends[backend]));
    return backend;
}

static void
random_clear(VsBalancer *balancer)
{
    vs_alias_clear(balancer->state);
}

/* A column for each backend, by its index; those that are not available weigh nothing. */
static void
random_rebuild(VsBalancer *balancer)
{
    VsAlias *alias = balancer->state;
    g_autofree uint32_t *weights = g_new0(uint32_t, balancer->n_backends);

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            weights[i] = balancer->backends[i].weight;
        }
    }
    vs_alias_clear(alias);
    if (balancer->n_available > 0) {
        vs_alias_init(alias, weights, balancer->n_backends);
    }
}

static uint32_t
random_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_alias_draw(balancer->state, &balancer->rng);
}

static uint32_t
source_hash_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    return vs_weights_at(balancer, vs_mix64(key->flow.saddr) % balancer->total_weight);
}

static uint32_t
least_conn_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsBackend *best = NULL;

    (void)key;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];

        /* n/w compared without division. */
        if (vs_backend_is_available(backend) &&
            (!best || (uint64_t)backend->n_active * best->weight <
                          (uint64_t)best->n_active * backend->weight)) {
            best = backend;
        }
    }
    return (uint32_t)(best - balancer->backends);
}

static uint32_t
smooth_wrr_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    int64_t *current = balancer->backend_states;
    uint32_t best = VS_BALANCER_NONE;

    (void)key;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (!vs_backend_is_available(&balancer->backends[i])) {
            continue;
        }
        current[i] += balancer->backends[i].weight;
        if (best == VS_BALANCER_NONE || current[i] > current[best]) {
            best = i;
        }
    }
    current[best] -= (int64_t)balancer->total_weight;
    return best;
}

const VsBalancerKind vs_balancer_kinds_generic[] = {
    {
        .name = "round-robin",
        .weight_max = 1,
        .doc = "The next available backend in order, whatever its weight.",
        .source = "textbook",
        .state_size = sizeof(uint32_t),
        .pick = round_robin_pick,
    },
    {
        .name = "smooth-wrr",
        .doc =
            "Each backend's running weight grows by its weight; the greatest is picked "
            "and pays the total: shares are exact in every round, and spread evenly.",
        .source = "nginx, src/http/ngx_http_upstream_round_robin.c, "
                  "ngx_http_upstream_get_peer(), without failures",
        .formula = "argmax(current += weight); current[pick] -= total",
        .backend_size = sizeof(int64_t),
        .pick = smooth_wrr_pick,
    },
    {
        .name = "random",
        .doc = "At random, in proportion to the weights, exactly; a pick takes the "
               "same time "
               "whatever the number of backends.",
        .source = "Walker, ACM TOMS 3 (1977), the alias method, as built by Vose, IEEE "
                  "Trans. Software Eng. 17 (1991)",
        .state_size = sizeof(VsAlias),
        .clear = random_clear,
        .rebuild = random_rebuild,
        .pick = random_pick,
    },
    {
        .name = "least-conn",
        .doc = "The fewest active connections for its weight; ties go to the first.",
        .source = "textbook",
        .formula = "argmin(active / weight)",
        .pick = least_conn_pick,
    },
    {
        .name = "source-hash",
        .doc = "A hash of the client's address, modulo the total weight.",
        .source = "textbook; the hash is MurmurHash3's finaliser",
        .formula = "mix(saddr) mod total",
        .key = VS_BALANCE_BY_ADDRESS,
        .pick = source_hash_pick,
    },
    {0},
};

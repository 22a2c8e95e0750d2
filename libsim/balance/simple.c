/* The choices that need no table: round robin, weighted random, least connections, source
 * hash. */
#include "balance/kinds.h"

#include "base/hash.h"

uint32_t
vs_round_robin_pick(VsBalancer *balancer, uint64_t key)
{
    uint32_t backend;

    (void)key;
    do {
        backend = balancer->next;
        balancer->next = backend + 1 < balancer->n_backends ? backend + 1 : 0;
    } while (!vs_backend_is_available(&balancer->backends[backend]));
    return backend;
}

/* The backend whose share of the total weight 'at' falls into. */
static uint32_t
backend_at(const VsBalancer *balancer, uint64_t at)
{
    for (uint32_t i = 0;; i++) {
        const VsBackend *backend = &balancer->backends[i];

        if (!vs_backend_is_available(backend)) {
            continue;
        }
        if (at < backend->weight) {
            return i;
        }
        at -= backend->weight;
    }
}

uint32_t
vs_random_pick(VsBalancer *balancer, uint64_t key)
{
    (void)key;
    return backend_at(balancer, vs_rng_below(&balancer->rng, balancer->total_weight));
}

uint32_t
vs_source_hash_pick(VsBalancer *balancer, uint64_t key)
{
    return backend_at(balancer, vs_mix64(key) % balancer->total_weight);
}

uint32_t
vs_least_conn_pick(VsBalancer *balancer, uint64_t key)
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

uint32_t
vs_smooth_wrr_pick(VsBalancer *balancer, uint64_t key)
{
    VsBackend *best = NULL;

    (void)key;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        VsBackend *backend = &balancer->backends[i];

        if (!vs_backend_is_available(backend)) {
            continue;
        }
        backend->current += backend->weight;
        if (!best || backend->current > best->current) {
            best = backend;
        }
    }
    best->current -= (int64_t)balancer->total_weight;
    return (uint32_t)(best - balancer->backends);
}

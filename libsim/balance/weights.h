/* Backends by their share of the total weight. */
#pragma once

#include "balance/balancer.h"

/* The available backend whose share of the total weight 'at' (below it) falls into, in the
 * order of addition.  O(backends). */
static inline uint32_t
vs_weights_at(const VsBalancer *balancer, uint64_t at)
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

/* Backends of the family of HAProxy, with weights and states at random. */
#pragma once

#include <glib.h>

#include "balance/balance_fixture.h"

enum { N = 8, N_ROUNDS = 60 };

static const char all_names[N][2] = {"A", "B", "C", "D", "E", "F", "G", "H"};

static inline VsBalancer
haproxy_new(const char *kind, const char *settings, const uint32_t *weights, unsigned n)
{
    VsBalancer balancer = balancer_new_with(kind, settings);

    for (unsigned i = 0; i < n; i++) {
        vs_balancer_add(&balancer, all_names[i], weights[i]);
    }
    return balancer;
}

/* Changes weights and states of one or more backends by chance; somebody stays available. */
static inline void
churn(VsBalancer *balancer, VsRng *rng)
{
    do {
        uint32_t backend = (uint32_t)vs_rng_below(rng, balancer->n_backends);

        if (vs_rng_below(rng, 2)) {
            vs_balancer_set_weight(balancer, backend,
                                   (uint32_t)vs_rng_below(rng, 9) *
                                       (uint32_t)vs_rng_below(rng, 9));
        } else {
            vs_balancer_set_up(balancer, backend, vs_rng_below(rng, 3) > 0);
        }
    } while (balancer->n_available == 0);
}

static inline VsBalancer
random_new(const char *kind, const char *settings, VsRng *rng)
{
    uint32_t weights[N];

    for (unsigned i = 0; i < N; i++) {
        weights[i] = 1 + (uint32_t)vs_rng_below(rng, 20);
    }
    return haproxy_new(kind, settings, weights, N);
}

static inline uint32_t
weight_of(const VsBalancer *balancer, uint32_t backend)
{
    return vs_backend_is_available(&balancer->backends[backend])
               ? balancer->backends[backend].weight
               : 0;
}

/* What a change of backends does to keys: how many get another server, how many must, and
 * how even the load is before and after.
 *
 *     VsDisruption *disruption = vs_disruption_new(balancer);
 *     for each key: vs_disruption_add_before(disruption, pick);
 *     ... change the balancer's backends ...
 *     vs_disruption_change(disruption);
 *     for each key, in the same order: vs_disruption_add_after(disruption, pick);
 *     vs_disruption_finish(disruption);
 *
 * Both passes go through one balancer, as a program that is changed while it runs: what it
 * remembers of clients counts.  4 bytes a key. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "balance/balancer.h"

/* Backends of one name are one server, also when removed and added again. */
typedef struct VsDisruptionServer {
    const char *name;       /* The balancer's. */
    uint32_t weight_before; /* 0: not available. */
    uint32_t weight_after;
    uint64_t start_before; /* Sum of the weights of those added earlier. */
    uint64_t start_after;
    uint64_t n_before; /* Keys. */
    uint64_t n_after;
} VsDisruptionServer;

typedef struct VsDisruption {
    const VsBalancer *balancer;
    bool is_by_key; /* Otherwise no key has a server of its own: nothing is remapped. */
    uint64_t n_keys;
    uint64_t n_remapped; /* Had a server and have another, or none. */
    uint64_t n_forced;   /* Of those: theirs is not available any more. */
    uint64_t n_unserved_before, n_unserved_after; /* Had, have no server. */

    GArray *servers; /* VsDisruptionServer, in the order of addition. */

    /* The greatest keys/weight over the mean of all; NAN without keys or weights. */
    double skew_before, skew_after;

    /* Theory, from the weights alone: shares of keys that move if... (NAN if nobody has
     * weight before, or nobody after.) */
    double
        least; /* none moves but to even shares: the sum of what each server loses; */
    double modulo; /* servers are ranges of hash mod total weight, in order; */
    double anew;   /* each key draws again: 1 - sum of (share before * share after). */

    uint64_t total_before, total_after; /* Weights. */

    GArray *rows;  /* uint32_t: of each backend, its server. */
    GArray *picks; /* uint32_t: of each key before, its server or VS_BALANCER_NONE. */
    guint n_again; /* Keys of the second pass. */
} VsDisruption;

/* Of 'balancer' as it is, which must outlive it. */
VsDisruption *vs_disruption_new(const VsBalancer *balancer);
void vs_disruption_free(VsDisruption *disruption);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsDisruption, vs_disruption_free)

/* 'backend' may be VS_BALANCER_NONE. */
void vs_disruption_add_before(VsDisruption *disruption, uint32_t backend);

/* Called once, between the passes: takes note of the backends as they are now. */
void vs_disruption_change(VsDisruption *disruption);
void vs_disruption_add_after(VsDisruption *disruption, uint32_t backend);

/* After the last key: fills in skews and theory. */
void vs_disruption_finish(VsDisruption *disruption);

/* Programs that take a new configuration by starting over: a new worker or handler, which
 * knows nothing of what the one before it had open. */
#pragma once

#include "balance/balancer.h"

/* Whether the program learns of this change by a new configuration; what goes up or down is
 * noticed by the running one. */
static inline bool
vs_balancer_is_reload(VsBalancerChange change)
{
    return change != VS_BALANCER_UP && change != VS_BALANCER_DOWN;
}

/* Notes in 'n_before' that what the backend serves now is an older worker's. */
static inline void
vs_reload_mark(const VsBackend *backend, uint32_t *n_before)
{
    *n_before = backend->n_active;
}

/* What the program itself has open at a backend. */
static inline uint32_t
vs_reload_count(const VsBackend *backend, uint32_t n_before)
{
    return backend->n_active - n_before;
}

/* Whether what was just released had been picked before the reload.  A release does not say
 * so: the older are taken to end first. */
static inline bool
vs_reload_release(uint32_t *n_before)
{
    if (*n_before == 0) {
        return false;
    }
    --*n_before;
    return true;
}

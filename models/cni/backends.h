/* Which endpoint a connection from outside gets: Maglev, as Cilium has it with
 * loadBalancer.algorithm=maglev (cilium pkg/maglev, bpf/lib/lb.h).
 *
 * Table and slot are those of the balancer "cilium-maglev" with Cilium's default seed and
 * maglev.tableSize.  The destination address is left out, so all addresses of a service
 * agree.  Cilium hashes names of backends that differ between its releases; here they are
 * ADDRESS:PORT. */
#pragma once

#include "vethsim-model.h"

enum { BACKENDS_TABLE_SIZE = 16381 };

typedef struct Backends {
    VsBalancer balancer;
    GPtrArray *endpoints; /* Of const VsEndpoint, by index in 'balancer'. */
} Backends;

/* The ready endpoints of 'service', of 'node' only unless that is NULL; NULL if there is
 * none. */
Backends *backends_new(const VsService *service, const VsNode *node);
void backends_free(Backends *backends);

uint32_t backends_slot(const VsFlow *flow);

/* Changes nothing: nodes may share one table. */
const VsEndpoint *backends_pick(const Backends *backends, const VsFlow *flow);

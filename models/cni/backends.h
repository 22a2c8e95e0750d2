/* Which endpoint a connection from outside gets: Maglev, as Cilium has it with
 * loadBalancer.algorithm=maglev (cilium pkg/maglev, bpf/lib/lb.h).
 *
 * The slot is Cilium's bit for bit: jhash_3words(source address, destination port << 16 |
 * source port, protocol), in words as read from the packet by a little-endian CPU, with the
 * seed of the default maglev.hashSeed, modulo 16381 (maglev.tableSize).  The destination
 * address is left out, so all addresses of a service agree.  The table is balance/maglev's:
 * Cilium hashes names of backends that differ between its releases, so which endpoint owns a
 * slot is not its own. */
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

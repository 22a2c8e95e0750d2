/* Services within the cluster's folder; models see cluster.h. */
#pragma once

#include "cluster/cluster.h"

/* Frees a service with what it owns. */
void vs_service_free(gpointer service);

/* Addresses of a prefix of this length. */
static inline uint64_t
vs_prefix_size(unsigned length)
{
    return UINT64_C(1) << (32 - length);
}

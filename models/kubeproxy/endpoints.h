/* Which endpoints of a service a node may use, by what its kube-proxy knows of them.
 *
 * Source: kubernetes pkg/proxy/topology.go (CategorizeEndpoints), without hints. */
#pragma once

#include "vethsim-model.h"

/* Endpoints belong to their service; lists are in its order. */
typedef struct ProxyEndpoints {
    GPtrArray *cluster; /* Of the Cluster policy: ready, or else serving while
                         * terminating. */
    GPtrArray *local;   /* Of the Local policy: the same among the node's own. */
    GPtrArray *all;     /* In either. */
    bool has_any;       /* Usable from somewhere: without, traffic is rejected. */
    bool uses_cluster;  /* Some traffic follows this policy. */
    bool uses_local;
} ProxyEndpoints;

/* How many endpoints the service has, whatever their conditions. */
unsigned proxy_n_endpoints(const VsService *service, const VsNode *node);

void proxy_endpoints_init(ProxyEndpoints *endpoints, const VsService *service,
                          const VsNode *node);
void proxy_endpoints_clear(ProxyEndpoints *endpoints);

/* The endpoints of services that an ingress sends to past kube-proxy, in the course of time.
 *
 * An ingress hears of changes as kube-proxy does (cluster/watch.h), and takes them in at most
 * every 'update_interval': what comes sooner waits.  Only ready endpoints are chosen. */
#pragma once

#include "vethsim-model.h"

typedef struct IngressPools IngressPools;

/* What is known of a service. */
typedef struct IngressPool {
    const VsService *service;
    bool is_balanced;     /* Else it is asked at its cluster IP. */
    VsBalancer balancer;  /* Over its endpoints. */
    GPtrArray *endpoints; /* Of const VsEndpoint *, by backend; not owned. */
    uint32_t n_open;      /* Requests under way: their owner's. */
} IngressPool;

typedef struct IngressPoolsConfig {
    const VsNetns *netns;
    const VsBalanceParams *balance; /* NULL: services are asked at their cluster IPs. */
    VsCluster *cluster;             /* NULL: no endpoint changes. */
    VsTime update_interval;
} IngressPoolsConfig;

IngressPools *ingress_pools_new(const IngressPoolsConfig *config, VsEntity *entity);
void ingress_pools_free(IngressPools *pools);

IngressPool *ingress_pools_get(IngressPools *pools, const VsService *service);

/* Whether nobody can be asked, as far as is known. */
bool ingress_pool_is_empty(const IngressPool *pool);

/* The backend for 'request', or VS_BALANCER_NONE; to be released. */
uint32_t ingress_pool_pick(IngressPool *pool, const VsRun *run,
                           const VsHttpRequest *request);

/* What <service> and the <port>s in it share. */
#pragma once

#include "vethsim-model.h"

/* The service port of a <service> or a <port>. */
typedef struct Service {
    VsService *service;
    VsShares shares;
    GPtrArray *healths; /* Of ProxyHealth, on all nodes; NULL: it has none. */
} Service;

/* True for what Kubernetes takes as a name of at most 'max' characters (RFC 1123: lower
 * case, digits and inner hyphens); else 'error' names the attribute. */
bool service_check_name(const VsElement *element, const char *attribute,
                        const char *name, unsigned max, GError **error);

/* Adds 'wanted' to the cluster, with the shares of 'service'. */
bool service_add(Service *service, const VsService *wanted, const VsElement *element,
                 VsBuild *build, GError **error);

/* The cluster is complete: no other service has the address of the load balancer in front
 * of 'service', at its port; else 'error' names both. */
bool service_check_vip(const VsService *service, const VsElement *element,
                       const VsCluster *cluster, GError **error);

/* All endpoints are known: gives each its share. */
void service_open_shares(Service *service);

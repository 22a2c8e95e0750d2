/* What kube-proxy answers load balancers at a service's healthCheckNodePort.
 *
 * On every node an HTTP server, at the addresses that take node ports: 200 while the node
 * has a ready endpoint of the service, by what is in its rules, else 503; endpoints that
 * terminate do not count, so that load balancers leave before they are gone.  The body is
 * kube-proxy's JSON.  It takes nothing of the node's cores beyond its packets.
 *
 * Source: kubernetes pkg/proxy/healthcheck/service_health.go, pkg/proxy/endpointsmap.go
 * (LocalReadyEndpoints); Cilium's agent answers the same.  Our kube-proxy is always
 * healthy. */
#pragma once

#include "vethsim-model.h"

typedef struct ProxyHealth ProxyHealth;

/* Servers for 'service', which has a healthCheckNodePort, on 'node' are added to 'healths',
 * a GPtrArray that frees with proxy_health_free(). */
void proxy_health_open(const VsService *service, const VsNode *node,
                       GPtrArray *healths);
void proxy_health_free(gpointer health);

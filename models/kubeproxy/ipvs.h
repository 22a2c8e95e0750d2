/* kube-proxy's ipvs mode, but for its rules (compile.h): addresses and virtual servers.
 *
 * All virtual addresses are local ones, of the dummy interface kube-ipvs0, so that packets
 * to them take the INPUT hook, where IPVS waits.  One virtual server for each address and
 * port of a service, node ports at each of the node's addresses; endpoints have weight 1.
 *
 * At a sync endpoints that are new become servers.  Those that went get weight 0 and leave:
 * once a minute kube-proxy looks which of them have no connection any more, and removes
 * them.  Without a connection, and of UDP, they are removed at once.  One that comes back
 * while it leaves is removed and added again.
 *
 * Source: kubernetes pkg/proxy/ipvs/proxier.go (syncProxyRules, syncEndpoint) and
 * graceful_termination.go, without excluded ranges. */
#pragma once

#include "models/kubeproxy/sync.h"
#include "models/kubeproxy/targets.h"

#define PROXY_IPVS_DEVICE "kube-ipvs0"

typedef struct ProxyIpvs ProxyIpvs;

/* Virtual addresses of all services but those that are the node's own, each once: what
 * kube-ipvs0 has.  An array of VsAddr, to be freed with g_array_free(). */
GArray *proxy_ipvs_addresses(const VsNode *node);

/* Gives 'node' kube-ipvs0 and IPVS with all virtual servers, whose choices are counted
 * through 'targets'.  Of two services at one address and port the first has it.  To be
 * freed with proxy_ipvs_free(). */
ProxyIpvs *proxy_ipvs_open(const VsNode *node, ProxyTargets *targets);
void proxy_ipvs_free(ProxyIpvs *ipvs);

/* What proxy_ipvs_sync() would do now; the sync also writes the rules of 'wanted' over those
 * of 'present'. */
ProxySync proxy_ipvs_measure(ProxyIpvs *ipvs, const VsRuleset *present,
                             const VsRuleset *wanted);

/* Virtual servers get the endpoints that the node knows of, or begin to let them go. */
void proxy_ipvs_sync(ProxyIpvs *ipvs);

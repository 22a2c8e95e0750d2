/* kube-proxy's ipvs mode, but for its rules (compile.h): addresses and virtual servers.
 *
 * All virtual addresses are local ones, of the dummy interface kube-ipvs0, so that packets
 * to them take the INPUT hook, where IPVS waits.  One virtual server for each address and
 * port of a service, node ports at each of the node's addresses; endpoints have weight 1.
 *
 * Source: kubernetes pkg/proxy/ipvs/proxier.go (syncProxyRules, syncEndpoint), without
 * excluded ranges and graceful termination: endpoints do not change during a run. */
#pragma once

#include "models/kubeproxy/targets.h"

#define PROXY_IPVS_DEVICE "kube-ipvs0"

/* Virtual addresses of all services but those that are the node's own, each once: what
 * kube-ipvs0 has.  An array of VsAddr, to be freed with g_array_free(). */
GArray *proxy_ipvs_addresses(const VsNode *node);

/* Gives 'node' kube-ipvs0 and IPVS with all virtual servers, whose choices are counted
 * through 'targets'.  Of two services at one address and port the first has it. */
void proxy_ipvs_open(const VsNode *node, ProxyTargets *targets);

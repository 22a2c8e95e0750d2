/* kube-proxy on one node, iptables mode: which endpoint a new connection to a service gets.
 *
 * Source: kubernetes pkg/proxy/iptables/proxier.go (writeServiceToEndpointRules,
 * computeProbability) and Linux net/netfilter/xt_statistic.c.  The services' rules stand in
 * one list (KUBE-SERVICES), so a first packet pays for the rules before its own; here the
 * right one is found by a table and the walk only charged. */
#pragma once

#include "vethsim-model.h"

typedef struct VsProxy VsProxy;

/* Makes sure that the node has its kube-proxy, with all services of the cluster. */
void proxy_attach(VsNode *node);

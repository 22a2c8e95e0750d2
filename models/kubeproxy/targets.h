/* The ruleset of a node, and which endpoints its translations and IPVS servers stand for. */
#pragma once

#include "models/kubeproxy/compile.h"

typedef struct ProxyTargets {
    GArray *bindings; /* Of ProxyBinding. */
    VsTable steps;    /* VsRuleStep, or VsIpvsServer, to ProxyBinding. */
} ProxyTargets;

/* The rules of kube-proxy and kubelet on 'node', linked.  Fills 'targets', to be cleared with
 * proxy_targets_clear(), which refers to the ruleset and to the cluster. */
VsRuleset *proxy_ruleset_new(const VsNode *node, ProxyTargets *targets);

/* The linked 'ruleset' of 'targets' becomes as 'wanted', which proxy_own_compile() filled with
 * 'bindings', of rules; takes both of them. */
void proxy_targets_replace(ProxyTargets *targets, VsRuleset *ruleset, VsRuleset *wanted,
                           GArray *bindings);
void proxy_targets_clear(ProxyTargets *targets);

/* 'bindings' has got more of them. */
void proxy_targets_index(ProxyTargets *targets);

/* A new connection was translated by the step 'nat' of the ruleset: counts it to the share
 * of its endpoint.  'targets' is a ProxyTargets; steps of others' rules count to nobody. */
void proxy_translated(void *targets, const VsRuleStep *nat);

/* A new connection was given a server of IPVS. */
void proxy_scheduled(void *targets, const VsIpvsServer *server);

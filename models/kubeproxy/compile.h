/* kube-proxy as a compiler: from a node's view of services and endpoints to rules.
 *
 * As kube-proxy 1.33 writes them on a Linux node with IPv4, which detects its pods by the
 * cluster's range (--detect-local-mode=ClusterCIDR): the same chains, rules, comments and
 * order.  Where kube-proxy goes through a map, and so has no order, ours is that of the
 * services.  Without nfacct counters and topology hints.
 *
 * Sources: kubernetes pkg/proxy/iptables/proxier.go, pkg/proxy/nftables/proxier.go
 * (syncProxyRules) and pkg/kubelet/kubelet_network_linux.go. */
#pragma once

#include "models/kubeproxy/endpoints.h"
#include "models/kubeproxy/names.h"

/* Bit 14: "masquerade me in POSTROUTING". */
#define PROXY_MARK_MASQUERADE 0x4000

/* More endpoints than this in all services, and iptables rules lose comments. */
enum { PROXY_LARGE_CLUSTER = 1000 };

/* The last step of 'rule' translates to endpoint 'share' of 'service'; or, in ipvs mode,
 * 'server' is that endpoint. */
typedef struct ProxyBinding {
    const VsRule *rule; /* NULL: ipvs mode. */
    const VsIpvsServer *server;
    const VsService *service;
    unsigned share;
} ProxyBinding;

/* Adds to 'ruleset' what kube-proxy of 'node' writes, not yet linked; and to 'bindings',
 * unless NULL, a ProxyBinding for each rule that translates to an endpoint. */
void proxy_iptables_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings);
void proxy_nftables_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings);

/* The same in ipvs mode: ipsets, and the rules that ask them; virtual servers are not rules
 * (ipvs.h). */
void proxy_ipvs_compile(const VsNode *node, VsRuleset *ruleset);

/* KUBE-POSTROUTING translates what KUBE-MARK-MASQ marked, and takes the mark away so that a
 * packet that comes by again is left alone. */
void proxy_write_masquerading(VsRuleTable *nat);

/* KUBE-FORWARD: what is marked for masquerade, and what belongs to a connection, passes. */
void proxy_write_forwarding(VsRuleTable *filter);

/* What the kubelet writes, whatever the mode of kube-proxy. */
void proxy_kubelet_compile(VsRuleset *ruleset);

/* An empty chain 'name' in the tables of iptables: when it is gone, somebody flushed them. */
void proxy_write_canaries(VsRuleset *ruleset, const char *name);

/* kube-proxy's alone, in the mode of 'node'. */
void proxy_own_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings);

/* Both programs', kube-proxy in the mode of 'node'. */
void proxy_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings);

/* What the rules of one service port are made of, in either mode. */
typedef struct ProxyService {
    const VsNode *node;
    const VsService *service;
    ProxyEndpoints endpoints;
    bool is_external;  /* Has a chain for traffic from outside. */
    bool has_internal; /* Endpoints for traffic to the cluster IP, by its policy. */
    bool has_external; /* And for traffic from outside. */
    char *name;        /* "ns1/svc1:p80" */
    char *base;        /* Of the names of its chains. */
} ProxyService;

void proxy_service_init(ProxyService *service, const VsService *of, const VsNode *node,
                        VsProxyMode mode);
void proxy_service_clear(ProxyService *service);

/* True if an address of the node is in one of the source ranges. */
bool proxy_service_allows_node(const ProxyService *service);

/* The addresses of 'node' that take node ports; NULL: all that are local.  An array of
 * VsAddr, to be freed with g_array_free(). */
GArray *proxy_node_port_addresses(const VsNode *node, VsProxyMode mode);

void proxy_bind(GArray *bindings, const VsRule *rule, const ProxyService *service,
                const VsEndpoint *endpoint);

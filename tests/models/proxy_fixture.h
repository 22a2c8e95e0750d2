/* A node whose kube-proxy is compiled, and packets that are walked through its rules.
 *
 * Two nodes: n1, whose rules are looked at, at 192.168.0.2 and 192.168.1.2, and n2 at
 * 192.168.0.3.  Pods' range is 10.0.0.0/8, services' 172.30.0.0/16. */
#pragma once

#include "models/kubeproxy/compile.h"
#include "models/kubeproxy/targets.h"
#include "netfilter/evaluate.h"
#include "tests/net/net_fixture.h"

typedef struct Proxy {
    Net net;
    VsCluster *cluster;
    VsNode *nodes[2];
    GPtrArray *owned; /* Labels of pods and services; their shares. */
    VsRuleset *ruleset;
    ProxyTargets targets;
    VsRng rng;
    VsTime now;
} Proxy;

Proxy *proxy_new(void);
void proxy_free(Proxy *proxy);

/* A pod with the label app=APP and port 80 open on nodes[node]. */
VsPod *proxy_pod(Proxy *proxy, const char *name, unsigned node, VsAddr address,
                 const char *app, VsPodCondition condition);

/* Adds 'service', which selects app=APP; its target port is 80 unless it has one.  A VIP
 * makes it a LoadBalancer's. */
VsService *proxy_service(Proxy *proxy, const char *app, VsAddr vip, VsService service);

/* The cluster of kube-proxy's own example of everything, ns1/svc1 to ns6/svc6: a plain
 * service; a balanced one of policy Local without a pod here; a node port; an external IP
 * with two endpoints; source ranges with affinity; and one without endpoints. */
Proxy *proxy_new_everything(VsProxyMode mode);

/* Gives services their endpoints, and n1 its rules in this mode. */
void proxy_rules(Proxy *proxy, VsProxyMode mode);

VsChain *proxy_chain(const Proxy *proxy, VsDialect dialect, const char *table,
                     const char *chain);

/* The rules of a chain, a line each: "daddr 172.30.0.41/32 protocol 6 # comment # tcp dport
 * 80 jump X".  Newly allocated. */
char *proxy_print_chain(const VsChain *chain);

/* The elements of a set or map, a line each: "172.30.0.41 . 6 . 80 : goto X # comment". */
char *proxy_print_set(const VsSet *set);

void proxy_check_text(const char *what, char *text, const char *expected);

typedef enum FlowEnd {
    FLOW_TRANSLATED, /* To 'address' and 'port'. */
    FLOW_PASSED,     /* Sent on as it came. */
    FLOW_DELIVERED,  /* To the node itself, as it came. */
    FLOW_DROPPED,
    FLOW_REJECTED,
} FlowEnd;

typedef struct Flow {
    FlowEnd end;
    VsAddr address;
    uint16_t port;
    bool is_masqueraded;
    uint32_t n_rules; /* Of all chains. */
} Flow;

/* The first packet of a connection: through the hooks as the kernel would have it. */
Flow proxy_walk(Proxy *proxy, VsAddr from, VsAddr to, uint16_t port, uint8_t protocol);

#include "models/node/import.h"

enum {
    IPV4_MIN_MTU = 68, /* RFC 791. */
};

typedef struct NodeConfig {
    VsHostParams host;
    VsTcpHostParams tcp;
    VsChoice proxy; /* VsProxyMode. */
    VsChoice ipvs_scheduler;
    uint32_t ipvs_conn_reuse_mode;
    VsConntrackParams conntrack;
    NodeRules rules;
    const char *addresses;
    const char *routes;
    VsResolvParams resolv;
} NodeConfig;

typedef struct Node {
    VsProxyStats proxy;
    VsConntrackStats conntrack;
} Node;

static const VsParam node_params[] = {
    VS_HOST_PARAM_ROWS(NodeConfig, host, "4"),
    VS_TCP_HOST_PARAM_ROWS(NodeConfig, tcp),
    VS_CONNTRACK_PARAM_ROWS(NodeConfig, conntrack),
    VS_PARAM_CHOICE(NodeConfig, proxy, "proxy", .choices = vs_proxy_mode_names,
                    .doc = "Mode of its kube-proxy; the cluster's without it."),
    VS_PARAM_CHOICE(NodeConfig, ipvs_scheduler, "ipvs-scheduler",
                    .choices = vs_ipvs_scheduler_names,
                    .doc = "How IPVS chooses endpoints in ipvs mode; the cluster's "
                           "without it."),
    VS_PARAM_UINT(NodeConfig, ipvs_conn_reuse_mode, "ipvs-conn-reuse-mode", .max = "2",
                  .doc = "What becomes of a client's port that is used again in ipvs "
                         "mode; as the cluster says without it."),
    VS_PARAM_FILE(
        NodeConfig, rules.iptables, "iptables-rules",
        .doc = "What iptables-save prints on a real node: its rules, in place of "
               "those of kube-proxy and kubelet."),
    VS_PARAM_FILE(NodeConfig, rules.nft, "nft-rules",
                  .doc = "The same from nft list ruleset; a node may have both."),
    VS_PARAM_FILE(NodeConfig, rules.ipsets, "ipsets",
                  .doc =
                      "What ipset save prints: the sets that iptables-rules ask for."),
    VS_PARAM_FILE(NodeConfig, rules.ipvs, "ipvs-rules",
                  .doc = "What ipvsadm -Sn prints: virtual servers, whose addresses "
                         "become the node's own; beside iptables-rules."),
    VS_PARAM_FILE(NodeConfig, addresses, "addresses",
                  .doc =
                      "What ip -j addr prints: addresses and MTUs of its interfaces."),
    VS_PARAM_FILE(NodeConfig, routes, "routes",
                  .doc =
                      "What ip -j route prints: its main table, in place of the routes "
                      "of scenario and network plug-in."),
    VS_RESOLV_SERVERS_ROW(NodeConfig, resolv),
    VS_RESOLV_SEARCH_ROW(NodeConfig, resolv),
    VS_RESOLV_OPTIONS_ROW(NodeConfig, resolv),
    {0},
};

static const VsStat node_stats[] = {
    VS_COUNTER(Node, proxy.n_full, "proxy-full-syncs", "sync",
               "Times kube-proxy wrote all its rules."),
    VS_COUNTER(Node, proxy.n_partial, "proxy-partial-syncs", "sync",
               "Times kube-proxy wrote the rules of services that had changed."),
    VS_COUNTER(
        Node, proxy.n_rules, "proxy-rules-written", "rule",
        "Rules, and elements of nft's sets and maps, that it wrote; in ipvs mode "
        "also changes of destinations and ipsets."),
    VS_HISTOGRAM(Node, proxy.sync_time, "proxy-sync-time", "ps",
                 "From the start of a sync to the new rules."),
    VS_HISTOGRAM(Node, proxy.latency, "network-programming-latency", "ps",
                 "From a change of endpoints to the node's rules having it."),
    VS_CONNTRACK_STAT_ROWS(Node, conntrack),
    {0},
};

static bool
node_check(const void *config_, const VsElement *element, GError **error)
{
    const NodeConfig *config = config_;

    if (vs_element_has(element, "proxy") &&
        (config->rules.iptables || config->rules.nft)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "proxy= and %s: kube-proxy writes no rules to a node that brings "
            "its own; leave proxy= out",
            config->rules.iptables ? "iptables-rules=" : "nft-rules=");
        return false;
    }
    if (config->rules.ipsets && !config->rules.iptables) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "ipsets= without iptables-rules=: nobody asks for the sets");
        return false;
    }
    if (config->rules.ipvs && !config->rules.iptables) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "ipvs-rules= without iptables-rules=: kube-proxy would write "
                        "virtual servers of its own; write iptables-rules= as well");
        return false;
    }
    return vs_conntrack_params_check(element, error);
}

static bool
node_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const NodeConfig *config = element->config;
    VsConntrackConfig conntrack =
        vs_conntrack_params_config(&config->conntrack, config->host.cores);
    VsHost *host = vs_build_new_host(build, element, &config->host, VS_HOST_END);

    vs_tcp_host_params_apply(&config->tcp, host);
    host->root->is_forwarding = true;
    vs_conntrack_attach(host->root, &conntrack, &((Node *)self)->conntrack);
    return !config->addresses ||
           vs_import_addresses(build, element, config->addresses, error);
}

static bool
set_proxy(VsNode *node, const VsElement *element, GError **error)
{
    static const char *const of_ipvs[] = {"ipvs-scheduler", "ipvs-conn-reuse-mode"};
    const NodeConfig *config = element->config;

    if (vs_element_has(element, "proxy")) {
        node->proxy_mode = (VsProxyMode)config->proxy;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(of_ipvs); i++) {
        if (vs_element_has(element, of_ipvs[i]) && node->proxy_mode != VS_PROXY_IPVS) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with proxy=\"%s\"; write "
                            "proxy=\"ipvs\" or leave it out",
                            of_ipvs[i], vs_proxy_mode_names[node->proxy_mode]);
            return false;
        }
    }
    if (vs_element_has(element, of_ipvs[0])) {
        node->ipvs_scheduler = vs_ipvs_scheduler_names[config->ipvs_scheduler];
    }
    if (vs_element_has(element, of_ipvs[1])) {
        node->ipvs_conn_reuse_mode = config->ipvs_conn_reuse_mode;
    }
    return true;
}

/* Gives the node its part of the pod range and the devices of the network plug-in. */
static bool
node_connect(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    VsHost *host = vs_build_find_host(build, element)->host;
    g_autoptr(GError) reason = NULL;
    VsNode *node = vs_cluster_add_node(build->cluster, element->id, host, &reason);

    if (!node) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT, "%s",
                        reason->message);
        return false;
    }
    if (!set_proxy(node, element, error)) {
        return false;
    }
    node->element = element;
    node->resolv = &((const NodeConfig *)element->config)->resolv;
    node->proxy_stats = &((Node *)self)->proxy;
    vs_histogram_init(&node->proxy_stats->sync_time);
    vs_histogram_init(&node->proxy_stats->latency);
    build->cluster->cni->add_devices(node);
    return true;
}

/* What is left of the link's MTU inside the tunnel must carry IPv4. */
static bool
check_mtu(const VsElement *element, const VsNode *node, GError **error)
{
    uint32_t overhead = node->tunnel ? vs_tunnel_overhead(node->tunnel) : 0;

    if (vs_cni_link_mtu(node) < IPV4_MIN_MTU + overhead) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_VALUE,
            "the link of node \"%s\" has an MTU of %u bytes; cni=\"%s\" adds "
            "%u to each packet and needs at least %u",
            element->id, vs_cni_link_mtu(node), node->cluster->cni->name, overhead,
            IPV4_MIN_MTU + overhead);
        return false;
    }
    return true;
}

static bool
add_routes(const VsElement *element, const VsBuild *build, GError **error)
{
    const VsCni *cni = build->cluster->cni;
    VsNode *node = vs_cluster_find_node(build->cluster, element->id);
    const VsNode *lost;

    if (!check_mtu(element, node, error)) {
        return false;
    }
    lost = cni->add_routes(node);
    if (lost) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "node \"%s\" has no %s node \"%s\", which cni=\"%s\" needs; %s",
                        element->id,
                        cni->is_hidden ? "way to" : "link to the segment of",
                        lost->name, cni->name, cni->need);
        return false;
    }
    return true;
}

/* Before services open, whose kube-proxy would write rules. */
static bool
node_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const NodeConfig *config = element->config;
    VsNetns *root = vs_build_find_host(build, element)->host->root;

    (void)self;
    return node_import_rules(&config->rules, root, element, error);
}

/* Node ports that no service has are refused, not ignored. */
static bool
node_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const NodeConfig *config = element->config;

    (void)self;
    if (!add_routes(element, build, error) ||
        !vs_import_check_addresses(build, element, error) ||
        (config->routes && !vs_import_routes(build, element, config->routes, error))) {
        return false;
    }
    vs_sockets_of(vs_build_find_host(build, element)->host->root);
    return true;
}

static void
node_close(void *self)
{
    Node *node = self;

    vs_histogram_clear(&node->proxy.sync_time);
    vs_histogram_clear(&node->proxy.latency);
}

const VsModel vs_model_node = {
    .element = "node",
    .summary = "A Kubernetes node: cores, a root namespace, the plug-in's devices, "
               "kube-proxy.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(NodeConfig),
    .params = node_params,
    .check = node_check,
    .size = sizeof(Node),
    .stats = node_stats,
    .create = node_create,
    .connect = node_connect,
    .declare = node_declare,
    .open = node_open,
    .close = node_close,
};

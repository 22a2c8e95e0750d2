#include "vethsim-model.h"

enum {
    CONNTRACK_PER_CORE = 32768, /* kube-proxy's conntrack.maxPerCore... */
    CONNTRACK_MIN = 131072,     /* ...and conntrack.min. */
    IPV4_MIN_MTU = 68,          /* RFC 791. */
};

typedef struct NodeConfig {
    VsHostParams host;
    VsChoice proxy; /* VsProxyMode. */
    VsChoice ipvs_scheduler;
    uint32_t conntrack_max;
} NodeConfig;

static const VsParam node_params[] = {
    VS_HOST_PARAM_ROWS(NodeConfig, host, "4"),
    VS_PARAM_UINT(NodeConfig, conntrack_max, "conntrack-max", .min = "1",
                  .doc = "Connections tracked at most (nf_conntrack_max); without it, "
                         "what kube-proxy sets: 32768 for each core, at least 131072."),
    VS_PARAM_CHOICE(NodeConfig, proxy, "proxy", .choices = vs_proxy_mode_names,
                    .doc = "Mode of its kube-proxy; the cluster's without it."),
    VS_PARAM_CHOICE(NodeConfig, ipvs_scheduler, "ipvs-scheduler",
                    .choices = vs_ipvs_scheduler_names,
                    .doc = "How IPVS chooses endpoints in ipvs mode; the cluster's "
                           "without it."),
    {0},
};

static bool
node_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const NodeConfig *config = element->config;
    VsConntrackConfig conntrack = vs_conntrack_config_default;
    VsHost *host = vs_build_new_host(build, element, &config->host, VS_HOST_END);

    (void)self;
    (void)error;
    host->root->is_forwarding = true;
    conntrack.max = config->conntrack_max;
    if (conntrack.max == 0) {
        conntrack.max =
            MAX(CONNTRACK_PER_CORE * config->host.cores, (uint32_t)CONNTRACK_MIN);
    }
    vs_conntrack_attach(host->root, &conntrack);
    return true;
}

static bool
set_proxy(VsNode *node, const VsElement *element, GError **error)
{
    const NodeConfig *config = element->config;

    if (vs_element_has(element, "proxy")) {
        node->proxy_mode = (VsProxyMode)config->proxy;
    }
    if (!vs_element_has(element, "ipvs-scheduler")) {
        return true;
    }
    if (node->proxy_mode != VS_PROXY_IPVS) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "ipvs-scheduler has no effect with proxy=\"%s\"; write "
                        "proxy=\"ipvs\" or leave it out",
                        vs_proxy_mode_names[node->proxy_mode]);
        return false;
    }
    node->ipvs_scheduler = vs_ipvs_scheduler_names[config->ipvs_scheduler];
    return true;
}

/* Gives the node its part of the pod range and the devices of the network plug-in. */
static bool
node_connect(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    VsHost *host = vs_build_find_host(build, element)->host;
    g_autoptr(GError) reason = NULL;
    VsNode *node = vs_cluster_add_node(build->cluster, element->id, host, &reason);

    (void)self;
    if (!node) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT, "%s",
                        reason->message);
        return false;
    }
    if (!set_proxy(node, element, error)) {
        return false;
    }
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

/* Node ports that no service has are refused, not ignored. */
static bool
node_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    (void)self;
    if (!add_routes(element, build, error)) {
        return false;
    }
    vs_sockets_of(vs_build_find_host(build, element)->host->root);
    return true;
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
    .create = node_create,
    .connect = node_connect,
    .open = node_open,
};

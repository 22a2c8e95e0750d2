#include "vethsim-model.h"

enum {
    CONNTRACK_PER_CORE = 32768, /* kube-proxy's conntrack.maxPerCore... */
    CONNTRACK_MIN = 131072,     /* ...and conntrack.min. */
};

typedef struct NodeConfig {
    VsHostParams host;
    uint32_t conntrack_max;
} NodeConfig;

static const VsParam node_params[] = {
    VS_HOST_PARAM_ROWS(NodeConfig, host, "4"),
    VS_PARAM_UINT(NodeConfig, conntrack_max, "conntrack-max", .min = "1",
                  .doc = "Connections tracked at most (nf_conntrack_max); without it, "
                         "what kube-proxy sets: 32768 for each core, at least 131072."),
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

/* Gives the node its part of the pod range and the CNI's bridge, which is its gateway. */
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
    node->bridge = vs_bridge_new(host->root, "cni0", VS_BRIDGE_AGEING);
    node->bridge->is_filtered = true; /* br_netfilter, which Kubernetes asks for. */
    vs_iface_set_address(node->bridge->iface, node->pod_cidr.address + 1,
                         node->pod_cidr.length);
    return true;
}

static bool
node_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    VsNetns *root = vs_build_find_host(build, element)->host->root;
    const VsNode *lost = vs_cluster_add_pod_routes(build->cluster, root);

    (void)self;
    if (lost) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "node \"%s\" has no link to the segment of node \"%s\", which "
                        "cni=\"bridge\" needs; join both to one <switch>",
                        element->id, lost->name);
        return false;
    }
    return true;
}

/* Node ports that no service has are refused, not ignored. */
static bool
node_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    (void)self;
    (void)error;
    vs_sockets_of(vs_build_find_host(build, element)->host->root);
    return true;
}

const VsModel vs_model_node = {
    .element = "node",
    .summary =
        "A Kubernetes node: cores, a root namespace, the CNI's bridge, kube-proxy.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(NodeConfig),
    .params = node_params,
    .create = node_create,
    .connect = node_connect,
    .declare = node_declare,
    .open = node_open,
};

#include "cluster/ipam.h"

#include "base/units.h"

/* Gives the node the next range of the cluster's that nobody has. */
static bool
claim_range(VsNode *node, GError **error)
{
    VsCluster *cluster = node->cluster;
    uint64_t size = vs_prefix_size(cluster->node_cidr_length);
    uint64_t start = cluster->n_ranges * size;
    VsPrefix range = {0, cluster->node_cidr_length, true};

    if (start + size > vs_prefix_size(cluster->pod_cidr.length)) {
        g_autofree char *cidr = vs_format_ipv4(cluster->pod_cidr.address);

        g_set_error(
            error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
            "the pod range %s/%u has no /%u left for node \"%s\"; give <cluster> "
            "a larger pod-cidr",
            cidr, cluster->pod_cidr.length, cluster->node_cidr_length, node->name);
        return false;
    }
    cluster->n_ranges++;
    range.address = cluster->pod_cidr.address + (uint32_t)start;
    g_array_append_val(node->ranges, range);
    node->next_pod = range.address;
    return true;
}

bool
vs_ipam_add_node(VsNode *node, GError **error)
{
    const VsCni *cni = node->cluster->cni;

    if (cni->ipam == VS_IPAM_SUBNET) {
        return true;
    }
    if (!claim_range(node, error)) {
        return false;
    }
    node->pod_cidr = g_array_index(node->ranges, VsPrefix, 0);
    node->next_pod += cni->n_reserved;
    return true;
}

/* The last address is the broadcast's on the bridge. */
static VsAddr
next_host_local(VsNode *node, const char *pod, GError **error)
{
    uint64_t end = node->pod_cidr.address + vs_prefix_size(node->pod_cidr.length) - 1;

    if (node->next_pod >= end) {
        g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                    "node \"%s\" has no pod address left for pod \"%s\": its range is "
                    "a /%u",
                    node->name, pod, node->pod_cidr.length);
        return 0;
    }
    return node->next_pod++;
}

static VsAddr
next_of_block(VsNode *node, GError **error)
{
    VsPrefix block = g_array_index(node->ranges, VsPrefix, node->ranges->len - 1);

    if (!vs_prefix_holds(block, node->next_pod) && !claim_range(node, error)) {
        return 0;
    }
    return node->next_pod++;
}

static VsSubnet *
subnet_of(const VsNode *node)
{
    const GArray *subnets = node->cluster->subnets;
    VsAddr address = vs_host_address(node->host);

    for (unsigned i = 0; i < subnets->len; i++) {
        VsSubnet *subnet = &g_array_index(subnets, VsSubnet, i);

        if (vs_prefix_holds(subnet->prefix, address)) {
            return subnet;
        }
    }
    return NULL;
}

/* The cluster's pod range comes to cover 'prefix' too: what kube-proxy takes for pods. */
static void
widen_pod_range(VsCluster *cluster, VsPrefix prefix)
{
    VsPrefix *range = &cluster->pod_cidr;

    if (!cluster->has_subnet_range) {
        *range = prefix;
        cluster->has_subnet_range = true;
    }
    range->length = MIN(range->length, prefix.length);
    while (!vs_prefix_holds(*range, prefix.address)) {
        range->length--;
    }
    range->address &= vs_prefix_mask(range->length);
}

/* Whether the interfaces of 'node' have an address for one more pod. */
static bool
has_eni_left(const VsNode *node, const char *pod, GError **error)
{
    const VsInstanceType *limits = vs_eni_limits(node);
    unsigned device = vs_eni_device_of(node, node->n_pods);

    if (device < (limits ? limits->n_enis : 1) && vs_eni_find(node, device)) {
        return true;
    }
    g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                "node \"%s\" has no address left for pod \"%s\": %s has up to %u "
                "interfaces with %u addresses for pods each, and the node %u of them; "
                "%s",
                node->name, pod, limits->name, limits->n_enis, limits->n_addresses - 1,
                device,
                device < limits->n_enis
                    ? "write its <link> once more for another"
                    : "give <cluster> a larger instance-type, or add nodes");
    return false;
}

static VsAddr
next_of_subnet(VsNode *node, const char *pod, GError **error)
{
    VsSubnet *subnet = subnet_of(node);

    if (!subnet) {
        g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                    "node \"%s\" has no link, and so no subnet to give pod \"%s\" an "
                    "address of; join it to a <switch> or <router>",
                    node->name, pod);
        return 0;
    }
    if (subnet->next >=
        subnet->prefix.address + vs_prefix_size(subnet->prefix.length) - 1) {
        g_autofree char *text =
            vs_format_ipv4_prefix(subnet->prefix.address, subnet->prefix.length);

        g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                    "the subnet %s of node \"%s\" has no address left for pod \"%s\"; "
                    "give its <switch> or <link> a larger subnet",
                    text, node->name, pod);
        return 0;
    }
    if (!has_eni_left(node, pod, error)) {
        return 0;
    }
    widen_pod_range(node->cluster, subnet->prefix);
    return subnet->next++;
}

VsAddr
vs_ipam_next(VsNode *node, const char *pod, GError **error)
{
    switch (node->cluster->cni->ipam) {
    case VS_IPAM_HOST_LOCAL:
        return next_host_local(node, pod, error);
    case VS_IPAM_BLOCKS:
        return next_of_block(node, error);
    case VS_IPAM_SUBNET:
        return next_of_subnet(node, pod, error);
    }
    g_assert_not_reached();
}

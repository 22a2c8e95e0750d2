/* The Amazon VPC CNI: pods have addresses of their node's subnet, as secondary ones of its
 * interfaces, and answer by the interface that has theirs.
 *
 * In a VPC the network itself knows which interface has an address; here the interface answers
 * ARP for its pods.  Each but the first has a table of its own with a default route, which
 * rules choose by the pod's address; what is for a pod, and what the node's rules have marked
 * for the first interface (cni_rules.c), goes by table main.  The gateway is that of the
 * node's default route: without one the tables stay empty, and table main decides.
 *
 * Sources: amazon-vpc-cni-k8s cmd/routed-eni-cni-plugin/driver (rules of a pod),
 * pkg/networkutils (setupENINetwork, the rule of the mark). */
#include "cluster/cluster.h"

enum {
    TO_POD_PRIORITY = 512,
    MARK_PRIORITY = 1024,
    FROM_POD_PRIORITY = 1536,
};

static uint32_t
table_of(unsigned device)
{
    return device == 0 ? VS_TABLE_MAIN : device + 1;
}

static void
add_pod_rules(VsPolicy *policy, const VsPod *pod, unsigned device)
{
    VsPrefix address = {pod->address, 32, true};

    vs_policy_add_rule(policy, &(VsPolicyRule){.priority = TO_POD_PRIORITY,
                                               .to = address,
                                               .table = VS_TABLE_MAIN});
    if (device > 0) {
        vs_policy_add_rule(policy, &(VsPolicyRule){.priority = FROM_POD_PRIORITY,
                                                   .from = address,
                                                   .table = table_of(device)});
    }
}

static void
add_no_devices(VsNode *node)
{
    (void)node;
}

static void
vpc_wire_pod(VsPod *pod)
{
    const VsNode *node = pod->node;
    unsigned device = vs_eni_device_of(node, pod->number);
    VsIface *eth0 = vs_cni_wire_routed(pod, "eni", vs_cni_link_mtu(node));

    vs_neighbour_add(eth0, VS_CNI_POD_GATEWAY, eth0->peer->mac);
    vs_neighbour_add_proxy(vs_eni_find(node, device), pod->address);
    add_pod_rules(vs_policy_of(node->host->root), pod, device);
}

/* The way out by one interface: the gateway on its link, and through it all else. */
static void
fill_table(VsPolicy *policy, unsigned device, VsIface *iface, VsAddr gateway)
{
    VsRoutes *routes = vs_policy_get_table(policy, table_of(device));

    vs_routes_add(routes, &(VsRoute){.prefix = gateway, .length = 32, .iface = iface});
    vs_routes_add(routes, &(VsRoute){.iface = iface, .via = gateway});
}

/* Pods are where their nodes are: routes to subnets lead to them. */
static const VsNode *
vpc_add_routes(VsNode *node)
{
    VsNetns *root = node->host->root;
    VsPolicy *policy = vs_policy_of(root);
    const VsRoute *way = vs_routes_find_prefix(&root->routes, 0, 0);
    VsIface *iface;

    vs_policy_add_rule(policy, &(VsPolicyRule){.priority = MARK_PRIORITY,
                                               .mark = VS_CNI_VPC_MARK,
                                               .mask = VS_CNI_VPC_MARK,
                                               .table = VS_TABLE_MAIN});
    for (unsigned i = 1; way && way->via != 0 && (iface = vs_eni_find(node, i)); i++) {
        fill_table(policy, i, iface, way->via);
    }
    return NULL;
}

const VsCni vs_cni_aws_vpc = {
    .name = "aws-vpc",
    .ipam = VS_IPAM_SUBNET,
    .add_devices = add_no_devices,
    .wire_pod = vpc_wire_pod,
    .add_routes = vpc_add_routes,
    .masquerades = true,
    .add_rules = vs_cni_add_vpc_rules,
};

/* Plug-ins with a bridge on each node: the reference plug-in, and flannel. */
#include "cluster/cluster.h"
#include "net/bridge.h"

enum {
    NODE_RANGE_LENGTH = 24,
    N_RESERVED = 2, /* .0, which is flannel.1's, and .1, which is cni0's. */
    FLANNEL_VNI = 1,
    FLANNEL_PORT = 8472, /* Linux's own; IANA's is 4789. */
};

static void
add_bridge(VsNode *node)
{
    node->bridge = vs_bridge_new(node->host->root, "cni0", VS_BRIDGE_AGEING);
    node->bridge->is_filtered = node->cluster->is_bridge_filtered;
    vs_iface_set_address(node->bridge->iface, node->pod_cidr.address + 1,
                         node->pod_cidr.length);
}

/* eth0, the veth to a port of cni0, and the way out through the bridge. */
static VsIface *
wire_to_bridge(VsPod *pod)
{
    VsNode *node = pod->node;
    g_autofree char *host_end = g_strdup_printf("veth-%s", pod->name);
    VsIface *eth0;
    VsIface *veth;

    vs_veth_new(pod->netns, "eth0", node->host->root, host_end, &eth0, &veth);
    vs_bridge_add_port(node->bridge, veth, node->cluster->is_hairpin);
    vs_iface_set_address(eth0, pod->address, node->pod_cidr.length);
    vs_netns_add_route(pod->netns, 0, 0, eth0, node->bridge->iface->address);
    return eth0;
}

static void
bridge_wire_pod(VsPod *pod)
{
    wire_to_bridge(pod);
}

static const VsNode *
bridge_add_routes(VsNode *node)
{
    return vs_cni_add_direct_routes(node->cluster->nodes, node->host->root);
}

#define NEEDS_COMMON_SEGMENT "join both to one <switch>"

const VsCni vs_cni_bridge = {
    .name = "bridge",
    .ipam = VS_IPAM_HOST_LOCAL,
    .range_length = NODE_RANGE_LENGTH,
    .n_reserved = N_RESERVED,
    .has_bridge = true,
    .add_devices = add_bridge,
    .wire_pod = bridge_wire_pod,
    .add_routes = bridge_add_routes,
    .add_rules = vs_cni_add_bridge_rules,
    .need = NEEDS_COMMON_SEGMENT,
};

/* ---- flannel --------------------------------------------------------------------- */

/* What flannel writes as FLANNEL_MTU: the link's, less what the tunnel adds. */
static uint32_t
flannel_mtu(const VsNode *node)
{
    return vs_cni_link_mtu(node) -
           (node->tunnel ? vs_tunnel_overhead(node->tunnel) : 0);
}

static void
flannel_wire_pod(VsPod *pod)
{
    VsIface *eth0 = wire_to_bridge(pod);

    eth0->mtu = flannel_mtu(pod->node);
    eth0->peer->mtu = eth0->mtu;
}

static const VsNode *
host_gw_add_routes(VsNode *node)
{
    node->bridge->iface->mtu = flannel_mtu(node);
    return bridge_add_routes(node);
}

/* flannel.1 has the first address of the node's range, as a /32: no route comes with it. */
static void
vxlan_add_devices(VsNode *node)
{
    static const VsTunnelConfig config = {VS_TUNNEL_VXLAN, FLANNEL_VNI, FLANNEL_PORT};

    add_bridge(node);
    node->tunnel = vs_tunnel_new(node->host->root, "flannel.1", &config);
    vs_iface_set_address(node->tunnel->iface, node->pod_cidr.address, 32);
}

static const VsNode *
vxlan_add_routes(VsNode *node)
{
    node->bridge->iface->mtu = flannel_mtu(node);
    return vs_cni_add_tunnel_routes(node);
}

const VsCni vs_cni_flannel_host_gw = {
    .name = "flannel-host-gw",
    .ipam = VS_IPAM_HOST_LOCAL,
    .range_length = NODE_RANGE_LENGTH,
    .n_reserved = N_RESERVED,
    .has_bridge = true,
    .add_devices = add_bridge,
    .wire_pod = flannel_wire_pod,
    .add_routes = host_gw_add_routes,
    .masquerades = true,
    .add_rules = vs_cni_add_flannel_rules,
    .need = NEEDS_COMMON_SEGMENT ", or take cni=\"flannel-vxlan\"",
};

const VsCni vs_cni_flannel_vxlan = {
    .name = "flannel-vxlan",
    .ipam = VS_IPAM_HOST_LOCAL,
    .range_length = NODE_RANGE_LENGTH,
    .n_reserved = N_RESERVED,
    .has_bridge = true,
    .is_hidden = true,
    .add_devices = vxlan_add_devices,
    .wire_pod = flannel_wire_pod,
    .add_routes = vxlan_add_routes,
    .masquerades = true,
    .add_rules = vs_cni_add_flannel_rules,
    .need = "join both to what a <router> joins",
};

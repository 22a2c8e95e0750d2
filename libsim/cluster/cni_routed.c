/* Plug-ins without a bridge: each pod is a route of its own.  How Calico and the Amazon VPC
 * CNI (cni_vpc.c) wire pods: a veth pair, a /32 route to its host's end, and in the pod a
 * default route to an address that nobody has. */
#include "cluster/cluster.h"

enum {
    BLOCK_LENGTH = 26, /* Calico's blockSize: 64 addresses. */
    CALICO_VNI = 4096,
    CALICO_PORT = 4789,
};

#define CALICO_MAC UINT64_C(0xeeeeeeeeeeee) /* Of every cali*: each is a link alone. */

VsIface *
vs_cni_wire_routed(VsPod *pod, const char *prefix, uint32_t mtu)
{
    VsHost *host = pod->node->host;
    g_autofree char *host_end = vs_cni_veth_name(prefix, pod->name);
    VsIface *eth0;
    VsIface *veth;

    vs_veth_new(pod->netns, "eth0", host->root, host_end, &eth0, &veth);
    eth0->mtu = mtu;
    veth->mtu = mtu;
    vs_iface_borrow_address(veth, vs_host_address(host));
    vs_iface_set_address(eth0, pod->address, 32);
    vs_netns_add_route(pod->netns, VS_CNI_POD_GATEWAY, 32, eth0, 0);
    vs_netns_add_route(pod->netns, 0, 0, eth0, VS_CNI_POD_GATEWAY);
    vs_netns_add_route(host->root, pod->address, 32, veth, 0);
    return eth0;
}

/* ---- Calico ---------------------------------------------------------------------- */

/* Pods find their gateway's MAC by ARP, which the host's end answers for all addresses;
 * felix writes the pod's MAC into the host's neighbour table. */
static void
calico_wire_pod(VsPod *pod)
{
    const VsNode *node = pod->node;
    uint32_t overhead = node->tunnel ? vs_tunnel_overhead(node->tunnel) : 0;
    VsIface *eth0 = vs_cni_wire_routed(pod, "cali", vs_cni_link_mtu(node) - overhead);

    eth0->peer->mac = CALICO_MAC;
    eth0->peer->is_proxy_arp = true;
    vs_neighbour_add(eth0->peer, pod->address, eth0->mac);
}

/* Addresses of the node's blocks that no pod has lead nowhere, not out by default. */
static void
add_blackholes(const VsNode *node)
{
    for (unsigned i = 0; i < node->ranges->len; i++) {
        VsPrefix block = g_array_index(node->ranges, VsPrefix, i);
        VsRoute route = {.prefix = block.address,
                         .length = (uint8_t)block.length,
                         .type = VS_ROUTE_BLACKHOLE};

        vs_routes_add(&node->host->root->routes, &route);
    }
}

static void
add_no_devices(VsNode *node)
{
    (void)node;
}

static const VsNode *
calico_add_routes(VsNode *node)
{
    add_blackholes(node);
    return vs_cni_add_direct_routes(node->cluster->nodes, node->host->root);
}

/* Tunnels have the first address of the node's first block. */
static void
add_tunnel(VsNode *node, const char *name, const VsTunnelConfig *config)
{
    node->tunnel = vs_tunnel_new(node->host->root, name, config);
    vs_iface_set_address(node->tunnel->iface, node->pod_cidr.address, 32);
}

static void
ipip_add_devices(VsNode *node)
{
    add_tunnel(node, "tunl0", &(VsTunnelConfig){.kind = VS_TUNNEL_IPIP});
}

static void
vxlan_add_devices(VsNode *node)
{
    static const VsTunnelConfig config = {VS_TUNNEL_VXLAN, CALICO_VNI, CALICO_PORT};

    add_tunnel(node, "vxlan.calico", &config);
}

static const VsNode *
tunnel_add_routes(VsNode *node)
{
    add_blackholes(node);
    return vs_cni_add_tunnel_routes(node);
}

const VsCni vs_cni_calico = {
    .name = "calico",
    .ipam = VS_IPAM_BLOCKS,
    .range_length = BLOCK_LENGTH,
    .add_devices = add_no_devices,
    .wire_pod = calico_wire_pod,
    .add_routes = calico_add_routes,
    .masquerades = true,
    .add_rules = vs_cni_add_calico_rules,
    .need =
        "join both to one <switch>, or take cni=\"calico-ipip\" or \"calico-vxlan\"",
};

const VsCni vs_cni_calico_ipip = {
    .name = "calico-ipip",
    .ipam = VS_IPAM_BLOCKS,
    .range_length = BLOCK_LENGTH,
    .n_reserved = 1,
    .is_hidden = true,
    .add_devices = ipip_add_devices,
    .wire_pod = calico_wire_pod,
    .add_routes = tunnel_add_routes,
    .masquerades = true,
    .add_rules = vs_cni_add_calico_rules,
    .need = "join both to what a <router> joins",
};

const VsCni vs_cni_calico_vxlan = {
    .name = "calico-vxlan",
    .ipam = VS_IPAM_BLOCKS,
    .range_length = BLOCK_LENGTH,
    .n_reserved = 1,
    .is_hidden = true,
    .add_devices = vxlan_add_devices,
    .wire_pod = calico_wire_pod,
    .add_routes = tunnel_add_routes,
    .masquerades = true,
    .add_rules = vs_cni_add_calico_rules,
    .need = "join both to what a <router> joins",
};

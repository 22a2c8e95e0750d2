#include "cluster/cni.h"

#include "cluster/cluster.h"

enum {
    MTU_WITHOUT_LINK = 1500,
    N_HASH_DIGITS = 11,
};

/* clang-format off */
static const VsCni *const plugins[] = {
    &vs_cni_bridge, &vs_cni_flannel_host_gw, &vs_cni_flannel_vxlan,
    &vs_cni_calico, &vs_cni_calico_ipip, &vs_cni_calico_vxlan,
    &vs_cni_cilium, &vs_cni_aws_vpc,
};

const char *const vs_cni_names[] = {
    "bridge", "flannel-host-gw", "flannel-vxlan",
    "calico", "calico-ipip", "calico-vxlan",
    "cilium", "aws-vpc", NULL,
};
/* clang-format on */

G_STATIC_ASSERT(G_N_ELEMENTS(plugins) + 1 == G_N_ELEMENTS(vs_cni_names));

const VsCni *
vs_cni_get(unsigned index)
{
    g_assert(index < G_N_ELEMENTS(plugins));
    return plugins[index];
}

uint32_t
vs_cni_link_mtu(const VsNode *node)
{
    for (const VsIface *iface = node->host->root->ifaces; iface; iface = iface->next) {
        if (iface->kind == VS_IFACE_ETHERNET && iface->address != 0) {
            return iface->mtu;
        }
    }
    return MTU_WITHOUT_LINK;
}

char *
vs_cni_veth_name(const char *prefix, const char *pod)
{
    g_autofree char *workload = g_strdup_printf("default.%s", pod);
    g_autofree char *hash =
        g_compute_checksum_for_string(G_CHECKSUM_SHA1, workload, -1);

    return g_strdup_printf("%s%.*s", prefix, N_HASH_DIGITS, hash);
}

static void
add_range_routes(const VsNode *node, VsNetns *netns, VsIface *iface, VsAddr via)
{
    for (unsigned i = 0; i < node->ranges->len; i++) {
        VsPrefix range = g_array_index(node->ranges, VsPrefix, i);

        vs_netns_add_route(netns, range.address, range.length, iface, via);
    }
}

const VsNode *
vs_cni_add_direct_routes(const GPtrArray *nodes, VsNetns *netns)
{
    const VsNode *lost = NULL;

    for (unsigned i = 0; i < nodes->len; i++) {
        const VsNode *node = nodes->pdata[i];
        VsAddr address = vs_host_address(node->host);
        const VsRoute *route = address ? vs_routes_find(&netns->routes, address) : NULL;

        if (node->host == netns->host) {
            continue;
        }
        if (route && route->type == VS_ROUTE_UNICAST && route->via == 0) {
            add_range_routes(node, netns, route->iface, address);
        } else {
            lost = lost ? lost : node;
        }
    }
    return lost;
}

const VsNode *
vs_cni_add_tunnel_routes(VsNode *node)
{
    const GPtrArray *nodes = node->cluster->nodes;
    VsNetns *root = node->host->root;
    VsTunnel *tunnel = node->tunnel;
    const VsNode *lost = NULL;

    tunnel->iface->mtu = vs_cni_link_mtu(node) - vs_tunnel_overhead(tunnel);
    for (unsigned i = 0; i < nodes->len; i++) {
        const VsNode *peer = nodes->pdata[i];
        const VsIface *far_end = peer->tunnel->iface;
        VsAddr address = vs_host_address(peer->host);
        bool is_vxlan = tunnel->config.kind == VS_TUNNEL_VXLAN;

        if (peer == node) {
            continue;
        }
        if (address == 0 || vs_netns_source_for(root, address) == 0) {
            lost = lost ? lost : peer;
            continue;
        }
        if (is_vxlan) {
            vs_neighbour_add(tunnel->iface, far_end->address, far_end->mac);
            vs_tunnel_add_peer(tunnel, far_end->mac, address);
        }
        add_range_routes(peer, root, tunnel->iface,
                         is_vxlan ? far_end->address : address);
    }
    return lost;
}

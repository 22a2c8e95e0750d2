/* Cilium with BPF host routing and native routing between nodes: pods hang on veth pairs with
 * a program at the host's end, and packets pass the root namespace's stack by.
 *
 * Source: cilium pkg/datapath (endpoint routes and neighbours), Documentation/network. */
#include "cluster/cluster.h"
#include "net/redirect.h"

enum {
    NODE_RANGE_LENGTH = 24, /* cluster-pool-ipv4-mask-size. */
    N_RESERVED = 2,         /* .0, and .1: cilium_host's, the gateway of pods. */
};

static VsAddr
gateway_of(const VsNode *node)
{
    return node->pod_cidr.address + 1;
}

static void
cilium_add_devices(VsNode *node)
{
    vs_netns_add_local(node->host->root, gateway_of(node));
}

/* The program answers ARP for the gateway. */
static void
cilium_wire_pod(VsPod *pod)
{
    const VsNode *node = pod->node;
    VsAddr gateway = gateway_of(node);
    g_autofree char *host_end = vs_cni_veth_name("lxc", pod->name);
    VsIface *eth0;
    VsIface *lxc;

    vs_veth_new(pod->netns, "eth0", node->host->root, host_end, &eth0, &lxc);
    eth0->mtu = vs_cni_link_mtu(node);
    lxc->mtu = eth0->mtu;
    lxc->is_proxy_arp = true;
    vs_iface_borrow_address(lxc, gateway);
    vs_iface_set_address(eth0, pod->address, 32);
    vs_netns_add_route(pod->netns, gateway, 32, eth0, 0);
    vs_netns_add_route(pod->netns, 0, 0, eth0, gateway);
    vs_netns_add_route(node->host->root, pod->address, 32, lxc, 0);
    vs_redirect_attach(lxc);
}

static const VsNode *
cilium_add_routes(VsNode *node)
{
    VsNetns *root = node->host->root;

    for (VsIface *iface = root->ifaces; iface; iface = iface->next) {
        if (iface->kind == VS_IFACE_ETHERNET) {
            vs_redirect_attach(iface);
        }
    }
    return vs_cni_add_direct_routes(node->cluster->nodes, root);
}

const VsCni vs_cni_cilium = {
    .name = "cilium",
    .ipam = VS_IPAM_HOST_LOCAL,
    .range_length = NODE_RANGE_LENGTH,
    .n_reserved = N_RESERVED,
    .has_socket_lb = true,
    .add_devices = cilium_add_devices,
    .wire_pod = cilium_wire_pod,
    .add_routes = cilium_add_routes,
    .need = "join both to one <switch>",
};

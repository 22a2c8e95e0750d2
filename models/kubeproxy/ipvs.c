#include "models/kubeproxy/ipvs.h"

/* What virtual servers are made from. */
typedef struct Opener {
    const VsNode *node;
    VsIpvs *ipvs;
    const VsIpvsScheduler *scheduler;
    GArray *node_ports; /* Of VsAddr: where node ports are open. */
    GArray *bindings;   /* Of ProxyBinding. */
} Opener;

static bool
has_address(const GArray *addresses, VsAddr address)
{
    for (unsigned i = 0; i < addresses->len; i++) {
        if (g_array_index(addresses, VsAddr, i) == address) {
            return true;
        }
    }
    return false;
}

/* The addresses of the node's interfaces, but for lo and kube-ipvs0. */
static GArray *
node_addresses(const VsNode *node)
{
    GArray *addresses = g_array_new(FALSE, FALSE, sizeof(VsAddr));
    const VsIface *iface = node->host->root->ifaces;

    for (; iface; iface = iface->next) {
        if (iface->address != 0 && iface->kind != VS_IFACE_LOOPBACK &&
            iface->kind != VS_IFACE_DUMMY && !has_address(addresses, iface->address)) {
            g_array_append_val(addresses, iface->address);
        }
    }
    return addresses;
}

static GArray *
node_port_addresses(const VsNode *node)
{
    GArray *addresses = proxy_node_port_addresses(node, VS_PROXY_IPVS);

    if (!addresses) {
        return node_addresses(node);
    }
    for (unsigned i = addresses->len; i-- > 0;) {
        if (g_array_index(addresses, VsAddr, i) >> 24 == 127) {
            g_array_remove_index(addresses, i);
        }
    }
    return addresses;
}

static void
add_address(GArray *addresses, VsTable *seen, VsAddr address)
{
    VsKey key = {{address, 1}};

    if (address != 0 && vs_table_insert(seen, key, seen)) {
        g_array_append_val(addresses, address);
    }
}

GArray *
proxy_ipvs_addresses(const VsNode *node)
{
    const GPtrArray *services = node->cluster->services;
    GArray *own = node_addresses(node);
    GArray *addresses = g_array_new(FALSE, FALSE, sizeof(VsAddr));
    VsTable seen;

    vs_table_init(&seen);
    for (unsigned i = 0; i < own->len; i++) {
        vs_table_insert(&seen, (VsKey){{g_array_index(own, VsAddr, i), 1}}, own);
    }
    for (unsigned i = 0; i < services->len; i++) {
        const VsService *service = services->pdata[i];

        add_address(addresses, &seen, service->cluster_ip);
        for (unsigned j = 0; j < service->n_external_ips; j++) {
            add_address(addresses, &seen, service->external_ips[j]);
        }
        add_address(addresses, &seen, service->load_balancer_ip);
    }
    vs_table_clear(&seen);
    g_array_free(own, TRUE);
    return addresses;
}

/* An interface shows one address; the others are local all the same. */
static void
add_device(const VsNode *node)
{
    VsNetns *root = node->host->root;
    VsIface *device = vs_iface_new(root, VS_IFACE_DUMMY, PROXY_IPVS_DEVICE);
    GArray *addresses = proxy_ipvs_addresses(node);

    for (unsigned i = 0; i < addresses->len; i++) {
        VsAddr address = g_array_index(addresses, VsAddr, i);

        if (i == 0) {
            vs_iface_set_address(device, address, 32);
        } else {
            vs_netns_add_local(root, address);
        }
    }
    g_array_free(addresses, TRUE);
}

static void
add_server(const Opener *opener, VsIpvsService *server, const VsService *service,
           const VsEndpoint *endpoint)
{
    ProxyBinding binding = {
        .server = vs_ipvs_add_server(server, endpoint->address, endpoint->port, 1),
        .service = service,
        .share = endpoint->share,
    };

    g_array_append_val(opener->bindings, binding);
}

/* Of policy Local without an endpoint here, any will do: only pods of the node get there,
 * as load balancers know from its health check. */
static void
add_virtual_server(const Opener *opener, const VsService *service,
                   const ProxyEndpoints *endpoints, bool is_local, VsAddr address,
                   uint16_t port)
{
    const GPtrArray *eligible =
        is_local && endpoints->local->len > 0 ? endpoints->local : endpoints->cluster;
    VsIpvsService *server = vs_ipvs_add_service(
        opener->ipvs, service->protocol, address, port, opener->scheduler,
        (VsTime)service->affinity_s * VS_S, NULL);

    for (unsigned i = 0; server && i < eligible->len; i++) {
        add_server(opener, server, service, eligible->pdata[i]);
    }
}

static void
add_service(const Opener *opener, const VsService *service)
{
    bool is_local = service->is_external_local;
    ProxyEndpoints endpoints;

    proxy_endpoints_init(&endpoints, service, opener->node);
    add_virtual_server(opener, service, &endpoints, service->is_internal_local,
                       service->cluster_ip, service->port);
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        add_virtual_server(opener, service, &endpoints, is_local,
                           service->external_ips[i], service->port);
    }
    if (service->load_balancer_ip != 0) {
        add_virtual_server(opener, service, &endpoints, is_local,
                           service->load_balancer_ip, service->port);
    }
    for (unsigned i = 0; service->node_port != 0 && i < opener->node_ports->len; i++) {
        add_virtual_server(opener, service, &endpoints, is_local,
                           g_array_index(opener->node_ports, VsAddr, i),
                           service->node_port);
    }
    proxy_endpoints_clear(&endpoints);
}

void
proxy_ipvs_open(const VsNode *node, ProxyTargets *targets)
{
    const GPtrArray *services = node->cluster->services;
    Opener opener = {
        .node = node,
        .ipvs = vs_ipvs_attach(node->host->root, &vs_ipvs_config_default),
        .scheduler = vs_ipvs_scheduler_find(node->ipvs_scheduler),
        .node_ports = node_port_addresses(node),
        .bindings = targets->bindings,
    };

    add_device(node);
    for (unsigned i = 0; i < services->len; i++) {
        add_service(&opener, services->pdata[i]);
    }
    g_array_free(opener.node_ports, TRUE);
    proxy_targets_index(targets);
    vs_ipvs_on_scheduled(opener.ipvs, proxy_scheduled, targets);
}

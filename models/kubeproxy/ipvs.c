#include "models/kubeproxy/ipvs.h"

/* graceful_termination.go: rsCheckDeleteInterval. */
#define CHECK_PERIOD (60 * VS_S)

struct ProxyIpvs {
    const VsNode *node;
    ProxyTargets *targets;
    VsIpvs *ipvs;
    const VsIpvsScheduler *scheduler;
    unsigned flags;     /* Its. */
    GArray *node_ports; /* Of VsAddr: where node ports are open. */
    GPtrArray *leaving; /* Of VsIpvsServer: of weight 0, until their connections end. */
    VsTimer check;      /* Of those; kube-proxy began with the run. */
};

/* One pass over all virtual servers. */
typedef struct Pass {
    ProxyIpvs *proxy;
    bool is_trial;      /* Only counts. */
    VsTable seen;       /* VsIpvsService that has its endpoints. */
    uint32_t n_looked;  /* Virtual servers and their destinations. */
    uint32_t n_changes; /* Of destinations. */
} Pass;

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
    VsIface *device = vs_netns_find_iface(root, PROXY_IPVS_DEVICE);
    GArray *addresses = proxy_ipvs_addresses(node);

    if (!device) { /* Else addresses= of the node named it. */
        device = vs_iface_new(root, VS_IFACE_DUMMY, PROXY_IPVS_DEVICE);
    }
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

/* ---- A virtual server's endpoints ------------------------------------------------- */

static bool
is_leaving(const ProxyIpvs *proxy, const VsIpvsServer *server)
{
    return g_ptr_array_find(proxy->leaving, server, NULL);
}

static bool
has_connections(const VsIpvsServer *server)
{
    return server->n_active + server->n_inactive > 0;
}

/* IsRsGracefulTerminationNeeded: UDP has no end to wait for. */
static void
let_go(Pass *pass, VsIpvsServer *server)
{
    pass->n_changes++;
    if (pass->is_trial) {
        return;
    }
    if (server->service->protocol == VS_PROTOCOL_UDP || !has_connections(server)) {
        vs_ipvs_remove_server(server);
        return;
    }
    vs_ipvs_set_weight(server, 0);
    g_ptr_array_add(pass->proxy->leaving, server);
}

static void
take_in(Pass *pass, VsIpvsService *virtual, const VsEndpoint *endpoint)
{
    VsIpvsServer *server =
        vs_ipvs_find_server(virtual, endpoint->address, endpoint->port);

    if (server && !is_leaving(pass->proxy, server)) {
        return;
    }
    pass->n_changes += server ? 2 : 1;
    if (pass->is_trial) {
        return;
    }
    if (server) {
        g_ptr_array_remove_fast(pass->proxy->leaving, server);
        vs_ipvs_remove_server(server);
    }
    vs_ipvs_add_server(virtual, endpoint->address, endpoint->port, 1);
}

static const VsEndpoint *
find_endpoint(const GPtrArray *endpoints, const VsIpvsServer *server)
{
    for (unsigned i = 0; i < endpoints->len; i++) {
        const VsEndpoint *endpoint = endpoints->pdata[i];

        if (endpoint->address == server->address && endpoint->port == server->port) {
            return endpoint;
        }
    }
    return NULL;
}

static void
bind_server(const Pass *pass, const VsIpvsServer *server, const VsService *service,
            const VsEndpoint *endpoint)
{
    ProxyBinding binding = {
        .server = server, .service = service, .share = endpoint->share};

    g_array_append_val(pass->proxy->targets->bindings, binding);
}

static void
set_endpoints(Pass *pass, VsIpvsService *virtual, const VsService *service,
              const GPtrArray *eligible)
{
    pass->n_looked += 1 + virtual->servers->len;
    for (unsigned i = 0; i < eligible->len; i++) {
        take_in(pass, virtual, eligible->pdata[i]);
    }
    for (unsigned i = virtual->servers->len; i-- > 0;) {
        VsIpvsServer *server = virtual->servers->pdata[i];
        const VsEndpoint *endpoint = find_endpoint(eligible, server);

        if (!endpoint && !is_leaving(pass->proxy, server)) {
            let_go(pass, server);
        } else if (endpoint && !pass->is_trial) {
            bind_server(pass, server, service, endpoint);
        }
    }
}

/* Of policy Local without an endpoint here, any will do: only pods of the node get there,
 * as load balancers know from its health check. */
static void
pass_virtual_server(Pass *pass, const VsService *service,
                    const ProxyEndpoints *endpoints, bool is_local, VsAddr address,
                    uint16_t port)
{
    const ProxyIpvs *proxy = pass->proxy;
    const GPtrArray *eligible =
        is_local && endpoints->local->len > 0 ? endpoints->local : endpoints->cluster;
    VsIpvsService *virtual = vs_ipvs_find_service(proxy->ipvs, service->protocol,
                                                  address, port);

    if (!virtual) {
        virtual = vs_ipvs_add_service(proxy->ipvs, service->protocol, address, port,
                                      proxy->scheduler,
                                      (VsTime)service->affinity_s * VS_S, NULL);
        vs_ipvs_set_flags(virtual, proxy->flags);
    }
    if (vs_table_insert(&pass->seen, (VsKey){{(uintptr_t) virtual, 1}}, virtual)) {
        set_endpoints(pass, virtual, service, eligible);
    }
}

static void
pass_service(Pass *pass, const VsService *service)
{
    const GArray *node_ports = pass->proxy->node_ports;
    bool is_local = service->is_external_local;
    ProxyEndpoints endpoints;

    proxy_endpoints_init(&endpoints, service, pass->proxy->node);
    pass_virtual_server(pass, service, &endpoints, service->is_internal_local,
                        service->cluster_ip, service->port);
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        pass_virtual_server(pass, service, &endpoints, is_local,
                            service->external_ips[i], service->port);
    }
    if (service->load_balancer_ip != 0) {
        pass_virtual_server(pass, service, &endpoints, is_local,
                            service->load_balancer_ip, service->port);
    }
    for (unsigned i = 0; service->node_port != 0 && i < node_ports->len; i++) {
        pass_virtual_server(pass, service, &endpoints, is_local,
                            g_array_index(node_ports, VsAddr, i), service->node_port);
    }
    proxy_endpoints_clear(&endpoints);
}

static void
pass_all(Pass *pass)
{
    const GPtrArray *services = pass->proxy->node->cluster->services;

    vs_table_init(&pass->seen);
    for (unsigned i = 0; i < services->len; i++) {
        pass_service(pass, services->pdata[i]);
    }
    vs_table_clear(&pass->seen);
}

/* ---- The course of the run -------------------------------------------------------- */

static void
arm_check(ProxyIpvs *proxy)
{
    VsTime now = vs_now(proxy->ipvs->netns->run);

    if (proxy->leaving->len > 0 && !vs_timer_is_armed(&proxy->check)) {
        vs_timer_arm(&proxy->check, (now / CHECK_PERIOD + 1) * CHECK_PERIOD);
    }
}

static void
check_leaving(VsTimer *timer)
{
    ProxyIpvs *proxy = VS_CONTAINER_OF(timer, ProxyIpvs, check);

    for (unsigned i = proxy->leaving->len; i-- > 0;) {
        VsIpvsServer *server = proxy->leaving->pdata[i];

        if (!has_connections(server)) {
            g_ptr_array_remove_index(proxy->leaving, i);
            vs_ipvs_remove_server(server);
        }
    }
    arm_check(proxy);
}

void
proxy_ipvs_sync(ProxyIpvs *proxy)
{
    Pass pass = {.proxy = proxy};

    g_array_set_size(proxy->targets->bindings, 0);
    pass_all(&pass);
    proxy_targets_index(proxy->targets);
    arm_check(proxy);
}

ProxySync
proxy_ipvs_measure(ProxyIpvs *proxy, const VsRuleset *present, const VsRuleset *wanted)
{
    ProxySync sync = proxy_sync_full(wanted);
    Pass pass = {.proxy = proxy, .is_trial = true};

    pass_all(&pass);
    sync.mode = VS_PROXY_IPVS;
    sync.n_destinations_read = pass.n_looked;
    sync.n_destinations_changed = pass.n_changes;
    proxy_sync_count_ipsets(&sync, present, wanted);
    return sync;
}

ProxyIpvs *
proxy_ipvs_open(const VsNode *node, ProxyTargets *targets)
{
    ProxyIpvs *proxy = g_new0(ProxyIpvs, 1);
    VsIpvsConfig config = vs_ipvs_config_default;

    config.conn_reuse_mode = node->ipvs_conn_reuse_mode;
    proxy->node = node;
    proxy->targets = targets;
    proxy->ipvs = vs_ipvs_attach(node->host->root, &config);
    proxy->scheduler = vs_ipvs_scheduler_find(node->ipvs_scheduler);
    if (g_str_equal(node->ipvs_scheduler, "mh")) { /* FlagSourceHash of kube-proxy. */
        vs_ipvs_flags_parse(proxy->scheduler, "mh-port", &proxy->flags);
    }
    proxy->node_ports = node_port_addresses(node);
    proxy->leaving = g_ptr_array_new();
    vs_timer_init(&proxy->check, &node->host->entity, check_leaving);
    add_device(node);
    proxy_ipvs_sync(proxy);
    vs_ipvs_on_scheduled(proxy->ipvs, proxy_scheduled, targets);
    return proxy;
}

void
proxy_ipvs_free(ProxyIpvs *proxy)
{
    g_array_free(proxy->node_ports, TRUE);
    g_ptr_array_free(proxy->leaving, TRUE);
    g_free(proxy);
}

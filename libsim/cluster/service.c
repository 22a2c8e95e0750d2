#include "cluster/service.h"

#include <string.h>

#include "base/units.h"

enum {
    NODE_PORT_FIRST = 30000,
    NODE_PORT_LAST = 32767,
};

void
vs_service_free(gpointer service_)
{
    VsService *service = service_;

    g_free(service->external_ips);
    g_free(service->source_ranges);
    g_free(service->endpoints);
    g_free(service->all_endpoints);
    g_free(service);
}

bool
vs_service_is_external(const VsService *service)
{
    return service->node_port != 0 || service->load_balancer_ip != 0 ||
           service->n_external_ips > 0;
}

bool
vs_service_admits(const VsService *service, VsAddr source)
{
    for (unsigned i = 0; i < service->n_source_ranges; i++) {
        if (vs_prefix_holds(service->source_ranges[i], source)) {
            return true;
        }
    }
    return service->n_source_ranges == 0;
}

static bool
has_node_port(const VsService *service)
{
    return service->type == VS_SERVICE_NODE_PORT ||
           service->type == VS_SERVICE_LOAD_BALANCER;
}

static bool
has_health_check(const VsService *service)
{
    return service->type == VS_SERVICE_LOAD_BALANCER && service->is_external_local;
}

/* The ports of one Service share its health check. */
static bool
wants_port_of(const VsService *a, const VsService *b)
{
    return (a->node_port != 0 && a->node_port == b->node_port &&
            a->protocol == b->protocol) ||
           (a->health_check_node_port != 0 &&
            a->health_check_node_port == b->health_check_node_port &&
            strcmp(a->name, b->name) != 0) ||
           (a->node_port != 0 && a->protocol == VS_PROTOCOL_TCP &&
            a->node_port == b->health_check_node_port) ||
           (b->node_port != 0 && b->protocol == VS_PROTOCOL_TCP &&
            b->node_port == a->health_check_node_port);
}

static VsKey
claim_key(const VsService *service, VsAddr address)
{
    return (VsKey){{address, (uint64_t)service->protocol << 16 | service->port}};
}

const VsService *
vs_cluster_find_claim(const VsCluster *cluster, const VsService *service,
                      VsAddr address)
{
    return vs_table_find(&cluster->claims, claim_key(service, address));
}

static bool
claim(VsCluster *cluster, VsService *service, VsAddr address, GError **error)
{
    const VsService *owner = vs_cluster_find_claim(cluster, service, address);
    g_autofree char *text = NULL;

    if (!owner) {
        vs_table_insert(&cluster->claims, claim_key(service, address), service);
        return true;
    }
    text = vs_format_ipv4(address);
    if (owner == service) {
        g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_CLASH,
                    "service \"%s\" has %s twice; leave one out", service->name, text);
        return false;
    }
    g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_CLASH,
                "services \"%s\" and \"%s\" want the same %s:%u/%s; give one another "
                "address or port",
                owner->name, service->name, text, service->port,
                service->protocol == VS_PROTOCOL_UDP ? "udp" : "tcp");
    return false;
}

static void
release(VsCluster *cluster, const VsService *service, VsAddr address)
{
    if (vs_cluster_find_claim(cluster, service, address) == service) {
        vs_table_remove(&cluster->claims, claim_key(service, address));
    }
}

/* All of its addresses or none. */
static bool
claim_addresses(VsCluster *cluster, VsService *service, GError **error)
{
    bool is_good = claim(cluster, service, service->cluster_ip, error);

    for (unsigned i = 0; is_good && i < service->n_external_ips; i++) {
        is_good = claim(cluster, service, service->external_ips[i], error);
    }
    if (!is_good) {
        release(cluster, service, service->cluster_ip);
        for (unsigned i = 0; i < service->n_external_ips; i++) {
            release(cluster, service, service->external_ips[i]);
        }
    }
    return is_good;
}

static const VsService *
find_clash(const VsCluster *cluster, const VsService *service)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *other = cluster->services->pdata[i];

        if (wants_port_of(service, other)) {
            return other;
        }
    }
    return NULL;
}

static bool
has_cluster_ip(const VsCluster *cluster, VsAddr address)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        if (((const VsService *)cluster->services->pdata[i])->cluster_ip == address) {
            return true;
        }
    }
    return false;
}

static bool
is_node_port_taken(const VsCluster *cluster, uint32_t port)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];

        if (service->node_port == port || service->health_check_node_port == port) {
            return true;
        }
    }
    return false;
}

/* The next address of the service range that no service asked for, or 0. */
static VsAddr
next_cluster_ip(VsCluster *cluster)
{
    uint64_t last = cluster->service_cidr.address +
                    vs_prefix_size(cluster->service_cidr.length) - 2;

    if (cluster->next_cluster_ip == 0) {
        /* .1 is the API server's, .10 the DNS service's, by custom. */
        cluster->next_cluster_ip = cluster->service_cidr.address + 11;
    }
    while (has_cluster_ip(cluster, cluster->next_cluster_ip)) {
        cluster->next_cluster_ip++;
    }
    return cluster->next_cluster_ip <= last ? cluster->next_cluster_ip++ : 0;
}

/* The next port of the range that neither 'service' nor another asked for, or 0. */
static uint16_t
next_node_port(VsCluster *cluster, const VsService *service)
{
    cluster->next_node_port = MAX(cluster->next_node_port, NODE_PORT_FIRST);
    while (is_node_port_taken(cluster, cluster->next_node_port) ||
           service->health_check_node_port == cluster->next_node_port) {
        cluster->next_node_port++;
    }
    return cluster->next_node_port <= NODE_PORT_LAST ? cluster->next_node_port++ : 0;
}

static bool
give_cluster_ip(VsCluster *cluster, VsService *service, GError **error)
{
    g_autofree char *cidr = NULL;

    if (service->cluster_ip == 0) {
        service->cluster_ip = next_cluster_ip(cluster);
    }
    if (service->cluster_ip != 0) {
        return true;
    }
    cidr = vs_format_ipv4_prefix(cluster->service_cidr.address,
                                 cluster->service_cidr.length);
    g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                "the service range %s has no address left for service \"%s\"", cidr,
                service->name);
    return false;
}

static bool
give_node_port(VsCluster *cluster, const VsService *service, uint16_t *port,
               GError **error)
{
    if (*port == 0) {
        *port = next_node_port(cluster, service);
    }
    if (*port != 0) {
        return true;
    }
    g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                "no node port of %d..%d is left for service \"%s\"", NODE_PORT_FIRST,
                NODE_PORT_LAST, service->name);
    return false;
}

static VsService *
service_copy(const VsService *service)
{
    VsService *copy = g_memdup2(service, sizeof(*service));

    copy->name_space = copy->name_space ? copy->name_space : "default";
    copy->port_name = copy->port_name ? copy->port_name : "";
    copy->protocol = copy->protocol ? copy->protocol : VS_PROTOCOL_TCP;
    copy->external_ips =
        g_memdup2(copy->external_ips, copy->n_external_ips * sizeof(VsAddr));
    copy->source_ranges =
        g_memdup2(copy->source_ranges, copy->n_source_ranges * sizeof(VsPrefix));
    return copy;
}

static VsService *
add_name(VsCluster *cluster, VsService *service)
{
    service->index = cluster->dns_services->len;
    g_ptr_array_add(cluster->dns_services, service);
    return service;
}

VsService *
vs_cluster_add_service(VsCluster *cluster, const VsService *service, GError **error)
{
    VsService *copy = service_copy(service);
    const VsService *clash;

    if (vs_service_is_only_name(copy)) {
        return add_name(cluster, copy);
    }
    clash = find_clash(cluster, copy);
    copy->index = cluster->services->len;
    if (clash) {
        g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_CLASH,
                    "services \"%s\" and \"%s\" want the same node-port or "
                    "health-check-node-port; give one another",
                    clash->name, service->name);
        vs_service_free(copy);
        return NULL;
    }
    if (!give_cluster_ip(cluster, copy, error) ||
        (has_node_port(copy) &&
         !give_node_port(cluster, copy, &copy->node_port, error)) ||
        (has_health_check(copy) &&
         !give_node_port(cluster, copy, &copy->health_check_node_port, error)) ||
        !claim_addresses(cluster, copy, error)) {
        vs_service_free(copy);
        return NULL;
    }
    g_ptr_array_add(cluster->services, copy);
    return copy;
}

void
vs_cluster_add_load_balancer(VsCluster *cluster, const char *service, VsAddr address)
{
    VsLoadBalancer load_balancer = {service, address};

    g_array_append_val(cluster->load_balancers, load_balancer);
}

/* Every port of the service gets the VIP of its first load balancer that has one. */
static void
set_load_balancer(VsCluster *cluster, VsService *service)
{
    for (unsigned i = 0; i < cluster->load_balancers->len; i++) {
        const VsLoadBalancer *load_balancer =
            &g_array_index(cluster->load_balancers, VsLoadBalancer, i);

        if (strcmp(load_balancer->service, service->name) != 0) {
            continue;
        }
        service->has_load_balancer = true;
        if (service->type == VS_SERVICE_LOAD_BALANCER &&
            service->load_balancer_ip == 0 && load_balancer->address != 0) {
            service->load_balancer_ip = load_balancer->address;
            vs_table_insert(&cluster->claims,
                            claim_key(service, load_balancer->address), service);
        }
    }
}

static int
compare_endpoints(gconstpointer a, gconstpointer b)
{
    const VsEndpoint *x = a;
    const VsEndpoint *y = b;
    g_autofree char *text_x = vs_format_ipv4(x->address);
    g_autofree char *text_y = vs_format_ipv4(y->address);

    return strcmp(text_x, text_y);
}

/* kube-proxy's services send to pods that listen; a name stands for whatever pod it picks. */
static bool
is_endpoint(const VsService *service, const VsPod *pod)
{
    return service->selector && vs_labels_match(pod->labels, service->selector) &&
           (service->is_headless ||
            vs_pod_find_port(pod, service->protocol, service->target_port));
}

static void
find_endpoints(const VsCluster *cluster, VsService *service)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(VsEndpoint));
    GArray *ready = g_array_new(FALSE, FALSE, sizeof(VsEndpoint));

    for (unsigned i = 0; i < cluster->pods->len; i++) {
        const VsPod *pod = cluster->pods->pdata[i];

        if (is_endpoint(service, pod)) {
            VsEndpoint endpoint = {
                .pod = pod, .address = pod->address, .port = service->target_port};

            endpoint = vs_endpoint_at(service, &endpoint, 0);
            g_array_append_val(all, endpoint);
        }
    }
    g_array_sort(all, compare_endpoints);
    for (unsigned i = 0; i < all->len; i++) {
        VsEndpoint *endpoint = &g_array_index(all, VsEndpoint, i);

        endpoint->share = i;
        if (endpoint->is_ready) {
            g_array_append_val(ready, *endpoint);
        }
    }
    g_free(service->endpoints);
    g_free(service->all_endpoints);
    service->n_endpoints = ready->len;
    service->endpoints = (VsEndpoint *)(void *)g_array_free(ready, FALSE);
    service->n_all_endpoints = all->len;
    service->all_endpoints = (VsEndpoint *)(void *)g_array_free(all, FALSE);
}

void
vs_cluster_complete(VsCluster *cluster)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];

        set_load_balancer(cluster, service);
        find_endpoints(cluster, service);
    }
    for (unsigned i = 0; i < cluster->dns_services->len; i++) {
        find_endpoints(cluster, cluster->dns_services->pdata[i]);
    }
}

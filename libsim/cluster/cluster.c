#include "cluster/cluster.h"

#include <string.h>

#include "base/units.h"
#include "cluster/ipam.h"

enum {
    NODE_PORT_FIRST = 30000,
    NODE_PORT_LAST = 32767,
};

G_DEFINE_QUARK(vs_cluster_error, vs_cluster_error)

static void
node_free(gpointer node_)
{
    VsNode *node = node_;

    if (node->proxy) {
        node->free_proxy(node->proxy);
    }
    g_array_free(node->ranges, TRUE);
    g_free(node);
}

static void
pod_free(gpointer pod)
{
    g_free(((VsPod *)pod)->ports);
    g_free(pod);
}

static void
service_free(gpointer service)
{
    g_free(((VsService *)service)->endpoints);
    g_free(service);
}

VsCluster *
vs_cluster_new(void)
{
    VsCluster *cluster = g_new0(VsCluster, 1);

    cluster->pod_cidr = (VsPrefix){0x0af40000, 16, true};     /* 10.244.0.0/16 */
    cluster->service_cidr = (VsPrefix){0x0a600000, 12, true}; /* 10.96.0.0/12 */
    cluster->cni = &vs_cni_bridge;
    cluster->node_cidr_length = cluster->cni->range_length;
    cluster->subnets = g_array_new(FALSE, FALSE, sizeof(VsSubnet));
    cluster->nodes = g_ptr_array_new_with_free_func(node_free);
    cluster->pods = g_ptr_array_new_with_free_func(pod_free);
    cluster->services = g_ptr_array_new_with_free_func(service_free);
    cluster->load_balancers = g_array_new(FALSE, FALSE, sizeof(VsLoadBalancer));
    cluster->next_node_port = NODE_PORT_FIRST;
    return cluster;
}

void
vs_cluster_free(VsCluster *cluster)
{
    if (!cluster) {
        return;
    }
    g_array_free(cluster->subnets, TRUE);
    g_array_free(cluster->load_balancers, TRUE);
    g_ptr_array_free(cluster->services, TRUE);
    g_ptr_array_free(cluster->pods, TRUE);
    g_ptr_array_free(cluster->nodes, TRUE);
    g_free(cluster);
}

static inline uint64_t
prefix_size(unsigned length)
{
    return UINT64_C(1) << (32 - length);
}

void
vs_cluster_add_subnet(VsCluster *cluster, VsPrefix prefix, VsAddr next)
{
    VsSubnet subnet = {prefix, next};

    g_array_append_val(cluster->subnets, subnet);
}

VsNode *
vs_cluster_add_node(VsCluster *cluster, const char *name, VsHost *host, GError **error)
{
    VsNode *node = g_new0(VsNode, 1);

    node->cluster = cluster;
    node->name = name;
    node->index = cluster->nodes->len;
    node->host = host;
    node->ranges = g_array_new(FALSE, FALSE, sizeof(VsPrefix));
    if (!vs_ipam_add_node(node, error)) {
        node_free(node);
        return NULL;
    }
    g_ptr_array_add(cluster->nodes, node);
    return node;
}

VsPod *
vs_cluster_add_pod(VsCluster *cluster, const char *name, VsNode *node, VsNetns *netns,
                   const VsLabels *labels, GError **error)
{
    VsAddr address = vs_ipam_next(node, name, error);
    VsPod *pod;

    if (address == 0) {
        return NULL;
    }
    pod = g_new0(VsPod, 1);
    pod->name = name;
    pod->node = node;
    pod->netns = netns;
    pod->labels = labels;
    pod->address = address;
    g_ptr_array_add(cluster->pods, pod);
    return pod;
}

const VsPodPort *
vs_pod_find_port(const VsPod *pod, uint16_t port)
{
    for (unsigned i = 0; i < pod->n_ports; i++) {
        if (pod->ports[i].port == port) {
            return &pod->ports[i];
        }
    }
    return NULL;
}

const VsPodPort *
vs_pod_open_port(VsPod *pod, uint16_t port, const char *container,
                 const struct VsElement *element)
{
    const VsPodPort *taken = vs_pod_find_port(pod, port);

    if (taken) {
        return taken;
    }
    pod->ports = g_renew(VsPodPort, pod->ports, pod->n_ports + 1);
    pod->ports[pod->n_ports++] = (VsPodPort){port, container, element};
    return NULL;
}

static bool
has_node_port(const VsService *service)
{
    return service->type == VS_SERVICE_NODE_PORT ||
           service->type == VS_SERVICE_LOAD_BALANCER;
}

static const VsService *
find_clash(const VsCluster *cluster, const VsService *service)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *other = cluster->services->pdata[i];

        if ((service->cluster_ip != 0 && other->cluster_ip == service->cluster_ip &&
             other->port == service->port) ||
            (service->node_port != 0 && other->node_port == service->node_port)) {
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
        if (((const VsService *)cluster->services->pdata[i])->node_port == port) {
            return true;
        }
    }
    return false;
}

/* The next address of the service range that no service asked for, or 0. */
static VsAddr
next_cluster_ip(VsCluster *cluster)
{
    uint64_t last =
        cluster->service_cidr.address + prefix_size(cluster->service_cidr.length) - 2;

    if (cluster->next_cluster_ip == 0) {
        /* .1 is the API server's, .10 the DNS service's, by custom. */
        cluster->next_cluster_ip = cluster->service_cidr.address + 11;
    }
    while (has_cluster_ip(cluster, cluster->next_cluster_ip)) {
        cluster->next_cluster_ip++;
    }
    return cluster->next_cluster_ip <= last ? cluster->next_cluster_ip++ : 0;
}

/* The next port of the range that no service asked for, or 0. */
static uint16_t
next_node_port(VsCluster *cluster)
{
    while (is_node_port_taken(cluster, cluster->next_node_port)) {
        cluster->next_node_port++;
    }
    return cluster->next_node_port <= NODE_PORT_LAST ? cluster->next_node_port++ : 0;
}

VsService *
vs_cluster_add_service(VsCluster *cluster, const VsService *service, GError **error)
{
    const VsService *clash = find_clash(cluster, service);
    VsService *copy;

    if (clash) {
        g_set_error(
            error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_CLASH,
            "services \"%s\" and \"%s\" want the same cluster-ip and port, or the "
            "same node-port",
            clash->name, service->name);
        return NULL;
    }
    copy = g_new(VsService, 1);
    *copy = *service;
    copy->index = cluster->services->len;
    if (copy->cluster_ip == 0) {
        copy->cluster_ip = next_cluster_ip(cluster);
        if (copy->cluster_ip == 0) {
            g_autofree char *cidr = vs_format_ipv4_prefix(cluster->service_cidr.address,
                                                          cluster->service_cidr.length);

            g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                        "the service range %s has no address left for service \"%s\"",
                        cidr, service->name);
            g_free(copy);
            return NULL;
        }
    }
    if (has_node_port(copy) && copy->node_port == 0) {
        copy->node_port = next_node_port(cluster);
        if (copy->node_port == 0) {
            g_set_error(error, VS_CLUSTER_ERROR, VS_CLUSTER_ERROR_EXHAUSTED,
                        "no node port of %d..%d is left for service \"%s\"",
                        NODE_PORT_FIRST, NODE_PORT_LAST, service->name);
            g_free(copy);
            return NULL;
        }
    }
    g_ptr_array_add(cluster->services, copy);
    return copy;
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

void
vs_cluster_add_load_balancer(VsCluster *cluster, const char *service, VsAddr address)
{
    VsLoadBalancer load_balancer = {service, address};

    g_array_append_val(cluster->load_balancers, load_balancer);
}

static void
set_load_balancer_ips(VsCluster *cluster)
{
    for (unsigned i = 0; i < cluster->load_balancers->len; i++) {
        const VsLoadBalancer *load_balancer =
            &g_array_index(cluster->load_balancers, VsLoadBalancer, i);
        VsService *service = vs_cluster_find_service(cluster, load_balancer->service);

        if (service->type == VS_SERVICE_LOAD_BALANCER &&
            service->load_balancer_ip == 0) {
            service->load_balancer_ip = load_balancer->address;
        }
    }
}

void
vs_cluster_complete(VsCluster *cluster)
{
    set_load_balancer_ips(cluster);
    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];
        GArray *endpoints = g_array_new(FALSE, FALSE, sizeof(VsEndpoint));

        for (unsigned j = 0; j < cluster->pods->len; j++) {
            const VsPod *pod = cluster->pods->pdata[j];
            VsEndpoint endpoint = {pod, pod->address, service->target_port, 0};

            if (vs_labels_match(pod->labels, service->selector) &&
                vs_pod_find_port(pod, service->target_port)) {
                g_array_append_val(endpoints, endpoint);
            }
        }
        g_array_sort(endpoints, compare_endpoints);
        g_free(service->endpoints);
        service->n_endpoints = endpoints->len;
        service->endpoints = (VsEndpoint *)(void *)g_array_free(endpoints, FALSE);
        for (unsigned j = 0; j < service->n_endpoints; j++) {
            service->endpoints[j].share = j;
        }
    }
}

const VsNode *
vs_cluster_add_pod_routes(const VsCluster *cluster, VsNetns *netns)
{
    if (cluster->cni->is_hidden || cluster->cni->ipam == VS_IPAM_SUBNET) {
        return NULL;
    }
    return vs_cni_add_direct_routes(cluster->nodes, netns);
}

VsNode *
vs_cluster_find_node(const VsCluster *cluster, const char *name)
{
    for (unsigned i = 0; i < cluster->nodes->len; i++) {
        VsNode *node = cluster->nodes->pdata[i];

        if (strcmp(node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

VsPod *
vs_cluster_find_pod(const VsCluster *cluster, const char *name)
{
    for (unsigned i = 0; i < cluster->pods->len; i++) {
        VsPod *pod = cluster->pods->pdata[i];

        if (strcmp(pod->name, name) == 0) {
            return pod;
        }
    }
    return NULL;
}

VsService *
vs_cluster_find_service(const VsCluster *cluster, const char *name)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];

        if (strcmp(service->name, name) == 0) {
            return service;
        }
    }
    return NULL;
}

bool
vs_labels_match(const VsLabels *labels, const VsLabels *selector)
{
    unsigned at = 0;

    if (selector->n_labels == 0) {
        return false;
    }
    /* Both are sorted by key. */
    for (unsigned i = 0; i < selector->n_labels; i++) {
        while (at < labels->n_labels &&
               strcmp(labels->labels[at].key, selector->labels[i].key) < 0) {
            at++;
        }
        if (at == labels->n_labels ||
            strcmp(labels->labels[at].key, selector->labels[i].key) != 0 ||
            strcmp(labels->labels[at].value, selector->labels[i].value) != 0) {
            return false;
        }
    }
    return true;
}

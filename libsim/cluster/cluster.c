#include "cluster/cluster.h"

#include <string.h>

#include "base/units.h"
#include "cluster/ipam.h"
#include "cluster/service.h"

G_DEFINE_QUARK(vs_cluster_error, vs_cluster_error)

const char *const vs_proxy_mode_names[] = {
    [VS_PROXY_IPTABLES] = "iptables",
    [VS_PROXY_NFTABLES] = "nftables",
    [VS_PROXY_IPVS] = "ipvs",
    NULL,
};

static void
node_free(gpointer node_)
{
    VsNode *node = node_;

    if (node->proxy) {
        node->free_proxy(node->proxy);
    }
    g_array_free(node->ranges, TRUE);
    g_free(node->agent_rules);
    g_free(node);
}

static void
pod_free(gpointer pod_)
{
    VsPod *pod = pod_;

    if (pod->outages) {
        g_array_free(pod->outages, TRUE);
    }
    g_free(pod->ports);
    g_free(pod);
}

VsCluster *
vs_cluster_new(void)
{
    VsCluster *cluster = g_new0(VsCluster, 1);

    cluster->pod_cidr = (VsPrefix){0x0af40000, 16, true};     /* 10.244.0.0/16 */
    cluster->service_cidr = (VsPrefix){0x0a600000, 12, true}; /* 10.96.0.0/12 */
    cluster->cni = &vs_cni_bridge;
    cluster->node_cidr_length = cluster->cni->range_length;
    cluster->ipvs_scheduler = "rr";
    cluster->ipvs_conn_reuse_mode = 1;
    cluster->is_bridge_filtered = true;
    cluster->is_hairpin = true;
    cluster->subnets = g_array_new(FALSE, FALSE, sizeof(VsSubnet));
    cluster->nodes = g_ptr_array_new_with_free_func(node_free);
    cluster->pods = g_ptr_array_new_with_free_func(pod_free);
    cluster->services = g_ptr_array_new_with_free_func(vs_service_free);
    cluster->dns_services = g_ptr_array_new_with_free_func(vs_service_free);
    vs_dist_init_constant(&cluster->endpoint_delay, 100 * VS_MS);
    cluster->min_sync_period = VS_S;
    cluster->node_port_prefixes = g_array_new(FALSE, FALSE, sizeof(VsPrefix));
    vs_table_init(&cluster->claims);
    cluster->load_balancers = g_array_new(FALSE, FALSE, sizeof(VsLoadBalancer));
    cluster->watches = g_ptr_array_new();
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
    vs_table_clear(&cluster->claims);
    g_array_free(cluster->node_port_prefixes, TRUE);
    g_ptr_array_free(cluster->services, TRUE);
    g_ptr_array_free(cluster->dns_services, TRUE);
    g_ptr_array_free(cluster->pods, TRUE);
    g_ptr_array_free(cluster->nodes, TRUE);
    g_ptr_array_free(cluster->watches, TRUE);
    g_free(cluster);
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
    node->proxy_mode = cluster->proxy_mode;
    node->ipvs_scheduler = cluster->ipvs_scheduler;
    node->ipvs_conn_reuse_mode = cluster->ipvs_conn_reuse_mode;
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
    pod->number = node->n_pods++;
    pod->terminates_at = VS_TIME_NEVER;
    pod->removed_at = VS_TIME_NEVER;
    g_ptr_array_add(cluster->pods, pod);
    return pod;
}

const char *const vs_port_protocol_choices[] = {"tcp", "udp", NULL};

uint8_t
vs_port_protocol(unsigned choice)
{
    return choice == 0 ? VS_PROTOCOL_TCP : VS_PROTOCOL_UDP;
}

const VsPodPort *
vs_pod_find_port(const VsPod *pod, uint8_t protocol, uint16_t port)
{
    for (unsigned i = 0; i < pod->n_ports; i++) {
        if (pod->ports[i].port == port && pod->ports[i].protocol == protocol) {
            return &pod->ports[i];
        }
    }
    return NULL;
}

const VsPodPort *
vs_pod_open_port(VsPod *pod, uint8_t protocol, uint16_t port, const char *container,
                 const struct VsElement *element)
{
    const VsPodPort *taken = vs_pod_find_port(pod, protocol, port);

    if (taken) {
        return taken;
    }
    pod->ports = g_renew(VsPodPort, pod->ports, pod->n_ports + 1);
    pod->ports[pod->n_ports++] = (VsPodPort){protocol, port, container, element};
    return NULL;
}

const VsNode *
vs_cluster_add_pod_routes(const VsCluster *cluster, VsNetns *netns)
{
    if (cluster->cni->is_hidden || cluster->cni->ipam == VS_IPAM_SUBNET) {
        return NULL;
    }
    return vs_cni_add_direct_routes(cluster->nodes, netns);
}

VsAddr
vs_node_address(const VsNode *node)
{
    return node->host ? vs_host_address(node->host) : 0;
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

static VsService *
find_named(const GPtrArray *services, const char *name)
{
    for (unsigned i = 0; i < services->len; i++) {
        VsService *service = services->pdata[i];

        if (strcmp(service->name, name) == 0) {
            return service;
        }
    }
    return NULL;
}

VsService *
vs_cluster_find_service(const VsCluster *cluster, const char *name)
{
    return find_named(cluster->services, name);
}

VsService *
vs_cluster_find_headless(const VsCluster *cluster, const char *name)
{
    VsService *service = find_named(cluster->dns_services, name);

    return service && service->is_headless ? service : NULL;
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

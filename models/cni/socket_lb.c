#include "models/cni/socket_lb.h"

/* Of one node: its own stream of choices. */
typedef struct NodeLb {
    const VsTable *services;
    VsRng rng;
} NodeLb;

struct SocketLb {
    VsTable services; /* (address, port) to VsService. */
    NodeLb *nodes;    /* By index. */
};

static VsKey
service_key(VsAddr address, uint16_t port)
{
    return (VsKey){{address, port}};
}

static bool
translate(void *data, VsAddr *daddr, uint16_t *dport)
{
    NodeLb *node = data;
    VsService *service = vs_table_find(node->services, service_key(*daddr, *dport));
    const VsEndpoint *endpoint;

    if (!service) {
        return true;
    }
    if (service->n_endpoints == 0) {
        return false;
    }
    endpoint = &service->endpoints[vs_rng_below(&node->rng, service->n_endpoints)];
    service->shares->shares[endpoint->share].count++;
    *daddr = endpoint->address;
    *dport = endpoint->port;
    return true;
}

/* Its cluster IP, and whatever it is reached by from outside: node ports of every node. */
static void
add_service(SocketLb *lb, const VsCluster *cluster, VsService *service)
{
    VsTable *services = &lb->services;

    vs_table_insert(services, service_key(service->cluster_ip, service->port), service);
    if (service->load_balancer_ip != 0) {
        vs_table_insert(services, service_key(service->load_balancer_ip, service->port),
                        service);
    }
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        vs_table_insert(services, service_key(service->external_ips[i], service->port),
                        service);
    }
    for (unsigned i = 0; service->node_port != 0 && i < cluster->nodes->len; i++) {
        VsAddr address = vs_node_address(cluster->nodes->pdata[i]);

        vs_table_insert(services, service_key(address, service->node_port), service);
    }
}

SocketLb *
socket_lb_new(const VsCluster *cluster, uint64_t seed)
{
    SocketLb *lb = g_new0(SocketLb, 1);

    vs_table_init(&lb->services);
    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];

        if (service->protocol == VS_PROTOCOL_TCP) {
            add_service(lb, cluster, service);
        }
    }
    lb->nodes = g_new0(NodeLb, MAX(cluster->nodes->len, 1));
    for (unsigned i = 0; i < cluster->nodes->len; i++) {
        const VsNode *node = cluster->nodes->pdata[i];

        lb->nodes[i].services = &lb->services;
        vs_rng_init(&lb->nodes[i].rng, seed, node->name, "socket-lb");
    }
    for (unsigned i = 0; i < cluster->pods->len; i++) {
        const VsPod *pod = cluster->pods->pdata[i];

        vs_sockets_set_connect_hook(vs_sockets_of(pod->netns), translate,
                                    &lb->nodes[pod->node->index]);
    }
    return lb;
}

void
socket_lb_free(SocketLb *lb)
{
    if (lb) {
        vs_table_clear(&lb->services);
        g_free(lb->nodes);
        g_free(lb);
    }
}

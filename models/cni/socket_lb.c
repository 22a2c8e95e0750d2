#include "models/cni/socket_lb.h"

/* Of one node: its own stream of choices. */
typedef struct NodeLb {
    const VsTable *services;
    VsRng rng;
} NodeLb;

struct SocketLb {
    VsTable services; /* (address, port, protocol) to VsService. */
    NodeLb *nodes;    /* By index. */
};

static VsKey
service_key(VsAddr address, uint16_t port, uint8_t protocol)
{
    return (VsKey){{address, (uint64_t)protocol << 16 | port}};
}

static bool
translate(void *data, uint8_t protocol, VsAddr *daddr, uint16_t *dport)
{
    NodeLb *node = data;
    VsService *service =
        vs_table_find(node->services, service_key(*daddr, *dport, protocol));
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

/* Newly allocated. */
static char *
format_endpoint(const VsEndpoint *endpoint)
{
    g_autofree char *address = vs_format_ipv4(endpoint->address);

    return g_strdup_printf("%s, %s:%u", endpoint->pod->name, address, endpoint->port);
}

static const char *
packet_call(VsPacket *packet)
{
    return vs_packet_top(packet)->flow.protocol == VS_PROTOCOL_UDP ? "sendmsg"
                                                                   : "connect";
}

/* The draw of a traced connection, of which 'packet' is the first, or of a datagram. */
static void
tell(void *data, const VsNetns *netns, VsPacket *packet, VsAddr daddr, uint16_t dport)
{
    const NodeLb *node = data;
    const VsService *service =
        vs_table_find(node->services,
                      service_key(daddr, dport, vs_packet_top(packet)->flow.protocol));
    GPtrArray *passed = g_ptr_array_new();
    VsTraceRecord *record;

    if (!service) {
        g_ptr_array_free(passed, TRUE);
        return;
    }
    record = vs_story_add(netns, packet, VS_TRACE_SERVICE);
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        const VsEndpoint *endpoint = &service->endpoints[i];

        if (endpoint->address == record->after.flow.daddr &&
            endpoint->port == record->after.flow.dport) {
            record->text = format_endpoint(endpoint);
        } else {
            g_ptr_array_add(passed, format_endpoint(endpoint));
            g_ptr_array_add(passed, g_strdup("the draw fell on another"));
        }
    }
    g_ptr_array_add(passed, NULL);
    record->passed = (char **)g_ptr_array_free(passed, FALSE);
    record->name = g_strdup("socket load balancer");
    record->why =
        g_strdup_printf("%s() to service %s: drawn of %u endpoints, each "
                        "as likely, at no cost; no packet has the service's "
                        "address",
                        packet_call(packet), service->name, service->n_endpoints);
    record->has_before = true;
    record->before = record->after;
    record->before.flow.daddr = daddr;
    record->before.flow.dport = dport;
}

/* Its cluster IP, and whatever it is reached by from outside: node ports of every node. */
static void
add_service(SocketLb *lb, const VsCluster *cluster, VsService *service)
{
    VsTable *services = &lb->services;

    vs_table_insert(services,
                    service_key(service->cluster_ip, service->port, service->protocol),
                    service);
    if (service->load_balancer_ip != 0) {
        vs_table_insert(
            services,
            service_key(service->load_balancer_ip, service->port, service->protocol),
            service);
    }
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        vs_table_insert(
            services,
            service_key(service->external_ips[i], service->port, service->protocol),
            service);
    }
    for (unsigned i = 0; service->node_port != 0 && i < cluster->nodes->len; i++) {
        VsAddr address = vs_node_address(cluster->nodes->pdata[i]);

        vs_table_insert(services,
                        service_key(address, service->node_port, service->protocol),
                        service);
    }
}

SocketLb *
socket_lb_new(const VsCluster *cluster, uint64_t seed)
{
    SocketLb *lb = g_new0(SocketLb, 1);

    vs_table_init(&lb->services);
    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];

        add_service(lb, cluster, service);
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
        vs_sockets_set_connect_story(vs_sockets_of(pod->netns), tell);
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

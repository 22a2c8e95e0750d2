#include "models/cni/card_lb.h"

#include "models/cni/backends.h"
#include "models/cni/card_flows.h"

enum {
    FIRST_PORT = 32768,
    N_PORTS = 65536 - FIRST_PORT,
    MAX_TRIES = 32,
    TUNNEL_TTL = 64,
};

/* An address and port from which a service is reached. */
typedef struct Frontend {
    VsService *service;
    const VsNode *node; /* Whose address it is; NULL: of all nodes. */
    bool has_ranges;    /* The service's source ranges hold. */
} Frontend;

/* Of one node. */
typedef struct NodeLb {
    VsRedirectNat nat;
    const CardLb *lb;
    const VsNode *node;
    CardFlows flows;
    VsRng rng;
    Backends **local; /* By index of the service; externalTrafficPolicy: Local. */
} NodeLb;

struct CardLb {
    CardMode mode;
    const VsCluster *cluster;
    VsTable frontends; /* (address, port and protocol) to Frontend. */
    GPtrArray *all;    /* Of Frontend: owns them. */
    Backends **shared; /* By index of the service; the others. */
    NodeLb *nodes;     /* By index. */
};

/* ---- Tables ---------------------------------------------------------------------- */

static VsKey
frontend_key(VsAddr address, uint16_t port, uint8_t protocol)
{
    return (VsKey){{address, (uint64_t)port << 8 | protocol}};
}

/* The first service that claims the address has it. */
static void
add_frontend(CardLb *lb, VsService *service, const VsNode *node, VsAddr address,
             uint16_t port)
{
    Frontend *frontend = g_new0(Frontend, 1);
    VsKey key = frontend_key(address, port, service->protocol);

    frontend->service = service;
    frontend->node = node;
    frontend->has_ranges =
        service->n_source_ranges > 0 && address == service->load_balancer_ip;
    g_ptr_array_add(lb->all, frontend);
    vs_table_insert(&lb->frontends, key, frontend);
}

static void
add_node_ports(CardLb *lb, VsService *service)
{
    for (unsigned i = 0; i < lb->cluster->nodes->len; i++) {
        const VsNode *node = lb->cluster->nodes->pdata[i];
        const VsIface *iface = node->host->root->ifaces;

        for (; iface; iface = iface->next) {
            if (iface->kind == VS_IFACE_ETHERNET && iface->address != 0) {
                add_frontend(lb, service, node, iface->address, service->node_port);
            }
        }
    }
}

static void
add_service(CardLb *lb, VsService *service)
{
    if (service->node_port != 0) {
        add_node_ports(lb, service);
    }
    if (service->load_balancer_ip != 0) {
        add_frontend(lb, service, NULL, service->load_balancer_ip, service->port);
    }
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        add_frontend(lb, service, NULL, service->external_ips[i], service->port);
    }
    if (!service->is_external_local) {
        lb->shared[service->index] = backends_new(service, NULL);
    }
}

static VsRedirectResult translate(VsRedirectNat *nat, VsIface *iface, VsPacket *packet);

static void
node_init(NodeLb *node_lb, const CardLb *lb, const VsNode *node, uint64_t seed)
{
    const GPtrArray *services = lb->cluster->services;

    node_lb->nat.translate = translate;
    node_lb->lb = lb;
    node_lb->node = node;
    node_lb->local = g_new0(Backends *, services->len);
    card_flows_init(&node_lb->flows, node->host);
    vs_rng_init(&node_lb->rng, seed, node->name, "card-lb");
    for (unsigned i = 0; i < services->len; i++) {
        const VsService *service = services->pdata[i];

        if (service->is_external_local) {
            node_lb->local[i] = backends_new(service, node);
        }
    }
    vs_redirect_set_nat(node->host->root, &node_lb->nat);
}

static void
node_clear(NodeLb *node_lb)
{
    for (unsigned i = 0; i < node_lb->lb->cluster->services->len; i++) {
        backends_free(node_lb->local[i]);
    }
    g_free(node_lb->local);
    card_flows_clear(&node_lb->flows);
}

CardLb *
card_lb_new(const VsCluster *cluster, CardMode mode, uint64_t seed)
{
    CardLb *lb = g_new0(CardLb, 1);

    lb->mode = mode;
    lb->cluster = cluster;
    lb->all = g_ptr_array_new_with_free_func(g_free);
    lb->shared = g_new0(Backends *, cluster->services->len);
    lb->nodes = g_new0(NodeLb, cluster->nodes->len);
    vs_table_init(&lb->frontends);
    for (unsigned i = 0; i < cluster->services->len; i++) {
        if (vs_service_is_external(cluster->services->pdata[i])) {
            add_service(lb, cluster->services->pdata[i]);
        }
    }
    for (unsigned i = 0; i < cluster->nodes->len; i++) {
        node_init(&lb->nodes[i], lb, cluster->nodes->pdata[i], seed);
    }
    return lb;
}

void
card_lb_free(CardLb *lb)
{
    if (!lb) {
        return;
    }
    for (unsigned i = 0; i < lb->cluster->nodes->len; i++) {
        node_clear(&lb->nodes[i]);
    }
    for (unsigned i = 0; i < lb->cluster->services->len; i++) {
        backends_free(lb->shared[i]);
    }
    vs_table_clear(&lb->frontends);
    g_ptr_array_free(lb->all, TRUE);
    g_free(lb->shared);
    g_free(lb->nodes);
    g_free(lb);
}

static const Frontend *
find_frontend(const NodeLb *lb, const VsFlow *flow)
{
    return vs_table_find(&lb->lb->frontends,
                         frontend_key(flow->daddr, flow->dport, flow->protocol));
}

static const Backends *
find_backends(const NodeLb *lb, const VsService *service)
{
    return service->is_external_local ? lb->local[service->index]
                                      : lb->lb->shared[service->index];
}

/* ---- Traces ---------------------------------------------------------------------- */

static VsTraceRecord *
record(const NodeLb *lb, VsPacket *packet, VsTraceKind kind)
{
    const VsHost *host = lb->node->host;

    return vs_trace_add(packet, kind, host->root->name,
                        host->core ? host->core->charge : 0);
}

static void
record_choice(const NodeLb *lb, VsPacket *packet, const CardFlow *flow)
{
    const VsEndpoint *endpoint = flow->endpoint;
    g_autofree char *address = vs_format_ipv4(endpoint->address);
    VsTraceRecord *entry = record(lb, packet, VS_TRACE_SERVICE);

    entry->name = g_strdup("eBPF");
    entry->text = g_strdup_printf("endpoint %s %s:%u", endpoint->pod->name, address,
                                  endpoint->port);
    entry->why = g_strdup_printf("slot %u of %u of the Maglev table",
                                 backends_slot(&flow->original), BACKENDS_TABLE_SIZE);
}

static void
record_tunnel(const NodeLb *lb, VsPacket *packet, VsTraceKind kind,
              const VsLayer *outer)
{
    g_autofree char *saddr = vs_format_ipv4(outer->flow.saddr);
    g_autofree char *daddr = vs_format_ipv4(outer->flow.daddr);

    record(lb, packet, kind)->text = g_strdup_printf("IPIP %s > %s", saddr, daddr);
}

/* ---- Packets --------------------------------------------------------------------- */

static void
rewrite(const NodeLb *lb, VsPacket *packet, const VsFlow *flow)
{
    VsHost *host = lb->node->host;
    VsLayer before = *vs_packet_top(packet);

    vs_host_charge(host, host->costs.nat_rewrite);
    vs_packet_top(packet)->flow = *flow;
    if (vs_decision_is_wanted(lb->node->host->root)) {
        vs_decision_translated(lb->node->host->root, packet, "eBPF", &before.flow,
                               NULL);
    }
    if (vs_packet_is_traced(packet)) {
        VsTraceRecord *entry = record(lb, packet, VS_TRACE_NAT);

        entry->text = g_strdup("by eBPF, for a service");
        entry->has_before = true;
        entry->before = before;
    }
}

static bool
is_here(const NodeLb *lb, const VsEndpoint *endpoint)
{
    return endpoint->pod->node == lb->node;
}

/* The client's packet as it goes to an endpoint of this node. */
static VsFlow
flow_to_pod(const VsFlow *original, const VsEndpoint *endpoint)
{
    VsFlow flow = *original;

    flow.daddr = endpoint->address;
    flow.dport = endpoint->port;
    return flow;
}

/* The same from this node's address, from a port with which its answers are told from all
 * others; false: 32 tries found none. */
static bool
choose_source(NodeLb *lb, VsFlow *flow)
{
    flow->saddr = vs_netns_source_for(lb->node->host->root, flow->daddr);
    for (unsigned i = 0; i < MAX_TRIES; i++) {
        VsFlow answer;

        if (i > 0 || flow->sport < FIRST_PORT) {
            flow->sport = (uint16_t)(FIRST_PORT + vs_rng_below(&lb->rng, N_PORTS));
        }
        answer = vs_flow_reverse(flow);
        if (!card_flows_is_taken(&lb->flows, &answer)) {
            return true;
        }
    }
    return false;
}

/* Adds the connection of a packet to 'endpoint'; NULL: 'ret_drop' says why not. */
static CardFlow *
add_flow(NodeLb *lb, const VsFlow *original, const VsEndpoint *endpoint,
         VsDrop *ret_drop)
{
    VsFlow translated = flow_to_pod(original, endpoint);
    VsFlow answer;
    CardFlow *flow;

    if (!is_here(lb, endpoint)) {
        if (lb->lb->mode == CARD_MODE_DSR) {
            return card_flows_add(&lb->flows, original, NULL, endpoint);
        }
        if (!choose_source(lb, &translated)) {
            *ret_drop = VS_DROP_NO_NAT_PORT;
            return NULL;
        }
    }
    answer = vs_flow_reverse(&translated);
    flow = card_flows_add(&lb->flows, original, &answer, endpoint);
    *ret_drop = VS_DROP_CONNTRACK_CLASH;
    return flow;
}

static bool
is_allowed(const Frontend *frontend, VsAddr client)
{
    return !frontend->has_ranges || vs_service_admits(frontend->service, client);
}

/* A new connection to a service; NULL: the packet is dropped. */
static CardFlow *
begin(NodeLb *lb, const Frontend *frontend, VsPacket *packet)
{
    const VsFlow *original = &vs_packet_top(packet)->flow;
    const VsService *service = frontend->service;
    const Backends *backends = find_backends(lb, service);
    VsDrop drop = VS_DROP_NO_ENDPOINT;
    CardFlow *flow = NULL;

    if (!is_allowed(frontend, original->saddr)) {
        drop = VS_DROP_SOURCE_RANGES;
    } else if (backends) {
        flow = add_flow(lb, original, backends_pick(backends, original), &drop);
    }
    if (!flow) {
        vs_packet_drop(packet, drop);
        return NULL;
    }
    service->shares->shares[flow->endpoint->share].count++;
    if (vs_packet_is_traced(packet)) {
        record_choice(lb, packet, flow);
    }
    return flow;
}

/* To an endpoint of another node, as the client wrote it. */
static VsRedirectResult
encapsulate(const NodeLb *lb, VsIface *iface, VsPacket *packet, VsAddr remote)
{
    VsNetns *root = lb->node->host->root;
    uint32_t mtu = vs_netns_mtu_to(root, remote);
    const VsLayer inner = *vs_packet_top(packet);
    VsLayer *outer;

    if (mtu != 0 && vs_packet_mtu_bytes(packet) + VS_IPV4_HEADER_BYTES > mtu) {
        packet->iface = iface;
        vs_icmp_send_error(root, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_TOO_BIG,
                           (uint16_t)(mtu - VS_IPV4_HEADER_BYTES));
        vs_packet_drop(packet, VS_DROP_TOO_BIG);
        return VS_REDIRECT_DROPPED;
    }
    vs_host_charge(lb->node->host, lb->node->host->costs.ipip_encapsulate);
    outer = vs_packet_push(packet);
    outer->ether_type = VS_ETHER_TYPE_IPV4;
    outer->flow = (VsFlow){.saddr = vs_netns_source_for(root, remote),
                           .daddr = remote,
                           .protocol = VS_PROTOCOL_IPIP,
                           .family = VS_FAMILY_IPV4};
    outer->ttl = TUNNEL_TTL;
    outer->ip_fragment = inner.ip_fragment & VS_IP_DF;
    outer->ip_id = root->next_ip_id;
    root->next_ip_id = (uint16_t)(root->next_ip_id + vs_packet_n_frames(packet));
    outer->ip_bytes = inner.ip_bytes + VS_IPV4_HEADER_BYTES;
    vs_packet_inherit_ecn(packet);
    vs_packet_measure(packet);
    if (vs_packet_is_traced(packet)) {
        record_tunnel(lb, packet, VS_TRACE_ENCAPSULATE, outer);
    }
    return VS_REDIRECT_TRANSLATED;
}

/* A client's packet of 'flow'. */
static VsRedirectResult
send_to_backend(const NodeLb *lb, VsIface *iface, VsPacket *packet, CardFlow *flow)
{
    VsFlow translated;

    card_flow_touch(flow, vs_packet_top(packet), false);
    if (flow->answer.protocol == 0) {
        return encapsulate(lb, iface, packet, flow->endpoint->address);
    }
    translated = vs_flow_reverse(&flow->answer);
    rewrite(lb, packet, &translated);
    return VS_REDIRECT_TRANSLATED;
}

static VsRedirectResult
send_to_client(const NodeLb *lb, VsPacket *packet, CardFlow *flow)
{
    VsFlow translated = vs_flow_reverse(&flow->original);

    card_flow_touch(flow, vs_packet_top(packet), true);
    rewrite(lb, packet, &translated);
    return VS_REDIRECT_TRANSLATED;
}

static bool
begins_anew(const CardFlow *flow, const VsLayer *top)
{
    return top->flow.protocol == VS_PROTOCOL_TCP && top->tcp.flags == VS_TCP_SYN &&
           card_flow_is_closed(flow);
}

/* ---- DSR: at the endpoint's node ------------------------------------------------- */

static const VsEndpoint *
find_endpoint(const NodeLb *lb, const VsService *service, VsAddr address)
{
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        const VsEndpoint *endpoint = &service->endpoints[i];

        if (endpoint->address == address && is_here(lb, endpoint)) {
            return endpoint;
        }
    }
    return NULL;
}

static void
decapsulate(const NodeLb *lb, VsPacket *packet)
{
    const VsLayer outer = *vs_packet_top(packet);

    vs_host_charge(lb->node->host, lb->node->host->costs.ipip_decapsulate);
    vs_packet_bequeath_ecn(packet);
    vs_packet_pop(packet);
    vs_packet_measure(packet);
    if (vs_packet_is_traced(packet)) {
        record_tunnel(lb, packet, VS_TRACE_DECAPSULATE, &outer);
    }
}

/* From another node, which chose the endpoint. */
static VsRedirectResult
receive_tunnelled(NodeLb *lb, VsIface *iface, VsPacket *packet)
{
    const VsLayer *inner = &packet->layers[packet->n_layers - 2];
    const Frontend *frontend = find_frontend(lb, &inner->flow);
    const VsEndpoint *endpoint =
        frontend
            ? find_endpoint(lb, frontend->service, vs_packet_top(packet)->flow.daddr)
            : NULL;
    VsDrop drop;
    CardFlow *flow;
    bool is_answer;

    if (!endpoint) {
        return VS_REDIRECT_LEFT;
    }
    decapsulate(lb, packet);
    flow = card_flows_find(&lb->flows, &inner->flow, &is_answer);
    if (flow && !is_answer &&
        (flow->endpoint != endpoint || begins_anew(flow, inner))) {
        card_flows_remove(flow);
        flow = NULL;
    }
    if (!flow) {
        flow = add_flow(lb, &inner->flow, endpoint, &drop);
    }
    if (!flow || is_answer) {
        vs_packet_drop(packet, VS_DROP_CONNTRACK_CLASH);
        return VS_REDIRECT_DROPPED;
    }
    return send_to_backend(lb, iface, packet, flow);
}

/* ---- The program ----------------------------------------------------------------- */

/* At a card: the client's packet to a service, if it is one. */
static VsRedirectResult
receive_from_client(NodeLb *lb, VsIface *iface, VsPacket *packet, CardFlow *flow)
{
    const VsLayer *top = vs_packet_top(packet);
    const Frontend *frontend = find_frontend(lb, &top->flow);

    if (!frontend || (frontend->node && frontend->node != lb->node)) {
        return VS_REDIRECT_LEFT;
    }
    if (flow && begins_anew(flow, top)) {
        card_flows_remove(flow);
        flow = NULL;
    }
    if (!flow) {
        flow = begin(lb, frontend, packet);
    }
    return flow ? send_to_backend(lb, iface, packet, flow) : VS_REDIRECT_DROPPED;
}

static bool
is_fragment(const VsLayer *top)
{
    return (top->ip_fragment & (VS_IP_MF | VS_IP_OFFSET_MASK)) != 0;
}

static VsRedirectResult
translate(VsRedirectNat *nat, VsIface *iface, VsPacket *packet)
{
    NodeLb *lb = VS_CONTAINER_OF(nat, NodeLb, nat);
    const VsLayer *top = vs_packet_top(packet);
    bool is_card = iface->kind == VS_IFACE_ETHERNET;
    uint8_t protocol = top->flow.protocol;
    CardFlow *flow;
    bool is_answer;

    if (is_card) {
        vs_host_charge(lb->node->host, lb->node->host->costs.bpf_service);
    }
    if (is_fragment(top)) {
        return VS_REDIRECT_LEFT;
    }
    if (protocol == VS_PROTOCOL_IPIP && is_card && packet->n_layers > 1) {
        return receive_tunnelled(lb, iface, packet);
    }
    if (protocol != VS_PROTOCOL_TCP && protocol != VS_PROTOCOL_UDP) {
        return VS_REDIRECT_LEFT;
    }
    flow = card_flows_find(&lb->flows, &top->flow, &is_answer);
    if (is_answer) {
        return send_to_client(lb, packet, flow);
    }
    return is_card ? receive_from_client(lb, iface, packet, flow) : VS_REDIRECT_LEFT;
}

#include "netfilter/ipvs.h"

#include <glib.h>

#include "base/units.h"
#include "net/decision.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/story.h"
#include "netfilter/conntrack.h"
#include "netfilter/ipvs_internal.h"

enum { CONNECTIONS_A_SLAB = 128 };

/* expire_nodest_conn_work waits for one, at 250 Hz. */
#define JIFFY (4 * VS_MS)

const VsIpvsConfig vs_ipvs_config_default = {
    .expire_nodest_conn = true,
    .expire_quiescent_template = true,
    .conn_reuse_mode = 1,
    .tcp_timeout = 900 * VS_S,
    .tcp_fin_timeout = 120 * VS_S,
    .udp_timeout = 300 * VS_S,
};

static VsVerdict request_hook(void *data, VsPacket *packet, const VsHookState *state);
static VsVerdict reply_hook(void *data, VsPacket *packet, const VsHookState *state);
static void ipvs_free(VsIpvs *ipvs);
static void expiry_due(VsTimer *timer);

/* ip_vs_ops4 of ip_vs_core.c. */
static const VsHook hooks[] = {
    {VS_HOOK_INPUT, VS_HOOK_PRI_NAT_SRC - 2, reply_hook},
    {VS_HOOK_INPUT, VS_HOOK_PRI_NAT_SRC - 1, request_hook},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST + 1, reply_hook},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST + 2, request_hook},
    {VS_HOOK_FORWARD, VS_HOOK_PRI_NAT_SRC, reply_hook},
    {0},
};

VsIpvs *
vs_ipvs_attach(VsNetns *netns, const VsIpvsConfig *config)
{
    VsIpvs *ipvs = g_new0(VsIpvs, 1);

    g_assert(netns->conntrack && !netns->ipvs);
    ipvs->netns = netns;
    ipvs->config = *config;
    ipvs->services = g_ptr_array_new();
    ipvs->removed = g_ptr_array_new_with_free_func(g_free);
    vs_table_init(&ipvs->by_address);
    vs_table_init(&ipvs->incoming);
    vs_table_init(&ipvs->outgoing);
    vs_table_init(&ipvs->templates);
    vs_pool_init(&ipvs->connections, sizeof(VsIpvsConnection), CONNECTIONS_A_SLAB);
    vs_timer_init(&ipvs->expiry, &netns->host->entity, expiry_due);
    netns->ipvs = ipvs;
    netns->free_ipvs = ipvs_free;
    vs_netns_add_hooks(netns, hooks, ipvs);
    return ipvs;
}

static void
service_free(VsIpvsService *service)
{
    vs_ipvs_balancer_close(service);
    g_ptr_array_free(service->servers, TRUE);
    g_free(service);
}

static void
cancel_timers(const VsTable *table)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(table, &cursor, &key, &value)) {
        VsIpvsConnection *connection = value;

        vs_timer_cancel(&connection->timer);
        if (connection->control) { /* It may be in no table any more. */
            vs_timer_cancel(&connection->control->timer);
        }
    }
}

static void
ipvs_free(VsIpvs *ipvs)
{
    vs_timer_cancel(&ipvs->expiry);
    cancel_timers(&ipvs->incoming);
    cancel_timers(&ipvs->templates);
    vs_table_clear(&ipvs->by_address);
    vs_table_clear(&ipvs->incoming);
    vs_table_clear(&ipvs->outgoing);
    vs_table_clear(&ipvs->templates);
    vs_pool_clear(&ipvs->connections);
    for (unsigned i = 0; i < ipvs->services->len; i++) {
        service_free(ipvs->services->pdata[i]);
    }
    g_ptr_array_free(ipvs->services, TRUE);
    g_ptr_array_free(ipvs->removed, TRUE);
    g_free(ipvs);
}

void
vs_ipvs_on_scheduled(VsIpvs *ipvs, VsIpvsScheduled scheduled, void *data)
{
    ipvs->scheduled = scheduled;
    ipvs->scheduled_data = data;
}

size_t
vs_ipvs_n_connections(const VsIpvs *ipvs)
{
    return vs_table_length(&ipvs->incoming);
}

/* ---- Services and servers -------------------------------------------------------- */

static VsKey
service_key(uint8_t protocol, VsAddr address, uint16_t port)
{
    return vs_flow_key(&(VsFlow){.daddr = address,
                                 .dport = port,
                                 .protocol = protocol,
                                 .family = VS_FAMILY_IPV4});
}

VsIpvsService *
vs_ipvs_find_service(const VsIpvs *ipvs, uint8_t protocol, VsAddr address,
                     uint16_t port)
{
    return vs_table_find(&ipvs->by_address, service_key(protocol, address, port));
}

VsIpvsService *
vs_ipvs_add_service(VsIpvs *ipvs, uint8_t protocol, VsAddr address, uint16_t port,
                    const VsIpvsScheduler *scheduler, VsTime persistence,
                    GError **error)
{
    VsIpvsService *service;

    if (vs_ipvs_find_service(ipvs, protocol, address, port)) {
        g_set_error(error, VS_IPVS_ERROR, VS_IPVS_ERROR_REFERENCE,
                    "there is a service at this address and port already");
        return NULL;
    }
    service = g_new0(VsIpvsService, 1);
    *service = (VsIpvsService){
        .ipvs = ipvs,
        .protocol = protocol,
        .address = address,
        .port = port,
        .scheduler = scheduler,
        .persistence = persistence,
        .servers = g_ptr_array_new_with_free_func(g_free),
    };
    vs_ipvs_balancer_open(service);
    g_ptr_array_add(ipvs->services, service);
    vs_table_insert(&ipvs->by_address, service_key(protocol, address, port), service);
    return service;
}

void
vs_ipvs_set_flags(VsIpvsService *service, unsigned flags)
{
    g_assert(service->by_backend->len == 0);
    vs_ipvs_balancer_close(service);
    service->flags = flags;
    vs_ipvs_balancer_open(service);
}

void
vs_ipvs_remove_service(VsIpvsService *service)
{
    VsIpvs *ipvs = service->ipvs;

    while (service->servers->len > 0) {
        vs_ipvs_remove_server(service->servers->pdata[service->servers->len - 1]);
    }
    for (unsigned i = 0; i < ipvs->removed->len; i++) {
        VsIpvsServer *server = ipvs->removed->pdata[i];

        if (server->service == service) {
            server->service = NULL;
        }
    }
    g_ptr_array_remove(ipvs->services, service);
    vs_table_remove(&ipvs->by_address,
                    service_key(service->protocol, service->address, service->port));
    service_free(service);
}

VsIpvsServer *
vs_ipvs_find_server(const VsIpvsService *service, VsAddr address, uint16_t port)
{
    for (unsigned i = 0; i < service->servers->len; i++) {
        VsIpvsServer *server = service->servers->pdata[i];

        if (server->address == address && server->port == port) {
            return server;
        }
    }
    return NULL;
}

/* The server of that address among the service's removed ones, taken out; or a new one. */
static VsIpvsServer *
revive_server(VsIpvsService *service, VsAddr address, uint16_t port)
{
    GPtrArray *removed = service->ipvs->removed;
    VsIpvsServer *server;

    for (unsigned i = 0; i < removed->len; i++) {
        server = removed->pdata[i];
        if (server->service == service && server->address == address &&
            server->port == port) {
            return g_ptr_array_steal_index(removed, i);
        }
    }
    server = g_new0(VsIpvsServer, 1);
    server->service = service;
    server->address = address;
    server->port = port;
    return server;
}

VsIpvsServer *
vs_ipvs_add_server(VsIpvsService *service, VsAddr address, uint16_t port,
                   uint32_t weight)
{
    VsIpvsServer *server = revive_server(service, address, port);

    server->is_removed = false;
    server->weight = weight;
    g_ptr_array_add(service->servers, server);
    vs_ipvs_balancer_add(service, server);
    return server;
}

void
vs_ipvs_set_weight(VsIpvsServer *server, uint32_t weight)
{
    server->weight = weight;
    if (!server->is_removed) {
        vs_balancer_set_weight(&server->service->balancer, server->backend, weight);
    }
}

void
vs_ipvs_remove_server(VsIpvsServer *server)
{
    VsIpvsService *service = server->service;
    guint at;

    g_assert(!server->is_removed);
    g_ptr_array_find(service->servers, server, &at);
    g_ptr_array_steal_index(service->servers, at);
    vs_balancer_remove(&service->balancer, server->backend);
    server->is_removed = true;
    if (server->n_holders == 0) {
        g_free(server);
        return;
    }
    g_ptr_array_add(service->ipvs->removed, server);
    if (service->ipvs->config.expire_nodest_conn &&
        !vs_timer_is_armed(&service->ipvs->expiry)) {
        vs_timer_arm(&service->ipvs->expiry, vs_now(service->ipvs->netns->run) + JIFFY);
    }
}

static void
expiry_due(VsTimer *timer)
{
    vs_ipvs_expire_removed(VS_CONTAINER_OF(timer, VsIpvs, expiry));
}

void
vs_ipvs_put_server(VsIpvs *ipvs, VsIpvsServer *server)
{
    if (--server->n_holders == 0 && server->is_removed) {
        g_ptr_array_remove(ipvs->removed, server);
    }
}

/* ---- Packets --------------------------------------------------------------------- */

static bool
is_syn(const VsLayer *top)
{
    return top->flow.protocol == VS_PROTOCOL_TCP &&
           (top->tcp.flags & (VS_TCP_SYN | VS_TCP_ACK | VS_TCP_RST)) == VS_TCP_SYN;
}

/* Affinity holds while its server may be used. */
static bool
is_usable(const VsIpvsConnection *template)
{
    const VsIpvsServer *server = template->server;

    return !server->is_removed &&
           (server->weight > 0 || !template->ipvs->config.expire_quiescent_template);
}

/* A new connection of a service, to the server that the client or the scheduler has. */
static VsIpvsConnection *
schedule(VsIpvsService *service, const VsFlow *flow)
{
    VsIpvsConnection *template = NULL;
    VsIpvsServer *server;

    if (service->persistence != 0) {
        template = vs_ipvs_find_template(service, flow);
        if (template && !is_usable(template)) {
            vs_ipvs_expire(template);
            template = NULL;
        }
    }
    server = template ? template->server : service->scheduler->pick(service, flow);
    if (!server) {
        return NULL;
    }
    if (service->persistence != 0) {
        if (!template) {
            template = vs_ipvs_make_template(service, flow, server);
        }
        vs_ipvs_keep(template);
    }
    service->n_connections++;
    if (service->ipvs->scheduled) {
        service->ipvs->scheduled(service->ipvs->scheduled_data, server);
    }
    return vs_ipvs_connect(service->ipvs, flow, server, template);
}

/* True when a SYN means that the old connection is over (is_new_conn_expected): one with
 * affinity goes on, to the same server. */
static bool
is_over(const VsIpvsConnection *connection)
{
    const VsIpvsConfig *config = &connection->ipvs->config;

    if (config->conn_reuse_mode == 0) {
        return false;
    }
    if (config->expire_nodest_conn && connection->server->weight == 0) {
        return true;
    }
    return !connection->control && (connection->state == VS_IPVS_TIME_WAIT ||
                                    connection->state == VS_IPVS_CLOSE);
}

typedef enum Known { KNOWN, UNKNOWN, STALE, OVER } Known;

/* The connection of the packet if it is to go on, or if its server is gone and it waits for
 * that (STALE).  OVER: the packet cannot be scheduled anew, as conntrack still has its old
 * connection; it has to be dropped, and the connection to end, so that the next one can
 * (the "one second delay" of ports that are used again). */
static Known
find_connection(const VsIpvs *ipvs, const VsPacket *packet, const VsLayer *top,
                VsIpvsConnection **ret_connection)
{
    VsIpvsConnection *connection = vs_ipvs_find_incoming(ipvs, &top->flow);
    bool is_old = packet->ct && (packet->ct->status & VS_CT_CONFIRMED);

    *ret_connection = connection;
    if (!connection) {
        return UNKNOWN;
    }
    if (!is_syn(top) || !is_over(connection)) {
        if (!connection->server->is_removed) {
            return KNOWN;
        }
        if (!ipvs->config.expire_nodest_conn) {
            return STALE;
        }
    }
    if (is_old) {
        return OVER;
    }
    vs_ipvs_expire(connection);
    return UNKNOWN;
}

/* The packet goes to the connection's server; conntrack is to know the replies. */
static void
send_to_server(VsIpvsConnection *connection, VsPacket *packet)
{
    const VsIpvsServer *server = connection->server;
    const VsNetns *netns = connection->ipvs->netns;
    VsLayer *top = vs_packet_top(packet);
    VsFlow before = top->flow;
    VsConntrackEntry *entry = packet->ct;

    top->flow.daddr = server->address;
    top->flow.dport = server->port;
    packet->flags |= VS_PACKET_IPVS;
    if (entry && !(entry->status & VS_CT_CONFIRMED)) {
        entry->tuple[VS_CT_REPLY].saddr = server->address;
        entry->tuple[VS_CT_REPLY].sport = server->port;
    }
    if (vs_decision_is_wanted(netns)) {
        vs_decision_translated(netns, packet, "IPVS", &before, NULL);
    }
}

/* From INPUT on to another host. */
static VsVerdict
send_on(VsNetns *netns, VsPacket *packet)
{
    VsLayer *top = vs_packet_top(packet);

    if (top->ttl <= 1) {
        vs_icmp_send_error(netns, packet, VS_ICMP_TIME_EXCEEDED, 0, 0);
        vs_packet_drop(packet, VS_DROP_TTL_EXCEEDED);
        return VS_VERDICT_STOLEN;
    }
    top->ttl--;
    vs_ip_output(netns, packet);
    return VS_VERDICT_STOLEN;
}

static char *
format_server(const VsIpvsServer *server)
{
    g_autofree char *address = vs_format_ipv4(server->address);

    return g_strdup_printf("server %s:%u", address, server->port);
}

/* Tells the trace which server was chosen, NULL for none, and what of the others. */
static void
record_choice(const VsIpvsService *service, VsPacket *packet,
              const VsIpvsServer *chosen)
{
    VsTraceRecord *record =
        vs_story_add(service->ipvs->netns, packet, VS_TRACE_SERVICE);
    GPtrArray *passed = g_ptr_array_new();

    for (unsigned i = 0; i < service->servers->len; i++) {
        const VsIpvsServer *server = service->servers->pdata[i];

        if (server != chosen) {
            g_ptr_array_add(passed, format_server(server));
            g_ptr_array_add(passed,
                            g_strdup(server->weight > 0 ? "the choice fell on another"
                                                        : "its weight is 0"));
        }
    }
    g_ptr_array_add(passed, NULL);
    record->name = g_strdup("IPVS");
    record->passed = (char **)g_ptr_array_free(passed, FALSE);
    record->text = chosen ? format_server(chosen) : g_strdup("no server");
    record->why =
        g_strdup_printf("%s%s of the virtual server's %u", service->scheduler->name,
                        service->persistence != 0 ? ", or the client's affinity," : "",
                        service->servers->len);
}

static VsVerdict
request_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    VsIpvs *ipvs = data;
    VsNetns *netns = ipvs->netns;
    VsHost *host = netns->host;
    const VsLayer *top = vs_packet_top(packet);
    VsIpvsConnection *connection;
    Known known;

    if ((packet->flags & VS_PACKET_IPVS) || (top->flow.protocol != VS_PROTOCOL_TCP &&
                                             top->flow.protocol != VS_PROTOCOL_UDP)) {
        return VS_VERDICT_ACCEPT;
    }
    vs_host_charge(host, host->costs.conntrack_lookup);
    known = find_connection(ipvs, packet, top, &connection);
    if (known == STALE || known == OVER) {
        vs_packet_drop(packet, VS_DROP_STALE_CONNECTION);
        if (known == OVER) {
            vs_ipvs_expire(connection);
        }
        return VS_VERDICT_STOLEN;
    }
    if (known == UNKNOWN) {
        VsIpvsService *service = vs_ipvs_find_service(ipvs, top->flow.protocol,
                                                      top->flow.daddr, top->flow.dport);

        if (!service || (top->flow.protocol == VS_PROTOCOL_TCP && !is_syn(top))) {
            return VS_VERDICT_ACCEPT;
        }
        vs_host_charge(host, host->costs.conntrack_insert);
        connection = schedule(service, &top->flow);
        if (vs_packet_is_traced(packet)) {
            record_choice(service, packet, connection ? connection->server : NULL);
        }
        if (!connection) {
            vs_icmp_send_error(netns, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_PORT,
                               0);
            vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
            return VS_VERDICT_STOLEN;
        }
    }
    vs_ipvs_follow(connection, top, false);
    vs_host_charge(host, host->costs.nat_rewrite);
    send_to_server(connection, packet);
    /* In OUTPUT the packet is routed again anyway; a server of our own is near. */
    if (state->point == VS_HOOK_OUTPUT ||
        vs_netns_is_local(netns, connection->server->address)) {
        return VS_VERDICT_ACCEPT;
    }
    return send_on(netns, packet);
}

/* What a server answers comes from the service. */
static VsVerdict
reply_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    VsIpvs *ipvs = data;
    VsHost *host = ipvs->netns->host;
    VsLayer *top = vs_packet_top(packet);
    VsFlow before = top->flow;
    VsIpvsConnection *connection;

    (void)state;
    if ((packet->flags & VS_PACKET_IPVS) || vs_icmp_is_error(top)) {
        return VS_VERDICT_ACCEPT;
    }
    connection = vs_ipvs_find_outgoing(ipvs, &top->flow);
    if (!connection) {
        return VS_VERDICT_ACCEPT;
    }
    vs_host_charge(host, host->costs.nat_rewrite);
    vs_ipvs_follow(connection, top, true);
    top->flow.saddr = connection->flow.daddr;
    top->flow.sport = connection->flow.dport;
    packet->flags |= VS_PACKET_IPVS;
    if (vs_decision_is_wanted(ipvs->netns)) {
        vs_decision_translated(ipvs->netns, packet, "IPVS", &before, NULL);
    }
    return VS_VERDICT_ACCEPT;
}

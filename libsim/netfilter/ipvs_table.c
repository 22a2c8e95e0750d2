/* The connections of IPVS: their tables, states and timeouts (ip_vs_conn.c,
 * ip_vs_proto_tcp.c). */
#include <glib.h>

#include "netfilter/conntrack.h"
#include "netfilter/ipvs_internal.h"

/* A template that has connections looks again after this. */
#define TEMPLATE_RETRY (60 * VS_S)

#define NO VS_IPVS_NONE
#define ES VS_IPVS_ESTABLISHED
#define SS VS_IPVS_SYN_SENT
#define SR VS_IPVS_SYN_RECV
#define FW VS_IPVS_FIN_WAIT
#define TW VS_IPVS_TIME_WAIT
#define CL VS_IPVS_CLOSE
#define CW VS_IPVS_CLOSE_WAIT
#define LA VS_IPVS_LAST_ACK

typedef enum Kind { KIND_SYN, KIND_FIN, KIND_ACK, KIND_RST, N_KINDS } Kind;

/* clang-format off */
static const uint8_t next_states[2][N_KINDS][VS_IPVS_N_STATES] = {
    {   /* From the client.  NO  ES  SS  SR  FW  TW  CL  CW  LA */
        [KIND_SYN]        = {SR, ES, ES, SR, SR, SR, SR, SR, SR},
        [KIND_FIN]        = {CL, CW, SS, TW, TW, TW, CL, CW, LA},
        [KIND_ACK]        = {ES, ES, SS, ES, FW, TW, CL, CW, CL},
        [KIND_RST]        = {CL, CL, CL, SR, CL, CL, CL, CL, LA},
    },
    {   /* From the server. */
        [KIND_SYN]        = {SS, ES, SS, SR, SS, SS, SS, SS, SS},
        [KIND_FIN]        = {TW, FW, SS, TW, FW, TW, CL, TW, LA},
        [KIND_ACK]        = {ES, ES, SS, ES, FW, TW, CL, CW, LA},
        [KIND_RST]        = {CL, CL, SS, CL, CL, TW, CL, CL, CL},
    },
};
/* clang-format on */

static const VsTime lifetimes[VS_IPVS_N_STATES] = {
    [NO] = 2 * VS_S,  [SS] = 120 * VS_S, [SR] = 60 * VS_S, [TW] = 120 * VS_S,
    [CL] = 10 * VS_S, [CW] = 60 * VS_S,  [LA] = 30 * VS_S,
};

static void connection_timeout(VsTimer *timer);

static bool
is_open(VsIpvsState state)
{
    return state == ES || state == SS || state == SR;
}

VsIpvsConnection *
vs_ipvs_find_incoming(const VsIpvs *ipvs, const VsFlow *flow)
{
    VsFlow plain = *flow;

    plain.zone = 0;
    return vs_table_find(&ipvs->incoming, vs_flow_key(&plain));
}

VsIpvsConnection *
vs_ipvs_find_outgoing(const VsIpvs *ipvs, const VsFlow *flow)
{
    VsFlow plain = *flow;

    plain.zone = 0;
    return vs_table_find(&ipvs->outgoing, vs_flow_key(&plain));
}

/* The replies of the connection's server. */
static VsKey
outgoing_key(const VsIpvsConnection *connection)
{
    VsFlow reply = vs_flow_reverse(&connection->flow);

    reply.saddr = connection->server->address;
    reply.sport = connection->server->port;
    return vs_flow_key(&reply);
}

static VsIpvsConnection *
connection_new(VsIpvs *ipvs, const VsFlow *flow, VsIpvsServer *server)
{
    VsIpvsConnection *connection = vs_pool_alloc(&ipvs->connections);

    *connection = (VsIpvsConnection){.ipvs = ipvs, .flow = *flow, .server = server};
    connection->flow.zone = 0;
    server->n_holders++;
    vs_timer_init(&connection->timer, &ipvs->netns->host->entity, connection_timeout);
    return connection;
}

VsIpvsConnection *
vs_ipvs_connect(VsIpvs *ipvs, const VsFlow *flow, VsIpvsServer *server,
                VsIpvsConnection *control)
{
    VsIpvsConnection *connection = connection_new(ipvs, flow, server);

    connection->lifetime =
        flow->protocol == VS_PROTOCOL_UDP ? ipvs->config.udp_timeout : lifetimes[NO];
    connection->is_active = true;
    server->n_active++;
    server->n_connections++;
    if (control) {
        connection->control = control;
        control->n_controlled++;
    }
    connection->is_incoming =
        vs_table_insert(&ipvs->incoming, vs_flow_key(&connection->flow), connection);
    /* Two VIPs with one server, asked from one port: the first gets the replies. */
    connection->is_outgoing =
        vs_table_insert(&ipvs->outgoing, outgoing_key(connection), connection);
    return connection;
}

static VsFlow
template_flow(const VsIpvsService *service, const VsFlow *flow)
{
    return (VsFlow){.saddr = flow->saddr,
                    .daddr = service->address,
                    .dport = service->port,
                    .protocol = service->protocol,
                    .family = flow->family};
}

VsIpvsConnection *
vs_ipvs_find_template(const VsIpvsService *service, const VsFlow *flow)
{
    VsFlow client = template_flow(service, flow);

    return vs_table_find(&service->ipvs->templates, vs_flow_key(&client));
}

VsIpvsConnection *
vs_ipvs_make_template(VsIpvsService *service, const VsFlow *flow, VsIpvsServer *server)
{
    VsFlow client = template_flow(service, flow);
    VsIpvsConnection *template = connection_new(service->ipvs, &client, server);

    template->is_template = true;
    template->lifetime = service->persistence;
    template->is_incoming =
        vs_table_insert(&service->ipvs->templates, vs_flow_key(&client), template);
    return template;
}

/* The timer is left alone when it fires early enough to find out by itself. */
void
vs_ipvs_keep(VsIpvsConnection *connection)
{
    connection->expires = vs_now(connection->ipvs->netns->run) + connection->lifetime;
    if (!vs_timer_is_armed(&connection->timer) ||
        connection->timer.due > connection->expires) {
        vs_timer_arm(&connection->timer, connection->expires);
    }
}

static Kind
segment_kind(uint8_t flags)
{
    return flags & VS_TCP_RST   ? KIND_RST
           : flags & VS_TCP_SYN ? KIND_SYN
           : flags & VS_TCP_FIN ? KIND_FIN
                                : KIND_ACK;
}

void
vs_ipvs_follow(VsIpvsConnection *connection, const VsLayer *top, bool is_reply)
{
    const VsIpvsConfig *config = &connection->ipvs->config;
    VsIpvsServer *server = connection->server;

    if (top->flow.protocol == VS_PROTOCOL_TCP) {
        VsIpvsState state =
            next_states[is_reply][segment_kind(top->tcp.flags)][connection->state];

        connection->state = (uint8_t)state;
        connection->lifetime = state == ES   ? config->tcp_timeout
                               : state == FW ? config->tcp_fin_timeout
                                             : lifetimes[state];
        if (connection->is_active != is_open(state)) {
            connection->is_active = is_open(state);
            server->n_active += connection->is_active ? 1 : -1u;
            server->n_inactive += connection->is_active ? -1u : 1;
        }
    }
    vs_ipvs_keep(connection);
}

/* Lookups find it no more. */
static void
unhash(VsIpvsConnection *connection)
{
    VsIpvs *ipvs = connection->ipvs;

    if (connection->is_incoming) {
        vs_table_remove(connection->is_template ? &ipvs->templates : &ipvs->incoming,
                        vs_flow_key(&connection->flow));
        connection->is_incoming = false;
    }
    if (connection->is_outgoing) {
        vs_table_remove(&ipvs->outgoing, outgoing_key(connection));
        connection->is_outgoing = false;
    }
}

static void
drop_conntrack(const VsIpvsConnection *connection)
{
    VsCtDir dir;
    VsConntrackEntry *entry =
        vs_conntrack_find(connection->ipvs->netns->conntrack, &connection->flow, &dir);

    if (entry && dir == VS_CT_ORIGINAL) {
        vs_conntrack_delete(entry);
    }
}

void
vs_ipvs_expire(VsIpvsConnection *connection)
{
    VsIpvs *ipvs = connection->ipvs;
    VsIpvsServer *server = connection->server;
    VsIpvsConnection *control = connection->control;

    unhash(connection);
    if (connection->n_controlled > 0) {
        return;
    }
    vs_timer_cancel(&connection->timer);
    if (!connection->is_template) {
        drop_conntrack(connection);
        (*(connection->is_active ? &server->n_active : &server->n_inactive))--;
    }
    vs_pool_free(&ipvs->connections, connection);
    if (control && --control->n_controlled == 0 && !control->is_incoming) {
        vs_ipvs_expire(control);
    }
    vs_ipvs_put_server(ipvs, server);
}

static void
expire_removed_of(const VsTable *table)
{
    g_autoptr(GPtrArray) over = g_ptr_array_new();
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(table, &cursor, &key, &value)) {
        const VsIpvsConnection *connection = value;

        if (connection->server->is_removed && connection->n_controlled == 0) {
            g_ptr_array_add(over, value);
        }
    }
    for (unsigned i = 0; i < over->len; i++) {
        vs_ipvs_expire(over->pdata[i]);
    }
}

void
vs_ipvs_expire_removed(VsIpvs *ipvs)
{
    expire_removed_of(&ipvs->incoming);
    expire_removed_of(&ipvs->templates);
}

static void
connection_timeout(VsTimer *timer)
{
    VsIpvsConnection *connection = VS_CONTAINER_OF(timer, VsIpvsConnection, timer);

    if (connection->expires > timer->due) {
        vs_timer_arm(timer, connection->expires);
    } else if (connection->n_controlled > 0) {
        connection->expires = timer->due + TEMPLATE_RETRY;
        vs_timer_arm(timer, connection->expires);
    } else {
        vs_ipvs_expire(connection);
    }
}

#include "transport/socket.h"

#include <glib.h>

#include "net/icmp.h"
#include "transport/socket_internal.h"
#include "transport/tcp_internal.h"
#include "transport/tls_internal.h"

enum { OBJECTS_A_SLAB = 8 }; /* Thousands of pods have few connections each. */

const char *const vs_tcp_ecn_names[] = {
    [VS_TCP_ECN_PASSIVE] = "passive",
    [VS_TCP_ECN_OFF] = "off",
    [VS_TCP_ECN_ON] = "on",
    NULL,
};

const char *const vs_tcp_syn_cookies_names[] = {
    [VS_TCP_SYN_COOKIES_OFF] = "no",
    [VS_TCP_SYN_COOKIES_ON] = "yes",
    [VS_TCP_SYN_COOKIES_ALWAYS] = "always",
    NULL,
};

static void sockets_receive(VsHop *hop, VsPacket *packet);
static void deferred_due(VsTimer *timer);
static void sockets_free(VsSockets *sockets);

VsSockets *
vs_sockets_of(VsNetns *netns)
{
    g_autofree char *place = NULL;
    VsSockets *sockets;

    if (netns->sockets) {
        return netns->sockets;
    }
    place = g_strdup_printf("sockets %s", netns->name);
    sockets = g_new0(VsSockets, 1);
    sockets->netns = netns;
    sockets->run = netns->run;
    sockets->local.receive = sockets_receive;
    sockets->wait_stage =
        vs_stages_add(&netns->run->packets->stages, place, "wait", VS_STAGE_DELAY);
    sockets->next_port[VS_PORTS_TCP] = VS_EPHEMERAL_FIRST;
    sockets->next_port[VS_PORTS_UDP] = VS_EPHEMERAL_FIRST;
    vs_table_init(&sockets->bound);
    vs_timer_init(&sockets->deferred_timer, &netns->host->entity, deferred_due);

    vs_table_init(&sockets->connections);
    vs_table_init(&sockets->path_mtus);
    sockets->config = VS_TCP_CONFIG_DEFAULT;
    sockets->config.congestion =
        (VsCongestionKind)netns->host->sysctls.tcp_congestion_control;
    sockets->config.ecn = (VsTcpEcn)netns->host->sysctls.tcp_ecn;
    sockets->config.has_gso = netns->host->sysctls.has_gso;
    vs_pool_init(&sockets->tcps, sizeof(VsTcp), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->messages, sizeof(VsTcpMessage), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->sents, sizeof(VsTcpSent), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->flights, sizeof(VsTcpFlight), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->blocks, sizeof(VsTcpBlocks), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->deliveries, sizeof(VsDelivery), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->time_waits, sizeof(VsTcpTimeWait), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->udp_peers, sizeof(VsUdpPeer), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->path_mtu_entries, sizeof(VsPathMtu), OBJECTS_A_SLAB);
    vs_table_init(&sockets->tls_tickets);
    vs_pool_init(&sockets->tls_ticket_entries, sizeof(VsTlsTicket), OBJECTS_A_SLAB);
    vs_pool_init(&sockets->tlss, sizeof(VsTls), OBJECTS_A_SLAB);
    vs_timer_init(&sockets->time_wait_timer, &netns->host->entity,
                  vs_tcp_time_wait_due);

    netns->sockets = sockets;
    netns->free_sockets = sockets_free;
    netns->local = &sockets->local;
    return sockets;
}

void
vs_sockets_set_tcp_config(VsSockets *sockets, const VsTcpConfig *config)
{
    g_assert(vs_table_length(&sockets->connections) == 0);
    g_assert(config->initial_window > 0 && config->receive_buffer > 0 &&
             config->rto_initial > 0 && config->rto_min > 0 &&
             config->syn_retries + config->syn_linear_timeouts <= UINT8_MAX &&
             config->retries <= UINT8_MAX);
    g_assert(config->port_first > 0 && config->port_first <= config->port_last &&
             config->port_last <= UINT16_MAX);
    g_assert(config->keepalive_idle == 0 ||
             (config->keepalive_interval > 0 && config->keepalive_probes <= UINT8_MAX));
    g_assert(config->has_timestamps || !config->is_reusing_time_wait);
    sockets->config = *config;
    sockets->next_port[VS_PORTS_TCP] = (uint16_t)config->port_first;
    sockets->next_port[VS_PORTS_UDP] = (uint16_t)config->port_first;
}

void
vs_sockets_set_connect_hook(VsSockets *sockets, VsConnectHook hook, void *data)
{
    sockets->connect_hook = hook;
    sockets->connect_data = data;
}

void
vs_sockets_set_connect_story(VsSockets *sockets, VsConnectStory story)
{
    sockets->connect_story = story;
}

uint64_t
vs_sockets_n_held(const VsNetns *netns)
{
    return netns->sockets ? netns->sockets->n_held + netns->sockets->deferred.length
                          : 0;
}

uint16_t
vs_sockets_next_port(VsSockets *sockets, unsigned ports)
{
    uint16_t port = sockets->next_port[ports];

    sockets->next_port[ports] = port == sockets->config.port_last
                                    ? (uint16_t)sockets->config.port_first
                                    : (uint16_t)(port + 1);
    return port;
}

void
vs_sockets_free_dead(VsSockets *sockets)
{
    while (sockets->dead) {
        VsTcp *tcp = sockets->dead;

        sockets->dead = tcp->next;
        if (tcp->tls) {
            vs_pool_free(&sockets->tlss, tcp->tls);
        }
        vs_pool_free(&sockets->tcps, tcp);
    }
}

static void
sockets_free(VsSockets *sockets)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&sockets->connections, &cursor, &key, &value)) {
        const VsTcpEntry *entry = value;

        if (!entry->is_time_wait) {
            VsTcp *tcp = value;

            vs_timer_cancel(&tcp->timer);
            vs_packet_queue_drop(&tcp->early, VS_DROP_HOST_CLOSED);
        }
    }
    vs_timer_cancel(&sockets->deferred_timer);
    vs_timer_cancel(&sockets->time_wait_timer);
    vs_packet_queue_drop(&sockets->deferred, VS_DROP_HOST_CLOSED);
    vs_table_clear(&sockets->bound);
    vs_table_clear(&sockets->connections);
    vs_table_clear(&sockets->path_mtus);
    vs_pool_clear(&sockets->tcps);
    vs_pool_clear(&sockets->messages);
    vs_pool_clear(&sockets->sents);
    vs_pool_clear(&sockets->flights);
    vs_pool_clear(&sockets->blocks);
    vs_pool_clear(&sockets->deliveries);
    vs_pool_clear(&sockets->time_waits);
    vs_pool_clear(&sockets->udp_peers);
    vs_pool_clear(&sockets->path_mtu_entries);
    vs_table_clear(&sockets->tls_tickets);
    vs_pool_clear(&sockets->tls_ticket_entries);
    vs_pool_clear(&sockets->tlss);
    g_free(sockets);
}

static void
icmp_input(VsSockets *sockets, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    const VsLayer *quoted;
    bool is_ours = false;

    vs_sockets_tell(sockets, packet, VS_TRACE_DELIVER);
    if (top->icmp.type == VS_ICMP_ECHO) {
        vs_icmp_answer_echo(sockets->netns, packet);
        return;
    }
    if (vs_icmp_is_error(top) && packet->n_layers > 1) {
        quoted = &packet->layers[packet->n_layers - 2];
        if (quoted->flow.protocol == VS_PROTOCOL_TCP) {
            is_ours = vs_tcp_input_error(sockets, top, quoted);
        } else if (quoted->flow.protocol == VS_PROTOCOL_UDP) {
            is_ours = vs_udp_input_error(sockets, top, quoted);
        }
    }
    if (is_ours) {
        vs_packet_deliver(packet);
    } else {
        vs_packet_drop(packet, VS_DROP_NO_SOCKET);
    }
}

/* What came, not only when, is part of the run's fingerprint. */
static void
add_to_digest(const VsSockets *sockets, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    uint64_t what = packet->payload_bytes;

    if (top->flow.protocol == VS_PROTOCOL_TCP) {
        what |= (uint64_t)top->tcp.seq << 32;
    } else if (top->flow.protocol == VS_PROTOCOL_ICMP) {
        what |= (uint64_t)top->icmp.type << 40 | (uint64_t)top->icmp.code << 32;
    }
    vs_digest_add(&sockets->run->digest,
                  vs_key_hash(vs_flow_key(&top->flow)) ^ vs_mix64(what),
                  (uint64_t)vs_now(sockets->run));
}

static void
input(VsSockets *sockets, VsPacket *packet)
{
    add_to_digest(sockets, packet);
    vs_sockets_enter(sockets);
    switch (vs_packet_top(packet)->flow.protocol) {
    case VS_PROTOCOL_TCP:
        vs_tcp_input(sockets, packet);
        break;
    case VS_PROTOCOL_UDP:
        vs_udp_input(sockets, packet);
        break;
    case VS_PROTOCOL_ICMP:
        icmp_input(sockets, packet);
        break;
    default:
        vs_packet_drop(packet, VS_DROP_NO_SOCKET);
        break;
    }
    vs_sockets_leave(sockets);
}

static void
sockets_receive(VsHop *hop, VsPacket *packet)
{
    VsSockets *sockets = VS_CONTAINER_OF(hop, VsSockets, local);

    if (G_UNLIKELY(sockets->depth > 0 || sockets->deferred.first)) {
        vs_packet_queue_push(&sockets->deferred, packet);
        if (!vs_timer_is_armed(&sockets->deferred_timer)) {
            vs_timer_arm(&sockets->deferred_timer, vs_now(sockets->run));
        }
        return;
    }
    input(sockets, packet);
}

/* Only what waited when the event began: what comes meanwhile has an event of its own. */
static void
deferred_due(VsTimer *timer)
{
    VsSockets *sockets = VS_CONTAINER_OF(timer, VsSockets, deferred_timer);

    for (uint32_t n = sockets->deferred.length; n > 0; n--) {
        input(sockets, vs_packet_queue_pop(&sockets->deferred));
    }
}

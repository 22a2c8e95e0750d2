#include "transport/tcp.h"

#include <glib.h>
#include <string.h>

#include "base/hash.h"
#include "transport/tcp_internal.h"
#include "transport/tls_internal.h"

enum {
    MSS_DEFAULT = 536, /* Of a peer that names none (RFC 9293). */
    MSS_MIN = 48,      /* TCP_MIN_SND_MSS of Linux. */
    SHIFT_MAX = 14,    /* RFC 7323. */
};

static bool find_port(VsSockets *sockets, VsFlow *flow);

VsTcp *
vs_tcp_connect(VsNetns *netns, VsAddr saddr, VsAddr daddr, uint16_t dport,
               VsJourney *journey, const VsTcpOps *ops, void *user)
{
    const VsTcpOrigin origin = {.address = saddr};

    return vs_tcp_connect_from(netns, &origin, daddr, dport, journey, ops, user);
}

VsTcp *
vs_tcp_connect_from(VsNetns *netns, const VsTcpOrigin *origin, VsAddr daddr,
                    uint16_t dport, VsJourney *journey, const VsTcpOps *ops, void *user)
{
    VsSockets *sockets = vs_sockets_of(netns);
    VsAddr asked_daddr = daddr;
    uint16_t asked_dport = dport;
    bool has_destination =
        !sockets->connect_hook ||
        sockets->connect_hook(sockets->connect_data, VS_PROTOCOL_TCP, &daddr, &dport);
    VsFlow flow = {.saddr = origin->address ? origin->address
                                            : vs_netns_source_for(netns, daddr),
                   .daddr = daddr,
                   .dport = dport,
                   .protocol = VS_PROTOCOL_TCP,
                   .family = VS_FAMILY_IPV4};
    bool is_reachable =
        has_destination && flow.saddr != 0 && vs_netns_mtu_to(netns, daddr) != 0;
    bool is_doomed = !is_reachable || !find_port(sockets, &flow);
    VsTcp *tcp;

    vs_sockets_enter(sockets);
    sockets->stats.n_opened++;
    tcp = vs_tcp_new(sockets, &flow);
    tcp->ops = ops;
    tcp->user = user;
    tcp->uid = origin->uid;
    tcp->state = VS_TCP_SYN_SENT;
    if (is_doomed) {
        tcp->is_doomed = true;
        tcp->end = is_reachable ? VS_TCP_END_NO_PORT : VS_TCP_END_UNREACHABLE;
        tcp->rto_due = vs_now(sockets->run);
    } else {
        VsFlow reverse = vs_flow_reverse(&flow);

        tcp->journey = journey;
        tcp->journey_generation = journey ? journey->generation : 0;
        tcp->is_traced = journey && journey->is_traced && sockets->run->trace;
        vs_table_insert(&sockets->connections, vs_flow_key(&reverse), tcp);
        sockets->asked_daddr = asked_daddr;
        sockets->asked_dport = asked_dport;
        vs_tcp_send_syn(tcp, NULL);
        sockets->asked_daddr = 0;
    }
    vs_tcp_arm(tcp);
    vs_sockets_leave(sockets);
    return tcp;
}

void
vs_tcp_send(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    const VsJourney *journey;
    VsTcpMessage *message;
    VsPayload sealed;

    if (!vs_tcp_is_alive(tcp)) {
        return;
    }
    g_assert(bytes > 0 && !tcp->is_closing);
    if (tcp->tls) {
        sealed = *payload;
        payload = &sealed;
        bytes = vs_tls_seal(tcp, &sealed, bytes);
    }
    journey = vs_payload_journey(payload);
    if (journey) {
        tcp->is_traced = journey->is_traced && tcp->sockets->run->trace;
    }
    message = vs_tcp_messages_push(tcp, &tcp->queue, payload, bytes);
    message->start = tcp->snd_end;
    tcp->snd_end += bytes;
    if (!tcp->cursor) {
        tcp->cursor = message;
    }
    vs_sockets_enter(tcp->sockets);
    vs_tcp_output(tcp);
    vs_tcp_arm(tcp);
    vs_sockets_leave(tcp->sockets);
}

uint64_t
vs_tcp_unsent_bytes(const VsTcp *tcp)
{
    return tcp->snd_end - MIN(tcp->snd_nxt, tcp->snd_end);
}

void
vs_tcp_close(VsTcp *tcp)
{
    if (!vs_tcp_is_alive(tcp) || tcp->is_closing) {
        return;
    }
    tcp->is_closing = true;
    if (tcp->state == VS_TCP_ESTABLISHED) {
        tcp->state = VS_TCP_FIN_WAIT_1;
    } else if (tcp->state == VS_TCP_CLOSE_WAIT) {
        tcp->state = VS_TCP_LAST_ACK;
    }
    vs_sockets_enter(tcp->sockets);
    vs_tcp_output(tcp);
    vs_tcp_arm(tcp);
    vs_sockets_leave(tcp->sockets);
}

void
vs_tcp_abort(VsTcp *tcp)
{
    VsSockets *sockets = tcp->sockets;

    if (!vs_tcp_is_alive(tcp)) {
        return;
    }
    vs_sockets_enter(sockets);
    switch ((VsTcpState)tcp->state) {
    case VS_TCP_SYN_RECEIVED:
    case VS_TCP_ESTABLISHED:
    case VS_TCP_FIN_WAIT_1:
    case VS_TCP_FIN_WAIT_2:
    case VS_TCP_CLOSE_WAIT:
        vs_tcp_send_abort(tcp);
        break;
    default:
        break;
    }
    vs_tcp_retire(tcp, VS_TCP_CLOSED);
    vs_sockets_leave(sockets);
}

VsTcpState
vs_tcp_state(const VsTcp *tcp)
{
    return tcp->state;
}

const VsFlow *
vs_tcp_flow(const VsTcp *tcp)
{
    return &tcp->flow;
}

void *
vs_tcp_user(const VsTcp *tcp)
{
    return tcp->user;
}

void
vs_tcp_set_user(VsTcp *tcp, void *user)
{
    tcp->user = user;
}

void
vs_tcp_set_ops(VsTcp *tcp, const VsTcpOps *ops, void *user)
{
    tcp->ops = ops;
    tcp->user = user;
}

const VsTcpStats *
vs_tcp_stats(const VsNetns *netns)
{
    static const VsTcpStats none;

    return netns->sockets ? &netns->sockets->stats : &none;
}

/* True when no connection, not even one in TIME_WAIT, has the addresses and ports of 'flow';
 * but see 'is_reusing_time_wait'. */
static bool
is_free(VsSockets *sockets, const VsFlow *flow)
{
    VsFlow reverse = vs_flow_reverse(flow);
    VsTcpEntry *entry;

    if (vs_flow_equals(flow, &reverse)) {
        return false;
    }
    entry = vs_table_find(&sockets->connections, vs_flow_key(&reverse));
    return !entry || (entry->is_time_wait &&
                      vs_tcp_time_wait_reuse(sockets, (VsTcpTimeWait *)entry));
}

/* A free ephemeral port towards the destination of 'flow', which gets it. */
static bool
find_port(VsSockets *sockets, VsFlow *flow)
{
    for (unsigned n = vs_sockets_n_ports(sockets); n > 0; n--) {
        flow->sport = vs_sockets_next_port(sockets, VS_PORTS_TCP);
        if (is_free(sockets, flow)) {
            return true;
        }
    }
    flow->sport = 0;
    sockets->stats.n_without_port++;
    return false;
}

/* RFC 6528 with the clock of Linux, which ticks every 64 ns: a later connection of
 * the same flow starts higher, so a SYN can end the TIME_WAIT of the one before. */
static uint64_t
first_position(const VsSockets *sockets, const VsFlow *flow)
{
    VsKey key = vs_flow_key(flow);
    uint64_t secret = vs_mix64(key.w[0] ^ vs_mix64(key.w[1] ^ sockets->run->seed));
    uint64_t clock = (uint64_t)(vs_now(sockets->run) / (64 * VS_NS));

    return (UINT64_C(1) << 32) + (uint32_t)(secret + clock);
}

VsTcp *
vs_tcp_new(VsSockets *sockets, const VsFlow *flow)
{
    VsTcp *tcp = vs_pool_alloc(&sockets->tcps);

    memset(tcp, 0, sizeof(*tcp));
    tcp->sockets = sockets;
    tcp->flow = *flow;
    tcp->rto_due = VS_TIME_NEVER;
    tcp->ack_due = VS_TIME_NEVER;
    tcp->keepalive_due = VS_TIME_NEVER;
    tcp->rack_steps = 1;
    tcp->reordering = VS_TCP_REORDERING;
    tcp->has_sack = sockets->config.has_sack;
    vs_timer_init(&tcp->timer, &sockets->netns->host->entity, vs_tcp_timer_due);
    tcp->snd_una = tcp->snd_nxt = first_position(sockets, flow);
    tcp->snd_end = tcp->snd_una + 1;
    tcp->has_timestamps = sockets->config.has_timestamps;
    while (tcp->receive_shift < SHIFT_MAX &&
           sockets->config.receive_buffer >> tcp->receive_shift > UINT16_MAX) {
        tcp->receive_shift++;
    }
    return tcp;
}

bool
vs_tcp_asks_for_ecn(const VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;

    return config->ecn == VS_TCP_ECN_ON || vs_congestion_needs_ecn(config->congestion);
}

/* RFC 3168 section 6.1.1: a SYN asks with ECE and CWR, a SYN-ACK agrees with ECE alone. */
static bool
agrees_on_ecn(const VsTcp *tcp, const VsTcpHeader *syn)
{
    uint8_t flags = syn->flags & (VS_TCP_ECE | VS_TCP_CWR);

    if (tcp->state == VS_TCP_SYN_SENT) {
        return vs_tcp_asks_for_ecn(tcp) && flags == VS_TCP_ECE;
    }
    return (tcp->sockets->config.ecn != VS_TCP_ECN_OFF || vs_tcp_asks_for_ecn(tcp)) &&
           flags == (VS_TCP_ECE | VS_TCP_CWR);
}

void
vs_tcp_take_options(VsTcp *tcp, VsPacket *packet)
{
    const VsTcpHeader *syn = &vs_packet_top(packet)->tcp;
    uint16_t ours = vs_tcp_mss_of(vs_tcp_mtu_to(tcp->sockets, tcp->flow.daddr));
    uint16_t theirs = syn->mss ? MAX(syn->mss, MSS_MIN) : MSS_DEFAULT;

    tcp->has_timestamps =
        tcp->has_timestamps && (syn->options & VS_TCP_OPTION_TIMESTAMPS);
    if (tcp->has_timestamps) {
        tcp->ts_recent = packet->tcp_options.ts_value;
        tcp->ts_recent_at = vs_now(tcp->sockets->run);
    }
    tcp->has_sack = tcp->has_sack && (syn->options & VS_TCP_OPTION_SACK_PERMITTED);
    tcp->mss = vs_tcp_data_bytes(tcp, MIN(ours, theirs));
    tcp->is_scaling = syn->wscale != 0;
    if (tcp->is_scaling) {
        tcp->send_shift = (uint8_t)MIN(syn->wscale - 1, SHIFT_MAX);
    } else {
        tcp->receive_shift = 0;
    }
    tcp->is_ecn = agrees_on_ecn(tcp, syn);
    tcp->window = syn->window;
    tcp->rcv_nxt = (UINT64_C(1) << 32) + syn->seq + 1;
    tcp->rcv_edge = tcp->rcv_nxt;
    tcp->window_seq = tcp->rcv_nxt - 1;
}

void
vs_tcp_renounce_options(VsTcp *tcp)
{
    tcp->has_timestamps = false;
    tcp->has_sack = false;
    tcp->is_scaling = false;
    tcp->send_shift = 0;
    tcp->receive_shift = 0;
    tcp->is_ecn = false;
}

uint16_t
vs_tcp_data_bytes(const VsTcp *tcp, uint16_t mss)
{
    uint32_t options = tcp->has_timestamps ? VS_TCP_TIMESTAMPS_BYTES : 0;

    return (uint16_t)(MAX(mss, MSS_MIN) - options);
}

uint16_t
vs_tcp_mss_of(uint32_t mtu)
{
    uint32_t headers = VS_IPV4_HEADER_BYTES + VS_TCP_HEADER_BYTES;

    /* No IPv4 packet is longer than its length field can say. */
    mtu = MIN(mtu, (uint32_t)UINT16_MAX);
    return (uint16_t)(MAX(mtu, MSS_MIN + headers) - headers);
}

void
vs_tcp_establish(VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;

    tcp->state = tcp->is_closing ? VS_TCP_FIN_WAIT_1 : VS_TCP_ESTABLISHED;
    vs_congestion_init(&tcp->congestion, config->congestion, tcp->mss,
                       config->initial_window);
    tcp->n_retries = 0;
    tcp->rto_due = VS_TIME_NEVER;
    if (tcp->sockets->config.keepalive_idle > 0) {
        tcp->received_at = vs_now(tcp->sockets->run);
        tcp->keepalive_due = tcp->received_at + tcp->sockets->config.keepalive_idle;
    }
    tcp->journey = NULL;
}

void
vs_tcp_retire(VsTcp *tcp, VsTcpState last)
{
    VsSockets *sockets = tcp->sockets;
    VsFlow reverse = vs_flow_reverse(&tcp->flow);

    if (tcp->state == VS_TCP_SYN_SENT || tcp->state == VS_TCP_SYN_RECEIVED) {
        sockets->stats.n_failed++;
    }
    if (tcp->listener) {
        vs_tcp_listen_forget(tcp);
    }
    if (!tcp->is_doomed) {
        vs_table_remove(&sockets->connections, vs_flow_key(&reverse));
    }
    vs_timer_cancel(&tcp->timer);
    sockets->n_held -= tcp->early.length;
    vs_packet_queue_drop(&tcp->early, VS_DROP_HOST_CLOSED);
    vs_tcp_flight_clear(tcp);
    vs_tcp_sack_clear(tcp);
    while (tcp->queue.first) {
        vs_tcp_messages_pop(tcp, &tcp->queue);
    }
    while (tcp->kept.first) {
        vs_tcp_messages_pop(tcp, &tcp->kept);
    }
    vs_congestion_clear(&tcp->congestion);
    tcp->state = last;
    vs_tcp_discard(tcp);
}

void
vs_tcp_discard(VsTcp *tcp)
{
    tcp->next = tcp->sockets->dead;
    tcp->sockets->dead = tcp;
}

void
vs_tcp_break(VsTcp *tcp, VsTcpEnd end)
{
    vs_tcp_retire(tcp, VS_TCP_CLOSED);
    if (tcp->ops) {
        tcp->ops->broken(tcp, end);
    }
}

void
vs_tcp_break_off(VsTcp *tcp)
{
    vs_tcp_send_abort(tcp);
    vs_tcp_break(tcp, VS_TCP_END_RESET);
}

void
vs_tcp_tell_connected(VsTcp *tcp)
{
    if (tcp->tls) {
        vs_tls_connected(tcp);
    } else {
        tcp->ops->connected(tcp);
    }
}

void
vs_tcp_tell_sendable(VsTcp *tcp)
{
    if (tcp->ops && tcp->ops->sendable) {
        tcp->ops->sendable(tcp);
    }
}

void
vs_tcp_tell_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    if (tcp->tls) {
        vs_tls_message(tcp, payload, bytes);
    } else {
        tcp->ops->message(tcp, payload, bytes);
    }
}

VsTcpMessage *
vs_tcp_messages_push(VsTcp *tcp, VsTcpMessages *messages, const VsPayload *payload,
                     uint64_t bytes)
{
    VsTcpMessage *message = vs_pool_alloc(&tcp->sockets->messages);

    message->next = NULL;
    message->start = 0;
    message->bytes = bytes;
    message->payload = *payload;
    if (messages->first) {
        messages->last->next = message;
    } else {
        messages->first = message;
    }
    messages->last = message;
    return message;
}

void
vs_tcp_messages_pop(VsTcp *tcp, VsTcpMessages *messages)
{
    VsTcpMessage *message = messages->first;

    messages->first = message->next;
    vs_pool_free(&tcp->sockets->messages, message);
}

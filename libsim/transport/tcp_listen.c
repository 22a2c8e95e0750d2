/* Listeners: handshakes of the passive side, and the queue of those to be accepted. */
#include <glib.h>

#include "transport/tcp_internal.h"
#include "transport/tls_internal.h"

static void accept_first(VsTcpListener *listener);

bool
vs_tcp_listen(VsTcpListener *listener, VsNetns *netns, VsAddr address, uint16_t port,
              uint32_t backlog, const VsTcpListenerOps *ops, void *user)
{
    *listener = (VsTcpListener){.netns = netns,
                                .ops = ops,
                                .user = user,
                                .address = address,
                                .port = port,
                                .backlog = backlog,
                                .is_accepting = true};
    return vs_table_insert(&vs_sockets_of(netns)->bound,
                           vs_bound_key(VS_PROTOCOL_TCP, address, port), listener);
}

void
vs_tcp_unlisten(VsTcpListener *listener)
{
    VsSockets *sockets = vs_sockets_of(listener->netns);

    vs_table_remove(&sockets->bound,
                    vs_bound_key(VS_PROTOCOL_TCP, listener->address, listener->port));
    while (listener->handshakes.first) {
        vs_tcp_abort(listener->handshakes.first);
    }
    while (listener->waiting.first) {
        vs_tcp_abort(listener->waiting.first);
    }
}

void
vs_tcp_listen_again(VsTcpListener *listener)
{
    bool is_free = vs_table_insert(
        &vs_sockets_of(listener->netns)->bound,
        vs_bound_key(VS_PROTOCOL_TCP, listener->address, listener->port), listener);

    g_assert(is_free);
    listener->is_accepting = true;
}

bool
vs_tcp_accept_waiting(VsTcpListener *listener)
{
    VsSockets *sockets = vs_sockets_of(listener->netns);

    if (!listener->waiting.first) {
        return false;
    }
    vs_sockets_enter(sockets);
    accept_first(listener);
    vs_sockets_leave(sockets);
    return true;
}

static void
list_push(VsTcpList *list, VsTcp *tcp)
{
    tcp->next = NULL;
    tcp->previous = list->last;
    if (list->last) {
        list->last->next = tcp;
    } else {
        list->first = tcp;
    }
    list->last = tcp;
}

static void
list_remove(VsTcpList *list, VsTcp *tcp)
{
    if (tcp->previous) {
        tcp->previous->next = tcp->next;
    } else {
        list->first = tcp->next;
    }
    if (tcp->next) {
        tcp->next->previous = tcp->previous;
    } else {
        list->last = tcp->previous;
    }
}

static inline bool
is_full(const VsTcpListener *listener)
{
    return listener->n_waiting > listener->backlog;
}

static void
drop_full(VsTcpListener *listener, VsPacket *packet)
{
    listener->n_drops++;
    vs_packet_drop(packet, VS_DROP_ACCEPT_QUEUE_FULL);
}

/* A connection in its handshake, whose last packet was 'packet'. */
static VsTcp *
begin_handshake(VsTcpListener *listener, VsPacket *packet)
{
    VsSockets *sockets = vs_sockets_of(listener->netns);
    const VsLayer *top = vs_packet_top(packet);
    VsFlow flow = vs_flow_reverse(&top->flow);
    VsTcp *tcp = vs_tcp_new(sockets, &flow);

    tcp->state = VS_TCP_SYN_RECEIVED;
    tcp->uid = listener->uid;
    tcp->listener = listener;
    tcp->is_traced = vs_packet_is_traced(packet);
    list_push(&listener->handshakes, tcp);
    listener->n_handshakes++;
    vs_table_insert(&sockets->connections, vs_flow_key(&top->flow), tcp);
    vs_tcp_take_options(tcp, packet);
    return tcp;
}

/* ---- SYN cookies ---- */

/* Answers by a connection that is gone when its SYN-ACK is. */
static void
send_cookie(VsTcpListener *listener, VsPacket *packet)
{
    VsSockets *sockets = vs_sockets_of(listener->netns);
    const VsLayer *top = vs_packet_top(packet);
    VsFlow flow = vs_flow_reverse(&top->flow);
    VsTcp *tcp = vs_tcp_new(sockets, &flow);

    tcp->state = VS_TCP_SYN_RECEIVED;
    tcp->uid = listener->uid;
    tcp->is_traced = vs_packet_is_traced(packet);
    vs_tcp_take_options(tcp, packet);
    vs_tcp_renounce_options(tcp);
    tcp->snd_una = (UINT64_C(1) << 32) +
                   vs_tcp_cookie_make(sockets, &top->flow, top->tcp.seq, top->tcp.mss);
    tcp->snd_nxt = tcp->snd_una;
    vs_tcp_send_syn(tcp, packet);
    listener->n_cookies++;
    listener->cookies_until = vs_now(sockets->run) + VS_TCP_COOKIES_VALID;
    tcp->state = VS_TCP_CLOSED;
    vs_tcp_discard(tcp);
    vs_packet_deliver(packet);
}

/* A segment for nobody may end a handshake that nothing was kept of.  True if it does, and was
 * taken. */
static bool
take_cookie(VsTcpListener *listener, VsPacket *packet)
{
    VsSockets *sockets = vs_sockets_of(listener->netns);
    const VsLayer *top = vs_packet_top(packet);
    uint32_t cookie = top->tcp.ack - 1;
    uint16_t mss = 0;
    VsTcp *tcp;

    if (vs_now(sockets->run) < listener->cookies_until) {
        mss = vs_tcp_cookie_mss(sockets, &top->flow, top->tcp.seq - 1, cookie);
    }
    if (mss == 0) {
        return false;
    }
    listener->n_cookies_received++;
    if (is_full(listener)) {
        listener->n_overflows++;
        drop_full(listener, packet);
        return true;
    }
    tcp = begin_handshake(listener, packet);
    vs_tcp_renounce_options(tcp);
    tcp->mss = vs_tcp_data_bytes(
        tcp, MIN(mss, vs_tcp_mss_of(vs_tcp_mtu_to(sockets, tcp->flow.daddr))));
    tcp->rcv_nxt = (UINT64_C(1) << 32) + top->tcp.seq;
    tcp->rcv_acked = tcp->rcv_nxt;
    tcp->rcv_edge = tcp->rcv_nxt + MIN(sockets->config.receive_buffer, UINT16_MAX);
    tcp->window_seq = tcp->rcv_nxt - 1;
    tcp->snd_una = (UINT64_C(1) << 32) + cookie;
    tcp->snd_nxt = tcp->snd_end = tcp->snd_una + 1;
    vs_tcp_input(sockets, packet);
    return true;
}

static void
receive_syn(VsTcpListener *listener, VsPacket *packet)
{
    VsTcpSynCookies cookies = vs_sockets_of(listener->netns)->config.syn_cookies;
    bool is_queue_full = listener->n_handshakes >= listener->backlog;
    VsTcp *tcp;

    if (is_queue_full && cookies == VS_TCP_SYN_COOKIES_OFF) {
        drop_full(listener, packet);
        return;
    }
    if (is_full(listener)) {
        listener->n_overflows++;
        drop_full(listener, packet);
        return;
    }
    if (is_queue_full || cookies == VS_TCP_SYN_COOKIES_ALWAYS) {
        send_cookie(listener, packet);
        return;
    }
    tcp = begin_handshake(listener, packet);
    vs_tcp_send_syn(tcp, packet);
    vs_tcp_arm(tcp);
    vs_packet_deliver(packet);
}

void
vs_tcp_listen_input(VsSockets *sockets, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    VsTcpListener *listener = vs_sockets_find_bound(sockets, VS_PROTOCOL_TCP,
                                                    top->flow.daddr, top->flow.dport);
    uint8_t flags =
        top->tcp.flags & (VS_TCP_SYN | VS_TCP_ACK | VS_TCP_RST | VS_TCP_FIN);

    if (listener && flags == VS_TCP_SYN) {
        vs_sockets_tell(sockets, packet, VS_TRACE_DELIVER);
        receive_syn(listener, packet);
        return;
    }
    if (listener && flags == VS_TCP_ACK && take_cookie(listener, packet)) {
        return;
    }
    vs_tcp_answer_with_reset(sockets, packet);
    vs_packet_drop(packet, listener ? VS_DROP_BAD_SEGMENT : VS_DROP_NO_SOCKET);
}

bool
vs_tcp_listen_overflows(VsTcp *tcp, VsPacket *packet)
{
    VsTcpListener *listener = tcp->listener;

    if (!listener || !is_full(listener)) {
        return false;
    }
    listener->n_overflows++;
    if (tcp->sockets->config.is_aborting_on_overflow) {
        vs_tcp_answer_with_reset(tcp->sockets, packet);
        vs_tcp_retire(tcp, VS_TCP_CLOSED);
    }
    drop_full(listener, packet);
    return true;
}

void
vs_tcp_listen_established(VsTcp *tcp)
{
    VsTcpListener *listener = tcp->listener;

    list_remove(&listener->handshakes, tcp);
    listener->n_handshakes--;
    list_push(&listener->waiting, tcp);
    listener->n_waiting++;
    tcp->is_waiting = true;
    if (listener->is_accepting) {
        accept_first(listener);
    }
}

void
vs_tcp_listen_forget(VsTcp *tcp)
{
    VsTcpListener *listener = tcp->listener;

    if (tcp->is_waiting) {
        list_remove(&listener->waiting, tcp);
        listener->n_waiting--;
        tcp->is_waiting = false;
    } else {
        list_remove(&listener->handshakes, tcp);
        listener->n_handshakes--;
    }
    tcp->listener = NULL;
}

/* Tells the new owner what came before there was one. */
static void
tell_kept(VsTcp *tcp)
{
    bool has_finished = tcp->state == VS_TCP_CLOSE_WAIT;
    bool is_narrow = tcp->kept_bytes > tcp->sockets->config.receive_buffer / 2;

    tcp->kept_bytes = 0;
    while (vs_tcp_is_alive(tcp) && tcp->kept.first) {
        VsTcpMessage message = *tcp->kept.first;

        vs_tcp_messages_pop(tcp, &tcp->kept);
        vs_tcp_tell_message(tcp, &message.payload, message.bytes);
    }
    if (vs_tcp_is_alive(tcp) && has_finished) {
        tcp->ops->finished(tcp);
    }
    if (vs_tcp_is_alive(tcp) && is_narrow) {
        vs_tcp_send_ack(tcp); /* The window is open again. */
    }
}

static void
accept_first(VsTcpListener *listener)
{
    VsTcp *tcp = listener->waiting.first;
    const VsTcpOps *ops;

    vs_tcp_listen_forget(tcp);
    listener->n_accepted++;
    tcp->sockets->stats.n_accepted++;
    ops = listener->ops->accept(listener, tcp);
    if (!ops) {
        vs_tcp_abort(tcp);
    }
    if (!vs_tcp_is_alive(tcp)) {
        return;
    }
    tcp->ops = ops;
    if (listener->tls) {
        vs_tls_accept(tcp, listener->tls);
    }
    vs_tcp_tell_connected(tcp);
    if (vs_tcp_is_alive(tcp)) {
        tell_kept(tcp);
        vs_tcp_arm(tcp);
    }
}

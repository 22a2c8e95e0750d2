/* A segment arrives (RFC 9293, section 3.10.7). */
#include <glib.h>

#include "transport/tcp_internal.h"

/* A segment as the connection sees it: positions instead of sequence numbers. */
typedef struct Segment {
    uint64_t start;
    uint64_t end; /* SYN and FIN take a position each. */
    uint64_t ack;
    const VsTcpHeader *header;
    VsPacket *packet;
    uint32_t payload_bytes;
} Segment;

static void receive(VsTcp *tcp, VsPacket *packet);
static void receive_answer_to_syn(VsTcp *tcp, VsPacket *packet);

void
vs_tcp_input(VsSockets *sockets, VsPacket *packet)
{
    VsTcpEntry *entry =
        vs_table_find(&sockets->connections, vs_flow_key(&vs_packet_top(packet)->flow));

    if (!entry) {
        vs_tcp_listen_input(sockets, packet);
    } else if (entry->is_time_wait) {
        vs_tcp_time_wait_input(sockets, (VsTcpTimeWait *)entry, packet);
    } else {
        VsTcp *tcp = (VsTcp *)entry;

        vs_sockets_tell(sockets, packet, VS_TRACE_DELIVER);
        if (G_UNLIKELY(tcp->state == VS_TCP_SYN_SENT)) {
            receive_answer_to_syn(tcp, packet);
        } else {
            receive(tcp, packet);
        }
        vs_tcp_arm(tcp);
    }
}

static Segment
segment_of(const VsTcp *tcp, VsPacket *packet)
{
    const VsTcpHeader *header = &vs_packet_top(packet)->tcp;
    bool has_syn = header->flags & VS_TCP_SYN;
    bool has_fin = header->flags & VS_TCP_FIN;
    Segment segment = {
        .start = vs_tcp_position(tcp->rcv_nxt, header->seq),
        .ack = vs_tcp_position(tcp->snd_una, header->ack),
        .header = header,
        .packet = packet,
        .payload_bytes = packet->payload_bytes,
    };

    segment.end = segment.start + packet->payload_bytes + has_syn + has_fin;
    return segment;
}

static void
receive_answer_to_syn(VsTcp *tcp, VsPacket *packet)
{
    const VsTcpHeader *header = &vs_packet_top(packet)->tcp;
    bool has_ack = header->flags & VS_TCP_ACK;

    if (has_ack && header->ack != (uint32_t)tcp->snd_max) {
        vs_tcp_answer_with_reset(tcp->sockets, packet);
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
    } else if (has_ack && (header->flags & VS_TCP_RST)) {
        vs_packet_arrive(packet);
        vs_packet_deliver(packet);
        vs_tcp_break(tcp, VS_TCP_END_REFUSED);
    } else if (has_ack && (header->flags & VS_TCP_SYN)) {
        vs_tcp_take_options(tcp, packet);
        tcp->snd_una = tcp->snd_max;
        vs_tcp_sample_rtt(tcp, packet);
        vs_tcp_establish(tcp);
        vs_packet_arrive(packet);
        vs_packet_deliver(packet);
        vs_tcp_send_ack(tcp);
        vs_tcp_tell_connected(tcp);
        if (vs_tcp_is_alive(tcp)) {
            vs_tcp_output(tcp);
        }
    } else if ((header->flags & (VS_TCP_SYN | VS_TCP_RST)) == VS_TCP_SYN) {
        /* It calls us from the very port we call: RFC 9293, figure 7. */
        vs_tcp_take_options(tcp, packet);
        tcp->state = VS_TCP_SYN_RECEIVED;
        vs_tcp_send_syn(tcp, NULL);
        vs_packet_deliver(packet);
    } else {
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
    }
}

/* Sends a segment that the window has no place for away.  A repeated SYN asks for our
 * SYN-ACK again; anything but RST for an ACK that says where we are. */
static void
refuse(VsTcp *tcp, VsPacket *packet, const Segment *segment)
{
    bool is_new = segment->end > tcp->rcv_nxt;

    if (!(segment->header->flags & VS_TCP_RST)) {
        if (tcp->state == VS_TCP_SYN_RECEIVED &&
            (segment->header->flags & VS_TCP_SYN)) {
            vs_tcp_send_syn(tcp, packet);
        } else {
            vs_tcp_send_ack(tcp);
        }
    }
    vs_packet_drop(packet, is_new ? VS_DROP_OUTSIDE_WINDOW : VS_DROP_DUPLICATE);
}

static inline bool
is_acceptable(const VsTcp *tcp, const Segment *segment)
{
    if (segment->end == segment->start) {
        return segment->start >= tcp->rcv_nxt && segment->start <= tcp->rcv_edge;
    }
    return segment->end > tcp->rcv_nxt && segment->start < tcp->rcv_edge;
}

/* The connection has ended in order, on both sides. */
static void
tell_closed(VsTcp *tcp)
{
    if (tcp->ops && tcp->ops->closed) {
        tcp->ops->closed(tcp);
    }
}

/* New data were acknowledged, 'acked' bytes of them: the congestion window. */
static void
open_window(VsTcp *tcp, uint64_t acked, bool is_echo)
{
    VsTcpRecovery recovery = tcp->recovery;
    VsCongestionAck ack = {.now = vs_now(tcp->sockets->run),
                           .srtt = tcp->srtt,
                           .acked = (uint32_t)acked,
                           .snd_una = tcp->snd_una,
                           .snd_nxt = tcp->snd_nxt,
                           .is_recovering = recovery != VS_TCP_RECOVERY_NONE,
                           .is_growing = recovery != VS_TCP_RECOVERY_FAST,
                           .is_echo = is_echo};

    if (recovery == VS_TCP_RECOVERY_TIMEOUT) {
        /* Not for all the receiver had kept: RFC 3465, L = 2. */
        ack.acked = MIN(ack.acked, 2u * tcp->mss);
    }
    if (vs_congestion_ack(&tcp->congestion, &ack)) {
        tcp->is_cwr_due = true;
    }
    if (recovery != VS_TCP_RECOVERY_NONE && tcp->snd_una >= tcp->recover) {
        tcp->recovery = VS_TCP_RECOVERY_NONE;
        if (recovery == VS_TCP_RECOVERY_FAST) {
            vs_congestion_recovered(&tcp->congestion);
        }
    }
}

static void
release_acknowledged(VsTcp *tcp)
{
    VsTcpMessage *message;

    tcp->snd_nxt = MAX(tcp->snd_nxt, tcp->snd_una);
    while (tcp->cursor && tcp->cursor->start + tcp->cursor->bytes <= tcp->snd_nxt) {
        tcp->cursor = tcp->cursor->next;
    }
    while ((message = tcp->queue.first) &&
           message->start + message->bytes <= tcp->snd_una) {
        vs_tcp_messages_pop(tcp, &tcp->queue);
    }
}

static void
take_progress(VsTcp *tcp, const Segment *segment)
{
    uint64_t acked = segment->ack - tcp->snd_una;
    bool is_echo = tcp->is_ecn && (segment->header->flags & VS_TCP_ECE);

    tcp->snd_una = segment->ack;
    tcp->n_retries = 0;
    tcp->n_duplicate_acks = 0;
    vs_tcp_sample_rtt(tcp, segment->packet);
    release_acknowledged(tcp);
    open_window(tcp, acked, is_echo);
    tcp->rto_due = VS_TIME_NEVER;
    if (tcp->snd_max > tcp->snd_una) {
        tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp);
        if (tcp->recovery == VS_TCP_RECOVERY_FAST) {
            vs_tcp_retransmit_first(tcp); /* The next hole: RFC 6582. */
        }
    }
}

/* An ACK that says nothing new while we wait for one: a segment may have been lost. */
static void
take_duplicate_ack(VsTcp *tcp)
{
    if (tcp->recovery != VS_TCP_RECOVERY_NONE || tcp->snd_max == tcp->snd_una) {
        return;
    }
    if (++tcp->n_duplicate_acks == VS_TCP_DUPLICATE_ACKS) {
        tcp->n_duplicate_acks = 0;
        tcp->recovery = VS_TCP_RECOVERY_FAST;
        tcp->recover = tcp->snd_max;
        vs_congestion_loss(&tcp->congestion, tcp->snd_max - tcp->snd_una,
                           vs_now(tcp->sockets->run));
        vs_tcp_retransmit_first(tcp);
    }
}

static void
take_ack(VsTcp *tcp, const Segment *segment)
{
    uint32_t window = (uint32_t)segment->header->window << tcp->send_shift;
    bool is_pure = segment->end == segment->start;

    tcp->is_answered = true;
    if (segment->ack < tcp->snd_una) {
        return;
    }
    if (segment->ack > tcp->snd_una) {
        take_progress(tcp, segment);
    } else if (is_pure && window == tcp->window) {
        take_duplicate_ack(tcp);
    }
    if (segment->start >= tcp->window_seq) {
        tcp->window_seq = segment->start;
        tcp->window = window;
    }
}

/* Our FIN may have been acknowledged: the states that wait for that. */
static void
take_ack_of_fin(VsTcp *tcp)
{
    if (tcp->snd_una <= tcp->snd_end) {
        return;
    }
    switch ((VsTcpState)tcp->state) {
    case VS_TCP_FIN_WAIT_1:
        tcp->state = VS_TCP_FIN_WAIT_2;
        tcp->rto_due = vs_now(tcp->sockets->run) + VS_TCP_FIN_TIMEOUT;
        break;
    case VS_TCP_CLOSING:
        vs_tcp_time_wait_enter(tcp);
        tell_closed(tcp);
        break;
    case VS_TCP_LAST_ACK:
        vs_tcp_retire(tcp, VS_TCP_CLOSED);
        tell_closed(tcp);
        break;
    default:
        break;
    }
}

/* The peer's FIN is in order. */
static void
take_fin(VsTcp *tcp)
{
    tcp->is_ack_now = true;
    switch ((VsTcpState)tcp->state) {
    case VS_TCP_ESTABLISHED:
        tcp->state = VS_TCP_CLOSE_WAIT;
        break;
    case VS_TCP_FIN_WAIT_1:
        tcp->state = VS_TCP_CLOSING;
        break;
    case VS_TCP_FIN_WAIT_2:
        vs_tcp_send_ack(tcp);
        vs_tcp_time_wait_enter(tcp);
        break;
    default:
        return;
    }
    if (tcp->ops) {
        tcp->ops->finished(tcp);
    }
    if (tcp->state == VS_TCP_TIME_WAIT) {
        tell_closed(tcp);
    }
}

/* Accounts for the time of the message that 'last' ends, which 'packet', just arrived,
 * has made complete.  The causal chain is that of 'packet' if it belongs to the same
 * message; else 'last' was here before and waited for the message in front. */
static void
follow_message(VsTcp *tcp, VsPacket *last, VsPacket *packet)
{
    uint32_t start = vs_packet_top(last)->tcp.seq - (uint32_t)last->message_offset;

    if (packet->payload_bytes > 0 &&
        vs_packet_top(packet)->tcp.seq - (uint32_t)packet->message_offset == start) {
        vs_packet_arrive(packet);
    } else if (last->trail) {
        VsTime arrived = last->trail->started + last->trail->elapsed;

        vs_packet_step(last, tcp->sockets->wait_stage,
                       vs_now(tcp->sockets->run) - arrived);
        vs_packet_arrive(last);
    }
}

/* Takes 'in_order', whose first new byte is rcv_nxt; 'packet' came just now and is it or
 * has filled the hole before it. */
static void
take_in_order(VsTcp *tcp, VsPacket *in_order, VsPacket *packet)
{
    Segment segment = segment_of(tcp, in_order);
    bool is_complete =
        in_order->payload_bytes > 0 &&
        in_order->message_offset + in_order->payload_bytes == in_order->message_bytes;
    bool is_new = tcp->rcv_nxt < segment.start + in_order->payload_bytes;

    if (!tcp->ops) {
        tcp->kept_bytes += (uint32_t)(segment.end - tcp->rcv_nxt);
    }
    tcp->rcv_nxt = segment.end;
    if (is_complete && is_new) {
        follow_message(tcp, in_order, packet);
        if (tcp->ops) {
            vs_tcp_tell_message(tcp, &in_order->payload, in_order->message_bytes);
        } else {
            vs_tcp_messages_push(tcp, &tcp->kept, &in_order->payload,
                                 in_order->message_bytes);
        }
    }
    if ((segment.header->flags & VS_TCP_FIN) && vs_tcp_is_alive(tcp)) {
        take_fin(tcp);
    }
}

/* Puts a segment beyond a hole in its place among the others. */
static void
keep_early(VsTcp *tcp, VsPacket *packet, const Segment *segment)
{
    VsPacket **link = &tcp->early.first;

    if (tcp->early.first &&
        (int32_t)(vs_packet_top(tcp->early.last)->tcp.seq - segment->header->seq) < 0) {
        link = &tcp->early.last->next;
    }
    while (*link) {
        Segment other = segment_of(tcp, *link);

        if (other.start <= segment->start && other.end >= segment->end) {
            vs_packet_drop(packet, VS_DROP_DUPLICATE);
            return;
        }
        if (other.start > segment->start) {
            break;
        }
        link = &(*link)->next;
    }
    packet->next = *link;
    *link = packet;
    if (!packet->next) {
        tcp->early.last = packet;
    }
    tcp->early.length++;
    tcp->sockets->n_held++;
}

/* Takes the early segments that 'packet' has joined to the stream. */
static void
take_early(VsTcp *tcp, VsPacket *packet)
{
    while (vs_tcp_is_alive(tcp) && tcp->early.first) {
        VsPacket *early = tcp->early.first;
        Segment segment = segment_of(tcp, early);

        if (segment.start > tcp->rcv_nxt) {
            break;
        }
        vs_packet_queue_pop(&tcp->early);
        tcp->sockets->n_held--;
        if (segment.end > tcp->rcv_nxt) {
            take_in_order(tcp, early, packet);
            vs_packet_deliver(early);
        } else {
            vs_packet_drop(early, VS_DROP_DUPLICATE);
        }
    }
}

/* Data came, maybe marked.  RFC 3168: marks are echoed until the peer says that it has
 * reduced its window.  RFC 8257 section 3.2: each ACK says how it was with what it
 * acknowledges; where that changes, what waits for a delayed ACK gets one of its own. */
static void
take_mark(VsTcp *tcp, VsPacket *packet, const Segment *segment)
{
    bool is_marked = (vs_packet_top(packet)->tos & VS_IP_ECN_MASK) == VS_IP_ECN_CE;

    if (vs_congestion_needs_ecn(tcp->sockets->config.congestion)) {
        if (is_marked != tcp->is_echoing && tcp->ack_due != VS_TIME_NEVER) {
            vs_tcp_send_ack(tcp);
        }
        tcp->is_echoing = is_marked;
        return;
    }
    if (segment->header->flags & VS_TCP_CWR) {
        tcp->is_echoing = false;
    }
    tcp->is_echoing = tcp->is_echoing || is_marked;
}

static void
take_data(VsTcp *tcp, VsPacket *packet, const Segment *segment)
{
    switch ((VsTcpState)tcp->state) {
    case VS_TCP_ESTABLISHED:
    case VS_TCP_FIN_WAIT_1:
        break;
    case VS_TCP_FIN_WAIT_2:
        tcp->rto_due = vs_now(tcp->sockets->run) + VS_TCP_FIN_TIMEOUT;
        break;
    default:
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT); /* Beyond the peer's FIN. */
        return;
    }
    if (G_UNLIKELY(tcp->is_ecn) && packet->payload_bytes > 0) {
        take_mark(tcp, packet, segment);
    }
    if (G_UNLIKELY(segment->start > tcp->rcv_nxt)) {
        tcp->is_ack_now = true;
        keep_early(tcp, packet, segment);
        return;
    }
    if (G_UNLIKELY(tcp->early.first)) {
        tcp->is_ack_now = true;
    }
    tcp->has_received = true;
    if (packet->payload_bytes > 0) {
        tcp->is_traced = vs_packet_is_traced(packet);
    }
    take_in_order(tcp, packet, packet);
    take_early(tcp, packet);
    vs_packet_deliver(packet);
}

/* True when the window that the peer knows has fallen to half of what it might be. */
static inline bool
is_window_half_used(const VsTcp *tcp)
{
    return 2 * (tcp->rcv_edge - tcp->rcv_nxt) + tcp->kept_bytes <=
           tcp->sockets->config.receive_buffer;
}

/* Sends an ACK, or sees to it that one is sent in time, for what no segment of ours has
 * acknowledged on the way. */
static void
acknowledge(VsTcp *tcp)
{
    VsTime delay = tcp->sockets->config.delayed_ack;
    uint64_t n_bytes = tcp->rcv_nxt - tcp->rcv_acked;

    if (tcp->is_ack_now) {
        vs_tcp_send_ack(tcp);
    } else if (n_bytes == 0) {
        return;
    } else if (tcp->n_quick_acks > 0) {
        tcp->n_quick_acks--;
        vs_tcp_send_ack(tcp);
    } else if (n_bytes > tcp->mss || delay == 0 || is_window_half_used(tcp)) {
        vs_tcp_send_ack(tcp);
    } else if (tcp->ack_due == VS_TIME_NEVER) {
        tcp->ack_due = vs_now(tcp->sockets->run) + delay;
    }
}

/* True when 'segment' ends the handshake of a side that got a SYN. */
static bool
take_end_of_handshake(VsTcp *tcp, const Segment *segment)
{
    if (segment->ack != tcp->snd_max) {
        return false;
    }
    tcp->snd_una = segment->ack;
    vs_tcp_sample_rtt(tcp, segment->packet);
    tcp->window = (uint32_t)segment->header->window << tcp->send_shift;
    vs_tcp_establish(tcp);
    if (tcp->listener) {
        vs_tcp_listen_established(tcp);
    } else {
        tcp->ops->connected(tcp); /* Both sides opened it. */
    }
    return true;
}

/* The answer to our SYN-ACK where both sides have opened: the other SYN-ACK, which is before
 * the window.  Its SYN was taken already. */
static inline bool
is_crossing_syn_ack(const VsTcp *tcp, const Segment *segment)
{
    return tcp->state == VS_TCP_SYN_RECEIVED && !tcp->listener &&
           (segment->header->flags & (VS_TCP_SYN | VS_TCP_ACK | VS_TCP_RST)) ==
               (VS_TCP_SYN | VS_TCP_ACK) &&
           segment->end == tcp->rcv_nxt && segment->ack == tcp->snd_max;
}

/* RFC 5961, 3.2: who only guesses our window shall not reset us; the peer, asked by an
 * ACK, will say RST again where we are. */
static void
take_reset(VsTcp *tcp, VsPacket *packet, const Segment *segment)
{
    if (segment->start != tcp->rcv_nxt) {
        vs_tcp_send_ack(tcp);
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
        return;
    }
    vs_packet_deliver(packet);
    vs_tcp_break(tcp, VS_TCP_END_RESET);
}

/* PAWS (RFC 7323, 5): true for a segment from before the latest one, which was refused. */
static bool
refuse_old(VsTcp *tcp, VsPacket *packet, const Segment *segment)
{
    if (!(segment->header->options & VS_TCP_OPTION_TIMESTAMPS) ||
        (segment->header->flags & VS_TCP_RST) ||
        (int32_t)(packet->tcp_options.ts_value - tcp->ts_recent) >= 0) {
        return false;
    }
    tcp->sockets->stats.n_old_timestamps++;
    vs_tcp_send_ack(tcp);
    vs_packet_drop(packet, VS_DROP_DUPLICATE);
    return true;
}

/* Of an acceptable segment: the one that the next ACK answers is echoed. */
static void
take_timestamp(VsTcp *tcp, const Segment *segment)
{
    if ((segment->header->options & VS_TCP_OPTION_TIMESTAMPS) &&
        segment->start <= tcp->rcv_acked) {
        tcp->ts_recent = segment->packet->tcp_options.ts_value;
        tcp->ts_recent_at = vs_now(tcp->sockets->run);
    }
}

static void
receive(VsTcp *tcp, VsPacket *packet)
{
    Segment segment = segment_of(tcp, packet);
    uint8_t flags = segment.header->flags;

    if (G_UNLIKELY(tcp->keepalive_due != VS_TIME_NEVER)) {
        tcp->received_at = vs_now(tcp->sockets->run);
        tcp->n_keepalives = 0;
    }
    if (tcp->has_timestamps && refuse_old(tcp, packet, &segment)) {
        return;
    }
    if (G_UNLIKELY(!is_acceptable(tcp, &segment))) {
        if (is_crossing_syn_ack(tcp, &segment)) {
            take_end_of_handshake(tcp, &segment);
            vs_packet_deliver(packet);
            vs_tcp_output(tcp);
        } else {
            refuse(tcp, packet, &segment);
        }
        return;
    }
    if (tcp->has_timestamps) {
        take_timestamp(tcp, &segment);
    }
    if (G_UNLIKELY(flags & VS_TCP_RST)) {
        take_reset(tcp, packet, &segment);
        return;
    }
    if (G_UNLIKELY((flags & VS_TCP_SYN) || !(flags & VS_TCP_ACK) ||
                   segment.ack > tcp->snd_max)) {
        vs_tcp_send_ack(tcp); /* RFC 5961. */
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
        return;
    }
    if (G_UNLIKELY(tcp->state == VS_TCP_SYN_RECEIVED)) {
        if (segment.ack == tcp->snd_max && vs_tcp_listen_overflows(tcp, packet)) {
            return;
        }
        if (!take_end_of_handshake(tcp, &segment)) {
            vs_tcp_answer_with_reset(tcp->sockets, packet);
            vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
            return;
        }
    } else {
        take_ack(tcp, &segment);
        take_ack_of_fin(tcp);
    }
    if (!vs_tcp_is_alive(tcp) || segment.end == segment.start) {
        vs_packet_deliver(packet);
    } else {
        take_data(tcp, packet, &segment);
    }
    if (vs_tcp_is_alive(tcp)) {
        vs_tcp_output(tcp);
        vs_tcp_tell_sendable(tcp);
    }
    if (vs_tcp_is_alive(tcp)) {
        acknowledge(tcp);
    }
}

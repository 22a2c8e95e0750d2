/* Data arrive, in order or beyond a hole, and FIN after them. */
#include <glib.h>

#include "transport/tcp_internal.h"

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
        vs_tcp_tell_closed(tcp);
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
    VsTcpSegment segment = vs_tcp_segment_of(tcp, in_order);
    bool is_complete =
        in_order->payload_bytes > 0 &&
        in_order->message_offset + in_order->payload_bytes == in_order->message_bytes;
    bool is_new = tcp->rcv_nxt < segment.start + in_order->payload_bytes;

    if (!tcp->ops) {
        tcp->kept_bytes += (uint32_t)(segment.end - tcp->rcv_nxt);
    }
    tcp->rcv_nxt = segment.end;
    vs_tcp_sack_note_in_order(tcp);
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
keep_early(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment)
{
    VsPacket **link = &tcp->early.first;

    if (tcp->early.first &&
        (int32_t)(vs_packet_top(tcp->early.last)->tcp.seq - segment->header->seq) < 0) {
        link = &tcp->early.last->next;
    }
    while (*link) {
        VsTcpSegment other = vs_tcp_segment_of(tcp, *link);

        if (other.start <= segment->start && other.end >= segment->end) {
            vs_tcp_sack_note_duplicate(tcp, segment->start, segment->end);
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
    vs_tcp_sack_note_early(tcp, segment->start, segment->end);
    tcp->sockets->n_held++;
}

/* Takes the early segments that 'packet' has joined to the stream. */
static void
take_early(VsTcp *tcp, VsPacket *packet)
{
    while (vs_tcp_is_alive(tcp) && tcp->early.first) {
        VsPacket *early = tcp->early.first;
        VsTcpSegment segment = vs_tcp_segment_of(tcp, early);

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
take_mark(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment)
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

void
vs_tcp_take_data(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment)
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
    if (packet->payload_bytes > 0) {
        vs_tcp_delack_received(tcp);
        vs_tcp_sack_note_duplicate(tcp, segment->start, tcp->rcv_nxt);
        tcp->is_traced = vs_packet_is_traced(packet);
    }
    take_in_order(tcp, packet, packet);
    take_early(tcp, packet);
    vs_packet_deliver(packet);
}

/* A segment arrives (RFC 9293, section 3.10.7). */
#include <glib.h>

#include "transport/tcp_internal.h"

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

static void
receive_answer_to_syn(VsTcp *tcp, VsPacket *packet)
{
    const VsTcpHeader *header = &vs_packet_top(packet)->tcp;
    bool has_ack = header->flags & VS_TCP_ACK;

    if (has_ack && header->ack != (uint32_t)tcp->snd_nxt) {
        vs_tcp_answer_with_reset(tcp->sockets, packet);
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
    } else if (has_ack && (header->flags & VS_TCP_RST)) {
        vs_packet_arrive(packet);
        vs_packet_deliver(packet);
        vs_tcp_break(tcp, VS_TCP_END_REFUSED);
    } else if (has_ack && (header->flags & VS_TCP_SYN)) {
        vs_tcp_take_options(tcp, packet);
        tcp->snd_una = tcp->snd_nxt;
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

/* Data came that are there: an ACK was lost, or what was sent again was not
 * (tcp_send_dupack()). */
static void
note_duplicate(VsTcp *tcp, const VsTcpSegment *segment)
{
    vs_tcp_delack_hurry(tcp);
    vs_tcp_sack_note_duplicate(tcp, segment->start, MIN(segment->end, tcp->rcv_nxt));
}

/* Sends a segment that the window has no place for away.  A repeated SYN asks for our
 * SYN-ACK again; anything but RST for an ACK that says where we are. */
static void
refuse(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment)
{
    bool is_new = segment->end > tcp->rcv_nxt;

    if (!is_new && segment->end > segment->start) {
        note_duplicate(tcp, segment);
    }
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
is_acceptable(const VsTcp *tcp, const VsTcpSegment *segment)
{
    if (segment->end == segment->start) {
        return segment->start >= tcp->rcv_nxt && segment->start <= tcp->rcv_edge;
    }
    return segment->end > tcp->rcv_nxt && segment->start < tcp->rcv_edge;
}

/* True when 'segment' ends the handshake of a side that got a SYN. */
static bool
take_end_of_handshake(VsTcp *tcp, const VsTcpSegment *segment)
{
    if (segment->ack != tcp->snd_nxt) {
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
is_crossing_syn_ack(const VsTcp *tcp, const VsTcpSegment *segment)
{
    return tcp->state == VS_TCP_SYN_RECEIVED && !tcp->listener &&
           (segment->header->flags & (VS_TCP_SYN | VS_TCP_ACK | VS_TCP_RST)) ==
               (VS_TCP_SYN | VS_TCP_ACK) &&
           segment->end == tcp->rcv_nxt && segment->ack == tcp->snd_nxt;
}

/* RFC 5961, 3.2: who only guesses our window shall not reset us; the peer, asked by an
 * ACK, will say RST again where we are. */
static void
take_reset(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment)
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
refuse_old(VsTcp *tcp, VsPacket *packet, const VsTcpSegment *segment)
{
    if (!(segment->header->options & VS_TCP_OPTION_TIMESTAMPS) ||
        (segment->header->flags & VS_TCP_RST) ||
        (int32_t)(packet->tcp_options.ts_value - tcp->ts_recent) >= 0) {
        return false;
    }
    tcp->sockets->stats.n_old_timestamps++;
    if (segment->end > segment->start && segment->start < tcp->rcv_nxt) {
        note_duplicate(tcp, segment);
    }
    vs_tcp_send_ack(tcp);
    vs_packet_drop(packet, VS_DROP_DUPLICATE);
    return true;
}

/* Of an acceptable segment: the one that the next ACK answers is echoed. */
static void
take_timestamp(VsTcp *tcp, const VsTcpSegment *segment)
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
    VsTcpSegment segment = vs_tcp_segment_of(tcp, packet);
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
                   segment.ack > tcp->snd_nxt)) {
        vs_tcp_send_ack(tcp); /* RFC 5961. */
        vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
        return;
    }
    if (G_UNLIKELY(tcp->state == VS_TCP_SYN_RECEIVED)) {
        if (segment.ack == tcp->snd_nxt && vs_tcp_listen_overflows(tcp, packet)) {
            return;
        }
        if (!take_end_of_handshake(tcp, &segment)) {
            vs_tcp_answer_with_reset(tcp->sockets, packet);
            vs_packet_drop(packet, VS_DROP_BAD_SEGMENT);
            return;
        }
    } else {
        vs_tcp_take_ack(tcp, &segment);
    }
    if (!vs_tcp_is_alive(tcp) || segment.end == segment.start) {
        vs_packet_deliver(packet);
    } else {
        vs_tcp_take_data(tcp, packet, &segment);
    }
    if (vs_tcp_is_alive(tcp)) {
        vs_tcp_output(tcp);
        vs_tcp_tell_sendable(tcp);
    }
    if (vs_tcp_is_alive(tcp)) {
        vs_tcp_acknowledge(tcp);
    }
}

/* Segments: how they are made and when they are sent. */
#include <glib.h>

#include "net/ip.h"
#include "packet/train.h"
#include "transport/tcp_internal.h"

enum { SYN_OPTION_BYTES = 8 }; /* MSS 4, window scale 3, padding 1; more with SACK. */

/* The window field of a segment sent now.  The edge that the peer knows never goes
 * back. */
static uint16_t
advertise(VsTcp *tcp, uint8_t shift)
{
    uint32_t buffer = tcp->sockets->config.receive_buffer;
    uint64_t free_bytes = buffer > tcp->kept_bytes ? buffer - tcp->kept_bytes : 0;
    uint64_t window = MAX(tcp->rcv_nxt + free_bytes, tcp->rcv_edge) - tcp->rcv_nxt;

    window = MIN(window >> shift, UINT16_MAX);
    tcp->rcv_edge = MAX(tcp->rcv_edge, tcp->rcv_nxt + (window << shift));
    return (uint16_t)window;
}

static void
stamp(const VsSockets *sockets, VsPacket *packet, uint32_t echo)
{
    vs_packet_top(packet)->tcp.options |= VS_TCP_OPTION_TIMESTAMPS;
    packet->tcp_options =
        (VsTcpOptions){.ts_value = vs_tcp_ts_now(sockets), .ts_echo = echo};
}

static VsPacket *
new_segment(VsTcp *tcp, uint64_t position, uint8_t flags, uint32_t option_bytes,
            uint32_t payload_bytes)
{
    uint32_t sack_bytes =
        flags & (VS_TCP_SYN | VS_TCP_RST) ? 0 : vs_tcp_sack_option_bytes(tcp);
    uint32_t all_option_bytes =
        option_bytes + sack_bytes + (tcp->has_timestamps ? VS_TCP_TIMESTAMPS_BYTES : 0);
    VsPacket *packet =
        vs_ip_packet_new(tcp->sockets->netns, &tcp->flow,
                         VS_TCP_HEADER_BYTES + all_option_bytes + payload_bytes);
    VsTcpHeader *header = &vs_packet_top(packet)->tcp;

    if (tcp->is_echoing && (flags & VS_TCP_ACK) && !(flags & VS_TCP_SYN)) {
        flags |= VS_TCP_ECE;
    }
    header->seq = (uint32_t)position;
    header->flags = flags;
    header->option_bytes = (uint8_t)all_option_bytes;
    if (tcp->has_timestamps) {
        stamp(tcp->sockets, packet, tcp->ts_recent);
    }
    if (G_UNLIKELY(sack_bytes > 0)) {
        vs_tcp_sack_write(tcp, packet);
    }
    if (flags & VS_TCP_ACK) {
        header->ack = (uint32_t)tcp->rcv_nxt;
    }
    if (!(flags & VS_TCP_RST)) {
        header->window = advertise(tcp, flags & VS_TCP_SYN ? 0 : tcp->receive_shift);
    }
    packet->payload_bytes = payload_bytes;
    packet->owner = tcp->uid + 1;
    if (G_UNLIKELY(tcp->is_traced)) {
        packet->flags |= VS_PACKET_TRACED;
    }
    return packet;
}

static void
transmit(VsTcp *tcp, VsPacket *packet)
{
    tcp->sockets->stats.n_segments_sent += vs_packet_n_frames(packet);
    vs_tcp_delack_sent(tcp);
    tcp->rcv_acked = tcp->rcv_nxt;
    tcp->ack_due = VS_TIME_NEVER;
    tcp->is_ack_now = false;
    vs_sockets_tell(tcp->sockets, packet, VS_TRACE_SEND);
    vs_ip_send(tcp->sockets->netns, packet);
}

/* New was sent, up to 'end'. */
static void
note_new(VsTcp *tcp, uint64_t end)
{
    VsTime now = vs_now(tcp->sockets->run);

    if (!tcp->is_timing) {
        tcp->is_timing = true;
        tcp->rtt_started = now;
        tcp->rtt_end = end;
    }
    vs_congestion_sent(&tcp->congestion, &tcp->sockets->deliveries, tcp->snd_una, end,
                       now);
    tcp->snd_nxt = end;
    if (tcp->rto_due == VS_TIME_NEVER) {
        tcp->rto_due = now + vs_tcp_rto(tcp);
    }
}

/* What begins at 'position' was sent again. */
static void
note_again(VsTcp *tcp, uint64_t position)
{
    tcp->sockets->stats.n_retransmitted++;
    tcp->is_timing = false; /* Karn: whose ACK will it be? */
    vs_congestion_resent(&tcp->congestion);
    if (tcp->rto_due == VS_TIME_NEVER || position == tcp->snd_una) {
        tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp);
    }
}

/* New data only: RFC 3168 section 6.1.5. */
static void
make_ecn_capable(VsTcp *tcp, VsPacket *packet)
{
    VsLayer *top = vs_packet_top(packet);

    top->tos |= VS_IP_ECN_ECT0;
    if (tcp->is_cwr_due) {
        top->tcp.flags |= VS_TCP_CWR;
        tcp->is_cwr_due = false;
    }
}

/* Its segments have numbers of their own. */
static void
make_train(VsTcp *tcp, VsPacket *packet)
{
    VsNetns *netns = tcp->sockets->netns;

    vs_train_make(packet, tcp->mss);
    netns->next_ip_id = (uint16_t)(netns->next_ip_id + packet->train.n_segments - 1);
}

static VsPacket *
new_data(VsTcp *tcp, const VsTcpMessage *message, uint64_t start, uint64_t end)
{
    bool is_last = end == message->start + message->bytes;
    VsPacket *packet = new_segment(tcp, start, VS_TCP_ACK | (is_last ? VS_TCP_PSH : 0),
                                   0, (uint32_t)(end - start));

    packet->payload = message->payload;
    packet->message_offset = start - message->start;
    packet->message_bytes = message->bytes;
    return packet;
}

static VsPacket *
new_fin(VsTcp *tcp)
{
    return new_segment(tcp, tcp->snd_end, VS_TCP_FIN | VS_TCP_ACK, 0, 0);
}

uint32_t
vs_tcp_segment_bytes(const VsTcp *tcp)
{
    return tcp->mss - vs_tcp_sack_option_bytes(tcp);
}

/* Sends 'bytes' at snd_nxt, which are in the message of 'cursor'. */
static void
send_next(VsTcp *tcp, uint32_t bytes)
{
    VsTcpMessage *message = tcp->cursor;
    uint64_t start = tcp->snd_nxt, end = start + bytes;
    VsPacket *packet = new_data(tcp, message, start, end);

    if (G_UNLIKELY(bytes > tcp->mss)) {
        make_train(tcp, packet);
    }
    vs_tcp_delack_sent_data(tcp);
    if (tcp->is_ecn) {
        make_ecn_capable(tcp, packet);
    }
    for (uint64_t at = start; at < end; at += tcp->mss) {
        vs_tcp_sent_add(tcp, message, at, MIN(at + tcp->mss, end));
    }
    note_new(tcp, end);
    if (end == message->start + message->bytes) {
        tcp->cursor = message->next;
    }
    vs_tcp_recovery_note_sent(tcp, bytes, false);
    vs_packet_follow(packet, tcp->sockets->wait_stage);
    transmit(tcp, packet);
}

static void
send_fin(VsTcp *tcp)
{
    VsPacket *packet = new_fin(tcp);

    vs_tcp_sent_add(tcp, NULL, tcp->snd_end, tcp->snd_end + 1);
    note_new(tcp, tcp->snd_end + 1);
    transmit(tcp, packet);
}

void
vs_tcp_resend(VsTcp *tcp, VsTcpSent *sent)
{
    VsPacket *packet = sent->message
                           ? new_data(tcp, sent->message, sent->start, sent->end)
                           : new_fin(tcp);

    vs_tcp_sent_again(tcp, sent);
    note_again(tcp, sent->start);
    vs_tcp_recovery_note_sent(tcp, (uint32_t)(sent->end - sent->start), true);
    if (sent->message) {
        vs_packet_follow(packet, tcp->sockets->wait_stage);
    }
    transmit(tcp, packet);
}

/* Bytes that both windows have room for. */
static uint64_t
room_for_new(const VsTcp *tcp)
{
    uint64_t out = tcp->snd_nxt - tcp->snd_una;
    uint32_t pipe = vs_tcp_pipe(tcp);

    if (out >= tcp->window || pipe >= tcp->congestion.cwnd) {
        return 0;
    }
    return MIN(tcp->window - out, tcp->congestion.cwnd - pipe);
}

/* What is left of the message of 'cursor'. */
static uint64_t
unsent_of_message(const VsTcp *tcp)
{
    return tcp->cursor->start + tcp->cursor->bytes - tcp->snd_nxt;
}

/* Bytes of the segment at snd_nxt; 0: it must wait for the windows.  What does not
 * fit is not cut (silly window avoidance), unless nothing is under way that could
 * open them. */
static uint32_t
next_bytes(VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;
    uint64_t left = unsent_of_message(tcp);
    uint64_t bytes = MIN(left, vs_tcp_segment_bytes(tcp));
    uint64_t room = room_for_new(tcp);

    if (G_UNLIKELY(config->has_gso || !config->is_nodelay)) {
        bytes = vs_tcp_chunk_bytes(tcp, left, room);
    }
    if (G_LIKELY(bytes <= room)) {
        return (uint32_t)bytes;
    }
    return tcp->snd_nxt == tcp->snd_una ? (uint32_t)MIN(bytes, room) : 0;
}

/* Is it too early for the next segment? */
static bool
must_pace(VsTcp *tcp)
{
    tcp->is_paced =
        tcp->congestion.pacing_rate > 0 && tcp->pace_due > vs_now(tcp->sockets->run);
    return tcp->is_paced;
}

/* A segment of 'bytes' was sent: the next one follows as the pacing rate has it. */
static void
pace(VsTcp *tcp, uint32_t bytes)
{
    uint64_t rate = tcp->congestion.pacing_rate;

    if (rate > 0) {
        VsTime start = MAX(tcp->pace_due, vs_now(tcp->sockets->run));

        tcp->pace_due = start + (VsTime)((uint64_t)bytes * VS_S / rate);
    }
}

/* Cuts what is to be sent again to what fits now.  False: the peer's window has no place
 * for it (__tcp_retransmit_skb()). */
static bool
fit(VsTcp *tcp, VsTcpSent *sent)
{
    uint64_t edge = tcp->snd_una + tcp->window;
    uint64_t most = vs_tcp_segment_bytes(tcp);

    if (sent->end > edge && sent->message) {
        if (sent->start >= edge) {
            return false;
        }
        most = MIN(most, edge - sent->start);
    }
    vs_tcp_sent_join(tcp, sent, (uint32_t)most);
    if (sent->end - sent->start > most) {
        vs_tcp_sent_split(tcp, sent, (uint32_t)most);
    }
    return true;
}

/* What is lost goes before what is new (tcp_xmit_retransmit_queue()).  True: not all of it
 * may go yet. */
static bool
output_lost(VsTcp *tcp)
{
    VsTcpSent *sent;

    if (G_LIKELY(!tcp->flight || !tcp->flight->board.next_lost)) {
        return false;
    }
    while ((sent = vs_tcp_sent_next_lost(tcp)) && fit(tcp, sent)) {
        uint32_t bytes = (uint32_t)(sent->end - sent->start);
        uint32_t pipe = vs_tcp_pipe(tcp);

        if ((pipe > 0 && pipe + bytes > tcp->congestion.cwnd) || must_pace(tcp)) {
            break;
        }
        vs_tcp_resend(tcp, sent);
        pace(tcp, bytes);
    }
    return sent != NULL;
}

static void
output_new(VsTcp *tcp)
{
    uint32_t bytes;
    bool has_sent = false;

    while (tcp->cursor && (bytes = next_bytes(tcp)) > 0 && !must_pace(tcp)) {
        send_next(tcp, bytes);
        pace(tcp, bytes);
        has_sent = true;
    }
    if (!tcp->cursor) {
        vs_congestion_sent_all(&tcp->congestion, tcp->snd_una, tcp->snd_nxt);
    }
    if (tcp->is_closing && tcp->snd_nxt == tcp->snd_end) {
        send_fin(tcp);
        has_sent = true;
    }
    if (has_sent) {
        vs_tcp_probe_arm(tcp);
    }
}

void
vs_tcp_output(VsTcp *tcp)
{
    if (tcp->state == VS_TCP_SYN_SENT || tcp->state == VS_TCP_SYN_RECEIVED) {
        return;
    }
    if (tcp->cursor && tcp->snd_nxt == tcp->snd_una) {
        vs_congestion_restart(&tcp->congestion, vs_now(tcp->sockets->run),
                              vs_tcp_rto(tcp));
    }
    tcp->is_paced = false;
    if (!output_lost(tcp)) {
        output_new(tcp);
    }
    if (tcp->cursor && tcp->snd_nxt == tcp->snd_una && tcp->rto_due == VS_TIME_NEVER) {
        tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp); /* For a probe. */
    }
}

bool
vs_tcp_send_beyond_window(VsTcp *tcp)
{
    uint64_t out = tcp->snd_nxt - tcp->snd_una;
    uint64_t bytes = 0;

    if (tcp->cursor) {
        bytes = MIN(unsent_of_message(tcp), vs_tcp_segment_bytes(tcp));
    }
    if (bytes == 0 || out + bytes > tcp->window) {
        return false;
    }
    send_next(tcp, (uint32_t)bytes);
    return true;
}

void
vs_tcp_send_ack(VsTcp *tcp)
{
    transmit(tcp, new_segment(tcp, tcp->snd_nxt, VS_TCP_ACK, 0, 0));
}

void
vs_tcp_send_probe(VsTcp *tcp)
{
    transmit(tcp, new_segment(tcp, tcp->snd_una - 1, VS_TCP_ACK, 0, 0));
}

void
vs_tcp_send_abort(VsTcp *tcp)
{
    tcp->sockets->stats.n_resets_sent++;
    transmit(tcp, new_segment(tcp, tcp->snd_nxt, VS_TCP_RST | VS_TCP_ACK, 0, 0));
}

/* A SYN that got no answer is repeated without asking for ECN (RFC 3168 section
 * 6.1.1.1): something on the way may not bear it. */
static uint8_t
syn_flags(const VsTcp *tcp, bool is_answer)
{
    if (is_answer) {
        return VS_TCP_SYN | VS_TCP_ACK | (tcp->is_ecn ? VS_TCP_ECE : 0);
    }
    return VS_TCP_SYN |
           (vs_tcp_asks_for_ecn(tcp) && tcp->n_retries == 0 ? VS_TCP_ECE | VS_TCP_CWR
                                                            : 0);
}

void
vs_tcp_send_syn(VsTcp *tcp, VsPacket *cause)
{
    bool is_answer = tcp->state == VS_TCP_SYN_RECEIVED;
    uint8_t flags = syn_flags(tcp, is_answer);
    uint32_t option_bytes =
        SYN_OPTION_BYTES +
        (tcp->has_sack && !tcp->has_timestamps ? VS_TCP_SACK_PERMITTED_BYTES : 0);
    VsPacket *packet = new_segment(tcp, tcp->snd_una, flags, option_bytes, 0);
    VsTcpHeader *header = &vs_packet_top(packet)->tcp;

    header->mss = vs_tcp_mss_of(vs_netns_mtu_to(tcp->sockets->netns, tcp->flow.daddr));
    if (!is_answer || tcp->is_scaling) {
        header->wscale = tcp->receive_shift + 1;
    }
    if (tcp->has_sack) {
        header->options |= VS_TCP_OPTION_SACK_PERMITTED;
    }
    if (tcp->snd_nxt == tcp->snd_una) {
        note_new(tcp, tcp->snd_una + 1);
    } else {
        note_again(tcp, tcp->snd_una);
    }
    if (cause) {
        vs_sockets_hand_trail(cause, packet);
    } else if (tcp->journey) {
        packet->payload.journey = tcp->journey;
        packet->payload.journey_generation = tcp->journey_generation;
        vs_packet_follow(packet, tcp->sockets->wait_stage);
    }
    if (tcp->sockets->connect_story && tcp->sockets->asked_daddr != 0 &&
        vs_packet_is_traced(packet)) {
        tcp->sockets->connect_story(tcp->sockets->connect_data, tcp->sockets->netns,
                                    packet, tcp->sockets->asked_daddr,
                                    tcp->sockets->asked_dport);
    }
    transmit(tcp, packet);
}

/* A segment without a connection; with timestamps, 'echo' is that of the peer's. */
static void
send_bare(VsSockets *sockets, const VsFlow *flow, const VsTcpHeader *header,
          VsPacket *cause, uint32_t echo)
{
    VsPacket *packet = vs_ip_packet_new(sockets->netns, flow,
                                        VS_TCP_HEADER_BYTES + header->option_bytes);

    vs_packet_top(packet)->tcp = *header;
    if (header->option_bytes > 0) {
        stamp(sockets, packet, echo);
    }
    if (cause) {
        vs_sockets_hand_trail(cause, packet);
    }
    sockets->stats.n_segments_sent++;
    vs_sockets_tell(sockets, packet, VS_TRACE_SEND);
    vs_ip_send(sockets->netns, packet);
}

/* RFC 9293, 3.10.7.1.  The answer to a SYN is the end of its journey's handshake. */
void
vs_tcp_answer_with_reset(VsSockets *sockets, VsPacket *cause)
{
    const VsLayer *top = vs_packet_top(cause);
    VsFlow flow = vs_flow_reverse(&top->flow);
    bool is_syn = top->tcp.flags & VS_TCP_SYN;
    VsTcpHeader header = {.flags = VS_TCP_RST};

    if (top->tcp.flags & VS_TCP_RST) {
        return;
    }
    if (top->tcp.flags & VS_TCP_ACK) {
        header.seq = top->tcp.ack;
    } else {
        header.flags |= VS_TCP_ACK;
        header.ack = top->tcp.seq + cause->payload_bytes + is_syn +
                     ((top->tcp.flags & VS_TCP_FIN) != 0);
    }
    sockets->stats.n_resets_sent++;
    send_bare(sockets, &flow, &header, is_syn ? cause : NULL, 0);
}

void
vs_tcp_send_time_wait_ack(VsSockets *sockets, const VsTcpTimeWait *wait)
{
    VsTcpHeader header = {.seq = wait->snd_nxt,
                          .ack = wait->rcv_nxt,
                          .flags = VS_TCP_ACK,
                          .window = UINT16_MAX,
                          .option_bytes =
                              wait->has_timestamps ? VS_TCP_TIMESTAMPS_BYTES : 0};

    send_bare(sockets, &wait->flow, &header, NULL, wait->ts_recent);
}

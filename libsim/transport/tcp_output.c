/* Segments: how they are made and when they are sent. */
#include <glib.h>

#include "net/ip.h"
#include "packet/train.h"
#include "transport/tcp_internal.h"

enum { SYN_OPTION_BYTES = 8 }; /* MSS 4, window scale 3, padding 1. */

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
    uint32_t all_option_bytes =
        option_bytes + (tcp->has_timestamps ? VS_TCP_TIMESTAMPS_BYTES : 0);
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
    if (flags & VS_TCP_ACK) {
        header->ack = (uint32_t)tcp->rcv_nxt;
    }
    if (!(flags & VS_TCP_RST)) {
        header->window = advertise(tcp, flags & VS_TCP_SYN ? 0 : tcp->receive_shift);
    }
    packet->payload_bytes = payload_bytes;
    if (G_UNLIKELY(tcp->is_traced)) {
        packet->flags |= VS_PACKET_TRACED;
    }
    return packet;
}

static void
transmit(VsTcp *tcp, VsPacket *packet)
{
    tcp->sockets->stats.n_segments_sent += vs_packet_n_frames(packet);
    tcp->rcv_acked = tcp->rcv_nxt;
    tcp->ack_due = VS_TIME_NEVER;
    tcp->is_ack_now = false;
    vs_sockets_tell(tcp->sockets, packet, VS_TRACE_SEND);
    vs_ip_send(tcp->sockets->netns, packet);
}

/* Bookkeeping of what the peer must acknowledge, from 'position' to 'end'. */
static void
note_sent(VsTcp *tcp, uint64_t position, uint64_t end)
{
    VsTime now = vs_now(tcp->sockets->run);

    if (position < tcp->snd_max) {
        tcp->sockets->stats.n_retransmitted++;
        tcp->is_timing = false; /* Karn: whose ACK will it be? */
        vs_congestion_resent(&tcp->congestion);
    } else {
        if (!tcp->is_timing) {
            tcp->is_timing = true;
            tcp->rtt_started = now;
            tcp->rtt_end = end;
        }
        vs_congestion_sent(&tcp->congestion, &tcp->sockets->deliveries, tcp->snd_una,
                           end, now);
    }
    tcp->snd_max = MAX(tcp->snd_max, end);
    if (tcp->rto_due == VS_TIME_NEVER || position == tcp->snd_una) {
        tcp->rto_due = now + vs_tcp_rto(tcp);
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

static void
send_data(VsTcp *tcp, const VsTcpMessage *message, uint64_t position, uint32_t bytes)
{
    uint64_t end = position + bytes;
    bool is_last = end == message->start + message->bytes;
    VsPacket *packet =
        new_segment(tcp, position, VS_TCP_ACK | (is_last ? VS_TCP_PSH : 0), 0, bytes);

    packet->payload = message->payload;
    packet->message_offset = position - message->start;
    packet->message_bytes = message->bytes;
    if (G_UNLIKELY(bytes > tcp->mss)) {
        make_train(tcp, packet);
    }
    if (tcp->has_received) {
        tcp->n_quick_acks = 0; /* A dialogue: answers will carry the ACKs. */
    }
    if (tcp->is_ecn && position >= tcp->snd_max) {
        make_ecn_capable(tcp, packet);
    }
    note_sent(tcp, position, end);
    vs_packet_follow(packet, tcp->sockets->wait_stage);
    transmit(tcp, packet);
}

static void
send_fin(VsTcp *tcp)
{
    VsPacket *packet = new_segment(tcp, tcp->snd_end, VS_TCP_FIN | VS_TCP_ACK, 0, 0);

    note_sent(tcp, tcp->snd_end, tcp->snd_end + 1);
    transmit(tcp, packet);
}

/* Bytes of the segment at snd_nxt; 0: it must wait for the windows.  What does not
 * fit is not cut (silly window avoidance), unless nothing is under way that could
 * open them. */
static uint32_t
next_bytes(VsTcp *tcp)
{
    const VsTcpConfig *config = &tcp->sockets->config;
    const VsTcpMessage *message = tcp->cursor;
    uint64_t left = message->start + message->bytes - tcp->snd_nxt;
    uint64_t bytes = MIN(left, tcp->mss);
    uint64_t in_flight = tcp->snd_nxt - tcp->snd_una;
    uint64_t window = MIN(tcp->congestion.cwnd, tcp->window);

    if (G_UNLIKELY(config->has_gso || !config->is_nodelay)) {
        bytes = vs_tcp_chunk_bytes(tcp, left, in_flight, window);
    }
    if (G_LIKELY(in_flight + bytes <= window)) {
        return (uint32_t)bytes;
    }
    return in_flight == 0 ? (uint32_t)MIN(bytes, window) : 0;
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

void
vs_tcp_output(VsTcp *tcp)
{
    uint32_t bytes;

    if (tcp->state == VS_TCP_SYN_SENT || tcp->state == VS_TCP_SYN_RECEIVED) {
        return;
    }
    if (tcp->cursor && tcp->snd_max == tcp->snd_una) {
        vs_congestion_restart(&tcp->congestion, vs_now(tcp->sockets->run),
                              vs_tcp_rto(tcp));
    }
    tcp->is_paced = false;
    while (tcp->cursor && (bytes = next_bytes(tcp)) > 0 && !must_pace(tcp)) {
        send_data(tcp, tcp->cursor, tcp->snd_nxt, bytes);
        pace(tcp, bytes);
        tcp->snd_nxt += bytes;
        if (tcp->snd_nxt == tcp->cursor->start + tcp->cursor->bytes) {
            tcp->cursor = tcp->cursor->next;
        }
    }
    if (!tcp->cursor) {
        vs_congestion_sent_all(&tcp->congestion, tcp->snd_una, tcp->snd_nxt);
    }
    if (tcp->is_closing && tcp->snd_nxt == tcp->snd_end) {
        send_fin(tcp);
        tcp->snd_nxt++;
    }
    if (tcp->cursor && tcp->snd_nxt == tcp->snd_una && tcp->rto_due == VS_TIME_NEVER) {
        tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp); /* For a probe. */
    }
}

void
vs_tcp_retransmit_first(VsTcp *tcp)
{
    const VsTcpMessage *message = tcp->queue.first;

    if (message) {
        uint64_t end = MIN(message->start + message->bytes, tcp->snd_max);

        send_data(tcp, message, tcp->snd_una,
                  (uint32_t)MIN(end - tcp->snd_una, tcp->mss));
    } else if (tcp->is_closing) {
        send_fin(tcp);
    }
}

void
vs_tcp_send_ack(VsTcp *tcp)
{
    /* snd_nxt may have gone back below what the peer expects. */
    transmit(tcp, new_segment(tcp, tcp->snd_max, VS_TCP_ACK, 0, 0));
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
    transmit(tcp, new_segment(tcp, tcp->snd_max, VS_TCP_RST | VS_TCP_ACK, 0, 0));
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
    VsPacket *packet = new_segment(tcp, tcp->snd_una, flags, SYN_OPTION_BYTES, 0);
    VsTcpHeader *header = &vs_packet_top(packet)->tcp;

    header->mss = vs_tcp_mss_of(vs_netns_mtu_to(tcp->sockets->netns, tcp->flow.daddr));
    if (!is_answer || tcp->is_scaling) {
        header->wscale = tcp->receive_shift + 1;
    }
    note_sent(tcp, tcp->snd_una, tcp->snd_una + 1);
    tcp->snd_nxt = tcp->snd_una + 1;
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

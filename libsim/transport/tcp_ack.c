/* What an ACK tells: progress, the peer's window, losses. */
#include <glib.h>

#include "transport/tcp_internal.h"

void
vs_tcp_tell_closed(VsTcp *tcp)
{
    if (tcp->ops && tcp->ops->closed) {
        tcp->ops->closed(tcp);
    }
}

/* New data were acknowledged: the congestion window. */
static void
open_window(VsTcp *tcp, const VsTcpNews *news, bool is_echo)
{
    VsTcpRecovery recovery = tcp->recovery;
    VsCongestionAck ack = {.now = vs_now(tcp->sockets->run),
                           .srtt = tcp->srtt,
                           .acked = (uint32_t)news->acked,
                           .snd_una = tcp->snd_una,
                           .snd_nxt = tcp->snd_nxt,
                           .in_flight = vs_tcp_pipe(tcp),
                           .is_recovering = recovery != VS_TCP_RECOVERY_NONE,
                           .is_growing = recovery != VS_TCP_RECOVERY_FAST,
                           .is_echo = is_echo};

    if (recovery == VS_TCP_RECOVERY_TIMEOUT) {
        /* Not for all the receiver had kept: RFC 3465, L = 2. */
        ack.acked =
            tcp->has_sack ? (uint32_t)news->delivered : MIN(ack.acked, 2u * tcp->mss);
    }
    if (vs_congestion_ack(&tcp->congestion, &ack)) {
        tcp->is_cwr_due = true;
    }
}

static void
release_acknowledged(VsTcp *tcp)
{
    VsTcpMessage *message;

    while ((message = tcp->queue.first) &&
           message->start + message->bytes <= tcp->snd_una) {
        vs_tcp_messages_pop(tcp, &tcp->queue);
    }
}

static void
take_progress(VsTcp *tcp, const VsTcpSegment *segment, VsTcpNews *news)
{
    bool is_echo = tcp->is_ecn && (segment->header->flags & VS_TCP_ECE);

    news->acked = segment->ack - tcp->snd_una;
    tcp->snd_una = segment->ack;
    tcp->n_retries = 0;
    vs_tcp_sent_take_acknowledged(tcp, news);
    vs_tcp_sample_rtt(tcp, segment->packet);
    release_acknowledged(tcp);
    open_window(tcp, news, is_echo);
    tcp->rto_due = VS_TIME_NEVER;
    if (tcp->snd_nxt > tcp->snd_una) {
        tcp->rto_due = vs_now(tcp->sockets->run) + vs_tcp_rto(tcp);
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
        vs_tcp_tell_closed(tcp);
        break;
    case VS_TCP_LAST_ACK:
        vs_tcp_retire(tcp, VS_TCP_CLOSED);
        vs_tcp_tell_closed(tcp);
        break;
    default:
        break;
    }
}

void
vs_tcp_take_ack(VsTcp *tcp, const VsTcpSegment *segment)
{
    uint32_t window = (uint32_t)segment->header->window << tcp->send_shift;
    bool is_pure = segment->end == segment->start;
    bool was_out = tcp->snd_nxt > tcp->snd_una;
    VsTcpNews news = {.lowest_late = UINT64_MAX};

    tcp->is_answered = true;
    if (segment->ack < tcp->snd_una) {
        return;
    }
    if (tcp->has_sack && tcp->flight) {
        news.highest =
            tcp->flight->board.highest ? tcp->flight->board.highest->start : 0;
        vs_tcp_sack_take(tcp, segment->packet, segment->header, segment->ack, &news);
    }
    if (news.has_timed && segment->ack < tcp->rtt_end) {
        vs_tcp_sample_timed(tcp);
    }
    news.is_duplicate = segment->ack == tcp->snd_una && is_pure && was_out &&
                        window == tcp->window && !news.has_sacked;
    if (segment->ack > tcp->snd_una) {
        take_progress(tcp, segment, &news);
    }
    if (tcp->flight) {
        vs_tcp_recovery_take_ack(tcp, &news, segment);
    }
    if (news.acked > 0 || news.has_sacked) {
        vs_tcp_probe_arm(tcp);
    }
    if (tcp->flight) {
        vs_tcp_flight_end(tcp);
    }
    if (segment->start >= tcp->window_seq) {
        tcp->window_seq = segment->start;
        tcp->window = window;
    }
    take_ack_of_fin(tcp);
}

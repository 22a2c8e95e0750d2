/* Recovery: what ACKs, time and time-outs say of losses, and what follows for the window.
 *
 *     none     nothing was lost that we know of; duplicate ACKs or SACKs let new data out in
 *              place of what has arrived (limited transmit, RFC 3042)
 *     fast     what is lost is sent again while the window shrinks in proportion to what
 *              arrives (RFC 6675 with RFC 6937; without SACK RFC 6582)
 *     timeout  all is lost; slow start from one segment
 *
 * Both end when all that was sent before they began is acknowledged.  A loss that turns out
 * to be none is undone: all that was sent again came twice (D-SACK, RFC 3708), or an ACK
 * answers the first time (timestamps, RFC 3522).  Linux: tcp_fastretrans_alert(). */
#include <glib.h>

#include "transport/tcp_internal.h"

uint32_t
vs_tcp_pipe(const VsTcp *tcp)
{
    uint32_t out = (uint32_t)(tcp->snd_nxt - tcp->snd_una);
    const VsTcpScoreboard *board;
    uint32_t gone;

    if (out == 0) {
        return 0;
    }
    board = &tcp->flight->board;
    gone = board->sacked_bytes + board->lost_bytes;
    if (!tcp->has_sack) {
        /* All but what is lost may have arrived, no more. */
        uint32_t most = out > board->lost_bytes ? out - board->lost_bytes : 0;

        gone += MIN(board->n_duplicate_acks * tcp->mss, most);
    }
    return (out > gone ? out - gone : 0) + board->resent_bytes;
}

/* The window. ----------------------------------------------------------------------- */

static inline bool
is_proportional(const VsTcp *tcp)
{
    return !tcp->congestion.algorithm->is_rate_based;
}

/* tcp_cwnd_reduction(): lets out what makes 'delivered' arrived bytes the share of the
 * reduction.  'is_safe': the ACK was of new data, and tells of no further loss. */
static void
reduce_in_proportion(VsTcp *tcp, uint64_t delivered, bool is_safe)
{
    VsTcpPrr *prr = &tcp->flight->prr;
    uint64_t pipe = vs_tcp_pipe(tcp), ssthresh = tcp->congestion.ssthresh;
    uint64_t allowed, most;

    if (delivered == 0 || !is_proportional(tcp)) {
        return;
    }
    prr->delivered += delivered;
    if (pipe > ssthresh) {
        allowed = (prr->delivered * ssthresh + prr->prior_cwnd - 1) / prr->prior_cwnd;
        most = allowed > prr->out ? allowed - prr->out : 0;
    } else {
        allowed = prr->delivered > prr->out ? prr->delivered - prr->out : 0;
        most = MAX(allowed, delivered) + (is_safe ? tcp->mss : 0);
        most = MIN(most, ssthresh - pipe);
    }
    if (prr->out == 0) {
        most = MAX(most, tcp->mss); /* The first goes at once. */
    }
    vs_congestion_set_cwnd(&tcp->congestion, pipe + most);
}

void
vs_tcp_recovery_note_sent(VsTcp *tcp, uint32_t bytes, bool is_again)
{
    VsTcpUndo *undo = &tcp->flight->undo;

    tcp->flight->prr.out += bytes;
    if (is_again && undo->is_set) {
        if (!undo->has_resent && tcp->has_timestamps) {
            undo->stamp = vs_tcp_ts_now(tcp->sockets);
        }
        undo->has_resent = true;
        undo->n_resent++;
    }
}

/* Undoing. -------------------------------------------------------------------------- */

/* tcp_init_undo() */
static void
remember(VsTcp *tcp)
{
    tcp->flight->undo = (VsTcpUndo){.is_set = true,
                                    .start = tcp->snd_una,
                                    .cwnd = tcp->congestion.cwnd,
                                    .ssthresh = tcp->congestion.ssthresh};
}

/* tcp_may_undo() */
static bool
is_spurious(const VsTcp *tcp, const VsTcpNews *news, const VsTcpSegment *segment)
{
    const VsTcpUndo *undo = &tcp->flight->undo;

    if (!undo->is_set || !undo->has_resent) {
        return false;
    }
    return undo->n_resent == 0 ||
           (news->acked > 0 && undo->stamp != 0 &&
            (segment->header->options & VS_TCP_OPTION_TIMESTAMPS) &&
            segment->packet->tcp_options.ts_echo != 0 &&
            (int32_t)(segment->packet->tcp_options.ts_echo - undo->stamp) < 0);
}

static void
undo(VsTcp *tcp)
{
    vs_tcp_sent_forget_losses(tcp);
    vs_congestion_undo(&tcp->congestion, tcp->flight->undo.cwnd,
                       tcp->flight->undo.ssthresh);
    tcp->recovery = VS_TCP_RECOVERY_NONE;
    tcp->flight->undo.is_set = false;
    tcp->flight->board.n_duplicate_acks = 0;
    tcp->sockets->stats.n_undone++;
}

/* States. --------------------------------------------------------------------------- */

/* What the loss says the path could not bear: without what went in limited transmit (RFC
 * 5681, 3.2). */
static uint64_t
flight_size(const VsTcp *tcp)
{
    return MIN(tcp->snd_nxt - tcp->snd_una, (uint64_t)tcp->congestion.cwnd);
}

/* tcp_enter_recovery() */
static void
begin(VsTcp *tcp)
{
    VsTime now = vs_now(tcp->sockets->run);

    remember(tcp);
    tcp->recovery = VS_TCP_RECOVERY_FAST;
    tcp->flight->recover = tcp->snd_nxt;
    tcp->flight->rack.probe_end = 0;
    if (tcp->is_probing) {
        tcp->flight->loss_due = VS_TIME_NEVER;
    }
    tcp->flight->prr = (VsTcpPrr){.prior_cwnd = tcp->congestion.cwnd};
    tcp->sockets->stats.n_recoveries++;
    vs_congestion_loss(&tcp->congestion, flight_size(tcp), now);
}

static void
end(VsTcp *tcp)
{
    VsTcpRecovery recovery = tcp->recovery;

    tcp->recovery = VS_TCP_RECOVERY_NONE;
    tcp->flight->board.n_duplicate_acks = 0;
    vs_tcp_rack_recovered(tcp);
    if (recovery == VS_TCP_RECOVERY_FAST) {
        vs_congestion_recovered(&tcp->congestion);
    }
}

void
vs_tcp_reduce_once(VsTcp *tcp)
{
    vs_congestion_loss(&tcp->congestion, flight_size(tcp), vs_now(tcp->sockets->run));
    vs_congestion_recovered(&tcp->congestion);
}

/* tcp_check_sack_reordering() */
static void
take_reordering(VsTcp *tcp, const VsTcpNews *news)
{
    uint64_t n_segments;

    if (news->lowest_late == UINT64_MAX) {
        return;
    }
    n_segments = (news->highest - news->lowest_late) / tcp->mss + 1;
    tcp->reordering = (uint16_t)CLAMP(n_segments, (uint64_t)tcp->reordering,
                                      (uint64_t)VS_TCP_MAX_REORDERING);
    tcp->has_seen_reordering = true;
}

/* RFC 6675, tcp_mark_head_lost(): what has as many sacked segments above it as duplicate ACKs
 * mean a loss. */
static void
mark_by_count(VsTcp *tcp)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    VsTcpSent *sent = board->highest;
    uint64_t upto;
    unsigned n_above = 0;

    if (board->n_sacked < tcp->reordering) {
        return;
    }
    while (sent && (!sent->is_sacked || ++n_above < tcp->reordering)) {
        sent = sent->previous;
    }
    upto = sent ? sent->start : 0;
    while (sent && sent->start >= board->judged_upto) {
        if (!sent->is_lost) {
            vs_tcp_sent_mark_lost(tcp, sent);
        }
        sent = sent->previous;
    }
    board->judged_upto = MAX(board->judged_upto, upto);
}

static void
find_losses(VsTcp *tcp, const VsTcpNews *news)
{
    if (!tcp->has_sack) {
        vs_tcp_newreno_mark_lost(tcp, news);
    } else if (tcp->sockets->config.has_rack) {
        vs_tcp_rack_detect(tcp);
    } else {
        mark_by_count(tcp);
    }
}

void
vs_tcp_recovery_found(VsTcp *tcp)
{
    if (tcp->recovery == VS_TCP_RECOVERY_NONE && tcp->flight->board.lost_bytes > 0) {
        begin(tcp);
        reduce_in_proportion(tcp, tcp->mss, false);
    }
}

/* What is lost and not under way again. */
static int64_t
not_resent_bytes(const VsTcpScoreboard *board)
{
    return (int64_t)board->lost_bytes - board->resent_bytes;
}

/* tcp_try_undo_partial(): a part was acknowledged as it was sent first, but not all that was
 * sent again has been. */
static bool
is_too_early_to_undo(const VsTcp *tcp)
{
    return tcp->recovery == VS_TCP_RECOVERY_FAST &&
           tcp->snd_una < tcp->flight->recover && tcp->flight->undo.n_resent > 0 &&
           tcp->flight->board.resent_bytes > 0;
}

/* Leaves recovery if that is over, or was for nothing.  False: no losses are to be looked for
 * yet. */
static bool
take_progress(VsTcp *tcp, const VsTcpNews *news, const VsTcpSegment *segment)
{
    if (G_UNLIKELY(is_spurious(tcp, news, segment))) {
        if (is_too_early_to_undo(tcp)) {
            return false;
        }
        undo(tcp);
    } else if (vs_tcp_newreno_holds(tcp)) {
        tcp->flight->board.n_duplicate_acks = 0;
        return false;
    } else if (tcp->recovery != VS_TCP_RECOVERY_NONE &&
               tcp->snd_una >= tcp->flight->recover) {
        end(tcp);
    }
    return true;
}

void
vs_tcp_recovery_take_ack(VsTcp *tcp, VsTcpNews *news, const VsTcpSegment *segment)
{
    int64_t lost_before;
    bool is_looking;

    if (!tcp->has_sack) {
        vs_tcp_newreno_count(tcp, news);
    }
    vs_tcp_probe_take_ack(tcp, news);
    if (news->has_dsack) {
        vs_tcp_rack_take_dsack(tcp);
    }
    take_reordering(tcp, news);
    is_looking = take_progress(tcp, news, segment);
    lost_before = not_resent_bytes(&tcp->flight->board);
    if (is_looking) {
        find_losses(tcp, news);
    }
    if (tcp->recovery == VS_TCP_RECOVERY_NONE && tcp->flight->board.lost_bytes > 0) {
        begin(tcp);
    }
    if (tcp->recovery == VS_TCP_RECOVERY_FAST) {
        reduce_in_proportion(tcp, news->delivered,
                             news->acked > 0 &&
                                 not_resent_bytes(&tcp->flight->board) <= lost_before);
    }
    /* tcp_check_sack_reneging(): the peer may have thrown away what it told of. */
    if (G_UNLIKELY(tcp->flight->board.first && tcp->flight->board.first->is_sacked)) {
        tcp->rto_due = vs_now(tcp->sockets->run) + MAX(tcp->srtt / 2, 10 * VS_MS);
    }
}

/* tcp_timeout_mark_lost(), tcp_enter_loss() */
void
vs_tcp_recovery_time_out(VsTcp *tcp)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    bool is_first = tcp->n_retries == 1 && (tcp->recovery != VS_TCP_RECOVERY_FAST ||
                                            vs_tcp_newreno_holds(tcp));
    VsTcpSent *next;

    if (is_first) {
        remember(tcp);
    }
    vs_congestion_timeout(&tcp->congestion, flight_size(tcp), is_first,
                          vs_now(tcp->sockets->run));
    if (board->first && board->first->is_sacked) {
        vs_tcp_sent_forget_sacks(tcp);
    }
    for (VsTcpSent *sent = board->first; sent; sent = next) {
        next = sent->next;
        if (sent == board->first || !tcp->has_sack || !tcp->sockets->config.has_rack ||
            !vs_tcp_rack_is_recent(tcp, sent)) {
            vs_tcp_sent_mark_lost(tcp, sent);
        }
    }
    board->n_duplicate_acks = 0;
    tcp->recovery = VS_TCP_RECOVERY_TIMEOUT;
    tcp->flight->recover = tcp->snd_nxt;
    tcp->flight->rack.probe_end = 0;
    tcp->flight->loss_due = VS_TIME_NEVER;
    vs_congestion_set_cwnd(&tcp->congestion, vs_tcp_pipe(tcp) + tcp->congestion.cwnd);
}

/* tcp_simple_retransmit(): what does not fit the path is lost, but not for congestion. */
void
vs_tcp_recovery_shrink(VsTcp *tcp)
{
    VsTcpSent *next;

    for (VsTcpSent *sent = tcp->flight->board.first; sent; sent = next) {
        next = sent->next;
        if (sent->end - sent->start > tcp->mss) {
            vs_tcp_sent_mark_lost(tcp, sent);
        }
    }
    if (tcp->flight->board.lost_bytes > 0 && tcp->recovery == VS_TCP_RECOVERY_NONE) {
        tcp->recovery = VS_TCP_RECOVERY_TIMEOUT;
        tcp->flight->recover = tcp->snd_nxt;
        tcp->flight->undo.is_set = false;
        tcp->flight->rack.probe_end = 0;
    }
}

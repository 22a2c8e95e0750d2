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

        gone += MIN((uint32_t)board->n_duplicate_acks * tcp->mss, most);
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

/* RFC 6582, tcp_newreno_mark_lost(): the first, when there are enough duplicate ACKs, and at
 * each partial ACK. */
static void
mark_without_sack(VsTcp *tcp, const VsTcpNews *news)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    bool is_enough = board->n_duplicate_acks >= VS_TCP_REORDERING;
    bool is_partial = tcp->recovery == VS_TCP_RECOVERY_FAST && news->acked > 0;

    if (board->first && !board->first->is_lost &&
        (is_partial || (is_enough && tcp->recovery == VS_TCP_RECOVERY_NONE))) {
        vs_tcp_sent_mark_lost(tcp, board->first);
    }
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
        mark_without_sack(tcp, news);
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

/* tcp_add_reno_sack(), tcp_remove_reno_sacks(): each duplicate ACK stands for a segment; an
 * ACK of new data takes them back, but for the one that filled the hole. */
static void
count_without_sack(VsTcp *tcp, VsTcpNews *news)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    if (news->is_duplicate && tcp->recovery != VS_TCP_RECOVERY_TIMEOUT) {
        board->n_duplicate_acks += board->n_duplicate_acks < UINT16_MAX;
        news->delivered = tcp->mss;
    } else if (news->acked > 0 && board->n_duplicate_acks > 0) {
        uint64_t n_acked = (news->acked + tcp->mss - 1) / tcp->mss;
        uint64_t n_more = MIN(n_acked - 1, (uint64_t)board->n_duplicate_acks);

        board->n_duplicate_acks -= (uint16_t)n_more;
        news->delivered = (n_acked - n_more) * tcp->mss;
        if (tcp->recovery == VS_TCP_RECOVERY_NONE) {
            board->n_duplicate_acks = 0;
        }
    }
}

/* What is lost and not under way again. */
static int64_t
not_resent_bytes(const VsTcpScoreboard *board)
{
    return (int64_t)board->lost_bytes - board->resent_bytes;
}

void
vs_tcp_recovery_take_ack(VsTcp *tcp, VsTcpNews *news, const VsTcpSegment *segment)
{
    int64_t lost_before;

    if (!tcp->has_sack) {
        count_without_sack(tcp, news);
    }
    vs_tcp_probe_take_ack(tcp, news);
    if (news->has_dsack) {
        vs_tcp_rack_take_dsack(tcp);
    }
    take_reordering(tcp, news);
    if (G_UNLIKELY(is_spurious(tcp, news, segment))) {
        undo(tcp);
    } else if (tcp->recovery != VS_TCP_RECOVERY_NONE &&
               tcp->snd_una >= tcp->flight->recover) {
        end(tcp);
    }
    lost_before = not_resent_bytes(&tcp->flight->board);
    find_losses(tcp, news);
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
    bool is_first = tcp->n_retries == 1 && tcp->recovery != VS_TCP_RECOVERY_FAST;
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

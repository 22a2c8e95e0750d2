/* Recovery without selective ACKs (RFC 6582): each duplicate ACK stands for a segment that has
 * arrived, and holes show one at a time, by partial ACKs.  Linux counts them as if they were
 * sacked: tcp_add_reno_sack() and those around it.
 *
 * A loss of n segments so takes n round trips, and new segments go in place of those that have
 * arrived: what lies between snd_una and snd_nxt grows by a window each time, although no more
 * than a window is on the way.  The peer's buffer and the application's bound it. */
#include <glib.h>

#include "transport/tcp_internal.h"

/* tcp_limit_reno_sacked(), tcp_check_reno_reordering(): what is lost has not arrived, and
 * without a loss one has not.  More duplicate ACKs than that come of reordering. */
static void
limit_duplicates(VsTcp *tcp, uint32_t n_acked)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    uint32_t n_holes = MIN(MAX(board->n_lost, 1), board->n_records);

    if (board->n_duplicate_acks + n_holes <= board->n_records) {
        return;
    }
    board->n_duplicate_acks = board->n_records - n_holes;
    tcp->reordering =
        (uint16_t)MIN(board->n_records + n_acked, (uint32_t)VS_TCP_MAX_REORDERING);
    tcp->has_seen_reordering = true;
}

/* After a time-out the ACKs of what was sent before tell nothing of what is sent again. */
static bool
is_counting(const VsTcp *tcp)
{
    switch ((VsTcpRecovery)tcp->recovery) {
    case VS_TCP_RECOVERY_FAST:
        return tcp->snd_una < tcp->flight->recover;
    case VS_TCP_RECOVERY_TIMEOUT:
        return tcp->snd_una < tcp->flight->recover &&
               tcp->snd_nxt > tcp->flight->recover;
    default:
        return true;
    }
}

/* tcp_add_reno_sack() */
static void
add(VsTcp *tcp, VsTcpNews *news)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    uint32_t n_before = board->n_duplicate_acks;

    if (is_counting(tcp)) {
        board->n_duplicate_acks++;
        limit_duplicates(tcp, 0);
        news->delivered = board->n_duplicate_acks > n_before ? tcp->mss : 0;
    }
}

/* tcp_remove_reno_sacks(): the first segment acknowledged filled the hole, the others are
 * known. */
static void
take_back(VsTcp *tcp, VsTcpNews *news)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    uint64_t known = (uint64_t)board->n_duplicate_acks * tcp->mss;

    if (news->n_acked > 0) {
        board->n_duplicate_acks -= MIN(news->n_acked - 1, board->n_duplicate_acks);
    }
    if (known > 0) {
        news->delivered =
            MAX(news->acked, known + tcp->mss) - known; /* A segment at least. */
    }
    limit_duplicates(tcp, news->n_acked);
    if (tcp->recovery != VS_TCP_RECOVERY_FAST) {
        board->n_duplicate_acks = 0;
    }
}

void
vs_tcp_newreno_count(VsTcp *tcp, VsTcpNews *news)
{
    if (news->acked > 0) {
        take_back(tcp, news);
    } else if (news->is_duplicate) {
        add(tcp, news);
    }
}

bool
vs_tcp_newreno_holds(const VsTcp *tcp)
{
    return !tcp->has_sack && tcp->recovery != VS_TCP_RECOVERY_NONE &&
           tcp->snd_una == tcp->flight->recover;
}

/* tcp_newreno_mark_lost() */
void
vs_tcp_newreno_mark_lost(VsTcp *tcp, const VsTcpNews *news)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    bool is_enough = board->n_duplicate_acks >= tcp->reordering;
    bool is_partial = tcp->recovery == VS_TCP_RECOVERY_FAST && news->acked > 0;

    if (board->first && !board->first->is_lost &&
        (is_partial || (is_enough && tcp->recovery == VS_TCP_RECOVERY_NONE))) {
        vs_tcp_sent_mark_lost(tcp, board->first);
    }
}

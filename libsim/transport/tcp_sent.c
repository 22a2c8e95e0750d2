/* The scoreboard: what is under way, and what has become of it.  Records lie in two lists, by
 * position and by the time they were sent last; searches begin where the latest ended, so that
 * an ACK costs what it tells, not the window. */
#include <glib.h>
#include <string.h>

#include "transport/tcp_internal.h"

static inline uint32_t
length_of(const VsTcpSent *sent)
{
    return (uint32_t)(sent->end - sent->start);
}

/* By time. -------------------------------------------------------------------------- */

static void
begin_waiting(VsTcpScoreboard *board, VsTcpSent *sent, VsTcpSent *after)
{
    sent->is_waiting = true;
    sent->earlier = after;
    sent->later = after ? after->later : board->oldest;
    if (sent->later) {
        sent->later->earlier = sent;
    } else {
        board->newest = sent;
    }
    if (after) {
        after->later = sent;
    } else {
        board->oldest = sent;
    }
}

static void
end_waiting(VsTcpScoreboard *board, VsTcpSent *sent)
{
    if (!sent->is_waiting) {
        return;
    }
    sent->is_waiting = false;
    if (sent->earlier) {
        sent->earlier->later = sent->later;
    } else {
        board->oldest = sent->later;
    }
    if (sent->later) {
        sent->later->earlier = sent->earlier;
    } else {
        board->newest = sent->earlier;
    }
}

/* By position. ---------------------------------------------------------------------- */

static void
insert_after(VsTcpScoreboard *board, VsTcpSent *sent, VsTcpSent *after)
{
    board->n_records++;
    sent->previous = after;
    sent->next = after ? after->next : board->first;
    if (sent->next) {
        sent->next->previous = sent;
    } else {
        board->last = sent;
    }
    if (after) {
        after->next = sent;
    } else {
        board->first = sent;
    }
}

/* Forgets the counts of 'sent', which ends or shrinks by 'bytes'. */
static void
discount(VsTcpScoreboard *board, const VsTcpSent *sent, uint32_t bytes)
{
    if (sent->is_sacked) {
        board->sacked_bytes -= bytes;
    }
    if (sent->is_lost) {
        board->lost_bytes -= bytes;
    }
    if (sent->is_resent) {
        board->resent_bytes -= bytes;
    }
}

static void
forget(VsTcp *tcp, VsTcpSent *sent)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    end_waiting(board, sent);
    discount(board, sent, length_of(sent));
    board->n_records--;
    board->n_sacked -= sent->is_sacked;
    board->n_lost -= sent->is_lost;
    if (board->highest == sent) {
        board->highest = NULL; /* All before it goes, too, or was joined to another. */
    }
    if (board->found == sent) {
        board->found = sent->next;
    }
    if (board->next_lost == sent) {
        board->next_lost = sent->next;
    }
    if (sent->previous) {
        sent->previous->next = sent->next;
    } else {
        board->first = sent->next;
    }
    if (sent->next) {
        sent->next->previous = sent->previous;
    } else {
        board->last = sent->previous;
    }
    vs_pool_free(&tcp->sockets->sents, sent);
}

void
vs_tcp_sent_add(VsTcp *tcp, VsTcpMessage *message, uint64_t start, uint64_t end)
{
    VsTcpSent *sent = vs_pool_alloc(&tcp->sockets->sents);

    if (!tcp->flight) {
        tcp->flight = vs_pool_alloc(&tcp->sockets->flights);
        memset(tcp->flight, 0, sizeof(*tcp->flight));
        tcp->flight->loss_due = VS_TIME_NEVER;
    }
    *sent = (VsTcpSent){.start = start,
                        .end = end,
                        .sent_at = vs_now(tcp->sockets->run),
                        .message = message};
    insert_after(&tcp->flight->board, sent, tcp->flight->board.last);
    begin_waiting(&tcp->flight->board, sent, tcp->flight->board.newest);
}

void
vs_tcp_sent_again(VsTcp *tcp, VsTcpSent *sent)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    if (!sent->is_resent) {
        sent->is_resent = true;
        board->resent_bytes += length_of(sent);
    }
    sent->was_resent = true;
    sent->sent_at = vs_now(tcp->sockets->run);
    end_waiting(board, sent);
    begin_waiting(board, sent, board->newest);
}

VsTcpSent *
vs_tcp_sent_split(VsTcp *tcp, VsTcpSent *sent, uint32_t bytes)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    VsTcpSent *rest = vs_pool_alloc(&tcp->sockets->sents);

    *rest = *sent;
    sent->end = rest->start = sent->start + bytes;
    insert_after(board, rest, sent);
    if (sent->is_waiting) {
        begin_waiting(board, rest, sent);
    }
    board->n_sacked += sent->is_sacked;
    board->n_lost += sent->is_lost;
    if (board->highest == sent) {
        board->highest = rest;
    }
    return rest;
}

/* tcp_retrans_try_collapse() */
void
vs_tcp_sent_join(VsTcp *tcp, VsTcpSent *sent, uint32_t bytes)
{
    VsTcpSent *next = sent->next;

    while (next && length_of(sent) < bytes && sent->message && !sent->is_resent &&
           next->message == sent->message && next->is_lost && !next->is_resent) {
        uint64_t end = next->end;

        forget(tcp, next);
        tcp->flight->board.lost_bytes += (uint32_t)(end - sent->end);
        sent->end = end;
        next = sent->next;
    }
}

void
vs_tcp_sent_mark_lost(VsTcp *tcp, VsTcpSent *sent)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    if (sent->is_sacked) {
        return;
    }
    end_waiting(board, sent);
    if (sent->is_resent) {
        sent->is_resent = false;
        board->resent_bytes -= length_of(sent);
    }
    if (!sent->is_lost) {
        sent->is_lost = true;
        board->lost_bytes += length_of(sent);
        board->n_lost++;
    }
    if (!board->next_lost || sent->start < board->next_lost->start) {
        board->next_lost = sent;
    }
}

void
vs_tcp_sent_mark_sacked(VsTcp *tcp, VsTcpSent *sent)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    end_waiting(board, sent);
    discount(board, sent, length_of(sent));
    board->n_lost -= sent->is_lost;
    sent->is_lost = false;
    sent->is_resent = false;
    sent->is_sacked = true;
    board->sacked_bytes += length_of(sent);
    board->n_sacked++;
    if (!board->highest || sent->start > board->highest->start) {
        board->highest = sent;
    }
}

void
vs_tcp_sent_forget_sacks(VsTcp *tcp)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    for (VsTcpSent *sent = board->first; sent; sent = sent->next) {
        if (sent->is_sacked) {
            sent->is_sacked = false;
            begin_waiting(board, sent, board->newest);
        }
    }
    board->sacked_bytes = 0;
    board->n_sacked = 0;
    board->highest = NULL;
    board->n_known = 0;
}

/* tcp_undo_cwnd_reduction(): nothing was lost after all. */
void
vs_tcp_sent_forget_losses(VsTcp *tcp)
{
    VsTcpScoreboard *board = &tcp->flight->board;

    for (VsTcpSent *sent = board->first; sent; sent = sent->next) {
        if (sent->is_lost) {
            sent->is_lost = false;
            board->lost_bytes -= length_of(sent);
            board->n_lost--;
            if (!sent->is_waiting) {
                begin_waiting(board, sent, board->newest);
            }
        }
    }
    board->next_lost = NULL;
    board->judged_upto = 0;
}

VsTcpSent *
vs_tcp_sent_next_lost(VsTcp *tcp)
{
    VsTcpSent *sent = tcp->flight->board.next_lost;

    while (sent && (!sent->is_lost || sent->is_resent)) {
        sent = sent->next;
    }
    tcp->flight->board.next_lost = sent;
    return sent;
}

static uint64_t
distance(const VsTcpSent *sent, uint64_t position)
{
    return sent->start > position ? sent->start - position : position - sent->start;
}

VsTcpSent *
vs_tcp_sent_find(VsTcp *tcp, uint64_t position)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    VsTcpSent *const starts[] = {board->highest, board->found, board->last};
    VsTcpSent *sent = board->first;

    for (unsigned i = 0; sent && i < G_N_ELEMENTS(starts); i++) {
        if (starts[i] && distance(starts[i], position) < distance(sent, position)) {
            sent = starts[i];
        }
    }
    while (sent && sent->previous && sent->previous->end > position) {
        sent = sent->previous;
    }
    while (sent && sent->end <= position) {
        sent = sent->next;
    }
    board->found = sent;
    return sent;
}

void
vs_tcp_sent_take_acknowledged(VsTcp *tcp, VsTcpNews *news)
{
    VsTcpScoreboard *board = &tcp->flight->board;
    VsTcpSent *sent;

    while ((sent = board->first) && sent->end <= tcp->snd_una) {
        if (!sent->is_sacked) {
            vs_tcp_take_delivered(tcp, sent, news);
        }
        news->n_acked++;
        forget(tcp, sent);
    }
    if (sent && sent->start < tcp->snd_una) {
        uint32_t bytes = (uint32_t)(tcp->snd_una - sent->start);

        if (!sent->is_sacked) {
            news->delivered += bytes;
        }
        discount(board, sent, bytes);
        sent->start = tcp->snd_una;
    }
}

static void
free_flight(VsTcp *tcp)
{
    vs_pool_free(&tcp->sockets->flights, tcp->flight);
    tcp->flight = NULL;
}

void
vs_tcp_flight_end(VsTcp *tcp)
{
    const VsTcpFlight *flight = tcp->flight;

    if (!flight->board.first && !flight->undo.is_set && flight->rack.probe_end == 0) {
        free_flight(tcp);
    }
}

void
vs_tcp_flight_clear(VsTcp *tcp)
{
    if (tcp->flight) {
        while (tcp->flight->board.last) {
            forget(tcp, tcp->flight->board.last);
        }
        free_flight(tcp);
    }
}

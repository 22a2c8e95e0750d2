/* Selective acknowledgements (RFC 2018), duplicates told among them (RFC 2883). */
#include <glib.h>

#include "transport/tcp_internal.h"

/* The receiver. --------------------------------------------------------------------- */

static inline bool
is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* Do they overlap, or touch? */
static inline bool
touches(const VsSackBlock *a, const VsSackBlock *b)
{
    return !is_before(a->end, b->start) && !is_before(b->end, a->start);
}

static VsSackBlock
join(const VsSackBlock *a, const VsSackBlock *b)
{
    return (VsSackBlock){.start = is_before(a->start, b->start) ? a->start : b->start,
                         .end = is_before(a->end, b->end) ? b->end : a->end};
}

static VsTcpBlocks *
borrow(VsTcp *tcp)
{
    if (!tcp->blocks) {
        tcp->blocks = vs_pool_alloc(&tcp->sockets->blocks);
        *tcp->blocks = (VsTcpBlocks){.length = 0};
    }
    return tcp->blocks;
}

void
vs_tcp_sack_clear(VsTcp *tcp)
{
    if (tcp->blocks) {
        vs_pool_free(&tcp->sockets->blocks, tcp->blocks);
        tcp->blocks = NULL;
    }
}

/* tcp_sack_new_ofo_skb() */
void
vs_tcp_sack_note_early(VsTcp *tcp, uint64_t start, uint64_t end)
{
    VsSackBlock new = {(uint32_t)start, (uint32_t)end};
    VsTcpBlocks *blocks;
    unsigned n = 0;

    if (!tcp->has_sack) {
        return;
    }
    blocks = borrow(tcp);
    for (unsigned i = 0; i < blocks->length; i++) {
        if (touches(&new, &blocks->blocks[i])) {
            new = join(&new, &blocks->blocks[i]);
        } else {
            blocks->blocks[n++] = blocks->blocks[i];
        }
    }
    n = MIN(n, VS_TCP_SACK_MAX_BLOCKS - 1);
    memmove(&blocks->blocks[1], &blocks->blocks[0], n * sizeof(VsSackBlock));
    blocks->blocks[0] = new;
    blocks->length = (uint8_t)(n + 1);
}

/* tcp_sack_remove() */
void
vs_tcp_sack_note_in_order(VsTcp *tcp)
{
    VsTcpBlocks *blocks = tcp->blocks;
    uint8_t n = 0;

    if (G_LIKELY(!blocks)) {
        return;
    }
    for (unsigned i = 0; tcp->early.first && i < blocks->length; i++) {
        if (is_before((uint32_t)tcp->rcv_nxt, blocks->blocks[i].start)) {
            blocks->blocks[n++] = blocks->blocks[i];
        }
    }
    blocks->length = n;
    if (n == 0 && !blocks->has_duplicate) {
        vs_tcp_sack_clear(tcp);
    }
}

/* tcp_dsack_set(), tcp_dsack_extend() */
void
vs_tcp_sack_note_duplicate(VsTcp *tcp, uint64_t start, uint64_t end)
{
    VsSackBlock new = {(uint32_t)start, (uint32_t)end};
    VsTcpBlocks *blocks;

    if (!tcp->has_sack || start >= end) {
        return;
    }
    blocks = borrow(tcp);
    if (!blocks->has_duplicate) {
        blocks->has_duplicate = true;
        blocks->duplicate = new;
    } else if (touches(&blocks->duplicate, &new)) {
        blocks->duplicate = join(&blocks->duplicate, &new);
    }
}

static unsigned
n_blocks(const VsTcp *tcp)
{
    unsigned most = VS_TCP_SACK_MAX_BLOCKS - tcp->has_timestamps;

    return MIN(tcp->blocks->length + (unsigned)tcp->blocks->has_duplicate, most);
}

uint32_t
vs_tcp_sack_option_bytes(const VsTcp *tcp)
{
    return G_LIKELY(!tcp->blocks) ? 0 : VS_TCP_SACK_BYTES(n_blocks(tcp));
}

void
vs_tcp_sack_write(VsTcp *tcp, VsPacket *packet)
{
    VsTcpBlocks *blocks = tcp->blocks;
    unsigned n = n_blocks(tcp), first = blocks->has_duplicate;

    if (first) {
        packet->tcp_options.sack[0] = blocks->duplicate;
        blocks->has_duplicate = false;
    }
    for (unsigned i = first; i < n; i++) {
        packet->tcp_options.sack[i] = blocks->blocks[i - first];
    }
    vs_packet_top(packet)->tcp.options |= (uint8_t)(n << VS_TCP_OPTION_SACK_SHIFT);
    if (blocks->length == 0) {
        vs_tcp_sack_clear(tcp);
    }
}

/* The sender. ----------------------------------------------------------------------- */

typedef struct Range {
    uint64_t start;
    uint64_t end;
} Range;

/* 'sent' was delivered: tcp_sacktag_one(), tcp_clean_rtx_queue(). */
void
vs_tcp_take_delivered(VsTcp *tcp, VsTcpSent *sent, VsTcpNews *news)
{
    news->delivered += sent->end - sent->start;
    if (!sent->was_resent) {
        if (sent->start < news->highest) {
            news->lowest_late = MIN(news->lowest_late, sent->start);
        }
        if (tcp->is_timing && sent->end == tcp->rtt_end) {
            news->has_timed = true;
        }
    }
    vs_tcp_rack_advance(tcp, sent);
}

/* All of 'range' that no ACK has told of. */
static void
take_range(VsTcp *tcp, uint64_t start, uint64_t end, VsTcpNews *news)
{
    VsTcpSent *sent = vs_tcp_sent_find(tcp, start);

    while (sent && sent->start < end) {
        if (sent->is_sacked) {
            sent = sent->next;
            continue;
        }
        if (sent->start < start) {
            sent = vs_tcp_sent_split(tcp, sent, (uint32_t)(start - sent->start));
        }
        if (sent->end > end) {
            vs_tcp_sent_split(tcp, sent, (uint32_t)(end - sent->start));
        }
        vs_tcp_take_delivered(tcp, sent, news);
        vs_tcp_sent_mark_sacked(tcp, sent);
        news->has_sacked = true;
        sent = sent->next;
    }
}

/* Leaves out what the ACK before has told, too: blocks are repeated. */
static void
take_block(VsTcp *tcp, const Range *block, VsTcpNews *news)
{
    const VsTcpScoreboard *board = &tcp->flight->board;
    uint64_t at = block->start;

    while (at < block->end) {
        uint64_t end = block->end, skip = 0;

        for (unsigned i = 0; i < board->n_known; i++) {
            if (board->known[i].start > at) {
                end = MIN(end, board->known[i].start);
            } else if (board->known[i].end > at) {
                skip = MAX(skip, board->known[i].end);
            }
        }
        if (skip == 0) {
            take_range(tcp, at, end, news);
        }
        at = skip > 0 ? skip : end;
    }
}

/* tcp_check_dsack(): the first block tells of a duplicate if it is acknowledged, or within the
 * second. */
static bool
is_duplicate_block(const Range *ranges, unsigned n, uint64_t ack)
{
    return ranges[0].start < ack || (n > 1 && ranges[0].start >= ranges[1].start &&
                                     ranges[0].end <= ranges[1].end);
}

/* Only what was sent may be told of. */
static bool
is_valid(const VsTcp *tcp, const Range *range)
{
    return range->start < range->end && range->end <= tcp->snd_nxt;
}

static void
take_duplicate(VsTcp *tcp, const Range *range, VsTcpNews *news)
{
    uint64_t bytes = range->end - range->start;
    uint32_t n_segments = (uint32_t)((bytes + tcp->mss - 1) / tcp->mss);

    news->has_dsack = true;
    tcp->sockets->stats.n_dsacks++;
    if (tcp->flight->undo.is_set && range->end > tcp->flight->undo.start) {
        tcp->flight->undo.n_resent -= MIN(tcp->flight->undo.n_resent, n_segments);
    }
}

static void
remember(VsTcpScoreboard *board, const Range *ranges, unsigned n)
{
    board->n_known = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        board->known[i].start = ranges[i].start;
        board->known[i].end = ranges[i].end;
    }
}

/* tcp_sacktag_write_queue() */
void
vs_tcp_sack_take(VsTcp *tcp, const VsPacket *packet, const VsTcpHeader *header,
                 uint64_t ack, VsTcpNews *news)
{
    Range ranges[VS_TCP_SACK_MAX_BLOCKS];
    unsigned n = MIN(vs_tcp_n_sack_blocks(header), VS_TCP_SACK_MAX_BLOCKS);
    unsigned n_valid = 0, first = 0;

    for (unsigned i = 0; i < n; i++) {
        const VsSackBlock *block = &packet->tcp_options.sack[i];

        ranges[i].start = vs_tcp_position(tcp->snd_una, block->start);
        ranges[i].end = vs_tcp_position(tcp->snd_una, block->end);
    }
    if (n > 0 && is_valid(tcp, &ranges[0]) && is_duplicate_block(ranges, n, ack)) {
        take_duplicate(tcp, &ranges[0], news);
        first = 1;
    }
    for (unsigned i = first; i < n; i++) {
        Range range = ranges[i];

        if (is_valid(tcp, &range) && range.end > ack) {
            range.start = MAX(range.start, tcp->snd_una);
            take_block(tcp, &range, news);
            ranges[n_valid++] = range;
        }
    }
    remember(&tcp->flight->board, ranges, n_valid);
}

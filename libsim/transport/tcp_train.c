/* How much TCP sends at a time.  Linux: tcp_write_xmit(), tcp_tso_autosize(),
 * tcp_tso_should_defer(), tcp_mss_split_point(); tcp_nagle_check(), tcp_minshall_check(). */
#include <glib.h>

#include "transport/tcp_internal.h"

/* GSO_LEGACY_MAX_SIZE, less 1 + MAX_TCP_HEADER: sk_setup_caps(). */
#define TRAIN_BYTES_MAX (UINT32_C(65536) - 1 - 320)

enum {
    TRAIN_SEGMENTS_MIN = 2, /* net.ipv4.tcp_min_tso_segs. */
    TSO_RTT_LOG = 9,        /* net.ipv4.tcp_tso_rtt_log, of microseconds. */
    WINDOW_DIVISOR = 3,     /* net.ipv4.tcp_tso_win_divisor. */
};

/* tcp_update_pacing_rate(), in bytes a second; 0: not known yet.  It limits trains of
 * algorithms that do not pace, too. */
static uint64_t
pacing_rate(const VsTcp *tcp)
{
    const VsCongestion *congestion = &tcp->congestion;
    uint64_t percent = congestion->cwnd < congestion->ssthresh / 2 ? 200 : 120;

    if (congestion->pacing_rate > 0 || tcp->srtt == 0) {
        return congestion->pacing_rate;
    }
    return (uint64_t)((unsigned __int128)congestion->cwnd * percent * VS_S /
                      (uint64_t)tcp->srtt / 100);
}

/* The data of a millisecond, and more where round trips are short: whole segments. */
static uint64_t
train_bytes_max(const VsTcp *tcp)
{
    uint64_t rate = pacing_rate(tcp);
    uint64_t bytes = TRAIN_BYTES_MAX;
    VsTime shift = tcp->min_rtt / VS_US >> TSO_RTT_LOG;

    if (rate > 0) {
        bytes = MIN(bytes, rate >> 10) + (shift < 32 ? TRAIN_BYTES_MAX >> shift : 0);
        bytes = MIN(bytes, TRAIN_BYTES_MAX);
    }
    return MAX(bytes / tcp->mss, TRAIN_SEGMENTS_MIN) * tcp->mss;
}

/* More may go in one train when the next ACK comes, within half a round trip, unless a third
 * of the window is free already. */
static bool
is_worth_waiting(const VsTcp *tcp, uint64_t room, uint64_t bytes_max)
{
    uint64_t window = MIN(tcp->congestion.cwnd, tcp->window);

    return tcp->recovery == VS_TCP_RECOVERY_NONE && tcp->snd_una < tcp->snd_nxt &&
           room < MIN(bytes_max, window / WINDOW_DIVISOR) && tcp->is_timing &&
           vs_now(tcp->sockets->run) - tcp->rtt_started >= tcp->srtt / 2;
}

/* Of the train of new data, of which 'left' are of one message and 'room', a segment or more,
 * fits the window. */
static uint64_t
train_bytes(const VsTcp *tcp, uint64_t left, uint64_t room)
{
    uint64_t bytes_max = train_bytes_max(tcp);
    uint64_t bytes = MIN(left, bytes_max);

    if (bytes <= room) {
        return bytes;
    }
    return is_worth_waiting(tcp, room, bytes_max) ? 0 : room / tcp->mss * tcp->mss;
}

/* The bytes queued are taken for one stream, as if messages were joined in segments: its
 * full ones may go; what is left waits for what was sent of its kind (Minshall), or for
 * more.  Nothing more comes before FIN. */
static uint64_t
nagle_bytes(VsTcp *tcp)
{
    if (tcp->snd_nxt >= tcp->nagle_edge) {
        uint64_t queued = tcp->snd_end - tcp->snd_nxt;

        if (queued >= tcp->mss) {
            tcp->nagle_edge = tcp->snd_nxt + queued / tcp->mss * tcp->mss;
        } else if (tcp->small_end <= tcp->snd_una || tcp->is_closing) {
            tcp->nagle_edge = tcp->snd_end;
            tcp->small_end = tcp->snd_end;
        } else {
            return 0;
        }
    }
    return tcp->nagle_edge - tcp->snd_nxt;
}

uint64_t
vs_tcp_chunk_bytes(VsTcp *tcp, uint64_t left, uint64_t room)
{
    const VsTcpConfig *config = &tcp->sockets->config;
    uint32_t segment_bytes = vs_tcp_segment_bytes(tcp);

    if (!config->is_nodelay) {
        left = MIN(left, nagle_bytes(tcp));
    }
    /* Not with SACK blocks, which would be in each segment. */
    if (config->has_gso && left > tcp->mss && room >= tcp->mss &&
        segment_bytes == tcp->mss) {
        return train_bytes(tcp, left, room);
    }
    return MIN(left, segment_bytes);
}

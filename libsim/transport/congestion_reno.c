/* NewReno: RFC 5681 with the byte counting of RFC 3465 (L = 2); how recovery ends is
 * RFC 6582.  Linux: net/ipv4/tcp_cong.c, tcp_reno_cong_avoid(). */
#include <glib.h>

#include "transport/congestion.h"

enum { MAX_SEGMENTS_AN_ACK = 2 }; /* L of RFC 3465. */

static void
reno_init(VsCongestion *congestion)
{
    (void)congestion;
}

/* A segment more for each window acknowledged. */
static void
avoid_congestion(VsCongestion *congestion, uint32_t acked)
{
    VsReno *reno = &congestion->reno;

    reno->counted += acked;
    if (reno->counted >= congestion->cwnd) {
        reno->counted -= congestion->cwnd;
        vs_congestion_set_cwnd(congestion,
                               (uint64_t)congestion->cwnd + congestion->mss);
    }
}

void
vs_reno_on_ack(VsCongestion *congestion, const VsCongestionAck *ack)
{
    uint32_t acked = ack->acked;

    if (!ack->is_growing || !vs_congestion_is_limiting(congestion)) {
        return;
    }
    if (vs_congestion_is_slow_start(congestion)) {
        acked = vs_congestion_slow_start(
            congestion, MIN(acked, (uint32_t)MAX_SEGMENTS_AN_ACK * congestion->mss));
    }
    if (acked > 0 && !vs_congestion_is_slow_start(congestion)) {
        avoid_congestion(congestion, acked);
    }
}

/* Equation 4 of RFC 5681. */
static void
reduce(VsCongestion *congestion, uint64_t in_flight)
{
    uint64_t half = MIN(in_flight, VS_CONGESTION_CWND_MAX) / 2;

    congestion->ssthresh = (uint32_t)MAX(half, 2u * congestion->mss);
    congestion->reno.counted = 0;
}

/* RFC 3168 section 6.1.2: as for a loss. */
static void
reno_on_ecn(VsCongestion *congestion, VsTime now)
{
    (void)now;
    reduce(congestion, congestion->cwnd);
    vs_congestion_set_cwnd(congestion, congestion->ssthresh);
}

void
vs_reno_on_loss(VsCongestion *congestion, uint64_t in_flight, VsTime now)
{
    (void)now;
    reduce(congestion, in_flight);
    vs_congestion_set_cwnd(congestion, congestion->ssthresh);
}

void
vs_reno_on_recovered(VsCongestion *congestion)
{
    vs_congestion_set_cwnd(congestion, congestion->ssthresh);
}

void
vs_reno_on_timeout(VsCongestion *congestion, uint64_t in_flight, bool is_first,
                   VsTime now)
{
    (void)now;
    if (is_first) {
        reduce(congestion, in_flight);
    }
    vs_congestion_collapse(congestion);
}

const VsCongestionAlgorithm vs_congestion_reno = {
    .init = reno_init,
    .on_ack = vs_reno_on_ack,
    .on_ecn = reno_on_ecn,
    .on_loss = vs_reno_on_loss,
    .on_recovered = vs_reno_on_recovered,
    .on_timeout = vs_reno_on_timeout,
    .on_restart = vs_congestion_decay,
};

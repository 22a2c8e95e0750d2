/* HyStart++: RFC 9406.  The first slow start of a connection ends before it overruns the
 * queue: when round trips get longer it goes on four times as slowly, and if they stay
 * long for five rounds, congestion avoidance begins. */
#include <glib.h>

#include "transport/congestion.h"

/* Section 4.3. */
#define MIN_RTT_THRESH (4 * VS_MS)
#define MAX_RTT_THRESH (16 * VS_MS)
enum {
    MIN_RTT_DIVISOR = 8,
    N_RTT_SAMPLES = 8,
    CSS_GROWTH_DIVISOR = 4,
    CSS_ROUNDS = 5,
    MAX_SEGMENTS_AN_ACK = 8, /* L, for senders that do not pace. */
};

void
vs_hystart_init(VsHystart *hystart)
{
    *hystart = (VsHystart){.last_min = VS_TIME_NEVER, .current_min = VS_TIME_NEVER};
}

static void
begin_round(VsCongestion *congestion, VsHystart *hystart, uint64_t snd_nxt)
{
    hystart->round_end = snd_nxt;
    hystart->last_min = hystart->current_min;
    hystart->current_min = VS_TIME_NEVER;
    hystart->n_samples = 0;
    if (hystart->n_css_rounds > 0 && hystart->n_css_rounds++ == CSS_ROUNDS) {
        congestion->ssthresh = congestion->cwnd;
    }
}

/* Has the delay risen, or, in conservative slow start, was that a mistake? */
static void
watch(VsHystart *hystart, VsTime rtt)
{
    hystart->current_min = MIN(hystart->current_min, rtt);
    if (hystart->n_samples < N_RTT_SAMPLES && ++hystart->n_samples < N_RTT_SAMPLES) {
        return;
    }
    if (hystart->n_css_rounds > 0) {
        if (hystart->current_min < hystart->baseline) {
            hystart->n_css_rounds = 0;
        }
    } else if (hystart->last_min != VS_TIME_NEVER) {
        VsTime thresh =
            CLAMP(hystart->last_min / MIN_RTT_DIVISOR, MIN_RTT_THRESH, MAX_RTT_THRESH);

        if (hystart->current_min >= hystart->last_min + thresh) {
            hystart->baseline = hystart->current_min;
            hystart->n_css_rounds = 1;
        }
    }
}

void
vs_hystart_grow(VsCongestion *congestion, VsHystart *hystart,
                const VsCongestionAck *ack)
{
    uint32_t acked = MIN(ack->acked, (uint32_t)MAX_SEGMENTS_AN_ACK * congestion->mss);

    if (ack->snd_una > hystart->round_end) {
        begin_round(congestion, hystart, ack->snd_nxt);
    }
    if (ack->rate.rtt > 0) {
        watch(hystart, ack->rate.rtt);
    }
    if (hystart->n_css_rounds > 0) {
        acked /= CSS_GROWTH_DIVISOR;
    }
    vs_congestion_slow_start(congestion, acked);
}

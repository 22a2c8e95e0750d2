/* BBR v1: Cardwell et al., "BBR: Congestion-Based Congestion Control" (ACM Queue 2016), as
 * Linux net/ipv4/tcp_bbr.c has it; its functions are named below.  Not modelled of that:
 * the long-term rate of policed flows, and the extra window for aggregated ACKs.
 *
 * The sender is paced at a gain times the highest delivery rate of the latest ten rounds,
 * with twice that rate times the smallest round trip of the latest ten seconds under way. */
#include <glib.h>

#include "base/hash.h"
#include "transport/congestion.h"

#define GAIN_ONE 256
#define HIGH_GAIN (GAIN_ONE * 2885 / 1000 + 1) /* 2 / ln 2: doubles in each round. */
#define DRAIN_GAIN (GAIN_ONE * 1000 / 2885)
#define CWND_GAIN (2 * GAIN_ONE)
#define RATE_UNIT 64 /* Bytes per second, in which the filter keeps rates. */
#define MIN_RTT_WINDOW (10 * VS_S)
#define PROBE_RTT_TIME (200 * VS_MS)

enum {
    BANDWIDTH_ROUNDS = 10,
    FULL_ROUNDS = 3, /* Without a quarter more: the pipe is full. */
    MIN_SEGMENTS = 4,
    QUANTUM_SEGMENTS =
        3, /* Beyond the pipe: for delayed ACKs and what is being sent. */
    PACING_MARGIN_PERCENT = 1,
    N_PHASES = 8,
};

typedef enum Mode { STARTUP, DRAIN, PROBE_BW, PROBE_RTT } Mode;

static const uint16_t phase_gains[N_PHASES] = {
    GAIN_ONE * 5 / 4, GAIN_ONE * 3 / 4, GAIN_ONE, GAIN_ONE,
    GAIN_ONE,         GAIN_ONE,         GAIN_ONE, GAIN_ONE};

/* Kathleen Nichols' windowed maximum (Linux lib/win_minmax.c): the best, and the best
 * since those, by round. */
static void
take_rate(VsBbr *bbr, uint32_t rate)
{
    VsBbrRate *best = bbr->best, new = {rate, bbr->round};

    if (rate >= best[0].rate || bbr->round - best[2].round > BANDWIDTH_ROUNDS) {
        best[0] = best[1] = best[2] = new;
        return;
    }
    if (rate >= best[1].rate) {
        best[1] = best[2] = new;
    } else if (rate >= best[2].rate) {
        best[2] = new;
    }
    if (bbr->round - best[0].round > BANDWIDTH_ROUNDS) {
        best[0] = best[1];
        best[1] = best[2];
        best[2] = new;
        if (bbr->round - best[0].round > BANDWIDTH_ROUNDS) {
            best[0] = best[1];
            best[1] = best[2];
        }
    } else if (best[1].round == best[0].round &&
               bbr->round - best[0].round > BANDWIDTH_ROUNDS / 4) {
        best[1] = best[2] = new;
    } else if (best[2].round == best[1].round &&
               bbr->round - best[0].round > BANDWIDTH_ROUNDS / 2) {
        best[2] = new;
    }
}

/* Bytes per second. */
static uint64_t
bandwidth(const VsBbr *bbr)
{
    return (uint64_t)bbr->best[0].rate * RATE_UNIT;
}

/* Bytes that 'gain' times bandwidth times smallest round trip are (bbr_inflight()). */
static uint64_t
pipe(const VsCongestion *congestion, unsigned gain)
{
    const VsBbr *bbr = &congestion->bbr;
    unsigned __int128 bytes =
        (unsigned __int128)bandwidth(bbr) * (uint64_t)bbr->min_rtt;

    if (bbr->min_rtt == VS_TIME_NEVER || bbr->best[0].rate == 0) {
        return congestion->initial_window;
    }
    return (uint64_t)(bytes / VS_S) * gain / GAIN_ONE +
           QUANTUM_SEGMENTS * congestion->mss;
}

static unsigned
pacing_gain(const VsBbr *bbr)
{
    switch ((Mode)bbr->mode) {
    case STARTUP:
        return HIGH_GAIN;
    case DRAIN:
        return DRAIN_GAIN;
    case PROBE_BW:
        return phase_gains[bbr->phase];
    default:
        return GAIN_ONE;
    }
}

/* bbr_set_pacing_rate(): in startup it only rises. */
static void
set_pacing_rate(VsCongestion *congestion, unsigned gain, VsTime srtt)
{
    const VsBbr *bbr = &congestion->bbr;
    uint64_t rate = bandwidth(bbr) * gain / GAIN_ONE;

    if (bbr->best[0].rate == 0 && srtt > 0) {
        rate = (uint64_t)((unsigned __int128)congestion->cwnd * VS_S / (uint64_t)srtt) *
               HIGH_GAIN / GAIN_ONE;
    }
    rate = rate * (100 - PACING_MARGIN_PERCENT) / 100;
    if (bbr->is_full || rate > congestion->pacing_rate) {
        congestion->pacing_rate = rate;
    }
}

static void
save_cwnd(VsCongestion *congestion, bool is_reduced_already)
{
    VsBbr *bbr = &congestion->bbr;

    bbr->prior_cwnd =
        is_reduced_already ? MAX(bbr->prior_cwnd, congestion->cwnd) : congestion->cwnd;
}

/* Flows begin in different phases, but not by draining. */
static void
probe_bandwidth(VsBbr *bbr, const VsCongestionAck *ack)
{
    bbr->mode = PROBE_BW;
    bbr->phase = (uint8_t)(vs_mix64(ack->snd_una) % (N_PHASES - 1) + 2) % N_PHASES;
    bbr->since = ack->now;
}

/* bbr_update_bw() */
static void
update_bandwidth(VsBbr *bbr, const VsCongestionAck *ack)
{
    const VsRateSample *sample = &ack->rate;
    uint64_t rate;

    bbr->is_round_start = false;
    if (sample->interval <= 0) {
        return;
    }
    if (sample->prior_delivered >= bbr->round_end) {
        bbr->round_end = ack->snd_una;
        bbr->round++;
        bbr->is_round_start = true;
    }
    rate = (uint64_t)((unsigned __int128)sample->delivered * VS_S /
                      (uint64_t)sample->interval / RATE_UNIT);
    if (!sample->is_app_limited || rate >= bbr->best[0].rate) {
        take_rate(bbr, (uint32_t)MIN(rate, (uint64_t)UINT32_MAX));
    }
}

/* bbr_is_next_cycle_phase() */
static bool
is_phase_over(const VsCongestion *congestion, const VsCongestionAck *ack)
{
    const VsBbr *bbr = &congestion->bbr;
    bool is_long = ack->now - bbr->since > bbr->min_rtt;
    uint64_t in_flight = (uint64_t)ack->in_flight + ack->acked;
    unsigned gain = phase_gains[bbr->phase];

    if (gain > GAIN_ONE) {
        return is_long && (ack->is_recovering || in_flight >= pipe(congestion, gain));
    }
    return is_long || (gain < GAIN_ONE && in_flight <= pipe(congestion, GAIN_ONE));
}

/* bbr_check_full_bw_reached(), bbr_check_drain(), bbr_update_cycle_phase() */
static void
update_mode(VsCongestion *congestion, const VsCongestionAck *ack)
{
    VsBbr *bbr = &congestion->bbr;

    if (bbr->mode == PROBE_BW && is_phase_over(congestion, ack)) {
        bbr->phase = (uint8_t)((bbr->phase + 1) % N_PHASES);
        bbr->since = ack->now;
    }
    if (!bbr->is_full && bbr->is_round_start && !ack->rate.is_app_limited) {
        if ((uint64_t)bbr->best[0].rate * 4 >= (uint64_t)bbr->full_rate * 5) {
            bbr->full_rate = bbr->best[0].rate;
            bbr->n_full_rounds = 0;
        } else {
            bbr->is_full = ++bbr->n_full_rounds >= FULL_ROUNDS;
        }
    }
    if (bbr->mode == STARTUP && bbr->is_full) {
        bbr->mode = DRAIN;
        congestion->ssthresh = (uint32_t)MIN(pipe(congestion, GAIN_ONE), UINT32_MAX);
    }
    if (bbr->mode == DRAIN && ack->in_flight <= pipe(congestion, GAIN_ONE)) {
        probe_bandwidth(bbr, ack);
    }
}

/* Four segments under way for 200 ms and a round: the queue is empty, the round trip true. */
static void
probe_rtt(VsCongestion *congestion, const VsCongestionAck *ack)
{
    VsBbr *bbr = &congestion->bbr;
    uint64_t in_flight = ack->in_flight;

    if (congestion->delivery) {
        vs_delivery_set_app_limited(congestion->delivery, ack->snd_nxt);
    }
    if (bbr->since == 0) {
        if (in_flight <= (uint64_t)MIN_SEGMENTS * congestion->mss) {
            bbr->since = ack->now + PROBE_RTT_TIME;
            bbr->is_probe_round_over = false;
            bbr->round_end = ack->snd_una;
        }
        return;
    }
    bbr->is_probe_round_over = bbr->is_probe_round_over || bbr->is_round_start;
    if (bbr->is_probe_round_over && ack->now > bbr->since) {
        bbr->min_rtt_at = ack->now;
        vs_congestion_set_cwnd(congestion, MAX(congestion->cwnd, bbr->prior_cwnd));
        bbr->mode = STARTUP;
        if (bbr->is_full) {
            probe_bandwidth(bbr, ack);
        }
    }
}

/* bbr_update_min_rtt() */
static void
update_min_rtt(VsCongestion *congestion, const VsCongestionAck *ack)
{
    VsBbr *bbr = &congestion->bbr;
    bool is_expired =
        bbr->min_rtt != VS_TIME_NEVER && ack->now > bbr->min_rtt_at + MIN_RTT_WINDOW;

    if (ack->rate.rtt > 0 && (ack->rate.rtt <= bbr->min_rtt || is_expired)) {
        bbr->min_rtt = ack->rate.rtt;
        bbr->min_rtt_at = ack->now;
    }
    if (is_expired && !bbr->is_restarting && bbr->mode != PROBE_RTT) {
        save_cwnd(congestion, ack->is_recovering);
        bbr->mode = PROBE_RTT;
        bbr->since = 0;
    }
    if (bbr->mode == PROBE_RTT) {
        probe_rtt(congestion, ack);
    }
    bbr->is_restarting = false;
}

/* bbr_set_cwnd() */
static void
set_cwnd(VsCongestion *congestion, const VsCongestionAck *ack)
{
    const VsBbr *bbr = &congestion->bbr;
    uint64_t least = (uint64_t)MIN_SEGMENTS * congestion->mss;
    uint64_t target, cwnd = congestion->cwnd;

    if (bbr->mode == PROBE_RTT) {
        target = least;
    } else {
        target = pipe(congestion, bbr->mode == PROBE_BW ? CWND_GAIN : HIGH_GAIN);
    }
    if (bbr->is_full) {
        cwnd = MIN(cwnd + ack->acked, target);
    } else if (cwnd < target || bbr->best[0].rate == 0) {
        cwnd += ack->acked;
    }
    cwnd = MAX(cwnd, least);
    vs_congestion_set_cwnd(congestion,
                           bbr->mode == PROBE_RTT ? MIN(cwnd, least) : cwnd);
}

static void
bbr_init(VsCongestion *congestion)
{
    congestion->is_measuring = true;
    congestion->bbr.min_rtt = VS_TIME_NEVER;
}

static void
bbr_on_ack(VsCongestion *congestion, const VsCongestionAck *ack)
{
    update_bandwidth(&congestion->bbr, ack);
    update_mode(congestion, ack);
    update_min_rtt(congestion, ack);
    set_pacing_rate(congestion, pacing_gain(&congestion->bbr), ack->srtt);
    set_cwnd(congestion, ack);
}

/* It does not look at marks. */
static void
bbr_on_ecn(VsCongestion *congestion, VsTime now)
{
    (void)congestion;
    (void)now;
}

/* Nor does a loss tell it of the path: the window of before comes back. */
static void
bbr_on_loss(VsCongestion *congestion, uint64_t in_flight, VsTime now)
{
    (void)in_flight;
    (void)now;
    save_cwnd(congestion, congestion->bbr.mode == PROBE_RTT);
}

static void
bbr_on_recovered(VsCongestion *congestion)
{
    if (congestion->bbr.mode != PROBE_RTT) {
        vs_congestion_set_cwnd(congestion,
                               MAX(congestion->cwnd, congestion->bbr.prior_cwnd));
    }
}

/* bbr_set_state(): whether the pipe is full is asked anew. */
static void
bbr_on_timeout(VsCongestion *congestion, uint64_t in_flight, bool is_first, VsTime now)
{
    (void)in_flight;
    (void)now;
    save_cwnd(congestion, !is_first);
    congestion->bbr.full_rate = 0;
    vs_congestion_collapse(congestion);
}

/* bbr_cwnd_event(): goes on at the rate it knows. */
static void
bbr_on_restart(VsCongestion *congestion, VsTime idle, VsTime rto)
{
    (void)idle;
    (void)rto;
    congestion->bbr.is_restarting = true;
    if (congestion->bbr.mode == PROBE_BW) {
        set_pacing_rate(congestion, GAIN_ONE, 0);
    }
}

const VsCongestionAlgorithm vs_congestion_bbr = {
    .is_rate_based = true,
    .init = bbr_init,
    .on_ack = bbr_on_ack,
    .on_ecn = bbr_on_ecn,
    .on_loss = bbr_on_loss,
    .on_recovered = bbr_on_recovered,
    .on_timeout = bbr_on_timeout,
    .on_restart = bbr_on_restart,
};

/* CUBIC: RFC 9438; the numbers of sections below are its.  Slow start watches the round trip
 * (congestion_hystart.c).  Linux: net/ipv4/tcp_cubic.c, which does the same sums in
 * integers of 1/1024 s and grows by 1 % of the window a round trip at the top of the curve,
 * where the RFC stands still. */
#include <glib.h>

#include "base/fmath.h"
#include "transport/congestion.h"

#define C 0.4
#define BETA 0.7
#define ALPHA (3 * (1 - BETA) / (1 + BETA)) /* 0.529: Reno's share at this BETA. */
#define MAX_GROWTH 1.5                      /* Of the window in a round trip. */

static double
segments(const VsCongestion *congestion, double bytes)
{
    return bytes / congestion->mss;
}

static double
seconds(VsTime time)
{
    return (double)time / (double)VS_S;
}

static void
cubic_init(VsCongestion *congestion)
{
    congestion->is_measuring = true;
    vs_hystart_init(&congestion->cubic.hystart);
}

/* 4.2; after a time-out (4.8), or a slow start that ended without loss (4.10), the curve
 * begins at its plateau. */
static void
begin_epoch(VsCongestion *congestion, VsTime now)
{
    VsCubic *cubic = &congestion->cubic;
    double cwnd = segments(congestion, congestion->cwnd);

    cubic->has_epoch = true;
    cubic->epoch_start = now;
    cubic->w_est = cwnd;
    cubic->k_s = 0;
    if (cubic->is_after_loss && cubic->w_max > cwnd) {
        cubic->k_s = vs_pow((cubic->w_max - cwnd) / C, 1.0 / 3);
    } else {
        cubic->w_max = cwnd;
    }
}

double
vs_cubic_window(const VsCubic *cubic, VsTime since_epoch)
{
    double t = seconds(since_epoch) - cubic->k_s;

    return C * t * t * t + cubic->w_max;
}

/* 4.3: where Reno would have more, as much as Reno. */
static double
next_window(VsCongestion *congestion, const VsCongestionAck *ack, double cwnd)
{
    VsCubic *cubic = &congestion->cubic;
    VsTime elapsed = ack->now - cubic->epoch_start;
    double acked = segments(congestion, ack->acked);
    double target = vs_cubic_window(cubic, elapsed + ack->srtt);

    cubic->w_est += (cubic->w_est < cubic->cwnd_prior ? ALPHA : 1) * acked / cwnd;
    if (vs_cubic_window(cubic, elapsed) < cubic->w_est) {
        return MAX(cwnd, cubic->w_est);
    }
    return cwnd + (CLAMP(target, cwnd, MAX_GROWTH * cwnd) - cwnd) * acked / cwnd;
}

static void
avoid_congestion(VsCongestion *congestion, const VsCongestionAck *ack)
{
    VsCubic *cubic = &congestion->cubic;
    double bytes = congestion->cwnd + cubic->cwnd_fraction;

    if (!cubic->has_epoch) {
        begin_epoch(congestion, ack->now);
    }
    bytes = next_window(congestion, ack, segments(congestion, bytes)) * congestion->mss;
    bytes = MIN(bytes, (double)VS_CONGESTION_CWND_MAX);
    vs_congestion_set_cwnd(congestion, (uint64_t)bytes);
    cubic->cwnd_fraction = (float)(bytes - (double)(uint64_t)bytes);
}

/* The first slow start is over: nothing is left of HyStart++. */
static void
end_hystart(VsCongestion *congestion, VsTime now)
{
    congestion->is_measuring = false;
    congestion->cubic.epoch_start = now;
    congestion->cubic.last_ack = now;
}

/* Congestion avoidance, and slow start after a time-out. */
static void
grow(VsCongestion *congestion, const VsCongestionAck *ack)
{
    VsCubic *cubic = &congestion->cubic;
    VsTime elapsed = ack->now - cubic->last_ack;

    cubic->last_ack = ack->now;
    if (!ack->is_growing) {
        return;
    }
    if (!vs_congestion_is_limiting(congestion)) {
        cubic->epoch_start += elapsed; /* 5.8: the curve waits for the sender. */
    } else if (vs_congestion_is_slow_start(congestion)) {
        vs_congestion_slow_start(congestion, ack->acked);
    } else {
        avoid_congestion(congestion, ack);
    }
}

static void
cubic_on_ack(VsCongestion *congestion, const VsCongestionAck *ack)
{
    if (!congestion->is_measuring) {
        grow(congestion, ack);
    } else if (ack->is_growing && vs_congestion_is_limiting(congestion)) {
        vs_hystart_grow(congestion, &congestion->cubic.hystart, ack);
        if (!vs_congestion_is_slow_start(congestion)) {
            end_hystart(congestion, ack->now);
        }
    }
}

/* 4.6, and fast convergence, 4.7: a flow whose window shrinks makes room for others. */
static void
reduce(VsCongestion *congestion, VsTime now)
{
    VsCubic *cubic = &congestion->cubic;
    double cwnd = segments(congestion, congestion->cwnd);
    uint64_t reduced = (uint64_t)congestion->cwnd * 7 / 10;

    if (congestion->is_measuring) {
        end_hystart(congestion, now);
    }
    cubic->w_max = cwnd < cubic->w_max ? cwnd * (1 + BETA) / 2 : cwnd;
    cubic->cwnd_prior = cwnd;
    cubic->cwnd_fraction = 0;
    cubic->has_epoch = false;
    congestion->ssthresh = (uint32_t)MAX(reduced, 2u * congestion->mss);
}

static void
cubic_on_ecn(VsCongestion *congestion, VsTime now)
{
    reduce(congestion, now);
    congestion->cubic.is_after_loss = true;
    vs_congestion_set_cwnd(congestion, congestion->ssthresh);
}

static void
cubic_on_loss(VsCongestion *congestion, uint64_t in_flight, VsTime now)
{
    (void)in_flight;
    cubic_on_ecn(congestion, now);
}

static void
cubic_on_recovered(VsCongestion *congestion)
{
    vs_congestion_set_cwnd(congestion, congestion->ssthresh);
}

static void
cubic_on_timeout(VsCongestion *congestion, uint64_t in_flight, bool is_first,
                 VsTime now)
{
    (void)in_flight;
    if (is_first) {
        reduce(congestion, now);
    }
    congestion->cubic.has_epoch = false;
    congestion->cubic.is_after_loss = false;
    vs_congestion_collapse(congestion);
}

/* The curve does not go on while nothing is sent (Linux cubictcp_cwnd_event()). */
static void
cubic_on_restart(VsCongestion *congestion, VsTime idle, VsTime rto)
{
    if (!congestion->is_measuring) {
        congestion->cubic.epoch_start += idle;
        congestion->cubic.last_ack += idle;
    }
    vs_congestion_decay(congestion, idle, rto);
}

const VsCongestionAlgorithm vs_congestion_cubic = {
    .init = cubic_init,
    .on_ack = cubic_on_ack,
    .on_ecn = cubic_on_ecn,
    .on_loss = cubic_on_loss,
    .on_recovered = cubic_on_recovered,
    .on_timeout = cubic_on_timeout,
    .on_restart = cubic_on_restart,
};

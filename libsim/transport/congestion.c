#include "transport/congestion.h"

#include <glib.h>
#include <string.h>

const char *const vs_congestion_names[] = {
    [VS_CONGESTION_CUBIC] = "cubic",
    [VS_CONGESTION_RENO] = "reno",
    [VS_CONGESTION_DCTCP] = "dctcp",
    [VS_CONGESTION_BBR] = "bbr",
    NULL,
};

static const VsCongestionAlgorithm *const algorithms[] = {
    [VS_CONGESTION_CUBIC] = &vs_congestion_cubic,
    [VS_CONGESTION_RENO] = &vs_congestion_reno,
    [VS_CONGESTION_DCTCP] = &vs_congestion_dctcp,
    [VS_CONGESTION_BBR] = &vs_congestion_bbr,
};

void
vs_congestion_init(VsCongestion *congestion, VsCongestionKind kind, uint16_t mss,
                   uint32_t initial_segments)
{
    memset(congestion, 0, sizeof(*congestion));
    congestion->algorithm = algorithms[kind];
    congestion->mss = mss;
    vs_congestion_set_cwnd(congestion, (uint64_t)initial_segments * mss);
    congestion->initial_window = congestion->cwnd;
    congestion->ssthresh = VS_CONGESTION_NO_SSTHRESH;
    congestion->algorithm->init(congestion);
}

void
vs_congestion_set_mss(VsCongestion *congestion, uint16_t mss)
{
    congestion->mss = mss;
}

void
vs_congestion_clear(VsCongestion *congestion)
{
    if (congestion->delivery) {
        vs_delivery_free(congestion->delivery);
        congestion->delivery = NULL;
    }
}

void
vs_congestion_sent(VsCongestion *congestion, VsPool *deliveries, uint64_t snd_una,
                   uint64_t end, VsTime now)
{
    uint32_t in_flight = (uint32_t)(end - snd_una);

    congestion->last_sent = now;
    if (in_flight > congestion->max_in_flight || snd_una >= congestion->usage_end) {
        congestion->max_in_flight = in_flight;
        congestion->usage_end = end;
    }
    if (congestion->is_measuring) {
        if (!congestion->delivery) {
            congestion->delivery = vs_delivery_new(deliveries, snd_una, now);
        }
        vs_delivery_sent(congestion->delivery, snd_una, end, congestion->cwnd, now);
    }
}

void
vs_congestion_resent(VsCongestion *congestion)
{
    if (congestion->delivery) {
        vs_delivery_forget(congestion->delivery);
    }
}

void
vs_congestion_sent_all(VsCongestion *congestion, uint64_t snd_una, uint64_t snd_nxt)
{
    if (congestion->delivery && snd_nxt - snd_una < congestion->cwnd) {
        vs_delivery_set_app_limited(congestion->delivery, snd_nxt);
    }
}

void
vs_congestion_restart(VsCongestion *congestion, VsTime now, VsTime rto)
{
    VsTime idle = now - congestion->last_sent;

    if (congestion->last_sent > 0 && idle > 0) {
        congestion->last_sent = now; /* The peer's window may not let it go yet. */
        congestion->algorithm->on_restart(congestion, idle, rto);
    }
}

bool
vs_congestion_ack(VsCongestion *congestion, VsCongestionAck *ack)
{
    bool was_reduced = ack->snd_una <= congestion->reduced_until;
    bool is_reduced = ack->is_echo && !ack->is_recovering && !was_reduced;

    ack->is_growing = ack->is_growing && !was_reduced && !ack->is_echo;
    if (congestion->delivery) {
        ack->rate = vs_delivery_acked(congestion->delivery, ack->snd_una, ack->now);
    }
    congestion->algorithm->on_ack(congestion, ack);
    if (is_reduced) {
        congestion->algorithm->on_ecn(congestion, ack->now);
        congestion->reduced_until = ack->snd_nxt;
    }
    if (ack->snd_una == ack->snd_nxt || !congestion->is_measuring) {
        vs_congestion_clear(congestion);
    }
    return is_reduced;
}

void
vs_congestion_loss(VsCongestion *congestion, uint64_t in_flight, VsTime now)
{
    congestion->algorithm->on_loss(congestion, in_flight, now);
}

void
vs_congestion_recovered(VsCongestion *congestion)
{
    congestion->algorithm->on_recovered(congestion);
}

void
vs_congestion_timeout(VsCongestion *congestion, uint64_t in_flight, bool is_first,
                      VsTime now)
{
    congestion->algorithm->on_timeout(congestion, in_flight, is_first, now);
}

void
vs_congestion_undo(VsCongestion *congestion, uint32_t cwnd, uint32_t ssthresh)
{
    if (!congestion->algorithm->is_rate_based) {
        vs_congestion_set_cwnd(congestion, MAX(congestion->cwnd, cwnd));
        congestion->ssthresh = MAX(congestion->ssthresh, ssthresh);
    }
}

void
vs_congestion_set_cwnd(VsCongestion *congestion, uint64_t bytes)
{
    congestion->cwnd = (uint32_t)CLAMP(bytes, congestion->mss, VS_CONGESTION_CWND_MAX);
}

void
vs_congestion_collapse(VsCongestion *congestion)
{
    congestion->cwnd = congestion->mss;
}

void
vs_congestion_decay(VsCongestion *congestion, VsTime idle, VsTime rto)
{
    uint32_t restart_window = MIN(congestion->initial_window, congestion->cwnd);
    uint32_t cwnd = congestion->cwnd;

    if (idle <= rto) {
        return;
    }
    congestion->ssthresh = MAX(congestion->ssthresh, cwnd / 4 * 3);
    for (VsTime n = idle / rto; n > 0 && cwnd > restart_window; n--) {
        cwnd /= 2;
    }
    vs_congestion_set_cwnd(congestion, MAX(cwnd, restart_window));
}

uint32_t
vs_congestion_slow_start(VsCongestion *congestion, uint32_t acked)
{
    uint32_t taken = MIN(acked, congestion->ssthresh - congestion->cwnd);

    vs_congestion_set_cwnd(congestion, (uint64_t)congestion->cwnd + taken);
    return acked - taken;
}

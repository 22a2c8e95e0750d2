#include "transport/quic_recovery.h"

#include <glib.h>

enum {
    PERSISTENT_THRESHOLD = 3,     /* kPersistentCongestionThreshold. */
    MINIMUM_WINDOW = 2,           /* Datagrams. */
    INITIAL_WINDOW = 10,          /* Datagrams, */
    INITIAL_WINDOW_BYTES = 14720, /* but no more bytes, or else the minimum. */
    BACKOFF_MAX = 20,
};

/* What an ACK, or a time, has found lost in one space. */
typedef struct Losses {
    uint64_t n_packets;
    VsTime latest;    /* When the last of them was sent. */
    VsTime run_first; /* The present run of losses: when its first one was sent, */
    VsTime longest;   /* and how long the longest one is. */
} Losses;

void
vs_quic_recovery_init(VsQuicRecovery *recovery, const VsQuicRecoveryOps *ops,
                      VsPool *sents, VsPool *deliveries, VsCongestionKind kind,
                      uint16_t datagram_bytes, VsTime max_ack_delay)
{
    uint32_t segments = INITIAL_WINDOW_BYTES / datagram_bytes;

    *recovery = (VsQuicRecovery){.ops = ops,
                                 .sents = sents,
                                 .deliveries = deliveries,
                                 .max_ack_delay = max_ack_delay,
                                 .srtt = VS_QUIC_INITIAL_RTT,
                                 .rttvar = VS_QUIC_INITIAL_RTT / 2,
                                 .min_rtt = VS_TIME_NEVER,
                                 .first_sample = VS_TIME_NEVER};
    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        recovery->spaces[space].loss_time = VS_TIME_NEVER;
    }
    vs_congestion_init(&recovery->congestion, kind, datagram_bytes,
                       CLAMP(segments, MINIMUM_WINDOW, INITIAL_WINDOW));
}

static void
forget_sent(VsQuicRecovery *recovery, VsQuicSpaceState *state, VsQuicSent *before,
            VsQuicSent *sent)
{
    if (before) {
        before->next = sent->next;
    } else {
        state->first = sent->next;
    }
    if (state->last == sent) {
        state->last = before;
    }
    recovery->in_flight -= sent->bytes;
    vs_pool_free(recovery->sents, sent);
}

void
vs_quic_recovery_discard(VsQuicRecovery *recovery, VsQuicSpace space)
{
    VsQuicSpaceState *state = &recovery->spaces[space];

    while (state->first) {
        forget_sent(recovery, state, NULL, state->first);
    }
    state->loss_time = VS_TIME_NEVER;
    recovery->pto_count = 0;
}

void
vs_quic_recovery_clear(VsQuicRecovery *recovery)
{
    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        vs_quic_recovery_discard(recovery, (VsQuicSpace)space);
    }
    vs_congestion_clear(&recovery->congestion);
}

void
vs_quic_recovery_sent(VsQuicRecovery *recovery, VsQuicSpace space, uint64_t number,
                      uint32_t bytes, const VsQuicFrames *frames, VsTime now)
{
    VsQuicSpaceState *state = &recovery->spaces[space];
    VsQuicSent *sent = vs_pool_alloc(recovery->sents);
    uint64_t acked = recovery->sent - recovery->in_flight;

    *sent = (VsQuicSent){.number = number,
                         .sent_at = now,
                         .bytes = bytes,
                         .is_after_acked = state->is_last_acked,
                         .frames = *frames};
    if (state->last) {
        state->last->next = sent;
    } else {
        state->first = sent;
    }
    state->last = sent;
    state->is_last_acked = false;
    state->last_sent = now;
    recovery->in_flight += bytes;
    recovery->sent += bytes;
    vs_congestion_sent(&recovery->congestion, recovery->deliveries, acked,
                       recovery->sent, now);
}

/* ---- Round trips ---- */

/* UpdateRtt. */
static void
update_rtt(VsQuicRecovery *recovery, VsTime delay, VsTime now)
{
    VsTime adjusted = recovery->latest_rtt;

    if (recovery->first_sample == VS_TIME_NEVER) {
        recovery->min_rtt = recovery->srtt = recovery->latest_rtt;
        recovery->rttvar = recovery->latest_rtt / 2;
        recovery->first_sample = now;
        return;
    }
    recovery->min_rtt = MIN(recovery->min_rtt, recovery->latest_rtt);
    if (recovery->is_confirmed) {
        delay = MIN(delay, recovery->max_ack_delay);
    }
    if (adjusted >= recovery->min_rtt + delay) {
        adjusted -= delay;
    }
    recovery->rttvar = (3 * recovery->rttvar + ABS(recovery->srtt - adjusted)) / 4;
    recovery->srtt = (7 * recovery->srtt + adjusted) / 8;
}

VsTime
vs_quic_recovery_pto(const VsQuicRecovery *recovery, VsQuicSpace space)
{
    return recovery->srtt + MAX(4 * recovery->rttvar, VS_QUIC_GRANULARITY) +
           (space == VS_QUIC_DATA ? recovery->max_ack_delay : 0);
}

/* ---- Losses ---- */

static void
count_loss(const VsQuicRecovery *recovery, Losses *losses, const VsQuicSent *sent)
{
    losses->n_packets++;
    losses->latest = sent->sent_at;
    if (sent->sent_at <= recovery->first_sample) {
        return; /* It cannot tell persistent congestion. */
    }
    if (losses->run_first == VS_TIME_NEVER || sent->is_after_acked) {
        losses->run_first = sent->sent_at;
    }
    losses->longest = MAX(losses->longest, sent->sent_at - losses->run_first);
}

/* OnCongestionEvent, and persistent congestion (section 7.6). */
static void
reduce(VsQuicRecovery *recovery, const Losses *losses, VsTime now)
{
    VsCongestion *congestion = &recovery->congestion;
    VsTime pc = PERSISTENT_THRESHOLD * vs_quic_recovery_pto(recovery, VS_QUIC_DATA);

    vs_congestion_resent(congestion);
    if (!recovery->has_recovery || losses->latest > recovery->recovery_start) {
        recovery->has_recovery = recovery->is_recovering = true;
        recovery->recovery_start = now;
        vs_congestion_loss(congestion, congestion->cwnd, now);
    }
    if (recovery->first_sample != VS_TIME_NEVER && losses->longest > pc) {
        recovery->has_recovery = recovery->is_recovering = false;
        vs_congestion_timeout(congestion, recovery->in_flight, false, now);
    }
    if (congestion->cwnd < (uint32_t)MINIMUM_WINDOW * congestion->mss) {
        vs_congestion_set_cwnd(congestion, (uint64_t)MINIMUM_WINDOW * congestion->mss);
    }
}

/* DetectAndRemoveLostPackets, and what the owner and the window hear of them.  True if there
 * were any. */
static bool
detect_losses(VsQuicRecovery *recovery, VsQuicSpace space, VsTime now)
{
    VsQuicSpaceState *state = &recovery->spaces[space];
    VsTime rtt = MAX(recovery->latest_rtt, recovery->srtt);
    VsTime delay = MAX(rtt + rtt / 8, VS_QUIC_GRANULARITY);
    Losses losses = {.run_first = VS_TIME_NEVER};
    VsQuicSent *sent;

    state->loss_time = VS_TIME_NEVER;
    while ((sent = state->first) && state->has_acked &&
           sent->number <= state->largest_acked) {
        if (sent->sent_at + delay > now &&
            state->largest_acked < sent->number + VS_QUIC_PACKET_THRESHOLD) {
            state->loss_time = sent->sent_at + delay; /* Later ones are no earlier. */
            break;
        }
        count_loss(recovery, &losses, sent);
        recovery->ops->lost(recovery, space, sent);
        forget_sent(recovery, state, NULL, sent);
    }
    if (losses.n_packets > 0) {
        reduce(recovery, &losses, now);
    }
    return losses.n_packets > 0;
}

/* ---- ACK frames ---- */

static bool
is_covered(const VsQuicAck *ack, uint64_t number)
{
    for (unsigned i = 0; i < ack->n_ranges; i++) {
        if (number >= ack->ranges[i].first) {
            return number < ack->ranges[i].end;
        }
    }
    return false;
}

/* What is acknowledged leaves; the bytes of it that may widen the window. */
static uint32_t
take_acked(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicAck *ack,
           VsTime now, bool *ret_is_any)
{
    VsQuicSpaceState *state = &recovery->spaces[space];
    uint64_t largest = ack->ranges[0].end - 1;
    VsQuicSent *before = NULL;
    VsQuicSent *next;
    uint32_t growing = 0;

    for (VsQuicSent *sent = state->first; sent && sent->number <= largest;
         sent = next) {
        next = sent->next;
        if (!is_covered(ack, sent->number)) {
            before = sent;
            continue;
        }
        *ret_is_any = true;
        if (sent->number == largest) {
            recovery->latest_rtt = now - sent->sent_at;
            update_rtt(recovery, ack->delay, now);
        }
        if (!recovery->has_recovery || sent->sent_at > recovery->recovery_start) {
            growing += sent->bytes;
        }
        if (next) {
            next->is_after_acked = true;
        } else {
            state->is_last_acked = true;
        }
        recovery->ops->acked(recovery, space, sent);
        forget_sent(recovery, state, before, sent);
    }
    return growing;
}

static void
grow(VsQuicRecovery *recovery, uint32_t bytes, VsTime now)
{
    VsCongestionAck ack = {.now = now,
                           .srtt = recovery->srtt,
                           .acked = bytes,
                           .snd_una = recovery->sent - recovery->in_flight,
                           .snd_nxt = recovery->sent,
                           .is_recovering = recovery->is_recovering,
                           .is_growing = bytes > 0};

    if (recovery->is_recovering && bytes > 0) {
        recovery->is_recovering = ack.is_recovering = false;
        vs_congestion_recovered(&recovery->congestion);
    }
    vs_congestion_ack(&recovery->congestion, &ack);
}

void
vs_quic_recovery_ack(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicAck *ack,
                     bool is_validated, VsTime now)
{
    VsQuicSpaceState *state = &recovery->spaces[space];
    uint64_t largest = ack->ranges[0].end - 1;
    bool is_any = false;
    uint32_t bytes;

    state->largest_acked =
        state->has_acked ? MAX(state->largest_acked, largest) : largest;
    state->has_acked = true;
    bytes = take_acked(recovery, space, ack, now, &is_any);
    if (!is_any) {
        return;
    }
    if (detect_losses(recovery, space, now) &&
        (!recovery->has_recovery || recovery->recovery_start == now)) {
        bytes = 0; /* What tells of the loss was sent before the reduction. */
    }
    grow(recovery, bytes, now);
    if (is_validated) {
        recovery->pto_count = 0;
    }
}

/* ---- The timer ---- */

/* GetPtoTimeAndSpace, where something is under way. */
static VsTime
find_pto(const VsQuicRecovery *recovery, VsQuicSpace *ret_space)
{
    VsTime earliest = VS_TIME_NEVER;

    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        const VsQuicSpaceState *state = &recovery->spaces[space];
        VsTime due =
            state->last_sent + (vs_quic_recovery_pto(recovery, (VsQuicSpace)space)
                                << MIN(recovery->pto_count, (uint32_t)BACKOFF_MAX));

        if (state->first && due < earliest &&
            (space != VS_QUIC_DATA || recovery->is_confirmed)) {
            earliest = due;
            *ret_space = (VsQuicSpace)space;
        }
    }
    return earliest;
}

/* GetLossTimeAndSpace. */
static VsTime
find_loss(const VsQuicRecovery *recovery, VsQuicSpace *ret_space)
{
    VsTime earliest = VS_TIME_NEVER;

    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        if (recovery->spaces[space].loss_time < earliest) {
            earliest = recovery->spaces[space].loss_time;
            *ret_space = (VsQuicSpace)space;
        }
    }
    return earliest;
}

VsTime
vs_quic_recovery_next(const VsQuicRecovery *recovery)
{
    VsQuicSpace space;
    VsTime loss = find_loss(recovery, &space);

    return loss != VS_TIME_NEVER ? loss : find_pto(recovery, &space);
}

bool
vs_quic_recovery_due(VsQuicRecovery *recovery, VsTime now, VsQuicSpace *ret_space)
{
    if (find_loss(recovery, ret_space) != VS_TIME_NEVER) {
        detect_losses(recovery, *ret_space, now);
        return false;
    }
    if (find_pto(recovery, ret_space) > now) {
        return false;
    }
    recovery->pto_count++;
    return true;
}

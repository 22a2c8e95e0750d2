/* Impairments: delay, loss, duplicates, reordering, damage, a rate.  Linux
 * net/sched/sch_netem.c (netem_enqueue, netem_dequeue, get_crandom, tabledist,
 * loss_gilb_ell); Salsano et al., "Definition of a general and intuitive loss model for
 * packet networks" (2009) for the Gilbert-Elliott chain.
 *
 * Each packet has a delay of its own, so jitter reorders packets, unless a rate keeps them
 * in line.  A duplicate goes through the same once more, but has no duplicates.  Quantiles
 * of distributions are computed where Linux has tables of 4096. */
#include "base/fmath.h"
#include "net/due_heap.h"
#include "net/qdisc_kinds.h"

static void netem_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now);

typedef struct Correlated {
    double correlation;
    double last;
} Correlated;

typedef struct Netem {
    VsQdisc qdisc;
    VsNetemConfig config;
    VsRng rng;
    Correlated delay, loss, duplicate, corrupt, reorder;
    bool is_bad;         /* State of the Gilbert-Elliott chain. */
    uint32_t n_in_order; /* Since one was sent ahead. */
    VsTime last_due;     /* The latest of those that are held back. */
    VsPacketQueue ahead; /* Sent at once. */
    VsDueHeap held_back;
} Netem;

static void
set_correlated(Correlated *self, double correlation)
{
    self->correlation = correlation;
}

static void
netem_configure(VsQdisc *qdisc, const void *config_)
{
    Netem *netem = (Netem *)qdisc;
    const VsNetemConfig *config = config_;

    netem->config = *config;
    set_correlated(&netem->delay, config->delay_correlation);
    set_correlated(&netem->loss, config->loss_correlation);
    set_correlated(&netem->duplicate, config->duplicate_correlation);
    set_correlated(&netem->corrupt, config->corrupt_correlation);
    set_correlated(&netem->reorder, config->reorder_correlation);
}

static void
netem_open(VsQdisc *qdisc, const void *config)
{
    Netem *netem = (Netem *)qdisc;
    Correlated *all[] = {&netem->delay, &netem->loss, &netem->duplicate,
                         &netem->corrupt, &netem->reorder};

    netem_configure(qdisc, config);
    vs_qdisc_init_rng(qdisc, &netem->rng, "impairments");
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        all[i]->last = vs_rng_double(&netem->rng);
    }
    if (netem->config.inner) {
        vs_qdisc_adopt(qdisc, netem->config.inner);
    }
}

/* A number in [0, 1) that remembers the one before (get_crandom).  Its law is uniform only
 * without correlation: with it, chances far from 1/2 come true less often than they say. */
static double
draw_correlated(Netem *netem, Correlated *self)
{
    double value = vs_rng_double(&netem->rng);

    if (self->correlation > 0) {
        value = value * (1 - self->correlation) + self->last * self->correlation;
        self->last = value;
    }
    return value;
}

static bool
happens(Netem *netem, Correlated *self, double chance)
{
    return chance > 0 && draw_correlated(netem, self) < chance;
}

/* The state changes before the next packet, as in loss_gilb_ell(). */
static bool
is_lost_in_chain(Netem *netem)
{
    const VsNetemConfig *config = &netem->config;
    bool was_bad = netem->is_bad;
    double leave = was_bad ? config->bad_to_good : config->good_to_bad;
    double loss = was_bad ? config->loss_in_bad : config->loss_in_good;

    if (vs_rng_double(&netem->rng) < leave) {
        netem->is_bad = !was_bad;
    }
    return vs_rng_double(&netem->rng) < loss;
}

/* The standard normal quantile for 0 < p < 1: Acklam's rational approximation, relative
 * error below 1.2e-9. */
static double
normal_quantile(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01, 1};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01,
                               2.445134137142996e+00, 3.754408661907416e+00, 1};
    double tail = MIN(p, 1 - p);
    bool is_tail = tail < 0.02425;
    double x = is_tail ? vs_sqrt(-2 * vs_log(tail)) : (p - 0.5) * (p - 0.5);
    const double *above = is_tail ? c : a;
    const double *below = is_tail ? d : b;
    double numerator = 0, denominator = 0;

    for (unsigned i = 0; i < 6; i++) {
        numerator = numerator * x + above[i];
    }
    for (unsigned i = 0; i < (is_tail ? 5 : 6); i++) {
        denominator = denominator * x + below[i];
    }
    if (!is_tail) {
        return (p - 0.5) * numerator / denominator;
    }
    return p < 0.5 ? numerator / denominator : -numerator / denominator;
}

/* As many times the jitter, with mean 0. */
static double
draw_deviation(Netem *netem)
{
    double p = draw_correlated(netem, &netem->delay);

    switch (netem->config.distribution) {
    case VS_NETEM_UNIFORM:
        return 2 * p - 1;
    case VS_NETEM_NORMAL:
        return normal_quantile(CLAMP(p, 0x1p-53, 1 - 0x1p-53));
    case VS_NETEM_PARETO:
        return 4.0 / 3 * (vs_pow(1 - p, -1.0 / 3) - 1.5);
    }
    g_assert_not_reached();
}

static VsTime
draw_delay(Netem *netem)
{
    const VsNetemConfig *config = &netem->config;
    VsTime delay = config->delay;

    if (config->jitter > 0) {
        delay += (VsTime)(draw_deviation(netem) * (double)config->jitter);
    }
    return MAX(delay, 0);
}

static bool
is_sent_ahead(Netem *netem)
{
    uint32_t gap = netem->config.reorder_gap;

    return gap > 0 && netem->n_in_order >= gap - 1 &&
           happens(netem, &netem->reorder, netem->config.reorder);
}

/* With a rate, a packet begins when the last one held back ends. */
static void
hold_back(Netem *netem, VsPacket *packet, VsTime now)
{
    VsTime delay = draw_delay(netem);
    VsTime due = now + delay;

    if (netem->config.bits_per_s > 0) {
        VsTime after = netem->held_back.length > 0 ? netem->last_due : now;

        due = MAX(due, after) +
              vs_qdisc_time_of(vs_qdisc_bytes(packet), netem->config.bits_per_s);
    }
    netem->last_due = netem->held_back.length > 0 ? MAX(netem->last_due, due) : due;
    if (vs_packet_is_train(packet)) {
        packet->train.before_last_at += delay;
        packet->train.last_at += delay;
    }
    vs_due_heap_push(&netem->held_back, due, packet);
}

static void
queue(Netem *netem, VsPacket *packet, VsTime now)
{
    if (netem->qdisc.n_held > netem->config.packets_max) {
        vs_qdisc_drop(&netem->qdisc, packet, VS_DROP_QUEUE_FULL);
    } else if (is_sent_ahead(netem)) {
        netem->n_in_order = 0;
        vs_packet_queue_push(&netem->ahead, packet);
    } else {
        netem->n_in_order++;
        hold_back(netem, packet, now);
    }
}

/* Of a train that is damaged, the first segment is; the others come one by one
 * (netem_segment()). */
static void
take(Netem *netem, VsPacket *packet, VsTime now)
{
    const VsNetemConfig *config = &netem->config;
    VsPacket *others = NULL;

    if (happens(netem, &netem->corrupt, config->corrupt)) {
        if (vs_packet_is_train(packet)) {
            packet = vs_qdisc_split(&netem->qdisc, packet, now);
            others = packet->next;
        }
        packet->flags |= VS_PACKET_CORRUPTED;
    }
    queue(netem, packet, now);
    while (others) {
        VsPacket *next = others->next;

        netem_enqueue(&netem->qdisc, others, now);
        others = next;
    }
}

static bool
is_lost(Netem *netem)
{
    return netem->config.is_gilbert_elliott
               ? is_lost_in_chain(netem)
               : happens(netem, &netem->loss, netem->config.loss);
}

/* Lost and duplicated: one goes on. */
static void
netem_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Netem *netem = (Netem *)qdisc;
    bool is_double = happens(netem, &netem->duplicate, netem->config.duplicate);
    bool is_missing = is_lost(netem);

    if (is_double && !is_missing) {
        VsPacket *copy = vs_packet_copy(packet);

        vs_qdisc_count_new(qdisc, copy, now);
        if (is_lost(netem)) {
            vs_qdisc_drop(qdisc, copy, VS_DROP_NETEM_LOSS);
        } else {
            take(netem, copy, now);
        }
    }
    if (is_missing && !is_double) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_NETEM_LOSS);
    } else {
        take(netem, packet, now);
    }
}

/* The next packet that has been held back long enough: its delay is accounted for. */
static VsPacket *
release(Netem *netem, VsTime now)
{
    const VsDueItem *first = vs_due_heap_first(&netem->held_back);
    VsPacket *packet = vs_packet_queue_pop(&netem->ahead);

    if (!packet && first && first->due <= now) {
        VsTime due = first->due;

        packet = vs_due_heap_pop(&netem->held_back);
        vs_packet_step(packet, netem->qdisc.context->impair_stage,
                       due - packet->entered);
        packet->entered = due;
    }
    return packet;
}

static VsPacket *
netem_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    Netem *netem = (Netem *)qdisc;
    VsQdisc *inner = netem->config.inner;
    VsPacket *packet = release(netem, now);

    while (inner && packet) {
        vs_packet_step(packet, qdisc->context->queue_stage, now - packet->entered);
        vs_qdisc_enqueue(inner, packet, now);
        packet = release(netem, now);
    }
    if (inner) {
        packet = vs_qdisc_dequeue(inner, now, ret_next);
    }
    if (!packet && netem->held_back.length > 0) {
        *ret_next = MIN(*ret_next, vs_due_heap_first(&netem->held_back)->due);
    }
    return packet;
}

static VsPacket *
netem_evict(VsQdisc *qdisc)
{
    Netem *netem = (Netem *)qdisc;
    VsPacket *packet = NULL;

    if (netem->config.inner) {
        packet = vs_qdisc_evict(netem->config.inner);
    }
    if (!packet) {
        packet = vs_packet_queue_pop(&netem->ahead);
    }
    if (!packet && netem->held_back.length > 0) {
        packet = vs_due_heap_pop(&netem->held_back);
    }
    return packet;
}

static void
netem_close(VsQdisc *qdisc)
{
    Netem *netem = (Netem *)qdisc;

    vs_due_heap_clear(&netem->held_back);
    vs_qdisc_free(netem->config.inner);
}

const VsQdiscKind vs_qdisc_netem = {
    .name = "netem",
    .size = sizeof(Netem),
    .open = netem_open,
    .change = netem_configure,
    .enqueue = netem_enqueue,
    .dequeue = netem_dequeue,
    .evict = netem_evict,
    .close = netem_close,
};

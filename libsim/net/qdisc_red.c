/* Random early detection.  Linux net/sched/sch_red.c (red_enqueue, red_dequeue) and
 * include/net/red.h (red_calc_qavg, red_action).
 *
 * The average queue ages by 2^-ewma at each packet.  An idle time counts as so many packets
 * of average size at line rate (Floyd and Jacobson 1993, section 4), for which Linux has a
 * table.  Between min and max drops come evenly: a random number is drawn after each. */
#include "base/fmath.h"
#include "net/qdisc_kinds.h"

typedef struct Red {
    VsQdisc qdisc;
    VsRedConfig config;
    VsPacketQueue queue;
    VsRng rng;
    double average;   /* Bytes. */
    double random;    /* Of the next drop, 0 to 1. */
    int64_t n_spared; /* Packets since the last drop; -1: below min or above max. */
    bool is_idle;
    VsTime idle_since;
} Red;

typedef enum RedAction { RED_PASS, RED_EARLY, RED_FORCED } RedAction;

static void
red_configure(VsQdisc *qdisc, const void *config)
{
    ((Red *)qdisc)->config = *(const VsRedConfig *)config;
}

/* As red_change(): nothing that waited is kept, and the average begins anew. */
static void
red_change(VsQdisc *qdisc, const void *config)
{
    Red *red = (Red *)qdisc;

    vs_qdisc_trim(qdisc, 0);
    red_configure(qdisc, config);
    red->average = 0;
    red->n_spared = -1;
    red->is_idle = true;
    red->idle_since = vs_now(qdisc->context->run);
}

static void
red_open(VsQdisc *qdisc, const void *config)
{
    Red *red = (Red *)qdisc;

    red_configure(qdisc, config);
    vs_qdisc_init_rng(qdisc, &red->rng, "drops");
    red->n_spared = -1;
    red->is_idle = true;
}

static void
update_average(Red *red, uint64_t held_bytes, VsTime now)
{
    double weight = 1.0 / (double)(UINT64_C(1) << red->config.ewma);

    if (red->is_idle) {
        VsTime packet_time = vs_qdisc_time_of(red->config.average_packet_bytes,
                                              red->qdisc.context->bits_per_s);
        double n = (double)(now - red->idle_since) / (double)packet_time;

        red->average *= vs_pow(1 - weight, n);
        red->is_idle = false;
    } else {
        red->average += ((double)held_bytes - red->average) * weight;
    }
}

static RedAction
choose(Red *red)
{
    const VsRedConfig *config = &red->config;
    double over = red->average - (double)config->min_bytes;

    if (over < 0) {
        red->n_spared = -1;
        return RED_PASS;
    }
    if (red->average >= (double)config->max_bytes) {
        red->n_spared = -1;
        return RED_FORCED;
    }
    if (++red->n_spared == 0) {
        red->random = vs_rng_double(&red->rng);
    } else if (over / (double)(config->max_bytes - config->min_bytes) *
                   config->probability * (double)red->n_spared >=
               red->random) {
        red->n_spared = 0;
        red->random = vs_rng_double(&red->rng);
        return RED_EARLY;
    }
    return RED_PASS;
}

static void
red_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    Red *red = (Red *)qdisc;

    update_average(red, qdisc->held_bytes - vs_qdisc_bytes(packet), now);
    if (choose(red) != RED_PASS &&
        !(red->config.is_ecn && vs_qdisc_mark(qdisc, packet))) {
        qdisc->n_overlimits++;
        vs_qdisc_drop(qdisc, packet, VS_DROP_RED);
        return;
    }
    if (qdisc->held_bytes > red->config.limit_bytes) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
        return;
    }
    vs_packet_queue_push(&red->queue, packet);
}

static VsPacket *
red_evict(VsQdisc *qdisc)
{
    return vs_packet_queue_pop(&((Red *)qdisc)->queue);
}

static VsPacket *
red_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    Red *red = (Red *)qdisc;
    VsPacket *packet = red_evict(qdisc);

    (void)ret_next;
    if (!red->queue.first) {
        red->is_idle = true;
        red->idle_since = now;
    }
    return packet;
}

static void
red_close(VsQdisc *qdisc)
{
    (void)qdisc;
}

const VsQdiscKind vs_qdisc_red = {
    .name = "red",
    .size = sizeof(Red),
    .open = red_open,
    .change = red_change,
    .enqueue = red_enqueue,
    .dequeue = red_dequeue,
    .evict = red_evict,
    .close = red_close,
};

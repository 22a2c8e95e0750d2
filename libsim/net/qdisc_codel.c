/* Controlled delay: one queue that CoDel keeps short.  Linux net/sched/sch_codel.c
 * (codel_qdisc_enqueue, codel_qdisc_dequeue); RFC 8289. */
#include "net/codel.h"

typedef struct CodelQdisc {
    VsQdisc qdisc;
    VsCodelConfig config;
    VsCodel codel;
} CodelQdisc;

static void
codel_configure(VsQdisc *qdisc, const void *config)
{
    ((CodelQdisc *)qdisc)->config = *(const VsCodelConfig *)config;
}

/* As codel_change(): a lower limit drops the oldest. */
static void
codel_change(VsQdisc *qdisc, const void *config)
{
    codel_configure(qdisc, config);
    vs_qdisc_trim(qdisc, ((CodelQdisc *)qdisc)->config.packets_max);
}

static void
codel_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    CodelQdisc *self = (CodelQdisc *)qdisc;

    (void)now;
    if (qdisc->n_held > self->config.packets_max) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QUEUE_FULL);
        return;
    }
    vs_codel_push(&self->codel, packet);
}

static VsPacket *
codel_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    CodelQdisc *self = (CodelQdisc *)qdisc;

    (void)ret_next;
    return vs_codel_dequeue(&self->codel, &self->config, qdisc, now);
}

static VsPacket *
codel_evict(VsQdisc *qdisc)
{
    return vs_codel_pop(&((CodelQdisc *)qdisc)->codel);
}

static void
codel_close(VsQdisc *qdisc)
{
    (void)qdisc;
}

const VsQdiscKind vs_qdisc_codel = {
    .name = "codel",
    .size = sizeof(CodelQdisc),
    .open = codel_configure,
    .change = codel_change,
    .enqueue = codel_enqueue,
    .dequeue = codel_dequeue,
    .evict = codel_evict,
    .close = codel_close,
};

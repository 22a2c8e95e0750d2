#include "net/qdisc.h"

#include "net/qdisc_kinds.h"

const VsQdiscKind *const vs_qdisc_kinds[] = {
    &vs_qdisc_pfifo,
    &vs_qdisc_bfifo,
    &vs_qdisc_pfifo_fast,
    &vs_qdisc_tbf,
    &vs_qdisc_htb,
    &vs_qdisc_fq,
    &vs_qdisc_codel,
    &vs_qdisc_fq_codel,
    &vs_qdisc_red,
    &vs_qdisc_netem,
    NULL,
};

const VsQdiscKind *
vs_qdisc_kind_find(const char *name)
{
    for (unsigned i = 0; vs_qdisc_kinds[i]; i++) {
        if (g_str_equal(vs_qdisc_kinds[i]->name, name)) {
            return vs_qdisc_kinds[i];
        }
    }
    return NULL;
}

VsQdisc *
vs_qdisc_new(const VsQdiscKind *kind, const void *config, VsQdiscContext *context)
{
    VsQdisc *qdisc = g_malloc0(kind->size);

    qdisc->kind = kind;
    qdisc->context = context;
    qdisc->number = context->n_qdiscs++;
    kind->open(qdisc, config);
    return qdisc;
}

void
vs_qdisc_free(VsQdisc *qdisc)
{
    VsPacket *packet;

    if (!qdisc) {
        return;
    }
    while ((packet = vs_qdisc_evict(qdisc))) {
        vs_packet_drop(packet, VS_DROP_HOST_CLOSED);
    }
    qdisc->kind->close(qdisc);
    g_free(qdisc);
}

void
vs_qdisc_adopt(VsQdisc *qdisc, VsQdisc *inner)
{
    inner->parent = qdisc;
}

static inline void
hold(VsQdisc *qdisc, const VsPacket *packet)
{
    qdisc->n_held++;
    qdisc->held_bytes += vs_qdisc_bytes(packet);
}

static inline void
let_go(VsQdisc *qdisc, const VsPacket *packet)
{
    qdisc->n_held--;
    qdisc->held_bytes -= vs_qdisc_bytes(packet);
    if (!qdisc->parent) {
        vs_queue_stat_leave(&qdisc->backlog, packet->due, vs_now(qdisc->context->run));
    }
}

/* While it is held, 'due' is when the packet came to the root, and 'entered' when to the
 * qdisc that it waits in now. */
void
vs_qdisc_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    if (!qdisc->parent) {
        packet->due = now;
        vs_queue_stat_arrive(&qdisc->backlog, now);
    }
    packet->entered = now;
    hold(qdisc, packet);
    qdisc->kind->enqueue(qdisc, packet, now);
    qdisc->held_bytes_max = MAX(qdisc->held_bytes_max, qdisc->held_bytes);
}

VsPacket *
vs_qdisc_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    VsPacket *packet = qdisc->peeked;

    *ret_next = VS_TIME_NEVER;
    if (packet) {
        qdisc->peeked = NULL;
    } else if (qdisc->n_held == 0) {
        return NULL;
    } else {
        packet = qdisc->kind->dequeue(qdisc, now, ret_next);
    }
    if (packet) {
        let_go(qdisc, packet);
        qdisc->n_packets += vs_packet_n_frames(packet);
        qdisc->n_bytes += vs_qdisc_bytes(packet);
    }
    return packet;
}

VsPacket *
vs_qdisc_peek(VsQdisc *qdisc, VsTime now, VsTime *ret_next)
{
    *ret_next = VS_TIME_NEVER;
    if (!qdisc->peeked && qdisc->n_held > 0) {
        qdisc->peeked = qdisc->kind->dequeue(qdisc, now, ret_next);
    }
    return qdisc->peeked;
}

VsPacket *
vs_qdisc_evict(VsQdisc *qdisc)
{
    VsPacket *packet = qdisc->peeked;

    qdisc->peeked = NULL;
    if (!packet && qdisc->n_held > 0) {
        packet = qdisc->kind->evict(qdisc);
    }
    if (packet) {
        let_go(qdisc, packet);
    }
    return packet;
}

void
vs_qdisc_drop(VsQdisc *qdisc, VsPacket *packet, VsDrop drop)
{
    ++*qdisc->context->n_dropped;
    for (VsQdisc *outer = qdisc; outer; outer = outer->parent) {
        let_go(outer, packet);
        outer->n_dropped++;
    }
    vs_packet_drop(packet, drop);
}

void
vs_qdisc_trim(VsQdisc *qdisc, uint32_t n_max)
{
    VsPacket *packet;

    while (qdisc->n_held > n_max && (packet = qdisc->kind->evict(qdisc))) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QDISC_CHANGED);
    }
}

void
vs_qdisc_trim_ready(VsQdisc *qdisc, uint32_t n_max)
{
    VsTime now = vs_now(qdisc->context->run);
    VsTime next;
    VsPacket *packet;

    while (qdisc->n_held > n_max &&
           (packet = qdisc->kind->dequeue(qdisc, now, &next))) {
        vs_qdisc_drop(qdisc, packet, VS_DROP_QDISC_CHANGED);
    }
}

void
vs_qdisc_count_new(VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    packet->due = now;
    packet->entered = now;
    for (VsQdisc *outer = qdisc; outer; outer = outer->parent) {
        hold(outer, packet);
        if (!outer->parent) {
            vs_queue_stat_arrive(&outer->backlog, now);
        }
    }
}

VsPacket *
vs_qdisc_split(VsQdisc *qdisc, VsPacket *train, VsTime now)
{
    uint32_t whole_bytes = vs_qdisc_bytes(train);
    uint32_t first_bytes;

    vs_train_split(train);
    first_bytes = vs_qdisc_bytes(train);
    for (VsQdisc *outer = qdisc; outer; outer = outer->parent) {
        outer->held_bytes -= whole_bytes - first_bytes;
    }
    for (VsPacket *other = train->next; other; other = other->next) {
        vs_qdisc_count_new(qdisc, other, now);
    }
    return train;
}

bool
vs_qdisc_mark(VsQdisc *qdisc, VsPacket *packet)
{
    if (!vs_packet_mark_ce(packet)) {
        return false;
    }
    for (VsQdisc *outer = qdisc; outer; outer = outer->parent) {
        outer->n_marked++;
    }
    return true;
}

void
vs_qdisc_init_rng(const VsQdisc *qdisc, VsRng *rng, const char *purpose)
{
    g_autofree char *entity =
        g_strdup_printf("qdisc %s %u", qdisc->context->name, qdisc->number);

    vs_rng_init(rng, qdisc->context->run->seed, entity, purpose);
}

#include "net/egress.h"

static void egress_fire(VsTimer *timer);
static void egress_change(VsTimer *timer);
static void far_end_receive(VsHop *hop, VsPacket *packet);

VsEgress *
vs_egress_new(VsWire *wire, VsPart *sender)
{
    VsEgress *egress = g_new0(VsEgress, 1);
    g_autofree char *place = g_strdup_printf("wire %s", wire->name);

    egress->wire = wire;
    egress->context = (VsQdiscContext){
        .run = wire->run,
        .name = wire->name,
        .bits_per_s = wire->config.bits_per_s,
        .queue_stage = wire->queue_stage,
        .impair_stage = vs_stages_add(&wire->run->packets->stages, place, "impairment",
                                      VS_STAGE_DELAY),
        .n_dropped = &wire->n_dropped,
    };
    vs_entity_init(&egress->entity, sender);
    vs_timer_init(&egress->ready, &egress->entity, egress_fire);
    vs_timer_init(&egress->changing, &egress->entity, egress_change);
    egress->changes = g_array_new(FALSE, TRUE, sizeof(VsEgressChange));
    egress->qdiscs = g_ptr_array_new_with_free_func((GDestroyNotify)vs_qdisc_free);
    egress->far_end.receive = far_end_receive;
    egress->behind = wire->far_end;
    wire->far_end = &egress->far_end;
    wire->egress = egress;
    wire->config.backlog_max = -1;
    return egress;
}

void
vs_egress_free(VsEgress *egress)
{
    if (!egress) {
        return;
    }
    vs_timer_cancel(&egress->ready);
    vs_timer_cancel(&egress->changing);
    for (unsigned i = 0; i < egress->changes->len; i++) {
        g_free(g_array_index(egress->changes, VsEgressChange, i).config);
    }
    g_array_free(egress->changes, TRUE);
    g_ptr_array_free(egress->qdiscs, TRUE);
    g_free(egress);
}

static void
add_change(VsEgress *egress, const VsEgressChange *change)
{
    g_array_append_vals(egress->changes, change, 1);
    if (!vs_timer_is_armed(&egress->changing)) {
        vs_timer_arm(&egress->changing, change->at);
    }
}

void
vs_egress_add(VsEgress *egress, VsTime at, VsQdisc *qdisc)
{
    g_ptr_array_add(egress->qdiscs, qdisc);
    if (egress->root) {
        add_change(egress, &(VsEgressChange){.at = at, .qdisc = qdisc});
    } else {
        egress->root = qdisc;
    }
}

void
vs_egress_add_change(VsEgress *egress, VsTime at, const VsQdiscKind *kind,
                     const void *config, size_t size)
{
    add_change(egress, &(VsEgressChange){
                           .at = at, .kind = kind, .config = g_memdup2(config, size)});
}

/* Sends what may be sent now, on a free line; or sees to it that somebody asks again. */
static void
pull(VsEgress *egress)
{
    VsTime now = vs_now(egress->context.run);
    VsTime next;
    VsPacket *packet = vs_qdisc_dequeue(egress->root, now, &next);

    if (packet) {
        vs_packet_step(packet, egress->context.queue_stage, now - packet->entered);
        vs_wire_transmit(egress->wire, packet);
        next = egress->root->n_held > 0 ? egress->wire->busy_until : VS_TIME_NEVER;
    }
    if (next < VS_TIME_NEVER) {
        vs_timer_arm(&egress->ready, MAX(next, now));
    } else {
        vs_timer_cancel(&egress->ready);
    }
}

void
vs_egress_send(VsEgress *egress, VsPacket *packet)
{
    VsTime now = vs_now(egress->context.run);
    VsTime busy_until = egress->wire->busy_until;

    vs_qdisc_enqueue(egress->root, packet, now);
    if (busy_until <= now) {
        pull(egress);
    } else if (!vs_timer_is_armed(&egress->ready) && egress->root->n_held > 0) {
        vs_timer_arm(&egress->ready, busy_until);
    }
}

static void
egress_fire(VsTimer *timer)
{
    pull(VS_CONTAINER_OF(timer, VsEgress, ready));
}

/* Time that packets spent in the old qdisc is the queue's. */
static void
replace_root(VsEgress *egress, VsQdisc *qdisc, VsTime now)
{
    VsQdisc *old = egress->root;
    VsPacket *packet;

    egress->root = qdisc;
    while ((packet = vs_qdisc_evict(old))) {
        vs_packet_step(packet, egress->context.queue_stage, now - packet->entered);
        vs_qdisc_enqueue(qdisc, packet, now);
    }
}

static void
egress_change(VsTimer *timer)
{
    VsEgress *egress = VS_CONTAINER_OF(timer, VsEgress, changing);
    VsTime now = vs_now(egress->context.run);
    const VsEgressChange *change =
        &g_array_index(egress->changes, VsEgressChange, egress->n_changed++);

    if (change->qdisc) {
        replace_root(egress, change->qdisc, now);
    } else {
        change->kind->change(egress->root, change->config);
    }
    if (egress->n_changed < egress->changes->len) {
        vs_timer_arm(
            timer,
            g_array_index(egress->changes, VsEgressChange, egress->n_changed).at);
    }
    vs_timer_arm(&egress->ready, MAX(egress->wire->busy_until, now));
}

/* A checksum is seen to by the next host, here for all of them. */
static void
far_end_receive(VsHop *hop, VsPacket *packet)
{
    VsEgress *egress = VS_CONTAINER_OF(hop, VsEgress, far_end);

    if (packet->flags & VS_PACKET_CORRUPTED) {
        vs_packet_drop(packet, VS_DROP_CORRUPTED);
        return;
    }
    egress->behind->receive(egress->behind, packet);
}

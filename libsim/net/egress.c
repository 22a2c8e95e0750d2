#include "net/egress.h"

#include "net/iface.h"
#include "net/netns.h"
#include "packet/trace.h"

/* Of a device without a line: as ethtool says of a veth.  It ages red's average. */
#define DEVICE_BITS_PER_S (10 * UINT64_C(1000000000))

static void hop_receive(VsHop *hop, VsPacket *packet);
static void taken_up_receive(VsHop *hop, VsPacket *packet);
static void egress_fire(VsTimer *timer);
static void egress_change(VsTimer *timer);
static void far_end_receive(VsHop *hop, VsPacket *packet);

static VsEgress *
egress_new(VsPart *sender)
{
    VsEgress *egress = g_new0(VsEgress, 1);

    vs_entity_init(&egress->entity, sender);
    vs_timer_init(&egress->ready, &egress->entity, egress_fire);
    vs_timer_init(&egress->changing, &egress->entity, egress_change);
    egress->changes = g_array_new(FALSE, TRUE, sizeof(VsEgressChange));
    egress->qdiscs = g_ptr_array_new_with_free_func((GDestroyNotify)vs_qdisc_free);
    return egress;
}

VsEgress *
vs_egress_new(VsWire *wire, VsPart *sender)
{
    VsEgress *egress = egress_new(sender);
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
    egress->far_end.receive = far_end_receive;
    egress->behind = wire->far_end;
    wire->far_end = &egress->far_end;
    wire->egress = egress;
    wire->config.backlog_max = -1;
    return egress;
}

VsEgress *
vs_egress_new_device(VsIface *iface)
{
    VsHost *host = iface->netns->host;
    VsStages *stages = &host->part.run->packets->stages;
    VsEgress *egress = egress_new(&host->part);
    g_autofree char *place = NULL;

    egress->name = g_strdup_printf("%s %s", iface->netns->name, iface->name);
    place = g_strdup_printf("device %s", egress->name);
    egress->hop.receive = hop_receive;
    egress->taken_up.receive = taken_up_receive;
    egress->iface = iface;
    egress->context = (VsQdiscContext){
        .run = host->part.run,
        .name = egress->name,
        .bits_per_s = DEVICE_BITS_PER_S,
        .queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING),
        .impair_stage = vs_stages_add(stages, place, "impairment", VS_STAGE_DELAY),
        .n_dropped = &egress->n_dropped,
    };
    iface->egress = egress;
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
    g_free(egress->name);
    g_free(egress);
}

static inline VsEgressChange *
get_change(const VsEgress *egress, unsigned i)
{
    return &g_array_index(egress->changes, VsEgressChange, i);
}

static void
add_change(VsEgress *egress, const VsEgressChange *change)
{
    unsigned place = egress->changes->len;

    while (place > 0 && get_change(egress, place - 1)->at > change->at) {
        place--;
    }
    g_array_insert_vals(egress->changes, place, change, 1);
    vs_timer_arm(&egress->changing, get_change(egress, 0)->at);
}

void
vs_egress_add(VsEgress *egress, VsTime at, VsQdisc *qdisc)
{
    g_ptr_array_add(egress->qdiscs, qdisc);
    if (egress->root || at > 0) {
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

void
vs_egress_add_line_change(VsEgress *egress, VsTime at, uint64_t bits_per_s,
                          VsTime delay)
{
    g_assert(egress->wire);
    add_change(egress,
               &(VsEgressChange){.at = at, .bits_per_s = bits_per_s, .delay = delay});
}

/* When the line will be free; a device always is. */
static inline VsTime
free_at(const VsEgress *egress)
{
    return egress->wire ? egress->wire->busy_until : 0;
}

/* A device's checksums are seen to here, by the one who would receive. */
static void
send_on(VsEgress *egress, VsPacket *packet)
{
    if (egress->wire) {
        vs_wire_transmit(egress->wire, packet);
    } else if (packet->flags & VS_PACKET_CORRUPTED) {
        vs_packet_drop(packet, VS_DROP_CORRUPTED);
    } else {
        vs_host_submit(egress->iface->netns->host, packet, &egress->taken_up);
    }
}

/* In the story of a traced packet, where it was last: how long 'qdisc', the root, held it. */
static void
tell_wait(const VsQdisc *qdisc, VsPacket *packet, VsTime now)
{
    const VsEgress *egress = VS_CONTAINER_OF(qdisc->context, VsEgress, context);
    const VsTraceRecord *last = vs_trace_last(packet->run->trace, packet->number);
    VsTraceRecord *record;

    if (!last || packet->due == now) {
        return;
    }
    record = vs_trace_add(packet, VS_TRACE_TIME, last->place, 0);
    record->name = g_strdup(qdisc->kind->name);
    record->device = g_strdup(egress->iface ? egress->iface->name : NULL);
    record->stage = egress->context.queue_stage;
    record->elapsed = now - packet->due;
}

/* Sends what may be sent now, while the line is free; or sees to it that somebody asks
 * again.  What a device sends may come back to it before it returns. */
static void
pull(VsEgress *egress)
{
    VsTime now = vs_now(egress->context.run);
    VsTime next;
    VsPacket *packet;

    do {
        packet = vs_qdisc_dequeue(egress->root, now, &next);
        if (packet) {
            vs_packet_step(packet, egress->context.queue_stage, now - packet->entered);
            if (vs_packet_is_traced(packet)) {
                tell_wait(egress->root, packet, now);
            }
            send_on(egress, packet);
            next = egress->root->n_held > 0 ? free_at(egress) : VS_TIME_NEVER;
        }
    } while (packet && next <= now);
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
    VsTime busy_until = free_at(egress);

    vs_qdisc_enqueue(egress->root, packet, now);
    if (busy_until <= now) {
        pull(egress);
    } else if (!vs_timer_is_armed(&egress->ready) && egress->root->n_held > 0) {
        vs_timer_arm(&egress->ready, busy_until);
    }
}

static void
hop_receive(VsHop *hop, VsPacket *packet)
{
    vs_egress_send(VS_CONTAINER_OF(hop, VsEgress, hop), packet);
}

static void
taken_up_receive(VsHop *hop, VsPacket *packet)
{
    vs_iface_send_on(VS_CONTAINER_OF(hop, VsEgress, taken_up)->iface, packet);
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
    while (old && (packet = vs_qdisc_evict(old))) {
        vs_packet_step(packet, egress->context.queue_stage, now - packet->entered);
        if (vs_packet_is_traced(packet)) {
            tell_wait(old, packet, now);
        }
        vs_qdisc_enqueue(qdisc, packet, now);
    }
}

static void
egress_change(VsTimer *timer)
{
    VsEgress *egress = VS_CONTAINER_OF(timer, VsEgress, changing);
    VsTime now = vs_now(egress->context.run);
    const VsEgressChange *change = get_change(egress, egress->n_changed++);

    if (change->qdisc) {
        replace_root(egress, change->qdisc, now);
    } else if (change->kind) {
        change->kind->change(egress->root, change->config);
    } else {
        vs_wire_set_line(egress->wire, change->bits_per_s, change->delay);
        egress->context.bits_per_s = egress->wire->config.bits_per_s;
    }
    if (egress->n_changed < egress->changes->len) {
        vs_timer_arm(timer, get_change(egress, egress->n_changed)->at);
    }
    vs_timer_arm(&egress->ready, MAX(free_at(egress), now));
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

#include "net/wire.h"

#include <glib.h>
#include <string.h>

#include "net/egress.h"

#define PS_BIT_PER_S UINT64_C(8000000000000) /* Picoseconds a byte takes at 1 bit/s. */

static void wire_receive(VsHop *hop, VsPacket *packet);
static void wire_arrive(VsTimer *timer);

static void
set_rate(VsWire *wire, uint64_t bits_per_s)
{
    wire->config.bits_per_s = bits_per_s;
    wire->ps_per_byte = PS_BIT_PER_S / bits_per_s;
    wire->ps_remainder = PS_BIT_PER_S % bits_per_s;
    wire->ps_carry = 0;
}

void
vs_wire_init(VsWire *wire, const char *name, const VsWireConfig *config,
             VsPart *receiver, VsHop *far_end)
{
    VsStages *stages = &receiver->run->packets->stages;
    g_autofree char *place = g_strdup_printf("wire %s", name);

    g_assert(config->delay > 0 && config->bits_per_s > 0);
    memset(wire, 0, sizeof(*wire));
    wire->hop.receive = wire_receive;
    wire->run = receiver->run;
    wire->config = *config;
    set_rate(wire, config->bits_per_s);
    wire->far_end = far_end;
    wire->name = g_strdup(name);
    vs_entity_init_crossing(&wire->entity, receiver);
    vs_timer_init(&wire->arrival, &wire->entity, wire_arrive);

    wire->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    wire->transmit_stage =
        vs_stages_add(stages, place, "transmission", VS_STAGE_SERVICE);
    wire->propagate_stage = vs_stages_add(stages, place, "propagation", VS_STAGE_DELAY);
    wire->latency_stage = vs_stages_add(stages, place, "switching", VS_STAGE_DELAY);
}

void
vs_wire_clear(VsWire *wire)
{
    vs_timer_cancel(&wire->arrival);
    vs_packet_queue_drop(&wire->in_flight, VS_DROP_HOST_CLOSED);
    vs_egress_free(wire->egress);
    wire->egress = NULL;
    g_free(wire->name);
    wire->name = NULL;
}

/* How long 'bytes' take, to the ps, carrying the fraction on to the next frame. */
static inline VsTime
transmission_time(VsWire *wire, uint32_t bytes)
{
    VsTime work = (VsTime)(bytes * wire->ps_per_byte);

    if (G_UNLIKELY(wire->ps_remainder > 0)) {
        wire->ps_carry += bytes * wire->ps_remainder;
        work += (VsTime)(wire->ps_carry / wire->config.bits_per_s);
        wire->ps_carry %= wire->config.bits_per_s;
    }
    return work;
}

/* 'packet' is sent from 'start' on, when those before it are through. */
static inline void
transmit_from(VsWire *wire, VsPacket *packet, VsTime now, VsTime start)
{
    VsTime work = transmission_time(wire, packet->wire_bytes);

    wire->busy_until = start + work;
    wire->busy += work;
    wire->n_packets++;
    wire->n_bytes += packet->wire_bytes;
    vs_queue_stat_arrive(&wire->stat, now);

    packet->entered = now;
    packet->due = wire->busy_until + wire->config.delay + wire->config.far_latency;
    if (wire->in_flight.first) {
        packet->due = MAX(packet->due, wire->in_flight.last->due);
        wire->in_flight.last->next_due = packet->due;
    }
    if (packet->trail) {
        vs_packet_step(packet, wire->queue_stage, start - now);
        vs_packet_step(packet, wire->transmit_stage, work);
        vs_packet_step(packet, wire->propagate_stage,
                       packet->due - wire->busy_until - wire->config.far_latency);
        vs_packet_step(packet, wire->latency_stage, wire->config.far_latency);
    }
    vs_packet_queue_push(&wire->in_flight, packet);
    wire->n_waiting++;
    if (!wire->first_waiting) {
        wire->first_waiting = packet;
        wire->line_free = start;
    }
    if (!vs_timer_is_armed(&wire->arrival)) {
        wire->arrival.needs = packet;
        vs_timer_arm(&wire->arrival, packet->due);
    }
}

/* 'packet' will wait for 'wait'. */
static void
mark(VsWire *wire, VsPacket *packet, VsTime wait)
{
    const VsWireConfig *config = &wire->config;
    bool is_long = config->mark_packets > 0
                       ? wait > 0 && vs_wire_n_waiting(wire) >= config->mark_packets
                       : wait > config->mark_backlog;

    if (is_long && vs_packet_mark_ce(packet)) {
        wire->n_marked++;
    }
}

static void __attribute__((noinline, cold))
drop_or_queue(VsWire *wire, VsPacket *packet)
{
    if (wire->egress) {
        vs_egress_send(wire->egress, packet);
        return;
    }
    wire->n_dropped++;
    vs_packet_drop(packet, VS_DROP_QUEUE_FULL);
}

void
vs_wire_send(VsWire *wire, VsPacket *packet)
{
    VsTime now = vs_now(wire->run);
    VsTime start = MAX(now, wire->busy_until);

    if (G_UNLIKELY(start - now > wire->config.backlog_max ||
                   (wire->config.packets_max > 0 && start > now &&
                    vs_wire_n_waiting(wire) >= wire->config.packets_max))) {
        drop_or_queue(wire, packet);
        return;
    }
    if (G_UNLIKELY(vs_wire_is_marking(wire))) {
        mark(wire, packet, start - now);
    }
    transmit_from(wire, packet, now, start);
}

void
vs_wire_transmit(VsWire *wire, VsPacket *packet)
{
    VsTime now = vs_now(wire->run);

    g_assert(wire->busy_until <= now);
    transmit_from(wire, packet, now, now);
}

void
vs_wire_set_line(VsWire *wire, uint64_t bits_per_s, VsTime delay)
{
    g_assert(wire->egress);
    if (bits_per_s > 0) {
        set_rate(wire, bits_per_s);
    }
    if (delay > 0) {
        wire->config.delay = delay;
        wire->has_changed_delay = true;
    }
}

/* The first that waited has begun: the next one follows when it is through. */
static void
pass_first_waiting(VsWire *wire)
{
    const VsPacket *begun = wire->first_waiting;

    wire->n_waiting--;
    wire->line_free = begun->due - wire->config.delay - wire->config.far_latency;
    wire->first_waiting = begun->next;
}

/* Kept lazily: each frame is counted as waiting when it is sent and passed over once when
 * somebody asks after its transmission has begun. */
uint32_t
vs_wire_n_waiting(VsWire *wire)
{
    VsTime now = vs_now(wire->run);

    if (G_UNLIKELY(wire->egress)) {
        return vs_egress_n_held(wire->egress);
    }
    while (wire->first_waiting &&
           MAX(wire->first_waiting->entered, wire->line_free) <= now) {
        pass_first_waiting(wire);
    }
    return wire->n_waiting;
}

uint64_t
vs_wire_n_held(const VsWire *wire)
{
    return wire->in_flight.length + (wire->egress ? vs_egress_n_held(wire->egress) : 0);
}

static void
wire_receive(VsHop *hop, VsPacket *packet)
{
    vs_wire_send(VS_CONTAINER_OF(hop, VsWire, hop), packet);
}

/* Of the packets in flight only the one that arrives is touched: the others may be cold. */
static void
wire_arrive(VsTimer *timer)
{
    VsWire *wire = VS_CONTAINER_OF(timer, VsWire, arrival);
    VsPacket *packet = vs_packet_queue_pop(&wire->in_flight);

    if (wire->first_waiting == packet) {
        pass_first_waiting(wire);
    }
    if (wire->in_flight.first) {
        timer->needs = wire->in_flight.first;
        vs_timer_arm(timer, packet->next_due);
    }
    vs_queue_stat_leave(&wire->stat, packet->entered, packet->due);
    wire->far_end->receive(wire->far_end, packet);
}

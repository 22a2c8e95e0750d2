#include "net/wire.h"

#include <glib.h>
#include <string.h>

#include "net/egress.h"
#include "packet/train.h"

#define PS_BIT_PER_S UINT64_C(8000000000000) /* Picoseconds a byte takes at 1 bit/s. */

static void wire_receive(VsHop *hop, VsPacket *packet);
static void wire_arrive(VsTimer *timer);
static void wire_arrive_late(VsTimer *timer);

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
    vs_timer_init(&wire->late_arrival, &wire->entity, wire_arrive_late);

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
    vs_timer_cancel(&wire->late_arrival);
    vs_packet_queue_drop(&wire->in_flight, VS_DROP_HOST_CLOSED);
    while (wire->late.length > 0) {
        vs_packet_drop(vs_due_heap_pop(&wire->late), VS_DROP_HOST_CLOSED);
    }
    vs_due_heap_clear(&wire->late);
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

/* From the end of a transmission until the far end can forward. */
static inline VsTime
flight_time(const VsWire *wire)
{
    return wire->config.delay + wire->config.far_latency;
}

/* When the line is free for what comes at 'at'. */
static inline VsTime
line_start(const VsWire *wire, VsTime at)
{
    VsTime start = MAX(at, wire->busy_until);

    if (G_UNLIKELY(at < wire->tail_to && at >= wire->tail_from)) {
        start = MAX(start, wire->tail_to);
    }
    return start;
}

/* 'packet' is sent from 'start' on, keeps the line busy for 'work' and sets out for the far
 * end when it is 'sent'. */
static inline void __attribute__((always_inline))
launch(VsWire *wire, VsPacket *packet, VsTime now, VsTime start, VsTime sent,
       VsTime work)
{
    wire->busy_until = start + work;
    wire->busy += work;
    wire->n_bytes += packet->wire_bytes;
    vs_queue_stat_arrive(&wire->stat, now);

    packet->entered = now;
    packet->due = sent + flight_time(wire);
    if (wire->in_flight.first) {
        packet->due = MAX(packet->due, wire->in_flight.last->due);
        wire->in_flight.last->next_due = packet->due;
    }
    if (packet->trail) {
        vs_packet_step(packet, wire->queue_stage, start - now);
        vs_packet_step(packet, wire->transmit_stage, sent - start);
        vs_packet_step(packet, wire->propagate_stage,
                       packet->due - sent - wire->config.far_latency);
        vs_packet_step(packet, wire->latency_stage, wire->config.far_latency);
    }
    vs_packet_queue_push(&wire->in_flight, packet);
    if (!wire->first_waiting) {
        wire->first_waiting = packet;
        wire->line_free = start;
    }
    if (!vs_timer_is_armed(&wire->arrival)) {
        wire->arrival.needs = packet;
        vs_timer_arm(&wire->arrival, packet->due);
    }
}

/* 'packet' is sent from 'start' on, when those before it are through. */
static inline void
transmit_from(VsWire *wire, VsPacket *packet, VsTime now, VsTime start)
{
    VsTime work = transmission_time(wire, packet->wire_bytes);

    wire->n_packets++;
    wire->n_waiting++;
    launch(wire, packet, now, start, start + work, work);
}

/* Of the frames of a train, the first is there at 'now', the last but one and the last when
 * it says: each begins when it is there and the one before it is through.  The intervals at
 * which frames come grow from the first to the last but one, if they are not equal (each
 * wire keeps them so), so that one of these two decides for all between them. */
static void __attribute__((noinline))
transmit_train(VsWire *wire, VsPacket *packet, VsTime now, VsTime start)
{
    VsTrain *train = &packet->train;
    uint32_t n_frames = train->n_segments;
    uint32_t frame_bytes = vs_train_frame_bytes(packet);
    uint32_t last_bytes = packet->wire_bytes - (n_frames - 1) * frame_bytes;
    VsTime first_end = start, before_last_end, last_end, work = 0;

    if (n_frames > 1) {
        first_end += transmission_time(wire, frame_bytes);
        work = first_end - start;
    }
    before_last_end = first_end;
    if (n_frames > 2) {
        VsTime middle = transmission_time(wire, (n_frames - 3) * frame_bytes);
        VsTime before_last = transmission_time(wire, frame_bytes);

        before_last_end = MAX(first_end + middle, train->before_last_at) + before_last;
        work += middle + before_last;
    }
    last_end = transmission_time(wire, last_bytes);
    work += last_end;
    last_end += MAX(before_last_end, train->last_at);
    if (n_frames == 1) {
        first_end = before_last_end = last_end;
    }
    if (last_end > start + work) {
        wire->tail_from = train->last_at;
        wire->tail_to = last_end;
    }
    wire->has_carried_trains = true;
    train->started = start;
    wire->n_packets += n_frames;
    wire->n_waiting += n_frames;
    launch(wire, packet, now, start,
           wire->config.is_to_forwarder ? first_end : start + work, work);
    train->before_last_at = MAX(before_last_end + flight_time(wire), packet->due);
    train->last_at = MAX(last_end + flight_time(wire), packet->due);
}

/* Trains are kept out of the way of wires that never carried one. */
static VsTime __attribute__((noinline, cold))
begin_train(VsWire *wire, const VsPacket *packet)
{
    wire->begun = (VsWireTrain){
        .started = packet->train.started,
        .frame_time = (VsTime)(vs_train_frame_bytes(packet) * wire->ps_per_byte),
        .n_frames = packet->train.n_segments};
    wire->n_waiting -= packet->train.n_segments - 1U;
    return MAX(packet->due, packet->train.last_at);
}

/* The first that waited has begun: the next one follows when it is through. */
static inline void
pass_first_waiting(VsWire *wire)
{
    const VsPacket *begun = wire->first_waiting;
    VsTime arrival = begun->due;

    if (G_UNLIKELY(wire->has_carried_trains)) {
        wire->begun.n_frames = 0;
        if (vs_packet_is_train(begun)) {
            arrival = begin_train(wire, begun);
        }
    }
    wire->n_waiting--;
    wire->line_free = arrival - flight_time(wire);
    wire->first_waiting = begun->next;
}

static inline bool
has_begun(const VsWire *wire, const VsPacket *packet, VsTime at)
{
    if (G_UNLIKELY(wire->has_carried_trains) && vs_packet_is_train(packet)) {
        return packet->train.started <= at;
    }
    return MAX(packet->entered, wire->line_free) <= at;
}

/* Those of the train whose transmission begins after 'at'. */
static uint32_t
n_unsent(const VsWireTrain *train, VsTime at)
{
    uint64_t n_begun = at < train->started
                           ? 0
                           : (uint64_t)((at - train->started) / train->frame_time) + 1;

    return n_begun < train->n_frames ? train->n_frames - (uint32_t)n_begun : 0;
}

/* Frames that wait at 'at'.  Kept lazily: each packet is counted as waiting when it is sent,
 * and passed over once when somebody asks after its transmission has begun. */
static uint32_t
count_waiting(VsWire *wire, VsTime at)
{
    while (wire->first_waiting && has_begun(wire, wire->first_waiting, at)) {
        pass_first_waiting(wire);
    }
    if (G_UNLIKELY(wire->begun.n_frames > 0)) {
        return wire->n_waiting + n_unsent(&wire->begun, at);
    }
    return wire->n_waiting;
}

/* 'packet' will wait from 'at' on for 'wait'. */
static void
mark(VsWire *wire, VsPacket *packet, VsTime at, VsTime wait)
{
    const VsWireConfig *config = &wire->config;
    bool is_long = config->mark_packets > 0
                       ? wait > 0 && count_waiting(wire, at) >= config->mark_packets
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

/* A frame that is there at 'at': now, but for some of a train that fell apart. */
static inline void __attribute__((always_inline))
send_frame(VsWire *wire, VsPacket *packet, VsTime now, VsTime at)
{
    VsTime start = line_start(wire, at);

    if (G_UNLIKELY(start - at > wire->config.backlog_max ||
                   (wire->config.packets_max > 0 && start > at &&
                    count_waiting(wire, at) >= wire->config.packets_max))) {
        drop_or_queue(wire, packet);
        return;
    }
    if (G_UNLIKELY(vs_wire_is_marking(wire))) {
        mark(wire, packet, at, start - at);
    }
    if (G_UNLIKELY(packet->flags & VS_PACKET_TRAIN)) {
        transmit_train(wire, packet, now, start);
    } else {
        transmit_from(wire, packet, now, start);
    }
}

/* Will all its frames pass, and without a mark, if they are all there at 'now'? */
static bool
is_room_for(VsWire *wire, const VsPacket *packet, VsTime now)
{
    const VsWireConfig *config = &wire->config;
    VsTime work = (VsTime)(packet->wire_bytes * (wire->ps_per_byte + 1));
    VsTime wait = line_start(wire, now) - now + work;
    uint32_t n_waiting = 0;

    if (config->packets_max > 0 || config->mark_packets > 0) {
        n_waiting = count_waiting(wire, now) + packet->train.n_segments;
    }
    return wait <= config->backlog_max &&
           (config->packets_max == 0 || n_waiting <= config->packets_max) &&
           (config->mark_packets == 0 || n_waiting <= config->mark_packets) &&
           (config->mark_backlog == 0 || wait <= config->mark_backlog);
}

static void __attribute__((noinline)) send_train(VsWire *wire, VsPacket *packet)
{
    VsTime now = vs_now(wire->run);
    const VsTrain train = packet->train;

    if (wire->egress) {
        vs_egress_send(wire->egress, packet);
        return;
    }
    if (is_room_for(wire, packet, now)) {
        transmit_train(wire, packet, now, line_start(wire, now));
        return;
    }
    for (uint32_t i = 0; i < train.n_segments; i++) {
        VsPacket *rest = i + 1 < train.n_segments ? vs_train_cut(packet, 1) : NULL;
        VsTime at = vs_train_frame_at(&train, now, i);

        packet->train.before_last_at = packet->train.last_at = at;
        if (at > now) {
            packet->flags |= VS_PACKET_TRAIN;
        }
        send_frame(wire, packet, now, at);
        packet = rest;
    }
}

void
vs_wire_send(VsWire *wire, VsPacket *packet)
{
    VsTime now = vs_now(wire->run);

    if (G_UNLIKELY(packet->flags & VS_PACKET_TRAIN)) {
        send_train(wire, packet);
    } else {
        send_frame(wire, packet, now, now);
    }
}

void
vs_wire_transmit(VsWire *wire, VsPacket *packet)
{
    VsTime now = vs_now(wire->run);

    g_assert(wire->busy_until <= now);
    if (G_UNLIKELY(packet->flags & VS_PACKET_TRAIN)) {
        transmit_train(wire, packet, now, line_start(wire, now));
    } else {
        transmit_from(wire, packet, now, line_start(wire, now));
    }
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

uint32_t
vs_wire_n_waiting(VsWire *wire)
{
    if (G_UNLIKELY(wire->egress)) {
        return vs_egress_n_held(wire->egress);
    }
    return count_waiting(wire, vs_now(wire->run));
}

uint64_t
vs_wire_n_held(const VsWire *wire)
{
    return wire->in_flight.length + wire->late.length +
           (wire->egress ? vs_egress_n_held(wire->egress) : 0);
}

static void
wire_receive(VsHop *hop, VsPacket *packet)
{
    vs_wire_send(VS_CONTAINER_OF(hop, VsWire, hop), packet);
}

/* Does the far end get it now?  A frame of a train that fell apart is a packet like any
 * other from here on. */
static bool
is_handed_over(const VsWire *wire, VsPacket *train)
{
    if (train->train.n_segments == 1) {
        train->flags &= (uint16_t)~VS_PACKET_TRAIN;
    }
    return wire->config.is_to_forwarder || train->train.last_at <= train->due;
}

/* A train with gaps, whose frames have not all come when its share of the line is over. */
static void
await_last_frame(VsWire *wire, VsPacket *packet)
{
    vs_packet_step(packet, wire->transmit_stage, packet->train.last_at - packet->due);
    vs_due_heap_push(&wire->late, packet->train.last_at, packet);
    vs_timer_arm(&wire->late_arrival, vs_due_heap_first(&wire->late)->due);
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
    if (G_UNLIKELY(packet->flags & VS_PACKET_TRAIN) && !is_handed_over(wire, packet)) {
        await_last_frame(wire, packet);
        return;
    }
    wire->far_end->receive(wire->far_end, packet);
}

static void
wire_arrive_late(VsTimer *timer)
{
    VsWire *wire = VS_CONTAINER_OF(timer, VsWire, late_arrival);
    VsPacket *packet = vs_due_heap_pop(&wire->late);

    if (wire->late.length > 0) {
        vs_timer_arm(timer, vs_due_heap_first(&wire->late)->due);
    }
    wire->far_end->receive(wire->far_end, packet);
}

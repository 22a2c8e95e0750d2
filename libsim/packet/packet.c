#include "packet/packet.h"

#include <glib.h>
#include <string.h>

#include "packet/dns_records.h"
#include "packet/notes.h"
#include "packet/quic.h"
#include "packet/trace.h"

enum {
    PACKETS_A_SLAB = 256,
    TRAILS_A_SLAB = 64,
    QUICS_A_SLAB = 8,
    CACHE_LINE_BYTES = 64,
};

static void free_packet(VsPacket *packet);

void
vs_run_make_packets(VsRun *run)
{
    VsPacketPool *pool = g_new0(VsPacketPool, 1);

    vs_pool_init_aligned(&pool->packets, sizeof(VsPacket), PACKETS_A_SLAB,
                         CACHE_LINE_BYTES);
    vs_pool_init(&pool->trails, sizeof(VsTrail), TRAILS_A_SLAB);
    vs_pool_init(&pool->quics, sizeof(VsQuicDatagram), QUICS_A_SLAB);
    vs_names_init(&pool->names);
    pool->dns_records = g_ptr_array_new_with_free_func(vs_dns_records_free);
    vs_stages_init(&pool->stages);
    run->packets = pool;
}

void
vs_run_free_packets(VsRun *run)
{
    VsPacketPool *pool = run->packets;

    vs_run_free_trace(run);
    vs_pool_clear(&pool->packets);
    vs_pool_clear(&pool->trails);
    vs_pool_clear(&pool->quics);
    vs_names_clear(&pool->names);
    g_ptr_array_free(pool->dns_records, TRUE);
    vs_stages_clear(&pool->stages);
    g_clear_pointer(&pool->notes, g_hash_table_unref);
    g_free(pool);
    run->packets = NULL;
}

VsPacket *
vs_packet_new(VsRun *run)
{
    VsPacketPool *pool = run->packets;
    VsPacket *packet = vs_pool_alloc(&pool->packets);

    memset(packet, 0, offsetof(VsPacket, layers) + sizeof(VsLayer));
    packet->run = run;
    packet->n_layers = 1;
    packet->number = ++pool->n_created;
    return packet;
}

VsPacket *
vs_packet_copy(const VsPacket *packet)
{
    VsPacketPool *pool = packet->run->packets;
    VsPacket *copy = vs_pool_alloc(&pool->packets);

    memcpy(copy, packet,
           offsetof(VsPacket, layers) + packet->n_layers * sizeof(VsLayer));
    copy->tcp_options = packet->tcp_options;
    copy->train = packet->train;
    if (G_UNLIKELY(copy->flags & VS_PACKET_QUIC)) {
        copy->quic = vs_pool_alloc(&pool->quics);
        *copy->quic = *packet->quic;
    }
    copy->trail = NULL;
    copy->next = NULL;
    copy->flags &= (uint16_t)~VS_PACKET_NOTED;
    if (G_UNLIKELY(copy->flags & VS_PACKET_CT_HELD)) {
        copy->flags &= (uint16_t)~VS_PACKET_CT_HELD;
        copy->ct = NULL;
    }
    copy->number = ++pool->n_created;
    return copy;
}

void
vs_packet_deliver(VsPacket *packet)
{
    packet->run->packets->n_delivered++;
    free_packet(packet);
}

/* Where its last step was taken. */
static void
record_drop(VsPacket *packet, VsDrop drop)
{
    const VsTraceRecord *last = vs_trace_last(packet->run->trace, packet->number);
    g_autofree char *place = last ? g_strdup(last->place) : NULL;
    VsTime time = last ? last->time : 0;
    VsTraceRecord *record = vs_trace_add(packet, VS_TRACE_DROP, place, 0);

    record->time = MAX(record->time, time); /* Within the work of a core. */
    record->text = g_strdup(vs_drop_text(drop));
}

void
vs_packet_drop(VsPacket *packet, VsDrop drop)
{
    if (G_UNLIKELY(vs_packet_is_traced(packet))) {
        record_drop(packet, drop);
    }
    if (G_UNLIKELY(packet->flags & VS_PACKET_NOTED)) {
        vs_note_drop(packet, drop);
    }
    packet->run->packets->n_dropped[drop]++;
    free_packet(packet);
}

uint64_t
vs_packets_dropped(const VsRun *run)
{
    uint64_t n_dropped = 0;

    for (unsigned drop = 0; drop < VS_DROP_LENGTH; drop++) {
        n_dropped += run->packets->n_dropped[drop];
    }
    return n_dropped;
}

uint64_t
vs_packets_in_flight(const VsRun *run)
{
    return vs_pool_n_used(&run->packets->packets);
}

VsLayer *
vs_packet_push(VsPacket *packet)
{
    g_assert(packet->n_layers < VS_PACKET_MAX_LAYERS);
    memset(&packet->layers[packet->n_layers], 0, sizeof(VsLayer));
    return &packet->layers[packet->n_layers++];
}

void
vs_packet_pop(VsPacket *packet)
{
    g_assert(packet->n_layers > 1);
    packet->n_layers--;
}

static bool
mark_ce(VsLayer *layer)
{
    bool is_capable =
        layer->ether_type == VS_ETHER_TYPE_IPV4 && (layer->tos & VS_IP_ECN_MASK) != 0;

    if (is_capable) {
        layer->tos |= VS_IP_ECN_CE;
    }
    return is_capable;
}

bool
vs_packet_mark_ce(VsPacket *packet)
{
    return mark_ce(vs_packet_top(packet));
}

void
vs_packet_inherit_ecn(VsPacket *packet)
{
    VsLayer *top = vs_packet_top(packet);

    top->tos |= (top - 1)->tos & VS_IP_ECN_MASK;
}

void
vs_packet_bequeath_ecn(VsPacket *packet)
{
    VsLayer *top = vs_packet_top(packet);

    if ((top->tos & VS_IP_ECN_MASK) == VS_IP_ECN_CE) {
        mark_ce(top - 1);
    }
}

void
vs_packet_follow(VsPacket *packet, VsStage wait_stage)
{
    if (!packet->trail && vs_payload_journey(&packet->payload)) {
        VsTrail *trail = vs_pool_alloc(&packet->run->packets->trails);

        trail->started = vs_now(packet->run);
        trail->elapsed = 0;
        trail->wait_stage = wait_stage;
        trail->n_steps = 0;
        packet->trail = trail;
        if (packet->payload.journey->is_traced && packet->run->trace) {
            packet->flags |= VS_PACKET_TRACED;
        }
    }
}

void
vs_packet_arrive(VsPacket *packet)
{
    VsTrail *trail = packet->trail;
    VsJourney *journey = vs_payload_journey(&packet->payload);

    if (!trail) {
        return;
    }
    if (journey) {
        /* Time that no step accounts for would be lost in every sum. */
        g_assert(trail->started + trail->elapsed == vs_now(packet->run));
        vs_journey_append(journey, trail);
    }
    vs_pool_free(&packet->run->packets->trails, trail);
    packet->trail = NULL;
}

void
vs_packet_queue_drop(VsPacketQueue *queue, VsDrop drop)
{
    VsPacket *packet;

    while ((packet = vs_packet_queue_pop(queue))) {
        vs_packet_drop(packet, drop);
    }
}

static void
free_packet(VsPacket *packet)
{
    VsPacketPool *pool = packet->run->packets;

    if (G_UNLIKELY(packet->flags & VS_PACKET_CT_HELD)) {
        pool->put_ct(packet);
    }
    if (G_UNLIKELY(packet->flags & VS_PACKET_NOTED)) {
        vs_note_forget(packet);
    }
    if (packet->trail) {
        vs_pool_free(&pool->trails, packet->trail);
    }
    if (G_UNLIKELY(packet->flags & VS_PACKET_QUIC)) {
        vs_pool_free(&pool->quics, packet->quic);
    }
    vs_pool_free(&pool->packets, packet);
}

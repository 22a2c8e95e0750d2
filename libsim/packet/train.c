#include "packet/train.h"

static uint16_t
count_segments(const VsPacket *packet)
{
    uint32_t segment_bytes = packet->train.segment_bytes;

    return (uint16_t)((packet->payload_bytes + segment_bytes - 1) / segment_bytes);
}

void
vs_train_make(VsPacket *packet, uint16_t segment_bytes)
{
    g_assert(segment_bytes > 0 && packet->payload_bytes > segment_bytes);
    packet->flags |= VS_PACKET_TRAIN;
    packet->train = (VsTrain){.segment_bytes = segment_bytes};
    packet->train.n_segments = count_segments(packet);
    vs_train_measure(packet);
}

uint32_t
vs_train_frame_bytes(const VsPacket *train)
{
    return vs_ether_wire_bytes(vs_packet_mtu_bytes(train));
}

void
vs_train_measure(VsPacket *packet)
{
    uint32_t n_full = packet->train.n_segments - 1U;
    uint32_t last_bytes = packet->payload_bytes - n_full * packet->train.segment_bytes;

    packet->wire_bytes =
        n_full * vs_train_frame_bytes(packet) +
        vs_ether_wire_bytes(vs_train_header_bytes(packet) + last_bytes);
}

VsTime
vs_train_frame_at(const VsTrain *train, VsTime first_at, uint32_t number)
{
    VsTime between = MAX(train->before_last_at - first_at, 0);

    if (number == 0) {
        return first_at;
    }
    if (number + 1U == train->n_segments) {
        return MAX(train->last_at, first_at);
    }
    return first_at + between * (VsTime)number / (train->n_segments - 2);
}

/* The packet has 'payload_bytes' now: its lengths, and whether it is a train still. */
static void
resize(VsPacket *packet, uint32_t payload_bytes)
{
    uint32_t fewer = packet->payload_bytes - payload_bytes;

    for (unsigned i = 0; i < packet->n_layers; i++) {
        packet->layers[i].ip_bytes -= fewer;
    }
    packet->payload_bytes = payload_bytes;
    packet->train.n_segments = count_segments(packet);
    if (packet->train.n_segments == 1) {
        packet->flags &= (uint16_t)~VS_PACKET_TRAIN;
    }
    vs_packet_measure(packet);
}

VsPacket *
vs_train_cut(VsPacket *train, uint16_t n_segments)
{
    uint32_t bytes = (uint32_t)n_segments * train->train.segment_bytes;
    VsPacket *rest = vs_packet_copy(train);

    g_assert(n_segments > 0 && n_segments < train->train.n_segments);
    if (train->trail) {
        rest->trail = vs_pool_alloc(&train->run->packets->trails);
        *rest->trail = *train->trail;
    }
    for (unsigned i = 0; i < rest->n_layers; i++) {
        rest->layers[i].ip_id = (uint16_t)(rest->layers[i].ip_id + n_segments);
    }
    rest->layers[0].tcp.seq += bytes;
    rest->layers[0].tcp.flags &= (uint8_t)~VS_TCP_CWR;
    rest->message_offset += bytes;
    resize(rest, rest->payload_bytes - bytes);
    train->layers[0].tcp.flags &= (uint8_t) ~(VS_TCP_PSH | VS_TCP_FIN);
    resize(train, bytes);
    return rest;
}

VsPacket *
vs_train_split(VsPacket *train)
{
    VsPacket *last = train;

    while (vs_packet_is_train(last) && last->train.n_segments > 1) {
        last->next = vs_train_cut(last, 1);
        last = last->next;
    }
    last->next = NULL;
    return train;
}

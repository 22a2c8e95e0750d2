/* Trains: several TCP segments that travel as one packet (Linux: generic segmentation
 * offload, GSO; TSO when the card cuts it; GRO when the receiver's card joins it).
 *
 * Namespaces, rules, bridges, veth pairs, qdiscs and cores see one packet, whose headers are
 * those of its first segment but for the lengths, and pay once for it.  A wire carries
 * its frames: each has all headers of the packet, tunnels' too, and 'segment_bytes' of data,
 * the last one what is left.  Where a device forwards frame by frame, the packet stands for
 * the first frame: it is handled when that one is there, and the train knows when the last
 * ones follow, so that no wire ends before it has got them (net/wire.h).
 *
 * 'segment_bytes' and 'n_segments' mean something where the packet is VS_PACKET_TRAIN.  A
 * train of one segment is a frame that is not there yet. */
#pragma once

#include "packet/packet.h"

/* Makes 'packet', with more payload than 'segment_bytes' above 0, a train; measured. */
void vs_train_make(VsPacket *packet, uint16_t segment_bytes);

static inline bool
vs_packet_is_train(const VsPacket *packet)
{
    return G_UNLIKELY(packet->flags & VS_PACKET_TRAIN);
}

/* Frames that it takes on a wire. */
static inline uint32_t
vs_packet_n_frames(const VsPacket *packet)
{
    return vs_packet_is_train(packet) ? packet->train.n_segments : 1;
}

/* Headers of each segment, from the top IP header to the payload. */
static inline uint32_t
vs_train_header_bytes(const VsPacket *train)
{
    return train->layers[train->n_layers - 1].ip_bytes - train->payload_bytes;
}

/* The first frame on a wire, and all others but the last. */
uint32_t vs_train_frame_bytes(const VsPacket *train);

/* What an MTU must bear: the IP packet, of a train its longest. */
static inline uint32_t
vs_packet_mtu_bytes(const VsPacket *packet)
{
    if (vs_packet_is_train(packet)) {
        return vs_train_header_bytes(packet) +
               MIN(packet->payload_bytes, packet->train.segment_bytes);
    }
    return packet->layers[packet->n_layers - 1].ip_bytes;
}

/* When frame 'number' (0: the first, which is here since 'first_at') is there: the first, the
 * last two, and the others at even intervals. */
VsTime vs_train_frame_at(const VsTrain *train, VsTime first_at, uint32_t number);

/* 'train' keeps its first 'n_segments', less than all; returns a packet with the others.  Both
 * are followed and traced if the train was.  Either is a train if it has several segments. */
VsPacket *vs_train_cut(VsPacket *train, uint16_t n_segments);

/* Cuts it into all its segments, linked by 'next'; 'train' is the first of them. */
VsPacket *vs_train_split(VsPacket *train);

/* Packets: metadata and a stack of header layers, from the run's pool.
 *
 * A layer is one frame's worth of headers: Ethernet, IPv4 and TCP, UDP or ICMP.
 * Encapsulation pushes a layer and decapsulation pops it; a hop sees the top one.  The
 * quoted packet of an ICMP error is the layer below its ICMP header.
 *
 * Ownership: a packet belongs to whoever holds it.  receive() takes it and does exactly
 * one of: hand it on, queue it, deliver it, drop it with a reason.  Pools count all of it:
 * created = delivered + dropped + in flight, always. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/run.h"
#include "engine/time.h"
#include "packet/drop.h"
#include "packet/flow.h"
#include "packet/names.h"
#include "packet/payload.h"
#include "packet/trail.h"

#define VS_ETHER_TYPE_IPV4 0x0800
#define VS_ETHER_TYPE_ARP 0x0806

#define VS_MAC_BROADCAST UINT64_C(0xffffffffffff)

#define VS_TCP_FIN 0x01
#define VS_TCP_SYN 0x02
#define VS_TCP_RST 0x04
#define VS_TCP_PSH 0x08
#define VS_TCP_ACK 0x10
#define VS_TCP_ECE 0x40 /* RFC 3168: congestion was experienced on the way here; */
#define VS_TCP_CWR 0x80 /* and the window was reduced for it. */

#define VS_ICMP_ECHO_REPLY 0
#define VS_ICMP_UNREACHABLE 3
#define VS_ICMP_ECHO 8
#define VS_ICMP_TIME_EXCEEDED 11

#define VS_ICMP_CODE_NET 0
#define VS_ICMP_CODE_HOST 1
#define VS_ICMP_CODE_PORT 3
#define VS_ICMP_CODE_TOO_BIG 4

/* IPv4 flags and fragment offset, in eighths of bytes, as in the header. */
#define VS_IP_DF 0x4000
#define VS_IP_MF 0x2000
#define VS_IP_OFFSET_MASK 0x1fff

/* Explicit congestion notification: the low bits of VsLayer.tos (RFC 3168). */
#define VS_IP_ECN_MASK 0x03
#define VS_IP_ECN_ECT0 0x02 /* The transport understands marks; ECT(1) is 0x01. */
#define VS_IP_ECN_CE 0x03   /* Marked: congestion experienced. */

/* Header lengths, bytes. */
#define VS_ETHER_HEADER_BYTES 14
#define VS_IPV4_HEADER_BYTES 20
#define VS_TCP_HEADER_BYTES 20
#define VS_UDP_HEADER_BYTES 8
#define VS_ICMP_HEADER_BYTES 8
#define VS_VXLAN_HEADER_BYTES 8
#define VS_ARP_BYTES 28

/* Linux quotes as much as makes an ICMP error of 576 bytes (RFC 1812 section 4.3.2.3). */
#define VS_ICMP_MAX_QUOTED_BYTES (576 - VS_IPV4_HEADER_BYTES - VS_ICMP_HEADER_BYTES)

/* On the wire, beyond the Ethernet header and payload: preamble 7, start delimiter 1,
 * frame check sequence 4, inter-frame gap 12; the payload is padded to 46. */
#define VS_ETHER_OVERHEAD_BYTES 24
#define VS_ETHER_MIN_PAYLOAD_BYTES 46

typedef struct VsTcpHeader {
    uint32_t seq;
    uint32_t ack;
    uint16_t window; /* As on the wire: scaled after the handshake. */
    uint16_t mss;    /* Option of a SYN; 0: absent. */
    uint8_t flags;
    uint8_t wscale; /* Option of a SYN, plus one; 0: absent. */
    uint8_t option_bytes;
    uint8_t options; /* VS_TCP_OPTION_*, and how many SACK blocks there are. */
} VsTcpHeader;

#define VS_TCP_OPTION_TIMESTAMPS 0x01     /* In the packet's 'tcp_options'. */
#define VS_TCP_OPTION_SACK_PERMITTED 0x02 /* Of a SYN. */
#define VS_TCP_OPTION_SACK_SHIFT 4 /* Three bits: 'tcp_options' has so many blocks. */
#define VS_TCP_TIMESTAMPS_BYTES 12 /* With two bytes that align it. */
#define VS_TCP_SACK_PERMITTED_BYTES \
    4 /* The same; nothing where there are timestamps. */
#define VS_TCP_SACK_BYTES(n) (4 + 8 * (n)) /* Of n > 0 blocks, aligned, too. */
#define VS_TCP_OPTIONS_MAX_BYTES 40
#define VS_TCP_SACK_MAX_BLOCKS 4 /* 3 with timestamps: what 40 bytes have room for. */

/* Bytes that the receiver has: sequence numbers (RFC 2018). */
typedef struct VsSackBlock {
    uint32_t start;
    uint32_t end; /* After the last of them. */
} VsSackBlock;

/* Options of any segment, where its header says that it has them. */
typedef struct VsTcpOptions {
    uint32_t ts_value; /* RFC 7323. */
    uint32_t ts_echo;
    VsSackBlock sack[VS_TCP_SACK_MAX_BLOCKS];
} VsTcpOptions;

/* Of a train of segments: packet/train.h. */
typedef struct VsTrain {
    VsTime started;        /* Its first frame, on the wire that carries it. */
    VsTime before_last_at; /* When the last frame but one, */
    VsTime last_at;        /* and the last, are where the packet is. */
    uint16_t segment_bytes;
    uint16_t n_segments;
} VsTrain;

static inline unsigned
vs_tcp_n_sack_blocks(const VsTcpHeader *header)
{
    return header->options >> VS_TCP_OPTION_SACK_SHIFT;
}

typedef struct VsIcmpHeader {
    uint8_t type;
    uint8_t code;
    uint16_t next_mtu; /* Of "fragmentation needed". */
    uint16_t sequence;
} VsIcmpHeader;

typedef struct VsLayer {
    uint64_t dmac;
    uint64_t smac;
    VsFlow flow;
    uint16_t ether_type;
    uint16_t ip_fragment; /* VS_IP_DF, VS_IP_MF, offset. */
    uint16_t ip_id;
    uint8_t ttl;
    uint8_t tos;
    uint32_t ip_bytes; /* IP header and all that follows it. */
    union {
        VsTcpHeader tcp;
        VsIcmpHeader icmp;
        uint32_t vni; /* UDP carrying VXLAN: the layer below is inside. */
    };
} VsLayer;

G_STATIC_ASSERT(sizeof(VsLayer) == 64);

#define VS_PACKET_MAX_LAYERS 4

typedef struct VsPacket VsPacket;
typedef struct VsHop VsHop;
struct VsIface;
struct VsConntrackEntry;

/* What receives packets.  The receiver owns the packet from the call on. */
struct VsHop {
    void (*receive)(VsHop *hop, VsPacket *packet);
};

struct VsPacket {
    VsPacket *next;  /* In the one queue that holds it. */
    VsTime entered;  /* When it entered that queue. */
    VsTime due;      /* When it leaves, where the queue knows. */
    VsTime next_due; /* 'due' of 'next', which need not be fetched for it. */
    VsHop *hop;      /* What receives it when it leaves. */
    VsRun *run;
    VsTrail *trail;      /* Times of a followed request, or NULL. */
    uint32_t wire_bytes; /* On the wire, preamble and gap included. */
    uint32_t mark;       /* Firewall mark in this namespace. */
    uint32_t owner;      /* Of the socket that sends it: its user plus one; 0: none. */

    struct VsIface *iface;       /* Interface it came in by, or NULL: made here. */
    struct VsConntrackEntry *ct; /* Its connection in this namespace, or NULL. */
    uint8_t ct_dir;              /* 0 original, 1 reply, of 'ct'. */
    uint8_t n_layers;
    uint16_t flags; /* VS_PACKET_*. */
    uint32_t payload_bytes;
    uint64_t message_offset; /* Of its first payload byte in the message. */
    uint64_t message_bytes;  /* Of the whole message it carries a piece of. */
    VsTime charge;           /* Work of the present core that its trail has, ps. */
    uint64_t number;         /* Order of creation in the run; for traces. */

    VsPayload payload;
    VsLayer layers[VS_PACKET_MAX_LAYERS];
    VsHop *then; /* Made while a core worked: what it is submitted to. */
    union {
        VsTcpOptions
            tcp_options; /* Of its one TCP header, the quoted one of an error too. */
        struct VsQuicDatagram
            *quic; /* VS_PACKET_QUIC: what its UDP carries; its own. */
    };
    VsTrain train; /* Where VS_PACKET_TRAIN is set. */
};

/* Packet flags. */
#define VS_PACKET_CT_NEW 0x0001     /* First of its connection: nat rules apply. */
#define VS_PACKET_PROBE 0x0002      /* Of a health check: not a client's. */
#define VS_PACKET_TRACED 0x0004     /* Its steps are recorded: packet/trace.h. */
#define VS_PACKET_NOTRACK 0x0008    /* Set before conntrack, which leaves it alone. */
#define VS_PACKET_CT_RELATED 0x0010 /* An error about a packet of 'ct'. */
#define VS_PACKET_CT_HELD 0x0040    /* It keeps 'ct' alive: 'put_ct' of the pool. */
#define VS_PACKET_IPVS 0x0080       /* It has a server already: netfilter/ipvs.h. */
#define VS_PACKET_NOTED 0x0100      /* It has a note: packet/notes.h. */
#define VS_PACKET_MOVED 0x0200      /* Its thread has left the core of its flow. */
#define VS_PACKET_CORRUPTED 0x0400  /* Its checksum is wrong. */
#define VS_PACKET_TRAIN 0x0800      /* Several segments in one: packet/train.h. */
#define VS_PACKET_QUIC 0x1000       /* It has a datagram of QUIC: packet/quic.h. */

/* Those that end with the packet's stay in a namespace. */
#define VS_PACKET_CT_FLAGS \
    (VS_PACKET_CT_NEW | VS_PACKET_NOTRACK | VS_PACKET_CT_RELATED | VS_PACKET_IPVS)

/* The run's packets, and what became of them; and the names and stages they refer to. */
typedef struct VsPacketPool {
    VsPool packets;
    VsPool trails;
    VsPool quics; /* VsQuicDatagram. */
    VsNames names;
    GPtrArray
        *dns_records; /* Of VsDnsRecords: those of the run, added by who makes them. */
    VsStages stages;
    uint64_t n_created;
    uint64_t n_delivered;
    uint64_t n_dropped[VS_DROP_LENGTH];
    /* Lets go of the connection of a packet that is VS_PACKET_CT_HELD; conntrack's. */
    void (*put_ct)(VsPacket *packet);
    GHashTable *notes; /* Of captured packets, by number: packet/notes.h; or NULL. */
} VsPacketPool;

/* Gives 'run' a pool; vs_run_free_packets() frees it with all packets in it. */
void vs_run_make_packets(VsRun *run);
void vs_run_free_packets(VsRun *run);

/* A new packet with one zeroed layer, no payload and no trail. */
VsPacket *vs_packet_new(VsRun *run);

/* A copy with the same headers and payload; it has no trail and holds no connection. */
VsPacket *vs_packet_copy(const VsPacket *packet);

/* It reached what it was for: a socket, an ARP table. */
void vs_packet_deliver(VsPacket *packet);

/* It is lost, for this reason. */
void vs_packet_drop(VsPacket *packet, VsDrop drop);

uint64_t vs_packets_in_flight(const VsRun *run);
uint64_t vs_packets_dropped(const VsRun *run);

static inline VsLayer *
vs_packet_top(VsPacket *packet)
{
    return &packet->layers[packet->n_layers - 1];
}

/* Pushes a zeroed layer, now the top; the packet may carry VS_PACKET_MAX_LAYERS. */
VsLayer *vs_packet_push(VsPacket *packet);
void vs_packet_pop(VsPacket *packet);

/* Marks the packet as having met congestion.  False, and nothing is done, if its transport
 * would not understand: not IPv4, or not ECN-capable. */
bool vs_packet_mark_ce(VsPacket *packet);

/* A tunnel (RFC 6040): the top layer gets the ECN field of the one inside; and before it is
 * popped, its mark goes to that, if it is ECN-capable. */
void vs_packet_inherit_ecn(VsPacket *packet);
void vs_packet_bequeath_ecn(VsPacket *packet);

/* What a frame with 'bytes' after its Ethernet header takes on the wire. */
static inline uint32_t
vs_ether_wire_bytes(uint32_t bytes)
{
    return MAX(bytes, VS_ETHER_MIN_PAYLOAD_BYTES) + VS_ETHER_HEADER_BYTES +
           VS_ETHER_OVERHEAD_BYTES;
}

/* The same for a train: all its frames. */
void vs_train_measure(VsPacket *packet);

/* Sets 'wire_bytes' after headers or payload changed: ip_bytes of every layer is right. */
static inline void
vs_packet_measure(VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);

    if (G_UNLIKELY(packet->flags & VS_PACKET_TRAIN)) {
        vs_train_measure(packet);
        return;
    }
    packet->wire_bytes = vs_ether_wire_bytes(
        top->ether_type == VS_ETHER_TYPE_ARP ? VS_ARP_BYTES : top->ip_bytes);
}

/* The journey that 'payload' serves, if that is still under way, else NULL. */
static inline VsJourney *
vs_payload_journey(const VsPayload *payload)
{
    VsJourney *journey = payload->journey;

    return journey && journey->is_under_way &&
                   journey->generation == payload->journey_generation
               ? journey
               : NULL;
}

static inline void
vs_payload_set_journey(VsPayload *payload, VsJourney *journey)
{
    payload->journey = journey;
    payload->journey_generation = journey ? journey->generation : 0;
}

/* The journey of 'payload' goes on with 'payload' and its copies made from now on; messages
 * that were sent for it earlier no longer count, wherever they still are. */
static inline void
vs_payload_renew_journey(VsPayload *payload)
{
    VsJourney *journey = vs_payload_journey(payload);

    if (journey) {
        payload->journey_generation = ++journey->generation;
    }
}

/* Follows the packet from now on, for the journey in its payload, if that is still under
 * way: the time since the journey was last accounted for goes to 'wait_stage'. */
void vs_packet_follow(VsPacket *packet, VsStage wait_stage);

/* Ends the following of a packet that completed a message (or a handshake): its steps are
 * the journey's now. */
void vs_packet_arrive(VsPacket *packet);

/* Adds 'elapsed' in 'stage' to the trail of a followed packet. */
static inline void
vs_packet_step(VsPacket *packet, VsStage stage, VsTime elapsed)
{
    if (packet->trail && elapsed != 0) {
        vs_trail_add(packet->trail, stage, elapsed);
    }
}

/* A FIFO of packets through their 'next' member. */
typedef struct VsPacketQueue {
    VsPacket *first;
    VsPacket *last;
    uint32_t length;
} VsPacketQueue;

static inline void
vs_packet_queue_push(VsPacketQueue *queue, VsPacket *packet)
{
    packet->next = NULL;
    if (queue->first) {
        queue->last->next = packet;
    } else {
        queue->first = packet;
    }
    queue->last = packet;
    queue->length++;
}

/* The first packet, removed, or NULL. */
static inline VsPacket *
vs_packet_queue_pop(VsPacketQueue *queue)
{
    VsPacket *packet = queue->first;

    if (packet) {
        queue->first = packet->next;
        queue->length--;
    }
    return packet;
}

/* Drops all that is queued. */
void vs_packet_queue_drop(VsPacketQueue *queue, VsDrop drop);

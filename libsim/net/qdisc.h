/* Queue disciplines: which packet an interface sends next, when, and which are lost.
 *
 * A qdisc holds packets between an interface and its wire (net/egress.h).  Some have others
 * inside: a class of htb, what tbf limits, what netem hands delayed packets on to.  The
 * kinds are rows of a table (vs_qdisc_kinds), each after a file of Linux' net/sched; their
 * configurations are in net/qdisc_kinds.h.
 *
 * Lengths are Linux' skb->len: from the Ethernet header to the end of the IP packet, without
 * FCS, preamble, gap and padding.  Tokens are kept in picoseconds of their rate.
 *
 * A train (packet/train.h) is one packet, as long as its frames (qdisc_pkt_len_init()): limits
 * in packets count it once, and what drops, marks, delays or duplicates one does so with all of it.
 * Only tbf, where it is longer than the burst, and netem, where it is damaged, cut it into
 * segments, as Linux does.  Packets sent are counted by frames (bstats_update()). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "engine/stats.h"
#include "packet/packet.h"
#include "packet/train.h"

typedef struct VsQdisc VsQdisc;

/* What all qdiscs of one interface share; it outlives them. */
typedef struct VsQdiscContext {
    VsRun *run;
    const char *name;    /* "users > edge": random streams are named by it. */
    uint64_t bits_per_s; /* Line rate: red's average ages by it. */
    VsStage queue_stage;
    VsStage impair_stage; /* What netem holds packets back for. */
    uint64_t *n_dropped;  /* Of the wire. */
    uint32_t n_qdiscs;    /* Made so far: numbers them for their random streams. */
} VsQdiscContext;

/* A row of the table: how a kind queues.  Packets are counted and owned by vs_qdisc_*. */
typedef struct VsQdiscKind {
    const char *name; /* As tc calls it. */
    size_t size;      /* Of its struct, which begins with a VsQdisc. */

    /* Takes 'config', its own struct of net/qdisc_kinds.h, when it is new and zeroed... */
    void (*open)(VsQdisc *qdisc, const void *config);
    /* ...and again, with what it holds, when the configuration changes: it drops as much as
     * Linux' change function does.  NULL: cannot. */
    void (*change)(VsQdisc *qdisc, const void *config);
    /* Keeps the packet, or gives it to vs_qdisc_drop().  It is counted already. */
    void (*enqueue)(VsQdisc *qdisc, VsPacket *packet, VsTime now);
    /* The next packet that may be sent now.  NULL: none before *ret_next, which is
     * VS_TIME_NEVER while nothing is held. */
    VsPacket *(*dequeue)(VsQdisc *qdisc, VsTime now, VsTime *ret_next);
    /* Some packet that is held, whatever the time, in the order of dequeue; or NULL. */
    VsPacket *(*evict)(VsQdisc *qdisc);
    /* Frees what open() and enqueue() allocated, and qdiscs inside; it holds nothing. */
    void (*close)(VsQdisc *qdisc);
} VsQdiscKind;

struct VsQdisc {
    const VsQdiscKind *kind;
    VsQdiscContext *context;
    VsQdisc *parent;     /* NULL: the root. */
    VsPacket *peeked;    /* Dequeued ahead by vs_qdisc_peek(); still held. */
    uint64_t held_bytes; /* Those inside included. */
    uint32_t n_held;
    uint32_t number; /* Among those of the interface. */

    /* Statistics; what happens in one inside counts here, too. */
    uint64_t n_packets; /* Sent. */
    uint64_t n_bytes;
    uint64_t n_dropped;
    uint64_t n_marked;     /* Congestion experienced (RFC 3168). */
    uint64_t n_overlimits; /* Times that a packet had to wait for its rate. */
    uint64_t held_bytes_max;
    VsQueueStat backlog; /* Of a root. */
};

/* The kinds, NULL-terminated, and the one called 'name', or NULL. */
extern const VsQdiscKind *const vs_qdisc_kinds[];
const VsQdiscKind *vs_qdisc_kind_find(const char *name);

/* Makes a qdisc inside 'parent', or a root if that is NULL.  'config' is the kind's; what
 * it points to is copied, but qdiscs in it are taken over. */
VsQdisc *vs_qdisc_new(const VsQdiscKind *kind, const void *config,
                      VsQdiscContext *context);

/* Drops what it holds.  Freeing NULL is fine. */
void vs_qdisc_free(VsQdisc *qdisc);

/* 'inner' is inside 'qdisc' from now on, which frees it. */
void vs_qdisc_adopt(VsQdisc *qdisc, VsQdisc *inner);

/* Hands 'packet' to 'qdisc', which owns it from here on. */
void vs_qdisc_enqueue(VsQdisc *qdisc, VsPacket *packet, VsTime now);

/* The packet to send now.  NULL: none before *ret_next, VS_TIME_NEVER if nothing is held
 * (a packet that comes may change that). */
VsPacket *vs_qdisc_dequeue(VsQdisc *qdisc, VsTime now, VsTime *ret_next);

/* The packet that vs_qdisc_dequeue() will return: chosen now, and still held. */
VsPacket *vs_qdisc_peek(VsQdisc *qdisc, VsTime now, VsTime *ret_next);

/* Takes out some packet regardless of the time, in order; NULL when there is none. */
VsPacket *vs_qdisc_evict(VsQdisc *qdisc);

/* For kinds. ------------------------------------------------------------------------ */

/* Drops a packet that 'qdisc' holds, and books it up to the root. */
void vs_qdisc_drop(VsQdisc *qdisc, VsPacket *packet, VsDrop drop);

/* For changes: drops, in the order of evict, until no more than 'n_max' are held; or in that
 * of dequeue, which stops at packets that may not be sent yet. */
void vs_qdisc_trim(VsQdisc *qdisc, uint32_t n_max);
void vs_qdisc_trim_ready(VsQdisc *qdisc, uint32_t n_max);

/* Counts a packet that 'qdisc' itself makes, as if it had come in at the root. */
void vs_qdisc_count_new(VsQdisc *qdisc, VsPacket *packet, VsTime now);

/* Cuts a train that 'qdisc' holds into its segments, linked by 'next', all held and counted as
 * if they had come instead. */
VsPacket *vs_qdisc_split(VsQdisc *qdisc, VsPacket *train, VsTime now);

/* Marks a packet of an ECN-capable transport (RFC 3168); false if it is none. */
bool vs_qdisc_mark(VsQdisc *qdisc, VsPacket *packet);

/* The stream of random numbers of 'qdisc' for 'purpose'. */
void vs_qdisc_init_rng(const VsQdisc *qdisc, VsRng *rng, const char *purpose);

static inline uint32_t
vs_qdisc_bytes(const VsPacket *packet)
{
    const VsLayer *top = &packet->layers[packet->n_layers - 1];

    if (vs_packet_is_train(packet)) {
        return packet->payload_bytes +
               packet->train.n_segments *
                   (VS_ETHER_HEADER_BYTES + vs_train_header_bytes(packet));
    }
    return VS_ETHER_HEADER_BYTES +
           (top->ether_type == VS_ETHER_TYPE_ARP ? VS_ARP_BYTES : top->ip_bytes);
}

/* How long 'bytes' take at 'bits_per_s', rounded down to the ps. */
static inline VsTime
vs_qdisc_time_of(uint64_t bytes, uint64_t bits_per_s)
{
    const uint64_t ps_bit_per_s = UINT64_C(8000000000000); /* A byte's at 1 bit/s. */

    return G_LIKELY(bytes < 1 << 20)
               ? (VsTime)(bytes * ps_bit_per_s / bits_per_s)
               : (VsTime)((unsigned __int128)bytes * ps_bit_per_s / bits_per_s);
}

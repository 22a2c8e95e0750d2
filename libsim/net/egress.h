/* The sending side of a wire, or of a device without one, that has a queue discipline.
 *
 * The wire asks the qdisc for a packet whenever the line is free, so nothing waits in the
 * wire itself.  A wire without an egress computes all times when a packet is handed to it.
 *
 * A device without a wire (a veth, a bridge's own interface, a tunnel) is always free: what
 * its qdisc lets go is taken up by a core, as new work, and sent on.  Until it has its first
 * qdisc packets pass by (Linux' noqueue).
 *
 * A qdisc can be replaced at a time.  The packet in service leaves as it began.  One of the
 * same kind without others inside takes the new configuration and keeps what it holds and
 * knows (and its statistics); otherwise packets move to the new one, in the order in which
 * the old one would have sent them, as if they had just come. */
#pragma once

#include "net/qdisc.h"
#include "net/wire.h"

typedef struct VsEgressChange {
    VsTime at;
    VsQdisc *qdisc; /* Takes the place of the one before it; or NULL: that one... */
    const VsQdiscKind *kind; /* ...which is of this kind... */
    void *config;            /* ...changes to this; owned.  NULL as well: the line... */
    uint64_t bits_per_s;     /* ...has this rate... */
    VsTime delay;            /* ...and delay. */
} VsEgressChange;

struct VsEgress {
    VsHop hop;             /* Of a device: receiving here queues. */
    VsHop taken_up;        /* Of a device: a core has taken up what the qdisc let go. */
    VsWire *wire;          /* NULL: of a device. */
    struct VsIface *iface; /* Of a device; else NULL. */
    uint64_t n_dropped;    /* Of a device: a wire counts its own. */
    char *name;            /* Of a device: "n1/root veth-a". */
    VsQdiscContext context;
    VsQdisc *root;
    VsEntity entity;  /* Of the sender. */
    VsTimer ready;    /* The line is free, or the qdisc may have something. */
    VsTimer changing; /* The next change. */
    GArray *changes;  /* Of VsEgressChange, by time; at one time as they were added. */
    unsigned n_changed;
    GPtrArray *qdiscs; /* Roots that were or will be in use; owned. */
    VsHop far_end;     /* Between the wire and its far end: drops what was damaged. */
    VsHop *behind;     /* The far end. */
};

/* Gives 'wire' an egress in the part 'sender'; vs_wire_clear() frees it.  It has no qdisc
 * yet: the first one that is added must be. */
VsEgress *vs_egress_new(VsWire *wire, VsPart *sender);
void vs_egress_free(VsEgress *egress);

/* The same for an interface without a wire, which frees it. */
VsEgress *vs_egress_new_device(struct VsIface *iface);

/* 'qdisc', made with the egress' context, is the root from 'at' on; 0: from the beginning.
 * One that is to change its configuration later is added before that. */
void vs_egress_add(VsEgress *egress, VsTime at, VsQdisc *qdisc);

/* From 'at' on the root has another configuration, 'size' bytes long; it can change. */
void vs_egress_add_change(VsEgress *egress, VsTime at, const VsQdiscKind *kind,
                          const void *config, size_t size);

/* From 'at' on the wire has this rate and delay; 0: as before. */
void vs_egress_add_line_change(VsEgress *egress, VsTime at, uint64_t bits_per_s,
                               VsTime delay);

void vs_egress_send(VsEgress *egress, VsPacket *packet);

/* Packets that wait. */
static inline uint32_t
vs_egress_n_held(const VsEgress *egress)
{
    return egress->root ? egress->root->n_held : 0;
}

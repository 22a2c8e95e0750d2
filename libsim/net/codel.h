/* CoDel's control of one queue, which codel and each flow of fq_codel have: RFC 8289,
 * section 5, after Linux include/net/codel_impl.h (codel_dequeue), which adds marks of ECN.
 * Linux approximates 1/sqrt(count) by 16 bits; this does not. */
#pragma once

#include "net/qdisc_kinds.h"

typedef struct VsCodel {
    VsPacketQueue queue;
    uint64_t bytes;
    uint32_t count;      /* Drops since dropping began. */
    uint32_t last_count; /* When it began. */
    bool is_dropping;
    VsTime
        first_above; /* When the wait will have been above target for an interval... */
    bool is_above;   /* ...if it is above. */
    VsTime next_drop;
} VsCodel;

void vs_codel_push(VsCodel *codel, VsPacket *packet);

/* The first packet, removed without control; NULL if there is none. */
VsPacket *vs_codel_pop(VsCodel *codel);

/* The next packet to send.  Those dropped are 'qdisc''s, which holds all that counts against
 * 'mtu_bytes'. */
VsPacket *vs_codel_dequeue(VsCodel *codel, const VsCodelConfig *config, VsQdisc *qdisc,
                           VsTime now);

/* A core: a server that handles the packets of its host one at a time, in order.
 *
 * Handling a packet means calling its hop, which walks it through namespaces; each step
 * *charges* its cost to the core.  What leaves (to a wire, to a socket) departs when the
 * work is done: now + the sum of the charges.  Packets from the network wait in a backlog
 * of limited length; what the host's own sockets send is never refused. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/entity.h"
#include "engine/stats.h"
#include "packet/packet.h"

typedef struct VsCore {
    VsRun *run;
    struct VsCore **current; /* Of the host: this core while it handles a packet. */
    VsEntity entity;
    VsTimer done;
    VsPacketQueue backlog;
    VsPacketQueue departures; /* Of the packet in work, and those it gave rise to. */
    bool is_busy;
    uint32_t backlog_max;
    VsTime charge; /* Work of the packet in work so far, ps. */
    VsTime started;
    VsTime arrived; /* When the packet in work entered the backlog. */
    VsStage queue_stage;

    uint64_t n_packets;
    uint64_t n_dropped;
    VsTime busy;
    VsQueueStat stat; /* Waiting and in work. */
} VsCore;

/* '*current' is set to 'core' while it handles a packet, and to NULL after. */
void vs_core_init(VsCore *core, VsPart *part, const char *host_name, unsigned number,
                  uint32_t backlog_max, VsCore **current);

/* Drops what it holds. */
void vs_core_clear(VsCore *core);

/* Queues 'packet' to be handed to packet->hop, after work of packet->charge.  When 'is_limited', a full backlog drops it
 * with VS_DROP_BACKLOG_FULL. */
void vs_core_enqueue(VsCore *core, VsPacket *packet, bool is_limited);

/* Called while the core handles a packet: 'packet' goes to 'hop' when the work is done. */
void vs_core_depart(VsCore *core, VsPacket *packet, VsHop *hop);

/* Called while the core handles 'packet': gives the work since the last mark to 'stage'. */
static inline void
vs_core_mark(VsCore *core, VsPacket *packet, VsStage stage)
{
    vs_packet_step(packet, stage, core->charge - packet->charge);
    packet->charge = core->charge;
}

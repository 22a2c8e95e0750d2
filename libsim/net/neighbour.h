/* The neighbour table of a namespace: address resolution by ARP (RFC 826).
 *
 * An unknown address is asked for by broadcast, VS_NEIGHBOUR_PROBES times a second apart;
 * packets wait meanwhile (at most VS_NEIGHBOUR_QUEUE_BYTES of them), then are dropped and
 * answered with ICMP host unreachable.  An entry is reachable for VS_NEIGHBOUR_REACHABLE
 * after it was confirmed; used later, it is asked again by unicast while it stays in use
 * (Linux: net/core/neighbour.c, whose random 15..45 s we fix at the mean). */
#pragma once

#include "base/table.h"
#include "engine/timer.h"
#include "net/iface.h"
#include "packet/packet.h"

#define VS_NEIGHBOUR_PROBES 3
#define VS_NEIGHBOUR_RETRY VS_S
#define VS_NEIGHBOUR_REACHABLE (30 * VS_S)
#define VS_NEIGHBOUR_QUEUE_BYTES 212992

typedef enum VsNeighbourState {
    VS_NEIGHBOUR_INCOMPLETE,
    VS_NEIGHBOUR_REACHABLE_NOW,
    VS_NEIGHBOUR_PROBING, /* Known and used, but asked again. */
    VS_NEIGHBOUR_FAILED,
} VsNeighbourState;

typedef struct VsNeighbour {
    VsAddr address;
    VsNeighbourState state;
    uint64_t mac;
    VsIface *iface;
    VsTime confirmed_at;
    unsigned n_probes;
    VsTimer retry;
    VsPacketQueue waiting;
    uint32_t waiting_bytes;
} VsNeighbour;

typedef struct VsNeighbours {
    VsTable table;     /* Address to VsNeighbour. */
    VsTable proxies;   /* Address to the interface that answers for it. */
    VsNeighbour *last; /* Looked for last, or NULL: packets come in trains. */
} VsNeighbours;

void vs_neighbours_init(VsNeighbours *neighbours);
void vs_neighbours_clear(VsNeighbours *neighbours);

/* Sends 'packet' out of 'iface' to the neighbour 'next_hop', now or when it is known; an
 * interface without ARP (is_noarp) takes the address itself. */
void vs_neighbour_output(VsIface *iface, VsAddr next_hop, VsPacket *packet);

/* The MAC address of 'next_hop' for 'packet', or 0 when it must be asked for first, which
 * vs_neighbour_output() does. */
uint64_t vs_neighbour_resolve(VsIface *iface, VsAddr next_hop, VsPacket *packet);

/* Handles a received ARP packet. */
void vs_neighbour_receive(VsIface *iface, VsPacket *packet);

/* Enters a permanent answer, as `ip neigh add ... nud permanent` does. */
void vs_neighbour_add(VsIface *iface, VsAddr address, uint64_t mac);

/* Answers ARP for 'address' on 'iface', as after `ip neigh add proxy ADDRESS dev DEVICE`. */
void vs_neighbour_add_proxy(VsIface *iface, VsAddr address);

/* Packets that wait for an answer. */
uint64_t vs_neighbours_n_held(const VsNeighbours *neighbours);

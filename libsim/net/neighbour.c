#include "net/neighbour.h"

#include <glib.h>

#include "net/icmp.h"
#include "net/netns.h"
#include "net/story.h"

static void neighbour_retry(VsTimer *timer);

static inline VsKey
address_key(VsAddr address)
{
    return (VsKey){{address, 0}};
}

void
vs_neighbours_init(VsNeighbours *neighbours)
{
    vs_table_init(&neighbours->table);
    vs_table_init(&neighbours->proxies);
}

void
vs_neighbours_clear(VsNeighbours *neighbours)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&neighbours->table, &cursor, &key, &value)) {
        VsNeighbour *neighbour = value;

        vs_timer_cancel(&neighbour->retry);
        vs_packet_queue_drop(&neighbour->waiting, VS_DROP_HOST_CLOSED);
        g_free(neighbour);
    }
    vs_table_clear(&neighbours->table);
    vs_table_clear(&neighbours->proxies);
}

uint64_t
vs_neighbours_n_held(const VsNeighbours *neighbours)
{
    uint64_t n_held = 0;
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&neighbours->table, &cursor, &key, &value)) {
        n_held += ((const VsNeighbour *)value)->waiting.length;
    }
    return n_held;
}

/* Confirmed for ever by vs_neighbour_add(): ARP changes nothing. */
static inline bool
is_permanent(const VsNeighbour *neighbour)
{
    return neighbour->confirmed_at == VS_TIME_NEVER;
}

static VsNeighbour *
neighbour_new(VsIface *iface, VsAddr address)
{
    VsNetns *netns = iface->netns;
    VsNeighbour *neighbour = g_new0(VsNeighbour, 1);

    neighbour->address = address;
    neighbour->state = VS_NEIGHBOUR_FAILED;
    neighbour->iface = iface;
    vs_timer_init(&neighbour->retry, &netns->host->entity, neighbour_retry);
    vs_table_insert(&netns->neighbours.table, address_key(address), neighbour);
    return neighbour;
}

static inline VsNeighbour *
neighbour_get(VsIface *iface, VsAddr address)
{
    VsNeighbours *neighbours = &iface->netns->neighbours;

    if (!neighbours->last || neighbours->last->address != address) {
        neighbours->last = vs_table_find(&neighbours->table, address_key(address));
        if (!neighbours->last) {
            neighbours->last = neighbour_new(iface, address);
        }
    }
    return neighbours->last;
}

static void
send_arp(VsIface *iface, bool is_reply, VsAddr sender, VsAddr target,
         uint64_t target_mac)
{
    VsPacket *packet = vs_packet_new(iface->netns->run);
    VsLayer *top = vs_packet_top(packet);

    top->ether_type = VS_ETHER_TYPE_ARP;
    top->smac = iface->mac;
    top->dmac = target_mac ? target_mac : VS_MAC_BROADCAST;
    packet->payload.kind = VS_PAYLOAD_ARP;
    packet->payload.arp = (VsArp){.is_reply = is_reply,
                                  .sender = sender,
                                  .target = target,
                                  .sender_mac = iface->mac,
                                  .target_mac = target_mac};
    vs_packet_measure(packet);
    vs_host_submit(iface->netns->host, packet, &iface->send);
}

/* Asks for the address: by broadcast, or its known owner whether it is still there. */
static void
probe(VsNeighbour *neighbour)
{
    VsTime now = vs_now(neighbour->iface->netns->run);

    neighbour->n_probes++;
    send_arp(neighbour->iface, false, neighbour->iface->address, neighbour->address,
             neighbour->state == VS_NEIGHBOUR_PROBING ? neighbour->mac : 0);
    vs_timer_arm(&neighbour->retry, now + VS_NEIGHBOUR_RETRY);
}

static void
transmit_to(VsNeighbour *neighbour, VsPacket *packet)
{
    VsLayer *top = vs_packet_top(packet);

    top->smac = neighbour->iface->mac;
    top->dmac = neighbour->mac;
    if (vs_packet_is_traced(packet)) {
        vs_story_neighbour(neighbour->iface, packet, neighbour->address,
                           neighbour->mac);
    }
    vs_iface_transmit(neighbour->iface, packet);
}

/* True if packets can go; one that was not confirmed for long is asked again meanwhile. */
static inline bool
is_usable(VsNeighbour *neighbour)
{
    if (G_LIKELY(neighbour->state == VS_NEIGHBOUR_REACHABLE_NOW)) {
        VsTime now = vs_now(neighbour->iface->netns->run);

        if (now - neighbour->confirmed_at > VS_NEIGHBOUR_REACHABLE) {
            neighbour->state = VS_NEIGHBOUR_PROBING;
            neighbour->n_probes = 0;
            probe(neighbour);
        }
        return true;
    }
    return neighbour->state == VS_NEIGHBOUR_PROBING;
}

uint64_t
vs_neighbour_resolve(VsIface *iface, VsAddr next_hop, VsPacket *packet)
{
    VsHost *host = iface->netns->host;
    VsNeighbour *neighbour = neighbour_get(iface, next_hop);

    if (!is_usable(neighbour)) {
        return 0;
    }
    vs_host_charge(host, host->costs.neighbour_lookup);
    if (vs_packet_is_traced(packet)) {
        vs_story_neighbour(iface, packet, next_hop, neighbour->mac);
    }
    return neighbour->mac;
}

void
vs_neighbour_output(VsIface *iface, VsAddr next_hop, VsPacket *packet)
{
    VsNetns *netns = iface->netns;
    VsNeighbour *neighbour;

    if (iface->is_noarp) {
        vs_packet_top(packet)->smac = iface->mac;
        vs_packet_top(packet)->dmac = next_hop;
        vs_iface_transmit(iface, packet);
        return;
    }
    neighbour = neighbour_get(iface, next_hop);
    vs_host_charge(netns->host, netns->host->costs.neighbour_lookup);
    if (G_LIKELY(is_usable(neighbour))) {
        transmit_to(neighbour, packet);
        return;
    }

    if (neighbour->waiting_bytes + packet->wire_bytes > VS_NEIGHBOUR_QUEUE_BYTES) {
        vs_packet_drop(packet, VS_DROP_NEIGHBOUR_QUEUE_FULL);
        return;
    }
    if (vs_packet_is_traced(packet)) {
        vs_story_wait_neighbour(iface, packet, next_hop);
    }
    vs_host_park(netns->host, packet, netns->work_stage);
    vs_packet_queue_push(&neighbour->waiting, packet);
    neighbour->waiting_bytes += packet->wire_bytes;
    if (neighbour->state == VS_NEIGHBOUR_FAILED) {
        neighbour->state = VS_NEIGHBOUR_INCOMPLETE;
        neighbour->n_probes = 0;
        probe(neighbour);
    }
}

/* No answer for a second: asks again, or gives up on those who wait. */
static void
neighbour_retry(VsTimer *timer)
{
    VsNeighbour *neighbour = VS_CONTAINER_OF(timer, VsNeighbour, retry);
    VsPacketQueue waiting = neighbour->waiting;
    VsPacket *packet;

    if (neighbour->n_probes < VS_NEIGHBOUR_PROBES) {
        probe(neighbour);
        return;
    }
    neighbour->state = VS_NEIGHBOUR_FAILED;
    neighbour->waiting = (VsPacketQueue){0};
    neighbour->waiting_bytes = 0;
    while ((packet = vs_packet_queue_pop(&waiting))) {
        vs_icmp_send_error(neighbour->iface->netns, packet, VS_ICMP_UNREACHABLE,
                           VS_ICMP_CODE_HOST, 0);
        vs_packet_drop(packet, VS_DROP_NO_NEIGHBOUR);
    }
}

/* The address is at 'mac': those who waited go. */
static void
confirm(VsNeighbour *neighbour, uint64_t mac)
{
    VsNetns *netns = neighbour->iface->netns;
    VsPacketQueue waiting = neighbour->waiting;
    VsPacket *packet;

    vs_timer_cancel(&neighbour->retry);
    neighbour->state = VS_NEIGHBOUR_REACHABLE_NOW;
    neighbour->mac = mac;
    neighbour->confirmed_at = vs_now(netns->run);
    neighbour->waiting = (VsPacketQueue){0};
    neighbour->waiting_bytes = 0;
    while ((packet = vs_packet_queue_pop(&waiting))) {
        vs_host_unpark(netns->host, packet, netns->neighbour_stage);
        transmit_to(neighbour, packet);
    }
}

/* Do we answer for 'target'?  Proxies answer for others' addresses, but not to those who
 * ask whether their own is taken.  (The kernel's proxy_arp asks for a route to the target
 * out of another interface as well: a node's default route is one.) */
static bool
answers_for(const VsIface *iface, const VsArp *arp)
{
    const VsTable *proxies = &iface->netns->neighbours.proxies;

    if (arp->target == 0) {
        return false;
    }
    return arp->target == iface->address ||
           (!arp->is_reply && arp->target != arp->sender &&
            (iface->is_proxy_arp ||
             vs_table_find(proxies, address_key(arp->target)) == iface));
}

/* RFC 826: a known sender is updated; a request for our address is answered and its
 * sender learned. */
void
vs_neighbour_receive(VsIface *iface, VsPacket *packet)
{
    const VsArp arp = packet->payload.arp;
    VsNetns *netns = iface->netns;
    bool is_for_us = answers_for(iface, &arp);
    VsNeighbour *neighbour =
        is_for_us ? neighbour_get(iface, arp.sender)
                  : vs_table_find(&netns->neighbours.table, address_key(arp.sender));

    vs_host_charge(netns->host, netns->host->costs.neighbour_lookup);
    if (neighbour && !is_permanent(neighbour)) {
        confirm(neighbour, arp.sender_mac);
    }
    if (is_for_us && !arp.is_reply) {
        send_arp(iface, true, arp.target, arp.sender, arp.sender_mac);
    }
    vs_packet_deliver(packet);
}

void
vs_neighbour_add(VsIface *iface, VsAddr address, uint64_t mac)
{
    VsNeighbour *neighbour = neighbour_get(iface, address);

    confirm(neighbour, mac);
    neighbour->confirmed_at = VS_TIME_NEVER; /* Never too long ago. */
}

void
vs_neighbour_add_proxy(VsIface *iface, VsAddr address)
{
    vs_table_insert(&iface->netns->neighbours.proxies, address_key(address), iface);
}

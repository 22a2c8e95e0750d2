#include "net/iface.h"
#include "base/prefix.h"

#include <glib.h>

#include "net/bond.h"
#include "net/bridge.h"
#include "net/egress.h"
#include "net/ip.h"
#include "net/neighbour.h"
#include "net/netns.h"
#include "net/redirect.h"
#include "net/story.h"
#include "net/tunnel.h"
#include "packet/notes.h"
#include "packet/train.h"

enum {
    MTU_ETHERNET = 1500,
    MTU_LOOPBACK = 65536,
};

static void
hop_receive(VsHop *hop, VsPacket *packet)
{
    VsIface *iface = VS_CONTAINER_OF(hop, VsIface, hop);

    vs_host_charge(iface->netns->host, iface->netns->host->costs.nic_receive);
    vs_iface_receive(iface, packet);
}

static void
card_receive(VsHop *hop, VsPacket *packet)
{
    VsIface *iface = VS_CONTAINER_OF(hop, VsIface, card);

    vs_host_receive(iface->netns->host, packet, &iface->hop);
}

static void
send_receive(VsHop *hop, VsPacket *packet)
{
    vs_iface_transmit(VS_CONTAINER_OF(hop, VsIface, send), packet);
}

VsIface *
vs_iface_new(VsNetns *netns, VsIfaceKind kind, const char *name)
{
    VsIface *iface = g_new0(VsIface, 1);

    iface->hop.receive = hop_receive;
    iface->card.receive = card_receive;
    iface->send.receive = send_receive;
    iface->netns = netns;
    iface->kind = kind;
    iface->name = g_strdup(name);
    iface->mac = kind == VS_IFACE_LOOPBACK ? 0 : vs_host_new_mac(netns->host);
    iface->mtu = kind == VS_IFACE_LOOPBACK ? MTU_LOOPBACK : MTU_ETHERNET;
    iface->index = netns->last_iface ? netns->last_iface->index + 1 : 1;
    if (netns->last_iface) {
        netns->last_iface->next = iface;
    } else {
        netns->ifaces = iface;
    }
    netns->last_iface = iface;
    return iface;
}

void
vs_iface_free(VsIface *iface)
{
    vs_egress_free(iface->egress);
    if (iface->kind == VS_IFACE_BRIDGE) {
        vs_bridge_free(iface->bridge);
    } else if (iface->kind == VS_IFACE_TUNNEL) {
        vs_tunnel_free(iface->tunnel);
    }
    g_free(iface->name);
    g_free(iface);
}

void
vs_veth_new(VsNetns *a, const char *name_a, VsNetns *b, const char *name_b,
            VsIface **ret_a, VsIface **ret_b)
{
    g_assert(a->host == b->host);
    *ret_a = vs_iface_new(a, VS_IFACE_VETH, name_a);
    *ret_b = vs_iface_new(b, VS_IFACE_VETH, name_b);
    (*ret_a)->peer = *ret_b;
    (*ret_b)->peer = *ret_a;
}

void
vs_iface_set_address(VsIface *iface, VsAddr address, unsigned prefix_length)
{
    VsAddr mask = vs_prefix_mask(prefix_length);
    const VsRoute *own;

    iface->address = address;
    iface->prefix_length = (uint8_t)prefix_length;
    if (iface->kind == VS_IFACE_LOOPBACK) {
        vs_routes_add(&iface->netns->routes,
                      &(VsRoute){.prefix = address & mask,
                                 .length = (uint8_t)prefix_length,
                                 .type = VS_ROUTE_LOCAL,
                                 .iface = iface});
        return;
    }
    vs_netns_add_local(iface->netns, address);
    own = vs_routes_find_prefix(&iface->netns->routes, address & mask, prefix_length);
    if (prefix_length < 32 && (!own || own->iface == iface)) {
        vs_netns_add_route(iface->netns, address & mask, prefix_length, iface, 0);
    }
}

void
vs_iface_borrow_address(VsIface *iface, VsAddr address)
{
    g_assert(iface->address == 0);
    iface->address = address;
    iface->prefix_length = 32;
    iface->has_borrowed_address = true;
}

/* A train is one packet but at a card, which counts its frames. */
static inline void
count(const VsIface *iface, const VsPacket *packet, uint64_t *n_packets,
      uint64_t *n_bytes)
{
    if (!vs_packet_is_train(packet)) {
        ++*n_packets;
        *n_bytes += packet->wire_bytes - VS_ETHER_OVERHEAD_BYTES;
    } else if (iface->kind == VS_IFACE_ETHERNET) {
        *n_packets += packet->train.n_segments;
        *n_bytes +=
            packet->wire_bytes - packet->train.n_segments * VS_ETHER_OVERHEAD_BYTES;
    } else {
        ++*n_packets;
        *n_bytes += VS_ETHER_HEADER_BYTES + vs_train_header_bytes(packet) +
                    packet->payload_bytes;
    }
}

/* What a namespace wrote on a packet ends with it. */
static inline void
leave_namespace(VsPacket *packet)
{
    packet->mark = 0;
    packet->owner = 0;
    packet->ct = NULL;
    packet->flags &= (uint16_t)~VS_PACKET_CT_FLAGS;
    if (G_UNLIKELY(packet->flags & VS_PACKET_NOTED)) {
        vs_note_leave(packet);
    }
}

/* To the namespace at the other end, which sees a frame without our marks. */
static void
veth_transmit(VsIface *iface, VsPacket *packet)
{
    VsHost *host = iface->netns->host;

    vs_host_charge(host, host->costs.veth_cross);
    vs_host_mark(host, packet, iface->netns->work_stage);
    leave_namespace(packet);
    vs_iface_receive(iface->peer, packet);
}

static void
ethernet_transmit(VsIface *iface, VsPacket *packet)
{
    VsHost *host = iface->netns->host;

    if (!iface->wire) {
        vs_packet_drop(packet, VS_DROP_INTERFACE_DOWN);
        return;
    }
    vs_host_charge(host, host->costs.nic_transmit);
    vs_host_mark(host, packet, iface->netns->work_stage);
    leave_namespace(packet);
    vs_host_depart(host, packet, iface->bond ? &iface->bond->hop : &iface->wire->hop);
}

/* Rare: kept out of the way of all the packets that nobody sees. */
static void __attribute__((noinline, cold))
show_to_taps(const VsIface *iface, VsPacket *packet, VsTapDirection direction)
{
    const VsHost *host = iface->netns->host;
    VsTime time = vs_now(iface->netns->run) + (host->core ? host->core->charge : 0);

    for (VsTap *tap = iface->taps; tap; tap = tap->next) {
        tap->see(tap, packet, time, direction);
    }
}

static inline void
note_transmit(VsIface *iface, VsPacket *packet)
{
    count(iface, packet, &iface->tx_packets, &iface->tx_bytes);
    if (vs_packet_is_traced(packet)) {
        vs_story_iface(iface, packet, VS_TRACE_TRANSMIT);
    }
    if (G_UNLIKELY(iface->taps)) {
        show_to_taps(iface, packet, VS_TAP_OUT);
    }
}

static inline void
note_receive(VsIface *iface, VsPacket *packet)
{
    count(iface, packet, &iface->rx_packets, &iface->rx_bytes);
    if (vs_packet_is_traced(packet)) {
        vs_story_iface(iface, packet, VS_TRACE_RECEIVE);
    }
    if (G_UNLIKELY(iface->taps)) {
        show_to_taps(iface, packet, VS_TAP_IN);
    }
}

void
vs_iface_note_receive(VsIface *iface, VsPacket *packet)
{
    note_receive(iface, packet);
}

/* Its connection is of no more use to it, unless it holds one (net/bridge.h): an entry may
 * end meanwhile. */
static void __attribute__((noinline, cold)) queue(VsIface *iface, VsPacket *packet)
{
    VsHost *host = iface->netns->host;

    if (!(packet->flags & VS_PACKET_CT_HELD)) {
        packet->ct = NULL;
        packet->flags &= (uint16_t)~VS_PACKET_CT_FLAGS;
    }
    vs_host_mark(host, packet, iface->netns->work_stage);
    vs_host_depart(host, packet, &iface->egress->hop);
}

void
vs_iface_transmit(VsIface *iface, VsPacket *packet)
{
    if (G_UNLIKELY(iface->egress) && iface->egress->root) {
        queue(iface, packet);
        return;
    }
    vs_iface_send_on(iface, packet);
}

void
vs_iface_send_on(VsIface *iface, VsPacket *packet)
{
    note_transmit(iface, packet);
    switch (iface->kind) {
    case VS_IFACE_LOOPBACK:
        packet->owner = 0;
        vs_iface_receive(iface, packet);
        break;
    case VS_IFACE_ETHERNET:
        ethernet_transmit(iface, packet);
        break;
    case VS_IFACE_VETH:
        veth_transmit(iface, packet);
        break;
    case VS_IFACE_BRIDGE:
        vs_bridge_forward(iface->bridge, iface, packet);
        break;
    case VS_IFACE_TUNNEL:
        vs_tunnel_transmit(iface->tunnel, packet);
        break;
    case VS_IFACE_DUMMY:
        vs_packet_drop(packet, VS_DROP_INTERFACE_DOWN);
        break;
    }
}

void
vs_iface_receive(VsIface *iface, VsPacket *packet)
{
    note_receive(iface, packet);
    if (iface->bridge) {
        vs_bridge_forward(iface->bridge, iface, packet);
    } else if (!iface->is_redirecting || !vs_redirect_receive(iface, packet)) {
        vs_iface_receive_up(iface, packet);
    }
}

void
vs_iface_receive_up(VsIface *iface, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);

    if (G_UNLIKELY(top->dmac != iface->mac && top->dmac != VS_MAC_BROADCAST)) {
        vs_packet_drop(packet, VS_DROP_NOT_FOR_US);
        return;
    }
    packet->iface = iface;
    if (top->ether_type == VS_ETHER_TYPE_ARP) {
        vs_neighbour_receive(iface, packet);
    } else {
        vs_ip_receive(iface, packet);
    }
}

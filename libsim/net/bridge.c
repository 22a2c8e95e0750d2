#include "net/bridge.h"

#include <glib.h>

#include "net/ip.h"
#include "net/netns.h"
#include "net/reassembly.h"
#include "net/story.h"

static inline VsKey
mac_key(uint64_t mac)
{
    return (VsKey){{mac, 0}};
}

VsBridge *
vs_bridge_new(VsNetns *netns, const char *name, VsTime ageing)
{
    VsBridge *bridge = g_new0(VsBridge, 1);

    bridge->iface = vs_iface_new(netns, VS_IFACE_BRIDGE, name);
    bridge->iface->bridge = bridge;
    bridge->ageing = ageing;
    vs_table_init(&bridge->fdb);
    return bridge;
}

void
vs_bridge_free(VsBridge *bridge)
{
    size_t cursor = 0;
    VsKey key;
    void *entry;

    while (vs_table_next(&bridge->fdb, &cursor, &key, &entry)) {
        g_free(entry);
    }
    vs_table_clear(&bridge->fdb);
    g_free(bridge->ports);
    g_free(bridge);
}

void
vs_bridge_add_port(VsBridge *bridge, VsIface *port, bool is_hairpin)
{
    g_assert(port->netns == bridge->iface->netns && !port->bridge);
    bridge->ports = g_renew(VsIface *, bridge->ports, bridge->n_ports + 1);
    bridge->ports[bridge->n_ports++] = port;
    port->bridge = bridge;
    port->is_hairpin = is_hairpin;
}

static void
learn(VsBridge *bridge, uint64_t mac, VsIface *port, VsTime now)
{
    VsFdbEntry *entry = vs_table_find(&bridge->fdb, mac_key(mac));

    if (!entry) {
        entry = g_new(VsFdbEntry, 1);
        vs_table_insert(&bridge->fdb, mac_key(mac), entry);
    }
    entry->port = port;
    entry->used_at = now;
}

/* The port behind which 'mac' was last seen, or NULL. */
static VsIface *
find_port(const VsBridge *bridge, uint64_t mac, VsTime now)
{
    const VsFdbEntry *entry = vs_table_find(&bridge->fdb, mac_key(mac));

    return entry && now - entry->used_at <= bridge->ageing ? entry->port : NULL;
}

/* Sends a copy to every port that may have it; the packet itself stays the caller's.
 * Returns the number of copies. */
static unsigned
flood(VsBridge *bridge, const VsIface *from, const VsPacket *packet)
{
    unsigned n_copies = 0;

    bridge->n_flooded++;
    for (unsigned i = 0; i < bridge->n_ports; i++) {
        if (bridge->ports[i] != from || from->is_hairpin) {
            VsPacket *copy = vs_packet_copy(packet);

            copy->charge = packet->charge;
            vs_iface_transmit(bridge->ports[i], copy);
            n_copies++;
        }
    }
    return n_copies;
}

/* Runs the hooks of one point for a frame from port 'from'; false when one took it.  'to'
 * is NULL before the bridge has decided, and for a flooded frame. */
static bool
run_hooks(VsBridge *bridge, VsHookPoint point, VsIface *from, VsIface *to,
          VsPacket *packet)
{
    VsNetns *netns = bridge->iface->netns;
    bool is_leaving = point != VS_HOOK_PREROUTING;
    VsHookState state = {
        .point = point,
        .netns = netns,
        .in = point == VS_HOOK_POSTROUTING ? NULL : bridge->iface,
        .out = is_leaving ? bridge->iface : NULL,
        .physin = from,
        .physout = to,
    };

    packet->iface = from;
    if (vs_packet_is_traced(packet)) {
        vs_story_hook(&state, packet);
    }
    return vs_hook_list_run(&netns->hooks[point], packet, &state) == VS_VERDICT_ACCEPT;
}

static inline bool
is_filtered(const VsBridge *bridge, const VsIface *port, const VsLayer *top)
{
    return bridge->is_filtered && port != bridge->iface &&
           top->ether_type == VS_ETHER_TYPE_IPV4 && top->dmac != VS_MAC_BROADCAST &&
           /* IP puts fragments together first. */
           !(top->dmac == bridge->iface->mac && vs_ip_is_fragment(top));
}

/* PREROUTING gave the frame another destination: it is bridged there when that is behind
 * this bridge, else goes up to IP, which takes 'ret_route'.  False when it is gone, or waits
 * for ARP: then the bridge's own interface will send it. */
static bool
redirect(VsBridge *bridge, VsPacket *packet, const VsRoute **ret_route)
{
    VsLayer *top = vs_packet_top(packet);
    const VsRoute *route = vs_ip_find_route(bridge->iface->netns, packet);
    VsAddr next_hop;

    if (!vs_route_is_open(route)) {
        vs_packet_drop(packet, VS_DROP_NO_ROUTE);
        return false;
    }
    if (route->type == VS_ROUTE_LOCAL || route->iface != bridge->iface) {
        top->dmac = bridge->iface->mac;
        *ret_route = route;
        return true;
    }
    next_hop = route->via ? route->via : top->flow.daddr;
    top->dmac = vs_neighbour_resolve(bridge->iface, next_hop, packet);
    if (top->dmac == 0) {
        if (bridge->iface->netns->hold_conntrack) {
            bridge->iface->netns->hold_conntrack(packet);
        }
        vs_neighbour_output(bridge->iface, next_hop, packet);
        return false;
    }
    return true;
}

/* br_nf_pre_routing() and what it leads to; false when the packet is on another way. */
static bool
run_prerouting(VsBridge *bridge, VsIface *port, VsPacket *packet,
               const VsRoute **ret_route)
{
    VsAddr daddr = vs_packet_top(packet)->flow.daddr;

    return run_hooks(bridge, VS_HOOK_PREROUTING, port, NULL, packet) &&
           (vs_packet_top(packet)->flow.daddr == daddr ||
            redirect(bridge, packet, ret_route));
}

/* To the bridge's own interface; 'route' is known, or NULL. */
static void
pass_up(VsBridge *bridge, VsPacket *packet, bool is_prerouted, const VsRoute *route)
{
    vs_iface_note_receive(bridge->iface, packet);
    if (is_prerouted) {
        packet->iface = bridge->iface;
        vs_ip_receive_prerouted(bridge->iface, packet, route);
    } else {
        vs_iface_receive_up(bridge->iface, packet);
    }
}

/* To the ports that its destination is behind.  A filtered frame passes FORWARD and
 * POSTROUTING, a flooded one once for all its copies. */
static void
send_to_ports(VsBridge *bridge, VsIface *port, VsPacket *packet, bool is_filtered_frame)
{
    const VsLayer *top = vs_packet_top(packet);
    bool is_broadcast = top->dmac == VS_MAC_BROADCAST;
    VsIface *to = is_broadcast
                      ? NULL
                      : find_port(bridge, top->dmac, vs_now(bridge->iface->netns->run));

    if (vs_packet_is_traced(packet)) {
        vs_story_bridge(bridge->iface, packet, to,
                        to ? "its MAC address was learned there" : "unknown address");
    }
    if (to && to == port && !port->is_hairpin) {
        vs_packet_drop(packet, VS_DROP_BRIDGE_NO_PORT);
        return;
    }
    if (is_filtered_frame &&
        !(run_hooks(bridge, VS_HOOK_FORWARD, port, to, packet) &&
          run_hooks(bridge, VS_HOOK_POSTROUTING, port, to, packet))) {
        return;
    }
    if (to) {
        vs_iface_transmit(to, packet);
    } else {
        unsigned n_copies = flood(bridge, port, packet);

        if (is_broadcast && port != bridge->iface) {
            pass_up(bridge, packet, false, NULL);
        } else if (n_copies > 0) {
            vs_packet_deliver(packet); /* Its copies are what travels on. */
        } else {
            vs_packet_drop(packet, VS_DROP_BRIDGE_NO_PORT);
        }
    }
}

/* A frame of a port that redirect() had to send by ARP comes from the bridge's own
 * interface, but is still that port's. */
static bool
is_of_port(const VsBridge *bridge, VsPacket *packet)
{
    return bridge->is_filtered && packet->iface && packet->iface != bridge->iface &&
           packet->iface->bridge == bridge &&
           vs_packet_top(packet)->ether_type == VS_ETHER_TYPE_IPV4;
}

void
vs_bridge_forward(VsBridge *bridge, VsIface *port, VsPacket *packet)
{
    VsHost *host = bridge->iface->netns->host;
    const VsLayer *top = vs_packet_top(packet);
    bool is_filtered_frame = is_filtered(bridge, port, top);
    const VsRoute *route = NULL;

    vs_host_charge(host, host->costs.bridge_forward);
    if (port == bridge->iface) {
        bool is_ports = is_of_port(bridge, packet);

        if (is_ports && bridge->iface->netns->resume_conntrack) {
            bridge->iface->netns->resume_conntrack(packet);
        }
        send_to_ports(bridge, is_ports ? packet->iface : port, packet, is_ports);
        return;
    }
    learn(bridge, top->smac, port, vs_now(bridge->iface->netns->run));
    if (is_filtered_frame && !run_prerouting(bridge, port, packet, &route)) {
        return;
    }
    top = vs_packet_top(packet);
    if (top->dmac == bridge->iface->mac) {
        if (vs_packet_is_traced(packet)) {
            vs_story_bridge(bridge->iface, packet, bridge->iface,
                            "the bridge's own MAC address: up to IP");
        }
        pass_up(bridge, packet, is_filtered_frame, route);
    } else {
        send_to_ports(bridge, port, packet, is_filtered_frame);
    }
}

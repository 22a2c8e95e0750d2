#include "net/bridge.h"

#include <glib.h>

#include "net/netns.h"
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

/* False when a hook took the packet. */
static bool
run_hooks(VsBridge *bridge, VsIface *from, VsIface *to, VsPacket *packet)
{
    static const VsHookPoint points[] = {VS_HOOK_PREROUTING, VS_HOOK_FORWARD,
                                         VS_HOOK_POSTROUTING};
    VsNetns *netns = bridge->iface->netns;

    packet->iface = from;
    for (unsigned i = 0; i < G_N_ELEMENTS(points); i++) {
        bool is_leaving = points[i] != VS_HOOK_PREROUTING;
        VsHookState state = {
            .point = points[i],
            .netns = netns,
            .in = points[i] == VS_HOOK_POSTROUTING ? NULL : bridge->iface,
            .out = is_leaving ? bridge->iface : NULL,
            .physin = from,
            .physout = is_leaving ? to : NULL,
        };

        if (vs_packet_is_traced(packet)) {
            vs_story_hook(&state, packet);
        }

        if (vs_hook_list_run(&netns->hooks[points[i]], packet, &state) ==
            VS_VERDICT_STOLEN) {
            return false;
        }
    }
    return true;
}

/* To the bridge's own interface. */
static void
pass_up(VsBridge *bridge, VsPacket *packet)
{
    vs_iface_note_receive(bridge->iface, packet);
    vs_iface_receive_up(bridge->iface, packet);
}

void
vs_bridge_forward(VsBridge *bridge, VsIface *port, VsPacket *packet)
{
    VsHost *host = bridge->iface->netns->host;
    VsTime now = vs_now(bridge->iface->netns->run);
    const VsLayer *top = vs_packet_top(packet);
    VsIface *to;

    vs_host_charge(host, host->costs.bridge_forward);
    if (port != bridge->iface) {
        learn(bridge, top->smac, port, now);
        if (top->dmac == bridge->iface->mac) {
            if (vs_packet_is_traced(packet)) {
                vs_story_bridge(bridge->iface, packet, bridge->iface,
                                "the bridge's own MAC address: up to IP");
            }
            pass_up(bridge, packet);
            return;
        }
    }

    to = top->dmac == VS_MAC_BROADCAST ? NULL : find_port(bridge, top->dmac, now);
    if (vs_packet_is_traced(packet)) {
        vs_story_bridge(bridge->iface, packet, to,
                        to ? "its MAC address was learned there" : "unknown address");
    }
    if (to && (to != port || port->is_hairpin)) {
        if (!bridge->is_filtered || port == bridge->iface ||
            top->ether_type != VS_ETHER_TYPE_IPV4 ||
            run_hooks(bridge, port, to, packet)) {
            vs_iface_transmit(to, packet);
        }
    } else if (to) {
        vs_packet_drop(packet, VS_DROP_BRIDGE_NO_PORT);
    } else {
        unsigned n_copies = flood(bridge, port, packet);

        if (top->dmac == VS_MAC_BROADCAST && port != bridge->iface) {
            pass_up(bridge, packet);
        } else if (n_copies > 0) {
            vs_packet_deliver(packet); /* Its copies are what travels on. */
        } else {
            vs_packet_drop(packet, VS_DROP_BRIDGE_NO_PORT);
        }
    }
}

/* A learning Ethernet bridge (IEEE 802.1D forwarding, without spanning tree).
 *
 * Source addresses are learned per port and age; unknown and broadcast destinations are
 * flooded to all ports but the one the frame came from, unless that port is a hairpin.
 *
 * With is_filtered (br_netfilter, bridge-nf-call-iptables=1), IPv4 frames of ports run
 * PREROUTING of the namespace at the bridge, also those that go up to IP; those between
 * ports FORWARD and POSTROUTING, too.  Without it two pods on one bridge would answer each
 * other directly, past the translation that a Service made.  A frame that PREROUTING gives
 * a destination behind the same bridge is bridged to it, not routed (net/bridge/
 * br_netfilter_hooks.c, br_nf_pre_routing_finish): its TTL stays, and back to its own port
 * it needs a hairpin.  If that destination must be asked for by ARP first, it has the
 * bridge's MAC address as its source, where the kernel keeps the port's. */
#pragma once

#include "base/table.h"
#include "engine/time.h"
#include "net/iface.h"

typedef struct VsFdbEntry {
    VsIface *port;
    VsTime used_at;
} VsFdbEntry;

typedef struct VsBridge {
    VsIface *iface; /* The bridge's own interface, in its namespace. */
    unsigned n_ports;
    VsIface **ports;
    VsTable fdb; /* MAC address to VsFdbEntry. */
    VsTime ageing;
    bool is_filtered; /* br_netfilter: bridged IPv4 frames pass the IP hooks too. */
    uint64_t n_flooded;
} VsBridge;

/* 300 s, as Linux ages bridge entries. */
#define VS_BRIDGE_AGEING (300 * VS_S)

/* Makes a bridge in 'netns' with its own interface 'name'; the interface owns it. */
VsBridge *vs_bridge_new(struct VsNetns *netns, const char *name, VsTime ageing);
void vs_bridge_free(VsBridge *bridge);

/* Makes 'port' (of the same namespace) a port. */
void vs_bridge_add_port(VsBridge *bridge, VsIface *port, bool is_hairpin);

/* A frame came in on 'port', or from the bridge's own interface. */
void vs_bridge_forward(VsBridge *bridge, VsIface *port, VsPacket *packet);

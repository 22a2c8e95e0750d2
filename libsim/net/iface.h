/* Network interfaces: lo, Ethernet (one end of a link), veth, a bridge's own, tunnels,
 * dummies.
 *
 * An interface may be a port of a bridge: then its frames are the bridge's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/tap.h"
#include "net/wire.h"
#include "packet/packet.h"

struct VsBond;
struct VsBridge;
struct VsNetns;

typedef enum VsIfaceKind {
    VS_IFACE_LOOPBACK,
    VS_IFACE_ETHERNET,
    VS_IFACE_VETH,
    VS_IFACE_BRIDGE,
    VS_IFACE_TUNNEL,
    VS_IFACE_DUMMY, /* Leads nowhere; it is there for its addresses (kube-ipvs0). */
} VsIfaceKind;

typedef struct VsIface VsIface;
typedef struct VsTunnel VsTunnel;

struct VsIface {
    VsHop hop;     /* Handles a received frame (on a core). */
    VsHop card;    /* ETHERNET: the far end of the wire; steers frames to cores. */
    VsHop send;    /* Transmits a frame that the host made. */
    VsIface *next; /* In the namespace, in order of creation. */
    struct VsNetns *netns;
    VsIfaceKind kind;
    char *name;
    uint32_t index; /* In its namespace, from 1: lo. */
    uint64_t mac;
    uint32_t mtu;
    VsAddr address; /* 0: none. */
    uint8_t prefix_length;
    bool has_borrowed_address; /* vs_iface_borrow_address(): none of its own. */
    VsIface *peer;             /* VETH. */
    VsWire *wire;              /* ETHERNET: the direction we send on; NULL: no link. */
    struct VsBond *bond;       /* ETHERNET: of several wires, the first being 'wire'. */
    struct VsBridge
        *bridge;         /* BRIDGE: its bridge.  Others: the bridge it is a port of. */
    bool is_hairpin;     /* Port flag: frames may leave by the port they came in. */
    VsTunnel *tunnel;    /* TUNNEL: net/tunnel.h. */
    bool is_noarp;       /* Next hops have no MAC: their address stands in its place. */
    bool is_redirecting; /* net/redirect.h sees its frames first. */
    bool is_proxy_arp;   /* Answers ARP for every address but the asker's. */
    VsEgress *egress; /* Its qdisc, if it has no wire: net/egress.h; or NULL.  Owned. */
    VsTap *taps;      /* Who sees its packets; NULL: nobody. */

    uint64_t rx_packets;
    uint64_t rx_bytes; /* Without preamble, gap and FCS. */
    uint64_t tx_packets;
    uint64_t tx_bytes;
};

/* Makes an interface in 'netns', which owns it. */
VsIface *vs_iface_new(struct VsNetns *netns, VsIfaceKind kind, const char *name);

void vs_iface_free(VsIface *iface);

/* Makes a veth pair with one end in each namespace (of one host). */
void vs_veth_new(struct VsNetns *a, const char *name_a, struct VsNetns *b,
                 const char *name_b, VsIface **ret_a, VsIface **ret_b);

/* Gives the interface its address; the namespace gets the local and the link's route. */
void vs_iface_set_address(VsIface *iface, VsAddr address, unsigned prefix_length);

/* Lets an interface without an address of its own use 'address' of its namespace, where
 * Linux would look for one (inet_select_addr): as the source of ARP, of ICMP errors and of
 * masqueraded packets.  No route is added. */
void vs_iface_borrow_address(VsIface *iface, VsAddr address);

/* Sends a frame whose MAC addresses are set, or queues it.  Called while the packet is
 * handled. */
void vs_iface_transmit(VsIface *iface, VsPacket *packet);

/* The same for what has been queued. */
void vs_iface_send_on(VsIface *iface, VsPacket *packet);

/* A frame has come in on 'iface': to its bridge, or up to ARP and IP. */
void vs_iface_receive(VsIface *iface, VsPacket *packet);

/* Counts a frame that came in on 'iface', and shows it to the interface's taps. */
void vs_iface_note_receive(VsIface *iface, VsPacket *packet);

/* The frame is for this interface: up to ARP and IP (net/ip.h). */
void vs_iface_receive_up(VsIface *iface, VsPacket *packet);

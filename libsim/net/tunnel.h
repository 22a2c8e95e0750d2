/* Tunnel devices: VXLAN (RFC 7348) and IPIP (RFC 2003).
 *
 * What is sent out of the device gets another layer of headers and goes on as a packet of
 * the host itself: route, OUTPUT, POSTROUTING.  At the other end it is received like any
 * local packet, up to INPUT; then the layer is taken off and what was inside comes in by the
 * device there: PREROUTING and so on.  No address is learned and nothing flooded: a VXLAN
 * device knows the hosts behind MAC addresses from vs_tunnel_add_peer(), an IPIP device
 * takes the next hop of the route (Linux: "remote any").
 *
 * Outer headers are Linux's (drivers/net/vxlan/vxlan_core.c, net/ipv4/ip_tunnel.c):
 *
 *            destination              TTL        DF         port
 *   VXLAN    of the peer's entry      64         0          vs_tunnel_source_port()
 *   IPIP     the next hop             inherited  inherited  none
 *
 * ICMP errors about outer packets end at the tunnel's host: the path between tunnel ends
 * must take the device's MTU plus the overhead. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "net/netns.h"
#include "packet/packet.h"

typedef enum VsTunnelKind {
    VS_TUNNEL_VXLAN,
    VS_TUNNEL_IPIP,
} VsTunnelKind;

/* What the layer adds to a packet: an IPv4 header; with VXLAN also UDP's, its own, and the
 * Ethernet header inside. */
#define VS_IPIP_OVERHEAD_BYTES VS_IPV4_HEADER_BYTES
#define VS_VXLAN_OVERHEAD_BYTES                                           \
    (VS_IPV4_HEADER_BYTES + VS_UDP_HEADER_BYTES + VS_VXLAN_HEADER_BYTES + \
     VS_ETHER_HEADER_BYTES)

/* The kernel's ephemeral ports (net.ipv4.ip_local_port_range). */
#define VS_TUNNEL_PORT_FIRST 32768
#define VS_TUNNEL_PORT_LAST 60999

typedef struct VsTunnelConfig {
    VsTunnelKind kind;
    uint32_t vni;  /* VXLAN. */
    uint16_t port; /* VXLAN: UDP destination port. */
} VsTunnelConfig;

struct VsTunnel {
    VsTunnel *next; /* In the namespace. */
    VsIface *iface;
    VsTunnelConfig config;
    VsTable peers; /* VXLAN: MAC address to the address of the host it is on. */
};

/* Makes a tunnel device 'name' in 'netns'; its interface owns it.  The MTU is the
 * caller's to set. */
VsTunnel *vs_tunnel_new(VsNetns *netns, const char *name, const VsTunnelConfig *config);
void vs_tunnel_free(VsTunnel *tunnel);

/* VXLAN: frames to 'mac' go to the host with 'address', as after
 * `bridge fdb add MAC dev DEVICE dst ADDRESS self permanent`. */
void vs_tunnel_add_peer(VsTunnel *tunnel, uint64_t mac, VsAddr address);

/* Bytes that the device adds to each packet. */
uint32_t vs_tunnel_overhead(const VsTunnel *tunnel);

/* Sends a frame out of the device, whose MAC addresses (IPIP: the next hop in place of the
 * destination's) are set.  Called while the packet is handled. */
void vs_tunnel_transmit(VsTunnel *tunnel, VsPacket *packet);

/* A packet for this host has passed INPUT.  Takes it when it belongs to a tunnel of
 * 'netns', else returns false. */
bool vs_tunnel_receive(VsNetns *netns, VsPacket *packet);

/* The outer source port of a frame: a hash of the inner flow, so that the network and the
 * receiver's cores keep a flow together and flows apart: vs_udp_flow_source_port().  The
 * kernel's hash has a random key; ours is vs_mix64(ports and protocol, mixed with the
 * addresses), upper half folded in; fragments are hashed by addresses only. */
uint16_t vs_tunnel_source_port(const VsLayer *inner);

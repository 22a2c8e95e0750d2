/* IPv4 (RFC 791, RFC 1812): the walk through a namespace, in the kernel's order.
 *
 * forwarded:  PREROUTING, route, TTL and MTU, FORWARD, POSTROUTING, neighbour, interface
 * to a socket: PREROUTING, route, INPUT, socket
 * from a socket: route, OUTPUT, route again if changed, POSTROUTING, neighbour, interface
 *
 * All of it is called while a core handles the packet; each step charges its cost. */
#pragma once

#include "net/netns.h"
#include "packet/packet.h"

/* Makes netns->output the hop that sends for local sockets. */
void vs_ip_attach(VsNetns *netns);

/* A frame for this interface's namespace has come in. */
void vs_ip_receive(VsIface *iface, VsPacket *packet);

/* The same for a packet that has passed PREROUTING, at a bridge's port; 'route' is its
 * route if that was looked up already, else NULL. */
void vs_ip_receive_prerouted(VsIface *iface, VsPacket *packet, const VsRoute *route);

/* The route to the destination of 'packet', or NULL; charges for the lookup. */
const VsRoute *vs_ip_find_route(VsNetns *netns, VsPacket *packet);

/* Sends 'packet', made by a local socket: flow, ttl, ip_bytes and transport header are
 * set.  Queued on a core, walked from there. */
void vs_ip_send(VsNetns *netns, VsPacket *packet);

/* Sends 'packet', which the namespace itself sends on (a tunnel, IPVS), at once: OUTPUT, and
 * so on.  Called while the packet is handled. */
void vs_ip_output(VsNetns *netns, VsPacket *packet);

/* A new packet of 'netns' with an IPv4 layer: 64 hops to live, not to be fragmented, next
 * IP id; 'bytes' is what follows the IP header. */
VsPacket *vs_ip_packet_new(VsNetns *netns, const VsFlow *flow, uint32_t bytes);

/* ICMP (RFC 792, RFC 1812 section 4.3): errors that quote the packet at fault, and echo. */
#pragma once

#include "net/netns.h"
#include "packet/packet.h"

/* Answers 'packet', which stays the caller's, with an ICMP error from 'netns'.  No error
 * answers an ICMP error, a fragment other than the first, or a broadcast.  'next_mtu'
 * belongs to "fragmentation needed". */
void vs_icmp_send_error(VsNetns *netns, const VsPacket *packet, uint8_t type,
                        uint8_t code, uint16_t next_mtu);

/* Answers an echo request, which it owns. */
void vs_icmp_answer_echo(VsNetns *netns, VsPacket *packet);

/* True for errors, whose lower layer is the quoted packet. */
bool vs_icmp_is_error(const VsLayer *layer);

/* Target REJECT: the answer that a refused packet gets.
 *
 * Source: Linux net/ipv4/netfilter/nf_reject_ipv4.c. */
#pragma once

#include "net/netns.h"
#include "netfilter/rule.h"

/* Answers 'packet', which stays the caller's: an ICMP error, or a TCP reset where 'with'
 * asks for it and the packet is a segment other than a reset. */
void vs_reject(VsNetns *netns, VsPacket *packet, VsRejectWith with);

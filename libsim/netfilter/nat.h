/* Network address translation on connection entries.
 *
 * Rules see the first packet of a connection only; every later packet, replies and ICMP
 * errors are translated from the entry, as in Linux net/netfilter/nf_nat_core.c. */
#pragma once

#include "netfilter/conntrack.h"

void vs_nat_add_dst_rule(VsConntrack *conntrack, VsNatRule rule, void *data);
void vs_nat_add_src_rule(VsConntrack *conntrack, VsNatRule rule, void *data);

/* The connection goes to (address, port) instead.  In a destination rule only. */
void vs_nat_dst(VsConntrackEntry *entry, VsAddr address, uint16_t port);

/* The connection comes from 'address': its source port is kept if that is unique, else
 * chosen as the kernel does (class of the port, random offset, 128 tries, halving).
 * Returns false when no port was found.  In a source rule only. */
bool vs_nat_src(VsConntrackEntry *entry, VsAddr address);

/* The hooks; vs_conntrack_attach() adds them with its own. */
VsVerdict vs_nat_dst_hook(void *data, VsPacket *packet, const VsHookState *state);
VsVerdict vs_nat_src_hook(void *data, VsPacket *packet, const VsHookState *state);

/* Network address translation on connection entries.
 *
 * Rules see the first packet of a connection only; every later packet, replies and ICMP
 * errors are translated from the entry.  Sources: Linux 6.2 net/netfilter/nf_nat_core.c,
 * nf_nat_proto.c. */
#pragma once

#include "netfilter/conntrack.h"
#include "netfilter/rule.h"

typedef enum VsNatManip {
    VS_NAT_SRC, /* POSTROUTING, INPUT. */
    VS_NAT_DST, /* PREROUTING, OUTPUT. */
} VsNatManip;

void vs_nat_add_dst_rule(VsConntrack *conntrack, VsNatRule rule, void *data);
void vs_nat_add_src_rule(VsConntrack *conntrack, VsNatRule rule, void *data);

/* Translates the connection into 'range', so that its answers are told from those of all
 * others (get_unique_tuple): as it is if that is in the range and free; else with the
 * source that a connection of the same socket was given, if that is; else an address of the
 * range by jhash of the source and, unless persistent, the destination; then the port as it
 * is, or a port of the range, else of its class (1-511, 600-1023, 1024-65535), from a random
 * offset in at most 248 tries.  is_random and is_random_fully skip what would keep a port.
 *
 * MASQUERADE and REDIRECT are ranges of the one address that the caller finds.  Once for
 * each kind and connection, in a rule.  False when no source was free: the packet is to be
 * dropped, which the caller may leave to the hook.  A destination is always given: its
 * answers are told apart by the source then. */
bool vs_nat_setup(VsConntrackEntry *entry, VsNatManip manip, const VsNatRange *range);

/* The connection goes to (address, port) instead; 0 and ICMP: the port is kept.  In a
 * destination rule only. */
void vs_nat_dst(VsConntrackEntry *entry, VsAddr address, uint16_t port);

/* The connection comes from 'address': its source port is kept if that is unique.  False
 * when no port was found.  In a source rule only. */
bool vs_nat_src(VsConntrackEntry *entry, VsAddr address);

/* 'entry' is going: for conntrack.c. */
void vs_nat_forget(VsConntrackEntry *entry);

/* The hooks; vs_conntrack_attach() adds them with its own. */
VsVerdict vs_nat_dst_hook(void *data, VsPacket *packet, const VsHookState *state);
VsVerdict vs_nat_src_hook(void *data, VsPacket *packet, const VsHookState *state);

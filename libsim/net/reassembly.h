/* Fragmentation and reassembly of IPv4 packets (RFC 791 section 3.2, RFC 815). */
#pragma once

#include "net/netns.h"
#include "packet/packet.h"

/* Half a minute, as Linux (net.ipv4.ipfrag_time). */
#define VS_REASSEMBLY_TIMEOUT (30 * VS_S)

/* Splits 'packet' into fragments of at most 'mtu' bytes, in order, through 'next'.  The
 * first keeps the packet itself, with its trail; each knows the meaning of the whole
 * payload, of which it carries a part. */
VsPacket *vs_ip_fragment(VsPacket *packet, uint32_t mtu);

/* Takes a fragment; returns the whole packet when this was the last one missing, else
 * NULL. */
VsPacket *vs_ip_reassemble(VsNetns *netns, VsPacket *fragment);

static inline bool
vs_ip_is_fragment(const VsLayer *layer)
{
    return (layer->ip_fragment & (VS_IP_MF | VS_IP_OFFSET_MASK)) != 0;
}

void vs_reassembly_free(struct VsReassembly *reassembly);
uint64_t vs_reassembly_n_held(const struct VsReassembly *reassembly);

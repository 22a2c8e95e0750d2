/* What the records of a traced packet say about its connection and its translation.
 *
 * Called for traced packets only (vs_packet_is_traced()); for conntrack.c and nat.c. */
#pragma once

#include "netfilter/conntrack.h"
#include "netfilter/nat.h"

/* 'packet' has passed the hook that tracks: "new", "found", "related", "invalid" or
 * "untracked".  'cost' is what the hook charged. */
void vs_ct_story_tracked(const VsNetns *netns, VsPacket *packet, VsTime cost);

/* 'packet' has passed the hook that confirms 'made', the entry it had before: that is in the
 * table now, or the packet has joined another, or it is kept for its replies alone. */
void vs_ct_story_confirmed(const VsNetns *netns, VsPacket *packet,
                           const VsConntrackEntry *made);

/* The entry of 'packet', which will be dropped, wants a tuple of 'winner'. */
void vs_ct_story_clashed(const VsNetns *netns, VsPacket *packet,
                         const VsConntrackEntry *winner);

/* 'packet', whose top layer was 'before', was translated by its entry; so was what an ICMP
 * error quoted, which was of the flow 'quoted' (NULL of other packets). */
void vs_ct_story_translated(const VsNetns *netns, VsPacket *packet,
                            const VsLayer *before, const VsFlow *quoted,
                            VsNatManip manip);

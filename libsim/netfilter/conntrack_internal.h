/* What the parts of connection tracking share; internal to it. */
#pragma once

#include "netfilter/conntrack.h"

/* In the table of tuples, set in the pointer to an entry: this is its reply's. */
#define VS_CT_DIR_BIT ((uintptr_t)1)

/* The time at which the walk of the packet in work has come here. */
static inline VsTime
vs_ct_walk_time(const VsConntrack *conntrack)
{
    const VsNetns *netns = conntrack->netns;

    return vs_now(netns->run) + (netns->host->core ? netns->host->core->charge : 0);
}

/* Takes the entry out of the table, as far as it is in it; the last holder frees it. */
void vs_ct_entry_free(VsConntrackEntry *entry);

/* The packet holds its connection no more. */
void vs_ct_put(VsPacket *packet);

/* At the end of a packet's way: its connection, if new, enters the table. */
VsVerdict vs_ct_confirm_hook(void *data, VsPacket *packet, const VsHookState *state);

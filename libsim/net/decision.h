/* What decided about a packet in a namespace that is captured: for the comments of captures
 * (net/capture.h), which need no trace.
 *
 * To be called where vs_decision_is_wanted() alone: texts are made on the spot. */
#pragma once

#include "net/netns.h"
#include "packet/notes.h"

/* True while an interface of 'netns' is captured. */
static inline bool
vs_decision_is_wanted(const VsNetns *netns)
{
    return G_UNLIKELY(netns->n_taps > 0);
}

/* 'by' ("conntrack", "IPVS") has translated 'packet', which was of the flow 'before'; an ICMP
 * error quoted one of the flow 'quoted', which is NULL of other packets. */
void vs_decision_translated(const VsNetns *netns, VsPacket *packet, const char *by,
                            const VsFlow *before, const VsFlow *quoted);

/* 'answer' was made in 'netns' about 'cause'. */
void vs_decision_answered(const VsNetns *netns, const VsPacket *cause,
                          VsPacket *answer);

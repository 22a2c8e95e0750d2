/* What the records of a traced packet say about its way through a namespace.
 *
 * Called for traced packets only (vs_packet_is_traced()): the texts are made on the spot. */
#pragma once

#include "net/netns.h"
#include "net/route.h"
#include "packet/trace.h"

/* A record of 'packet' in 'netns' at this point of the core's work. */
VsTraceRecord *vs_story_add(const VsNetns *netns, VsPacket *packet, VsTraceKind kind);

/* "PREROUTING", as the kernel's tools write it. */
const char *vs_hook_point_name(VsHookPoint point);

/* At FORWARD it tells as well that a routed packet's TTL is one less. */
void vs_story_hook(const VsHookState *state, VsPacket *packet);
void vs_story_route(const VsNetns *netns, VsPacket *packet, const VsRoute *route,
                    const VsPolicyChoice *choice);
void vs_story_neighbour(VsIface *iface, VsPacket *packet, VsAddr next_hop,
                        uint64_t mac);
void vs_story_wait_neighbour(VsIface *iface, VsPacket *packet, VsAddr next_hop);
void vs_story_bridge(const VsIface *bridge, VsPacket *packet, const VsIface *port,
                     const char *why);
void vs_story_iface(const VsIface *iface, VsPacket *packet, VsTraceKind kind);

/* 'answer', an error made in 'netns' about 'cause', is traced as that is.  It has none of
 * the journey's time: that is accounted for where the error arrives. */
void vs_story_answer(const VsNetns *netns, const VsPacket *cause, VsPacket *answer);

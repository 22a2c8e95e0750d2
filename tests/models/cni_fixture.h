/* Two nodes with a pod each, and a packet between them that is watched at every hook of
 * every namespace on its way.
 *
 *     Model *model = walk(&watch, "flannel-vxlan", TWO_SEGMENTS, expected);
 *     const VsPacket *packet = watch_find(&watch, find_iface(root_of(model, "n-2"), "eth0"));
 *     ...
 *     end_walk(&watch, model); */
#pragma once

#include "models/fixture.h"

enum { BYTES = 100 }; /* Of UDP payload: an IP packet of 128 bytes. */

/* One switch, or a router between the nodes. */
#define ONE_SEGMENT                                                     \
    "<node id='n' count='2' costs='free'/>"                             \
    "<switch id='sw' subnet='192.168.0.0/24'/><link from='n' to='sw'/>" \
    "<router id='r' costs='free'/><link from='r' to='sw'/>"
#define TWO_SEGMENTS                                                     \
    "<node id='n' count='2' costs='free'/><router id='r' costs='free'/>" \
    "<link from='n-1' to='r' subnet='192.168.1.0/24'/>"                  \
    "<link from='n-2' to='r' subnet='192.168.2.0/24'/>"
#define PODS                    \
    "<pod id='a' nodes='n-1'/>" \
    "<pod id='b' nodes='n-2' labels='app=web'><container id='web'/></pod>"
#define CLIENT(to)                                                                   \
    "<client id='c' costs='free' arrivals='constant(10/s)' stop='1s' to='http://" to \
    "/'/><link from='c' to='r' subnet='192.168.9.0/24'/>"

typedef struct Watch {
    GPtrArray *lines; /* One for each point that a watched packet passed. */
    GArray *arrivals; /* VsPacket as it was at each PREROUTING. */
    VsFlow inner;     /* Of the watched packet. */
    VsUdp socket;     /* That it is for. */
    unsigned n_received;
} Watch;

/* The packet as it came in by 'iface'; the first such. */
const VsPacket *watch_find(const Watch *watch, const VsIface *iface);

VsIface *find_iface(const VsNetns *netns, const char *name);

/* A UDP packet of 'ip_bytes' from one pod to the other, not to be fragmented. */
void send_from(VsNetns *netns, VsFlow flow, uint32_t ip_bytes);
VsFlow flow_to(VsAddr saddr, VsAddr daddr);

/* Sends one packet from pod a to pod b and compares its way: lines "NAMESPACE POINT IN>OUT
 * LAYER", to a NULL. */
Model *walk(Watch *watch, const char *cni, const char *nodes,
            const char *const *expected);
void end_walk(Watch *watch, Model *model);

VsNetns *root_of(const Model *model, const char *id);

/* Frame bytes of an IP packet on a link: Ethernet's header and overhead. */
uint32_t wire_bytes(uint32_t ip_bytes);

/* For a hook: keeps the top layer of ICMP packets in the VsLayer 'data'. */
VsVerdict see_error(void *data, VsPacket *packet, const VsHookState *state);

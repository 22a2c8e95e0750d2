/* The 16-byte key of a flow, for IPv4 and IPv6 alike.
 *
 * Addresses are 32-bit handles: an IPv4 address itself in host byte order, or an index
 * into the run's table of IPv6 addresses when family is VS_FAMILY_IPV6.  ICMP has no
 * ports: echo uses its identifier as sport and 0 as dport, as conntrack keys it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/table.h"

typedef uint32_t VsAddr;

#define VS_FAMILY_IPV4 4
#define VS_FAMILY_IPV6 6

/* IANA protocol numbers. */
#define VS_PROTOCOL_ICMP 1
#define VS_PROTOCOL_IPIP 4
#define VS_PROTOCOL_TCP 6
#define VS_PROTOCOL_UDP 17

typedef struct VsFlow {
    VsAddr saddr;
    VsAddr daddr;
    uint16_t sport;
    uint16_t dport;
    uint8_t protocol;
    uint8_t family;
    uint16_t zone; /* Conntrack zone; 0 on the wire. */
} VsFlow;

G_STATIC_ASSERT(sizeof(VsFlow) == sizeof(VsKey));

static inline VsKey
vs_flow_key(const VsFlow *flow)
{
    return (VsKey){{(uint64_t)flow->saddr << 32 | flow->daddr,
                    (uint64_t)flow->sport << 48 | (uint64_t)flow->dport << 32 |
                        (uint64_t)flow->protocol << 24 | (uint64_t)flow->family << 16 |
                        flow->zone}};
}

/* A hash of all of the flow for choices of our own: any of its bits is good. */
static inline uint64_t
vs_flow_mix(const VsFlow *flow)
{
    VsKey key = vs_flow_key(flow);

    return vs_mix64(key.w[0] ^ vs_mix64(key.w[1]));
}

/* The flow of the answers.  An ICMP identifier is no port: it stays in place. */
static inline VsFlow
vs_flow_reverse(const VsFlow *flow)
{
    VsFlow reverse = *flow;

    reverse.saddr = flow->daddr;
    reverse.daddr = flow->saddr;
    if (flow->protocol != VS_PROTOCOL_ICMP) {
        reverse.sport = flow->dport;
        reverse.dport = flow->sport;
    }
    return reverse;
}

static inline bool
vs_flow_equals(const VsFlow *a, const VsFlow *b)
{
    VsKey x = vs_flow_key(a);
    VsKey y = vs_flow_key(b);

    return x.w[0] == y.w[0] && x.w[1] == y.w[1];
}

/* "10.0.0.1:1234 > 10.0.0.2:80 tcp".  Newly allocated. */
char *vs_flow_format(const VsFlow *flow);

/* "source 10.0.0.1:80 -> 10.0.0.2:8080, destination ..." of the ends that differ; "" when
 * none does.  Newly allocated. */
char *vs_flow_format_change(const VsFlow *before, const VsFlow *after);

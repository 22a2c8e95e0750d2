#include "base/hash_flow.h"

#include <stdbool.h>

#include "base/hash.h"

/* As a little-endian CPU reads the field from a packet. */
static inline uint32_t
wire32(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xFF00) | (x << 8 & 0xFF0000) | x << 24;
}

static inline uint16_t
wire16(uint16_t x)
{
    return (uint16_t)(x >> 8 | x << 8);
}

uint16_t
vs_udp_flow_source_port(uint32_t hash, uint16_t first, uint16_t last)
{
    /* The upper bits choose, and many hashes are better below. */
    hash ^= hash << 16;
    return (uint16_t)(first + ((uint64_t)hash * (uint32_t)(last - first) >> 32));
}

static inline uint32_t
bond_ethernet(const VsBondFrame *frame)
{
    return (uint32_t)(frame->dmac & 255) ^ (uint32_t)(frame->smac & 255) ^
           frame->ether_type;
}

uint32_t
vs_bond_hash(VsBondPolicy policy, const VsBondFrame *frame)
{
    uint32_t hash;

    if (policy == VS_BOND_LAYER2 || !frame->ip) {
        return bond_ethernet(frame);
    }
    if (policy == VS_BOND_LAYER23) {
        hash = bond_ethernet(frame);
    } else if (frame->icmp_identifier) {
        /* struct flow_dissector_key_icmp, its identifier in host order. */
        hash = (uint32_t)frame->icmp_identifier << 16 |
               (uint32_t)frame->icmp_code << 8 | frame->icmp_type;
    } else {
        hash = wire32((uint32_t)frame->ip->sport << 16 | frame->ip->dport);
    }
    hash ^= wire32(frame->ip->daddr) ^ wire32(frame->ip->saddr);
    hash ^= hash >> 16;
    hash ^= hash >> 8;
    /* Ports are often all even. */
    return policy == VS_BOND_LAYER34 ? hash >> 1 : hash;
}

#include "base/hash_flow.h"

#include <stdbool.h>

#include "base/hash.h"

/* Of struct flow_keys from 'basic' on, with IPv4 addresses and padding. */
enum {
    KEYS_PROTOCOL = 2,
    KEYS_PORTS = 28,
    KEYS_ADDRESSES = 36,
    KEYS_BYTES = 48,
};

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

static inline void
put_be32(uint8_t *bytes, uint32_t x)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(x >> (24 - 8 * i));
    }
}

uint32_t
vs_ecmp_hash(VsEcmpPolicy policy, const VsHashTuple *outer, const VsHashTuple *inner,
             uint32_t seed)
{
    const VsHashTuple *tuple = policy == VS_ECMP_LAYER3_INNER && inner ? inner : outer;
    const uint64_t key = (uint64_t)seed << 32 | seed;
    bool swap = wire32(tuple->daddr) < wire32(tuple->saddr);
    uint8_t keys[KEYS_BYTES] = {0};
    uint32_t hash;

    put_be32(keys + KEYS_ADDRESSES, swap ? tuple->daddr : tuple->saddr);
    put_be32(keys + KEYS_ADDRESSES + 4, swap ? tuple->saddr : tuple->daddr);
    if (policy == VS_ECMP_LAYER4) {
        uint32_t forth = (uint32_t)tuple->sport << 16 | tuple->dport;
        uint32_t back = (uint32_t)tuple->dport << 16 | tuple->sport;

        swap = wire16(tuple->dport) < wire16(tuple->sport);
        put_be32(keys + KEYS_PORTS, swap ? back : forth);
        keys[KEYS_PROTOCOL] = tuple->protocol;
    }
    hash = (uint32_t)vs_siphash_2_4(keys, sizeof(keys), key, key);
    return (hash ? hash : 1) >> 1;
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

#include "base/hash_flow.h"

#include <stdbool.h>

#include "base/hash.h"

/* Of struct flow_keys, from its basic part on. */
enum {
    HASHED_BYTES = 48,
    AT_PROTOCOL = 2,
    AT_PORTS = 28,
    AT_ADDRESSES = 36,
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

static void
put_be32(uint8_t *at, uint32_t word)
{
    at[0] = (uint8_t)(word >> 24);
    at[1] = (uint8_t)(word >> 16);
    at[2] = (uint8_t)(word >> 8);
    at[3] = (uint8_t)word;
}

uint32_t
vs_flow_hash_linux(uint32_t saddr, uint32_t daddr, uint16_t sport, uint16_t dport,
                   uint8_t protocol, VsFlowHashKey key)
{
    uint8_t bytes[HASHED_BYTES] = {[AT_PROTOCOL] = protocol};
    uint32_t hash;

    /* Addresses and ports are ordered each for themselves. */
    if (wire32(daddr) < wire32(saddr)) {
        uint32_t addr = saddr;

        saddr = daddr;
        daddr = addr;
    }
    if (wire16(dport) < wire16(sport)) {
        uint16_t port = sport;

        sport = dport;
        dport = port;
    }
    put_be32(bytes + AT_PORTS, (uint32_t)sport << 16 | dport);
    put_be32(bytes + AT_ADDRESSES, saddr);
    put_be32(bytes + AT_ADDRESSES + 4, daddr);
    hash = (uint32_t)vs_siphash_2_4(bytes, sizeof(bytes), key.k0, key.k1);
    return (hash ? hash : 1) >> 1;
}

void
vs_hash_threshold_bounds(const uint32_t *weights, size_t n, int32_t *ret_bounds)
{
    uint64_t total = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        total += weights[i];
    }
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        ret_bounds[i] = weights[i] > 0
                            ? (int32_t)(((sum << 31) + total / 2) / total - 1)
                            : VS_HASH_THRESHOLD_DEAD;
    }
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

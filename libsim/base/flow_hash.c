#include "base/flow_hash.h"

#include "base/hash.h"

/* Of struct flow_keys, from its basic part on. */
enum {
    HASHED_BYTES = 48,
    AT_PROTOCOL = 2,
    AT_PORTS = 28,
    AT_ADDRESSES = 36,
};

/* The order of words as a little-endian machine loads them from the packet. */
static inline uint32_t
swap32(uint32_t word)
{
    return __builtin_bswap32(word);
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
    if (swap32(daddr) < swap32(saddr)) {
        uint32_t addr = saddr;

        saddr = daddr;
        daddr = addr;
    }
    if (__builtin_bswap16(dport) < __builtin_bswap16(sport)) {
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

/* How Linux chooses among the next hops of a route: the hash of a flow, and the range of
 * hashes that each hop takes (hash-threshold, RFC 2992).
 *
 * Sources: Linux net/core/flow_dissector.c (__flow_hash_consistentify,
 * flow_hash_from_keys_seed), net/ipv4/route.c (fib_multipath_hash_from_keys),
 * net/ipv4/fib_semantics.c (fib_rebalance).  The layout of the hashed bytes was confirmed
 * against Linux 6.18; other kernels may lay them out differently. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The key of the hash: two words of siphash. */
typedef struct VsFlowHashKey {
    uint64_t k0;
    uint64_t k1;
} VsFlowHashKey;

/* That of net.ipv4.fib_multipath_hash_seed. */
static inline VsFlowHashKey
vs_flow_hash_key_of_seed(uint32_t seed)
{
    uint64_t word = (uint64_t)seed << 32 | seed;

    return (VsFlowHashKey){word, word};
}

/* A dead hop's bound: no hash is as low. */
#define VS_HASH_THRESHOLD_DEAD (-1)

/* The 31 bits that choose a next hop.  Addresses and ports in host order, IPv4; both
 * directions of a flow have the same hash.  A policy that looks at addresses alone passes
 * zeros for the rest. */
uint32_t vs_flow_hash_linux(uint32_t saddr, uint32_t daddr, uint16_t sport,
                            uint16_t dport, uint8_t protocol, VsFlowHashKey key);

/* The greatest hash of each of 'n' hops, in order: round(2^31 * sum / total) - 1 of the
 * weights up to and with it; VS_HASH_THRESHOLD_DEAD for a weight of 0.  The weights' sum is
 * below 2^33. */
void vs_hash_threshold_bounds(const uint32_t *weights, size_t n, int32_t *ret_bounds);

/* What Linux computes from a packet's headers to choose among next hops, a tunnel's ports or
 * a bond's cards, bit for bit.
 *
 * IPv4 only.  Addresses and ports are in host byte order; the functions lay them out as a
 * little-endian kernel finds them in memory, on any host. */
#ifndef VS_BASE_HASH_FLOW_H
#define VS_BASE_HASH_FLOW_H

#include <stddef.h>
#include <stdint.h>

/* ---- Next hops: hash-threshold (RFC 2992).  Linux net/core/flow_dissector.c
 * (__flow_hash_consistentify, flow_hash_from_keys_seed), net/ipv4/route.c
 * (fib_multipath_hash_from_keys), net/ipv4/fib_semantics.c (fib_rebalance).  The layout of
 * the hashed bytes was confirmed against Linux 6.18; other kernels may lay them out
 * differently. */

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

/* ---- Tunnels and bonds. */

typedef struct VsHashTuple {
    uint32_t saddr, daddr;
    uint16_t sport, dport; /* 0 for protocols without. */
    uint8_t protocol;
} VsHashTuple;

/* The outer source port of a UDP tunnel from the inner flow's hash: include/net/udp.h
 * udp_flow_src_port().  first <= port < last (or first when they are equal); Linux takes
 * both from ip_local_port_range.  A hash of 0 is replaced by the caller there. */
uint16_t vs_udp_flow_source_port(uint32_t hash, uint16_t first, uint16_t last);

/* xmit_hash_policy of a bond. */
typedef enum VsBondPolicy {
    VS_BOND_LAYER2,
    VS_BOND_LAYER23,
    VS_BOND_LAYER34,
} VsBondPolicy;

typedef struct VsBondFrame {
    uint64_t smac, dmac; /* 02:00:00:00:00:01 is 0x020000000001. */
    uint16_t ether_type;
    const VsHashTuple *ip; /* NULL when the frame holds no IPv4: hashed by layer 2. */
    uint8_t icmp_type;     /* Of an ICMP message with an identifier, as echo: */
    uint8_t icmp_code;     /* these three stand for the ports. */
    uint16_t
        icmp_identifier; /* 0 in all others; Linux takes 1 for an identifier of 0. */
} VsBondFrame;

/* drivers/net/bonding/bond_main.c bond_xmit_hash() of Linux 5.18 and later, without the
 * policies encap2+3, encap3+4 and vlan+srcmac.  The bond sends by slave hash % active. */
uint32_t vs_bond_hash(VsBondPolicy policy, const VsBondFrame *frame);

#endif

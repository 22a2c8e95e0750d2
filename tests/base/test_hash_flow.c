/* How Linux spreads flows over next hops, tunnels' ports and bonds' cards. */
#include "base/hash_flow.h"

#include "base/rng.h"
#include "vs_test.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define TCP 6

static void
test_linux_6_18_hashes(void)
{
    VsFlowHashKey key = vs_flow_hash_key_of_seed(1);
    uint32_t client = IP(10, 8, 8, 8);
    uint32_t server = IP(203, 0, 113, 5);

    CU_ASSERT_EQUAL(vs_flow_hash_linux(client, server, 0, 0, 0, key), 0x63d511d0);
    CU_ASSERT_EQUAL(vs_flow_hash_linux(client, server, 1005, 80, 6, key), 0x73341d13);
}

static void
test_both_directions_hash_alike(void)
{
    VsRng rng;

    vs_rng_init(&rng, 3, "test", "flows");
    for (unsigned i = 0; i < 10000; i++) {
        VsFlowHashKey key = {vs_rng_u64(&rng), vs_rng_u64(&rng)};
        uint32_t a = vs_rng_u32(&rng);
        uint32_t b = vs_rng_u32(&rng);
        uint16_t port_a = (uint16_t)vs_rng_u32(&rng);
        uint16_t port_b = (uint16_t)vs_rng_u32(&rng);
        uint32_t hash = vs_flow_hash_linux(a, b, port_a, port_b, 17, key);

        CU_ASSERT_EQUAL(vs_flow_hash_linux(b, a, port_b, port_a, 17, key), hash);
        CU_ASSERT_NOT_EQUAL(vs_flow_hash_linux(a, b, port_a, port_b, 6, key), hash);
        CU_ASSERT(hash <= INT32_MAX);
    }
}

/* Addresses and ports are ordered each for themselves, so two flows that differ only in who
 * has which port are one to the hash: as in recent kernels, and unlike older ones. */
static void
test_ports_are_ordered_for_themselves(void)
{
    VsFlowHashKey key = vs_flow_hash_key_of_seed(9);

    CU_ASSERT_EQUAL(vs_flow_hash_linux(1, 2, 80, 1024, 6, key),
                    vs_flow_hash_linux(1, 2, 1024, 80, 6, key));
}

static void
check_bounds(const uint32_t *weights, size_t n, const int32_t *right)
{
    int32_t bounds[4];

    vs_hash_threshold_bounds(weights, n, bounds);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(bounds[i], right[i]);
    }
}

static void
test_bounds_are_those_of_fib_rebalance(void)
{
    check_bounds((const uint32_t[]){1, 1}, 2, (const int32_t[]){1073741823, INT32_MAX});
    check_bounds((const uint32_t[]){1, 1, 1}, 3,
                 (const int32_t[]){715827882, 1431655764, INT32_MAX});
    check_bounds((const uint32_t[]){3, 1}, 2, (const int32_t[]){1610612735, INT32_MAX});
}

static void
test_dead_hops_have_no_range(void)
{
    check_bounds((const uint32_t[]){0, 1, 0, 1}, 4,
                 (const int32_t[]){-1, 1073741823, -1, INT32_MAX});
}

static void
test_a_tunnels_port_spreads_the_hash_over_the_range(void)
{
    CU_ASSERT_EQUAL(vs_udp_flow_source_port(0x12345678, 32768, 60999), 40299);
    CU_ASSERT_EQUAL(vs_udp_flow_source_port(0x51CCC178, 32768, 60999), 48725);
    CU_ASSERT_EQUAL(vs_udp_flow_source_port(0xFFFFFFFF, 32768, 60999), 32768);
    CU_ASSERT_EQUAL(vs_udp_flow_source_port(0xFFFF0000, 32768, 60999), 60998);
    CU_ASSERT_EQUAL(vs_udp_flow_source_port(0xFFFF0000, 500, 500), 500);
}

/* The frames of Linux commit 49aefd131739 ("bonding: do not discard lowest hash bit for non
 * layer3+4 hashing"): two destinations, 192.168.122.30 to .1.  Its script has the ether type
 * as it lies in memory, 0x0008; since 5.15 the kernel turns it round. */
static const VsHashTuple virt = {.saddr = IP(192, 168, 122, 30),
                                 .daddr = IP(192, 168, 122, 1)};
static const VsBondFrame virt_frame = {
    .smac = 0x5254000000E3, .dmac = 0x5254000000A0, .ether_type = 0x0008, .ip = &virt};

static void
test_layer23_of_a_bond_gives_the_kernels_example(void)
{
    VsBondFrame frame = virt_frame;

    CU_ASSERT_EQUAL(vs_bond_hash(VS_BOND_LAYER23, &frame), 522133332);
    frame.dmac = 0x5254000000A1;
    CU_ASSERT_EQUAL(vs_bond_hash(VS_BOND_LAYER23, &frame), 522133333);
}

static void
test_layer2_of_a_bond_is_two_bytes_and_the_ether_type(void)
{
    VsBondFrame frame = virt_frame;

    frame.ether_type = 0x0800;
    CU_ASSERT_EQUAL(vs_bond_hash(VS_BOND_LAYER2, &frame), 0xA0 ^ 0xE3 ^ 0x800);
    /* And so do all policies for what is no IP. */
    frame.ip = NULL;
    frame.ether_type = 0x0806;
    for (VsBondPolicy policy = VS_BOND_LAYER2; policy <= VS_BOND_LAYER34; policy++) {
        CU_ASSERT_EQUAL(vs_bond_hash(policy, &frame), 0xA0 ^ 0xE3 ^ 0x806);
    }
}

static void
test_layer34_of_a_bond_is_ports_and_addresses_as_they_lie_in_memory(void)
{
    const VsHashTuple ip = {.saddr = IP(10, 0, 0, 1),
                            .daddr = IP(10, 0, 0, 2),
                            .sport = 0x1234,
                            .dport = 80,
                            .protocol = TCP};
    const VsBondFrame frame = {.smac = 1, .dmac = 2, .ether_type = 0x800, .ip = &ip};
    uint32_t hash = 0x50003412 ^ 0x0100000A ^ 0x0200000A;

    hash ^= hash >> 16;
    hash ^= hash >> 8;
    CU_ASSERT_EQUAL(hash >> 1, 0x29A9B3BA);
    CU_ASSERT_EQUAL(vs_bond_hash(VS_BOND_LAYER34, &frame), 0x29A9B3BA);
}

static void
test_layer34_of_a_bond_keeps_a_ping_together(void)
{
    /* Type 8, code 0, identifier 0x1234 in host order: 0x12340008. */
    const VsHashTuple ip = {
        .saddr = IP(10, 0, 0, 1), .daddr = IP(10, 0, 0, 2), .protocol = 1};
    const VsBondFrame frame = {
        .ether_type = 0x800, .ip = &ip, .icmp_type = 8, .icmp_identifier = 0x1234};

    CU_ASSERT_EQUAL(vs_bond_hash(VS_BOND_LAYER34, &frame), 0x08929296);
}

static const VsTestCase tests[] = {
    {"the vectors of Linux 6.18", test_linux_6_18_hashes},
    {"both directions of a flow hash alike", test_both_directions_hash_alike},
    {"ports are ordered apart from addresses", test_ports_are_ordered_for_themselves},
    {"the bounds of 1:1, 1:1:1 and 3:1", test_bounds_are_those_of_fib_rebalance},
    {"dead hops have no range", test_dead_hops_have_no_range},
    {"a tunnel's port spreads the hash over the range",
     test_a_tunnels_port_spreads_the_hash_over_the_range},
    {"layer2+3 of a bond gives the kernel's example",
     test_layer23_of_a_bond_gives_the_kernels_example},
    {"layer2 of a bond is two bytes and the ether type",
     test_layer2_of_a_bond_is_two_bytes_and_the_ether_type},
    {"layer3+4 of a bond is ports and addresses as they lie in memory",
     test_layer34_of_a_bond_is_ports_and_addresses_as_they_lie_in_memory},
    {"layer3+4 of a bond keeps a ping together",
     test_layer34_of_a_bond_keeps_a_ping_together},
    {0},
};

VS_TESTS("flow hashes")

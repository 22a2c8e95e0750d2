#include "base/flow_hash.h"

#include "base/rng.h"
#include "vs_test.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

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

static const VsTestCase tests[] = {
    {"the vectors of Linux 6.18", test_linux_6_18_hashes},
    {"both directions of a flow hash alike", test_both_directions_hash_alike},
    {"ports are ordered apart from addresses", test_ports_are_ordered_for_themselves},
    {"the bounds of 1:1, 1:1:1 and 3:1", test_bounds_are_those_of_fib_rebalance},
    {"dead hops have no range", test_dead_hops_have_no_range},
    {0},
};

VS_TESTS("flow hash")

#include "base/lpm_table.h"

#include <glib.h>

#include "base/hash.h"
#include "base/lpm.h"
#include "base/prefix.h"
#include "vs_test.h"

static void
test_the_longest_prefix_wins_at_each_level(void)
{
    VsLpmTable table;

    vs_lpm_table_init(&table);
    CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A000001), VS_LPM_TABLE_NONE);
    for (unsigned length = 0; length <= 32; length++) { /* Value: the length. */
        CU_ASSERT_TRUE(vs_lpm_table_insert(&table, 0x0A9CA395 & vs_prefix_mask(length),
                                           length, length));
    }
    CU_ASSERT_FALSE(vs_lpm_table_insert(&table, 0x0A000000, 8, 8));
    for (unsigned length = 0; length < 32; length++) { /* The bit after it differs. */
        CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A9CA395 ^ 1u << (31 - length)),
                        length);
    }
    for (unsigned length = 32; length > 0; length--) {
        CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A9CA395), length);
        CU_ASSERT_TRUE(
            vs_lpm_table_remove(&table, 0x0A9CA395 & vs_prefix_mask(length), length));
    }
    CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A9CA395), 0);
    CU_ASSERT_TRUE(vs_lpm_table_remove(&table, 0, 0));
    CU_ASSERT_FALSE(vs_lpm_table_remove(&table, 0, 0));
    CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A9CA395), VS_LPM_TABLE_NONE);
    CU_ASSERT_EQUAL(vs_lpm_table_length(&table), 0);
    vs_lpm_table_clear(&table);
}

static void
test_values_reach_their_limit(void)
{
    VsLpmTable table;

    vs_lpm_table_init(&table);
    vs_lpm_table_insert(&table, 0, 0, VS_LPM_TABLE_VALUE_MAX);
    vs_lpm_table_insert(&table, 0x0A000001, 32, VS_LPM_TABLE_VALUE_MAX - 1);
    CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A000000), VS_LPM_TABLE_VALUE_MAX);
    CU_ASSERT_EQUAL(vs_lpm_table_lookup(&table, 0x0A000001),
                    VS_LPM_TABLE_VALUE_MAX - 1);
    vs_lpm_table_clear(&table);
}

/* VsLpm is the twin, itself tested against a linear search. */
static void
test_a_million_operations_agree_with_the_sorted_array(void)
{
    unsigned n_failures = 0, n_found = 0;
    VsLpmTable table;
    VsLpm twin;

    vs_lpm_table_init(&table);
    vs_lpm_init(&twin);
    for (uint64_t i = 0; i < 1000000; i++) {
        uint64_t random = vs_mix64(i + 1);
        /* Few bits vary, so that prefixes nest and addresses hit their borders. */
        uint32_t address = (uint32_t)random & 0x03C3C3C3;
        uint32_t value, expected;

        if (i % 20 == 0) {
            unsigned length = (unsigned)(random >> 32) % 33;
            uint32_t prefix = address & vs_prefix_mask(length);

            length = MAX(length, 10); /* A shorter one takes long to paint. */
            if ((random >> 40) % 100 < (i / 100000 % 2 ? 70 : 30)) {
                n_failures += vs_lpm_table_remove(&table, prefix, length) !=
                              vs_lpm_remove(&twin, prefix, length);
            } else {
                value = (uint32_t)i;
                n_failures += vs_lpm_table_insert(&table, prefix, length, value) !=
                              vs_lpm_insert(&twin, prefix, length, value);
            }
            n_failures += vs_lpm_table_length(&table) != vs_lpm_length(&twin);
        }
        if (!vs_lpm_lookup(&twin, address, &expected)) {
            expected = VS_LPM_TABLE_NONE;
        }
        vs_lpm_table_lookup_bulk(&table, &address, 1, &value);
        n_failures +=
            value != expected || vs_lpm_table_lookup(&table, address) != value;
        n_found += value != VS_LPM_TABLE_NONE;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT(n_found > 100000);
    vs_lpm_table_clear(&table);
    vs_lpm_clear(&twin);
}

/* Addresses in runs: of nodes' ranges, which end at the second level, then of anything. */
static void
test_bulk_lookups_agree_with_single_ones(void)
{
    enum { N = 70, N_ROUNDS = 20000 };
    unsigned n_failures = 0, n_none = 0;
    VsLpmTable table;

    vs_lpm_table_init(&table);
    for (uint32_t i = 0; i < 300; i++) { /* With gaps, and without a default. */
        vs_lpm_table_insert(&table, 0x0A000000 + (i << 9), 24, i);
    }
    for (uint32_t i = 0; i < 40; i++) {
        vs_lpm_table_insert(&table, 0x0A000000 + (i << 12) + 7, 32, 1000 + i);
    }
    vs_lpm_table_insert(&table, 0x0A800000, 9, 2000);
    for (uint64_t round = 0; round < N_ROUNDS; round++) {
        uint32_t addresses[N], values[N + 1];
        size_t n = round % (N + 1);

        for (size_t i = 0; i < n; i++) {
            uint64_t random = vs_mix64(round * N + i + 1);
            bool is_mixed = (round + i) / 5 % 3 == 0;

            addresses[i] =
                0x0A000000 + ((uint32_t)random & (is_mixed ? 0xFFFFFF : 0x3FF0F));
        }
        values[n] = 12345;
        vs_lpm_table_lookup_bulk(&table, addresses, n, values);
        n_failures += values[n] != 12345;
        for (size_t i = 0; i < n; i++) {
            n_failures += values[i] != vs_lpm_table_lookup(&table, addresses[i]);
            n_none += values[i] == VS_LPM_TABLE_NONE;
        }
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT(n_none > N * N_ROUNDS / 20);
    vs_lpm_table_clear(&table);
}

static void
test_removed_routes_give_their_blocks_back(void)
{
    VsLpmTable table;
    uint32_t n_blocks = 0;

    vs_lpm_table_init(&table);
    vs_lpm_table_insert(&table, 0, 0, 1);
    for (uint32_t cycle = 0; cycle < 10; cycle++) {
        for (uint32_t i = 0; i < 1000; i++) {
            vs_lpm_table_insert(&table, 0x0A000000 + (i << 10) + cycle, 32, i);
        }
        n_blocks = cycle == 0 ? table.n_blocks : n_blocks;
        CU_ASSERT_EQUAL(table.n_blocks, n_blocks);
        for (uint32_t i = 0; i < 1000; i++) {
            vs_lpm_table_remove(&table, 0x0A000000 + (i << 10) + cycle, 32);
        }
        for (uint32_t i = 0; i < 1 << 16; i++) {
            CU_ASSERT_EQUAL_FATAL(table.root[i], table.root[0]);
        }
    }
    CU_ASSERT(n_blocks >= 1000);
    vs_lpm_table_clear(&table);
}

static const VsTestCase tests[] = {
    {"the longest prefix wins at each level",
     test_the_longest_prefix_wins_at_each_level},
    {"values reach their limit", test_values_reach_their_limit},
    {"a million operations agree with the sorted array",
     test_a_million_operations_agree_with_the_sorted_array},
    {"bulk lookups agree with single ones", test_bulk_lookups_agree_with_single_ones},
    {"removed routes give their blocks back",
     test_removed_routes_give_their_blocks_back},
    {0},
};

VS_TESTS("lpm_table")

#include "base/lpm.h"

#include <glib.h>

#include "base/hash.h"
#include "vs_test.h"

/* The slow twin: a list that is searched from end to end. */
typedef struct {
    uint32_t prefix;
    unsigned length;
    uint32_t value;
} TwinEntry;

static uint32_t
mask_of(unsigned length)
{
    return length ? UINT32_MAX << (32 - length) : 0;
}

static int
twin_find(const GArray *twin, uint32_t prefix, unsigned length)
{
    for (guint i = 0; i < twin->len; i++) {
        const TwinEntry *entry = &g_array_index(twin, TwinEntry, i);

        if (entry->prefix == prefix && entry->length == length) {
            return (int)i;
        }
    }
    return -1;
}

static bool
twin_lookup(const GArray *twin, uint32_t address, uint32_t *ret_value)
{
    int longest = -1;

    for (guint i = 0; i < twin->len; i++) {
        const TwinEntry *entry = &g_array_index(twin, TwinEntry, i);

        if ((address & mask_of(entry->length)) == entry->prefix &&
            (int)entry->length > longest) {
            longest = (int)entry->length;
            *ret_value = entry->value;
        }
    }
    return longest >= 0;
}

static void
test_the_longest_prefix_wins(void)
{
    VsLpm lpm;
    uint32_t value = 99;

    vs_lpm_init(&lpm);
    CU_ASSERT_FALSE(vs_lpm_lookup(&lpm, 0x0A000001, &value));
    CU_ASSERT_EQUAL(value, 99);

    CU_ASSERT_TRUE(vs_lpm_insert(&lpm, 0, 0, 1));
    CU_ASSERT_TRUE(vs_lpm_insert(&lpm, 0x0A000000, 8, 2));
    CU_ASSERT_TRUE(vs_lpm_insert(&lpm, 0x0A000000, 24, 3));
    CU_ASSERT_TRUE(vs_lpm_insert(&lpm, 0x0A000005, 32, 4));

    CU_ASSERT_TRUE(vs_lpm_lookup(&lpm, 0xC0000201, &value));
    CU_ASSERT_EQUAL(value, 1);
    CU_ASSERT_TRUE(vs_lpm_lookup(&lpm, 0x0AFFFFFF, &value));
    CU_ASSERT_EQUAL(value, 2);
    CU_ASSERT_TRUE(vs_lpm_lookup(&lpm, 0x0A0000FF, &value));
    CU_ASSERT_EQUAL(value, 3);
    CU_ASSERT_TRUE(vs_lpm_lookup(&lpm, 0x0A000005, &value));
    CU_ASSERT_EQUAL(value, 4);
    CU_ASSERT_TRUE(vs_lpm_lookup(&lpm, 0x0A000006, &value));
    CU_ASSERT_EQUAL(value, 3);
    vs_lpm_clear(&lpm);
}

static void
test_inserting_again_replaces_the_value(void)
{
    VsLpm lpm;
    uint32_t value;

    vs_lpm_init(&lpm);
    CU_ASSERT_TRUE(vs_lpm_insert(&lpm, 0x0A000000, 8, 1));
    CU_ASSERT_FALSE(vs_lpm_insert(&lpm, 0x0A000000, 8, 2));
    CU_ASSERT_EQUAL(vs_lpm_length(&lpm), 1);
    CU_ASSERT_TRUE(vs_lpm_find(&lpm, 0x0A000000, 8, &value));
    CU_ASSERT_EQUAL(value, 2);
    CU_ASSERT_FALSE(vs_lpm_find(&lpm, 0x0A000000, 9, &value));
    CU_ASSERT_TRUE(vs_lpm_remove(&lpm, 0x0A000000, 8));
    CU_ASSERT_FALSE(vs_lpm_remove(&lpm, 0x0A000000, 8));
    CU_ASSERT_FALSE(vs_lpm_lookup(&lpm, 0x0A000000, &value));
    vs_lpm_clear(&lpm);
}

static void
test_two_routes_take_32_bytes(void)
{
    VsLpm lpm;

    vs_lpm_init(&lpm);
    CU_ASSERT_PTR_NULL(lpm.entries);
    vs_lpm_insert(&lpm, 0, 0, 1);
    vs_lpm_insert(&lpm, 0x0AF40100, 24, 2);
    CU_ASSERT_EQUAL(lpm.n_allocated * sizeof(*lpm.entries), 32);
    vs_lpm_clear(&lpm);
}

static void
test_prefixes_are_listed_by_address(void)
{
    VsLpm lpm;
    uint32_t prefix, value;
    unsigned length;

    vs_lpm_init(&lpm);
    vs_lpm_insert(&lpm, 0x0A000000, 24, 3);
    vs_lpm_insert(&lpm, 0xC0000000, 8, 4);
    vs_lpm_insert(&lpm, 0x0A000000, 8, 2);
    vs_lpm_insert(&lpm, 0, 0, 1);
    for (unsigned i = 0; i < 4; i++) {
        vs_lpm_get(&lpm, i, &prefix, &length, &value);
        CU_ASSERT_EQUAL(value, i + 1);
    }
    CU_ASSERT_EQUAL(prefix, 0xC0000000);
    CU_ASSERT_EQUAL(length, 8);
    vs_lpm_clear(&lpm);
}

static void
test_random_tables_agree_with_a_linear_search(void)
{
    g_autoptr(GArray) twin = g_array_new(FALSE, FALSE, sizeof(TwinEntry));
    unsigned n_failures = 0, n_found = 0;
    VsLpm lpm;

    vs_lpm_init(&lpm);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t random = vs_mix64(i + 1);
        /* Few bits vary, so that prefixes nest and addresses hit their borders. */
        uint32_t address = (uint32_t)random & 0xC30F00F3;
        uint32_t value, twin_value = 0;
        bool is_found;

        if (i % 40 == 0) {
            unsigned length = (unsigned)(random >> 32) % 33;
            uint32_t prefix = address & mask_of(length);
            TwinEntry entry = {prefix, length, (uint32_t)i};
            int position = twin_find(twin, prefix, length);
            bool is_removal = (random >> 40) % 100 < (i < 50000 ? 20 : 60);

            if (is_removal) {
                n_failures += vs_lpm_remove(&lpm, prefix, length) != (position >= 0);
            } else {
                n_failures +=
                    vs_lpm_insert(&lpm, prefix, length, (uint32_t)i) != (position < 0);
                g_array_append_val(twin, entry);
            }
            if (position >= 0) {
                g_array_remove_index(twin, (guint)position);
            }
            n_failures += vs_lpm_length(&lpm) != twin->len;
        }
        is_found = vs_lpm_lookup(&lpm, address, &value);
        n_failures += is_found != twin_lookup(twin, address, &twin_value);
        if (is_found) {
            n_failures += value != twin_value;
            n_found++;
        }
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT(n_found > 10000);
    CU_ASSERT(vs_lpm_length(&lpm) > 50);
    vs_lpm_clear(&lpm);
}

static void
test_a_node_with_5000_pods_finds_each(void)
{
    VsLpm lpm;
    unsigned n_failures = 0;
    uint32_t value;

    vs_lpm_init(&lpm);
    vs_lpm_insert(&lpm, 0, 0, 0);
    vs_lpm_insert(&lpm, 0x0AF40000, 14, 1);
    for (uint32_t i = 0; i < 5000; i++) { /* In an order that jumps about. */
        uint32_t pod = i * 2003 % 5000;

        n_failures += !vs_lpm_insert(&lpm, 0x0AF40000 + pod * 7, 32, 2 + pod);
    }
    for (uint32_t pod = 0; pod < 5000; pod++) {
        n_failures +=
            !vs_lpm_lookup(&lpm, 0x0AF40000 + pod * 7, &value) || value != 2 + pod;
        n_failures += !vs_lpm_lookup(&lpm, 0x0AF40001 + pod * 7, &value) || value != 1;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    vs_lpm_clear(&lpm);
}

static const VsTestCase tests[] = {
    {"the longest prefix wins", test_the_longest_prefix_wins},
    {"inserting again replaces the value", test_inserting_again_replaces_the_value},
    {"two routes take 32 bytes", test_two_routes_take_32_bytes},
    {"prefixes are listed by address", test_prefixes_are_listed_by_address},
    {"random tables agree with a linear search",
     test_random_tables_agree_with_a_linear_search},
    {"a node with 5000 pods finds each", test_a_node_with_5000_pods_finds_each},
    {0},
};

VS_TESTS("lpm")

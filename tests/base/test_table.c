#include "base/table.h"

#include "base/hash.h"
#include "vs_test.h"

static VsKey
flow_key(uint32_t saddr, uint16_t sport, uint32_t daddr, uint16_t dport)
{
    return (VsKey){{(uint64_t)saddr << 32 | daddr,
                    (uint64_t)sport << 48 | (uint64_t)dport << 32 | 6}};
}

static void *
value_of(uint64_t number)
{
    return (void *)(uintptr_t)(number + 1);
}

static void
test_an_empty_table_holds_no_memory(void)
{
    VsTable table;
    size_t cursor = 0;
    VsKey key;
    void *value;

    vs_table_init(&table);
    CU_ASSERT_PTR_NULL(table.slots);
    CU_ASSERT_PTR_NULL(vs_table_find(&table, (VsKey){{1, 2}}));
    CU_ASSERT_PTR_NULL(vs_table_remove(&table, (VsKey){{1, 2}}));
    CU_ASSERT_FALSE(vs_table_next(&table, &cursor, &key, &value));
    CU_ASSERT_EQUAL(vs_table_length(&table), 0);
    vs_table_clear(&table);
}

static void
test_a_key_is_inserted_once(void)
{
    VsTable table;
    int a, b;

    vs_table_init(&table);
    CU_ASSERT_TRUE(vs_table_insert(&table, (VsKey){{0, 0}}, &a));
    CU_ASSERT_FALSE(vs_table_insert(&table, (VsKey){{0, 0}}, &b));
    CU_ASSERT_TRUE(vs_table_insert(&table, (VsKey){{0, 1}}, &b));
    CU_ASSERT_PTR_EQUAL(vs_table_find(&table, (VsKey){{0, 0}}), &a);
    CU_ASSERT_PTR_EQUAL(vs_table_find(&table, (VsKey){{0, 1}}), &b);
    CU_ASSERT_PTR_NULL(vs_table_find(&table, (VsKey){{1, 0}}));
    CU_ASSERT_PTR_EQUAL(vs_table_remove(&table, (VsKey){{0, 0}}), &a);
    CU_ASSERT_PTR_NULL(vs_table_remove(&table, (VsKey){{0, 0}}));
    CU_ASSERT_EQUAL(vs_table_length(&table), 1);
    vs_table_clear(&table);
    CU_ASSERT_EQUAL(vs_table_length(&table), 0);
}

static guint
hash_for_glib(gconstpointer key)
{
    return (guint)vs_siphash_2_4(key, sizeof(VsKey), 1, 2);
}

static gboolean
equal_for_glib(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(VsKey)) == 0;
}

static void
test_a_million_operations_agree_with_glib(void)
{
    g_autoptr(GHashTable) twin =
        g_hash_table_new_full(hash_for_glib, equal_for_glib, g_free, NULL);
    VsTable table;
    unsigned n_failures = 0;
    size_t cursor = 0, n_seen = 0;
    VsKey key;
    void *value;

    vs_table_init(&table);
    for (uint64_t i = 0; i < 1000000; i++) {
        uint64_t random = vs_mix64(i + 1);
        /* Few keys, and fewer in some stretches, so that the table shrinks and regrows. */
        uint32_t n_keys = i / 100000 % 2 ? 300 : 30000;
        bool is_removal = (random >> 40) % 100 < (i / 100000 % 3 == 2 ? 65 : 45);

        key = flow_key(0x0A000000 + random % n_keys / 16, 1024 + random % 16,
                       0x0A600001, 80);
        if (is_removal) {
            value = vs_table_remove(&table, key);
            n_failures += value != g_hash_table_lookup(twin, &key);
            n_failures += (value != NULL) != g_hash_table_remove(twin, &key);
        } else if ((random >> 32 & 1) == 0) {
            n_failures += vs_table_find(&table, key) != g_hash_table_lookup(twin, &key);
        } else {
            bool is_new = !g_hash_table_contains(twin, &key);

            n_failures += vs_table_insert(&table, key, value_of(i)) != is_new;
            if (is_new) {
                g_hash_table_insert(twin, g_memdup2(&key, sizeof(key)), value_of(i));
            }
        }
        n_failures += vs_table_length(&table) != g_hash_table_size(twin);
    }
    while (vs_table_next(&table, &cursor, &key, &value)) {
        n_failures += g_hash_table_lookup(twin, &key) != value;
        n_seen++;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT_EQUAL(n_seen, vs_table_length(&table));
    CU_ASSERT(n_seen > 1000);
    vs_table_clear(&table);
}

/* The mean number of slots a search looks at, for present keys. */
static double
get_mean_probes(const VsTable *table)
{
    size_t n_probes = 0;

    for (size_t i = 0; i <= table->mask; i++) {
        if (table->slots[i].value) {
            size_t home = vs_key_hash(table->slots[i].key) >> table->shift;

            n_probes += ((i - home) & table->mask) + 1;
        }
    }
    return (double)n_probes / (double)table->length;
}

static void
test_regular_keys_spread_like_random_ones(void)
{
    /* As full as it gets, 5/8 of 2^17: random keys take (1 + 1/(1 - 5/8)) / 2 = 1.83 probes
     * on average (Knuth 6.4). */
    const uint64_t n = 5 << 14;

    for (unsigned pattern = 0; pattern < 6; pattern++) {
        VsTable table;
        double mean;

        vs_table_init(&table);
        for (uint64_t i = 0; i < n; i++) {
            uint32_t low = (uint32_t)i;
            VsKey key = {{0, 0}};

            switch (pattern) {
            case 0: /* Every port of two clients. */
                key = flow_key(0x0A000001 + (low >> 16), low & 0xFFFF, 0x0A600001, 80);
                break;
            case 1: /* Neighbouring clients, one port. */
                key = flow_key(0x0A000000 + low, 40000, 0x0A600001, 80);
                break;
            case 2: /* Counters. */
                key = (VsKey){{i, 0}};
                break;
            case 3:
                key = (VsKey){{0, i}};
                break;
            case 4: /* Pointers to pages. */
                key = (VsKey){{i << 12, i << 12}};
                break;
            case 5: /* High bits alone. */
                key = (VsKey){{i << 47, ~i << 47}};
                break;
            }
            CU_ASSERT_TRUE_FATAL(vs_table_insert(&table, key, value_of(i)));
        }
        CU_ASSERT_EQUAL(table.mask, (1 << 17) - 1);
        mean = get_mean_probes(&table);
        CU_ASSERT(mean > 1.7 && mean < 1.95);
        if (!(mean > 1.7 && mean < 1.95)) {
            printf("\n    pattern %u: %.3f probes\n", pattern, mean);
        }
        vs_table_clear(&table);
    }
}

static void
test_a_table_in_steady_use_keeps_its_size_and_speed(void)
{
    VsTable table;
    size_t mask;

    vs_table_init(&table);
    for (uint64_t i = 0; i < 10000; i++) {
        vs_table_insert(&table, (VsKey){{i, 0}}, value_of(i));
    }
    mask = table.mask;
    for (uint64_t i = 10000; i < 500000; i++) { /* The oldest goes, a new one comes. */
        CU_ASSERT_PTR_EQUAL_FATAL(vs_table_remove(&table, (VsKey){{i - 10000, 0}}),
                                  value_of(i - 10000));
        CU_ASSERT_TRUE_FATAL(vs_table_insert(&table, (VsKey){{i, 0}}, value_of(i)));
    }
    CU_ASSERT_EQUAL(table.mask, mask);
    CU_ASSERT(get_mean_probes(&table) < 1.95);
    vs_table_clear(&table);
}

static const VsTestCase tests[] = {
    {"an empty table holds no memory", test_an_empty_table_holds_no_memory},
    {"a key is inserted once", test_a_key_is_inserted_once},
    {"a million operations agree with GLib", test_a_million_operations_agree_with_glib},
    {"regular keys spread like random ones", test_regular_keys_spread_like_random_ones},
    {"a table in steady use keeps its size and speed",
     test_a_table_in_steady_use_keeps_its_size_and_speed},
    {0},
};

VS_TESTS("table")

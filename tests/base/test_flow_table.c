#include "base/flow_table.h"

#include <glib.h>

#include "base/hash.h"
#include "vs_test.h"

enum { N_OPERATIONS = 1000000 };

static guint
hash_for_glib(gconstpointer key)
{
    return (guint)vs_key_hash(*(const VsKey *)key);
}

static gboolean
equal_for_glib(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(VsKey)) == 0;
}

static VsKey
numbered_key(uint64_t i)
{
    return (VsKey){{0x0A000000 + (i >> 14), (i & 0x3FFF) << 48 | 80}};
}

/* The mean number of buckets a search for a present key looks at. */
static double
get_mean_probes(const VsFlowTable *table)
{
    size_t n_away = 0;

    for (uint32_t i = 0; i < table->n_buckets; i++) {
        n_away += table->buckets[i].words[VS_FLOW_BUCKET_LENGTH] >> 6;
    }
    return 1 + (double)n_away / (double)table->length;
}

static uint32_t
twin_find(GHashTable *twin, VsKey key)
{
    gpointer value;

    return g_hash_table_lookup_extended(twin, &key, NULL, &value)
               ? GPOINTER_TO_UINT(value)
               : VS_FLOW_TABLE_NONE;
}

static void
test_an_empty_table_holds_no_memory(void)
{
    VsFlowTable table;
    VsKey key = {{0, 0}};
    size_t cursor = 0;
    uint32_t value = 7;

    vs_flow_table_init(&table);
    CU_ASSERT_EQUAL(vs_flow_table_bytes(&table), 0);
    CU_ASSERT_EQUAL(vs_flow_table_find(&table, key), VS_FLOW_TABLE_NONE);
    CU_ASSERT_EQUAL(vs_flow_table_remove(&table, key), VS_FLOW_TABLE_NONE);
    CU_ASSERT_EQUAL(vs_flow_table_find_bulk(&table, &key, 1, &value), 0);
    CU_ASSERT_EQUAL(value, VS_FLOW_TABLE_NONE);
    CU_ASSERT_EQUAL(vs_flow_table_remove_bulk(&table, &key, 1, &value), 0);
    CU_ASSERT_FALSE(vs_flow_table_next(&table, &cursor, &key, &value));
    CU_ASSERT_TRUE(vs_flow_table_insert(&table, key, 0));
    CU_ASSERT_FALSE(vs_flow_table_insert(&table, key, 1));
    CU_ASSERT_EQUAL(vs_flow_table_find(&table, key), 0);
    vs_flow_table_clear(&table);
    CU_ASSERT_EQUAL(vs_flow_table_bytes(&table), 0);
}

/* One operation on table and twin; false if they differ. */
static bool
try_operation(VsFlowTable *table, GHashTable *twin, uint64_t i)
{
    uint64_t random = vs_mix64(i + 1);
    /* Few keys, and fewer in some stretches, so that the table empties and fills again. */
    VsKey key = numbered_key(random % (i / 100000 % 2 ? 300 : 30000));
    uint32_t before = twin_find(twin, key);

    if ((random >> 40) % 100 < (i / 100000 % 3 == 2 ? 65 : 45)) {
        g_hash_table_remove(twin, &key);
        return vs_flow_table_remove(table, key) == before;
    }
    if (random >> 32 & 1) {
        if (before == VS_FLOW_TABLE_NONE) {
            g_hash_table_insert(twin, g_memdup2(&key, sizeof(key)),
                                GUINT_TO_POINTER((guint)i));
        }
        return vs_flow_table_insert(table, key, (uint32_t)i) ==
               (before == VS_FLOW_TABLE_NONE);
    }
    return vs_flow_table_find(table, key) == before;
}

static void
test_a_million_operations_agree_with_glib(void)
{
    g_autoptr(GHashTable) twin =
        g_hash_table_new_full(hash_for_glib, equal_for_glib, g_free, NULL);
    unsigned n_failures = 0;
    size_t cursor = 0, n_seen = 0;
    VsFlowTable table;
    uint32_t value;
    VsKey key;

    vs_flow_table_init(&table);
    for (uint64_t i = 0; i < N_OPERATIONS; i++) {
        n_failures += !try_operation(&table, twin, i);
        n_failures += vs_flow_table_length(&table) != g_hash_table_size(twin);
    }
    while (vs_flow_table_next(&table, &cursor, &key, &value)) {
        n_failures += twin_find(twin, key) != value;
        n_seen++;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT_EQUAL(n_seen, g_hash_table_size(twin));
    CU_ASSERT(n_seen > 1000);
    vs_flow_table_clear(&table);
}

/* Batches of 'n' on one table, one by one on the other: results and tables stay the same. */
static void
check_bulk(VsSimd simd, size_t n)
{
    VsFlowTable bulk, single;
    unsigned n_failures = 0;
    VsKey keys[200];
    uint32_t values[200], results[200];

    vs_flow_table_init_simd(&bulk, simd);
    vs_flow_table_init(&single);
    for (uint64_t round = 0; round < 600; round++) {
        uint64_t range = round < 300 ? 20000 : 2000;
        size_t n_bulk, n_single = 0;

        for (size_t i = 0; i < n; i++) { /* Some twice in a batch. */
            keys[i] = numbered_key(vs_mix64(round * n + i) % range);
            values[i] = (uint32_t)(round * n + i);
        }
        if (round % 3 == 0) {
            n_bulk = vs_flow_table_remove_bulk(&bulk, keys, n, results);
        } else if (round % 3 == 1) {
            n_bulk = vs_flow_table_insert_bulk(&bulk, keys, values, n);
        } else {
            n_bulk = vs_flow_table_find_bulk(&bulk, keys, n, results);
        }
        for (size_t i = 0; i < n; i++) {
            uint32_t value;

            if (round % 3 == 1) {
                n_single += vs_flow_table_insert(&single, keys[i], values[i]);
                continue;
            }
            value = round % 3 == 0 ? vs_flow_table_remove(&single, keys[i])
                                   : vs_flow_table_find(&single, keys[i]);
            n_single += value != VS_FLOW_TABLE_NONE;
            n_failures += results[i] != value;
        }
        n_failures += n_bulk != n_single;
        n_failures += vs_flow_table_length(&bulk) != vs_flow_table_length(&single);
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT(n < 64 || vs_flow_table_length(&bulk) > 1000);
    vs_flow_table_clear(&bulk);
    vs_flow_table_clear(&single);
}

static void
test_bulk_equals_single_with_all_instructions(void)
{
    for (VsSimd simd = VS_SIMD_PLAIN; simd <= vs_simd_best(); simd++) {
        check_bulk(simd, 1);
        check_bulk(simd, 64);
        check_bulk(simd, 200);
    }
}

static void
test_an_entry_takes_26_bytes_at_the_design_load(void)
{
    const size_t lengths[] = {100, 5000, 100000, 300000};

    for (unsigned k = 0; k < G_N_ELEMENTS(lengths); k++) {
        VsFlowTable table;
        size_t bytes;

        vs_flow_table_init(&table);
        vs_flow_table_reserve(&table, lengths[k]);
        bytes = vs_flow_table_bytes(&table);
        for (uint64_t i = 0; i < lengths[k]; i++) {
            CU_ASSERT_TRUE_FATAL(vs_flow_table_insert(&table, numbered_key(i), 1));
        }
        if (lengths[k] > 100) { /* Else it is as small as it gets. */
            CU_ASSERT((double)bytes / (double)lengths[k] <= 26);
            CU_ASSERT_EQUAL(vs_flow_table_bytes(&table), bytes);
        }
        vs_flow_table_clear(&table);
    }
}

static void
test_filling_and_emptying_leaves_nothing_behind(void)
{
    const uint64_t n = 20000;
    VsFlowTable table;
    double fresh;
    size_t bytes;

    vs_flow_table_init(&table);
    vs_flow_table_reserve(&table, n);
    bytes = vs_flow_table_bytes(&table);
    for (uint64_t i = 0; i < n; i++) {
        vs_flow_table_insert(&table, numbered_key(i), 1);
    }
    fresh = get_mean_probes(&table);
    CU_ASSERT(fresh < 1.25);
    for (uint64_t cycle = 0; cycle < 10; cycle++) {
        for (uint64_t i = 0; i < n; i++) {
            vs_flow_table_remove(&table, numbered_key(cycle * n + i));
        }
        for (uint32_t i = 0; i < table.n_buckets; i++) {
            CU_ASSERT_EQUAL_FATAL(table.buckets[i].words[VS_FLOW_BUCKET_LENGTH], 0);
        }
        for (uint64_t i = 0; i < n; i++) {
            vs_flow_table_insert(&table, numbered_key((cycle + 1) * n + i), 1);
        }
        CU_ASSERT(get_mean_probes(&table) < fresh + 0.02);
    }
    CU_ASSERT_EQUAL(vs_flow_table_bytes(&table), bytes);
    vs_flow_table_clear(&table);
}

static void
test_steady_use_does_not_degrade_a_full_table(void)
{
    const uint64_t n = 20000;
    VsFlowTable table;
    double probes = 0;
    size_t bytes;

    vs_flow_table_init(&table);
    vs_flow_table_reserve(&table, n);
    bytes = vs_flow_table_bytes(&table);
    for (uint64_t i = 0; i < 20 * n; i++) { /* The oldest goes, a new one comes. */
        if (i >= n) {
            CU_ASSERT_EQUAL_FATAL(vs_flow_table_remove(&table, numbered_key(i - n)),
                                  i - n);
        }
        CU_ASSERT_TRUE_FATAL(
            vs_flow_table_insert(&table, numbered_key(i), (uint32_t)i));
        if (i == 5 * n) {
            probes = get_mean_probes(&table);
        }
    }
    CU_ASSERT(probes < 1.43);
    CU_ASSERT(get_mean_probes(&table) < probes + 0.02);
    CU_ASSERT_EQUAL(vs_flow_table_bytes(&table), bytes);
    vs_flow_table_clear(&table);
}

static const VsTestCase tests[] = {
    {"an empty table holds no memory", test_an_empty_table_holds_no_memory},
    {"a million operations agree with GLib", test_a_million_operations_agree_with_glib},
    {"bulk equals single with all instructions",
     test_bulk_equals_single_with_all_instructions},
    {"an entry takes 26 bytes at the design load",
     test_an_entry_takes_26_bytes_at_the_design_load},
    {"filling and emptying leaves nothing behind",
     test_filling_and_emptying_leaves_nothing_behind},
    {"steady use does not degrade a full table",
     test_steady_use_does_not_degrade_a_full_table},
    {0},
};

VS_TESTS("flow_table")

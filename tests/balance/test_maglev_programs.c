#include <glib.h>
#include <math.h>

#include "balance/balance_fixture.h"
#include "balance/maglev.h"
#include "base/hash.h"

/* ---- The filling -------------------------------------------------------------------- */

/* Each takes its next free slot by going through its permutation. */
static void
slow_fill(const VsMaglevEntry *entries, uint32_t n_entries, uint16_t *table,
          uint32_t size)
{
    g_autofree uint32_t *next = g_new(uint32_t, n_entries);
    uint32_t n_taken = 0;

    memset(table, 0xff, size * sizeof(*table));
    for (uint32_t i = 0; i < n_entries; i++) {
        next[i] = entries[i].offset;
    }
    while (n_taken < size) {
        for (uint32_t i = 0; i < n_entries; i++) {
            for (uint32_t turn = 0; turn < entries[i].turns && n_taken < size; turn++) {
                while (table[next[i]] != VS_MAGLEV_FREE) {
                    next[i] = (next[i] + entries[i].skip) % size;
                }
                table[next[i]] = entries[i].backend;
                n_taken++;
            }
        }
    }
}

static void
check_fill(VsRng *rng, uint32_t n, uint32_t size)
{
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, n);
    g_autofree uint16_t *table = g_new(uint16_t, size);
    g_autofree uint16_t *expected = g_new(uint16_t, size);

    for (uint32_t i = 0; i < n; i++) {
        entries[i] = (VsMaglevEntry){
            .backend = (uint16_t)i,
            .offset = (uint32_t)vs_rng_below(rng, size),
            .skip = (uint32_t)vs_rng_below(rng, size - 1) + 1,
            .turns = (uint32_t)vs_rng_below(rng, 4) + (i == 0),
        };
    }
    vs_maglev_fill(entries, n, table, size);
    slow_fill(entries, n, expected, size);
    CU_ASSERT_EQUAL(memcmp(table, expected, size * sizeof(*table)), 0);
}

static void
test_the_filling_agrees_with_a_plain_one(void)
{
    static const uint32_t sizes[] = {3, 5, 7, 251, 4093, 65537, 131071};
    VsRng rng;

    vs_rng_init(&rng, 5, "test", "fill");
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (unsigned n = 1; n <= 1000; n = 3 * n + 1) {
            check_fill(&rng, n, sizes[i]);
        }
    }
}

/* ---- Shares and moves, of every kind of Maglev ----------------------------------------- */

static const char *const kinds[] = {"maglev", "katran-maglev", "cilium-maglev",
                                    "envoy-maglev", "gcp-flow"};

static VsBalancer
maglev_new(const char *kind, const uint32_t *weights, unsigned n)
{
    VsBalancer balancer = balancer_new_with(
        kind, strcmp(kind, "cilium-maglev") == 0 ? "table-size=65521" : "");

    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("10.0.0.%u:80", i + 1);

        vs_balancer_add(&balancer, name, weights ? weights[i] : 1);
    }
    balancer_pick_text(&balancer, "192.0.2.1:1234 198.51.100.1:80");
    return balancer;
}

static uint16_t *
copy_table(const VsBalancer *balancer)
{
    const VsMaglev *maglev = balancer->state;

    return g_memdup2(maglev->table, maglev->size * sizeof(uint16_t));
}

static void
test_shares_are_within_one_percent(void)
{
    static const uint32_t weights[] = {1, 7, 13, 20, 33, 26};
    enum { N = G_N_ELEMENTS(weights) };

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        VsBalancer balancer = maglev_new(kinds[k], weights, N);
        const VsMaglev *maglev = balancer.state;
        unsigned counts[N] = {0};

        for (uint32_t slot = 0; slot < maglev->size; slot++) {
            CU_ASSERT_FATAL(maglev->table[slot] < N);
            counts[maglev->table[slot]]++;
        }
        for (unsigned i = 0; i < N; i++) {
            double fair = (double)maglev->size * weights[i] / 100;

            CU_ASSERT(fabs(counts[i] - fair) <= 0.01 * fair);
        }
        vs_balancer_clear(&balancer);
    }
}

static void
test_a_removal_moves_little(void)
{
    enum { N = 10 };

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        VsBalancer balancer = maglev_new(kinds[k], NULL, N);
        const VsMaglev *maglev = balancer.state;
        g_autofree uint16_t *before = copy_table(&balancer);
        unsigned n_orphans = 0;
        unsigned n_disturbed = 0;

        vs_balancer_remove(&balancer, 4);
        balancer_pick_text(&balancer, "192.0.2.1:1234 198.51.100.1:80");
        for (uint32_t slot = 0; slot < maglev->size; slot++) {
            CU_ASSERT_FATAL(maglev->table[slot] != 4);
            n_orphans += before[slot] == 4;
            n_disturbed += before[slot] != 4 && maglev->table[slot] != before[slot];
        }
        CU_ASSERT(n_orphans <= maglev->size / N + 1);
        CU_ASSERT(n_disturbed < 0.03 * maglev->size);
        vs_balancer_clear(&balancer);
    }
}

static void
test_nobody_left_is_nobody_picked(void)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        VsBalancer balancer = maglev_new(kinds[k], NULL, 1);

        vs_balancer_set_up(&balancer, 0, false);
        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, "192.0.2.1:1234 198.51.100.1:80"),
                        VS_BALANCER_NONE);
        CU_ASSERT_EQUAL(vs_maglev_table(&balancer)[0], VS_MAGLEV_FREE);
        vs_balancer_clear(&balancer);
    }
}

/* ---- Katran ------------------------------------------------------------------------- */

/* katran/lib/tests/MaglevHashTest.cpp: of 7 slots weights 2 and 1 take 5 and 2, whatever the
 * hashes, for the lesser one sits out the first round. */
static void
test_a_lesser_weight_of_katran_sits_out_rounds(void)
{
    VsBalancer balancer = balancer_new_with("katran-maglev", "table-size=7");
    unsigned counts[2] = {0};

    vs_balancer_add(&balancer, "10.0.0.1", 2);
    vs_balancer_add(&balancer, "10.0.0.2", 1);
    balancer_pick_text(&balancer, "192.0.2.1:1234 198.51.100.1:80");
    for (unsigned i = 0; i < 7; i++) {
        counts[vs_maglev_table(&balancer)[i]]++;
    }
    CU_ASSERT_EQUAL(counts[0], 5);
    CU_ASSERT_EQUAL(counts[1], 2);
    vs_balancer_clear(&balancer);
}

/* ---- Cilium ------------------------------------------------------------------------- */

/* pkg/maglev/maglev_test.go, TestWeightedBackendWithRemoval. */
static void
test_weights_of_cilium_give_its_counts(void)
{
    static const char *const names[] = {"one", "three", "two", "tzwe"};
    static const uint32_t weights[] = {2, 13, 111, 10};
    static const unsigned expected[] = {16, 98, 832, 75};
    VsBalancer balancer = balancer_new_with("cilium-maglev", "table-size=1021");
    g_autofree uint16_t *before = NULL;
    unsigned counts[4] = {0};
    unsigned n_changes = 0;

    for (unsigned i = 0; i < 4; i++) {
        vs_balancer_add(&balancer, names[i], weights[i]);
    }
    balancer_pick_text(&balancer, "192.0.2.1:1234 198.51.100.1:80");
    before = copy_table(&balancer);
    for (unsigned slot = 0; slot < 1021; slot++) {
        counts[before[slot]]++;
    }
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(counts[i], expected[i]);
    }
    vs_balancer_remove(&balancer, 0);
    balancer_pick_text(&balancer, "192.0.2.1:1234 198.51.100.1:80");
    for (unsigned slot = 0; slot < 1021; slot++) {
        n_changes +=
            before[slot] != 0 && before[slot] != vs_maglev_table(&balancer)[slot];
    }
    CU_ASSERT(n_changes < 0.01 * 1021);
    vs_balancer_clear(&balancer);
}

/* MurmurHash3's own verification: hashes of keys 0, 1, .. of every length below 256 with
 * seed 256 - length, hashed together (SMHasher, KeysetTest.cpp, VerificationTest). */
static void
test_murmur3_passes_its_verification(void)
{
    uint8_t key[256];
    uint64_t hashes[256][2];
    uint64_t h1;
    uint64_t h2;

    for (unsigned i = 0; i < 256; i++) {
        key[i] = (uint8_t)i;
        vs_murmur3_128(key, i, 256 - i, &h1, &h2);
        hashes[i][0] = GUINT64_TO_LE(h1);
        hashes[i][1] = GUINT64_TO_LE(h2);
    }
    vs_murmur3_128(hashes, sizeof(hashes), 0, &h1, &h2);
    CU_ASSERT_EQUAL((uint32_t)h1, 0x6384BA69u);
}

static void
test_addresses_of_a_service_agree_at_cilium(void)
{
    VsBalancer balancer = maglev_new("cilium-maglev", NULL, 10);

    for (unsigned port = 1; port < 300; port++) {
        g_autofree char *a = g_strdup_printf("192.0.2.1:%u 198.51.100.1:80", port);
        g_autofree char *b = g_strdup_printf("192.0.2.1:%u 10.96.0.1:80", port);

        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, a),
                        balancer_pick_text(&balancer, b));
    }
    vs_balancer_clear(&balancer);
}

static void
test_other_table_sizes_are_refused(void)
{
    static const char *const settings[] = {"table-size=65537", NULL};
    g_autoptr(GError) error = NULL;
    VsBalancer balancer;

    CU_ASSERT_FALSE(vs_balancer_init(&balancer, vs_balancer_kind_find("cilium-maglev"),
                                     settings, &(VsRng){0}, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(error->message, "16381"));
}

/* Picks of 'n' keys at once are those of one by one, and are counted alike. */
static void
check_bulk(const char *kind, const char *settings, VsSimd simd, size_t n)
{
    VsBalancer one = balancer_new_with(kind, settings);
    VsBalancer many = balancer_new_with(kind, settings);
    g_autofree VsBalanceKey *keys = g_new0(VsBalanceKey, n + 1);
    g_autofree uint32_t *picks = g_new(uint32_t, n + 1);
    static const uint8_t address[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

    for (uint32_t i = 0; i < 20; i++) {
        g_autofree char *name = g_strdup_printf("10.0.0.%u", i);

        vs_balancer_add(&one, name, i % 3);
        vs_balancer_add(&many, name, i % 3);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t random = vs_mix64(i + 1);

        keys[i].flow = (VsFlow){.saddr = (VsAddr)random,
                                .sport = (uint16_t)(random >> 32),
                                .dport = (uint16_t)(random >> 48),
                                .protocol = VS_PROTOCOL_TCP,
                                .family = VS_FAMILY_IPV4};
        keys[i].data = i % 7 == 0 ? address : NULL;
        keys[i].bytes = i % 7 == 0 ? sizeof(address) : 0;
    }
    if (many.kind->pick_bulk) {
        ((VsMaglev *)many.state)->simd = simd;
    }
    picks[n] = 12345;
    vs_balancer_pick_bulk(&many, keys, n, picks);
    CU_ASSERT_EQUAL(picks[n], 12345);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(picks[i], vs_balancer_pick(&one, &keys[i]));
    }
    for (uint32_t i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(many.backends[i].n_picked, one.backends[i].n_picked);
        CU_ASSERT_EQUAL(many.backends[i].n_active, one.backends[i].n_active);
    }
    vs_balancer_clear(&one);
    vs_balancer_clear(&many);
}

static void
test_bulk_picks_are_those_of_one_by_one(void)
{
    CU_ASSERT_PTR_NOT_NULL(vs_balancer_kind_find("katran-maglev")->pick_bulk);
    for (VsSimd simd = VS_SIMD_PLAIN; vs_simd_is_supported(simd);
         simd = (VsSimd)(simd + 1)) {
        for (size_t n = 0; n < 200; n += 13) {
            check_bulk("katran-maglev", "", simd, n);
        }
        check_bulk("katran-maglev", "table-size=251", simd, 3000);
    }
    check_bulk("least-conn", "", VS_SIMD_PLAIN, 200); /* By the default: in order. */
}

static void
test_nobody_is_picked_in_bulk_when_nobody_is_left(void)
{
    VsBalancer balancer = balancer_new_with("katran-maglev", "");
    const VsBalanceKey keys[3] = {{0}};
    uint32_t picks[3] = {0, 0, 0};

    vs_balancer_pick_bulk(&balancer, keys, 3, picks);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(picks[i], VS_BALANCER_NONE);
    }
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"bulk picks are those of one by one", test_bulk_picks_are_those_of_one_by_one},
    {"nobody is picked in bulk when nobody is left",
     test_nobody_is_picked_in_bulk_when_nobody_is_left},
    {"the filling agrees with a plain one", test_the_filling_agrees_with_a_plain_one},
    {"shares are within one per cent of the weights",
     test_shares_are_within_one_percent},
    {"a removal moves little", test_a_removal_moves_little},
    {"with nobody left nobody is picked", test_nobody_left_is_nobody_picked},
    {"a lesser weight of Katran sits out rounds",
     test_a_lesser_weight_of_katran_sits_out_rounds},
    {"weights of Cilium give the counts of its test",
     test_weights_of_cilium_give_its_counts},
    {"MurmurHash3 passes its verification", test_murmur3_passes_its_verification},
    {"addresses of a service agree at Cilium",
     test_addresses_of_a_service_agree_at_cilium},
    {"other table sizes than Cilium's are refused", test_other_table_sizes_are_refused},
    {0},
};

VS_TESTS("maglev of programs")

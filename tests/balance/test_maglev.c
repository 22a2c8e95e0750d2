#include <glib.h>
#include <math.h>

#include "balance/balance_fixture.h"
#include "balance/maglev.h"
#include "base/hash.h"

static VsBalancer
maglev_new(unsigned n_backends, uint32_t table_size)
{
    g_autofree char *settings = g_strdup_printf("table-size=%u", table_size);
    VsBalancer balancer = balancer_new_with("maglev", settings);

    for (unsigned i = 0; i < n_backends; i++) {
        g_autofree char *name = g_strdup_printf("backend-%u", i);

        vs_balancer_add(&balancer, name, 1);
    }
    return balancer;
}

static uint32_t
size_of(const VsBalancer *balancer)
{
    return (uint32_t)balancer->params[0];
}

/* The table, which a pick makes; a copy. */
static uint16_t *
table_of(VsBalancer *balancer)
{
    vs_balancer_release(balancer, balancer_pick_number(balancer, 0), NULL);
    return g_memdup2(vs_maglev_table(balancer), size_of(balancer) * sizeof(uint16_t));
}

static unsigned *
slots_of(VsBalancer *balancer)
{
    g_autofree uint16_t *table = table_of(balancer);
    unsigned *slots = g_new0(unsigned, balancer->n_backends);

    for (uint32_t slot = 0; slot < size_of(balancer); slot++) {
        CU_ASSERT_FATAL(table[slot] < balancer->n_backends);
        slots[table[slot]]++;
    }
    return slots;
}

/* Table 1 of the paper: permutations 3 0 4 1 5 2 6, 0 2 4 6 1 3 5 and 3 4 5 6 0 1 2 fill 7
 * slots with B1 B0 B1 B0 B2 B2 B0.  Our permutations come from other hashes, so here its
 * pseudocode is run with ours, on lists written out in full. */
static void
slow_maglev(VsBalancer *balancer, uint16_t *table)
{
    uint32_t size = size_of(balancer);
    unsigned n = balancer->n_backends;
    g_autofree uint32_t *permutation = g_new(uint32_t, (size_t)n * size);
    g_autofree uint32_t *next = g_new0(uint32_t, n);
    uint32_t n_filled = 0;

    for (unsigned i = 0; i < n; i++) {
        const char *name = balancer->backends[i].name;
        uint64_t h1 =
            vs_siphash_2_4(name, strlen(name), UINT64_C(0x6f66667365740000), 0);
        uint64_t h2 =
            vs_siphash_2_4(name, strlen(name), UINT64_C(0x736b697000000000), 0);
        uint64_t offset = h1 % size;
        uint64_t skip = h2 % (size - 1) + 1;

        for (uint32_t j = 0; j < size; j++) {
            permutation[(size_t)i * size + j] = (uint32_t)((offset + j * skip) % size);
        }
    }
    memset(table, 0xff, size * sizeof(*table));
    while (true) {
        for (unsigned i = 0; i < n; i++) {
            uint32_t c = permutation[(size_t)i * size + next[i]];

            while (table[c] != UINT16_MAX) {
                next[i]++;
                c = permutation[(size_t)i * size + next[i]];
            }
            table[c] = (uint16_t)i;
            next[i]++;
            if (++n_filled == size) {
                return;
            }
        }
    }
}

static void
test_agrees_with_the_papers_pseudocode(void)
{
    static const uint32_t sizes[] = {7, 11, 101, 251, 4099};

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (unsigned n = 1; n <= 6; n++) {
            VsBalancer balancer = maglev_new(n, sizes[i]);
            g_autofree uint16_t *table = table_of(&balancer);
            g_autofree uint16_t *expected = g_new(uint16_t, sizes[i]);

            slow_maglev(&balancer, expected);
            CU_ASSERT_EQUAL(memcmp(table, expected, sizes[i] * sizeof(*table)), 0);
            vs_balancer_clear(&balancer);
        }
    }
}

static void
test_shares_are_within_one_percent(void)
{
    VsBalancer balancer = maglev_new(10, 65537);
    g_autofree unsigned *slots = slots_of(&balancer);
    double fair = 65537.0 / 10;

    for (unsigned i = 0; i < 10; i++) {
        CU_ASSERT(fabs(slots[i] - fair) <= 0.01 * fair);
    }
    vs_balancer_clear(&balancer);
}

/* In each round of the filling every backend takes a slot, so shares differ by one. */
static void
test_shares_differ_by_at_most_one(void)
{
    for (unsigned n = 1; n <= 64; n += 7) {
        VsBalancer balancer = maglev_new(n, 65521);
        g_autofree unsigned *slots = slots_of(&balancer);

        for (unsigned i = 0; i < n; i++) {
            CU_ASSERT(slots[i] == 65521 / n || slots[i] == 65521 / n + 1);
        }
        vs_balancer_clear(&balancer);
    }
}

static void
test_weights_give_shares(void)
{
    VsBalancer balancer = maglev_new(3, 65521);
    g_autofree unsigned *slots = NULL;

    vs_balancer_set_weight(&balancer, 0, 3);
    vs_balancer_set_weight(&balancer, 1, 2);
    slots = slots_of(&balancer);
    /* 65521 = 10920 rounds of 6, and one slot more for the first. */
    CU_ASSERT_EQUAL(slots[0], 3 * 10920 + 1);
    CU_ASSERT_EQUAL(slots[1], 2 * 10920);
    CU_ASSERT_EQUAL(slots[2], 10920);
    vs_balancer_clear(&balancer);
}

/* What the removed one had must move; of the rest the paper (section 5.3, figure 12) saw a
 * few per cent move as well. */
static void
test_removal_moves_little(void)
{
    enum { N = 10 };

    for (unsigned removed = 0; removed < N; removed++) {
        VsBalancer balancer = maglev_new(N, 65537);
        g_autofree uint16_t *before = table_of(&balancer);
        g_autofree uint16_t *after = NULL;
        unsigned n_orphans = 0;
        unsigned n_disturbed = 0;

        vs_balancer_set_up(&balancer, removed, false);
        after = table_of(&balancer);
        for (uint32_t slot = 0; slot < 65537; slot++) {
            CU_ASSERT_FATAL(after[slot] != removed);
            n_orphans += before[slot] == removed;
            n_disturbed += before[slot] != removed && after[slot] != before[slot];
        }
        CU_ASSERT(n_orphans <= 65537 / N + 1);
        CU_ASSERT(n_disturbed < 0.03 * 65537);
        vs_balancer_clear(&balancer);
    }
}

static void
test_return_restores_the_table(void)
{
    VsBalancer balancer = maglev_new(5, 4099);
    g_autofree uint16_t *before = table_of(&balancer);
    g_autofree uint16_t *after = NULL;

    vs_balancer_set_up(&balancer, 2, false);
    vs_balancer_release(&balancer, balancer_pick_number(&balancer, 1), NULL);
    vs_balancer_set_up(&balancer, 2, true);
    after = table_of(&balancer);
    CU_ASSERT_EQUAL(memcmp(before, after, 4099 * sizeof(*before)), 0);
    vs_balancer_clear(&balancer);
}

static void
test_a_key_keeps_its_backend(void)
{
    VsBalancer a = maglev_new(7, 65521);
    VsBalancer b = maglev_new(7, 65521); /* Another load balancer, the same choices. */

    for (uint32_t key = 0; key < 5000; key++) {
        uint32_t pick = balancer_pick_number(&a, key);

        CU_ASSERT_EQUAL(balancer_pick_number(&a, key), pick);
        CU_ASSERT_EQUAL(balancer_pick_number(&b, key), pick);
    }
    vs_balancer_clear(&a);
    vs_balancer_clear(&b);
}

static const VsTestCase tests[] = {
    {"the table is that of the paper's pseudocode",
     test_agrees_with_the_papers_pseudocode},
    {"ten backends share 65537 slots within one per cent",
     test_shares_are_within_one_percent},
    {"shares of slots differ by at most one", test_shares_differ_by_at_most_one},
    {"weights give shares of slots", test_weights_give_shares},
    {"a removal moves the removed one's slots and few others",
     test_removal_moves_little},
    {"a backend that comes back has its slots again", test_return_restores_the_table},
    {"a key keeps its backend, on every load balancer", test_a_key_keeps_its_backend},
    {0},
};

VS_TESTS("maglev")

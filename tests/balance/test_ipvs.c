/* IPVS' schedulers by turn and by load, each against a second way to the same picks. */
#include <string.h>

#include "balance/balance_fixture.h"

/* A balancer with servers 10.0.0.1:80, 10.0.0.2:80 ... of these weights, ended by -1. */
static VsBalancer
ipvs_new(const char *kind, const char *settings, const int *weights)
{
    VsBalancer balancer = balancer_new_with(kind, settings);

    for (unsigned i = 0; weights[i] >= 0; i++) {
        g_autofree char *name = g_strdup_printf("10.0.0.%u:80", i + 1);

        vs_balancer_add(&balancer, name, (uint32_t)weights[i]);
    }
    return balancer;
}

/* "ABC": the next picks; '-' is none.  What is picked is released at once. */
static void
check_picks(VsBalancer *balancer, const char *expected)
{
    g_autofree char *found = g_strdup(expected);

    for (unsigned i = 0; expected[i]; i++) {
        uint32_t backend = balancer_pick_number(balancer, 0xc0000201);

        found[i] = '-';
        if (backend != VS_BALANCER_NONE) {
            found[i] = (char)('A' + backend);
            vs_balancer_release(balancer, backend, NULL);
        }
    }
    CU_ASSERT_STRING_EQUAL(found, expected);
}

/* ---- rr ---- */

static void
test_rr_goes_on_from_the_predecessor_of_a_removed_one(void)
{
    VsBalancer balancer = ipvs_new("ipvs-rr", "", (const int[]){1, 5, 0, 1, 1, -1});

    check_picks(&balancer, "ABDEAB");
    vs_balancer_remove(&balancer, 1); /* The last pick: back to A, so on to D. */
    check_picks(&balancer, "DEA");
    vs_balancer_remove(&balancer, 0); /* The first one: back to the head. */
    check_picks(&balancer, "DED");
    vs_balancer_add(&balancer, "10.0.0.1:80", 1); /* At the end, as F. */
    check_picks(&balancer, "EFDEF");
    vs_balancer_remove(&balancer, 3); /* Not the last pick: the turn stays. */
    check_picks(&balancer, "EFE");
    vs_balancer_set_weight(&balancer, 4, 0);
    vs_balancer_set_up(&balancer, 5, false);
    check_picks(&balancer, "--");
    vs_balancer_set_up(&balancer, 5, true);
    check_picks(&balancer, "FF");
    vs_balancer_clear(&balancer);
}

/* Whoever is usable and was picked longest ago; of those never picked, the first. */
static void
test_rr_is_the_longest_unpicked(void)
{
    VsBalancer balancer =
        ipvs_new("ipvs-rr", "", (const int[]){1, 1, 1, 1, 1, 1, 1, -1});
    unsigned last[7] = {0};

    for (unsigned step = 1; step <= 1000; step++) {
        unsigned best = 0;

        for (unsigned i = 1; i < 7; i++) {
            best = last[i] < last[best] ? i : best;
        }
        last[best] = step;
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, step), best);
    }
    vs_balancer_clear(&balancer);
}

/* ---- wrr ---- */

/* The first pass, of weight 1, is the one that A alone had. */
static void
test_wrr_vectors(void)
{
    VsBalancer balancer = ipvs_new("ipvs-wrr", "", (const int[]){4, 3, 2, -1});

    check_picks(&balancer, "ABCAABABCABCAABABCABC");
    vs_balancer_clear(&balancer);
    balancer = ipvs_new("ipvs-wrr", "", (const int[]){3, 1, 1, -1});
    check_picks(&balancer, "ABCAAABCAAABC");
    vs_balancer_clear(&balancer);
    /* In the pass of weight 3 weights become 4 and 2, whose passes are 3 and 1. */
    balancer = ipvs_new("ipvs-wrr", "", (const int[]){3, 1, -1});
    check_picks(&balancer, "ABA");
    vs_balancer_set_weight(&balancer, 1, 2);
    vs_balancer_set_weight(&balancer, 0, 4);
    check_picks(&balancer, "AABAAB");
    vs_balancer_clear(&balancer);
    balancer = ipvs_new("ipvs-wrr", "", (const int[]){0, 0, -1});
    check_picks(&balancer, "--");
    vs_balancer_clear(&balancer);
}

/* A cycle written out: for each weight from the greatest down by the divisor, all servers of
 * at least so much.  Adding servers one by one leaves the start somewhere in it. */
static void
fill_cycle(const int *weights, int step, GArray *cycle)
{
    for (int weight = 100; weight > 0; weight -= step) {
        for (uint32_t i = 0; weights[i] >= 0; i++) {
            if (weights[i] >= weight) {
                g_array_append_val(cycle, i);
            }
        }
    }
}

static void
test_wrr_is_the_expanded_cycle(void)
{
    static const struct {
        int step;
        int weights[8];
    } sets[] = {{1, {5, 1, 1, -1}},
                {10, {10, 0, 20, -1}},
                {2, {6, 4, 2, 8, -1}},
                {1, {1, 1, -1}},
                {1, {7, 3, -1}},
                {1, {100, 1, -1}},
                {20, {60, 0, 20, 40, 80, 20, -1}}};

    for (unsigned s = 0; s < G_N_ELEMENTS(sets); s++) {
        VsBalancer balancer = ipvs_new("ipvs-wrr", "", sets[s].weights);
        g_autoptr(GArray) cycle = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        uint32_t picks[1000];
        unsigned n_right = 0;

        fill_cycle(sets[s].weights, sets[s].step, cycle);
        for (unsigned i = 0; i < G_N_ELEMENTS(picks); i++) {
            picks[i] = balancer_pick_number(&balancer, i);
        }
        for (unsigned start = 0; start < cycle->len && n_right < 1000; start++) {
            for (n_right = 0; n_right < 1000; n_right++) {
                unsigned at = (start + n_right) % cycle->len;

                if (picks[n_right] != g_array_index(cycle, uint32_t, at)) {
                    break;
                }
            }
        }
        CU_ASSERT_EQUAL(n_right, 1000);
        vs_balancer_clear(&balancer);
    }
}

/* ---- By load ---- */

typedef struct {
    uint32_t backend;
    uint64_t load;
    uint64_t weight;
    bool comes_first; /* Whatever the load. */
} Candidate;

static int
by_load(const void *a_, const void *b_)
{
    const Candidate *a = a_;
    const Candidate *b = b_;
    uint64_t left = a->load * b->weight;
    uint64_t right = b->load * a->weight;

    if (a->comes_first != b->comes_first) {
        return a->comes_first ? -1 : 1;
    }
    if (left != right && !a->comes_first) {
        return left < right ? -1 : 1;
    }
    return a->backend < b->backend ? -1 : 1;
}

/* What 'kind' asks of a backend; false: it is no candidate. */
static bool
candidate_of(const char *kind, const VsBackend *b, Candidate *ret)
{
    bool is_plain = strcmp(kind, "ipvs-lc") == 0;
    bool by_active = strcmp(kind, "ipvs-sed") == 0 || strcmp(kind, "ipvs-nq") == 0;

    if (b->weight == 0 || !b->is_up) {
        return false;
    }
    ret->load = by_active ? b->n_active + 1 : b->n_active * 256 + b->n_inactive;
    ret->weight = is_plain ? 1 : b->weight;
    ret->comes_first = strcmp(kind, "ipvs-nq") == 0 && b->n_active == 0;
    if (strcmp(kind, "ipvs-fo") == 0 || strcmp(kind, "ipvs-ovf") == 0) {
        ret->load = 1; /* The greatest weight is the least of these. */
        return kind[5] == 'f' || b->n_active <= b->weight;
    }
    return true;
}

static uint32_t
first_when_sorted(const char *kind, const VsBalancer *balancer)
{
    Candidate candidates[8];
    unsigned n = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        candidates[n].backend = i;
        n += candidate_of(kind, &balancer->backends[i], &candidates[n]);
    }
    qsort(candidates, n, sizeof(Candidate), by_load);
    return n > 0 ? candidates[0].backend : VS_BALANCER_NONE;
}

/* A thousand picks among which connections begin to close, close, and weights change. */
static void
check_sorted(const char *kind)
{
    VsBalancer balancer = ipvs_new(kind, "", (const int[]){4, 3, 2, 0, 1, 3, -1});
    unsigned n_none = 0;
    VsRng rng;

    vs_rng_init(&rng, 3, kind, "loads");
    for (unsigned step = 0; step < 1000; step++) {
        uint32_t i = (uint32_t)vs_rng_below(&rng, balancer.n_backends);
        VsBackend *b = &balancer.backends[i];
        uint32_t expected;

        if (vs_rng_below(&rng, 2) == 0 && b->n_active > 0) {
            vs_balancer_release(&balancer, i, NULL);
            b->n_inactive++;
        } else if (vs_rng_below(&rng, 4) == 0 && b->n_inactive > 0) {
            b->n_inactive--;
        } else if (vs_rng_below(&rng, 20) == 0) {
            vs_balancer_set_weight(&balancer, i, (uint32_t)vs_rng_below(&rng, 6));
        } else if (vs_rng_below(&rng, 20) == 0) {
            vs_balancer_set_up(&balancer, i, !b->is_up);
        }
        expected = first_when_sorted(kind, &balancer);
        n_none += expected == VS_BALANCER_NONE;
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, step), expected);
    }
    CU_ASSERT(n_none < 900);
    vs_balancer_clear(&balancer);
}

static void
test_choices_by_load_are_the_first_when_sorted(void)
{
    check_sorted("ipvs-lc");
    check_sorted("ipvs-wlc");
    check_sorted("ipvs-sed");
    check_sorted("ipvs-nq");
    check_sorted("ipvs-fo");
    check_sorted("ipvs-ovf");
}

static void
test_closing_connections_count_a_256th(void)
{
    VsBalancer balancer = ipvs_new("ipvs-lc", "", (const int[]){1, 9, 1, -1});

    balancer.backends[0].n_active = 1;
    balancer.backends[1].n_inactive = 256;
    balancer.backends[2].n_inactive = 255;
    check_picks(&balancer, "C");
    balancer.backends[2].n_inactive = 256;
    check_picks(&balancer, "A");
    vs_balancer_clear(&balancer);
}

/* Weight w takes w + 1, the last with w active; then the next one. */
static void
test_ovf_overflows(void)
{
    VsBalancer balancer = ipvs_new("ipvs-ovf", "", (const int[]){1, 3, 0, -1});

    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, i), 1);
    }
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 5), 0);
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 6), 0);
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 7), VS_BALANCER_NONE);
    vs_balancer_clear(&balancer);
}

/* ---- Thresholds ---- */

static void
test_thresholds(void)
{
    VsBalancer balancer =
        ipvs_new("ipvs-fo", "u-threshold=4 l-threshold=2", (const int[]){9, 1, -1});

    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, i), 0);
    }
    check_picks(&balancer, "B");
    vs_balancer_release(&balancer, 0, NULL); /* 3 */
    vs_balancer_release(&balancer, 0, NULL); /* 2 */
    check_picks(&balancer, "B");
    balancer.backends[0].n_inactive = 1; /* Closing ones count. */
    vs_balancer_release(&balancer, 0, NULL);
    check_picks(&balancer, "B");
    balancer.backends[0].n_inactive = 0; /* 1 is below 2. */
    check_picks(&balancer, "A");
    vs_balancer_clear(&balancer);
}

/* Without a lower one 3/4 of the upper: 4n < 3 * 4 is n <= 2. */
static void
test_threshold_of_three_quarters(void)
{
    static const char *const kinds[] = {"ipvs-rr", "ipvs-wrr", "ipvs-lc",  "ipvs-wlc",
                                        "ipvs-nq", "ipvs-sed", "ipvs-ovf", "ipvs-mh",
                                        "ipvs-sh", "ipvs-dh",  "ipvs-fo"};

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        VsBalancer balancer =
            ipvs_new(kinds[k], "u-threshold=4", (const int[]){20, -1});

        for (unsigned i = 0; i < 4; i++) {
            CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 7), 0);
        }
        vs_balancer_release(&balancer, 0, NULL);
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 7), VS_BALANCER_NONE);
        vs_balancer_release(&balancer, 0, NULL);
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 7), 0);
        vs_balancer_clear(&balancer);
    }
}

static void
test_lower_thresholds_are_lower(void)
{
    static const char *const settings[] = {"u-threshold=2", "l-threshold=3", NULL};
    g_autoptr(GError) error = NULL;
    VsBalancer balancer;
    const VsRng rng = {0};

    CU_ASSERT(!vs_balancer_init(&balancer, vs_balancer_kind_find("ipvs-wrr"), settings,
                                &rng, &error));
    CU_ASSERT_STRING_EQUAL(error->message,
                           "l-threshold=3 is above u-threshold=2; write "
                           "no more than that");
}

static const VsTestCase tests[] = {
    {"rr goes on from the predecessor of a removed one",
     test_rr_goes_on_from_the_predecessor_of_a_removed_one},
    {"rr is the longest unpicked", test_rr_is_the_longest_unpicked},
    {"wrr vectors", test_wrr_vectors},
    {"wrr is the expanded cycle", test_wrr_is_the_expanded_cycle},
    {"choices by load are the first when sorted",
     test_choices_by_load_are_the_first_when_sorted},
    {"closing connections count a 256th", test_closing_connections_count_a_256th},
    {"ovf overflows", test_ovf_overflows},
    {"thresholds", test_thresholds},
    {"a threshold of three quarters", test_threshold_of_three_quarters},
    {"lower thresholds are lower", test_lower_thresholds_are_lower},
    {0},
};
VS_TESTS("ipvs")

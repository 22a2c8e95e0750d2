#include <glib.h>
#include <math.h>

#include "balance/balance_fixture.h"
#include "balance/edf.h"
#include "balance/hash_ring.h"
#include "balance/maglev.h"
#include "base/fmath.h"
#include "base/hash.h"

/* Hosts 127.0.0.1:FIRST, :FIRST+1 ... as in Envoy's own tests, with weights. */
static void
add_hosts(VsBalancer *balancer, unsigned first, const uint32_t *weights, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("127.0.0.1:%u", first + i);

        vs_balancer_add(balancer, name, weights ? weights[i] : 1);
    }
}

static void
check_turns(VsBalancer *balancer, const char *expected)
{
    for (; *expected; expected++) {
        CU_ASSERT_EQUAL(vs_balancer_pick(balancer, &(VsBalanceKey){0}),
                        (uint32_t)(*expected - 'a'));
    }
}

/* ---- Turns -------------------------------------------------------------------------- */

static void
test_equal_weights_take_turns(void)
{
    VsBalancer balancer = balancer_new_with("envoy-round-robin", "start=first");

    add_hosts(&balancer, 80, (const uint32_t[]){7, 7, 7}, 3);
    check_turns(&balancer, "abcabc");
    vs_balancer_set_up(&balancer, 1, false); /* Turn 6 of two. */
    check_turns(&balancer, "acac");
    vs_balancer_clear(&balancer);
}

/* Deadlines of weights 3 and 2 are 1/3 2/3 1 ... and 1/2 1 ...: of those at 1 the one that
 * was put back first, at 1/2, is b. */
static void
test_weights_go_by_deadline(void)
{
    VsBalancer balancer = balancer_new_with("envoy-round-robin", "start=first");

    add_hosts(&balancer, 80, (const uint32_t[]){3, 2}, 2);
    check_turns(&balancer, "ababa");
    vs_balancer_clear(&balancer);
}

/* The same by looking through all of them. */
static void
test_the_schedule_agrees_with_a_search(void)
{
    enum { N = 9, TURNS = 5000 };
    VsBalancer balancer = balancer_new_with("envoy-round-robin", "start=first");
    double deadlines[N];
    uint64_t orders[N];
    uint32_t weights[N];
    uint64_t n_added = N;
    VsRng rng;

    vs_rng_init(&rng, 3, "test", "weights");
    for (uint32_t i = 0; i < N; i++) {
        weights[i] = (uint32_t)vs_rng_below(&rng, 6) + 1;
        deadlines[i] = 1.0 / weights[i];
        orders[i] = i;
    }
    add_hosts(&balancer, 80, weights, N);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        uint32_t best = 0;

        for (uint32_t i = 1; i < N; i++) {
            if (deadlines[i] < deadlines[best] ||
                (deadlines[i] == deadlines[best] && orders[i] < orders[best])) {
                best = i;
            }
        }
        deadlines[best] += 1.0 / weights[best];
        orders[best] = n_added++;
        CU_ASSERT_EQUAL_FATAL(vs_balancer_pick(&balancer, &(VsBalanceKey){0}), best);
    }
    vs_balancer_clear(&balancer);
}

static void
test_the_random_start_is_fair(void)
{
    enum { N = 4, STARTS = 4000 };
    unsigned counts[N] = {0};
    double chi_square = 0;

    for (unsigned i = 0; i < STARTS; i++) {
        VsBalancer balancer;
        VsRng rng;

        vs_rng_init(&rng, i, "test", "backend");
        CU_ASSERT_FATAL(vs_balancer_init(
            &balancer, vs_balancer_kind_find("envoy-round-robin"), NULL, &rng, NULL));
        add_hosts(&balancer, 80, NULL, N);
        counts[vs_balancer_pick(&balancer, &(VsBalanceKey){0})]++;
        vs_balancer_clear(&balancer);
    }
    for (unsigned i = 0; i < N; i++) {
        chi_square += pow(counts[i] - (double)STARTS / N, 2) / ((double)STARTS / N);
    }
    CU_ASSERT(chi_square < 16.27); /* Three degrees of freedom, 0.1 %. */
}

/* ---- Load --------------------------------------------------------------------------- */

/* Of two drawn from n with replacement, an idle one among busy ones is missed with
 * (1 - 1/n)^2. */
static void
test_the_better_of_two_drawn_is_picked(void)
{
    enum { N = 4, PICKS = 40000 };
    VsBalancer balancer = balancer_new_with("envoy-least-request", "");
    double p = 1 - pow(1 - 1.0 / N, 2);
    unsigned n_idle = 0;

    add_hosts(&balancer, 80, NULL, N);
    for (unsigned i = 1; i < N; i++) {
        balancer.backends[i].n_active = 5;
    }
    for (unsigned i = 0; i < PICKS; i++) {
        uint32_t host = vs_balancer_pick(&balancer, &(VsBalanceKey){0});

        n_idle += host == 0;
        vs_balancer_release(&balancer, host, NULL);
    }
    CU_ASSERT(fabs(n_idle - p * PICKS) < 4 * sqrt(p * (1 - p) * PICKS));
    vs_balancer_clear(&balancer);
}

static void
test_the_full_scan_draws_among_the_least(void)
{
    enum { N = 5, PICKS = 30000 };
    VsBalancer balancer =
        balancer_new_with("envoy-least-request", "selection-method=full-scan");
    unsigned counts[N] = {0};
    double chi_square = 0;

    add_hosts(&balancer, 80, NULL, N);
    balancer.backends[1].n_active = 2;
    balancer.backends[3].n_active = 1;
    for (unsigned i = 0; i < PICKS; i++) {
        uint32_t host = vs_balancer_pick(&balancer, &(VsBalanceKey){0});

        counts[host]++;
        vs_balancer_release(&balancer, host, NULL);
    }
    CU_ASSERT_EQUAL(counts[1] + counts[3], 0);
    for (unsigned i = 0; i < N; i += 2) {
        chi_square += pow(counts[i] - PICKS / 3.0, 2) / (PICKS / 3.0);
    }
    CU_ASSERT(chi_square < 13.82); /* Two degrees of freedom, 0.1 %. */
    vs_balancer_clear(&balancer);
}

/* One of weight 2 with one request open counts as 2 / 2^1.5 under a bias of 150 %. */
static void
test_active_requests_lower_weights(void)
{
    enum { N = 3, TURNS = 300 };
    static const uint32_t weights[N] = {2, 3, 5};
    VsBalancer balancer =
        balancer_new_with("envoy-least-request", "active-request-bias=150");
    uint32_t active[N] = {0};
    VsEdf edf = {0};
    VsRng rng;

    add_hosts(&balancer, 80, weights, N);
    vs_rng_init(&rng, 7, "test", "backend"); /* The fixture's: its first is the seed. */
    vs_edf_reset(&edf, N);
    for (uint32_t i = 0; i < N; i++) {
        vs_edf_add(&edf, i, weights[i]);
    }
    for (uint64_t skip = vs_rng_u64(&rng) % N; skip > 0; skip--) {
        vs_edf_renew(&edf, weights[vs_edf_first(&edf)]);
    }
    for (unsigned turn = 0; turn < TURNS; turn++) {
        uint32_t expected = vs_edf_first(&edf);

        vs_edf_renew(&edf, weights[expected] / vs_pow(active[expected] + 1.0, 1.5));
        active[expected]++;
        CU_ASSERT_EQUAL_FATAL(vs_balancer_pick(&balancer, &(VsBalanceKey){0}),
                              expected);
        if (turn % 3 == 0) {
            vs_balancer_release(&balancer, expected, NULL);
            active[expected]--;
        }
    }
    vs_edf_clear(&edf);
    vs_balancer_clear(&balancer);
}

static void
test_random_heeds_no_weights(void)
{
    enum { N = 3, PICKS = 30000 };
    VsBalancer balancer = balancer_new_with("envoy-random", "");
    unsigned counts[N] = {0};
    double chi_square = 0;

    add_hosts(&balancer, 80, (const uint32_t[]){1, 10, 100}, N);
    for (unsigned i = 0; i < PICKS; i++) {
        counts[vs_balancer_pick(&balancer, &(VsBalanceKey){0})]++;
    }
    for (unsigned i = 0; i < N; i++) {
        chi_square += pow(counts[i] - (double)PICKS / N, 2) / ((double)PICKS / N);
    }
    CU_ASSERT(chi_square < 13.82);
    vs_balancer_clear(&balancer);
}

/* ---- Ring --------------------------------------------------------------------------- */

typedef struct Point {
    uint64_t hash;
    unsigned port;
} Point;

static void
check_ring(const char *settings, unsigned first, const uint32_t *weights, unsigned n,
           const Point *points, unsigned n_points)
{
    VsBalancer balancer = balancer_new_with("envoy-ring-hash", settings);
    const VsHashRing *ring = balancer.state;

    add_hosts(&balancer, first, weights, n);
    balancer_pick_text(&balancer, "");
    CU_ASSERT_EQUAL_FATAL(ring->n_points, n_points);
    for (unsigned i = 0; i < n_points; i++) {
        CU_ASSERT_EQUAL(ring->points[i].hash, points[i].hash);
        CU_ASSERT_EQUAL(ring->points[i].owner + first, points[i].port);
        CU_ASSERT_EQUAL(vs_hash_ring_find(ring, points[i].hash), i);
        CU_ASSERT_EQUAL(vs_hash_ring_find(ring, points[i].hash + 1),
                        (i + 1) % n_points);
    }
    CU_ASSERT_EQUAL(vs_hash_ring_find(ring, 0), 0);
    CU_ASSERT_EQUAL(vs_hash_ring_find(ring, UINT64_MAX), 0);
    vs_balancer_clear(&balancer);
}

/* Envoy's test/extensions/load_balancing_policies/ring_hash/ring_hash_lb_test.cc: Basic,
 * BasicWithMurmur2, HostWeightedTinyRing. */
static void
test_rings_are_envoys(void)
{
    static const Point basic[] = {
        {833437586790550860u, 94},   {928266305478181108u, 92},
        {1033482794131418490u, 90},  {3551244743356806947u, 95},
        {3851675632748031481u, 93},  {5583722120771150861u, 91},
        {6311230543546372928u, 91},  {7700377290971790572u, 93},
        {13144177310400110813u, 95}, {13444792449719432967u, 92},
        {15516499411664133160u, 94}, {16117243373044804889u, 90},
    };
    static const Point murmur2[] = {
        {1358027074129602068u, 85},  {4361834613929391114u, 83},
        {7224494972555149682u, 84},  {7701421856454313576u, 81},
        {8649315368077433379u, 82},  {8739448859063030639u, 84},
        {9887544217113020895u, 81},  {10150910876324007731u, 82},
        {15168472011420622455u, 83}, {15427156902705414897u, 80},
        {16375050414328759093u, 85}, {17613279263364193813u, 80},
    };
    static const Point weighted[] = {
        {928266305478181108u, 92},   {4443673547860492590u, 92},
        {5583722120771150861u, 91},  {6311230543546372928u, 91},
        {13444792449719432967u, 92}, {16117243373044804889u, 90},
    };

    check_ring("minimum-ring-size=12", 90, NULL, 6, basic, G_N_ELEMENTS(basic));
    check_ring("minimum-ring-size=12 hash-function=murmur-hash-2", 80, NULL, 6, murmur2,
               G_N_ELEMENTS(murmur2));
    check_ring("minimum-ring-size=6 maximum-ring-size=6", 90,
               (const uint32_t[]){1, 2, 3}, 3, weighted, G_N_ELEMENTS(weighted));
}

/* HostWeightedLargeRing of the same file. */
static void
test_a_large_ring_has_envoys_shares(void)
{
    VsBalancer balancer =
        balancer_new_with("envoy-ring-hash", "minimum-ring-size=6144");
    const VsHashRing *ring = balancer.state;
    unsigned counts[3] = {0};

    add_hosts(&balancer, 90, (const uint32_t[]){1, 2, 3}, 3);
    balancer_pick_text(&balancer, "");
    CU_ASSERT_EQUAL(ring->n_points, 6144);
    for (uint64_t i = 0; i < 6000; i++) {
        counts[ring->points[vs_hash_ring_find(ring, i * (UINT64_MAX / 6000))].owner]++;
    }
    CU_ASSERT_EQUAL(counts[0], 987);
    CU_ASSERT_EQUAL(counts[1], 1932);
    CU_ASSERT_EQUAL(counts[2], 3081);
    vs_balancer_clear(&balancer);
}

static void
test_the_index_of_a_ring_agrees_with_a_search(void)
{
    VsHashRing ring = {0};
    VsRng rng;

    vs_rng_init(&rng, 11, "test", "ring");
    for (unsigned n = 1; n < 600; n += 37) {
        vs_hash_ring_reset(&ring);
        for (unsigned i = 0; i < n; i++) {
            /* Half of them crowded into a corner. */
            vs_hash_ring_add(&ring, vs_rng_u64(&rng) >> (i % 2 * 40), i);
        }
        vs_hash_ring_seal(&ring);
        for (unsigned k = 0; k < 500; k++) {
            uint64_t hash = vs_rng_u64(&rng) >> (k % 2 * 40);
            uint32_t at = 0;

            while (at < n && ring.points[at].hash < hash) {
                at++;
            }
            CU_ASSERT_EQUAL(vs_hash_ring_find(&ring, hash), at % n);
        }
    }
    vs_hash_ring_clear(&ring);
}

static void
test_a_retry_goes_further_on_the_ring(void)
{
    VsBalancer balancer = balancer_new_with("envoy-ring-hash", "minimum-ring-size=12");
    const VsHashRing *ring = balancer.state;

    add_hosts(&balancer, 90, NULL, 6);
    for (uint32_t attempt = 0; attempt < 20; attempt++) {
        VsBalanceKey key = {.data = "key", .bytes = 3, .attempt = attempt};
        uint32_t host = vs_balancer_pick(&balancer, &key);
        uint32_t at = vs_hash_ring_find(ring, vs_xxhash64("key", 3, 0));

        CU_ASSERT_EQUAL(host, ring->points[(at + attempt) % 12].owner);
    }
    vs_balancer_clear(&balancer);
}

/* ---- Maglev ------------------------------------------------------------------------- */

static void
check_table(unsigned table_size, const uint32_t *weights, unsigned n,
            const char *expected)
{
    g_autofree char *settings = g_strdup_printf("table-size=%u", table_size);
    VsBalancer balancer = balancer_new_with("envoy-maglev", settings);

    add_hosts(&balancer, 90, weights, n);
    balancer_pick_text(&balancer, "");
    for (unsigned i = 0; i < table_size; i++) {
        CU_ASSERT_EQUAL(vs_maglev_table(&balancer)[i], expected[i] - '0');
    }
    vs_balancer_clear(&balancer);
}

/* Envoy's test/extensions/load_balancing_policies/maglev/maglev_lb_test.cc: Basic, Weighted,
 * LocalityWeightedSameLocalityWeights, LocalityWeightedDifferentLocalityWeights. */
static void
test_tables_are_envoys(void)
{
    check_table(7, NULL, 6, "2401503");
    check_table(17, (const uint32_t[]){1, 2}, 2, "10010110111110101");
    check_table(17, (const uint32_t[]){1, 1}, 2, "10010110010100101");
    check_table(17, (const uint32_t[]){8, 2}, 2, "10000010010100000");
}

static void
test_a_table_of_65537_slots_is_as_computed_elsewhere(void)
{
    static const char *const names[] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"};
    static const uint32_t places[][2] = {
        {56687, 43667}, {14925, 33890}, {39718, 51496}};
    static const uint16_t first[] = {2, 1, 2, 2, 1, 1, 0, 2};
    VsBalancer balancer = balancer_new_with("envoy-maglev", "");
    unsigned counts[3] = {0};

    for (unsigned i = 3; i-- > 0;) { /* The order of addition does not matter. */
        vs_balancer_add(&balancer, names[i], 1);
        CU_ASSERT_EQUAL(vs_xxhash64(names[i], 11, 0) % 65537, places[i][0]);
        CU_ASSERT_EQUAL(vs_xxhash64(names[i], 11, 1) % 65536 + 1, places[i][1]);
    }
    balancer_pick_text(&balancer, "");
    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        CU_ASSERT_EQUAL(2 - vs_maglev_table(&balancer)[i], first[i]);
    }
    for (unsigned i = 0; i < 65537; i++) {
        counts[2 - vs_maglev_table(&balancer)[i]]++;
    }
    CU_ASSERT_EQUAL(counts[0], 21846);
    CU_ASSERT_EQUAL(counts[1], 21846);
    CU_ASSERT_EQUAL(counts[2], 21845);
    vs_balancer_clear(&balancer);
}

/* BasicWithRetryHostPredicate of the same file: hash 10 is slot 3, with one retry slot 5 or
 * 2 (host 0), with two host 5. */
static void
test_a_retry_flips_the_hash(void)
{
    VsBalancer balancer = balancer_new_with("envoy-maglev", "table-size=7");

    add_hosts(&balancer, 90, NULL, 6);
    balancer_pick_text(&balancer, "");
    CU_ASSERT_EQUAL(vs_maglev_at(&balancer, 10), 1);
    CU_ASSERT_EQUAL(vs_maglev_at(&balancer, 10 ^ (UINT64_MAX - 1 + 1)), 0);
    CU_ASSERT_EQUAL(vs_maglev_at(&balancer, 10 ^ (UINT64_MAX - 2 + 1)), 5);
    for (uint32_t attempt = 0; attempt < 9; attempt++) {
        VsBalanceKey key = {.data = "key", .bytes = 3, .attempt = attempt};
        uint64_t hash = vs_xxhash64("key", 3, 0);

        hash ^= attempt > 0 ? UINT64_MAX - attempt + 1 : 0;
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key),
                        vs_maglev_at(&balancer, hash));
    }
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"equal weights take turns", test_equal_weights_take_turns},
    {"different weights go by deadline", test_weights_go_by_deadline},
    {"the schedule agrees with a search", test_the_schedule_agrees_with_a_search},
    {"the random start is fair", test_the_random_start_is_fair},
    {"the better of two drawn is picked", test_the_better_of_two_drawn_is_picked},
    {"the full scan draws among the least", test_the_full_scan_draws_among_the_least},
    {"active requests lower weights", test_active_requests_lower_weights},
    {"random heeds no weights", test_random_heeds_no_weights},
    {"rings are those of Envoy's tests", test_rings_are_envoys},
    {"a large ring has the shares of Envoy's test",
     test_a_large_ring_has_envoys_shares},
    {"the index of a ring agrees with a search",
     test_the_index_of_a_ring_agrees_with_a_search},
    {"a retry goes further on the ring", test_a_retry_goes_further_on_the_ring},
    {"tables are those of Envoy's tests", test_tables_are_envoys},
    {"a table of 65537 slots is as computed elsewhere",
     test_a_table_of_65537_slots_is_as_computed_elsewhere},
    {"a retry flips the hash's upper bits", test_a_retry_flips_the_hash},
    {0},
};

VS_TESTS("envoy")

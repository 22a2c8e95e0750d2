#include <glib.h>
#include <math.h>

#include "balance/balance_fixture.h"
#include "base/hash.h"

/* One round: for each level of weight all that reach it, from the greatest down. */
static unsigned
slow_round(const uint32_t *weights, unsigned n, uint32_t step, uint32_t *ret)
{
    unsigned length = 0;

    for (uint32_t level = 9 * step; level > 0; level -= step) {
        for (unsigned i = 0; i < n; i++) {
            if (weights[i] >= level) {
                ret[length++] = i;
            }
        }
    }
    return length;
}

/* Weights are multiples of 'step', one of them 'step' itself.  It starts in the first walk,
 * after any of the backends. */
static void
test_round_robin_walks_levels(void)
{
    VsRng rng;

    vs_rng_init(&rng, 1, "twin", "levels");
    for (unsigned trial = 0; trial < 100; trial++) {
        VsBalancer balancer = balancer_new_with("ingress-nginx-round-robin", "");
        unsigned n = 2 + (unsigned)vs_rng_below(&rng, 5);
        uint32_t step = 1 + (uint32_t)vs_rng_below(&rng, 3);
        uint32_t weights[6], round[6 * 9], picks[120];
        unsigned length, start;

        for (unsigned i = 0; i < n; i++) {
            weights[i] = step * (i == 0 ? 1 : 1 + (uint32_t)vs_rng_below(&rng, 9));
            vs_balancer_add(&balancer, "x", weights[i]);
        }
        length = slow_round(weights, n, step, round);
        for (unsigned i = 0; i < 120; i++) {
            picks[i] = balancer_pick_text(&balancer, "");
        }
        for (start = 0; start < length; start++) {
            unsigned same = 0;

            while (same < 120 && picks[same] == round[(start + same) % length]) {
                same++;
            }
            if (same == 120) {
                break;
            }
        }
        CU_ASSERT(start < length);
        vs_balancer_clear(&balancer);
    }
}

static void
test_round_robin_starts_anywhere_and_anew(void)
{
    VsBalancer balancer = balancer_new_with("ingress-nginx-round-robin", "");
    unsigned n_first[4] = {0};

    for (unsigned i = 0; i < 4; i++) {
        vs_balancer_add(&balancer, "x", 1);
    }
    for (unsigned i = 0; i < 100; i++) {
        uint32_t first = balancer_pick_text(&balancer, "");

        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), (first + 1) % 4);
        n_first[first]++;
        vs_balancer_set_up(&balancer, 0, false); /* Endpoints have changed. */
        vs_balancer_set_up(&balancer, 0, true);
    }
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT(n_first[i] > 8);
    }
    vs_balancer_clear(&balancer);
}

/* Test 1 of lua-resty-balancer's t/chash.t. */
static void
test_chash_counts_as_its_own_test(void)
{
    VsBalancer balancer = balancer_new_with("ingress-nginx-chash", "");

    vs_balancer_add(&balancer, "server1", 10);
    vs_balancer_add(&balancer, "server2", 2);
    vs_balancer_add(&balancer, "server3", 1);
    for (unsigned i = 1; i <= 100000; i++) {
        char text[8];

        snprintf(text, sizeof(text), "%u", i);
        balancer_pick_text(&balancer, text);
    }
    CU_ASSERT_EQUAL(balancer.backends[0].n_picked, 75588);
    CU_ASSERT_EQUAL(balancer.backends[1].n_picked, 16114);
    CU_ASSERT_EQUAL(balancer.backends[2].n_picked, 8298);
    vs_balancer_clear(&balancer);
}

/* The CRC bit by bit, its register begun with 'crc' as it is. */
static uint32_t
slow_crc(uint32_t crc, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
    }
    return ~crc;
}

/* The greatest of all points that is not above the key; else the least of all. */
static uint32_t
slow_chash(const VsBalancer *balancer, const char *key)
{
    uint32_t hash = slow_crc(UINT32_MAX, (const uint8_t *)key, strlen(key));
    uint32_t best = VS_BALANCER_NONE, best_hash = 0, least = 0, least_hash = UINT32_MAX;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        uint32_t base =
            slow_crc(UINT32_MAX, (const uint8_t *)backend->name, strlen(backend->name));
        uint32_t point = 0;

        for (uint32_t j = 0; backend->is_up && j < 160 * backend->weight; j++) {
            const uint8_t bytes[] = {(uint8_t)point, (uint8_t)(point >> 8),
                                     (uint8_t)(point >> 16), (uint8_t)(point >> 24)};

            point = slow_crc(base, bytes, 4);
            if (point <= hash && (best == VS_BALANCER_NONE || point >= best_hash)) {
                best = i;
                best_hash = point;
            }
            if (point < least_hash) {
                least = i;
                least_hash = point;
            }
        }
    }
    return best == VS_BALANCER_NONE ? least : best;
}

static void
test_chash_agrees_with_twin(void)
{
    VsBalancer balancer = balancer_new_with("ingress-nginx-chash", "");

    vs_balancer_add(&balancer, "10.0.0.1:80", 1);
    vs_balancer_add(&balancer, "10.0.0.2:80", 1);
    vs_balancer_add(&balancer, "10.0.0.3:80", 2);
    for (unsigned i = 0; i < 2000; i++) {
        char text[16];

        snprintf(text, sizeof(text), "/item/%u", i);
        if (i % 100 == 0) {
            vs_balancer_set_up(&balancer, i / 100 % 3, i / 300 % 2);
            vs_balancer_set_up(&balancer, (i / 100 + 1) % 3, true);
        }
        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, text),
                        slow_chash(&balancer, text));
    }
    vs_balancer_clear(&balancer);
}

/* Scores by the formula, in seconds; endpoints that never answered have 0. */
static void
test_ewma_agrees_with_twin(void)
{
    VsBalancer balancer = balancer_new_with("ingress-nginx-ewma", "");
    double ewma[5] = {0}, touched[5] = {-1e9, -1e9, -1e9, -1e9, -1e9};
    VsTime now = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "twin", "ewma");
    for (unsigned i = 0; i < 5; i++) {
        vs_balancer_add(&balancer, "x", 1);
    }
    for (unsigned step = 0; step < 3000; step++) {
        uint32_t order[5] = {0, 1, 2, 3, 4};
        VsBalanceKey key = {.now = now};
        VsBalanceOutcome outcome;
        VsRng copy = balancer.rng;
        double score[5];
        uint32_t pick = vs_balancer_pick(&balancer, &key);

        for (unsigned i = 0; i < 5; i++) {
            score[i] = ewma[i] * exp(-((double)now / VS_S - touched[i]) / 10);
        }
        for (unsigned i = 0; i < 2; i++) { /* The shuffle. */
            unsigned other = i + (unsigned)vs_rng_below(&copy, 5 - i);
            uint32_t kept = order[i];

            order[i] = order[other];
            order[other] = kept;
        }
        CU_ASSERT_EQUAL(pick, score[order[1]] < score[order[0]] ? order[1] : order[0]);
        outcome.latency = (1 + (VsTime)vs_rng_below(&rng, 100)) * VS_MS;
        outcome.now = now + outcome.latency;
        outcome.has_failed = false;
        now = outcome.now;
        ewma[pick] *= exp(-((double)now / VS_S - touched[pick]) / 10);
        ewma[pick] += (double)outcome.latency / VS_S *
                      (1 - exp(-((double)now / VS_S - touched[pick]) / 10));
        touched[pick] = (double)now / VS_S;
        vs_balancer_release(&balancer, pick, &outcome);
    }
    vs_balancer_clear(&balancer);
}

static void
test_ewma_starts_new_endpoints_with_the_mean(void)
{
    VsBalancer balancer = balancer_new_with("ingress-nginx-ewma", "");
    VsBalanceOutcome outcome = {.now = VS_S, .latency = 100 * VS_MS};
    g_autofree char *text = NULL;

    vs_balancer_add(&balancer, "a", 1);
    balancer_pick_text(&balancer, "");
    vs_balancer_release(&balancer, 0, &outcome); /* Its first: all of it counts. */
    vs_balancer_add(&balancer, "b", 1);
    vs_balancer_set_up(&balancer, 0, false);
    balancer_pick_text(&balancer, "");
    outcome.now = 10 * VS_S;
    outcome.latency = 0;
    vs_balancer_release(&balancer, 1, &outcome); /* Listed at 0 s: 10 s of decay. */
    text = vs_balancer_describe(&balancer);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "b ewma 0.036788 s\n")); /* 0.1 / e */
    CU_ASSERT_PTR_NULL(strstr(text, "a ewma"));
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"round robin walks levels of weight", test_round_robin_walks_levels},
    {"round robin starts anywhere, and anew",
     test_round_robin_starts_anywhere_and_anew},
    {"chash counts as its own test does", test_chash_counts_as_its_own_test},
    {"chash picks what its twin picks", test_chash_agrees_with_twin},
    {"ewma picks what its twin picks", test_ewma_agrees_with_twin},
    {"new endpoints start with the mean", test_ewma_starts_new_endpoints_with_the_mean},
    {0},
};

VS_TESTS("ingress-nginx")

#include <glib.h>

#include "balance/balance_fixture.h"

/* TestBalancerBias of Traefik's wrr_test.go. */
static void
test_wrr_spreads_as_traefiks_own_test_says(void)
{
    VsBalancer balancer = balancer_new_with("traefik-wrr", "shuffle=no");

    vs_balancer_add(&balancer, "A", 11);
    vs_balancer_add(&balancer, "B", 3);
    for (const char *expected = "AAABAAAABAAABA"; *expected; expected++) {
        uint32_t pick = balancer_pick_text(&balancer, "");

        CU_ASSERT_EQUAL(balancer.backends[pick].name[0], *expected);
    }
    vs_balancer_clear(&balancer);
}

/* Each pick has the least deadline of all: those that are down have theirs moved on. */
static void
test_wrr_picks_the_earliest_deadline(void)
{
    VsRng rng;

    vs_rng_init(&rng, 1, "twin", "wrr");
    for (unsigned round = 0; round < 50; round++) {
        VsBalancer balancer = balancer_new_with("traefik-wrr", "");
        unsigned n = 1 + (unsigned)vs_rng_below(&rng, 8);
        double deadline[8];
        bool may_be_later[8] = {false};

        for (unsigned i = 0; i < n; i++) {
            uint32_t weight = 1 + (uint32_t)vs_rng_below(&rng, 9);

            vs_balancer_add(&balancer, "x", weight);
            deadline[i] = 1.0 / weight;
        }
        for (unsigned step = 0; step < 300; step++) {
            uint32_t pick;

            if (step % 50 == 49 && n > 1) { /* Never all of them. */
                unsigned at = 1 + step / 50 % (n - 1);

                vs_balancer_set_up(&balancer, at, step / 50 % 2);
                may_be_later[at] = true;
            }
            pick = balancer_pick_text(&balancer, "");
            CU_ASSERT_TRUE_FATAL(balancer.backends[pick].is_up);
            for (unsigned i = 0; i < n; i++) {
                /* Of equal deadlines one that was down may have been passed or not. */
                while ((!balancer.backends[i].is_up || may_be_later[i]) &&
                       deadline[i] < deadline[pick] - 1e-9) {
                    deadline[i] += 1.0 / balancer.backends[i].weight;
                    may_be_later[i] = false;
                }
                CU_ASSERT_TRUE(deadline[i] >= deadline[pick] - 1e-9);
            }
            deadline[pick] += 1.0 / balancer.backends[pick].weight;
        }
        vs_balancer_clear(&balancer);
    }
}

static void
test_wrr_starts_with_any(void)
{
    unsigned n_first[3] = {0};

    for (unsigned seed = 0; seed < 60; seed++) {
        VsBalancer balancer = balancer_new_with("traefik-wrr", "");
        uint32_t picks[9];

        vs_rng_init(&balancer.rng, seed, "shuffle", "wrr");
        for (unsigned i = 0; i < 3; i++) {
            vs_balancer_add(&balancer, "x", 1);
        }
        for (unsigned i = 0; i < 9; i++) {
            picks[i] = balancer_pick_text(&balancer, "");
        }
        for (unsigned i = 0; i < 9; i += 3) { /* Each once a round. */
            CU_ASSERT_EQUAL(1 << picks[i] | 1 << picks[i + 1] | 1 << picks[i + 2], 7);
        }
        n_first[picks[0]]++;
        vs_balancer_clear(&balancer);
    }
    CU_ASSERT(n_first[0] > 5 && n_first[1] > 5 && n_first[2] > 5);
}

static void
test_p2c_agrees_with_twin(void)
{
    VsBalancer balancer = balancer_new_with("traefik-p2c", "");
    unsigned in_flight[7] = {0};
    VsRng rng;

    vs_rng_init(&rng, 1, "twin", "p2c");
    for (unsigned i = 0; i < 7; i++) {
        vs_balancer_add(&balancer, "x", 1 + i);
    }
    for (unsigned step = 0; step < 5000; step++) {
        uint32_t healthy[7];
        unsigned n = 0;
        unsigned at = (unsigned)vs_rng_below(&rng, 7);
        VsRng copy = balancer.rng;
        uint32_t a, b, pick;

        if (step % 2 && in_flight[at] > 0) {
            in_flight[at]--;
            vs_balancer_release(&balancer, at, NULL);
        }
        if (step % 100 == 0) {
            vs_balancer_set_up(&balancer, 1 + at % 6, step % 200 == 0);
        }
        for (unsigned i = 0; i < 7; i++) {
            if (balancer.backends[i].is_up) {
                healthy[n++] = i;
            }
        }
        pick = balancer_pick_text(&balancer, "");
        if (n == 1) {
            CU_ASSERT_EQUAL(pick, healthy[0]);
        } else {
            a = (uint32_t)vs_rng_below(&copy, n);
            b = (uint32_t)vs_rng_below(&copy, n - 1);
            b = b >= a ? b + 1 : b;
            CU_ASSERT_EQUAL(pick, in_flight[healthy[b]] < in_flight[healthy[a]]
                                      ? healthy[b]
                                      : healthy[a]);
        }
        in_flight[pick]++;
    }
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"wrr spreads as Traefik's own test says",
     test_wrr_spreads_as_traefiks_own_test_says},
    {"wrr picks the earliest deadline", test_wrr_picks_the_earliest_deadline},
    {"wrr starts with any of equal weights", test_wrr_starts_with_any},
    {"p2c picks what its twin picks", test_p2c_agrees_with_twin},
    {0},
};

VS_TESTS("traefik")

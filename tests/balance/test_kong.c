#include <glib.h>
#include <math.h>

#include "balance/balance_fixture.h"
#include "base/hash.h"

static void
add_targets(VsBalancer *balancer, const uint32_t *weights, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("10.0.0.%u:80", i + 1);

        vs_balancer_add(balancer, name, weights[i]);
    }
}

/* ---- Round robin -------------------------------------------------------------------- */

/* Weights 10, 20, 30 make a wheel of 6 slots, whatever the shuffle. */
static void
test_each_round_of_the_wheel_has_the_weights(void)
{
    VsBalancer balancer = balancer_new_with("kong-round-robin", "");
    uint32_t first[6];

    add_targets(&balancer, (const uint32_t[]){10, 20, 30}, 3);
    for (unsigned round = 0; round < 5; round++) {
        unsigned counts[3] = {0};

        for (unsigned i = 0; i < 6; i++) {
            uint32_t target = vs_balancer_pick(&balancer, &(VsBalanceKey){0});

            counts[target]++;
            first[i] = round == 0 ? target : first[i];
            CU_ASSERT_EQUAL(target, first[i]);
        }
        CU_ASSERT_EQUAL(counts[0], 1);
        CU_ASSERT_EQUAL(counts[1], 2);
        CU_ASSERT_EQUAL(counts[2], 3);
    }
    vs_balancer_clear(&balancer);
}

static void
test_the_wheel_keeps_its_order_when_targets_go_down(void)
{
    VsBalancer balancer = balancer_new_with("kong-round-robin", "");
    uint32_t order[4];
    uint32_t down;

    add_targets(&balancer, (const uint32_t[]){1, 1, 1, 1}, 4);
    for (unsigned i = 0; i < 4; i++) {
        order[i] = vs_balancer_pick(&balancer, &(VsBalanceKey){0});
    }
    down = order[1];
    vs_balancer_set_up(&balancer, down, false);
    for (unsigned i = 0; i < 8; i++) {
        if (order[i % 4] != down) {
            CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &(VsBalanceKey){0}),
                            order[i % 4]);
        }
    }
    vs_balancer_set_up(&balancer, down, true);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &(VsBalanceKey){0}), order[i]);
    }
    vs_balancer_clear(&balancer);
}

/* ---- Consistent hashing ------------------------------------------------------------- */

/* doc/xxhash_spec.md has no vectors; these are of the reference implementation. */
static void
test_xxhash32_gives_known_values(void)
{
    CU_ASSERT_EQUAL(vs_xxhash32("", 0, 0), 0x02CC5D05u);
    CU_ASSERT_EQUAL(vs_xxhash32("abc", 3, 0), 0x32D153FFu);
    CU_ASSERT_EQUAL(vs_xxhash32("Nobody inspects the spammish repetition", 39, 0),
                    0xE2293B2Fu);
}

/* The continuum, from Lua's text: slots from 1. */
static uint32_t
slow_pick(const VsBalancer *balancer, const uint32_t *weights, unsigned n,
          unsigned n_slots, const char *text)
{
    g_autofree uint32_t *slots = g_new0(uint32_t, n_slots + 1); /* Targets from 1. */
    unsigned total = 0;
    unsigned at;

    for (unsigned i = 0; i < n; i++) {
        total += weights[i];
    }
    for (unsigned i = 0; i < n; i++) {
        double entries = floor((double)weights[i] / total * n * 160);

        for (unsigned j = 1; j <= entries; j++) {
            g_autofree char *name = g_strdup_printf("10.0.0.%u::80 %u", i + 1, j);
            unsigned slot = vs_xxhash32(name, strlen(name), 0) % n_slots + 1;

            if (slots[slot] == 0) {
                slots[slot] = i + 1;
            } else {
                entries++;
            }
        }
    }
    at = vs_xxhash32(text, strlen(text), 0) % n_slots + 1;
    while (slots[at] == 0 || !balancer->backends[slots[at] - 1].is_up) {
        at = at > 1 ? at - 1 : n_slots;
    }
    return slots[at] - 1;
}

static void
test_the_continuum_agrees_with_a_plain_one(void)
{
    static const uint32_t weights[] = {100, 100, 50, 10};
    enum { N = G_N_ELEMENTS(weights) };
    static const unsigned slots[] = {1000, 10000};

    for (unsigned s = 0; s < G_N_ELEMENTS(slots); s++) {
        g_autofree char *settings =
            g_strdup_printf("slots=%u", s == 0 ? 10 : slots[s]); /* 10 is 1000. */
        VsBalancer balancer = balancer_new_with("kong-consistent-hashing", settings);

        add_targets(&balancer, weights, N);
        for (unsigned i = 0; i < 200; i++) {
            g_autofree char *text = g_strdup_printf("user-%u", i);

            if (i == 100) {
                vs_balancer_set_up(&balancer, 1, false);
            }
            CU_ASSERT_EQUAL(balancer_pick_text(&balancer, text),
                            slow_pick(&balancer, weights, N, slots[s], text));
        }
        vs_balancer_clear(&balancer);
    }
}

/* 1000 slots have no room for 160 points each of seven targets. */
static void
test_a_continuum_without_room_stays_as_it_was(void)
{
    VsBalancer balancer = balancer_new_with("kong-consistent-hashing", "slots=1000");

    add_targets(&balancer, (const uint32_t[]){1}, 1);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, "a"), 0);
    add_targets(&balancer, (const uint32_t[]){1, 1, 1, 1, 1, 1}, 6);
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *text = g_strdup_printf("user-%u", i);

        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, text), 0);
    }
    vs_balancer_set_up(&balancer, 0, false);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, "a"), VS_BALANCER_NONE);
    vs_balancer_clear(&balancer);
}

/* ---- Least connections -------------------------------------------------------------- */

static void
test_the_least_loaded_for_its_weight_is_picked(void)
{
    enum { N = 7 };
    static const uint32_t weights[N] = {1, 2, 3, 5, 8, 13, 21};
    VsBalancer balancer = balancer_new_with("kong-least-connections", "");
    VsRng rng;

    vs_rng_init(&rng, 1, "test", "release");
    add_targets(&balancer, weights, N);
    for (unsigned step = 0; step < 5000; step++) {
        double least = INFINITY;
        uint32_t target;

        if (step % 500 == 499) {
            uint32_t toggled = (uint32_t)vs_rng_below(&rng, N);

            vs_balancer_set_up(&balancer, toggled, !balancer.backends[toggled].is_up);
        }
        for (uint32_t i = 0; i < N; i++) {
            if (balancer.backends[i].is_up) {
                least = fmin(least, (balancer.backends[i].n_active + 1.0) / weights[i]);
            }
        }
        target = vs_balancer_pick(&balancer, &(VsBalanceKey){0});
        CU_ASSERT_FATAL(balancer.backends[target].is_up);
        CU_ASSERT_EQUAL(balancer.backends[target].n_active / (double)weights[target],
                        least);
        target = (uint32_t)vs_rng_below(&rng, N);
        while (balancer.backends[target].n_active > 0 && vs_rng_below(&rng, 3) > 0) {
            vs_balancer_release(&balancer, target, NULL);
        }
    }
    vs_balancer_clear(&balancer);
}

static void
test_equals_go_by_the_heap(void)
{
    VsBalancer balancer = balancer_new_with("kong-least-connections", "");
    static const uint32_t expected[] = {0, 1, 3, 2};

    /* Places a b c d, all at 1.  Picked, a goes down past b and d: b d c a.  Picked, b goes
     * down past d and stays above its equal a: d b c a.  Picked, d goes down past c. */
    add_targets(&balancer, (const uint32_t[]){1, 1, 1, 1}, 4);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &(VsBalanceKey){0}), expected[i]);
    }
    vs_balancer_clear(&balancer);
}

/* ---- Latency ------------------------------------------------------------------------ */

static uint32_t
pick_at(VsBalancer *balancer, VsTime now)
{
    return vs_balancer_pick(balancer, &(VsBalanceKey){.now = now});
}

static void
release_at(VsBalancer *balancer, uint32_t target, VsTime now, VsTime latency)
{
    vs_balancer_release(balancer, target,
                        &(VsBalanceOutcome){.now = now, .latency = latency});
}

/* a has 0.1 s * (1 - e^-1) from a latency ten seconds after it came, b twice that. */
static void
test_the_lower_average_is_picked(void)
{
    VsBalancer balancer = balancer_new_with("kong-latency", "");

    add_targets(&balancer, (const uint32_t[]){1, 1}, 2);
    CU_ASSERT_EQUAL(pick_at(&balancer, 0), 0); /* Both have 0. */
    release_at(&balancer, 0, 10 * VS_S, 100 * VS_MS);
    CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 1);
    release_at(&balancer, 1, 10 * VS_S, 200 * VS_MS);
    CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 0);

    /* Weight 3 makes a third of twice. */
    vs_balancer_set_weight(&balancer, 1, 3);
    CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 1);
    vs_balancer_clear(&balancer);
}

/* a: 0.4 (1 - e^-1) at 10 s; e^-1 of it at 20 s is 0.093.  b has 0.1 (1 - e^-2) = 0.086 at
 * 20 s, so b; a second picture with 0.12: 0.104, so a. */
static void
test_averages_fade(void)
{
    static const struct {
        VsTime latency;
        uint32_t expected;
    } cases[] = {{100 * VS_MS, 1}, {120 * VS_MS, 0}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsBalancer balancer = balancer_new_with("kong-latency", "");

        add_targets(&balancer, (const uint32_t[]){1, 1}, 2);
        CU_ASSERT_EQUAL(pick_at(&balancer, 0), 0);
        release_at(&balancer, 0, 10 * VS_S, 400 * VS_MS);
        CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 1);
        release_at(&balancer, 1, 20 * VS_S, cases[i].latency);
        CU_ASSERT_EQUAL(pick_at(&balancer, 20 * VS_S), cases[i].expected);
        vs_balancer_clear(&balancer);
    }
}

/* With averages x and 0 of two, the newcomer of three starts at x / 3: between them. */
static void
test_a_newcomer_starts_at_the_mean(void)
{
    VsBalancer balancer = balancer_new_with("kong-latency", "");

    add_targets(&balancer, (const uint32_t[]){1, 1}, 2);
    CU_ASSERT_EQUAL(pick_at(&balancer, 0), 0);
    release_at(&balancer, 0, 10 * VS_S, 300 * VS_MS);
    vs_balancer_add(&balancer, "10.0.0.9:80", 1);
    CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 1);
    vs_balancer_set_up(&balancer, 1, false);
    CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 2);
    vs_balancer_set_weight(&balancer, 0, 4); /* A quarter of x is below a third. */
    CU_ASSERT_EQUAL(pick_at(&balancer, 10 * VS_S), 0);
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"each round of the wheel has the weights",
     test_each_round_of_the_wheel_has_the_weights},
    {"the wheel keeps its order when targets go down",
     test_the_wheel_keeps_its_order_when_targets_go_down},
    {"xxHash with 32 bits gives known values", test_xxhash32_gives_known_values},
    {"the continuum agrees with a plain one",
     test_the_continuum_agrees_with_a_plain_one},
    {"a continuum without room stays as it was",
     test_a_continuum_without_room_stays_as_it_was},
    {"the least loaded for its weight is picked",
     test_the_least_loaded_for_its_weight_is_picked},
    {"equals go by the heap", test_equals_go_by_the_heap},
    {"the lower average is picked", test_the_lower_average_is_picked},
    {"averages fade", test_averages_fade},
    {"a newcomer starts at the mean", test_a_newcomer_starts_at_the_mean},
    {0},
};

VS_TESTS("kong")

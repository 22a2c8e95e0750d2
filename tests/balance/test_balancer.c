#include <glib.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "balance/balance_fixture.h"
#include "base/hash.h"

/* Smaller than this: the counts are not what they should be by chance. */
#define SURELY_WRONG 1e-6

/* Of maglev a small table. */
static VsBalancer
balancer_new(const char *kind)
{
    return balancer_new_with(kind, strcmp(kind, "maglev") == 0 ? "table-size=251" : "");
}

/* Backends a, b, c, ... with these weights. */
static VsBalancer
balancer_with(const char *kind, const uint32_t *weights, unsigned n_weights)
{
    VsBalancer balancer = balancer_new(kind);

    for (unsigned i = 0; i < n_weights; i++) {
        char name[] = {(char)('a' + i), '\0'};

        CU_ASSERT_EQUAL(vs_balancer_add(&balancer, name, weights[i]), i);
    }
    return balancer;
}

/* The names of the next picks; each is released at once. */
static char *
picks(VsBalancer *balancer, unsigned n_picks)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < n_picks; i++) {
        uint32_t pick = balancer_pick_number(balancer, i);

        if (pick == VS_BALANCER_NONE) {
            g_string_append_c(names, '-');
        } else {
            g_string_append(names, balancer->backends[pick].name);
            vs_balancer_release(balancer, pick, NULL);
        }
    }
    return g_string_free(names, FALSE);
}

static void
assert_picks(VsBalancer *balancer, const char *expected)
{
    g_autofree char *names = picks(balancer, (unsigned)strlen(expected));

    CU_ASSERT_STRING_EQUAL(names, expected);
    if (strcmp(names, expected) != 0) {
        fprintf(stderr, "picked %s, not %s\n", names, expected);
    }
}

/* Picks with keys 0, 1, 2, ... are as often each backend's as its weight says. */
static double
shares_p(VsBalancer *balancer, unsigned n_picks)
{
    g_autofree double *counts = g_new0(double, balancer->n_backends);
    double chi_square = 0;

    for (unsigned i = 0; i < n_picks; i++) {
        uint32_t pick = balancer_pick_number(balancer, (uint32_t)vs_mix64(i));

        counts[pick]++;
        vs_balancer_release(balancer, pick, NULL);
    }
    for (unsigned i = 0; i < balancer->n_backends; i++) {
        double expected = n_picks * (double)balancer->backends[i].weight /
                          (double)balancer->total_weight;

        if (expected > 0) {
            chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
        } else {
            CU_ASSERT_EQUAL(counts[i], 0);
        }
    }
    return gsl_cdf_chisq_Q(chi_square, balancer->n_available - 1);
}

static void
test_round_robin_order(void)
{
    const uint32_t weights[] = {1, 1, 1};
    VsBalancer balancer = balancer_with("round-robin", weights, 3);

    assert_picks(&balancer, "abcabcabc");
    vs_balancer_set_up(&balancer, 1, false);
    assert_picks(&balancer, "acacac");
    vs_balancer_set_up(&balancer, 1, true);
    assert_picks(&balancer, "abcabc");
    vs_balancer_clear(&balancer);
}

static void
test_round_robin_ignores_weights(void)
{
    const uint32_t weights[] = {5, 1, 0};
    VsBalancer balancer = balancer_with("round-robin", weights, 3);

    assert_picks(&balancer, "ababab"); /* But weight 0 gets nothing. */
    vs_balancer_clear(&balancer);
}

/* The sequences of nginx's commit message (52327e0627f4, 2012) and of its documentation. */
static void
test_smooth_wrr_sequences(void)
{
    const uint32_t nginx[] = {5, 1, 1};
    const uint32_t second[] = {4, 3, 2};
    const uint32_t equal[] = {1, 1, 1};
    VsBalancer balancer = balancer_with("smooth-wrr", nginx, 3);

    assert_picks(&balancer, "aabacaaaabacaa");
    vs_balancer_clear(&balancer);

    balancer = balancer_with("smooth-wrr", second, 3);
    assert_picks(&balancer, "abcabacbaabcabacba");
    vs_balancer_clear(&balancer);

    balancer = balancer_with("smooth-wrr", equal, 3);
    assert_picks(&balancer, "abcabc");
    vs_balancer_clear(&balancer);
}

/* The algorithm as nginx's source describes it, with arrays and nothing clever. */
static void
slow_smooth_wrr(const uint32_t *weights, unsigned n, unsigned n_picks, char *out)
{
    long current[8] = {0};

    for (unsigned pick = 0; pick < n_picks; pick++) {
        unsigned best = 0;
        long total = 0;

        for (unsigned i = 0; i < n; i++) {
            current[i] += weights[i];
            total += weights[i];
        }
        for (unsigned i = 1; i < n; i++) {
            if (current[i] > current[best]) {
                best = i;
            }
        }
        current[best] -= total;
        out[pick] = (char)('a' + best);
    }
    out[n_picks] = '\0';
}

static void
test_smooth_wrr_agrees_with_twin(void)
{
    VsRng rng;

    vs_rng_init(&rng, 1, "twin", "weights");
    for (unsigned round = 0; round < 200; round++) {
        uint32_t weights[8];
        unsigned n = 1 + (unsigned)vs_rng_below(&rng, 8);
        char expected[129];
        VsBalancer balancer;

        for (unsigned i = 0; i < n; i++) {
            weights[i] = 1 + (uint32_t)vs_rng_below(&rng, 9);
        }
        slow_smooth_wrr(weights, n, 128, expected);
        balancer = balancer_with("smooth-wrr", weights, n);
        assert_picks(&balancer, expected);
        vs_balancer_clear(&balancer);
    }
}

static void
test_smooth_wrr_cycle_has_exact_shares(void)
{
    const uint32_t weights[] = {7, 3, 2};
    VsBalancer balancer = balancer_with("smooth-wrr", weights, 3);

    for (unsigned cycle = 0; cycle < 5; cycle++) {
        g_autofree char *names = picks(&balancer, 7 + 3 + 2);
        unsigned counts[3] = {0};

        for (const char *name = names; *name; name++) {
            counts[*name - 'a']++;
        }
        CU_ASSERT_EQUAL(counts[0], 7);
        CU_ASSERT_EQUAL(counts[1], 3);
        CU_ASSERT_EQUAL(counts[2], 2);
    }
    vs_balancer_clear(&balancer);
}

static void
test_random_follows_weights(void)
{
    const uint32_t equal[] = {1, 1, 1, 1, 1};
    const uint32_t weighted[] = {1, 2, 3, 0, 4};
    VsBalancer balancer = balancer_with("random", equal, 5);

    CU_ASSERT(shares_p(&balancer, 50000) > SURELY_WRONG);
    vs_balancer_clear(&balancer);
    balancer = balancer_with("random", weighted, 5);
    CU_ASSERT(shares_p(&balancer, 50000) > SURELY_WRONG);
    vs_balancer_clear(&balancer);
}

static void
test_random_follows_new_weights(void)
{
    const uint32_t weights[] = {1, 1};
    VsBalancer balancer = balancer_with("random", weights, 2);

    vs_balancer_set_weight(&balancer, 0, 9);
    CU_ASSERT_EQUAL(balancer.total_weight, 10);
    CU_ASSERT(shares_p(&balancer, 20000) > SURELY_WRONG);
    vs_balancer_clear(&balancer);
}

static void
test_least_conn_takes_the_fewest(void)
{
    const uint32_t weights[] = {1, 1, 1};
    VsBalancer balancer = balancer_with("least-conn", weights, 3);

    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 0),
                    0); /* 0 0 0: the first of equals. */
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 0), 1); /* 1 0 0 */
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 0), 2); /* 1 1 0 */
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 0), 0); /* 1 1 1 */
    vs_balancer_release(&balancer, 1, NULL);
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 0), 1); /* 2 0 1 */
    vs_balancer_release(&balancer, 2, NULL);
    CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 0), 2); /* 2 1 0 */
    CU_ASSERT_EQUAL(balancer.backends[0].n_active, 2);
    vs_balancer_clear(&balancer);
}

static void
test_least_conn_counts_for_weight(void)
{
    const uint32_t weights[] = {3, 1};
    VsBalancer balancer = balancer_with("least-conn", weights, 2);
    unsigned counts[2] = {0};

    for (unsigned i = 0; i < 400; i++) {
        counts[balancer_pick_number(&balancer, 0)]++; /* None is released. */
    }
    CU_ASSERT_EQUAL(counts[0], 300);
    CU_ASSERT_EQUAL(counts[1], 100);
    vs_balancer_clear(&balancer);
}

static void
test_least_conn_agrees_with_twin(void)
{
    uint32_t weights[6];
    unsigned active[6] = {0};
    uint32_t held[1000];
    unsigned n_held = 0;
    VsBalancer balancer;
    VsRng rng;

    vs_rng_init(&rng, 2, "twin", "least-conn");
    for (unsigned i = 0; i < 6; i++) {
        weights[i] = 1 + (uint32_t)vs_rng_below(&rng, 5);
    }
    balancer = balancer_with("least-conn", weights, 6);
    for (unsigned step = 0; step < 5000; step++) {
        unsigned best = 0;

        if (n_held == 1000 || (n_held > 0 && vs_rng_below(&rng, 2) == 0)) {
            unsigned at = (unsigned)vs_rng_below(&rng, n_held);

            vs_balancer_release(&balancer, held[at], NULL);
            active[held[at]]--;
            held[at] = held[--n_held];
            continue;
        }
        for (unsigned i = 1; i < 6; i++) {
            /* Small whole numbers: the quotients compare exactly when multiplied out. */
            if ((double)active[i] * weights[best] < (double)active[best] * weights[i]) {
                best = i;
            }
        }
        held[n_held] = balancer_pick_number(&balancer, 0);
        CU_ASSERT_EQUAL(held[n_held], best);
        active[held[n_held++]]++;
    }
    vs_balancer_clear(&balancer);
}

static void
test_source_hash_is_sticky_and_even(void)
{
    const uint32_t weights[] = {2, 1, 1, 4};
    VsBalancer balancer = balancer_with("source-hash", weights, 4);
    VsBalancer again = balancer_with("source-hash", weights, 4);

    CU_ASSERT_EQUAL(vs_balancer_kind_find("source-hash")->key, VS_BALANCE_BY_ADDRESS);
    for (uint32_t source = 0; source < 1000; source++) {
        uint32_t first = balancer_pick_number(&balancer, source);

        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, source), first);
        CU_ASSERT_EQUAL(balancer_pick_number(&again, source), first);
    }
    CU_ASSERT(shares_p(&balancer, 40000) > SURELY_WRONG);
    vs_balancer_clear(&balancer);
    vs_balancer_clear(&again);
}

static const char *const plain_kinds[] = {"round-robin", "smooth-wrr",  "random",
                                          "least-conn",  "source-hash", "maglev"};

static void
test_down_backends_are_never_picked(void)
{
    const uint32_t weights[] = {1, 2, 3, 4};

    for (unsigned i = 0; i < G_N_ELEMENTS(plain_kinds); i++) {
        const VsBalancerKind *kind = vs_balancer_kind_find(plain_kinds[i]);
        VsBalancer balancer = balancer_with(kind->name, weights, 4);

        vs_balancer_set_up(&balancer, 1, false);
        vs_balancer_set_weight(&balancer, 2, 0);
        for (unsigned n = 0; n < 2000; n++) {
            uint32_t pick = balancer_pick_number(&balancer, (uint32_t)vs_mix64(n));

            CU_ASSERT_TRUE(pick == 0 || pick == 3);
        }
        vs_balancer_clear(&balancer);
    }
}

static void
test_none_available_is_none(void)
{
    const uint32_t weights[] = {1, 1};

    for (unsigned i = 0; i < G_N_ELEMENTS(plain_kinds); i++) {
        const VsBalancerKind *kind = vs_balancer_kind_find(plain_kinds[i]);
        VsBalancer balancer = balancer_new(kind->name);

        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 1), VS_BALANCER_NONE);
        vs_balancer_clear(&balancer);

        balancer = balancer_with(kind->name, weights, 2);
        vs_balancer_set_up(&balancer, 0, false);
        vs_balancer_set_weight(&balancer, 1, 0);
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 1), VS_BALANCER_NONE);
        vs_balancer_set_up(&balancer, 0, true);
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, 1), 0);
        vs_balancer_clear(&balancer);
    }
}

static void
test_each_kind_has_name_and_source(void)
{
    const VsBalancerKind *kind;
    unsigned cursor = 0;

    while ((kind = vs_balancer_kind_next(&cursor))) {
        CU_ASSERT_PTR_EQUAL(vs_balancer_kind_find(kind->name), kind);
        CU_ASSERT(kind->doc[0] != '\0');
        CU_ASSERT(kind->source[0] != '\0');
        CU_ASSERT_PTR_NOT_NULL(kind->pick);
    }
    CU_ASSERT(cursor >= G_N_ELEMENTS(plain_kinds));
    CU_ASSERT_PTR_NULL(vs_balancer_kind_find("fastest"));
}

static void
test_removed_backends_are_never_picked(void)
{
    const uint32_t weights[] = {1, 2, 3};

    for (unsigned i = 0; i < G_N_ELEMENTS(plain_kinds); i++) {
        VsBalancer balancer = balancer_with(plain_kinds[i], weights, 3);

        vs_balancer_remove(&balancer, 1);
        CU_ASSERT_EQUAL(vs_balancer_find(&balancer, "b"), VS_BALANCER_NONE);
        CU_ASSERT_EQUAL(vs_balancer_find(&balancer, "c"), 2);
        for (unsigned n = 0; n < 1000; n++) {
            CU_ASSERT_NOT_EQUAL(balancer_pick_number(&balancer, n), 1);
        }
        CU_ASSERT_EQUAL(vs_balancer_add(&balancer, "b", 2), 3);
        CU_ASSERT_EQUAL(vs_balancer_find(&balancer, "b"), 3);
        vs_balancer_clear(&balancer);
    }
}

static void
test_params_are_checked(void)
{
    static const struct {
        const char *setting, *message;
    } rows[] = {
        {"table-size=250", "the next prime is 251"},
        {"table-size=2", "a number from 3 to 65537"},
        {"table-size=x", "a number from 3 to 65537"},
        {"size=7", "it has table-size"},
        {"table-size", "NAME=VALUE"},
    };
    const VsRng rng = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *const settings[] = {rows[i].setting, NULL};
        g_autoptr(GError) error = NULL;
        VsBalancer balancer;

        CU_ASSERT(!vs_balancer_init(&balancer, vs_balancer_kind_find("maglev"),
                                    settings, &rng, &error));
        CU_ASSERT_PTR_NOT_NULL(strstr(error->message, rows[i].message));
    }
}

static void
test_describe_has_params_and_backends(void)
{
    VsBalancer balancer = balancer_new("maglev");
    g_autofree char *text = NULL;

    vs_balancer_add(&balancer, "10.0.0.1:80", 3);
    balancer_pick_number(&balancer, 1);
    text = vs_balancer_describe(&balancer);
    CU_ASSERT_STRING_EQUAL(text, "maglev table-size=251\n"
                                 "10.0.0.1:80 weight 3, 1 active of 1 picked\n");
    vs_balancer_clear(&balancer);
}

static void
test_primes(void)
{
    static const uint32_t primes[] = {2, 3, 5, 251, 65521, 65537, 4294967291u};
    static const uint32_t composites[] = {0, 1, 4, 9, 65535, 65536, 4294967295u};

    for (unsigned i = 0; i < G_N_ELEMENTS(primes); i++) {
        CU_ASSERT_TRUE(vs_is_prime(primes[i]));
        CU_ASSERT_EQUAL(vs_next_prime(primes[i]), primes[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(composites); i++) {
        CU_ASSERT_FALSE(vs_is_prime(composites[i]));
    }
    CU_ASSERT_EQUAL(vs_next_prime(65522), 65537);
    CU_ASSERT_EQUAL(vs_next_prime(0), 2);
}

static const VsTestCase tests[] = {
    {"round robin goes in order, past those that are down", test_round_robin_order},
    {"round robin ignores weights above 0", test_round_robin_ignores_weights},
    {"smooth weighted round robin gives nginx's sequences", test_smooth_wrr_sequences},
    {"smooth weighted round robin agrees with a twin",
     test_smooth_wrr_agrees_with_twin},
    {"a cycle of smooth round robin has exact shares",
     test_smooth_wrr_cycle_has_exact_shares},
    {"random picks follow the weights", test_random_follows_weights},
    {"random picks follow weights that changed", test_random_follows_new_weights},
    {"least connections takes the fewest, the first of equals",
     test_least_conn_takes_the_fewest},
    {"least connections counts connections for their weight",
     test_least_conn_counts_for_weight},
    {"least connections agrees with a twin", test_least_conn_agrees_with_twin},
    {"source hash keeps a source and spreads sources by weight",
     test_source_hash_is_sticky_and_even},
    {"no algorithm picks what is down or weighs nothing",
     test_down_backends_are_never_picked},
    {"without an available backend there is none", test_none_available_is_none},
    {"every kind is found by its name and says what it follows",
     test_each_kind_has_name_and_source},
    {"no algorithm picks what was removed", test_removed_backends_are_never_picked},
    {"params are checked, and what is right is said", test_params_are_checked},
    {"a balancer describes itself", test_describe_has_params_and_backends},
    {"primes are told from composites", test_primes},
    {0},
};

VS_TESTS("balancer")

#include "base/alias.h"

#include <glib.h>

#include "base/hash.h"
#include "vs_test.h"

/* Counts the places of each choice, all of them, and compares with n * weight. */
static void
check_shares(const uint32_t *weights, uint32_t n)
{
    g_autofree uint64_t *places = g_new0(uint64_t, n);
    unsigned n_failures = 0;
    VsAlias alias;

    CU_ASSERT_TRUE_FATAL(vs_alias_init(&alias, weights, n));
    for (uint32_t column = 0; column < alias.n_columns; column++) {
        for (uint64_t level = 0; level < alias.height; level++) {
            uint32_t i = vs_alias_at(&alias, column, level);

            CU_ASSERT_FATAL(i < n);
            places[i]++;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        n_failures += places[i] != (uint64_t)weights[i] * n;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    vs_alias_clear(&alias);
}

static void
test_shares_are_exact(void)
{
    uint32_t weights[100];

    check_shares((uint32_t[]){1}, 1);
    check_shares((uint32_t[]){5, 1, 1}, 3);
    check_shares((uint32_t[]){0, 7, 0, 0}, 4);
    check_shares((uint32_t[]){3, 3, 3, 3}, 4);
    check_shares((uint32_t[]){1, 1000, 1, 10, 0, 100}, 6);
    for (uint64_t k = 0; k < 60; k++) {
        uint32_t n = 1 + (uint32_t)(vs_mix64(k) % 100);

        for (uint32_t i = 0; i < n; i++) {
            weights[i] = (uint32_t)(vs_mix64(k << 32 | i) % (k % 3 == 0 ? 3 : 100));
        }
        weights[k % n]++;
        check_shares(weights, n);
    }
}

static void
test_the_largest_weights_fit(void)
{
    const uint32_t weights[] = {UINT32_MAX, UINT32_MAX, 1, UINT32_MAX};
    uint64_t places[4] = {0};
    VsAlias alias;

    CU_ASSERT_TRUE_FATAL(vs_alias_init(&alias, weights, 4));
    for (unsigned i = 0; i < 4; i++) {
        const VsAliasColumn *column = &alias.columns[i];

        places[column->own] += column->threshold;
        places[column->alias] += alias.height - column->threshold;
    }
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(places[i], UINT64_C(4) * weights[i]);
    }
    vs_alias_clear(&alias);
}

static void
test_no_weight_is_refused(void)
{
    VsAlias alias;

    CU_ASSERT_FALSE(vs_alias_init(&alias, (uint32_t[]){0, 0}, 2));
    CU_ASSERT_FALSE(vs_alias_init(&alias, NULL, 0));
}

static void
test_draws_follow_the_weights_like_a_linear_search(void)
{
    const uint32_t weights[] = {10, 0, 20, 1, 69};
    double counts[5] = {0}, twin[5] = {0}, n = 1e6;
    VsAlias alias;
    VsRng rng;

    vs_rng_init(&rng, 1, "test", "alias");
    CU_ASSERT_TRUE_FATAL(vs_alias_init(&alias, weights, 5));
    for (unsigned k = 0; k < (unsigned)n; k++) {
        uint64_t level = vs_rng_below(&rng, 100);
        unsigned i = 0;

        while (level >= weights[i]) {
            level -= weights[i++];
        }
        twin[i]++;
        counts[vs_alias_draw(&alias, &rng)]++;
    }
    for (unsigned i = 0; i < 5; i++) {
        double expected = n * weights[i] / 100;
        /* Five standard deviations of a binomial count. */
        double limit = 25 * expected * (1 - weights[i] / 100.0);

        CU_ASSERT((counts[i] - expected) * (counts[i] - expected) <= limit);
        CU_ASSERT((twin[i] - expected) * (twin[i] - expected) <= limit);
    }
    vs_alias_clear(&alias);
}

static const VsTestCase tests[] = {
    {"shares are exact", test_shares_are_exact},
    {"the largest weights fit", test_the_largest_weights_fit},
    {"no weight is refused", test_no_weight_is_refused},
    {"draws follow the weights like a linear search",
     test_draws_follow_the_weights_like_a_linear_search},
    {0},
};

VS_TESTS("alias")

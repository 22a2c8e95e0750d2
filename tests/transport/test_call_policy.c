/* Back-off, retry budgets, circuit breakers. */
#include "transport/call_policy.h"

#include "vs_test.h"

static void
test_backoff_doubles_up_to_its_most(void)
{
    static const VsTime expected[] = {25, 50, 100, 200, 250, 250};
    VsBackoff backoff = {.base = 25 * VS_MS, .max = 250 * VS_MS};
    VsRng rng;

    vs_rng_init(&rng, 1, "backoff", "");
    for (uint32_t n = 0; n < 6; n++) {
        CU_ASSERT_EQUAL(vs_backoff_draw(&backoff, n + 1, &rng), expected[n] * VS_MS);
    }
    CU_ASSERT_EQUAL(vs_backoff_draw(&backoff, UINT32_MAX, &rng), 250 * VS_MS);
}

/* Full jitter: uniform, so its mean is half and its variance a twelfth. */
static void
test_jitter_is_uniform(void)
{
    enum { N = 10000 };
    VsBackoff backoff = {.base = VS_S, .max = VS_S, .is_jittered = true};
    double mean = 0;
    double square = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "backoff", "");
    for (unsigned i = 0; i < N; i++) {
        double draw = (double)vs_backoff_draw(&backoff, 3, &rng) / (double)VS_S;

        CU_ASSERT(draw >= 0 && draw <= 1);
        mean += draw / N;
        square += draw * draw / N;
    }
    CU_ASSERT_DOUBLE_EQUAL(mean, 0.5, 0.015); /* 5 sigma: 5 sqrt(1/12/n). */
    CU_ASSERT_DOUBLE_EQUAL(square - mean * mean, 1.0 / 12, 0.005);
}

/* Whatever comes: tries beyond the first are at most a tenth of the requests, and a burst. */
static void
test_budget_bounds_further_tries(void)
{
    VsRetryBudget budget;
    unsigned n_taken = 0;

    vs_retry_budget_init(&budget, 100000000, 10);
    for (unsigned i = 0; i < 1000; i++) {
        vs_retry_budget_pay(&budget); /* The first finds it full. */
        while (vs_retry_budget_take(&budget)) {
            n_taken++;
        }
    }
    CU_ASSERT_EQUAL(n_taken, 10 + 999 / 10);

    for (unsigned i = 0; i < 1000; i++) {
        vs_retry_budget_pay(&budget); /* What it does not hold is lost. */
    }
    for (n_taken = 0; vs_retry_budget_take(&budget); n_taken++) {
    }
    CU_ASSERT_EQUAL(n_taken, 10);
}

static void
test_no_budget_is_no_limit(void)
{
    VsRetryBudget budget;

    vs_retry_budget_init(&budget, 0, 10);
    for (unsigned i = 0; i < 1000; i++) {
        CU_ASSERT(vs_retry_budget_take(&budget));
    }
}

static void
record(VsBreaker *breaker, bool is_failure, VsTime now)
{
    CU_ASSERT(vs_breaker_admits(breaker, now));
    vs_breaker_record(breaker, is_failure, now);
}

static void
test_breaker_opens_half_opens_and_closes(void)
{
    VsBreakerConfig config = {.failures = 3, .window = 1, .open_time = VS_S};
    VsBreaker breaker;

    vs_breaker_init(&breaker, &config);
    record(&breaker, true, 0);
    record(&breaker, true, 0);
    record(&breaker, false, 0); /* Begins the sequence anew. */
    record(&breaker, true, 0);
    record(&breaker, true, 0);
    record(&breaker, true, VS_MS);
    CU_ASSERT_EQUAL(breaker.state, VS_BREAKER_OPEN);
    CU_ASSERT_FALSE(vs_breaker_admits(&breaker, VS_S));

    CU_ASSERT(vs_breaker_admits(&breaker, VS_S + VS_MS)); /* One, and no more: */
    CU_ASSERT_FALSE(vs_breaker_admits(&breaker, VS_S + VS_MS));
    vs_breaker_record(&breaker, true, 2 * VS_S); /* it fails. */
    CU_ASSERT_FALSE(vs_breaker_admits(&breaker, 3 * VS_S - 1));
    CU_ASSERT_EQUAL(breaker.n_opened, 2);

    CU_ASSERT(vs_breaker_admits(&breaker, 3 * VS_S));
    vs_breaker_forget(&breaker); /* Given up: another may try. */
    record(&breaker, false, 3 * VS_S);
    CU_ASSERT_EQUAL(breaker.state, VS_BREAKER_CLOSED);
    record(&breaker, true, 3 * VS_S);
    record(&breaker, true, 3 * VS_S);
    CU_ASSERT(vs_breaker_admits(&breaker, 3 * VS_S));
}

/* Half of the last ten, once there are ten. */
static void
test_breaker_counts_a_share(void)
{
    VsBreakerConfig config = {.share_ppb = 500000000, .window = 10, .open_time = VS_S};
    VsBreaker breaker;

    vs_breaker_init(&breaker, &config);
    for (unsigned i = 0; i < 4; i++) {
        record(&breaker, true, 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        record(&breaker, false, 0); /* The four are long gone. */
    }
    CU_ASSERT_EQUAL(breaker.n_failed, 0);
    for (unsigned i = 0; i < 4; i++) {
        record(&breaker, true, 0);
        record(&breaker, false, 0);
    }
    CU_ASSERT_EQUAL(breaker.state, VS_BREAKER_CLOSED);
    record(&breaker, true, 0);
    CU_ASSERT_EQUAL(breaker.state, VS_BREAKER_OPEN);
}

static const VsTestCase tests[] = {
    {"back-off doubles up to its most", test_backoff_doubles_up_to_its_most},
    {"full jitter is uniform", test_jitter_is_uniform},
    {"a budget bounds further tries", test_budget_bounds_further_tries},
    {"no budget is no limit", test_no_budget_is_no_limit},
    {"a breaker opens, half-opens and closes",
     test_breaker_opens_half_opens_and_closes},
    {"a breaker counts a share", test_breaker_counts_a_share},
    {0},
};
VS_TESTS("call policy")

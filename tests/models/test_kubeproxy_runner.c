/* When kube-proxy may sync: tokens and the time between two runs. */
#include "models/kubeproxy/runner.h"
#include "vs_test.h"

static void
test_two_runs_in_a_burst(void)
{
    ProxyRunner runner;
    VsTime next = 0;

    proxy_runner_init(&runner, VS_S);
    CU_ASSERT(proxy_runner_try(&runner, 5 * VS_S, &next));
    runner.last_end = 5 * VS_S + 20 * VS_MS;
    CU_ASSERT(proxy_runner_try(&runner, 5 * VS_S + 20 * VS_MS, &next));
    runner.last_end = 5 * VS_S + 40 * VS_MS;
    CU_ASSERT(!proxy_runner_try(&runner, 5 * VS_S + 40 * VS_MS, &next));
    CU_ASSERT_EQUAL(next, 6 * VS_S + 40 * VS_MS); /* A second after the end. */

    /* The token is there from 6 s on: who asks anew then need not wait. */
    CU_ASSERT(proxy_runner_try(&runner, 6 * VS_S, &next));
}

static void
test_a_long_run_waits_for_its_token_only(void)
{
    ProxyRunner runner;
    VsTime next = 0;

    proxy_runner_init(&runner, VS_S);
    CU_ASSERT(proxy_runner_try(&runner, 0, &next));
    CU_ASSERT(proxy_runner_try(&runner, 0, &next));
    runner.last_end = -VS_S; /* As if the end of the last run were long ago. */
    CU_ASSERT(!proxy_runner_try(&runner, 300 * VS_MS, &next));
    CU_ASSERT_EQUAL(next, VS_S);
}

static void
test_tokens_are_saved_up_to_two(void)
{
    ProxyRunner runner;
    VsTime next = 0;

    proxy_runner_init(&runner, VS_S);
    CU_ASSERT(proxy_runner_try(&runner, 100 * VS_S, &next));
    CU_ASSERT(proxy_runner_try(&runner, 200 * VS_S, &next));
    CU_ASSERT(proxy_runner_try(&runner, 200 * VS_S, &next));
    CU_ASSERT(!proxy_runner_try(&runner, 200 * VS_S, &next));
}

static void
test_without_a_period_all_runs_start_at_once(void)
{
    ProxyRunner runner;
    VsTime next = 0;

    proxy_runner_init(&runner, 0);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT(proxy_runner_try(&runner, VS_S, &next));
    }
}

static const VsTestCase tests[] = {
    {"two runs in a burst", test_two_runs_in_a_burst},
    {"long ago ended, a run waits for its token only",
     test_a_long_run_waits_for_its_token_only},
    {"tokens are saved up to two", test_tokens_are_saved_up_to_two},
    {"without a period all runs start at once",
     test_without_a_period_all_runs_start_at_once},
    {0},
};

VS_TESTS("kubeproxy runner")

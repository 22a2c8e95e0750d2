/* What clients do about servers that fail or are late. */
#include <math.h>

#include "models/fixture.h"

/* Nobody listens there; nothing takes time but the wire. */
#define SINK(client)                                                        \
    "%s<client id='c' to='http://172.16.0.2:80/' costs='free' " client "/>" \
    "<dns id='d' costs='free'><record name='x' address='192.0.2.1'/></dns>" \
    "<link from='c' to='d' delay='1us'/>"

/* And one whose requests are served. */
#define WEB(client, container)                                                 \
    "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' " client "/>" \
    "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"                    \
    "<node id='n1' costs='free'><pod id='a' labels='app=web'>"                 \
    "<container id='web' " container "/></pod></node>"                         \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"     \
    " select='app=web'/>"

/* One try, then after 100, 200 and twice 250 ms. */
static void
test_refused_connections_are_tried_again(void)
{
    static const VsTime starts[] = {0, 100, 300, 550, 800};
    Model *model = model_new(SINK("arrivals='constant(1/s)' stop='10ms' retries='4'"
                                  " backoff='100ms' backoff-jitter='none'"),
                             model_free_costs);
    Tap *tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL_FATAL(tap_count(tap, VS_TCP_SYN), 5);
    for (unsigned i = 0; i < 5; i++) {
        VsTime late = tap_find(tap, VS_TCP_SYN, i)->time - starts[i] * VS_MS;

        CU_ASSERT(late >= 0 && late < 100 * VS_US);
    }
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "retries"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 1);
    model_free(model);
    tap_free(tap);
}

/* The server stands still from 0.7 to 1 s: a try at 0.9 s is late, that at 0.99 s is answered
 * at 1.001 s.  All of that counts as the latency, and has a stage. */
static void
test_late_tries_are_given_up(void)
{
    Model *model =
        model_new(WEB("arrivals='constant(1/s)' start='900ms' stop='910ms' retries='9'"
                      " try-timeout='80ms' backoff='10ms' backoff-max='10ms'"
                      " backoff-jitter='none'",
                      "service-time='1ms' pause='300ms' pause-every='1s'"),
                  model_free_costs);
    const VsHistogram *latency = model_histogram(model, "c", "latency");

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "try-timeouts"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "web", "served"), 2);
    CU_ASSERT(labs(vs_histogram_max(latency) - 101 * VS_MS) < 100 * VS_US);
    model_free(model);
}

/* No worker is free, none waits: 503, until one is. */
static void
test_answers_503_are_tried_again(void)
{
    Model *model = model_new(WEB("arrivals='closed(2)' stop='1ms' retries='9'"
                                 " backoff='30ms' backoff-max='30ms'"
                                 " backoff-jitter='none'",
                                 "service-time='100ms' workers='1' queue='0'"),
                             model_free_costs);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 2);
    CU_ASSERT_EQUAL(model_counter(model, "c", "retries"), 4);
    CU_ASSERT_EQUAL(model_counter(model, "web", "refused"), 4);
    model_free(model);
}

/* The whole limit ends a request whatever tries are left. */
static void
test_timeout_ends_all_tries(void)
{
    Model *model = model_new(SINK("arrivals='constant(1/s)' stop='10ms' retries='4000'"
                                  " timeout='990ms' backoff='100ms'"
                                  " backoff-max='100ms' backoff-jitter='none'"),
                             model_free_costs);

    model_run(model, 5 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-timeout"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "retries"), 9 + 1); /* One is due. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 10);
    model_free(model);
}

static void
test_budget_bounds_retries(void)
{
    Model *model = model_new(SINK("arrivals='constant(100/s)' stop='10s' retries='5'"
                                  " retry-budget='10%%' backoff='1ms'"),
                             model_free_costs);

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "requests"), 1000);
    CU_ASSERT_EQUAL(model_counter(model, "c", "retries"), 10 + 99);
    /* The first two have all five. */
    CU_ASSERT_EQUAL(model_counter(model, "c", "over-budget"), 998);
    model_free(model);
}

/* A tenth of services take 1 s.  With a second try after 10 ms only those are slow of which
 * both are: 1 %. */
static void
test_hedges_cut_the_tail(void)
{
    static const char server[] =
        WEB("arrivals='constant(100/s)' stop='50s' %s",
            "service-time='empirical(1ms:0.9, 1s:0.9, 1s:1)' workers='1000'");
    static const struct {
        const char *hedge;
        double slow;
    } cases[] = {{"", 0.1}, {"hedge-after='10ms'", 0.01}};

    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *text =
            g_strdup_printf(server, model_free_costs, cases[i].hedge);
        Model *model = model_new("%s", text);
        const VsHistogram *latency = model_histogram(model, "c", "latency");
        double n = 5000;
        double slow = cases[i].slow;
        double sigma = sqrt(slow * (1 - slow) / n);

        model_run(model, 53 * VS_S);
        CU_ASSERT_EQUAL(latency->count, 5000);
        CU_ASSERT(vs_histogram_quantile(latency, 1 - slow - 5 * sigma) < 20 * VS_MS);
        CU_ASSERT(vs_histogram_quantile(latency, 1 - slow + 5 * sigma) > 900 * VS_MS);
        if (i == 1) {
            double hedges = (double)model_counter(model, "c", "hedges");
            double won = (double)model_counter(model, "c", "hedges-won");

            CU_ASSERT_DOUBLE_EQUAL(hedges, 500, 5 * sqrt(450));
            CU_ASSERT_DOUBLE_EQUAL(won / hedges, 0.9, 5 * sqrt(0.09 / hedges));
        }
        model_free(model);
    }
}

/* Ten requests a second.  The fifth failure, a little after 0.4 s, opens it; the first request
 * a whole second later, at 1.5 s, is the one that may try and fails; so are those at 2.6, 3.7
 * and so on to 9.2 s. */
static void
test_breaker_spares_a_dead_server(void)
{
    Model *model = model_new(SINK("arrivals='constant(10/s)' stop='10s'"
                                  " breaker-failures='5' breaker-open='1s'"),
                             model_free_costs);

    model_run(model, 11 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "connects"), 5 + 8);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-refused"), 13);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-breaker"), 100 - 13);
    CU_ASSERT_EQUAL(model_counter(model, "c", "breaker-rejected"), 100 - 13);
    CU_ASSERT_EQUAL(model_counter(model, "c", "breaker-opened"), 9);
    model_free(model);
}

/* Users that fail at once, and do not think, do not stop time. */
static void
test_open_breaker_does_not_stop_time(void)
{
    Model *model =
        model_new(SINK("arrivals='closed(3)' breaker-failures='1'"), model_free_costs);

    model_run(model, 5 * VS_S);
    CU_ASSERT(model_counter(model, "c", "error-breaker") > 100);
    model_free(model);
}

static void
test_settings_that_cannot_act_are_refused(void)
{
    static const struct {
        const char *client;
        const char *part;
    } cases[] = {
        {"backoff='1ms'", "backoff has no effect without retries"},
        {"backoff-jitter='none'", "backoff-jitter has no effect without retries"},
        {"retry-budget='10%'", "retry-budget has no effect without retries"},
        {"retry-budget='10%' hedge-after='1ms'", NULL},
        {"retries='1' retry-budget-burst='3'", "no effect without retry-budget"},
        {"breaker-open='3s'", "breaker-open has no effect without breaker-failures"},
        {"breaker-failures='2' breaker-window='3'", "without breaker-failure-rate"},
        {"breaker-failure-rate='50%' breaker-window='3' breaker-open='3s'", NULL},
        {"try-timeout='1s' hedge-after='1s'", "hedge-after has no effect"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(SINK("arrivals='constant(1/s)' %s"),
                                                model_free_costs, cases[i].client);

        model_check_error(cases[i].part, "%s", text);
    }
}

static const VsTestCase tests[] = {
    {"refused connections are tried again", test_refused_connections_are_tried_again},
    {"late tries are given up", test_late_tries_are_given_up},
    {"answers 503 are tried again", test_answers_503_are_tried_again},
    {"the time-out ends all tries", test_timeout_ends_all_tries},
    {"a budget bounds retries", test_budget_bounds_retries},
    {"hedges cut the tail", test_hedges_cut_the_tail},
    {"a breaker spares a dead server", test_breaker_spares_a_dead_server},
    {"an open breaker does not stop time", test_open_breaker_does_not_stop_time},
    {"settings that cannot act are refused", test_settings_that_cannot_act_are_refused},
    {0},
};
VS_TESTS("client retry")

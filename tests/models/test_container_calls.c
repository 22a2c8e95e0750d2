/* Calls of one service by another. */
#include <math.h>

#include "models/fixture.h"

/* A front end with calls, and a leaf that serves them; nothing takes time but services, and
 * some microseconds of wires. */
#define SHOP(client, front, leaf)                                                \
    "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' "               \
    "keep-alive='yes' " client                                                   \
    "/><link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"                    \
    "<node id='n1' costs='free'>"                                                \
    "<pod id='a' labels='app=web'><container id='web' workers='1000' " front     \
    "</container></pod>"                                                         \
    "<pod id='b' labels='app=leaf'><container id='leaf' " leaf "/></pod></node>" \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"       \
    " select='app=web'/>"                                                        \
    "<service id='leaf' port='80' target-port='8080' select='app=leaf'/>"        \
    "<service id='nobody' port='80' target-port='8080' select='app=none'/>"

#define SLACK (150 * VS_US)

/* Stages add up to latencies, to the picosecond. */
static void
check_stages(const Model *model)
{
    const VsStageTotals *stages = model_stat(model, "c", "stages");
    const VsHistogram *latency = model_histogram(model, "c", "latency");
    unsigned __int128 sum = 0;

    for (uint32_t i = 0; i < stages->n_rows; i++) {
        sum += stages->rows[i].elapsed;
    }
    CU_ASSERT(sum == stages->elapsed);
    CU_ASSERT(sum == (unsigned __int128)latency->sum);
}

/* 1 ms, and calls of 10 ms: one after another, at once, or not waited for. */
static void
test_calls_go_one_by_one_or_at_once(void)
{
    static const struct {
        const char *calls;
        VsTime latency;
        unsigned n_calls;
    } cases[] = {
        {"<call service='leaf'/><call service='leaf'/>", 21 * VS_MS, 2},
        {"<call service='leaf' count='3'/>", 31 * VS_MS, 3},
        {"<call service='leaf' count='3' parallel='yes'/>", 11 * VS_MS, 3},
        {"<call service='leaf' parallel='yes'/><call service='leaf' parallel='yes'/>"
         "<call service='leaf'/>",
         21 * VS_MS, 3},
        {"<call service='leaf'/><call service='leaf' parallel='yes' count='2'/>",
         21 * VS_MS, 3},
        {"<call service='leaf' count='4' parallel='yes' connections='2'/>", 21 * VS_MS,
         4}, /* Which they share. */
        {"<call service='leaf' count='3' async='yes'/>", VS_MS, 3},
        {"<call service='leaf' async='yes'/><call service='leaf'/>"
         "<call service='leaf' async='yes'/>",
         11 * VS_MS, 3},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf(SHOP("arrivals='constant(1/s)' stop='3s'",
                                 "service-time='1ms'>%s", "service-time='10ms'"),
                            model_free_costs, cases[i].calls);
        Model *model = model_new("%s", text);
        const VsHistogram *latency = model_histogram(model, "c", "latency");

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(latency->count, 3);
        CU_ASSERT(vs_histogram_min(latency) >= cases[i].latency);
        CU_ASSERT(vs_histogram_max(latency) < cases[i].latency + SLACK);
        CU_ASSERT_EQUAL(model_counter(model, "leaf", "served"), 3 * cases[i].n_calls);
        check_stages(model);
        model_free(model);
    }
}

/* One in a hundred is slow; of those who ask a hundred, 1 - 0.99^100 = 63.4 %. */
static void
test_fan_out_meets_the_tail(void)
{
    enum { N = 400 };
    Model *model = model_new(
        SHOP("arrivals='constant(20/s)' stop='20s'",
             "service-time='1us'><call service='leaf' count='100' parallel='yes'/>",
             "workers='1000' service-time='empirical(1ms:0.99, 500ms:0.99, 500ms:1)'"),
        model_free_costs);
    const VsHistogram *latency = model_histogram(model, "c", "latency");
    double slow = 1 - pow(0.99, 100);
    double sigma = sqrt(slow * (1 - slow) / N);

    model_run(model, 22 * VS_S);
    CU_ASSERT_EQUAL(latency->count, N);
    CU_ASSERT_EQUAL(model_counter(model, "leaf", "served"), 100 * N);
    CU_ASSERT(vs_histogram_quantile(latency, 1 - slow - 5 * sigma) < 100 * VS_MS);
    CU_ASSERT(vs_histogram_quantile(latency, 1 - slow + 5 * sigma) > 400 * VS_MS);
    model_free(model);
}

/* The slowest of n exponentials: H_n in the mean, and the sum of 1/k^2 for variance. */
static void
test_fork_and_join(void)
{
    enum { N = 2000, WIDTH = 10 };
    Model *model = model_new(
        SHOP("arrivals='constant(20/s)' stop='100s'",
             "service-time='1us'><call service='leaf' count='10' parallel='yes'/>",
             "workers='1000' service-time='exponential(10ms)'"),
        model_free_costs);
    const VsHistogram *latency = model_histogram(model, "c", "latency");
    double mean = 0;
    double variance = 0;

    for (unsigned k = 1; k <= WIDTH; k++) {
        mean += 1.0 / k;
        variance += 1.0 / k / k;
    }
    model_run(model, 102 * VS_S);
    CU_ASSERT_EQUAL(latency->count, N);
    CU_ASSERT_DOUBLE_EQUAL(vs_histogram_mean(latency) / (double)(10 * VS_MS), mean,
                           5 * sqrt(variance / N) + 0.015);
    model_free(model);
}

/* A pool of two connections for ten at once: pairs, one after another. */
static void
test_calls_wait_for_a_connection(void)
{
    Model *model = model_new(SHOP("arrivals='closed(10)' stop='1ms'",
                                  "service-time='1ms'><call service='leaf'"
                                  " connections='2'/>",
                                  "workers='100' service-time='10ms'"),
                             model_free_costs);
    const VsHistogram *latency = model_histogram(model, "c", "latency");

    model_run(model, 2 * VS_S);
    CU_ASSERT_EQUAL(latency->count, 10);
    for (unsigned pair = 1; pair <= 5; pair++) {
        VsTime expected = VS_MS + pair * 10 * VS_MS;
        VsTime found = vs_histogram_quantile(latency, pair / 5.0);

        CU_ASSERT(found > expected && found < expected + SLACK);
    }
    CU_ASSERT_EQUAL(model_counter(model, "leaf", "connections"), 2);
    check_stages(model);
    model_free(model);
}

/* What becomes of a request whose call fails, by the way it does. */
static void
test_failed_calls_have_a_status(void)
{
    static const struct {
        const char *calls;
        const char *error;
        unsigned served;
    } cases[] = {
        {"<call service='nobody'/><call service='leaf'/>", "error-502", 0},
        {"<call service='leaf'/><call service='nobody'/>", "error-502", 3},
        {"<call service='nobody' async='yes'/>", "completed", 0},
        {"<call service='leaf' timeout='5ms'/>", "error-504", 3},
        {"<call service='leaf' try-timeout='5ms'/>", "error-504", 3},
        {"<call service='leaf' try-timeout='5ms' retries='1' backoff='1ms'/>",
         "error-504", 6},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            SHOP("arrivals='constant(1/s)' stop='3s'", "service-time='1ms'>%s",
                 "workers='100' service-time='10ms'"),
            model_free_costs, cases[i].calls);
        Model *model = model_new("%s", text);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "c", cases[i].error), 3);
        CU_ASSERT_EQUAL(model_counter(model, "leaf", "served"), cases[i].served);
        model_free(model);
    }
}

/* The first failure opens it: the others are answered 503 at once. */
static void
test_open_breaker_is_answered_503(void)
{
    Model *model = model_new(SHOP("arrivals='constant(10/s)' stop='1s'",
                                  "service-time='1ms'><call service='nobody'"
                                  " breaker-failures='1' parallel='yes'/>",
                                  ""),
                             model_free_costs);

    model_run(model, 3 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-502"), 1);
    CU_ASSERT_EQUAL(model_counter(model, "c", "error-503"), 9);
    model_free(model);
}

static void
test_settings_that_cannot_act_are_refused(void)
{
    static const struct {
        const char *front;
        const char *part;
    } cases[] = {
        {"><call service='leaf' async='yes' parallel='yes'/>",
         "parallel has no effect"},
        {"><call service='leaf' path='x'/>", "does not begin with a slash"},
        {"><call service='leaf' backoff='1s'/>", "backoff has no effect"},
        {"><call service='gone'/>", "gone"},
        {"><call service='leaf' count='2'/>", NULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            g_strdup_printf(SHOP("arrivals='constant(1/s)'", "%s", ""),
                            model_free_costs, cases[i].front);

        model_check_error(cases[i].part, "%s", text);
    }
    model_check_error("makes no calls",
                      "<node id='n1'><pod id='a' labels='app=dns'><container id='d'"
                      " protocol='udp'><call service='s'/></container></pod></node>"
                      "<service id='s' port='53' protocol='udp' select='app=dns'/>");
}

static const VsTestCase tests[] = {
    {"calls go one by one or at once", test_calls_go_one_by_one_or_at_once},
    {"a fan-out of 100 meets the slowest hundredth", test_fan_out_meets_the_tail},
    {"fork and join: H_n in the mean", test_fork_and_join},
    {"calls wait for a connection", test_calls_wait_for_a_connection},
    {"failed calls have a status", test_failed_calls_have_a_status},
    {"an open breaker is answered 503", test_open_breaker_is_answered_503},
    {"settings that cannot act are refused", test_settings_that_cannot_act_are_refused},
    {0},
};
VS_TESTS("container calls")

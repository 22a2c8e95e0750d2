/* Containers whose requests take more than a time of a worker: CPU limits, pauses, event
 * loops, shared cores. */
#include <math.h>

#include "models/fixture.h"

/* A client of a pod; nothing takes time but the container, and some microseconds of wires. */
#define WEB(client, container)                                                 \
    "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' " client "/>" \
    "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"                    \
    "<node id='n1' costs='free'><pod id='a' labels='app=web'>"                 \
    "<container id='web' " container "/></pod></node>"                         \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"     \
    " select='app=web'/>"

/* More than wires and ARP take. */
#define SLACK (50 * VS_US)

static void
check_latency(const Model *model, double q, VsTime expected, VsTime slack)
{
    const VsHistogram *latency = model_histogram(model, "c", "latency");
    VsTime found = vs_histogram_quantile(latency, q);

    CU_ASSERT(found >= expected - slack && found <= expected + slack);
    if (found < expected - slack || found > expected + slack) {
        printf("q %g: %g s, not %g s\n", q, (double)found / (double)VS_S,
               (double)expected / (double)VS_S);
    }
}

/* A server that stands still for 1 s in each 10 s: of the requests that come evenly, a tenth
 * wait, from 0 to 1 s.  More than x s takes (1 - x) / 10 of all: 1 % more than 0.9 s, 5 % more
 * than 0.5 s. */
static void
test_pause_shows_in_an_open_loop(void)
{
    Model *model =
        model_new(WEB("arrivals='constant(200/s)' stop='100s' keep-alive='yes'",
                      "workers='1000' service-time='1ms' pause='1s' pause-every='10s'"),
                  model_free_costs);
    const VsHistogram *closed = model_histogram(model, "c", "as-closed-loop");

    model_run(model, 102 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20000);
    check_latency(model, 0.99, 900 * VS_MS, 6 * VS_MS);
    check_latency(model, 0.95, 500 * VS_MS, 6 * VS_MS);
    check_latency(model, 0.50, VS_MS, SLACK);

    /* Ten of its 18,000 waited. */
    CU_ASSERT(llabs((int64_t)closed->count - 18000) < 30);
    CU_ASSERT(vs_histogram_quantile(closed, 0.99) < VS_MS + SLACK);
    CU_ASSERT(vs_histogram_max(closed) > 990 * VS_MS);
    model_free(model);
}

static void
test_pause_hides_from_a_closed_loop(void)
{
    Model *model =
        model_new(WEB("arrivals='closed(1, 4ms)' stop='100s' keep-alive='yes'",
                      "workers='1000' service-time='1ms' pause='1s' pause-every='10s'"),
                  model_free_costs);

    model_run(model, 102 * VS_S);
    CU_ASSERT(model_counter(model, "c", "completed") > 17000);
    check_latency(model, 0.99, VS_MS, SLACK);
    CU_ASSERT(vs_histogram_max(model_histogram(model, "c", "latency")) > 990 * VS_MS);
    CU_ASSERT_EQUAL(model_histogram(model, "c", "as-closed-loop")->count, 0);
    model_free(model);
}

static void
test_cpu_limit_throttles(void)
{
    Model *model =
        model_new(WEB("arrivals='constant(1/s)' stop='10s'",
                      "cpu-limit='400m' service-time='100ms' cpu-period-start='0s'"),
                  model_free_costs);

    model_run(model, 12 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 10);
    CU_ASSERT_EQUAL(model_counter(model, "web", "throttled"), 20);
    CU_ASSERT(model_counter(model, "web", "throttled-time") > 10 * 119 * VS_MS);
    CU_ASSERT(model_counter(model, "web", "throttled-time") <= 10 * 120 * VS_MS);
    CU_ASSERT_EQUAL(model_counter(model, "web", "cpu-time"), VS_S);
    check_latency(model, 0.5, 220 * VS_MS, VS_MS);
    check_latency(model, 1, 220 * VS_MS, VS_MS);
    model_free(model);
}

/* 0.4 and 400m are the same; two workers use the quota in half the time. */
static void
test_workers_use_the_limit_together(void)
{
    Model *model =
        model_new(WEB("arrivals='closed(2)' start='1s' stop='1.01s'",
                      "cpu-limit='0.4' service-time='40ms' cpu-period-start='0s'"),
                  model_free_costs);

    model_run(model, 2 * VS_S);
    /* 20 ms of each until 1.02 s, the rest from 1.1 s on. */
    check_latency(model, 0.1, 120 * VS_MS, VS_MS);
    check_latency(model, 1, 120 * VS_MS, VS_MS);
    model_free(model);
}

/* Ten requests of 1 ms CPU and 99 ms of waiting: one thread does them in a row, an event loop
 * lets them wait together, and shared cores compute for all of them at once. */
static void
test_event_loop_waits_for_many_at_once(void)
{
    static const struct {
        const char *scheduling;
        VsTime first, last;
    } cases[] = {
        {"threads", 100 * VS_MS, 1000 * VS_MS},
        {"event-loop", 100 * VS_MS, 109 * VS_MS},
        {"sharing", 109 * VS_MS, 109 * VS_MS},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(WEB("arrivals='closed(10)' stop='1ms'",
                                     "workers='1' service-time='1ms' wait-time='99ms'"
                                     " scheduling='%s'"),
                                 model_free_costs, cases[i].scheduling);
        const VsHistogram *latency = model_histogram(model, "c", "latency");

        model_run(model, 3 * VS_S);
        CU_ASSERT_EQUAL(latency->count, 10);
        CU_ASSERT(labs(vs_histogram_min(latency) - cases[i].first) < SLACK);
        CU_ASSERT(labs(vs_histogram_max(latency) - cases[i].last) < SLACK);
        model_free(model);
    }
}

static void
test_settings_that_cannot_act_are_refused(void)
{
    static const struct {
        const char *container;
        const char *part;
    } cases[] = {
        {"cpu-limit='fast'", "cpu-limit=\"fast\" is not a number of cores"},
        {"cpu-limit='0'", "cpu-limit=\"0\" is not a number of cores"},
        {"cpu-limit='5m'", "less than 1ms of each cpu-period"},
        {"cpu-limit='10m'", NULL},
        {"cpu-period='50ms'", "cpu-period has no effect without cpu-limit"},
        {"cpu-period-start='50ms'", "cpu-period-start has no effect without cpu-limit"},
        {"pause='1s'", "pause has no effect alone"},
        {"pause-every='1s'", "pause-every has no effect alone"},
        {"pause='1s' pause-every='1s'", "pause is not shorter than pause-every"},
        {"scheduling='sharing' queue='3'", "queue has no effect"},
        {"scheduling='event-loop' queue='3'", NULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(WEB("arrivals='constant(1/s)'", "%s"),
                                                model_free_costs, cases[i].container);

        model_check_error(cases[i].part, "%s", text);
    }
}

static const VsTestCase tests[] = {
    {"a pause shows in an open loop", test_pause_shows_in_an_open_loop},
    {"a pause hides from a closed loop", test_pause_hides_from_a_closed_loop},
    {"100 ms of work take 220 ms with 0.4 cores", test_cpu_limit_throttles},
    {"workers use a CPU limit together", test_workers_use_the_limit_together},
    {"an event loop waits for many at once", test_event_loop_waits_for_many_at_once},
    {"settings that cannot act are refused", test_settings_that_cannot_act_are_refused},
    {0},
};
VS_TESTS("container work")

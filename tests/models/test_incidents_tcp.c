/* Incidents of TCP: each as it happens, and with its fix. */
#include "models/fixture.h"

static VsTime
quantile(const Model *model, const char *id, const char *stat, double q)
{
    return vs_histogram_quantile(model_histogram(model, id, stat), q);
}

/* Those whose SYN was dropped wait for 1, 3 or 7 s; none does where the burst has room. */
static void
test_small_backlog_costs_seconds(void)
{
    static const char file[] = "incidents/syn-backlog/scenario.xml";
    static const char *const large[] = {"backlog=511", NULL};
    Model *broken = model_load(file);
    Model *fixed = model_load_with(file, large);

    model_run(broken, 10 * VS_S);
    model_run(fixed, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(broken, "burst", "completed"),
                    model_counter(fixed, "burst", "completed"));
    CU_ASSERT(quantile(broken, "burst", "latency-connect", 0.5) > 990 * VS_MS);
    CU_ASSERT(quantile(broken, "burst", "latency-connect", 0.5) < 1010 * VS_MS);
    CU_ASSERT(quantile(broken, "burst", "latency-connect", 1) > 6900 * VS_MS);
    CU_ASSERT(quantile(fixed, "burst", "latency-connect", 1) < VS_MS);
    CU_ASSERT(quantile(fixed, "burst", "latency", 1) < 700 * VS_MS);
    CU_ASSERT(model_counter(broken, "web", "listen-overflows") > 300);
    CU_ASSERT_EQUAL(model_counter(broken, "web", "listen-drops"),
                    model_dropped(broken, VS_DROP_ACCEPT_QUEUE_FULL));
    CU_ASSERT_EQUAL(model_counter(fixed, "web", "listen-drops"), 0);
    model_free(broken);
    model_free(fixed);
}

static void
test_full_queue_resets_where_it_is_told_to(void)
{
    static const char file[] = "incidents/syn-backlog/scenario.xml";
    static const char *const abort[] = {"abort=yes", NULL};
    Model *model = model_load_with(file, abort);

    model_run(model, 10 * VS_S);
    CU_ASSERT(model_counter(model, "burst", "error-reset") > 10);
    model_free(model);
}

/* 1000 ports serve 1000 connections in a minute; with reuse each serves one a second or
 * two. */
static void
test_ports_in_time_wait_run_out(void)
{
    static const char file[] = "incidents/time-wait-ports/scenario.xml";
    static const char *const reuse[] = {"tw-reuse=yes", "timestamps=yes", NULL};
    static const char *const keep[] = {"keep-alive=yes", "closes-first=server", NULL};
    Model *broken = model_load(file);
    Model *reusing = model_load_with(file, reuse);
    Model *kept = model_load_with(file, keep);

    model_run(broken, 8 * VS_S);
    model_run(reusing, 8 * VS_S);
    model_run(kept, 8 * VS_S);
    CU_ASSERT_EQUAL(model_counter(broken, "proxy", "requests"), 2800);
    CU_ASSERT_EQUAL(model_counter(broken, "proxy", "completed"), 1000);
    CU_ASSERT_EQUAL(model_counter(broken, "proxy", "error-no-port"), 1800);
    CU_ASSERT_EQUAL(model_counter(reusing, "proxy", "completed"), 2800);
    CU_ASSERT_EQUAL(model_counter(reusing, "proxy", "connects"), 2800);
    CU_ASSERT_EQUAL(
        vs_tcp_stats(model_host(reusing, "proxy")->root)->n_time_wait_reused, 1800);
    CU_ASSERT_EQUAL(model_counter(kept, "proxy", "completed"), 2800);
    CU_ASSERT(model_counter(kept, "proxy", "connects") < 5);
    model_free(broken);
    model_free(reusing);
    model_free(kept);
}

#define SITE(client, pod, container)                                          \
    "<client id='c' arrivals='constant(1/s)' to='http://172.16.0.2/' " client \
    "/><node id='n'><pod id='p' " pod "><container id='web' " container       \
    "/></pod></node><link from='c' to='n'/>"

static void
test_settings_that_cannot_act_are_refused(void)
{
    model_check_error(NULL, SITE("tcp-timestamps='yes' tcp-tw-reuse='yes'", "", ""));
    model_check_error("tcp-tw-reuse has no effect without timestamps",
                      SITE("tcp-tw-reuse='yes'", "", ""));
    model_check_error("tcp-tw-reuse has no effect without timestamps",
                      SITE("", "tcp-tw-reuse='yes'", ""));
    model_check_error(NULL, SITE("tcp-sack='no'", "tcp-sack='no'", ""));
    model_check_error(NULL, SITE("tcp-recovery='no' tcp-early-retrans='no'", "", ""));
    model_check_error("tcp-recovery and tcp-early-retrans have no effect without SACK",
                      SITE("tcp-sack='no' tcp-early-retrans='no'", "", ""));
    model_check_error("tcp-recovery and tcp-early-retrans have no effect without SACK",
                      SITE("", "tcp-sack='no' tcp-recovery='yes'", ""));
    model_check_error("local-port-first=\"50000\" is above local-port-last=\"40000\"",
                      SITE("local-port-first='50000' local-port-last='40000'", "", ""));
    model_check_error("have no effect without tcp-keepalive-time",
                      SITE("", "tcp-keepalive-probes='3'", ""));
    model_check_error("tcp-rto-max is below tcp-rto-min or tcp-rto-initial",
                      SITE("tcp-rto-max='2s' tcp-rto-min='3s'", "", ""));
    model_check_error("closes-first=\"client\" has no effect with keep-alive=\"yes\"",
                      SITE("closes-first='client' keep-alive='yes'", "", ""));
    model_check_error("accept has no effect where protocol=\"udp\"",
                      SITE("", "", "protocol='udp' accept='by-workers'"));
}

static const VsTestCase tests[] = {
    {"a small backlog costs whole seconds", test_small_backlog_costs_seconds},
    {"a full accept queue resets where it is told to",
     test_full_queue_resets_where_it_is_told_to},
    {"ports in TIME_WAIT run out", test_ports_in_time_wait_run_out},
    {"settings that cannot act are refused", test_settings_that_cannot_act_are_refused},
    {0},
};

VS_TESTS("incidents: TCP")

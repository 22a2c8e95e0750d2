/* Incidents of load: each as it happens, and with its fix. */
#include "models/fixture.h"

static VsTime
p99_of(const Model *model, const char *id)
{
    return vs_histogram_quantile(model_histogram(model, id, "latency"), 0.99);
}

/* The same requests, a fraction of the CPU time that is allowed: the limit alone makes the
 * slowest of them slow. */
static void
test_cpu_limit_makes_the_tail(void)
{
    static const char file[] = "incidents/cfs-throttle/scenario.xml";
    static const char *const no_limit[] = {"limit=16", NULL};
    Model *broken = model_load(file);
    Model *fixed = model_load_with(file, no_limit);
    VsTime until = 600 * VS_S;

    model_run(broken, until);
    model_run(fixed, until);
    CU_ASSERT_EQUAL(model_counter(broken, "users", "requests"),
                    model_counter(fixed, "users", "requests"));
    CU_ASSERT(p99_of(broken, "users") > 2 * p99_of(fixed, "users"));
    CU_ASSERT(model_counter(broken, "web", "throttled") > 400);
    CU_ASSERT_EQUAL(model_counter(fixed, "web", "throttled"), 0);
    CU_ASSERT(model_counter(broken, "web", "cpu-time") <
              (uint64_t)until / 2 * 3 / 10); /* Of half a core. */
    model_free(broken);
    model_free(fixed);
}

/* Share of the users' requests between 'from' and 'to' that were answered. */
static double
goodput(Model *model, VsTime from, VsTime to)
{
    uint64_t requests;
    uint64_t completed;

    model_run(model, from);
    requests = model_counter(model, "users", "requests");
    completed = model_counter(model, "users", "completed");
    model_run(model, to);
    requests = model_counter(model, "users", "requests") - requests;
    completed = model_counter(model, "users", "completed") - completed;
    return (double)completed / (double)requests;
}

/* Hysteresis: the same load is borne before an overload of two seconds, and not after it,
 * for further tries keep it up.  A tenth of them cannot. */
static void
test_retries_keep_an_overload_up(void)
{
    static const char file[] = "incidents/retry-storm/scenario.xml";
    static const char *const with_budget[] = {"budget=10%", NULL};
    static const char *const one_retry[] = {"budget=100%", "retries=1", NULL};
    const char *const *settings[] = {NULL, with_budget, one_retry};
    double after[3];

    for (unsigned i = 0; i < 3; i++) {
        Model *model = model_load_with(file, settings[i]);

        CU_ASSERT(goodput(model, VS_S, 10 * VS_S) > 0.99);
        after[i] = goodput(model, 25 * VS_S, 40 * VS_S);
        model_free(model);
    }
    CU_ASSERT(after[0] < 0.05);
    CU_ASSERT(after[1] > 0.99);
    CU_ASSERT(after[2] <
              0.05); /* One further try is enough: 140 % of what it can do. */
}

/* An ingress that closes what is silent for 60 s, where frames come at random with a mean of
 * 60 s: 103 s from opening to end on average, 60 s (e - 1), and some seconds until the next. */
static void
test_idle_websockets_are_cut(void)
{
    static const char file[] = "incidents/websocket-idle/scenario.xml";
    static const char *const with_pings[] = {"ping=30s", NULL};
    static const char *const rare_pings[] = {"ping=70s", NULL};
    static const char *const longer[] = {"timeout=1h", NULL};
    static const char *const *const fixes[] = {with_pings, longer};
    Model *broken = model_load(file);
    Model *half = model_load_with(file, rare_pings);
    uint64_t n_cut;

    model_run(broken, 600 * VS_S);
    n_cut = model_counter(broken, "users", "closed-cut");
    CU_ASSERT(n_cut > 900 && n_cut < 200 * 600 / 103);
    CU_ASSERT_EQUAL(model_counter(broken, "controller", "tunnels-idle"), n_cut);
    CU_ASSERT(p99_of(broken, "users") > 2 * VS_S);
    model_run(half, 600 * VS_S);
    CU_ASSERT(model_counter(half, "users", "closed-cut") > 0);
    CU_ASSERT(model_counter(half, "users", "closed-cut") < n_cut);
    for (unsigned i = 0; i < G_N_ELEMENTS(fixes); i++) {
        Model *fixed = model_load_with(file, fixes[i]);

        model_run(fixed, 600 * VS_S);
        CU_ASSERT_EQUAL(model_counter(fixed, "users", "closed-cut"), 0);
        CU_ASSERT_EQUAL(model_counter(fixed, "users", "websockets-opened"), 200);
        CU_ASSERT_EQUAL(model_counter(fixed, "users", "requests"),
                        model_counter(fixed, "users", "completed"));
        CU_ASSERT(p99_of(fixed, "users") < 60 * VS_MS);
        CU_ASSERT(model_counter(fixed, "users", "pushes") >
                  model_counter(broken, "users", "pushes"));
        model_free(fixed);
    }
    model_free(half);
    model_free(broken);
}

static const VsTestCase tests[] = {
    {"a CPU limit makes the tail at a low average", test_cpu_limit_makes_the_tail},
    {"retries keep an overload up, but for a budget", test_retries_keep_an_overload_up},
    {"idle WebSockets are cut", test_idle_websockets_are_cut},
    {0},
};
VS_TESTS("incidents of load")

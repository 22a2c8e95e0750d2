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
    const VsCpu *cpu;

    model_run(broken, until);
    model_run(fixed, until);
    CU_ASSERT_EQUAL(model_counter(broken, "users", "requests"),
                    model_counter(fixed, "users", "requests"));
    CU_ASSERT(p99_of(broken, "users") > 2 * p99_of(fixed, "users"));
    CU_ASSERT(model_counter(broken, "web", "throttled") > 400);
    CU_ASSERT_EQUAL(model_counter(fixed, "web", "throttled"), 0);
    cpu = (const VsCpu *)(const void *)((const char *)model_stat(broken, "web",
                                                                 "throttled") -
                                        offsetof(VsCpu, n_throttled));
    CU_ASSERT(cpu->used < until / 2 * 3 / 10); /* Of half a core. */
    model_free(broken);
    model_free(fixed);
}

static const VsTestCase tests[] = {
    {"a CPU limit makes the tail at a low average", test_cpu_limit_makes_the_tail},
    {0},
};
VS_TESTS("incidents of load")

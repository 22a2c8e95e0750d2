/* Incidents of containers that end: each as it happens, and with its fix. */
#include "models/fixture.h"

/* Of a counter of the containers "web", one a pod. */
static uint64_t
sum_over_pods(const Model *model, const char *stat)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < vs_scenario_n_elements(model->scenario); i++) {
        const VsElement *element = vs_scenario_element(model->scenario, i);
        const VsStat *row =
            g_strcmp0(element->id, "web") == 0 ? element->model->stats : NULL;

        for (; row && row->name; row++) {
            if (strcmp(row->name, stat) == 0) {
                const char *self = vs_simulation_instance(model->simulation, element);

                sum += *(const uint64_t *)(const void *)(self + row->offset);
            }
        }
    }
    return sum;
}

/* A burst of 0.4 s, and most requests of the 40 s after the first restarts are refused; with a
 * bound of the queue nobody is killed, and few more than the burst's surplus are turned away. */
static void
test_a_queue_without_bound_is_killed_again_and_again(void)
{
    static const char file[] = "incidents/oom-kill/scenario.xml";
    static const char *const bounded[] = {"queue=40", NULL};
    Model *broken = model_load(file);
    Model *fixed = model_load_with(file, bounded);
    uint64_t n_requests;

    model_run(broken, 50 * VS_S);
    model_run(fixed, 50 * VS_S);
    n_requests = model_counter(broken, "users", "requests");
    CU_ASSERT_EQUAL(n_requests, model_counter(fixed, "users", "requests"));

    CU_ASSERT(sum_over_pods(broken, "oom-kills") >= 9); /* Three each at least. */
    CU_ASSERT(model_counter(broken, "users", "completed") < n_requests / 5);
    CU_ASSERT(sum_over_pods(broken, "lost") > 0);

    CU_ASSERT_EQUAL(sum_over_pods(fixed, "oom-kills"), 0);
    CU_ASSERT(model_counter(fixed, "users", "completed") > n_requests * 99 / 100);
    CU_ASSERT(sum_over_pods(fixed, "refused") > 0);
    model_free(broken);
    model_free(fixed);
}

/* Who stops listening before kube-proxy has heard of it refuses a third of what comes; who
 * sleeps first, nothing; and only who ends at once loses what is under way. */
static void
test_a_sleep_before_sigterm_loses_nothing(void)
{
    static const char file[] = "incidents/prestop-drain/scenario.xml";
    static const char *const hook[] = {"pre-stop=5s", NULL};
    static const char *const exits[] = {"on-sigterm=exit", NULL};
    Model *broken = model_load(file);
    Model *fixed = model_load_with(file, hook);
    Model *abrupt = model_load_with(file, exits);

    model_run(broken, 8 * VS_S);
    model_run(fixed, 8 * VS_S);
    model_run(abrupt, 8 * VS_S);

    CU_ASSERT(model_counter(broken, "users", "error-refused") > 100);
    CU_ASSERT_EQUAL(model_counter(broken, "users", "error-reset"), 0);
    CU_ASSERT_EQUAL(model_counter(fixed, "users", "error-refused"), 0);
    CU_ASSERT_EQUAL(model_counter(fixed, "users", "error-reset"), 0);
    CU_ASSERT_EQUAL(model_counter(abrupt, "users", "error-refused"),
                    model_counter(broken, "users", "error-refused"));
    CU_ASSERT(model_counter(abrupt, "users", "error-reset") > 0);
    model_free(broken);
    model_free(fixed);
    model_free(abrupt);
}

static const VsTestCase tests[] = {
    {"a queue without a bound is killed again and again",
     test_a_queue_without_bound_is_killed_again_and_again},
    {"a sleep before SIGTERM loses nothing", test_a_sleep_before_sigterm_loses_nothing},
    {0},
};
VS_TESTS("incidents of containers that end")

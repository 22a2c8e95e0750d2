/* Whole runs: what holds for every scenario, whoever its models are. */
#include "scenario/simulation.h"

#include "engine/count_allocations.h"
#include "vs_test.h"

/* The whole path with connections kept alive: client, router, load balancer, node port,
 * ingress, service, container. */
static const char text[] =
    "<scenario version='1' seed='3' until='4s' xmlns='urn:vethsim:scenario:1'>"
    "<client id='c' arrivals='constant(2000/s)' to='http://shop.example/' resolver='d'"
    " keep-alive='yes'/>"
    "<dns id='d'><record name='shop.example' to='edge' ttl='3600s'/></dns>"
    "<router id='r'/><lb id='edge' service='in'/><switch id='s'/><node id='n' count='2'/>"
    "<link from='c' to='r'/><link from='d' to='r'/><link from='r' to='edge'/>"
    "<link from='edge' to='s'/><link from='n' to='s'/>"
    "<service id='in' type='NodePort' select='app=in'/>"
    "<service id='shop' target-port='8080' select='app=shop'/>"
    "<pod id='in' labels='app=in'><ingress upstream='service'>"
    "<rule><path service='shop'/></rule></ingress></pod>"
    "<pod id='shop' count='2' labels='app=shop'>"
    "<container service-time='uniform(100us,300us)'/></pod>"
    "</scenario>";

static VsScenario *
parse(void)
{
    GError *error = NULL;
    VsScenario *scenario = vs_scenario_parse(text, sizeof(text) - 1, "test",
                                             vs_registry_builtin(), NULL, &error);

    if (!scenario) {
        g_printerr("%s\n", error->message);
        exit(EXIT_FAILURE);
    }
    return scenario;
}

static void
run_in_steps(VsSimulation *simulation, uint64_t max_events)
{
    while (vs_simulation_advance(simulation, max_events) == VS_RUN_PAUSED) {
    }
}

static void
test_packets_allocate_nothing_after_warm_up(void)
{
    g_autoptr(VsScenario) scenario = parse();
    g_autoptr(VsSimulation) simulation = vs_simulation_new(scenario, NULL, NULL);
    uint64_t n_packets, n_before;

    if (!vs_can_count_allocations) {
        return;
    }
    vs_simulation_advance_to(simulation, 2 * VS_S, UINT64_MAX);
    n_packets = vs_simulation_run(simulation)->packets->n_created;
    n_before = vs_n_allocations;
    vs_simulation_advance_to(simulation, 4 * VS_S, UINT64_MAX);
    CU_ASSERT_EQUAL(vs_n_allocations, n_before);

    /* About 4000 requests, each at least request and answer on two connections. */
    CU_ASSERT(vs_simulation_run(simulation)->packets->n_created - n_packets > 15000);
}

static void
test_pausing_leaves_the_digest_unchanged(void)
{
    g_autoptr(VsScenario) scenario = parse();
    g_autoptr(VsSimulation) whole = vs_simulation_new(scenario, NULL, NULL);
    g_autoptr(VsSimulation) paused = vs_simulation_new(scenario, NULL, NULL);
    g_autofree char *digest = NULL;
    g_autofree char *paused_digest = NULL;

    run_in_steps(whole, UINT64_MAX);
    run_in_steps(paused, 37);
    digest = vs_simulation_digest(whole);
    paused_digest = vs_simulation_digest(paused);
    CU_ASSERT_STRING_EQUAL(digest, paused_digest);
}

static void
test_another_seed_gives_another_digest(void)
{
    g_autoptr(VsScenario) scenario = parse();
    VsSimulationOptions options = {.has_seed = true, .seed = 4};
    g_autoptr(VsSimulation) simulation = vs_simulation_new(scenario, NULL, NULL);
    g_autoptr(VsSimulation) seeded = vs_simulation_new(scenario, &options, NULL);
    g_autofree char *digest = NULL;
    g_autofree char *seeded_digest = NULL;

    run_in_steps(simulation, UINT64_MAX);
    run_in_steps(seeded, UINT64_MAX);
    digest = vs_simulation_digest(simulation);
    seeded_digest = vs_simulation_digest(seeded);
    CU_ASSERT_STRING_NOT_EQUAL(digest, seeded_digest);
}

static gpointer
run_in_thread(gpointer scenario)
{
    g_autoptr(VsSimulation) simulation = vs_simulation_new(scenario, NULL, NULL);

    run_in_steps(simulation, UINT64_MAX);
    return vs_simulation_digest(simulation);
}

static void
test_runs_in_two_threads_equal_a_run_alone(void)
{
    g_autoptr(VsScenario) scenario = parse();
    g_autofree char *alone = run_in_thread(scenario);
    GThread *threads[] = {g_thread_new("a", run_in_thread, scenario),
                          g_thread_new("b", run_in_thread, scenario)};

    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_autofree char *digest = g_thread_join(threads[i]);

        CU_ASSERT_STRING_EQUAL(digest, alone);
    }
}

static void
test_until_cuts_the_run_and_all_still_balances(void)
{
    g_autoptr(VsScenario) scenario = parse();
    VsSimulationOptions options = {.until = 1005 * VS_US};
    g_autoptr(VsSimulation) simulation = vs_simulation_new(scenario, &options, NULL);

    run_in_steps(simulation, UINT64_MAX);
    CU_ASSERT_EQUAL(vs_now(vs_simulation_run(simulation)), options.until);
    CU_ASSERT(vs_packets_in_flight(vs_simulation_run(simulation)) > 0);
    CU_ASSERT(vs_simulation_check(simulation, NULL));
}

static const VsTestCase tests[] = {
    {"packets allocate nothing after warm-up", test_packets_allocate_nothing_after_warm_up},
    {"pausing leaves the digest unchanged", test_pausing_leaves_the_digest_unchanged},
    {"another seed gives another digest", test_another_seed_gives_another_digest},
    {"runs in two threads equal a run alone",
     test_runs_in_two_threads_equal_a_run_alone},
    {"until cuts the run and all still balances",
     test_until_cuts_the_run_and_all_still_balances},
    {0},
};

VS_TESTS("simulation")

/* A whole scenario: requests a second of processor time.
 *
 * usage: bench_article [SCENARIO.xml [NAME=VALUE...]]
 *
 * Compiles the scenario (the article's, without an argument) and runs it to its end without
 * any report.  Prints completed requests of all clients per second of processor time,
 * million events per second, and the figures they are made of. */
#include <glib.h>
#include <stdlib.h>

#include "model/model.h"
#include "model/registry.h"
#include "packet/packet.h"
#include "scenario/scenario.h"
#include "scenario/simulation.h"
#include "tests/bench/bench.h"

#define EVENTS_A_STEP 1000000

/* The sum of all counters "completed" of clients. */
static uint64_t
count_completed(const VsSimulation *simulation)
{
    const VsScenario *scenario = vs_simulation_scenario(simulation);
    uint64_t n_completed = 0;

    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        const VsElement *element = vs_scenario_element(scenario, i);
        const char *instance = vs_simulation_instance(simulation, element);

        if (!instance || !g_str_equal(element->model->element, "client")) {
            continue;
        }
        for (const VsStat *stat = element->model->stats; stat && stat->name; stat++) {
            if (g_str_equal(stat->name, "completed")) {
                n_completed +=
                    *(const uint64_t *)(const void *)(instance + stat->offset);
            }
        }
    }
    return n_completed;
}

static bool
bench(const char *path, const char *const *settings, GError **error)
{
    g_autoptr(VsScenario) scenario =
        vs_scenario_load(path, vs_registry_builtin(), settings, error);
    g_autoptr(VsSimulation) simulation =
        scenario ? vs_simulation_new(scenario, NULL, error) : NULL;
    double seconds = -bench_seconds();
    double n_completed;
    double n_events;

    if (!simulation) {
        return false;
    }
    while (vs_simulation_advance(simulation, EVENTS_A_STEP) == VS_RUN_PAUSED) {
    }
    seconds += bench_seconds();
    n_completed = (double)count_completed(simulation);
    n_events = (double)vs_simulation_run(simulation)->n_events;
    g_print("%.0f requests/s %.3f Mevents/s (%.0f requests, %.0f events, %.0f packets, "
            "%.3f s)\n",
            n_completed / seconds, n_events / seconds / 1e6, n_completed, n_events,
            (double)vs_simulation_run(simulation)->packets->n_created, seconds);
    return true;
}

int
main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "scenarios/article/scenario.xml";
    const char *const *settings = argc > 2 ? (const char *const *)argv + 2 : NULL;
    g_autoptr(GError) error = NULL;

    if (!bench(path, settings, &error)) {
        g_printerr("%s\n", error->message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

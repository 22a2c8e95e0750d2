/* A simulation: one execution of a scenario, from compiling it to its results.
 *
 *     VsSimulation *simulation = vs_simulation_new(scenario, NULL, &error);
 *     while (vs_simulation_advance(simulation, 1000000) == VS_RUN_PAUSED) { ... }
 *     vs_simulation_finish(simulation, &error);
 *
 * Simulations share nothing but the scenario, which must outlive them; many may go on in
 * many threads. */
#pragma once

#include <glib.h>

#include "engine/run.h"
#include "model/build.h"
#include "scenario/scenario.h"

typedef struct VsSimulation VsSimulation;

typedef struct VsSimulationOptions {
    bool has_seed; /* Otherwise the scenario's. */
    uint64_t seed;
    VsTime until;         /* 0: the scenario's. */
    bool is_without_load; /* Its clients send nothing: a probe.h does. */
    gboolean is_plain;    /* Every packet is worked out anew, nothing is remembered. */
} VsSimulationOptions;

/* Compiles 'scenario'.  'options' may be NULL.  Returns NULL with 'error' set (domain
 * VS_SCENARIO_ERROR, "file:line: ") when it cannot be built. */
VsSimulation *vs_simulation_new(const VsScenario *scenario,
                                const VsSimulationOptions *options,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vs_simulation_free(VsSimulation *simulation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsSimulation, vs_simulation_free)

/* Executes at most 'max_events' events, none after 'time' or the simulation's end.
 * VS_RUN_REACHED: the clock stands at the earlier of the two. */
VsRunState vs_simulation_advance_to(VsSimulation *simulation, VsTime time,
                                    uint64_t max_events);
VsRunState vs_simulation_advance(VsSimulation *simulation, uint64_t max_events);

/* Checks what must hold in every run: packets created = delivered + dropped + held
 * somewhere, and Little's law on every queue.  False, with 'error' set, is a bug of a
 * model. */
bool vs_simulation_check(const VsSimulation *simulation, GError **error);

const VsScenario *vs_simulation_scenario(const VsSimulation *simulation);
VsRun *vs_simulation_run(VsSimulation *simulation);
const VsBuild *vs_simulation_build(const VsSimulation *simulation);
VsTime vs_simulation_until(const VsSimulation *simulation);
uint64_t vs_simulation_seed(const VsSimulation *simulation);

/* The digest as 16 hex digits; newly allocated. */
char *vs_simulation_digest(const VsSimulation *simulation);

/* The instance of 'element', or NULL for a model without state. */
void *vs_simulation_instance(const VsSimulation *simulation, const VsElement *element);

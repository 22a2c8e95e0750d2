/* digest FILE [UNTIL [NAME=VALUE]...]: runs a scenario, with its params so, and prints its
 * digest, without writing anything.
 *
 * For tests/golden/digests.sh and compilers.sh.  Fails when packets are not conserved or
 * Little's law does not hold. */
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "model/registry.h"
#include "scenario/scenario.h"
#include "scenario/simulation.h"

static int
fail(const GError *error)
{
    fprintf(stderr, "%s\n", error->message);
    return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autofree char *digest = NULL;
    VsSimulationOptions options = {0};

    if (argc < 2) {
        fprintf(stderr, "usage: digest FILE [UNTIL [NAME=VALUE]...]\n");
        return EXIT_FAILURE;
    }
    if (argc > 2 && !vs_parse_time(argv[2], &options.until, &error)) {
        return fail(error);
    }
    scenario =
        vs_scenario_load(argv[1], vs_registry_builtin(),
                         argc > 3 ? (const char *const *)&argv[3] : NULL, &error);
    if (!scenario) {
        return fail(error);
    }
    simulation = vs_simulation_new(scenario, &options, &error);
    if (!simulation) {
        return fail(error);
    }
    while (vs_simulation_advance(simulation, UINT64_MAX) == VS_RUN_PAUSED) {
    }
    if (!vs_simulation_check(simulation, &error)) {
        return fail(error);
    }
    digest = vs_simulation_digest(simulation);
    printf("%s\n", digest);
    return EXIT_SUCCESS;
}

/* vethsim check FILE: reads, checks and compiles a scenario without running it. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd.h"

/* "client 1, node 2": how many there are of each model, in path order. */
static char *
list_contents(const VsScenario *scenario)
{
    const VsRegistry *registry = vs_scenario_registry(scenario);
    g_autoptr(GHashTable) counts = g_hash_table_new(NULL, NULL);
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        const VsModel *model = vs_scenario_element(scenario, i)->model;
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, model));

        g_hash_table_insert(counts, (VsModel *)model, GUINT_TO_POINTER(count + 1));
    }
    for (const VsModel *const *model = registry->models; *model; model++) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, *model));

        if (count) {
            g_string_append_printf(text, "%s%s %u", text->len ? ", " : "",
                                   (*model)->element, count);
        }
    }
    return g_string_free(text, FALSE);
}

int
cmd_check(int argc, char **argv)
{
    g_auto(GStrv) settings = NULL;
    const GOptionEntry options[] = {{"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &settings,
                                     "Gives a param of the scenario this value",
                                     "NAME=VALUE"},
                                    {0}};
    const CmdUsage usage = {
        .arguments = "[FILE]",
        .summary =
            "Reads and checks a scenario without running it.  \"-\" is the standard "
            "input; without\nFILE, the only *.xml file of this folder is read.  Prints "
            "what the scenario holds,\nor the first mistake and where it is.",
        .examples = "  vethsim check scenarios/article/scenario.xml\n"
                    "  vethsim check shop.xml --set rate=2000/s\n",
        .options = options,
    };
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autofree char *contents = NULL;
    g_autofree char *until = NULL;

    if (!cmd_parse(&usage, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    scenario = cmd_load(argc, argv, (const char *const *)settings);
    if (!scenario) {
        return CMD_BAD_INPUT;
    }
    simulation = cmd_compile(scenario, NULL);
    if (!simulation) {
        return CMD_BAD_INPUT;
    }
    contents = list_contents(scenario);
    until = vs_format_time(vs_scenario_until(scenario));
    printf("%s: good: %s%suntil %s, seed %" PRIu64 "\n", vs_scenario_file(scenario),
           contents, *contents ? "; " : "", until, vs_scenario_seed(scenario));
    return CMD_OK;
}

/* vethsim export FILE --node N --as FORM: what the tools of a real node would print. */
#include <stdio.h>

#include "cmd.h"

typedef struct ExportOptions {
    char **settings;
    char *node;
    char *form_name;
    char *at;

    VsExportForm form;
} ExportOptions;

static void
export_options_clear(ExportOptions *options)
{
    g_strfreev(options->settings);
    g_free(options->node);
    g_free(options->form_name);
    g_free(options->at);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExportOptions, export_options_clear)

static bool
read_form(ExportOptions *options)
{
    const char *name = options->form_name;
    const char *meant;
    g_autofree char *all = NULL;

    for (int i = 0; name && vs_export_form_names[i]; i++) {
        if (g_str_equal(name, vs_export_form_names[i])) {
            options->form = (VsExportForm)i;
            return true;
        }
    }
    all = g_strjoinv(", ", (char **)vs_export_form_names);
    meant = name ? vs_suggest(name, vs_export_form_names) : NULL;
    if (!name) {
        cmd_complain("vethsim export: write --as and one of %s", all);
    } else if (meant) {
        cmd_complain("vethsim export: --as %s: did you mean %s?", name, meant);
    } else {
        cmd_complain("vethsim export: --as %s: there are %s", name, all);
    }
    return false;
}

static bool
has_node(const ExportOptions *options)
{
    if (!options->node) {
        cmd_complain("vethsim export: write --node and the id of a node");
    }
    return options->node;
}

static bool
read_options(ExportOptions *options, int *argc, char ***argv)
{
    const GOptionEntry entries[] = {
        {"node", 'n', 0, G_OPTION_ARG_STRING, &options->node,
         "The node or host, or NODE/POD for a pod's namespace", "NODE"},
        {"as", 'a', 0, G_OPTION_ARG_STRING, &options->form_name,
         "iptables-save, iptables-save-c (with counters), nft, nft-json, ipset, "
         "ipvsadm, "
         "routes, ip-route, ip-rule, ip-addr or conntrack",
         "FORM"},
        {"at", 0, 0, G_OPTION_ARG_STRING, &options->at,
         "Runs the scenario so long first, also beyond its end (default: not at all)",
         "TIME"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->settings,
         "Gives a param of the scenario this value", "NAME=VALUE"},
        {0}};
    const CmdUsage usage = {
        .arguments = "[FILE]",
        .summary =
            "Prints what a tool on the real node would: the rules that kube-proxy "
            "wrote,\nroutes, addresses, connections.  Nodes of a scenario can read "
            "them "
            "again, but for\nnft-json, routes, ip-rule, conntrack and tables beside "
            "main.",
        .examples = "  vethsim export scenarios/article/scenario.xml --node node-1 "
                    "--as iptables-save\n"
                    "  vethsim export shop.xml --node n1 --as ip-route > n1.routes\n"
                    "  vethsim export shop.xml --node n1 --as conntrack --at 2s\n",
        .options = entries,
    };

    return cmd_parse(&usage, argc, argv) && read_form(options) && has_node(options);
}

/* The simulation at 'time': as `run --until` leaves it where that is beyond the scenario's
 * end.  NULL with stderr told. */
static VsSimulation *
simulate(const VsScenario *scenario, VsTime time)
{
    const VsSimulationOptions options = {.until =
                                             MAX(time, vs_scenario_until(scenario))};
    VsSimulation *simulation = cmd_compile(scenario, &options);

    while (simulation && time > 0 &&
           vs_simulation_advance_to(simulation, time, 1000000) == VS_RUN_PAUSED) {
    }
    return simulation;
}

/* Without 'text' nothing has happened yet. */
static bool
read_at(const char *text, VsTime *ret)
{
    g_autoptr(GError) error = NULL;

    *ret = 0;
    if (text && !vs_parse_time(text, ret, &error)) {
        cmd_complain("vethsim export: --at: %s", error->message);
        return false;
    }
    return true;
}

int
cmd_export(int argc, char **argv)
{
    g_auto(ExportOptions) options = {0};
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    VsTime at;

    if (!read_options(&options, &argc, &argv) || !read_at(options.at, &at)) {
        return CMD_BAD_INPUT;
    }
    scenario = cmd_load(argc, argv, (const char *const *)options.settings);
    if (!scenario) {
        return CMD_BAD_INPUT;
    }
    simulation = simulate(scenario, at);
    if (!simulation) {
        return CMD_BAD_INPUT;
    }
    text = vs_export(simulation, options.node, options.form, &error);
    if (!text) {
        cmd_complain("vethsim export: %s", error->message);
        return CMD_BAD_INPUT;
    }
    fputs(text, stdout);
    return CMD_OK;
}

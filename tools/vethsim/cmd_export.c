/* vethsim export FILE --node N --as FORM: what the tools of a real node would print. */
#include <stdio.h>

#include "cmd.h"

typedef struct ExportOptions {
    char **settings;
    char *node;
    char *form;
    char *at;
} ExportOptions;

static void
export_options_clear(ExportOptions *options)
{
    g_strfreev(options->settings);
    g_free(options->node);
    g_free(options->form);
    g_free(options->at);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExportOptions, export_options_clear)

/* The form of this name, or -1 with stderr told. */
static int
find_form(const char *name)
{
    const char *meant;
    g_autofree char *all = NULL;

    for (int i = 0; name && vs_export_form_names[i]; i++) {
        if (g_str_equal(name, vs_export_form_names[i])) {
            return i;
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
    return -1;
}

/* Runs the scenario up to 'at', where that was given. */
static bool
advance(VsSimulation *simulation, const char *at)
{
    VsTime time = 0;
    g_autoptr(GError) error = NULL;

    if (!at) {
        return true;
    }
    if (!vs_parse_time(at, &time, &error)) {
        cmd_complain("vethsim export: --at: %s", error->message);
        return false;
    }
    while (vs_simulation_advance_to(simulation, time, 1000000) == VS_RUN_PAUSED) {
    }
    return true;
}

int
cmd_export(int argc, char **argv)
{
    g_auto(ExportOptions) given = {0};
    const GOptionEntry options[] = {
        {"node", 'n', 0, G_OPTION_ARG_STRING, &given.node,
         "The node or host, or NODE/POD for a pod's namespace", "NODE"},
        {"as", 'a', 0, G_OPTION_ARG_STRING, &given.form,
         "iptables-save, nft, nft-json, ipset, ipvsadm, routes, ip-route, ip-addr or "
         "conntrack",
         "FORM"},
        {"at", 0, 0, G_OPTION_ARG_STRING, &given.at,
         "Runs the scenario up to this time first; otherwise nothing has happened yet",
         "TIME"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.settings,
         "Gives a param of the scenario this value", "NAME=VALUE"},
        {0}};
    const CmdUsage usage = {
        .arguments = "[FILE]",
        .summary =
            "Prints what a tool on the real node would: the rules that kube-proxy "
            "wrote,\nroutes, addresses, connections.  A node of a scenario can read "
            "all but "
            "the last again.",
        .examples = "  vethsim export scenarios/article/scenario.xml --node node-1 "
                    "--as iptables-save\n"
                    "  vethsim export shop.xml --node n1 --as ip-route > n1.routes\n"
                    "  vethsim export shop.xml --node n1 --as conntrack --at 2s\n",
        .options = options,
    };
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    int form;

    if (!cmd_parse(&usage, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    form = find_form(given.form);
    if (form < 0) {
        return CMD_BAD_INPUT;
    }
    if (!given.node) {
        cmd_complain("vethsim export: write --node and the id of a node");
        return CMD_BAD_INPUT;
    }
    scenario = cmd_load(argc, argv, (const char *const *)given.settings);
    if (!scenario) {
        return CMD_BAD_INPUT;
    }
    simulation = vs_simulation_new(scenario, NULL, &error);
    if (!simulation || !advance(simulation, given.at)) {
        if (error) {
            cmd_complain("%s", error->message);
        }
        return CMD_BAD_INPUT;
    }
    text = vs_export(simulation, given.node, (VsExportForm)form, &error);
    if (!text) {
        cmd_complain("vethsim export: %s", error->message);
        return CMD_BAD_INPUT;
    }
    fputs(text, stdout);
    return CMD_OK;
}

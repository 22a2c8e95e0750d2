/* vethsim trace: follows one request through every namespace. */
#include <stdio.h>

#include "cmd.h"

typedef struct TraceOptions {
    char *from;
    char *to;
    char *seed_text;
    char **settings;
    char *format;
    char *at_text;
    char *timeout_text;
    char **why_not;
    char *pcapng;
    gboolean has_load;
    gboolean is_http3;
    gboolean is_schema;

    VsProbeOptions probe;
    VsSimulationOptions simulation;
    bool is_json;
} TraceOptions;

static void
clear_options(TraceOptions *options)
{
    g_free(options->from);
    g_free(options->to);
    g_free(options->seed_text);
    g_strfreev(options->settings);
    g_free(options->format);
    g_free(options->at_text);
    g_free(options->timeout_text);
    g_strfreev(options->why_not);
    g_free(options->pcapng);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TraceOptions, clear_options)

/* The end of the probe must fit in a VsTime, too. */
#define TIME_MAX (INT64_MAX / 4)

static bool
read_time(const char *option, const char *text, VsTime least, VsTime *ret)
{
    g_autoptr(GError) error = NULL;

    if (!text) {
        return true;
    }
    if (!vs_parse_time(text, ret, &error)) {
        cmd_complain("vethsim: %s: %s", option, error->message);
        return false;
    }
    if (*ret < least || *ret > TIME_MAX) {
        cmd_complain("vethsim: %s: \"%s\" is too %s", option, text,
                     *ret < least ? "short" : "long");
        return false;
    }
    return true;
}

static bool
read_values(TraceOptions *options)
{
    if (!cmd_read_format(options->format, &options->is_json) ||
        !cmd_read_seed(options->seed_text, &options->simulation)) {
        return false;
    }
    options->probe = (VsProbeOptions){.from = options->from,
                                      .to = options->to,
                                      .at = VS_PROBE_AT,
                                      .timeout = VS_PROBE_TIMEOUT,
                                      .is_http3 = options->is_http3,
                                      .is_traced = true};
    if (!read_time("--at", options->at_text, 0, &options->probe.at) ||
        !read_time("--timeout", options->timeout_text, 1, &options->probe.timeout)) {
        return false;
    }
    options->simulation.until = vs_probe_until(&options->probe);
    options->simulation.is_without_load = !options->has_load;
    return true;
}

static bool
has_both_ends(const TraceOptions *options)
{
    if (!options->from) {
        cmd_complain("vethsim: trace needs --from HOST or POD, where the request "
                     "begins");
    } else if (!options->to) {
        cmd_complain("vethsim: trace needs --to http://HOST/PATH, IP:PORT or "
                     "IP:PORT/udp");
    } else if (options->why_not &&
               g_strv_contains((const char *const *)options->why_not, "")) {
        cmd_complain("vethsim: --why-not: the pattern is empty");
    } else {
        return true;
    }
    return false;
}

static bool
read_options(TraceOptions *options, int *argc, char ***argv)
{
    const GOptionEntry entries[] = {
        {"from", 0, 0, G_OPTION_ARG_STRING, &options->from,
         "Where the request begins: a host or a pod", "NAME"},
        {"to", 0, 0, G_OPTION_ARG_STRING, &options->to,
         "What is requested: URL, IP:PORT or IP:PORT/udp", "TARGET"},
        {"http3", 0, 0, G_OPTION_ARG_NONE, &options->is_http3,
         "Asks by HTTP/3: TARGET is https://HOST[:PORT]/PATH", NULL},
        {"seed", 's', 0, G_OPTION_ARG_STRING, &options->seed_text,
         "Another seed than the scenario's", "SEED"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->settings,
         "Gives a param of the scenario this value", "NAME=VALUE"},
        {"at", 0, 0, G_OPTION_ARG_STRING, &options->at_text,
         "When the request begins (default: 1s)", "TIME"},
        {"timeout", 0, 0, G_OPTION_ARG_STRING, &options->timeout_text,
         "How long to wait for the answer (default: 30s)", "TIME"},
        {"with-load", 0, 0, G_OPTION_ARG_NONE, &options->has_load,
         "Lets the scenario's clients send their requests, too", NULL},
        {"format", 0, 0, G_OPTION_ARG_STRING, &options->format,
         "Of what is printed: text or json", "FORMAT"},
        {"why-not", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->why_not,
         "Explains why what has PATTERN in it, or a pod, was not taken; may be "
         "repeated",
         "PATTERN"},
        {"pcapng", 0, 0, G_OPTION_ARG_FILENAME, &options->pcapng,
         "Captures the request's packets at all interfaces", "FILE"},
        {"schema", 0, 0, G_OPTION_ARG_NONE, &options->is_schema,
         "Prints the JSON schema of --format json", NULL},
        {0}};
    const CmdUsage usage = {
        .arguments = "[FILE]",
        .summary =
            "Follows one request, both directions, through every namespace on its "
            "way: each packet,\neach step, what it changed and why, and where the time "
            "went to the picosecond.  The\nscenario's own clients are silent, so that "
            "the story is the path's and not the load's.",
        .examples =
            "  vethsim trace scenarios/article/scenario.xml --from users \\\n"
            "      --to http://shop.example/cart\n"
            "  vethsim trace shop.xml --from pod-1 --to http://shop/ --format json\n"
            "  vethsim trace shop.xml --from n1 --to 10.244.0.2:53/udp\n"
            "  vethsim trace shop.xml --from users --to http://shop.example/ "
            "--why-not n2\n"
            "  vethsim trace shop.xml --from users --to http://shop.example/ "
            "--pcapng cart.pcapng\n"
            "  vethsim trace --schema > trace.schema.json\n"
            "\nExit status: 0 good, whatever came of the request; 2 bad input or "
            "usage, 3 internal error.\n",
        .options = entries,
    };

    return cmd_parse(&usage, argc, argv) &&
           (options->is_schema || (has_both_ends(options) && read_values(options)));
}

static int
print_story(const VsProbe *probe, const TraceOptions *options)
{
    const VsTraceOptions trace = {.why_not = (const char *const *)options->why_not,
                                  .rules = &vs_trace_rules};
    g_autoptr(GError) error = NULL;
    g_autofree char *json = vs_trace_print_json(probe, &trace, &error);
    g_autofree char *text = NULL;

    if (!json) {
        cmd_complain("vethsim: --why-not: %s", error->message);
        return CMD_BAD_INPUT;
    }
    if (options->is_json) {
        fputs(json, stdout);
        return CMD_OK;
    }
    text = vs_trace_print_text(json, &error);
    if (!text) {
        cmd_complain("vethsim: %s", error->message);
        return CMD_INTERNAL;
    }
    fputs(text, stdout);
    return CMD_OK;
}

/* Runs the request, with a capture if one is asked for. */
static int
follow(VsSimulation *simulation, VsProbe *probe, const TraceOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VsCapture) capture = NULL;

    if (options->pcapng) {
        capture = vs_capture_all(simulation, options->pcapng, &error);
        if (!capture) {
            cmd_complain("vethsim: --pcapng: %s", error->message);
            return CMD_BAD_INPUT;
        }
        vs_capture_follow_trace(capture);
    }
    vs_probe_run(probe);
    if (!vs_simulation_check(simulation, &error)) {
        cmd_complain("vethsim: %s", error->message);
        return CMD_INTERNAL;
    }
    if (capture && !vs_capture_close(capture, &error)) {
        cmd_complain("vethsim: --pcapng: %s", error->message);
        return CMD_INTERNAL;
    }
    return print_story(probe, options);
}

int
cmd_trace(int argc, char **argv)
{
    g_auto(TraceOptions) options = {0};
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autoptr(VsProbe) probe = NULL;
    g_autoptr(GError) error = NULL;

    if (!read_options(&options, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    if (options.is_schema) {
        fputs(vs_trace_schema(), stdout);
        return CMD_OK;
    }
    scenario = cmd_load(argc, argv, (const char *const *)options.settings);
    if (!scenario) {
        return CMD_BAD_INPUT;
    }
    simulation = cmd_compile(scenario, &options.simulation);
    if (!simulation) {
        return CMD_BAD_INPUT;
    }
    probe = vs_probe_new(simulation, &options.probe, &error);
    if (!probe) {
        cmd_complain("vethsim: %s", error->message);
        return CMD_BAD_INPUT;
    }
    return follow(simulation, probe, &options);
}

/* vethsim run: runs a scenario and writes down what came of it. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

/* Of the help, too. */
enum {
    STOPPED_BY_LIMIT = 4,
    STOPPED_BY_SIGNAL = 130,
};

/* Between two looks at clock and signals: some milliseconds. */
#define SLICE_EVENTS 20000
#define PROGRESS_INTERVAL_US 100000

#define ECHO_US 300000

typedef struct RunOptions {
    char *folder;
    char *seed_text;
    char **settings;
    char *until_text;
    char *format;
    char *max_events_text;
    char *max_wall_text;
    char *pcapng;
    gboolean has_no_plots;

    VsSimulationOptions simulation;
    bool is_json;
    uint64_t max_events; /* UINT64_MAX: no limit. */
    int64_t max_wall_us; /* INT64_MAX: no limit. */
} RunOptions;

static volatile sig_atomic_t is_interrupted;

/* A second signal ends the program at once, unless it is the first one's echo: timeout(1)
 * sends it to the program and to its process group. */
static void
interrupt(int number)
{
    static volatile int64_t interrupted_us;
    int64_t now_us = g_get_monotonic_time();

    if (!is_interrupted) {
        is_interrupted = 1;
        interrupted_us = now_us;
    } else if (now_us - interrupted_us > ECHO_US) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void
catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Options. ------------------------------------------------------------------------- */

static void
clear_options(RunOptions *options)
{
    g_free(options->folder);
    g_free(options->seed_text);
    g_strfreev(options->settings);
    g_free(options->until_text);
    g_free(options->format);
    g_free(options->max_events_text);
    g_free(options->max_wall_text);
    g_free(options->pcapng);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RunOptions, clear_options)

/* Complains of 'option' and returns false when 'error' is set. */
static bool
is_good(const char *option, const GError *error)
{
    if (error) {
        cmd_complain("vethsim: %s: %s", option, error->message);
    }
    return !error;
}

static bool
read_values(RunOptions *options)
{
    g_autoptr(GError) error = NULL;
    VsTime max_wall = 0;

    options->max_events = UINT64_MAX;
    options->max_wall_us = INT64_MAX;
    if (!cmd_read_seed(options->seed_text, &options->simulation)) {
        return false;
    }
    if (options->until_text &&
        (!vs_parse_time(options->until_text, &options->simulation.until, &error) ||
         options->simulation.until == 0)) {
        if (!error) {
            cmd_complain("vethsim: --until: the run would end before it starts");
        }
        return error ? is_good("--until", error) : false;
    }
    if (options->max_events_text &&
        !vs_parse_uint(options->max_events_text, &options->max_events, &error)) {
        return is_good("--max-events", error);
    }
    if (options->max_wall_text) {
        if (!vs_parse_time(options->max_wall_text, &max_wall, &error)) {
            return is_good("--max-wall", error);
        }
        options->max_wall_us = max_wall / VS_US;
    }
    return cmd_read_format(options->format, &options->is_json);
}

static bool
read_options(RunOptions *options, int *argc, char ***argv)
{
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options->folder,
         "Folder of the results (default: runs/ID)", "DIR"},
        {"seed", 's', 0, G_OPTION_ARG_STRING, &options->seed_text,
         "Another seed than the scenario's", "SEED"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->settings,
         "Gives a param of the scenario this value", "NAME=VALUE"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &options->until_text,
         "Another end than the scenario's", "TIME"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &options->format,
         "Of what is printed: text or json", "FORMAT"},
        {"plain", 0, 0, G_OPTION_ARG_NONE, &options->simulation.is_plain,
         "Walks every rule for every packet, remembering none: slower, the same "
         "results",
         NULL},
        {"no-plots", 0, 0, G_OPTION_ARG_NONE, &options->has_no_plots,
         "Draws no figures", NULL},
        {"pcapng", 0, 0, G_OPTION_ARG_FILENAME, &options->pcapng,
         "Captures all packets at all interfaces", "FILE"},
        {"max-events", 0, 0, G_OPTION_ARG_STRING, &options->max_events_text,
         "Stops after so many events", "N"},
        {"max-wall", 0, 0, G_OPTION_ARG_STRING, &options->max_wall_text,
         "Stops after so much real time", "TIME"},
        {0}};
    const CmdUsage usage = {
        .arguments = "[FILE]",
        .summary =
            "Runs a scenario, prints what came of it and writes a folder of results.  "
            "\"-\" is the\nstandard input; without FILE, the only *.xml file of this "
            "folder "
            "is read.  The folder\nholds summary, manifest, samples, latencies and "
            "figures; "
            "results of an earlier run in\nit are replaced.  Ctrl-C ends the run "
            "early: the "
            "results so far are kept and marked\nas partial.",
        .examples =
            "  vethsim run scenarios/article/scenario.xml\n"
            "  vethsim run shop.xml -o before --seed 3\n"
            "  vethsim run shop.xml --set rate=2000/s --until 10s --format json\n"
            "\nExit status: 0 good, 2 bad input or usage, 3 internal error, 4 "
            "stopped by --max-events\nor --max-wall, 130 stopped by a signal.\n",
        .options = entries,
    };

    return cmd_parse(&usage, argc, argv) && read_values(options);
}

/* Running. ------------------------------------------------------------------------- */

static void
show_progress(VsSimulation *simulation, double wall_s)
{
    const VsRun *run = vs_simulation_run(simulation);
    VsTime until = vs_simulation_until(simulation);
    g_autofree char *now = vs_format_time_short(run->now);
    g_autofree char *end = vs_format_time_short(until);
    g_autofree char *speed = vs_number_print_rate((double)run->n_events / wall_s);
    double done = (double)run->now / (double)until;

    fprintf(stderr, "\r\033[K%s of %s  %.1f %%  %s events", now, end, 100 * done,
            speed);
    if (done > 0) {
        fprintf(stderr, "  %.0f s to go", wall_s * (1 - done) / done);
    }
    fflush(stderr);
}

static double
seconds_since(int64_t started)
{
    return (double)MAX(g_get_monotonic_time() - started, 1) / 1e6;
}

/* Returns CMD_OK at the run's end, or what stopped it. */
static int
advance(VsResults *results, VsSimulation *simulation, const RunOptions *options,
        double *ret_wall_s)
{
    const VsRun *run = vs_simulation_run(simulation);
    bool has_terminal = isatty(STDERR_FILENO);
    int64_t started = g_get_monotonic_time();
    int64_t shown = started;
    int status = CMD_OK;
    VsRunState state;

    do {
        int64_t now = g_get_monotonic_time();

        if (has_terminal && now - shown >= PROGRESS_INTERVAL_US) {
            show_progress(simulation, seconds_since(started));
            shown = now;
        }
        state = vs_results_advance(
            results, MIN(SLICE_EVENTS, options->max_events - run->n_events));
        if (state == VS_RUN_REACHED) {
            break;
        }
        if (is_interrupted) {
            status = STOPPED_BY_SIGNAL;
        } else if (run->n_events >= options->max_events ||
                   g_get_monotonic_time() - started >= options->max_wall_us) {
            status = STOPPED_BY_LIMIT;
        }
    } while (status == CMD_OK);

    *ret_wall_s = seconds_since(started);
    if (has_terminal && shown != started) {
        fputs("\r\033[K", stderr);
    }
    return status;
}

/* Says on stderr how fast it was and where the results are. */
static void
tell(const VsSummary *summary, const VsResults *results, double wall_s)
{
    g_autofree char *speed = vs_number_print_rate((double)summary->n_events / wall_s);

    cmd_complain("%.3f s, %s events; results are in %s", wall_s, speed,
                 vs_results_folder(results));
}

/* Writes the folder and prints the summary; the run was stopped for 'stopped'. */
static int
report(VsResults *results, VsSimulation *simulation, const RunOptions *options,
       double wall_s, int stopped)
{
    const VsResultsHost host = {.wall_s = wall_s};
    g_autoptr(VsSummary) summary = vs_summary_new(simulation);
    g_autofree char *text = options->is_json ? vs_summary_print_json(summary)
                                             : vs_summary_print_text(summary);
    g_autofree char *warning = NULL;
    g_autoptr(GError) error = NULL;
    int status = stopped;

    fputs(text, stdout);
    fflush(stdout);
    if (vs_results_close(results, summary, &host, &warning, &error)) {
        tell(summary, results, wall_s);
    } else {
        cmd_complain("vethsim: no results are written: %s", error->message);
        status = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_EXIST)
                     ? CMD_BAD_INPUT
                     : CMD_INTERNAL;
        g_clear_error(&error);
    }
    if (warning) {
        cmd_complain("vethsim: no figures are drawn: %s", warning);
    }
    if (stopped == STOPPED_BY_SIGNAL || stopped == STOPPED_BY_LIMIT) {
        cmd_complain("vethsim: the run was stopped early: its results are partial");
    }
    if (!vs_summary_check(summary, &error)) {
        cmd_complain("vethsim: %s", error->message);
        status = CMD_INTERNAL;
    }
    return status;
}

int
cmd_run(int argc, char **argv)
{
    g_auto(RunOptions) options = {0};
    g_autoptr(VsScenario) scenario = NULL;
    g_autoptr(VsSimulation) simulation = NULL;
    g_autoptr(VsResults) results = NULL;
    g_autoptr(GError) error = NULL;
    VsResultsOptions results_options;
    double wall_s;
    int stopped;

    if (!read_options(&options, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    scenario = cmd_load(argc, argv, (const char *const *)options.settings);
    if (!scenario) {
        return CMD_BAD_INPUT;
    }
    simulation = cmd_compile(scenario, &options.simulation);
    if (!simulation) {
        return CMD_BAD_INPUT;
    }
    catch_signals();
    results_options = (VsResultsOptions){.folder = options.folder,
                                         .has_no_plots = options.has_no_plots,
                                         .pcapng = options.pcapng};
    results = vs_results_new(simulation, &results_options, &error);
    if (!results) {
        cmd_complain("vethsim: %s", error->message);
        return CMD_BAD_INPUT;
    }
    stopped = advance(results, simulation, &options, &wall_s);
    return report(results, simulation, &options, wall_s, stopped);
}

#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOLD "\033[1m"
#define PLAIN "\033[0m"

bool
cmd_has_colour(FILE *stream)
{
    const char *forbidden = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return isatty(fileno(stream)) && !(forbidden && *forbidden) &&
           !(terminal && strcmp(terminal, "dumb") == 0);
}

/* The length of "file:line:" at the start of 'message', 0 if there is none. */
static size_t
place_length(const char *message)
{
    const char *end = strstr(message, ": ");

    return end && end > message && g_ascii_isdigit(end[-1])
               ? (size_t)(end - message) + 1
               : 0;
}

void
cmd_complain(const char *format, ...)
{
    g_autofree char *message = NULL;
    size_t bold;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);

    bold = cmd_has_colour(stderr) ? place_length(message) : 0;
    if (bold) {
        fprintf(stderr, BOLD "%.*s" PLAIN "%s\n", (int)bold, message, message + bold);
    } else {
        fprintf(stderr, "%s\n", message);
    }
}

void
cmd_print_wrapped(const char *text, int indent, int width)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    int column = 0;

    for (char **word = words; *word; word++) {
        int length = (int)g_utf8_strlen(*word, -1);

        if (column > indent && column + 1 + length > width) {
            printf("\n");
            column = 0;
        }
        if (column == 0) {
            printf("%*s%s", indent, "", *word);
            column = indent + length;
        } else {
            printf(" %s", *word);
            column += 1 + length;
        }
    }
    printf("\n");
}

static int
count_words(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    return *text ? (int)g_strv_length(words) : 0;
}

/* GLib's own --help would go through the character set of the locale. */
static bool
asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* Prints the help, or parses. */
static bool
parse(const CmdUsage *usage, bool is_help, int *argc, char ***argv)
{
    g_autofree char *program = g_strdup_printf("vethsim %s", (*argv)[0]);
    g_autofree char *examples = g_strdup_printf("Examples:\n%s", usage->examples);
    g_autoptr(GOptionContext) context = g_option_context_new(usage->arguments);
    g_autoptr(GError) error = NULL;

    g_set_prgname(program);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, usage->summary);
    g_option_context_set_description(context, examples);
    if (usage->options) {
        GOptionGroup *group = g_option_group_new("", "", "", usage->data, NULL);

        g_option_group_add_entries(group, usage->options);
        g_option_context_set_main_group(context, group);
    }
    if (is_help) {
        g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);

        fputs(help, stdout);
        return true;
    }
    if (!g_option_context_parse(context, argc, argv, &error)) {
        cmd_complain("vethsim: %s; see %s --help", error->message, program);
        return false;
    }
    if (*argc - 1 > count_words(usage->arguments)) {
        cmd_complain("vethsim: too many arguments, from \"%s\" on; see %s --help",
                     (*argv)[count_words(usage->arguments) + 1], program);
        return false;
    }
    return true;
}

bool
cmd_parse(const CmdUsage *usage, int *argc, char ***argv)
{
    bool is_help = asks_for_help(*argc, *argv);
    bool is_good = parse(usage, is_help, argc, argv);

    if (is_help) {
        exit(fflush(stdout) == 0 ? CMD_OK : CMD_INTERNAL);
    }
    return is_good;
}

char *
cmd_find_file(int argc, char **argv)
{
    g_autoptr(GDir) folder = NULL;
    g_autofree char *found = NULL;
    const char *name;

    if (argc > 1) {
        return g_strdup(argv[1]);
    }
    folder = g_dir_open(".", 0, NULL);
    while (folder && (name = g_dir_read_name(folder))) {
        if (!g_str_has_suffix(name, ".xml")) {
            continue;
        }
        if (found) {
            cmd_complain("vethsim: this folder has several scenarios: name one, "
                         "such as vethsim %s %s",
                         argv[0], found);
            return NULL;
        }
        found = g_strdup(name);
    }
    if (!found) {
        cmd_complain("vethsim: no scenario is named, and this folder has none: write "
                     "vethsim %s FILE",
                     argv[0]);
    }
    return g_steal_pointer(&found);
}

VsScenario *
cmd_load(int argc, char **argv, const char *const *settings)
{
    g_autofree char *file = cmd_find_file(argc, argv);
    g_autoptr(GError) error = NULL;
    VsScenario *scenario;

    if (!file) {
        return NULL;
    }
    scenario = vs_scenario_load(file, vs_registry_builtin(), settings, &error);
    if (!scenario) {
        cmd_complain("%s", error->message);
    }
    return scenario;
}

VsSimulation *
cmd_compile(const VsScenario *scenario, const VsSimulationOptions *options)
{
    g_autoptr(GError) error = NULL;
    VsSimulation *simulation = vs_simulation_new(scenario, options, &error);

    if (!simulation) {
        cmd_complain("%s", error->message);
    }
    return simulation;
}

bool
cmd_read_seed(const char *text, VsSimulationOptions *options)
{
    g_autoptr(GError) error = NULL;

    if (!text) {
        return true;
    }
    if (!vs_parse_uint(text, &options->seed, &error)) {
        cmd_complain("vethsim: --seed: %s", error->message);
        return false;
    }
    options->has_seed = true;
    return true;
}

bool
cmd_read_format(const char *text, bool *ret_is_json)
{
    *ret_is_json = g_strcmp0(text, "json") == 0;
    if (text && !*ret_is_json && strcmp(text, "text") != 0) {
        cmd_complain("vethsim: --format: \"%s\" is neither text nor json", text);
        return false;
    }
    return true;
}

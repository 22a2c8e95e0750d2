/* vethsim: the command.  A table of verbs and the help about them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

typedef struct Verb {
    const char *name; /* NULL ends the table. */
    int (*run)(int argc, char **argv);
    const char *summary;
} Verb;

static const Verb verbs[] = {
    {"run", cmd_run, "Runs a scenario and writes down what came of it."},
    {"trace", cmd_trace, "Follows one request through every namespace."},
    {"check", cmd_check, "Reads and checks a scenario without running it."},
    {"export", cmd_export,
     "Prints a node's rules, routes or connections as its tools would."},
    {"models", cmd_models,
     "Shows what scenarios can hold: models and their parameters."},
    {"plot", cmd_plot, "Draws the figures of a folder of results again."},
    {"schema", cmd_schema, "Prints the XML schema of scenario files."},
    {"select", cmd_select,
     "Tells which backend an algorithm picks for each key, and what changes move."},
    {0}};

static const char first_steps[] = "Three commands that work at once:\n"
                                  "  vethsim run scenarios/article/scenario.xml      a "
                                  "request from DNS to the container\n"
                                  "  vethsim check scenarios/article/scenario.xml    "
                                  "reads the scenario, runs nothing\n"
                                  "  vethsim models lb                               "
                                  "what can be said of a load balancer\n";

static const Verb *
find_verb(const char *name)
{
    for (const Verb *verb = verbs; verb->name; verb++) {
        if (strcmp(verb->name, name) == 0) {
            return verb;
        }
    }
    return NULL;
}

static int
complain_unknown(const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *meant;

    for (const Verb *verb = verbs; verb->name; verb++) {
        g_ptr_array_add(names, (char *)verb->name);
    }
    g_ptr_array_add(names, NULL);
    meant = vs_suggest(name, (const char *const *)names->pdata);
    cmd_complain("vethsim: there is no verb \"%s\"%s%s%s  See vethsim help.", name,
                 meant ? ", did you mean \"" : "", meant ? meant : "",
                 meant ? "\"?" : ".");
    return CMD_BAD_INPUT;
}

static int
print_help(void)
{
    printf("vethsim simulates the network of a container cluster, packet by packet.\n\n"
           "Usage:\n"
           "  vethsim VERB [ARGUMENTS]\n"
           "  vethsim VERB --help\n\n"
           "Verbs:\n");
    for (const Verb *verb = verbs; verb->name; verb++) {
        printf("  %-8s %s\n", verb->name, verb->summary);
    }
    printf("  %-8s %s\n\n", "help", "Prints this, or the help of a verb.");
    fputs(first_steps, stdout);
    printf("\nResults go to the standard output, messages to the standard error.\n"
           "Exit status: %d good, %d bad input or usage, %d internal error.\n",
           CMD_OK, CMD_BAD_INPUT, CMD_INTERNAL);
    return CMD_OK;
}

/* vethsim help [VERB] */
static int
help(int argc, char **argv)
{
    char option[] = "--help";
    const Verb *verb;

    if (argc < 3) {
        return print_help();
    }
    verb = find_verb(argv[2]);
    return verb ? verb->run(2, (char *[]){argv[2], option, NULL})
                : complain_unknown(argv[2]);
}

static int
dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const Verb *verb = name ? find_verb(name) : NULL;

    if (verb) {
        return verb->run(argc - 1, argv + 1);
    }
    if (!name) {
        fputs(first_steps, stdout);
        printf("\nvethsim help lists all verbs.\n");
        return CMD_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
        strcmp(name, "-h") == 0) {
        return help(argc, argv);
    }
    if (strcmp(name, "--version") == 0) {
        printf("vethsim %s\n", PACKAGE_VERSION);
        return CMD_OK;
    }
    return complain_unknown(name);
}

int
main(int argc, char **argv)
{
    int status = dispatch(argc, argv);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        cmd_complain("vethsim: the standard output cannot be written: %s",
                     g_strerror(errno));
        return CMD_INTERNAL;
    }
    return status;
}

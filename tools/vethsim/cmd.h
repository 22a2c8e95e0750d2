/* The verbs of the command: a file cmd_VERB.c each, and a line each in main.c.
 *
 * A verb gets its own arguments, argv[0] being its name, and returns an exit status.
 * Results go to stdout, talk to stderr. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "vethsim.h"

/* Exit statuses, also in the help. */
enum {
    CMD_OK = 0,
    CMD_BAD_INPUT = 2, /* A mistake in the scenario or in the arguments. */
    CMD_INTERNAL = 3,  /* A mistake of ours, or of the machine. */
};

int cmd_check(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_select(int argc, char **argv);
int cmd_trace(int argc, char **argv);

/* How a verb is used, for its --help. */
typedef struct CmdUsage {
    const char *arguments;       /* "FILE"; at most so many words may be given. */
    const char *summary;         /* What it does: a sentence or more. */
    const char *examples;        /* Lines that start with two blanks. */
    const GOptionEntry *options; /* Ended by { 0 }; NULL for none. */
    void *data;                  /* For options that are callbacks. */
} CmdUsage;

/* Reads the options; '*argc' and '*argv' keep the verb and the other arguments, at most as
 * many as usage->arguments has words.  --help prints the help and exits.  False when the
 * arguments are bad, which stderr has been told. */
bool cmd_parse(const CmdUsage *usage, int *argc,
               char ***argv) G_GNUC_WARN_UNUSED_RESULT;

/* The scenario that a verb's arguments name: argv[1], or the only *.xml file of the current
 * folder.  NULL with stderr told.  Newly allocated. */
char *cmd_find_file(int argc, char **argv);

/* Reads the scenario that cmd_find_file() gives.  NULL with stderr told. */
VsScenario *cmd_load(int argc, char **argv, const char *const *settings);

/* Compiles 'scenario'; 'options' may be NULL.  NULL with stderr told. */
VsSimulation *cmd_compile(const VsScenario *scenario,
                          const VsSimulationOptions *options);

/* The value of --seed, which NULL leaves to the scenario.  False with stderr told. */
bool cmd_read_seed(const char *text,
                   VsSimulationOptions *options) G_GNUC_WARN_UNUSED_RESULT;

/* The value of --format, text or json; NULL is text.  False with stderr told. */
bool cmd_read_format(const char *text, bool *ret_is_json) G_GNUC_WARN_UNUSED_RESULT;

/* Says 'message' on stderr; "file:line:" at its start is bold on a terminal. */
void cmd_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Prints 'text' to stdout in lines of at most 'width' columns, 'indent' blanks before each. */
void cmd_print_wrapped(const char *text, int indent, int width);

/* True when 'stream' is a terminal and colour is not forbidden (NO_COLOR). */
bool cmd_has_colour(FILE *stream);

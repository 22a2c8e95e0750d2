/* vethsim select ALGORITHM: which backend for which key, and what a change moves. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

#define WIDTH 80

/* Output is written in pieces of about so many bytes. */
enum { CHUNK_BYTES = 65536 };

typedef struct SelectOptions {
    char *backends;
    char *keys;
    char *count;
    char *seed;
    char *format;
    char **settings;
    char **down;
    gboolean is_held;
    gboolean is_list;
    gboolean is_markdown;
    GArray *changes; /* VsSelectChange, in the order given; texts are ours. */

    bool is_json;
    uint64_t n_made; /* --count; 0: keys come from a file. */
    uint64_t seed_value;
} SelectOptions;

static void
clear_change(void *change)
{
    g_free((char *)((VsSelectChange *)change)->text);
}

static void
select_options_clear(SelectOptions *options)
{
    g_free(options->backends);
    g_free(options->keys);
    g_free(options->count);
    g_free(options->seed);
    g_free(options->format);
    g_strfreev(options->settings);
    g_strfreev(options->down);
    g_array_free(options->changes, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SelectOptions, select_options_clear)

/* --add, --remove, --set-weight, --fail: one list, in which order counts. */
static gboolean
take_change(const char *option, const char *value, void *options_, GError **error)
{
    static const struct {
        const char *option;
        VsSelectVerb verb;
    } verbs[] = {{"--add", VS_SELECT_ADD},
                 {"--remove", VS_SELECT_REMOVE},
                 {"--set-weight", VS_SELECT_WEIGH},
                 {"--fail", VS_SELECT_FAIL}};
    SelectOptions *options = options_;

    (void)error;
    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(option, verbs[i].option) == 0) {
            const VsSelectChange change = {verbs[i].verb, g_strdup(value)};

            g_array_append_val(options->changes, change);
        }
    }
    return TRUE;
}

static bool
read_number(const char *option, const char *text, uint64_t *ret)
{
    g_autoptr(GError) error = NULL;

    if (text && !vs_parse_uint(text, ret, &error)) {
        cmd_complain("vethsim select: %s: %s", option, error->message);
        return false;
    }
    return true;
}

/* Picks are csv or json; lists and reports are text or json. */
static bool
read_format(SelectOptions *options)
{
    bool has_picks = !options->is_list && options->changes->len == 0;

    if (!has_picks) {
        return cmd_read_format(options->format, &options->is_json);
    }
    options->is_json = g_strcmp0(options->format, "json") == 0;
    if (options->format && !options->is_json && strcmp(options->format, "csv") != 0) {
        cmd_complain("vethsim: --format: \"%s\" is neither csv nor json",
                     options->format);
        return false;
    }
    return true;
}

static bool
is_about_picks(const SelectOptions *options)
{
    return options->backends || options->keys || options->count || options->seed ||
           options->settings || options->down || options->is_held ||
           options->changes->len > 0;
}

static bool
check_options(SelectOptions *options, int argc)
{
    options->seed_value = 1;
    if (!read_format(options) ||
        !read_number("--seed", options->seed, &options->seed_value) ||
        !read_number("--count", options->count, &options->n_made)) {
        return false;
    }
    if (options->is_markdown && !options->is_list) {
        cmd_complain("vethsim select: --markdown: write it with --list");
    } else if (options->is_list && is_about_picks(options)) {
        cmd_complain("vethsim select: --list takes ALGORITHM, --markdown and --format "
                     "alone");
    } else if (options->is_list) {
        return true;
    } else if (argc < 2) {
        cmd_complain("vethsim select: write an algorithm; vethsim select --list has "
                     "them all");
    } else if (!options->backends) {
        cmd_complain("vethsim select: write --backends, such as --backends a,b=2,c");
    } else if (options->count && options->keys) {
        cmd_complain("vethsim select: write --keys or --count, not both");
    } else if (options->count && options->n_made == 0) {
        cmd_complain("vethsim select: --count: write a number from 1 on");
    } else {
        return true;
    }
    return false;
}

static bool
read_options(SelectOptions *options, int *argc, char ***argv)
{
    void *change = (void *)take_change;
    // clang-format off
    const GOptionEntry entries[] = {
        {"backends", 'b', 0, G_OPTION_ARG_STRING, &options->backends,
         "Names or ADDRESS:PORT in their order, with =WEIGHT if not 1", "A,B=2,C"},
        {"keys", 'k', 0, G_OPTION_ARG_FILENAME, &options->keys,
         "Keys, one a line; - is the standard input (the default)", "FILE"},
        {"count", 'n', 0, G_OPTION_ARG_STRING, &options->count,
         "Makes up so many keys, all different", "N"},
        {"param", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &options->settings,
         "Gives a param of the algorithm this value (repeatable)", "NAME=VALUE"},
        {"down", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->down,
         "This backend is down from the start (repeatable)", "NAME"},
        {"hold", 0, 0, G_OPTION_ARG_NONE, &options->is_held,
         "Connections stay open; otherwise each is over before the next", NULL},
        {"seed", 0, 0, G_OPTION_ARG_STRING, &options->seed,
         "Of choices by chance (default: 1)", "N"},
        {"remove", 0, 0, G_OPTION_ARG_CALLBACK, change,
         "Reports what taking this backend away moves (repeatable)", "NAME"},
        {"add", 0, 0, G_OPTION_ARG_CALLBACK, change,
         "Reports what adding this backend moves (repeatable)", "NAME=WEIGHT"},
        {"set-weight", 0, 0, G_OPTION_ARG_CALLBACK, change,
         "Reports what this weight moves (repeatable)", "NAME=WEIGHT"},
        {"fail", 0, 0, G_OPTION_ARG_CALLBACK, change,
         "Reports what moves when this backend is down (repeatable)", "NAME"},
        {"list", 'l', 0, G_OPTION_ARG_NONE, &options->is_list,
         "Describes all algorithms, or ALGORITHM", NULL},
        {"markdown", 0, 0, G_OPTION_ARG_NONE, &options->is_markdown,
         "The list as Markdown", NULL},
        {"format", 'f', 0, G_OPTION_ARG_STRING, &options->format,
         "Of picks csv or json (an object a line), else text or json", "FORMAT"},
        {0}};
    // clang-format on
    const CmdUsage usage = {
        .arguments = "[ALGORITHM]",
        .summary =
            "Prints which backend ALGORITHM picks for each key, \"key,backend\" a "
            "line, as the\nprogram it is taken from would; nobody is an empty field.  "
            "With --remove, --add,\n--set-weight or --fail, done in the order given, "
            "prints instead what the change\nmoves: each key picks once before and "
            "once after it.",
        .examples =
            "  vethsim select --list\n"
            "  vethsim select maglev --list\n"
            "  echo 192.0.2.1 | vethsim select source-hash --backends a,b,c\n"
            "  vethsim select smooth-wrr --backends a=5,b,c --count 7\n"
            "  vethsim select least-conn --backends a=2,b --count 6 --hold\n"
            "  vethsim select maglev --backends a,b,c,d --count 100000 --remove c\n"
            "  vethsim select source-hash --backends a,b --keys clients.txt --add c=2 "
            "--set-weight a=3\n",
        .options = entries,
        .data = options,
    };

    return cmd_parse(&usage, argc, argv) && check_options(options, *argc);
}

/* The list. ------------------------------------------------------------------------ */

static void
print_kind(const VsBalancerKind *kind)
{
    bool has_colour = cmd_has_colour(stdout);

    printf("%s%s%s\n", has_colour ? "\033[1m" : "", kind->name,
           has_colour ? "\033[0m" : "");
    cmd_print_wrapped(kind->doc, 2, WIDTH);
    printf("  Reads %s.\n", vs_balancer_key_example(kind->key));
    if (kind->weight_max) {
        printf("  Weights: 0 to %" G_GUINT32_FORMAT ".\n", kind->weight_max);
    }
    if (kind->formula) {
        printf("  Formula: %s\n", kind->formula);
    }
    printf("  Source:\n");
    cmd_print_wrapped(kind->source, 4, WIDTH);
    for (const VsBalancerParam *param = kind->params; param && param->name; param++) {
        g_autofree char *range = vs_balancer_param_print_range(param);
        g_autofree char *def = vs_balancer_param_print_default(param);

        printf("  --param %s: %s; default %s\n", param->name, range, def);
        cmd_print_wrapped(param->doc, 6, WIDTH);
    }
}

static void
print_list(const SelectOptions *options, const VsBalancerKind *only)
{
    g_autofree char *text = NULL;
    const VsBalancerKind *kind;
    unsigned cursor = 0;

    if (options->is_markdown || options->is_json) {
        text = options->is_markdown ? vs_balancer_manual_markdown(only)
                                    : vs_balancer_manual_json(only);
        fputs(text, stdout);
        return;
    }
    while ((kind = vs_balancer_kind_next(&cursor))) {
        if (!only || kind == only) {
            printf("%s", cursor == 1 || only ? "" : "\n");
            print_kind(kind);
        }
    }
}

/* Picks. --------------------------------------------------------------------------- */

static VsKeyLines *
open_keys(const SelectOptions *options, VsBalanceKeyKind kind)
{
    g_autoptr(GError) error = NULL;
    VsKeyLines *lines;

    if (options->n_made > 0) {
        return vs_key_lines_make(kind, options->n_made);
    }
    lines = vs_key_lines_open(options->keys ? options->keys : "-", &error);
    if (!lines) {
        cmd_complain("%s", error->message);
    }
    return lines;
}

/* The line's pick; false with stderr told. */
static bool
pick(VsBalancer *balancer, const SelectOptions *options, const VsKeyLines *lines,
     const char *line, uint32_t *ret)
{
    g_autoptr(GError) error = NULL;

    if (!vs_select_pick(balancer, line, options->is_held, ret, &error)) {
        vs_key_lines_prefix(lines, &error);
        cmd_complain("%s", error->message);
        return false;
    }
    return true;
}

/* True at the end of the lines, false with stderr told if they broke off. */
static bool
has_ended(const GError *error)
{
    if (error) {
        cmd_complain("%s", error->message);
    }
    return !error;
}

static void
flush(GString *out)
{
    fwrite(out->str, 1, out->len, stdout);
    g_string_truncate(out, 0);
}

static void
tell_unserved(uint64_t n_none, uint64_t n_keys)
{
    if (n_none > 0) {
        cmd_complain("vethsim select: no backend for %" PRIu64 " of %" PRIu64 " keys",
                     n_none, n_keys);
    }
}

static bool
print_picks(VsBalancer *balancer, const SelectOptions *options, VsKeyLines *lines)
{
    g_autoptr(GString) out = g_string_sized_new(2 * CHUNK_BYTES);
    g_autoptr(GError) error = NULL;
    uint64_t n_keys = 0, n_none = 0;
    uint32_t backend = VS_BALANCER_NONE;
    bool is_good = true;
    const char *line;

    while (is_good && (line = vs_key_lines_next(lines, &error))) {
        is_good = pick(balancer, options, lines, line, &backend);
        if (is_good) {
            const char *name =
                backend == VS_BALANCER_NONE ? NULL : balancer->backends[backend].name;

            (options->is_json ? vs_pick_append_json : vs_pick_append_csv)(out, line,
                                                                          name);
            n_keys++;
            n_none += !name;
        }
        if (out->len >= CHUNK_BYTES) {
            flush(out);
        }
    }
    flush(out);
    tell_unserved(n_none, n_keys);
    return is_good && has_ended(error);
}

/* The report. ---------------------------------------------------------------------- */

/* The first pass; 'kept' gets the lines, each with its zero byte, for the second. */
static bool
pick_before(VsBalancer *balancer, const SelectOptions *options, VsKeyLines *lines,
            VsDisruption *disruption, GString *kept)
{
    g_autoptr(GError) error = NULL;
    const char *line;
    uint32_t backend;

    while ((line = vs_key_lines_next(lines, &error))) {
        if (!pick(balancer, options, lines, line, &backend)) {
            return false;
        }
        vs_disruption_add_before(disruption, backend);
        g_string_append_len(kept, line, (gssize)strlen(line) + 1);
    }
    return has_ended(error);
}

static bool
make_changes(VsBalancer *balancer, const SelectOptions *options)
{
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < options->changes->len; i++) {
        if (!vs_select_change(balancer,
                              &g_array_index(options->changes, VsSelectChange, i),
                              &error)) {
            cmd_complain("vethsim select: %s", error->message);
            return false;
        }
    }
    return true;
}

static bool
print_report(VsBalancer *balancer, const SelectOptions *options, VsKeyLines *lines)
{
    g_autoptr(VsDisruption) disruption = vs_disruption_new(balancer);
    g_autoptr(GString) kept = g_string_new(NULL);
    g_autofree char *text = NULL;
    uint32_t backend = VS_BALANCER_NONE;

    if (!pick_before(balancer, options, lines, disruption, kept)) {
        return false;
    }
    vs_select_release_all(balancer);
    if (!make_changes(balancer, options)) {
        return false;
    }
    vs_disruption_change(disruption);
    for (const char *at = kept->str; at < kept->str + kept->len; at += strlen(at) + 1) {
        if (!pick(balancer, options, lines, at, &backend)) {
            return false;
        }
        vs_disruption_add_after(disruption, backend);
    }
    vs_disruption_finish(disruption);
    text = options->is_json ? vs_disruption_print_json(disruption)
                            : vs_disruption_print_text(disruption);
    fputs(text, stdout);
    return true;
}

static bool
work(VsBalancer *balancer, const SelectOptions *options)
{
    g_autoptr(VsKeyLines) lines = open_keys(options, balancer->kind->key);

    return lines && (options->changes->len > 0 ? print_report(balancer, options, lines)
                                               : print_picks(balancer, options, lines));
}

/* The balancer of --list's ALGORITHM has no backends: this reads the name as for picks. */
static bool
open_balancer(VsBalancer *balancer, const SelectOptions *options, const char *algorithm)
{
    const VsSelectSpec spec = {
        .algorithm = algorithm,
        .backends = options->backends ? options->backends : "",
        .settings = (const char *const *)options->settings,
        .down = (const char *const *)options->down,
        .seed = options->seed_value,
    };
    g_autoptr(GError) error = NULL;

    if (!vs_select_open(balancer, &spec, &error)) {
        cmd_complain("vethsim select: %s", error->message);
        return false;
    }
    return true;
}

int
cmd_select(int argc, char **argv)
{
    g_auto(SelectOptions)
        options = {.changes = g_array_new(FALSE, FALSE, sizeof(VsSelectChange))};
    VsBalancer balancer;
    bool is_good;

    g_array_set_clear_func(options.changes, clear_change);
    if (!read_options(&options, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    if (options.is_list && argc < 2) {
        print_list(&options, NULL);
        return CMD_OK;
    }
    if (!open_balancer(&balancer, &options, argv[1])) {
        return CMD_BAD_INPUT;
    }
    is_good = true;
    if (options.is_list) {
        print_list(&options, balancer.kind);
    } else {
        is_good = work(&balancer, &options);
    }
    vs_balancer_clear(&balancer);
    return is_good ? CMD_OK : CMD_BAD_INPUT;
}

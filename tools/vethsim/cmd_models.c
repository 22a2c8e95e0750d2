/* vethsim models [NAME]: what scenarios can hold, from the models' own tables. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

#define WIDTH 80

static const char *
stat_kind(VsStatKind kind)
{
    switch (kind) {
    case VS_STAT_COUNTER:
        return "counter";
    case VS_STAT_HISTOGRAM:
        return "histogram";
    case VS_STAT_QUEUE:
        return "queue";
    case VS_STAT_BUSY:
        return "busy time";
    case VS_STAT_TIME:
        return "time";
    case VS_STAT_SHARES:
        return "shares";
    case VS_STAT_STAGES:
        return "stages";
    }
    g_assert_not_reached();
}

/* "client, lb" of "client lb". */
static char *
list_words(const char *words)
{
    g_auto(GStrv) split = g_strsplit(words, " ", -1);

    return g_strjoinv(", ", split);
}

/* "time", "id of client, lb", or the words of a choice: "rr, wrr". */
static char *
param_type(const VsParam *param)
{
    g_autofree char *to = param->to ? list_words(param->to) : NULL;

    if (param->choices) {
        return g_strjoinv(", ", (char **)param->choices);
    }
    return g_strdup_printf("%s%s%s", vs_param_syntax(param->type)->name,
                           to ? " of " : "", to ? to : "");
}

/* "Stands in scenario; id required; count makes a template". */
static char *
model_rules(const VsModel *model)
{
    static const char *const ids[] = {"takes no id", "id optional", "id required"};
    g_autofree char *parents = list_words(model->parents);

    return g_strdup_printf("Stands in %s; %s%s%s.", parents, ids[model->id_rule],
                           model->is_template ? "; count=\"N\" makes a template" : "",
                           model->is_single ? "; at most one in its parent" : "");
}

/* Text. ---------------------------------------------------------------------------- */

static void
print_param(const VsParam *param, const char *bold, const char *plain)
{
    g_autofree char *type = param_type(param);
    g_autofree char *range = vs_param_print_range(param);

    printf("  %s%s%s: %s", bold, param->name, plain, type);
    if (param->is_required) {
        printf("; required");
    }
    if (param->def) {
        printf("; default %s", param->def);
    }
    if (range) {
        printf("; %s", range);
    }
    printf("\n");
    cmd_print_wrapped(param->doc, 6, WIDTH);
}

static void
print_profile(const VsProfile *profile, const char *bold, const char *plain)
{
    printf("  %s%s%s\n", bold, profile->name, plain);
    cmd_print_wrapped(profile->doc, 6, WIDTH);
    for (const VsProfileSetting *row = profile->settings; row->param; row++) {
        printf("      %s=\"%s\"\n", row->param, row->value);
        cmd_print_wrapped(row->source, 10, WIDTH);
    }
}

static void
print_model(const VsModel *model)
{
    bool has_colour = cmd_has_colour(stdout);
    const char *bold = has_colour ? "\033[1m" : "";
    const char *plain = has_colour ? "\033[0m" : "";
    g_autofree char *rules = model_rules(model);

    printf("%s<%s>%s\n", bold, model->element, plain);
    cmd_print_wrapped(model->summary, 2, WIDTH);
    cmd_print_wrapped(rules, 2, WIDTH);
    if (model->params && model->params->name) {
        printf("\nParameters\n");
    }
    for (const VsParam *param = model->params; param && param->name; param++) {
        print_param(param, bold, plain);
    }
    if (model->profiles) {
        printf("\nProfiles, and where each value is from\n");
    }
    for (const VsProfile *row = model->profiles; row && row->name; row++) {
        print_profile(row, bold, plain);
    }
    if (model->stats && model->stats->name) {
        printf("\nStatistics\n");
    }
    for (const VsStat *stat = model->stats; stat && stat->name; stat++) {
        printf("  %s%s%s: %s in %s\n", bold, stat->name, plain, stat_kind(stat->kind),
               stat->unit);
        cmd_print_wrapped(stat->doc, 6, WIDTH);
    }
}

static void
print_list(const VsRegistry *registry)
{
    int width = 0;

    for (const VsModel *const *model = registry->models; *model; model++) {
        width = MAX(width, (int)strlen((*model)->element));
    }
    for (const VsModel *const *model = registry->models; *model; model++) {
        printf("%-*s  %s\n", width, (*model)->element, (*model)->summary);
    }
}

/* Markdown. ------------------------------------------------------------------------ */

static void
print_param_row(const VsParam *param)
{
    g_autofree char *type = param_type(param);
    g_autofree char *range = vs_param_print_range(param);

    printf("| `%s` | %s | ", param->name, type);
    if (param->def) {
        printf("`%s`", param->def);
    } else {
        printf("%s", param->is_required ? "required" : "");
    }
    printf(" | %s | %s |\n", range ? range : "", param->doc);
}

/* What 'profile' sets 'param' to, or NULL. */
static const char *
profile_value(const VsProfile *profile, const char *param)
{
    for (const VsProfileSetting *row = profile->settings; row->param; row++) {
        if (strcmp(row->param, param) == 0) {
            return row->value;
        }
    }
    return NULL;
}

/* A row for each parameter that some profile sets, a column for each profile. */
static void
print_profile_table(const VsModel *model)
{
    printf("\n| Attribute | no profile |");
    for (const VsProfile *profile = model->profiles; profile->name; profile++) {
        printf(" `%s` |", profile->name);
    }
    printf("\n| --- | --- |");
    for (const VsProfile *profile = model->profiles; profile->name; profile++) {
        printf(" --- |");
    }
    for (const VsParam *param = model->params; param->name; param++) {
        g_autoptr(GString) cells = g_string_new(NULL);
        bool is_set = false;

        for (const VsProfile *profile = model->profiles; profile->name; profile++) {
            const char *value = profile_value(profile, param->name);

            is_set |= value != NULL;
            g_string_append_printf(cells, " %s |", value ? value : "");
        }
        if (is_set) {
            printf("\n| `%s` | %s |%s", param->name, param->def ? param->def : "",
                   cells->str);
        }
    }
    printf("\n");
}

static void
print_profiles_markdown(const VsModel *model)
{
    printf("\n### Profiles\n");
    print_profile_table(model);
    for (const VsProfile *profile = model->profiles; profile->name; profile++) {
        printf("\n#### `%s`\n\n%s\n\n| Attribute | Value | Source |\n"
               "| --- | --- | --- |\n",
               profile->name, profile->doc);
        for (const VsProfileSetting *row = profile->settings; row->param; row++) {
            printf("| `%s` | `%s` | %s |\n", row->param, row->value, row->source);
        }
    }
}

static void
print_model_markdown(const VsModel *model)
{
    g_autofree char *rules = model_rules(model);

    printf("## `<%s>`\n\n%s\n\n%s\n", model->element, model->summary, rules);
    if (model->params && model->params->name) {
        printf("\n| Attribute | Type | Default | Range | Meaning |\n"
               "| --- | --- | --- | --- | --- |\n");
    }
    for (const VsParam *param = model->params; param && param->name; param++) {
        print_param_row(param);
    }
    if (model->stats && model->stats->name) {
        printf("\n| Statistic | Kind | Unit | Meaning |\n| --- | --- | --- | --- |\n");
    }
    for (const VsStat *stat = model->stats; stat && stat->name; stat++) {
        printf("| `%s` | %s | %s | %s |\n", stat->name, stat_kind(stat->kind),
               stat->unit, stat->doc);
    }
    if (model->profiles) {
        print_profiles_markdown(model);
    }
}

static void
print_all_markdown(const VsRegistry *registry)
{
    for (const VsModel *const *model = registry->models; *model; model++) {
        printf("%s", model == registry->models ? "" : "\n");
        print_model_markdown(*model);
    }
}

static void
complain_unknown(const VsRegistry *registry, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *meant;

    for (const VsModel *const *model = registry->models; *model; model++) {
        g_ptr_array_add(names, (char *)(*model)->element);
    }
    g_ptr_array_add(names, NULL);
    meant = vs_suggest(name, (const char *const *)names->pdata);
    cmd_complain("vethsim: there is no model \"%s\"%s%s%s  See vethsim models.", name,
                 meant ? ", did you mean \"" : "", meant ? meant : "",
                 meant ? "\"?" : ".");
}

int
cmd_models(int argc, char **argv)
{
    gboolean is_markdown = FALSE;
    const GOptionEntry options[] = {
        {"markdown", 0, 0, G_OPTION_ARG_NONE, &is_markdown,
         "Prints tables in Markdown; without NAME, of all models", NULL},
        {0}};
    const CmdUsage usage = {
        .arguments = "[NAME]",
        .summary =
            "Lists the models, which are the elements of scenarios, in the order of a "
            "packet's\npath; or shows the parameters and statistics of one.",
        .examples = "  vethsim models\n"
                    "  vethsim models lb\n"
                    "  vethsim models --markdown > models.md\n",
        .options = options,
    };
    const VsRegistry *registry = vs_registry_builtin();
    const VsModel *model = NULL;

    if (!cmd_parse(&usage, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    if (argc > 1 && !(model = vs_registry_find(registry, argv[1]))) {
        complain_unknown(registry, argv[1]);
        return CMD_BAD_INPUT;
    }
    if (model && is_markdown) {
        print_model_markdown(model);
    } else if (model) {
        print_model(model);
    } else if (is_markdown) {
        print_all_markdown(registry);
    } else {
        print_list(registry);
    }
    return CMD_OK;
}

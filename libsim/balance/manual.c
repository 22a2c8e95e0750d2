#include "balance/manual.h"

#include <inttypes.h>
#include <string.h>

#include "base/json_put.h"

const char *
vs_balancer_key_example(VsBalanceKeyKind kind)
{
    static const char *const examples[] = {
        [VS_BALANCE_BY_NOTHING] = "nothing: the line is not looked at",
        [VS_BALANCE_BY_ADDRESS] = "an address: 192.0.2.1 or 192.0.2.1:1234",
        [VS_BALANCE_BY_FLOW] = "a flow: 192.0.2.1:1234 198.51.100.1:80 tcp",
        [VS_BALANCE_BY_TEXT] = "text: all of the line",
    };

    g_assert(kind < G_N_ELEMENTS(examples));
    return examples[kind];
}

char *
vs_balancer_param_print_range(const VsBalancerParam *param)
{
    return param->choices
               ? g_strjoinv(", ", (char **)(void *)param->choices)
               : g_strdup_printf("%" PRIu64 " to %" PRIu64, param->min, param->max);
}

char *
vs_balancer_param_print_default(const VsBalancerParam *param)
{
    return param->choices ? g_strdup(param->choices[param->def])
                          : g_strdup_printf("%" PRIu64, param->def);
}

typedef void (*KindPrinter)(const VsBalancerKind *kind, void *out);

/* Calls 'print' for 'only', or for each kind if that is NULL. */
static void
for_each(const VsBalancerKind *only, KindPrinter print, void *out)
{
    const VsBalancerKind *kind;
    unsigned cursor = 0;

    while ((kind = vs_balancer_kind_next(&cursor))) {
        if (!only || kind == only) {
            print(kind, out);
        }
    }
}

/* Markdown. ------------------------------------------------------------------------ */

/* What would be emphasis, a tag or the end of a cell is none. */
static void
append_plain(GString *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("*<|\\", *text)) {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, *text);
    }
}

static void
append_param_row(GString *out, const VsBalancerParam *param)
{
    g_autofree char *range = vs_balancer_param_print_range(param);
    g_autofree char *def = vs_balancer_param_print_default(param);

    g_string_append_printf(out, "| `%s` | `%s` | %s | ", param->name, def, range);
    append_plain(out, param->doc);
    g_string_append(out, " |\n");
}

static void
append_section(const VsBalancerKind *kind, void *out_)
{
    GString *out = out_;

    g_string_append_printf(out, "\n### %s\n\n", kind->name);
    append_plain(out, kind->doc);
    g_string_append_printf(out, "\n\n- Reads %s.\n",
                           vs_balancer_key_example(kind->key));
    if (kind->weight_max) {
        g_string_append_printf(out, "- Weights: 0 to %" G_GUINT32_FORMAT ".\n",
                               kind->weight_max);
    }
    if (kind->formula) {
        g_string_append_printf(out, "- Formula: `%s`\n", kind->formula);
    }
    g_string_append(out, "- Source: ");
    append_plain(out, kind->source);
    g_string_append(out, "\n");
    if (kind->params && kind->params->name) {
        g_string_append(out, "\n| Param | Default | Range | Meaning |\n"
                             "| --- | --- | --- | --- |\n");
    }
    for (const VsBalancerParam *param = kind->params; param && param->name; param++) {
        append_param_row(out, param);
    }
}

char *
vs_balancer_manual_markdown(const VsBalancerKind *only)
{
    GString *out = g_string_new("## The algorithms\n");

    for_each(only, append_section, out);
    return g_string_free(out, FALSE);
}

/* JSON. ---------------------------------------------------------------------------- */

static void
put_param(JsonBuilder *builder, const VsBalancerParam *param)
{
    json_builder_begin_object(builder);
    vs_json_put_text(builder, "name", param->name);
    vs_json_put_text(builder, "doc", param->doc);
    if (param->choices) {
        vs_json_put_text(builder, "default", param->choices[param->def]);
        vs_json_begin_array(builder, "choices");
        for (unsigned i = 0; param->choices[i]; i++) {
            json_builder_add_string_value(builder, param->choices[i]);
        }
        json_builder_end_array(builder);
    } else {
        vs_json_put_uint(builder, "default", param->def);
        vs_json_put_uint(builder, "min", param->min);
        vs_json_put_uint(builder, "max", param->max);
    }
    json_builder_end_object(builder);
}

static void
put_kind(const VsBalancerKind *kind, void *builder_)
{
    JsonBuilder *builder = builder_;

    json_builder_begin_object(builder);
    vs_json_put_text(builder, "name", kind->name);
    vs_json_put_text(builder, "key", vs_balance_key_kind_names[kind->key]);
    vs_json_put_uint(builder, "weight-max", vs_balancer_kind_max_weight(kind));
    vs_json_put_text(builder, "doc", kind->doc);
    vs_json_put_text(builder, "formula", kind->formula);
    vs_json_put_text(builder, "source", kind->source);
    vs_json_begin_array(builder, "params");
    for (const VsBalancerParam *param = kind->params; param && param->name; param++) {
        put_param(builder, param);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

char *
vs_balancer_manual_json(const VsBalancerKind *only)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for_each(only, put_kind, builder);
    json_builder_end_array(builder);
    return vs_json_print(builder);
}

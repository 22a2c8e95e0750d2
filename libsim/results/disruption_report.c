#include "results/disruption_report.h"

#include <math.h>

#include "balance/params.h"
#include "base/json_put.h"
#include "results/number.h"
#include "results/text_table.h"

/* Text. ---------------------------------------------------------------------------- */

/* "33.3%", or "-" of NAN. */
static char *
print_share(double share)
{
    return isnan(share) ? g_strdup("-") : vs_number_print_share(share);
}

static void
append_servers(const VsDisruption *disruption, GString *out)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrrrrr");

    vs_text_table_put_words(table,
                            "backend|weight|share|picked|weight then|share|picked");
    for (guint i = 0; i < disruption->servers->len; i++) {
        const VsDisruptionServer *server =
            &g_array_index(disruption->servers, VsDisruptionServer, i);

        vs_text_table_put(table, server->name);
        vs_text_table_take(table, vs_number_print_count(server->weight_before));
        vs_text_table_take(
            table, vs_number_print_share(vs_number_ratio(server->weight_before,
                                                         disruption->total_before)));
        vs_text_table_take(table, vs_number_print_count(server->n_before));
        vs_text_table_take(table, vs_number_print_count(server->weight_after));
        vs_text_table_take(table, vs_number_print_share(vs_number_ratio(
                                      server->weight_after, disruption->total_after)));
        vs_text_table_take(table, vs_number_print_count(server->n_after));
    }
    if (disruption->n_unserved_before + disruption->n_unserved_after > 0) {
        vs_text_table_put_words(table, "(none)||");
        vs_text_table_take(table, vs_number_print_count(disruption->n_unserved_before));
        vs_text_table_put_words(table, "|");
        vs_text_table_take(table, vs_number_print_count(disruption->n_unserved_after));
    }
    vs_text_table_print(table, 2, out);
}

static void
put_count(VsTextTable *table, const char *what, uint64_t n,
          const VsDisruption *disruption)
{
    vs_text_table_put(table, what);
    vs_text_table_take(table, vs_number_print_count(n));
    vs_text_table_take(table,
                       vs_number_print_share(vs_number_ratio(n, disruption->n_keys)));
}

static void
put_theory(VsTextTable *table, const char *what, double share,
           const VsDisruption *disruption)
{
    vs_text_table_put(table, what);
    vs_text_table_take(table, isnan(share) ? g_strdup("-")
                                           : vs_number_print_count((VsSum)llround(
                                                 share * (double)disruption->n_keys)));
    vs_text_table_take(table, print_share(share));
}

static void
append_moves(const VsDisruption *disruption, GString *out)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrr");

    put_count(table, "remapped", disruption->n_remapped, disruption);
    put_count(table, "  their backend is gone", disruption->n_forced, disruption);
    put_count(table, "  their backend is still there",
              disruption->n_remapped - disruption->n_forced, disruption);
    put_theory(table, "in theory: the least, by the weights", disruption->least,
               disruption);
    put_theory(table, "  hash modulo the total weight", disruption->modulo, disruption);
    put_theory(table, "  each draws anew", disruption->anew, disruption);
    vs_text_table_print(table, 2, out);
}

static void
append_skew(double skew, GString *out)
{
    if (isnan(skew)) {
        g_string_append(out, "-");
    } else {
        g_string_append_printf(out, "%.3f", skew);
    }
}

char *
vs_disruption_print_text(const VsDisruption *disruption)
{
    GString *out = g_string_new(NULL);
    g_autofree char *n_keys = vs_number_print_count(disruption->n_keys);

    vs_balancer_params_print(disruption->balancer, out);
    g_string_append_printf(out, "%s %s, before and after\n\n", n_keys,
                           disruption->is_by_key ? "keys" : "picks");
    append_servers(disruption, out);
    g_string_append(out, "\n");
    if (disruption->is_by_key) {
        append_moves(disruption, out);
    } else {
        g_string_append(out,
                        "  remapped: not by key: no client has a backend of its own\n");
    }
    g_string_append(out, "  load skew (most loaded over mean, by weight): ");
    append_skew(disruption->skew_before, out);
    g_string_append(out, ", then ");
    append_skew(disruption->skew_after, out);
    g_string_append(out, "\n");
    return g_string_free(out, FALSE);
}

/* JSON. ---------------------------------------------------------------------------- */

static void
put_servers(JsonBuilder *builder, const VsDisruption *disruption)
{
    vs_json_begin_array(builder, "backends");
    for (guint i = 0; i < disruption->servers->len; i++) {
        const VsDisruptionServer *server =
            &g_array_index(disruption->servers, VsDisruptionServer, i);

        json_builder_begin_object(builder);
        vs_json_put_text(builder, "name", server->name);
        vs_json_put_uint(builder, "weight_before", server->weight_before);
        vs_json_put_uint(builder, "weight_after", server->weight_after);
        vs_json_put_uint(builder, "picked_before", server->n_before);
        vs_json_put_uint(builder, "picked_after", server->n_after);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
put_moves(JsonBuilder *builder, const VsDisruption *disruption)
{
    if (disruption->is_by_key) {
        vs_json_put_uint(builder, "remapped", disruption->n_remapped);
        vs_json_put_uint(builder, "remapped_backend_gone", disruption->n_forced);
    } else {
        vs_json_put_null(builder, "remapped");
        vs_json_put_null(builder, "remapped_backend_gone");
    }
    vs_json_begin_object(builder, "theory");
    vs_json_put_real(builder, "least", disruption->least);
    vs_json_put_real(builder, "modulo", disruption->modulo);
    vs_json_put_real(builder, "anew", disruption->anew);
    json_builder_end_object(builder);
}

char *
vs_disruption_print_json(const VsDisruption *disruption)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GString) settings = g_string_new(NULL);

    vs_balancer_params_print(disruption->balancer, settings);
    json_builder_begin_object(builder);
    vs_json_put_text(builder, "algorithm", disruption->balancer->kind->name);
    vs_json_put_text(builder, "with", g_strchomp(settings->str));
    vs_json_put_bool(builder, "by_key", disruption->is_by_key);
    vs_json_put_uint(builder, "keys", disruption->n_keys);
    vs_json_put_uint(builder, "unserved_before", disruption->n_unserved_before);
    vs_json_put_uint(builder, "unserved_after", disruption->n_unserved_after);
    put_moves(builder, disruption);
    vs_json_put_real(builder, "skew_before", disruption->skew_before);
    vs_json_put_real(builder, "skew_after", disruption->skew_after);
    put_servers(builder, disruption);
    json_builder_end_object(builder);
    return vs_json_print(builder);
}

/* The summary for people. */
#include "results/summary_text.h"

#include "base/units.h"

#define BAR_LENGTH 12

static void
append_head(const VsSummary *summary, GString *out)
{
    const VsScenario *scenario = vs_simulation_scenario(summary->simulation);
    g_autofree char *reached = vs_format_time(summary->reached);
    g_autofree char *until = vs_format_time(summary->until);
    g_autofree char *events = vs_number_print_count(summary->n_events);

    g_string_append_printf(out, "%s, seed %" G_GUINT64_FORMAT "\n",
                           vs_scenario_name(scenario),
                           vs_simulation_seed(summary->simulation));
    if (summary->is_partial) {
        g_string_append_printf(out, "  PARTIAL: stopped at %s of %s simulated time\n",
                               reached, until);
    } else {
        g_string_append_printf(out, "  %s of simulated time\n", reached);
    }
    g_string_append_printf(out, "  %s events, digest %s\n", events, summary->digest);
}

char *
vs_summary_print_text(const VsSummary *summary)
{
    GString *out = g_string_new(NULL);

    append_head(summary, out);
    vs_text_append_clients(summary, out);
    vs_text_append_parts(summary, out);
    return g_string_free(out, FALSE);
}

char *
vs_text_print_time(int64_t ps)
{
    return ps == 0 ? g_strdup("0s") : vs_format_time_short(ps);
}

void
vs_text_append_heading(GString *out, const char *heading)
{
    g_string_append_printf(out, "\n%s\n", heading);
}

void
vs_text_append_omitted(GString *out, guint n, guint n_shown, const char *what)
{
    if (n > n_shown) {
        g_string_append_printf(out, "  ... and %u more%s%s in summary.json\n",
                               n - n_shown, *what ? " " : "", what);
    }
}

char *
vs_text_print_bar(double share)
{
    return g_strnfill((gsize)(share * BAR_LENGTH + 0.5), '#');
}

void
vs_text_put_latency(VsTextTable *table, const VsHistogram *histogram)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};

    vs_text_table_take(
        table, vs_text_print_time(vs_number_mean(histogram->sum, histogram->count)));
    for (unsigned i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        vs_text_table_take(
            table, vs_text_print_time(vs_summary_quantile(histogram, quantiles[i])));
    }
    vs_text_table_take(table, vs_text_print_time(vs_histogram_max(histogram)));
}

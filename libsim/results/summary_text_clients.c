/* What a client sees. */
#include "results/summary_text.h"

/* What a screen should hold; the JSON has all. */
#define MAX_CLIENTS 6
#define MAX_STAGE_TABLES 3
#define MAX_STAGE_LINES 24

/* Between what was and what a closed loop would have told. */
#define NOTABLE_FACTOR 2

/* The clients that have a line, and the total when that is another. */
static GPtrArray *
list_clients(const VsSummary *summary)
{
    GPtrArray *clients = g_ptr_array_new();

    for (guint i = 0; i < MIN(summary->clients->len, MAX_CLIENTS); i++) {
        g_ptr_array_add(clients, &g_array_index(summary->clients, VsSummaryClient, i));
    }
    if (summary->clients->len > 1) {
        g_ptr_array_add(clients, (VsSummaryClient *)&summary->total);
    }
    return clients;
}

static const VsSummaryCounter *
find_counter(const VsSummaryClient *client, const char *name)
{
    for (guint i = 0; i < client->counters->len; i++) {
        const VsSummaryCounter *counter =
            &g_array_index(client->counters, VsSummaryCounter, i);

        if (g_str_equal(counter->stat->name, name)) {
            return counter;
        }
    }
    return NULL;
}

/* Of the counters of a client: who tell what became of requests, and the others. */
static bool
is_outcome(const VsStat *stat)
{
    return g_str_equal(stat->name, "requests") ||
           g_str_equal(stat->name, "completed") || vs_summary_is_failure(stat);
}

static void
put_counter(VsTextTable *table, const GPtrArray *clients, const VsStat *stat)
{
    vs_text_table_put(table, stat->name);
    for (guint i = 0; i < clients->len; i++) {
        const VsSummaryCounter *counter = find_counter(clients->pdata[i], stat->name);

        vs_text_table_take(table, counter ? vs_number_print_count(counter->value)
                                          : g_strdup(""));
    }
    vs_text_table_put(table, stat->doc ? stat->doc : "");
}

/* Those that are outcomes, or those that are not; of failures and of the latter,
 * what did happen. */
static void
put_counters(VsTextTable *table, const VsSummary *summary, const GPtrArray *clients,
             bool are_outcomes)
{
    const GArray *counters = summary->total.counters;

    for (guint i = 0; i < counters->len; i++) {
        const VsSummaryCounter *total = &g_array_index(counters, VsSummaryCounter, i);
        bool is_always = is_outcome(total->stat) && !vs_summary_is_failure(total->stat);

        if (is_outcome(total->stat) == are_outcomes &&
            (is_always || total->value > 0)) {
            put_counter(table, clients, total->stat);
        }
    }
}

/* A column for each client, a row for each counter: there are more counters, with names
 * that tell what went wrong. */
static void
append_requests(const VsSummary *summary, const GPtrArray *clients, GString *out)
{
    g_autofree char *numbers = g_strnfill(clients->len, 'r');
    g_autofree char *columns = g_strconcat("l", numbers, "l", NULL);
    g_autoptr(VsTextTable) table = vs_text_table_new(columns);

    vs_text_table_put(table, "");
    for (guint i = 0; i < clients->len; i++) {
        vs_text_table_put(table, ((const VsSummaryClient *)clients->pdata[i])->id);
    }
    vs_text_table_put(table, "");
    put_counters(table, summary, clients, true);
    vs_text_table_put(table, "under way");
    for (guint i = 0; i < clients->len; i++) {
        vs_text_table_take(
            table, vs_number_print_count(vs_summary_n_under_way(clients->pdata[i])));
    }
    vs_text_table_put(table, "Neither completed nor failed at the end.");
    vs_text_table_put(table, "throughput");
    for (guint i = 0; i < clients->len; i++) {
        vs_text_table_take(table, vs_number_print_rate(vs_summary_throughput(
                                      summary, clients->pdata[i])));
    }
    vs_text_table_put(table, "Completed in a second of simulated time.");
    put_counters(table, summary, clients, false);
    vs_text_append_heading(out, "Requests");
    vs_text_table_print(table, 2, out);
    vs_text_append_omitted(out, summary->clients->len, MAX_CLIENTS, "clients");
}

/* Histograms of a client with such a name are of parts of its latency: "latency-dns". */
static void
put_parts(VsTextTable *table, const VsSummary *summary, const VsSummaryClient *client)
{
    for (guint i = 0; i < summary->histograms->len; i++) {
        const VsSummaryStat *row =
            &g_array_index(summary->histograms, VsSummaryStat, i);
        const char *name = row->stat->name;

        if (row->entity == client->id && g_str_has_prefix(name, "latency-")) {
            vs_text_table_take(table, g_strdup_printf("  %s", name + 8));
            vs_text_put_latency(table, row->value);
        }
    }
}

/* Coordinated omission: says so where a tester who waits for each answer before the next
 * request would have reported a much better latency than those who came had. */
static void
append_closed_loop(const VsSummary *summary, const VsSummaryClient *client,
                   GString *out)
{
    for (guint i = 0; i < summary->histograms->len; i++) {
        const VsSummaryStat *row =
            &g_array_index(summary->histograms, VsSummaryStat, i);
        const VsHistogram *closed = row->value;
        int64_t p99 = vs_summary_quantile(&client->latency, 0.99);
        int64_t closed_p99 = vs_summary_quantile(closed, 0.99);

        if (row->entity == client->id &&
            g_str_equal(row->stat->name, "as-closed-loop") && closed->count > 0 &&
            p99 >= NOTABLE_FACTOR * closed_p99) {
            g_autofree char *open_text = vs_text_print_time(p99);
            g_autofree char *closed_text = vs_text_print_time(closed_p99);

            g_string_append_printf(
                out, "  %s: p99 %s (a closed loop would have reported %s)\n",
                client->id, open_text, closed_text);
        }
    }
}

static void
append_latencies(const VsSummary *summary, const GPtrArray *clients, GString *out)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrrrrr");

    vs_text_table_put_words(table, "|" VS_TEXT_LATENCY_WORDS);
    for (guint i = 0; i < clients->len; i++) {
        const VsSummaryClient *client = clients->pdata[i];

        vs_text_table_put(table, client->id);
        vs_text_put_latency(table, &client->latency);
        if (clients->len <= MAX_STAGE_TABLES) {
            put_parts(table, summary, client);
        }
    }
    vs_text_append_heading(out, "Latency of completed requests, end to end");
    vs_text_table_print(table, 2, out);
    for (guint i = 0; i < clients->len; i++) {
        append_closed_loop(summary, clients->pdata[i], out);
    }
}

/* Stages. -------------------------------------------------------------------------- */

static void
put_stage_line(VsTextTable *table, const char *name,
               const VsSum elapsed[VS_STAGE_N_KINDS], const VsStageTable *stages)
{
    VsSum sum = 0;

    vs_text_table_put(table, name);
    for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
        vs_text_table_take(table, elapsed[kind] > 0
                                      ? vs_text_print_time(vs_number_mean(
                                            elapsed[kind], stages->n_requests))
                                      : g_strdup(""));
        sum += elapsed[kind];
    }
    vs_text_table_take(table,
                       vs_text_print_time(vs_number_mean(sum, stages->n_requests)));
    vs_text_table_take(table,
                       vs_number_print_share(vs_number_ratio(sum, stages->elapsed)));
    vs_text_table_take(table, vs_text_print_bar(vs_number_ratio(sum, stages->elapsed)));
}

/* Adds up the lines of 'phase', or all if that is NULL. */
static void
sum_lines(const GArray *lines, const char *phase, VsSum ret[VS_STAGE_N_KINDS])
{
    for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
        ret[kind] = 0;
        for (guint i = 0; i < lines->len; i++) {
            const VsStageLine *line = &g_array_index(lines, VsStageLine, i);

            ret[kind] +=
                !phase || g_str_equal(line->phase, phase) ? line->elapsed[kind] : 0;
        }
    }
}

static bool
has_stars(const GArray *lines)
{
    for (guint i = 0; i < lines->len; i++) {
        if (g_array_index(lines, VsStageLine, i).n_places > 1) {
            return true;
        }
    }
    return false;
}

static void
append_stages(const VsSummaryClient *client, GString *out)
{
    const VsStageTable *stages = &client->stages;
    g_autoptr(GArray) lines = vs_stage_table_fold(stages, MAX_STAGE_LINES);
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrrrrl");
    g_autofree char *requests = vs_number_print_count(stages->n_requests);
    g_autofree char *sum = vs_number_print_count(vs_stage_table_sum(stages));
    const char *phase = NULL;
    VsSum sums[VS_STAGE_N_KINDS];

    vs_text_table_put_words(table, "|queueing|service|delay|total|share|");
    for (guint i = 0; i < lines->len; i++) {
        const VsStageLine *line = &g_array_index(lines, VsStageLine, i);
        g_autofree char *name = g_strdup_printf("  %s", line->place);

        if (!phase || !g_str_equal(phase, line->phase)) {
            phase = line->phase;
            sum_lines(lines, phase, sums);
            put_stage_line(table, phase, sums, stages);
        }
        put_stage_line(table, name, line->elapsed, stages);
    }
    sum_lines(lines, NULL, sums);
    put_stage_line(table, "end to end", sums, stages);

    g_string_append_printf(
        out, "\nWhere the time of a request of %s went: means over %s requests\n",
        client->id, requests);
    vs_text_table_print(table, 2, out);
    g_string_append(out,
                    "  Waiting for a core counts in the root namespace of its host.");
    g_string_append(out, has_stars(lines) ? "  A star stands for several.\n" : "\n");
    if (vs_stage_table_sum(stages) == stages->elapsed) {
        g_string_append_printf(
            out, "  The stages add up to the end-to-end times exactly: %s ps in all.\n",
            sum);
    } else {
        g_autofree char *whole = vs_number_print_count(stages->elapsed);

        g_string_append_printf(
            out,
            "  INTERNAL ERROR: the stages add up to %s ps, the requests took %s ps.\n",
            sum, whole);
    }
}

static void
append_all_stages(const VsSummary *summary, GString *out)
{
    if (summary->clients->len > MAX_STAGE_TABLES) {
        append_stages(&summary->total, out);
        return;
    }
    for (guint i = 0; i < summary->clients->len; i++) {
        const VsSummaryClient *client =
            &g_array_index(summary->clients, VsSummaryClient, i);

        if (client->stages.n_requests > 0) {
            append_stages(client, out);
        }
    }
}

void
vs_text_append_clients(const VsSummary *summary, GString *out)
{
    g_autoptr(GPtrArray) clients = list_clients(summary);

    if (clients->len > 0) {
        append_requests(summary, clients, out);
        append_latencies(summary, clients, out);
        append_all_stages(summary, out);
    }
}

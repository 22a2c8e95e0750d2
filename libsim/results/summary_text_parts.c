/* What happened inside. */
#include "results/summary_text.h"

#include <string.h>

#include "packet/packet.h"

/* What a screen should hold of each kind; the JSON has all. */
#define MAX_ROWS 10
#define MAX_SHARES 20
#define MAX_COUNTERS 30

static gint
compare_shares(gconstpointer a_, gconstpointer b_)
{
    const VsShare *a = *(const VsShare *const *)a_;
    const VsShare *b = *(const VsShare *const *)b_;

    return a->count < b->count ? 1 : a->count > b->count ? -1 : 0;
}

/* "12 requests", or nothing. */
static char *
print_requests(const VsSummary *summary, const char *pod)
{
    uint64_t requests = vs_summary_pod_requests(summary, pod);
    g_autofree char *count = vs_number_print_count(requests);

    return requests > 0 ? g_strdup_printf("%s requests", count) : g_strdup("");
}

/* How unevenly connections, and requests of the pods that were chosen, are spread. */
static void
append_skew(const VsSummary *summary, const VsShares *shares, GString *out)
{
    g_autofree uint64_t *chosen = g_new(uint64_t, shares->n_shares);
    g_autofree uint64_t *requests = g_new(uint64_t, shares->n_shares);
    double of_shares, of_requests;

    if (shares->n_shares < 2) {
        return;
    }
    for (unsigned i = 0; i < shares->n_shares; i++) {
        chosen[i] = shares->shares[i].count;
        requests[i] = vs_summary_pod_requests(summary, shares->shares[i].name);
    }
    of_shares = vs_summary_skew(chosen, shares->n_shares);
    of_requests = vs_summary_skew(requests, shares->n_shares);
    if (of_shares > 0) {
        g_string_append_printf(out, "  The most is %.2f times the mean.\n", of_shares);
    }
    if (of_requests > 0) {
        g_string_append_printf(
            out, "  Of the pods' requests it is %.2f times the mean.\n", of_requests);
    }
}

/* Short lists stand in their own order, of long ones those that were chosen most. */
static void
append_share_list(const VsSummary *summary, const VsShares *shares, GString *out)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrlr");
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    VsSum sum = 0;

    for (unsigned i = 0; i < shares->n_shares; i++) {
        sum += shares->shares[i].count;
        g_ptr_array_add(list, &shares->shares[i]);
    }
    if (list->len > MAX_SHARES) {
        g_ptr_array_sort(list, compare_shares);
    }
    for (guint i = 0; i < MIN(list->len, MAX_SHARES); i++) {
        const VsShare *share = list->pdata[i];
        double ratio = vs_number_ratio(share->count, sum);

        vs_text_table_put(table, share->name);
        vs_text_table_take(table, vs_number_print_count(share->count));
        vs_text_table_take(table, vs_number_print_share(ratio));
        vs_text_table_take(table, vs_text_print_bar(ratio));
        vs_text_table_take(table, print_requests(summary, share->name));
    }
    vs_text_table_print(table, 2, out);
    vs_text_append_omitted(out, list->len, MAX_SHARES, "");
    append_skew(summary, shares, out);
}

static void
append_shares(const VsSummary *summary, GString *out)
{
    for (guint i = 0; i < MIN(summary->shares->len, MAX_ROWS); i++) {
        const VsSummaryStat *row = &g_array_index(summary->shares, VsSummaryStat, i);

        g_string_append_printf(out, "\nShares of %s %s: %s\n",
                               row->element->model->element, row->entity,
                               row->stat->name);
        append_share_list(summary, row->value, out);
    }
    vs_text_append_omitted(out, summary->shares->len, MAX_ROWS, "lists of shares");
}

static gint
compare_servers(gconstpointer a_, gconstpointer b_)
{
    const VsSummaryServer *a = *(const VsSummaryServer *const *)a_;
    const VsSummaryServer *b = *(const VsSummaryServer *const *)b_;

    return a->utilisation < b->utilisation   ? 1
           : a->utilisation > b->utilisation ? -1
                                             : 0;
}

static gint
compare_queues(gconstpointer a_, gconstpointer b_)
{
    const VsSummaryQueue *a = *(const VsSummaryQueue *const *)a_;
    const VsSummaryQueue *b = *(const VsSummaryQueue *const *)b_;

    return a->mean_here < b->mean_here ? 1 : a->mean_here > b->mean_here ? -1 : 0;
}

/* "pod web" of a model's instance; wires and cores have their kind in their name. */
static char *
print_entity(const char *kind, const char *entity)
{
    return g_str_has_prefix(entity, kind) ? g_strdup(entity)
                                          : g_strdup_printf("%s %s", kind, entity);
}

static void
append_servers(const VsSummary *summary, GString *out)
{
    g_autoptr(GPtrArray) servers = g_ptr_array_new();
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrrrl");

    for (guint i = 0; i < summary->servers->len; i++) {
        VsSummaryServer *server = &g_array_index(summary->servers, VsSummaryServer, i);

        if (server->busy > 0) {
            g_ptr_array_add(servers, server);
        }
    }
    if (servers->len == 0) {
        return;
    }
    g_ptr_array_sort(servers, compare_servers);
    vs_text_table_put_words(table, "|busy|servers|packets|dropped|");
    for (guint i = 0; i < MIN(servers->len, MAX_ROWS); i++) {
        const VsSummaryServer *server = servers->pdata[i];

        vs_text_table_take(table, print_entity(server->kind, server->entity));
        vs_text_table_take(table, vs_number_print_share(server->utilisation));
        vs_text_table_take(table, vs_number_print_count(server->n_servers));
        vs_text_table_take(table, server->n_packets > 0
                                      ? vs_number_print_count(server->n_packets)
                                      : g_strdup(""));
        vs_text_table_take(table, server->n_dropped > 0
                                      ? vs_number_print_count(server->n_dropped)
                                      : g_strdup(""));
        vs_text_table_take(table, vs_text_print_bar(MIN(server->utilisation, 1)));
    }
    vs_text_append_heading(out, "Utilisation, the busiest first");
    vs_text_table_print(table, 2, out);
    vs_text_append_omitted(out, servers->len, MAX_ROWS, "");
}

static void
append_queues(const VsSummary *summary, GString *out)
{
    g_autoptr(GPtrArray) queues = g_ptr_array_new();
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrrrl");
    unsigned n_unbalanced = 0;

    for (guint i = 0; i < summary->queues->len; i++) {
        VsSummaryQueue *queue = &g_array_index(summary->queues, VsSummaryQueue, i);

        n_unbalanced += !queue->is_balanced;
        if (queue->stat->n_arrived > 0) {
            g_ptr_array_add(queues, queue);
        }
    }
    if (queues->len == 0) {
        return;
    }
    g_ptr_array_sort(queues, compare_queues);
    vs_text_table_put_words(table, "|mean number|max|left|mean visit|");
    for (guint i = 0; i < MIN(queues->len, MAX_ROWS); i++) {
        const VsSummaryQueue *queue = queues->pdata[i];
        bool is_wire = g_str_equal(queue->kind, "wire");

        vs_text_table_take(table, print_entity(queue->kind, queue->entity));
        vs_text_table_take(table, vs_number_print_real(queue->mean_here));
        vs_text_table_take(table, is_wire ? g_strdup("")
                                          : vs_number_print_count(queue->stat->n_max));
        vs_text_table_take(table, vs_number_print_count(queue->stat->n_left));
        vs_text_table_take(table,
                           vs_text_print_time((int64_t)(queue->mean_visit_here + 0.5)));
        vs_text_table_put(table,
                          queue->is_balanced ? queue->doc : "BREAKS LITTLE'S LAW");
    }
    vs_text_append_heading(out, "Queues, the longest first");
    vs_text_table_print(table, 2, out);
    vs_text_append_omitted(out, queues->len, MAX_ROWS, "");
    if (n_unbalanced == 0) {
        g_string_append_printf(
            out,
            "  Little's law (mean number = arrival rate x mean visit) holds "
            "to the picosecond on all %u.\n",
            summary->queues->len);
    } else {
        g_string_append_printf(out,
                               "  INTERNAL ERROR: Little's law fails on %u of %u.\n",
                               n_unbalanced, summary->queues->len);
    }
}

/* A client's latency, or a part of it, which its own table has. */
static bool
is_of_client(const VsSummaryStat *row)
{
    const char *name = row->stat->name;

    if (!g_str_has_prefix(name, "latency") && strcmp(name, "as-closed-loop") != 0) {
        return false;
    }
    for (const VsStat *stat = row->element->model->stats; stat->name; stat++) {
        if (stat->kind == VS_STAT_STAGES) {
            return true;
        }
    }
    return false;
}

static void
append_histograms(const VsSummary *summary, GString *out)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrrrrrrr");
    guint n_shown = 0;
    guint n_rows = 0;

    vs_text_table_put_words(table, "|count|" VS_TEXT_LATENCY_WORDS);
    for (guint i = 0; i < summary->histograms->len; i++) {
        const VsSummaryStat *row =
            &g_array_index(summary->histograms, VsSummaryStat, i);
        const VsHistogram *histogram = row->value;

        if (histogram->count == 0 || is_of_client(row)) {
            continue;
        }
        if (n_rows++ < MAX_ROWS) {
            vs_text_table_take(table,
                               g_strdup_printf("%s %s", row->entity, row->stat->name));
            vs_text_table_take(table, vs_number_print_count(histogram->count));
            vs_text_put_latency(table, histogram);
            n_shown++;
        }
    }
    if (n_rows > 0) {
        vs_text_append_heading(out, "Other times");
        vs_text_table_print(table, 2, out);
        vs_text_append_omitted(out, n_rows, n_shown, "rows");
    }
}

/* Of an instance, or of several with the same table. */
typedef struct CounterLine {
    const VsSummaryStat *row; /* The first. */
    uint64_t count;           /* Or time, ps. */
    unsigned n_instances;
} CounterLine;

/* Lines of what was counted at all; with 'is_tight', one for all instances of a model. */
static GArray *
list_counters(const VsSummary *summary, bool is_tight)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(CounterLine));
    g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < summary->counters->len; i++) {
        const VsSummaryStat *row = &g_array_index(summary->counters, VsSummaryStat, i);
        CounterLine line = {row, *(const uint64_t *)row->value, 1};
        gconstpointer key = is_tight ? (gconstpointer)row->stat : row;
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, key));

        if (line.count == 0) {
            continue;
        }
        if (place > 0) {
            g_array_index(lines, CounterLine, place - 1).count += line.count;
            g_array_index(lines, CounterLine, place - 1).n_instances++;
        } else {
            g_array_append_val(lines, line);
            g_hash_table_insert(places, (void *)key, GUINT_TO_POINTER(lines->len));
        }
    }
    return lines;
}

static void
append_counters(const VsSummary *summary, GString *out)
{
    g_autoptr(VsTextTable) table = vs_text_table_new("lrll");
    g_autoptr(GArray) lines = list_counters(summary, false);

    if (lines->len == 0) {
        return;
    }
    if (lines->len > MAX_COUNTERS) {
        g_array_unref(lines);
        lines = list_counters(summary, true);
    }
    for (guint i = 0; i < lines->len; i++) {
        const CounterLine *line = &g_array_index(lines, CounterLine, i);
        const char *kind = line->row->element->model->element;

        vs_text_table_take(table,
                           line->n_instances > 1
                               ? g_strdup_printf("%s (%u)", kind, line->n_instances)
                               : print_entity(kind, line->row->entity));
        vs_text_table_take(table, line->row->stat->kind == VS_STAT_TIME
                                      ? vs_text_print_time((int64_t)line->count)
                                      : vs_number_print_count(line->count));
        vs_text_table_put(table, line->row->stat->name);
        vs_text_table_put(table, line->row->stat->doc ? line->row->stat->doc : "");
    }
    vs_text_append_heading(out, "What the parts counted");
    vs_text_table_print(table, 2, out);
}

static void
append_packets(const VsSummary *summary, GString *out)
{
    const VsPacketPool *pool = vs_simulation_run(summary->simulation)->packets;
    g_autoptr(VsTextTable) table = vs_text_table_new("lrl");
    g_autofree char *created = vs_number_print_count(summary->n_created);
    g_autofree char *delivered = vs_number_print_count(summary->n_delivered);
    g_autofree char *dropped = vs_number_print_count(summary->n_dropped);
    g_autofree char *in_flight = vs_number_print_count(summary->n_in_flight);
    bool is_conserved = summary->n_created == summary->n_delivered +
                                                  summary->n_dropped +
                                                  summary->n_in_flight;

    vs_text_append_heading(out, "Packets");
    g_string_append_printf(
        out, "  %s created %s %s delivered + %s dropped + %s in flight%s\n", created,
        is_conserved ? "=" : "IS NOT", delivered, dropped, in_flight,
        is_conserved ? "" : "  (INTERNAL ERROR)");
    for (unsigned i = 0; i < VS_DROP_LENGTH; i++) {
        if (pool->n_dropped[i] > 0) {
            g_autofree char *word =
                g_strdup_printf("dropped: %s", vs_drop_word((VsDrop)i));

            vs_text_table_put(table, word);
            vs_text_table_take(table, vs_number_print_count(pool->n_dropped[i]));
            vs_text_table_put(table, vs_drop_text((VsDrop)i));
        }
    }
    vs_text_table_print(table, 2, out);
}

void
vs_text_append_parts(const VsSummary *summary, GString *out)
{
    append_shares(summary, out);
    append_servers(summary, out);
    append_queues(summary, out);
    append_histograms(summary, out);
    append_counters(summary, out);
    append_packets(summary, out);
}

/* The summary for programs. */
#include "base/json_put.h"
#include "packet/packet.h"
#include "results/number.h"
#include "results/summary.h"

/* Of the document's shape: a change that a reader could trip over raises it. */
#define FORMAT_VERSION 1

/* As text, for it may need 128 bits. */
static void
put_sum(JsonBuilder *json, const char *name, VsSum sum)
{
    g_autofree char *text = vs_number_print_sum(sum);

    vs_json_put_text(json, name, text);
}

static void
put_histogram(JsonBuilder *json, const char *name, const VsHistogram *histogram)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {
        {"p50_ps", 0.5},
        {"p90_ps", 0.9},
        {"p99_ps", 0.99},
        {"p99_9_ps", 0.999},
    };

    vs_json_begin_object(json, name);
    vs_json_put_uint(json, "count", histogram->count);
    put_sum(json, "sum_ps", histogram->sum);
    vs_json_put_real(json, "mean_ps", vs_histogram_mean(histogram));
    vs_json_put_real(json, "stddev_ps", vs_histogram_stddev(histogram));
    vs_json_put_int(json, "min_ps", vs_histogram_min(histogram));
    for (unsigned i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        vs_json_put_int(json, quantiles[i].name,
                        vs_summary_quantile(histogram, quantiles[i].q));
    }
    vs_json_put_int(json, "max_ps", vs_histogram_max(histogram));
    json_builder_end_object(json);
}

static void
put_stages(JsonBuilder *json, const VsStageTable *stages)
{
    vs_json_begin_object(json, "stages");
    vs_json_put_uint(json, "requests", stages->n_requests);
    put_sum(json, "end_to_end_ps", stages->elapsed);
    put_sum(json, "sum_of_rows_ps", vs_stage_table_sum(stages));
    vs_json_begin_array(json, "rows");
    for (guint i = 0; i < stages->rows->len; i++) {
        const VsStageRow *row = &g_array_index(stages->rows, VsStageRow, i);

        json_builder_begin_object(json);
        vs_json_put_text(json, "phase", row->phase);
        vs_json_put_text(json, "place", row->place);
        vs_json_put_text(json, "what", row->what);
        vs_json_put_text(json, "kind", vs_stage_kind_word(row->kind));
        vs_json_put_uint(json, "steps", row->n_steps);
        put_sum(json, "elapsed_ps", row->elapsed);
        vs_json_put_real(json, "mean_ps",
                         vs_number_ratio(row->elapsed, stages->n_requests));
        vs_json_put_real(json, "share", vs_number_ratio(row->elapsed, stages->elapsed));
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void
put_client(JsonBuilder *json, const VsSummary *summary, const VsSummaryClient *client)
{
    vs_json_put_text(json, "id", client->id);
    vs_json_begin_object(json, "counters");
    for (guint i = 0; i < client->counters->len; i++) {
        const VsSummaryCounter *counter =
            &g_array_index(client->counters, VsSummaryCounter, i);

        if (!vs_summary_is_failure(counter->stat)) {
            vs_json_put_uint(json, counter->stat->name, counter->value);
        }
    }
    json_builder_end_object(json);
    vs_json_begin_object(json, "failures");
    for (guint i = 0; i < client->counters->len; i++) {
        const VsSummaryCounter *counter =
            &g_array_index(client->counters, VsSummaryCounter, i);

        if (vs_summary_is_failure(counter->stat)) {
            vs_json_put_uint(json, counter->stat->name, counter->value);
        }
    }
    json_builder_end_object(json);
    vs_json_put_uint(json, "under_way", vs_summary_n_under_way(client));
    vs_json_put_real(json, "throughput_per_s", vs_summary_throughput(summary, client));
    vs_json_put_text(json, "latency_metric",
                     client->latency_stat ? client->latency_stat->name : NULL);
    put_histogram(json, "latency", &client->latency);
    put_stages(json, &client->stages);
}

static void
put_clients(JsonBuilder *json, const VsSummary *summary)
{
    vs_json_begin_array(json, "clients");
    for (guint i = 0; i < summary->clients->len; i++) {
        json_builder_begin_object(json);
        put_client(json, summary, &g_array_index(summary->clients, VsSummaryClient, i));
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    vs_json_begin_object(json, "total");
    put_client(json, summary, &summary->total);
    json_builder_end_object(json);
}

static void
put_row_head(JsonBuilder *json, const VsSummaryStat *row)
{
    json_builder_begin_object(json);
    vs_json_put_text(json, "kind", row->element->model->element);
    vs_json_put_text(json, "entity", row->entity);
    vs_json_put_text(json, "name", row->stat->name);
    vs_json_put_text(json, "unit", row->stat->unit);
}

static void
put_counters(JsonBuilder *json, const VsSummary *summary)
{
    vs_json_begin_array(json, "counters");
    for (guint i = 0; i < summary->counters->len; i++) {
        const VsSummaryStat *row = &g_array_index(summary->counters, VsSummaryStat, i);

        put_row_head(json, row);
        vs_json_put_uint(json, "count", *(const uint64_t *)row->value);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_histograms(JsonBuilder *json, const VsSummary *summary)
{
    vs_json_begin_array(json, "histograms");
    for (guint i = 0; i < summary->histograms->len; i++) {
        const VsSummaryStat *row =
            &g_array_index(summary->histograms, VsSummaryStat, i);

        put_row_head(json, row);
        put_histogram(json, "of", row->value);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_shares(JsonBuilder *json, const VsSummary *summary)
{
    vs_json_begin_array(json, "shares");
    for (guint i = 0; i < summary->shares->len; i++) {
        const VsSummaryStat *row = &g_array_index(summary->shares, VsSummaryStat, i);
        const VsShares *shares = row->value;
        VsSum sum = 0;

        for (unsigned j = 0; j < shares->n_shares; j++) {
            sum += shares->shares[j].count;
        }
        put_row_head(json, row);
        vs_json_begin_array(json, "of");
        for (unsigned j = 0; j < shares->n_shares; j++) {
            json_builder_begin_object(json);
            vs_json_put_text(json, "name", shares->shares[j].name);
            vs_json_put_uint(json, "count", shares->shares[j].count);
            vs_json_put_real(json, "share",
                             vs_number_ratio(shares->shares[j].count, sum));
            vs_json_put_uint(json, "pod_requests",
                             vs_summary_pod_requests(summary, shares->shares[j].name));
            json_builder_end_object(json);
        }
        json_builder_end_array(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_servers(JsonBuilder *json, const VsSummary *summary)
{
    vs_json_begin_array(json, "utilisation");
    for (guint i = 0; i < summary->servers->len; i++) {
        const VsSummaryServer *server =
            &g_array_index(summary->servers, VsSummaryServer, i);

        json_builder_begin_object(json);
        vs_json_put_text(json, "kind", server->kind);
        vs_json_put_text(json, "entity", server->entity);
        vs_json_put_int(json, "servers", server->n_servers);
        vs_json_put_int(json, "busy_ps", server->busy);
        vs_json_put_real(json, "utilisation", server->utilisation);
        vs_json_put_uint(json, "packets", server->n_packets);
        vs_json_put_uint(json, "bytes", server->n_bytes);
        vs_json_put_uint(json, "dropped", server->n_dropped);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_queues(JsonBuilder *json, const VsSummary *summary)
{
    vs_json_begin_array(json, "queues");
    for (guint i = 0; i < summary->queues->len; i++) {
        const VsSummaryQueue *queue =
            &g_array_index(summary->queues, VsSummaryQueue, i);

        json_builder_begin_object(json);
        vs_json_put_text(json, "kind", queue->kind);
        vs_json_put_text(json, "entity", queue->entity);
        vs_json_put_text(json, "name", queue->name);
        vs_json_put_text(json, "unit", queue->unit);
        vs_json_put_real(json, "mean", queue->mean);
        vs_json_put_uint(json, "max", queue->stat->n_max);
        vs_json_put_uint(json, "now", queue->stat->n_now);
        vs_json_put_uint(json, "arrived", queue->stat->n_arrived);
        vs_json_put_uint(json, "left", queue->stat->n_left);
        vs_json_put_real(json, "mean_visit_ps", queue->mean_visit);
        vs_json_put_real(json, "mean_here", queue->mean_here);
        vs_json_put_real(json, "mean_visit_here_ps", queue->mean_visit_here);
        vs_json_put_bool(json, "littles_law_holds", queue->is_balanced);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_packets(JsonBuilder *json, const VsSummary *summary)
{
    const VsPacketPool *pool = vs_simulation_run(summary->simulation)->packets;

    vs_json_begin_object(json, "packets");
    vs_json_put_uint(json, "created", summary->n_created);
    vs_json_put_uint(json, "delivered", summary->n_delivered);
    vs_json_put_uint(json, "dropped", summary->n_dropped);
    vs_json_put_uint(json, "in_flight", summary->n_in_flight);
    vs_json_put_bool(json, "are_conserved",
                     summary->n_created == summary->n_delivered + summary->n_dropped +
                                               summary->n_in_flight);
    vs_json_begin_array(json, "drops");
    for (unsigned i = 0; i < VS_DROP_LENGTH; i++) {
        if (pool->n_dropped[i] > 0) {
            json_builder_begin_object(json);
            vs_json_put_text(json, "reason", vs_drop_word((VsDrop)i));
            vs_json_put_text(json, "text", vs_drop_text((VsDrop)i));
            vs_json_put_uint(json, "count", pool->n_dropped[i]);
            json_builder_end_object(json);
        }
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

char *
vs_summary_print_json(const VsSummary *summary)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_object(json);
    vs_json_put_text(json, "format", "vethsim-summary");
    vs_json_put_int(json, "version", FORMAT_VERSION);
    vs_json_put_text(json, "scenario",
                     vs_scenario_name(vs_simulation_scenario(summary->simulation)));
    vs_json_put_uint(json, "seed", vs_simulation_seed(summary->simulation));
    vs_json_put_int(json, "until_ps", summary->until);
    vs_json_put_int(json, "reached_ps", summary->reached);
    vs_json_put_bool(json, "partial", summary->is_partial);
    vs_json_put_uint(json, "events", summary->n_events);
    vs_json_put_text(json, "digest", summary->digest);
    put_clients(json, summary);
    put_shares(json, summary);
    put_servers(json, summary);
    put_queues(json, summary);
    put_histograms(json, summary);
    put_counters(json, summary);
    put_packets(json, summary);
    json_builder_end_object(json);
    return vs_json_print(json);
}

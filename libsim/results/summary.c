#include "results/summary.h"

#include <string.h>

#include "packet/packet.h"

/* Collecting. ---------------------------------------------------------------------- */

static char *
keep(VsSummary *summary, char *text)
{
    char *kept = g_string_chunk_insert_const(summary->strings, text);

    g_free(text);
    return kept;
}

char *
vs_summary_name_element(const VsElement *element)
{
    return vs_element_name(element);
}

static const VsStat *
find_stat(const VsModel *model, VsStatKind kind)
{
    for (const VsStat *stat = model->stats; stat && stat->name; stat++) {
        if (stat->kind == kind) {
            return stat;
        }
    }
    return NULL;
}

static void
init_client(VsSummaryClient *client, const char *id)
{
    *client = (VsSummaryClient){.id = id};
    client->counters = g_array_new(FALSE, FALSE, sizeof(VsSummaryCounter));
    vs_histogram_init(&client->latency);
    vs_stage_table_init(&client->stages);
}

static void
clear_client(gpointer client_)
{
    VsSummaryClient *client = client_;

    g_array_free(client->counters, TRUE);
    vs_histogram_clear(&client->latency);
    vs_stage_table_clear(&client->stages);
}

static void
add_client_counter(VsSummaryClient *client, const VsStat *stat, uint64_t value)
{
    VsSummaryCounter counter = {stat, value};

    for (guint i = 0; i < client->counters->len; i++) {
        VsSummaryCounter *known = &g_array_index(client->counters, VsSummaryCounter, i);

        if (strcmp(known->stat->name, stat->name) == 0) {
            known->value += value;
            return;
        }
    }
    g_array_append_val(client->counters, counter);
}

/* Adds what the instance 'self' counted to 'client'. */
static void
add_client_stats(const VsSummary *summary, VsSummaryClient *client,
                 const VsModel *model, const void *self)
{
    const VsStages *stages = &vs_simulation_run(summary->simulation)->packets->stages;
    const VsStat *latency = find_stat(model, VS_STAT_HISTOGRAM);

    for (const VsStat *stat = model->stats; stat->name; stat++) {
        const void *value = G_STRUCT_MEMBER_P(self, stat->offset);

        if (stat->kind == VS_STAT_COUNTER) {
            add_client_counter(client, stat, *(const uint64_t *)value);
        } else if (stat->kind == VS_STAT_STAGES) {
            vs_stage_table_add(&client->stages, value, stages);
        } else if (stat == latency) {
            client->latency_stat = stat;
            vs_histogram_merge(&client->latency, value);
        }
    }
}

static void
add_queue(VsSummary *summary, VsSummaryQueue queue)
{
    const VsQueueStat *stat = queue.stat;

    queue.mean = queue.mean_here = vs_queue_stat_mean(stat, summary->reached);
    queue.mean_visit = queue.mean_visit_here = vs_queue_stat_mean_visit(stat);
    queue.is_balanced = vs_queue_stat_balances(stat, summary->reached);
    g_array_append_val(summary->queues, queue);
}

static void
add_server(VsSummary *summary, VsSummaryServer server)
{
    server.utilisation =
        vs_number_ratio((VsSum)server.busy, (VsSum)summary->reached * server.n_servers);
    g_array_append_val(summary->servers, server);
}

/* The number of workers of an element, where the model has such a parameter. */
static unsigned
count_workers(const VsElement *element)
{
    const VsParam *params = element->model->params;
    const VsParam *workers = params ? vs_params_find(params, "workers") : NULL;

    return workers && workers->type == VS_PARAM_TYPE_UINT
               ? G_STRUCT_MEMBER(uint32_t, element->config, workers->offset)
               : 1;
}

/* A counter of something in a pod: is it of requests received? */
static void
add_pod_requests(VsSummary *summary, const VsSummaryStat *row)
{
    const VsElement *parent = row->element->parent;
    bool is_server = strcmp(row->element->model->element, "client") != 0;

    if (is_server && parent && strcmp(parent->model->element, "pod") == 0 &&
        strcmp(row->stat->name, "requests") == 0) {
        uint64_t *requests = g_hash_table_lookup(summary->requests, parent->id);

        if (!requests) {
            requests = g_new0(uint64_t, 1);
            g_hash_table_insert(summary->requests, (char *)parent->id, requests);
        }
        *requests += *(const uint64_t *)row->value;
    }
}

static void
add_stat(VsSummary *summary, const VsSummaryStat *row)
{
    const char *kind = row->element->model->element;

    switch (row->stat->kind) {
    case VS_STAT_COUNTER:
        g_array_append_vals(summary->counters, row, 1);
        add_pod_requests(summary, row);
        break;
    case VS_STAT_TIME:
        g_array_append_vals(summary->counters, row, 1);
        break;
    case VS_STAT_HISTOGRAM:
        g_array_append_vals(summary->histograms, row, 1);
        break;
    case VS_STAT_SHARES:
        g_array_append_vals(summary->shares, row, 1);
        break;
    case VS_STAT_QUEUE:
        add_queue(summary, (VsSummaryQueue){.kind = kind,
                                            .entity = row->entity,
                                            .name = row->stat->name,
                                            .unit = row->stat->unit,
                                            .doc = row->stat->doc,
                                            .stat = row->value});
        break;
    case VS_STAT_BUSY:
        add_server(summary, (VsSummaryServer){.kind = kind,
                                              .entity = row->entity,
                                              .n_servers = count_workers(row->element),
                                              .busy = *(const VsTime *)row->value});
        break;
    case VS_STAT_STAGES:
        break;
    }
}

static void
add_instance(VsSummary *summary, const VsElement *element)
{
    const VsModel *model = element->model;
    const void *self = vs_simulation_instance(summary->simulation, element);
    bool is_client = find_stat(model, VS_STAT_STAGES) != NULL;
    const VsStat *latency = is_client ? find_stat(model, VS_STAT_HISTOGRAM) : NULL;
    VsSummaryStat row = {.element = element};

    if (!self || !model->stats) {
        return;
    }
    row.entity = keep(summary, vs_summary_name_element(element));
    if (is_client) {
        VsSummaryClient client;

        init_client(&client, row.entity);
        add_client_stats(summary, &client, model, self);
        add_client_stats(summary, &summary->total, model, self);
        g_array_append_val(summary->clients, client);
    }
    for (row.stat = model->stats; row.stat->name; row.stat++) {
        row.value = G_STRUCT_MEMBER_P(self, row.stat->offset);
        if (!is_client || (row.stat->kind != VS_STAT_COUNTER && row.stat != latency)) {
            add_stat(summary, &row);
        }
    }
}

/* A wire books its work when it takes a packet: what is ahead is contiguous. */
VsTime
vs_summary_wire_busy(const VsWire *wire, VsTime now)
{
    return wire->busy - MAX(wire->busy_until - now, 0);
}

/* A core books its work when that is done. */
VsTime
vs_summary_core_busy(const VsCore *core, VsTime now)
{
    return core->busy + (core->is_busy ? now - core->started : 0);
}

/* Once its delay has changed, only the line's own work is known for sure; nothing waits in a
 * wire whose delay can change. */
VsSum
vs_summary_wire_time(const VsWire *wire)
{
    VsTime transit = wire->config.delay + wire->config.far_latency;

    if (wire->has_changed_delay) {
        return (VsSum)wire->busy;
    }
    return wire->stat.visits - (VsSum)wire->stat.n_left * (VsSum)transit;
}

static void
add_wire(VsSummary *summary, const VsWire *wire)
{
    const char *entity = keep(summary, g_strdup_printf("wire %s", wire->name));
    VsSum here = vs_summary_wire_time(wire);
    VsSummaryQueue *queue;

    add_server(summary,
               (VsSummaryServer){.kind = "wire",
                                 .entity = entity,
                                 .n_servers = 1,
                                 .busy = vs_summary_wire_busy(wire, summary->reached),
                                 .n_packets = wire->n_packets,
                                 .n_bytes = wire->n_bytes,
                                 .n_dropped = wire->n_dropped});
    add_queue(summary, (VsSummaryQueue){.kind = "wire",
                                        .entity = entity,
                                        .name = "in-flight",
                                        .unit = "packet",
                                        .doc = "Waiting or being sent.",
                                        .stat = &wire->stat});
    queue = &g_array_index(summary->queues, VsSummaryQueue, summary->queues->len - 1);
    queue->mean_here = vs_number_ratio(here, (VsSum)summary->reached);
    queue->mean_visit_here = vs_number_ratio(here, wire->stat.n_left);
}

static void
add_qdisc(VsSummary *summary, const VsBuiltQdisc *built)
{
    VsSummaryStat row = {.element = built->element,
                         .entity = keep(summary, g_strdup(built->name))};

    for (row.stat = built->element->model->stats; row.stat->name; row.stat++) {
        row.value = G_STRUCT_MEMBER_P(built->qdisc, row.stat->offset);
        if (row.stat->kind != VS_STAT_QUEUE || !built->qdisc->parent) {
            add_stat(summary, &row);
        }
    }
}

static void
add_core(VsSummary *summary, const VsHost *host, unsigned number)
{
    const VsCore *core = &host->cores[number];
    const char *entity =
        keep(summary, g_strdup_printf("core %s/%u", host->name, number));

    add_server(summary,
               (VsSummaryServer){.kind = "core",
                                 .entity = entity,
                                 .n_servers = 1,
                                 .busy = vs_summary_core_busy(core, summary->reached),
                                 .n_packets = core->n_packets,
                                 .n_dropped = core->n_dropped});
    add_queue(summary, (VsSummaryQueue){.kind = "core",
                                        .entity = entity,
                                        .name = "load",
                                        .unit = "packet",
                                        .doc = "Waiting or handled.",
                                        .stat = &core->stat});
}

/* How evenly the card spreads what it receives. */
static void
add_rx_queues(VsSummary *summary, const VsBuiltHost *built)
{
    static const VsStat stat = {.name = "rx-queues",
                                .kind = VS_STAT_SHARES,
                                .unit = "packet",
                                .doc = "Frames received by each queue of <rss>."};
    VsSummaryStat row = {.element = built->element,
                         .entity =
                             keep(summary, vs_summary_name_element(built->element)),
                         .stat = &stat,
                         .value = &built->host->rss->packets};

    add_stat(summary, &row);
}

static void
collect(VsSummary *summary)
{
    const VsScenario *scenario = vs_simulation_scenario(summary->simulation);
    const VsBuild *build = vs_simulation_build(summary->simulation);

    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        add_instance(summary, vs_scenario_element(scenario, i));
    }
    for (guint i = 0; i < build->wires->len; i++) {
        add_wire(summary, g_array_index(build->wires, VsBuiltWire, i).wire);
    }
    for (guint i = 0; i < build->qdiscs->len; i++) {
        add_qdisc(summary, &g_array_index(build->qdiscs, VsBuiltQdisc, i));
    }
    for (guint i = 0; i < build->hosts->len; i++) {
        const VsBuiltHost *built = &g_array_index(build->hosts, VsBuiltHost, i);

        for (unsigned j = 0; j < built->host->n_cores; j++) {
            add_core(summary, built->host, j);
        }
        if (built->host->rss) {
            add_rx_queues(summary, built);
        }
    }
}

VsSummary *
vs_summary_new(VsSimulation *simulation)
{
    VsSummary *summary = g_new0(VsSummary, 1);
    VsRun *run = vs_simulation_run(simulation);

    summary->simulation = simulation;
    summary->strings = g_string_chunk_new(4096);
    summary->until = vs_simulation_until(simulation);
    summary->reached = vs_now(run);
    summary->is_partial = summary->reached < summary->until;
    summary->n_events = run->n_events;
    summary->digest = vs_simulation_digest(simulation);
    summary->clients = g_array_new(FALSE, FALSE, sizeof(VsSummaryClient));
    summary->counters = g_array_new(FALSE, FALSE, sizeof(VsSummaryStat));
    summary->histograms = g_array_new(FALSE, FALSE, sizeof(VsSummaryStat));
    summary->shares = g_array_new(FALSE, FALSE, sizeof(VsSummaryStat));
    summary->requests = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    summary->servers = g_array_new(FALSE, FALSE, sizeof(VsSummaryServer));
    summary->queues = g_array_new(FALSE, FALSE, sizeof(VsSummaryQueue));
    g_array_set_clear_func(summary->clients, clear_client);
    init_client(&summary->total, "all clients");
    summary->n_created = run->packets->n_created;
    summary->n_delivered = run->packets->n_delivered;
    summary->n_dropped = vs_packets_dropped(run);
    summary->n_in_flight = vs_packets_in_flight(run);
    collect(summary);
    return summary;
}

void
vs_summary_free(VsSummary *summary)
{
    if (!summary) {
        return;
    }
    g_array_free(summary->clients, TRUE);
    clear_client(&summary->total);
    g_array_free(summary->counters, TRUE);
    g_array_free(summary->histograms, TRUE);
    g_array_free(summary->shares, TRUE);
    g_hash_table_destroy(summary->requests);
    g_array_free(summary->servers, TRUE);
    g_array_free(summary->queues, TRUE);
    g_string_chunk_free(summary->strings);
    g_free(summary->digest);
    g_free(summary);
}

uint64_t
vs_summary_pod_requests(const VsSummary *summary, const char *id)
{
    const uint64_t *requests = g_hash_table_lookup(summary->requests, id);

    return requests ? *requests : 0;
}

double
vs_summary_skew(const uint64_t *counts, unsigned n_counts)
{
    uint64_t max = 0;
    VsSum sum = 0;

    for (unsigned i = 0; i < n_counts; i++) {
        max = MAX(max, counts[i]);
        sum += counts[i];
    }
    return sum > 0 ? vs_number_ratio((VsSum)max * n_counts, sum) : 0;
}

/* Checking, and figures derived from it. ------------------------------------------- */

/* The end-to-end times of a client's requests are known three ways: as the sum of
 * their stages, as the journeys' own, and as the latencies, when all of those were
 * recorded. */
static bool
check_client(const VsSummaryClient *client, GError **error)
{
    VsSum sum = vs_stage_table_sum(&client->stages);
    VsSum whole = client->stages.elapsed;
    g_autofree char *sum_text = NULL;
    g_autofree char *whole_text = NULL;

    if (sum == whole && client->stages.n_requests == client->latency.count) {
        whole = client->latency.sum;
    }
    if (sum == whole) {
        return true;
    }
    sum_text = vs_number_print_sum(sum);
    whole_text = vs_number_print_sum(whole);
    g_set_error(
        error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_CONFLICT,
        "internal error: the stages of %s add up to %sps, its requests took %sps",
        client->id, sum_text, whole_text);
    return false;
}

bool
vs_summary_check(const VsSummary *summary, GError **error)
{
    for (guint i = 0; i < summary->clients->len; i++) {
        if (!check_client(&g_array_index(summary->clients, VsSummaryClient, i),
                          error)) {
            return false;
        }
    }
    return vs_simulation_check(summary->simulation, error);
}

bool
vs_summary_is_failure(const VsStat *stat)
{
    return stat->kind == VS_STAT_COUNTER && g_str_has_prefix(stat->name, "error-");
}

uint64_t
vs_summary_n_under_way(const VsSummaryClient *client)
{
    uint64_t n_begun = 0;
    uint64_t n_ended = 0;

    for (guint i = 0; i < client->counters->len; i++) {
        const VsSummaryCounter *counter =
            &g_array_index(client->counters, VsSummaryCounter, i);

        if (strcmp(counter->stat->name, "requests") == 0) {
            n_begun += counter->value;
        } else if (strcmp(counter->stat->name, "completed") == 0 ||
                   vs_summary_is_failure(counter->stat)) {
            n_ended += counter->value;
        }
    }
    return n_begun > n_ended ? n_begun - n_ended : 0;
}

double
vs_summary_throughput(const VsSummary *summary, const VsSummaryClient *client)
{
    return summary->reached > 0
               ? (double)client->latency.count * (double)VS_S / (double)summary->reached
               : 0;
}

int64_t
vs_summary_quantile(const VsHistogram *histogram, double q)
{
    return MIN(vs_histogram_quantile(histogram, q), vs_histogram_max(histogram));
}

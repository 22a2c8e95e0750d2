#include "results/results.h"

#include <string.h>

#include "net/capture.h"
#include "results/capture_all.h"
#include "results/folder.h"
#include "results/manifest.h"
#include "results/plot.h"
#include "results/recorder.h"

#define ID_LENGTH 12
#define MS_PS 1e9
#define CAPTURE "capture.pcapng"

struct VsResults {
    VsSimulation *simulation;
    VsFolder *folder;
    VsRecorder *recorder;
    VsCapture *capture;     /* Of what the scenario names, or NULL. */
    VsCapture *capture_all; /* Of everything, or NULL. */
    char *id;
    bool has_plots;
    GArray *files; /* Of VsManifestFile. */
};

static void
clear_file(gpointer file)
{
    g_free(((VsManifestFile *)file)->name);
}

static void
list_file(VsResults *results, const char *name, const char *purpose)
{
    VsManifestFile file = {g_strdup(name), purpose};

    g_array_append_val(results->files, file);
}

static char *
partial_path(const VsResults *results, const char *name)
{
    return g_build_filename(vs_folder_partial_path(results->folder), name, NULL);
}

char *
vs_results_id(const VsSimulation *simulation)
{
    g_autofree char *config = g_strdup_printf(
        "%s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT,
        vs_scenario_hash(vs_simulation_scenario(simulation)),
        vs_simulation_seed(simulation), vs_simulation_until(simulation));
    char *id = g_compute_checksum_for_string(G_CHECKSUM_SHA256, config, -1);

    id[ID_LENGTH] = '\0';
    return id;
}

/* Captures. ------------------------------------------------------------------------ */

static bool
capture_named(VsResults *results, GError **error)
{
    const GPtrArray *ifaces = vs_simulation_build(results->simulation)->captured;
    g_autofree char *path = partial_path(results, CAPTURE);

    if (ifaces->len == 0) {
        return true;
    }
    results->capture =
        vs_capture_new(vs_simulation_run(results->simulation), path, error);
    for (guint i = 0; results->capture && i < ifaces->len; i++) {
        vs_capture_add(results->capture, ifaces->pdata[i]);
    }
    return results->capture != NULL;
}

static bool
capture_all(VsResults *results, const char *path, GError **error)
{
    if (path) {
        results->capture_all = vs_capture_all(results->simulation, path, error);
    }
    return !path || results->capture_all;
}

static bool
close_captures(VsResults *results, GError **error)
{
    if (results->capture) {
        list_file(results, CAPTURE, "Packets of the captured interfaces (pcapng)");
        if (!vs_capture_close(results->capture, error)) {
            return false;
        }
    }
    return !results->capture_all || vs_capture_close(results->capture_all, error);
}

VsResults *
vs_results_new(VsSimulation *simulation, const VsResultsOptions *options,
               GError **error)
{
    static const VsResultsOptions defaults = {0};
    g_autoptr(VsResults) results = g_new0(VsResults, 1);
    g_autofree char *default_folder = NULL;
    g_autofree char *samples = NULL;

    options = options ? options : &defaults;
    results->simulation = simulation;
    results->id = vs_results_id(simulation);
    results->has_plots = !options->has_no_plots;
    results->files = g_array_new(FALSE, FALSE, sizeof(VsManifestFile));
    g_array_set_clear_func(results->files, clear_file);
    default_folder = g_build_filename("runs", results->id, NULL);
    results->folder = vs_folder_new(options->folder ? options->folder : default_folder,
                                    vs_manifest_covers, error);
    if (!results->folder) {
        return NULL;
    }
    samples = partial_path(results, "samples.csv");
    results->recorder =
        vs_recorder_new(simulation, samples, results->id, options->n_samples, error);
    if (!results->recorder || !capture_named(results, error) ||
        !capture_all(results, options->pcapng, error)) {
        return NULL;
    }
    return g_steal_pointer(&results);
}

VsRunState
vs_results_advance(VsResults *results, uint64_t max_events)
{
    VsRun *run = vs_simulation_run(results->simulation);
    uint64_t end = run->n_events + max_events;

    while (run->n_events < end) {
        VsTime next = vs_recorder_next(results->recorder);

        if (vs_simulation_advance_to(results->simulation, next, end - run->n_events) ==
            VS_RUN_PAUSED) {
            return VS_RUN_PAUSED;
        }
        if (next == VS_TIME_NEVER) {
            return VS_RUN_REACHED;
        }
        vs_recorder_sample(results->recorder);
    }
    return VS_RUN_PAUSED;
}

/* Files. --------------------------------------------------------------------------- */

static bool
write_file(VsResults *results, const char *name, const char *purpose, const char *text,
           GError **error)
{
    g_autofree char *path = partial_path(results, name);

    list_file(results, name, purpose);
    return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0666,
                                    error);
}

static bool
write_hgrm(VsResults *results, const char *name, const char *purpose,
           const VsHistogram *histogram, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    vs_histogram_print_hgrm(histogram, MS_PS, text);
    return write_file(results, name, purpose, text->str, error);
}

static bool
write_hgrms(VsResults *results, const VsSummary *summary, GError **error)
{
    const GArray *clients = summary->clients;

    if (clients->len == 0) {
        return true;
    }
    if (!write_hgrm(results, "latency.hgrm",
                    "Latencies by percentile, in ms (HdrHistogram)",
                    &summary->total.latency, error)) {
        return false;
    }
    for (guint i = 0; clients->len > 1 && i < clients->len; i++) {
        const VsSummaryClient *client = &g_array_index(clients, VsSummaryClient, i);
        g_autofree char *name = g_strdup_printf("latency-%s.hgrm", client->id);

        if (!write_hgrm(results, name, "The same of one client", &client->latency,
                        error)) {
            return false;
        }
    }
    return true;
}

static void
append_buckets(GString *csv, const VsResults *results, const char *entity,
               const VsStat *stat, const VsHistogram *histogram)
{
    VsHistogramIter iter = {0};

    while (vs_histogram_next(histogram, &iter)) {
        g_string_append_printf(csv,
                               "%s,%s,%s,ps,%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT
                               ",%" G_GUINT64_FORMAT "\n",
                               results->id, entity, stat->name, iter.value_from,
                               iter.value_to, iter.count);
    }
}

static bool
write_histograms(VsResults *results, const VsSummary *summary, GError **error)
{
    g_autoptr(GString) csv =
        g_string_new("run,entity,metric,unit,value_from,value_to,count\n");

    for (guint i = 0; i < summary->clients->len; i++) {
        const VsSummaryClient *client =
            &g_array_index(summary->clients, VsSummaryClient, i);

        if (client->latency_stat) {
            append_buckets(csv, results, client->id, client->latency_stat,
                           &client->latency);
        }
    }
    for (guint i = 0; i < summary->histograms->len; i++) {
        const VsSummaryStat *row =
            &g_array_index(summary->histograms, VsSummaryStat, i);

        append_buckets(csv, results, row->entity, row->stat, row->value);
    }
    return write_file(results, "histograms.csv", "All histograms, bucket by bucket",
                      csv->str, error);
}

static bool
write_summary(VsResults *results, const VsSummary *summary, GError **error)
{
    g_autofree char *text = vs_summary_print_text(summary);
    g_autofree char *json = vs_summary_print_json(summary);

    return write_file(results, "summary.json", "What came of the run", json, error) &&
           write_file(results, "summary.txt", "The same for people", text, error);
}

static void
list_plots(VsResults *results)
{
    g_autofree char *path = partial_path(results, "plots");
    g_autoptr(GPtrArray) names = vs_folder_list(path, "");

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *name = g_build_filename("plots", names->pdata[i], NULL);

        list_file(results, name,
                  g_str_has_suffix(name, ".gp")    ? "Script of a figure, for gnuplot"
                  : g_str_has_suffix(name, ".dat") ? "Data of a figure"
                                                   : "Figure");
    }
}

/* Sets '*ret_warning' when there are no figures. */
static void
draw_plots(VsResults *results, char **ret_warning)
{
    const char *folder = vs_folder_partial_path(results->folder);
    g_autoptr(GError) error = NULL;

    if (!vs_plots_write(folder, &error) || !vs_plots_draw(folder, &error)) {
        *ret_warning = g_strdup(error->message);
    }
    list_plots(results);
}

bool
vs_results_close(VsResults *results, const VsSummary *summary,
                 const VsResultsHost *host, char **ret_warning, GError **error)
{
    g_autofree char *manifest = NULL;

    *ret_warning = NULL;
    list_file(results, "samples.csv", "The state at regular times");
    if (!vs_recorder_close(results->recorder, error) ||
        !close_captures(results, error) || !write_summary(results, summary, error) ||
        !write_histograms(results, summary, error) ||
        !write_hgrms(results, summary, error)) {
        return false;
    }
    if (results->has_plots) {
        draw_plots(results, ret_warning);
    }
    manifest = vs_manifest_print(summary, results->id, results->files, host);
    return write_file(results, "manifest.json", "", manifest, error) &&
           vs_folder_commit(results->folder, error);
}

const char *
vs_results_folder(const VsResults *results)
{
    return vs_folder_path(results->folder);
}

void
vs_results_free(VsResults *results)
{
    if (!results) {
        return;
    }
    vs_capture_free(results->capture);
    vs_capture_free(results->capture_all);
    vs_recorder_free(results->recorder);
    vs_folder_free(results->folder);
    g_array_free(results->files, TRUE);
    g_free(results->id);
    g_free(results);
}

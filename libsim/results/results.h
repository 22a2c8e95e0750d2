/* Results: a folder with all that is to be known of a run.
 *
 *   manifest.json    what was run: version, scenario, seed, all values in force, digest
 *   summary.json     the figures; summary.txt says the same to people
 *   samples.csv      the state over time (scenario/recorder.h)
 *   histograms.csv   all histograms: how many values were in each range
 *   latency.hgrm     latencies as HdrHistogram's text, in ms; with several clients all
 *                    of them, and latency-CLIENT.hgrm each
 *   capture.pcapng   packets of the interfaces that the scenario has captured, if any
 *   plots/           figures (scenario/plot.h)
 *
 * Two runs that do the same write the same bytes, but for "host" in the manifest.
 *
 *     VsResults *results = vs_results_new(simulation, NULL, &error);
 *     while (vs_results_advance(results, 1000000) == VS_RUN_PAUSED) { ... }
 *     VsSummary *summary = vs_summary_new(simulation);
 *     vs_results_close(results, summary, &host, &warning, &error);
 *
 * The folder appears as a whole when it is closed; one of an earlier run is
 * replaced.  A run that was not carried to its end has "partial": true. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "results/summary.h"
#include "scenario/simulation.h"

typedef struct VsResults VsResults;

typedef struct VsResultsOptions {
    const char *folder; /* NULL: "runs/" and the run's id. */
    unsigned n_samples; /* 0: 200. */
    bool has_no_plots;
    const char *pcapng; /* All interfaces are captured to this file; NULL: none. */
} VsResultsOptions;

/* What is not the same each time. */
typedef struct VsResultsHost {
    double wall_s; /* Of the run itself. */
} VsResultsHost;

/* 'options' may be NULL.  Returns NULL with 'error' set in the domain G_FILE_ERROR,
 * with G_FILE_ERROR_EXIST when the folder has files that are not results.  The results are
 * to be freed before the simulation. */
VsResults *vs_results_new(VsSimulation *simulation, const VsResultsOptions *options,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Advances the simulation by at most 'max_events', taking samples on the way.
 * VS_RUN_REACHED: it is at its end. */
VsRunState vs_results_advance(VsResults *results, uint64_t max_events);

/* Writes the folder.  When only figures could not be drawn, it returns true and sets
 * '*ret_warning' to the reason, newly allocated; otherwise that is NULL. */
bool vs_results_close(VsResults *results, const VsSummary *summary,
                      const VsResultsHost *host, char **ret_warning, GError **error);

/* Where the folder is, once it is closed. */
const char *vs_results_folder(const VsResults *results);

/* Frees the results; without vs_results_close() nothing is left of them. */
void vs_results_free(VsResults *results);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsResults, vs_results_free)

/* The run's id: twelve hex digits of a hash of effective configuration, seed and end.
 * Newly allocated. */
char *vs_results_id(const VsSimulation *simulation);

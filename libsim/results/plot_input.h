/* What figures show, read back from the files of a results folder. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "results/stage_table.h"

/* More lines than this make no figure; then there is one for all together. */
#define VS_PLOT_MAX_CLIENTS 6
#define VS_PLOT_MAX_QUEUES 6
#define VS_PLOT_MAX_STAGE_TABLES 3

/* How the name of a line of failures ends. */
#define VS_PLOT_FAILED ": failed"

typedef struct VsPlotInput {
    char *folder;
    char *caption; /* "shop, seed 7, digest 0123abcd" */
    JsonParser *summary;
    GPtrArray *clients; /* Of const char *: their ids. */
} VsPlotInput;

typedef struct VsPlotPoint {
    double x;
    double y;
} VsPlotPoint;

typedef struct VsPlotLine {
    char *name;
    GArray *points; /* Of VsPlotPoint. */
} VsPlotLine;

typedef struct VsPlotStages {
    char *client;
    VsStageTable table; /* Its names belong to the input. */
} VsPlotStages;

/* NULL with 'error' set in the domain VS_PLOT_ERROR. */
VsPlotInput *vs_plot_input_new(const char *folder, GError **error);
void vs_plot_input_free(VsPlotInput *input);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsPlotInput, vs_plot_input_free)

/* The summary's object. */
JsonObject *vs_plot_input_root(const VsPlotInput *input);

/* The readers below return newly allocated arrays of VsPlotLine or VsPlotStages,
 * possibly empty, or NULL with 'error' set. */

/* A line for each client: latency in ps, and how many requests took no longer. */
GPtrArray *vs_plot_input_read_latencies(const VsPlotInput *input, GError **error);

/* Two lines for each client, completed and failed: time in s, and how many a second.  A
 * client without failures has no second line. */
GPtrArray *vs_plot_input_read_throughput(const VsPlotInput *input, GError **error);

/* The fullest places: time in s, and the mean number who wait or are served there. */
GPtrArray *vs_plot_input_read_queues(const VsPlotInput *input, GError **error);

/* Stages of each client that completed requests, or of all together.  Never NULL. */
GPtrArray *vs_plot_input_read_stages(const VsPlotInput *input);

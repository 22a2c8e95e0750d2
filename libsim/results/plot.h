/* Figures of a results folder: gnuplot scripts and their data in plots/, drawn as
 * SVG and PNG.  All they need is in the folder's files.
 *
 * Which figures there are depends on the results: without a completed request there
 * is no latency to show. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define VS_PLOT_ERROR (vs_plot_error_quark())
GQuark vs_plot_error_quark(void);

typedef enum VsPlotError {
    VS_PLOT_ERROR_FOLDER,     /* It has no results, or they make no sense. */
    VS_PLOT_ERROR_WRITE,      /* A file cannot be written. */
    VS_PLOT_ERROR_NO_GNUPLOT, /* There is no program gnuplot. */
    VS_PLOT_ERROR_GNUPLOT,    /* It failed. */
} VsPlotError;

/* Writes the scripts (*.gp) and data (*.dat) of all figures of 'folder'; files of
 * earlier figures are deleted. */
bool vs_plots_write(const char *folder, GError **error);

/* Runs gnuplot on every script in plots/ of 'folder'. */
bool vs_plots_draw(const char *folder, GError **error);

/* A figure: a gnuplot script and its data, that draws itself as SVG and as PNG. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "results/plot_input.h"

/* In the making: what goes to NAME.gp and NAME.dat. */
typedef struct VsFigure {
    const VsPlotInput *input;
    const char *name;
    GString *script;
    GString *data;
} VsFigure;

/* Starts the script with style and title. */
void vs_figure_begin(VsFigure *figure, const VsPlotInput *input, const char *name,
                     const char *title);

/* Makes room below for a key of so many entries. */
void vs_figure_append_key(VsFigure *figure, unsigned n_entries);

/* Ends it with 'plot', its command to plot, for a canvas 900 wide and 'height' high;
 * writes both files to plots/ of the input's folder and frees the figure. */
bool vs_figure_end(VsFigure *figure, const char *plot, unsigned height, GError **error);

/* 'text' as gnuplot takes it literally, newly allocated: nothing in it is expanded. */
char *vs_figure_quote(const char *text);

/* Appends a number, or two and a line end, to a script or to data. */
void vs_figure_append_real(GString *out, double number);
void vs_figure_append_point(GString *out, double x, double y);

/* The unit of which 'ps' is at least one: "ms". */
const char *vs_figure_unit(double ps, double *ret_unit_ps);

/* The kinds of figures.  False with 'error' set; figures without data are left out. */
bool vs_figures_write_latencies(const VsPlotInput *input, GError **error);
bool vs_figures_write_throughput(const VsPlotInput *input, GError **error);
bool vs_figures_write_queues(const VsPlotInput *input, GError **error);
bool vs_figures_write_stages(const VsPlotInput *input, GError **error);

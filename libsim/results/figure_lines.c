/* Figures of lines: latencies, throughput, queues. */
#include <string.h>

#include "results/figure.h"

/* Colours that colour-blind people can tell apart (Okabe and Ito). */
static const char *const line_colours[] = {
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
};

/* Labels at 1, 2, 5, 10, ... of a logarithmic axis. */
#define LOG_TICS(axis)                                               \
    "set " axis "tics ()\nset for [e=-3:9] for [m in '1 2 5'] " axis \
    "tics add (sprintf('%g', m*10.0**e) m*10.0**e)\n"

static bool
is_failure(const VsPlotLine *line)
{
    return g_str_has_suffix(line->name, VS_PLOT_FAILED);
}

/* Is 'line' of the failures of the client of the line 'before'? */
static bool
is_pair(const VsPlotLine *before, const VsPlotLine *line)
{
    return is_failure(line) &&
           strncmp(before->name, line->name,
                   strlen(line->name) - strlen(VS_PLOT_FAILED)) == 0;
}

/* Makes room for the key and returns the plot command that draws each block of the
 * data as a line; 'with' is its style. */
static char *
plot_lines(VsFigure *figure, const GPtrArray *lines, const char *with)
{
    GString *plot = g_string_new("plot");
    unsigned colour = 0;

    vs_figure_append_key(figure, lines->len);
    for (guint i = 0; i < lines->len; i++) {
        const VsPlotLine *line = lines->pdata[i];
        g_autofree char *title = vs_figure_quote(line->name);

        if (i > 0 && !is_pair(lines->pdata[i - 1], line)) {
            colour = (colour + 1) % G_N_ELEMENTS(line_colours);
        }
        g_string_append_printf(plot,
                               "%s '%s.dat' index %u using 1:2 with %s lw 2%s "
                               "lc rgb '%s' title %s",
                               i > 0 ? ", \\\n    " : "", figure->name, i, with,
                               is_failure(line) ? " dt (6,4)" : "",
                               line_colours[colour], title);
    }
    return g_string_free(plot, FALSE);
}

/* The lines as blocks of data, as they are. */
static void
append_lines(VsFigure *figure, const GPtrArray *lines, const char *columns)
{
    g_string_append_printf(figure->data, "# %s; a block for each line of the figure\n",
                           columns);
    for (guint i = 0; i < lines->len; i++) {
        const VsPlotLine *line = lines->pdata[i];

        g_string_append_printf(figure->data, "%s# %s\n", i > 0 ? "\n\n" : "",
                               line->name);
        for (guint j = 0; j < line->points->len; j++) {
            const VsPlotPoint *point = &g_array_index(line->points, VsPlotPoint, j);

            vs_figure_append_point(figure->data, point->x, point->y);
        }
    }
}

static double
last_x(const VsPlotLine *line)
{
    return g_array_index(line->points, VsPlotPoint, line->points->len - 1).x;
}

static double
last_y(const VsPlotLine *line)
{
    return g_array_index(line->points, VsPlotPoint, line->points->len - 1).y;
}

/* The latency that the share 'q' of a line's requests does not exceed. */
static double
find_quantile(const VsPlotLine *line, double q)
{
    guint i = 0;

    while (g_array_index(line->points, VsPlotPoint, i).y < q * last_y(line)) {
        i++;
    }
    return g_array_index(line->points, VsPlotPoint, i).x;
}

static double
find_least(const GPtrArray *lines, double q)
{
    double least = G_MAXDOUBLE;

    for (guint i = 0; i < lines->len; i++) {
        least = MIN(least, find_quantile(lines->pdata[i], q));
    }
    return least;
}

static double
find_largest(const GPtrArray *lines, double q)
{
    double largest = 0;

    for (guint i = 0; i < lines->len; i++) {
        largest = MAX(largest, find_quantile(lines->pdata[i], q));
    }
    return largest;
}

/* Requests of the line that has most. */
static double
find_count(const GPtrArray *lines)
{
    double count = 0;

    for (guint i = 0; i < lines->len; i++) {
        count = MAX(count, last_y(lines->pdata[i]));
    }
    return count;
}

/* Is the latency axis better logarithmic? */
static bool
is_wide(const GPtrArray *lines)
{
    double least = find_least(lines, 0.01);

    return least > 0 && find_largest(lines, 0.999) > 30 * least;
}

static bool
write_cdf(const VsPlotInput *input, const GPtrArray *lines, GError **error)
{
    double unit_ps;
    const char *unit = vs_figure_unit(find_least(lines, 0.5), &unit_ps);
    g_autofree char *plot = NULL;
    VsFigure figure;

    vs_figure_begin(&figure, input, "latency-cdf", "Latency of completed requests");
    g_string_append_printf(figure.script,
                           "set xlabel 'latency, end to end [%s]'\n"
                           "set ylabel 'requests that took no longer [%%]'\n"
                           "set yrange [0:100]\n%sset xrange [",
                           unit,
                           is_wide(lines) ? "set logscale x\n" LOG_TICS("x") : "");
    vs_figure_append_real(figure.script, 0.98 * find_least(lines, 0) / unit_ps);
    g_string_append_c(figure.script, ':');
    vs_figure_append_real(figure.script, 1.02 * find_largest(lines, 0.999) / unit_ps);
    g_string_append(figure.script, "]\n");
    g_string_append_printf(figure.data, "# latency [%s], share of requests [%%]\n",
                           unit);
    for (guint i = 0; i < lines->len; i++) {
        const VsPlotLine *line = lines->pdata[i];

        g_string_append_printf(figure.data, "%s# %s\n", i > 0 ? "\n\n" : "",
                               line->name);
        vs_figure_append_point(
            figure.data, g_array_index(line->points, VsPlotPoint, 0).x / unit_ps, 0);
        for (guint j = 0; j < line->points->len; j++) {
            const VsPlotPoint *point = &g_array_index(line->points, VsPlotPoint, j);

            vs_figure_append_point(figure.data, point->x / unit_ps,
                                   100 * point->y / last_y(line));
        }
    }
    plot = plot_lines(&figure, lines, "lines");
    return vs_figure_end(&figure, plot, 520, error);
}

/* Latency over 1 / (1 - p), as HdrHistogram's plotter draws it: the further right, the
 * rarer.  The slowest of n requests stands at n. */
static bool
write_percentiles(const VsPlotInput *input, const GPtrArray *lines, GError **error)
{
    double unit_ps;
    const char *unit = vs_figure_unit(find_least(lines, 0.5), &unit_ps);
    g_autofree char *plot = NULL;
    VsFigure figure;

    vs_figure_begin(&figure, input, "latency-percentiles", "Latency by percentile");
    g_string_append_printf(
        figure.script,
        "set xlabel 'percentile of requests [%%]'\n"
        "set ylabel 'latency, end to end [%s]'\n"
        "set logscale x\nset yrange [0:*]\n"
        "set xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, "
        "'99.99' 10000, '99.999' 100000, '99.9999' 1000000)\n%s",
        unit, is_wide(lines) ? "set logscale y\nset yrange [*:*]\n" LOG_TICS("y") : "");
    g_string_append(figure.script, "set xrange [1:");
    vs_figure_append_real(figure.script, 1.2 * find_count(lines));
    g_string_append(figure.script, "]\n");
    g_string_append_printf(figure.data, "# 1/(1-p), latency [%s]\n", unit);
    for (guint i = 0; i < lines->len; i++) {
        const VsPlotLine *line = lines->pdata[i];
        double count = last_y(line);
        double below = 0;

        g_string_append_printf(figure.data, "%s# %s\n", i > 0 ? "\n\n" : "",
                               line->name);
        for (guint j = 0; j < line->points->len; j++) {
            const VsPlotPoint *point = &g_array_index(line->points, VsPlotPoint, j);

            vs_figure_append_point(figure.data, count / (count - below),
                                   point->x / unit_ps);
            below = point->y;
        }
        vs_figure_append_point(figure.data, count, last_x(line) / unit_ps);
    }
    plot = plot_lines(&figure, lines, "steps");
    return vs_figure_end(&figure, plot, 520, error);
}

bool
vs_figures_write_latencies(const VsPlotInput *input, GError **error)
{
    g_autoptr(GPtrArray) lines = vs_plot_input_read_latencies(input, error);

    if (!lines) {
        return false;
    }
    return lines->len == 0 ||
           (write_cdf(input, lines, error) && write_percentiles(input, lines, error));
}

bool
vs_figures_write_throughput(const VsPlotInput *input, GError **error)
{
    g_autoptr(GPtrArray) lines = vs_plot_input_read_throughput(input, error);
    g_autofree char *plot = NULL;
    VsFigure figure;

    if (!lines || lines->len == 0) {
        return lines != NULL;
    }
    vs_figure_begin(&figure, input, "throughput", "Requests completed and failed");
    g_string_append(figure.script, "set xlabel 'simulated time [s]'\n"
                                   "set ylabel 'requests [1/s]'\n"
                                   "set xrange [0:*]\nset yrange [0:*]\n"
                                   "set offsets 0, 0, graph 0.05, 0\n");
    append_lines(&figure, lines, "time [s], requests [1/s]");
    plot = plot_lines(&figure, lines, "lines");
    return vs_figure_end(&figure, plot, 460, error);
}

bool
vs_figures_write_queues(const VsPlotInput *input, GError **error)
{
    g_autoptr(GPtrArray) lines = vs_plot_input_read_queues(input, error);
    g_autofree char *plot = NULL;
    VsFigure figure;

    if (!lines || lines->len == 0) {
        return lines != NULL;
    }
    vs_figure_begin(&figure, input, "queues",
                    "Waiting or being served, at the fullest places");
    g_string_append(figure.script, "set xlabel 'simulated time [s]'\n"
                                   "set ylabel 'mean number there'\n"
                                   "set xrange [0:*]\nset yrange [0:*]\n"
                                   "set offsets 0, 0, graph 0.05, 0\n");
    append_lines(&figure, lines, "time [s], mean number");
    plot = plot_lines(&figure, lines, "lines");
    return vs_figure_end(&figure, plot, 500, error);
}

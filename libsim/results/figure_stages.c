/* Figures of stages: where the time of a request goes, as a waterfall.
 *
 * Each place starts where the one above ended, in order of first appearance.  That
 * is not the order of time where a request passes a place twice, but the widths are
 * right, and the last row ends at the mean end-to-end time. */
#include <string.h>

#include "base/units.h"
#include "results/figure.h"

#define MAX_LINES 24
#define ROW_HEIGHT 21
#define FRAME_HEIGHT 180

/* Of a letter in a proportional font, in the columns that gnuplot counts margins in. */
#define LABEL_WIDTH 0.85

/* Colours that colour-blind people can tell apart (Okabe and Ito). */
static const char *const kind_colours[VS_STAGE_N_KINDS] = {
    [VS_STAGE_QUEUEING] = "#D55E00",
    [VS_STAGE_SERVICE] = "#0072B2",
    [VS_STAGE_DELAY] = "#B8B8B8",
};

typedef struct Waterfall {
    const GArray *lines; /* Of VsStageLine. */
    uint64_t n_requests;
    double unit_ps;
    GString *phases; /* Data. */
    GString *places; /* Data. */
    double at;       /* Where the next place starts, in units. */
    unsigned n_rows;
    size_t label_length; /* The longest. */
} Waterfall;

static double
mean_of(const Waterfall *waterfall, VsSum elapsed)
{
    return (double)elapsed / (double)waterfall->n_requests / waterfall->unit_ps;
}

/* Ends a row of data with the time in words. */
static void
append_time(const Waterfall *waterfall, VsSum elapsed, GString *out)
{
    g_autofree char *time =
        vs_format_time_short(vs_number_mean(elapsed, waterfall->n_requests));

    g_string_append_printf(out, " \"%s\"\n", time);
}

static void
begin_row(Waterfall *waterfall, const char *label, GString *out)
{
    g_string_append_printf(out, "%u \"%s\"", waterfall->n_rows++, label);
    waterfall->label_length = MAX(waterfall->label_length, strlen(label));
}

static void
append_number(GString *out, double number)
{
    g_string_append_c(out, ' ');
    vs_figure_append_real(out, number);
}

static void
add_place(Waterfall *waterfall, const VsStageLine *line)
{
    begin_row(waterfall, line->place, waterfall->places);
    append_number(waterfall->places, waterfall->at);
    for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
        waterfall->at += mean_of(waterfall, line->elapsed[kind]);
        append_number(waterfall->places, waterfall->at);
    }
    append_time(waterfall, vs_stage_line_sum(line), waterfall->places);
}

/* The heading of a phase: a rule over all its places. */
static void
add_phase(Waterfall *waterfall, const char *phase)
{
    VsSum sum = 0;

    for (guint i = 0; i < waterfall->lines->len; i++) {
        const VsStageLine *line = &g_array_index(waterfall->lines, VsStageLine, i);

        sum += strcmp(line->phase, phase) == 0 ? vs_stage_line_sum(line) : 0;
    }
    begin_row(waterfall, phase, waterfall->phases);
    append_number(waterfall->phases, waterfall->at);
    append_number(waterfall->phases, waterfall->at + mean_of(waterfall, sum));
    append_time(waterfall, sum, waterfall->phases);
}

static void
add_all(Waterfall *waterfall)
{
    const char *phase = "";

    for (guint i = 0; i < waterfall->lines->len; i++) {
        const VsStageLine *line = &g_array_index(waterfall->lines, VsStageLine, i);

        if (strcmp(line->phase, phase) != 0) {
            phase = line->phase;
            add_phase(waterfall, phase);
        }
        add_place(waterfall, line);
    }
}

static char *
plot_command(const char *name)
{
    GString *plot = g_string_new(NULL);

    g_string_append_printf(
        plot,
        "plot '%s.dat' index 0 using 3:1:3:4:($1-0.07):($1+0.07) with boxxyerror "
        "fs solid noborder lc rgb '#404040' notitle, \\\n"
        "     '' index 0 using (0):1:2 with labels right offset -1,0 "
        "font 'DejaVu Sans Bold,13' notitle, \\\n"
        "     '' index 0 using 4:1:5 with labels left offset 0.7,0 font 'DejaVu Sans "
        "Bold,13' notitle",
        name);
    for (unsigned kind = 0; kind < VS_STAGE_N_KINDS; kind++) {
        g_string_append_printf(plot,
                               ", \\\n     '' index 1 using "
                               "%u:1:%u:%u:($1-0.36):($1+0.36) with boxxyerror "
                               "fs solid noborder lc rgb '%s' title '%s'",
                               kind + 3, kind + 3, kind + 4, kind_colours[kind],
                               vs_stage_kind_word((VsStageKind)kind));
    }
    g_string_append(plot, ", \\\n     '' index 1 using (0):1:2 with labels right "
                          "offset -1,0 tc rgb '#404040' notitle, \\\n"
                          "     '' index 1 using 6:1:7 with labels left "
                          "offset 0.7,0 tc rgb '#404040' notitle");
    return g_string_free(plot, FALSE);
}

static void
append_script(const Waterfall *waterfall, const char *unit, GString *script)
{
    g_string_append_printf(
        script,
        "set xlabel 'mean time since the start of the request [%s]'\n"
        "unset grid\nset grid xtics lc rgb '#E0E0E0' lt 1 lw 0.8\n"
        "set border 1\nunset ytics\nset yrange [%u.7:-0.7]\n"
        "set lmargin ",
        unit, waterfall->n_rows - 1);
    vs_figure_append_real(script, LABEL_WIDTH * (double)waterfall->label_length + 3);

    /* Room for the label of the last row. */
    g_string_append(script, "\nset xrange [0:");
    vs_figure_append_real(script, 1.13 * waterfall->at);
    g_string_append(script, "]\n");
}

static bool
write_figure(const VsPlotInput *input, const char *name, const VsPlotStages *stages,
             GError **error)
{
    g_autoptr(GArray) lines = vs_stage_table_fold(&stages->table, MAX_LINES);
    g_autofree char *title = g_strdup_printf(
        "Where the time of a request of %s goes: means over %" G_GUINT64_FORMAT
        " requests",
        stages->client, stages->table.n_requests);
    g_autofree char *plot = plot_command(name);
    g_autoptr(GString) phases = g_string_new(NULL);
    g_autoptr(GString) places = g_string_new(NULL);
    Waterfall waterfall = {.lines = lines,
                           .n_requests = stages->table.n_requests,
                           .phases = phases,
                           .places = places};
    const char *unit =
        vs_figure_unit((double)stages->table.elapsed / (double)stages->table.n_requests,
                       &waterfall.unit_ps);
    VsFigure figure;

    add_all(&waterfall);
    vs_figure_begin(&figure, input, name, title);
    append_script(&waterfall, unit, figure.script);
    vs_figure_append_key(&figure, VS_STAGE_N_KINDS);
    g_string_append_printf(
        figure.data,
        "# row, phase, start, end, label; in %s\n%s\n\n"
        "# row, place, start of queueing, of service, of delay, end, "
        "label\n%s",
        unit, phases->str, places->str);
    return vs_figure_end(&figure, plot, FRAME_HEIGHT + ROW_HEIGHT * waterfall.n_rows,
                         error);
}

bool
vs_figures_write_stages(const VsPlotInput *input, GError **error)
{
    g_autoptr(GPtrArray) all = vs_plot_input_read_stages(input);

    for (guint i = 0; i < all->len; i++) {
        const VsPlotStages *stages = all->pdata[i];
        g_autofree char *name = all->len == 1
                                    ? g_strdup("stages")
                                    : g_strdup_printf("stages-%s", stages->client);

        if (!write_figure(input, name, stages, error)) {
            return false;
        }
    }
    return true;
}

#include "results/figure.h"

#include "results/plot.h"

#define KEY_COLUMNS 3

static const char style[] =
    "set encoding utf8\n"
    "set border 3 lc rgb '#404040'\n"
    "set tics nomirror out scale 0.5 tc rgb '#404040'\n"
    "set grid lc rgb '#E0E0E0' lt 1 lw 0.8\n"
    "set key at screen 0.5, 0.015 center bottom Left reverse horizontal "
    "maxcols " G_STRINGIFY(KEY_COLUMNS) " samplen 2.5 spacing 1.2\n"
                                        "set title offset 0,0.5\n";

/* 'text' as gnuplot takes it literally: single quotes stop all expansion. */
char *
vs_figure_quote(const char *text)
{
    GString *quoted = g_string_new("'");

    for (const char *c = text; *c; c++) {
        if (*c == '\'') {
            g_string_append_c(quoted, '\'');
        }
        g_string_append_c(quoted, g_ascii_iscntrl(*c) ? ' ' : *c);
    }
    g_string_append_c(quoted, '\'');
    return g_string_free(quoted, FALSE);
}

void
vs_figure_append_real(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.9g", number));
}

void
vs_figure_append_point(GString *out, double x, double y)
{
    vs_figure_append_real(out, x);
    g_string_append_c(out, ' ');
    vs_figure_append_real(out, y);
    g_string_append_c(out, '\n');
}

void
vs_figure_begin(VsFigure *figure, const VsPlotInput *input, const char *name,
                const char *title)
{
    g_autofree char *quoted_title = vs_figure_quote(title);
    g_autofree char *caption = vs_figure_quote(input->caption);

    *figure = (VsFigure){input, name, g_string_new(NULL), g_string_new(NULL)};
    g_string_printf(figure->script,
                    "# Draws %s.svg and %s.png; to draw them again: gnuplot %s.gp\n"
                    "reset session\n%sset title %s.\"\\n\".%s\n",
                    name, name, name, style, quoted_title, caption);
}

void
vs_figure_append_key(VsFigure *figure, unsigned n_entries)
{
    unsigned n_rows = (n_entries + KEY_COLUMNS - 1) / KEY_COLUMNS;

    g_string_append(figure->script, "set bmargin ");
    vs_figure_append_real(figure->script, 4.5 + 1.25 * n_rows);
    g_string_append_c(figure->script, '\n');
}

static bool
write_file(const VsFigure *figure, const char *suffix, const GString *content,
           GError **error)
{
    g_autofree char *name = g_strconcat(figure->name, suffix, NULL);
    g_autofree char *path =
        g_build_filename(figure->input->folder, "plots", name, NULL);
    g_autoptr(GError) cause = NULL;

    if (!g_file_set_contents(path, content->str, (gssize)content->len, &cause)) {
        g_set_error(error, VS_PLOT_ERROR, VS_PLOT_ERROR_WRITE, "%s", cause->message);
        return false;
    }
    return true;
}

/* Adds what draws the 'plot' command to both files, of 'height' points, and writes
 * all. */
bool
vs_figure_end(VsFigure *figure, const char *plot, unsigned height, GError **error)
{
    bool is_good;

    g_string_append_printf(
        figure->script,
        "set terminal svg noenhanced size 900,%u dynamic background rgb 'white' "
        "font 'DejaVu Sans,13' linewidth 1.2\n"
        "set output '%s.svg'\n%s\n"
        "set terminal pngcairo noenhanced size 1350,%u background rgb 'white' "
        "font 'DejaVu Sans,13' fontscale 1.25 linewidth 1.8\n"
        "set output '%s.png'\nreplot\nunset output\n",
        height, figure->name, plot, height * 3 / 2, figure->name);
    is_good = write_file(figure, ".dat", figure->data, error) &&
              write_file(figure, ".gp", figure->script, error);
    g_string_free(figure->data, TRUE);
    g_string_free(figure->script, TRUE);
    return is_good;
}

/* The unit in which 'ps' is a number of at least one. */
const char *
vs_figure_unit(double ps, double *ret_unit_ps)
{
    static const struct {
        const char *name;
        double ps;
    } units[] = {{"s", 1e12}, {"ms", 1e9}, {"us", 1e6}, {"ns", 1e3}, {"ps", 1}};
    unsigned i = 0;

    while (i + 1 < G_N_ELEMENTS(units) && ps < units[i].ps) {
        i++;
    }
    *ret_unit_ps = units[i].ps;
    return units[i].name;
}

#include "results/plot.h"

#include <glib/gstdio.h>

#include "results/figure.h"
#include "results/folder.h"

G_DEFINE_QUARK(vs_plot_error, vs_plot_error)

static void
delete_figures(const char *plots)
{
    static const char *const suffixes[] = {".gp", ".dat", ".svg", ".png"};

    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autoptr(GPtrArray) names = vs_folder_list(plots, suffixes[i]);

        for (guint j = 0; j < names->len; j++) {
            g_autofree char *path = g_build_filename(plots, names->pdata[j], NULL);

            g_unlink(path);
        }
    }
}

bool
vs_plots_write(const char *folder, GError **error)
{
    g_autofree char *plots = g_build_filename(folder, "plots", NULL);
    g_autoptr(VsPlotInput) input = vs_plot_input_new(folder, error);

    if (!input) {
        return false;
    }
    if (g_mkdir_with_parents(plots, 0777) != 0) {
        g_set_error(error, VS_PLOT_ERROR, VS_PLOT_ERROR_WRITE, "%s cannot be created",
                    plots);
        return false;
    }
    delete_figures(plots);
    return vs_figures_write_latencies(input, error) &&
           vs_figures_write_throughput(input, error) &&
           vs_figures_write_queues(input, error) &&
           vs_figures_write_stages(input, error);
}

static bool
run_gnuplot(const char *plots, const GPtrArray *arguments, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *complaint = NULL;
    int status;

    if (!g_spawn_sync(plots, (char **)arguments->pdata, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                      NULL, &complaint, &status, &cause)) {
        bool is_absent = g_error_matches(cause, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

        g_set_error(error, VS_PLOT_ERROR,
                    is_absent ? VS_PLOT_ERROR_NO_GNUPLOT : VS_PLOT_ERROR_GNUPLOT, "%s",
                    is_absent ? "gnuplot is not installed" : cause->message);
        return false;
    }
    if (!g_spawn_check_wait_status(status, NULL)) {
        g_set_error(error, VS_PLOT_ERROR, VS_PLOT_ERROR_GNUPLOT, "gnuplot failed: %s",
                    g_strstrip(complaint));
        return false;
    }
    return true;
}

bool
vs_plots_draw(const char *folder, GError **error)
{
    g_autofree char *plots = g_build_filename(folder, "plots", NULL);
    g_autoptr(GPtrArray) scripts = vs_folder_list(plots, ".gp");
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();

    if (scripts->len == 0) {
        return true;
    }
    /* Without the user's start-up files. */
    g_ptr_array_add(arguments, "gnuplot");
    g_ptr_array_add(arguments, "-d");
    for (guint i = 0; i < scripts->len; i++) {
        g_ptr_array_add(arguments, scripts->pdata[i]);
    }
    g_ptr_array_add(arguments, NULL);
    return run_gnuplot(plots, arguments, error);
}

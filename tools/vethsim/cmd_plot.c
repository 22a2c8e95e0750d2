/* vethsim plot: draws the figures of a folder of results again. */
#include "cmd.h"

int
cmd_plot(int argc, char **argv)
{
    const CmdUsage usage = {
        .arguments = "DIR",
        .summary =
            "Draws the figures of a folder of results again, from the files in it.  "
            "In DIR/plots it\nwrites gnuplot scripts (*.gp), their data (*.dat), and "
            "with gnuplot's help figures\n(*.svg, *.png).  Without gnuplot, scripts "
            "and data are all there is.",
        .examples = "  vethsim plot runs/3f9c2a11bc04\n"
                    "  cd runs/3f9c2a11bc04/plots && gnuplot latency-cdf.gp\n",
    };
    g_autoptr(GError) error = NULL;

    if (!cmd_parse(&usage, &argc, &argv)) {
        return CMD_BAD_INPUT;
    }
    if (argc < 2) {
        cmd_complain("vethsim: no folder of results is named: write vethsim plot DIR");
        return CMD_BAD_INPUT;
    }
    if (!vs_plots_write(argv[1], &error)) {
        cmd_complain("vethsim: %s", error->message);
        return g_error_matches(error, VS_PLOT_ERROR, VS_PLOT_ERROR_FOLDER)
                   ? CMD_BAD_INPUT
                   : CMD_INTERNAL;
    }
    if (!vs_plots_draw(argv[1], &error)) {
        bool is_absent =
            g_error_matches(error, VS_PLOT_ERROR, VS_PLOT_ERROR_NO_GNUPLOT);

        cmd_complain("vethsim: %s%s", error->message,
                     is_absent ? ": scripts and data are in plots/, but no figures"
                               : "");
        return is_absent ? CMD_OK : CMD_INTERNAL;
    }
    return CMD_OK;
}

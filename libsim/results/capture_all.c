#include "results/capture_all.h"

VsCapture *
vs_capture_all(VsSimulation *simulation, const char *path, GError **error)
{
    const VsBuild *build = vs_simulation_build(simulation);
    VsCapture *capture = vs_capture_new(vs_simulation_run(simulation), path, error);

    for (guint i = 0; capture && i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        for (VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            for (VsIface *iface = netns->ifaces; iface; iface = iface->next) {
                vs_capture_add(capture, iface);
            }
        }
    }
    return capture;
}

/* Prints by which interface and gateway each packet of a list would be sent on: the other side
 * of policy.sh.
 *
 *     policy_choose FILE NODE < CASES
 *
 * A case is a line "SADDR DADDR MARK IIF", answered by "dev DEVICE" or "via GATEWAY dev DEVICE",
 * "local", or "unreachable". */
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "scenario/scenario.h"
#include "scenario/simulation.h"
#include "vethsim-model.h"

static const VsIface *
find_iface(const VsNetns *netns, const char *name)
{
    for (const VsIface *iface = netns->ifaces; iface; iface = iface->next) {
        if (g_str_equal(iface->name, name)) {
            return iface;
        }
    }
    return NULL;
}

static void
answer(VsNetns *netns, const VsRouteKey *key)
{
    const VsRoute *route = vs_netns_find_route(netns, key);

    if (!vs_route_is_open(route)) {
        printf("unreachable\n");
    } else if (route->type == VS_ROUTE_LOCAL) {
        printf("local\n");
    } else if (route->via == 0) {
        printf("dev %s\n", route->iface->name);
    } else {
        g_autofree char *via = vs_format_ipv4(route->via);

        printf("via %s dev %s\n", via, route->iface->name);
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VsScenario *scenario =
        argc == 3 ? vs_scenario_load(argv[1], vs_registry_builtin(), NULL, &error)
                  : NULL;
    VsSimulation *simulation =
        scenario ? vs_simulation_new(scenario, NULL, &error) : NULL;
    char saddr[32], daddr[32], mark[32], iif[32];
    VsNetns *netns;

    if (!simulation) {
        fprintf(stderr, "%s\n", error ? error->message : "policy_choose FILE NODE");
        return EXIT_FAILURE;
    }
    netns = vs_cluster_find_node(vs_simulation_build(simulation)->cluster, argv[2])
                ->host->root;
    while (scanf("%31s %31s %31s %31s", saddr, daddr, mark, iif) == 4) {
        VsRouteKey key = {.mark = (uint32_t)strtoul(mark, NULL, 0),
                          .iif = find_iface(netns, iif)};

        if (!key.iif || !vs_parse_ipv4(saddr, &key.saddr, NULL) ||
            !vs_parse_ipv4(daddr, &key.daddr, NULL)) {
            fprintf(stderr, "bad case: %s %s %s %s\n", saddr, daddr, mark, iif);
            return EXIT_FAILURE;
        }
        answer(netns, &key);
    }
    vs_simulation_free(simulation);
    vs_scenario_free(scenario);
    return EXIT_SUCCESS;
}

/* Prints by which interface and gateway each packet of a list would be sent on: the other side
 * of policy.sh and ecmp.sh.
 *
 *     policy_choose FILE NODE [NAME=VALUE ...] < CASES
 *
 * The values are those of the scenario's params.  A case is a line "SADDR DADDR MARK IIF
 * PROTOCOL SPORT DPORT", with "-" for an address or interface that is not known.  The answer
 * is "dev DEVICE" or "via GATEWAY dev DEVICE", "local", or "unreachable". */
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

/* Reads a case; false at the end of the list. */
static bool
read_case(VsNetns *netns, VsRouteKey *ret_key)
{
    char saddr[32], daddr[32], mark[32], iif[32];
    unsigned protocol, sport, dport;

    if (scanf("%31s %31s %31s %31s %u %u %u", saddr, daddr, mark, iif, &protocol,
              &sport, &dport) != 7) {
        return false;
    }
    *ret_key = (VsRouteKey){.mark = (uint32_t)strtoul(mark, NULL, 0),
                            .iif = find_iface(netns, iif),
                            .sport = (uint16_t)sport,
                            .dport = (uint16_t)dport,
                            .protocol = (uint8_t)protocol};
    if ((!ret_key->iif && !g_str_equal(iif, "-")) ||
        (!g_str_equal(saddr, "-") && !vs_parse_ipv4(saddr, &ret_key->saddr, NULL)) ||
        !vs_parse_ipv4(daddr, &ret_key->daddr, NULL)) {
        fprintf(stderr, "bad case: %s %s %s %s\n", saddr, daddr, mark, iif);
        exit(EXIT_FAILURE);
    }
    return true;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VsScenario *scenario = argc >= 3
                               ? vs_scenario_load(argv[1], vs_registry_builtin(),
                                                  (const char *const *)argv + 3, &error)
                               : NULL;
    VsSimulation *simulation =
        scenario ? vs_simulation_new(scenario, NULL, &error) : NULL;
    VsRouteKey key;
    VsNetns *netns;

    if (!simulation) {
        fprintf(stderr, "%s\n", error ? error->message : "policy_choose FILE NODE");
        return EXIT_FAILURE;
    }
    netns = vs_cluster_find_node(vs_simulation_build(simulation)->cluster, argv[2])
                ->host->root;
    while (read_case(netns, &key)) {
        answer(netns, &key);
    }
    vs_simulation_free(simulation);
    vs_scenario_free(scenario);
    return EXIT_SUCCESS;
}

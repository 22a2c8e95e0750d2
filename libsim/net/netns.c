#include "net/netns.h"

#include <glib.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "net/bridge.h"
#include "net/ip.h"
#include "net/reassembly.h"

#define LOOPBACK_ADDRESS 0x7f000001 /* 127.0.0.1 */

static void
append_to_host(VsHost *host, VsNetns *netns)
{
    VsNetns **link = &host->namespaces;

    while (*link) {
        link = &(*link)->next;
    }
    *link = netns;
}

/* As a kernel draws it at boot. */
static VsFlowHashKey
draw_hash_key(const VsNetns *netns)
{
    VsFlowHashKey key;
    VsRng rng;

    vs_rng_init(&rng, netns->run->seed, netns->name, "multipath");
    key.k0 = vs_rng_u64(&rng);
    key.k1 = vs_rng_u64(&rng);
    return key;
}

VsNetns *
vs_netns_new(VsHost *host, const char *name)
{
    VsNetns *netns = g_new0(VsNetns, 1);
    VsStages *stages = &host->part.run->packets->stages;
    g_autofree char *place = g_strdup_printf("namespace %s/%s", host->name, name);

    netns->host = host;
    netns->run = host->part.run;
    netns->name = g_strdup_printf("%s/%s", host->name, name);
    netns->work_stage = vs_stages_add(stages, place, "processing", VS_STAGE_SERVICE);
    netns->cipher_stage = vs_stages_add(stages, place, "ciphers", VS_STAGE_SERVICE);
    netns->neighbour_stage = vs_stages_add(stages, place, "arp", VS_STAGE_DELAY);
    netns->reassembly_stage =
        vs_stages_add(stages, place, "reassembly", VS_STAGE_DELAY);
    netns->multipath.hash_key = draw_hash_key(netns);
    vs_ip_attach(netns);
    vs_routes_init(&netns->routes);
    vs_neighbours_init(&netns->neighbours);
    netns->loopback = vs_iface_new(netns, VS_IFACE_LOOPBACK, "lo");
    vs_iface_set_address(netns->loopback, LOOPBACK_ADDRESS, 8);
    append_to_host(host, netns);
    return netns;
}

void
vs_netns_free(VsNetns *netns)
{
    if (netns->sockets) {
        netns->free_sockets(netns->sockets);
    }
    /* Packets that wait may hold connections. */
    vs_reassembly_free(netns->reassembly);
    vs_neighbours_clear(&netns->neighbours);
    if (netns->ipvs) {
        netns->free_ipvs(netns->ipvs);
    }
    if (netns->filter) {
        netns->free_filter(netns->filter);
    }
    if (netns->conntrack) {
        netns->free_conntrack(netns->conntrack);
    }
    vs_policy_free(netns->policy);
    vs_routes_clear(&netns->routes);
    for (unsigned point = 0; point < VS_HOOK_N_POINTS; point++) {
        vs_hook_list_clear(&netns->hooks[point]);
    }
    while (netns->ifaces) {
        VsIface *iface = netns->ifaces;

        netns->ifaces = iface->next;
        vs_iface_free(iface);
    }
    g_free(netns->name);
    g_free(netns);
}

void
vs_netns_add_hooks(VsNetns *netns, const VsHook *hooks, void *data)
{
    for (; hooks->fn; hooks++) {
        vs_hook_list_add(&netns->hooks[hooks->point], hooks, data);
    }
}

VsIface *
vs_netns_find_iface(const VsNetns *netns, const char *name)
{
    VsIface *iface = netns->ifaces;

    while (iface && strcmp(iface->name, name) != 0) {
        iface = iface->next;
    }
    return iface;
}

VsAddr
vs_netns_source_for(VsNetns *netns, VsAddr daddr)
{
    const VsRoute *route = vs_netns_find_route(netns, &(VsRouteKey){.daddr = daddr});

    if (!vs_route_is_open(route)) {
        return 0;
    }
    if (route->source != 0) {
        return route->source;
    }
    return route->type == VS_ROUTE_LOCAL ? daddr : route->iface->address;
}

uint32_t
vs_netns_mtu_to(VsNetns *netns, VsAddr daddr)
{
    const VsRoute *route = vs_netns_find_route(netns, &(VsRouteKey){.daddr = daddr});

    if (!vs_route_is_open(route)) {
        return 0;
    }
    return route->type == VS_ROUTE_LOCAL ? netns->loopback->mtu : route->iface->mtu;
}

bool
vs_netns_is_local(VsNetns *netns, VsAddr address)
{
    const VsRoute *route = vs_routes_find(&netns->routes, address);

    return route && route->type == VS_ROUTE_LOCAL;
}

void
vs_netns_add_local(VsNetns *netns, VsAddr address)
{
    vs_routes_add(&netns->routes, &(VsRoute){.prefix = address,
                                             .length = 32,
                                             .type = VS_ROUTE_LOCAL,
                                             .iface = netns->loopback});
}

void
vs_netns_add_route(VsNetns *netns, VsAddr prefix, unsigned length, VsIface *iface,
                   VsAddr via)
{
    vs_routes_add(&netns->routes, &(VsRoute){.prefix = prefix,
                                             .length = (uint8_t)length,
                                             .type = VS_ROUTE_UNICAST,
                                             .iface = iface,
                                             .via = via});
}

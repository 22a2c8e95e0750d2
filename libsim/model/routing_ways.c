/* Equal-cost paths: all first hops of the shortest ways, not just one. */
#include "model/routing_internal.h"

void
vs_routing_add_ways(GArray *ways, const GArray *more)
{
    for (unsigned i = 0; i < more->len; i++) {
        const VsNextHop *way = &g_array_index(more, VsNextHop, i);
        unsigned at = 0;

        while (at < ways->len &&
               (g_array_index(ways, VsNextHop, at).via != way->via ||
                g_array_index(ways, VsNextHop, at).iface != way->iface)) {
            at++;
        }
        if (at == ways->len) {
            g_array_append_val(ways, *way);
        }
    }
}

/* Hops to the nearest net of a host of which one is reached. */
static unsigned
distance_of(const VsRouting *routing, unsigned host)
{
    const VsIface *iface = vs_routing_host(routing, host)->host->root->ifaces;
    unsigned nearest = UINT_MAX;
    unsigned net;

    if (routing->routers[host].distance > 0) {
        return routing->routers[host].distance - 1;
    }
    for (; vs_routing_next_net(routing, &iface, &net); iface = iface->next) {
        if (routing->reach[net].round == routing->round) {
            nearest = MIN(nearest, routing->reach[net].hops);
        }
    }
    routing->routers[host].distance = nearest + 1;
    return nearest;
}

/* All ways to router 'host', through the nets of it that are nearest. */
static const GArray *
ways_to_router(VsRouting *routing, unsigned from, unsigned host, unsigned distance)
{
    const VsIface *iface = vs_routing_host(routing, host)->host->root->ifaces;
    GArray *ways = g_array_new(FALSE, FALSE, sizeof(VsNextHop));
    unsigned net;

    for (; vs_routing_next_net(routing, &iface, &net); iface = iface->next) {
        const VsReach *reach = &routing->reach[net];
        VsNextHop way = {.iface = reach->iface, .via = iface->address, .weight = 1};

        if (reach->round != routing->round || reach->hops != distance) {
            continue;
        }
        if (distance > 0) {
            g_autoptr(GArray) more = vs_routing_ways_to_net(routing, from, net);

            vs_routing_add_ways(ways, more);
        } else {
            g_array_append_val(ways, way);
        }
    }
    routing->routers[host].ways = ways;
    return ways;
}

GArray *
vs_routing_ways_to_net(VsRouting *routing, unsigned from, unsigned net)
{
    const VsReach *reach = &routing->reach[net];
    const GArray *attachments = vs_routing_net(routing, net)->attachments;
    GArray *ways = g_array_new(FALSE, FALSE, sizeof(VsNextHop));

    if (!routing->routers) {
        routing->routers = g_new0(VsRouterWays, routing->build->hosts->len);
    }
    for (unsigned i = 0; i < attachments->len; i++) {
        unsigned host = g_array_index(attachments, VsRoutingAttachment, i).host;

        if (host != from && vs_routing_host(routing, host)->role == VS_HOST_ROUTER &&
            distance_of(routing, host) == reach->hops - 1) {
            const GArray *known = routing->routers[host].ways;

            vs_routing_add_ways(
                ways,
                known ? known : ways_to_router(routing, from, host, reach->hops - 1));
        }
    }
    if (ways->len == 0) {
        VsNextHop way = {.iface = reach->iface, .via = reach->via, .weight = 1};

        g_array_append_val(ways, way);
    }
    return ways;
}

void
vs_routing_forget_ways(VsRouting *routing)
{
    for (unsigned i = 0; routing->routers && i < routing->build->hosts->len; i++) {
        g_clear_pointer(&routing->routers[i].ways, g_array_unref);
    }
    g_clear_pointer(&routing->routers, g_free);
}

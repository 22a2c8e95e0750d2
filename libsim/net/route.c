#include "net/route.h"

#include <glib.h>
#include <string.h>

void
vs_routes_init(VsRoutes *routes)
{
    memset(routes, 0, sizeof(*routes));
    vs_lpm_init(&routes->lpm);
}

void
vs_routes_clear(VsRoutes *routes)
{
    vs_lpm_clear(&routes->lpm);
    g_free(routes->routes);
    routes->routes = NULL;
    routes->n_routes = 0;
}

void
vs_routes_add(VsRoutes *routes, const VsRoute *route)
{
    uint32_t index = 0;

    if (vs_lpm_find(&routes->lpm, route->prefix, route->length, &index)) {
        routes->routes[index] = *route;
        return;
    }
    /* Grown to powers of two, so that thousands of routes are added in linear time. */
    if ((routes->n_routes & (routes->n_routes - 1)) == 0) {
        routes->routes = g_renew(VsRoute, routes->routes, MAX(2 * routes->n_routes, 2));
    }
    vs_lpm_insert(&routes->lpm, route->prefix, route->length, routes->n_routes);
    routes->routes[routes->n_routes++] = *route;
}

const VsRoute *
vs_routes_find(const VsRoutes *routes, VsAddr addr)
{
    uint32_t index = 0;

    return vs_lpm_lookup(&routes->lpm, addr, &index) ? &routes->routes[index] : NULL;
}

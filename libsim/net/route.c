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
    if (routes->table) {
        vs_lpm_table_clear(routes->table);
        g_clear_pointer(&routes->table, g_free);
    }
    for (unsigned i = 0; i < routes->n_routes; i++) {
        g_free(routes->routes[i].multipath);
    }
    g_free(routes->routes);
    routes->routes = NULL;
    routes->n_routes = 0;
}

/* Enters the newest route, and all before it when they have become many. */
static void
enter_newest(VsRoutes *routes)
{
    unsigned first = routes->n_routes - 1;

    if (!routes->table) {
        routes->table = g_new(VsLpmTable, 1);
        vs_lpm_table_init(routes->table);
        first = 0;
    }
    for (unsigned i = first; i < routes->n_routes; i++) {
        const VsRoute *route = &routes->routes[i];

        vs_lpm_table_insert(routes->table, route->prefix, route->length, i);
    }
}

void
vs_routes_add(VsRoutes *routes, const VsRoute *route)
{
    uint32_t index = 0;

    routes->generation++;
    memset(routes->recent, 0, sizeof(routes->recent));
    if (vs_lpm_find(&routes->lpm, route->prefix, route->length, &index)) {
        g_free(routes->routes[index].multipath);
        routes->routes[index] = *route;
        return;
    }
    /* Grown to powers of two, so that thousands of routes are added in linear time. */
    if ((routes->n_routes & (routes->n_routes - 1)) == 0) {
        routes->routes = g_renew(VsRoute, routes->routes, MAX(2 * routes->n_routes, 2));
    }
    vs_lpm_insert(&routes->lpm, route->prefix, route->length, routes->n_routes);
    routes->routes[routes->n_routes++] = *route;
    if (routes->n_routes > VS_ROUTES_N_FEW) {
        enter_newest(routes);
    }
}

void
vs_routes_filter(VsRoutes *routes, bool (*is_kept)(const VsRoute *route))
{
    VsRoutes kept;

    vs_routes_init(&kept);
    for (unsigned i = 0; i < routes->n_routes; i++) {
        if (is_kept(&routes->routes[i])) {
            vs_routes_add(&kept, &routes->routes[i]);
            routes->routes[i].multipath = NULL;
        }
    }
    kept.generation = routes->generation + 1;
    vs_routes_clear(routes);
    *routes = kept;
}

const VsRoute *
vs_routes_find_prefix(const VsRoutes *routes, VsAddr prefix, unsigned length)
{
    uint32_t index = 0;

    return vs_lpm_find(&routes->lpm, prefix, length, &index) ? &routes->routes[index]
                                                             : NULL;
}

/* The index of the route of 'addr'; false without one. */
static bool
look_up(const VsRoutes *routes, VsAddr addr, uint32_t *ret_index)
{
    if (!routes->table) {
        return vs_lpm_lookup(&routes->lpm, addr, ret_index);
    }
    *ret_index = vs_lpm_table_lookup(routes->table, addr);
    return *ret_index != VS_LPM_TABLE_NONE;
}

const VsRoute *
vs_routes_find(VsRoutes *routes, VsAddr addr)
{
    /* A multiplicative hash: the high bits depend on all bits of the address. */
    unsigned slot = addr * UINT32_C(0x9e3779b1) >> 29;
    uint32_t index = 0;

    G_STATIC_ASSERT(VS_ROUTES_N_RECENT == 1 << (32 - 29));
    if (routes->recent[slot].addr == addr && routes->recent[slot].number) {
        return &routes->routes[routes->recent[slot].number - 1];
    }
    if (!look_up(routes, addr, &index)) {
        return NULL;
    }
    routes->recent[slot].addr = addr;
    routes->recent[slot].number = index + 1;
    return &routes->routes[index];
}

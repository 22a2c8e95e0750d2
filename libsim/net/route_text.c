#include "net/route_text.h"
#include "base/prefix.h"

#include <glib.h>

#include "base/units.h"

/* "default", "10.244.1.0/24", "10.244.1.3". */
static char *
format_destination(const VsRoute *route)
{
    if (route->length == 0) {
        return g_strdup("default");
    }
    return route->length == 32 ? vs_format_ipv4(route->prefix)
                               : vs_format_ipv4_prefix(route->prefix, route->length);
}

bool
vs_route_is_connected(const VsRoute *route)
{
    uint32_t mask = vs_prefix_mask(route->length);

    return route->type == VS_ROUTE_UNICAST && !route->multipath && route->via == 0 &&
           route->source == 0 && route->iface->address != 0 &&
           !route->iface->has_borrowed_address &&
           route->length == route->iface->prefix_length &&
           (route->iface->address & mask) == route->prefix;
}

static void
append_table(GString *text, uint32_t table)
{
    if (table != VS_TABLE_MAIN) {
        g_autofree char *name = vs_policy_table_name(table);

        g_string_append_printf(text, " table %s", name);
    }
}

static void
append_way(GString *text, const VsRoute *route)
{
    if (route->via != 0) {
        g_autofree char *via = vs_format_ipv4(route->via);

        g_string_append_printf(text, " via %s", via);
    }
    g_string_append_printf(text, " dev %s", route->iface->name);
}

static void
append_source(GString *text, const VsRoute *route)
{
    if (route->source != 0) {
        g_autofree char *source = vs_format_ipv4(route->source);

        g_string_append_printf(text, " src %s", source);
    }
}

/* A line each, as ip-route(8) prints them. */
static void
append_hops(GString *text, const VsMultipath *multipath)
{
    for (unsigned i = 0; i < multipath->n_hops; i++) {
        const VsMultipathHop *hop = &multipath->hops[i];

        g_string_append(text, "\n\tnexthop");
        append_way(text, &hop->route);
        g_string_append_printf(text, " weight %u%s", hop->weight,
                               hop->bound == VS_HASH_THRESHOLD_DEAD ? " dead linkdown"
                                                                    : "");
    }
}

static void
append_route(GString *text, const VsRoute *route, uint32_t table)
{
    g_autofree char *destination = format_destination(route);

    if (route->type != VS_ROUTE_UNICAST) {
        g_string_append_printf(text, "%s %s",
                               route->type == VS_ROUTE_BLACKHOLE ? "blackhole"
                                                                 : "unreachable",
                               destination);
        append_table(text, table);
        g_string_append_c(text, '\n');
        return;
    }
    g_string_append(text, destination);
    if (route->multipath) {
        append_table(text, table);
        append_source(text, route);
        append_hops(text, route->multipath);
        g_string_append_c(text, '\n');
        return;
    }
    append_way(text, route);
    append_table(text, table);
    if (vs_route_is_connected(route)) {
        g_autofree char *source = vs_format_ipv4(route->iface->address);

        g_string_append_printf(text, " proto kernel scope link src %s", source);
    } else {
        if (route->via == 0) {
            g_string_append(text, " scope link");
        }
        append_source(text, route);
    }
    g_string_append_c(text, '\n');
}

static int
compare_routes(gconstpointer a_, gconstpointer b_)
{
    const VsRoute *a = *(const VsRoute *const *)a_;
    const VsRoute *b = *(const VsRoute *const *)b_;

    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    return (int)a->length - (int)b->length;
}

GPtrArray *
vs_routes_list(const VsRoutes *routes)
{
    GPtrArray *list = g_ptr_array_new();

    for (unsigned i = 0; i < routes->n_routes; i++) {
        if (routes->routes[i].type != VS_ROUTE_LOCAL) {
            g_ptr_array_add(list, &routes->routes[i]);
        }
    }
    g_ptr_array_sort(list, compare_routes);
    return list;
}

static void
append_routes(GString *text, const VsRoutes *routes, uint32_t table)
{
    g_autoptr(GPtrArray) list = vs_routes_list(routes);

    for (unsigned i = 0; i < list->len; i++) {
        append_route(text, list->pdata[i], table);
    }
}

char *
vs_routes_print(const VsNetns *netns)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; netns->policy && i < netns->policy->tables->len; i++) {
        const VsRouteTable *table = netns->policy->tables->pdata[i];

        append_routes(text, &table->routes, table->number);
    }
    append_routes(text, &netns->routes, VS_TABLE_MAIN);
    return g_string_free(text, FALSE);
}

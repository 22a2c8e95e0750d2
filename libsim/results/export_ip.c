#include "results/export_ip.h"

#include "base/json_put.h"
#include "base/units.h"
#include "net/bridge.h"
#include "net/route_text.h"

static void
put_address(JsonBuilder *json, const char *name, VsAddr address)
{
    g_autofree char *text = vs_format_ipv4(address);

    vs_json_put_text(json, name, text);
}

/* ---- Addresses ------------------------------------------------------------------- */

static void
put_flags(JsonBuilder *json, const VsIface *iface)
{
    static const char *const loopback[] = {"LOOPBACK", "UP", "LOWER_UP", NULL};
    static const char *const ethernet[] = {"BROADCAST", "MULTICAST", "UP", "LOWER_UP",
                                           NULL};
    static const char *const down[] = {"BROADCAST", "MULTICAST", NULL};
    bool is_down = iface->kind == VS_IFACE_DUMMY && iface->address == 0;
    const char *const *flag = iface->kind == VS_IFACE_LOOPBACK ? loopback
                              : is_down                        ? down
                                                               : ethernet;

    vs_json_begin_array(json, "flags");
    for (; *flag; flag++) {
        json_builder_add_string_value(json, *flag);
    }
    json_builder_end_array(json);
}

static void
put_inet(JsonBuilder *json, VsAddr address, unsigned length, const char *scope,
         const char *label)
{
    json_builder_begin_object(json);
    vs_json_put_text(json, "family", "inet");
    put_address(json, "local", address);
    vs_json_put_int(json, "prefixlen", length);
    vs_json_put_text(json, "scope", scope);
    vs_json_put_text(json, "label", label);
    json_builder_end_object(json);
}

static void
put_iface(JsonBuilder *json, const VsIface *iface)
{
    bool is_loopback = iface->kind == VS_IFACE_LOOPBACK;

    json_builder_begin_object(json);
    vs_json_put_int(json, "ifindex", iface->index);
    vs_json_put_text(json, "ifname", iface->name);
    put_flags(json, iface);
    vs_json_put_int(json, "mtu", iface->mtu);
    if (iface->bridge && iface->kind != VS_IFACE_BRIDGE) {
        vs_json_put_text(json, "master", iface->bridge->iface->name);
    }
    vs_json_begin_array(json, "addr_info");
    if (iface->address != 0 && !iface->has_borrowed_address) {
        put_inet(json, iface->address, iface->prefix_length,
                 is_loopback ? "host" : "global", iface->name);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

char *
vs_export_ip_addr(const VsNetns *netns)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_array(json);
    for (const VsIface *iface = netns->ifaces; iface; iface = iface->next) {
        put_iface(json, iface);
    }
    json_builder_end_array(json);
    return vs_json_print(json);
}

/* ---- Routes ---------------------------------------------------------------------- */

static void
put_destination(JsonBuilder *json, const VsRoute *route)
{
    g_autofree char *text = route->length == 32
                                ? vs_format_ipv4(route->prefix)
                                : vs_format_ipv4_prefix(route->prefix, route->length);

    vs_json_put_text(json, "dst", route->length == 0 ? "default" : text);
}

/* A gateway outside the prefix of its interface is taken by ip only with this flag. */
static bool
is_onlink(const VsRoute *route)
{
    const VsIface *iface = route->iface;

    return route->type == VS_ROUTE_UNICAST && route->via != 0 &&
           (iface->address == 0 ||
            (uint64_t)(route->via ^ iface->address) >> (32 - iface->prefix_length) !=
                0);
}

static void
put_way(JsonBuilder *json, const VsRoute *route)
{
    bool is_connected = vs_route_is_connected(route);

    if (route->via != 0) {
        put_address(json, "gateway", route->via);
    }
    vs_json_put_text(json, "dev", route->iface->name);
    if (is_connected) {
        vs_json_put_text(json, "protocol", "kernel");
    }
    if (route->via == 0) {
        vs_json_put_text(json, "scope", "link");
    }
    if (is_connected || route->source != 0) {
        put_address(json, "prefsrc",
                    is_connected ? route->iface->address : route->source);
    }
}

static void
put_hop_flags(JsonBuilder *json, const VsRoute *route, bool is_dead)
{
    vs_json_begin_array(json, "flags");
    if (is_onlink(route)) {
        json_builder_add_string_value(json, "onlink");
    }
    if (is_dead) {
        json_builder_add_string_value(json, "dead");
        json_builder_add_string_value(json, "linkdown");
    }
    json_builder_end_array(json);
}

static void
put_hops(JsonBuilder *json, const VsRoute *route)
{
    const VsMultipath *multipath = route->multipath;

    if (route->source != 0) {
        put_address(json, "prefsrc", route->source);
    }
    vs_json_begin_array(json, "flags");
    json_builder_end_array(json);
    vs_json_begin_array(json, "nexthops");
    for (unsigned i = 0; i < multipath->n_hops; i++) {
        const VsMultipathHop *hop = &multipath->hops[i];

        json_builder_begin_object(json);
        if (hop->route.via != 0) {
            put_address(json, "gateway", hop->route.via);
        }
        vs_json_put_text(json, "dev", hop->route.iface->name);
        vs_json_put_uint(json, "weight", hop->weight);
        put_hop_flags(json, &hop->route, hop->bound == VS_HASH_THRESHOLD_DEAD);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_route(JsonBuilder *json, const VsRoute *route, uint32_t table)
{
    json_builder_begin_object(json);
    if (route->type != VS_ROUTE_UNICAST) {
        vs_json_put_text(json, "type",
                         route->type == VS_ROUTE_BLACKHOLE ? "blackhole"
                                                           : "unreachable");
    }
    put_destination(json, route);
    if (route->type == VS_ROUTE_UNICAST && !route->multipath) {
        put_way(json, route);
    }
    if (table != VS_TABLE_MAIN) {
        g_autofree char *name = vs_policy_table_name(table);

        vs_json_put_text(json, "table", name);
    }
    if (route->multipath) {
        put_hops(json, route);
    } else {
        put_hop_flags(json, route, false);
    }
    json_builder_end_object(json);
}

static void
put_routes(JsonBuilder *json, const VsRoutes *routes, uint32_t table)
{
    g_autoptr(GPtrArray) list = vs_routes_list(routes);

    for (unsigned i = 0; i < list->len; i++) {
        put_route(json, list->pdata[i], table);
    }
}

char *
vs_export_ip_route(const VsNetns *netns)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_array(json);
    for (unsigned i = 0; netns->policy && i < netns->policy->tables->len; i++) {
        const VsRouteTable *table = netns->policy->tables->pdata[i];

        put_routes(json, &table->routes, table->number);
    }
    put_routes(json, &netns->routes, VS_TABLE_MAIN);
    json_builder_end_array(json);
    return vs_json_print(json);
}

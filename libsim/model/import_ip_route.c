#include <string.h>

#include "base/units.h"
#include "model/import_ip.h"
#include "model/ip_entry.h"

/* "protocol" says who made the route: nothing follows from it. */
static const char *const route_members[] = {"dst",      "gateway",  "dev",    "scope",
                                            "prefsrc",  "type",     "metric", "flags",
                                            "protocol", "nexthops", NULL};
static const char *const hop_members[] = {"gateway", "dev", "weight", "flags", NULL};

static bool
check_members(const VsIpEntry *entry, const char *const *allowed, const char *what,
              GError **error)
{
    g_autoptr(GList) names = json_object_get_members(entry->object);

    for (const GList *at = names; at; at = at->next) {
        if (!g_strv_contains(allowed, at->data)) {
            return vs_ip_entry_fail(
                entry, error,
                "\"%s\" of a %s is not modelled; take it out, or the route",
                (const char *)at->data, what);
        }
    }
    return true;
}

static bool
read_destination(const VsIpEntry *entry, VsRoute *route, GError **error)
{
    const char *text;
    unsigned length = 32;
    g_autoptr(GError) reason = NULL;
    bool is_good;

    if (!vs_ip_entry_get_text(entry, "dst", &text, error)) {
        return false;
    }
    if (!text) {
        return vs_ip_entry_fail(entry, error, "a route without \"dst\"");
    }
    if (g_str_equal(text, "default")) {
        route->length = 0;
        return true;
    }
    is_good = strchr(text, '/')
                  ? vs_parse_ipv4_prefix(text, &route->prefix, &length, &reason)
                  : vs_parse_ipv4(text, &route->prefix, &reason);
    route->length = (uint8_t)length;
    return is_good || vs_ip_entry_fail(entry, error, "\"dst\": %s", reason->message);
}

static bool
read_type(const VsIpEntry *entry, VsRoute *route, GError **error)
{
    const char *type;

    if (!vs_ip_entry_get_text(entry, "type", &type, error)) {
        return false;
    }
    if (!type || g_str_equal(type, "unicast")) {
        route->type = VS_ROUTE_UNICAST;
    } else if (g_str_equal(type, "unreachable")) {
        route->type = VS_ROUTE_UNREACHABLE;
    } else if (g_str_equal(type, "blackhole")) {
        route->type = VS_ROUTE_BLACKHOLE;
    } else {
        return vs_ip_entry_fail(
            entry, error,
            "type \"%s\" is not modelled; there are unicast, unreachable and "
            "blackhole",
            type);
    }
    return true;
}

/* "onlink" is how every gateway is reached here; "linkdown" comes with "dead", which a next
 * hop may be, and no route. */
static bool
read_flags(const VsIpEntry *entry, bool *ret_is_dead, GError **error)
{
    g_auto(GStrv) flags = NULL;

    if (!vs_ip_entry_get_words(entry, "flags", &flags, error)) {
        return false;
    }
    if (ret_is_dead) {
        *ret_is_dead = flags && g_strv_contains((const char *const *)flags, "dead");
    }
    for (unsigned i = 0; flags && flags[i]; i++) {
        bool is_of_dead =
            g_str_equal(flags[i], "dead") || g_str_equal(flags[i], "linkdown");

        if (!g_str_equal(flags[i], "onlink") &&
            !(ret_is_dead && *ret_is_dead && is_of_dead)) {
            return vs_ip_entry_fail(
                entry, error, "the flag \"%s\" is not modelled; take the route out",
                flags[i]);
        }
    }
    return true;
}

static bool
check_words(const VsIpEntry *entry, GError **error)
{
    const char *scope;

    if (!read_flags(entry, NULL, error) ||
        !vs_ip_entry_get_text(entry, "scope", &scope, error)) {
        return false;
    }
    if (scope && !g_str_equal(scope, "link") && !g_str_equal(scope, "global")) {
        return vs_ip_entry_fail(
            entry, error, "scope \"%s\" is not modelled; there are link and global",
            scope);
    }
    return true;
}

static void
clear_hop(gpointer hop)
{
    g_free(((VsGivenHop *)hop)->device);
}

/* "gateway" and "dev", of the route itself or of a next hop. */
static bool
read_hop(const VsIpEntry *entry, GArray *hops, const char *what, GError **error)
{
    VsGivenHop hop = {.hop.weight = 1};
    const char *device;

    if (!vs_ip_entry_get_address(entry, "gateway", &hop.hop.via, error) ||
        !vs_ip_entry_get_text(entry, "dev", &device, error)) {
        return false;
    }
    if (!device) {
        return vs_ip_entry_fail(entry, error, "a %s without \"dev\"", what);
    }
    hop.device = g_strdup(device);
    g_array_append_val(hops, hop);
    return true;
}

static bool
read_weighted_hop(const VsIpEntry *entry, JsonNode *node, GArray *hops, GError **error)
{
    VsIpEntry inner = {entry->where, NULL};
    VsGivenHop *hop;

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return vs_ip_entry_fail(entry, error,
                                "\"nexthops\" holds something that is no object");
    }
    inner.object = json_node_get_object(node);
    if (!check_members(&inner, hop_members, "next hop", error) ||
        !read_hop(&inner, hops, "next hop", error)) {
        return false;
    }
    hop = &g_array_index(hops, VsGivenHop, hops->len - 1);
    if (!read_flags(&inner, &hop->hop.is_dead, error) ||
        !vs_ip_entry_get_number(&inner, "weight", VS_MULTIPATH_MAX_WEIGHT, 1,
                                &hop->hop.weight, error)) {
        return false;
    }
    return hop->hop.weight > 0 ||
           vs_ip_entry_fail(entry, error, "a next hop of weight 0");
}

static bool
read_hops(const VsIpEntry *entry, JsonNode *node, GArray *hops, GError **error)
{
    bool has_living = false;
    JsonArray *array;

    if (json_object_has_member(entry->object, "gateway") ||
        json_object_has_member(entry->object, "dev")) {
        return vs_ip_entry_fail(
            entry, error,
            "a route has \"nexthops\", or \"gateway\" and \"dev\", not both");
    }
    if (!JSON_NODE_HOLDS_ARRAY(node) ||
        json_array_get_length(json_node_get_array(node)) == 0) {
        return vs_ip_entry_fail(entry, error,
                                "\"nexthops\" is not a list of next hops");
    }
    array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (!read_weighted_hop(entry, json_array_get_element(array, i), hops, error)) {
            return false;
        }
        has_living = has_living || !g_array_index(hops, VsGivenHop, i).hop.is_dead;
    }
    return has_living ||
           vs_ip_entry_fail(entry, error,
                            "all its next hops are dead; take the route out");
}

static bool
read_way(const VsIpEntry *entry, VsGivenRoute *given, GError **error)
{
    JsonNode *several = json_object_get_member(entry->object, "nexthops");

    if (!vs_ip_entry_get_address(entry, "prefsrc", &given->route.source, error)) {
        return false;
    }
    if (given->route.type != VS_ROUTE_UNICAST) {
        return (!several && given->route.source == 0 &&
                !json_object_has_member(entry->object, "gateway")) ||
               vs_ip_entry_fail(
                   entry, error,
                   "a route that leads nowhere has no gateway, nexthops and prefsrc");
    }
    given->hops = g_array_new(FALSE, TRUE, sizeof(VsGivenHop));
    g_array_set_clear_func(given->hops, clear_hop);
    return several ? read_hops(entry, several, given->hops, error)
                   : read_hop(entry, given->hops, "route", error);
}

/* Of routes to one prefix the kernel takes the lowest metric. */
static bool
choose_by_metric(GArray *list, const VsIpEntry *entry, GError **error)
{
    const VsGivenRoute *last = &g_array_index(list, VsGivenRoute, list->len - 1);

    for (guint i = 0; i + 1 < list->len; i++) {
        const VsGivenRoute *other = &g_array_index(list, VsGivenRoute, i);

        if (other->route.prefix != last->route.prefix ||
            other->route.length != last->route.length) {
            continue;
        }
        if (other->metric == last->metric) {
            return vs_ip_entry_fail(
                entry, error,
                "a second route to this prefix, of the same metric; leave one");
        }
        g_array_remove_index(list, other->metric < last->metric ? list->len - 1 : i);
        return true;
    }
    return true;
}

static bool
add_route(GArray *list, const VsIpEntry *entry, GError **error)
{
    VsGivenRoute *given;

    g_array_set_size(list, list->len + 1);
    given = &g_array_index(list, VsGivenRoute, list->len - 1);
    given->where = g_strdup(entry->where);
    return check_members(entry, route_members, "route", error) &&
           check_words(entry, error) && read_destination(entry, &given->route, error) &&
           read_type(entry, &given->route, error) && read_way(entry, given, error) &&
           vs_ip_entry_get_number(entry, "metric", UINT32_MAX, 0, &given->metric,
                                  error) &&
           choose_by_metric(list, entry, error);
}

static void
clear_route(gpointer given_)
{
    VsGivenRoute *given = given_;

    g_free(given->where);
    g_clear_pointer(&given->hops, g_array_unref);
}

GArray *
vs_given_routes_parse(const char *text, size_t length, const char *file, GError **error)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(VsGivenRoute));

    g_array_set_clear_func(list, clear_route);
    if (!vs_ip_entries_read(list, text, length, file, "dst", add_route, error)) {
        g_clear_pointer(&list, g_array_unref);
    }
    return list;
}

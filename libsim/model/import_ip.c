#include "model/import_ip.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "base/units.h"
#include "model/element.h"

enum {
    LEAST_MTU = 68, /* RFC 791. */
    LARGEST_MTU = 65536,
};

/* One object of the file. */
typedef struct Entry {
    char *where;
    JsonObject *object;
} Entry;

/* A file may have line ends and worse in its texts; a message is one line. */
bool
vs_given_fail(GError **error, const char *where, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    g_autofree char *message = g_strconcat(where, ": ", text, NULL);

    for (char *c = message; *c; c++) {
        *c = g_ascii_iscntrl(*c) ? ' ' : *c;
    }
    g_set_error_literal(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE, message);
    return false;
}

static bool fail(const Entry *entry, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static bool
fail(const Entry *entry, GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vs_given_fail(error, entry->where, format, args);
    va_end(args);
    return false;
}

/* ---- Members --------------------------------------------------------------------- */

/* The member of this type, or NULL with *ret_is_good set: it is absent. */
static JsonNode *
get_member(const Entry *entry, const char *name, GType type, const char *what,
           bool *ret_is_good, GError **error)
{
    JsonNode *node = json_object_get_member(entry->object, name);

    *ret_is_good = !node || (JSON_NODE_HOLDS_VALUE(node) &&
                             json_node_get_value_type(node) == type);
    if (!*ret_is_good) {
        fail(entry, error, "\"%s\" is not %s", name, what);
    }
    return *ret_is_good ? node : NULL;
}

/* NULL when absent. */
static bool
get_text(const Entry *entry, const char *name, const char **ret, GError **error)
{
    bool is_good;
    JsonNode *node = get_member(entry, name, G_TYPE_STRING, "a text", &is_good, error);

    *ret = node ? json_node_get_string(node) : NULL;
    return is_good;
}

/* 'absent' when absent. */
static bool
get_number(const Entry *entry, const char *name, uint32_t max, uint32_t absent,
           uint32_t *ret, GError **error)
{
    bool is_good;
    JsonNode *node = get_member(entry, name, G_TYPE_INT64, "a number", &is_good, error);
    gint64 number = node ? json_node_get_int(node) : absent;

    if (is_good && (number < 0 || number > max)) {
        return fail(entry, error,
                    "\"%s\" is %" G_GINT64_FORMAT "; it may be 0 to %" G_GUINT32_FORMAT,
                    name, number, max);
    }
    *ret = (uint32_t)number;
    return is_good;
}

static bool
get_address(const Entry *entry, const char *name, VsAddr *ret, GError **error)
{
    const char *text;
    g_autoptr(GError) reason = NULL;

    *ret = 0;
    if (!get_text(entry, name, &text, error)) {
        return false;
    }
    if (text && !vs_parse_ipv4(text, ret, &reason)) {
        return fail(entry, error, "\"%s\": %s", name, reason->message);
    }
    return true;
}

/* The words of an array of texts; NULL when absent. */
static bool
get_words(const Entry *entry, const char *name, GStrv *ret, GError **error)
{
    JsonNode *node = json_object_get_member(entry->object, name);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    JsonArray *array;

    *ret = NULL;
    if (!node) {
        return true;
    }
    array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonNode *word = json_array_get_element(array, i);

        if (!JSON_NODE_HOLDS_VALUE(word) ||
            json_node_get_value_type(word) != G_TYPE_STRING) {
            return fail(entry, error, "\"%s\" has something else than texts", name);
        }
        g_ptr_array_add(words, g_strdup(json_node_get_string(word)));
    }
    if (!array) {
        return fail(entry, error, "\"%s\" is not a list of texts", name);
    }
    g_ptr_array_add(words, NULL);
    *ret = (GStrv)g_ptr_array_free(g_steal_pointer(&words), FALSE);
    return true;
}

/* ---- Lists ----------------------------------------------------------------------- */

typedef bool (*ReadEntry)(GArray *list, const Entry *entry, GError **error);

/* What the entry is called: "eth0", "10.0.0.0/8". */
static const char *
entry_label(JsonObject *object, const char *member)
{
    JsonNode *node = json_object_get_member(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : "?";
}

static bool
read_entry(GArray *list, JsonArray *array, guint i, const char *file, const char *label,
           ReadEntry read, GError **error)
{
    JsonNode *node = json_array_get_element(array, i);
    Entry entry = {NULL,
                   JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL};
    bool is_done;

    if (!entry.object) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE,
                    "%s: [%u]: this is no object; write what ip -j prints", file, i);
        return false;
    }
    entry.where =
        g_strdup_printf("%s: [%u] (%s)", file, i, entry_label(entry.object, label));
    is_done = read(list, &entry, error);
    g_free(entry.where);
    return is_done;
}

/* The parser forgets the line when it returns. */
static void
note_line(JsonParser *parser, const GError *reason, unsigned *ret_line)
{
    (void)reason;
    *ret_line = json_parser_get_current_line(parser);
}

/* Reads every object of a document into 'list'. */
static bool
read_document(GArray *list, const char *text, size_t length, const char *file,
              const char *label, ReadEntry read, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    unsigned line = 1;
    JsonNode *root;
    JsonArray *array;

    g_signal_connect(parser, "error", G_CALLBACK(note_line), &line);
    if (!json_parser_load_from_data(parser, text, (gssize)length, NULL)) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_SYNTAX,
                    "%s:%u: this is no JSON; write what ip -j prints", file, line);
        return false;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_ARRAY(root)) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE,
                    "%s:1: this is no list; write what ip -j prints", file);
        return false;
    }
    array = json_node_get_array(root);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (!read_entry(list, array, i, file, label, read, error)) {
            return false;
        }
    }
    return true;
}

/* ---- Addresses ------------------------------------------------------------------- */

static bool
is_loopback(const Entry *entry)
{
    return g_str_equal(entry_label(entry->object, "ifname"), "lo");
}

/* IPv6 addresses that every machine has, whether it uses IPv6 or not. */
static bool
check_inet6(const Entry *entry, const Entry *info, GError **error)
{
    const char *scope;
    const char *local;

    if (!get_text(info, "scope", &scope, error) ||
        !get_text(info, "local", &local, error)) {
        return false;
    }
    if (g_strcmp0(scope, "link") == 0 ||
        (is_loopback(entry) && g_strcmp0(local, "::1") == 0)) {
        return true;
    }
    return fail(entry, error,
                "IPv6 is not modelled: %s; take the address out of the file",
                local ? local : "inet6");
}

static bool
read_inet(const Entry *entry, const Entry *info, VsGivenAddress *given, GError **error)
{
    VsAddr address;
    uint32_t length;

    if (!get_address(info, "local", &address, error) ||
        !get_number(info, "prefixlen", 32, 32, &length, error)) {
        return false;
    }
    if (address == 0) {
        return fail(entry, error, "an address without \"local\"");
    }
    if (json_object_has_member(info->object, "address")) {
        return fail(entry, error,
                    "a peer's address is not modelled; links have subnets");
    }
    if (given->address != 0) {
        return fail(entry, error,
                    "a second address is not modelled; leave one in the file");
    }
    given->address = address;
    given->length = (uint8_t)length;
    return true;
}

static bool
read_info(const Entry *entry, JsonNode *node, VsGivenAddress *given, GError **error)
{
    Entry info = {entry->where, NULL};
    const char *family;

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return fail(entry, error, "\"addr_info\" has something else than objects");
    }
    info.object = json_node_get_object(node);
    if (!get_text(&info, "family", &family, error)) {
        return false;
    }
    if (g_strcmp0(family, "inet6") == 0) {
        return check_inet6(entry, &info, error);
    }
    if (g_strcmp0(family, "inet") != 0) {
        return fail(entry, error, "an address of family \"%s\"; inet is modelled",
                    family ? family : "");
    }
    return read_inet(entry, &info, given, error);
}

static bool
read_infos(const Entry *entry, VsGivenAddress *given, GError **error)
{
    JsonNode *node = json_object_get_member(entry->object, "addr_info");
    JsonArray *array;

    if (!node) {
        return true;
    }
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        return fail(entry, error, "\"addr_info\" is not a list");
    }
    array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (!read_info(entry, json_array_get_element(array, i), given, error)) {
            return false;
        }
    }
    return true;
}

static bool
read_interface(const Entry *entry, VsGivenAddress *given, GError **error)
{
    const char *name;
    g_auto(GStrv) flags = NULL;

    if (!get_text(entry, "ifname", &name, error) ||
        !get_number(entry, "mtu", LARGEST_MTU, 0, &given->mtu, error) ||
        !get_words(entry, "flags", &flags, error)) {
        return false;
    }
    if (!name) {
        return fail(entry, error, "an interface without \"ifname\"");
    }
    if (json_object_has_member(entry->object, "mtu") && given->mtu < LEAST_MTU) {
        return fail(entry, error, "\"mtu\" is %u; IPv4 needs at least %d", given->mtu,
                    LEAST_MTU);
    }
    given->name = g_strdup(name);
    given->is_down = flags && !g_strv_contains((const char *const *)flags, "UP");
    if (!read_infos(entry, given, error)) {
        return false;
    }
    return !given->is_down || given->address == 0 ||
           fail(entry, error,
                "an interface that is not UP has no address here; take the address out "
                "of the file (those of kube-ipvs0 come from virtual servers)");
}

static bool
add_address(GArray *list, const Entry *entry, GError **error)
{
    VsGivenAddress *given;

    g_array_set_size(list, list->len + 1);
    given = &g_array_index(list, VsGivenAddress, list->len - 1);
    given->where = g_strdup(entry->where);
    if (!read_interface(entry, given, error)) {
        return false;
    }
    for (guint i = 0; i + 1 < list->len; i++) {
        if (g_str_equal(g_array_index(list, VsGivenAddress, i).name, given->name)) {
            return fail(entry, error,
                        "the interface is there twice; leave one of them");
        }
    }
    return true;
}

static void
clear_address(gpointer given_)
{
    VsGivenAddress *given = given_;

    g_free(given->where);
    g_free(given->name);
}

GArray *
vs_given_addresses_parse(const char *text, size_t length, const char *file,
                         GError **error)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(VsGivenAddress));

    g_array_set_clear_func(list, clear_address);
    if (!read_document(list, text, length, file, "ifname", add_address, error)) {
        g_clear_pointer(&list, g_array_unref);
    }
    return list;
}

/* ---- Routes ---------------------------------------------------------------------- */

/* "protocol" says who made the route: nothing follows from it. */
static const char *const route_members[] = {"dst",      "gateway",  "dev",    "scope",
                                            "prefsrc",  "type",     "metric", "flags",
                                            "protocol", "nexthops", NULL};
static const char *const hop_members[] = {"gateway", "dev", "weight", "flags", NULL};

static bool
check_members(const Entry *entry, const char *const *allowed, const char *what,
              GError **error)
{
    g_autoptr(GList) names = json_object_get_members(entry->object);

    for (const GList *at = names; at; at = at->next) {
        if (!g_strv_contains(allowed, at->data)) {
            return fail(entry, error,
                        "\"%s\" of a %s is not modelled; take it out, or the route",
                        (const char *)at->data, what);
        }
    }
    return true;
}

static bool
read_destination(const Entry *entry, VsRoute *route, GError **error)
{
    const char *text;
    unsigned length = 32;
    g_autoptr(GError) reason = NULL;
    bool is_good;

    if (!get_text(entry, "dst", &text, error)) {
        return false;
    }
    if (!text) {
        return fail(entry, error, "a route without \"dst\"");
    }
    if (g_str_equal(text, "default")) {
        route->length = 0;
        return true;
    }
    is_good = strchr(text, '/')
                  ? vs_parse_ipv4_prefix(text, &route->prefix, &length, &reason)
                  : vs_parse_ipv4(text, &route->prefix, &reason);
    route->length = (uint8_t)length;
    return is_good || fail(entry, error, "\"dst\": %s", reason->message);
}

static bool
read_type(const Entry *entry, VsRoute *route, GError **error)
{
    const char *type;

    if (!get_text(entry, "type", &type, error)) {
        return false;
    }
    if (!type || g_str_equal(type, "unicast")) {
        route->type = VS_ROUTE_UNICAST;
    } else if (g_str_equal(type, "unreachable")) {
        route->type = VS_ROUTE_UNREACHABLE;
    } else if (g_str_equal(type, "blackhole")) {
        route->type = VS_ROUTE_BLACKHOLE;
    } else {
        return fail(entry, error,
                    "type \"%s\" is not modelled; there are unicast, unreachable and "
                    "blackhole",
                    type);
    }
    return true;
}

/* "onlink" is how every gateway is reached here; "linkdown" comes with "dead", which a next
 * hop may be, and no route. */
static bool
read_flags(const Entry *entry, bool *ret_is_dead, GError **error)
{
    g_auto(GStrv) flags = NULL;

    if (!get_words(entry, "flags", &flags, error)) {
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
            return fail(entry, error,
                        "the flag \"%s\" is not modelled; take the route out",
                        flags[i]);
        }
    }
    return true;
}

static bool
check_words(const Entry *entry, GError **error)
{
    const char *scope;

    if (!read_flags(entry, NULL, error) || !get_text(entry, "scope", &scope, error)) {
        return false;
    }
    if (scope && !g_str_equal(scope, "link") && !g_str_equal(scope, "global")) {
        return fail(entry, error,
                    "scope \"%s\" is not modelled; there are link and global", scope);
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
read_hop(const Entry *entry, GArray *hops, const char *what, GError **error)
{
    VsGivenHop hop = {.hop.weight = 1};
    const char *device;

    if (!get_address(entry, "gateway", &hop.hop.via, error) ||
        !get_text(entry, "dev", &device, error)) {
        return false;
    }
    if (!device) {
        return fail(entry, error, "a %s without \"dev\"", what);
    }
    hop.device = g_strdup(device);
    g_array_append_val(hops, hop);
    return true;
}

static bool
read_weighted_hop(const Entry *entry, JsonNode *node, GArray *hops, GError **error)
{
    Entry inner = {entry->where, NULL};
    VsGivenHop *hop;

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return fail(entry, error, "\"nexthops\" holds something that is no object");
    }
    inner.object = json_node_get_object(node);
    if (!check_members(&inner, hop_members, "next hop", error) ||
        !read_hop(&inner, hops, "next hop", error)) {
        return false;
    }
    hop = &g_array_index(hops, VsGivenHop, hops->len - 1);
    if (!read_flags(&inner, &hop->hop.is_dead, error) ||
        !get_number(&inner, "weight", VS_MULTIPATH_MAX_WEIGHT, 1, &hop->hop.weight,
                    error)) {
        return false;
    }
    return hop->hop.weight > 0 || fail(entry, error, "a next hop of weight 0");
}

static bool
read_hops(const Entry *entry, JsonNode *node, GArray *hops, GError **error)
{
    bool has_living = false;
    JsonArray *array;

    if (json_object_has_member(entry->object, "gateway") ||
        json_object_has_member(entry->object, "dev")) {
        return fail(entry, error,
                    "a route has \"nexthops\", or \"gateway\" and \"dev\", not both");
    }
    if (!JSON_NODE_HOLDS_ARRAY(node) ||
        json_array_get_length(json_node_get_array(node)) == 0) {
        return fail(entry, error, "\"nexthops\" is not a list of next hops");
    }
    array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (!read_weighted_hop(entry, json_array_get_element(array, i), hops, error)) {
            return false;
        }
        has_living = has_living || !g_array_index(hops, VsGivenHop, i).hop.is_dead;
    }
    return has_living ||
           fail(entry, error, "all its next hops are dead; take the route out");
}

static bool
read_way(const Entry *entry, VsGivenRoute *given, GError **error)
{
    JsonNode *several = json_object_get_member(entry->object, "nexthops");

    if (!get_address(entry, "prefsrc", &given->route.source, error)) {
        return false;
    }
    if (given->route.type != VS_ROUTE_UNICAST) {
        return (!several && given->route.source == 0 &&
                !json_object_has_member(entry->object, "gateway")) ||
               fail(entry, error,
                    "a route that leads nowhere has no gateway, nexthops and prefsrc");
    }
    given->hops = g_array_new(FALSE, TRUE, sizeof(VsGivenHop));
    g_array_set_clear_func(given->hops, clear_hop);
    return several ? read_hops(entry, several, given->hops, error)
                   : read_hop(entry, given->hops, "route", error);
}

/* Of routes to one prefix the kernel takes the lowest metric. */
static bool
choose_by_metric(GArray *list, const Entry *entry, GError **error)
{
    const VsGivenRoute *last = &g_array_index(list, VsGivenRoute, list->len - 1);

    for (guint i = 0; i + 1 < list->len; i++) {
        const VsGivenRoute *other = &g_array_index(list, VsGivenRoute, i);

        if (other->route.prefix != last->route.prefix ||
            other->route.length != last->route.length) {
            continue;
        }
        if (other->metric == last->metric) {
            return fail(entry, error,
                        "a second route to this prefix, of the same metric; leave one");
        }
        g_array_remove_index(list, other->metric < last->metric ? list->len - 1 : i);
        return true;
    }
    return true;
}

static bool
add_route(GArray *list, const Entry *entry, GError **error)
{
    VsGivenRoute *given;

    g_array_set_size(list, list->len + 1);
    given = &g_array_index(list, VsGivenRoute, list->len - 1);
    given->where = g_strdup(entry->where);
    return check_members(entry, route_members, "route", error) &&
           check_words(entry, error) && read_destination(entry, &given->route, error) &&
           read_type(entry, &given->route, error) && read_way(entry, given, error) &&
           get_number(entry, "metric", UINT32_MAX, 0, &given->metric, error) &&
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
    if (!read_document(list, text, length, file, "dst", add_route, error)) {
        g_clear_pointer(&list, g_array_unref);
    }
    return list;
}

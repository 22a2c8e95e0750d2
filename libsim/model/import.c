#include "model/import.h"

#include "base/units.h"
#include "model/ip_entry.h"
#include "net/route_text.h"

#define LOOPBACK 0x7f000001 /* 127.0.0.1 */

enum { LOOPBACK_LENGTH = 8 };

bool
vs_import_fail(const VsGivenAddress *given, GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vs_ip_fail(error, given->where, format, args);
    va_end(args);
    return false;
}

static bool fail_route(const VsGivenRoute *given, GError **error, const char *format,
                       ...) G_GNUC_PRINTF(3, 4);

static bool
fail_route(const VsGivenRoute *given, GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vs_ip_fail(error, given->where, format, args);
    va_end(args);
    return false;
}

char *
vs_import_read(const VsElement *element, const char *attribute, const char *file,
               size_t *ret_length, GError **error)
{
    g_autofree char *path = vs_element_path(element, file);
    g_autoptr(GError) reason = NULL;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, ret_length, &reason)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_IO,
                        "%s=\"%s\": %s; paths start at the folder of this file",
                        attribute, file, reason->message);
    }
    return text;
}

static VsNetns *
root_of(const VsBuild *build, const VsElement *element)
{
    return vs_build_find_host(build, element)->host->root;
}

/* ---- Addresses ------------------------------------------------------------------- */

bool
vs_import_addresses(VsBuild *build, const VsElement *element, const char *file,
                    GError **error)
{
    size_t length = 0;
    g_autofree char *path = vs_element_path(element, file);
    g_autofree char *text = vs_import_read(element, "addresses", file, &length, error);
    GArray *given = text ? vs_given_addresses_parse(text, length, path, error) : NULL;

    if (given) {
        g_hash_table_insert(build->given_addresses,
                            vs_build_find_host(build, element)->host, given);
    }
    return given != NULL;
}

const VsGivenAddress *
vs_import_find_address(const VsBuild *build, const VsIface *iface)
{
    const VsHost *host = iface->netns->host;
    const GArray *list = g_hash_table_lookup(build->given_addresses, host);

    for (unsigned i = 0; list && iface->netns == host->root && i < list->len; i++) {
        const VsGivenAddress *given = &g_array_index(list, VsGivenAddress, i);

        if (g_str_equal(given->name, iface->name)) {
            return given;
        }
    }
    return NULL;
}

/* "lo, eth0, cni0" */
static char *
list_ifaces(const VsNetns *netns)
{
    GString *text = g_string_new(NULL);

    for (const VsIface *iface = netns->ifaces; iface; iface = iface->next) {
        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", iface->name);
    }
    return g_string_free(text, FALSE);
}

/* "10.0.0.1/24", "no address" */
static char *
format_address(VsAddr address, unsigned length)
{
    g_autofree char *text = NULL;

    if (address == 0) {
        return g_strdup("no address");
    }
    text = vs_format_ipv4(address);
    return g_strdup_printf("%s/%u", text, length);
}

static bool
check_address(const VsGivenAddress *given, const VsIface *iface, GError **error)
{
    bool is_loopback = iface->kind == VS_IFACE_LOOPBACK;
    VsAddr address = is_loopback                   ? LOOPBACK
                     : iface->has_borrowed_address ? 0
                                                   : iface->address;
    unsigned length = is_loopback ? LOOPBACK_LENGTH : iface->prefix_length;
    g_autofree char *is = format_address(address, length);
    g_autofree char *said = format_address(given->address, given->length);

    if (!g_str_equal(is, said)) {
        return vs_import_fail(given, error, "the interface has %s here, not %s; %s", is,
                              said,
                              iface->kind == VS_IFACE_ETHERNET
                                  ? "the end of a link needs one"
                                  : "it follows the cluster's ranges, in the order of "
                                    "nodes");
    }
    if (!is_loopback && given->mtu != 0 && given->mtu != iface->mtu) {
        return vs_import_fail(given, error,
                              "the interface has an MTU of %u here, not %u; it follows "
                              "that of the node's link",
                              iface->mtu, given->mtu);
    }
    return true;
}

/* An interface that is down: nothing comes in by it, and what goes out is dropped. */
static bool
add_down(VsNetns *root, const VsGivenAddress *given, GError **error)
{
    VsIface *iface = vs_netns_find_iface(root, given->name);

    if (!iface) {
        iface = vs_iface_new(root, VS_IFACE_DUMMY, given->name);
        iface->mtu = given->mtu != 0 ? given->mtu : iface->mtu;
    }
    return iface->kind == VS_IFACE_DUMMY ||
           vs_import_fail(given, error,
                          "the interface is up here, and not UP in the file; write "
                          "\"UP\" among its flags, or take it out");
}

bool
vs_import_check_addresses(const VsBuild *build, const VsElement *element,
                          GError **error)
{
    VsNetns *root = root_of(build, element);
    const GArray *list = g_hash_table_lookup(build->given_addresses, root->host);

    for (unsigned i = 0; list && i < list->len; i++) {
        const VsGivenAddress *given = &g_array_index(list, VsGivenAddress, i);
        const VsIface *iface = vs_netns_find_iface(root, given->name);

        if (given->is_down) {
            if (!add_down(root, given, error)) {
                return false;
            }
            continue;
        }
        if (!iface) {
            g_autofree char *all = list_ifaces(root);

            return vs_import_fail(
                given, error,
                "\"%s\" has no such interface here (it has %s); take it "
                "out of the file",
                element->id, all);
        }
        if (!check_address(given, iface, error)) {
            return false;
        }
    }
    return true;
}

/* ---- Routes ---------------------------------------------------------------------- */

/* Table local, and what addresses bring with them. */
static bool
is_kept(const VsRoute *route)
{
    return route->type == VS_ROUTE_LOCAL || vs_route_is_connected(route);
}

/* Finds the interface of a way. */
static bool
resolve_hop(VsNetns *root, const VsGivenRoute *given, const VsGivenHop *hop,
            VsNextHop *ret_hop, GError **error)
{
    VsIface *iface = vs_netns_find_iface(root, hop->device);

    *ret_hop = hop->hop;
    ret_hop->iface = iface;
    if (!iface) {
        g_autofree char *all = list_ifaces(root);

        return fail_route(
            given, error,
            "there is no interface \"%s\" (there are %s); take the route out "
            "of the file",
            hop->device, all);
    }
    if (iface->kind == VS_IFACE_LOOPBACK) {
        return fail_route(given, error,
                          "a route to lo leads nowhere; take it out, or make "
                          "it of type blackhole");
    }
    return true;
}

/* Finds the ways of a route that leads somewhere. */
static bool
resolve_route(VsNetns *root, const VsGivenRoute *given, VsRoute *ret_route,
              GError **error)
{
    g_autofree VsNextHop *hops = g_new0(VsNextHop, given->hops->len);
    const VsIface *iface;

    for (unsigned i = 0; i < given->hops->len; i++) {
        if (!resolve_hop(root, given, &g_array_index(given->hops, VsGivenHop, i),
                         &hops[i], error)) {
            return false;
        }
    }
    if (given->route.source != 0 && !vs_netns_is_local(root, given->route.source)) {
        return fail_route(given, error,
                          "\"prefsrc\" is no address of the node; see addresses=");
    }
    vs_multipath_set(ret_route, hops, given->hops->len);
    iface = ret_route->iface;
    if (!ret_route->multipath && given->route.source == iface->address &&
        !iface->has_borrowed_address) {
        VsRoute connected = *ret_route;

        /* The kernel tells the source of connected routes, which is the interface's. */
        connected.source = 0;
        if (vs_route_is_connected(&connected)) {
            *ret_route = connected;
        }
    }
    return true;
}

static bool
add_route(VsNetns *root, const VsGivenRoute *given, GError **error)
{
    VsRoute route = given->route;
    const VsRoute *own =
        vs_routes_find_prefix(&root->routes, route.prefix, route.length);

    if (own && own->type == VS_ROUTE_LOCAL) {
        return fail_route(given, error,
                          "the node itself has this address; take the route "
                          "out of the file");
    }
    if (given->hops && !resolve_route(root, given, &route, error)) {
        return false;
    }
    vs_routes_add(&root->routes, &route);
    return true;
}

bool
vs_import_routes(const VsBuild *build, const VsElement *element, const char *file,
                 GError **error)
{
    VsNetns *root = root_of(build, element);
    size_t length = 0;
    g_autofree char *path = vs_element_path(element, file);
    g_autofree char *text = vs_import_read(element, "routes", file, &length, error);
    g_autoptr(GArray) given =
        text ? vs_given_routes_parse(text, length, path, error) : NULL;

    if (!given) {
        return false;
    }
    vs_routes_filter(&root->routes, is_kept);
    for (unsigned i = 0; i < given->len; i++) {
        if (!add_route(root, &g_array_index(given, VsGivenRoute, i), error)) {
            return false;
        }
    }
    return true;
}

#include "model/import_ip.h"
#include "model/ip_entry.h"

enum {
    LEAST_MTU = 68, /* RFC 791. */
    LARGEST_MTU = 65536,
};

static bool
is_loopback(const VsIpEntry *entry)
{
    return g_str_equal(vs_ip_entry_label(entry, "ifname"), "lo");
}

/* IPv6 addresses that every machine has, whether it uses IPv6 or not. */
static bool
check_inet6(const VsIpEntry *entry, const VsIpEntry *info, GError **error)
{
    const char *scope;
    const char *local;

    if (!vs_ip_entry_get_text(info, "scope", &scope, error) ||
        !vs_ip_entry_get_text(info, "local", &local, error)) {
        return false;
    }
    if (g_strcmp0(scope, "link") == 0 ||
        (is_loopback(entry) && g_strcmp0(local, "::1") == 0)) {
        return true;
    }
    return vs_ip_entry_fail(
        entry, error, "IPv6 is not modelled: %s; take the address out of the file",
        local ? local : "inet6");
}

static bool
read_inet(const VsIpEntry *entry, const VsIpEntry *info, VsGivenAddress *given,
          GError **error)
{
    VsAddr address;
    uint32_t length;

    if (!vs_ip_entry_get_address(info, "local", &address, error) ||
        !vs_ip_entry_get_number(info, "prefixlen", 32, 32, &length, error)) {
        return false;
    }
    if (address == 0) {
        return vs_ip_entry_fail(entry, error, "an address without \"local\"");
    }
    if (json_object_has_member(info->object, "address")) {
        return vs_ip_entry_fail(entry, error,
                                "a peer's address is not modelled; links have subnets");
    }
    if (given->address != 0) {
        return vs_ip_entry_fail(
            entry, error, "a second address is not modelled; leave one in the file");
    }
    given->address = address;
    given->length = (uint8_t)length;
    return true;
}

static bool
read_info(const VsIpEntry *entry, JsonNode *node, VsGivenAddress *given, GError **error)
{
    VsIpEntry info = {entry->where, NULL};
    const char *family;

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return vs_ip_entry_fail(entry, error,
                                "\"addr_info\" has something else than objects");
    }
    info.object = json_node_get_object(node);
    if (!vs_ip_entry_get_text(&info, "family", &family, error)) {
        return false;
    }
    if (g_strcmp0(family, "inet6") == 0) {
        return check_inet6(entry, &info, error);
    }
    if (g_strcmp0(family, "inet") != 0) {
        return vs_ip_entry_fail(entry, error,
                                "an address of family \"%s\"; inet is modelled",
                                family ? family : "");
    }
    return read_inet(entry, &info, given, error);
}

static bool
read_infos(const VsIpEntry *entry, VsGivenAddress *given, GError **error)
{
    JsonNode *node = json_object_get_member(entry->object, "addr_info");
    JsonArray *array;

    if (!node) {
        return true;
    }
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        return vs_ip_entry_fail(entry, error, "\"addr_info\" is not a list");
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
read_interface(const VsIpEntry *entry, VsGivenAddress *given, GError **error)
{
    const char *name;
    g_auto(GStrv) flags = NULL;

    if (!vs_ip_entry_get_text(entry, "ifname", &name, error) ||
        !vs_ip_entry_get_number(entry, "mtu", LARGEST_MTU, 0, &given->mtu, error) ||
        !vs_ip_entry_get_words(entry, "flags", &flags, error)) {
        return false;
    }
    if (!name) {
        return vs_ip_entry_fail(entry, error, "an interface without \"ifname\"");
    }
    if (json_object_has_member(entry->object, "mtu") && given->mtu < LEAST_MTU) {
        return vs_ip_entry_fail(entry, error, "\"mtu\" is %u; IPv4 needs at least %d",
                                given->mtu, LEAST_MTU);
    }
    given->name = g_strdup(name);
    given->is_down = flags && !g_strv_contains((const char *const *)flags, "UP");
    if (!read_infos(entry, given, error)) {
        return false;
    }
    return !given->is_down || given->address == 0 ||
           vs_ip_entry_fail(
               entry, error,
               "an interface that is not UP has no address here; take the address out "
               "of the file (those of kube-ipvs0 come from virtual servers)");
}

static bool
add_address(GArray *list, const VsIpEntry *entry, GError **error)
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
            return vs_ip_entry_fail(entry, error,
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
    if (!vs_ip_entries_read(list, text, length, file, "ifname", add_address, error)) {
        g_clear_pointer(&list, g_array_unref);
    }
    return list;
}

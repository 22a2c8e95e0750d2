#include "model/ip_entry.h"

#include "base/units.h"
#include "model/element.h"

bool
vs_ip_fail(GError **error, const char *where, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    g_autofree char *message = g_strconcat(where, ": ", text, NULL);

    for (char *c = message; *c; c++) {
        *c = g_ascii_iscntrl(*c) ? ' ' : *c;
    }
    g_set_error_literal(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE, message);
    return false;
}

bool
vs_ip_entry_fail(const VsIpEntry *entry, GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vs_ip_fail(error, entry->where, format, args);
    va_end(args);
    return false;
}

/* ---- Members --------------------------------------------------------------------- */

/* The member of this type, or NULL with *ret_is_good set: it is absent. */
static JsonNode *
get_member(const VsIpEntry *entry, const char *name, GType type, const char *what,
           bool *ret_is_good, GError **error)
{
    JsonNode *node = json_object_get_member(entry->object, name);

    *ret_is_good = !node || (JSON_NODE_HOLDS_VALUE(node) &&
                             json_node_get_value_type(node) == type);
    if (!*ret_is_good) {
        vs_ip_entry_fail(entry, error, "\"%s\" is not %s", name, what);
    }
    return *ret_is_good ? node : NULL;
}

bool
vs_ip_entry_get_text(const VsIpEntry *entry, const char *name, const char **ret,
                     GError **error)
{
    bool is_good;
    JsonNode *node = get_member(entry, name, G_TYPE_STRING, "a text", &is_good, error);

    *ret = node ? json_node_get_string(node) : NULL;
    return is_good;
}

bool
vs_ip_entry_get_number(const VsIpEntry *entry, const char *name, uint32_t max,
                       uint32_t absent, uint32_t *ret, GError **error)
{
    bool is_good;
    JsonNode *node = get_member(entry, name, G_TYPE_INT64, "a number", &is_good, error);
    gint64 number = node ? json_node_get_int(node) : absent;

    if (is_good && (number < 0 || number > max)) {
        return vs_ip_entry_fail(entry, error,
                                "\"%s\" is %" G_GINT64_FORMAT
                                "; it may be 0 to %" G_GUINT32_FORMAT,
                                name, number, max);
    }
    *ret = (uint32_t)number;
    return is_good;
}

bool
vs_ip_entry_get_address(const VsIpEntry *entry, const char *name, VsAddr *ret,
                        GError **error)
{
    const char *text;
    g_autoptr(GError) reason = NULL;

    *ret = 0;
    if (!vs_ip_entry_get_text(entry, name, &text, error)) {
        return false;
    }
    if (text && !vs_parse_ipv4(text, ret, &reason)) {
        return vs_ip_entry_fail(entry, error, "\"%s\": %s", name, reason->message);
    }
    return true;
}

bool
vs_ip_entry_get_words(const VsIpEntry *entry, const char *name, GStrv *ret,
                      GError **error)
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
            return vs_ip_entry_fail(entry, error,
                                    "\"%s\" has something else than texts", name);
        }
        g_ptr_array_add(words, g_strdup(json_node_get_string(word)));
    }
    if (!array) {
        return vs_ip_entry_fail(entry, error, "\"%s\" is not a list of texts", name);
    }
    g_ptr_array_add(words, NULL);
    *ret = (GStrv)g_ptr_array_free(g_steal_pointer(&words), FALSE);
    return true;
}

/* ---- Lists ----------------------------------------------------------------------- */

const char *
vs_ip_entry_label(const VsIpEntry *entry, const char *member)
{
    JsonNode *node = json_object_get_member(entry->object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : "?";
}

static bool
read_entry(GArray *list, JsonArray *array, guint i, const char *file, const char *label,
           VsIpReadEntry read, GError **error)
{
    JsonNode *node = json_array_get_element(array, i);
    VsIpEntry entry = {NULL, JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node)
                                                          : NULL};
    bool is_done;

    if (!entry.object) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE,
                    "%s: [%u]: this is no object; write what ip -j prints", file, i);
        return false;
    }
    entry.where =
        g_strdup_printf("%s: [%u] (%s)", file, i, vs_ip_entry_label(&entry, label));
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

bool
vs_ip_entries_read(GArray *list, const char *text, size_t length, const char *file,
                   const char *label, VsIpReadEntry read, GError **error)
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

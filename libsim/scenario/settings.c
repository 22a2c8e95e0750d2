#include <string.h>

#include "scenario/private.h"

/* A value of values of values may not grow without end. */
#define EXPANDED_LENGTH_MAX ((size_t)64 * 1024)

typedef struct Setting {
    const char *name;
    const VsXmlNode *node;
    char *value; /* Owned. */
    bool is_set;
    bool is_used;
} Setting;

struct VsSettings {
    GArray *settings;
    GHashTable *by_name; /* Name to place in 'settings', from 1. */
};

static Setting *
find(const VsSettings *settings, const char *name)
{
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(settings->by_name, name));

    return place ? &g_array_index(settings->settings, Setting, place - 1) : NULL;
}

/* What vs_suggestion() says to 'name'. */
static char *
suggest_setting(const VsSettings *settings, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < settings->settings->len; i++) {
        g_ptr_array_add(names,
                        (char *)g_array_index(settings->settings, Setting, i).name);
    }
    if (names->len == 0) {
        return g_strdup("; it has none");
    }
    g_ptr_array_add(names, NULL);
    return vs_suggestion(name, (const char *const *)names->pdata, "\"", "\"", "it has");
}

/* <param>. ------------------------------------------------------------------------- */

static bool
check_param_attributes(const VsXmlNode *node, GError **error)
{
    static const char *const known[] = {"name", "default", NULL};

    for (unsigned i = 0; i < node->n_attributes; i++) {
        const char *name = node->attributes[i].name;

        if (!g_strv_contains(known, name)) {
            g_autofree char *hint = vs_suggestion(name, known, "\"", "\"", "it takes");

            vs_set_error_at_line(error, node->file, node->line,
                                 VS_SCENARIO_ERROR_ATTRIBUTE,
                                 "<param> has no attribute \"%s\"%s", name, hint);
            return false;
        }
    }
    for (const char *const *name = known; *name; name++) {
        if (!vs_xml_node_attribute(node, *name)) {
            vs_set_error_at_line(error, node->file, node->line,
                                 VS_SCENARIO_ERROR_ATTRIBUTE,
                                 "<param> lacks its %s: write <param name=\"rate\" "
                                 "default=\"1000/s\"/>",
                                 *name);
            return false;
        }
    }
    if (node->first_child) {
        vs_set_error_at_line(error, node->first_child->file, node->first_child->line,
                             VS_SCENARIO_ERROR_ELEMENT, "<param> holds no elements");
        return false;
    }
    return true;
}

/* The value that 'overrides' have for 'name', or NULL. */
static const char *
find_override(const char *const *overrides, const char *name)
{
    size_t length = strlen(name);

    for (; overrides && *overrides; overrides++) {
        if (strncmp(*overrides, name, length) == 0 && (*overrides)[length] == '=') {
            return *overrides + length + 1;
        }
    }
    return NULL;
}

static bool
check_name(const VsSettings *settings, const VsXmlNode *node, const char *name,
           GError **error)
{
    const Setting *earlier = find(settings, name);

    if (strcmp(name, "index") == 0) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_CONFLICT,
                             "name=\"index\" is taken: ${index} is the number of a "
                             "template's member");
    } else if (!vs_is_id(name)) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
                             "name=\"%s\" is not a name: write letters, digits, \"-\", "
                             "\"_\" and \".\"",
                             name);
    } else if (earlier) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_CONFLICT,
                             "param \"%s\" exists already, at %s:%d", name,
                             earlier->node->file, earlier->node->line);
    } else {
        return true;
    }
    return false;
}

/* A default may use the parameters above it. */
static bool
add_param(VsSettings *settings, const VsXmlNode *node, const char *const *overrides,
          GError **error)
{
    Setting setting = {.node = node};
    const char *override, *expanded;
    char *owned = NULL;

    if (!check_param_attributes(node, error)) {
        return false;
    }
    setting.name = vs_xml_node_attribute(node, "name");
    if (!check_name(settings, node, setting.name, error)) {
        return false;
    }
    expanded =
        vs_settings_expand(settings, node, "default",
                           vs_xml_node_attribute(node, "default"), 0, &owned, error);
    if (!expanded) {
        return false;
    }
    override = find_override(overrides, setting.name);
    setting.is_set = override;
    setting.value = g_strdup(override ? override : expanded);
    g_free(owned);
    g_array_append_val(settings->settings, setting);
    g_hash_table_insert(settings->by_name, (char *)setting.name,
                        GUINT_TO_POINTER(settings->settings->len));
    return true;
}

/* --set. --------------------------------------------------------------------------- */

/* Refuses an override of 'all' that set nothing. */
static bool
check_override(const VsSettings *settings, const VsXmlNode *root, const char *override,
               const char *const *all, GError **error)
{
    const char *equals = strchr(override, '=');
    g_autofree char *name = equals ? g_strndup(override, equals - override) : NULL;
    g_autofree char *hint = NULL;

    if (!g_utf8_validate(override, -1, NULL)) {
        vs_set_error_at_line(error, root->file, root->line, VS_SCENARIO_ERROR_VALUE,
                             "a setting is not text in UTF-8");
    } else if (!equals) {
        vs_set_error_at_line(error, root->file, root->line, VS_SCENARIO_ERROR_VALUE,
                             "setting \"%s\" has no value: write %s=VALUE", override,
                             override);
    } else if (!find(settings, name)) {
        hint = suggest_setting(settings, name);
        vs_set_error_at_line(error, root->file, root->line, VS_SCENARIO_ERROR_REFERENCE,
                             "setting \"%s\": the scenario has no param \"%s\"%s",
                             override, name, hint);
    } else if (find_override(all, name) != equals + 1) {
        vs_set_error_at_line(
            error, root->file, root->line, VS_SCENARIO_ERROR_NO_EFFECT,
            "setting \"%s\" comes after another of \"%s\": give it once", override,
            name);
    } else {
        return true;
    }
    return false;
}

VsSettings *
vs_settings_new(const VsXmlNode *root, const char *const *overrides, GError **error)
{
    g_autoptr(VsSettings) settings = g_new0(VsSettings, 1);

    settings->settings = g_array_new(FALSE, TRUE, sizeof(Setting));
    settings->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    for (const VsXmlNode *node = root->first_child; node; node = node->next) {
        if (strcmp(node->name, "param") == 0 &&
            !add_param(settings, node, overrides, error)) {
            return NULL;
        }
    }
    for (const char *const *override = overrides; override && *override; override++) {
        if (!check_override(settings, root, *override, overrides, error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&settings);
}

void
vs_settings_free(VsSettings *settings)
{
    if (!settings) {
        return;
    }
    for (guint i = 0; i < settings->settings->len; i++) {
        g_free(g_array_index(settings->settings, Setting, i).value);
    }
    g_array_free(settings->settings, TRUE);
    g_hash_table_destroy(settings->by_name);
    g_free(settings);
}

/* ${name}. ------------------------------------------------------------------------- */

/* Appends what the reference whose name is 'name' stands for. */
static bool
append_value(VsSettings *settings, const VsXmlNode *node, const char *attribute,
             const char *name, unsigned index, GString *text, GError **error)
{
    Setting *setting = find(settings, name);
    g_autofree char *hint = NULL;

    if (setting) {
        setting->is_used = true;
        g_string_append(text, setting->value);
        return true;
    }
    if (strcmp(name, "index") != 0) {
        hint = suggest_setting(settings, name);
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_REFERENCE,
                             "%s: the scenario has no param \"%s\"%s", attribute, name,
                             hint);
        return false;
    }
    if (index == 0) {
        vs_set_error_at_line(
            error, node->file, node->line, VS_SCENARIO_ERROR_REFERENCE,
            "%s: ${index} is the number of a template's member, and this "
            "is outside of one (count=\"\")",
            attribute);
        return false;
    }
    g_string_append_printf(text, "%u", index);
    return true;
}

const char *
vs_settings_expand(VsSettings *settings, const VsXmlNode *node, const char *attribute,
                   const char *text, unsigned index, char **ret_owned, GError **error)
{
    g_autoptr(GString) expanded = NULL;
    const char *from = text, *dollar;

    *ret_owned = NULL;
    if (!strstr(text, "${")) {
        return text;
    }

    expanded = g_string_new(NULL);
    while ((dollar = strstr(from, "${"))) {
        const char *end = strchr(dollar, '}');
        g_autofree char *name = NULL;

        g_string_append_len(expanded, from, dollar - from);
        if (dollar > from && dollar[-1] == '$') {
            g_string_append_c(expanded, '{'); /* $${ is ${ itself. */
            from = dollar + 2;
            continue;
        }
        if (!end) {
            vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
                                 "%s=\"%s\" lacks the } of its ${: write $${ for the "
                                 "characters themselves",
                                 attribute, text);
            return NULL;
        }
        name = g_strndup(dollar + 2, end - dollar - 2);
        if (!append_value(settings, node, attribute, name, index, expanded, error)) {
            return NULL;
        }
        if (expanded->len > EXPANDED_LENGTH_MAX) {
            vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
                                 "%s grows beyond 64 KiB with its parameters replaced",
                                 attribute);
            return NULL;
        }
        from = end + 1;
    }
    g_string_append(expanded, from);
    *ret_owned = g_string_free(g_steal_pointer(&expanded), FALSE);
    return *ret_owned;
}

bool
vs_settings_check_used(const VsSettings *settings, GError **error)
{
    for (guint i = 0; i < settings->settings->len; i++) {
        const Setting *setting = &g_array_index(settings->settings, Setting, i);

        if (!setting->is_used) {
            vs_set_error_at_line(error, setting->node->file, setting->node->line,
                                 VS_SCENARIO_ERROR_NO_EFFECT,
                                 "param \"%s\" has no effect: no attribute uses ${%s}",
                                 setting->name, setting->name);
            return false;
        }
    }
    return true;
}

void
vs_settings_list(const VsSettings *settings, GStringChunk *strings, GArray *ret)
{
    for (guint i = 0; i < settings->settings->len; i++) {
        const Setting *setting = &g_array_index(settings->settings, Setting, i);
        VsSetting copy = {g_string_chunk_insert_const(strings, setting->name),
                          g_string_chunk_insert_const(strings, setting->value),
                          setting->is_set};

        g_array_append_val(ret, copy);
    }
}

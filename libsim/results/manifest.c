#include "results/manifest.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/json_put.h"
#include "base/units.h"

#define FORMAT "vethsim-manifest"
#define FORMAT_VERSION 1
#define MANIFEST "manifest.json"
#define PLOTS "plots"

static void
put_settings(JsonBuilder *json, const VsScenario *scenario)
{
    vs_json_begin_array(json, "settings");
    for (unsigned i = 0; i < vs_scenario_n_settings(scenario); i++) {
        const VsSetting *setting = vs_scenario_setting(scenario, i);

        json_builder_begin_object(json);
        vs_json_put_text(json, "name", setting->name);
        vs_json_put_text(json, "value", setting->value);
        vs_json_put_text(json, "origin", setting->is_set ? "set" : "default");
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_attribute(JsonBuilder *json, const VsElement *element, unsigned index)
{
    const VsParam *param = &element->model->params[index];
    bool is_given = vs_param_set_has(&element->given, index);
    g_autofree char *value = NULL;

    /* Without default and not given: it has no value. */
    if (!is_given && !param->def) {
        return;
    }
    value = vs_param_print(param, element->config);
    json_builder_begin_object(json);
    vs_json_put_text(json, "name", param->name);
    vs_json_put_text(json, "value", value);
    vs_json_put_text(json, "origin", is_given ? "file" : "default");
    json_builder_end_object(json);
}

static void
put_elements(JsonBuilder *json, const VsScenario *scenario)
{
    vs_json_begin_array(json, "elements");
    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        const VsElement *element = vs_scenario_element(scenario, i);
        const VsParam *params = element->model->params;

        json_builder_begin_object(json);
        vs_json_put_text(json, "element", element->model->element);
        vs_json_put_text(json, "id", element->id);
        vs_json_put_text(json, "parent", element->parent ? element->parent->id : NULL);
        vs_json_put_int(json, "line", element->line);
        vs_json_begin_array(json, "attributes");
        for (unsigned j = 0; params && params[j].name; j++) {
            put_attribute(json, element, j);
        }
        json_builder_end_array(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_files(JsonBuilder *json, const GArray *files)
{
    vs_json_begin_array(json, "files");
    for (guint i = 0; i < files->len; i++) {
        const VsManifestFile *file = &g_array_index(files, VsManifestFile, i);

        json_builder_begin_object(json);
        vs_json_put_text(json, "name", file->name);
        vs_json_put_text(json, "purpose", file->purpose);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
put_host(JsonBuilder *json, const VsSummary *summary, const VsResultsHost *host)
{
    struct utsname names;

    vs_json_begin_object(json, "host");
    vs_json_put_real(json, "wall_s", host->wall_s);
    vs_json_put_real(json, "events_per_s",
                     host->wall_s > 0 ? (double)summary->n_events / host->wall_s : 0);
    vs_json_put_text(json, "compiler", __VERSION__);
    if (uname(&names) == 0) {
        vs_json_put_text(json, "system", names.sysname);
        vs_json_put_text(json, "machine", names.machine);
    }
    json_builder_end_object(json);
}

char *
vs_manifest_print(const VsSummary *summary, const char *id, const GArray *files,
                  const VsResultsHost *host)
{
    const VsScenario *scenario = vs_simulation_scenario(summary->simulation);
    g_autofree char *until = vs_format_time(summary->until);
    g_autofree char *reached = vs_format_time(summary->reached);
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_object(json);
    vs_json_put_text(json, "format", FORMAT);
    vs_json_put_int(json, "version", FORMAT_VERSION);
    vs_json_put_text(json, "vethsim", PACKAGE_VERSION);
    vs_json_put_text(json, "run", id);
    vs_json_put_text(json, "scenario", vs_scenario_name(scenario));
    vs_json_put_text(json, "file", vs_scenario_file(scenario));
    vs_json_put_text(json, "scenario_hash", vs_scenario_hash(scenario));
    vs_json_put_uint(json, "seed", vs_simulation_seed(summary->simulation));
    vs_json_put_text(json, "until", until);
    vs_json_put_int(json, "until_ps", summary->until);
    vs_json_put_text(json, "reached", reached);
    vs_json_put_int(json, "reached_ps", summary->reached);
    vs_json_put_bool(json, "partial", summary->is_partial);
    vs_json_put_uint(json, "events", summary->n_events);
    vs_json_put_text(json, "digest", summary->digest);
    put_settings(json, scenario);
    put_elements(json, scenario);
    put_files(json, files);
    put_host(json, summary, host);
    json_builder_end_object(json);
    return vs_json_print(json);
}

/* Reading. ------------------------------------------------------------------------- */

/* The names that the manifest lists, or NULL if 'folder' has none of ours. */
static GHashTable *
read_files(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, MANIFEST, NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    GHashTable *names;
    JsonObject *root;
    JsonNode *node;

    if (!json_parser_load_from_file(parser, path, NULL) ||
        !(node = json_parser_get_root(parser)) || !JSON_NODE_HOLDS_OBJECT(node)) {
        return NULL;
    }
    root = json_node_get_object(node);
    node = json_object_get_member(root, "files");
    if (g_strcmp0(json_object_get_string_member_with_default(root, "format", ""),
                  FORMAT) != 0 ||
        !node || !JSON_NODE_HOLDS_ARRAY(node)) {
        return NULL;
    }
    names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < json_array_get_length(json_node_get_array(node)); i++) {
        JsonNode *file = json_array_get_element(json_node_get_array(node), i);

        if (JSON_NODE_HOLDS_OBJECT(file)) {
            g_hash_table_add(names, g_strdup(json_object_get_string_member_with_default(
                                        json_node_get_object(file), "name", "")));
        }
    }
    return names;
}

bool
vs_manifest_covers(const char *folder, GError **error)
{
    g_autoptr(GHashTable) names = read_files(folder);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    if (!names) {
        g_set_error(
            error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
            "%s has files that are not results of vethsim, so it is left alone; "
            "name another folder",
            folder);
        return false;
    }
    while (dir && (name = g_dir_read_name(dir))) {
        if (strcmp(name, MANIFEST) != 0 && strcmp(name, PLOTS) != 0 &&
            !g_hash_table_contains(names, name)) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                        "%s holds \"%s\", which vethsim did not write, so it is left "
                        "alone; name another folder, or move that file",
                        folder, name);
            return false;
        }
    }
    return true;
}

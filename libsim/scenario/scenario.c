#include "scenario/scenario.h"

#include <string.h>

#include "base/units.h"
#include "scenario/private.h"

static VsScenario *
new_scenario(const VsXmlNode *root, const VsRegistry *registry)
{
    VsScenario *scenario = g_new0(VsScenario, 1);

    scenario->registry = registry;
    scenario->strings = g_string_chunk_new(4096);
    scenario->arena = vs_arena_new();
    scenario->elements = g_ptr_array_new();
    scenario->id_groups = g_ptr_array_new();
    scenario->ids = g_hash_table_new(g_str_hash, g_str_equal);
    scenario->settings = g_array_new(FALSE, FALSE, sizeof(VsSetting));
    scenario->file = g_string_chunk_insert(scenario->strings, root->file);
    return scenario;
}

void
vs_scenario_free(VsScenario *scenario)
{
    if (!scenario) {
        return;
    }
    for (guint i = 0; i < scenario->elements->len; i++) {
        const VsElement *element = scenario->elements->pdata[i];

        vs_params_clear(element->model->params, element->config);
    }
    g_array_free(scenario->settings, TRUE);
    g_hash_table_destroy(scenario->ids);
    g_ptr_array_free(scenario->id_groups, TRUE);
    g_ptr_array_free(scenario->elements, TRUE);
    vs_arena_free(scenario->arena);
    g_string_chunk_free(scenario->strings);
    g_free(scenario);
}

/* <scenario>. ---------------------------------------------------------------------- */

/* "shop" of "examples/shop.xml". */
static char *
stem(const char *file)
{
    char *name = g_path_get_basename(file);
    char *dot = strrchr(name, '.');

    if (dot && dot != name) {
        *dot = '\0';
    }
    return name;
}

static bool
check_root_attributes(const VsXmlNode *root, GError **error)
{
    static const char *const known[] = {"version", "seed", "until", "name", NULL};
    const char *version = vs_xml_node_attribute(root, "version");

    for (unsigned i = 0; i < root->n_attributes; i++) {
        const char *name = root->attributes[i].name;
        g_autofree char *hint = NULL;

        if (!g_strv_contains(known, name)) {
            hint = vs_suggestion(name, known, "\"", "\"", "it takes");
            vs_set_error_at_line(error, root->file, root->line,
                                 VS_SCENARIO_ERROR_ATTRIBUTE,
                                 "<scenario> has no attribute \"%s\"%s", name, hint);
            return false;
        }
    }
    if (!version || strcmp(version, "1") != 0) {
        vs_set_error_at_line(error, root->file, root->line, VS_SCENARIO_ERROR_VALUE,
                             "%s%s%s: write <scenario version=\"1\" ...>",
                             version ? "version=\"" : "<scenario> lacks its version",
                             version ? version : "",
                             version ? "\" is not one that this program reads" : "");
        return false;
    }
    if (!vs_xml_node_attribute(root, "until")) {
        vs_set_error_at_line(
            error, root->file, root->line, VS_SCENARIO_ERROR_ATTRIBUTE,
            "<scenario> lacks until, the simulated time at which the run "
            "ends: write until=\"2s\"");
        return false;
    }
    return true;
}

/* The value of a root attribute, kept in the scenario; NULL if it is not there, or with
 * 'error' set. */
static const char *
root_value(VsScenario *scenario, const VsXmlNode *root, const char *name,
           VsSettings *settings, GError **error)
{
    const char *text = vs_xml_node_attribute(root, name);
    g_autofree char *owned = NULL;

    if (text) {
        text = vs_settings_expand(settings, root, name, text, 0, &owned, error);
    }
    return text ? g_string_chunk_insert_const(scenario->strings, text) : NULL;
}

static bool
read_root(VsScenario *scenario, const VsXmlNode *root, VsSettings *settings,
          GError **error)
{
    static const VsParam until_param = {
        .name = "until", .type = VS_PARAM_TYPE_TIME, .min = "1ps"};
    GError *cause = NULL;
    const char *seed, *until;

    seed = root_value(scenario, root, "seed", settings, &cause);
    until = cause ? NULL : root_value(scenario, root, "until", settings, &cause);
    scenario->name =
        cause ? NULL : root_value(scenario, root, "name", settings, &cause);
    if (cause) {
        g_propagate_error(error, cause);
        return false;
    }
    scenario->seed = 1;
    if (seed && !vs_parse_uint(seed, &scenario->seed, &cause)) {
        g_prefix_error(&cause, "seed=");
    }
    if (cause || !vs_param_parse(&until_param, until, &scenario->until, NULL, &cause)) {
        vs_set_error_at_line(error, root->file, root->line, VS_SCENARIO_ERROR_VALUE,
                             "%s", cause->message);
        g_error_free(cause);
        return false;
    }
    if (!scenario->name) {
        g_autofree char *name = stem(root->file);

        scenario->name = g_string_chunk_insert(scenario->strings, name);
    }
    return true;
}

/* Reading. ------------------------------------------------------------------------- */

/* The models' own checks, parents before children. */
static bool
check_elements(const VsScenario *scenario, GError **error)
{
    for (guint i = 0; i < scenario->elements->len; i++) {
        const VsElement *element = scenario->elements->pdata[i];

        if (element->model->check &&
            !element->model->check(element->config, element, error)) {
            return false;
        }
    }
    return true;
}

/* What tells members of a template from single elements while reading. */
static void
forget_origins(VsScenario *scenario)
{
    for (guint i = 0; i < scenario->id_groups->len; i++) {
        ((VsIdGroup *)scenario->id_groups->pdata[i])->origin = NULL;
    }
}

static VsScenario *
read_scenario(const VsXmlTree *tree, const VsRegistry *registry,
              const char *const *overrides, GError **error)
{
    const VsXmlNode *root = vs_xml_tree_root(tree);
    g_autoptr(VsScenario) scenario = new_scenario(root, registry);
    g_autoptr(GArray) pending = g_array_new(FALSE, FALSE, sizeof(VsPendingRef));
    g_autoptr(VsSettings) settings = NULL;

    if (!check_root_attributes(root, error)) {
        return NULL;
    }
    settings = vs_settings_new(root, overrides, error);
    if (!settings || !vs_structure_check(scenario, root, error) ||
        !read_root(scenario, root, settings, error) ||
        !vs_expand(scenario, root, settings, pending, error) ||
        !vs_references_resolve(scenario, pending, error) ||
        !vs_settings_check_used(settings, error) || !check_elements(scenario, error)) {
        return NULL;
    }
    vs_settings_list(settings, scenario->strings, scenario->settings);
    vs_scenario_compute_hash(scenario);
    forget_origins(scenario);
    return g_steal_pointer(&scenario);
}

VsScenario *
vs_scenario_load(const char *path, const VsRegistry *registry,
                 const char *const *settings, GError **error)
{
    g_autoptr(VsXmlTree) tree = vs_xml_tree_load(path, error);

    return tree ? read_scenario(tree, registry, settings, error) : NULL;
}

VsScenario *
vs_scenario_parse(const char *text, size_t length, const char *name,
                  const VsRegistry *registry, const char *const *settings,
                  GError **error)
{
    g_autoptr(VsXmlTree) tree = vs_xml_tree_parse(text, length, name, error);

    return tree ? read_scenario(tree, registry, settings, error) : NULL;
}

/* Asking. -------------------------------------------------------------------------- */

const char *
vs_scenario_name(const VsScenario *scenario)
{
    return scenario->name;
}

const char *
vs_scenario_file(const VsScenario *scenario)
{
    return scenario->file;
}

uint64_t
vs_scenario_seed(const VsScenario *scenario)
{
    return scenario->seed;
}

VsTime
vs_scenario_until(const VsScenario *scenario)
{
    return scenario->until;
}

const VsRegistry *
vs_scenario_registry(const VsScenario *scenario)
{
    return scenario->registry;
}

const char *
vs_scenario_hash(const VsScenario *scenario)
{
    return scenario->hash;
}

unsigned
vs_scenario_n_elements(const VsScenario *scenario)
{
    return scenario->elements->len;
}

const VsElement *
vs_scenario_element(const VsScenario *scenario, unsigned index)
{
    g_assert(index < scenario->elements->len);
    return scenario->elements->pdata[index];
}

const VsElement *
vs_scenario_find(const VsScenario *scenario, const char *id)
{
    const VsIdGroup *group = vs_references_find(scenario, id, NULL);

    return group && !group->is_template ? group->elements[0] : NULL;
}

const VsElement *const *
vs_scenario_find_all(const VsScenario *scenario, const char *id, unsigned *ret_n)
{
    const VsIdGroup *group = vs_references_find(scenario, id, NULL);

    *ret_n = group ? group->n_elements : 0;
    return group ? group->elements : NULL;
}

unsigned
vs_scenario_n_settings(const VsScenario *scenario)
{
    return scenario->settings->len;
}

const VsSetting *
vs_scenario_setting(const VsScenario *scenario, unsigned index)
{
    g_assert(index < scenario->settings->len);
    return &g_array_index(scenario->settings, VsSetting, index);
}

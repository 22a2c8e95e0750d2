#include <string.h>

#include "scenario/private.h"

/* Where <param> may stand is the reader's own rule. */
static bool
is_param(const VsXmlNode *node)
{
    return strcmp(node->name, "param") == 0;
}

/* "<scenario>, <node>": the parents of 'model'. */
static char *
list_parents(const VsModel *model)
{
    g_auto(GStrv) words = g_strsplit(model->parents, " ", -1);
    g_autofree char *joined = g_strjoinv(">, <", words);

    return g_strdup_printf("<%s>", joined);
}

/* Says of an element that no model has what may stand in its place. */
static void
set_unknown_element(GError **error, const VsRegistry *registry, const VsXmlNode *node,
                    const char *parent)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *what = g_strdup_printf("<%s> may hold", parent);
    g_autofree char *hint = NULL;

    for (const VsModel *const *model = registry->models; *model; model++) {
        if (vs_model_fits(*model, parent)) {
            g_ptr_array_add(names, (char *)(*model)->element);
        }
    }
    if (strcmp(parent, "scenario") == 0) {
        g_ptr_array_add(names, (char *)"param");
    }
    g_ptr_array_add(names, NULL);
    hint = names->len > 1 ? vs_suggestion(node->name, (const char *const *)names->pdata,
                                          "<", ">", what)
                          : g_strdup_printf("; <%s> holds no elements", parent);
    vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_ELEMENT,
                         "unknown element <%s>%s", node->name, hint);
}

static const VsModel *
check_place(const VsRegistry *registry, const VsXmlNode *node, const char *parent,
            GError **error)
{
    const VsModel *model = vs_registry_find(registry, node->name);
    g_autofree char *parents = NULL;

    if (model && vs_model_fits(model, parent)) {
        return model;
    }
    if (!model && !is_param(node)) {
        set_unknown_element(error, registry, node, parent);
        return NULL;
    }
    parents = model ? list_parents(model) : g_strdup("<scenario>");
    vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_ELEMENT,
                         "<%s> cannot stand in <%s>, only in %s", node->name, parent,
                         parents);
    return NULL;
}

/* Refuses a second <x> in one parent where one is all.  Costs one walk over the siblings
 * for each such model. */
static bool
check_single(const VsModel *model, const VsXmlNode *node, const VsXmlNode *parent,
             GError **error)
{
    for (const VsXmlNode *other = parent->first_child; other != node;
         other = other->next) {
        if (strcmp(other->name, node->name) == 0) {
            vs_set_error_at_line(
                error, node->file, node->line, VS_SCENARIO_ERROR_CONFLICT,
                "a second <%s>: <%s> takes one, and has it at %s:%d", model->element,
                parent->name, other->file, other->line);
            return false;
        }
    }
    return true;
}

/* Attributes. ---------------------------------------------------------------------- */

static void
set_unknown_attribute(GError **error, const VsModel *model, const VsXmlNode *node,
                      const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *hint = NULL;

    if (strcmp(name, "id") == 0 || strcmp(name, "count") == 0) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_ATTRIBUTE,
                             "<%s> takes no %s=\"\"%s", node->name, name,
                             *name == 'c' ? ": it cannot be multiplied" : "");
        return;
    }
    if (model->id_rule != VS_ID_NONE) {
        g_ptr_array_add(names, (char *)"id");
    }
    for (const VsParam *param = model->params; param && param->name; param++) {
        g_ptr_array_add(names, (char *)param->name);
    }
    if (model->is_template) {
        g_ptr_array_add(names, (char *)"count");
    }
    g_ptr_array_add(names, NULL);
    hint =
        vs_suggestion(name, (const char *const *)names->pdata, "\"", "\"", "it takes");
    vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_ATTRIBUTE,
                         "<%s> has no attribute \"%s\"%s", node->name, name, hint);
}

static bool
check_attributes(const VsModel *model, const VsXmlNode *node, GError **error)
{
    for (unsigned i = 0; i < node->n_attributes; i++) {
        const char *name = node->attributes[i].name;

        if (!vs_params_find(model->params, name) &&
            !(strcmp(name, "id") == 0 && model->id_rule != VS_ID_NONE) &&
            !(strcmp(name, "count") == 0 && model->is_template)) {
            set_unknown_attribute(error, model, node, name);
            return false;
        }
    }
    if (model->id_rule == VS_ID_REQUIRED && !vs_xml_node_attribute(node, "id")) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_ATTRIBUTE,
                             "<%s> lacks its id: write <%s id=\"NAME\" ...>",
                             node->name, node->name);
        return false;
    }
    for (const VsParam *param = model->params; param && param->name; param++) {
        if (param->is_required && !vs_xml_node_attribute(node, param->name)) {
            const char *example = param->choices
                                      ? param->choices[0]
                                      : vs_param_syntax(param->type)->example;

            vs_set_error_at_line(
                error, node->file, node->line, VS_SCENARIO_ERROR_ATTRIBUTE,
                "<%s> lacks its attribute \"%s\", such as %s=\"%s\": %s", node->name,
                param->name, param->name, example, param->doc);
            return false;
        }
    }
    return true;
}

/* The tree. ------------------------------------------------------------------------ */

static bool
check_node(const VsRegistry *registry, const VsXmlNode *node, const VsXmlNode *parent,
           GError **error)
{
    const VsModel *model;

    if (is_param(node) && strcmp(parent->name, "scenario") == 0) {
        return true; /* The settings have seen to it. */
    }
    model = check_place(registry, node, parent->name, error);
    if (!model || (model->is_single && !check_single(model, node, parent, error)) ||
        !check_attributes(model, node, error)) {
        return false;
    }
    for (const VsXmlNode *child = node->first_child; child; child = child->next) {
        if (!check_node(registry, child, node, error)) {
            return false;
        }
    }
    return true;
}

bool
vs_structure_check(const VsScenario *scenario, const VsXmlNode *root, GError **error)
{
    for (const VsXmlNode *child = root->first_child; child; child = child->next) {
        if (!check_node(scenario->registry, child, root, error)) {
            return false;
        }
    }
    return true;
}

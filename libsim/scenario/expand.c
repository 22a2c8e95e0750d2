#include <string.h>

#include "base/units.h"
#include "scenario/private.h"

/* Members of one template, and elements of one scenario: a typing error must not take all
 * the memory there is. */
#define COUNT_MAX 100000
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define ELEMENTS_MAX 5000
#else
#define ELEMENTS_MAX 4000000
#endif

typedef struct Expansion {
    VsScenario *scenario;
    VsSettings *settings;
    GArray *pending;
} Expansion;

/* The templates around an element. */
typedef struct Scope {
    const struct Scope *outer; /* NULL outside of templates. */
    const char *suffix;        /* "-2-1": what the members' ids end in. */
    unsigned index;            /* Of the innermost, from 1. */
    unsigned member;           /* Of all members there are, from 0. */
    unsigned n_members;
} Scope;

static const Scope no_scope = {.suffix = "", .n_members = 1};

/* The value of an attribute after ${name} is replaced; NULL if it is not there (and 'error'
 * unset) or cannot be. */
static const char *
expand_attribute(Expansion *expansion, const VsXmlNode *node, const char *name,
                 unsigned index, char **ret_owned, GError **error)
{
    const char *text = vs_xml_node_attribute(node, name);

    *ret_owned = NULL;
    return text ? vs_settings_expand(expansion->settings, node, name, text, index,
                                     ret_owned, error)
                : NULL;
}

/* Ids. ----------------------------------------------------------------------------- */

/* The id before suffixes: as written, or made from the element's name and place with a
 * colon that no written id has.  NULL if there is none, or with 'error' set. */
static const char *
base_id(Expansion *expansion, const VsModel *model, const VsXmlNode *node,
        unsigned index, char **ret_owned, GError **error)
{
    const char *id;

    *ret_owned = NULL;
    if (model->id_rule == VS_ID_NONE) {
        return NULL;
    }
    if (!vs_xml_node_attribute(node, "id")) {
        *ret_owned = g_strdup_printf("%s:%u", model->element, node->ordinal);
        return *ret_owned;
    }
    id = expand_attribute(expansion, node, "id", index, ret_owned, error);
    if (id && !vs_is_id(id)) {
        vs_set_error_at_line(
            error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
            "id=\"%s\" is not an id: write letters, digits, \"-\", \"_\" and "
            "\".\", a letter or digit first",
            id);
        return NULL;
    }
    return id;
}

/* Enters the element under its id and under those of the groups it is a member of: in the
 * scope "-2-1" as "a-2-1" itself, and as a member of "a-2" and "a".  An id that its
 * siblings alone must not have stays as it is written. */
static bool
enter_ids(Expansion *expansion, VsElement *element, const VsXmlNode *node,
          const char *id, const Scope *scope, GError **error)
{
    VsScenario *scenario = expansion->scenario;
    bool is_member = scope != &no_scope;

    if (element->model->id_scope == VS_ID_SCOPE_PARENT) {
        element->id = g_string_chunk_insert_const(scenario->strings, id);
        return vs_references_add(scenario, element->id, element, node, false, error);
    }
    for (; scope; scope = scope->outer) {
        g_autofree char *name = g_strconcat(id, scope->suffix, NULL);
        bool is_group = is_member && element->id;

        if (!element->id) {
            element->id = g_string_chunk_insert(scenario->strings, name);
        }
        if (!vs_references_add(scenario, is_group ? name : element->id, element, node,
                               is_group, error)) {
            return false;
        }
    }
    return true;
}

/* Values. -------------------------------------------------------------------------- */

/* Passes 'cause' on with its place, and with name="${as written}" where that differs from
 * what the message shows. */
static void
propagate_at(GError **error, GError *cause, const VsXmlNode *node, const char *name,
             const char *written, bool is_replaced)
{
    if (is_replaced) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
                             "%s (from %s=\"%s\")", cause->message, name, written);
    } else {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
                             "%s", cause->message);
    }
    g_error_free(cause);
}

static bool
fill_param(Expansion *expansion, VsElement *element, const VsXmlNode *node,
           const VsParam *param, const char *written, const Scope *scope,
           GError **error)
{
    VsScenario *scenario = expansion->scenario;
    g_autofree char *owned = NULL;
    const char *text = vs_settings_expand(expansion->settings, node, param->name,
                                          written, scope->index, &owned, error);
    GError *cause = NULL;

    if (!text) {
        return false;
    }
    if (param->type == VS_PARAM_TYPE_REF || param->type == VS_PARAM_TYPE_REFS) {
        VsPendingRef ref = {element, param,
                            g_string_chunk_insert_const(scenario->strings, text)};

        g_array_append_val(expansion->pending, ref);
        return true;
    }
    if (!vs_param_parse(param, text, element->config, scenario->strings, &cause)) {
        propagate_at(error, cause, node, param->name, written, owned);
        return false;
    }
    return true;
}

static bool
fill_config(Expansion *expansion, VsElement *element, const VsXmlNode *node,
            const Scope *scope, GError **error)
{
    const VsModel *model = element->model;
    const VsParam *params = model->params;
    GStringChunk *strings = expansion->scenario->strings;
    VsParamSet set;

    for (unsigned i = 0; params && params[i].name; i++) {
        const char *written = vs_xml_node_attribute(node, params[i].name);

        if (written) {
            if (!fill_param(expansion, element, node, &params[i], written, scope,
                            error)) {
                return false;
            }
            vs_param_set_add(&element->given, i);
        }
    }
    set = element->given;
    vs_profile_set(model->profiles, params, &set, element->config, strings);
    vs_params_set_defaults(params, &set, element->config, strings);
    return true;
}

/* Elements. ------------------------------------------------------------------------ */

static bool expand_children(Expansion *expansion, const VsXmlNode *node,
                            VsElement *element, const Scope *scope, GError **error);

static VsElement *
new_element(Expansion *expansion, const VsModel *model, const VsXmlNode *node,
            const VsElement *parent, const Scope *scope, GError **error)
{
    VsScenario *scenario = expansion->scenario;
    VsElement *element;

    if (scenario->elements->len >= ELEMENTS_MAX) {
        vs_set_error_at_line(
            error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
            "the scenario has more than %d elements, members of templates "
            "included",
            ELEMENTS_MAX);
        return NULL;
    }
    element = vs_arena_alloc(scenario->arena, sizeof(VsElement));
    element->model = model;
    element->file = g_string_chunk_insert_const(scenario->strings, node->file);
    element->line = node->line;
    element->index = scenario->elements->len;
    element->member = scope->member;
    element->n_members = scope->n_members;
    element->parent = parent;
    element->config = vs_arena_alloc(scenario->arena, model->config_size);
    g_ptr_array_add(scenario->elements, element);
    return element;
}

/* One element and what it holds. */
static bool
expand_member(Expansion *expansion, const VsModel *model, const VsXmlNode *node,
              const VsElement *parent, const Scope *scope, GPtrArray *siblings,
              GError **error)
{
    VsElement *element = new_element(expansion, model, node, parent, scope, error);
    g_autofree char *owned = NULL;
    GError *cause = NULL;
    const char *id;

    if (!element) {
        return false;
    }
    id = base_id(expansion, model, node, scope->index, &owned, &cause);
    if (cause) {
        g_propagate_error(error, cause);
        return false;
    }
    if (id && !enter_ids(expansion, element, node, id, scope, error)) {
        return false;
    }
    g_ptr_array_add(siblings, element);
    return fill_config(expansion, element, node, scope, error) &&
           expand_children(expansion, node, element, scope, error);
}

/* The number of members in the whole scenario, from count and what is around. */
static bool
parse_count(Expansion *expansion, const VsXmlNode *node, const Scope *scope,
            unsigned *ret_count, GError **error)
{
    static const VsParam param = {.name = "count",
                                  .type = VS_PARAM_TYPE_UINT,
                                  .min = "1",
                                  .max = G_STRINGIFY(COUNT_MAX)};
    const char *written = vs_xml_node_attribute(node, "count");
    g_autofree char *owned = NULL;
    const char *text = vs_settings_expand(expansion->settings, node, "count", written,
                                          0, &owned, error);
    GError *cause = NULL;
    uint32_t count;

    if (!text) {
        return false;
    }
    if (!vs_param_parse(&param, text, &count, NULL, &cause)) {
        propagate_at(error, cause, node, "count", written, owned);
        return false;
    }
    if ((uint64_t)count * scope->n_members > ELEMENTS_MAX) {
        vs_set_error_at_line(error, node->file, node->line, VS_SCENARIO_ERROR_VALUE,
                             "count=\"%u\" makes more than %d elements of <%s>", count,
                             ELEMENTS_MAX, node->name);
        return false;
    }
    *ret_count = count;
    return true;
}

static bool
expand_node(Expansion *expansion, const VsXmlNode *node, const VsElement *parent,
            const Scope *scope, GPtrArray *siblings, GError **error)
{
    const VsModel *model = vs_registry_find(expansion->scenario->registry, node->name);
    unsigned count;

    if (!vs_xml_node_attribute(node, "count")) {
        return expand_member(expansion, model, node, parent, scope, siblings, error);
    }
    if (!parse_count(expansion, node, scope, &count, error)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *suffix = g_strdup_printf("%s-%u", scope->suffix, i + 1);
        Scope inner = {.outer = scope,
                       .suffix = suffix,
                       .index = i + 1,
                       .member = scope->member * count + i,
                       .n_members = scope->n_members * count};

        if (!expand_member(expansion, model, node, parent, &inner, siblings, error)) {
            return false;
        }
    }
    return true;
}

static bool
expand_children(Expansion *expansion, const VsXmlNode *node, VsElement *element,
                const Scope *scope, GError **error)
{
    g_autoptr(GPtrArray) siblings = NULL;
    size_t size;

    if (!node->first_child) {
        return true;
    }
    siblings = g_ptr_array_new();
    for (const VsXmlNode *child = node->first_child; child; child = child->next) {
        if (strcmp(child->name, "param") != 0 &&
            !expand_node(expansion, child, element, scope, siblings, error)) {
            return false;
        }
    }
    if (element && siblings->len > 0) {
        size = siblings->len * sizeof(VsElement *);
        element->n_children = siblings->len;
        element->children = vs_arena_alloc(expansion->scenario->arena, size);
        memcpy(element->children, siblings->pdata, size);
    }
    return true;
}

bool
vs_expand(VsScenario *scenario, const VsXmlNode *root, VsSettings *settings,
          GArray *pending, GError **error)
{
    Expansion expansion = {scenario, settings, pending};

    return expand_children(&expansion, root, NULL, &no_scope, error);
}

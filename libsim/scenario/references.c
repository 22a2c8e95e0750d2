#include <string.h>

#include "model/value.h"
#include "scenario/private.h"

#define BLANKS " \t\r\n"

/* Elements in all lists of several ids. */
#define JOINED_MAX 50000000

typedef struct Resolution {
    VsScenario *scenario;
    const VsPendingRef *last; /* The last list of several ids. */
    uint64_t n_joined;
} Resolution;

/* Ids. ----------------------------------------------------------------------------- */

static bool
is_allowed(const VsParam *param, const VsElement *element)
{
    return !param->to || vs_word_list_has(param->to, element->model->element);
}

/* The id as the table has it: with its scope before it, behind a slash that no id has. */
static char *
scoped_id(const VsModel *model, const VsElement *parent, const char *id)
{
    switch (model->id_scope) {
    case VS_ID_SCOPE_KIND:
        return g_strdup_printf("%s/%s", model->element, id);
    case VS_ID_SCOPE_PARENT:
        return g_strdup_printf("%u/%s", parent ? parent->index : 0, id);
    case VS_ID_SCOPE_SCENARIO:
    default:
        return g_strdup(id);
    }
}

static VsIdGroup *
new_group(VsScenario *scenario, const char *id, const char *key, const VsXmlNode *node,
          bool is_template)
{
    VsIdGroup *group = vs_arena_alloc(scenario->arena, sizeof(VsIdGroup));

    group->id = is_template ? g_string_chunk_insert(scenario->strings, id) : id;
    group->key = g_string_chunk_insert(scenario->strings, key);
    group->origin = node;
    group->is_template = is_template;
    g_hash_table_insert(scenario->ids, (char *)group->key, group);
    g_ptr_array_add(scenario->id_groups, group);
    return group;
}

bool
vs_references_add(VsScenario *scenario, const char *id, const VsElement *element,
                  const VsXmlNode *node, bool is_template, GError **error)
{
    g_autofree char *key = scoped_id(element->model, element->parent, id);
    VsIdGroup *group = g_hash_table_lookup(scenario->ids, key);

    if (group && !(is_template && group->is_template && group->origin == node)) {
        const VsElement *first = group->elements[0];

        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "the id \"%s\" is taken by the %s at %s:%d", id,
                        first->model->element, first->file, first->line);
        return false;
    }
    if (!group) {
        group = new_group(scenario, id, key, node, is_template);
    }
    /* Doubling leaves the old arrays in the arena: at most as much again. */
    if (group->n_elements == group->n_allocated) {
        unsigned n = is_template ? MAX(4, 2 * group->n_allocated) : 1;
        const VsElement **elements =
            vs_arena_alloc(scenario->arena, n * sizeof(*elements));

        if (group->n_elements) {
            memcpy(elements, group->elements, group->n_elements * sizeof(*elements));
        }
        group->elements = elements;
        group->n_allocated = n;
    }
    group->elements[group->n_elements++] = element;
    return true;
}

const VsIdGroup *
vs_references_find(const VsScenario *scenario, const char *id, const VsParam *param)
{
    const VsModel *const *models = scenario->registry->models;
    const VsIdGroup *other = NULL;

    /* Ids that were made for elements without one have a colon and are not for naming. */
    if (strchr(id, ':')) {
        return NULL;
    }
    for (; *models; models++) {
        g_autofree char *key = NULL;
        const VsIdGroup *group;

        if ((*models)->id_scope == VS_ID_SCOPE_PARENT) {
            continue;
        }
        key = scoped_id(*models, NULL, id);
        group = g_hash_table_lookup(scenario->ids, key);
        if (group && (!param || is_allowed(param, group->elements[0]))) {
            return group;
        }
        other = other ? other : group;
    }
    return other;
}

/* References. ---------------------------------------------------------------------- */

/* "client, lb or node" of "client lb node". */
static char *
list_kinds(const char *to)
{
    g_auto(GStrv) words = g_strsplit(to, " ", -1);
    GString *text = g_string_new(words[0]);

    for (unsigned i = 1; words[0] && words[i]; i++) {
        g_string_append_printf(text, "%s%s", words[i + 1] ? ", " : " or ", words[i]);
    }
    return g_string_free(text, FALSE);
}

static void
set_dangling(const VsScenario *scenario, const VsPendingRef *ref, const char *id,
             GError **error)
{
    g_autoptr(GPtrArray) candidates = g_ptr_array_new();
    g_autofree char *hint = NULL;

    for (guint i = 0; i < scenario->id_groups->len; i++) {
        const VsIdGroup *group = scenario->id_groups->pdata[i];

        if (is_allowed(ref->param, group->elements[0]) && !strchr(group->id, ':')) {
            g_ptr_array_add(candidates, (char *)group->id);
        }
    }
    g_ptr_array_add(candidates, NULL);
    if (candidates->len > 1) {
        hint = vs_suggestion(id, (const char *const *)candidates->pdata, "\"", "\"",
                             "it may name");
    } else if (ref->param->to) {
        g_autofree char *kinds = list_kinds(ref->param->to);

        hint = g_strdup_printf("; it must name %s, and there is none", kinds);
    }
    vs_set_error_at(error, ref->element, VS_SCENARIO_ERROR_REFERENCE,
                    "%s=\"%s\" names nothing%s", ref->param->name, id,
                    hint ? hint : "");
}

/* The group that 'id' names and that the parameter may name, or NULL. */
static const VsIdGroup *
find_group(const VsScenario *scenario, const VsPendingRef *ref, const char *id,
           GError **error)
{
    const VsIdGroup *group = vs_references_find(scenario, id, ref->param);
    const VsElement *first;
    g_autofree char *kinds = NULL;

    if (!group) {
        set_dangling(scenario, ref, id, error);
        return NULL;
    }
    first = group->elements[0];
    if (!is_allowed(ref->param, first)) {
        kinds = list_kinds(ref->param->to);
        vs_set_error_at(error, ref->element, VS_SCENARIO_ERROR_REFERENCE,
                        "%s=\"%s\" names the %s at %s:%d; it must name %s",
                        ref->param->name, id, first->model->element, first->file,
                        first->line, kinds);
        return NULL;
    }
    return group;
}

/* Member for member: the k-th of a template names the k-th of another of the same count. */
static bool
resolve_ref(const VsScenario *scenario, const VsPendingRef *ref, GError **error)
{
    enum { SHOWN = 3 };
    const VsElement *element = ref->element;
    g_autofree char *id = g_strstrip(g_strdup(ref->text));
    const VsIdGroup *group = find_group(scenario, ref, id, error);
    g_autoptr(GString) members = NULL;

    if (!group) {
        return false;
    }
    if (!group->is_template || group->n_elements == element->n_members) {
        unsigned member = group->is_template ? element->member : 0;

        *(const VsElement **)G_STRUCT_MEMBER_P(element->config, ref->param->offset) =
            group->elements[member];
        return true;
    }

    members = g_string_new(NULL);
    for (unsigned i = 0; i < MIN(group->n_elements, SHOWN); i++) {
        g_string_append_printf(members, "%s%s", i ? ", " : "", group->elements[i]->id);
    }
    if (group->n_elements > SHOWN) {
        g_string_append_printf(members, ", ... %s",
                               group->elements[group->n_elements - 1]->id);
    }
    vs_set_error_at(
        error, element, VS_SCENARIO_ERROR_REFERENCE,
        "%s=\"%s\" names %u elements: write one of %s; or count=\"%u\", for each "
        "to name its own",
        ref->param->name, id, group->n_elements, members->str, group->n_elements);
    return false;
}

static bool
check_repeated(const VsPendingRef *ref, const GPtrArray *all, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < all->len; i++) {
        const VsElement *target = all->pdata[i];

        if (!g_hash_table_add(seen, all->pdata[i])) {
            vs_set_error_at(error, ref->element, VS_SCENARIO_ERROR_CONFLICT,
                            "%s=\"%s\" names \"%s\" twice", ref->param->name, ref->text,
                            target->id);
            return false;
        }
    }
    return true;
}

/* The elements of several ids, one after another. */
static bool
join_groups(Resolution *resolution, const VsPendingRef *ref, char *const *ids,
            VsRefs *ret, GError **error)
{
    VsScenario *scenario = resolution->scenario;
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (; *ids; ids++) {
        const VsIdGroup *group = find_group(scenario, ref, *ids, error);

        if (!group) {
            return false;
        }
        for (unsigned i = 0; i < group->n_elements; i++) {
            g_ptr_array_add(all, (VsElement *)group->elements[i]);
        }
    }
    resolution->n_joined += all->len;
    if (resolution->n_joined > JOINED_MAX) {
        vs_set_error_at(
            error, ref->element, VS_SCENARIO_ERROR_VALUE,
            "the lists of ids in the scenario name more than %d elements: name "
            "one group where many elements name the same",
            JOINED_MAX);
        return false;
    }
    ret->n_elements = all->len;
    ret->elements = vs_arena_alloc(scenario->arena, all->len * sizeof(VsElement *));
    memcpy(ret->elements, all->pdata, all->len * sizeof(VsElement *));
    return check_repeated(ref, all, error);
}

/* One id, the usual case, shares the group's array, so that many elements can each name a
 * large group; members of a template share the list they have in common. */
static bool
resolve_refs(Resolution *resolution, const VsPendingRef *ref, GError **error)
{
    VsRefs *refs = G_STRUCT_MEMBER_P(ref->element->config, ref->param->offset);
    const VsPendingRef *last = resolution->last;
    g_auto(GStrv) words = NULL;
    g_autoptr(GPtrArray) ids = NULL;
    const VsIdGroup *group;

    if (last && last->text == ref->text && last->param == ref->param) {
        *refs = *(VsRefs *)G_STRUCT_MEMBER_P(last->element->config, ref->param->offset);
        return true;
    }
    words = g_strsplit_set(ref->text, BLANKS, -1);
    ids = g_ptr_array_new();
    for (char **word = words; *word; word++) {
        if (**word) {
            g_ptr_array_add(ids, *word);
        }
    }
    if (ids->len == 0) {
        vs_set_error_at(error, ref->element, VS_SCENARIO_ERROR_VALUE,
                        "%s=\"\" names nothing: write ids, or leave it out",
                        ref->param->name);
        return false;
    }
    if (ids->len > 1) {
        resolution->last = ref;
        g_ptr_array_add(ids, NULL);
        return join_groups(resolution, ref, (char *const *)ids->pdata, refs, error);
    }
    group = find_group(resolution->scenario, ref, ids->pdata[0], error);
    if (!group) {
        return false;
    }
    *refs = (VsRefs){group->n_elements, group->elements};
    return true;
}

bool
vs_references_resolve(VsScenario *scenario, const GArray *pending, GError **error)
{
    Resolution resolution = {.scenario = scenario};

    for (guint i = 0; i < pending->len; i++) {
        const VsPendingRef *ref = &g_array_index(pending, VsPendingRef, i);
        bool is_one = ref->param->type == VS_PARAM_TYPE_REF;

        if (!(is_one ? resolve_ref(scenario, ref, error)
                     : resolve_refs(&resolution, ref, error))) {
            return false;
        }
    }
    return true;
}

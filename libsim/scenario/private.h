/* What the files of this folder share: the scenario from inside, and the stages that fill
 * it.  In their order: reader_xml makes a tree of the file, structure compares it with
 * the models, settings replaces ${name} in it, expand makes elements of its nodes,
 * references connects them. */
#pragma once

#include "model/model.h"
#include "scenario/arena.h"
#include "scenario/reader_xml.h"
#include "scenario/scenario.h"

/* The elements that an id stands for: one, or the members of a template. */
typedef struct VsIdGroup {
    const char *id;
    const char *key;         /* In the table of ids. */
    const VsXmlNode *origin; /* While reading: the node that made it. */
    bool is_template;        /* Of members, even if there is but one. */
    unsigned n_elements;
    unsigned n_allocated;
    const VsElement **elements; /* In document order. */
} VsIdGroup;

struct VsScenario {
    const VsRegistry *registry;
    const char *file;
    const char *name;
    uint64_t seed;
    VsTime until;
    char hash[65];
    GStringChunk *strings;
    VsArena *arena;
    GPtrArray *elements;  /* VsElement, in document order. */
    GPtrArray *id_groups; /* VsIdGroup, in the order they came up. */
    GHashTable *ids;      /* Id, with its scope before it, to VsIdGroup. */
    GArray *settings;     /* VsSetting. */
};

/* Words. --------------------------------------------------------------------------- */

/* Ids are of letters, digits, "-", "_" and "." and start with a letter or digit; names of
 * parameters too. */
bool vs_is_id(const char *text);

/* "; did you mean NAME?", "; WHAT: a, b, c", or "" if there are no candidates.  Newly
 * allocated. */
char *vs_suggestion(const char *word, const char *const *candidates, const char *before,
                    const char *after, const char *what);

/* Settings: <param> and what --set makes of it. ------------------------------------ */

typedef struct VsSettings VsSettings;

/* Collects the <param> children of 'root' and applies 'overrides' ("name=value",
 * NULL-terminated, or NULL). */
VsSettings *vs_settings_new(const VsXmlNode *root, const char *const *overrides,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vs_settings_free(VsSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsSettings, vs_settings_free)

/* Replaces ${name} in the attribute 'name' of 'node'.  'index' is what ${index} gives, 0
 * outside templates.  The result is 'text' itself, or newly allocated and '*ret_owned'. */
const char *vs_settings_expand(VsSettings *settings, const VsXmlNode *node,
                               const char *name, const char *text, unsigned index,
                               char **ret_owned,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* False when a parameter is used by nothing. */
bool vs_settings_check_used(const VsSettings *settings,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Appends the values in force as VsSetting, their text in 'strings'. */
void vs_settings_list(const VsSettings *settings, GStringChunk *strings, GArray *ret);

/* Elements. ------------------------------------------------------------------------ */

/* A reference as the file has it, to be resolved once all ids are known. */
typedef struct VsPendingRef {
    VsElement *element;
    const VsParam *param;
    const char *text;
} VsPendingRef;

/* Checks the elements below 'root' against the models: names, places, attributes. */
bool vs_structure_check(const VsScenario *scenario, const VsXmlNode *root,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the elements of the checked tree, templates unfolded, and fills their
 * configurations, all but references: those are appended to 'pending'. */
bool vs_expand(VsScenario *scenario, const VsXmlNode *root, VsSettings *settings,
               GArray *pending, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Connects the references. */
bool vs_references_resolve(VsScenario *scenario, const GArray *pending,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The group of 'id' that 'param' may name; else one that it may not name, or NULL. 'param'
 * may be NULL: any. */
const VsIdGroup *vs_references_find(const VsScenario *scenario, const char *id,
                                    const VsParam *param);

/* Enters 'element', made of 'node', under its id; or, with 'is_template', under the id of a
 * group it is a member of. */
bool vs_references_add(VsScenario *scenario, const char *id, const VsElement *element,
                       const VsXmlNode *node, bool is_template,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets scenario->hash. */
void vs_scenario_compute_hash(VsScenario *scenario);

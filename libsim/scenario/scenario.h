/* A scenario: what the file says, checked against the models; an immutable tree.
 *
 * Top level attributes (version, seed, until, name) and <param> belong to the scenario
 * itself; every other element is an instance of a model of the registry. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "engine/time.h"
#include "model/element.h"
#include "model/registry.h"

typedef struct VsScenario VsScenario;

/* A parameter of the scenario (<param name= default=>) with the value in force. */
typedef struct VsSetting {
    const char *name;
    const char *value;
    bool is_set; /* By --set; otherwise it is the default. */
} VsSetting;

/* Reads the scenario in the XML file 'path' ("-": standard input) and checks it.
 *
 * 'settings' is a NULL-terminated array of "name=value" that override <param> defaults, or
 * NULL.  Returns a new scenario, to be freed with vs_scenario_free(), or NULL with 'error'
 * set in the domain VS_SCENARIO_ERROR; its message starts with "file:line: ". */
VsScenario *vs_scenario_load(const char *path, const VsRegistry *registry,
                             const char *const *settings,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from 'length' bytes of memory; 'name' stands for the file in messages. */
VsScenario *vs_scenario_parse(const char *text, size_t length, const char *name,
                              const VsRegistry *registry, const char *const *settings,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

void vs_scenario_free(VsScenario *scenario);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsScenario, vs_scenario_free)

const char *
vs_scenario_name(const VsScenario *scenario); /* Attribute name, or the file's. */
const char *vs_scenario_file(const VsScenario *scenario);
uint64_t vs_scenario_seed(const VsScenario *scenario);
VsTime vs_scenario_until(const VsScenario *scenario);
const VsRegistry *vs_scenario_registry(const VsScenario *scenario);

/* SHA-256 of the effective configuration (attribute values after substitution, without
 * comments or layout), as hex: the same for two files that mean the same. */
const char *vs_scenario_hash(const VsScenario *scenario);

/* All elements in document order (parents before children), templates unfolded. */
unsigned vs_scenario_n_elements(const VsScenario *scenario);
const VsElement *vs_scenario_element(const VsScenario *scenario, unsigned index);

/* The element with this id, or NULL; also for the id of a template, which is not that of
 * an element. */
const VsElement *vs_scenario_find(const VsScenario *scenario, const char *id);

/* All that 'id' stands for: the element, or the members of the template, in document
 * order.  NULL and 0 if there is none.  The array belongs to the scenario. */
const VsElement *const *vs_scenario_find_all(const VsScenario *scenario, const char *id,
                                             unsigned *ret_n);

unsigned vs_scenario_n_settings(const VsScenario *scenario);
const VsSetting *vs_scenario_setting(const VsScenario *scenario, unsigned index);

/* A scenario given as text, compiled and run; ways to ask it what came of it.
 *
 *     Model *model = model_new("<client id='c' .../> ...");
 *     model_run(model, 3 * VS_S);
 *     CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 3);
 *     model_free(model);                    checks conservation and Little's law
 *
 * A scenario that cannot be built ends the program: the text is the test's own. */
#pragma once

#include "scenario/scenario.h"
#include "scenario/simulation.h"
#include "vethsim-model.h"
#include "vs_test.h"

/* <costs id="free">: every step of the datapath takes no time, for %s. */
extern const char model_free_costs[];

typedef struct Model {
    VsScenario *scenario;
    VsSimulation *simulation;
    VsRun *run;
    const VsBuild *build;
} Model;

/* The elements of a scenario (without <scenario>); printf's format. */
Model *model_new(const char *format, ...) G_GNUC_PRINTF(1, 2);
Model *model_new_seeded(uint64_t seed, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* A file below scenarios/, with its own seed. */
Model *model_load(const char *file);

/* The same with settings of its <param>s: NULL-terminated, "name=value". */
Model *model_load_with(const char *file, const char *const *settings);

/* Runs to 'until', which may be far beyond an hour. */
void model_run(Model *model, VsTime until);
void model_free(Model *model);

/* Why such a scenario is refused, by the reader or when built; NULL: it is not. */
char *model_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Such a scenario is refused, and 'part' is in the reason; with NULL it is not refused. */
void model_check_error(const char *part, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Statistics, by the names that `vethsim models` tells. */
const void *model_stat(const Model *model, const char *id, const char *stat);
uint64_t model_counter(const Model *model, const char *id, const char *stat);
const VsHistogram *model_histogram(const Model *model, const char *id,
                                   const char *stat);
uint64_t model_share(const Model *model, const char *id, const char *stat,
                     const char *name);
uint64_t model_dropped(const Model *model, VsDrop drop);

/* Each of the 'n' that count= made of element 'id' has 'expected' in this counter. */
void model_check_each(const Model *model, const char *id, unsigned n, const char *stat,
                      uint64_t expected);

/* What is inside. */
VsHost *model_host(const Model *model, const char *id);
VsNode *model_node(const Model *model, const char *id);
VsPod *model_pod(const Model *model, const char *id);
VsService *model_service(const Model *model, const char *id);
VsWire *model_wire(const Model *model, const char *name);

/* Writes down every packet that passes a point of a namespace. */
typedef struct TapEntry {
    VsTime time;
    VsFlow flow;
    uint8_t ttl;
    uint8_t tcp_flags; /* 0: no TCP. */
    uint32_t payload_bytes;
    VsDns dns; /* Zeroed: no DNS message. */
} TapEntry;

typedef struct Tap {
    GArray *entries; /* Of TapEntry. */
    VsRun *run;
} Tap;

/* Last at the point, so after all translation; free with tap_free() after the model. */
Tap *tap_new(VsNetns *netns, VsHookPoint point);
void tap_free(Tap *tap);
const TapEntry *tap_get(const Tap *tap, unsigned index);

/* The n-th entry, from 0, with just these TCP flags; NULL if there are less. */
const TapEntry *tap_find(const Tap *tap, uint8_t tcp_flags, unsigned n);
unsigned tap_count(const Tap *tap, uint8_t tcp_flags);

/* Pulls the plug: what 'host' sends or is sent is dropped from now on. */
void model_unplug(const Model *model, const char *id);
void model_unplug_netns(VsNetns *netns);

/* The probability of counts as uneven as these, or more, when all are equally likely. */
double model_uniform_p(const uint64_t *counts, unsigned n_counts);

/* Models: how a kind of thing describes itself.
 *
 * A model is a const struct: its XML element, parameters, statistics and functions.  The
 * registry lists them in the order of the packet's path (models/models.def).
 *
 * Life of an instance.  The run is compiled from the scenario in sweeps over its elements,
 * each in document order:
 *   create   makes hosts
 *   connect  joins them: links lay wires, pods get namespaces on their nodes
 *   (then interfaces of links get addresses, and hosts their routes)
 *   declare  tells the cluster what there is: ports of pods, services
 *   (then services get their endpoints)
 *   open     resolves what the configuration refers to, opens sockets, arms timers
 *   ...      the run
 *   close    frees what create and open allocated
 * 'self' is zeroed memory of 'size' bytes; a model with size 0 is pure configuration. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/element.h"
#include "model/param.h"
#include "model/profile.h"

typedef struct VsBuild VsBuild;

/* Statistics: the table that says which members of an instance are reported. */
typedef enum VsStatKind {
    VS_STAT_COUNTER,   /* uint64_t */
    VS_STAT_HISTOGRAM, /* VsHistogram of ps */
    VS_STAT_QUEUE,     /* VsQueueStat */
    VS_STAT_BUSY,      /* VsTime of busy time: reported as a share of the run */
    VS_STAT_TIME,      /* VsTime, added up: reported among the counters */
    VS_STAT_SHARES,    /* VsShares: how often each of several was chosen */
    VS_STAT_STAGES,    /* VsStageTotals: where the time of requests went */
} VsStatKind;

typedef struct VsStat {
    const char *name; /* kebab-case; NULL ends the table. */
    VsStatKind kind;
    size_t offset;
    const char *unit;
    const char *doc;
} VsStat;

#define VS_STAT_ROW(Self, member, ctype, kind_, name_, unit_, doc_)                   \
    {                                                                                 \
        .name = name_, .kind = kind_, .offset = VS_PARAM_OFFSET(Self, member, ctype), \
        .unit = unit_, .doc = doc_                                                    \
    }
#define VS_COUNTER(Self, member, name, unit, doc) \
    VS_STAT_ROW(Self, member, uint64_t, VS_STAT_COUNTER, name, unit, doc)
#define VS_HISTOGRAM(Self, member, name, unit, doc) \
    VS_STAT_ROW(Self, member, VsHistogram, VS_STAT_HISTOGRAM, name, unit, doc)
#define VS_QUEUE(Self, member, name, unit, doc) \
    VS_STAT_ROW(Self, member, VsQueueStat, VS_STAT_QUEUE, name, unit, doc)
#define VS_BUSY(Self, member, name, unit, doc) \
    VS_STAT_ROW(Self, member, VsTime, VS_STAT_BUSY, name, unit, doc)
#define VS_TIME_TOTAL(Self, member, name, doc) \
    VS_STAT_ROW(Self, member, VsTime, VS_STAT_TIME, name, "ps", doc)
#define VS_SHARES(Self, member, name, unit, doc) \
    VS_STAT_ROW(Self, member, VsShares, VS_STAT_SHARES, name, unit, doc)
#define VS_STAGES(Self, member, name, unit, doc) \
    VS_STAT_ROW(Self, member, VsStageTotals, VS_STAT_STAGES, name, unit, doc)

/* Does the element take an id? */
typedef enum VsIdRule {
    VS_ID_NONE,     /* id="" is refused. */
    VS_ID_OPTIONAL, /* Without one, an id is made from the element's name and place. */
    VS_ID_REQUIRED,
} VsIdRule;

/* Among which elements is an id unique? */
typedef enum VsIdScope {
    VS_ID_SCOPE_SCENARIO, /* All that have this scope: hosts and what links join. */
    VS_ID_SCOPE_KIND,     /* Elements of the same model, as Kubernetes has it. */
    VS_ID_SCOPE_PARENT,   /* Its siblings: no reference can name it. */
} VsIdScope;

struct VsModel {
    const char *element; /* XML element; NULL ends a list. */
    const char *summary; /* One line. */
    const char
        *parents; /* Space-separated elements it may stand in: "scenario", "node". */
    VsIdRule id_rule;
    VsIdScope id_scope;
    bool is_template; /* Takes count="". */
    bool is_single;   /* At most one in its parent. */

    size_t config_size;
    const VsParam *params;     /* NULL or at most VS_PARAMS_MAX rows. */
    const VsProfile *profiles; /* NULL or rows ended by { 0 }; then there is a parameter
                                * "profile" that chooses one. */

    size_t size;
    const VsStat *stats; /* NULL or rows ended by { 0 }. */

    /* Checks what the tables cannot say, once references are resolved. */
    bool (*check)(const void *config, const VsElement *element, GError **error);

    bool (*create)(void *self, const VsElement *element, VsBuild *build,
                   GError **error);
    bool (*connect)(void *self, const VsElement *element, VsBuild *build,
                    GError **error);
    bool (*declare)(void *self, const VsElement *element, VsBuild *build,
                    GError **error);
    bool (*open)(void *self, const VsElement *element, VsBuild *build, GError **error);
    void (*close)(void *self);
};

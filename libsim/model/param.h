/* Parameters: the table that says which attributes an XML element has.
 *
 * One table serves the reader, the defaults, the range checks, the schema, `vethsim models`
 * and the manual.  Each row names a member of the model's configuration struct; a member of
 * the wrong C type does not compile.
 *
 * Defaults and bounds are written as in the file ("60s", "10Gbit/s").  A parameter is
 * required when .is_required is set; otherwise, without a .def, the member stays zero and
 * vs_element_has() tells whether the file gave it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dist.h"
#include "cluster/labels.h"
#include "engine/time.h"

typedef struct VsElement VsElement;

/* C type of the member, one for each parameter type. */

/* One of a list of words: .choices is the NULL-terminated list, the member its index. */
typedef unsigned VsChoice;

/* References to other elements by id; a group (count="3") stands for all its members,
 * in order. */
typedef struct VsRefs {
    unsigned n_elements;
    const VsElement **elements;
} VsRefs;

/* How requests arrive.  Open loop:
 *   constant(1000/s)          evenly
 *   poisson(1000/s)           as a Poisson process
 *   ramp(10/s,1000/s,60s)     as a Poisson process whose rate grows or falls in a line for
 *                             that time, and then stays
 *   mmpp(100/s:10s,900/s:1s)  as a Markov-modulated Poisson process: in each state so many,
 *                             for an exponential time of that mean, one state after another
 * Closed loop: closed(16), closed(16,exponential(1s)): that many users, each with a think
 * time between the end of one request and the start of the next. */
typedef enum VsArrivalsKind {
    VS_ARRIVALS_CONSTANT,
    VS_ARRIVALS_POISSON,
    VS_ARRIVALS_RAMP,
    VS_ARRIVALS_MMPP,
    VS_ARRIVALS_CLOSED,
} VsArrivalsKind;

typedef struct VsArrivalsState {
    uint64_t micro_per_s;
    VsTime mean_dwell;
} VsArrivalsState;

enum { VS_ARRIVALS_STATES_MAX = 8 };

typedef struct VsArrivals {
    VsArrivalsKind kind;
    uint64_t micro_per_s;    /* Open loop: requests in 10^6 seconds; RAMP: at first. */
    uint64_t to_micro_per_s; /* RAMP: in the end... */
    VsTime over;             /* ...after this time. */
    uint32_t n_states;       /* MMPP. */
    VsArrivalsState states[VS_ARRIVALS_STATES_MAX];
    uint32_t n_users; /* Closed loop. */
    VsDist think;     /* Closed loop. */
} VsArrivals;

typedef enum VsParamType {
    VS_PARAM_TYPE_STRING,    /* const char * */
    VS_PARAM_TYPE_UINT,      /* uint32_t */
    VS_PARAM_TYPE_BOOL,      /* bool: "yes" or "no" */
    VS_PARAM_TYPE_TIME,      /* VsTime, ps */
    VS_PARAM_TYPE_RATE,      /* uint64_t, bit/s */
    VS_PARAM_TYPE_SIZE,      /* uint64_t, bytes */
    VS_PARAM_TYPE_FREQUENCY, /* uint64_t, events in 10^6 s */
    VS_PARAM_TYPE_RATIO,     /* uint64_t, parts in 10^9 */
    VS_PARAM_TYPE_DIST,      /* VsDist of times */
    VS_PARAM_TYPE_CHOICE,    /* VsChoice */
    VS_PARAM_TYPE_IPV4,      /* uint32_t, host byte order */
    VS_PARAM_TYPE_PREFIX,    /* VsPrefix */
    VS_PARAM_TYPE_PREFIXES,  /* VsPrefixes: an address alone is a /32 */
    VS_PARAM_TYPE_LABELS,    /* VsLabels */
    VS_PARAM_TYPE_REF,       /* const VsElement * */
    VS_PARAM_TYPE_REFS,      /* VsRefs */
    VS_PARAM_TYPE_ARRIVALS,  /* VsArrivals */
    VS_PARAM_TYPE_QUEUE,     /* VsQueueLimit */
    VS_PARAM_TYPE_FILE,      /* const char *: vs_element_path() says where */
} VsParamType;

/* A queue's limit: "100packets", "256KiB" or "1ms" (of line rate). */
typedef enum VsQueueLimitKind {
    VS_QUEUE_LIMIT_NONE,
    VS_QUEUE_LIMIT_PACKETS,
    VS_QUEUE_LIMIT_BYTES,
    VS_QUEUE_LIMIT_TIME,
} VsQueueLimitKind;

typedef struct VsQueueLimit {
    VsQueueLimitKind kind;
    uint64_t amount; /* Packets, bytes or ps. */
} VsQueueLimit;

typedef struct VsParam {
    const char *name; /* Attribute, kebab-case; NULL ends the table. */
    VsParamType type;
    size_t offset; /* Of the member in the configuration struct. */
    bool is_required;
    const char *def; /* Default as written in a file, or NULL. */
    const char *min; /* Inclusive bounds as written in a file, or NULL. */
    const char *max;
    const char *const *choices; /* CHOICE: words, NULL-terminated. */
    const char *to;  /* REF, REFS: space-separated element names it may name. */
    const char *doc; /* A sentence or two. */
} VsParam;

/* Offset of 'member', refused by the compiler unless the member is a 'ctype'. */
#define VS_PARAM_OFFSET(Config, member, ctype)                                        \
    (offsetof(Config, member) +                                                       \
     0 * sizeof(struct {                                                              \
         int wrong_type                                                               \
             : __builtin_types_compatible_p(__typeof__(((Config *)0)->member), ctype) \
               ? 1                                                                    \
               : -1;                                                                  \
     }))

#define VS_PARAM_ROW(Config, member, ctype, type_, name_, ...)        \
    {                                                                 \
        .name = name_, .type = type_,                                 \
        .offset = VS_PARAM_OFFSET(Config, member, ctype), __VA_ARGS__ \
    }

#define VS_PARAM_STRING(C, m, name, ...) \
    VS_PARAM_ROW(C, m, const char *, VS_PARAM_TYPE_STRING, name, __VA_ARGS__)
#define VS_PARAM_UINT(C, m, name, ...) \
    VS_PARAM_ROW(C, m, uint32_t, VS_PARAM_TYPE_UINT, name, __VA_ARGS__)
#define VS_PARAM_BOOL(C, m, name, ...) \
    VS_PARAM_ROW(C, m, bool, VS_PARAM_TYPE_BOOL, name, __VA_ARGS__)
#define VS_PARAM_TIME(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsTime, VS_PARAM_TYPE_TIME, name, __VA_ARGS__)
#define VS_PARAM_RATE(C, m, name, ...) \
    VS_PARAM_ROW(C, m, uint64_t, VS_PARAM_TYPE_RATE, name, __VA_ARGS__)
#define VS_PARAM_SIZE(C, m, name, ...) \
    VS_PARAM_ROW(C, m, uint64_t, VS_PARAM_TYPE_SIZE, name, __VA_ARGS__)
#define VS_PARAM_FREQUENCY(C, m, name, ...) \
    VS_PARAM_ROW(C, m, uint64_t, VS_PARAM_TYPE_FREQUENCY, name, __VA_ARGS__)
#define VS_PARAM_RATIO(C, m, name, ...) \
    VS_PARAM_ROW(C, m, uint64_t, VS_PARAM_TYPE_RATIO, name, __VA_ARGS__)
#define VS_PARAM_DIST(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsDist, VS_PARAM_TYPE_DIST, name, __VA_ARGS__)
#define VS_PARAM_CHOICE(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsChoice, VS_PARAM_TYPE_CHOICE, name, __VA_ARGS__)
#define VS_PARAM_IPV4(C, m, name, ...) \
    VS_PARAM_ROW(C, m, uint32_t, VS_PARAM_TYPE_IPV4, name, __VA_ARGS__)
#define VS_PARAM_PREFIX(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsPrefix, VS_PARAM_TYPE_PREFIX, name, __VA_ARGS__)
#define VS_PARAM_PREFIXES(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsPrefixes, VS_PARAM_TYPE_PREFIXES, name, __VA_ARGS__)
#define VS_PARAM_LABELS(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsLabels, VS_PARAM_TYPE_LABELS, name, __VA_ARGS__)
#define VS_PARAM_REF(C, m, name, ...) \
    VS_PARAM_ROW(C, m, const VsElement *, VS_PARAM_TYPE_REF, name, __VA_ARGS__)
#define VS_PARAM_REFS(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsRefs, VS_PARAM_TYPE_REFS, name, __VA_ARGS__)
#define VS_PARAM_ARRIVALS(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsArrivals, VS_PARAM_TYPE_ARRIVALS, name, __VA_ARGS__)
#define VS_PARAM_QUEUE(C, m, name, ...) \
    VS_PARAM_ROW(C, m, VsQueueLimit, VS_PARAM_TYPE_QUEUE, name, __VA_ARGS__)
#define VS_PARAM_FILE(C, m, name, ...) \
    VS_PARAM_ROW(C, m, const char *, VS_PARAM_TYPE_FILE, name, __VA_ARGS__)

/* Reads 'text' into the parameter's member of 'config', which must be zero or cleared, and
 * checks it against the bounds.  Strings are kept in 'strings'; what else the value needs
 * is the member's, to be freed with vs_param_clear().
 *
 * Returns false with 'error' set in the domain VS_SCENARIO_ERROR and the member untouched;
 * the message starts with name="text".  Not for REF and REFS, which only a scenario can
 * resolve. */
bool vs_param_parse(const VsParam *param, const char *text, void *config,
                    GStringChunk *strings, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The value as it would be written in a file, newly allocated: reading it gives the same
 * value again.  A REF that was not given is "". */
char *vs_param_print(const VsParam *param, const void *config);

/* Some of the parameters of a table, by their rows. */
enum { VS_PARAMS_MAX = 128 };

typedef struct VsParamSet {
    uint64_t bits[VS_PARAMS_MAX / 64];
} VsParamSet;

static inline bool
vs_param_set_has(const VsParamSet *set, size_t row)
{
    g_assert(row < VS_PARAMS_MAX);
    return set->bits[row / 64] >> row % 64 & 1;
}

static inline void
vs_param_set_add(VsParamSet *set, size_t row)
{
    g_assert(row < VS_PARAMS_MAX);
    set->bits[row / 64] |= UINT64_C(1) << row % 64;
}

static inline bool
vs_param_set_is_empty(const VsParamSet *set)
{
    return set->bits[0] == 0 && set->bits[1] == 0;
}

/* Sets every parameter of the table that has a default and is not in 'given'.  References
 * are left alone.  A default that cannot be read is a mistake in the table: an assertion. */
void vs_params_set_defaults(const VsParam *params, const VsParamSet *given,
                            void *config, GStringChunk *strings);

/* Frees what the member owns, and zeroes it. */
void vs_param_clear(const VsParam *param, void *config);
void vs_params_clear(const VsParam *params, void *config);

/* The row called 'name', or NULL. */
const VsParam *vs_params_find(const VsParam *params, const char *name);

/* How a type is called and written, for messages, schema and manual. */
typedef struct VsParamSyntax {
    const char *name;    /* "time"; also the name of its type in the schema. */
    const char *example; /* "2.5ms" */
    const char
        *pattern; /* Regular expression of an XML schema that no good value fails,
                          * its blanks collapsed; NULL where any text may stand. */
} VsParamSyntax;

const VsParamSyntax *vs_param_syntax(VsParamType type);

/* The bounds in words, newly allocated: "1ms to 60s", "at least 3", or NULL. */
char *vs_param_print_range(const VsParam *param);

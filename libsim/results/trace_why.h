/* Why not?  What a trace says of rules, endpoints and backends that were not taken.
 *
 * Candidates are the rules that were examined, what load balancers and ingresses passed
 * over, and, where 'rules' are given, the rules that no packet came to. */
#pragma once

#include <glib.h>

#include "net/netns.h"
#include "packet/trace.h"
#include "scenario/simulation.h"

/* One rule as it is printed; valid during the call that tells of it. */
typedef struct VsTraceRule {
    const char *table;
    const char *chain;
    uint32_t number;  /* In its chain, from 1, as in VsTraceRecord. */
    uint32_t n_rules; /* Of its chain. */
    const char *text;
} VsTraceRule;

typedef void (*VsTraceRuleFound)(const VsTraceRule *rule, void *data);

/* Who knows all rules of a namespace, also those that no packet came to. */
typedef struct VsTraceRules VsTraceRules;
struct VsTraceRules {
    /* Calls 'found' for every rule of 'netns', chain by chain. */
    void (*list)(const VsTraceRules *rules, const VsNetns *netns,
                 VsTraceRuleFound found, void *data);
};

/* What became of one candidate. */
typedef struct VsTraceFinding {
    char *place;
    char *text;        /* The candidate as printed. */
    char *explanation; /* "examined at rule 3 of ...; failed because ...". */
    bool is_taken;
    unsigned n_times; /* It was found so. */
} VsTraceFinding;

/* The findings about candidates whose text has 'pattern' in it, upper and lower case being
 * the same, or an endpoint of the pod that it names ("a-2", "default/a-2"), in the order of
 * the trace.  Of the rules in chains that no packet entered, three a namespace are told by
 * themselves and the others together.  'rules' may be NULL.  NULL with 'error' set, which
 * gives the nearest name, when there is none.  To be freed with g_array_unref(). */
GArray *vs_trace_why_not(VsSimulation *simulation, const char *pattern,
                         const VsTraceRules *rules, GError **error);

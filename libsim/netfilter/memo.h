/* Outcomes of walks that are remembered, so that most packets walk no rules.
 *
 * A walk that asked for nothing random, counted, timed or remembered depends on the fields
 * it looked at and on nothing else.  Its outcome is kept under the values of just these
 * fields, so that all packets that agree on them share it: the established packets of every
 * connection look at their conntrack state and mark, and are one class.  (The idea of
 * megaflows: Pfaff et al., "The design and implementation of Open vSwitch", NSDI 2015.)
 *
 * Replaying credits the same counters and has the same bill as the walk. */
#pragma once

#include "base/pool.h"
#include "netfilter/evaluate.h"

/* The fields of a key, four at most: a walk that looked at more is not remembered. */
enum { VS_MEMO_MAX_FIELDS = 4, VS_MEMO_MAX_CLASSES = 8, VS_MEMO_MAX_HITS = 12 };

G_STATIC_ASSERT(VS_N_FIELDS <= 32); /* Sets of fields are bits of 32. */

typedef struct VsMemo {
    uint32_t values[VS_MEMO_MAX_FIELDS]; /* Of the fields of its class. */
    VsVerdictKind verdict;
    uint32_t n_rules;
    uint32_t n_lookups;
    bool has_met_policy;
    bool sets_mark;
    bool sets_ct_mark;
    uint32_t mark;
    uint32_t ct_mark;
    bool is_notrack;
    bool has_zone;
    uint16_t zone;
    VsRuleStep *nat;
    VsRuleStep *reject;
    unsigned n_hits;
    VsRule *hits[VS_MEMO_MAX_HITS];
} VsMemo;

/* The walks that looked at the same fields; at least one. */
typedef struct VsMemoClass {
    uint32_t fields;    /* Bits of VsField. */
    const VsMemo *last; /* Found last: packets come in trains. */
    VsTable memos;
} VsMemoClass;

/* The remembered walks of one base chain. */
typedef struct VsMemos {
    VsChain *chain;
    uint32_t generation; /* Of the rules that they were walked by. */
    unsigned n_classes;
    unsigned recent; /* The class that served last. */
    VsMemoClass classes[VS_MEMO_MAX_CLASSES];
    VsPool pool;
} VsMemos;

void vs_memos_init(VsMemos *memos, VsChain *chain);
void vs_memos_clear(VsMemos *memos);

/* The value of one field of what is to be walked; its answers do not change meanwhile. */
typedef uint32_t (*VsFieldReader)(const void *data, VsField field);

/* The remembered outcome for what 'read' sees, or NULL. */
const VsMemo *vs_memos_find(VsMemos *memos, VsFieldReader read, const void *data);

/* Remembers the walk that 'view' has just made, if that may be replayed; 'before' are the
 * fields as they were before it. */
void vs_memos_add(VsMemos *memos, const VsRuleView *view, VsVerdictKind verdict,
                  const uint32_t *before);

/* Credits the counters that the walk credited. */
void vs_memo_credit(const VsMemo *memo, VsChain *base, uint32_t bytes);

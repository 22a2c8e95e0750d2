/* A second walk of rules, slow and plain, to compare vs_chain_run() with: recursive, rule by
 * rule, with state of its own beside the rules. */
#pragma once

#include "netfilter/evaluate.h"

typedef struct Twin Twin;

/* Walks rules of 'ruleset', whose counters and states are the twin's alone. */
Twin *twin_new(VsRuleset *ruleset);
void twin_free(Twin *twin);

/* As vs_chain_run(). */
VsVerdictKind twin_run(Twin *twin, VsChain *base, VsRuleView *view);

/* The rules of 'chain' are about to be flushed: what they counted is forgotten. */
void twin_forget(Twin *twin, const VsChain *chain);

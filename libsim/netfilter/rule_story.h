/* The walk of a traced packet through the rules: every rule examined, with its text and
 * why it matched or not. */
#pragma once

#include "net/hook.h"
#include "netfilter/evaluate.h"

/* vs_chain_run() with a record for each chain, rule and policy. */
VsVerdictKind vs_rule_story_walk(VsChain *chain, VsPacket *packet,
                                 const VsHookState *state, VsRuleView *view);

/* The text of 'rule' in its dialect.  Newly allocated. */
char *vs_rule_print(const VsRule *rule);

/* The walk of a traced packet through the rules: every rule examined, with its text and
 * why it matched or not. */
#pragma once

#include "net/netns.h"
#include "netfilter/evaluate.h"

/* vs_chain_run() with a record for each chain, rule and policy. */
VsVerdictKind vs_rule_story_walk(VsChain *chain, VsPacket *packet,
                                 const VsHookState *state, VsRuleView *view);

/* Notes what a walk of 'base' decided about 'packet' (net/decision.h): 'rule', or NULL when
 * that was the policy; one that accepts is not worth a word. */
void vs_rule_story_note(const VsChain *base, const VsRule *rule, VsVerdictKind verdict,
                        const VsNetns *netns, VsPacket *packet);

/* The text of 'rule' in its dialect.  Newly allocated. */
char *vs_rule_print(const VsRule *rule);

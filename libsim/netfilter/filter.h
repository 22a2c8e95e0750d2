/* A namespace's packet filter: its ruleset, attached to the hooks.
 *
 * Every base chain hangs at its hook and priority.  Chains of type nat see the first packet
 * of a connection only, through nat.h, in the order of priorities until one translates.
 * Each rule examined and each lookup is charged (costs.def). */
#pragma once

#include "net/netns.h"
#include "netfilter/conntrack.h"
#include "netfilter/evaluate.h"
#include "netfilter/nat.h"

typedef struct VsFilter VsFilter;

/* Gives 'netns', which has conntrack, the linked 'ruleset', which it owns from here on.
 * Base chains that come later take part after vs_filter_refresh(). */
VsFilter *vs_filter_attach(VsNetns *netns, VsRuleset *ruleset);

/* The filter of 'netns', or NULL. */
VsFilter *vs_filter_of(const VsNetns *netns);

VsRuleset *vs_filter_ruleset(const VsFilter *filter);

/* The rules have changed and are linked again: hooks follow the base chains there are. */
void vs_filter_refresh(VsFilter *filter);

/* Called when a new connection was translated by the step 'nat' of the rules. */
typedef void (*VsFilterTranslated)(void *data, const VsRuleStep *nat);
void vs_filter_on_translated(VsFilter *filter, VsFilterTranslated translated,
                             void *data);

/* What rules see of 'packet' at a hook: fills 'view' but for its choice of random stream. */
void vs_filter_view(VsFilter *filter, VsPacket *packet, const VsHookState *state,
                    VsRuleView *view);

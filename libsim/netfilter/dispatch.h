/* Which rules of a long chain can match a packet at all.
 *
 * Chains such as KUBE-SERVICES have one rule a service, each for one destination address.
 * For every long run of consecutive rules that each ask for exactly one destination
 * address, the index has the rules of each address; all others of the run cannot match and
 * are passed by, though they count as examined.  Walking thousands of rules then takes a
 * few steps, and simulated cost and result stay those of the walk. */
#pragma once

#include "netfilter/ruleset.h"

typedef struct VsDispatch VsDispatch;

/* Chains of fewer rules are walked. */
enum { VS_DISPATCH_MIN_RULES = 16 };

/* The index of 'chain' as it is now: kept until its ruleset's generation moves on. */
const VsDispatch *vs_dispatch_get(VsChain *chain);
void vs_dispatch_free(VsDispatch *dispatch);

/* Index in the chain of the first rule at or after 'from' that may match a packet to
 * 'daddr'; the chain's length when there is none.  O(log of
 * the rules of one address, and of the runs). */
unsigned vs_dispatch_next(const VsDispatch *dispatch, unsigned from, VsAddr daddr);

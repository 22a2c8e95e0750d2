/* All rules of the namespaces, for "why not": also those that no packet came to. */
#pragma once

#include "results/trace_why.h"

/* Lists the rules of a namespace's filter (netfilter/filter.h) in the order of its tables
 * and chains, in the texts that records of packets have, too. */
extern const VsTraceRules vs_trace_rules;

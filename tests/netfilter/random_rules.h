/* Random rules, and packets that some of them match.  The same seed makes the same. */
#pragma once

#include "tests/netfilter/rules_fixture.h"

/* To be freed with rules_fixture_clear(). */
RulesFixture random_rules_new(unsigned seed);

/* The rules change under way: what was indexed before must not be used. */
void random_rules_change(RulesFixture *f, unsigned seed);

VsRuleView random_view(VsRng *rng, VsTime now);

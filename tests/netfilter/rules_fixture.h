/* What the tests of rules share: a ruleset with one base chain, packets, short builders. */
#pragma once

#include "netfilter/evaluate.h"
#include "netfilter/number.h"
#include "vs_test.h"

#define IP(a, b, c, d) \
    ((VsAddr)((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d)))

typedef struct RulesFixture {
    VsRuleset *ruleset;
    VsRuleTable *table;
    VsChain *base;
    VsRng rng;
} RulesFixture;

/* An nft table "t" with the base chain "base", whose policy is ACCEPT. */
static inline RulesFixture
rules_fixture(void)
{
    RulesFixture f = {.ruleset = vs_ruleset_new()};

    f.table = vs_ruleset_get_table(f.ruleset, VS_DIALECT_NFT, "t");
    f.base = vs_rule_table_get_chain(f.table, "base");
    vs_chain_set_base(f.base, VS_CHAIN_FILTER, VS_HOOK_FORWARD, 0, VS_RULE_ACCEPT);
    vs_rng_init(&f.rng, 1, "rules", "test");
    return f;
}

static inline void
rules_fixture_clear(RulesFixture *f)
{
    vs_ruleset_free(f->ruleset);
}

static inline void
link_rules(RulesFixture *f)
{
    GError *error = NULL;

    CU_ASSERT_TRUE_FATAL(vs_ruleset_link(f->ruleset, &error));
    CU_ASSERT_PTR_NULL(error);
}

/* 10.244.1.3:40000 > 10.96.0.10:80 tcp, 100 bytes, the first of its connection, in by
 * eth0. */
static inline VsRuleView
view_of(RulesFixture *f)
{
    VsRuleView view = {.iif = "eth0", .bytes = 100, .rng = &f->rng};

    view.fields[VS_FIELD_SADDR] = IP(10, 244, 1, 3);
    view.fields[VS_FIELD_DADDR] = IP(10, 96, 0, 10);
    view.fields[VS_FIELD_PROTOCOL] = VS_PROTOCOL_TCP;
    view.fields[VS_FIELD_SPORT] = 40000;
    view.fields[VS_FIELD_DPORT] = 80;
    view.fields[VS_FIELD_CT_STATE] = VS_CT_STATE_NEW;
    view.fields[VS_FIELD_LENGTH] = 100;
    view.fields[VS_FIELD_TTL] = 64;
    return view;
}

/* The chain 'name' of the fixture's table, made when absent. */
static inline VsChain *
chain_of(RulesFixture *f, const char *name)
{
    return vs_rule_table_get_chain(f->table, name);
}

/* An empty rule with one step of 'kind', which the caller fills in. */
static inline VsRuleStep *
add_step_rule(VsChain *chain, VsStepKind kind)
{
    return vs_rule_add_step(vs_chain_add_rule(chain), kind, VS_MODULE_BASE);
}

/* A rule that only says 'verdict'. */
static inline VsRule *
add_verdict_rule(VsChain *chain, VsVerdictKind verdict)
{
    VsRule *rule = vs_chain_add_rule(chain);

    vs_rule_verdict(rule, verdict);
    return rule;
}

/* A rule that goes to 'target' whatever the packet. */
static inline VsRule *
add_jump_rule(VsChain *chain, const char *target)
{
    VsRule *rule = vs_chain_add_rule(chain);

    vs_rule_jump(rule, target);
    return rule;
}

static inline VsRule *
add_goto_rule(VsChain *chain, const char *target)
{
    VsRule *rule = vs_chain_add_rule(chain);

    vs_rule_goto(rule, target);
    return rule;
}

/* A set of the fixture's table whose key is one field of 'type'. */
static inline VsSet *
add_set(RulesFixture *f, const char *name, VsSetType type)
{
    VsSet *set = vs_ruleset_get_set(f->ruleset, f->table, name);

    set->n_types = 1;
    set->types[0] = type;
    return set;
}

static inline VsSetElement *
add_element(VsSet *set, uint32_t value)
{
    VsKey key = vs_set_key(&value, 1);

    return vs_set_add(set, &key);
}

/* Makes 'lookup' ask for 'field' in the set or map 'name'. */
static inline void
ask_set(VsLookup *lookup, VsField field, const char *name)
{
    lookup->n_fields = 1;
    lookup->fields[0] = field;
    lookup->set_name = g_strdup(name);
}

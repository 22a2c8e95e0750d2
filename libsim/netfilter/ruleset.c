#include "netfilter/ruleset.h"

#include "netfilter/dispatch.h"
#include "netfilter/recent.h"

G_DEFINE_QUARK(vs - ruleset - error - quark, vs_ruleset_error)

/* The built-in chains of iptables' tables (ip_tables: iptable_raw.c and its siblings); the
 * points are those the table hooks, each at the priority of its kind there. */
typedef struct BuiltIn {
    const char *table;
    const char *chain;
    VsChainType type;
    VsHookPoint point;
    int32_t priority;
} BuiltIn;

static const BuiltIn built_ins[] = {
    {"raw", "PREROUTING", VS_CHAIN_FILTER, VS_HOOK_PREROUTING, VS_HOOK_PRI_RAW},
    {"raw", "OUTPUT", VS_CHAIN_FILTER, VS_HOOK_OUTPUT, VS_HOOK_PRI_RAW},
    {"mangle", "PREROUTING", VS_CHAIN_FILTER, VS_HOOK_PREROUTING, VS_HOOK_PRI_MANGLE},
    {"mangle", "INPUT", VS_CHAIN_FILTER, VS_HOOK_INPUT, VS_HOOK_PRI_MANGLE},
    {"mangle", "FORWARD", VS_CHAIN_FILTER, VS_HOOK_FORWARD, VS_HOOK_PRI_MANGLE},
    {"mangle", "OUTPUT", VS_CHAIN_ROUTE, VS_HOOK_OUTPUT, VS_HOOK_PRI_MANGLE},
    {"mangle", "POSTROUTING", VS_CHAIN_FILTER, VS_HOOK_POSTROUTING, VS_HOOK_PRI_MANGLE},
    {"nat", "PREROUTING", VS_CHAIN_NAT, VS_HOOK_PREROUTING, VS_HOOK_PRI_NAT_DST},
    {"nat", "INPUT", VS_CHAIN_NAT, VS_HOOK_INPUT, VS_HOOK_PRI_NAT_SRC},
    {"nat", "OUTPUT", VS_CHAIN_NAT, VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST},
    {"nat", "POSTROUTING", VS_CHAIN_NAT, VS_HOOK_POSTROUTING, VS_HOOK_PRI_NAT_SRC},
    {"filter", "INPUT", VS_CHAIN_FILTER, VS_HOOK_INPUT, VS_HOOK_PRI_FILTER},
    {"filter", "FORWARD", VS_CHAIN_FILTER, VS_HOOK_FORWARD, VS_HOOK_PRI_FILTER},
    {"filter", "OUTPUT", VS_CHAIN_FILTER, VS_HOOK_OUTPUT, VS_HOOK_PRI_FILTER},
};

const char *const vs_iptables_table_names[] = {"raw", "mangle", "nat", "filter", NULL};

static void table_free(gpointer table);
static void chain_free(gpointer chain);
static void rule_free(gpointer rule);

VsRuleset *
vs_ruleset_new(void)
{
    VsRuleset *ruleset = g_new0(VsRuleset, 1);

    ruleset->tables = g_ptr_array_new_with_free_func(table_free);
    ruleset->ipsets = g_ptr_array_new_with_free_func((GDestroyNotify)vs_set_free);
    ruleset->ipset_names = g_hash_table_new(g_str_hash, g_str_equal);
    ruleset->recent_lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                  (GDestroyNotify)vs_recent_list_free);
    ruleset->generation = 1;
    return ruleset;
}

void
vs_ruleset_free(VsRuleset *ruleset)
{
    if (!ruleset) {
        return;
    }
    g_ptr_array_free(ruleset->tables, TRUE);
    g_hash_table_destroy(ruleset->ipset_names);
    g_ptr_array_free(ruleset->ipsets, TRUE);
    g_hash_table_destroy(ruleset->recent_lists);
    g_free(ruleset);
}

VsRuleTable *
vs_ruleset_find_table(const VsRuleset *ruleset, VsDialect dialect, const char *name)
{
    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        VsRuleTable *table = ruleset->tables->pdata[i];

        if (table->dialect == dialect && g_str_equal(table->name, name)) {
            return table;
        }
    }
    return NULL;
}

VsRuleTable *
vs_ruleset_get_table(VsRuleset *ruleset, VsDialect dialect, const char *name)
{
    VsRuleTable *table = vs_ruleset_find_table(ruleset, dialect, name);

    if (table) {
        return table;
    }
    table = g_new0(VsRuleTable, 1);
    table->ruleset = ruleset;
    table->dialect = dialect;
    table->name = g_strdup(name);
    table->chains = g_ptr_array_new_with_free_func(chain_free);
    table->chain_names = g_hash_table_new(g_str_hash, g_str_equal);
    table->sets = g_ptr_array_new_with_free_func((GDestroyNotify)vs_set_free);
    table->set_names = g_hash_table_new(g_str_hash, g_str_equal);
    g_ptr_array_add(ruleset->tables, table);
    if (dialect == VS_DIALECT_IPTABLES) {
        for (unsigned i = 0; i < G_N_ELEMENTS(built_ins); i++) {
            const BuiltIn *row = &built_ins[i];

            if (g_str_equal(row->table, name)) {
                vs_chain_set_base(vs_rule_table_get_chain(table, row->chain), row->type,
                                  row->point, row->priority, VS_RULE_ACCEPT);
            }
        }
    }
    vs_ruleset_touch(ruleset);
    return table;
}

void
vs_ruleset_remove_table(VsRuleset *ruleset, VsRuleTable *table)
{
    g_ptr_array_remove(ruleset->tables, table);
    vs_ruleset_touch(ruleset);
}

static void
table_free(gpointer table_)
{
    VsRuleTable *table = table_;

    g_hash_table_destroy(table->chain_names);
    g_hash_table_destroy(table->set_names);
    g_ptr_array_free(table->chains, TRUE);
    g_ptr_array_free(table->sets, TRUE);
    g_free(table->name);
    g_free(table->comment);
    g_free(table);
}

VsChain *
vs_rule_table_find_chain(const VsRuleTable *table, const char *name)
{
    return g_hash_table_lookup(table->chain_names, name);
}

VsChain *
vs_rule_table_get_chain(VsRuleTable *table, const char *name)
{
    VsChain *chain = vs_rule_table_find_chain(table, name);

    if (chain) {
        return chain;
    }
    chain = g_new0(VsChain, 1);
    chain->table = table;
    chain->name = g_strdup(name);
    chain->policy = VS_RULE_ACCEPT;
    chain->rules = g_ptr_array_new_with_free_func(rule_free);
    g_ptr_array_add(table->chains, chain);
    g_hash_table_insert(table->chain_names, chain->name, chain);
    vs_ruleset_touch(table->ruleset);
    return chain;
}

void
vs_rule_table_remove_chain(VsRuleTable *table, VsChain *chain)
{
    g_hash_table_remove(table->chain_names, chain->name);
    g_ptr_array_remove(table->chains, chain);
    vs_ruleset_touch(table->ruleset);
}

void
vs_rule_table_remove_set(VsRuleTable *table, VsSet *set)
{
    g_hash_table_remove(table->set_names, set->name);
    g_ptr_array_remove(table->sets, set);
    vs_ruleset_touch(table->ruleset);
}

void
vs_chain_set_base(VsChain *chain, VsChainType type, VsHookPoint point, int32_t priority,
                  VsVerdictKind policy)
{
    chain->type = type;
    chain->point = point;
    chain->priority = priority;
    chain->policy = policy;
    vs_ruleset_touch(chain->table->ruleset);
}

static void
chain_free(gpointer chain_)
{
    VsChain *chain = chain_;

    vs_dispatch_free(chain->dispatch);
    g_ptr_array_free(chain->rules, TRUE);
    g_free(chain->name);
    g_free(chain->comment);
    g_free(chain);
}

void
vs_chain_flush(VsChain *chain)
{
    g_ptr_array_set_size(chain->rules, 0);
    vs_ruleset_touch(chain->table->ruleset);
}

VsRule *
vs_chain_add_rule(VsChain *chain)
{
    VsRule *rule = g_new0(VsRule, 1);

    rule->chain = chain;
    g_ptr_array_add(chain->rules, rule);
    rule->number = chain->rules->len;
    vs_ruleset_touch(chain->table->ruleset);
    return rule;
}

VsRule *
vs_rule_table_add_rule(VsRuleTable *table, const char *chain)
{
    return vs_chain_add_rule(vs_rule_table_get_chain(table, chain));
}

static void
renumber(VsChain *chain, unsigned from)
{
    for (unsigned i = from; i < chain->rules->len; i++) {
        VsRule *rule = chain->rules->pdata[i];

        rule->number = i + 1;
    }
    vs_ruleset_touch(chain->table->ruleset);
}

void
vs_chain_remove_rule(VsChain *chain, unsigned number)
{
    g_ptr_array_remove_index(chain->rules, number - 1);
    renumber(chain, number - 1);
}

void
vs_chain_move_rule(VsChain *chain, unsigned number, unsigned to)
{
    VsRule *rule;

    if (number == to) {
        return;
    }
    rule = g_ptr_array_steal_index(chain->rules, number - 1);
    g_ptr_array_insert(chain->rules, (int)to - 1, rule);
    renumber(chain, MIN(number, to) - 1);
}

static void
lookup_clear(VsLookup *lookup)
{
    if (!lookup->set_name) {
        vs_set_free(lookup->set);
    }
    g_free(lookup->set_name);
    g_free(lookup->number);
}

static void
nat_clear(VsNatRange *nat)
{
    if (nat->map) {
        lookup_clear(nat->map);
        g_free(nat->map);
    }
}

static void
step_clear(VsRuleStep *step)
{
    switch (step->kind) {
    case VS_STEP_NUMBER:
        g_free(step->range.number);
        break;
    case VS_STEP_NAME:
        g_free(step->name.name);
        break;
    case VS_STEP_LOOKUP:
    case VS_STEP_VMAP:
        lookup_clear(&step->lookup);
        break;
    case VS_STEP_UPDATE:
        lookup_clear(&step->update.key);
        break;
    case VS_STEP_DNAT:
    case VS_STEP_SNAT:
        nat_clear(&step->nat);
        break;
    case VS_STEP_RECENT:
        g_free(step->recent.name);
        break;
    case VS_STEP_COMMENT:
        g_free(step->comment);
        break;
    case VS_STEP_VERDICT:
        g_free(step->verdict.target);
        break;
    case VS_STEP_LOG:
        g_free(step->log.prefix);
        break;
    default:
        break;
    }
}

static void
rule_free(gpointer rule_)
{
    VsRule *rule = rule_;

    for (unsigned i = 0; i < rule->n_steps; i++) {
        step_clear(&rule->steps[i]);
    }
    g_free(rule->steps);
    g_free(rule);
}

void
vs_ruleset_touch(VsRuleset *ruleset)
{
    ruleset->generation++;
}

/* Replacing what has changed of a ruleset, as iptables-restore and nft -f do at once. */
#include <string.h>

#include "netfilter/iptables.h"
#include "netfilter/nft.h"
#include "netfilter/ruleset.h"

static char *
print_rule(const VsRule *rule)
{
    return rule->chain->table->dialect == VS_DIALECT_NFT ? vs_nft_rule_print(rule)
                                                         : vs_iptables_rule_print(rule);
}

static bool
reads_the_same(const VsChain *a, const VsChain *b)
{
    bool is_same = a->rules->len == b->rules->len;

    for (unsigned i = 0; is_same && i < a->rules->len; i++) {
        g_autofree char *text_a = print_rule(a->rules->pdata[i]);
        g_autofree char *text_b = print_rule(b->rules->pdata[i]);

        is_same = strcmp(text_a, text_b) == 0;
    }
    return is_same;
}

static void
take_rules(VsChain *chain, VsChain *wanted)
{
    vs_chain_flush(chain);
    for (unsigned i = 0; i < wanted->rules->len; i++) {
        VsRule *rule = wanted->rules->pdata[i];

        rule->chain = chain;
        g_ptr_array_add(chain->rules, rule);
    }
    g_free(g_ptr_array_steal(wanted->rules, NULL));
}

static VsChain *
get_chain(VsRuleTable *table, const VsChain *wanted)
{
    VsChain *chain = vs_rule_table_find_chain(table, wanted->name);

    if (!chain) {
        chain = vs_rule_table_get_chain(table, wanted->name);
        if (wanted->type != VS_CHAIN_REGULAR) {
            vs_chain_set_base(chain, wanted->type, wanted->point, wanted->priority,
                              wanted->policy);
        }
        chain->comment = g_strdup(wanted->comment);
    }
    return chain;
}

/* Jumps in the kernel's own chains of iptables are there from the start, among others'. */
static bool
is_built_in(const VsChain *chain)
{
    return chain->table->dialect == VS_DIALECT_IPTABLES &&
           chain->type != VS_CHAIN_REGULAR;
}

static void
take_chains(VsRuleTable *table, const VsRuleTable *wanted)
{
    for (unsigned i = 0; i < wanted->chains->len; i++) {
        VsChain *from = wanted->chains->pdata[i];
        VsChain *chain = get_chain(table, from);

        if (!is_built_in(from) && !reads_the_same(chain, from)) {
            take_rules(chain, from);
        }
    }
}

static void
remove_chains(VsRuleTable *table, const VsRuleTable *wanted, VsChainIsOwn is_own)
{
    for (unsigned i = table->chains->len; i-- > 0;) {
        VsChain *chain = table->chains->pdata[i];

        if (!vs_rule_table_find_chain(wanted, chain->name) && is_own(chain)) {
            vs_rule_table_remove_chain(table, chain);
        }
    }
}

/* What packets added to a dynamic set stays; other sets get the elements wanted.  ipsets are
 * of no table. */
static void
take_sets(VsRuleset *ruleset, VsRuleTable *table, const GPtrArray *wanted)
{
    for (unsigned i = 0; i < wanted->len; i++) {
        VsSet *from = wanted->pdata[i];
        VsSet *set = vs_ruleset_find_set(ruleset, table, from->name);

        if (!set) {
            set = vs_ruleset_get_set(ruleset, table, from->name);
            set->n_types = from->n_types;
            memcpy(set->types, from->types, sizeof(set->types));
            set->is_map = from->is_map;
            set->is_constant = from->is_constant;
            set->has_intervals = from->has_intervals;
            set->is_dynamic = from->is_dynamic;
            set->has_timeout = from->has_timeout;
            set->timeout = from->timeout;
            set->size = from->size;
            set->comment = g_strdup(from->comment);
        }
        if (!set->is_dynamic) {
            GPtrArray *elements = set->elements;
            VsTable index = set->index;

            set->elements = from->elements;
            set->index = from->index;
            from->elements = elements;
            from->index = index;
        }
    }
}

/* Of nft tables, which are their owner's alone. */
static void
remove_sets(VsRuleTable *table, const VsRuleTable *wanted)
{
    for (unsigned i = table->sets->len; i-- > 0;) {
        VsSet *set = table->sets->pdata[i];

        if (!g_hash_table_contains(wanted->set_names, set->name)) {
            g_hash_table_remove(table->set_names, set->name);
            g_ptr_array_remove_index(table->sets, i);
        }
    }
}

/* Chains and sets in the order of 'wanted', after others'. */
static void
follow_order(VsRuleTable *table, const VsRuleTable *wanted)
{
    g_autoptr(GPtrArray) chains = g_ptr_array_new();
    g_autoptr(GPtrArray) sets = g_ptr_array_new();

    for (unsigned i = 0; i < table->chains->len; i++) {
        VsChain *chain = table->chains->pdata[i];

        if (!vs_rule_table_find_chain(wanted, chain->name)) {
            g_ptr_array_add(chains, chain);
        }
    }
    for (unsigned i = 0; i < wanted->chains->len; i++) {
        const VsChain *chain = wanted->chains->pdata[i];

        g_ptr_array_add(chains, vs_rule_table_find_chain(table, chain->name));
    }
    for (unsigned i = 0; i < wanted->sets->len; i++) {
        const VsSet *set = wanted->sets->pdata[i];

        g_ptr_array_add(sets, vs_ruleset_find_set(table->ruleset, table, set->name));
    }
    g_assert(chains->len == table->chains->len && sets->len == table->sets->len);
    for (unsigned i = 0; i < chains->len; i++) {
        table->chains->pdata[i] = chains->pdata[i];
    }
    for (unsigned i = 0; i < sets->len; i++) {
        table->sets->pdata[i] = sets->pdata[i];
    }
}

void
vs_ruleset_replace(VsRuleset *ruleset, VsRuleset *wanted, VsChainIsOwn is_own)
{
    for (unsigned i = 0; i < wanted->tables->len; i++) {
        VsRuleTable *from = wanted->tables->pdata[i];
        VsRuleTable *table = vs_ruleset_get_table(ruleset, from->dialect, from->name);

        take_chains(table, from);
        remove_chains(table, from, is_own);
        take_sets(ruleset, table, from->sets);
        remove_sets(table, from);
        follow_order(table, from);
    }
    take_sets(ruleset, NULL, wanted->ipsets);
    vs_ruleset_touch(ruleset);
}

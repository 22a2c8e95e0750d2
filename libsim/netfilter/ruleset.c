#include "netfilter/ruleset.h"

#include <string.h>

#include "netfilter/dispatch.h"

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
static void recent_list_free(gpointer list);

VsRuleset *
vs_ruleset_new(void)
{
    VsRuleset *ruleset = g_new0(VsRuleset, 1);

    ruleset->tables = g_ptr_array_new_with_free_func(table_free);
    ruleset->ipsets = g_ptr_array_new_with_free_func((GDestroyNotify)vs_set_free);
    ruleset->ipset_names = g_hash_table_new(g_str_hash, g_str_equal);
    ruleset->recent_lists = g_ptr_array_new_with_free_func(recent_list_free);
    ruleset->recent_names = g_hash_table_new(g_str_hash, g_str_equal);
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
    g_hash_table_destroy(ruleset->recent_names);
    g_ptr_array_free(ruleset->recent_lists, TRUE);
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

static void
lookup_clear(VsLookup *lookup)
{
    if (!lookup->set_name) {
        vs_set_free(lookup->set);
    }
    g_free(lookup->set_name);
}

static void
step_clear(VsRuleStep *step)
{
    switch (step->kind) {
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

static void
recent_list_free(gpointer list_)
{
    VsRecentList *list = list_;
    size_t cursor = 0;
    VsKey key;
    void *entry;

    while (vs_table_next(&list->entries, &cursor, &key, &entry)) {
        g_free(entry);
    }
    vs_table_clear(&list->entries);
    g_free(list->name);
    g_free(list);
}

static bool
find_chain(const VsRule *rule, VsRuleVerdict *verdict, GError **error)
{
    if (verdict->kind != VS_RULE_JUMP && verdict->kind != VS_RULE_GOTO) {
        return true;
    }
    verdict->chain = vs_rule_table_find_chain(rule->chain->table, verdict->target);
    if (verdict->chain && verdict->chain->type == VS_CHAIN_REGULAR) {
        return true;
    }
    g_set_error(error, VS_RULESET_ERROR, VS_RULESET_ERROR_REFERENCE,
                verdict->chain
                    ? "%u: chain \"%s\" is a base chain, which rules cannot jump to"
                    : "%u: there is no chain \"%s\" to go to",
                rule->line, verdict->target);
    return false;
}

static bool
link_set(const VsRule *rule, VsSet *set, GError **error)
{
    for (unsigned i = 0; set->is_map && i < set->elements->len; i++) {
        VsSetElement *element = set->elements->pdata[i];

        if (!find_chain(rule, &element->verdict, error)) {
            return false;
        }
    }
    return true;
}

static bool
link_lookup(const VsRule *rule, VsLookup *lookup, bool wants_map, GError **error)
{
    VsRuleTable *table = rule->chain->table;

    if (lookup->set_name) {
        lookup->set = vs_ruleset_find_set(
            table->ruleset, table->dialect == VS_DIALECT_NFT ? table : NULL,
            lookup->set_name);
    }
    if (!lookup->set || lookup->set->is_map != wants_map) {
        g_set_error(error, VS_RULESET_ERROR, VS_RULESET_ERROR_REFERENCE,
                    "%u: there is no %s \"%s\"", rule->line, wants_map ? "map" : "set",
                    lookup->set_name);
        return false;
    }
    return link_set(rule, lookup->set, error);
}

static VsRecentList *
get_recent_list(VsRuleset *ruleset, const char *name)
{
    VsRecentList *list = g_hash_table_lookup(ruleset->recent_names, name);

    if (!list) {
        list = g_new0(VsRecentList, 1);
        list->name = g_strdup(name);
        vs_table_init(&list->entries);
        g_ptr_array_add(ruleset->recent_lists, list);
        g_hash_table_insert(ruleset->recent_names, list->name, list);
    }
    return list;
}

static bool
link_step(VsRule *rule, VsRuleStep *step, GError **error)
{
    switch (step->kind) {
    case VS_STEP_VERDICT:
        return find_chain(rule, &step->verdict, error);
    case VS_STEP_LOOKUP:
        return link_lookup(rule, &step->lookup, false, error);
    case VS_STEP_VMAP:
        return link_lookup(rule, &step->lookup, true, error);
    case VS_STEP_UPDATE:
        return link_lookup(rule, &step->update.key, false, error);
    case VS_STEP_RECENT:
        step->recent.list =
            get_recent_list(rule->chain->table->ruleset, step->recent.name);
        return true;
    default:
        return true;
    }
}

/* Marks of the depth-first search for circles. */
enum { UNSEEN, ON_PATH, DONE };

static bool check_chain(GHashTable *marks, VsChain *chain, GError **error);

static bool
check_target(GHashTable *marks, const VsRule *rule, const VsRuleVerdict *verdict,
             GError **error)
{
    if (!verdict->chain) {
        return true;
    }
    if (GPOINTER_TO_INT(g_hash_table_lookup(marks, verdict->chain)) == ON_PATH) {
        g_set_error(error, VS_RULESET_ERROR, VS_RULESET_ERROR_LOOP,
                    "%u: going to chain \"%s\" makes a circle", rule->line,
                    verdict->target);
        return false;
    }
    return check_chain(marks, verdict->chain, error);
}

static bool
check_step(GHashTable *marks, const VsRule *rule, const VsRuleStep *step,
           GError **error)
{
    if (step->kind == VS_STEP_VERDICT) {
        return check_target(marks, rule, &step->verdict, error);
    }
    if (step->kind == VS_STEP_VMAP) {
        const GPtrArray *elements = step->lookup.set->elements;

        for (unsigned i = 0; i < elements->len; i++) {
            const VsSetElement *element = elements->pdata[i];

            if (!check_target(marks, rule, &element->verdict, error)) {
                return false;
            }
        }
    }
    return true;
}

/* Recursive: as deep as the chains are nested. */
static bool
check_chain(GHashTable *marks, VsChain *chain, GError **error)
{
    if (GPOINTER_TO_INT(g_hash_table_lookup(marks, chain)) == DONE) {
        return true;
    }
    g_hash_table_insert(marks, chain, GINT_TO_POINTER(ON_PATH));
    for (unsigned i = 0; i < chain->rules->len; i++) {
        const VsRule *rule = chain->rules->pdata[i];

        for (unsigned j = 0; j < rule->n_steps; j++) {
            if (!check_step(marks, rule, &rule->steps[j], error)) {
                return false;
            }
        }
    }
    g_hash_table_insert(marks, chain, GINT_TO_POINTER(DONE));
    return true;
}

static bool
link_table(VsRuleTable *table, GError **error)
{
    g_autoptr(GHashTable) marks = g_hash_table_new(NULL, NULL);

    for (unsigned i = 0; i < table->chains->len; i++) {
        VsChain *chain = table->chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            VsRule *rule = chain->rules->pdata[j];

            for (unsigned k = 0; k < rule->n_steps; k++) {
                if (!link_step(rule, &rule->steps[k], error)) {
                    return false;
                }
            }
        }
    }
    for (unsigned i = 0; i < table->chains->len; i++) {
        if (!check_chain(marks, table->chains->pdata[i], error)) {
            return false;
        }
    }
    return true;
}

bool
vs_ruleset_link(VsRuleset *ruleset, GError **error)
{
    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        if (!link_table(ruleset->tables->pdata[i], error)) {
            return false;
        }
    }
    return true;
}

void
vs_ruleset_touch(VsRuleset *ruleset)
{
    ruleset->generation++;
}

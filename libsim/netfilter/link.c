/* Linking a ruleset: names become pointers, and circles are refused. */
#include "netfilter/recent.h"
#include "netfilter/ruleset.h"

/* Where an error is: a rule, or NULL for a named map. */
static bool G_GNUC_PRINTF(4, 5) fail(GError **error, VsRulesetError code,
                                     const VsRule *rule, const char *format, ...)
{
    va_list args;
    g_autofree char *text = NULL;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    if (rule && rule->line) {
        g_set_error(error, VS_RULESET_ERROR, code, "%u: %s", rule->line, text);
    } else {
        g_set_error_literal(error, VS_RULESET_ERROR, code, text);
    }
    return false;
}

static bool
find_chain(const VsRuleTable *table, const VsRule *rule, VsRuleVerdict *verdict,
           GError **error)
{
    if (verdict->kind != VS_RULE_JUMP && verdict->kind != VS_RULE_GOTO) {
        return true;
    }
    verdict->chain = vs_rule_table_find_chain(table, verdict->target);
    if (!verdict->chain) {
        return fail(error, VS_RULESET_ERROR_REFERENCE, rule,
                    "there is no chain \"%s\" to go to", verdict->target);
    }
    if (verdict->chain->type != VS_CHAIN_REGULAR) {
        return fail(error, VS_RULESET_ERROR_REFERENCE, rule,
                    "chain \"%s\" is a base chain, which rules cannot jump to",
                    verdict->target);
    }
    return true;
}

/* Where a verdict map, of 'rule' or with a name, leads. */
static bool
link_map(const VsRuleTable *table, const VsRule *rule, const VsSet *map, GError **error)
{
    for (unsigned i = 0; i < map->elements->len; i++) {
        VsSetElement *element = map->elements->pdata[i];

        if (!find_chain(table, rule, &element->verdict, error)) {
            return false;
        }
    }
    return true;
}

static bool
link_lookup(const VsRule *rule, VsLookup *lookup, bool wants_map, GError **error)
{
    const VsRuleTable *table = rule->chain->table;

    if (!lookup->set_name) {
        g_assert(lookup->set && lookup->set->is_map == wants_map);
        return !wants_map || link_map(table, rule, lookup->set, error);
    }
    lookup->set = vs_ruleset_find_set(table->ruleset,
                                      table->dialect == VS_DIALECT_NFT ? table : NULL,
                                      lookup->set_name);
    if (!lookup->set || lookup->set->is_map != wants_map) {
        return fail(error, VS_RULESET_ERROR_REFERENCE, rule, "there is no %s \"%s\"",
                    wants_map ? "map" : "set", lookup->set_name);
    }
    return true;
}

static bool
link_recent(const VsRule *rule, VsRecent *recent, GError **error)
{
    GHashTable *lists = rule->chain->table->ruleset->recent_lists;

    if (recent->hitcount > VS_RECENT_MAX_HITCOUNT) {
        return fail(error, VS_RULESET_ERROR_UNSUPPORTED, rule,
                    "hitcount %u is more than %d", recent->hitcount,
                    VS_RECENT_MAX_HITCOUNT);
    }
    recent->list = g_hash_table_lookup(lists, recent->name);
    if (!recent->list) {
        recent->list = vs_recent_list_new(recent->mask);
        g_hash_table_insert(lists, g_strdup(recent->name), recent->list);
    }
    vs_recent_list_reserve(recent->list, recent->hitcount);
    return true;
}

/* What a full burst is worth must fit a time, as in xt_limit. */
static bool
check_limit(const VsRule *rule, const VsLimit *limit, GError **error)
{
    VsTime cost;

    g_assert(limit->amount > 0 && limit->unit > 0);
    cost = limit->unit / limit->amount;
    if (limit->burst == 0 || cost == 0 || cost > VS_TIME_NEVER / 2 / limit->burst) {
        return fail(error, VS_RULESET_ERROR_UNSUPPORTED, rule,
                    "a burst of %u is out of range for this rate", limit->burst);
    }
    return true;
}

static bool
link_step(const VsRule *rule, VsRuleStep *step, GError **error)
{
    switch (step->kind) {
    case VS_STEP_VERDICT:
        return find_chain(rule->chain->table, rule, &step->verdict, error);
    case VS_STEP_LOOKUP:
        return link_lookup(rule, &step->lookup, false, error);
    case VS_STEP_VMAP:
        return link_lookup(rule, &step->lookup, true, error);
    case VS_STEP_UPDATE:
        return link_lookup(rule, &step->update.key, false, error);
    case VS_STEP_RECENT:
        return link_recent(rule, &step->recent, error);
    case VS_STEP_LIMIT:
        return check_limit(rule, &step->limit, error);
    default:
        return true;
    }
}

/* A depth-first search for circles and for the deepest nesting. */
typedef struct Search {
    unsigned max_depth;
    GHashTable *heights; /* Chains seen: how many chains deep each is, or ON_PATH. */
    GError **error;
} Search;

#define ON_PATH G_MAXUINT

static unsigned check_chain(Search *search, const VsRule *from, VsChain *chain,
                            unsigned depth);

/* The height below 'verdict' of 'rule'; ON_PATH after an error. */
static unsigned
check_verdict(Search *search, const VsRule *rule, const VsRuleVerdict *verdict,
              unsigned depth)
{
    return verdict->chain ? check_chain(search, rule, verdict->chain, depth) : 0;
}

static unsigned
check_step(Search *search, const VsRule *rule, const VsRuleStep *step, unsigned depth)
{
    unsigned height = 0;

    if (step->kind == VS_STEP_VERDICT) {
        return check_verdict(search, rule, &step->verdict, depth);
    }
    if (step->kind == VS_STEP_VMAP) {
        const GPtrArray *elements = step->lookup.set->elements;

        for (unsigned i = 0; i < elements->len && height != ON_PATH; i++) {
            const VsSetElement *element = elements->pdata[i];
            unsigned below = check_verdict(search, rule, &element->verdict, depth);

            height = MAX(height, below); /* ON_PATH is the greatest. */
        }
    }
    return height;
}

/* The height of 'chain', which 'from' goes to (NULL: a first one), with 'depth' chains above
 * it; ON_PATH after an error.  Recursive: no deeper than the limit. */
static unsigned
check_chain(Search *search, const VsRule *from, VsChain *chain, unsigned depth)
{
    unsigned height = GPOINTER_TO_UINT(g_hash_table_lookup(search->heights, chain));

    if (height == ON_PATH) {
        fail(search->error, VS_RULESET_ERROR_LOOP, from,
             "going to chain \"%s\" makes a circle", chain->name);
        return ON_PATH;
    }
    if (depth + MAX(height, 1) > search->max_depth) {
        fail(search->error, VS_RULESET_ERROR_UNSUPPORTED, from,
             "chain \"%s\" makes more than %u nested chains", chain->name,
             search->max_depth);
        return ON_PATH;
    }
    if (height > 0) {
        return height;
    }
    g_hash_table_insert(search->heights, chain, GUINT_TO_POINTER(ON_PATH));
    for (unsigned i = 0; i < chain->rules->len; i++) {
        const VsRule *rule = chain->rules->pdata[i];

        for (unsigned j = 0; j < rule->n_steps; j++) {
            unsigned below = check_step(search, rule, &rule->steps[j], depth + 1);

            if (below == ON_PATH) {
                return ON_PATH;
            }
            height = MAX(height, below);
        }
    }
    g_hash_table_insert(search->heights, chain, GUINT_TO_POINTER(height + 1));
    return height + 1;
}

static bool
link_names(VsRuleTable *table, GError **error)
{
    for (unsigned i = 0; i < table->sets->len; i++) {
        const VsSet *set = table->sets->pdata[i];

        if (set->is_map && !link_map(table, NULL, set, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < table->chains->len; i++) {
        const VsChain *chain = table->chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            const VsRule *rule = chain->rules->pdata[j];

            for (unsigned k = 0; k < rule->n_steps; k++) {
                if (!link_step(rule, &rule->steps[k], error)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool
check_nesting(VsRuleTable *table, GError **error)
{
    g_autoptr(GHashTable) heights = g_hash_table_new(NULL, NULL);
    g_autoptr(GError) found = NULL;
    Search search = {.heights = heights, .error = &found};

    search.max_depth =
        table->dialect == VS_DIALECT_NFT ? VS_CHAIN_MAX_DEPTH_NFT : VS_CHAIN_MAX_DEPTH;
    for (unsigned i = 0; i < table->chains->len && !found; i++) {
        check_chain(&search, NULL, table->chains->pdata[i], 0);
    }
    if (found) {
        g_propagate_error(error, g_steal_pointer(&found));
        return false;
    }
    return true;
}

bool
vs_ruleset_link(VsRuleset *ruleset, GError **error)
{
    for (unsigned i = 0; i < ruleset->tables->len; i++) {
        VsRuleTable *table = ruleset->tables->pdata[i];

        if (!link_names(table, error) || !check_nesting(table, error)) {
            return false;
        }
    }
    vs_ruleset_touch(ruleset);
    return true;
}

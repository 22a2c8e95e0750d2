#include "results/trace_rules.h"

#include "netfilter/filter.h"
#include "netfilter/rule_story.h"

static void
list_chain(const VsChain *chain, VsTraceRuleFound found, void *data)
{
    for (guint i = 0; i < chain->rules->len; i++) {
        const VsRule *rule = chain->rules->pdata[i];
        g_autofree char *text = vs_rule_print(rule);

        found(&(VsTraceRule){.table = chain->table->name,
                             .chain = chain->name,
                             .number = rule->number,
                             .n_rules = chain->rules->len,
                             .text = text},
              data);
    }
}

static void
list_rules(const VsTraceRules *rules, const VsNetns *netns, VsTraceRuleFound found,
           void *data)
{
    const VsFilter *filter = vs_filter_of(netns);
    const GPtrArray *tables = filter ? vs_filter_ruleset(filter)->tables : NULL;

    (void)rules;
    for (guint i = 0; tables && i < tables->len; i++) {
        const VsRuleTable *table = tables->pdata[i];

        for (guint j = 0; j < table->chains->len; j++) {
            list_chain(table->chains->pdata[j], found, data);
        }
    }
}

const VsTraceRules vs_trace_rules = {.list = list_rules};

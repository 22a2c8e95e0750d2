#include "models/kubeproxy/targets.h"

static VsKey
target_key(const void *target)
{
    return (VsKey){{(uintptr_t)target, 1}};
}

static void
link_rules(VsRuleset *ruleset)
{
    g_autoptr(GError) error = NULL;

    if (!vs_ruleset_link(ruleset, &error)) {
        g_error("kube-proxy's rules do not hang together: %s", error->message);
    }
}

VsRuleset *
proxy_ruleset_new(const VsNode *node, ProxyTargets *targets)
{
    VsRuleset *ruleset = vs_ruleset_new();

    targets->bindings = g_array_new(FALSE, FALSE, sizeof(ProxyBinding));
    proxy_compile(node, ruleset, targets->bindings);
    link_rules(ruleset);
    vs_table_init(&targets->steps);
    proxy_targets_index(targets);
    return ruleset;
}

/* The chains that come and go with services and endpoints; kube-proxy's table of nft is
 * its own as a whole. */
static bool
is_own(const VsChain *chain)
{
    static const char *const prefixes[] = {PROXY_SVC, PROXY_SVL, PROXY_EXT, PROXY_FW,
                                           PROXY_SEP};

    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (g_str_has_prefix(chain->name, prefixes[i])) {
            return true;
        }
    }
    return chain->table->dialect == VS_DIALECT_NFT;
}

/* The rule of 'ruleset' that stands for 'rule', which was not taken over. */
static const VsRule *
twin_of(const VsRuleset *ruleset, const VsRule *rule)
{
    const VsRuleTable *table = vs_ruleset_find_table(
        ruleset, rule->chain->table->dialect, rule->chain->table->name);
    const VsChain *chain = vs_rule_table_find_chain(table, rule->chain->name);

    return chain->rules->pdata[rule->number - 1];
}

void
proxy_targets_replace(ProxyTargets *targets, VsRuleset *ruleset, VsRuleset *wanted,
                      GArray *bindings)
{
    vs_ruleset_replace(ruleset, wanted, is_own);
    link_rules(ruleset);
    for (unsigned i = 0; i < bindings->len; i++) {
        ProxyBinding *binding = &g_array_index(bindings, ProxyBinding, i);

        if (binding->rule->chain->table->ruleset == wanted) {
            binding->rule = twin_of(ruleset, binding->rule);
        }
    }
    vs_ruleset_free(wanted);
    proxy_targets_clear(targets);
    targets->bindings = bindings;
    proxy_targets_index(targets);
}

void
proxy_targets_clear(ProxyTargets *targets)
{
    vs_table_clear(&targets->steps);
    g_array_free(targets->bindings, TRUE);
}

void
proxy_targets_index(ProxyTargets *targets)
{
    vs_table_clear(&targets->steps);
    vs_table_init(&targets->steps);
    for (unsigned i = 0; i < targets->bindings->len; i++) {
        ProxyBinding *binding = &g_array_index(targets->bindings, ProxyBinding, i);
        const VsRule *rule = binding->rule;
        const void *target = rule ? (const void *)&rule->steps[rule->n_steps - 1]
                                  : (const void *)binding->server;

        vs_table_insert(&targets->steps, target_key(target), binding);
    }
}

static void
count(const ProxyTargets *targets, const void *target)
{
    const ProxyBinding *binding = vs_table_find(&targets->steps, target_key(target));

    if (binding) {
        binding->service->shares->shares[binding->share].count++;
    }
}

void
proxy_translated(void *targets, const VsRuleStep *nat)
{
    count(targets, nat);
}

void
proxy_scheduled(void *targets, const VsIpvsServer *server)
{
    count(targets, server);
}

#include "models/kubeproxy/targets.h"

static VsKey
step_key(const VsRuleStep *step)
{
    return (VsKey){{(uintptr_t)step, 1}};
}

VsRuleset *
proxy_ruleset_new(const VsNode *node, ProxyTargets *targets)
{
    VsRuleset *ruleset = vs_ruleset_new();
    g_autoptr(GError) error = NULL;

    targets->bindings = g_array_new(FALSE, FALSE, sizeof(ProxyBinding));
    vs_table_init(&targets->steps);
    proxy_compile(node, ruleset, targets->bindings);
    if (!vs_ruleset_link(ruleset, &error)) {
        g_error("kube-proxy's rules do not hang together: %s", error->message);
    }
    for (unsigned i = 0; i < targets->bindings->len; i++) {
        ProxyBinding *binding = &g_array_index(targets->bindings, ProxyBinding, i);
        const VsRule *rule = binding->rule;

        vs_table_insert(&targets->steps, step_key(&rule->steps[rule->n_steps - 1]),
                        binding);
    }
    return ruleset;
}

void
proxy_targets_clear(ProxyTargets *targets)
{
    vs_table_clear(&targets->steps);
    g_array_free(targets->bindings, TRUE);
}

void
proxy_translated(void *targets_, const VsRuleStep *nat)
{
    const ProxyTargets *targets = targets_;
    const ProxyBinding *binding = vs_table_find(&targets->steps, step_key(nat));

    if (binding) {
        binding->service->shares->shares[binding->share].count++;
    }
}

#include "models/kubeproxy/targets.h"

static VsKey
target_key(const void *target)
{
    return (VsKey){{(uintptr_t)target, 1}};
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
    proxy_targets_index(targets);
    return ruleset;
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

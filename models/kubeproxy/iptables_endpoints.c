#include <math.h>

#include "models/kubeproxy/iptables.h"

/* xt_statistic compares 31 random bits. */
#define STATISTIC_ONE 2147483648.0

static VsRuleStep *
last_step(VsRule *rule)
{
    return &rule->steps[rule->n_steps - 1];
}

/* What iptables makes of 1/n as kube-proxy prints it, with ten decimals. */
static uint32_t
statistic_threshold(unsigned n)
{
    double printed = floor(1e10 / n + 0.5) / 1e10;

    return (uint32_t)(STATISTIC_ONE * printed + 0.5);
}

static VsRule *
add_endpoint_rule(const IptWriter *writer, const ProxyService *service,
                  const char *chain, const VsEndpoint *endpoint)
{
    VsRule *rule = vs_rule_table_add_rule(writer->nat, chain);

    if (!writer->is_large) {
        g_autofree char *target = proxy_endpoint_name(endpoint);
        g_autofree char *comment = g_strdup_printf("%s -> %s", service->name, target);

        vs_rule_comment(rule, comment);
    }
    return rule;
}

static VsRecent *
match_recent(VsRule *rule, const char *list, VsRecentCheck check)
{
    VsRecent *recent =
        &vs_rule_add_step(rule, VS_STEP_RECENT, VS_MODULE_RECENT)->recent;

    recent->name = g_strdup(list);
    recent->check = check;
    recent->mask = UINT32_MAX;
    return recent;
}

/* Rule i of n is taken with probability 1/(n - i), the last one always: each endpoint is
 * as likely as any other. */
static void
write_choice(const IptWriter *writer, const ProxyService *service, const char *prefix,
             const GPtrArray *endpoints, char *const *bases)
{
    const VsService *of = service->service;
    g_autofree char *chain = g_strconcat(prefix, service->base, NULL);

    for (unsigned i = 0; of->affinity_s > 0 && i < endpoints->len; i++) {
        VsRule *rule = add_endpoint_rule(writer, service, chain, endpoints->pdata[i]);
        g_autofree char *list = g_strconcat(
            PROXY_SEP, bases[((const VsEndpoint *)endpoints->pdata[i])->share], NULL);
        VsRecent *recent = match_recent(rule, list, VS_RECENT_RCHECK);

        recent->seconds = of->affinity_s;
        recent->is_reaping = true;
        vs_rule_jump(rule, list);
    }
    for (unsigned i = 0; i < endpoints->len; i++) {
        const VsEndpoint *endpoint = endpoints->pdata[i];
        VsRule *rule = add_endpoint_rule(writer, service, chain, endpoint);

        if (i + 1 < endpoints->len) {
            vs_rule_add_step(rule, VS_STEP_RANDOM, VS_MODULE_STATISTIC)
                ->random.threshold = statistic_threshold(endpoints->len - i);
        }
        ipt_add_jump(rule, PROXY_SEP, bases[endpoint->share]);
    }
}

static void
write_endpoint_chain(const IptWriter *writer, const ProxyService *service,
                     const VsEndpoint *endpoint, const char *base)
{
    const VsService *of = service->service;
    g_autofree char *chain = g_strconcat(PROXY_SEP, base, NULL);
    VsRule *rule = vs_rule_table_add_rule(writer->nat, chain);

    /* A pod that reaches itself must not see its own address come in. */
    vs_rule_match_prefix(rule, VS_FIELD_SADDR, endpoint->address, 32, false);
    if (!writer->is_large) {
        vs_rule_comment(rule, service->name);
    }
    vs_rule_jump(rule, "KUBE-MARK-MASQ");

    rule = vs_rule_table_add_rule(writer->nat, chain);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, of->protocol);
    if (!writer->is_large) {
        vs_rule_comment(rule, service->name);
    }
    if (of->affinity_s > 0) {
        match_recent(rule, chain, VS_RECENT_SET);
    }
    /* "-m tcp" that asks for nothing: any port. */
    vs_rule_match(rule, ipt_module_of(of), VS_FIELD_DPORT, 0);
    last_step(rule)->range.max = UINT16_MAX;
    vs_rule_dnat(rule, endpoint->address, endpoint->port);
    proxy_bind(writer->bindings, rule, service, endpoint);
}

void
ipt_write_endpoints(const IptWriter *writer, const ProxyService *service)
{
    const ProxyEndpoints *endpoints = &service->endpoints;
    g_autofree char **bases = g_new0(char *, MAX(service->service->n_all_endpoints, 1));

    for (unsigned i = 0; i < endpoints->all->len; i++) {
        const VsEndpoint *endpoint = endpoints->all->pdata[i];

        bases[endpoint->share] = proxy_iptables_base(service->service, endpoint);
    }
    write_choice(writer, service, PROXY_SVC, endpoints->cluster, bases);
    write_choice(writer, service, PROXY_SVL, endpoints->local, bases);
    for (unsigned i = 0; i < endpoints->all->len; i++) {
        const VsEndpoint *endpoint = endpoints->all->pdata[i];

        write_endpoint_chain(writer, service, endpoint, bases[endpoint->share]);
        g_free(bases[endpoint->share]);
    }
}

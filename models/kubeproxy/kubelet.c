#include "models/kubeproxy/compile.h"

#define LOCALHOST 0x7f000000 /* 127.0.0.0/8 */

void
proxy_write_canaries(VsRuleset *ruleset, const char *name)
{
    static const char *const tables[] = {"mangle", "nat", "filter"};

    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        vs_rule_table_get_chain(
            vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, tables[i]), name);
    }
}

/* Nobody outside reaches what listens on 127.0.0.1, though route_localnet is on. */
static void
write_firewall(VsRuleTable *filter)
{
    VsRule *rule = vs_rule_table_add_rule(filter, "KUBE-FIREWALL");

    vs_rule_match_prefix(rule, VS_FIELD_SADDR, LOCALHOST, 8, true);
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, LOCALHOST, 8, false);
    vs_rule_comment(rule, "block incoming localnet connections");
    vs_rule_match_bits(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                       VS_CT_STATE_RELATED | VS_CT_STATE_ESTABLISHED |
                           VS_CT_STATE_DNAT);
    rule->steps[rule->n_steps - 1].range.is_inverted = true;
    vs_rule_verdict(rule, VS_RULE_DROP);
}

void
proxy_kubelet_compile(VsRuleset *ruleset)
{
    VsRuleTable *mangle = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "mangle");
    VsRuleTable *filter = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "filter");
    static const char *const bases[] = {"INPUT", "OUTPUT"};

    proxy_write_canaries(ruleset, "KUBE-KUBELET-CANARY");
    vs_rule_table_get_chain(mangle, "KUBE-IPTABLES-HINT");
    write_firewall(filter);
    for (unsigned i = 0; i < G_N_ELEMENTS(bases); i++) {
        vs_rule_jump(vs_rule_table_add_rule(filter, bases[i]), "KUBE-FIREWALL");
    }
}

#include "models/kubeproxy/iptables.h"

#define LAST_RULE_COMMENT \
    "kubernetes service nodeports; NOTE: this must be the last rule in this chain"

/* Where the kernel's chains hand over to kube-proxy's.  Each was put before those that were
 * there, which is why the table is the real one's turned round. */
static const struct {
    const char *table;
    const char *from;
    const char *to;
    const char *comment;
    bool is_for_new; /* -m conntrack --ctstate NEW */
} jumps[] = {
    {"nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules", false},
    {"nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals", false},
    {"nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals", false},
    {"filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall",
     true},
    {"filter", "OUTPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall",
     true},
    {"filter", "INPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall",
     true},
    {"filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules", false},
    {"filter", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals", true},
    {"filter", "FORWARD", "KUBE-SERVICES", "kubernetes service portals", true},
    {"filter", "INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports",
     false},
    {"filter", "FORWARD", "KUBE-EXTERNAL-SERVICES",
     "kubernetes externally-visible service portals", true},
    {"filter", "INPUT", "KUBE-EXTERNAL-SERVICES",
     "kubernetes externally-visible service portals", true},
};

void
ipt_add_jump(VsRule *rule, const char *prefix, const char *base)
{
    g_autofree char *chain = g_strconcat(prefix, base, NULL);

    vs_rule_jump(rule, chain);
}

VsModule
ipt_module_of(const VsService *service)
{
    return service->protocol == VS_PROTOCOL_UDP ? VS_MODULE_UDP : VS_MODULE_TCP;
}

static void
write_jumps(VsRuleset *ruleset)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(jumps); i++) {
        VsRuleTable *table =
            vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, jumps[i].table);
        VsRule *rule = vs_rule_table_add_rule(table, jumps[i].from);

        if (jumps[i].is_for_new) {
            vs_rule_match_bits(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                               VS_CT_STATE_NEW);
        }
        vs_rule_comment(rule, jumps[i].comment);
        vs_rule_jump(rule, jumps[i].to);
        vs_rule_table_get_chain(table, jumps[i].to);
    }
}

void
proxy_write_forwarding(VsRuleTable *filter)
{
    VsRule *rule;

    rule = vs_rule_table_add_rule(filter, "KUBE-FORWARD");
    vs_rule_comment(rule, "kubernetes forwarding rules");
    vs_rule_match_mark(rule, PROXY_MARK_MASQUERADE, PROXY_MARK_MASQUERADE, false);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);

    rule = vs_rule_table_add_rule(filter, "KUBE-FORWARD");
    vs_rule_comment(rule, "kubernetes forwarding conntrack rule");
    vs_rule_match_bits(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                       VS_CT_STATE_RELATED | VS_CT_STATE_ESTABLISHED);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);
}

void
proxy_write_masquerading(VsRuleTable *nat)
{
    VsRule *rule = vs_rule_table_add_rule(nat, "KUBE-POSTROUTING");
    VsRuleStep *masquerade;

    vs_rule_match_mark(rule, PROXY_MARK_MASQUERADE, PROXY_MARK_MASQUERADE, true);
    vs_rule_verdict(rule, VS_RULE_RETURN);
    vs_rule_set_mark(vs_rule_table_add_rule(nat, "KUBE-POSTROUTING"),
                     PROXY_MARK_MASQUERADE, 0);
    rule = vs_rule_table_add_rule(nat, "KUBE-POSTROUTING");
    vs_rule_comment(rule, "kubernetes service traffic requiring SNAT");
    masquerade = vs_rule_add_step(rule, VS_STEP_MASQUERADE, VS_MODULE_BASE);
    masquerade->nat.is_random_fully = true;

    vs_rule_set_mark(vs_rule_table_add_rule(nat, "KUBE-MARK-MASQ"),
                     PROXY_MARK_MASQUERADE, PROXY_MARK_MASQUERADE);
}

static void
write_node_port_jumps(const IptWriter *writer)
{
    GArray *addresses = proxy_node_port_addresses(writer->node, VS_PROXY_IPTABLES);
    VsRule *rule;

    if (!addresses) {
        rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
        vs_rule_comment(rule, LAST_RULE_COMMENT);
        vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_DADDR_TYPE,
                           VS_ADDR_TYPE_LOCAL);
        vs_rule_jump(rule, "KUBE-NODEPORTS");
        return;
    }
    for (unsigned i = 0; i < addresses->len; i++) {
        rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
        vs_rule_match_prefix(rule, VS_FIELD_DADDR, g_array_index(addresses, VsAddr, i),
                             32, false);
        vs_rule_comment(rule, LAST_RULE_COMMENT);
        vs_rule_jump(rule, "KUBE-NODEPORTS");
    }
    g_array_free(addresses, TRUE);
}

static void
write_forwarding(const IptWriter *writer)
{
    VsRule *rule = vs_rule_table_add_rule(writer->filter, "KUBE-FORWARD");

    vs_rule_match_bits(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE,
                       VS_CT_STATE_INVALID);
    vs_rule_verdict(rule, VS_RULE_DROP);
    proxy_write_forwarding(writer->filter);
}

void
proxy_iptables_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings)
{
    const GPtrArray *services = node->cluster->services;
    unsigned n_endpoints = 0;
    IptWriter writer = {.node = node, .bindings = bindings};

    proxy_write_canaries(ruleset, "KUBE-PROXY-CANARY");
    write_jumps(ruleset);
    writer.nat = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    writer.filter = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "filter");
    vs_rule_table_get_chain(writer.nat, "KUBE-NODEPORTS");
    for (unsigned i = 0; i < services->len; i++) {
        n_endpoints += proxy_n_endpoints(services->pdata[i], node);
    }
    writer.is_large = n_endpoints > PROXY_LARGE_CLUSTER;
    proxy_write_masquerading(writer.nat);
    for (unsigned i = 0; i < services->len; i++) {
        ipt_write_service(&writer, services->pdata[i]);
    }
    write_node_port_jumps(&writer);
    write_forwarding(&writer);
}

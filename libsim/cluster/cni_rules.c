/* Rules by which plug-ins give pods' packets to the world outside the node's address.
 *
 * Sources: amazon-vpc-cni-k8s pkg/networkutils (AWS-SNAT-CHAIN-0, without external SNAT and
 * excluded ranges), flannel pkg/trafficmngr/iptables (--ip-masq, FLANNEL-POSTRTG).  In
 * POSTROUTING both stand after kube-proxy's.  The reference plug-in has no such rule unless
 * ipMasq asks for it. */
#include "cluster/cluster.h"
#include "netfilter/ruleset.h"

#define MULTICAST 0xe0000000 /* 224.0.0.0/4 */
#define KUBE_MARK_MASQ 0x4000

void
vs_cni_add_rules(const VsNode *node, VsRuleset *ruleset)
{
    const VsCni *cni = node->cluster->cni;
    g_autoptr(GError) error = NULL;

    if (!cni->add_rules) {
        return;
    }
    cni->add_rules(node, ruleset);
    if (!vs_ruleset_link(ruleset, &error)) {
        g_error("the rules of %s do not hang together: %s", cni->name, error->message);
    }
}

static VsRule *
add_rule(VsRuleset *ruleset, const char *chain)
{
    VsRuleTable *nat = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat");

    return vs_rule_table_add_rule(nat, chain);
}

static void
add_jump(VsRuleset *ruleset, const char *chain, const char *comment)
{
    VsRule *rule = add_rule(ruleset, "POSTROUTING");

    vs_rule_comment(rule, comment);
    vs_rule_jump(rule, chain);
}

/* ---- Amazon VPC CNI -------------------------------------------------------------- */

#define VPC_CHAIN "AWS-SNAT-CHAIN-0"

/* ! -o vlan+: interfaces of pods with security groups of their own, which we have not. */
static void
match_no_vlan(VsRule *rule)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_NAME, VS_MODULE_BASE);

    step->name.field = VS_FIELD_OIF;
    step->name.name = g_strdup("vlan+");
    step->name.is_inverted = true;
}

void
vs_cni_add_vpc_rules(const VsNode *node, VsRuleset *ruleset)
{
    VsPrefix vpc = node->cluster->pod_cidr;
    VsAddr address = vs_node_address(node);
    VsRuleStep *step;
    VsRule *rule;

    if (address == 0) {
        return;
    }
    add_jump(ruleset, VPC_CHAIN, "AWS SNAT CHAIN");
    rule = add_rule(ruleset, VPC_CHAIN);
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, vpc.address, vpc.length, false);
    vs_rule_comment(rule, "AWS SNAT CHAIN");
    vs_rule_verdict(rule, VS_RULE_RETURN);

    rule = add_rule(ruleset, VPC_CHAIN);
    match_no_vlan(rule);
    vs_rule_comment(rule, "AWS, SNAT");
    vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_DADDR_TYPE,
                       VS_ADDR_TYPE_LOCAL);
    rule->steps[rule->n_steps - 1].range.is_inverted = true;
    step = vs_rule_add_step(rule, VS_STEP_SNAT, VS_MODULE_BASE);
    step->nat = (VsNatRange){.has_address = true,
                             .min_address = address,
                             .max_address = address,
                             .is_random_fully = true};
}

/* ---- flannel --------------------------------------------------------------------- */

#define FLANNEL_CHAIN "FLANNEL-POSTRTG"
#define FLANNEL_COMMENT "flanneld masq"

static void
match_range(VsRule *rule, VsField field, VsPrefix range, bool is_inverted)
{
    vs_rule_match_prefix(rule, field, range.address, range.length, is_inverted);
}

static void
add_return(VsRuleset *ruleset, VsPrefix from, bool is_not_from, VsPrefix to)
{
    VsRule *rule = add_rule(ruleset, FLANNEL_CHAIN);

    match_range(rule, VS_FIELD_SADDR, from, is_not_from);
    match_range(rule, VS_FIELD_DADDR, to, false);
    vs_rule_comment(rule, FLANNEL_COMMENT);
    vs_rule_verdict(rule, VS_RULE_RETURN);
}

static void
add_masquerade(VsRuleset *ruleset, VsPrefix from, bool is_not_from, VsPrefix to,
               bool is_not_to)
{
    VsRule *rule = add_rule(ruleset, FLANNEL_CHAIN);

    match_range(rule, VS_FIELD_SADDR, from, is_not_from);
    match_range(rule, VS_FIELD_DADDR, to, is_not_to);
    vs_rule_comment(rule, FLANNEL_COMMENT);
    vs_rule_add_step(rule, VS_STEP_MASQUERADE, VS_MODULE_BASE)->nat.is_random_fully =
        true;
}

void
vs_cni_add_flannel_rules(const VsNode *node, VsRuleset *ruleset)
{
    static const VsPrefix multicast = {MULTICAST, 4, true};
    VsPrefix all = node->cluster->pod_cidr;
    VsPrefix here = node->pod_cidr;
    VsRule *rule;

    add_jump(ruleset, FLANNEL_CHAIN, FLANNEL_COMMENT);
    rule = add_rule(ruleset, FLANNEL_CHAIN);
    vs_rule_match_mark(rule, KUBE_MARK_MASQ, KUBE_MARK_MASQ, false);
    vs_rule_comment(rule, FLANNEL_COMMENT);
    vs_rule_verdict(rule, VS_RULE_RETURN);
    add_return(ruleset, here, false, all);
    add_return(ruleset, all, false, here);
    add_return(ruleset, all, true, here);
    add_masquerade(ruleset, all, false, multicast, true);
    add_masquerade(ruleset, all, true, all, false);
}

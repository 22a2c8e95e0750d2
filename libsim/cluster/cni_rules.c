/* Rules by which plug-ins give pods' packets to the world outside the node's address, and
 * the Amazon VPC CNI keeps connections to the node's first interface.
 *
 * Sources: containernetworking plugins pkg/ip/ipmasq_iptables_linux.go and pkg/utils (ipMasq);
 * amazon-vpc-cni-k8s pkg/networkutils (updateHostIptablesRules, without excluded ranges and
 * --limit-iface-in of the first rule of mangle); flannel pkg/trafficmngr/iptables (--ip-masq, FLANNEL-POSTRTG); calico felix
 * rules/nat.go and static.go (natOutgoing).  In POSTROUTING they stand after kube-proxy's,
 * but for Calico's, which insists on the first place. */
#include "cluster/cluster.h"
#include "netfilter/iptables.h"
#include "netfilter/ruleset.h"

#define MULTICAST 0xe0000000 /* 224.0.0.0/4 */
#define KUBE_MARK_MASQ 0x4000

void
vs_cni_add_rules(const VsNode *node, VsRuleset *ruleset)
{
    const VsCni *cni = node->cluster->cni;
    g_autoptr(GError) error = NULL;

    if (cni->add_rules) {
        cni->add_rules(node, ruleset);
    }
    if ((node->agent_rules &&
         !vs_iptables_read(ruleset, node->agent_rules, "agent", &error)) ||
        !vs_ruleset_link(ruleset, &error)) {
        g_error("the rules of %s and the node's agent do not hang together: %s",
                cni->name, error->message);
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

static void
match_range(VsRule *rule, VsField field, VsPrefix range, bool is_inverted)
{
    vs_rule_match_prefix(rule, field, range.address, range.length, is_inverted);
}

static const VsPrefix multicast = {MULTICAST, 4, true};

/* ---- bridge ---------------------------------------------------------------------- */

#define BRIDGE_NETWORK "bridge" /* "name" of its configuration. */

enum { N_CHAIN_DIGITS = 24 }; /* "CNI-" and these are a chain's longest name. */

char *
vs_cni_container_id(const char *pod)
{
    g_autofree char *workload = g_strdup_printf("default.%s", pod);

    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, workload, -1);
}

char *
vs_cni_masquerade_chain(const char *network, const char *container_id)
{
    g_autofree char *text = g_strconcat(network, container_id, NULL);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA512, text, -1);

    return g_strdup_printf("CNI-%.*s", N_CHAIN_DIGITS, hash);
}

static void
add_bridge_chain(const VsPod *pod, VsRuleset *ruleset)
{
    g_autofree char *id = vs_cni_container_id(pod->name);
    g_autofree char *chain = vs_cni_masquerade_chain(BRIDGE_NETWORK, id);
    g_autofree char *comment =
        g_strdup_printf("name: \"%s\" id: \"%s\"", BRIDGE_NETWORK, id);
    VsRule *rule = add_rule(ruleset, chain);

    match_range(rule, VS_FIELD_DADDR, pod->node->pod_cidr, false);
    vs_rule_comment(rule, comment);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);

    rule = add_rule(ruleset, chain);
    match_range(rule, VS_FIELD_DADDR, multicast, true);
    vs_rule_comment(rule, comment);
    vs_rule_add_step(rule, VS_STEP_MASQUERADE, VS_MODULE_BASE);

    rule = add_rule(ruleset, "POSTROUTING");
    vs_rule_match_prefix(rule, VS_FIELD_SADDR, pod->address, 32, false);
    vs_rule_comment(rule, comment);
    vs_rule_jump(rule, chain);
}

void
vs_cni_add_bridge_rules(const VsNode *node, VsRuleset *ruleset)
{
    const GPtrArray *pods = node->cluster->pods;

    if (!node->cluster->masquerades_pods) {
        return;
    }
    for (unsigned i = 0; i < pods->len; i++) {
        const VsPod *pod = pods->pdata[i];

        if (pod->node == node) {
            add_bridge_chain(pod, ruleset);
        }
    }
}

/* ---- Calico ---------------------------------------------------------------------- */

#define CALICO_ALL_POOLS "cali40all-ipam-pools"
#define CALICO_MASQ_POOLS "cali40masq-ipam-pools"

enum { IPSET_MAXELEM = 1048576 }; /* Felix's maxIpsetSize. */

/* Felix marks its rules with a hash of the chain up to them: SHA-224 over that of the rule
 * before, at first of the chain's name, and the rule as "-A CHAIN HASH MATCH --jump TARGET",
 * the first 16 characters of its base64.  These rules are the same on every node. */
#define POSTROUTING_HASH "cali:O3lYWMrLQYEMJtB5"
#define FIP_SNAT_HASH "cali:Z-c7XtVd2Bq7s_hA"
#define NAT_OUTGOING_HASH "cali:nYKhEzDlr11Jccal"
#define MASQUERADE_HASH "cali:flqWnvo8yq4ULQLa"

static void
add_pool(VsRuleset *ruleset, const char *name, VsPrefix pool)
{
    VsSet *set = vs_ruleset_get_set(ruleset, NULL, name);

    set->n_types = 1;
    set->types[0] = VS_SET_IPV4_ADDR;
    set->has_intervals = true;
    set->size = IPSET_MAXELEM;
    vs_set_add_prefix(set, pool.address, pool.length);
}

static void
match_pools(VsRule *rule, VsField field, const char *name, bool is_inverted)
{
    VsLookup *lookup = &vs_rule_add_step(rule, VS_STEP_LOOKUP, VS_MODULE_SET)->lookup;

    lookup->set_name = g_strdup(name);
    lookup->is_inverted = is_inverted;
    lookup->n_fields = 1;
    lookup->fields[0] = field;
    lookup->is_l4_generic[0] = true;
}

static void
add_calico_jump(VsRuleset *ruleset, const char *from, const char *comment,
                const char *to)
{
    VsRule *rule = add_rule(ruleset, from);

    vs_rule_comment(rule, comment);
    vs_rule_jump(rule, to);
}

/* Floating IPs, for which cali-fip-snat is there, are off unless somebody asks for them. */
void
vs_cni_add_calico_rules(const VsNode *node, VsRuleset *ruleset)
{
    VsRuleTable *nat;
    VsChain *postrouting;
    VsRule *rule;

    if (!node->cluster->masquerades_pods) {
        return;
    }
    nat = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    postrouting = vs_rule_table_get_chain(nat, "POSTROUTING");
    add_pool(ruleset, CALICO_ALL_POOLS, node->cluster->pod_cidr);
    add_pool(ruleset, CALICO_MASQ_POOLS, node->cluster->pod_cidr);

    add_calico_jump(ruleset, "POSTROUTING", POSTROUTING_HASH, "cali-POSTROUTING");
    vs_chain_move_rule(postrouting, postrouting->rules->len, 1);
    add_calico_jump(ruleset, "cali-POSTROUTING", FIP_SNAT_HASH, "cali-fip-snat");
    add_calico_jump(ruleset, "cali-POSTROUTING", NAT_OUTGOING_HASH,
                    "cali-nat-outgoing");
    vs_rule_table_get_chain(nat, "cali-fip-snat");
    rule = add_rule(ruleset, "cali-nat-outgoing");
    vs_rule_comment(rule, MASQUERADE_HASH);
    match_pools(rule, VS_FIELD_SADDR, CALICO_MASQ_POOLS, false);
    match_pools(rule, VS_FIELD_DADDR, CALICO_ALL_POOLS, true);
    vs_rule_add_step(rule, VS_STEP_MASQUERADE, VS_MODULE_BASE)->nat.is_random_fully =
        true;
}

/* ---- Amazon VPC CNI -------------------------------------------------------------- */

#define VPC_CHAIN "AWS-SNAT-CHAIN-0"
#define VPC_CONNMARK_CHAIN "AWS-CONNMARK-CHAIN-0"

static void
match_iface(VsRule *rule, VsField field, const char *name, bool is_inverted)
{
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_NAME, VS_MODULE_BASE);

    step->name.field = field;
    step->name.name = g_strdup(name);
    step->name.is_inverted = is_inverted;
}

/* What to do with the mark of the connection, in the bit of the first interface. */
static void
add_mark_step(VsRule *rule, VsStepKind kind)
{
    VsRuleStep *step = vs_rule_add_step(rule, kind, VS_MODULE_BASE);

    step->mark.value = VS_CNI_VPC_MARK;
    step->mark.mask = VS_CNI_VPC_MARK;
}

/* Connections of the first interface's own address, node ports among them, whatever
 * interface the pod behind has its address of, are answered by the first interface. */
static void
add_vpc_node_port_rules(const VsNode *node, VsRuleset *ruleset)
{
    VsRuleTable *mangle = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "mangle");
    VsRule *rule = vs_rule_table_add_rule(mangle, "PREROUTING");

    match_iface(rule, VS_FIELD_IIF, vs_eni_find(node, 0)->name, false);
    vs_rule_comment(rule, "AWS, primary ENI");
    vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_DADDR_TYPE,
                       VS_ADDR_TYPE_LOCAL);
    add_mark_step(rule, VS_STEP_SET_CT_MARK);

    rule = vs_rule_table_add_rule(mangle, "PREROUTING");
    match_iface(rule, VS_FIELD_IIF, "eni+", false);
    vs_rule_comment(rule, "AWS, primary ENI");
    add_mark_step(rule, VS_STEP_RESTORE_MARK);
}

/* What pods send beyond the VPC has to leave by the first interface, whose address it gets;
 * these rules see the first packet, those of mangle the others. */
static void
add_vpc_connmark_rules(VsPrefix vpc, VsRuleset *ruleset)
{
    VsRule *rule = add_rule(ruleset, "PREROUTING");

    match_iface(rule, VS_FIELD_IIF, "eni+", false);
    vs_rule_comment(rule, "AWS, outbound connections");
    vs_rule_jump(rule, VPC_CONNMARK_CHAIN);

    rule = add_rule(ruleset, "PREROUTING");
    vs_rule_comment(rule, "AWS, CONNMARK");
    add_mark_step(rule, VS_STEP_RESTORE_MARK);

    rule = add_rule(ruleset, VPC_CONNMARK_CHAIN);
    match_range(rule, VS_FIELD_DADDR, vpc, false);
    vs_rule_comment(rule, "AWS CONNMARK CHAIN, VPC CIDR");
    vs_rule_verdict(rule, VS_RULE_RETURN);

    rule = add_rule(ruleset, VPC_CONNMARK_CHAIN);
    vs_rule_comment(rule, "AWS, CONNMARK");
    add_mark_step(rule, VS_STEP_SET_CT_MARK);
}

/* ! -o vlan+: interfaces of pods with security groups of their own, which we have not. */
static void
add_vpc_snat_rules(VsPrefix vpc, VsAddr address, VsRuleset *ruleset)
{
    VsRuleStep *step;
    VsRule *rule;

    add_jump(ruleset, VPC_CHAIN, "AWS SNAT CHAIN");
    rule = add_rule(ruleset, VPC_CHAIN);
    match_range(rule, VS_FIELD_DADDR, vpc, false);
    vs_rule_comment(rule, "AWS SNAT CHAIN");
    vs_rule_verdict(rule, VS_RULE_RETURN);

    rule = add_rule(ruleset, VPC_CHAIN);
    match_iface(rule, VS_FIELD_OIF, "vlan+", true);
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

void
vs_cni_add_vpc_rules(const VsNode *node, VsRuleset *ruleset)
{
    VsPrefix vpc = node->cluster->pod_cidr;
    VsAddr address = vs_node_address(node);

    if (address == 0) {
        return;
    }
    add_vpc_node_port_rules(node, ruleset);
    if (node->cluster->masquerades_pods) {
        add_vpc_connmark_rules(vpc, ruleset);
        add_vpc_snat_rules(vpc, address, ruleset);
    }
}

/* ---- flannel --------------------------------------------------------------------- */

#define FLANNEL_CHAIN "FLANNEL-POSTRTG"
#define FLANNEL_COMMENT "flanneld masq"

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
    VsPrefix all = node->cluster->pod_cidr;
    VsPrefix here = node->pod_cidr;
    VsRule *rule;

    if (!node->cluster->masquerades_pods) {
        return;
    }
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

#include "models/kubeproxy/nftables.h"

/* Source ranges are checked before addresses are translated, the rest after it. */
static const struct {
    const char *name;
    VsChainType type;
    VsHookPoint point;
    int32_t priority;
} base_chains[] = {
    {"filter-prerouting-pre-dnat", VS_CHAIN_FILTER, VS_HOOK_PREROUTING,
     VS_HOOK_PRI_NAT_DST - 10},
    {"filter-output-pre-dnat", VS_CHAIN_FILTER, VS_HOOK_OUTPUT,
     VS_HOOK_PRI_NAT_DST - 10},
    {"filter-input", VS_CHAIN_FILTER, VS_HOOK_INPUT, VS_HOOK_PRI_FILTER},
    {"filter-forward", VS_CHAIN_FILTER, VS_HOOK_FORWARD, VS_HOOK_PRI_FILTER},
    {"filter-output", VS_CHAIN_FILTER, VS_HOOK_OUTPUT, VS_HOOK_PRI_FILTER},
    {"nat-prerouting", VS_CHAIN_NAT, VS_HOOK_PREROUTING, VS_HOOK_PRI_NAT_DST},
    {"nat-output", VS_CHAIN_NAT, VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST},
    {"nat-postrouting", VS_CHAIN_NAT, VS_HOOK_POSTROUTING, VS_HOOK_PRI_NAT_SRC},
};

static const struct {
    const char *to;
    const char *from;
    bool is_for_new; /* ct state new */
} jumps[] = {
    {"nodeport-endpoints-check", "filter-input", true},
    {"service-endpoints-check", "filter-input", true},
    {"service-endpoints-check", "filter-forward", true},
    {"service-endpoints-check", "filter-output", true},
    {"firewall-check", "filter-prerouting-pre-dnat", true},
    {"firewall-check", "filter-output-pre-dnat", true},
    {"services", "nat-output", false},
    {"services", "nat-prerouting", false},
    {"masquerading", "nat-postrouting", false},
    {"cluster-ips-check", "filter-forward", true},
    {"cluster-ips-check", "filter-output", true},
};

VsRule *
nft_add_rule(const NftWriter *writer, const char *chain)
{
    return vs_rule_table_add_rule(writer->table, chain);
}

VsLookup *
nft_add_lookup(VsRule *rule, VsStepKind kind, const VsField *fields, unsigned n,
               const char *set_name)
{
    VsRuleStep *step = vs_rule_add_step(rule, kind, VS_MODULE_BASE);
    VsLookup *lookup = kind == VS_STEP_UPDATE ? &step->update.key : &step->lookup;

    lookup->n_fields = n;
    for (unsigned i = 0; i < n; i++) {
        lookup->fields[i] = fields[i];
        /* "meta l4proto", "th dport". */
        lookup->is_l4_generic[i] =
            fields[i] == VS_FIELD_PROTOCOL || fields[i] == VS_FIELD_DPORT;
    }
    if (set_name) {
        lookup->set_name = g_strdup(set_name);
    } else {
        lookup->set = vs_set_new();
        lookup->set->is_constant = true;
    }
    return lookup;
}

VsLookup *
nft_look_up_address(VsRule *rule, VsField field, const char *set)
{
    return nft_add_lookup(rule, VS_STEP_LOOKUP, &field, 1, set);
}

void
nft_match_prefixes(VsRule *rule, VsField field, const VsPrefix *prefixes, unsigned n,
                   bool is_inverted)
{
    VsLookup *lookup;

    if (n == 1) {
        vs_rule_match_prefix(rule, field, prefixes->address, prefixes->length,
                             is_inverted);
        return;
    }
    lookup = nft_look_up_address(rule, field, NULL);
    lookup->is_inverted = is_inverted;
    for (unsigned i = 0; i < n; i++) {
        nft_add_prefix(lookup->set, prefixes[i]);
    }
}

VsSet *
nft_get_address_set(const NftWriter *writer, const char *name, const char *comment)
{
    VsSet *set = vs_ruleset_get_set(writer->ruleset, writer->table, name);

    set->n_types = 1;
    set->types[0] = VS_SET_IPV4_ADDR;
    set->comment = g_strdup(comment);
    return set;
}

void
nft_add_address(VsSet *set, VsAddr address)
{
    VsKey key = vs_set_key(&address, 1);

    if (!vs_set_find(set, &key, 0)) {
        vs_set_add(set, &key);
    }
}

void
nft_add_prefix(VsSet *set, VsPrefix prefix)
{
    uint32_t last =
        prefix.length == 0
            ? UINT32_MAX
            : prefix.address | (uint32_t)(UINT64_C(0xffffffff) >> prefix.length);
    VsKey key = vs_set_key(&prefix.address, 1);
    VsSetElement *element;

    set->n_types = 1;
    set->types[0] = VS_SET_IPV4_ADDR;
    set->has_intervals = true;
    element = vs_set_add(set, &key);
    element->end = vs_set_key(&last, 1);
    element->prefix_length = (uint8_t)prefix.length;
}

static void
write_base_chains(const NftWriter *writer)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(base_chains); i++) {
        vs_chain_set_base(vs_rule_table_get_chain(writer->table, base_chains[i].name),
                          base_chains[i].type, base_chains[i].point,
                          base_chains[i].priority, VS_RULE_ACCEPT);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(jumps); i++) {
        VsRule *rule = nft_add_rule(writer, jumps[i].from);

        if (jumps[i].is_for_new) {
            vs_rule_match_bits(rule, VS_MODULE_BASE, VS_FIELD_CT_STATE,
                               VS_CT_STATE_NEW);
        }
        vs_rule_jump(rule, jumps[i].to);
        vs_rule_table_get_chain(writer->table, jumps[i].to);
    }
}

static void
write_masquerading(const NftWriter *writer)
{
    VsRule *rule;

    vs_rule_set_mark(nft_add_rule(writer, NFT_MARK_CHAIN), PROXY_MARK_MASQUERADE,
                     PROXY_MARK_MASQUERADE);
    rule = nft_add_rule(writer, "masquerading");
    vs_rule_match_mark(rule, 0, PROXY_MARK_MASQUERADE, false);
    vs_rule_verdict(rule, VS_RULE_RETURN);
    vs_rule_set_mark(nft_add_rule(writer, "masquerading"), PROXY_MARK_MASQUERADE, 0);
    vs_rule_add_step(nft_add_rule(writer, "masquerading"), VS_STEP_MASQUERADE,
                     VS_MODULE_BASE)
        ->nat.is_random_fully = true;
}

static void
look_up_destination(VsRule *rule, const char *map)
{
    static const VsField fields[] = {VS_FIELD_DADDR, VS_FIELD_PROTOCOL, VS_FIELD_DPORT};

    nft_add_lookup(rule, VS_STEP_VMAP, fields, 3, map);
}

static void
look_up_port(VsRule *rule, const char *map)
{
    static const VsField fields[] = {VS_FIELD_PROTOCOL, VS_FIELD_DPORT};

    nft_add_lookup(rule, VS_STEP_VMAP, fields, 2, map);
}

/* A map from (address, protocol, port), or (protocol, port), to verdicts. */
static VsSet *
get_map(const NftWriter *writer, const char *name, bool has_address,
        const char *comment)
{
    VsSet *map = vs_ruleset_get_set(writer->ruleset, writer->table, name);

    map->is_map = true;
    map->comment = g_strdup(comment);
    if (has_address) {
        map->types[map->n_types++] = VS_SET_IPV4_ADDR;
    }
    map->types[map->n_types++] = VS_SET_INET_PROTO;
    map->types[map->n_types++] = VS_SET_INET_SERVICE;
    return map;
}

/* A packet to a cluster IP that is still untranslated when it is filtered has met no
 * service port. */
static void
write_cluster_ips_check(NftWriter *writer)
{
    VsRule *rule = nft_add_rule(writer, "cluster-ips-check");

    writer->cluster_ips =
        nft_get_address_set(writer, "cluster-ips", "Active ClusterIPs");
    nft_look_up_address(rule, VS_FIELD_DADDR, "cluster-ips");
    vs_rule_add_step(rule, VS_STEP_REJECT, VS_MODULE_BASE);
    vs_rule_comment(rule, "Reject traffic to invalid ports of ClusterIPs");

    rule = nft_add_rule(writer, "cluster-ips-check");
    nft_match_prefixes(rule, VS_FIELD_DADDR, &writer->node->cluster->service_cidr, 1,
                       false);
    vs_rule_verdict(rule, VS_RULE_DROP);
    vs_rule_comment(rule, "Drop traffic to unallocated ClusterIPs");
}

/* Packets to the node's own addresses that take node ports. */
static void
match_node_port_address(VsRule *rule, const GArray *addresses, bool is_type_asked)
{
    if (addresses) {
        nft_look_up_address(rule, VS_FIELD_DADDR, "nodeport-ips");
        return;
    }
    if (is_type_asked) {
        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_DADDR_TYPE, VS_ADDR_TYPE_LOCAL);
    }
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, 0x7f000000, 8, true);
}

static void
write_node_port_addresses(const NftWriter *writer, const GArray *addresses)
{
    VsSet *set;

    if (!addresses) {
        return;
    }
    set =
        nft_get_address_set(writer, "nodeport-ips", "IPs that accept NodePort traffic");
    for (unsigned i = 0; i < addresses->len; i++) {
        VsAddr address = g_array_index(addresses, VsAddr, i);

        if (address >> 24 != 127) { /* Node ports on localhost are not supported. */
            nft_add_address(set, address);
        }
    }
}

/* Whom to send away: services without endpoints, sources without permission. */
static void
write_checks(NftWriter *writer, const GArray *addresses)
{
    VsRule *rule;

    writer->no_endpoint_services =
        get_map(writer, "no-endpoint-services", true,
                "vmap to drop or reject packets to services with no endpoints");
    writer->no_endpoint_node_ports = get_map(
        writer, "no-endpoint-nodeports", false,
        "vmap to drop or reject packets to service nodeports with no endpoints");
    rule = nft_add_rule(writer, "reject-chain");
    vs_rule_add_step(rule, VS_STEP_REJECT, VS_MODULE_BASE);
    rule->chain->comment =
        g_strdup("helper for @no-endpoint-services / @no-endpoint-nodeports");

    look_up_destination(nft_add_rule(writer, "service-endpoints-check"),
                        "no-endpoint-services");
    rule = nft_add_rule(writer, "nodeport-endpoints-check");
    match_node_port_address(rule, addresses, false);
    look_up_port(rule, "no-endpoint-nodeports");

    writer->firewall_ips =
        get_map(writer, "firewall-ips", true,
                "destinations that are subject to LoadBalancerSourceRanges");
    look_up_destination(nft_add_rule(writer, "firewall-check"), "firewall-ips");
}

static void
write_dispatch(NftWriter *writer, const GArray *addresses)
{
    VsRule *rule;

    writer->service_ips = get_map(writer, "service-ips", true,
                                  "ClusterIP, ExternalIP and LoadBalancer IP traffic");
    writer->service_node_ports =
        get_map(writer, "service-nodeports", false, "NodePort traffic");
    look_up_destination(nft_add_rule(writer, "services"), "service-ips");
    rule = nft_add_rule(writer, "services");
    match_node_port_address(rule, addresses, true);
    look_up_port(rule, "service-nodeports");
}

/* In the order of the listing, as if it had been read. */
static void
give_handles(const VsRuleTable *table)
{
    uint32_t handle = 0;

    for (unsigned i = 0; i < table->chains->len; i++) {
        const VsChain *chain = table->chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            ((VsRule *)chain->rules->pdata[j])->handle = ++handle;
        }
    }
}

void
proxy_nftables_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings)
{
    const GPtrArray *services = node->cluster->services;
    GArray *addresses = proxy_node_port_addresses(node, VS_PROXY_NFTABLES);
    NftWriter writer = {.node = node, .ruleset = ruleset, .bindings = bindings};

    writer.table = vs_ruleset_get_table(ruleset, VS_DIALECT_NFT, "kube-proxy");
    writer.table->comment = g_strdup("rules for kube-proxy");
    write_base_chains(&writer);
    write_masquerading(&writer);
    write_cluster_ips_check(&writer);
    write_node_port_addresses(&writer, addresses);
    write_checks(&writer, addresses);
    write_dispatch(&writer, addresses);
    for (unsigned i = 0; i < services->len; i++) {
        nft_write_service(&writer, services->pdata[i]);
    }
    give_handles(writer.table);
    if (addresses) {
        g_array_free(addresses, TRUE);
    }
}

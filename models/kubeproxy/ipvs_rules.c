/* The ipsets and rules of ipvs mode.  They masquerade, filter and accept; IPVS chooses.
 *
 * As the real program writes them, but for two things that our rules do not have: source
 * ranges are rules of their own in KUBE-SOURCE-RANGES-FIREWALL, not elements of
 * KUBE-LOAD-BALANCER-SOURCE-CIDR (hash:ip,port,net), and KUBE-IPVS-OUT-FILTER knows
 * connections of virtual servers by what conntrack says (-m ipvs).
 *
 * Sources: kubernetes pkg/proxy/ipvs/proxier.go (writeIptablesRules), ipset.go. */
#include "models/kubeproxy/ipvs.h"

enum { MAXELEM = 65536 };

typedef enum SetType { TYPE_IP, TYPE_IP_PORT, TYPE_IP_PORT_IP, TYPE_PORT } SetType;

typedef enum SetId {
    LOOP_BACK,
    CLUSTER_IP,
    EXTERNAL_IP,
    EXTERNAL_IP_LOCAL,
    LOAD_BALANCER,
    LOAD_BALANCER_FW,
    LOAD_BALANCER_LOCAL,
    LOAD_BALANCER_SOURCE_IP,
    NODE_PORT_TCP,
    NODE_PORT_LOCAL_TCP,
    NODE_PORT_UDP,
    NODE_PORT_LOCAL_UDP,
    NODE_PORT_SCTP,
    NODE_PORT_LOCAL_SCTP,
    HEALTH_CHECK_NODE_PORT,
    IPVS_IPS,
    N_SETS
} SetId;

static const struct {
    const char *name;
    SetType type;
    const char *comment; /* Of the rule that asks it. */
} set_infos[N_SETS] = {
    [LOOP_BACK] = {"KUBE-LOOP-BACK", TYPE_IP_PORT_IP,
                   "Kubernetes endpoints dst ip:port, source ip for solving hairpin "
                   "purpose"},
    [CLUSTER_IP] = {"KUBE-CLUSTER-IP", TYPE_IP_PORT,
                    "Kubernetes service cluster ip + port for masquerade purpose"},
    [EXTERNAL_IP] = {"KUBE-EXTERNAL-IP", TYPE_IP_PORT,
                     "Kubernetes service external ip + port for masquerade and filter "
                     "purpose"},
    [EXTERNAL_IP_LOCAL] = {"KUBE-EXTERNAL-IP-LOCAL", TYPE_IP_PORT,
                           "Kubernetes service external ip + port with "
                           "externalTrafficPolicy=local"},
    [LOAD_BALANCER] = {"KUBE-LOAD-BALANCER", TYPE_IP_PORT,
                       "Kubernetes service lb portal"},
    [LOAD_BALANCER_FW] =
        {"KUBE-LOAD-BALANCER-FW", TYPE_IP_PORT,
         "Kubernetes service load balancer ip + port for load balancer "
         "with sourceRange"},
    [LOAD_BALANCER_LOCAL] = {"KUBE-LOAD-BALANCER-LOCAL", TYPE_IP_PORT,
                             "Kubernetes service load balancer ip + port with "
                             "externalTrafficPolicy=local"},
    [LOAD_BALANCER_SOURCE_IP] =
        {"KUBE-LOAD-BALANCER-SOURCE-IP", TYPE_IP_PORT_IP,
         "Kubernetes service load balancer ip + port + source IP "
         "for packet filter purpose"},
    [NODE_PORT_TCP] = {"KUBE-NODE-PORT-TCP", TYPE_PORT,
                       "Kubernetes nodeport TCP port for masquerade purpose"},
    [NODE_PORT_LOCAL_TCP] = {"KUBE-NODE-PORT-LOCAL-TCP", TYPE_PORT,
                             "Kubernetes nodeport TCP port with "
                             "externalTrafficPolicy=local"},
    [NODE_PORT_UDP] = {"KUBE-NODE-PORT-UDP", TYPE_PORT,
                       "Kubernetes nodeport UDP port for masquerade purpose"},
    [NODE_PORT_LOCAL_UDP] = {"KUBE-NODE-PORT-LOCAL-UDP", TYPE_PORT,
                             "Kubernetes nodeport UDP port with "
                             "externalTrafficPolicy=local"},
    [NODE_PORT_SCTP] = {"KUBE-NODE-PORT-SCTP-HASH", TYPE_IP_PORT, NULL},
    [NODE_PORT_LOCAL_SCTP] = {"KUBE-NODE-PORT-LOCAL-SCTP-HASH", TYPE_IP_PORT, NULL},
    [HEALTH_CHECK_NODE_PORT] = {"KUBE-HEALTH-CHECK-NODE-PORT", TYPE_PORT,
                                "Kubernetes health check node port"},
    [IPVS_IPS] = {"KUBE-IPVS-IPS", TYPE_IP, NULL},
};

/* What parts of packets a set is asked for: "dst", "dst,dst", "dst,dst,src". */
static const struct {
    unsigned n;
    VsSetType types[VS_KEY_MAX_FIELDS];
    VsField fields[VS_KEY_MAX_FIELDS];
} set_types[] = {
    [TYPE_IP] = {1, {VS_SET_IPV4_ADDR}, {VS_FIELD_DADDR}},
    [TYPE_IP_PORT] = {3,
                      {VS_SET_IPV4_ADDR, VS_SET_INET_PROTO, VS_SET_INET_SERVICE},
                      {VS_FIELD_DADDR, VS_FIELD_PROTOCOL, VS_FIELD_DPORT}},
    [TYPE_IP_PORT_IP] = {4,
                         {VS_SET_IPV4_ADDR, VS_SET_INET_PROTO, VS_SET_INET_SERVICE,
                          VS_SET_IPV4_ADDR},
                         {VS_FIELD_DADDR, VS_FIELD_PROTOCOL, VS_FIELD_DPORT,
                          VS_FIELD_SADDR}},
    [TYPE_PORT] = {1, {VS_SET_INET_SERVICE}, {VS_FIELD_DPORT}},
};

/* Where the kernel's chains hand over; as in iptables mode, the real table turned round. */
static const struct {
    const char *table;
    const char *from;
    const char *to;
    const char *comment;
} jumps[] = {
    {"filter", "OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter"},
    {"filter", "INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter"},
    {"filter", "FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"},
    {"filter", "INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"},
    {"filter", "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules"},
    {"filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"},
    {"nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"},
    {"nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals"},
    {"nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals"},
};

/* Rules that ask a set with elements. */
static const struct {
    SetId set;
    const char *table;
    const char *from;
    const char *to; /* NULL: RETURN. */
    uint8_t protocol;
} set_rules[] = {
    {LOAD_BALANCER, "nat", "KUBE-SERVICES", "KUBE-LOAD-BALANCER", 0},
    {LOAD_BALANCER_LOCAL, "nat", "KUBE-LOAD-BALANCER", NULL, 0},
    {NODE_PORT_LOCAL_TCP, "nat", "KUBE-NODE-PORT", NULL, VS_PROTOCOL_TCP},
    {NODE_PORT_TCP, "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", VS_PROTOCOL_TCP},
    {NODE_PORT_LOCAL_UDP, "nat", "KUBE-NODE-PORT", NULL, VS_PROTOCOL_UDP},
    {NODE_PORT_UDP, "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", VS_PROTOCOL_UDP},
    {LOAD_BALANCER_FW, "filter", "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL",
     0},
};

typedef struct Writer {
    const VsNode *node;
    VsRuleset *ruleset;
    VsRuleTable *nat;
    VsRuleTable *filter;
    VsSet *sets[N_SETS];
} Writer;

static bool
has_elements(const Writer *writer, SetId id)
{
    return writer->sets[id]->elements->len > 0;
}

static VsRuleTable *
table_of(const Writer *writer, const char *name)
{
    return vs_ruleset_get_table(writer->ruleset, VS_DIALECT_IPTABLES, name);
}

/* ---- Sets ------------------------------------------------------------------------ */

static void
make_sets(Writer *writer)
{
    for (unsigned i = 0; i < N_SETS; i++) {
        VsSet *set = vs_ruleset_get_set(writer->ruleset, NULL, set_infos[i].name);
        SetType type = set_infos[i].type;

        set->n_types = set_types[type].n;
        memcpy(set->types, set_types[type].types, sizeof(set->types));
        set->size = type == TYPE_PORT ? 0 : MAXELEM;
        writer->sets[i] = set;
    }
}

static void
add_element(const Writer *writer, SetId id, const uint32_t *values)
{
    VsSet *set = writer->sets[id];
    VsKey key = vs_set_key(values, set->n_types);

    if (!vs_set_find(set, &key, 0)) {
        vs_set_add(set, &key);
    }
}

static void
add_address(const Writer *writer, SetId id, const VsService *service, VsAddr address)
{
    add_element(writer, id,
                (uint32_t[]){address, service->protocol, service->port, address});
}

static void
add_port(const Writer *writer, SetId id, uint16_t port)
{
    add_element(writer, id, (uint32_t[]){port});
}

static bool
allows_node(const Writer *writer, const VsService *service)
{
    return proxy_service_allows_node(
        &(ProxyService){.node = writer->node, .service = service});
}

static void
add_load_balancer(const Writer *writer, const VsService *service)
{
    VsAddr address = service->load_balancer_ip;

    if (address == 0) {
        return;
    }
    add_address(writer, LOAD_BALANCER, service, address);
    if (service->is_external_local) {
        add_address(writer, LOAD_BALANCER_LOCAL, service, address);
    }
    if (service->n_source_ranges > 0) {
        add_address(writer, LOAD_BALANCER_FW, service, address);
        if (allows_node(writer, service)) {
            add_address(writer, LOAD_BALANCER_SOURCE_IP, service, address);
        }
    }
}

static void
add_node_port(const Writer *writer, const VsService *service)
{
    bool is_udp = service->protocol == VS_PROTOCOL_UDP;

    if (service->node_port == 0) {
        return;
    }
    add_port(writer, is_udp ? NODE_PORT_UDP : NODE_PORT_TCP, service->node_port);
    if (service->is_external_local) {
        add_port(writer, is_udp ? NODE_PORT_LOCAL_UDP : NODE_PORT_LOCAL_TCP,
                 service->node_port);
    }
}

/* A pod that reaches itself must not see its own address come in; whether it is ready or
 * not. */
static void
add_loop_backs(const Writer *writer, const VsService *service)
{
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsEndpoint *endpoint = &service->all_endpoints[i];
        VsEndpoint known =
            vs_endpoint_at(service, endpoint, writer->node->endpoints_as_of);

        if (endpoint->pod->node == writer->node && !known.is_removed) {
            add_element(writer, LOOP_BACK,
                        (uint32_t[]){endpoint->address, service->protocol,
                                     endpoint->port, endpoint->address});
        }
    }
}

static void
add_elements(const Writer *writer, const VsService *service)
{
    add_loop_backs(writer, service);
    add_address(writer, CLUSTER_IP, service, service->cluster_ip);
    for (unsigned i = 0; i < service->n_external_ips; i++) {
        add_address(writer,
                    service->is_external_local ? EXTERNAL_IP_LOCAL : EXTERNAL_IP,
                    service, service->external_ips[i]);
    }
    add_load_balancer(writer, service);
    add_node_port(writer, service);
    if (service->health_check_node_port != 0) {
        add_port(writer, HEALTH_CHECK_NODE_PORT, service->health_check_node_port);
    }
}

static void
fill_sets(const Writer *writer)
{
    const GPtrArray *services = writer->node->cluster->services;
    GArray *addresses = proxy_ipvs_addresses(writer->node);

    for (unsigned i = 0; i < services->len; i++) {
        add_elements(writer, services->pdata[i]);
    }
    for (unsigned i = 0; i < addresses->len; i++) {
        add_element(writer, IPVS_IPS, &g_array_index(addresses, VsAddr, i));
    }
    g_array_free(addresses, TRUE);
}

/* ---- Rules ----------------------------------------------------------------------- */

/* -m set --match-set NAME dst,dst */
static void
match_set(VsRule *rule, SetId id)
{
    SetType type = set_infos[id].type;
    VsLookup *lookup = &vs_rule_add_step(rule, VS_STEP_LOOKUP, VS_MODULE_SET)->lookup;

    lookup->set_name = g_strdup(set_infos[id].name);
    lookup->n_fields = set_types[type].n;
    for (unsigned i = 0; i < lookup->n_fields; i++) {
        lookup->fields[i] = set_types[type].fields[i];
        lookup->is_l4_generic[i] = true;
    }
}

static void
match_commented_set(VsRule *rule, SetId id)
{
    vs_rule_comment(rule, set_infos[id].comment);
    match_set(rule, id);
}

static void
match_type_local(VsRule *rule, VsField field, bool is_inverted)
{
    vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, field, VS_ADDR_TYPE_LOCAL);
    rule->steps[rule->n_steps - 1].range.is_inverted = is_inverted;
}

static void
write_jumps(const Writer *writer)
{
    static const char *const others[] = {"KUBE-NODE-PORT", "KUBE-LOAD-BALANCER",
                                         "KUBE-MARK-MASQ"};

    for (unsigned i = 0; i < G_N_ELEMENTS(jumps); i++) {
        VsRuleTable *table = table_of(writer, jumps[i].table);
        VsRule *rule = vs_rule_table_add_rule(table, jumps[i].from);

        vs_rule_comment(rule, jumps[i].comment);
        vs_rule_jump(rule, jumps[i].to);
        vs_rule_table_get_chain(table, jumps[i].to);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        vs_rule_table_get_chain(writer->nat, others[i]);
    }
    vs_rule_table_get_chain(writer->filter, "KUBE-SOURCE-RANGES-FIREWALL");
}

static void
write_set_rules(const Writer *writer)
{
    VsRule *rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");

    vs_rule_match_prefix(rule, VS_FIELD_SADDR, 0x7f000000, 8, false);
    vs_rule_verdict(rule, VS_RULE_RETURN);
    if (has_elements(writer, LOOP_BACK)) {
        rule = vs_rule_table_add_rule(writer->nat, "KUBE-POSTROUTING");
        match_commented_set(rule, LOOP_BACK);
        vs_rule_add_step(rule, VS_STEP_MASQUERADE, VS_MODULE_BASE);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(set_rules); i++) {
        if (!has_elements(writer, set_rules[i].set)) {
            continue;
        }
        rule = vs_rule_table_add_rule(table_of(writer, set_rules[i].table),
                                      set_rules[i].from);
        if (set_rules[i].protocol != 0) {
            vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL,
                          set_rules[i].protocol);
        }
        match_commented_set(rule, set_rules[i].set);
        if (set_rules[i].to) {
            vs_rule_jump(rule, set_rules[i].to);
        } else {
            vs_rule_verdict(rule, VS_RULE_RETURN);
        }
    }
}

/* Who asks a cluster IP from outside the pods' range, the node included, may be answered by
 * another node, which knows nothing of the translation. */
static void
write_cluster_ips(const Writer *writer)
{
    const VsCluster *cluster = writer->node->cluster;
    VsRule *rule;

    if (!has_elements(writer, CLUSTER_IP)) {
        return;
    }
    rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
    if (!cluster->masquerades_all) {
        vs_rule_match_prefix(rule, VS_FIELD_SADDR, cluster->pod_cidr.address,
                             cluster->pod_cidr.length, true);
    }
    match_commented_set(rule, CLUSTER_IP);
    vs_rule_jump(rule, "KUBE-MARK-MASQ");
}

/* What comes from other hosts, or goes to an address of the node, needs no more rules. */
static void
write_external_ips(const Writer *writer, SetId id)
{
    VsRule *rule;
    VsRuleStep *step;

    if (!has_elements(writer, id)) {
        return;
    }
    if (id == EXTERNAL_IP) {
        rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
        match_commented_set(rule, id);
        vs_rule_jump(rule, "KUBE-MARK-MASQ");
    }
    rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
    match_commented_set(rule, id);
    step = vs_rule_add_step(rule, VS_STEP_PHYSDEV, VS_MODULE_PHYSDEV);
    step->range.mask = 2; /* --physdev-is-in */
    step->range.is_inverted = true;
    match_type_local(rule, VS_FIELD_SADDR_TYPE, true);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);

    rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
    match_commented_set(rule, id);
    match_type_local(rule, VS_FIELD_DADDR_TYPE, false);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);
}

static void
write_services_end(const Writer *writer)
{
    static const SetId accepted[] = {CLUSTER_IP, LOAD_BALANCER};
    VsRule *rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");

    match_type_local(rule, VS_FIELD_DADDR_TYPE, false);
    vs_rule_jump(rule, "KUBE-NODE-PORT");
    for (unsigned i = 0; i < G_N_ELEMENTS(accepted); i++) {
        if (has_elements(writer, accepted[i])) {
            rule = vs_rule_table_add_rule(writer->nat, "KUBE-SERVICES");
            match_set(rule, accepted[i]);
            vs_rule_verdict(rule, VS_RULE_ACCEPT);
        }
    }
    vs_rule_jump(vs_rule_table_add_rule(writer->nat, "KUBE-LOAD-BALANCER"),
                 "KUBE-MARK-MASQ");
}

static void
match_port(VsRule *rule, const VsService *service)
{
    vs_rule_match(rule,
                  service->protocol == VS_PROTOCOL_UDP ? VS_MODULE_UDP : VS_MODULE_TCP,
                  VS_FIELD_DPORT, service->port);
}

/* For KUBE-LOAD-BALANCER-SOURCE-CIDR. */
static void
allow_sources(const Writer *writer, const VsService *service)
{
    for (unsigned i = 0; i < service->n_source_ranges; i++) {
        VsRule *rule =
            vs_rule_table_add_rule(writer->filter, "KUBE-SOURCE-RANGES-FIREWALL");

        vs_rule_match_prefix(rule, VS_FIELD_SADDR, service->source_ranges[i].address,
                             service->source_ranges[i].length, false);
        vs_rule_match_prefix(rule, VS_FIELD_DADDR, service->load_balancer_ip, 32,
                             false);
        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, service->protocol);
        match_port(rule, service);
        vs_rule_verdict(rule, VS_RULE_RETURN);
    }
}

/* The node itself asks with the VIP as its source, which no source range could refuse. */
static void
refuse_node(const Writer *writer, const VsService *service)
{
    VsRule *rule;

    if (allows_node(writer, service)) {
        return;
    }
    rule = vs_rule_table_add_rule(writer->filter, "KUBE-IPVS-OUT-FILTER");
    vs_rule_match_prefix(rule, VS_FIELD_SADDR, service->load_balancer_ip, 32, false);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, service->protocol);
    vs_rule_match(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_ORIG_DADDR,
                  service->load_balancer_ip);
    vs_rule_match(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_ORIG_DPORT, service->port);
    vs_rule_verdict(rule, VS_RULE_DROP);
}

static void
write_source_ranges(const Writer *writer)
{
    const GPtrArray *services = writer->node->cluster->services;
    VsRule *rule;

    for (unsigned i = 0; i < services->len; i++) {
        const VsService *service = services->pdata[i];

        if (service->load_balancer_ip != 0 && service->n_source_ranges > 0) {
            allow_sources(writer, service);
            refuse_node(writer, service);
        }
    }
    if (has_elements(writer, LOAD_BALANCER_SOURCE_IP)) {
        rule = vs_rule_table_add_rule(writer->filter, "KUBE-SOURCE-RANGES-FIREWALL");
        match_commented_set(rule, LOAD_BALANCER_SOURCE_IP);
        vs_rule_verdict(rule, VS_RULE_RETURN);
    }
    vs_rule_verdict(
        vs_rule_table_add_rule(writer->filter, "KUBE-SOURCE-RANGES-FIREWALL"),
        VS_RULE_DROP);
}

static void
write_forwarding(const Writer *writer)
{
    VsRule *rule;

    proxy_write_forwarding(writer->filter);
    rule = vs_rule_table_add_rule(writer->filter, "KUBE-NODE-PORT");
    match_commented_set(rule, HEALTH_CHECK_NODE_PORT);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);
}

/* Virtual addresses are local: nobody shall reach the node's own sockets by them. */
static void
write_filter(const Writer *writer)
{
    static const SetId passed[] = {LOAD_BALANCER, CLUSTER_IP, EXTERNAL_IP,
                                   EXTERNAL_IP_LOCAL, HEALTH_CHECK_NODE_PORT};
    VsRule *rule;

    for (unsigned i = 0; i < G_N_ELEMENTS(passed); i++) {
        rule = vs_rule_table_add_rule(writer->filter, "KUBE-IPVS-FILTER");
        match_set(rule, passed[i]);
        vs_rule_verdict(rule, VS_RULE_RETURN);
    }
    rule = vs_rule_table_add_rule(writer->filter, "KUBE-IPVS-FILTER");
    vs_rule_match_bits(rule, VS_MODULE_CONNTRACK, VS_FIELD_CT_STATE, VS_CT_STATE_NEW);
    match_set(rule, IPVS_IPS);
    vs_rule_add_step(rule, VS_STEP_REJECT, VS_MODULE_BASE)->reject =
        VS_REJECT_PORT_UNREACHABLE;
}

void
proxy_ipvs_compile(const VsNode *node, VsRuleset *ruleset)
{
    Writer writer = {.node = node, .ruleset = ruleset};

    writer.nat = table_of(&writer, "nat");
    writer.filter = table_of(&writer, "filter");
    make_sets(&writer);
    fill_sets(&writer);
    write_jumps(&writer);
    write_set_rules(&writer);
    write_cluster_ips(&writer);
    write_external_ips(&writer, EXTERNAL_IP);
    write_external_ips(&writer, EXTERNAL_IP_LOCAL);
    write_services_end(&writer);
    write_source_ranges(&writer);
    write_forwarding(&writer);
    write_filter(&writer);
    proxy_write_masquerading(writer.nat);
}

#include <math.h>

#include "models/kubeproxy/compile.h"

#define LAST_RULE_COMMENT \
    "kubernetes service nodeports; NOTE: this must be the last rule in this chain"

/* xt_statistic compares 31 random bits. */
#define STATISTIC_ONE 2147483648.0

typedef struct Writer {
    const VsNode *node;
    VsRuleTable *nat;
    VsRuleTable *filter;
    GArray *bindings;
    bool is_large; /* Rules of endpoints go without comments. */
} Writer;

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

static VsRuleStep *
last_step(VsRule *rule)
{
    return &rule->steps[rule->n_steps - 1];
}

static void
add_jump(VsRule *rule, const char *prefix, const char *base)
{
    g_autofree char *chain = g_strconcat(prefix, base, NULL);

    vs_rule_jump(rule, chain);
}

static void
add_reject(VsRule *rule)
{
    vs_rule_add_step(rule, VS_STEP_REJECT, VS_MODULE_BASE)->reject =
        VS_REJECT_PORT_UNREACHABLE;
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

static VsModule
module_of(const VsService *service)
{
    return service->protocol == VS_PROTOCOL_UDP ? VS_MODULE_UDP : VS_MODULE_TCP;
}

/* -d ADDRESS -p PROTOCOL -m comment --comment COMMENT -m PROTOCOL --dport PORT */
static void
match_address(VsRule *rule, const VsService *service, VsAddr address,
              const char *comment)
{
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, address, 32, false);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, service->protocol);
    vs_rule_comment(rule, comment);
    vs_rule_match(rule, module_of(service), VS_FIELD_DPORT, service->port);
}

static VsRule *
add_capture(VsRuleTable *table, const char *chain, const ProxyService *service,
            VsAddr address, const char *comment)
{
    VsRule *rule = vs_rule_table_add_rule(table, chain);

    match_address(rule, service->service, address, comment);
    return rule;
}

static void
match_source_type_local(VsRule *rule)
{
    vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_SADDR_TYPE,
                       VS_ADDR_TYPE_LOCAL);
}

/* Nobody anywhere: REJECT.  Nobody here, but the policy asks for here: DROP. */
static void
refuse(VsRule *rule, const ProxyService *service)
{
    if (service->endpoints.has_any) {
        vs_rule_verdict(rule, VS_RULE_DROP);
    } else {
        add_reject(rule);
    }
}

static char *
refusal_comment(const ProxyService *service)
{
    return g_strdup_printf(service->endpoints.has_any ? "%s has no local endpoints"
                                                      : "%s has no endpoints",
                           service->name);
}

static void
capture_cluster_ip(const Writer *writer, const ProxyService *service)
{
    VsAddr address = service->service->cluster_ip;

    if (service->has_internal) {
        g_autofree char *comment = g_strdup_printf("%s cluster IP", service->name);

        add_jump(add_capture(writer->nat, "KUBE-SERVICES", service, address, comment),
                 service->service->is_internal_local ? PROXY_SVL : PROXY_SVC,
                 service->base);
    } else {
        g_autofree char *comment = refusal_comment(service);

        refuse(add_capture(writer->filter, "KUBE-SERVICES", service, address, comment),
               service);
    }
}

/* An external IP or the VIP of a load balancer. */
static void
capture_external_address(const Writer *writer, const ProxyService *service,
                         VsAddr address, const char *what, const char *prefix)
{
    if (service->endpoints.has_any) {
        g_autofree char *comment = g_strdup_printf("%s %s", service->name, what);

        add_jump(add_capture(writer->nat, "KUBE-SERVICES", service, address, comment),
                 prefix, service->base);
    }
    if (!service->has_external) {
        g_autofree char *comment = refusal_comment(service);

        refuse(add_capture(writer->filter, "KUBE-EXTERNAL-SERVICES", service, address,
                           comment),
               service);
    }
}

static bool
has_firewall(const ProxyService *service)
{
    return service->endpoints.has_any && service->service->load_balancer_ip != 0 &&
           service->service->n_source_ranges > 0;
}

static void
capture_load_balancer_ip(const Writer *writer, const ProxyService *service)
{
    VsAddr address = service->service->load_balancer_ip;

    if (address == 0) {
        return;
    }
    capture_external_address(writer, service, address, "loadbalancer IP",
                             has_firewall(service) ? PROXY_FW : PROXY_EXT);
    if (has_firewall(service)) {
        g_autofree char *comment = g_strdup_printf(
            "%s traffic not accepted by %s%s", service->name, PROXY_FW, service->base);

        vs_rule_verdict(add_capture(writer->filter, "KUBE-PROXY-FIREWALL", service,
                                    address, comment),
                        VS_RULE_DROP);
    }
}

/* Source ranges do not hold for node ports. */
static void
capture_node_port(const Writer *writer, const ProxyService *service)
{
    const VsService *of = service->service;
    VsRule *rule;

    if (of->node_port == 0) {
        return;
    }
    if (service->endpoints.has_any) {
        rule = vs_rule_table_add_rule(writer->nat, "KUBE-NODEPORTS");
        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, of->protocol);
        vs_rule_comment(rule, service->name);
        vs_rule_match(rule, module_of(of), VS_FIELD_DPORT, of->node_port);
        add_jump(rule, PROXY_EXT, service->base);
    }
    if (!service->has_external) {
        g_autofree char *comment = refusal_comment(service);

        rule = vs_rule_table_add_rule(writer->filter, "KUBE-EXTERNAL-SERVICES");
        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, of->protocol);
        vs_rule_comment(rule, comment);
        vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_DADDR_TYPE,
                           VS_ADDR_TYPE_LOCAL);
        vs_rule_match(rule, module_of(of), VS_FIELD_DPORT, of->node_port);
        refuse(rule, service);
    }
}

static void
accept_health_checks(const Writer *writer, const ProxyService *service)
{
    g_autofree char *comment = NULL;
    VsRule *rule;

    if (service->service->health_check_node_port == 0) {
        return;
    }
    comment = g_strdup_printf("%s health check node port", service->name);
    rule = vs_rule_table_add_rule(writer->filter, "KUBE-NODEPORTS");
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, VS_PROTOCOL_TCP);
    vs_rule_comment(rule, comment);
    vs_rule_match(rule, VS_MODULE_TCP, VS_FIELD_DPORT,
                  service->service->health_check_node_port);
    vs_rule_verdict(rule, VS_RULE_ACCEPT);
}

/* Who asks a cluster IP from outside the pods' range may be answered by another node, which
 * knows nothing of the translation: its answers must come back here. */
static void
write_internal_chain(const Writer *writer, const ProxyService *service)
{
    const VsCluster *cluster = writer->node->cluster;
    g_autofree char *chain =
        g_strconcat(service->service->is_internal_local ? PROXY_SVL : PROXY_SVC,
                    service->base, NULL);
    g_autofree char *comment = g_strdup_printf("%s cluster IP", service->name);
    VsRule *rule;

    if (!service->has_internal) {
        return;
    }
    rule = vs_rule_table_add_rule(writer->nat, chain);
    if (!cluster->masquerades_all) {
        vs_rule_match_prefix(rule, VS_FIELD_SADDR, cluster->pod_cidr.address,
                             cluster->pod_cidr.length, true);
    }
    match_address(rule, service->service, service->service->cluster_ip, comment);
    vs_rule_jump(rule, "KUBE-MARK-MASQ");
}

/* Pods and the node itself ask as if through a load balancer outside: the policy of the
 * service is not theirs. */
static void
write_short_circuits(const Writer *writer, const ProxyService *service,
                     const char *chain)
{
    const VsPrefix *pods = &writer->node->cluster->pod_cidr;
    g_autofree char *from_pods =
        g_strdup_printf("pod traffic for %s external destinations", service->name);
    g_autofree char *marked = g_strdup_printf(
        "masquerade LOCAL traffic for %s external destinations", service->name);
    g_autofree char *routed = g_strdup_printf(
        "route LOCAL traffic for %s external destinations", service->name);
    VsRule *rule = vs_rule_table_add_rule(writer->nat, chain);

    vs_rule_match_prefix(rule, VS_FIELD_SADDR, pods->address, pods->length, false);
    vs_rule_comment(rule, from_pods);
    add_jump(rule, PROXY_SVC, service->base);

    rule = vs_rule_table_add_rule(writer->nat, chain);
    vs_rule_comment(rule, marked);
    match_source_type_local(rule);
    vs_rule_jump(rule, "KUBE-MARK-MASQ");

    rule = vs_rule_table_add_rule(writer->nat, chain);
    vs_rule_comment(rule, routed);
    match_source_type_local(rule);
    add_jump(rule, PROXY_SVC, service->base);
}

static void
write_external_chain(const Writer *writer, const ProxyService *service)
{
    bool is_local = service->service->is_external_local;
    g_autofree char *chain = g_strconcat(PROXY_EXT, service->base, NULL);

    if (!service->is_external) {
        return;
    }
    if (is_local) {
        write_short_circuits(writer, service, chain);
    } else {
        g_autofree char *comment = g_strdup_printf(
            "masquerade traffic for %s external destinations", service->name);
        VsRule *rule = vs_rule_table_add_rule(writer->nat, chain);

        vs_rule_comment(rule, comment);
        vs_rule_jump(rule, "KUBE-MARK-MASQ");
    }
    if (service->has_external) {
        add_jump(vs_rule_table_add_rule(writer->nat, chain),
                 is_local ? PROXY_SVL : PROXY_SVC, service->base);
    }
}

static void
allow_source(const Writer *writer, const ProxyService *service, const char *chain,
             VsAddr address, unsigned length)
{
    g_autofree char *comment = g_strdup_printf("%s loadbalancer IP", service->name);
    VsRule *rule = vs_rule_table_add_rule(writer->nat, chain);

    vs_rule_match_prefix(rule, VS_FIELD_SADDR, address, length, false);
    vs_rule_comment(rule, comment);
    add_jump(rule, PROXY_EXT, service->base);
}

/* What comes from no allowed range is not translated, and KUBE-PROXY-FIREWALL drops it. */
static void
write_firewall_chain(const Writer *writer, const ProxyService *service)
{
    const VsService *of = service->service;
    g_autofree char *chain = g_strconcat(PROXY_FW, service->base, NULL);
    g_autofree char *comment = NULL;

    if (!has_firewall(service)) {
        return;
    }
    for (unsigned i = 0; i < of->n_source_ranges; i++) {
        allow_source(writer, service, chain, of->source_ranges[i].address,
                     of->source_ranges[i].length);
    }
    if (proxy_service_allows_node(service)) {
        allow_source(writer, service, chain, of->load_balancer_ip, 32);
    }
    comment = g_strdup_printf("other traffic to %s will be dropped by "
                              "KUBE-PROXY-FIREWALL",
                              service->name);
    vs_rule_comment(vs_rule_table_add_rule(writer->nat, chain), comment);
}

/* What iptables makes of 1/n as kube-proxy prints it, with ten decimals. */
static uint32_t
statistic_threshold(unsigned n)
{
    double printed = floor(1e10 / n + 0.5) / 1e10;

    return (uint32_t)(STATISTIC_ONE * printed + 0.5);
}

static VsRule *
add_endpoint_rule(const Writer *writer, const ProxyService *service, const char *chain,
                  const VsEndpoint *endpoint)
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
write_choice(const Writer *writer, const ProxyService *service, const char *prefix,
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
        add_jump(rule, PROXY_SEP, bases[endpoint->share]);
    }
}

static void
write_endpoint_chain(const Writer *writer, const ProxyService *service,
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
    vs_rule_match(rule, module_of(of), VS_FIELD_DPORT, 0);
    last_step(rule)->range.max = UINT16_MAX;
    vs_rule_dnat(rule, endpoint->address, endpoint->port);
    proxy_bind(writer->bindings, rule, service, endpoint);
}

static void
write_endpoints(const Writer *writer, const ProxyService *service)
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

static void
write_service(const Writer *writer, const VsService *of)
{
    ProxyService service;

    proxy_service_init(&service, of, writer->node, VS_PROXY_IPTABLES);
    capture_cluster_ip(writer, &service);
    for (unsigned i = 0; i < of->n_external_ips; i++) {
        capture_external_address(writer, &service, of->external_ips[i], "external IP",
                                 PROXY_EXT);
    }
    capture_load_balancer_ip(writer, &service);
    capture_node_port(writer, &service);
    accept_health_checks(writer, &service);
    write_internal_chain(writer, &service);
    write_external_chain(writer, &service);
    write_firewall_chain(writer, &service);
    write_endpoints(writer, &service);
    proxy_service_clear(&service);
}

static void
write_node_port_jumps(const Writer *writer)
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
write_forwarding(const Writer *writer)
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
    Writer writer = {.node = node, .bindings = bindings};

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
        write_service(&writer, services->pdata[i]);
    }
    write_node_port_jumps(&writer);
    write_forwarding(&writer);
}

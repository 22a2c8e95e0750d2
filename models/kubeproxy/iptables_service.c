#include "models/kubeproxy/iptables.h"

static void
add_reject(VsRule *rule)
{
    vs_rule_add_step(rule, VS_STEP_REJECT, VS_MODULE_BASE)->reject =
        VS_REJECT_PORT_UNREACHABLE;
}

/* -d ADDRESS -p PROTOCOL -m comment --comment COMMENT -m PROTOCOL --dport PORT */
static void
match_address(VsRule *rule, const VsService *service, VsAddr address,
              const char *comment)
{
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, address, 32, false);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, service->protocol);
    vs_rule_comment(rule, comment);
    vs_rule_match(rule, ipt_module_of(service), VS_FIELD_DPORT, service->port);
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
capture_cluster_ip(const IptWriter *writer, const ProxyService *service)
{
    VsAddr address = service->service->cluster_ip;

    if (service->has_internal) {
        g_autofree char *comment = g_strdup_printf("%s cluster IP", service->name);

        ipt_add_jump(
            add_capture(writer->nat, "KUBE-SERVICES", service, address, comment),
            service->service->is_internal_local ? PROXY_SVL : PROXY_SVC, service->base);
    } else {
        g_autofree char *comment = refusal_comment(service);

        refuse(add_capture(writer->filter, "KUBE-SERVICES", service, address, comment),
               service);
    }
}

/* An external IP or the VIP of a load balancer. */
static void
capture_external_address(const IptWriter *writer, const ProxyService *service,
                         VsAddr address, const char *what, const char *prefix)
{
    if (service->endpoints.has_any) {
        g_autofree char *comment = g_strdup_printf("%s %s", service->name, what);

        ipt_add_jump(
            add_capture(writer->nat, "KUBE-SERVICES", service, address, comment),
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
capture_load_balancer_ip(const IptWriter *writer, const ProxyService *service)
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
capture_node_port(const IptWriter *writer, const ProxyService *service)
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
        vs_rule_match(rule, ipt_module_of(of), VS_FIELD_DPORT, of->node_port);
        ipt_add_jump(rule, PROXY_EXT, service->base);
    }
    if (!service->has_external) {
        g_autofree char *comment = refusal_comment(service);

        rule = vs_rule_table_add_rule(writer->filter, "KUBE-EXTERNAL-SERVICES");
        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, of->protocol);
        vs_rule_comment(rule, comment);
        vs_rule_match_bits(rule, VS_MODULE_ADDRTYPE, VS_FIELD_DADDR_TYPE,
                           VS_ADDR_TYPE_LOCAL);
        vs_rule_match(rule, ipt_module_of(of), VS_FIELD_DPORT, of->node_port);
        refuse(rule, service);
    }
}

static void
accept_health_checks(const IptWriter *writer, const ProxyService *service)
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
write_internal_chain(const IptWriter *writer, const ProxyService *service)
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
write_short_circuits(const IptWriter *writer, const ProxyService *service,
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
    ipt_add_jump(rule, PROXY_SVC, service->base);

    rule = vs_rule_table_add_rule(writer->nat, chain);
    vs_rule_comment(rule, marked);
    match_source_type_local(rule);
    vs_rule_jump(rule, "KUBE-MARK-MASQ");

    rule = vs_rule_table_add_rule(writer->nat, chain);
    vs_rule_comment(rule, routed);
    match_source_type_local(rule);
    ipt_add_jump(rule, PROXY_SVC, service->base);
}

static void
write_external_chain(const IptWriter *writer, const ProxyService *service)
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
        ipt_add_jump(vs_rule_table_add_rule(writer->nat, chain),
                     is_local ? PROXY_SVL : PROXY_SVC, service->base);
    }
}

static void
allow_source(const IptWriter *writer, const ProxyService *service, const char *chain,
             VsAddr address, unsigned length)
{
    g_autofree char *comment = g_strdup_printf("%s loadbalancer IP", service->name);
    VsRule *rule = vs_rule_table_add_rule(writer->nat, chain);

    vs_rule_match_prefix(rule, VS_FIELD_SADDR, address, length, false);
    vs_rule_comment(rule, comment);
    ipt_add_jump(rule, PROXY_EXT, service->base);
}

/* What comes from no allowed range is not translated, and KUBE-PROXY-FIREWALL drops it. */
static void
write_firewall_chain(const IptWriter *writer, const ProxyService *service)
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

void
ipt_write_service(const IptWriter *writer, const VsService *of)
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
    ipt_write_endpoints(writer, &service);
    proxy_service_clear(&service);
}

#include "models/kubeproxy/nftables.h"

/* What nft gives a dynamic set for which nobody says it. */
enum { NFT_DYNAMIC_SIZE = 65535 };

static void
add_goto(VsRule *rule, const char *prefix, const char *base)
{
    g_autofree char *chain = g_strconcat(prefix, base, NULL);

    vs_rule_goto(rule, chain);
}

static VsSetElement *
add_destination(VsSet *map, const ProxyService *service, VsAddr address)
{
    const uint32_t values[] = {address, service->service->protocol,
                               service->service->port};
    VsKey key = vs_set_key(values, 3);

    return vs_set_add(map, &key);
}

static VsSetElement *
add_node_port(VsSet *map, const ProxyService *service)
{
    const uint32_t values[] = {service->service->protocol, service->service->node_port};
    VsKey key = vs_set_key(values, 2);

    return vs_set_add(map, &key);
}

static void
send_to(VsSetElement *element, const char *prefix, const char *base)
{
    element->verdict.kind = VS_RULE_GOTO;
    element->verdict.target = g_strconcat(prefix, base, NULL);
}

/* Nobody anywhere: reject.  Nobody here, but the policy asks for here: drop. */
static void
refuse(VsSetElement *element, const ProxyService *service)
{
    element->comment = g_strdup(service->name);
    if (service->endpoints.has_any) {
        element->verdict.kind = VS_RULE_DROP;
    } else {
        send_to(element, "reject-chain", "");
    }
}

static const char *
internal_prefix(const ProxyService *service)
{
    return service->service->is_internal_local ? PROXY_NFT_LOCAL : PROXY_NFT_SERVICE;
}

static void
capture_cluster_ip(const NftWriter *writer, const ProxyService *service)
{
    VsAddr address = service->service->cluster_ip;

    nft_add_address(writer->cluster_ips, address);
    if (service->has_internal) {
        send_to(add_destination(writer->service_ips, service, address),
                internal_prefix(service), service->base);
    } else {
        refuse(add_destination(writer->no_endpoint_services, service, address),
               service);
    }
}

static void
capture_external_address(const NftWriter *writer, const ProxyService *service,
                         VsAddr address)
{
    if (service->endpoints.has_any) {
        send_to(add_destination(writer->service_ips, service, address),
                PROXY_NFT_EXTERNAL, service->base);
    }
    if (!service->has_external) {
        refuse(add_destination(writer->no_endpoint_services, service, address),
               service);
    }
}

static bool
has_firewall(const ProxyService *service)
{
    return service->service->load_balancer_ip != 0 &&
           service->service->n_source_ranges > 0;
}

static void
capture_load_balancer_ip(const NftWriter *writer, const ProxyService *service)
{
    VsAddr address = service->service->load_balancer_ip;

    if (address == 0) {
        return;
    }
    capture_external_address(writer, service, address);
    if (has_firewall(service)) {
        send_to(add_destination(writer->firewall_ips, service, address),
                PROXY_NFT_FIREWALL, service->base);
    }
}

/* Source ranges do not hold for node ports. */
static void
capture_node_port(const NftWriter *writer, const ProxyService *service)
{
    if (service->service->node_port == 0) {
        return;
    }
    if (service->endpoints.has_any) {
        send_to(add_node_port(writer->service_node_ports, service), PROXY_NFT_EXTERNAL,
                service->base);
    }
    if (!service->has_external) {
        refuse(add_node_port(writer->no_endpoint_node_ports, service), service);
    }
}

/* As in iptables.c: traffic from outside the pods' range has to come back here. */
static void
write_internal_chain(const NftWriter *writer, const ProxyService *service)
{
    const VsCluster *cluster = writer->node->cluster;
    g_autofree char *chain = g_strconcat(internal_prefix(service), service->base, NULL);
    VsRule *rule;

    if (!service->has_internal) {
        return;
    }
    rule = nft_add_rule(writer, chain);
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, service->service->cluster_ip, 32, false);
    if (!cluster->masquerades_all) {
        vs_rule_match_prefix(rule, VS_FIELD_SADDR, cluster->pod_cidr.address,
                             cluster->pod_cidr.length, true);
    }
    vs_rule_jump(rule, NFT_MARK_CHAIN);
}

/* Pods and the node itself ask as if through a load balancer outside: the policy of the
 * service is not theirs. */
static void
write_short_circuits(const NftWriter *writer, const ProxyService *service,
                     const char *chain)
{
    const VsPrefix *pods = &writer->node->cluster->pod_cidr;
    VsRule *rule = nft_add_rule(writer, chain);

    vs_rule_match_prefix(rule, VS_FIELD_SADDR, pods->address, pods->length, false);
    add_goto(rule, PROXY_NFT_SERVICE, service->base);
    vs_rule_comment(rule, "short-circuit pod traffic");

    rule = nft_add_rule(writer, chain);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_SADDR_TYPE, VS_ADDR_TYPE_LOCAL);
    vs_rule_jump(rule, NFT_MARK_CHAIN);
    vs_rule_comment(rule, "masquerade local traffic");

    rule = nft_add_rule(writer, chain);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_SADDR_TYPE, VS_ADDR_TYPE_LOCAL);
    add_goto(rule, PROXY_NFT_SERVICE, service->base);
    vs_rule_comment(rule, "short-circuit local traffic");
}

static void
write_external_chain(const NftWriter *writer, const ProxyService *service)
{
    bool is_local = service->service->is_external_local;
    g_autofree char *chain = g_strconcat(PROXY_NFT_EXTERNAL, service->base, NULL);

    if (!service->is_external) {
        return;
    }
    if (is_local) {
        write_short_circuits(writer, service, chain);
    } else {
        vs_rule_jump(nft_add_rule(writer, chain), NFT_MARK_CHAIN);
    }
    if (service->has_external) {
        add_goto(nft_add_rule(writer, chain),
                 is_local ? PROXY_NFT_LOCAL : PROXY_NFT_SERVICE, service->base);
    }
}

static void
write_firewall_chain(const NftWriter *writer, const ProxyService *service)
{
    const VsService *of = service->service;
    g_autofree char *chain = g_strconcat(PROXY_NFT_FIREWALL, service->base, NULL);
    g_autoptr(GArray) ranges = NULL;
    VsRule *rule;

    if (!has_firewall(service)) {
        return;
    }
    rule = nft_add_rule(writer, chain);
    ranges = g_array_new(FALSE, FALSE, sizeof(VsPrefix));
    g_array_append_vals(ranges, of->source_ranges, of->n_source_ranges);
    if (proxy_service_allows_node(service)) {
        VsPrefix own = {of->load_balancer_ip, 32, true};

        g_array_append_val(ranges, own);
    }
    nft_match_prefixes(rule, VS_FIELD_SADDR, (const VsPrefix *)(void *)ranges->data,
                       ranges->len, true);
    vs_rule_verdict(rule, VS_RULE_DROP);
}

/* One draw: numgen random mod N vmap { 0 : goto ..., 1 : goto ... } */
static void
write_draw(const NftWriter *writer, const char *chain, const GPtrArray *endpoints,
           char *const *bases)
{
    static const VsField field = VS_FIELD_NUMBER;
    VsLookup *lookup =
        nft_add_lookup(nft_add_rule(writer, chain), VS_STEP_VMAP, &field, 1, NULL);

    lookup->number = vs_number_new(VS_NUMBER_RANDOM, endpoints->len);
    lookup->set->is_map = true;
    lookup->set->n_types = 1;
    lookup->set->types[0] = VS_SET_NUMBER;
    for (uint32_t i = 0; i < endpoints->len; i++) {
        const VsEndpoint *endpoint = endpoints->pdata[i];
        VsKey key = vs_set_key(&i, 1);

        send_to(vs_set_add(lookup->set, &key), PROXY_NFT_ENDPOINT,
                bases[endpoint->share]);
    }
}

static void
write_choice(const NftWriter *writer, const ProxyService *service, const char *prefix,
             const GPtrArray *endpoints, char *const *bases)
{
    g_autofree char *chain = g_strconcat(prefix, service->base, NULL);

    if (endpoints->len == 0) {
        return;
    }
    for (unsigned i = 0; service->service->affinity_s > 0 && i < endpoints->len; i++) {
        const VsEndpoint *endpoint = endpoints->pdata[i];
        g_autofree char *set =
            g_strconcat(PROXY_NFT_AFFINITY, bases[endpoint->share], NULL);
        VsRule *rule = nft_add_rule(writer, chain);

        nft_look_up_address(rule, VS_FIELD_SADDR, set);
        add_goto(rule, PROXY_NFT_ENDPOINT, bases[endpoint->share]);
    }
    write_draw(writer, chain, endpoints, bases);
}

static void
remember_client(const NftWriter *writer, const ProxyService *service, const char *chain,
                const char *base)
{
    static const VsField source = VS_FIELD_SADDR;
    g_autofree char *name = g_strconcat(PROXY_NFT_AFFINITY, base, NULL);
    VsSet *set = nft_get_address_set(writer, name, NULL);

    set->is_dynamic = true;
    set->has_timeout = true;
    set->timeout = service->service->affinity_s * VS_S;
    set->size = NFT_DYNAMIC_SIZE;
    nft_add_lookup(nft_add_rule(writer, chain), VS_STEP_UPDATE, &source, 1, name);
}

static void
write_endpoint_chain(const NftWriter *writer, const ProxyService *service,
                     const VsEndpoint *endpoint, const char *base)
{
    g_autofree char *chain = g_strconcat(PROXY_NFT_ENDPOINT, base, NULL);
    VsRule *rule = nft_add_rule(writer, chain);

    /* A pod that reaches itself must not see its own address come in. */
    vs_rule_match_prefix(rule, VS_FIELD_SADDR, endpoint->address, 32, false);
    vs_rule_jump(rule, NFT_MARK_CHAIN);
    if (service->service->affinity_s > 0) {
        remember_client(writer, service, chain, base);
    }
    rule = nft_add_rule(writer, chain);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, service->service->protocol);
    rule->steps[0].range.is_l4_generic = true;
    vs_rule_dnat(rule, endpoint->address, endpoint->port);
    proxy_bind(writer->bindings, rule, service, endpoint);
}

static void
write_endpoints(const NftWriter *writer, const ProxyService *service)
{
    const ProxyEndpoints *endpoints = &service->endpoints;
    g_autofree char **bases = g_new0(char *, MAX(service->service->n_all_endpoints, 1));

    for (unsigned i = 0; i < endpoints->all->len; i++) {
        const VsEndpoint *endpoint = endpoints->all->pdata[i];

        bases[endpoint->share] = proxy_nft_base(service->service, endpoint);
    }
    write_choice(writer, service, PROXY_NFT_SERVICE, endpoints->cluster, bases);
    write_choice(writer, service, PROXY_NFT_LOCAL, endpoints->local, bases);
    for (unsigned i = 0; i < endpoints->all->len; i++) {
        const VsEndpoint *endpoint = endpoints->all->pdata[i];

        write_endpoint_chain(writer, service, endpoint, bases[endpoint->share]);
        g_free(bases[endpoint->share]);
    }
}

void
nft_write_service(const NftWriter *writer, const VsService *of)
{
    ProxyService service;

    proxy_service_init(&service, of, writer->node, VS_PROXY_NFTABLES);
    capture_cluster_ip(writer, &service);
    for (unsigned i = 0; i < of->n_external_ips; i++) {
        capture_external_address(writer, &service, of->external_ips[i]);
    }
    capture_load_balancer_ip(writer, &service);
    capture_node_port(writer, &service);
    write_internal_chain(writer, &service);
    write_external_chain(writer, &service);
    write_firewall_chain(writer, &service);
    write_endpoints(writer, &service);
    proxy_service_clear(&service);
}

#include "models/kubeproxy/compile.h"

void
proxy_service_init(ProxyService *service, const VsService *of, const VsNode *node,
                   VsProxyMode mode)
{
    ProxyEndpoints *endpoints = &service->endpoints;

    service->node = node;
    service->service = of;
    proxy_endpoints_init(endpoints, of, node);
    service->is_external = endpoints->has_any && vs_service_is_external(of);
    service->has_internal =
        endpoints->has_any && (!of->is_internal_local || endpoints->local->len > 0);
    service->has_external =
        endpoints->has_any && (!of->is_external_local || endpoints->local->len > 0);
    service->name = proxy_port_name(of);
    service->base = mode == VS_PROXY_NFTABLES ? proxy_nft_base(of, NULL)
                                              : proxy_iptables_base(of, NULL);
}

void
proxy_service_clear(ProxyService *service)
{
    proxy_endpoints_clear(&service->endpoints);
    g_free(service->name);
    g_free(service->base);
}

bool
proxy_service_allows_node(const ProxyService *service)
{
    return vs_service_admits(service->service, vs_node_address(service->node));
}

static void
add_matching_addresses(GArray *addresses, const VsNode *node)
{
    const GArray *prefixes = node->cluster->node_port_prefixes;
    const VsIface *iface = node->host ? node->host->root->ifaces : NULL;

    for (; iface; iface = iface->next) {
        for (unsigned i = 0; iface->address != 0 && i < prefixes->len; i++) {
            if (vs_prefix_holds(g_array_index(prefixes, VsPrefix, i), iface->address)) {
                g_array_append_val(addresses, iface->address);
                break;
            }
        }
    }
}

GArray *
proxy_node_port_addresses(const VsNode *node, VsProxyMode mode)
{
    VsNodePortAddresses which = node->cluster->node_port_addresses;
    VsAddr primary = vs_node_address(node);
    GArray *addresses;

    if (which == VS_NODE_PORTS_DEFAULT) {
        which = mode == VS_PROXY_NFTABLES ? VS_NODE_PORTS_PRIMARY : VS_NODE_PORTS_ALL;
    }
    if (which == VS_NODE_PORTS_ALL) {
        return NULL;
    }
    addresses = g_array_new(FALSE, FALSE, sizeof(VsAddr));
    if (which == VS_NODE_PORTS_PREFIXES) {
        add_matching_addresses(addresses, node);
    } else if (primary != 0) {
        g_array_append_val(addresses, primary);
    }
    return addresses;
}

void
proxy_bind(GArray *bindings, const VsRule *rule, const ProxyService *service,
           const VsEndpoint *endpoint)
{
    ProxyBinding binding = {
        .rule = rule, .service = service->service, .share = endpoint->share};

    if (bindings) {
        g_array_append_val(bindings, binding);
    }
}

void
proxy_own_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings)
{
    switch (node->proxy_mode) {
    case VS_PROXY_IPTABLES:
        proxy_iptables_compile(node, ruleset, bindings);
        break;
    case VS_PROXY_NFTABLES:
        proxy_nftables_compile(node, ruleset, bindings);
        break;
    case VS_PROXY_IPVS:
        proxy_ipvs_compile(node, ruleset);
        break;
    }
}

void
proxy_compile(const VsNode *node, VsRuleset *ruleset, GArray *bindings)
{
    proxy_own_compile(node, ruleset, bindings);
    proxy_kubelet_compile(ruleset);
}

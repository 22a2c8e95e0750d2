#include "models/kubeproxy/proxy.h"

#include <math.h>

/* Bit 14: "masquerade me in POSTROUTING" (KUBE-MARK-MASQ). */
#define MARK_MASQUERADE 0x4000

/* xt_statistic compares 31 random bits. */
#define STATISTIC_ONE 2147483648.0
#define STATISTIC_MASK 0x7fffffff

/* Rules that a packet meets in KUBE-SERVICES up to its service's. */
typedef struct ProxyTarget {
    VsService *service;
    uint32_t n_rules;
    bool is_external; /* NodePort, load balancer: masqueraded from everywhere. */
} ProxyTarget;

struct VsProxy {
    VsNode *node;
    VsRng rng;
    VsTable targets;    /* (address, port, protocol) to ProxyTarget. */
    VsTable node_ports; /* (0, port, protocol) to ProxyTarget. */
    GPtrArray *owned;   /* The targets. */
    uint32_t n_rules;   /* Of KUBE-SERVICES. */
};

static VsKey
target_key(VsAddr address, uint16_t port)
{
    VsFlow flow = {.daddr = address,
                   .dport = port,
                   .protocol = VS_PROTOCOL_TCP,
                   .family = VS_FAMILY_IPV4};

    return vs_flow_key(&flow);
}

static void
add_target(VsProxy *proxy, VsTable *table, VsAddr address, uint16_t port,
           const ProxyTarget *target)
{
    ProxyTarget *copy = g_memdup2(target, sizeof(*target));

    g_ptr_array_add(proxy->owned, copy);
    vs_table_insert(table, target_key(address, port), copy);
}

static void
proxy_free(VsProxy *proxy)
{
    vs_table_clear(&proxy->targets);
    vs_table_clear(&proxy->node_ports);
    g_ptr_array_free(proxy->owned, TRUE);
    g_free(proxy);
}

/* One rule a VIP in the order of services; the last jumps to KUBE-NODEPORTS for local
 * addresses. */
static void
compile_services(VsProxy *proxy, const VsCluster *cluster)
{
    uint32_t n_node_ports = 0;

    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];

        add_target(proxy, &proxy->targets, service->cluster_ip, service->port,
                   &(ProxyTarget){service, ++proxy->n_rules, false});
        if (service->load_balancer_ip != 0) {
            add_target(proxy, &proxy->targets, service->load_balancer_ip, service->port,
                       &(ProxyTarget){service, ++proxy->n_rules, true});
        }
    }
    proxy->n_rules++;
    for (unsigned i = 0; i < cluster->services->len; i++) {
        VsService *service = cluster->services->pdata[i];

        if (service->node_port != 0) {
            add_target(proxy, &proxy->node_ports, 0, service->node_port,
                       &(ProxyTarget){service, proxy->n_rules + ++n_node_ports, true});
        }
    }
}

static const ProxyTarget *
find_target(const VsProxy *proxy, const VsFlow *flow)
{
    const ProxyTarget *target;

    if (flow->protocol != VS_PROTOCOL_TCP) {
        return NULL;
    }
    target = vs_table_find(&proxy->targets, target_key(flow->daddr, flow->dport));
    if (target) {
        return target;
    }
    target = vs_table_find(&proxy->node_ports, target_key(0, flow->dport));
    return target && vs_netns_is_local(proxy->node->host->root, flow->daddr) ? target
                                                                             : NULL;
}

/* The statistic rules in turn: rule i of n matches with probability 1/(n-i), printed with
 * ten decimals and read back as a multiple of 2^-31; one draw a rule. */
static unsigned
choose_endpoint(VsProxy *proxy, unsigned n_endpoints)
{
    unsigned i = 0;

    for (; i + 1 < n_endpoints; i++) {
        double printed = floor(1e10 / (n_endpoints - i) + 0.5) / 1e10;
        uint32_t threshold = (uint32_t)(STATISTIC_ONE * printed + 0.5);

        if ((vs_rng_u32(&proxy->rng) & STATISTIC_MASK) < threshold) {
            break;
        }
    }
    return i;
}

static bool
is_pod_address(const VsCluster *cluster, VsAddr address)
{
    VsPrefix range = cluster->pod_cidr;

    return range.length == 0 || (address ^ range.address) >> (32 - range.length) == 0;
}

static bool
proxy_dst_rule(void *data, VsPacket *packet, VsConntrackEntry *entry,
               const VsHookState *state, bool *ret_stolen)
{
    VsProxy *proxy = data;
    VsHost *host = state->netns->host;
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    const ProxyTarget *target = find_target(proxy, flow);
    const VsEndpoint *endpoint;
    unsigned choice;

    if (!target) {
        vs_host_charge(host, proxy->n_rules * host->costs.rule);
        return false;
    }
    vs_host_charge(host, target->n_rules * host->costs.rule);
    if (target->service->n_endpoints == 0) {
        /* REJECT --reject-with icmp-port-unreachable. */
        vs_icmp_send_error(state->netns, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_PORT,
                           0);
        vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
        *ret_stolen = true;
        return false;
    }
    choice = choose_endpoint(proxy, target->service->n_endpoints);
    vs_host_charge(host, (choice + 1) * host->costs.rule);
    endpoint = &target->service->endpoints[choice];
    if (target->is_external || !is_pod_address(proxy->node->cluster, flow->saddr) ||
        flow->saddr == endpoint->address) {
        packet->mark |= MARK_MASQUERADE;
    }
    target->service->shares->shares[endpoint->share].count++;
    vs_nat_dst(entry, endpoint->address, endpoint->port);
    return true;
}

/* KUBE-POSTROUTING: MASQUERADE what is marked, and take the mark away. */
static bool
proxy_src_rule(void *data, VsPacket *packet, VsConntrackEntry *entry,
               const VsHookState *state, bool *ret_stolen)
{
    VsProxy *proxy = data;
    VsHost *host = proxy->node->host;

    if (!state->out || !(packet->mark & MARK_MASQUERADE)) {
        return false;
    }
    packet->mark &= ~(uint32_t)MARK_MASQUERADE;
    vs_host_charge(host, host->costs.rule);
    if (!vs_nat_src(entry, state->out->address)) {
        vs_packet_drop(packet, VS_DROP_NO_NAT_PORT);
        *ret_stolen = true;
        return false;
    }
    return true;
}

void
proxy_attach(VsNode *node)
{
    VsConntrack *conntrack = node->host->root->conntrack;
    VsProxy *proxy;

    if (node->proxy) {
        return;
    }
    proxy = g_new0(VsProxy, 1);
    proxy->node = node;
    proxy->owned = g_ptr_array_new_with_free_func(g_free);
    vs_rng_init(&proxy->rng, node->host->part.run->seed, node->name, "kube-proxy");
    vs_table_init(&proxy->targets);
    vs_table_init(&proxy->node_ports);
    compile_services(proxy, node->cluster);
    node->proxy = proxy;
    node->free_proxy = proxy_free;
    vs_nat_add_dst_rule(conntrack, proxy_dst_rule, proxy);
    vs_nat_add_src_rule(conntrack, proxy_src_rule, proxy);
}

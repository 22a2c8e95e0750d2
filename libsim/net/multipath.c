#include "net/multipath.h"

#include "net/netns.h"
#include "net/reassembly.h"

void
vs_multipath_set(VsRoute *route, const VsNextHop *hops, unsigned n_hops)
{
    g_autofree uint32_t *weights = g_new(uint32_t, n_hops);
    g_autofree int32_t *bounds = g_new(int32_t, n_hops);
    VsMultipath *multipath;

    route->multipath = NULL;
    route->iface = hops[0].iface;
    route->via = hops[0].via;
    if (n_hops == 1) {
        return;
    }
    for (unsigned i = 0; i < n_hops; i++) {
        weights[i] = hops[i].is_dead ? 0 : hops[i].weight;
    }
    vs_hash_threshold_bounds(weights, n_hops, bounds);
    multipath = g_malloc(sizeof(*multipath) + n_hops * sizeof(multipath->hops[0]));
    multipath->n_hops = n_hops;
    for (unsigned i = 0; i < n_hops; i++) {
        VsMultipathHop *hop = &multipath->hops[i];

        *hop = (VsMultipathHop){
            .route = *route, .weight = hops[i].weight, .bound = bounds[i]};
        hop->route.iface = hops[i].iface;
        hop->route.via = hops[i].via;
    }
    route->multipath = multipath;
}

static inline uint32_t
hash_flow(const VsNetns *netns, const VsFlow *flow, bool has_ports)
{
    const VsMultipathConfig *config = &netns->multipath;

    if (config->policy != VS_MULTIPATH_L4) {
        return vs_flow_hash_linux(flow->saddr, flow->daddr, 0, 0, 0, config->hash_key);
    }
    return vs_flow_hash_linux(flow->saddr, flow->daddr, has_ports ? flow->sport : 0,
                              has_ports ? flow->dport : 0, flow->protocol,
                              config->hash_key);
}

/* The kernel dissects what it forwards; of what it sends itself it knows the outside. */
static const VsLayer *
hashed_layer(const VsNetns *netns, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    uint8_t container = netns->multipath.policy == VS_MULTIPATH_L3   ? VS_PROTOCOL_ICMP
                        : netns->multipath.policy == VS_MULTIPATH_L4 ? 0
                                                                     : VS_PROTOCOL_IPIP;

    return packet->iface && packet->n_layers > 1 && container != 0 &&
                   top->flow.protocol == container
               ? top - 1
               : top;
}

uint32_t
vs_multipath_hash(const VsNetns *netns, VsPacket *packet)
{
    const VsLayer *layer = hashed_layer(netns, packet);
    uint8_t protocol = layer->flow.protocol;

    return hash_flow(netns, &layer->flow,
                     (protocol == VS_PROTOCOL_TCP || protocol == VS_PROTOCOL_UDP) &&
                         !vs_ip_is_fragment(layer));
}

uint32_t
vs_multipath_hash_key(const VsNetns *netns, const VsRouteKey *key)
{
    VsFlow flow = {.saddr = key->saddr,
                   .daddr = key->daddr,
                   .sport = key->sport,
                   .dport = key->dport,
                   .protocol = key->protocol};

    return hash_flow(netns, &flow, true);
}

const VsMultipathHop *
vs_multipath_select(const VsMultipath *multipath, uint32_t hash, VsAddr saddr)
{
    const VsMultipathHop *best = NULL;
    int best_score = -1;

    for (unsigned i = 0; i < multipath->n_hops; i++) {
        const VsMultipathHop *hop = &multipath->hops[i];
        bool has_source = saddr != 0 && hop->route.iface->address == saddr;
        bool has_hash = (int32_t)hash <= hop->bound;
        int score = 2 * has_source + has_hash;

        if (hop->bound != VS_HASH_THRESHOLD_DEAD && score > best_score) {
            best = hop;
            best_score = score;
            if (has_hash && (has_source || saddr == 0)) {
                break;
            }
        }
    }
    return best;
}

char *
vs_multipath_explain(const VsMultipath *multipath, const VsRoute *route, uint32_t hash)
{
    int32_t first = 0;
    unsigned i = 0;

    while (&multipath->hops[i].route != route) {
        first = MAX(first, multipath->hops[i].bound + 1);
        i++;
    }
    if ((int32_t)hash < first || (int32_t)hash > multipath->hops[i].bound) {
        return g_strdup_printf("next hop %u of %u: the source is its address", i + 1,
                               multipath->n_hops);
    }
    return g_strdup_printf("next hop %u of %u: hash %u in %d..%d", i + 1,
                           multipath->n_hops, hash, first, multipath->hops[i].bound);
}

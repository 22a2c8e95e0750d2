/* Equal-cost multipath without memory: hash-threshold and modulo-n (RFC 2991, RFC 2992). */
#include "balance/ecmp.h"

#include "balance/kinds.h"
#include "balance/weights.h"

enum { POLICY_L3, POLICY_L4, POLICY_INNER_L3 };

const char *const vs_ecmp_policies[] = {
    [POLICY_L3] = "l3",
    [POLICY_L4] = "l4",
    [POLICY_INNER_L3] = "inner-l3",
    NULL,
};

typedef struct Ecmp {
    VsFlowHashKey hash_key;
    int32_t *bounds; /* By backend; hash-threshold's. */
} Ecmp;

VsFlowHashKey
vs_ecmp_draw_key(VsBalancer *balancer)
{
    VsFlowHashKey key;

    if (balancer->params[VS_ECMP_SEED] != 0) {
        return vs_flow_hash_key_of_seed((uint32_t)balancer->params[VS_ECMP_SEED]);
    }
    key.k0 = vs_rng_u64(&balancer->rng);
    key.k1 = vs_rng_u64(&balancer->rng);
    return key;
}

uint32_t
vs_ecmp_hash(const VsBalancer *balancer, VsFlowHashKey hash_key,
             const VsBalanceKey *key)
{
    const VsFlow *flow = &key->flow;

    if (balancer->params[VS_ECMP_POLICY] == POLICY_L4) {
        return vs_flow_hash_linux(flow->saddr, flow->daddr, flow->sport, flow->dport,
                                  flow->protocol, hash_key);
    }
    return vs_flow_hash_linux(flow->saddr, flow->daddr, 0, 0, 0, hash_key);
}

static bool
ecmp_init(VsBalancer *balancer, GError **error)
{
    Ecmp *ecmp = balancer->state;

    (void)error;
    ecmp->hash_key = vs_ecmp_draw_key(balancer);
    return true;
}

static void
ecmp_clear(VsBalancer *balancer)
{
    Ecmp *ecmp = balancer->state;

    g_free(ecmp->bounds);
}

static void
hash_threshold_rebuild(VsBalancer *balancer)
{
    Ecmp *ecmp = balancer->state;
    g_autofree uint32_t *weights = g_new0(uint32_t, balancer->n_backends);

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];

        weights[i] = vs_backend_is_available(backend) ? backend->weight : 0;
    }
    ecmp->bounds = g_renew(int32_t, ecmp->bounds, balancer->n_backends);
    vs_hash_threshold_bounds(weights, balancer->n_backends, ecmp->bounds);
}

static uint32_t
hash_threshold_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Ecmp *ecmp = balancer->state;
    int32_t hash = (int32_t)vs_ecmp_hash(balancer, ecmp->hash_key, key);
    uint32_t backend = 0;

    /* The last bound is the greatest hash. */
    while (hash > ecmp->bounds[backend]) {
        backend++;
    }
    return backend;
}

static void
hash_threshold_describe(const VsBalancer *balancer, GString *out)
{
    const Ecmp *ecmp = balancer->state;

    for (uint32_t i = 0; ecmp->bounds && i < balancer->n_backends; i++) {
        if (!balancer->backends[i].is_removed) {
            g_string_append_printf(out, "%s upper bound %d\n",
                                   balancer->backends[i].name, ecmp->bounds[i]);
        }
    }
}

static uint32_t
modulo_n_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Ecmp *ecmp = balancer->state;

    return vs_weights_at(balancer, vs_ecmp_hash(balancer, ecmp->hash_key, key) %
                                       balancer->total_weight);
}

static const VsBalancerParam ecmp_params[] = {VS_ECMP_PARAM_ROWS, {0}};

const VsBalancerKind vs_balancer_kinds_ecmp[] = {
    {
        .name = "ecmp-hash-threshold",
        .weight_max = 256,
        .doc =
            "Each next hop of a route takes a range of the flow hash, as wide as its "
            "weight; ranges lie in the order of the hops, so that one that goes moves "
            "up "
            "to half of all flows.  Both directions of a flow hash alike.  IPv6 "
            "addresses are hashed folded, and so not as Linux hashes them.",
        .source = "Linux, net/ipv4/fib_semantics.c, fib_select_multipath() and "
                  "fib_rebalance(); net/ipv4/route.c, fib_multipath_hash(); RFC 2992",
        .formula =
            "first hop with hash31 <= round(2^31 * cumulated weight / total) - 1",
        .key = VS_BALANCE_BY_FLOW,
        .params = ecmp_params,
        .state_size = sizeof(Ecmp),
        .init = ecmp_init,
        .clear = ecmp_clear,
        .rebuild = hash_threshold_rebuild,
        .pick = hash_threshold_pick,
        .describe = hash_threshold_describe,
    },
    {
        .name = "ecmp-modulo-n",
        .doc =
            "The flow hash modulo the number of next hops, each as often in the list "
            "as its weight says: one more or less moves nearly all flows.",
        .source = "RFC 2991, section 3; the hash is that of Linux",
        .formula = "hops[hash31 mod total weight]",
        .key = VS_BALANCE_BY_FLOW,
        .params = ecmp_params,
        .state_size = sizeof(Ecmp),
        .init = ecmp_init,
        .clear = ecmp_clear,
        .pick = modulo_n_pick,
    },
    {0},
};

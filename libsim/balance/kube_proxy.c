/* How kube-proxy's rules choose an endpoint of a service: the choice alone, without rules. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance/kinds.h"
#include "base/pool.h"
#include "base/table.h"

enum { OBJECTS_A_SLAB = 64 };

/* The first params of both kinds. */
enum { AFFINITY_TIMEOUT, DIGITS, AFFINITY_ADDRESSES };

#define AFFINITY_TIMEOUT_PARAM                                                     \
    {                                                                              \
        .name = "affinity-timeout",                                                \
        .doc = "Session affinity ClientIP: seconds after its last new connection " \
               "that a client keeps its endpoint; 0: no affinity.  Kubernetes' "   \
               "default is 10800.",                                                \
        .max = 86400,                                                              \
    }

static const VsBalancerParam iptables_params[] = {
    AFFINITY_TIMEOUT_PARAM,
    {.name = "digits",
     .doc = "Decimals of the probabilities in the rules: 10, in old releases 5.",
     .def = 10,
     .min = 1,
     .max = 16},
    {.name = "affinity-addresses",
     .doc = "Clients that an endpoint's list remembers, ip_list_tot of xt_recent; one "
            "more drives out the one that was longest without news.",
     .def = 100,
     .min = 1,
     .max = 65536},
    {0},
};

static const VsBalancerParam nftables_params[] = {AFFINITY_TIMEOUT_PARAM, {0}};

/* A client that an endpoint remembers. */
typedef struct Client {
    GList link; /* In the endpoint's 'clients'; its data is the client. */
    VsKey key;
    VsTime seen;
} Client;

/* Of each backend: those it remembers, the one longest without news first. */
typedef struct Endpoint {
    GQueue clients;
} Endpoint;

typedef struct State {
    uint32_t *endpoints;  /* Backends that are available, in order; room for all. */
    uint32_t *thresholds; /* Of 31 bits, for each of them; the last one has no rule. */
    VsTable by_client;    /* (address, backend) to Client. */
    VsPool clients;
} State;

static bool
kube_proxy_init(VsBalancer *balancer, GError **error)
{
    State *state = balancer->state;

    (void)error;
    vs_table_init(&state->by_client);
    vs_pool_init(&state->clients, sizeof(Client), OBJECTS_A_SLAB);
    return true;
}

static void
kube_proxy_clear(VsBalancer *balancer)
{
    State *state = balancer->state;

    vs_table_clear(&state->by_client);
    vs_pool_clear(&state->clients);
    g_free(state->endpoints);
    g_free(state->thresholds);
}

/* ---- Affinity --------------------------------------------------------------------- */

static VsKey
client_key(const VsBalanceKey *key, uint32_t backend)
{
    return (VsKey){{key->flow.saddr, backend}};
}

static void
forget(VsBalancer *balancer, uint32_t backend, Client *client)
{
    State *state = balancer->state;
    Endpoint *endpoint = vs_balancer_backend_state(balancer, backend);

    vs_table_remove(&state->by_client, client->key);
    g_queue_unlink(&endpoint->clients, &client->link);
    vs_pool_free(&state->clients, client);
}

static Client *
oldest_client(const VsBalancer *balancer, uint32_t backend)
{
    const Endpoint *endpoint = vs_balancer_backend_state(balancer, backend);

    return endpoint->clients.head ? endpoint->clients.head->data : NULL;
}

static void
remember(VsBalancer *balancer, uint32_t backend, const VsBalanceKey *key)
{
    State *state = balancer->state;
    Endpoint *endpoint = vs_balancer_backend_state(balancer, backend);
    VsKey name = client_key(key, backend);
    Client *client = vs_table_find(&state->by_client, name);

    if (client) {
        g_queue_unlink(&endpoint->clients, &client->link);
    } else {
        client = vs_pool_alloc(&state->clients);
        *client = (Client){.link.data = client, .key = name};
        vs_table_insert(&state->by_client, name, client);
    }
    client->seen = key->now;
    g_queue_push_tail_link(&endpoint->clients, &client->link);
}

/* An endpoint's rules are gone, and its list or set with them. */
static void
kube_proxy_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    Client *client;

    (void)change;
    while (!vs_backend_is_available(&balancer->backends[backend]) &&
           (client = oldest_client(balancer, backend))) {
        forget(balancer, backend, client);
    }
}

/* ---- Rules ------------------------------------------------------------------------ */

/* 1/n as the rule has it and the kernel takes it: probability() of libxt_statistic.c. */
static uint32_t
threshold_of(uint32_t n, unsigned digits)
{
    char text[32];

    g_snprintf(text, sizeof(text), "%.*f", (int)digits, 1.0 / n);
    return (uint32_t)lround(0x80000000 * g_ascii_strtod(text, NULL));
}

static void
kube_proxy_rebuild(VsBalancer *balancer)
{
    State *state = balancer->state;
    uint32_t n_endpoints = 0;

    state->endpoints = g_renew(uint32_t, state->endpoints, balancer->n_backends);
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            state->endpoints[n_endpoints++] = i;
        }
    }
}

static void
iptables_rebuild(VsBalancer *balancer)
{
    State *state = balancer->state;
    uint32_t n = balancer->n_available;

    kube_proxy_rebuild(balancer);
    state->thresholds = g_renew(uint32_t, state->thresholds, n);
    for (uint32_t i = 0; i < n; i++) {
        state->thresholds[i] = threshold_of(n - i, (unsigned)balancer->params[DIGITS]);
    }
}

/* -m recent --rcheck --seconds --reap of each endpoint in turn (xt_recent.c,
 * recent_mt()): where the client is known, the list forgets its oldest if that is past. */
static uint32_t
recent_endpoint(VsBalancer *balancer, const VsBalanceKey *key)
{
    State *state = balancer->state;
    VsTime timeout = (VsTime)balancer->params[AFFINITY_TIMEOUT] * VS_S;

    for (uint32_t i = 0; i < balancer->n_available; i++) {
        uint32_t backend = state->endpoints[i];
        Client *client = vs_table_find(&state->by_client, client_key(key, backend));

        if (client) {
            bool is_recent = key->now - client->seen <= timeout;
            Client *oldest = oldest_client(balancer, backend);

            if (key->now - oldest->seen > timeout) {
                forget(balancer, backend, oldest);
            }
            if (is_recent) {
                return backend;
            }
        }
    }
    return VS_BALANCER_NONE;
}

static void
recent_set(VsBalancer *balancer, uint32_t backend, const VsBalanceKey *key)
{
    const Endpoint *endpoint = vs_balancer_backend_state(balancer, backend);
    const State *state = balancer->state;

    if (endpoint->clients.length >= balancer->params[AFFINITY_ADDRESSES] &&
        !vs_table_find(&state->by_client, client_key(key, backend))) {
        forget(balancer, backend, oldest_client(balancer, backend));
    }
    remember(balancer, backend, key);
}

/* A rule for each endpoint but the last, and a draw for each rule. */
static uint32_t
iptables_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const State *state = balancer->state;
    bool has_affinity = balancer->params[AFFINITY_TIMEOUT] > 0;
    uint32_t backend = has_affinity ? recent_endpoint(balancer, key) : VS_BALANCER_NONE;

    if (backend == VS_BALANCER_NONE) {
        uint32_t last = balancer->n_available - 1;
        uint32_t i = 0;

        while (i < last &&
               (vs_rng_u32(&balancer->rng) & INT32_MAX) >= state->thresholds[i]) {
            i++;
        }
        backend = state->endpoints[i];
    }
    if (has_affinity) {
        recent_set(balancer, backend, key);
    }
    return backend;
}

/* "ip saddr @affinity-..." of each endpoint in turn: elements last their timeout. */
static uint32_t
affine_endpoint(VsBalancer *balancer, const VsBalanceKey *key)
{
    State *state = balancer->state;
    VsTime timeout = (VsTime)balancer->params[AFFINITY_TIMEOUT] * VS_S;

    for (uint32_t i = 0; i < balancer->n_available; i++) {
        uint32_t backend = state->endpoints[i];
        const Client *client =
            vs_table_find(&state->by_client, client_key(key, backend));

        if (client && key->now - client->seen < timeout) {
            return backend;
        }
    }
    return VS_BALANCER_NONE;
}

static void
affine_update(VsBalancer *balancer, uint32_t backend, const VsBalanceKey *key)
{
    VsTime timeout = (VsTime)balancer->params[AFFINITY_TIMEOUT] * VS_S;
    Client *oldest;

    remember(balancer, backend, key);
    while ((oldest = oldest_client(balancer, backend)) &&
           key->now - oldest->seen >= timeout) {
        forget(balancer, backend, oldest);
    }
}

static uint32_t
nftables_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const State *state = balancer->state;
    bool has_affinity = balancer->params[AFFINITY_TIMEOUT] > 0;
    uint32_t backend = has_affinity ? affine_endpoint(balancer, key) : VS_BALANCER_NONE;

    if (backend == VS_BALANCER_NONE) {
        uint64_t product = (uint64_t)vs_rng_u32(&balancer->rng) * balancer->n_available;

        backend = state->endpoints[product >> 32];
    }
    if (has_affinity) {
        affine_update(balancer, backend, key);
    }
    return backend;
}

static void
iptables_describe(const VsBalancer *balancer, GString *out)
{
    const State *state = balancer->state;

    for (uint32_t i = 0; !balancer->is_stale && i + 1 < balancer->n_available; i++) {
        g_string_append_printf(out, "%s below %u of 2^31\n",
                               balancer->backends[state->endpoints[i]].name,
                               state->thresholds[i]);
    }
}

const VsBalancerKind vs_balancer_kinds_kube_proxy[] = {
    {
        .name = "kube-proxy-iptables",
        .weight_max = 1,
        .doc =
            "A rule for each endpoint in order takes one of those that are left with "
            "probability 1/n, which it has to some decimals only; the last takes the "
            "rest.  Weights do not count, but for 0.",
        .source = "Kubernetes, pkg/proxy/iptables/proxier.go, "
                  "writeServiceToEndpointRules(), computeProbability(); Linux, "
                  "net/netfilter/xt_statistic.c, xt_recent.c; iptables, "
                  "extensions/libxt_statistic.c",
        .formula = "first i with random31() < lround(2^31 / (n - i))",
        .key = VS_BALANCE_BY_ADDRESS,
        .params = iptables_params,
        .state_size = sizeof(State),
        .backend_size = sizeof(Endpoint),
        .init = kube_proxy_init,
        .clear = kube_proxy_clear,
        .changed = kube_proxy_changed,
        .rebuild = iptables_rebuild,
        .pick = iptables_pick,
        .describe = iptables_describe,
    },
    {
        .name = "kube-proxy-nftables",
        .weight_max = 1,
        .doc =
            "One draw, and a verdict map from its number to an endpoint.  Weights do "
            "not count, but for 0.",
        .source = "Kubernetes, pkg/proxy/nftables/proxier.go; Linux, "
                  "net/netfilter/nft_numgen.c, nft_ng_random_gen()",
        .formula = "endpoint[(random32() * n) >> 32]",
        .key = VS_BALANCE_BY_ADDRESS,
        .params = nftables_params,
        .state_size = sizeof(State),
        .backend_size = sizeof(Endpoint),
        .init = kube_proxy_init,
        .clear = kube_proxy_clear,
        .changed = kube_proxy_changed,
        .rebuild = kube_proxy_rebuild,
        .pick = nftables_pick,
    },
    {0},
};

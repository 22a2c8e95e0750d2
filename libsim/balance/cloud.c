/* Network load balancers of clouds, in the shape that their documentation gives: what goes
 * into the hash.  The hashes themselves are not published and are ours here. */
#include <string.h>

#include "balance/kinds.h"
#include "balance/maglev.h"
#include "base/hash.h"

/* ---- AWS NLB ------------------------------------------------------------------------ */

typedef struct Targets {
    uint32_t *targets; /* Those available. */
    uint32_t n_targets;
} Targets;

static void
nlb_clear(VsBalancer *balancer)
{
    Targets *state = balancer->state;

    g_free(state->targets);
}

static void
nlb_rebuild(VsBalancer *balancer)
{
    Targets *state = balancer->state;

    state->targets = g_renew(uint32_t, state->targets, balancer->n_backends);
    state->n_targets = 0;
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            state->targets[state->n_targets++] = i;
        }
    }
}

static uint32_t
nlb_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const Targets *state = balancer->state;
    uint64_t hash = vs_flow_mix(&key->flow);

    if (key->flow.protocol == VS_PROTOCOL_TCP) {
        hash = vs_mix64(hash ^ key->tcp_seq);
    }
    return state->targets[hash % state->n_targets];
}

/* ---- Google's passthrough NLB ------------------------------------------------------- */

enum { GCP_TABLE_SIZE, GCP_AFFINITY };
enum { AFFINITY_5, AFFINITY_3, AFFINITY_2, AFFINITY_1 };

static const char *const affinity_choices[] = {"none", "client-ip-proto", "client-ip",
                                               "client-ip-no-destination", NULL};

static void
gcp_rebuild(VsBalancer *balancer)
{
    VsMaglev *maglev = balancer->state;
    g_autofree uint32_t *sorted = g_new(uint32_t, balancer->n_backends);
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, balancer->n_backends);
    uint32_t n = vs_maglev_sort_backends(balancer, sorted);

    for (uint32_t i = 0; i < n; i++) {
        const VsBackend *backend = &balancer->backends[sorted[i]];
        size_t length = strlen(backend->name);

        entries[i] = (VsMaglevEntry){
            .backend = (uint16_t)sorted[i],
            .offset = (uint32_t)(vs_xxhash64(backend->name, length, 0) % maglev->size),
            .skip =
                (uint32_t)(vs_xxhash64(backend->name, length, 1) % (maglev->size - 1)) +
                1,
            .turns = backend->weight,
        };
    }
    vs_maglev_fill(entries, n, maglev->table, maglev->size);
}

static uint32_t
gcp_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    uint64_t affinity = balancer->params[GCP_AFFINITY];
    VsFlow flow = key->flow;

    if (affinity >= AFFINITY_3) {
        flow.sport = 0;
        flow.dport = 0;
    }
    if (affinity >= AFFINITY_2) {
        flow.protocol = 0;
    }
    if (affinity >= AFFINITY_1) {
        flow.daddr = 0;
    }
    return vs_maglev_at(balancer, vs_flow_mix(&flow));
}

static const VsBalancerParam gcp_params[] = {
    {.name = "table-size",
     .doc = "Slots: a prime, over 100 for each backend.",
     .def = 65537,
     .min = 3,
     .max = 5000011},
    {.name = "session-affinity",
     .doc = "What is hashed: addresses, ports and protocol; without ports; addresses "
            "alone; the client's alone.",
     .def = AFFINITY_5,
     .choices = affinity_choices},
    {0},
};

const VsBalancerKind vs_balancer_kinds_cloud[] = {
    {
        .name = "nlb-flow",
        .weight_max = 1,
        .doc =
            "As AWS's Network Load Balancer: a hash of protocol, addresses, ports and, "
            "for TCP, the sequence number of the first packet, so one client port that "
            "comes again may get another target.  The connection keeps its target for "
            "life, which is for who asks: ask once a connection.  Weights but 0 do not "
            "count.  The hash is not published; this one is ours.",
        .source = "AWS, User Guide for Network Load Balancers, What is a Network Load "
                  "Balancer, Network Load Balancer overview",
        .formula = "targets[hash(protocol, saddr, sport, daddr, dport, seq) mod n]",
        .key = VS_BALANCE_BY_FLOW,
        .state_size = sizeof(Targets),
        .clear = nlb_clear,
        .rebuild = nlb_rebuild,
        .pick = nlb_pick,
    },
    {
        .name = "gcp-flow",
        .doc =
            "As Google Cloud's external passthrough Network Load Balancer: a "
            "consistent hash of as much of the flow as the session affinity says.  "
            "Tracking of connections, which keeps one on its backend, is for who asks. "
            " "
            "Neither hash nor table are published; the table here is Maglev's, whose "
            "paper is about the servers behind that product.",
        .source = "Google Cloud, Load Balancing, Traffic distribution for external "
                  "passthrough Network Load Balancers; Eisenbud et al., NSDI 2016",
        .formula = "table[hash(what session-affinity selects) mod size]",
        .key = VS_BALANCE_BY_FLOW,
        .params = gcp_params,
        .state_size = sizeof(VsMaglev),
        .init = vs_maglev_init,
        .clear = vs_maglev_clear,
        .rebuild = gcp_rebuild,
        .pick = gcp_pick,
    },
    {0},
};

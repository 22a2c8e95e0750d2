/* Rendezvous hashing: every backend bids for a key, and the highest bid wins. */
#include <string.h>

#include "balance/kinds.h"
#include "base/fmath.h"
#include "base/hash.h"

static void
rendezvous_changed(VsBalancer *balancer, VsBalancerChange change, uint32_t backend)
{
    const char *name = balancer->backends[backend].name;
    uint64_t *hash = vs_balancer_backend_state(balancer, backend);

    if (change == VS_BALANCER_ADDED) {
        *hash = vs_xxhash64(name, strlen(name), 0);
    }
}

static uint32_t
rendezvous_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const uint64_t *hashes = balancer->backend_states;
    uint64_t hash = vs_flow_mix(&key->flow);
    uint32_t best = VS_BALANCER_NONE;
    double highest = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        double uniform;
        double bid;

        if (!vs_backend_is_available(backend)) {
            continue;
        }
        /* In the open interval (0, 1). */
        uniform = ((double)(vs_mix64(hash ^ hashes[i]) >> 12) + 0.5) * 0x1p-52;
        bid = -(double)backend->weight / vs_log(uniform);
        if (best == VS_BALANCER_NONE || bid > highest) {
            best = i;
            highest = bid;
        }
    }
    return best;
}

const VsBalancerKind vs_balancer_kinds_rendezvous[] = {
    {
        .name = "rendezvous",
        .doc =
            "Highest random weight: each backend bids -weight / ln(u) for the key, u "
            "being the hash of both as a number between 0 and 1, and the highest bid "
            "wins.  Shares are as the weights; one that goes or loses weight gives up "
            "only keys of its own, one that comes or gains takes only what it keeps.  "
            "There is no table, and a pick asks every backend.",
        .source =
            "Thaler and Ravishankar, Using Name-Based Mappings to Increase Hit "
            "Rates, IEEE/ACM ToN 6 (1998); weights by Schindelhauer and Schomaker, "
            "Weighted Distributed Hash Tables, SPAA 2005, the logarithmic method; "
            "hashes are ours",
        .formula = "argmax(-weight / ln(u)), u = mix(hash(flow) ^ XXH64(name)) / 2^64",
        .key = VS_BALANCE_BY_FLOW,
        .backend_size = sizeof(uint64_t),
        .changed = rendezvous_changed,
        .pick = rendezvous_pick,
    },
    {0},
};

/* IPVS' choices by load and weight: ip_vs_{lc,wlc,sed,nq,fo,ovf}.c. */
#include "balance/ipvs.h"

static uint64_t
one(const VsBalancer *balancer, uint32_t backend)
{
    (void)balancer;
    (void)backend;
    return 1;
}

static uint64_t
weight_of(const VsBalancer *balancer, uint32_t backend)
{
    return balancer->backends[backend].weight;
}

/* ip_vs_sed_dest_overhead(): with the connection that is asked for. */
static uint64_t
expected_delay(const VsBalancer *balancer, uint32_t backend)
{
    return (uint64_t)balancer->backends[backend].n_active + 1;
}

typedef uint64_t (*Measure)(const VsBalancer *balancer, uint32_t backend);

/* The usable destination of least load for its weight, compared without division; ties go
 * to the first. */
static uint32_t
least(VsBalancer *balancer, Measure load, Measure weight)
{
    uint32_t best = VS_BALANCER_NONE;

    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        if (vs_ipvs_is_usable(balancer, at) &&
            (best == VS_BALANCER_NONE ||
             load(balancer, best) * weight(balancer, at) >
                 load(balancer, at) * weight(balancer, best))) {
            best = at;
        }
    }
    return best;
}

uint32_t
vs_ipvs_least_loaded(VsBalancer *balancer)
{
    return least(balancer, vs_ipvs_overhead, weight_of);
}

uint32_t
vs_ipvs_lc_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_ipvs_take(balancer, least(balancer, vs_ipvs_overhead, one));
}

uint32_t
vs_ipvs_wlc_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_ipvs_take(balancer, vs_ipvs_least_loaded(balancer));
}

uint32_t
vs_ipvs_sed_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_ipvs_take(balancer, least(balancer, expected_delay, weight_of));
}

uint32_t
vs_ipvs_nq_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        if (balancer->backends[at].n_active == 0 && vs_ipvs_is_usable(balancer, at)) {
            return vs_ipvs_take(balancer, at);
        }
    }
    return vs_ipvs_sed_pick(balancer, key);
}

/* The usable destination of most weight with at most 'slack' active connections more than
 * its weight; the first of those. */
static uint32_t
heaviest(VsBalancer *balancer, uint32_t slack)
{
    uint32_t best = VS_BALANCER_NONE;

    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        const VsBackend *b = &balancer->backends[at];

        if (vs_ipvs_is_usable(balancer, at) &&
            b->n_active <= (uint64_t)b->weight + slack &&
            (best == VS_BALANCER_NONE || b->weight > balancer->backends[best].weight)) {
            best = at;
        }
    }
    return best;
}

uint32_t
vs_ipvs_fo_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_ipvs_take(balancer, heaviest(balancer, UINT32_MAX));
}

uint32_t
vs_ipvs_ovf_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    (void)key;
    return vs_ipvs_take(balancer, heaviest(balancer, 0));
}

/* IPVS' hashes of addresses: ip_vs_sh.c, ip_vs_dh.c. */
#include "balance/ipvs.h"

enum { DH_HASH = VS_IPVS_N_SHARED_PARAMS };
enum { SH_HASH = VS_IPVS_N_SHARED_PARAMS, SH_PORT, SH_FALLBACK };
enum { HASH_TOP, HASH_LOW };

static const char *const hash_choices[] = {"top-byte", "low-byte", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};

#define HASH_PARAM                                                                    \
    {                                                                                 \
        .name = "hash",                                                               \
        .doc = "The byte of the product that is taken: the top one, as hash_32() of " \
               "current kernels does, or the low one, as older kernels did.",         \
        .choices = hash_choices,                                                      \
    }

const VsBalancerParam vs_ipvs_dh_params[] = {VS_IPVS_SHARED_PARAMS, HASH_PARAM, {0}};

const VsBalancerParam vs_ipvs_sh_params[] = {
    VS_IPVS_SHARED_PARAMS,
    HASH_PARAM,
    {.name = "sh-port",
     .doc = "Add the client's port to its address.",
     .choices = no_yes},
    {.name = "sh-fallback",
     .doc = "Go on to other buckets from one whose server cannot be used.",
     .choices = no_yes},
    {0},
};

static uint32_t
hash_of(uint32_t value, uint64_t variant)
{
    return variant == HASH_TOP ? vs_ipvs_hash_32(value, VS_IPVS_HASH_BITS)
                               : value * 2654435761u & (VS_IPVS_HASH_BUCKETS - 1);
}

/* Gives each destination in turn as many buckets as its weight, one at least, or just
 * one. */
static void
fill(VsBalancer *balancer, bool is_weighted)
{
    VsIpvsHash *hash = balancer->state;
    uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE);
    uint32_t n_given = 0;

    for (unsigned i = 0; i < VS_IPVS_HASH_BUCKETS; i++) {
        hash->buckets[i] = at;
        if (at != VS_BALANCER_NONE &&
            ++n_given >= (is_weighted ? vs_ipvs_weight(balancer, at) : 1)) {
            at = vs_ipvs_next(balancer, at);
            at = at == VS_BALANCER_NONE ? vs_ipvs_next(balancer, at) : at;
            n_given = 0;
        }
    }
}

void
vs_ipvs_sh_rebuild(VsBalancer *balancer)
{
    fill(balancer, true);
}

void
vs_ipvs_dh_rebuild(VsBalancer *balancer)
{
    fill(balancer, false);
}

static uint32_t
usable_or_none(VsBalancer *balancer, uint32_t backend)
{
    return vs_ipvs_is_usable(balancer, backend) ? backend : VS_BALANCER_NONE;
}

uint32_t
vs_ipvs_dh_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsIpvsHash *hash = balancer->state;
    uint32_t at = hash_of(key->flow.daddr, balancer->params[DH_HASH]);

    return vs_ipvs_take(balancer, usable_or_none(balancer, hash->buckets[at]));
}

/* ip_vs_sh_get_fallback(): from the client's bucket on, offsets being added twice. */
static uint32_t
fall_back(VsBalancer *balancer, uint32_t first)
{
    const VsIpvsHash *hash = balancer->state;

    for (uint32_t offset = 0; offset < VS_IPVS_HASH_BUCKETS; offset++) {
        uint32_t moved = (offset + first) % VS_IPVS_HASH_BUCKETS;
        uint32_t backend = hash->buckets[(moved + first) % VS_IPVS_HASH_BUCKETS];

        if (vs_ipvs_is_usable(balancer, backend)) {
            return backend;
        }
    }
    return VS_BALANCER_NONE;
}

uint32_t
vs_ipvs_sh_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsIpvsHash *hash = balancer->state;
    uint32_t port = balancer->params[SH_PORT] ? key->flow.sport : 0;
    uint32_t at = hash_of(key->flow.saddr + port, balancer->params[SH_HASH]);
    uint32_t backend = usable_or_none(balancer, hash->buckets[at]);

    if (backend == VS_BALANCER_NONE && balancer->params[SH_FALLBACK]) {
        backend = fall_back(balancer, at);
    }
    return vs_ipvs_take(balancer, backend);
}

void
vs_ipvs_hash_describe(const VsBalancer *balancer, GString *out)
{
    const VsIpvsHash *hash = balancer->state;

    if (balancer->is_stale || hash->buckets[0] == VS_BALANCER_NONE) {
        return;
    }
    g_string_append(out, "buckets of");
    for (unsigned i = 0; i < VS_IPVS_HASH_BUCKETS; i++) {
        g_string_append_printf(out, " %u", hash->buckets[i]);
    }
    g_string_append_c(out, '\n');
}

/* IPVS' Maglev hashing: ip_vs_mh.c. */
#include "balance/ipvs.h"
#include "balance/maglev.h"
#include "base/hash.h"

enum { TABLE_INDEX = VS_IPVS_N_SHARED_PARAMS, MH_PORT, MH_FALLBACK };

/* CONFIG_IP_VS_MH_TAB_INDEX counts from here. */
enum { FIRST_INDEX = 8 };
static const uint32_t sizes[] = {251,  509,   1021,  2039,  4093,
                                 8191, 16381, 32749, 65521, 131071};

/* generate_hash_secret(): both halves of each key. */
static const uint64_t KEY_OFFSET = 2654435761u;
static const uint64_t KEY_SKIP = 2654446892u;

static const char *const no_yes[] = {"no", "yes", NULL};

const VsBalancerParam vs_ipvs_mh_params[] = {
    VS_IPVS_SHARED_PARAMS,
    {.name = "table-index",
     .doc =
         "CONFIG_IP_VS_MH_TAB_INDEX of the kernel: from 8 on the table has 251, 509, "
         "1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071 slots.",
     .def = 12,
     .min = FIRST_INDEX,
     .max = FIRST_INDEX + G_N_ELEMENTS(sizes) - 1},
    {.name = "mh-port",
     .doc = "Add the client's port to its address.",
     .choices = no_yes},
    {.name = "mh-fallback",
     .doc = "Go on to other slots from one whose server cannot be used.",
     .choices = no_yes},
    {0},
};

bool
vs_ipvs_mh_init(VsBalancer *balancer, GError **error)
{
    VsIpvsMh *mh = balancer->state;

    if (!vs_ipvs_list_init(balancer, error)) {
        return false;
    }
    mh->size = sizes[balancer->params[TABLE_INDEX] - FIRST_INDEX];
    mh->table = g_new(uint16_t, mh->size);
    return true;
}

void
vs_ipvs_mh_clear(VsBalancer *balancer)
{
    VsIpvsMh *mh = balancer->state;

    g_free(mh->table);
}

/* ip_vs_mh_hashkey() on a 64-bit kernel, where hsiphash is half of SipHash-1-3. */
static uint32_t
hash_of(uint32_t address, uint32_t port, uint64_t secret, uint32_t offset)
{
    uint32_t value = GUINT32_TO_LE(offset + port + address);

    return (uint32_t)vs_siphash_1_3(&value, sizeof(value), secret, secret);
}

static uint32_t
address_of(const VsBackend *backend)
{
    const uint8_t *a = backend->address;

    return backend->address_bytes == 16 ? vs_balance_fold(a)
                                        : (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 |
                                              (uint32_t)a[2] << 8 | a[3];
}

/* Weights are divided by their common divisor, and then by powers of two until the greatest
 * has half the table's bits. */
static void
scale_weights(const VsBalancer *balancer, uint32_t *ret_divisor, unsigned *ret_shift)
{
    unsigned table_bits = (unsigned)balancer->params[TABLE_INDEX] / 2;
    uint32_t divisor = 0;
    uint32_t max = 0;
    unsigned bits;

    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        divisor = vs_ipvs_divisor(vs_ipvs_dest(balancer, at)->last_weight, divisor);
        max = MAX(max, vs_ipvs_dest(balancer, at)->last_weight);
    }
    *ret_divisor = MAX(divisor, 1);
    bits = max > 0 ? g_bit_storage(max / *ret_divisor) : 0;
    *ret_shift = bits > table_bits ? bits - table_bits : 0;
}

void
vs_ipvs_mh_rebuild(VsBalancer *balancer)
{
    VsIpvsMh *mh = balancer->state;
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, balancer->n_backends);
    uint32_t n_entries = 0;
    uint32_t divisor;
    unsigned shift;

    scale_weights(balancer, &divisor, &shift);
    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        const VsBackend *backend = &balancer->backends[at];
        uint32_t weight = vs_ipvs_dest(balancer, at)->last_weight;
        uint32_t address = address_of(backend);
        uint32_t turns = weight / divisor >> shift;

        entries[n_entries++] = (VsMaglevEntry){
            .backend = (uint16_t)at,
            .offset = hash_of(address, backend->port, KEY_OFFSET, 0) % mh->size,
            .skip = hash_of(address, backend->port, KEY_SKIP, 0) % (mh->size - 1) + 1,
            .turns = turns > 0 ? turns : weight > 0,
        };
    }
    vs_maglev_fill(entries, n_entries, mh->table, mh->size);
}

/* ip_vs_mh_get_fallback(): another hash of the client for each offset. */
static uint32_t
fall_back(VsBalancer *balancer, const VsBalanceKey *key, uint32_t port, uint32_t first)
{
    const VsIpvsMh *mh = balancer->state;

    for (uint32_t offset = 0; offset < mh->size; offset++) {
        uint32_t slot =
            hash_of(key->flow.saddr, port, KEY_OFFSET, (offset + first) % mh->size) %
            mh->size;

        if (vs_ipvs_is_usable(balancer, mh->table[slot])) {
            return mh->table[slot];
        }
    }
    return VS_BALANCER_NONE;
}

uint32_t
vs_ipvs_mh_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    const VsIpvsMh *mh = balancer->state;
    uint32_t port = balancer->params[MH_PORT] ? key->flow.sport : 0;
    uint32_t slot = hash_of(key->flow.saddr, port, KEY_OFFSET, 0) % mh->size;
    uint32_t backend = mh->table[slot];

    if (!vs_ipvs_is_usable(balancer, backend)) {
        backend = balancer->params[MH_FALLBACK] ? fall_back(balancer, key, port, slot)
                                                : VS_BALANCER_NONE;
    }
    return vs_ipvs_take(balancer, backend);
}

void
vs_ipvs_mh_describe(const VsBalancer *balancer, GString *out)
{
    const VsIpvsMh *mh = balancer->state;

    if (balancer->is_stale) {
        return;
    }
    for (uint32_t at = vs_ipvs_next(balancer, VS_BALANCER_NONE); at != VS_BALANCER_NONE;
         at = vs_ipvs_next(balancer, at)) {
        uint32_t n_slots = 0;

        for (uint32_t slot = 0; slot < mh->size; slot++) {
            n_slots += mh->table[slot] == at;
        }
        g_string_append_printf(out, "%s has %u of %u slots\n",
                               balancer->backends[at].name, n_slots, mh->size);
    }
}

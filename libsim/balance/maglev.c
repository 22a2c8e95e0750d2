#include "balance/maglev.h"

#include <glib.h>
#include <string.h>

#include "balance/kinds.h"
#include "base/hash.h"

#define KEY_OFFSET UINT64_C(0x6f66667365740000)
#define KEY_SKIP UINT64_C(0x736b697000000000)

enum { TABLE_SIZE };

bool
vs_maglev_init(VsBalancer *balancer, GError **error)
{
    VsMaglev *maglev = balancer->state;
    uint32_t size = (uint32_t)balancer->params[TABLE_SIZE];

    if (!vs_is_prime(size)) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "table-size=%u is not prime; the next prime is %u", size,
                    vs_next_prime(size));
        return false;
    }
    *maglev = (VsMaglev){.table = g_new(uint16_t, size),
                         .size = size,
                         .modulus = vs_modulus(size),
                         .simd = vs_simd_best()};
    return true;
}

void
vs_maglev_clear(VsBalancer *balancer)
{
    VsMaglev *maglev = balancer->state;

    g_free(maglev->table);
}

const uint16_t *
vs_maglev_table(const VsBalancer *balancer)
{
    const VsMaglev *maglev = balancer->state;

    return maglev->table;
}

void
vs_maglev_at_bulk(const VsBalancer *balancer, const uint32_t *hashes, size_t n,
                  uint32_t *ret_backends)
{
    const VsMaglev *maglev = balancer->state;
    const VsModulus modulus = maglev->modulus;
    const uint16_t *table = maglev->table;

    for (size_t i = 0; i < n; i++) {
        ret_backends[i] = vs_modulus_reduce_32(modulus, hashes[i]);
        __builtin_prefetch(&table[ret_backends[i]]);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t backend = table[ret_backends[i]];

        ret_backends[i] = backend | -(uint32_t)(backend == VS_MAGLEV_FREE);
    }
}

static int
compare_names(gconstpointer a, gconstpointer b, gpointer balancer_)
{
    const VsBalancer *balancer = balancer_;

    return strcmp(balancer->backends[*(const uint32_t *)a].name,
                  balancer->backends[*(const uint32_t *)b].name);
}

uint32_t
vs_maglev_sort_backends(const VsBalancer *balancer, uint32_t *ret_indices)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        if (vs_backend_is_available(&balancer->backends[i])) {
            ret_indices[n++] = i;
        }
    }
    g_qsort_with_data(ret_indices, (int)n, sizeof(*ret_indices), compare_names,
                      (gpointer)balancer);
    return n;
}

/* ---- The paper's ------------------------------------------------------------------ */

static void
maglev_rebuild(VsBalancer *balancer)
{
    VsMaglev *maglev = balancer->state;
    uint32_t size = maglev->size;
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, balancer->n_backends);
    uint32_t n_entries = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        size_t length = strlen(backend->name);

        if (vs_backend_is_available(backend)) {
            uint64_t h1 = vs_siphash_2_4(backend->name, length, KEY_OFFSET, 0);
            uint64_t h2 = vs_siphash_2_4(backend->name, length, KEY_SKIP, 0);

            entries[n_entries++] =
                (VsMaglevEntry){.backend = (uint16_t)i,
                                .offset = (uint32_t)(h1 % size),
                                .skip = (uint32_t)(h2 % (size - 1)) + 1,
                                .turns = backend->weight};
        }
    }
    vs_maglev_fill(entries, n_entries, maglev->table, size);
}

static uint32_t
maglev_pick(VsBalancer *balancer, const VsBalanceKey *key)
{
    return vs_maglev_at(balancer, vs_flow_mix(&key->flow));
}

static const VsBalancerParam maglev_params[] = {
    {.name = "table-size",
     .doc = "Slots: a prime, over 100 for each backend.",
     .def = 65537,
     .min = 3,
     .max = 65537},
    {0},
};

const VsBalancerKind vs_balancer_kinds_maglev[] = {
    {
        .name = "maglev",
        .doc =
            "A table of slots that backends fill in turns, each by a permutation of "
            "its "
            "own; a flow's hash chooses the slot.  Shares are even, and a backend that "
            "goes takes little but its own slots along.",
        .source = "Eisenbud et al., Maglev: A Fast and Reliable Software Network Load "
                  "Balancer, NSDI 2016, section 3.4; hashes are ours (siphash-2-4)",
        .formula =
            "table[hash(flow) mod size]; permutation (offset + j * skip) mod size",
        .key = VS_BALANCE_BY_FLOW,
        .params = maglev_params,
        .state_size = sizeof(VsMaglev),
        .init = vs_maglev_init,
        .clear = vs_maglev_clear,
        .rebuild = maglev_rebuild,
        .pick = maglev_pick,
    },
    {0},
};

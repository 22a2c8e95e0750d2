/* Maglev's lookup table (Eisenbud et al., "Maglev: A fast and reliable software network
 * load balancer", NSDI 2016, section 3.4).
 *
 * Each backend has a permutation of the slots, (offset + j * skip) mod size, from two
 * hashes of its name; in turn each takes its next free slot until all are taken.  Weights
 * give a backend that many turns a round. */
#include "balance/kinds.h"

#include <glib.h>
#include <string.h>

#include "base/hash.h"

#define KEY_OFFSET UINT64_C(0x6f66667365740000)
#define KEY_SKIP UINT64_C(0x736b697000000000)

#define FREE_SLOT UINT16_MAX

typedef struct Permutation {
    uint32_t backend;
    uint32_t next; /* Slot to try. */
    uint32_t skip;
} Permutation;

static Permutation *
list_permutations(const VsBalancer *balancer)
{
    Permutation *permutations = g_new(Permutation, balancer->n_available);
    uint32_t n_permutations = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        size_t length = strlen(backend->name);

        if (vs_backend_is_available(backend)) {
            permutations[n_permutations++] = (Permutation){
                .backend = i,
                .next =
                    (uint32_t)(vs_siphash_2_4(backend->name, length, KEY_OFFSET, 0) %
                               balancer->table_size),
                .skip = (uint32_t)(vs_siphash_2_4(backend->name, length, KEY_SKIP, 0) %
                                   (balancer->table_size - 1)) +
                        1,
            };
        }
    }
    return permutations;
}

static void
take_slot(VsBalancer *balancer, Permutation *permutation)
{
    while (balancer->table[permutation->next] != FREE_SLOT) {
        permutation->next =
            (permutation->next + permutation->skip) % balancer->table_size;
    }
    balancer->table[permutation->next] = (uint16_t)permutation->backend;
}

void
vs_maglev_rebuild(VsBalancer *balancer)
{
    g_autofree Permutation *permutations = list_permutations(balancer);
    uint32_t n_taken = 0;

    balancer->table = g_renew(uint16_t, balancer->table, balancer->table_size);
    memset(balancer->table, 0xff, balancer->table_size * sizeof(*balancer->table));
    while (n_taken < balancer->table_size) {
        for (uint32_t i = 0; i < balancer->n_available; i++) {
            uint32_t weight = balancer->backends[permutations[i].backend].weight;

            for (uint32_t turn = 0; turn < weight && n_taken < balancer->table_size;
                 turn++) {
                take_slot(balancer, &permutations[i]);
                n_taken++;
            }
        }
    }
}

uint32_t
vs_maglev_pick(VsBalancer *balancer, uint64_t key)
{
    return balancer->table[vs_mix64(key) % balancer->table_size];
}

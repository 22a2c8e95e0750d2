/* Maglev's lookup table (Eisenbud et al., "Maglev: A fast and reliable software network
 * load balancer", NSDI 2016, section 3.4), the part that its variants share.
 *
 * Each backend has a permutation of the slots, (offset + j * skip) mod size; in turn each
 * takes its next free slot until all are taken.  Whose turn it is, is for the variant. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "balance/balancer.h"
#include "base/modulus.h"
#include "base/simd.h"

#define VS_MAGLEV_FREE UINT16_MAX

typedef struct VsMaglevEntry {
    uint16_t backend; /* What is written into its slots. */
    uint32_t offset;  /* Below the size. */
    uint32_t skip;    /* From 1 to size - 1. */
    uint32_t turns;   /* Slots that it takes a round; 0: none. */
} VsMaglevEntry;

/* Fills the 'size' slots of 'table', all of them, 'size' being prime; with no turns at all
 * they become VS_MAGLEV_FREE.  About size * ln(size) steps, of which the last and longest
 * searches are done by arithmetic. */
void vs_maglev_fill(const VsMaglevEntry *entries, uint32_t n_entries, uint16_t *table,
                    uint32_t size);

/* ---- For variants with turns of their own ------------------------------------------- */

typedef struct VsMaglevFill {
    const VsMaglevEntry *entries;
    uint16_t *table;
    uint32_t size;
    uint32_t n_free;   /* Slots. */
    uint32_t n_few;    /* Fewer free ones than this are listed. */
    uint64_t *taken;   /* A bit each slot; NULL from when the free ones are listed. */
    uint32_t *next;    /* Each entry's next slot to look at. */
    uint32_t *free;    /* The 'n_free' slots, once they are few. */
    VsModulus modulus; /* The size. */
} VsMaglevFill;

/* Starts to fill the 'size' slots of 'table', which is prime; all must outlive it. */
void vs_maglev_fill_open(VsMaglevFill *fill, const VsMaglevEntry *entries,
                         uint32_t n_entries, uint16_t *table, uint32_t size);
void vs_maglev_fill_close(VsMaglevFill *fill);

/* Entry 'i' takes the next free slot of its permutation; 'n_free' must not be 0. */
void vs_maglev_fill_take(VsMaglevFill *fill, uint32_t i);

/* ---- For kinds ---------------------------------------------------------------------- */

/* The state of every kind of Maglev.  Its first param is "table-size". */
typedef struct VsMaglev {
    uint16_t *table;
    uint32_t size;
    VsModulus modulus; /* The size. */
    VsSimd simd;       /* The best; tests set others. */
} VsMaglev;

/* The size must be prime. */
bool vs_maglev_init(VsBalancer *balancer, GError **error);
void vs_maglev_clear(VsBalancer *balancer);

/* The available backends in the order of their names, byte by byte; returns how many. */
uint32_t vs_maglev_sort_backends(const VsBalancer *balancer, uint32_t *ret_indices);

/* The slots of a balancer of a kind of Maglev, as last rebuilt; its "table-size" many. */
const uint16_t *vs_maglev_table(const VsBalancer *balancer);

/* The backend of the slot that 'hash' falls into, or VS_BALANCER_NONE. */
static inline uint32_t
vs_maglev_at(const VsBalancer *balancer, uint64_t hash)
{
    const VsMaglev *maglev = (const VsMaglev *)balancer->state;
    uint16_t backend = maglev->table[vs_modulus_reduce(maglev->modulus, hash)];

    return backend == VS_MAGLEV_FREE ? VS_BALANCER_NONE : backend;
}

/* The same for 'n' hashes: all slots are fetched before any is read. */
void vs_maglev_at_bulk(const VsBalancer *balancer, const uint32_t *hashes, size_t n,
                       uint32_t *ret_backends);

/* ---- Cilium's hash of a packet ------------------------------------------------------- */

/* The second word of the default maglev.hashSeed, "JLfvgnHc2kaSUFaI". */
#define VS_CILIUM_JHASH_SEED UINT32_C(0x71dcda46)

/* bpf/lib/hash.h, __hash_from_tuple_v4(): jhash_3words(source address, destination port << 16
 * | source port, protocol) of words as a little-endian CPU reads them from the packet.  The
 * destination address is left out, so all addresses of a service agree.  An IPv6 source is
 * its folded word, not Cilium's hash of four. */
uint32_t vs_cilium_hash(const VsFlow *flow, uint32_t seed);

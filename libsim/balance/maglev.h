/* Maglev's lookup table (Eisenbud et al., "Maglev: A fast and reliable software network
 * load balancer", NSDI 2016, section 3.4), the part that its variants share.
 *
 * Each backend has a permutation of the slots, (offset + j * skip) mod size; in turn each
 * takes its next free slot until all are taken. */
#pragma once

#include <stdint.h>

#include "balance/balancer.h"

#define VS_MAGLEV_FREE UINT16_MAX

typedef struct VsMaglevEntry {
    uint16_t backend; /* What is written into its slots. */
    uint32_t offset;  /* Below the size. */
    uint32_t skip;    /* From 1 to size - 1. */
    uint32_t turns;   /* Slots that it takes a round; 0: none. */
} VsMaglevEntry;

/* Fills the 'size' slots of 'table', all of them, 'size' being prime; with no turns at all
 * they become VS_MAGLEV_FREE. */
void vs_maglev_fill(const VsMaglevEntry *entries, uint32_t n_entries, uint16_t *table,
                    uint32_t size);

/* The slots of a balancer of kind "maglev", as last rebuilt; its "table-size" many. */
const uint16_t *vs_maglev_table(const VsBalancer *balancer);

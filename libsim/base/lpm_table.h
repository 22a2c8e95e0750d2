/* Longest prefix match on IPv4 addresses for many routes: a multibit trie of strides 16, 8
 * and 8 bits (Srinivasan and Varghese, ACM TOCS 17, 1999), each prefix expanded to the slots
 * that it covers.
 *
 * A lookup is one to three loads: one for prefixes up to /16, two up to /24, the ranges of
 * nodes among them.  256 KiB for the first level and 1 KiB for each block below; VsLpm takes
 * 16 bytes a prefix and is right for the few routes of a pod.  Inserting and removing cost
 * the slots that are covered, and removing up to 32 searches for the prefix around it; blocks
 * that hold nothing of their own any more are used again.  Addresses are in host byte order. */
#ifndef VS_BASE_LPM_TABLE_H
#define VS_BASE_LPM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flow_table.h"

#define VS_LPM_TABLE_VALUE_MAX ((UINT32_C(1) << 24) - 1)

/* No value: what a lookup returns for addresses without a route. */
#define VS_LPM_TABLE_NONE UINT32_MAX

typedef struct VsLpmTable {
    /* A slot is a leaf, with bit 31, the length of its prefix plus one (0: no route) in bits
     * 25-30 and the value in bits 0-24 (all ones: no route); or the index of the first slot
     * of a block of the next level, to which the address's byte is just added. */
    uint32_t *root;
    uint32_t *blocks; /* Of 256 slots each. */
    uint32_t n_blocks, n_blocks_allocated;
    uint32_t free_block; /* The first unused one plus one, whose slot 0 has the next. */
    VsFlowTable routes;  /* The value of each prefix by itself. */
} VsLpmTable;

void vs_lpm_table_init(VsLpmTable *table);
void vs_lpm_table_clear(VsLpmTable *table);

/* Sets the value, up to VS_LPM_TABLE_VALUE_MAX, of 'prefix'/'length' (length 0..32, the bits
 * beyond it zero).  True when the prefix is new, false when its value was replaced. */
bool vs_lpm_table_insert(VsLpmTable *table, uint32_t prefix, unsigned length,
                         uint32_t value);

/* False when there was no such prefix. */
bool vs_lpm_table_remove(VsLpmTable *table, uint32_t prefix, unsigned length);

static inline size_t
vs_lpm_table_length(const VsLpmTable *table)
{
    return vs_flow_table_length(&table->routes);
}

static inline bool
vs_lpm_slot_is_leaf(uint32_t slot)
{
    return slot >> 31;
}

/* Bits 0-24 as a signed number: no route's is -1, which is VS_LPM_TABLE_NONE. */
static inline uint32_t
vs_lpm_slot_value(uint32_t slot)
{
    return (uint32_t)((int32_t)(slot << 7) >> 7);
}

/* The value of the longest prefix that contains 'address', or VS_LPM_TABLE_NONE. */
static inline uint32_t
vs_lpm_table_lookup(const VsLpmTable *table, uint32_t address)
{
    uint32_t slot = table->root[address >> 16];

    if (!vs_lpm_slot_is_leaf(slot)) {
        slot = table->blocks[slot + (address >> 8 & 0xFF)];
        if (__builtin_expect(!vs_lpm_slot_is_leaf(slot), 0)) {
            slot = table->blocks[slot + (address & 0xFF)];
        }
    }
    return vs_lpm_slot_value(slot);
}

/* The same for 'n' addresses.  Fastest where neighbours are all of prefixes from /17 to /24,
 * such as those of nodes: four at a time go without a branch of their own. */
void vs_lpm_table_lookup_bulk(const VsLpmTable *table, const uint32_t *addresses,
                              size_t n, uint32_t *ret_values);

#endif

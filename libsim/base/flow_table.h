/* A packed hash table from 16-byte keys to 32-bit values: the connections of a node by the
 * million, as indices into an array.
 *
 * A bucket is one cache line: three keys, their values and a word of state, so a search that
 * ends in the first bucket touches one line.  A key has two buckets, its home and, when that
 * is full, one of the 128 behind it, on the same page or the next two (cuckoo hashing with
 * buckets: Dietzfelbinger and Weidling, Theor. Comput. Sci. 380, 2007).  The home counts its
 * keys that live elsewhere, so that the second bucket is asked only when there is something
 * to find.  Removing a key frees its slot and leaves nothing behind.
 *
 * At the design load of 33/40 an entry takes 25.9 bytes.  The table grows by half when it
 * is fuller than that, or when a key finds no place, and never shrinks; an empty one holds
 * no memory.  Bulk functions hash all keys, fetch all lines, then probe: results are those
 * of the single ones, called in order. */
#ifndef VS_BASE_FLOW_TABLE_H
#define VS_BASE_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/simd.h"
#include "base/table.h"

/* No value: what searches return for absent keys. */
#define VS_FLOW_TABLE_NONE UINT32_MAX

enum { VS_FLOW_BUCKET_LENGTH = 3 };

typedef struct VsFlowBucket {
    VsKey keys[VS_FLOW_BUCKET_LENGTH];
    /* The values, then the state.  Its bits 0, 2 and 4 say which slots are taken; from bit 6
     * up it counts the keys of this home that live elsewhere. */
    uint32_t words[VS_FLOW_BUCKET_LENGTH + 1];
} VsFlowBucket;

typedef struct VsFlowTable {
    VsFlowBucket *buckets; /* Aligned to their size. */
    uint32_t n_buckets;    /* 0 when it holds no memory. */
    uint32_t reach_mask;   /* The other bucket is up to this + 1 behind the home. */
    VsSimd simd;
    size_t length;     /* Keys in the table. */
    size_t length_max; /* It grows beyond this. */
} VsFlowTable;

void vs_flow_table_init(VsFlowTable *table);

/* As above, but searches use instructions of that level, which must be supported. */
void vs_flow_table_init_simd(VsFlowTable *table, VsSimd simd);

void vs_flow_table_clear(VsFlowTable *table);

/* Makes room for 'length' keys at the design load, if there is less. */
void vs_flow_table_reserve(VsFlowTable *table, size_t length);

static inline size_t
vs_flow_table_length(const VsFlowTable *table)
{
    return table->length;
}

static inline size_t
vs_flow_table_bytes(const VsFlowTable *table)
{
    return (size_t)table->n_buckets * sizeof(VsFlowBucket);
}

/* The value of 'key', or VS_FLOW_TABLE_NONE. */
uint32_t vs_flow_table_find(const VsFlowTable *table, VsKey key);

/* Adds 'key' with 'value', which must not be VS_FLOW_TABLE_NONE.  False, and nothing changed,
 * when the key is present already. */
bool vs_flow_table_insert(VsFlowTable *table, VsKey key, uint32_t value);

/* Removes 'key' and returns its value, or VS_FLOW_TABLE_NONE when it was absent. */
uint32_t vs_flow_table_remove(VsFlowTable *table, VsKey key);

/* The same for 'n' keys, in order.  Find and remove write a value for each key; all return
 * how many keys were found, added or removed. */
size_t vs_flow_table_find_bulk(const VsFlowTable *table, const VsKey *keys, size_t n,
                               uint32_t *ret_values);
size_t vs_flow_table_insert_bulk(VsFlowTable *table, const VsKey *keys,
                                 const uint32_t *values, size_t n);
size_t vs_flow_table_remove_bulk(VsFlowTable *table, const VsKey *keys, size_t n,
                                 uint32_t *ret_values);

/* Goes through all keys: start with *cursor = 0, false at the end.  The table must not change
 * meanwhile.  The order depends on the table's size and history: never let it show in
 * results, sort first. */
bool vs_flow_table_next(const VsFlowTable *table, size_t *cursor, VsKey *ret_key,
                        uint32_t *ret_value);

#endif

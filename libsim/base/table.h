/* A hash table from 16-byte keys to pointers: flows, conntrack entries, sessions.
 *
 * Open addressing with linear probing, at most 5/8 full, 24 bytes a slot: a lookup, found or
 * not, mostly touches one cache line.  Removal closes the gap, so a table that is filled and
 * emptied for ever never degrades.  It grows by doubling and never shrinks; an empty one
 * holds no memory. */
#ifndef VS_BASE_TABLE_H
#define VS_BASE_TABLE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t w[2];
} VsKey;

typedef struct {
    VsKey key;
    void *value; /* NULL: the slot is free. */
} VsTableSlot;

typedef struct {
    VsTableSlot *slots;
    size_t length;  /* Keys in the table. */
    size_t mask;    /* Slots - 1, a power of two less one; 0 when empty. */
    unsigned shift; /* 64 - log2(slots). */
} VsTable;

void vs_table_init(VsTable *table);

/* Forgets all keys and frees the memory; the values are the caller's. */
void vs_table_clear(VsTable *table);

static inline size_t
vs_table_length(const VsTable *table)
{
    return table->length;
}

static inline bool
vs_key_equal(VsKey a, VsKey b)
{
    return ((a.w[0] ^ b.w[0]) | (a.w[1] ^ b.w[1])) == 0;
}

/* 64 bits, all of them good, from keys however regular: two 128-bit products folded in half
 * (the core of wyhash).  Not a defence against an enemy who picks keys. */
static inline uint64_t
vs_key_hash(VsKey key)
{
    __extension__ typedef unsigned __int128 Wide;
    Wide x = (Wide)(key.w[0] ^ 0xA0761D6478BD642Fu) * (key.w[1] ^ 0xE7037ED1A0B428DBu);
    Wide y = (Wide)((uint64_t)x ^ 0x8EBC6AF09C88C6E3u) *
             ((uint64_t)(x >> 64) ^ 0x589965CC75374CC3u);

    return (uint64_t)y ^ (uint64_t)(y >> 64);
}

/* The value of 'key', or NULL. */
static inline void *
vs_table_find(const VsTable *table, VsKey key)
{
    size_t i;

    if (G_UNLIKELY(!table->slots)) {
        return NULL;
    }
    i = vs_key_hash(key) >> table->shift;
    while (table->slots[i].value && !vs_key_equal(table->slots[i].key, key)) {
        i = (i + 1) & table->mask;
    }
    return table->slots[i].value;
}

/* Adds 'key' with 'value', which must not be NULL.  False, and nothing changed, when the key
 * is present already. */
bool vs_table_insert(VsTable *table, VsKey key, void *value);

/* Removes 'key' and returns its value, or NULL when it was absent. */
void *vs_table_remove(VsTable *table, VsKey key);

/* Goes through all keys: start with *cursor = 0, false at the end.  The table must not change
 * meanwhile.  The order depends on the table's size and history: never let it show in
 * results, sort first. */
bool vs_table_next(const VsTable *table, size_t *cursor, VsKey *ret_key,
                   void **ret_value);

#endif

#include "base/lpm_table.h"

#include <glib.h>
#include <string.h>

#include "base/prefix.h"

#define IS_LEAF (UINT32_C(1) << 31)

/* Prefix length none, value none. */
#define NO_ROUTE (IS_LEAF | ((UINT32_C(1) << 25) - 1))

enum {
    ROOT_LENGTH = 1 << 16,
    BLOCK_LENGTH = 256,
    N_BLOCKS_MAX = 1 << 23, /* Slots are counted in 31 bits. */
    GROUP = 4,              /* Addresses of a bulk lookup that share their branches. */
};

/* What is to be painted over the slots of a prefix: leaves of prefixes from 'length_from' to
 * 'length_to' give way to 'leaf'. */
typedef struct Paint {
    unsigned length_from,
        length_to; /* As a leaf has them: plus one, 0 being no route. */
    uint32_t leaf;
} Paint;

static uint32_t
make_leaf(unsigned length, uint32_t value)
{
    return IS_LEAF | (length + 1) << 25 | value;
}

static unsigned
leaf_length(uint32_t slot)
{
    return slot >> 25 & 0x3F;
}

static VsKey
route_key(uint32_t prefix, unsigned length)
{
    return (VsKey){{prefix, length}};
}

void
vs_lpm_table_init(VsLpmTable *table)
{
    *table = (VsLpmTable){.root = g_new(uint32_t, ROOT_LENGTH)};
    for (unsigned i = 0; i < ROOT_LENGTH; i++) {
        table->root[i] = NO_ROUTE;
    }
    vs_flow_table_init(&table->routes);
}

void
vs_lpm_table_clear(VsLpmTable *table)
{
    g_free(table->root);
    g_free(table->blocks);
    vs_flow_table_clear(&table->routes);
    *table = (VsLpmTable){0};
}

/* A block all of whose slots are 'leaf', as a slot that refers to it. */
static uint32_t
new_block(VsLpmTable *table, uint32_t leaf)
{
    uint32_t block = table->free_block - 1;

    if (table->free_block) {
        table->free_block = table->blocks[block];
    } else {
        g_assert(table->n_blocks < N_BLOCKS_MAX);
        block = table->n_blocks++ * BLOCK_LENGTH;
        if (table->n_blocks > table->n_blocks_allocated) {
            table->n_blocks_allocated = MAX(2 * table->n_blocks_allocated, 4);
            table->blocks = g_renew(uint32_t, table->blocks,
                                    (size_t)table->n_blocks_allocated * BLOCK_LENGTH);
        }
    }
    for (unsigned i = 0; i < BLOCK_LENGTH; i++) {
        table->blocks[block + i] = leaf;
    }
    return block;
}

/* Gives a block back if all its slots are one leaf that reaches beyond it: of a prefix no
 * longer than 'length', which ends where the block starts.  Returns the slot that takes its
 * place, or the block's own. */
static uint32_t
fold_block(VsLpmTable *table, uint32_t block, unsigned length)
{
    uint32_t *slots = table->blocks + block;
    uint32_t leaf = slots[0];

    if (!vs_lpm_slot_is_leaf(leaf) || leaf_length(leaf) > length + 1) {
        return block;
    }
    for (unsigned i = 1; i < BLOCK_LENGTH; i++) {
        if (slots[i] != leaf) {
            return block;
        }
    }
    slots[0] = table->free_block;
    table->free_block = block + 1;
    return leaf;
}

/* 'slot', repainted, with all below it.  Blocks do not move meanwhile: none is new. */
static uint32_t
paint_slot(VsLpmTable *table, uint32_t slot, const Paint *paint)
{
    if (!vs_lpm_slot_is_leaf(slot)) {
        uint32_t *slots = table->blocks + slot;

        for (unsigned i = 0; i < BLOCK_LENGTH; i++) {
            slots[i] = paint_slot(table, slots[i], paint);
        }
        return slot;
    }
    return leaf_length(slot) >= paint->length_from &&
                   leaf_length(slot) <= paint->length_to
               ? paint->leaf
               : slot;
}

/* Paints what 'prefix'/'length' covers of a block for the addresses' bits from 'depth' on, 8
 * of them; the block itself is 'slot', which may be a leaf still.  Returns the new slot. */
static uint32_t
paint_block(VsLpmTable *table, uint32_t slot, unsigned depth, uint32_t prefix,
            unsigned length, const Paint *paint)
{
    uint32_t block = vs_lpm_slot_is_leaf(slot) ? new_block(table, slot) : slot;
    unsigned first = prefix >> (24 - depth) & 0xFF;

    if (length > depth + 8) {
        uint32_t below = paint_block(table, table->blocks[block + first], depth + 8,
                                     prefix, length, paint);

        table->blocks[block + first] = below;
    } else {
        uint32_t *slots = table->blocks + block;

        for (unsigned i = 0; i < 1u << (depth + 8 - length); i++) {
            slots[first + i] = paint_slot(table, slots[first + i], paint);
        }
    }
    return fold_block(table, block, depth);
}

static void
paint_prefix(VsLpmTable *table, uint32_t prefix, unsigned length, const Paint *paint)
{
    uint32_t *first = &table->root[prefix >> 16];

    if (length > 16) {
        *first = paint_block(table, *first, 16, prefix, length, paint);
    } else {
        for (uint32_t i = 0; i < 1u << (16 - length); i++) {
            first[i] = paint_slot(table, first[i], paint);
        }
    }
}

bool
vs_lpm_table_insert(VsLpmTable *table, uint32_t prefix, unsigned length, uint32_t value)
{
    Paint paint = {0, length + 1, make_leaf(length, value)};
    bool is_new;

    g_assert(length <= 32 && (prefix & ~vs_prefix_mask(length)) == 0);
    g_assert(value <= VS_LPM_TABLE_VALUE_MAX);
    is_new = vs_flow_table_remove(&table->routes, route_key(prefix, length)) ==
             VS_FLOW_TABLE_NONE;
    vs_flow_table_insert(&table->routes, route_key(prefix, length), value);
    paint_prefix(table, prefix, length, &paint);
    return is_new;
}

/* The leaf of the longest prefix around 'prefix'/'length', or NO_ROUTE. */
static uint32_t
find_around(const VsLpmTable *table, uint32_t prefix, unsigned length)
{
    while (length-- > 0) {
        VsKey key = route_key(prefix & vs_prefix_mask(length), length);
        uint32_t value = vs_flow_table_find(&table->routes, key);

        if (value != VS_FLOW_TABLE_NONE) {
            return make_leaf(length, value);
        }
    }
    return NO_ROUTE;
}

bool
vs_lpm_table_remove(VsLpmTable *table, uint32_t prefix, unsigned length)
{
    Paint paint = {length + 1, length + 1, find_around(table, prefix, length)};

    if (vs_flow_table_remove(&table->routes, route_key(prefix, length)) ==
        VS_FLOW_TABLE_NONE) {
        return false;
    }
    paint_prefix(table, prefix, length, &paint);
    return true;
}

/* Looks up GROUP addresses if all of them end at the second level.  Their slots are combined,
 * so that one branch asks for all; false, with 'ret_values' anything, if they do not. */
static inline bool
lookup_group(const uint32_t *root, const uint32_t *blocks, const uint32_t *addresses,
             uint32_t *ret_values)
{
    uint32_t slots[GROUP], any = 0, all = UINT32_MAX;

#pragma GCC unroll 4
    for (unsigned k = 0; k < GROUP; k++) {
        slots[k] = root[addresses[k] >> 16];
        any |= slots[k];
    }
    if (vs_lpm_slot_is_leaf(any)) {
        return false;
    }
#pragma GCC unroll 4
    for (unsigned k = 0; k < GROUP; k++) {
        uint32_t slot = blocks[slots[k] + (addresses[k] >> 8 & 0xFF)];

        all &= slot;
        ret_values[k] = vs_lpm_slot_value(slot);
    }
    return vs_lpm_slot_is_leaf(all);
}

void
vs_lpm_table_lookup_bulk(const VsLpmTable *table, const uint32_t *addresses, size_t n,
                         uint32_t *ret_values)
{
    const uint32_t *root = table->root, *blocks = table->blocks;
    size_t i = 0;

    while (i < n) {
        if (n - i >= GROUP &&
            lookup_group(root, blocks, addresses + i, ret_values + i)) {
            i += GROUP;
            continue;
        }
        for (size_t to = MIN(i + GROUP, n); i < to; i++) {
            ret_values[i] = vs_lpm_table_lookup(table, addresses[i]);
        }
    }
}

#include "base/lpm_table.h"

#include <glib.h>
#include <string.h>

#include "base/prefix.h"

#define IS_BLOCK (UINT32_C(1) << 31)

enum { ROOT_LENGTH = 1 << 16, BLOCK_LENGTH = 256 };

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
    return (length + 1) << 25 | value;
}

static unsigned
leaf_length(uint32_t slot)
{
    return slot >> 25;
}

static VsKey
route_key(uint32_t prefix, unsigned length)
{
    return (VsKey){{prefix, length}};
}

void
vs_lpm_table_init(VsLpmTable *table)
{
    *table = (VsLpmTable){.root = g_new0(uint32_t, ROOT_LENGTH)};
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

static uint32_t *
get_slots(const VsLpmTable *table, uint32_t block)
{
    return table->blocks + (size_t)(block & ~IS_BLOCK) * BLOCK_LENGTH;
}

/* A block all of whose slots are 'leaf', as a slot that refers to it. */
static uint32_t
new_block(VsLpmTable *table, uint32_t leaf)
{
    uint32_t block = table->free_block - 1;
    uint32_t *slots;

    if (table->free_block) {
        table->free_block = *get_slots(table, block);
    } else {
        block = table->n_blocks++;
        if (block == table->n_blocks_allocated) {
            table->n_blocks_allocated = MAX(2 * table->n_blocks_allocated, 4);
            table->blocks = g_renew(uint32_t, table->blocks,
                                    (size_t)table->n_blocks_allocated * BLOCK_LENGTH);
        }
    }
    slots = get_slots(table, block);
    for (unsigned i = 0; i < BLOCK_LENGTH; i++) {
        slots[i] = leaf;
    }
    return block | IS_BLOCK;
}

/* Gives a block back if all its slots are one leaf that reaches beyond it: of a prefix no
 * longer than 'length', which ends where the block starts.  Returns the slot that takes its
 * place, or the block's own. */
static uint32_t
fold_block(VsLpmTable *table, uint32_t block, unsigned length)
{
    uint32_t *slots = get_slots(table, block);
    uint32_t leaf = slots[0];

    if ((leaf & IS_BLOCK) || leaf_length(leaf) > length + 1) {
        return block;
    }
    for (unsigned i = 1; i < BLOCK_LENGTH; i++) {
        if (slots[i] != leaf) {
            return block;
        }
    }
    slots[0] = table->free_block;
    table->free_block = (block & ~IS_BLOCK) + 1;
    return leaf;
}

/* 'slot', repainted, with all below it.  Blocks do not move meanwhile: none is new. */
static uint32_t
paint_slot(VsLpmTable *table, uint32_t slot, const Paint *paint)
{
    if (slot & IS_BLOCK) {
        uint32_t *slots = get_slots(table, slot);

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
    uint32_t block = slot & IS_BLOCK ? slot : new_block(table, slot);
    unsigned first = prefix >> (24 - depth) & 0xFF;

    if (length > depth + 8) {
        uint32_t below = paint_block(table, get_slots(table, block)[first], depth + 8,
                                     prefix, length, paint);

        get_slots(table, block)[first] = below;
    } else {
        uint32_t *slots = get_slots(table, block);

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

/* The leaf of the longest prefix around 'prefix'/'length'; 0 without one. */
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
    return 0;
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

void
vs_lpm_table_lookup_bulk(const VsLpmTable *table, const uint32_t *addresses, size_t n,
                         uint32_t *ret_values)
{
    for (size_t i = 0; i < n; i++) {
        ret_values[i] = vs_lpm_table_lookup(table, addresses[i]);
    }
}

#include "base/table.h"

#define SLOTS_LOG2_MIN 4

void
vs_table_init(VsTable *table)
{
    *table = (VsTable){0};
}

void
vs_table_clear(VsTable *table)
{
    g_free(table->slots);
    vs_table_init(table);
}

/* The slot of 'key', or the free one where it would go.  The table must have slots. */
static inline size_t
find_slot(const VsTable *table, VsKey key)
{
    size_t i = vs_key_hash(key) >> table->shift;

    while (table->slots[i].value && !vs_key_equal(table->slots[i].key, key)) {
        i = (i + 1) & table->mask;
    }
    return i;
}

static void
grow(VsTable *table)
{
    VsTable grown = {.length = table->length};
    size_t n_slots = table->slots ? 2 * (table->mask + 1) : (size_t)1 << SLOTS_LOG2_MIN;

    grown.slots = g_new0(VsTableSlot, n_slots);
    grown.mask = n_slots - 1;
    grown.shift = (unsigned)__builtin_clzll(n_slots) + 1;
    for (size_t i = 0; table->slots && i <= table->mask; i++) {
        if (table->slots[i].value) {
            grown.slots[find_slot(&grown, table->slots[i].key)] = table->slots[i];
        }
    }
    g_free(table->slots);
    *table = grown;
}

bool
vs_table_insert(VsTable *table, VsKey key, void *value)
{
    size_t i;

    g_assert(value);
    if (G_UNLIKELY(!table->slots)) {
        grow(table);
    }
    i = find_slot(table, key);
    if (table->slots[i].value) {
        return false;
    }
    if (G_UNLIKELY((table->length + 1) * 8 > (table->mask + 1) * 5)) {
        grow(table);
        i = find_slot(table, key);
    }

    table->slots[i] = (VsTableSlot){key, value};
    table->length++;
    return true;
}

void *
vs_table_remove(VsTable *table, VsKey key)
{
    size_t gap, i;
    void *value;

    if (!table->slots) {
        return NULL;
    }
    gap = find_slot(table, key);
    value = table->slots[gap].value;
    if (!value) {
        return NULL;
    }

    /* A lookup stops at a free slot, so each follower that probed across the gap, its home
     * being no later, moves into it and leaves the gap in its own place. */
    for (i = (gap + 1) & table->mask; table->slots[i].value;
         i = (i + 1) & table->mask) {
        size_t home = vs_key_hash(table->slots[i].key) >> table->shift;

        if (((i - home) & table->mask) >= ((i - gap) & table->mask)) {
            table->slots[gap] = table->slots[i];
            gap = i;
        }
    }
    table->slots[gap] = (VsTableSlot){0};
    table->length--;
    return value;
}

bool
vs_table_next(const VsTable *table, size_t *cursor, VsKey *ret_key, void **ret_value)
{
    for (size_t i = *cursor; table->slots && i <= table->mask; i++) {
        if (table->slots[i].value) {
            *ret_key = table->slots[i].key;
            *ret_value = table->slots[i].value;
            *cursor = i + 1;
            return true;
        }
    }
    return false;
}

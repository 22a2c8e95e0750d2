#include "balance/maglev.h"

#include <glib.h>
#include <string.h>

/* So few that asking each free slot for its place in a permutation is less work than
 * following the permutation past size / n_free taken ones. */
static uint32_t
few(uint32_t size)
{
    uint32_t n = 1;

    while ((uint64_t)n * n < size) {
        n++;
    }
    return n;
}

void
vs_maglev_fill_open(VsMaglevFill *fill, const VsMaglevEntry *entries,
                    uint32_t n_entries, uint16_t *table, uint32_t size)
{
    *fill = (VsMaglevFill){
        .entries = entries,
        .table = table,
        .size = size,
        .n_free = size,
        .n_few = few(size),
        .taken = g_new0(uint64_t, size / 64 + 1),
        .next = g_new(uint32_t, MAX(n_entries, 1)),
        .modulus = vs_modulus(size),
    };
    fill->free = g_new(uint32_t, fill->n_few);
    for (uint32_t i = 0; i < n_entries; i++) {
        g_assert(entries[i].backend != VS_MAGLEV_FREE);
        fill->next[i] = entries[i].offset;
    }
    memset(table, 0xff, size * sizeof(*table));
}

void
vs_maglev_fill_close(VsMaglevFill *fill)
{
    g_free(fill->taken);
    g_free(fill->next);
    g_free(fill->free);
}

/* Lists the free slots, which are few, in place of the bitmap. */
static void
list_free(VsMaglevFill *fill)
{
    uint32_t n = 0;

    for (uint32_t slot = 0; slot < fill->size; slot++) {
        if (fill->table[slot] == VS_MAGLEV_FREE) {
            fill->free[n++] = slot;
        }
    }
    g_clear_pointer(&fill->taken, g_free);
}

/* The number that gives 1 times 'skip' modulo the prime 'size', by Euclid. */
static uint32_t
invert(uint32_t skip, uint32_t size)
{
    int64_t a = size;
    int64_t b = skip;
    int64_t u = 0;
    int64_t v = 1;

    while (b != 0) {
        int64_t quotient = a / b;
        int64_t rest = a - quotient * b;
        int64_t w = u - quotient * v;

        a = b;
        b = rest;
        u = v;
        v = w;
    }
    return (uint32_t)(u < 0 ? u + size : u);
}

/* The free slot that comes first in the entry's permutation: slot = offset + j * skip, so j
 * = (slot - offset) / skip, and the least j wins. */
static void
take_listed(VsMaglevFill *fill, const VsMaglevEntry *entry)
{
    uint64_t inverse = invert(entry->skip, fill->size);
    uint32_t least = UINT32_MAX;
    uint32_t best = 0;

    for (uint32_t n = 0; n < fill->n_free; n++) {
        uint32_t ahead = fill->free[n] + fill->size - entry->offset;
        uint32_t j = vs_modulus_reduce(fill->modulus, ahead * inverse);

        best = j < least ? n : best;
        least = j < least ? j : least;
    }
    fill->table[fill->free[best]] = entry->backend;
    fill->free[best] = fill->free[fill->n_free - 1];
}

void
vs_maglev_fill_take(VsMaglevFill *fill, uint32_t i)
{
    const VsMaglevEntry *entry = &fill->entries[i];
    uint32_t slot;

    if (!fill->taken) {
        take_listed(fill, entry);
        fill->n_free--;
        return;
    }
    slot = fill->next[i];
    while (fill->taken[slot / 64] >> slot % 64 & 1) {
        slot += entry->skip;
        slot -= slot >= fill->size ? fill->size : 0;
    }
    fill->taken[slot / 64] |= UINT64_C(1) << slot % 64;
    fill->table[slot] = entry->backend;
    fill->next[i] = slot;
    if (--fill->n_free < fill->n_few) {
        list_free(fill);
    }
}

void
vs_maglev_fill(const VsMaglevEntry *entries, uint32_t n_entries, uint16_t *table,
               uint32_t size)
{
    uint64_t n_turns = 0;
    VsMaglevFill fill;

    vs_maglev_fill_open(&fill, entries, n_entries, table, size);
    for (uint32_t i = 0; i < n_entries; i++) {
        n_turns += entries[i].turns;
    }
    while (n_turns > 0 && fill.n_free > 0) {
        for (uint32_t i = 0; i < n_entries; i++) {
            for (uint32_t turn = 0; turn < entries[i].turns && fill.n_free > 0;
                 turn++) {
                vs_maglev_fill_take(&fill, i);
            }
        }
    }
    vs_maglev_fill_close(&fill);
}

#include "base/lpm.h"

#include <glib.h>
#include <string.h>

#include "base/prefix.h"

void
vs_lpm_init(VsLpm *lpm)
{
    *lpm = (VsLpm){0};
}

void
vs_lpm_clear(VsLpm *lpm)
{
    g_free(lpm->entries);
    vs_lpm_init(lpm);
}

static inline bool
contains(const VsLpmEntry *entry, uint32_t address)
{
    return ((address ^ entry->prefix) & vs_prefix_mask(entry->length)) == 0;
}

/* The number of entries before (prefix, length), in their order. */
static size_t
position_of(const VsLpm *lpm, uint32_t prefix, unsigned length)
{
    const uint64_t key = (uint64_t)prefix << 6 | length;
    size_t from = 0, to = lpm->n_entries;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const VsLpmEntry *entry = &lpm->entries[middle];

        if (((uint64_t)entry->prefix << 6 | entry->length) < key) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool
is_at(const VsLpm *lpm, size_t position, uint32_t prefix, unsigned length)
{
    return position < lpm->n_entries && lpm->entries[position].prefix == prefix &&
           lpm->entries[position].length == length;
}

/* The longest prefix that contains 'address' among the first 'n_before' entries, where those
 * left out all start behind 'address'; or -1.
 *
 * Whatever contains the address starts no later than it and ends no earlier, so it contains
 * the last entry's start too, hence is that entry or one of those around it. */
static inline int32_t
innermost(const VsLpm *lpm, size_t n_before, uint32_t address)
{
    int32_t i = (int32_t)n_before - 1;

    while (i >= 0 && !contains(&lpm->entries[i], address)) {
        i = lpm->entries[i].parent;
    }
    return i;
}

bool
vs_lpm_insert(VsLpm *lpm, uint32_t prefix, unsigned length, uint32_t value)
{
    size_t position = position_of(lpm, prefix, length);
    VsLpmEntry added;

    g_assert(length <= 32 && (prefix & ~vs_prefix_mask(length)) == 0);
    if (is_at(lpm, position, prefix, length)) {
        lpm->entries[position].value = value;
        return false;
    }

    if (lpm->n_entries == lpm->n_allocated) {
        lpm->n_allocated = lpm->n_allocated ? 2 * lpm->n_allocated : 2;
        lpm->entries = g_renew(VsLpmEntry, lpm->entries, lpm->n_allocated);
    }
    /* What contains the new prefix and is longest stands before it: shorter, or earlier. */
    added = (VsLpmEntry){prefix, value, innermost(lpm, position, prefix), length};
    memmove(lpm->entries + position + 1, lpm->entries + position,
            (lpm->n_entries - position) * sizeof(*lpm->entries));
    lpm->entries[position] = added;
    lpm->n_entries++;

    for (size_t i = position + 1; i < lpm->n_entries; i++) {
        VsLpmEntry *entry = &lpm->entries[i];

        if (entry->parent >= (int32_t)position) {
            entry->parent++;
        } else if (entry->parent == added.parent && contains(&added, entry->prefix)) {
            entry->parent = (int32_t)position;
        }
    }
    return true;
}

bool
vs_lpm_remove(VsLpm *lpm, uint32_t prefix, unsigned length)
{
    size_t position = position_of(lpm, prefix, length);
    int32_t parent;

    if (!is_at(lpm, position, prefix, length)) {
        return false;
    }
    parent = lpm->entries[position].parent;
    lpm->n_entries--;
    memmove(lpm->entries + position, lpm->entries + position + 1,
            (lpm->n_entries - position) * sizeof(*lpm->entries));

    for (size_t i = position; i < lpm->n_entries; i++) {
        VsLpmEntry *entry = &lpm->entries[i];

        if (entry->parent > (int32_t)position) {
            entry->parent--;
        } else if (entry->parent == (int32_t)position) {
            entry->parent = parent;
        }
    }
    return true;
}

bool
vs_lpm_lookup(const VsLpm *lpm, uint32_t address, uint32_t *ret_value)
{
    const VsLpmEntry *entries = lpm->entries;
    size_t from = 0, n = lpm->n_entries;
    int32_t found;

    /* Behind all prefixes that start at the address or before it.  Which half goes on is
     * random, so the step is arithmetic: a branch would be guessed wrong half of the time. */
    while (n > 0) {
        size_t half = (n + 1) / 2;
        int64_t ahead = (int64_t)entries[from + half - 1].prefix - 1 - (int64_t)address;

        from += half & (size_t)(ahead >> 63);
        n -= half;
    }
    found = innermost(lpm, from, address);
    if (found < 0) {
        return false;
    }
    *ret_value = entries[found].value;
    return true;
}

bool
vs_lpm_find(const VsLpm *lpm, uint32_t prefix, unsigned length, uint32_t *ret_value)
{
    size_t position = position_of(lpm, prefix, length);

    if (!is_at(lpm, position, prefix, length)) {
        return false;
    }
    *ret_value = lpm->entries[position].value;
    return true;
}

void
vs_lpm_get(const VsLpm *lpm, size_t index, uint32_t *ret_prefix, unsigned *ret_length,
           uint32_t *ret_value)
{
    const VsLpmEntry *entry = &lpm->entries[index];

    g_assert(index < lpm->n_entries);
    *ret_prefix = entry->prefix;
    *ret_length = entry->length;
    *ret_value = entry->value;
}

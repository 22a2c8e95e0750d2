/* Longest prefix match on IPv4 addresses.
 *
 * A sorted array in which each prefix knows the next shorter one around it: a lookup is one
 * binary search and a walk up that chain.  16 bytes a prefix, so the two routes of a pod take
 * half a cache line's worth; inserting and removing are O(n), meant for up to some 10^4
 * prefixes.  Addresses are in host byte order. */
#ifndef VS_BASE_LPM_H
#define VS_BASE_LPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t prefix;
    uint32_t value;
    int32_t parent; /* Index of the longest prefix around this, or -1. */
    uint32_t length;
} VsLpmEntry;

typedef struct {
    VsLpmEntry *entries; /* By prefix, then length. */
    size_t n_entries, n_allocated;
} VsLpm;

void vs_lpm_init(VsLpm *lpm);
void vs_lpm_clear(VsLpm *lpm);

/* Sets the value of 'prefix'/'length' (length 0..32, the bits beyond it zero).  True when the
 * prefix is new, false when its value was replaced. */
bool vs_lpm_insert(VsLpm *lpm, uint32_t prefix, unsigned length, uint32_t value);

/* False when there was no such prefix. */
bool vs_lpm_remove(VsLpm *lpm, uint32_t prefix, unsigned length);

/* The value of the longest prefix that contains 'address'; false when none does. */
bool vs_lpm_lookup(const VsLpm *lpm, uint32_t address, uint32_t *ret_value);

/* The value of exactly this prefix; false when absent. */
bool vs_lpm_find(const VsLpm *lpm, uint32_t prefix, unsigned length,
                 uint32_t *ret_value);

static inline size_t
vs_lpm_length(const VsLpm *lpm)
{
    return lpm->n_entries;
}

/* The 'index'th prefix, in the order of addresses, a shorter one before those it contains.
 * 'index' is below vs_lpm_length(). */
void vs_lpm_get(const VsLpm *lpm, size_t index, uint32_t *ret_prefix,
                unsigned *ret_length, uint32_t *ret_value);

#endif

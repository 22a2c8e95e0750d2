#include "balance/edf.h"

#include <glib.h>
#include <stdbool.h>

void
vs_edf_clear(VsEdf *edf)
{
    g_free(edf->heap);
    *edf = (VsEdf){0};
}

void
vs_edf_reset(VsEdf *edf, uint32_t n_entries)
{
    if (n_entries > edf->n_allocated) {
        edf->heap = g_renew(VsEdfEntry, edf->heap, n_entries);
        edf->n_allocated = n_entries;
    }
    edf->n_entries = 0;
    edf->n_added = 0;
    edf->now = 0;
}

static inline bool
is_before(const VsEdfEntry *a, const VsEdfEntry *b)
{
    return a->deadline < b->deadline ||
           (a->deadline == b->deadline && a->order < b->order);
}

void
vs_edf_add(VsEdf *edf, uint32_t backend, double weight)
{
    VsEdfEntry entry = {edf->now + 1.0 / weight, edf->n_added++, backend};
    uint32_t hole = edf->n_entries++;

    g_assert(edf->n_entries <= edf->n_allocated);
    while (hole > 0 && is_before(&entry, &edf->heap[(hole - 1) / 2])) {
        edf->heap[hole] = edf->heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    edf->heap[hole] = entry;
}

uint32_t
vs_edf_first(const VsEdf *edf)
{
    return edf->heap[0].backend;
}

void
vs_edf_renew(VsEdf *edf, double weight)
{
    VsEdfEntry entry = edf->heap[0];
    uint32_t hole = 0;

    edf->now = entry.deadline;
    entry.deadline += 1.0 / weight;
    entry.order = edf->n_added++;
    for (uint32_t child = 1; child < edf->n_entries; child = 2 * hole + 1) {
        if (child + 1 < edf->n_entries &&
            is_before(&edf->heap[child + 1], &edf->heap[child])) {
            child++;
        }
        if (!is_before(&edf->heap[child], &entry)) {
            break;
        }
        edf->heap[hole] = edf->heap[child];
        hole = child;
    }
    edf->heap[hole] = entry;
}

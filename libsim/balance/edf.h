/* Earliest deadline first: who is due next comes again 1 / weight later.  Weighted round
 * robin for any weights, in O(log n) a turn (Envoy, source/common/upstream/edf_scheduler.h). */
#pragma once

#include <stdint.h>

typedef struct VsEdfEntry {
    double deadline;
    uint64_t order; /* Of those due at once the one added first goes first. */
    uint32_t backend;
} VsEdfEntry;

typedef struct VsEdf {
    VsEdfEntry *heap; /* The least first; children of i at 2i + 1 and 2i + 2. */
    uint32_t n_entries;
    uint32_t n_allocated;
    uint64_t n_added;
    double now; /* The deadline of the last one. */
} VsEdf;

/* A schedule starts as zeros. */
void vs_edf_clear(VsEdf *edf);

/* Empties it, back at time 0, with room for 'n_entries'. */
void vs_edf_reset(VsEdf *edf, uint32_t n_entries);

/* Adds 'backend', due 1 / weight from now; weight > 0. */
void vs_edf_add(VsEdf *edf, uint32_t backend, double weight);

/* Whose turn it is, leaving it in; the schedule must not be empty. */
uint32_t vs_edf_first(const VsEdf *edf);

/* The first one's turn is over: time is at its deadline, and it is due again 1 / weight
 * later. */
void vs_edf_renew(VsEdf *edf, double weight);

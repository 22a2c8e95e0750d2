/* Armed timers at the head of the pending set: in sorted arrays and in a heap.
 *
 * An item holds what orders it, so that sorting does not touch the timers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/time.h"
#include "engine/timer.h"

typedef struct VsPending {
    VsTime due;
    uint64_t order;
    VsTimer *timer;
} VsPending;

static inline bool
vs_pending_is_before(const VsPending *a, const VsPending *b)
{
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

/* Memory for sorting. */
typedef struct VsPendingScratch {
    VsPending *items;
    size_t capacity;
    uint32_t *starts;
    size_t n_starts;
} VsPendingScratch;

/* Makes room for 'capacity' items. */
void vs_pending_scratch_reserve(VsPendingScratch *scratch, size_t capacity);
void vs_pending_scratch_clear(VsPendingScratch *scratch);

/* Sorts 'items', all due within 2^shift ps from 'start', with the help of scratch that is as
 * long.  Returns which of the two arrays holds the result.
 *
 * O(length) where due times are spread over the span or items are in order already, else
 * O(length log length). */
VsPending *vs_pending_sort(VsPending *items, size_t length, uint64_t start, unsigned shift,
                           VsPendingScratch *scratch);

/* For a few items, or such as are nearly in order. */
void vs_pending_insertion_sort(VsPending *items, size_t length);

/* A binary heap; its timers know their slots. */
typedef struct VsPendingHeap {
    VsPending *items; /* The first is the soonest. */
    size_t length;
    size_t capacity;
} VsPendingHeap;

/* Adds 'timer' and sets its place and slot. */
void vs_pending_heap_push(VsPendingHeap *heap, VsTimer *timer);
void vs_pending_heap_remove(VsPendingHeap *heap, size_t slot);
void vs_pending_heap_clear(VsPendingHeap *heap);

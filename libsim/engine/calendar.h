/* The pending set: armed timers in order of (due, order).
 *
 * A calendar queue (R. Brown, "Calendar queues: a fast O(1) priority queue implementation
 * for the simulation event set problem", CACM 31(10), 1988) made for memory that is far
 * away.  What it keeps of a timer, when it is due and where it is, lies in chunks of a few
 * cache lines: inserting appends to the last chunk of a bucket and touches no other timer,
 * opening a bucket reads its chunks from end to end.  There are few enough buckets for
 * their last lines to stay in the second-level cache; a bucket may hold hundreds of timers,
 * which are sorted once, when its turn comes, by distribution.  Sorting needs their order
 * numbers and so fetches the timers themselves, many at a time, just before they fire.
 *
 *   front    what is due before 'horizon', sorted: the open bucket, and what was armed for
 *            its span since
 *   heap     a binary heap, for timers armed where the front would have to move many
 *   buckets  the window: n_buckets spans of 2^shift ps from the horizon on
 *   far      all that is due later, not sorted; scanned once in a window
 *
 * The bucket width follows the measured event rate, and the window is about three times as
 * long as a timer is pending on average (by Little's law, pending over rate).  Both are
 * reconsidered now and then, and a rebuild is paid for by the operations since the last.
 * With a few timers there are no buckets: the horizon is the end of time and the front has
 * them all.
 *
 * Insert, remove and pop are O(1) amortised, and O(log n) for those in the heap and where
 * due times crowd in a small part of a bucket.  Arrays and chunks are kept for what comes:
 * in a steady state nothing is allocated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/pending.h"
#include "engine/time.h"
#include "engine/timer.h"

/* An armed timer in a bucket. */
typedef struct VsPendingEntry {
    VsTime due;
    VsTimer *timer;
} VsPendingEntry;

typedef struct VsPendingChunk VsPendingChunk;

/* A bag of entries: chunks, all full but the last.  Empty: both NULL. */
typedef struct VsPendingBag {
    VsPendingChunk *first;
    VsPendingEntry *end; /* Where the next entry goes, unless that is a chunk's end. */
} VsPendingBag;

typedef struct VsCalendar {
    uint64_t horizon; /* Due before: front or heap.  Else: bucket or far. */
    VsPending *first; /* The front, in 'items'; the item at its end has no timer. */
    VsPending *end;
    VsPendingHeap heap;
    size_t n_pending;
    VsTime now; /* When the last popped timer was due. */
    uint64_t n_popped;

    VsPendingBag *buckets;
    size_t n_buckets; /* A power of two. */
    unsigned shift;
    uint64_t cursor; /* Number (due >> shift) of the next bucket to open. */
    size_t n_in_buckets;
    VsPendingBag far;
    uint64_t far_min; /* No far timer is due in an earlier bucket. */

    VsPending *items; /* Of the front. */
    size_t capacity;
    VsPendingScratch scratch; /* As large; they swap. */
    VsPool chunks;

    /* Since the last plan. */
    uint64_t n_popped_planned; /* n_popped then. */
    uint64_t n_work;           /* Steps other than pops. */
    size_t n_pending_planned;  /* n_pending then. */
    VsTime planned_at;
} VsCalendar;

void vs_calendar_init(VsCalendar *calendar);
void vs_calendar_clear(VsCalendar *calendar);

/* Inserts an idle timer whose 'due' and 'order' are set. */
void vs_calendar_insert(VsCalendar *calendar, VsTimer *timer);

/* Removes an armed timer, which is idle afterwards. */
void vs_calendar_remove(VsCalendar *calendar, VsTimer *timer);

/* Removes and returns the first timer if it is due no later than 'until', or NULL. */
VsTimer *vs_calendar_pop(VsCalendar *calendar, VsTime until);

/* When the first timer is due, or VS_TIME_NEVER.  May open a bucket. */
VsTime vs_calendar_next_due(VsCalendar *calendar);

/* Within the calendar: its bags, armed timers in no order.
 *
 * Adding one touches no other timer, and reading a bag is reading memory from end to end.  A
 * timer knows where its entry is.  Chunks are from a pool of theirs, aligned to their size;
 * O(1). */
#pragma once

#include <glib.h>

#include "engine/calendar.h"

enum {
    VS_PENDING_CHUNK_BYTES = 256,
    VS_PENDING_CHUNK_LENGTH = VS_PENDING_CHUNK_BYTES / sizeof(VsPendingEntry) - 1,
};

struct VsPendingChunk {
    VsPendingChunk *previous;
    VsPendingChunk *next;
    VsPendingEntry entries[VS_PENDING_CHUNK_LENGTH];
};

_Static_assert(sizeof(VsPendingChunk) == VS_PENDING_CHUNK_BYTES, "aligned to its size");

/* Of a bag that is not empty. */
static inline VsPendingChunk *
vs_pending_bag_last_chunk(VsPendingBag bag)
{
    return (VsPendingChunk *)(((uintptr_t)bag.end - 1) &
                              ~(uintptr_t)(VS_PENDING_CHUNK_BYTES - 1));
}

/* Where the entries of 'chunk', which is one of 'bag', end. */
static inline VsPendingEntry *
vs_pending_chunk_end(VsPendingChunk *chunk, const VsPendingBag *bag)
{
    return chunk->next ? chunk->entries + VS_PENDING_CHUNK_LENGTH : bag->end;
}

static inline void
vs_pending_bag_push(VsPool *chunks, VsPendingBag *bag, VsPendingEntry entry)
{
    if (G_UNLIKELY((uintptr_t)bag->end % VS_PENDING_CHUNK_BYTES == 0)) {
        VsPendingChunk *chunk = vs_pool_alloc(chunks);

        chunk->next = NULL;
        chunk->previous = NULL;
        if (bag->first) {
            chunk->previous = vs_pending_bag_last_chunk(*bag);
            chunk->previous->next = chunk;
        } else {
            bag->first = chunk;
        }
        bag->end = chunk->entries;
    }
    *bag->end = entry;
    entry.timer->entry = bag->end++;
}

/* The last entry takes the place of 'entry'. */
static inline void
vs_pending_bag_remove(VsPool *chunks, VsPendingBag *bag, VsPendingEntry *entry)
{
    VsPendingChunk *chunk = vs_pending_bag_last_chunk(*bag);
    VsPendingEntry *last = --bag->end;

    if (entry != last) {
        *entry = *last;
        entry->timer->entry = entry;
    }
    if (last == chunk->entries) {
        bag->end = NULL;
        if (chunk->previous) {
            chunk->previous->next = NULL;
            bag->end = chunk->previous->entries + VS_PENDING_CHUNK_LENGTH;
        } else {
            bag->first = NULL;
        }
        vs_pool_free(chunks, chunk);
    }
}

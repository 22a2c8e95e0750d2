/* Backends in order of a key, those of one key in the order in which they came: what a tree
 * with duplicates gives, as a binary heap that knows where each backend is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct VsBalanceQueueItem {
    uint64_t key;
    uint64_t order; /* Of arrival. */
    uint32_t backend;
} VsBalanceQueueItem;

/* All zeros: empty, without room. */
typedef struct VsBalanceQueue {
    VsBalanceQueueItem *items; /* The first is the least. */
    uint32_t *places;          /* Of backends, in items; UINT32_MAX: not here. */
    uint32_t length;
    uint32_t capacity; /* Backends below this may be pushed. */
    uint64_t n_pushed;
} VsBalanceQueue;

/* Makes room for backends 0 to capacity - 1. */
void vs_balance_queue_reserve(VsBalanceQueue *queue, uint32_t capacity);
void vs_balance_queue_clear(VsBalanceQueue *queue);

/* O(log length), without allocation.  What is pushed must not be there, what is removed
 * must. */
void vs_balance_queue_push(VsBalanceQueue *queue, uint32_t backend, uint64_t key);
void vs_balance_queue_remove(VsBalanceQueue *queue, uint32_t backend);

static inline bool
vs_balance_queue_holds(const VsBalanceQueue *queue, uint32_t backend)
{
    return backend < queue->capacity && queue->places[backend] != UINT32_MAX;
}

/* The backend with the least key, of which it was the first to come; UINT32_MAX when empty. */
static inline uint32_t
vs_balance_queue_first(const VsBalanceQueue *queue)
{
    return queue->length > 0 ? queue->items[0].backend : UINT32_MAX;
}

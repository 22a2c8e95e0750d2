/* What becomes due later, the earliest first: a binary heap.  Equal times leave in the order
 * they came.  It grows, and never shrinks, so that it allocates nothing once it is warm. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "engine/time.h"

typedef struct VsDueItem {
    VsTime due;
    uint64_t order;
    void *item;
} VsDueItem;

typedef struct VsDueHeap {
    VsDueItem *items;
    uint32_t length;
    uint32_t capacity;
    uint64_t n_pushed;
} VsDueHeap;

static inline int
vs_due_item_is_before(const VsDueItem *a, const VsDueItem *b)
{
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static inline void
vs_due_heap_push(VsDueHeap *heap, VsTime due, void *item)
{
    VsDueItem new_item = {due, heap->n_pushed++, item};
    uint32_t place = heap->length++;

    if (heap->length > heap->capacity) {
        heap->capacity = MAX(64, 2 * heap->capacity);
        heap->items = g_renew(VsDueItem, heap->items, heap->capacity);
    }
    while (place > 0 &&
           vs_due_item_is_before(&new_item, &heap->items[(place - 1) / 2])) {
        heap->items[place] = heap->items[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap->items[place] = new_item;
}

/* The earliest, or NULL. */
static inline const VsDueItem *
vs_due_heap_first(const VsDueHeap *heap)
{
    return heap->length > 0 ? heap->items : NULL;
}

/* Removes the earliest, which must be there. */
static inline void *
vs_due_heap_pop(VsDueHeap *heap)
{
    void *item = heap->items[0].item;
    VsDueItem last = heap->items[--heap->length];
    uint32_t place = 0;

    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < heap->length &&
            vs_due_item_is_before(&heap->items[child + 1], &heap->items[child])) {
            child++;
        }
        if (child >= heap->length ||
            vs_due_item_is_before(&last, &heap->items[child])) {
            break;
        }
        heap->items[place] = heap->items[child];
        place = child;
    }
    heap->items[place] = last;
    return item;
}

static inline void
vs_due_heap_clear(VsDueHeap *heap)
{
    g_free(heap->items);
    *heap = (VsDueHeap){0};
}

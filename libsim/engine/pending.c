#include "engine/pending.h"

#include <glib.h>
#include <string.h>

enum {
    SMALL_SORT = 16, /* Insertion sort up to here. */
    FIRST_CAPACITY = 32,
};

static VsPending *merge_sort(VsPending *items, VsPending *other, size_t length);

void
vs_pending_scratch_reserve(VsPendingScratch *scratch, size_t capacity)
{
    if (G_UNLIKELY(scratch->capacity < capacity)) {
        g_free(scratch->items);
        scratch->items = g_new(VsPending, capacity);
        scratch->capacity = capacity;
    }
}

void
vs_pending_scratch_clear(VsPendingScratch *scratch)
{
    g_free(scratch->items);
    g_free(scratch->starts);
    *scratch = (VsPendingScratch){0};
}

/* A few items are sorted by insertion.  More are distributed over as many bins first, which
 * leaves each near its place; if they crowd in some bins, they are merge sorted instead. */
VsPending *
vs_pending_sort(VsPending *items, size_t length, uint64_t start, unsigned shift,
                VsPendingScratch *scratch)
{
    unsigned n_bits = 0;
    size_t n_bins;
    uint32_t *starts;
    uint32_t sum = 0;
    uint32_t most = 0;

    if (length <= SMALL_SORT) {
        vs_pending_insertion_sort(items, length);
        return items;
    }
    while (((size_t)1 << n_bits) < length && n_bits < shift) {
        n_bits++;
    }
    n_bins = (size_t)1 << n_bits;
    shift -= n_bits;
    if (scratch->n_starts < n_bins) {
        g_free(scratch->starts);
        scratch->starts = g_new(uint32_t, n_bins);
        scratch->n_starts = n_bins;
    }
    starts = scratch->starts;
    memset(starts, 0, n_bins * sizeof(*starts));
    for (size_t i = 0; i < length; i++) {
        starts[((uint64_t)items[i].due - start) >> shift]++;
    }
    for (size_t i = 0; i < n_bins; i++) {
        uint32_t n = starts[i];

        starts[i] = sum;
        sum += n;
        most = MAX(most, n);
    }
    if (most > SMALL_SORT) {
        return merge_sort(items, scratch->items, length);
    }
    for (size_t i = 0; i < length; i++) {
        size_t bin = ((uint64_t)items[i].due - start) >> shift;

        scratch->items[starts[bin]++] = items[i];
    }
    vs_pending_insertion_sort(scratch->items, length);
    return scratch->items;
}

void
vs_pending_insertion_sort(VsPending *items, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        VsPending item = items[i];
        size_t j = i;

        for (; j > 0 && vs_pending_is_before(&item, &items[j - 1]); j--) {
            items[j] = items[j - 1];
        }
        items[j] = item;
    }
}

/* Sorts 'items' with the help of 'other'; returns which of the two holds the result.  What
 * is in order already takes linear time. */
static VsPending *
merge_sort(VsPending *items, VsPending *other, size_t length)
{
    for (size_t start = 0; start < length; start += SMALL_SORT) {
        vs_pending_insertion_sort(items + start,
                                  MIN((size_t)SMALL_SORT, length - start));
    }
    for (size_t width = SMALL_SORT; width < length; width *= 2) {
        VsPending *swap = items;

        for (size_t start = 0; start < length; start += 2 * width) {
            size_t middle = MIN(start + width, length);
            size_t end = MIN(start + 2 * width, length);
            size_t i = start;
            size_t j = middle;

            if (middle == end ||
                !vs_pending_is_before(&items[middle], &items[middle - 1])) {
                memcpy(other + start, items + start, (end - start) * sizeof(*items));
                continue;
            }
            for (size_t k = start; k < end; k++) {
                bool is_left =
                    j == end ||
                    (i < middle && !vs_pending_is_before(&items[j], &items[i]));

                other[k] = is_left ? items[i++] : items[j++];
            }
        }
        items = other;
        other = swap;
    }
    return items;
}

static inline void
heap_put(VsPendingHeap *heap, size_t slot, VsPending item)
{
    heap->items[slot] = item;
    item.timer->slot = slot;
}

static inline void
heap_sift_up(VsPendingHeap *heap, size_t slot, VsPending item)
{
    while (slot > 0 && vs_pending_is_before(&item, &heap->items[(slot - 1) / 2])) {
        heap_put(heap, slot, heap->items[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    heap_put(heap, slot, item);
}

void
vs_pending_heap_push(VsPendingHeap *heap, VsTimer *timer)
{
    if (G_UNLIKELY(heap->length == heap->capacity)) {
        heap->capacity = MAX(2 * heap->capacity, (size_t)FIRST_CAPACITY);
        heap->items = g_renew(VsPending, heap->items, heap->capacity);
    }
    timer->place = VS_TIMER_HEAP;
    heap_sift_up(heap, heap->length++, (VsPending){timer->due, timer->order, timer});
}

void
vs_pending_heap_remove(VsPendingHeap *heap, size_t slot)
{
    VsPending last = heap->items[--heap->length];

    if (slot == heap->length) {
        return;
    }
    for (;;) {
        size_t child = 2 * slot + 1;

        if (child >= heap->length) {
            break;
        }
        if (child + 1 < heap->length &&
            vs_pending_is_before(&heap->items[child + 1], &heap->items[child])) {
            child++;
        }
        if (!vs_pending_is_before(&heap->items[child], &last)) {
            break;
        }
        heap_put(heap, slot, heap->items[child]);
        slot = child;
    }
    heap_sift_up(heap, slot, last);
}

void
vs_pending_heap_clear(VsPendingHeap *heap)
{
    g_free(heap->items);
    *heap = (VsPendingHeap){0};
}

#include "balance/queue.h"

#include <glib.h>
#include <string.h>

static bool
is_before(const VsBalanceQueueItem *a, const VsBalanceQueueItem *b)
{
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void
put(VsBalanceQueue *queue, uint32_t place, VsBalanceQueueItem item)
{
    queue->items[place] = item;
    queue->places[item.backend] = place;
}

/* Puts 'item' at 'place' or above. */
static void
sift_up(VsBalanceQueue *queue, uint32_t place, VsBalanceQueueItem item)
{
    while (place > 0 && is_before(&item, &queue->items[(place - 1) / 2])) {
        put(queue, place, queue->items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(queue, place, item);
}

/* Puts 'item' at 'place' or below. */
static void
sift_down(VsBalanceQueue *queue, uint32_t place, VsBalanceQueueItem item)
{
    while (2 * place + 1 < queue->length) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < queue->length &&
            is_before(&queue->items[child + 1], &queue->items[child])) {
            child++;
        }
        if (is_before(&item, &queue->items[child])) {
            break;
        }
        put(queue, place, queue->items[child]);
        place = child;
    }
    put(queue, place, item);
}

void
vs_balance_queue_reserve(VsBalanceQueue *queue, uint32_t capacity)
{
    if (capacity > queue->capacity) {
        queue->items = g_renew(VsBalanceQueueItem, queue->items, capacity);
        queue->places = g_renew(uint32_t, queue->places, capacity);
        memset(&queue->places[queue->capacity], 0xff,
               (capacity - queue->capacity) * sizeof(*queue->places));
        queue->capacity = capacity;
    }
}

void
vs_balance_queue_clear(VsBalanceQueue *queue)
{
    g_free(queue->items);
    g_free(queue->places);
    memset(queue, 0, sizeof(*queue));
}

void
vs_balance_queue_push(VsBalanceQueue *queue, uint32_t backend, uint64_t key)
{
    g_assert(backend < queue->capacity && !vs_balance_queue_holds(queue, backend));
    sift_up(queue, queue->length++,
            (VsBalanceQueueItem){
                .key = key, .order = queue->n_pushed++, .backend = backend});
}

void
vs_balance_queue_remove(VsBalanceQueue *queue, uint32_t backend)
{
    uint32_t place;
    VsBalanceQueueItem last;

    g_assert(vs_balance_queue_holds(queue, backend));
    place = queue->places[backend];
    queue->places[backend] = UINT32_MAX;
    last = queue->items[--queue->length];
    if (place == queue->length) {
        return;
    }
    if (place > 0 && is_before(&last, &queue->items[(place - 1) / 2])) {
        sift_up(queue, place, last);
    } else {
        sift_down(queue, place, last);
    }
}

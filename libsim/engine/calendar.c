#include "engine/calendar.h"

#include <glib.h>
#include <string.h>

#include "engine/calendar_bag.h"

enum {
    MIN_BUCKETS = 64,
    MAX_BUCKETS = 1 << 12, /* Their last lines are a quarter of a megabyte. */
    BUCKET_FILL = 8,       /* Timers in a bucket, at least, if the plan comes true. */
    WINDOW_FILL = 3,       /* The window's events over the number of pending timers. */
    MAX_SHIFT = 50,        /* About 19 minutes. */
    PLAN_INTERVAL = 2048,  /* Operations, at least, between plans. */
    RATE_EVENTS = 64,      /* So many make a rate. */
    SHIFT_MAX = 16,        /* Neighbours moved to keep the front sorted. */
    FEW_TIMERS = 8,        /* No buckets for so few. */
    FIRST_CAPACITY = 64,
    AHEAD = 4,       /* An owner is fetched so many events before its turn. */
    NEEDS_AHEAD = 2, /* And what it needs, when the owner has come. */
    CAPACITY_SPARE = AHEAD + 1,
    CHUNKS_A_SLAB = 64,
};

static void front_insert(VsCalendar *calendar, VsTimer *timer);
static void front_remove(VsCalendar *calendar, const VsTimer *timer);
static void front_make_room(VsCalendar *calendar, size_t n);
static void overflow(VsCalendar *calendar, VsTimer *timer);
static VsPending *first_item(VsCalendar *calendar);
static void open_next_bucket(VsCalendar *calendar);
static void open_bag(VsCalendar *calendar, VsPendingBag *bag);
static void migrate_far(VsCalendar *calendar);
static void plan(VsCalendar *calendar);
static void give_up_buckets(VsCalendar *calendar);
static void move_to_far(VsCalendar *calendar, VsPendingBag *bag);
static void rebuild(VsCalendar *calendar, unsigned shift, size_t n_buckets);
static void sort_front(VsCalendar *calendar);

static inline bool
has_buckets(const VsCalendar *calendar)
{
    return calendar->horizon != UINT64_MAX;
}

/* A plan may take time in proportion to what is pending: there must have been as much work
 * as that since the last, or many more timers have come. */
static inline bool
wants_plan(const VsCalendar *calendar, uint64_t n_work)
{
    return (n_work > PLAN_INTERVAL && n_work > 4 * calendar->n_pending) ||
           calendar->n_pending > 4 * calendar->n_pending_planned;
}

void
vs_calendar_init(VsCalendar *calendar)
{
    memset(calendar, 0, sizeof(*calendar));
    calendar->horizon = UINT64_MAX;
    calendar->far_min = UINT64_MAX;
    vs_pool_init_aligned(&calendar->chunks, sizeof(VsPendingChunk), CHUNKS_A_SLAB,
                         VS_PENDING_CHUNK_BYTES);
    front_make_room(calendar, 1);
}

void
vs_calendar_clear(VsCalendar *calendar)
{
    vs_pool_clear(&calendar->chunks);
    g_free(calendar->buckets);
    g_free(calendar->items);
    vs_pending_scratch_clear(&calendar->scratch);
    vs_pending_heap_clear(&calendar->heap);
    memset(calendar, 0, sizeof(*calendar));
}

static inline VsPendingBag *
bucket_of(const VsCalendar *calendar, VsTime due)
{
    uint64_t number = (uint64_t)due >> calendar->shift;

    return &calendar->buckets[number & (calendar->n_buckets - 1)];
}

static inline bool
is_in_window(const VsCalendar *calendar, VsTime due)
{
    uint64_t number = (uint64_t)due >> calendar->shift;

    return number - calendar->cursor < calendar->n_buckets;
}

static inline void
bucket_push(VsCalendar *calendar, VsPendingEntry entry)
{
    entry.timer->place = VS_TIMER_BUCKET;
    calendar->n_in_buckets++;
    vs_pending_bag_push(&calendar->chunks, bucket_of(calendar, entry.due), entry);
}

static inline void
far_push(VsCalendar *calendar, VsPendingEntry entry)
{
    entry.timer->place = VS_TIMER_FAR;
    calendar->far_min = MIN(calendar->far_min, (uint64_t)entry.due >> calendar->shift);
    vs_pending_bag_push(&calendar->chunks, &calendar->far, entry);
}

/* Puts a timer where its due time belongs. */
static inline void
place_timer(VsCalendar *calendar, VsTimer *timer)
{
    VsPendingEntry entry = {timer->due, timer};

    if ((uint64_t)timer->due < calendar->horizon) {
        front_insert(calendar, timer);
    } else if (G_LIKELY(is_in_window(calendar, timer->due))) {
        bucket_push(calendar, entry);
    } else {
        far_push(calendar, entry);
    }
}

void
vs_calendar_insert(VsCalendar *calendar, VsTimer *timer)
{
    calendar->n_pending++;
    place_timer(calendar, timer);
}

void
vs_calendar_remove(VsCalendar *calendar, VsTimer *timer)
{
    if (timer->place == VS_TIMER_HEAP) {
        vs_pending_heap_remove(&calendar->heap, timer->slot);
    } else if ((uint64_t)timer->due < calendar->horizon) {
        front_remove(calendar, timer);
    } else if (timer->place == VS_TIMER_BUCKET) {
        calendar->n_in_buckets--;
        vs_pending_bag_remove(&calendar->chunks, bucket_of(calendar, timer->due),
                              timer->entry);
    } else {
        vs_pending_bag_remove(&calendar->chunks, &calendar->far, timer->entry);
    }
    timer->place = VS_TIMER_IDLE;
    calendar->n_pending--;
}

/* An owner is a few cache lines around its timer: a wire, a core, a connection.  'timer' may
 * be anything, as nothing but a fetch comes of it. */
static inline void
prefetch_owner(const VsTimer *timer)
{
    for (int offset = -64; offset <= 128; offset += 64) {
        __builtin_prefetch((const void *)((uintptr_t)timer + (uintptr_t)offset), 1);
    }
}

/* What the owner said it will need: a packet's metadata and payload, three lines. */
static inline void
prefetch_needs(const VsTimer *timer)
{
    uintptr_t needs = (uintptr_t)timer->needs; /* May be NULL. */

    for (int offset = 0; offset <= 64; offset += 64) {
        __builtin_prefetch((const void *)(needs + (uintptr_t)offset), 1);
    }
}

VsTimer *
vs_calendar_pop(VsCalendar *calendar, VsTime until)
{
    VsPending *item = calendar->first;
    VsTimer *timer;

    if (G_UNLIKELY(!item->timer || calendar->heap.length > 0)) {
        item = first_item(calendar);
        if (!item) {
            return NULL;
        }
    }
    if (item->due > until) {
        return NULL;
    }
    timer = item->timer;
    calendar->now = item->due;
    if (G_LIKELY(item == calendar->first)) {
        calendar->first++;
        prefetch_owner(item[AHEAD].timer);
        if (item + NEEDS_AHEAD < calendar->end && item[NEEDS_AHEAD].timer) {
            prefetch_needs(item[NEEDS_AHEAD].timer);
        }
    } else {
        vs_pending_heap_remove(&calendar->heap, 0);
    }
    timer->place = VS_TIMER_IDLE;
    calendar->n_pending--;
    calendar->n_popped++;
    return timer;
}

VsTime
vs_calendar_next_due(VsCalendar *calendar)
{
    const VsPending *item = first_item(calendar);

    return item ? item->due : VS_TIME_NEVER;
}

/* The first pending item, of front or heap, or NULL: opens buckets until there is one. */
static VsPending *
first_item(VsCalendar *calendar)
{
    for (;;) {
        VsPending *first;

        while (calendar->first < calendar->end && !calendar->first->timer) {
            calendar->first++;
        }
        first = calendar->first;
        if (calendar->heap.length > 0 &&
            (first == calendar->end ||
             vs_pending_is_before(&calendar->heap.items[0], first))) {
            return &calendar->heap.items[0];
        }
        if (first < calendar->end) {
            return first;
        }
        if (calendar->n_pending == 0) {
            return NULL;
        }
        open_next_bucket(calendar);
    }
}

/* ---- The front ---- */

static void
front_insert(VsCalendar *calendar, VsTimer *timer)
{
    VsPending item = {timer->due, timer->order, timer};
    VsPending *slot = calendar->end;

    if (G_UNLIKELY(slot - calendar->first >= SHIFT_MAX) &&
        vs_pending_is_before(&item, slot - SHIFT_MAX)) {
        overflow(calendar, timer);
        return;
    }
    if (G_UNLIKELY(slot == calendar->items + calendar->capacity)) {
        front_make_room(calendar, 1);
        slot = calendar->end;
    }
    calendar->end = slot + 1;
    slot[1].timer = NULL;
    while (slot > calendar->first && vs_pending_is_before(&item, slot - 1)) {
        *slot = slot[-1];
        slot--;
    }
    *slot = item;
    timer->place = VS_TIMER_FRONT;
}

/* Makes room for 'n' more at the end of the front, 'n' being no more than FIRST_CAPACITY:
 * moves what is left to the start of the array, and enlarges it if that is not half. */
static void
front_make_room(VsCalendar *calendar, size_t n)
{
    VsPending *to = calendar->items;
    size_t length;

    for (const VsPending *item = calendar->first; item < calendar->end; item++) {
        if (item->timer) {
            *to++ = *item;
        }
    }
    length = (size_t)(to - calendar->items);
    if (2 * (length + n) > calendar->capacity) {
        calendar->capacity = MAX(2 * calendar->capacity, (size_t)FIRST_CAPACITY);
        calendar->items =
            g_renew(VsPending, calendar->items, calendar->capacity + CAPACITY_SPARE);
    }
    calendar->first = calendar->items;
    calendar->end = calendar->items + length;
    calendar->end->timer = NULL;
}

/* Closes the gap when few neighbours have to move, else leaves an item without a timer. */
static void
front_remove(VsCalendar *calendar, const VsTimer *timer)
{
    VsPending key = {timer->due, timer->order, NULL};
    VsPending *low = calendar->first;
    VsPending *high = calendar->end;

    while (high - low > 1) {
        VsPending *middle = low + (high - low) / 2;

        if (vs_pending_is_before(&key, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    if (calendar->end - low <= SHIFT_MAX) {
        memmove(low, low + 1, (size_t)(calendar->end - low) * sizeof(*low));
        calendar->end--;
    } else if (low - calendar->first <= SHIFT_MAX) {
        memmove(calendar->first + 1, calendar->first,
                (size_t)(low - calendar->first) * sizeof(*low));
        calendar->first++;
    } else {
        low->timer = NULL;
    }
}

/* Takes a timer that would move too many others of the front. */
static void
overflow(VsCalendar *calendar, VsTimer *timer)
{
    calendar->n_work++;
    if (!has_buckets(calendar) || wants_plan(calendar, calendar->n_work)) {
        plan(calendar);
        if ((uint64_t)timer->due >= calendar->horizon) {
            place_timer(calendar, timer);
            return;
        }
    }
    vs_pending_heap_push(&calendar->heap, timer);
}

/* ---- Buckets ---- */

/* Brings the timers of the next bucket that has any to the front, which is empty as the
 * heap is. */
static void
open_next_bucket(VsCalendar *calendar)
{
    uint64_t n_popped = calendar->n_popped - calendar->n_popped_planned;
    size_t mask;

    if (G_UNLIKELY(wants_plan(calendar, calendar->n_work + n_popped))) {
        plan(calendar);
        if (!has_buckets(calendar)) {
            return;
        }
    }
    mask = calendar->n_buckets - 1;
    for (;;) {
        if (calendar->n_in_buckets == 0) {
            calendar->cursor = MAX(calendar->cursor, calendar->far_min);
        }
        if (G_UNLIKELY(calendar->far_min <= calendar->cursor)) {
            migrate_far(calendar);
            continue;
        }
        if (calendar->buckets[calendar->cursor & mask].first) {
            break;
        }
        calendar->cursor++;
        calendar->n_work++;
    }

    calendar->first = calendar->items;
    calendar->end = calendar->items;
    open_bag(calendar, &calendar->buckets[calendar->cursor & mask]);
    calendar->n_in_buckets -= (size_t)(calendar->end - calendar->first);
    sort_front(calendar);
    calendar->cursor++;
    calendar->horizon = calendar->cursor << calendar->shift;
}

/* Sorts the front, which has just taken the bucket at the cursor. */
static void
sort_front(VsCalendar *calendar)
{
    VsPending *items = calendar->items;
    size_t length = (size_t)(calendar->end - items);
    VsPending *sorted;

    vs_pending_scratch_reserve(&calendar->scratch, calendar->capacity + CAPACITY_SPARE);
    sorted = vs_pending_sort(items, length, calendar->cursor << calendar->shift,
                             calendar->shift, &calendar->scratch);
    if (sorted != items) {
        calendar->scratch.items = items;
        calendar->items = sorted;
        calendar->first = sorted;
        calendar->end = sorted + length;
        calendar->end->timer = NULL;
    }
}

/* Appends the entries of 'bag', empty afterwards, to the front as they come. */
static void
open_bag(VsCalendar *calendar, VsPendingBag *bag)
{
    VsPendingChunk *chunk = bag->first;

    while (chunk) {
        VsPendingChunk *next = chunk->next;
        const VsPendingEntry *end = vs_pending_chunk_end(chunk, bag);
        VsPending *to;

        if (calendar->end + VS_PENDING_CHUNK_LENGTH >
            calendar->items + calendar->capacity) {
            front_make_room(calendar, VS_PENDING_CHUNK_LENGTH);
        }
        to = calendar->end;
        for (const VsPendingEntry *entry = chunk->entries; entry < end; entry++) {
            *to++ = (VsPending){entry->due, entry->timer->order, entry->timer};
        }
        calendar->end = to;
        vs_pool_free(&calendar->chunks, chunk);
        chunk = next;
    }
    calendar->end->timer = NULL;
    *bag = (VsPendingBag){0};
}

/* Distributes the far timers that the window has reached.  From the last to the first, as
 * the last takes the place of one that leaves. */
static void
migrate_far(VsCalendar *calendar)
{
    VsPendingBag *far = &calendar->far;
    VsPendingChunk *chunk = far->first ? vs_pending_bag_last_chunk(*far) : NULL;
    uint64_t far_min = UINT64_MAX;

    while (chunk) {
        VsPendingChunk *previous = chunk->previous;
        VsPendingEntry *entry = vs_pending_chunk_end(chunk, far);

        /* Looking at one is little work. */
        calendar->n_work += VS_PENDING_CHUNK_LENGTH / 4;
        while (entry-- > chunk->entries) {
            VsPendingEntry moved = *entry;

            if (is_in_window(calendar, moved.due)) {
                vs_pending_bag_remove(&calendar->chunks, far, entry);
                bucket_push(calendar, moved);
            } else {
                far_min = MIN(far_min, (uint64_t)moved.due >> calendar->shift);
            }
        }
        chunk = previous;
    }
    calendar->far_min = far_min;
}

/* Moves the entries of 'bag', empty afterwards, to the far bag. */
static void
move_to_far(VsCalendar *calendar, VsPendingBag *bag)
{
    VsPendingChunk *chunk = bag->first;

    while (chunk) {
        VsPendingChunk *next = chunk->next;
        const VsPendingEntry *end = vs_pending_chunk_end(chunk, bag);

        for (const VsPendingEntry *entry = chunk->entries; entry < end; entry++) {
            far_push(calendar, *entry);
        }
        vs_pool_free(&calendar->chunks, chunk);
        chunk = next;
    }
    *bag = (VsPendingBag){0};
}

/* ---- Planning ---- */

/* The mean time between events, in ps: since the last plan or, where that says nothing,
 * between those that come next. */
static double
event_gap(const VsCalendar *calendar)
{
    uint64_t n_popped = calendar->n_popped - calendar->n_popped_planned;
    VsTime elapsed = calendar->now - calendar->planned_at;

    if (elapsed > 0 && (n_popped >= RATE_EVENTS || has_buckets(calendar))) {
        return (double)elapsed / (double)n_popped;
    }
    if (calendar->end > calendar->first) {
        uint64_t last =
            has_buckets(calendar) ? calendar->horizon : (uint64_t)calendar->end[-1].due;
        size_t n = (size_t)(calendar->end - calendar->first) + calendar->heap.length;

        return (double)(last - (uint64_t)calendar->first->due) / (double)n;
    }
    return (double)calendar->n_buckets * (double)(UINT64_C(1) << calendar->shift) /
           (double)MAX(calendar->n_in_buckets, 1);
}

/* Chooses width and number of buckets for what was seen since the last plan, and rebuilds
 * the calendar if they differ enough. */
static void
plan(VsCalendar *calendar)
{
    double gap = event_gap(calendar);
    double window = gap * WINDOW_FILL * (double)calendar->n_pending;
    double width = MAX(gap * BUCKET_FILL, window / MAX_BUCKETS);
    unsigned shift = 0;
    size_t n_buckets = MIN_BUCKETS;

    while (shift < MAX_SHIFT && (double)(UINT64_C(1) << shift) < width) {
        shift++;
    }
    if (has_buckets(calendar) && calendar->shift == shift + 1) {
        shift = calendar->shift; /* Near enough. */
    }
    while (n_buckets < MAX_BUCKETS &&
           (double)n_buckets * (double)(UINT64_C(1) << shift) < window) {
        n_buckets *= 2;
    }
    if (n_buckets < calendar->n_buckets && 4 * n_buckets > calendar->n_buckets) {
        n_buckets = calendar->n_buckets;
    }
    calendar->n_popped_planned = calendar->n_popped;
    calendar->n_pending_planned = MAX(calendar->n_pending, (size_t)SHIFT_MAX);
    calendar->n_work = 0;
    calendar->planned_at = calendar->now;

    if (!has_buckets(calendar)) {
        rebuild(calendar, shift, n_buckets);
    } else if (calendar->n_pending <= FEW_TIMERS) {
        give_up_buckets(calendar);
    } else if (shift != calendar->shift || n_buckets != calendar->n_buckets) {
        rebuild(calendar, shift, n_buckets);
    }
}

/* The front takes all there are. */
static void
give_up_buckets(VsCalendar *calendar)
{
    for (size_t i = 0; i < calendar->n_buckets; i++) {
        open_bag(calendar, &calendar->buckets[i]);
    }
    open_bag(calendar, &calendar->far);
    calendar->n_in_buckets = 0;
    calendar->far_min = UINT64_MAX;
    calendar->horizon = UINT64_MAX;
    vs_pending_insertion_sort(calendar->first,
                              (size_t)(calendar->end - calendar->first));
}

/* Buckets of a new width, from the time of the last event or the present horizon on if that
 * is sooner, so that what is in buckets need not go back to the front. */
static void
rebuild(VsCalendar *calendar, unsigned shift, size_t n_buckets)
{
    uint64_t cursor =
        MIN(((uint64_t)calendar->now >> shift) + 1, calendar->horizon >> shift);
    uint64_t horizon = cursor << shift;
    VsPendingHeap *heap = &calendar->heap;
    size_t heap_length = heap->length;

    /* Everything beyond the new horizon goes through the far bag. */
    for (size_t i = 0; i < calendar->n_buckets; i++) {
        move_to_far(calendar, &calendar->buckets[i]);
    }
    while (calendar->end > calendar->first &&
           (uint64_t)calendar->end[-1].due >= horizon) {
        VsPending *last = --calendar->end;

        if (last->timer) {
            far_push(calendar, (VsPendingEntry){last->due, last->timer});
        }
    }
    calendar->end->timer = NULL;
    heap->length = 0;
    for (size_t i = 0; i < heap_length; i++) {
        VsPending item = heap->items[i];

        if ((uint64_t)item.due < horizon) {
            vs_pending_heap_push(heap, item.timer);
        } else {
            far_push(calendar, (VsPendingEntry){item.due, item.timer});
        }
    }

    if (n_buckets != calendar->n_buckets) {
        g_free(calendar->buckets);
        calendar->buckets = g_new0(VsPendingBag, n_buckets);
        calendar->n_buckets = n_buckets;
    }
    calendar->n_in_buckets = 0;
    calendar->shift = shift;
    calendar->cursor = cursor;
    calendar->horizon = horizon;
    migrate_far(calendar);
    calendar->n_work = 0;
}

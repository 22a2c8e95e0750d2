/* The pending set against a balanced tree, which is slow and obviously right. */
#include <glib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "engine/calendar.h"
#include "engine/entity.h"
#include "vs_test.h"

/* ---- The twin -------------------------------------------------------------------- */

typedef struct {
    VsCalendar calendar;
    GTree *tree; /* Of the same timers. */
    VsTimer *timers;
    uint64_t *counts;
    unsigned n_timers;
    VsTime now;
    VsRng rng;
    uint64_t n_popped;
    bool has_failed;
} Twins;

static gint
compare_timers(gconstpointer a_, gconstpointer b_, gpointer data)
{
    const VsTimer *a = a_;
    const VsTimer *b = b_;

    (void)data;
    if (a->due != b->due) {
        return a->due < b->due ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

static gboolean
take_first(gpointer key, gpointer value, gpointer first)
{
    (void)value;
    *(VsTimer **)first = key;
    return TRUE;
}

static VsTimer *
tree_first(GTree *tree)
{
    VsTimer *first = NULL;

    g_tree_foreach(tree, take_first, &first);
    return first;
}

static void
twins_init(Twins *twins, unsigned n_timers, const char *seed)
{
    memset(twins, 0, sizeof(*twins));
    vs_calendar_init(&twins->calendar);
    twins->tree = g_tree_new_full(compare_timers, NULL, NULL, NULL);
    twins->timers = g_new0(VsTimer, n_timers);
    twins->counts = g_new0(uint64_t, n_timers);
    twins->n_timers = n_timers;
    vs_rng_init(&twins->rng, 1, seed, "calendar");
}

static void
twins_clear(Twins *twins)
{
    CU_ASSERT_FALSE(twins->has_failed);
    vs_calendar_clear(&twins->calendar);
    g_tree_destroy(twins->tree);
    g_free(twins->timers);
    g_free(twins->counts);
}

/* Remembers a failure: a million assertions would say no more. */
static void
check(Twins *twins, bool holds)
{
    twins->has_failed |= !holds;
}

static void
twins_cancel(Twins *twins, unsigned i)
{
    check(twins, g_tree_remove(twins->tree, &twins->timers[i]));
    vs_calendar_remove(&twins->calendar, &twins->timers[i]);
    check(twins, !vs_timer_is_armed(&twins->timers[i]));
}

static void
twins_arm(Twins *twins, unsigned i, VsTime due)
{
    VsTimer *timer = &twins->timers[i];

    if (vs_timer_is_armed(timer)) {
        twins_cancel(twins, i);
    }
    timer->due = due;
    timer->order = (uint64_t)i << VS_ENTITY_COUNT_BITS | twins->counts[i]++;
    vs_calendar_insert(&twins->calendar, timer);
    g_tree_insert(twins->tree, timer, timer);
    check(twins, vs_timer_is_armed(timer));
}

/* False when nothing is due until then. */
static bool
twins_pop(Twins *twins, VsTime until)
{
    VsTimer *right = tree_first(twins->tree);
    VsTimer *popped;

    if (right && right->due > until) {
        right = NULL;
    }
    popped = vs_calendar_pop(&twins->calendar, until);
    check(twins, popped == right);
    if (!popped || popped != right) {
        return false;
    }
    check(twins, popped->due >= twins->now && !vs_timer_is_armed(popped));
    twins->now = popped->due;
    twins->n_popped++;
    g_tree_remove(twins->tree, popped);
    return true;
}

static void
twins_drain(Twins *twins)
{
    while (twins_pop(twins, VS_TIME_NEVER)) {
    }
    check(twins, tree_first(twins->tree) == NULL);
    check(twins, twins->calendar.n_pending == 0);
    check(twins, vs_calendar_next_due(&twins->calendar) == VS_TIME_NEVER);
}

/* ---- Random operations ----------------------------------------------------------- */

typedef VsTime (*Delay)(Twins *twins);

static VsTime
exponential_delay(Twins *twins)
{
    return (VsTime)(vs_draw_exponential(&twins->rng) * 1e6);
}

static VsTime
bimodal_delay(Twins *twins)
{
    return (VsTime)(vs_draw_exponential(&twins->rng) *
                    (vs_rng_below(&twins->rng, 10) == 0 ? 1e14 : 1e5));
}

static VsTime
no_delay(Twins *twins)
{
    (void)twins;
    return 0;
}

static VsTime
grid_delay(Twins *twins)
{
    return (VsTime)vs_rng_below(&twins->rng, 5) * VS_MS;
}

/* Every magnitude from 1 ps to 19 minutes. */
static VsTime
log_uniform_delay(Twins *twins)
{
    uint64_t shift = 14 + vs_rng_below(&twins->rng, 50);

    return (VsTime)(vs_rng_u64(&twins->rng) >> shift);
}

static VsTime
tiny_delay(Twins *twins)
{
    return (VsTime)vs_rng_below(&twins->rng, 4);
}

static VsTime
huge_delay(Twins *twins)
{
    return (VsTime)vs_rng_below(&twins->rng, (uint64_t)VS_S * 100);
}

/* A quiet hour, then thousands of events in a nanosecond. */
static VsTime
burst_delay(Twins *twins)
{
    if (vs_rng_below(&twins->rng, 5000) == 0) {
        return 3600 * VS_S;
    }
    return (VsTime)vs_rng_below(&twins->rng, 1000);
}

/* The law changes every 50 000 events: the calendar must find another width. */
static VsTime
changing_delay(Twins *twins)
{
    static const double means[] = {1e3, 1e12, 1e6, 1.0, 1e14, 1e9};

    return (VsTime)(vs_draw_exponential(&twins->rng) *
                    means[twins->n_popped / 50000 % G_N_ELEMENTS(means)]);
}

static void
operate(Twins *twins, Delay delay, unsigned n_operations)
{
    for (unsigned n = 0; n < n_operations && !twins->has_failed; n++) {
        unsigned i = (unsigned)vs_rng_below(&twins->rng, twins->n_timers);
        uint64_t what = vs_rng_below(&twins->rng, 100);
        VsTime later = delay(twins);
        VsTime due = twins->now + MIN(later, VS_TIME_NEVER - 1 - twins->now);

        if (what < 45) {
            twins_arm(twins, i, due);
        } else if (what < 52) {
            if (vs_timer_is_armed(&twins->timers[i])) {
                twins_cancel(twins, i);
            }
        } else if (what < 55) {
            const VsTimer *first = tree_first(twins->tree);

            check(twins, vs_calendar_next_due(&twins->calendar) ==
                             (first ? first->due : VS_TIME_NEVER));
        } else if (what < 60) {
            twins_pop(twins, due);
        } else {
            twins_pop(twins, VS_TIME_NEVER);
        }
    }
    twins_drain(twins);
}

static void
compare_with_twin(const char *name, Delay delay)
{
    static const unsigned lengths[] = {1, 7, 300, 20000};

    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        Twins twins;

        twins_init(&twins, lengths[i], name);
        operate(&twins, delay, 250000);
        CU_ASSERT(twins.n_popped > 50000);
        twins_clear(&twins);
    }
}

static void
test_exponential(void)
{
    compare_with_twin("exponential", exponential_delay);
}

static void
test_bimodal(void)
{
    compare_with_twin("bimodal", bimodal_delay);
}

static void
test_all_equal(void)
{
    compare_with_twin("equal", no_delay);
}

static void
test_few_distinct_times(void)
{
    compare_with_twin("grid", grid_delay);
}

static void
test_every_magnitude(void)
{
    compare_with_twin("log-uniform", log_uniform_delay);
}

static void
test_tiny_range(void)
{
    compare_with_twin("tiny", tiny_delay);
}

static void
test_huge_range(void)
{
    compare_with_twin("huge", huge_delay);
}

static void
test_bursts(void)
{
    compare_with_twin("bursts", burst_delay);
}

static void
test_changing_law(void)
{
    compare_with_twin("changing", changing_delay);
}

/* ---- Shapes of their own --------------------------------------------------------- */

/* Fills the set, then empties it: what a plan cannot have seen coming. */
static void
test_filled_then_emptied(void)
{
    static const VsTime ranges[] = {1,    1000,         VS_US,
                                    VS_S, 86400 * VS_S, VS_TIME_NEVER / 2};

    for (unsigned k = 0; k < G_N_ELEMENTS(ranges); k++) {
        Twins twins;

        twins_init(&twins, 100000, "filled");
        for (unsigned i = 0; i < twins.n_timers; i++) {
            twins_arm(&twins, i, (VsTime)vs_rng_below(&twins.rng, (uint64_t)ranges[k]));
        }
        CU_ASSERT_EQUAL(twins.calendar.n_pending, 100000);
        twins_drain(&twins);
        CU_ASSERT_EQUAL(twins.n_popped, 100000);
        twins_clear(&twins);
    }
}

static void
test_rising_falling_and_equal_times(void)
{
    Twins twins;

    twins_init(&twins, 30000, "shapes");
    for (unsigned i = 0; i < 10000; i++) {
        twins_arm(&twins, i, i);
        twins_arm(&twins, 10000 + i, 20000 - (VsTime)i);
        twins_arm(&twins, 20000 + i, 12345);
    }
    twins_drain(&twins);
    twins_clear(&twins);
}

/* The last picosecond there is, the first, and both ends at once. */
static void
test_last_picosecond(void)
{
    Twins twins;

    twins_init(&twins, 6, "ends");
    twins_arm(&twins, 0, VS_TIME_NEVER - 1);
    twins_arm(&twins, 1, 0);
    twins_arm(&twins, 2, VS_TIME_NEVER - 1);
    twins_arm(&twins, 3, VS_TIME_NEVER - 2);
    twins_arm(&twins, 4, 0);
    CU_ASSERT_EQUAL(vs_calendar_next_due(&twins.calendar), 0);
    CU_ASSERT(twins_pop(&twins, 0));
    CU_ASSERT(twins_pop(&twins, 0));
    CU_ASSERT_FALSE(twins_pop(&twins, VS_TIME_NEVER - 3));
    twins_arm(&twins, 5, 1); /* Though a far bucket may be open. */
    CU_ASSERT(twins_pop(&twins, 1));
    CU_ASSERT(twins_pop(&twins, VS_TIME_NEVER - 2));
    CU_ASSERT_EQUAL(twins.now, VS_TIME_NEVER - 2);
    twins_arm(&twins, 5, VS_TIME_NEVER - 1);
    twins_drain(&twins);
    CU_ASSERT_EQUAL(twins.now, VS_TIME_NEVER - 1);
    twins_clear(&twins);
}

/* A bucket is opened ahead of time by a look at what is next; everything in it is
 * cancelled, and earlier timers come. */
static void
test_timers_before_an_open_bucket(void)
{
    Twins twins;

    twins_init(&twins, 2000, "ahead");
    for (unsigned round = 0; round < 50; round++) {
        VsTime far = twins.now + 1000 * VS_S;

        for (unsigned i = 0; i < 1000; i++) {
            twins_arm(&twins, i, far + i);
        }
        CU_ASSERT_FALSE(twins_pop(&twins, far - 1));
        for (unsigned i = 0; i < 1000; i++) {
            if (round % 2 == 0 || i % 3 == 0) {
                twins_cancel(&twins, i);
            }
        }
        for (unsigned i = 1000; i < 2000; i++) {
            twins_arm(&twins, i, far - 500 + (VsTime)vs_rng_below(&twins.rng, 1000));
        }
        twins_drain(&twins);
    }
    twins_clear(&twins);
}

/* The far list is searched as a whole, so it must not be searched for each of its
 * timers: with a quadratic number of steps this takes minutes. */
static void
test_sparse_far_timers_are_not_quadratic(void)
{
    enum { N = 400000 };
    VsCalendar calendar;
    VsTimer *timers = g_new0(VsTimer, N);
    VsTime last = -1;
    gint64 started = g_get_monotonic_time();
    bool is_ordered = true;
    VsRng rng;

    vs_rng_init(&rng, 1, "sparse", "calendar");
    vs_calendar_init(&calendar);
    for (unsigned i = 0; i < N; i++) {
        timers[i].due = (VsTime)vs_rng_below(&rng, (uint64_t)VS_TIME_NEVER);
        timers[i].order = i;
        vs_calendar_insert(&calendar, &timers[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        const VsTimer *timer = vs_calendar_pop(&calendar, VS_TIME_NEVER);

        is_ordered &= timer && timer->due >= last;
        last = timer ? timer->due : last;
    }
    CU_ASSERT(is_ordered);
    CU_ASSERT_PTR_NULL(vs_calendar_pop(&calendar, VS_TIME_NEVER));
    CU_ASSERT(g_get_monotonic_time() - started < 30 * G_USEC_PER_SEC);
    vs_calendar_clear(&calendar);
    g_free(timers);
}

static const VsTestCase tests[] = {
    {"exponential delays fire in the twin's order", test_exponential},
    {"bimodal delays fire in the twin's order", test_bimodal},
    {"equal times fire in the order of entity and count", test_all_equal},
    {"few distinct times fire in the twin's order", test_few_distinct_times},
    {"delays of every magnitude fire in the twin's order", test_every_magnitude},
    {"a range of 4 ps fires in the twin's order", test_tiny_range},
    {"a range of 100 s fires in the twin's order", test_huge_range},
    {"bursts after quiet hours fire in the twin's order", test_bursts},
    {"a changing law fires in the twin's order", test_changing_law},
    {"a set filled then emptied comes out in order", test_filled_then_emptied},
    {"rising, falling and equal times come out in order",
     test_rising_falling_and_equal_times},
    {"the first and the last picosecond work", test_last_picosecond},
    {"timers may come before a bucket that is open", test_timers_before_an_open_bucket},
    {"sparse far timers do not cost quadratic time",
     test_sparse_far_timers_are_not_quadratic},
    {0},
};
VS_TESTS("calendar")

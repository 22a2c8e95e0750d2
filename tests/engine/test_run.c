/* The clock: order, pausing, digest, and runs that know nothing of each other. */
#include <glib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "engine/run.h"
#include "tests/engine/count_allocations.h"
#include "vs_test.h"

/* ---- Timers that write down when they fire --------------------------------------- */

typedef struct {
    VsTime at;
    unsigned who;
} Fired;

typedef struct Diary {
    GArray *fired; /* Of Fired. */
} Diary;

typedef struct {
    VsTimer timer;
    unsigned who;
    Diary *diary;
    VsTimer *cancels;  /* When it fires; or NULL. */
    unsigned n_rearms; /* At the same instant, when it fires. */
} Clock;

static void
clock_fire(VsTimer *timer)
{
    Clock *clock = VS_CONTAINER_OF(timer, Clock, timer);
    Fired fired = {vs_now(timer->entity->run), clock->who};

    CU_ASSERT_EQUAL(timer->due, fired.at);
    CU_ASSERT_FALSE(vs_timer_is_armed(timer));
    g_array_append_val(clock->diary->fired, fired);
    if (clock->cancels) {
        vs_timer_cancel(clock->cancels);
    }
    if (clock->n_rearms > 0) {
        clock->n_rearms--;
        vs_timer_arm(timer, fired.at);
    }
}

typedef struct {
    VsRun run;
    VsPart part;
    VsEntity entities[8];
    Clock clocks[8];
    Diary diary;
} ClockFixture;

/* Clock i belongs to entity i. */
static void
clocks_init(ClockFixture *f)
{
    memset(f, 0, sizeof(*f));
    vs_run_init(&f->run, 1);
    vs_part_init(&f->part, &f->run);
    f->diary.fired = g_array_new(FALSE, FALSE, sizeof(Fired));
    for (unsigned i = 0; i < G_N_ELEMENTS(f->clocks); i++) {
        vs_entity_init(&f->entities[i], &f->part);
        vs_timer_init(&f->clocks[i].timer, &f->entities[i], clock_fire);
        f->clocks[i].who = i;
        f->clocks[i].diary = &f->diary;
    }
}

static void
clocks_clear(ClockFixture *f)
{
    vs_run_clear(&f->run);
    g_array_free(f->diary.fired, TRUE);
}

/* True if the clocks fired in the order of the digits of 'order', which ends with
 * -1. */
static bool
has_fired(const ClockFixture *f, const int *order)
{
    unsigned n = 0;

    for (; order[n] >= 0; n++) {
        if (n >= f->diary.fired->len ||
            g_array_index(f->diary.fired, Fired, n).who != (unsigned)order[n]) {
            return false;
        }
    }
    return n == f->diary.fired->len;
}

static void
test_clock_stands_at_until(void)
{
    ClockFixture f;

    clocks_init(&f);
    CU_ASSERT_EQUAL(vs_now(&f.run), 0);
    vs_timer_arm(&f.clocks[0].timer, 100);
    vs_timer_arm(&f.clocks[1].timer, 101);

    CU_ASSERT_EQUAL(vs_run_advance(&f.run, 99, UINT64_MAX), VS_RUN_REACHED);
    CU_ASSERT_EQUAL(vs_now(&f.run), 99);
    CU_ASSERT_EQUAL(f.run.n_events, 0);
    CU_ASSERT_EQUAL(vs_run_advance(&f.run, 100, UINT64_MAX), VS_RUN_REACHED);
    CU_ASSERT_EQUAL(f.run.n_events, 1); /* "No later than" includes. */
    CU_ASSERT_EQUAL(vs_run_advance(&f.run, 100, 0), VS_RUN_PAUSED);
    CU_ASSERT_EQUAL(vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX), VS_RUN_REACHED);
    CU_ASSERT_EQUAL(vs_now(&f.run), 101); /* At the last event. */
    CU_ASSERT_EQUAL(f.run.n_events, 2);
    CU_ASSERT_EQUAL(vs_run_advance(&f.run, 50, UINT64_MAX), VS_RUN_REACHED);
    CU_ASSERT_EQUAL(vs_now(&f.run), 101); /* Never back. */
    clocks_clear(&f);
}

static void
test_ties_go_by_entity(void)
{
    ClockFixture f;

    clocks_init(&f);
    vs_timer_arm(&f.clocks[5].timer, 7);
    vs_timer_arm(&f.clocks[2].timer, 7);
    vs_timer_arm(&f.clocks[7].timer, 6);
    vs_timer_arm(&f.clocks[3].timer, 7);
    vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX);
    CU_ASSERT(has_fired(&f, (int[]){7, 2, 3, 5, -1}));
    CU_ASSERT_EQUAL(vs_entity_number(&f.entities[5]), 5);
    clocks_clear(&f);
}

static void
test_ties_of_an_entity_go_by_count(void)
{
    ClockFixture f;

    clocks_init(&f);
    for (unsigned i = 0; i < 8; i++) {
        f.clocks[i].timer.entity = &f.entities[0];
    }
    vs_timer_arm(&f.clocks[3].timer, 7);
    vs_timer_arm(&f.clocks[1].timer, 7);
    vs_timer_arm(&f.clocks[2].timer, 7);
    vs_timer_arm(&f.clocks[3].timer, 7); /* Moved: the latest now. */
    vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX);
    CU_ASSERT(has_fired(&f, (int[]){1, 2, 3, -1}));
    clocks_clear(&f);
}

static void
test_armed_timer_is_moved(void)
{
    ClockFixture f;

    clocks_init(&f);
    vs_timer_arm(&f.clocks[0].timer, 5);
    vs_timer_arm(&f.clocks[0].timer, 9);
    vs_timer_arm(&f.clocks[1].timer, 9);
    vs_timer_arm(&f.clocks[1].timer, 5);
    vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX);
    CU_ASSERT(has_fired(&f, (int[]){1, 0, -1}));
    CU_ASSERT_EQUAL(g_array_index(f.diary.fired, Fired, 0).at, 5);
    CU_ASSERT_EQUAL(g_array_index(f.diary.fired, Fired, 1).at, 9);
    clocks_clear(&f);
}

static void
test_cancelled_in_the_same_instant(void)
{
    ClockFixture f;

    clocks_init(&f);
    f.clocks[0].cancels = &f.clocks[1].timer;
    f.clocks[2].cancels = &f.clocks[2].timer; /* Itself, idle: nothing happens. */
    f.clocks[3].cancels = &f.clocks[0].timer; /* It fired already. */
    for (unsigned i = 0; i < 4; i++) {
        vs_timer_arm(&f.clocks[i].timer, 7);
    }
    vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX);
    CU_ASSERT(has_fired(&f, (int[]){0, 2, 3, -1}));
    CU_ASSERT_FALSE(vs_timer_is_armed(&f.clocks[1].timer));
    clocks_clear(&f);
}

/* Entity 1 is before entity 2, so what it adds to the instant comes first, too. */
static void
test_rearmed_at_the_same_instant(void)
{
    ClockFixture f;

    clocks_init(&f);
    f.clocks[1].n_rearms = 2;
    f.clocks[2].n_rearms = 1;
    for (unsigned i = 1; i < 4; i++) {
        vs_timer_arm(&f.clocks[i].timer, 7);
    }
    vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX);
    CU_ASSERT(has_fired(&f, (int[]){1, 1, 1, 2, 2, 3, -1}));
    CU_ASSERT_EQUAL(vs_now(&f.run), 7);
    clocks_clear(&f);
}

static void
test_first_and_last_instant(void)
{
    ClockFixture f;

    clocks_init(&f);
    f.clocks[1].n_rearms = 1;
    vs_timer_arm(&f.clocks[1].timer, VS_TIME_NEVER - 1);
    vs_timer_arm(&f.clocks[0].timer, 0);
    CU_ASSERT_EQUAL(vs_run_advance(&f.run, VS_TIME_NEVER - 2, UINT64_MAX),
                    VS_RUN_REACHED);
    CU_ASSERT(has_fired(&f, (int[]){0, -1}));
    CU_ASSERT_EQUAL(vs_run_advance(&f.run, VS_TIME_NEVER, UINT64_MAX), VS_RUN_REACHED);
    CU_ASSERT(has_fired(&f, (int[]){0, 1, 1, -1}));
    CU_ASSERT_EQUAL(vs_now(&f.run), VS_TIME_NEVER - 1);
    clocks_clear(&f);
}

/* ---- Runs and their digests ------------------------------------------------------ */

enum { N_WALKERS = 40, TIMERS_A_WALKER = 5 };

/* Re-arms its timers at random times on a coarse grid, so that ties abound; cancels and
 * moves the others of its own. */
typedef struct {
    VsEntity entity;
    VsRng rng;
    VsTimer timers[TIMERS_A_WALKER];
    uint64_t n_fired;
    VsTime grid;
} Walker;

typedef struct {
    VsRun run;
    VsPart part;
    Walker walkers[N_WALKERS];
    uint64_t checksum; /* Of the order in which they fired. */
} Walk;

static void
walker_fire(VsTimer *timer)
{
    Walker *walker = VS_CONTAINER_OF(timer->entity, Walker, entity);
    Walk *walk = VS_CONTAINER_OF(timer->entity->run, Walk, run);
    VsTime now = vs_now(timer->entity->run);
    unsigned other = (unsigned)vs_rng_below(&walker->rng, TIMERS_A_WALKER);

    walker->n_fired++;
    walk->checksum = walk->checksum * 31 + vs_entity_number(&walker->entity);
    if (vs_rng_below(&walker->rng, 4) == 0) {
        vs_timer_cancel(&walker->timers[other]);
    }
    for (unsigned i = 0; i < TIMERS_A_WALKER; i++) {
        if (!vs_timer_is_armed(&walker->timers[i]) || i == other) {
            vs_timer_arm(&walker->timers[i],
                         now + (VsTime)(vs_draw_exponential(&walker->rng) * 20.0) *
                                   walker->grid);
        }
    }
}

static void
walk_init(Walk *walk, uint64_t seed, VsTime grid)
{
    memset(walk, 0, sizeof(*walk));
    vs_run_init(&walk->run, seed);
    vs_part_init(&walk->part, &walk->run);
    for (unsigned i = 0; i < N_WALKERS; i++) {
        Walker *walker = &walk->walkers[i];
        g_autofree char *name = g_strdup_printf("walker-%u", i);

        walker->grid = grid;
        vs_entity_init(&walker->entity, &walk->part);
        vs_rng_init(&walker->rng, seed, name, "delays");
        for (unsigned j = 0; j < TIMERS_A_WALKER; j++) {
            vs_timer_init(&walker->timers[j], &walker->entity, walker_fire);
        }
    }
}

/* Arms the first timers; the entities' turns are shuffled, each keeps its own order. */
static void
walk_arm(Walk *walk, const char *shuffle)
{
    unsigned turns[N_WALKERS * TIMERS_A_WALKER];
    unsigned n_armed[N_WALKERS] = {0};
    VsRng rng;

    for (unsigned i = 0; i < G_N_ELEMENTS(turns); i++) {
        turns[i] = i % N_WALKERS;
    }
    if (shuffle) {
        vs_rng_init(&rng, 1, shuffle, "turns");
        for (unsigned i = G_N_ELEMENTS(turns) - 1; i > 0; i--) {
            unsigned j = (unsigned)vs_rng_below(&rng, i + 1);
            unsigned turn = turns[i];

            turns[i] = turns[j];
            turns[j] = turn;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(turns); i++) {
        Walker *walker = &walk->walkers[turns[i]];

        vs_timer_arm(&walker->timers[n_armed[turns[i]]++], 1000);
    }
}

static const VsTime walk_end = 1000 * VS_MS;

static void
test_digest_ignores_insertion_order(void)
{
    static Walk straight, shuffled;

    walk_init(&straight, 7, VS_MS);
    walk_arm(&straight, NULL);
    vs_run_advance(&straight.run, walk_end, UINT64_MAX);
    CU_ASSERT(straight.run.n_events > 5000);

    for (unsigned i = 0; i < 20; i++) {
        g_autofree char *name = g_strdup_printf("shuffle-%u", i);

        walk_init(&shuffled, 7, VS_MS);
        walk_arm(&shuffled, name);
        vs_run_advance(&shuffled.run, walk_end, UINT64_MAX);
        CU_ASSERT_EQUAL(shuffled.run.digest.sum, straight.run.digest.sum);
        CU_ASSERT_EQUAL(shuffled.run.digest.n_items, straight.run.digest.n_items);
        CU_ASSERT_EQUAL(shuffled.checksum, straight.checksum);
        vs_run_clear(&shuffled.run);
    }
    vs_run_clear(&straight.run);
}

static void
test_digest_tells_runs_apart(void)
{
    static Walk a, b;

    walk_init(&a, 7, VS_MS);
    walk_init(&b, 8, VS_MS);
    walk_arm(&a, NULL);
    walk_arm(&b, NULL);
    vs_run_advance(&a.run, walk_end, UINT64_MAX);
    vs_run_advance(&b.run, walk_end, UINT64_MAX);
    CU_ASSERT_NOT_EQUAL(a.run.digest.sum, b.run.digest.sum);
    CU_ASSERT_EQUAL(a.run.digest.n_items, a.run.n_events);
    vs_run_clear(&a.run);
    vs_run_clear(&b.run);
}

static void
test_pauses_leave_no_trace(void)
{
    static Walk whole, pieces;
    VsRng rng;

    walk_init(&whole, 7, VS_US);
    walk_arm(&whole, NULL);
    vs_run_advance(&whole.run, 5 * VS_MS, UINT64_MAX);

    vs_rng_init(&rng, 1, "pauses", "lengths");
    walk_init(&pieces, 7, VS_US);
    walk_arm(&pieces, NULL);
    for (;;) {
        VsTime until = vs_rng_below(&rng, 2)
                           ? 5 * VS_MS
                           : MIN(5 * VS_MS, vs_now(&pieces.run) + 777777);
        uint64_t n_before = pieces.run.n_events;
        uint64_t n_max = vs_rng_below(&rng, 50);

        if (vs_run_advance(&pieces.run, until, n_max) == VS_RUN_PAUSED) {
            CU_ASSERT_EQUAL(pieces.run.n_events, n_before + n_max);
        } else if (until == 5 * VS_MS) {
            break;
        }
        CU_ASSERT_PTR_NULL(pieces.run.current_part);
    }
    CU_ASSERT_EQUAL(pieces.run.digest.sum, whole.run.digest.sum);
    CU_ASSERT_EQUAL(pieces.run.n_events, whole.run.n_events);
    CU_ASSERT_EQUAL(pieces.checksum, whole.checksum);
    CU_ASSERT_EQUAL(vs_now(&pieces.run), vs_now(&whole.run));
    vs_run_clear(&whole.run);
    vs_run_clear(&pieces.run);
}

static gpointer
walk_in_thread(gpointer walk_)
{
    Walk *walk = walk_;

    vs_run_advance(&walk->run, 100 * VS_MS, UINT64_MAX);
    return NULL;
}

static void
test_runs_in_threads(void)
{
    enum { N = 4 };
    static Walk alone[N], together[N];
    GThread *threads[N];

    for (unsigned i = 0; i < N; i++) {
        walk_init(&alone[i], i, VS_US);
        walk_arm(&alone[i], NULL);
        walk_init(&together[i], i, VS_US);
        walk_arm(&together[i], NULL);
    }
    for (unsigned i = 0; i < N; i++) {
        threads[i] = g_thread_new("walk", walk_in_thread, &together[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        g_thread_join(threads[i]);
        walk_in_thread(&alone[i]);
        CU_ASSERT(alone[i].run.n_events > 100000);
        CU_ASSERT_EQUAL(together[i].run.digest.sum, alone[i].run.digest.sum);
        CU_ASSERT_EQUAL(together[i].run.n_events, alone[i].run.n_events);
        CU_ASSERT_EQUAL(together[i].checksum, alone[i].checksum);
        vs_run_clear(&alone[i].run);
        vs_run_clear(&together[i].run);
    }
}

static void
test_no_allocation_after_warm_up(void)
{
    static const VsTime grids[] = {1, VS_NS, VS_MS};

    for (unsigned i = 0; i < G_N_ELEMENTS(grids); i++) {
        static Walk walk;
        uint64_t n_before;

        walk_init(&walk, 7, grids[i]);
        walk_arm(&walk, NULL);
        vs_run_advance(&walk.run, VS_TIME_NEVER, 300000);
        n_before = vs_n_allocations;
        vs_run_advance(&walk.run, VS_TIME_NEVER, 1000000);
        CU_ASSERT_EQUAL(walk.run.n_events, 1300000);
        CU_ASSERT_EQUAL(vs_n_allocations, n_before);
        CU_ASSERT(!vs_can_count_allocations || n_before > 0);
        vs_run_clear(&walk.run);
    }
}

static const VsTestCase tests[] = {
    {"the clock stands at 'until', or at the last event", test_clock_stands_at_until},
    {"ties go by the entity's number", test_ties_go_by_entity},
    {"ties of one entity go by its count", test_ties_of_an_entity_go_by_count},
    {"arming an armed timer moves it", test_armed_timer_is_moved},
    {"a timer cancelled in its own instant does not fire",
     test_cancelled_in_the_same_instant},
    {"a timer may be armed again for the present instant",
     test_rearmed_at_the_same_instant},
    {"the first and the last instant work", test_first_and_last_instant},
    {"the digest does not show who was inserted first",
     test_digest_ignores_insertion_order},
    {"the digest shows another seed", test_digest_tells_runs_apart},
    {"pauses leave no trace in the digest", test_pauses_leave_no_trace},
    {"runs in threads do what they do in sequence", test_runs_in_threads},
    {"nothing is allocated after warm-up", test_no_allocation_after_warm_up},
    {0},
};
VS_TESTS("run")

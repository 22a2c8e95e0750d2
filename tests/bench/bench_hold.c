/* The hold model: the first of N pending timers goes and comes again a random time later.
 *
 * usage: bench_hold set|events exponential|bimodal|equal N [MILLION_HOLDS]
 *
 * "set" measures the pending set alone; "events" a run whose timers arm themselves again
 * as they fire.  Each timer is embedded in an owner of 128 bytes.  Prints million holds per
 * second of processor time, after a warm-up. */
#include <glib.h>
#include <stdlib.h>

#include "engine/run.h"
#include "tests/bench/bench.h"

typedef struct Owner {
    VsTimer timer;
    uint64_t n_fired;
    char rest[128 - sizeof(VsTimer) - sizeof(uint64_t)];
} Owner;

_Static_assert(sizeof(Owner) == 128, "two cache lines");

static VsTime increments[BENCH_N_INCREMENTS];
static uint64_t n_holds;

static inline VsTime
next_increment(void)
{
    return increments[n_holds++ % BENCH_N_INCREMENTS];
}

static void
fire(VsTimer *timer)
{
    VS_CONTAINER_OF(timer, Owner, timer)->n_fired++;
    vs_timer_arm(timer, timer->due + next_increment());
}

static void
hold_in_set(VsRun *run, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        VsTimer *timer = vs_calendar_pop(&run->pending, VS_TIME_NEVER);

        VS_CONTAINER_OF(timer, Owner, timer)->n_fired++;
        timer->due += next_increment();
        timer->order = timer->entity->next_order++;
        vs_calendar_insert(&run->pending, timer);
    }
}

static void
hold(VsRun *run, bool is_set, uint64_t n)
{
    if (is_set) {
        hold_in_set(run, n);
    } else {
        vs_run_advance(run, VS_TIME_NEVER, n);
    }
}

int
main(int argc, char **argv)
{
    bool is_set = argc > 1 && strcmp(argv[1], "set") == 0;
    BenchLaw law = bench_law(argc > 2 ? argv[2] : "exponential");
    size_t n_timers = (size_t)bench_number(argc, argv, 3, "N", 1000);
    uint64_t n = (uint64_t)(bench_number(argc, argv, 4, "MILLION_HOLDS", 5) * 1e6);
    Owner *owners = g_new0(Owner, n_timers);
    uint64_t random = 1;
    VsRun run;
    VsPart part;
    VsEntity entity;
    double seconds;

    vs_run_init(&run, 1);
    vs_part_init(&part, &run);
    vs_entity_init(&entity, &part);
    for (size_t i = 0; i < BENCH_N_INCREMENTS; i++) {
        increments[i] = bench_increment(law, &random);
    }
    for (size_t i = 0; i < n_timers; i++) {
        vs_timer_init(&owners[i].timer, &entity, fire);
        vs_timer_arm(&owners[i].timer, bench_first(law, &random));
    }

    hold(&run, is_set, BENCH_WARM_UP_HOLDS(n_timers));
    seconds = -bench_seconds();
    hold(&run, is_set, n);
    seconds += bench_seconds();
    g_print("%.4f\n", (double)n / seconds / 1e6);

    for (size_t i = 0; i < n_timers; i++) {
        vs_timer_cancel(&owners[i].timer);
    }
    vs_run_clear(&run);
    g_free(owners);
    return EXIT_SUCCESS;
}

/* Streams of random numbers belong to entities: one more changes nobody else's. */
#include <glib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "engine/run.h"
#include "vs_test.h"

enum { N_DRAWS = 200 };

/* A source of Poisson events that writes down when they happen. */
typedef struct {
    VsEntity entity;
    VsTimer timer;
    VsRng rng;
    VsTime at[N_DRAWS];
    unsigned n;
} Source;

static void
source_fire(VsTimer *timer)
{
    Source *source = VS_CONTAINER_OF(timer, Source, timer);
    VsTime now = vs_now(timer->entity->run);

    source->at[source->n++] = now;
    if (source->n < N_DRAWS) {
        vs_timer_arm(timer, now + (VsTime)(vs_draw_exponential(&source->rng) * 1e9));
    }
}

/* Runs the sources with these names together. */
static void
run_sources(Source *sources, const char *const *names, unsigned n_sources,
            uint64_t seed)
{
    VsRun run;
    VsPart part;

    vs_run_init(&run, seed);
    vs_part_init(&part, &run);
    for (unsigned i = 0; i < n_sources; i++) {
        sources[i].n = 0;
        vs_entity_init(&sources[i].entity, &part);
        vs_timer_init(&sources[i].timer, &sources[i].entity, source_fire);
        vs_rng_init(&sources[i].rng, run.seed, names[i], "arrivals");
        vs_timer_arm(&sources[i].timer, 0);
    }
    vs_run_advance(&run, VS_TIME_NEVER, UINT64_MAX);
    CU_ASSERT_EQUAL(run.n_events, n_sources * N_DRAWS);
    vs_run_clear(&run);
}

static bool
is_same(const Source *a, const Source *b)
{
    return memcmp(a->at, b->at, sizeof(a->at)) == 0;
}

static void
test_new_entity_changes_no_others(void)
{
    static Source two[2], three[3];

    run_sources(two, (const char *const[]){"a", "b"}, 2, 7);
    run_sources(three, (const char *const[]){"a", "new", "b"}, 3, 7);
    CU_ASSERT(is_same(&two[0], &three[0]));
    CU_ASSERT(is_same(&two[1], &three[2]));
    CU_ASSERT_FALSE(is_same(&three[0], &three[1]));
    CU_ASSERT_FALSE(is_same(&two[0], &two[1]));
}

static void
test_order_of_entities_changes_no_draws(void)
{
    static Source there[2], back[2];

    run_sources(there, (const char *const[]){"a", "b"}, 2, 7);
    run_sources(back, (const char *const[]){"b", "a"}, 2, 7);
    CU_ASSERT(is_same(&there[0], &back[1]));
    CU_ASSERT(is_same(&there[1], &back[0]));
}

static void
test_seed_changes_all(void)
{
    static Source seven[2], eight[2];

    run_sources(seven, (const char *const[]){"a", "b"}, 2, 7);
    run_sources(eight, (const char *const[]){"a", "b"}, 2, 8);
    CU_ASSERT_FALSE(is_same(&seven[0], &eight[0]));
    CU_ASSERT_FALSE(is_same(&seven[1], &eight[1]));
}

/* More draws for one purpose leave another purpose of the same entity as it was. */
static void
test_purposes_are_apart(void)
{
    VsRng sizes, sizes_again, arrivals;

    vs_rng_init(&sizes, 7, "client", "sizes");
    vs_rng_init(&sizes_again, 7, "client", "sizes");
    vs_rng_init(&arrivals, 7, "client", "arrivals");
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t draw = vs_rng_u64(&sizes);

        for (unsigned j = 0; j < i % 7; j++) {
            CU_ASSERT_NOT_EQUAL(vs_rng_u64(&arrivals), draw);
        }
        CU_ASSERT_EQUAL(vs_rng_u64(&sizes_again), draw);
    }
}

static const VsTestCase tests[] = {
    {"a new entity changes nobody else's draws", test_new_entity_changes_no_others},
    {"the order of entities changes nobody's draws",
     test_order_of_entities_changes_no_draws},
    {"another seed changes everybody's draws", test_seed_changes_all},
    {"purposes of one entity are apart", test_purposes_are_apart},
    {0},
};
VS_TESTS("rng streams")

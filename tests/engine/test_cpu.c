/* CPU time: processor sharing against a slow twin and closed forms, quotas by hand. */
#include <glib.h>
#include <math.h>

#include "base/dist.h"
#include "base/rng.h"
#include "engine/cpu.h"
#include "engine/run.h"
#include "tests/oracle/oracle.h"

typedef struct Task {
    VsCpuTask cpu;
    VsTimer arrival;
    VsTime came;
    VsTime work;
    VsTime left; /* -1: not yet. */
} Task;

typedef struct CpuFixture {
    VsRun run;
    VsPart part;
    VsEntity entity;
    VsCpu cpu;
    Task *tasks;
    unsigned n_tasks;
} CpuFixture;

static void
task_done(VsCpuTask *cpu_task)
{
    Task *task = VS_CONTAINER_OF(cpu_task, Task, cpu);

    task->left = vs_now(task->arrival.entity->run);
}

static void
task_arrives(VsTimer *timer)
{
    CpuFixture *f = VS_CONTAINER_OF(timer->entity, CpuFixture, entity);
    Task *task = VS_CONTAINER_OF(timer, Task, arrival);

    vs_cpu_start(&f->cpu, &task->cpu, task->work);
}

static void
cpu_fixture(CpuFixture *f, unsigned n_tasks, VsCpuConfig config)
{
    memset(f, 0, sizeof(*f));
    vs_run_init(&f->run, 1);
    vs_part_init(&f->part, &f->run);
    vs_entity_init(&f->entity, &f->part);
    vs_cpu_init(&f->cpu, &f->entity, &config);
    f->tasks = g_new0(Task, n_tasks);
    f->n_tasks = n_tasks;
}

static void
arrive_at(CpuFixture *f, unsigned i, VsTime at, VsTime work)
{
    Task *task = &f->tasks[i];

    *task = (Task){.cpu = {.done = task_done}, .came = at, .work = work, .left = -1};
    vs_timer_init(&task->arrival, &f->entity, task_arrives);
    vs_timer_arm(&task->arrival, at);
}

static void
run_until(CpuFixture *f, VsTime until)
{
    vs_run_advance(&f->run, until, UINT64_MAX);
}

static void
cpu_clear(CpuFixture *f)
{
    vs_cpu_clear(&f->cpu);
    vs_run_clear(&f->run);
    g_free(f->tasks);
}

static void
test_tasks_share_a_core(void)
{
    CpuFixture f;

    cpu_fixture(&f, 3, (VsCpuConfig){.n_cores = 1});
    arrive_at(&f, 0, 0, 10);
    arrive_at(&f, 1, 4, 10);
    arrive_at(&f, 2, 30, 5);
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(f.tasks[0].left, 4 + 2 * 6); /* 4 alone, 6 at half speed. */
    CU_ASSERT_EQUAL(f.tasks[1].left, 16 + 4);
    CU_ASSERT_EQUAL(f.tasks[2].left, 35);
    CU_ASSERT_EQUAL(f.cpu.used, 25);
    cpu_clear(&f);
}

static void
test_more_cores_than_tasks_do_not_help(void)
{
    CpuFixture f;

    cpu_fixture(&f, 3, (VsCpuConfig){.n_cores = 2});
    arrive_at(&f, 0, 0, 12);
    arrive_at(&f, 1, 0, 12);
    arrive_at(&f, 2, 6, 12);
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(f.tasks[0].left, 6 + 9); /* At 2/3 of a core from 6 on. */
    CU_ASSERT_EQUAL(f.tasks[1].left, 15);
    CU_ASSERT_EQUAL(f.tasks[2].left, 15 + 6); /* 6 done by then, 6 alone. */
    cpu_clear(&f);
}

/* 0.4 cores: 40 ms of each 100 ms.  100 ms of work are done after two whole periods and 20
 * ms of the third. */
static void
test_work_alone_under_a_quota(void)
{
    CpuFixture f;

    cpu_fixture(
        &f, 1, (VsCpuConfig){.n_cores = 8, .quota = 40 * VS_MS, .period = 100 * VS_MS});
    arrive_at(&f, 0, 0, 100 * VS_MS);
    run_until(&f, VS_S);
    CU_ASSERT_EQUAL(f.tasks[0].left, 220 * VS_MS);
    CU_ASSERT_EQUAL(f.tasks[0].cpu.throttled, 120 * VS_MS);
    CU_ASSERT_EQUAL(f.cpu.n_throttled, 2);
    CU_ASSERT_EQUAL(f.cpu.used, 100 * VS_MS);
    cpu_clear(&f);
}

/* Begun at 70 ms: 30 ms until 100, 40 until 140, 30 from 200 on; unless periods begin at 70
 * ms, too. */
static void
test_where_a_period_begins_matters(void)
{
    static const struct {
        VsTime period_start, left;
    } cases[] = {
        {0, 230 * VS_MS}, {70 * VS_MS, 290 * VS_MS}, {270 * VS_MS, 290 * VS_MS}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        CpuFixture f;

        cpu_fixture(&f, 1,
                    (VsCpuConfig){.n_cores = 1,
                                  .quota = 40 * VS_MS,
                                  .period = 100 * VS_MS,
                                  .period_start = cases[i].period_start});
        arrive_at(&f, 0, 70 * VS_MS, 100 * VS_MS);
        run_until(&f, VS_S);
        CU_ASSERT_EQUAL(f.tasks[0].left, cases[i].left);
        cpu_clear(&f);
    }
}

/* Eight threads use 80 ms of quota in 10 ms, and all wait for the rest of the period. */
static void
test_threads_use_the_quota_together(void)
{
    CpuFixture f;

    cpu_fixture(
        &f, 8, (VsCpuConfig){.n_cores = 8, .quota = 80 * VS_MS, .period = 100 * VS_MS});
    for (unsigned i = 0; i < 8; i++) {
        arrive_at(&f, i, 0, 25 * VS_MS);
    }
    run_until(&f, VS_S);
    for (unsigned i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(f.tasks[i].left, 205 * VS_MS);
    }
    CU_ASSERT_EQUAL(f.cpu.n_throttled, 2);
    cpu_clear(&f);
}

/* What was left of earlier periods is not there any more. */
static void
test_quota_is_not_saved_up(void)
{
    CpuFixture f;

    cpu_fixture(
        &f, 2, (VsCpuConfig){.n_cores = 1, .quota = 40 * VS_MS, .period = 100 * VS_MS});
    arrive_at(&f, 0, 0, VS_MS);
    arrive_at(&f, 1, 500 * VS_MS, 50 * VS_MS);
    run_until(&f, VS_S);
    CU_ASSERT_EQUAL(f.tasks[0].left, VS_MS);
    CU_ASSERT_EQUAL(f.tasks[1].left, 610 * VS_MS);
    cpu_clear(&f);
}

static void
test_stopped_nobody_advances(void)
{
    CpuFixture f;

    cpu_fixture(&f, 2, (VsCpuConfig){.n_cores = 1});
    arrive_at(&f, 0, 0, 10);
    arrive_at(&f, 1, 6, 10);
    run_until(&f, 4);
    vs_cpu_stop(&f.cpu);
    run_until(&f, 100);
    CU_ASSERT_EQUAL(f.tasks[0].left, -1);
    vs_cpu_resume(&f.cpu);
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(f.tasks[0].left, 100 + 2 * 6);
    CU_ASSERT_EQUAL(f.tasks[1].left, 112 + 4);
    cpu_clear(&f);
}

/* Ends are whole ps, which others feel: in work of some 10^8 ps. */
#define ROUNDED 1000

/* The same by brute force: remaining work of each, in parts that no division rounds. */
typedef struct Twin {
    long double remaining[64];
    bool is_here[64];
    unsigned n_here;
} Twin;

static long double
twin_step(Twin *twin, unsigned n_cores, long double now, long double until)
{
    long double rate = fminl(1, (long double)n_cores / MAX(twin->n_here, 1));
    long double first = until;

    for (unsigned i = 0; i < 64; i++) {
        if (twin->is_here[i]) {
            first = fminl(first, now + twin->remaining[i] / rate);
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        twin->remaining[i] -= twin->is_here[i] ? (first - now) * rate : 0;
    }
    return first;
}

static void
twin_check(const CpuFixture *f, unsigned n_cores, const bool *is_cancelled)
{
    Twin twin = {0};
    long double now = 0;
    unsigned next = 0;

    while (next < f->n_tasks || twin.n_here > 0) {
        long double until =
            next < f->n_tasks ? (long double)f->tasks[next].came : INFINITY;

        now = twin_step(&twin, n_cores, now, until);
        for (unsigned i = 0; i < f->n_tasks; i++) {
            if (twin.is_here[i] && twin.remaining[i] < 1e-2L) {
                twin.is_here[i] = false;
                twin.n_here--;
                CU_ASSERT(fabsl((long double)f->tasks[i].left - now) <= ROUNDED);
            }
        }
        if (next < f->n_tasks && now >= until) {
            twin.is_here[next] = !is_cancelled[next];
            twin.n_here += !is_cancelled[next];
            twin.remaining[next] = (long double)f->tasks[next].work;
            next++;
        }
    }
}

static void
test_ends_are_those_of_a_slow_twin(void)
{
    static const bool nobody[64];

    for (unsigned n_cores = 1; n_cores <= 4; n_cores++) {
        CpuFixture f;
        VsTime at = 0;
        VsRng rng;

        vs_rng_init(&rng, n_cores, "cpu", "twin");
        cpu_fixture(&f, 64, (VsCpuConfig){.n_cores = n_cores});
        for (unsigned i = 0; i < 64; i++) {
            at += (VsTime)vs_rng_below(&rng, 100000000) + 1;
            arrive_at(&f, i, at, (VsTime)vs_rng_below(&rng, 200000000 * n_cores) + 1);
        }
        run_until(&f, VS_TIME_NEVER);
        twin_check(&f, n_cores, nobody);
        cpu_clear(&f);
    }
}

/* Half of them leave as soon as they came: the others do not notice. */
static void
test_cancelled_tasks_leave_no_trace(void)
{
    bool is_cancelled[64];
    CpuFixture f;
    VsRng rng;

    vs_rng_init(&rng, 1, "cpu", "cancel");
    cpu_fixture(&f, 64, (VsCpuConfig){.n_cores = 2});
    for (unsigned i = 0; i < 64; i++) {
        is_cancelled[i] = vs_rng_below(&rng, 2);
        arrive_at(&f, i, 1000 * (VsTime)(i + 1), (VsTime)vs_rng_below(&rng, 9000) + 1);
    }
    for (unsigned i = 0; i < 64; i++) {
        run_until(&f, 1000 * (VsTime)(i + 1));
        if (is_cancelled[i]) {
            vs_cpu_cancel(&f.cpu, &f.tasks[i].cpu);
            vs_cpu_cancel(&f.cpu, &f.tasks[i].cpu);
        }
    }
    run_until(&f, VS_TIME_NEVER);
    twin_check(&f, 2, is_cancelled);
    cpu_clear(&f);
}

/* M/G/1-PS: mean time E[S] / (1 - rho), whatever the law of the service. */
static void
check_sharing_mean(const char *service)
{
    enum { N = 400000 };
    static const double rho = 0.7;
    OracleSeries visits = {0};
    OracleInterval interval;
    CpuFixture f;
    VsTime at = 0;
    VsDist law;
    VsRng rng;

    CU_ASSERT_FATAL(vs_dist_parse(service, &law, NULL));
    vs_rng_init(&rng, 3, "cpu", service);
    cpu_fixture(&f, N, (VsCpuConfig){.n_cores = 1});
    for (unsigned i = 0; i < N; i++) {
        at += (VsTime)(vs_draw_exponential(&rng) * (double)VS_MS / rho);
        arrive_at(&f, i, at, vs_dist_draw(&law, &rng));
    }
    run_until(&f, VS_TIME_NEVER);
    for (unsigned i = 0; i < N; i++) {
        oracle_add(&visits,
                   (double)(f.tasks[i].left - f.tasks[i].came) / (double)VS_MS);
    }
    interval = oracle_interval(&visits, oracle_warm_up(&visits), 0.9999);
    CU_ASSERT(fabs(interval.mean - 1 / (1 - rho)) < interval.half);
    CU_ASSERT(interval.half < 0.1 / (1 - rho));
    oracle_clear(&visits);
    vs_dist_clear(&law);
    cpu_clear(&f);
}

static void
test_mean_of_sharing_does_not_depend_on_the_law(void)
{
    check_sharing_mean("constant(1ms)");
    check_sharing_mean("exponential(1ms)");
    check_sharing_mean("hyperexponential(1ms,4)");
}

static const VsTestCase tests[] = {
    {"tasks share a core", test_tasks_share_a_core},
    {"a task has at most one core", test_more_cores_than_tasks_do_not_help},
    {"0.4 cores take 220 ms for 100 ms of work", test_work_alone_under_a_quota},
    {"where a period begins matters", test_where_a_period_begins_matters},
    {"threads use a quota together", test_threads_use_the_quota_together},
    {"a quota is not saved up", test_quota_is_not_saved_up},
    {"stopped, nobody advances", test_stopped_nobody_advances},
    {"ends are those of a slow twin", test_ends_are_those_of_a_slow_twin},
    {"the cancelled leave no trace", test_cancelled_tasks_leave_no_trace},
    {"M/G/1-PS: the mean is that of any law",
     test_mean_of_sharing_does_not_depend_on_the_law},
    {0},
};
VS_TESTS("cpu")

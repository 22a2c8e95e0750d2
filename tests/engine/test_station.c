/* Stations: first come, first served, by c workers before a queue of limited length. */
#include <glib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "engine/run.h"
#include "engine/station.h"
#include "vs_test.h"

enum { N_JOBS = 64 };

/* A customer: submits itself when its timer fires. */
typedef struct {
    VsJob job;
    VsTimer arrival;
    VsTime work;
    VsTime left; /* -1: not yet. */
    bool is_refused;
    bool returns; /* Submits itself again, once, when served. */
} Customer;

typedef struct {
    VsRun run;
    VsPart part;
    VsEntity entity;
    VsStation station;
    Customer *customers;
    unsigned n_customers;
    GArray *served; /* Numbers of customers, in order. */
} StationFixture;

static VsTime
customer_work(VsStation *station, VsJob *job)
{
    (void)station;
    return VS_CONTAINER_OF(job, Customer, job)->work;
}

static void
customer_served(VsStation *station, VsJob *job)
{
    StationFixture *f = VS_CONTAINER_OF(station, StationFixture, station);
    Customer *customer = VS_CONTAINER_OF(job, Customer, job);
    unsigned number = (unsigned)(customer - f->customers);

    customer->left = vs_now(&f->run);
    g_array_append_val(f->served, number);
    if (customer->returns) {
        customer->returns = false;
        customer->is_refused = !vs_station_submit(station, job);
    }
}

static const VsStationOps customer_ops = {.work = customer_work, .served = customer_served};

static void
customer_arrives(VsTimer *timer)
{
    StationFixture *f = VS_CONTAINER_OF(timer->entity, StationFixture, entity);
    Customer *customer = VS_CONTAINER_OF(timer, Customer, arrival);

    customer->is_refused = !vs_station_submit(&f->station, &customer->job);
    CU_ASSERT(vs_queue_stat_balances(&f->station.stat, vs_now(&f->run)));
    CU_ASSERT(vs_queue_stat_balances(&f->station.queue_stat, vs_now(&f->run)));
}

static void
station_fixture(StationFixture *f, unsigned n_customers, unsigned n_workers,
                uint32_t queue_max)
{
    memset(f, 0, sizeof(*f));
    vs_run_init(&f->run, 1);
    vs_part_init(&f->part, &f->run);
    vs_entity_init(&f->entity, &f->part);
    vs_station_init(&f->station, &f->entity, n_workers, queue_max, &customer_ops);
    f->customers = g_new0(Customer, n_customers);
    f->n_customers = n_customers;
    f->served = g_array_new(FALSE, FALSE, sizeof(unsigned));
    for (unsigned i = 0; i < n_customers; i++) {
        vs_timer_init(&f->customers[i].arrival, &f->entity, customer_arrives);
        f->customers[i].left = -1;
    }
}

static void
arrive_at(StationFixture *f, unsigned i, VsTime at, VsTime work)
{
    f->customers[i].work = work;
    vs_timer_arm(&f->customers[i].arrival, at);
}

static void
run_until(StationFixture *f, VsTime until)
{
    vs_run_advance(&f->run, until, UINT64_MAX);
}

static unsigned
served_at(const StationFixture *f, unsigned i)
{
    return i < f->served->len ? g_array_index(f->served, unsigned, i) : UINT_MAX;
}

/* Checks that what came in went out, and Little's law. */
static void
station_clear(StationFixture *f)
{
    const VsStation *station = &f->station;
    VsTime now = vs_now(&f->run);

    CU_ASSERT_EQUAL(station->stat.n_now, station->n_busy + station->n_queued);
    CU_ASSERT_EQUAL(station->queue_stat.n_now, station->n_queued);
    CU_ASSERT_EQUAL(station->stat.n_arrived,
                    station->stat.n_left + station->stat.n_now);
    CU_ASSERT(vs_queue_stat_balances(&station->stat, now));
    CU_ASSERT(vs_queue_stat_balances(&station->queue_stat, now));
    vs_run_clear(&f->run);
    g_array_free(f->served, TRUE);
    g_free(f->customers);
}

static void
test_first_come_first_served(void)
{
    StationFixture f;

    station_fixture(&f, 4, 1, UINT32_MAX);
    arrive_at(&f, 0, 0, 10);
    arrive_at(&f, 1, 1, 5);
    arrive_at(&f, 2, 2, 1);
    arrive_at(&f, 3, 30, 7); /* The worker is idle from 16 on. */
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(f.customers[0].left, 10);
    CU_ASSERT_EQUAL(f.customers[1].left, 10 + 5);
    CU_ASSERT_EQUAL(f.customers[2].left, 10 + 5 + 1);
    CU_ASSERT_EQUAL(f.customers[3].left, 30 + 7);
    CU_ASSERT_EQUAL(f.station.busy, 10 + 5 + 1 + 7);
    CU_ASSERT_EQUAL(f.station.n_served, 4);
    CU_ASSERT_EQUAL(f.station.queue_stat.visits, 0 + 9 + 13 + 0);
    CU_ASSERT_EQUAL(f.station.stat.visits, 10 + 14 + 14 + 7);
    CU_ASSERT_EQUAL(f.station.stat.n_max, 3);
    CU_ASSERT_EQUAL(f.station.queue_stat.n_max, 2);
    station_clear(&f);
}

static void
test_workers_share_one_queue(void)
{
    StationFixture f;

    station_fixture(&f, 4, 2, UINT32_MAX);
    arrive_at(&f, 0, 0, 10);
    arrive_at(&f, 1, 0, 3);
    arrive_at(&f, 2, 0, 4); /* The second worker's at 3... */
    arrive_at(&f, 3, 0, 1); /* ...and again at 7. */
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(f.customers[0].left, 10);
    CU_ASSERT_EQUAL(f.customers[1].left, 3);
    CU_ASSERT_EQUAL(f.customers[2].left, 7);
    CU_ASSERT_EQUAL(f.customers[3].left, 8);
    station_clear(&f);
}

static void
test_full_queue_refuses(void)
{
    StationFixture f;

    station_fixture(&f, 5, 1, 2);
    for (unsigned i = 0; i < 4; i++) {
        arrive_at(&f, i, i,
                  10); /* One in service, two wait, the fourth is one too many. */
    }
    arrive_at(&f, 4, 11, 10); /* One has left: there is room again. */
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_FALSE(f.customers[2].is_refused);
    CU_ASSERT(f.customers[3].is_refused);
    CU_ASSERT_FALSE(f.customers[4].is_refused);
    CU_ASSERT_EQUAL(f.station.n_refused, 1);
    CU_ASSERT_EQUAL(f.station.n_served, 4);
    CU_ASSERT_EQUAL(f.customers[4].left, 40);
    CU_ASSERT_EQUAL(f.station.stat.n_max, 3); /* K of G/G/1/K. */
    station_clear(&f);
}

static void
test_no_queue_at_all(void)
{
    StationFixture f;

    station_fixture(&f, 4, 2, 0);
    arrive_at(&f, 0, 0, 10);
    arrive_at(&f, 1, 1, 10);
    arrive_at(&f, 2, 2, 10);
    arrive_at(&f, 3, 10,
              10); /* At the instant in which the first leaves, but armed before. */
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT(f.customers[2].is_refused);
    CU_ASSERT(f.customers[3].is_refused);
    CU_ASSERT_EQUAL(f.station.n_refused, 2);
    CU_ASSERT_EQUAL(f.station.queue_stat.n_arrived, 0);
    station_clear(&f);
}

static void
test_no_work_takes_no_time_but_an_event(void)
{
    StationFixture f;

    station_fixture(&f, 3, 1, UINT32_MAX);
    for (unsigned i = 0; i < 3; i++) {
        arrive_at(&f, i, 5, 0);
    }
    run_until(&f, VS_TIME_NEVER);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(served_at(&f, i), i);
        CU_ASSERT_EQUAL(f.customers[i].left, 5);
    }
    station_clear(&f);
}

/* One who returns goes to the end of the queue. */
static void
test_served_may_submit_again(void)
{
    StationFixture f;

    station_fixture(&f, 3, 1, 2);
    for (unsigned i = 0; i < 3; i++) {
        arrive_at(&f, i, 0, 10);
    }
    f.customers[0].returns = true;
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(served_at(&f, 0), 0);
    CU_ASSERT_EQUAL(served_at(&f, 1), 1);
    CU_ASSERT_EQUAL(served_at(&f, 2), 2);
    CU_ASSERT_EQUAL(served_at(&f, 3), 0);
    CU_ASSERT_EQUAL(f.customers[0].left, 40);
    CU_ASSERT_EQUAL(f.station.n_refused, 0);
    station_clear(&f);
}

static void
test_one_who_waits_is_withdrawn(void)
{
    for (unsigned gone = 1; gone < 4; gone++) { /* First, in the middle, last. */
        StationFixture f;
        unsigned n = 0;

        station_fixture(&f, 5, 1, UINT32_MAX);
        for (unsigned i = 0; i < 4; i++) {
            arrive_at(&f, i, 0, 10);
        }
        arrive_at(&f, 4, 6, 10);
        run_until(&f, 5);
        vs_station_withdraw(&f.station, &f.customers[gone].job);
        CU_ASSERT_EQUAL(f.station.n_queued, 2);
        run_until(&f, VS_TIME_NEVER);
        CU_ASSERT_EQUAL(f.served->len, 4);
        for (unsigned i = 0; i < 5; i++) {
            if (i != gone) {
                CU_ASSERT_EQUAL(served_at(&f, n), i);
                CU_ASSERT_EQUAL(f.customers[i].left, 10 * (VsTime)++n);
            }
        }
        CU_ASSERT_EQUAL(f.customers[gone].left, -1);
        station_clear(&f);
    }
}

static void
test_one_in_service_is_withdrawn(void)
{
    StationFixture f;

    station_fixture(&f, 2, 1, UINT32_MAX);
    arrive_at(&f, 0, 0, 10);
    arrive_at(&f, 1, 0, 10);
    run_until(&f, 4);
    vs_station_withdraw(&f.station, &f.customers[0].job);
    CU_ASSERT_EQUAL(f.station.busy, 4); /* What was done is not undone. */
    CU_ASSERT_EQUAL(f.station.n_busy, 1);
    run_until(&f, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(f.customers[0].left, -1);
    CU_ASSERT_EQUAL(f.customers[1].left, 14);
    CU_ASSERT_EQUAL(f.station.busy, 14);
    CU_ASSERT_EQUAL(f.station.n_served, 1);

    vs_station_submit(&f.station, &f.customers[0].job);
    vs_station_withdraw(&f.station, &f.customers[0].job);
    CU_ASSERT_EQUAL(f.station.n_busy, 0);
    CU_ASSERT_EQUAL(f.station.stat.n_now, 0);
    station_clear(&f);
}

/* Kiefer and Wolfowitz: each goes to the worker that is free first. */
static void
test_departures_follow_the_recursion(void)
{
    enum { N = 20000 };

    for (unsigned n_workers = 1; n_workers <= 5; n_workers += 2) {
        VsTime free_at[5] = {0};
        VsTime arrived[N];
        StationFixture f;
        VsTime at = 0;
        VsTime busy = 0;
        VsRng rng;

        vs_rng_init(&rng, 1, "station", "recursion");
        station_fixture(&f, N, n_workers, UINT32_MAX);
        for (unsigned i = 0; i < N; i++) {
            at += (VsTime)vs_rng_below(&rng, 40) + 1;
            arrived[i] = at;
            arrive_at(&f, i, at, (VsTime)vs_rng_below(&rng, 38 * n_workers));
        }
        run_until(&f, VS_TIME_NEVER);
        for (unsigned i = 0; i < N; i++) {
            VsTime *first = &free_at[0];

            for (unsigned k = 1; k < n_workers; k++) {
                first = free_at[k] < *first ? &free_at[k] : first;
            }
            *first = MAX(arrived[i], *first) + f.customers[i].work;
            busy += f.customers[i].work;
            if (f.customers[i].left != *first) {
                CU_FAIL("a customer left at another time than the recursion says");
                break;
            }
        }
        CU_ASSERT_EQUAL(f.station.busy, busy);
        CU_ASSERT_EQUAL(f.station.n_served, N);
        station_clear(&f);
    }
}

/* Arrivals, withdrawals and refusals at random, with the books checked at every
 * arrival. */
static void
test_books_balance_under_random_use(void)
{
    StationFixture f;
    uint64_t n_withdrawn = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "station", "random use");
    station_fixture(&f, N_JOBS, 3, 10);
    for (unsigned n = 0; n < 50000; n++) {
        Customer *customer = &f.customers[vs_rng_below(&rng, N_JOBS)];
        bool is_inside = vs_timer_is_armed(&customer->job.done);

        for (const VsJob *job = f.station.first; job; job = job->next) {
            is_inside |= job == &customer->job;
        }
        if (is_inside && vs_rng_below(&rng, 3) == 0) {
            vs_station_withdraw(&f.station, &customer->job);
            n_withdrawn++;
        } else if (!is_inside && !vs_timer_is_armed(&customer->arrival)) {
            customer->work = (VsTime)vs_rng_below(&rng, 1000);
            vs_timer_arm(&customer->arrival,
                         vs_now(&f.run) + (VsTime)vs_rng_below(&rng, 300));
        }
        run_until(&f, vs_now(&f.run) + (VsTime)vs_rng_below(&rng, 100));
    }
    CU_ASSERT(n_withdrawn > 1000 && f.station.n_refused > 1000);
    CU_ASSERT_EQUAL(f.station.stat.n_arrived,
                    f.station.n_served + n_withdrawn + f.station.stat.n_now);
    station_clear(&f);
}

static const VsTestCase tests[] = {
    {"one worker serves in order of arrival", test_first_come_first_served},
    {"workers share one queue", test_workers_share_one_queue},
    {"a full queue refuses", test_full_queue_refuses},
    {"without a queue only workers count", test_no_queue_at_all},
    {"work of no time keeps the order", test_no_work_takes_no_time_but_an_event},
    {"one who was served may come again", test_served_may_submit_again},
    {"one who waits may be withdrawn", test_one_who_waits_is_withdrawn},
    {"one in service may be withdrawn", test_one_in_service_is_withdrawn},
    {"departures follow the recursion of G/G/c", test_departures_follow_the_recursion},
    {"the books balance under random use", test_books_balance_under_random_use},
    {0},
};
VS_TESTS("station")

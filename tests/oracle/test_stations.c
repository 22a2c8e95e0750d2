/* Stations against queueing theory (Kleinrock; Harchol-Balter).  One service takes 1
 * ms in the mean, and all results are in units of it. */
#include <glib.h>

#include "base/dist.h"
#include "base/histogram.h"
#include "engine/run.h"
#include "engine/station.h"
#include "tests/oracle/oracle.h"

/* ---- The model: Poisson arrivals, one or two stations in a row ------------------- */

static const VsTime unit = VS_MS;

enum { MAX_STAGES = 2 };

typedef struct Customer {
    struct Customer *next; /* Of those who are free. */
    VsJob job;
    VsTime came;
    unsigned stage;
} Customer;

typedef struct {
    VsEntity entity;
    VsStation station;
    VsRng rng;
    VsDist service;
} Stage;

typedef struct {
    VsRun run;
    VsPart part;
    VsEntity entity;
    VsTimer arrival;
    VsRng rng;
    VsDist interarrival;
    uint64_t n_to_come;
    unsigned n_stages;
    Stage stages[MAX_STAGES];
    Customer *free;
    GPtrArray *customers;

    VsHistogram visits; /* In ps. */
    OracleSeries visit; /* From arrival to departure... */
    OracleSeries wait;  /* ...and before the service of the first station. */
    OracleSeries lost;  /* Of each that came: 1 if it was refused. */
} Line;

static VsTime
stage_work(VsStation *station, VsJob *job)
{
    Stage *stage = VS_CONTAINER_OF(station, Stage, station);

    (void)job;
    return vs_dist_draw(&stage->service, &stage->rng);
}

static void
stage_served(VsStation *station, VsJob *job)
{
    Line *line = VS_CONTAINER_OF(station->entity->run, Line, run);
    Customer *customer = VS_CONTAINER_OF(job, Customer, job);
    VsTime now = vs_now(&line->run);

    if (customer->stage == 0) {
        oracle_add(&line->wait, (double)(job->started - job->arrived) / (double)unit);
    }
    if (++customer->stage < line->n_stages) {
        bool is_taken = vs_station_submit(&line->stages[customer->stage].station, job);

        g_assert(is_taken);
        return;
    }
    oracle_add(&line->visit, (double)(now - customer->came) / (double)unit);
    vs_histogram_record(&line->visits, now - customer->came);
    customer->next = line->free;
    line->free = customer;
}

static const VsStationOps stage_ops = {.work = stage_work, .served = stage_served};

static void
line_arrival(VsTimer *timer)
{
    Line *line = VS_CONTAINER_OF(timer, Line, arrival);
    Customer *customer = line->free;
    VsTime now = vs_now(&line->run);

    if (customer) {
        line->free = customer->next;
    } else {
        customer = g_new0(Customer, 1);
        g_ptr_array_add(line->customers, customer);
    }
    customer->came = now;
    customer->stage = 0;
    if (vs_station_submit(&line->stages[0].station, &customer->job)) {
        oracle_add(&line->lost, 0);
    } else {
        oracle_add(&line->lost, 1);
        customer->next = line->free;
        line->free = customer;
    }
    if (--line->n_to_come > 0) {
        vs_timer_arm(timer, now + vs_dist_draw(&line->interarrival, &line->rng));
    }
}

/* 'rate' in customers a unit. */
static void
line_init(Line *line, uint64_t seed, double rate)
{
    memset(line, 0, sizeof(*line));
    vs_run_init(&line->run, seed);
    vs_part_init(&line->part, &line->run);
    vs_entity_init(&line->entity, &line->part);
    vs_timer_init(&line->arrival, &line->entity, line_arrival);
    vs_rng_init(&line->rng, seed, "line", "arrivals");
    vs_dist_init_exponential(&line->interarrival,
                             (int64_t)llround((double)unit / rate));
    line->customers = g_ptr_array_new_with_free_func(g_free);
    vs_histogram_init(&line->visits);
}

static void
line_add(Line *line, unsigned n_workers, uint32_t queue_max, const char *service)
{
    g_autofree char *name = g_strdup_printf("station %u", line->n_stages);
    Stage *stage = &line->stages[line->n_stages++];

    vs_entity_init(&stage->entity, &line->part);
    vs_rng_init(&stage->rng, line->run.seed, name, "service");
    if (!vs_dist_parse(service, &stage->service, NULL)) {
        CU_FAIL_FATAL("the distribution should be well written");
    }
    vs_station_init(&stage->station, &stage->entity, n_workers, queue_max, &stage_ops);
}

/* Little's law must hold exactly, in the middle and at the end. */
static void
check_little(const Line *line)
{
    VsTime now = vs_now(&line->run);

    for (unsigned i = 0; i < line->n_stages; i++) {
        const VsStation *station = &line->stages[i].station;

        CU_ASSERT(vs_queue_stat_balances(&station->stat, now));
        CU_ASSERT(vs_queue_stat_balances(&station->queue_stat, now));
        CU_ASSERT_EQUAL(station->stat.n_arrived,
                        station->n_served + station->stat.n_now);
    }
}

static void
line_run(Line *line, uint64_t n_customers)
{
    line->n_to_come = n_customers;
    vs_timer_arm(&line->arrival, 0);
    vs_run_advance(&line->run, VS_TIME_NEVER, n_customers);
    check_little(line);
    vs_run_advance(&line->run, VS_TIME_NEVER, UINT64_MAX);
    check_little(line);
    for (unsigned i = 0; i < line->n_stages; i++) { /* Empty: L t = sum of visits. */
        CU_ASSERT_EQUAL(line->stages[i].station.stat.n_now, 0);
        CU_ASSERT(line->stages[i].station.stat.area ==
                  line->stages[i].station.stat.visits);
    }
    CU_ASSERT_EQUAL(line->lost.length, n_customers);
}

static void
line_clear(Line *line)
{
    for (unsigned i = 0; i < line->n_stages; i++) {
        vs_dist_clear(&line->stages[i].service);
    }
    vs_dist_clear(&line->interarrival);
    g_ptr_array_free(line->customers, TRUE);
    vs_histogram_clear(&line->visits);
    oracle_clear(&line->visit);
    oracle_clear(&line->wait);
    oracle_clear(&line->lost);
    vs_run_clear(&line->run);
}

/* Checks P(series <= bound) by the batch means of what is 1 or 0. */
static void
check_probability(const char *model, const char *quantity, const OracleSeries *series,
                  size_t warm_up, double bound, double theory, double precision)
{
    OracleSeries below = {0};

    for (size_t i = 0; i < series->length; i++) {
        oracle_add(&below, series->values[i] <= bound);
    }
    oracle_check(model, quantity, &below, warm_up, theory, precision);
    oracle_clear(&below);
}

/* ---- M/M/1 ----------------------------------------------------------------------- */

static void
check_mm1(const char *model, double load, uint64_t n_customers, double precision)
{
    static const struct {
        const char *quantile, *probability;
        double p;
    } quantiles[] = {{"p50", "P(W<=p50)", 0.5},
                     {"p95", "P(W<=p95)", 0.95},
                     {"p99", "P(W<=p99)", 0.99},
                     {"p99.9", "P(W<=p999)", 0.999}};
    size_t warm_up;
    Line line;

    line_init(&line, 1, load);
    line_add(&line, 1, UINT32_MAX, "exponential(1ms)");
    line_run(&line, n_customers);
    warm_up = oracle_warm_up(&line.visit);
    oracle_check(model, "W", &line.visit, warm_up, 1 / (1 - load), precision);
    oracle_check(model, "Wq", &line.wait, warm_up, load / (1 - load), precision);
    check_probability(model, "P(Wq=0)", &line.wait, warm_up, 0, 1 - load, precision);

    /* W is exponential with mean 1/(1 - load). */
    for (unsigned i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        double p = quantiles[i].p;
        double theory = -log(1 - p) / (1 - load);
        double value = (double)vs_histogram_quantile(&line.visits, p) / (double)unit;

        check_probability(model, quantiles[i].probability, &line.visit, warm_up, theory,
                          p, precision);
        printf("    %-22s %-10s %12.6f   %23s %13.6f\n", model, quantiles[i].quantile,
               value, "", theory);
        CU_ASSERT(fabs(value - theory) < 2.5 * precision * theory);
    }

    /* Of all that came, from the first to the last. */
    CU_ASSERT_EQUAL(line.stages[0].station.n_served, n_customers);
    line_clear(&line);
}

static void
test_mm1_half_loaded(void)
{
    oracle_print_header();
    check_mm1("M/M/1 rho=.5", 0.5, 1000000, 0.02);
}

static void
test_mm1_nearly_full(void)
{
    check_mm1("M/M/1 rho=.9", 0.9, 3000000, 0.05);
}

/* ---- M/M/c ----------------------------------------------------------------------- */

/* Erlang B by its recursion. */
static double
erlang_b(unsigned n_workers, double offered)
{
    double b = 1;

    for (unsigned k = 1; k <= n_workers; k++) {
        b = offered * b / (k + offered * b);
    }
    return b;
}

static double
erlang_c(unsigned n_workers, double load)
{
    double b = erlang_b(n_workers, n_workers * load);

    return b / (1 - load * (1 - b));
}

static void
test_mm4(void)
{
    double c = erlang_c(4, 0.8);
    double wait = c / (4 * (1 - 0.8));
    size_t warm_up;
    Line line;

    CU_ASSERT(fabs(c - 0.596432) < 5e-7); /* As tables have it. */
    CU_ASSERT(fabs(wait - 0.745541) < 5e-7);
    line_init(&line, 2, 4 * 0.8);
    line_add(&line, 4, UINT32_MAX, "exponential(1ms)");
    line_run(&line, 1500000);
    warm_up = oracle_warm_up(&line.visit);
    oracle_check("M/M/4 rho=.8", "W", &line.visit, warm_up, 1 + wait, 0.02);
    oracle_check("M/M/4 rho=.8", "Wq", &line.wait, warm_up, wait, 0.04);
    check_probability("M/M/4 rho=.8", "P(Wq=0)", &line.wait, warm_up, 0, 1 - c, 0.02);
    /* p99 of Wq: C e^{-(c - lambda) t} = 0.01. */
    check_probability("M/M/4 rho=.8", "P(Wq<=p99)", &line.wait, warm_up,
                      log(c / 0.01) / (4 - 3.2), 0.99, 0.02);
    line_clear(&line);
}

/* ---- M/G/1 ----------------------------------------------------------------------- */

/* Pollaczek and Khinchine. */
static double
pk_wait(double load, double scv)
{
    return load * (1 + scv) / (2 * (1 - load));
}

static void
check_mg1(const char *model, const char *service, double load, double scv,
          uint64_t n_customers, double precision)
{
    size_t warm_up;
    Line line;

    line_init(&line, 3, load);
    line_add(&line, 1, UINT32_MAX, service);
    CU_ASSERT(fabs(vs_dist_scv(&line.stages[0].service) - scv) < 1e-6);
    line_run(&line, n_customers);
    warm_up = oracle_warm_up(&line.wait);
    oracle_check(model, "Wq", &line.wait, warm_up, pk_wait(load, scv), precision);
    oracle_check(model, "W", &line.visit, warm_up, 1 + pk_wait(load, scv), precision);
    check_probability(model, "P(Wq=0)", &line.wait, warm_up, 0, 1 - load, precision);
    line_clear(&line);
}

static void
test_md1(void)
{
    CU_ASSERT(fabs(pk_wait(0.8, 0) - 2) < 1e-12);
    check_mg1("M/D/1 rho=.8", "constant(1ms)", 0.8, 0, 1000000, 0.03);
}

static void
test_mg1_lognormal(void)
{
    CU_ASSERT(fabs(pk_wait(0.8, 4) - 10) < 1e-12);
    check_mg1("M/G/1 logn. C2=4 rho=.8", "lognormal(1ms, 4)", 0.8, 4, 4000000, 0.08);
}

static void
test_mg1_others(void)
{
    check_mg1("M/E3/1 rho=.8", "erlang(1ms, 3)", 0.8, 1.0 / 3, 1000000, 0.03);
    check_mg1("M/H2/1 C2=4 rho=.5", "hyperexponential(1ms, 4)", 0.5, 4, 1000000, 0.04);
}

/* ---- Loss ------------------------------------------------------------------------ */

static void
check_mm1k(const char *model, double r, unsigned k, double precision)
{
    double norm = (1 - pow(r, k + 1)) / (1 - r);
    double loss = pow(r, k) / norm;
    double number = 0;
    size_t warm_up;
    Line line;

    for (unsigned n = 1; n <= k; n++) {
        number += n * pow(r, n) / norm;
    }
    line_init(&line, 4, r);
    line_add(&line, 1, k - 1, "exponential(1ms)"); /* One of K is in service. */
    line_run(&line, 1500000);
    warm_up = oracle_warm_up(&line.visit);
    oracle_check(model, "loss", &line.lost, warm_up, loss, 3 * precision);
    oracle_check(model, "W", &line.visit, warm_up, number / (r * (1 - loss)),
                 precision);
    CU_ASSERT_EQUAL(line.stages[0].station.stat.n_max, k);
    line_clear(&line);
}

static void
test_mm1k(void)
{
    check_mm1k("M/M/1/20 r=.9", 0.9, 20, 0.03);
    check_mm1k("M/M/1/10 r=1.2", 1.2, 10, 0.02);
}

/* Erlang's formula holds for any law of service: only its mean matters. */
static void
test_loss_is_insensitive(void)
{
    static const struct {
        const char *model, *service;
    } rows[] = {{"M/M/4/4 a=3.2", "exponential(1ms)"},
                {"M/D/4/4 a=3.2", "constant(1ms)"},
                {"M/G/4/4 logn. a=3.2", "lognormal(1ms, 4)"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Line line;

        line_init(&line, 5 + i, 3.2);
        line_add(&line, 4, 0, rows[i].service);
        line_run(&line, 1000000);
        oracle_check(rows[i].model, "loss", &line.lost, 1000, erlang_b(4, 3.2), 0.02);
        line_clear(&line);
    }
}

/* ---- Tandem ---------------------------------------------------------------------- */

/* What leaves an M/M/1 is Poisson again (Burke), so the second is an M/M/1, too. */
static void
test_tandem(void)
{
    size_t warm_up;
    Line line;

    line_init(&line, 6, 0.7);
    line_add(&line, 1, UINT32_MAX, "exponential(1ms)");
    line_add(&line, 1, UINT32_MAX, "exponential(1111111111ps)"); /* mu = 0.9 */
    line_run(&line, 2000000);
    warm_up = oracle_warm_up(&line.visit);
    oracle_check("tandem .7 of 1, .9", "W", &line.visit, warm_up, 1 / 0.3 + 1 / 0.2,
                 0.03);
    oracle_check("tandem .7 of 1, .9", "Wq1", &line.wait, warm_up, 0.7 / 0.3, 0.03);
    for (unsigned i = 0; i < 2; i++) {
        double theory = i == 0 ? 0.7 / 0.3 : 0.7 / 0.2;
        double number =
            vs_queue_stat_mean(&line.stages[i].station.stat, vs_now(&line.run));

        printf("    %-22s L%-9u %12.6f   %23s %13.6f\n", "tandem .7 of 1, .9", i + 1,
               number, "", theory);
        CU_ASSERT(fabs(number - theory) < 0.03 * theory);
    }
    line_clear(&line);
}

/* ---- The method ------------------------------------------------------------------ */

/* A 95 % interval misses the truth in about a twentieth of all runs, not more, not
 * less. */
static void
test_intervals_cover_as_often_as_they_say(void)
{
    enum { N_RUNS = 200 };
    unsigned n_covered = 0;

    for (unsigned i = 0; i < N_RUNS; i++) {
        OracleInterval interval;
        Line line;

        line_init(&line, 1000 + i, 0.5);
        line_add(&line, 1, UINT32_MAX, "exponential(1ms)");
        line_run(&line, 20000);
        interval = oracle_interval(&line.visit, oracle_warm_up(&line.visit), 0.95);
        n_covered += fabs(interval.mean - 2) <= interval.half;
        line_clear(&line);
    }
    printf("    95 %% intervals that cover: %u of %u\n", n_covered, N_RUNS);
    CU_ASSERT(n_covered >= 178); /* 190 +- 3.1 of binomial 200, 0.95, and 3 more. */
    CU_ASSERT(n_covered <= 199);
}

static const VsTestCase tests[] = {
    {"M/M/1 at half load", test_mm1_half_loaded},
    {"M/M/1 nearly full", test_mm1_nearly_full},
    {"M/M/4", test_mm4},
    {"M/D/1", test_md1},
    {"M/G/1 with lognormal service", test_mg1_lognormal},
    {"M/G/1 with Erlang and hyperexponential service", test_mg1_others},
    {"M/M/1/K loses what theory says", test_mm1k},
    {"Erlang's loss is the same for any law of service", test_loss_is_insensitive},
    {"two queues in tandem are as if alone", test_tandem},
    {"confidence intervals cover as often as they say",
     test_intervals_cover_as_often_as_they_say},
    {0},
};
VS_TESTS("stations")

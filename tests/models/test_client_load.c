#include <gsl/gsl_cdf.h>
#include <math.h>

#include "models/fixture.h"

/* Smaller than this: not by chance. */
#define SURELY_WRONG 1e-6

/* A client whose requests end at once: nobody listens there.  Nothing takes time but the
 * wire, so a SYN leaves when its request begins. */
#define SINK(client)                                                        \
    "%s<client id='c' to='http://172.16.0.2:80/' costs='free' " client "/>" \
    "<dns id='d' costs='free'><record name='x' address='192.0.2.1'/></dns>" \
    "<link from='c' to='d' delay='1us'/>"

/* And one whose requests are served. */
#define WEB(client, container)                                                 \
    "%s<client id='c' to='http://172.16.0.2:30080/' costs='free' " client "/>" \
    "<link from='c' to='n1' rate='800Gbit/s' delay='1us'/>"                    \
    "<node id='n1' costs='free'><pod id='a' labels='app=web'>"                 \
    "<container id='web' " container "/></pod></node>"                         \
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"     \
    " select='app=web'/>"

/* Starts of requests, from a tap on what the client sends. */
static GArray *
starts_of(Model *model, const char *id, VsTime until)
{
    Tap *tap = tap_new(model_host(model, id)->root, VS_HOOK_OUTPUT);
    GArray *starts = g_array_new(FALSE, FALSE, sizeof(VsTime));

    model_run(model, until);
    for (unsigned i = 0; i < tap->entries->len; i++) {
        if (tap_get(tap, i)->tcp_flags == VS_TCP_SYN) {
            g_array_append_val(starts, tap_get(tap, i)->time);
        }
    }
    model_free(model);
    tap_free(tap);
    return starts;
}

static VsTime
at(const GArray *starts, unsigned i)
{
    return g_array_index(starts, VsTime, i);
}

static void
test_constant_arrivals_never_drift(void)
{
    static const struct {
        const char *rate;
        unsigned n; /* Requests in so many... */
        unsigned s; /* ...seconds. */
    } cases[] = {{"3/s", 3, 1},
                 {"7/s", 7, 1},
                 {"1000/s", 1000, 1},
                 {"0.7/s", 7, 10},
                 {"12/min", 12, 60}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *format = g_strdup_printf(SINK("arrivals='constant(%s)'"),
                                                  model_free_costs, cases[i].rate);
        VsTime until = 3000 * VS_S * cases[i].s / cases[i].n - 1;
        g_autoptr(GArray) starts = starts_of(model_new("%s", format), "c", until);

        CU_ASSERT_EQUAL(starts->len, 3000);
        for (unsigned n = 0; n < starts->len; n++) {
            CU_ASSERT_EQUAL(at(starts, n), (VsTime)n * VS_S * cases[i].s / cases[i].n);
        }
    }
}

static void
test_arrivals_keep_to_start_and_stop(void)
{
    g_autoptr(GArray) constant = starts_of(
        model_new(SINK("arrivals='constant(10/s)' start='1.25s' stop='3.25s'"),
                  model_free_costs),
        "c", 10 * VS_S);
    g_autoptr(GArray) poisson =
        starts_of(model_new(SINK("arrivals='poisson(1000/s)' start='1s' stop='2s'"),
                            model_free_costs),
                  "c", 10 * VS_S);

    CU_ASSERT_EQUAL(constant->len, 20); /* 1.25, 1.35, ... 3.15: none at 3.25. */
    CU_ASSERT_EQUAL(at(constant, 0), 1250 * VS_MS);
    CU_ASSERT_EQUAL(at(constant, 19), 3150 * VS_MS);
    CU_ASSERT(at(poisson, 0) > VS_S);
    CU_ASSERT(at(poisson, poisson->len - 1) < 2 * VS_S);
    CU_ASSERT(fabs(poisson->len - 1000.0) < 5 * sqrt(1000)); /* 5 sigma. */
}

static GArray *
poisson_gaps(unsigned n)
{
    GArray *starts =
        starts_of(model_new(SINK("arrivals='poisson(1000/s)'"), model_free_costs), "c",
                  25 * VS_S);

    CU_ASSERT_FATAL(starts->len > n);
    for (unsigned i = n; i > 0; i--) {
        g_array_index(starts, VsTime, i) -= at(starts, i - 1);
    }
    g_array_set_size(starts, n);
    return starts;
}

static void
test_poisson_mean_and_variance(void)
{
    enum { N = 20000 };
    g_autoptr(GArray) gaps = poisson_gaps(N);
    double mean = 0;
    double square = 0;

    for (unsigned i = 0; i < N; i++) {
        double gap = (double)at(gaps, i) / (double)VS_MS; /* Mean 1. */

        mean += gap / N;
        square += gap * gap / N;
    }
    /* Of n exponentials: the mean has variance 1/n, the mean square (E x^4 = 24) 20/n. */
    CU_ASSERT(fabs(mean - 1) < 5 * sqrt(1.0 / N));
    CU_ASSERT(fabs(square - 2) < 5 * sqrt(20.0 / N));
}

static void
test_poisson_gaps_are_exponential(void)
{
    enum { N = 20000, BINS = 50 };
    g_autoptr(GArray) gaps = poisson_gaps(N);
    uint64_t counts[BINS] = {0};

    for (unsigned i = 0; i < N; i++) {
        /* 1 - e^-x is uniform. */
        double uniform = -expm1(-(double)at(gaps, i) / (double)VS_MS);

        counts[MIN((unsigned)(uniform * BINS), BINS - 1)]++;
    }
    CU_ASSERT(model_uniform_p(counts, BINS) > SURELY_WRONG);
}

static void
test_poisson_gaps_are_independent(void)
{
    enum { N = 20000, CELLS = 10 };
    g_autoptr(GArray) gaps = poisson_gaps(N);
    uint64_t counts[CELLS * CELLS] = {0};

    for (unsigned lag = 1; lag <= 3; lag++) {
        double covariance = 0;

        for (unsigned i = 0; i + lag < N; i++) {
            double x = (double)at(gaps, i) / (double)VS_MS;
            double y = (double)at(gaps, i + lag) / (double)VS_MS;

            covariance += (x - 1) * (y - 1) / N;
        }
        CU_ASSERT(fabs(covariance) < 5 / sqrt(N)); /* Variance of each product: 1. */
    }
    for (unsigned i = 0; i + 1 < N; i += 2) {
        unsigned x = (unsigned)(-expm1(-(double)at(gaps, i) / (double)VS_MS) * CELLS);
        unsigned y =
            (unsigned)(-expm1(-(double)at(gaps, i + 1) / (double)VS_MS) * CELLS);

        counts[MIN(x, CELLS - 1) * CELLS + MIN(y, CELLS - 1)]++;
    }
    CU_ASSERT(model_uniform_p(counts, CELLS * CELLS) > SURELY_WRONG);
}

static uint64_t
n_outstanding(const Model *model)
{
    static const char *const ends[] = {"completed", "error-timeout", "error-refused",
                                       "error-reset"};
    uint64_t n = model_counter(model, "c", "requests");

    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        n -= model_counter(model, "c", ends[i]);
    }
    return n;
}

/* Looked at after every event. */
static void
test_closed_loop_never_has_more_than_its_users(void)
{
    static const struct {
        const char *arrivals;
        uint64_t n_users;
    } cases[] = {
        {"closed(1)", 1}, {"closed(5)", 5}, {"closed(8, exponential(2ms))", 8}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Model *model = model_new(WEB("arrivals='%s' timeout='4ms'",
                                     "workers='2' service-time='exponential(1ms)'"),
                                 model_free_costs, cases[i].arrivals);
        uint64_t most = 0;

        while (vs_simulation_advance_to(model->simulation, VS_S, 1) == VS_RUN_PAUSED) {
            most = MAX(most, n_outstanding(model));
        }
        CU_ASSERT_EQUAL(most, cases[i].n_users);
        CU_ASSERT(model_counter(model, "c", "completed") > 100);
        model_free(model);
    }
}

/* A user alone: thinks 9 ms, then waits for an answer, and so on. */
static void
test_closed_loop_cycle(void)
{
    Model *model = model_new(WEB("arrivals='closed(1, 9ms)'", "service-time='1ms'"),
                             model_free_costs);
    const VsHistogram *latency = model_histogram(model, "c", "latency");
    VsTime cycle;

    model_run(model, 10 * VS_S);
    cycle = 9 * VS_MS + vs_histogram_min(latency);
    CU_ASSERT(cycle > 10 * VS_MS && cycle < 10 * VS_MS + 20 * VS_US);
    /* The first takes longer, by ARP: at most one cycle is lost by it. */
    CU_ASSERT(labs((long)latency->count - (long)(10 * VS_S / cycle)) <= 1);
    model_free(model);
}

static void
test_closed_loop_goes_on_after_failures(void)
{
    Model *refused =
        model_new(SINK("arrivals='closed(3, 10ms)' stop='1s'"), model_free_costs);
    Model *late = model_new(WEB("arrivals='closed(3)' timeout='100ms' stop='1s'",
                                "service-time='1s' workers='100'"),
                            model_free_costs);

    model_run(refused, 2 * VS_S);
    CU_ASSERT(model_counter(refused, "c", "error-refused") >= 3 * 98);
    model_run(late, 2 * VS_S);
    CU_ASSERT_EQUAL(model_counter(late, "c", "error-timeout"), 3 * 10);
    model_free(refused);
    model_free(late);
}

/* More users than ports: who finds none fails, and time goes on. */
static void
test_closed_loop_without_ports_does_not_stop_time(void)
{
    Model *model = model_new(WEB("arrivals='closed(28300)' timeout='1s'",
                                 "service-time='10s' workers='100000'"),
                             model_free_costs);
    VsRunState state =
        vs_simulation_advance_to(model->simulation, 100 * VS_MS, 2000000);

    CU_ASSERT_EQUAL(state, VS_RUN_REACHED);
    CU_ASSERT(model_counter(model, "c", "error-no-port") >= 28300 - 28232);
    model_free(model);
}

/* The client's own core is too slow for what is asked of it: requests that could not even
 * be sent count as late from when they should have been. */
static void
test_latency_counts_from_the_intended_start(void)
{
    Model *model = model_new(
        "<costs id='slow' socket-send='10ms'/>"
        "<client id='c' to='http://172.16.0.2:30080/' cores='1' costs='slow'"
        " arrivals='constant(1000/s)' stop='20ms'/>"
        "<link from='c' to='n1'/>"
        "<node id='n1'><pod id='a' labels='app=web'><container id='web'/></pod></node>"
        "<service id='s' type='NodePort' node-port='30080' target-port='8080'"
        " select='app=web'/>");

    model_run(model, 10 * VS_S);
    CU_ASSERT_EQUAL(model_counter(model, "c", "completed"), 20);
    /* Before the last SYN, meant for 19 ms, 19 others went; after it an ACK and GET. */
    CU_ASSERT(vs_histogram_max(model_histogram(model, "c", "latency")) >
              20 * 10 * VS_MS - 19 * VS_MS + 2 * 10 * VS_MS);
    model_free(model);
}

static const char first_site[] =
    "<client id='c' arrivals='poisson(500/s)' stop='5s' costs='free'"
    " to='http://172.16.0.2:30080/'/>"
    "<link from='c' to='n1'/>"
    "<node id='n1'><pod id='a' labels='app=web'>"
    "<container id='web' workers='100' service-time='exponential(1ms)'/></pod></node>"
    "<service id='s' type='NodePort' node-port='30080' target-port='8080'"
    " select='app=web'/>";

/* Both go to one node, where they are in each other's way. */
static void
test_another_client_changes_no_arrival(void)
{
    g_autoptr(GArray) alone =
        starts_of(model_new("%s%s", model_free_costs, first_site), "c", 6 * VS_S);
    g_autoptr(GArray) with_other =
        starts_of(model_new("%s%s%s", model_free_costs, first_site,
                            "<client id='other' arrivals='poisson(700/s)' stop='5s'"
                            " to='http://172.16.0.6:30080/'/>"
                            "<link from='other' to='n1'/>"),
                  "c", 6 * VS_S);

    CU_ASSERT(alone->len > 2000);
    CU_ASSERT_EQUAL_FATAL(alone->len, with_other->len);
    CU_ASSERT_EQUAL(memcmp(alone->data, with_other->data, alone->len * sizeof(VsTime)),
                    0);
}

/* The other talks to nobody we know: not a bit of our latencies changes. */
static void
test_another_client_changes_no_latency(void)
{
    Model *alone = model_new("%s%s", model_free_costs, first_site);
    Model *with_other =
        model_new("%s%s%s", model_free_costs, first_site,
                  "<client id='other' arrivals='poisson(700/s)' stop='5s'"
                  " to='http://172.16.0.6:80/'/>"
                  "<dns id='d'><record name='x' address='192.0.2.1'/></dns>"
                  "<link from='other' to='d'/>");
    const VsHistogram *a = model_histogram(alone, "c", "latency");
    const VsHistogram *b = model_histogram(with_other, "c", "latency");

    model_run(alone, 6 * VS_S);
    model_run(with_other, 6 * VS_S);
    CU_ASSERT(a->count > 2000);
    CU_ASSERT_EQUAL(a->count, b->count);
    CU_ASSERT_TRUE(a->sum == b->sum);
    CU_ASSERT_EQUAL(a->min, b->min);
    CU_ASSERT_EQUAL(a->max, b->max);
    for (unsigned octave = 0; octave < VS_HISTOGRAM_N_OCTAVES; octave++) {
        CU_ASSERT_EQUAL(!a->octaves[octave], !b->octaves[octave]);
        if (a->octaves[octave] && b->octaves[octave]) {
            CU_ASSERT_EQUAL(memcmp(a->octaves[octave], b->octaves[octave],
                                   VS_HISTOGRAM_OCTAVE_LENGTH * sizeof(uint64_t)),
                            0);
        }
    }
    CU_ASSERT(model_counter(with_other, "other", "error-refused") > 3000);
    model_free(alone);
    model_free(with_other);
}

static char *
digest_of(uint64_t seed)
{
    Model *model = model_new_seeded(
        seed,
        WEB("arrivals='poisson(300/s)' stop='2s'", "service-time='exponential(1ms)'"),
        model_free_costs);
    char *digest;

    model_run(model, 3 * VS_S);
    digest = vs_simulation_digest(model->simulation);
    model_free(model);
    return digest;
}

static void
test_seed_decides_everything(void)
{
    g_autofree char *first = digest_of(42);
    g_autofree char *again = digest_of(42);
    g_autofree char *other = digest_of(43);

    CU_ASSERT_STRING_EQUAL(first, again);
    CU_ASSERT_STRING_NOT_EQUAL(first, other);
}

static const VsTestCase tests[] = {
    {"the n-th of constant arrivals is at n / rate, without drift",
     test_constant_arrivals_never_drift},
    {"requests begin from start on and before stop",
     test_arrivals_keep_to_start_and_stop},
    {"Poisson gaps have the mean and variance they should",
     test_poisson_mean_and_variance},
    {"Poisson gaps are exponential", test_poisson_gaps_are_exponential},
    {"Poisson gaps are independent", test_poisson_gaps_are_independent},
    {"a closed loop never has more requests out than users",
     test_closed_loop_never_has_more_than_its_users},
    {"a user thinks, waits, and thinks again", test_closed_loop_cycle},
    {"a user whose request failed goes on", test_closed_loop_goes_on_after_failures},
    {"users without a port do not stop time",
     test_closed_loop_without_ports_does_not_stop_time},
    {"latency counts from the intended start",
     test_latency_counts_from_the_intended_start},
    {"another client changes no arrival", test_another_client_changes_no_arrival},
    {"another client changes no latency it does not meet",
     test_another_client_changes_no_latency},
    {"the seed decides everything", test_seed_decides_everything},
    {0},
};

VS_TESTS("client load")

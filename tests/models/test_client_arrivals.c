/* Open loops whose rate changes: ramps, and Markov-modulated Poisson processes. */
#include <math.h>

#include "models/fixture.h"

/* A client whose requests end at once: nobody listens there. */
#define SINK(client)                                                        \
    "%s<client id='c' to='http://172.16.0.2:80/' costs='free' " client "/>" \
    "<dns id='d' costs='free'><record name='x' address='192.0.2.1'/></dns>" \
    "<link from='c' to='d' delay='1us'/>"

/* Requests begun in each of 'n' windows. */
static void
count_windows(const char *arrivals, VsTime window, unsigned n, double *ret_counts)
{
    Model *model = model_new(SINK("arrivals='%s'"), model_free_costs, arrivals);
    uint64_t before = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t now;

        model_run(model, (i + 1) * window);
        now = model_counter(model, "c", "requests");
        ret_counts[i] = (double)(now - before);
        before = now;
    }
    model_free(model);
}

/* From a to b in T: a t + (b - a) t^2 / (2 T) until t, then b a second; each window's count
 * is a Poisson variate. */
static void
check_ramp(const char *arrivals, double from, double to, double over)
{
    enum { N = 20 };
    double counts[N];
    double before = 0;

    count_windows(arrivals, VS_S, N, counts);
    for (unsigned i = 0; i < N; i++) {
        double t = MIN(i + 1.0, over);
        double mass = from * t + (to - from) * t * t / (2 * over) + to * (i + 1.0 - t);

        CU_ASSERT_DOUBLE_EQUAL(counts[i], mass - before, 5 * sqrt(mass - before) + 1);
        before = mass;
    }
}

static void
test_ramps_rise_fall_and_stay(void)
{
    check_ramp("ramp(100/s,2000/s,15s)", 100, 2000, 15);
    check_ramp("ramp(2000/s,100/s,15s)", 2000, 100, 15);
    check_ramp("ramp(0/s,2000/s,12.5s)", 0, 2000, 12.5);
    check_ramp("ramp(500/s,500/s,10s)", 500, 500, 10);
}

/* Two states, left with rates s1 and s2 (Fischer and Meier-Hellstern, "The Markov-modulated
 * Poisson process (MMPP) cookbook", 1993): the mean rate is (l1 s2 + l2 s1) / (s1 + s2), and
 * of counts in windows of t, variance / mean is
 * 1 + 2 (l1 - l2)^2 s1 s2 / ((s1 + s2)^2 (l1 s2 + l2 s1)) (1 - (1 - e^-(s1+s2)t)/((s1+s2)t)). */
static void
test_mmpp_has_its_mean_and_dispersion(void)
{
    enum { N = 2000 };
    double l1 = 100, l2 = 900, s1 = 1 / 0.3, s2 = 1 / 0.1, t = 1;
    double s = s1 + s2;
    double mean = (l1 * s2 + l2 * s1) / s * t;
    double dispersion = 1 + 2 * (l1 - l2) * (l1 - l2) * s1 * s2 /
                                (s * s * (l1 * s2 + l2 * s1)) *
                                (1 - (1 - exp(-s * t)) / (s * t));
    g_autofree double *counts = g_new(double, N);
    double found_mean = 0;
    double found_variance = 0;

    count_windows("mmpp(100/s:300ms,900/s:100ms)", VS_S, N, counts);
    for (unsigned i = 0; i < N; i++) {
        found_mean += counts[i] / N;
    }
    for (unsigned i = 0; i < N; i++) {
        found_variance += (counts[i] - found_mean) * (counts[i] - found_mean) / (N - 1);
    }
    CU_ASSERT_DOUBLE_EQUAL(found_mean, mean, 5 * sqrt(dispersion * mean / N));
    CU_ASSERT_DOUBLE_EQUAL(found_variance / found_mean, dispersion,
                           5 * sqrt(2.0 / N) * dispersion);
}

/* On and off: nothing comes in the second state, which begins after some 10 s. */
static void
test_mmpp_may_be_silent(void)
{
    double counts[100];
    unsigned n_silent = 0;

    count_windows("mmpp(1000/s:10s,0/s:10s)", VS_S, 100, counts);
    for (unsigned i = 0; i < 100; i++) {
        n_silent += counts[i] == 0;
    }
    CU_ASSERT(counts[0] > 0);
    CU_ASSERT(n_silent > 10 && n_silent < 90);
}

static void
test_what_makes_no_sense_is_refused(void)
{
    static const struct {
        const char *arrivals;
        const char *part;
    } cases[] = {
        {"ramp(1/s,2/s)", "needs two rates and a time"},
        {"ramp(1/s,0/s,1s)", "ends at no arrivals"},
        {"ramp(1/s,2/s,0s)", "takes no time"},
        {"ramp(1,2/s,1s)", "unit"},
        {"mmpp(1/s:1s)", "has 1 states"},
        {"mmpp(1/s:1s,2/s)", "has a state without a mean time"},
        {"mmpp(1/s:1s,2/s:0s)", "has a state of no time"},
        {"mmpp(0/s:1s,0/s:1s)", "never arrives"},
        {"bursts(1/s)", "there are no bursts arrivals"},
        {"mmpp(1/s:1s,2/s:1s,3/s:1s)", NULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        model_check_error(cases[i].part, SINK("arrivals='%s'"), model_free_costs,
                          cases[i].arrivals);
    }
}

static const VsTestCase tests[] = {
    {"ramps rise, fall and stay", test_ramps_rise_fall_and_stay},
    {"MMPP has its mean and dispersion", test_mmpp_has_its_mean_and_dispersion},
    {"a state of MMPP may be silent", test_mmpp_may_be_silent},
    {"what makes no sense is refused", test_what_makes_no_sense_is_refused},
    {0},
};
VS_TESTS("client arrivals")

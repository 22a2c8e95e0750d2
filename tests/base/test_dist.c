/* Distributions: draws against their laws.  How they are read is in test_dist_parse.c. */
#include "base/dist.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <math.h>

#include "base/fmath.h"
#include "base/hash.h"
#include "tests/base/random_fixture.h"

#define MS 1e9 /* In ps. */

/* Of a sorted sample, the greatest distance from its law times sqrt(n), beyond which a
 * sample of that law is one time in a thousand (Kolmogorov). */
#define KS_CRITICAL 1.949

typedef double (*Cdf)(double x);

static int
compare_doubles(const void *a_, const void *b_)
{
    const double *a = a_, *b = b_;

    return (*a > *b) - (*a < *b);
}

/* Kolmogorov and Smirnov's distance of 'n' values, which it sorts, times sqrt(n). */
static double
get_ks_distance(double *values, unsigned n, Cdf cdf)
{
    double distance = 0;

    qsort(values, n, sizeof(*values), compare_doubles);
    for (unsigned i = 0; i < n; i++) {
        double p = cdf(values[i]);

        distance = fmax(distance, fmax(p - (double)i / n, (double)(i + 1) / n - p));
    }
    return distance * sqrt(n);
}

/* The ziggurats. -------------------------------------------------------------------------- */

static double
exponential_curve(double x)
{
    return exp(-x);
}

static double
normal_curve(double x)
{
    return exp(-0.5 * x * x);
}

/* Recomputes 'layers' from their borders: 'tail' is the area beyond r. */
static void
check_layers(const VsZiggurat *layers, double r, double tail, double (*curve)(double))
{
    double area = r * curve(r) + tail;
    unsigned n_failures = 0;

    CU_ASSERT_EQUAL(layers->scale[1] * 0x1p53, r);
    CU_ASSERT_DOUBLE_EQUAL(layers->scale[0] * 0x1p53 * curve(r) / area, 1, 1e-14);
    CU_ASSERT_EQUAL(layers->height[0], 0);
    CU_ASSERT_EQUAL(layers->scale[256], 0);
    CU_ASSERT_EQUAL(layers->height[256], 1);
    for (unsigned i = 0; i < 256; i++) {
        double x = layers->scale[i] * 0x1p53, inner = layers->scale[i + 1] * 0x1p53;

        if (i > 0) {
            n_failures += fabs(layers->height[i] / curve(x) - 1) > 1e-14;
            n_failures += fabs(x * (layers->height[i + 1] - layers->height[i]) / area -
                               1) > 1e-11;
        }
        n_failures += fabs((double)layers->inner[i] - inner / x * 0x1p53) > 4;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
}

static void
test_the_ziggurat_tables_can_be_computed_again(void)
{
    const double r = VS_ZIGGURAT_NORMAL_TAIL;

    check_layers(&vs_ziggurat_exponential, VS_ZIGGURAT_EXPONENTIAL_TAIL,
                 exp(-VS_ZIGGURAT_EXPONENTIAL_TAIL), exponential_curve);
    check_layers(&vs_ziggurat_normal, r, gsl_cdf_ugaussian_Q(r) * sqrt(2 * M_PI),
                 normal_curve);
}

static double
exponential_cdf(double x)
{
    return gsl_cdf_exponential_P(x, 1);
}

/* A million draws into cells of equal chance, and those beyond the last layer against the
 * law of the tail. */
static void
check_ziggurat(double (*draw)(VsRng *), Cdf cdf, double tail_from, Cdf tail_cdf)
{
    enum { N = 1000000, N_CELLS = 500 };
    static double tail[N / 100];
    static unsigned counts[N_CELLS];
    double mean = 0, square = 0, chance, expected_tail;
    unsigned n_tail = 0;
    VsRng rng;

    memset(counts, 0, sizeof(counts));
    vs_rng_init(&rng, 1, "ziggurat", "chi-square");
    for (unsigned i = 0; i < N; i++) {
        double x = draw(&rng);

        counts[(unsigned)(cdf(x) * N_CELLS)]++;
        mean += x / N;
        square += x * x / N;
    }
    chance = get_chi_square_chance(counts, N_CELLS, N);
    CU_ASSERT(chance > 0.001 && chance < 0.999);
    /* Both laws have variance 1; the exponential mean 1 and fourth moment 24. */
    CU_ASSERT_DOUBLE_EQUAL(mean, cdf == exponential_cdf ? 1 : 0, 4.0 / sqrt(N));
    CU_ASSERT_DOUBLE_EQUAL(square - mean * mean, 1, 4 * sqrt(8.0 / N));

    expected_tail = 5.0 * N * (1 - cdf(tail_from));
    for (unsigned i = 0; i < 5 * N; i++) {
        double x = draw(&rng);

        if (x > tail_from && n_tail < G_N_ELEMENTS(tail)) {
            tail[n_tail++] = x;
        }
    }
    CU_ASSERT_DOUBLE_EQUAL(n_tail, expected_tail, 4 * sqrt(expected_tail));
    CU_ASSERT(get_ks_distance(tail, n_tail, tail_cdf) < KS_CRITICAL);
}

static double
exponential_tail_cdf(double x)
{
    return gsl_cdf_exponential_P(x - VS_ZIGGURAT_EXPONENTIAL_TAIL, 1);
}

static void
test_exponential_draws_fit_their_law_and_its_tail(void)
{
    check_ziggurat(vs_draw_exponential, exponential_cdf, VS_ZIGGURAT_EXPONENTIAL_TAIL,
                   exponential_tail_cdf);
}

/* Without a short cut: the curve itself decides for every draw. */
static double
draw_exponential_plainly(VsRng *rng)
{
    const VsZiggurat *ziggurat = &vs_ziggurat_exponential;

    for (;;) {
        uint64_t bits = vs_rng_u64(rng);
        unsigned layer = bits & 255;
        double x = (double)(bits >> 11) * ziggurat->scale[layer], y;

        if (bits >> 11 < ziggurat->inner[layer]) {
            return x;
        }
        if (layer == 0) {
            return VS_ZIGGURAT_EXPONENTIAL_TAIL + draw_exponential_plainly(rng);
        }
        y = ziggurat->height[layer] +
            vs_rng_double(rng) *
                (ziggurat->height[layer + 1] - ziggurat->height[layer]);
        if (y < vs_exp(-x)) {
            return x;
        }
    }
}

static void
test_exponential_draws_are_those_without_short_cuts(void)
{
    unsigned n_wrong = 0;
    VsRng rng, twin;

    vs_rng_init(&rng, 1, "ziggurat", "twin");
    twin = rng;
    for (unsigned i = 0; i < 5000000; i++) { /* 110 000 of them at an edge. */
        n_wrong += vs_draw_exponential(&rng) != draw_exponential_plainly(&twin);
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    for (unsigned i = 1; i < 256; i++) { /* As far as the series is trusted. */
        const double *scale = vs_ziggurat_exponential.scale;

        CU_ASSERT((scale[i] - scale[i + 1]) * 0x1p53 < 0.8);
    }
}

static double
normal_tail_cdf(double x)
{
    return 1 - gsl_cdf_ugaussian_Q(x) / gsl_cdf_ugaussian_Q(VS_ZIGGURAT_NORMAL_TAIL);
}

static void
test_normal_draws_fit_their_law_and_its_tail(void)
{
    check_ziggurat(vs_draw_normal, gsl_cdf_ugaussian_P, VS_ZIGGURAT_NORMAL_TAIL,
                   normal_tail_cdf);
}

/* The laws. ------------------------------------------------------------------------------- */

static double
law_exponential(double x) /* exponential(2ms) */
{
    return gsl_cdf_exponential_P(x, 2 * MS);
}

static double
law_uniform(double x) /* uniform(1ms, 3ms) */
{
    return gsl_cdf_flat_P(x, 1 * MS, 3 * MS);
}

static double
law_normal(double x) /* normal(2ms, 300us) */
{
    return gsl_cdf_gaussian_P(x - 2 * MS, 0.3 * MS);
}

static double
law_truncated(double x) /* normal(1ms, 1ms) */
{
    double below = gsl_cdf_ugaussian_P(-1);

    return (gsl_cdf_ugaussian_P(x / MS - 1) - below) / (1 - below);
}

static double
law_lognormal(double x) /* lognormal(2ms, 4): C2 = e^(s^2) - 1 */
{
    double variance = log(1 + 4);

    return gsl_cdf_lognormal_P(x, log(2 * MS) - variance / 2, sqrt(variance));
}

static double
law_pareto(double x) /* pareto(1ms, 2.5) */
{
    return gsl_cdf_pareto_P(x, 2.5, 1 * MS);
}

static double
law_weibull(double x) /* weibull(2ms, 0.7) */
{
    return gsl_cdf_weibull_P(x, 2 * MS, 0.7);
}

static double
law_hyperexponential(double x) /* hyperexponential(2ms, 4): rates for mean 1 */
{
    const double p = 0.887298334620742;

    return p * gsl_cdf_exponential_P(x, 2 * MS / 1.774596669241483) +
           (1 - p) * gsl_cdf_exponential_P(x, 2 * MS / 0.225403330758517);
}

static double
law_erlang(double x) /* erlang(2ms, 3) */
{
    return gsl_cdf_gamma_P(x, 3, 2 * MS / 3);
}

/* empirical(1ms:0, 2ms:0.5, 5ms:1), without atoms, as Kolmogorov wants it. */
static double
law_empirical(double x)
{
    return x < 2 * MS ? 0.5 * (x / MS - 1) : fmin(0.5 + 0.5 * (x / MS - 2) / 3, 1);
}

/* 'mean' in ms.  The moments are textbook; of the truncated normal, with the density phi and
 * the chance Z of being kept, mean 1 + phi/Z and variance 1 - phi/Z - (phi/Z)^2. */
static const struct {
    const char *text;
    Cdf cdf;
    double mean, scv;
} laws[] = {
    {"exponential(2ms)", law_exponential, 2, 1},
    {"uniform(1ms, 3ms)", law_uniform, 2, 4.0 / 12 / 4},
    {"normal(2ms, 300us)", law_normal, 2, 0.0225},
    {"normal(1ms, 1ms)", law_truncated, 1.2875999709391784, 0.3798064346847219},
    {"lognormal(2ms, 4)", law_lognormal, 2, 4},
    {"pareto(1ms, 2.5)", law_pareto, 2.5 / 1.5, 1 / (2.5 * 0.5)},
    {"weibull(2ms, 0.7)", law_weibull, 2 * 1.2658235060572833, 2.1386856318511675},
    {"hyperexponential(2ms, 4)", law_hyperexponential, 2, 4},
    {"erlang(2ms, 3)", law_erlang, 2, 1.0 / 3},
    {"empirical(1ms:0, 2ms:0.5, 5ms:1)", law_empirical, 0.5 * 1.5 + 0.5 * 3.5,
     (0.5 * 7.0 / 3 + 0.5 * 39.0 / 3) / 6.25 - 1},
};

static void
test_every_law_fits_its_distribution_function(void)
{
    enum { N = 100000 };
    static double values[N];

    for (unsigned i = 0; i < G_N_ELEMENTS(laws); i++) {
        VsDist dist = get_dist(laws[i].text);
        double distance;
        VsRng rng;

        vs_rng_init(&rng, 1, laws[i].text, "kolmogorov");
        for (unsigned j = 0; j < N; j++) {
            values[j] = (double)vs_dist_draw(&dist, &rng);
        }
        distance = get_ks_distance(values, N, laws[i].cdf);
        CU_ASSERT(distance < KS_CRITICAL);
        if (!(distance < KS_CRITICAL)) {
            printf("\n    %s: %.3f\n", laws[i].text, distance);
        }
        vs_dist_clear(&dist);
    }
}

static void
test_every_law_has_its_mean_and_variation(void)
{
    enum { N = 200000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(laws); i++) {
        VsDist dist = get_dist(laws[i].text);
        double mean = 0, square = 0;
        VsRng rng;

        /* A normal is truncated 6.7 deviations off, and uniform draws are whole. */
        CU_ASSERT_DOUBLE_EQUAL(vs_dist_mean(&dist) / MS, laws[i].mean,
                               1e-10 * laws[i].mean);
        CU_ASSERT_DOUBLE_EQUAL(vs_dist_scv(&dist), laws[i].scv, 2e-9 * laws[i].scv);

        vs_rng_init(&rng, 2, laws[i].text, "moments");
        for (unsigned j = 0; j < N; j++) {
            double x = (double)vs_dist_draw(&dist, &rng) / MS;

            mean += x / N;
            square += x * x / N;
        }
        CU_ASSERT_DOUBLE_EQUAL(mean, laws[i].mean,
                               4 * laws[i].mean * sqrt(laws[i].scv / N));
        /* Without a fourth moment, the sample's variance settles slowly. */
        if (dist.kind != VS_DIST_PARETO) {
            CU_ASSERT_DOUBLE_EQUAL(square / (mean * mean) - 1, laws[i].scv,
                                   0.1 * laws[i].scv);
        }
        vs_dist_clear(&dist);
    }
}

static void
test_means_and_variations_may_be_infinite(void)
{
    static const struct {
        const char *text;
        double mean, scv;
    } rows[] = {
        {"pareto(1ms, 1)", INFINITY, INFINITY},
        {"pareto(1ms, 1.5)", 3, INFINITY},
        {"pareto(1ms, 2)", 2, INFINITY},
        {"weibull(1ms, 0.01)", 9.332621544394415e157, INFINITY}, /* gamma(101) */
        {"weibull(1ms, 0.001)", INFINITY, INFINITY}, /* Beyond any double. */
        {"weibull(1ms, 1)", 1, 1},
        {"constant(3ms)", 3, 0},
        {"0s", 0, 0},
        {"empirical(4ms:1)", 4, 0},
        {"uniform(2ms, 2ms)", 2, 0},
        {"hyperexponential(2ms, 1)", 2, 1},
        {"hyperexponential(2ms, 1000000000)", 2, 1e9},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsDist dist = get_dist(rows[i].text);
        double mean = vs_dist_mean(&dist) / MS, scv = vs_dist_scv(&dist);

        CU_ASSERT(mean == rows[i].mean || fabs(mean / rows[i].mean - 1) < 1e-13);
        CU_ASSERT(scv == rows[i].scv || fabs(scv / rows[i].scv - 1) < 1e-13);
        vs_dist_clear(&dist);
    }
}

static void
test_constants_take_no_random_number(void)
{
    VsDist dist = get_dist(" 2ms ");
    VsRng rng, twin;

    vs_rng_init(&rng, 1, "a", "b");
    twin = rng;
    CU_ASSERT_EQUAL(vs_dist_draw(&dist, &rng), 2000000000);
    CU_ASSERT_EQUAL(memcmp(&rng, &twin, sizeof(rng)), 0);
}

static void
test_uniform_reaches_both_ends(void)
{
    VsDist dist = get_dist("uniform(10ps, 14ps)");
    unsigned counts[5] = {0};
    double chance;
    VsRng rng;

    vs_rng_init(&rng, 1, "a", "b");
    for (unsigned i = 0; i < 50000; i++) {
        int64_t draw = vs_dist_draw(&dist, &rng);

        CU_ASSERT_FATAL(draw >= 10 && draw <= 14);
        counts[draw - 10]++;
    }
    chance = get_chi_square_chance(counts, 5, 50000);
    CU_ASSERT(chance > 0.001 && chance < 0.999);
    CU_ASSERT_EQUAL(vs_dist_mean(&dist), 12);
    CU_ASSERT_DOUBLE_EQUAL(vs_dist_scv(&dist), 2.0 / 144,
                           1e-15); /* 4+1+0+1+4 fifths. */
}

static void
test_points_make_atoms_stretches_and_gaps(void)
{
    /* 10 %: 1ms; 20 %: even from 1 to 2ms; 30 %: 2ms; none up to 4ms; 40 %: 4 to 5ms. */
    VsDist dist = get_dist("empirical(1ms:0.1, 2ms:0.3, 2ms:0.6, 4ms:0.6, 5ms:1)");
    static const double expected[] = {0.1, 0.2, 0.3, 0.4};
    unsigned counts[4] = {0};
    const unsigned n = 100000;
    double chi_square = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "a", "b");
    for (unsigned i = 0; i < n; i++) {
        double x = (double)vs_dist_draw(&dist, &rng) / MS;

        CU_ASSERT_FATAL((x >= 1 && x <= 2) || (x >= 4 && x <= 5));
        counts[x == 1 ? 0 : x < 2 ? 1 : x == 2 ? 2 : 3]++;
    }
    for (unsigned i = 0; i < 4; i++) {
        double difference = counts[i] - expected[i] * n;

        chi_square += difference * difference / (expected[i] * n);
    }
    CU_ASSERT(gsl_cdf_chisq_Q(chi_square, 3) > 0.001);
    CU_ASSERT_DOUBLE_EQUAL(vs_dist_mean(&dist) / MS,
                           0.1 + 0.2 * 1.5 + 0.3 * 2 + 0.4 * 4.5, 1e-14);
    vs_dist_clear(&dist);
}

static void
test_draws_stay_in_range(void)
{
    static const char *const texts[] = {
        "pareto(1h, 0.001)",
        "weibull(1h, 0.001)",
        "lognormal(1280h, 1000000000)",
        "exponential(1280h)",
        "normal(0s, 1ps)",
        "normal(0s, 1280h)",
        "erlang(1ps, 1000)",
        "hyperexponential(1ps, 1000000000)",
        "weibull(1ps, 1000000000)",
        "uniform(0s, 1280h)",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        VsDist dist = get_dist(texts[i]);
        int64_t greatest = 0;
        VsRng rng;

        vs_rng_init(&rng, 1, texts[i], "range");
        for (unsigned j = 0; j < 5000; j++) {
            int64_t draw = vs_dist_draw(&dist, &rng);

            CU_ASSERT_FATAL(draw >= 0 && draw <= VS_DIST_DRAW_MAX);
            greatest = MAX(greatest, draw);
        }
        if (i < 2) {
            CU_ASSERT_EQUAL(greatest, VS_DIST_DRAW_MAX);
        }
        vs_dist_clear(&dist);
    }
}

static void
test_draws_are_frozen(void)
{
    /* A change here changes the results of every scenario that draws from that law. */
    static const uint64_t expected[] = {
        0x94257F689CF4F52F, 0x5CA77B8FB65162A1, 0x4660FC008B762663, 0xAE291829482CAAB6,
        0x1ECBAD79714D1A19, 0xD74366E73D167291, 0x69442116C0159A88, 0x0707B02DD7953A98,
        0x99E3F06299EDB217, 0xD6161D193060E60F,
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(expected) == G_N_ELEMENTS(laws));
    for (unsigned i = 0; i < G_N_ELEMENTS(laws); i++) {
        VsDist dist = get_dist(laws[i].text);
        uint64_t digest = 0;
        VsRng rng;

        vs_rng_init(&rng, 7, "pod-7", "service-time");
        for (unsigned j = 0; j < 20000; j++) {
            digest = vs_mix64(digest ^ (uint64_t)vs_dist_draw(&dist, &rng));
        }
        CU_ASSERT_EQUAL(digest, expected[i]);
        if (digest != expected[i]) {
            printf("\n    %s: 0x%016" G_GINT64_MODIFIER "X\n", laws[i].text, digest);
        }
        vs_dist_clear(&dist);
    }
}

static const VsTestCase tests[] = {
    {"the ziggurat tables can be computed again",
     test_the_ziggurat_tables_can_be_computed_again},
    {"exponential draws are those without short cuts",
     test_exponential_draws_are_those_without_short_cuts},
    {"exponential draws fit their law and its tail",
     test_exponential_draws_fit_their_law_and_its_tail},
    {"normal draws fit their law and its tail",
     test_normal_draws_fit_their_law_and_its_tail},
    {"every law fits its distribution function",
     test_every_law_fits_its_distribution_function},
    {"every law has its mean and variation", test_every_law_has_its_mean_and_variation},
    {"means and variations may be infinite", test_means_and_variations_may_be_infinite},
    {"constants take no random number", test_constants_take_no_random_number},
    {"uniform reaches both ends", test_uniform_reaches_both_ends},
    {"points make atoms, stretches and gaps",
     test_points_make_atoms_stretches_and_gaps},
    {"draws stay in range", test_draws_stay_in_range},
    {"draws are frozen", test_draws_are_frozen},
    {0},
};

VS_TESTS("dist")

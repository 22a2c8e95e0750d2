#include "base/dist.h"

#include <math.h>

#include "base/fmath.h"

#define NANO 1000000000

/* Draws. ---------------------------------------------------------------------------------- */

/* Whether (x, y) lies under exp(-x), x in the strip of 'layer' that the curve crosses.  With
 * d the way to the layer's right border, the curve is exp(d) times as high as there: four
 * terms of the series leave less than d^5/50, as d < 0.8 in all layers, which settles nearly
 * all cases as vs_exp() would. */
static inline bool
is_under_exponential(unsigned layer, double x, double y)
{
    const double height = vs_ziggurat_exponential.height[layer];
    double d = vs_ziggurat_exponential.scale[layer] * 0x1p53 - x;
    double square = d * d;
    double excess =
        y - height * (1 + d + square * (1.0 / 2 + d * (1.0 / 6) + square * (1.0 / 24)));

    if (excess < -1e-12) {
        return true;
    }
    if (excess > height * (square * square * d) * (1.0 / 50) + 1e-12) {
        return false;
    }
    return y < vs_exp(-x);
}

double
vs_draw_exponential_at_edge(VsRng *rng, uint64_t bits)
{
    for (;;) {
        const double *height = vs_ziggurat_exponential.height;
        unsigned layer = bits & 255;
        uint64_t position = bits >> 11;
        double x = (double)(int64_t)position * vs_ziggurat_exponential.scale[layer];
        double y;

        if (position < vs_ziggurat_exponential.inner[layer]) {
            return x;
        }
        if (layer == 0) {
            /* The tail is the whole again: an exponential has no memory. */
            return VS_ZIGGURAT_EXPONENTIAL_TAIL + vs_draw_exponential(rng);
        }
        y = height[layer] + vs_rng_double(rng) * (height[layer + 1] - height[layer]);
        if (is_under_exponential(layer, x, y)) {
            return x;
        }
        bits = vs_rng_u64(rng);
    }
}

/* Beyond r: exponentials under the curve (Marsaglia 1964). */
static double
draw_normal_tail(VsRng *rng)
{
    double x, y;

    do {
        x = vs_draw_exponential(rng) / VS_ZIGGURAT_NORMAL_TAIL;
        y = vs_draw_exponential(rng);
    } while (2 * y < x * x);
    return VS_ZIGGURAT_NORMAL_TAIL + x;
}

double
vs_draw_normal(VsRng *rng)
{
    for (;;) {
        /* As for the exponential, and bit 8 is the sign. */
        uint64_t bits = vs_rng_u64(rng);
        const double *height = vs_ziggurat_normal.height;
        unsigned layer = bits & 255;
        uint64_t position = bits >> 11;
        double x = (double)(int64_t)position * vs_ziggurat_normal.scale[layer];

        if (G_UNLIKELY(position >= vs_ziggurat_normal.inner[layer])) {
            if (layer == 0) {
                x = draw_normal_tail(rng);
            } else {
                double y = height[layer] +
                           vs_rng_double(rng) * (height[layer + 1] - height[layer]);

                if (y >= vs_exp(-0.5 * x * x)) {
                    continue;
                }
            }
        }
        return bits & 256 ? -x : x;
    }
}

/* To the nearest integer; 'x' is not negative. */
static inline int64_t
round_draw(double x)
{
    return G_LIKELY(x < (double)VS_DIST_DRAW_MAX) ? (int64_t)(x + 0.5)
                                                  : VS_DIST_DRAW_MAX;
}

static double
draw_empirical(const VsDist *dist, VsRng *rng)
{
    const VsDistPoint *points = dist->points;
    double u = vs_rng_double(rng) * NANO;
    unsigned from = 0, to = dist->n_points - 1;
    double before, width;

    /* The first point with more than 'u' below it; the last has all. */
    while (from < to) {
        unsigned middle = (from + to) / 2;

        if ((double)points[middle].cumulative_ppb > u) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    if (from == 0) {
        return (double)points[0].value;
    }
    before = (double)points[from - 1].cumulative_ppb;
    width = (double)points[from].cumulative_ppb - before;
    return (double)points[from - 1].value +
           (double)(points[from].value - points[from - 1].value) *
               ((u - before) / width);
}

int64_t
vs_dist_draw(const VsDist *dist, VsRng *rng)
{
    double x = 0;

    switch (dist->kind) {
    case VS_DIST_CONSTANT:
        return dist->value[0];

    case VS_DIST_EXPONENTIAL:
        return round_draw(dist->a * vs_draw_exponential(rng));

    case VS_DIST_UNIFORM:
        return dist->value[0] +
               (int64_t)vs_rng_below(rng,
                                     (uint64_t)(dist->value[1] - dist->value[0]) + 1);

    case VS_DIST_NORMAL:
        do {
            x = dist->a + dist->b * vs_draw_normal(rng);
        } while (x < 0);
        break;

    case VS_DIST_LOGNORMAL:
        x = dist->a * vs_exp(dist->b * vs_draw_normal(rng));
        break;

    case VS_DIST_PARETO: /* -log of a uniform number is exponential. */
        x = dist->a * vs_exp(dist->b * vs_draw_exponential(rng));
        break;

    case VS_DIST_WEIBULL:
        x = dist->a * vs_pow(vs_draw_exponential(rng), dist->b);
        break;

    case VS_DIST_HYPEREXPONENTIAL:
        x = vs_rng_double(rng) < dist->a ? dist->b : dist->c;
        x *= vs_draw_exponential(rng);
        break;

    case VS_DIST_ERLANG:
        for (unsigned i = 0; i < (unsigned)dist->b; i++) {
            x += vs_draw_exponential(rng);
        }
        x *= dist->a;
        break;

    case VS_DIST_EMPIRICAL:
        x = draw_empirical(dist, rng);
        break;
    }
    return round_draw(x);
}

/* Moments. -------------------------------------------------------------------------------- */

static double
shape_of(const VsDist *dist)
{
    return (double)dist->shape_nano / NANO;
}

/* The first two moments of the points' law: each stretch is uniform between its ends. */
static void
get_empirical_moments(const VsDist *dist, double *ret_mean, double *ret_square)
{
    double before_value = (double)dist->points[0].value, before = 0;
    double mean = 0, square = 0;

    for (unsigned i = 0; i < dist->n_points; i++) {
        double value = (double)dist->points[i].value;
        double cumulative = (double)dist->points[i].cumulative_ppb / NANO;
        double p = cumulative - before;

        mean += p * (before_value + value) / 2;
        square += p *
                  (before_value * before_value + before_value * value + value * value) /
                  3;
        before_value = value;
        before = cumulative;
    }
    *ret_mean = mean;
    *ret_square = square;
}

/* The density of a normal at its truncation, over what is left: the mean moves up by this
 * many deviations. */
static double
get_truncation_shift(const VsDist *dist)
{
    double z = dist->a / dist->b;

    return 0.3989422804014327 * vs_exp(-0.5 * z * z) / vs_normal_cdf(z);
}

double
vs_dist_mean(const VsDist *dist)
{
    double shape = shape_of(dist);
    double mean, square;

    switch (dist->kind) {
    case VS_DIST_CONSTANT:
    case VS_DIST_EXPONENTIAL:
    case VS_DIST_LOGNORMAL:
    case VS_DIST_HYPEREXPONENTIAL:
    case VS_DIST_ERLANG:
        return (double)dist->value[0];

    case VS_DIST_UNIFORM:
        return ((double)dist->value[0] + (double)dist->value[1]) / 2;

    case VS_DIST_NORMAL:
        return dist->a + dist->b * get_truncation_shift(dist);

    case VS_DIST_PARETO:
        return shape > 1 ? dist->a * shape / (shape - 1) : INFINITY;

    case VS_DIST_WEIBULL:
        return dist->a * vs_gamma(1 + dist->b);

    case VS_DIST_EMPIRICAL:
        get_empirical_moments(dist, &mean, &square);
        return mean;
    }
    g_assert_not_reached();
}

double
vs_dist_scv(const VsDist *dist)
{
    double mean = vs_dist_mean(dist);
    double shape = shape_of(dist);
    double width, shift, square, gamma;

    switch (dist->kind) {
    case VS_DIST_CONSTANT:
        return 0;

    case VS_DIST_EXPONENTIAL:
        return mean > 0 ? 1 : 0;

    case VS_DIST_UNIFORM: /* Of integers, both ends included. */
        width = (double)(dist->value[1] - dist->value[0]);
        return width > 0 ? width * (width + 2) / 12 / (mean * mean) : 0;

    case VS_DIST_NORMAL:
        shift = get_truncation_shift(dist);
        square = dist->b * dist->b * (1 - shift * (dist->a / dist->b + shift));
        return square / (mean * mean);

    case VS_DIST_LOGNORMAL:
    case VS_DIST_HYPEREXPONENTIAL:
        return shape;

    case VS_DIST_PARETO:
        return shape > 2 ? 1 / (shape * (shape - 2)) : INFINITY;

    case VS_DIST_WEIBULL:
        square = vs_gamma(1 + 2 * dist->b);
        gamma = vs_gamma(1 + dist->b);
        return square < INFINITY ? MAX(square / (gamma * gamma) - 1, 0) : INFINITY;

    case VS_DIST_ERLANG:
        return 1 / shape;

    case VS_DIST_EMPIRICAL:
        get_empirical_moments(dist, &mean, &square);
        return mean > 0 ? MAX(square / (mean * mean) - 1, 0) : 0;
    }
    g_assert_not_reached();
}

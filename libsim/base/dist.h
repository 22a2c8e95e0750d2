/* Probability distributions of durations and sizes, and draws from them.
 *
 *   constant(2ms), or 2ms        always the same
 *   exponential(2ms)             mean
 *   uniform(1ms, 3ms)            least, greatest
 *   normal(2ms, 300us)           mean and standard deviation before truncation: a negative
 *                                draw is thrown away and drawn again
 *   lognormal(2ms, 4)            mean, squared coefficient of variation (SCV)
 *   pareto(1ms, 2.5)             least, alpha: P(X > x) = (least / x)^alpha
 *   weibull(2ms, 0.7)            scale, shape: P(X > x) = exp(-(x / scale)^shape)
 *   hyperexponential(2ms, 4)     mean, SCV >= 1: two exponentials with balanced means
 *   erlang(2ms, 3)               mean, number of exponential stages
 *   empirical(1ms:0.1, 2ms:0.5, 5ms:1)
 *                                value:P(X <= value).  A uniform number is looked up and
 *                                interpolated linearly between the points around it, so
 *                                that half of the draws here are above 2ms, evenly up to
 *                                5ms.  The first point is an atom: a tenth are just 1ms.
 *                                Values and probabilities never fall, the last is 1; two
 *                                points of one value make an atom, two of one probability
 *                                a gap.
 *
 * Draws give the same bits on every machine.  The means and SCVs are of the law itself;
 * a draw is rounded to the nearest integer and never above VS_DIST_DRAW_MAX. */
#ifndef VS_BASE_DIST_H
#define VS_BASE_DIST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/ziggurat.h"

#define VS_DIST_ERROR (vs_dist_error_quark())

/* 2^62: 53 days in picoseconds, which can be added to any time of a run. */
#define VS_DIST_DRAW_MAX (INT64_C(1) << 62)

typedef enum {
    VS_DIST_ERROR_SYNTAX,   /* Not a name with arguments in parentheses. */
    VS_DIST_ERROR_NAME,     /* No such distribution. */
    VS_DIST_ERROR_ARGUMENT, /* Too many, too few, or out of range. */
} VsDistError;

typedef enum {
    VS_DIST_CONSTANT,
    VS_DIST_EXPONENTIAL,
    VS_DIST_UNIFORM,
    VS_DIST_NORMAL,
    VS_DIST_LOGNORMAL,
    VS_DIST_PARETO,
    VS_DIST_WEIBULL,
    VS_DIST_HYPEREXPONENTIAL,
    VS_DIST_ERLANG,
    VS_DIST_EMPIRICAL,
} VsDistKind;

typedef enum {
    VS_DIST_TIME, /* Picoseconds. */
    VS_DIST_SIZE, /* Bytes. */
} VsDistUnit;

typedef struct {
    int64_t value;
    uint64_t cumulative_ppb;
} VsDistPoint;

/* Compiled: what a draw needs is at hand in 'a', 'b', 'c' (their meaning is dist.c's).  All
 * zero is constant(0ps).  A copy shares the points with the original. */
typedef struct VsDist {
    VsDistKind kind;
    VsDistUnit unit;
    unsigned n_points;
    int64_t value[2];    /* The arguments as given: in ps or bytes, */
    uint64_t shape_nano; /* and without unit. */
    double a, b, c;
    VsDistPoint *points; /* Owned; empirical only. */
} VsDist;

GQuark vs_dist_error_quark(void);

/* Reads a distribution of durations, or of sizes ("lognormal(10kB, 4)").  'ret' is to be
 * cleared with vs_dist_clear(); it is untouched when false is returned with 'error' set in
 * the domain VS_DIST_ERROR or, for a bad quantity, VS_UNITS_ERROR. */
bool vs_dist_parse(const char *text, VsDist *ret,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool vs_dist_parse_size(const char *text, VsDist *ret,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Durations without a detour over text; 'ps' and 'mean_ps' are 0 or more. */
void vs_dist_init_constant(VsDist *dist, int64_t ps);
void vs_dist_init_exponential(VsDist *dist, int64_t mean_ps);

void vs_dist_clear(VsDist *dist);

/* The text again, newly allocated, so that reading it gives the same distribution. */
char *vs_dist_format(const VsDist *dist);

/* A draw in ps (or bytes), 0 .. VS_DIST_DRAW_MAX.  O(1); Erlang takes a step for each
 * stage, empirical a binary search. */
int64_t vs_dist_draw(const VsDist *dist, VsRng *rng);

/* The mean in ps (or bytes) and the squared coefficient of variation, each INFINITY where
 * the integral diverges.  The SCV of a constant 0 is 0. */
double vs_dist_mean(const VsDist *dist);
double vs_dist_scv(const VsDist *dist);

/* Draws without a unit: exponential with mean 1, normal with mean 0 and variance 1.  By
 * ziggurat (Marsaglia and Tsang, J. Stat. Software 5, 2000) with 256 layers: nearly always
 * one vs_rng_u64(), one multiplication and one comparison. */
/* For vs_draw_exponential() alone: what one multiplication and comparison could not settle, a
 * draw of 46.  'bits' fell into the strip of its layer that the curve crosses, or into the
 * tail. */
double vs_draw_exponential_at_edge(VsRng *rng, uint64_t bits);

static inline double
vs_draw_exponential(VsRng *rng)
{
    /* Bits 0-7 choose the layer, 11-63 the place in it: they are independent. */
    uint64_t bits = vs_rng_u64(rng);
    unsigned layer = bits & 255;
    uint64_t position = bits >> 11;

    if (G_LIKELY(position < vs_ziggurat_exponential.inner[layer])) {
        return (double)(int64_t)position * vs_ziggurat_exponential.scale[layer];
    }
    return vs_draw_exponential_at_edge(rng, bits);
}

double vs_draw_normal(VsRng *rng);

#endif

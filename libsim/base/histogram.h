/* Counts of values in buckets 0.1 % wide, for quantiles of latencies.
 *
 * The layout is HdrHistogram's with three significant digits: values below 2048 have a
 * bucket each; above, every octave has 1024 buckets.  An octave (8 KiB) is allocated when
 * it is first hit, so memory follows the spread of the values and not their number.
 *
 * Count, sum, least and greatest are exact.  A histogram is a sum over its values: the order
 * of recording and merging does not matter, to the last bit. */
#ifndef VS_BASE_HISTOGRAM_H
#define VS_BASE_HISTOGRAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define VS_HISTOGRAM_OCTAVE_LENGTH 1024
#define VS_HISTOGRAM_VALUE_MAX (INT64_C(1) << 62)
/* Values 0..1023, then [2^10, 2^11) up to [2^62, 2^63). */
#define VS_HISTOGRAM_N_OCTAVES 54

__extension__ typedef unsigned __int128 VsHistogramSum;

typedef struct {
    uint64_t count;
    int64_t min, max;
    VsHistogramSum sum;
    uint64_t *octaves[VS_HISTOGRAM_N_OCTAVES];
} VsHistogram;

/* A zeroed one stands before the first bucket. */
typedef struct {
    unsigned index;               /* Of the bucket to look at next. */
    int64_t value_from, value_to; /* Both belong to the bucket. */
    uint64_t count;
    uint64_t cumulative; /* Count of this and all buckets before. */
} VsHistogramIter;

void vs_histogram_init(VsHistogram *histogram);
void vs_histogram_clear(VsHistogram *histogram);

/* For the inline functions below alone. */
uint64_t *vs_histogram_add_octave(VsHistogram *histogram, unsigned octave);
int64_t vs_histogram_widen(VsHistogram *histogram, int64_t value);

/* Counts 'value' 'n' times.  It must not be negative; above VS_HISTOGRAM_VALUE_MAX it counts
 * as that.  O(1), allocation-free once the octave has been seen. */
static inline void
vs_histogram_record_n(VsHistogram *histogram, int64_t value, uint64_t n)
{
    unsigned octave, shift;
    uint64_t *counts;

    if (G_UNLIKELY(n == 0)) {
        return;
    }
    /* Seldom after the first values. */
    if (G_UNLIKELY(value < histogram->min || value > histogram->max)) {
        value = vs_histogram_widen(histogram, value);
    }

    /* With b the highest set bit: 0 for b < 10, else b - 9; an octave's buckets are
     * 2^(octave - 1) wide, and the ten bits below the highest number them. */
    octave = (63 ^ (unsigned)__builtin_clzll((uint64_t)value | 512)) - 9;
    shift = octave - (octave != 0);
    counts = histogram->octaves[octave];
    if (G_UNLIKELY(!counts)) {
        counts = vs_histogram_add_octave(histogram, octave);
    }
    counts[((uint64_t)value >> shift) % VS_HISTOGRAM_OCTAVE_LENGTH] += n;
    histogram->count += n;
    histogram->sum += (VsHistogramSum)(uint64_t)value * n;
}

static inline void
vs_histogram_record(VsHistogram *histogram, int64_t value)
{
    vs_histogram_record_n(histogram, value, 1);
}

/* Adds all of 'src' to 'dst'. */
void vs_histogram_merge(VsHistogram *dst, const VsHistogram *src);

/* All 0 when nothing is recorded.  Mean is exact but for the last rounding; the standard
 * deviation is the population's, of the buckets' middles. */
uint64_t vs_histogram_count(const VsHistogram *histogram);
int64_t vs_histogram_min(const VsHistogram *histogram);
int64_t vs_histogram_max(const VsHistogram *histogram);
double vs_histogram_mean(const VsHistogram *histogram);
double vs_histogram_stddev(const VsHistogram *histogram);

/* The greatest value of the bucket in which the cumulative count reaches ceil('q' * count),
 * at least 1: as HdrHistogram, so up to 0.1 % above the true order statistic, and possibly
 * above vs_histogram_max().  'q' is in [0, 1].  0 when nothing is recorded. */
int64_t vs_histogram_quantile(const VsHistogram *histogram, double q);

/* Steps to the next bucket that is not empty; false at the end. */
bool vs_histogram_next(const VsHistogram *histogram, VsHistogramIter *iter);

/* Appends the percentile distribution in HdrHistogram's text format (".hgrm"), five lines
 * for each halving of what is left to 100 %, values divided by 'unit_ps' (1e9: ps to ms). */
void vs_histogram_print_hgrm(const VsHistogram *histogram, double unit_ps,
                             GString *out);

#endif

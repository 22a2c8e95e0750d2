#include "base/histogram.h"

#include "base/fmath.h"

#define N_BUCKETS (VS_HISTOGRAM_N_OCTAVES * VS_HISTOGRAM_OCTAVE_LENGTH)

/* HdrHistogram's words for our layout: the first two octaves are its bucket 0. */
#define SUB_BUCKETS (2 * VS_HISTOGRAM_OCTAVE_LENGTH)

void
vs_histogram_init(VsHistogram *histogram)
{
    *histogram = (VsHistogram){.min = INT64_MAX};
}

void
vs_histogram_clear(VsHistogram *histogram)
{
    for (unsigned i = 0; i < VS_HISTOGRAM_N_OCTAVES; i++) {
        g_free(histogram->octaves[i]);
    }
    vs_histogram_init(histogram);
}

uint64_t *
vs_histogram_add_octave(VsHistogram *histogram, unsigned octave)
{
    histogram->octaves[octave] = g_new0(uint64_t, VS_HISTOGRAM_OCTAVE_LENGTH);
    return histogram->octaves[octave];
}

int64_t
vs_histogram_widen(VsHistogram *histogram, int64_t value)
{
    g_assert(value >= 0);
    value = MIN(value, VS_HISTOGRAM_VALUE_MAX);
    histogram->min = MIN(histogram->min, value);
    histogram->max = MAX(histogram->max, value);
    return value;
}

void
vs_histogram_merge(VsHistogram *dst, const VsHistogram *src)
{
    for (unsigned i = 0; i < VS_HISTOGRAM_N_OCTAVES; i++) {
        if (!src->octaves[i]) {
            continue;
        }
        if (!dst->octaves[i]) {
            vs_histogram_add_octave(dst, i);
        }
        for (unsigned j = 0; j < VS_HISTOGRAM_OCTAVE_LENGTH; j++) {
            dst->octaves[i][j] += src->octaves[i][j];
        }
    }
    dst->count += src->count;
    dst->sum += src->sum;
    dst->min = MIN(dst->min, src->min);
    dst->max = MAX(dst->max, src->max);
}

uint64_t
vs_histogram_count(const VsHistogram *histogram)
{
    return histogram->count;
}

int64_t
vs_histogram_min(const VsHistogram *histogram)
{
    return histogram->count ? histogram->min : 0;
}

int64_t
vs_histogram_max(const VsHistogram *histogram)
{
    return histogram->max;
}

double
vs_histogram_mean(const VsHistogram *histogram)
{
    return histogram->count ? (double)histogram->sum / (double)histogram->count : 0;
}

double
vs_histogram_stddev(const VsHistogram *histogram)
{
    double mean = vs_histogram_mean(histogram);
    double squares = 0;
    VsHistogramIter iter = {0};

    if (histogram->count == 0) {
        return 0;
    }
    while (vs_histogram_next(histogram, &iter)) {
        int64_t middle = iter.value_from + (iter.value_to - iter.value_from + 1) / 2;
        double deviation = (double)middle - mean;

        squares += deviation * deviation * (double)iter.count;
    }
    return vs_sqrt(squares / (double)histogram->count);
}

bool
vs_histogram_next(const VsHistogram *histogram, VsHistogramIter *iter)
{
    while (iter->index < N_BUCKETS && iter->cumulative < histogram->count) {
        unsigned octave = iter->index / VS_HISTOGRAM_OCTAVE_LENGTH;
        unsigned place = iter->index % VS_HISTOGRAM_OCTAVE_LENGTH;
        const uint64_t *counts = histogram->octaves[octave];
        int64_t within = place;
        unsigned shift = 0;

        if (!counts) {
            iter->index = (octave + 1) * VS_HISTOGRAM_OCTAVE_LENGTH;
            continue;
        }
        iter->index++;
        if (counts[place] == 0) {
            continue;
        }
        if (octave > 0) {
            shift = octave - 1;
            within += VS_HISTOGRAM_OCTAVE_LENGTH;
        }
        iter->value_from = within << shift;
        iter->value_to = iter->value_from + ((INT64_C(1) << shift) - 1);
        iter->count = counts[place];
        iter->cumulative += counts[place];
        return true;
    }
    return false;
}

/* The rank, from 1, of quantile 'q' among 'count' values.  The product is lowered by its
 * rounding error, for 0.7 * 10 must not become the 8th of 10. */
static uint64_t
rank_of(double q, uint64_t count)
{
    double exact = q * (double)count;
    uint64_t rank;

    exact -= exact * 0x1p-52;
    if (!(exact > 0)) {
        return 1;
    }
    if (exact >= (double)count) {
        return count;
    }
    rank = (uint64_t)exact;
    return MIN(rank + ((double)rank < exact), count);
}

int64_t
vs_histogram_quantile(const VsHistogram *histogram, double q)
{
    uint64_t rank = rank_of(q, histogram->count);
    VsHistogramIter iter = {0};

    g_assert(q >= 0 && q <= 1);
    while (vs_histogram_next(histogram, &iter)) {
        if (iter.cumulative >= rank) {
            return iter.value_to;
        }
    }
    return 0;
}

/* The buckets that HdrHistogram would have needed: each doubles what it can hold. */
static unsigned
count_hdr_buckets(int64_t max)
{
    unsigned n = 1;

    while (max >> (n - 1) >= SUB_BUCKETS) {
        n++;
    }
    return n;
}

void
vs_histogram_print_hgrm(const VsHistogram *histogram, double unit_ps, GString *out)
{
    const uint64_t count = histogram->count;
    VsHistogramIter iter = {0};
    unsigned halvings = 0, tick = 0;
    double above = 1; /* 2^-halvings. */

    g_string_append_printf(out, "%12s %12s %12s %12s\n\n", "Value", "Percentile",
                           "TotalCount", "1/(1-Percentile)");
    while (vs_histogram_next(histogram, &iter) && iter.cumulative < count) {
        /* Levels are 1 - 2^-halvings * (10 - tick) / 10, five ticks a halving, and a line is
         * due for each that this bucket reaches: in integers, exactly. */
        VsHistogramSum left = (VsHistogramSum)(count - iter.cumulative) * 10;

        while (left << halvings <= (VsHistogramSum)count * (10 - tick)) {
            double rest = above * (10 - tick) / 10;

            g_string_append_printf(
                out, "%12.3f %12.6f %12" G_GUINT64_FORMAT " %12.2f\n",
                (double)iter.value_to / unit_ps, 1 - rest, iter.cumulative, 1 / rest);
            if (++tick == 5) {
                tick = 0;
                halvings++;
                above /= 2;
            }
        }
    }
    if (count > 0) {
        /* The bucket that completes the count: one line for its level, one for 100 %. */
        double rest = above * (10 - tick) / 10;
        double value = (double)iter.value_to / unit_ps;

        g_string_append_printf(out, "%12.3f %12.6f %12" G_GUINT64_FORMAT " %12.2f\n",
                               value, 1 - rest, count, 1 / rest);
        g_string_append_printf(out, "%12.3f %12.6f %12" G_GUINT64_FORMAT " %12s\n",
                               value, 1.0, count, "inf");
    }
    g_string_append_printf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
                           vs_histogram_mean(histogram) / unit_ps,
                           vs_histogram_stddev(histogram) / unit_ps);
    g_string_append_printf(
        out, "#[Max     = %12.3f, Total count    = %12" G_GUINT64_FORMAT "]\n",
        (double)vs_histogram_max(histogram) / unit_ps, count);
    g_string_append_printf(out, "#[Buckets = %12u, SubBuckets     = %12d]\n",
                           count_hdr_buckets(vs_histogram_max(histogram)), SUB_BUCKETS);
}

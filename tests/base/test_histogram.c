#include "base/histogram.h"

#include <math.h>

#include "base/hash.h"
#include "vs_test.h"

/* Values of every magnitude up to 2^62, from latencies of nanoseconds on. */
static int64_t
pick_value(uint64_t i)
{
    uint64_t random = vs_mix64(i + 1);

    return (int64_t)((random >> 2) >> (random & 63) % 62);
}

static int
compare_values(const void *a_, const void *b_)
{
    const int64_t *a = a_, *b = b_;

    return (*a > *b) - (*a < *b);
}

static void
test_an_empty_histogram_is_all_zero(void)
{
    VsHistogram histogram;
    VsHistogramIter iter = {0};

    vs_histogram_init(&histogram);
    CU_ASSERT_EQUAL(vs_histogram_count(&histogram), 0);
    CU_ASSERT_EQUAL(vs_histogram_min(&histogram), 0);
    CU_ASSERT_EQUAL(vs_histogram_max(&histogram), 0);
    CU_ASSERT_EQUAL(vs_histogram_mean(&histogram), 0);
    CU_ASSERT_EQUAL(vs_histogram_stddev(&histogram), 0);
    CU_ASSERT_EQUAL(vs_histogram_quantile(&histogram, 0.5), 0);
    CU_ASSERT_FALSE(vs_histogram_next(&histogram, &iter));
    vs_histogram_clear(&histogram);
}

static void
test_values_below_2048_have_a_bucket_each(void)
{
    VsHistogram histogram;
    VsHistogramIter iter = {0};
    int64_t expected = 0;

    vs_histogram_init(&histogram);
    for (int64_t value = 0; value < 2048; value++) {
        vs_histogram_record(&histogram, value);
    }
    while (vs_histogram_next(&histogram, &iter)) {
        CU_ASSERT_EQUAL(iter.value_from, expected);
        CU_ASSERT_EQUAL(iter.value_to, expected);
        CU_ASSERT_EQUAL(iter.count, 1);
        expected++;
        CU_ASSERT_EQUAL(iter.cumulative, (uint64_t)expected);
    }
    CU_ASSERT_EQUAL(expected, 2048);
    vs_histogram_clear(&histogram);
}

static void
test_a_bucket_is_a_thousandth_wide(void)
{
    unsigned n_failures = 0;

    for (uint64_t i = 0; i < 3000; i++) {
        int64_t value = pick_value(i);
        VsHistogram histogram;
        VsHistogramIter iter = {0};

        vs_histogram_init(&histogram);
        vs_histogram_record(&histogram, value);
        n_failures += !vs_histogram_next(&histogram, &iter);
        n_failures += value < iter.value_from || value > iter.value_to;
        n_failures += iter.value_to - iter.value_from > value / 1024;
        n_failures += vs_histogram_next(&histogram, &iter);
        vs_histogram_clear(&histogram);
    }
    CU_ASSERT_EQUAL(n_failures, 0);
}

static void
test_buckets_touch_at_every_power_of_two(void)
{
    for (unsigned bit = 0; bit < 62; bit++) {
        int64_t power = INT64_C(1) << bit;
        VsHistogram histogram;
        VsHistogramIter below = {0}, at;

        vs_histogram_init(&histogram);
        vs_histogram_record(&histogram, power - 1);
        vs_histogram_record(&histogram, power);
        CU_ASSERT_TRUE(vs_histogram_next(&histogram, &below));
        at = below;
        CU_ASSERT_TRUE(vs_histogram_next(&histogram, &at));
        CU_ASSERT_EQUAL(below.value_to, power - 1);
        CU_ASSERT_EQUAL(at.value_from, power);
        vs_histogram_clear(&histogram);
    }
}

static void
test_too_large_values_count_as_the_greatest(void)
{
    VsHistogram histogram;

    vs_histogram_init(&histogram);
    vs_histogram_record(&histogram, INT64_MAX);
    vs_histogram_record(&histogram, VS_HISTOGRAM_VALUE_MAX);
    CU_ASSERT_EQUAL(vs_histogram_max(&histogram), VS_HISTOGRAM_VALUE_MAX);
    CU_ASSERT_EQUAL(vs_histogram_min(&histogram), VS_HISTOGRAM_VALUE_MAX);
    CU_ASSERT_EQUAL(vs_histogram_mean(&histogram), 0x1p62);
    vs_histogram_clear(&histogram);
}

static void
test_quantiles_are_order_statistics_within_a_thousandth(void)
{
    static const double quantiles[] = {0, 0.001, 0.1, 0.5, 0.7, 0.9, 0.99, 0.999, 1};
    enum { N = 10000 };
    static int64_t values[N];
    VsHistogram histogram;

    vs_histogram_init(&histogram);
    for (unsigned i = 0; i < N; i++) {
        values[i] = pick_value(i);
        vs_histogram_record(&histogram, values[i]);
    }
    qsort(values, N, sizeof(*values), compare_values);
    for (unsigned i = 0; i < G_N_ELEMENTS(quantiles); i++) {
        /* 0.7 * 10000 is a little more than 7000 in binary; the rank is 7000. */
        unsigned rank = (unsigned)(quantiles[i] * 1000 + 0.5) * (N / 1000);
        int64_t exact = values[MAX(rank, 1) - 1];
        int64_t found = vs_histogram_quantile(&histogram, quantiles[i]);

        CU_ASSERT(found >= exact && found - exact <= exact / 1024);
    }
    vs_histogram_clear(&histogram);
}

static void
test_moments_are_those_of_the_values(void)
{
    VsHistogram histogram;
    double mean = 0, square = 0;

    vs_histogram_init(&histogram);
    for (int64_t value = 1; value <= 2000; value++) { /* Buckets of one value: exact. */
        vs_histogram_record_n(&histogram, value, 3);
        mean += (double)value / 2000;
        square += (double)(value * value) / 2000;
    }
    CU_ASSERT_EQUAL(vs_histogram_count(&histogram), 6000);
    CU_ASSERT_EQUAL(vs_histogram_min(&histogram), 1);
    CU_ASSERT_EQUAL(vs_histogram_max(&histogram), 2000);
    CU_ASSERT_EQUAL(vs_histogram_mean(&histogram), 1000.5);
    CU_ASSERT_DOUBLE_EQUAL(vs_histogram_stddev(&histogram), sqrt(square - mean * mean),
                           1e-8);
    vs_histogram_clear(&histogram);
}

static void
test_the_mean_of_huge_values_does_not_overflow(void)
{
    VsHistogram histogram;

    vs_histogram_init(&histogram);
    vs_histogram_record_n(&histogram, INT64_C(1) << 61, UINT64_C(1) << 60);
    CU_ASSERT_EQUAL(vs_histogram_mean(&histogram), 0x1p61);
    vs_histogram_record_n(&histogram, 5, 0); /* Nothing. */
    CU_ASSERT_EQUAL(vs_histogram_min(&histogram), INT64_C(1) << 61);
    vs_histogram_clear(&histogram);
}

static void
check_equal(const VsHistogram *a, const VsHistogram *b)
{
    VsHistogramIter i = {0}, j = {0};
    bool has_next;

    do {
        has_next = vs_histogram_next(a, &i);
        CU_ASSERT_EQUAL_FATAL(vs_histogram_next(b, &j), has_next);
        CU_ASSERT_EQUAL(i.value_from, j.value_from);
        CU_ASSERT_EQUAL(i.cumulative, j.cumulative);
    } while (has_next);
    CU_ASSERT_EQUAL(vs_histogram_count(a), vs_histogram_count(b));
    CU_ASSERT_EQUAL(vs_histogram_min(a), vs_histogram_min(b));
    CU_ASSERT_EQUAL(vs_histogram_max(a), vs_histogram_max(b));
    CU_ASSERT_EQUAL(vs_histogram_mean(a), vs_histogram_mean(b));
    CU_ASSERT_EQUAL(vs_histogram_stddev(a), vs_histogram_stddev(b));
}

static void
test_merging_is_recording_in_one(void)
{
    VsHistogram whole, parts[3], merged;

    vs_histogram_init(&whole);
    vs_histogram_init(&merged);
    for (unsigned i = 0; i < 3; i++) {
        vs_histogram_init(&parts[i]);
    }
    for (uint64_t i = 0; i < 5000; i++) {
        vs_histogram_record(&whole, pick_value(i));
        vs_histogram_record(&parts[i % 2], pick_value(i));
    }
    /* Whatever the order, and an empty one changes nothing. */
    for (unsigned i = 3; i-- > 0;) {
        vs_histogram_merge(&merged, &parts[i]);
    }
    check_equal(&whole, &merged);

    vs_histogram_clear(&whole);
    vs_histogram_clear(&merged);
    for (unsigned i = 0; i < 3; i++) {
        vs_histogram_clear(&parts[i]);
    }
}

static void
test_memory_follows_the_spread_of_values(void)
{
    VsHistogram histogram;
    unsigned n_octaves = 0;

    vs_histogram_init(&histogram);
    for (int64_t i = 0; i < 100000; i++) {
        vs_histogram_record(&histogram,
                            (INT64_C(1) << 31) + i * 10000); /* 2.1 to 3.1 ms. */
    }
    for (unsigned i = 0; i < VS_HISTOGRAM_N_OCTAVES; i++) {
        n_octaves += histogram.octaves[i] != NULL;
    }
    CU_ASSERT_EQUAL(n_octaves, 1);
    vs_histogram_clear(&histogram);
}

static void
test_hgrm_has_the_shape_that_plotters_read(void)
{
    /* 100, 200, .. 1000, in units of 100.  Levels are 0 %, then five steps to each half of
     * what is left; a line is due for each level that a bucket reaches, and the last bucket
     * ends them. */
    static const char expected[] =
        "       Value   Percentile   TotalCount 1/(1-Percentile)\n"
        "\n"
        "       1.000     0.000000            1         1.00\n"
        "       1.000     0.100000            1         1.11\n"
        "       2.000     0.200000            2         1.25\n"
        "       3.000     0.300000            3         1.43\n"
        "       4.000     0.400000            4         1.67\n"
        "       5.000     0.500000            5         2.00\n"
        "       6.000     0.550000            6         2.22\n"
        "       6.000     0.600000            6         2.50\n"
        "       7.000     0.650000            7         2.86\n"
        "       7.000     0.700000            7         3.33\n"
        "       8.000     0.750000            8         4.00\n"
        "       8.000     0.775000            8         4.44\n"
        "       8.000     0.800000            8         5.00\n"
        "       9.000     0.825000            9         5.71\n"
        "       9.000     0.850000            9         6.67\n"
        "       9.000     0.875000            9         8.00\n"
        "       9.000     0.887500            9         8.89\n"
        "       9.000     0.900000            9        10.00\n"
        "      10.000     0.912500           10        11.43\n"
        "      10.000     1.000000           10          inf\n"
        "#[Mean    =        5.500, StdDeviation   =        2.872]\n"
        "#[Max     =       10.000, Total count    =           10]\n"
        "#[Buckets =            1, SubBuckets     =         2048]\n";
    g_autoptr(GString) out = g_string_new(NULL);
    VsHistogram histogram;

    vs_histogram_init(&histogram);
    for (int64_t value = 100; value <= 1000; value += 100) {
        vs_histogram_record(&histogram, value);
    }
    vs_histogram_print_hgrm(&histogram, 100, out);
    CU_ASSERT_STRING_EQUAL(out->str, expected);
    if (strcmp(out->str, expected) != 0) {
        printf("\n%s", out->str);
    }
    vs_histogram_clear(&histogram);
}

static void
test_hgrm_resolves_the_tail_of_a_million(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    VsHistogram histogram;

    vs_histogram_init(&histogram);
    vs_histogram_record_n(&histogram, 1000, 999999);
    vs_histogram_record(&histogram, 2000);
    vs_histogram_print_hgrm(&histogram, 1, out);
    /* 19 halvings: 2^19 < 10^6 < 2^20; then nothing is left but the one. */
    CU_ASSERT_PTR_NOT_NULL(
        strstr(out->str, "    1000.000     0.999998       999999    524288.00\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(out->str, "    2000.000     1.000000      1000000          inf\n"));
    vs_histogram_clear(&histogram);

    g_string_truncate(out, 0);
    vs_histogram_print_hgrm(&histogram, 1, out); /* Empty: head and foot. */
    CU_ASSERT_PTR_NOT_NULL(strstr(out->str, "Total count    =            0]\n"));
}

static const VsTestCase tests[] = {
    {"an empty histogram is all zero", test_an_empty_histogram_is_all_zero},
    {"values below 2048 have a bucket each", test_values_below_2048_have_a_bucket_each},
    {"a bucket is a thousandth wide", test_a_bucket_is_a_thousandth_wide},
    {"buckets touch at every power of two", test_buckets_touch_at_every_power_of_two},
    {"too large values count as the greatest",
     test_too_large_values_count_as_the_greatest},
    {"quantiles are order statistics within a thousandth",
     test_quantiles_are_order_statistics_within_a_thousandth},
    {"moments are those of the values", test_moments_are_those_of_the_values},
    {"the mean of huge values does not overflow",
     test_the_mean_of_huge_values_does_not_overflow},
    {"merging is recording in one", test_merging_is_recording_in_one},
    {"memory follows the spread of values", test_memory_follows_the_spread_of_values},
    {"hgrm has the shape that plotters read",
     test_hgrm_has_the_shape_that_plotters_read},
    {"hgrm resolves the tail of a million", test_hgrm_resolves_the_tail_of_a_million},
    {0},
};

VS_TESTS("histogram")

/* Estimates with confidence intervals, as Law ("Simulation Modeling and Analysis")
 * makes them from one long run: the warm-up is removed by MSER-5, what is left is
 * cut into batches long enough to be nearly independent. */
#pragma once

#include <glib.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>

#include "vs_test.h"

enum { ORACLE_BATCHES = 20 };

/* One number for each customer, in order. */
typedef struct {
    double *values;
    size_t length;
    size_t capacity;
} OracleSeries;

static inline void
oracle_add(OracleSeries *series, double value)
{
    if (series->length == series->capacity) {
        series->capacity = MAX(2 * series->capacity, (size_t)1024);
        series->values = g_renew(double, series->values, series->capacity);
    }
    series->values[series->length++] = value;
}

static inline void
oracle_clear(OracleSeries *series)
{
    g_free(series->values);
    *series = (OracleSeries){0};
}

/* How many values belong to the warm-up: the truncation d <= n/2 of the means of
 * five that minimises sum (Y - mean)^2 / (n - d)^2 (White 1997). */
static inline size_t
oracle_warm_up(const OracleSeries *series)
{
    size_t n = series->length / 5;
    size_t best = 0;
    double least = INFINITY;
    double sum = 0;
    double squares = 0;

    for (size_t d = n; d-- > 0;) {
        const double *y = &series->values[5 * d];
        double mean = (y[0] + y[1] + y[2] + y[3] + y[4]) / 5;
        double left = (double)(n - d);

        sum += mean;
        squares += mean * mean;
        if (d <= n / 2) {
            double mser = (squares - sum * sum / left) / (left * left);

            if (mser < least) {
                least = mser;
                best = d;
            }
        }
    }
    return 5 * best;
}

typedef struct {
    double mean;
    double half;    /* Half the width of the confidence interval. */
    double lag_one; /* Correlation of neighbouring batches. */
} OracleInterval;

static inline OracleInterval
oracle_interval(const OracleSeries *series, size_t warm_up, double confidence)
{
    size_t length = (series->length - warm_up) / ORACLE_BATCHES;
    double means[ORACLE_BATCHES];
    double mean = 0;
    double variance = 0;
    double covariance = 0;
    double t = gsl_cdf_tdist_Pinv(1 - (1 - confidence) / 2, ORACLE_BATCHES - 1);

    for (size_t i = 0; i < ORACLE_BATCHES; i++) {
        double sum = 0;

        for (size_t k = 0; k < length; k++) {
            sum += series->values[warm_up + i * length + k];
        }
        means[i] = sum / (double)length;
        mean += means[i] / ORACLE_BATCHES;
    }
    for (size_t i = 0; i < ORACLE_BATCHES; i++) {
        variance += (means[i] - mean) * (means[i] - mean);
        covariance += i > 0 ? (means[i] - mean) * (means[i - 1] - mean) : 0;
    }
    return (OracleInterval){mean,
                            t * sqrt(variance / (ORACLE_BATCHES - 1) / ORACLE_BATCHES),
                            variance > 0 ? covariance / variance : 0};
}

static inline void
oracle_print_header(void)
{
    printf("\n    %-22s %-10s %12s %25s %12s\n", "model", "quantity", "value",
           "99 % confidence interval", "theory");
}

/* Prints a line of the table and asserts that the theory is in the interval, and the
 * interval narrower than 'precision' of it on either side. */
static inline void
oracle_check(const char *model, const char *quantity, const OracleSeries *series,
             size_t warm_up, double theory, double precision)
{
    OracleInterval interval = oracle_interval(series, warm_up, 0.99);

    printf("    %-22s %-10s %12.6f   [%10.6f, %9.6f] %12.6f\n", model, quantity,
           interval.mean, interval.mean - interval.half, interval.mean + interval.half,
           theory);
    CU_ASSERT(fabs(interval.mean - theory) <= interval.half);
    CU_ASSERT(interval.half <= precision * theory);
    CU_ASSERT(interval.lag_one < 0.5); /* 0.1 would need more than 20 batches to see. */
}

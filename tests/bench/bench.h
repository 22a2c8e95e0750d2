/* What the benches share: a clock, arguments, and the laws of the hold model, which the
 * peers in C++ include too. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Processor time of this process so far. */
static inline double
bench_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The positive number in argument 'place', or 'otherwise' without one. */
static inline double
bench_number(int argc, char **argv, int place, const char *name, double otherwise)
{
    double value = place < argc ? strtod(argv[place], NULL) : otherwise;

    if (!(value > 0)) {
        fprintf(stderr, "%s: %s must be a positive number\n", argv[0], name);
        exit(EXIT_FAILURE);
    }
    return value;
}

/* ---- The hold model ---- */

/* Increments are drawn before the clock starts. */
#define BENCH_N_INCREMENTS 32768

/* Enough for the mix of pending times to be steady, and any structure warm. */
#define BENCH_WARM_UP_HOLDS(n) (2 * (uint64_t)(n) + 100000)

typedef enum BenchLaw {
    BENCH_EXPONENTIAL, /* Mean 10^9. */
    BENCH_BIMODAL,     /* Exponential: 90 % of mean 10^7, 10 % of mean 10^10. */
    BENCH_EQUAL,       /* 10^9. */
} BenchLaw;

static inline BenchLaw
bench_law(const char *name)
{
    static const char *const names[] = {"exponential", "bimodal", "equal"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (BenchLaw)i;
        }
    }
    fprintf(stderr, "no law \"%s\": exponential, bimodal, equal\n", name);
    exit(EXIT_FAILURE);
}

/* A number in (0, 1], by SplitMix64. */
static inline double
bench_uniform(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)(((x ^ (x >> 31)) >> 11) + 1) * 0x1p-53;
}

static inline int64_t
bench_increment(BenchLaw law, uint64_t *state)
{
    double mean = 1e9;

    if (law == BENCH_EQUAL) {
        return (int64_t)mean;
    }
    if (law == BENCH_BIMODAL) {
        mean = bench_uniform(state) < 0.1 ? 1e10 : 1e7;
    }
    return (int64_t)(-log(bench_uniform(state)) * mean);
}

/* When one that is pending at the start is due: in the long run, what is left of an
 * exponential time is as long as all of it, and most of those found pending are long. */
static inline int64_t
bench_first(BenchLaw law, uint64_t *state)
{
    double mean = 1e9;

    if (law == BENCH_EQUAL) {
        return 0;
    }
    if (law == BENCH_BIMODAL) {
        mean = bench_uniform(state) < 1000.0 / 1009.0 ? 1e10 : 1e7;
    }
    return (int64_t)(-log(bench_uniform(state)) * mean);
}

/* Logarithm, exponential and power that give the same bits everywhere.
 *
 * The C library picks variants by processor at run time, so its last bit depends on the
 * machine; a random draw that passes through log() then does too, and so does the whole
 * run.  These use only + - * / and sqrt, which IEEE 754 rounds correctly, in a fixed order.
 * They are pure functions of their arguments' bits, given -ffp-contract=off. */
#ifndef VS_BASE_FMATH_H
#define VS_BASE_FMATH_H

#include <float.h>

#if defined(__FAST_MATH__)
#error "results must not depend on the compiler: build without -ffast-math"
#endif
#if FLT_EVAL_METHOD != 0
#error "double arithmetic must round to double: on i386 build with -msse2 -mfpmath=sse"
#endif

/* Natural logarithm, within 1 ulp.  -inf at 0, NaN below. */
double vs_log(double x);

/* e^x, within 1 ulp (2 for subnormal results).  0 below -745.2, inf above 709.8. */
double vs_exp(double x);

/* x^y for x >= 0, within 1 ulp; NaN for negative x. */
double vs_pow(double x, double y);

/* The gamma function for 0 < x <= 171, relative error below 1e-14; inf above, NaN below. */
double vs_gamma(double x);

/* The standard normal distribution function, absolute error below 1e-15. */
double vs_normal_cdf(double x);

/* Correctly rounded by IEEE 754, hence already the same everywhere. */
static inline double
vs_sqrt(double x)
{
    return __builtin_sqrt(x);
}

#endif

#include "base/fmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts: the first has 32 significant bits, so that a multiple by any exponent is
 * exact; the second carries on from there. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33

/* A sum of two doubles, of which 'low' is below half a unit in the last place of 'high'. */
typedef struct {
    double high, low;
} Pair;

static inline uint64_t
bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline double
double_of(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* a + b without error (Knuth). */
static inline Pair
two_sum(double a, double b)
{
    double high = a + b;
    double b_part = high - a;

    return (Pair){high, (a - (high - b_part)) + (b - b_part)};
}

/* a * b without error (Dekker), for |a|, |b| < 2^970. */
static inline Pair
two_product(double a, double b)
{
    double a_scaled = a * 0x1.0000002p27, b_scaled = b * 0x1.0000002p27;
    double a_high = a_scaled - (a_scaled - a), a_low = a - a_high;
    double b_high = b_scaled - (b_scaled - b), b_low = b - b_high;
    double high = a * b;

    return (Pair){high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) +
                            a_low * b_low};
}

/* The product of two pairs, to about 2^-102 of it. */
static inline Pair
pair_product(Pair a, Pair b)
{
    Pair product = two_product(a.high, b.high);

    return two_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

/* x = 2^exponent * mantissa with the mantissa in [sqrt(1/2), sqrt(2)), for finite x > 0. */
static inline double
split(double x, int *ret_exponent)
{
    uint64_t bits = bits_of(x);
    int exponent = 0;

    if (bits < UINT64_C(1) << 52) { /* Subnormal. */
        bits = bits_of(x * 0x1p54);
        exponent = -54;
    }
    /* Exponents change at sqrt(1/2) rather than at 1: move that to the border of a field. */
    bits += 0x3FF0000000000000u - 0x3FE6A09E667F3BCDu;
    *ret_exponent = exponent + (int)(bits >> 52) - 1023;
    return double_of((bits & 0x000FFFFFFFFFFFFFu) + 0x3FE6A09E667F3BCDu);
}

/* With s = f / (2 + f), log(1 + f) = 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...); |s| < 0.172.
 * This is 2/n + 2/(n+2) z + ... up to the term that no longer shows at z = s^2 < 0.0295. */
static inline double
atanh_series(double z, int n)
{
    static const double coefficients[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,
                                          2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17,
                                          2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25};
    double sum = 0;

    for (int i = 11; i >= n / 2 - 1; i--) {
        sum = sum * z + coefficients[i];
    }
    return sum;
}

double
vs_log(double x)
{
    double f, s, z, half_square, tail;
    int exponent;

    if (!(x > 0 && x < INFINITY)) {
        return x == 0 ? -INFINITY : x > 0 ? x : (double)NAN;
    }

    f = split(x, &exponent) - 1; /* Exact. */
    s = f / (2 + f);
    z = s * s;
    /* 2s = f - s f, and s f = h - s h with h = f^2/2: so the sum starts with f, which is
     * exact, and what is rounded is small beside it. */
    half_square = 0.5 * f * f;
    tail = s * (half_square + z * atanh_series(z, 3));
    return exponent * LN2_HIGH - ((half_square - (tail + exponent * LN2_LOW)) - f);
}

/* log(x) to about 2^-65 of it, for finite x > 0. */
static Pair
log_pair(double x)
{
    /* 2/3 in two parts. */
    const Pair two_thirds = {0x1.5555555555555p-1, 0x1.5555555555555p-55};
    double f, quotient, rest;
    Pair denominator, product, s, z, series, cube, sum, low;
    int exponent;

    f = split(x, &exponent) - 1;
    denominator = two_sum(f, 2);
    quotient = f / denominator.high;
    product = two_product(quotient, denominator.high);
    rest = ((f - product.high) - product.low) - quotient * denominator.low;
    s = two_sum(quotient, rest / denominator.high);

    z = pair_product(s, s);
    series = two_sum(two_thirds.high, z.high * atanh_series(z.high, 5));
    series.low += two_thirds.low;
    cube = pair_product(pair_product(s, z), series);

    sum = two_sum(exponent * LN2_HIGH, 2 * s.high);
    low = two_sum(sum.high, cube.high);
    return two_sum(low.high,
                   low.low + (sum.low + (cube.low + 2 * s.low + exponent * LN2_LOW)));
}

/* e^(x + x_low), for |x_low| far below |x| and |x| < 1000. */
static double
exp_sum(double x, double x_low)
{
    /* To the nearest multiple of ln 2; truncation is the only conversion C defines. */
    int exponent = (int)(x * 0x1.71547652b82fep+0 + (x < 0 ? -0.5 : 0.5));
    double high = x - exponent * LN2_HIGH; /* Exact. */
    double low = x_low - exponent * LN2_LOW;
    double r = high + low;
    double series = 0;
    Pair one_and_r;
    double result;

    /* 1/2 + r/6 + r^2/24 + ..., |r| < 0.347. */
    static const double inverse_factorial[] = {
        1.0 / 2,       1.0 / 6,         1.0 / 24,         1.0 / 120,
        1.0 / 720,     1.0 / 5040,      1.0 / 40320,      1.0 / 362880,
        1.0 / 3628800, 1.0 / 39916800., 1.0 / 479001600., 1.0 / 6227020800.,
    };
    low += high - r;
    for (int i = 11; i >= 0; i--) {
        series = series * r + inverse_factorial[i];
    }
    one_and_r = two_sum(1, r);
    result = one_and_r.high + (one_and_r.low + (r * r * series + low * (1 + r)));

    if (exponent >= -1021 && exponent <= 1023) {
        return result * double_of((uint64_t)(exponent + 1023) << 52);
    }
    if (exponent > 1023) { /* 2^1024 is no double. */
        return exponent > 1024 ? INFINITY : result * 2 * 0x1p1023;
    }
    return exponent < -1080
               ? 0
               : result * double_of((uint64_t)(exponent + 200 + 1023) << 52) * 0x1p-200;
}

double
vs_exp(double x)
{
    if (x > -746 && x < 710) {
        return exp_sum(x, 0);
    }
    return x >= 710 ? INFINITY : x <= -746 ? 0 : x;
}

double
vs_pow(double x, double y)
{
    Pair log_x, product;

    if (y == 0 || x == 1) {
        return 1;
    }
    if (!(x >= 0) || y != y) {
        return (double)NAN;
    }
    if (x == 0 || x == INFINITY) {
        return (x == 0) == (y > 0) ? 0 : INFINITY;
    }

    log_x = log_pair(x);
    if (!(y * log_x.high < 710)) {
        return INFINITY;
    }
    if (!(y * log_x.high > -746)) {
        return 0;
    }
    product = two_product(y, log_x.high);
    return exp_sum(product.high, product.low + y * log_x.low);
}

double
vs_gamma(double x)
{
    /* Stirling's series, from B(2n) / (2n (2n - 1)). */
    static const double series[] = {1.0 / 12,    -1.0 / 360, 1.0 / 1260,
                                    -1.0 / 1680, 1.0 / 1188, -691.0 / 360360};
    double divisor = 1, sum = 0, z;

    if (!(x > 0)) {
        return (double)NAN;
    }
    if (x > 171) {
        return INFINITY;
    }
    /* The series wants a large argument: gamma(x) = gamma(x + 1) / x. */
    for (; x < 16; x += 1) {
        divisor *= x;
    }
    z = 1 / (x * x);
    for (int i = 5; i >= 0; i--) {
        sum = sum * z + series[i];
    }
    /* sqrt(2 pi / x) (x / e)^x e^sum; the power in halves, for it alone overflows. */
    z = vs_pow(x, 0.5 * x) * vs_exp(-0.5 * x);
    return z * (vs_sqrt(0x1.921fb54442d18p+2 / x) * vs_exp(sum / x)) * z / divisor;
}

double
vs_normal_cdf(double x)
{
    double term = x, sum = x, half_square = 0.5 * x * x;

    if (x < 0) {
        return 1 - vs_normal_cdf(-x);
    }
    if (!(x < 9)) {
        return x == x ? 1 : x;
    }
    /* 1/2 + phi(x) (x + x^3/3 + x^5/(3*5) + ...) (Marsaglia, J. Stat. Software 11, 2004). */
    for (int n = 3; term > sum * 0x1p-56; n += 2) {
        term = term * (x * x) / n;
        sum += term;
    }
    return 0.5 + sum * vs_exp(-half_square) * 0x1.9884533d43651p-2;
}

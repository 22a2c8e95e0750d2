#include "base/fmath.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdint.h>

#include "base/hash.h"
#include "vs_test.h"

#define N_ARGUMENTS 200000

/* A number in [low, high), the same everywhere. */
static double
pick(uint64_t i, double low, double high)
{
    return low + (high - low) * ((double)(vs_mix64(i + 1) >> 11) * 0x1p-53);
}

/* Any positive double, subnormal ones too. */
static double
pick_positive(uint64_t i)
{
    uint64_t bits = vs_mix64(i + 1) % 0x7FF0000000000000u;
    double x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* |got - exact| in units of the last place of 'exact', which has more bits than a double
 * where long double does. */
static double
get_ulps(double got, long double exact)
{
    int exponent;

    if (exact == 0 || fabsl(exact) < (long double)DBL_MIN) {
        return (double)(fabsl(got - exact) / (long double)0x1p-1074);
    }
    frexpl(exact, &exponent);
    return (double)(fabsl(got - exact) / ldexpl(1, exponent - 53));
}

/* 'worst' within 'limit', or said aloud.  Without an extended long double the reference
 * itself is off by up to one. */
static void
check_ulps(double worst, double limit)
{
    if (LDBL_MANT_DIG < 64) {
        limit += 1;
    }
    CU_ASSERT(worst <= limit);
    if (!(worst <= limit)) {
        printf("\n    off by %.3f ulp\n", worst);
    }
}

static void
test_log_is_within_one_ulp(void)
{
    double worst = 0;

    for (uint64_t i = 0; i < N_ARGUMENTS; i++) {
        double any = pick_positive(i), near_one = pick(i, 0.5, 2),
               uniform = pick(i, 0, 1);

        worst = fmax(worst, get_ulps(vs_log(any), logl(any)));
        worst = fmax(worst, get_ulps(vs_log(near_one), logl(near_one)));
        worst = fmax(worst, get_ulps(vs_log(uniform), logl(uniform)));
    }
    check_ulps(worst, 1);
    CU_ASSERT_EQUAL(vs_log(1), 0);
    CU_ASSERT_EQUAL(vs_log(0), -INFINITY);
    CU_ASSERT_EQUAL(vs_log(INFINITY), INFINITY);
    CU_ASSERT(isnan(vs_log(-1)) && isnan(vs_log(NAN)));
}

static void
test_exp_is_within_one_ulp(void)
{
    double worst = 0, worst_subnormal = 0;

    for (uint64_t i = 0; i < N_ARGUMENTS; i++) {
        double any = pick(i, -708, 709.7), small = pick(i, -2, 2),
               tiny = pick(i, -745, -708.4);

        worst = fmax(worst, get_ulps(vs_exp(any), expl(any)));
        worst = fmax(worst, get_ulps(vs_exp(small), expl(small)));
        worst_subnormal = fmax(worst_subnormal, get_ulps(vs_exp(tiny), expl(tiny)));
    }
    check_ulps(worst, 1);
    check_ulps(worst_subnormal, 1);
    CU_ASSERT_EQUAL(vs_exp(0), 1);
    CU_ASSERT_EQUAL(vs_exp(-0x1p-1074), 1);
    CU_ASSERT_EQUAL(vs_exp(-746), 0);
    CU_ASSERT_EQUAL(vs_exp(-INFINITY), 0);
    CU_ASSERT_EQUAL(vs_exp(709.79), INFINITY);
    CU_ASSERT_EQUAL(vs_exp(INFINITY), INFINITY);
    CU_ASSERT(isfinite(vs_exp(709.78)));
    CU_ASSERT(isnan(vs_exp(NAN)));
}

static void
test_pow_is_within_one_ulp(void)
{
    double worst = 0;

    for (uint64_t i = 0; i < N_ARGUMENTS; i++) {
        double x = pick_positive(2 * i);
        double range = 700 / fabs(vs_log(x));
        double y = pick(2 * i + 1, -range, range);
        double usual = pick(2 * i, 0, 20), shape = pick(2 * i + 1, -4, 4);

        worst = fmax(worst, get_ulps(vs_pow(x, y), powl(x, y)));
        worst = fmax(worst, get_ulps(vs_pow(usual, shape), powl(usual, shape)));
    }
    check_ulps(worst, 1);
}

static void
test_pow_is_exact_where_a_double_is(void)
{
    CU_ASSERT_EQUAL(vs_pow(2, 10), 1024);
    CU_ASSERT_EQUAL(vs_pow(10, 15), 1e15);
    CU_ASSERT_EQUAL(vs_pow(9, 0.5), 3);
    CU_ASSERT_EQUAL(vs_pow(2, -1074), 0x1p-1074);
    CU_ASSERT_EQUAL(vs_pow(2, 1023), 0x1p1023);
    CU_ASSERT_EQUAL(vs_pow(2, 1024), INFINITY);
    CU_ASSERT_EQUAL(vs_pow(0.5, 1e300), 0);
    CU_ASSERT_EQUAL(vs_pow(0.5, -1e300), INFINITY);
    CU_ASSERT_EQUAL(vs_pow(5, 0), 1);
    CU_ASSERT_EQUAL(vs_pow(1, INFINITY), 1);
    CU_ASSERT_EQUAL(vs_pow(0, 2), 0);
    CU_ASSERT_EQUAL(vs_pow(0, -2), INFINITY);
    CU_ASSERT_EQUAL(vs_pow(INFINITY, 2), INFINITY);
    CU_ASSERT_EQUAL(vs_pow(INFINITY, -2), 0);
    CU_ASSERT_EQUAL(vs_pow(2, INFINITY), INFINITY);
    CU_ASSERT_EQUAL(vs_pow(2, -INFINITY), 0);
    CU_ASSERT(isnan(vs_pow(-1, 2)) && isnan(vs_pow(2, NAN)) && isnan(vs_pow(NAN, 2)));
}

static void
test_gamma_agrees_with_gsl(void)
{
    double factorial = 1, worst = 0;

    for (int n = 1; n <= 20; n++) {
        factorial *= n;
        CU_ASSERT_DOUBLE_EQUAL(vs_gamma(n + 1) / factorial, 1, 1e-14);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        double x = pick(i, 0.001, 170);

        worst = fmax(worst, fabs(vs_gamma(x) / (double)tgammal(x) - 1));
    }
    CU_ASSERT(worst < 1e-14);
    CU_ASSERT_DOUBLE_EQUAL(vs_gamma(1.7), gsl_sf_gamma(1.7), 1e-14);
    CU_ASSERT_DOUBLE_EQUAL(vs_gamma(0.5) * vs_gamma(0.5), acos(-1), 1e-14);
    CU_ASSERT_EQUAL(vs_gamma(172), INFINITY);
    CU_ASSERT(isnan(vs_gamma(0)));
}

static void
test_normal_cdf_agrees_with_gsl(void)
{
    double worst = 0;

    for (uint64_t i = 0; i < 20000; i++) {
        double x = pick(i, -10, 10);

        worst = fmax(worst, fabs(vs_normal_cdf(x) - gsl_cdf_ugaussian_P(x)));
    }
    CU_ASSERT(worst < 1e-15);
    CU_ASSERT_EQUAL(vs_normal_cdf(0), 0.5);
    CU_ASSERT_EQUAL(vs_normal_cdf(INFINITY), 1);
    CU_ASSERT_EQUAL(vs_normal_cdf(-INFINITY), 0);
}

/* One word for the bits of many results. */
static void
digest_add(uint64_t *digest, double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    *digest = vs_mix64(*digest ^ bits);
}

static void
test_results_have_the_same_bits_everywhere(void)
{
    uint64_t log_digest = 0, exp_digest = 0, pow_digest = 0, other_digest = 0;

    for (uint64_t i = 0; i < 50000; i++) {
        digest_add(&log_digest, vs_log(pick_positive(i)));
        digest_add(&log_digest, vs_log(pick(i, 0.5, 2)));
        digest_add(&exp_digest, vs_exp(pick(i, -745, 709)));
        digest_add(&pow_digest, vs_pow(pick(2 * i, 0, 20), pick(2 * i + 1, -4, 4)));
        digest_add(&other_digest, vs_gamma(pick(i, 0, 20)));
        digest_add(&other_digest, vs_normal_cdf(pick(i, -5, 5)));
    }
    /* From gcc 12, x86-64; a change is a change of every scenario's results. */
    CU_ASSERT_EQUAL(log_digest, 0xFD71033AAB18D6B5);
    CU_ASSERT_EQUAL(exp_digest, 0xFC164640305354DA);
    CU_ASSERT_EQUAL(pow_digest, 0x8352503F283C05ED);
    CU_ASSERT_EQUAL(other_digest, 0x8370ED72E22CE565);
}

static const VsTestCase tests[] = {
    {"log is within one ulp", test_log_is_within_one_ulp},
    {"exp is within one ulp", test_exp_is_within_one_ulp},
    {"pow is within one ulp", test_pow_is_within_one_ulp},
    {"pow is exact where a double is", test_pow_is_exact_where_a_double_is},
    {"gamma agrees with GSL", test_gamma_agrees_with_gsl},
    {"normal CDF agrees with GSL", test_normal_cdf_agrees_with_gsl},
    {"results have the same bits everywhere",
     test_results_have_the_same_bits_everywhere},
    {0},
};

VS_TESTS("fmath")

/* Distributions as text: what is read, what is printed, and what is refused. */
#include "base/dist.h"
#include "base/units.h"
#include "tests/base/random_fixture.h"

static void
test_what_was_printed_reads_as_the_same(void)
{
    static const char *const texts[] = {
        "constant(2ms)",        "exponential(1.5us)",
        "uniform(0ps, 3ms)",    "normal(2ms, 300us)",
        "lognormal(2ms, 0.25)", "pareto(1ms, 2.5)",
        "weibull(2ms, 0.7)",    "hyperexponential(2ms, 4)",
        "erlang(2ms, 3)",       "empirical(1ms:0.1, 2ms:0.5, 2ms:0.6, 5ms:1)",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        VsDist dist = get_dist(texts[i]);
        g_autofree char *text = vs_dist_format(&dist);

        CU_ASSERT_STRING_EQUAL(text, texts[i]);
        vs_dist_clear(&dist);
    }
}

static void
test_spaces_are_free(void)
{
    VsDist dist = get_dist("  empirical ( 1ms : 0.5 ,2 ms:1 ) ");
    g_autofree char *text = vs_dist_format(&dist);

    CU_ASSERT_STRING_EQUAL(text, "empirical(1ms:0.5, 2ms:1)");
    vs_dist_clear(&dist);
}

static void
test_sizes_have_distributions_too(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    VsDist dist;

    CU_ASSERT_TRUE_FATAL(vs_dist_parse_size("lognormal(10kB, 4)", &dist, &error));
    CU_ASSERT_EQUAL(vs_dist_mean(&dist), 10000);
    text = vs_dist_format(&dist);
    CU_ASSERT_STRING_EQUAL(text, "lognormal(10kB, 4)");
    vs_dist_clear(&dist);
    CU_ASSERT_FALSE(vs_dist_parse_size("10ms", &dist, &error));
    CU_ASSERT_TRUE(g_error_matches(error, VS_UNITS_ERROR, VS_UNITS_ERROR_UNIT_UNKNOWN));
}

static void
check_same(const VsDist *a, const VsDist *b)
{
    g_autofree char *a_text = vs_dist_format(a), *b_text = vs_dist_format(b);
    VsRng a_rng, b_rng;

    vs_rng_init(&a_rng, 1, "a", "b");
    b_rng = a_rng;
    CU_ASSERT_STRING_EQUAL(a_text, b_text);
    for (unsigned i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(vs_dist_draw(a, &a_rng), vs_dist_draw(b, &b_rng));
    }
}

static void
test_compiled_constructors_are_the_parsed_ones(void)
{
    VsDist parsed = get_dist("exponential(2ms)"), made;

    vs_dist_init_exponential(&made, 2000000000);
    check_same(&made, &parsed);
    parsed = get_dist("2ms");
    vs_dist_init_constant(&made, 2000000000);
    check_same(&made, &parsed);
}

static void
test_errors_say_what_would_be_right(void)
{
    static const struct {
        const char *text, *message;
        int code; /* Of VsDistError, or 100 + of VsUnitsError. */
    } rows[] = {
        {"exponental(2ms)", "did you mean exponential?", VS_DIST_ERROR_NAME},
        {"zipf(2)", "write one of constant exponential", VS_DIST_ERROR_NAME},
        {"exponential", "such as exponential(2ms)", VS_DIST_ERROR_SYNTAX},
        {"exponential(2ms", "such as exponential(2ms)", VS_DIST_ERROR_SYNTAX},
        {"(2ms)", "is not a distribution", VS_DIST_ERROR_SYNTAX},
        {"exponential()", "write exponential(MEAN)", VS_DIST_ERROR_ARGUMENT},
        {"exponential( )", "\"\" is not a time", 100 + VS_UNITS_ERROR_SYNTAX},
        {"pareto(1ms)", "write pareto(LEAST, ALPHA)", VS_DIST_ERROR_ARGUMENT},
        {"erlang(1ms, 2, 3)", "write erlang(MEAN, STAGES)", VS_DIST_ERROR_ARGUMENT},
        {"empirical()", "write empirical(VALUE:PROBABILITY, ...)",
         VS_DIST_ERROR_ARGUMENT},
        {"exponential(2)", "write 2ms or 2us", 100 + VS_UNITS_ERROR_UNIT_MISSING},
        {"2", "write 2ms or 2us", 100 + VS_UNITS_ERROR_UNIT_MISSING},
        {"", "not a time", 100 + VS_UNITS_ERROR_SYNTAX},
        {"exponential(0s)", "is zero", VS_DIST_ERROR_ARGUMENT},
        {"exponential(2000h)", "write at most", VS_DIST_ERROR_ARGUMENT},
        {"lognormal(1ms, 0)", "is zero", VS_DIST_ERROR_ARGUMENT},
        {"lognormal(1ms, 4%)", "not a number", 100 + VS_UNITS_ERROR_SYNTAX},
        {"uniform(3ms, 1ms)", "write the least first", VS_DIST_ERROR_ARGUMENT},
        {"hyperexponential(1ms, 0.5)", "write 1 or more", VS_DIST_ERROR_ARGUMENT},
        {"erlang(1ms, 2.5)", "whole number from 1 to 1000", VS_DIST_ERROR_ARGUMENT},
        {"erlang(1ms, 1001)", "whole number from 1 to 1000", VS_DIST_ERROR_ARGUMENT},
        {"empirical(1ms, 2ms:1)", "write 1ms:1", VS_DIST_ERROR_ARGUMENT},
        {"empirical(1ms:0.5, 2ms:0.9)", "write :1 there", VS_DIST_ERROR_ARGUMENT},
        {"empirical(1ms:0.5, 2ms:0.4)", "rising order", VS_DIST_ERROR_ARGUMENT},
        {"empirical(2ms:0.5, 1ms:1)", "rising order", VS_DIST_ERROR_ARGUMENT},
        {"empirical(1ms:1.5)", "above 1", VS_DIST_ERROR_ARGUMENT},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        bool is_units = rows[i].code >= 100;
        VsDist dist, untouched;
        bool is_right;

        memset(&dist, 0x5A, sizeof(dist));
        untouched = dist;
        is_right = !vs_dist_parse(rows[i].text, &dist, &error) &&
                   g_error_matches(error, is_units ? VS_UNITS_ERROR : VS_DIST_ERROR,
                                   rows[i].code % 100) &&
                   error->message[0] == '"' &&
                   strstr(error->message, rows[i].message) &&
                   memcmp(&dist, &untouched, sizeof(dist)) == 0;
        CU_ASSERT_TRUE(is_right);
        if (!is_right) {
            printf("\n    %s: %s\n", rows[i].text, error ? error->message : "no error");
        }
    }
}

static const VsTestCase tests[] = {
    {"what was printed reads as the same", test_what_was_printed_reads_as_the_same},
    {"spaces are free", test_spaces_are_free},
    {"sizes have distributions too", test_sizes_have_distributions_too},
    {"compiled constructors are the parsed ones",
     test_compiled_constructors_are_the_parsed_ones},
    {"errors say what would be right", test_errors_say_what_would_be_right},
    {0},
};
VS_TESTS("dist_parse")

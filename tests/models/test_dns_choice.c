/* Authoritative names with answers by weight and by place. */
#include "models/fixture.h"

/* How many packets of SYN went to each address. */
static unsigned
n_to(const Tap *tap, VsAddr address)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tap->entries->len; i++) {
        const TapEntry *entry = tap_get(tap, i);

        n += entry->flow.daddr == address && entry->tcp_flags == VS_TCP_SYN;
    }
    return n;
}

/* Chi-square with two degrees of freedom: above 13.8 once in a thousand.  The third is there for
 * the first half only, and others get its share then. */
static void
test_weights(void)
{
    enum { N = 20000 };
    static const unsigned weights[] = {10, 20, 70};
    Model *model = model_new(
        "%s<client id='c' costs='free' resolver='d' dns-cache='0s' "
        "arrivals='constant(1000/s)' timeout='1ms' to='http://www.example/'/>"
        "<link from='c' to='d'/><dns id='d' costs='free'>"
        "<record name='www.example' address='192.0.2.1' weight='10'/>"
        "<record name='www.example' address='192.0.2.2' weight='20'/>"
        "<record name='www.example' address='192.0.2.3' weight='70' until='20s'/>"
        "</dns><router id='r'/><link from='d' to='r'/><link from='r' to='c'/>",
        model_free_costs);
    Tap *tap = tap_new(model_host(model, "c")->root, VS_HOOK_OUTPUT);
    double chi2 = 0;
    unsigned total = 0;
    unsigned before;

    model_run(model, 20 * VS_S);
    for (unsigned i = 0; i < 3; i++) {
        double expected = N * weights[i] / 100.0;
        double n = n_to(tap, 0xc0000201 + i);

        total += (unsigned)n;
        chi2 += (n - expected) * (n - expected) / expected;
    }
    CU_ASSERT(total >= N - 1 && total <= N);
    CU_ASSERT(chi2 < 13.8);
    before = n_to(tap, 0xc0000203);
    model_run(model, 30 * VS_S);
    CU_ASSERT(n_to(tap, 0xc0000203) - before <= 1); /* Asked just before. */
    tap_free(tap);
    model_free(model);
}

/* Two clients in two subnets; the name has one address for the first and one for all. */
#define PLACES(resolver)                                                    \
    "<client id='a' resolver='%s' arrivals='constant(1/s)' timeout='1ms' "  \
    "to='http://www.example/'/><switch id='s1' subnet='10.1.0.0/24'/>"      \
    "<client id='b' resolver='%s' arrivals='constant(1/s)' timeout='1ms' "  \
    "to='http://www.example/'/><switch id='s2' subnet='10.2.0.0/24'/>"      \
    "<router id='r'/><link from='a' to='s1'/><link from='b' to='s2'/>"      \
    "<link from='s1' to='r'/><link from='s2' to='r'/>"                      \
    "<dns id='d'><record name='www.example' address='192.0.2.2'/>"          \
    "<record name='www.example' address='192.0.2.1' clients='10.1.0.0/16' " \
    "until='20s'/></dns><link from='d' to='r'/>"                            \
    "<resolver id='near' upstream='d' " resolver "/><link from='near' to='s2'/>"

static void
check_places(const char *resolver, const char *attributes, VsAddr of_a)
{
    g_autofree char *format =
        g_strdup_printf(PLACES("%s"), resolver, resolver, attributes);
    Model *model = model_new("%s", format);
    Tap *a = tap_new(model_host(model, "a")->root, VS_HOOK_OUTPUT);
    Tap *b = tap_new(model_host(model, "b")->root, VS_HOOK_OUTPUT);

    model_run(model, 5 * VS_S - 1);
    CU_ASSERT_EQUAL(n_to(a, of_a), 5);
    CU_ASSERT_EQUAL(n_to(b, 0xc0000202), 5);
    tap_free(a);
    tap_free(b);
    model_free(model);
}

/* The resolver stands with b; told a's subnet, the server answers for a. */
static void
test_places(void)
{
    check_places("d", "", 0xc0000201);
    check_places("near", "", 0xc0000202);
    check_places("near", "client-subnet='24'", 0xc0000201);
}

/* Each subnet has its own answer in the cache. */
static void
test_subnets_are_kept_apart(void)
{
    static const char *const attributes[] = {"", "client-subnet='24'"};

    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *text =
            g_strdup_printf(PLACES("%s"), "near", "near", attributes[i]);
        Model *model = model_new("%s", text);

        model_run(model, 5 * VS_S);
        CU_ASSERT_EQUAL(model_counter(model, "near", "asked"), 1 + i);
        CU_ASSERT_EQUAL(model_counter(model, "d", "queries"), 1 + i);
        model_free(model);
    }
}

static void
test_some_weights_are_refused(void)
{
    model_check_error("some have a weight and some have none",
                      "<dns id='d'><record name='a' address='192.0.2.1' weight='1'/>"
                      "<record name='a' address='192.0.2.2'/></dns>");
    model_check_error(NULL,
                      "<dns id='d'><record name='a' address='192.0.2.1' weight='1'/>"
                      "<record name='a' address='192.0.2.2' clients='10.0.0.0/8'/>"
                      "</dns>");
}

static const VsTestCase tests[] = {
    {"weights", test_weights},
    {"places", test_places},
    {"subnets are kept apart", test_subnets_are_kept_apart},
    {"some weights are refused", test_some_weights_are_refused},
    {0},
};

VS_TESTS("choice of answers")

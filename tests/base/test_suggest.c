#include "base/suggest.h"

#include "vs_test.h"

static const char *const proxies[] = {"iptables", "nftables", "ipvs", NULL};
static const char *const rates[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", NULL};

#define CHECK_SUGGESTS(word, candidates, expected)              \
    do {                                                        \
        const char *suggestion_ = vs_suggest(word, candidates); \
                                                                \
        CU_ASSERT_PTR_NOT_NULL(suggestion_);                    \
        if (suggestion_) {                                      \
            CU_ASSERT_STRING_EQUAL(suggestion_, expected);      \
        }                                                       \
    } while (0)

static void
test_one_slip_is_found(void)
{
    CHECK_SUGGESTS("iptabels", proxies, "iptables");  /* Swapped. */
    CHECK_SUGGESTS("iptable", proxies, "iptables");   /* Left out. */
    CHECK_SUGGESTS("nfttables", proxies, "nftables"); /* Doubled. */
    CHECK_SUGGESTS("ipvz", proxies, "ipvs");          /* Replaced. */
    CHECK_SUGGESTS("ipvs", proxies, "ipvs");
}

static void
test_a_swap_counts_as_one_letter(void)
{
    static const char *const words[] = {"abxx", "bacd", NULL};

    /* "abcd": two letters replaced against one swap. */
    CHECK_SUGGESTS("abcd", words, "bacd");
}

static void
test_the_wrong_case_is_no_slip(void)
{
    CHECK_SUGGESTS("mbit/s", rates, "Mbit/s");
    CHECK_SUGGESTS("Kbit/s", rates, "kbit/s");
    CHECK_SUGGESTS("IPVS", proxies, "ipvs");
}

static void
test_the_first_of_several_as_near_wins(void)
{
    static const char *const words[] = {"cat", "car", NULL};

    CHECK_SUGGESTS("cap", words, "cat");
}

static void
test_nothing_is_better_than_anything(void)
{
    static const char *const none[] = {NULL};

    CU_ASSERT_PTR_NULL(vs_suggest("kubernetes", proxies));
    CU_ASSERT_PTR_NULL(vs_suggest("", proxies));
    CU_ASSERT_PTR_NULL(vs_suggest("ipvs", none));
    /* One letter of one is all of it, and four of eight are too many. */
    CU_ASSERT_PTR_NULL(vs_suggest("x", (const char *const[]){"s", NULL}));
    CU_ASSERT_PTR_NULL(vs_suggest("iptabxyzv", proxies));
}

static const VsTestCase tests[] = {
    {"one slip is found", test_one_slip_is_found},
    {"a swap counts as one letter", test_a_swap_counts_as_one_letter},
    {"the wrong case is no slip", test_the_wrong_case_is_no_slip},
    {"the first of several as near wins", test_the_first_of_several_as_near_wins},
    {"nothing is better than anything", test_nothing_is_better_than_anything},
    {0},
};

VS_TESTS("suggest")

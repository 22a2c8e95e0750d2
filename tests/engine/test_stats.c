/* Queue statistics, digest and shares. */
#include <glib.h>

#include "base/rng.h"
#include "engine/digest.h"
#include "engine/stats.h"
#include "vs_test.h"

static void
test_area_and_visits_by_hand(void)
{
    VsQueueStat stat = {0};

    vs_queue_stat_arrive(&stat, 10);    /*  n = 1 for 20 ps */
    vs_queue_stat_arrive(&stat, 30);    /*  n = 2 for 10 ps */
    vs_queue_stat_leave(&stat, 10, 40); /*  n = 1 for 60 ps */
    CU_ASSERT_EQUAL(stat.n_now, 1);
    CU_ASSERT_EQUAL(stat.n_max, 2);
    CU_ASSERT_EQUAL(stat.n_arrived, 2);
    CU_ASSERT_EQUAL(stat.n_left, 1);
    CU_ASSERT_EQUAL(stat.visits, 30);
    CU_ASSERT_EQUAL(stat.area, 20 + 2 * 10);
    CU_ASSERT(vs_queue_stat_balances(&stat, 100)); /* 30 and, so far, 70. */
    CU_ASSERT_EQUAL(vs_queue_stat_mean(&stat, 100), (20 + 2 * 10 + 60) / 100.0);
    CU_ASSERT_EQUAL(vs_queue_stat_mean_visit(&stat), 30.0);
    vs_queue_stat_leave(&stat, 30, 100);
    CU_ASSERT_EQUAL(vs_queue_stat_mean_visit(&stat), (30 + 70) / 2.0);
    CU_ASSERT(vs_queue_stat_balances(&stat, 1000));
}

static void
test_empty_one_has_mean_zero(void)
{
    VsQueueStat stat = {0};

    CU_ASSERT_EQUAL(vs_queue_stat_mean(&stat, 0), 0.0);
    CU_ASSERT_EQUAL(vs_queue_stat_mean(&stat, VS_S), 0.0);
    CU_ASSERT_EQUAL(vs_queue_stat_mean_visit(&stat), 0.0);
    CU_ASSERT(vs_queue_stat_balances(&stat, 0));
    CU_ASSERT(vs_queue_stat_balances(&stat, VS_S));
}

/* A wrong arrival time is found out at once: that is what the balance is for. */
static void
test_wrong_visit_shows(void)
{
    VsQueueStat stat = {0};

    vs_queue_stat_arrive(&stat, 10);
    vs_queue_stat_arrive(&stat, 20);
    vs_queue_stat_leave(&stat, 10, 30);
    stat.visits++; /* One picosecond. */
    CU_ASSERT_FALSE(vs_queue_stat_balances(&stat, 40));
}

/* A million customers for a hundred days: 2^83 ps, above 64 bits. */
static void
test_sums_do_not_overflow(void)
{
    enum { N = 1000000 };
    VsTime end = 100 * 86400 * VS_S;
    VsQueueStat stat = {0};

    for (unsigned i = 0; i < N; i++) {
        vs_queue_stat_arrive(&stat, i);
    }
    CU_ASSERT(vs_queue_stat_balances(&stat, end));
    for (unsigned i = 0; i < N / 2; i++) {
        vs_queue_stat_leave(&stat, i, end);
    }
    CU_ASSERT(vs_queue_stat_balances(&stat, end + 5));
    CU_ASSERT(stat.visits == (unsigned __int128)end * (N / 2) -
                                 (unsigned __int128)(N / 2) * (N / 2 - 1) / 2);
}

/* Little's law by a slow twin: a sum over customers and one over picoseconds. */
static void
test_little_by_slow_twin(void)
{
    enum { N = 200, END = 3000 };
    VsTime arrived[N], left[N];
    VsQueueStat stat = {0};
    unsigned n_at[END] = {0};
    uint64_t area = 0;
    uint64_t visits = 0;
    uint64_t n_left = 0;
    unsigned n_max = 0;
    VsRng rng;

    vs_rng_init(&rng, 1, "stats", "little");
    for (unsigned i = 0; i < N; i++) {
        arrived[i] = (VsTime)vs_rng_below(&rng, END - 1);
        left[i] = arrived[i] + 1 + (VsTime)vs_rng_below(&rng, 400);
        for (VsTime t = arrived[i]; t < left[i] && t < END; t++) {
            n_at[t]++;
            area++;
        }
    }
    for (VsTime t = 0; t < END; t++) {
        for (unsigned i = 0; i < N; i++) {
            if (left[i] == t) {
                vs_queue_stat_leave(&stat, arrived[i], t);
                visits += (uint64_t)(t - arrived[i]);
                n_left++;
            }
        }
        for (unsigned i = 0; i < N; i++) {
            if (arrived[i] == t) {
                vs_queue_stat_arrive(&stat, t);
            }
        }
        n_max = MAX(n_max, n_at[t]);
        CU_ASSERT_EQUAL(stat.n_now, n_at[t]);
        CU_ASSERT(vs_queue_stat_balances(&stat, t));
    }
    CU_ASSERT_EQUAL(stat.n_max, n_max);
    CU_ASSERT_EQUAL(stat.n_left, n_left);
    CU_ASSERT_EQUAL(vs_queue_stat_mean(&stat, END), (double)area / END);
    CU_ASSERT_EQUAL(vs_queue_stat_mean_visit(&stat), (double)visits / (double)n_left);
}

/* SplitMix64 started at 0 gives these (Steele, Lea, Flood): its state is added to, the
 * finaliser is the digest's. */
static void
test_digest_mixes_as_splitmix64(void)
{
    VsDigest digest = {0};

    vs_digest_add(&digest, 1, 0);
    CU_ASSERT_EQUAL(digest.sum, UINT64_C(0xe220a8397b1dcdaf));
    vs_digest_add(&digest, 2, 0);
    CU_ASSERT_EQUAL(digest.sum,
                    UINT64_C(0xe220a8397b1dcdaf) + UINT64_C(0x6e789e6aa1b965f4));
    CU_ASSERT_EQUAL(digest.n_items, 2);
}

static void
test_digest_ignores_order_but_not_content(void)
{
    VsDigest a = {0}, b = {0}, c = {0};

    for (unsigned i = 0; i < 1000; i++) {
        vs_digest_add(&a, i, i * i);
        vs_digest_add(&b, 999 - i, (999 - i) * (999 - i));
        vs_digest_add(&c, i, i * i + (i == 500));
    }
    CU_ASSERT_EQUAL(a.sum, b.sum);
    CU_ASSERT_NOT_EQUAL(a.sum, c.sum);
}

static void
test_shares_keep_names_and_counts(void)
{
    VsShares shares = {0};

    CU_ASSERT_EQUAL(vs_shares_add(&shares, "a"), 0);
    CU_ASSERT_EQUAL(vs_shares_add(&shares, "b"), 1);
    shares.shares[1].count += 5;
    for (unsigned i = 2; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);

        CU_ASSERT_EQUAL(vs_shares_add(&shares, name), i);
    }
    CU_ASSERT_STRING_EQUAL(shares.shares[1].name, "b");
    CU_ASSERT_EQUAL(shares.shares[1].count, 5);
    CU_ASSERT_STRING_EQUAL(shares.shares[99].name, "n99");
    CU_ASSERT_EQUAL(shares.shares[99].count, 0);
    vs_shares_clear(&shares);
    CU_ASSERT_EQUAL(shares.n_shares, 0);
    vs_shares_clear(&shares);
}

static const VsTestCase tests[] = {
    {"area and visits of a queue are what a pencil says", test_area_and_visits_by_hand},
    {"an empty queue has mean zero", test_empty_one_has_mean_zero},
    {"a visit wrong by a picosecond shows", test_wrong_visit_shows},
    {"a hundred days of a million customers do not overflow",
     test_sums_do_not_overflow},
    {"Little's law holds for a slow twin", test_little_by_slow_twin},
    {"the digest mixes as SplitMix64 does", test_digest_mixes_as_splitmix64},
    {"the digest ignores order but not content",
     test_digest_ignores_order_but_not_content},
    {"shares keep names and counts", test_shares_keep_names_and_counts},
    {0},
};
VS_TESTS("stats")

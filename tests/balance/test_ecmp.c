#include <glib.h>
#include <string.h>

#include "balance/balance_fixture.h"

enum { N_FLOWS = 20000 };

static VsBalancer
ecmp_new(const char *kind, const char *settings, unsigned n_hops)
{
    VsBalancer balancer = balancer_new_with(kind, settings);

    for (unsigned i = 0; i < n_hops; i++) {
        g_autofree char *name = g_strdup_printf("hop-%u", i + 1);

        vs_balancer_add(&balancer, name, 1);
    }
    return balancer;
}

static uint32_t
pick_at(VsBalancer *balancer, uint32_t n, VsTime now)
{
    VsBalanceKey key = {.flow = {.saddr = 0x0a000000 + n,
                                 .daddr = 0xcb007105,
                                 .sport = (uint16_t)(1024 + n % 1000),
                                 .dport = 80,
                                 .protocol = VS_PROTOCOL_TCP,
                                 .family = VS_FAMILY_IPV4},
                        .now = now};

    return vs_balancer_pick(balancer, &key);
}

/* The hop of each of N_FLOWS flows; to be freed. */
static uint32_t *
picks_at(VsBalancer *balancer, VsTime now)
{
    uint32_t *picks = g_new(uint32_t, N_FLOWS);

    for (uint32_t n = 0; n < N_FLOWS; n++) {
        picks[n] = pick_at(balancer, n, now);
    }
    return picks;
}

/* 0x63d511d0 = 1674908112 lies behind the bounds 1073741823 of 1:1 and 1610612735 of 3:1, and
 * before 2147483647; 0x73341d13 = 1932795155 behind 1431655764, too. */
static void
test_hash_threshold_takes_the_published_flows(void)
{
    static const char flow[] = "10.8.8.8:1005 203.0.113.5:80 tcp";
    VsBalancer l3 = ecmp_new("ecmp-hash-threshold", "policy=l3 seed=1", 2);
    VsBalancer l4 = ecmp_new("ecmp-hash-threshold", "policy=l4 seed=1", 3);

    CU_ASSERT_EQUAL(balancer_pick_text(&l3, flow), 1);
    vs_balancer_set_weight(&l3, 0, 4); /* The first bound is 0.8 * 2^31. */
    CU_ASSERT_EQUAL(balancer_pick_text(&l3, flow), 0);
    vs_balancer_set_weight(&l3, 0, 3);
    CU_ASSERT_EQUAL(balancer_pick_text(&l3, flow), 1);
    CU_ASSERT_EQUAL(balancer_pick_text(&l4, flow), 2);
    vs_balancer_set_up(&l4, 2, false);
    CU_ASSERT_EQUAL(balancer_pick_text(&l4, flow), 1);
    vs_balancer_clear(&l3);
    vs_balancer_clear(&l4);
}

static void
test_description_tells_the_bounds(void)
{
    VsBalancer balancer = ecmp_new("ecmp-hash-threshold", "seed=1", 3);
    g_autofree char *text = NULL;

    pick_at(&balancer, 0, 0);
    text = vs_balancer_describe(&balancer);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "hop-1 upper bound 715827882\n"
                                        "hop-2 upper bound 1431655764\n"
                                        "hop-3 upper bound 2147483647\n"));
    vs_balancer_clear(&balancer);
}

static void
test_l3_keeps_an_address_pair_on_a_hop(void)
{
    VsBalancer l3 = ecmp_new("ecmp-hash-threshold", "policy=l3 seed=5", 4);
    VsBalancer l4 = ecmp_new("ecmp-hash-threshold", "policy=l4 seed=5", 4);
    unsigned n_others = 0;

    for (unsigned port = 1024; port < 2024; port++) {
        VsBalanceKey key = {.flow = {.saddr = 0x0a000001,
                                     .daddr = 0x0a000002,
                                     .sport = (uint16_t)port,
                                     .dport = 80,
                                     .protocol = VS_PROTOCOL_TCP}};
        VsBalanceKey first = key;

        first.flow.sport = 1024;
        CU_ASSERT_EQUAL(vs_balancer_pick(&l3, &key), vs_balancer_pick(&l3, &first));
        n_others += vs_balancer_pick(&l4, &key) != vs_balancer_pick(&l4, &first);
    }
    CU_ASSERT(n_others > 700 && n_others < 800); /* 3 of 4: 750, sigma 14. */
    vs_balancer_clear(&l3);
    vs_balancer_clear(&l4);
}

/* The share of flows on hops that stay which move when hop 'gone' of four goes. */
static double
share_moved(const char *kind, unsigned gone)
{
    VsBalancer balancer = ecmp_new(kind, "policy=l4 seed=77", 4);
    g_autofree uint32_t *before = picks_at(&balancer, 0);
    g_autofree uint32_t *after = NULL;
    unsigned n_moved = 0;
    unsigned n_kept = 0;

    vs_balancer_set_up(&balancer, gone, false);
    after = picks_at(&balancer, 0);
    for (uint32_t n = 0; n < N_FLOWS; n++) {
        CU_ASSERT_NOT_EQUAL(after[n], gone);
        n_moved += before[n] != gone && after[n] != before[n];
        n_kept += before[n] != gone;
    }
    vs_balancer_clear(&balancer);
    return (double)n_moved / n_kept;
}

/* Quarters become thirds.  When the first hop of four goes, the second keeps [1/4, 1/3) of its
 * range, the third [1/2, 2/3), the fourth all: 6/12 of 9/12 stay.  A hop in the middle moves
 * less (RFC 2992, section 3.2).  Modulo: of 9 of 12 remainders, h mod 4 = h mod 3 + 1 has 3. */
static void
test_disruption_is_that_of_the_algorithm(void)
{
    CU_ASSERT_DOUBLE_EQUAL(share_moved("ecmp-hash-threshold", 0), 1.0 / 3, 0.02);
    CU_ASSERT_DOUBLE_EQUAL(share_moved("ecmp-hash-threshold", 1), 1.0 / 9, 0.02);
    CU_ASSERT_DOUBLE_EQUAL(share_moved("ecmp-modulo-n", 0), 2.0 / 3, 0.02);
    CU_ASSERT_EQUAL(share_moved("ecmp-resilient", 0), 0);
    CU_ASSERT_EQUAL(share_moved("ecmp-resilient", 3), 0);
}

/* ---- Resilient groups ------------------------------------------------------------- */

static char *
buckets_of(const VsBalancer *balancer)
{
    g_autofree char *text = vs_balancer_describe(balancer);
    GString *owners = g_string_new(NULL);

    for (const char *at = text; (at = strstr(at, "\nbucket ")); at++) {
        const char *hop = strstr(at, "hop-");

        g_string_append_c(owners, hop ? hop[4] : '-');
    }
    return g_string_free(owners, FALSE);
}

static void
check_buckets(const VsBalancer *balancer, const char *right)
{
    g_autofree char *owners = buckets_of(balancer);

    CU_ASSERT_STRING_EQUAL(owners, right);
}

/* Uses every bucket at 'now'. */
static void
use_all(VsBalancer *balancer, VsTime now)
{
    for (uint32_t n = 0; n < 500; n++) {
        pick_at(balancer, n, now);
    }
}

/* "ip nexthop bucket show" of Linux 6.18 for "group 1/2 type resilient buckets 8". */
static void
test_a_new_group_is_filled_from_the_last_hop_on(void)
{
    VsBalancer balancer = ecmp_new("ecmp-resilient", "seed=1 buckets=8", 2);

    pick_at(&balancer, 0, 0);
    check_buckets(&balancer, "22221111");
    vs_balancer_clear(&balancer);
}

static void
test_a_hop_that_goes_gives_only_its_buckets_away(void)
{
    VsBalancer balancer = ecmp_new("ecmp-resilient", "seed=1 buckets=8", 2);

    use_all(&balancer, VS_S);
    vs_balancer_remove(&balancer, 0);
    use_all(&balancer, 2 * VS_S);
    check_buckets(&balancer, "22222222");
    vs_balancer_clear(&balancer);
}

/* With a third hop 8 buckets are wanted as 3, 2 and 3. */
static void
test_a_hop_that_comes_waits_for_idle_buckets(void)
{
    VsBalancer balancer =
        ecmp_new("ecmp-resilient", "seed=1 buckets=8 idle-timer=10", 2);

    use_all(&balancer, VS_S);
    vs_balancer_add(&balancer, "hop-3", 1);
    use_all(&balancer, 2 * VS_S);
    check_buckets(&balancer, "22221111");
    use_all(&balancer, 11 * VS_S);
    check_buckets(&balancer, "22221111");
    pick_at(&balancer, 0, 21 * VS_S);
    check_buckets(&balancer, "33223111");
    vs_balancer_clear(&balancer);
}

static void
test_buckets_in_use_move_when_unbalanced_for_too_long(void)
{
    VsBalancer balancer = ecmp_new(
        "ecmp-resilient", "seed=1 buckets=8 idle-timer=10 unbalanced-timer=30", 2);

    use_all(&balancer, 0);
    vs_balancer_add(&balancer, "hop-3", 1);
    for (unsigned second = 1; second <= 31; second++) {
        use_all(&balancer, second * VS_S);
        check_buckets(&balancer, "22221111");
    }
    use_all(&balancer, 32 * VS_S);
    check_buckets(&balancer, "33223111");
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"hash-threshold takes the flows of Linux 6.18 as it does",
     test_hash_threshold_takes_the_published_flows},
    {"the description tells the bounds", test_description_tells_the_bounds},
    {"l3 keeps a pair of addresses on a hop, l4 does not",
     test_l3_keeps_an_address_pair_on_a_hop},
    {"a hop that goes moves as many flows as its algorithm says",
     test_disruption_is_that_of_the_algorithm},
    {"a new resilient group is filled as Linux 6.18 fills it",
     test_a_new_group_is_filled_from_the_last_hop_on},
    {"a hop that goes gives only its buckets away",
     test_a_hop_that_goes_gives_only_its_buckets_away},
    {"a hop that comes waits for idle buckets",
     test_a_hop_that_comes_waits_for_idle_buckets},
    {"buckets in use move after the unbalanced timer",
     test_buckets_in_use_move_when_unbalanced_for_too_long},
    {0},
};

VS_TESTS("ecmp")

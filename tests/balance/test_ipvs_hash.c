/* IPVS' schedulers by address: sh, dh, mh, lblc, lblcr. */
#include "balance/balance_fixture.h"
#include "balance/ipvs.h"
#include "base/hash.h"

static const char *const clients[] = {"192.0.2.1", "192.0.2.2", "198.51.100.7",
                                      "203.0.113.9"};
static const uint32_t words[] = {0xc0000201, 0xc0000202, 0xc6336407, 0xcb007109};

/* Servers 10.0.0.1:80, 10.0.0.2:80 ..., 'n' of weight 1. */
static VsBalancer
ipvs_new(const char *kind, const char *settings, unsigned n)
{
    VsBalancer balancer = balancer_new_with(kind, settings);

    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name =
            g_strdup_printf("10.0.%u.%u:80", (i + 1) / 256, (i + 1) % 256);

        vs_balancer_add(&balancer, name, 1);
    }
    return balancer;
}

/* ---- sh, dh ---- */

/* With 256 servers the bucket's number is the server's. */
static void
test_published_buckets(void)
{
    static const uint32_t expected[2][4] = {{50, 148, 171, 64}, {177, 98, 215, 57}};
    static const char *const settings[] = {"hash=top-byte", "hash=low-byte"};

    for (unsigned variant = 0; variant < 2; variant++) {
        VsBalancer sh = ipvs_new("ipvs-sh", settings[variant], 256);
        VsBalancer dh = ipvs_new("ipvs-dh", settings[variant], 256);

        for (unsigned i = 0; i < 4; i++) {
            VsBalanceKey key = {.flow.daddr = words[i]};

            CU_ASSERT_EQUAL(balancer_pick_text(&sh, clients[i]), expected[variant][i]);
            CU_ASSERT_EQUAL(vs_balancer_pick(&dh, &key), expected[variant][i]);
        }
        /* An IPv6 address is the xor of its words, here 192.0.2.1. */
        CU_ASSERT_EQUAL(balancer_pick_text(&sh, "2001:db8::e001:fb9"),
                        expected[variant][0]);
        vs_balancer_clear(&sh);
        vs_balancer_clear(&dh);
    }
}

/* A client of each bucket, by search. */
static uint32_t
client_of(uint32_t bucket)
{
    uint32_t client = 1;

    while (client * 0x61C88647u >> 24 != bucket) {
        client++;
    }
    return client;
}

/* Weights 3, 0, 2: a server of weight 0 takes one bucket and refuses its clients. */
static void
test_sh_buckets_are_weighted(void)
{
    static const char pattern[] = "AAA-CC";
    VsBalancer balancer = ipvs_new("ipvs-sh", "", 3);
    VsBalancer dh = ipvs_new("ipvs-dh", "", 3);

    vs_balancer_set_weight(&balancer, 0, 3);
    vs_balancer_set_weight(&balancer, 1, 0);
    vs_balancer_set_weight(&balancer, 2, 2);
    vs_balancer_set_weight(&dh, 0, 3);
    vs_balancer_set_weight(&dh, 1, 0);
    for (uint32_t bucket = 0; bucket < 256; bucket++) {
        uint32_t backend = balancer_pick_number(&balancer, client_of(bucket));
        VsBalanceKey key = {.flow.daddr = client_of(bucket)};
        char expected = pattern[bucket % 6];

        CU_ASSERT_EQUAL(backend == VS_BALANCER_NONE ? '-' : 'A' + (int)backend,
                        expected);
        CU_ASSERT_EQUAL(vs_balancer_pick(&dh, &key),
                        bucket % 3 == 1 ? VS_BALANCER_NONE : bucket % 3);
    }
    vs_balancer_clear(&balancer);
    vs_balancer_clear(&dh);
}

/* From bucket h the search looks at 2h, 2h + 1 ...: offsets are added to the hash twice. */
static void
test_sh_falls_back(void)
{
    VsBalancer balancer = ipvs_new("ipvs-sh", "sh-fallback=yes", 256);

    for (uint32_t bucket = 0; bucket < 256; bucket += 17) {
        uint32_t client = client_of(bucket);

        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, client), bucket);
        vs_balancer_set_up(&balancer, bucket, false);
        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, client),
                        2 * bucket % 256 == bucket ? 1 : 2 * bucket % 256);
        vs_balancer_set_up(&balancer, bucket, true);
    }
    vs_balancer_clear(&balancer);
}

static void
test_ports_are_added_when_asked(void)
{
    VsBalancer plain = ipvs_new("ipvs-sh", "", 256);
    VsBalancer with_port = ipvs_new("ipvs-sh", "sh-port=yes", 256);
    VsBalancer mh = ipvs_new("ipvs-mh", "mh-port=yes", 256);

    CU_ASSERT_EQUAL(balancer_pick_text(&plain, "192.0.2.1:1"), 50);
    CU_ASSERT_EQUAL(balancer_pick_text(&with_port, "192.0.2.1:1"), 148); /* As .2 */
    CU_ASSERT_EQUAL(balancer_pick_text(&mh, "192.0.2.1:1"),
                    balancer_pick_text(&mh, "192.0.2.2"));
    CU_ASSERT_NOT_EQUAL(balancer_pick_text(&mh, "192.0.2.1:1"),
                        balancer_pick_text(&mh, "192.0.2.1"));
    vs_balancer_clear(&plain);
    vs_balancer_clear(&with_port);
    vs_balancer_clear(&mh);
}

/* ---- mh ---- */

static const VsIpvsMh *
mh_of(VsBalancer *balancer)
{
    balancer_pick_number(balancer, 1); /* Which makes the table. */
    return balancer->state;
}

static void
check_slots(VsBalancer *balancer, const unsigned *expected)
{
    const VsIpvsMh *mh = mh_of(balancer);
    unsigned counts[3] = {0};

    for (uint32_t slot = 0; slot < mh->size; slot++) {
        counts[mh->table[slot]]++;
    }
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(counts[i], expected[i]);
    }
}

static void
test_mh_vectors(void)
{
    static const uint32_t permutations[3][2] = {
        {3167, 700}, {1231, 3544}, {1631, 3453}};
    static const uint16_t first[] = {0, 1, 1, 2, 2, 0, 1, 2, 2, 0, 0, 1, 1, 0, 0, 2};
    static const uint32_t slots[] = {2891, 746, 924, 1189};
    static const uint32_t picks[] = {2, 1, 0, 1};
    VsBalancer balancer = ipvs_new("ipvs-mh", "", 3);
    const VsIpvsMh *mh = mh_of(&balancer);

    CU_ASSERT_EQUAL(mh->size, 4093);
    for (unsigned i = 0; i < 3; i++) { /* Each has the start of its permutation. */
        uint32_t sum = 80 + 0x0a000001 + i;

        CU_ASSERT_EQUAL((uint32_t)vs_siphash_1_3(&sum, 4, 2654435761u, 2654435761u) %
                            4093,
                        permutations[i][0]);
        CU_ASSERT_EQUAL(
            (uint32_t)vs_siphash_1_3(&sum, 4, 2654446892u, 2654446892u) % 4092 + 1,
            permutations[i][1]);
        CU_ASSERT_EQUAL(mh->table[permutations[i][0]], i);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        CU_ASSERT_EQUAL(mh->table[i], first[i]);
    }
    check_slots(&balancer, (const unsigned[]){1365, 1364, 1364});
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, clients[i]), picks[i]);
        CU_ASSERT_EQUAL(mh->table[slots[i]], picks[i]);
    }
    vs_balancer_set_weight(&balancer, 1, 2);
    vs_balancer_set_weight(&balancer, 2, 3);
    check_slots(&balancer, (const unsigned[]){683, 1364, 2046});
    vs_balancer_clear(&balancer);
}

/* Weights 640 : 1280 : 1: 640 and 1280 have 10 and 11 bits, of which 6 stay. */
static void
test_mh_scales_weights(void)
{
    VsBalancer balancer = ipvs_new("ipvs-mh", "", 3);
    unsigned n_turns = 20 + 40 + 1;
    unsigned counts[3] = {0};
    const VsIpvsMh *mh;

    vs_balancer_set_weight(&balancer, 0, 640);
    vs_balancer_set_weight(&balancer, 1, 1280);
    mh = mh_of(&balancer);
    for (uint32_t slot = 0; slot < mh->size; slot++) {
        counts[mh->table[slot]]++;
    }
    CU_ASSERT_EQUAL(counts[2],
                    4093 / n_turns); /* 67 rounds, then 6 more of the first. */
    CU_ASSERT_EQUAL(counts[0], 67 * 20 + 6);
    CU_ASSERT_EQUAL(counts[1], 67 * 40);
    vs_balancer_clear(&balancer);
}

static void
test_mh_table_sizes(void)
{
    static const uint32_t sizes[] = {251,  509,   1021,  2039,  4093,
                                     8191, 16381, 32749, 65521, 131071};

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *setting = g_strdup_printf("table-index=%u", 8 + i);
        VsBalancer balancer = ipvs_new("ipvs-mh", setting, 2);

        CU_ASSERT_EQUAL(mh_of(&balancer)->size, sizes[i]);
        CU_ASSERT(vs_is_prime(sizes[i]));
        vs_balancer_clear(&balancer);
    }
}

/* Drained to 0 or down: its clients are refused, or go on with mh-fallback; others stay. */
static void
test_mh_drains_without_reshuffling(void)
{
    for (unsigned falls_back = 0; falls_back < 2; falls_back++) {
        VsBalancer balancer =
            ipvs_new("ipvs-mh", falls_back ? "mh-fallback=yes" : "", 5);
        uint32_t before[1000];
        uint64_t n_moved = 0;

        for (uint32_t i = 0; i < 1000; i++) {
            before[i] = balancer_pick_number(&balancer, i);
        }
        vs_balancer_set_weight(&balancer, 3, 0);
        vs_balancer_set_up(&balancer, 4, false);
        for (uint32_t i = 0; i < 1000; i++) {
            uint32_t after = balancer_pick_number(&balancer, i);

            if (before[i] < 3) {
                CU_ASSERT_EQUAL(after, before[i]);
            } else {
                n_moved++;
                CU_ASSERT(falls_back ? after < 3 : after == VS_BALANCER_NONE);
            }
        }
        CU_ASSERT(n_moved > 300 && n_moved < 500); /* Two of five. */
        vs_balancer_clear(&balancer);
    }
}

/* ---- lblc, lblcr ---- */

static uint32_t
pick_at(VsBalancer *balancer, uint32_t daddr, VsTime now)
{
    const VsBalanceKey key = {.flow.daddr = daddr, .now = now};

    return vs_balancer_pick(balancer, &key);
}

/* An address keeps its server until that has more than its weight and another one less than
 * half: with weights 4 the first goes to 5 active, then the second takes over. */
static void
test_lblc_keeps_the_server_of_an_address(void)
{
    VsBalancer balancer = ipvs_new("ipvs-lblc", "", 2);

    vs_balancer_set_weight(&balancer, 0, 4);
    vs_balancer_set_weight(&balancer, 1, 4);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 1);
    }
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 1); /* Nobody is below half. */
    CU_ASSERT_EQUAL(pick_at(&balancer, 2, 0), 0); /* Another address: the least. */
    vs_balancer_set_weight(&balancer, 1, 0);
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 0);
    vs_balancer_set_weight(&balancer, 1, 4);
    vs_balancer_remove(&balancer, 0);
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 1);
    CU_ASSERT_EQUAL(vs_ipvs_local_n_entries(&balancer), 2);
    vs_balancer_clear(&balancer);
}

/* Half of its weight is not less than half. */
static void
test_lblc_leaves_for_the_idle_alone(void)
{
    VsBalancer balancer = ipvs_new("ipvs-lblc", "", 2);

    vs_balancer_set_weight(&balancer, 0, 4);
    vs_balancer_set_weight(&balancer, 1, 4);
    pick_at(&balancer, 1, 0);
    balancer.backends[0].n_active = 5;
    balancer.backends[1].n_active = 2;
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 0);
    balancer.backends[1].n_active = 1;
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 1);
    vs_balancer_clear(&balancer);
}

/* Half an hour's full check forgets what is a day old: used at 0 and at 10 s, looked for
 * from 86400 s on; checks that were missed are made up for. */
static void
test_local_entries_expire(void)
{
    static const char *const kinds[] = {"ipvs-lblc", "ipvs-lblcr"};

    for (unsigned k = 0; k < 2; k++) {
        VsBalancer balancer = ipvs_new(kinds[k], "", 2);

        pick_at(&balancer, 1, 0);
        pick_at(&balancer, 2, 10 * VS_S);
        pick_at(&balancer, 3, 20 * VS_S);
        pick_at(&balancer, 3, 50000 * VS_S); /* Used again. */
        CU_ASSERT_EQUAL(vs_ipvs_local_n_entries(&balancer), 3);
        pick_at(&balancer, 1, 86400 * VS_S - 1);
        CU_ASSERT_EQUAL(vs_ipvs_local_n_entries(&balancer), 3);
        pick_at(&balancer, 1, 86400 * VS_S);
        CU_ASSERT_EQUAL(vs_ipvs_local_n_entries(&balancer), 3);
        /* Full checks are at 30 * 60 s, and each 30 * 60 s after that: 48 * 1800 s. */
        pick_at(&balancer, 1, 86400 * VS_S + 1800 * VS_S);
        CU_ASSERT_EQUAL(vs_ipvs_local_n_entries(&balancer), 2); /* 1 and 3 */
        vs_balancer_clear(&balancer);
    }
}

/* 300 more than 16 * 1024: the next check wants 400 of those idle for 6 minutes gone, a
 * bucket at a time; sooner ones stay. */
static void
test_local_tables_are_cut_down(void)
{
    VsBalancer balancer = ipvs_new("ipvs-lblcr", "", 2);
    uint32_t n_entries = 16 * 1024 + 300;

    for (uint32_t i = 0; i < n_entries; i++) {
        pick_at(&balancer, i, 0);
    }
    pick_at(&balancer, 0, 5 * 60 * VS_S);
    CU_ASSERT_EQUAL(vs_ipvs_local_n_entries(&balancer), n_entries);
    pick_at(&balancer, 0, 6 * 60 * VS_S);
    CU_ASSERT(vs_ipvs_local_n_entries(&balancer) <= n_entries - 400);
    CU_ASSERT(vs_ipvs_local_n_entries(&balancer) > n_entries - 450);
    pick_at(&balancer, 0, 20 * 60 * VS_S); /* Few enough: they stay. */
    CU_ASSERT(vs_ipvs_local_n_entries(&balancer) > n_entries - 450);
    vs_balancer_clear(&balancer);
}

/* The set grows by the least loaded server; a day without change takes the busiest. */
static void
test_lblcr_replicates_and_shrinks(void)
{
    VsBalancer balancer = ipvs_new("ipvs-lblcr", "expiration=100", 2);

    vs_balancer_set_weight(&balancer, 0, 4);
    vs_balancer_set_weight(&balancer, 1, 4);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 0);
    }
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 0), 1); /* Both are in the set now. */
    for (unsigned i = 0; i < 5; i++) {
        vs_balancer_release(&balancer, 0, NULL);
    }
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 100 * VS_S), 0); /* The least of the set. */
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 100 * VS_S), 1); /* Both have 1: the newer. */
    CU_ASSERT_EQUAL(pick_at(&balancer, 1, 101 * VS_S), 0); /* 1 and 2: that one goes. */
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(pick_at(&balancer, 1, 101 * VS_S), 0); /* 2, 3 against 2. */
    }
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"published buckets", test_published_buckets},
    {"sh buckets are weighted", test_sh_buckets_are_weighted},
    {"sh falls back", test_sh_falls_back},
    {"ports are added when asked", test_ports_are_added_when_asked},
    {"mh vectors", test_mh_vectors},
    {"mh scales weights", test_mh_scales_weights},
    {"mh table sizes", test_mh_table_sizes},
    {"mh drains without reshuffling", test_mh_drains_without_reshuffling},
    {"lblc keeps the server of an address", test_lblc_keeps_the_server_of_an_address},
    {"lblc leaves for the idle alone", test_lblc_leaves_for_the_idle_alone},
    {"entries of lblc and lblcr expire", test_local_entries_expire},
    {"tables of lblc and lblcr are cut down", test_local_tables_are_cut_down},
    {"lblcr replicates and shrinks", test_lblcr_replicates_and_shrinks},
    {0},
};
VS_TESTS("ipvs_hash")

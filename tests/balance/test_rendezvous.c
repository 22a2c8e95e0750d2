#include <glib.h>
#include <math.h>

#include "balance/balance_fixture.h"

enum { N = 6, N_KEYS = 30000 };

static VsBalancer
balancer_of_six(const char *kind, const char *settings, const uint32_t *weights)
{
    VsBalancer balancer = balancer_new_with(kind, settings);

    for (unsigned i = 0; i < N; i++) {
        g_autofree char *name = g_strdup_printf("10.0.0.%u:80", i + 1);

        vs_balancer_add(&balancer, name, weights ? weights[i] : 1);
    }
    return balancer;
}

static VsBalanceKey
key_of(uint32_t n)
{
    return (VsBalanceKey){.flow = {.saddr = 0x0a000000 + n,
                                   .daddr = 0xc0000201,
                                   .sport = (uint16_t)(1024 + n % 60000),
                                   .dport = 80,
                                   .protocol = VS_PROTOCOL_TCP,
                                   .family = VS_FAMILY_IPV4}};
}

static uint32_t *
pick_all(VsBalancer *balancer)
{
    uint32_t *picks = g_new(uint32_t, N_KEYS);

    for (uint32_t n = 0; n < N_KEYS; n++) {
        VsBalanceKey key = key_of(n);

        picks[n] = vs_balancer_pick(balancer, &key);
    }
    return picks;
}

static double
chi_square_of(const uint32_t *picks, const uint32_t *weights)
{
    unsigned counts[N] = {0};
    double total = 0;
    double chi_square = 0;

    for (uint32_t n = 0; n < N_KEYS; n++) {
        counts[picks[n]]++;
    }
    for (unsigned i = 0; i < N; i++) {
        total += weights[i];
    }
    for (unsigned i = 0; i < N; i++) {
        double expected = N_KEYS * weights[i] / total;

        chi_square += pow(counts[i] - expected, 2) / expected;
    }
    return chi_square;
}

#define CHI_SQUARE_5 20.52 /* Five degrees of freedom, 0.1 %. */

static void
test_shares_are_as_the_weights(void)
{
    static const uint32_t weights[N] = {1, 2, 3, 5, 8, 13};
    VsBalancer balancer = balancer_of_six("rendezvous", "", weights);
    g_autofree uint32_t *picks = pick_all(&balancer);

    CU_ASSERT(chi_square_of(picks, weights) < CHI_SQUARE_5);
    vs_balancer_clear(&balancer);
}

static void
test_only_what_a_backend_had_or_gets_moves(void)
{
    static const uint32_t weights[N] = {1, 2, 3, 5, 8, 13};
    VsBalancer balancer = balancer_of_six("rendezvous", "", weights);
    g_autofree uint32_t *before = pick_all(&balancer);
    g_autofree uint32_t *without = NULL;
    g_autofree uint32_t *heavier = NULL;

    vs_balancer_set_up(&balancer, 3, false);
    without = pick_all(&balancer);
    vs_balancer_set_up(&balancer, 3, true);
    vs_balancer_set_weight(&balancer, 1, 9);
    heavier = pick_all(&balancer);
    for (uint32_t n = 0; n < N_KEYS; n++) {
        CU_ASSERT(without[n] == before[n] || before[n] == 3);
        CU_ASSERT(without[n] != 3);
        CU_ASSERT(heavier[n] == before[n] || heavier[n] == 1);
    }
    vs_balancer_clear(&balancer);
}

static void
test_the_sequence_number_counts_for_tcp_alone(void)
{
    static const uint32_t equal[N] = {1, 1, 1, 1, 1, 1};
    VsBalancer balancer = balancer_of_six("nlb-flow", "", NULL);
    g_autofree uint32_t *tcp = g_new(uint32_t, N_KEYS);
    g_autofree uint32_t *flows = pick_all(&balancer);
    VsBalanceKey key = key_of(1);
    uint32_t udp;

    CU_ASSERT(chi_square_of(flows, equal) < CHI_SQUARE_5);
    for (uint32_t n = 0; n < N_KEYS; n++) {
        key.tcp_seq = n;
        tcp[n] = vs_balancer_pick(&balancer, &key);
    }
    CU_ASSERT(chi_square_of(tcp, equal) < CHI_SQUARE_5);
    key.flow.protocol = VS_PROTOCOL_UDP;
    udp = vs_balancer_pick(&balancer, &key);
    for (uint32_t n = 0; n < 100; n++) {
        key.tcp_seq = n;
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), udp);
    }
    vs_balancer_clear(&balancer);
}

/* Each affinity leaves out one thing more: changing it changes no pick, and what is still in
 * spreads picks over all. */
static void
test_session_affinity_says_what_counts(void)
{
    static const char *const settings[] = {
        "session-affinity=none", "session-affinity=client-ip-proto",
        "session-affinity=client-ip", "session-affinity=client-ip-no-destination"};

    for (unsigned affinity = 0; affinity < 4; affinity++) {
        VsBalancer balancer = balancer_of_six("gcp-flow", settings[affinity], NULL);
        bool has_changed[4] = {false};

        for (uint32_t n = 0; n < 200; n++) {
            VsBalanceKey key = key_of(n);
            uint32_t pick = vs_balancer_pick(&balancer, &key);
            VsBalanceKey other = key;

            other.flow.sport++;
            has_changed[0] |= vs_balancer_pick(&balancer, &other) != pick;
            other = key;
            other.flow.protocol = VS_PROTOCOL_UDP;
            has_changed[1] |= vs_balancer_pick(&balancer, &other) != pick;
            other = key;
            other.flow.daddr++;
            has_changed[2] |= vs_balancer_pick(&balancer, &other) != pick;
            other = key;
            other.flow.saddr++;
            has_changed[3] |= vs_balancer_pick(&balancer, &other) != pick;
        }
        for (unsigned field = 0; field < 4; field++) {
            CU_ASSERT_EQUAL(has_changed[field], field >= affinity);
        }
        vs_balancer_clear(&balancer);
    }
}

static const VsTestCase tests[] = {
    {"shares are as the weights", test_shares_are_as_the_weights},
    {"only what a backend had or gets moves",
     test_only_what_a_backend_had_or_gets_moves},
    {"the sequence number counts for TCP alone",
     test_the_sequence_number_counts_for_tcp_alone},
    {"session affinity says what counts", test_session_affinity_says_what_counts},
    {0},
};

VS_TESTS("rendezvous and clouds")

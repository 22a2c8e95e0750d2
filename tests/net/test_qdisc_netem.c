/* Impairments and random early detection, by closed forms. */
#include <glib.h>
#include <math.h>

#include "tests/net/qdisc_fixture.h"

#define GBIT UINT64_C(1000000000)
#define N 40000u
#define GAP (20 * VS_US) /* Between packets: the line is always free. */

/* Sends N packets of 100 bytes, GAP apart, through netem; packet i has payload i. */
static void
run_netem(QdiscFixture *f, const VsNetemConfig *config)
{
    qdisc_fixture(f, GBIT, &vs_qdisc_netem, config);
    for (unsigned i = 0; i < N; i++) {
        VsPacket *packet = qdisc_packet(f, 100, 1);

        packet->payload_bytes = i;
        net_run(&f->net, i * GAP);
        vs_wire_send(f->wire, packet);
    }
    net_run(&f->net, N * GAP + 10 * VS_S);
}

/* How long netem held packet 'i' of those that arrived. */
static double
held_for(const QdiscFixture *f, unsigned i)
{
    const NetArrival *arrival = net_arrival(f->sink, i);

    return (double)(arrival->at - (VsTime)arrival->payload_bytes * GAP -
                    (100 + VS_ETHER_OVERHEAD_BYTES) * 8000 - 1);
}

/* |z| of k hits in n tries of chance p. */
static double
z_of(double k, double n, double p)
{
    return fabs(k - n * p) / sqrt(n * p * (1 - p));
}

static void
test_delay_is_exact(void)
{
    VsNetemConfig config = {.packets_max = 1000, .delay = 3 * VS_MS};
    unsigned n_wrong = 0;
    QdiscFixture f;

    run_netem(&f, &config);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), N);
    for (unsigned i = 0; i < N; i++) {
        n_wrong += held_for(&f, i) != 3 * VS_MS;
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    qdisc_fixture_clear(&f);
}

static void
test_loss_is_independent(void)
{
    VsNetemConfig config = {.packets_max = 1000, .loss = 0.1};
    double n_pairs = 0, n_lost, last = -1;
    QdiscFixture f;

    run_netem(&f, &config);
    n_lost = (double)net_n_dropped(&f.net, VS_DROP_NETEM_LOSS);
    CU_ASSERT(z_of(n_lost, N, 0.1) < 3.5);
    for (unsigned i = 0; i < net_n_arrived(f.sink); i++) {
        double number = net_arrival(f.sink, i)->payload_bytes;

        n_pairs += MAX(number - last - 2, 0); /* Lost right after one lost. */
        last = number;
    }
    CU_ASSERT(z_of(n_pairs, N, 0.01) < 3.5);
    qdisc_fixture_clear(&f);
}

/* With a correlation rho numbers are x' = (1-rho) u + rho x: mean 1/2, variance
 * (1-rho)/(1+rho)/12; with rho = 0.25 half of them are below 1/2 still, and P(x < 0.1) is
 * well below 0.1, as tc-netem(8) warns. */
static void
test_correlated_loss_comes_together(void)
{
    VsNetemConfig config = {.packets_max = 1000, .loss = 0.5, .loss_correlation = 0.25};
    unsigned n_runs = 0, n_arrived;
    double last = -1;
    QdiscFixture f;

    run_netem(&f, &config);
    n_arrived = net_n_arrived(f.sink);
    CU_ASSERT_DOUBLE_EQUAL((double)n_arrived / N, 0.5, 0.015);
    for (unsigned i = 0; i < n_arrived; i++) {
        n_runs += net_arrival(f.sink, i)->payload_bytes > last + 1;
        last = net_arrival(f.sink, i)->payload_bytes;
    }
    /* Independent losses would have 10000 runs, +- 100. */
    CU_ASSERT(n_runs < 9300);
    qdisc_fixture_clear(&f);
}

/* Stationary loss p / (p + r), runs of geometric length with mean 1 / r. */
static void
test_gilbert_chain_by_closed_form(void)
{
    const double p = 0.02, r = 0.25;
    VsNetemConfig config = {.packets_max = 1000,
                            .is_gilbert_elliott = true,
                            .good_to_bad = p,
                            .bad_to_good = r,
                            .loss_in_bad = 1};
    double n_lost, n_runs = 0, last = -1, spread;
    QdiscFixture f;

    run_netem(&f, &config);
    n_lost = (double)net_n_dropped(&f.net, VS_DROP_NETEM_LOSS);
    for (unsigned i = 0; i < net_n_arrived(f.sink); i++) {
        n_runs += net_arrival(f.sink, i)->payload_bytes > last + 1;
        last = net_arrival(f.sink, i)->payload_bytes;
    }
    /* The states' correlation 1-p-r widens the variance by (1+c)/(1-c). */
    spread = sqrt((2 - p - r) / (p + r));
    CU_ASSERT(z_of(n_lost, N, p / (p + r)) / spread < 3.5);
    CU_ASSERT(fabs(n_lost / n_runs - 1 / r) / (sqrt(1 - r) / r / sqrt(n_runs)) < 3.5);
    qdisc_fixture_clear(&f);
}

/* Elliott: the good state loses, too, and the bad one not all. */
static void
test_elliott_chain_by_closed_form(void)
{
    const double p = 0.05, r = 0.15, bad = 0.6, good = 0.01;
    double loss = (p * bad + r * good) / (p + r);
    VsNetemConfig config = {.packets_max = 1000,
                            .is_gilbert_elliott = true,
                            .good_to_bad = p,
                            .bad_to_good = r,
                            .loss_in_bad = bad,
                            .loss_in_good = good};
    QdiscFixture f;

    run_netem(&f, &config);
    CU_ASSERT(z_of((double)net_n_dropped(&f.net, VS_DROP_NETEM_LOSS), N, loss) /
                  sqrt((2 - p - r) / (p + r)) <
              3.5);
    qdisc_fixture_clear(&f);
}

typedef struct {
    double mean, deviation, lag; /* Of the delay, in units of the jitter; lag 1. */
} Moments;

static Moments
jitter_of(VsNetemDist distribution, double correlation)
{
    VsNetemConfig config = {.packets_max = 100000,
                            .delay = 50 * VS_MS,
                            .jitter = VS_MS,
                            .distribution = distribution,
                            .delay_correlation = correlation};
    g_autofree double *x = g_new0(double, N);
    double sum = 0, squares = 0, products = 0;
    QdiscFixture f;

    run_netem(&f, &config);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), N);
    for (unsigned i = 0; i < N; i++) { /* They arrive in another order. */
        x[net_arrival(f.sink, i)->payload_bytes] =
            (held_for(&f, i) - 50 * VS_MS) / VS_MS;
    }
    for (unsigned i = 0; i < N; i++) {
        sum += x[i];
        squares += x[i] * x[i];
        products += i > 0 ? x[i] * x[i - 1] : 0;
    }
    qdisc_fixture_clear(&f);
    sum /= N;
    squares = squares / N - sum * sum;
    return (Moments){sum, sqrt(squares), (products / N - sum * sum) / squares};
}

/* Waits for the line (a packet takes 1 us of the 20) add to the delays below the accuracy
 * that is asked for. */
static void
test_jitter_has_its_moments(void)
{
    Moments uniform = jitter_of(VS_NETEM_UNIFORM, 0);
    Moments normal = jitter_of(VS_NETEM_NORMAL, 0);
    Moments correlated = jitter_of(VS_NETEM_UNIFORM, 0.6);

    CU_ASSERT_DOUBLE_EQUAL(uniform.mean, 0, 0.012);
    CU_ASSERT_DOUBLE_EQUAL(uniform.deviation, sqrt(1.0 / 3), 0.008);
    CU_ASSERT_DOUBLE_EQUAL(uniform.lag, 0, 0.02);
    CU_ASSERT_DOUBLE_EQUAL(normal.mean, 0, 0.018);
    CU_ASSERT_DOUBLE_EQUAL(normal.deviation, 1, 0.015);
    CU_ASSERT_DOUBLE_EQUAL(correlated.lag, 0.6, 0.02);
    CU_ASSERT_DOUBLE_EQUAL(correlated.deviation, sqrt(1.0 / 3 * 0.4 / 1.6), 0.008);
}

/* 4/3 ((1-p)^(-1/3) - 3/2): the median is 4/3 (2^(1/3) - 3/2), the least -2/3. */
static void
test_pareto_jitter_has_its_quantiles(void)
{
    VsNetemConfig config = {.packets_max = 100000,
                            .delay = 50 * VS_MS,
                            .jitter = VS_MS,
                            .distribution = VS_NETEM_PARETO};
    double median = 4.0 / 3 * (cbrt(2) - 1.5), n_below = 0, least = 1e9;
    QdiscFixture f;

    run_netem(&f, &config);
    for (unsigned i = 0; i < N; i++) {
        double x = (held_for(&f, i) - 50 * VS_MS) / VS_MS;

        n_below += x < median;
        least = MIN(least, x);
    }
    CU_ASSERT(z_of(n_below, N, 0.5) < 3.5);
    CU_ASSERT_DOUBLE_EQUAL(least, -2.0 / 3, 0.002);
    qdisc_fixture_clear(&f);
}

static void
test_duplicates_and_damage_are_counted(void)
{
    VsNetemConfig config = {.packets_max = 1000, .duplicate = 0.05, .corrupt = 0.02};
    double n_copies, n_corrupted;
    QdiscFixture f;

    run_netem(&f, &config);
    n_copies = (double)f.net.run.packets->n_created - N;
    n_corrupted = (double)net_n_dropped(&f.net, VS_DROP_CORRUPTED);
    CU_ASSERT(z_of(n_copies, N, 0.05) < 3.5);
    CU_ASSERT(z_of(n_corrupted, N + n_copies, 0.02) < 3.5);
    CU_ASSERT_EQUAL((double)net_n_arrived(f.sink), N + n_copies - n_corrupted);
    CU_ASSERT_EQUAL((double)f.root->n_packets, N + n_copies);
    qdisc_fixture_clear(&f);
}

/* With a gap of 5 every fifth packet, if any, is ahead of the delay of the others. */
static void
test_reordered_packets_are_sent_at_once(void)
{
    VsNetemConfig config = {
        .packets_max = 1000, .delay = VS_MS, .reorder = 1, .reorder_gap = 5};
    unsigned n_ahead = 0, n_wrong = 0;
    QdiscFixture f;

    run_netem(&f, &config);
    for (unsigned i = 0; i < N; i++) {
        bool is_ahead = held_for(&f, i) < VS_MS / 2;

        n_ahead += is_ahead;
        n_wrong += is_ahead && net_arrival(f.sink, i)->payload_bytes % 5 != 4;
    }
    CU_ASSERT_EQUAL(n_ahead, N / 5);
    CU_ASSERT_EQUAL(n_wrong, 0);
    qdisc_fixture_clear(&f);
}

/* 8 Mbit/s: 100 us a packet, one after the other, and in order whatever the jitter. */
static void
test_rate_keeps_packets_in_line(void)
{
    VsNetemConfig config = {
        .packets_max = 100, .delay = VS_MS, .jitter = VS_MS / 2, .bits_per_s = 8000000};
    QdiscFixture f;
    unsigned n_wrong = 0;

    run_netem(&f, &config);
    for (unsigned i = 1; i < net_n_arrived(f.sink); i++) {
        n_wrong += net_arrival(f.sink, i)->payload_bytes <=
                   net_arrival(f.sink, i - 1)->payload_bytes;
        n_wrong += qdisc_arrival(&f, i) - qdisc_arrival(&f, i - 1) < 100 * VS_US;
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    /* 0.8 s at 10000 a second, and the hundred that wait in the end. */
    CU_ASSERT_DOUBLE_EQUAL(net_n_arrived(f.sink), 8100, 20);
    qdisc_fixture_clear(&f);
}

/* ---- red ------------------------------------------------------------------------- */

/* ewma 1: the average is halfway from the last one to what waits before the packet: 0 and 0
 * from idleness, 500, 1250, 2125, 3062, 4031, 4515 bytes.  The last two are above max 4000;
 * chance 10^-6 loses none before. */
static void
test_red_average_by_hand(void)
{
    VsRedConfig config = {.limit_bytes = 100000,
                          .min_bytes = 2000,
                          .max_bytes = 4000,
                          .probability = 1e-6,
                          .ewma = 1,
                          .average_packet_bytes = 1000};
    QdiscFixture f;

    qdisc_fixture(&f, 8000000, &vs_qdisc_red, &config);
    for (unsigned i = 0; i < 8; i++) { /* The first is on the line at once. */
        qdisc_send(&f, 1000, 1);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_RED), i < 6 ? 0 : i - 5);
    }
    /* Empty at 5 * 1.024 ms; to 18 ms are 12.88 packets: the average is 4515 / 2^12.88, and
     * all comes again. */
    net_run(&f.net, 18 * VS_MS);
    for (unsigned i = 0; i < 7; i++) {
        qdisc_send(&f, 1000, 1);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_RED), i < 6 ? 2 : 3);
    }
    qdisc_fixture_clear(&f);
}

/* A queue that stays at 30000 bytes, halfway from min to max: p = 0.1 / 2.  Gaps between
 * losses are uniform on 1..20: mean 10.5, not geometric. */
static void
test_red_spaces_its_drops(void)
{
    VsRedConfig config = {.limit_bytes = 100000,
                          .min_bytes = 20000,
                          .max_bytes = 40000,
                          .probability = 0.1,
                          .ewma = 0,
                          .average_packet_bytes = 1000};
    unsigned n_drops = 0, gap = 0, longest = 0;
    VsTime next;
    QdiscFixture f;

    qdisc_fixture(&f, 1000, &vs_qdisc_red, &config);
    qdisc_send(&f, 1000, 1); /* Occupies the line for 8 s. */
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t before = f.root->n_dropped;

        while (f.root->held_bytes > 30000) {
            VsPacket *packet = vs_qdisc_dequeue(f.root, 0, &next);

            vs_packet_deliver(packet);
        }
        qdisc_send(&f, 1000, 1);
        gap++;
        if (f.root->n_dropped > before && f.root->held_bytes >= 30000) {
            longest = MAX(longest, n_drops > 0 ? gap : 0);
            n_drops++;
            gap = 0;
        }
    }
    CU_ASSERT_EQUAL(longest, 20);
    CU_ASSERT_DOUBLE_EQUAL(20000.0 / n_drops, 10.5, 0.5);
    qdisc_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"a delay is exact", test_delay_is_exact},
    {"losses are independent", test_loss_is_independent},
    {"correlated losses come together", test_correlated_loss_comes_together},
    {"Gilbert's chain by closed form", test_gilbert_chain_by_closed_form},
    {"Elliott's chain by closed form", test_elliott_chain_by_closed_form},
    {"jitter has its moments", test_jitter_has_its_moments},
    {"pareto jitter has its quantiles", test_pareto_jitter_has_its_quantiles},
    {"duplicates and damage are counted", test_duplicates_and_damage_are_counted},
    {"reordered packets are sent at once", test_reordered_packets_are_sent_at_once},
    {"a rate keeps packets in line", test_rate_keeps_packets_in_line},
    {"red's average by hand", test_red_average_by_hand},
    {"red spaces its drops", test_red_spaces_its_drops},
    {0},
};
VS_TESTS("qdisc_netem")

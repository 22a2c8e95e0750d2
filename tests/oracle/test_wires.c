/* Wires against queueing theory: a link with Poisson packets is an M/G/1 queue, whose
 * service is a packet at line rate. */
#include <glib.h>

#include "base/dist.h"
#include "base/rng.h"
#include "tests/net/net_fixture.h"
#include "tests/oracle/oracle.h"

/* A source of Poisson packets before a wire, and its far end. */
typedef struct {
    Net net;
    VsPart part;
    VsEntity entity;
    VsTimer arrival;
    VsRng rng;
    VsRng sizes;
    VsDist interarrival;
    uint64_t n_to_come;
    VsHop far_end;
    VsWire *wire;
    double unit;        /* Mean time of a packet, ps. */
    OracleSeries visit; /* From sending to the last bit, in that unit, ... */
    OracleSeries wait;  /* ...and before the first bit. */

    /* Two sizes, the second with this probability in 1/1000; and waiting places. */
    uint32_t bytes[2];
    uint32_t second_permille;
    OracleSeries lost;
} Link;

static void
link_arrival(VsTimer *timer)
{
    Link *link = VS_CONTAINER_OF(timer, Link, arrival);
    VsPacket *packet = vs_packet_new(&link->net.run);
    uint64_t n_dropped = link->wire->n_dropped;
    bool is_second = vs_rng_below(&link->sizes, 1000) < link->second_permille;

    packet->wire_bytes = link->bytes[is_second];
    vs_wire_send(link->wire, packet);
    oracle_add(&link->lost, link->wire->n_dropped > n_dropped);
    if (--link->n_to_come > 0) {
        vs_timer_arm(timer, vs_now(&link->net.run) +
                                vs_dist_draw(&link->interarrival, &link->rng));
    }
}

static void
link_far_end(VsHop *hop, VsPacket *packet)
{
    Link *link = VS_CONTAINER_OF(hop, Link, far_end);
    VsTime visit = vs_now(&link->net.run) - link->wire->config.delay - packet->entered;
    VsTime work = (VsTime)(packet->wire_bytes * link->wire->ps_per_byte);

    oracle_add(&link->visit, (double)visit / link->unit);
    oracle_add(&link->wait, (double)(visit - work) / link->unit);
    vs_packet_deliver(packet);
}

static void
link_run(Link *link, uint64_t seed, double load, uint32_t packets_max,
         uint64_t n_packets)
{
    VsWireConfig config = net_10g;
    double bytes = link->bytes[0] + (link->bytes[1] - (double)link->bytes[0]) *
                                        link->second_permille / 1000.0;

    config.packets_max = packets_max;
    net_init(&link->net);
    vs_part_init(&link->part, &link->net.run);
    vs_entity_init(&link->entity, &link->part);
    vs_timer_init(&link->arrival, &link->entity, link_arrival);
    vs_rng_init(&link->rng, seed, "link", "arrivals");
    vs_rng_init(&link->sizes, seed, "link", "sizes");
    link->unit = bytes * 800;
    vs_dist_init_exponential(&link->interarrival, (int64_t)llround(link->unit / load));
    link->far_end.receive = link_far_end;
    link->wire = &link->net.wires[link->net.n_wires++];
    vs_wire_init(link->wire, "link", &config, &link->part, &link->far_end);
    link->n_to_come = n_packets;
    vs_timer_arm(&link->arrival, 0);
    net_run(&link->net, VS_TIME_NEVER - 1);
    CU_ASSERT_EQUAL(link->visit.length + link->wire->n_dropped, n_packets);
}

static void
link_clear(Link *link)
{
    oracle_clear(&link->visit);
    oracle_clear(&link->wait);
    oracle_clear(&link->lost);
    vs_dist_clear(&link->interarrival);
    net_clear(&link->net); /* Checks Little's law, exactly. */
}

/* P(Wq <= t) of M/D/1 in units of the service time (Erlang 1909). */
static double
md1_wait_probability(double load, double t)
{
    double sum = 0;
    double term;

    for (unsigned k = 0; k <= (unsigned)t; k++) {
        double x = load * (k - t);

        term = 1;
        for (unsigned i = 1; i <= k; i++) {
            term *= x / i;
        }
        sum += term * exp(-x);
    }
    return (1 - load) * sum;
}

static void
test_packets_of_one_size(void)
{
    static const double loads[] = {0.5, 0.8, 0.9};

    oracle_print_header();
    for (unsigned i = 0; i < G_N_ELEMENTS(loads); i++) {
        g_autofree char *model = g_strdup_printf("wire M/D/1 rho=%.1f", loads[i]);
        double wait = loads[i] / (2 * (1 - loads[i])); /* Half of M/M/1's. */
        OracleSeries below = {0};
        Link link = {.bytes = {1538, 1538}};
        size_t warm_up;

        link_run(&link, 1 + i, loads[i], 0, 1000000);
        warm_up = oracle_warm_up(&link.wait);
        oracle_check(model, "Wq", &link.wait, warm_up, wait, 0.06);
        oracle_check(model, "W", &link.visit, warm_up, 1 + wait, 0.06);
        for (size_t k = 0; k < link.wait.length; k++) {
            oracle_add(&below, link.wait.values[k] <= 2.5);
        }
        oracle_check(model, "P(Wq<=2.5)", &below, warm_up,
                     md1_wait_probability(loads[i], 2.5), 0.06);
        oracle_clear(&below);
        CU_ASSERT_EQUAL(link.wire->busy, (VsTime)1000000 * 1538 * 800);
        link_clear(&link);
    }
}

/* Three packets of 84 bytes for each of 1538: the second moment decides. */
static void
test_packets_of_two_sizes(void)
{
    double load = 0.7;
    double mean = 0.75 * 84 + 0.25 * 1538;
    double second = 0.75 * 84 * 84 + 0.25 * 1538.0 * 1538;
    double wait = load * second / (2 * (1 - load) * mean * mean);
    Link link = {.bytes = {84, 1538}, .second_permille = 250};
    size_t warm_up;

    link_run(&link, 4, load, 0, 1500000);
    warm_up = oracle_warm_up(&link.wait);
    oracle_check("wire, two sizes rho=.7", "Wq", &link.wait, warm_up, wait, 0.04);
    oracle_check("wire, two sizes rho=.7", "W", &link.visit, warm_up, 1 + wait, 0.04);
    link_clear(&link);
}

/* M/D/1/K by the chain of what each departure leaves behind.  With a_n the
 * probability of n arrivals in a service: p_0 = 1, p_{n+1} = (p_n - p_0 a_n -
 * sum_{1..n} p_k a_{n+1-k}) / a_0; loss = 1 - 1 / (P(0) + load), P(0) of the chain
 * on 0 .. K-1. */
static double
md1k_loss(double load, unsigned k)
{
    double a[64];
    double p[64] = {1};
    double sum = 1;

    a[0] = exp(-load);
    for (unsigned n = 1; n < 64; n++) {
        a[n] = a[n - 1] * load / n;
    }
    for (unsigned n = 0; n + 1 < k; n++) {
        p[n + 1] = p[n] - p[0] * a[n];
        for (unsigned i = 1; i <= n; i++) {
            p[n + 1] -= p[i] * a[n + 1 - i];
        }
        p[n + 1] /= a[0];
        sum += p[n + 1];
    }
    return 1 - 1 / (1 / sum + load);
}

static void
test_short_queue_loses(void)
{
    static const struct {
        double load;
        unsigned k; /* With the one in transmission. */
    } rows[] = {{0.9, 4}, {1.0, 10}, {1.5, 3}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *model =
            g_strdup_printf("wire M/D/1/%u r=%.1f", rows[i].k, rows[i].load);
        Link link = {.bytes = {1538, 1538}};

        link_run(&link, 5 + i, rows[i].load, rows[i].k - 1, 1000000);
        oracle_check(model, "loss", &link.lost, 1000,
                     md1k_loss(rows[i].load, rows[i].k), 0.05);
        link_clear(&link);
    }
}

static const VsTestCase tests[] = {
    {"packets of one size wait as in M/D/1", test_packets_of_one_size},
    {"packets of two sizes wait as in M/G/1", test_packets_of_two_sizes},
    {"a short queue loses as M/D/1/K", test_short_queue_loses},
    {0},
};
VS_TESTS("wires")

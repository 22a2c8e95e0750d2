/* Congestion control over a link: what flows get, what they leave in the queue, and how
 * losses limit them, against the formulas of the algorithms' authors. */
#include "fixture.h"

#include <math.h>

#include "transport/tcp_internal.h"

enum { MAX_FLOWS = 4 };

/* Clients on a that send to b as long as the test lasts. */
typedef struct Share {
    Net *net;
    Server server;
    unsigned n_flows;
    Peer clients[MAX_FLOWS];
} Share;

static void
share_begin(Share *share, const NetConfig *config, VsCongestionKind kind,
            unsigned n_flows)
{
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;

    tcp.receive_buffer = 64 << 20;
    tcp.congestion = kind;
    share->net = net_new(config);
    share->n_flows = n_flows;
    share->net->to_a.is_logging = false;
    share->net->to_b.is_logging = false;
    net_set_tcp(share->net, &tcp);
    server_open(&share->server, share->net, n_flows);
}

/* The next flow begins. */
static void
share_open(Share *share, unsigned i)
{
    peer_init(&share->clients[i], &share->net->run);
    peer_connect(&share->clients[i], share->net, NULL);
    peer_send(&share->clients[i], UINT64_C(1) << 40);
}

static void
share_open_all(Share *share)
{
    for (unsigned i = 0; i < share->n_flows; i++) {
        share_open(share, i);
    }
}

static uint64_t
acknowledged(const Share *share, unsigned i)
{
    return share->clients[i].tcp->snd_una;
}

/* Runs for 'duration' and returns the bytes that each flow got acknowledged in it. */
static void
share_run(Share *share, VsTime duration, double *ret_bytes)
{
    for (unsigned i = 0; i < share->n_flows; i++) {
        ret_bytes[i] = -(double)acknowledged(share, i);
    }
    net_run(share->net, share->net->run.now + duration);
    for (unsigned i = 0; i < share->n_flows; i++) {
        ret_bytes[i] += (double)acknowledged(share, i);
    }
}

static void
share_end(Share *share)
{
    net_free(share->net);
}

/* (sum x)^2 / (n sum x^2): 1 when all are equal, 1/n when one has all. */
static double
jain(const double *x, unsigned n)
{
    double sum = 0, squares = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    return sum * sum / (n * squares);
}

static double
total(const double *x, unsigned n)
{
    double sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

/* Bytes of payload that the line carries in 'duration'. */
static double
line_bytes(const Share *share, VsTime duration)
{
    return (double)(duration / share->net->ps_per_byte) * MSS / DATA_WIRE_BYTES(MSS);
}

/* 100 Mbit/s, 20 ms there and back: 163 segments under way, as many may wait. */
static const NetConfig bottleneck = {
    .bits_per_s = 100000000, .delay = 10 * VS_MS, .packets_max = 163};

/* The second begins when the first has all. */
static void
check_fairness(VsCongestionKind kind, const NetConfig *config, VsTime duration)
{
    double bytes[2];
    Share s;

    share_begin(&s, config, kind, 2);
    share_open(&s, 0);
    s.clients[1] = s.clients[0];
    net_run(s.net, 5 * VS_S);
    share_open(&s, 1);
    net_run(s.net, 25 * VS_S);
    share_run(&s, duration, bytes);
    CU_ASSERT_TRUE(jain(bytes, 2) > 0.9);
    CU_ASSERT_TRUE(total(bytes, 2) > 0.9 * line_bytes(&s, duration));
    share_end(&s);
}

static void
test_two_flows_share_fairly(void)
{
    NetConfig marking = bottleneck, deep = bottleneck;

    marking.mark_packets = 40;
    deep.packets_max *= 3; /* BBR v1 loses a lot below 1.5 pipes. */
    check_fairness(VS_CONGESTION_RENO, &bottleneck, 60 * VS_S);
    check_fairness(VS_CONGESTION_CUBIC, &bottleneck, 60 * VS_S);
    check_fairness(VS_CONGESTION_DCTCP, &marking, 60 * VS_S);
    check_fairness(VS_CONGESTION_BBR, &deep, 60 * VS_S);
}

/* Two flows keep the queue just below the threshold (65 packets at 10 Gbit/s, as in the
 * paper of Alizadeh et al., 2010), above it by their number and what is sent in one go; and
 * the line stays busy. */
static void
test_dctcp_keeps_the_queue_at_its_threshold(void)
{
    static const NetConfig datacentre = {.bits_per_s = 10000000000,
                                         .delay = 50 * VS_US,
                                         .packets_max = 1000,
                                         .mark_packets = 65};
    double bytes[2], sum = 0;
    uint32_t threshold = datacentre.mark_packets, most = 0;
    unsigned n = 2000;
    VsTime begun;
    Share s;

    share_begin(&s, &datacentre, VS_CONGESTION_DCTCP, 2);
    share_open_all(&s);
    net_run(s.net, 200 * VS_MS);
    begun = s.net->run.now;
    bytes[0] = -(double)acknowledged(&s, 0);
    bytes[1] = -(double)acknowledged(&s, 1);
    for (unsigned i = 0; i < n; i++) {
        uint32_t waiting;

        net_run(s.net, s.net->run.now + 20 * VS_US);
        waiting = vs_wire_n_waiting(&s.net->ab);
        sum += waiting;
        most = MAX(most, waiting);
    }
    bytes[0] += (double)acknowledged(&s, 0);
    bytes[1] += (double)acknowledged(&s, 1);
    CU_ASSERT_TRUE(total(bytes, 2) > 0.98 * line_bytes(&s, s.net->run.now - begun));
    CU_ASSERT_EQUAL(s.net->ab.n_dropped, 0);
    CU_ASSERT_TRUE(s.net->ab.n_marked > 0);
    CU_ASSERT_TRUE(most < threshold + 8);
    CU_ASSERT_TRUE(sum / n > 0.8 * threshold && sum / n < threshold);
    share_end(&s);
}

/* SYN asks with ECE and CWR, SYN-ACK agrees with ECE; data are ECT(0), ACKs are not; a mark is
 * echoed until CWR comes. */
static void
test_ecn_handshake_and_echo(void)
{
    static const NetConfig marking = {
        .bits_per_s = 1000000000, .delay = VS_MS, .mark_packets = 9};
    VsTcpConfig asking = VS_TCP_CONFIG_DEFAULT, willing = VS_TCP_CONFIG_DEFAULT;
    bool is_echoing = false, is_marked = false, has_cwr = false;
    Net *net = net_new(&marking);
    Server server;
    Peer client;

    asking.ecn = VS_TCP_ECN_ON;
    vs_sockets_set_tcp_config(vs_sockets_of(net->a->root), &asking);
    vs_sockets_set_tcp_config(vs_sockets_of(net->b->root), &willing);
    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    peer_send(&client, 40 * MSS);
    net_run(net, VS_S);
    CU_ASSERT_EQUAL(server.peers[0].n_messages, 1);
    CU_ASSERT_EQUAL(tap_get(&net->to_b, 0)->tcp.flags,
                    VS_TCP_SYN | VS_TCP_ECE | VS_TCP_CWR);
    CU_ASSERT_EQUAL(tap_get(&net->to_b, 0)->tos, 0);
    CU_ASSERT_EQUAL(tap_get(&net->to_a, 0)->tcp.flags,
                    VS_TCP_SYN | VS_TCP_ACK | VS_TCP_ECE);
    CU_ASSERT_EQUAL(tap_get(&net->to_b, 1)->tos, 0);
    for (unsigned i = 2; i < net->to_b.log->len; i++) {
        const Arrival *data = tap_get(&net->to_b, i);

        CU_ASSERT_EQUAL(data->tos & VS_IP_ECN_ECT0, VS_IP_ECN_ECT0);
        is_marked = is_marked || data->tos == VS_IP_ECN_CE;
        has_cwr = has_cwr || data->tcp.flags & VS_TCP_CWR;
    }
    for (unsigned i = 1; i < net->to_a.log->len; i++) {
        CU_ASSERT_EQUAL(tap_get(&net->to_a, i)->tos, 0);
        is_echoing = is_echoing || tap_get(&net->to_a, i)->tcp.flags & VS_TCP_ECE;
    }
    CU_ASSERT_TRUE(is_marked && is_echoing && has_cwr);
    CU_ASSERT_EQUAL(vs_tcp_stats(net->a->root)->n_retransmitted, 0);
    CU_ASSERT_TRUE(client.tcp->congestion.ssthresh != VS_CONGESTION_NO_SSTHRESH);
    /* The last ACK: CWR has come, and nothing was marked since. */
    CU_ASSERT_FALSE(tap_get(&net->to_a, net->to_a.log->len - 1)->tcp.flags &
                    VS_TCP_ECE);
    net_free(net);
}

/* Nobody asks, or the server refuses: no packet is ECN-capable, and none is marked. */
static void
test_ecn_is_not_used_unasked(void)
{
    static const NetConfig marking = {
        .bits_per_s = 1000000000, .delay = VS_MS, .mark_packets = 5};

    for (unsigned i = 0; i < 2; i++) {
        VsTcpConfig asking = VS_TCP_CONFIG_DEFAULT, other = VS_TCP_CONFIG_DEFAULT;
        Net *net = net_new(&marking);
        Server server;
        Peer client;

        asking.ecn = i == 0 ? VS_TCP_ECN_PASSIVE : VS_TCP_ECN_ON;
        other.ecn = i == 0 ? VS_TCP_ECN_ON : VS_TCP_ECN_OFF;
        vs_sockets_set_tcp_config(vs_sockets_of(net->a->root), &asking);
        vs_sockets_set_tcp_config(vs_sockets_of(net->b->root), &other);
        server_open(&server, net, 1);
        peer_init(&client, &net->run);
        peer_connect(&client, net, NULL);
        peer_send(&client, 40 * MSS);
        net_run(net, VS_S);
        CU_ASSERT_EQUAL(server.peers[0].n_messages, 1);
        CU_ASSERT_EQUAL(net->ab.n_marked, 0);
        for (unsigned k = 0; k < net->to_b.log->len; k++) {
            CU_ASSERT_EQUAL(tap_get(&net->to_b, k)->tos, 0);
        }
        net_free(net);
    }
}

/* Segments a second of one flow, of which every 1/p-th is lost, over a fast line. */
static double
rate_with_loss(VsCongestionKind kind, VsTime rtt, uint32_t loss_every)
{
    NetConfig config = {.bits_per_s = 10000000000, .delay = rtt / 2};
    VsTime duration = 300 * rtt + (VsTime)loss_every * rtt / 2;
    double bytes;
    Share s;

    share_begin(&s, &config, kind, 1);
    s.net->to_b.loss_every = loss_every;
    share_open_all(&s);
    net_run(s.net, duration / 2);
    share_run(&s, duration, &bytes);
    CU_ASSERT_EQUAL(vs_tcp_stats(s.net->a->root)->n_timeouts, 0);
    share_end(&s);
    return bytes / MSS / ((double)duration / (double)VS_S);
}

/* Mathis: sqrt(3/2) / (RTT sqrt(p)). */
static void
test_reno_follows_the_square_root_law(void)
{
    static const struct {
        VsTime rtt;
        uint32_t loss_every;
    } cases[] = {{10 * VS_MS, 1000},  {10 * VS_MS, 2000},  {10 * VS_MS, 3000},
                 {10 * VS_MS, 5000},  {20 * VS_MS, 1000},  {20 * VS_MS, 2000},
                 {20 * VS_MS, 3000},  {20 * VS_MS, 5000},  {50 * VS_MS, 1000},
                 {50 * VS_MS, 2000},  {50 * VS_MS, 3000},  {50 * VS_MS, 5000},
                 {100 * VS_MS, 1000}, {100 * VS_MS, 2000}, {100 * VS_MS, 3000},
                 {100 * VS_MS, 5000}, {200 * VS_MS, 1000}, {200 * VS_MS, 2000},
                 {200 * VS_MS, 3000}, {200 * VS_MS, 5000}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        double rtt = (double)cases[i].rtt / (double)VS_S;
        double expected = sqrt(1.5 * cases[i].loss_every) / rtt;
        double found =
            rate_with_loss(VS_CONGESTION_RENO, cases[i].rtt, cases[i].loss_every);

        CU_ASSERT_DOUBLE_EQUAL(found / expected, 1, 0.1);
    }
}

/* RFC 9438 section 5.1: mean window 1.054 (RTT^3 / p^3)^(1/4), where that is well above
 * Reno's. */
static void
test_cubic_follows_its_response_function(void)
{
    static const struct {
        VsTime rtt;
        uint32_t loss_every;
    } cases[] = {{100 * VS_MS, 10000}, {100 * VS_MS, 20000}, {100 * VS_MS, 30000},
                 {200 * VS_MS, 5000},  {200 * VS_MS, 10000}, {200 * VS_MS, 20000},
                 {400 * VS_MS, 5000},  {400 * VS_MS, 10000}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        double rtt = (double)cases[i].rtt / (double)VS_S;
        double expected = 1.054 * pow(rtt * cases[i].loss_every, 0.75) / rtt;
        double found =
            rate_with_loss(VS_CONGESTION_CUBIC, cases[i].rtt, cases[i].loss_every);

        CU_ASSERT_DOUBLE_EQUAL(found / expected, 1, 0.1);
    }
}

/* 100 Mbit/s, 40 ms: BBR keeps the line busy, its probes of the round trip included, with
 * little of the pipe's 333 segments in the queue, which has room for three pipes.  Its
 * pace is 0.99 of 0.75, 1 and 1.25 times the line's; as the queue runs empty in each cycle,
 * the round trip is known without probes. */
static void
test_bbr_fills_the_pipe_without_a_queue(void)
{
    static const NetConfig config = {
        .bits_per_s = 100000000, .delay = 20 * VS_MS, .packets_max = 1000};
    unsigned n = 20000, n_probing = 0;
    double line, bytes, sum = 0;
    uint64_t slowest = UINT64_MAX, fastest = 0;
    Share s;

    share_begin(&s, &config, VS_CONGESTION_BBR, 1);
    share_open_all(&s);
    net_run(s.net, 10 * VS_S);
    bytes = -(double)acknowledged(&s, 0);
    for (unsigned i = 0; i < n; i++) {
        net_run(s.net, s.net->run.now + VS_MS);
        sum += vs_wire_n_waiting(&s.net->ab);
        n_probing += s.clients[0].tcp->congestion.cwnd == 4 * MSS;
        slowest = MIN(slowest, s.clients[0].tcp->congestion.pacing_rate);
        fastest = MAX(fastest, s.clients[0].tcp->congestion.pacing_rate);
    }
    bytes += (double)acknowledged(&s, 0);
    line = line_bytes(&s, VS_S);
    CU_ASSERT_DOUBLE_EQUAL((double)slowest, 0.99 * 0.75 * line, 0.02 * line);
    CU_ASSERT_DOUBLE_EQUAL((double)fastest, 0.99 * 1.25 * line, 0.02 * line);
    CU_ASSERT_EQUAL(n_probing, 0);
    CU_ASSERT_TRUE(bytes > 0.97 * line_bytes(&s, n * VS_MS));
    CU_ASSERT_TRUE(sum / n < 0.05 * 333);
    CU_ASSERT_EQUAL(s.net->ab.n_dropped, 0);
    share_end(&s);
}

/* Two flows keep a queue standing: every 10 s they probe the round trip, with four segments
 * for 200 ms, until which they have drained it, and a round of 20 ms. */
static void
test_bbr_flows_probe_the_round_trip(void)
{
    NetConfig config = bottleneck;
    unsigned n_probing = 0;
    Share s;

    config.packets_max *= 3;
    share_begin(&s, &config, VS_CONGESTION_BBR, 2);
    share_open_all(&s);
    net_run(s.net, 15 * VS_S);
    for (unsigned i = 0; i < 30000; i++) {
        net_run(s.net, s.net->run.now + VS_MS);
        n_probing += s.clients[0].tcp->congestion.cwnd == 4 * MSS;
    }
    CU_ASSERT_TRUE(n_probing >= 3 * 200 && n_probing <= 3 * (200 + 3 * 20));
    CU_ASSERT_TRUE(s.clients[0].tcp->congestion.bbr.min_rtt < 21 * VS_MS);
    share_end(&s);
}

static const VsTestCase tests[] = {
    {"ECN: handshake and echo", test_ecn_handshake_and_echo},
    {"ECN is not used unasked", test_ecn_is_not_used_unasked},
    {"NewReno follows the square root law", test_reno_follows_the_square_root_law},
    {"CUBIC follows its response function", test_cubic_follows_its_response_function},
    {"DCTCP keeps the queue at its threshold",
     test_dctcp_keeps_the_queue_at_its_threshold},
    {"BBR fills the pipe without a queue", test_bbr_fills_the_pipe_without_a_queue},
    {"BBR flows probe the round trip", test_bbr_flows_probe_the_round_trip},
    {"two flows share fairly", test_two_flows_share_fairly},
    {0},
};

VS_TESTS("transport/congestion, over a link")

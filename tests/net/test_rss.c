/* Receive queues: what is hashed, the indirection table, and the cores that follow. */
#include <glib.h>

#include "net/rss.h"
#include "tests/net/net_fixture.h"

static VsRssConfig
config_of(unsigned n_queues)
{
    return (VsRssConfig){
        .n_queues = n_queues, .table_size = 128, .key = vs_toeplitz_key_microsoft};
}

static VsLayer
layer_of(uint8_t protocol, VsAddr saddr, uint16_t sport, VsAddr daddr, uint16_t dport)
{
    return (VsLayer){.ether_type = VS_ETHER_TYPE_IPV4,
                     .flow = {.saddr = saddr,
                              .daddr = daddr,
                              .sport = sport,
                              .dport = dport,
                              .protocol = protocol,
                              .family = VS_FAMILY_IPV4}};
}

/* Microsoft, "Verifying the RSS hash calculation". */
static const struct {
    VsAddr saddr;
    uint16_t sport;
    VsAddr daddr;
    uint16_t dport;
    uint32_t of_addresses, with_ports;
} vectors[] = {
    {NET_IP(66, 9, 149, 187), 2794, NET_IP(161, 142, 100, 80), 1766, 0x323e8fc2,
     0x51ccc178},
    {NET_IP(199, 92, 111, 2), 14230, NET_IP(65, 69, 140, 83), 4739, 0xd718262a,
     0xc626b0ea},
    {NET_IP(24, 19, 198, 95), 12898, NET_IP(12, 22, 207, 184), 38024, 0xd2d0a5de,
     0x5c2b394a},
    {NET_IP(38, 27, 205, 30), 48228, NET_IP(209, 142, 163, 6), 2217, 0x82989176,
     0xafc7327f},
    {NET_IP(153, 39, 163, 191), 44251, NET_IP(202, 188, 127, 2), 1303, 0x5d1809c5,
     0x10e828a2},
};

static void
test_hashes_are_the_published_ones(void)
{
    VsRssConfig config = config_of(4);
    VsRss *sd = vs_rss_new(&config);
    VsRss *sdfn;

    config.is_hashing_udp_ports = true;
    sdfn = vs_rss_new(&config);
    for (unsigned i = 0; i < G_N_ELEMENTS(vectors); i++) {
        VsLayer tcp = layer_of(VS_PROTOCOL_TCP, vectors[i].saddr, vectors[i].sport,
                               vectors[i].daddr, vectors[i].dport);
        VsLayer udp = tcp, icmp = tcp, first = tcp, last = tcp;

        udp.flow.protocol = VS_PROTOCOL_UDP;
        icmp.flow.protocol = VS_PROTOCOL_ICMP;
        tcp.ip_fragment = VS_IP_DF;
        first.ip_fragment = VS_IP_MF;
        last.ip_fragment = 185;
        CU_ASSERT_EQUAL(vs_rss_hash(sd, &tcp), vectors[i].with_ports);
        CU_ASSERT_EQUAL(vs_rss_hash(sd, &udp), vectors[i].of_addresses);
        CU_ASSERT_EQUAL(vs_rss_hash(sdfn, &udp), vectors[i].with_ports);
        CU_ASSERT_EQUAL(vs_rss_hash(sdfn, &icmp), vectors[i].of_addresses);
        CU_ASSERT_EQUAL(vs_rss_hash(sd, &first), vectors[i].of_addresses);
        CU_ASSERT_EQUAL(vs_rss_hash(sd, &last), vectors[i].of_addresses);
        /* The lower 7 bits, of a table in turn. */
        CU_ASSERT_EQUAL(vs_rss_steer(sd, &tcp), vectors[i].with_ports % 128 % 4);
    }
    vs_rss_free(sd);
    vs_rss_free(sdfn);
}

static void
test_the_table_has_the_queues_in_turn(void)
{
    VsRssConfig config = config_of(5);
    uint16_t table[128];

    vs_rss_fill(&config, table);
    for (unsigned i = 0; i < 128; i++) {
        CU_ASSERT_EQUAL(table[i], i % 5);
    }
}

/* Queue i has the places from 128 times the sum of weights before it to that with it, over
 * the sum of all, each rounded up. */
static void
check_weights(const uint32_t *weights, unsigned n)
{
    VsRssConfig config = config_of(n);
    uint16_t table[128];
    unsigned total = 0, before = 0;

    for (unsigned i = 0; i < n; i++) {
        total += weights[i];
    }
    config.weights = weights;
    vs_rss_fill(&config, table);
    for (unsigned queue = 0; queue < n; queue++) {
        unsigned first = 128 * before / total;
        unsigned end = 128 * (before + weights[queue]) / total;

        for (unsigned i = first; i < end; i++) {
            CU_ASSERT_EQUAL(table[i], queue);
        }
        before += weights[queue];
    }
}

static void
test_weights_are_blocks_of_the_table(void)
{
    static const uint32_t weights[][4] = {
        {6, 2, 0, 0}, {0, 1, 0, 3}, {1, 1, 1, 0}, {5, 0, 0, 7}, {125, 1, 1, 1}};
    VsRssConfig config = config_of(2);
    uint16_t table[128];

    for (unsigned i = 0; i < G_N_ELEMENTS(weights); i++) {
        check_weights(weights[i], 4);
    }
    config.weights = weights[0]; /* 96 and 32. */
    vs_rss_fill(&config, table);
    CU_ASSERT_EQUAL(table[0], 0);
    CU_ASSERT_EQUAL(table[95], 0);
    CU_ASSERT_EQUAL(table[96], 1);
    CU_ASSERT_EQUAL(table[127], 1);
}

/* ---- In a host ---- */

enum { N_FLOWS = 400 };

/* A sends datagrams of many ports to B, whose 4 cores serve 'n_queues' queues. */
static void
send_to_queues(Net *net, unsigned n_queues, bool is_hashing_ports, VsHost **ret_b)
{
    VsRssConfig config = config_of(n_queues);
    VsHost *a, *b;
    VsIface *card_a, *card_b;

    net_init(net);
    a = net_host_with(net, "a", 1, 1000, &net_no_costs);
    b = net_host_with(net, "b", 4, 1000, &net_no_costs);
    card_a = net_card(a, "eth0", NET_IP(10, 0, 0, 1), 24);
    card_b = net_card(b, "eth0", NET_IP(10, 0, 0, 2), 24);
    net_link(net, card_a, card_b, &net_10g);
    net_introduce(card_a, card_b);
    net_listen(net, b->root);
    config.is_hashing_udp_ports = is_hashing_ports;
    b->rss = vs_rss_new(&config);
    for (unsigned i = 0; i < N_FLOWS; i++) {
        net_udp_send(a->root,
                     net_flow(NET_IP(10, 0, 0, 1), (uint16_t)(1000 + i),
                              NET_IP(10, 0, 0, 2), 53),
                     100);
    }
    net_run(net, VS_S);
    *ret_b = b;
}

/* The slow twin: bit by bit. */
static unsigned
queue_of(uint16_t sport, bool has_ports, unsigned n_queues)
{
    const uint8_t bytes[] = {
        10, 0, 0, 1, 10, 0, 0, 2, (uint8_t)(sport >> 8), (uint8_t)sport, 0, 53};
    uint32_t hash = vs_toeplitz(vs_toeplitz_key_microsoft, VS_TOEPLITZ_KEY_BYTES, bytes,
                                has_ports ? 12 : 8);

    return hash % 128 % n_queues;
}

static void
check_spread(unsigned n_queues, bool is_hashing_ports)
{
    uint64_t of_queues[8] = {0}, of_cores[4] = {0};
    VsHost *b;
    Net net;

    send_to_queues(&net, n_queues, is_hashing_ports, &b);
    for (unsigned i = 0; i < N_FLOWS; i++) {
        unsigned queue = queue_of((uint16_t)(1000 + i), is_hashing_ports, n_queues);

        of_queues[queue]++;
        of_cores[queue % 4]++;
    }
    CU_ASSERT_EQUAL(b->rss->packets.n_shares, n_queues);
    for (unsigned i = 0; i < n_queues; i++) {
        CU_ASSERT_EQUAL(b->rss->packets.shares[i].count, of_queues[i]);
        CU_ASSERT_EQUAL(of_queues[i] > 0,
                        is_hashing_ports || i == queue_of(0, false, n_queues));
    }
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(b->cores[i].n_packets, of_cores[i]);
    }
    net_clear(&net);
}

static void
test_frames_go_to_the_cores_of_their_queues(void)
{
    check_spread(2, true);
    check_spread(4, true);
    check_spread(8, true);
}

static void
test_datagrams_of_two_hosts_share_a_queue_without_ports(void)
{
    check_spread(4, false);
}

static void
test_arp_is_put_into_queue_0(void)
{
    VsRssConfig config = config_of(4);
    VsRss *rss = vs_rss_new(&config);
    VsLayer layer = layer_of(VS_PROTOCOL_TCP, vectors[1].saddr, vectors[1].sport,
                             vectors[1].daddr, vectors[1].dport);

    CU_ASSERT_EQUAL(vs_rss_steer(rss, &layer), 2);
    layer.ether_type = VS_ETHER_TYPE_ARP;
    CU_ASSERT_EQUAL(vs_rss_steer(rss, &layer), 0);
    CU_ASSERT_EQUAL(rss->packets.shares[0].count, 1);
    CU_ASSERT_EQUAL(rss->packets.shares[2].count, 1);
    vs_rss_free(rss);
}

static const VsTestCase tests[] = {
    {"hashes are the published ones", test_hashes_are_the_published_ones},
    {"the table has the queues in turn", test_the_table_has_the_queues_in_turn},
    {"weights are blocks of the table", test_weights_are_blocks_of_the_table},
    {"frames go to the cores of their queues",
     test_frames_go_to_the_cores_of_their_queues},
    {"datagrams of two hosts share a queue without ports",
     test_datagrams_of_two_hosts_share_a_queue_without_ports},
    {"ARP is put into queue 0", test_arp_is_put_into_queue_0},
    {0},
};

VS_TESTS("receive queues")

/* Hosts: steering to cores, costs of the way, and hosts that take no time. */
#include <glib.h>

#include "base/rng.h"
#include "tests/engine/count_allocations.h"
#include "tests/net/net_fixture.h"

/* A, a link, B. */
typedef struct {
    Net net;
    VsHost *a, *b;
    VsIface *card_a, *card_b;
    NetSink *sink_a, *sink_b;
} HostFixture;

static const VsAddr addr_a = NET_IP(10, 0, 0, 1);
static const VsAddr addr_b = NET_IP(10, 0, 0, 2);

static void
host_fixture(HostFixture *f, unsigned n_cores, const VsCosts *costs)
{
    net_init(&f->net);
    f->a = net_host_with(&f->net, "a", n_cores, 1000, costs);
    f->b = net_host_with(&f->net, "b", n_cores, 1000, costs);
    f->card_a = net_card(f->a, "eth0", addr_a, 24);
    f->card_b = net_card(f->b, "eth0", addr_b, 24);
    net_link(&f->net, f->card_a, f->card_b, &net_10g);
    net_introduce(f->card_a, f->card_b);
    f->sink_a = net_listen(&f->net, f->a->root);
    f->sink_b = net_listen(&f->net, f->b->root);
}

static void
test_costs_add_up(void)
{
    VsCosts costs = {.nic_receive = 1,
                     .nic_transmit = 20,
                     .route_lookup = 300,
                     .neighbour_lookup = 4000,
                     .socket_receive = 50000,
                     .socket_send = 600000};
    VsTime sending = 600000 + 300 + 4000 + 20;
    VsTime receiving = 1 + 300 + 50000;
    HostFixture f;

    host_fixture(&f, 1, &costs);
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 1000);
    net_run(&f.net, VS_S);
    /* 1000 + UDP 8 + IP 20 + Ethernet 38, at 800 ps. */
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->at,
                    sending + 1066 * 800 + VS_US + receiving);
    CU_ASSERT_EQUAL(f.a->cores[0].busy, sending);
    CU_ASSERT_EQUAL(f.b->cores[0].busy, receiving);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 1);
    CU_ASSERT_EQUAL(f.card_a->tx_bytes, 1042);
    CU_ASSERT_EQUAL(f.card_b->rx_packets, 1);
    CU_ASSERT_EQUAL(f.card_b->rx_bytes, 1042);
    net_clear(&f.net);
}

static void
test_hosts_without_cores_take_no_time(void)
{
    VsCosts costs = {.nic_receive = 1, .nic_transmit = 20, .socket_send = 600000};
    HostFixture f;

    host_fixture(&f, 0, &costs);
    for (unsigned i = 0; i < 3; i++) {
        net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 1000);
    }
    net_run(&f.net, VS_S);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i)->at,
                        (VsTime)(i + 1) * 1066 * 800 + VS_US);
    }
    net_clear(&f.net);
}

/* Ends the journey of what it gets, as a socket does. */
typedef struct {
    VsHop hop;
    unsigned n;
    VsTime elapsed[20]; /* Of the trails, */
    VsTime at[20];      /* which ended then. */
} Finish;

static void
finish_receive(VsHop *hop, VsPacket *packet)
{
    Finish *finish = VS_CONTAINER_OF(hop, Finish, hop);

    finish->at[finish->n] = vs_now(packet->run);
    finish->elapsed[finish->n++] = packet->trail->elapsed;
    vs_packet_arrive(packet); /* Asserts the sum, too. */
    vs_packet_deliver(packet);
}

/* The sum of a trail's steps is the time from socket to socket, to the picosecond, with
 * other packets before it on every core and wire. */
static void
test_trail_accounts_for_the_whole_way(void)
{
    VsCosts costs = {.nic_receive = 300000,
                     .nic_transmit = 250001,
                     .route_lookup = 60003,
                     .neighbour_lookup = 30007,
                     .socket_receive = 1200011,
                     .socket_send = 900013};
    VsJourney journeys[20] = {0};
    Finish finish = {.hop = {finish_receive}};
    HostFixture f;

    host_fixture(&f, 1, &costs);
    f.b->root->local = &finish.hop;
    for (unsigned i = 0; i < 20; i++) {
        VsPacket *packet = net_udp_new(f.a->root, net_flow(addr_a, 1, addr_b, 2), 1400);

        vs_journey_start(&journeys[i], 0);
        packet->payload.journey = &journeys[i];
        packet->payload.journey_generation = journeys[i].generation;
        vs_packet_follow(packet, 0);
        vs_ip_send(f.a->root, packet);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(finish.n, 20);
    for (unsigned i = 0; i < 20; i++) {
        CU_ASSERT(i == 0 || finish.at[i] > finish.at[i - 1]);
        CU_ASSERT_EQUAL(finish.elapsed[i], finish.at[i]);
        CU_ASSERT_EQUAL(journeys[i].accounted, finish.at[i]);
        vs_journey_clear(&journeys[i]);
    }
    net_clear(&f.net);
}

static void
test_flow_stays_on_its_core(void)
{
    enum { N_CORES = 8, N_FLOWS = 4000 };
    VsCosts costs = {.nic_receive = VS_NS};
    unsigned n_flows[N_CORES] = {0};
    double expected = (double)N_FLOWS / N_CORES;
    double chi_square = 0;
    HostFixture f;

    host_fixture(&f, N_CORES, &costs);
    for (unsigned i = 0; i < N_FLOWS; i++) {
        uint64_t before[N_CORES];
        unsigned n_changed = 0;

        for (unsigned k = 0; k < N_CORES; k++) {
            before[k] = f.b->cores[k].n_packets;
        }
        for (unsigned n = 0; n < 3; n++) {
            net_udp_send(f.a->root, net_flow(addr_a, (uint16_t)(1024 + i), addr_b, 53),
                         10);
            net_run(&f.net, vs_now(&f.net.run) + VS_MS);
        }
        for (unsigned k = 0; k < N_CORES; k++) {
            if (f.b->cores[k].n_packets != before[k]) {
                CU_ASSERT_EQUAL(f.b->cores[k].n_packets, before[k] + 3);
                n_changed++;
                n_flows[k]++;
            }
        }
        CU_ASSERT_EQUAL(n_changed, 1);
    }
    for (unsigned k = 0; k < N_CORES; k++) {
        chi_square += (n_flows[k] - expected) * (n_flows[k] - expected) / expected;
    }
    CU_ASSERT(chi_square < 24.32); /* 0.1 % of 7 degrees of freedom. */
    net_clear(&f.net);
}

static void
test_full_backlog_drops_frames_from_the_network(void)
{
    VsCosts costs = {.nic_receive = VS_MS}; /* Much longer than a frame on the wire. */
    HostFixture f;

    host_fixture(&f, 1, &costs);
    for (unsigned i = 0; i < 1200; i++) {
        net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
    }
    net_run(&f.net, VS_MS);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_BACKLOG_FULL), 1200 - 1001);
    net_run(&f.net, 2 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1001);
    net_clear(&f.net);
}

static void
test_mac_addresses_are_unique_and_local(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    HostFixture f;

    host_fixture(&f, 1, &net_no_costs);
    for (unsigned i = 0; i < 6; i++) {
        VsHost *host = i < 2 ? f.net.hosts[i] : net_host(&f.net, "more");

        for (unsigned j = 0; j < 100; j++) {
            vs_iface_new(host->root, VS_IFACE_ETHERNET, "eth");
        }
        for (VsIface *iface = host->root->ifaces; iface; iface = iface->next) {
            gint64 *mac = (gint64 *)(void *)&iface->mac;

            if (iface->kind == VS_IFACE_LOOPBACK) {
                CU_ASSERT_EQUAL(iface->mac, 0);
                continue;
            }
            CU_ASSERT_EQUAL(iface->mac >> 40, 0x02); /* Local, not multicast. */
            CU_ASSERT(g_hash_table_add(seen, mac));
        }
    }
    net_clear(&f.net);
}

static void
test_unplugged_card_drops(void)
{
    HostFixture f;

    host_fixture(&f, 1, &net_no_costs);
    f.card_a->wire = NULL;
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_INTERFACE_DOWN), 1);
    net_clear(&f.net);
}

static void
test_another_ones_frame_is_dropped(void)
{
    HostFixture f;

    host_fixture(&f, 1, &net_no_costs);
    vs_neighbour_add(f.card_a, addr_b, UINT64_C(0x020000123456));
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NOT_FOR_US), 1);
    net_clear(&f.net);
}

static void
test_no_socket_no_delivery(void)
{
    HostFixture f;

    host_fixture(&f, 1, &net_no_costs);
    f.b->root->local = NULL;
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_SOCKET), 1);
    net_clear(&f.net);
}

/* A hop that sends back what it gets, with the ends of its flow swapped. */
typedef struct {
    VsHop hop;
    VsNetns *netns;
    uint64_t n;
} Echo;

static void
echo_receive(VsHop *hop, VsPacket *packet)
{
    Echo *echo = VS_CONTAINER_OF(hop, Echo, hop);
    VsFlow flow = vs_flow_reverse(&vs_packet_top(packet)->flow);
    uint32_t bytes = packet->payload_bytes;

    echo->n++;
    vs_packet_deliver(packet);
    net_udp_send(echo->netns, flow, bytes);
}

static void
test_nothing_is_allocated_after_warm_up(void)
{
    VsCosts costs = {.nic_receive = 300000,
                     .nic_transmit = 250000,
                     .route_lookup = 60000,
                     .socket_receive = 1200000,
                     .socket_send = 900000};
    VsRssConfig rss = {.n_queues = 2,
                       .table_size = 128,
                       .key = vs_toeplitz_key_microsoft,
                       .is_hashing_udp_ports = true};
    HostFixture f;
    Echo echoes[2];
    uint64_t n_allocations;
    size_t n_slabs;

    host_fixture(&f, 2, &costs);
    f.b->rss = vs_rss_new(&rss);
    for (unsigned i = 0; i < 2; i++) {
        echoes[i] = (Echo){{echo_receive}, f.net.hosts[i]->root, 0};
        f.net.hosts[i]->root->local = &echoes[i].hop;
    }
    for (unsigned i = 0; i < 100; i++) {
        net_udp_send(f.a->root, net_flow(addr_a, (uint16_t)i, addr_b, 7), i);
    }
    net_run(&f.net, 100 * VS_MS);
    n_allocations = vs_n_allocations;
    n_slabs = vs_pool_n_slabs(&f.net.run.packets->packets);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(vs_n_allocations, n_allocations);
    CU_ASSERT_EQUAL(vs_pool_n_slabs(&f.net.run.packets->packets), n_slabs);
    CU_ASSERT(echoes[0].n > 200000 && echoes[1].n > 200000);
    CU_ASSERT(!vs_can_count_allocations || n_allocations > 0);
    CU_ASSERT_EQUAL(vs_packets_in_flight(&f.net.run), 100);
    net_clear(&f.net);
}

static const VsTestCase tests[] = {
    {"costs of the way add up", test_costs_add_up},
    {"hosts without cores take no time", test_hosts_without_cores_take_no_time},
    {"a trail accounts for the whole way", test_trail_accounts_for_the_whole_way},
    {"a flow stays on its core, and flows spread", test_flow_stays_on_its_core},
    {"a full backlog drops frames from the network",
     test_full_backlog_drops_frames_from_the_network},
    {"MAC addresses are unique and local", test_mac_addresses_are_unique_and_local},
    {"an unplugged card drops", test_unplugged_card_drops},
    {"another one's frame is dropped", test_another_ones_frame_is_dropped},
    {"without a socket nothing is delivered", test_no_socket_no_delivery},
    {"nothing is allocated after warm-up", test_nothing_is_allocated_after_warm_up},
    {0},
};
VS_TESTS("host")

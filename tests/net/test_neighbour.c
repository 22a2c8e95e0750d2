/* Neighbours: ARP, its waits and retries, and what becomes of those who wait. */
#include <glib.h>

#include "net/icmp.h"
#include "net/neighbour.h"
#include "tests/net/net_fixture.h"

static const VsAddr addr_a = NET_IP(10, 0, 0, 1);
static const VsAddr addr_b = NET_IP(10, 0, 0, 2);
static const VsAddr addr_nobody = NET_IP(10, 0, 0, 99);

/* A and B on one link; what A sends may be watched instead of going to B. */
typedef struct {
    Net net;
    VsHost *a, *b;
    VsIface *card_a, *card_b;
    NetSink *sink_a, *sink_b;
    NetSink *watch; /* Of A's wire, when watched. */
} ArpFixture;

static void
arp_fixture(ArpFixture *f, unsigned n_cores, const VsCosts *costs)
{
    memset(f, 0, sizeof(*f));
    net_init(&f->net);
    f->a = net_host_with(&f->net, "a", n_cores, 1000, costs);
    f->b = net_host_with(&f->net, "b", n_cores, 1000, costs);
    f->card_a = net_card(f->a, "eth0", addr_a, 24);
    f->card_b = net_card(f->b, "eth0", addr_b, 24);
    net_link(&f->net, f->card_a, f->card_b, &net_10g);
    f->sink_a = net_listen(&f->net, f->a->root);
    f->sink_b = net_listen(&f->net, f->b->root);
}

static void
watch_wire_of_a(ArpFixture *f)
{
    if (!f->watch) {
        f->watch = net_sink_new(&f->net);
    }
    f->card_a->wire->far_end = &f->watch->hop;
}

static void
send_to(ArpFixture *f, VsAddr daddr, uint32_t bytes)
{
    net_udp_send(f->a->root, net_flow(addr_a, 1, daddr, 2), bytes);
}

/* A minimal frame: 84 bytes at 800 ps, and a microsecond. */
static const VsTime small_frame = 84 * 800 + VS_US;

static void
test_first_packet_asks_and_waits(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    for (unsigned i = 0; i < 3; i++) {
        send_to(&f, addr_b, 10);
    }
    CU_ASSERT_EQUAL(vs_neighbours_n_held(&f.a->root->neighbours), 3);
    CU_ASSERT_EQUAL(vs_host_n_held(f.a), 3);
    net_run(&f.net, VS_S / 2);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 3);
    for (unsigned i = 0; i < 3;
         i++) { /* Question, answer, then at line rate, in order. */
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i)->at, 3 * small_frame + i * 84 * 800);
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i)->number, i == 0 ? 1 : i + 2);
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i)->top.dmac, f.card_b->mac);
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i)->top.smac, f.card_a->mac);
    }
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 1 + 3);
    CU_ASSERT_EQUAL(f.card_b->tx_packets, 1);
    CU_ASSERT_EQUAL(vs_neighbours_n_held(&f.a->root->neighbours), 0);

    /* B learned A's address from the question, and need not ask. */
    net_udp_send(f.b->root, net_flow(addr_b, 2, addr_a, 1), 10);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->at, VS_S / 2 + small_frame);
    CU_ASSERT_EQUAL(f.card_b->tx_packets, 2);
    net_clear(&f.net);
}

static void
test_question_and_answer_are_rfc_826(void)
{
    VsArp arp;
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    watch_wire_of_a(&f);
    send_to(&f, addr_b, 10);
    net_run(&f.net, VS_S / 2);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->top.ether_type, VS_ETHER_TYPE_ARP);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->top.dmac, VS_MAC_BROADCAST);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->top.smac, f.card_a->mac);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->wire_bytes, 84);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->payload.kind, VS_PAYLOAD_ARP);
    arp = net_arrival(f.watch, 0)->payload.arp;
    CU_ASSERT_FALSE(arp.is_reply);
    CU_ASSERT_EQUAL(arp.sender, addr_a);
    CU_ASSERT_EQUAL(arp.sender_mac, f.card_a->mac);
    CU_ASSERT_EQUAL(arp.target, addr_b);
    CU_ASSERT_EQUAL(arp.target_mac, 0);

    /* B asks A, which so learns the address, sends what waited, and answers to B
     * alone. */
    net_udp_send(f.b->root, net_flow(addr_b, 2, addr_a, 1), 10);
    net_run(&f.net, VS_S * 3 / 4);
    arp = net_arrival(f.watch, 2)->payload.arp;
    CU_ASSERT(arp.is_reply);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 2)->top.dmac, f.card_b->mac);
    CU_ASSERT_EQUAL(arp.sender, addr_a);
    CU_ASSERT_EQUAL(arp.sender_mac, f.card_a->mac);
    CU_ASSERT_EQUAL(arp.target, addr_b);
    CU_ASSERT_EQUAL(arp.target_mac, f.card_b->mac);
    net_clear(&f.net);
}

static void
test_three_questions_a_second_apart(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    watch_wire_of_a(&f);
    send_to(&f, addr_nobody, 10);
    net_run(&f.net, 3 * VS_S - 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 3);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(net_arrival(f.watch, i)->at, i * VS_S + small_frame);
    }
    CU_ASSERT_EQUAL(vs_host_n_held(f.a), 1);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_NEIGHBOUR), 0);

    net_run(&f.net, 3 * VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_NEIGHBOUR), 1);
    CU_ASSERT_EQUAL(vs_host_n_held(f.a), 0);
    /* The sender, which is here, is told: host unreachable, quoting its packet. */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.icmp.type, VS_ICMP_UNREACHABLE);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.icmp.code, VS_ICMP_CODE_HOST);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->below.flow.daddr, addr_nobody);
    net_run(&f.net, 10 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 3);

    send_to(&f, addr_nobody, 10); /* All from the start. */
    net_run(&f.net, 20 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 6);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 5)->at, 12 * VS_S + small_frame);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_NEIGHBOUR), 2);
    net_clear(&f.net);
}

static void
test_answer_to_a_later_question_is_good(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    watch_wire_of_a(&f);
    send_to(&f, addr_b, 10);
    net_run(&f.net, VS_S * 3 / 2);
    f.card_a->wire->far_end = &f.card_b->card;
    net_run(&f.net, 10 * VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->at, 2 * VS_S + 3 * small_frame);
    CU_ASSERT_EQUAL(vs_packets_dropped(&f.net.run), 0);
    net_clear(&f.net);
}

static void
test_so_many_bytes_wait(void)
{
    unsigned n_waiting = VS_NEIGHBOUR_QUEUE_BYTES / 1538;
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    watch_wire_of_a(&f);
    for (unsigned i = 0; i < n_waiting + 5; i++) {
        send_to(&f, addr_nobody, 1500 - 20 - 8);
    }
    CU_ASSERT_EQUAL(vs_host_n_held(f.a), n_waiting);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NEIGHBOUR_QUEUE_FULL), 5);
    net_run(&f.net, 4 * VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_NEIGHBOUR), n_waiting);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), n_waiting); /* One error each. */

    for (unsigned i = 0; i < n_waiting; i++) { /* The room is free again. */
        send_to(&f, addr_nobody, 1500 - 20 - 8);
    }
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NEIGHBOUR_QUEUE_FULL), 5);
    net_clear(&f.net);
}

static void
test_entry_in_use_is_refreshed_after_thirty_seconds(void)
{
    VsTime confirmed = 2 * small_frame;
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    send_to(&f, addr_b, 10);
    net_run(&f.net, confirmed + 30 * VS_S);
    send_to(&f, addr_b, 10); /* Just reachable: nothing is asked. */
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 3);
    net_run(&f.net, confirmed + 30 * VS_S + 1);
    watch_wire_of_a(&f);
    send_to(&f, addr_b, 10); /* Asked by unicast, and sent without waiting. */
    send_to(&f, addr_b, 10); /* Asked once. */
    net_run(&f.net, confirmed + 30 * VS_S + VS_MS);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 3 + 3);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 1 + 3); /* The first was under way. */
    CU_ASSERT_EQUAL(vs_neighbours_n_held(&f.a->root->neighbours), 0);
    for (unsigned i = 1; i < 4; i++) {
        CU_ASSERT_EQUAL(net_arrival(f.watch, i)->top.dmac, f.card_b->mac);
    }

    f.card_a->wire->far_end = &f.card_b->card; /* The second question is answered. */
    net_run(&f.net, confirmed + 35 * VS_S);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 7);
    send_to(&f, addr_b, 10);
    net_run(&f.net, confirmed + 36 * VS_S);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 8);
    net_clear(&f.net);
}

static void
test_entry_that_no_longer_answers_fails(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    send_to(&f, addr_b, 10);
    net_run(&f.net, 40 * VS_S);
    watch_wire_of_a(&f);
    send_to(&f, addr_b, 10);
    net_run(&f.net, 42 * VS_S);
    send_to(&f, addr_b, 10); /* While being asked it is still used. */
    net_run(&f.net, 43 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 3 + 2);
    send_to(&f, addr_b, 10); /* Failed: asked by broadcast, and this one waits. */
    net_run(&f.net, 43 * VS_S + VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 6);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 5)->top.dmac, VS_MAC_BROADCAST);
    CU_ASSERT_EQUAL(vs_host_n_held(f.a), 1);
    net_clear(&f.net);
}

/* The question goes to core 0 while another core handles the packet that asks. */
static void
test_refresh_on_a_host_of_many_cores(void)
{
    VsCosts costs = {
        .neighbour_lookup = 30000, .socket_send = 900000, .nic_transmit = 250000};
    ArpFixture f;
    VsTime at;

    arp_fixture(&f, 4, &costs);
    send_to(&f, addr_b, 10);
    for (unsigned i = 1; i <= 20; i++) {
        net_run(&f.net, 31 * VS_S * i);
        at = vs_now(&f.net.run);
        net_udp_send(f.a->root, net_flow(addr_a, (uint16_t)i, addr_b, 2), 10);
        net_run(&f.net, 31 * VS_S * i + VS_S);
        CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), i + 1);
        CU_ASSERT(net_arrival(f.sink_b, i)->at >=
                  at + 900000 + 30000 + 250000 + small_frame);
        CU_ASSERT(net_arrival(f.sink_b, i)->at < at + 10 * VS_US);
    }
    CU_ASSERT_EQUAL(f.card_b->tx_packets, 21); /* An answer each time. */
    net_clear(&f.net);
}

static void
test_permanent_entry_asks_never(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    vs_neighbour_add(f.card_a, addr_b, f.card_b->mac);
    for (unsigned i = 0; i < 5; i++) {
        send_to(&f, addr_b, 10);
        net_run(&f.net, vs_now(&f.net.run) + 40 * VS_S);
    }
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 5);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 5);
    net_clear(&f.net);
}

static void
test_permanent_entry_is_not_changed_by_arp(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    vs_neighbour_add(f.card_a, addr_b, UINT64_C(0xeeeeeeeeeeee));
    net_udp_send(f.b->root, net_flow(addr_b, 2, addr_a, 1),
                 10); /* B asks, and so says. */
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 1);
    watch_wire_of_a(&f);
    send_to(&f, addr_b, 10);
    net_run(&f.net, 2 * VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->top.dmac, UINT64_C(0xeeeeeeeeeeee));
    net_clear(&f.net);
}

/* RFC 826: those who were not asked merge what they know, but learn nobody new. */
static void
test_question_for_another_teaches_nothing_new(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    send_to(&f, addr_nobody, 10); /* B hears the question. */
    net_run(&f.net, VS_S / 2);
    CU_ASSERT_EQUAL(vs_table_length(&f.b->root->neighbours.table), 0);
    CU_ASSERT_EQUAL(f.card_b->tx_packets, 0);

    send_to(&f, addr_b, 10); /* Now it knows A... */
    net_run(&f.net, VS_S * 3 / 4);
    CU_ASSERT_EQUAL(vs_table_length(&f.b->root->neighbours.table), 1);
    f.card_a->mac ^= 0x100; /* ...whose card is changed, and asks for somebody else. */
    send_to(&f, NET_IP(10, 0, 0, 98), 10);
    net_run(&f.net, VS_S);
    net_udp_send(f.b->root, net_flow(addr_b, 2, addr_a, 1), 10);
    net_run(&f.net, VS_S * 3 / 2);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 1);
    net_clear(&f.net);
}

/* The wait is in the trail, so that the sum is the time from socket to socket. */
typedef struct {
    VsHop hop;
    VsTime elapsed, waited;
    VsStage wait_stage;
} Finish;

static void
finish_receive(VsHop *hop, VsPacket *packet)
{
    Finish *finish = VS_CONTAINER_OF(hop, Finish, hop);

    finish->elapsed = packet->trail->elapsed;
    for (uint32_t i = 0; i < packet->trail->n_steps; i++) {
        if (packet->trail->steps[i].stage == finish->wait_stage) {
            finish->waited += packet->trail->steps[i].elapsed;
        }
    }
    vs_packet_arrive(packet);
    vs_packet_deliver(packet);
}

static void
test_wait_is_in_the_trail(void)
{
    VsCosts costs = {.nic_receive = 300000,
                     .nic_transmit = 250001,
                     .route_lookup = 60003,
                     .neighbour_lookup = 30007,
                     .socket_receive = 1200011,
                     .socket_send = 900013};

    for (unsigned n_cores = 1; n_cores <= 3; n_cores++) {
        VsJourney journey = {0};
        Finish finish = {.hop = {finish_receive}};
        VsPacket *packet;
        ArpFixture f;

        arp_fixture(&f, n_cores, &costs);
        finish.wait_stage = f.a->root->neighbour_stage;
        f.b->root->local = &finish.hop;
        vs_journey_start(&journey, 0);
        packet = net_udp_new(f.a->root, net_flow(addr_a, 1, addr_b, 2), 10);
        packet->payload.journey = &journey;
        packet->payload.journey_generation = journey.generation;
        vs_packet_follow(packet, 0);
        vs_ip_send(f.a->root, packet);
        net_run(&f.net, VS_S);
        CU_ASSERT(finish.elapsed > 3 * small_frame);
        CU_ASSERT(finish.waited > 2 * small_frame);
        CU_ASSERT_EQUAL(journey.accounted, finish.elapsed);
        vs_journey_clear(&journey);
        net_clear(&f.net);
    }
}

/* B answers in the place of nobody, with its own MAC and nobody's address; not to A when
 * that asks whether its own address is taken. */
static void
check_proxy(bool is_for_all)
{
    ArpFixture f;
    VsPacket *probe;
    const NetArrival *answer;

    arp_fixture(&f, 1, &net_no_costs);
    f.b->root->is_forwarding = true;
    f.card_b->is_proxy_arp = is_for_all;
    if (!is_for_all) {
        vs_neighbour_add_proxy(f.card_b, addr_nobody);
    }
    f.watch = net_sink_new(&f.net);
    f.card_b->wire->far_end = &f.watch->hop;
    send_to(&f, addr_nobody, 10);
    net_run(&f.net, VS_S / 2);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 1);
    answer = net_arrival(f.watch, 0);
    CU_ASSERT_TRUE(answer->payload.arp.is_reply);
    CU_ASSERT_EQUAL(answer->payload.arp.sender, addr_nobody);
    CU_ASSERT_EQUAL(answer->payload.arp.sender_mac, f.card_b->mac);
    CU_ASSERT_EQUAL(answer->payload.arp.target, addr_a);
    CU_ASSERT_EQUAL(answer->top.dmac, f.card_a->mac);

    probe = vs_packet_new(&f.net.run);
    vs_packet_top(probe)->ether_type = VS_ETHER_TYPE_ARP;
    vs_packet_top(probe)->dmac = VS_MAC_BROADCAST;
    probe->payload.kind = VS_PAYLOAD_ARP;
    probe->payload.arp = (VsArp){.sender = addr_a, .target = addr_a};
    vs_packet_measure(probe);
    vs_host_submit(f.a, probe, &f.card_a->send);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 1);
    net_clear(&f.net);
}

static void
test_proxy_answers_for_every_address(void)
{
    check_proxy(true);
}

static void
test_proxy_answers_for_one_address(void)
{
    ArpFixture f;

    check_proxy(false);
    arp_fixture(&f, 1, &net_no_costs);
    vs_neighbour_add_proxy(f.card_b, addr_nobody + 1);
    send_to(&f, addr_nobody, 10);
    net_run(&f.net, 10 * VS_S);
    CU_ASSERT_EQUAL(f.card_b->tx_packets, 0);
    net_clear(&f.net);
}

/* An interface without an address asks with the one it borrowed. */
static void
test_borrowed_address_asks(void)
{
    ArpFixture f;

    arp_fixture(&f, 1, &net_no_costs);
    f.card_a->address = 0;
    vs_iface_borrow_address(f.card_a, NET_IP(192, 168, 7, 7));
    watch_wire_of_a(&f);
    send_to(&f, addr_b, 10);
    net_run(&f.net, VS_S / 2);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 0)->payload.arp.sender,
                    NET_IP(192, 168, 7, 7));
    CU_ASSERT_EQUAL(vs_netns_source_for(f.a->root, addr_b), NET_IP(192, 168, 7, 7));
    CU_ASSERT_FALSE(vs_netns_is_local(f.a->root, NET_IP(192, 168, 7, 7)));
    net_clear(&f.net);
}

static const VsTestCase tests[] = {
    {"the first packet asks, and those after it wait",
     test_first_packet_asks_and_waits},
    {"question and answer are RFC 826's", test_question_and_answer_are_rfc_826},
    {"three questions a second apart, then host unreachable",
     test_three_questions_a_second_apart},
    {"the answer to a later question is good", test_answer_to_a_later_question_is_good},
    {"212 992 bytes may wait", test_so_many_bytes_wait},
    {"an entry in use is refreshed after thirty seconds",
     test_entry_in_use_is_refreshed_after_thirty_seconds},
    {"an entry that no longer answers fails", test_entry_that_no_longer_answers_fails},
    {"a refresh works on a host of many cores", test_refresh_on_a_host_of_many_cores},
    {"a permanent entry asks never", test_permanent_entry_asks_never},
    {"a permanent entry is not changed by ARP",
     test_permanent_entry_is_not_changed_by_arp},
    {"a question for another teaches nothing new",
     test_question_for_another_teaches_nothing_new},
    {"a proxy answers for every address", test_proxy_answers_for_every_address},
    {"a proxy answers for one address", test_proxy_answers_for_one_address},
    {"a borrowed address asks", test_borrowed_address_asks},
    {"the wait is in the trail", test_wait_is_in_the_trail},
    {0},
};
VS_TESTS("neighbour")

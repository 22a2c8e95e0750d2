/* Datagrams, and ICMP about them. */
#include "fixture.h"

#include "net/ip.h"
#include "transport/socket_internal.h"

static const NetConfig gigabit = {
    .bits_per_s = 1000000000, .delay = VS_MS, .socket_cost = 2 * VS_US};

/* On the wire: n bytes of data. */
#define UDP_WIRE_BYTES(n) (20 + 8 + (n) + 38)

typedef struct Party {
    VsUdp udp;
    VsRun *run;
    uint32_t answer_bytes; /* Above 0: answers at once. */
    bool is_client;        /* Ends the journey. */
    unsigned n_received;
    VsTime received_at;
    uint32_t bytes;
    VsFlow from;
    VsTime refused_at;
    VsFlow refused;
    uint8_t refused_code;
} Party;

static void
party_receive(VsUdp *udp, VsPacket *packet)
{
    Party *party = udp->user;

    party->n_received++;
    party->received_at = vs_now(party->run);
    party->bytes = packet->payload_bytes;
    party->from = vs_packet_top(packet)->flow;
    if (party->is_client) {
        vs_packet_arrive(packet);
    }
    if (party->answer_bytes > 0) {
        VsPayload payload = packet->payload;

        vs_udp_reply(udp, packet, &payload, party->answer_bytes);
    }
}

static void
party_refused(VsUdp *udp, const VsFlow *sent, uint8_t code)
{
    Party *party = udp->user;

    party->refused_at = vs_now(party->run);
    party->refused = *sent;
    party->refused_code = code;
}

static const VsUdpOps party_ops = {.receive = party_receive, .refused = party_refused};

static void
party_open(Party *party, VsHost *host, VsAddr address, uint16_t port)
{
    memset(party, 0, sizeof(*party));
    party->run = host->part.run;
    party->refused_at = NEVER;
    CU_ASSERT_TRUE(
        vs_udp_open(&party->udp, host->root, address, port, &party_ops, party));
}

static void
test_echo_takes_a_round_trip(void)
{
    Net *net = net_new(&gigabit);
    VsPayload payload = {0};
    Party client, server;

    party_open(&client, net->a, VS_ADDR_ANY, 0);
    party_open(&server, net->b, VS_ADDR_ANY, 53);
    server.answer_bytes = 300;
    CU_ASSERT_EQUAL(client.udp.port, VS_EPHEMERAL_FIRST);
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 100);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(server.received_at,
                    net_time(net, UDP_WIRE_BYTES(100)) + 2 * 2 * VS_US);
    CU_ASSERT_EQUAL(client.received_at, server.received_at +
                                            net_time(net, UDP_WIRE_BYTES(300)) +
                                            2 * 2 * VS_US);
    CU_ASSERT_EQUAL(server.bytes, 100);
    CU_ASSERT_EQUAL(client.bytes, 300);
    CU_ASSERT_EQUAL(client.from.saddr, ADDRESS_B);
    CU_ASSERT_EQUAL(client.from.sport, 53);
    CU_ASSERT_EQUAL(client.from.daddr, ADDRESS_A);
    CU_ASSERT_EQUAL(client.from.dport, client.udp.port);
    net_free(net);
}

static void
test_steps_of_query_and_answer_add_up(void)
{
    Net *net = net_new(&gigabit);
    VsJourney journey = {0};
    VsPayload payload = {.journey = &journey};
    Party client, server;
    VsTime sum = 0;

    party_open(&client, net->a, VS_ADDR_ANY, 0);
    client.is_client = true;
    party_open(&server, net->b, VS_ADDR_ANY, 53);
    server.answer_bytes = 300;
    net_run(net, VS_S);
    vs_journey_start(&journey, VS_S - 5);
    payload.journey_generation = journey.generation;
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 100);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(client.n_received, 1);
    for (uint32_t i = 0; i < journey.n_steps; i++) {
        sum += journey.steps[i].elapsed;
    }
    CU_ASSERT_EQUAL(sum, client.received_at - VS_S + 5);
    CU_ASSERT_EQUAL(journey.steps[0].elapsed, 5); /* Before it was sent. */
    CU_ASSERT_EQUAL(journey.steps[0].stage, net->a->root->sockets->wait_stage);
    net_free(net);
    vs_journey_clear(&journey);
}

static void
test_closed_port_is_told_by_icmp(void)
{
    Net *net = net_new(&gigabit);
    VsPayload payload = {0};
    Party client;

    party_open(&client, net->a, VS_ADDR_ANY, 0);
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 100);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(client.n_received, 0);
    CU_ASSERT_EQUAL(client.refused_code, VS_ICMP_CODE_PORT);
    CU_ASSERT_EQUAL(client.refused.daddr, ADDRESS_B);
    CU_ASSERT_EQUAL(client.refused.dport, 53);
    /* The error quotes all 128 bytes, after an IP and an ICMP header of its own. */
    CU_ASSERT_EQUAL(client.refused_at, net_time(net, UDP_WIRE_BYTES(100)) +
                                           net_time(net, UDP_WIRE_BYTES(100) + 28) +
                                           4 * 2 * VS_US);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_NO_SOCKET], 1);
    net_free(net);
}

static void
test_error_for_a_closed_socket_is_dropped(void)
{
    Net *net = net_new(&gigabit);
    VsPayload payload = {0};
    Party client;

    party_open(&client, net->a, VS_ADDR_ANY, 0);
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 100);
    vs_udp_close(&client.udp);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(client.refused_at, NEVER);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_NO_SOCKET], 2);
    net_free(net);
}

static void
test_particular_address_goes_before_any(void)
{
    Net *net = net_new(&gigabit);
    VsPayload payload = {0};
    Party any, particular, client;

    party_open(&any, net->b, VS_ADDR_ANY, 53);
    party_open(&particular, net->b, ADDRESS_B, 53);
    CU_ASSERT_FALSE(
        vs_udp_open(&(VsUdp){0}, net->b->root, ADDRESS_B, 53, &party_ops, NULL));
    party_open(&client, net->a, VS_ADDR_ANY, 0);
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 1);
    net_run(net, VS_S);
    CU_ASSERT_EQUAL(particular.n_received, 1);

    vs_udp_close(&particular.udp);
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 1);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(particular.n_received, 1);
    CU_ASSERT_EQUAL(any.n_received, 1);
    net_free(net);
}

static void
test_ephemeral_ports_run_out(void)
{
    Net *net = net_new(&gigabit);
    unsigned n_ports = VS_EPHEMERAL_LAST - VS_EPHEMERAL_FIRST + 1;
    VsUdp *sockets = g_new0(VsUdp, n_ports + 1);
    unsigned n_open = 0;

    while (
        vs_udp_open(&sockets[n_open], net->a->root, VS_ADDR_ANY, 0, &party_ops, NULL)) {
        n_open++;
    }
    CU_ASSERT_EQUAL(n_open, n_ports);
    CU_ASSERT_EQUAL(sockets[n_ports - 1].port, VS_EPHEMERAL_LAST);
    vs_udp_close(&sockets[17]);
    CU_ASSERT_TRUE(
        vs_udp_open(&sockets[n_ports], net->a->root, VS_ADDR_ANY, 0, &party_ops, NULL));
    CU_ASSERT_EQUAL(sockets[n_ports].port, VS_EPHEMERAL_FIRST + 17);
    net_free(net);
    g_free(sockets);
}

static void
test_large_datagram_travels_in_fragments(void)
{
    Net *net = net_new(&gigabit);
    VsPayload payload = {0};
    Party client, server;

    party_open(&client, net->a, VS_ADDR_ANY, 0);
    party_open(&server, net->b, VS_ADDR_ANY, 53);
    vs_udp_send(&client.udp, 0, ADDRESS_B, 53, &payload, 4000);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(net->to_b.n_seen, 3);
    CU_ASSERT_EQUAL(server.n_received, 1);
    CU_ASSERT_EQUAL(server.bytes, 4000);
    net_free(net);
}

static void
test_no_route_drops_the_datagram(void)
{
    Net *net = net_new(&gigabit);
    VsPayload payload = {0};
    Party client;

    party_open(&client, net->a, VS_ADDR_ANY, 0);
    vs_udp_send(&client.udp, 0, 0xc0a80001, 53, &payload, 10);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_NO_ROUTE], 1);
    net_free(net);
}

static void
test_echo_requests_are_answered(void)
{
    Net *net = net_new(&gigabit);
    VsFlow flow = {.saddr = ADDRESS_A,
                   .daddr = ADDRESS_B,
                   .sport = 77,
                   .protocol = VS_PROTOCOL_ICMP,
                   .family = VS_FAMILY_IPV4};
    VsPacket *packet = vs_ip_packet_new(net->a->root, &flow, VS_ICMP_HEADER_BYTES + 56);

    vs_packet_top(packet)->icmp = (VsIcmpHeader){.type = VS_ICMP_ECHO, .sequence = 1};
    packet->payload_bytes = 56;
    vs_ip_send(net->a->root, packet);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(net->to_a.n_seen, 1);
    CU_ASSERT_EQUAL(tap_get(&net->to_a, 0)->flow.sport, 77);
    net_free(net);
}

static const VsTestCase tests[] = {
    {"an echo takes a round trip", test_echo_takes_a_round_trip},
    {"steps of query and answer add up", test_steps_of_query_and_answer_add_up},
    {"a closed port is told by ICMP", test_closed_port_is_told_by_icmp},
    {"an error for a closed socket is dropped",
     test_error_for_a_closed_socket_is_dropped},
    {"a particular address goes before any", test_particular_address_goes_before_any},
    {"ephemeral ports run out", test_ephemeral_ports_run_out},
    {"a large datagram travels in fragments", test_large_datagram_travels_in_fragments},
    {"no route drops the datagram", test_no_route_drops_the_datagram},
    {"echo requests are answered", test_echo_requests_are_answered},
    {0},
};

VS_TESTS("transport/udp")

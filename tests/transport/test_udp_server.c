/* The server of a protocol of one datagram each way. */
#include "fixture.h"

#include "transport/udp_server.h"

static const NetConfig gigabit = {.bits_per_s = 1000000000, .delay = VS_MS};

typedef struct Party {
    VsUdp client;
    VsUdpServer server;
    VsUdpRequest *kept; /* Those not answered yet, the last first. */
    unsigned n_kept;
    unsigned n_kept_max;
    unsigned n_answers;
    VsFlow answer;
    uint32_t answer_bytes;
} Party;

static void
client_receive(VsUdp *udp, VsPacket *packet)
{
    Party *party = udp->user;

    party->n_answers++;
    party->answer = vs_packet_top(packet)->flow;
    party->answer_bytes = packet->payload_bytes;
}

static bool
server_has_room(VsUdpServer *server)
{
    const Party *party = server->user;

    return party->n_kept < party->n_kept_max;
}

static void
server_request(VsUdpServer *server, VsUdpRequest *request)
{
    Party *party = server->user;

    request->next = party->kept;
    party->kept = request;
    party->n_kept++;
}

static const VsUdpOps client_ops = {.receive = client_receive};
static const VsUdpServerOps server_ops = {server_has_room, server_request};

static Net *
party_new(Party *party, unsigned n_kept_max)
{
    Net *net = net_new(&gigabit);

    memset(party, 0, sizeof(*party));
    party->n_kept_max = n_kept_max;
    CU_ASSERT_TRUE(
        vs_udp_open(&party->client, net->a->root, VS_ADDR_ANY, 0, &client_ops, party));
    CU_ASSERT_TRUE(vs_udp_server_open(&party->server, net->b->root, VS_ADDR_ANY, 53,
                                      &server_ops, party));
    return net;
}

static void
party_free(Party *party, Net *net)
{
    net_free(net);
    vs_udp_server_close(&party->server);
}

static void
ask(Party *party, unsigned n)
{
    VsPayload payload = {0};

    for (unsigned i = 0; i < n; i++) {
        vs_udp_send(&party->client, 0, ADDRESS_B, 53, &payload, 100);
    }
}

static void
test_request_waits_for_its_answer(void)
{
    Party party;
    Net *net = party_new(&party, 10);
    VsPayload payload = {0};

    ask(&party, 2);
    net_run(net, VS_S);
    CU_ASSERT_EQUAL_FATAL(party.n_kept, 2);
    CU_ASSERT_EQUAL(party.n_answers, 0);
    CU_ASSERT_EQUAL(party.kept->flow.daddr, ADDRESS_B);
    CU_ASSERT_EQUAL(party.kept->flow.sport, party.client.port);
    vs_udp_server_ignore(party.kept->next);
    vs_udp_server_reply(party.kept, &payload, 7);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(party.n_answers, 1);
    CU_ASSERT_EQUAL(party.answer_bytes, 7);
    CU_ASSERT_EQUAL(party.answer.saddr, ADDRESS_B);
    CU_ASSERT_EQUAL(party.answer.sport, 53);
    CU_ASSERT_EQUAL(party.answer.dport, party.client.port);
    CU_ASSERT_EQUAL(vs_pool_n_used(&party.server.requests), 0);
    party_free(&party, net);
}

static void
test_without_room_datagrams_are_dropped(void)
{
    Party party;
    Net *net = party_new(&party, 3);

    ask(&party, 5);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(party.n_kept, 3);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_RECEIVE_QUEUE_FULL], 2);
    party_free(&party, net);
}

static void
test_port_has_one_server(void)
{
    Party party;
    Net *net = party_new(&party, 1);
    VsUdpServer other;

    CU_ASSERT_FALSE(
        vs_udp_server_open(&other, net->b->root, VS_ADDR_ANY, 53, &server_ops, &party));
    vs_udp_server_close(&other);
    party_free(&party, net);
}

static const VsTestCase tests[] = {
    {"a request waits for its answer", test_request_waits_for_its_answer},
    {"without room datagrams are dropped", test_without_room_datagrams_are_dropped},
    {"a port has one server", test_port_has_one_server},
    {0},
};

VS_TESTS("udp_server")

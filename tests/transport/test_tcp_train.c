/* Trains of segments (GSO) against segments one by one; Nagle's algorithm. */
#include "fixture.h"

#include "packet/train.h"
#include "transport/tcp_internal.h"

static const NetConfig fast = {.bits_per_s = 10000000000, .delay = 10 * VS_US};

/* A message from a to b; with 'has_gso' or without. */
typedef struct Upload {
    Net *net;
    Server server;
    Peer client;
} Upload;

static void
upload(Upload *u, const NetConfig *config, bool has_gso, uint64_t bytes)
{
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;

    tcp.has_gso = has_gso;
    u->net = net_new(config);
    net_set_tcp(u->net, &tcp);
    server_open(&u->server, u->net, 10);
    peer_init(&u->client, &u->net->run);
    peer_connect(&u->client, u->net, NULL);
    peer_send(&u->client, bytes);
    net_run(u->net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u->server.peers[0].n_messages, 1);
    CU_ASSERT_EQUAL(u->server.peers[0].bytes, bytes);
}

/* What fits the first window arrives at the same time, in as many frames and bytes, with
 * one ACK and a few events. */
static void
test_first_window_is_the_same_on_the_wire(void)
{
    for (uint64_t bytes = 1; bytes <= 10 * MSS; bytes += 487) {
        Upload with, without;
        uint64_t n_frames = (bytes + MSS - 1) / MSS;

        upload(&with, &fast, true, bytes);
        upload(&without, &fast, false, bytes);
        CU_ASSERT_EQUAL(with.server.peers[0].message_at,
                        without.server.peers[0].message_at);
        CU_ASSERT_EQUAL(with.net->ab.n_packets, without.net->ab.n_packets);
        CU_ASSERT_EQUAL(with.net->ab.n_packets, 2 + n_frames);
        CU_ASSERT_EQUAL(with.net->ab.n_bytes, without.net->ab.n_bytes);
        CU_ASSERT_EQUAL(with.net->ab.busy, without.net->ab.busy);
        CU_ASSERT_EQUAL(with.net->ba.n_packets, 2);
        CU_ASSERT_EQUAL(vs_tcp_stats(with.net->a->root)->n_segments_sent, 2 + n_frames);
        CU_ASSERT_EQUAL(with.net->iface_a->tx_packets,
                        without.net->iface_a->tx_packets);
        CU_ASSERT_EQUAL(with.net->iface_a->tx_bytes, without.net->iface_a->tx_bytes);
        net_free(with.net);
        net_free(without.net);
    }
}

static void
test_bulk_transfer_has_fewer_events(void)
{
    static const uint64_t bytes = UINT64_C(200) << 20;
    NetConfig config = {
        .bits_per_s = 1000000000, .delay = 100 * VS_US, .packets_max = 1000};
    Upload with, without;
    double events;

    upload(&with, &config, true, bytes);
    upload(&without, &config, false, bytes);
    events = (double)without.net->run.n_events / (double)with.net->run.n_events;
    printf("%.1f times fewer events, ", events);
    CU_ASSERT(events > 10);
    CU_ASSERT_EQUAL(with.net->ab.n_packets, without.net->ab.n_packets);
    CU_ASSERT_EQUAL(with.net->ab.n_bytes, without.net->ab.n_bytes);
    CU_ASSERT(
        ABS(with.server.peers[0].message_at - without.server.peers[0].message_at) <
        without.server.peers[0].message_at / 100);
    net_free(with.net);
    net_free(without.net);
}

/* 65215 bytes and the longest headers are 64 KiB: 44 segments of 1460. */
static void
test_trains_have_their_limit(void)
{
    static const NetConfig config = {.bits_per_s = 10000000000, .delay = 10 * VS_US};
    Upload u;
    uint32_t longest = 0;

    upload(&u, &config, true, 20 << 20);
    for (unsigned i = 0; i < u.net->to_b.log->len; i++) {
        const Arrival *arrival = tap_get(&u.net->to_b, i);

        longest = MAX(longest, arrival->payload_bytes);
        CU_ASSERT(arrival->payload_bytes % MSS == 0 ||
                  (arrival->tcp.flags & VS_TCP_PSH));
    }
    CU_ASSERT_EQUAL(longest, 44 * MSS);
    net_free(u.net);
}

/* A pod beyond a link of 1300 bytes: the train's segments are too big, not the train; one
 * error, and none of the next size. */
static void
test_path_mtu_is_found_by_a_train(void)
{
    static const VsAddr far = 0xc0a80001;
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;
    Net *net = net_new(&fast);
    VsNetns *pod = vs_netns_new(net->b, "pod");
    VsIface *inside, *outside;
    Server server;
    Peer client;

    tcp.has_gso = true;
    net_set_tcp(net, &tcp);
    vs_veth_new(net->b->root, "veth", pod, "eth0", &outside, &inside);
    vs_iface_set_address(outside, 0xc0a80064, 24);
    vs_iface_set_address(inside, far, 24);
    outside->mtu = 1300;
    net->b->root->is_forwarding = true;
    vs_netns_add_route(net->a->root, 0xc0a80000, 16, net->iface_a, ADDRESS_B);
    vs_netns_add_route(pod, 0, 0, inside, 0xc0a80064);
    server_open(&server, net, 10);
    vs_tcp_unlisten(&server.listener);
    CU_ASSERT_TRUE(vs_tcp_listen(&server.listener, pod, far, PORT, 10,
                                 server.listener.ops, &server));
    peer_init(&client, &net->run);
    peer_connect_to(&client, net, far);
    peer_send(&client, 10 * MSS);
    net_run(net, VS_S);
    peer_send(&client, 10 * MSS);
    net_run(net, 2 * VS_S);
    CU_ASSERT_EQUAL(server.peers[0].bytes, 20 * MSS);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_TOO_BIG], 1);
    CU_ASSERT_EQUAL(client.tcp->mss, 1260);
    CU_ASSERT_EQUAL(vs_tcp_stats(net->a->root)->n_timeouts, 0);
    net_free(net);
}

/* ---- Nagle ----------------------------------------------------------------------- */

/* A request is a head and a body, in two messages; the answer comes after both. */
typedef struct Dialogue {
    Net *net;
    VsTcpListener listener;
    VsTcp *client;
    unsigned n_heard; /* By the server. */
    VsTime asked_at;
    VsTime took;
} Dialogue;

static void
ask(Dialogue *dialogue)
{
    static const VsPayload payload;

    dialogue->asked_at = vs_now(&dialogue->net->run);
    vs_tcp_send(dialogue->client, &payload, 300);
    vs_tcp_send(dialogue->client, &payload, 100);
}

static void
hear_nothing(VsTcp *tcp)
{
    (void)tcp;
}

static void
hear_answer(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Dialogue *dialogue = vs_tcp_user(tcp);

    (void)payload;
    (void)bytes;
    dialogue->took = vs_now(&dialogue->net->run) - dialogue->asked_at;
}

static void
hear_request(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Dialogue *dialogue = vs_tcp_user(tcp);

    (void)bytes;
    if (++dialogue->n_heard % 2 == 0) {
        vs_tcp_send(tcp, payload, 200);
    }
}

static void
hear_end(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps client_ops = {hear_nothing, hear_answer, hear_nothing, hear_end,
                                    NULL, NULL};
static const VsTcpOps server_ops = {hear_nothing, hear_request, hear_nothing, hear_end,
                                    NULL, NULL};

static const VsTcpOps *
accept_dialogue(VsTcpListener *listener, VsTcp *tcp)
{
    vs_tcp_set_user(tcp, listener->user);
    return &server_ops;
}

static const VsTcpListenerOps listener_ops = {accept_dialogue};

/* How long the second exchange takes: the first has quick ACKs, as new connections do. */
static VsTime
second_exchange(bool is_nodelay, VsTime delayed_ack)
{
    Dialogue dialogue = {0};
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;

    tcp.is_nodelay = is_nodelay;
    tcp.delayed_ack = delayed_ack;
    dialogue.net = net_new(&fast);
    net_set_tcp(dialogue.net, &tcp);
    vs_tcp_listen(&dialogue.listener, dialogue.net->b->root, VS_ADDR_ANY, PORT, 1,
                  &listener_ops, &dialogue);
    dialogue.client = vs_tcp_connect(dialogue.net->a->root, 0, ADDRESS_B, PORT, NULL,
                                     &client_ops, &dialogue);
    net_run(dialogue.net, VS_MS);
    for (unsigned i = 0; i < 2; i++) {
        ask(&dialogue);
        net_run(dialogue.net, (VsTime)(i + 1) * VS_S);
    }
    CU_ASSERT_EQUAL(dialogue.n_heard, 4);
    net_free(dialogue.net);
    return dialogue.took;
}

/* The body waits for the ACK of the head, and that for an answer, which waits for the
 * body: the delay of ACKs, or a round trip where they are not delayed. */
static void
test_write_write_read_stalls_with_nagle(void)
{
    VsTime head = (VsTime)DATA_WIRE_BYTES(300) * 800 + 10 * VS_US;
    VsTime body = (VsTime)DATA_WIRE_BYTES(100) * 800 + 10 * VS_US;
    VsTime ack = (VsTime)ACK_WIRE_BYTES * 800 + 10 * VS_US;
    VsTime answer = (VsTime)DATA_WIRE_BYTES(200) * 800 + 10 * VS_US;

    CU_ASSERT_EQUAL(second_exchange(true, 40 * VS_MS),
                    head + body - 10 * VS_US + answer);
    CU_ASSERT_EQUAL(second_exchange(false, 40 * VS_MS),
                    head + 40 * VS_MS + ack + body + answer);
    CU_ASSERT_EQUAL(second_exchange(false, 0), head + ack + body + answer);
}

static const VsTestCase tests[] = {
    {"the first window is the same on the wire",
     test_first_window_is_the_same_on_the_wire},
    {"a bulk transfer has fewer events", test_bulk_transfer_has_fewer_events},
    {"trains have their limit", test_trains_have_their_limit},
    {"the path MTU is found by a train", test_path_mtu_is_found_by_a_train},
    {"write, write, read stalls with Nagle", test_write_write_read_stalls_with_nagle},
    {0},
};

VS_TESTS("transport/tcp: trains")

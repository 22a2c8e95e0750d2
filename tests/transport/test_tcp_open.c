/* Opening: handshake, ports, listeners. */
#include "fixture.h"

#include "transport/tcp_internal.h"

static const NetConfig gigabit = {.bits_per_s = 1000000000, .delay = VS_MS};

static void
test_handshake_takes_a_round_trip(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer client;

    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    CU_ASSERT_EQUAL(vs_tcp_state(client.tcp), VS_TCP_SYN_SENT);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(client.connected_at, 2 * net_time(net, SYN_WIRE_BYTES));
    CU_ASSERT_EQUAL(server.peers[0].connected_at,
                    client.connected_at + net_time(net, ACK_WIRE_BYTES));
    CU_ASSERT_EQUAL(vs_tcp_state(client.tcp), VS_TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(vs_tcp_state(server.peers[0].tcp), VS_TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(vs_tcp_flow(client.tcp)->sport, VS_EPHEMERAL_FIRST);
    CU_ASSERT_EQUAL(server.listener.n_accepted, 1);
    CU_ASSERT_EQUAL(server.listener.n_handshakes + server.listener.n_waiting, 0);
    net_free(net);
}

static void
test_core_work_is_part_of_the_handshake(void)
{
    /* SYN and SYN-ACK: sent and received once each, 5 us a time. */
    Net *net = net_new(&(NetConfig){
        .bits_per_s = 1000000000, .delay = VS_MS, .socket_cost = 5 * VS_US});
    Server server;
    Peer client;

    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(client.connected_at,
                    2 * net_time(net, SYN_WIRE_BYTES) + 4 * 5 * VS_US);
    net_free(net);
}

static void
test_syn_carries_the_options(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer client;
    const VsTcpHeader *syn, *syn_ack, *ack;

    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);

    syn = &tap_get(&net->to_b, 0)->tcp;
    syn_ack = &tap_get(&net->to_a, 0)->tcp;
    ack = &tap_get(&net->to_b, 1)->tcp;
    CU_ASSERT_EQUAL(syn->flags, VS_TCP_SYN);
    CU_ASSERT_EQUAL(syn->mss, MSS);
    CU_ASSERT_EQUAL(syn->option_bytes, 12);
    CU_ASSERT_EQUAL(syn->window, 65535);
    CU_ASSERT_EQUAL(syn->wscale, 2 + 1); /* 4 * 65535 bytes of buffer. */
    CU_ASSERT_EQUAL(syn_ack->flags, VS_TCP_SYN | VS_TCP_ACK);
    CU_ASSERT_EQUAL(syn_ack->ack, syn->seq + 1);
    CU_ASSERT_EQUAL(ack->flags, VS_TCP_ACK);
    CU_ASSERT_EQUAL(ack->seq, syn->seq + 1);
    CU_ASSERT_EQUAL(ack->ack, syn_ack->seq + 1);
    CU_ASSERT_EQUAL(ack->window, 65535);
    net_free(net);
}

static void
test_lost_syns_are_repeated_at_1_3_and_7_s(void)
{
    static const VsTime sent_at[] = {0, 1 * VS_S, 3 * VS_S, 7 * VS_S};
    Net *net = net_new(&gigabit);
    Server server;
    Peer client;

    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    net->to_b.lost[0] = 1;
    net->to_b.lost[1] = 2;
    net->to_b.lost[2] = 3;
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);

    for (unsigned i = 0; i < G_N_ELEMENTS(sent_at); i++) {
        CU_ASSERT_EQUAL(tap_get(&net->to_b, i)->time,
                        sent_at[i] + net_time(net, SYN_WIRE_BYTES));
    }
    CU_ASSERT_EQUAL(client.connected_at, 7 * VS_S + 2 * net_time(net, SYN_WIRE_BYTES));
    net_free(net);
}

static void
test_connecting_gives_up_after_127_s(void)
{
    Net *net = net_new(&gigabit);
    Peer client;

    peer_init(&client, &net->run);
    net->to_b.loss_ppm = 1000000;
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(net->to_b.n_seen, 7);
    CU_ASSERT_EQUAL(client.broken_at, 127 * VS_S);
    CU_ASSERT_EQUAL(client.end, VS_TCP_END_TIMED_OUT);
    CU_ASSERT_EQUAL(vs_tcp_stats(net->a->root)->n_failed, 1);
    net_free(net);
}

static void
test_lost_syn_ack_is_repeated_by_both_sides(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer client;

    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    net->to_a.lost[0] = 1;
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);

    /* The SYN at 1 s is answered at once; the server's own time-out comes later. */
    CU_ASSERT_EQUAL(client.connected_at, VS_S + 2 * net_time(net, SYN_WIRE_BYTES));
    CU_ASSERT_EQUAL(server.n_peers, 1);
    CU_ASSERT_NOT_EQUAL(vs_tcp_stats(net->b->root)->n_retransmitted, 0);
    net_free(net);
}

static void
test_lost_ack_of_the_handshake_is_made_good_by_data(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer client;

    server_open(&server, net, 1);
    peer_init(&client, &net->run);
    net->to_b.lost[0] = 2;
    peer_connect(&client, net, NULL);
    peer_send(&client, 100);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(server.peers[0].connected_at, server.peers[0].message_at);
    CU_ASSERT_EQUAL(server.peers[0].bytes, 100);
    CU_ASSERT_EQUAL(net->to_b.n_seen, 3);
    net_free(net);
}

static void
test_closed_port_refuses(void)
{
    Net *net = net_new(&gigabit);
    Peer client;

    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(client.broken_at,
                    net_time(net, SYN_WIRE_BYTES) + net_time(net, ACK_WIRE_BYTES));
    CU_ASSERT_EQUAL(client.end, VS_TCP_END_REFUSED);
    CU_ASSERT_EQUAL(vs_tcp_stats(net->b->root)->n_resets_sent, 1);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_NO_SOCKET], 1);
    net_free(net);
}

static void
test_doomed_connection_can_be_aborted(void)
{
    static const VsTcpOps ops = {0};
    Net *net = net_new(&gigabit);

    vs_tcp_abort(vs_tcp_connect(net->a->root, 0, 0xc0a80001, PORT, NULL, &ops, NULL));
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(vs_tcp_stats(net->a->root)->n_failed, 1);
    net_free(net);
}

static VsTime unreachable_at = NEVER;
static VsTcpEnd unreachable_end;

static void
note_unreachable(VsTcp *tcp, VsTcpEnd end)
{
    unreachable_at = vs_now(vs_tcp_user(tcp));
    unreachable_end = end;
}

static void
test_unreachable_is_told(void)
{
    static const VsTcpOps ops = {.broken = note_unreachable};
    Net *net = net_new(&gigabit);

    /* No route at all: at once, but not from within. */
    unreachable_at = NEVER;
    vs_tcp_connect(net->a->root, 0, 0xc0a80001, PORT, NULL, &ops, &net->run);
    CU_ASSERT_EQUAL(unreachable_at, NEVER);
    net_run(net, VS_MS);
    CU_ASSERT_EQUAL(unreachable_at, 0);
    CU_ASSERT_EQUAL(unreachable_end, VS_TCP_END_UNREACHABLE);

    /* A router on the way has none: ICMP net unreachable, 28 + 48 bytes. */
    unreachable_at = NEVER;
    net->b->root->is_forwarding = true;
    vs_netns_add_route(net->a->root, 0xc0a80000, 16, net->iface_a, ADDRESS_B);
    vs_tcp_connect(net->a->root, 0, 0xc0a80001, PORT, NULL, &ops, &net->run);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(unreachable_at, VS_MS + net_time(net, SYN_WIRE_BYTES) +
                                        net_time(net, SYN_WIRE_BYTES + 28));
    CU_ASSERT_EQUAL(unreachable_end, VS_TCP_END_UNREACHABLE);
    net_free(net);
}

static void
test_backlog_overflow_costs_the_client_a_second(void)
{
    Net *net = net_new(&gigabit);
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;
    Server server;
    Peer clients[3];
    VsTime syn = SYN_WIRE_BYTES * net->ps_per_byte;

    config.syn_cookies = VS_TCP_SYN_COOKIES_OFF;
    net_set_tcp(net, &config);
    server_open(&server, net, 2);
    for (unsigned i = 0; i < 3; i++) {
        peer_init(&clients[i], &net->run);
        peer_connect(&clients[i], net, NULL);
    }
    net_run(net, VS_TIME_NEVER);

    /* Back to back on the wire, there and back; the third is dropped and repeated. */
    CU_ASSERT_EQUAL(clients[0].connected_at, 2 * syn + 2 * VS_MS);
    CU_ASSERT_EQUAL(clients[1].connected_at, 3 * syn + 2 * VS_MS);
    CU_ASSERT_EQUAL(clients[2].connected_at, VS_S + 2 * syn + 2 * VS_MS);
    CU_ASSERT_EQUAL(server.listener.n_drops, 1);
    CU_ASSERT_EQUAL(server.listener.n_overflows, 0); /* Of the accept queue. */
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_ACCEPT_QUEUE_FULL], 1);
    CU_ASSERT_EQUAL(server.listener.n_accepted, 3);
    CU_ASSERT_EQUAL(server.listener.n_handshakes + server.listener.n_waiting, 0);
    net_free(net);
}

static void
accept_one(void *server)
{
    vs_tcp_accept_waiting(&((Server *)server)->listener);
}

static void
test_owner_accepts_when_it_likes(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer clients[2];

    server_open(&server, net, 2);
    server.listener.is_accepting = false;
    server.like.reply_bytes = 10;
    for (unsigned i = 0; i < 2; i++) {
        peer_init(&clients[i], &net->run);
        peer_connect(&clients[i], net, NULL);
        peer_send(&clients[i], 100 + i);
    }
    vs_tcp_close(clients[1].tcp);
    net_at(net->b, VS_S / 10, accept_one, &server);
    net_at(net->b, VS_S / 5, accept_one, &server);
    net_run(net, VS_S / 20);
    CU_ASSERT_EQUAL(server.n_peers, 0);
    CU_ASSERT_EQUAL(server.listener.n_waiting, 2);
    CU_ASSERT_NOT_EQUAL(clients[0].connected_at, NEVER);

    net_run(net, VS_S);
    CU_ASSERT_EQUAL(server.n_peers, 2);
    CU_ASSERT_EQUAL(server.listener.n_handshakes + server.listener.n_waiting, 0);
    CU_ASSERT_EQUAL(server.peers[0].message_at, VS_S / 10);
    CU_ASSERT_EQUAL(server.peers[0].bytes, 100);
    CU_ASSERT_EQUAL(server.peers[0].finished_at, NEVER);
    CU_ASSERT_EQUAL(server.peers[1].message_at, VS_S / 5);
    CU_ASSERT_EQUAL(server.peers[1].bytes, 101);
    CU_ASSERT_EQUAL(server.peers[1].finished_at, VS_S / 5);
    CU_ASSERT_EQUAL(clients[0].message_at,
                    VS_S / 10 + net_time(net, ACK_WIRE_BYTES + 4)); /* 50 > 46. */
    CU_ASSERT_FALSE(vs_tcp_accept_waiting(&server.listener));
    net_free(net);
}

static void
test_unlisten_resets_what_waits(void)
{
    Net *net = net_new(&gigabit);
    Server server;
    Peer clients[2];

    server_open(&server, net, 2);
    server.listener.is_accepting = false;
    for (unsigned i = 0; i < 2; i++) {
        peer_init(&clients[i], &net->run);
        peer_connect(&clients[i], net, NULL);
    }
    net->to_b.lost[0] = 3; /* The ACK of the first: its handshake stays half done. */
    net_run(net, VS_S / 10);
    vs_tcp_unlisten(&server.listener);
    CU_ASSERT_EQUAL(server.listener.n_handshakes + server.listener.n_waiting, 0);
    net_run(net, VS_TIME_NEVER);
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(clients[i].end, VS_TCP_END_RESET);
        CU_ASSERT_NOT_EQUAL(clients[i].broken_at, NEVER);
    }
    peer_init(&clients[0], &net->run);
    peer_connect(&clients[0], net, NULL);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(clients[0].end, VS_TCP_END_REFUSED);
    net_free(net);
}

static const VsTcpOps *
refuse_all(VsTcpListener *listener, VsTcp *tcp)
{
    (void)listener;
    (void)tcp;
    return NULL;
}

static void
test_owner_refuses_with_reset(void)
{
    static const VsTcpListenerOps ops = {refuse_all};
    Net *net = net_new(&gigabit);
    VsTcpListener listener;
    Peer client;

    CU_ASSERT_TRUE(
        vs_tcp_listen(&listener, net->b->root, ADDRESS_B, PORT, 5, &ops, NULL));
    CU_ASSERT_FALSE(vs_tcp_listen(&(VsTcpListener){0}, net->b->root, ADDRESS_B, PORT, 5,
                                  &ops, NULL));
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    peer_send(&client, 100);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_NOT_EQUAL(client.connected_at, NEVER);
    CU_ASSERT_EQUAL(client.end, VS_TCP_END_RESET);
    CU_ASSERT_EQUAL(client.broken_at, 2 * net_time(net, SYN_WIRE_BYTES) +
                                          2 * net_time(net, ACK_WIRE_BYTES));
    net_free(net);
}

static void
test_particular_address_goes_before_any(void)
{
    Net *net = net_new(&gigabit);
    Server any;
    VsTcpListener particular;
    static const VsTcpListenerOps ops = {refuse_all};
    Peer client;

    server_open(&any, net, 1);
    CU_ASSERT_TRUE(
        vs_tcp_listen(&particular, net->b->root, ADDRESS_B, PORT, 1, &ops, NULL));
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(client.end, VS_TCP_END_RESET);
    CU_ASSERT_EQUAL(any.n_peers, 0);
    net_free(net);
}

/* All costs are 0: the peer's answer comes in before the call that asked returns. */
static void
test_loopback_without_costs_calls_no_owner_from_within(void)
{
    Net *net = net_new(&gigabit);
    Net on_b = *net;
    Server server;
    Peer client;

    on_b.a = net->b;
    server_open(&server, net, 1);
    server.like.reply_bytes = 1000;
    server.like.is_closing_when_finished = true;
    peer_init(&client, &net->run);
    client.is_closing_after_message = true;
    net_run(net, VS_MS);
    peer_connect(&client, &on_b, NULL);
    CU_ASSERT_EQUAL(client.connected_at, NEVER);
    peer_send(&client, 100000);
    net_run(net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(client.connected_at, VS_MS);
    CU_ASSERT_EQUAL(client.message_at, VS_MS);
    CU_ASSERT_EQUAL(client.bytes, 1000);
    CU_ASSERT_EQUAL(server.peers[0].bytes, 100000);
    CU_ASSERT_EQUAL(client.closed_at, VS_MS);
    CU_ASSERT_EQUAL(server.peers[0].closed_at, VS_MS);
    net_free(net);
}

/* 28232 ports towards one destination; with all in use there is none left. */
static void
test_ephemeral_ports_run_out(void)
{
    static const VsTcpOps ops = {.broken = note_unreachable};
    unsigned n_ports = VS_EPHEMERAL_LAST - VS_EPHEMERAL_FIRST + 1;
    Net *net = net_new(&gigabit);

    CU_ASSERT_EQUAL(n_ports, 28232);
    net->to_b.is_logging = false;
    net->to_b.loss_ppm = 1000000;
    for (unsigned i = 0; i < n_ports; i++) {
        vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT, NULL, &ops, &net->run);
    }
    unreachable_at = NEVER;
    vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT, NULL, &ops, &net->run);
    net_run(net, 0);
    CU_ASSERT_EQUAL(unreachable_at, 0);
    CU_ASSERT_EQUAL(unreachable_end, VS_TCP_END_NO_PORT);

    /* Towards another port of the same address there are as many again. */
    unreachable_at = NEVER;
    vs_tcp_connect(net->a->root, 0, ADDRESS_B, PORT + 1, NULL, &ops, &net->run);
    net_run(net, VS_MS);
    CU_ASSERT_EQUAL(unreachable_at, NEVER);
    net_free(net);
}

static const VsTestCase tests[] = {
    {"a handshake takes a round trip", test_handshake_takes_a_round_trip},
    {"core work is part of the handshake", test_core_work_is_part_of_the_handshake},
    {"SYN carries MSS and window scale", test_syn_carries_the_options},
    {"lost SYNs are repeated at 1, 3 and 7 s",
     test_lost_syns_are_repeated_at_1_3_and_7_s},
    {"connecting gives up after 127 s", test_connecting_gives_up_after_127_s},
    {"a lost SYN-ACK is repeated", test_lost_syn_ack_is_repeated_by_both_sides},
    {"data make good a lost ACK", test_lost_ack_of_the_handshake_is_made_good_by_data},
    {"a closed port refuses with RST", test_closed_port_refuses},
    {"a doomed connection can be aborted", test_doomed_connection_can_be_aborted},
    {"unreachable destinations are told", test_unreachable_is_told},
    {"a full backlog costs a second", test_backlog_overflow_costs_the_client_a_second},
    {"owners accept when they like", test_owner_accepts_when_it_likes},
    {"unlistening resets what waits", test_unlisten_resets_what_waits},
    {"owners refuse with RST", test_owner_refuses_with_reset},
    {"a particular address goes before any", test_particular_address_goes_before_any},
    {"loopback without costs", test_loopback_without_costs_calls_no_owner_from_within},
    {"ephemeral ports run out", test_ephemeral_ports_run_out},
    {0},
};

VS_TESTS("transport/tcp: opening")

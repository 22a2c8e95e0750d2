/* Sending: slow start, windows, ACKs, losses, path MTU. */
#include "fixture.h"

#include <math.h>

#include "transport/tcp_internal.h"

/* 100 Gbit/s, 10 ms: 80 ps a byte, so a window passes in a small part of a round
 * trip. */
static const NetConfig fast = {.bits_per_s = 100000000000, .delay = 10 * VS_MS};

typedef struct Upload {
    Net *net;
    Server server;
    Peer client;
    VsTime full; /* A full segment on the wire, without the delay. */
    VsTime ack;  /* An ACK. */
    VsTime delay;
    VsTime begun; /* When the client is connected and sends its data. */
} Upload;

static VsTcpConfig
big_buffer(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;

    config.receive_buffer = 16 << 20;
    return config;
}

/* Losses are found by time-outs and duplicate ACKs alone. */
static VsTcpConfig
no_sack(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;

    config.has_sack = false;
    return config;
}

/* A tail is not probed: time-outs come. */
static VsTcpConfig
no_probe(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;

    config.has_loss_probe = false;
    return config;
}

/* A client on a that has 'bytes' to send to b when it is connected. */
static void
upload_begin(Upload *upload, const NetConfig *net, const VsTcpConfig *tcp,
             uint64_t bytes)
{
    upload->net = net_new(net);
    if (tcp) {
        net_set_tcp(upload->net, tcp);
    }
    server_open(&upload->server, upload->net, 10);
    peer_init(&upload->client, &upload->net->run);
    peer_connect(&upload->client, upload->net, NULL);
    peer_send(&upload->client, bytes);
    upload->delay = net->delay;
    upload->full = DATA_WIRE_BYTES(MSS) * upload->net->ps_per_byte;
    upload->ack = ACK_WIRE_BYTES * upload->net->ps_per_byte;
    /* The data follow the ACK of the handshake on the wire. */
    upload->begun =
        2 * net_time(upload->net, SYN_WIRE_BYTES - (tcp && !tcp->has_sack ? 4 : 0)) +
        upload->ack;
}

static void
upload_end(Upload *upload)
{
    CU_ASSERT_EQUAL(upload->server.peers[0].n_messages, 1);
    net_free(upload->net);
}

/* A round k sends 10 * 2^k segments.  It begins when the first ACK of the one before
 * comes: that of its first segment (the first 16 are acknowledged one by one), later
 * its second. */
static void
test_slow_start_doubles_each_round_trip(void)
{
    VsTcpConfig config = big_buffer();

    for (unsigned n_rounds = 1; n_rounds <= 6; n_rounds++) {
        uint64_t n_segments = 10 * ((1u << n_rounds) - 1);
        Upload u;
        VsTime last_round;

        upload_begin(&u, &fast, &config, n_segments * MSS);
        last_round = u.begun;
        for (unsigned round = 1; round < n_rounds; round++) {
            VsTime acked = round <= 2 ? u.full : 2 * u.full;

            /* The handshake's ACK is no longer in the way: the wire is idle. */
            last_round += acked + u.delay + u.ack + u.delay;
        }
        net_run(u.net, VS_TIME_NEVER);
        CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                        last_round + (10 << (n_rounds - 1)) * u.full + u.delay);
        /* Rounds = ceil(log2(S / 10 + 1)). */
        CU_ASSERT_EQUAL(ceil(log2((double)n_segments / 10 + 1)), n_rounds);
        upload_end(&u);
    }
}

/* Throughput W / RTT: a round trip is a full segment there and its ACK back. */
static void
test_window_limits_throughput(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;
    Upload u;

    config.receive_buffer = 20 * MSS;
    config.initial_window = 20;
    config.delayed_ack = 0;
    upload_begin(&u, &fast, &config, 100 * 20 * MSS);
    net_run(u.net, VS_TIME_NEVER);

    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    u.begun + 99 * (u.full + u.delay + u.ack + u.delay) + 20 * u.full +
                        u.delay);
    upload_end(&u);
}

/* A window of 1000 bytes: a segment is cut to it, once all before are acknowledged. */
static void
test_window_below_a_segment_is_used(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;
    Upload u;
    VsTime cut = DATA_WIRE_BYTES(1000) * 80;

    config.receive_buffer = 1000;
    upload_begin(&u, &fast, &config, 5000);
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    u.begun + 4 * (cut + u.delay + u.ack + u.delay) + cut + u.delay);
    upload_end(&u);
}

static void
test_goodput_reaches_1460_of_1538_of_line_rate(void)
{
    static const NetConfig ten_gigabit = {.bits_per_s = 10000000000,
                                          .delay = 10 * VS_US};
    VsTcpConfig config = big_buffer();
    uint64_t n_segments = 100000;
    VsTime first_at;
    double share;
    Upload u;

    upload_begin(&u, &ten_gigabit, &config, n_segments * MSS);
    u.net->to_a.is_logging = false;
    u.net->to_b.is_logging = false;
    peer_send(&u.client, n_segments * MSS);
    while (u.server.n_peers == 0 || u.server.peers[0].n_messages == 0) {
        vs_run_advance(&u.net->run, VS_TIME_NEVER, 1);
    }
    first_at = u.server.peers[0].message_at;
    net_run(u.net, VS_TIME_NEVER);

    /* The second message: not a byte time is lost. */
    CU_ASSERT_EQUAL(u.server.peers[0].message_at - first_at,
                    (VsTime)n_segments * u.full);
    /* Both, with handshake and slow start. */
    share = 2.0 * (double)n_segments * MSS * 800 / (double)u.server.peers[0].message_at;
    CU_ASSERT_DOUBLE_EQUAL(share, 1460.0 / 1538, 0.001 * 1460 / 1538);
    u.server.peers[0].n_messages--;
    upload_end(&u);
}

static void
test_second_segment_is_acknowledged_at_once_and_the_odd_one_later(void)
{
    Upload u;
    const Arrival *ack;

    upload_begin(&u, &fast, NULL, 19 * MSS); /* 16 one by one, 2 together, 1 alone. */
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.net->to_a.n_seen, 1 + 16 + 1 + 1);
    ack = tap_get(&u.net->to_a, 18);
    CU_ASSERT_EQUAL(ack->time,
                    u.server.peers[0].message_at + 40 * VS_MS + u.ack + u.delay);
    upload_end(&u);
}

static void
test_answers_carry_the_acks_of_a_dialogue(void)
{
    Net *net = net_new(&fast);
    Server server;
    Peer client;

    server_open(&server, net, 1);
    server.like.reply_bytes = 200;
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    peer_send(&client, 100);
    net_run(net, 50 * VS_MS); /* 10 ms after the answer. */
    peer_send(&client, 100);
    net_run(net, VS_TIME_NEVER);

    /* SYN, ACK, request, ACK of the answer; request, ACK of the answer 40 ms later. */
    CU_ASSERT_EQUAL(net->to_b.n_seen, 6);
    CU_ASSERT_EQUAL(tap_get(&net->to_b, 5)->time,
                    client.message_at + 40 * VS_MS + net_time(net, ACK_WIRE_BYTES));
    CU_ASSERT_EQUAL(net->to_a.n_seen, 3); /* SYN-ACK and two answers. */
    CU_ASSERT_EQUAL(client.n_messages, 2);
    net_free(net);
}

/* In a dialogue, a single segment waits 40 ms for an answer; not so when it fills the
 * window, for then nothing else can come. */
static void
test_used_up_window_is_acknowledged_at_once(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;
    Upload u;

    config.receive_buffer = MSS;
    upload_begin(&u, &fast, &config, 100);
    u.server.like.reply_bytes = 100;
    net_run(u.net, VS_S);
    u.server.peers[0].reply_bytes = 0;
    peer_send(&u.client, 4 * MSS);
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    VS_S + 3 * (u.full + u.delay + u.ack + u.delay) + u.full + u.delay);
    u.server.peers[0].n_messages--;
    upload_end(&u);
}

/* RTO = SRTT + 200 ms, doubled each time. */
static void
test_lost_segment_is_repeated_after_the_time_out(void)
{
    VsTcpConfig config = no_probe();
    Upload u;
    VsTime rto = 2 * (SYN_WIRE_BYTES * 80 + 10 * VS_MS) + 200 * VS_MS;

    upload_begin(&u, &fast, &config, 100);
    u.net->to_b.lost[0] = 3;
    u.net->to_b.lost[1] = 4;
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    u.begun - u.ack + rto + 2 * rto +
                        net_time(u.net, DATA_WIRE_BYTES(100)));
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 2);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 2);
    /* Whose ACK it was nobody knows: it is no sample of the round trip (Karn). */
    CU_ASSERT_EQUAL(u.client.tcp->srtt, rto - 200 * VS_MS);
    upload_end(&u);
}

static void
test_progress_ends_the_back_off(void)
{
    VsTcpConfig config = no_probe();
    Upload u;
    VsTime rto = 2 * (SYN_WIRE_BYTES * 80 + 10 * VS_MS) + 200 * VS_MS;

    upload_begin(&u, &fast, &config, 100);
    u.net->to_b.lost[0] = 3;
    u.net->to_b.lost[1] = 5; /* The 4th repeats the 3rd. */
    net_run(u.net, 10 * VS_S);
    peer_send(&u.client, 100);
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    10 * VS_S + rto + net_time(u.net, DATA_WIRE_BYTES(100)));
    u.server.peers[0].n_messages--;
    upload_end(&u);
}

static void
test_silence_breaks_after_15_retries(void)
{
    VsTcpConfig config = no_probe();
    Upload u;
    VsTime due, rto;

    upload_begin(&u, &fast, &config, 100);
    net_run(u.net, 25 * VS_MS); /* Connected; what follows is lost. */
    u.net->to_b.loss_ppm = 1000000;
    rto = 2 * (SYN_WIRE_BYTES * 80 + 10 * VS_MS) + 200 * VS_MS;
    due = u.begun - u.ack;
    for (unsigned n = 0; n <= 15; n++) {
        due += MIN(rto, 120 * VS_S);
        rto *= 2;
    }
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.client.broken_at, due);
    CU_ASSERT_EQUAL(u.client.end, VS_TCP_END_TIMED_OUT);
    net_free(u.net);
}

/* An ACK with SACK blocks. */
static VsTime
sack_ack(const Upload *u, unsigned n_blocks)
{
    return (20 + 20 + VS_TCP_SACK_BYTES(n_blocks) + 38) * u->net->ps_per_byte;
}

static void
test_three_duplicate_acks_repeat_at_once(void)
{
    Upload u;

    upload_begin(&u, &fast, NULL, 10 * MSS);
    u.net->to_b.lost[0] = 2 + 5;
    net_run(u.net, VS_TIME_NEVER);
    /* The third after it, the 8th, makes it: there, back, and there again. */
    CU_ASSERT_EQUAL(u.server.peers[0].message_at, u.begun + 8 * u.full + u.delay +
                                                      sack_ack(&u, 1) + u.delay +
                                                      u.full + u.delay);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 1);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 0);
    /* 10, 4 more for the ACKs before the hole, 0.7 of that (CUBIC); no growth until it is
     * filled. */
    CU_ASSERT_EQUAL(u.client.tcp->congestion.cwnd, (10 + 4) * 7 * MSS / 10);
    upload_end(&u);
}

static void
test_two_holes_are_filled_one_per_round_trip(void)
{
    VsTcpConfig config = no_sack();
    Upload u;
    VsTime back_and_forth;

    upload_begin(&u, &fast, &config, 10 * MSS);
    u.net->to_b.lost[0] = 2 + 3;
    u.net->to_b.lost[1] = 2 + 5;
    net_run(u.net, VS_TIME_NEVER);
    /* Duplicates by 4, 6 and 7. */
    back_and_forth = u.delay + u.ack + u.delay + u.full;
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    u.begun + 7 * u.full + 2 * back_and_forth + u.delay);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 2);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 0);
    upload_end(&u);
}

/* With SACK one round trip does for both: when 4, 6 and 7 are there, all sent before 7 that is
 * not is lost. */
static void
test_two_holes_are_filled_in_one_round_trip_with_sack(void)
{
    Upload u;

    upload_begin(&u, &fast, NULL, 10 * MSS);
    u.net->to_b.lost[0] = 2 + 3;
    u.net->to_b.lost[1] = 2 + 5;
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at, u.begun + 7 * u.full + u.delay +
                                                      sack_ack(&u, 2) + u.delay +
                                                      2 * u.full + u.delay);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 2);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 0);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_recoveries, 1);
    upload_end(&u);
}

/* All ten are lost: after the time-out rounds of 1, 2, 4 and the last 3 segments. */
static void
test_lost_window_is_sent_again_in_slow_start(void)
{
    VsTcpConfig config = no_probe();
    Upload u;
    VsTime rto = 2 * (SYN_WIRE_BYTES * 80 + 10 * VS_MS) + 200 * VS_MS;

    upload_begin(&u, &fast, &config, 10 * MSS);
    for (unsigned i = 0; i < 10; i++) {
        u.net->to_b.lost[i] = 3 + i;
    }
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    u.begun - u.ack + rto + 3 * (u.full + u.delay + u.ack + u.delay) +
                        3 * u.full + u.delay);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 10);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 1);
    upload_end(&u);
}

/* The first is lost, and all ACKs of the other nine.  After the time-out one ACK covers all
 * ten, but lets only two more go than the one repeated. */
static void
test_window_grows_by_two_for_an_ack_of_many_after_a_time_out(void)
{
    VsTcpConfig config = no_sack();
    Upload u;
    VsTime next;

    upload_begin(&u, &fast, &config, 30 * MSS);
    u.net->to_b.lost[0] = 3;
    for (unsigned i = 0; i < 9; i++) {
        u.net->to_a.lost[i] = 2 + i;
    }
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 1);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 1);
    /* The repeated one is the 13th to arrive; then 3 together, and a round trip. */
    next = tap_get(&u.net->to_b, 12)->time + u.ack + u.delay + u.full + u.delay;
    CU_ASSERT_EQUAL(tap_get(&u.net->to_b, 13)->time, next);
    CU_ASSERT_EQUAL(tap_get(&u.net->to_b, 15)->time, next + 2 * u.full);
    CU_ASSERT_TRUE(tap_get(&u.net->to_b, 16)->time > next + 2 * u.delay);
    upload_end(&u);
}

/* SRTT and RTTVAR after the handshake and the first segment, as RFC 6298 has them. */
static void
check_lost_tail(VsTime delay)
{
    NetConfig config = {.bits_per_s = 100000000000, .delay = delay};
    VsTime handshake = 2 * (SYN_WIRE_BYTES * 80 + delay);
    VsTime sample, srtt, rttvar;
    VsTcpConfig tcp = no_probe();
    Upload u;

    upload_begin(&u, &config, &tcp, 10 * MSS);
    u.net->to_b.lost[0] = 2 + 10;
    net_run(u.net, VS_TIME_NEVER);
    sample = u.ack + u.full + delay + u.ack + delay; /* Behind the handshake's ACK. */
    srtt = handshake + (sample - handshake) / 8;
    rttvar = handshake / 2 + ((sample - handshake) - handshake / 2) / 4;
    CU_ASSERT_EQUAL(u.server.peers[0].message_at,
                    u.begun + 9 * u.full + delay + u.ack + delay + srtt +
                        MAX(200 * VS_MS, 4 * rttvar) + u.full + delay);
    upload_end(&u);
}

static void
test_lost_tail_waits_for_the_time_out(void)
{
    check_lost_tail(10 * VS_MS);
    check_lost_tail(300 * VS_MS);
}

/* Two of one flight and two of the next are not three. */
static void
test_duplicate_acks_of_two_losses_do_not_add_up(void)
{
    VsTcpConfig config = no_sack();
    Upload u;

    upload_begin(&u, &fast, &config, 10 * MSS);
    u.net->to_b.lost[0] = 2 + 8;
    u.net->to_b.lost[1] = 13 + 8; /* The 13th to come repeats that. */
    net_run(u.net, VS_S);
    peer_send(&u.client, 10 * MSS);
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].n_messages, 2);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_timeouts, 2);
    u.server.peers[0].n_messages--;
    upload_end(&u);
}

static void
test_lost_acks_do_not_matter(void)
{
    Upload u;

    upload_begin(&u, &fast, NULL, 10 * MSS);
    for (unsigned i = 0; i < 9; i++) {
        u.net->to_a.lost[i] = 2 + i; /* All but the last. */
    }
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].message_at, u.begun + 10 * u.full + u.delay);
    CU_ASSERT_EQUAL(vs_tcp_stats(u.net->a->root)->n_retransmitted, 0);
    upload_end(&u);
}

/* Nobody accepts: the window closes after 2 segments, is asked about with back-off, and
 * opens with an ACK of its own when the owner comes. */
static void
test_closed_window_is_probed_and_opens(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;
    Upload u;

    config.receive_buffer = 2 * MSS;
    upload_begin(&u, &fast, &config, 10 * MSS);
    u.server.listener.is_accepting = false;
    net_run(u.net, 3000 * VS_S);
    CU_ASSERT_EQUAL(u.server.n_peers, 0);
    CU_ASSERT_EQUAL(u.client.broken_at, NEVER);
    CU_ASSERT_TRUE(vs_tcp_stats(u.net->a->root)->n_timeouts > 20);

    vs_tcp_accept_waiting(&u.server.listener);
    net_run(u.net, 3001 * VS_S);
    CU_ASSERT_EQUAL(u.server.peers[0].bytes, 10 * MSS);
    CU_ASSERT_TRUE(u.server.peers[0].message_at < 3000 * VS_S + 200 * VS_MS);
    upload_end(&u);
}

static void
test_window_update_lost_is_made_good_by_a_probe(void)
{
    VsTcpConfig config = VS_TCP_CONFIG_DEFAULT;
    Upload u;

    config.receive_buffer = 2 * MSS;
    upload_begin(&u, &fast, &config, 10 * MSS);
    u.server.listener.is_accepting = false;
    net_run(u.net, VS_S);
    u.net->to_a.lost[0] = u.net->to_a.n_seen + 1;
    vs_tcp_accept_waiting(&u.server.listener);
    net_run(u.net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(u.server.peers[0].bytes, 10 * MSS);
    upload_end(&u);
}

/* b is reached through an address beyond b's link of 1300 bytes. */
static void
test_path_mtu_is_found_and_remembered(void)
{
    static const VsAddr far = 0xc0a80001;
    Net *net = net_new(&fast);
    VsNetns *pod = vs_netns_new(net->b, "pod");
    VsIface *inside, *outside;
    Server server;
    Peer clients[2];

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
    for (unsigned i = 0; i < 2; i++) {
        peer_init(&clients[i], &net->run);
        peer_connect_to(&clients[i], net, far);
        peer_send(&clients[i], 10 * MSS);
        net_run(net, net->run.now + VS_S);
        CU_ASSERT_EQUAL(server.peers[i].bytes, 10 * MSS);
    }
    /* Ten were too big, once; 12 of 1260 bytes took their place. */
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_TOO_BIG], 10);
    CU_ASSERT_EQUAL(clients[0].tcp->mss, 1260);
    CU_ASSERT_EQUAL(clients[1].tcp->mss, 1260);
    CU_ASSERT_EQUAL(vs_tcp_stats(net->a->root)->n_timeouts, 0);

    /* After ten minutes the larger size is tried again. */
    net_run(net, net->run.now + 600 * VS_S);
    peer_init(&clients[0], &net->run);
    peer_connect_to(&clients[0], net, far);
    peer_send(&clients[0], MSS);
    net_run(net, net->run.now + VS_S);
    CU_ASSERT_EQUAL(net->run.packets->n_dropped[VS_DROP_TOO_BIG], 11);
    CU_ASSERT_EQUAL(server.peers[2].bytes, MSS);
    net_free(net);
}

static const VsTestCase tests[] = {
    {"slow start doubles each round trip", test_slow_start_doubles_each_round_trip},
    {"the window limits throughput to W/RTT", test_window_limits_throughput},
    {"a window below a segment is used", test_window_below_a_segment_is_used},
    {"goodput reaches 1460/1538 of line rate",
     test_goodput_reaches_1460_of_1538_of_line_rate},
    {"every second segment is acknowledged at once",
     test_second_segment_is_acknowledged_at_once_and_the_odd_one_later},
    {"answers carry the ACKs of a dialogue", test_answers_carry_the_acks_of_a_dialogue},
    {"a used-up window is acknowledged at once",
     test_used_up_window_is_acknowledged_at_once},
    {"a lost segment is repeated after the time-out",
     test_lost_segment_is_repeated_after_the_time_out},
    {"progress ends the back-off", test_progress_ends_the_back_off},
    {"silence breaks after 15 retries", test_silence_breaks_after_15_retries},
    {"three duplicate ACKs repeat at once", test_three_duplicate_acks_repeat_at_once},
    {"two holes are filled in one round trip with SACK",
     test_two_holes_are_filled_in_one_round_trip_with_sack},
    {"two holes are filled in two round trips",
     test_two_holes_are_filled_one_per_round_trip},
    {"a lost window is sent again in slow start",
     test_lost_window_is_sent_again_in_slow_start},
    {"after a time-out an ACK of many counts as two",
     test_window_grows_by_two_for_an_ack_of_many_after_a_time_out},
    {"a lost tail waits for the time-out", test_lost_tail_waits_for_the_time_out},
    {"duplicate ACKs of two losses do not add up",
     test_duplicate_acks_of_two_losses_do_not_add_up},
    {"lost ACKs do not matter", test_lost_acks_do_not_matter},
    {"a closed window is probed and opens", test_closed_window_is_probed_and_opens},
    {"a lost window update is made good",
     test_window_update_lost_is_made_good_by_a_probe},
    {"the path MTU is found and remembered", test_path_mtu_is_found_and_remembered},
    {0},
};

VS_TESTS("transport/tcp: sending")

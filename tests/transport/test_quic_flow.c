/* Flow control and pacing of QUIC: what limits cost in round trips, that none of them leaks, and
 * when datagrams go. */
#include "quic_fixture.h"

static Web *
limited_new(const NetConfig *config, VsQuicLimits limits, bool is_paced)
{
    VsQuicConfig quic = quic_config(2048, false);

    quic.limits = limits;
    quic.is_paced = is_paced;
    return web_new_with(config, &quic);
}

static VsQuicConnection *
server_connection(const Web *web)
{
    size_t cursor = 0;
    VsKey key;
    void *value = NULL;

    CU_ASSERT_FATAL(vs_table_next(&web->server.quic->by_id, &cursor, &key, &value));
    return value;
}

/* Headers and frames of the answer take less than 100 bytes more than its body. */
#define BODY (20 * 1000 - 100)

/* A window of 1000 bytes, of the stream or of all: as many go in a round trip, so 20 of them
 * bring 20,000 bytes; all of what is read is told at once, with each 500 bytes. */
static void
test_a_window_goes_in_a_round_trip(void)
{
    static const VsQuicLimits limits[] = {{.stream_data = 1000}, {.data = 1000}};

    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        Web *web = limited_new(&long_way, limits[i], false);
        uint64_t before;

        web->answer_bytes[1] = BODY;
        get_at(web, 0, 0);
        get_at(web, 1, VS_S);
        net_run(web->net, VS_S - 1);
        before = web->server.quic->n_blocked;
        net_run(web->net, 3 * VS_S / 2);
        check_answered(web, 1, VS_S + 20 * RTT);
        CU_ASSERT_EQUAL(web->server.quic->n_blocked - before, 19);
        CU_ASSERT_EQUAL(web->server.quic->n_lost, 0);
        web_free(web);
    }
}

/* 20,000 bytes are 18 datagrams: 10 at once, the others a round trip later.  Windows that have
 * room for them make no difference. */
static void
test_a_wide_window_does_not_matter(void)
{
    static const VsQuicLimits limits[] = {
        {0}, {.data = 100000, .stream_data = 50000, .streams = 100}};

    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        Web *web = limited_new(&long_way, limits[i], false);

        web->answer_bytes[1] = BODY;
        get_at(web, 0, 0);
        get_at(web, 1, VS_S);
        net_run(web->net, 3 * VS_S / 2);
        check_answered(web, 1, VS_S + 2 * RTT);
        CU_ASSERT_EQUAL(web->server.quic->n_blocked, 0);
        web_free(web);
    }
}

/* One stream at a time: the next leaves when the server has heard that the answer arrived, which
 * waits for the time of an ACK, and the client that it may. */
static void
test_streams_wait_for_one_another(void)
{
    enum { N = 6 };
    Web *web = limited_new(&long_way, (VsQuicLimits){.streams = 1}, false);

    get_at(web, 0, 0);
    for (unsigned i = 1; i <= N; i++) {
        get_at(web, i, VS_S);
    }
    net_run(web->net, 2 * VS_S);
    for (unsigned i = 1; i <= N; i++) {
        check_answered(web, i, VS_S + RTT + (i - 1) * (2 * RTT + VS_QUIC_ACK_DELAY));
    }
    /* Of all but the last, and of the one before: each stands for a limit of one more. */
    CU_ASSERT_EQUAL(vs_http3_client_quic(web->client.http3)->n_blocked, N - 1);
    web_free(web);
}

/* Small limits, and 3% of all datagrams lost: whatever told of a limit is told again. */
static void
test_lost_limits_are_told_again(void)
{
    static const NetConfig line = {.bits_per_s = 100000000, .delay = 5 * VS_MS};
    Web *web = limited_new(
        &line, (VsQuicLimits){.data = 9000, .stream_data = 3000, .streams = 3}, false);

    web->net->to_a.loss_ppm = web->net->to_b.loss_ppm = 30000;
    for (unsigned i = 0; i < N_GETS; i++) {
        web->answer_bytes[i] = 3000 * (i + 1);
        get_at(web, i, i * 2 * VS_MS);
    }
    net_run(web->net, 200 * VS_S);
    for (unsigned i = 0; i < N_GETS; i++) {
        CU_ASSERT_EQUAL(web->gets[i].status, 200);
        CU_ASSERT_EQUAL(web->gets[i].accounted, web->gets[i].over_at);
    }
    CU_ASSERT(web->server.quic->n_lost > 0);
    CU_ASSERT(web->server.quic->n_blocked > 0);
    web->net->to_a.loss_ppm = web->net->to_b.loss_ppm = 0;
    web_free(web);
}

/* What a cancelled stream had of the connection's window is given back, datagrams on their way
 * included: the windows of both sides agree after it. */
static void
test_a_cancelled_stream_gives_back_its_share(void)
{
    static const NetConfig slow = {.bits_per_s = 10000000, .delay = VS_MS};
    Web *web = limited_new(&slow, (VsQuicLimits){.data = 20000}, false);
    const VsQuicConnection *server;

    get_at(web, 0, 0);
    for (unsigned i = 1; i < 9; i++) {
        VsTime at = VS_S + i * 100 * VS_MS;

        web->answer_bytes[i] = 10000000;
        get_at(web, i, at);
        web->net->to_a.loss_ppm = 50000;
        net_at(web->net->a, at + 50 * VS_MS, cancel_now, &web->gets[i]);
    }
    web->answer_bytes[9] = 100000;
    get_at(web, 9, 3 * VS_S);
    net_run(web->net, 3 * VS_S - 1);
    web->net->to_a.loss_ppm = 0;
    net_run(web->net, 4 * VS_S);
    CU_ASSERT_EQUAL(web->gets[9].status, 200);
    server = server_connection(web);
    CU_ASSERT(server->flow.sent > 8 * 20000);
    CU_ASSERT(server->flow.send_max - server->flow.sent >= 10000);
    CU_ASSERT(server->flow.send_max - server->flow.sent <= 20000);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->streams), 0);
    web_free(web);
}

/* A long answer has opened the window; of the next, 30 datagrams, ten go at once, and one each
 * 4/5 * srtt * 1200 / cwnd after them, before an ACK changes anything.  Not paced, all go at once. */
static void
test_pacing(void)
{
    enum { N = 30 };
    static const NetConfig line = {.bits_per_s = 10000000000, .delay = DELAY};

    for (unsigned is_paced = 0; is_paced < 2; is_paced++) {
        Web *web = limited_new(&line, (VsQuicLimits){0}, is_paced);
        const VsQuicRecovery *recovery;
        VsTime interval;
        unsigned n_before;

        web->answer_bytes[1] = 150000;
        web->answer_bytes[2] = N * 1150;
        get_at(web, 0, 0);
        get_at(web, 1, VS_S);
        get_at(web, 2, 2 * VS_S);
        net_run(web->net, 2 * VS_S - 1);
        recovery = &server_connection(web)->recovery;
        CU_ASSERT(recovery->congestion.cwnd > 2 * N * VS_QUIC_DATAGRAM_BYTES);
        interval = (VsTime)((double)recovery->srtt * 0.8 * VS_QUIC_DATAGRAM_BYTES /
                            recovery->congestion.cwnd);
        n_before = web->net->to_a.n_seen;
        net_run(web->net, 2 * VS_S + RTT + RTT / 2);
        CU_ASSERT(web->net->to_a.n_seen >= n_before + N);
        for (unsigned i = 0; i < N; i++) {
            VsTime at = tap_get(&web->net->to_a, n_before + i)->time;
            VsTime expected =
                2 * VS_S + RTT + (is_paced && i >= 10 ? (VsTime)(i - 9) * interval : 0);

            /* A datagram may have some bytes less. */
            CU_ASSERT(at >= expected - interval / 20 && at < expected + SLACK);
        }
        CU_ASSERT(interval * (N - 10) > 10 * SLACK);
        web_free(web);
    }
}

static const VsTestCase tests[] = {
    {"a window goes in a round trip", test_a_window_goes_in_a_round_trip},
    {"a wide window does not matter", test_a_wide_window_does_not_matter},
    {"streams wait for one another", test_streams_wait_for_one_another},
    {"lost limits are told again", test_lost_limits_are_told_again},
    {"a cancelled stream gives back its share",
     test_a_cancelled_stream_gives_back_its_share},
    {"pacing", test_pacing},
    {0},
};
VS_TESTS("flow control of QUIC")

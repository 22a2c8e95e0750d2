/* QUIC and HTTP/3 between two hosts: round trips, the limit of threefold, losses, streams that
 * do not wait for one another, and where the time of a request goes. */
#include "quic_fixture.h"

#include "transport/quic_internal.h"

#define PTO_INITIAL (999 * VS_MS) /* 333 ms and four times half of it. */

static Web *
web_new(const NetConfig *config, uint32_t certificate_bytes, bool is_early)
{
    VsQuicConfig quic = quic_config(certificate_bytes, is_early);

    return web_new_with(config, &quic);
}

/* A round trip before a request leaves, where TCP has one, TCP with TLS 1.3 two, and with TLS
 * 1.2 three (test_tls.c); resumed with early data none. */
static void
test_round_trips_before_a_request(void)
{
    for (unsigned is_early = 0; is_early < 2; is_early++) {
        Web *web = web_new(&long_way, 2048, is_early);

        get_at(web, 0, 0);
        get_at(web, 1, VS_S);      /* On the open connection. */
        get_at(web, 2, 10 * VS_S); /* On another, resumed. */
        net_run(web->net, 12 * VS_S);
        check_answered(web, 0, 2 * RTT);
        check_answered(web, 1, VS_S + RTT);
        check_answered(web, 2, 10 * VS_S + (is_early ? 1 : 2) * RTT);
        CU_ASSERT_EQUAL(web->client.n_connects, 2);
        CU_ASSERT_EQUAL(web->server.quic->n_resumed, 1);
        CU_ASSERT_EQUAL(web->server.quic->n_early, is_early);
        CU_ASSERT_EQUAL(web->server.quic->n_probes, 0);
        web_free(web);
    }
}

/* Datagrams of the handshake are 1200 bytes long, both ways. */
static void
test_initial_datagrams_are_padded(void)
{
    Web *web = web_new(&long_way, 200, false);

    get_at(web, 0, 0);
    net_run(web->net, VS_S);
    CU_ASSERT_EQUAL(tap_get(&web->net->to_b, 0)->payload_bytes, 1200);
    CU_ASSERT_EQUAL(tap_get(&web->net->to_a, 0)->payload_bytes, 1200);
    web_free(web);
}

/* A server may send three datagrams for the first of the client: what the chain has beyond
 * them waits a round trip for the client's answer. */
static void
test_a_long_chain_costs_a_round_trip(void)
{
    Web *web = web_new(&long_way, 6000, false);

    get_at(web, 0, 0);
    net_run(web->net, VS_S);
    check_answered(web, 0, 3 * RTT);
    for (unsigned i = 0; i < 4; i++) {
        VsTime time = tap_get(&web->net->to_a, i)->time;

        CU_ASSERT(time < (i < 3 ? 1 : 2) * RTT + SLACK);
        CU_ASSERT(i < 3 || time >= 2 * RTT);
    }
    web_free(web);
}

static void
test_a_lost_initial_is_repaired_by_a_probe(void)
{
    Web *web = web_new(&long_way, 2048, false);

    web->net->to_b.lost[0] = 1;
    get_at(web, 0, 0);
    net_run(web->net, 5 * VS_S);
    check_answered(web, 0, PTO_INITIAL + 2 * RTT);
    CU_ASSERT_EQUAL(vs_http3_client_quic(web->client.http3)->n_probes, 1);
    web_free(web);
}

/* All three datagrams of the server's first flight are lost: it may send no more, and it is
 * the client that probes. */
static void
test_a_server_at_its_limit_waits_for_the_client(void)
{
    Web *web = web_new(&long_way, 6000, false);

    for (unsigned i = 0; i < 3; i++) {
        web->net->to_a.lost[i] = i + 1;
    }
    get_at(web, 0, 0);
    net_run(web->net, 5 * VS_S);
    CU_ASSERT_EQUAL(web->gets[0].status, 200);
    CU_ASSERT(web->gets[0].over_at >= PTO_INITIAL + 2 * RTT);
    CU_ASSERT(tap_get(&web->net->to_a, 3)->time >= PTO_INITIAL + RTT);
    CU_ASSERT_EQUAL(web->gets[0].accounted, web->gets[0].over_at);
    web_free(web);
}

/* Two answers, a datagram each; the first is lost.  The second comes in its time; the ACK for
 * that tells of the gap, and 9/8 of a round trip after it was sent the first goes again: of the
 * smoothed one, in which an ACK that came 25 ms late may have its eighth (RFC 9002 section 5.3
 * takes that off only where no less than the shortest round trip is left). */
static void
test_a_loss_holds_up_no_other_stream(void)
{
    Web *web = web_new(&long_way, 2048, false);
    VsTime repaired = VS_S + DELAY + RTT * 9 / 8 + DELAY;
    VsTime late = VS_QUIC_ACK_DELAY / 8 * 9 / 8;

    get_at(web, 0, 0);
    net_run(web->net, VS_S - 1);
    web->net->to_a.lost[0] = web->net->to_a.n_seen + 1;
    get_at(web, 1, VS_S);
    get_at(web, 2, VS_S);
    net_run(web->net, 2 * VS_S);
    check_answered(web, 2, VS_S + RTT);
    CU_ASSERT_EQUAL(web->gets[1].status, 200);
    CU_ASSERT(web->gets[1].over_at >= repaired);
    CU_ASSERT(web->gets[1].over_at < repaired + late + SLACK);
    CU_ASSERT_EQUAL(web->gets[1].accounted, web->gets[1].over_at);
    CU_ASSERT_EQUAL(web->server.quic->n_lost, 1);
    CU_ASSERT_EQUAL(web->server.quic->n_probes, 0);
    web_free(web);
}

/* Streams take turns: of two long answers the second does not wait for the first, which takes
 * 800 ms by itself, but for the window that this has filled before. */
static void
test_streams_take_turns(void)
{
    static const NetConfig slow = {.bits_per_s = 10000000, .delay = VS_MS};
    Web *web = web_new(&slow, 2048, false);

    web->answer_bytes[1] = web->answer_bytes[2] = 1000000;
    get_at(web, 0, 0);
    get_at(web, 1, VS_S);
    get_at(web, 2, VS_S);
    net_run(web->net, 20 * VS_S);
    CU_ASSERT_EQUAL(web->gets[1].status, 200);
    CU_ASSERT_EQUAL(web->gets[2].status, 200);
    CU_ASSERT(ABS(web->gets[2].over_at - web->gets[1].over_at) < 20 * VS_MS);
    web_free(web);
}

/* Datagrams of 1200 bytes, of which 1163 or more are the answer's, at line rate. */
static void
test_a_transfer_fills_the_line(void)
{
    static const NetConfig line = {.bits_per_s = 100000000, .delay = 5 * VS_MS};
    enum { BYTES = 20000000 };
    Web *web = web_new(&line, 2048, false);
    VsTime best = (VsTime)(BYTES / 1170 + 1) * (1200 + 28 + 38) * 80 * VS_NS;

    web->answer_bytes[1] = BYTES;
    get_at(web, 0, 0);
    get_at(web, 1, VS_S);
    net_run(web->net, 10 * VS_S);
    CU_ASSERT_EQUAL(web->gets[1].status, 200);
    CU_ASSERT(web->gets[1].over_at - VS_S > best);
    CU_ASSERT(web->gets[1].over_at - VS_S < best + best / 20);
    CU_ASSERT_EQUAL(web->server.quic->n_lost, 0);
    CU_ASSERT_EQUAL(web->gets[1].accounted, web->gets[1].over_at);
    web_free(web);
}

static void
test_all_arrives_under_random_loss(void)
{
    static const NetConfig line = {.bits_per_s = 100000000, .delay = 5 * VS_MS};
    Web *web = web_new(&line, 6000, true);

    web->net->to_a.loss_ppm = web->net->to_b.loss_ppm = 30000;
    for (unsigned i = 0; i < N_GETS; i++) {
        web->answer_bytes[i] = 3000 * (i + 1);
        get_at(web, i, i < 24 ? i * 20 * VS_MS : i * 4 * VS_S);
    }
    net_run(web->net, 200 * VS_S);
    for (unsigned i = 0; i < N_GETS; i++) {
        CU_ASSERT_EQUAL(web->gets[i].status, 200);
        CU_ASSERT_EQUAL(web->gets[i].accounted, web->gets[i].over_at);
    }
    CU_ASSERT(web->server.quic->n_lost > 0);
    web->net->to_a.loss_ppm = web->net->to_b.loss_ppm = 0;
    web_free(web);
}

/* Nobody listens: the ICMP error tells it. */
static void
test_a_closed_port_refuses(void)
{
    Web *web = web_new(&long_way, 2048, false);

    get_at(web, 0, 0);
    web->gets[0].exchange.port = PORT + 1;
    net_run(web->net, VS_S);
    CU_ASSERT(web->gets[0].has_failed);
    CU_ASSERT_EQUAL(web->gets[0].end, VS_TCP_END_REFUSED);
    web_free(web);
}

static void
forget_now(void *web_)
{
    const Web *web = web_;
    size_t cursor = 0;
    VsKey key;
    void *connection = NULL;

    CU_ASSERT_FATAL(
        vs_table_next(&web->server.quic->by_id, &cursor, &key, &connection));
    vs_quic_end(connection, VS_TCP_END_TIMED_OUT);
}

/* A server that does not know the connection any more: the client hears it at once. */
static void
test_a_server_that_forgot_resets(void)
{
    Web *web = web_new(&long_way, 2048, false);

    get_at(web, 0, 0);
    net_at(web->net->b, VS_S / 2, forget_now, web);
    get_at(web, 1, VS_S);
    get_at(web, 2, VS_S + VS_S / 2);
    net_run(web->net, 2 * VS_S);
    CU_ASSERT(web->gets[1].has_failed);
    CU_ASSERT_EQUAL(web->gets[1].end, VS_TCP_END_RESET);
    CU_ASSERT(web->gets[1].over_at < VS_S + RTT + SLACK);
    check_answered(web, 2, VS_S + VS_S / 2 + 2 * RTT);
    web_free(web);
}

/* A millisecond after its last answer the client closes: the server forgets the connection three
 * times the time of a probe after it hears of it, long before silence would have ended it, and the
 * next request has one of its own. */
static void
test_an_idle_client_closes(void)
{
    VsHttp3Config http3 = {.quic = quic_config(2048, false), .close_after = VS_MS};
    Web *web = web_new_http3(&long_way, &http3);
    const VsQuic *client = vs_http3_client_quic(web->client.http3);
    VsTime over = 2 * RTT + VS_MS;
    uint32_t n_before;

    get_at(web, 0, 0);
    net_run(web->net, over - 1);
    CU_ASSERT_EQUAL(client->n_closed, 0);
    net_run(web->net, over + DELAY - VS_MS / 2);
    CU_ASSERT_EQUAL(client->n_closed, 1);
    n_before = web->net->to_b.n_seen;
    net_run(web->net, over + DELAY + SLACK);
    CU_ASSERT_EQUAL(web->net->to_b.n_seen, n_before + 1);
    /* A short header, a number of one byte, the frame, and a tag. */
    CU_ASSERT_EQUAL(tap_get(&web->net->to_b, n_before)->payload_bytes,
                    1 + 8 + 1 + 4 + 16);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->connections), 1);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->sents), 0);
    net_run(web->net,
            over + DELAY + 3 * (RTT + 4 * RTT / 2 + VS_QUIC_ACK_DELAY) + SLACK);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->connections), 0);
    get_at(web, 1, VS_S);
    net_run(web->net, 2 * VS_S);
    check_answered(web, 1, VS_S + 2 * RTT);
    CU_ASSERT_EQUAL(web->client.n_connects, 2);
    web_free(web);
}

/* CONNECTION_CLOSE is lost: what the server sends again is answered with another. */
static void
test_a_lost_close_is_sent_again(void)
{
    VsHttp3Config http3 = {.quic = quic_config(2048, false), .close_after = VS_MS};
    Web *web = web_new_http3(&long_way, &http3);

    get_at(web, 0, 0);
    net_run(web->net, 2 * RTT + VS_MS / 2 + DELAY);
    web->net->to_b.lost[0] = web->net->to_b.n_seen + 1;
    net_run(web->net, 2 * RTT + 500 * VS_MS);
    CU_ASSERT_EQUAL(vs_http3_client_quic(web->client.http3)->n_closed, 1);
    CU_ASSERT(web->server.quic->n_probes > 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->sents), 0);
    web_free(web);
}

/* What is cancelled is not answered to the end. */
static void
test_a_cancelled_stream_is_reset(void)
{
    static const NetConfig slow = {.bits_per_s = 10000000, .delay = VS_MS};
    Web *web = web_new(&slow, 2048, false);

    web->answer_bytes[1] = 10000000;
    get_at(web, 0, 0);
    get_at(web, 1, VS_S);
    net_at(web->net->a, VS_S + 200 * VS_MS, cancel_now, &web->gets[1]);
    net_run(web->net, VS_S + 300 * VS_MS);
    CU_ASSERT_EQUAL(web->gets[1].over_at, NEVER);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->streams), 0);
    web_free(web);
}

static const VsTestCase tests[] = {
    {"round trips before a request", test_round_trips_before_a_request},
    {"initial datagrams are padded", test_initial_datagrams_are_padded},
    {"a long chain costs a round trip", test_a_long_chain_costs_a_round_trip},
    {"a lost initial is repaired by a probe",
     test_a_lost_initial_is_repaired_by_a_probe},
    {"a server at its limit waits for the client",
     test_a_server_at_its_limit_waits_for_the_client},
    {"a loss holds up no other stream", test_a_loss_holds_up_no_other_stream},
    {"streams take turns", test_streams_take_turns},
    {"a transfer fills the line", test_a_transfer_fills_the_line},
    {"all arrives under random loss", test_all_arrives_under_random_loss},
    {"a closed port refuses", test_a_closed_port_refuses},
    {"an idle client closes", test_an_idle_client_closes},
    {"a lost close is sent again", test_a_lost_close_is_sent_again},
    {"a server that forgot resets", test_a_server_that_forgot_resets},
    {"a cancelled stream is reset", test_a_cancelled_stream_is_reset},
    {0},
};
VS_TESTS("quic")

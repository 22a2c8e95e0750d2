/* TLS: round trips before data may leave, tickets, early data, what goes over the wire. */
#include "fixture.h"

#include "transport/tls_internal.h"

/* So long a way that flights count, not their lengths. */
static const NetConfig far_away = {.bits_per_s = 10000000000, .delay = 100 * VS_MS};

enum { REQUEST_BYTES = 1000 };

static const VsTlsConfig client_1_2 = {.version = VS_TLS_1_2, .is_resuming = true};
static const VsTlsConfig client_1_3 = {.version = VS_TLS_1_3, .is_resuming = true};
static const VsTlsConfig client_early = {
    .version = VS_TLS_1_3, .is_resuming = true, .is_early = true};
static const VsTlsConfig client_forgetful = {.version = VS_TLS_1_3};
static const VsTlsConfig server_1_2 = {.version = VS_TLS_1_2,
                                       .certificate_bytes = 3000};
static const VsTlsConfig server_1_3 = {.version = VS_TLS_1_3,
                                       .certificate_bytes = 3000};
static const VsTlsConfig server_early = {
    .version = VS_TLS_1_3, .certificate_bytes = 3000, .is_early = true};

/* A connection that says it is ready, sends a request and gets its answer; the time until it
 * was ready, and until the answer, in round trips. */
typedef struct Visit {
    unsigned until_ready;
    unsigned until_answer;
    VsTime answered_at;
} Visit;

static unsigned
round_trips(VsTime time)
{
    return (unsigned)((time + 100 * VS_MS) / (200 * VS_MS));
}

/* The owner of a client that asks as soon as it may. */
static void
asker_connected(VsTcp *tcp)
{
    Peer *peer = vs_tcp_user(tcp);

    if (peer->connected_at == NEVER) {
        peer->connected_at = vs_now(peer->run);
    }
    peer_send(peer, REQUEST_BYTES);
}

static Visit
visit(Net *net, const VsTlsConfig *config)
{
    VsTime began = vs_now(&net->run);
    VsTcpOps ops;
    Peer client;

    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    ops = *client.tcp->ops;
    ops.connected = asker_connected;
    client.tcp->ops = &ops;
    if (config) {
        vs_tls_start(client.tcp, config, NULL);
    }
    net_run(net, began + 3 * VS_S);
    CU_ASSERT_EQUAL(client.n_messages, 1);
    if (client.tcp) {
        vs_tcp_close(client.tcp);
    }
    net_run(net, VS_TIME_NEVER);
    return (Visit){round_trips(client.connected_at - began),
                   round_trips(client.message_at - began), client.message_at};
}

static void
serve(Server *server, Net *net, const VsTlsConfig *config)
{
    server_open(server, net, 16);
    server->like.reply_bytes = REQUEST_BYTES;
    server->like.is_closing_when_finished = true;
    if (config) {
        vs_tls_listen(&server->listener, config);
    }
}

static void
test_round_trips_before_a_request(void)
{
    static const struct {
        const VsTlsConfig *client, *server;
        unsigned first, again; /* Round trips until it may ask: fresh, and resumed. */
    } cases[] = {
        {NULL, NULL, 1, 1},
        {&client_1_3, &server_1_3, 2, 2},
        {&client_1_2, &server_1_3, 3, 2}, /* The lower version is spoken. */
        {&client_1_3, &server_1_2, 3, 2},
        {&client_1_2, &server_1_2, 3, 2},
        {&client_early, &server_early, 2, 1},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Net *net = net_new(&far_away);
        Server server;
        Visit first, again;

        serve(&server, net, cases[i].server);
        first = visit(net, cases[i].client);
        again = visit(net, cases[i].client);
        CU_ASSERT_EQUAL(first.until_ready, cases[i].first);
        CU_ASSERT_EQUAL(first.until_answer, cases[i].first + 1);
        CU_ASSERT_EQUAL(again.until_ready, cases[i].again);
        CU_ASSERT_EQUAL(again.until_answer, cases[i].again + 1);
        net_free(net);
    }
}

static void
test_tickets_are_counted_and_end(void)
{
    Net *net = net_new(&far_away);
    const VsTlsStats *stats;
    Server server;

    serve(&server, net, &server_1_3);
    visit(net, &client_1_3);
    stats = vs_tls_stats(net->a->root);
    CU_ASSERT_EQUAL(stats->n_full, 1);
    CU_ASSERT_EQUAL(stats->n_resumed, 0);
    visit(net, &client_1_3);
    CU_ASSERT_EQUAL(stats->n_resumed, 1);
    visit(net, &client_forgetful);
    CU_ASSERT_EQUAL(stats->n_full, 2);
    net_run(net, vs_now(&net->run) + 7300 * VS_S);
    visit(net, &client_1_3);
    CU_ASSERT_EQUAL(stats->n_full, 3);
    CU_ASSERT_EQUAL(vs_tls_stats(net->b->root)->n_full, 3);
    CU_ASSERT_EQUAL(vs_tls_stats(net->b->root)->n_resumed, 1);
    net_free(net);
}

/* The server has stopped taking early data since it gave the ticket: the request goes once
 * more, after the handshake. */
static void
test_refused_early_data_are_sent_again(void)
{
    Net *net = net_new(&far_away);
    Server server;
    Visit again;

    serve(&server, net, &server_early);
    visit(net, &client_early);
    vs_tls_listen(&server.listener, &server_1_3);
    again = visit(net, &client_early);
    CU_ASSERT_EQUAL(again.until_ready, 1);
    CU_ASSERT_EQUAL(again.until_answer, 3);
    CU_ASSERT_EQUAL(vs_tls_stats(net->a->root)->n_early, 0);
    vs_tls_listen(&server.listener, &server_early);
    CU_ASSERT_EQUAL(visit(net, &client_early).until_answer, 2);
    CU_ASSERT_EQUAL(vs_tls_stats(net->a->root)->n_early, 1);
    net_free(net);
}

/* When a visit has its answer, from its beginning. */
static VsTime
time_to_answer(Net *net, const VsTlsConfig *config)
{
    VsTime began = vs_now(&net->run);

    return visit(net, config).answered_at - began;
}

/* Each side's keys, and each side's ciphers for request and answer: all of it, and once. */
static void
test_work_takes_its_time(void)
{
    static const struct {
        VsTime sign, verify, resume, kib;
        VsTime first, again; /* What the work adds. */
    } cases[] = {
        {.sign = 120 * VS_US, .first = 120 * VS_US},
        {.verify = 150 * VS_US, .first = 150 * VS_US},
        {.resume = 60 * VS_US, .again = 2 * 60 * VS_US},
        {.kib = 1024 * VS_NS, .first = 3000 * VS_NS, .again = 3000 * VS_NS},
    };
    /* The flight before the request leaves the wire while that is ciphered. */
    const VsTime overlap = 200 * VS_NS;
    Net *net = net_new(&far_away);
    VsTime first, again, added;
    Server server;

    serve(&server, net, &server_1_3);
    first = time_to_answer(net, &client_1_3);
    again = time_to_answer(net, &client_1_3);
    net_free(net);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        net = net_new(&far_away);
        net->a->costs.tls_verify = cases[i].verify;
        net->b->costs.tls_sign = cases[i].sign;
        net->a->costs.tls_resume = net->b->costs.tls_resume = cases[i].resume;
        net->a->costs.tls_kib = net->b->costs.tls_kib = cases[i].kib;
        serve(&server, net, &server_1_3);
        added = time_to_answer(net, &client_1_3) - first;
        CU_ASSERT(added <= cases[i].first && added + overlap >= cases[i].first);
        added = time_to_answer(net, &client_1_3) - again;
        CU_ASSERT(added <= cases[i].again && added + overlap >= cases[i].again);
        net_free(net);
    }
}

static void
test_records_have_their_overhead(void)
{
    CU_ASSERT_EQUAL(vs_tls_sealed_bytes(VS_TLS_1_3, 1), 1 + 22);
    CU_ASSERT_EQUAL(vs_tls_sealed_bytes(VS_TLS_1_3, 16384), 16384 + 22);
    CU_ASSERT_EQUAL(vs_tls_sealed_bytes(VS_TLS_1_3, 16385), 16385 + 2 * 22);
    CU_ASSERT_EQUAL(vs_tls_sealed_bytes(VS_TLS_1_2, 100000), 100000 + 7 * 29);
}

static uint64_t
bytes_seen(const Tap *tap)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < tap->log->len; i++) {
        bytes += tap_get(tap, i)->payload_bytes;
    }
    return bytes;
}

/* Hello, certificate chain, Finished, tickets, and data in records. */
static void
test_flights_have_their_lengths(void)
{
    Net *net = net_new(&far_away);
    Server server;

    net->to_a.is_logging = net->to_b.is_logging = true;
    serve(&server, net, &server_1_3);
    visit(net, &client_1_3);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_b), 517 + 80 + REQUEST_BYTES + 22);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_a), 350 + 3000 + 510 + REQUEST_BYTES + 22);
    net_free(net);
}

/* A chain longer than ten segments does not fit the first window. */
static void
test_a_long_chain_costs_a_round_trip(void)
{
    const VsTlsConfig long_chain = {.version = VS_TLS_1_3, .certificate_bytes = 20000};
    Net *net = net_new(&far_away);
    Server server;

    serve(&server, net, &long_chain);
    CU_ASSERT_EQUAL(visit(net, &client_1_3).until_ready, 3);
    net_free(net);
}

static void
test_who_does_not_speak_tls_is_reset(void)
{
    Net *net = net_new(&far_away);
    Server server;
    Peer client;

    serve(&server, net, &server_1_3);
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    net_run(net, VS_S);
    peer_send(&client, REQUEST_BYTES);
    net_run(net, VS_TIME_NEVER);
    CU_ASSERT_EQUAL(client.end, VS_TCP_END_RESET);
    CU_ASSERT_EQUAL(client.n_messages, 0);
    net_free(net);
}

static const VsTlsConfig client_mutual = {
    .version = VS_TLS_1_3, .is_resuming = true, .certificate_bytes = 2000};
static const VsTlsConfig server_mutual = {
    .version = VS_TLS_1_3, .certificate_bytes = 3000, .is_mutual = true};

/* A request for a certificate, the chain, and that it is the client's; a resumed session has
 * shown it. */
static void
test_both_sides_show_certificates(void)
{
    Net *net = net_new(&far_away);
    Server server;
    Visit first;

    net->to_a.is_logging = net->to_b.is_logging = true;
    serve(&server, net, &server_mutual);
    first = visit(net, &client_mutual);
    CU_ASSERT_EQUAL(first.until_ready, 2);
    CU_ASSERT_EQUAL(first.until_answer, 3);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_b), 517 + 80 + 2000 + 100 + REQUEST_BYTES + 22);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_a), 350 + 3000 + 60 + 510 + REQUEST_BYTES + 22);
    visit(net, &client_mutual);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_b),
                    517 + 80 + 2000 + 100 + 517 + 80 + 2 * (REQUEST_BYTES + 22));
    CU_ASSERT_EQUAL(vs_tls_stats(net->b->root)->n_resumed, 1);
    net_free(net);
}

/* A certificate goes where it is asked for. */
static void
test_a_certificate_is_shown_on_request(void)
{
    Net *net = net_new(&far_away);
    Server server;

    net->to_b.is_logging = true;
    serve(&server, net, &server_1_3);
    visit(net, &client_mutual);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_b), 517 + 80 + REQUEST_BYTES + 22);
    net_free(net);
}

static void
test_mutual_work_takes_its_time(void)
{
    static const VsTime sign = 120 * VS_US, verify = 150 * VS_US;
    Net *net = net_new(&far_away);
    VsTime plain, added;
    Server server;

    serve(&server, net, &server_mutual);
    plain = time_to_answer(net, &client_mutual);
    net_free(net);
    net = net_new(&far_away);
    net->a->costs.tls_sign = net->b->costs.tls_sign = sign;
    net->a->costs.tls_verify = net->b->costs.tls_verify = verify;
    serve(&server, net, &server_mutual);
    added = time_to_answer(net, &client_mutual) - plain;
    /* The server's sign, the client's both; what the server verifies delays its tickets,
     * which go before the answer. */
    CU_ASSERT(added >= sign + verify + sign);
    CU_ASSERT(added <= sign + verify + sign + verify);
    net_free(net);
}

static VsTcpEnd
end_of(const VsTlsConfig *server_config, const VsTlsConfig *client_config)
{
    Net *net = net_new(&far_away);
    VsTcpEnd end;
    Server server;
    Peer client;

    serve(&server, net, server_config);
    peer_init(&client, &net->run);
    peer_connect(&client, net, NULL);
    vs_tls_start(client.tcp, client_config, NULL);
    net_run(net, VS_TIME_NEVER);
    end = client.end;
    net_free(net);
    return end;
}

static void
test_a_client_without_a_certificate_is_reset(void)
{
    CU_ASSERT_EQUAL(end_of(&server_mutual, &client_1_3), VS_TCP_END_RESET);
    CU_ASSERT_NOT_EQUAL(end_of(&server_mutual, &client_mutual), VS_TCP_END_RESET);
}

static void
test_a_permissive_server_takes_either(void)
{
    static const VsTlsConfig permissive = {.version = VS_TLS_1_3,
                                           .certificate_bytes = 3000,
                                           .is_mutual = true,
                                           .is_optional = true};
    Net *net = net_new(&far_away);
    Server server;

    net->to_b.is_logging = true;
    serve(&server, net, &permissive);
    CU_ASSERT_EQUAL(visit(net, NULL).until_answer, 2);
    CU_ASSERT_EQUAL(bytes_seen(&net->to_b), REQUEST_BYTES);
    CU_ASSERT_EQUAL(visit(net, &client_mutual).until_answer, 3);
    CU_ASSERT_EQUAL(vs_tls_stats(net->b->root)->n_full, 1);
    net_free(net);
}

static const VsTestCase tests[] = {
    {"round trips before a request", test_round_trips_before_a_request},
    {"tickets are counted and end", test_tickets_are_counted_and_end},
    {"refused early data are sent again", test_refused_early_data_are_sent_again},
    {"work takes its time", test_work_takes_its_time},
    {"records have their overhead", test_records_have_their_overhead},
    {"flights have their lengths", test_flights_have_their_lengths},
    {"a long chain costs a round trip", test_a_long_chain_costs_a_round_trip},
    {"who does not speak TLS is reset", test_who_does_not_speak_tls_is_reset},
    {"both sides show certificates", test_both_sides_show_certificates},
    {"a certificate is shown on request", test_a_certificate_is_shown_on_request},
    {"mutual work takes its time", test_mutual_work_takes_its_time},
    {"a client without a certificate is reset",
     test_a_client_without_a_certificate_is_reset},
    {"a permissive server takes either", test_a_permissive_server_takes_either},
    {0},
};
VS_TESTS("tls")

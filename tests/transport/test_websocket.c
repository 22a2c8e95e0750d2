/* WebSockets between two hosts: the upgrade, messages and their times, pings, the ways to
 * end. */
#include "fixture.h"

#include "packet/http.h"
#include "transport/websocket_server.h"

#define DELAY (10 * VS_MS)
#define RTT (2 * DELAY)

enum { N_ANSWERS = 8 };

typedef struct Web {
    Net *net;
    VsEntity entity;
    VsEntity server_entity;

    VsHttpServer server;
    VsWebSocketServer websockets;
    unsigned status; /* Of answers to messages. */
    uint64_t bytes;  /* Of them. */
    bool is_silent;  /* No messages are answered: 'kept' has the last one. */
    VsHttpRequest *kept;
    unsigned n_closed_there;

    VsTcp *tcp; /* Until it is a WebSocket. */
    VsWebSocketConfig config;
    VsWebSocketStats stats;
    VsWebSocket socket;
    VsTime opened_at;
    unsigned n_answers;
    VsTime answered_at[N_ANSWERS];
    uint32_t ids[N_ANSWERS];
    unsigned n_closed;
    unsigned code;
    bool has_missed_pong;
    VsTime closed_at;
} Web;

static void
web_request(VsHttpServer *server, VsHttpRequest *request)
{
    Web *web = server->user;

    if (request->payload.kind == VS_PAYLOAD_HTTP) {
        CU_ASSERT_TRUE(request->payload.http.is_upgrade);
        vs_websocket_server_accept(&web->websockets, request);
    } else if (web->is_silent) {
        web->kept = request;
    } else {
        vs_http_reply(request, web->status, web->bytes);
    }
}

static void
web_lost(VsHttpServer *server, VsHttpRequest *request)
{
    (void)server;
    (void)request;
}

static const VsHttpServerOps web_ops = {.request = web_request, .lost = web_lost};

static void
closed_there(VsWebSocketServer *server)
{
    VS_CONTAINER_OF(server, Web, websockets)->n_closed_there++;
}

static void
socket_message(VsWebSocket *socket, const VsPayload *payload)
{
    Web *web = VS_CONTAINER_OF(socket, Web, socket);

    web->ids[web->n_answers % N_ANSWERS] = payload->websocket.id;
    web->answered_at[web->n_answers++ % N_ANSWERS] = vs_now(&web->net->run);
}

static void
socket_closed(VsWebSocket *socket, unsigned code, bool has_missed_pong)
{
    Web *web = VS_CONTAINER_OF(socket, Web, socket);

    web->n_closed++;
    web->code = code;
    web->has_missed_pong = has_missed_pong;
    web->closed_at = vs_now(&web->net->run);
}

static const VsWebSocketOps socket_ops = {.message = socket_message,
                                          .closed = socket_closed};

static void
client_connected(VsTcp *tcp)
{
    Web *web = vs_tcp_user(tcp);
    VsNames *names = &web->net->run.packets->names;
    VsPayload payload = vs_http_new_request(names, "shop.example", "/", 0, false);

    payload.http.is_upgrade = true;
    vs_http_measure(&payload.http, names);
    vs_tcp_send(tcp, &payload, payload.http.head_bytes);
}

static void
client_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Web *web = vs_tcp_user(tcp);

    (void)bytes;
    CU_ASSERT_EQUAL(payload->http.status, 101);
    web->opened_at = vs_now(&web->net->run);
    vs_websocket_open(&web->socket, &web->config, &web->stats, tcp);
}

static void
client_finished(VsTcp *tcp)
{
    vs_tcp_close(tcp);
}

static void
client_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)tcp;
    (void)end;
}

static const VsTcpOps client_ops = {.connected = client_connected,
                                    .message = client_message,
                                    .finished = client_finished,
                                    .broken = client_broken};

/* Opened within two round trips; pings and pushes as given. */
static Web *
web_new(VsTime ping_here, VsTime ping_there, VsTime push_every)
{
    static const NetConfig long_way = {.bits_per_s = 100000000000, .delay = DELAY};
    Web *web = g_new0(Web, 1);
    VsWebSocketServerConfig server = {.entity = &web->server_entity,
                                      .name = "server",
                                      .ping_every = ping_there,
                                      .push_bytes = 70000,
                                      .closed = closed_there};

    web->net = net_new(&long_way);
    web->status = 200;
    web->bytes = 10;
    vs_entity_init(&web->entity, &web->net->a->part);
    vs_entity_init(&web->server_entity, &web->net->b->part);
    vs_dist_init_constant(&server.push_every, push_every);
    vs_http_server_open(&web->server, web->net->b->root, VS_ADDR_ANY, PORT, 64,
                        &web_ops, web);
    vs_websocket_server_open(&web->websockets, &web->server, &server);
    web->config = (VsWebSocketConfig){.entity = &web->entity,
                                      .ops = &socket_ops,
                                      .is_client = true,
                                      .ping_every = ping_here};
    web->tcp =
        vs_tcp_connect(web->net->a->root, 0, ADDRESS_B, PORT, NULL, &client_ops, web);
    net_run(web->net, 2 * RTT + VS_MS);
    CU_ASSERT_EQUAL_FATAL(web->websockets.n_open, 1);
    return web;
}

static void
web_free(Web *web)
{
    vs_websocket_server_kill(&web->websockets);
    vs_websocket_abort(&web->socket);
    net_run(web->net, VS_TIME_NEVER);
    net_free(web->net);
    vs_websocket_server_close(&web->websockets);
    vs_http_server_close(&web->server);
    g_free(web);
}

static void
send_message(Web *web, uint32_t id, uint64_t bytes)
{
    VsPayload payload = {.websocket = {.id = id, .bytes = bytes}};

    vs_websocket_send(&web->socket, &payload);
}

/* Bytes of data that arrived at 'tap' since 'from'. */
static uint64_t
data_since(const Tap *tap, VsTime from)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < tap->log->len; i++) {
        const Arrival *arrival = tap_get(tap, i);

        bytes += arrival->time >= from ? arrival->payload_bytes : 0;
    }
    return bytes;
}

static void
test_messages_have_headers(void)
{
    static const struct {
        uint64_t bytes;
        uint64_t there; /* On the wire, masked, */
        uint64_t back;  /* and as long an answer, not masked. */
    } sizes[] = {{0, 6, 2}, {125, 131, 127}, {126, 134, 130}, {65536, 65550, 65546}};

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        Web *web = web_new(0, 0, 0);
        VsTime now;

        now = vs_now(&web->net->run);
        web->bytes = sizes[i].bytes;
        send_message(web, 7, sizes[i].bytes);
        net_run(web->net, now + VS_S);
        CU_ASSERT_EQUAL(web->n_answers, 1);
        CU_ASSERT_EQUAL(web->ids[0], 7);
        CU_ASSERT_EQUAL(data_since(&web->net->to_b, now), sizes[i].there);
        CU_ASSERT_EQUAL(data_since(&web->net->to_a, now), sizes[i].back);
        web_free(web);
    }
}

/* A message takes a round trip, whatever number of others is under way. */
static void
test_messages_go_both_ways_at_once(void)
{
    Web *web = web_new(0, 0, 100 * VS_MS);
    VsTime now = vs_now(&web->net->run);

    send_message(web, 1, 100);
    send_message(web, 2, 100);
    net_run(web->net, now + 50 * VS_MS);
    CU_ASSERT_EQUAL(web->n_answers, 2);
    CU_ASSERT_EQUAL(web->ids[0], 1);
    CU_ASSERT_EQUAL(web->ids[1], 2);
    CU_ASSERT(web->answered_at[1] - now >= RTT &&
              web->answered_at[1] - now < RTT + VS_MS);
    /* Pushes, of several segments, from the server's opening on, half a round trip earlier. */
    net_run(web->net, now + 350 * VS_MS);
    CU_ASSERT_EQUAL(web->n_answers, 2 + 3);
    CU_ASSERT_EQUAL(web->ids[2], 0);
    CU_ASSERT_EQUAL(web->websockets.n_pushed, 3);
    web_free(web);
}

static void
test_pings_are_answered(void)
{
    Web *web = web_new(VS_S, 0, 0);

    net_run(web->net, web->opened_at + 5 * VS_S + RTT + VS_MS);
    CU_ASSERT_EQUAL(web->stats.n_pings, 5);
    CU_ASSERT_EQUAL(web->stats.n_pongs, 5);
    CU_ASSERT_EQUAL(web->n_closed, 0);
    web_free(web);
    web = web_new(0, VS_S, 0);
    net_run(web->net, 10 * VS_S);
    CU_ASSERT_EQUAL(web->websockets.stats.n_pings, 9);
    CU_ASSERT_EQUAL(web->websockets.stats.n_pongs, 9);
    web_free(web);
}

/* The ping of 2 s is lost with all that follows: at 3 s it is over. */
static void
test_a_ping_without_a_pong_ends_it(void)
{
    Web *web = web_new(VS_S, 0, 0);

    net_run(web->net, web->opened_at + VS_S + 500 * VS_MS);
    web->net->to_b.loss_ppm = 1000000;
    net_run(web->net, web->opened_at + 3 * VS_S - 1);
    CU_ASSERT_EQUAL(web->n_closed, 0);
    net_run(web->net, web->opened_at + 3 * VS_S);
    CU_ASSERT_EQUAL(web->n_closed, 1);
    CU_ASSERT_TRUE(web->has_missed_pong);
    CU_ASSERT_EQUAL(web->code, 1006);
    CU_ASSERT_EQUAL(web->closed_at, web->opened_at + 3 * VS_S);
    web->net->to_b.loss_ppm = 0;
    web_free(web);
}

/* Whoever begins: the other answers, and the server closes the connection. */
static void
test_either_end_closes(void)
{
    for (unsigned i = 0; i < 2; i++) {
        Web *web = web_new(0, 0, 0);
        VsTime now = vs_now(&web->net->run);

        if (i == 0) {
            vs_websocket_close(&web->socket, VS_WEBSOCKET_NORMAL);
            vs_websocket_close(&web->socket, VS_WEBSOCKET_GOING_AWAY); /* Too late. */
        } else {
            vs_websocket_server_drain(&web->websockets);
        }
        net_run(web->net, now + VS_S);
        CU_ASSERT_EQUAL(web->n_closed, 1);
        CU_ASSERT_EQUAL(web->n_closed_there, 1);
        CU_ASSERT_EQUAL(web->websockets.n_open, 0);
        CU_ASSERT_EQUAL(web->code, i == 0 ? 1000 : 1001);
        CU_ASSERT_FALSE(web->has_missed_pong);
        /* There and back; or back, there and the server's FIN back. */
        CU_ASSERT(web->closed_at - now >= (i == 0 ? RTT : RTT + DELAY));
        CU_ASSERT(web->closed_at - now < (i == 0 ? RTT : RTT + DELAY) + VS_MS);
        web_free(web);
    }
}

/* What was asked before is answered first. */
static void
test_a_server_drains_when_it_has_answered(void)
{
    Web *web = web_new(0, 0, 0);
    VsTime now = vs_now(&web->net->run);

    web->is_silent = true;
    send_message(web, 1, 10);
    net_run(web->net, now + RTT);
    vs_websocket_server_drain(&web->websockets);
    net_run(web->net, now + VS_S);
    CU_ASSERT_EQUAL(web->n_closed, 0);
    vs_http_reply(web->kept, 200, 10);
    net_run(web->net, now + 2 * VS_S);
    CU_ASSERT_EQUAL(web->n_answers, 1);
    CU_ASSERT_EQUAL(web->code, 1001);
    web_free(web);
}

static void
test_errors_have_codes(void)
{
    static const struct {
        unsigned status;
        unsigned code;
    } errors[] = {{503, 1013}, {500, 1011}, {502, 1011}};

    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        Web *web = web_new(0, 0, 0);

        web->status = errors[i].status;
        send_message(web, 1, 10);
        net_run(web->net, VS_S);
        CU_ASSERT_EQUAL(web->n_answers, 0);
        CU_ASSERT_EQUAL(web->n_closed, 1);
        CU_ASSERT_EQUAL(web->code, errors[i].code);
        web_free(web);
    }
}

/* A server that is killed resets; one whose client was never heard again gives up after its
 * close. */
static void
test_ends_without_a_word(void)
{
    Web *web = web_new(0, 0, 0);
    VsTime now;

    web->is_silent = true;
    send_message(web, 1, 10);
    net_run(web->net, VS_S);
    vs_websocket_server_kill(&web->websockets);
    vs_http_reply(web->kept, 200, 10); /* Nobody hears of it. */
    CU_ASSERT_EQUAL(web->server.n_lost, 1);
    net_run(web->net, 2 * VS_S);
    CU_ASSERT_EQUAL(web->code, 1006);
    CU_ASSERT_FALSE(web->has_missed_pong);
    web_free(web);

    web = web_new(0, 0, 0);
    now = vs_now(&web->net->run);
    web->net->to_b.loss_ppm = 1000000;
    vs_websocket_close(&web->socket, VS_WEBSOCKET_NORMAL);
    net_run(web->net, now + 10 * VS_S - 1);
    CU_ASSERT_EQUAL(web->n_closed, 0);
    net_run(web->net, now + 10 * VS_S);
    CU_ASSERT_EQUAL(web->code, 1006);
    web->net->to_b.loss_ppm = 0;
    web_free(web);
}

static const VsTestCase tests[] = {
    {"messages have headers", test_messages_have_headers},
    {"messages go both ways at once", test_messages_go_both_ways_at_once},
    {"pings are answered", test_pings_are_answered},
    {"a ping without a pong ends it", test_a_ping_without_a_pong_ends_it},
    {"either end closes", test_either_end_closes},
    {"a server drains when it has answered", test_a_server_drains_when_it_has_answered},
    {"errors have codes", test_errors_have_codes},
    {"ends without a word", test_ends_without_a_word},
    {0},
};
VS_TESTS("websocket")

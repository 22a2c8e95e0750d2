/* HTTP/2 between two hosts: bytes, windows, turns, limits, GOAWAY, and what a lost segment
 * does to it. */
#include "fixture.h"

#include "packet/http.h"
#include "transport/http2_client.h"
#include "transport/http2_server.h"

enum {
    N_GETS = 16,
    BIG = 16 * VS_HTTP2_WINDOW_BYTES,
};

#define DELAY (10 * VS_MS)
#define RTT (2 * DELAY)

/* A wire whose speed does not count beside its delay. */
static const NetConfig long_way = {.bits_per_s = 100000000000, .delay = DELAY};

/* An exchange, and when it was over. */
typedef struct Get {
    VsHttpExchange exchange;
    VsRun *run;
    VsTime over_at; /* NEVER. */
    unsigned status;
    unsigned n_failed;
} Get;

typedef struct Web {
    Net *net;
    VsEntity entity;
    VsHttpServer server;
    VsHttpClient client;
    uint64_t answer_bytes[N_GETS]; /* In order of arrival. */
    VsTime think;                  /* Before it answers; 0: at once. */
    unsigned n_requests;
    unsigned n_open;
    unsigned n_open_max;
    Get gets[N_GETS];
} Web;

static void
get_answered(VsHttpExchange *exchange, const VsHttp *answer)
{
    Get *get = VS_CONTAINER_OF(exchange, Get, exchange);

    get->over_at = vs_now(get->run);
    get->status = answer->status;
}

static void
get_failed(VsHttpExchange *exchange, VsTcpEnd end)
{
    Get *get = VS_CONTAINER_OF(exchange, Get, exchange);

    (void)end;
    get->over_at = vs_now(get->run);
    get->n_failed++;
}

static const VsHttpExchangeOps get_ops = {.answered = get_answered,
                                          .failed = get_failed};

static void
answer(void *request_)
{
    VsHttpRequest *request = request_;
    Web *web = request->server->user;

    web->n_open--;
    vs_http_reply(request, 200, (uint64_t)(uintptr_t)request->user);
}

static void
web_request(VsHttpServer *server, VsHttpRequest *request)
{
    Web *web = server->user;

    web->n_open++;
    web->n_open_max = MAX(web->n_open_max, web->n_open);
    request->user = (void *)(uintptr_t)web->answer_bytes[web->n_requests++ % N_GETS];
    if (web->think > 0) {
        net_at(web->net->b, vs_now(server->netns->run) + web->think, answer, request);
    } else {
        answer(request);
    }
}

static const VsHttpServerOps web_ops = {.request = web_request};

static Web *
web_new(const NetConfig *config, const VsHttp2ServerConfig *server, bool is_http2)
{
    Web *web = g_new0(Web, 1);
    VsHttp2ClientConfig http2 = {.entity = &web->entity,
                                 .name = "client",
                                 .n_channels = 1,
                                 .window = VS_HTTP2_WINDOW_BYTES};
    VsHttpClientConfig client = {.n_links_max = UINT32_MAX, .is_keep_alive = true};

    web->net = net_new(config);
    vs_entity_init(&web->entity, &web->net->a->part);
    vs_http_server_open(&web->server, web->net->b->root, VS_ADDR_ANY, PORT, 64,
                        &web_ops, web);
    vs_http_server_set_http2(&web->server, server, &web->net->b->entity, "server");
    client.netns = web->net->a->root;
    client.http2 = is_http2 ? &http2 : NULL;
    vs_http_client_open(&web->client, &client);
    return web;
}

static void
web_free(Web *web)
{
    net_run(web->net, vs_now(&web->net->run) + 400 * VS_S);
    net_free(web->net);
    vs_http_client_close(&web->client);
    vs_http_server_close(&web->server);
    g_free(web);
}

static void
send_now(void *get_)
{
    Get *get = get_;

    vs_http_client_send(get->exchange.client, &get->exchange);
}

/* GET / number 'index' at 'time'. */
static void
get_at(Web *web, unsigned index, VsTime time)
{
    Get *get = &web->gets[index];

    *get = (Get){.run = &web->net->run,
                 .over_at = NEVER,
                 .exchange = {.ops = &get_ops,
                              .client = &web->client,
                              .address = ADDRESS_B,
                              .port = PORT}};
    get->exchange.payload =
        vs_http_new_request(&web->net->run.packets->names, "b", "/", 0, false);
    net_at(web->net->a, time, send_now, get);
}

static const VsHttp2ServerConfig plain = {.n_streams = 128,
                                          .window = VS_HTTP2_WINDOW_BYTES};

/* Lengths of the segments with data that a tap has seen, in order. */
static void
check_lengths(const Tap *tap, const uint32_t *lengths, unsigned n)
{
    unsigned found = 0;

    for (unsigned i = 0; i < tap->log->len; i++) {
        uint32_t bytes = tap_get(tap, i)->payload_bytes;

        if (bytes > 0) {
            CU_ASSERT(found < n);
            if (found < n) {
                CU_ASSERT_EQUAL(bytes, lengths[found]);
            }
            found++;
        }
    }
    CU_ASSERT_EQUAL(found, n);
}

/* GET / of the host "b".  Fields: method, scheme and path a byte each; authority 1+1+1, the
 * second time 1; user-agent 2+1+7, accept 2+1+3: 22, then 20.  Answer: status 1, content-type
 * 2+1+9, content-length 2+1+4: 20. */
static void
test_bytes_on_the_wire(void)
{
    static const uint32_t to_server[] = {24 + 9, 9 + 22, 9, 9 + 20};
    static const uint32_t to_client[] = {9 + 6, 9, 9 + 20 + 9 + 1000,
                                         9 + 20 + 9 + 1000};
    Web *web = web_new(&long_way, &plain, true);

    web->answer_bytes[0] = web->answer_bytes[1] = 1000;
    get_at(web, 0, 0);
    get_at(web, 1, VS_S);
    net_run(web->net, 2 * VS_S);
    check_lengths(&web->net->to_b, to_server, G_N_ELEMENTS(to_server));
    check_lengths(&web->net->to_a, to_client, G_N_ELEMENTS(to_client));
    CU_ASSERT_EQUAL(web->gets[0].status, 200);
    CU_ASSERT_EQUAL(web->gets[1].status, 200);
    CU_ASSERT_EQUAL(web->client.n_connects, 1);
    web_free(web);
}

/* No more than 65 535 bytes a round trip: 16 windows take 16 of them, and 32 take 32. */
static void
test_window_limits_a_transfer(void)
{
    VsTcpConfig tcp = VS_TCP_CONFIG_DEFAULT;
    Web *web = web_new(&long_way, &plain, true);
    VsTime first, second;

    tcp.initial_window = 64; /* 93 440 bytes: the congestion window is no limit. */
    net_set_tcp(web->net, &tcp);
    web->answer_bytes[0] = web->answer_bytes[1] = BIG;
    web->answer_bytes[2] = 2 * BIG;
    get_at(web, 0, 0);
    get_at(web, 1, VS_S);
    get_at(web, 2, 2 * VS_S);
    net_run(web->net, 4 * VS_S);
    first = web->gets[1].over_at - VS_S;
    second = web->gets[2].over_at - 2 * VS_S;
    CU_ASSERT(first > 16 * RTT && first < 16 * RTT + RTT / 100);
    CU_ASSERT(second > 32 * RTT && second < 32 * RTT + RTT / 100);
    web_free(web);
}

/* Answers of 13 frames each.  The first has two with TCP before the second is asked for; then
 * they take turns, and it is there so much earlier.  A short one between waits for what is
 * under way (four frames are the connection's window) and for a turn of the others, not for all
 * that they have. */
static void
test_streams_take_turns(void)
{
    NetConfig slow = {.bits_per_s = 10000000, .delay = VS_MS};
    Web *web = web_new(&slow, &plain, true);
    /* A frame is a dozen segments. */
    VsTime frame = net_time(web->net, 16384 + 9 + 12 * DATA_WIRE_BYTES(0)) - VS_MS;
    VsTime apart;

    web->answer_bytes[0] = web->answer_bytes[1] = 13 * VS_HTTP2_DATA_MAX;
    web->answer_bytes[2] = 100;
    get_at(web, 0, 0);
    get_at(web, 1, 0);
    get_at(web, 2, 100 * VS_MS);
    net_run(web->net, VS_S);
    apart = web->gets[1].over_at - web->gets[0].over_at;
    CU_ASSERT(apart > frame && apart < 3 * frame);
    CU_ASSERT(web->gets[1].over_at > 26 * frame);
    CU_ASSERT(web->gets[1].over_at < 27 * frame);
    CU_ASSERT(web->gets[2].over_at > 100 * VS_MS + frame);
    CU_ASSERT(web->gets[2].over_at < 104 * VS_MS + 6 * frame);
    web_free(web);
}

/* Four at a time, of which each takes a second. */
static void
test_streams_beyond_the_limit_wait(void)
{
    static const VsHttp2ServerConfig four = {.n_streams = 4,
                                             .window = VS_HTTP2_WINDOW_BYTES};
    Web *web = web_new(&long_way, &four, true);

    web->think = VS_S;
    get_at(web, 0, 0); /* So that SETTINGS have come before the others go. */
    for (unsigned i = 1; i <= 8; i++) {
        get_at(web, i, 5 * VS_S);
    }
    net_run(web->net, 10 * VS_S);
    CU_ASSERT_EQUAL(web->n_open_max, 4);
    CU_ASSERT_EQUAL(web->client.n_waited, 4);
    for (unsigned i = 1; i <= 8; i++) {
        VsTime took = web->gets[i].over_at - 5 * VS_S;
        unsigned turns = i <= 4 ? 1 : 2;

        CU_ASSERT(took > turns * (VS_S + RTT) && took < turns * (VS_S + RTT) + VS_MS);
    }
    CU_ASSERT_EQUAL(vs_http_server_http2(&web->server)->n_refused, 0);
    web_free(web);
}

/* Sent before SETTINGS have come: the server refuses those beyond its limit, and the client
 * sends them again by itself. */
static void
test_refused_streams_are_sent_again(void)
{
    static const VsHttp2ServerConfig four = {.n_streams = 4,
                                             .window = VS_HTTP2_WINDOW_BYTES};
    Web *web = web_new(&long_way, &four, true);

    web->think = VS_S;
    for (unsigned i = 0; i < 8; i++) {
        get_at(web, i, 0);
    }
    net_run(web->net, 10 * VS_S);
    CU_ASSERT_EQUAL(vs_http_server_http2(&web->server)->n_refused, 4);
    CU_ASSERT_EQUAL(web->n_open_max, 4);
    CU_ASSERT_EQUAL(web->n_requests, 8);
    for (unsigned i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(web->gets[i].status, 200);
        CU_ASSERT_EQUAL(web->gets[i].n_failed, 0);
    }
    web_free(web);
}

/* One that is given up leaves the others alone. */
static void
cancel(void *get)
{
    vs_http_exchange_cancel(&((Get *)get)->exchange);
}

static void
test_cancelled_stream_is_reset_alone(void)
{
    Web *web = web_new(&long_way, &plain, true);

    web->think = VS_S;
    get_at(web, 0, 0);
    get_at(web, 1, 0);
    net_at(web->net->a, VS_S / 2, cancel, &web->gets[0]);
    net_run(web->net, 5 * VS_S);
    CU_ASSERT_EQUAL(web->gets[0].over_at, NEVER);
    CU_ASSERT_EQUAL(web->gets[1].status, 200);
    CU_ASSERT_EQUAL(web->server.n_lost, 1);
    CU_ASSERT_EQUAL(web->client.n_connects, 1);
    web_free(web);
}

/* Every 10 ms a request that takes a second, for a minute; connections end after five seconds,
 * and nothing is lost, whatever is under way then. */
static void
test_goaway_loses_nothing(void)
{
    static const VsHttp2ServerConfig aging = {
        .n_streams = 1000, .window = VS_HTTP2_WINDOW_BYTES, .max_age = 5 * VS_S};
    Web *web = web_new(&long_way, &aging, true);
    unsigned n_ok = 0;

    for (unsigned round = 0; round < 60; round++) {
        web->think = round % 2 == 0 ? VS_S / 2 : 0;
        for (unsigned i = 0; i < N_GETS; i++) {
            get_at(web, i, round * VS_S + i * 10 * VS_MS);
        }
        net_run(web->net, (round + 1) * VS_S);
        for (unsigned i = 0; i < N_GETS; i++) {
            n_ok += web->gets[i].status == 200;
            CU_ASSERT_EQUAL(web->gets[i].n_failed, 0);
        }
    }
    CU_ASSERT_EQUAL(n_ok, 60 * N_GETS);
    CU_ASSERT_EQUAL(web->n_requests, 60 * N_GETS);
    /* Ages of 4.5 to 5.5 s. */
    CU_ASSERT(web->client.n_connects >= 60 * 10 / 55);
    CU_ASSERT(web->client.n_connects <= 60 * 10 / 45 + 1);
    CU_ASSERT_EQUAL(web->client.n_links, 1);
    web_free(web);
}

/* What is under way longer than the grace is cut off. */
static void
test_grace_ends(void)
{
    static const VsHttp2ServerConfig hasty = {.n_streams = 128,
                                              .window = VS_HTTP2_WINDOW_BYTES,
                                              .max_age = 10 * VS_S,
                                              .max_age_grace = VS_S};
    Web *web = web_new(&long_way, &hasty, true);

    web->think = 30 * VS_S;
    get_at(web, 0, 0);
    net_run(web->net, 60 * VS_S);
    CU_ASSERT_EQUAL(web->gets[0].n_failed, 1);
    CU_ASSERT(web->gets[0].over_at > 10 * VS_S && web->gets[0].over_at < 12.1 * VS_S);
    CU_ASSERT_EQUAL(web->server.n_lost, 1);
    web_free(web);
}

/* Six answers of one segment each, sent one after another; the first one's segment is lost.
 * Over one connection the five others wait for it, over six none does. */
static void
test_lost_segment_holds_up_all_streams(void)
{
    for (unsigned is_http2 = 0; is_http2 <= 1; is_http2++) {
        Web *web = web_new(&long_way, &plain, is_http2);
        unsigned n_late = 0;

        for (unsigned i = 0; i < 6; i++) {
            web->answer_bytes[i] = web->answer_bytes[6 + i] = 500;
            get_at(web, i, 0); /* Opens the connections. */
            get_at(web, 6 + i, VS_S);
        }
        net_run(web->net, VS_S);
        web->net->to_a.lost[0] = web->net->to_a.n_seen + 1;
        net_run(web->net, 5 * VS_S);
        for (unsigned i = 0; i < 6; i++) {
            VsTime took = web->gets[6 + i].over_at - VS_S;

            CU_ASSERT_EQUAL(web->gets[6 + i].status, 200);
            n_late += took > RTT + RTT / 2;
            /* Three duplicate ACKs (of five segments) bring it after a round trip; alone, it
             * waits for the time-out, 200 ms and a smoothed round trip. */
            CU_ASSERT(took < (is_http2 ? 2 * RTT + VS_MS : 2 * RTT + 210 * VS_MS));
        }
        CU_ASSERT_EQUAL(n_late, is_http2 ? 6 : 1);
        CU_ASSERT_EQUAL(web->client.n_connects, is_http2 ? 1 : 6);
        web_free(web);
    }
}

/* Nobody listens: failed at once while the back-off lasts, which is 1 s at first and then
 * 1.6 s, give or take 20 %. */
static void
test_connections_back_off(void)
{
    Web *web = web_new(&long_way, &plain, true);
    unsigned n_syns = 0;

    vs_tcp_unlisten(&web->server.listener);
    for (unsigned i = 0; i < 10; i++) {
        get_at(web, i, i * VS_S / 2 + VS_MS);
    }
    net_run(web->net, 10 * VS_S);
    for (unsigned i = 0; i < 10; i++) {
        VsTime took = web->gets[i].over_at - (i * VS_S / 2 + VS_MS);

        CU_ASSERT_EQUAL(web->gets[i].n_failed, 1);
        CU_ASSERT(took == 0 || (took >= RTT && took < RTT + VS_MS) || i == 0);
        n_syns += took > 0;
    }
    /* Attempts at 0, 1 to 1.5, and 1.28 to 1.92 s later; then not before 2 s more. */
    CU_ASSERT(n_syns >= 3 && n_syns <= 4);
    CU_ASSERT_EQUAL(web->client.n_connects, n_syns);
    web_free(web);
}

static const VsTestCase tests[] = {
    {"bytes on the wire", test_bytes_on_the_wire},
    {"the window limits a transfer", test_window_limits_a_transfer},
    {"streams take turns", test_streams_take_turns},
    {"streams beyond the limit wait", test_streams_beyond_the_limit_wait},
    {"refused streams are sent again", test_refused_streams_are_sent_again},
    {"a cancelled stream is reset alone", test_cancelled_stream_is_reset_alone},
    {"GOAWAY loses nothing", test_goaway_loses_nothing},
    {"grace ends", test_grace_ends},
    {"a lost segment holds up all streams", test_lost_segment_holds_up_all_streams},
    {"connections back off", test_connections_back_off},
    {0},
};
VS_TESTS("http2")

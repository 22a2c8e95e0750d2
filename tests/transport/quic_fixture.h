/* HTTP/3 between two hosts: requests that are sent at a time, and checks of their answers. */
#pragma once

#include "fixture.h"

#include "packet/http.h"
#include "transport/http3.h"

enum {
    N_GETS = 32,
    SMALL = 500,
};

#define DELAY (10 * VS_MS)
#define RTT (2 * DELAY)
#define SLACK (100 * VS_US) /* More than all that a fast wire takes to send. */
#define IDLE (2 * VS_S)

/* A wire whose speed does not count beside its delay. */
static const NetConfig long_way = {.bits_per_s = 100000000000, .delay = DELAY};

/* An exchange, and when it was over. */
typedef struct Get {
    VsHttpExchange exchange;
    VsJourney journey;
    VsRun *run;
    VsTime over_at; /* NEVER. */
    VsTime accounted;
    unsigned status;
    VsTcpEnd end;
    bool has_failed;
} Get;

typedef struct Web {
    Net *net;
    VsHttpServer server;
    VsHttpClient client;
    uint64_t answer_bytes[N_GETS]; /* In order of arrival. */
    unsigned n_requests;
    Get gets[N_GETS];
} Web;

static inline void
get_answered(VsHttpExchange *exchange, const VsHttp *answer)
{
    Get *get = VS_CONTAINER_OF(exchange, Get, exchange);

    get->over_at = vs_now(get->run);
    get->accounted = get->journey.accounted;
    get->status = answer->status;
    vs_journey_end(&get->journey);
}

static inline void
get_failed(VsHttpExchange *exchange, VsTcpEnd end)
{
    Get *get = VS_CONTAINER_OF(exchange, Get, exchange);

    get->over_at = vs_now(get->run);
    get->has_failed = true;
    get->end = end;
    vs_journey_end(&get->journey);
}

static const VsHttpExchangeOps get_ops = {.answered = get_answered,
                                          .failed = get_failed};

static inline void
web_request(VsHttpServer *server, VsHttpRequest *request)
{
    Web *web = server->user;

    vs_http_reply(request, 200, web->answer_bytes[web->n_requests++ % N_GETS]);
}

static const VsHttpServerOps web_ops = {.request = web_request};

/* Both sides have the settings 'http3'. */
static inline Web *
web_new_http3(const NetConfig *config, const VsHttp3Config *http3)
{
    Web *web = g_new0(Web, 1);
    VsHttpClientConfig client = {.http3 = http3};

    web->net = net_new(config);
    for (unsigned i = 0; i < N_GETS; i++) {
        web->answer_bytes[i] = SMALL;
    }
    CU_ASSERT(vs_http3_server_open(&web->server, web->net->b->root, VS_ADDR_ANY, PORT,
                                   http3, &web_ops, web));
    client.netns = web->net->a->root;
    vs_http_client_open(&web->client, &client);
    return web;
}

/* The same of QUIC. */
static inline Web *
web_new_with(const NetConfig *config, const VsQuicConfig *quic)
{
    VsHttp3Config http3 = {.quic = *quic};

    return web_new_http3(config, &http3);
}

static inline VsQuicConfig
quic_config(uint32_t certificate_bytes, bool is_early)
{
    return (VsQuicConfig){.tls = {.version = VS_TLS_1_3,
                                  .certificate_bytes = certificate_bytes,
                                  .is_resuming = true,
                                  .is_early = is_early},
                          .idle = IDLE};
}

/* Checks that nothing is left of connections, and no packet without an end. */
static inline void
web_free(Web *web)
{
    net_run(web->net, vs_now(&web->net->run) + 100 * VS_S);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->net->run.packets->quics), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->connections), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->streams), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->sents), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&web->server.quic->spans), 0);
    CU_ASSERT_EQUAL(
        vs_pool_n_used(&vs_http3_client_quic(web->client.http3)->connections), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&vs_http3_client_quic(web->client.http3)->spans), 0);
    net_free(web->net);
    for (unsigned i = 0; i < N_GETS; i++) {
        vs_journey_clear(&web->gets[i].journey);
    }
    vs_http_client_close(&web->client);
    vs_http_server_close(&web->server);
    g_free(web);
}

static inline void
send_now(void *get_)
{
    Get *get = get_;

    vs_journey_start(&get->journey, vs_now(get->run));
    vs_payload_set_journey(&get->exchange.payload, &get->journey);
    vs_http_client_send(get->exchange.client, &get->exchange);
}

static inline void
cancel_now(void *get_)
{
    Get *get = get_;

    vs_http_exchange_cancel(&get->exchange);
}

/* GET / number 'index' at 'time'. */
static inline void
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

/* Get 'index' was answered at 'time', give or take what sending took, and all of its time is
 * some stage's. */
static inline void
check_answered(const Web *web, unsigned index, VsTime time)
{
    const Get *get = &web->gets[index];

    CU_ASSERT_EQUAL(get->status, 200);
    CU_ASSERT(get->over_at >= time);
    CU_ASSERT(get->over_at < time + SLACK);
    CU_ASSERT_EQUAL(get->accounted, get->over_at);
}

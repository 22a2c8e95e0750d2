#include "transport/http3.h"

#include <glib.h>

#include "net/host.h"
#include "packet/http2.h"
#include "packet/packet.h"
#include "transport/http_server_internal.h"

enum { QPACK_PREFIX_BYTES = 2 };

struct VsHttp3Client {
    VsHttpClient *owner;
    VsQuic quic;
    VsQuicConnection *connection; /* Open, or about to be; or NULL. */
    VsHttpExchangeList pending;   /* Until it is. */
    VsTime close_after;           /* 0: never. */
    VsTimer close;
};

/* Type and length of a frame, and what it has. */
static uint64_t
frame_bytes(uint64_t bytes)
{
    return 1 + vs_quic_varint_bytes(bytes) + bytes;
}

uint64_t
vs_http3_bytes(const VsHttp *http, const VsNames *names)
{
    VsHttp2Frames frames = {.http = *http, .set = VS_HTTP2_HEADERS | VS_HTTP2_HTTPS};
    uint64_t fields =
        vs_http2_bytes(&frames, names) - VS_HTTP2_FRAME_BYTES + QPACK_PREFIX_BYTES;

    return frame_bytes(fields) + (http->body_bytes ? frame_bytes(http->body_bytes) : 0);
}

/* ---- Client ---- */

static void
start(VsHttp3Client *client, VsHttpExchange *exchange)
{
    if (exchange->ops->sending) {
        exchange->ops->sending(exchange);
    }
    exchange->quic = vs_quic_request(
        client->connection, &exchange->payload,
        vs_http3_bytes(&exchange->payload.http,
                       &client->owner->config.netns->run->packets->names),
        exchange);
}

static void
client_ready(VsQuicConnection *connection)
{
    VsHttp3Client *client = connection->user;
    VsHttpExchange *exchange;

    while (client->pending.first && vs_quic_may_request(connection)) {
        exchange = vs_http_exchange_pop(&client->pending);
        start(client, exchange);
    }
}

static bool
is_idle(const VsHttp3Client *client)
{
    for (VsQuicStream *stream = client->connection->streams; stream;
         stream = stream->next) {
        if (stream->user) {
            return false;
        }
    }
    return client->pending.first == NULL;
}

static void
close_due(VsTimer *timer)
{
    VsHttp3Client *client = VS_CONTAINER_OF(timer, VsHttp3Client, close);
    VsQuicConnection *connection = client->connection;

    if (connection && is_idle(client)) {
        client->connection = NULL;
        vs_quic_shut(connection);
    }
}

/* An exchange is over: it may have been the last. */
static void
arm_close(VsHttp3Client *client)
{
    if (client->close_after > 0) {
        vs_timer_arm(&client->close,
                     vs_now(client->owner->config.netns->run) + client->close_after);
    }
}

static void
client_message(VsQuicStream *stream, const VsPayload *payload)
{
    VsHttpExchange *exchange = stream->user;

    stream->user = NULL;
    exchange->quic = NULL;
    arm_close(stream->connection->user);
    exchange->ops->answered(exchange, &payload->http);
}

/* Owners may send again at once, on another connection. */
static void
client_ended(VsQuicConnection *connection, VsTcpEnd end)
{
    VsHttp3Client *client = connection->user;
    VsHttpExchangeList pending = client->pending;
    VsHttpExchange *exchange;

    vs_timer_cancel(&client->close);
    client->connection = NULL;
    client->pending = (VsHttpExchangeList){NULL, NULL};
    for (VsHttpExchange *at = pending.first; at; at = at->next) {
        at->queue = &pending;
    }
    for (VsQuicStream *stream = connection->streams; stream; stream = stream->next) {
        exchange = stream->user;
        stream->user = NULL;
        if (exchange) {
            exchange->quic = NULL;
            exchange->ops->failed(exchange, end);
        }
    }
    while ((exchange = vs_http_exchange_pop(&pending))) {
        exchange->ops->failed(exchange, end);
    }
}

static const VsQuicOps client_ops = {
    .ready = client_ready, .message = client_message, .ended = client_ended};

VsHttp3Client *
vs_http3_client_new(VsHttpClient *owner, const VsHttp3Config *config)
{
    VsHttp3Client *client = g_new0(VsHttp3Client, 1);

    client->owner = owner;
    client->close_after = config->close_after;
    vs_timer_init(&client->close, &owner->config.netns->host->entity, close_due);
    vs_quic_open(&client->quic, owner->config.netns, &config->quic, &client_ops,
                 client);
    return client;
}

void
vs_http3_client_free(VsHttp3Client *client)
{
    if (client) {
        vs_timer_cancel(&client->close);
        vs_quic_close(&client->quic);
        g_free(client);
    }
}

bool
vs_http3_client_has_connection(const VsHttp3Client *client)
{
    return client->connection != NULL;
}

const VsQuic *
vs_http3_client_quic(const VsHttp3Client *client)
{
    return &client->quic;
}

void
vs_http3_client_send(VsHttp3Client *client, VsHttpExchange *exchange)
{
    vs_timer_cancel(&client->close);
    if (!client->connection) {
        client->connection =
            vs_quic_connect(&client->quic, exchange->address, exchange->port,
                            vs_payload_journey(&exchange->payload), client);
        client->owner->n_connects++;
    }
    if (!client->connection) {
        exchange->ops->failed(exchange, VS_TCP_END_NO_PORT);
    } else if (!client->pending.first && vs_quic_may_request(client->connection)) {
        start(client, exchange);
    } else {
        vs_http_exchange_push(&client->pending, exchange);
    }
}

void
vs_http3_exchange_cancel(VsHttpExchange *exchange)
{
    VsQuicStream *stream = exchange->quic;

    exchange->quic = NULL;
    arm_close(stream->connection->user);
    vs_quic_cancel(stream);
}

/* ---- Server ---- */

static void
server_message(VsQuicStream *stream, const VsPayload *payload)
{
    const VsQuic *quic = stream->connection->quic;
    VsHttpServer *server = quic->user;
    const VsHttpRequest begun = {.server = server,
                                 .quic = stream,
                                 .is_first = stream->number == 0,
                                 .payload = *payload,
                                 .arrived = vs_now(server->netns->run)};
    VsHttpRequest *request = vs_http_request_add(server, &begun);

    stream->user = request;
    server->n_connections = quic->n_connections;
    server->n_requests++;
    server->ops->request(server, request);
}

/* The answer will go nowhere. */
static void
server_reset(VsQuicStream *stream)
{
    VsHttpRequest *request = stream->user;

    request->quic = NULL;
}

static void
server_ended(VsQuicConnection *connection, VsTcpEnd end)
{
    (void)end;
    for (VsQuicStream *stream = connection->streams; stream; stream = stream->next) {
        if (stream->user) {
            server_reset(stream);
        }
    }
}

static const VsQuicOps server_ops = {
    .message = server_message, .reset = server_reset, .ended = server_ended};

bool
vs_http3_server_open(VsHttpServer *server, VsNetns *netns, VsAddr address,
                     uint16_t port, const VsHttp3Config *config,
                     const VsHttpServerOps *ops, void *user)
{
    vs_http_server_init(server, netns, ops, user);
    server->quic = g_new0(VsQuic, 1);
    return vs_quic_listen(server->quic, netns, address, port, &config->quic,
                          &server_ops, server);
}

void
vs_http3_answer(VsQuicStream *stream, const VsPayload *payload)
{
    const VsNames *names = &stream->connection->quic->netns->run->packets->names;

    stream->user = NULL;
    vs_quic_answer(stream, payload, vs_http3_bytes(&payload->http, names));
}

void
vs_http3_server_free(VsQuic *quic)
{
    if (quic) {
        vs_quic_close(quic);
        g_free(quic);
    }
}

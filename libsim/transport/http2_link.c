#include <glib.h>

#include "packet/packet.h"
#include "transport/http2_client_internal.h"

#define BACKOFF_BASE VS_S
#define BACKOFF_MAX (120 * VS_S)
#define CONNECT_TIMEOUT (20 * VS_S)

enum {
    BACKOFF_FACTOR_TENTHS = 16,
    BACKOFF_JITTER_PERCENT = 20,
    CONNECTIONS_A_SLAB = 16,
};

/* A connection of TCP; 'link' is NULL when it is only kept for what is under way. */
struct VsHttp2Connection {
    VsHttp2Channel *channel;
    VsHttp2Link *link;
    VsTcp *tcp;
    VsHttp2Session *session; /* NULL: not connected yet. */
};

static const VsTcpOps connection_ops;
static const VsHttp2Ops session_ops;
static void link_due(VsTimer *timer);

void
vs_http2_links_open(VsHttp2Client *client)
{
    const VsHttpClientConfig *config = &client->owner->config;
    VsHttp2Config http2 = {.is_tls = config->tls != NULL,
                           .n_streams = UINT32_MAX,
                           .window = client->config.window};

    vs_http2_open(&client->http2, config->netns, &http2, &session_ops);
    vs_pool_init(&client->connections, sizeof(VsHttp2Connection), CONNECTIONS_A_SLAB);
}

void
vs_http2_links_close(VsHttp2Client *client)
{
    vs_http2_close(&client->http2);
    vs_pool_clear(&client->connections);
}

VsHttp2Link *
vs_http2_link_new(VsHttp2Channel *channel, VsAddr address, uint16_t port)
{
    VsHttp2Link *link = g_new0(VsHttp2Link, 1);

    link->channel = channel;
    link->address = address;
    link->port = port;
    vs_timer_init(&link->timer, channel->client->config.entity, link_due);
    return link;
}

void
vs_http2_link_connect(VsHttp2Link *link, VsJourney *journey)
{
    VsHttp2Client *client = link->channel->client;
    const VsHttpClientConfig *config = &client->owner->config;
    VsHttp2Connection *connection = vs_pool_alloc(&client->connections);

    *connection = (VsHttp2Connection){.channel = link->channel, .link = link};
    link->state = VS_HTTP2_LINK_CONNECTING;
    link->connection = connection;
    link->began = vs_http2_client_now(client);
    client->owner->n_links++;
    client->owner->n_connects++;
    vs_timer_arm(&link->timer, link->began + CONNECT_TIMEOUT);
    connection->tcp =
        vs_tcp_connect_from(config->netns, &config->origin, link->address, link->port,
                            journey, &connection_ops, connection);
    if (config->tls) {
        vs_tls_start(connection->tcp, config->tls, journey);
    }
}

/* Nobody hears of the connection any more. */
static void
connection_free(VsHttp2Connection *connection)
{
    VsHttp2Client *client = connection->channel->client;

    vs_tcp_set_user(connection->tcp, NULL);
    if (connection->session) {
        vs_http2_session_free(connection->session);
    }
    client->owner->n_links--;
    vs_pool_free(&client->connections, connection);
}

static VsTime
draw_backoff(VsHttp2Client *client, uint32_t n_failures)
{
    VsTime backoff = BACKOFF_BASE;
    VsTime jitter;

    for (uint32_t i = 1; i < n_failures && backoff < BACKOFF_MAX; i++) {
        backoff = MIN(backoff * BACKOFF_FACTOR_TENTHS / 10, BACKOFF_MAX);
    }
    if (n_failures <= 1) {
        return backoff;
    }
    jitter = backoff / 100 * BACKOFF_JITTER_PERCENT;
    return backoff - jitter +
           (VsTime)vs_rng_below(&client->rng, 2 * (uint64_t)jitter + 1);
}

/* The link has lost its connection, which is free for what is under way. */
static void
link_detach(VsHttp2Link *link)
{
    link->connection->link = NULL;
    link->connection = NULL;
    link->state = VS_HTTP2_LINK_IDLE;
    vs_timer_cancel(&link->timer);
}

void
vs_http2_link_hand_on(VsHttp2Link *link)
{
    VsHttpExchangeList waiting;
    VsHttpExchange *exchange;

    vs_http2_take_all(&link->waiting, &waiting);
    while ((exchange = vs_http_exchange_pop(&waiting))) {
        vs_http2_channel_send(link->channel, exchange);
    }
}

void
vs_http2_link_send(VsHttp2Link *link, VsHttpExchange *exchange)
{
    VsHttp2Session *session = link->connection->session;

    if (!vs_http2_session_has_room(session)) {
        link->channel->client->owner->n_waited++;
        vs_http_exchange_push(&link->waiting, exchange);
        return;
    }
    if (exchange->ops->sending) {
        exchange->ops->sending(exchange);
    }
    exchange->stream = vs_http2_request(session, &exchange->payload, exchange);
}

void
vs_http2_link_free(VsHttp2Link *link)
{
    VsHttp2Connection *connection = link->connection;

    if (connection) {
        link_detach(link);
        if (connection->session) {
            vs_http2_session_drain(connection->session);
        } else {
            VsTcp *tcp = connection->tcp;

            connection_free(connection);
            vs_tcp_abort(tcp);
        }
    }
    vs_timer_cancel(&link->timer);
    g_free(link);
}

/* Events. -------------------------------------------------------------------------- */

static void
link_failed(VsHttp2Link *link, VsTcpEnd end)
{
    VsHttp2Channel *channel = link->channel;
    VsHttp2Client *client = channel->client;

    link_detach(link);
    channel->end = end;
    if (client->config.is_without_backoff) {
        vs_http2_channel_fail(channel);
        return;
    }
    link->n_failures++;
    link->state = VS_HTTP2_LINK_FAILED;
    vs_timer_arm(&link->timer,
                 MAX(vs_http2_client_now(client),
                     link->began + draw_backoff(client, link->n_failures)));
    vs_http2_client_ask(client);
    vs_http2_channel_flush(channel);
}

static void
link_due(VsTimer *timer)
{
    VsHttp2Link *link = VS_CONTAINER_OF(timer, VsHttp2Link, timer);

    if (link->state == VS_HTTP2_LINK_CONNECTING) {
        VsHttp2Connection *connection = link->connection;
        VsTcp *tcp = connection->tcp;

        link_failed(link, VS_TCP_END_TIMED_OUT);
        connection_free(connection);
        vs_tcp_abort(tcp);
    } else {
        link->state = VS_HTTP2_LINK_IDLE;
        if (vs_http2_is_round_robin(link->channel)) {
            vs_http2_link_connect(link, NULL);
        }
    }
}

/* An open connection is gone, or about to be. */
static void
link_lost(VsHttp2Link *link)
{
    VsHttp2Channel *channel = link->channel;

    link_detach(link);
    vs_http2_client_ask(channel->client);
    if (vs_http2_is_round_robin(channel)) {
        vs_http2_link_connect(link, NULL);
    }
    vs_http2_link_hand_on(link);
}

static void
connection_connected(VsTcp *tcp)
{
    VsHttp2Connection *connection = vs_tcp_user(tcp);
    VsHttp2Link *link = connection ? connection->link : NULL;

    if (link) {
        vs_timer_cancel(&link->timer);
        link->state = VS_HTTP2_LINK_READY;
        link->n_failures = 0;
        connection->session =
            vs_http2_session_new(&link->channel->client->http2, tcp, connection);
        vs_http2_channel_flush(link->channel);
    }
}

/* It has ended, and with it all that is under way on it. */
static void
connection_lost(VsHttp2Connection *connection, VsTcpEnd end)
{
    VsHttp2Session *session = connection->session;
    VsHttp2Link *link = connection->link;

    if (session) {
        session->is_closed = true;
    }
    if (link && session) {
        link_lost(link);
    } else if (link) {
        link_failed(link, end);
    }
    while (session && session->streams) {
        VsHttp2Stream *stream = session->streams;
        VsHttpExchange *exchange = stream->user;

        exchange->stream = NULL;
        vs_http2_cancel(stream);
        exchange->ops->failed(exchange, end);
    }
    connection_free(connection);
}

static void
connection_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsHttp2Connection *connection = vs_tcp_user(tcp);

    (void)bytes;
    if (connection && !vs_http2_session_receive(connection->session, payload)) {
        connection_lost(connection, VS_TCP_END_RESET);
        vs_tcp_abort(tcp);
    }
}

static void
connection_finished(VsTcp *tcp)
{
    VsHttp2Connection *connection = vs_tcp_user(tcp);

    vs_tcp_close(tcp);
    if (connection) {
        connection_lost(connection, VS_TCP_END_RESET);
    }
}

static void
connection_broken(VsTcp *tcp, VsTcpEnd end)
{
    VsHttp2Connection *connection = vs_tcp_user(tcp);

    if (connection) {
        connection_lost(connection, end);
    }
}

static void
connection_sendable(VsTcp *tcp)
{
    VsHttp2Connection *connection = vs_tcp_user(tcp);

    if (connection && connection->session) {
        vs_http2_session_continue(connection->session);
    }
}

static const VsTcpOps connection_ops = {
    .connected = connection_connected,
    .message = connection_message,
    .finished = connection_finished,
    .broken = connection_broken,
    .sendable = connection_sendable,
};

static void
session_message(VsHttp2Stream *stream, const VsPayload *payload)
{
    VsHttpExchange *exchange = stream->user;

    exchange->stream = NULL;
    exchange->ops->answered(exchange, &payload->http);
}

/* What the server has not begun may be sent again, whatever it does (RFC 9113 section 8.7). */
static void
session_reset(VsHttp2Stream *stream, bool is_untouched)
{
    VsHttp2Connection *connection = stream->session->user;
    VsHttpExchange *exchange = stream->user;

    exchange->stream = NULL;
    if (is_untouched) {
        vs_payload_renew_journey(&exchange->payload);
        vs_http2_channel_send(connection->channel, exchange);
    } else {
        exchange->ops->failed(exchange, VS_TCP_END_RESET);
    }
}

static void
session_going_away(VsHttp2Session *session)
{
    VsHttp2Connection *connection = session->user;

    if (connection->link) {
        link_lost(connection->link);
    }
}

static void
session_has_room(VsHttp2Session *session)
{
    VsHttp2Connection *connection = session->user;
    VsHttp2Link *link = connection->link;

    while (link && link->waiting.first && vs_http2_session_has_room(session)) {
        vs_http2_link_send(link, vs_http_exchange_pop(&link->waiting));
    }
}

static void
session_drained(VsHttp2Session *session)
{
    vs_http2_session_close(session);
    connection_free(session->user);
}

static const VsHttp2Ops session_ops = {
    .message = session_message,
    .reset = session_reset,
    .going_away = session_going_away,
    .has_room = session_has_room,
    .drained = session_drained,
};

#include "transport/http2_client.h"

#include <glib.h>

#include "base/rng.h"
#include "packet/packet.h"

#define BACKOFF_BASE VS_S
#define BACKOFF_MAX (120 * VS_S)
#define CONNECT_TIMEOUT (20 * VS_S)
#define RESOLVE_INTERVAL (30 * VS_S)

enum {
    BACKOFF_FACTOR_TENTHS = 16,
    BACKOFF_JITTER_PERCENT = 20,
    CONNECTIONS_A_SLAB = 16,
};

typedef struct Channel Channel;
typedef struct Link Link;

/* A connection of TCP; 'link' is NULL when it is only kept for what is under way. */
typedef struct Connection {
    Channel *channel;
    Link *link;
    VsTcp *tcp;
    VsHttp2Session *session; /* NULL: not connected yet. */
} Connection;

typedef enum LinkState {
    LINK_IDLE,
    LINK_CONNECTING,
    LINK_READY,
    LINK_FAILED, /* For a back-off. */
} LinkState;

/* An address of the server: a subchannel, as gRPC calls it. */
struct Link {
    Channel *channel;
    VsAddr address;
    uint16_t port;
    LinkState state;
    Connection *connection;     /* CONNECTING, READY. */
    VsTime began;               /* The last attempt. */
    uint32_t n_failures;        /* In sequence. */
    VsTimer timer;              /* CONNECTING: time-out; FAILED: end of the back-off. */
    VsHttpExchangeList waiting; /* READY: for a stream. */
};

struct Channel {
    VsHttp2Client *client;
    GPtrArray *links;           /* Of Link, in order of the answer. */
    unsigned next;              /* Round robin: whose turn it is. */
    VsHttpExchangeList pending; /* For a connection. */
    VsTcpEnd end;               /* Why the last attempt has failed. */
};

struct VsHttp2Client {
    VsHttpClient *owner;
    VsHttp2ClientConfig config;
    VsHttp2 http2;
    VsPool connections;
    Channel *channels;
    uint32_t next; /* Channel. */
    VsRng rng;
    VsTime resolved_at;
    VsTimer resolve;
};

static const VsTcpOps connection_ops;
static const VsHttp2Ops session_ops;
static void channel_send(Channel *channel, VsHttpExchange *exchange);
static void resolve_due(VsTimer *timer);
static void link_due(VsTimer *timer);

VsHttp2Client *
vs_http2_client_new(VsHttpClient *owner, const VsHttp2ClientConfig *config)
{
    VsNetns *netns = owner->config.netns;
    VsHttp2Config http2 = {.is_tls = owner->config.tls != NULL,
                           .n_streams = UINT32_MAX,
                           .window = config->window};
    VsHttp2Client *client = g_new0(VsHttp2Client, 1);

    client->owner = owner;
    client->config = *config;
    vs_http2_open(&client->http2, netns, &http2, &session_ops);
    vs_pool_init(&client->connections, sizeof(Connection), CONNECTIONS_A_SLAB);
    client->channels = g_new0(Channel, config->n_channels);
    for (uint32_t i = 0; i < config->n_channels; i++) {
        client->channels[i].client = client;
        client->channels[i].links = g_ptr_array_new_with_free_func(g_free);
    }
    vs_rng_init(&client->rng, netns->run->seed, config->name, "connection-backoff");
    vs_timer_init(&client->resolve, config->entity, resolve_due);
    return client;
}

void
vs_http2_client_free(VsHttp2Client *client)
{
    if (client) {
        for (uint32_t i = 0; i < client->config.n_channels; i++) {
            g_ptr_array_free(client->channels[i].links, TRUE);
        }
        g_free(client->channels);
        vs_http2_close(&client->http2);
        vs_pool_clear(&client->connections);
        g_free(client);
    }
}

const VsHttp2 *
vs_http2_client_http2(const VsHttp2Client *client)
{
    return &client->http2;
}

static VsTime
now_of(const VsHttp2Client *client)
{
    return vs_now(client->config.entity->run);
}

static bool
is_round_robin(const Channel *channel)
{
    return channel->client->config.policy == VS_GRPC_ROUND_ROBIN;
}

static Link *
link_at(const Channel *channel, unsigned index)
{
    return channel->links->pdata[index];
}

/* Names. --------------------------------------------------------------------------- */

static void
resolve_due(VsTimer *timer)
{
    VsHttp2Client *client = VS_CONTAINER_OF(timer, VsHttp2Client, resolve);

    client->resolved_at = timer->due;
    client->config.resolve(client->config.user);
}

/* A connection has ended: the server may have moved. */
static void
ask_for_addresses(VsHttp2Client *client)
{
    if (client->config.resolve && !vs_timer_is_armed(&client->resolve)) {
        vs_timer_arm(&client->resolve,
                     MAX(now_of(client), client->resolved_at + RESOLVE_INTERVAL));
    }
}

/* Links. --------------------------------------------------------------------------- */

static void
link_connect(Link *link, VsJourney *journey)
{
    VsHttp2Client *client = link->channel->client;
    const VsHttpClientConfig *config = &client->owner->config;
    Connection *connection = vs_pool_alloc(&client->connections);

    *connection = (Connection){.channel = link->channel, .link = link};
    link->state = LINK_CONNECTING;
    link->connection = connection;
    link->began = now_of(client);
    client->owner->n_links++;
    client->owner->n_connects++;
    vs_timer_arm(&link->timer, link->began + CONNECT_TIMEOUT);
    connection->tcp = vs_tcp_connect(config->netns, 0, link->address, link->port,
                                     journey, &connection_ops, connection);
    if (config->tls) {
        vs_tls_start(connection->tcp, config->tls, journey);
    }
}

/* Nobody hears of the connection any more. */
static void
connection_free(Connection *connection)
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
link_detach(Link *link)
{
    link->connection->link = NULL;
    link->connection = NULL;
    link->state = LINK_IDLE;
    vs_timer_cancel(&link->timer);
}

/* Gives what waits at 'link' to the channel's others. */
static void
link_hand_on(Link *link)
{
    VsHttpExchangeList waiting = link->waiting;
    VsHttpExchange *exchange;

    link->waiting = (VsHttpExchangeList){NULL, NULL};
    for (VsHttpExchange *at = waiting.first; at; at = at->next) {
        at->queue = &waiting;
    }
    while ((exchange = vs_http_exchange_pop(&waiting))) {
        channel_send(link->channel, exchange);
    }
}

static void
link_send(Link *link, VsHttpExchange *exchange)
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

/* Channels. ------------------------------------------------------------------------ */

/* The link that a request is to use; NULL: none is there. */
static Link *
pick(Channel *channel)
{
    unsigned n = channel->links->len;

    for (unsigned i = 0; i < n; i++) {
        unsigned index = is_round_robin(channel) ? (channel->next + i) % n : i;

        if (link_at(channel, index)->state == LINK_READY) {
            channel->next = index + 1;
            return link_at(channel, index);
        }
    }
    return NULL;
}

/* Connects as the policy has it, where nothing is connected: all, or one after another.  The
 * first attempt may go with 'journey'.  False: all are left alone for now. */
static bool
channel_connect(Channel *channel, VsJourney *journey)
{
    bool is_connecting = false;

    for (unsigned i = 0; i < channel->links->len; i++) {
        is_connecting |= link_at(channel, i)->state == LINK_CONNECTING;
    }
    for (unsigned i = 0; i < channel->links->len; i++) {
        Link *link = link_at(channel, i);

        if (link->state == LINK_IDLE && (!is_connecting || is_round_robin(channel))) {
            link_connect(link, is_connecting ? NULL : journey);
            is_connecting = true;
        }
    }
    return is_connecting;
}

static void
channel_send(Channel *channel, VsHttpExchange *exchange)
{
    Link *link = pick(channel);

    if (link) {
        link_send(link, exchange);
    } else if (channel_connect(channel, vs_payload_journey(&exchange->payload))) {
        vs_http_exchange_push(&channel->pending, exchange);
    } else {
        exchange->ops->failed(exchange, channel->end);
    }
}

/* Who waits for a connection tries again: there may be one, or no hope for one. */
static void
channel_flush(Channel *channel)
{
    VsHttpExchangeList pending = channel->pending;
    VsHttpExchange *exchange;

    channel->pending = (VsHttpExchangeList){NULL, NULL};
    for (VsHttpExchange *at = pending.first; at; at = at->next) {
        at->queue = &pending;
    }
    while ((exchange = vs_http_exchange_pop(&pending))) {
        channel_send(channel, exchange);
    }
}

static Link *
find_link(const Channel *channel, VsAddr address)
{
    for (unsigned i = 0; i < channel->links->len; i++) {
        if (link_at(channel, i)->address == address) {
            return link_at(channel, i);
        }
    }
    return NULL;
}

/* The server has left that address: what is under way is finished. */
static void
link_free(Link *link)
{
    Connection *connection = link->connection;

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

static void
channel_set_addresses(Channel *channel, const VsAddr *addresses, unsigned n_addresses,
                      uint16_t port)
{
    GPtrArray *old = channel->links;
    VsHttp2Client *client = channel->client;

    channel->links = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < n_addresses; i++) {
        const Channel before = {.links = old};
        Link *link = find_link(&before, addresses[i]);

        if (find_link(channel, addresses[i])) {
            continue; /* Told twice. */
        }
        if (!link) {
            link = g_new0(Link, 1);
            link->channel = channel;
            link->address = addresses[i];
            link->port = port;
            vs_timer_init(&link->timer, client->config.entity, link_due);
        }
        g_ptr_array_add(channel->links, link);
    }
    for (unsigned i = 0; i < old->len; i++) {
        Link *link = old->pdata[i];

        if (find_link(channel, link->address) != link) {
            link_hand_on(link);
            link_free(link);
        }
    }
    g_ptr_array_set_free_func(old, NULL);
    g_ptr_array_free(old, TRUE);
    if (is_round_robin(channel)) {
        channel_connect(channel, NULL);
    }
    channel_flush(channel);
}

void
vs_http2_client_set_addresses(VsHttp2Client *client, const VsAddr *addresses,
                              unsigned n_addresses, uint16_t port)
{
    client->resolved_at = now_of(client);
    for (uint32_t i = 0; i < client->config.n_channels; i++) {
        channel_set_addresses(&client->channels[i], addresses, n_addresses, port);
    }
}

bool
vs_http2_client_has_addresses(const VsHttp2Client *client)
{
    return client->channels[0].links->len > 0;
}

/* Events. -------------------------------------------------------------------------- */

static void
link_failed(Link *link, VsTcpEnd end)
{
    Channel *channel = link->channel;
    VsHttp2Client *client = channel->client;

    link_detach(link);
    link->n_failures++;
    link->state = LINK_FAILED;
    channel->end = end;
    vs_timer_arm(
        &link->timer,
        MAX(now_of(client), link->began + draw_backoff(client, link->n_failures)));
    ask_for_addresses(client);
    channel_flush(channel);
}

static void
link_due(VsTimer *timer)
{
    Link *link = VS_CONTAINER_OF(timer, Link, timer);

    if (link->state == LINK_CONNECTING) {
        Connection *connection = link->connection;
        VsTcp *tcp = connection->tcp;

        link_failed(link, VS_TCP_END_TIMED_OUT);
        connection_free(connection);
        vs_tcp_abort(tcp);
    } else {
        link->state = LINK_IDLE;
        if (is_round_robin(link->channel)) {
            link_connect(link, NULL);
        }
    }
}

/* An open connection is gone, or about to be. */
static void
link_lost(Link *link)
{
    Channel *channel = link->channel;

    link_detach(link);
    ask_for_addresses(channel->client);
    if (is_round_robin(channel)) {
        link_connect(link, NULL);
    }
    link_hand_on(link);
}

static void
connection_connected(VsTcp *tcp)
{
    Connection *connection = vs_tcp_user(tcp);
    Link *link = connection ? connection->link : NULL;

    if (link) {
        vs_timer_cancel(&link->timer);
        link->state = LINK_READY;
        link->n_failures = 0;
        connection->session =
            vs_http2_session_new(&link->channel->client->http2, tcp, connection);
        channel_flush(link->channel);
    }
}

/* It has ended, and with it all that is under way on it. */
static void
connection_lost(Connection *connection, VsTcpEnd end)
{
    VsHttp2Session *session = connection->session;
    Link *link = connection->link;

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
    Connection *connection = vs_tcp_user(tcp);

    (void)bytes;
    if (connection && !vs_http2_session_receive(connection->session, payload)) {
        connection_lost(connection, VS_TCP_END_RESET);
        vs_tcp_abort(tcp);
    }
}

static void
connection_finished(VsTcp *tcp)
{
    Connection *connection = vs_tcp_user(tcp);

    vs_tcp_close(tcp);
    if (connection) {
        connection_lost(connection, VS_TCP_END_RESET);
    }
}

static void
connection_broken(VsTcp *tcp, VsTcpEnd end)
{
    Connection *connection = vs_tcp_user(tcp);

    if (connection) {
        connection_lost(connection, end);
    }
}

static void
connection_sendable(VsTcp *tcp)
{
    Connection *connection = vs_tcp_user(tcp);

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
    Connection *connection = stream->session->user;
    VsHttpExchange *exchange = stream->user;

    exchange->stream = NULL;
    if (is_untouched) {
        vs_payload_renew_journey(&exchange->payload);
        channel_send(connection->channel, exchange);
    } else {
        exchange->ops->failed(exchange, VS_TCP_END_RESET);
    }
}

static void
session_going_away(VsHttp2Session *session)
{
    Connection *connection = session->user;

    if (connection->link) {
        link_lost(connection->link);
    }
}

static void
session_has_room(VsHttp2Session *session)
{
    Connection *connection = session->user;
    Link *link = connection->link;

    while (link && link->waiting.first && vs_http2_session_has_room(session)) {
        link_send(link, vs_http_exchange_pop(&link->waiting));
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

/* Exchanges. ----------------------------------------------------------------------- */

void
vs_http2_client_send(VsHttp2Client *client, VsHttpExchange *exchange)
{
    Channel *channel = &client->channels[client->next];

    client->next = (client->next + 1) % client->config.n_channels;
    if (!vs_http2_client_has_addresses(client)) {
        vs_http2_client_set_addresses(client, &exchange->address, 1, exchange->port);
    }
    channel_send(channel, exchange);
}

void
vs_http2_exchange_cancel(VsHttpExchange *exchange)
{
    VsHttp2Stream *stream = exchange->stream;

    exchange->stream = NULL;
    vs_http2_cancel(stream);
}

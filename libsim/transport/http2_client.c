#include <glib.h>

#include "packet/packet.h"
#include "transport/http2_client_internal.h"

#define RESOLVE_INTERVAL (30 * VS_S)

static void resolve_due(VsTimer *timer);

VsHttp2Client *
vs_http2_client_new(VsHttpClient *owner, const VsHttp2ClientConfig *config)
{
    VsHttp2Client *client = g_new0(VsHttp2Client, 1);

    client->owner = owner;
    client->config = *config;
    vs_http2_links_open(client);
    client->channels = g_new0(VsHttp2Channel, config->n_channels);
    for (uint32_t i = 0; i < config->n_channels; i++) {
        client->channels[i].client = client;
        client->channels[i].links = g_ptr_array_new_with_free_func(g_free);
    }
    vs_rng_init(&client->rng, owner->config.netns->run->seed, config->name,
                "connection-backoff");
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
        vs_http2_links_close(client);
        g_free(client);
    }
}

const VsHttp2 *
vs_http2_client_http2(const VsHttp2Client *client)
{
    return &client->http2;
}

static VsHttp2Link *
link_at(const VsHttp2Channel *channel, unsigned index)
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

void
vs_http2_client_ask(VsHttp2Client *client)
{
    if (client->config.resolve && !vs_timer_is_armed(&client->resolve)) {
        vs_timer_arm(&client->resolve, MAX(vs_http2_client_now(client),
                                           client->resolved_at + RESOLVE_INTERVAL));
    }
}

/* Channels. ------------------------------------------------------------------------ */

/* The link that a request is to use; NULL: none is there. */
static VsHttp2Link *
pick(VsHttp2Channel *channel)
{
    unsigned n = channel->links->len;

    for (unsigned i = 0; i < n; i++) {
        unsigned index = vs_http2_is_round_robin(channel) ? (channel->next + i) % n : i;

        if (link_at(channel, index)->state == VS_HTTP2_LINK_READY) {
            channel->next = index + 1;
            return link_at(channel, index);
        }
    }
    return NULL;
}

/* Connects as the policy has it, where nothing is connected: all, or one after another.  The
 * first attempt may go with 'journey'.  False: all are left alone for now. */
static bool
channel_connect(VsHttp2Channel *channel, VsJourney *journey)
{
    bool is_connecting = false;

    for (unsigned i = 0; i < channel->links->len; i++) {
        is_connecting |= link_at(channel, i)->state == VS_HTTP2_LINK_CONNECTING;
    }
    for (unsigned i = 0; i < channel->links->len; i++) {
        VsHttp2Link *link = link_at(channel, i);

        if (link->state == VS_HTTP2_LINK_IDLE &&
            (!is_connecting || vs_http2_is_round_robin(channel))) {
            vs_http2_link_connect(link, is_connecting ? NULL : journey);
            is_connecting = true;
        }
    }
    return is_connecting;
}

void
vs_http2_channel_send(VsHttp2Channel *channel, VsHttpExchange *exchange)
{
    VsHttp2Link *link = pick(channel);

    if (link) {
        vs_http2_link_send(link, exchange);
    } else if (channel_connect(channel, vs_payload_journey(&exchange->payload))) {
        vs_http_exchange_push(&channel->pending, exchange);
    } else {
        exchange->ops->failed(exchange, channel->end);
    }
}

void
vs_http2_take_all(VsHttpExchangeList *queue, VsHttpExchangeList *ret)
{
    *ret = *queue;
    *queue = (VsHttpExchangeList){NULL, NULL};
    for (VsHttpExchange *at = ret->first; at; at = at->next) {
        at->queue = ret;
    }
}

void
vs_http2_channel_fail(VsHttp2Channel *channel)
{
    VsHttpExchangeList pending;
    VsHttpExchange *exchange;

    vs_http2_take_all(&channel->pending, &pending);
    while ((exchange = vs_http_exchange_pop(&pending))) {
        exchange->ops->failed(exchange, channel->end);
    }
}

void
vs_http2_channel_flush(VsHttp2Channel *channel)
{
    VsHttpExchangeList pending;
    VsHttpExchange *exchange;

    vs_http2_take_all(&channel->pending, &pending);
    while ((exchange = vs_http_exchange_pop(&pending))) {
        vs_http2_channel_send(channel, exchange);
    }
}

static VsHttp2Link *
find_link(const VsHttp2Channel *channel, VsAddr address)
{
    for (unsigned i = 0; i < channel->links->len; i++) {
        if (link_at(channel, i)->address == address) {
            return link_at(channel, i);
        }
    }
    return NULL;
}

static void
channel_set_addresses(VsHttp2Channel *channel, const VsAddr *addresses,
                      unsigned n_addresses, uint16_t port)
{
    GPtrArray *old = channel->links;

    channel->links = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < n_addresses; i++) {
        const VsHttp2Channel before = {.links = old};
        VsHttp2Link *link = find_link(&before, addresses[i]);

        if (find_link(channel, addresses[i])) {
            continue; /* Told twice. */
        }
        if (!link) {
            link = vs_http2_link_new(channel, addresses[i], port);
        }
        g_ptr_array_add(channel->links, link);
    }
    for (unsigned i = 0; i < old->len; i++) {
        VsHttp2Link *link = old->pdata[i];

        if (find_link(channel, link->address) != link) {
            vs_http2_link_hand_on(link);
            vs_http2_link_free(link);
        }
    }
    g_ptr_array_set_free_func(old, NULL);
    g_ptr_array_free(old, TRUE);
    if (vs_http2_is_round_robin(channel)) {
        channel_connect(channel, NULL);
    }
    vs_http2_channel_flush(channel);
}

void
vs_http2_client_set_addresses(VsHttp2Client *client, const VsAddr *addresses,
                              unsigned n_addresses, uint16_t port)
{
    client->resolved_at = vs_http2_client_now(client);
    for (uint32_t i = 0; i < client->config.n_channels; i++) {
        channel_set_addresses(&client->channels[i], addresses, n_addresses, port);
    }
}

bool
vs_http2_client_has_addresses(const VsHttp2Client *client)
{
    return client->channels[0].links->len > 0;
}

/* Exchanges. ----------------------------------------------------------------------- */

void
vs_http2_client_send(VsHttp2Client *client, VsHttpExchange *exchange)
{
    VsHttp2Channel *channel = &client->channels[client->next];

    client->next = (client->next + 1) % client->config.n_channels;
    if (!vs_http2_client_has_addresses(client)) {
        vs_http2_client_set_addresses(client, &exchange->address, 1, exchange->port);
    }
    vs_http2_channel_send(channel, exchange);
}

void
vs_http2_exchange_cancel(VsHttpExchange *exchange)
{
    VsHttp2Stream *stream = exchange->stream;

    exchange->stream = NULL;
    vs_http2_cancel(stream);
}

#include "transport/http_client.h"

#include <glib.h>

#include "packet/packet.h"
#include "transport/http2_client.h"
#include "transport/http3.h"

enum { LINKS_A_SLAB = 32 };

/* A connection. */
struct VsHttpLink {
    VsHttpLink *next; /* Among the idle. */
    VsHttpClient *client;
    VsTcp *tcp;
    VsHttpExchange *exchange; /* Under way, or NULL. */
    bool was_sent;            /* Its first request. */
    bool is_idle;             /* In the list of those. */
};

static const VsTcpOps link_ops;

void
vs_http_client_open(VsHttpClient *client, const VsHttpClientConfig *config)
{
    *client = (VsHttpClient){.config = *config};
    vs_pool_init(&client->links, sizeof(VsHttpLink), LINKS_A_SLAB);
    if (config->http2) {
        client->http2 = vs_http2_client_new(client, config->http2);
    }
    if (config->http3) {
        client->http3 = vs_http3_client_new(client, config->http3);
    }
}

void
vs_http_client_close(VsHttpClient *client)
{
    if (client->config.netns) {
        vs_pool_clear(&client->links);
        vs_http2_client_free(client->http2);
        vs_http3_client_free(client->http3);
        client->config.netns = NULL;
    }
}

bool
vs_http_client_has_idle(const VsHttpClient *client)
{
    return client->http2   ? vs_http2_client_has_addresses(client->http2)
           : client->http3 ? vs_http3_client_has_connection(client->http3)
                           : client->idle != NULL;
}

bool
vs_http_exchange_is_under_way(const VsHttpExchange *exchange)
{
    return exchange->link || exchange->stream || exchange->quic || exchange->queue;
}

/* Queues. -------------------------------------------------------------------------- */

void
vs_http_exchange_push(VsHttpExchangeList *queue, VsHttpExchange *exchange)
{
    exchange->queue = queue;
    exchange->next = NULL;
    if (queue->first) {
        queue->last->next = exchange;
    } else {
        queue->first = exchange;
    }
    queue->last = exchange;
}

VsHttpExchange *
vs_http_exchange_pop(VsHttpExchangeList *queue)
{
    VsHttpExchange *exchange = queue->first;

    if (exchange) {
        queue->first = exchange->next;
        exchange->queue = NULL;
    }
    return exchange;
}

static void
leave_queue(VsHttpExchange *exchange)
{
    VsHttpExchangeList *queue = exchange->queue;
    VsHttpExchange *before = NULL;

    for (VsHttpExchange *at = queue->first; at != exchange; at = at->next) {
        before = at;
    }
    if (before) {
        before->next = exchange->next;
    } else {
        queue->first = exchange->next;
    }
    if (queue->last == exchange) {
        queue->last = before;
    }
    exchange->queue = NULL;
}

/* Connections. --------------------------------------------------------------------- */

static void
send_request(VsHttpLink *link)
{
    VsHttpExchange *exchange = link->exchange;
    const VsHttp *http = &exchange->payload.http;

    if (exchange->ops->sending) {
        exchange->ops->sending(exchange);
    }
    vs_tcp_send(link->tcp, &exchange->payload, http->head_bytes + http->body_bytes);
}

/* Takes an idle connection from the list; it is there. */
static void
unlink_idle(VsHttpLink *link)
{
    VsHttpLink **at = &link->client->idle;

    while (*at != link) {
        at = &(*at)->next;
    }
    *at = link->next;
    link->is_idle = false;
}

static void
open_link(VsHttpClient *client, VsHttpExchange *exchange)
{
    VsHttpLink *link = vs_pool_alloc(&client->links);

    *link = (VsHttpLink){.client = client, .exchange = exchange};
    exchange->link = link;
    client->n_links++;
    client->n_connects++;
    link->tcp =
        vs_tcp_connect_from(client->config.netns, &client->config.origin,
                            exchange->address, exchange->port,
                            vs_payload_journey(&exchange->payload), &link_ops, link);
    if (client->config.tls) {
        vs_tls_start(link->tcp, client->config.tls,
                     vs_payload_journey(&exchange->payload));
    }
}

static void
use_idle(VsHttpClient *client, VsHttpExchange *exchange)
{
    VsHttpLink *link = client->idle;

    client->idle = link->next;
    link->is_idle = false;
    link->exchange = exchange;
    exchange->link = link;
    send_request(link);
}

/* Who has waited longest goes on, if there is a connection or room for one. */
static void
serve_waiting(VsHttpClient *client)
{
    VsHttpExchange *exchange;

    if (!client->idle && client->n_links >= client->config.n_links_max) {
        return;
    }
    exchange = vs_http_exchange_pop(&client->waiting);
    if (!exchange) {
        return;
    }
    if (client->idle) {
        use_idle(client, exchange);
    } else {
        open_link(client, exchange);
    }
}

/* Its end was told, or is about to be: nobody hears of the connection any more. */
static VsHttpExchange *
forget(VsHttpLink *link)
{
    VsHttpExchange *exchange = link->exchange;
    VsHttpClient *client = link->client;

    vs_tcp_set_user(link->tcp, NULL);
    if (exchange) {
        exchange->link = NULL;
    } else if (link->is_idle) {
        unlink_idle(link);
    }
    client->n_links--;
    vs_pool_free(&client->links, link);
    return exchange;
}

void
vs_http_client_drop_idle(VsHttpClient *client)
{
    while (client->idle) {
        VsTcp *tcp = client->idle->tcp;

        forget(client->idle);
        vs_tcp_abort(tcp);
    }
}

static void
link_connected(VsTcp *tcp)
{
    VsHttpLink *link = vs_tcp_user(tcp);

    VsHttpExchange *exchange = link ? link->exchange : NULL;

    if (exchange) {
        if (link->was_sent) { /* TLS refused it as early data: once more. */
            vs_payload_set_journey(&exchange->payload, exchange->payload.journey);
        }
        link->was_sent = true;
        send_request(link);
    }
}

static void
link_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsHttpLink *link = vs_tcp_user(tcp);
    VsHttpExchange *exchange = link ? link->exchange : NULL;
    VsHttpClient *client;

    (void)bytes;
    if (!exchange) {
        return; /* An answer that nobody waits for any more. */
    }
    client = link->client;
    exchange->link = NULL;
    link->exchange = NULL;
    if (client->config.is_keep_alive && !payload->http.is_close) {
        link->next = client->idle;
        link->is_idle = true;
        client->idle = link;
    } else if (client->config.is_closing_first) {
        vs_tcp_close(tcp);
    }
    serve_waiting(client);
    exchange->ops->answered(exchange, &payload->http);
}

/* The server has closed: it was asked to, or it has had enough. */
static void
link_finished(VsTcp *tcp)
{
    VsHttpLink *link = vs_tcp_user(tcp);

    if (link) {
        VsHttpClient *client = link->client;
        VsHttpExchange *exchange = forget(link);

        vs_tcp_close(tcp);
        serve_waiting(client);
        if (exchange) {
            exchange->ops->failed(exchange, VS_TCP_END_RESET);
        }
    }
}

static void
link_broken(VsTcp *tcp, VsTcpEnd end)
{
    VsHttpLink *link = vs_tcp_user(tcp);

    if (link) {
        VsHttpClient *client = link->client;
        VsHttpExchange *exchange = forget(link);

        serve_waiting(client);
        if (exchange) {
            exchange->ops->failed(exchange, end);
        }
    }
}

static const VsTcpOps link_ops = {
    .connected = link_connected,
    .message = link_message,
    .finished = link_finished,
    .broken = link_broken,
};

/* Exchanges. ----------------------------------------------------------------------- */

void
vs_http_client_send(VsHttpClient *client, VsHttpExchange *exchange)
{
    exchange->client = client;
    if (client->http2) {
        vs_http2_client_send(client->http2, exchange);
    } else if (client->http3) {
        vs_http3_client_send(client->http3, exchange);
    } else if (client->idle) {
        use_idle(client, exchange);
    } else if (client->n_links < client->config.n_links_max) {
        open_link(client, exchange);
    } else {
        client->n_waited++;
        vs_http_exchange_push(&client->waiting, exchange);
    }
}

void
vs_http_exchange_cancel(VsHttpExchange *exchange)
{
    if (exchange->queue) {
        leave_queue(exchange);
    } else if (exchange->stream) {
        vs_http2_exchange_cancel(exchange);
    } else if (exchange->quic) {
        vs_http3_exchange_cancel(exchange);
    } else if (exchange->link) {
        VsHttpClient *client = exchange->client;
        VsTcp *tcp = exchange->link->tcp;

        forget(exchange->link);
        vs_tcp_abort(tcp);
        serve_waiting(client);
    }
}

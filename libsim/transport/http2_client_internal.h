/* The inside of a client of HTTP/2: http2_client.c has its channels, http2_link.c the
 * addresses that each has connections to. */
#pragma once

#include "base/rng.h"
#include "transport/http2_client.h"

#pragma GCC visibility push(hidden)

typedef struct VsHttp2Channel VsHttp2Channel;
typedef struct VsHttp2Link VsHttp2Link;
typedef struct VsHttp2Connection VsHttp2Connection;

typedef enum VsHttp2LinkState {
    VS_HTTP2_LINK_IDLE,
    VS_HTTP2_LINK_CONNECTING,
    VS_HTTP2_LINK_READY,
    VS_HTTP2_LINK_FAILED, /* For a back-off. */
} VsHttp2LinkState;

/* An address of the server: a subchannel, as gRPC calls it. */
struct VsHttp2Link {
    VsHttp2Channel *channel;
    VsAddr address;
    uint16_t port;
    VsHttp2LinkState state;
    VsHttp2Connection *connection; /* CONNECTING, READY. */
    VsTime began;                  /* The last attempt. */
    uint32_t n_failures;           /* In sequence. */
    VsTimer timer;              /* CONNECTING: time-out; FAILED: end of the back-off. */
    VsHttpExchangeList waiting; /* READY: for a stream. */
};

struct VsHttp2Channel {
    VsHttp2Client *client;
    GPtrArray *links;           /* Of VsHttp2Link, in order of the answer. */
    unsigned next;              /* Round robin: whose turn it is. */
    VsHttpExchangeList pending; /* For a connection. */
    VsTcpEnd end;               /* Why the last attempt has failed. */
};

struct VsHttp2Client {
    VsHttpClient *owner;
    VsHttp2ClientConfig config;
    VsHttp2 http2;
    VsPool connections;
    VsHttp2Channel *channels;
    uint32_t next; /* Channel. */
    VsRng rng;
    VsTime resolved_at;
    VsTimer resolve;
};

static inline VsTime
vs_http2_client_now(const VsHttp2Client *client)
{
    return vs_now(client->config.entity->run);
}

static inline bool
vs_http2_is_round_robin(const VsHttp2Channel *channel)
{
    return channel->client->config.policy == VS_GRPC_ROUND_ROBIN;
}

/* http2_client.c */

/* A connection has ended: the server may have moved. */
void vs_http2_client_ask(VsHttp2Client *client);

void vs_http2_channel_send(VsHttp2Channel *channel, VsHttpExchange *exchange);

/* Moves what waits in 'queue' to 'ret', which is the caller's. */
void vs_http2_take_all(VsHttpExchangeList *queue, VsHttpExchangeList *ret);

/* Fails all that waits for a connection. */
void vs_http2_channel_fail(VsHttp2Channel *channel);

/* Who waits for a connection tries again: there may be one, or no hope for one. */
void vs_http2_channel_flush(VsHttp2Channel *channel);

/* http2_link.c */

/* The sessions and connections of all links. */
void vs_http2_links_open(VsHttp2Client *client);
void vs_http2_links_close(VsHttp2Client *client);

VsHttp2Link *vs_http2_link_new(VsHttp2Channel *channel, VsAddr address, uint16_t port);

/* The server has left that address: what is under way is finished. */
void vs_http2_link_free(VsHttp2Link *link);

/* Connects, with 'journey' or NULL; it is idle. */
void vs_http2_link_connect(VsHttp2Link *link, VsJourney *journey);

/* Sends 'exchange' when there is a stream for it; the link is ready. */
void vs_http2_link_send(VsHttp2Link *link, VsHttpExchange *exchange);

/* Gives what waits for a stream to the channel's others. */
void vs_http2_link_hand_on(VsHttp2Link *link);

#pragma GCC visibility pop

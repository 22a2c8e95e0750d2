/* The client side of HTTP/1.1: exchanges of a request and its answer, one at a time on each
 * connection of a pool that they share.
 *
 * A connection is kept for the next exchange when its answer has come, unless the request
 * asked for its end.  With a limit, exchanges beyond it wait in order of arrival.
 *
 * Or of HTTP/2, where exchanges share connections: http2_client.h; or of HTTP/3: http3.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "transport/tcp.h"
#include "transport/tls.h"

typedef struct VsHttpClient VsHttpClient;
typedef struct VsHttpExchange VsHttpExchange;
typedef struct VsHttpLink VsHttpLink;

typedef struct VsHttpClientConfig {
    VsNetns *netns;
    VsTcpOrigin origin;     /* Of connections by TCP. */
    uint32_t n_links_max;   /* Connections; UINT32_MAX: no limit. */
    bool is_keep_alive;     /* False: one exchange each, which the server closes, */
    bool is_closing_first;  /* or we, when the answer has come. */
    const VsTlsConfig *tls; /* NULL: none.  The owner's. */
    const struct VsHttp2ClientConfig *http2; /* NULL: HTTP/1.1; else the above but for
                                              * 'netns', 'origin' and 'tls' does not
                                              * count. */
    const struct VsHttp3Config
        *http3; /* NULL: none; else all but 'netns' does not count. */
} VsHttpClientConfig;

typedef struct VsHttpExchangeOps {
    /* May be NULL.  The request goes now: the connection is there. */
    void (*sending)(VsHttpExchange *exchange);

    /* The exchange is over, well or not; it may be freed, or sent again. */
    void (*answered)(VsHttpExchange *exchange, const VsHttp *answer);
    void (*failed)(VsHttpExchange *exchange, VsTcpEnd end);
} VsHttpExchangeOps;

/* Exchanges that wait, in order of arrival. */
typedef struct VsHttpExchangeList {
    VsHttpExchange *first;
    VsHttpExchange *last;
} VsHttpExchangeList;

/* Embedded in its owner; zeroed memory is an exchange that is not under way. */
struct VsHttpExchange {
    const VsHttpExchangeOps *ops;
    VsPayload payload; /* The request, measured; ops->sending may change its journey. */
    VsAddr address;
    uint16_t port;

    /* The client's. */
    VsHttpClient *client;
    VsHttpLink *link;
    struct VsHttp2Stream *stream; /* HTTP/2. */
    struct VsQuicStream *quic;    /* HTTP/3. */
    VsHttpExchangeList *queue;    /* Where it waits, or NULL. */
    VsHttpExchange *next;
};

struct VsHttpClient {
    VsHttpClientConfig config;
    VsPool links;
    VsHttpLink *idle; /* The last used first. */
    uint32_t n_links;
    VsHttpExchangeList waiting;
    struct VsHttp2Client *http2; /* NULL: HTTP/1.1, */
    struct VsHttp3Client *http3; /* or HTTP/3. */
    uint64_t n_connects;         /* Connections opened. */
    uint64_t n_waited;           /* Exchanges that had to wait for one. */
};

void vs_http_client_open(VsHttpClient *client, const VsHttpClientConfig *config);

/* The namespace's sockets must not run any more.  Zeroed memory is fine. */
void vs_http_client_close(VsHttpClient *client);

/* The process is gone: resets connections that wait for a request.  Not for HTTP/2. */
void vs_http_client_drop_idle(VsHttpClient *client);

/* Would an exchange find a connection that is open; of HTTP/2: is the server's address
 * known; of HTTP/3: is there one, open or not? */
bool vs_http_client_has_idle(const VsHttpClient *client);

/* Begins 'exchange', whose ops, payload, address and port are set.  An open connection that
 * waits is used whatever address it leads to: a client has one server. */
void vs_http_client_send(VsHttpClient *client, VsHttpExchange *exchange);

/* Forgets an exchange without a word to its owner, and resets its connection; nothing
 * happens to one that is not under way. */
void vs_http_exchange_cancel(VsHttpExchange *exchange);

bool vs_http_exchange_is_under_way(const VsHttpExchange *exchange);

/* For http2_client.c and http3.c: puts it at the end of a queue; takes the first from one, or NULL. */
void vs_http_exchange_push(VsHttpExchangeList *queue, VsHttpExchange *exchange);
VsHttpExchange *vs_http_exchange_pop(VsHttpExchangeList *queue);

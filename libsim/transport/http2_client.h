/* Exchanges of HTTP/2 (transport/http2.h) over channels such as gRPC's, behind the interface of
 * http_client.h.
 *
 * A channel has a connection for each address of its server that its policy wants: the
 * first address that can be connected to (pick_first), or all of them, whose requests then
 * go round (round_robin).  Its connections are kept until the server closes them.  What finds
 * none that is open waits for one; what finds the connection that is its turn full of
 * streams waits for one of these.
 *
 * When a connection ends or is about to (GOAWAY), the names are asked for again, but not within
 * 30 s of the last time; round_robin connects again at once, pick_first when a request
 * comes.  Requests that the server has not begun (beyond the last stream of GOAWAY,
 * REFUSED_STREAM) are sent again by themselves.  An address that cannot be connected to is
 * left alone for a back-off from the beginning of the attempt: 1 s, 1.6 times as long each
 * time up to 120 s, from the second on give or take 20 % (gRPC's connection-backoff.md); an
 * attempt takes 20 s at most.  While all addresses are left alone, requests fail at once. */
#pragma once

#include "transport/http2.h"
#include "transport/http_client.h"

typedef enum VsGrpcPolicy {
    VS_GRPC_PICK_FIRST,
    VS_GRPC_ROUND_ROBIN,
} VsGrpcPolicy;

/* The settings that VsHttpClientConfig.http2 points to; copied. */
typedef struct VsHttp2ClientConfig {
    VsEntity *entity;
    const char *name;    /* Of the random stream for back-offs. */
    uint32_t n_channels; /* Requests go round between them. */
    VsGrpcPolicy policy;
    uint32_t window;
    bool is_without_backoff; /* As Envoy: the next request connects again at once. */

    /* Asks for the addresses of the name anew, which vs_http2_client_set_addresses() tells
     * later; NULL: they never change. */
    void (*resolve)(void *user);
    void *user;
} VsHttp2ClientConfig;

typedef struct VsHttp2Client VsHttp2Client;

VsHttp2Client *vs_http2_client_new(VsHttpClient *owner,
                                   const VsHttp2ClientConfig *config);

/* The namespace's sockets must not run any more.  NULL is fine. */
void vs_http2_client_free(VsHttp2Client *client);

/* From now on 'addresses' at 'port' are the server's, in this order.  Connections to others end
 * when their requests have. */
void vs_http2_client_set_addresses(VsHttp2Client *client, const VsAddr *addresses,
                                   unsigned n_addresses, uint16_t port);

bool vs_http2_client_has_addresses(const VsHttp2Client *client);

/* As of http_client.h, which calls them.  Without addresses that of the exchange is the only
 * one.  The exchange may fail at once: then ops->failed has been called. */
void vs_http2_client_send(VsHttp2Client *client, VsHttpExchange *exchange);
void vs_http2_exchange_cancel(VsHttpExchange *exchange);

/* Its sessions. */
const VsHttp2 *vs_http2_client_http2(const VsHttp2Client *client);

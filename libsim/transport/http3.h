/* HTTP/3 (RFC 9114) over QUIC, behind the interfaces of http_client.h and http_server.h.
 *
 * A client has one connection, which its exchanges share, each on a stream of its own; it is
 * opened by the first, leads to the address of that, and ends by silence, is closed, or not known
 * to the server any more.  The next exchange opens another, with a ticket if it has one.
 *
 * A message is a HEADERS frame and, with a body, one DATA frame.  Header fields take the
 * bytes that HTTP/2 uses for them without a table (packet/http2.h), and two for the prefix of
 * QPACK (RFC 9204 section 4.5.1).  The unidirectional streams for control and QPACK, which
 * have some tens of bytes once a connection, are not modelled, nor are priorities, GOAWAY and
 * Alt-Svc. */
#pragma once

#include "transport/http_client.h"
#include "transport/http_server.h"
#include "transport/quic.h"

/* Settings that VsHttpClientConfig.http3 points to; copied. */
typedef struct VsHttp3Config {
    VsQuicConfig quic;
    VsTime close_after; /* Client: without an exchange for so long; 0: never. */
} VsHttp3Config;

typedef struct VsHttp3Client VsHttp3Client;

/* Bytes on its stream. */
uint64_t vs_http3_bytes(const VsHttp *http, const VsNames *names);

VsHttp3Client *vs_http3_client_new(VsHttpClient *owner, const VsHttp3Config *config);

/* The namespace's sockets must not run any more.  NULL is fine. */
void vs_http3_client_free(VsHttp3Client *client);

bool vs_http3_client_has_connection(const VsHttp3Client *client);

/* As of http_client.h, which calls them. */
void vs_http3_client_send(VsHttp3Client *client, VsHttpExchange *exchange);
void vs_http3_exchange_cancel(VsHttpExchange *exchange);

/* Its connections. */
const VsQuic *vs_http3_client_quic(const VsHttp3Client *client);

/* Opens 'server' for HTTP/3 at the UDP port; false when that is taken. */
bool vs_http3_server_open(VsHttpServer *server, VsNetns *netns, VsAddr address,
                          uint16_t port, const VsHttp3Config *config,
                          const VsHttpServerOps *ops, void *user);

/* For http_server.c: answers with 'payload'; frees what vs_http3_server_open() made. */
void vs_http3_answer(VsQuicStream *stream, const VsPayload *payload);
void vs_http3_server_free(VsQuic *quic);

/* The server side of HTTP/1.1: connections, and requests one after another on each; and of
 * HTTP/2, where it is set (http2_server.h); or at a UDP port of HTTP/3 (http3.h).  Messages of
 * WebSockets are requests, too (websocket_server.h).
 *
 * A request is its owner's from ops->request until vs_http_reply(), which answers and frees
 * it; its connection may go in between, then the answer goes nowhere.  A client that sends
 * a second request before the first is answered (pipelining) is cut off. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "engine/station.h"
#include "transport/tcp.h"
#include "transport/tls.h"

typedef struct VsHttpServer VsHttpServer;
typedef struct VsHttpConnection VsHttpConnection;

typedef struct VsHttpRequest {
    VsJob job; /* For the owner's station. */
    VsHttpServer *server;
    VsHttpConnection *connection; /* NULL: gone. */
    struct VsHttp2Stream *stream; /* NULL: HTTP/1.1. */
    struct VsQuicStream *quic;    /* HTTP/3, which has no 'connection'; NULL: gone. */
    struct VsWebSocketPeer *websocket; /* A message of a WebSocket, which has no
                                        * 'connection'; NULL: gone. */
    bool is_first;                     /* On its connection. */
    VsPayload payload;                 /* As received: kind VS_PAYLOAD_HTTP. */
    VsTime arrived;
    void *user; /* The owner's. */

    /* The server's. */
    struct VsHttpRequest *next; /* Among those to be answered, the last first. */
    struct VsHttpRequest *previous;
    struct VsHttpRequest *next_message; /* Of its WebSocket. */
} VsHttpRequest;

typedef struct VsHttpServerOps {
    void (*request)(VsHttpServer *server, VsHttpRequest *request);

    /* May be NULL for a server that is never killed.  The process has died over 'request', which
     * is freed after the call. */
    void (*lost)(VsHttpServer *server, VsHttpRequest *request);
} VsHttpServerOps;

struct VsHttpServer {
    VsNetns *netns;
    const VsHttpServerOps *ops;
    void *user;
    VsTcpListener listener;
    VsPool connections;
    VsPool requests;
    VsHttpConnection *open_connections; /* All, the last first. */
    VsHttpRequest *open_requests;
    bool is_listening;
    struct VsHttp2Server *http2; /* NULL: HTTP/1.1 alone. */
    struct VsQuic *quic;         /* HTTP/3 alone, or NULL. */
    uint32_t n_workers;     /* That each have a connection to the end; 0: no limit. */
    uint32_t n_busy;        /* Of 'n_workers'. */
    uint64_t n_connections; /* Accepted. */
    uint64_t n_requests;
    uint64_t n_lost; /* Answers whose connection had gone. */
};

/* Listens at (address, port); false when that is taken. */
bool vs_http_server_open(VsHttpServer *server, VsNetns *netns, VsAddr address,
                         uint16_t port, uint32_t backlog, const VsHttpServerOps *ops,
                         void *user);

/* The same of pools alone, for http3.c, which listens. */
void vs_http_server_init(VsHttpServer *server, VsNetns *netns,
                         const VsHttpServerOps *ops, void *user);

/* From now on a connection is accepted only by one of 'n_workers' that has none, and is its
 * own until it is closed, as in prefork servers; others wait in the accept queue. */
void vs_http_server_set_workers(VsHttpServer *server, uint32_t n_workers);

/* Connections accepted from now on speak TLS, unless config->version is VS_TLS_NONE
 * (transport/tls.h). */
void vs_http_server_set_tls(VsHttpServer *server, const VsTlsConfig *config);

/* The process is killed: nobody listens any more, what is open is reset, and ops->lost is
 * called for each request that is not answered, the last one first.  From an event of the
 * owner's own. */
void vs_http_server_kill(VsHttpServer *server);

/* After it was killed, or drained: it listens again. */
void vs_http_server_restart(VsHttpServer *server);

/* The process shuts down as servers do at SIGTERM (nginx: quit; Go: Shutdown): it listens no
 * more and resets what it has not accepted, closes connections that wait for a request, and
 * answers the last one of each other connection with "Connection: close"; HTTP/2 gets GOAWAY. */
void vs_http_server_drain(VsHttpServer *server);

/* Frees connections and requests; the namespace's sockets must not run any more. */
void vs_http_server_close(VsHttpServer *server);

/* The address that the request's connection comes from, as the server sees it; 0 if that
 * has gone. */
VsAddr vs_http_peer(const VsHttpRequest *request);

/* Answers an upgrade (HTTP/1.1) with 101, frees it, and hands its connection over to the caller,
 * who is to set its ops; NULL if that has gone. */
VsTcp *vs_http_switch(VsHttpRequest *request);

/* The flow of that connection as we send; NULL if it has gone. */
const VsFlow *vs_http_flow(const VsHttpRequest *request);

/* Answers 'request' with 'status' and a body of 'body_bytes', and frees it. */
void vs_http_reply(VsHttpRequest *request, unsigned status, uint64_t body_bytes);

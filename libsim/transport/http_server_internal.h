/* The inside of a server of HTTP: http_server.c has connections and HTTP/1.1, http2_server.c
 * has HTTP/2. */
#pragma once

#include "base/rng.h"
#include "transport/http2_server.h"

#pragma GCC visibility push(hidden)

struct VsHttpConnection {
    VsHttpServer *server;
    VsTcp *tcp;
    VsHttpRequest *request; /* HTTP/1.1: being answered, or NULL. */
    uint64_t n_requests;
    bool has_worker;        /* Of the server's n_workers. */
    VsHttpConnection *next; /* Among the server's. */
    VsHttpConnection *previous;

    VsHttp2Session *session; /* NULL: HTTP/1.1, or nothing has come yet. */
    VsTimer age;             /* HTTP/2: GOAWAY, and then its end. */
};

struct VsHttp2Server {
    VsHttp2ServerConfig config;
    VsHttp2 http2;
    VsEntity *entity;
    VsRng rng;
};

/* http_server.c */

/* A request of the server that is to be answered: a copy of 'begun', in its list. */
VsHttpRequest *vs_http_request_add(VsHttpServer *server, const VsHttpRequest *begun);

/* A request has come, with 'stream' for one of HTTP/2; the server is told. */
void vs_http_request_begin(VsHttpConnection *connection, const VsPayload *payload,
                           VsHttp2Stream *stream);

/* Frees it; its requests will be answered in vain. */
void vs_http_connection_free(VsHttpConnection *connection);

/* http2_server.c */

void vs_http2_server_free(VsHttp2Server *server);

/* A message of TCP that makes the connection one of HTTP/2, or is for its session.  False:
 * it cannot be. */
bool vs_http2_connection_message(VsHttpConnection *connection,
                                 const VsPayload *payload);

/* The client sends no more: what is under way is still answered. */
void vs_http2_connection_finished(VsHttpConnection *connection);

/* Lets go of the session, if there is one. */
void vs_http2_connection_clear(VsHttpConnection *connection);

#pragma GCC visibility pop

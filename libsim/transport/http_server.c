#include "transport/http_server.h"

#include <glib.h>

#include "packet/http.h"
#include "transport/http3.h"
#include "transport/http_server_internal.h"
#include "transport/websocket_server.h"

enum {
    CONNECTIONS_A_SLAB = 32,
    REQUESTS_A_SLAB = 32,
};

/* The worker of 'connection', if it has one, turns to the next that waits. */
static void
release_worker(VsHttpConnection *connection)
{
    VsHttpServer *server = connection->server;

    if (!connection->has_worker) {
        return;
    }
    connection->has_worker = false;
    server->n_busy--;
    server->listener.is_accepting = !vs_tcp_accept_waiting(&server->listener);
}

void
vs_http_connection_free(VsHttpConnection *connection)
{
    if (connection->request) {
        connection->request->connection = NULL;
    }
    vs_http2_connection_clear(connection);
    if (connection->next) {
        connection->next->previous = connection->previous;
    }
    if (connection->previous) {
        connection->previous->next = connection->next;
    } else {
        connection->server->open_connections = connection->next;
    }
    release_worker(connection);
    vs_pool_free(&connection->server->connections, connection);
}

static void
server_connected(VsTcp *tcp)
{
    (void)tcp;
}

VsHttpRequest *
vs_http_request_add(VsHttpServer *server, const VsHttpRequest *begun)
{
    VsHttpRequest *request = vs_pool_alloc(&server->requests);

    *request = *begun;
    request->next = server->open_requests;
    if (request->next) {
        request->next->previous = request;
    }
    server->open_requests = request;
    return request;
}

void
vs_http_request_begin(VsHttpConnection *connection, const VsPayload *payload,
                      VsHttp2Stream *stream)
{
    VsHttpServer *server = connection->server;
    const VsHttpRequest begun = {.server = server,
                                 .connection = connection,
                                 .stream = stream,
                                 .is_first = connection->n_requests == 0,
                                 .payload = *payload,
                                 .arrived = vs_now(server->netns->run)};
    VsHttpRequest *request = vs_http_request_add(server, &begun);

    if (stream) {
        stream->user = request;
    } else {
        connection->request = request;
    }
    connection->n_requests++;
    server->n_requests++;
    server->ops->request(server, request);
}

static void
server_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsHttpConnection *connection = vs_tcp_user(tcp);
    const VsHttpServer *server = connection->server;
    bool is_plain = payload->kind == VS_PAYLOAD_HTTP && !connection->session;

    (void)bytes;
    if (is_plain && !connection->request &&
        !(server->http2 && server->http2->config.is_alone)) {
        vs_http_request_begin(connection, payload, NULL);
    } else if (is_plain || !vs_http2_connection_message(connection, payload)) {
        vs_http_connection_free(connection);
        vs_tcp_abort(tcp);
    }
}

/* The client will send no more: we close when its last request is answered. */
static void
server_finished(VsTcp *tcp)
{
    VsHttpConnection *connection = vs_tcp_user(tcp);

    if (connection->session) {
        vs_http2_connection_finished(connection);
    } else if (connection->request) {
        connection->request->payload.http.is_close = true;
    } else {
        vs_tcp_close(tcp);
    }
}

static void
server_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)end;
    vs_http_connection_free(vs_tcp_user(tcp));
}

static void
server_closed(VsTcp *tcp)
{
    vs_http_connection_free(vs_tcp_user(tcp));
}

static void
server_sendable(VsTcp *tcp)
{
    VsHttpConnection *connection = vs_tcp_user(tcp);

    if (connection->session) {
        vs_http2_session_continue(connection->session);
    }
}

static const VsTcpOps server_tcp_ops = {
    .connected = server_connected,
    .message = server_message,
    .finished = server_finished,
    .broken = server_broken,
    .closed = server_closed,
    .sendable = server_sendable,
};

static const VsTcpOps *
server_accept(VsTcpListener *listener, VsTcp *tcp)
{
    VsHttpServer *server = listener->user;
    VsHttpConnection *connection = vs_pool_alloc(&server->connections);

    *connection = (VsHttpConnection){
        .server = server, .tcp = tcp, .next = server->open_connections};
    if (connection->next) {
        connection->next->previous = connection;
    }
    server->open_connections = connection;
    vs_tcp_set_user(tcp, connection);
    server->n_connections++;
    if (server->n_workers > 0) {
        connection->has_worker = true;
        server->n_busy++;
        listener->is_accepting = server->n_busy < server->n_workers;
    }
    return &server_tcp_ops;
}

static const VsTcpListenerOps listener_ops = {.accept = server_accept};

void
vs_http_server_init(VsHttpServer *server, VsNetns *netns, const VsHttpServerOps *ops,
                    void *user)
{
    *server = (VsHttpServer){.netns = netns, .ops = ops, .user = user};
    vs_pool_init(&server->connections, sizeof(VsHttpConnection), CONNECTIONS_A_SLAB);
    vs_pool_init(&server->requests, sizeof(VsHttpRequest), REQUESTS_A_SLAB);
}

bool
vs_http_server_open(VsHttpServer *server, VsNetns *netns, VsAddr address, uint16_t port,
                    uint32_t backlog, const VsHttpServerOps *ops, void *user)
{
    vs_http_server_init(server, netns, ops, user);
    server->is_listening = vs_tcp_listen(&server->listener, netns, address, port,
                                         backlog, &listener_ops, server);
    return server->is_listening;
}

void
vs_http_server_set_workers(VsHttpServer *server, uint32_t n_workers)
{
    server->n_workers = n_workers;
}

void
vs_http_server_set_tls(VsHttpServer *server, const VsTlsConfig *config)
{
    if (config->version != VS_TLS_NONE) {
        vs_tls_listen(&server->listener, config);
    }
}

static void
request_free(VsHttpRequest *request)
{
    VsHttpServer *server = request->server;

    if (request->next) {
        request->next->previous = request->previous;
    }
    if (request->previous) {
        request->previous->next = request->next;
    } else {
        server->open_requests = request->next;
    }
    vs_pool_free(&server->requests, request);
}

static void
stop_listening(VsHttpServer *server)
{
    if (server->is_listening) {
        server->is_listening = false;
        vs_tcp_unlisten(&server->listener);
    }
}

void
vs_http_server_kill(VsHttpServer *server)
{
    stop_listening(server);
    while (server->open_connections) {
        VsTcp *tcp = server->open_connections->tcp;

        vs_http_connection_free(server->open_connections);
        vs_tcp_abort(tcp);
    }
    while (server->open_requests) {
        server->ops->lost(server, server->open_requests);
        request_free(server->open_requests);
    }
}

void
vs_http_server_restart(VsHttpServer *server)
{
    server->is_listening = true;
    vs_tcp_listen_again(&server->listener);
}

void
vs_http_server_drain(VsHttpServer *server)
{
    stop_listening(server);
    for (VsHttpConnection *connection = server->open_connections; connection;
         connection = connection->next) {
        if (connection->session) {
            vs_http2_session_go_away(connection->session);
        } else if (connection->request) {
            connection->request->payload.http.is_close = true;
        } else {
            vs_tcp_close(connection->tcp);
        }
    }
}

void
vs_http_server_close(VsHttpServer *server)
{
    if (server->netns) {
        vs_pool_clear(&server->connections);
        vs_pool_clear(&server->requests);
        vs_http2_server_free(server->http2);
        vs_http3_server_free(server->quic);
        server->netns = NULL;
    }
}

VsAddr
vs_http_peer(const VsHttpRequest *request)
{
    return request->connection ? vs_tcp_flow(request->connection->tcp)->daddr : 0;
}

const VsFlow *
vs_http_flow(const VsHttpRequest *request)
{
    return request->connection ? vs_tcp_flow(request->connection->tcp) : NULL;
}

/* HTTP/1.1. */
static void
answer(VsHttpConnection *connection, VsPayload *payload)
{
    vs_http_measure(&payload->http, &connection->server->netns->run->packets->names);
    connection->request = NULL;
    vs_tcp_send(connection->tcp, payload,
                payload->http.head_bytes + payload->http.body_bytes);
    if (payload->http.is_close) {
        vs_tcp_close(connection->tcp);
        release_worker(connection);
    }
}

VsTcp *
vs_http_switch(VsHttpRequest *request)
{
    VsHttpServer *server = request->server;
    VsHttpConnection *connection = request->connection;
    VsPayload payload = request->payload;
    VsTcp *tcp;

    request_free(request);
    if (!connection) {
        server->n_lost++;
        return NULL;
    }
    tcp = connection->tcp;
    payload.http.status = VS_HTTP_SWITCHING;
    payload.http.body_bytes = 0;
    payload.http.is_close = false;
    vs_http_measure(&payload.http, &server->netns->run->packets->names);
    vs_tcp_send(tcp, &payload, payload.http.head_bytes);
    connection->request = NULL;
    vs_http_connection_free(connection);
    return tcp;
}

void
vs_http_reply(VsHttpRequest *request, unsigned status, uint64_t body_bytes)
{
    VsHttpServer *server = request->server;
    VsHttpConnection *connection = request->connection;
    VsHttp2Stream *stream = request->stream;
    VsQuicStream *quic = request->quic;
    VsPayload payload = request->payload;

    if (request->websocket) {
        vs_websocket_server_answer(request, status, body_bytes);
        request_free(request);
        return;
    }
    request_free(request);
    payload.http.status = (uint16_t)status;
    payload.http.body_bytes = payload.http.method == VS_HTTP_HEAD ? 0 : body_bytes;
    if (quic) {
        vs_http3_answer(quic, &payload);
    } else if (!connection) {
        server->n_lost++;
    } else if (stream) {
        vs_http2_answer(stream, &payload);
    } else {
        answer(connection, &payload);
    }
}

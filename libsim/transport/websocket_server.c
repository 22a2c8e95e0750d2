#include "transport/websocket_server.h"

#include <glib.h>

#include "engine/run.h"
#include "transport/http_server_internal.h"

enum { PEERS_A_SLAB = 32 };

struct VsWebSocketPeer {
    VsWebSocket socket;
    VsWebSocketServer *server;
    VsWebSocketPeer *next;
    VsWebSocketPeer *previous;
    VsHttpRequest *messages; /* Not answered yet. */
    VsTimer push;
};

static const VsWebSocketOps socket_ops;
static void push_due(VsTimer *timer);

void
vs_websocket_server_open(VsWebSocketServer *server, VsHttpServer *http,
                         const VsWebSocketServerConfig *config)
{
    *server = (VsWebSocketServer){.http = http, .config = *config};
    server->socket = (VsWebSocketConfig){
        .entity = config->entity, .ops = &socket_ops, .ping_every = config->ping_every};
    vs_pool_init(&server->pool, sizeof(VsWebSocketPeer), PEERS_A_SLAB);
    vs_rng_init(&server->rng, http->netns->run->seed, config->name, "push-every");
}

void
vs_websocket_server_close(VsWebSocketServer *server)
{
    if (server->http) {
        vs_pool_clear(&server->pool);
        server->http = NULL;
    }
}

static void
arm_push(VsWebSocketPeer *peer)
{
    VsWebSocketServer *server = peer->server;

    if (vs_dist_mean(&server->config.push_every) > 0) {
        vs_timer_arm(&peer->push,
                     vs_now(server->config.entity->run) +
                         vs_dist_draw(&server->config.push_every, &server->rng));
    }
}

static void
push_due(VsTimer *timer)
{
    VsWebSocketPeer *peer = VS_CONTAINER_OF(timer, VsWebSocketPeer, push);
    VsPayload payload = {.websocket = {.bytes = peer->server->config.push_bytes}};

    peer->server->n_pushed++;
    vs_websocket_send(&peer->socket, &payload);
    arm_push(peer);
}

void
vs_websocket_server_accept(VsWebSocketServer *server, VsHttpRequest *request)
{
    VsTcp *tcp = vs_http_switch(request);
    VsWebSocketPeer *peer;

    if (!tcp) {
        return;
    }
    peer = vs_pool_alloc(&server->pool);
    *peer = (VsWebSocketPeer){.server = server, .next = server->peers};
    if (peer->next) {
        peer->next->previous = peer;
    }
    server->peers = peer;
    server->n_opened++;
    server->n_open++;
    server->n_open_max = MAX(server->n_open_max, server->n_open);
    vs_websocket_open(&peer->socket, &server->socket, &server->stats, tcp);
    vs_timer_init(&peer->push, server->config.entity, push_due);
    arm_push(peer);
    if (server->is_draining) {
        vs_websocket_close(&peer->socket, VS_WEBSOCKET_GOING_AWAY);
    }
}

/* It is over: what it has asked is answered in vain. */
static void
peer_free(VsWebSocketPeer *peer)
{
    VsWebSocketServer *server = peer->server;

    for (VsHttpRequest *at = peer->messages; at; at = at->next_message) {
        at->websocket = NULL;
    }
    if (peer->next) {
        peer->next->previous = peer->previous;
    }
    if (peer->previous) {
        peer->previous->next = peer->next;
    } else {
        server->peers = peer->next;
    }
    vs_timer_cancel(&peer->push);
    server->n_open--;
    vs_pool_free(&server->pool, peer);
}

static void
socket_message(VsWebSocket *socket, const VsPayload *payload)
{
    VsWebSocketPeer *peer = VS_CONTAINER_OF(socket, VsWebSocketPeer, socket);
    VsHttpServer *http = peer->server->http;
    const VsHttpRequest begun = {.server = http,
                                 .websocket = peer,
                                 .payload = *payload,
                                 .arrived = vs_now(http->netns->run),
                                 .next_message = peer->messages};
    VsHttpRequest *request = vs_http_request_add(http, &begun);

    peer->messages = request;
    http->n_requests++;
    http->ops->request(http, request);
}

static void
socket_closed(VsWebSocket *socket, unsigned code, bool has_missed_pong)
{
    VsWebSocketPeer *peer = VS_CONTAINER_OF(socket, VsWebSocketPeer, socket);
    VsWebSocketServer *server = peer->server;

    (void)code;
    (void)has_missed_pong;
    peer_free(peer);
    server->config.closed(server);
}

static const VsWebSocketOps socket_ops = {.message = socket_message,
                                          .closed = socket_closed};

static void
close_when_answered(VsWebSocketPeer *peer)
{
    if (peer->server->is_draining && !peer->messages) {
        vs_websocket_close(&peer->socket, VS_WEBSOCKET_GOING_AWAY);
    }
}

void
vs_websocket_server_answer(VsHttpRequest *request, unsigned status, uint64_t bytes)
{
    VsWebSocketPeer *peer = request->websocket;
    VsHttpRequest **at = &peer->messages;
    VsPayload payload = request->payload;

    while (*at != request) {
        at = &(*at)->next_message;
    }
    *at = request->next_message;
    if (status == 200) {
        payload.websocket.bytes = bytes;
        vs_websocket_send(&peer->socket, &payload);
        close_when_answered(peer);
    } else {
        vs_websocket_close(&peer->socket,
                           status == 503 ? VS_WEBSOCKET_TRY_LATER : VS_WEBSOCKET_ERROR);
    }
}

void
vs_websocket_server_drain(VsWebSocketServer *server)
{
    server->is_draining = true;
    for (VsWebSocketPeer *peer = server->peers; peer; peer = peer->next) {
        close_when_answered(peer);
    }
}

void
vs_websocket_server_kill(VsWebSocketServer *server)
{
    while (server->peers) {
        vs_websocket_abort(&server->peers->socket);
        peer_free(server->peers);
    }
}

/* WebSockets of a server of HTTP (http_server.h): each message is a request of that, which is
 * worked on and answered as others are, by a message with its 'id'.  What is answered otherwise
 * than 200 closes the WebSocket: 503 with 1013 (try again later), else with 1011 (error).
 *
 * Besides, each may have messages pushed to it that answer nothing. */
#pragma once

#include "base/dist.h"
#include "base/rng.h"
#include "transport/http_server.h"
#include "transport/websocket.h"

typedef struct VsWebSocketServer VsWebSocketServer;
typedef struct VsWebSocketPeer VsWebSocketPeer;

typedef struct VsWebSocketServerConfig {
    VsEntity *entity;
    const char *name;  /* Of the random stream. */
    VsTime ping_every; /* 0: never. */
    VsDist push_every; /* From message to message, of each; mean 0: never. */
    uint64_t push_bytes;
    void (*closed)(VsWebSocketServer *server); /* One is over. */
} VsWebSocketServerConfig;

/* Zeroed memory has none. */
struct VsWebSocketServer {
    VsHttpServer *http;
    VsWebSocketServerConfig config;
    VsWebSocketConfig socket;
    VsWebSocketStats stats;
    VsPool pool;
    VsWebSocketPeer *peers; /* All that are open, the last first. */
    VsRng rng;
    bool is_draining;
    uint64_t n_open;
    uint64_t n_open_max;
    uint64_t n_opened;
    uint64_t n_pushed;
};

/* 'http' is open. */
void vs_websocket_server_open(VsWebSocketServer *server, VsHttpServer *http,
                              const VsWebSocketServerConfig *config);
void vs_websocket_server_close(VsWebSocketServer *server);

/* Grants the upgrade 'request', which is freed. */
void vs_websocket_server_accept(VsWebSocketServer *server, VsHttpRequest *request);

/* For vs_http_reply(), which frees it: answers a message that is still waited for. */
void vs_websocket_server_answer(VsHttpRequest *request, unsigned status,
                                uint64_t bytes);

/* The process shuts down: closes each (1001, going away) when its messages are answered. */
void vs_websocket_server_drain(VsWebSocketServer *server);

/* The process is killed: resets all.  Their requests are the http server's to lose. */
void vs_websocket_server_kill(VsWebSocketServer *server);

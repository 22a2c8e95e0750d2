/* An end of an open WebSocket (RFC 6455): messages both ways, pings, closing.
 *
 * The connection is one of TCP whose upgrade has been granted; it is the WebSocket's from then
 * on.  Who has pings sent takes the connection for dead when the next is due and the last has
 * not been answered.  Either end may begin to close: the other answers with the same code, and the
 * server closes the connection of TCP (section 7.1.1).  An end that hears no answer to its close
 * for 10 s resets.  Not modelled: fragments, extensions. */
#pragma once

#include "engine/timer.h"
#include "packet/websocket.h"
#include "transport/tcp.h"

typedef struct VsWebSocket VsWebSocket;

typedef struct VsWebSocketOps {
    /* A message has come: payload->websocket. */
    void (*message)(VsWebSocket *socket, const VsPayload *payload);

    /* It is over, and may be freed: 'code' is that of the close frame, or ABNORMAL if there
     * was none; 'has_missed_pong': we ended it for that. */
    void (*closed)(VsWebSocket *socket, unsigned code, bool has_missed_pong);
} VsWebSocketOps;

typedef struct VsWebSocketConfig {
    VsEntity *entity;
    const VsWebSocketOps *ops;
    bool is_client;
    VsTime ping_every; /* 0: never. */
} VsWebSocketConfig;

typedef struct VsWebSocketStats {
    uint64_t n_pings; /* Sent, */
    uint64_t n_pongs; /* and answered. */
} VsWebSocketStats;

/* Embedded in its owner. */
struct VsWebSocket {
    const VsWebSocketConfig *config; /* The owner's. */
    VsWebSocketStats *stats;         /* The same. */
    VsTcp *tcp;                      /* NULL: it is over. */
    unsigned code;                   /* Of the close that we have sent; 0: none. */
    bool awaits_pong;
    VsTimer timer; /* The next ping; or the end of our patience. */
};

void vs_websocket_open(VsWebSocket *socket, const VsWebSocketConfig *config,
                       VsWebSocketStats *stats, VsTcp *tcp);

/* Sends a message of payload->websocket.bytes with the 'id' of that, and its journey; nothing
 * happens when a close was sent. */
void vs_websocket_send(VsWebSocket *socket, const VsPayload *payload);

/* Begins to close; ops->closed follows.  Nothing happens the second time. */
void vs_websocket_close(VsWebSocket *socket, unsigned code);

/* Forgets it at once, with RST and without a word to the owner. */
void vs_websocket_abort(VsWebSocket *socket);

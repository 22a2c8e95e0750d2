#include "transport/websocket.h"

#include <glib.h>

#include "engine/run.h"

/* For the answer to a close. */
#define PATIENCE (10 * VS_S)

static const VsTcpOps tcp_ops;
static void timer_due(VsTimer *timer);

static VsTime
now_of(const VsWebSocket *socket)
{
    return vs_now(socket->config->entity->run);
}

static void
arm_ping(VsWebSocket *socket)
{
    if (socket->config->ping_every > 0) {
        vs_timer_arm(&socket->timer, now_of(socket) + socket->config->ping_every);
    }
}

void
vs_websocket_open(VsWebSocket *socket, const VsWebSocketConfig *config,
                  VsWebSocketStats *stats, VsTcp *tcp)
{
    *socket = (VsWebSocket){.config = config, .stats = stats, .tcp = tcp};
    vs_timer_init(&socket->timer, config->entity, timer_due);
    vs_tcp_set_ops(tcp, &tcp_ops, socket);
    arm_ping(socket);
}

static void
send_frame(VsWebSocket *socket, VsPayload *payload)
{
    payload->kind = VS_PAYLOAD_WEBSOCKET;
    payload->websocket.is_masked = socket->config->is_client;
    payload->websocket.sent = now_of(socket);
    vs_tcp_send(socket->tcp, payload, vs_websocket_bytes(&payload->websocket));
}

static void
send_control(VsWebSocket *socket, uint8_t opcode, uint16_t code)
{
    VsPayload payload = {
        .websocket = {.opcode = opcode,
                      .code = code,
                      .bytes = code != 0 ? VS_WEBSOCKET_CODE_BYTES : 0}};

    send_frame(socket, &payload);
}

void
vs_websocket_send(VsWebSocket *socket, const VsPayload *payload)
{
    VsPayload message = *payload;

    if (socket->tcp && socket->code == 0) {
        message.websocket.opcode = VS_WEBSOCKET_TEXT;
        send_frame(socket, &message);
    }
}

void
vs_websocket_close(VsWebSocket *socket, unsigned code)
{
    if (socket->tcp && socket->code == 0) {
        socket->code = code;
        send_control(socket, VS_WEBSOCKET_CLOSE, (uint16_t)code);
        vs_timer_arm(&socket->timer, now_of(socket) + PATIENCE);
    }
}

/* What TCP still has to say nobody hears. */
static VsTcp *
let_go(VsWebSocket *socket)
{
    VsTcp *tcp = socket->tcp;

    vs_timer_cancel(&socket->timer);
    vs_tcp_set_user(tcp, NULL);
    socket->tcp = NULL;
    return tcp;
}

void
vs_websocket_abort(VsWebSocket *socket)
{
    if (socket->tcp) {
        vs_tcp_abort(let_go(socket));
    }
}

static void
timer_due(VsTimer *timer)
{
    VsWebSocket *socket = VS_CONTAINER_OF(timer, VsWebSocket, timer);

    if (socket->code != 0 || socket->awaits_pong) {
        bool has_missed_pong = socket->code == 0;

        vs_websocket_abort(socket);
        socket->config->ops->closed(socket, VS_WEBSOCKET_ABNORMAL, has_missed_pong);
        return;
    }
    socket->awaits_pong = true;
    socket->stats->n_pings++;
    send_control(socket, VS_WEBSOCKET_PING, 0);
    arm_ping(socket);
}

/* The server closes the connection, and the client waits for that. */
static void
take_close(VsWebSocket *socket, unsigned code)
{
    if (socket->code == 0) {
        vs_websocket_close(socket, code);
    }
    if (!socket->config->is_client) {
        vs_tcp_close(let_go(socket));
        socket->config->ops->closed(socket, socket->code, false);
    }
}

static void
tcp_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsWebSocket *socket = vs_tcp_user(tcp);

    (void)bytes;
    if (!socket) {
        return;
    }
    if (payload->kind != VS_PAYLOAD_WEBSOCKET) {
        vs_websocket_abort(socket);
        socket->config->ops->closed(socket, VS_WEBSOCKET_ABNORMAL, false);
        return;
    }
    switch (payload->websocket.opcode) {
    case VS_WEBSOCKET_PING:
        if (socket->code == 0) {
            send_control(socket, VS_WEBSOCKET_PONG, 0);
        }
        break;
    case VS_WEBSOCKET_PONG:
        socket->stats->n_pongs += socket->awaits_pong;
        socket->awaits_pong = false;
        break;
    case VS_WEBSOCKET_CLOSE:
        take_close(socket, payload->websocket.code);
        break;
    default:
        socket->config->ops->message(socket, payload);
        break;
    }
}

/* A client that has closed waits for this; else it was cut. */
static void
tcp_finished(VsTcp *tcp)
{
    VsWebSocket *socket = vs_tcp_user(tcp);

    vs_tcp_close(tcp);
    if (socket) {
        unsigned code = socket->code;

        let_go(socket);
        socket->config->ops->closed(socket, code != 0 ? code : VS_WEBSOCKET_ABNORMAL,
                                    false);
    }
}

static void
tcp_broken(VsTcp *tcp, VsTcpEnd end)
{
    VsWebSocket *socket = vs_tcp_user(tcp);

    (void)end;
    if (socket) {
        let_go(socket);
        socket->config->ops->closed(socket, VS_WEBSOCKET_ABNORMAL, false);
    }
}

static void
tcp_connected(VsTcp *tcp)
{
    (void)tcp; /* It was. */
}

static const VsTcpOps tcp_ops = {
    .connected = tcp_connected,
    .message = tcp_message,
    .finished = tcp_finished,
    .broken = tcp_broken,
};

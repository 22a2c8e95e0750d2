#include <glib.h>

#include "packet/packet.h"
#include "transport/http_server_internal.h"

enum { JITTER_PERCENT = 10 };

static void
server_message(VsHttp2Stream *stream, const VsPayload *payload)
{
    vs_http_request_begin(stream->session->user, payload, stream);
}

/* The client does not wait any more: the answer will go nowhere. */
static void
server_reset(VsHttp2Stream *stream, bool is_untouched)
{
    VsHttpRequest *request = stream->user;

    (void)is_untouched;
    request->connection = NULL;
    request->stream = NULL;
}

static void
server_drained(VsHttp2Session *session)
{
    vs_http2_session_close(session);
}

static const VsHttp2Ops server_ops = {
    .message = server_message, .reset = server_reset, .drained = server_drained};

void
vs_http_server_set_http2(VsHttpServer *server, const VsHttp2ServerConfig *config,
                         VsEntity *entity, const char *name)
{
    VsHttp2Config http2 = {
        .is_server = true, .n_streams = config->n_streams, .window = config->window};

    server->http2 = g_new0(VsHttp2Server, 1);
    server->http2->config = *config;
    server->http2->entity = entity;
    vs_rng_init(&server->http2->rng, server->netns->run->seed, name,
                "max-connection-age");
    vs_http2_open(&server->http2->http2, server->netns, &http2, &server_ops);
}

const VsHttp2 *
vs_http_server_http2(const VsHttpServer *server)
{
    return server->http2 ? &server->http2->http2 : NULL;
}

void
vs_http2_server_free(VsHttp2Server *server)
{
    if (server) {
        vs_http2_close(&server->http2);
        g_free(server);
    }
}

/* Connections. --------------------------------------------------------------------- */

/* Its age is reached: GOAWAY; or its grace is over. */
static void
age_due(VsTimer *timer)
{
    VsHttpConnection *connection = VS_CONTAINER_OF(timer, VsHttpConnection, age);
    VsTime grace = connection->server->http2->config.max_age_grace;

    if (connection->session->is_going_away) {
        VsTcp *tcp = connection->tcp;

        vs_http_connection_free(connection);
        vs_tcp_abort(tcp);
        return;
    }
    vs_http2_session_go_away(connection->session);
    if (grace > 0) {
        vs_timer_arm(timer, timer->due + grace);
    }
}

static void
open_session(VsHttpConnection *connection)
{
    VsHttp2Server *server = connection->server->http2;
    VsTime age = server->config.max_age;
    VsTime jitter = age / 100 * JITTER_PERCENT;

    connection->session =
        vs_http2_session_new(&server->http2, connection->tcp, connection);
    vs_timer_init(&connection->age, server->entity, age_due);
    if (age > 0) {
        vs_timer_arm(&connection->age,
                     vs_now(server->entity->run) + age - jitter +
                         (VsTime)vs_rng_below(&server->rng, 2 * (uint64_t)jitter + 1));
    }
}

bool
vs_http2_connection_message(VsHttpConnection *connection, const VsPayload *payload)
{
    if (!connection->session) {
        if (payload->kind != VS_PAYLOAD_HTTP2 || !connection->server->http2 ||
            connection->n_requests > 0) {
            return false;
        }
        open_session(connection);
    }
    return vs_http2_session_receive(connection->session, payload);
}

void
vs_http2_connection_finished(VsHttpConnection *connection)
{
    VsHttp2Session *session = connection->session;

    session->is_going_away = true;
    session->is_last_told = true;
    if (session->n_streams == 0 && !session->is_closed) {
        vs_http2_session_close(session);
    }
}

void
vs_http2_connection_clear(VsHttpConnection *connection)
{
    VsHttp2Session *session = connection->session;

    if (!session) {
        return;
    }
    vs_timer_cancel(&connection->age);
    for (VsHttp2Stream *stream = session->streams; stream; stream = stream->next) {
        if (stream->user) {
            server_reset(stream, false);
        }
    }
    vs_http2_session_free(session);
    connection->session = NULL;
}

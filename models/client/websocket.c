#include "models/client/client.h"

enum { SESSIONS_A_SLAB = 32 };

/* A user who wants to be connected. */
typedef struct ClientSession {
    Client *client;
    uint32_t user; /* Closed loop: whose. */
    VsTime began;
    bool is_ending; /* It sends no more. */
    ClientRequest *opening;
    VsTcp *tcp; /* While opening: its connection, once there is one. */
    VsWebSocket socket;
    bool is_open;
    uint32_t n_failures; /* Openings in sequence. */
    uint32_t last_id;
    ClientRequest *messages; /* Not answered, in order. */
    ClientRequest *last_message;
    VsTimer next_message;
    VsTimer life;
    VsTimer reconnect;
} ClientSession;

static const VsTcpOps opening_ops;
static const VsWebSocketOps socket_ops;
static void message_due(VsTimer *timer);
static void life_over(VsTimer *timer);
static void reconnect_due(VsTimer *timer);

bool
client_is_websocket(const char *url)
{
    return g_ascii_strncasecmp(url, "ws://", strlen("ws://")) == 0 ||
           g_ascii_strncasecmp(url, "wss://", strlen("wss://")) == 0;
}

char *
client_http_url(const char *url)
{
    return client_is_websocket(url) ? g_strdup_printf("http%s", url + strlen("ws"))
                                    : g_strdup(url);
}

/* Attributes of one scheme with the other. */
bool
client_websocket_check(const ClientWebSocketConfig *config, const char *url,
                       const VsElement *element, GError **error)
{
    static const char *const of_websocket[] = {
        "message-every",   "message",       "lifetime",        "ping-every",
        "reconnect-after", "reconnect-max", "reconnect-jitter"};
    static const char *const of_http[] = {
        "trace",       "keep-alive",       "http-version",         "channels",
        "body",        "http2-window",     "grpc-policy",          "closes-first",
        "retries",     "try-timeout",      "hedge-after",          "retry-budget",
        "quic-idle",   "breaker-failures", "breaker-failure-rate", "backoff",
        "backoff-max", "backoff-jitter",   "tls-early-data"};
    bool is_websocket = client_is_websocket(url);
    const char *const *names = is_websocket ? of_http : of_websocket;
    unsigned n_names =
        is_websocket ? G_N_ELEMENTS(of_http) : G_N_ELEMENTS(of_websocket);

    for (unsigned i = 0; i < n_names; i++) {
        if (vs_element_has(element, names[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect on a URL of %s; %s", names[i],
                            is_websocket ? "WebSocket (ws://)" : "HTTP",
                            is_websocket ? "leave it out"
                                         : "write ws:// or wss://, or leave it out");
            return false;
        }
    }
    if (is_websocket && vs_dist_mean(&config->message_every) == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "message-every has a mean of 0: write 1s, exponential(1s), or "
                        "1h for connections that hardly send");
        return false;
    }
    return true;
}

void
client_websocket_open(Client *client, const char *authority, const char *path)
{
    ClientWebSocket *websocket = &client->websocket;
    VsNames *names = &client->netns->run->packets->names;
    uint64_t seed = client->netns->run->seed;

    vs_pool_init(&websocket->sessions, sizeof(ClientSession), SESSIONS_A_SLAB);
    websocket->is_on = client_is_websocket(client->config->to);
    websocket->config =
        (VsWebSocketConfig){.entity = &client->entity,
                            .ops = &socket_ops,
                            .is_client = true,
                            .ping_every = client->config->websocket.ping_every};
    websocket->upgrade = vs_http_new_request(names, authority, path, 0, false);
    websocket->upgrade.http.is_upgrade = true;
    vs_http_measure(&websocket->upgrade.http, names);
    vs_rng_init(&websocket->message_rng, seed, client->name, "message-every");
    vs_rng_init(&websocket->life_rng, seed, client->name, "lifetime");
    vs_rng_init(&websocket->backoff_rng, seed, client->name, "reconnect-after");
}

void
client_websocket_close(Client *client)
{
    if (client->websocket.config.entity) {
        vs_pool_clear(&client->websocket.sessions);
    }
}

static VsTime
now_of(const ClientSession *session)
{
    return vs_now(session->client->entity.run);
}

/* Sessions. ------------------------------------------------------------------------ */

static void
open_connection(ClientSession *session)
{
    session->opening = client_request_begin(session->client, now_of(session));
    session->opening->session = session;
    client_lookup(session->opening);
}

void
client_session_begin(Client *client, VsTime began, uint32_t user)
{
    const ClientWebSocketConfig *config = &client->config->websocket;
    ClientWebSocket *websocket = &client->websocket;
    ClientSession *session = vs_pool_alloc(&websocket->sessions);

    *session = (ClientSession){.client = client, .user = user, .began = began};
    vs_timer_init(&session->next_message, &client->entity, message_due);
    vs_timer_init(&session->life, &client->entity, life_over);
    vs_timer_init(&session->reconnect, &client->entity, reconnect_due);
    vs_timer_arm(&session->next_message,
                 began + vs_dist_draw(&config->message_every, &websocket->message_rng));
    if (vs_dist_mean(&config->lifetime) > 0) {
        vs_timer_arm(&session->life,
                     began + vs_dist_draw(&config->lifetime, &websocket->life_rng));
    }
    open_connection(session);
}

/* Nothing of it is under way. */
static void
session_end(ClientSession *session)
{
    Client *client = session->client;
    uint32_t user = session->user;
    VsTime began = session->began;

    vs_timer_cancel(&session->reconnect);
    vs_pool_free(&client->websocket.sessions, session);
    client_load_next(client, user, began);
}

/* The first of its messages that has been sent, or that has not; or NULL. */
static ClientRequest *
find_message(const ClientSession *session, bool is_sent)
{
    ClientRequest *at = session->messages;

    while (at && at->is_sent != is_sent) {
        at = at->next;
    }
    return at;
}

static void
fail_messages(ClientSession *session, bool is_sent)
{
    ClientRequest *message;

    while ((message = find_message(session, is_sent))) {
        client_fail(message, CLIENT_ERROR_RESET);
    }
}

/* There is no connection any more. */
static void
session_lost(ClientSession *session)
{
    Client *client = session->client;
    const ClientWebSocketConfig *config = &client->config->websocket;
    const VsBackoff backoff = {.base = config->reconnect,
                               .max = config->reconnect_max,
                               .is_jittered = vs_call_jitter_is_full(config->jitter)};

    if (session->is_ending) {
        fail_messages(session, false);
        session_end(session);
        return;
    }
    session->n_failures++;
    vs_timer_arm(&session->reconnect,
                 now_of(session) + vs_backoff_draw(&backoff, session->n_failures,
                                                   &client->websocket.backoff_rng));
}

static void
reconnect_due(VsTimer *timer)
{
    ClientSession *session = VS_CONTAINER_OF(timer, ClientSession, reconnect);

    session->client->websocket.stats.n_reconnects++;
    open_connection(session);
}

/* Its life is over, and so is what it has asked. */
static void
close_when_done(ClientSession *session)
{
    if (session->is_ending && session->is_open && !session->messages) {
        vs_websocket_close(&session->socket, VS_WEBSOCKET_NORMAL);
    }
}

static void
life_over(VsTimer *timer)
{
    ClientSession *session = VS_CONTAINER_OF(timer, ClientSession, life);

    session->is_ending = true;
    vs_timer_cancel(&session->next_message);
    if (vs_timer_is_armed(&session->reconnect)) {
        fail_messages(session, false);
        session_end(session);
    } else {
        close_when_done(session);
    }
}

/* Messages. ------------------------------------------------------------------------ */

static void
push_message(ClientSession *session, ClientRequest *message)
{
    message->next = NULL;
    if (session->messages) {
        session->last_message->next = message;
    } else {
        session->messages = message;
    }
    session->last_message = message;
}

static void
remove_message(ClientSession *session, const ClientRequest *message)
{
    ClientRequest *before = NULL;

    for (ClientRequest *at = session->messages; at != message; at = at->next) {
        before = at;
    }
    if (before) {
        before->next = message->next;
    } else {
        session->messages = message->next;
    }
    if (session->last_message == message) {
        session->last_message = before;
    }
}

static void
send_message(ClientSession *session, ClientRequest *message)
{
    VsPayload payload = {
        .websocket = {.id = message->id,
                      .bytes = session->client->config->websocket.message_bytes}};

    message->is_sent = true;
    client_enter_phase(message, CLIENT_PHASE_REQUEST);
    vs_payload_set_journey(&payload, &message->journey);
    vs_websocket_send(&session->socket, &payload);
}

static void
message_due(VsTimer *timer)
{
    ClientSession *session = VS_CONTAINER_OF(timer, ClientSession, next_message);
    Client *client = session->client;
    ClientRequest *message;

    if (!client_may_begin(client, timer->due)) {
        return;
    }
    message = client_request_begin(client, timer->due);
    message->session = session;
    message->id = ++session->last_id;
    message->is_sent = false;
    push_message(session, message);
    client_enter_phase(message, CLIENT_PHASE_CONNECT);
    vs_timer_arm(timer,
                 timer->due + vs_dist_draw(&client->config->websocket.message_every,
                                           &client->websocket.message_rng));
    if (session->is_open) {
        send_message(session, message);
    }
}

static void
socket_message(VsWebSocket *socket, const VsPayload *payload)
{
    ClientSession *session = VS_CONTAINER_OF(socket, ClientSession, socket);
    ClientWebSocketStats *stats = &session->client->websocket.stats;
    const VsWebSocketFrame *frame = &payload->websocket;
    ClientRequest *message = session->messages;

    if (frame->id == 0) {
        stats->n_pushes++;
        vs_histogram_record(&stats->push, now_of(session) - frame->sent);
        return;
    }
    while (message && message->id != frame->id) {
        message = message->next;
    }
    if (message) { /* Else it came too late. */
        client_complete(message);
    }
}

static void
count_end(ClientWebSocketStats *stats, unsigned code, bool has_missed_pong)
{
    stats->n_open--;
    if (has_missed_pong) {
        stats->n_dead++;
    } else if (code == VS_WEBSOCKET_NORMAL) {
        stats->n_normal++;
    } else if (code == VS_WEBSOCKET_GOING_AWAY) {
        stats->n_going_away++;
    } else if (code == VS_WEBSOCKET_ABNORMAL) {
        stats->n_cut++;
    } else {
        stats->n_errors++;
    }
}

static void
socket_closed(VsWebSocket *socket, unsigned code, bool has_missed_pong)
{
    ClientSession *session = VS_CONTAINER_OF(socket, ClientSession, socket);

    count_end(&session->client->websocket.stats, code, has_missed_pong);
    session->is_open = false;
    fail_messages(session, true);
    session_lost(session);
}

static const VsWebSocketOps socket_ops = {.message = socket_message,
                                          .closed = socket_closed};

/* The connection of an opening, of which nothing more is heard. */
static VsTcp *
let_go(ClientSession *session)
{
    VsTcp *tcp = session->tcp;

    session->tcp = NULL;
    vs_tcp_set_user(tcp, NULL);
    return tcp;
}

/* A request of a session has ended, well or not. */
void
client_session_request_ended(ClientRequest *request)
{
    ClientSession *session = request->session;

    if (request != session->opening) {
        remove_message(session, request);
        close_when_done(session);
        return;
    }
    session->opening = NULL;
    if (session->tcp) { /* It took too long. */
        vs_tcp_abort(let_go(session));
    }
    if (!session->is_open) {
        session_lost(session);
    }
}

/* Openings. ------------------------------------------------------------------------ */

void
client_session_connect(ClientRequest *request)
{
    ClientSession *session = request->session;
    Client *client = session->client;

    client_enter_phase(request, CLIENT_PHASE_CONNECT);
    session->tcp = vs_tcp_connect(client->netns, 0, client->address, client->port,
                                  &request->journey, &opening_ops, session);
    if (client->is_tls) {
        vs_tls_start(session->tcp, &client->tls, &request->journey);
    }
}

static void
opening_connected(VsTcp *tcp)
{
    ClientSession *session = vs_tcp_user(tcp);

    if (session) {
        VsPayload payload = session->client->websocket.upgrade;

        client_enter_phase(session->opening, CLIENT_PHASE_REQUEST);
        vs_payload_set_journey(&payload, &session->opening->journey);
        vs_tcp_send(tcp, &payload, payload.http.head_bytes);
    }
}

static void
session_opened(ClientSession *session)
{
    Client *client = session->client;
    ClientWebSocketStats *stats = &client->websocket.stats;
    VsTcp *tcp = let_go(session);

    session->is_open = true;
    session->n_failures = 0;
    stats->n_opened++;
    stats->n_open++;
    stats->n_open_max = MAX(stats->n_open_max, stats->n_open);
    vs_histogram_record(&stats->opening,
                        now_of(session) - session->opening->journey.started);
    client->n_completed++;
    client_request_end(session->opening);
    vs_websocket_open(&session->socket, &client->websocket.config, &stats->pings, tcp);
    for (ClientRequest *message = session->messages; message; message = message->next) {
        send_message(session, message);
    }
    close_when_done(session);
}

static void
opening_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    ClientSession *session = vs_tcp_user(tcp);

    (void)bytes;
    if (!session) {
        return;
    }
    if (payload->kind == VS_PAYLOAD_HTTP && payload->http.status == VS_HTTP_SWITCHING) {
        session_opened(session);
    } else {
        vs_tcp_close(let_go(session));
        client_fail(session->opening, client_error_of_status(payload->http.status));
    }
}

static void
opening_finished(VsTcp *tcp)
{
    ClientSession *session = vs_tcp_user(tcp);

    vs_tcp_close(tcp);
    if (session) {
        let_go(session);
        client_fail(session->opening, CLIENT_ERROR_RESET);
    }
}

static void
opening_broken(VsTcp *tcp, VsTcpEnd end)
{
    ClientSession *session = vs_tcp_user(tcp);

    if (session) {
        let_go(session);
        client_fail(session->opening, client_error_of_end((VsCallFailure)end));
    }
}

static const VsTcpOps opening_ops = {
    .connected = opening_connected,
    .message = opening_message,
    .finished = opening_finished,
    .broken = opening_broken,
};

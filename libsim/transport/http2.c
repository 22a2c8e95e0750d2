#include "transport/http2.h"

#include <glib.h>

#include "packet/packet.h"

enum {
    SESSIONS_A_SLAB = 16,
    STREAMS_A_SLAB = 64,
    REFRESH_BYTES = 4096, /* inflowMinRefresh of Go. */
};

void
vs_http2_open(VsHttp2 *http2, VsNetns *netns, const VsHttp2Config *config,
              const VsHttp2Ops *ops)
{
    *http2 = (VsHttp2){.netns = netns, .config = *config, .ops = ops};
    vs_pool_init(&http2->sessions, sizeof(VsHttp2Session), SESSIONS_A_SLAB);
    vs_pool_init(&http2->streams, sizeof(VsHttp2Stream), STREAMS_A_SLAB);
    vs_table_init(&http2->by_number);
}

void
vs_http2_close(VsHttp2 *http2)
{
    if (http2->netns) {
        vs_pool_clear(&http2->sessions);
        vs_pool_clear(&http2->streams);
        vs_table_clear(&http2->by_number);
        http2->netns = NULL;
    }
}

/* Streams. ------------------------------------------------------------------------- */

static VsKey
key_of(const VsHttp2Session *session, uint32_t number)
{
    return (VsKey){{session->number, number}};
}

static VsHttp2Stream *
find_stream(const VsHttp2Session *session, uint32_t number)
{
    return vs_table_find(&session->http2->by_number, key_of(session, number));
}

static VsHttp2Stream *
stream_new(VsHttp2Session *session, uint32_t number)
{
    VsHttp2Stream *stream = vs_pool_alloc(&session->http2->streams);

    *stream = (VsHttp2Stream){.session = session,
                              .next = session->streams,
                              .number = number,
                              .send_window = session->peer_window};
    if (session->streams) {
        session->streams->previous = stream;
    }
    session->streams = stream;
    session->n_streams++;
    session->last_stream = number;
    vs_table_insert(&session->http2->by_number, key_of(session, number), stream);
    return stream;
}

static void
push_ready(VsHttp2Stream *stream)
{
    VsHttp2Session *session = stream->session;

    stream->is_ready = true;
    stream->next_ready = NULL;
    if (session->first_ready) {
        session->last_ready->next_ready = stream;
    } else {
        session->first_ready = stream;
    }
    session->last_ready = stream;
}

static VsHttp2Stream *
pop_ready(VsHttp2Session *session)
{
    VsHttp2Stream *stream = session->first_ready;

    session->first_ready = stream->next_ready;
    stream->is_ready = false;
    return stream;
}

static void
leave_ready(VsHttp2Stream *stream)
{
    VsHttp2Session *session = stream->session;
    VsHttp2Stream *before = NULL;

    for (VsHttp2Stream *at = session->first_ready; at != stream; at = at->next_ready) {
        before = at;
    }
    if (before) {
        before->next_ready = stream->next_ready;
    } else {
        session->first_ready = stream->next_ready;
    }
    if (session->last_ready == stream) {
        session->last_ready = before;
    }
}

static void
stream_free(VsHttp2Stream *stream)
{
    VsHttp2Session *session = stream->session;

    if (stream->is_ready) {
        leave_ready(stream);
    }
    if (stream->previous) {
        stream->previous->next = stream->next;
    } else {
        session->streams = stream->next;
    }
    if (stream->next) {
        stream->next->previous = stream->previous;
    }
    session->n_streams--;
    vs_table_remove(&session->http2->by_number, key_of(session, stream->number));
    vs_pool_free(&session->http2->streams, stream);
}

/* Whatever may follow when a stream has ended; the last thing done. */
static void
after_stream(VsHttp2Session *session)
{
    const VsHttp2 *http2 = session->http2;

    if (session->is_closed) {
        return;
    }
    if (session->is_going_away && session->n_streams == 0 &&
        (!http2->config.is_server || session->is_last_told)) {
        http2->ops->drained(session);
    } else if (!http2->config.is_server && vs_http2_session_has_room(session)) {
        http2->ops->has_room(session);
    }
}

/* Sending. ------------------------------------------------------------------------- */

static void
send_frames(VsHttp2Session *session, VsPayload *payload)
{
    payload->kind = VS_PAYLOAD_HTTP2;
    if (!session->is_closed) {
        vs_tcp_send(session->tcp, payload,
                    vs_http2_bytes(&payload->http2,
                                   &session->http2->netns->run->packets->names));
    }
}

/* Frames that are about the connection, or about 'stream' without its message. */
static void
send_control(VsHttp2Session *session, uint16_t set, uint32_t stream, uint32_t argument)
{
    VsPayload payload = {.http2 = {.set = set, .stream = stream, .argument = argument}};

    send_frames(session, &payload);
}

/* The longest piece of the body that may go now. */
static uint32_t
next_bytes(const VsHttp2Stream *stream)
{
    int64_t window = MIN(stream->send_window, stream->session->send_window);

    return window > 0
               ? (uint32_t)MIN(MIN(stream->unsent, (uint64_t)window), VS_HTTP2_DATA_MAX)
               : 0;
}

/* Does TCP want more? */
static bool
is_hungry(const VsHttp2Session *session)
{
    return vs_tcp_unsent_bytes(session->tcp) < VS_HTTP2_DATA_MAX;
}

/* Sends HEADERS, or not, and 'bytes' of the body.  True when that was all of it. */
static bool
send_piece(VsHttp2Stream *stream, uint16_t set, uint32_t bytes)
{
    VsHttp2Session *session = stream->session;
    VsPayload payload = {.http2 = {.http = stream->payload.http,
                                   .stream = stream->number,
                                   .set = set,
                                   .data_bytes = (uint16_t)bytes}};
    bool is_last = stream->unsent == bytes;

    if (bytes > 0) {
        payload.http2.set |= VS_HTTP2_DATA;
        stream->unsent -= bytes;
        stream->send_window -= bytes;
        session->send_window -= bytes;
    }
    if (is_last) {
        payload.http2.set |= VS_HTTP2_END_STREAM;
        payload.journey = stream->payload.journey;
        payload.journey_generation = stream->payload.journey_generation;
    }
    send_frames(session, &payload);
    return is_last;
}

/* Pieces of bodies in turn.  A stream without window leaves the round until it has some. */
static void
send_bodies(VsHttp2Session *session)
{
    bool has_ended = false;

    while (session->first_ready && session->send_window > 0 && !session->is_closed &&
           is_hungry(session)) {
        VsHttp2Stream *stream = pop_ready(session);
        uint32_t bytes = next_bytes(stream);

        if (bytes == 0) {
            continue;
        }
        if (!send_piece(stream, 0, bytes)) {
            push_ready(stream);
        } else if (session->http2->config.is_server) {
            stream_free(stream);
            has_ended = true;
        }
    }
    if (has_ended) {
        after_stream(session);
    }
}

void
vs_http2_session_continue(VsHttp2Session *session)
{
    send_bodies(session);
}

/* The block of a request: is its host in the dynamic table? */
static uint16_t
host_flags(VsHttp2Session *session, const VsHttp *http)
{
    if (session->host == 0) {
        session->host = http->host;
        return VS_HTTP2_NEW_HOST;
    }
    return session->host == http->host ? VS_HTTP2_KNOWN_HOST : 0;
}

/* True when all of the message is with TCP. */
static bool
send_message(VsHttp2Stream *stream, const VsPayload *payload)
{
    VsHttp2Session *session = stream->session;
    uint16_t set = VS_HTTP2_HEADERS;
    bool is_alone = !session->first_ready && is_hungry(session);

    stream->payload = *payload;
    stream->unsent = payload->http.body_bytes;
    if (payload->http.status == 0) {
        set |= host_flags(session, &payload->http);
        set |= session->http2->config.is_tls ? VS_HTTP2_HTTPS : 0;
    }
    if (send_piece(stream, set, is_alone ? next_bytes(stream) : 0)) {
        return true;
    }
    push_ready(stream);
    return false;
}

VsHttp2Stream *
vs_http2_request(VsHttp2Session *session, const VsPayload *payload, void *user)
{
    VsHttp2Stream *stream =
        stream_new(session, session->last_stream == 0 ? 1 : session->last_stream + 2);

    g_assert(stream->number <= VS_HTTP2_STREAM_MAX);
    stream->user = user;
    if (!send_message(stream, payload)) {
        send_bodies(session);
    }
    return stream;
}

void
vs_http2_answer(VsHttp2Stream *stream, const VsPayload *payload)
{
    VsHttp2Session *session = stream->session;

    stream->user = NULL;
    if (send_message(stream, payload)) {
        stream_free(stream);
        after_stream(session);
    } else {
        send_bodies(session);
    }
}

void
vs_http2_cancel(VsHttp2Stream *stream)
{
    VsHttp2Session *session = stream->session;

    send_control(session, VS_HTTP2_RST_STREAM, stream->number, VS_HTTP2_CANCEL);
    stream_free(stream);
    after_stream(session);
}

/* Receiving. ----------------------------------------------------------------------- */

/* New streams have the window; open ones get what it has grown by (section 6.9.2). */
static void
take_settings(VsHttp2Session *session, const VsHttp2Frames *frames)
{
    int64_t growth = (int64_t)frames->window - session->peer_window;

    session->is_settled = true;
    session->n_streams_max = frames->argument;
    session->peer_window = frames->window;
    session->send_window +=
        MAX(frames->window, (uint32_t)VS_HTTP2_WINDOW_BYTES) - VS_HTTP2_WINDOW_BYTES;
    for (VsHttp2Stream *stream = session->streams; stream; stream = stream->next) {
        stream->send_window += growth;
        if (!stream->is_ready && stream->unsent > 0) {
            push_ready(stream);
        }
    }
    send_control(session, VS_HTTP2_SETTINGS_ACK, 0, 0);
    send_bodies(session);
    if (!session->http2->config.is_server && !session->is_closed &&
        vs_http2_session_has_room(session)) {
        session->http2->ops->has_room(session);
    }
}

static void
take_updates(VsHttp2Session *session, const VsHttp2Frames *frames)
{
    VsHttp2Stream *stream = frames->set & VS_HTTP2_STREAM_UPDATE
                                ? find_stream(session, frames->stream)
                                : NULL;

    if (frames->set & VS_HTTP2_UPDATE) {
        session->send_window += frames->argument;
    }
    if (stream) {
        stream->send_window += frames->window;
        if (!stream->is_ready && stream->unsent > 0) {
            push_ready(stream);
        }
    }
    send_bodies(session);
}

/* Is so much consumed of a window that the peer is to hear of it? */
static inline bool
is_worth_telling(uint32_t consumed, uint32_t window)
{
    return consumed >= REFRESH_BYTES || consumed >= window - consumed;
}

/* Data have come, and are consumed. */
static void
give_back(VsHttp2Session *session, VsHttp2Stream *stream, const VsHttp2Frames *frames)
{
    uint32_t window = session->http2->config.window;
    uint32_t bytes = frames->data_bytes;
    VsPayload payload = {.http2 = {.stream = frames->stream}};

    session->consumed += bytes;
    if (is_worth_telling(session->consumed,
                         MAX(window, (uint32_t)VS_HTTP2_WINDOW_BYTES))) {
        payload.http2.set |= VS_HTTP2_UPDATE;
        payload.http2.argument = session->consumed;
        session->consumed = 0;
    }
    if (stream && !(frames->set & VS_HTTP2_END_STREAM)) {
        stream->consumed += bytes;
        if (is_worth_telling(stream->consumed, window)) {
            payload.http2.set |= VS_HTTP2_STREAM_UPDATE;
            payload.http2.window = stream->consumed;
            stream->consumed = 0;
        }
    }
    if (payload.http2.set != 0) {
        send_frames(session, &payload);
    }
}

static void
tell_message(VsHttp2Stream *stream, const VsPayload *payload)
{
    VsHttp2Session *session = stream->session;
    const VsHttp2 *http2 = session->http2;
    VsPayload message = {.kind = VS_PAYLOAD_HTTP,
                         .journey_generation = payload->journey_generation,
                         .journey = payload->journey,
                         .http = payload->http2.http};

    if (http2->config.is_server) {
        http2->ops->message(stream, &message);
    } else {
        VsHttp2Stream ended = *stream;

        stream_free(stream);
        after_stream(session);
        http2->ops->message(&ended, &message);
    }
}

/* A server's new stream; NULL: it was refused, or comes after the last one. */
static VsHttp2Stream *
accept_stream(VsHttp2Session *session, uint32_t number)
{
    VsHttp2 *http2 = session->http2;

    if (session->is_last_told) {
        return NULL; /* The client sends it elsewhere. */
    }
    if (session->n_streams >= http2->config.n_streams) {
        http2->n_refused++;
        session->last_stream = number;
        send_control(session, VS_HTTP2_RST_STREAM, number, VS_HTTP2_REFUSED_STREAM);
        return NULL;
    }
    return stream_new(session, number);
}

static void
take_message(VsHttp2Session *session, const VsPayload *payload)
{
    const VsHttp2Frames *frames = &payload->http2;
    bool is_new = session->http2->config.is_server && (frames->set & VS_HTTP2_HEADERS);
    VsHttp2Stream *stream = is_new ? accept_stream(session, frames->stream)
                                   : find_stream(session, frames->stream);

    if (frames->set & VS_HTTP2_DATA) {
        give_back(session, stream, frames);
    }
    if (stream && (frames->set & VS_HTTP2_END_STREAM)) {
        tell_message(stream, payload);
    }
}

static void
reset_stream(VsHttp2Stream *stream, bool is_untouched)
{
    VsHttp2Session *session = stream->session;
    VsHttp2Stream ended = *stream;

    stream_free(stream);
    if (ended.user) {
        session->http2->ops->reset(&ended, is_untouched);
    }
}

static void
take_reset(VsHttp2Session *session, const VsHttp2Frames *frames)
{
    VsHttp2Stream *stream = find_stream(session, frames->stream);

    if (stream) {
        reset_stream(stream, frames->argument == VS_HTTP2_REFUSED_STREAM);
        after_stream(session);
    }
}

/* Streams above the last one were not looked at: the owner may send them elsewhere. */
static void
take_goaway(VsHttp2Session *session, const VsHttp2Frames *frames)
{
    VsHttp2Stream *next;

    if (!session->is_going_away) {
        session->is_going_away = true;
        session->http2->n_goaways++;
        session->http2->ops->going_away(session);
    }
    for (VsHttp2Stream *stream = session->streams; stream; stream = next) {
        next = stream->next;
        if (stream->number > frames->argument) {
            reset_stream(stream, true);
        }
    }
    if (frames->set & VS_HTTP2_PING) {
        send_control(session, VS_HTTP2_PING_ACK, 0, 0);
    }
    after_stream(session);
}

/* A round trip after the first GOAWAY: what was under way has come. */
static void
take_ping_ack(VsHttp2Session *session)
{
    session->is_last_told = true;
    send_control(session, VS_HTTP2_GOAWAY, 0, session->last_stream);
    after_stream(session);
}

bool
vs_http2_session_receive(VsHttp2Session *session, const VsPayload *payload)
{
    const VsHttp2Frames *frames = &payload->http2;

    if (payload->kind != VS_PAYLOAD_HTTP2 ||
        (!session->is_settled && !(frames->set & VS_HTTP2_SETTINGS))) {
        return false;
    }
    if (frames->set & VS_HTTP2_SETTINGS) {
        take_settings(session, frames);
    } else if (frames->set & (VS_HTTP2_UPDATE | VS_HTTP2_STREAM_UPDATE)) {
        take_updates(session, frames);
    } else if (frames->set & (VS_HTTP2_HEADERS | VS_HTTP2_DATA)) {
        take_message(session, payload);
    } else if (frames->set & VS_HTTP2_RST_STREAM) {
        take_reset(session, frames);
    } else if (frames->set & VS_HTTP2_GOAWAY) {
        take_goaway(session, frames);
    } else if (frames->set & VS_HTTP2_PING_ACK) {
        take_ping_ack(session);
    }
    return true;
}

/* Sessions. ------------------------------------------------------------------------ */

VsHttp2Session *
vs_http2_session_new(VsHttp2 *http2, VsTcp *tcp, void *user)
{
    VsHttp2Session *session = vs_pool_alloc(&http2->sessions);
    VsPayload payload = {.http2 = {.set = VS_HTTP2_SETTINGS,
                                   .argument = http2->config.n_streams,
                                   .window = http2->config.window}};

    *session = (VsHttp2Session){.http2 = http2,
                                .tcp = tcp,
                                .user = user,
                                .number = http2->n_sessions++,
                                .n_streams_max = VS_HTTP2_STREAMS_UNTOLD,
                                .peer_window = VS_HTTP2_WINDOW_BYTES,
                                .send_window = VS_HTTP2_WINDOW_BYTES};
    if (!http2->config.is_server) {
        payload.http2.set |= VS_HTTP2_PREFACE;
    }
    send_frames(session, &payload);
    return session;
}

void
vs_http2_session_free(VsHttp2Session *session)
{
    while (session->streams) {
        stream_free(session->streams);
    }
    vs_pool_free(&session->http2->sessions, session);
}

bool
vs_http2_session_has_room(const VsHttp2Session *session)
{
    return !session->is_going_away && !session->is_closed &&
           session->n_streams < session->n_streams_max;
}

void
vs_http2_session_go_away(VsHttp2Session *session)
{
    if (!session->is_going_away) {
        session->is_going_away = true;
        session->http2->n_goaways++;
        send_control(session, VS_HTTP2_GOAWAY | VS_HTTP2_PING, 0, VS_HTTP2_STREAM_MAX);
    }
}

void
vs_http2_session_drain(VsHttp2Session *session)
{
    session->is_going_away = true;
    after_stream(session);
}

void
vs_http2_session_close(VsHttp2Session *session)
{
    session->is_closed = true;
    vs_tcp_close(session->tcp);
}

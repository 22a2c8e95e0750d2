#include <glib.h>

#include "packet/packet.h"
#include "transport/quic_internal.h"

static VsKey
stream_key(const VsQuicConnection *connection, uint64_t number)
{
    return (VsKey){{connection->id, number}};
}

VsQuicStream *
vs_quic_stream_find(const VsQuicConnection *connection, uint64_t number)
{
    return vs_table_find(&connection->quic->by_number, stream_key(connection, number));
}

VsQuicStream *
vs_quic_stream_new(VsQuicConnection *connection, uint64_t number)
{
    VsQuicStream *stream = vs_pool_alloc(&connection->quic->streams);

    *stream = (VsQuicStream){
        .connection = connection, .next = connection->streams, .number = number};
    if (stream->next) {
        stream->next->previous = stream;
    }
    vs_quic_flow_init_stream(stream);
    connection->streams = stream;
    vs_table_insert(&connection->quic->by_number, stream_key(connection, number),
                    stream);
    return stream;
}

static void
leave_ready(VsQuicStream *stream)
{
    VsQuicConnection *connection = stream->connection;
    VsQuicStream *before = NULL;

    for (VsQuicStream *at = connection->first_ready; at != stream;
         at = at->next_ready) {
        before = at;
    }
    if (before) {
        before->next_ready = stream->next_ready;
    } else {
        connection->first_ready = stream->next_ready;
    }
    if (connection->last_ready == stream) {
        connection->last_ready = before;
    }
    stream->is_ready = false;
}

void
vs_quic_stream_free(VsQuicStream *stream)
{
    VsQuicConnection *connection = stream->connection;
    VsQuic *quic = connection->quic;

    if (stream->is_ready) {
        leave_ready(stream);
    }
    if (quic->is_server && quic->config.limits.streams > 0) {
        connection->flow.n_ended++;
        connection->flow.is_streams_due = true;
    }
    if (stream->previous) {
        stream->previous->next = stream->next;
    } else {
        connection->streams = stream->next;
    }
    if (stream->next) {
        stream->next->previous = stream->previous;
    }
    vs_quic_spans_clear(&stream->lost, &quic->spans);
    vs_quic_spans_clear(&stream->acked, &quic->spans);
    vs_quic_spans_clear(&stream->received, &quic->spans);
    vs_table_remove(&quic->by_number, stream_key(connection, stream->number));
    vs_pool_free(&quic->streams, stream);
}

/* ---- Turns ---- */

bool
vs_quic_stream_has_data(const VsQuicStream *stream)
{
    return stream->is_reset_due || stream->is_max_due ||
           (!stream->is_cancelled &&
            (stream->is_blocked_due || stream->lost ||
             (stream->sent < stream->bytes && vs_quic_flow_room(stream) > 0)));
}

void
vs_quic_stream_ready(VsQuicStream *stream)
{
    VsQuicConnection *connection = stream->connection;

    if (stream->is_ready || !vs_quic_stream_has_data(stream)) {
        return;
    }
    stream->is_ready = true;
    stream->next_ready = NULL;
    if (connection->first_ready) {
        connection->last_ready->next_ready = stream;
    } else {
        connection->first_ready = stream;
    }
    connection->last_ready = stream;
}

VsQuicStream *
vs_quic_streams_pop(VsQuicConnection *connection)
{
    VsQuicStream *stream = connection->first_ready;

    if (stream) {
        connection->first_ready = stream->next_ready;
        stream->is_ready = false;
    }
    return stream;
}

/* ---- What the owner does ---- */

static void
send_message(VsQuicStream *stream, const VsPayload *payload, uint64_t bytes)
{
    stream->payload = *payload;
    stream->bytes = bytes;
    vs_quic_flow_note_blocked(stream);
    vs_quic_stream_ready(stream);
    vs_quic_flush(stream->connection);
}

VsQuicStream *
vs_quic_request(VsQuicConnection *connection, const VsPayload *payload, uint64_t bytes,
                void *user)
{
    VsQuicStream *stream = vs_quic_stream_new(connection, connection->next_number);

    g_assert(vs_quic_may_request(connection));
    connection->next_number += 4; /* Bidirectional ones of the client. */
    stream->user = user;
    send_message(stream, payload, bytes);
    return stream;
}

void
vs_quic_answer(VsQuicStream *stream, const VsPayload *payload, uint64_t bytes)
{
    send_message(stream, payload, bytes);
}

void
vs_quic_cancel(VsQuicStream *stream)
{
    stream->user = NULL;
    stream->is_cancelled = stream->is_reset_due = true;
    vs_quic_stream_ready(stream);
    vs_quic_flush(stream->connection);
}

/* ---- What the peer does ---- */

/* A server's stream begins with all of lower numbers (RFC 9000 section 3.2). */
static VsQuicStream *
find_or_begin(VsQuicConnection *connection, uint64_t number)
{
    while (connection->quic->is_server && connection->next_number <= number) {
        vs_quic_stream_new(connection, connection->next_number);
        connection->next_number += 4;
    }
    return vs_quic_stream_find(connection, number);
}

bool
vs_quic_stream_receive(VsQuicConnection *connection, const VsQuicDatagram *datagram)
{
    const VsQuicFrames *frames = &datagram->packets[VS_QUIC_DATA].frames;
    VsQuicStream *stream = find_or_begin(connection, frames->stream);
    VsQuicRange all = {0, datagram->message_bytes};

    if (!stream || stream->is_message_due ||
        vs_quic_spans_contain(stream->received, all)) {
        return false; /* It is over, or this has come before. */
    }
    vs_quic_spans_add(&stream->received, &connection->quic->spans,
                      (VsQuicRange){frames->stream_offset,
                                    frames->stream_offset + frames->stream_bytes});
    stream->peer_payload = datagram->message;
    stream->is_message_due = vs_quic_spans_contain(stream->received, all);
    vs_quic_flow_read(stream);
    return stream->is_message_due;
}

/* A server whose data are counted says in turn how many it has sent: the client waits for that. */
void
vs_quic_stream_reset(VsQuicConnection *connection, uint64_t number, uint64_t bytes)
{
    VsQuic *quic = connection->quic;
    VsQuicStream *stream = find_or_begin(connection, number);

    if (!stream || (quic->is_server && stream->is_cancelled)) {
        return;
    }
    if (stream->user) {
        quic->ops->reset(stream);
        stream->user = NULL;
    }
    vs_quic_flow_ended(stream, bytes);
    if (quic->is_server && connection->flow.peer.data > 0) {
        stream->is_cancelled = stream->is_reset_due = true;
        vs_quic_stream_ready(stream);
    } else {
        vs_quic_stream_free(stream);
    }
}

void
vs_quic_stream_acked(VsQuicConnection *connection, const VsQuicFrames *frames)
{
    VsQuic *quic = connection->quic;
    VsQuicStream *stream = vs_quic_stream_find(connection, frames->stream);

    if (!stream) {
        return;
    }
    vs_quic_spans_add(&stream->acked, &quic->spans,
                      (VsQuicRange){frames->stream_offset,
                                    frames->stream_offset + frames->stream_bytes});
    if (quic->is_server &&
        vs_quic_spans_contain(stream->acked, (VsQuicRange){0, stream->bytes})) {
        vs_quic_stream_free(stream);
    }
}

void
vs_quic_streams_tell(VsQuicConnection *connection)
{
    VsQuicStream *next;

    for (VsQuicStream *stream = connection->streams; stream; stream = next) {
        next = stream->next;
        if (!stream->is_message_due) {
            continue;
        }
        stream->is_message_due = false;
        if (!stream->is_cancelled) {
            connection->quic->ops->message(stream, &stream->peer_payload);
        }
        if (!connection->quic->is_server) {
            vs_quic_stream_free(stream);
        }
    }
}

void
vs_quic_streams_restart(VsQuicConnection *connection)
{
    for (VsQuicStream *stream = connection->streams; stream; stream = stream->next) {
        vs_payload_renew_journey(&stream->payload);
        vs_quic_spans_clear(&stream->lost, &connection->quic->spans);
        connection->flow.sent -= stream->sent;
        stream->sent = 0;
        vs_quic_stream_ready(stream);
    }
}

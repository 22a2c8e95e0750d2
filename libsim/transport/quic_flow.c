/* Flow control of QUIC (RFC 9000 section 4). */
#include <glib.h>

#include "packet/packet.h"
#include "transport/quic_internal.h"

/* A limit of 0 is none. */
static uint64_t
limit_of(uint64_t told)
{
    return told > 0 ? told : UINT64_MAX;
}

static const VsQuicLimits *
own_limits(const VsQuicConnection *connection)
{
    return &connection->quic->config.limits;
}

void
vs_quic_flow_init(VsQuicConnection *connection)
{
    connection->flow =
        (VsQuicFlow){.receive_max = limit_of(own_limits(connection)->data),
                     .send_max = UINT64_MAX,
                     .streams_max = UINT64_MAX,
                     .told_at = UINT64_MAX,
                     .streams_told_at = UINT64_MAX};
}

void
vs_quic_flow_init_stream(VsQuicStream *stream)
{
    const VsQuicConnection *connection = stream->connection;

    stream->send_max = limit_of(connection->flow.peer.stream_data);
    stream->receive_max = limit_of(own_limits(connection)->stream_data);
    stream->told_at = UINT64_MAX;
}

/* Streams that a limit held up have their turns again, the oldest first. */
static void
wake(VsQuicConnection *connection)
{
    VsQuicStream *stream = connection->streams;

    while (stream && stream->next) {
        stream = stream->next;
    }
    for (; stream; stream = stream->previous) {
        vs_quic_stream_ready(stream);
    }
}

void
vs_quic_flow_take_limits(VsQuicConnection *connection, const VsQuicLimits *limits)
{
    VsQuicFlow *flow = &connection->flow;

    flow->peer = *limits;
    flow->send_max = limit_of(limits->data);
    flow->streams_max = limit_of(limits->streams);
    for (VsQuicStream *stream = connection->streams; stream; stream = stream->next) {
        stream->send_max = limit_of(limits->stream_data);
    }
    wake(connection);
}

/* Sending. -------------------------------------------------------------------------- */

uint64_t
vs_quic_flow_room(const VsQuicStream *stream)
{
    const VsQuicFlow *flow = &stream->connection->flow;

    return MIN(stream->send_max - stream->sent, flow->send_max - flow->sent);
}

void
vs_quic_flow_note_blocked(VsQuicStream *stream)
{
    VsQuicFlow *flow = &stream->connection->flow;

    if (stream->sent == stream->bytes) {
        return;
    }
    if (stream->sent == stream->send_max && stream->told_at != stream->send_max) {
        stream->told_at = stream->send_max;
        stream->is_blocked_due = true;
        stream->connection->quic->n_blocked++;
    }
    if (flow->sent == flow->send_max && flow->told_at != flow->send_max) {
        flow->told_at = flow->send_max;
        flow->is_blocked_due = true;
        stream->connection->quic->n_blocked++;
    }
}

bool
vs_quic_may_request(VsQuicConnection *connection)
{
    VsQuicFlow *flow = &connection->flow;

    if (!vs_quic_is_ready(connection)) {
        return false;
    }
    if (connection->next_number / 4 < flow->streams_max) {
        return true;
    }
    if (flow->streams_told_at != flow->streams_max) {
        flow->streams_told_at = flow->streams_max;
        flow->is_streams_blocked_due = true;
        connection->quic->n_blocked++;
        vs_quic_flush(connection);
    }
    return false;
}

/* Receiving. ------------------------------------------------------------------------ */

/* Whether a limit of 'window' above what was read is worth telling. */
static bool
is_worth_telling(uint64_t n_read, uint64_t window, uint64_t told)
{
    return window > 0 && n_read + window >= told + (window + 1) / 2;
}

static void
read_more(VsQuicStream *stream, uint64_t n_read)
{
    VsQuicConnection *connection = stream->connection;
    VsQuicFlow *flow = &connection->flow;

    flow->n_read += n_read - stream->n_read;
    stream->n_read = n_read;
    if (is_worth_telling(flow->n_read, own_limits(connection)->data,
                         flow->receive_max)) {
        flow->receive_max = flow->n_read + own_limits(connection)->data;
        flow->is_max_due = true;
    }
}

void
vs_quic_flow_read(VsQuicStream *stream)
{
    uint64_t window = own_limits(stream->connection)->stream_data;
    const VsQuicSpan *first = stream->received;

    if (first && first->range.first == 0) {
        read_more(stream, first->range.end);
    }
    if (!stream->is_message_due && !stream->is_cancelled &&
        is_worth_telling(stream->n_read, window, stream->receive_max)) {
        stream->receive_max = stream->n_read + window;
        stream->is_max_due = true;
        vs_quic_stream_ready(stream);
    }
}

void
vs_quic_flow_ended(VsQuicStream *stream, uint64_t bytes)
{
    if (bytes > stream->n_read) {
        read_more(stream, bytes);
    }
    stream->is_max_due = false;
}

/* Frames. --------------------------------------------------------------------------- */

bool
vs_quic_flow_has_frames(const VsQuicConnection *connection)
{
    const VsQuicFlow *flow = &connection->flow;

    return flow->is_max_due || flow->is_blocked_due || flow->is_streams_due ||
           flow->is_streams_blocked_due;
}

static bool
take_flag(bool *flag)
{
    bool was = *flag;

    *flag = false;
    return was;
}

static void
add_of_connection(VsQuicConnection *connection, VsQuicFrames *frames)
{
    VsQuicFlow *flow = &connection->flow;

    if (take_flag(&flow->is_max_due)) {
        frames->kinds |= VS_QUIC_MAX_DATA;
        frames->max_data = flow->receive_max;
    }
    if (take_flag(&flow->is_streams_due)) {
        frames->kinds |= VS_QUIC_MAX_STREAMS;
        frames->max_streams = own_limits(connection)->streams + flow->n_ended;
    }
    if (take_flag(&flow->is_blocked_due)) {
        frames->kinds |= VS_QUIC_DATA_BLOCKED;
        frames->blocked_data = flow->send_max;
    }
    if (take_flag(&flow->is_streams_blocked_due)) {
        frames->kinds |= VS_QUIC_STREAMS_BLOCKED;
        frames->blocked_streams = flow->streams_max;
    }
}

void
vs_quic_flow_add_frames(VsQuicConnection *connection, VsQuicStream *stream,
                        VsQuicFrames *frames)
{
    add_of_connection(connection, frames);
    if (stream && take_flag(&stream->is_max_due)) {
        frames->kinds |= VS_QUIC_MAX_STREAM_DATA;
        frames->max_stream = stream->number;
        frames->max_stream_data = stream->receive_max;
    }
    if (stream && take_flag(&stream->is_blocked_due)) {
        frames->kinds |= VS_QUIC_STREAM_DATA_BLOCKED;
        frames->blocked_stream = stream->number;
        frames->blocked_stream_data = stream->send_max;
    }
}

void
vs_quic_flow_take_frames(VsQuicConnection *connection, const VsQuicFrames *frames)
{
    VsQuicFlow *flow = &connection->flow;

    if (frames->kinds & VS_QUIC_MAX_STREAM_DATA) {
        VsQuicStream *stream = vs_quic_stream_find(connection, frames->max_stream);

        if (stream) {
            stream->send_max = MAX(stream->send_max, frames->max_stream_data);
            vs_quic_stream_ready(stream);
        }
    }
    if (frames->kinds & VS_QUIC_MAX_DATA) {
        flow->send_max = MAX(flow->send_max, frames->max_data);
        wake(connection);
    }
    if ((frames->kinds & VS_QUIC_MAX_STREAMS) &&
        frames->max_streams > flow->streams_max) {
        flow->streams_max = frames->max_streams;
        connection->is_ready_due = true;
    }
}

void
vs_quic_flow_lost(VsQuicConnection *connection, const VsQuicFrames *frames)
{
    VsQuicFlow *flow = &connection->flow;

    flow->is_max_due |= (frames->kinds & VS_QUIC_MAX_DATA) != 0;
    flow->is_streams_due |= (frames->kinds & VS_QUIC_MAX_STREAMS) != 0;
    flow->is_blocked_due |= (frames->kinds & VS_QUIC_DATA_BLOCKED) &&
                            frames->blocked_data == flow->send_max;
    flow->is_streams_blocked_due |= (frames->kinds & VS_QUIC_STREAMS_BLOCKED) &&
                                    frames->blocked_streams == flow->streams_max;
    if (frames->kinds & (VS_QUIC_MAX_STREAM_DATA | VS_QUIC_STREAM_DATA_BLOCKED)) {
        bool is_max = (frames->kinds & VS_QUIC_MAX_STREAM_DATA) != 0;
        VsQuicStream *stream = vs_quic_stream_find(
            connection, is_max ? frames->max_stream : frames->blocked_stream);

        if (stream && is_max) {
            stream->is_max_due = !stream->is_message_due;
        } else if (stream && frames->blocked_stream_data == stream->send_max) {
            stream->is_blocked_due = true;
        }
        if (stream) {
            vs_quic_stream_ready(stream);
        }
    }
}

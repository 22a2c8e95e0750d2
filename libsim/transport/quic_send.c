#include <glib.h>

#include "net/host.h"
#include "packet/packet.h"
#include "transport/quic_internal.h"
#include "transport/tls_work.h"

enum {
    BURST = 10, /* Datagrams that go at once when paced: the initial window. */
    /* Bytes left in a datagram that another packet, or a frame of a stream, is begun for: more than
     * the frames of limits take. */
    ROOM_MIN = 64,
};

/* ---- Packets ---- */

/* CRYPTO frames of a client's Handshake space wait for all of the server's. */
static bool
has_crypto(const VsQuicConnection *connection, VsQuicSpace space)
{
    const VsQuicSpaceSide *side = &connection->spaces[space];
    bool is_time = space == VS_QUIC_INITIAL
                       ? !connection->quic->is_server || side->is_crypto_whole
                   : space == VS_QUIC_HANDSHAKE
                       ? connection->quic->is_server || side->is_crypto_whole
                       : connection->is_complete;

    return is_time && (side->crypto_lost || side->crypto_sent < side->crypto_bytes);
}

static bool
has_frames(const VsQuicConnection *connection, VsQuicSpace space)
{
    return connection->spaces[space].is_ping_due || has_crypto(connection, space) ||
           (space == VS_QUIC_DATA &&
            (connection->is_done_due || connection->first_ready ||
             vs_quic_flow_has_frames(connection)));
}

static void
add_crypto(VsQuicConnection *connection, VsQuicSpace space, VsQuicPacket *packet,
           uint32_t room)
{
    VsQuicSpaceSide *side = &connection->spaces[space];
    uint32_t header = vs_quic_crypto_bytes(side->crypto_bytes, room);
    VsQuicRange range =
        vs_quic_spans_take(&side->crypto_lost, &connection->quic->spans, room - header);

    if (range.first == range.end) {
        range.first = side->crypto_sent;
        range.end = MIN(range.first + room - header, side->crypto_bytes);
        side->crypto_sent = (uint32_t)range.end;
    }
    packet->crypto_end = side->crypto_bytes;
    packet->frames.kinds |= VS_QUIC_CRYPTO;
    packet->frames.crypto_offset = (uint32_t)range.first;
    packet->frames.crypto_bytes = (uint32_t)(range.end - range.first);
}

/* A piece of 'stream' with at most 'room' bytes, header and data. */
static void
add_data(VsQuicConnection *connection, VsQuicStream *stream, VsQuicDatagram *datagram,
         uint32_t room)
{
    VsQuicFrames *frames = &datagram->packets[VS_QUIC_DATA].frames;
    uint32_t header = vs_quic_stream_bytes(stream->number, stream->bytes, room);
    VsQuicRange range =
        vs_quic_spans_take(&stream->lost, &connection->quic->spans, room - header);

    if (range.first == range.end) {
        range.first = stream->sent;
        range.end = range.first + MIN(MIN(room - header, stream->bytes - stream->sent),
                                      vs_quic_flow_room(stream));
        connection->flow.sent += range.end - stream->sent;
        stream->sent = range.end;
        vs_quic_flow_note_blocked(stream);
    }
    frames->kinds |= VS_QUIC_STREAM;
    frames->stream = stream->number;
    frames->stream_offset = range.first;
    frames->stream_bytes = (uint32_t)(range.end - range.first);
    frames->is_fin = range.end == stream->bytes;
    datagram->message = stream->payload;
    datagram->message_bytes = stream->bytes;
}

static void
add_stream(VsQuicConnection *connection, VsQuicDatagram *datagram, uint32_t room)
{
    VsQuicFrames *frames = &datagram->packets[VS_QUIC_DATA].frames;
    VsQuicStream *stream = vs_quic_streams_pop(connection);
    uint32_t limits = vs_quic_limit_bytes(frames);

    vs_quic_flow_add_frames(connection, stream, frames);
    room -= vs_quic_limit_bytes(frames) - limits;
    if (stream->is_reset_due) {
        stream->is_reset_due = false;
        frames->kinds |= VS_QUIC_RESET_STREAM;
        frames->reset_stream = stream->number;
        frames->reset_bytes = stream->sent;
    } else if (vs_quic_stream_has_data(stream)) {
        add_data(connection, stream, datagram, room);
    }
    vs_quic_stream_ready(stream);
}

static void
add_ack(VsQuicConnection *connection, VsQuicSpace space, VsQuicPacket *packet)
{
    VsQuicSpaceSide *side = &connection->spaces[space];

    packet->ack = side->received;
    packet->ack.delay =
        space == VS_QUIC_DATA ? vs_quic_now(connection) - side->largest_at : 0;
    side->n_unacked = 0;
    side->is_ack_due = false;
}

static void
add_frames(VsQuicConnection *connection, VsQuicDatagram *datagram, VsQuicSpace space,
           uint32_t room)
{
    VsQuicPacket *packet = &datagram->packets[space];

    if (has_crypto(connection, space)) {
        add_crypto(connection, space, packet, room);
        room -= vs_quic_crypto_bytes(packet->frames.crypto_offset,
                                     packet->frames.crypto_bytes) +
                packet->frames.crypto_bytes;
    }
    if (space == VS_QUIC_DATA && connection->is_done_due) {
        connection->is_done_due = false;
        packet->frames.kinds |= VS_QUIC_HANDSHAKE_DONE;
        room--;
    }
    if (space == VS_QUIC_DATA && room >= ROOM_MIN) {
        vs_quic_flow_add_frames(connection, NULL, &packet->frames);
        room -= vs_quic_limit_bytes(&packet->frames);
    }
    if (space == VS_QUIC_DATA && connection->first_ready && room >= ROOM_MIN) {
        add_stream(connection, datagram, room);
    }
    if (packet->frames.kinds == 0) {
        packet->frames.kinds = VS_QUIC_PING;
    }
    connection->spaces[space].is_ping_due = false;
}

/* A packet of 'space' of at most 'room' bytes, if there is something for it; its length. */
static uint32_t
add_packet(VsQuicConnection *connection, VsQuicDatagram *datagram, VsQuicSpace space,
           uint32_t room, bool may)
{
    VsQuicSpaceSide *side = &connection->spaces[space];
    VsQuicPacket *packet = &datagram->packets[space];
    bool has = may && has_frames(connection, space);
    bool is_early = space == VS_QUIC_DATA && !connection->is_opened;
    const VsQuicSpaceState *state = &connection->recovery.spaces[space];
    unsigned number_bytes = vs_quic_number_bytes(
        side->next_number, state->has_acked ? state->largest_acked + 1 : 0);
    uint32_t taken = vs_quic_overhead_bytes(space, is_early, number_bytes);

    if (!vs_quic_has_keys(connection, space, vs_quic_is_ready(connection)) ||
        (!has && !side->is_ack_due) || room < taken + ROOM_MIN) {
        return 0;
    }
    *packet = (VsQuicPacket){.is_present = true,
                             .is_early = is_early,
                             .number_bytes = (uint8_t)number_bytes,
                             .number = side->next_number++};
    if (side->n_unacked > 0) {
        add_ack(connection, space, packet);
        taken += vs_quic_ack_bytes(&packet->ack);
    }
    if (has && room >= taken + ROOM_MIN) {
        add_frames(connection, datagram, space, room - taken);
    }
    packet->bytes = vs_quic_packet_bytes(datagram, space);
    return packet->bytes;
}

/* ---- Datagrams ---- */

/* Pacing (RFC 9002 section 7.7): a datagram each 4/5 of the time in which a window of them would be
 * sent in a round trip. */
static VsTime
pace_interval(const VsQuicConnection *connection, uint32_t bytes)
{
    const VsQuicRecovery *recovery = &connection->recovery;

    return (VsTime)((unsigned __int128)recovery->srtt * bytes * 4 /
                    (5 * (uint64_t)recovery->congestion.cwnd));
}

static bool
is_paced(const VsQuicConnection *connection)
{
    return connection->quic->config.is_paced &&
           connection->recovery.first_sample != VS_TIME_NEVER;
}

static void
pace(VsQuicConnection *connection, uint32_t bytes)
{
    VsTime burst = (BURST - 1) * pace_interval(connection, VS_QUIC_DATAGRAM_BYTES);

    connection->paced_until =
        MAX(connection->paced_until, vs_quic_now(connection) - burst) +
        pace_interval(connection, bytes);
}

/* Whether what asks for an ACK may go: in the window and, paced, not too early.  A probe may. */
static bool
may_ask(const VsQuicConnection *connection)
{
    const VsQuicRecovery *recovery = &connection->recovery;

    return connection->is_probing ||
           (recovery->in_flight + VS_QUIC_DATAGRAM_BYTES <= recovery->congestion.cwnd &&
            (!is_paced(connection) ||
             connection->paced_until <= vs_quic_now(connection)));
}

/* Fills 'datagram' with what there is to send; its length, or 0. */
static uint32_t
fill(VsQuicConnection *connection, VsQuicDatagram *datagram)
{
    bool may = may_ask(connection);
    bool is_server = connection->quic->is_server;
    const VsQuicPacket *initial = &datagram->packets[VS_QUIC_INITIAL];
    VsQuicPacket *last = NULL;
    uint32_t bytes = 0;

    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        datagram->packets[space].is_present = false;
        bytes += add_packet(connection, datagram, (VsQuicSpace)space,
                            VS_QUIC_DATAGRAM_BYTES - bytes, may);
        if (datagram->packets[space].is_present) {
            last = &datagram->packets[space];
        }
    }
    if (initial->is_present && (!is_server || initial->frames.kinds != 0)) {
        last->bytes += VS_QUIC_DATAGRAM_BYTES - bytes; /* PADDING. */
        bytes = VS_QUIC_DATAGRAM_BYTES;
    }
    return bytes;
}

/* True if something asks for an ACK. */
static bool
record(VsQuicConnection *connection, const VsQuicDatagram *datagram)
{
    VsTime now = vs_quic_now(connection);
    bool asks = false;

    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        const VsQuicPacket *packet = &datagram->packets[space];

        if (packet->is_present && packet->frames.kinds != 0) {
            vs_quic_recovery_sent(&connection->recovery, (VsQuicSpace)space,
                                  packet->number, packet->bytes, &packet->frames, now);
            connection->last_sent = now;
            asks = true;
            connection->is_probing = false;
            if (!connection->has_asked) { /* RFC 9000 section 10.1. */
                connection->has_asked = true;
                connection->idle_since = now;
            }
        }
    }
    return asks;
}

/* The one that it carries: of its stream, or of who waits for the handshake. */
static VsPayload
payload_of(const VsQuicConnection *connection, const VsQuicDatagram *datagram)
{
    const VsQuicPacket *data = &datagram->packets[VS_QUIC_DATA];
    bool is_stream = data->is_present && (data->frames.kinds & VS_QUIC_STREAM);
    const VsPayload *from = is_stream ? &datagram->message : &connection->handshake;

    return (VsPayload){.kind = VS_PAYLOAD_NONE,
                       .journey = from->journey,
                       .journey_generation = from->journey_generation};
}

static void
send_datagram(VsQuicConnection *connection, VsQuicDatagram *datagram, uint32_t bytes)
{
    bool has_handshake = datagram->packets[VS_QUIC_HANDSHAKE].is_present;
    VsPayload payload = payload_of(connection, datagram);

    datagram->connection = connection->id;
    datagram->is_reset = false;
    datagram->tls = (VsTlsHandshake){.version = VS_TLS_1_3,
                                     .is_resumed = connection->is_resumed,
                                     .is_early = connection->is_early,
                                     .ticket = connection->ticket};
    datagram->limits = connection->quic->config.limits;
    datagram->limits.idle = connection->quic->config.idle;
    if (record(connection, datagram) && is_paced(connection)) {
        pace(connection, bytes);
    }
    connection->sent_bytes += bytes;
    vs_tls_owe_data(connection->quic->netns->host, bytes);
    vs_udp_send_quic(connection->udp, connection->local, connection->remote,
                     connection->remote_port, &payload, datagram, bytes);
    if (!connection->quic->is_server && has_handshake) {
        vs_quic_discard(connection, VS_QUIC_INITIAL); /* RFC 9001 section 4.9.1. */
    }
}

void
vs_quic_send_close(VsQuicConnection *connection)
{
    VsQuicDatagram *datagram =
        vs_pool_alloc(&connection->quic->netns->run->packets->quics);
    const VsQuicSpaceState *state = &connection->recovery.spaces[VS_QUIC_DATA];
    uint64_t number = connection->spaces[VS_QUIC_DATA].next_number++;
    VsQuicPacket *packet = &datagram->packets[VS_QUIC_DATA];

    *datagram = (VsQuicDatagram){0};
    *packet =
        (VsQuicPacket){.is_present = true,
                       .is_close = true,
                       .number = number,
                       .number_bytes = (uint8_t)vs_quic_number_bytes(
                           number, state->has_acked ? state->largest_acked + 1 : 0)};
    packet->bytes = vs_quic_packet_bytes(datagram, VS_QUIC_DATA);
    send_datagram(connection, datagram, packet->bytes);
}

void
vs_quic_flush(VsQuicConnection *connection)
{
    VsPool *quics = &connection->quic->netns->run->packets->quics;

    if (connection->is_busy) {
        return;
    }
    while (!connection->quic->is_server || connection->is_validated ||
           connection->sent_bytes + VS_QUIC_DATAGRAM_BYTES <=
               3 * connection->received_bytes) {
        VsQuicDatagram *datagram = vs_pool_alloc(quics);
        uint32_t bytes = fill(connection, datagram);

        if (bytes == 0) {
            vs_pool_free(quics, datagram);
            break;
        }
        send_datagram(connection, datagram, bytes);
    }
    if (is_paced(connection) && connection->paced_until > vs_quic_now(connection) &&
        has_frames(connection, VS_QUIC_DATA)) {
        vs_timer_arm(&connection->pace, connection->paced_until);
    }
    vs_quic_arm(connection);
}

void
vs_quic_send_again(VsQuicConnection *connection, VsQuicSpace space,
                   const VsQuicSent *sent)
{
    VsQuicSpaceSide *side = &connection->spaces[space];
    const VsQuicFrames *frames = &sent->frames;
    VsPool *spans = &connection->quic->spans;

    if (frames->kinds & VS_QUIC_CRYPTO) {
        VsQuicRange range = {frames->crypto_offset,
                             frames->crypto_offset + frames->crypto_bytes};

        if (!vs_quic_spans_contain(side->crypto_acked, range)) {
            vs_quic_spans_add(&side->crypto_lost, spans, range);
        }
    }
    if (frames->kinds & VS_QUIC_STREAM) {
        VsQuicStream *stream = vs_quic_stream_find(connection, frames->stream);
        VsQuicRange range = {frames->stream_offset,
                             frames->stream_offset + frames->stream_bytes};

        if (stream && !vs_quic_spans_contain(stream->acked, range)) {
            vs_quic_spans_add(&stream->lost, spans, range);
            vs_quic_stream_ready(stream);
        }
    }
    if (frames->kinds & VS_QUIC_RESET_STREAM) {
        VsQuicStream *stream = vs_quic_stream_find(connection, frames->reset_stream);

        if (stream) {
            stream->is_reset_due = true;
            vs_quic_stream_ready(stream);
        }
    }
    vs_quic_flow_lost(connection, frames);
    connection->is_done_due |= (frames->kinds & VS_QUIC_HANDSHAKE_DONE) != 0;
}

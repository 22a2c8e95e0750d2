#include <glib.h>
#include <string.h>

#include "net/host.h"
#include "packet/packet.h"
#include "transport/quic_internal.h"
#include "transport/tls_work.h"

enum {
    ACK_EVERY = 2, /* RFC 9000 section 13.2.2. */

    /* What is whole with a datagram. */
    WHOLE_FLIGHT = 1,
    WHOLE_MESSAGE = 2,
};

/* ---- Numbers that have come ---- */

/* Adds 'number' to the ranges, of which those of the lowest are forgotten; false if it has
 * come before, or may have. */
static bool
add_number(VsQuicAck *received, uint64_t number)
{
    VsQuicRange *ranges = received->ranges;
    unsigned at = 0;

    while (at < received->n_ranges && number < ranges[at].first) {
        at++;
    }
    if ((at < received->n_ranges && number < ranges[at].end) ||
        at == VS_QUIC_ACK_RANGES) {
        return false;
    }
    if (at < received->n_ranges && number == ranges[at].end) {
        ranges[at].end++;
        if (at > 0 && ranges[at - 1].first == ranges[at].end) {
            ranges[at - 1].first = ranges[at].first;
            received->n_ranges--;
            memmove(&ranges[at], &ranges[at + 1],
                    (received->n_ranges - at) * sizeof(*ranges));
        }
    } else if (at > 0 && ranges[at - 1].first == number + 1) {
        ranges[at - 1].first--;
    } else {
        received->n_ranges = MIN(received->n_ranges + 1, (unsigned)VS_QUIC_ACK_RANGES);
        memmove(&ranges[at + 1], &ranges[at],
                (received->n_ranges - at - 1) * sizeof(*ranges));
        ranges[at] = (VsQuicRange){number, number + 1};
    }
    return true;
}

/* False: it has come before. */
static bool
take_number(VsQuicConnection *connection, VsQuicSpace space, const VsQuicPacket *packet)
{
    VsQuicSpaceSide *side = &connection->spaces[space];
    uint64_t expected = side->received.n_ranges > 0 ? side->received.ranges[0].end : 0;

    if (!add_number(&side->received, packet->number)) {
        side->is_ack_due |= packet->frames.kinds != 0;
        return false;
    }
    if (packet->number >= expected) {
        side->largest_at = vs_quic_now(connection);
    }
    if (packet->frames.kinds != 0) {
        side->n_unacked++;
        side->is_ack_due |= space != VS_QUIC_DATA || side->n_unacked >= ACK_EVERY ||
                            packet->number != expected;
    }
    return true;
}

/* ---- The handshake ---- */

static void
owe_handshake(const VsQuicConnection *connection)
{
    vs_tls_owe_handshake(connection->quic->netns->host, connection->is_resumed,
                         connection->quic->is_server);
}

/* The handshake has ended. */
static void
complete(VsQuicConnection *connection)
{
    connection->is_complete = true;
    vs_payload_set_journey(&connection->handshake, NULL);
    vs_timer_arm(&connection->idle, vs_quic_now(connection) + vs_quic_idle(connection));
    connection->quic->n_resumed += connection->is_resumed;
    connection->quic->n_early += connection->is_early;
}

/* Server: ClientHello. */
static void
take_hello(VsQuicConnection *connection, const VsTlsHandshake *tls,
           const VsQuicLimits *limits)
{
    connection->is_resumed = tls->ticket == connection->ticket;
    connection->is_early = connection->is_resumed && tls->is_early &&
                           connection->quic->config.tls.is_early;
    connection->is_opened = true;
    vs_quic_flow_take_limits(connection, limits);
    connection->spaces[VS_QUIC_HANDSHAKE].crypto_bytes =
        vs_quic_flight_bytes(connection);
    owe_handshake(connection);
}

/* Server: Finished. */
static void
take_finished(VsQuicConnection *connection)
{
    connection->recovery.is_confirmed = true;
    connection->is_done_due = true;
    vs_quic_discard(connection, VS_QUIC_HANDSHAKE);
    complete(connection);
}

/* Client: all up to the server's Finished. */
static void
take_flight(VsQuicConnection *connection, const VsTlsHandshake *tls,
            const VsQuicLimits *limits)
{
    bool was_early = connection->is_early;

    connection->is_resumed = tls->is_resumed;
    connection->is_early = tls->is_early;
    connection->is_opened = true;
    connection->is_ready_due = !was_early;
    vs_quic_flow_take_limits(connection, limits);
    owe_handshake(connection);
    complete(connection);
    if (was_early && !tls->is_early) { /* Refused: all goes once more. */
        vs_quic_recovery_discard(&connection->recovery, VS_QUIC_DATA);
        vs_quic_streams_restart(connection);
    }
}

/* True if a flight is whole with this frame. */
static bool
take_crypto(VsQuicConnection *connection, VsQuicSpace space,
            const VsQuicDatagram *datagram)
{
    const VsQuicPacket *packet = &datagram->packets[space];
    VsQuicSpaceSide *side = &connection->spaces[space];
    bool is_server = connection->quic->is_server;

    vs_quic_spans_add(
        &side->crypto_received, &connection->quic->spans,
        (VsQuicRange){packet->frames.crypto_offset,
                      packet->frames.crypto_offset + packet->frames.crypto_bytes});
    if (side->is_crypto_whole ||
        !vs_quic_spans_contain(side->crypto_received,
                               (VsQuicRange){0, packet->crypto_end})) {
        return false;
    }
    side->is_crypto_whole = true;
    if (space == VS_QUIC_DATA) {
        vs_quic_keep_ticket(connection, datagram->tls.ticket, &datagram->limits);
    } else if (is_server && space == VS_QUIC_INITIAL) {
        take_hello(connection, &datagram->tls, &datagram->limits);
    } else if (is_server) {
        take_finished(connection);
    } else if (space == VS_QUIC_HANDSHAKE) {
        take_flight(connection, &datagram->tls, &datagram->limits);
    }
    return space == VS_QUIC_HANDSHAKE || (is_server && space == VS_QUIC_INITIAL);
}

/* ---- Packets ---- */

static bool
can_read(const VsQuicConnection *connection, VsQuicSpace space,
         const VsQuicPacket *packet)
{
    return vs_quic_has_keys(connection, space,
                            packet->is_early ? connection->is_early
                                             : connection->is_complete);
}

/* What is whole with it. */
static unsigned
take_packet(VsQuicConnection *connection, VsQuicSpace space,
            const VsQuicDatagram *datagram)
{
    const VsQuicPacket *packet = &datagram->packets[space];
    const VsQuicFrames *frames = &packet->frames;
    unsigned whole = 0;

    if (connection->quic->is_server && space == VS_QUIC_HANDSHAKE) {
        connection->is_validated = true;
        vs_quic_discard(connection, VS_QUIC_INITIAL);
    }
    if (packet->ack.n_ranges > 0) {
        connection->is_validated |= space != VS_QUIC_INITIAL;
        vs_quic_recovery_ack(&connection->recovery, space, &packet->ack,
                             connection->is_validated || connection->quic->is_server,
                             vs_quic_now(connection));
    }
    if (!take_number(connection, space, packet)) {
        return 0;
    }
    if ((frames->kinds & VS_QUIC_CRYPTO) && take_crypto(connection, space, datagram)) {
        whole |= WHOLE_FLIGHT;
    }
    if (frames->kinds & VS_QUIC_HANDSHAKE_DONE) {
        connection->is_validated = connection->recovery.is_confirmed = true;
        vs_quic_discard(connection, VS_QUIC_HANDSHAKE);
    }
    if (frames->kinds & VS_QUIC_RESET_STREAM) {
        vs_quic_stream_reset(connection, frames->reset_stream, frames->reset_bytes);
    }
    vs_quic_flow_take_frames(connection, frames);
    if ((frames->kinds & VS_QUIC_STREAM) &&
        vs_quic_stream_receive(connection, datagram)) {
        whole |= WHOLE_MESSAGE;
    }
    return whole;
}

/* A flight's journey waits here for what we send next; with early data the request has it. */
static void
take_journey(VsQuicConnection *connection, const VsPacket *packet)
{
    const VsQuicDatagram *datagram = packet->quic;

    if (connection->quic->is_server && !connection->is_complete &&
        datagram->packets[VS_QUIC_INITIAL].is_present && !datagram->tls.is_early) {
        connection->handshake.journey = packet->payload.journey;
        connection->handshake.journey_generation = packet->payload.journey_generation;
    }
}

static unsigned
take_packets(VsQuicConnection *connection, const VsQuicDatagram *datagram)
{
    const VsQuicPacket *packets = datagram->packets;
    bool has_stream = packets[VS_QUIC_DATA].is_present &&
                      (packets[VS_QUIC_DATA].frames.kinds & VS_QUIC_STREAM);
    unsigned whole = 0;

    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        if (packets[space].is_present &&
            can_read(connection, (VsQuicSpace)space, &packets[space])) {
            whole |= take_packet(connection, (VsQuicSpace)space, datagram);
        }
    }
    return has_stream ? whole & WHOLE_MESSAGE : whole; /* Whose journey it has. */
}

static bool
has_close(const VsQuicConnection *connection, const VsQuicDatagram *datagram)
{
    const VsQuicPacket *packet = &datagram->packets[VS_QUIC_DATA];

    return packet->is_present && packet->is_close && connection->is_complete;
}

static void
take_datagram(VsQuicConnection *connection, VsPacket *packet)
{
    bool is_close = has_close(connection, packet->quic);
    unsigned whole;

    if (connection->is_draining) {
        return;
    }
    if (is_close) {
        vs_quic_drain(connection);
        return;
    }
    if (connection->is_closing) {
        vs_quic_send_close(connection);
        return;
    }
    connection->is_busy = true;
    connection->received_bytes += packet->payload_bytes;
    connection->idle_since = vs_quic_now(connection);
    connection->has_asked = false;
    vs_tls_owe_data(connection->quic->netns->host, packet->payload_bytes);
    take_journey(connection, packet);
    whole = take_packets(connection, packet->quic);
    if (whole) {
        vs_packet_arrive(packet);
    }
    if (whole & WHOLE_MESSAGE) {
        vs_quic_streams_tell(connection);
    }
    if (connection->is_ready_due) {
        connection->is_ready_due = false;
        connection->quic->ops->ready(connection);
    }
    connection->is_busy = false;
    vs_quic_flush(connection);
}

/* ---- Datagrams ---- */

/* Of a connection that is not known, or not any more (RFC 9000 section 10.3). */
static void
send_reset(VsQuic *quic, VsPacket *packet)
{
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    VsQuicDatagram *reset;

    if (packet->payload_bytes <= VS_QUIC_RESET_BYTES) {
        return;
    }
    reset = vs_pool_alloc(&quic->netns->run->packets->quics);
    *reset = (VsQuicDatagram){.connection = packet->quic->connection, .is_reset = true};
    vs_udp_send_quic(&quic->listener, flow->daddr, flow->saddr, flow->sport,
                     &(VsPayload){.kind = VS_PAYLOAD_NONE}, reset, VS_QUIC_RESET_BYTES);
}

void
vs_quic_server_receive(VsUdp *udp, VsPacket *packet)
{
    VsQuic *quic = udp->user;
    const VsQuicDatagram *datagram = packet->quic;
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    VsQuicConnection *connection;

    if (!(packet->flags & VS_PACKET_QUIC) || datagram->is_reset) {
        return; /* No QUIC: it is not answered. */
    }
    connection = vs_table_find(&quic->by_id, (VsKey){{datagram->connection, 0}});
    if (!connection && datagram->packets[VS_QUIC_INITIAL].is_present) {
        connection = vs_quic_accept(quic, datagram->connection, flow);
    } else if (!connection) {
        send_reset(quic, packet);
        return;
    }
    connection->local = flow->daddr;
    connection->remote = flow->saddr;
    connection->remote_port = flow->sport;
    take_datagram(connection, packet);
}

void
vs_quic_client_receive(VsUdp *udp, VsPacket *packet)
{
    VsQuicConnection *connection = udp->user;

    if (!(packet->flags & VS_PACKET_QUIC)) {
        return;
    }
    if (packet->quic->is_reset) {
        vs_quic_end(connection, VS_TCP_END_RESET);
    } else {
        take_datagram(connection, packet);
    }
}

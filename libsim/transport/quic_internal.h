/* What the files of QUIC call of one another: quic.c has endpoints, connections and their
 * timers; quic_send.c packets that go, quic_receive.c packets that come; quic_streams.c
 * streams. */
#pragma once

#include "transport/quic.h"
#include "transport/socket_internal.h"

#pragma GCC visibility push(hidden)

/* What a client keeps of a server. */
typedef struct VsQuicTicket {
    uint32_t number; /* Says who gave it. */
    VsTime expires;
    VsQuicLimits limits; /* As it told them. */
} VsQuicTicket;

static inline VsTime
vs_quic_now(const VsQuicConnection *connection)
{
    return vs_now(connection->quic->netns->run);
}

/* quic.c */

/* A server's connection for what came as 'flow'. */
VsQuicConnection *vs_quic_accept(VsQuic *quic, uint64_t id, const VsFlow *flow);

/* Tells the owner, and frees it. */
void vs_quic_end(VsQuicConnection *connection, VsTcpEnd end);

/* The peer has closed it: tells the owner. */
void vs_quic_drain(VsQuicConnection *connection);

void vs_quic_discard(VsQuicConnection *connection, VsQuicSpace space);
void vs_quic_keep_ticket(VsQuicConnection *connection, uint32_t number,
                         const VsQuicLimits *limits);

/* How long it may be silent. */
VsTime vs_quic_idle(const VsQuicConnection *connection);

/* Of the server's CRYPTO in the Handshake space, whether resumed or not. */
uint32_t vs_quic_flight_bytes(const VsQuicConnection *connection);

/* Sets the timers for losses and ACKs. */
void vs_quic_arm(VsQuicConnection *connection);

/* quic_send.c */

/* Sends what may go, unless something just comes in; sets timers. */
void vs_quic_flush(VsQuicConnection *connection);

/* CONNECTION_CLOSE. */
void vs_quic_send_close(VsQuicConnection *connection);

/* What 'sent' carried is to go again. */
void vs_quic_send_again(VsQuicConnection *connection, VsQuicSpace space,
                        const VsQuicSent *sent);

/* quic_receive.c */

void vs_quic_server_receive(VsUdp *udp, VsPacket *packet);
void vs_quic_client_receive(VsUdp *udp, VsPacket *packet);

/* quic_flow.c */

/* A new connection's own limits. */
void vs_quic_flow_init(VsQuicConnection *connection);

/* The peer's, as it told them. */
void vs_quic_flow_take_limits(VsQuicConnection *connection, const VsQuicLimits *limits);
void vs_quic_flow_init_stream(VsQuicStream *stream);

/* How many bytes more than 'sent' may go on the stream; where it has more, the limit is reached. */
uint64_t vs_quic_flow_room(const VsQuicStream *stream);

/* Notes which limits the stream has reached, to be told to the peer. */
void vs_quic_flow_note_blocked(VsQuicStream *stream);

/* More has come on the stream: raises limits. */
void vs_quic_flow_read(VsQuicStream *stream);

/* It ended after 'bytes', of which some will not come. */
void vs_quic_flow_ended(VsQuicStream *stream, uint64_t bytes);
bool vs_quic_flow_has_frames(const VsQuicConnection *connection);

/* Adds what is due, of the connection and, unless NULL, of the stream. */
void vs_quic_flow_add_frames(VsQuicConnection *connection, VsQuicStream *stream,
                             VsQuicFrames *frames);
void vs_quic_flow_take_frames(VsQuicConnection *connection, const VsQuicFrames *frames);

/* 'frames' were lost: what they told is to be told again, as it is now. */
void vs_quic_flow_lost(VsQuicConnection *connection, const VsQuicFrames *frames);

/* quic_streams.c */

VsQuicStream *vs_quic_stream_new(VsQuicConnection *connection, uint64_t number);
VsQuicStream *vs_quic_stream_find(const VsQuicConnection *connection, uint64_t number);
void vs_quic_stream_free(VsQuicStream *stream);
bool vs_quic_stream_has_data(const VsQuicStream *stream);

/* It gets its place among those that send, if it has something to send. */
void vs_quic_stream_ready(VsQuicStream *stream);
VsQuicStream *vs_quic_streams_pop(VsQuicConnection *connection);

/* A frame came: true if its message is whole with it. */
bool vs_quic_stream_receive(VsQuicConnection *connection,
                            const VsQuicDatagram *datagram);
void vs_quic_stream_reset(VsQuicConnection *connection, uint64_t number,
                          uint64_t bytes);
void vs_quic_stream_acked(VsQuicConnection *connection, const VsQuicFrames *frames);

/* Tells the owner of whole messages. */
void vs_quic_streams_tell(VsQuicConnection *connection);

/* Client: early data were refused; all goes again. */
void vs_quic_streams_restart(VsQuicConnection *connection);

/* May packets of 'space' be sent, or read, now?  'has_data_keys' is what that of data needs. */
static inline bool
vs_quic_has_keys(const VsQuicConnection *connection, VsQuicSpace space,
                 bool has_data_keys)
{
    if (connection->spaces[space].is_discarded) {
        return false;
    }
    switch (space) {
    case VS_QUIC_INITIAL:
        return true;
    case VS_QUIC_HANDSHAKE:
        return connection->spaces[VS_QUIC_INITIAL].is_crypto_whole;
    default:
        return has_data_keys;
    }
}

#pragma GCC visibility pop

/* QUIC version 1 (RFC 9000, 9001, 9002) over UDP: connections, and on their streams a message
 * each way, a request and its answer.
 *
 * Handshake: TLS 1.3 in CRYPTO frames, with the lengths of transport/tls.c without records;
 * its work is charged as that of TLS over TCP is.  A client may send after one round trip, or
 * at once with early data (0-RTT) and a ticket of that address and port.  Datagrams with an
 * Initial packet are 1200 bytes long.  A server sends no more than three times what it has
 * received until the client's address is valid.
 *
 * Loss recovery: quic_recovery.h, with CUBIC whatever the host's TCP has; paced if asked for
 * (RFC 9002 section 7.7: a quarter faster than the window allows, in bursts of 10 datagrams at
 * most).  A probe is one datagram.  ACKs go for every second packet, for one out of order, else after 25 ms.
 *
 * Streams with something to send take turns, a datagram each.  What a stream lacks holds up no
 * other.  A message's journey goes with the datagram that completes it.
 *
 * Flow control: each side tells limits for a stream, for all, and for how many there may be, and
 * raises the first two when half of its window has been read, which is done at once up to the first
 * gap, and the last for each stream that ends.  Who has reached one says so.
 *
 * Not modelled: discovery of the path's MTU (datagrams have 1200 bytes at most, and DF), Retry and version
 * negotiation, migration (a server follows its client's address without validating it),
 * key updates, ECN.  Connections end by silence, or are closed by their owner; who closes answers
 * what comes with CONNECTION_CLOSE, and who is told so is silent, for three times the time of a probe
 * (RFC 9000 section 10.2).  Packets that come before their keys are dropped. */
#pragma once

#include "base/pool.h"
#include "base/table.h"
#include "transport/quic_recovery.h"
#include "transport/quic_spans.h"
#include "transport/tls.h"
#include "transport/udp.h"

enum { VS_QUIC_DATAGRAM_BYTES = 1200 };

#define VS_QUIC_ACK_DELAY (25 * VS_MS)
#define VS_QUIC_HANDSHAKE_TIMEOUT (10 * VS_S)

typedef struct VsQuic VsQuic;
typedef struct VsQuicConnection VsQuicConnection;
typedef struct VsQuicStream VsQuicStream;

typedef struct VsQuicConfig {
    VsTlsConfig tls; /* version is 1.3, alpn does not count. */
    VsTime
        idle; /* Silent for so long, or for the peer's time, a connection has ended. */
    VsQuicLimits limits; /* What the peer may send. */
    bool is_paced;
} VsQuicConfig;

/* What an owner hears, at the end of what has come in or is due. */
typedef struct VsQuicOps {
    /* Client: streams may be opened; not called where they could be at once. */
    void (*ready)(VsQuicConnection *connection);

    /* A whole request or answer.  At the client the stream is over, and freed after. */
    void (*message)(VsQuicStream *stream, const VsPayload *payload);

    /* Server: the client wants no more of it; it is freed after. */
    void (*reset)(VsQuicStream *stream);

    /* It has ended, and its streams (connection->streams) with it; all freed after. */
    void (*ended)(VsQuicConnection *connection, VsTcpEnd end);
} VsQuicOps;

/* All connections of one client, or at one port of a server. */
struct VsQuic {
    VsNetns *netns;
    VsQuicConfig config;
    const VsQuicOps *ops;
    void *user; /* The owner's. */
    bool is_server;
    VsUdp listener;
    VsPool connections;
    VsPool streams;
    VsPool sents;
    VsPool deliveries;
    VsPool spans;
    VsPool tickets;
    VsTable by_id;     /* Connections. */
    VsTable by_number; /* Streams, by connection and number. */
    VsTable by_server; /* Client: tickets, by address and port. */
    uint64_t n_connections;
    uint64_t n_resumed; /* Of these. */
    uint64_t n_early;   /* Of these again: with early data that were taken. */
    uint64_t n_lost;    /* Packets found lost. */
    uint64_t n_probes;
    uint64_t n_closed;  /* Connections that their owner closed. */
    uint64_t n_blocked; /* Limits reached: of connections, streams, their number. */
};

struct VsQuicStream {
    VsQuicConnection *connection;
    VsQuicStream *next; /* Of the connection. */
    VsQuicStream *previous;
    VsQuicStream *next_ready;
    uint64_t number;
    bool is_ready;     /* It has its place among those that take turns. */
    bool is_cancelled; /* Client: its owner has gone; RESET_STREAM is to arrive. */
    bool is_reset_due;
    bool is_message_due; /* All has come, the owner is to hear of it. */
    bool is_max_due;     /* MAX_STREAM_DATA, */
    bool is_blocked_due; /* STREAM_DATA_BLOCKED. */
    void *user;          /* The owner's. */

    VsPayload payload; /* What we send; of 'bytes', 0: nothing yet. */
    uint64_t bytes;
    uint64_t sent;
    VsQuicSpan *lost;
    VsQuicSpan *acked;

    uint64_t send_max; /* The peer's limit, */
    uint64_t told_at;  /* and the one of which it was told that it is reached. */

    VsPayload peer_payload; /* What we receive. */
    VsQuicSpan *received;
    uint64_t n_read;      /* Bytes before the first gap. */
    uint64_t receive_max; /* Our limit. */
};

/* Limits of a connection. */
typedef struct VsQuicFlow {
    VsQuicLimits peer;    /* As told at first. */
    uint64_t sent;        /* Of all streams, but what goes again. */
    uint64_t send_max;    /* The peer's limit, */
    uint64_t told_at;     /* and the one of which it was told that it is reached. */
    uint64_t streams_max; /* Client: the same of streams. */
    uint64_t streams_told_at;
    uint64_t n_read;
    uint64_t receive_max; /* Our limit. */
    uint64_t n_ended;     /* Server: streams. */
    bool is_max_due;      /* MAX_DATA and so on. */
    bool is_blocked_due;
    bool is_streams_due;
    bool is_streams_blocked_due;
} VsQuicFlow;

/* A space of packet numbers. */
typedef struct VsQuicSpaceSide {
    bool is_discarded; /* Its keys are gone. */
    bool is_ack_due;
    bool is_ping_due;
    unsigned n_unacked; /* Came, ask for an ACK, and have got none. */
    uint64_t next_number;
    VsQuicAck received; /* The latest ranges; 'delay' does not count. */
    VsTime largest_at;
    uint32_t crypto_bytes; /* That we send in all, */
    uint32_t crypto_sent;
    VsQuicSpan *crypto_lost;
    VsQuicSpan *crypto_acked;
    VsQuicSpan *crypto_received;
    bool is_crypto_whole; /* All of the peer's has come. */
} VsQuicSpaceSide;

struct VsQuicConnection {
    VsQuic *quic;
    void *user; /* The owner's. */
    uint64_t id;
    VsUdp *udp;
    VsUdp own; /* Client: the socket. */
    VsAddr local;
    VsAddr remote;
    uint16_t remote_port;
    bool is_opened;    /* Client: keys of 1-RTT packets; server: keys to send them. */
    bool is_complete;  /* The handshake is. */
    bool is_validated; /* The peer takes our address for valid, or we the client's. */
    bool is_early;     /* 0-RTT is used. */
    bool is_resumed;
    bool is_done_due;  /* HANDSHAKE_DONE. */
    bool is_busy;      /* Something comes in: what is to be sent goes after. */
    bool is_probing;   /* One datagram may go beyond the window. */
    bool is_ready_due; /* The owner is to hear of it. */
    bool is_closing;   /* CONNECTION_CLOSE was sent, */
    bool is_draining;  /* or has come: its owner knows it no more. */
    uint32_t ticket;
    uint64_t sent_bytes; /* Of datagrams. */
    uint64_t received_bytes;
    VsTime last_sent;    /* What asks for an ACK. */
    VsTime idle_since;   /* It came, or the first after it that asks for an ACK went. */
    bool has_asked;      /* Since something came. */
    VsPayload handshake; /* Carries the journey that waits for the handshake. */
    VsQuicSpaceSide spaces[VS_QUIC_N_SPACES];
    VsQuicRecovery recovery;
    VsQuicFlow flow;
    VsTime paced_until; /* The next datagram goes then, or up to a burst later. */
    VsQuicStream *streams;
    VsQuicStream *first_ready;
    VsQuicStream *last_ready;
    uint64_t next_number; /* Of streams: ours, or the peer's next. */
    VsTimer loss;
    VsTimer ack;
    VsTimer idle;
    VsTimer pace;
};

/* Client; 'config' is copied. */
void vs_quic_open(VsQuic *quic, VsNetns *netns, const VsQuicConfig *config,
                  const VsQuicOps *ops, void *user);

/* Server at (address, port); false when that is taken. */
bool vs_quic_listen(VsQuic *quic, VsNetns *netns, VsAddr address, uint16_t port,
                    const VsQuicConfig *config, const VsQuicOps *ops, void *user);

/* Frees all connections; the namespace's sockets must not run any more.  Zeroed memory is
 * fine. */
void vs_quic_close(VsQuic *quic);

/* Connects, for 'journey' or NULL; NULL when no port is free.  With early data streams may be
 * opened at once (vs_quic_is_ready()), and the first of them sets it going. */
VsQuicConnection *vs_quic_connect(VsQuic *quic, VsAddr address, uint16_t port,
                                  VsJourney *journey, void *user);

/* Closes it, without a word to the owner, who knows neither it nor its streams any more. */
void vs_quic_shut(VsQuicConnection *connection);

bool vs_quic_is_ready(const VsQuicConnection *connection);

/* Client: whether a stream may be opened: the connection is ready, and the server's limit not
 * reached; where it is, the server hears of it, and 'ready' is called when it rises. */
bool vs_quic_may_request(VsQuicConnection *connection);

/* Client: opens a stream for a request of 'bytes', as it may. */
VsQuicStream *vs_quic_request(VsQuicConnection *connection, const VsPayload *payload,
                              uint64_t bytes, void *user);

/* Server: answers on 'stream', which is freed by itself when all has arrived. */
void vs_quic_answer(VsQuicStream *stream, const VsPayload *payload, uint64_t bytes);

/* Client: wants no answer any more; the owner hears no more of it. */
void vs_quic_cancel(VsQuicStream *stream);

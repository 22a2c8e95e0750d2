/* What a UDP datagram of QUIC (RFC 9000) carries: up to three packets, one for each space of
 * packet numbers, and their frames.
 *
 * A packet has at most one frame of a kind, so one piece of one stream: implementations
 * that put several short streams into a packet send somewhat fewer datagrams.  Lengths are
 * those of RFC 9000 section 17 and 19 with connection ids of 8 bytes, and of AEADs with
 * tags of 16 (RFC 9001 section 5.3). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "packet/payload.h"

enum {
    VS_QUIC_INITIAL_BYTES = 1200, /* A datagram with an Initial packet, at least. */
    VS_QUIC_ACK_RANGES = 16,      /* In a frame: those of the latest packets. */
    VS_QUIC_RESET_BYTES = 43,     /* Of a stateless reset. */
};

/* Spaces of packet numbers; 0-RTT packets share that of 1-RTT. */
typedef enum VsQuicSpace {
    VS_QUIC_INITIAL,
    VS_QUIC_HANDSHAKE,
    VS_QUIC_DATA,
    VS_QUIC_N_SPACES
} VsQuicSpace;

/* Numbers or offsets from 'first' up to, but without 'end'. */
typedef struct VsQuicRange {
    uint64_t first;
    uint64_t end;
} VsQuicRange;

typedef struct VsQuicAck {
    unsigned n_ranges;                      /* 0: no such frame. */
    VsTime delay;                           /* Since the largest came. */
    VsQuicRange ranges[VS_QUIC_ACK_RANGES]; /* The largest first. */
} VsQuicAck;

/* Kinds of frames that ask for an ACK, as bits. */
typedef enum VsQuicFrame {
    VS_QUIC_PING = 0x01,
    VS_QUIC_CRYPTO = 0x02,
    VS_QUIC_STREAM = 0x04,
    VS_QUIC_RESET_STREAM = 0x08, /* With STOP_SENDING of the other direction. */
    VS_QUIC_HANDSHAKE_DONE = 0x10,
    VS_QUIC_MAX_DATA = 0x20,
    VS_QUIC_MAX_STREAM_DATA = 0x40,
    VS_QUIC_MAX_STREAMS = 0x80,
    VS_QUIC_DATA_BLOCKED = 0x100,
    VS_QUIC_STREAM_DATA_BLOCKED = 0x200,
    VS_QUIC_STREAMS_BLOCKED = 0x400,
} VsQuicFrame;

/* What the receiver of data allows, told at first in transport parameters (RFC 9000 section
 * 18.2); 0: no limit. */
typedef struct VsQuicLimits {
    uint64_t data;        /* Bytes of all streams, */
    uint64_t stream_data; /* of one, */
    uint64_t streams;     /* and how many of them the client may open. */
    VsTime idle;          /* A connection silent for so long has ended. */
} VsQuicLimits;

/* The frames of a packet, as far as the sender has to know when it is lost. */
typedef struct VsQuicFrames {
    uint16_t kinds; /* VsQuicFrame. */
    bool is_fin;
    uint32_t crypto_offset;
    uint32_t crypto_bytes;
    uint32_t stream_bytes;
    uint64_t stream;
    uint64_t stream_offset;
    uint64_t reset_stream;
    uint64_t reset_bytes; /* Final size. */

    /* Limits, raised or reached (section 19.9 to 19.14). */
    uint64_t max_data;
    uint64_t max_stream; /* Whose limit rises. */
    uint64_t max_stream_data;
    uint64_t max_streams;
    uint64_t blocked_data;
    uint64_t blocked_stream; /* Which has reached its limit. */
    uint64_t blocked_stream_data;
    uint64_t blocked_streams;
} VsQuicFrames;

typedef struct VsQuicPacket {
    bool is_present;
    bool is_early; /* 0-RTT. */
    bool is_close; /* CONNECTION_CLOSE, and nothing else. */
    uint8_t number_bytes;
    uint32_t bytes; /* Header, frames, padding, tag. */
    uint64_t number;
    uint32_t crypto_end; /* Length of all that this space's CRYPTO frames will carry. */
    VsQuicFrames frames;
    VsQuicAck ack;
} VsQuicPacket;

/* Both ends use one connection id, the client's first choice. */
typedef struct VsQuicDatagram {
    uint64_t connection;
    bool is_reset;          /* A stateless reset, and nothing else. */
    VsTlsHandshake tls;     /* What CRYPTO frames say, */
    VsQuicLimits limits;    /* in transport parameters, too. */
    VsPayload message;      /* What the stream's bytes mean, */
    uint64_t message_bytes; /* and how many it will have. */
    VsQuicPacket packets[VS_QUIC_N_SPACES];
} VsQuicDatagram;

/* Length of 'value' as a variable-length integer (RFC 9000 section 16). */
unsigned vs_quic_varint_bytes(uint64_t value);

/* Length of packet number 'number' when all below 'acked' are acknowledged (appendix A.2). */
unsigned vs_quic_number_bytes(uint64_t number, uint64_t acked);

/* Header and tag of a packet in 'space'. */
unsigned vs_quic_overhead_bytes(VsQuicSpace space, bool is_early,
                                unsigned number_bytes);

unsigned vs_quic_ack_bytes(const VsQuicAck *ack);

/* Headers of frames, without the data. */
unsigned vs_quic_crypto_bytes(uint64_t offset, uint64_t bytes);
unsigned vs_quic_stream_bytes(uint64_t stream, uint64_t offset, uint64_t bytes);

/* Frames that tell of limits. */
uint32_t vs_quic_limit_bytes(const VsQuicFrames *frames);

/* All of 'packet', which has all but its 'bytes', of 'datagram'. */
uint32_t vs_quic_packet_bytes(const VsQuicDatagram *datagram, VsQuicSpace space);

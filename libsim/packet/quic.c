#include "packet/quic.h"

enum {
    CONNECTION_ID_BYTES = 8,
    TAG_BYTES = 16,
    DELAY_UNIT = 8,                   /* us: ack_delay_exponent 3. */
    CODE_BYTES = 2,                   /* Error codes of HTTP/3: 0x0100 and up. */
    CLOSE_BYTES = 1 + CODE_BYTES + 1, /* An application's, without a reason. */
};

unsigned
vs_quic_varint_bytes(uint64_t value)
{
    if (value < 64) {
        return 1;
    }
    if (value < 16384) {
        return 2;
    }
    return value < (UINT64_C(1) << 30) ? 4 : 8;
}

unsigned
vs_quic_number_bytes(uint64_t number, uint64_t acked)
{
    uint64_t twice = 2 * (number + 1 - acked);
    unsigned bytes = 1;

    while (bytes < 4 && twice > (UINT64_C(1) << (8 * bytes))) {
        bytes++;
    }
    return bytes;
}

/* A long header has a version, both ids with their lengths, and a length; of Initial packets
 * the length of a token, which is 0. */
unsigned
vs_quic_overhead_bytes(VsQuicSpace space, bool is_early, unsigned number_bytes)
{
    if (space == VS_QUIC_DATA && !is_early) {
        return 1 + CONNECTION_ID_BYTES + number_bytes + TAG_BYTES;
    }
    return 1 + 4 + 2 * (1 + CONNECTION_ID_BYTES) + (space == VS_QUIC_INITIAL ? 1 : 0) +
           2 + number_bytes + TAG_BYTES;
}

unsigned
vs_quic_ack_bytes(const VsQuicAck *ack)
{
    const VsQuicRange *ranges = ack->ranges;
    unsigned bytes;

    if (ack->n_ranges == 0) {
        return 0;
    }
    bytes = 1 + vs_quic_varint_bytes(ranges[0].end - 1) +
            vs_quic_varint_bytes((uint64_t)(ack->delay / (DELAY_UNIT * VS_US))) +
            vs_quic_varint_bytes(ack->n_ranges - 1) +
            vs_quic_varint_bytes(ranges[0].end - 1 - ranges[0].first);
    for (unsigned i = 1; i < ack->n_ranges; i++) {
        bytes += vs_quic_varint_bytes(ranges[i - 1].first - ranges[i].end - 1) +
                 vs_quic_varint_bytes(ranges[i].end - 1 - ranges[i].first);
    }
    return bytes;
}

unsigned
vs_quic_crypto_bytes(uint64_t offset, uint64_t bytes)
{
    return 1 + vs_quic_varint_bytes(offset) + vs_quic_varint_bytes(bytes);
}

unsigned
vs_quic_stream_bytes(uint64_t stream, uint64_t offset, uint64_t bytes)
{
    return 1 + vs_quic_varint_bytes(stream) +
           (offset > 0 ? vs_quic_varint_bytes(offset) : 0) +
           vs_quic_varint_bytes(bytes);
}

uint32_t
vs_quic_limit_bytes(const VsQuicFrames *frames)
{
    const struct {
        VsQuicFrame kind;
        uint64_t stream; /* UINT64_MAX: the frame has none. */
        uint64_t limit;
    } all[] = {
        {VS_QUIC_MAX_DATA, UINT64_MAX, frames->max_data},
        {VS_QUIC_MAX_STREAM_DATA, frames->max_stream, frames->max_stream_data},
        {VS_QUIC_MAX_STREAMS, UINT64_MAX, frames->max_streams},
        {VS_QUIC_DATA_BLOCKED, UINT64_MAX, frames->blocked_data},
        {VS_QUIC_STREAM_DATA_BLOCKED, frames->blocked_stream,
         frames->blocked_stream_data},
        {VS_QUIC_STREAMS_BLOCKED, UINT64_MAX, frames->blocked_streams},
    };
    uint32_t bytes = 0;

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (frames->kinds & all[i].kind) {
            bytes +=
                1 + vs_quic_varint_bytes(all[i].limit) +
                (all[i].stream != UINT64_MAX ? vs_quic_varint_bytes(all[i].stream) : 0);
        }
    }
    return bytes;
}

/* Frames that end streams, and those of limits. */
static uint32_t
control_bytes(const VsQuicFrames *frames)
{
    uint32_t bytes = vs_quic_limit_bytes(frames);

    if (frames->kinds & VS_QUIC_RESET_STREAM) {
        bytes += 2 * (1 + vs_quic_varint_bytes(frames->reset_stream) + CODE_BYTES) +
                 vs_quic_varint_bytes(frames->reset_bytes);
    }
    return bytes;
}

uint32_t
vs_quic_packet_bytes(const VsQuicDatagram *datagram, VsQuicSpace space)
{
    const VsQuicPacket *packet = &datagram->packets[space];
    const VsQuicFrames *frames = &packet->frames;
    uint32_t bytes =
        vs_quic_overhead_bytes(space, packet->is_early, packet->number_bytes) +
        vs_quic_ack_bytes(&packet->ack) + control_bytes(frames);

    if (frames->kinds & VS_QUIC_CRYPTO) {
        bytes += vs_quic_crypto_bytes(frames->crypto_offset, frames->crypto_bytes) +
                 frames->crypto_bytes;
    }
    if (frames->kinds & VS_QUIC_STREAM) {
        bytes += vs_quic_stream_bytes(frames->stream, frames->stream_offset,
                                      frames->stream_bytes) +
                 frames->stream_bytes;
    }
    bytes += packet->is_close ? CLOSE_BYTES : 0;
    bytes += frames->kinds & VS_QUIC_PING ? 1 : 0;
    bytes += frames->kinds & VS_QUIC_HANDSHAKE_DONE ? 1 : 0;
    return bytes;
}

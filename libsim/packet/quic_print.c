#include "packet/quic_print.h"

#include "base/hash.h"

enum {
    LONG_HEADER = 0xc0, /* Form and fixed bit. */
    SHORT_HEADER = 0x40,
    LONG_HIDDEN = 0x0f, /* Bits of the first byte that are protected. */
    SHORT_HIDDEN = 0x1f,
    TYPE_INITIAL = 0,
    TYPE_EARLY = 1,
    TYPE_HANDSHAKE = 2,
    TYPE_SHIFT = 4,
    QUIC_VERSION = 1,
    ID_BYTES = 8,
    LENGTH_BYTES = 2, /* As a varint: */
    LENGTH_FORM = 0x4000,
};

static void
put(GByteArray *out, uint64_t value, unsigned n_bytes)
{
    while (n_bytes-- > 0) {
        guint8 byte = (guint8)(value >> (8 * n_bytes));

        g_byte_array_append(out, &byte, 1);
    }
}

static void
put_noise(GByteArray *out, uint64_t seed, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < n_bytes; i += sizeof(uint64_t)) {
        put(out, vs_mix64(seed + i), MIN(n_bytes - i, (uint32_t)sizeof(uint64_t)));
    }
}

/* Bytes. ---------------------------------------------------------------------------- */

static void
print_packet(const VsQuicDatagram *datagram, VsQuicSpace space, GByteArray *out)
{
    static const unsigned types[] = {
        [VS_QUIC_INITIAL] = TYPE_INITIAL, [VS_QUIC_HANDSHAKE] = TYPE_HANDSHAKE};
    const VsQuicPacket *packet = &datagram->packets[space];
    uint64_t noise = vs_mix64(datagram->connection ^ packet->number << 8 ^ space);
    guint end = out->len + packet->bytes;

    if (space == VS_QUIC_DATA && !packet->is_early) {
        put(out, SHORT_HEADER | (noise & SHORT_HIDDEN), 1);
        put(out, datagram->connection, ID_BYTES);
    } else {
        unsigned type = packet->is_early ? TYPE_EARLY : types[space];

        put(out, LONG_HEADER | type << TYPE_SHIFT | (noise & LONG_HIDDEN), 1);
        put(out, QUIC_VERSION, 4);
        for (unsigned i = 0; i < 2; i++) { /* Destination and source. */
            put(out, ID_BYTES, 1);
            put(out, datagram->connection, ID_BYTES);
        }
        if (space == VS_QUIC_INITIAL) {
            put(out, 0, 1); /* No token. */
        }
        put(out, LENGTH_FORM | (end - out->len - LENGTH_BYTES), LENGTH_BYTES);
    }
    put_noise(out, noise, end - out->len);
}

void
vs_quic_print(const VsQuicDatagram *datagram, GByteArray *out)
{
    if (datagram->is_reset) { /* It looks like a short header with noise. */
        put(out, SHORT_HEADER | (datagram->connection & SHORT_HIDDEN), 1);
        put_noise(out, ~datagram->connection, VS_QUIC_RESET_BYTES - 1);
        return;
    }
    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        if (datagram->packets[space].is_present) {
            print_packet(datagram, (VsQuicSpace)space, out);
        }
    }
}

/* Words. ---------------------------------------------------------------------------- */

static void add(GString *text, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Frames are told apart by commas. */
static void
add(GString *text, const char *format, ...)
{
    va_list arguments;

    if (text->str[text->len - 1] != '(') {
        g_string_append(text, ", ");
    }
    va_start(arguments, format);
    g_string_append_vprintf(text, format, arguments);
    va_end(arguments);
}

static void
describe_ack(const VsQuicAck *ack, GString *text)
{
    for (unsigned i = 0; i < ack->n_ranges; i++) {
        const VsQuicRange *range = &ack->ranges[i];

        if (i == 0) {
            add(text, "ACK");
        }
        g_string_append_printf(text, " %" G_GUINT64_FORMAT, range->first);
        if (range->end - range->first > 1) {
            g_string_append_printf(text, "-%" G_GUINT64_FORMAT, range->end - 1);
        }
    }
}

static void
describe_limits(const VsQuicFrames *frames, GString *text)
{
    const struct {
        VsQuicFrame kind;
        const char *name;
        uint64_t limit;
    } all[] = {{VS_QUIC_MAX_DATA, "MAX_DATA", frames->max_data},
               {VS_QUIC_MAX_STREAMS, "MAX_STREAMS", frames->max_streams},
               {VS_QUIC_DATA_BLOCKED, "DATA_BLOCKED", frames->blocked_data},
               {VS_QUIC_STREAMS_BLOCKED, "STREAMS_BLOCKED", frames->blocked_streams}};

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (frames->kinds & all[i].kind) {
            add(text, "%s %" G_GUINT64_FORMAT, all[i].name, all[i].limit);
        }
    }
    if (frames->kinds & VS_QUIC_MAX_STREAM_DATA) {
        add(text, "MAX_STREAM_DATA %" G_GUINT64_FORMAT " of stream %" G_GUINT64_FORMAT,
            frames->max_stream_data, frames->max_stream);
    }
    if (frames->kinds & VS_QUIC_STREAM_DATA_BLOCKED) {
        add(text,
            "STREAM_DATA_BLOCKED %" G_GUINT64_FORMAT " of stream %" G_GUINT64_FORMAT,
            frames->blocked_stream_data, frames->blocked_stream);
    }
}

/* "STREAM 4 0-999 FIN": bytes from and to. */
static void
describe_frames(const VsQuicFrames *frames, GString *text)
{
    if (frames->kinds & VS_QUIC_PING) {
        add(text, "PING");
    }
    if (frames->kinds & VS_QUIC_CRYPTO) {
        add(text, "CRYPTO %u-%u", frames->crypto_offset,
            frames->crypto_offset + frames->crypto_bytes - 1);
    }
    if (frames->kinds & VS_QUIC_HANDSHAKE_DONE) {
        add(text, "HANDSHAKE_DONE");
    }
    describe_limits(frames, text);
    if (frames->kinds & VS_QUIC_STREAM) {
        add(text,
            "STREAM %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT
            "%s",
            frames->stream, frames->stream_offset,
            frames->stream_offset + frames->stream_bytes - 1,
            frames->is_fin ? " FIN" : "");
    }
    if (frames->kinds & VS_QUIC_RESET_STREAM) {
        add(text, "RESET_STREAM %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT,
            frames->reset_stream, frames->reset_bytes);
    }
}

char *
vs_quic_describe(const VsQuicDatagram *datagram)
{
    static const char *const names[] = {
        [VS_QUIC_INITIAL] = "Initial", [VS_QUIC_HANDSHAKE] = "Handshake"};
    GString *text = g_string_new("QUIC");

    if (datagram->is_reset) {
        g_string_append(text, " stateless reset");
    }
    for (unsigned space = 0; space < VS_QUIC_N_SPACES; space++) {
        const VsQuicPacket *packet = &datagram->packets[space];

        if (!packet->is_present) {
            continue;
        }
        g_string_append_printf(text, "%s %s %" G_GUINT64_FORMAT " (",
                               text->str[text->len - 1] == ')' ? "," : "",
                               space != VS_QUIC_DATA ? names[space]
                               : packet->is_early    ? "0-RTT"
                                                     : "1-RTT",
                               packet->number);
        if (packet->is_close) {
            add(text, "CONNECTION_CLOSE");
        }
        describe_ack(&packet->ack, text);
        describe_frames(&packet->frames, text);
        g_string_append_c(text, ')');
    }
    return g_string_free(text, FALSE);
}

#include "packet/http2.h"

#include "packet/http.h"
#include "packet/sink.h"

/* Types of frames, flags, settings: RFC 9113, sections 6 and 6.5.2. */
enum {
    TYPE_DATA = 0,
    TYPE_HEADERS = 1,
    TYPE_RST_STREAM = 3,
    TYPE_SETTINGS = 4,
    TYPE_PING = 6,
    TYPE_GOAWAY = 7,
    TYPE_WINDOW_UPDATE = 8,
    FLAG_ACK = 0x1,
    FLAG_END_STREAM = 0x1,
    FLAG_END_HEADERS = 0x4,
    SETTINGS_MAX_CONCURRENT_STREAMS = 3,
    SETTINGS_INITIAL_WINDOW_SIZE = 4,
    SETTING_BYTES = 6,
    PING_BYTES = 8,
};

/* RFC 7541: fields of the static table, and the first of the dynamic one. */
enum {
    AUTHORITY = 1,
    METHOD_GET = 2,
    METHOD_POST = 3,
    PATH_ROOT = 4,
    SCHEME_HTTP = 6,
    SCHEME_HTTPS = 7,
    STATUS_200 = 8,
    ACCEPT = 19,
    CONTENT_LENGTH = 28,
    CONTENT_TYPE = 31,
    USER_AGENT = 58,
    FIRST_OF_TABLE = 62,
};

static void
put_big_endian(VsSink *sink, uint64_t value, unsigned n_bytes)
{
    while (n_bytes-- > 0) {
        char byte = (char)(value >> 8 * n_bytes & 0xff);

        vs_sink_put_bytes(sink, &byte, 1);
    }
}

static void
put_frame(VsSink *sink, uint32_t n_bytes, unsigned type, unsigned flags,
          uint32_t stream)
{
    put_big_endian(sink, n_bytes, 3);
    put_big_endian(sink, type, 1);
    put_big_endian(sink, flags, 1);
    put_big_endian(sink, stream, 4);
}

/* HPACK. --------------------------------------------------------------------------- */

/* Section 5.1: below 'pattern', in the low 'n_bits' of the first byte and then 7 a byte. */
static void
put_integer(VsSink *sink, unsigned pattern, unsigned n_bits, uint64_t value)
{
    unsigned max = (1u << n_bits) - 1;

    if (value < max) {
        put_big_endian(sink, pattern | value, 1);
        return;
    }
    put_big_endian(sink, pattern | max, 1);
    for (value -= max; value >= 0x80; value >>= 7) {
        put_big_endian(sink, 0x80 | (value & 0x7f), 1);
    }
    put_big_endian(sink, value, 1);
}

static void
put_string(VsSink *sink, const char *text)
{
    put_integer(sink, 0, 7, strlen(text));
    vs_sink_put(sink, text);
}

/* Section 6.1. */
static void
put_indexed(VsSink *sink, unsigned index)
{
    put_integer(sink, 0x80, 7, index);
}

/* Section 6.2.2. */
static void
put_literal(VsSink *sink, unsigned name_index, const char *value)
{
    put_integer(sink, 0, 4, name_index);
    put_string(sink, value);
}

static void
put_authority(VsSink *sink, const VsHttp2Frames *frames, const VsNames *names)
{
    const char *host = vs_names_get(names, frames->http.host);

    if (frames->set & VS_HTTP2_KNOWN_HOST) {
        put_indexed(sink, FIRST_OF_TABLE);
    } else if (frames->set & VS_HTTP2_NEW_HOST) {
        put_integer(sink, 0x40, 6, AUTHORITY); /* Section 6.2.1. */
        put_string(sink, host);
    } else {
        put_literal(sink, AUTHORITY, host);
    }
}

static void
put_content_length(VsSink *sink, uint64_t bytes)
{
    char digits[24];

    g_snprintf(digits, sizeof(digits), "%" G_GUINT64_FORMAT, bytes);
    put_literal(sink, CONTENT_LENGTH, digits);
}

static void
put_request(VsSink *sink, const VsHttp2Frames *frames, const VsNames *names)
{
    const VsHttp *http = &frames->http;
    const char *path = http->path ? vs_names_get(names, http->path) : "/";

    if (http->method == VS_HTTP_GET || http->method == VS_HTTP_POST) {
        put_indexed(sink, http->method == VS_HTTP_POST ? METHOD_POST : METHOD_GET);
    } else {
        put_literal(sink, METHOD_GET, vs_http_method_names[http->method]);
    }
    put_indexed(sink, frames->set & VS_HTTP2_HTTPS ? SCHEME_HTTPS : SCHEME_HTTP);
    if (strcmp(path, "/") == 0) {
        put_indexed(sink, PATH_ROOT);
    } else {
        put_literal(sink, PATH_ROOT, path);
    }
    put_authority(sink, frames, names);
    put_literal(sink, USER_AGENT, "vethsim");
    put_literal(sink, ACCEPT, "*/*");
    if (vs_http_tells_length(http)) {
        put_content_length(sink, http->body_bytes);
    }
}

static void
put_status(VsSink *sink, unsigned status)
{
    static const uint16_t indexed[] = {200, 204, 206, 304, 400, 404, 500};
    char digits[12];

    for (unsigned i = 0; i < G_N_ELEMENTS(indexed); i++) {
        if (indexed[i] == status) {
            put_indexed(sink, STATUS_200 + i);
            return;
        }
    }
    g_snprintf(digits, sizeof(digits), "%u", status);
    put_literal(sink, STATUS_200, digits);
}

static void
put_block(VsSink *sink, const VsHttp2Frames *frames, const VsNames *names)
{
    if (frames->http.status == 0) {
        put_request(sink, frames, names);
    } else {
        put_status(sink, frames->http.status);
        put_literal(sink, CONTENT_TYPE, "text/html");
        put_content_length(sink, frames->http.body_bytes);
    }
}

/* Frames. -------------------------------------------------------------------------- */

static void
put_update(VsSink *sink, uint32_t stream, uint32_t bytes)
{
    put_frame(sink, 4, TYPE_WINDOW_UPDATE, 0, stream);
    put_big_endian(sink, bytes, 4);
}

/* What differs from the RFC's values; a wider window is the connection's, too. */
static void
put_settings(VsSink *sink, const VsHttp2Frames *frames)
{
    bool has_streams = frames->argument != UINT32_MAX;
    bool has_window = frames->window != VS_HTTP2_WINDOW_BYTES;

    put_frame(sink, ((uint32_t)has_streams + has_window) * SETTING_BYTES, TYPE_SETTINGS,
              0, 0);
    if (has_streams) {
        put_big_endian(sink, SETTINGS_MAX_CONCURRENT_STREAMS, 2);
        put_big_endian(sink, frames->argument, 4);
    }
    if (has_window) {
        put_big_endian(sink, SETTINGS_INITIAL_WINDOW_SIZE, 2);
        put_big_endian(sink, frames->window, 4);
    }
    if (frames->window > VS_HTTP2_WINDOW_BYTES) {
        put_update(sink, 0, frames->window - VS_HTTP2_WINDOW_BYTES);
    }
}

static void
put_connection_frames(VsSink *sink, const VsHttp2Frames *frames)
{
    if (frames->set & VS_HTTP2_PREFACE) {
        vs_sink_put(sink, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    }
    if (frames->set & VS_HTTP2_SETTINGS) {
        put_settings(sink, frames);
    }
    if (frames->set & VS_HTTP2_SETTINGS_ACK) {
        put_frame(sink, 0, TYPE_SETTINGS, FLAG_ACK, 0);
    }
    if (frames->set & VS_HTTP2_UPDATE) {
        put_update(sink, 0, frames->argument);
    }
    if (frames->set & VS_HTTP2_GOAWAY) {
        put_frame(sink, 8, TYPE_GOAWAY, 0, 0);
        put_big_endian(sink, frames->argument, 4);
        put_big_endian(sink, 0, 4); /* NO_ERROR. */
    }
    if (frames->set & (VS_HTTP2_PING | VS_HTTP2_PING_ACK)) {
        put_frame(sink, PING_BYTES, TYPE_PING,
                  frames->set & VS_HTTP2_PING_ACK ? FLAG_ACK : 0, 0);
        put_big_endian(sink, 0, PING_BYTES);
    }
}

static void
put_stream_frames(VsSink *sink, const VsHttp2Frames *frames, const VsNames *names)
{
    bool has_data = frames->set & VS_HTTP2_DATA;
    unsigned end = frames->set & VS_HTTP2_END_STREAM ? FLAG_END_STREAM : 0;

    if (frames->set & VS_HTTP2_STREAM_UPDATE) {
        put_update(sink, frames->stream, frames->window);
    }
    if (frames->set & VS_HTTP2_RST_STREAM) {
        put_frame(sink, 4, TYPE_RST_STREAM, 0, frames->stream);
        put_big_endian(sink, frames->argument, 4);
    }
    if (frames->set & VS_HTTP2_HEADERS) {
        VsSink block = {0};

        put_block(&block, frames, names);
        put_frame(sink, (uint32_t)block.bytes, TYPE_HEADERS,
                  FLAG_END_HEADERS | (has_data ? 0 : end), frames->stream);
        put_block(sink, frames, names);
    }
    if (has_data) {
        put_frame(sink, frames->data_bytes, TYPE_DATA, end, frames->stream);
    }
}

static void
put_frames(VsSink *sink, const VsHttp2Frames *frames, const VsNames *names)
{
    put_connection_frames(sink, frames);
    put_stream_frames(sink, frames, names);
}

void
vs_http2_print(const VsHttp2Frames *frames, const VsNames *names, GString *out)
{
    VsSink sink = {.out = out};

    put_frames(&sink, frames, names);
}

uint32_t
vs_http2_bytes(const VsHttp2Frames *frames, const VsNames *names)
{
    VsSink sink = {0};

    put_frames(&sink, frames, names);
    return (uint32_t)sink.bytes +
           (frames->set & VS_HTTP2_DATA ? frames->data_bytes : 0);
}

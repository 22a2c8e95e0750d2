/* Frames of HTTP/2 (RFC 9113) as bytes, and their lengths.
 *
 * Blocks of header fields are such as an encoder of HPACK (RFC 7541) writes that uses the
 * static table, puts the first :authority of a connection into the dynamic one, and sends
 * all else as literals without indexing and without Huffman's code: any decoder reads them.
 * The fields are those of HTTP/1.1 (http.h). */
#pragma once

#include <glib.h>

#include "packet/names.h"
#include "packet/payload.h"

enum {
    VS_HTTP2_FRAME_BYTES = 9,       /* Of a frame's header. */
    VS_HTTP2_DATA_MAX = 16384,      /* SETTINGS_MAX_FRAME_SIZE of the RFC. */
    VS_HTTP2_WINDOW_BYTES = 65535,  /* At first, of connection and streams. */
    VS_HTTP2_STREAM_MAX = INT32_MAX /* The highest number of a stream. */
};

typedef enum VsHttp2Error {
    VS_HTTP2_REFUSED_STREAM = 7, /* Before anything was done for it. */
    VS_HTTP2_CANCEL = 8,
} VsHttp2Error;

/* Writes the bytes of 'frames' but for the contents of DATA, which come last. */
void vs_http2_print(const VsHttp2Frames *frames, const VsNames *names, GString *out);

/* How many those are, with the contents of DATA. */
uint32_t vs_http2_bytes(const VsHttp2Frames *frames, const VsNames *names);

/* Frames of the WebSocket protocol (RFC 6455, section 5) as bytes, and their lengths.
 *
 * Each message is one frame, whatever its length; clients mask with a key of zeros, which
 * leaves the text as it is. */
#pragma once

#include <glib.h>

#include "packet/payload.h"

/* Of a frame's header: 2 bytes, 8 more of a longer content than 65535, 2 of one than 125, and 4
 * of a mask. */
unsigned vs_websocket_header_bytes(const VsWebSocketFrame *frame);

/* Of the whole frame. */
static inline uint64_t
vs_websocket_bytes(const VsWebSocketFrame *frame)
{
    return vs_websocket_header_bytes(frame) + frame->bytes;
}

/* Writes the header, and the code of a close frame. */
void vs_websocket_print(const VsWebSocketFrame *frame, GString *out);

/* "text", "ping", ... */
const char *vs_websocket_opcode_name(unsigned opcode);

#include "packet/websocket.h"

enum {
    FIN = 0x80,
    MASK = 0x80,
    SHORT_MAX = 125,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    KEY_BYTES = 4,
};

unsigned
vs_websocket_header_bytes(const VsWebSocketFrame *frame)
{
    unsigned length_bytes = frame->bytes <= SHORT_MAX    ? 0
                            : frame->bytes <= UINT16_MAX ? sizeof(uint16_t)
                                                         : sizeof(uint64_t);

    return 2 + length_bytes + (frame->is_masked ? KEY_BYTES : 0);
}

/* In network order. */
static void
put(GString *out, uint64_t value, unsigned n_bytes)
{
    while (n_bytes-- > 0) {
        g_string_append_c(out, (char)(value >> (8 * n_bytes) & 0xff));
    }
}

void
vs_websocket_print(const VsWebSocketFrame *frame, GString *out)
{
    uint8_t mask = frame->is_masked ? MASK : 0;

    put(out, FIN | frame->opcode, 1);
    if (frame->bytes <= SHORT_MAX) {
        put(out, mask | frame->bytes, 1);
    } else if (frame->bytes <= UINT16_MAX) {
        put(out, mask | LENGTH_16, 1);
        put(out, frame->bytes, sizeof(uint16_t));
    } else {
        put(out, mask | LENGTH_64, 1);
        put(out, frame->bytes, sizeof(uint64_t));
    }
    if (frame->is_masked) {
        put(out, 0, KEY_BYTES);
    }
    if (frame->opcode == VS_WEBSOCKET_CLOSE) {
        put(out, frame->code, VS_WEBSOCKET_CODE_BYTES);
    }
}

const char *
vs_websocket_opcode_name(unsigned opcode)
{
    switch (opcode) {
    case VS_WEBSOCKET_CLOSE:
        return "close";
    case VS_WEBSOCKET_PING:
        return "ping";
    case VS_WEBSOCKET_PONG:
        return "pong";
    default:
        return "text";
    }
}

/* Frames of WebSocket as bytes: the examples of RFC 6455, section 5.7, and their limits. */
#include "packet/websocket.h"

#include "vs_test.h"

static void
check(const VsWebSocketFrame *frame, const char *expected)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GString) hex = g_string_new(NULL);

    vs_websocket_print(frame, bytes);
    for (gsize i = 0; i < bytes->len; i++) {
        g_string_append_printf(hex, "%02x", (unsigned char)bytes->str[i]);
    }
    CU_ASSERT_STRING_EQUAL(hex->str, expected);
    CU_ASSERT_EQUAL(vs_websocket_header_bytes(frame),
                    bytes->len - (frame->opcode == VS_WEBSOCKET_CLOSE ? 2 : 0));
    CU_ASSERT_EQUAL(vs_websocket_bytes(frame),
                    vs_websocket_header_bytes(frame) + frame->bytes);
}

/* Masks are zeros here, and content of 256 bytes and more text. */
static void
test_frames_are_those_of_the_rfc(void)
{
    static const struct {
        VsWebSocketFrame frame;
        const char *bytes;
    } frames[] = {
        {{.opcode = VS_WEBSOCKET_TEXT, .bytes = 5}, "8105"},
        {{.opcode = VS_WEBSOCKET_TEXT, .bytes = 5, .is_masked = true}, "818500000000"},
        {{.opcode = VS_WEBSOCKET_PING, .bytes = 5}, "8905"},
        {{.opcode = VS_WEBSOCKET_PONG, .bytes = 5, .is_masked = true}, "8a8500000000"},
        {{.opcode = VS_WEBSOCKET_TEXT, .bytes = 256}, "817e0100"},
        {{.opcode = VS_WEBSOCKET_TEXT, .bytes = 65536}, "817f0000000000010000"},
        {{.opcode = VS_WEBSOCKET_CLOSE, .bytes = 2, .code = 1000}, "880203e8"},
        {{.opcode = VS_WEBSOCKET_CLOSE, .bytes = 2, .code = 1001, .is_masked = true},
         "88820000000003e9"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        check(&frames[i].frame, frames[i].bytes);
    }
}

static void
test_lengths_have_limits(void)
{
    static const struct {
        uint64_t bytes;
        unsigned header_bytes; /* Of a server; a client's mask is 4 more. */
    } limits[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}};

    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        VsWebSocketFrame frame = {.opcode = VS_WEBSOCKET_TEXT,
                                  .bytes = limits[i].bytes};

        CU_ASSERT_EQUAL(vs_websocket_header_bytes(&frame), limits[i].header_bytes);
        frame.is_masked = true;
        CU_ASSERT_EQUAL(vs_websocket_header_bytes(&frame), limits[i].header_bytes + 4);
    }
}

static const VsTestCase tests[] = {
    {"frames are those of the RFC", test_frames_are_those_of_the_rfc},
    {"lengths have limits", test_lengths_have_limits},
    {0},
};
VS_TESTS("websocket frames")

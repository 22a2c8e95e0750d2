/* Frames of HTTP/2 as bytes: vectors of RFC 7541 (C.1, C.3) and RFC 9113. */
#include "vs_test.h"

#include "packet/http.h"
#include "packet/http2.h"

/* The bytes of 'frames', in hexadecimal; their number is checked. */
static char *
hex_of(const VsHttp2Frames *frames, const VsNames *names)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    GString *hex = g_string_new(NULL);

    vs_http2_print(frames, names, bytes);
    CU_ASSERT_EQUAL(vs_http2_bytes(frames, names), bytes->len + frames->data_bytes);
    for (gsize i = 0; i < bytes->len; i++) {
        g_string_append_printf(hex, "%02x", (unsigned char)bytes->str[i]);
    }
    return g_string_free(hex, FALSE);
}

static void
check(const VsHttp2Frames *frames, const VsNames *names, const char *expected)
{
    g_autofree char *hex = hex_of(frames, names);

    CU_ASSERT_STRING_EQUAL(hex, expected);
}

/* "user-agent: vethsim" and "accept: *" "/" "*", of the static table's names 58 and 19. */
#define COMMON_FIELDS "0f2b077665746873696d0f04032a2f2a"

/* RFC 7541, C.3.1 and C.3.2, and fields that those do not have. */
static void
test_requests_are_those_of_the_rfc(void)
{
    VsNames names;
    VsPayload get, post;
    VsHttp2Frames frames;

    vs_names_init(&names);
    get = vs_http_new_request(&names, "www.example.com", "/", 0, false);
    frames = (VsHttp2Frames){.http = get.http,
                             .stream = 1,
                             .set = VS_HTTP2_HEADERS | VS_HTTP2_END_STREAM |
                                    VS_HTTP2_NEW_HOST};
    check(&frames, &names,
          "000024010500000001"
          "828684410f7777772e6578616d706c652e636f6d" COMMON_FIELDS);
    frames.stream = 3;
    frames.set = VS_HTTP2_HEADERS | VS_HTTP2_END_STREAM | VS_HTTP2_KNOWN_HOST;
    check(&frames, &names, "000014010500000003828684be" COMMON_FIELDS);
    post = vs_http_new_request(&names, "www.example.com", "/a", 300, false);
    frames.http = post.http;
    frames.set = VS_HTTP2_HEADERS | VS_HTTP2_DATA | VS_HTTP2_END_STREAM |
                 VS_HTTP2_KNOWN_HOST | VS_HTTP2_HTTPS;
    frames.data_bytes = 300;
    check(&frames, &names,
          "00001d0104000000038387"
          "04022f61be" COMMON_FIELDS "0f0d03333030"
          "00012c000100000003");
    vs_names_clear(&names);
}

static void
test_answers(void)
{
    VsNames names;
    VsHttp2Frames frames = {
        .http = {.status = 200, .body_bytes = 7}, .stream = 1, .set = VS_HTTP2_HEADERS};

    vs_names_init(&names);
    check(&frames, &names,
          "000011010400000001"
          "88"
          "0f1009746578742f68746d6c"
          "0f0d0137");
    frames.http.status = 503;
    check(&frames, &names,
          "000015010400000001"
          "0803353033"
          "0f1009746578742f68746d6c"
          "0f0d0137");
    vs_names_clear(&names);
}

/* A host of 127 bytes: its length takes two bytes with a prefix of 7 bits (C.1.2). */
static void
test_long_strings(void)
{
    g_autofree char *path = g_strnfill(127, 'x');
    g_autofree char *hex = NULL;
    VsNames names;
    VsPayload get;
    VsHttp2Frames frames;

    vs_names_init(&names);
    get = vs_http_new_request(&names, "h", path, 0, false);
    frames = (VsHttp2Frames){
        .http = get.http, .stream = 1, .set = VS_HTTP2_HEADERS | VS_HTTP2_KNOWN_HOST};
    hex = hex_of(&frames, &names);
    CU_ASSERT(g_str_has_prefix(hex, "0000950104000000018286047f007878"));
    vs_names_clear(&names);
}

static void
test_frames_of_connections(void)
{
    VsNames names;

    vs_names_init(&names);
    check(&(VsHttp2Frames){.set = VS_HTTP2_PREFACE | VS_HTTP2_SETTINGS,
                           .argument = UINT32_MAX,
                           .window = VS_HTTP2_WINDOW_BYTES},
          &names,
          "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a"
          "000000040000000000");
    check(
        &(VsHttp2Frames){.set = VS_HTTP2_SETTINGS, .argument = 100, .window = 0x100000},
        &names,
        "00000c040000000000"
        "000300000064"
        "000400100000"
        "000004080000000000"
        "000f0001");
    check(&(VsHttp2Frames){.set = VS_HTTP2_SETTINGS_ACK}, &names, "000000040100000000");
    check(&(VsHttp2Frames){.set = VS_HTTP2_UPDATE | VS_HTTP2_STREAM_UPDATE,
                           .stream = 5,
                           .argument = 32768,
                           .window = 16384},
          &names,
          "000004080000000000"
          "00008000"
          "000004080000000005"
          "00004000");
    check(&(VsHttp2Frames){.set = VS_HTTP2_RST_STREAM,
                           .stream = 7,
                           .argument = VS_HTTP2_REFUSED_STREAM},
          &names,
          "000004030000000007"
          "00000007");
    check(&(VsHttp2Frames){.set = VS_HTTP2_GOAWAY | VS_HTTP2_PING,
                           .argument = VS_HTTP2_STREAM_MAX},
          &names,
          "000008070000000000"
          "7fffffff00000000"
          "000008060000000000"
          "0000000000000000");
    check(&(VsHttp2Frames){.set = VS_HTTP2_PING_ACK}, &names,
          "000008060100000000"
          "0000000000000000");
    vs_names_clear(&names);
}

static const VsTestCase tests[] = {
    {"requests are those of the RFC", test_requests_are_those_of_the_rfc},
    {"answers", test_answers},
    {"long strings", test_long_strings},
    {"frames of connections", test_frames_of_connections},
    {0},
};
VS_TESTS("http2 frames")

/* HTTP heads and URLs. */
#include "packet/http.h"

#include "base/units.h"
#include "vs_test.h"

static void
check_head(const VsHttp *http, const VsNames *names, const char *expected)
{
    VsHttp measured = *http;
    GString *out = g_string_new(NULL);

    vs_http_print_head(http, names, out);
    CU_ASSERT_STRING_EQUAL(out->str, expected);
    vs_http_measure(&measured, names);
    CU_ASSERT_EQUAL(measured.head_bytes, strlen(expected));
    g_string_free(out, TRUE);
}

static void
test_requests(void)
{
    VsNames names;
    VsHttp get, post;

    vs_names_init(&names);
    get = (VsHttp){.host = vs_names_intern(&names, "shop.example"),
                   .path = vs_names_intern(&names, "/cart")};
    check_head(&get, &names,
               "GET /cart HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: vethsim\r\n"
               "Accept: */*\r\n\r\n");
    get.forwarded_for = 0xc0000207; /* 192.0.2.7 */
    get.is_close = true;
    get.method = VS_HTTP_HEAD;
    get.path = 0;
    check_head(
        &get, &names,
        "HEAD / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: vethsim\r\n"
        "Accept: */*\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n");
    get = (VsHttp){.host = get.host, .is_upgrade = true};
    check_head(&get, &names,
               "GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: vethsim\r\n"
               "Accept: */*\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "Sec-WebSocket-Version: 13\r\n\r\n");
    post = (VsHttp){.host = get.host,
                    .path = vs_names_intern(&names, "/pay"),
                    .method = VS_HTTP_POST,
                    .body_bytes = 1234567890123};
    check_head(&post, &names,
               "POST /pay HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: vethsim\r\n"
               "Accept: */*\r\nContent-Length: 1234567890123\r\n\r\n");
    vs_names_clear(&names);
}

static void
test_responses(void)
{
    VsNames names;

    vs_names_init(&names);
    check_head(&(VsHttp){.status = 200, .body_bytes = 1024}, &names,
               "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
               "Content-Length: 1024\r\n\r\n");
    check_head(&(VsHttp){.status = 503, .is_close = true}, &names,
               "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n"
               "Content-Length: 0\r\nConnection: close\r\n\r\n");
    check_head(&(VsHttp){.status = 101, .is_upgrade = true}, &names,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    check_head(&(VsHttp){.status = 400, .is_upgrade = true}, &names,
               "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
               "Content-Length: 0\r\n\r\n");
    check_head(&(VsHttp){.status = 204}, &names, "HTTP/1.1 204 No Content\r\n\r\n");
    check_head(&(VsHttp){.status = 799}, &names,
               "HTTP/1.1 799 Unknown\r\nContent-Type: text/html\r\n"
               "Content-Length: 0\r\n\r\n");
    vs_names_clear(&names);
}

static void
test_good_urls(void)
{
    static const struct {
        const char *url;
        const char *host;
        uint16_t port;
        const char *path;
        bool is_tls;
    } urls[] = {
        {"http://shop.example/", "shop.example", 80, "/", false},
        {"http://shop.example", "shop.example", 80, "/", false},
        {"HTTP://shop.example:8080", "shop.example", 8080, "/", false},
        {"http://10.0.0.1:65535/a/b?c=d:e", "10.0.0.1", 65535, "/a/b?c=d:e", false},
        {"http://a./x", "a.", 80, "/x", false},
        {"https://shop.example/", "shop.example", 443, "/", true},
        {"HTTPS://shop.example:8443/x", "shop.example", 8443, "/x", true},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autofree char *host = NULL;
        g_autofree char *path = NULL;
        GError *error = NULL;
        bool is_tls = !urls[i].is_tls;
        uint16_t port = 0;

        CU_ASSERT_TRUE_FATAL(
            vs_http_split_url(urls[i].url, &is_tls, &host, &port, &path, &error));
        CU_ASSERT_EQUAL(is_tls, urls[i].is_tls);
        CU_ASSERT_STRING_EQUAL(host, urls[i].host);
        CU_ASSERT_EQUAL(port, urls[i].port);
        CU_ASSERT_STRING_EQUAL(path, urls[i].path);
    }
}

static void
test_an_authority_has_a_port_of_its_own(void)
{
    static const struct {
        uint16_t port;
        bool is_tls;
        const char *authority;
    } cases[] = {
        {80, false, "a.example"},          {443, true, "a.example"},
        {443, false, "a.example:443"},     {80, true, "a.example:80"},
        {30080, false, "a.example:30080"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *authority =
            vs_http_authority("a.example", cases[i].port, cases[i].is_tls);

        CU_ASSERT_STRING_EQUAL(authority, cases[i].authority);
    }
}

static void
test_bad_urls(void)
{
    static const char *const urls[] = {
        "",
        "shop.example",
        "https:/shop.example/",
        "https://",
        "ftp://shop.example/",
        "http://",
        "http:///x",
        "http://shop.example:",
        "http://shop.example:0/",
        "http://a b",
        "http://a:1x/",
        "http://a:65536/",
        "http://a:99999999999/",
        "http://u@h",
        "http://[::1]/",
        "http://-a/",
        "http://a-/",
        "http:/a",
        "http://a/b c",
        "http://a/b#c",
        "http://a:-1/",
        "http://a..b/",
        "http://a../",
        /* A label of 64 letters. */
        "http://abcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefgh.b/",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(urls); i++) {
        char *host = NULL, *path = NULL;
        GError *error = NULL;
        uint16_t port = 0;
        bool is_tls;

        CU_ASSERT_FALSE(
            vs_http_split_url(urls[i], &is_tls, &host, &port, &path, &error));
        CU_ASSERT_TRUE_FATAL(
            g_error_matches(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX));
        CU_ASSERT_TRUE(g_str_has_prefix(error->message, "\""));
        CU_ASSERT_PTR_NULL(host);
        CU_ASSERT_PTR_NULL(path);
        g_error_free(error);
    }
}

static const VsTestCase tests[] = {
    {"requests are printed and measured alike", test_requests},
    {"responses are printed and measured alike", test_responses},
    {"good URLs are split", test_good_urls},
    {"an authority has a port that is not the scheme's",
     test_an_authority_has_a_port_of_its_own},
    {"bad URLs are refused with a reason", test_bad_urls},
    {0},
};

VS_TESTS("packet/http")

#include "packet/http.h"

#include <string.h>

#include "base/units.h"
#include "packet/sink.h"

enum {
    DEFAULT_PORT = 80,
    DEFAULT_TLS_PORT = 443,
    STATUS_NO_CONTENT = 204,
    STATUS_NOT_MODIFIED = 304,
    DNS_LABEL_MAX = 63,
    DNS_NAME_MAX = 253,
};

const char *const vs_http_method_names[] = {
    [VS_HTTP_GET] = "GET",         [VS_HTTP_HEAD] = "HEAD",
    [VS_HTTP_POST] = "POST",       [VS_HTTP_PUT] = "PUT",
    [VS_HTTP_PATCH] = "PATCH",     [VS_HTTP_DELETE] = "DELETE",
    [VS_HTTP_OPTIONS] = "OPTIONS",
};

static void
put_content_length(VsSink *sink, const VsHttp *http)
{
    vs_sink_put(sink, "Content-Length: ");
    vs_sink_put_number(sink, http->body_bytes);
    vs_sink_put(sink, "\r\n");
}

static void
put_forwarded_for(VsSink *sink, VsAddr address)
{
    vs_sink_put(sink, "X-Forwarded-For: ");
    for (int shift = 24; shift >= 0; shift -= 8) {
        vs_sink_put_number(sink, address >> shift & 0xff);
        vs_sink_put(sink, shift > 0 ? "." : "\r\n");
    }
}

bool
vs_http_tells_length(const VsHttp *request)
{
    return request->method == VS_HTTP_POST || request->method == VS_HTTP_PUT ||
           request->method == VS_HTTP_PATCH || request->body_bytes > 0;
}

/* The nonce and its answer are the example of RFC 6455, section 1.3. */
static void
put_upgrade(VsSink *sink, bool is_request)
{
    vs_sink_put(sink, "Upgrade: websocket\r\nConnection: Upgrade\r\n");
    vs_sink_put(sink, is_request ? "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                   "Sec-WebSocket-Version: 13\r\n"
                                 : "Sec-WebSocket-Accept: "
                                   "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
}

static void
put_request(VsSink *sink, const VsHttp *http, const VsNames *names)
{
    vs_sink_put(sink, vs_http_method_names[http->method]);
    vs_sink_put(sink, " ");
    vs_sink_put(sink, http->path ? vs_names_get(names, http->path) : "/");
    vs_sink_put(sink, " HTTP/1.1\r\nHost: ");
    vs_sink_put(sink, vs_names_get(names, http->host));
    vs_sink_put(sink, "\r\nUser-Agent: vethsim\r\nAccept: */*\r\n");
    if (http->forwarded_for) {
        put_forwarded_for(sink, http->forwarded_for);
    }
    if (vs_http_tells_length(http)) {
        put_content_length(sink, http);
    }
    if (http->is_upgrade) {
        put_upgrade(sink, true);
    }
}

static void
put_response(VsSink *sink, const VsHttp *http)
{
    bool has_content = http->status >= 200 && http->status != STATUS_NO_CONTENT &&
                       http->status != STATUS_NOT_MODIFIED;

    vs_sink_put(sink, "HTTP/1.1 ");
    vs_sink_put_number(sink, http->status);
    vs_sink_put(sink, " ");
    vs_sink_put(sink, vs_http_reason(http->status));
    vs_sink_put(sink, "\r\n");
    if (has_content) {
        vs_sink_put(sink, "Content-Type: text/html\r\n");
        put_content_length(sink, http);
    }
    if (http->status == VS_HTTP_SWITCHING) {
        put_upgrade(sink, false);
    }
}

static void
put_head(VsSink *sink, const VsHttp *http, const VsNames *names)
{
    if (http->status == 0) {
        put_request(sink, http, names);
    } else {
        put_response(sink, http);
    }
    if (http->is_close) {
        vs_sink_put(sink, "Connection: close\r\n");
    }
    vs_sink_put(sink, "\r\n");
}

void
vs_http_print_head(const VsHttp *http, const VsNames *names, GString *out)
{
    VsSink sink = {.out = out};

    put_head(&sink, http, names);
}

void
vs_http_measure(VsHttp *http, const VsNames *names)
{
    VsSink sink = {0};

    put_head(&sink, http, names);
    http->head_bytes = (uint32_t)sink.bytes;
}

char *
vs_http_authority(const char *host, uint16_t port, bool is_tls)
{
    return port == (is_tls ? DEFAULT_TLS_PORT : DEFAULT_PORT)
               ? g_strdup(host)
               : g_strdup_printf("%s:%u", host, port);
}

VsPayload
vs_http_new_request(VsNames *names, const char *host, const char *path,
                    uint64_t body_bytes, bool is_close)
{
    VsPayload payload = {.kind = VS_PAYLOAD_HTTP};

    payload.http = (VsHttp){
        .host = vs_names_intern(names, host),
        .path = vs_names_intern(names, path),
        .method = body_bytes > 0 ? VS_HTTP_POST : VS_HTTP_GET,
        .is_close = is_close,
        .body_bytes = body_bytes,
    };
    vs_http_measure(&payload.http, names);
    return payload;
}

const char *
vs_http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

static bool
refuse_url(const char *url, const char *what, GError **error)
{
    g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                "\"%s\": %s; write \"http://host[:port]/path\" or https://", url, what);
    return false;
}

/* Labels of letters, digits and hyphens, joined by dots, as DNS can carry them (RFC 1035
 * section 2.3.4), or an IPv4 address; a dot may end a name. */
static bool
is_host(const char *text, size_t length)
{
    size_t label_bytes = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            if (label_bytes == 0) {
                return false;
            }
            label_bytes = 0;
        } else if (g_ascii_isalnum(text[i]) || text[i] == '-') {
            label_bytes++;
        } else {
            return false;
        }
        if (label_bytes > DNS_LABEL_MAX) {
            return false;
        }
    }
    return length > 0 && length <= DNS_NAME_MAX && g_ascii_isalnum(text[0]) &&
           text[length - 1] != '-';
}

bool
vs_http_is_host(const char *text)
{
    return is_host(text, strlen(text));
}

/* Visible ASCII; a fragment ('#') never leaves the browser. */
static bool
is_path(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!g_ascii_isgraph(*text) || *text == '#') {
            return false;
        }
    }
    return true;
}

/* "", which leaves the port as it is, or ":1" to ":65535". */
static bool
read_port(const char *text, size_t length, uint16_t *ret_port)
{
    uint32_t port = 0;

    if (length == 0) {
        return true;
    }
    for (size_t i = 1; i < length; i++) {
        if (!g_ascii_isdigit(text[i]) || port > UINT16_MAX) {
            return false;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port >= 1 && port <= UINT16_MAX;
}

/* What follows "http://" or "https://", or NULL. */
static const char *
skip_scheme(const char *url, bool *ret_is_tls)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (unsigned i = 0; i < G_N_ELEMENTS(schemes); i++) {
        size_t length = strlen(schemes[i]);

        if (g_ascii_strncasecmp(url, schemes[i], length) == 0) {
            *ret_is_tls = i == 1;
            return url + length;
        }
    }
    return NULL;
}

bool
vs_http_split_url(const char *url, bool *ret_is_tls, char **ret_host,
                  uint16_t *ret_port, char **ret_path, GError **error)
{
    const char *host = skip_scheme(url, ret_is_tls);
    size_t host_length;
    size_t port_length;
    const char *path;
    uint16_t port;

    if (!host) {
        return refuse_url(url, "not an http URL", error);
    }
    port = *ret_is_tls ? DEFAULT_TLS_PORT : DEFAULT_PORT;
    host_length = strcspn(host, ":/");
    port_length = strcspn(host + host_length, "/");
    path = host + host_length + port_length;
    if (!is_host(host, host_length)) {
        return refuse_url(url, "not a host name", error);
    }
    if (!read_port(host + host_length, port_length, &port)) {
        return refuse_url(url, "the port must be 1 to 65535", error);
    }
    if (!is_path(path)) {
        return refuse_url(url, "a path is visible ASCII without '#'", error);
    }
    *ret_host = g_strndup(host, host_length);
    *ret_port = port;
    *ret_path = g_strdup(*path ? path : "/");
    return true;
}

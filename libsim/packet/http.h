/* HTTP/1.1 messages (RFC 9112): real heads, so lengths are real. */
#pragma once

#include <glib.h>

#include "packet/names.h"
#include "packet/payload.h"

enum { VS_HTTP_SWITCHING = 101 }; /* The answer to an upgrade that is granted. */

/* "GET", ..., by VsHttpMethod. */
extern const char *const vs_http_method_names[VS_HTTP_N_METHODS];

/* A request has Content-Length: it has a body, or its method could have given it one (RFC 9110,
 * section 8.6). */
bool vs_http_tells_length(const VsHttp *request);

/* Writes the bytes of the message's head, as they would travel, to 'out'.
 * Request:  "GET /cart HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: vethsim\r\n
 *            Accept: * / *\r\n[X-Forwarded-For: ...\r\n][Content-Length: ...\r\n]
 *            [Connection: close\r\n]\r\n"
 * Response: "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1024\r\n..." */
void vs_http_print_head(const VsHttp *http, const VsNames *names, GString *out);

/* Sets http->head_bytes to what vs_http_print_head() would write, without writing it. */
void vs_http_measure(VsHttp *http, const VsNames *names);

/* What a request calls its server (RFC 9110, section 7.2): 'host', with the port if that is not
 * the scheme's own.  Newly allocated. */
char *vs_http_authority(const char *host, uint16_t port, bool is_tls);

/* A request for 'path' of 'host', an authority, measured: GET, or POST with a body. */
VsPayload vs_http_new_request(VsNames *names, const char *host, const char *path,
                              uint64_t body_bytes, bool is_close);

/* "OK", "Not Found", ... of RFC 9110; "Unknown" for others. */
const char *vs_http_reason(unsigned status);

/* A name as DNS can carry it (RFC 1035, section 2.3.4), or an IPv4 address. */
bool vs_http_is_host(const char *text);

/* Splits "http://host[:port]/path", or "https://...", which is TLS; the port defaults to 80 or
 * 443.  Returns false when it is not of that form.  Newly allocated. */
bool vs_http_split_url(const char *url, bool *ret_is_tls, char **ret_host,
                       uint16_t *ret_port, char **ret_path, GError **error);

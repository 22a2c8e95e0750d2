/* What models that speak HTTP/2 or HTTP/3 share: those that call, and those that serve. */
#pragma once

#include "model/model.h"
#include "transport/http2_client.h"
#include "transport/http2_server.h"

typedef struct VsHttp2CallParams {
    VsChoice version; /* Of vs_http_call_versions. */
    uint32_t channels;
    uint64_t window;
} VsHttp2CallParams;

typedef struct VsHttp2ServeParams {
    VsChoice version; /* Of vs_http_serve_versions. */
    uint32_t n_streams;
    uint64_t window;
    VsTime max_age;
    VsTime max_age_grace;
} VsHttp2ServeParams;

/* "1.1", "2", "3"; of servers also "both", of 1.1 and 2. */
extern const char *const vs_http_call_versions[];
extern const char *const vs_http_serve_versions[];

#define VS_HTTP2_WINDOW_ROW(Config, m)                                               \
    VS_PARAM_SIZE(Config, m.window, "http2-window", .def = "65535B", .min = "1B",    \
                  .max = "2147483647B",                                              \
                  .doc = "HTTP/2: bytes that the other side may send ahead on each " \
                         "stream, and above 65535 on the connection, too.")

/* Of a VsChoice 'm', which is a VsGrpcPolicy. */
extern const char *const vs_grpc_policy_choices[];

#define VS_GRPC_POLICY_ROW(Config, m)                                               \
    VS_PARAM_CHOICE(Config, m, "grpc-policy", .def = "pick_first",                  \
                    .choices = vs_grpc_policy_choices,                              \
                    .doc = "HTTP/2: of the addresses that the name resolves to, a " \
                           "channel has a connection to the first that can be "     \
                           "connected to, or to all, and requests go round.")

/* Rows for the member 'm' (a VsHttp2CallParams) of a model's configuration. */
#define VS_HTTP2_CALL_PARAM_ROWS(Config, m)                                          \
    VS_PARAM_CHOICE(Config, m.version, "http-version", .def = "1.1",                 \
                    .choices = vs_http_call_versions,                                \
                    .doc =                                                           \
                        "2: requests share a connection, which is kept; begun as "   \
                        "such, with TLS by ALPN.  1.1: a connection has one at a "   \
                        "time.  3: as 2, but by QUIC, over UDP, from a client to a " \
                        "container; with https:// only."),                           \
        VS_PARAM_UINT(Config, m.channels, "channels", .def = "1", .min = "1",        \
                      .max = "65536",                                                \
                      .doc = "HTTP/2: channels that requests take in turn, each "    \
                             "with its own connection, as so many processes would "  \
                             "have."),                                               \
        VS_HTTP2_WINDOW_ROW(Config, m)

/* The same of a VsHttp2ServeParams. */
#define VS_HTTP2_SERVE_PARAM_ROWS(Config, m)                                         \
    VS_PARAM_CHOICE(Config, m.version, "http-version", .def = "1.1",                 \
                    .choices = vs_http_serve_versions,                               \
                    .doc = "What is spoken at the port; what begins otherwise is "   \
                           "reset.  both: 1.1 or 2, as the client begins, or asks "  \
                           "by ALPN.  3: by QUIC, in a container of "                \
                           "protocol=\"udp\"."),                                     \
        VS_PARAM_UINT(Config, m.n_streams, "max-streams", .def = "128", .min = "1",  \
                      .max = "2147483647",                                           \
                      .doc = "HTTP/2: requests under way on each connection "        \
                             "(SETTINGS_MAX_CONCURRENT_STREAMS); more wait at the "  \
                             "client."),                                             \
        VS_HTTP2_WINDOW_ROW(Config, m),                                              \
        VS_PARAM_TIME(Config, m.max_age, "max-connection-age", .min = "1ms",         \
                      .doc = "HTTP/2: a connection this old, give or take 10 %, is " \
                             "ended by GOAWAY: what is under way is answered, and "  \
                             "the client connects anew.  Without it, never."),       \
        VS_PARAM_TIME(Config, m.max_age_grace, "max-connection-age-grace",           \
                      .min = "1us",                                                  \
                      .doc = "How long after that it is cut off, whatever is under " \
                             "way.  Without it, never.")

/* Fails where attributes have no effect without HTTP/2, or without one another. */
bool vs_http2_call_params_check(const VsHttp2CallParams *params,
                                const VsElement *element,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool vs_http2_serve_params_check(const VsHttp2ServeParams *params,
                                 const VsElement *element,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool vs_http2_is_called(const VsHttp2CallParams *params);
bool vs_http2_is_served(const VsHttp2ServeParams *params);

bool vs_http3_is_called(const VsHttp2CallParams *params);
bool vs_http3_is_served(const VsHttp2ServeParams *params);

/* Fails: 'element' has no HTTP/3, because of 'why'. */
bool vs_http3_refuse(const VsElement *element, const char *why,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a client offers, or a server agrees to, by ALPN: VS_TLS_ALPN_*. */
uint8_t vs_http2_call_alpn(const VsHttp2CallParams *params);
uint8_t vs_http2_serve_alpn(const VsHttp2ServeParams *params);

/* pick_first, of one address; for 'entity' called 'name'. */
VsHttp2ClientConfig vs_http2_call_params_config(const VsHttp2CallParams *params,
                                                VsEntity *entity, const char *name);

/* Makes an open server speak what 'params' say. */
void vs_http2_serve_params_apply(const VsHttp2ServeParams *params, VsHttpServer *server,
                                 VsEntity *entity, const char *name);

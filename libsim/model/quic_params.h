/* What models that speak HTTP/3 share: settings of QUIC. */
#pragma once

#include "model/model.h"
#include "transport/quic.h"

typedef struct VsQuicParams {
    VsTime idle;
    uint64_t window; /* 0: none. */
    uint64_t stream_window;
    uint32_t n_streams;
    bool is_paced;
} VsQuicParams;

/* Rows for the member 'm' (a VsQuicParams) of a model's configuration. */
#define VS_QUIC_PARAM_ROWS(Config, m)                                                \
    VS_PARAM_TIME(Config, m.idle, "quic-idle", .def = "30s", .min = "1ms",           \
                  .doc = "HTTP/3: a connection silent for so long has ended "        \
                         "(max_idle_timeout): for as long as the side that waits "   \
                         "less."),                                                   \
        VS_PARAM_SIZE(Config, m.window, "quic-window", .min = "1KiB",                \
                      .max = "4611686018427387903B",                                 \
                      .doc = "HTTP/3: bytes that the other side may send ahead on "  \
                             "all streams of a connection (MAX_DATA).  Without it, " \
                             "as many as it likes."),                                \
        VS_PARAM_SIZE(Config, m.stream_window, "quic-stream-window", .min = "1KiB",  \
                      .max = "4611686018427387903B",                                 \
                      .doc = "HTTP/3: the same on one stream (MAX_STREAM_DATA)."),   \
        VS_PARAM_BOOL(Config, m.is_paced, "quic-pacing", .def = "no",                \
                      .doc = "HTTP/3: yes: what is sent is spread over the round "   \
                             "trip, but for ten datagrams; no: it goes as soon as "  \
                             "the window has room.")

/* The same for a server. */
#define VS_QUIC_SERVE_PARAM_ROWS(Config, m)                                          \
    VS_QUIC_PARAM_ROWS(Config, m),                                                   \
        VS_PARAM_UINT(Config, m.n_streams, "quic-streams", .min = "1",               \
                      .doc = "HTTP/3: requests under way on each connection "        \
                             "(MAX_STREAMS); more wait at the client.  Without it, " \
                             "as many as there are.")

/* Fails where one of them is given, without HTTP/3. */
bool vs_quic_params_check_absent(const VsElement *element,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

VsQuicConfig vs_quic_params_config(const VsQuicParams *params, const VsTlsConfig *tls);

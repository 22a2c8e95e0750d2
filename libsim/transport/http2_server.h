/* HTTP/2 (transport/http2.h) spoken by a server of HTTP (http_server.h).
 *
 * Its requests come and are answered as those of HTTP/1.1 are, but many at a time on each
 * connection, which begins with the preface of HTTP/2: known beforehand (h2c), or agreed upon
 * by ALPN.  A connection may be ended by its age as servers of gRPC do it
 * (MAX_CONNECTION_AGE): GOAWAY, and the requests under way are still answered. */
#pragma once

#include "transport/http2.h"
#include "transport/http_server.h"

typedef struct VsHttp2ServerConfig {
    bool is_alone;      /* HTTP/1.1 is not spoken. */
    uint32_t n_streams; /* Of each connection at a time. */
    uint32_t window;
    VsTime max_age;       /* Give or take 10 %, by chance; 0: no limit. */
    VsTime max_age_grace; /* Then it is reset; 0: no limit. */
} VsHttp2ServerConfig;

typedef struct VsHttp2Server VsHttp2Server;

/* Connections that begin as HTTP/2 are that from now on.  'name' is the random stream's. */
void vs_http_server_set_http2(VsHttpServer *server, const VsHttp2ServerConfig *config,
                              VsEntity *entity, const char *name);

/* NULL: it has none. */
const VsHttp2 *vs_http_server_http2(const VsHttpServer *server);

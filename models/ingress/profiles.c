/* Defaults of real ingress controllers.  What is set here, and no more, is modelled; what a
 * controller does otherwise its 'doc' says.  Sources are repositories with the path of a
 * file, or a page of documentation. */
#include "models/ingress/ingress.h"

#define INGRESS_NGINX_CONFIG                                                   \
    "kubernetes/ingress-nginx, internal/ingress/controller/config/config.go, " \
    "NewDefault(): "
#define NGINX_UPSTREAM "nginx, src/http/ngx_http_upstream.c, ngx_http_upstream_next(): "
#define HAPROXYTECH_DEFAULTS \
    "haproxytech/kubernetes-ingress, pkg/haproxy/env/defaults.go, SetDefaults(): "
#define HAPROXY_MANUAL "HAProxy 2.6, configuration manual: "
#define TRAEFIK_STATIC "traefik/traefik v3, pkg/config/static/static_config.go: "
#define TRAEFIK_STATUS \
    "traefik/traefik v3, pkg/proxy/httputil/proxy.go, ComputeStatusCode()"
#define KONG_DEFAULTS "Kong/kong 3.6, kong/templates/kong_defaults.lua: "
#define KONG_SERVICE                                                      \
    "Kong/kubernetes-ingress-controller, internal/dataplane/translator, " \
    "DefaultServiceTimeout"
#define CONTOUR_CLUSTER \
    "projectcontour/contour, internal/envoy/v3/cluster.go, clusterDefaults()"
#define CONTOUR_ROUTING "Contour, documentation, Request Routing: "
#define ENVOY_FLAGS "Envoy, documentation, Access logging, response flag "

#define ALL_FAILURES "connect-failed connect-timeout broken read-timeout"

static const VsProfileSetting nginx_settings[] = {
    {"algorithm", "ingress-nginx-round-robin",
     "kubernetes/ingress-nginx, rootfs/etc/nginx/lua/balancer.lua, DEFAULT_LB_ALG"},
    {"keepalive", "320", INGRESS_NGINX_CONFIG "UpstreamKeepaliveConnections"},
    {"keepalive-timeout", "60s", INGRESS_NGINX_CONFIG "UpstreamKeepaliveTimeout"},
    {"keepalive-requests", "10000", INGRESS_NGINX_CONFIG "UpstreamKeepaliveRequests"},
    {"keepalive-time", "1h", INGRESS_NGINX_CONFIG "UpstreamKeepaliveTime"},
    {"connect-timeout", "5s", INGRESS_NGINX_CONFIG "ProxyConnectTimeout"},
    {"read-timeout", "60s", INGRESS_NGINX_CONFIG "ProxyReadTimeout"},
    {"retries", "2",
     INGRESS_NGINX_CONFIG "ProxyNextUpstreamTries 3; balancer.lua, "
                          "set_more_tries()"},
    {"retry-on", ALL_FAILURES,
     INGRESS_NGINX_CONFIG "ProxyNextUpstream \"error timeout\""},
    {"retry-reused", "yes", NGINX_UPSTREAM "peer.cached"},
    {"retry-timeout", "0s", INGRESS_NGINX_CONFIG "ProxyNextUpstreamTimeout"},
    {"status-connect-failed", "502", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_ERROR"},
    {"status-connect-timeout", "504", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_TIMEOUT"},
    {"status-broken", "502", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_ERROR"},
    {"status-read-timeout", "504", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_TIMEOUT"},
    {"request-buffering", "on", INGRESS_NGINX_CONFIG "ProxyRequestBuffering"},
    {"update-interval", "3333ms",
     "kubernetes/ingress-nginx, pkg/flags/flags.go: sync-rate-limit 0.3"},
    {"shutdown-timeout", "240s", INGRESS_NGINX_CONFIG "WorkerShutdownTimeout"},
    {"tunnel-timeout", "60s",
     INGRESS_NGINX_CONFIG "ProxyReadTimeout; nginx, src/http/ngx_http_upstream.c, "
                          "ngx_http_upstream_process_upgraded()"},
    {"http2-backends", "grpc",
     "nginx, documentation, ngx_http_proxy_module: proxy_http_version, and "
     "ngx_http_grpc_module"},
    {"upstream-streams", "1",
     "nginx, src/http/modules/ngx_http_grpc_module.c: a request has its connection"},
    {0},
};

static const VsProfileSetting haproxy_settings[] = {
    {"algorithm", "haproxy-roundrobin",
     "haproxytech/kubernetes-ingress, pkg/annotations/common/main.go, DefaultValues: "
     "load-balance"},
    {"keepalive", "4294967295", HAPROXY_MANUAL "pool-max-conn -1"},
    {"keepalive-timeout", "5s", HAPROXY_MANUAL "pool-purge-delay"},
    {"keepalive-reuse", "safe", HAPROXY_MANUAL "http-reuse"},
    {"connect-timeout", "5s", HAPROXYTECH_DEFAULTS "ConnectTimeout"},
    {"read-timeout", "50s", HAPROXYTECH_DEFAULTS "ServerTimeout"},
    {"retries", "3", "HAProxy 2.6 itself, asked by a test"},
    {"retry-on", "connect-failed connect-timeout",
     HAPROXY_MANUAL "retry-on, conn-failure"},
    {"retry-to", "same", HAPROXY_MANUAL "option redispatch, off where not given"},
    {"retry-delay", "1s", HAPROXY_MANUAL "retries, turn-around timer"},
    {"status-connect-failed", "503", "HAProxy 2.6 itself, asked by a test"},
    {"status-connect-timeout", "503", "HAProxy 2.6 itself, asked by a test"},
    {"status-broken", "502", "HAProxy 2.6 itself, asked by a test"},
    {"status-read-timeout", "504", "HAProxy 2.6 itself, asked by a test"},
    {"update-interval", "5s",
     "haproxytech/kubernetes-ingress, pkg/utils/flags.go: sync-period"},
    {"shutdown-timeout", "30min",
     "haproxytech/kubernetes-ingress, pkg/haproxy/env/defaults.go, SetGlobal(): "
     "HardStopAfter"},
    {"tunnel-timeout", "1h", HAPROXYTECH_DEFAULTS "TunnelTimeout"},
    {"upstream-streams", "100", HAPROXY_MANUAL "tune.h2.max-concurrent-streams"},
    {0},
};

static const VsProfileSetting traefik_settings[] = {
    {"algorithm", "traefik-wrr",
     "traefik/traefik v3, pkg/server/service/loadbalancer/wrr/wrr.go"},
    {"keepalive", "200",
     "traefik/traefik, cmd/configuration.go: MaxIdleConnsPerHost; for v3 unverified"},
    {"keepalive-timeout", "90s", TRAEFIK_STATIC "ForwardingTimeouts, IdleConnTimeout"},
    {"connect-timeout", "30s", TRAEFIK_STATIC "ForwardingTimeouts, DialTimeout"},
    {"read-timeout", "0s", TRAEFIK_STATIC "ForwardingTimeouts, ResponseHeaderTimeout"},
    {"retries", "0",
     "Traefik, documentation, middleware Retry, which is off unless asked for; "
     "unverified"},
    {"retry-reused", "yes", "Go, src/net/http/transport.go, shouldRetryRequest()"},
    {"status-connect-failed", "502", TRAEFIK_STATUS},
    {"status-connect-timeout", "504", TRAEFIK_STATUS},
    {"status-broken", "502", TRAEFIK_STATUS},
    {"status-read-timeout", "504", TRAEFIK_STATUS},
    {"update-interval", "2s", TRAEFIK_STATIC "ProvidersThrottleDuration"},
    {"shutdown-timeout", "10s", TRAEFIK_STATIC "DefaultGraceTimeout"},
    {"tunnel-timeout", "0s",
     "Go, src/net/http/httputil/reverseproxy.go, handleUpgradeResponse(): none"},
    {0},
};

static const VsProfileSetting kong_settings[] = {
    {"algorithm", "kong-round-robin",
     "Kong/kong, upstream entity: algorithm; unverified"},
    {"keepalive", "512", KONG_DEFAULTS "upstream_keepalive_pool_size"},
    {"keepalive-timeout", "60s", KONG_DEFAULTS "upstream_keepalive_idle_timeout"},
    {"keepalive-requests", "10000",
     "Kong/kong, CHANGELOG of 3.6.0: upstream_keepalive_max_requests"},
    {"connect-timeout", "60s", KONG_SERVICE},
    {"read-timeout", "60s", KONG_SERVICE},
    {"retries", "5",
     "Kong/kubernetes-ingress-controller, internal/dataplane/translator, "
     "DefaultRetries"},
    {"retry-on", ALL_FAILURES,
     "nginx, proxy_next_upstream error timeout; Kong's template sets no other"},
    {"retry-reused", "yes",
     NGINX_UPSTREAM "peer.cached; with Kong's balancer unverified"},
    {"status-connect-failed", "502", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_ERROR"},
    {"status-connect-timeout", "504", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_TIMEOUT"},
    {"status-broken", "502", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_ERROR"},
    {"status-read-timeout", "504", NGINX_UPSTREAM "NGX_HTTP_UPSTREAM_FT_TIMEOUT"},
    {"request-buffering", "on",
     "Kong/kong, route entity: request_buffering; unverified"},
    {"response-buffering", "on",
     "Kong/kong, route entity: response_buffering; unverified"},
    {"update-interval", "3s",
     "Kong/kubernetes-ingress-controller, internal/dataplane, DefaultSyncSeconds"},
    {"tunnel-timeout", "60s", KONG_SERVICE ", as proxy_read_timeout"},
    {"http2-backends", "grpc", "nginx, as ingress-nginx"},
    {"upstream-streams", "1",
     "nginx, src/http/modules/ngx_http_grpc_module.c: a request has its connection"},
    {0},
};

static const VsProfileSetting envoy_settings[] = {
    {"algorithm", "envoy-round-robin", CONTOUR_CLUSTER},
    {"keepalive", "1024",
     "Envoy, documentation, Circuit breakers: max_connections, all of a cluster"},
    {"keepalive-timeout", "1h", CONTOUR_ROUTING "timeoutPolicy.idleConnection"},
    {"connect-timeout", "2s", CONTOUR_CLUSTER},
    {"read-timeout", "0s", "Envoy: no time-out but that of the route"},
    {"request-timeout", "15s", CONTOUR_ROUTING "timeoutPolicy.response"},
    {"retries", "0",
     "projectcontour/contour, internal/envoy/v3/route.go, retryPolicy(): none"},
    {"status-connect-failed", "503", ENVOY_FLAGS "UF"},
    {"status-connect-timeout", "503", ENVOY_FLAGS "UF"},
    {"status-broken", "503", ENVOY_FLAGS "UC"},
    {"status-read-timeout", "504", ENVOY_FLAGS "UT"},
    {"max-requests", "1024", "Envoy, documentation, Circuit breakers: max_requests"},
    {"tunnel-timeout", "5min",
     "Envoy, documentation, HTTP connection manager: stream_idle_timeout"},
    {0},
};

const VsProfile ingress_profiles[] = {
    {"nginx",
     "ingress-nginx, the Kubernetes community's controller.  nginx counts idle "
     "connections for each worker over all upstreams, not for each address, and "
     "streams "
     "answers (proxy-buffering off).",
     nginx_settings},
    {"haproxy",
     "HAProxy Kubernetes Ingress Controller (haproxytech), with HAProxy 2.6.  HAProxy "
     "streams both ways; each 5 s it closes half of the idle connections that it did "
     "not need, not each after 5 s; a request that breaks on a kept connection it "
     "leaves without an answer, not with 502.  The controller's health checks are not "
     "modelled.",
     haproxy_settings},
    {"traefik", "Traefik v3 with its Kubernetes providers.  Traefik streams both ways.",
     traefik_settings},
    {"kong", "Kong Ingress Controller with Kong Gateway 3.6 or later.", kong_settings},
    {"envoy",
     "Contour, which configures Envoy.  Envoy streams both ways; of its circuit "
     "breakers "
     "(1024 connections, pending and active requests) the last is modelled.",
     envoy_settings},
    {0},
};

const char *const ingress_profile_names[] = {"nginx", "haproxy", "traefik",
                                             "kong",  "envoy",   NULL};

/* A sidecar proxy, as Istio puts one into a pod: its rules lead the pod's connections to it,
 * and it passes requests on.
 *
 * Sources: istio tools/istio-iptables (1.26) for the rules; Envoy 1.30 for what the proxy
 * does (listener_manager, original_dst, router, conn_pool, outlier_detection). */
#pragma once

#include "vethsim-model.h"

typedef struct Sidecar Sidecar;
typedef struct SidecarWorker SidecarWorker;
typedef struct SidecarCluster SidecarCluster;

enum {
    SIDECAR_UID =
        1337, /* Of the proxy, and its group: rules let its own packets pass. */
    SIDECAR_OUTBOUND_PORT = 15001,
    SIDECAR_INBOUND_PORT = 15006,
    SIDECAR_TUNNEL_PORT = 15008,
};

/* Envoy: initial_stream_window_size, 256 MiB. */
#define SIDECAR_HTTP2_WINDOW 268435456

#define SIDECAR_INBOUND_SOURCE 0x7f000006 /* 127.0.0.6: from there it calls the pod. */

typedef enum SidecarDirection {
    SIDECAR_INBOUND,  /* To a container of the pod. */
    SIDECAR_OUTBOUND, /* From one. */
    SIDECAR_N_DIRECTIONS
} SidecarDirection;

/* Why a request was not answered by whom it was meant for: Envoy's response flags. */
typedef enum SidecarFlag {
    SIDECAR_UF, /* No connection: refused, unreachable, too slow. */
    SIDECAR_UC, /* It ended before the answer. */
    SIDECAR_UT, /* A time-out passed. */
    SIDECAR_UH, /* No endpoint that is up. */
    SIDECAR_UO, /* A circuit breaker's limit. */
    SIDECAR_NR, /* No route. */
    SIDECAR_OM, /* The proxy has too much to do. */
    SIDECAR_N_FLAGS
} SidecarFlag;

/* Which addresses and ports the rules leave alone. */
typedef struct SidecarCapture {
    const char *exclude_inbound_ports; /* "22 8443"; NULL: none. */
    const char *exclude_outbound_ports;
    VsPrefixes include_outbound; /* Empty: all. */
    VsPrefixes exclude_outbound;
} SidecarCapture;

/* What a request to a service gets beyond a try, and what an endpoint that fails. */
typedef struct SidecarPolicy {
    VsTime connect_timeout;
    VsTime try_timeout; /* 0: none. */
    VsTime timeout;     /* Of all tries; 0: none. */
    uint32_t retries;
    const char *retry_on;
    VsTime backoff;
    uint32_t max_pending;
    uint32_t max_requests;
    uint32_t consecutive_errors; /* 0: nobody is ejected. */
    VsTime ejection_time;
    uint64_t ejection_ppb; /* Of the endpoints at most. */
} SidecarPolicy;

typedef struct SidecarConfig {
    uint32_t workers;
    VsDist processing;
    uint32_t queue;
    uint32_t backlog;
    VsChoice mtls; /* Of sidecar_mtls_choices. */
    uint64_t certificate_bytes;
    VsChoice outbound_policy;
    VsTime xds_delay;
    VsBalanceParams balance;
    SidecarPolicy policy;
    SidecarCapture capture;
} SidecarConfig;

typedef struct SidecarStats {
    uint64_t n_opened[SIDECAR_N_DIRECTIONS]; /* Upstream connections. */
    uint64_t n_reused[SIDECAR_N_DIRECTIONS]; /* Requests sent on one that was kept. */
    uint64_t n_mtls;                         /* Of those opened, with mutual TLS. */
    uint64_t n_passthrough;                  /* Requests to who is in no registry. */
    uint64_t n_retries;
    uint64_t n_ejections;
    uint64_t flags[SIDECAR_N_FLAGS]; /* Requests answered by the proxy itself. */
} SidecarStats;

/* A thread of the proxy: it has the connections that the kernel gave it, and connection pools
 * of its own. */
struct SidecarWorker {
    Sidecar *sidecar;
    VsStation station; /* Of one worker. */
    VsTable pools;     /* Of VsHttpClient: pool.c. */
};

struct Sidecar {
    const SidecarConfig *config;
    const VsCluster *registry;
    VsPod *pod;
    VsEntity entity;
    VsRng rng;         /* Of work. */
    VsRng backoff_rng; /* Of back-offs. */
    VsHttpServer servers[SIDECAR_N_DIRECTIONS];
    VsTlsConfig server_tls;
    VsTlsConfig client_tls;
    VsTlsConfig client_tls_http2; /* The same, which agrees on HTTP/2. */
    SidecarWorker *workers;
    VsConntrackStats conntrack;
    VsQueueStat system; /* Of all workers. */
    VsQueueStat queue;
    VsTime busy;
    SidecarStats stats;

    /* cluster.c */
    VsTable clusters; /* Service index to SidecarCluster. */
    VsTable
        headless; /* Address and port of an endpoint of such a service to its VsPod. */

    /* exchange.c */
    VsPool exchanges;
    unsigned retry_mask;
    VsStage queue_stage;
    VsStage work_stage;
    VsStage failure_stage;
    VsStage backoff_stage;
};

/* rules.c */

/* Gives the pod's namespace conntrack and istio-init's rules. */
bool sidecar_add_rules(Sidecar *sidecar, const VsElement *element, GError **error);

/* Fails where ports are none, or capture settings contradict each other. */
bool sidecar_check_capture(const SidecarCapture *capture, const VsElement *element,
                           GError **error);

/* cluster.c */

/* A service that requests are sent to, with the endpoints that the proxy knows of. */
struct SidecarCluster {
    Sidecar *sidecar;
    const VsService *service;
    VsBalancer balancer;
    struct SidecarHost *hosts; /* By endpoint. */
    bool may_fail;             /* Not all changes of endpoints are known ahead. */
    VsTime as_of;              /* Endpoints are as they were then. */
    VsTime next_change;        /* Of them, known ahead. */
    uint32_t n_requests;       /* Under way. */
    uint32_t n_pending;        /* Of those waiting for a connection. */
    unsigned n_ejected;
};

void sidecar_clusters_open(Sidecar *sidecar);
void sidecar_clusters_close(Sidecar *sidecar);

/* The service behind (address, port), a cluster IP; NULL: there is none. */
SidecarCluster *sidecar_cluster_find(Sidecar *sidecar, VsAddr address, uint16_t port);

/* The pod at (address, port) that a headless service names, or NULL. */
const VsPod *sidecar_headless_find(const Sidecar *sidecar, VsAddr address,
                                   uint16_t port);

/* The endpoint for 'request', or VS_BALANCER_NONE: nobody is up.  Each pick is released. */
uint32_t sidecar_cluster_pick(SidecarCluster *cluster, const VsHttpRequest *request);

/* What was picked is over; a failure may eject the endpoint. */
void sidecar_cluster_release(SidecarCluster *cluster, uint32_t host, VsTime latency,
                             bool has_failed);

/* The same of a pick that nothing came of. */
void sidecar_cluster_return(SidecarCluster *cluster, uint32_t host);

/* For a trace: the endpoints that were not chosen, and why, in turn; ends with NULL.  Newly
 * allocated. */
char **sidecar_cluster_passed(const SidecarCluster *cluster, uint32_t chosen);

/* retry.c */

/* What has befallen a try, or words of retry-on: bits. */
#define SIDECAR_RETRY_ON_CONNECT_FAILURE 0x01
#define SIDECAR_RETRY_ON_RESET 0x02
#define SIDECAR_RETRY_ON_503 0x04
#define SIDECAR_RETRY_ON_5XX 0x08     /* Another status from 500 on. */
#define SIDECAR_RETRY_ON_GATEWAY 0x10 /* 502 or 504. */
#define SIDECAR_RETRY_ON_TIMEOUT 0x20 /* try-timeout. */

/* Fails for a word that is none. */
bool sidecar_check_retry_on(const char *text, const VsElement *element, GError **error);

/* What 'text', which has been checked, names. */
unsigned sidecar_retry_mask(const char *text);

/* What an answer with 'status' is; 0: nothing that is tried again. */
unsigned sidecar_retry_causes(unsigned status);

/* pool.c */

/* Whom a worker calls, and how. */
typedef struct SidecarDestination {
    VsAddr address;
    uint16_t port;
    SidecarDirection direction;
    bool is_http2;
    bool is_tls;
} SidecarDestination;

void sidecar_pools_open(SidecarWorker *worker);
void sidecar_pools_close(SidecarWorker *worker);

/* The worker's connections to 'destination', none at first. */
VsHttpClient *sidecar_pool_get(SidecarWorker *worker,
                               const SidecarDestination *destination);

/* exchange.c */

void sidecar_exchanges_open(Sidecar *sidecar, const char *name);
void sidecar_exchanges_close(Sidecar *sidecar);

/* The proxy has read 'request': it goes on to where its connection was meant to go. */
void sidecar_forward(SidecarWorker *worker, VsHttpRequest *request);

/* The proxy answers 'request' itself. */
void sidecar_refuse(Sidecar *sidecar, VsHttpRequest *request, SidecarFlag flag);

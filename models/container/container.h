/* Containers: servers of HTTP or UDP in a pod.
 *
 * container.c  configuration, statistics, requests in and answers out
 * work.c       what a request takes: CPU time, waiting, calls
 * call.c       calls of other services
 * names.c      the addresses of headless ones
 * life.c       memory, kills and restarts; the end of its pod
 * websocket.c  WebSockets: upgrades, pushes
 *
 * A container whose requests take but a time of a worker each is a plain station, whose
 * services are single events; any other has work.c follow each request. */
#pragma once

#include "vethsim-model.h"

typedef enum ContainerScheduling {
    CONTAINER_THREADS,
    CONTAINER_EVENT_LOOP,
    CONTAINER_SHARING,
} ContainerScheduling;

typedef struct ContainerLifeConfig {
    uint64_t memory;
    uint64_t request_memory;
    uint64_t memory_limit;
    VsTime start_time;
    VsSigtermParams sigterm;
} ContainerLifeConfig;

typedef struct ContainerWebSocketConfig {
    bool is_served;
    VsDist push_every; /* Mean 0: never. */
    uint64_t push_bytes;
    VsTime ping_every; /* 0: never. */
} ContainerWebSocketConfig;

typedef struct ContainerConfig {
    VsChoice protocol;
    uint32_t port;
    VsChoice scheduling; /* ContainerScheduling. */
    VsDist service_time;
    VsDist wait_time;
    uint32_t workers;
    uint32_t queue;
    uint32_t backlog;
    VsChoice accept; /* ContainerAccept, of container.c. */
    uint64_t response_bytes;
    const char *cpu_limit;
    VsTime cpu_period;
    VsTime cpu_period_start;
    VsTime pause;
    VsTime pause_every;
    VsHttp2ServeParams http2;
    uint64_t certificate_bytes;
    bool is_early;
    VsQuicParams quic;
    ContainerLifeConfig life;
    ContainerWebSocketConfig websocket;
} ContainerConfig;

typedef struct ContainerCallConfig {
    const VsElement *service;
    const char *path;
    bool is_parallel;
    bool is_async;
    uint64_t body_bytes;
    uint32_t connections;
    VsHttp2CallParams http2;
    VsChoice grpc_policy; /* VsGrpcPolicy. */
    VsTime timeout;
    VsCallParams call;
} ContainerCallConfig;

typedef struct Container {
    const ContainerConfig *config;
    VsHttpServer http; /* Opened: this one, of HTTP/3 too... */
    VsWebSocketServer websockets;
    VsUdpServer udp; /* ...or that. */
    bool is_udp;     /* That one. */
    uint64_t n_requests;
    VsStation station;
    VsTime busy; /* Of workers; of cores that are shared. */
    VsEntity entity;
    VsRng rng;
    VsStage queue_stage;
    VsStage service_stage;

    /* work.c */
    VsCpu cpu;
    VsPool works;
    VsRng wait_rng;
    VsTimer pause;
    VsStage throttled_stage;
    VsStage wait_stage;

    /* life.c */
    VsPod *pod;
    uint32_t n_open;     /* Requests that have come and are not answered. */
    uint64_t memory_max; /* The most that it had, in bytes. */
    bool is_terminating; /* SIGTERM has come: it exits with its last answer. */
    bool is_over;        /* It has exited, and is not started again. */
    VsTime back_off;     /* Of the next restart; 0: at once. */
    VsTime started;      /* The last restart. */
    VsTimer kill;
    VsTimer restart;
    VsTimer sigterm;
    VsTimer sigkill;
    uint64_t n_oom_kills;
    uint64_t n_lost;

    /* call.c */
    struct ContainerRun *open_runs; /* Calls under way. */
    GPtrArray *calls;               /* Of ContainerCall, in the scenario's order. */
    VsPool runs;
    VsStage calls_stage;
} Container;

/* names.c: the addresses of a headless service; zeroed memory is none. */
typedef struct ContainerNames {
    bool is_used;
    VsStub stub;
    VsStubLookup lookup;
    VsResolvNames names;
    char **search;
} ContainerNames;

/* An element <call>. */
typedef struct ContainerCall {
    const ContainerCallConfig *config;
    Container *container;
    VsHttpCaller own;
    VsHttpCaller
        *caller; /* Shared by the members of a template: the first one's own. */
    ContainerNames names;         /* The first one's, too. */
    struct ContainerRun *waiting; /* The same: for an address, in order. */
    struct ContainerRun *last_waiting;
    VsPayload message;
    VsAddr address;
    uint16_t port;
    uint64_t n_calls;
    uint64_t n_answered;
    uint64_t n_statuses;
    uint64_t n_timeouts;
    uint64_t n_broken;
    uint64_t n_rejected;
    VsHistogram latency;
} ContainerCall;

/* The calls of a request, from the first to the last. */
typedef struct ContainerCalls {
    Container *container;
    unsigned n_begun;
    unsigned n_pending;
    unsigned status; /* 200, or what the request is to be answered with. */
} ContainerCalls;

/* container.c */

/* What a request in the station came with. */
VsPayload *container_payload(const Container *container, VsJob *job);

/* Its journey, or NULL. */
VsJourney *container_journey(const Container *container, VsJob *job);

/* Answers it with 'status', of which UDP tells nothing; it is gone. */
void container_answer(Container *container, VsJob *job, unsigned status);

/* work.c */

/* True if requests take more than a time of a worker. */
bool container_has_parts(const VsElement *element);

/* Checks the settings of CPU and pauses. */
bool container_check_work(const VsElement *element, GError **error);

void container_work_open(Container *container, const VsElement *element, VsBuild *build,
                         const char *name, const char *place);
void container_work_close(Container *container);

/* A call that a request waits for has ended: called by call.c. */
void container_calls_ended(ContainerCalls *calls);

/* Takes back a request that is worked on, or waits for that: it is lost. */
void container_work_lose(Container *container, VsHttpRequest *request);

/* life.c */

/* Checks what it says of memory and the pod's end. */
bool container_check_life(const VsElement *element, GError **error);

/* In declare: the pod's readiness may change.  Fails when its end contradicts ours. */
bool container_life_declare(const VsElement *element, VsPod *pod, GError **error);
void container_life_open(Container *container, const VsElement *element, VsPod *pod);

/* A request has come, or is answered. */
void container_life_arrived(Container *container);
void container_life_answered(Container *container);

/* The last WebSocket may be closed. */
void container_life_exit(Container *container);

/* The process died over 'request'. */
void container_life_lost(VsHttpServer *server, VsHttpRequest *request);

/* websocket.c */

bool container_websocket_check(const VsElement *element, GError **error);
void container_websocket_open(Container *container, const char *name);

/* True if 'request', which is to be answered with 'status', was an upgrade that was granted, or
 * refused as unknown. */
bool container_websocket_takes(Container *container, VsHttpRequest *request,
                               unsigned status);

/* call.c */

/* The addresses of the headless service that 'call' asks are known, or cannot be: what waits
 * for them goes on. */
void container_calls_named(ContainerCall *call, bool is_known);

/* The process is gone: calls under way are given up, connections reset. */
void container_calls_kill(Container *container);

void container_calls_open(Container *container);
void container_calls_close(Container *container);

/* Begins the next calls, which 'journey' (or NULL) goes along with if it can, unless one has
 * failed.  True if there is something to wait for; container_calls_ended() tells its end. */
bool container_calls_next(ContainerCalls *calls, VsJourney *journey);

/* names.c */

/* For the first of a template's members: its caller asks for names from now on. */
bool container_names_open(ContainerCall *call, const VsService *service,
                          const VsPod *pod, VsBuild *build, GError **error);
void container_names_ask(void *call); /* Then container_calls_named(). */
void container_names_close(ContainerCall *call);

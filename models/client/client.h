/* Clients: who sends requests, and what they find.
 *
 * client.c    configuration, statistics, the start and end of a request
 * load.c      when requests begin
 * trace.h     requests from a file
 * lookup.c    the address of the host
 * exchange.c  the request and its answer
 * websocket.c sessions that keep a WebSocket */
#pragma once

#include "models/client/trace.h"
#include "models/client/websocket.h"
#include "vethsim-model.h"

typedef struct Client Client;

typedef struct ClientConfig {
    VsHostParams host;
    VsTcpHostParams tcp_host;
    VsArrivals arrivals;
    ClientTraceConfig trace;
    const char *to;
    VsResolvParams resolv;
    VsChoice libc; /* VsLibc. */
    VsTime cache_ttl;
    uint64_t migration;
    VsChoice tls_version;
    bool is_tls_resuming;
    bool is_tls_early;
    bool is_keep_alive;
    VsHttp2CallParams http2;
    VsQuicParams quic;
    VsTime quic_close_after; /* 0: never. */
    VsChoice grpc_policy;    /* VsGrpcPolicy. */
    VsChoice closer;         /* ClientCloser, where connections are not kept alive. */
    uint64_t body_bytes;
    VsTime timeout;
    VsCallParams call;
    ClientWebSocketConfig websocket;
    VsTime start;
    VsTime stop;
    VsTcpParams tcp;
} ClientConfig;

/* Who closes a connection first. */
typedef enum ClientCloser {
    CLIENT_CLOSER_SERVER,
    CLIENT_CLOSER_CLIENT,
} ClientCloser;

typedef enum ClientPhase {
    CLIENT_PHASE_DNS,
    CLIENT_PHASE_CONNECT,
    CLIENT_PHASE_REQUEST,
    CLIENT_N_PHASES
} ClientPhase;

typedef enum ClientError {
    CLIENT_ERROR_DNS,
    CLIENT_ERROR_REFUSED,
    CLIENT_ERROR_UNREACHABLE,
    CLIENT_ERROR_TIMEOUT,
    CLIENT_ERROR_RESET,
    CLIENT_ERROR_NO_PORT,
    CLIENT_ERROR_BREAKER,
    CLIENT_ERROR_404,
    CLIENT_ERROR_502,
    CLIENT_ERROR_503,
    CLIENT_ERROR_504,
    CLIENT_ERROR_STATUS,
    CLIENT_N_ERRORS
} ClientError;

/* One request, from its intended start to its answer or failure. */
typedef struct ClientRequest {
    struct ClientRequest *next; /* Among the free. */
    Client *client;
    VsJourney journey;
    VsTime phase_began;
    VsTime phase_elapsed[CLIENT_N_PHASES];
    VsTimer timeout;
    VsHttpCall call; /* From the connect phase on. */
    VsStubLookup lookup;
    uint32_t user;       /* Closed loop: whose request; else of the trace: which. */
    bool is_closed_loop; /* Open loop: one that a closed loop would have sent, too. */

    /* Of a WebSocket's session, which has them in a list by 'next'. */
    struct ClientSession *session; /* NULL: of HTTP. */
    uint32_t id;
    bool is_sent;
} ClientRequest;

/* websocket.c */
typedef struct ClientWebSocket {
    bool is_on;
    VsWebSocketConfig config;
    VsPayload upgrade;
    VsPool sessions;
    VsRng message_rng;
    VsRng life_rng;
    VsRng backoff_rng;
    ClientWebSocketStats stats;
} ClientWebSocket;

struct Client {
    const ClientConfig *config;
    const char *name; /* Static. */
    VsNetns *netns;   /* Its host's, or its pod's. */
    VsHost *host;     /* NULL until its pod is there. */
    VsEntity entity;
    VsStage wait_stage;

    /* load.c */
    VsRng arrival_rng;
    VsRng think_rng;
    VsRng state_rng;
    VsTimer arrival;
    uint64_t n_arrivals;
    ClientTrace trace;
    double ramp_mass;         /* RAMP: arrivals expected until the last one. */
    unsigned state;           /* MMPP: the present one... */
    VsTime state_end;         /* ...and its end. */
    VsTimer *users;           /* Closed loop: when each goes on. */
    bool is_closed_loop_busy; /* Open loop: its shadow waits for an answer. */
    ClientRequest *free_requests;
    GPtrArray *requests;

    /* lookup.c */
    char **search;
    VsResolvNames names;
    VsAddr address; /* Known, until... */
    VsTime expires;
    bool has_own_ttl; /* Of what is kept; else the answer's. */
    VsTime own_ttl;
    VsStub stub;
    VsStubLookup again; /* HTTP/2: for connections to come. */

    /* exchange.c */
    uint16_t port;
    bool is_tls;
    VsTlsConfig tls;
    VsPayload message;
    VsHttpCaller caller;

    ClientWebSocket websocket;

    uint64_t n_requests;
    uint64_t n_completed;
    uint64_t n_errors[CLIENT_N_ERRORS];
    VsHistogram latency;
    VsHistogram closed_loop;
    VsHistogram phases[CLIENT_N_PHASES];
    VsStageTotals stages;
};

/* client.c */
void client_begin(Client *client, VsTime intended, uint32_t user);

/* One more request, which is to take its time-out at most; client_request_end() ends it
 * without counting what came of it. */
ClientRequest *client_request_begin(Client *client, VsTime intended);
void client_request_end(ClientRequest *request);
void client_enter_phase(ClientRequest *request, ClientPhase phase);
void client_complete(ClientRequest *request);
void client_fail(ClientRequest *request, ClientError error);

/* load.c */
bool client_load_open(Client *client, const VsElement *element, const char *path,
                      GError **error);
void client_load_start(Client *client);
bool client_may_begin(const Client *client, VsTime at);

/* What 'user' began then has ended. */
void client_load_next(Client *client, uint32_t user, VsTime began);
void client_load_close(Client *client);

/* lookup.c */
bool client_lookup_open(Client *client, const VsElement *element, VsBuild *build,
                        const char *host, GError **error);
void client_lookup(ClientRequest *request); /* Then client_connect(). */
void client_lookup_cancel(ClientRequest *request);
void client_lookup_again(void *client); /* Then client_set_addresses(). */
void client_lookup_close(Client *client);

/* exchange.c */
void client_exchange_open(Client *client, const char *authority, const char *path,
                          uint16_t port, bool is_tls);
void client_exchange_init(ClientRequest *request);
bool client_can_reuse(const Client *client); /* Without a lookup. */
void client_set_addresses(Client *client, const VsAddr *addresses,
                          unsigned n_addresses);
void client_connect(ClientRequest *request);
void client_exchange_cancel(ClientRequest *request);
void client_exchange_close(Client *client);
ClientError client_error_of_status(unsigned status);
ClientError client_error_of_end(VsCallFailure failure);

/* websocket.c */
bool client_websocket_check(const ClientWebSocketConfig *config, const char *url,
                            const VsElement *element, GError **error);
void client_websocket_open(Client *client, const char *authority, const char *path);
void client_websocket_close(Client *client);
void client_session_begin(Client *client, VsTime began, uint32_t user);
void client_session_connect(ClientRequest *request); /* The address is known. */
void client_session_request_ended(ClientRequest *request);

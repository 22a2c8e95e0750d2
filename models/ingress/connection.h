/* Connections of an ingress to its upstreams: opened, kept while idle, used again, given up.
 *
 * A call is one try of a request at one address.  It ends with one of its two functions, from
 * an event, or with ingress_call_cancel(). */
#pragma once

#include "vethsim-model.h"

typedef struct IngressConnections IngressConnections;
typedef struct IngressConnection IngressConnection;
typedef struct IngressCall IngressCall;
typedef struct IngressChannel IngressChannel;

/* How a call can end without an answer. */
typedef enum IngressFailure {
    INGRESS_CONNECT_FAILED,  /* Refused, unreachable, no port, or TCP gave up. */
    INGRESS_CONNECT_TIMEOUT, /* The connect time-out passed. */
    INGRESS_BROKEN,          /* Reset, or closed before the answer. */
    INGRESS_READ_TIMEOUT,    /* The read time-out passed. */
    INGRESS_N_FAILURES
} IngressFailure;

typedef struct IngressCallOps {
    void (*answered)(IngressCall *call, const VsHttp *answer);
    void (*failed)(IngressCall *call, IngressFailure failure);

    /* Answered 101: the connection is the caller's, who sets its ops. */
    void (*switched)(IngressCall *call, VsTcp *tcp);
} IngressCallOps;

/* Embedded in what makes the call, which sets 'ops'. */
struct IngressCall {
    const IngressCallOps *ops;
    IngressConnection *connection; /* Of the present call, or NULL. */
    bool is_reused;    /* It goes, or went, over a connection that was kept. */
    bool is_untouched; /* HTTP/2: broken, but the upstream has not looked at it. */

    /* HTTP/2: channel.c's. */
    IngressChannel *channel; /* Of the present call, or NULL. */
    struct VsHttp2Stream *stream;
    IngressCall *next; /* Among those that wait. */
    VsPayload payload;
    VsTimer timeout;
};

typedef struct IngressConnectionsConfig {
    VsNetns *netns;
    uint32_t keepalive;          /* Idle connections kept for each address. */
    uint32_t keepalive_requests; /* Then a connection is closed; 0: no limit. */
    VsTime keepalive_timeout;    /* Of an idle connection; 0: none. */
    VsTime keepalive_time;       /* A connection this old is not kept; 0: no limit. */
    VsTime connect_timeout;      /* 0: none, and the read time-out begins at once. */
    VsTime read_timeout;         /* 0: none. */
    bool is_http2;
    uint32_t streams; /* HTTP/2: at a time of each connection; 0: what it allows. */
} IngressConnectionsConfig;

typedef struct IngressConnectionsStats {
    uint64_t n_opened;
    uint64_t n_reused;
    uint64_t n_failed;  /* Connections. */
    uint64_t n_expired; /* Closed by a limit of age, requests or idleness. */
} IngressConnectionsStats;

/* 'entity' and 'stats' are the owner's, and outlive it. */
IngressConnections *ingress_connections_new(const IngressConnectionsConfig *config,
                                            VsEntity *entity,
                                            IngressConnectionsStats *stats);
void ingress_connections_free(IngressConnections *connections);

/* The process is gone: resets connections that wait for a call. */
void ingress_connections_drop_idle(IngressConnections *connections);

/* Sends 'payload', a request, to (address, port): over the connection that became idle
 * last, as nginx and Go do, if there is one and 'may_reuse', else over a new one. */
void ingress_call(IngressConnections *connections, IngressCall *call, VsAddr address,
                  uint16_t port, const VsPayload *payload, bool may_reuse);

/* Gives up a call that has not ended: its connection is reset. */
void ingress_call_cancel(IngressCall *call);

/* Calls by HTTP as a careful client makes them: each in one or more tries over the
 * connections of a client (http_client.h), with a time-out for each try, further tries after
 * a back-off and within a budget, a second try for one that takes long (hedging: Dean and
 * Barroso, "The Tail at Scale", CACM 2013), and a circuit breaker before all of them.
 *
 * A try fails when it cannot connect, is cut off or takes too long, and with an answer 502,
 * 503 or 504; 500 is a failure for the breaker only.  The limit of a call as a whole is its
 * owner's. */
#pragma once

#include "engine/timer.h"
#include "transport/call_policy.h"
#include "transport/http_client.h"

typedef struct VsHttpCaller VsHttpCaller;
typedef struct VsHttpCall VsHttpCall;

typedef struct VsCallPolicy {
    VsTime try_timeout; /* 0: none. */
    uint32_t retries;   /* Further tries of a call at most, its hedge not counted. */
    VsBackoff backoff;
    uint64_t budget_ppb; /* Further tries and hedges for each call; 0: no limit. */
    uint32_t budget_burst;
    VsTime hedge_after; /* 0: never. */
    VsBreakerConfig breaker;
} VsCallPolicy;

typedef enum VsCallFailure {
    VS_CALL_REFUSED, /* The first are VsTcpEnd's. */
    VS_CALL_UNREACHABLE,
    VS_CALL_TIMED_OUT, /* The connection, or a try. */
    VS_CALL_RESET,
    VS_CALL_NO_PORT,
    VS_CALL_BREAKER_OPEN,
} VsCallFailure;

typedef struct VsHttpCallOps {
    /* May be NULL.  The first request goes. */
    void (*sending)(VsHttpCall *call);

    /* The call is over; it may be freed, or made again. */
    void (*answered)(VsHttpCall *call, const VsHttp *answer);
    void (*failed)(VsHttpCall *call, VsCallFailure failure);
} VsHttpCallOps;

typedef struct VsHttpTry {
    VsHttpExchange exchange;
    VsHttpCall *call;
    VsTimer timeout;
} VsHttpTry;

enum { VS_HTTP_CALL_TRIES = 2 }; /* At a time: one, and its hedge. */

/* Embedded in its owner; to be initialised once. */
struct VsHttpCall {
    const VsHttpCallOps *ops;
    VsHttpCaller *caller;
    VsPayload payload;
    VsAddr address;
    uint16_t port;
    VsHttpTry tries[VS_HTTP_CALL_TRIES];
    uint32_t n_retries;
    bool was_sent;
    VsTimer next; /* The next try, after a back-off. */
    VsTimer hedge;
};

typedef struct VsHttpCallerStats {
    uint64_t n_retries;
    uint64_t n_over_budget; /* Further tries that the budget did not allow. */
    uint64_t n_try_timeouts;
    uint64_t n_hedges;
    uint64_t n_hedges_won;
    uint64_t n_rejected; /* Calls that found the breaker open. */
} VsHttpCallerStats;

struct VsHttpCaller {
    VsCallPolicy policy;
    VsEntity *entity;
    VsHttpClient client;
    VsRetryBudget budget;
    VsBreaker breaker;
    VsRng rng;
    VsStage retry_stage; /* Of journeys: tries that failed, and back-offs. */
    VsHttpCallerStats stats;
};

/* 'rng' is copied. */
void vs_http_caller_open(VsHttpCaller *caller, const VsHttpClientConfig *client,
                         const VsCallPolicy *policy, VsEntity *entity, const VsRng *rng,
                         VsStage retry_stage);
void vs_http_caller_close(VsHttpCaller *caller);

void vs_http_call_init(VsHttpCall *call, VsHttpCaller *caller,
                       const VsHttpCallOps *ops);

/* Makes the call: a request with 'payload' to (address, port).  May fail at once, when the
 * breaker is open: then ops->failed has been called. */
void vs_http_call_begin(VsHttpCall *call, const VsPayload *payload, VsAddr address,
                        uint16_t port);

/* Gives up a call without a word; nothing happens to one that is not under way. */
void vs_http_call_cancel(VsHttpCall *call);

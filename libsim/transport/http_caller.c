#include "transport/http_caller.h"

#include <glib.h>

#include "engine/run.h"
#include "packet/packet.h"

G_STATIC_ASSERT(VS_CALL_REFUSED == (int)VS_TCP_END_REFUSED &&
                VS_CALL_UNREACHABLE == (int)VS_TCP_END_UNREACHABLE &&
                VS_CALL_TIMED_OUT == (int)VS_TCP_END_TIMED_OUT &&
                VS_CALL_RESET == (int)VS_TCP_END_RESET &&
                VS_CALL_NO_PORT == (int)VS_TCP_END_NO_PORT);

/* Places in a call's tries. */
enum { MAIN, HEDGE };

static const VsHttpExchangeOps try_ops;
static void try_timeout(VsTimer *timer);
static void next_due(VsTimer *timer);
static void hedge_due(VsTimer *timer);

void
vs_http_caller_open(VsHttpCaller *caller, const VsHttpClientConfig *client,
                    const VsCallPolicy *policy, VsEntity *entity, const VsRng *rng,
                    VsStage retry_stage)
{
    *caller = (VsHttpCaller){
        .policy = *policy, .entity = entity, .rng = *rng, .retry_stage = retry_stage};
    vs_http_client_open(&caller->client, client);
    vs_retry_budget_init(&caller->budget, policy->budget_ppb, policy->budget_burst);
    vs_breaker_init(&caller->breaker, &policy->breaker);
}

void
vs_http_caller_close(VsHttpCaller *caller)
{
    vs_http_client_close(&caller->client);
}

void
vs_http_call_init(VsHttpCall *call, VsHttpCaller *caller, const VsHttpCallOps *ops)
{
    *call = (VsHttpCall){.ops = ops, .caller = caller};
    vs_timer_init(&call->next, caller->entity, next_due);
    vs_timer_init(&call->hedge, caller->entity, hedge_due);
    for (unsigned i = 0; i < VS_HTTP_CALL_TRIES; i++) {
        call->tries[i].call = call;
        vs_timer_init(&call->tries[i].timeout, caller->entity, try_timeout);
    }
}

static VsTime
now_of(const VsHttpCall *call)
{
    return vs_now(call->caller->entity->run);
}

static bool
is_under_way(const VsHttpTry *try)
{
    return vs_http_exchange_is_under_way(&try->exchange);
}

/* Gives up what is still under way. */
static void
stop(VsHttpCall *call)
{
    vs_timer_cancel(&call->next);
    vs_timer_cancel(&call->hedge);
    for (unsigned i = 0; i < VS_HTTP_CALL_TRIES; i++) {
        VsHttpTry *try = &call->tries[i];

        vs_timer_cancel(&try->timeout);
        if (is_under_way(try)) {
            vs_http_exchange_cancel(&try->exchange);
            vs_breaker_forget(&call->caller->breaker);
        }
    }
}

/* A hedge leaves the journey to the try that it stands beside. */
static void
begin_try(VsHttpCall *call, VsHttpTry *try)
{
    VsHttpCaller *caller = call->caller;

    try->exchange.ops = &try_ops;
    try->exchange.payload = call->payload;
    if (try == &call->tries[HEDGE]) {
        vs_payload_set_journey(&try->exchange.payload, NULL);
    }
    try->exchange.address = call->address;
    try->exchange.port = call->port;
    if (caller->policy.try_timeout > 0) {
        vs_timer_arm(&try->timeout, now_of(call) + caller->policy.try_timeout);
    }
    vs_http_client_send(&caller->client, &try->exchange);
}

/* A try but for a hedge: the first, or another after a failure. */
static void
begin_next(VsHttpCall *call)
{
    VsHttpCaller *caller = call->caller;

    if (!vs_breaker_admits(&caller->breaker, now_of(call))) {
        caller->stats.n_rejected++;
        stop(call);
        call->ops->failed(call, VS_CALL_BREAKER_OPEN);
        return;
    }
    begin_try(call, &call->tries[MAIN]);
}

void
vs_http_call_begin(VsHttpCall *call, const VsPayload *payload, VsAddr address,
                   uint16_t port)
{
    VsHttpCaller *caller = call->caller;

    call->payload = *payload;
    call->address = address;
    call->port = port;
    call->n_retries = 0;
    call->was_sent = false;
    vs_retry_budget_pay(&caller->budget);
    if (caller->policy.hedge_after > 0) {
        vs_timer_arm(&call->hedge, now_of(call) + caller->policy.hedge_after);
    }
    begin_next(call);
}

void
vs_http_call_cancel(VsHttpCall *call)
{
    if (call->caller) {
        stop(call);
    }
}

static bool
has_budget(VsHttpCaller *caller)
{
    bool has_token = vs_retry_budget_take(&caller->budget);

    caller->stats.n_over_budget += !has_token;
    return has_token;
}

/* A try has failed.  True if the call goes on. */
static bool
goes_on(VsHttpCall *call)
{
    VsHttpCaller *caller = call->caller;
    const VsCallPolicy *policy = &caller->policy;

    for (unsigned i = 0; i < VS_HTTP_CALL_TRIES; i++) {
        if (is_under_way(&call->tries[i])) {
            return true; /* Its hedge, or whose hedge it was. */
        }
    }
    if (call->n_retries == policy->retries || !has_budget(caller)) {
        return false;
    }
    call->n_retries++;
    caller->stats.n_retries++;
    vs_timer_cancel(&call->hedge);
    vs_timer_arm(&call->next,
                 now_of(call) +
                     vs_backoff_draw(&policy->backoff, call->n_retries, &caller->rng));
    return true;
}

static void
next_due(VsTimer *timer)
{
    VsHttpCall *call = VS_CONTAINER_OF(timer, VsHttpCall, next);
    VsJourney *journey = vs_payload_journey(&call->payload);

    if (journey) {
        vs_journey_wait(journey, call->caller->retry_stage, timer->due);
        vs_payload_renew_journey(&call->payload);
    }
    begin_next(call);
}

static void
hedge_due(VsTimer *timer)
{
    VsHttpCall *call = VS_CONTAINER_OF(timer, VsHttpCall, hedge);
    VsHttpCaller *caller = call->caller;
    VsHttpTry *try = &call->tries[HEDGE];

    if (caller->breaker.state == VS_BREAKER_CLOSED && has_budget(caller)) {
        caller->stats.n_hedges++;
        begin_try(call, try);
    }
}

static void
fail_try(VsHttpTry *try, VsCallFailure failure)
{
    VsHttpCall *call = try->call;

    vs_timer_cancel(&try->timeout);
    vs_breaker_record(&call->caller->breaker, true, now_of(call));
    if (!goes_on(call)) {
        stop(call);
        call->ops->failed(call, failure);
    }
}

static void
try_timeout(VsTimer *timer)
{
    VsHttpTry *try = VS_CONTAINER_OF(timer, VsHttpTry, timeout);

    try->call->caller->stats.n_try_timeouts++;
    vs_http_exchange_cancel(&try->exchange);
    fail_try(try, VS_CALL_TIMED_OUT);
}

static void
try_sending(VsHttpExchange *exchange)
{
    VsHttpTry *try = VS_CONTAINER_OF(exchange, VsHttpTry, exchange);
    VsHttpCall *call = try->call;

    if (!call->was_sent) {
        call->was_sent = true;
        if (call->ops->sending) {
            call->ops->sending(call);
        }
    }
}

static void
try_answered(VsHttpExchange *exchange, const VsHttp *answer)
{
    VsHttpTry *try = VS_CONTAINER_OF(exchange, VsHttpTry, exchange);
    VsHttpCall *call = try->call;
    VsHttpCaller *caller = call->caller;

    vs_timer_cancel(&try->timeout);
    vs_breaker_record(&caller->breaker, answer->status >= 500, now_of(call));
    if (answer->status >= 502 && answer->status <= 504 && goes_on(call)) {
        return;
    }
    caller->stats.n_hedges_won += try == &call->tries[HEDGE];
    stop(call);
    call->ops->answered(call, answer);
}

static void
try_failed(VsHttpExchange *exchange, VsTcpEnd end)
{
    fail_try(VS_CONTAINER_OF(exchange, VsHttpTry, exchange), (VsCallFailure)end);
}

static const VsHttpExchangeOps try_ops = {
    .sending = try_sending,
    .answered = try_answered,
    .failed = try_failed,
};

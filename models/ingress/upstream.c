#include "models/ingress/ingress.h"

#include "models/ingress/endpoints.h"
#include "models/ingress/tunnel.h"

/* A request under way: its tries, one after another. */
typedef struct Exchange {
    IngressCall call; /* The present try. */
    IngressUpstreams *owner;
    VsHttpRequest *request;
    VsService *service;
    IngressPool *pool;
    uint32_t backend; /* In the pool's balancer: of the present try, or NONE. */
    VsAddr address;   /* Of the present try. */
    uint16_t port;
    uint32_t n_retries;
    VsTime started;
    VsTime try_started;
    VsTimer delay;    /* Before the next try. */
    VsTimer deadline; /* Of all tries. */
} Exchange;

struct IngressUpstreams {
    IngressUpstreamsConfig config;
    VsEntity *entity;
    IngressUpstreamsStats *stats;
    IngressConnections *connections;
    VsPool exchanges;
    IngressPools *pools;
    IngressTunnels *tunnels;
    VsStage failure_stage;
    VsStage delay_stage; /* Where the policy has a delay. */
    unsigned retry_mask;
};

enum { EXCHANGES_A_SLAB = 32 };

static const char *const failure_texts[] = {
    [INGRESS_CONNECT_FAILED] = "which cannot be connected to: another try",
    [INGRESS_CONNECT_TIMEOUT] = "which did not accept in time: another try",
    [INGRESS_BROKEN] = "which closed without an answer: another try",
    [INGRESS_READ_TIMEOUT] = "which did not answer in time: another try",
};

static const char *const reason_texts[INGRESS_N_REASONS] = {
    [INGRESS_CONNECT_FAILED] = "the upstream could not be connected to",
    [INGRESS_CONNECT_TIMEOUT] = "the upstream did not accept in time",
    [INGRESS_BROKEN] = "the upstream closed without an answer",
    [INGRESS_READ_TIMEOUT] = "the upstream did not answer in time",
    [INGRESS_REQUEST_TIMEOUT] = "all tries together took too long",
    [INGRESS_NO_ENDPOINT] = "no endpoint is ready",
    [INGRESS_NO_BACKEND] = "the algorithm has no endpoint for it",
    [INGRESS_OVERLOAD] = "max-requests are under way",
};

static void exchange_delay_over(VsTimer *timer);
static void exchange_deadline(VsTimer *timer);
static void tunnel_ended(void *exchange);

IngressUpstreams *
ingress_upstreams_new(const IngressUpstreamsConfig *config, VsEntity *entity,
                      IngressUpstreamsStats *stats)
{
    IngressUpstreams *upstreams = g_new0(IngressUpstreams, 1);
    const VsNetns *netns = config->connections.netns;
    VsStages *stages = &netns->run->packets->stages;
    g_autofree char *place = g_strdup_printf("ingress %s", netns->name);
    IngressPoolsConfig pools = {.netns = netns,
                                .balance = config->balance,
                                .cluster = config->cluster,
                                .update_interval = config->update_interval};

    upstreams->config = *config;
    upstreams->entity = entity;
    upstreams->stats = stats;
    upstreams->connections =
        ingress_connections_new(&config->connections, entity, &stats->connections);
    upstreams->failure_stage =
        vs_stages_add(stages, place, "upstream failure", VS_STAGE_DELAY);
    if (config->policy.retry_delay > 0) {
        upstreams->delay_stage =
            vs_stages_add(stages, place, "retry delay", VS_STAGE_DELAY);
    }
    upstreams->retry_mask = ingress_policy_mask(&config->policy);
    vs_pool_init(&upstreams->exchanges, sizeof(Exchange), EXCHANGES_A_SLAB);
    upstreams->pools = ingress_pools_new(&pools, entity);
    upstreams->tunnels = ingress_tunnels_new(config->tunnel_timeout, entity,
                                             &stats->tunnels, tunnel_ended);
    return upstreams;
}

void
ingress_upstreams_free(IngressUpstreams *upstreams)
{
    if (upstreams) {
        ingress_connections_free(upstreams->connections);
        ingress_pools_free(upstreams->pools);
        ingress_tunnels_free(upstreams->tunnels);
        vs_pool_clear(&upstreams->exchanges);
        g_free(upstreams);
    }
}

static inline VsTime
now_of(const IngressUpstreams *upstreams)
{
    return vs_now(upstreams->config.connections.netns->run);
}

/* The try is over, well or not: the algorithm may learn from it. */
static void
release(Exchange *exchange, bool has_failed)
{
    VsTime now = now_of(exchange->owner);
    const VsBalanceOutcome outcome = {
        .now = now, .latency = now - exchange->try_started, .has_failed = has_failed};

    if (exchange->backend != VS_BALANCER_NONE) {
        vs_balancer_release(&exchange->pool->balancer, exchange->backend, &outcome);
        exchange->backend = VS_BALANCER_NONE;
    }
}

static void
exchange_free(Exchange *exchange)
{
    vs_timer_cancel(&exchange->deadline);
    vs_timer_cancel(&exchange->delay);
    exchange->pool->n_open--;
    vs_pool_free(&exchange->owner->exchanges, exchange);
}

/* The end of 'exchange'. */
static void
answer(Exchange *exchange, unsigned status, uint64_t body_bytes)
{
    IngressLife *life = exchange->owner->config.life;
    VsHttpRequest *request = exchange->request;

    exchange_free(exchange);
    ingress_reply(life, request, status, body_bytes);
}

/* What has passed since the request was last seen went to 'stage'. */
static void
account(const Exchange *exchange, VsStage stage)
{
    VsJourney *journey = vs_payload_journey(&exchange->request->payload);

    if (journey) {
        vs_journey_wait(journey, stage, now_of(exchange->owner));
    }
}

/* The status of an error of the ingress' own. */
static unsigned
status_of(const IngressPolicy *policy, IngressReason reason)
{
    switch (reason) {
    case INGRESS_NO_ENDPOINT:
    case INGRESS_OVERLOAD:
        return 503;
    case INGRESS_NO_BACKEND:
        return 502;
    case INGRESS_REQUEST_TIMEOUT:
        return policy->statuses[INGRESS_READ_TIMEOUT];
    default:
        return policy->statuses[reason];
    }
}

/* Counts the error that 'request' is answered with, and tells the trace; its status. */
static unsigned
note_error(IngressUpstreams *upstreams, const VsHttpRequest *request,
           IngressReason reason)
{
    const VsNetns *netns = upstreams->config.connections.netns;
    unsigned status = status_of(&upstreams->config.policy, reason);
    VsTraceRecord *record = vs_trace_add_message(netns->run, &request->payload,
                                                 VS_TRACE_SERVICE, netns->name);

    upstreams->stats->n_errors[reason]++;
    if (record) {
        record->name = g_strdup("upstream");
        record->text = g_strdup_printf("%u", status);
        record->why = g_strdup(reason_texts[reason]);
    }
    return status;
}

static void
fail(Exchange *exchange, IngressReason reason)
{
    answer(exchange, note_error(exchange->owner, exchange->request, reason), 0);
}

/* A record of the trace that tells of the address of the present try, or NULL. */
static VsTraceRecord *
record_try(const Exchange *exchange, const char *text)
{
    const VsNetns *netns = exchange->owner->config.connections.netns;
    VsTraceRecord *record = vs_trace_add_message(
        netns->run, &exchange->request->payload, VS_TRACE_SERVICE, netns->name);

    if (record) {
        g_autofree char *address = vs_format_ipv4(exchange->address);

        record->name = g_strdup("upstream");
        record->text = g_strdup_printf("%s:%u, %s", address, exchange->port, text);
    }
    return record;
}

/* Tells the trace which address of the service was chosen. */
static void
record_choice(const Exchange *exchange)
{
    const VsBalanceParams *balance = exchange->owner->config.balance;
    const VsService *service = exchange->service;
    VsTraceRecord *record =
        record_try(exchange, exchange->call.is_reused ? "on a connection kept alive"
                                                      : "on a new connection");

    if (record) {
        record->why =
            balance
                ? g_strdup_printf("%s among the %u endpoints of service %s",
                                  balance->algorithm,
                                  exchange->pool->balancer.n_available, service->name)
                : g_strdup_printf("the cluster IP of service %s", service->name);
    }
}

/* Sets whom the next try asks; false if there is nobody for the request. */
static bool
choose(Exchange *exchange)
{
    IngressUpstreams *owner = exchange->owner;
    const VsService *service = exchange->service;
    IngressPool *pool = exchange->pool;
    const VsEndpoint *endpoint;

    if (!pool->is_balanced) {
        exchange->address = service->cluster_ip;
        exchange->port = service->port;
        return true;
    }
    if (exchange->backend != VS_BALANCER_NONE) { /* The same again. */
        return true;
    }
    exchange->backend = ingress_pool_pick(pool, owner->config.connections.netns->run,
                                          exchange->request);
    if (exchange->backend == VS_BALANCER_NONE) {
        return false;
    }
    endpoint = pool->endpoints->pdata[exchange->backend];
    service->shares->shares[endpoint->share].count++;
    exchange->address = endpoint->address;
    exchange->port = endpoint->port;
    return true;
}

static void
begin_try(Exchange *exchange)
{
    IngressUpstreams *owner = exchange->owner;
    VsHttpRequest *request = exchange->request;
    VsPayload payload = request->payload;

    if (!choose(exchange)) {
        fail(exchange, ingress_pool_is_empty(exchange->pool) ? INGRESS_NO_ENDPOINT
                                                             : INGRESS_NO_BACKEND);
        return;
    }
    exchange->try_started = now_of(owner);
    payload.http.is_close = false;
    payload.http.forwarded_for = vs_http_peer(request);
    vs_http_measure(&payload.http,
                    &owner->config.connections.netns->run->packets->names);
    ingress_call(owner->connections, &exchange->call, exchange->address, exchange->port,
                 &payload, !(owner->config.is_reuse_safe && request->is_first));
    record_choice(exchange);
}

static void
exchange_answered(IngressCall *call, const VsHttp *http)
{
    Exchange *exchange = VS_CONTAINER_OF(call, Exchange, call);

    release(exchange, false);
    exchange->owner->stats->n_passed_errors += http->status >= 500;
    answer(exchange, http->status, http->body_bytes);
}

/* A kept connection that its other end closes just as it is used again says nothing of the
 * upstream: such a failure need not count (RFC 9112, section 9.3.1). */
static bool
is_stale(const Exchange *exchange, IngressFailure failure)
{
    return failure == INGRESS_BROKEN &&
           (exchange->call.is_untouched ||
            (exchange->call.is_reused &&
             exchange->owner->config.policy.is_retry_reused));
}

/* RFC 9110, section 9.2.2; RFC 5789. */
static bool
is_non_idempotent(uint8_t method)
{
    return method == VS_HTTP_POST || method == VS_HTTP_PATCH;
}

static bool
may_retry(const Exchange *exchange, IngressFailure failure)
{
    const IngressUpstreams *owner = exchange->owner;
    const IngressPolicy *policy = &owner->config.policy;
    bool is_sent = failure == INGRESS_READ_TIMEOUT ||
                   (failure == INGRESS_BROKEN && !exchange->call.is_untouched);

    if (!exchange->request->connection) {
        return false; /* Nobody waits for the answer any more. */
    }
    if (is_sent && is_non_idempotent(exchange->request->payload.http.method) &&
        !policy->is_retry_non_idempotent) {
        return false;
    }
    if (is_stale(exchange, failure)) {
        return true;
    }
    return (owner->retry_mask >> failure & 1) &&
           exchange->n_retries < policy->retries &&
           (policy->retry_timeout == 0 ||
            now_of(owner) - exchange->started < policy->retry_timeout);
}

/* What is refused at once waits, lest a pod that starts is asked in vain; what took its time
 * does not (HAProxy, src/backend.c, the state SC_ST_TAR). */
static VsTime
delay_after(const IngressUpstreams *upstreams, IngressFailure failure)
{
    VsTime connect_timeout = upstreams->config.connections.connect_timeout;
    VsTime delay = upstreams->config.policy.retry_delay;

    if (failure != INGRESS_CONNECT_FAILED) {
        return 0;
    }
    return connect_timeout > 0 ? MIN(delay, connect_timeout) : delay;
}

/* Whatever is still on its way for the failed try, or waits in the pod that it asked, is no
 * longer part of the request's journey. */
static void
retry(Exchange *exchange, IngressFailure failure)
{
    IngressUpstreams *owner = exchange->owner;
    VsTime delay = delay_after(owner, failure);

    record_try(exchange, failure_texts[failure]);
    owner->stats->n_retries++;
    exchange->n_retries += !is_stale(exchange, failure);
    if (owner->config.policy.retry_to == INGRESS_RETRY_TO_NEXT) {
        release(exchange, true);
    }
    vs_payload_renew_journey(&exchange->request->payload);
    if (delay > 0) {
        vs_timer_arm(&exchange->delay, now_of(owner) + delay);
    } else {
        begin_try(exchange);
    }
}

static void
exchange_failed(IngressCall *call, IngressFailure failure)
{
    Exchange *exchange = VS_CONTAINER_OF(call, Exchange, call);
    IngressUpstreams *owner = exchange->owner;

    owner->stats->n_timeouts +=
        failure == INGRESS_READ_TIMEOUT || failure == INGRESS_CONNECT_TIMEOUT;
    account(exchange, owner->failure_stage);
    if (may_retry(exchange, failure)) {
        retry(exchange, failure);
    } else {
        release(exchange, true);
        fail(exchange, (IngressReason)failure);
    }
}

/* The exchange lasts as long as the tunnel: its endpoint is in use. */
static void
exchange_switched(IngressCall *call, VsTcp *upstream)
{
    Exchange *exchange = VS_CONTAINER_OF(call, Exchange, call);
    VsTcp *client = vs_http_switch(exchange->request);

    exchange->request = NULL;
    vs_timer_cancel(&exchange->deadline);
    if (client) {
        ingress_tunnel_open(exchange->owner->tunnels, client, upstream, exchange);
    } else {
        vs_tcp_abort(upstream);
        tunnel_ended(exchange);
    }
}

static void
tunnel_ended(void *exchange_)
{
    Exchange *exchange = exchange_;
    IngressLife *life = exchange->owner->config.life;

    release(exchange, false);
    exchange_free(exchange);
    ingress_exit_when_done(life);
}

static const IngressCallOps call_ops = {exchange_answered, exchange_failed,
                                        exchange_switched};

static void
exchange_delay_over(VsTimer *timer)
{
    Exchange *exchange = VS_CONTAINER_OF(timer, Exchange, delay);

    account(exchange, exchange->owner->delay_stage);
    begin_try(exchange);
}

static void
exchange_deadline(VsTimer *timer)
{
    Exchange *exchange = VS_CONTAINER_OF(timer, Exchange, deadline);

    exchange->owner->stats->n_timeouts++;
    ingress_call_cancel(&exchange->call);
    account(exchange, exchange->owner->failure_stage);
    release(exchange, true);
    fail(exchange, INGRESS_REQUEST_TIMEOUT);
}

static void
refuse(IngressUpstreams *upstreams, VsHttpRequest *request, IngressReason reason)
{
    ingress_reply(upstreams->config.life, request,
                  note_error(upstreams, request, reason), 0);
}

void
ingress_upstreams_forward(IngressUpstreams *upstreams, VsService *service,
                          VsHttpRequest *request)
{
    VsTime deadline = upstreams->config.policy.request_timeout;
    uint32_t max_requests = upstreams->config.max_requests;
    IngressPool *pool = ingress_pools_get(upstreams->pools, service);
    Exchange *exchange;

    if (ingress_pool_is_empty(pool)) {
        refuse(upstreams, request, INGRESS_NO_ENDPOINT);
        return;
    }
    if (request->payload.http.is_upgrade && upstreams->config.connections.is_http2) {
        ingress_reply(upstreams->config.life, request, 501, 0);
        return;
    }
    if (max_requests > 0 && pool->n_open >= max_requests) {
        refuse(upstreams, request, INGRESS_OVERLOAD);
        return;
    }
    exchange = vs_pool_alloc(&upstreams->exchanges);
    *exchange = (Exchange){.call = {.ops = &call_ops},
                           .owner = upstreams,
                           .request = request,
                           .service = service,
                           .pool = pool,
                           .backend = VS_BALANCER_NONE,
                           .started = now_of(upstreams)};
    pool->n_open++;
    request->user = exchange;
    vs_timer_init(&exchange->delay, upstreams->entity, exchange_delay_over);
    vs_timer_init(&exchange->deadline, upstreams->entity, exchange_deadline);
    if (deadline > 0) {
        vs_timer_arm(&exchange->deadline, exchange->started + deadline);
    }
    begin_try(exchange);
}

bool
ingress_upstreams_forget(VsHttpRequest *request)
{
    Exchange *exchange = request->user;

    if (exchange) {
        ingress_call_cancel(&exchange->call);
        release(exchange, true);
        exchange_free(exchange);
    }
    return exchange != NULL;
}

void
ingress_upstreams_end(IngressUpstreams *upstreams)
{
    ingress_connections_drop_idle(upstreams->connections);
    ingress_tunnels_kill(upstreams->tunnels);
}

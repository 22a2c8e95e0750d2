#include "models/ingress/ingress.h"

typedef struct Pool Pool;

/* A request under way: its tries, one after another. */
typedef struct Exchange {
    IngressCall call; /* The present try. */
    IngressUpstreams *owner;
    VsHttpRequest *request;
    VsService *service;
    Pool *pool;       /* That chose the endpoint of the present try; NULL: none did. */
    uint32_t backend; /* In the pool's balancer. */
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
    VsTable pools; /* Service index to Pool. */
    VsStage failure_stage;
    VsStage delay_stage; /* Where the policy has a delay. */
    unsigned retry_mask;
};

/* The endpoints of a service, to choose from. */
struct Pool {
    VsBalancer balancer;
    const VsService *service;
};

enum {
    EXCHANGES_A_SLAB = 32,
    STATUS_NOBODY = 502, /* The algorithm has nobody for the request. */
    STATUS_NO_ENDPOINT = 503,
};

static const char *const failure_texts[] = {
    [INGRESS_CONNECT_FAILED] = "which cannot be connected to: another try",
    [INGRESS_CONNECT_TIMEOUT] = "which did not accept in time: another try",
    [INGRESS_BROKEN] = "which closed without an answer: another try",
    [INGRESS_READ_TIMEOUT] = "which did not answer in time: another try",
};

static void exchange_delay_over(VsTimer *timer);
static void exchange_deadline(VsTimer *timer);

IngressUpstreams *
ingress_upstreams_new(const IngressUpstreamsConfig *config, VsEntity *entity,
                      IngressUpstreamsStats *stats)
{
    IngressUpstreams *upstreams = g_new0(IngressUpstreams, 1);
    const VsNetns *netns = config->connections.netns;
    VsStages *stages = &netns->run->packets->stages;
    g_autofree char *place = g_strdup_printf("ingress %s", netns->name);

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
    vs_table_init(&upstreams->pools);
    return upstreams;
}

static void
free_pools(VsTable *table)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(table, &cursor, &key, &value)) {
        Pool *pool = value;

        vs_balancer_clear(&pool->balancer);
        g_free(pool);
    }
    vs_table_clear(table);
}

void
ingress_upstreams_free(IngressUpstreams *upstreams)
{
    if (upstreams) {
        ingress_connections_free(upstreams->connections);
        free_pools(&upstreams->pools);
        vs_pool_clear(&upstreams->exchanges);
        g_free(upstreams);
    }
}

static inline VsTime
now_of(const IngressUpstreams *upstreams)
{
    return vs_now(upstreams->config.connections.netns->run);
}

static Pool *
pool_new(const IngressUpstreams *upstreams, const VsService *service)
{
    const VsNetns *netns = upstreams->config.connections.netns;
    Pool *pool = g_new0(Pool, 1);
    VsRng rng;

    pool->service = service;
    vs_rng_init(&rng, netns->run->seed, netns->name, service->name);
    vs_balance_params_init(upstreams->config.balance, &pool->balancer, &rng);
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        const VsEndpoint *endpoint = &service->endpoints[i];
        g_autofree char *address = vs_format_ipv4(endpoint->address);
        g_autofree char *name = g_strdup_printf("%s:%u", address, endpoint->port);

        vs_balancer_add(&pool->balancer, name, 1);
    }
    return pool;
}

static Pool *
pool_get(IngressUpstreams *upstreams, const VsService *service)
{
    VsKey key = {{service->index, 0}};
    Pool *pool = vs_table_find(&upstreams->pools, key);

    if (!pool) {
        pool = pool_new(upstreams, service);
        vs_table_insert(&upstreams->pools, key, pool);
    }
    return pool;
}

/* The index of the endpoint for 'request', or VS_BALANCER_NONE. */
static uint32_t
choose_endpoint(const IngressUpstreams *upstreams, Pool *pool,
                const VsHttpRequest *request)
{
    const VsRun *run = upstreams->config.connections.netns->run;
    const VsAddr peer = vs_http_peer(request);
    const uint32_t wire_address = GUINT32_TO_BE(peer);
    bool is_by_text = pool->balancer.kind->key == VS_BALANCE_BY_TEXT;
    const char *path = vs_names_get(&run->packets->names, request->payload.http.path);
    const VsBalanceKey key = {
        .data = is_by_text ? (const void *)path : &wire_address,
        .bytes = is_by_text ? strlen(path) : sizeof(wire_address),
        .flow = {.saddr = peer, .protocol = VS_PROTOCOL_TCP, .family = VS_FAMILY_IPV4},
        .now = vs_now(run),
    };

    return vs_balancer_pick(&pool->balancer, &key);
}

/* The try is over, well or not: the algorithm may learn from it. */
static void
release(Exchange *exchange, bool has_failed)
{
    VsTime now = now_of(exchange->owner);
    const VsBalanceOutcome outcome = {
        .now = now, .latency = now - exchange->try_started, .has_failed = has_failed};

    if (exchange->pool) {
        vs_balancer_release(&exchange->pool->balancer, exchange->backend, &outcome);
        exchange->pool = NULL;
    }
}

/* The end of 'exchange'. */
static void
answer(Exchange *exchange, unsigned status, uint64_t body_bytes)
{
    VsHttpRequest *request = exchange->request;

    vs_timer_cancel(&exchange->deadline);
    vs_timer_cancel(&exchange->delay);
    vs_pool_free(&exchange->owner->exchanges, exchange);
    vs_http_reply(request, status, body_bytes);
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
            balance ? g_strdup_printf("%s among the %u endpoints of service %s",
                                      balance->algorithm, service->n_endpoints,
                                      service->name)
                    : g_strdup_printf("the cluster IP of service %s", service->name);
    }
}

/* Sets whom the next try asks; false if there is nobody for the request. */
static bool
choose(Exchange *exchange)
{
    IngressUpstreams *owner = exchange->owner;
    VsService *service = exchange->service;
    const VsEndpoint *endpoint;
    uint32_t backend;
    Pool *pool;

    if (!owner->config.balance) {
        exchange->address = service->cluster_ip;
        exchange->port = service->port;
        return true;
    }
    if (exchange->pool) { /* The same again. */
        return true;
    }
    pool = pool_get(owner, service);
    backend = choose_endpoint(owner, pool, exchange->request);
    if (backend == VS_BALANCER_NONE) {
        return false;
    }
    endpoint = &service->endpoints[backend];
    service->shares->shares[endpoint->share].count++;
    exchange->pool = pool;
    exchange->backend = backend;
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
        answer(exchange, STATUS_NOBODY, 0);
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
    answer(exchange, http->status, http->body_bytes);
}

/* A kept connection that its other end closes just as it is used again says nothing of the
 * upstream: such a failure need not count (RFC 9112, section 9.3.1). */
static bool
is_stale(const Exchange *exchange, IngressFailure failure)
{
    return failure == INGRESS_BROKEN && exchange->call.is_reused &&
           exchange->owner->config.policy.is_retry_reused;
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
    bool is_sent = failure == INGRESS_BROKEN || failure == INGRESS_READ_TIMEOUT;

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
        answer(exchange, owner->config.policy.statuses[failure], 0);
    }
}

static const IngressCallOps call_ops = {exchange_answered, exchange_failed};

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
    answer(exchange, exchange->owner->config.policy.statuses[INGRESS_READ_TIMEOUT], 0);
}

void
ingress_upstreams_forward(IngressUpstreams *upstreams, VsService *service,
                          VsHttpRequest *request)
{
    VsTime deadline = upstreams->config.policy.request_timeout;
    Exchange *exchange;

    if (service->n_endpoints == 0 && !vs_service_changes(service)) {
        vs_http_reply(request, STATUS_NO_ENDPOINT, 0);
        return;
    }
    exchange = vs_pool_alloc(&upstreams->exchanges);
    *exchange = (Exchange){.call = {.ops = &call_ops},
                           .owner = upstreams,
                           .request = request,
                           .service = service,
                           .started = now_of(upstreams)};
    vs_timer_init(&exchange->delay, upstreams->entity, exchange_delay_over);
    vs_timer_init(&exchange->deadline, upstreams->entity, exchange_deadline);
    if (deadline > 0) {
        vs_timer_arm(&exchange->deadline, exchange->started + deadline);
    }
    begin_try(exchange);
}

/* Requests through the proxy: where to, over which connection, in how many tries. */
#include "models/sidecar/sidecar.h"

enum {
    POOL_EXCHANGES_A_SLAB = 32,
    TRIED_MAX = 8, /* Endpoints of earlier tries that are remembered, */
    REPICKS_MAX =
        5, /* and avoided for so many picks (host_selection_retry_max_attempts). */
    STATUS_FORBIDDEN = 403,
    ENVOY_MAX_BACKOFFS = 10, /* The longest back-off, in shortest ones. */
};

/* Response flags: Envoy, source/common/stream_info/utility.h; statuses: as the router and
 * Istio's routes answer. */
static const struct {
    uint16_t status;
    const char *text;
} flags[SIDECAR_N_FLAGS] = {
    [SIDECAR_UF] = {503, "503 UF: which cannot be connected to"},
    [SIDECAR_UC] = {503, "503 UC: which closed without an answer"},
    [SIDECAR_UT] = {504, "504 UT: which did not answer in time"},
    [SIDECAR_UH] = {503, "503 UH: no endpoint is up"},
    [SIDECAR_UO] = {503, "503 UO: a circuit breaker's limit"},
    [SIDECAR_NR] = {502, "502 NR: nothing is known of it"},
    [SIDECAR_OM] = {503, "503 OM: too many requests wait for the proxy"},
};

/* A request under way. */
typedef struct Exchange {
    VsHttpExchange http; /* The present try. */
    SidecarWorker *worker;
    VsHttpRequest *request;
    SidecarDirection direction;
    SidecarCluster *cluster; /* NULL: it goes where it was meant to. */
    uint32_t host;    /* In the cluster, of the present try; or VS_BALANCER_NONE. */
    const VsPod *pod; /* Of the present try, if the registry knows it. */
    VsAddr address;
    uint16_t port;
    bool was_sent;
    bool is_reused; /* The connection was kept. */
    uint32_t n_retries;
    uint32_t tried[TRIED_MAX];
    VsTime try_started;
    VsTimer connect; /* Its time-out, */
    VsTimer try_timeout;
    VsTimer backoff;
    VsTimer deadline; /* Of all tries. */
} Exchange;

static const VsHttpExchangeOps exchange_ops;

void
sidecar_exchanges_open(Sidecar *sidecar, const char *name)
{
    VsStages *stages = &sidecar->entity.run->packets->stages;
    g_autofree char *place = g_strdup_printf("sidecar %s", name);

    sidecar->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    sidecar->work_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    sidecar->failure_stage =
        vs_stages_add(stages, place, "upstream failure", VS_STAGE_DELAY);
    sidecar->backoff_stage = vs_stages_add(stages, place, "back-off", VS_STAGE_DELAY);
    sidecar->retry_mask = sidecar_retry_mask(sidecar->config->policy.retry_on);
    vs_rng_init(&sidecar->backoff_rng, sidecar->entity.run->seed, name, "backoff");
    vs_pool_init(&sidecar->exchanges, sizeof(Exchange), POOL_EXCHANGES_A_SLAB);
}

void
sidecar_exchanges_close(Sidecar *sidecar)
{
    vs_pool_clear(&sidecar->exchanges);
}

static inline VsTime
now_of(const Exchange *exchange)
{
    return vs_now(exchange->worker->sidecar->entity.run);
}

static inline const SidecarPolicy *
policy_of(const Exchange *exchange)
{
    return &exchange->worker->sidecar->config->policy;
}

/* ---- The story ---- */

/* What has passed since the request was last seen went to 'stage'. */
static void
account(const Exchange *exchange, VsStage stage)
{
    VsJourney *journey = vs_payload_journey(&exchange->request->payload);

    if (journey) {
        vs_journey_wait(journey, stage, now_of(exchange));
    }
}

static VsTraceRecord *
record(const Exchange *exchange, const char *text)
{
    const VsNetns *netns = exchange->worker->sidecar->pod->netns;
    VsTraceRecord *record = vs_trace_add_message(
        netns->run, &exchange->request->payload, VS_TRACE_SERVICE, netns->name);

    if (record) {
        g_autofree char *address = vs_format_ipv4(exchange->address);

        record->name =
            g_strdup(exchange->direction == SIDECAR_INBOUND ? "sidecar, inbound"
                                                            : "sidecar, outbound");
        record->text = g_strdup_printf("%s:%u, %s", address, exchange->port, text);
    }
    return record;
}

static void
record_try(const Exchange *exchange, bool is_tls)
{
    const Sidecar *sidecar = exchange->worker->sidecar;
    VsTraceRecord *told =
        record(exchange, exchange->is_reused ? "on a connection kept alive"
                                             : "on a new connection");

    if (!told) {
        return;
    }
    if (exchange->cluster) {
        told->passed = sidecar_cluster_passed(exchange->cluster, exchange->host);
        told->why = g_strdup_printf("%s among the %u endpoints of service %s, %s",
                                    sidecar->config->balance.algorithm,
                                    exchange->cluster->balancer.n_available,
                                    exchange->cluster->service->name,
                                    is_tls ? "with mutual TLS" : "in plaintext");
    } else {
        told->why = g_strdup_printf("its original destination, %s",
                                    is_tls ? "with mutual TLS" : "in plaintext");
    }
}

/* ---- The end ---- */

static void
release(Exchange *exchange, bool has_failed)
{
    if (exchange->host != VS_BALANCER_NONE) {
        sidecar_cluster_release(exchange->cluster, exchange->host,
                                now_of(exchange) - exchange->try_started, has_failed);
        exchange->host = VS_BALANCER_NONE;
    }
}

static void
stop_timers(Exchange *exchange)
{
    vs_timer_cancel(&exchange->connect);
    vs_timer_cancel(&exchange->try_timeout);
    vs_timer_cancel(&exchange->backoff);
}

static void
answer(Exchange *exchange, unsigned status, uint64_t body_bytes)
{
    VsHttpRequest *request = exchange->request;

    stop_timers(exchange);
    vs_timer_cancel(&exchange->deadline);
    if (exchange->cluster) {
        exchange->cluster->n_requests--;
    }
    vs_pool_free(&exchange->worker->sidecar->exchanges, exchange);
    vs_http_reply(request, status, body_bytes);
}

void
sidecar_refuse(Sidecar *sidecar, VsHttpRequest *request, SidecarFlag flag)
{
    sidecar->stats.flags[flag]++;
    vs_http_reply(request, flags[flag].status, 0);
}

static void
give_up(Exchange *exchange, SidecarFlag flag)
{
    release(exchange, flag != SIDECAR_UO);
    record(exchange, flags[flag].text);
    exchange->worker->sidecar->stats.flags[flag]++;
    answer(exchange, flags[flag].status, 0);
}

/* ---- A try ---- */

static bool
was_tried(const Exchange *exchange, uint32_t host)
{
    for (uint32_t i = 0; i < MIN(exchange->n_retries, TRIED_MAX); i++) {
        if (exchange->tried[i] == host) {
            return true;
        }
    }
    return false;
}

/* Sets whom the try asks; false if nobody is up.  Another than before, if the algorithm comes
 * to one in a few picks (envoy.retry_host_predicates.previous_hosts). */
static bool
choose(Exchange *exchange)
{
    SidecarCluster *cluster = exchange->cluster;
    const VsEndpoint *endpoint;
    uint32_t host;

    if (!cluster) {
        return true;
    }
    host = sidecar_cluster_pick(cluster, exchange->request);
    for (unsigned i = 0;
         i < REPICKS_MAX && host != VS_BALANCER_NONE && was_tried(exchange, host);
         i++) {
        sidecar_cluster_return(cluster, host);
        host = sidecar_cluster_pick(cluster, exchange->request);
    }
    if (host == VS_BALANCER_NONE) {
        return false;
    }
    endpoint = &cluster->service->all_endpoints[host];
    cluster->service->shares->shares[endpoint->share].count++;
    exchange->host = host;
    exchange->pod = endpoint->pod;
    exchange->address = endpoint->address;
    exchange->port = endpoint->port;
    if (exchange->n_retries < TRIED_MAX) {
        exchange->tried[exchange->n_retries] = host;
    }
    return true;
}

static void
arm(VsTimer *timer, const Exchange *exchange, VsTime timeout)
{
    if (timeout > 0) {
        vs_timer_arm(timer, now_of(exchange) + timeout);
    }
}

/* A request that finds no idle connection is pending until its own is there. */
static bool
is_over_limit(const Exchange *exchange, const VsHttpClient *pool)
{
    return exchange->cluster && !vs_http_client_has_idle(pool) &&
           exchange->cluster->n_pending >= policy_of(exchange)->max_pending;
}

static void
send_try(Exchange *exchange, VsHttpClient *pool, bool is_tls)
{
    Sidecar *sidecar = exchange->worker->sidecar;
    SidecarDirection direction = exchange->direction;
    uint64_t n_opened = pool->n_connects;

    exchange->http.payload = exchange->request->payload;
    exchange->http.payload.http.is_close = false;
    vs_http_measure(&exchange->http.payload.http, &sidecar->entity.run->packets->names);
    exchange->http.address = exchange->address;
    exchange->http.port = exchange->port;
    exchange->was_sent = false;
    exchange->is_reused = vs_http_client_has_idle(pool);
    if (exchange->cluster) {
        exchange->cluster->n_pending++;
        arm(&exchange->try_timeout, exchange, policy_of(exchange)->try_timeout);
    }
    arm(&exchange->connect, exchange, policy_of(exchange)->connect_timeout);
    record_try(exchange, is_tls);
    vs_http_client_send(pool, &exchange->http);
    /* It may have failed already. */
    n_opened = pool->n_connects - n_opened;
    sidecar->stats.n_opened[direction] += n_opened;
    sidecar->stats.n_reused[direction] += n_opened == 0;
    sidecar->stats.n_mtls += is_tls ? n_opened : 0;
}

static void
begin_try(Exchange *exchange)
{
    SidecarDestination destination;
    VsHttpClient *pool;
    bool is_tls;

    exchange->try_started = now_of(exchange);
    if (!choose(exchange)) {
        give_up(exchange, SIDECAR_UH);
        return;
    }
    is_tls = exchange->direction == SIDECAR_OUTBOUND && exchange->pod &&
             exchange->pod->mesh >= VS_POD_MESH_PERMISSIVE;
    destination = (SidecarDestination){.address = exchange->address,
                                       .port = exchange->port,
                                       .direction = exchange->direction,
                                       .is_http2 = exchange->request->stream != NULL,
                                       .is_tls = is_tls};
    pool = sidecar_pool_get(exchange->worker, &destination);
    if (is_over_limit(exchange, pool)) {
        give_up(exchange, SIDECAR_UO);
        return;
    }
    send_try(exchange, pool, is_tls);
}

/* ---- What becomes of it ---- */

static void
stop_pending(Exchange *exchange)
{
    if (!exchange->was_sent && exchange->cluster) {
        exchange->cluster->n_pending--;
    }
    exchange->was_sent = true;
    vs_timer_cancel(&exchange->connect);
}

static void
exchange_sending(VsHttpExchange *http)
{
    stop_pending(VS_CONTAINER_OF(http, Exchange, http));
}

static bool
may_retry(const Exchange *exchange, unsigned causes)
{
    return exchange->cluster && exchange->request->connection &&
           exchange->n_retries < policy_of(exchange)->retries &&
           (exchange->worker->sidecar->retry_mask & causes) != 0;
}

/* What is still on its way for the failed try is no longer part of the request's journey. */
static void
retry(Exchange *exchange, const char *why)
{
    Sidecar *sidecar = exchange->worker->sidecar;
    VsTime base = policy_of(exchange)->backoff;
    const VsBackoff backoff = {
        .base = base, .max = ENVOY_MAX_BACKOFFS * base, .is_jittered = true};

    stop_timers(exchange);
    release(exchange, true);
    record(exchange, why);
    sidecar->stats.n_retries++;
    exchange->n_retries++;
    vs_payload_renew_journey(&exchange->request->payload);
    vs_timer_arm(&exchange->backoff,
                 now_of(exchange) + vs_backoff_draw(&backoff, exchange->n_retries,
                                                    &sidecar->backoff_rng));
}

/* No answer came of the try. */
static void
fail(Exchange *exchange, SidecarFlag flag)
{
    unsigned causes = flag == SIDECAR_UF   ? SIDECAR_RETRY_ON_CONNECT_FAILURE
                      : flag == SIDECAR_UC ? SIDECAR_RETRY_ON_RESET
                                           : SIDECAR_RETRY_ON_TIMEOUT;

    stop_pending(exchange);
    account(exchange, exchange->worker->sidecar->failure_stage);
    if (may_retry(exchange, causes)) {
        retry(exchange, flags[flag].text);
    } else {
        give_up(exchange, flag);
    }
}

static void
exchange_answered(VsHttpExchange *http, const VsHttp *response)
{
    Exchange *exchange = VS_CONTAINER_OF(http, Exchange, http);
    unsigned causes = sidecar_retry_causes(response->status);

    if (causes != 0 && may_retry(exchange, causes)) {
        account(exchange, exchange->worker->sidecar->failure_stage);
        retry(exchange, "which answered that it failed");
        return;
    }
    release(exchange, response->status >= 500);
    answer(exchange, response->status, response->body_bytes);
}

static void
exchange_failed(VsHttpExchange *http, VsTcpEnd end)
{
    Exchange *exchange = VS_CONTAINER_OF(http, Exchange, http);

    (void)end;
    fail(exchange, exchange->was_sent ? SIDECAR_UC : SIDECAR_UF);
}

static const VsHttpExchangeOps exchange_ops = {
    .sending = exchange_sending,
    .answered = exchange_answered,
    .failed = exchange_failed,
};

static void
exchange_connect_timeout(VsTimer *timer)
{
    Exchange *exchange = VS_CONTAINER_OF(timer, Exchange, connect);

    vs_http_exchange_cancel(&exchange->http);
    fail(exchange, SIDECAR_UF);
}

static void
exchange_try_timeout(VsTimer *timer)
{
    Exchange *exchange = VS_CONTAINER_OF(timer, Exchange, try_timeout);

    vs_http_exchange_cancel(&exchange->http);
    fail(exchange, SIDECAR_UT);
}

static void
exchange_backoff_over(VsTimer *timer)
{
    Exchange *exchange = VS_CONTAINER_OF(timer, Exchange, backoff);

    account(exchange, exchange->worker->sidecar->backoff_stage);
    begin_try(exchange);
}

/* Of all tries: no other follows. */
static void
exchange_deadline(VsTimer *timer)
{
    Exchange *exchange = VS_CONTAINER_OF(timer, Exchange, deadline);

    if (vs_http_exchange_is_under_way(&exchange->http)) {
        vs_http_exchange_cancel(&exchange->http);
        stop_pending(exchange);
    }
    account(exchange, exchange->worker->sidecar->failure_stage);
    give_up(exchange, SIDECAR_UT);
}

/* ---- Where to ---- */

/* Where the client meant to go; false when nobody knows, or to the proxy itself. */
static bool
find_destination(const Sidecar *sidecar, Exchange *exchange)
{
    const VsNetns *netns = sidecar->pod->netns;
    const VsFlow *flow = vs_http_flow(exchange->request);

    return vs_conntrack_original_destination(netns->conntrack, flow, &exchange->address,
                                             &exchange->port) &&
           exchange->port != SIDECAR_INBOUND_PORT &&
           exchange->port != SIDECAR_OUTBOUND_PORT;
}

/* Sets the cluster, or pod, that the registry has for a destination; false when it has none
 * and only those in it may be called. */
static bool
find_in_registry(Sidecar *sidecar, Exchange *exchange)
{
    exchange->cluster =
        sidecar_cluster_find(sidecar, exchange->address, exchange->port);
    if (exchange->cluster) {
        return true;
    }
    exchange->pod = sidecar_headless_find(sidecar, exchange->address, exchange->port);
    sidecar->stats.n_passthrough += exchange->pod == NULL;
    return exchange->pod || !sidecar->config->outbound_policy;
}

static Exchange *
exchange_new(SidecarWorker *worker, const Exchange *begun)
{
    Sidecar *sidecar = worker->sidecar;
    Exchange *exchange = vs_pool_alloc(&sidecar->exchanges);

    *exchange = *begun;
    vs_timer_init(&exchange->connect, &sidecar->entity, exchange_connect_timeout);
    vs_timer_init(&exchange->try_timeout, &sidecar->entity, exchange_try_timeout);
    vs_timer_init(&exchange->backoff, &sidecar->entity, exchange_backoff_over);
    vs_timer_init(&exchange->deadline, &sidecar->entity, exchange_deadline);
    return exchange;
}

void
sidecar_forward(SidecarWorker *worker, VsHttpRequest *request)
{
    Sidecar *sidecar = worker->sidecar;
    bool is_outbound = request->server == &sidecar->servers[SIDECAR_OUTBOUND];
    Exchange begun = {.http = {.ops = &exchange_ops},
                      .worker = worker,
                      .request = request,
                      .direction = is_outbound ? SIDECAR_OUTBOUND : SIDECAR_INBOUND,
                      .host = VS_BALANCER_NONE};
    SidecarCluster *cluster;
    Exchange *exchange;

    if (!request->connection) { /* Nobody waits for the answer any more. */
        vs_http_reply(request, flags[SIDECAR_UC].status, 0);
        return;
    }
    if (request->payload.http.is_upgrade) { /* As Envoy does without upgrade_configs. */
        vs_http_reply(request, STATUS_FORBIDDEN, 0);
        return;
    }
    if (!find_destination(sidecar, &begun) ||
        (is_outbound && !find_in_registry(sidecar, &begun))) {
        sidecar_refuse(sidecar, request, SIDECAR_NR);
        return;
    }
    cluster = begun.cluster;
    if (cluster && cluster->n_requests >= sidecar->config->policy.max_requests) {
        sidecar_refuse(sidecar, request, SIDECAR_UO);
        return;
    }
    exchange = exchange_new(worker, &begun);
    if (cluster) {
        cluster->n_requests++;
        arm(&exchange->deadline, exchange, sidecar->config->policy.timeout);
    }
    begin_try(exchange);
}

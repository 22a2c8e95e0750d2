#include "models/ingress/ingress.h"

typedef struct Target Target;
typedef struct Pool Pool;

/* A connection to one address of a service. */
typedef struct Upstream {
    struct Upstream *next; /* Among the idle of its target. */
    IngressUpstreams *owner;
    Target *target;
    VsTcp *tcp;
    VsHttpRequest *request; /* Waiting for its answer; NULL: idle. */
    Pool *pool;             /* That chose it for the request; NULL: none did. */
    uint32_t backend;       /* In the pool's balancer. */
    VsTime sent;
    VsTimer timeout;
} Upstream;

/* An address, with the idle connections to it. */
struct Target {
    VsAddr address;
    uint16_t port;
    Upstream *idle; /* The last used first, as nginx keeps them. */
    uint32_t n_idle;
};

struct IngressUpstreams {
    IngressUpstreamsConfig config;
    VsEntity *entity;
    IngressUpstreamsStats *stats;
    VsPool connections;
    VsTable targets; /* (address, port) to Target. */
    VsTable pools;   /* Service index to Pool. */
    VsStage timeout_stage;
};

/* The endpoints of a service, to choose from. */
struct Pool {
    VsBalancer balancer;
    const VsService *service;
};

enum { CONNECTIONS_A_SLAB = 32 };

static void upstream_timeout(VsTimer *timer);

IngressUpstreams *
ingress_upstreams_new(const IngressUpstreamsConfig *config, VsEntity *entity,
                      IngressUpstreamsStats *stats)
{
    IngressUpstreams *upstreams = g_new0(IngressUpstreams, 1);
    g_autofree char *place = g_strdup_printf("ingress %s", config->netns->name);

    upstreams->config = *config;
    upstreams->entity = entity;
    upstreams->stats = stats;
    upstreams->timeout_stage = vs_stages_add(&config->netns->run->packets->stages,
                                             place, "upstream failure", VS_STAGE_DELAY);
    vs_pool_init(&upstreams->connections, sizeof(Upstream), CONNECTIONS_A_SLAB);
    vs_table_init(&upstreams->targets);
    vs_table_init(&upstreams->pools);
    return upstreams;
}

static void
free_targets(VsTable *table)
{
    size_t cursor = 0;
    VsKey key;
    void *target;

    while (vs_table_next(table, &cursor, &key, &target)) {
        g_free(target);
    }
    vs_table_clear(table);
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
        free_targets(&upstreams->targets);
        free_pools(&upstreams->pools);
        vs_pool_clear(&upstreams->connections);
        g_free(upstreams);
    }
}

static Target *
target_get(IngressUpstreams *upstreams, VsAddr address, uint16_t port)
{
    VsKey key = {{(uint64_t)address << 16 | port, 0}};
    Target *target = vs_table_find(&upstreams->targets, key);

    if (!target) {
        target = g_new0(Target, 1);
        target->address = address;
        target->port = port;
        vs_table_insert(&upstreams->targets, key, target);
    }
    return target;
}

static Pool *
pool_new(const IngressUpstreams *upstreams, const VsService *service)
{
    const VsNetns *netns = upstreams->config.netns;
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
    const VsRun *run = upstreams->config.netns->run;
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

/* The request is over, well or not: the algorithm may learn from it. */
static void
release(Upstream *upstream, bool has_failed)
{
    VsTime now = vs_now(upstream->owner->config.netns->run);
    const VsBalanceOutcome outcome = {
        .now = now, .latency = now - upstream->sent, .has_failed = has_failed};

    if (upstream->pool) {
        vs_balancer_release(&upstream->pool->balancer, upstream->backend, &outcome);
        upstream->pool = NULL;
    }
}

static void
upstream_free(Upstream *upstream)
{
    vs_timer_cancel(&upstream->timeout);
    if (!upstream->request) {
        for (Upstream **link = &upstream->target->idle; *link; link = &(*link)->next) {
            if (*link == upstream) {
                *link = upstream->next;
                upstream->target->n_idle--;
                break;
            }
        }
    }
    vs_pool_free(&upstream->owner->connections, upstream);
}

/* Answers the waiting request with an error of our own. */
static void
fail(Upstream *upstream, unsigned status)
{
    VsHttpRequest *request = upstream->request;
    VsJourney *journey = request ? vs_payload_journey(&request->payload) : NULL;

    if (!request) {
        return;
    }
    release(upstream, true);
    if (journey) {
        vs_journey_wait(journey, upstream->owner->timeout_stage,
                        vs_now(upstream->owner->config.netns->run));
    }
    vs_http_reply(request, status, 0);
}

static void
upstream_connected(VsTcp *tcp)
{
    (void)tcp;
}

static void
upstream_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    Upstream *upstream = vs_tcp_user(tcp);
    IngressUpstreams *owner = upstream->owner;
    VsHttpRequest *request = upstream->request;

    (void)bytes;
    if (!request) {
        return; /* An answer that nobody asked for. */
    }
    vs_timer_cancel(&upstream->timeout);
    upstream->request = NULL;
    release(upstream, false);
    vs_http_reply(request, payload->http.status, payload->http.body_bytes);
    upstream->next = upstream->target->idle;
    upstream->target->idle = upstream;
    upstream->target->n_idle++;
    if (payload->http.is_close || upstream->target->n_idle > owner->config.keepalive) {
        upstream_free(upstream);
        vs_tcp_set_user(tcp, NULL);
        vs_tcp_close(tcp);
    }
}

static void
upstream_finished(VsTcp *tcp)
{
    Upstream *upstream = vs_tcp_user(tcp);

    if (upstream) {
        fail(upstream, 502);
        upstream_free(upstream);
        vs_tcp_set_user(tcp, NULL);
        vs_tcp_close(tcp);
    }
}

static void
upstream_broken(VsTcp *tcp, VsTcpEnd end)
{
    Upstream *upstream = vs_tcp_user(tcp);

    (void)end;
    if (upstream) {
        upstream->owner->stats->n_failed++;
        fail(upstream, 502);
        upstream_free(upstream);
    }
}

static const VsTcpOps upstream_ops = {
    .connected = upstream_connected,
    .message = upstream_message,
    .finished = upstream_finished,
    .broken = upstream_broken,
};

static void
upstream_timeout(VsTimer *timer)
{
    Upstream *upstream = VS_CONTAINER_OF(timer, Upstream, timeout);
    VsTcp *tcp = upstream->tcp;

    upstream->owner->stats->n_timeouts++;
    fail(upstream, 504);
    upstream_free(upstream);
    vs_tcp_abort(tcp);
}

static Upstream *
upstream_get(IngressUpstreams *upstreams, Target *target, VsJourney *journey)
{
    Upstream *upstream = target->idle;

    if (upstream) {
        target->idle = upstream->next;
        target->n_idle--;
        upstreams->stats->n_reused++;
        return upstream;
    }
    upstream = vs_pool_alloc(&upstreams->connections);
    *upstream = (Upstream){.owner = upstreams, .target = target};
    vs_timer_init(&upstream->timeout, upstreams->entity, upstream_timeout);
    upstream->tcp = vs_tcp_connect(upstreams->config.netns, 0, target->address,
                                   target->port, journey, &upstream_ops, upstream);
    upstreams->stats->n_opened++;
    return upstream;
}

/* Tells the trace which address of 'service' was chosen. */
static void
record_upstream(const IngressUpstreams *upstreams, const VsService *service,
                const VsPayload *payload, const Upstream *upstream, bool is_reused)
{
    const VsNetns *netns = upstreams->config.netns;
    const Target *target = upstream->target;
    VsTraceRecord *record =
        vs_trace_add_message(netns->run, payload, VS_TRACE_SERVICE, netns->name);
    g_autofree char *address = NULL;

    if (!record) {
        return;
    }
    address = vs_format_ipv4(target->address);
    record->name = g_strdup("upstream");
    record->text =
        g_strdup_printf("%s:%u, on %s", address, target->port,
                        is_reused ? "a connection kept alive" : "a new connection");
    record->why = upstreams->config.balance
                      ? g_strdup_printf("%s among the %u endpoints of service %s",
                                        upstreams->config.balance->algorithm,
                                        service->n_endpoints, service->name)
                      : g_strdup_printf("the cluster IP of service %s", service->name);
}

/* A connection to the service, or to the endpoint that is chosen for 'request'; NULL when
 * there is none for it. */
static Upstream *
open_upstream(IngressUpstreams *upstreams, const VsService *service,
              const VsHttpRequest *request)
{
    VsJourney *journey = vs_payload_journey(&request->payload);
    const VsEndpoint *endpoint;
    Upstream *upstream;
    uint32_t backend;
    Pool *pool;

    if (!upstreams->config.balance) {
        return upstream_get(upstreams,
                            target_get(upstreams, service->cluster_ip, service->port),
                            journey);
    }
    pool = pool_get(upstreams, service);
    backend = choose_endpoint(upstreams, pool, request);
    if (backend == VS_BALANCER_NONE) {
        return NULL;
    }
    endpoint = &service->endpoints[backend];
    service->shares->shares[endpoint->share].count++;
    upstream = upstream_get(
        upstreams, target_get(upstreams, endpoint->address, endpoint->port), journey);
    upstream->pool = pool;
    upstream->backend = backend;
    upstream->sent = vs_now(upstreams->config.netns->run);
    return upstream;
}

void
ingress_upstreams_forward(IngressUpstreams *upstreams, VsService *service,
                          VsHttpRequest *request)
{
    VsNetns *netns = upstreams->config.netns;
    VsPayload payload = request->payload;
    uint64_t n_reused = upstreams->stats->n_reused;
    Upstream *upstream;

    if (service->n_endpoints == 0 && !vs_service_changes(service)) {
        vs_http_reply(request, 503, 0);
        return;
    }
    upstream = open_upstream(upstreams, service, request);
    if (!upstream) {
        vs_http_reply(request, 502, 0);
        return;
    }
    upstream->request = request;
    record_upstream(upstreams, service, &payload, upstream,
                    upstreams->stats->n_reused > n_reused);
    payload.http.is_close = false;
    payload.http.forwarded_for = vs_http_peer(request);
    vs_http_measure(&payload.http, &netns->run->packets->names);
    vs_tcp_send(upstream->tcp, &payload,
                payload.http.head_bytes + payload.http.body_bytes);
    vs_timer_arm(&upstream->timeout,
                 vs_now(netns->run) + upstreams->config.read_timeout);
}

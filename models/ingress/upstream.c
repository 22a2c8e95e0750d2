#include "models/ingress/ingress.h"

typedef struct Target Target;

/* A connection to one address of a service. */
typedef struct Upstream {
    struct Upstream *next; /* Among the idle of its target. */
    IngressUpstreams *owner;
    Target *target;
    VsTcp *tcp;
    VsHttpRequest *request; /* Waiting for its answer; NULL: idle. */
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
    VsTable turns;   /* Service index to Turn: round robin over endpoints. */
    VsStage timeout_stage;
};

typedef struct Turn {
    unsigned next;
} Turn;

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
    vs_table_init(&upstreams->turns);
    return upstreams;
}

static void
free_values(VsTable *table)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(table, &cursor, &key, &value)) {
        g_free(value);
    }
    vs_table_clear(table);
}

void
ingress_upstreams_free(IngressUpstreams *upstreams)
{
    if (upstreams) {
        free_values(&upstreams->targets);
        free_values(&upstreams->turns);
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

static Target *
choose_target(IngressUpstreams *upstreams, const VsService *service)
{
    VsKey key = {{service->index, 0}};
    const VsEndpoint *endpoint;
    Turn *turn;

    if (!upstreams->config.is_to_endpoints) {
        return target_get(upstreams, service->cluster_ip, service->port);
    }
    turn = vs_table_find(&upstreams->turns, key);
    if (!turn) {
        turn = g_new0(Turn, 1);
        vs_table_insert(&upstreams->turns, key, turn);
    }
    endpoint = &service->endpoints[turn->next];
    turn->next = (turn->next + 1) % service->n_endpoints;
    service->shares->shares[endpoint->share].count++;
    return target_get(upstreams, endpoint->address, endpoint->port);
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
    record->why = upstreams->config.is_to_endpoints
                      ? g_strdup_printf("the next of the %u endpoints of service %s",
                                        service->n_endpoints, service->name)
                      : g_strdup_printf("the cluster IP of service %s", service->name);
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
    upstream = upstream_get(upstreams, choose_target(upstreams, service),
                            vs_payload_journey(&payload));
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

#include "models/ingress/ingress.h"

#include "models/ingress/rule.h"

/* What upstreams are asked by. */
enum { BACKEND_HTTP, BACKEND_H2C, BACKEND_GRPC };

static const char *const upstream_choices[] = {"service", "endpoints", NULL};
static const char *const retry_to_choices[] = {
    [INGRESS_RETRY_TO_NEXT] = "next", [INGRESS_RETRY_TO_SAME] = "same", NULL};
static const char *const reuse_choices[] = {"always", "safe", NULL};
static const char *const backend_choices[] = {
    [BACKEND_HTTP] = "http", [BACKEND_H2C] = "h2c", [BACKEND_GRPC] = "grpc", NULL};
static const char *const http2_backends_choices[] = {"any", "grpc", NULL};
static const char *const buffering_choices[] = {"on", "off", NULL};

/* A request, and who is at the other end of its connection. */
#define KEYS (1u << VS_BALANCE_BY_ADDRESS | 1u << VS_BALANCE_BY_TEXT)

typedef struct IngressConfig {
    uint32_t port;
    VsDist processing;
    uint32_t workers;
    uint32_t backlog;
    VsChoice upstream;
    VsBalanceParams balance;
    const VsElement *default_service;
    VsChoice profile;
    IngressConnectionsConfig connections; /* But for the namespace. */
    VsChoice reuse;
    IngressPolicy policy;
    IngressLifeConfig life;
    VsTime update_interval;
    uint32_t max_requests;
    VsTime tunnel_timeout;
    VsChoice backend; /* BACKEND_HTTP, ... */
    VsChoice http2_backends;
    VsTlsParams tls;
    VsHttp2ServeParams http2;
    VsChoice request_buffering;
    VsChoice response_buffering;
} IngressConfig;

typedef struct Ingress {
    const IngressConfig *config;
    VsHttpServer server;
    VsTlsConfig tls;
    VsStation station;
    VsEntity entity;
    VsRng rng;
    IngressRules *rules;
    IngressUpstreams *upstreams;
    IngressUpstreamsStats upstream_stats;
    IngressLife life;
    uint64_t n_unmatched;
    VsStage queue_stage;
    VsStage work_stage;
} Ingress;

/* The status that a client gets after a failure of this kind. */
#define STATUS_PARAM(failure, name, default_, doc_)                        \
    VS_PARAM_UINT(IngressConfig, policy.statuses[INGRESS_##failure], name, \
                  .def = (default_), .min = "500", .max = "599", .doc = (doc_))

static const VsParam ingress_params[] = {
    VS_PARAM_UINT(IngressConfig, port, "port", .def = "80", .min = "1", .max = "65535",
                  .doc = "TCP port it listens at; unique in its pod."),
    VS_PARAM_DIST(IngressConfig, processing, "processing", .def = "50us",
                  .doc = "Work for one request: parsing, matching, proxying."),
    VS_PARAM_UINT(IngressConfig, workers, "workers", .def = "4", .min = "1",
                  .doc = "Requests processed at a time (worker processes)."),
    VS_PARAM_UINT(IngressConfig, backlog, "backlog", .def = "4096", .min = "1",
                  .doc =
                      "Listen backlog: connections in their handshake; the SYN of one "
                      "more is dropped."),
    VS_PARAM_CHOICE(
        IngressConfig, upstream, "upstream", .def = "endpoints",
        .choices = upstream_choices,
        .doc = "endpoints: to pods, past kube-proxy, as controllers do; "
               "service: to the cluster IP (ingress-nginx: service-upstream)."),
    VS_BALANCE_PARAM_ROWS(
        IngressConfig, balance, "round-robin",
        "How a request gets its endpoint, with upstream=\"endpoints\": "
        "by text is by its path, by address its client's."),
    VS_PARAM_REF(IngressConfig, default_service, "default-service", .to = "service",
                 .doc = "For requests that no rule matches; 404 without it."),
    VS_PARAM_CHOICE(IngressConfig, profile, "profile", .choices = ingress_profile_names,
                    .doc = "Defaults as a real controller has them, for what is not "
                           "given here; see below."),
    VS_PARAM_CHOICE(IngressConfig, backend, "backend-protocol", .def = "http",
                    .choices = backend_choices,
                    .doc = "What pods are asked by.  http: HTTP/1.1.  grpc, h2c: "
                           "HTTP/2 without TLS, known beforehand, of gRPC or of any "
                           "kind."),
    VS_PARAM_CHOICE(IngressConfig, http2_backends, "http2-backends", .def = "any",
                    .choices = http2_backends_choices,
                    .doc = "grpc: it speaks HTTP/2 to backends of gRPC alone, as nginx "
                           "does."),
    VS_PARAM_UINT(IngressConfig, connections.streams, "upstream-streams", .def = "0",
                  .doc = "HTTP/2: requests at a time on each upstream connection; "
                         "nginx has 1.  0: what the upstream allows (max-streams)."),
    VS_PARAM_UINT(IngressConfig, connections.keepalive, "keepalive", .def = "320",
                  .doc = "Idle upstream connections kept for each address "
                         "(ingress-nginx: upstream-keepalive-connections)."),
    VS_PARAM_TIME(IngressConfig, connections.keepalive_timeout, "keepalive-timeout",
                  .def = "0s",
                  .doc = "An upstream connection idle for this long is closed; 0s: "
                         "never."),
    VS_PARAM_UINT(IngressConfig, connections.keepalive_requests, "keepalive-requests",
                  .def = "0",
                  .doc = "After so many requests an upstream connection is closed; 0: "
                         "no limit."),
    VS_PARAM_TIME(IngressConfig, connections.keepalive_time, "keepalive-time",
                  .def = "0s",
                  .doc = "An upstream connection this old is closed after its next "
                         "answer; 0s: no limit."),
    VS_PARAM_CHOICE(IngressConfig, reuse, "keepalive-reuse", .def = "always",
                    .choices = reuse_choices,
                    .doc = "safe: the first request of a client's connection always "
                           "gets a new upstream connection (HAProxy: http-reuse)."),
    VS_PARAM_TIME(IngressConfig, connections.connect_timeout, "connect-timeout",
                  .def = "0s",
                  .doc = "A connection not accepted by then has failed; 0s: none, and "
                         "read-timeout counts from the start of the connection."),
    VS_PARAM_TIME(IngressConfig, connections.read_timeout, "read-timeout", .def = "60s",
                  .doc = "An upstream whose answer is not complete by then, counted "
                         "from sending the request, has failed; 0s: none "
                         "(proxy-read-timeout)."),
    VS_PARAM_TIME(IngressConfig, policy.request_timeout, "request-timeout", .def = "0s",
                  .doc = "Of all tries of a request together, with delays; 0s: none."),
    VS_PARAM_UINT(IngressConfig, policy.retries, "retries", .def = "0",
                  .doc = "How often a request that failed is tried again, at most."),
    VS_PARAM_STRING(IngressConfig, policy.retry_on, "retry-on",
                    .def = "connect-failed connect-timeout",
                    .doc = "What is tried again: connect-failed (refused, "
                           "unreachable), connect-timeout, broken (reset or closed "
                           "without an answer), read-timeout; with blanks between."),
    VS_PARAM_CHOICE(IngressConfig, policy.retry_to, "retry-to", .def = "next",
                    .choices = retry_to_choices,
                    .doc = "next: the algorithm chooses again, and may choose the "
                           "same; same: the endpoint that failed."),
    VS_PARAM_BOOL(IngressConfig, policy.is_retry_non_idempotent, "retry-non-idempotent",
                  .def = "no",
                  .doc = "yes: also a POST or PATCH that has been sent is tried "
                         "again."),
    VS_PARAM_BOOL(IngressConfig, policy.is_retry_reused, "retry-reused", .def = "no",
                  .doc = "yes: what broke on a connection that was kept is tried "
                         "again, and does not count."),
    VS_PARAM_TIME(IngressConfig, policy.retry_delay, "retry-delay", .def = "0s",
                  .doc = "Before a further try after connect-failed, but no longer "
                         "than connect-timeout."),
    VS_PARAM_TIME(IngressConfig, policy.retry_timeout, "retry-timeout", .def = "0s",
                  .doc = "This long after a request came no further try begins; 0s: "
                         "no limit (proxy-next-upstream-timeout)."),
    STATUS_PARAM(CONNECT_FAILED, "status-connect-failed", "502",
                 "Of the answer after a connection that failed."),
    STATUS_PARAM(CONNECT_TIMEOUT, "status-connect-timeout", "504",
                 "Of the answer after connect-timeout."),
    STATUS_PARAM(BROKEN, "status-broken", "502",
                 "Of the answer when an upstream closed without one."),
    STATUS_PARAM(READ_TIMEOUT, "status-read-timeout", "504",
                 "Of the answer after read-timeout or request-timeout."),
    VS_PARAM_TIME(IngressConfig, update_interval, "update-interval", .def = "0s",
                  .doc = "Changes of endpoints that it hears of (endpoint-delay) it "
                         "takes in at most this often, with "
                         "upstream=\"endpoints\" (ingress-nginx: sync-rate-limit)."),
    VS_PARAM_UINT(IngressConfig, max_requests, "max-requests", .def = "0",
                  .doc = "So many requests of a service may be under way, with tries "
                         "and delays; one more is answered 503 at once (Envoy: circuit "
                         "breaker max_requests).  0: no limit."),
    VS_PARAM_TIME(IngressConfig, tunnel_timeout, "tunnel-timeout", .def = "0s",
                  .doc = "A WebSocket on which nothing has come from either side for "
                         "so long is closed (nginx: proxy_read_timeout; HAProxy: "
                         "timeout tunnel).  0s: never."),
    VS_SIGTERM_PARAM_ROWS(IngressConfig, life.sigterm),
    VS_PARAM_TIME(IngressConfig, life.shutdown_timeout, "shutdown-timeout", .def = "0s",
                  .doc = "on-sigterm=\"drain\": what is under way this long after "
                         "SIGTERM is cut off (nginx: worker_shutdown_timeout).  0s: at "
                         "the end of grace."),
    VS_TLS_PARAM_ROWS(IngressConfig, tls),
    VS_HTTP2_SERVE_PARAM_ROWS(IngressConfig, http2),
    VS_PARAM_CHOICE(IngressConfig, request_buffering, "request-buffering", .def = "on",
                    .choices = buffering_choices,
                    .doc = "on: a request is read whole before an upstream is asked; "
                           "off is not modelled."),
    VS_PARAM_CHOICE(IngressConfig, response_buffering, "response-buffering",
                    .def = "on", .choices = buffering_choices,
                    .doc = "on: an answer is read whole before it is passed on; off is "
                           "not modelled."),
    {0},
};

#define ERROR_COUNTER(reason, name, doc)                                           \
    VS_COUNTER(Ingress, upstream_stats.n_errors[INGRESS_##reason], "failed-" name, \
               "request", doc)

static const VsStat ingress_stats[] = {
    VS_COUNTER(Ingress, server.n_connections, "connections", "connection",
               "Connections accepted."),
    VS_COUNTER(Ingress, server.n_requests, "requests", "request", "Requests received."),
    VS_COUNTER(Ingress, n_unmatched, "unmatched", "request",
               "Requests answered 404: no rule matched."),
    VS_COUNTER(Ingress, upstream_stats.connections.n_opened, "upstream-opened",
               "connection", "Connections opened to services."),
    VS_COUNTER(Ingress, upstream_stats.connections.n_reused, "upstream-reused",
               "request", "Requests sent on a connection kept alive."),
    VS_COUNTER(Ingress, upstream_stats.connections.n_failed, "upstream-failed",
               "connection", "Connections to services that failed."),
    VS_COUNTER(Ingress, upstream_stats.n_timeouts, "upstream-timeouts", "request",
               "Tries and requests that timed out."),
    VS_COUNTER(Ingress, upstream_stats.n_retries, "upstream-retries", "try",
               "Further tries of requests."),
    VS_COUNTER(Ingress, upstream_stats.connections.n_expired, "upstream-expired",
               "connection",
               "Kept connections closed by keepalive-timeout, -requests or -time."),
    ERROR_COUNTER(CONNECT_FAILED, "connect",
                  "Answered with an error, as no upstream could be connected to."),
    ERROR_COUNTER(CONNECT_TIMEOUT, "connect-timeout",
                  "Answered with an error, as no upstream accepted in time."),
    ERROR_COUNTER(BROKEN, "broken",
                  "Answered with an error, as upstreams closed without an answer."),
    ERROR_COUNTER(READ_TIMEOUT, "read-timeout",
                  "Answered with an error, as no upstream answered in time."),
    ERROR_COUNTER(REQUEST_TIMEOUT, "request-timeout",
                  "Answered with an error, as all tries together took too long."),
    ERROR_COUNTER(NO_ENDPOINT, "no-endpoint",
                  "Answered 503, as no endpoint was ready."),
    ERROR_COUNTER(NO_BACKEND, "no-backend",
                  "Answered 502, as the algorithm had no endpoint for it."),
    ERROR_COUNTER(OVERLOAD, "overload",
                  "Answered 503, as max-requests were under way."),
    VS_COUNTER(Ingress, upstream_stats.n_passed_errors, "passed-5xx", "request",
               "Errors of upstreams that were passed on."),
    VS_COUNTER(Ingress, upstream_stats.tunnels.n_open, "tunnels", "connection",
               "WebSockets that are open at the end."),
    VS_COUNTER(Ingress, upstream_stats.tunnels.n_open_max, "tunnels-max", "connection",
               "The most that were open at once."),
    VS_COUNTER(Ingress, upstream_stats.tunnels.n_opened, "tunnels-opened", "connection",
               "WebSockets passed on."),
    VS_COUNTER(Ingress, upstream_stats.tunnels.n_idle, "tunnels-idle", "connection",
               "Of these closed by tunnel-timeout."),
    VS_COUNTER(Ingress, life.n_lost, "lost", "request",
               "Requests that its process ended over."),
    VS_QUEUE(Ingress, station.stat, "system", "request", "Waiting or processed."),
    VS_QUEUE(Ingress, station.queue_stat, "queue", "request", "Waiting for a worker."),
    VS_BUSY(Ingress, station.busy, "workers", "worker", "Workers at work."),
    {0},
};

const VsElement *
ingress_default_service(const VsElement *element)
{
    return ((const IngressConfig *)element->config)->default_service;
}

static VsTime
ingress_work(VsStation *station, VsJob *job)
{
    Ingress *ingress = VS_CONTAINER_OF(station, Ingress, station);

    (void)job;
    return vs_dist_draw(&ingress->config->processing, &ingress->rng);
}

static void
ingress_served(VsStation *station, VsJob *job)
{
    Ingress *ingress = VS_CONTAINER_OF(station, Ingress, station);
    VsHttpRequest *request = VS_CONTAINER_OF(job, VsHttpRequest, job);
    const VsHttp *http = &request->payload.http;
    VsJourney *journey = vs_payload_journey(&request->payload);
    VsService *service = ingress_rules_find(ingress->rules, http->host, http->path);
    VsTraceRecord *record;

    if (journey) {
        vs_journey_wait(journey, ingress->queue_stage, job->started);
        vs_journey_wait(journey, ingress->work_stage, job->done.due);
    }
    record = vs_trace_add_message(ingress->server.netns->run, &request->payload,
                                  VS_TRACE_SERVICE, ingress->server.netns->name);
    if (record) {
        ingress_rules_explain(ingress->rules, http->host, http->path, record);
    }
    if (service) {
        ingress_upstreams_forward(ingress->upstreams, service, request);
    } else {
        ingress->n_unmatched++;
        ingress_reply(&ingress->life, request, 404, 0);
    }
}

static const VsStationOps station_ops = {.work = ingress_work,
                                         .served = ingress_served};

static void
ingress_request(VsHttpServer *server, VsHttpRequest *request)
{
    Ingress *ingress = VS_CONTAINER_OF(server, Ingress, server);

    /* The queue is not limited: what nginx accepts it works on. */
    vs_station_submit(&ingress->station, &request->job);
}

/* It is worked on, or an upstream has it. */
static void
ingress_lost(VsHttpServer *server, VsHttpRequest *request)
{
    Ingress *ingress = VS_CONTAINER_OF(server, Ingress, server);

    ingress->life.n_lost++;
    if (!ingress_upstreams_forget(request)) {
        vs_station_withdraw(&ingress->station, &request->job);
    }
}

static const VsHttpServerOps server_ops = {.request = ingress_request,
                                           .lost = ingress_lost};

static bool
is_to_endpoints(const IngressConfig *config)
{
    return strcmp(upstream_choices[config->upstream], "endpoints") == 0;
}

/* The transport hands on whole messages. */
static bool
check_buffering(const IngressConfig *config, const VsElement *element, GError **error)
{
    bool is_request = config->request_buffering != 0;

    if (is_request || config->response_buffering != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s-buffering=\"off\" is not modelled: messages are passed on "
                        "whole; leave it out",
                        is_request ? "request" : "response");
        return false;
    }
    return true;
}

static bool
check_backend(const IngressConfig *config, const VsElement *element, GError **error)
{
    bool is_http2 = config->backend != BACKEND_HTTP;

    if (!is_http2 && vs_element_has(element, "upstream-streams")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "upstream-streams has no effect without HTTP/2; write "
                        "backend-protocol=\"grpc\", or leave it out");
        return false;
    }
    if (config->backend == BACKEND_H2C &&
        strcmp(http2_backends_choices[config->http2_backends], "grpc") == 0) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "backend-protocol=\"h2c\": it speaks HTTP/2 to backends of gRPC "
            "alone (http2-backends), and HTTP/1.1 to others; write "
            "\"grpc\" or \"http\"");
        return false;
    }
    if (config->backend == BACKEND_GRPC && !vs_http2_is_served(&config->http2)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "backend-protocol=\"grpc\": gRPC comes by HTTP/2; write "
                        "http-version=\"2\" or \"both\", too");
        return false;
    }
    return true;
}

/* What limits kept connections, where none is kept. */
static bool
check_keepalive(const IngressConfig *config, const VsElement *element, GError **error)
{
    static const char *const of_keepalive[] = {"keepalive-timeout",
                                               "keepalive-requests", "keepalive-time",
                                               "keepalive-reuse", "retry-reused"};

    for (unsigned i = 0;
         config->connections.keepalive == 0 && i < G_N_ELEMENTS(of_keepalive); i++) {
        if (vs_element_has(element, of_keepalive[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with keepalive=\"0\"; leave it out",
                            of_keepalive[i]);
            return false;
        }
    }
    return true;
}

static bool
ingress_check(const void *config_, const VsElement *element, GError **error)
{
    const IngressConfig *config = config_;
    static const char *const of_endpoints[] = {"algorithm", "algorithm-params",
                                               "retry-to", "update-interval"};

    for (unsigned i = 0; i < G_N_ELEMENTS(of_endpoints); i++) {
        if (vs_element_has(element, of_endpoints[i]) && !is_to_endpoints(config)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with upstream=\"service\", where "
                            "kube-proxy chooses; leave it out",
                            of_endpoints[i]);
            return false;
        }
    }
    if (vs_http3_is_served(&config->http2)) {
        return vs_http3_refuse(element, "it serves TCP", error);
    }
    if (!vs_balance_params_check(&config->balance, KEYS, element, error) ||
        !check_keepalive(config, element, error) ||
        !check_backend(config, element, error) ||
        !vs_tls_params_check(&config->tls, element, error) ||
        !vs_http2_serve_params_check(&config->http2, element, error) ||
        !ingress_policy_check(&config->policy, element, error) ||
        !ingress_life_check(&config->life, element, error) ||
        !check_buffering(config, element, error)) {
        return false;
    }
    if (element->n_children == 0 && !config->default_service) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "an ingress without <rule> and default-service answers 404 to all; "
            "write <rule><path path=\"/\" service=\"...\"/></rule> inside");
        return false;
    }
    return true;
}

static bool
ingress_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const IngressConfig *config = element->config;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);

    (void)self;
    return vs_sigterm_params_declare(&config->life.sigterm, element, pod, error) &&
           vs_build_open_port(pod, VS_PROTOCOL_TCP, (uint16_t)config->port, element,
                              error);
}

static void
open_upstreams(Ingress *ingress, VsPod *pod, const VsElement *element, VsBuild *build)
{
    const IngressConfig *config = ingress->config;
    bool is_balanced = is_to_endpoints(config);
    bool is_following = is_balanced && ingress_rules_find_changing(ingress->rules);
    IngressUpstreamsConfig upstreams = {
        .connections = config->connections,
        .balance = is_balanced ? &config->balance : NULL,
        .cluster = is_following ? build->cluster : NULL,
        .update_interval = config->update_interval,
        .max_requests = config->max_requests,
        .tunnel_timeout = config->tunnel_timeout,
        .is_reuse_safe = strcmp(reuse_choices[config->reuse], "safe") == 0,
        .policy = config->policy,
        .life = &ingress->life,
    };

    upstreams.connections.netns = pod->netns;
    upstreams.connections.is_http2 = config->backend != BACKEND_HTTP;
    ingress->upstreams =
        ingress_upstreams_new(&upstreams, &ingress->entity, &ingress->upstream_stats);
    ingress_life_open(&ingress->life, &config->life, element, pod, &ingress->entity,
                      &ingress->server, ingress->upstreams,
                      &ingress->upstream_stats.tunnels);
}

static bool
ingress_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Ingress *ingress = self;
    const IngressConfig *config = element->config;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);
    VsStages *stages = &build->run->packets->stages;
    g_autofree char *name = g_strdup_printf("%s/%s", pod->name, element->id);
    g_autofree char *place = g_strdup_printf("ingress %s", name);

    ingress->config = config;
    ingress->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    ingress->work_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    vs_rng_init(&ingress->rng, build->run->seed, name, "processing");
    vs_entity_init(&ingress->entity, &pod->node->host->part);
    vs_station_init(&ingress->station, &ingress->entity, config->workers, UINT32_MAX,
                    &station_ops);
    ingress->rules = ingress_rules_new(element, build);
    if (!ingress_rules_check(element, build, error)) {
        return false;
    }
    open_upstreams(ingress, pod, element, build);
    if (!vs_http_server_open(&ingress->server, pod->netns, VS_ADDR_ANY,
                             (uint16_t)config->port, config->backlog, &server_ops,
                             ingress)) {
        return false;
    }
    ingress->tls = vs_tls_params_config(&config->tls);
    ingress->tls.alpn = vs_http2_serve_alpn(&config->http2);
    vs_http_server_set_tls(&ingress->server, &ingress->tls);
    vs_http2_serve_params_apply(&config->http2, &ingress->server, &ingress->entity,
                                name);
    return true;
}

static void
ingress_close(void *self)
{
    Ingress *ingress = self;

    vs_http_server_close(&ingress->server);
    ingress_upstreams_free(ingress->upstreams);
    ingress_rules_free(ingress->rules);
}

const VsModel vs_model_ingress = {
    .element = "ingress",
    .summary = "An ingress controller in a pod: host and path rules, an HTTP proxy.",
    .parents = "pod",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .config_size = sizeof(IngressConfig),
    .params = ingress_params,
    .profiles = ingress_profiles,
    .size = sizeof(Ingress),
    .stats = ingress_stats,
    .check = ingress_check,
    .declare = ingress_declare,
    .open = ingress_open,
    .close = ingress_close,
};

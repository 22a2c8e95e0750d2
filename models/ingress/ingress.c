#include "models/ingress/ingress.h"

#include "models/ingress/rule.h"

static const char *const upstream_choices[] = {"service", "endpoints", NULL};

/* A request, and who is at the other end of its connection. */
#define KEYS (1u << VS_BALANCE_BY_ADDRESS | 1u << VS_BALANCE_BY_TEXT)

typedef struct IngressConfig {
    uint32_t port;
    VsDist processing;
    uint32_t workers;
    uint32_t backlog;
    VsChoice upstream;
    VsBalanceParams balance;
    uint32_t keepalive;
    VsTime read_timeout;
    const VsElement *default_service;
} IngressConfig;

typedef struct Ingress {
    const IngressConfig *config;
    VsHttpServer server;
    VsStation station;
    VsEntity entity;
    VsRng rng;
    IngressRules *rules;
    IngressUpstreams *upstreams;
    IngressUpstreamsStats upstream_stats;
    uint64_t n_unmatched;
    VsStage queue_stage;
    VsStage work_stage;
} Ingress;

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
    VS_PARAM_UINT(IngressConfig, keepalive, "keepalive", .def = "320",
                  .doc = "Idle upstream connections kept for each address "
                         "(ingress-nginx: upstream-keepalive-connections)."),
    VS_PARAM_TIME(IngressConfig, read_timeout, "read-timeout", .def = "60s",
                  .min = "1us",
                  .doc = "An upstream answer later than this is a 504 "
                         "(proxy-read-timeout)."),
    VS_PARAM_REF(IngressConfig, default_service, "default-service", .to = "service",
                 .doc = "For requests that no rule matches; 404 without it."),
    {0},
};

static const VsStat ingress_stats[] = {
    VS_COUNTER(Ingress, server.n_connections, "connections", "connection",
               "Connections accepted."),
    VS_COUNTER(Ingress, server.n_requests, "requests", "request", "Requests received."),
    VS_COUNTER(Ingress, n_unmatched, "unmatched", "request",
               "Requests answered 404: no rule matched."),
    VS_COUNTER(Ingress, upstream_stats.n_opened, "upstream-opened", "connection",
               "Connections opened to services."),
    VS_COUNTER(Ingress, upstream_stats.n_reused, "upstream-reused", "request",
               "Requests sent on a connection kept alive."),
    VS_COUNTER(Ingress, upstream_stats.n_failed, "upstream-failed", "connection",
               "Connections to services that failed."),
    VS_COUNTER(Ingress, upstream_stats.n_timeouts, "upstream-timeouts", "request",
               "Requests answered 504."),
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
        vs_http_reply(request, 404, 0);
    }
}

static const VsStationOps station_ops = {ingress_work, ingress_served};

static void
ingress_request(VsHttpServer *server, VsHttpRequest *request)
{
    Ingress *ingress = VS_CONTAINER_OF(server, Ingress, server);

    /* The queue is not limited: what nginx accepts it works on. */
    vs_station_submit(&ingress->station, &request->job);
}

static const VsHttpServerOps server_ops = {ingress_request};

static bool
is_to_endpoints(const IngressConfig *config)
{
    return strcmp(upstream_choices[config->upstream], "endpoints") == 0;
}

static bool
ingress_check(const void *config_, const VsElement *element, GError **error)
{
    const IngressConfig *config = config_;
    static const char *const of_endpoints[] = {"algorithm", "algorithm-params"};

    for (unsigned i = 0; i < G_N_ELEMENTS(of_endpoints); i++) {
        if (vs_element_has(element, of_endpoints[i]) && !is_to_endpoints(config)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with upstream=\"service\", where "
                            "kube-proxy chooses; leave it out",
                            of_endpoints[i]);
            return false;
        }
    }
    if (!vs_balance_params_check(&config->balance, KEYS, element, error)) {
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
    return vs_build_open_port(pod, VS_PROTOCOL_TCP, (uint16_t)config->port, element,
                              error);
}

/* Upstreams are the endpoints of the start. */
static bool
check_endpoints(const Ingress *ingress, const VsElement *element, GError **error)
{
    const VsService *service = ingress_rules_find_changing(ingress->rules);

    if (service && is_to_endpoints(ingress->config)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "endpoints of service \"%s\" change during the run, which "
                        "upstream=\"endpoints\" does not follow; write "
                        "upstream=\"service\"",
                        service->name);
        return false;
    }
    return true;
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
    IngressUpstreamsConfig upstreams = {
        .netns = pod->netns,
        .balance = is_to_endpoints(config) ? &config->balance : NULL,
        .keepalive = config->keepalive,
        .read_timeout = config->read_timeout,
    };

    ingress->config = config;
    ingress->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    ingress->work_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    vs_rng_init(&ingress->rng, build->run->seed, name, "processing");
    vs_entity_init(&ingress->entity, &pod->node->host->part);
    vs_station_init(&ingress->station, &ingress->entity, config->workers, UINT32_MAX,
                    &station_ops);
    ingress->rules = ingress_rules_new(element, build);
    if (!ingress_rules_check(element, build, error) ||
        !check_endpoints(ingress, element, error)) {
        return false;
    }
    ingress->upstreams =
        ingress_upstreams_new(&upstreams, &ingress->entity, &ingress->upstream_stats);
    return vs_http_server_open(&ingress->server, pod->netns, VS_ADDR_ANY,
                               (uint16_t)config->port, config->backlog, &server_ops,
                               ingress);
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
    .size = sizeof(Ingress),
    .stats = ingress_stats,
    .check = ingress_check,
    .declare = ingress_declare,
    .open = ingress_open,
    .close = ingress_close,
};

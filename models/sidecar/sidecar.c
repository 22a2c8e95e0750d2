#include "models/sidecar/sidecar.h"

static const char *const mtls_choices[] = {"off", "permissive", "strict", NULL};
static const char *const outbound_choices[] = {"allow-any", "registry-only", NULL};

/* A request, and who is at the other end of its connection. */
#define KEYS (1u << VS_BALANCE_BY_ADDRESS | 1u << VS_BALANCE_BY_TEXT)

static const VsParam sidecar_params[] = {
    VS_PARAM_UINT(SidecarConfig, workers, "workers", .def = "2", .min = "1",
                  .max = "64",
                  .doc = "Worker threads, each with its own connections (Istio: "
                         "concurrency)."),
    VS_PARAM_DIST(SidecarConfig, processing, "processing", .def = "200us",
                  .doc =
                      "A worker's time for one request and its answer, telemetry and "
                      "all; Istio 1.24 tells of 0.20 vCPU for 1000 requests/s."),
    VS_PARAM_UINT(SidecarConfig, queue, "queue", .def = "4294967295",
                  .doc =
                      "Requests that wait for a worker at most; one more is answered "
                      "503 (OM, the overload manager)."),
    VS_PARAM_UINT(SidecarConfig, backlog, "backlog", .def = "4096", .min = "1",
                  .doc = "Listen backlog of either port."),
    VS_PARAM_CHOICE(SidecarConfig, mtls, "mtls", .def = "permissive",
                    .choices = mtls_choices,
                    .doc = "What it takes from others (PeerAuthentication).  strict: "
                           "mutual TLS; off: plaintext; permissive: either, and other "
                           "sidecars choose TLS."),
    VS_PARAM_SIZE(SidecarConfig, certificate_bytes, "certificate", .def = "2KiB",
                  .min = "200B", .max = "64KiB",
                  .doc = "Its certificate chain, as sent to either side."),
    VS_PARAM_CHOICE(SidecarConfig, outbound_policy, "outbound-policy",
                    .def = "allow-any", .choices = outbound_choices,
                    .doc = "Requests to what is no service.  allow-any: they pass "
                           "through to where they were sent, in plaintext; "
                           "registry-only: 502 (outboundTrafficPolicy)."),
    VS_PARAM_TIME(SidecarConfig, xds_delay, "xds-delay", .def = "100ms",
                  .doc = "From a change of endpoints to the proxy's knowing; istiod "
                         "waits for so long (PILOT_DEBOUNCE_AFTER)."),
    VS_BALANCE_PARAM_ROWS(
        SidecarConfig, balance, "envoy-least-request",
        "How a request to a service gets its endpoint, past kube-proxy: by text is by "
        "its path, by address its client's."),
    VS_PARAM_TIME(SidecarConfig, policy.connect_timeout, "connect-timeout",
                  .def = "10s", .min = "1us",
                  .doc = "A connection not there by then has failed."),
    VS_PARAM_TIME(SidecarConfig, policy.try_timeout, "try-timeout", .def = "0s",
                  .doc =
                      "A try not answered in so long has failed (perTryTimeout); 0s: "
                      "none."),
    VS_PARAM_TIME(SidecarConfig, policy.timeout, "timeout", .def = "0s",
                  .doc = "A request to a service not answered in so long is answered "
                         "504, whatever tries are left; 0s: none."),
    VS_PARAM_UINT(SidecarConfig, policy.retries, "retries", .def = "2",
                  .doc = "Further tries of a request to a service, at most, at other "
                         "endpoints than before if there are any."),
    VS_PARAM_STRING(
        SidecarConfig, policy.retry_on, "retry-on", .def = "connect-failure 503",
        .doc = "What is tried again: connect-failure; reset (no answer: that, cut off, "
               "try-timeout); 503 (answered so); gateway-error (reset, and 502, 503, "
               "504); 5xx (reset, and all of those); with blanks between."),
    VS_PARAM_TIME(SidecarConfig, policy.backoff, "backoff", .def = "25ms", .min = "1us",
                  .doc = "Before the first further try, at most; doubles for each, up "
                         "to ten times; a uniform draw from 0 to that."),
    VS_PARAM_UINT(SidecarConfig, policy.max_pending, "max-pending", .def = "4294967295",
                  .doc = "Requests to a service that wait for a connection at most; "
                         "one more is answered 503 (http1MaxPendingRequests)."),
    VS_PARAM_UINT(SidecarConfig, policy.max_requests, "max-requests",
                  .def = "4294967295", .min = "1",
                  .doc = "Requests to a service under way at most; one more is "
                         "answered 503 (http2MaxRequests)."),
    VS_PARAM_UINT(SidecarConfig, policy.consecutive_errors, "consecutive-errors",
                  .def = "0",
                  .doc = "So many failures or 5xx of an endpoint in sequence eject it "
                         "(outlierDetection, consecutive5xxErrors); 0: none is."),
    VS_PARAM_TIME(SidecarConfig, policy.ejection_time, "ejection-time", .def = "30s",
                  .min = "1us",
                  .doc = "So long it gets nothing, the n-th time n times as long "
                         "(baseEjectionTime)."),
    VS_PARAM_RATIO(SidecarConfig, policy.ejection_ppb, "max-ejection", .def = "10%",
                   .doc = "So many of a service's endpoints at a time, but one in any "
                          "case (maxEjectionPercent)."),
    VS_PARAM_STRING(SidecarConfig, capture.exclude_inbound_ports,
                    "exclude-inbound-ports",
                    .doc = "Ports of the pod that are reached without the proxy, with "
                           "blanks between (excludeInboundPorts)."),
    VS_PARAM_STRING(SidecarConfig, capture.exclude_outbound_ports,
                    "exclude-outbound-ports",
                    .doc = "Ports that are called without the proxy "
                           "(excludeOutboundPorts)."),
    VS_PARAM_PREFIXES(SidecarConfig, capture.include_outbound, "include-outbound-cidrs",
                      .doc = "Only these are called through the proxy "
                             "(includeOutboundIPRanges); all without it."),
    VS_PARAM_PREFIXES(SidecarConfig, capture.exclude_outbound, "exclude-outbound-cidrs",
                      .doc = "These are not (excludeOutboundIPRanges)."),
    {0},
};

#define FLAG(flag, name, doc) \
    VS_COUNTER(Sidecar, stats.flags[SIDECAR_##flag], name, "request", doc)

static const VsStat sidecar_stats[] = {
    VS_COUNTER(Sidecar, servers[SIDECAR_INBOUND].n_connections, "inbound-connections",
               "connection", "Connections accepted at port 15006."),
    VS_COUNTER(Sidecar, servers[SIDECAR_OUTBOUND].n_connections, "outbound-connections",
               "connection", "Connections accepted at port 15001."),
    VS_COUNTER(Sidecar, servers[SIDECAR_INBOUND].n_requests, "inbound-requests",
               "request", "Requests from outside."),
    VS_COUNTER(Sidecar, servers[SIDECAR_OUTBOUND].n_requests, "outbound-requests",
               "request", "Requests of the pod's own programs."),
    VS_COUNTER(Sidecar, stats.n_passthrough, "passthrough", "request",
               "Of those, to what is no service."),
    VS_COUNTER(Sidecar, stats.n_opened[SIDECAR_INBOUND], "inbound-opened", "connection",
               "Connections opened to the pod's containers."),
    VS_COUNTER(Sidecar, stats.n_reused[SIDECAR_INBOUND], "inbound-reused", "request",
               "Requests sent on one kept alive."),
    VS_COUNTER(Sidecar, stats.n_opened[SIDECAR_OUTBOUND], "outbound-opened",
               "connection", "Connections opened to others."),
    VS_COUNTER(Sidecar, stats.n_reused[SIDECAR_OUTBOUND], "outbound-reused", "request",
               "Requests sent on one kept alive."),
    VS_COUNTER(Sidecar, stats.n_mtls, "mtls-opened", "connection",
               "Of those opened, with mutual TLS."),
    VS_COUNTER(Sidecar, stats.n_retries, "retries", "try", "Further tries."),
    VS_COUNTER(Sidecar, stats.n_ejections, "ejections", "endpoint",
               "Endpoints ejected for failures in sequence."),
    FLAG(UF, "failed-uf", "Answered 503: no connection (Envoy's response flag UF)."),
    FLAG(UC, "failed-uc", "Answered 503: cut off before the answer (UC)."),
    FLAG(UT, "failed-ut", "Answered 504: a time-out (UT)."),
    FLAG(UH, "failed-uh", "Answered 503: no endpoint was up (UH)."),
    FLAG(UO, "failed-uo", "Answered 503: max-pending or max-requests (UO)."),
    FLAG(NR, "failed-nr", "Answered 502: nothing was known of the destination (NR)."),
    FLAG(OM, "failed-om", "Answered 503: the queue was full (OM)."),
    VS_QUEUE(Sidecar, system, "system", "request", "Waiting or processed."),
    VS_QUEUE(Sidecar, queue, "queue", "request", "Waiting for their worker."),
    VS_BUSY(Sidecar, busy, "workers", "worker", "Workers at work."),
    VS_CONNTRACK_STAT_ROWS(Sidecar, conntrack),
    {0},
};

/* ---- Workers ---- */

/* Which worker the kernel gives a connection: one socket a worker listens at the port, and the
 * flow's hash chooses among them (SO_REUSEPORT, reuseport_select_sock). */
static SidecarWorker *
worker_of(const Sidecar *sidecar, const VsHttpRequest *request)
{
    uint64_t hash = vs_mix64(vs_key_hash(vs_flow_key(vs_http_flow(request))) ^
                             sidecar->entity.run->seed);

    return &sidecar->workers[(hash >> 32) * (uint64_t)sidecar->config->workers >> 32];
}

static VsTime
worker_work(VsStation *station, VsJob *job)
{
    Sidecar *sidecar = VS_CONTAINER_OF(station, SidecarWorker, station)->sidecar;
    VsHttpRequest *request = VS_CONTAINER_OF(job, VsHttpRequest, job);

    if (request->user) { /* It was in the queue. */
        vs_queue_stat_leave(&sidecar->queue, job->arrived, vs_now(sidecar->entity.run));
    }
    return vs_dist_draw(&sidecar->config->processing, &sidecar->rng);
}

static void
worker_served(VsStation *station, VsJob *job)
{
    SidecarWorker *worker = VS_CONTAINER_OF(station, SidecarWorker, station);
    Sidecar *sidecar = worker->sidecar;
    VsHttpRequest *request = VS_CONTAINER_OF(job, VsHttpRequest, job);
    VsJourney *journey = vs_payload_journey(&request->payload);

    if (journey) {
        vs_journey_wait(journey, sidecar->queue_stage, job->started);
        vs_journey_wait(journey, sidecar->work_stage, job->done.due);
    }
    vs_queue_stat_leave(&sidecar->system, job->arrived, vs_now(sidecar->entity.run));
    sidecar->busy += job->done.due - job->started;
    sidecar_forward(worker, request);
}

static const VsStationOps station_ops = {.work = worker_work, .served = worker_served};

static void
sidecar_request(VsHttpServer *server, VsHttpRequest *request)
{
    Sidecar *sidecar = server->user;
    SidecarWorker *worker = worker_of(sidecar, request);
    VsTime now = vs_now(sidecar->entity.run);

    if (!vs_station_admits(&worker->station)) {
        sidecar_refuse(sidecar, request, SIDECAR_OM);
        return;
    }
    vs_queue_stat_arrive(&sidecar->system, now);
    if (worker->station.n_busy > 0) {
        vs_queue_stat_arrive(&sidecar->queue, now);
        request->user = worker;
    }
    vs_station_submit(&worker->station, &request->job);
}

static const VsHttpServerOps server_ops = {.request = sidecar_request};

/* ---- The model ---- */

static bool
refuse_without(const VsElement *element, const char *name, const char *why,
               GError **error)
{
    if (!vs_element_has(element, name)) {
        return true;
    }
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                    "%s has no effect %s; leave it out", name, why);
    return false;
}

static bool
check_policy(const SidecarPolicy *policy, const VsElement *element, GError **error)
{
    static const char none[] = "without retries";
    static const char nobody[] = "without consecutive-errors";

    if (policy->retries == 0 && !(refuse_without(element, "retry-on", none, error) &&
                                  refuse_without(element, "backoff", none, error))) {
        return false;
    }
    if (policy->consecutive_errors == 0 &&
        !(refuse_without(element, "ejection-time", nobody, error) &&
          refuse_without(element, "max-ejection", nobody, error))) {
        return false;
    }
    return sidecar_check_retry_on(policy->retry_on, element, error);
}

/* The text of attribute 'name', or NULL: it has none. */
static const char *
text_of(const VsElement *element, const char *name)
{
    const VsParam *params = element->model->params;
    const VsParam *param = params ? vs_params_find(params, name) : NULL;

    return param && param->type == VS_PARAM_TYPE_STRING
               ? G_STRUCT_MEMBER(const char *, element->config, param->offset)
               : NULL;
}

/* What of it the proxy does not understand; NULL: nothing. */
static const char *
foreign_words(const VsElement *element)
{
    const char *to = text_of(element, "to");

    if (vs_element_has(element, "tls") || (to && g_str_has_prefix(to, "https:"))) {
        return "TLS";
    }
    return vs_element_has(element, "websocket") || (to && g_str_has_prefix(to, "ws"))
               ? "WebSockets"
               : NULL;
}

static bool
check_siblings(const VsElement *element, GError **error)
{
    const VsElement *pod = element->parent;

    for (unsigned i = 0; i < pod->n_children; i++) {
        const char *words = foreign_words(pod->children[i]);

        if (words) {
            g_autofree char *name = vs_element_describe(pod->children[i]);

            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "%s (line %d) speaks %s, and a sidecar reads requests of "
                            "HTTP in plaintext alone; leave one of the two out",
                            name, pod->children[i]->line, words);
            return false;
        }
    }
    return true;
}

static bool
sidecar_check(const void *config_, const VsElement *element, GError **error)
{
    const SidecarConfig *config = config_;

    if (strcmp(mtls_choices[config->mtls], "off") == 0 &&
        !refuse_without(element, "certificate", "with mtls=\"off\"", error)) {
        return false;
    }
    return vs_balance_params_check(&config->balance, KEYS, element, error) &&
           check_policy(&config->policy, element, error) &&
           sidecar_check_capture(&config->capture, element, error) &&
           check_siblings(element, error);
}

static bool
sidecar_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    static const uint16_t ports[] = {SIDECAR_OUTBOUND_PORT, SIDECAR_INBOUND_PORT};
    static const VsPodMesh meshes[] = {VS_POD_MESH_OFF, VS_POD_MESH_PERMISSIVE,
                                       VS_POD_MESH_STRICT};
    const SidecarConfig *config = element->config;
    Sidecar *sidecar = self;

    sidecar->pod = vs_cluster_find_pod(build->cluster, element->parent->id);
    sidecar->pod->mesh = meshes[config->mtls];
    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        if (!vs_build_open_port(sidecar->pod, VS_PROTOCOL_TCP, ports[i], element,
                                error)) {
            return false;
        }
    }
    return sidecar_add_rules(sidecar, element, error);
}

/* The ports are free: the pod has given them to us. */
static bool
open_server(Sidecar *sidecar, SidecarDirection direction, uint16_t port)
{
    static const VsHttp2ServerConfig http2 = {.n_streams = INT32_MAX,
                                              .window = SIDECAR_HTTP2_WINDOW};
    VsHttpServer *server = &sidecar->servers[direction];

    if (!vs_http_server_open(server, sidecar->pod->netns, VS_ADDR_ANY, port,
                             sidecar->config->backlog, &server_ops, sidecar)) {
        return false;
    }
    server->listener.uid = SIDECAR_UID;
    vs_http_server_set_http2(server, &http2, &sidecar->entity, "sidecar");
    return true;
}

static void
open_tls(Sidecar *sidecar)
{
    VsPodMesh mesh = sidecar->pod->mesh;
    const VsTlsConfig tls = {.version = VS_TLS_1_3,
                             .certificate_bytes =
                                 (uint32_t)sidecar->config->certificate_bytes,
                             .is_resuming = true,
                             .alpn = VS_TLS_ALPN_HTTP1};

    sidecar->client_tls = tls;
    sidecar->client_tls_http2 = tls;
    sidecar->client_tls_http2.alpn = VS_TLS_ALPN_HTTP2;
    sidecar->server_tls = tls;
    sidecar->server_tls.alpn = VS_TLS_ALPN_HTTP1 | VS_TLS_ALPN_HTTP2;
    sidecar->server_tls.is_mutual = true;
    sidecar->server_tls.is_optional = mesh == VS_POD_MESH_PERMISSIVE;
    if (mesh != VS_POD_MESH_OFF) {
        vs_http_server_set_tls(&sidecar->servers[SIDECAR_INBOUND],
                               &sidecar->server_tls);
    }
}

static bool
sidecar_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Sidecar *sidecar = self;
    g_autofree char *name = g_strdup_printf("%s/%s", sidecar->pod->name, element->id);

    (void)error;
    sidecar->config = element->config;
    sidecar->registry = build->cluster;
    vs_entity_init(&sidecar->entity, &sidecar->pod->node->host->part);
    vs_rng_init(&sidecar->rng, build->run->seed, name, "processing");
    sidecar->workers = g_new0(SidecarWorker, sidecar->config->workers);
    for (unsigned i = 0; i < sidecar->config->workers; i++) {
        SidecarWorker *worker = &sidecar->workers[i];

        worker->sidecar = sidecar;
        vs_station_init(&worker->station, &sidecar->entity, 1, sidecar->config->queue,
                        &station_ops);
        sidecar_pools_open(worker);
    }
    sidecar_clusters_open(sidecar);
    sidecar_exchanges_open(sidecar, name);
    if (!open_server(sidecar, SIDECAR_INBOUND, SIDECAR_INBOUND_PORT) ||
        !open_server(sidecar, SIDECAR_OUTBOUND, SIDECAR_OUTBOUND_PORT)) {
        return false;
    }
    open_tls(sidecar);
    return true;
}

static void
sidecar_close(void *self)
{
    Sidecar *sidecar = self;

    for (unsigned i = 0; i < SIDECAR_N_DIRECTIONS; i++) {
        vs_http_server_close(&sidecar->servers[i]);
    }
    if (sidecar->workers) {
        for (unsigned i = 0; i < sidecar->config->workers; i++) {
            sidecar_pools_close(&sidecar->workers[i]);
        }
        sidecar_exchanges_close(sidecar);
        sidecar_clusters_close(sidecar);
        g_free(sidecar->workers);
    }
}

const VsModel vs_model_sidecar = {
    .element = "sidecar",
    .summary = "A sidecar proxy of a service mesh: Istio's rules, Envoy's ways.",
    .parents = "pod",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .is_single = true,
    .config_size = sizeof(SidecarConfig),
    .params = sidecar_params,
    .size = sizeof(Sidecar),
    .stats = sidecar_stats,
    .check = sidecar_check,
    .declare = sidecar_declare,
    .open = sidecar_open,
    .close = sidecar_close,
};

#include "models/container/container.h"

/* A UDP datagram's length has 16 bits, of which IP and UDP headers use 28 bytes. */
enum { DATAGRAM_MAX_BYTES = 65535 - 28 };

static const char *const scheduling_choices[] = {
    [CONTAINER_THREADS] = "threads",
    [CONTAINER_EVENT_LOOP] = "event-loop",
    [CONTAINER_SHARING] = "sharing",
    NULL,
};

/* When a connection is accepted. */
typedef enum ContainerAccept {
    CONTAINER_ACCEPT_AT_ONCE,
    CONTAINER_ACCEPT_BY_WORKERS,
} ContainerAccept;

static const char *const accept_choices[] = {
    [CONTAINER_ACCEPT_AT_ONCE] = "at-once",
    [CONTAINER_ACCEPT_BY_WORKERS] = "by-workers",
    NULL,
};

static const VsParam container_params[] = {
    VS_PARAM_UINT(ContainerConfig, port, "port", .def = "8080", .min = "1",
                  .max = "65535",
                  .doc = "Port it listens at; unique in its pod for its protocol."),
    VS_PARAM_CHOICE(ContainerConfig, protocol, "protocol", .def = "tcp",
                    .choices = vs_port_protocol_choices,
                    .doc = "tcp: an HTTP server.  udp: each datagram is a request, and "
                           "its answer is one datagram; or with http-version=\"3\" an "
                           "HTTP server by QUIC."),
    VS_PARAM_DIST(ContainerConfig, service_time, "service-time", .def = "1ms",
                  .doc = "Work for one request, once a worker has it: CPU time."),
    VS_PARAM_DIST(ContainerConfig, wait_time, "wait-time", .def = "0s",
                  .doc = "What a request then waits, for a disk or another's answer: "
                         "it keeps its worker, but no CPU, and not its event loop."),
    VS_PARAM_CHOICE(ContainerConfig, scheduling, "scheduling", .def = "threads",
                    .choices = scheduling_choices,
                    .doc =
                        "threads: a worker has one request from its start to its "
                        "answer, and a core to itself.  event-loop: a worker has one "
                        "request at a time, but none that waits.  sharing: all "
                        "requests begin at once and share the workers, which are "
                        "cores, in equal parts."),
    VS_PARAM_UINT(ContainerConfig, workers, "workers", .def = "8", .min = "1",
                  .doc = "Requests worked on at a time; with event-loop so many loops, "
                         "with sharing so many cores."),
    VS_PARAM_UINT(ContainerConfig, queue, "queue", .def = "4294967295",
                  .doc =
                      "Requests that may wait for a worker; one more is answered 503, "
                      "or dropped where the protocol is UDP."),
    VS_PARAM_UINT(ContainerConfig, backlog, "backlog", .def = "4096", .min = "1",
                  .doc =
                      "Listen backlog: connections in their handshake; the SYN of one "
                      "more is dropped (net.core.somaxconn).  One more than that may "
                      "wait to be accepted.  Not for UDP."),
    VS_PARAM_CHOICE(ContainerConfig, accept, "accept", .def = "at-once",
                    .choices = accept_choices,
                    .doc = "at-once: connections are accepted as they come, requests "
                           "wait for workers (an event loop).  by-workers: a worker "
                           "that is free accepts one and has it until it is closed; "
                           "others wait in the accept queue (prefork).  Not for UDP."),
    VS_PARAM_SIZE(
        ContainerConfig, response_bytes, "response", .def = "1KiB",
        .doc = "Body of an answer, unless the trace of a client says how long it "
               "was; of UDP all its data, at most 65507 bytes."),
    VS_PARAM_STRING(ContainerConfig, cpu_limit, "cpu-limit",
                    .doc =
                        "resources.limits.cpu: cores, 0.4 or 400m.  All workers "
                        "together have so much CPU time in each cpu-period, then stand "
                        "still until the next (CFS quota); without it, no limit."),
    VS_PARAM_TIME(ContainerConfig, cpu_period, "cpu-period", .def = "100ms",
                  .min = "1ms", .max = "1s",
                  .doc = "The period of that quota (cpuCFSQuotaPeriod)."),
    VS_PARAM_TIME(ContainerConfig, cpu_period_start, "cpu-period-start",
                  .doc = "When such a period begins; without it, the seed says."),
    VS_PARAM_TIME(ContainerConfig, pause, "pause", .min = "1us",
                  .doc = "For so long no CPU time is to be had, at the end of each "
                         "pause-every: a collection of garbage, a frozen host."),
    VS_PARAM_TIME(ContainerConfig, pause_every, "pause-every", .min = "1us",
                  .doc = "How long from the end of one pause to that of the next."),
    VS_HTTP2_SERVE_PARAM_ROWS(ContainerConfig, http2),
    VS_PARAM_SIZE(ContainerConfig, certificate_bytes, "tls-certificate", .def = "3KiB",
                  .min = "200B", .max = "64KiB",
                  .doc =
                      "HTTP/3: the certificate chain, as sent.  What goes beyond three "
                      "datagrams with it costs a round trip."),
    VS_PARAM_BOOL(ContainerConfig, is_early, "tls-early-data", .def = "no",
                  .doc = "HTTP/3: yes: takes early data (0-RTT) of resumed sessions."),
    VS_QUIC_SERVE_PARAM_ROWS(ContainerConfig, quic),
    VS_PARAM_SIZE(ContainerConfig, life.memory, "memory", .def = "0B",
                  .doc = "What it has without requests."),
    VS_PARAM_SIZE(ContainerConfig, life.request_memory, "request-memory", .def = "0B",
                  .doc = "What each request has until it is answered, also one that "
                         "waits."),
    VS_PARAM_SIZE(ContainerConfig, life.memory_limit, "memory-limit",
                  .doc = "resources.limits.memory: with more than that it is killed "
                         "(OOMKilled, 137): connections are reset, requests lost, its "
                         "pod is not ready.  It is restarted at once, and after "
                         "further kills in 10s, 20s, 40s, up to 300s, until it has "
                         "lived for 600s."),
    VS_PARAM_TIME(ContainerConfig, life.start_time, "start-time", .def = "1s",
                  .doc = "From a restart until it listens, and its readiness probe "
                         "succeeds."),
    VS_SIGTERM_PARAM_ROWS(ContainerConfig, life.sigterm),
    VS_PARAM_BOOL(ContainerConfig, websocket.is_served, "websocket", .def = "no",
                  .doc = "yes: it grants upgrades to WebSocket, and each message is a "
                         "request, answered by a message.  no: it answers 400."),
    VS_PARAM_DIST(ContainerConfig, websocket.push_every, "push-every", .def = "0s",
                  .doc = "Between messages that it sends of itself, of each WebSocket; "
                         "0s: never."),
    VS_PARAM_SIZE(ContainerConfig, websocket.push_bytes, "push", .def = "100B",
                  .doc = "Length of those."),
    VS_PARAM_TIME(ContainerConfig, websocket.ping_every, "ping-every", .def = "0s",
                  .doc = "Pings of each WebSocket; one not answered when the next is "
                         "due ends it.  0s: never."),
    {0},
};

static const VsStat container_stats[] = {
    VS_COUNTER(Container, http.n_connections, "connections", "connection",
               "Connections accepted."),
    VS_COUNTER(Container, n_requests, "requests", "request", "Requests received."),
    VS_COUNTER(Container, station.n_served, "served", "request", "Requests worked on."),
    VS_COUNTER(Container, station.n_refused, "refused", "request",
               "Requests answered 503, or dropped: the queue was full."),
    VS_COUNTER(Container, http.listener.n_overflows, "listen-overflows", "segment",
               "SYNs, and ends of handshakes, that found the accept queue full "
               "(ListenOverflows)."),
    VS_COUNTER(Container, http.listener.n_drops, "listen-drops", "segment",
               "Those, and SYNs that found the SYN queue full (ListenDrops)."),
    VS_COUNTER(Container, http.listener.n_cookies, "syncookies-sent", "segment",
               "SYNs that were answered by a cookie (SyncookiesSent)."),
    VS_COUNTER(Container, http.listener.n_cookies_received, "syncookies-received",
               "segment", "Cookies that came back (SyncookiesRecv)."),
    VS_QUEUE(Container, station.stat, "system", "request", "Waiting or worked on."),
    VS_QUEUE(Container, station.queue_stat, "queue", "request",
             "Waiting for a worker."),
    VS_BUSY(Container, busy, "workers", "worker", "Workers at work."),
    VS_COUNTER(Container, cpu.n_throttled, "throttled", "period",
               "Periods in which the CPU limit stopped work (nr_throttled)."),
    VS_TIME_TOTAL(Container, cpu.throttled, "throttled-time",
                  "Time in which it did (throttled_usec)."),
    VS_TIME_TOTAL(Container, cpu.used, "cpu-time",
                  "CPU time used (usage_usec); told of containers with a cpu-limit, "
                  "pauses or scheduling."),
    VS_COUNTER(Container, n_oom_kills, "oom-kills", "kill",
               "Ends by its memory limit (OOMKilled, exit code 137)."),
    VS_COUNTER(Container, n_lost, "lost", "request",
               "Requests that its process died over."),
    VS_COUNTER(Container, websockets.n_open, "websockets", "connection",
               "WebSockets that are open at the end."),
    VS_COUNTER(Container, websockets.n_open_max, "websockets-max", "connection",
               "The most that were open at once."),
    VS_COUNTER(Container, websockets.n_opened, "websockets-opened", "connection",
               "Upgrades granted."),
    VS_COUNTER(Container, websockets.n_pushed, "pushes", "message",
               "Messages sent of itself."),
    VS_COUNTER(Container, memory_max, "memory-max", "byte", "The most it had."),
    {0},
};

static VsTime
container_work(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);

    (void)job;
    return vs_dist_draw(&container->config->service_time, &container->rng);
}

/* Its journey's time since the request came is its wait, and its work. */
static void
container_served(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);
    VsJourney *journey = container_journey(container, job);

    container->busy = station->busy;
    if (journey) {
        vs_journey_wait(journey, container->queue_stage, job->started);
        vs_journey_wait(journey, container->service_stage, job->done.due);
    }
    container_answer(container, job, 200);
}

static const VsStationOps plain_ops = {.work = container_work,
                                       .served = container_served};

/* HTTP. ---------------------------------------------------------------------------- */

static void
http_request(VsHttpServer *server, VsHttpRequest *request)
{
    Container *container = VS_CONTAINER_OF(server, Container, http);

    container->n_requests++;
    container_life_arrived(container);
    if (!vs_station_submit(&container->station, &request->job)) {
        container_answer(container, &request->job, 503);
    }
}

static const VsHttpServerOps http_ops = {.request = http_request,
                                         .lost = container_life_lost};

/* UDP. ----------------------------------------------------------------------------- */

static bool
udp_has_room(VsUdpServer *server)
{
    Container *container = VS_CONTAINER_OF(server, Container, udp);

    container->n_requests++;
    return vs_station_admits(&container->station);
}

static void
udp_request(VsUdpServer *server, VsUdpRequest *request)
{
    Container *container = VS_CONTAINER_OF(server, Container, udp);

    vs_station_submit(&container->station, &request->job);
}

static const VsUdpServerOps udp_ops = {udp_has_room, udp_request};

/* Either. -------------------------------------------------------------------------- */

VsPayload *
container_payload(const Container *container, VsJob *job)
{
    return container->is_udp ? &VS_CONTAINER_OF(job, VsUdpRequest, job)->payload
                             : &VS_CONTAINER_OF(job, VsHttpRequest, job)->payload;
}

VsJourney *
container_journey(const Container *container, VsJob *job)
{
    return vs_payload_journey(container_payload(container, job));
}

/* What a recorded request was answered with, or else what is configured. */
static uint64_t
answer_bytes(const Container *container, VsJob *job)
{
    const VsPayload *payload = container_payload(container, job);
    bool is_told = payload->kind == VS_PAYLOAD_HTTP && payload->http.told_bytes > 0;

    return is_told ? payload->http.told_bytes - 1 : container->config->response_bytes;
}

void
container_answer(Container *container, VsJob *job, unsigned status)
{
    VsUdpRequest *request = VS_CONTAINER_OF(job, VsUdpRequest, job);
    uint64_t bytes = status == 200 ? answer_bytes(container, job) : 0;
    VsPayload answer = {.kind = VS_PAYLOAD_NONE};
    VsJourney *journey;

    if (!container->is_udp) {
        VsHttpRequest *http = VS_CONTAINER_OF(job, VsHttpRequest, job);

        if (!container_websocket_takes(container, http, status)) {
            vs_http_reply(http, status, bytes);
        }
        container_life_answered(container);
        return;
    }
    journey = container_journey(container, job);
    if (journey) {
        vs_payload_set_journey(&answer, journey);
    }
    vs_udp_server_reply(request, &answer, (uint32_t)bytes);
}

/* ---------------------------------------------------------------------------------- */

static bool
check_absent(const VsElement *element, const char *const *names, const char *why,
             GError **error)
{
    for (; *names; names++) {
        if (vs_element_has(element, *names)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect %s; leave one out", *names, why);
            return false;
        }
    }
    return true;
}

/* A server of HTTP by TCP. */
static bool
check_tcp(const ContainerConfig *config, const VsElement *element, GError **error)
{
    static const char *const of_quic[] = {"tls-certificate", "tls-early-data", NULL};

    if (vs_http3_is_served(&config->http2)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "http-version=\"3\" travels in UDP; write protocol=\"udp\", too");
        return false;
    }
    if (config->websocket.is_served &&
        (vs_http2_serve_alpn(&config->http2) & VS_TLS_ALPN_HTTP1) == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "websocket=\"yes\" upgrades HTTP/1.1; write "
                        "http-version=\"both\", or leave one out");
        return false;
    }
    if (config->websocket.is_served && config->accept == CONTAINER_ACCEPT_BY_WORKERS) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "accept=\"by-workers\" with websocket=\"yes\" is not modelled; "
                        "leave one out");
        return false;
    }
    if (vs_http2_is_served(&config->http2) &&
        config->accept == CONTAINER_ACCEPT_BY_WORKERS) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "accept=\"by-workers\" gives a worker one connection, of which "
                        "HTTP/2 has many requests at a time; leave one out");
        return false;
    }
    return check_absent(element, of_quic, "without http-version=\"3\"", error) &&
           vs_quic_params_check_absent(element, error);
}

static bool
check_udp(const ContainerConfig *config, const VsElement *element, GError **error)
{
    static const char *const of_quic[] = {"tls-certificate", "tls-early-data", NULL};

    if (config->websocket.is_served) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "websocket=\"yes\" upgrades HTTP/1.1; write protocol=\"tcp\", "
                        "or leave it out");
        return false;
    }
    if (vs_http2_is_served(&config->http2)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "http-version has no effect where protocol=\"udp\", unless it "
                        "is \"3\"; write that, or leave one out");
        return false;
    }
    if (vs_element_has(element, "backlog")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "backlog has no effect where protocol=\"udp\": datagrams have "
                        "no connection; write queue, or leave it out");
        return false;
    }
    if (vs_element_has(element, "accept")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "accept has no effect where protocol=\"udp\": datagrams have "
                        "no connection; leave it out");
        return false;
    }
    if (vs_http3_is_served(&config->http2)) {
        return true;
    }
    if (config->response_bytes > DATAGRAM_MAX_BYTES) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "response=\"%" G_GUINT64_FORMAT
                        "\" does not fit into a UDP datagram; "
                        "write at most %d",
                        config->response_bytes, DATAGRAM_MAX_BYTES);
        return false;
    }
    return check_absent(element, of_quic, "without http-version=\"3\"", error) &&
           vs_quic_params_check_absent(element, error);
}

static bool
container_check(const void *config_, const VsElement *element, GError **error)
{
    const ContainerConfig *config = config_;
    bool is_udp = vs_port_protocol(config->protocol) == VS_PROTOCOL_UDP;

    return container_check_work(element, error) &&
           container_check_life(element, error) &&
           container_websocket_check(element, error) &&
           vs_http2_serve_params_check(&config->http2, element, error) &&
           (is_udp ? check_udp : check_tcp)(config, element, error);
}

static bool
container_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ContainerConfig *config = element->config;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);

    (void)self;
    return container_life_declare(element, pod, error) &&
           vs_build_open_port(pod, vs_port_protocol(config->protocol),
                              (uint16_t)config->port, element, error);
}

static bool
open_http3(Container *container, const VsPod *pod)
{
    const ContainerConfig *config = container->config;
    VsTlsConfig tls = {.version = VS_TLS_1_3,
                       .certificate_bytes = (uint32_t)config->certificate_bytes,
                       .is_early = config->is_early};
    VsHttp3Config http3 = {.quic = vs_quic_params_config(&config->quic, &tls)};

    return vs_http3_server_open(&container->http, pod->netns, VS_ADDR_ANY,
                                (uint16_t)config->port, &http3, &http_ops, container);
}

static bool
container_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ContainerConfig *config = element->config;
    bool is_http3 = vs_http3_is_served(&config->http2);
    bool is_udp = vs_port_protocol(config->protocol) == VS_PROTOCOL_UDP && !is_http3;
    Container *container = self;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);
    VsStages *stages = &build->run->packets->stages;
    g_autofree char *name = g_strdup_printf("%s/%s", pod->name, element->id);
    g_autofree char *place = g_strdup_printf("container %s", name);

    (void)error;
    container->config = config;
    container->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    container->service_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    vs_rng_init(&container->rng, build->run->seed, name, "service-time");
    vs_entity_init(&container->entity, &pod->node->host->part);
    container->is_udp = is_udp;
    if (container_has_parts(element)) {
        container_work_open(container, element, build, name, place);
    } else {
        vs_station_init(&container->station, &container->entity, config->workers,
                        config->queue, &plain_ops);
    }
    container_life_open(container, element, pod);
    /* The port is free: the pod has given it to us. */
    if (is_udp) {
        return vs_udp_server_open(&container->udp, pod->netns, VS_ADDR_ANY,
                                  (uint16_t)config->port, &udp_ops, container);
    }
    if (is_http3) {
        return open_http3(container, pod);
    }
    if (!vs_http_server_open(&container->http, pod->netns, VS_ADDR_ANY,
                             (uint16_t)config->port, config->backlog, &http_ops,
                             container)) {
        return false;
    }
    vs_http2_serve_params_apply(&config->http2, &container->http, &container->entity,
                                name);
    container_websocket_open(container, name);
    if (config->accept == CONTAINER_ACCEPT_BY_WORKERS) {
        vs_http_server_set_workers(&container->http, config->workers);
    }
    return true;
}

static void
container_close(void *self)
{
    Container *container = self;

    vs_websocket_server_close(&container->websockets);
    vs_http_server_close(&container->http);
    vs_udp_server_close(&container->udp);
    container_work_close(container);
}

const VsModel vs_model_container = {
    .element = "container",
    .summary = "An HTTP or UDP server in a pod: workers, a queue, a service time.",
    .parents = "pod",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .config_size = sizeof(ContainerConfig),
    .params = container_params,
    .size = sizeof(Container),
    .check = container_check,
    .stats = container_stats,
    .declare = container_declare,
    .open = container_open,
    .close = container_close,
};

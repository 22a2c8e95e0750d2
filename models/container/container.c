#include "vethsim-model.h"

/* A UDP datagram's length has 16 bits, of which IP and UDP headers use 28 bytes. */
enum { DATAGRAM_MAX_BYTES = 65535 - 28 };

typedef struct ContainerConfig {
    VsChoice protocol;
    uint32_t port;
    VsDist service_time;
    uint32_t workers;
    uint32_t queue;
    uint32_t backlog;
    VsChoice accept; /* ContainerAccept. */
    uint64_t response_bytes;
} ContainerConfig;

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

typedef struct Container {
    const ContainerConfig *config;
    VsHttpServer http; /* Opened: this one... */
    VsUdpServer udp;   /* ...or that. */
    uint64_t n_requests;
    VsStation station;
    VsEntity entity;
    VsRng rng;
    VsStage queue_stage;
    VsStage service_stage;
} Container;

static const VsParam container_params[] = {
    VS_PARAM_UINT(ContainerConfig, port, "port", .def = "8080", .min = "1",
                  .max = "65535",
                  .doc = "Port it listens at; unique in its pod for its protocol."),
    VS_PARAM_CHOICE(ContainerConfig, protocol, "protocol", .def = "tcp",
                    .choices = vs_port_protocol_choices,
                    .doc = "tcp: an HTTP server.  udp: each datagram is a request, and "
                           "its answer is one datagram."),
    VS_PARAM_DIST(ContainerConfig, service_time, "service-time", .def = "1ms",
                  .doc = "Work for one request, once a worker has it."),
    VS_PARAM_UINT(ContainerConfig, workers, "workers", .def = "8", .min = "1",
                  .doc = "Requests worked on at a time."),
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
    VS_PARAM_SIZE(ContainerConfig, response_bytes, "response", .def = "1KiB",
                  .doc =
                      "Body of an answer; of UDP all its data, at most 65507 bytes."),
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
    VS_QUEUE(Container, station.stat, "system", "request", "Waiting or worked on."),
    VS_QUEUE(Container, station.queue_stat, "queue", "request",
             "Waiting for a worker."),
    VS_BUSY(Container, station.busy, "workers", "worker", "Workers at work."),
    {0},
};

static VsTime
container_work(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);

    (void)job;
    return vs_dist_draw(&container->config->service_time, &container->rng);
}

/* A journey's time since the request came: its wait, and its work. */
static void
account(const Container *container, VsJourney *journey, const VsJob *job)
{
    if (journey) {
        vs_journey_wait(journey, container->queue_stage, job->started);
        vs_journey_wait(journey, container->service_stage, job->done.due);
    }
}

/* HTTP. ---------------------------------------------------------------------------- */

static void
http_served(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);
    VsHttpRequest *request = VS_CONTAINER_OF(job, VsHttpRequest, job);

    account(container, vs_payload_journey(&request->payload), job);
    vs_http_reply(request, 200, container->config->response_bytes);
}

static const VsStationOps http_station_ops = {container_work, http_served};

static void
http_request(VsHttpServer *server, VsHttpRequest *request)
{
    Container *container = VS_CONTAINER_OF(server, Container, http);

    container->n_requests++;
    if (!vs_station_submit(&container->station, &request->job)) {
        vs_http_reply(request, 503, 0);
    }
}

static const VsHttpServerOps http_ops = {http_request};

/* UDP. ----------------------------------------------------------------------------- */

static void
udp_served(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);
    VsUdpRequest *request = VS_CONTAINER_OF(job, VsUdpRequest, job);
    VsJourney *journey = vs_payload_journey(&request->payload);
    VsPayload answer = {.kind = VS_PAYLOAD_NONE};

    account(container, journey, job);
    if (journey) {
        vs_payload_set_journey(&answer, journey);
    }
    vs_udp_server_reply(request, &answer, (uint32_t)container->config->response_bytes);
}

static const VsStationOps udp_station_ops = {container_work, udp_served};

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

/* ---------------------------------------------------------------------------------- */

static bool
container_check(const void *config_, const VsElement *element, GError **error)
{
    const ContainerConfig *config = config_;

    if (vs_port_protocol(config->protocol) != VS_PROTOCOL_UDP) {
        return true;
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
    if (config->response_bytes > DATAGRAM_MAX_BYTES) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "response=\"%" G_GUINT64_FORMAT
                        "\" does not fit into a UDP datagram; "
                        "write at most %d",
                        config->response_bytes, DATAGRAM_MAX_BYTES);
        return false;
    }
    return true;
}

static bool
container_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ContainerConfig *config = element->config;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);

    (void)self;
    return vs_build_open_port(pod, vs_port_protocol(config->protocol),
                              (uint16_t)config->port, element, error);
}

static bool
container_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ContainerConfig *config = element->config;
    bool is_udp = vs_port_protocol(config->protocol) == VS_PROTOCOL_UDP;
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
    vs_station_init(&container->station, &container->entity, config->workers,
                    config->queue, is_udp ? &udp_station_ops : &http_station_ops);
    /* The port is free: the pod has given it to us. */
    if (is_udp) {
        return vs_udp_server_open(&container->udp, pod->netns, VS_ADDR_ANY,
                                  (uint16_t)config->port, &udp_ops, container);
    }
    if (!vs_http_server_open(&container->http, pod->netns, VS_ADDR_ANY,
                             (uint16_t)config->port, config->backlog, &http_ops,
                             container)) {
        return false;
    }
    if (config->accept == CONTAINER_ACCEPT_BY_WORKERS) {
        vs_http_server_set_workers(&container->http, config->workers);
    }
    return true;
}

static void
container_close(void *self)
{
    Container *container = self;

    vs_http_server_close(&container->http);
    vs_udp_server_close(&container->udp);
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

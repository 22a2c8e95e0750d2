#include "vethsim-model.h"

typedef struct ContainerConfig {
    uint32_t port;
    VsDist service_time;
    uint32_t workers;
    uint32_t queue;
    uint32_t backlog;
    uint64_t response_bytes;
} ContainerConfig;

typedef struct Container {
    const ContainerConfig *config;
    VsHttpServer server;
    VsStation station;
    VsEntity entity;
    VsRng rng;
    VsStage queue_stage;
    VsStage service_stage;
} Container;

static const VsParam container_params[] = {
    VS_PARAM_UINT(ContainerConfig, port, "port", .def = "8080", .min = "1",
                  .max = "65535", .doc = "TCP port it listens at; unique in its pod."),
    VS_PARAM_DIST(ContainerConfig, service_time, "service-time", .def = "1ms",
                  .doc = "Work for one request, once a worker has it."),
    VS_PARAM_UINT(ContainerConfig, workers, "workers", .def = "8", .min = "1",
                  .doc = "Requests worked on at a time."),
    VS_PARAM_UINT(ContainerConfig, queue, "queue", .def = "4294967295",
                  .doc =
                      "Requests that may wait for a worker; one more is answered 503."),
    VS_PARAM_UINT(ContainerConfig, backlog, "backlog", .def = "4096", .min = "1",
                  .doc =
                      "Listen backlog: connections in their handshake; the SYN of one "
                      "more is dropped (net.core.somaxconn)."),
    VS_PARAM_SIZE(ContainerConfig, response_bytes, "response", .def = "1KiB",
                  .doc = "Body of an answer."),
    {0},
};

static const VsStat container_stats[] = {
    VS_COUNTER(Container, server.n_connections, "connections", "connection",
               "Connections accepted."),
    VS_COUNTER(Container, server.n_requests, "requests", "request",
               "Requests received."),
    VS_COUNTER(Container, station.n_served, "served", "request", "Requests worked on."),
    VS_COUNTER(Container, station.n_refused, "refused", "request",
               "Requests answered 503: the queue was full."),
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

static void
container_served(VsStation *station, VsJob *job)
{
    Container *container = VS_CONTAINER_OF(station, Container, station);
    VsHttpRequest *request = VS_CONTAINER_OF(job, VsHttpRequest, job);
    VsJourney *journey = vs_payload_journey(&request->payload);

    if (journey) {
        vs_journey_wait(journey, container->queue_stage, job->started);
        vs_journey_wait(journey, container->service_stage, job->done.due);
    }
    vs_http_reply(request, 200, container->config->response_bytes);
}

static const VsStationOps station_ops = {container_work, container_served};

static void
container_request(VsHttpServer *server, VsHttpRequest *request)
{
    Container *container = VS_CONTAINER_OF(server, Container, server);

    if (!vs_station_submit(&container->station, &request->job)) {
        vs_http_reply(request, 503, 0);
    }
}

static const VsHttpServerOps server_ops = {container_request};

static bool
container_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ContainerConfig *config = element->config;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);

    (void)self;
    return vs_build_open_port(pod, (uint16_t)config->port, element, error);
}

static bool
container_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Container *container = self;
    VsPod *pod = vs_cluster_find_pod(build->cluster, element->parent->id);
    VsStages *stages = &build->run->packets->stages;
    g_autofree char *name = g_strdup_printf("%s/%s", pod->name, element->id);
    g_autofree char *place = g_strdup_printf("container %s", name);

    (void)error;
    container->config = element->config;
    container->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    container->service_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    vs_rng_init(&container->rng, build->run->seed, name, "service-time");
    vs_entity_init(&container->entity, &pod->node->host->part);
    vs_station_init(&container->station, &container->entity, container->config->workers,
                    container->config->queue, &station_ops);
    /* The port is free: the pod has given it to us. */
    return vs_http_server_open(&container->server, pod->netns, VS_ADDR_ANY,
                               (uint16_t)container->config->port,
                               container->config->backlog, &server_ops, container);
}

static void
container_close(void *self)
{
    vs_http_server_close(&((Container *)self)->server);
}

const VsModel vs_model_container = {
    .element = "container",
    .summary = "An HTTP server in a pod: workers, a queue, a service time.",
    .parents = "pod",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .config_size = sizeof(ContainerConfig),
    .params = container_params,
    .size = sizeof(Container),
    .stats = container_stats,
    .declare = container_declare,
    .open = container_open,
    .close = container_close,
};

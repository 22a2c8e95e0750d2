#include "models/dns/server.h"

static void
server_request(VsUdpServer *socket, VsUdpRequest *query)
{
    DnsServer *server = socket->user;

    if (query->payload.kind != VS_PAYLOAD_DNS || query->payload.dns.is_response) {
        vs_udp_server_ignore(query);
        return;
    }
    server->n_queries++;
    vs_station_submit(&server->station, &query->job);
}

static const VsUdpServerOps socket_ops = {.request = server_request};

static VsTime
server_work(VsStation *station, VsJob *job)
{
    DnsServer *server = VS_CONTAINER_OF(station, DnsServer, station);

    (void)job;
    return vs_dist_draw(&server->params->service_time, &server->rng);
}

static void
server_worked(VsStation *station, VsJob *job)
{
    DnsServer *server = VS_CONTAINER_OF(station, DnsServer, station);
    VsUdpRequest *query = VS_CONTAINER_OF(job, VsUdpRequest, job);
    VsJourney *journey = vs_payload_journey(&query->payload);

    if (journey) {
        vs_journey_wait(journey, server->queue_stage, job->started);
        vs_journey_wait(journey, server->work_stage, job->done.due);
    }
    server->worked(server, query);
}

static const VsStationOps station_ops = {.work = server_work, .served = server_worked};

void
dns_server_create(DnsServer *server, const VsElement *element, VsBuild *build,
                  const DnsServerParams *params)
{
    server->params = params;
    server->host = vs_build_new_host(build, element, &params->host, VS_HOST_END);
    server->netns = server->host->root;
}

void
dns_server_join(DnsServer *server, const VsPod *pod, const DnsServerParams *params)
{
    server->params = params;
    server->host = pod->node->host;
    server->netns = pod->netns;
}

void
dns_server_open(DnsServer *server, const char *name, VsBuild *build,
                void (*worked)(DnsServer *, VsUdpRequest *))
{
    VsStages *stages = &build->run->packets->stages;
    g_autofree char *place = g_strdup_printf("dns %s", name);

    server->worked = worked;
    server->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    server->work_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    vs_rng_init(&server->rng, build->run->seed, name, "service-time");
    vs_entity_init(&server->entity, &server->host->part);
    vs_station_init(&server->station, &server->entity, server->params->workers,
                    UINT32_MAX, &station_ops);
    if (!vs_udp_server_open(&server->socket, server->netns, VS_ADDR_ANY, VS_DNS_PORT,
                            &socket_ops, server)) {
        g_assert_not_reached(); /* Nobody else has a socket there. */
    }
}

void
dns_server_close(DnsServer *server)
{
    vs_udp_server_close(&server->socket);
}

void
dns_server_answer(DnsServer *server, VsUdpRequest *query, const VsDns *answer)
{
    VsPayload payload = query->payload;

    payload.dns = *answer;
    payload.dns.id = query->payload.dns.id;
    payload.dns.name = query->payload.dns.name;
    payload.dns.type = query->payload.dns.type;
    payload.dns.is_response = true;
    server->n_answers++;
    vs_udp_server_reply(
        query, &payload,
        vs_dns_measure(&payload.dns, &server->host->part.run->packets->names));
}

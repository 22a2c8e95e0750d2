#include "models/dns/server.h"

static void
server_asked(VsDnsSocket *socket, VsDnsRequest *query)
{
    DnsServer *server = socket->user;

    server->n_queries++;
    server->n_by_tcp += query->connection != NULL;
    vs_station_submit(&server->station, &query->job);
}

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
    VsDnsRequest *query = VS_CONTAINER_OF(job, VsDnsRequest, job);
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
dns_server_join_node(DnsServer *server, const VsNode *node,
                     const DnsServerParams *params)
{
    server->params = params;
    server->host = node->host;
    server->netns = node->host->root;
}

void
dns_server_listen(DnsServer *server, VsDnsSocket *socket, VsAddr address)
{
    if (!vs_dns_socket_open(socket, server->netns, address, server_asked, server)) {
        g_assert_not_reached(); /* Nobody else has a socket there. */
    }
}

void
dns_server_open(DnsServer *server, const char *name, VsAddr address, VsBuild *build,
                void (*worked)(DnsServer *, VsDnsRequest *))
{
    VsStages *stages = &build->run->packets->stages;
    g_autofree char *place = g_strdup_printf("dns %s", name);

    server->worked = worked;
    vs_table_init(&server->aliases);
    server->queue_stage = vs_stages_add(stages, place, "queue", VS_STAGE_QUEUEING);
    server->work_stage = vs_stages_add(stages, place, "work", VS_STAGE_SERVICE);
    vs_rng_init(&server->rng, build->run->seed, name, "service-time");
    vs_entity_init(&server->entity, &server->host->part);
    vs_station_init(&server->station, &server->entity, server->params->workers,
                    UINT32_MAX, &station_ops);
    dns_server_listen(server, &server->socket, address);
}

void
dns_server_close(DnsServer *server)
{
    vs_dns_socket_close(&server->socket);
    vs_table_clear(&server->aliases);
}

/* Where there is nothing to show of 'name' itself, its handle tells one set from another. */
const VsDnsRecords *
dns_server_alias(DnsServer *server, VsName alias, VsName name,
                 const VsDnsRecords *records)
{
    VsPacketPool *packets = server->netns->run->packets;
    VsKey key = {{alias, records ? (uint64_t)(uintptr_t)records : name}};
    VsDnsRecords *made = vs_table_find(&server->aliases, key);

    if (!made) {
        made = vs_dns_records_new_alias(alias, name, records, &packets->names);
        g_ptr_array_add(packets->dns_records, made);
        vs_table_insert(&server->aliases, key, made);
    }
    return made;
}

void
dns_server_answer(DnsServer *server, VsDnsRequest *query, const VsDns *answer,
                  VsName via)
{
    const VsDns *asked = &query->payload.dns;
    bool has_data = answer->code == VS_DNS_NOERROR || answer->code == VS_DNS_NXDOMAIN;
    VsName name = answer->name ? answer->name : asked->name;
    VsPayload payload = query->payload;
    VsDns *dns = &payload.dns;

    *dns = *answer;
    dns->id = asked->id;
    dns->name = asked->name;
    dns->type = asked->type;
    dns->edns_bytes = asked->edns_bytes;
    dns->subnet = asked->subnet;
    dns->subnet_bits = asked->subnet_bits;
    dns->is_iterative = asked->is_iterative;
    dns->is_response = true;
    if (has_data && via != 0 && via != name) {
        dns->records = dns_server_alias(server, via, name, dns->records);
        name = via;
    }
    if (has_data && name != asked->name) {
        dns->records = dns_server_alias(server, asked->name, name, dns->records);
    }
    if (server->is_shuffling && vs_dns_n_addresses(dns) > 1) {
        dns->order = vs_rng_u64(&server->order) | 1;
    }
    server->n_answers++;
    vs_dns_reply(query, &payload);
}

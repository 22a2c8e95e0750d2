/* The stub resolver: one question at a time for each request, asked again after 5 s, twice
 * in all (glibc: RES_TIMEOUT, RES_DFLRETRY).  Answers are kept for their time to live. */
#include "models/client/client.h"

#define LOOKUP_TIMEOUT (5 * VS_S)

enum { LOOKUP_ATTEMPTS = 2 };

static void lookup_retry(VsTimer *timer);

static VsKey
lookup_key(uint16_t id)
{
    return (VsKey){{id, 0}};
}

static void
ask(ClientRequest *request)
{
    Client *client = request->client;
    VsRun *run = client->host->part.run;
    VsPayload payload = {.kind = VS_PAYLOAD_DNS};

    do {
        request->lookup_id = ++client->next_lookup_id;
    } while (
        request->lookup_id == 0 ||
        !vs_table_insert(&client->lookups, lookup_key(request->lookup_id), request));
    payload.dns = (VsDns){.id = request->lookup_id, .name = client->host_name};
    vs_payload_set_journey(&payload, &request->journey);
    request->n_lookups++;
    client->n_lookups++;
    vs_udp_send(&client->stub, 0, client->resolver, VS_DNS_PORT, &payload,
                vs_dns_measure(&payload.dns, &run->packets->names));
    vs_timer_arm(&request->lookup_retry, vs_now(run) + LOOKUP_TIMEOUT);
}

void
client_lookup_cancel(ClientRequest *request)
{
    if (request->lookup_id != 0) {
        vs_table_remove(&request->client->lookups, lookup_key(request->lookup_id));
        vs_timer_cancel(&request->lookup_retry);
        request->lookup_id = 0;
    }
}

void
client_lookup(ClientRequest *request)
{
    Client *client = request->client;

    if (client->expires > vs_now(client->host->part.run)) {
        client_connect(request);
        return;
    }
    request->n_lookups = 0;
    vs_timer_init(&request->lookup_retry, &client->entity, lookup_retry);
    ask(request);
}

static void
lookup_retry(VsTimer *timer)
{
    ClientRequest *request = VS_CONTAINER_OF(timer, ClientRequest, lookup_retry);

    client_lookup_cancel(request);
    if (request->n_lookups < LOOKUP_ATTEMPTS) {
        ask(request);
    } else {
        client_fail(request, CLIENT_ERROR_DNS);
    }
}

static void
stub_receive(VsUdp *udp, VsPacket *packet)
{
    Client *client = udp->user;
    const VsPayload *payload = &packet->payload;
    ClientRequest *request;

    if (payload->kind != VS_PAYLOAD_DNS || !payload->dns.is_response) {
        return;
    }
    request = vs_table_find(&client->lookups, lookup_key(payload->dns.id));
    if (!request) {
        return; /* Late: its request has given up or had its answer. */
    }
    client_lookup_cancel(request);
    vs_packet_arrive(packet);
    if (payload->dns.code != VS_DNS_NOERROR || payload->dns.n_answers == 0) {
        client_fail(request, CLIENT_ERROR_DNS);
        return;
    }
    client->address = payload->dns.answers[0];
    client->expires = vs_now(client->host->part.run) + payload->dns.ttl_s * VS_S;
    client_connect(request);
}

static void
stub_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code)
{
    (void)udp;
    (void)sent;
    (void)icmp_code; /* The time-out asks again. */
}

static const VsUdpOps stub_ops = {stub_receive, stub_refused};

bool
client_lookup_open(Client *client, const VsElement *element, VsBuild *build,
                   const char *host, GError **error)
{
    g_autofree char *name = g_ascii_strdown(host, -1); /* RFC 4343. */

    vs_table_init(&client->lookups);
    if (!client->config->resolver) {
        client->expires = VS_TIME_NEVER; /* Checked: the host is an address. */
        return vs_parse_ipv4(host, &client->address, error);
    }
    if (g_str_has_suffix(name, ".")) {
        name[strlen(name) - 1] = '\0';
    }
    client->host_name = vs_names_intern(&build->run->packets->names, name);
    client->resolver = vs_build_address_of(build, client->config->resolver);
    if (client->resolver == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "resolver=\"%s\" has no address: no link leads to it; write "
                        "<link from=\"%s\" to=\"...\"/>",
                        client->config->resolver->id, client->config->resolver->id);
        return false;
    }
    if (!vs_udp_open(&client->stub, client->host->root, VS_ADDR_ANY, 0, &stub_ops,
                     client)) {
        g_assert_not_reached(); /* The first ephemeral port of a new host. */
    }
    return true;
}

void
client_lookup_close(Client *client)
{
    vs_table_clear(&client->lookups);
}

/* The name of the host: asked for once in its time to live (transport/stub.h). */
#include "models/client/client.h"

void
client_lookup_cancel(ClientRequest *request)
{
    vs_stub_cancel(&request->lookup);
}

void
client_lookup(ClientRequest *request)
{
    Client *client = request->client;

    if (client->expires > vs_now(client->host->part.run)) {
        client_connect(request);
        return;
    }
    vs_stub_ask(&client->stub, &request->lookup, client->host_name, &request->journey);
}

static void
lookup_answered(VsStubLookup *lookup, const VsDns *answer)
{
    ClientRequest *request = VS_CONTAINER_OF(lookup, ClientRequest, lookup);
    Client *client = request->client;

    if (!answer || answer->code != VS_DNS_NOERROR || answer->n_answers == 0) {
        client_fail(request, CLIENT_ERROR_DNS);
        return;
    }
    client->address = answer->answers[0];
    client->expires = vs_now(client->host->part.run) + answer->ttl_s * VS_S;
    client_connect(request);
}

bool
client_lookup_open(Client *client, const VsElement *element, VsBuild *build,
                   const char *host, GError **error)
{
    g_autofree char *name = vs_stub_fold_name(host);
    VsAddr resolver;

    if (!client->config->resolver) {
        client->expires = VS_TIME_NEVER; /* Checked: the host is an address. */
        return vs_parse_ipv4(host, &client->address, error);
    }
    client->host_name = vs_names_intern(&build->run->packets->names, name);
    resolver = vs_build_address_of(build, client->config->resolver);
    if (resolver == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "resolver=\"%s\" has no address: no link leads to it; write "
                        "<link from=\"%s\" to=\"...\"/>",
                        client->config->resolver->id, client->config->resolver->id);
        return false;
    }
    if (!vs_stub_open(&client->stub, client->host->root, &client->entity, resolver,
                      lookup_answered)) {
        g_assert_not_reached(); /* The first ephemeral port of a new host. */
    }
    return true;
}

void
client_lookup_close(Client *client)
{
    vs_stub_clear(&client->stub);
}

/* The address of the host's name: asked for when a connection is opened, and kept as long as
 * the program's cache keeps it (transport/stub.h). */
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
    vs_stub_ask(&client->stub, &request->lookup, &client->names, &request->journey);
}

void
client_lookup_again(void *client_)
{
    Client *client = client_;

    if (!vs_stub_is_asking(&client->again)) {
        vs_stub_ask(&client->stub, &client->again, &client->names, NULL);
    }
}

/* A channel of HTTP/2 may use them all. */
static void
tell_addresses(Client *client, const VsDns *answer)
{
    unsigned n_addresses = vs_dns_n_addresses(answer);
    g_autofree VsAddr *addresses = g_new(VsAddr, n_addresses);

    for (unsigned i = 0; i < n_addresses; i++) {
        addresses[i] = vs_dns_address(answer, i);
    }
    client_set_addresses(client, addresses, n_addresses);
}

static void
lookup_answered(VsStub *stub, VsStubLookup *lookup, const VsDns *answer)
{
    Client *client = VS_CONTAINER_OF(stub, Client, stub);
    ClientRequest *request = VS_CONTAINER_OF(lookup, ClientRequest, lookup);
    bool is_good =
        answer && answer->code == VS_DNS_NOERROR && vs_dns_n_addresses(answer) > 0;

    if (is_good && vs_http2_is_called(&client->config->http2)) {
        tell_addresses(client, answer);
    }
    if (lookup == &client->again) {
        return; /* With no answer the old addresses are as good as any. */
    }
    if (!is_good) {
        client_fail(request, CLIENT_ERROR_DNS);
        return;
    }
    client->address = vs_dns_address(answer, 0); /* Of several the first. */
    client->expires = vs_now(client->host->part.run) +
                      (client->has_own_ttl ? client->own_ttl : answer->ttl_s * VS_S);
    client_connect(request);
}

/* A program's own cache keeps what the answer says; a C library has none. */
static void
set_ttl(Client *client, const VsElement *element, VsLibc libc)
{
    client->has_own_ttl = libc != VS_LIBC_NONE || vs_element_has(element, "dns-cache");
    client->own_ttl = client->config->cache_ttl;
}

static bool
read_conf(Client *client, const VsElement *element, VsBuild *build, VsLibc libc,
          VsResolvConf *conf, GError **error)
{
    const VsPod *pod = element->parent
                           ? vs_cluster_find_pod(build->cluster, element->parent->id)
                           : NULL;

    return pod ? vs_build_pod_resolv_conf(build, pod, libc, conf, &client->search,
                                          error)
               : vs_build_resolv_conf(build, element, &client->config->resolv, libc,
                                      conf, &client->search, error);
}

bool
client_lookup_open(Client *client, const VsElement *element, VsBuild *build,
                   const char *host, GError **error)
{
    VsLibc libc = element->parent && !vs_element_has(element, "libc")
                      ? VS_LIBC_GLIBC
                      : (VsLibc)client->config->libc;
    VsResolvConf conf;

    if (vs_parse_ipv4(host, &client->address, NULL)) {
        client->expires = VS_TIME_NEVER;
        return true;
    }
    if (!read_conf(client, element, build, libc, &conf, error)) {
        return false;
    }
    set_ttl(client, element, libc);
    vs_resolv_names_init(&client->names, &conf, host, &build->run->packets->names);
    if (!vs_stub_open(&client->stub, client->netns, &client->entity, &conf,
                      lookup_answered)) {
        g_assert_not_reached(); /* The first ephemeral port of a new host. */
    }
    vs_stub_set_migration(&client->stub, client->config->migration, client->name);
    return true;
}

void
client_lookup_close(Client *client)
{
    vs_stub_clear(&client->stub);
    vs_resolv_names_clear(&client->names);
    g_strfreev(client->search);
}

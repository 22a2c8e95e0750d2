#include "models/kubeproxy/health.h"

#include "models/kubeproxy/compile.h"

enum { BACKLOG = 4096 };

/* A service's server at an address of a node. */
struct ProxyHealth {
    VsHttpServer server;
    const VsNode *node;
    const VsService *service;
    VsTime as_of; /* Of the two below. */
    uint32_t n_local;
    uint32_t body_bytes;
};

static bool
is_of_one(const VsService *a, const VsService *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->name_space, b->name_space) == 0;
}

/* All ports of the service have their endpoints in it: counts pods once. */
static uint32_t
count_local(const ProxyHealth *health)
{
    const GPtrArray *services = health->node->cluster->services;
    g_autoptr(GHashTable) pods = g_hash_table_new(NULL, NULL);

    for (unsigned i = 0; i < services->len; i++) {
        const VsService *port = services->pdata[i];

        if (!is_of_one(port, health->service)) {
            continue;
        }
        for (unsigned j = 0; j < port->n_all_endpoints; j++) {
            const VsEndpoint *endpoint = &port->all_endpoints[j];

            if (endpoint->pod->node == health->node &&
                vs_endpoint_at(port, endpoint, health->as_of).is_ready) {
                g_hash_table_add(pods, (gpointer)endpoint->pod);
            }
        }
    }
    return g_hash_table_size(pods);
}

static uint32_t
body_bytes(const ProxyHealth *health)
{
    const VsService *service = health->service;
    g_autofree char *body =
        g_strdup_printf("{\n"
                        "\t\"service\": {\n"
                        "\t\t\"namespace\": \"%s\",\n"
                        "\t\t\"name\": \"%s\"\n"
                        "\t},\n"
                        "\t\"localEndpoints\": %u,\n"
                        "\t\"serviceProxyHealthy\": true\n"
                        "}",
                        service->name_space, service->name, health->n_local);

    return (uint32_t)strlen(body);
}

static void
learn(ProxyHealth *health)
{
    health->as_of = health->node->rules_as_of;
    health->n_local = count_local(health);
    health->body_bytes = body_bytes(health);
}

static void
health_request(VsHttpServer *server, VsHttpRequest *request)
{
    ProxyHealth *health = VS_CONTAINER_OF(server, ProxyHealth, server);

    if (health->as_of != health->node->rules_as_of) {
        learn(health);
    }
    vs_http_reply(request, health->n_local > 0 ? 200 : 503, health->body_bytes);
}

static const VsHttpServerOps server_ops = {.request = health_request};

static void
listen_at(const VsService *service, const VsNode *node, VsAddr address,
          GPtrArray *healths)
{
    ProxyHealth *health = g_new0(ProxyHealth, 1);

    health->node = node;
    health->service = service;
    learn(health);
    vs_http_server_open(&health->server, node->host->root, address,
                        service->health_check_node_port, BACKLOG, &server_ops, NULL);
    g_ptr_array_add(healths, health);
}

void
proxy_health_open(const VsService *service, const VsNode *node, GPtrArray *healths)
{
    GArray *addresses = proxy_node_port_addresses(node, node->proxy_mode);

    if (!addresses) {
        listen_at(service, node, VS_ADDR_ANY, healths);
        return;
    }
    for (unsigned i = 0; i < addresses->len; i++) {
        listen_at(service, node, g_array_index(addresses, VsAddr, i), healths);
    }
    g_array_free(addresses, TRUE);
}

void
proxy_health_free(gpointer health_)
{
    ProxyHealth *health = health_;

    vs_http_server_close(&health->server);
    g_free(health);
}

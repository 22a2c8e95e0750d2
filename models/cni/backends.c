#include "models/cni/backends.h"

static void
add_endpoint(Backends *backends, const VsEndpoint *endpoint)
{
    g_autofree char *address = vs_format_ipv4(endpoint->address);
    g_autofree char *name = g_strdup_printf("%s:%u", address, endpoint->port);

    vs_balancer_add(&backends->balancer, name, 1);
    g_ptr_array_add(backends->endpoints, (gpointer)endpoint);
}

Backends *
backends_new(const VsService *service, const VsNode *node)
{
    Backends *backends = g_new0(Backends, 1);
    const VsRng no_rng = {0};
    g_autofree char *size = g_strdup_printf("table-size=%d", BACKENDS_TABLE_SIZE);
    const char *const settings[] = {size, NULL};

    backends->endpoints = g_ptr_array_new();
    if (!vs_balancer_init(&backends->balancer, vs_balancer_kind_find("cilium-maglev"),
                          settings, &no_rng, NULL)) {
        g_assert_not_reached(); /* The size is one of Cilium's. */
    }
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        if (!node || service->endpoints[i].pod->node == node) {
            add_endpoint(backends, &service->endpoints[i]);
        }
    }
    if (backends->endpoints->len == 0) {
        backends_free(backends);
        return NULL;
    }
    backends->balancer.kind->rebuild(&backends->balancer);
    return backends;
}

void
backends_free(Backends *backends)
{
    if (backends) {
        vs_balancer_clear(&backends->balancer);
        g_ptr_array_free(backends->endpoints, TRUE);
        g_free(backends);
    }
}

uint32_t
backends_slot(const VsFlow *flow)
{
    return vs_cilium_hash(flow, VS_CILIUM_JHASH_SEED) % BACKENDS_TABLE_SIZE;
}

const VsEndpoint *
backends_pick(const Backends *backends, const VsFlow *flow)
{
    return backends->endpoints
        ->pdata[vs_maglev_table(&backends->balancer)[backends_slot(flow)]];
}

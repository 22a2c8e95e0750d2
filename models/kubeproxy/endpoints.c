#include "models/kubeproxy/endpoints.h"

static bool
is_last_resort(const VsEndpoint *endpoint)
{
    return endpoint->is_serving && endpoint->is_terminating;
}

/* The ready endpoints on 'node' (anywhere, when that is NULL); if there are none, those
 * that shut down but still serve. */
static GPtrArray *
choose(const VsService *service, const VsNode *node, VsTime as_of)
{
    GPtrArray *ready = g_ptr_array_new();
    GPtrArray *last = g_ptr_array_new();
    GPtrArray *chosen;

    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsEndpoint *endpoint = &service->all_endpoints[i];
        VsEndpoint known = vs_endpoint_at(service, endpoint, as_of);

        if (node && endpoint->pod->node != node) {
            continue;
        }
        if (known.is_ready) {
            g_ptr_array_add(ready, (gpointer)endpoint);
        } else if (is_last_resort(&known)) {
            g_ptr_array_add(last, (gpointer)endpoint);
        }
    }
    chosen = ready->len > 0 ? ready : last;
    g_ptr_array_free(chosen == ready ? last : ready, TRUE);
    return chosen;
}

static bool
has_usable(const VsService *service, VsTime as_of)
{
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        VsEndpoint known = vs_endpoint_at(service, &service->all_endpoints[i], as_of);

        if (known.is_ready || is_last_resort(&known)) {
            return true;
        }
    }
    return false;
}

/* Both lists follow the order of addresses in memory, which is the service's. */
static GPtrArray *
merge(const GPtrArray *a, const GPtrArray *b)
{
    GPtrArray *merged = g_ptr_array_new();
    unsigned i = 0;
    unsigned j = 0;

    while (i < a->len || j < b->len) {
        const VsEndpoint *x = i < a->len ? a->pdata[i] : NULL;
        const VsEndpoint *y = j < b->len ? b->pdata[j] : NULL;
        const VsEndpoint *first = !x || (y && y < x) ? y : x;

        g_ptr_array_add(merged, (gpointer)first);
        i += x == first;
        j += y == first;
    }
    return merged;
}

unsigned
proxy_n_endpoints(const VsService *service, const VsNode *node)
{
    unsigned n = 0;

    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        n += !vs_endpoint_at(service, &service->all_endpoints[i], node->endpoints_as_of)
                  .is_removed;
    }
    return n;
}

void
proxy_endpoints_init(ProxyEndpoints *endpoints, const VsService *service,
                     const VsNode *node)
{
    bool is_external = vs_service_is_external(service);
    VsTime as_of = node->endpoints_as_of;

    endpoints->uses_cluster = !service->is_internal_local || is_external;
    endpoints->uses_local =
        service->is_internal_local || (service->is_external_local && is_external);
    endpoints->has_any = has_usable(service, as_of);
    endpoints->cluster =
        endpoints->uses_cluster ? choose(service, NULL, as_of) : g_ptr_array_new();
    endpoints->local =
        endpoints->uses_local ? choose(service, node, as_of) : g_ptr_array_new();
    endpoints->all = merge(endpoints->cluster, endpoints->local);
}

void
proxy_endpoints_clear(ProxyEndpoints *endpoints)
{
    g_ptr_array_free(endpoints->cluster, TRUE);
    g_ptr_array_free(endpoints->local, TRUE);
    g_ptr_array_free(endpoints->all, TRUE);
}

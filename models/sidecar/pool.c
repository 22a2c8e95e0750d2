/* The connections that a worker has to others. */
#include "models/sidecar/sidecar.h"

void
sidecar_pools_open(SidecarWorker *worker)
{
    vs_table_init(&worker->pools);
}

void
sidecar_pools_close(SidecarWorker *worker)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&worker->pools, &cursor, &key, &value)) {
        vs_http_client_close(value);
        g_free(value);
    }
    vs_table_clear(&worker->pools);
}

/* Requests of HTTP/2 go on as such. */
static VsHttpClient *
pool_new(const SidecarWorker *worker, const SidecarDestination *destination)
{
    Sidecar *sidecar = worker->sidecar;
    bool is_inbound = destination->direction == SIDECAR_INBOUND;
    VsHttpClient *pool = g_new0(VsHttpClient, 1);
    const VsHttp2ClientConfig http2 = {.entity = &sidecar->entity,
                                       .name = sidecar->pod->netns->name,
                                       .n_channels = 1,
                                       .window = SIDECAR_HTTP2_WINDOW,
                                       .is_without_backoff = true};
    VsHttpClientConfig config = {
        .netns = sidecar->pod->netns,
        .origin = {.address = is_inbound ? SIDECAR_INBOUND_SOURCE : 0,
                   .uid = SIDECAR_UID},
        .n_links_max = UINT32_MAX,
        .is_keep_alive = true,
        .http2 = destination->is_http2 ? &http2 : NULL,
    };

    if (destination->is_tls) {
        config.tls =
            destination->is_http2 ? &sidecar->client_tls_http2 : &sidecar->client_tls;
    }
    vs_http_client_open(pool, &config);
    return pool;
}

VsHttpClient *
sidecar_pool_get(SidecarWorker *worker, const SidecarDestination *destination)
{
    VsKey key = {{(uint64_t)destination->address << 16 | destination->port,
                  (uint64_t)destination->direction << 2 |
                      (uint64_t)destination->is_http2 << 1 | destination->is_tls}};
    VsHttpClient *pool = vs_table_find(&worker->pools, key);

    if (!pool) {
        pool = pool_new(worker, destination);
        vs_table_insert(&worker->pools, key, pool);
    }
    return pool;
}

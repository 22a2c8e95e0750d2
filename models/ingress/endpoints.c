#include "models/ingress/endpoints.h"

struct IngressPools {
    IngressPoolsConfig config;
    VsTable pools; /* Service index to IngressPool. */
    VsWatch watch;
    VsTimer update; /* What was heard waits. */
    VsTime updated; /* The last time, if ever. */
    bool was_updated;
    VsTime as_of; /* What is known. */
};

static void watch_heard(VsWatch *watch);
static void update_due(VsTimer *timer);

IngressPools *
ingress_pools_new(const IngressPoolsConfig *config, VsEntity *entity)
{
    IngressPools *pools = g_new0(IngressPools, 1);

    pools->config = *config;
    vs_table_init(&pools->pools);
    vs_timer_init(&pools->update, entity, update_due);
    if (config->cluster) {
        vs_watch_open(&pools->watch, config->cluster, entity->part, config->netns->name,
                      watch_heard);
    }
    return pools;
}

static void
pool_free(IngressPool *pool)
{
    if (pool->is_balanced) {
        vs_balancer_clear(&pool->balancer);
        g_ptr_array_free(pool->endpoints, TRUE);
    }
    g_free(pool);
}

void
ingress_pools_free(IngressPools *pools)
{
    size_t cursor = 0;
    VsKey key;
    void *pool;

    if (!pools) {
        return;
    }
    while (vs_table_next(&pools->pools, &cursor, &key, &pool)) {
        pool_free(pool);
    }
    vs_table_clear(&pools->pools);
    vs_watch_close(&pools->watch);
    g_free(pools);
}

/* "10.244.0.2:8080". */
static char *
name_of(const VsEndpoint *endpoint)
{
    g_autofree char *address = vs_format_ipv4(endpoint->address);

    return g_strdup_printf("%s:%u", address, endpoint->port);
}

static void
add(IngressPool *pool, const VsEndpoint *endpoint)
{
    g_autofree char *name = name_of(endpoint);

    vs_balancer_add(&pool->balancer, name, 1);
    g_ptr_array_add(pool->endpoints, (gpointer)endpoint);
}

/* The backend that 'endpoint' has now, or VS_BALANCER_NONE. */
static uint32_t
find(const IngressPool *pool, const VsEndpoint *endpoint)
{
    for (unsigned i = 0; i < pool->endpoints->len; i++) {
        const VsEndpoint *other = pool->endpoints->pdata[i];

        if (other->address == endpoint->address && other->port == endpoint->port &&
            !pool->balancer.backends[i].is_removed) {
            return i;
        }
    }
    return VS_BALANCER_NONE;
}

/* Makes the pool of the endpoints that were ready at 'as_of'. */
static void
update(IngressPool *pool, VsTime as_of)
{
    const VsService *service = pool->service;

    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsEndpoint *endpoint = &service->all_endpoints[i];
        bool is_ready = vs_endpoint_at(service, endpoint, as_of).is_ready;
        uint32_t backend = find(pool, endpoint);

        if (is_ready && backend == VS_BALANCER_NONE) {
            add(pool, endpoint);
        } else if (!is_ready && backend != VS_BALANCER_NONE) {
            vs_balancer_remove(&pool->balancer, backend);
        }
    }
}

static void
update_all(IngressPools *pools)
{
    size_t cursor = 0;
    VsKey key;
    void *pool;

    pools->was_updated = true;
    pools->updated = vs_now(pools->config.netns->run);
    pools->as_of = vs_watch_as_of(&pools->watch);
    while (vs_table_next(&pools->pools, &cursor, &key, &pool)) {
        update(pool, pools->as_of);
    }
}

static void
update_due(VsTimer *timer)
{
    update_all(VS_CONTAINER_OF(timer, IngressPools, update));
}

static void
watch_heard(VsWatch *watch)
{
    IngressPools *pools = VS_CONTAINER_OF(watch, IngressPools, watch);
    VsTime due = pools->updated + pools->config.update_interval;

    if (pools->was_updated && vs_now(pools->config.netns->run) < due) {
        vs_timer_arm(&pools->update, due);
    } else {
        update_all(pools);
    }
}

static IngressPool *
pool_new(const IngressPools *pools, const VsService *service)
{
    const VsNetns *netns = pools->config.netns;
    IngressPool *pool = g_new0(IngressPool, 1);
    VsRng rng;

    pool->service = service;
    if (!pools->config.balance) {
        return pool;
    }
    pool->is_balanced = true;
    pool->endpoints = g_ptr_array_new();
    vs_rng_init(&rng, netns->run->seed, netns->name, service->name);
    vs_balance_params_init(pools->config.balance, &pool->balancer, &rng);
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        add(pool, &service->endpoints[i]);
    }
    if (pools->was_updated) {
        update(pool, pools->as_of);
    }
    return pool;
}

IngressPool *
ingress_pools_get(IngressPools *pools, const VsService *service)
{
    VsKey key = {{service->index, 0}};
    IngressPool *pool = vs_table_find(&pools->pools, key);

    if (!pool) {
        pool = pool_new(pools, service);
        vs_table_insert(&pools->pools, key, pool);
    }
    return pool;
}

bool
ingress_pool_is_empty(const IngressPool *pool)
{
    return pool->is_balanced
               ? pool->balancer.n_available == 0
               : pool->service->n_endpoints == 0 && !vs_service_changes(pool->service);
}

uint32_t
ingress_pool_pick(IngressPool *pool, const VsRun *run, const VsHttpRequest *request)
{
    const VsAddr peer = vs_http_peer(request);
    const uint32_t wire_address = GUINT32_TO_BE(peer);
    bool is_by_text = pool->balancer.kind->key == VS_BALANCE_BY_TEXT;
    const char *path = vs_names_get(&run->packets->names, request->payload.http.path);
    const VsBalanceKey key = {
        .data = is_by_text ? (const void *)path : &wire_address,
        .bytes = is_by_text ? strlen(path) : sizeof(wire_address),
        .flow = {.saddr = peer, .protocol = VS_PROTOCOL_TCP, .family = VS_FAMILY_IPV4},
        .now = vs_now(run),
    };

    return vs_balancer_pick(&pool->balancer, &key);
}

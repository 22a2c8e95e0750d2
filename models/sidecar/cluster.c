/* What the proxy knows of services, as the mesh's control plane tells it, and whom of their
 * endpoints it chooses. */
#include "models/sidecar/sidecar.h"

/* An endpoint of a cluster. */
typedef struct SidecarHost {
    SidecarCluster *cluster;
    uint32_t index;
    bool is_ready;
    bool is_ejected;
    uint32_t n_consecutive; /* Failures. */
    uint32_t n_ejections;   /* Each lasts longer than the last. */
    VsTimer back;
} SidecarHost;

static void host_back(VsTimer *timer);

static VsKey
key_of(VsAddr address, uint16_t port)
{
    return (VsKey){{(uint64_t)address << 16 | port, 0}};
}

/* Endpoints of headless services, which the registry has one by one. */
void
sidecar_clusters_open(Sidecar *sidecar)
{
    const GPtrArray *services = sidecar->registry->dns_services;

    vs_table_init(&sidecar->clusters);
    vs_table_init(&sidecar->headless);
    for (unsigned i = 0; i < services->len; i++) {
        const VsService *service = services->pdata[i];

        for (unsigned j = 0; j < service->n_all_endpoints; j++) {
            const VsEndpoint *endpoint = &service->all_endpoints[j];
            VsKey key = key_of(endpoint->address, endpoint->port);

            if (!vs_table_find(&sidecar->headless, key)) {
                vs_table_insert(&sidecar->headless, key, (void *)endpoint->pod);
            }
        }
    }
}

void
sidecar_clusters_close(Sidecar *sidecar)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&sidecar->clusters, &cursor, &key, &value)) {
        SidecarCluster *cluster = value;

        for (uint32_t i = 0; i < cluster->balancer.n_backends; i++) {
            vs_timer_cancel(&cluster->hosts[i].back);
        }
        vs_balancer_clear(&cluster->balancer);
        g_free(cluster->hosts);
        g_free(cluster);
    }
    vs_table_clear(&sidecar->clusters);
    vs_table_clear(&sidecar->headless);
}

static inline VsTime
now_of(const Sidecar *sidecar)
{
    return vs_now(sidecar->entity.run);
}

/* True if hosts may come and go in ways that nobody foresees. */
static bool
may_fail(const VsService *service)
{
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        if (service->all_endpoints[i].pod->may_fail) {
            return true;
        }
    }
    return false;
}

static void
set_up(SidecarHost *host)
{
    vs_balancer_set_up(&host->cluster->balancer, host->index,
                       host->is_ready && !host->is_ejected);
}

/* Endpoints as they were at 'as_of'. */
static void
update(SidecarCluster *cluster, VsTime as_of)
{
    const VsService *service = cluster->service;

    cluster->as_of = as_of;
    cluster->next_change = vs_service_next_change(service, as_of);
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        SidecarHost *host = &cluster->hosts[i];
        VsEndpoint at = vs_endpoint_at(service, &service->all_endpoints[i], as_of);

        if (host->is_ready != at.is_ready) {
            host->is_ready = at.is_ready;
            set_up(host);
        }
    }
}

static SidecarCluster *
cluster_new(Sidecar *sidecar, const VsService *service)
{
    const VsNetns *netns = sidecar->pod->netns;
    SidecarCluster *cluster = g_new0(SidecarCluster, 1);
    VsRng rng;

    cluster->sidecar = sidecar;
    cluster->service = service;
    cluster->may_fail = may_fail(service);
    cluster->hosts = g_new0(SidecarHost, MAX(service->n_all_endpoints, 1));
    vs_rng_init(&rng, netns->run->seed, netns->name, service->name);
    vs_balance_params_init(&sidecar->config->balance, &cluster->balancer, &rng);
    for (unsigned i = 0; i < service->n_all_endpoints; i++) {
        const VsEndpoint *endpoint = &service->all_endpoints[i];
        g_autofree char *address = vs_format_ipv4(endpoint->address);
        g_autofree char *name = g_strdup_printf("%s:%u", address, endpoint->port);
        SidecarHost *host = &cluster->hosts[i];

        *host = (SidecarHost){.cluster = cluster, .index = i};
        vs_timer_init(&host->back, &sidecar->entity, host_back);
        vs_balancer_add(&cluster->balancer, name, 1);
        vs_balancer_set_up(&cluster->balancer, i, false);
    }
    update(cluster, MAX(now_of(sidecar) - sidecar->config->xds_delay, 0));
    return cluster;
}

SidecarCluster *
sidecar_cluster_find(Sidecar *sidecar, VsAddr address, uint16_t port)
{
    const VsService asked = {.port = port, .protocol = VS_PROTOCOL_TCP};
    const VsService *service =
        vs_cluster_find_claim(sidecar->registry, &asked, address);
    SidecarCluster *cluster;
    VsKey key;

    if (!service || service->cluster_ip != address) {
        return NULL;
    }
    key = (VsKey){{service->index, 0}};
    cluster = vs_table_find(&sidecar->clusters, key);
    if (!cluster) {
        cluster = cluster_new(sidecar, service);
        vs_table_insert(&sidecar->clusters, key, cluster);
    }
    return cluster;
}

const VsPod *
sidecar_headless_find(const Sidecar *sidecar, VsAddr address, uint16_t port)
{
    return vs_table_find(&sidecar->headless, key_of(address, port));
}

uint32_t
sidecar_cluster_pick(SidecarCluster *cluster, const VsHttpRequest *request)
{
    const Sidecar *sidecar = cluster->sidecar;
    VsTime as_of = MAX(now_of(sidecar) - sidecar->config->xds_delay, 0);
    const char *path =
        vs_names_get(&sidecar->entity.run->packets->names, request->payload.http.path);
    const VsAddr peer = vs_http_peer(request);
    const uint32_t wire_address = GUINT32_TO_BE(peer);
    bool is_by_text = cluster->balancer.kind->key == VS_BALANCE_BY_TEXT;
    const VsBalanceKey key = {
        .data = is_by_text ? (const void *)path : &wire_address,
        .bytes = is_by_text ? strlen(path) : sizeof(wire_address),
        .flow = {.saddr = peer, .protocol = VS_PROTOCOL_TCP, .family = VS_FAMILY_IPV4},
        .now = now_of(sidecar),
    };

    if (as_of >= cluster->next_change || cluster->may_fail) {
        update(cluster, as_of);
    }
    return cluster->balancer.n_available == 0
               ? VS_BALANCER_NONE
               : vs_balancer_pick(&cluster->balancer, &key);
}

/* ---- Outlier detection ---- */

static void
host_back(VsTimer *timer)
{
    SidecarHost *host = VS_CONTAINER_OF(timer, SidecarHost, back);

    host->is_ejected = false;
    host->cluster->n_ejected--;
    set_up(host);
}

/* Envoy: consecutive 5xx.  A share of the endpoints may be ejected, one in any case. */
static void
eject(SidecarHost *host)
{
    static const uint64_t whole_ppb = UINT64_C(1000000000);
    SidecarCluster *cluster = host->cluster;
    Sidecar *sidecar = cluster->sidecar;
    const SidecarPolicy *policy = &sidecar->config->policy;
    uint64_t n_most =
        cluster->service->n_all_endpoints * policy->ejection_ppb / whole_ppb;

    if (host->is_ejected || cluster->n_ejected >= MAX(n_most, UINT64_C(1))) {
        return;
    }
    host->is_ejected = true;
    host->n_consecutive = 0;
    host->n_ejections++;
    cluster->n_ejected++;
    sidecar->stats.n_ejections++;
    set_up(host);
    vs_timer_arm(&host->back,
                 now_of(sidecar) + policy->ejection_time * (VsTime)host->n_ejections);
}

void
sidecar_cluster_release(SidecarCluster *cluster, uint32_t index, VsTime latency,
                        bool has_failed)
{
    const Sidecar *sidecar = cluster->sidecar;
    uint32_t limit = sidecar->config->policy.consecutive_errors;
    SidecarHost *host = &cluster->hosts[index];
    const VsBalanceOutcome outcome = {
        .now = now_of(sidecar), .latency = latency, .has_failed = has_failed};

    vs_balancer_release(&cluster->balancer, index, &outcome);
    host->n_consecutive = has_failed ? host->n_consecutive + 1 : 0;
    if (limit > 0 && host->n_consecutive >= limit) {
        eject(host);
    }
}

void
sidecar_cluster_return(SidecarCluster *cluster, uint32_t index)
{
    vs_balancer_release(&cluster->balancer, index, NULL);
}

/* ---- The story ---- */

static char *
why_not(const SidecarCluster *cluster, const SidecarHost *host)
{
    if (!host->is_ready) {
        return g_strdup("the proxy knows it as not ready");
    }
    if (host->is_ejected) {
        return g_strdup_printf("ejected for %u failures in sequence",
                               cluster->sidecar->config->policy.consecutive_errors);
    }
    return g_strdup_printf("%s chose another",
                           cluster->sidecar->config->balance.algorithm);
}

char **
sidecar_cluster_passed(const SidecarCluster *cluster, uint32_t chosen)
{
    GPtrArray *passed = g_ptr_array_new();

    for (uint32_t i = 0; i < cluster->service->n_all_endpoints; i++) {
        const VsEndpoint *endpoint = &cluster->service->all_endpoints[i];
        g_autofree char *address = vs_format_ipv4(endpoint->address);

        if (i != chosen) {
            g_ptr_array_add(passed, g_strdup_printf("%s (%s:%u)", endpoint->pod->name,
                                                    address, endpoint->port));
            g_ptr_array_add(passed, why_not(cluster, &cluster->hosts[i]));
        }
    }
    g_ptr_array_add(passed, NULL);
    return (char **)g_ptr_array_free(passed, FALSE);
}

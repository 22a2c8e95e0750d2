#include "models/kubeproxy/proxy.h"

#include "models/kubeproxy/ipvs.h"
#include "models/kubeproxy/runner.h"
#include "models/kubeproxy/stale.h"
#include "models/kubeproxy/sync.h"
#include "models/kubeproxy/targets.h"

/* After this long a sync is a full one again (proxyutil.FullSyncPeriod). */
#define FULL_SYNC_PERIOD (3600 * VS_S)

struct VsProxy {
    VsNode *node;
    VsFilter *filter;
    ProxyTargets targets;
    ProxyIpvs *ipvs; /* NULL: another mode. */
    /* Of endpoints that change during the run; without any, nothing below is used. */
    VsEntity entity;
    VsWatch watch;
    unsigned n_written; /* News that are in the rules. */
    ProxyRunner runner;
    VsTimer next_try;
    VsTimer written;
    VsTime last_full;
    VsTime sync_started;
    bool wants_sync;   /* News came during a sync. */
    VsRuleset *wanted; /* What the sync writes; NULL: none is going on. */
    GArray *bindings;
    unsigned n_in_sync; /* News that it knows of. */
};

static void
proxy_free(VsProxy *proxy)
{
    if (proxy->ipvs) {
        proxy_ipvs_free(proxy->ipvs);
    }
    if (proxy->wanted) {
        vs_ruleset_free(proxy->wanted);
        g_array_free(proxy->bindings, TRUE);
    }
    vs_watch_close(&proxy->watch);
    proxy_targets_clear(&proxy->targets);
    g_free(proxy);
}

static bool
is_full(const VsProxy *proxy)
{
    return proxy->ipvs || proxy->sync_started - proxy->last_full > FULL_SYNC_PERIOD;
}

/* What the sync writes, after rules of endpoints as they were 'before'. */
static ProxySync
measure(const VsProxy *proxy, VsTime before)
{
    const GPtrArray *services = proxy->node->cluster->services;
    g_autoptr(GPtrArray) changed = g_ptr_array_new();

    if (proxy->ipvs) {
        return proxy_ipvs_measure(proxy->ipvs, vs_filter_ruleset(proxy->filter),
                                  proxy->wanted);
    }
    if (is_full(proxy)) {
        return proxy_sync_full(proxy->wanted);
    }
    for (unsigned i = 0; i < services->len; i++) {
        if (vs_service_differs(services->pdata[i], before,
                               proxy->node->endpoints_as_of)) {
            g_ptr_array_add(changed, services->pdata[i]);
        }
    }
    return proxy_sync_partial(proxy->wanted, (const VsService *const *)changed->pdata,
                              changed->len);
}

static void
count_sync(const VsProxy *proxy, const ProxySync *sync)
{
    VsProxyStats *stats = proxy->node->proxy_stats;

    if (is_full(proxy)) {
        stats->n_full++;
    } else {
        stats->n_partial++;
    }
    stats->n_rules +=
        sync->n_written + sync->n_destinations_changed + sync->n_elements_changed;
    vs_histogram_record(&stats->sync_time, proxy_sync_time(sync));
}

/* The rules are worked out now, from what is known now; the kernel has them later. */
static void
start_sync(VsProxy *proxy)
{
    VsTime now = vs_now(proxy->entity.run);
    VsTime before = proxy->node->endpoints_as_of;
    VsTime as_of = vs_watch_as_of(&proxy->watch);
    ProxySync sync;

    proxy->sync_started = now;
    proxy->n_in_sync = proxy->watch.n_heard;
    proxy->wanted = vs_ruleset_new();
    proxy->bindings = g_array_new(FALSE, FALSE, sizeof(ProxyBinding));
    proxy->node->endpoints_as_of = as_of;
    proxy_own_compile(proxy->node, proxy->wanted, proxy->bindings);
    sync = measure(proxy, before);
    count_sync(proxy, &sync);
    if (is_full(proxy)) {
        proxy->last_full = now;
    }
    vs_timer_arm(&proxy->written, now + proxy_sync_time(&sync));
}

static void
try_sync(VsProxy *proxy)
{
    VsTime next;

    if (proxy->wanted) {
        proxy->wants_sync = true;
    } else if (proxy_runner_try(&proxy->runner, vs_now(proxy->entity.run), &next)) {
        vs_timer_cancel(&proxy->next_try);
        start_sync(proxy);
    } else {
        vs_timer_arm(&proxy->next_try, next);
    }
}

static void
next_try(VsTimer *timer)
{
    try_sync(VS_CONTAINER_OF(timer, VsProxy, next_try));
}

static void
rules_written(VsTimer *timer)
{
    VsProxy *proxy = VS_CONTAINER_OF(timer, VsProxy, written);
    VsTime now = vs_now(proxy->entity.run);

    proxy_targets_replace(&proxy->targets, vs_filter_ruleset(proxy->filter),
                          proxy->wanted, proxy->bindings);
    proxy->wanted = NULL;
    vs_filter_refresh(proxy->filter);
    if (proxy->ipvs) {
        proxy_ipvs_sync(proxy->ipvs);
    }
    proxy_delete_stale(proxy->node);
    proxy->node->rules_as_of = proxy->node->endpoints_as_of;
    for (; proxy->n_written < proxy->n_in_sync; proxy->n_written++) {
        const VsNews *news =
            &g_array_index(proxy->watch.news, VsNews, proxy->n_written);

        vs_histogram_record(&proxy->node->proxy_stats->latency, now - news->changed);
    }
    proxy->runner.last_end = now;
    if (proxy->wants_sync) {
        proxy->wants_sync = false;
        try_sync(proxy);
    }
}

static void
proxy_heard(VsWatch *watch)
{
    try_sync(VS_CONTAINER_OF(watch, VsProxy, watch));
}

static void
watch_endpoints(VsProxy *proxy)
{
    const VsNode *node = proxy->node;

    proxy_runner_init(&proxy->runner, node->proxy_mode == VS_PROXY_IPVS
                                          ? node->cluster->ipvs_min_sync_period
                                          : node->cluster->min_sync_period);
    vs_entity_init(&proxy->entity, &node->host->part);
    vs_timer_init(&proxy->next_try, &proxy->entity, next_try);
    vs_timer_init(&proxy->written, &proxy->entity, rules_written);
    vs_watch_open(&proxy->watch, node->cluster, &node->host->part, node->name,
                  proxy_heard);
}

void
proxy_attach(VsNode *node)
{
    VsProxy *proxy;
    VsRuleset *ruleset;

    if (node->proxy || vs_filter_of(node->host->root)) {
        return;
    }
    proxy = g_new0(VsProxy, 1);
    node->proxy = proxy;
    node->free_proxy = proxy_free;
    proxy->node = node;
    ruleset = proxy_ruleset_new(node, &proxy->targets);
    vs_cni_add_rules(node, ruleset);
    proxy->filter = vs_filter_attach(node->host->root, ruleset);
    vs_filter_on_translated(proxy->filter, proxy_translated, &proxy->targets);
    if (vs_cluster_changes(node->cluster)) {
        watch_endpoints(proxy);
    }
    if (node->proxy_mode == VS_PROXY_IPVS) {
        proxy->ipvs = proxy_ipvs_open(node, &proxy->targets);
    }
}

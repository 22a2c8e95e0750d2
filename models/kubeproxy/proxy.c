#include "models/kubeproxy/proxy.h"

#include "models/kubeproxy/ipvs.h"

struct VsProxy {
    ProxyTargets targets;
};

static void
proxy_free(VsProxy *proxy)
{
    proxy_targets_clear(&proxy->targets);
    g_free(proxy);
}

void
proxy_attach(VsNode *node)
{
    VsProxy *proxy;
    VsFilter *filter;

    if (node->proxy || vs_filter_of(node->host->root)) {
        return;
    }
    proxy = g_new0(VsProxy, 1);
    node->proxy = proxy;
    node->free_proxy = proxy_free;
    filter =
        vs_filter_attach(node->host->root, proxy_ruleset_new(node, &proxy->targets));
    vs_filter_on_translated(filter, proxy_translated, &proxy->targets);
    if (node->proxy_mode == VS_PROXY_IPVS) {
        proxy_ipvs_open(node, &proxy->targets);
    }
}

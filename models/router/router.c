#include "vethsim-model.h"

typedef struct RouterConfig {
    VsHostParams host;
} RouterConfig;

static const VsParam router_params[] = {
    VS_HOST_PARAM_ROWS(RouterConfig, host, "4"),
    {0},
};

static bool
router_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const RouterConfig *config = element->config;

    (void)self;
    (void)error;
    vs_build_new_host(build, element, &config->host, VS_HOST_ROUTER);
    return true;
}

/* Knows the way to pods; what is sent to the router itself is refused, not ignored. */
static bool
router_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    VsNetns *root = vs_build_find_host(build, element)->host->root;

    (void)self;
    (void)error;
    vs_cluster_add_pod_routes(build->cluster, root);
    vs_sockets_of(root);
    return true;
}

const VsModel vs_model_router = {
    .element = "router",
    .summary = "An IPv4 router: the way between segments, or \"the internet\".",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(RouterConfig),
    .params = router_params,
    .create = router_create,
    .open = router_open,
};

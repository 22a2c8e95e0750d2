#include "model/host_params.h"

#include <glib.h>

#include "base/units.h"
#include "model/rss_params.h"

const VsParam vs_costs_params[] = {
#define VS_COST(member, name, default_cost, text) \
    VS_PARAM_TIME(VsCosts, member, name, .def = default_cost, .doc = text),
#include "net/costs.def"
#undef VS_COST
    {0},
};

void
vs_costs_init(VsCosts *costs)
{
#define VS_COST(member, name, def, doc)              \
    if (!vs_parse_time(def, &costs->member, NULL)) { \
        g_assert_not_reached();                      \
    }
#include "net/costs.def"
#undef VS_COST
}

const char *const vs_ecmp_mode_names[] = {
    [VS_ECMP_OFF] = "off",
    [VS_ECMP_L3] = "l3",
    [VS_ECMP_L4] = "l4",
    [VS_ECMP_INNER_L3] = "inner-l3",
    NULL,
};

static void
set_multipath(VsMultipathConfig *multipath, const VsHostParams *params)
{
    static const VsMultipathPolicy policies[] = {
        [VS_ECMP_OFF] = VS_MULTIPATH_L3, /* The kernel's default, for given routes. */
        [VS_ECMP_L3] = VS_MULTIPATH_L3,
        [VS_ECMP_L4] = VS_MULTIPATH_L4,
        [VS_ECMP_INNER_L3] = VS_MULTIPATH_INNER_L3,
    };

    multipath->policy = policies[params->ecmp];
    if (params->ecmp_seed != 0) {
        multipath->hash_key = vs_flow_hash_key_of_seed(params->ecmp_seed);
    }
}

VsHost *
vs_build_new_host(VsBuild *build, const VsElement *element, const VsHostParams *params,
                  VsHostRole role)
{
    VsCosts costs;
    VsHostConfig config = {
        .n_cores = params->cores, .backlog_max = params->backlog, .costs = &costs};
    VsBuiltHost built = {
        .element = element, .role = role, .is_multipath = params->ecmp != VS_ECMP_OFF};

    if (params->costs) {
        costs = *(const VsCosts *)params->costs->config;
    } else {
        vs_costs_init(&costs);
    }
    built.host = vs_host_new(build->run, element->id, &config);
    if (params->rss) {
        built.host->rss = vs_rss_params_open(params->rss->config, params->cores);
    }
    built.host->root->is_forwarding =
        role == VS_HOST_ROUTER || role == VS_HOST_LAST_RESORT_ROUTER;
    set_multipath(&built.host->root->multipath, params);
    vs_build_add_host(build, &built);
    vs_build_capture(build, element, built.host->root, params->capture);
    return built.host;
}

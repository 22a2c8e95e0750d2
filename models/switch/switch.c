#include "vethsim-model.h"

typedef struct SwitchConfig {
    VsTime latency;
    VsTime ageing;
    VsPrefix subnet;
    const char *capture;
} SwitchConfig;

static const VsParam switch_params[] = {
    VS_PARAM_TIME(
        SwitchConfig, latency, "latency", .def = "1us", .max = "1s",
        .doc = "From the last bit of a frame in to its first in an output queue."),
    VS_PARAM_TIME(SwitchConfig, ageing, "ageing", .def = "300s", .min = "1s",
                  .doc = "A MAC address not seen for this long is forgotten."),
    VS_PARAM_PREFIX(SwitchConfig, subnet, "subnet",
                    .doc = "IPv4 prefix of the segment; without it, a free block of "
                           "172.16.0.0/12."),
    VS_CAPTURE_PARAM_ROW(SwitchConfig, capture),
    {0},
};

static bool
switch_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const SwitchConfig *config = element->config;
    VsCosts costs;
    VsHostConfig host_config = {.n_cores = 0, .costs = &costs};
    VsBuiltHost built = {.element = element,
                         .role = VS_HOST_SWITCH,
                         .latency = config->latency,
                         .subnet = config->subnet};

    (void)self;
    (void)error;
    vs_costs_init(&costs);
    built.host = vs_host_new(build->run, element->id, &host_config);
    built.bridge = vs_bridge_new(built.host->root, "br0", config->ageing);
    vs_build_add_host(build, &built);
    vs_build_capture(build, element, built.host->root, config->capture);
    return true;
}

const VsModel vs_model_switch = {
    .element = "switch",
    .summary =
        "A learning Ethernet switch: store and forward, a queue before each port.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
    .config_size = sizeof(SwitchConfig),
    .params = switch_params,
    .create = switch_create,
};

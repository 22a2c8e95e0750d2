#include "vethsim-model.h"

static const char *const cni_choices[] = {"bridge", NULL};

typedef struct ClusterConfig {
    VsPrefix pod_cidr;
    VsPrefix service_cidr;
    uint32_t node_cidr_length;
    VsChoice cni;
} ClusterConfig;

static const VsParam cluster_params[] = {
    VS_PARAM_PREFIX(ClusterConfig, pod_cidr, "pod-cidr", .def = "10.244.0.0/16",
                    .doc = "Addresses of pods; each node gets a part."),
    VS_PARAM_PREFIX(ClusterConfig, service_cidr, "service-cidr", .def = "10.96.0.0/12",
                    .doc = "Virtual addresses of services."),
    VS_PARAM_UINT(ClusterConfig, node_cidr_length, "node-cidr-length", .def = "24",
                  .min = "16", .max = "30", .doc = "Prefix length of a node's part."),
    VS_PARAM_CHOICE(ClusterConfig, cni, "cni", .def = "bridge", .choices = cni_choices,
                    .doc =
                        "How pods are wired: bridge is the reference plug-in with "
                        "host-local addresses, and routes between nodes of a segment."),
    {0},
};

static bool
overlaps(VsPrefix a, VsPrefix b)
{
    unsigned length = MIN(a.length, b.length);

    return ((uint64_t)(a.address ^ b.address) >> (32 - length)) == 0;
}

static bool
cluster_check(const void *config_, const VsElement *element, GError **error)
{
    const ClusterConfig *config = config_;

    if (config->node_cidr_length < config->pod_cidr.length) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_VALUE,
            "node-cidr-length=\"%u\" is larger than the whole pod range; write "
            "at least %u",
            config->node_cidr_length, config->pod_cidr.length);
        return false;
    }
    if (overlaps(config->pod_cidr, config->service_cidr)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "pod-cidr and service-cidr overlap; give pods and services ranges "
            "of their own");
        return false;
    }
    return true;
}

static bool
cluster_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ClusterConfig *config = element->config;

    (void)self;
    (void)error;
    build->cluster->pod_cidr = config->pod_cidr;
    build->cluster->service_cidr = config->service_cidr;
    build->cluster->node_cidr_length = config->node_cidr_length;
    return true;
}

const VsModel vs_model_cluster = {
    .element = "cluster",
    .summary = "What all nodes share: address ranges and the network plug-in.",
    .parents = "scenario",
    .id_rule = VS_ID_OPTIONAL,
    .is_single = true,
    .config_size = sizeof(ClusterConfig),
    .params = cluster_params,
    .check = cluster_check,
    .create = cluster_create,
};

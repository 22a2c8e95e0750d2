#include "models/kubeproxy/service.h"

enum { PORT_NAME_MAX = 15 };

typedef struct PortConfig {
    const char *name;
    VsChoice protocol;
    uint32_t port;
    uint32_t target_port;
    uint32_t node_port;
} PortConfig;

static const VsParam port_params[] = {
    VS_PARAM_STRING(PortConfig, name, "name", .is_required = true,
                    .doc = "Which tells it from the other ports of the service."),
    VS_PARAM_CHOICE(PortConfig, protocol, "protocol", .def = "tcp",
                    .choices = vs_port_protocol_choices, .doc = "Its protocol."),
    VS_PARAM_UINT(PortConfig, port, "port", .is_required = true, .min = "1",
                  .max = "65535", .doc = "Port of the virtual address."),
    VS_PARAM_UINT(PortConfig, target_port, "target-port", .min = "1", .max = "65535",
                  .doc = "Port of the pods; the same without it."),
    VS_PARAM_UINT(PortConfig, node_port, "node-port", .min = "30000", .max = "32767",
                  .doc = "Port on every node; the next free one without it."),
    {0},
};

static const VsStat port_stats[] = {
    VS_SHARES(Service, shares, "endpoints", "connection",
              "New connections that kube-proxy gave each endpoint."),
    {0},
};

static bool
port_check(const void *config_, const VsElement *element, GError **error)
{
    const PortConfig *config = config_;

    if (!vs_element_has(element->parent, "port-name")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "service \"%s\" has several ports; give its first a port-name",
                        element->parent->id);
        return false;
    }
    return service_check_name(element, "name", config->name, PORT_NAME_MAX, error);
}

/* One more service port, at the same addresses and under the same policies. */
static bool
port_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const PortConfig *config = element->config;
    const Service *parent = vs_build_instance(build, element->parent);
    VsService wanted = *parent->service;

    if (wanted.type == VS_SERVICE_EXTERNAL_NAME) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "<port> has no effect in a service of type \"ExternalName\", "
                        "which is only a name; leave it out");
        return false;
    }
    if (wanted.type == VS_SERVICE_CLUSTER_IP && config->node_port != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "node-port=\"%u\" has no effect in a service of type "
                        "\"ClusterIP\"",
                        config->node_port);
        return false;
    }
    wanted.port_name = config->name;
    wanted.protocol = vs_port_protocol(config->protocol);
    wanted.port = (uint16_t)config->port;
    wanted.target_port =
        (uint16_t)(config->target_port ? config->target_port : config->port);
    wanted.node_port = (uint16_t)config->node_port;
    return service_add(self, &wanted, element, build, error);
}

static bool
port_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    if (!service_check_vip(((Service *)self)->service, element, build->cluster,
                           error)) {
        return false;
    }
    if (!vs_service_is_only_name(((Service *)self)->service)) {
        service_open_shares(self);
    }
    return true;
}

static void
port_close(void *self)
{
    vs_shares_clear(&((Service *)self)->shares);
}

const VsModel vs_model_port = {
    .element = "port",
    .summary = "One more port of a service.",
    .parents = "service",
    .id_rule = VS_ID_NONE,
    .config_size = sizeof(PortConfig),
    .params = port_params,
    .size = sizeof(Service),
    .stats = port_stats,
    .check = port_check,
    .declare = port_declare,
    .open = port_open,
    .close = port_close,
};

#include "models/kubeproxy/proxy.h"

static const char *const type_choices[] = {"ClusterIP", "NodePort", "LoadBalancer",
                                           NULL};

typedef struct ServiceConfig {
    VsChoice type;
    uint32_t port;
    uint32_t target_port;
    uint32_t node_port;
    uint32_t cluster_ip;
    VsLabels select;
} ServiceConfig;

typedef struct Service {
    VsService *service;
    VsShares shares;
} Service;

static const VsParam service_params[] = {
    VS_PARAM_CHOICE(
        ServiceConfig, type, "type", .def = "ClusterIP", .choices = type_choices,
        .doc = "NodePort opens a port on every node as well; LoadBalancer is "
               "reached through an <lb> too."),
    VS_PARAM_UINT(ServiceConfig, port, "port", .def = "80", .min = "1", .max = "65535",
                  .doc = "TCP port of the virtual address."),
    VS_PARAM_UINT(ServiceConfig, target_port, "target-port", .min = "1", .max = "65535",
                  .doc = "Port of the pods; the service's own without it."),
    VS_PARAM_UINT(ServiceConfig, node_port, "node-port", .min = "30000", .max = "32767",
                  .doc = "Port on every node; the next free one without it."),
    VS_PARAM_IPV4(ServiceConfig, cluster_ip, "cluster-ip",
                  .doc = "Virtual address; the next free one without it."),
    VS_PARAM_LABELS(ServiceConfig, select, "select", .is_required = true,
                    .doc = "Pods with all these labels are its endpoints."),
    {0},
};

static const VsStat service_stats[] = {
    VS_SHARES(Service, shares, "endpoints", "connection",
              "New connections that kube-proxy gave each endpoint."),
    {0},
};

static bool
service_check(const void *config_, const VsElement *element, GError **error)
{
    const ServiceConfig *config = config_;

    if (config->type == VS_SERVICE_CLUSTER_IP && vs_element_has(element, "node-port")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "node-port=\"%u\" has no effect with type=\"ClusterIP\"; write "
                        "type=\"NodePort\"",
                        config->node_port);
        return false;
    }
    if (config->select.n_labels == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "select=\"\" selects nothing; write select=\"key=value\"");
        return false;
    }
    return true;
}

static bool
service_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ServiceConfig *config = element->config;
    Service *service = self;
    g_autoptr(GError) reason = NULL;
    VsService wanted = {
        .name = element->id,
        .type = (VsServiceType)config->type,
        .cluster_ip = config->cluster_ip,
        .port = (uint16_t)config->port,
        .target_port =
            (uint16_t)(config->target_port ? config->target_port : config->port),
        .node_port = (uint16_t)config->node_port,
        .selector = &config->select,
        .shares = &service->shares,
    };

    service->service = vs_cluster_add_service(build->cluster, &wanted, &reason);
    if (!service->service) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT, "%s",
                        reason->message);
        return false;
    }
    return true;
}

static bool
service_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Service *service = self;

    (void)element;
    (void)error;
    for (unsigned i = 0; i < service->service->n_endpoints; i++) {
        vs_shares_add(&service->shares, service->service->endpoints[i].pod->name);
    }
    if (build->cluster->cni->has_socket_lb) {
        return true;
    }
    for (unsigned i = 0; i < build->cluster->nodes->len; i++) {
        proxy_attach(build->cluster->nodes->pdata[i]);
    }
    return true;
}

static void
service_close(void *self)
{
    vs_shares_clear(&((Service *)self)->shares);
}

const VsModel vs_model_service = {
    .element = "service",
    .summary =
        "A Kubernetes Service, and the kube-proxy that makes it work on every node.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .id_scope = VS_ID_SCOPE_KIND,
    .config_size = sizeof(ServiceConfig),
    .params = service_params,
    .size = sizeof(Service),
    .stats = service_stats,
    .check = service_check,
    .declare = service_declare,
    .open = service_open,
    .close = service_close,
};

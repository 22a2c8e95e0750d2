#include "models/kubeproxy/service.h"

#include "models/kubeproxy/health.h"
#include "models/kubeproxy/proxy.h"

enum { NAME_MAX_LENGTH = 63, PORT_NAME_MAX_LENGTH = 15 };

static const char *const type_choices[] = {"ClusterIP", "NodePort", "LoadBalancer",
                                           "ExternalName", NULL};
static const char *const policy_choices[] = {"Cluster", "Local", NULL};
static const char *const affinity_choices[] = {"None", "ClientIP", NULL};

enum { POLICY_LOCAL = 1, AFFINITY_CLIENT_IP = 1 };

typedef struct ServiceConfig {
    const char *name_space;
    const char *port_name;
    VsChoice type;
    VsChoice protocol;
    uint32_t port;
    uint32_t target_port;
    uint32_t node_port;
    const char *cluster_ip;
    const char *external_name;
    VsPrefixes external_ips;
    VsPrefixes source_ranges;
    VsChoice external_policy;
    VsChoice internal_policy;
    VsChoice affinity;
    VsTime affinity_timeout;
    uint32_t health_check_node_port;
    bool publishes_not_ready;
    VsLabels select;
} ServiceConfig;

static const VsParam service_params[] = {
    VS_PARAM_STRING(ServiceConfig, name_space, "namespace", .def = "default",
                    .doc = "Namespace of Kubernetes, in the names of chains."),
    VS_PARAM_STRING(ServiceConfig, port_name, "port-name",
                    .doc = "Name of its port; needed when <port> adds further ones."),
    VS_PARAM_CHOICE(
        ServiceConfig, type, "type", .def = "ClusterIP", .choices = type_choices,
        .doc = "NodePort opens a port on every node as well; LoadBalancer is "
               "reached through an <lb> too.  ExternalName is another name for "
               "external-name, and nothing else."),
    VS_PARAM_CHOICE(ServiceConfig, protocol, "protocol", .def = "tcp",
                    .choices = vs_port_protocol_choices, .doc = "Of its port."),
    VS_PARAM_UINT(ServiceConfig, port, "port", .def = "80", .min = "1", .max = "65535",
                  .doc = "Port of the virtual address."),
    VS_PARAM_UINT(ServiceConfig, target_port, "target-port", .min = "1", .max = "65535",
                  .doc = "Port of the pods; the service's own without it."),
    VS_PARAM_UINT(ServiceConfig, node_port, "node-port", .min = "30000", .max = "32767",
                  .doc = "Port on every node; the next free one without it."),
    VS_PARAM_STRING(ServiceConfig, cluster_ip, "cluster-ip",
                    .doc =
                        "Virtual address; the next free one without it.  none: it is "
                        "headless, its name has the addresses of its ready pods."),
    VS_PARAM_STRING(ServiceConfig, external_name, "external-name",
                    .doc = "What a service of type ExternalName leads to: "
                           "db.example.com."),
    VS_PARAM_PREFIXES(ServiceConfig, external_ips, "external-ips",
                      .doc = "Further addresses that nodes take for the service's."),
    VS_PARAM_PREFIXES(ServiceConfig, source_ranges, "load-balancer-source-ranges",
                      .doc = "Who may use the load balancer's address; everybody "
                             "without it.  The <lb> drops others, and kube-proxy's "
                             "rules what reaches its address on a node."),
    VS_PARAM_CHOICE(ServiceConfig, external_policy, "external-traffic-policy",
                    .def = "Cluster", .choices = policy_choices,
                    .doc = "Local: traffic from outside goes to pods of the node it "
                           "came to, and keeps its source."),
    VS_PARAM_CHOICE(ServiceConfig, internal_policy, "internal-traffic-policy",
                    .def = "Cluster", .choices = policy_choices,
                    .doc = "Local: traffic to the cluster IP stays on its node."),
    VS_PARAM_CHOICE(ServiceConfig, affinity, "session-affinity", .def = "None",
                    .choices = affinity_choices,
                    .doc = "ClientIP: a source address keeps its endpoint."),
    VS_PARAM_TIME(ServiceConfig, affinity_timeout, "affinity-timeout", .def = "10800s",
                  .min = "1s", .max = "86400s",
                  .doc = "A source that was silent for longer chooses anew."),
    VS_PARAM_UINT(ServiceConfig, health_check_node_port, "health-check-node-port",
                  .min = "30000", .max = "32767",
                  .doc = "Where load balancers ask nodes for local endpoints, and get "
                         "200 or 503; the next free node port without it."),
    VS_PARAM_BOOL(ServiceConfig, publishes_not_ready, "publish-not-ready-addresses",
                  .def = "no", .doc = "Endpoints count as ready whatever they are."),
    VS_PARAM_LABELS(ServiceConfig, select, "select",
                    .doc = "Pods with all these labels are its endpoints.  Needed but "
                           "with type=\"ExternalName\"."),
    {0},
};

static const VsStat service_stats[] = {
    VS_SHARES(Service, shares, "endpoints", "connection",
              "New connections that kube-proxy gave each endpoint."),
    {0},
};

bool
service_check_name(const VsElement *element, const char *attribute, const char *name,
                   unsigned max, GError **error)
{
    size_t length = strlen(name);
    bool is_good = length > 0 && length <= max && name[0] != '-' &&
                   name[length - 1] != '-' &&
                   strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;

    if (!is_good) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s=\"%s\" is no name: write at most %u lower-case letters, "
                        "digits and hyphens between them",
                        attribute, name, max);
    }
    return is_good;
}

static bool
check_names(const ServiceConfig *config, const VsElement *element, GError **error)
{
    return service_check_name(element, "namespace", config->name_space, NAME_MAX_LENGTH,
                              error) &&
           (!vs_element_has(element, "port-name") ||
            service_check_name(element, "port-name", config->port_name,
                               PORT_NAME_MAX_LENGTH, error));
}

/* An attribute that says nothing because of another one. */
static bool
refuse_idle(const VsElement *element, const char *attribute, bool is_idle,
            const char *instead, GError **error)
{
    if (is_idle && vs_element_has(element, attribute)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "%s has no effect here; %s or leave it out", attribute,
                        instead);
        return false;
    }
    return true;
}

static bool
is_headless(const ServiceConfig *config)
{
    return config->cluster_ip && g_ascii_strcasecmp(config->cluster_ip, "none") == 0;
}

/* Another name has nothing but that; a headless service nothing of kube-proxy's. */
static bool
check_only_name(const ServiceConfig *config, const VsElement *element, GError **error)
{
    static const char *const of_proxy[] = {"external-ips", "internal-traffic-policy",
                                           "session-affinity", NULL};
    static const char *const of_endpoints[] = {
        "cluster-ip", "select",      "publish-not-ready-addresses",
        "port",       "target-port", "port-name",
        "protocol",   NULL};
    bool is_alias = config->type == VS_SERVICE_EXTERNAL_NAME;
    bool is_good = true;

    if (is_headless(config) && config->type != VS_SERVICE_CLUSTER_IP) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "cluster-ip=\"none\" and type=\"%s\" contradict each other; "
                        "leave one out",
                        type_choices[config->type]);
        return false;
    }
    if (is_alias != (config->external_name != NULL)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "type=\"ExternalName\" and external-name=\"...\" belong "
                        "together; write both or none");
        return false;
    }
    for (unsigned i = 0; is_good && of_proxy[i]; i++) {
        is_good = refuse_idle(element, of_proxy[i], is_alias || is_headless(config),
                              "give the service a cluster IP", error);
    }
    for (unsigned i = 0; is_good && of_endpoints[i]; i++) {
        is_good = refuse_idle(element, of_endpoints[i], is_alias,
                              "take another type than ExternalName", error);
    }
    return is_good;
}

static bool
check_effects(const ServiceConfig *config, const VsElement *element, GError **error)
{
    bool is_balanced = config->type == VS_SERVICE_LOAD_BALANCER;
    bool is_external = is_balanced || config->type == VS_SERVICE_NODE_PORT ||
                       config->external_ips.n_prefixes > 0;

    if (!is_balanced && config->type != VS_SERVICE_NODE_PORT &&
        config->node_port != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "node-port=\"%u\" has no effect with type=\"%s\"; write "
                        "type=\"NodePort\"",
                        config->node_port, type_choices[config->type]);
        return false;
    }
    return refuse_idle(element, "load-balancer-source-ranges", !is_balanced,
                       "write type=\"LoadBalancer\"", error) &&
           refuse_idle(element, "external-traffic-policy", !is_external,
                       "write type=\"NodePort\"", error) &&
           refuse_idle(element, "affinity-timeout",
                       config->affinity != AFFINITY_CLIENT_IP,
                       "write session-affinity=\"ClientIP\"", error) &&
           refuse_idle(element, "health-check-node-port",
                       !is_balanced || config->external_policy != POLICY_LOCAL,
                       "write type=\"LoadBalancer\" and "
                       "external-traffic-policy=\"Local\"",
                       error);
}

static bool
check_values(const ServiceConfig *config, const VsElement *element, GError **error)
{
    for (unsigned i = 0; i < config->external_ips.n_prefixes; i++) {
        if (config->external_ips.prefixes[i].length != 32) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                            "external-ips has a whole prefix; write single addresses");
            return false;
        }
    }
    if (config->affinity_timeout % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "affinity-timeout is not in whole seconds");
        return false;
    }
    if (config->node_port != 0 && config->node_port == config->health_check_node_port) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "node-port and health-check-node-port are both %u; give one "
                        "another port",
                        config->node_port);
        return false;
    }
    if (config->select.n_labels == 0 && config->type != VS_SERVICE_EXTERNAL_NAME) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_VALUE, "%s; write select=\"key=value\"",
            vs_element_has(element, "select") ? "select=\"\" selects nothing"
                                              : "select is missing");
        return false;
    }
    return true;
}

static bool
service_check(const void *config, const VsElement *element, GError **error)
{
    return check_names(config, element, error) &&
           check_only_name(config, element, error) &&
           check_effects(config, element, error) &&
           check_values(config, element, error);
}

bool
service_add(Service *service, const VsService *wanted, const VsElement *element,
            VsBuild *build, GError **error)
{
    g_autoptr(GError) reason = NULL;

    service->service = vs_cluster_add_service(build->cluster, wanted, &reason);
    if (!service->service) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT, "%s",
                        reason->message);
        return false;
    }
    service->service->shares = &service->shares;
    return true;
}

/* The address asked for; 0: any, or none. */
static bool
read_cluster_ip(const ServiceConfig *config, const VsCluster *cluster,
                const VsElement *element, VsAddr *ret_address, GError **error)
{
    VsPrefix cidr = cluster->service_cidr;
    g_autofree char *range = NULL;
    g_autoptr(GError) reason = NULL;

    *ret_address = 0;
    if (!config->cluster_ip || is_headless(config)) {
        return true;
    }
    if (!vs_parse_ipv4(config->cluster_ip, ret_address, &reason)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "cluster-ip: %s, or none for a headless service",
                        reason->message);
        return false;
    }
    if (vs_prefix_holds(cidr, *ret_address)) {
        return true;
    }
    range = vs_format_ipv4_prefix(cidr.address, cidr.length);
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                    "cluster-ip=\"%s\" is outside service-cidr, %s; give it an address "
                    "of that, or the cluster another service-cidr",
                    config->cluster_ip, range);
    return false;
}

static bool
service_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ServiceConfig *config = element->config;
    bool has_affinity = config->affinity == AFFINITY_CLIENT_IP;
    VsAddr external_ips[MAX(config->external_ips.n_prefixes, 1)];
    VsService wanted = {
        .name = element->id,
        .name_space = config->name_space,
        .port_name = config->port_name,
        .type = (VsServiceType)config->type,
        .protocol = vs_port_protocol(config->protocol),
        .is_headless = is_headless(config),
        .external_name = config->external_name,
        .port = (uint16_t)config->port,
        .target_port =
            (uint16_t)(config->target_port ? config->target_port : config->port),
        .node_port = (uint16_t)config->node_port,
        .health_check_node_port = (uint16_t)config->health_check_node_port,
        .n_external_ips = config->external_ips.n_prefixes,
        .external_ips = external_ips,
        .n_source_ranges = config->source_ranges.n_prefixes,
        .source_ranges = config->source_ranges.prefixes,
        .affinity_s = has_affinity ? (uint32_t)(config->affinity_timeout / VS_S) : 0,
        .is_external_local = config->external_policy == POLICY_LOCAL,
        .is_internal_local = config->internal_policy == POLICY_LOCAL,
        .publishes_not_ready = config->publishes_not_ready,
        .selector = config->external_name ? NULL : &config->select,
    };

    if (!read_cluster_ip(config, build->cluster, element, &wanted.cluster_ip, error)) {
        return false;
    }
    for (unsigned i = 0; i < wanted.n_external_ips; i++) {
        external_ips[i] = config->external_ips.prefixes[i].address;
    }
    return service_add(self, &wanted, element, build, error);
}

void
service_open_shares(Service *service)
{
    for (unsigned i = 0; i < service->service->n_all_endpoints; i++) {
        vs_shares_add(&service->shares, service->service->all_endpoints[i].pod->name);
    }
}

static void
open_healths(Service *service, const VsCluster *cluster)
{
    service->healths = g_ptr_array_new_with_free_func(proxy_health_free);
    for (unsigned i = 0; i < cluster->nodes->len; i++) {
        proxy_health_open(service->service, cluster->nodes->pdata[i], service->healths);
    }
}

bool
service_check_vip(const VsService *service, const VsElement *element,
                  const VsCluster *cluster, GError **error)
{
    const VsService *owner =
        vs_cluster_find_claim(cluster, service, service->load_balancer_ip);
    g_autofree char *vip = NULL;

    if (service->load_balancer_ip == 0 || owner == service) {
        return true;
    }
    vip = vs_format_ipv4(service->load_balancer_ip);
    vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                    "service \"%s\" has %s:%u, the address of the <lb> of service "
                    "\"%s\"; give one another",
                    owner->name, vip, service->port, service->name);
    return false;
}

static bool
check_source_ranges(const VsService *service, const VsElement *element, GError **error)
{
    return refuse_idle(element, "load-balancer-source-ranges",
                       !service->has_load_balancer,
                       "put an <lb> in front of the service", error);
}

static bool
service_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Service *service = self;

    if (!service_check_vip(service->service, element, build->cluster, error) ||
        !check_source_ranges(service->service, element, error)) {
        return false;
    }
    if (vs_service_is_only_name(service->service)) {
        return true;
    }
    service_open_shares(service);
    if (service->service->health_check_node_port != 0) {
        open_healths(service, build->cluster);
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
    Service *service = self;

    vs_shares_clear(&service->shares);
    if (service->healths) {
        g_ptr_array_free(service->healths, TRUE);
    }
}

const VsModel vs_model_service = {
    .element = "service",
    .summary =
        "A Kubernetes Service, and the kube-proxy that makes it work on every node.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .is_template = true,
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

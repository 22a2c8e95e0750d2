#include "models/cni/card_lb.h"
#include "models/cni/socket_lb.h"

/* As VsNodePortAddresses from VS_NODE_PORTS_ALL on. */
static const char *const node_port_choices[] = {"all", "primary", NULL};

/* As CardMode. */
static const char *const cilium_mode_choices[] = {"snat", "dsr", NULL};

typedef struct ClusterConfig {
    VsPrefix pod_cidr;
    VsPrefix service_cidr;
    uint32_t node_cidr_length;
    VsChoice cni;
    VsChoice cilium_mode;
    VsChoice instance_type;
    VsChoice proxy; /* VsProxyMode. */
    VsChoice ipvs_scheduler;
    uint32_t ipvs_conn_reuse_mode;
    bool masquerades_pods;
    bool masquerades_all;
    VsChoice node_ports;
    VsPrefixes node_port_prefixes;
    VsDist endpoint_delay;
    VsTime min_sync_period;
    bool is_bridge_filtered;
    bool is_hairpin;
} ClusterConfig;

typedef struct Cluster {
    SocketLb *socket_lb; /* NULL: kube-proxy serves. */
    CardLb *card_lb;     /* NULL: the same, or nothing is reached from outside. */
} Cluster;

static const VsParam cluster_params[] = {
    VS_PARAM_PREFIX(ClusterConfig, pod_cidr, "pod-cidr", .def = "10.244.0.0/16",
                    .doc = "Addresses of pods; each node gets a part."),
    VS_PARAM_PREFIX(ClusterConfig, service_cidr, "service-cidr", .def = "10.96.0.0/12",
                    .doc = "Virtual addresses of services."),
    VS_PARAM_UINT(
        ClusterConfig, node_cidr_length, "node-cidr-length", .min = "16", .max = "30",
        .doc = "Prefix length of a node's part, or of a Calico block; without "
               "it 24, and 26 with Calico."),
    VS_PARAM_CHOICE(
        ClusterConfig, cni, "cni", .def = "bridge", .choices = vs_cni_names,
        .doc =
            "How pods are wired: on a bridge (bridge, flannel-*) or each by a "
            "route of its own (calico*, cilium, aws-vpc); between nodes by routes on "
            "one segment (bridge, flannel-host-gw, calico, cilium), in tunnels that "
            "cross routers (flannel-vxlan, calico-ipip, calico-vxlan), or with "
            "addresses of the node's own subnet (aws-vpc).  cilium has eBPF programs "
            "in the place of the root namespace's stack and of kube-proxy."),
    VS_PARAM_CHOICE(
        ClusterConfig, cilium_mode, "cilium-mode", .def = "snat",
        .choices = cilium_mode_choices,
        .doc =
            "With cni=\"cilium\": how a node sends what came from outside to a pod of "
            "another: snat in its own name, and the answer comes back by it; dsr in "
            "IPIP with the client's address, and the other node answers the client."),
    VS_PARAM_CHOICE(
        ClusterConfig, instance_type, "instance-type",
        .choices = vs_instance_type_names,
        .doc =
            "With cni=\"aws-vpc\": what nodes are, and so how many interfaces they may "
            "have, each with how many addresses.  Without it m5.large (3 of 10) for "
            "nodes with several links to their segment, and no limit for the others."),
    VS_PARAM_BOOL(ClusterConfig, is_bridge_filtered, "bridge-nf-call-iptables",
                  .def = "yes",
                  .doc = "The nodes' sysctl (br_netfilter): frames between pods of one "
                         "bridge pass rules and conntrack.  Kubernetes asks for it: "
                         "without it the answer of a service's endpoint on the "
                         "caller's node comes back untranslated."),
    VS_PARAM_BOOL(ClusterConfig, is_hairpin, "hairpin-mode", .def = "yes",
                  .doc = "hairpinMode of the plug-in's bridge, as flannel sets it: a "
                         "frame may leave by the port it came in.  Without it a pod "
                         "that its own service leads back to itself waits in vain."),
    VS_PARAM_CHOICE(ClusterConfig, proxy, "proxy", .def = "iptables",
                    .choices = vs_proxy_mode_names,
                    .doc = "Mode of kube-proxy on nodes that do not say otherwise."),
    VS_PARAM_CHOICE(ClusterConfig, ipvs_scheduler, "ipvs-scheduler", .def = "rr",
                    .choices = vs_ipvs_scheduler_names,
                    .doc = "How IPVS chooses endpoints in ipvs mode, on nodes that do "
                           "not say otherwise."),
    VS_PARAM_UINT(
        ClusterConfig, ipvs_conn_reuse_mode, "ipvs-conn-reuse-mode", .def = "1",
        .max = "2",
        .doc =
            "net.ipv4.vs.conn_reuse_mode of nodes in ipvs mode.  A client's port that "
            "is used again gets an endpoint anew (1, and 2 just so), or with 0 the "
            "endpoint that it had, even one that is leaving: what kube-proxy sets on "
            "kernels from 4.1 to 5.8."),
    VS_PARAM_BOOL(ClusterConfig, masquerades_pods, "ip-masq",
                  .doc =
                      "What pods send beyond the pods' addresses leaves with the "
                      "node's: ipMasq of bridge, --ip-masq of flannel, natOutgoing of "
                      "Calico, the contrary of EXTERNALSNAT of aws-vpc.  Without it no "
                      "with bridge, whose ipMasq knows the node's own range only, "
                      "and yes with the others."),
    VS_PARAM_BOOL(ClusterConfig, masquerades_all, "masquerade-all", .def = "no",
                  .doc = "Masquerade pods' traffic to cluster IPs, too."),
    VS_PARAM_CHOICE(
        ClusterConfig, node_ports, "node-ports", .choices = node_port_choices,
        .doc = "Addresses of a node that take node ports: all local ones, or "
               "its primary one; without it the primary in nftables mode, all in "
               "the others."),
    VS_PARAM_PREFIXES(ClusterConfig, node_port_prefixes, "node-port-addresses",
                      .doc = "Instead: the node's addresses in any of these prefixes."),
    VS_PARAM_DIST(
        ClusterConfig, endpoint_delay, "endpoint-delay", .def = "100ms",
        .doc = "From a change of a pod's readiness to a node's kube-proxy, or CoreDNS, "
               "knowing: kubelet, endpoint slices, watch.  An order of "
               "magnitude; drawn for each change and node."),
    VS_PARAM_TIME(ClusterConfig, min_sync_period, "min-sync-period", .def = "1s",
                  .max = "1h",
                  .doc = "kube-proxy starts one sync in this time, and at most two "
                         "in a burst (minSyncPeriod).  In ipvs mode 0s without it."),
    {0},
};

static unsigned
node_range_length(const ClusterConfig *config)
{
    return config->node_cidr_length ? config->node_cidr_length
                                    : vs_cni_get(config->cni)->range_length;
}

static bool
check_no_ranges(const VsCni *cni, const VsElement *element, GError **error)
{
    static const char *const names[] = {"pod-cidr", "node-cidr-length"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (vs_element_has(element, names[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with cni=\"%s\": pods have addresses of "
                            "their node's subnet; leave it out, or give the subnet to "
                            "the node's <switch> or <link>",
                            names[i], cni->name);
            return false;
        }
    }
    return true;
}

/* Nodes have an attribute of their own. */
static bool
check_ipvs(const ClusterConfig *config, const VsCni *cni, const VsElement *element,
           const char *attribute, GError **error)
{
    if (!vs_element_has(element, attribute)) {
        return true;
    }
    if (cni->has_socket_lb) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "%s has no effect with cni=\"%s\", which has no "
                        "kube-proxy; leave it out",
                        attribute, cni->name);
        return false;
    }
    if (config->proxy != VS_PROXY_IPVS) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "%s has no effect with proxy=\"%s\"; write "
                        "proxy=\"ipvs\", or give it to nodes of that mode",
                        attribute, vs_proxy_mode_names[config->proxy]);
        return false;
    }
    return true;
}

static bool
check_bridge(const VsCni *cni, const VsElement *element, GError **error)
{
    static const char *const names[] = {"bridge-nf-call-iptables", "hairpin-mode"};

    for (unsigned i = 0; !cni->has_bridge && i < G_N_ELEMENTS(names); i++) {
        if (vs_element_has(element, names[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with cni=\"%s\", which has no bridge; "
                            "leave it out",
                            names[i], cni->name);
            return false;
        }
    }
    return true;
}

/* What only one of kube-proxy and eBPF programs knows. */
static bool
check_owners(const VsCni *cni, const VsElement *element, GError **error)
{
    static const char *const of_proxy[] = {"proxy",          "masquerade-all",
                                           "node-ports",     "node-port-addresses",
                                           "endpoint-delay", "min-sync-period"};

    if (!cni->add_rules && vs_element_has(element, "ip-masq")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "ip-masq has no effect with cni=\"%s\": pods keep their "
                        "addresses; leave it out, or take another cni",
                        cni->name);
        return false;
    }

    if (!cni->has_socket_lb && vs_element_has(element, "cilium-mode")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "cilium-mode has no effect with cni=\"%s\"; leave it out, or "
                        "write cni=\"cilium\"",
                        cni->name);
        return false;
    }
    if (cni->ipam != VS_IPAM_SUBNET && vs_element_has(element, "instance-type")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "instance-type has no effect with cni=\"%s\"; leave it out, or "
                        "write cni=\"aws-vpc\"",
                        cni->name);
        return false;
    }
    for (unsigned i = 0; cni->has_socket_lb && i < G_N_ELEMENTS(of_proxy); i++) {
        if (vs_element_has(element, of_proxy[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect with cni=\"%s\", which has no "
                            "kube-proxy; leave it out",
                            of_proxy[i], cni->name);
            return false;
        }
    }
    return true;
}

static bool
cluster_check(const void *config_, const VsElement *element, GError **error)
{
    const ClusterConfig *config = config_;
    const VsCni *cni = vs_cni_get(config->cni);

    if (!check_owners(cni, element, error) || !check_bridge(cni, element, error) ||
        !check_ipvs(config, cni, element, "ipvs-scheduler", error) ||
        !check_ipvs(config, cni, element, "ipvs-conn-reuse-mode", error)) {
        return false;
    }
    if (cni->ipam == VS_IPAM_SUBNET) {
        return check_no_ranges(cni, element, error);
    }
    if (node_range_length(config) < config->pod_cidr.length) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_VALUE,
            "node-cidr-length=\"%u\" is larger than the whole pod range; write "
            "at least %u",
            node_range_length(config), config->pod_cidr.length);
        return false;
    }
    if (vs_element_has(element, "node-ports") &&
        vs_element_has(element, "node-port-addresses")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "node-ports and node-port-addresses both say which addresses "
                        "take node ports; leave one out");
        return false;
    }
    if (vs_prefix_overlaps(config->pod_cidr, config->service_cidr)) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "pod-cidr and service-cidr overlap; give pods and services ranges "
            "of their own");
        return false;
    }
    return true;
}

static void
set_node_ports(VsCluster *cluster, const VsElement *element)
{
    const ClusterConfig *config = element->config;
    const VsPrefixes *prefixes = &config->node_port_prefixes;

    if (vs_element_has(element, "node-ports")) {
        cluster->node_port_addresses =
            (VsNodePortAddresses)(VS_NODE_PORTS_ALL + config->node_ports);
    }
    if (prefixes->n_prefixes == 0) {
        return;
    }
    cluster->node_port_addresses = VS_NODE_PORTS_PREFIXES;
    g_array_append_vals(cluster->node_port_prefixes, prefixes->prefixes,
                        prefixes->n_prefixes);
    for (unsigned i = 0; i < prefixes->n_prefixes; i++) {
        if (prefixes->prefixes[i].length == 0) { /* Any address will do. */
            cluster->node_port_addresses = VS_NODE_PORTS_ALL;
        }
    }
}

static bool
cluster_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ClusterConfig *config = element->config;

    (void)self;
    (void)error;
    build->cluster->cni = vs_cni_get(config->cni);
    if (vs_element_has(element, "instance-type")) {
        build->cluster->instance_type = vs_instance_type_get(config->instance_type);
    }
    build->cluster->pod_cidr = config->pod_cidr;
    build->cluster->service_cidr = config->service_cidr;
    build->cluster->node_cidr_length = node_range_length(config);
    build->cluster->proxy_mode = (VsProxyMode)config->proxy;
    build->cluster->ipvs_scheduler = vs_ipvs_scheduler_names[config->ipvs_scheduler];
    build->cluster->masquerades_pods = vs_element_has(element, "ip-masq")
                                           ? config->masquerades_pods
                                           : build->cluster->cni->masquerades;
    build->cluster->masquerades_all = config->masquerades_all;
    build->cluster->endpoint_delay = config->endpoint_delay;
    build->cluster->ipvs_conn_reuse_mode = config->ipvs_conn_reuse_mode;
    build->cluster->min_sync_period = config->min_sync_period;
    build->cluster->ipvs_min_sync_period =
        vs_element_has(element, "min-sync-period") ? config->min_sync_period : 0;
    build->cluster->is_bridge_filtered = config->is_bridge_filtered;
    build->cluster->is_hairpin = config->is_hairpin;
    set_node_ports(build->cluster, element);
    return true;
}

/* What kube-proxy's rules can do and our programs cannot. */
static bool
check_services(const VsCluster *cluster, const VsElement *element, GError **error)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];
        const char *attribute = service->affinity_s != 0     ? "session-affinity"
                                : service->is_internal_local ? "internal-traffic-policy"
                                                             : NULL;

        if (attribute) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "service \"%s\" has %s, which is not modelled with "
                            "cni=\"%s\"; leave it out there, or take another cni",
                            service->name, attribute, cluster->cni->name);
            return false;
        }
    }
    return true;
}

/* Its agent's way of learning is not kube-proxy's. */
static bool
check_endpoints(const VsCluster *cluster, const VsElement *element, GError **error)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];

        if (vs_service_changes(service)) {
            vs_set_error_at(
                error, element, VS_SCENARIO_ERROR_CONFLICT,
                "endpoints of service \"%s\" change during the run, which is "
                "not modelled with cni=\"%s\"; leave out ready-at and "
                "terminates-at, or take a cni with kube-proxy",
                service->name, cluster->cni->name);
            return false;
        }
    }
    return true;
}

static bool
has_external_service(const VsCluster *cluster)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        if (vs_service_is_external(cluster->services->pdata[i])) {
            return true;
        }
    }
    return false;
}

/* Nodes without kube-proxy have the plug-in's rules alone. */
static void
add_rules(const VsCluster *cluster)
{
    for (unsigned i = 0; cluster->cni->add_rules && i < cluster->nodes->len; i++) {
        const VsNode *node = cluster->nodes->pdata[i];
        VsRuleset *ruleset;

        if (vs_filter_of(node->host->root)) {
            continue; /* It brings its own. */
        }
        ruleset = vs_ruleset_new();
        vs_cni_add_rules(node, ruleset);
        if (ruleset->tables->len > 0) {
            vs_filter_attach(node->host->root, ruleset);
        } else {
            vs_ruleset_free(ruleset);
        }
    }
}

static bool
has_changes(const VsCluster *cluster, bool has_names)
{
    g_autoptr(GArray) changes = vs_cluster_endpoint_changes(cluster, has_names);

    return changes->len > 0 || vs_cluster_changes(cluster);
}

/* What says how kube-proxy, and DNS too, follow changes, where there are none. */
static bool
check_syncs(const VsCluster *cluster, const VsElement *element, GError **error)
{
    static const char *const names[] = {"endpoint-delay", "min-sync-period"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (vs_element_has(element, names[i]) && !has_changes(cluster, i == 0)) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect: no endpoint of a service changes during "
                            "the run; give a pod ready-at or terminates-at, or leave "
                            "it out",
                            names[i]);
            return false;
        }
    }
    return true;
}

static bool
cluster_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Cluster *cluster = self;
    const ClusterConfig *config = element->config;

    if (!check_syncs(build->cluster, element, error)) {
        return false;
    }
    if (!build->cluster->cni->has_socket_lb) {
        if (build->cluster->services->len == 0) {
            add_rules(build->cluster);
        }
        return true;
    }
    if (!check_services(build->cluster, element, error) ||
        !check_endpoints(build->cluster, element, error)) {
        return false;
    }
    cluster->socket_lb = socket_lb_new(build->cluster, build->run->seed);
    if (has_external_service(build->cluster)) {
        cluster->card_lb = card_lb_new(build->cluster, (CardMode)config->cilium_mode,
                                       build->run->seed);
    }
    return true;
}

static void
cluster_close(void *self)
{
    Cluster *cluster = self;

    socket_lb_free(cluster->socket_lb);
    card_lb_free(cluster->card_lb);
}

const VsModel vs_model_cluster = {
    .element = "cluster",
    .summary = "What all nodes share: address ranges, network plug-in, kube-proxy.",
    .parents = "scenario",
    .id_rule = VS_ID_OPTIONAL,
    .is_single = true,
    .config_size = sizeof(ClusterConfig),
    .params = cluster_params,
    .size = sizeof(Cluster),
    .check = cluster_check,
    .create = cluster_create,
    .open = cluster_open,
    .close = cluster_close,
};

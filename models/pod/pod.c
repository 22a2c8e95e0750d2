#include "vethsim-model.h"

static const char *const condition_choices[] = {"ready", "unready", "terminating",
                                                "terminating-unready", NULL};

typedef struct PodConfig {
    VsLabels labels;
    VsRefs nodes;
    const char *capture;
    VsChoice condition; /* VsPodCondition. */
    VsTime ready_at;
    VsTime terminates_at;
    VsTime grace;
    uint64_t ingress;
    uint64_t egress;
    uint64_t burst;
    const char *hostname;
    const char *subdomain;
    VsTcpParams tcp;
    VsResolvParams resolv;
} PodConfig;

typedef struct Pod {
    VsPod *pod;
} Pod;

static const VsParam pod_params[] = {
    VS_PARAM_LABELS(PodConfig, labels, "labels",
                    .doc = "\"app=shop tier=web\": what services select by."),
    VS_PARAM_REFS(PodConfig, nodes, "nodes", .to = "node",
                  .doc =
                      "Nodes that replicas are spread over, in turn; all nodes without "
                      "it.  Not for a pod inside a <node>."),
    VS_CAPTURE_PARAM_ROW(PodConfig, capture),
    VS_PARAM_CHOICE(PodConfig, condition, "condition", .def = "ready",
                    .choices = condition_choices,
                    .doc = "What the control plane says of it: services choose ready "
                           "pods, and terminating ones only when none is ready."),
    VS_PARAM_TIME(PodConfig, ready_at, "ready-at", .def = "0s",
                  .doc =
                      "When its readiness probe first succeeds; unready until then."),
    VS_PARAM_TIME(PodConfig, terminates_at, "terminates-at", .min = "1us",
                  .doc = "When it is deleted: it terminates, and serves on for the "
                         "grace period.  Without it the pod stays."),
    VS_PARAM_TIME(PodConfig, grace, "grace", .def = "30s",
                  .doc = "From its deletion to the removal of its endpoint "
                         "(terminationGracePeriodSeconds)."),
    VS_PARAM_RATE(PodConfig, ingress, "ingress-bandwidth", .min = "1kbit/s",
                  .max = "800Gbit/s",
                  .doc = "What it may receive: a tbf at the node's end of its veth, as "
                         "the bandwidth plug-in makes of the annotation "
                         "kubernetes.io/ingress-bandwidth; a packet waits for up to "
                         "25 ms once the bucket is empty, and for as long as a burst "
                         "takes.  No limit without it."),
    VS_PARAM_RATE(PodConfig, egress, "egress-bandwidth", .min = "1kbit/s",
                  .max = "800Gbit/s",
                  .doc = "What it may send: the same at its own end, which is as good "
                         "as the plug-in's ifb behind the node's."),
    VS_PARAM_SIZE(PodConfig, burst, "bandwidth-burst", .def = "536870911B", .min = "1B",
                  .max = "4GB",
                  .doc = "Of both: containerd asks for 2^32-1 bits, which most pods "
                         "never use up."),
    VS_PARAM_STRING(PodConfig, subdomain, "subdomain",
                    .doc = "The headless service in which its hostname is a name: "
                           "web-0.db.default.svc.cluster.local."),
    VS_PARAM_STRING(PodConfig, hostname, "hostname",
                    .doc = "The pod's id without it, as in a StatefulSet."),
    VS_PARAM_BOOL(PodConfig, tcp.config.is_aborting_on_overflow,
                  "tcp-abort-on-overflow", .def = "no",
                  .doc = "A handshake that ends at a full accept queue is reset, not "
                         "kept waiting (net.ipv4.tcp_abort_on_overflow)."),
    VS_PARAM_CHOICE(PodConfig, tcp.syn_cookies, "tcp-syncookies", .def = "yes",
                    .choices = vs_tcp_syn_cookies_names,
                    .doc = "A SYN that finds the queue of handshakes full is answered "
                           "by a cookie, which the client's ACK brings back; no: it is "
                           "dropped; always: all are answered so "
                           "(net.ipv4.tcp_syncookies 1, 0, 2)."),
    VS_TCP_PARAM_ROWS(PodConfig, tcp),
    VS_PARAM_CHOICE(PodConfig, resolv.policy, "dns-policy", .def = "ClusterFirst",
                    .choices = vs_dns_policy_names,
                    .doc = "resolv.conf of its programs.  ClusterFirst: the cluster IP "
                           "of service kube-dns, the cluster's domains and then the "
                           "node's, ndots:5.  Default: the node's own.  None: only "
                           "what dns-nameservers, dns-search and dns-options say, "
                           "which else add to it."),
    VS_RESOLV_SERVERS_ROW(PodConfig, resolv),
    VS_RESOLV_SEARCH_ROW(PodConfig, resolv),
    VS_RESOLV_OPTIONS_ROW(PodConfig, resolv),
    {0},
};

static bool
check_times(const PodConfig *config, const VsElement *element, GError **error)
{
    bool terminates = vs_element_has(element, "terminates-at");

    if (vs_element_has(element, "grace") && !terminates) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "grace has no effect on a pod that stays; write terminates-at, "
                        "or leave it out");
        return false;
    }
    if (config->ready_at > 0 && config->condition != VS_POD_READY) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "ready-at and condition=\"%s\" contradict each other; leave "
                        "one out",
                        condition_choices[config->condition]);
        return false;
    }
    if (terminates && config->condition >= VS_POD_TERMINATING) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "terminates-at and condition=\"%s\" contradict each other: it "
                        "terminates from the start; leave one out",
                        condition_choices[config->condition]);
        return false;
    }
    if (terminates && config->terminates_at <= config->ready_at) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "terminates-at is not after ready-at; write a later time");
        return false;
    }
    return true;
}

static bool
check_bandwidth(const VsElement *element, GError **error)
{
    if (vs_element_has(element, "bandwidth-burst") &&
        !vs_element_has(element, "ingress-bandwidth") &&
        !vs_element_has(element, "egress-bandwidth")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "bandwidth-burst has no effect without ingress-bandwidth or "
                        "egress-bandwidth; write one, or leave it out");
        return false;
    }
    return true;
}

static bool
pod_check(const void *config_, const VsElement *element, GError **error)
{
    const PodConfig *config = config_;

    if (element->parent && vs_element_has(element, "nodes")) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_NO_EFFECT,
            "nodes=\"\" has no effect on a pod inside node \"%s\"; leave it "
            "out, or move the pod to the top level",
            element->parent->id);
        return false;
    }
    if (vs_element_has(element, "hostname") && !vs_element_has(element, "subdomain")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "hostname is a name of DNS only with subdomain=\"...\", the "
                        "headless service it is in; add that, or leave it out");
        return false;
    }
    return check_times(config, element, error) && check_bandwidth(element, error) &&
           vs_tcp_params_check(&config->tcp, element, error);
}

static VsNode *
choose_node(const VsElement *element, const VsCluster *cluster)
{
    const PodConfig *config = element->config;

    if (element->parent) {
        return vs_cluster_find_node(cluster, element->parent->id);
    }
    if (config->nodes.n_elements > 0) {
        unsigned place = element->member % config->nodes.n_elements;

        return vs_cluster_find_node(cluster, config->nodes.elements[place]->id);
    }
    return cluster->nodes->len > 0
               ? cluster->nodes->pdata[element->member % cluster->nodes->len]
               : NULL;
}

/* One direction, as the bandwidth plug-in has it (containernetworking plugins,
 * plugins/meta/bandwidth, createTBF). */
static bool
shape(VsBuild *build, const VsElement *element, VsIface *iface, uint64_t rate,
      GError **error)
{
    const PodConfig *config = element->config;
    VsTbfConfig tbf = {.bits_per_s = rate,
                       .burst_bytes = config->burst,
                       .limit_bytes = rate / 8 / 40 + config->burst};

    return rate == 0 || vs_build_shape(build, element, iface, &tbf, error);
}

static bool
shape_both(VsBuild *build, const VsElement *element, VsIface *eth0, GError **error)
{
    const PodConfig *config = element->config;
    uint64_t frame_bytes = eth0->mtu + VS_ETHER_HEADER_BYTES;

    if (config->ingress == 0 && config->egress == 0) {
        return true;
    }
    if (build->cluster->cni->has_socket_lb) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "cni=\"%s\" has a bandwidth manager of its own, which is not "
                        "modelled: leave the pod's bandwidth out, or take another cni",
                        build->cluster->cni->name);
        return false;
    }
    if (config->burst < frame_bytes) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "packets of the pod have up to %" G_GUINT64_FORMAT
                        " bytes, and bandwidth-burst is %" G_GUINT64_FORMAT
                        ": they would never pass; make it as large",
                        frame_bytes, config->burst);
        return false;
    }
    return shape(build, element, eth0->peer, config->ingress, error) &&
           shape(build, element, eth0, config->egress, error);
}

static bool
pod_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const PodConfig *config = element->config;
    VsNode *node = choose_node(element, build->cluster);
    g_autoptr(GError) reason = NULL;
    Pod *pod = self;
    VsNetns *netns;

    if (!node) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_REFERENCE,
                        "pod \"%s\" has no node to run on; add a <node>", element->id);
        return false;
    }
    netns = vs_netns_new(node->host, element->id);
    pod->pod = vs_cluster_add_pod(build->cluster, element->id, node, netns,
                                  &config->labels, &reason);
    if (!pod->pod) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT, "%s",
                        reason->message);
        return false;
    }
    pod->pod->subdomain = config->subdomain;
    pod->pod->hostname = config->hostname ? config->hostname : element->id;
    pod->pod->condition = (VsPodCondition)config->condition;
    pod->pod->ready_at = config->ready_at;
    pod->pod->element = element;
    pod->pod->resolv = &config->resolv;
    if (vs_element_has(element, "terminates-at")) {
        pod->pod->terminates_at = config->terminates_at;
        pod->pod->removed_at = config->terminates_at + config->grace;
    }
    build->cluster->cni->wire_pod(pod->pod);
    vs_build_capture(build, element, netns, config->capture);
    /* A pod without containers has sockets, too: it refuses. */
    vs_tcp_params_apply(&config->tcp, netns);
    return shape_both(build, element, vs_netns_find_iface(netns, "eth0"), error);
}

const VsModel vs_model_pod = {
    .element = "pod",
    .summary = "A pod: a network namespace with one address, shared by its containers.",
    .parents = "scenario node",
    .id_rule = VS_ID_REQUIRED,
    .id_scope = VS_ID_SCOPE_KIND,
    .is_template = true,
    .config_size = sizeof(PodConfig),
    .params = pod_params,
    .size = sizeof(Pod),
    .check = pod_check,
    .declare = pod_declare,
};

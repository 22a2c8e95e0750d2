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
    return check_times(config, element, error) &&
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
    return true;
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

#include "models/lb/lb.h"

typedef enum LbTarget {
    LB_TARGET_NODE_PORT,
    LB_TARGET_PODS,
} LbTarget;

static const char *const target_choices[] = {"node-port", "pods", NULL};

/* A connection is all it sees. */
#define KEYS (1u << VS_BALANCE_BY_ADDRESS | 1u << VS_BALANCE_BY_FLOW)

static const VsParam lb_params[] = {
    VS_PARAM_IPV4(
        LbConfig, vip, "vip",
        .doc = "Address clients connect to; the next of 203.0.113.0/24 without it."),
    VS_PARAM_UINT(LbConfig, port, "port", .def = "80", .min = "1", .max = "65535",
                  .doc = "TCP port clients connect to."),
    VS_PARAM_REF(LbConfig, service, "service", .is_required = true, .to = "service",
                 .doc = "The service whose pods answer."),
    VS_PARAM_CHOICE(
        LbConfig, target, "target", .def = "node-port", .choices = target_choices,
        .doc = "node-port: every node at the service's node port; pods: its "
               "endpoints themselves, past kube-proxy."),
    VS_PARAM_REFS(LbConfig, nodes, "nodes", .to = "node",
                  .doc = "Nodes to send to; all of them without it.  For "
                         "target=\"node-port\"."),
    VS_BALANCE_PARAM_ROWS(LbConfig, balance, "round-robin",
                          "How a new connection gets its backend, which it keeps."),
    VS_PARAM_TIME(
        LbConfig, health_interval, "health-interval", .def = "10s", .min = "1ms",
        .doc = "Between two health checks of a backend: a TCP connection; but "
               "of nodes for a LoadBalancer with external-traffic-policy="
               "\"Local\" GET /healthz at its health-check-node-port, where "
               "kube-proxy answers 200 if the node has a ready endpoint, "
               "else 503."),
    VS_PARAM_TIME(LbConfig, health_timeout, "health-timeout", .def = "5s", .min = "1us",
                  .doc = "A check not connected, or not answered, by then has failed."),
    VS_PARAM_UINT(LbConfig, healthy_after, "healthy-after", .def = "3", .min = "1",
                  .doc = "Good checks in a row that bring a backend back."),
    VS_PARAM_UINT(LbConfig, unhealthy_after, "unhealthy-after", .def = "3", .min = "1",
                  .doc = "Failed checks in a row that take a backend out."),
    VS_PARAM_UINT(LbConfig, conntrack_max, "conntrack-max", .def = "1048576",
                  .min = "1", .doc = "Connections it keeps track of, at most."),
    VS_PARAM_TIME(LbConfig, released_at, "released-at", .min = "1us",
                  .doc = "When it gives up its address: from then on all that is sent "
                         "to it is lost.  Without it, it stays."),
    VS_HOST_PARAM_ROWS(LbConfig, host, "4"),
    {0},
};

static const VsStat lb_stats[] = {
    VS_COUNTER(Lb, n_new_flows, "new-flows", "connection",
               "Connections given a backend."),
    VS_COUNTER(Lb, n_refused, "refused", "connection",
               "Connections dropped: no backend was healthy."),
    VS_COUNTER(Lb, n_not_admitted, "not-admitted", "connection",
               "Connections dropped: their source is outside the service's "
               "load-balancer-source-ranges."),
    VS_COUNTER(Lb, n_checks, "checks", "check", "Health checks done."),
    VS_COUNTER(Lb, n_checks_failed, "checks-failed", "check", "Health checks failed."),
    VS_COUNTER(Lb, n_transitions, "transitions", "change",
               "Backends taken out or brought back by health checks."),
    VS_SHARES(Lb, shares, "backends", "connection", "Connections given each backend."),
    VS_CONNTRACK_STAT_ROWS(Lb, conntrack),
    {0},
};

static bool
lb_check(const void *config_, const VsElement *element, GError **error)
{
    const LbConfig *config = config_;

    if (!vs_balance_params_check(&config->balance, KEYS, element, error)) {
        return false;
    }
    if (config->target == LB_TARGET_PODS && config->nodes.n_elements > 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "nodes=\"\" has no effect with target=\"pods\"; leave it out");
        return false;
    }
    if (config->health_timeout >= config->health_interval) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "health-timeout is not below health-interval; a check must end "
                        "before the next begins");
        return false;
    }
    return true;
}

static void
lb_release(VsConntrackEntry *entry)
{
    const LbBackend *backend = entry->user;

    vs_balancer_release(&backend->lb->balancer, backend->index, NULL);
}

static char *
format_backend(const Lb *lb, uint32_t index)
{
    const LbBackend *backend = &lb->backends[index];
    g_autofree char *address = vs_format_ipv4(backend->address);

    return g_strdup_printf("backend %s %s:%u", lb->balancer.backends[index].name,
                           address, backend->port);
}

/* Tells the trace what was chosen, and what of each backend that was not. */
static void
record_choice(const Lb *lb, VsPacket *packet, uint32_t choice)
{
    const VsCore *core = lb->host->core;
    VsTraceRecord *record = vs_trace_add(packet, VS_TRACE_SERVICE, lb->host->root->name,
                                         core ? core->charge : 0);
    const char *algorithm = lb->balancer.kind->name;
    GPtrArray *passed = g_ptr_array_new();

    for (uint32_t i = 0; i < lb->n_backends; i++) {
        if (i != choice) {
            g_ptr_array_add(passed, format_backend(lb, i));
            g_ptr_array_add(passed,
                            lb->backends[i].is_up
                                ? g_strdup_printf("it is up, but the choice of %s "
                                                  "fell on another",
                                                  algorithm)
                                : g_strdup("its health checks have failed"));
        }
    }
    g_ptr_array_add(passed, NULL);
    record->name = g_strdup("load balancer");
    record->passed = (char **)g_ptr_array_free(passed, FALSE);
    if (choice == VS_BALANCER_NONE) {
        record->text = g_strdup("no backend");
        record->why = g_strdup_printf("none of %u is up", lb->n_backends);
    } else {
        record->text = format_backend(lb, choice);
        record->why = g_strdup_printf("%s among the %u of %u that are up", algorithm,
                                      lb->balancer.n_available, lb->n_backends);
    }
}

static void
record_refusal(const Lb *lb, VsPacket *packet)
{
    const VsCore *core = lb->host->core;
    VsTraceRecord *record = vs_trace_add(packet, VS_TRACE_SERVICE, lb->host->root->name,
                                         core ? core->charge : 0);
    g_autofree char *source = vs_format_ipv4(vs_packet_top(packet)->flow.saddr);

    record->name = g_strdup("load balancer");
    record->text = g_strdup("not admitted");
    record->why =
        g_strdup_printf("%s is outside load-balancer-source-ranges of service \"%s\"",
                        source, lb->service->name);
}

/* The load balancer filters itself, as a cloud's does (from the Service's
 * loadBalancerSourceRanges): kube-proxy's rules see node ports and its own address only. */
static bool
is_admitted(Lb *lb, VsPacket *packet)
{
    if (vs_service_admits(lb->service, vs_packet_top(packet)->flow.saddr)) {
        return true;
    }
    lb->n_not_admitted++;
    if (vs_packet_is_traced(packet)) {
        record_refusal(lb, packet);
    }
    vs_packet_drop(packet, VS_DROP_SOURCE_RANGES);
    return false;
}

/* DNAT: a new connection to the VIP gets a backend. */
static bool
lb_dst_rule(void *data, VsPacket *packet, VsConntrackEntry *entry,
            const VsHookState *state, bool *ret_stolen)
{
    Lb *lb = data;
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    const uint32_t saddr = GUINT32_TO_BE(flow->saddr);
    const VsBalanceKey key = {.data = &saddr,
                              .bytes = sizeof(saddr),
                              .flow = *flow,
                              .tcp_seq = vs_packet_top(packet)->tcp.seq,
                              .now = vs_now(lb->host->root->run)};
    const LbBackend *backend;
    uint32_t choice;

    if (state->point != VS_HOOK_PREROUTING || flow->daddr != lb->vip ||
        flow->dport != lb->config->port || flow->protocol != VS_PROTOCOL_TCP) {
        return false;
    }
    if (!is_admitted(lb, packet)) {
        *ret_stolen = true;
        return false;
    }
    choice = vs_balancer_pick(&lb->balancer, &key);
    if (vs_packet_is_traced(packet)) {
        record_choice(lb, packet, choice);
    }
    if (choice == VS_BALANCER_NONE) {
        lb->n_refused++;
        vs_packet_drop(packet, VS_DROP_NO_BACKEND);
        *ret_stolen = true;
        return false;
    }
    backend = &lb->backends[choice];
    lb->n_new_flows++;
    lb->shares.shares[choice].count++;
    entry->release = lb_release;
    entry->user = (void *)backend;
    vs_nat_dst(entry, backend->address, backend->port);
    return true;
}

/* SNAT: the backend answers to us. */
static bool
lb_src_rule(void *data, VsPacket *packet, VsConntrackEntry *entry,
            const VsHookState *state, bool *ret_stolen)
{
    (void)data;
    if (entry->release != lb_release) {
        return false;
    }
    if (!vs_nat_src(entry, state->out->address)) {
        vs_packet_drop(packet, VS_DROP_NO_NAT_PORT);
        *ret_stolen = true;
        return false;
    }
    return true;
}

static bool
lb_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Lb *lb = self;
    VsConntrackConfig conntrack = vs_conntrack_config_default;

    lb->config = element->config;
    lb->host = vs_build_new_host(build, element, &lb->config->host,
                                 VS_HOST_LAST_RESORT_ROUTER);
    lb->vip = vs_build_add_vip(build, lb->host, lb->config->vip);
    if (lb->vip == 0) {
        g_autofree char *vip = vs_format_ipv4(lb->config->vip);

        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "vip=\"%s\" is another load balancer's; give this one its own, or "
            "none to take the next free one",
            vip);
        return false;
    }
    vs_entity_init(&lb->entity, &lb->host->part);
    conntrack.max = lb->config->conntrack_max;
    vs_conntrack_attach(lb->host->root, &conntrack, &lb->conntrack);
    vs_nat_add_dst_rule(lb->host->root->conntrack, lb_dst_rule, lb);
    vs_nat_add_src_rule(lb->host->root->conntrack, lb_src_rule, lb);
    return true;
}

static bool
lb_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const Lb *lb = self;

    (void)element;
    (void)error;
    vs_cluster_add_load_balancer(build->cluster, lb->config->service->id,
                                 lb->config->target == LB_TARGET_NODE_PORT ? lb->vip
                                                                           : 0);
    return true;
}

/* Knows the way to pods; with target="pods" it must. */
static bool
add_pod_routes(const Lb *lb, const VsElement *element, const VsBuild *build,
               GError **error)
{
    const VsCni *cni = build->cluster->cni;
    const VsNode *lost = vs_cluster_add_pod_routes(build->cluster, lb->host->root);

    if (lb->config->target != LB_TARGET_PODS) {
        return true;
    }
    if (cni->is_hidden) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "target=\"pods\" needs pods that can be reached from outside, and "
            "cni=\"%s\" keeps them behind tunnels; write "
            "target=\"node-port\", or take another cni",
            cni->name);
        return false;
    }
    if (lost) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "lb \"%s\" has no link to the segment of node \"%s\", which "
                        "target=\"pods\" needs; join both to one <switch>",
                        element->id, lost->name);
        return false;
    }
    return true;
}

static void
add_backend(Lb *lb, const char *name, VsAddr address, uint16_t port)
{
    LbBackend *backend = &lb->backends[lb->n_backends++];

    *backend = (LbBackend){.lb = lb, .address = address, .port = port, .is_up = true};
    backend->index = vs_balancer_add(&lb->balancer, name, 1);
    vs_shares_add(&lb->shares, name);
}

static bool
is_wanted(const LbConfig *config, const VsNode *node)
{
    for (unsigned i = 0; i < config->nodes.n_elements; i++) {
        if (strcmp(config->nodes.elements[i]->id, node->name) == 0) {
            return true;
        }
    }
    return config->nodes.n_elements == 0;
}

static void
add_node_ports(Lb *lb, const VsCluster *cluster, const VsService *service)
{
    lb->backends = g_new0(LbBackend, MAX(cluster->nodes->len, 1));
    for (unsigned i = 0; i < cluster->nodes->len; i++) {
        const VsNode *node = cluster->nodes->pdata[i];

        if (is_wanted(lb->config, node)) {
            add_backend(lb, node->name, vs_host_address(node->host),
                        service->node_port);
        }
    }
}

static void
add_endpoints(Lb *lb, const VsService *service)
{
    lb->backends = g_new0(LbBackend, MAX(service->n_endpoints, 1));
    for (unsigned i = 0; i < service->n_endpoints; i++) {
        const VsEndpoint *endpoint = &service->endpoints[i];

        add_backend(lb, endpoint->pod->name, endpoint->address, endpoint->port);
    }
}

/* Before conntrack: connections that stood are cut off, too. */
static VsVerdict
drop_released(void *data, VsPacket *packet, const VsHookState *state)
{
    const Lb *lb = data;

    (void)state;
    if (vs_packet_top(packet)->flow.daddr != lb->vip ||
        vs_now(lb->host->part.run) < lb->config->released_at) {
        return VS_VERDICT_ACCEPT;
    }
    vs_packet_drop(packet, VS_DROP_ADDRESS_RELEASED);
    return VS_VERDICT_STOLEN;
}

static const VsHook released_hooks[] = {
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_RAW, drop_released}, {0}};

static bool
lb_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Lb *lb = self;
    const LbConfig *config = lb->config;
    VsService *service = vs_cluster_find_service(build->cluster, config->service->id);
    VsRng rng;

    if (!vs_build_check_tcp(service, element, error) ||
        !add_pod_routes(lb, element, build, error)) {
        return false;
    }
    lb->service = service;
    if (vs_element_has(element, "released-at")) {
        vs_netns_add_hooks(lb->host->root, released_hooks, lb);
    }
    vs_rng_init(&rng, build->run->seed, element->id, "backend");
    vs_balance_params_init(&config->balance, &lb->balancer, &rng);
    if (config->target == LB_TARGET_PODS && vs_service_changes(service)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "endpoints of service \"%s\" change during the run, which "
                        "target=\"pods\" does not follow; write target=\"node-port\"",
                        service->name);
        return false;
    }
    if (config->target == LB_TARGET_PODS) {
        add_endpoints(lb, service);
    } else if (service->node_port == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "service \"%s\" has no node port; give it type=\"NodePort\" or "
                        "\"LoadBalancer\", or the lb target=\"pods\"",
                        service->name);
        return false;
    } else {
        add_node_ports(lb, build->cluster, service);
        lb->health_port = service->health_check_node_port;
    }
    if (lb->n_backends == 0) {
        vs_set_error_at(
            error, element, VS_SCENARIO_ERROR_CONFLICT,
            "lb \"%s\" has no backend: service \"%s\" has no endpoint and the "
            "cluster no node for it",
            element->id, service->name);
        return false;
    }
    vs_sockets_of(lb->host->root); /* To answer what is not for a backend. */
    lb_health_start(lb);
    return true;
}

static void
lb_close(void *self)
{
    Lb *lb = self;

    if (lb->balancer.kind) {
        vs_balancer_clear(&lb->balancer);
    }
    vs_shares_clear(&lb->shares);
    g_free(lb->backends);
}

const VsModel vs_model_lb = {
    .element = "lb",
    .summary = "A layer-4 load balancer that keeps each connection on its backend.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .config_size = sizeof(LbConfig),
    .params = lb_params,
    .size = sizeof(Lb),
    .stats = lb_stats,
    .check = lb_check,
    .create = lb_create,
    .declare = lb_declare,
    .open = lb_open,
    .close = lb_close,
};

/* NodeLocal DNSCache: a cache on a node, in its root namespace, in the way of what pods send to
 * kube-dns.
 *
 * As the add-on of Kubernetes (cluster/addons/dns/nodelocaldns; kubernetes/dns cmd/node-cache):
 * an interface has 169.254.20.10 and the address of kube-dns, and rules of table raw keep
 * conntrack out, so that neither kube-proxy's rules nor races for conntrack's table meet these
 * packets.  The cluster's names are asked for by TCP at another service of the same pods, good
 * answers kept for 30 s, denials for 5 s; others at the node's own servers. */
#include "models/dns/forward.h"
#include "models/dns/zone.h"

#include <string.h>

#define DEVICE "nodelocaldns"
#define LOCAL_ADDRESS 0xa9fe140a /* 169.254.20.10 */

typedef struct NodelocalConfig {
    DnsServerParams server;
    const VsElement *upstream;
    bool is_by_tcp;
    VsTime cache;
    VsTime denial;
    VsTime timeout;
    uint32_t attempts;
} NodelocalConfig;

typedef struct Nodelocal {
    DnsServer server;  /* At kube-dns' address; */
    VsDnsSocket local; /* at its own. */
    DnsForward cluster;
    DnsForward outside;
} Nodelocal;

static const VsParam nodelocal_params[] = {
    VS_PARAM_REF(NodelocalConfig, upstream, "upstream", .is_required = true,
                 .to = "service",
                 .doc = "A second service of CoreDNS' pods (kube-dns-upstream), as the "
                        "address of the first is this cache's own on the node."),
    VS_PARAM_BOOL(NodelocalConfig, is_by_tcp, "force-tcp", .def = "yes",
                  .doc = "The cluster's names are asked for by TCP."),
    VS_PARAM_TIME(NodelocalConfig, cache, "cache", .def = "30s", .max = "86400s",
                  .doc = "Longest time that an answer is kept; whole seconds."),
    VS_PARAM_TIME(NodelocalConfig, denial, "denial-cache", .def = "5s", .min = "1s",
                  .max = "86400s",
                  .doc = "The same of \"no such name\" in the cluster."),
    VS_PARAM_TIME(NodelocalConfig, timeout, "timeout", .def = "2s", .min = "1ms",
                  .doc = "A question not answered by then is asked again."),
    VS_PARAM_UINT(NodelocalConfig, attempts, "attempts", .def = "3", .min = "1",
                  .doc = "Questions asked before the client is told SERVFAIL."),
    DNS_WORK_PARAM_ROWS(NodelocalConfig, server),
    {0},
};

static const VsStat nodelocal_stats[] = {
    VS_COUNTER(Nodelocal, cluster.counts.n_hits, "cluster-hits", "query",
               "Queries for the cluster's names answered from the cache."),
    VS_COUNTER(Nodelocal, cluster.counts.n_misses, "cluster-misses", "query",
               "Those that had to wait."),
    VS_COUNTER(Nodelocal, cluster.counts.n_asked, "cluster-asked", "query",
               "Questions for the cluster's names sent upstream."),
    VS_COUNTER(Nodelocal, cluster.tcp.n_connects, "connects", "connection",
               "Connections opened for them."),
    VS_COUNTER(Nodelocal, outside.counts.n_hits, "hits", "query",
               "Queries for names outside answered from the cache."),
    VS_COUNTER(Nodelocal, outside.counts.n_misses, "misses", "query",
               "Those that had to wait."),
    VS_COUNTER(Nodelocal, outside.counts.n_asked, "asked", "query",
               "Questions for names outside sent to the node's servers."),
    DNS_SERVER_STAT_ROWS(Nodelocal, server),
    {0},
};

static bool
nodelocal_check(const void *config_, const VsElement *element, GError **error)
{
    const NodelocalConfig *config = config_;

    if (config->cache % VS_S != 0 || config->denial % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s is not in whole seconds, as DNS has it",
                        config->cache % VS_S != 0 ? "cache" : "denial-cache");
        return false;
    }
    return true;
}

static void
nodelocal_worked(DnsServer *server, VsDnsRequest *query)
{
    Nodelocal *nodelocal = VS_CONTAINER_OF(server, Nodelocal, server);
    VsName name = query->payload.dns.name;
    VsDns refusal = {.code = VS_DNS_REFUSED};

    if (dns_zone_holds(vs_names_get(&server->netns->run->packets->names, name))) {
        dns_forward_query(&nodelocal->cluster, query, name);
    } else if (nodelocal->outside.n_upstreams > 0) {
        dns_forward_query(&nodelocal->outside, query, name);
    } else {
        dns_server_answer(server, query, &refusal, 0);
    }
}

/* Rules. ---------------------------------------------------------------------------- */

static void
add_rule(GString *rules, const char *chain, const char *protocol, const char *side,
         const char *address, bool is_raw)
{
    g_string_append_printf(
        rules,
        "-A %s -%s %s/32 -p %s -m comment --comment \"NodeLocal DNS Cache: %s\" "
        "-m %s --%cport 53 -j %s\n",
        chain, side, address, protocol, is_raw ? "skip conntrack" : "allow DNS traffic",
        protocol, *side, is_raw ? "CT --notrack" : "ACCEPT");
}

/* In the order in which the program adds them: to the server, from it, and to it from the node
 * itself. */
static char *
make_rules(VsAddr kube_dns)
{
    const VsAddr addresses[] = {LOCAL_ADDRESS, kube_dns};
    static const char *const protocols[] = {"tcp", "udp"};
    GString *raw = g_string_new("*raw\n");
    GString *filter = g_string_new("*filter\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *address = vs_format_ipv4(addresses[i]);

        for (unsigned j = 0; j < G_N_ELEMENTS(protocols); j++) {
            add_rule(raw, "PREROUTING", protocols[j], "d", address, true);
            add_rule(raw, "OUTPUT", protocols[j], "s", address, true);
            add_rule(raw, "OUTPUT", protocols[j], "d", address, true);
            add_rule(filter, "INPUT", protocols[j], "d", address, false);
            add_rule(filter, "OUTPUT", protocols[j], "s", address, false);
        }
    }
    g_string_append(raw, "COMMIT\n");
    g_string_append(filter, "COMMIT\n");
    g_string_append(raw, filter->str);
    g_string_free(filter, TRUE);
    return g_string_free(raw, FALSE);
}

/* Life. ----------------------------------------------------------------------------- */

static VsNode *
node_of(const VsElement *element, const VsBuild *build)
{
    return vs_cluster_find_node(build->cluster, element->parent->id);
}

static bool
check_node(const VsNode *node, const VsElement *element, GError **error)
{
    const char *reason = NULL;

    if (node->cluster->cni->has_socket_lb) {
        reason =
            "its cni gives connections to a cluster IP their endpoint before a packet "
            "is there, which passes this cache by; take another cni";
    } else if (node->proxy_mode == VS_PROXY_IPVS) {
        reason = "with proxy=\"ipvs\" the address of kube-dns is kube-ipvs0's; write "
                 "iptables or nftables";
    } else if (vs_filter_of(node->host->root)) {
        reason = "the node brings its own rules, to which this cache would add some; "
                 "leave one out";
    } else if (node->agent_rules) {
        reason = "there is one on this node already; leave one out";
    }
    if (reason) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "nodelocaldns cannot be on node \"%s\": %s", node->name,
                        reason);
    }
    return !reason;
}

/* The port 53 of a service that 'protocol' has, or NULL. */
static const VsService *
find_port(const VsCluster *cluster, const char *name, uint8_t protocol)
{
    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];

        if (strcmp(service->name, name) == 0 && service->protocol == protocol &&
            service->port == VS_DNS_PORT) {
            return service;
        }
    }
    return NULL;
}

static bool
check_services(const VsService *kube_dns, const VsService *upstream,
               const VsElement *element, GError **error)
{
    const char *reason = NULL;

    if (!kube_dns) {
        reason = "nodelocaldns takes the place of service \"" VS_CLUSTER_DNS_SERVICE
                 "\" on its node, and there is none";
    } else if (!upstream) {
        reason = "upstream has no port 53 of this protocol (TCP, or UDP with "
                 "force-tcp=\"no\"); give it one";
    } else if (upstream->cluster_ip == kube_dns->cluster_ip) {
        reason =
            "upstream is the service whose address this cache takes; name a second "
            "one that selects the same pods";
    }
    if (reason) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT, "%s", reason);
    }
    return !reason;
}

/* What the node itself sends to a cluster IP needs a route before kube-proxy's rules give it an
 * endpoint, whose route it then takes.  Nodes have one by default, but where nothing is outside. */
static bool
add_route(const VsNode *node, VsAddr address, const VsElement *element, GError **error)
{
    VsNetns *root = node->host->root;
    VsRouteKey key = {.daddr = address};
    VsIface *iface = root->ifaces;

    while (iface && (iface->kind != VS_IFACE_ETHERNET || iface->address == 0)) {
        iface = iface->next;
    }
    if (vs_netns_find_route(root, &key)) {
        return true;
    }
    if (!iface) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "node \"%s\" has no way to upstream: it has no link; write "
                        "<link from=\"%s\" to=\"...\"/>",
                        node->name, node->name);
        return false;
    }
    vs_netns_add_route(root, address, 32, iface, 0);
    return true;
}

/* kube-proxy's rules are written when services open: later. */
static bool
nodelocal_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const NodelocalConfig *config = element->config;
    uint8_t protocol = config->is_by_tcp ? VS_PROTOCOL_TCP : VS_PROTOCOL_UDP;
    VsNode *node = node_of(element, build);
    const VsService *kube_dns =
        vs_cluster_find_service(build->cluster, VS_CLUSTER_DNS_SERVICE);
    const VsService *upstream =
        find_port(build->cluster, config->upstream->id, protocol);
    g_autofree char *name = g_strdup_printf("%s/%s", node->name, DEVICE);
    DnsForwardConfig forward = {.policy = DNS_POLICY_RANDOM,
                                .timeout = config->timeout,
                                .attempts = config->attempts,
                                .max_ttl = config->cache};
    Nodelocal *nodelocal = self;

    if (!check_node(node, element, error)) {
        return false;
    }
    if (!check_services(kube_dns, upstream, element, error) ||
        !add_route(node, upstream->cluster_ip, element, error)) {
        return false;
    }
    node->agent_rules = make_rules(kube_dns->cluster_ip);
    vs_iface_set_address(vs_iface_new(node->host->root, VS_IFACE_DUMMY, DEVICE),
                         LOCAL_ADDRESS, 32);
    vs_netns_add_local(node->host->root, kube_dns->cluster_ip);
    dns_server_join_node(&nodelocal->server, node, &config->server);
    nodelocal->server.socket.is_lazy = true;
    nodelocal->local.is_lazy = true;
    dns_server_open(&nodelocal->server, name, kube_dns->cluster_ip, build,
                    nodelocal_worked);
    dns_server_listen(&nodelocal->server, &nodelocal->local, LOCAL_ADDRESS);
    forward.upstreams = &node->resolv->servers;
    if (!dns_forward_open(&nodelocal->outside, &nodelocal->server, name, &forward,
                          element, build, error)) {
        return false;
    }
    forward.address = upstream->cluster_ip;
    forward.is_by_tcp = config->is_by_tcp;
    forward.max_denial_ttl = config->denial;
    return dns_forward_open(&nodelocal->cluster, &nodelocal->server, name, &forward,
                            element, build, error);
}

static void
nodelocal_close(void *self)
{
    Nodelocal *nodelocal = self;

    if (nodelocal->server.netns) {
        dns_server_close(&nodelocal->server);
        vs_dns_socket_close(&nodelocal->local);
        dns_forward_close(&nodelocal->outside);
        dns_forward_close(&nodelocal->cluster);
    }
}

const VsModel vs_model_nodelocaldns = {
    .element = "nodelocaldns",
    .summary = "NodeLocal DNSCache: a cache on a node in front of kube-dns.",
    .parents = "node",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .config_size = sizeof(NodelocalConfig),
    .params = nodelocal_params,
    .size = sizeof(Nodelocal),
    .stats = nodelocal_stats,
    .check = nodelocal_check,
    .open = nodelocal_open,
    .close = nodelocal_close,
};

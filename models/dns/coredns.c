/* CoreDNS as kubeadm sets it up: kubernetes, forward, cache, and autopath if asked for. */
#include "models/dns/forward.h"
#include "models/dns/zone.h"

/* As DnsPolicy. */
static const char *const policy_choices[] = {"sequential", "random", "round_robin",
                                             NULL};

typedef struct CorednsConfig {
    DnsServerParams server;
    VsRefs upstreams;
    VsChoice policy;
    VsTime timeout;
    uint32_t attempts;
    uint32_t max_concurrent;
    VsTime ttl;
    VsTime cache;
    bool is_autopath;
} CorednsConfig;

/* What is to be done for a name, found at its first query. */
typedef struct CorednsName {
    DnsZoneEntry entry;
    VsName asked; /* What is answered in its place: itself, but with autopath. */
} CorednsName;

typedef struct Coredns {
    DnsServer server;
    DnsForward forward;
    const CorednsConfig *config;
    VsCluster *cluster;
    VsTable names; /* Name to CorednsName. */
    uint64_t n_cluster;
    uint64_t n_unknown;
    uint64_t n_autopath;
} Coredns;

static const VsParam coredns_params[] = {
    VS_PARAM_REFS(CorednsConfig, upstreams, "forward", .to = "resolver dns",
                  .doc =
                      "Who knows the names outside the cluster; without it its node's "
                      "dns-nameservers, and without those such names are REFUSED."),
    VS_PARAM_CHOICE(CorednsConfig, policy, "policy", .def = "random",
                    .choices = policy_choices,
                    .doc = "Which of them is asked; after a time-out the next."),
    VS_PARAM_TIME(CorednsConfig, timeout, "timeout", .def = "2s", .min = "1ms",
                  .doc = "A forwarded question not answered by then is asked again "
                         "(the plugin's read time-out)."),
    VS_PARAM_UINT(CorednsConfig, attempts, "attempts", .def = "3", .min = "1",
                  .doc = "Questions asked before the client is told SERVFAIL."),
    VS_PARAM_UINT(CorednsConfig, max_concurrent, "max-concurrent", .def = "1000",
                  .doc = "Forwarded questions under way; one more is REFUSED.  0: no "
                         "limit."),
    VS_PARAM_TIME(CorednsConfig, ttl, "ttl", .def = "30s", .max = "3600s",
                  .doc = "Of the cluster's names, also of those that do not exist; "
                         "whole seconds.  kubeadm writes 30s, the plugin's own "
                         "default is 5s."),
    VS_PARAM_TIME(CorednsConfig, cache, "cache", .def = "30s", .max = "86400s",
                  .doc = "Longest time that an answer from outside is kept, good or "
                         "not; whole seconds, 0s: no cache."),
    VS_PARAM_BOOL(CorednsConfig, is_autopath, "autopath", .def = "no",
                  .doc = "yes: the first question of a pod's search list is answered "
                         "with what the whole list leads to, by a CNAME."),
    DNS_WORK_PARAM_ROWS(CorednsConfig, server),
    {0},
};

static const VsStat coredns_stats[] = {
    VS_COUNTER(Coredns, server.n_queries, "queries", "query", "Queries received."),
    VS_COUNTER(Coredns, n_cluster, "cluster", "query",
               "Queries for names of the cluster that exist."),
    VS_COUNTER(Coredns, n_unknown, "unknown", "query",
               "Queries for names of the cluster that do not."),
    VS_COUNTER(Coredns, n_autopath, "autopath", "query",
               "Queries answered for another name of the search list."),
    VS_COUNTER(Coredns, forward.n_hits, "hits", "query",
               "Queries for names outside answered from the cache."),
    VS_COUNTER(Coredns, forward.n_misses, "misses", "query",
               "Queries for names outside that had to wait."),
    VS_COUNTER(Coredns, forward.n_asked, "asked", "query", "Questions forwarded."),
    VS_COUNTER(Coredns, forward.n_failed, "failed", "query",
               "Queries answered SERVFAIL."),
    VS_COUNTER(Coredns, forward.n_refused, "refused", "query",
               "Queries REFUSED: too many were under way."),
    VS_QUEUE(Coredns, server.station.stat, "system", "query", "Waiting or worked on."),
    VS_BUSY(Coredns, server.station.busy, "workers", "worker", "Workers at work."),
    {0},
};

static bool
coredns_check(const void *config_, const VsElement *element, GError **error)
{
    const CorednsConfig *config = config_;

    if (config->ttl % VS_S != 0 || config->cache % VS_S != 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s is not in whole seconds, as DNS has it",
                        config->ttl % VS_S != 0 ? "ttl" : "cache");
        return false;
    }
    return true;
}

/* Names. ---------------------------------------------------------------------------- */

/* Of the names that the search list makes of 'host' the first that may exist: in the cluster, or
 * as it is. */
static void
follow_search(const Coredns *coredns, const char *host, CorednsName *name)
{
    VsNames *names = &coredns->server.netns->run->packets->names;

    for (const char *const *domain = dns_zone_search; *domain; domain++) {
        g_autofree char *full = g_strdup_printf("%s.%s", host, *domain);
        DnsZoneEntry entry = dns_zone_find(coredns->cluster, full);

        if (entry.kind != DNS_ZONE_UNKNOWN) {
            *name = (CorednsName){entry, vs_names_intern(names, full)};
            return;
        }
    }
    *name = (CorednsName){dns_zone_find(coredns->cluster, host),
                          vs_names_intern(names, host)};
}

static const CorednsName *
name_get(Coredns *coredns, VsName asked)
{
    VsKey key = {{asked, 0}};
    CorednsName *name = vs_table_find(&coredns->names, key);
    const char *text = vs_names_get(&coredns->server.netns->run->packets->names, asked);
    g_autofree char *host = NULL;

    if (name) {
        return name;
    }
    name = g_new0(CorednsName, 1);
    *name = (CorednsName){dns_zone_find(coredns->cluster, text), asked};
    host = coredns->config->is_autopath ? dns_zone_strip_search(text) : NULL;
    if (host && name->entry.kind == DNS_ZONE_UNKNOWN) {
        follow_search(coredns, host, name);
    }
    vs_table_insert(&coredns->names, key, name);
    return name;
}

/* Of the cluster: authoritative, and good for 'ttl' whether there is such a name or not. */
static void
answer_cluster(Coredns *coredns, VsUdpRequest *query, const CorednsName *name)
{
    VsDns answer = {.ttl_s = (uint32_t)(coredns->config->ttl / VS_S)};

    if (name->entry.kind == DNS_ZONE_UNKNOWN) {
        answer.code = VS_DNS_NXDOMAIN;
        coredns->n_unknown++;
    } else {
        coredns->n_cluster++;
    }
    if (name->entry.kind == DNS_ZONE_ADDRESS && query->payload.dns.type == VS_DNS_A) {
        answer.answers[answer.n_answers++] = name->entry.address;
    }
    if (name->asked != query->payload.dns.name) {
        answer.alias = name->asked;
    }
    dns_server_answer(&coredns->server, query, &answer);
}

static void
coredns_worked(DnsServer *server, VsUdpRequest *query)
{
    Coredns *coredns = VS_CONTAINER_OF(server, Coredns, server);
    const CorednsName *name = name_get(coredns, query->payload.dns.name);
    VsDns refusal = {.code = VS_DNS_REFUSED};

    coredns->n_autopath += name->asked != query->payload.dns.name;
    if (name->entry.kind != DNS_ZONE_OUTSIDE) {
        answer_cluster(coredns, query, name);
    } else if (coredns->forward.n_upstreams > 0) {
        dns_forward_query(&coredns->forward, query, name->asked);
    } else {
        dns_server_answer(server, query, &refusal);
    }
}

/* Life. ----------------------------------------------------------------------------- */

static VsPod *
pod_of(const VsElement *element, const VsBuild *build)
{
    return vs_cluster_find_pod(build->cluster, element->parent->id);
}

static bool
coredns_declare(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    (void)self;
    return vs_build_open_port(pod_of(element, build), VS_PROTOCOL_UDP, VS_DNS_PORT,
                              element, error);
}

static bool
coredns_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const CorednsConfig *config = element->config;
    const VsPod *pod = pod_of(element, build);
    bool has_own = config->upstreams.n_elements > 0;
    DnsForwardConfig forward = {.upstreams = has_own ? &config->upstreams
                                                     : &pod->node->resolv->servers,
                                .policy = (DnsPolicy)config->policy,
                                .timeout = config->timeout,
                                .attempts = config->attempts,
                                .max_concurrent = config->max_concurrent,
                                .max_ttl = config->cache};
    g_autofree char *name = g_strdup_printf("%s/%s", pod->name, element->id);
    Coredns *coredns = self;

    coredns->config = config;
    coredns->cluster = build->cluster;
    vs_table_init(&coredns->names);
    dns_server_join(&coredns->server, pod, &config->server);
    dns_server_open(&coredns->server, name, build, coredns_worked);
    return dns_forward_open(&coredns->forward, &coredns->server, name, &forward,
                            element, build, error);
}

static void
coredns_close(void *self)
{
    Coredns *coredns = self;
    size_t cursor = 0;
    VsKey key;
    void *value;

    if (!coredns->config) {
        return;
    }
    dns_server_close(&coredns->server);
    dns_forward_close(&coredns->forward);
    while (vs_table_next(&coredns->names, &cursor, &key, &value)) {
        g_free(value);
    }
    vs_table_clear(&coredns->names);
}

const VsModel vs_model_coredns = {
    .element = "coredns",
    .summary = "CoreDNS in a pod: the cluster's names, and a cache of those outside.",
    .parents = "pod",
    .id_rule = VS_ID_OPTIONAL,
    .id_scope = VS_ID_SCOPE_PARENT,
    .config_size = sizeof(CorednsConfig),
    .params = coredns_params,
    .size = sizeof(Coredns),
    .stats = coredns_stats,
    .check = coredns_check,
    .declare = coredns_declare,
    .open = coredns_open,
    .close = coredns_close,
};

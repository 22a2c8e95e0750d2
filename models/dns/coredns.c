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
    bool is_shuffled;
} CorednsConfig;

/* What is to be done for a question, found when it is first asked and again when endpoints that
 * it is about have changed. */
typedef struct CorednsName {
    DnsZoneEntry entry; /* Of 'asked'. */
    VsName via;   /* Of which 'asked' is the other name (type ExternalName); or 0. */
    VsName asked; /* What is answered: the name itself, but with autopath and 'via'. */
} CorednsName;

/* A change of endpoints, and when this server hears of it. */
typedef struct CorednsNews {
    VsTime change;
    VsTime known;
} CorednsNews;

typedef struct Coredns {
    DnsServer server;
    DnsForward forward;
    const CorednsConfig *config;
    VsCluster *cluster;
    VsTable names; /* Name and type to CorednsName. */
    GArray *news;  /* Of CorednsNews, in order of both times. */
    unsigned n_known;
    VsTime as_of; /* Endpoints are known as they were then. */
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
    VS_PARAM_BOOL(CorednsConfig, is_shuffled, "loadbalance", .def = "yes",
                  .doc =
                      "The addresses of each answer come in an order of its own; no: "
                      "they come in that of the zone."),
    DNS_WORK_PARAM_ROWS(CorednsConfig, server),
    {0},
};

static const VsStat coredns_stats[] = {
    VS_COUNTER(Coredns, n_cluster, "cluster", "query",
               "Queries for names of the cluster that exist."),
    VS_COUNTER(Coredns, n_unknown, "unknown", "query",
               "Queries for names of the cluster that do not."),
    VS_COUNTER(Coredns, n_autopath, "autopath", "query",
               "Queries answered for another name of the search list."),
    VS_COUNTER(Coredns, forward.counts.n_hits, "hits", "query",
               "Queries for names outside answered from the cache."),
    VS_COUNTER(Coredns, forward.counts.n_misses, "misses", "query",
               "Queries for names outside that had to wait."),
    VS_COUNTER(Coredns, forward.counts.n_asked, "asked", "query",
               "Questions forwarded."),
    VS_COUNTER(Coredns, forward.counts.n_failed, "failed", "query",
               "Queries answered SERVFAIL."),
    VS_COUNTER(Coredns, forward.n_refused, "refused", "query",
               "Queries REFUSED: too many were under way."),
    DNS_SERVER_STAT_ROWS(Coredns, server),
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
follow_search(const Coredns *coredns, const char *host, VsDnsType type,
              CorednsName *name)
{
    VsRun *run = coredns->server.netns->run;
    VsNames *names = &run->packets->names;

    for (const char *const *domain = dns_zone_search; *domain; domain++) {
        g_autofree char *full = g_strdup_printf("%s.%s", host, *domain);

        name->asked = vs_names_intern(names, full);
        name->entry =
            dns_zone_find(coredns->cluster, run, name->asked, type, coredns->as_of);
        if (name->entry.kind != DNS_ZONE_UNKNOWN) {
            return;
        }
    }
    name->asked = vs_names_intern(names, host);
    name->entry =
        dns_zone_find(coredns->cluster, run, name->asked, type, coredns->as_of);
}

static void
find_name(const Coredns *coredns, VsName asked, VsDnsType type, CorednsName *name)
{
    VsRun *run = coredns->server.netns->run;
    const char *text = vs_names_get(&run->packets->names, asked);
    g_autofree char *host =
        coredns->config->is_autopath ? dns_zone_strip_search(text) : NULL;

    *name = (CorednsName){
        dns_zone_find(coredns->cluster, run, asked, type, coredns->as_of), 0, asked};
    if (host && name->entry.kind == DNS_ZONE_UNKNOWN) {
        follow_search(coredns, host, type, name);
    }
    if (name->entry.kind == DNS_ZONE_ALIAS) {
        name->via = name->asked;
        name->asked = name->entry.target;
        name->entry =
            dns_zone_find(coredns->cluster, run, name->asked, type, coredns->as_of);
    }
}

/* Takes in what has come of changes by now. */
static void
hear_news(Coredns *coredns)
{
    VsTime now = vs_now(coredns->server.netns->run);

    while (coredns->n_known < coredns->news->len) {
        const CorednsNews *news =
            &g_array_index(coredns->news, CorednsNews, coredns->n_known);

        if (news->known > now) {
            break;
        }
        coredns->as_of = news->change;
        coredns->n_known++;
    }
}

static const CorednsName *
name_get(Coredns *coredns, const VsDns *question)
{
    VsKey key = {{question->name, question->type}};
    CorednsName *name = vs_table_find(&coredns->names, key);

    hear_news(coredns);
    if (!name) {
        name = g_new0(CorednsName, 1);
        vs_table_insert(&coredns->names, key, name);
    }
    if (name->asked == 0 || coredns->as_of >= name->entry.until) {
        find_name(coredns, question->name, (VsDnsType)question->type, name);
    }
    return name;
}

static VsName
find_via(DnsServer *server, const VsDnsRequest *query)
{
    return name_get(VS_CONTAINER_OF(server, Coredns, server), &query->payload.dns)->via;
}

/* Of the cluster: authoritative, and good for 'ttl' whether there is such a name or not. */
static void
answer_cluster(Coredns *coredns, VsDnsRequest *query, const CorednsName *name)
{
    VsDns answer = {.name = name->asked,
                    .is_authoritative = true,
                    .ttl_s = (uint32_t)(coredns->config->ttl / VS_S),
                    .records = name->entry.records};

    if (name->entry.kind == DNS_ZONE_UNKNOWN || name->entry.kind == DNS_ZONE_ALIAS) {
        answer.code = VS_DNS_NXDOMAIN;
        coredns->n_unknown++;
    } else {
        coredns->n_cluster++;
    }
    dns_server_answer(&coredns->server, query, &answer, name->via);
}

static void
coredns_worked(DnsServer *server, VsDnsRequest *query)
{
    Coredns *coredns = VS_CONTAINER_OF(server, Coredns, server);
    const CorednsName *name = name_get(coredns, &query->payload.dns);
    VsDns refusal = {.code = VS_DNS_REFUSED};

    coredns->n_autopath +=
        (name->via ? name->via : name->asked) != query->payload.dns.name;
    if (name->entry.kind != DNS_ZONE_OUTSIDE) {
        answer_cluster(coredns, query, name);
    } else if (coredns->forward.n_upstreams > 0) {
        dns_forward_query(&coredns->forward, query, name->asked);
    } else {
        dns_server_answer(server, query, &refusal, 0);
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
                              element, error) &&
           vs_build_open_port(pod_of(element, build), VS_PROTOCOL_TCP, VS_DNS_PORT,
                              element, error);
}

/* When this server hears of changes: each after a delay of its own, and in order. */
static GArray *
make_news(const VsCluster *cluster, uint64_t seed, const char *name)
{
    GArray *changes = vs_cluster_endpoint_changes(cluster, true);
    GArray *all = g_array_new(FALSE, FALSE, sizeof(CorednsNews));
    VsTime last = 0;
    VsRng rng;

    vs_rng_init(&rng, seed, name, "endpoint-delay");
    for (unsigned i = 0; i < changes->len; i++) {
        VsTime change = g_array_index(changes, VsTime, i);
        VsTime delay = vs_dist_draw(&cluster->endpoint_delay, &rng);
        CorednsNews news = {change, MAX(last, change + delay)};

        last = news.known;
        g_array_append_val(all, news);
    }
    g_array_free(changes, TRUE);
    return all;
}

/* What pods say of themselves is known from the start, or it is not followed. */
static bool
check_names(const VsCluster *cluster, const VsElement *element, GError **error)
{
    for (unsigned i = 0; i < cluster->dns_services->len; i++) {
        const VsService *service = cluster->dns_services->pdata[i];

        for (unsigned j = 0; j < service->n_all_endpoints; j++) {
            if (service->all_endpoints[j].pod->may_fail) {
                vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                                "service \"%s\" is but names of its pods, and pod "
                                "\"%s\" may fail, which <coredns> does not follow; "
                                "leave out memory-limit and on-sigterm, or give the "
                                "service a cluster IP",
                                service->name, service->all_endpoints[j].pod->name);
                return false;
            }
        }
    }
    return true;
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

    if (!check_names(build->cluster, element, error)) {
        return false;
    }
    coredns->config = config;
    coredns->cluster = build->cluster;
    vs_table_init(&coredns->names);
    coredns->news = make_news(build->cluster, build->run->seed, name);
    vs_rng_init(&coredns->server.order, build->run->seed, name, "loadbalance");
    coredns->server.is_shuffling = config->is_shuffled;
    coredns->server.socket.is_lazy = true;
    coredns->forward.find_via = find_via;
    dns_server_join(&coredns->server, pod, &config->server);
    dns_server_open(&coredns->server, name, VS_ADDR_ANY, build, coredns_worked);
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
    g_array_free(coredns->news, TRUE);
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

#include <string.h>

#include "models/dns/forward.h"
#include "models/dns/record.h"
#include "models/dns/recursor.h"

typedef struct ResolverConfig {
    DnsServerParams server;
    VsRefs upstreams;
    VsRefs roots;
    VsChoice selection;
    VsChoice minimisation;
    uint32_t max_queries;
    uint32_t max_depth;
    VsTime max_ttl;
    VsTime max_denial_ttl;
    VsTime timeout;
    uint32_t attempts;
    uint32_t subnet_bits;
} ResolverConfig;

typedef struct Resolver {
    DnsServer server;
    DnsForward forward;
    DnsRecursor recursor; /* Instead, with roots. */
    bool is_recursive;
} Resolver;

static const char *const selection_choices[] = {"unbound", "bind9", NULL};
static const char *const minimisation_choices[] = {"off", "relaxed", "strict", NULL};

/* What only one kind of resolver heeds. */
static const char *const of_forwarders[] = {"timeout", "attempts", "client-subnet",
                                            NULL};
static const char *const of_recursors[] = {
    "selection", "qname-minimisation", "max-queries", "max-depth",
    "max-ttl",   "max-denial-ttl",     NULL};

static const VsParam resolver_params[] = {
    VS_PARAM_REFS(ResolverConfig, upstreams, "upstream", .to = "dns",
                  .doc = "The authoritative server it asks; of several the next after "
                         "a time-out."),
    VS_PARAM_REFS(ResolverConfig, roots, "roots", .to = "dns",
                  .doc = "Instead: it finds answers on its own, from these servers of "
                         "the root down."),
    VS_PARAM_CHOICE(ResolverConfig, selection, "selection", .def = "unbound",
                    .choices = selection_choices,
                    .doc =
                        "Which of a zone's servers it asks, and how long it waits: "
                        "as Unbound, any that is not 400 ms slower than the best; as "
                        "BIND 9, the fastest."),
    VS_PARAM_CHOICE(ResolverConfig, minimisation, "qname-minimisation",
                    .def = "relaxed", .choices = minimisation_choices,
                    .doc = "A server is told no more of a name than it needs (RFC "
                           "9156); relaxed: all of it once it said that there is no "
                           "name as short; strict: that is the answer."),
    VS_PARAM_UINT(ResolverConfig, max_queries, "max-queries", .def = "100", .min = "1",
                  .doc = "Questions sent for one of a client; more is SERVFAIL."),
    VS_PARAM_UINT(ResolverConfig, max_depth, "max-depth", .def = "7", .max = "32",
                  .doc = "Names of servers looked for to find those of others; more is "
                         "SERVFAIL."),
    VS_PARAM_TIME(ResolverConfig, max_ttl, "max-ttl", .def = "86400s",
                  .doc = "Answers and referrals are kept no longer."),
    VS_PARAM_TIME(ResolverConfig, max_denial_ttl, "max-denial-ttl", .def = "3600s",
                  .doc = "The same of \"no such name\"."),
    VS_PARAM_TIME(ResolverConfig, timeout, "timeout", .def = "2s", .min = "1ms",
                  .doc = "A question not answered by then is asked again."),
    VS_PARAM_UINT(ResolverConfig, attempts, "attempts", .def = "3", .min = "1",
                  .doc = "Questions asked before the client is told SERVFAIL."),
    VS_PARAM_UINT(ResolverConfig, subnet_bits, "client-subnet", .def = "0", .max = "32",
                  .doc = "Upstream is told so many bits of the client's address (24 is "
                         "usual), and answers are kept for each such subnet.  0: it is "
                         "told nothing, and takes the resolver for the client."),
    DNS_SERVER_PARAM_ROWS(ResolverConfig, server),
    {0},
};

static const VsStat resolver_stats[] = {
    VS_COUNTER(Resolver, forward.counts.n_hits, "hits", "query",
               "Queries answered from the cache."),
    VS_COUNTER(Resolver, forward.counts.n_misses, "misses", "query",
               "Queries that had to wait."),
    VS_COUNTER(Resolver, forward.counts.n_asked, "asked", "query",
               "Questions sent upstream, or to the servers of zones."),
    VS_COUNTER(Resolver, forward.counts.n_failed, "failed", "query",
               "Queries answered SERVFAIL."),
    VS_COUNTER(Resolver, recursor.n_by_tcp, "asked-tcp", "query",
               "Of these by TCP, with roots."),
    VS_COUNTER(Resolver, recursor.n_referrals, "referrals", "query",
               "Referrals followed."),
    VS_COUNTER(Resolver, recursor.n_timeouts, "timeouts", "query",
               "Questions of it, with roots, not answered in time."),
    VS_COUNTER(Resolver, recursor.n_lame, "lame", "query",
               "Answers of servers that do not have the zone."),
    DNS_SERVER_STAT_ROWS(Resolver, server),
    {0},
};

static void
resolver_worked(DnsServer *server, VsDnsRequest *query)
{
    Resolver *resolver = VS_CONTAINER_OF(server, Resolver, server);

    if (resolver->is_recursive) {
        dns_recursor_query(&resolver->recursor, query);
    } else {
        dns_forward_query(&resolver->forward, query, query->payload.dns.name);
    }
}

static bool
has_root(const VsElement *dns)
{
    for (unsigned i = 0; i < dns->n_children; i++) {
        const VsElement *child = dns->children[i];

        if (strcmp(child->model->element, "zone") == 0 &&
            strcmp(((ZoneConfig *)child->config)->name, ".") == 0) {
            return true;
        }
    }
    return false;
}

static bool
resolver_check(const void *config_, const VsElement *element, GError **error)
{
    const ResolverConfig *config = config_;
    bool is_recursive = config->roots.n_elements > 0;
    const char *const *others = is_recursive ? of_forwarders : of_recursors;

    if (is_recursive == (config->upstreams.n_elements > 0)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "resolver \"%s\" needs one of upstream=\"\" and roots=\"\"",
                        element->id);
        return false;
    }
    for (unsigned i = 0; others[i]; i++) {
        if (vs_element_has(element, others[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s is for a resolver with %s; \"%s\" has %s", others[i],
                            is_recursive ? "upstream" : "roots", element->id,
                            is_recursive ? "roots" : "upstream");
            return false;
        }
    }
    for (unsigned i = 0; i < config->roots.n_elements; i++) {
        if (!has_root(config->roots.elements[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "roots=\"%s\" does not have the root; write <zone "
                            "name=\".\"> inside",
                            config->roots.elements[i]->id);
            return false;
        }
    }
    return true;
}

static bool
open_recursor(Resolver *resolver, const VsElement *element, VsBuild *build,
              GError **error)
{
    const ResolverConfig *config = element->config;
    DnsRecursorConfig recursor = {
        .roots = &config->roots,
        .selection = (DnsSelection)config->selection,
        .minimisation = (DnsMinimisation)config->minimisation,
        .max_queries = config->max_queries,
        .max_depth = config->max_depth,
        .max_ttl = config->max_ttl,
        .max_denial_ttl = config->max_denial_ttl,
    };

    return dns_recursor_open(&resolver->recursor, &resolver->server, element->id,
                             &recursor, &resolver->forward.counts, element, build,
                             error);
}

static bool
resolver_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ResolverConfig *config = element->config;

    (void)error;
    dns_server_create(&((Resolver *)self)->server, element, build, &config->server);
    return true;
}

static bool
resolver_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    const ResolverConfig *config = element->config;
    DnsForwardConfig forward = {.upstreams = &config->upstreams,
                                .policy = DNS_POLICY_SEQUENTIAL,
                                .timeout = config->timeout,
                                .attempts = config->attempts,
                                .subnet_bits = config->subnet_bits,
                                .max_ttl = VS_TIME_NEVER};
    Resolver *resolver = self;

    dns_server_open(&resolver->server, element->id, VS_ADDR_ANY, build,
                    resolver_worked);
    resolver->is_recursive = config->roots.n_elements > 0;
    if (resolver->is_recursive) {
        return open_recursor(resolver, element, build, error);
    }
    return dns_forward_open(&resolver->forward, &resolver->server, element->id,
                            &forward, element, build, error);
}

static void
resolver_close(void *self)
{
    Resolver *resolver = self;

    dns_server_close(&resolver->server);
    dns_forward_close(&resolver->forward);
    dns_recursor_close(&resolver->recursor);
}

const VsModel vs_model_resolver = {
    .element = "resolver",
    .summary = "A caching DNS resolver, as clients' providers run.",
    .parents = "scenario",
    .id_rule = VS_ID_REQUIRED,
    .config_size = sizeof(ResolverConfig),
    .params = resolver_params,
    .size = sizeof(Resolver),
    .stats = resolver_stats,
    .check = resolver_check,
    .create = resolver_create,
    .open = resolver_open,
    .close = resolver_close,
};

#include "models/dns/forward.h"

typedef struct ResolverConfig {
    DnsServerParams server;
    VsRefs upstreams;
    VsTime timeout;
    uint32_t attempts;
    uint32_t subnet_bits;
} ResolverConfig;

typedef struct Resolver {
    DnsServer server;
    DnsForward forward;
} Resolver;

static const VsParam resolver_params[] = {
    VS_PARAM_REFS(ResolverConfig, upstreams, "upstream", .is_required = true,
                  .to = "dns",
                  .doc = "The authoritative server it asks; of several the next after "
                         "a time-out."),
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
    VS_COUNTER(Resolver, forward.n_hits, "hits", "query",
               "Queries answered from the cache."),
    VS_COUNTER(Resolver, forward.n_misses, "misses", "query",
               "Queries that had to wait."),
    VS_COUNTER(Resolver, forward.n_asked, "asked", "query", "Questions sent upstream."),
    VS_COUNTER(Resolver, forward.n_failed, "failed", "query",
               "Queries answered SERVFAIL."),
    DNS_SERVER_STAT_ROWS(Resolver, server),
    {0},
};

static void
resolver_worked(DnsServer *server, VsDnsRequest *query)
{
    Resolver *resolver = VS_CONTAINER_OF(server, Resolver, server);

    dns_forward_query(&resolver->forward, query, query->payload.dns.name);
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
    return dns_forward_open(&resolver->forward, &resolver->server, element->id,
                            &forward, element, build, error);
}

static void
resolver_close(void *self)
{
    Resolver *resolver = self;

    dns_server_close(&resolver->server);
    dns_forward_close(&resolver->forward);
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
    .create = resolver_create,
    .open = resolver_open,
    .close = resolver_close,
};

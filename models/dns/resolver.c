#include "models/dns/server.h"

typedef struct ResolverConfig {
    DnsServerParams server;
    const VsElement *upstream;
    VsTime timeout;
    uint32_t attempts;
} ResolverConfig;

typedef struct Resolver Resolver;

/* What is known of a name, or being asked. */
typedef struct CacheEntry {
    Resolver *resolver;
    VsDns answer;
    VsTime expires; /* 0: never answered. */
    bool is_asked;
    uint16_t asked_id;
    uint32_t n_attempts;
    VsUdpRequest *waiting; /* In order of arrival. */
    VsUdpRequest *last_waiting;
    VsTimer timeout;
} CacheEntry;

struct Resolver {
    DnsServer server;
    const ResolverConfig *config;
    VsAddr upstream;
    VsUdp client;  /* Our own questions. */
    VsTable cache; /* Name and type to CacheEntry. */
    uint16_t next_id;
    VsStage wait_stage;
    uint64_t n_hits;
    uint64_t n_misses;
    uint64_t n_asked;
    uint64_t n_failed;
};

static const VsParam resolver_params[] = {
    VS_PARAM_REF(ResolverConfig, upstream, "upstream", .is_required = true, .to = "dns",
                 .doc = "The authoritative server it asks."),
    VS_PARAM_TIME(ResolverConfig, timeout, "timeout", .def = "2s", .min = "1ms",
                  .doc = "A question not answered by then is asked again."),
    VS_PARAM_UINT(ResolverConfig, attempts, "attempts", .def = "3", .min = "1",
                  .doc = "Questions asked before the client is told SERVFAIL."),
    DNS_SERVER_PARAM_ROWS(ResolverConfig, server),
    {0},
};

static const VsStat resolver_stats[] = {
    VS_COUNTER(Resolver, server.n_queries, "queries", "query", "Queries received."),
    VS_COUNTER(Resolver, n_hits, "hits", "query", "Queries answered from the cache."),
    VS_COUNTER(Resolver, n_misses, "misses", "query", "Queries that had to wait."),
    VS_COUNTER(Resolver, n_asked, "asked", "query", "Questions sent upstream."),
    VS_COUNTER(Resolver, n_failed, "failed", "query", "Queries answered SERVFAIL."),
    VS_QUEUE(Resolver, server.station.stat, "system", "query", "Waiting or worked on."),
    VS_BUSY(Resolver, server.station.busy, "workers", "worker", "Workers at work."),
    {0},
};

static void resolver_timeout(VsTimer *timer);

static VsKey
question_key(const VsDns *question)
{
    return (VsKey){{question->name, question->type}};
}

static CacheEntry *
cache_get(Resolver *resolver, const VsDns *question)
{
    CacheEntry *entry = vs_table_find(&resolver->cache, question_key(question));

    if (!entry) {
        entry = g_new0(CacheEntry, 1);
        entry->resolver = resolver;
        vs_timer_init(&entry->timeout, &resolver->server.entity, resolver_timeout);
        vs_table_insert(&resolver->cache, question_key(question), entry);
    }
    return entry;
}

/* Tells the trace of what 'query' asked for. */
static void
record(const Resolver *resolver, const VsUdpRequest *query, const char *text,
       const char *why)
{
    VsNetns *root = resolver->server.host->root;
    VsTraceRecord *added =
        vs_trace_add_message(root->run, &query->payload, VS_TRACE_SERVICE, root->name);

    if (added) {
        added->name = g_strdup("resolver");
        added->text = g_strdup(text);
        added->why = g_strdup(why);
    }
}

static void
ask(CacheEntry *entry, const VsPayload *asked_by)
{
    Resolver *resolver = entry->resolver;
    VsRun *run = resolver->server.host->part.run;
    VsPayload payload = *asked_by;

    payload.dns.id = entry->asked_id = ++resolver->next_id;
    entry->is_asked = true;
    entry->n_attempts++;
    resolver->n_asked++;
    vs_udp_send(&resolver->client, 0, resolver->upstream, VS_DNS_PORT, &payload,
                vs_dns_measure(&payload.dns, &run->packets->names));
    vs_timer_arm(&entry->timeout, vs_now(run) + resolver->config->timeout);
}

/* Answers all who wait; the answer says what remains of its time to live. */
static void
answer_waiting(CacheEntry *entry, const VsDns *answer)
{
    Resolver *resolver = entry->resolver;
    VsTime now = vs_now(resolver->server.host->part.run);
    VsUdpRequest *query = entry->waiting;

    entry->is_asked = false;
    entry->n_attempts = 0;
    entry->waiting = NULL;
    while (query) {
        VsUdpRequest *next = query->next;
        VsJourney *journey = vs_payload_journey(&query->payload);

        if (journey) {
            vs_journey_wait(journey, resolver->wait_stage, now);
        }
        dns_server_answer(&resolver->server, query, answer);
        query = next;
    }
}

static void
resolver_worked(DnsServer *server, VsUdpRequest *query)
{
    Resolver *resolver = VS_CONTAINER_OF(server, Resolver, server);
    CacheEntry *entry = cache_get(resolver, &query->payload.dns);
    VsTime now = vs_now(server->host->part.run);

    if (entry->expires > now) {
        VsDns answer = entry->answer;

        resolver->n_hits++;
        record(resolver, query, "answered from the cache",
               "the name was asked for before, and its time to live is not over");
        answer.ttl_s = (uint32_t)((entry->expires - now) / VS_S); /* Never longer. */
        dns_server_answer(server, query, &answer);
        return;
    }
    resolver->n_misses++;
    record(resolver, query,
           entry->is_asked ? "waits for the answer of the upstream server"
                           : "asks the upstream server",
           entry->is_asked ? "another query has asked for it already"
                           : "the name is not in the cache");
    query->next = NULL;
    if (entry->waiting) {
        entry->last_waiting->next = query;
    } else {
        entry->waiting = query;
    }
    entry->last_waiting = query;
    if (!entry->is_asked) {
        ask(entry, &query->payload);
    }
}

static void
resolver_receive(VsUdp *udp, VsPacket *packet)
{
    Resolver *resolver = udp->user;
    const VsPayload *payload = &packet->payload;
    CacheEntry *entry;

    if (payload->kind != VS_PAYLOAD_DNS || !payload->dns.is_response) {
        return;
    }
    entry = vs_table_find(&resolver->cache, question_key(&payload->dns));
    if (!entry || !entry->is_asked || entry->asked_id != payload->dns.id) {
        return; /* Late, or nobody's. */
    }
    vs_packet_arrive(packet);
    vs_timer_cancel(&entry->timeout);
    entry->answer = payload->dns;
    entry->expires =
        vs_now(resolver->server.host->part.run) + payload->dns.ttl_s * VS_S;
    answer_waiting(entry, &payload->dns);
}

static void
resolver_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code)
{
    (void)udp;
    (void)sent;
    (void)icmp_code; /* The time-out asks again. */
}

static const VsUdpOps client_ops = {.receive = resolver_receive,
                                    .refused = resolver_refused};

static void
resolver_timeout(VsTimer *timer)
{
    CacheEntry *entry = VS_CONTAINER_OF(timer, CacheEntry, timeout);
    VsDns failure = {.code = VS_DNS_SERVFAIL};

    if (entry->n_attempts < entry->resolver->config->attempts) {
        ask(entry, &entry->waiting->payload);
        return;
    }
    for (const VsUdpRequest *query = entry->waiting; query; query = query->next) {
        entry->resolver->n_failed++;
    }
    answer_waiting(entry, &failure);
}

static bool
resolver_create(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Resolver *resolver = self;

    (void)error;
    resolver->config = element->config;
    vs_table_init(&resolver->cache);
    dns_server_create(&resolver->server, element, build, &resolver->config->server);
    return true;
}

static bool
resolver_open(void *self, const VsElement *element, VsBuild *build, GError **error)
{
    Resolver *resolver = self;
    g_autofree char *place = g_strdup_printf("dns %s", element->id);

    dns_server_open(&resolver->server, element, build, resolver_worked);
    resolver->wait_stage = vs_stages_add(&build->run->packets->stages, place,
                                         "waiting for upstream", VS_STAGE_DELAY);
    resolver->upstream = vs_build_address_of(build, resolver->config->upstream);
    if (resolver->upstream == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "upstream=\"%s\" has no address: no link leads to it; write "
                        "<link from=\"%s\" to=\"...\"/>",
                        resolver->config->upstream->id, resolver->config->upstream->id);
        return false;
    }
    if (!vs_udp_open(&resolver->client, resolver->server.host->root, VS_ADDR_ANY, 0,
                     &client_ops, resolver)) {
        g_assert_not_reached(); /* The first ephemeral port of a new host. */
    }
    return true;
}

static void
resolver_close(void *self)
{
    Resolver *resolver = self;
    size_t cursor = 0;
    VsKey key;
    void *value;

    dns_server_close(&resolver->server);
    while (vs_table_next(&resolver->cache, &cursor, &key, &value)) {
        g_free(value);
    }
    vs_table_clear(&resolver->cache);
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

#include "models/dns/forward.h"

enum { EDNS_BYTES = 1232 };

/* What is known of a name in one type, or being asked. */
typedef struct DnsCacheEntry {
    DnsForward *forward;
    VsName name;
    uint8_t type;
    VsAddr subnet; /* Of the clients, if that is told. */
    VsDns answer;
    VsTime expires; /* 0: never answered. */
    bool is_asked;
    uint16_t asked_id;
    uint32_t n_attempts;
    unsigned first_upstream;
    DnsUpstreamLink *link; /* Asked by TCP; or NULL. */
    VsDnsRequest *waiting; /* In order of arrival. */
    VsDnsRequest *last_waiting;
    VsTimer timeout;
} DnsCacheEntry;

static void forward_timeout(VsTimer *timer);

static VsKey
question_key(VsName name, uint8_t type, VsAddr subnet)
{
    return (VsKey){{name, (uint64_t)subnet << 8 | type}};
}

static DnsCacheEntry *
cache_get(DnsForward *forward, VsName name, uint8_t type, VsAddr subnet)
{
    DnsCacheEntry *entry =
        vs_table_find(&forward->cache, question_key(name, type, subnet));

    if (!entry) {
        entry = g_new0(DnsCacheEntry, 1);
        *entry = (DnsCacheEntry){
            .forward = forward, .name = name, .type = type, .subnet = subnet};
        vs_timer_init(&entry->timeout, &forward->server->entity, forward_timeout);
        vs_table_insert(&forward->cache, question_key(name, type, subnet), entry);
    }
    return entry;
}

/* Tells the trace of what 'query' asked for. */
static void
record(const DnsForward *forward, const VsDnsRequest *query, const char *text,
       const char *why)
{
    VsNetns *netns = forward->server->netns;
    VsTraceRecord *added = vs_trace_add_message(netns->run, &query->payload,
                                                VS_TRACE_SERVICE, netns->name);

    if (added) {
        added->name = g_strdup("resolver");
        added->text = g_strdup(text);
        added->why = g_strdup(why);
    }
}

/* The client's name, and the one that was asked for in its place. */
static void
answer_query(DnsForward *forward, VsDnsRequest *query, const DnsCacheEntry *entry,
             const VsDns *answer)
{
    VsDns own = *answer;
    VsName via = 0;

    own.name = entry->name;
    own.is_authoritative = false;
    if (forward->find_via && entry->name != query->payload.dns.name) {
        via = forward->find_via(forward->server, query);
    }
    dns_server_answer(forward->server, query, &own, via);
}

/* Upstream. ------------------------------------------------------------------------- */

static unsigned
choose_upstream(DnsForward *forward)
{
    switch (forward->config.policy) {
    case DNS_POLICY_RANDOM:
        return (unsigned)vs_rng_below(&forward->rng, forward->n_upstreams);
    case DNS_POLICY_ROUND_ROBIN:
        return forward->n_chosen++ % forward->n_upstreams;
    default:
        return 0;
    }
}

static void
ask(DnsCacheEntry *entry, const VsDnsRequest *asked_by)
{
    DnsForward *forward = entry->forward;
    VsRun *run = forward->server->netns->run;
    unsigned upstream =
        (entry->first_upstream + entry->n_attempts) % forward->n_upstreams;
    VsAddr address = forward->upstreams[upstream];
    VsPayload payload = asked_by->payload;

    entry->asked_id = ++forward->next_id;
    entry->n_attempts++;
    forward->counts.n_asked++;
    payload.dns = (VsDns){.id = entry->asked_id,
                          .type = entry->type,
                          .edns_bytes = asked_by->payload.dns.edns_bytes,
                          .subnet = entry->subnet,
                          .subnet_bits = (uint8_t)forward->config.subnet_bits,
                          .name = entry->name};
    if (payload.dns.subnet_bits > 0) { /* It is an option of EDNS. */
        payload.dns.edns_bytes = MAX(payload.dns.edns_bytes, EDNS_BYTES);
    }
    if (forward->config.is_by_tcp || asked_by->connection) {
        entry->link = dns_upstreams_ask(&forward->tcp, address, &payload, entry);
    } else {
        vs_udp_send(&forward->client, 0, address, VS_DNS_PORT, &payload,
                    vs_dns_measure(&payload.dns, &run->packets->names));
    }
    vs_timer_arm(&entry->timeout, vs_now(run) + forward->config.timeout);
}

/* Answers all who wait, but those by TCP not with what was cut short for UDP; the answer says
 * what remains of its time to live. */
static void
answer_waiting(DnsCacheEntry *entry, const VsDns *answer)
{
    DnsForward *forward = entry->forward;
    VsTime now = vs_now(forward->server->netns->run);
    VsDnsRequest *query = entry->waiting;

    entry->is_asked = false;
    entry->n_attempts = 0;
    entry->waiting = NULL;
    forward->n_concurrent--;
    while (query) {
        VsDnsRequest *next = query->next;
        VsJourney *journey = vs_payload_journey(&query->payload);

        if (answer->is_truncated && query->connection) {
            dns_forward_query(forward, query, entry->name);
            query = next;
            continue;
        }
        if (journey) {
            vs_journey_wait(journey, forward->wait_stage, now);
        }
        answer_query(forward, query, entry, answer);
        query = next;
    }
}

/* "No such name", or none of this type (RFC 2308). */
static bool
is_denial(const VsDns *answer)
{
    return !answer->records || answer->records->n_in[VS_DNS_ANSWER] == 0;
}

static void
take_answer(DnsCacheEntry *entry, const VsDns *told)
{
    DnsForward *forward = entry->forward;
    VsTime max_ttl = forward->config.max_ttl;
    VsDns answer = *told;

    vs_timer_cancel(&entry->timeout);
    if (forward->config.max_denial_ttl > 0 && is_denial(&answer)) {
        max_ttl = forward->config.max_denial_ttl;
    }
    answer.ttl_s = (uint32_t)MIN(answer.ttl_s, max_ttl / VS_S);
    if (!answer.is_truncated) {
        entry->answer = answer;
        entry->expires = vs_now(forward->server->netns->run) + answer.ttl_s * VS_S;
    }
    answer_waiting(entry, &answer);
}

static void
forward_receive(VsUdp *udp, VsPacket *packet)
{
    DnsForward *forward = udp->user;
    const VsPayload *payload = &packet->payload;
    VsDns answer = payload->dns;
    DnsCacheEntry *entry;

    if (payload->kind != VS_PAYLOAD_DNS || !answer.is_response) {
        return;
    }
    entry = vs_table_find(&forward->cache,
                          question_key(answer.name, answer.type, answer.subnet));
    if (!entry || !entry->is_asked || entry->asked_id != answer.id) {
        return; /* Late, or nobody's. */
    }
    vs_packet_arrive(packet);
    take_answer(entry, &answer);
}

static void
forward_answered(DnsUpstreams *tcp, void *asker, const VsDns *answer)
{
    DnsCacheEntry *entry = asker;

    (void)tcp;
    entry->link = NULL;
    if (answer) {
        take_answer(entry, answer);
    } else {
        vs_timer_cancel(&entry->timeout);
        forward_timeout(&entry->timeout);
    }
}

/* ICMP errors: the time-out asks again. */
static const VsUdpOps client_ops = {.receive = forward_receive};

static void
forward_timeout(VsTimer *timer)
{
    DnsCacheEntry *entry = VS_CONTAINER_OF(timer, DnsCacheEntry, timeout);
    VsDns failure = {.code = VS_DNS_SERVFAIL};

    if (entry->link) {
        dns_upstreams_cancel(entry->link);
        entry->link = NULL;
    }
    if (entry->n_attempts < entry->forward->config.attempts) {
        ask(entry, entry->waiting);
        return;
    }
    for (const VsDnsRequest *query = entry->waiting; query; query = query->next) {
        entry->forward->counts.n_failed++;
    }
    answer_waiting(entry, &failure);
}

/* Queries. -------------------------------------------------------------------------- */

static void
wait_for(DnsCacheEntry *entry, VsDnsRequest *query)
{
    query->next = NULL;
    if (entry->waiting) {
        entry->last_waiting->next = query;
    } else {
        entry->waiting = query;
    }
    entry->last_waiting = query;
}

static void
begin(DnsCacheEntry *entry, VsDnsRequest *query)
{
    DnsForward *forward = entry->forward;
    uint32_t max = forward->config.max_concurrent;
    VsDns refusal = {.code = VS_DNS_REFUSED};

    if (max > 0 && forward->n_concurrent >= max) {
        forward->n_refused++;
        dns_server_answer(forward->server, query, &refusal, 0);
        return;
    }
    wait_for(entry, query);
    entry->is_asked = true;
    entry->first_upstream = choose_upstream(forward);
    forward->n_concurrent++;
    ask(entry, query);
}

void
dns_forward_query(DnsForward *forward, VsDnsRequest *query, VsName name)
{
    unsigned bits = forward->config.subnet_bits;
    VsAddr subnet = bits > 0 ? query->flow.saddr & vs_prefix_mask(bits) : 0;
    DnsCacheEntry *entry = cache_get(forward, name, query->payload.dns.type, subnet);
    VsTime now = vs_now(forward->server->netns->run);

    if (entry->expires > now) {
        VsDns answer = entry->answer;

        forward->counts.n_hits++;
        record(forward, query, "answered from the cache",
               "the name was asked for before, and its time to live is not over");
        answer.ttl_s = (uint32_t)((entry->expires - now) / VS_S); /* Never longer. */
        answer_query(forward, query, entry, &answer);
        return;
    }
    forward->counts.n_misses++;
    record(forward, query,
           entry->is_asked ? "waits for the answer of the upstream server"
                           : "asks the upstream server",
           entry->is_asked ? "another query has asked for it already"
                           : "the name is not in the cache");
    if (entry->is_asked) {
        wait_for(entry, query);
    } else {
        begin(entry, query);
    }
}

/* Open and close. ------------------------------------------------------------------- */

static bool
set_upstreams(DnsForward *forward, const VsElement *element, const VsBuild *build,
              GError **error)
{
    const VsRefs *upstreams = forward->config.upstreams;

    if (forward->config.address != 0) {
        forward->n_upstreams = 1;
        forward->upstreams = g_new(VsAddr, 1);
        forward->upstreams[0] = forward->config.address;
        return true;
    }
    forward->n_upstreams = upstreams->n_elements;
    forward->upstreams = g_new0(VsAddr, MAX(forward->n_upstreams, 1));
    for (unsigned i = 0; i < forward->n_upstreams; i++) {
        const VsElement *upstream = upstreams->elements[i];

        forward->upstreams[i] = vs_build_address_of(build, upstream);
        if (forward->upstreams[i] == 0) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "upstream=\"%s\" has no address: no link leads to it; "
                            "write <link from=\"%s\" to=\"...\"/>",
                            upstream->id, upstream->id);
            return false;
        }
    }
    return true;
}

bool
dns_forward_open(DnsForward *forward, DnsServer *server, const char *name,
                 const DnsForwardConfig *config, const VsElement *element,
                 VsBuild *build, GError **error)
{
    g_autofree char *place = g_strdup_printf("dns %s", name);

    forward->server = server;
    forward->config = *config;
    vs_table_init(&forward->cache);
    vs_rng_init(&forward->rng, build->run->seed, name, "upstream");
    dns_upstreams_open(&forward->tcp, server->netns, &server->entity, forward_answered);
    forward->wait_stage = vs_stages_add(&build->run->packets->stages, place,
                                        "waiting for upstream", VS_STAGE_DELAY);
    if (!set_upstreams(forward, element, build, error)) {
        return false;
    }
    if (!vs_udp_open(&forward->client, server->netns, VS_ADDR_ANY, 0, &client_ops,
                     forward)) {
        g_assert_not_reached(); /* The first ephemeral port of a new namespace. */
    }
    return true;
}

void
dns_forward_close(DnsForward *forward)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    if (!forward->server) {
        return;
    }
    while (vs_table_next(&forward->cache, &cursor, &key, &value)) {
        g_free(value);
    }
    vs_table_clear(&forward->cache);
    g_free(forward->upstreams);
    dns_upstreams_close(&forward->tcp);
}

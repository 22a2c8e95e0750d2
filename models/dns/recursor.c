#include "models/dns/recursor_internal.h"

enum { TASKS_A_SLAB = 32 };

static VsKey
task_key(VsName name, unsigned type)
{
    return (VsKey){{name, type}};
}

static VsRun *
run_of(const DnsRecursor *recursor)
{
    return recursor->server->netns->run;
}

/* Answers to clients. --------------------------------------------------------------- */

/* Tells 'query' of 'fact', to which 'chain' leads; NULL: SERVFAIL. */
static void
answer_query(DnsRecursor *recursor, VsDnsRequest *query, const DnsChain *chain,
             const DnsFact *fact)
{
    VsDns answer = {.code = VS_DNS_SERVFAIL};
    VsName next = chain->last;

    if (fact) {
        uint32_t left_s = (uint32_t)((fact->expires - vs_now(run_of(recursor))) / VS_S);

        answer.code = fact->code;
        answer.ttl_s = MIN(left_s, chain->ttl_s);
        answer.records = fact->records;
        answer.order = fact->order;
        for (unsigned i = chain->n; i-- > 0; next = chain->names[i]) {
            answer.records = dns_server_alias(recursor->server, chain->names[i], next,
                                              answer.records);
        }
    }
    recursor->counts->n_failed += fact == NULL;
    dns_server_answer(recursor->server, query, &answer, 0);
}

/* Tells the trace of what is done for 'query'. */
static void
record(const DnsRecursor *recursor, const VsDnsRequest *query, const char *text,
       const char *why)
{
    VsTraceRecord *added =
        vs_trace_add_message(run_of(recursor), &query->payload, VS_TRACE_SERVICE,
                             recursor->server->netns->name);

    if (added) {
        added->name = g_strdup("resolver");
        added->text = g_strdup(text);
        added->why = g_strdup(why);
    }
}

static bool
chain_add(DnsChain *chain, VsName alias, VsTime ttl)
{
    if (chain->n == DNS_ALIASES_MAX) {
        return false;
    }
    chain->names[chain->n++] = chain->last;
    chain->last = alias;
    chain->ttl_s = MIN(chain->ttl_s, (uint32_t)(ttl / VS_S));
    return true;
}

/* Follows what is remembered from the last name of 'chain' on.  NULL: the rest is not known;
 * or, with 'ret_is_good' false, there are too many other names. */
static const DnsFact *
walk(const DnsRecursor *recursor, DnsChain *chain, VsDnsType type, bool *ret_is_good)
{
    const DnsFact *fact = dns_memory_find(&recursor->memory, chain->last, type);

    *ret_is_good = true;
    while (fact && fact->alias != 0) {
        if (!chain_add(chain, fact->alias, fact->expires - vs_now(run_of(recursor)))) {
            *ret_is_good = false;
            return NULL;
        }
        fact = dns_memory_find(&recursor->memory, chain->last, type);
    }
    return fact;
}

/* Tasks. ---------------------------------------------------------------------------- */

static void task_timeout(VsTimer *timer);

static DnsTask *
task_new(DnsRecursor *recursor, VsName name, VsDnsType type, DnsTask *parent)
{
    DnsTask *task = vs_pool_alloc(&recursor->pool);

    *task = (DnsTask){.recursor = recursor,
                      .name = name,
                      .type = type,
                      .chain = {.last = name, .ttl_s = UINT32_MAX},
                      .root = parent ? parent->root : task,
                      .started = vs_now(run_of(recursor)),
                      .depth = parent ? parent->depth + 1 : 0,
                      .tried = g_array_new(FALSE, FALSE, sizeof(DnsTried)),
                      .found = g_array_new(FALSE, FALSE, sizeof(DnsTarget)),
                      .missing = g_array_new(FALSE, FALSE, sizeof(VsName))};
    vs_timer_init(&task->timeout, &recursor->server->entity, task_timeout);
    vs_table_insert(&recursor->tasks, task_key(name, type), task);
    return task;
}

static void
task_free(DnsTask *task)
{
    g_array_free(task->tried, TRUE);
    g_array_free(task->found, TRUE);
    g_array_free(task->missing, TRUE);
    vs_pool_free(&task->recursor->pool, task);
}

bool
dns_task_follow(DnsTask *task, VsName alias, VsTime ttl)
{
    return chain_add(&task->chain, alias, ttl);
}

void
dns_task_use(DnsTask *task, DnsDelegation *delegation)
{
    task->delegation = delegation;
    task->n_shown = 0;
    g_array_set_size(task->tried, 0);
    g_array_set_size(task->found, 0);
    g_array_set_size(task->missing, 0);
}

DnsTried *
dns_task_tried(DnsTask *task, VsAddr address)
{
    DnsTried tried = {.address = address};

    for (unsigned i = 0; i < task->tried->len; i++) {
        DnsTried *known = &g_array_index(task->tried, DnsTried, i);

        if (known->address == address) {
            return known;
        }
    }
    g_array_append_val(task->tried, tried);
    return &g_array_index(task->tried, DnsTried, task->tried->len - 1);
}

/* Whom 'task' waits for has ended with 'fact'. */
static void
resume(DnsTask *task, const DnsTask *ended, const DnsFact *fact)
{
    VsDns answer = {.records = fact ? fact->records : NULL};
    unsigned n = ended->type == VS_DNS_A ? vs_dns_n_addresses(&answer) : 0;

    task->awaits = NULL;
    for (unsigned i = 0; i < n; i++) {
        DnsTarget target = {ended->name, vs_dns_address(&answer, i)};

        g_array_append_val(task->found, target);
    }
    if (n == 0) {
        g_array_append_val(task->missing, ended->name);
    }
    if (ended->type == VS_DNS_NS && !dns_memory_closest(&task->recursor->memory, 0)) {
        dns_task_end(task, NULL);
    } else {
        dns_task_step(task);
    }
}

static void
stop_asking(DnsTask *task)
{
    vs_timer_cancel(&task->timeout);
    vs_table_remove(&task->recursor->asked, task_key(task->id, 0));
    if (task->link) {
        dns_upstreams_cancel(task->link);
        task->link = NULL;
    }
}

void
dns_task_end(DnsTask *task, const DnsFact *fact)
{
    DnsRecursor *recursor = task->recursor;
    VsTime now = vs_now(run_of(recursor));
    VsDnsRequest *query = task->waiting;
    DnsTask *parent = task->parents;

    vs_table_remove(&recursor->tasks, task_key(task->name, task->type));
    while (query) {
        VsDnsRequest *next = query->next;
        VsJourney *journey = vs_payload_journey(&query->payload);

        if (journey) {
            vs_journey_wait(journey, recursor->wait_stage, now);
        }
        answer_query(recursor, query, &task->chain, fact);
        query = next;
    }
    while (parent) {
        DnsTask *next = parent->next_parent;

        resume(parent, task, fact);
        parent = next;
    }
    task_free(task);
}

/* Whether 'task' waits for 'other', at whatever distance. */
static bool
waits_for(const DnsTask *task, const DnsTask *other)
{
    while (task && task != other) {
        task = task->awaits;
    }
    return task == other;
}

/* Lets 'task' wait for another question; false: that waits for it already, or is too deep. */
static bool
await(DnsTask *task, VsName name, VsDnsType type)
{
    DnsRecursor *recursor = task->recursor;
    DnsTask *other = vs_table_find(&recursor->tasks, task_key(name, type));
    bool is_new = other == NULL;
    DnsTask **end;

    if (is_new && task->depth == recursor->config.max_depth) {
        return false;
    }
    if (is_new) {
        other = task_new(recursor, name, type, task);
    } else if (waits_for(other, task)) {
        return false;
    }
    end = &other->parents;
    task->awaits = other;
    task->next_parent = NULL;
    while (*end) {
        end = &(*end)->next_parent;
    }
    *end = task;
    if (is_new) {
        dns_task_step(other);
    }
    return true;
}

/* Asking. --------------------------------------------------------------------------- */

static const VsDnsRequest *
find_asker(const DnsTask *task)
{
    while (!task->waiting) {
        task = task->parents;
    }
    return task->waiting;
}

static void
send_question(DnsTask *task)
{
    DnsRecursor *recursor = task->recursor;
    VsRun *run = run_of(recursor);
    VsPayload payload = find_asker(task)->payload;

    do {
        task->id = ++recursor->last_id;
    } while (!vs_table_insert(&recursor->asked, task_key(task->id, 0), task));
    payload.dns = (VsDns){.id = task->id,
                          .type = task->asked_type,
                          .is_iterative = true,
                          .edns_bytes = DNS_EDNS_BYTES,
                          .name = task->asked_name};
    task->sent = vs_now(run);
    task->root->n_sent++;
    recursor->counts->n_asked++;
    recursor->n_by_tcp += task->is_by_tcp;
    vs_timer_arm(&task->timeout, task->sent + task->wait);
    if (task->is_by_tcp) {
        task->link = dns_upstreams_ask(&recursor->tcp, task->asked, &payload, task);
    } else {
        vs_udp_send(&recursor->client, 0, task->asked, VS_DNS_PORT, &payload,
                    vs_dns_measure(&payload.dns, &run->packets->names));
    }
}

/* The story's word on whom is asked for what. */
static void
record_question(const DnsTask *task)
{
    const VsNames *names = &run_of(task->recursor)->packets->names;
    const VsDnsRequest *asker = find_asker(task);
    const VsJourney *journey = vs_payload_journey(&asker->payload);
    const char *zone = vs_names_get(names, task->delegation->zone);
    g_autofree char *address = NULL;
    g_autofree char *text = NULL;
    g_autofree char *why = NULL;

    if (!journey || !journey->is_traced) {
        return;
    }
    address = vs_format_ipv4(task->asked);
    text =
        g_strdup_printf("asks %s%s for %s", address, task->is_by_tcp ? ", by TCP" : "",
                        task->asked_name ? vs_names_get(names, task->asked_name)
                                         : "the root's servers");
    why = g_strdup_printf("it has %s, the nearest zone that is known to hold the name",
                          *zone ? zone : "the root");
    record(task->recursor, asker, text, why);
}

void
dns_task_ask_by_tcp(DnsTask *task)
{
    task->is_by_tcp = true;
    task->wait = DNS_TCP_WAIT;
    record_question(task);
    send_question(task);
}

/* How much longer the client's question is worked on. */
static VsTime
time_left(const DnsTask *task)
{
    VsTime elapsed = vs_now(run_of(task->recursor)) - task->root->started;

    if (task->recursor->config.selection != DNS_SELECTION_BIND9) {
        return VS_TIME_NEVER;
    }
    return elapsed < DNS_BIND_DEADLINE ? DNS_BIND_DEADLINE - elapsed : 0;
}

/* The next question of 'task' to 'candidate'. */
static void
ask(DnsTask *task, const DnsCandidate *candidate)
{
    task->asked = candidate->peer->address;
    task->is_by_tcp = false;
    task->wait =
        MIN(dns_peers_wait(&task->recursor->peers, candidate), time_left(task));
    dns_task_tried(task, task->asked)->n_asked++;
    dns_task_choose_name(task);
    record_question(task);
    send_question(task);
}

/* Lets it wait for the address of one of the zone's servers; false: none can be found. */
static bool
find_server(DnsTask *task)
{
    VsName name;

    while (dns_task_find_unknown(task, &name)) {
        if (await(task, name, VS_DNS_A)) {
            return true;
        }
        g_array_append_val(task->missing, name);
    }
    return false;
}

static bool
is_worth_going_on(const DnsTask *task)
{
    return task->root->n_sent < task->recursor->config.max_queries &&
           time_left(task) > 0;
}

static void
ask_next(DnsTask *task)
{
    DnsCandidate candidates[DNS_CANDIDATES_MAX];
    unsigned n = is_worth_going_on(task) ? dns_task_candidates(task, candidates) : 0;

    if (n > 0) {
        ask(task, &candidates[dns_peers_choose(&task->recursor->peers, candidates, n)]);
    } else if (!is_worth_going_on(task) || !find_server(task)) {
        dns_task_end(task, NULL);
    }
}

void
dns_task_step(DnsTask *task)
{
    DnsRecursor *recursor = task->recursor;
    VsName last = task->chain.last;
    bool is_good;
    const DnsFact *fact = walk(recursor, &task->chain, (VsDnsType)task->type, &is_good);

    if (fact || !is_good) {
        dns_task_end(task, fact);
        return;
    }
    if (task->chain.last != last) {
        dns_task_use(task, NULL);
    }
    if (!task->delegation) {
        task->delegation =
            task->type == VS_DNS_NS
                ? &recursor->hints
                : dns_memory_closest(&recursor->memory, task->chain.last);
    }
    if (task->delegation) {
        ask_next(task);
    } else if (!await(task, 0, VS_DNS_NS)) {
        dns_task_end(task, NULL);
    }
}

/* What comes back. ------------------------------------------------------------------ */

static void
take(DnsTask *task, const VsDns *answer)
{
    DnsRecursor *recursor = task->recursor;
    DnsPeer *peer = dns_peers_get(&recursor->peers, task->asked);
    VsTime elapsed = vs_now(run_of(recursor)) - task->sent;
    DnsCandidate candidates[DNS_CANDIDATES_MAX];

    stop_asking(task);
    if (!task->is_by_tcp) {
        dns_peers_answered(&recursor->peers, peer, elapsed, candidates,
                           dns_task_candidates(task, candidates));
    }
    dns_task_take(task, answer);
}

static void
recursor_receive(VsUdp *udp, VsPacket *packet)
{
    DnsRecursor *recursor = udp->user;
    const VsDns answer = packet->payload.dns;
    DnsTask *task;

    if (packet->payload.kind != VS_PAYLOAD_DNS || !answer.is_response) {
        return;
    }
    task = vs_table_find(&recursor->asked, task_key(answer.id, 0));
    if (task && !task->is_by_tcp && answer.name == task->asked_name &&
        answer.type == task->asked_type &&
        vs_packet_top(packet)->flow.saddr == task->asked) {
        vs_packet_arrive(packet);
        take(task, &answer);
    }
}

static void
recursor_answered(DnsUpstreams *tcp, void *asker, const VsDns *answer)
{
    DnsTask *task = asker;

    (void)tcp;
    task->link = NULL;
    if (answer) {
        take(task, answer);
    } else {
        task_timeout(&task->timeout);
    }
}

/* ICMP errors: the time-out leads on, as none can be told from a forged one. */
static const VsUdpOps client_ops = {.receive = recursor_receive};

static void
task_timeout(VsTimer *timer)
{
    DnsTask *task = VS_CONTAINER_OF(timer, DnsTask, timeout);
    DnsRecursor *recursor = task->recursor;

    stop_asking(task);
    recursor->n_timeouts++;
    if (!task->is_by_tcp) {
        dns_peers_lost(&recursor->peers, dns_peers_get(&recursor->peers, task->asked),
                       task->wait);
    }
    dns_task_step(task);
}

void
dns_recursor_query(DnsRecursor *recursor, VsDnsRequest *query)
{
    const VsDns *asked = &query->payload.dns;
    DnsChain chain = {.last = asked->name, .ttl_s = UINT32_MAX};
    bool is_good;
    const DnsFact *fact = walk(recursor, &chain, (VsDnsType)asked->type, &is_good);
    DnsTask *task;

    if (fact || !is_good) {
        recursor->counts->n_hits++;
        record(recursor, query, "answered from the cache",
               "the name was asked for before, and its time to live is not over");
        answer_query(recursor, query, &chain, fact);
        return;
    }
    recursor->counts->n_misses++;
    query->next = NULL;
    task = vs_table_find(&recursor->tasks, task_key(asked->name, asked->type));
    if (task && task->waiting) {
        task->last_waiting->next = query;
        task->last_waiting = query;
        return;
    }
    if (task) { /* For the address of a server, so far. */
        task->waiting = task->last_waiting = query;
        return;
    }
    task = task_new(recursor, asked->name, (VsDnsType)asked->type, NULL);
    task->waiting = task->last_waiting = query;
    dns_task_step(task);
}

/* Open and close. ------------------------------------------------------------------- */

static bool
set_hints(DnsRecursor *recursor, const VsElement *element, const VsBuild *build,
          GError **error)
{
    const VsRefs *roots = recursor->config.roots;

    recursor->hints.targets = g_array_new(FALSE, FALSE, sizeof(DnsTarget));
    for (unsigned i = 0; i < roots->n_elements; i++) {
        DnsTarget target = {0, vs_build_address_of(build, roots->elements[i])};

        if (target.address == 0) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "roots=\"%s\" has no address: no link leads to it; "
                            "write <link from=\"%s\" to=\"...\"/>",
                            roots->elements[i]->id, roots->elements[i]->id);
            return false;
        }
        g_array_append_val(recursor->hints.targets, target);
    }
    return true;
}

bool
dns_recursor_open(DnsRecursor *recursor, DnsServer *server, const char *name,
                  const DnsRecursorConfig *config, DnsCounts *counts,
                  const VsElement *element, VsBuild *build, GError **error)
{
    g_autofree char *place = g_strdup_printf("dns %s", name);

    recursor->server = server;
    recursor->config = *config;
    recursor->counts = counts;
    dns_memory_init(&recursor->memory, build->run);
    dns_peers_init(&recursor->peers, build->run, name, config->selection);
    vs_table_init(&recursor->tasks);
    vs_table_init(&recursor->asked);
    vs_pool_init(&recursor->pool, sizeof(DnsTask), TASKS_A_SLAB);
    dns_upstreams_open(&recursor->tcp, server->netns, &server->entity,
                       recursor_answered);
    recursor->wait_stage = vs_stages_add(&build->run->packets->stages, place,
                                         "waiting for servers", VS_STAGE_DELAY);
    if (!vs_udp_open(&recursor->client, server->netns, VS_ADDR_ANY, 0, &client_ops,
                     recursor)) {
        g_assert_not_reached(); /* The first ephemeral port of a new namespace. */
    }
    return set_hints(recursor, element, build, error);
}

void
dns_recursor_close(DnsRecursor *recursor)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    if (!recursor->server) {
        return;
    }
    while (vs_table_next(&recursor->tasks, &cursor, &key, &value)) {
        DnsTask *task = value;

        g_array_free(task->tried, TRUE);
        g_array_free(task->found, TRUE);
        g_array_free(task->missing, TRUE);
    }
    vs_table_clear(&recursor->tasks);
    vs_table_clear(&recursor->asked);
    vs_pool_clear(&recursor->pool);
    dns_upstreams_close(&recursor->tcp);
    dns_memory_clear(&recursor->memory);
    dns_peers_clear(&recursor->peers);
    g_array_free(recursor->hints.targets, TRUE);
}

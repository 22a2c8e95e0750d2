#include "transport/stub.h"

#include <string.h>

#include "packet/dns.h"

/* musl asks this often again in a try, for each type. */
enum { SERVFAIL_RETRIES = 2 };

#define ALL_SHARES UINT64_C(1000000000)

static void lookup_retry(VsTimer *timer);
static void stub_receive(VsUdp *udp, VsPacket *packet);
static void next_server(VsStubLookup *lookup, const VsDns *failure);
static VsStubLookup *find_asking(const VsStub *stub, const VsDns *answer);
static void receive_answer(VsStubLookup *lookup, const VsDns *answer, VsAddr from);

/* An ICMP error: the time-out asks again.  (Of a connected socket glibc would go on to the next
 * server at once; here sockets are not connected.) */
static const VsUdpOps stub_ops = {.receive = stub_receive};

static VsKey
id_key(uint16_t id)
{
    return (VsKey){{id, 0}};
}

bool
vs_stub_open(VsStub *stub, VsNetns *netns, VsEntity *entity, const VsResolvConf *conf,
             VsStubAnswered answered)
{
    g_assert(conf->n_servers > 0);
    *stub =
        (VsStub){.netns = netns, .entity = entity, .conf = *conf, .answered = answered};
    vs_table_init(&stub->asking);
    return conf->libc != VS_LIBC_NONE ||
           vs_udp_open(&stub->socket, netns, VS_ADDR_ANY, 0, &stub_ops, stub);
}

void
vs_stub_set_migration(VsStub *stub, uint64_t share, const char *owner)
{
    stub->migration = share;
    vs_rng_init(&stub->rng, stub->netns->run->seed, owner, "migration");
}

void
vs_stub_clear(VsStub *stub)
{
    if (stub->netns) {
        vs_table_clear(&stub->asking);
        stub->netns = NULL;
    }
}

static unsigned
n_types(const VsStub *stub)
{
    return stub->conf.libc == VS_LIBC_NONE ? 1 : VS_STUB_N_TYPES;
}

static bool
is_complete(const VsStubLookup *lookup)
{
    return lookup->is_answered[VS_DNS_A] &&
           (n_types(lookup->stub) == 1 || lookup->is_answered[VS_DNS_AAAA]);
}

/* Sockets and questions. ----------------------------------------------------------- */

static void
close_socket(VsStubLookup *lookup)
{
    if (lookup->is_socket_open) {
        vs_udp_close(&lookup->socket);
        lookup->is_socket_open = false;
    }
}

/* Without a free port nothing is sent, and the time-out comes. */
static void
open_socket(VsStubLookup *lookup)
{
    VsStub *stub = lookup->stub;

    close_socket(lookup);
    lookup->is_socket_open =
        stub->conf.libc != VS_LIBC_NONE &&
        vs_udp_open(&lookup->socket, stub->netns, VS_ADDR_ANY, 0, &stub_ops, stub);
}

/* The connection ends on its own; nobody hears of it. */
static void
close_tcp(VsStubLookup *lookup)
{
    if (lookup->tcp) {
        vs_tcp_set_user(lookup->tcp, NULL);
        vs_tcp_close(lookup->tcp);
        lookup->tcp = NULL;
    }
}

static void
forget_ids(VsStubLookup *lookup)
{
    for (unsigned type = 0; type < VS_STUB_N_TYPES; type++) {
        if (lookup->ids[type] != 0) {
            vs_table_remove(&lookup->stub->asking, id_key(lookup->ids[type]));
        }
        lookup->ids[type] = 0;
        lookup->is_answered[type] = false;
        lookup->is_by_tcp[type] = false;
    }
}

static void
give_id(VsStubLookup *lookup, VsDnsType type)
{
    VsStub *stub = lookup->stub;

    while (lookup->ids[type] == 0 ||
           !vs_table_insert(&stub->asking, id_key(lookup->ids[type]), lookup)) {
        lookup->ids[type] = ++stub->next_id;
    }
}

/* Of questions that are under way together, the journey is with one; those sent before belong to
 * it no more. */
static void
follow(VsStubLookup *lookup, VsDnsType type, VsPayload *payload)
{
    bool is_alone = type == VS_DNS_A || lookup->is_single_request;

    if (lookup->journey && is_alone && !lookup->is_followed) {
        lookup->journey->generation++;
        vs_payload_set_journey(payload, lookup->journey);
        lookup->is_followed = !lookup->is_single_request;
    }
}

static void
send_question(VsStubLookup *lookup, VsDnsType type, VsAddr server, bool is_moved)
{
    VsStub *stub = lookup->stub;
    VsUdp *socket = &stub->socket;
    VsPayload payload = {.kind = VS_PAYLOAD_DNS};
    uint32_t bytes;

    if (lookup->ids[type] == 0) {
        give_id(lookup, type);
    }
    if (stub->conf.libc != VS_LIBC_NONE && !lookup->is_by_tcp[type]) {
        if (!lookup->is_socket_open) {
            return;
        }
        socket = &lookup->socket;
    }
    payload.dns = (VsDns){.id = lookup->ids[type],
                          .type = type,
                          .edns_bytes = (uint16_t)stub->conf.edns_bytes,
                          .name = lookup->names->names[lookup->name]};
    follow(lookup, type, &payload);
    stub->n_asked++;
    bytes = vs_dns_measure(&payload.dns, &stub->netns->run->packets->names);
    if (lookup->is_by_tcp[type]) {
        vs_tcp_send(lookup->tcp, &payload, VS_DNS_TCP_LENGTH_BYTES + bytes);
    } else {
        socket->is_moved = is_moved;
        vs_udp_send(socket, 0, server, VS_DNS_PORT, &payload, bytes);
    }
}

static bool
draw_migration(VsStub *stub)
{
    return stub->migration > 0 &&
           vs_rng_below(&stub->rng, ALL_SHARES) < stub->migration;
}

/* Those of the two questions that have no answer yet, the second maybe from another core. */
static void
send_pair(VsStubLookup *lookup, VsAddr server, bool is_moved)
{
    if (!lookup->is_answered[VS_DNS_A] && !lookup->is_by_tcp[VS_DNS_A]) {
        send_question(lookup, VS_DNS_A, server, false);
    }
    if (n_types(lookup->stub) > 1 && !lookup->is_answered[VS_DNS_AAAA] &&
        !lookup->is_by_tcp[VS_DNS_AAAA]) {
        send_question(lookup, VS_DNS_AAAA, server, is_moved);
    }
}

/* Tries. --------------------------------------------------------------------------- */

static VsAddr
server_of(const VsStubLookup *lookup)
{
    const VsResolvConf *conf = &lookup->stub->conf;

    return conf->servers[(lookup->first_server + lookup->server) % conf->n_servers];
}

/* One server, one try: glibc's send_dg. */
static void
try_server(VsStubLookup *lookup)
{
    VsStub *stub = lookup->stub;
    VsTime now = vs_now(stub->netns->run);

    close_tcp(lookup);
    forget_ids(lookup);
    open_socket(lookup);
    lookup->is_followed = false;
    if (lookup->is_single_request) {
        send_question(lookup, VS_DNS_A, server_of(lookup), false);
    } else {
        send_pair(lookup, server_of(lookup), draw_migration(stub));
    }
    vs_timer_arm(&lookup->retry, now + vs_resolv_timeout(&stub->conf, lookup->server));
}

/* All servers at once: musl's __res_msend_rc. */
static void
try_all(VsStubLookup *lookup)
{
    VsStub *stub = lookup->stub;
    const VsResolvConf *conf = &stub->conf;
    VsTime interval = conf->timeout_s * VS_S / conf->attempts;
    VsTime next = vs_now(stub->netns->run) + interval;
    bool is_moved = draw_migration(stub);

    lookup->is_followed = false;
    lookup->n_failures = SERVFAIL_RETRIES * VS_STUB_N_TYPES;
    for (unsigned i = 0; i < conf->n_servers; i++) {
        send_pair(lookup, conf->servers[i], is_moved);
    }
    vs_timer_arm(&lookup->retry, MIN(next, lookup->gives_up));
}

static void
begin_name(VsStubLookup *lookup)
{
    VsStub *stub = lookup->stub;
    const VsResolvConf *conf = &stub->conf;

    lookup->server = 0;
    lookup->turn = 0;
    lookup->first_server = conf->is_rotated ? stub->n_rotations++ % conf->n_servers : 0;
    if (conf->libc == VS_LIBC_MUSL) {
        lookup->gives_up = vs_now(stub->netns->run) + conf->timeout_s * VS_S;
        close_tcp(lookup);
        forget_ids(lookup);
        open_socket(lookup);
        try_all(lookup);
    } else {
        try_server(lookup);
    }
}

void
vs_stub_ask(VsStub *stub, VsStubLookup *lookup, const VsResolvNames *names,
            VsJourney *journey)
{
    *lookup =
        (VsStubLookup){.stub = stub,
                       .names = names,
                       .journey = journey,
                       .is_single_request = stub->conf.is_single_request,
                       .is_single_request_reopen = stub->conf.is_single_request_reopen};
    vs_timer_init(&lookup->retry, stub->entity, lookup_retry);
    begin_name(lookup);
}

void
vs_stub_cancel(VsStubLookup *lookup)
{
    if (lookup->stub) {
        forget_ids(lookup);
        close_socket(lookup);
        close_tcp(lookup);
        vs_timer_cancel(&lookup->retry);
        lookup->stub = NULL;
    }
}

/* What came of a name. -------------------------------------------------------------- */

static void
finish(VsStubLookup *lookup, const VsDns *answer)
{
    VsStub *stub = lookup->stub;

    vs_stub_cancel(lookup);
    stub->answered(stub, lookup, answer);
}

/* The name has no address; 'answer' says so, or is NULL when none came. */
static void
fail_name(VsStubLookup *lookup, const VsDns *answer)
{
    const VsResolvNames *names = lookup->names;
    bool is_search = lookup->name != names->as_is;
    bool is_musl = lookup->stub->conf.libc == VS_LIBC_MUSL;
    unsigned next = lookup->name + 1;

    if (is_musl && (!answer || answer->code != VS_DNS_NXDOMAIN)) {
        next = names->n_names;
    } else if (!answer && is_search) {
        next = names->as_is > lookup->name ? names->as_is : names->n_names;
    }
    if (next >= names->n_names) {
        finish(lookup, answer);
        return;
    }
    lookup->name = next;
    begin_name(lookup);
}

static void
next_server(VsStubLookup *lookup, const VsDns *failure)
{
    const VsResolvConf *conf = &lookup->stub->conf;

    lookup->server++;
    if (lookup->server == conf->n_servers) {
        lookup->server = 0;
        lookup->turn++;
    }
    if (lookup->turn < conf->attempts) {
        try_server(lookup);
    } else {
        fail_name(lookup, failure);
    }
}

static bool
is_failure(const VsDns *answer)
{
    return answer->code == VS_DNS_SERVFAIL || answer->code == VS_DNS_REFUSED;
}

/* All answers of the try are there. */
static void
judge(VsStubLookup *lookup)
{
    const VsDns *first = &lookup->answers[VS_DNS_A];
    const VsDns *second = n_types(lookup->stub) > 1 && lookup->is_answered[VS_DNS_AAAA]
                              ? &lookup->answers[VS_DNS_AAAA]
                              : first;
    VsDns answer =
        first->code == VS_DNS_NXDOMAIN || is_failure(second) ? *first : *second;

    if (!lookup->is_answered[VS_DNS_A]) {
        answer = *second;
    } else if (vs_dns_n_addresses(first) > 0) {
        answer = *first;
    }
    if (vs_dns_n_addresses(&answer) > 0 || lookup->stub->conf.libc == VS_LIBC_NONE) {
        finish(lookup, &answer);
    } else if (is_failure(&answer) && lookup->stub->conf.libc == VS_LIBC_GLIBC) {
        next_server(lookup, &answer);
    } else {
        fail_name(lookup, &answer);
    }
}

/* One of glibc's two answers is missing: the server may not like two questions at once. */
static void
ask_singly(VsStubLookup *lookup)
{
    if (!lookup->is_single_request) {
        lookup->is_single_request = true;
        try_server(lookup);
    } else if (!lookup->is_single_request_reopen) {
        lookup->is_single_request_reopen = true;
        try_server(lookup);
    } else {
        judge(lookup);
    }
}

static void
lookup_retry(VsTimer *timer)
{
    VsStubLookup *lookup = VS_CONTAINER_OF(timer, VsStubLookup, retry);
    bool has_one = lookup->is_answered[VS_DNS_A] || lookup->is_answered[VS_DNS_AAAA];

    lookup->stub->n_timeouts++;
    if (lookup->stub->conf.libc == VS_LIBC_MUSL) {
        if (vs_now(lookup->stub->netns->run) < lookup->gives_up) {
            try_all(lookup);
        } else {
            fail_name(lookup, NULL);
        }
    } else if (has_one) {
        ask_singly(lookup);
    } else {
        next_server(lookup, NULL);
    }
}

/* Answers. -------------------------------------------------------------------------- */

/* False: the answer is none, and musl may ask that server again. */
static bool
take_musl(VsStubLookup *lookup, const VsDns *answer, VsAddr from)
{
    if (answer->code == VS_DNS_NOERROR || answer->code == VS_DNS_NXDOMAIN) {
        return true;
    }
    if (answer->code == VS_DNS_SERVFAIL && lookup->n_failures > 0) {
        lookup->n_failures--;
        send_question(lookup, (VsDnsType)answer->type, from, false);
    }
    return false;
}

static void
take(VsStubLookup *lookup, const VsDns *answer)
{
    lookup->answers[answer->type] = *answer;
    lookup->is_answered[answer->type] = true;
    vs_table_remove(&lookup->stub->asking, id_key(lookup->ids[answer->type]));
    lookup->ids[answer->type] = 0;
    if (is_complete(lookup)) {
        judge(lookup);
    } else if (lookup->is_single_request) {
        if (lookup->is_single_request_reopen) {
            open_socket(lookup);
        }
        close_tcp(lookup);
        if (!vs_timer_is_armed(&lookup->retry)) { /* TCP took its time. */
            vs_timer_arm(&lookup->retry,
                         vs_now(lookup->stub->netns->run) +
                             vs_resolv_timeout(&lookup->stub->conf, lookup->server));
        }
        send_question(lookup, VS_DNS_AAAA, server_of(lookup), false);
    }
}

/* By TCP. --------------------------------------------------------------------------- */

static void
tcp_message(VsTcp *tcp, const VsPayload *payload, uint64_t bytes)
{
    VsStubLookup *lookup = vs_tcp_user(tcp);

    (void)bytes;
    if (lookup && payload->kind == VS_PAYLOAD_DNS && payload->dns.is_response &&
        find_asking(lookup->stub, &payload->dns) == lookup) {
        receive_answer(lookup, &payload->dns, vs_tcp_flow(tcp)->daddr);
    }
}

/* Without an answer: glibc turns to the next server, others wait for their time to end. */
static void
tcp_lost(VsTcp *tcp)
{
    VsStubLookup *lookup = vs_tcp_user(tcp);

    if (!lookup) {
        return;
    }
    lookup->tcp = NULL;
    if (lookup->stub->conf.libc == VS_LIBC_GLIBC) {
        next_server(lookup, NULL);
    }
}

static void
tcp_broken(VsTcp *tcp, VsTcpEnd end)
{
    (void)end;
    tcp_lost(tcp);
}

static void
tcp_finished(VsTcp *tcp)
{
    if (vs_tcp_user(tcp)) { /* Else we have closed already. */
        tcp_lost(tcp);
        vs_tcp_set_user(tcp, NULL);
        vs_tcp_close(tcp);
    }
}

static void
tcp_connected(VsTcp *tcp)
{
    (void)tcp;
}

static const VsTcpOps tcp_ops = {
    .connected = tcp_connected,
    .message = tcp_message,
    .finished = tcp_finished,
    .broken = tcp_broken,
};

/* The answer for 'type' was cut short by 'server'. */
static void
ask_by_tcp(VsStubLookup *lookup, VsDnsType type, VsAddr server)
{
    VsStub *stub = lookup->stub;
    bool is_glibc = stub->conf.libc == VS_LIBC_GLIBC;
    bool has_both = is_glibc && !lookup->is_single_request;

    stub->n_by_tcp++;
    lookup->is_followed = false;
    if (has_both) {
        forget_ids(lookup);
        close_socket(lookup);
    }
    if (is_glibc) {
        vs_timer_cancel(&lookup->retry);
    }
    lookup->tcp = vs_tcp_connect(stub->netns, 0, server, VS_DNS_PORT, lookup->journey,
                                 &tcp_ops, lookup);
    for (unsigned other = 0; other < VS_STUB_N_TYPES; other++) {
        if (has_both || other == type) {
            lookup->is_by_tcp[other] = true;
            send_question(lookup, (VsDnsType)other, server, false);
        }
    }
}

/* Receiving. ------------------------------------------------------------------------ */

/* NULL: it is late, its request has given up or had its answer. */
static VsStubLookup *
find_asking(const VsStub *stub, const VsDns *answer)
{
    VsStubLookup *lookup = vs_table_find(&stub->asking, id_key(answer->id));

    return lookup && lookup->ids[answer->type] == answer->id ? lookup : NULL;
}

static void
receive_answer(VsStubLookup *lookup, const VsDns *answer, VsAddr from)
{
    VsStub *stub = lookup->stub;

    if (answer->is_truncated && !lookup->tcp) {
        ask_by_tcp(lookup, (VsDnsType)answer->type, from);
        return;
    }
    stub->n_no_name += answer->code == VS_DNS_NXDOMAIN;
    if (stub->conf.libc != VS_LIBC_MUSL || take_musl(lookup, answer, from)) {
        take(lookup, answer);
    }
}

static void
stub_receive(VsUdp *udp, VsPacket *packet)
{
    const VsPayload *payload = &packet->payload;
    VsDns answer = payload->dns;
    VsStubLookup *lookup;

    if (payload->kind != VS_PAYLOAD_DNS || !answer.is_response) {
        return;
    }
    lookup = find_asking(udp->user, &answer);
    if (lookup) {
        VsAddr from = vs_packet_top(packet)->flow.saddr;

        vs_packet_arrive(packet);
        receive_answer(lookup, &answer, from);
    }
}

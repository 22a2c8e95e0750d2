#include "transport/stub.h"

#include <string.h>

#include "packet/dns.h"

#define LOOKUP_TIMEOUT (5 * VS_S)

enum { LOOKUP_ATTEMPTS = 2 };

static void lookup_retry(VsTimer *timer);
static void stub_receive(VsUdp *udp, VsPacket *packet);
static void stub_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code);

static const VsUdpOps stub_ops = {.receive = stub_receive, .refused = stub_refused};

static VsKey
lookup_key(uint16_t id)
{
    return (VsKey){{id, 0}};
}

bool
vs_stub_open(VsStub *stub, VsNetns *netns, VsEntity *entity, VsAddr server,
             VsStubAnswered answered)
{
    *stub = (VsStub){
        .netns = netns, .entity = entity, .server = server, .answered = answered};
    vs_table_init(&stub->lookups);
    return vs_udp_open(&stub->socket, netns, VS_ADDR_ANY, 0, &stub_ops, stub);
}

void
vs_stub_clear(VsStub *stub)
{
    if (stub->netns) {
        vs_table_clear(&stub->lookups);
        stub->netns = NULL;
    }
}

char *
vs_stub_fold_name(const char *name)
{
    char *folded = g_ascii_strdown(name, -1);

    if (g_str_has_suffix(folded, ".")) {
        folded[strlen(folded) - 1] = '\0';
    }
    return folded;
}

static void
ask(VsStubLookup *lookup)
{
    VsStub *stub = lookup->stub;
    VsRun *run = stub->netns->run;
    VsPayload payload = {.kind = VS_PAYLOAD_DNS};

    do {
        lookup->id = ++stub->next_id;
    } while (lookup->id == 0 ||
             !vs_table_insert(&stub->lookups, lookup_key(lookup->id), lookup));
    payload.dns = (VsDns){.id = lookup->id, .name = lookup->name};
    vs_payload_set_journey(&payload, lookup->journey);
    lookup->n_asked++;
    stub->n_asked++;
    vs_udp_send(&stub->socket, 0, stub->server, VS_DNS_PORT, &payload,
                vs_dns_measure(&payload.dns, &run->packets->names));
    vs_timer_arm(&lookup->retry, vs_now(run) + LOOKUP_TIMEOUT);
}

void
vs_stub_ask(VsStub *stub, VsStubLookup *lookup, VsName name, VsJourney *journey)
{
    *lookup = (VsStubLookup){.stub = stub, .name = name, .journey = journey};
    vs_timer_init(&lookup->retry, stub->entity, lookup_retry);
    ask(lookup);
}

void
vs_stub_cancel(VsStubLookup *lookup)
{
    if (lookup->id != 0) {
        vs_table_remove(&lookup->stub->lookups, lookup_key(lookup->id));
        vs_timer_cancel(&lookup->retry);
        lookup->id = 0;
    }
}

static void
lookup_retry(VsTimer *timer)
{
    VsStubLookup *lookup = VS_CONTAINER_OF(timer, VsStubLookup, retry);

    vs_stub_cancel(lookup);
    if (lookup->n_asked < LOOKUP_ATTEMPTS) {
        ask(lookup);
    } else {
        lookup->stub->answered(lookup, NULL);
    }
}

static void
stub_receive(VsUdp *udp, VsPacket *packet)
{
    VsStub *stub = udp->user;
    const VsPayload *payload = &packet->payload;
    VsStubLookup *lookup;

    if (payload->kind != VS_PAYLOAD_DNS || !payload->dns.is_response) {
        return;
    }
    lookup = vs_table_find(&stub->lookups, lookup_key(payload->dns.id));
    if (!lookup) {
        return; /* Late: its request has given up or had its answer. */
    }
    vs_stub_cancel(lookup);
    vs_packet_arrive(packet);
    stub->answered(lookup, &payload->dns);
}

static void
stub_refused(VsUdp *udp, const VsFlow *sent, uint8_t icmp_code)
{
    (void)udp;
    (void)sent;
    (void)icmp_code; /* The time-out asks again. */
}

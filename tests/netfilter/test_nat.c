/* Address translation: both directions, port choice, errors. */
#include <glib.h>

#include "base/rng.h"
#include "net/icmp.h"
#include "tests/netfilter/nat_box.h"

static const VsAddr vip = NET_IP(10, 96, 0, 10);
static const VsAddr vip2 = NET_IP(10, 96, 0, 11);
static const VsAddr backend = NET_IP(198, 51, 100, 20);

/* ---- Rules ----------------------------------------------------------------------- */

/* VIPs, port 80, go to the backend's port 8080. */
static bool
service_rule(void *n_calls, VsPacket *packet, VsConntrackEntry *entry,
             const VsHookState *state, bool *ret_stolen)
{
    const VsFlow *flow = &vs_packet_top(packet)->flow;

    (void)ret_stolen;
    CU_ASSERT_PTR_EQUAL(packet->ct, entry);
    CU_ASSERT(packet->flags & VS_PACKET_CT_NEW);
    CU_ASSERT(state->point == VS_HOOK_PREROUTING || state->point == VS_HOOK_OUTPUT);
    if (n_calls) {
        ++*(unsigned *)n_calls;
    }
    if ((flow->daddr != vip && flow->daddr != vip2) ||
        (flow->dport != 80 && flow->protocol != VS_PROTOCOL_ICMP)) {
        return false;
    }
    vs_nat_dst(entry, backend, 8080);
    return true;
}

/* What leaves by the outer card comes from the router. */
static bool
masquerade(void *n_calls, VsPacket *packet, VsConntrackEntry *entry,
           const VsHookState *state, bool *ret_stolen)
{
    (void)ret_stolen;
    CU_ASSERT(state->point == VS_HOOK_POSTROUTING || state->point == VS_HOOK_INPUT);
    if (n_calls) {
        ++*(unsigned *)n_calls;
    }
    if (!state->out || state->out->address != BOX_OUTSIDE ||
        vs_packet_top(packet)->flow.saddr == BOX_OUTSIDE) {
        return false;
    }
    vs_nat_src(entry, BOX_OUTSIDE);
    return true;
}

static void
service_box(Box *box)
{
    box_init(box);
    vs_nat_add_dst_rule(box->conntrack, service_rule, NULL);
}

static void
masquerade_box(Box *box)
{
    box_init(box);
    vs_nat_add_src_rule(box->conntrack, masquerade, NULL);
}

/* ---- Destination ----------------------------------------------------------------- */

static void
test_destination_both_ways(void)
{
    VsFlow out;
    VsFlow in;
    Box box;

    service_box(&box);
    for (unsigned i = 0; i < 3; i++) {
        out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
        CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1000, backend, 8080));
        in = box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_CLIENT, 1000));
        CU_ASSERT(box_is_flow(in, vip, 80, BOX_CLIENT, 1000));
    }
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    CU_ASSERT_EQUAL(box_find(&box, net_flow(BOX_CLIENT, 1000, vip, 80))->status &
                        (VS_CT_SRC_NAT | VS_CT_DST_NAT),
                    VS_CT_DST_NAT);

    /* Other traffic of the backend is left as it is. */
    in = box_pass_udp(&box, box.outside, net_flow(backend, 9999, BOX_CLIENT, 1000));
    CU_ASSERT(box_is_flow(in, backend, 9999, BOX_CLIENT, 1000));
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1001, backend, 8080));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1001, backend, 8080));
    in = box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_CLIENT, 1001));
    CU_ASSERT(box_is_flow(in, backend, 8080, BOX_CLIENT, 1001));
    box_clear(&box);
}

static bool
keep_port(void *data, VsPacket *packet, VsConntrackEntry *entry,
          const VsHookState *state, bool *ret_stolen)
{
    (void)data;
    (void)packet;
    (void)state;
    (void)ret_stolen;
    vs_nat_dst(entry, backend, 0);
    return true;
}

static void
test_port_zero_keeps_the_port(void)
{
    VsFlow out;
    Box box;

    box_init(&box);
    vs_nat_add_dst_rule(box.conntrack, keep_port, NULL);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 4321));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1000, backend, 4321));
    box_clear(&box);
}

static bool
count_call(void *n_calls, VsPacket *packet, VsConntrackEntry *entry,
           const VsHookState *state, bool *ret_stolen)
{
    (void)packet;
    (void)entry;
    (void)state;
    (void)ret_stolen;
    ++*(unsigned *)n_calls;
    return false;
}

static void
test_rules_see_the_first_packet_only(void)
{
    unsigned n_before = 0;
    unsigned n_dst = 0;
    unsigned n_after = 0;
    unsigned n_src = 0;
    Box box;

    box_init(&box);
    vs_nat_add_dst_rule(box.conntrack, count_call, &n_before);
    vs_nat_add_dst_rule(box.conntrack, service_rule, &n_dst);
    vs_nat_add_dst_rule(box.conntrack, count_call, &n_after);
    vs_nat_add_src_rule(box.conntrack, count_call, &n_src);
    for (unsigned i = 0; i < 5; i++) {
        box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
        box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_CLIENT, 1000));
    }
    CU_ASSERT_EQUAL(n_before, 1);
    CU_ASSERT_EQUAL(n_dst, 1);
    CU_ASSERT_EQUAL(n_after, 0); /* The one before it said yes. */
    CU_ASSERT_EQUAL(n_src, 1);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 80));
    CU_ASSERT_EQUAL(n_dst, 2);
    CU_ASSERT_EQUAL(n_after, 1);
    box_clear(&box);
}

static bool
refuse_rule(void *data, VsPacket *packet, VsConntrackEntry *entry,
            const VsHookState *state, bool *ret_stolen)
{
    (void)data;
    (void)entry;
    (void)state;
    vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
    *ret_stolen = true;
    return false;
}

static void
test_rule_may_drop(void)
{
    unsigned n_after = 0;
    Box box;

    for (unsigned is_src = 0; is_src < 2; is_src++) {
        void (*add)(VsConntrack *, VsNatRule, void *) =
            is_src ? vs_nat_add_src_rule : vs_nat_add_dst_rule;

        box_init(&box);
        add(box.conntrack, refuse_rule, NULL);
        add(box.conntrack, count_call, &n_after);
        box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
        CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_ENDPOINT), 1);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 0);
        CU_ASSERT_EQUAL(box.conntrack->n_entries, 0);
        CU_ASSERT_EQUAL(n_after, 0);
        box_clear(&box);
    }
}

/* REJECT: an error from within the rule, which may be handled at once by an idle
 * core. */
static bool
reject_rule(void *data, VsPacket *packet, VsConntrackEntry *entry,
            const VsHookState *state, bool *ret_stolen)
{
    (void)data;
    (void)entry;
    vs_icmp_send_error(state->netns, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_PORT, 0);
    vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
    *ret_stolen = true;
    return false;
}

static void
test_rule_may_reject(void)
{
    for (unsigned n_cores = 0; n_cores < 5; n_cores++) {
        Box box;

        box_init_with(&box, &vs_conntrack_config_default, n_cores);
        vs_nat_add_dst_rule(box.conntrack, reject_rule, NULL);
        for (unsigned i = 0; i < 20; i++) {
            VsFlow flow = net_flow(BOX_CLIENT, (uint16_t)(1000 + i), vip, 80);

            box_pass_udp(&box, box.inside, flow);
            CU_ASSERT_EQUAL(net_n_arrived(box.to_inside), i + 1);
            CU_ASSERT(
                vs_flow_equals(&net_arrival(box.to_inside, i)->below.flow, &flow));
        }
        CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_ENDPOINT), 20);
        CU_ASSERT_EQUAL(box.conntrack->n_entries, 0);
        box_clear(&box);
    }
}

/* A local socket asks a VIP: OUTPUT translates, and the packet is routed anew. */
static void
test_destination_of_local_packets(void)
{
    Box box;

    service_box(&box);
    vs_routes_add(
        &box.netns->routes, /* The VIP would go inside. */
        &(VsRoute){
            .prefix = vip, .length = 32, .iface = box.inside, .via = BOX_CLIENT});
    net_udp_send(box.netns, net_flow(BOX_OUTSIDE, 1000, vip, 80), 10);
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1);
    CU_ASSERT(box_is_flow(net_arrival(box.to_outside, 0)->top.flow, BOX_OUTSIDE, 1000,
                          backend, 8080));
    box_put(box.outside, box_packet(&box, net_flow(backend, 8080, BOX_OUTSIDE, 1000)));
    box_run(&box, VS_MS);
    CU_ASSERT(box_is_flow(net_arrival(box.to_sockets, 0)->top.flow, vip, 80,
                          BOX_OUTSIDE, 1000));
    box_clear(&box);
}

/* ---- Source ---------------------------------------------------------------------- */

static void
test_masquerade_keeps_a_unique_port(void)
{
    VsFlow out;
    VsFlow in;
    Box box;

    masquerade_box(&box);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 53));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_SERVER, 53));
    in = box_pass_udp(&box, box.outside, net_flow(BOX_SERVER, 53, BOX_OUTSIDE, 1000));
    CU_ASSERT(box_is_flow(in, BOX_SERVER, 53, BOX_CLIENT, 1000));

    /* Another client with the same port, but to another server, keeps it as well. */
    out = box_pass_udp(&box, box.inside,
                       net_flow(NET_IP(10, 0, 0, 3), 1000, BOX_SERVER + 1, 53));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_SERVER + 1, 53));
    in = box_pass_udp(&box, box.outside,
                      net_flow(BOX_SERVER + 1, 53, BOX_OUTSIDE, 1000));
    CU_ASSERT(box_is_flow(in, BOX_SERVER + 1, 53, NET_IP(10, 0, 0, 3), 1000));
    box_clear(&box);
}

/* Clients that all use one port towards one server: the first keeps it, the others get
 * others of its class, all distinct, and each gets its own answers. */
static void
check_port_class(uint16_t port, unsigned first, unsigned last, unsigned n_clients)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    Box box;

    masquerade_box(&box);
    for (unsigned i = 0; i < n_clients; i++) {
        VsAddr client = NET_IP(10, 1, 0, 0) + i;
        VsFlow out =
            box_pass_udp(&box, box.inside, net_flow(client, port, BOX_SERVER, 53));
        VsFlow in;

        CU_ASSERT_EQUAL(out.saddr, BOX_OUTSIDE);
        CU_ASSERT_EQUAL(out.daddr, BOX_SERVER);
        CU_ASSERT_EQUAL(out.dport, 53);
        CU_ASSERT(i > 0 || out.sport == port);
        CU_ASSERT(i == 0 || (out.sport >= first && out.sport <= last));
        CU_ASSERT(g_hash_table_add(seen, GUINT_TO_POINTER(out.sport)));
        in = box_pass_udp(&box, box.outside,
                          net_flow(BOX_SERVER, 53, BOX_OUTSIDE, out.sport));
        CU_ASSERT(box_is_flow(in, BOX_SERVER, 53, client, port));
        /* Its next packet has the same port. */
        out = box_pass_udp(&box, box.inside, net_flow(client, port, BOX_SERVER, 53));
        CU_ASSERT(g_hash_table_contains(seen, GUINT_TO_POINTER(out.sport)));
    }
    CU_ASSERT_EQUAL(box.conntrack->n_entries, n_clients);
    box_clear(&box);
}

static void
test_taken_port_gives_another_of_its_class(void)
{
    check_port_class(1, 1, 511, 200);
    check_port_class(400, 1, 511, 200);
    check_port_class(511, 1, 511, 200);
    check_port_class(512, 600, 1023, 200);
    check_port_class(900, 600, 1023, 200);
    check_port_class(1023, 600, 1023, 200);
    check_port_class(1024, 1024, 65535, 1000);
    check_port_class(40000, 1024, 65535, 1000);
    check_port_class(65535, 1024, 65535, 1000);
}

/* 1..511 are 511 ports: more clients than that cannot be served. */
static void
test_no_port_is_left(void)
{
    unsigned n_served = 0;
    Box box;

    masquerade_box(&box);
    for (unsigned i = 0; i < 1000; i++) {
        VsFlow out = box_pass_udp(
            &box, box.inside, net_flow(NET_IP(10, 1, 0, 0) + i, 400, BOX_SERVER, 53));

        n_served += out.daddr != 0;
    }
    CU_ASSERT(n_served > 450); /* 128 + 64 + 32 + 16 tries may miss the last few. */
    CU_ASSERT(n_served <= 511);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_NAT_PORT), 1000 - n_served);
    CU_ASSERT_EQUAL(box.conntrack->n_entries, n_served);

    /* Another class, another server: no shortage. */
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside,
                                 net_flow(NET_IP(10, 2, 0, 0), 900, BOX_SERVER, 53))
                        .sport,
                    900);
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside,
                                 net_flow(NET_IP(10, 2, 0, 0), 400, BOX_SERVER, 54))
                        .sport,
                    400);
    box_clear(&box);
}

/* Ports come from the run's seed: the same every time. */
static void
test_ports_are_reproducible(void)
{
    uint16_t ports[2][50];

    for (unsigned k = 0; k < 2; k++) {
        Box box;

        masquerade_box(&box);
        for (unsigned i = 0; i < 50; i++) {
            ports[k][i] =
                box_pass_udp(&box, box.inside,
                             net_flow(NET_IP(10, 1, 0, 0) + i, 5000, BOX_SERVER, 53))
                    .sport;
        }
        box_clear(&box);
    }
    CU_ASSERT_EQUAL(memcmp(ports[0], ports[1], sizeof(ports[0])), 0);
}

/* Two VIPs of one backend, asked from one port: the answers would look the same, so the
 * second connection gets another source port (the kernel's null binding). */
static void
test_answers_are_told_apart_without_a_rule(void)
{
    VsFlow first, second, in;
    Box box;

    service_box(&box);
    first = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 5000, vip, 80));
    second = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 5000, vip2, 80));
    CU_ASSERT(box_is_flow(first, BOX_CLIENT, 5000, backend, 8080));
    CU_ASSERT_EQUAL(second.saddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(second.daddr, backend);
    CU_ASSERT_EQUAL(second.dport, 8080);
    CU_ASSERT(second.sport != 5000 && second.sport >= 1024);

    in = box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_CLIENT, 5000));
    CU_ASSERT(box_is_flow(in, vip, 80, BOX_CLIENT, 5000));
    in = box_pass_udp(&box, box.outside,
                      net_flow(backend, 8080, BOX_CLIENT, second.sport));
    CU_ASSERT(box_is_flow(in, vip2, 80, BOX_CLIENT, 5000));
    box_clear(&box);
}

/* Both at once: a service asked from outside its network, as a node port is. */
static void
test_destination_and_source(void)
{
    VsFlow out, in;
    Box box;

    service_box(&box);
    vs_nat_add_src_rule(box.conntrack, masquerade, NULL);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, backend, 8080));
    in = box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_OUTSIDE, 1000));
    CU_ASSERT(box_is_flow(in, vip, 80, BOX_CLIENT, 1000));
    box_clear(&box);
}

/* ---- ICMP ------------------------------------------------------------------------ */

/* Passes an error into 'card' and returns what came out. */
static const NetArrival *
pass_error(Box *box, VsIface *card, VsAddr saddr, VsFlow quoted)
{
    NetSink *sink = card == box->inside ? box->to_outside : box->to_inside;
    unsigned n_before = net_n_arrived(sink);

    box_pass(box, card, box_error(box, saddr, quoted));
    return net_arrival(sink, n_before);
}

/* The backend, or a router before it, complains about a packet to the backend: the
 * client learns that about its own packet to the VIP, from the VIP. */
static void
test_error_about_a_translated_destination(void)
{
    VsAddr reporters[] = {backend, NET_IP(203, 0, 113, 5)};

    for (unsigned i = 0; i < 2; i++) {
        const NetArrival *error;
        VsFlow out;
        Box box;

        service_box(&box);
        out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
        error = pass_error(&box, box.outside, reporters[i], out);
        CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, vip, 80));
        CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_CLIENT);
        CU_ASSERT_EQUAL(error->top.flow.saddr, vip);
        CU_ASSERT_EQUAL(error->top.icmp.type, VS_ICMP_UNREACHABLE);
        box_clear(&box);
    }
}

/* The client complains about an answer: the backend learns that about its own
 * packet. */
static void
test_error_about_an_answer(void)
{
    const NetArrival *error;
    VsFlow in;
    Box box;

    service_box(&box);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
    in = box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_CLIENT, 1000));
    error = pass_error(&box, box.inside, BOX_CLIENT, in);
    CU_ASSERT(box_is_flow(error->below.flow, backend, 8080, BOX_CLIENT, 1000));
    CU_ASSERT_EQUAL(error->top.flow.saddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(error->top.flow.daddr, backend);
    box_clear(&box);
}

static void
test_error_about_a_masqueraded_source(void)
{
    const NetArrival *error;
    VsFlow out;
    Box box;

    masquerade_box(&box);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT + 1, 1000, BOX_SERVER, 53));
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 53));
    CU_ASSERT_NOT_EQUAL(out.sport, 1000);
    error = pass_error(&box, box.outside, NET_IP(203, 0, 113, 5), out);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, BOX_SERVER, 53));
    CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(error->top.flow.saddr,
                    NET_IP(203, 0, 113, 5)); /* Stays the router's. */
    box_clear(&box);
}

static void
test_error_about_both(void)
{
    const NetArrival *error;
    VsFlow out;
    Box box;

    service_box(&box);
    vs_nat_add_src_rule(box.conntrack, masquerade, NULL);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
    error = pass_error(&box, box.outside, backend, out);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, vip, 80));
    CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(error->top.flow.saddr, vip);
    box_clear(&box);
}

/* The router's own error, about a later packet of a translated connection. */
static void
test_own_error_about_a_translated_packet(void)
{
    VsPacket *packet;
    const NetArrival *error;
    Box box;

    service_box(&box);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
    packet = box_packet(&box, net_flow(BOX_CLIENT, 1000, vip, 80));
    vs_packet_top(packet)->ttl = 1;
    box_put(box.inside, packet);
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_inside), 1);
    error = net_arrival(box.to_inside, 0);
    CU_ASSERT_EQUAL(error->top.icmp.type, VS_ICMP_TIME_EXCEEDED);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, vip, 80));
    box_clear(&box);
}

static VsFlow
echo_flow(VsAddr saddr, VsAddr daddr, uint16_t id)
{
    return (VsFlow){.saddr = saddr,
                    .daddr = daddr,
                    .sport = id,
                    .protocol = VS_PROTOCOL_ICMP,
                    .family = VS_FAMILY_IPV4};
}

/* Two that ping one address with one identifier: it is what tells the answers apart. */
static void
test_identifiers_of_echoes_are_unique(void)
{
    VsFlow first, second, in;
    Box box;

    masquerade_box(&box);
    first =
        box_pass(&box, box.inside,
                 box_icmp(&box, echo_flow(BOX_CLIENT, BOX_SERVER, 7), VS_ICMP_ECHO, 0));
    second = box_pass(
        &box, box.inside,
        box_icmp(&box, echo_flow(BOX_CLIENT + 1, BOX_SERVER, 7), VS_ICMP_ECHO, 0));
    CU_ASSERT(box_is_flow(first, BOX_OUTSIDE, 7, BOX_SERVER, 0));
    CU_ASSERT_EQUAL(second.saddr, BOX_OUTSIDE);
    CU_ASSERT_EQUAL(second.dport, 0);
    CU_ASSERT_NOT_EQUAL(second.sport, 7);
    CU_ASSERT_EQUAL(second.daddr, BOX_SERVER);

    in = box_pass(&box, box.outside,
                  box_icmp(&box, echo_flow(BOX_SERVER, BOX_OUTSIDE, second.sport),
                           VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT(box_is_flow(in, BOX_SERVER, 7, BOX_CLIENT + 1, 0));
    in = box_pass(
        &box, box.outside,
        box_icmp(&box, echo_flow(BOX_SERVER, BOX_OUTSIDE, 7), VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT(box_is_flow(in, BOX_SERVER, 7, BOX_CLIENT, 0));
    box_clear(&box);
}

/* A port is no part of an echo. */
static void
test_echo_to_a_vip(void)
{
    VsFlow out, in;
    Box box;

    service_box(&box);
    out = box_pass(&box, box.inside,
                   box_icmp(&box, echo_flow(BOX_CLIENT, vip, 7), VS_ICMP_ECHO, 0));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 7, backend, 0));
    in = box_pass(
        &box, box.outside,
        box_icmp(&box, echo_flow(backend, BOX_CLIENT, 7), VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT(box_is_flow(in, vip, 7, BOX_CLIENT, 0));
    box_clear(&box);
}

/* ---- All of it at random --------------------------------------------------------- */

typedef struct {
    VsFlow sent;  /* By the client. */
    VsFlow there; /* As the server sees it. */
} Connection;

/* Clients with few ports ask VIPs and servers.  On the wire outside no two
 * connections may look alike, each must look the same every time, and each answer
 * must find home. */
static void
test_translation_is_one_to_one(void)
{
    enum { N = 3000 };
    g_autoptr(GArray) connections = g_array_new(FALSE, FALSE, sizeof(Connection));
    VsConntrackConfig config = vs_conntrack_config_default;
    bool is_right = true;
    VsRng rng;
    Box box;

    vs_rng_init(&rng, 1, "nat", "one to one");
    config.udp_timeout = config.udp_stream_timeout = 86400 * VS_S;
    box_init_with(&box, &config, 0);
    vs_nat_add_dst_rule(box.conntrack, service_rule, NULL);
    vs_nat_add_src_rule(box.conntrack, masquerade, NULL);
    for (unsigned n = 0; n < N && is_right; n++) {
        static const VsAddr to[] = {NET_IP(10, 96, 0, 10), NET_IP(10, 96, 0, 11),
                                    NET_IP(198, 51, 100, 20), NET_IP(198, 51, 100, 7)};
        unsigned which = (unsigned)vs_rng_below(&rng, G_N_ELEMENTS(to));
        VsAddr client = NET_IP(10, 3, 0, 0) + (uint32_t)vs_rng_below(&rng, 40);
        uint16_t sport = (uint16_t)(5000 + vs_rng_below(&rng, 10));
        VsFlow flow = net_flow(client, sport, to[which], which < 2 ? 80 : 8080);
        VsFlow there = box_pass_udp(&box, box.inside, flow);
        VsFlow back = vs_flow_reverse(&there);
        VsFlow home = box_pass_udp(&box, box.outside, back);
        VsFlow home_right = vs_flow_reverse(&flow);
        bool is_known = false;

        is_right &= vs_flow_equals(&home, &home_right);
        is_right &= there.saddr == BOX_OUTSIDE && there.dport == 8080;
        is_right &= there.daddr == (which < 3 ? backend : BOX_SERVER);
        for (unsigned i = 0; i < connections->len; i++) {
            const Connection *other = &g_array_index(connections, Connection, i);
            bool is_same = vs_flow_equals(&other->sent, &flow);

            is_known |= is_same;
            is_right &= vs_flow_equals(&other->there, &there) == is_same;
        }
        if (!is_known) {
            Connection connection = {flow, there};

            g_array_append_val(connections, connection);
        }
    }
    CU_ASSERT(is_right);
    CU_ASSERT(connections->len > 1000);
    CU_ASSERT_EQUAL(box.conntrack->n_created, connections->len);
    box_clear(&box);
}

static void
test_translation_is_charged(void)
{
    VsCosts costs = {
        .conntrack_lookup = 100000, .conntrack_insert = 600000, .nat_rewrite = 10000};
    VsCore *core;
    Box box;

    box_init_with(&box, &vs_conntrack_config_default, 1);
    box.host->costs = costs;
    core = &box.host->cores[0];
    vs_nat_add_dst_rule(box.conntrack, service_rule, NULL);
    vs_nat_add_src_rule(box.conntrack, masquerade, NULL);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
    CU_ASSERT_EQUAL(core->busy, 100000 + 600000 + 2 * 10000);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, vip, 80));
    CU_ASSERT_EQUAL(core->busy, 2 * 100000 + 600000 + 4 * 10000);
    box_pass_udp(&box, box.outside, net_flow(backend, 8080, BOX_OUTSIDE, 1000));
    CU_ASSERT_EQUAL(core->busy, 3 * 100000 + 600000 + 6 * 10000);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"a destination is translated both ways", test_destination_both_ways},
    {"port 0 keeps the port", test_port_zero_keeps_the_port},
    {"rules see the first packet only", test_rules_see_the_first_packet_only},
    {"a rule may drop", test_rule_may_drop},
    {"a rule may reject", test_rule_may_reject},
    {"the destination of local packets is translated",
     test_destination_of_local_packets},
    {"masquerading keeps a unique port", test_masquerade_keeps_a_unique_port},
    {"a taken port gives another of its class",
     test_taken_port_gives_another_of_its_class},
    {"without a free port the packet is dropped", test_no_port_is_left},
    {"ports are reproducible", test_ports_are_reproducible},
    {"answers are told apart without a rule",
     test_answers_are_told_apart_without_a_rule},
    {"destination and source may both change", test_destination_and_source},
    {"an error about a translated destination",
     test_error_about_a_translated_destination},
    {"an error about an answer", test_error_about_an_answer},
    {"an error about a masqueraded source", test_error_about_a_masqueraded_source},
    {"an error about both", test_error_about_both},
    {"an error of the router itself", test_own_error_about_a_translated_packet},
    {"identifiers of echoes are unique", test_identifiers_of_echoes_are_unique},
    {"an echo to a VIP keeps its identifier", test_echo_to_a_vip},
    {"translation is one to one", test_translation_is_one_to_one},
    {"translation is charged", test_translation_is_charged},
    {0},
};
VS_TESTS("nat")

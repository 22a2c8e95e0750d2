/* Address translation of ICMP: errors about translated packets, and echoes. */
#include "tests/netfilter/nat_box.h"

/* ---- Errors ---------------------------------------------------------------------- */

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
    VsAddr reporters[] = {BOX_BACKEND, NET_IP(203, 0, 113, 5)};

    for (unsigned i = 0; i < 2; i++) {
        const NetArrival *error;
        VsFlow out;
        Box box;

        box_init_service(&box);
        out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
        error = pass_error(&box, box.outside, reporters[i], out);
        CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, BOX_VIP, 80));
        CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_CLIENT);
        CU_ASSERT_EQUAL(error->top.flow.saddr, BOX_VIP);
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

    box_init_service(&box);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    in = box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1000));
    error = pass_error(&box, box.inside, BOX_CLIENT, in);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_BACKEND, 8080, BOX_CLIENT, 1000));
    CU_ASSERT_EQUAL(error->top.flow.saddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_BACKEND);
    box_clear(&box);
}

static void
test_error_about_a_masqueraded_source(void)
{
    const NetArrival *error;
    VsFlow out;
    Box box;

    box_init_masquerade(&box);
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

    box_init_service(&box);
    vs_nat_add_src_rule(box.conntrack, box_masquerade, NULL);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    error = pass_error(&box, box.outside, BOX_BACKEND, out);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, BOX_VIP, 80));
    CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(error->top.flow.saddr, BOX_VIP);
    box_clear(&box);
}

/* The router's own error, about a later packet of a translated connection. */
static void
test_own_error_about_a_translated_packet(void)
{
    VsPacket *packet;
    const NetArrival *error;
    Box box;

    box_init_service(&box);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    packet = box_packet(&box, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    vs_packet_top(packet)->ttl = 1;
    box_put(box.inside, packet);
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_inside), 1);
    error = net_arrival(box.to_inside, 0);
    CU_ASSERT_EQUAL(error->top.icmp.type, VS_ICMP_TIME_EXCEEDED);
    CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, BOX_VIP, 80));
    box_clear(&box);
}

/* ---- Echoes ---------------------------------------------------------------------- */

/* Two that ping one address with one identifier: it is what tells the answers apart. */
static void
test_identifiers_of_echoes_are_unique(void)
{
    VsFlow first, second, in;
    Box box;

    box_init_masquerade(&box);
    first = box_pass(
        &box, box.inside,
        box_icmp(&box, box_echo_flow(BOX_CLIENT, BOX_SERVER, 7), VS_ICMP_ECHO, 0));
    second = box_pass(
        &box, box.inside,
        box_icmp(&box, box_echo_flow(BOX_CLIENT + 1, BOX_SERVER, 7), VS_ICMP_ECHO, 0));
    CU_ASSERT(box_is_flow(first, BOX_OUTSIDE, 7, BOX_SERVER, 0));
    CU_ASSERT_EQUAL(second.saddr, BOX_OUTSIDE);
    CU_ASSERT_EQUAL(second.dport, 0);
    CU_ASSERT_NOT_EQUAL(second.sport, 7);
    CU_ASSERT_EQUAL(second.daddr, BOX_SERVER);

    in = box_pass(&box, box.outside,
                  box_icmp(&box, box_echo_flow(BOX_SERVER, BOX_OUTSIDE, second.sport),
                           VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT(box_is_flow(in, BOX_SERVER, 7, BOX_CLIENT + 1, 0));
    in = box_pass(&box, box.outside,
                  box_icmp(&box, box_echo_flow(BOX_SERVER, BOX_OUTSIDE, 7),
                           VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT(box_is_flow(in, BOX_SERVER, 7, BOX_CLIENT, 0));
    box_clear(&box);
}

/* A port is no part of an echo. */
static void
test_echo_to_a_vip(void)
{
    VsFlow out, in;
    Box box;

    box_init_service(&box);
    out = box_pass(
        &box, box.inside,
        box_icmp(&box, box_echo_flow(BOX_CLIENT, BOX_VIP, 7), VS_ICMP_ECHO, 0));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 7, BOX_BACKEND, 0));
    in = box_pass(&box, box.outside,
                  box_icmp(&box, box_echo_flow(BOX_BACKEND, BOX_CLIENT, 7),
                           VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT(box_is_flow(in, BOX_VIP, 7, BOX_CLIENT, 0));
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"an error about a translated destination",
     test_error_about_a_translated_destination},
    {"an error about an answer", test_error_about_an_answer},
    {"an error about a masqueraded source", test_error_about_a_masqueraded_source},
    {"an error about both", test_error_about_both},
    {"an error of the router itself", test_own_error_about_a_translated_packet},
    {"identifiers of echoes are unique", test_identifiers_of_echoes_are_unique},
    {"an echo to a VIP keeps its identifier", test_echo_to_a_vip},
    {0},
};
VS_TESTS("nat_icmp")

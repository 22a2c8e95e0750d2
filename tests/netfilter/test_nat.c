/* Address translation: rules, and both directions of a connection.  The ports it chooses
 * are in test_nat_ports.c, ICMP in test_nat_icmp.c. */
#include "net/icmp.h"
#include "tests/netfilter/nat_box.h"

/* ---- Destination ----------------------------------------------------------------- */

static void
test_destination_both_ways(void)
{
    VsFlow out;
    VsFlow in;
    Box box;

    box_init_service(&box);
    for (unsigned i = 0; i < 3; i++) {
        out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
        CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1000, BOX_BACKEND, 8080));
        in = box_pass_udp(&box, box.outside,
                          net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1000));
        CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 1000));
    }
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    CU_ASSERT_EQUAL(box_find(&box, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80))->status &
                        (VS_CT_SRC_NAT | VS_CT_DST_NAT),
                    VS_CT_DST_NAT);

    /* Other traffic of the backend is left as it is. */
    in = box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 9999, BOX_CLIENT, 1000));
    CU_ASSERT(box_is_flow(in, BOX_BACKEND, 9999, BOX_CLIENT, 1000));
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1001, BOX_BACKEND, 8080));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1001, BOX_BACKEND, 8080));
    in = box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1001));
    CU_ASSERT(box_is_flow(in, BOX_BACKEND, 8080, BOX_CLIENT, 1001));
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
    vs_nat_dst(entry, BOX_BACKEND, 0);
    return true;
}

static void
test_port_zero_keeps_the_port(void)
{
    VsFlow out;
    Box box;

    box_init(&box);
    vs_nat_add_dst_rule(box.conntrack, keep_port, NULL);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 4321));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1000, BOX_BACKEND, 4321));
    box_clear(&box);
}

/* A local socket asks a VIP: OUTPUT translates, and the packet is routed anew. */
static void
test_destination_of_local_packets(void)
{
    Box box;

    box_init_service(&box);
    vs_routes_add(
        &box.netns->routes, /* The VIP would go inside. */
        &(VsRoute){
            .prefix = BOX_VIP, .length = 32, .iface = box.inside, .via = BOX_CLIENT});
    net_udp_send(box.netns, net_flow(BOX_OUTSIDE, 1000, BOX_VIP, 80), 10);
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1);
    CU_ASSERT(box_is_flow(net_arrival(box.to_outside, 0)->top.flow, BOX_OUTSIDE, 1000,
                          BOX_BACKEND, 8080));
    box_put(box.outside,
            box_packet(&box, net_flow(BOX_BACKEND, 8080, BOX_OUTSIDE, 1000)));
    box_run(&box, VS_MS);
    CU_ASSERT(box_is_flow(net_arrival(box.to_sockets, 0)->top.flow, BOX_VIP, 80,
                          BOX_OUTSIDE, 1000));
    box_clear(&box);
}

/* ---- Rules ----------------------------------------------------------------------- */

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
    vs_nat_add_dst_rule(box.conntrack, box_service_rule, &n_dst);
    vs_nat_add_dst_rule(box.conntrack, count_call, &n_after);
    vs_nat_add_src_rule(box.conntrack, count_call, &n_src);
    for (unsigned i = 0; i < 5; i++) {
        box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
        box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1000));
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
        box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
        CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_ENDPOINT), 1);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 0);
        CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
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
            VsFlow flow = net_flow(BOX_CLIENT, (uint16_t)(1000 + i), BOX_VIP, 80);

            box_pass_udp(&box, box.inside, flow);
            CU_ASSERT_EQUAL(net_n_arrived(box.to_inside), i + 1);
            CU_ASSERT(
                vs_flow_equals(&net_arrival(box.to_inside, i)->below.flow, &flow));
        }
        CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_ENDPOINT), 20);
        CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
        box_clear(&box);
    }
}

/* ---- Destination and source ------------------------------------------------------ */

/* Both at once: a service asked from outside its network, as a node port is. */
static void
test_destination_and_source(void)
{
    VsFlow out, in;
    Box box;

    box_init_service(&box);
    vs_nat_add_src_rule(box.conntrack, box_masquerade, NULL);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_BACKEND, 8080));
    in =
        box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_OUTSIDE, 1000));
    CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 1000));
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
    vs_nat_add_dst_rule(box.conntrack, box_service_rule, NULL);
    vs_nat_add_src_rule(box.conntrack, box_masquerade, NULL);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    CU_ASSERT_EQUAL(core->busy, 100000 + 600000 + 2 * 10000);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
    CU_ASSERT_EQUAL(core->busy, 2 * 100000 + 600000 + 4 * 10000);
    box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_OUTSIDE, 1000));
    CU_ASSERT_EQUAL(core->busy, 3 * 100000 + 600000 + 6 * 10000);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"a destination is translated both ways", test_destination_both_ways},
    {"port 0 keeps the port", test_port_zero_keeps_the_port},
    {"the destination of local packets is translated",
     test_destination_of_local_packets},
    {"rules see the first packet only", test_rules_see_the_first_packet_only},
    {"a rule may drop", test_rule_may_drop},
    {"a rule may reject", test_rule_may_reject},
    {"destination and source may both change", test_destination_and_source},
    {"translation is charged", test_translation_is_charged},
    {0},
};
VS_TESTS("nat")

/* What rules see of a packet's connection; what they can ask of conntrack; its text. */
#include "tests/netfilter/nat_box.h"

/* What a rule in FORWARD or INPUT saw of the last packet. */
typedef struct {
    uint32_t state;
    uint32_t status;
    VsConntrackEntry *entry;
} Seen;

static VsVerdict
see(void *seen_, VsPacket *packet, const VsHookState *state)
{
    Seen *seen = seen_;

    (void)state;
    seen->state = vs_conntrack_state(packet);
    seen->status = vs_conntrack_status(packet);
    seen->entry = packet->ct;
    return VS_VERDICT_ACCEPT;
}

static const VsHook see_hooks[] = {{VS_HOOK_FORWARD, VS_HOOK_PRI_FILTER, see},
                                   {VS_HOOK_OUTPUT, VS_HOOK_PRI_FILTER, see},
                                   {0}};

static void
test_states_of_a_connection(void)
{
    VsFlow flow = box_client_flow(1);
    Seen seen;
    Box box;

    box_init(&box);
    vs_netns_add_hooks(box.netns, see_hooks, &seen);
    box_pass_udp(&box, box.inside, flow);
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_NEW);
    CU_ASSERT_EQUAL(seen.status, 0);
    box_pass_udp(&box, box.inside, flow); /* Not answered: still new. */
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_NEW);
    CU_ASSERT_EQUAL(seen.status, VS_CT_STATUS_CONFIRMED);
    box_pass_udp(&box, box.outside, vs_flow_reverse(&flow));
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_ESTABLISHED);
    box_pass_udp(&box, box.inside, flow);
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_ESTABLISHED);
    CU_ASSERT_EQUAL(seen.status, VS_CT_STATUS_CONFIRMED | VS_CT_STATUS_SEEN_REPLY);
    box_run(&box, 3 * VS_S);
    box_pass_udp(&box, box.inside, flow);
    CU_ASSERT_EQUAL(seen.status, VS_CT_STATUS_CONFIRMED | VS_CT_STATUS_SEEN_REPLY |
                                     VS_CT_STATUS_ASSURED);
    box_pass(&box, box.outside, box_error(&box, BOX_SERVER, flow));
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_RELATED);
    box_pass(&box, box.outside, box_error(&box, BOX_SERVER, box_client_flow(2)));
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_INVALID); /* About nothing known. */
    CU_ASSERT_EQUAL(box.conntrack->stats->icmp_error, 1);
    box_pass(&box, box.inside, box_tcp(&box, flow, VS_TCP_RST));
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_INVALID);
    CU_ASSERT_EQUAL(seen.status, 0);
    CU_ASSERT_EQUAL(box.conntrack->stats->invalid, 1);
    box_clear(&box);
}

/* An error that quotes our packet but goes to another is none of ours. */
static void
test_error_to_another_is_invalid(void)
{
    VsFlow flow = box_client_flow(1);
    VsPacket *error;
    Seen seen;
    Box box;

    box_init(&box);
    vs_netns_add_hooks(box.netns, see_hooks, &seen);
    box_pass_udp(&box, box.inside, flow);
    error = box_error(&box, BOX_SERVER, flow);
    vs_packet_top(error)->flow.daddr = BOX_CLIENT + 1;
    box_pass(&box, box.outside, error);
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_INVALID);
    box_clear(&box);
}

static void
test_translation_shows_in_the_state(void)
{
    Seen seen;
    Box box;

    box_init_service(&box);
    vs_nat_add_src_rule(box.conntrack, box_masquerade, NULL);
    vs_netns_add_hooks(box.netns, see_hooks, &seen);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1, BOX_VIP, 80));
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_NEW | VS_CT_STATE_DNAT);
    CU_ASSERT_EQUAL(seen.status, VS_CT_STATUS_DNAT);
    box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_OUTSIDE, 1));
    CU_ASSERT_EQUAL(seen.state,
                    VS_CT_STATE_ESTABLISHED | VS_CT_STATE_DNAT | VS_CT_STATE_SNAT);
    box_clear(&box);
}

/* ---- Raw: before conntrack ------------------------------------------------------- */

static VsVerdict
notrack(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)data;
    (void)state;
    vs_conntrack_set_notrack(packet);
    return VS_VERDICT_ACCEPT;
}

/* It is neither tracked nor translated; the next namespace knows nothing of that. */
static void
test_untracked_packets_pass_as_they_are(void)
{
    static const VsHook raw[] = {{VS_HOOK_PREROUTING, VS_HOOK_PRI_RAW, notrack}, {0}};
    Seen seen;
    VsFlow out;
    Box box;

    box_init_service(&box);
    vs_netns_add_hooks(box.netns, raw, NULL);
    vs_netns_add_hooks(box.netns, see_hooks, &seen);
    box_put(box.inside, box_packet(&box, net_flow(BOX_CLIENT, 1, BOX_VIP, 80)));
    box_run(&box, VS_MS);
    out = net_arrival(box.to_inside, 0)->top.flow; /* Where VIPs lead untranslated. */
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_UNTRACKED);
    CU_ASSERT_PTR_NULL(seen.entry);
    CU_ASSERT(box_is_flow(out, BOX_CLIENT, 1, BOX_VIP, 80));
    CU_ASSERT_EQUAL(box.conntrack->n_created, 0);
    box_clear(&box);
}

/* Each card has a zone of its own. */
static VsVerdict
zone_of_card(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)data;
    vs_conntrack_set_zone(packet, g_str_equal(state->in->name, "in") ? 7 : 8);
    return VS_VERDICT_ACCEPT;
}

static void
test_zones_are_tables_of_their_own(void)
{
    static const VsHook raw[] = {{VS_HOOK_PREROUTING, VS_HOOK_PRI_RAW, zone_of_card},
                                 {0}};
    VsFlow flow = box_client_flow(1);
    VsFlow in_zone = flow;
    VsFlow out;
    Seen seen;
    Box box;

    box_init(&box);
    vs_netns_add_hooks(box.netns, raw, NULL);
    vs_netns_add_hooks(box.netns, see_hooks, &seen);
    out = box_pass_udp(&box, box.inside, flow);
    CU_ASSERT(vs_flow_equals(&out, &flow)); /* Nobody outside sees a zone. */
    CU_ASSERT_PTR_NULL(box_find(&box, flow));
    in_zone.zone = 7;
    CU_ASSERT_PTR_NOT_NULL(box_find(&box, in_zone));
    box_pass_udp(&box, box.outside, vs_flow_reverse(&flow));
    CU_ASSERT_EQUAL(seen.state, VS_CT_STATE_NEW); /* In zone 8. */
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 2);
    box_clear(&box);
}

/* ---- The box' own errors --------------------------------------------------------- */

/* The first packet of a connection is translated, then refused: the client hears that
 * about the packet it sent, from where it sent it to. */
static void
test_own_error_about_a_first_packet(void)
{
    for (unsigned n_cores = 0; n_cores < 3; n_cores++) {
        const NetArrival *error;
        VsPacket *packet;
        Seen seen = {0};
        Box box;

        box_init_with(&box, &vs_conntrack_config_default, n_cores);
        vs_nat_add_dst_rule(box.conntrack, box_service_rule, NULL);
        vs_netns_add_hooks(box.netns, see_hooks, &seen);
        packet = box_packet(&box, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
        vs_packet_top(packet)->ttl = 1;
        box_put(box.inside, packet);
        /* Others pass while the error is under way. */
        box_put(box.inside, box_packet(&box, box_client_flow(1)));
        box_run(&box, VS_MS);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_inside), 1);
        error = net_arrival(box.to_inside, 0);
        CU_ASSERT_EQUAL(error->top.icmp.type, VS_ICMP_TIME_EXCEEDED);
        CU_ASSERT_EQUAL(error->top.flow.saddr, BOX_VIP);
        CU_ASSERT_EQUAL(error->top.flow.daddr, BOX_CLIENT);
        CU_ASSERT(box_is_flow(error->below.flow, BOX_CLIENT, 1000, BOX_VIP, 80));
        CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1); /* Of the other packet. */
        box_put(box.inside, box_packet(&box, box_client_flow(2)));
        box_run(&box, VS_MS);
        CU_ASSERT_EQUAL(vs_pool_n_used(&box.conntrack->entries), 2);
        box_clear(&box);
    }
}

static VsVerdict
drop_errors(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)data;
    (void)state;
    CU_ASSERT_EQUAL(vs_conntrack_state(packet) & VS_CT_STATE_RELATED,
                    VS_CT_STATE_RELATED);
    vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
    return VS_VERDICT_STOLEN;
}

/* An error that is lost itself lets go of its connection. */
static void
test_lost_error_holds_nothing(void)
{
    static const VsHook output[] = {{VS_HOOK_OUTPUT, VS_HOOK_PRI_FILTER, drop_errors},
                                    {0}};
    VsPacket *packet;
    Box box;

    box_init_with(&box, &vs_conntrack_config_default, 1);
    vs_netns_add_hooks(box.netns, output, NULL);
    packet = box_packet(&box, box_client_flow(1));
    vs_packet_top(packet)->ttl = 1;
    box_put(box.inside, packet);
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_ENDPOINT), 1);
    box_put(box.inside, box_packet(&box, box_client_flow(2)));
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(vs_pool_n_used(&box.conntrack->entries), 1);
    box_clear(&box);
}

/* A refused connection is forgotten with the reset, which itself is still translated. */
static void
test_refusal_is_translated(void)
{
    VsFlow in;
    Box box;

    box_init_service(&box);
    box_pass(&box, box.inside,
             box_tcp(&box, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80), VS_TCP_SYN));
    in = box_pass(&box, box.outside,
                  box_tcp(&box, net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1000),
                          VS_TCP_RST | VS_TCP_ACK));
    CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 1000));
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
    box_pass_udp(&box, box.inside, box_client_flow(2));
    CU_ASSERT_EQUAL(vs_pool_n_used(&box.conntrack->entries), 1);
    box_clear(&box);
}

/* ---- Text ------------------------------------------------------------------------ */

static void
test_text_is_that_of_conntrack_L(void)
{
    VsFlow tcp = net_flow(BOX_CLIENT, 1000, BOX_VIP, 80);
    VsFlow back = net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1000);
    g_autofree char *text = NULL;
    Box box;

    box_init_service(&box);
    box_pass(&box, box.inside, box_tcp(&box, tcp, VS_TCP_SYN));
    box_pass(&box, box.outside, box_tcp(&box, back, VS_TCP_SYN | VS_TCP_ACK));
    box_pass(&box, box.inside, box_tcp(&box, tcp, VS_TCP_ACK));
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 53000, BOX_SERVER, 53));
    tcp.protocol = VS_PROTOCOL_TCP;
    box_find(&box, tcp)->mark = 5;
    box_run(&box, VS_S / 2);
    box_pass(&box, box.inside,
             box_icmp(&box, box_echo_flow(BOX_CLIENT, BOX_SERVER, 7), VS_ICMP_ECHO, 0));
    box_pass(&box, box.outside,
             box_icmp(&box, box_echo_flow(BOX_SERVER, BOX_CLIENT, 7),
                      VS_ICMP_ECHO_REPLY, 0));
    text = vs_conntrack_print(box.conntrack);
    CU_ASSERT_STRING_EQUAL(
        text,
        "tcp      6 86399 ESTABLISHED src=10.0.0.2 dst=10.96.0.10 sport=1000 dport=80 "
        "src=198.51.100.20 dst=10.0.0.2 sport=8080 dport=1000 [ASSURED] mark=5 use=1\n"
        "udp      17 29 src=10.0.0.2 dst=198.51.100.7 sport=53000 dport=53 [UNREPLIED] "
        "src=198.51.100.7 dst=10.0.0.2 sport=53 dport=53000 mark=0 use=1\n"
        "icmp     1 29 src=10.0.0.2 dst=198.51.100.7 type=8 code=0 id=7 "
        "src=198.51.100.7 dst=10.0.0.2 type=0 code=0 id=7 mark=0 use=1\n");
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"states of a connection", test_states_of_a_connection},
    {"an error to another is invalid", test_error_to_another_is_invalid},
    {"translation shows in the state", test_translation_shows_in_the_state},
    {"untracked packets pass as they are", test_untracked_packets_pass_as_they_are},
    {"zones are tables of their own", test_zones_are_tables_of_their_own},
    {"the box' own error about a first packet", test_own_error_about_a_first_packet},
    {"a lost error holds nothing", test_lost_error_holds_nothing},
    {"a refusal is translated", test_refusal_is_translated},
    {"the text is that of conntrack -L", test_text_is_that_of_conntrack_L},
    {0},
};
VS_TESTS("conntrack_rules")

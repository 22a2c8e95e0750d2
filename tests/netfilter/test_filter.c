/* A namespace's ruleset at its hooks: verdicts, answers, marks, translation, and that
 * remembered outcomes are the walk's. */
#include "net/icmp.h"
#include "netfilter/filter.h"
#include "netfilter/iptables.h"
#include "tests/netfilter/nat_box.h"

/* Charges that differ by rule and lookup show in departures. */
static const VsCosts rule_costs = {.rule = 7 * VS_NS, .set_lookup = 31 * VS_NS};

static VsRuleset *
read_rules(const char *text)
{
    VsRuleset *ruleset = vs_ruleset_new();
    GError *error = NULL;

    CU_ASSERT_FATAL(vs_iptables_read(ruleset, text, "rules", &error));
    CU_ASSERT_FATAL(vs_ruleset_link(ruleset, &error));
    return ruleset;
}

static void
box_init_rules(Box *box, const char *text)
{
    box_init(box);
    vs_filter_attach(box->netns, read_rules(text));
}

static const VsRule *
find_rule(const Box *box, const char *table, const char *chain, unsigned number)
{
    const VsRuleset *ruleset = vs_filter_ruleset(vs_filter_of(box->netns));
    const VsRuleTable *of = vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, table);

    return vs_rule_table_find_chain(of, chain)->rules->pdata[number - 1];
}

/* ---- Verdicts -------------------------------------------------------------------- */

static void
test_forward_drop_takes_the_packet(void)
{
    Box box;

    box_init_rules(&box,
                   "*filter\n-A FORWARD -p udp -m udp --dport 80 -j DROP\nCOMMIT\n");
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).daddr, 0);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_FILTERED), 1);
    CU_ASSERT_EQUAL(find_rule(&box, "filter", "FORWARD", 1)->n_packets, 1);
    CU_ASSERT_EQUAL(find_rule(&box, "filter", "FORWARD", 1)->n_bytes, 40);
    CU_ASSERT_EQUAL(
        box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 81))
            .dport,
        81);
    CU_ASSERT_EQUAL(find_rule(&box, "filter", "FORWARD", 1)->n_packets, 1);
    box_clear(&box);
}

static void
test_reject_answers_by_icmp(void)
{
    const NetArrival *answer;
    Box box;

    box_init_rules(&box,
                   "*filter\n-A FORWARD -d 198.51.100.7/32 -j REJECT --reject-with "
                   "icmp-port-unreachable\nCOMMIT\n");
    box_pass_udp(&box, box.inside, box_client_flow(1000));
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_REJECTED), 1);
    CU_ASSERT_EQUAL_FATAL(net_n_arrived(box.to_inside), 1);
    answer = net_arrival(box.to_inside, 0);
    CU_ASSERT_EQUAL(answer->top.icmp.type, VS_ICMP_UNREACHABLE);
    CU_ASSERT_EQUAL(answer->top.icmp.code, VS_ICMP_CODE_PORT);
    CU_ASSERT_EQUAL(answer->top.flow.daddr, BOX_CLIENT);
    CU_ASSERT(box_is_flow(answer->below.flow, BOX_CLIENT, 1000, BOX_SERVER, 80));
    box_clear(&box);
}

static void
test_reject_answers_a_segment_by_reset(void)
{
    const NetArrival *answer;
    VsPacket *packet;
    Box box;

    box_init_rules(&box,
                   "*filter\n-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\n"
                   "COMMIT\n");
    packet = box_tcp(&box, box_client_flow(1000), VS_TCP_SYN);
    vs_packet_top(packet)->tcp.seq = 99;
    box_pass(&box, box.inside, packet);
    CU_ASSERT_EQUAL_FATAL(net_n_arrived(box.to_inside), 1);
    answer = net_arrival(box.to_inside, 0);
    CU_ASSERT_EQUAL(answer->top.tcp.flags, VS_TCP_RST | VS_TCP_ACK);
    CU_ASSERT_EQUAL(answer->top.tcp.ack, 100); /* The SYN counts. */
    CU_ASSERT(box_is_flow(answer->top.flow, BOX_SERVER, 80, BOX_CLIENT, 1000));
    box_clear(&box);
}

/* Raw before mangle before nat before filter: each adds its digit, base 16. */
static void
test_tables_run_in_the_order_of_priorities(void)
{
    Box box;

    box_init_rules(&box,
                   "*filter\n-A FORWARD -m mark --mark 0x123 -j ACCEPT\n"
                   "-A FORWARD -j DROP\nCOMMIT\n"
                   "*mangle\n-A PREROUTING -m mark --mark 0x100 -j MARK --set-xmark "
                   "0x120/0xffffffff\nCOMMIT\n"
                   "*nat\n-A PREROUTING -m mark --mark 0x120 -j MARK --set-xmark "
                   "0x123/0xffffffff\nCOMMIT\n"
                   "*raw\n-A PREROUTING -j MARK --set-xmark 0x100/0xffffffff\n"
                   "COMMIT\n");
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport, 80);
    /* The second packet of the connection does not meet the table nat. */
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport, 0);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_FILTERED), 1);
    box_clear(&box);
}

static void
test_notrack_packets_are_untracked(void)
{
    Box box;

    box_init_rules(
        &box, "*raw\n-A PREROUTING -p udp -m udp --dport 80 -j CT --notrack\n"
              "COMMIT\n*filter\n-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT"
              "\n-A FORWARD -m conntrack --ctstate NEW -j DROP\nCOMMIT\n");
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport, 80);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 0);
    box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 81));
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_FILTERED), 1);
    box_clear(&box);
}

/* ---- Translation ----------------------------------------------------------------- */

static const char service_rules[] =
    "*nat\n"
    "-A PREROUTING -d 10.96.0.10/32 -p udp -m udp --dport 80 -j DNAT --to-destination "
    "198.51.100.20:8080\n"
    "-A POSTROUTING -m mark ! --mark 0x4000/0x4000 -o out -j MASQUERADE\n"
    "COMMIT\n";

static void
test_rules_translate_both_ways(void)
{
    VsFlow out;
    VsFlow in;
    Box box;

    box_init_rules(&box, service_rules);
    for (unsigned i = 0; i < 3; i++) {
        out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_VIP, 80));
        CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_BACKEND, 8080));
        in = box_pass_udp(&box, box.outside,
                          net_flow(BOX_BACKEND, 8080, BOX_OUTSIDE, 1000));
        CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 1000));
    }
    /* One walk: the first packet's. */
    CU_ASSERT_EQUAL(find_rule(&box, "nat", "PREROUTING", 1)->n_packets, 1);
    CU_ASSERT_EQUAL(find_rule(&box, "nat", "POSTROUTING", 1)->n_packets, 1);
    box_clear(&box);
}

/* ---- Remembered outcomes --------------------------------------------------------- */

static const char stateful_rules[] =
    "*filter\n"
    ":SERVICES - [0:0]\n"
    "-A FORWARD -m conntrack --ctstate NEW -j SERVICES\n"
    "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
    "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-A FORWARD -m statistic --mode random --probability 0.5 -j ACCEPT\n"
    "-A SERVICES -d 198.51.100.9/32 -j DROP\n"
    "-A SERVICES -s 10.0.0.3/32 -j RETURN\n"
    "COMMIT\n"
    "*mangle\n"
    "-A PREROUTING -p udp -m length --length 40 -j MARK --set-xmark 0x8/0x8\n"
    "-A POSTROUTING -m mark --mark 0x8/0x8 -j CONNMARK --save-mark --nfmask 0xffffffff "
    "--ctmask 0xffffffff\n"
    "COMMIT\n";

typedef struct {
    uint64_t digest;
    uint64_t n_packets[2];
    uint64_t n_bytes[2];
    uint64_t n_dropped;
    VsTime last;
    uint32_t mark;
    char *counters;
} Story;

/* A thousand packets of thirty connections, both ways, through the rules. */
static Story
play(bool is_plain)
{
    Story story = {0};
    VsRng rng;
    Box box;

    box_init_with(&box, &vs_conntrack_config_default, 2);
    box.host->costs = rule_costs;
    box.net.run.is_plain = is_plain;
    vs_filter_attach(box.netns, read_rules(stateful_rules));
    vs_rng_init(&rng, 3, "test", "packets");
    for (unsigned i = 0; i < 1000; i++) {
        uint16_t sport = (uint16_t)(1000 + vs_rng_u32(&rng) % 15);
        VsAddr client = BOX_CLIENT + vs_rng_u32(&rng) % 2;
        VsAddr server = vs_rng_u32(&rng) % 10 == 0 ? BOX_SERVER + 2 : BOX_SERVER;
        VsFlow flow = net_flow(client, sport, server, 80);

        if (vs_rng_u32(&rng) % 3 == 0) {
            box_pass_udp(&box, box.outside, vs_flow_reverse(&flow));
        } else {
            box_pass_udp(&box, box.inside, flow);
        }
    }
    story.digest = box.net.run.digest.sum;
    story.n_packets[0] = net_n_arrived(box.to_outside);
    story.n_packets[1] = net_n_arrived(box.to_inside);
    story.n_dropped = net_n_dropped(&box.net, VS_DROP_FILTERED);
    story.last = net_arrival(box.to_outside, net_n_arrived(box.to_outside) - 1)->at;
    story.counters =
        vs_iptables_print(vs_filter_ruleset(vs_filter_of(box.netns)), true);
    box_clear(&box);
    return story;
}

static void
test_replaying_is_as_walking(void)
{
    Story fast = play(false);
    Story plain = play(true);

    CU_ASSERT_EQUAL(fast.digest, plain.digest);
    CU_ASSERT_EQUAL(fast.n_packets[0], plain.n_packets[0]);
    CU_ASSERT_EQUAL(fast.n_packets[1], plain.n_packets[1]);
    CU_ASSERT_EQUAL(fast.n_dropped, plain.n_dropped);
    CU_ASSERT_EQUAL(fast.last, plain.last);
    CU_ASSERT_STRING_EQUAL(fast.counters, plain.counters);
    CU_ASSERT(fast.n_packets[0] > 100 && fast.n_packets[1] > 100 &&
              fast.n_dropped > 20);
    g_free(fast.counters);
    g_free(plain.counters);
}

static void
test_a_changed_rule_forgets_the_walks(void)
{
    VsRuleset *ruleset;
    VsRule *rule;
    Box box;

    box_init_rules(&box, "*filter\n-A FORWARD -p tcp -j DROP\nCOMMIT\n");
    ruleset = vs_filter_ruleset(vs_filter_of(box.netns));
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport,
                        80);
    }
    rule = vs_chain_add_rule(vs_rule_table_find_chain(
        vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, "filter"), "FORWARD"));
    vs_rule_verdict(rule, VS_RULE_DROP);
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport, 0);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_FILTERED), 1);
    box_clear(&box);
}

/* A new local address changes what "dst-type LOCAL" holds for. */
static void
test_a_changed_route_forgets_the_walks(void)
{
    Box box;

    box_init_rules(&box, "*mangle\n-A PREROUTING -m addrtype --dst-type LOCAL -j DROP\n"
                         "COMMIT\n");
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport, 80);
    vs_netns_add_local(box.netns, BOX_SERVER);
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside, box_client_flow(1000)).dport, 0);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_FILTERED), 1);
    box_clear(&box);
}

/* ---- The bill -------------------------------------------------------------------- */

/* Time from card to sink, less the wire's. */
static VsTime
bill(Box *box, VsFlow flow)
{
    unsigned n_before = net_n_arrived(box->to_outside);
    VsTime start = vs_now(&box->net.run);

    box_put(box->inside, box_packet(box, flow));
    box_run(box, VS_MS);
    return net_arrival(box->to_outside, n_before)->at - start - BOX_WIRE;
}

static void
test_every_rule_examined_is_paid_for(void)
{
    GString *text = g_string_new("*filter\n");
    Box box;

    for (unsigned i = 1; i <= 100; i++) {
        g_string_append_printf(text, "-A FORWARD -d 10.9.0.%u/32 -j DROP\n", i);
    }
    g_string_append(text, "-A FORWARD -d 198.51.100.7/32 -j ACCEPT\nCOMMIT\n");
    box_init_with(&box, &vs_conntrack_config_default, 1);
    box.host->costs = rule_costs;
    vs_filter_attach(box.netns, read_rules(text->str));
    /* 101 rules of 7 ns, whether walked, passed by or replayed. */
    CU_ASSERT_EQUAL(bill(&box, box_client_flow(1000)), 101 * 7 * VS_NS);
    CU_ASSERT_EQUAL(bill(&box, box_client_flow(1000)), 101 * 7 * VS_NS);
    CU_ASSERT_EQUAL(bill(&box, box_client_flow(1001)), 101 * 7 * VS_NS);
    box_clear(&box);
    g_string_free(text, TRUE);
}

static const VsTestCase tests[] = {
    {"a drop in FORWARD takes the packet", test_forward_drop_takes_the_packet},
    {"REJECT answers by ICMP", test_reject_answers_by_icmp},
    {"REJECT answers a segment by reset", test_reject_answers_a_segment_by_reset},
    {"tables run in the order of priorities",
     test_tables_run_in_the_order_of_priorities},
    {"notrack packets are untracked", test_notrack_packets_are_untracked},
    {"rules translate both ways", test_rules_translate_both_ways},
    {"replaying is as walking", test_replaying_is_as_walking},
    {"a changed rule forgets the walks", test_a_changed_rule_forgets_the_walks},
    {"a changed route forgets the walks", test_a_changed_route_forgets_the_walks},
    {"every rule examined is paid for", test_every_rule_examined_is_paid_for},
    {0},
};
VS_TESTS("filter")

/* What a traced packet tells of its connection, its translation and its rules. */
#include <string.h>

#include "netfilter/filter.h"
#include "netfilter/iptables.h"
#include "packet/trace.h"
#include "tests/netfilter/nat_box.h"

static void
story_init(Box *box, const char *rules)
{
    VsRuleset *ruleset = vs_ruleset_new();

    box_init(box);
    CU_ASSERT_FATAL(vs_iptables_read(ruleset, rules, "rules", NULL));
    CU_ASSERT_FATAL(vs_ruleset_link(ruleset, NULL));
    vs_filter_attach(box->netns, ruleset);
    vs_run_start_trace(&box->net.run);
}

static void
story_clear(Box *box)
{
    vs_run_free_trace(&box->net.run);
    box_clear(box);
}

static VsPacket *
traced(VsPacket *packet)
{
    packet->flags |= VS_PACKET_TRACED;
    return packet;
}

/* The 'number'-th record of this kind, from 0. */
static const VsTraceRecord *
record_of(const Box *box, VsTraceKind kind, unsigned number)
{
    const GArray *records = box->net.run.trace->records;

    for (guint i = 0; i < records->len; i++) {
        const VsTraceRecord *record = &g_array_index(records, VsTraceRecord, i);

        if (record->kind == kind && number-- == 0) {
            return record;
        }
    }
    CU_FAIL_FATAL("there is no such record");
    return NULL;
}

static void
check_record(const VsTraceRecord *record, const char *verdict, const char *text,
             const char *why)
{
    if (g_strcmp0(record->verdict, verdict) != 0 || g_strcmp0(record->text, text) ||
        g_strcmp0(record->why, why)) {
        printf("found: %s, %s (%s)\n", record->verdict, record->text, record->why);
    }
    CU_ASSERT_EQUAL(g_strcmp0(record->verdict, verdict), 0);
    CU_ASSERT_EQUAL(g_strcmp0(record->text, text), 0);
    CU_ASSERT_EQUAL(g_strcmp0(record->why, why), 0);
}

/* ---- Connections ----------------------------------------------------------------- */

static void
test_a_connection_is_new_confirmed_and_found(void)
{
    VsFlow flow = net_flow(BOX_CLIENT, 1000, BOX_SERVER, 80);
    VsFlow reply = vs_flow_reverse(&flow);
    Box box;

    story_init(&box, "*filter\nCOMMIT\n");
    box.host->costs.conntrack_lookup = 100 * VS_NS;
    box.host->costs.conntrack_insert = 600 * VS_NS;
    box_pass(&box, box.inside, traced(box_tcp(&box, flow, VS_TCP_SYN)));
    box_pass(&box, box.outside, traced(box_tcp(&box, reply, VS_TCP_SYN | VS_TCP_ACK)));

    check_record(record_of(&box, VS_TRACE_CONNTRACK, 0), "new",
                 "10.0.0.2:1000 > 198.51.100.7:80 tcp",
                 "rules see NEW, the entry is SYN_SENT");
    check_record(record_of(&box, VS_TRACE_CONNTRACK, 1), "confirmed",
                 "10.0.0.2:1000 > 198.51.100.7:80 tcp, reply "
                 "198.51.100.7:80 > 10.0.0.2:1000 tcp",
                 NULL);
    check_record(record_of(&box, VS_TRACE_CONNTRACK, 2), "found",
                 "reply of 10.0.0.2:1000 > 198.51.100.7:80 tcp",
                 "rules see ESTABLISHED, the entry is SYN_RECV");
    CU_ASSERT_EQUAL(record_of(&box, VS_TRACE_CONNTRACK, 0)->cost, 100 * VS_NS);
    CU_ASSERT_EQUAL(record_of(&box, VS_TRACE_CONNTRACK, 1)->cost, 600 * VS_NS);
    story_clear(&box);
}

static void
test_a_packet_of_no_connection_is_invalid(void)
{
    VsFlow flow = net_flow(BOX_CLIENT, 7, BOX_SERVER, 0);
    Box box;

    story_init(&box, "*filter\nCOMMIT\n");
    box_pass(&box, box.inside, traced(box_icmp(&box, flow, VS_ICMP_ECHO_REPLY, 0)));
    check_record(record_of(&box, VS_TRACE_CONNTRACK, 0), "invalid", NULL,
                 "it belongs to no connection and opens none");
    story_clear(&box);
}

static void
test_a_packet_may_be_untracked(void)
{
    Box box;

    story_init(&box, "*raw\n-A PREROUTING -j CT --notrack\nCOMMIT\n");
    box_pass(&box, box.inside, traced(box_packet(&box, box_client_flow(1000))));
    check_record(record_of(&box, VS_TRACE_CONNTRACK, 0), "untracked", NULL,
                 "a rule said so");
    story_clear(&box);
}

static void
test_the_loser_of_the_race_names_the_winner(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    VsFlow flow = net_flow(BOX_CLIENT, 1000, BOX_SERVER, 80);
    Box box;

    config.clash = VS_CT_CLASH_DROP;
    box_init_with(&box, &config, 2);
    box.host->costs.conntrack_lookup = VS_US;
    box.host->costs.conntrack_insert = VS_US;
    vs_run_start_trace(&box.net.run);
    box_put_on_core(&box, 0, box_packet(&box, flow));
    box_put_on_core(&box, 1, traced(box_packet(&box, flow)));
    box_run(&box, 10 * VS_US);

    check_record(record_of(&box, VS_TRACE_CONNTRACK, 1), "clash",
                 "10.0.0.2:1000 > 198.51.100.7:80 udp",
                 "a tuple of it is of 10.0.0.2:1000 > 198.51.100.7:80 udp, reply "
                 "198.51.100.7:80 > 10.0.0.2:1000 udp, already");
    CU_ASSERT_EQUAL(record_of(&box, VS_TRACE_DROP, 0)->packet,
                    record_of(&box, VS_TRACE_CONNTRACK, 1)->packet);
    story_clear(&box);
}

/* ---- Translation ----------------------------------------------------------------- */

static void
test_a_translation_names_its_rule_once(void)
{
    VsFlow flow = net_flow(BOX_CLIENT, 1000, BOX_VIP, 80);
    VsFlow reply = net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 1000);
    const VsTraceRecord *nat;
    Box box;

    story_init(&box, "*nat\n-A PREROUTING -d 10.96.0.11/32 -j ACCEPT\n"
                     "-A PREROUTING -p udp -m udp -j DNAT --to-destination "
                     "198.51.100.20:8080\nCOMMIT\n");
    box_pass(&box, box.inside, traced(box_packet(&box, flow)));
    box_pass(&box, box.inside, traced(box_packet(&box, flow)));
    box_pass(&box, box.outside, traced(box_packet(&box, reply)));

    nat = record_of(&box, VS_TRACE_NAT, 0);
    check_record(nat, "destination", NULL, "by rule 2 of chain PREROUTING, table nat");
    CU_ASSERT_FATAL(nat->has_before);
    CU_ASSERT(box_is_flow(nat->before.flow, BOX_CLIENT, 1000, BOX_VIP, 80));
    CU_ASSERT(box_is_flow(nat->after.flow, BOX_CLIENT, 1000, BOX_BACKEND, 8080));

    check_record(record_of(&box, VS_TRACE_NAT, 1), "destination", NULL,
                 "by the connection's entry");
    nat = record_of(&box, VS_TRACE_NAT, 2);
    check_record(nat, "source", NULL, "back, by the connection's entry");
    CU_ASSERT(box_is_flow(nat->before.flow, BOX_BACKEND, 8080, BOX_CLIENT, 1000));
    CU_ASSERT(box_is_flow(nat->after.flow, BOX_VIP, 80, BOX_CLIENT, 1000));
    story_clear(&box);
}

/* ---- Rules ----------------------------------------------------------------------- */

static void
test_records_of_rules_and_chains_have_the_work_so_far(void)
{
    VsFlow flow = net_flow(BOX_CLIENT, 1000, BOX_SERVER, 80);
    const VsTraceRecord *chain;
    const VsTraceRecord *rule;
    VsTime begin;
    Box box;

    story_init(&box, "*filter\n:A - [0:0]\n-A FORWARD -p tcp -j DROP\n"
                     "-A FORWARD -j A\n-A A -p udp -m udp -j RETURN\nCOMMIT\n");
    box.host->costs.rule = 7 * VS_NS;
    box_pass(&box, box.inside, traced(box_packet(&box, flow)));

    begin = record_of(&box, VS_TRACE_HOOK, 1)->time; /* FORWARD. */
    for (unsigned i = 0; i < 3; i++) {
        rule = record_of(&box, VS_TRACE_RULE, i);
        CU_ASSERT_EQUAL(rule->time - begin, (VsTime)(i + 1) * 7 * VS_NS);
        CU_ASSERT_EQUAL(rule->cost, 7 * VS_NS);
    }
    for (unsigned i = 0;
         strcmp((chain = record_of(&box, VS_TRACE_CHAIN, i))->name, "A"); i++) {
    }
    CU_ASSERT_EQUAL(chain->time - begin, 2 * 7 * VS_NS);
    CU_ASSERT_EQUAL(chain->cost, 0);
    check_record(record_of(&box, VS_TRACE_RULE, 1), "jump A", "-A FORWARD -j A",
                 "matches every packet");
    check_record(rule, "return", "-A A -p udp -m udp -j RETURN", "protocol is udp");
    story_clear(&box);
}

static void
test_the_answer_of_a_reject_is_traced(void)
{
    const VsTraceRecord *sent;
    Box box;

    story_init(&box, "*filter\n-A FORWARD -j REJECT\nCOMMIT\n");
    box_pass(&box, box.inside, traced(box_packet(&box, box_client_flow(1000))));

    sent = record_of(&box, VS_TRACE_SEND, 0);
    CU_ASSERT_EQUAL(sent->after.flow.protocol, VS_PROTOCOL_ICMP);
    CU_ASSERT_EQUAL(sent->after.flow.daddr, BOX_CLIENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(sent->text, "made here about 10.0.0.2:1000 > "));
    CU_ASSERT_NOT_EQUAL(sent->packet, record_of(&box, VS_TRACE_DROP, 0)->packet);
    CU_ASSERT_STRING_EQUAL(vs_trace_last(box.net.run.trace, sent->packet)->device,
                           "in");
    story_clear(&box);
}

static void
test_the_reset_of_a_reject_is_traced(void)
{
    VsFlow flow = net_flow(BOX_CLIENT, 1000, BOX_SERVER, 80);
    Box box;

    story_init(&box, "*filter\n-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\n"
                     "COMMIT\n");
    box_pass(&box, box.inside, traced(box_tcp(&box, flow, VS_TCP_SYN)));
    CU_ASSERT_EQUAL(record_of(&box, VS_TRACE_SEND, 0)->after.tcp.flags,
                    VS_TCP_RST | VS_TCP_ACK);
    story_clear(&box);
}

static const VsTestCase tests[] = {
    {"a connection is new, confirmed and found",
     test_a_connection_is_new_confirmed_and_found},
    {"a packet of no connection is invalid", test_a_packet_of_no_connection_is_invalid},
    {"a packet may be untracked", test_a_packet_may_be_untracked},
    {"the loser of the race names the winner",
     test_the_loser_of_the_race_names_the_winner},
    {"a translation names its rule, once", test_a_translation_names_its_rule_once},
    {"records of rules and chains have the work so far",
     test_records_of_rules_and_chains_have_the_work_so_far},
    {"the answer of a reject is traced", test_the_answer_of_a_reject_is_traced},
    {"the reset of a reject is traced", test_the_reset_of_a_reject_is_traced},
    {0},
};
VS_TESTS("story")

/* The race for the table: two first packets on two cores at once.
 *
 * Looking up takes 1 us and confirming another, so an entry is made 1 us after its packet
 * came to its core and is in the table 2 us after. */
#include "tests/netfilter/nat_box.h"

/* VIPs go to the backend, or to one after the other. */
static bool
choose_backend(void *next, VsPacket *packet, VsConntrackEntry *entry,
               const VsHookState *state, bool *ret_stolen)
{
    (void)state;
    (void)ret_stolen;
    if (vs_packet_top(packet)->flow.daddr != BOX_VIP) {
        return false;
    }
    vs_nat_dst(entry, BOX_BACKEND + (*(unsigned *)next)++, 8080);
    return true;
}

static bool
choose_one_backend(void *data, VsPacket *packet, VsConntrackEntry *entry,
                   const VsHookState *state, bool *ret_stolen)
{
    unsigned none = 0;

    (void)data;
    return choose_backend(&none, packet, entry, state, ret_stolen);
}

static void
race_init(Box *box, VsCtClash clash)
{
    VsConntrackConfig config = vs_conntrack_config_default;

    config.clash = clash;
    box_init_with(box, &config, 2);
    box->host->costs.conntrack_lookup = VS_US;
    box->host->costs.conntrack_insert = VS_US;
}

static void
race_clear(Box *box)
{
    net_clear(&box->net);
}

/* A packet on core 0 now and one on core 1 'later', which both come out or not. */
static void
race(Box *box, VsPacket *first, VsPacket *second, VsTime later)
{
    box_put_on_core(box, 0, first);
    box_run(box, later);
    box_put_on_core(box, 1, second);
    box_run(box, VS_MS);
}

static VsFlow
vip_flow(void)
{
    return net_flow(BOX_CLIENT, 1000, BOX_VIP, 80);
}

static void
race_to_vip(Box *box, VsTime later)
{
    race(box, box_packet(box, vip_flow()), box_packet(box, vip_flow()), later);
}

/* ---- To one VIP ------------------------------------------------------------------ */

static void
test_second_packet_is_dropped_without_resolution(void)
{
    const VsCtClash clashes[] = {VS_CT_CLASH_MERGE, VS_CT_CLASH_DROP};

    for (unsigned i = 0; i < 2; i++) {
        unsigned next = 0;
        Box box;

        race_init(&box, clashes[i]);
        vs_nat_add_dst_rule(box.conntrack, choose_backend, &next);
        race_to_vip(&box, 0);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1);
        CU_ASSERT_EQUAL(net_arrival(box.to_outside, 0)->top.flow.daddr, BOX_BACKEND);
        CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, 1);
        CU_ASSERT_EQUAL(box.conntrack->stats->drop, 1);
        CU_ASSERT_EQUAL(box.conntrack->stats->clash_resolve, 0);
        CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_CONNTRACK_CLASH), 1);
        CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
        CU_ASSERT_EQUAL(box.conntrack->n_created, 2);
        race_clear(&box);
    }
}

/* The window is as long as the walk to confirmation, to the picosecond. */
static void
test_window_is_the_walk(void)
{
    for (unsigned is_late = 0; is_late < 2; is_late++) {
        unsigned next = 0;
        Box box;

        race_init(&box, VS_CT_CLASH_MERGE);
        vs_nat_add_dst_rule(box.conntrack, choose_backend, &next);
        race_to_vip(&box, is_late ? VS_US : VS_US - 1);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1 + is_late);
        CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, !is_late);
        CU_ASSERT_EQUAL(next, is_late ? 1 : 2);
        race_clear(&box);
    }
}

static void
test_packets_of_one_core_do_not_race(void)
{
    unsigned next = 0;
    Box box;

    race_init(&box, VS_CT_CLASH_DROP);
    vs_nat_add_dst_rule(box.conntrack, choose_backend, &next);
    box_put_on_core(&box, 0, box_packet(&box, vip_flow()));
    box_put_on_core(&box, 0, box_packet(&box, vip_flow()));
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 2);
    CU_ASSERT_EQUAL(next, 1);
    race_clear(&box);
}

/* Both chose the same backend: the entries are equal, and one is enough. */
static void
test_equal_entries_are_merged(void)
{
    Box box;

    race_init(&box, VS_CT_CLASH_MERGE);
    vs_nat_add_dst_rule(box.conntrack, choose_one_backend, NULL);
    race_to_vip(&box, 0);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 2);
    CU_ASSERT_EQUAL(box.conntrack->stats->clash_resolve, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, 0);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
    CU_ASSERT_EQUAL(vs_pool_n_used(&box.conntrack->entries), 1);
    CU_ASSERT_EQUAL(box_find(&box, vip_flow())->n_packets[0], 2);
    race_clear(&box);
}

/* Since Linux 5.7 the loser stays for a second, under its reply tuple alone. */
static void
test_loser_is_kept_for_its_replies(void)
{
    VsFlow reply = net_flow(BOX_BACKEND + 1, 8080, BOX_CLIENT, 1000);
    unsigned next = 0;
    VsFlow in;
    Box box;

    race_init(&box, VS_CT_CLASH_INSERT);
    vs_nat_add_dst_rule(box.conntrack, choose_backend, &next);
    race_to_vip(&box, 0);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 2);
    CU_ASSERT_EQUAL(net_arrival(box.to_outside, 1)->top.flow.daddr, BOX_BACKEND + 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->clash_resolve, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, 0);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 2);
    CU_ASSERT_EQUAL(vs_table_length(&box.conntrack->tuples), 3);
    CU_ASSERT_EQUAL(box_find(&box, vip_flow())->tuple[VS_CT_REPLY].saddr, BOX_BACKEND);

    box_put(box.outside, box_packet(&box, reply));
    box_run(&box, VS_MS);
    in = net_arrival(box.to_inside, 0)->top.flow;
    CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 1000));
    net_run(&box.net, VS_S - 1); /* Replies do not make it live longer. */
    CU_ASSERT_PTR_NOT_NULL(box_find(&box, reply));
    net_run(&box.net, VS_S);
    CU_ASSERT_PTR_NULL(box_find(&box, reply));
    CU_ASSERT_PTR_NOT_NULL(box_find(&box, vip_flow()));
    CU_ASSERT_EQUAL(vs_table_length(&box.conntrack->tuples), 2);
    race_clear(&box);
}

static void
test_tcp_clash_is_not_resolved(void)
{
    Box box;

    race_init(&box, VS_CT_CLASH_INSERT);
    vs_nat_add_dst_rule(box.conntrack, choose_one_backend, NULL);
    race(&box, box_tcp(&box, vip_flow(), VS_TCP_SYN),
         box_tcp(&box, vip_flow(), VS_TCP_SYN), 0);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, 1);
    race_clear(&box);
}

/* ---- To one source port ---------------------------------------------------------- */

/* Two clients with one port, masqueraded at once: both find the port free. */
static void
test_port_of_a_masqueraded_source(void)
{
    for (unsigned is_late = 0; is_late < 2; is_late++) {
        Box box;

        race_init(&box, VS_CT_CLASH_INSERT);
        vs_nat_add_src_rule(box.conntrack, box_masquerade, NULL);
        race(&box,
             box_tcp(&box, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 80), VS_TCP_SYN),
             box_tcp(&box, net_flow(BOX_CLIENT + 1, 1000, BOX_SERVER, 80), VS_TCP_SYN),
             is_late ? VS_US : VS_US - 1);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1 + is_late);
        CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, !is_late);
        CU_ASSERT_EQUAL(net_arrival(box.to_outside, 0)->top.flow.sport, 1000);
        CU_ASSERT(!is_late || net_arrival(box.to_outside, 1)->top.flow.sport != 1000);
        CU_ASSERT_EQUAL(box.conntrack->stats->found > 0, is_late);
        race_clear(&box);
    }
}

static const VsTestCase tests[] = {
    {"the second packet is dropped without clash resolution",
     test_second_packet_is_dropped_without_resolution},
    {"the window is the walk to confirmation", test_window_is_the_walk},
    {"packets of one core do not race", test_packets_of_one_core_do_not_race},
    {"equal entries are merged", test_equal_entries_are_merged},
    {"the loser is kept for its replies", test_loser_is_kept_for_its_replies},
    {"a clash of TCP is not resolved", test_tcp_clash_is_not_resolved},
    {"two may be given one source port", test_port_of_a_masqueraded_source},
    {0},
};
VS_TESTS("conntrack_race")

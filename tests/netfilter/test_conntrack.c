/* Connection tracking: the table, when entries come and go, and what belongs to them.  TCP's
 * states are in test_conntrack_tcp.c. */
#include "base/rng.h"
#include "net/reassembly.h"
#include "tests/netfilter/nat_box.h"

static void
test_entry_is_found_from_both_ends(void)
{
    VsFlow flow = box_client_flow(1000);
    VsFlow back = vs_flow_reverse(&flow);
    VsConntrackEntry *entry;
    VsCtDir dir;
    Box box;

    box_init(&box);
    CU_ASSERT_PTR_NULL(box_find(&box, flow));
    box_pass_udp(&box, box.inside, flow);
    entry = vs_conntrack_find(box.conntrack, &flow, &dir);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT_EQUAL(dir, VS_CT_ORIGINAL);
    CU_ASSERT_PTR_EQUAL(vs_conntrack_find(box.conntrack, &back, &dir), entry);
    CU_ASSERT_EQUAL(dir, VS_CT_REPLY);
    CU_ASSERT_EQUAL(entry->status,
                    VS_CT_CONFIRMED | VS_CT_SRC_NAT_DONE | VS_CT_DST_NAT_DONE);
    CU_ASSERT_EQUAL(entry->state, VS_CT_NONE);

    box_pass_udp(&box, box.outside, back);
    box_pass_udp(&box, box.outside, back);
    CU_ASSERT(entry->status & VS_CT_SEEN_REPLY);
    CU_ASSERT_EQUAL(entry->n_packets[VS_CT_ORIGINAL], 1);
    CU_ASSERT_EQUAL(entry->n_packets[VS_CT_REPLY], 2);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
    box_clear(&box);
}

/* 30 s; 120 s and assured from the first packet on that comes after an answer, and more
 * than 2 s after the first. */
static void
test_udp_timeouts(void)
{
    VsFlow flow = box_client_flow(1000);
    VsTime sent;
    Box box;

    box_init(&box);
    box_pass_udp(&box, box.inside, flow);
    box_check_lives_for(&box, flow, 0, 30 * VS_S);

    box_pass_udp(&box, box.inside, flow);
    box_run(&box, 20 * VS_S);
    sent = vs_now(&box.net.run);
    box_pass_udp(&box, box.outside, vs_flow_reverse(&flow)); /* The first answer. */
    CU_ASSERT(!(box_find(&box, flow)->status & VS_CT_ASSURED));
    box_check_lives_for(&box, flow, sent, 30 * VS_S);

    box_pass_udp(&box, box.inside, flow);
    sent = vs_now(&box.net.run);
    box_pass_udp(&box, box.outside, vs_flow_reverse(&flow));
    box_pass_udp(&box, box.inside, flow);
    CU_ASSERT(!(box_find(&box, flow)->status & VS_CT_ASSURED));
    net_run(&box.net, sent + 2 * VS_S);
    sent = vs_now(&box.net.run);
    box_pass_udp(&box, box.inside, flow); /* A stream. */
    CU_ASSERT(box_find(&box, flow)->status & VS_CT_ASSURED);
    box_check_lives_for(&box, flow, sent, 120 * VS_S);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries_max, 1);
    box_clear(&box);
}

/* A packet a second for an hour: the timer is not moved each time, yet ends on time. */
static void
test_busy_entry_costs_few_events(void)
{
    VsFlow flow = box_client_flow(1000);
    uint64_t n_events;
    Box box;

    box_init(&box);
    for (unsigned i = 0; i < 3600; i++) {
        box_pass_udp(&box, box.inside, flow);
        net_run(&box.net, (i + 1) * VS_S);
    }
    n_events = box.net.run.n_events - 3600; /* Of the wire. */
    CU_ASSERT(n_events <= 3600 / 29);
    box_check_lives_for(&box, flow, 3599 * VS_S, 30 * VS_S);
    box_clear(&box);
}

/* Opens a UDP flow that is assured: answered, and more than 2 s old. */
static void
open_streams(Box *box, uint16_t n_flows)
{
    for (uint16_t i = 0; i < n_flows; i++) {
        VsFlow flow = box_client_flow(i);

        box_pass_udp(box, box->inside, flow);
        box_pass_udp(box, box->outside, vs_flow_reverse(&flow));
    }
    box_run(box, 3 * VS_S);
    for (uint16_t i = 0; i < n_flows; i++) {
        box_pass_udp(box, box->inside, box_client_flow(i));
    }
}

static void
test_full_table_drops_new_connections(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    unsigned n_sent;
    Box box;

    config.max = 10;
    box_init_with(&box, &config, 0);
    open_streams(&box, 10);
    n_sent = net_n_arrived(box.to_outside);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 10);
    box_pass_udp(&box, box.inside, box_client_flow(10)); /* max + 1. */
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), n_sent);
    CU_ASSERT_EQUAL(box.conntrack->stats->drop, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->early_drop, 0);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_CONNTRACK_FULL), 1);
    box_pass_udp(&box, box.inside, box_client_flow(3)); /* Known ones pass. */
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), n_sent + 1);
    net_run(&box.net, 124 * VS_S); /* The first has gone. */
    box_pass_udp(&box, box.inside, box_client_flow(10));
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), n_sent + 2);
    CU_ASSERT_EQUAL(box.conntrack->stats->drop, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries_max, 10);
    box_clear(&box);
}

/* A full table lets go of an entry that is not assured, if one is near: here all are seen,
 * as 8 buckets of 20 tuples are looked at. */
static void
test_entry_that_is_not_assured_makes_room(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    Box box;

    config.max = 10;
    config.n_buckets = 1;
    box_init_with(&box, &config, 0);
    open_streams(&box, 9);
    box_pass_udp(&box, box.inside, box_client_flow(9)); /* Not answered. */
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 10);
    box_pass_udp(&box, box.inside, box_client_flow(10));
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 10);
    CU_ASSERT_EQUAL(box.conntrack->stats->early_drop, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->drop, 0);
    CU_ASSERT_PTR_NULL(box_find(&box, box_client_flow(9)));
    CU_ASSERT_PTR_NOT_NULL(box_find(&box, box_client_flow(10)));
    for (uint16_t i = 0; i < 9; i++) {
        CU_ASSERT_PTR_NOT_NULL(box_find(&box, box_client_flow(i)));
    }
    box_clear(&box);
}

/* 1000 entries in 1000 buckets: 8 buckets are 16 tuples, of which few are the one entry
 * that is not assured.  No more than 16 are looked at. */
static void
test_early_drop_looks_near_only(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    Box box;

    config.max = 1000;
    config.n_buckets = 1000;
    box_init_with(&box, &config, 0);
    open_streams(&box, 999);
    box_pass_udp(&box, box.inside, box_client_flow(999));
    for (uint16_t i = 0; i < 20; i++) {
        box_pass_udp(&box, box.inside, box_client_flow((uint16_t)(2000 + i)));
    }
    CU_ASSERT(box.conntrack->stats->drop > 0);
    CU_ASSERT_EQUAL(box.conntrack->stats->drop + box.conntrack->stats->early_drop, 20);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1000);
    box_clear(&box);
}

static void
test_size_is_kube_proxys(void)
{
    CU_ASSERT_EQUAL(vs_conntrack_config_for(1, 32768, 131072).max, 131072);
    CU_ASSERT_EQUAL(vs_conntrack_config_for(4, 32768, 131072).max, 131072);
    CU_ASSERT_EQUAL(vs_conntrack_config_for(5, 32768, 131072).max, 5 * 32768);
    CU_ASSERT_EQUAL(vs_conntrack_config_for(4, 32768, 131072).n_buckets, 262144);
    CU_ASSERT_EQUAL(vs_conntrack_config_for(4, 1000, 100).max, 4000);
    CU_ASSERT_EQUAL(vs_conntrack_config_for(64, 32768, 131072).max, 64 * 32768);
    CU_ASSERT_EQUAL(vs_conntrack_config_for(64, 32768, 131072).n_buckets,
                    64 * 32768 / 4);
}

static void
test_table_without_limit(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    Box box;

    config.max = 0;
    box_init_with(&box, &config, 0);
    for (unsigned i = 0; i < 5000; i++) {
        VsFlow flow = net_flow(BOX_CLIENT, (uint16_t)i, BOX_SERVER + i / 100, 80);

        box_put(box.inside, box_packet(&box, flow));
    }
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 5000);
    box_run(&box, 31 * VS_S);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
    box_clear(&box);
}

static VsVerdict
drop_all(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)data;
    (void)state;
    vs_packet_drop(packet, VS_DROP_NO_ENDPOINT);
    return VS_VERDICT_STOLEN;
}

/* What makes the packet of a new connection disappear, its entry goes with it. */
static void
test_entry_of_a_dropped_packet_vanishes(void)
{
    static const VsHook filter[] = {{VS_HOOK_FORWARD, VS_HOOK_PRI_FILTER, drop_all},
                                    {0}};
    VsPacket *packet;
    Box box;

    box_init_release(&box);
    packet = box_packet(&box, box_client_flow(1)); /* By its TTL... */
    vs_packet_top(packet)->ttl = 1;
    box_put(box.inside, packet);
    CU_ASSERT_PTR_NULL(box_find(&box, box_client_flow(1)));
    box_run(&box, VS_S);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);

    vs_netns_add_hooks(box.netns, filter, NULL); /* ...by a rule, twice. */
    for (unsigned i = 0; i < 2; i++) {
        box_put(box.inside, box_packet(&box, box_client_flow(2)));
        CU_ASSERT_PTR_NULL(box_find(&box, box_client_flow(2)));
    }
    CU_ASSERT_EQUAL(box.conntrack->n_created, 3);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
    CU_ASSERT_EQUAL(box.n_released[1], 1);
    CU_ASSERT_EQUAL(box.n_released[2],
                    1); /* And of the last one when the next comes. */
    box_put(box.inside, box_packet(&box, box_client_flow(3)));
    CU_ASSERT_EQUAL(box.n_released[2], 2);
    CU_ASSERT_EQUAL(vs_pool_n_used(&box.conntrack->entries), 1);
    box_clear(&box);
}

static void
test_echo_and_reply_are_one_connection(void)
{
    VsFlow flow = box_echo_flow(BOX_CLIENT, BOX_SERVER, 77);
    VsFlow back = box_echo_flow(BOX_SERVER, BOX_CLIENT, 77);
    VsTime sent;
    Box box;

    box_init(&box);
    box_pass(&box, box.inside, box_icmp(&box, flow, VS_ICMP_ECHO, 0));
    sent = vs_now(&box.net.run);
    box_pass(&box, box.outside, box_icmp(&box, back, VS_ICMP_ECHO_REPLY, 0));
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(box_find(&box, flow));
    CU_ASSERT_EQUAL(box_find(&box, flow)->n_packets[VS_CT_REPLY], 1);
    box_check_lives_for(&box, flow, sent, 30 * VS_S);
    box_clear(&box);
}

static VsVerdict
see_entry(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)state;
    *(VsConntrackEntry **)data = packet->ct;
    return VS_VERDICT_ACCEPT;
}

/* RELATED: an error has the entry of what it quotes; it makes none, and none live
 * longer. */
static void
test_error_belongs_to_what_it_quotes(void)
{
    static const VsHook hooks[] = {{VS_HOOK_FORWARD, VS_HOOK_PRI_FILTER, see_entry},
                                   {0}};
    VsConntrackEntry *seen = NULL;
    VsFlow flow = box_client_flow(1);
    Box box;

    box_init(&box);
    vs_netns_add_hooks(box.netns, hooks, &seen);
    box_pass_udp(&box, box.inside, flow);
    box_run(&box, 10 * VS_S);
    box_pass(&box, box.outside, box_error(&box, BOX_SERVER, flow));
    CU_ASSERT_PTR_NOT_NULL(seen);
    CU_ASSERT_PTR_EQUAL(seen, box_find(&box, flow));
    box_pass(&box, box.outside, box_error(&box, BOX_SERVER, box_client_flow(2)));
    CU_ASSERT_PTR_NULL(seen);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    box_check_lives_for(&box, flow, 0, 30 * VS_S);
    box_clear(&box);
}

static void
test_local_packets_are_tracked_once(void)
{
    VsFlow out = net_flow(BOX_OUTSIDE, 1, BOX_SERVER, 53);
    VsFlow self = net_flow(BOX_INSIDE, 1, BOX_INSIDE, 53);
    Box box;

    for (unsigned n_cores = 0; n_cores < 3; n_cores++) {
        box_init_with(&box, &vs_conntrack_config_default, n_cores);
        net_udp_send(box.netns, out, 10);
        box_run(&box, VS_MS);
        CU_ASSERT_PTR_NOT_NULL(box_find(&box, out));
        box_put(box.outside, box_packet(&box, vs_flow_reverse(&out)));
        box_run(&box, VS_MS);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_sockets), 1);
        CU_ASSERT_EQUAL(box.conntrack->n_created, 1);

        net_udp_send(box.netns, self, 10); /* Over lo: out and in again. */
        box_run(&box, VS_MS);
        CU_ASSERT_EQUAL(net_n_arrived(box.to_sockets), 2);
        CU_ASSERT_EQUAL(box.conntrack->n_created, 2);
        CU_ASSERT_PTR_NOT_NULL_FATAL(box_find(&box, self));
        CU_ASSERT_EQUAL(box_find(&box, self)->n_packets[0], 1);
        box_clear(&box);
    }
}

/* "defrag", priority -400: hooks see whole packets. */
static void
test_fragments_are_one_packet(void)
{
    VsPacket *fragment;
    VsPacket *packet;
    Box box;

    box_init(&box);
    packet = box_packet(&box, box_client_flow(1));
    vs_packet_top(packet)->ip_bytes = 4000;
    vs_packet_top(packet)->ip_fragment = 0;
    fragment = vs_ip_fragment(packet, 1500);
    while (fragment) {
        VsPacket *next = fragment->next;

        CU_ASSERT_EQUAL(box.conntrack->n_created, 0);
        box_put(box.inside, fragment);
        fragment = next;
    }
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(box.conntrack->n_created, 1);
    CU_ASSERT_EQUAL(box_find(&box, box_client_flow(1))->n_packets[0], 1);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 3); /* Cut again. */
    box_clear(&box);
}

static void
test_tables_belong_to_namespaces(void)
{
    VsIface *veth_root, *veth_pod;
    VsConntrackStats stats = {0};
    VsNetns *pod;
    VsAddr addr_pod = NET_IP(10, 1, 0, 2);
    VsFlow flow = net_flow(addr_pod, 1, BOX_SERVER, 80);
    Box box;

    box_init(&box);
    pod = vs_netns_new(box.host, "pod");
    vs_veth_new(box.netns, "veth0", pod, "eth0", &veth_root, &veth_pod);
    vs_iface_set_address(veth_root, NET_IP(10, 1, 0, 1), 24);
    vs_iface_set_address(veth_pod, addr_pod, 24);
    vs_netns_add_route(pod, 0, 0, veth_pod, NET_IP(10, 1, 0, 1));
    vs_conntrack_attach(pod, &vs_conntrack_config_default, &stats);
    net_udp_send(pod, flow, 10);
    box_run(&box, VS_MS);
    CU_ASSERT_EQUAL(net_n_arrived(box.to_outside), 1);
    CU_ASSERT_EQUAL(stats.n_entries, 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 1);
    CU_ASSERT_PTR_NOT_NULL(box_find(&box, flow));
    box_clear(&box);
}

/* UDP flows at random, both ways, against a list with a time for each. */
static void
test_table_is_a_slow_twins(void)
{
    enum { N_FLOWS = 60 };
    VsTime expires[N_FLOWS];
    VsTime created[N_FLOWS];
    bool has_reply[N_FLOWS];
    bool is_same = true;
    uint64_t n_created = 0;
    VsRng rng;
    Box box;

    for (unsigned i = 0; i < N_FLOWS; i++) {
        expires[i] = created[i] = 0;
    }
    vs_rng_init(&rng, 1, "conntrack", "twin");
    box_init(&box);
    for (unsigned n = 0; n < 20000; n++) {
        unsigned i = (unsigned)vs_rng_below(&rng, N_FLOWS);
        bool is_reply = vs_rng_below(&rng, 3) == 0;
        VsFlow flow = box_client_flow((uint16_t)i);
        VsTime now = vs_now(&box.net.run);
        uint64_t n_entries = 0;

        if (expires[i] <= now && !is_reply) {
            n_created++;
            has_reply[i] = false;
            created[i] = now;
        }
        if (expires[i] > now || !is_reply) {
            expires[i] =
                now + (has_reply[i] && now > created[i] + 2 * VS_S ? 120 : 30) * VS_S;
            has_reply[i] |= is_reply;
            if (is_reply) {
                flow = vs_flow_reverse(&flow);
            }
            box_put(is_reply ? box.outside : box.inside, box_packet(&box, flow));
        }
        net_run(&box.net,
                now + (VsTime)vs_rng_below(&rng, 1 << (2 * vs_rng_below(&rng, 9))) *
                          300 * VS_US);
        if (vs_rng_below(&rng, 4) == 0) { /* Just when one expires, or just before. */
            VsTime at = expires[vs_rng_below(&rng, N_FLOWS)];

            at -= (VsTime)vs_rng_below(&rng, 2);
            net_run(&box.net, MIN(at, vs_now(&box.net.run) + 5 * VS_S));
        }
        for (unsigned k = 0; k < N_FLOWS; k++) {
            bool is_there = expires[k] > vs_now(&box.net.run);

            n_entries += is_there;
            is_same &=
                (box_find(&box, box_client_flow((uint16_t)k)) != NULL) == is_there;
        }
        is_same &= box.conntrack->stats->n_entries == n_entries;
    }
    CU_ASSERT(is_same);
    CU_ASSERT_EQUAL(box.conntrack->n_created, n_created);
    CU_ASSERT(n_created > 1000);
    box_run(&box, 121 * VS_S);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 0);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"an entry is found from both ends", test_entry_is_found_from_both_ends},
    {"UDP entries live 30 s, streams 120 s", test_udp_timeouts},
    {"a busy entry costs few events", test_busy_entry_costs_few_events},
    {"a full table drops new connections", test_full_table_drops_new_connections},
    {"an entry that is not assured makes room",
     test_entry_that_is_not_assured_makes_room},
    {"early drop looks near only", test_early_drop_looks_near_only},
    {"the table has kube-proxy's size", test_size_is_kube_proxys},
    {"a table may have no limit", test_table_without_limit},
    {"the entry of a dropped packet vanishes", test_entry_of_a_dropped_packet_vanishes},
    {"echo and reply are one connection", test_echo_and_reply_are_one_connection},
    {"an ICMP error belongs to what it quotes", test_error_belongs_to_what_it_quotes},
    {"local packets are tracked once", test_local_packets_are_tracked_once},
    {"fragments are tracked as one packet", test_fragments_are_one_packet},
    {"tables belong to namespaces", test_tables_belong_to_namespaces},
    {"the table is a slow twin's", test_table_is_a_slow_twins},
    {0},
};
VS_TESTS("conntrack")

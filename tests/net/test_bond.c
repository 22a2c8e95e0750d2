/* Bonds: which member sends, by mode and hash, and what happens when one fails. */
#include <glib.h>

#include "net/bond.h"
#include "tests/net/net_fixture.h"

enum { N_MEMBERS = 3 };

/* A bond whose members each lead to a sink of their own. */
typedef struct {
    Net net;
    VsPart part;
    VsBond *bond;
    NetSink *sinks[N_MEMBERS];
} BondFixture;

static void
bond_fixture(BondFixture *f, VsBondMode mode, VsBondPolicy policy,
             const VsBondOutage *outages, unsigned n_outages)
{
    const VsBondConfig config = {.mode = mode,
                                 .policy = policy,
                                 .miimon = 100 * VS_MS,
                                 .n_members = N_MEMBERS,
                                 .outages = outages,
                                 .n_outages = n_outages};
    VsWire *wires[N_MEMBERS];

    net_init(&f->net);
    vs_part_init(&f->part, &f->net.run);
    for (unsigned i = 0; i < N_MEMBERS; i++) {
        f->sinks[i] = net_sink_new(&f->net);
        wires[i] = &f->net.wires[f->net.n_wires++];
        vs_wire_init(wires[i], "a > b", &net_10g, &f->part, &f->sinks[i]->hop);
    }
    f->bond = vs_bond_new(&f->net.run, &config, wires);
}

static void
bond_clear(BondFixture *f)
{
    vs_bond_free(f->bond);
    net_clear(&f->net);
}

static VsPacket *
new_frame(BondFixture *f, const VsLayer *layer)
{
    VsPacket *packet = vs_packet_new(&f->net.run);

    packet->wire_bytes = 84;
    packet->n_layers = 1;
    *vs_packet_top(packet) = *layer;
    return packet;
}

static void
send(BondFixture *f, const VsLayer *layer)
{
    f->bond->hop.receive(&f->bond->hop, new_frame(f, layer));
}

static VsLayer
tcp_from(uint16_t sport)
{
    return (VsLayer){.smac = 0x020000000001,
                     .dmac = 0x020000000002,
                     .ether_type = VS_ETHER_TYPE_IPV4,
                     .flow = {.saddr = NET_IP(10, 0, 0, 1),
                              .daddr = NET_IP(10, 0, 0, 2),
                              .sport = sport,
                              .dport = 80,
                              .protocol = VS_PROTOCOL_TCP,
                              .family = VS_FAMILY_IPV4}};
}

static unsigned
n_arrived(const BondFixture *f, unsigned member)
{
    return f->sinks[member]->arrivals->len;
}

/* The counter is raised before it is used: the first frame goes by the second member. */
static void
test_turns_go_round(void)
{
    VsLayer layer = tcp_from(1);
    BondFixture f;

    bond_fixture(&f, VS_BOND_BALANCE_RR, VS_BOND_LAYER2, NULL, 0);
    for (unsigned i = 0; i < 3 * N_MEMBERS + 1; i++) {
        send(&f, &layer);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(n_arrived(&f, 0), 3);
    CU_ASSERT_EQUAL(n_arrived(&f, 1), 4);
    CU_ASSERT_EQUAL(n_arrived(&f, 2), 3);
    bond_clear(&f);
}

/* bond_xmit_hash(), written out once more for layer3+4: the ports as they lie in memory,
 * the addresses folded in, one bit off. */
static unsigned
expected_layer34(const VsFlow *flow)
{
    uint32_t hash = GUINT32_TO_BE((uint32_t)flow->sport << 16 | flow->dport);

    hash ^= GUINT32_TO_BE(flow->saddr) ^ GUINT32_TO_BE(flow->daddr);
    hash ^= hash >> 16;
    hash ^= hash >> 8;
    return (hash >> 1) % N_MEMBERS;
}

static void
test_hashes_choose_members(void)
{
    unsigned n_of[N_MEMBERS] = {0};
    BondFixture f;

    bond_fixture(&f, VS_BOND_8023AD, VS_BOND_LAYER34, NULL, 0);
    for (uint16_t port = 1024; port < 1324; port++) {
        VsLayer layer = tcp_from(port);
        VsLayer fragment = layer;
        VsPacket *packet = new_frame(&f, &layer), *part;
        int chosen = vs_bond_choose(f.bond, packet);

        CU_ASSERT_EQUAL(chosen, (int)expected_layer34(&layer.flow));
        n_of[chosen]++;
        vs_packet_deliver(packet);
        fragment.ip_fragment = VS_IP_MF; /* Has no ports: the same for all. */
        part = new_frame(&f, &fragment);
        fragment.flow.sport = fragment.flow.dport = 0;
        CU_ASSERT_EQUAL(vs_bond_choose(f.bond, part),
                        (int)expected_layer34(&fragment.flow));
        vs_packet_deliver(part);
    }
    for (unsigned i = 0; i < N_MEMBERS; i++) {
        CU_ASSERT(n_of[i] > 50);
    }
    bond_clear(&f);
}

/* Layer 2 does not see ports: one pair of hosts, one member. */
static void
test_layer2_keeps_a_pair_on_one_member(void)
{
    BondFixture f;
    VsLayer arp = {.smac = 0x020000000001,
                   .dmac = 0x020000000002,
                   .ether_type = VS_ETHER_TYPE_ARP};
    unsigned member = ((1 ^ 2) ^ VS_ETHER_TYPE_IPV4) % N_MEMBERS;

    bond_fixture(&f, VS_BOND_BALANCE_XOR, VS_BOND_LAYER2, NULL, 0);
    for (uint16_t port = 1; port <= 20; port++) {
        VsLayer layer = tcp_from(port);

        send(&f, &layer);
    }
    send(&f, &arp);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(n_arrived(&f, member),
                    20 + (((1 ^ 2) ^ VS_ETHER_TYPE_ARP) % N_MEMBERS == member));
    bond_clear(&f);
}

static void
test_a_failed_member_is_noticed_at_the_next_look(void)
{
    const VsBondOutage outages[] = {{0, 250 * VS_MS, 720 * VS_MS}};
    const struct {
        VsTime at;
        int member; /* -1: lost. */
    } frames[] = {{249, 0}, {250, -1}, {299, -1}, {300, 1}, {730, 1}, {900, 1}};
    VsLayer layer = tcp_from(1);
    BondFixture f;

    bond_fixture(&f, VS_BOND_ACTIVE_BACKUP, VS_BOND_LAYER2, outages, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        unsigned before[N_MEMBERS];

        net_run(&f.net, frames[i].at * VS_MS);
        for (unsigned k = 0; k < N_MEMBERS; k++) {
            before[k] = n_arrived(&f, k);
        }
        send(&f, &layer);
        net_run(&f.net, frames[i].at * VS_MS + VS_MS / 2);
        for (unsigned k = 0; k < N_MEMBERS; k++) {
            CU_ASSERT_EQUAL(n_arrived(&f, k) - before[k], (int)k == frames[i].member);
        }
    }
    CU_ASSERT_EQUAL(f.bond->n_lost, 2);
    CU_ASSERT_EQUAL(f.net.run.packets->n_dropped[VS_DROP_INTERFACE_DOWN], 2);
    bond_clear(&f);
}

/* No frame came while the first was away: the second has been the active one all the same. */
static void
test_an_outage_without_frames_counts(void)
{
    const VsBondOutage outages[] = {{0, 100 * VS_MS, 200 * VS_MS}};
    VsLayer layer = tcp_from(1);
    BondFixture f;

    bond_fixture(&f, VS_BOND_ACTIVE_BACKUP, VS_BOND_LAYER2, outages, 1);
    send(&f, &layer);
    net_run(&f.net, VS_S);
    send(&f, &layer);
    net_run(&f.net, 2 * VS_S);
    CU_ASSERT_EQUAL(n_arrived(&f, 0), 1);
    CU_ASSERT_EQUAL(n_arrived(&f, 1), 1);
    bond_clear(&f);
}

static void
test_flows_move_when_a_member_fails(void)
{
    const VsBondOutage outages[] = {{1, 100 * VS_MS, 200 * VS_MS},
                                    {0, 300 * VS_MS, VS_TIME_NEVER},
                                    {1, 300 * VS_MS, VS_TIME_NEVER},
                                    {2, 400 * VS_MS, VS_TIME_NEVER}};
    VsLayer layer = tcp_from(1024);
    BondFixture f;
    VsPacket *packet;

    bond_fixture(&f, VS_BOND_BALANCE_XOR, VS_BOND_LAYER34, outages, 4);
    packet = new_frame(&f, &layer);
    net_run(&f.net, 150 * VS_MS);
    CU_ASSERT(vs_bond_choose(f.bond, packet) != 1);
    net_run(&f.net, 350 * VS_MS);
    CU_ASSERT_EQUAL(vs_bond_choose(f.bond, packet), 2);
    net_run(&f.net, 450 * VS_MS);
    CU_ASSERT_EQUAL(vs_bond_choose(f.bond, packet), -1);
    f.bond->hop.receive(&f.bond->hop, packet);
    CU_ASSERT_EQUAL(f.bond->n_lost, 1);
    bond_clear(&f);
}

static const VsTestCase tests[] = {
    {"turns go round", test_turns_go_round},
    {"hashes choose members", test_hashes_choose_members},
    {"layer 2 keeps a pair on one member", test_layer2_keeps_a_pair_on_one_member},
    {"a failed member is noticed at the next look",
     test_a_failed_member_is_noticed_at_the_next_look},
    {"an outage without frames counts", test_an_outage_without_frames_counts},
    {"flows move when a member fails", test_flows_move_when_a_member_fails},
    {0},
};
VS_TESTS("bond")

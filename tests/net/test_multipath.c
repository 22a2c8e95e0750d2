#include "net/multipath.h"

#include <math.h>

#include "net/net_fixture.h"
#include "net/route_text.h"

enum { N_FLOWS = 30000 };

#define FAR NET_IP(203, 0, 113, 5)
#define CLIENT NET_IP(10, 8, 8, 8)

typedef struct {
    Net net;
    VsNetns *root;
    VsIface *cards[3];
} Uplinks;

/* A host with three cards; routes to 203.0.113.0/24 have these weights, 0 a dead hop's. */
static void
uplinks_init(Uplinks *uplinks, const uint32_t weights[3], VsMultipathPolicy policy)
{
    VsRoute route = {.prefix = NET_IP(203, 0, 113, 0), .length = 24};
    VsNextHop hops[3];

    net_init(&uplinks->net);
    uplinks->root = net_host(&uplinks->net, "a")->root;
    uplinks->root->multipath.policy = policy;
    uplinks->root->multipath.hash_key = vs_flow_hash_key_of_seed(1);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *name = g_strdup_printf("eth%u", i);

        uplinks->cards[i] =
            net_card(uplinks->net.hosts[0], name, NET_IP(10, 0, i + 1, 1), 24);
        hops[i] = (VsNextHop){.iface = uplinks->cards[i],
                              .via = NET_IP(10, 0, i + 1, 2),
                              .weight = MAX(weights[i], 1),
                              .is_dead = weights[i] == 0};
    }
    vs_multipath_set(&route, hops, 3);
    vs_routes_add(&uplinks->root->routes, &route);
}

/* The number of the card by which a packet with 'key' leaves. */
static unsigned
card_for(const Uplinks *uplinks, VsRouteKey key)
{
    const VsRoute *route = vs_netns_find_route(uplinks->root, &key);
    unsigned i = 0;

    while (uplinks->cards[i] != route->iface) {
        i++;
    }
    CU_ASSERT_EQUAL(route->via, NET_IP(10, 0, i + 1, 2));
    return i;
}

static VsRouteKey
key_of(const Uplinks *uplinks, VsAddr saddr, uint16_t sport)
{
    return (VsRouteKey){.saddr = saddr,
                        .daddr = FAR,
                        .iif = uplinks->cards[0],
                        .sport = sport,
                        .dport = 80,
                        .protocol = VS_PROTOCOL_TCP};
}

/* By the vectors of Linux 6.18: 0x63d511d0 = 1674908112 and 0x73341d13 = 1932795155 are in the
 * last third of 2^31, which begins at 1431655765. */
static void
test_published_flows_take_the_last_third(void)
{
    Uplinks u;

    uplinks_init(&u, (const uint32_t[]){1, 1, 1}, VS_MULTIPATH_L3);
    CU_ASSERT_EQUAL(card_for(&u, key_of(&u, CLIENT, 1005)), 2);
    u.root->multipath.policy = VS_MULTIPATH_L4;
    CU_ASSERT_EQUAL(card_for(&u, key_of(&u, CLIENT, 1005)), 2);
    net_clear(&u.net);

    /* Of 8:1:1 the first takes hashes to 1717986917, the second to 1932735282. */
    uplinks_init(&u, (const uint32_t[]){8, 1, 1}, VS_MULTIPATH_L3);
    CU_ASSERT_EQUAL(card_for(&u, key_of(&u, CLIENT, 1005)), 0);
    u.root->multipath.policy = VS_MULTIPATH_L4;
    CU_ASSERT_EQUAL(card_for(&u, key_of(&u, CLIENT, 1005)), 2);
    net_clear(&u.net);
}

static void
test_flows_are_shared_by_weight(void)
{
    unsigned n_flows[3] = {0};
    Uplinks u;

    uplinks_init(&u, (const uint32_t[]){5, 0, 1}, VS_MULTIPATH_L3);
    for (uint32_t i = 0; i < N_FLOWS; i++) {
        n_flows[card_for(&u, key_of(&u, CLIENT + i, 1005))]++;
    }
    /* Five sigma of a binomial with p = 5/6. */
    CU_ASSERT_DOUBLE_EQUAL(n_flows[0], N_FLOWS * 5.0 / 6, 5 * sqrt(N_FLOWS * 5.0 / 36));
    CU_ASSERT_EQUAL(n_flows[1], 0);
    net_clear(&u.net);
}

static void
test_what_is_sent_here_leaves_by_its_own_address(void)
{
    Uplinks u;

    uplinks_init(&u, (const uint32_t[]){1, 1, 1}, VS_MULTIPATH_L4);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned port = 1024; port < 1124; port++) {
            VsRouteKey key = key_of(&u, NET_IP(10, 0, i + 1, 1), (uint16_t)port);
            VsRouteKey forwarded = key;

            key.iif = NULL;
            CU_ASSERT_EQUAL(card_for(&u, key), i);
            forwarded.saddr = CLIENT;
            key.saddr = CLIENT;
            CU_ASSERT_EQUAL(card_for(&u, key), card_for(&u, forwarded));
        }
    }
    net_clear(&u.net);
}

static VsPacket *
packet_new(const Uplinks *u, VsAddr saddr, VsAddr daddr, uint8_t protocol)
{
    const VsFlow flow = {.saddr = saddr,
                         .daddr = daddr,
                         .sport = 1005,
                         .dport = 80,
                         .protocol = protocol,
                         .family = VS_FAMILY_IPV4};
    VsPacket *packet = vs_ip_packet_new(u->root, &flow, 100);

    packet->iface = u->cards[0];
    return packet;
}

/* An error, and a tunnel, go with the packets that they are about. */
static void
test_inner_packets_are_hashed_where_the_policy_says(void)
{
    static const struct {
        VsMultipathPolicy policy;
        uint8_t outer;
        bool is_inner;
    } rows[] = {
        {VS_MULTIPATH_L3, VS_PROTOCOL_ICMP, true},
        {VS_MULTIPATH_L3, VS_PROTOCOL_IPIP, false},
        {VS_MULTIPATH_L4, VS_PROTOCOL_ICMP, false},
        {VS_MULTIPATH_INNER_L3, VS_PROTOCOL_IPIP, true},
        {VS_MULTIPATH_INNER_L3, VS_PROTOCOL_ICMP, false},
    };
    Uplinks u;

    uplinks_init(&u, (const uint32_t[]){1, 1, 1}, VS_MULTIPATH_L3);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VsPacket *packet = packet_new(&u, CLIENT, FAR, VS_PROTOCOL_TCP);
        uint32_t inner;
        VsLayer *outer;

        u.root->multipath.policy = rows[i].policy;
        inner = vs_multipath_hash(u.root, packet);
        outer = vs_packet_push(packet);
        *outer = outer[-1];
        outer->flow.saddr = NET_IP(198, 51, 100, 9);
        outer->flow.protocol = rows[i].outer;
        CU_ASSERT_EQUAL(vs_multipath_hash(u.root, packet) == inner, rows[i].is_inner);
        vs_packet_deliver(packet);
    }
    net_clear(&u.net);
}

static void
test_fragments_and_icmp_have_no_ports(void)
{
    Uplinks u;
    VsPacket *packet;
    uint32_t without;

    uplinks_init(&u, (const uint32_t[]){1, 1, 1}, VS_MULTIPATH_L4);
    packet = packet_new(&u, CLIENT, FAR, VS_PROTOCOL_TCP);
    CU_ASSERT_EQUAL(vs_multipath_hash(u.root, packet), 0x73341d13);
    vs_packet_top(packet)->ip_fragment = VS_IP_MF;
    without = vs_multipath_hash(u.root, packet);
    vs_packet_top(packet)->flow.sport = 7;
    CU_ASSERT_EQUAL(vs_multipath_hash(u.root, packet), without);
    vs_packet_top(packet)->ip_fragment = 0;
    CU_ASSERT_NOT_EQUAL(vs_multipath_hash(u.root, packet), without);
    vs_packet_top(packet)->flow.protocol = VS_PROTOCOL_ICMP;
    without = vs_multipath_hash(u.root, packet);
    vs_packet_top(packet)->flow.sport = 8;
    CU_ASSERT_EQUAL(vs_multipath_hash(u.root, packet), without);
    vs_packet_deliver(packet);
    net_clear(&u.net);
}

static void
test_text_is_that_of_ip_route(void)
{
    g_autofree char *text = NULL;
    Uplinks u;

    uplinks_init(&u, (const uint32_t[]){2, 0, 1}, VS_MULTIPATH_L3);
    text = vs_routes_print(u.root);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "203.0.113.0/24\n"
                     "\tnexthop via 10.0.1.2 dev eth0 weight 2\n"
                     "\tnexthop via 10.0.2.2 dev eth1 weight 1 dead linkdown\n"
                     "\tnexthop via 10.0.3.2 dev eth2 weight 1\n"));
    net_clear(&u.net);
}

static bool
is_any(const VsRoute *route)
{
    (void)route;
    return true;
}

static void
test_explanation_tells_hop_and_range(void)
{
    g_autofree char *by_hash = NULL;
    g_autofree char *by_source = NULL;
    const VsMultipath *multipath;
    Uplinks u;

    uplinks_init(&u, (const uint32_t[]){1, 1, 1}, VS_MULTIPATH_L3);
    vs_routes_filter(&u.root->routes, is_any); /* Which keeps next hops. */
    multipath = vs_routes_find(&u.root->routes, FAR)->multipath;
    by_hash = vs_multipath_explain(
        multipath, &vs_multipath_select(multipath, 715827883, 0)->route, 715827883);
    CU_ASSERT_STRING_EQUAL(by_hash,
                           "next hop 2 of 3: hash 715827883 in 715827883..1431655764");
    by_source = vs_multipath_explain(
        multipath, &vs_multipath_select(multipath, 5, NET_IP(10, 0, 3, 1))->route, 5);
    CU_ASSERT_STRING_EQUAL(by_source, "next hop 3 of 3: the source is its address");
    net_clear(&u.net);
}

static const VsTestCase tests[] = {
    {"the flows of Linux 6.18 take the hops of its bounds",
     test_published_flows_take_the_last_third},
    {"flows are shared by weight, and none is a dead hop's",
     test_flows_are_shared_by_weight},
    {"what is sent here leaves by its own address",
     test_what_is_sent_here_leaves_by_its_own_address},
    {"what is inside is hashed where the policy says so",
     test_inner_packets_are_hashed_where_the_policy_says},
    {"fragments and ICMP have no ports", test_fragments_and_icmp_have_no_ports},
    {"routes are printed as ip route prints them", test_text_is_that_of_ip_route},
    {"the explanation tells the hop and its range",
     test_explanation_tells_hop_and_range},
    {0},
};

VS_TESTS("multipath")

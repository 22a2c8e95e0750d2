/* Tunnels between two hosts: what a packet looks like on the wire, what comes out at the
 * other end, and what is refused. */
#include "net/tunnel.h"

#include <glib.h>

#include "net/icmp.h"
#include "packet/trace.h"
#include "tests/net/net_fixture.h"

static const VsAddr addr_a = NET_IP(192, 168, 0, 1);
static const VsAddr addr_b = NET_IP(192, 168, 0, 2);
static const VsAddr inner_a = NET_IP(10, 0, 0, 0);
static const VsAddr inner_b = NET_IP(10, 0, 1, 0);

static const VsTunnelConfig vxlan = {VS_TUNNEL_VXLAN, 42, 8472};
static const VsTunnelConfig ipip = {.kind = VS_TUNNEL_IPIP};

/* A and B on one link, a tunnel device on each with an address of its own. */
typedef struct {
    Net net;
    VsHost *a, *b;
    VsIface *card_a, *card_b;
    VsTunnel *tunnel_a, *tunnel_b;
    NetSink *sink_a, *sink_b;
    NetSink *watch; /* Of A's wire, when watched. */
} TunnelFixture;

static void
tunnel_fixture(TunnelFixture *f, const VsTunnelConfig *a, const VsTunnelConfig *b,
               const VsCosts *costs)
{
    memset(f, 0, sizeof(*f));
    net_init(&f->net);
    f->a = net_host_with(&f->net, "a", 1, 1000, costs);
    f->b = net_host_with(&f->net, "b", 1, 1000, costs);
    f->card_a = net_card(f->a, "eth0", addr_a, 24);
    f->card_b = net_card(f->b, "eth0", addr_b, 24);
    net_link(&f->net, f->card_a, f->card_b, &net_10g);
    net_introduce(f->card_a, f->card_b);
    f->tunnel_a = vs_tunnel_new(f->a->root, "tun", a);
    f->tunnel_b = vs_tunnel_new(f->b->root, "tun", b);
    vs_iface_set_address(f->tunnel_a->iface, inner_a, 32);
    vs_iface_set_address(f->tunnel_b->iface, inner_b, 32);
    vs_netns_add_route(f->a->root, inner_b, 24, f->tunnel_a->iface,
                       a->kind == VS_TUNNEL_VXLAN ? inner_b : addr_b);
    if (a->kind == VS_TUNNEL_VXLAN) {
        vs_neighbour_add(f->tunnel_a->iface, inner_b, f->tunnel_b->iface->mac);
        vs_tunnel_add_peer(f->tunnel_a, f->tunnel_b->iface->mac, addr_b);
    }
    f->sink_a = net_listen(&f->net, f->a->root);
    f->sink_b = net_listen(&f->net, f->b->root);
}

static void
watch_wire_of_a(TunnelFixture *f)
{
    f->watch = net_sink_new(&f->net);
    f->card_a->wire->far_end = &f->watch->hop;
}

static VsFlow
inner_flow(uint16_t sport)
{
    return net_flow(inner_a, sport, inner_b, 53);
}

static void
test_vxlan_on_the_wire(void)
{
    const NetArrival *arrival;
    TunnelFixture f;

    tunnel_fixture(&f, &vxlan, &vxlan, &net_no_costs);
    watch_wire_of_a(&f);
    net_udp_send(f.a->root, inner_flow(1000), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 1); /* No ARP, no flood. */
    arrival = net_arrival(f.watch, 0);
    CU_ASSERT_EQUAL(arrival->n_layers, 2);
    CU_ASSERT_EQUAL(arrival->top.flow.saddr, addr_a);
    CU_ASSERT_EQUAL(arrival->top.flow.daddr, addr_b);
    CU_ASSERT_EQUAL(arrival->top.flow.protocol, VS_PROTOCOL_UDP);
    CU_ASSERT_EQUAL(arrival->top.flow.dport, 8472);
    CU_ASSERT_EQUAL(arrival->top.flow.sport, vs_tunnel_source_port(&arrival->below));
    CU_ASSERT_EQUAL(arrival->top.vni, 42);
    CU_ASSERT_EQUAL(arrival->top.ttl, 64);
    CU_ASSERT_EQUAL(arrival->top.ip_fragment, 0);
    CU_ASSERT_EQUAL(arrival->top.dmac, f.card_b->mac);
    CU_ASSERT_EQUAL(arrival->below.dmac, f.tunnel_b->iface->mac);
    CU_ASSERT_EQUAL(arrival->below.smac, f.tunnel_a->iface->mac);
    /* Payload 100, UDP 8, IP 20; Ethernet 14, VXLAN 8, UDP 8, IP 20; Ethernet 14; 24. */
    CU_ASSERT_EQUAL(arrival->wire_bytes, 128 + 50 + 14 + 24);
    CU_ASSERT_EQUAL(vs_tunnel_overhead(f.tunnel_a), 50);
    net_clear(&f.net);
}

static void
test_ipip_on_the_wire(void)
{
    const NetArrival *arrival;
    TunnelFixture f;
    VsPacket *packet;

    tunnel_fixture(&f, &ipip, &ipip, &net_no_costs);
    watch_wire_of_a(&f);
    net_udp_send(f.a->root, inner_flow(1000), 100);
    packet = net_udp_new(f.a->root, inner_flow(1000), 100);
    vs_packet_top(packet)->ttl = 7;
    vs_packet_top(packet)->ip_fragment = 0;
    vs_ip_send(f.a->root, packet);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.watch), 2);
    arrival = net_arrival(f.watch, 0);
    CU_ASSERT_EQUAL(arrival->n_layers, 2);
    CU_ASSERT_EQUAL(arrival->top.flow.saddr, addr_a);
    CU_ASSERT_EQUAL(arrival->top.flow.daddr, addr_b);
    CU_ASSERT_EQUAL(arrival->top.flow.protocol, 4);
    CU_ASSERT_EQUAL(arrival->wire_bytes, 128 + 20 + 14 + 24);
    CU_ASSERT_EQUAL(vs_tunnel_overhead(f.tunnel_a), 20);
    /* TTL and DF are those inside. */
    CU_ASSERT_EQUAL(arrival->top.ttl, 64);
    CU_ASSERT_EQUAL(arrival->top.ip_fragment, VS_IP_DF);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 1)->top.ttl, 7);
    CU_ASSERT_EQUAL(net_arrival(f.watch, 1)->top.ip_fragment, 0);
    net_clear(&f.net);
}

static void
test_what_went_in_comes_out(void)
{
    static const VsTunnelConfig *const configs[] = {&vxlan, &ipip};

    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        const NetArrival *arrival;
        TunnelFixture f;

        tunnel_fixture(&f, configs[i], configs[i], &net_no_costs);
        net_udp_send(f.a->root, inner_flow(1000), 100);
        net_run(&f.net, VS_S);
        CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
        arrival = net_arrival(f.sink_b, 0);
        CU_ASSERT_EQUAL(arrival->n_layers, 1);
        CU_ASSERT_EQUAL(arrival->top.flow.saddr, inner_a);
        CU_ASSERT_EQUAL(arrival->top.flow.daddr, inner_b);
        CU_ASSERT_EQUAL(arrival->top.flow.sport, 1000);
        CU_ASSERT_EQUAL(arrival->top.ttl, 64);
        CU_ASSERT_EQUAL(arrival->payload_bytes, 100);
        CU_ASSERT_EQUAL(arrival->wire_bytes, 128 + 14 + 24);
        CU_ASSERT_PTR_EQUAL(arrival->iface, f.tunnel_b->iface);
        CU_ASSERT_EQUAL(f.tunnel_a->iface->tx_packets, 1);
        CU_ASSERT_EQUAL(f.tunnel_b->iface->rx_packets, 1);
        CU_ASSERT_EQUAL(f.tunnel_b->iface->rx_bytes, f.tunnel_a->iface->tx_bytes);
        net_clear(&f.net);
    }
}

static void
test_each_step_is_charged(void)
{
    static const VsCosts costs = {
        .nic_receive = 1,
        .nic_transmit = 10,
        .route_lookup = 100,
        .vxlan_encapsulate = 1000,
        .vxlan_decapsulate = 10000,
        .ipip_encapsulate = 100000,
        .ipip_decapsulate = 1000000,
        .neighbour_lookup = 10000000,
        .socket_send = 100000000,
        .socket_receive = 1000000000,
    };
    /* In: a socket, two routes, neighbours inside (VXLAN only) and out, the card.  Out:
     * the card, two routes, a socket. */
    static const VsTime vxlan_work = 100000000 + 2 * 100 + 1000 + 2 * 10000000 + 10 +
                                     1 + 2 * 100 + 10000 + 1000000000;
    static const VsTime ipip_work = 100000000 + 2 * 100 + 100000 + 10000000 + 10 + 1 +
                                    2 * 100 + 1000000 + 1000000000;
    TunnelFixture f;

    tunnel_fixture(&f, &vxlan, &vxlan, &costs);
    net_udp_send(f.a->root, inner_flow(1000), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->at,
                    vxlan_work + (128 + 50 + 14 + 24) * 800 + VS_US);
    net_clear(&f.net);

    tunnel_fixture(&f, &ipip, &ipip, &costs);
    net_udp_send(f.a->root, inner_flow(1000), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->at,
                    ipip_work + (128 + 20 + 14 + 24) * 800 + VS_US);
    net_clear(&f.net);
}

static void
test_unknown_mac_is_not_flooded(void)
{
    TunnelFixture f;

    tunnel_fixture(&f, &vxlan, &vxlan, &net_no_costs);
    vs_neighbour_add(f.tunnel_a->iface, NET_IP(10, 0, 1, 9), 0x020000000099);
    vs_netns_add_route(f.a->root, NET_IP(10, 0, 2, 0), 24, f.tunnel_a->iface,
                       NET_IP(10, 0, 1, 9));
    net_udp_send(f.a->root, net_flow(inner_a, 1, NET_IP(10, 0, 2, 1), 2), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_TUNNEL_PEER), 1);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 0);
    net_clear(&f.net);
}

/* A route to the far host through the tunnel that needs it. */
static void
test_no_tunnel_through_itself(void)
{
    static const VsTunnelConfig *const configs[] = {&vxlan, &ipip};

    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        TunnelFixture f;

        tunnel_fixture(&f, configs[i], configs[i], &net_no_costs);
        vs_netns_add_route(f.a->root, addr_b, 32, f.tunnel_a->iface, addr_b);
        net_udp_send(f.a->root, inner_flow(1000), 100);
        net_run(&f.net, VS_S);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_TUNNEL_PEER), 1);
        net_clear(&f.net);
    }
}

static void
test_other_networks_and_strangers_are_refused(void)
{
    static const VsTunnelConfig other_vni = {VS_TUNNEL_VXLAN, 43, 8472};
    static const VsTunnelConfig other_port = {VS_TUNNEL_VXLAN, 42, 4789};
    TunnelFixture f;

    tunnel_fixture(&f, &vxlan, &other_vni, &net_no_costs);
    net_udp_send(f.a->root, inner_flow(1000), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_MALFORMED), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 0);
    net_clear(&f.net);

    /* To another port it is a datagram like any other. */
    tunnel_fixture(&f, &vxlan, &other_port, &net_no_costs);
    net_udp_send(f.a->root, inner_flow(1000), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.flow.dport, 8472);
    net_clear(&f.net);

    /* A datagram to the tunnel's port that is no VXLAN. */
    tunnel_fixture(&f, &vxlan, &vxlan, &net_no_costs);
    net_udp_send(f.a->root, net_flow(addr_a, 1, addr_b, 8472), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_MALFORMED), 1);
    net_clear(&f.net);
}

/* The outer packet may be fragmented, and is whole again before the tunnel sees it. */
static void
test_outer_fragments(void)
{
    TunnelFixture f;

    tunnel_fixture(&f, &vxlan, &vxlan, &net_no_costs);
    f.card_a->mtu = 700;
    net_udp_send(f.a->root, inner_flow(1000), 1000);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 2);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->payload_bytes, 1000);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->wire_bytes, 1028 + 14 + 24);
    net_clear(&f.net);
}

/* What is too big for the device is refused before it goes in. */
static void
test_mtu_of_the_device(void)
{
    TunnelFixture f;

    tunnel_fixture(&f, &vxlan, &vxlan, &net_no_costs);
    f.tunnel_a->iface->mtu = 1450;
    net_udp_send(f.a->root, inner_flow(1000), 1450 - 28);
    net_udp_send(f.a->root, inner_flow(1000), 1451 - 28);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_TOO_BIG), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.icmp.code, VS_ICMP_CODE_TOO_BIG);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.icmp.next_mtu, 1450);
    net_clear(&f.net);
}

/* A traced packet's story has both ends of the tunnel. */
static void
test_trace_has_both_ends(void)
{
    static const VsTraceKind kinds[] = {VS_TRACE_ENCAPSULATE, VS_TRACE_DECAPSULATE};
    unsigned n_found = 0;
    VsPacket *packet;
    TunnelFixture f;

    tunnel_fixture(&f, &ipip, &ipip, &net_no_costs);
    vs_run_start_trace(&f.net.run);
    packet = net_udp_new(f.a->root, inner_flow(1000), 100);
    packet->flags |= VS_PACKET_TRACED;
    vs_ip_send(f.a->root, packet);
    net_run(&f.net, VS_S);
    for (unsigned i = 0; i < f.net.run.trace->records->len; i++) {
        const VsTraceRecord *record =
            &g_array_index(f.net.run.trace->records, VsTraceRecord, i);

        if (n_found < 2 && record->kind == kinds[n_found]) {
            CU_ASSERT_STRING_EQUAL(record->place, n_found == 0 ? "a/root" : "b/root");
            CU_ASSERT_STRING_EQUAL(record->device, "tun");
            CU_ASSERT_STRING_EQUAL(record->text, "IPIP 192.168.0.1 > 192.168.0.2");
            CU_ASSERT_EQUAL(record->n_layers, n_found == 0 ? 2 : 1);
            n_found++;
        }
    }
    CU_ASSERT_EQUAL(n_found, 2);
    net_clear(&f.net);
}

enum { N_FLOWS = 8000, N_CLASSES = 8 };

/* All ports of the range and no others: eight classes of 1000 flows expected in each; six
 * standard deviations are 178. */
static void
test_source_ports_spread(void)
{
    unsigned counts[N_CLASSES] = {0};
    VsLayer inner = {.flow = inner_flow(0)};
    VsLayer fragment;

    for (unsigned i = 0; i < N_FLOWS; i++) {
        uint16_t port;

        inner.flow.sport = (uint16_t)(1024 + i);
        port = vs_tunnel_source_port(&inner);
        CU_ASSERT_FATAL(port >= 32768 && port < 60999);
        CU_ASSERT_EQUAL(vs_tunnel_source_port(&inner), port);
        counts[(unsigned)(port - 32768) * N_CLASSES / (60999 - 32768)]++;
    }
    for (unsigned i = 0; i < N_CLASSES; i++) {
        CU_ASSERT(counts[i] > 822 && counts[i] < 1178);
    }

    /* Fragments have no ports: all of a packet's go one way. */
    fragment = inner;
    fragment.ip_fragment = VS_IP_MF;
    inner.flow.sport++;
    inner.ip_fragment = 185;
    CU_ASSERT_EQUAL(vs_tunnel_source_port(&fragment), vs_tunnel_source_port(&inner));
}

static const VsTestCase tests[] = {
    {"VXLAN on the wire", test_vxlan_on_the_wire},
    {"IPIP on the wire", test_ipip_on_the_wire},
    {"what went in comes out", test_what_went_in_comes_out},
    {"each step is charged", test_each_step_is_charged},
    {"an unknown MAC is dropped, not flooded", test_unknown_mac_is_not_flooded},
    {"no tunnel leads through itself", test_no_tunnel_through_itself},
    {"other networks and strangers are refused",
     test_other_networks_and_strangers_are_refused},
    {"outer fragments are put together", test_outer_fragments},
    {"what is too big for the device is refused", test_mtu_of_the_device},
    {"a trace has both ends", test_trace_has_both_ends},
    {"source ports spread over the kernel's range", test_source_ports_spread},
    {0},
};
VS_TESTS("tunnel")

/* Bridges: learning, flooding, ageing, hairpins. */
#include <glib.h>

#include "net/bridge.h"
#include "tests/net/net_fixture.h"

enum { N_PODS = 3 };

/* A node: pods on cni0, which has an address of its own. */
typedef struct {
    Net net;
    VsHost *host;
    VsBridge *bridge;
    VsNetns *pods[N_PODS];
    VsIface *ports[N_PODS];
    VsIface *cards[N_PODS]; /* The pods' ends. */
    NetSink *sinks[N_PODS];
    NetSink *sink_root;
} BridgeFixture;

static const VsAddr addr_bridge = NET_IP(10, 244, 0, 1);

static VsAddr
addr_pod(unsigned i)
{
    return NET_IP(10, 244, 0, 2 + i);
}

static void
bridge_fixture(BridgeFixture *f, bool is_hairpin, const VsCosts *costs)
{
    net_init(&f->net);
    f->host = net_host_with(&f->net, "n1", 1, 1000, costs);
    f->bridge = vs_bridge_new(f->host->root, "cni0", VS_BRIDGE_AGEING);
    vs_iface_set_address(f->bridge->iface, addr_bridge, 24);
    f->sink_root = net_listen(&f->net, f->host->root);
    for (unsigned i = 0; i < N_PODS; i++) {
        g_autofree char *name = g_strdup_printf("pod-%u", i);

        f->pods[i] = vs_netns_new(f->host, name);
        vs_veth_new(f->host->root, name, f->pods[i], "eth0", &f->ports[i],
                    &f->cards[i]);
        vs_iface_set_address(f->cards[i], addr_pod(i), 24);
        vs_bridge_add_port(f->bridge, f->ports[i], is_hairpin);
        f->sinks[i] = net_listen(&f->net, f->pods[i]);
    }
}

static void
run_on(BridgeFixture *f, VsTime elapsed)
{
    net_run(&f->net, vs_now(&f->net.run) + elapsed);
}

/* A frame without ARP: from one MAC address to another, out of a pod's card. */
static void
send_frame(BridgeFixture *f, unsigned from, uint64_t smac, uint64_t dmac, VsAddr daddr)
{
    VsFlow flow = net_flow(addr_pod(from), 1, daddr, 2);
    VsPacket *packet = net_udp_new(f->pods[from], flow, 10);

    vs_packet_top(packet)->smac = smac;
    vs_packet_top(packet)->dmac = dmac;
    vs_host_submit(f->host, packet, &f->cards[from]->send);
    run_on(f, VS_US);
}

/* Frames that left by each port since the last call, as three digits. */
static unsigned
ports_used(BridgeFixture *f)
{
    unsigned used = 0;

    for (unsigned i = 0; i < N_PODS; i++) {
        used = 10 * used + (unsigned)f->ports[i]->tx_packets;
        f->ports[i]->tx_packets = 0;
    }
    return used;
}

static void
test_unknown_is_flooded_and_known_is_not(void)
{
    BridgeFixture f;

    bridge_fixture(&f, false, &net_no_costs);
    send_frame(&f, 0, f.cards[0]->mac, f.cards[1]->mac, addr_pod(1));
    CU_ASSERT_EQUAL(ports_used(&f), 11); /* 1 and 2, not back to 0. */
    CU_ASSERT_EQUAL(f.bridge->n_flooded, 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[1]), 1);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NOT_FOR_US), 1); /* At 2. */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_root), 0);

    send_frame(&f, 1, f.cards[1]->mac, f.cards[0]->mac, addr_pod(0)); /* 0 is known. */
    CU_ASSERT_EQUAL(ports_used(&f), 100);
    send_frame(&f, 0, f.cards[0]->mac, f.cards[1]->mac, addr_pod(1)); /* So is 1. */
    CU_ASSERT_EQUAL(ports_used(&f), 10);
    send_frame(&f, 2, f.cards[2]->mac, f.cards[1]->mac, addr_pod(1));
    CU_ASSERT_EQUAL(ports_used(&f), 10);
    CU_ASSERT_EQUAL(f.bridge->n_flooded, 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[1]), 3);
    net_clear(&f.net);
}

static void
test_broadcast_reaches_all_and_the_bridge(void)
{
    BridgeFixture f;

    bridge_fixture(&f, false, &net_no_costs);
    for (unsigned i = 0; i < N_PODS; i++) {
        vs_netns_add_local(f.pods[i], NET_IP(10, 244, 0, 255));
    }
    vs_netns_add_local(f.host->root, NET_IP(10, 244, 0, 255));
    send_frame(&f, 1, f.cards[1]->mac, VS_MAC_BROADCAST, NET_IP(10, 244, 0, 255));
    CU_ASSERT_EQUAL(ports_used(&f), 101);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[0]), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[1]), 0);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[2]), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_root), 1);
    CU_ASSERT_PTR_EQUAL(net_arrival(f.sink_root, 0)->iface, f.bridge->iface);
    net_clear(&f.net);
}

static void
test_pods_and_root_talk_by_arp(void)
{
    BridgeFixture f;

    bridge_fixture(&f, false, &net_no_costs);
    net_udp_send(f.pods[0], net_flow(addr_pod(0), 1, addr_pod(2), 2), 10);
    run_on(&f, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[2]), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sinks[2], 0)->top.ttl, 64); /* Bridged, not routed. */
    CU_ASSERT_EQUAL(f.bridge->n_flooded, 1);                  /* The question. */

    net_udp_send(f.pods[1], net_flow(addr_pod(1), 1, addr_bridge, 2), 10);
    run_on(&f, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_root), 1);
    /* Two questions and the packet, 60 bytes each without FCS. */
    CU_ASSERT_EQUAL(f.bridge->iface->rx_packets, 3);
    CU_ASSERT_EQUAL(f.bridge->iface->rx_bytes, 3 * 60);
    net_udp_send(f.host->root, net_flow(addr_bridge, 1, addr_pod(2), 2), 10);
    run_on(&f, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sinks[2]), 2);
    CU_ASSERT_EQUAL(net_arrival(f.sinks[2], 1)->top.smac, f.bridge->iface->mac);
    net_clear(&f.net);
}

static void
test_entries_age(void)
{
    BridgeFixture f;

    bridge_fixture(&f, false, &net_no_costs);
    send_frame(&f, 1, f.cards[1]->mac, VS_MAC_BROADCAST, addr_bridge);
    ports_used(&f);
    net_run(&f.net, VS_BRIDGE_AGEING); /* Learned at 0, so just known... */
    send_frame(&f, 0, f.cards[0]->mac, f.cards[1]->mac, addr_pod(1));
    CU_ASSERT_EQUAL(ports_used(&f), 10);
    send_frame(&f, 0, f.cards[0]->mac, f.cards[1]->mac, addr_pod(1));
    CU_ASSERT_EQUAL(ports_used(&f), 11); /* ...and a microsecond later no more. */

    send_frame(&f, 1, f.cards[1]->mac, f.cards[0]->mac, addr_pod(0));
    CU_ASSERT_EQUAL(ports_used(&f), 100);
    run_on(&f, VS_BRIDGE_AGEING - VS_S);
    send_frame(&f, 1, f.cards[1]->mac, f.cards[0]->mac,
               addr_pod(0)); /* Used: young again. */
    CU_ASSERT_EQUAL(ports_used(&f), 100);
    run_on(&f, 100 * VS_S);
    send_frame(&f, 0, f.cards[0]->mac, f.cards[1]->mac, addr_pod(1));
    CU_ASSERT_EQUAL(ports_used(&f), 10);
    net_clear(&f.net);
}

static void
test_station_may_move(void)
{
    BridgeFixture f;
    uint64_t mac = UINT64_C(0x0200deadbeef);

    bridge_fixture(&f, false, &net_no_costs);
    send_frame(&f, 0, mac, VS_MAC_BROADCAST, addr_bridge);
    ports_used(&f);
    send_frame(&f, 1, f.cards[1]->mac, mac, addr_pod(0));
    CU_ASSERT_EQUAL(ports_used(&f), 100);
    send_frame(&f, 2, mac, VS_MAC_BROADCAST, addr_bridge);
    ports_used(&f);
    send_frame(&f, 1, f.cards[1]->mac, mac, addr_pod(0));
    CU_ASSERT_EQUAL(ports_used(&f), 1);
    CU_ASSERT_EQUAL(vs_table_length(&f.bridge->fdb), 2);
    net_clear(&f.net);
}

/* A pod that reaches itself through its service: the frame must leave where it came
 * in. */
static void
test_hairpin(void)
{
    for (unsigned is_hairpin = 0; is_hairpin < 2; is_hairpin++) {
        BridgeFixture f;

        bridge_fixture(&f, is_hairpin, &net_no_costs);
        send_frame(&f, 0, f.cards[0]->mac, VS_MAC_BROADCAST, NET_IP(10, 244, 0, 99));
        CU_ASSERT_EQUAL(ports_used(&f), is_hairpin ? 111 : 11);
        send_frame(&f, 0, UINT64_C(0x020000000099), f.cards[0]->mac, addr_pod(0));
        CU_ASSERT_EQUAL(ports_used(&f), is_hairpin ? 100 : 0);
        CU_ASSERT_EQUAL(net_n_arrived(f.sinks[0]), is_hairpin);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_BRIDGE_NO_PORT), !is_hairpin);
        net_clear(&f.net);
    }
}

static void
test_frame_without_another_port_is_lost(void)
{
    BridgeFixture f;

    bridge_fixture(&f, false, &net_no_costs);
    f.bridge->n_ports = 1;
    send_frame(&f, 0, f.cards[0]->mac, f.cards[1]->mac, addr_pod(1));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_BRIDGE_NO_PORT), 1);
    CU_ASSERT_EQUAL(f.net.run.packets->n_delivered, 0);
    net_clear(&f.net);
}

static void
test_bridging_is_charged(void)
{
    VsCosts costs = {.bridge_forward = 300000, .veth_cross = 500000};
    BridgeFixture f;

    bridge_fixture(&f, false, &costs);
    for (unsigned i = 0; i < 2; i++) {
        vs_neighbour_add(f.cards[i], addr_pod(1 - i), f.cards[1 - i]->mac);
    }
    net_udp_send(f.pods[0], net_flow(addr_pod(0), 1, addr_pod(1), 2), 10);
    run_on(&f, VS_MS); /* Flooded: two copies cross. */
    CU_ASSERT_EQUAL(net_arrival(f.sinks[1], 0)->at, 500000 + 300000 + 2 * 500000);
    net_udp_send(f.pods[1], net_flow(addr_pod(1), 2, addr_pod(0), 1), 10);
    run_on(&f, VS_MS);
    CU_ASSERT_EQUAL(net_arrival(f.sinks[0], 0)->at, VS_MS + 500000 + 300000 + 500000);
    net_clear(&f.net);
}

/* A switch: a host without cores whose root has one bridge with cards as ports. */
static void
test_switch_forwards_without_time(void)
{
    enum { N = 4 };
    VsIface *cards[N];
    NetSink *sinks[N];
    VsBridge *bridge;
    VsHost *box;
    Net net;

    net_init(&net);
    box = net_host_with(&net, "switch", 0, 0, &net_no_costs);
    bridge = vs_bridge_new(box->root, "br0", VS_BRIDGE_AGEING);
    for (unsigned i = 0; i < N; i++) {
        VsIface *port = net_card(box, "port", 0, 0);
        VsHost *host = net_host(&net, "host");

        cards[i] = net_card(host, "eth0", NET_IP(10, 0, 0, 1 + i), 24);
        sinks[i] = net_listen(&net, host->root);
        vs_bridge_add_port(bridge, port, false);
        net_link(&net, cards[i], port, &net_10g);
    }
    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++) {
            if (i != j) {
                net_udp_send(
                    cards[i]->netns,
                    net_flow(cards[i]->address, 1, cards[j]->address, (uint16_t)i), 10);
            }
        }
    }
    net_run(&net, VS_S);
    for (unsigned i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(net_n_arrived(sinks[i]), N - 1);
    }
    /* Known by now: two frames of 84 bytes, two propagations, nothing else. */
    net_udp_send(cards[0]->netns, net_flow(cards[0]->address, 1, cards[3]->address, 2),
                 10);
    net_run(&net, 2 * VS_S);
    CU_ASSERT_EQUAL(net_arrival(sinks[3], N - 1)->at, VS_S + 2 * (84 * 800 + VS_US));
    CU_ASSERT_EQUAL(bridge->iface->tx_packets, 0);
    net_clear(&net);
}

static const VsTestCase tests[] = {
    {"what is unknown is flooded, what is known is not",
     test_unknown_is_flooded_and_known_is_not},
    {"a broadcast reaches all ports and the bridge",
     test_broadcast_reaches_all_and_the_bridge},
    {"pods and root talk by ARP", test_pods_and_root_talk_by_arp},
    {"entries age in 300 s without use", test_entries_age},
    {"a station may move to another port", test_station_may_move},
    {"a frame leaves where it came in by a hairpin only", test_hairpin},
    {"a frame without another port is lost", test_frame_without_another_port_is_lost},
    {"bridging is charged", test_bridging_is_charged},
    {"a switch forwards without time", test_switch_forwards_without_time},
    {0},
};
VS_TESTS("bridge")

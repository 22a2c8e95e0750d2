/* veth pairs: two namespaces of one host, joined without a wire. */
#include <glib.h>

#include "tests/net/net_fixture.h"

static const VsAddr addr_root = NET_IP(10, 244, 0, 1);
static const VsAddr addr_pod = NET_IP(10, 244, 0, 2);

typedef struct {
    Net net;
    VsHost *host;
    VsNetns *root, *pod;
    VsIface *veth_root, *veth_pod;
    NetSink *sink_root, *sink_pod;
} VethFixture;

static void
veth_fixture(VethFixture *f, unsigned n_cores, const VsCosts *costs)
{
    net_init(&f->net);
    f->host = net_host_with(&f->net, "n1", n_cores, 1000, costs);
    f->root = f->host->root;
    f->pod = vs_netns_new(f->host, "pod-a");
    vs_veth_new(f->root, "veth0", f->pod, "eth0", &f->veth_root, &f->veth_pod);
    vs_iface_set_address(f->veth_root, addr_root, 24);
    vs_iface_set_address(f->veth_pod, addr_pod, 24);
    f->sink_root = net_listen(&f->net, f->root);
    f->sink_pod = net_listen(&f->net, f->pod);
}

static void
test_frames_cross_both_ways(void)
{
    VethFixture f;

    veth_fixture(&f, 1, &net_no_costs);
    CU_ASSERT_STRING_EQUAL(f.pod->name, "n1/pod-a");
    CU_ASSERT_PTR_EQUAL(f.veth_root->peer, f.veth_pod);
    CU_ASSERT_PTR_EQUAL(f.veth_pod->peer, f.veth_root);
    net_udp_send(f.root, net_flow(addr_root, 1, addr_pod, 2), 100);
    net_udp_send(f.pod, net_flow(addr_pod, 2, addr_root, 1), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_pod), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_root), 1);
    CU_ASSERT_PTR_EQUAL(net_arrival(f.sink_pod, 0)->iface, f.veth_pod);
    CU_ASSERT_EQUAL(net_arrival(f.sink_pod, 0)->at, 0); /* ARP took no time, either. */
    CU_ASSERT_EQUAL(net_arrival(f.sink_pod, 0)->top.ttl, 64);
    CU_ASSERT_EQUAL(f.veth_pod->rx_packets, f.veth_root->tx_packets);
    CU_ASSERT_EQUAL(f.veth_pod->rx_bytes, f.veth_root->tx_bytes);
    CU_ASSERT_EQUAL(f.veth_root->rx_packets, f.veth_pod->tx_packets);
    net_clear(&f.net);
}

/* The whole walk is one piece of work of one core. */
static void
test_crossing_is_charged_to_the_senders_core(void)
{
    VsCosts costs = {.veth_cross = 500000,
                     .route_lookup = 60000,
                     .neighbour_lookup = 30000,
                     .socket_receive = 1200000,
                     .socket_send = 900000};
    VethFixture f;

    veth_fixture(&f, 1, &costs);
    net_introduce(f.veth_root, f.veth_pod);
    net_udp_send(f.root, net_flow(addr_root, 1, addr_pod, 2), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink_pod, 0)->at,
                    900000 + 60000 + 30000 + 500000 + 60000 + 1200000);
    CU_ASSERT_EQUAL(f.host->cores[0].busy, net_arrival(f.sink_pod, 0)->at);
    CU_ASSERT_EQUAL(f.host->cores[0].n_packets, 1);
    net_clear(&f.net);
}

static VsVerdict
set_mark(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)state;
    packet->mark = *(const uint32_t *)data;
    packet->flags |= VS_PACKET_CT_NEW;
    return VS_VERDICT_ACCEPT;
}

static VsVerdict
see_mark(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)state;
    *(uint32_t *)data = packet->mark;
    return VS_VERDICT_ACCEPT;
}

static void
test_marks_stay_in_their_namespace(void)
{
    static const VsHook marks[] = {{VS_HOOK_OUTPUT, VS_HOOK_PRI_MANGLE, set_mark}, {0}};
    static const VsHook output[] = {{VS_HOOK_POSTROUTING, VS_HOOK_PRI_MANGLE, see_mark},
                                    {0}};
    static const VsHook input[] = {{VS_HOOK_PREROUTING, VS_HOOK_PRI_RAW, see_mark},
                                   {0}};
    uint32_t mark = 0x4000;
    uint32_t seen_before = 1;
    uint32_t seen_after = 1;
    VethFixture f;

    veth_fixture(&f, 1, &net_no_costs);
    vs_netns_add_hooks(f.pod, marks, &mark);
    vs_netns_add_hooks(f.pod, output, &seen_before);
    vs_netns_add_hooks(f.root, input, &seen_after);
    net_udp_send(f.pod, net_flow(addr_pod, 2, addr_root, 1), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(seen_before, 0x4000);
    CU_ASSERT_EQUAL(seen_after, 0);
    CU_ASSERT_EQUAL(net_arrival(f.sink_root, 0)->mark, 0);
    net_clear(&f.net);
}

/* A routes through the root namespace to B: two pairs, one hop of the TTL. */
static void
test_routed_between_pods(void)
{
    VsAddr addr_b = NET_IP(10, 244, 1, 2);
    VsIface *veth_b_root;
    VsIface *veth_b;
    NetSink *sink_b;
    VsNetns *pod_b;
    VethFixture f;

    veth_fixture(&f, 1, &net_no_costs);
    pod_b = vs_netns_new(f.host, "pod-b");
    vs_veth_new(f.root, "veth1", pod_b, "eth0", &veth_b_root, &veth_b);
    vs_iface_set_address(veth_b_root, NET_IP(10, 244, 1, 1), 24);
    vs_iface_set_address(veth_b, addr_b, 24);
    sink_b = net_listen(&f.net, pod_b);
    vs_netns_add_route(f.pod, 0, 0, f.veth_pod, addr_root);
    vs_netns_add_route(pod_b, 0, 0, veth_b, NET_IP(10, 244, 1, 1));

    net_udp_send(f.pod, net_flow(addr_pod, 1, addr_b, 2), 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NOT_FORWARDING), 1);
    f.root->is_forwarding = true;
    net_udp_send(f.pod, net_flow(addr_pod, 1, addr_b, 2), 100);
    net_run(&f.net, 2 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(sink_b), 1);
    CU_ASSERT_EQUAL(net_arrival(sink_b, 0)->top.ttl, 63);
    CU_ASSERT_EQUAL(net_arrival(sink_b, 0)->top.smac, veth_b_root->mac);
    CU_ASSERT_EQUAL(net_arrival(sink_b, 0)->top.dmac, veth_b->mac);
    net_clear(&f.net);
}

static const VsTestCase tests[] = {
    {"frames cross both ways at once", test_frames_cross_both_ways},
    {"the crossing is charged to the sender's core",
     test_crossing_is_charged_to_the_senders_core},
    {"marks stay in their namespace", test_marks_stay_in_their_namespace},
    {"pods are routed through the root namespace", test_routed_between_pods},
    {0},
};
VS_TESTS("veth")

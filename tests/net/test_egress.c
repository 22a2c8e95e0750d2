/* Egresses: qdiscs of devices without a wire, lines that change, limits that fall. */
#include "net/bridge.h"
#include "tests/net/qdisc_fixture.h"

#define MBIT UINT64_C(1000000)

/* ---- Devices --------------------------------------------------------------------- */

static const VsAddr addr_root = NET_IP(10, 244, 0, 1);
static const VsAddr addr_pod = NET_IP(10, 244, 0, 2);

typedef struct {
    Net net;
    VsHost *host;
    VsNetns *root, *pod;
    VsIface *veth_root, *veth_pod;
    NetSink *sink;
    VsEgress *egress;
} DeviceFixture;

/* Packets of 1000 bytes go from the root to a pod, through a qdisc of the root's end. */
static void
device_fixture(DeviceFixture *f, const VsCosts *costs)
{
    net_init(&f->net);
    f->host = net_host_with(&f->net, "n1", 1, 1000, costs);
    f->root = f->host->root;
    f->pod = vs_netns_new(f->host, "pod-a");
    vs_veth_new(f->root, "veth0", f->pod, "eth0", &f->veth_root, &f->veth_pod);
    vs_iface_set_address(f->veth_root, addr_root, 24);
    vs_iface_set_address(f->veth_pod, addr_pod, 24);
    net_introduce(f->veth_root, f->veth_pod);
    f->sink = net_listen(&f->net, f->pod);
    f->egress = vs_egress_new_device(f->veth_root);
}

static VsQdisc *
device_add(DeviceFixture *f, VsTime at, const VsQdiscKind *kind, const void *config)
{
    VsQdisc *qdisc = vs_qdisc_new(kind, config, &f->egress->context);

    vs_egress_add(f->egress, at, qdisc);
    return qdisc;
}

static void
device_send(DeviceFixture *f)
{
    const uint32_t headers =
        VS_ETHER_HEADER_BYTES + VS_IPV4_HEADER_BYTES + VS_UDP_HEADER_BYTES;

    net_udp_send(f->root, net_flow(addr_root, 1, addr_pod, 2), 1000 - headers);
}

/* 1 us a byte: each ms one, which a core then takes across. */
static void
test_a_device_sends_at_the_rate_of_its_tbf(void)
{
    const VsCosts costs = {.veth_cross = 500000};
    const VsTbfConfig tbf = {
        .bits_per_s = 8 * MBIT, .burst_bytes = 1000, .limit_bytes = 4000};
    DeviceFixture f;
    VsQdisc *qdisc;

    device_fixture(&f, &costs);
    qdisc = device_add(&f, 0, &vs_qdisc_tbf, &tbf);
    for (unsigned i = 0; i < 6; i++) {
        device_send(&f);
    }
    net_run(&f.net, 1500 * VS_US);
    net_check_conservation(&f.net);
    CU_ASSERT_EQUAL(qdisc->n_held, 3);
    CU_ASSERT_EQUAL(f.veth_root->tx_packets, 2); /* What waits is not sent yet. */
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 5);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->at, i * VS_MS + 500000);
    }
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_QUEUE_FULL), 1);
    CU_ASSERT_EQUAL(qdisc->n_dropped, 1);
    CU_ASSERT_EQUAL(f.egress->n_dropped, 1);
    CU_ASSERT_EQUAL(f.host->cores[0].busy, 5 * 500000);
    CU_ASSERT(vs_queue_stat_balances(&qdisc->backlog, VS_S));
    net_clear(&f.net);
}

/* The other end's packets have no qdisc, and those before its time do not either. */
static void
test_a_device_has_its_qdisc_in_time(void)
{
    const VsNetemConfig netem = {.packets_max = 1000, .delay = 3 * VS_MS};
    DeviceFixture f;

    device_fixture(&f, &net_no_costs);
    device_add(&f, VS_MS, &vs_qdisc_netem, &netem);
    device_send(&f);
    net_run(&f.net, 2 * VS_MS);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 0)->at, 0);
    device_send(&f);
    net_listen(&f.net, f.root);
    net_udp_send(f.pod, net_flow(addr_pod, 1, addr_root, 2), 100);
    net_run(&f.net, 2 * VS_MS + 1);
    CU_ASSERT_EQUAL(f.veth_root->rx_packets, 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 1);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 1)->at, 5 * VS_MS);
    net_clear(&f.net);
}

static void
test_a_damaged_packet_reaches_nobody(void)
{
    const VsNetemConfig netem = {.packets_max = 1000, .corrupt = 1};
    DeviceFixture f;

    device_fixture(&f, &net_no_costs);
    device_add(&f, 0, &vs_qdisc_netem, &netem);
    device_send(&f);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 0);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_CORRUPTED), 1);
    net_clear(&f.net);
}

/* What it holds when the host ends is dropped, and counted: net_clear() sees to that. */
static void
test_a_host_takes_its_queues_along(void)
{
    const VsNetemConfig netem = {.packets_max = 1000, .delay = 3 * VS_MS};
    DeviceFixture f;

    device_fixture(&f, &net_no_costs);
    device_add(&f, 0, &vs_qdisc_netem, &netem);
    device_send(&f);
    net_run(&f.net, VS_MS);
    CU_ASSERT_EQUAL(vs_host_n_held(f.host), 1);
    net_clear(&f.net);
}

/* A bridge's own interface queues before the bridge looks for a port. */
static void
test_a_bridge_queues_what_its_host_sends(void)
{
    const VsNetemConfig netem = {.packets_max = 1000, .delay = 3 * VS_MS};
    VsIface *port, *eth0;
    VsBridge *bridge;
    DeviceFixture f;

    net_init(&f.net);
    f.host = net_host_with(&f.net, "n1", 2, 1000, &net_no_costs);
    f.root = f.host->root;
    f.pod = vs_netns_new(f.host, "pod-a");
    bridge = vs_bridge_new(f.root, "cni0", VS_BRIDGE_AGEING);
    vs_veth_new(f.pod, "eth0", f.root, "veth-a", &eth0, &port);
    vs_bridge_add_port(bridge, port, false);
    vs_iface_set_address(bridge->iface, addr_root, 24);
    vs_iface_set_address(eth0, addr_pod, 24);
    f.sink = net_listen(&f.net, f.pod);
    f.egress = vs_egress_new_device(bridge->iface);
    device_add(&f, 0, &vs_qdisc_netem, &netem);
    device_send(&f);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 0)->at, 6 * VS_MS); /* ARP's, then its own. */
    net_clear(&f.net);
}

/* ---- Lines ----------------------------------------------------------------------- */

static const VsFifoConfig fifo = {1000};

/* 1024 bytes on the wire: 1 us a byte, then 2 us; the first ends as it began. */
static void
test_a_frame_in_service_ends_at_its_rate(void)
{
    QdiscFixture f;

    qdisc_fixture(&f, 8 * MBIT, &vs_qdisc_pfifo, &fifo);
    vs_egress_add_line_change(f.egress, 500 * VS_US, 4 * MBIT, 0);
    for (unsigned i = 0; i < 3; i++) {
        qdisc_send(&f, 1000, (uint16_t)i);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 0), 1024 * VS_US + 1);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 1), (1024 + 2048) * VS_US + 1);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 2), (1024 + 2 * 2048) * VS_US + 1);
    CU_ASSERT_EQUAL(f.wire->busy, (1024 + 2 * 2048) * VS_US);
    CU_ASSERT_EQUAL(f.egress->context.bits_per_s, 4 * MBIT);
    qdisc_fixture_clear(&f);
}

/* The second takes 10 ms; the third would take 1 ms, but comes with it. */
static void
test_frames_do_not_overtake(void)
{
    VsJourney journey = {0};
    VsPacket *third;
    QdiscFixture f;

    qdisc_fixture(&f, 8 * MBIT, &vs_qdisc_pfifo, &fifo);
    vs_egress_add_line_change(f.egress, 1500 * VS_US, 0, VS_MS);
    vs_egress_add_line_change(f.egress, 500 * VS_US, 0, 10 * VS_MS); /* In any order. */
    qdisc_send(&f, 1000, 0);
    qdisc_send(&f, 1000, 1);
    third = qdisc_packet(&f, 1000, 2);
    vs_journey_start(&journey, 0);
    vs_payload_set_journey(&third->payload, &journey);
    vs_packet_follow(third, f.wire->queue_stage);
    vs_wire_send(f.wire, third);
    qdisc_send(&f, 1000, 3);
    net_run(&f.net, 3 * VS_MS);
    CU_ASSERT_EQUAL(third->trail->elapsed, 12048 * VS_US); /* When it will arrive. */
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 0), 1024 * VS_US + 1);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 1), 12048 * VS_US);
    for (unsigned i = 1; i < 4; i++) {
        CU_ASSERT_EQUAL(qdisc_arrival(&f, i), 12048 * VS_US);
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->top.flow.sport, i);
    }
    qdisc_send(&f, 1000, 4);
    net_run(&f.net, 2 * VS_S);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 4), VS_S + 2024 * VS_US);
    vs_journey_clear(&journey);
    qdisc_fixture_clear(&f);
}

/* ---- Limits ---------------------------------------------------------------------- */

/* Ten packets, one of them in service; then a change of 'kind'.  The numbers of those that
 * arrive, one digit each; the rest is lost to the change. */
static void
check_change(const VsQdiscKind *kind, const void *config, const void *changed,
             size_t size, const char *expected)
{
    unsigned n = (unsigned)strlen(expected);
    QdiscFixture f;

    qdisc_fixture(&f, 8 * MBIT, kind, config);
    vs_egress_add_change(f.egress, 500 * VS_US, kind, changed, size);
    for (unsigned i = 0; i < 10; i++) {
        VsPacket *packet = qdisc_packet(&f, 1000, 7);

        vs_packet_top(packet)->ip_id = (uint16_t)i;
        vs_wire_send(f.wire, packet);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), n);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->top.ip_id, expected[i] - '0');
        CU_ASSERT_EQUAL(qdisc_arrival(&f, i), (i + 1) * 1024 * VS_US + 1);
    }
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_QDISC_CHANGED), 10 - n);
    CU_ASSERT_EQUAL(f.root->n_dropped, 10 - n);
    qdisc_fixture_clear(&f);
}

/* fifos and tbf take no more until fewer wait; the CoDels and fq drop what is next. */
static void
test_a_lower_limit_drops_as_linux_does(void)
{
    const VsFifoConfig fifos[] = {{1000}, {3}};
    const VsFifoConfig bytes[] = {{1000000}, {3000}};
    const VsTbfConfig tbfs[] = {
        {.bits_per_s = 800 * MBIT, .burst_bytes = 50000, .limit_bytes = 50000},
        {.bits_per_s = 800 * MBIT, .burst_bytes = 50000, .limit_bytes = 3000}};
    const VsCodelConfig codels[] = {
        {.packets_max = 100, .target = VS_S, .interval = VS_S, .mtu_bytes = 1514},
        {.packets_max = 3, .target = VS_S, .interval = VS_S, .mtu_bytes = 1514}};
    const VsFqConfig fqs[] = {{.packets_max = 100,
                               .flow_packets_max = 100,
                               .quantum_bytes = 3028,
                               .initial_quantum_bytes = 15140},
                              {.packets_max = 3,
                               .flow_packets_max = 100,
                               .quantum_bytes = 3028,
                               .initial_quantum_bytes = 15140}};
    VsFqCodelConfig fq_codels[2];

    for (unsigned i = 0; i < 2; i++) {
        fq_codels[i] = (VsFqCodelConfig){
            .codel = codels[i], .n_flows = 16, .quantum_bytes = 1514, .drop_batch = 64};
    }
    check_change(&vs_qdisc_pfifo, &fifos[0], &fifos[1], sizeof(fifos[1]), "0123456789");
    check_change(&vs_qdisc_bfifo, &bytes[0], &bytes[1], sizeof(bytes[1]), "0123456789");
    check_change(&vs_qdisc_tbf, &tbfs[0], &tbfs[1], sizeof(tbfs[1]), "0123456789");
    check_change(&vs_qdisc_codel, &codels[0], &codels[1], sizeof(codels[1]), "0789");
    check_change(&vs_qdisc_fq, &fqs[0], &fqs[1], sizeof(fqs[1]), "0789");
    check_change(&vs_qdisc_fq_codel, &fq_codels[0], &fq_codels[1], sizeof(fq_codels[1]),
                 "0789");
}

/* Whatever is changed: red_change() flushes its queue. */
static void
test_red_begins_anew(void)
{
    const VsRedConfig red = {.limit_bytes = 100000,
                             .min_bytes = 30000,
                             .max_bytes = 90000,
                             .probability = 0.02,
                             .ewma = 9,
                             .average_packet_bytes = 1000};

    check_change(&vs_qdisc_red, &red, &red, sizeof(red), "0");
}

static const VsTestCase tests[] = {
    {"a device sends at the rate of its tbf",
     test_a_device_sends_at_the_rate_of_its_tbf},
    {"a device has its qdisc in time", test_a_device_has_its_qdisc_in_time},
    {"a damaged packet reaches nobody", test_a_damaged_packet_reaches_nobody},
    {"a host takes its queues along", test_a_host_takes_its_queues_along},
    {"a bridge queues what its host sends", test_a_bridge_queues_what_its_host_sends},
    {"a frame in service ends at its rate", test_a_frame_in_service_ends_at_its_rate},
    {"frames do not overtake", test_frames_do_not_overtake},
    {"a lower limit drops as Linux does", test_a_lower_limit_drops_as_linux_does},
    {"red begins anew", test_red_begins_anew},
    {0},
};
VS_TESTS("egress")

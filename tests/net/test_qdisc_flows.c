/* Queue disciplines of many queues: htb, fq, fq_codel; and changes of them. */
#include <glib.h>

#include "tests/engine/count_allocations.h"
#include "tests/net/qdisc_fixture.h"

#define MBIT UINT64_C(1000000)
#define GBIT (1000 * MBIT)

/* Bytes (as qdiscs count) that arrived from port 'flow' between two times. */
static uint64_t
bytes_of(const QdiscFixture *f, uint16_t flow, VsTime from, VsTime to)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < net_n_arrived(f->sink); i++) {
        const NetArrival *arrival = net_arrival(f->sink, i);

        if (arrival->top.flow.sport == flow && arrival->at >= from &&
            arrival->at < to) {
            bytes += arrival->wire_bytes - VS_ETHER_OVERHEAD_BYTES;
        }
    }
    return bytes;
}

static double
mbit_per_s(const QdiscFixture *f, uint16_t flow, VsTime from, VsTime to)
{
    return (double)bytes_of(f, flow, from, to) * 8e6 / (double)(to - from);
}

/* ---- htb ------------------------------------------------------------------------- */

enum { MAX_CLASSES = 8 };

typedef struct {
    unsigned n;
    VsHtbClassConfig classes[MAX_CLASSES];
    VsHtbMatch matches[MAX_CLASSES];
} Classes;

/* Class number 'n' takes what comes from port n; without a pfifo it is no leaf. */
static void
add_class(Classes *all, QdiscFixture *f, unsigned parent, bool is_leaf, uint64_t rate,
          uint64_t ceil, unsigned prio)
{
    VsFifoConfig fifo = {100000};
    unsigned n = all->n++;

    all->matches[n] = (VsHtbMatch){.source_port = (uint16_t)n, .dscp = -1};
    all->classes[n] = (VsHtbClassConfig){
        .parent = parent,
        .is_leaf = is_leaf,
        .bits_per_s = rate,
        .ceil_bits_per_s = ceil,
        .burst_bytes = 1600,
        .ceil_burst_bytes = 1600,
        .quantum_bytes = (uint32_t)CLAMP(rate / 80, 1000, 200000),
        .prio = prio,
        .n_matches = is_leaf && n > 0,
        .matches = &all->matches[n],
        .inner =
            is_leaf ? vs_qdisc_new(&vs_qdisc_pfifo, &fifo, &f->egress->context) : NULL};
}

static void
add_htb(QdiscFixture *f, const Classes *all)
{
    VsHtbConfig config = {.n_classes = all->n,
                          .classes = all->classes,
                          .default_class = VS_HTB_DIRECT,
                          .direct_packets = 1000};

    f->root = qdisc_fixture_add(f, 0, &vs_qdisc_htb, &config);
}

static void
send_backlog(QdiscFixture *f, uint16_t flow, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        qdisc_send(f, 1000, flow);
    }
}

/* Of 10 Mbit/s one class has 6, another 3, a third 1; all may borrow.  While all have
 * backlogs they get just that; one that is alone gets all. */
static void
test_rates_are_guaranteed_and_the_rest_borrowed(void)
{
    Classes all = {0};
    QdiscFixture f;

    qdisc_fixture_open(&f, GBIT);
    add_class(&all, &f, 0, false, 10 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 6 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 3 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 1 * MBIT, 10 * MBIT, 0);
    add_htb(&f, &all);
    send_backlog(&f, 1, 750 * 4); /* 4 s. */
    send_backlog(&f, 2, 375 * 4);
    send_backlog(&f, 3, 125 * 4 + 5000);
    net_run(&f.net, 6 * VS_S);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 1, VS_S / 2, 7 * VS_S / 2), 6, 0.03);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 2, VS_S / 2, 7 * VS_S / 2), 3, 0.03);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 3, VS_S / 2, 7 * VS_S / 2), 1, 0.03);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 3, 9 * VS_S / 2, 11 * VS_S / 2), 10, 0.03);
    qdisc_fixture_clear(&f);
}

/* A borrower stops at its ceiling, though 10 Mbit/s are there. */
static void
test_ceiling_limits_what_is_borrowed(void)
{
    Classes all = {0};
    QdiscFixture f;

    qdisc_fixture_open(&f, GBIT);
    add_class(&all, &f, 0, false, 10 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 1 * MBIT, 4 * MBIT, 0);
    add_htb(&f, &all);
    send_backlog(&f, 1, 3000);
    net_run(&f.net, 4 * VS_S);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 1, VS_S, 4 * VS_S), 4, 0.02);
    qdisc_fixture_clear(&f);
}

/* What is left over goes to the lower number of priority, and between equals by quantum:
 * rates 1 and 3 of 10 have quantums 12500 and 37500. */
static void
test_priority_and_quantum_share_what_is_left(void)
{
    Classes all = {0};
    QdiscFixture f;

    qdisc_fixture_open(&f, GBIT);
    add_class(&all, &f, 0, false, 10 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 1 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 3 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 1 * MBIT, 10 * MBIT, 1);
    add_htb(&f, &all);
    send_backlog(&f, 1, 5000);
    send_backlog(&f, 2, 5000);
    send_backlog(&f, 3, 5000);
    net_run(&f.net, 4 * VS_S);
    /* 1, 3 and 1 for sure; the other 5 as 1 to 3 among the first two. */
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 1, VS_S, 4 * VS_S), 2.25, 0.06);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 2, VS_S, 4 * VS_S), 6.75, 0.06);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 3, VS_S, 4 * VS_S), 1, 0.02);
    qdisc_fixture_clear(&f);
}

/* What is borrowed is no debt: after 2 s at ten times its rate a class has its rate at once,
 * though another, to which it yields what is left, wants all. */
static void
test_borrowers_owe_nothing(void)
{
    Classes all = {0};
    QdiscFixture f;

    qdisc_fixture_open(&f, GBIT);
    add_class(&all, &f, 0, false, 10 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 1 * MBIT, 10 * MBIT, 1);
    add_class(&all, &f, 0, true, 5 * MBIT, 10 * MBIT, 0);
    add_htb(&f, &all);
    send_backlog(&f, 1, 10000);
    net_run(&f.net, 2 * VS_S);
    send_backlog(&f, 2, 10000);
    net_run(&f.net, 4 * VS_S);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 1, VS_S, 2 * VS_S), 10, 0.05);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 1, 21 * VS_S / 10, 4 * VS_S), 1, 0.03);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 2, 21 * VS_S / 10, 4 * VS_S), 9, 0.05);
    qdisc_fixture_clear(&f);
}

/* Two branches of 8 and 2: inside the first a leaf of 2 may have all 8 of its branch, and of
 * the other branch what that leaves. */
static void
test_branches_borrow_in_order(void)
{
    Classes all = {0};
    QdiscFixture f;

    qdisc_fixture_open(&f, GBIT);
    add_class(&all, &f, 0, false, 10 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, false, 8 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 1, true, 2 * MBIT, 10 * MBIT, 0);
    add_class(&all, &f, 0, true, 2 * MBIT, 10 * MBIT, 0);
    add_htb(&f, &all);
    send_backlog(&f, 2, 10000);
    send_backlog(&f, 3, 750); /* 3 s of 2 Mbit/s. */
    net_run(&f.net, 6 * VS_S);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 2, VS_S, 5 * VS_S / 2), 8, 0.05);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 3, VS_S, 5 * VS_S / 2), 2, 0.05);
    CU_ASSERT_DOUBLE_EQUAL(mbit_per_s(&f, 2, 4 * VS_S, 6 * VS_S), 10, 0.05);
    qdisc_fixture_clear(&f);
}

static void
test_matches_tell_classes_apart(void)
{
    Classes all = {0};
    VsPacket *packet;
    QdiscFixture f;

    qdisc_fixture_open(&f, MBIT);
    for (unsigned i = 0; i < 5; i++) {
        add_class(&all, &f, i, true, MBIT, MBIT, 0);
        all.classes[i].n_matches = 1;
    }
    all.matches[0] = (VsHtbMatch){
        .source = 0x0a000000, .source_mask = 0xffffff00, .source_port = 7, .dscp = -1};
    all.matches[1] = (VsHtbMatch){.destination_port = 81, .dscp = -1};
    all.matches[2] = (VsHtbMatch){.protocol = VS_PROTOCOL_ICMP, .dscp = -1};
    all.matches[3] = (VsHtbMatch){.dscp = 46};
    all.matches[4] = (VsHtbMatch){
        .destination = 0x0a000002, .destination_mask = UINT32_MAX, .dscp = -1};
    add_htb(&f, &all);
    qdisc_send(&f, 1000, 9); /* Occupies the line. */
    for (unsigned i = 0; i < 6; i++) {
        packet = qdisc_packet(&f, 100, i == 0 ? 7 : 8);
        vs_packet_top(packet)->flow.dport = i == 1 ? 81 : 80;
        vs_packet_top(packet)->flow.protocol =
            i == 2 ? VS_PROTOCOL_ICMP : VS_PROTOCOL_UDP;
        vs_packet_top(packet)->tos = i == 3 ? 46 << 2 : 0;
        vs_packet_top(packet)->flow.daddr = i == 5 ? 1 : 0x0a000002;
        vs_wire_send(f.wire, packet);
        if (i < 5) {
            CU_ASSERT_EQUAL(all.classes[i].inner->n_held, 1);
        }
    }
    CU_ASSERT_EQUAL(f.root->n_held, 6); /* The last one is in no class. */
    net_run(&f.net, VS_S);
    qdisc_fixture_clear(&f);
}

/* ---- fq and fq_codel ------------------------------------------------------------- */

static const VsFqConfig fq = {.packets_max = 10000,
                              .flow_packets_max = 5000,
                              .quantum_bytes = 3028,
                              .initial_quantum_bytes = 15140,
                              .refill_delay = 40 * VS_MS};
static const VsFqCodelConfig fq_codel = {.codel = {.packets_max = 10240,
                                                   .target = 100 * VS_S,
                                                   .interval = 100 * VS_MS,
                                                   .mtu_bytes = 1514},
                                         .n_flows = 1024,
                                         .quantum_bytes = 1514,
                                         .drop_batch = 64};

/* Four flows of packets of 200 to 1514 bytes, all with backlogs: equal bytes, within two
 * turns of each other; then a sparse flow's packet passes all but what is in service. */
static void
check_fairness(const VsQdiscKind *kind, const void *config, uint32_t turn_bytes)
{
    static const uint32_t lengths[] = {200, 600, 1000, 1514};
    uint64_t least = UINT64_MAX, most = 0;
    VsTime sparse_at;
    QdiscFixture f;

    qdisc_fixture(&f, 100 * MBIT, kind, config);
    for (unsigned i = 0; i < 3000; i++) {
        for (unsigned j = 0; j < 4 && i < 1800000 / lengths[j]; j++) {
            qdisc_send(&f, lengths[j], (uint16_t)(100 + j));
        }
    }
    CU_ASSERT_EQUAL(f.root->n_dropped, 0);
    net_run(&f.net, 100 * VS_MS);
    sparse_at = vs_now(&f.net.run);
    qdisc_send(&f, 100, 7);
    net_run(&f.net, 130 * VS_MS);
    for (unsigned j = 0; j < 4; j++) {
        uint64_t bytes = bytes_of(&f, (uint16_t)(100 + j), 0, 100 * VS_MS);

        least = MIN(least, bytes);
        most = MAX(most, bytes);
    }
    CU_ASSERT(least > 200000);
    CU_ASSERT(most - least <= 2 * turn_bytes);
    CU_ASSERT_EQUAL(bytes_of(&f, 7, 0, sparse_at + (1538 + 124) * 80000 + 2), 100);
    qdisc_fixture_clear(&f);
}

static void
test_fq_is_fair(void)
{
    check_fairness(&vs_qdisc_fq, &fq, fq.initial_quantum_bytes);
}

static void
test_fq_codel_is_fair(void)
{
    check_fairness(&vs_qdisc_fq_codel, &fq_codel, 2 * 1514);
}

/* A flow that sends 1200 bytes, less than a turn, for each packet of 200 of a backlog: were it
 * new again each time that it has run dry, the backlog would get a seventh.  It gets half. */
static void
test_no_flow_is_new_again_and_again(void)
{
    uint64_t n_bulk_bytes = 0, n_bytes = 0;
    VsTime next;
    QdiscFixture f;

    qdisc_fixture(&f, MBIT, &vs_qdisc_fq_codel, &fq_codel);
    qdisc_send(&f, 200, 3); /* Occupies the line. */
    for (unsigned i = 0; i < 2000; i++) {
        qdisc_send(&f, 200, 1);
    }
    for (unsigned i = 0; i < 2000; i++) {
        VsPacket *packet = vs_qdisc_dequeue(f.root, 0, &next);
        bool is_bulk = vs_packet_top(packet)->flow.sport == 1;

        n_bytes += vs_qdisc_bytes(packet);
        n_bulk_bytes += is_bulk ? vs_qdisc_bytes(packet) : 0;
        vs_packet_deliver(packet);
        for (unsigned j = 0; is_bulk && i > 10 && j < 3; j++) { /* It is old then. */
            qdisc_send(&f, 400, 2);
        }
    }
    CU_ASSERT_DOUBLE_EQUAL((double)n_bulk_bytes / (double)n_bytes, 0.5, 0.02);
    qdisc_fixture_clear(&f);
}

/* 8 Mbit/s: 1 us a byte.  After the first turn of 15140 bytes, which ends with the 16th
 * packet, one quantum of 3028 bytes each 3028 us. */
static void
test_fq_paces_each_flow(void)
{
    VsFqConfig config = fq;
    QdiscFixture f;

    config.flow_bits_per_s_max = 8 * MBIT;
    qdisc_fixture(&f, GBIT, &vs_qdisc_fq, &config);
    for (unsigned i = 0; i < 100; i++) {
        qdisc_send(&f, 1000, 1);
        qdisc_send(&f, 1000, 2);
    }
    net_run(&f.net, 4 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 200);
    CU_ASSERT_EQUAL(bytes_of(&f, 1, 0, VS_MS), 16000);
    CU_ASSERT_EQUAL(bytes_of(&f, 2, 0, VS_MS), 16000);
    /* The other 84 packets take 84 ms, the last pause but for a turn included. */
    CU_ASSERT_DOUBLE_EQUAL((double)qdisc_arrival(&f, 199) / VS_MS, 84, 3.1);
    CU_ASSERT(f.root->n_overlimits > 40);
    qdisc_fixture_clear(&f);
}

static void
test_fq_limits_a_flow(void)
{
    VsFqConfig config = fq;
    QdiscFixture f;

    config.flow_packets_max = 5;
    qdisc_fixture(&f, MBIT, &vs_qdisc_fq, &config);
    for (unsigned i = 0; i < 10; i++) {
        qdisc_send(&f, 1000, 1);
    }
    qdisc_send(&f, 1000, 2);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_FLOW_FULL), 4);
    CU_ASSERT_EQUAL(f.root->n_held, 6);
    qdisc_fixture_clear(&f);
}

/* Over the limit the longest flow loses up to 64 packets or half its bytes, from the head. */
static void
test_fq_codel_drops_from_the_longest(void)
{
    VsFqCodelConfig config = fq_codel;
    QdiscFixture f;

    config.codel.packets_max = 100;
    qdisc_fixture(&f, MBIT, &vs_qdisc_fq_codel, &config);
    for (unsigned i = 0; i < 20; i++) {
        qdisc_send(&f, 1000, 1);
    }
    for (unsigned i = 0; i < 82; i++) { /* The first is on the line: 101 wait then. */
        qdisc_send(&f, 1000, 2);
    }
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_QUEUE_FULL), 41);
    net_run(&f.net, 5 * VS_S);
    CU_ASSERT_EQUAL(bytes_of(&f, 1, 0, 5 * VS_S), 20000);
    CU_ASSERT_EQUAL(bytes_of(&f, 2, 0, 5 * VS_S), 41000);
    qdisc_fixture_clear(&f);
}

/* A bulk flow at twice the line's rate waits ever longer without control; CoDel brings a
 * responsive part of it down: here only that it drops, and the sparse flow loses none. */
static void
test_fq_codel_controls_the_bulk_flow_alone(void)
{
    VsFqCodelConfig config = fq_codel;
    QdiscFixture f;

    config.codel.target = 5 * VS_MS;
    qdisc_fixture(&f, 10 * MBIT, &vs_qdisc_fq_codel, &config);
    for (unsigned i = 0; i < 4000; i++) {
        net_run(&f.net, i * 500 * VS_US);
        qdisc_send(&f, 1250, 1);
        if (i % 100 == 0) {
            qdisc_send(&f, 100, 2);
        }
    }
    net_run(&f.net, 10 * VS_S);
    CU_ASSERT(net_n_dropped(&f.net, VS_DROP_CODEL) > 100);
    CU_ASSERT_EQUAL(bytes_of(&f, 2, 0, 10 * VS_S), 4000);
    qdisc_fixture_clear(&f);
}

static void
test_marks_go_to_those_who_know_them(void)
{
    VsFqCodelConfig config = fq_codel;
    unsigned n_marked = 0;
    QdiscFixture f;

    config.codel.target = 5 * VS_MS;
    config.codel.is_ecn = true;
    qdisc_fixture(&f, 10 * MBIT, &vs_qdisc_fq_codel, &config);
    for (unsigned i = 0; i < 1000; i++) {
        VsPacket *packet = qdisc_packet(&f, 1250, 1);

        vs_packet_top(packet)->tos = 2; /* ECT(0). */
        vs_wire_send(f.wire, packet);
    }
    net_run(&f.net, 10 * VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 1000);
    for (unsigned i = 0; i < 1000; i++) {
        n_marked += net_arrival(f.sink, i)->top.tos == 3;
    }
    CU_ASSERT(n_marked > 10);
    CU_ASSERT_EQUAL(f.root->n_marked, n_marked);
    qdisc_fixture_clear(&f);
}

/* ---- Changes --------------------------------------------------------------------- */

/* Packets of a queue move in order; the one in service leaves as begun. */
static void
test_another_kind_takes_packets_over_in_order(void)
{
    VsFifoConfig fifo = {1000};
    VsTbfConfig tbf = {
        .bits_per_s = 8 * MBIT, .burst_bytes = 1000, .limit_bytes = 5000};
    QdiscFixture f;

    qdisc_fixture(&f, 8 * MBIT, &vs_qdisc_pfifo, &fifo);
    qdisc_fixture_add(&f, 500 * VS_US, &vs_qdisc_tbf, &tbf);
    for (unsigned i = 0; i < 8; i++) {
        qdisc_send(&f, 1000, (uint16_t)i);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 6); /* Five fit into the new one's limit. */
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 0), 1024 * VS_US + 1);
    for (unsigned i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->top.flow.sport, i);
    }
    CU_ASSERT_EQUAL(f.wire->n_dropped, 2);
    qdisc_fixture_clear(&f);
}

static void
test_same_kind_changes_in_place(void)
{
    VsTbfConfig tbf = {
        .bits_per_s = 8 * MBIT, .burst_bytes = 1000, .limit_bytes = 90000};
    VsTbfConfig slower = tbf;
    QdiscFixture f;

    slower.bits_per_s = 4 * MBIT; /* 2 us a byte. */
    qdisc_fixture(&f, GBIT, &vs_qdisc_tbf, &tbf);
    vs_egress_add_change(f.egress, 4500 * VS_US, &vs_qdisc_tbf, &slower,
                         sizeof(slower));
    for (unsigned i = 0; i < 10; i++) {
        qdisc_send(&f, 1000, (uint16_t)i);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 10);
    /* Each ms one, to the fifth at 4 ms; a full bucket at 4.5 ms, then each 2 ms. */
    for (unsigned i = 0; i < 10; i++) {
        VsTime start = i < 5 ? i * VS_MS : 4500 * VS_US + (VsTime)(i - 5) * 2 * VS_MS;

        CU_ASSERT_EQUAL(qdisc_arrival(&f, i), start + 1024 * 8000 + 1);
    }
    CU_ASSERT_EQUAL(f.root->n_packets, 10);
    qdisc_fixture_clear(&f);
}

/* ---- Memory ---------------------------------------------------------------------- */

static uint64_t
count_allocations_of(const VsQdiscKind *kind, const void *config)
{
    uint64_t before = 0;
    QdiscFixture f;

    qdisc_fixture(&f, 20 * MBIT, kind, config);
    f.sink->arrivals = g_array_set_size(f.sink->arrivals, 20000);
    g_array_set_size(f.sink->arrivals, 0);
    for (unsigned i = 0; i < 4000; i++) {
        if (i == 2000) {
            before = vs_n_allocations;
        }
        net_run(&f.net, i * VS_MS);
        qdisc_send(&f, 1250, (uint16_t)(i % 50));
        qdisc_send(&f, 100, (uint16_t)(i % 50));
    }
    before = vs_n_allocations - before;
    qdisc_fixture_clear(&f);
    return before;
}

static void
test_nothing_is_allocated_once_warm(void)
{
    VsFqConfig paced = fq;
    VsNetemConfig netem = {.packets_max = 1000, .delay = 10 * VS_MS, .jitter = VS_MS};

    paced.flow_bits_per_s_max = 300000; /* Of 216000. */
    if (!vs_can_count_allocations) {
        return;
    }
    CU_ASSERT_EQUAL(count_allocations_of(&vs_qdisc_fq, &paced), 0);
    CU_ASSERT_EQUAL(count_allocations_of(&vs_qdisc_fq_codel, &fq_codel), 0);
    CU_ASSERT_EQUAL(count_allocations_of(&vs_qdisc_netem, &netem), 0);
}

static const VsTestCase tests[] = {
    {"htb guarantees rates and lends the rest",
     test_rates_are_guaranteed_and_the_rest_borrowed},
    {"htb's ceiling limits what is borrowed", test_ceiling_limits_what_is_borrowed},
    {"priority and quantum share what is left",
     test_priority_and_quantum_share_what_is_left},
    {"borrowers owe nothing", test_borrowers_owe_nothing},
    {"branches borrow in order", test_branches_borrow_in_order},
    {"matches tell classes apart", test_matches_tell_classes_apart},
    {"fq is fair", test_fq_is_fair},
    {"fq_codel is fair", test_fq_codel_is_fair},
    {"no flow is new again and again", test_no_flow_is_new_again_and_again},
    {"fq paces each flow", test_fq_paces_each_flow},
    {"fq limits a flow", test_fq_limits_a_flow},
    {"fq_codel drops from the longest", test_fq_codel_drops_from_the_longest},
    {"fq_codel controls the bulk flow alone",
     test_fq_codel_controls_the_bulk_flow_alone},
    {"marks go to those who know them", test_marks_go_to_those_who_know_them},
    {"another kind takes packets over in order",
     test_another_kind_takes_packets_over_in_order},
    {"the same kind changes in place", test_same_kind_changes_in_place},
    {"nothing is allocated once warm", test_nothing_is_allocated_once_warm},
    {0},
};
VS_TESTS("qdisc_flows")

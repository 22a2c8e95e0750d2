/* Trains of segments on wires and in qdiscs: against the same frames sent one by one. */
#include <glib.h>

#include "base/rng.h"
#include "packet/train.h"
#include "tests/net/qdisc_fixture.h"

enum { MAX_WIRES = 4, HEADER_BYTES = VS_IPV4_HEADER_BYTES + VS_TCP_HEADER_BYTES };

/* Wires in a row, with devices between that forward frame by frame. */
typedef struct Chain {
    Net net;
    VsPart part;
    unsigned n_wires;
    VsWire *wires[MAX_WIRES];
    VsHop end;
    uint64_t n_bytes; /* Payload that came to the end. */
    VsTime last_at;
    VsTime trail_elapsed; /* Of what came last, if it was followed. */
} Chain;

static void
end_receive(VsHop *hop, VsPacket *packet)
{
    Chain *chain = VS_CONTAINER_OF(hop, Chain, end);

    CU_ASSERT(!vs_packet_is_train(packet) || packet->train.n_segments > 1);
    chain->n_bytes += packet->payload_bytes;
    chain->last_at = vs_now(packet->run);
    if (packet->trail) {
        chain->trail_elapsed = packet->trail->elapsed;
    }
    vs_packet_deliver(packet);
}

static void
chain_init(Chain *chain, unsigned n_wires, const VsWireConfig *configs)
{
    memset(chain, 0, sizeof(*chain));
    net_init(&chain->net);
    vs_part_init(&chain->part, &chain->net.run);
    chain->end.receive = end_receive;
    chain->n_wires = n_wires;
    chain->net.n_wires = n_wires;
    for (unsigned i = n_wires; i-- > 0;) {
        VsWireConfig config = configs[i];

        config.is_to_forwarder = i + 1 < n_wires;
        chain->wires[i] = &chain->net.wires[i];
        vs_wire_init(chain->wires[i], "wire", &config, &chain->part,
                     config.is_to_forwarder ? &chain->wires[i + 1]->hop : &chain->end);
    }
}

static VsPacket *
segment_new(Net *net, uint32_t payload_bytes)
{
    VsPacket *packet = vs_packet_new(&net->run);
    VsLayer *top = vs_packet_top(packet);

    top->ether_type = VS_ETHER_TYPE_IPV4;
    top->flow.family = VS_FAMILY_IPV4;
    top->flow.protocol = VS_PROTOCOL_TCP;
    top->tos = VS_IP_ECN_ECT0;
    top->ip_bytes = HEADER_BYTES + payload_bytes;
    packet->payload_bytes = payload_bytes;
    packet->message_bytes = payload_bytes;
    vs_packet_measure(packet);
    return packet;
}

static VsPacket *
train_new(Net *net, uint32_t payload_bytes, uint16_t segment_bytes)
{
    VsPacket *packet = segment_new(net, payload_bytes);

    vs_train_make(packet, segment_bytes);
    return packet;
}

/* As a train, or frame by frame. */
static void
send_bytes(Net *net, VsWire *wire, uint32_t bytes, uint16_t segment_bytes,
           bool is_train)
{
    if (is_train) {
        vs_wire_send(wire, train_new(net, bytes, segment_bytes));
        return;
    }
    for (uint32_t sent = 0; sent < bytes; sent += segment_bytes) {
        vs_wire_send(wire, segment_new(net, MIN(segment_bytes, bytes - sent)));
    }
}

typedef struct Case {
    unsigned n_wires;
    VsWireConfig wires[MAX_WIRES];
    uint32_t before[MAX_WIRES]; /* Bytes of what each wire carries first; 0: nothing. */
    uint32_t bytes;
    uint16_t segment_bytes;
} Case;

static Case
draw_case(VsRng *rng)
{
    static const uint64_t rates[] = {1000000000, 10000000000, 2500000000, 100000000,
                                     1234567891, 333333333,   7777777777};
    Case c = {.n_wires = 1 + (unsigned)vs_rng_below(rng, MAX_WIRES)};

    for (unsigned i = 0; i < c.n_wires; i++) {
        c.wires[i] =
            (VsWireConfig){.bits_per_s = rates[vs_rng_below(rng, G_N_ELEMENTS(rates))],
                           .delay = 1 + (VsTime)vs_rng_below(rng, 5 * VS_US),
                           .far_latency = (VsTime)vs_rng_below(rng, VS_US),
                           .backlog_max = VS_TIME_NEVER};
        c.before[i] =
            vs_rng_below(rng, 3) == 0 ? 1 + (uint32_t)vs_rng_below(rng, 60000) : 0;
    }
    c.segment_bytes = (uint16_t)(100 + vs_rng_below(rng, 1400));
    c.bytes = c.segment_bytes + 1 +
              (uint32_t)vs_rng_below(rng, vs_rng_below(rng, 2) ? 3000 : 60000);
    return c;
}

/* Sends 'c' over a chain that is idle, or whose wires are busy at first. */
static void
run_case(Chain *chain, const Case *c, bool is_train)
{
    chain_init(chain, c->n_wires, c->wires);
    for (unsigned i = 0; i < c->n_wires; i++) {
        if (c->before[i] > 0) {
            vs_wire_send(chain->wires[i], segment_new(&chain->net, c->before[i]));
        }
    }
    send_bytes(&chain->net, chain->wires[0], c->bytes, c->segment_bytes, is_train);
    net_run(&chain->net, VS_TIME_NEVER - 1);
}

/* Frames of equal length differ by a ps where a byte takes no whole number of them: then
 * one in the middle of the train may decide. */
static VsTime
tolerance(const Case *c)
{
    VsTime ps = 0;

    for (unsigned i = 0; i < c->n_wires; i++) {
        ps += UINT64_C(8000000000000) % c->wires[i].bits_per_s != 0;
    }
    return ps;
}

static void
test_train_ends_as_its_frames_do(void)
{
    Chain train, frames;
    VsRng rng;
    uint64_t n_events[2] = {0};

    vs_rng_init(&rng, 1, "test", "trains");
    for (unsigned i = 0; i < 5000; i++) {
        Case c = draw_case(&rng);

        run_case(&train, &c, true);
        run_case(&frames, &c, false);
        CU_ASSERT(ABS(train.last_at - frames.last_at) <= tolerance(&c));
        CU_ASSERT_EQUAL(train.n_bytes, frames.n_bytes);
        for (unsigned j = 0; j < c.n_wires; j++) {
            CU_ASSERT_EQUAL(train.wires[j]->n_packets, frames.wires[j]->n_packets);
            CU_ASSERT_EQUAL(train.wires[j]->n_bytes, frames.wires[j]->n_bytes);
            CU_ASSERT(ABS(train.wires[j]->busy - frames.wires[j]->busy) <= 1);
        }
        n_events[0] += train.net.run.n_events;
        n_events[1] += frames.net.run.n_events;
        net_clear(&train.net);
        net_clear(&frames.net);
    }
    printf("%.1f times fewer events, ", (double)n_events[1] / (double)n_events[0]);
    CU_ASSERT(n_events[1] > 10 * n_events[0]);
}

/* A queue that overflows, or marks: the same frames as one by one. */
static void
check_pressed(const Case *c)
{
    Chain train, frames;

    run_case(&train, c, true);
    run_case(&frames, c, false);
    CU_ASSERT_EQUAL(train.last_at, frames.last_at);
    CU_ASSERT_EQUAL(train.n_bytes, frames.n_bytes);
    for (unsigned j = 0; j < c->n_wires; j++) {
        CU_ASSERT_EQUAL(train.wires[j]->n_packets, frames.wires[j]->n_packets);
        CU_ASSERT_EQUAL(train.wires[j]->n_dropped, frames.wires[j]->n_dropped);
        CU_ASSERT_EQUAL(train.wires[j]->n_marked, frames.wires[j]->n_marked);
    }
    net_clear(&train.net);
    net_clear(&frames.net);
}

static void
test_queue_takes_and_marks_frames(void)
{
    VsRng rng;

    vs_rng_init(&rng, 2, "test", "queues");
    for (unsigned i = 0; i < 3000; i++) {
        unsigned slow = (unsigned)vs_rng_below(&rng, 2);
        Case c = {.n_wires = 2, .bytes = 60000, .segment_bytes = 1460};

        c.wires[!slow] = net_10g;
        c.wires[slow] = net_10g;
        c.wires[slow].bits_per_s = 1000000000;
        switch (vs_rng_below(&rng, 4)) {
        case 0:
            c.wires[slow].packets_max = 1 + (uint32_t)vs_rng_below(&rng, 45);
            break;
        case 1:
            c.wires[slow].backlog_max = (VsTime)vs_rng_below(&rng, 500) * VS_US;
            break;
        case 2:
            c.wires[slow].mark_packets = 1 + (uint32_t)vs_rng_below(&rng, 45);
            break;
        default:
            c.wires[slow].mark_backlog = 1 + (VsTime)vs_rng_below(&rng, 500) * VS_US;
        }
        c.before[slow] = vs_rng_below(&rng, 2) ? 9000 : 0;
        check_pressed(&c);
    }
}

/* Trains of ten slow wires share a fast one as their frames would: none has it alone while
 * it waits for its next frame. */
static VsTime
share_fast_wire(bool is_train)
{
    enum { N = 10 };
    VsWireConfig slow = {
        .bits_per_s = 1000000000, .delay = VS_US, .backlog_max = VS_TIME_NEVER};
    Chain chain;
    VsTime last_at;

    chain_init(&chain, 1, &net_10g);
    for (unsigned i = 0; i < N; i++) {
        VsWire *wire = &chain.net.wires[chain.net.n_wires++];

        slow.is_to_forwarder = true;
        slow.delay += VS_NS;
        vs_wire_init(wire, "slow", &slow, &chain.part, &chain.wires[0]->hop);
        for (unsigned j = 0; j < 5; j++) {
            send_bytes(&chain.net, wire, 44 * 1460, 1460, is_train);
        }
    }
    net_run(&chain.net, VS_S);
    CU_ASSERT_EQUAL(chain.n_bytes, N * 5 * 44 * 1460);
    CU_ASSERT_EQUAL(chain.wires[0]->busy, N * 5 * 44 * 1538 * INT64_C(800));
    last_at = chain.last_at;
    net_clear(&chain.net);
    return last_at;
}

static void
test_trains_share_a_fast_wire(void)
{
    VsTime train = share_fast_wire(true), frames = share_fast_wire(false);

    CU_ASSERT(ABS(train - frames) < 44 * 1538 * 800);
}

static void
test_what_follows_a_train_stays_behind_it(void)
{
    VsWireConfig configs[] = {net_10g, net_10g};
    Chain chain;
    VsPacket *last;
    VsTime last_at[2];

    configs[0].bits_per_s = 1000000000;
    for (unsigned is_train = 0; is_train < 2; is_train++) {
        chain_init(&chain, 2, configs);
        send_bytes(&chain.net, chain.wires[0], 44 * 1460, 1460, is_train);
        last = segment_new(&chain.net, 1);
        vs_wire_send(chain.wires[0], last);
        net_run(&chain.net, VS_S);
        last_at[is_train] = chain.last_at;
        CU_ASSERT_EQUAL(chain.n_bytes, 44 * 1460 + 1);
        net_clear(&chain.net);
    }
    CU_ASSERT_EQUAL(last_at[1], last_at[0]);
}

static void
test_trail_adds_up(void)
{
    VsRng rng;
    Chain chain;

    vs_rng_init(&rng, 3, "test", "trails");
    for (unsigned i = 0; i < 200; i++) {
        Case c = draw_case(&rng);
        VsJourney journey = {0};
        VsPacket *packet;

        chain_init(&chain, c.n_wires, c.wires);
        vs_journey_start(&journey, 0);
        packet = train_new(&chain.net, c.bytes, c.segment_bytes);
        vs_payload_set_journey(&packet->payload, &journey);
        vs_packet_follow(packet, 0);
        vs_wire_send(chain.wires[0], packet);
        net_run(&chain.net, VS_S);
        CU_ASSERT_EQUAL(chain.trail_elapsed, chain.last_at);
        vs_journey_clear(&journey);
        net_clear(&chain.net);
    }
}

static void
test_cut_train_has_the_headers_of_its_segments(void)
{
    Net net;
    VsPacket *packet, *rest;

    net_init(&net);
    packet = train_new(&net, 3500, 1000);
    packet->layers[0].tcp.seq = UINT32_MAX - 500;
    packet->layers[0].tcp.flags = VS_TCP_ACK | VS_TCP_PSH | VS_TCP_CWR;
    packet->layers[0].ip_id = UINT16_MAX;
    packet->message_offset = 70;
    CU_ASSERT_EQUAL(packet->train.n_segments, 4);
    CU_ASSERT_EQUAL(packet->wire_bytes, 3 * 1078 + 578);
    CU_ASSERT_EQUAL(vs_packet_mtu_bytes(packet), 1040);

    rest = vs_train_cut(packet, 1);
    CU_ASSERT_FALSE(vs_packet_is_train(packet));
    CU_ASSERT_EQUAL(packet->wire_bytes, 1078);
    CU_ASSERT_EQUAL(packet->payload_bytes, 1000);
    CU_ASSERT_EQUAL(packet->layers[0].tcp.flags, VS_TCP_ACK | VS_TCP_CWR);
    CU_ASSERT(vs_packet_is_train(rest));
    CU_ASSERT_EQUAL(rest->train.n_segments, 3);
    CU_ASSERT_EQUAL(rest->payload_bytes, 2500);
    CU_ASSERT_EQUAL(rest->wire_bytes, 2 * 1078 + 578);
    CU_ASSERT_EQUAL(rest->layers[0].ip_bytes, 2540);
    CU_ASSERT_EQUAL(rest->layers[0].tcp.seq, 499);
    CU_ASSERT_EQUAL(rest->layers[0].tcp.flags, VS_TCP_ACK | VS_TCP_PSH);
    CU_ASSERT_EQUAL(rest->layers[0].ip_id, 0);
    CU_ASSERT_EQUAL(rest->message_offset, 1070);
    vs_packet_deliver(packet);
    vs_packet_deliver(rest);
    net_clear(&net);
}

/* ---- Qdiscs ---------------------------------------------------------------------- */

enum { TRAIN_BYTES = 10 * 1460, FRAME = 1460 + HEADER_BYTES + VS_ETHER_HEADER_BYTES };

static void
send_train(QdiscFixture *f)
{
    vs_wire_send(f->wire, train_new(&f->net, TRAIN_BYTES, 1460));
}

static void
test_pfifo_counts_a_train_once(void)
{
    VsFifoConfig config = {2};
    QdiscFixture f;

    qdisc_fixture(&f, 1000000000, &vs_qdisc_pfifo, &config);
    for (unsigned i = 0; i < 4; i++) {
        send_train(&f);
    }
    CU_ASSERT_EQUAL(f.root->n_held, 2);
    CU_ASSERT_EQUAL(f.root->held_bytes, 2 * 10 * FRAME);
    CU_ASSERT_EQUAL(f.root->n_dropped, 1);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 3);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 2), 3 * 10 * 1538 * 8000 + 1);
    CU_ASSERT_EQUAL(f.root->n_packets, 30);
    CU_ASSERT_EQUAL(f.root->n_bytes, 30 * FRAME);
    qdisc_fixture_clear(&f);
}

/* 100 Mbit/s, 80 ns a byte: a bucket of four frames sends four at once; where it has room
 * for the train, that goes whole. */
static void
test_tbf_cuts_what_is_longer_than_its_burst(void)
{
    VsTbfConfig config = {
        .bits_per_s = 100000000, .burst_bytes = 4 * FRAME, .limit_bytes = 1000000};
    QdiscFixture f;

    qdisc_fixture(&f, 1000000000, &vs_qdisc_tbf, &config);
    send_train(&f);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 10);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 3), 4 * 1538 * 8000 + 1);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 9), 6 * FRAME * 80000 + 1538 * 8000 + 1);
    CU_ASSERT_EQUAL(f.root->n_packets, 10);
    qdisc_fixture_clear(&f);

    config.burst_bytes = 10 * FRAME;
    qdisc_fixture(&f, 1000000000, &vs_qdisc_tbf, &config);
    send_train(&f);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 1);
    qdisc_fixture_clear(&f);

    config.burst_bytes = FRAME - 1;
    qdisc_fixture(&f, 1000000000, &vs_qdisc_tbf, &config);
    send_train(&f);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_OVER_BURST), 1);
    qdisc_fixture_clear(&f);
}

static void
test_netem_damages_one_segment(void)
{
    VsNetemConfig config = {.packets_max = 10000, .corrupt = 0.3};
    QdiscFixture f;
    uint64_t bytes = 0;

    qdisc_fixture(&f, 1000000000, &vs_qdisc_netem, &config);
    for (unsigned i = 0; i < 300; i++) {
        send_train(&f);
    }
    net_run(&f.net, VS_S);
    for (unsigned i = 0; i < net_n_arrived(f.sink); i++) {
        bytes += net_arrival(f.sink, i)->payload_bytes;
    }
    /* A train has 0.3 damaged frames if it is left whole, else 1 + 9 x 0.3 in the mean. */
    CU_ASSERT_EQUAL(bytes + 1460 * net_n_dropped(&f.net, VS_DROP_CORRUPTED),
                    300 * TRAIN_BYTES);
    CU_ASSERT(ABS((double)net_n_dropped(&f.net, VS_DROP_CORRUPTED) - 300 * 0.3 * 3.7) <
              80);
    CU_ASSERT_EQUAL(f.root->n_packets, 3000);
    qdisc_fixture_clear(&f);
}

static void
test_netem_loses_whole_trains(void)
{
    VsNetemConfig config = {.packets_max = 1000, .loss = 0.3};
    QdiscFixture f;

    qdisc_fixture(&f, 1000000000, &vs_qdisc_netem, &config);
    for (unsigned i = 0; i < 300; i++) {
        send_train(&f);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink) + f.root->n_dropped, 300);
    CU_ASSERT(ABS((double)f.root->n_dropped - 90) < 40);
    CU_ASSERT_EQUAL(f.root->n_packets, 10 * net_n_arrived(f.sink));
    qdisc_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"a train ends as its frames do", test_train_ends_as_its_frames_do},
    {"a full queue takes, and marks, frames", test_queue_takes_and_marks_frames},
    {"trains share a fast wire", test_trains_share_a_fast_wire},
    {"what follows a train stays behind it", test_what_follows_a_train_stays_behind_it},
    {"a trail adds up", test_trail_adds_up},
    {"a cut train has the headers of its segments",
     test_cut_train_has_the_headers_of_its_segments},
    {"pfifo counts a train once", test_pfifo_counts_a_train_once},
    {"tbf cuts what is longer than its burst",
     test_tbf_cuts_what_is_longer_than_its_burst},
    {"netem damages one segment", test_netem_damages_one_segment},
    {"netem loses whole trains", test_netem_loses_whole_trains},
    {0},
};
VS_TESTS("trains")

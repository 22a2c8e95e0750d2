/* A qdisc before a wire into a sink, for tests. */
#pragma once

#include "net/egress.h"
#include "net/qdisc_kinds.h"
#include "tests/net/net_fixture.h"

typedef struct {
    Net net;
    VsPart sender;
    VsPart receiver;
    VsWire *wire;
    VsEgress *egress;
    VsQdisc *root; /* The first. */
    NetSink *sink;
} QdiscFixture;

/* Of 'bits_per_s' and so little delay that it does not matter: 1 ps. */
static inline void
qdisc_fixture_open(QdiscFixture *f, uint64_t bits_per_s)
{
    VsWireConfig config = {.bits_per_s = bits_per_s, .delay = 1, .backlog_max = VS_S};

    net_init(&f->net);
    vs_part_init(&f->sender, &f->net.run);
    vs_part_init(&f->receiver, &f->net.run);
    f->sink = net_sink_new(&f->net);
    f->wire = &f->net.wires[f->net.n_wires++];
    vs_wire_init(f->wire, "a > b", &config, &f->receiver, &f->sink->hop);
    f->egress = vs_egress_new(f->wire, &f->sender);
}

static inline VsQdisc *
qdisc_fixture_add(QdiscFixture *f, VsTime at, const VsQdiscKind *kind,
                  const void *config)
{
    VsQdisc *qdisc = vs_qdisc_new(kind, config, &f->egress->context);

    vs_egress_add(f->egress, at, qdisc);
    return qdisc;
}

static inline void
qdisc_fixture(QdiscFixture *f, uint64_t bits_per_s, const VsQdiscKind *kind,
              const void *config)
{
    qdisc_fixture_open(f, bits_per_s);
    f->root = qdisc_fixture_add(f, 0, kind, config);
}

/* A UDP packet of 'bytes' as a qdisc counts them, from port 'flow'. */
static inline VsPacket *
qdisc_packet(QdiscFixture *f, uint32_t bytes, uint16_t flow)
{
    VsPacket *packet = vs_packet_new(&f->net.run);
    VsLayer *top = vs_packet_top(packet);

    top->ether_type = VS_ETHER_TYPE_IPV4;
    top->flow = net_flow(0x0a000001, flow, 0x0a000002, 80);
    top->ip_bytes = bytes - VS_ETHER_HEADER_BYTES;
    vs_packet_measure(packet);
    return packet;
}

static inline void
qdisc_send(QdiscFixture *f, uint32_t bytes, uint16_t flow)
{
    vs_wire_send(f->wire, qdisc_packet(f, bytes, flow));
}

static inline VsTime
qdisc_arrival(const QdiscFixture *f, unsigned i)
{
    return net_arrival(f->sink, i)->at;
}

/* Every packet that came in was sent, dropped or is held; Little's law holds. */
static inline void
qdisc_fixture_clear(QdiscFixture *f)
{
    for (unsigned i = 0; i < f->egress->qdiscs->len; i++) {
        const VsQdisc *qdisc = g_ptr_array_index(f->egress->qdiscs, i);

        CU_ASSERT_EQUAL(qdisc->backlog.n_now, qdisc->n_held);
        CU_ASSERT_EQUAL(qdisc->backlog.n_left + qdisc->n_held,
                        qdisc->backlog.n_arrived);
        CU_ASSERT(vs_queue_stat_balances(&qdisc->backlog, vs_now(&f->net.run)));
    }
    net_clear(&f->net);
}

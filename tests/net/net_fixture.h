/* Small networks for tests: hosts, links, and sinks that write down what reaches them.
 *
 * net_clear() ends each test.  It proves that no packet was lost from the books. */
#pragma once

#include <glib.h>

#include "engine/run.h"
#include "net/host.h"
#include "net/iface.h"
#include "net/ip.h"
#include "net/netns.h"
#include "net/wire.h"
#include "packet/packet.h"
#include "vs_test.h"

enum { NET_MAX_HOSTS = 16, NET_MAX_WIRES = 32 };

/* What is left of a packet that arrived. */
typedef struct {
    VsTime at;
    uint64_t number;
    uint32_t wire_bytes;
    uint32_t payload_bytes;
    uint32_t mark;
    uint8_t n_layers;
    const VsIface *iface;
    VsPayload payload;
    VsLayer top;
    VsLayer below; /* The quoted packet, where there are two layers. */
} NetArrival;

/* Delivers what it gets. */
typedef struct {
    VsHop hop;
    GArray *arrivals; /* Of NetArrival. */
} NetSink;

typedef struct {
    VsRun run;
    unsigned n_hosts;
    VsHost *hosts[NET_MAX_HOSTS];
    unsigned n_wires;
    VsWire wires[NET_MAX_WIRES];
    GPtrArray *sinks; /* Of NetSink. */
} Net;

static const VsCosts net_no_costs;

/* 800 ps a byte, a microsecond. */
static const VsWireConfig net_10g = {
    .bits_per_s = 10000000000,
    .delay = VS_US,
    .backlog_max = VS_S,
};

static inline void
net_init(Net *net)
{
    memset(net, 0, sizeof(*net));
    vs_run_init(&net->run, 1);
    vs_run_make_packets(&net->run);
    net->sinks = g_ptr_array_new();
}

/* Packets that hosts hold and wires carry. */
static inline uint64_t
net_n_held(const Net *net)
{
    uint64_t n_held = 0;

    for (unsigned i = 0; i < net->n_hosts; i++) {
        n_held += vs_host_n_held(net->hosts[i]);
    }
    for (unsigned i = 0; i < net->n_wires; i++) {
        n_held += vs_wire_n_held(&net->wires[i]);
    }
    return n_held;
}

/* created == delivered + dropped + held, and what is held is what the pool says. */
static inline void
net_check_conservation(const Net *net)
{
    const VsPacketPool *pool = net->run.packets;

    CU_ASSERT_EQUAL(vs_packets_in_flight(&net->run), net_n_held(net));
    CU_ASSERT_EQUAL(pool->n_created, pool->n_delivered + vs_packets_dropped(&net->run) +
                                         net_n_held(net));
    for (unsigned i = 0; i < net->n_wires; i++) {
        CU_ASSERT_EQUAL(net->wires[i].stat.n_now, net->wires[i].in_flight.length);
        CU_ASSERT(vs_queue_stat_balances(&net->wires[i].stat, vs_now(&net->run)));
    }
    for (unsigned i = 0; i < net->n_hosts; i++) {
        for (unsigned j = 0; j < net->hosts[i]->n_cores; j++) {
            CU_ASSERT(vs_queue_stat_balances(&net->hosts[i]->cores[j].stat,
                                             vs_now(&net->run)));
        }
    }
}

static inline void
net_clear(Net *net)
{
    net_check_conservation(net);
    for (unsigned i = 0; i < net->n_wires; i++) {
        vs_wire_clear(&net->wires[i]);
    }
    for (unsigned i = 0; i < net->n_hosts; i++) {
        vs_host_free(net->hosts[i]);
    }
    CU_ASSERT_EQUAL(vs_packets_in_flight(&net->run), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&net->run.packets->trails), 0);
    for (unsigned i = 0; i < net->sinks->len; i++) {
        NetSink *sink = g_ptr_array_index(net->sinks, i);

        g_array_free(sink->arrivals, TRUE);
        g_free(sink);
    }
    g_ptr_array_free(net->sinks, TRUE);
    vs_run_free_packets(&net->run);
    vs_run_clear(&net->run);
}

static inline void
net_run(Net *net, VsTime until)
{
    vs_run_advance(&net->run, until, UINT64_MAX);
}

static inline uint64_t
net_n_dropped(const Net *net, VsDrop drop)
{
    return net->run.packets->n_dropped[drop];
}

/* ---- Sinks ----------------------------------------------------------------------- */

static inline void
net_sink_receive(VsHop *hop, VsPacket *packet)
{
    NetSink *sink = VS_CONTAINER_OF(hop, NetSink, hop);
    NetArrival arrival = {
        .at = vs_now(packet->run),
        .number = packet->number,
        .wire_bytes = packet->wire_bytes,
        .payload_bytes = packet->payload_bytes,
        .mark = packet->mark,
        .n_layers = packet->n_layers,
        .iface = packet->iface,
        .payload = packet->payload,
        .top = *vs_packet_top(packet),
    };

    if (packet->n_layers > 1) {
        arrival.below = packet->layers[packet->n_layers - 2];
    }
    g_array_append_val(sink->arrivals, arrival);
    vs_packet_deliver(packet);
}

static inline NetSink *
net_sink_new(Net *net)
{
    NetSink *sink = g_new0(NetSink, 1);

    sink->hop.receive = net_sink_receive;
    sink->arrivals = g_array_new(FALSE, FALSE, sizeof(NetArrival));
    g_ptr_array_add(net->sinks, sink);
    return sink;
}

/* The sink of a namespace's sockets. */
static inline NetSink *
net_listen(Net *net, VsNetns *netns)
{
    NetSink *sink = net_sink_new(net);

    netns->local = &sink->hop;
    return sink;
}

static inline unsigned
net_n_arrived(const NetSink *sink)
{
    return sink->arrivals->len;
}

/* The i-th arrival; an empty one when there are not so many, so that a test fails
 * instead of crashing. */
static inline const NetArrival *
net_arrival(const NetSink *sink, unsigned i)
{
    static const NetArrival none = {.at = -1};

    return i < sink->arrivals->len ? &g_array_index(sink->arrivals, NetArrival, i)
                                   : &none;
}

/* ---- Hosts and links ------------------------------------------------------------- */

static inline VsHost *
net_host_with(Net *net, const char *name, unsigned n_cores, uint32_t backlog_max,
              const VsCosts *costs)
{
    VsHostConfig config = {n_cores, backlog_max, costs};
    VsHost *host = vs_host_new(&net->run, name, &config);

    g_assert(net->n_hosts < NET_MAX_HOSTS);
    net->hosts[net->n_hosts++] = host;
    return host;
}

/* One core that takes no time. */
static inline VsHost *
net_host(Net *net, const char *name)
{
    return net_host_with(net, name, 1, 1000, &net_no_costs);
}

/* A card in the host's root namespace. */
static inline VsIface *
net_card(VsHost *host, const char *name, VsAddr address, unsigned prefix_length)
{
    VsIface *iface = vs_iface_new(host->root, VS_IFACE_ETHERNET, name);

    if (address) {
        vs_iface_set_address(iface, address, prefix_length);
    }
    return iface;
}

/* Both directions of a link. */
static inline void
net_link(Net *net, VsIface *a, VsIface *b, const VsWireConfig *config)
{
    VsWire *there = &net->wires[net->n_wires];
    VsWire *back = &net->wires[net->n_wires + 1];

    g_assert(net->n_wires + 2 <= NET_MAX_WIRES);
    net->n_wires += 2;
    vs_wire_init(there, "there", config, &b->netns->host->part, &b->card);
    vs_wire_init(back, "back", config, &a->netns->host->part, &a->card);
    a->wire = there;
    b->wire = back;
}

/* Each knows the other without ARP. */
static inline void
net_introduce(VsIface *a, VsIface *b)
{
    vs_neighbour_add(a, b->address, b->mac);
    vs_neighbour_add(b, a->address, a->mac);
}

/* ---- Packets --------------------------------------------------------------------- */

static inline VsFlow
net_flow(VsAddr saddr, uint16_t sport, VsAddr daddr, uint16_t dport)
{
    return (VsFlow){.saddr = saddr,
                    .daddr = daddr,
                    .sport = sport,
                    .dport = dport,
                    .protocol = VS_PROTOCOL_UDP,
                    .family = VS_FAMILY_IPV4};
}

/* A UDP packet of 'netns' with 'bytes' after its UDP header, not sent yet. */
static inline VsPacket *
net_udp_new(VsNetns *netns, VsFlow flow, uint32_t bytes)
{
    VsPacket *packet = vs_ip_packet_new(netns, &flow, VS_UDP_HEADER_BYTES + bytes);

    packet->payload_bytes = bytes;
    return packet;
}

static inline void
net_udp_send(VsNetns *netns, VsFlow flow, uint32_t bytes)
{
    vs_ip_send(netns, net_udp_new(netns, flow, bytes));
}

/* An address from four numbers, as people read it. */
#define NET_IP(a, b, c, d) \
    ((VsAddr)(a) << 24 | (VsAddr)(b) << 16 | (VsAddr)(c) << 8 | (VsAddr)(d))

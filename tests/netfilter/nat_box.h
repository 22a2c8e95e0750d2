/* A router with connection tracking, whose two sides the test plays itself: packets
 * are put into its cards and come out at sinks, in no time but that of a wire. */
#pragma once

#include "netfilter/conntrack.h"
#include "netfilter/nat.h"
#include "tests/net/net_fixture.h"

#define BOX_INSIDE NET_IP(10, 0, 0, 1)
#define BOX_OUTSIDE NET_IP(192, 0, 2, 1)
#define BOX_CLIENT NET_IP(10, 0, 0, 2)
#define BOX_SERVER NET_IP(198, 51, 100, 7)
#define BOX_VIP NET_IP(10, 96, 0, 10)
#define BOX_VIP2 NET_IP(10, 96, 0, 11)
#define BOX_BACKEND NET_IP(198, 51, 100, 20)
#define BOX_MAC UINT64_C(0x020000000001) /* Of everybody else. */

/* What a frame takes from a card to a sink. */
#define BOX_WIRE (84 * 800 + VS_US)

typedef struct {
    Net net;
    VsPart outer_part; /* Of the sinks. */
    VsHost *host;
    VsNetns *netns;
    VsIface *inside, *outside;
    NetSink *to_inside, *to_outside, *to_sockets;
    VsConntrack *conntrack;
    VsConntrackStats stats;
    unsigned n_released[8]; /* By source port, after box_init_release(). */
} Box;

static inline VsIface *
box_card(Box *box, const char *name, VsAddr address, VsAddr gateway, NetSink *sink)
{
    VsIface *card = net_card(box->host, name, address, 24);
    VsWire *wire = &box->net.wires[box->net.n_wires++];

    vs_wire_init(wire, name, &net_10g, &box->outer_part, &sink->hop);
    card->wire = wire;
    vs_neighbour_add(card, gateway, BOX_MAC);
    return card;
}

static inline void
box_init_with(Box *box, const VsConntrackConfig *config, unsigned n_cores)
{
    memset(box, 0, sizeof(*box));
    net_init(&box->net);
    vs_part_init(&box->outer_part, &box->net.run);
    box->host = net_host_with(&box->net, "box", n_cores, 1000, &net_no_costs);
    box->netns = box->host->root;
    box->netns->is_forwarding = true;
    box->to_inside = net_sink_new(&box->net);
    box->to_outside = net_sink_new(&box->net);
    box->to_sockets = net_listen(&box->net, box->netns);
    box->inside =
        box_card(box, "in", BOX_INSIDE, NET_IP(10, 0, 0, 254), box->to_inside);
    box->outside =
        box_card(box, "out", BOX_OUTSIDE, NET_IP(192, 0, 2, 254), box->to_outside);
    vs_netns_add_route(box->netns, 0, 0, box->outside, NET_IP(192, 0, 2, 254));
    vs_netns_add_route(box->netns, NET_IP(10, 0, 0, 0), 8, box->inside,
                       NET_IP(10, 0, 0, 254));
    vs_neighbour_add(box->inside, BOX_CLIENT, BOX_MAC);
    vs_neighbour_add(box->inside, BOX_CLIENT + 1, BOX_MAC);
    box->conntrack = vs_conntrack_attach(box->netns, config, &box->stats);
}

static inline void
box_init(Box *box)
{
    box_init_with(box, &vs_conntrack_config_default, 0);
}

/* Checks the books of packets and of entries. */
static inline void
box_clear(Box *box)
{
    const VsConntrack *conntrack = box->conntrack;

    CU_ASSERT_EQUAL(vs_table_length(&conntrack->tuples), 2 * conntrack->stats->n_entries);
    CU_ASSERT_EQUAL(vs_pool_n_used(&conntrack->entries),
                    conntrack->stats->n_entries + (conntrack->unconfirmed != NULL));
    net_clear(&box->net);
}

static inline void
box_run(Box *box, VsTime elapsed)
{
    net_run(&box->net, vs_now(&box->net.run) + elapsed);
}

/* A packet that arrives at the box from outside of it. */
static inline VsPacket *
box_packet(Box *box, VsFlow flow)
{
    VsPacket *packet = vs_packet_new(&box->net.run);
    VsLayer *top = vs_packet_top(packet);

    top->ether_type = VS_ETHER_TYPE_IPV4;
    top->smac = BOX_MAC;
    top->flow = flow;
    top->ttl = 64;
    top->ip_fragment = VS_IP_DF;
    top->ip_bytes = 40;
    vs_packet_measure(packet);
    return packet;
}

static inline void
box_put(VsIface *card, VsPacket *packet)
{
    vs_packet_top(packet)->dmac = card->mac;
    vs_host_receive(card->netns->host, packet, &card->hop);
}

/* A packet that the card inside received, in the queue of this core. */
static inline void
box_put_on_core(Box *box, unsigned core, VsPacket *packet)
{
    vs_packet_top(packet)->dmac = box->inside->mac;
    packet->hop = &box->inside->hop;
    vs_core_enqueue(&box->host->cores[core], packet, false);
}

/* Puts a packet of 'flow' into 'card' and returns the flow that it has at the other
 * side; the zero flow when it did not come out there.  Takes 2 us. */
static inline VsFlow
box_pass(Box *box, VsIface *card, VsPacket *packet)
{
    NetSink *sink = card == box->inside ? box->to_outside : box->to_inside;
    unsigned n_before = net_n_arrived(sink);

    box_put(card, packet);
    box_run(box, 2 * VS_US);
    return net_arrival(sink, n_before)->top.flow;
}

static inline VsFlow
box_pass_udp(Box *box, VsIface *card, VsFlow flow)
{
    return box_pass(box, card, box_packet(box, flow));
}

static inline VsPacket *
box_tcp(Box *box, VsFlow flow, uint8_t flags)
{
    VsPacket *packet = box_packet(box, flow);

    vs_packet_top(packet)->flow.protocol = VS_PROTOCOL_TCP;
    vs_packet_top(packet)->tcp.flags = flags;
    vs_packet_top(packet)->tcp.window = 1000;
    return packet;
}

static inline VsPacket *
box_icmp(Box *box, VsFlow flow, uint8_t type, uint8_t code)
{
    VsPacket *packet = box_packet(box, flow);

    vs_packet_top(packet)->flow.protocol = VS_PROTOCOL_ICMP;
    vs_packet_top(packet)->icmp = (VsIcmpHeader){.type = type, .code = code};
    return packet;
}

/* An ICMP error from 'saddr' to the sender of 'quoted'. */
static inline VsPacket *
box_error(Box *box, VsAddr saddr, VsFlow quoted)
{
    VsPacket *packet = box_packet(box, quoted);
    VsLayer *top = vs_packet_push(packet);

    *top = packet->layers[0];
    top->flow = (VsFlow){.saddr = saddr,
                         .daddr = quoted.saddr,
                         .protocol = VS_PROTOCOL_ICMP,
                         .family = VS_FAMILY_IPV4};
    top->icmp = (VsIcmpHeader){.type = VS_ICMP_UNREACHABLE, .code = VS_ICMP_CODE_PORT};
    top->ip_bytes = 68;
    vs_packet_measure(packet);
    return packet;
}

/* The entry of which 'flow' is a tuple, or NULL. */
static inline VsConntrackEntry *
box_find(const Box *box, VsFlow flow)
{
    VsCtDir dir;

    return vs_conntrack_find(box->conntrack, &flow, &dir);
}

static inline bool
box_is_flow(VsFlow flow, VsAddr saddr, unsigned sport, VsAddr daddr, unsigned dport)
{
    return flow.saddr == saddr && flow.sport == sport && flow.daddr == daddr &&
           flow.dport == dport;
}

/* 'flow' has an entry until 'timeout' after 'since', to the picosecond. */
static inline void
box_check_lives_for(Box *box, VsFlow flow, VsTime since, VsTime timeout)
{
    net_run(&box->net, since + timeout - 1);
    CU_ASSERT_PTR_NOT_NULL(box_find(box, flow));
    net_run(&box->net, since + timeout);
    CU_ASSERT_PTR_NULL(box_find(box, flow));
}

static inline VsFlow
box_client_flow(uint16_t sport)
{
    return net_flow(BOX_CLIENT, sport, BOX_SERVER, 80);
}

static inline VsFlow
box_echo_flow(VsAddr saddr, VsAddr daddr, uint16_t id)
{
    return (VsFlow){.saddr = saddr,
                    .daddr = daddr,
                    .sport = id,
                    .protocol = VS_PROTOCOL_ICMP,
                    .family = VS_FAMILY_IPV4};
}

/* ---- Rules of translation -------------------------------------------------------- */

/* VIPs, port 80, go to the backend's port 8080. */
static inline bool
box_service_rule(void *n_calls, VsPacket *packet, VsConntrackEntry *entry,
                 const VsHookState *state, bool *ret_stolen)
{
    const VsFlow *flow = &vs_packet_top(packet)->flow;

    (void)ret_stolen;
    CU_ASSERT_PTR_EQUAL(packet->ct, entry);
    CU_ASSERT(packet->flags & VS_PACKET_CT_NEW);
    CU_ASSERT(state->point == VS_HOOK_PREROUTING || state->point == VS_HOOK_OUTPUT);
    if (n_calls) {
        ++*(unsigned *)n_calls;
    }
    if ((flow->daddr != BOX_VIP && flow->daddr != BOX_VIP2) ||
        (flow->dport != 80 && flow->protocol != VS_PROTOCOL_ICMP)) {
        return false;
    }
    vs_nat_dst(entry, BOX_BACKEND, 8080);
    return true;
}

/* What leaves by the outer card comes from the router. */
static inline bool
box_masquerade(void *n_calls, VsPacket *packet, VsConntrackEntry *entry,
               const VsHookState *state, bool *ret_stolen)
{
    (void)ret_stolen;
    CU_ASSERT(state->point == VS_HOOK_POSTROUTING || state->point == VS_HOOK_INPUT);
    if (n_calls) {
        ++*(unsigned *)n_calls;
    }
    if (!state->out || state->out->address != BOX_OUTSIDE ||
        vs_packet_top(packet)->flow.saddr == BOX_OUTSIDE) {
        return false;
    }
    vs_nat_src(entry, BOX_OUTSIDE);
    return true;
}

static inline void
box_init_service(Box *box)
{
    box_init(box);
    vs_nat_add_dst_rule(box->conntrack, box_service_rule, NULL);
}

static inline void
box_init_masquerade(Box *box)
{
    box_init(box);
    vs_nat_add_src_rule(box->conntrack, box_masquerade, NULL);
}

/* ---- The end of connections ------------------------------------------------------ */

static inline void
box_count_release(VsConntrackEntry *entry)
{
    (*(unsigned *)entry->user)++;
}

/* Has every new connection tell when it ends; the port picks the counter. */
static inline bool
box_want_release(void *box_, VsPacket *packet, VsConntrackEntry *entry,
                 const VsHookState *state, bool *ret_stolen)
{
    Box *box = box_;

    (void)state;
    (void)ret_stolen;
    entry->release = box_count_release;
    entry->user = &box->n_released[vs_packet_top(packet)->flow.sport % 8];
    return false;
}

static inline void
box_init_release(Box *box)
{
    box_init(box);
    vs_nat_add_dst_rule(box->conntrack, box_want_release, box);
}

/* IPv4: forwarding, what is refused and how, MTUs, loopback, local hooks. */
#include <glib.h>

#include "base/rng.h"
#include "net/icmp.h"
#include "tests/net/net_fixture.h"

static const VsAddr addr_a = NET_IP(10, 0, 1, 2);
static const VsAddr addr_r = NET_IP(10, 0, 1, 1);
static const VsAddr addr_r2 = NET_IP(10, 0, 2, 1);
static const VsAddr addr_b = NET_IP(10, 0, 2, 2);

/* A, router R, B. */
typedef struct {
    Net net;
    VsHost *a, *r, *b;
    VsIface *card_a, *card_r, *card_r2, *card_b;
    NetSink *sink_a, *sink_r, *sink_b;
} IpFixture;

static void
ip_fixture(IpFixture *f, unsigned n_cores, const VsCosts *costs)
{
    net_init(&f->net);
    f->a = net_host_with(&f->net, "a", n_cores, 1000, costs);
    f->r = net_host_with(&f->net, "r", n_cores, 1000, costs);
    f->b = net_host_with(&f->net, "b", n_cores, 1000, costs);
    f->card_a = net_card(f->a, "eth0", addr_a, 24);
    f->card_r = net_card(f->r, "eth0", addr_r, 24);
    f->card_r2 = net_card(f->r, "eth1", addr_r2, 24);
    f->card_b = net_card(f->b, "eth0", addr_b, 24);
    net_link(&f->net, f->card_a, f->card_r, &net_10g);
    net_link(&f->net, f->card_r2, f->card_b, &net_10g);
    vs_netns_add_route(f->a->root, 0, 0, f->card_a, addr_r);
    vs_netns_add_route(f->b->root, 0, 0, f->card_b, addr_r2);
    f->r->root->is_forwarding = true;
    f->sink_a = net_listen(&f->net, f->a->root);
    f->sink_r = net_listen(&f->net, f->r->root);
    f->sink_b = net_listen(&f->net, f->b->root);
}

/* Sends from A and runs for a second. */
static void
send(IpFixture *f, VsPacket *packet)
{
    vs_ip_send(f->a->root, packet);
    net_run(&f->net, vs_now(&f->net.run) + VS_S);
}

static VsPacket *
packet_to(IpFixture *f, VsAddr daddr, uint32_t bytes)
{
    return net_udp_new(f->a->root, net_flow(addr_a, 1000, daddr, 53), bytes);
}

static void
check_error(const NetSink *sink, unsigned i, VsAddr saddr, uint8_t type, uint8_t code)
{
    const NetArrival *error = net_arrival(sink, i);

    CU_ASSERT_EQUAL(error->top.flow.protocol, VS_PROTOCOL_ICMP);
    CU_ASSERT_EQUAL(error->top.flow.saddr, saddr);
    CU_ASSERT_EQUAL(error->top.icmp.type, type);
    CU_ASSERT_EQUAL(error->top.icmp.code, code);
    CU_ASSERT_EQUAL(error->n_layers, 2);
    CU_ASSERT(vs_icmp_is_error(&error->top));
}

static void
test_forwarding_lowers_the_ttl_and_changes_the_frame(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    send(&f, packet_to(&f, addr_b, 100));
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.ttl, 63);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.smac, f.card_r2->mac);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.dmac, f.card_b->mac);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.flow.saddr, addr_a);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.flow.daddr, addr_b);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->payload_bytes, 100);
    CU_ASSERT_PTR_EQUAL(net_arrival(f.sink_b, 0)->iface, f.card_b);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_r), 0);
    net_clear(&f.net);
}

/* One hop's worth of cost on the router: card, route, forwarding, neighbour, card. */
static void
test_forwarding_is_charged(void)
{
    VsCosts costs = {.nic_receive = 300000,
                     .nic_transmit = 250000,
                     .route_lookup = 60000,
                     .neighbour_lookup = 30000,
                     .ip_forward = 200000};
    VsTime frame = (100 + 8 + 20 + 38) * 800 + VS_US;
    IpFixture f;

    ip_fixture(&f, 1, &costs);
    net_introduce(f.card_a, f.card_r);
    net_introduce(f.card_r2, f.card_b);
    send(&f, packet_to(&f, addr_b, 100));
    CU_ASSERT_EQUAL(f.r->cores[0].busy, 300000 + 60000 + 200000 + 30000 + 250000);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->at, 60000 + 30000 + 250000 + frame +
                                                      f.r->cores[0].busy + frame +
                                                      300000 + 60000);
    net_clear(&f.net);
}

static void
test_last_hop_of_the_ttl(void)
{
    VsPacket *packet;
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    packet = packet_to(&f, addr_b, 100);
    vs_packet_top(packet)->ttl = 2;
    send(&f, packet);
    CU_ASSERT_EQUAL(net_arrival(f.sink_b, 0)->top.ttl, 1);

    for (uint8_t ttl = 0; ttl < 2; ttl++) {
        packet = packet_to(&f, addr_b, 100);
        vs_packet_top(packet)->ttl = ttl;
        send(&f, packet);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_TTL_EXCEEDED), ttl + 1);
        check_error(f.sink_a, ttl, addr_r, VS_ICMP_TIME_EXCEEDED, 0);
        /* It quotes the packet as it came. */
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, ttl)->below.ttl, ttl);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, ttl)->below.flow.saddr, addr_a);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, ttl)->below.flow.sport, 1000);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, ttl)->below.flow.daddr, addr_b);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, ttl)->below.flow.dport, 53);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, ttl)->top.ip_bytes, 20 + 8 + 128);
    }

    packet = packet_to(&f, addr_r, 100); /* For R itself one is enough. */
    vs_packet_top(packet)->ttl = 1;
    send(&f, packet);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_r), 1);
    net_clear(&f.net);
}

static void
test_no_way_is_net_unreachable(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    send(&f, packet_to(&f, NET_IP(8, 8, 8, 8), 100));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ROUTE), 1);
    check_error(f.sink_a, 0, addr_r, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_NET);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->below.flow.daddr, NET_IP(8, 8, 8, 8));
    net_clear(&f.net);
}

static void
test_unreachable_route_is_host_unreachable(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    vs_routes_add(&f.r->root->routes, &(VsRoute){.prefix = NET_IP(8, 0, 0, 0),
                                                 .length = 8,
                                                 .type = VS_ROUTE_UNREACHABLE});
    send(&f, packet_to(&f, NET_IP(8, 8, 8, 8), 100));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ROUTE), 1);
    check_error(f.sink_a, 0, addr_r, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_HOST);
    net_clear(&f.net);
}

static void
test_blackhole_is_silent(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    vs_routes_add(&f.r->root->routes, &(VsRoute){.prefix = NET_IP(8, 0, 0, 0),
                                                 .length = 8,
                                                 .type = VS_ROUTE_BLACKHOLE});
    send(&f, packet_to(&f, NET_IP(8, 8, 8, 8), 100));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ROUTE), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 0);
    CU_ASSERT_EQUAL(vs_netns_mtu_to(f.r->root, NET_IP(8, 8, 8, 8)), 0);
    CU_ASSERT_EQUAL(vs_netns_source_for(f.r->root, NET_IP(8, 8, 8, 8)), 0);
    net_clear(&f.net);
}

/* A's own packets: it tells itself. */
static void
test_no_way_from_here(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    vs_routes_add(&f.a->root->routes, &(VsRoute){.type = VS_ROUTE_UNREACHABLE});
    send(&f, packet_to(&f, NET_IP(8, 8, 8, 8), 100));
    check_error(f.sink_a, 0, addr_a, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_HOST);
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 0);
    net_clear(&f.net);
}

static void
test_host_that_does_not_forward_is_silent(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    f.r->root->is_forwarding = false;
    send(&f, packet_to(&f, addr_b, 100));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NOT_FORWARDING), 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 0);
    net_clear(&f.net);
}

static void
test_too_big_is_answered_with_the_mtu(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    f.card_r2->mtu = 1000;
    send(&f, packet_to(&f, addr_b, 1000 - 28)); /* Fits. */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    send(&f, packet_to(&f, addr_b, 1000 - 27)); /* Does not, by a byte. */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_TOO_BIG), 1);
    check_error(f.sink_a, 0, addr_r, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_TOO_BIG);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.icmp.next_mtu, 1000);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->below.ip_bytes, 1001);
    /* Not more than 576 bytes (RFC 1812). */
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.ip_bytes, 576);
    net_clear(&f.net);
}

static void
test_too_big_for_the_own_card(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    f.card_a->mtu = 1400;
    send(&f, packet_to(&f, addr_b, 1401 - 28));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_TOO_BIG), 1);
    check_error(f.sink_a, 0, addr_a, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_TOO_BIG);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->top.icmp.next_mtu, 1400);
    net_clear(&f.net);
}

/* Cut at A, cut again at R, whole again at B. */
static void
test_fragments_on_the_way(void)
{
    static const uint32_t sizes[] = {1472, 1473, 2000, 4000, 9000, 60000};
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    f.card_r2->mtu = 576;
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        VsPacket *packet = packet_to(&f, addr_b, sizes[i]);
        uint64_t n_before = f.card_a->tx_packets;
        uint32_t content = sizes[i] + 8;

        if (i == 0) { /* Let ARP come first. */
            send(&f, packet_to(&f, addr_b, 1));
            n_before = f.card_a->tx_packets;
        }
        vs_packet_top(packet)->ip_fragment = 0;
        send(&f, packet);
        CU_ASSERT_EQUAL(f.card_a->tx_packets - n_before, (content + 1479) / 1480);
        CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), i + 2);
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i + 1)->payload_bytes, sizes[i]);
        CU_ASSERT_EQUAL(net_arrival(f.sink_b, i + 1)->top.ip_bytes, content + 20);
    }
    CU_ASSERT_EQUAL(vs_packets_dropped(&f.net.run), 0);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 0);
    net_clear(&f.net);
}

static void
test_loopback_stays_inside(void)
{
    VsCosts costs = {.socket_send = 900000,
                     .socket_receive = 1200000,
                     .route_lookup = 60000,
                     .nic_transmit = 250000};
    VsAddr to[3] = {addr_a, NET_IP(127, 0, 0, 1), NET_IP(10, 96, 0, 10)};
    IpFixture f;

    ip_fixture(&f, 1, &costs);
    vs_netns_add_local(f.a->root, to[2]); /* A VIP. */
    for (unsigned i = 0; i < 3; i++) {
        VsTime started = vs_now(&f.net.run);

        send(&f, net_udp_new(f.a->root, net_flow(to[i], 1, to[i], 2), 60000));
        CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), i + 1);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, i)->at,
                        started + 900000 + 60000 + 60000 + 1200000);
        CU_ASSERT_PTR_EQUAL(net_arrival(f.sink_a, i)->iface, f.a->root->loopback);
        CU_ASSERT_EQUAL(net_arrival(f.sink_a, i)->top.ttl, 64);
    }
    CU_ASSERT_EQUAL(f.card_a->tx_packets, 0);
    CU_ASSERT_EQUAL(f.a->root->loopback->tx_packets, 3);
    CU_ASSERT_EQUAL(f.a->root->loopback->rx_packets, 3);
    net_clear(&f.net);
}

static VsVerdict
redirect(void *data, VsPacket *packet, const VsHookState *state)
{
    (void)state;
    vs_packet_top(packet)->flow.daddr = *(const VsAddr *)data;
    return VS_VERDICT_ACCEPT;
}

static void
test_output_hook_may_change_the_route(void)
{
    static const VsHook hooks[] = {{VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST, redirect},
                                   {0}};
    VsAddr to = addr_a;
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    vs_netns_add_hooks(f.a->root, hooks, &to);
    send(&f, packet_to(&f, addr_b, 10)); /* To oneself, then. */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 1);
    to = addr_b;
    send(&f, packet_to(&f, addr_a, 10));
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    to = NET_IP(7, 7, 7, 7);
    vs_routes_add(&f.a->root->routes, &(VsRoute){.prefix = NET_IP(7, 0, 0, 0),
                                                 .length = 8,
                                                 .type = VS_ROUTE_UNREACHABLE});
    send(&f, packet_to(&f, addr_b, 10));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ROUTE), 2); /* And the error. */
    net_clear(&f.net);
}

static void
test_prerouting_hook_may_change_the_route(void)
{
    static const VsHook hooks[] = {{VS_HOOK_PREROUTING, VS_HOOK_PRI_NAT_DST, redirect},
                                   {0}};
    VsAddr to = addr_b;
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    vs_netns_add_hooks(f.r->root, hooks, &to);
    send(&f, packet_to(&f, NET_IP(10, 96, 0, 1), 10)); /* R has no route to it. */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_b), 1);
    to = addr_r2;
    send(&f, packet_to(&f, NET_IP(10, 96, 0, 1), 10));
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_r), 1);
    net_clear(&f.net);
}

/* RFC 1122, 3.2.2: no error about an error, a later fragment, a broadcast or
 * nobody's. */
static void
test_no_error_about_these(void)
{
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    for (unsigned i = 0; i < 5; i++) {
        VsPacket *packet = packet_to(&f, NET_IP(8, 8, 8, 8), 100);
        VsLayer *top = vs_packet_top(packet);

        switch (i) {
        case 0:
            top->flow.protocol = VS_PROTOCOL_ICMP;
            top->icmp.type = VS_ICMP_UNREACHABLE;
            break;
        case 1:
            top->flow.protocol = VS_PROTOCOL_ICMP;
            top->icmp.type = VS_ICMP_TIME_EXCEEDED;
            break;
        case 2:
            top->ip_fragment = 1;
            break;
        case 3:
            top->flow.saddr = 0;
            break;
        default:
            top->dmac = VS_MAC_BROADCAST;
            break;
        }
        if (i == 4) { /* Straight to the card: it would get a unicast address. */
            vs_host_submit(f.a, packet, &f.card_a->send);
            net_run(&f.net, vs_now(&f.net.run) + VS_S);
        } else {
            send(&f, packet);
        }
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_NO_ROUTE), i + 1);
        CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 0);
    }
    net_clear(&f.net);
}

static void
test_echo_has_the_same_identifier(void)
{
    VsFlow flow = {.saddr = addr_a,
                   .daddr = addr_b,
                   .sport = 4711,
                   .protocol = VS_PROTOCOL_ICMP,
                   .family = VS_FAMILY_IPV4};
    VsPacket *packet;
    const VsLayer *reply;
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    packet = vs_ip_packet_new(f.b->root, &flow, 8 + 56);
    vs_packet_top(packet)->icmp = (VsIcmpHeader){.type = VS_ICMP_ECHO, .sequence = 3};
    packet->payload_bytes = 56;
    vs_icmp_answer_echo(f.b->root, packet); /* As its sockets do. */
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink_a), 1);
    reply = &net_arrival(f.sink_a, 0)->top;
    CU_ASSERT_EQUAL(reply->icmp.type, VS_ICMP_ECHO_REPLY);
    CU_ASSERT_EQUAL(reply->icmp.sequence, 3);
    CU_ASSERT_EQUAL(reply->flow.saddr, addr_b);
    CU_ASSERT_EQUAL(reply->flow.daddr, addr_a);
    CU_ASSERT_EQUAL(reply->flow.sport, 4711);
    CU_ASSERT_EQUAL(reply->flow.dport, 0);
    CU_ASSERT_EQUAL(reply->ip_bytes, 20 + 8 + 56);
    CU_ASSERT_EQUAL(net_arrival(f.sink_a, 0)->payload_bytes, 56);
    CU_ASSERT_FALSE(vs_icmp_is_error(reply));
    net_clear(&f.net);
}

static void
test_packets_have_increasing_ids(void)
{
    VsPacket *first;
    VsPacket *second;
    IpFixture f;

    ip_fixture(&f, 1, &net_no_costs);
    first = packet_to(&f, addr_b, 10);
    second = packet_to(&f, addr_b, 10);
    CU_ASSERT_EQUAL(vs_packet_top(second)->ip_id, vs_packet_top(first)->ip_id + 1);
    CU_ASSERT_EQUAL(vs_packet_top(first)->ip_fragment, VS_IP_DF);
    CU_ASSERT_EQUAL(vs_packet_top(first)->ip_bytes, 38);
    CU_ASSERT_EQUAL(first->wire_bytes, 84);
    vs_packet_deliver(first);
    vs_packet_deliver(second);
    net_clear(&f.net);
}

/* Errors, ARP and data mixed on hosts of many cores: the books balance all the way. */
static void
test_books_balance_in_a_mixed_crowd(void)
{
    VsCosts costs = {.nic_receive = 300000,
                     .nic_transmit = 250000,
                     .route_lookup = 60000,
                     .neighbour_lookup = 30000,
                     .ip_forward = 200000,
                     .socket_receive = 1200000,
                     .socket_send = 900000};
    VsRng rng;
    IpFixture f;

    ip_fixture(&f, 3, &costs);
    f.card_r2->mtu = 800;
    vs_rng_init(&rng, 1, "ip", "crowd");
    for (unsigned i = 0; i < 20000; i++) {
        static const VsAddr to[] = {NET_IP(10, 0, 2, 2), NET_IP(10, 0, 2, 2),
                                    NET_IP(10, 0, 1, 1), NET_IP(10, 0, 2, 77),
                                    NET_IP(8, 8, 8, 8),  NET_IP(10, 0, 1, 2)};
        VsAddr daddr = to[vs_rng_below(&rng, G_N_ELEMENTS(to))];
        VsPacket *packet = packet_to(&f, daddr, (uint32_t)vs_rng_below(&rng, 3000));

        vs_packet_top(packet)->ip_fragment = vs_rng_below(&rng, 2) ? VS_IP_DF : 0;
        vs_packet_top(packet)->ttl = (uint8_t)(1 + vs_rng_below(&rng, 4));
        vs_packet_top(packet)->flow.sport = (uint16_t)vs_rng_below(&rng, 1000);
        vs_ip_send(f.a->root, packet);
        if (i % 8 == 0) {
            net_run(&f.net,
                    vs_now(&f.net.run) + (VsTime)vs_rng_below(&rng, 30) * VS_US);
        }
        if (i % 1000 == 0) {
            net_check_conservation(&f.net);
            net_run(&f.net,
                    vs_now(&f.net.run) + (VsTime)vs_rng_below(&rng, 2) * 40 * VS_S);
        }
    }
    CU_ASSERT(net_n_arrived(f.sink_b) > 1000);
    CU_ASSERT(net_n_arrived(f.sink_a) > 1000);
    net_check_conservation(&f.net);
    net_run(&f.net, vs_now(&f.net.run) + 60 * VS_S);
    CU_ASSERT_EQUAL(net_n_held(&f.net), 0);
    net_clear(&f.net);
}

static const VsTestCase tests[] = {
    {"forwarding lowers the TTL and changes the frame",
     test_forwarding_lowers_the_ttl_and_changes_the_frame},
    {"forwarding is charged", test_forwarding_is_charged},
    {"a TTL used up is time exceeded", test_last_hop_of_the_ttl},
    {"no route is network unreachable", test_no_way_is_net_unreachable},
    {"a blackhole route is silent", test_blackhole_is_silent},
    {"an unreachable route is host unreachable",
     test_unreachable_route_is_host_unreachable},
    {"no way from here is told to oneself", test_no_way_from_here},
    {"a host that does not forward is silent",
     test_host_that_does_not_forward_is_silent},
    {"a packet too big is answered with the MTU",
     test_too_big_is_answered_with_the_mtu},
    {"a packet too big for the own card, too", test_too_big_for_the_own_card},
    {"packets are cut on the way and whole at its end", test_fragments_on_the_way},
    {"loopback stays inside", test_loopback_stays_inside},
    {"an output hook may change the route", test_output_hook_may_change_the_route},
    {"a prerouting hook may change the route",
     test_prerouting_hook_may_change_the_route},
    {"there is no error about errors and the like", test_no_error_about_these},
    {"an echo has the identifier it was asked with", test_echo_has_the_same_identifier},
    {"packets have increasing ids", test_packets_have_increasing_ids},
    {"the books balance in a mixed crowd", test_books_balance_in_a_mixed_crowd},
    {0},
};
VS_TESTS("ip")

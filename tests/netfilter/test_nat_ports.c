/* The source port that translation chooses: kept, or another, and never one that is taken. */
#include <glib.h>

#include "base/rng.h"
#include "tests/netfilter/nat_box.h"

static void
test_masquerade_keeps_a_unique_port(void)
{
    VsFlow out;
    VsFlow in;
    Box box;

    box_init_masquerade(&box);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1000, BOX_SERVER, 53));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_SERVER, 53));
    in = box_pass_udp(&box, box.outside, net_flow(BOX_SERVER, 53, BOX_OUTSIDE, 1000));
    CU_ASSERT(box_is_flow(in, BOX_SERVER, 53, BOX_CLIENT, 1000));

    /* Another client with the same port, but to another server, keeps it as well. */
    out = box_pass_udp(&box, box.inside,
                       net_flow(NET_IP(10, 0, 0, 3), 1000, BOX_SERVER + 1, 53));
    CU_ASSERT(box_is_flow(out, BOX_OUTSIDE, 1000, BOX_SERVER + 1, 53));
    in = box_pass_udp(&box, box.outside,
                      net_flow(BOX_SERVER + 1, 53, BOX_OUTSIDE, 1000));
    CU_ASSERT(box_is_flow(in, BOX_SERVER + 1, 53, NET_IP(10, 0, 0, 3), 1000));
    box_clear(&box);
}

/* Clients that all use one port towards one server: the first keeps it, the others get
 * others of its class, all distinct, and each gets its own answers. */
static void
check_port_class(uint16_t port, unsigned first, unsigned last, unsigned n_clients)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    Box box;

    box_init_masquerade(&box);
    for (unsigned i = 0; i < n_clients; i++) {
        VsAddr client = NET_IP(10, 1, 0, 0) + i;
        VsFlow out =
            box_pass_udp(&box, box.inside, net_flow(client, port, BOX_SERVER, 53));
        VsFlow in;

        CU_ASSERT_EQUAL(out.saddr, BOX_OUTSIDE);
        CU_ASSERT_EQUAL(out.daddr, BOX_SERVER);
        CU_ASSERT_EQUAL(out.dport, 53);
        CU_ASSERT(i > 0 || out.sport == port);
        CU_ASSERT(i == 0 || (out.sport >= first && out.sport <= last));
        CU_ASSERT(g_hash_table_add(seen, GUINT_TO_POINTER(out.sport)));
        in = box_pass_udp(&box, box.outside,
                          net_flow(BOX_SERVER, 53, BOX_OUTSIDE, out.sport));
        CU_ASSERT(box_is_flow(in, BOX_SERVER, 53, client, port));
        /* Its next packet has the same port. */
        out = box_pass_udp(&box, box.inside, net_flow(client, port, BOX_SERVER, 53));
        CU_ASSERT(g_hash_table_contains(seen, GUINT_TO_POINTER(out.sport)));
    }
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, n_clients);
    box_clear(&box);
}

static void
test_taken_port_gives_another_of_its_class(void)
{
    check_port_class(1, 1, 511, 200);
    check_port_class(400, 1, 511, 200);
    check_port_class(511, 1, 511, 200);
    check_port_class(512, 600, 1023, 200);
    check_port_class(900, 600, 1023, 200);
    check_port_class(1023, 600, 1023, 200);
    check_port_class(1024, 1024, 65535, 1000);
    check_port_class(40000, 1024, 65535, 1000);
    check_port_class(65535, 1024, 65535, 1000);
}

/* 1..511 are 511 ports: more clients than that cannot be served. */
static void
test_no_port_is_left(void)
{
    unsigned n_served = 0;
    Box box;

    box_init_masquerade(&box);
    for (unsigned i = 0; i < 1000; i++) {
        VsFlow out = box_pass_udp(
            &box, box.inside, net_flow(NET_IP(10, 1, 0, 0) + i, 400, BOX_SERVER, 53));

        n_served += out.daddr != 0;
    }
    CU_ASSERT(n_served > 450); /* 128 + 64 + 32 + 16 tries may miss the last few. */
    CU_ASSERT(n_served <= 511);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_NAT_PORT), 1000 - n_served);
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, n_served);

    /* Another class, another server: no shortage. */
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside,
                                 net_flow(NET_IP(10, 2, 0, 0), 900, BOX_SERVER, 53))
                        .sport,
                    900);
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside,
                                 net_flow(NET_IP(10, 2, 0, 0), 400, BOX_SERVER, 54))
                        .sport,
                    400);
    box_clear(&box);
}

/* Ports come from the run's seed: the same every time. */
static void
test_ports_are_reproducible(void)
{
    uint16_t ports[2][50];

    for (unsigned k = 0; k < 2; k++) {
        Box box;

        box_init_masquerade(&box);
        for (unsigned i = 0; i < 50; i++) {
            ports[k][i] =
                box_pass_udp(&box, box.inside,
                             net_flow(NET_IP(10, 1, 0, 0) + i, 5000, BOX_SERVER, 53))
                    .sport;
        }
        box_clear(&box);
    }
    CU_ASSERT_EQUAL(memcmp(ports[0], ports[1], sizeof(ports[0])), 0);
}

/* Two VIPs of one backend, asked from one port: the answers would look the same, so the
 * second connection gets another source port (the kernel's null binding). */
static void
test_answers_are_told_apart_without_a_rule(void)
{
    VsFlow first, second, in;
    Box box;

    box_init_service(&box);
    first = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 5000, BOX_VIP, 80));
    second = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 5000, BOX_VIP2, 80));
    CU_ASSERT(box_is_flow(first, BOX_CLIENT, 5000, BOX_BACKEND, 8080));
    CU_ASSERT_EQUAL(second.saddr, BOX_CLIENT);
    CU_ASSERT_EQUAL(second.daddr, BOX_BACKEND);
    CU_ASSERT_EQUAL(second.dport, 8080);
    CU_ASSERT(second.sport != 5000 && second.sport >= 1024);

    in = box_pass_udp(&box, box.outside, net_flow(BOX_BACKEND, 8080, BOX_CLIENT, 5000));
    CU_ASSERT(box_is_flow(in, BOX_VIP, 80, BOX_CLIENT, 5000));
    in = box_pass_udp(&box, box.outside,
                      net_flow(BOX_BACKEND, 8080, BOX_CLIENT, second.sport));
    CU_ASSERT(box_is_flow(in, BOX_VIP2, 80, BOX_CLIENT, 5000));
    box_clear(&box);
}

/* ---- All of it at random --------------------------------------------------------- */

typedef struct {
    VsFlow sent;  /* By the client. */
    VsFlow there; /* As the server sees it. */
} Connection;

/* Clients with few ports ask VIPs and servers.  On the wire outside no two
 * connections may look alike, each must look the same every time, and each answer
 * must find home. */
static void
test_translation_is_one_to_one(void)
{
    enum { N = 3000 };
    g_autoptr(GArray) connections = g_array_new(FALSE, FALSE, sizeof(Connection));
    VsConntrackConfig config = vs_conntrack_config_default;
    bool is_right = true;
    VsRng rng;
    Box box;

    vs_rng_init(&rng, 1, "nat", "one to one");
    config.udp_timeout = config.udp_stream_timeout = 86400 * VS_S;
    box_init_with(&box, &config, 0);
    vs_nat_add_dst_rule(box.conntrack, box_service_rule, NULL);
    vs_nat_add_src_rule(box.conntrack, box_masquerade, NULL);
    for (unsigned n = 0; n < N && is_right; n++) {
        static const VsAddr to[] = {BOX_VIP, BOX_VIP2, BOX_BACKEND, BOX_SERVER};
        unsigned which = (unsigned)vs_rng_below(&rng, G_N_ELEMENTS(to));
        VsAddr client = NET_IP(10, 3, 0, 0) + (uint32_t)vs_rng_below(&rng, 40);
        uint16_t sport = (uint16_t)(5000 + vs_rng_below(&rng, 10));
        VsFlow flow = net_flow(client, sport, to[which], which < 2 ? 80 : 8080);
        VsFlow there = box_pass_udp(&box, box.inside, flow);
        VsFlow back = vs_flow_reverse(&there);
        VsFlow home = box_pass_udp(&box, box.outside, back);
        VsFlow home_right = vs_flow_reverse(&flow);
        bool is_known = false;

        is_right &= vs_flow_equals(&home, &home_right);
        is_right &= there.saddr == BOX_OUTSIDE && there.dport == 8080;
        is_right &= there.daddr == (which < 3 ? BOX_BACKEND : BOX_SERVER);
        for (unsigned i = 0; i < connections->len; i++) {
            const Connection *other = &g_array_index(connections, Connection, i);
            bool is_same = vs_flow_equals(&other->sent, &flow);

            is_known |= is_same;
            is_right &= vs_flow_equals(&other->there, &there) == is_same;
        }
        if (!is_known) {
            Connection connection = {flow, there};

            g_array_append_val(connections, connection);
        }
    }
    CU_ASSERT(is_right);
    CU_ASSERT(connections->len > 1000);
    CU_ASSERT_EQUAL(box.conntrack->n_created, connections->len);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"masquerading keeps a unique port", test_masquerade_keeps_a_unique_port},
    {"a taken port gives another of its class",
     test_taken_port_gives_another_of_its_class},
    {"without a free port the packet is dropped", test_no_port_is_left},
    {"ports are reproducible", test_ports_are_reproducible},
    {"answers are told apart without a rule",
     test_answers_are_told_apart_without_a_rule},
    {"translation is one to one", test_translation_is_one_to_one},
    {0},
};
VS_TESTS("nat_ports")

/* Translation into ranges of addresses and ports. */
#include "base/hash.h"
#include "tests/netfilter/nat_box.h"

static bool
src_rule(void *range, VsPacket *packet, VsConntrackEntry *entry,
         const VsHookState *state, bool *ret_stolen)
{
    (void)packet;
    (void)state;
    (void)ret_stolen;
    vs_nat_setup(entry, VS_NAT_SRC, range);
    return true;
}

static bool
dst_rule(void *range, VsPacket *packet, VsConntrackEntry *entry,
         const VsHookState *state, bool *ret_stolen)
{
    (void)packet;
    (void)state;
    (void)ret_stolen;
    vs_nat_setup(entry, VS_NAT_DST, range);
    return true;
}

static void
box_init_range(Box *box, VsNatManip manip, VsNatRange *range)
{
    box_init(box);
    if (manip == VS_NAT_SRC) {
        vs_nat_add_src_rule(box->conntrack, src_rule, range);
    } else {
        vs_nat_add_dst_rule(box->conntrack, dst_rule, range);
    }
}

/* jhash2() of the source as a 16-byte address in network order, scaled to 'n'. */
static uint32_t
kernel_choice(VsAddr saddr, uint32_t daddr_or_0, uint32_t n)
{
    uint8_t bytes[16] = {saddr >> 24, saddr >> 16 & 255, saddr >> 8 & 255, saddr & 255};
    uint32_t words[4];

    memcpy(words, bytes, sizeof(words)); /* As a little-endian kernel reads them. */
    return (
        uint32_t)((uint64_t)vs_jhash_words(words, 4, GUINT32_SWAP_LE_BE(daddr_or_0)) *
                      n >>
                  32);
}

static void
test_address_is_the_kernels_choice(void)
{
    for (unsigned is_persistent = 0; is_persistent < 2; is_persistent++) {
        VsNatRange range = {.has_address = true,
                            .min_address = NET_IP(192, 0, 2, 100),
                            .max_address = NET_IP(192, 0, 2, 109),
                            .is_persistent = is_persistent};
        unsigned n_seen[10] = {0};
        Box box;

        box_init_range(&box, VS_NAT_SRC, &range);
        for (unsigned i = 0; i < 200; i++) {
            VsAddr client = NET_IP(10, 1, 0, 0) + i;
            VsAddr server = BOX_SERVER + i % 3;
            VsFlow out =
                box_pass_udp(&box, box.inside, net_flow(client, 1000, server, 53));
            uint32_t choice = kernel_choice(client, is_persistent ? 0 : server, 10);

            CU_ASSERT_EQUAL(out.saddr, range.min_address + choice);
            n_seen[choice]++;
        }
        for (unsigned i = 0; i < 10; i++) {
            CU_ASSERT(n_seen[i] > 0);
        }
        box_clear(&box);
    }
}

/* A source in the range stays what it is. */
static void
test_source_in_the_range_is_kept(void)
{
    VsNatRange range = {
        .has_address = true, .min_address = BOX_CLIENT, .max_address = BOX_CLIENT + 50};
    VsFlow out;
    Box box;

    box_init_range(&box, VS_NAT_SRC, &range);
    out = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT + 1, 9, BOX_SERVER, 53));
    CU_ASSERT(box_is_flow(out, BOX_CLIENT + 1, 9, BOX_SERVER, 53));
    CU_ASSERT_EQUAL(box_find(&box, out)->status & VS_CT_SRC_NAT, 0);
    box_clear(&box);
}

/* Ports of the range are given until none is left. */
static void
test_source_ports_of_a_range(void)
{
    VsNatRange range = {.has_address = true,
                        .min_address = BOX_OUTSIDE,
                        .max_address = BOX_OUTSIDE,
                        .has_ports = true,
                        .min_port = 2000,
                        .max_port = 2049};
    bool is_seen[50] = {false};
    Box box;

    box_init_range(&box, VS_NAT_SRC, &range);
    for (unsigned i = 0; i < 50; i++) {
        VsFlow out = box_pass_udp(
            &box, box.inside, net_flow(NET_IP(10, 1, 0, 0) + i, 1000, BOX_SERVER, 53));

        CU_ASSERT_FATAL(out.sport >= 2000 && out.sport <= 2049);
        CU_ASSERT(!is_seen[out.sport - 2000]);
        is_seen[out.sport - 2000] = true;
    }
    CU_ASSERT_EQUAL(box_pass_udp(&box, box.inside,
                                 net_flow(NET_IP(10, 2, 0, 0), 1000, BOX_SERVER, 53))
                        .daddr,
                    0);
    CU_ASSERT_EQUAL(net_n_dropped(&box.net, VS_DROP_NO_NAT_PORT), 1);
    CU_ASSERT_EQUAL(box.conntrack->stats->insert_failed, 1);
    box_clear(&box);
}

/* Without --random a socket's second connection gets the source of its first. */
static void
test_one_socket_keeps_its_source(void)
{
    for (unsigned is_random = 0; is_random < 2; is_random++) {
        VsNatRange range = {.has_address = true,
                            .min_address = BOX_OUTSIDE,
                            .max_address = BOX_OUTSIDE,
                            .has_ports = true,
                            .min_port = 20000,
                            .max_port = 60000,
                            .is_random_fully = is_random};
        VsFlow first, out;
        unsigned n_same = 0;
        Box box;

        box_init_range(&box, VS_NAT_SRC, &range);
        first = box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 9, BOX_SERVER, 53));
        for (unsigned i = 1; i < 20; i++) {
            out = box_pass_udp(&box, box.inside,
                               net_flow(BOX_CLIENT, 9, BOX_SERVER + i, 53));
            n_same += out.sport == first.sport;
        }
        CU_ASSERT_EQUAL(n_same, is_random ? 0 : 19);
        box_run(&box, 40 * VS_S); /* When all have gone, nothing is remembered. */
        CU_ASSERT_EQUAL(vs_table_length(&box.conntrack->sources), 0);
        box_clear(&box);
    }
}

/* Also when the first or the last of a socket's connections goes before the others. */
static void
test_sources_are_forgotten_in_any_order(void)
{
    for (unsigned order = 0; order < 6; order++) {
        static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                             {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        Box box;

        box_init_masquerade(&box);
        for (unsigned i = 0; i < 3; i++) {
            box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 9, BOX_SERVER + i, 53));
        }
        CU_ASSERT_EQUAL(vs_table_length(&box.conntrack->sources), 1);
        for (unsigned i = 0; i < 3; i++) {
            vs_conntrack_delete(box_find(
                &box, net_flow(BOX_CLIENT, 9, BOX_SERVER + orders[order][i], 53)));
            CU_ASSERT_EQUAL(vs_table_length(&box.conntrack->sources), i < 2);
        }
        box_clear(&box);
    }
}

/* --random: the port is not kept even if it is free. */
static void
test_random_does_not_keep_the_port(void)
{
    VsNatRange range = {.has_address = true,
                        .min_address = BOX_OUTSIDE,
                        .max_address = BOX_OUTSIDE,
                        .is_random = true};
    unsigned n_kept = 0;
    Box box;

    box_init_range(&box, VS_NAT_SRC, &range);
    for (unsigned i = 0; i < 50; i++) {
        VsFlow out =
            box_pass_udp(&box, box.inside,
                         net_flow(BOX_CLIENT, (uint16_t)(5000 + i), BOX_SERVER, 53));

        CU_ASSERT_EQUAL(out.saddr, BOX_OUTSIDE);
        CU_ASSERT(out.sport >= 1024);
        n_kept += out.sport == 5000 + i;
    }
    CU_ASSERT(n_kept <= 1); /* Each by chance, 1 of 64512. */
    box_clear(&box);
}

static void
test_destination_range(void)
{
    VsNatRange range = {.has_address = true,
                        .min_address = BOX_BACKEND,
                        .max_address = BOX_BACKEND + 3,
                        .has_ports = true,
                        .min_port = 8000,
                        .max_port = 8003};
    unsigned n_ports[4] = {0};
    Box box;

    box_init_range(&box, VS_NAT_DST, &range);
    for (unsigned i = 0; i < 100; i++) {
        VsAddr client = NET_IP(10, 1, 0, 0) + i;
        VsFlow out = box_pass_udp(&box, box.inside, net_flow(client, 1, BOX_VIP, 80));

        CU_ASSERT_EQUAL(out.daddr, BOX_BACKEND + kernel_choice(client, BOX_VIP, 4));
        CU_ASSERT_FATAL(out.dport >= 8000 && out.dport <= 8003);
        n_ports[out.dport - 8000]++;
        out = box_pass_udp(&box, box.outside, vs_flow_reverse(&out));
        CU_ASSERT(box_is_flow(out, BOX_VIP, 80, client, 1));
    }
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT(n_ports[i] > 0);
    }
    /* A port of the range stays. */
    CU_ASSERT_EQUAL(
        box_pass_udp(&box, box.inside, net_flow(BOX_CLIENT, 1, BOX_VIP, 8002)).dport,
        8002);
    box_clear(&box);
}

/* The search is bounded: 1000 connections that find nothing look at 248 tuples each. */
static void
test_search_is_bounded(void)
{
    VsConntrackConfig config = vs_conntrack_config_default;
    VsNatRange range = {.has_address = true,
                        .min_address = BOX_OUTSIDE,
                        .max_address = BOX_OUTSIDE,
                        .has_ports = true,
                        .min_port = 1,
                        .max_port = 300};
    uint64_t n_found;
    Box box;

    config.udp_timeout = 3600 * VS_S;
    box_init_with(&box, &config, 0);
    vs_nat_add_src_rule(box.conntrack, src_rule, &range);
    for (unsigned i = 0; i < 3000; i++) {
        box_pass_udp(&box, box.inside,
                     net_flow(NET_IP(10, 1, 0, 0) + i, 1000, BOX_SERVER, 53));
    }
    CU_ASSERT_EQUAL(box.conntrack->stats->n_entries, 300);
    n_found = box.conntrack->stats->found;
    box_pass_udp(&box, box.inside, net_flow(NET_IP(10, 2, 0, 0), 1000, BOX_SERVER, 53));
    CU_ASSERT_EQUAL(box.conntrack->stats->found - n_found, 128 + 64 + 32 + 16 + 8);
    box_clear(&box);
}

static const VsTestCase tests[] = {
    {"the address is the kernel's choice", test_address_is_the_kernels_choice},
    {"a source in the range is kept", test_source_in_the_range_is_kept},
    {"source ports of a range", test_source_ports_of_a_range},
    {"one socket keeps its source", test_one_socket_keeps_its_source},
    {"sources are forgotten in any order", test_sources_are_forgotten_in_any_order},
    {"random does not keep the port", test_random_does_not_keep_the_port},
    {"a destination range", test_destination_range},
    {"the search is bounded", test_search_is_bounded},
    {0},
};
VS_TESTS("nat_ranges")

/* Fragmentation and reassembly. */
#include <glib.h>

#include "base/rng.h"
#include "net/reassembly.h"
#include "tests/net/net_fixture.h"

enum { MAX_FRAGMENTS = 64 };

typedef struct {
    Net net;
    VsNetns *netns;
} FragmentFixture;

static void
fragment_fixture(FragmentFixture *f)
{
    net_init(&f->net);
    f->netns = net_host_with(&f->net, "a", 0, 0, &net_no_costs)->root;
}

/* A packet with so many bytes after the IP header, which may be cut. */
static VsPacket *
packet_new(FragmentFixture *f, uint32_t content_bytes)
{
    VsFlow flow = net_flow(NET_IP(10, 0, 0, 1), 1, NET_IP(10, 0, 0, 2), 2);
    VsPacket *packet = vs_ip_packet_new(f->netns, &flow, content_bytes);

    vs_packet_top(packet)->ip_fragment = 0;
    packet->payload.kind = VS_PAYLOAD_DNS;
    packet->payload.dns.id = 4711;
    packet->payload_bytes = content_bytes - VS_UDP_HEADER_BYTES;
    return packet;
}

/* The fragments, as an array.  Returns their number. */
static unsigned
cut(VsPacket *packet, uint32_t mtu, VsPacket *fragments[MAX_FRAGMENTS])
{
    unsigned n = 0;

    for (packet = vs_ip_fragment(packet, mtu); packet; n++) {
        VsPacket *next = packet->next;

        g_assert(n < MAX_FRAGMENTS);
        packet->next = NULL;
        fragments[n] = packet;
        packet = next;
    }
    return n;
}

static bool
is_whole(const VsPacket *packet, uint32_t content_bytes)
{
    const VsLayer *top = &packet->layers[packet->n_layers - 1];

    return top->ip_bytes == VS_IPV4_HEADER_BYTES + content_bytes &&
           top->ip_fragment == 0 &&
           packet->wire_bytes == MAX(top->ip_bytes, (uint32_t)46) + 38 &&
           packet->payload.kind == VS_PAYLOAD_DNS && packet->payload.dns.id == 4711 &&
           packet->payload_bytes == content_bytes - VS_UDP_HEADER_BYTES &&
           !packet->next;
}

/* RFC 791: all but the last a multiple of 8 bytes, none above the MTU, nothing lost. */
static void
test_pieces_fit_and_add_up(void)
{
    static const uint32_t mtus[] = {28, 68, 576, 577, 583, 584, 1000, 1500};
    FragmentFixture f;

    fragment_fixture(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(mtus); i++) {
        for (uint32_t bytes = 8; bytes <= 40 * (mtus[i] - 20 - 7) && bytes < 9000;
             bytes += 1 + bytes / 50) {
            VsPacket *fragments[MAX_FRAGMENTS];
            VsPacket *packet = packet_new(&f, bytes);
            uint32_t at = 0;
            unsigned n = cut(packet, mtus[i], fragments);

            CU_ASSERT_PTR_EQUAL(fragments[0], packet); /* Keeps its trail. */
            for (unsigned k = 0; k < n; k++) {
                const VsLayer *top = vs_packet_top(fragments[k]);
                uint32_t content = top->ip_bytes - VS_IPV4_HEADER_BYTES;

                CU_ASSERT(top->ip_bytes <= mtus[i]);
                CU_ASSERT_EQUAL((top->ip_fragment & VS_IP_OFFSET_MASK) * 8, at);
                CU_ASSERT_EQUAL((top->ip_fragment & VS_IP_MF) != 0, k + 1 < n);
                CU_ASSERT_EQUAL(top->ip_fragment & VS_IP_DF, 0);
                CU_ASSERT(k + 1 == n || content % 8 == 0);
                CU_ASSERT(k + 1 == n || content + 8 > mtus[i] - VS_IPV4_HEADER_BYTES);
                CU_ASSERT_EQUAL(fragments[k]->payload.kind, VS_PAYLOAD_DNS);
                CU_ASSERT_EQUAL(fragments[k]->wire_bytes, MAX(top->ip_bytes, 46) + 38);
                CU_ASSERT_EQUAL(vs_ip_is_fragment(top), n > 1);
                at += content;
                vs_packet_deliver(fragments[k]);
            }
            CU_ASSERT_EQUAL(at, bytes);
        }
    }
    net_clear(&f.net);
}

/* Hands over fragments in the given order; true if only the last one gave the whole. */
static bool
completes_at_last(FragmentFixture *f, VsPacket **fragments, const unsigned *order,
                  unsigned n, uint32_t bytes)
{
    for (unsigned i = 0; i < n; i++) {
        VsPacket *whole = vs_ip_reassemble(f->netns, fragments[order[i]]);

        if ((whole != NULL) != (i + 1 == n)) {
            return false;
        }
        if (whole) {
            bool is_right = is_whole(whole, bytes);

            vs_packet_deliver(whole);
            return is_right;
        }
        if (vs_host_n_held(f->netns->host) != i + 1) {
            return false;
        }
    }
    return false;
}

/* All permutations of 'order' from 'at' on. */
static void
try_permutations(FragmentFixture *f, unsigned *order, unsigned at, unsigned n,
                 uint32_t mtu, uint32_t bytes)
{
    if (at == n) {
        VsPacket *fragments[MAX_FRAGMENTS];

        CU_ASSERT_EQUAL(cut(packet_new(f, bytes), mtu, fragments), n);
        CU_ASSERT(completes_at_last(f, fragments, order, n, bytes));
        CU_ASSERT_EQUAL(vs_host_n_held(f->netns->host), 0);
        return;
    }
    for (unsigned i = at; i < n; i++) {
        unsigned swap = order[at];

        order[at] = order[i];
        order[i] = swap;
        try_permutations(f, order, at + 1, n, mtu, bytes);
        order[i] = order[at];
        order[at] = swap;
    }
}

static void
test_every_order_gives_the_whole(void)
{
    FragmentFixture f;

    fragment_fixture(&f);
    for (unsigned n = 2; n <= 6; n++) {
        unsigned order[6] = {0, 1, 2, 3, 4, 5};

        try_permutations(&f, order, 0, n, 28 + 92, 96 * n - 5);
    }
    CU_ASSERT_EQUAL(vs_packets_dropped(&f.net.run), 0);
    net_clear(&f.net);
}

/* Two copies of each fragment but one, shuffled; then the one. */
static void
test_duplicates_are_dropped(void)
{
    FragmentFixture f;
    VsRng rng;

    fragment_fixture(&f);
    vs_rng_init(&rng, 1, "fragments", "duplicates");
    for (unsigned round = 0; round < 300; round++) {
        VsPacket *fragments[2 * MAX_FRAGMENTS];
        VsPacket *whole = NULL;
        uint64_t n_before = net_n_dropped(&f.net, VS_DROP_DUPLICATE);
        uint32_t bytes = 1000 + (uint32_t)vs_rng_below(&rng, 1000);
        unsigned n = cut(packet_new(&f, bytes), 220, fragments);
        unsigned last = (unsigned)vs_rng_below(&rng, n);
        VsPacket *missing = fragments[last];
        unsigned n_all;

        fragments[last] = fragments[n - 1];
        n_all = n - 1;
        for (unsigned i = 0; i < n - 1; i++) {
            fragments[n_all++] = vs_packet_copy(fragments[i]);
        }
        for (unsigned i = n_all - 1; i > 0; i--) {
            unsigned j = (unsigned)vs_rng_below(&rng, i + 1);
            VsPacket *swap = fragments[i];

            fragments[i] = fragments[j];
            fragments[j] = swap;
        }
        for (unsigned i = 0; i < n_all; i++) {
            CU_ASSERT_PTR_NULL(vs_ip_reassemble(f.netns, fragments[i]));
        }
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_DUPLICATE), n_before + n - 1);
        CU_ASSERT_EQUAL(vs_host_n_held(f.netns->host), n - 1);
        whole = vs_ip_reassemble(f.netns, missing);
        CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
        CU_ASSERT(is_whole(whole, bytes));
        vs_packet_deliver(whole);
    }
    net_clear(&f.net);
}

/* One that overlaps others without being a copy of any. */
static void
test_overlaps_are_dropped(void)
{
    VsPacket *fragments[MAX_FRAGMENTS];
    VsPacket *odd;
    VsPacket *whole;
    FragmentFixture f;

    fragment_fixture(&f);
    CU_ASSERT_EQUAL(cut(packet_new(&f, 300), 120, fragments), 4); /* 96, 96, 96, 12. */
    odd = vs_packet_copy(fragments[1]);
    vs_packet_top(odd)->ip_fragment -= 1; /* 8 bytes sooner. */
    vs_ip_reassemble(f.netns, fragments[0]);
    CU_ASSERT_PTR_NULL(vs_ip_reassemble(f.netns, vs_packet_copy(odd)));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_DUPLICATE), 1);
    vs_ip_reassemble(f.netns, fragments[2]);
    vs_packet_top(odd)->ip_fragment += 2; /* 8 bytes later. */
    CU_ASSERT_PTR_NULL(vs_ip_reassemble(f.netns, odd));
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_DUPLICATE), 2);
    vs_ip_reassemble(f.netns, fragments[3]);
    whole = vs_ip_reassemble(f.netns, fragments[1]);
    CU_ASSERT(whole && is_whole(whole, 300));
    vs_packet_deliver(whole);
    net_clear(&f.net);
}

static void
test_missing_fragment_times_out(void)
{
    for (unsigned missing = 0; missing < 4; missing++) {
        VsPacket *fragments[MAX_FRAGMENTS];
        FragmentFixture f;

        fragment_fixture(&f);
        cut(packet_new(&f, 300), 120, fragments);
        net_run(&f.net, VS_S);
        for (unsigned i = 0; i < 4; i++) {
            if (i != missing) {
                CU_ASSERT_PTR_NULL(vs_ip_reassemble(f.netns, fragments[i]));
                net_run(&f.net, vs_now(&f.net.run) + VS_S);
            }
        }
        net_run(&f.net, VS_S + VS_REASSEMBLY_TIMEOUT - 1);
        CU_ASSERT_EQUAL(vs_host_n_held(f.netns->host), 3);
        net_run(&f.net,
                VS_S + VS_REASSEMBLY_TIMEOUT); /* After the first, not the last. */
        CU_ASSERT_EQUAL(vs_host_n_held(f.netns->host), 0);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_REASSEMBLY_TIMEOUT), 3);

        CU_ASSERT_PTR_NULL(
            vs_ip_reassemble(f.netns, fragments[missing])); /* Too late. */
        CU_ASSERT_EQUAL(vs_host_n_held(f.netns->host), 1);
        net_run(&f.net, 2 * VS_S + 2 * VS_REASSEMBLY_TIMEOUT);
        CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_REASSEMBLY_TIMEOUT), 4);
        net_clear(&f.net);
    }
}

static void
test_datagrams_are_told_apart(void)
{
    enum { N = 5 };
    VsPacket *fragments[N][MAX_FRAGMENTS];
    FragmentFixture f;

    fragment_fixture(&f);
    for (unsigned i = 0; i < N; i++) {
        cut(packet_new(&f, 300), 120, fragments[i]);
    }
    for (unsigned i = 0; i < 4; i++) { /* Of one id, but other ends or protocol. */
        vs_packet_top(fragments[1][i])->flow.saddr++;
        vs_packet_top(fragments[2][i])->flow.daddr++;
        vs_packet_top(fragments[3][i])->flow.protocol = VS_PROTOCOL_TCP;
        for (unsigned k = 1; k < N - 1; k++) {
            vs_packet_top(fragments[k][i])->ip_id =
                vs_packet_top(fragments[0][i])->ip_id;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < N; k++) {
            VsPacket *whole = vs_ip_reassemble(f.netns, fragments[k][(i + k) % 4]);

            CU_ASSERT_EQUAL(whole != NULL, i == 3);
            if (whole) {
                CU_ASSERT(is_whole(whole, 300));
                vs_packet_deliver(whole);
            }
        }
    }
    net_clear(&f.net);
}

/* Fragments of a path with an even smaller MTU further on. */
static void
test_fragments_may_be_cut_again(void)
{
    FragmentFixture f;

    fragment_fixture(&f);
    for (uint32_t bytes = 500; bytes < 3000; bytes += 111) {
        VsPacket *first[MAX_FRAGMENTS];
        VsPacket *whole = NULL;
        unsigned n = cut(packet_new(&f, bytes), 576, first);

        for (unsigned i = n; i-- > 0;) {
            VsPacket *second[MAX_FRAGMENTS];
            unsigned m = cut(first[i], 100, second);

            for (unsigned k = 0; k < m; k++) {
                CU_ASSERT_PTR_NULL(whole);
                CU_ASSERT_EQUAL((vs_packet_top(second[k])->ip_fragment & VS_IP_MF) != 0,
                                i + 1 < n || k + 1 < m);
                whole = vs_ip_reassemble(f.netns, second[k]);
            }
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
        CU_ASSERT(is_whole(whole, bytes));
        vs_packet_deliver(whole);
    }
    net_clear(&f.net);
}

/* The trail is the first fragment's; the wait for the others is in it. */
static void
test_wait_for_the_others_is_in_the_trail(void)
{
    VsPacket *fragments[MAX_FRAGMENTS];
    VsJourney journey = {0};
    VsPacket *packet;
    VsPacket *whole;
    FragmentFixture f;

    fragment_fixture(&f);
    vs_journey_start(&journey, 0);
    packet = packet_new(&f, 300);
    packet->payload.journey = &journey;
    packet->payload.journey_generation = journey.generation;
    vs_packet_follow(packet, 0);
    cut(packet, 120, fragments);
    for (unsigned i = 0; i < 4; i++) {
        whole = vs_ip_reassemble(f.netns, fragments[i]);
        if (i < 3) {
            net_run(&f.net, vs_now(&f.net.run) + 1000);
        }
    }
    CU_ASSERT_PTR_EQUAL(whole, packet);
    CU_ASSERT_EQUAL(whole->trail->elapsed, 3000);
    CU_ASSERT_EQUAL(whole->trail->n_steps, 1);
    CU_ASSERT_EQUAL(whole->trail->steps[0].stage, f.netns->reassembly_stage);
    vs_packet_arrive(whole);
    vs_packet_deliver(whole);
    vs_journey_clear(&journey);
    net_clear(&f.net);
}

static void
test_host_that_goes_drops_fragments(void)
{
    VsPacket *fragments[MAX_FRAGMENTS];
    FragmentFixture f;

    fragment_fixture(&f);
    for (unsigned i = 0; i < 10; i++) {
        cut(packet_new(&f, 300), 120, fragments);
        for (unsigned k = 0; k < 4; k++) {
            if (k == i % 4) {
                vs_packet_deliver(fragments[k]);
            } else {
                vs_ip_reassemble(f.netns, fragments[k]);
            }
        }
    }
    CU_ASSERT_EQUAL(vs_host_n_held(f.netns->host), 30);
    net_clear(&f.net); /* And so checks. */
}

static const VsTestCase tests[] = {
    {"pieces fit and add up", test_pieces_fit_and_add_up},
    {"every order gives the whole", test_every_order_gives_the_whole},
    {"duplicates are dropped", test_duplicates_are_dropped},
    {"overlaps are dropped", test_overlaps_are_dropped},
    {"a missing fragment times out after 30 s", test_missing_fragment_times_out},
    {"datagrams are told apart", test_datagrams_are_told_apart},
    {"fragments may be cut again", test_fragments_may_be_cut_again},
    {"the wait for the others is in the trail",
     test_wait_for_the_others_is_in_the_trail},
    {"a host that goes drops its fragments", test_host_that_goes_drops_fragments},
    {0},
};
VS_TESTS("fragments")

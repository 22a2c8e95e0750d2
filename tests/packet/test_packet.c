/* Packets: the pool's books, layers, copies, sizes on the wire, queues. */
#include <glib.h>

#include "engine/run.h"
#include "packet/packet.h"
#include "vs_test.h"

static void
run_with_packets(VsRun *run)
{
    vs_run_init(run, 1);
    vs_run_make_packets(run);
}

/* Checks that every packet is accounted for: 'n_held' are the test's. */
static void
clear_run(VsRun *run, uint64_t n_held)
{
    const VsPacketPool *pool = run->packets;

    CU_ASSERT_EQUAL(vs_packets_in_flight(run), n_held);
    CU_ASSERT_EQUAL(pool->n_created,
                    pool->n_delivered + vs_packets_dropped(run) + n_held);
    vs_run_free_packets(run);
    CU_ASSERT_PTR_NULL(run->packets);
    vs_run_clear(run);
}

static void
test_books_of_the_pool(void)
{
    VsPacket *packets[1000];
    VsRun run;

    run_with_packets(&run);
    for (unsigned i = 0; i < 1000; i++) {
        packets[i] = i % 10 == 9 ? vs_packet_copy(packets[i - 1]) : vs_packet_new(&run);
        CU_ASSERT_EQUAL(packets[i]->number, i + 1); /* In order of creation. */
    }
    CU_ASSERT_EQUAL(run.packets->n_created, 1000);
    CU_ASSERT_EQUAL(vs_packets_in_flight(&run), 1000);
    for (unsigned i = 0; i < 900; i++) {
        if (i % 3 == 0) {
            vs_packet_deliver(packets[i]);
        } else {
            vs_packet_drop(packets[i],
                           i % 3 == 1 ? VS_DROP_QUEUE_FULL : VS_DROP_NO_ROUTE);
        }
    }
    CU_ASSERT_EQUAL(run.packets->n_delivered, 300);
    CU_ASSERT_EQUAL(run.packets->n_dropped[VS_DROP_QUEUE_FULL], 300);
    CU_ASSERT_EQUAL(run.packets->n_dropped[VS_DROP_NO_ROUTE], 300);
    CU_ASSERT_EQUAL(vs_packets_dropped(&run), 600);
    clear_run(&run, 100);
}

static void
test_pool_stops_growing(void)
{
    VsPacket *packets[500];
    VsRun run;
    size_t n_slabs = 0;

    run_with_packets(&run);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 500; i++) {
            packets[i] = vs_packet_new(&run);
        }
        for (unsigned i = 0; i < 500; i++) {
            vs_packet_deliver(packets[i]);
        }
        if (round == 0) {
            n_slabs = vs_pool_n_slabs(&run.packets->packets);
        }
    }
    CU_ASSERT_EQUAL(vs_pool_n_slabs(&run.packets->packets), n_slabs);
    clear_run(&run, 0);
}

/* However dirty the memory it gets. */
static void
test_new_packet_is_clean(void)
{
    static const VsLayer clean_layer;
    static const VsPayload clean_payload;
    VsPacket *packet;
    VsRun run;

    run_with_packets(&run);
    packet = vs_packet_new(&run);
    memset((char *)packet + offsetof(VsPacket, wire_bytes), 0xa5,
           sizeof(VsPacket) - offsetof(VsPacket, wire_bytes));
    vs_packet_deliver(packet);

    packet = vs_packet_new(&run);
    CU_ASSERT_PTR_EQUAL(packet->run, &run);
    CU_ASSERT_EQUAL(packet->n_layers, 1);
    CU_ASSERT_PTR_NULL(packet->next);
    CU_ASSERT_PTR_NULL(packet->hop);
    CU_ASSERT_PTR_NULL(packet->iface);
    CU_ASSERT_PTR_NULL(packet->trail);
    CU_ASSERT_PTR_NULL(packet->ct);
    CU_ASSERT_EQUAL(packet->mark, 0);
    CU_ASSERT_EQUAL(packet->flags, 0);
    CU_ASSERT_EQUAL(packet->charge, 0);
    CU_ASSERT_EQUAL(packet->payload_bytes, 0);
    CU_ASSERT_EQUAL(packet->message_offset, 0);
    CU_ASSERT_EQUAL(packet->message_bytes, 0);
    CU_ASSERT_EQUAL(memcmp(&packet->payload, &clean_payload, sizeof(clean_payload)), 0);
    CU_ASSERT_EQUAL(memcmp(vs_packet_top(packet), &clean_layer, sizeof(clean_layer)),
                    0);
    vs_packet_deliver(packet);
    clear_run(&run, 0);
}

static void
test_layers_are_a_stack(void)
{
    VsPacket *packet;
    VsRun run;

    run_with_packets(&run);
    packet = vs_packet_new(&run);
    vs_packet_top(packet)->ttl = 1;
    for (unsigned i = 2; i <= VS_PACKET_MAX_LAYERS; i++) {
        VsLayer *top = vs_packet_push(packet);

        CU_ASSERT_PTR_EQUAL(top, vs_packet_top(packet));
        CU_ASSERT_EQUAL(top->ttl, 0);
        CU_ASSERT_EQUAL(top->flow.daddr, 0);
        top->ttl = (uint8_t)i;
    }
    CU_ASSERT_EQUAL(packet->n_layers, VS_PACKET_MAX_LAYERS);
    for (unsigned i = VS_PACKET_MAX_LAYERS; i > 1; i--) {
        CU_ASSERT_EQUAL(vs_packet_top(packet)->ttl, i);
        vs_packet_pop(packet);
    }
    CU_ASSERT_EQUAL(vs_packet_top(packet)->ttl, 1);
    vs_packet_push(packet);
    CU_ASSERT_EQUAL(vs_packet_top(packet)->ttl, 0); /* Not what was popped. */
    vs_packet_deliver(packet);
    clear_run(&run, 0);
}

static void
test_copy_is_the_same_but_for_its_trail(void)
{
    VsJourney journey = {0};
    VsPacket *packet;
    VsPacket *copy;
    VsRun run;

    run_with_packets(&run);
    vs_journey_start(&journey, 0);
    packet = vs_packet_new(&run);
    packet->payload.kind = VS_PAYLOAD_HTTP;
    packet->payload.http.body_bytes = 12345;
    packet->payload.journey = &journey;
    packet->payload.journey_generation = journey.generation;
    packet->payload_bytes = 77;
    packet->message_bytes = 12345;
    packet->mark = 0x4000;
    vs_packet_top(packet)->flow.dport = 80;
    vs_packet_push(packet)->vni = 42;
    vs_packet_follow(packet, 0);
    CU_ASSERT_PTR_NOT_NULL(packet->trail);

    copy = vs_packet_copy(packet);
    CU_ASSERT_PTR_NULL(copy->trail);
    CU_ASSERT_PTR_NULL(copy->next);
    CU_ASSERT_NOT_EQUAL(copy->number, packet->number);
    CU_ASSERT_EQUAL(copy->n_layers, 2);
    CU_ASSERT_EQUAL(copy->mark, 0x4000);
    CU_ASSERT_EQUAL(copy->payload_bytes, 77);
    CU_ASSERT_EQUAL(copy->message_bytes, 12345);
    CU_ASSERT_EQUAL(memcmp(&copy->payload, &packet->payload, sizeof(packet->payload)),
                    0);
    CU_ASSERT_EQUAL(memcmp(copy->layers, packet->layers, 2 * sizeof(VsLayer)), 0);
    vs_packet_top(copy)->vni = 43;
    CU_ASSERT_EQUAL(vs_packet_top(packet)->vni, 42);
    vs_packet_deliver(packet);
    vs_packet_deliver(copy);
    CU_ASSERT_EQUAL(vs_pool_n_used(&run.packets->trails), 0);
    vs_journey_clear(&journey);
    clear_run(&run, 0);
}

/* IEEE 802.3: header 14, payload at least 46, FCS 4, preamble and delimiter 8, gap
 * 12. */
static void
test_bytes_on_the_wire(void)
{
    static const struct {
        uint32_t ip_bytes;
        uint32_t frame_bytes; /* As Ethernet counts it: header to FCS. */
    } rows[] = {{20, 64}, {28, 64},   {40, 64},     {46, 64},    {47, 65},
                {60, 78}, {494, 512}, {1500, 1518}, {9000, 9018}};
    VsPacket *packet;
    VsRun run;

    run_with_packets(&run);
    packet = vs_packet_new(&run);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        vs_packet_top(packet)->ether_type = VS_ETHER_TYPE_IPV4;
        vs_packet_top(packet)->ip_bytes = rows[i].ip_bytes;
        vs_packet_measure(packet);
        CU_ASSERT_EQUAL(packet->wire_bytes, rows[i].frame_bytes + 8 + 12);
    }
    vs_packet_top(packet)->ether_type = VS_ETHER_TYPE_ARP;
    vs_packet_measure(packet);
    CU_ASSERT_EQUAL(packet->wire_bytes, 64 + 8 + 12);

    /* VXLAN (RFC 7348): IP 20, UDP 8, VXLAN 8, and the inner frame without FCS. */
    vs_packet_top(packet)->ether_type = VS_ETHER_TYPE_IPV4;
    vs_packet_top(packet)->ip_bytes = 1450;
    vs_packet_push(packet)->ip_bytes = VS_IPV4_HEADER_BYTES + VS_UDP_HEADER_BYTES +
                                       VS_VXLAN_HEADER_BYTES + VS_ETHER_HEADER_BYTES +
                                       1450;
    vs_packet_measure(packet);
    CU_ASSERT_EQUAL(packet->wire_bytes, 1538);
    vs_packet_deliver(packet);
    clear_run(&run, 0);
}

/* What queues and wires touch is the first cache line; a layer is one line; what is
 * read of a packet with one layer is no more than four. */
static void
test_layout(void)
{
    CU_ASSERT_EQUAL(offsetof(VsPacket, next), 0);
    CU_ASSERT(offsetof(VsPacket, entered) < 64);
    CU_ASSERT(offsetof(VsPacket, due) < 64);
    CU_ASSERT(offsetof(VsPacket, hop) < 64);
    CU_ASSERT(offsetof(VsPacket, run) < 64);
    CU_ASSERT(offsetof(VsPacket, trail) < 64);
    CU_ASSERT(offsetof(VsPacket, wire_bytes) + sizeof(uint32_t) <= 64);
    CU_ASSERT(offsetof(VsPacket, ct) >= 64);
    CU_ASSERT(offsetof(VsPacket, payload_bytes) >= 64);
    CU_ASSERT_EQUAL(sizeof(VsLayer), 64);
    CU_ASSERT_EQUAL(sizeof(VsFlow), 16);
    CU_ASSERT(sizeof(VsPayload) <= 64);
    CU_ASSERT(offsetof(VsPacket, layers) + sizeof(VsLayer) <= 4 * 64);
    CU_ASSERT_EQUAL(sizeof(VsPacket),
                    offsetof(VsPacket, train) + sizeof(VsTrain));
}

static void
test_queue_is_first_in_first_out(void)
{
    VsPacketQueue queue = {0};
    VsPacket *packet;
    VsRun run;
    uint64_t next_out = 1;

    run_with_packets(&run);
    CU_ASSERT_PTR_NULL(vs_packet_queue_pop(&queue));
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < round % 7; i++) {
            vs_packet_queue_push(&queue, vs_packet_new(&run));
        }
        for (unsigned i = 0; i < round % 5 && queue.length > 0; i++) {
            packet = vs_packet_queue_pop(&queue);
            CU_ASSERT_EQUAL(packet->number, next_out++);
            vs_packet_deliver(packet);
        }
        CU_ASSERT_EQUAL(queue.length, vs_packets_in_flight(&run));
    }
    CU_ASSERT(queue.length > 0);
    vs_packet_queue_drop(&queue, VS_DROP_HOST_CLOSED);
    CU_ASSERT_EQUAL(queue.length, 0);
    CU_ASSERT_PTR_NULL(vs_packet_queue_pop(&queue));
    CU_ASSERT_EQUAL(run.packets->n_dropped[VS_DROP_HOST_CLOSED],
                    vs_packets_dropped(&run));
    clear_run(&run, 0);
}

/* RFC 3168: only what is ECN-capable is marked; other bits of the field stay. */
static void
test_ecn_marks(void)
{
    static const struct {
        uint16_t ether_type;
        uint8_t tos, marked;
    } cases[] = {{VS_ETHER_TYPE_IPV4, 0xb8, 0xb8},
                 {VS_ETHER_TYPE_IPV4, 0xb8 | VS_IP_ECN_ECT0, 0xbb},
                 {VS_ETHER_TYPE_IPV4, 0x01, 0x03},
                 {VS_ETHER_TYPE_IPV4, 0x03, 0x03},
                 {VS_ETHER_TYPE_ARP, VS_IP_ECN_ECT0, VS_IP_ECN_ECT0}};
    VsRun run;

    run_with_packets(&run);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsPacket *packet = vs_packet_new(&run);
        VsLayer *top = vs_packet_top(packet);
        bool is_marked;

        top->ether_type = cases[i].ether_type;
        top->tos = cases[i].tos;
        is_marked = vs_packet_mark_ce(packet);
        CU_ASSERT_EQUAL(top->tos, cases[i].marked);
        CU_ASSERT_EQUAL(is_marked, cases[i].ether_type == VS_ETHER_TYPE_IPV4 &&
                                       (cases[i].tos & VS_IP_ECN_MASK) != 0);
        vs_packet_deliver(packet);
    }
    clear_run(&run, 0);
}

/* RFC 6040: the field goes into the tunnel's header, and a mark comes out with the packet. */
static void
test_ecn_marks_pass_tunnels(void)
{
    static const struct {
        uint8_t inner, outer, after;
    } cases[] = {{0xb8, 0x00, 0xb8}, {0xb8 | VS_IP_ECN_ECT0, VS_IP_ECN_ECT0, 0xbb}};
    VsRun run;

    run_with_packets(&run);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsPacket *packet = vs_packet_new(&run);

        *vs_packet_top(packet) =
            (VsLayer){.ether_type = VS_ETHER_TYPE_IPV4, .tos = cases[i].inner};
        vs_packet_push(packet)->ether_type = VS_ETHER_TYPE_IPV4;
        vs_packet_inherit_ecn(packet);
        CU_ASSERT_EQUAL(vs_packet_top(packet)->tos, cases[i].outer);
        vs_packet_mark_ce(packet);
        vs_packet_bequeath_ecn(packet);
        vs_packet_pop(packet);
        CU_ASSERT_EQUAL(vs_packet_top(packet)->tos, cases[i].after);
        vs_packet_deliver(packet);
    }
    clear_run(&run, 0);
}

static const VsTestCase tests[] = {
    {"created = delivered + dropped + in flight", test_books_of_the_pool},
    {"the pool stops growing", test_pool_stops_growing},
    {"a new packet is clean", test_new_packet_is_clean},
    {"layers are a stack", test_layers_are_a_stack},
    {"a copy has all but the trail", test_copy_is_the_same_but_for_its_trail},
    {"frames take what Ethernet says", test_bytes_on_the_wire},
    {"cold members are off the first cache line", test_layout},
    {"what is ECN-capable is marked", test_ecn_marks},
    {"marks pass tunnels", test_ecn_marks_pass_tunnels},
    {"a queue is first in, first out", test_queue_is_first_in_first_out},
    {0},
};
VS_TESTS("packet")

/* Wires: line rate without drift, queue limits, and the books. */
#include <glib.h>

#include "base/rng.h"
#include "tests/net/net_fixture.h"

/* A wire between nothing and a sink. */
typedef struct {
    Net net;
    VsPart part;
    VsWire *wire;
    NetSink *sink;
} WireFixture;

static void
wire_fixture(WireFixture *f, const VsWireConfig *config)
{
    net_init(&f->net);
    vs_part_init(&f->part, &f->net.run);
    f->sink = net_sink_new(&f->net);
    f->wire = &f->net.wires[f->net.n_wires++];
    vs_wire_init(f->wire, "a > b", config, &f->part, &f->sink->hop);
}

static void
send_frame(WireFixture *f, uint32_t wire_bytes)
{
    VsPacket *packet = vs_packet_new(&f->net.run);

    packet->wire_bytes = wire_bytes;
    f->wire->hop.receive(&f->wire->hop, packet);
}

static VsTime
arrival_time(const WireFixture *f, unsigned i)
{
    return net_arrival(f->sink, i)->at;
}

static void
test_back_to_back_frames_arrive_at_line_rate(void)
{
    WireFixture f; /* 10 Gbit/s: 800 ps a byte. */

    wire_fixture(&f, &net_10g);
    for (unsigned i = 0; i < 3; i++) {
        send_frame(&f, 1538);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(arrival_time(&f, 0), 1538 * 800 + VS_US);
    CU_ASSERT_EQUAL(arrival_time(&f, 1) - arrival_time(&f, 0), 1538 * 800);
    CU_ASSERT_EQUAL(arrival_time(&f, 2) - arrival_time(&f, 1), 1538 * 800);
    CU_ASSERT_EQUAL(f.wire->busy, 3 * 1538 * 800);
    CU_ASSERT_EQUAL(f.wire->n_packets, 3);
    CU_ASSERT_EQUAL(f.wire->n_bytes, 3 * 1538);
    CU_ASSERT_EQUAL(f.net.run.n_events, 3); /* One for each frame. */
    net_clear(&f.net);
}

static void
test_device_at_the_far_end_adds_its_latency(void)
{
    VsWireConfig config = net_10g;
    WireFixture f;

    config.far_latency = 700 * VS_NS;
    wire_fixture(&f, &config);
    send_frame(&f, 84);
    send_frame(&f, 84);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(arrival_time(&f, 0), 84 * 800 + VS_US + 700 * VS_NS);
    CU_ASSERT_EQUAL(arrival_time(&f, 1), 2 * 84 * 800 + VS_US + 700 * VS_NS);
    net_clear(&f.net);
}

static void
test_idle_wire_starts_at_once(void)
{
    WireFixture f;

    wire_fixture(&f, &net_10g);
    send_frame(&f, 100);
    net_run(&f.net, 50 * VS_US);
    send_frame(&f, 100);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(arrival_time(&f, 0), 80 * VS_NS + VS_US);
    CU_ASSERT_EQUAL(arrival_time(&f, 1), 50 * VS_US + 80 * VS_NS + VS_US);
    CU_ASSERT_EQUAL(f.wire->busy, 160 * VS_NS);
    net_clear(&f.net);
}

/* Frames a second, as every table of line rates has them: 8 bytes of preamble and 12
 * of gap beyond the frame. */
static const struct {
    uint64_t bits_per_s;
    uint64_t ps_per_byte;
    uint64_t frames_64, frames_512, frames_1518;
} line_rates[] = {
    {10000000, 800000, 14880, 2349, 812},
    {100000000, 80000, 148809, 23496, 8127},
    {1000000000, 8000, 1488095, 234962, 81274},
    {2500000000, 3200, 3720238, 587406, 203185},
    {10000000000, 800, 14880952, 2349624, 812743},
    {25000000000, 320, 37202380, 5874060, 2031859},
    {40000000000, 200, 59523809, 9398496, 3250975},
    {50000000000, 160, 74404761, 11748120, 4063719},
    {100000000000, 80, 148809523, 23496240, 8127438},
    {200000000000, 40, 297619047, 46992481, 16254876},
    {400000000000, 20, 595238095, 93984962, 32509752},
    {800000000000, 10, 1190476190, 187969924, 65019505},
};

/* A byte takes a whole number of ps, so 10^9 frames take 10^9 times what one takes:
 * the time at the exact rate, in whole numbers. */
static void
test_standard_rates_have_no_drift(void)
{
    const uint64_t n = 1000000000;

    for (unsigned i = 0; i < G_N_ELEMENTS(line_rates); i++) {
        VsWireConfig config = {
            .bits_per_s = line_rates[i].bits_per_s, .delay = 1, .backlog_max = VS_S};
        unsigned __int128 bits_times_ps_per_s =
            (unsigned __int128)84 * 8 * n * (uint64_t)VS_S;
        WireFixture f;

        wire_fixture(&f, &config);
        CU_ASSERT_EQUAL(f.wire->ps_per_byte, line_rates[i].ps_per_byte);
        CU_ASSERT_EQUAL(f.wire->ps_remainder, 0);
        CU_ASSERT((unsigned __int128)f.wire->ps_per_byte * 84 * n *
                      line_rates[i].bits_per_s ==
                  bits_times_ps_per_s);
        for (unsigned k = 0; k < 1000; k++) {
            send_frame(&f, 84);
            CU_ASSERT_EQUAL(f.wire->busy_until,
                            (VsTime)((k + 1) * 84 * line_rates[i].ps_per_byte));
        }
        net_run(&f.net, VS_S);
        net_clear(&f.net);
    }
}

/* How many back-to-back frames are complete one second after the first began.  All
 * but the last are sent in thought: between frames a wire is no more than its
 * 'busy_until'. */
static void
check_frames_a_second(uint64_t bits_per_s, uint32_t frame_bytes, uint64_t n_frames)
{
    VsWireConfig config = {.bits_per_s = bits_per_s, .delay = 1, .backlog_max = VS_S};
    WireFixture f;
    VsTime work;

    wire_fixture(&f, &config);
    send_frame(&f, frame_bytes + 20);
    work = f.wire->busy_until;
    CU_ASSERT_EQUAL(f.wire->ps_carry, 0);
    net_run(&f.net, (VsTime)(n_frames - 1) * work);
    send_frame(&f, frame_bytes + 20);
    CU_ASSERT(f.wire->busy_until <= VS_S);
    send_frame(&f, frame_bytes + 20);
    CU_ASSERT(f.wire->busy_until > VS_S);
    net_run(&f.net, 2 * VS_S);
    net_clear(&f.net);
}

static void
test_frames_a_second(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(line_rates); i++) {
        check_frames_a_second(line_rates[i].bits_per_s, 64, line_rates[i].frames_64);
        check_frames_a_second(line_rates[i].bits_per_s, 512, line_rates[i].frames_512);
        check_frames_a_second(line_rates[i].bits_per_s, 1518,
                              line_rates[i].frames_1518);
    }
}

/* The same without thought for 1 Gbit/s and a hundredth of a second: 14 880.95
 * frames. */
static void
test_frames_counted_one_by_one(void)
{
    VsWireConfig config = {.bits_per_s = 1000000000, .delay = 1, .backlog_max = VS_S};
    WireFixture f;

    wire_fixture(&f, &config);
    for (unsigned i = 0; i < 15000; i++) {
        send_frame(&f, 84);
    }
    net_run(&f.net, VS_S / 100 + 1);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 14880);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 15000);
    net_clear(&f.net);
}

/* What 'bytes' take at the exact rate, rounded down to a picosecond. */
static VsTime
exact_time(uint64_t bytes, uint64_t bits_per_s)
{
    return (VsTime)((unsigned __int128)bytes * 8 * (uint64_t)VS_S / bits_per_s);
}

static const uint64_t odd_rates[] = {
    3000000000, 7000000, 9600,          1544000,      933120000,     123456789,
    6000000000, 1,       8000000000001, 999999999989, 3000000000000,
};

static void
test_odd_rates_keep_the_fraction(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(odd_rates); i++) {
        VsWireConfig config = {
            .bits_per_s = odd_rates[i], .delay = 1, .backlog_max = VS_TIME_NEVER};
        unsigned n = odd_rates[i] < 10000 ? 100 : 5000;
        uint64_t bytes = 0;
        bool is_exact = true;
        WireFixture f;
        VsRng rng;

        vs_rng_init(&rng, 1, "wire", "odd");
        wire_fixture(&f, &config);
        for (unsigned k = 0; k < n; k++) {
            uint32_t wire_bytes = 84 + (uint32_t)vs_rng_below(&rng, 1455);

            bytes += wire_bytes;
            send_frame(&f, wire_bytes);
            is_exact &= f.wire->busy_until == exact_time(bytes, odd_rates[i]);
        }
        CU_ASSERT(is_exact);
        CU_ASSERT_EQUAL(f.wire->busy, exact_time(bytes, odd_rates[i]));
        CU_ASSERT_EQUAL(f.wire->n_bytes, bytes);
        net_run(&f.net, VS_TIME_NEVER - 1);
        CU_ASSERT_EQUAL(net_n_arrived(f.sink), n);
        net_clear(&f.net);
    }
}

static void
test_long_backlog_drops(void)
{
    VsWireConfig config = {.bits_per_s = 8000000000, .delay = 1, .backlog_max = 5000};
    WireFixture f; /* 1000 ps a byte. */

    wire_fixture(&f, &config);
    send_frame(&f, 5);
    send_frame(&f, 1); /* Waits for 5000 ps: no longer than the limit. */
    CU_ASSERT_EQUAL(f.wire->n_dropped, 0);
    send_frame(&f, 1); /* Would wait for 6000. */
    CU_ASSERT_EQUAL(f.wire->n_dropped, 1);
    net_run(&f.net, 1000);
    send_frame(&f, 1); /* 5000 again. */
    CU_ASSERT_EQUAL(f.wire->n_dropped, 1);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_QUEUE_FULL), 1);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 3);
    CU_ASSERT_EQUAL(f.wire->n_packets, 3); /* Those it took. */
    net_clear(&f.net);
}

static void
test_queue_of_so_many_packets_drops(void)
{
    VsWireConfig config = {
        .bits_per_s = 8000000000, .delay = 1, .backlog_max = VS_S, .packets_max = 3};
    WireFixture f;

    wire_fixture(&f, &config);
    for (unsigned i = 0; i < 4; i++) {
        send_frame(&f, 10); /* One is transmitted, three wait. */
    }
    CU_ASSERT_EQUAL(vs_wire_n_waiting(f.wire), 3);
    send_frame(&f, 10);
    CU_ASSERT_EQUAL(f.wire->n_dropped, 1);
    net_run(&f.net, 9999);
    send_frame(&f, 10);
    CU_ASSERT_EQUAL(f.wire->n_dropped, 2);
    net_run(&f.net, 10000); /* The second begins. */
    CU_ASSERT_EQUAL(vs_wire_n_waiting(f.wire), 2);
    send_frame(&f, 10);
    CU_ASSERT_EQUAL(f.wire->n_dropped, 2);
    CU_ASSERT_EQUAL(vs_wire_n_waiting(f.wire), 3);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(vs_wire_n_waiting(f.wire), 0);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 5);
    net_clear(&f.net);
}

/* Random traffic at one rate; the twin keeps all frames and looks through them. */
static void
compare_with_twin(uint64_t bits_per_s, uint32_t packets_max, VsTime backlog_max)
{
    enum { N = 4000 };
    VsWireConfig config = {.bits_per_s = bits_per_s,
                           .delay = 3 * VS_US,
                           .far_latency = 12345,
                           .backlog_max = backlog_max,
                           .packets_max = packets_max};
    VsTime start[N], end[N], sent[N];
    VsTime typical = exact_time(800, bits_per_s);
    VsTime free_at = 0;
    uint64_t bytes = 0;
    VsTime busy = 0;
    unsigned n_sent = 0;
    unsigned n_dropped = 0;
    bool is_same = true;
    WireFixture f;
    VsRng rng;

    vs_rng_init(&rng, bits_per_s, "wire", "twin");
    wire_fixture(&f, &config);
    for (unsigned k = 0; k < N; k++) {
        VsTime now = vs_now(&f.net.run);
        VsTime at;
        unsigned n_waiting = 0;
        uint32_t wire_bytes = 84 + (uint32_t)vs_rng_below(&rng, 1455);

        for (unsigned i = 0; i < n_sent; i++) {
            n_waiting += start[i] > now;
        }
        if (vs_rng_below(&rng, 2)) { /* It keeps count lazily: ask now and then. */
            is_same &= vs_wire_n_waiting(f.wire) == n_waiting;
        }
        send_frame(&f, wire_bytes);
        if (MAX(free_at, now) - now > backlog_max ||
            (packets_max > 0 && free_at > now && n_waiting >= packets_max)) {
            n_dropped++;
        } else {
            /* The fraction is carried on, also over idle time. */
            VsTime work = exact_time(bytes + wire_bytes, bits_per_s) - busy;

            bytes += wire_bytes;
            busy += work;
            sent[n_sent] = now;
            start[n_sent] = MAX(free_at, now);
            end[n_sent] = free_at = start[n_sent] + work;
            n_sent++;
        }
        is_same &= f.wire->n_dropped == n_dropped;
        switch (vs_rng_below(&rng, 4)) {
        case 0: /* The very instant in which a frame begins, or just before. */
            at = start[vs_rng_below(&rng, n_sent)];
            at -= (VsTime)vs_rng_below(&rng, 2);
            net_run(&f.net, MAX(now, at));
            break;
        case 1:
            net_run(&f.net, now + (VsTime)vs_rng_below(&rng, 3 * (uint64_t)typical));
            break;
        default:
            break;
        }
    }
    net_run(&f.net, VS_TIME_NEVER - 1);
    CU_ASSERT(is_same);
    CU_ASSERT_EQUAL(f.wire->n_dropped, n_dropped);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), n_sent);
    CU_ASSERT_EQUAL(f.wire->busy, busy);
    for (unsigned i = 0; i < n_sent; i++) {
        if (arrival_time(&f, i) != end[i] + 3 * VS_US + 12345) {
            CU_FAIL("a frame arrived at another time than the twin's");
            break;
        }
        CU_ASSERT(sent[i] <= start[i]);
    }
    CU_ASSERT(packets_max == 0 || n_dropped > 100);
    CU_ASSERT_EQUAL(f.wire->stat.n_left, n_sent);
    net_clear(&f.net);
}

static void
test_waiting_frames_by_slow_twin(void)
{
    static const uint64_t rates[] = {10000000000, 3000000000, 7000000, 1544000};

    for (unsigned i = 0; i < G_N_ELEMENTS(rates); i++) {
        compare_with_twin(rates[i], 0, VS_TIME_NEVER);
        compare_with_twin(rates[i], 1, VS_TIME_NEVER);
        compare_with_twin(rates[i], 5, VS_TIME_NEVER);
        compare_with_twin(rates[i], 20, exact_time(9000, rates[i]));
    }
}

/* A frame counts from sending to arrival, however long it waits: its own two books. */
static void
test_statistics_and_little(void)
{
    WireFixture f;
    VsTime at;

    wire_fixture(&f, &net_10g);
    for (unsigned i = 0; i < 10; i++) {
        send_frame(&f, 1000); /* 800 ns each. */
    }
    at = 5 * 800 * VS_NS + VS_US;
    net_run(&f.net, at);
    CU_ASSERT_EQUAL(f.wire->stat.n_left, 5);
    CU_ASSERT_EQUAL(f.wire->stat.n_now, 5);
    CU_ASSERT(vs_queue_stat_balances(&f.wire->stat, at));
    CU_ASSERT(f.wire->stat.visits ==
              (unsigned __int128)(5 * VS_US + (1 + 2 + 3 + 4 + 5) * 800 * VS_NS));
    CU_ASSERT_EQUAL(f.wire->busy, 10 * 800 * VS_NS);
    net_run(&f.net, VS_MS);
    CU_ASSERT_EQUAL(vs_queue_stat_mean_visit(&f.wire->stat),
                    (double)(VS_US + 5500 * 800));
    net_clear(&f.net);
}

/* Clearing a wire drops what is on it. */
static void
test_cleared_wire_drops_what_it_carries(void)
{
    WireFixture f;

    wire_fixture(&f, &net_10g);
    for (unsigned i = 0; i < 10; i++) {
        send_frame(&f, 1000);
    }
    net_run(&f.net, 3 * 800 * VS_NS + VS_US);
    net_check_conservation(&f.net);
    vs_wire_clear(f.wire);
    f.net.n_wires = 0;
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 3);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_HOST_CLOSED), 7);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 3);
    net_clear(&f.net);
}

static void
test_trail_of_a_frame(void)
{
    VsWireConfig config = net_10g;
    VsJourney journey = {0};
    VsPacket *packet;
    WireFixture f;

    config.far_latency = 77;
    wire_fixture(&f, &config);
    send_frame(&f, 1000);
    vs_journey_start(&journey, 0);
    packet = vs_packet_new(&f.net.run);
    packet->wire_bytes = 500;
    packet->payload.journey = &journey;
    packet->payload.journey_generation = journey.generation;
    vs_packet_follow(packet, 0);
    vs_wire_send(f.wire, packet);
    CU_ASSERT_EQUAL(packet->trail->n_steps, 4);
    CU_ASSERT_EQUAL(packet->trail->steps[0].stage, f.wire->queue_stage);
    CU_ASSERT_EQUAL(packet->trail->steps[0].elapsed, 1000 * 800);
    CU_ASSERT_EQUAL(packet->trail->steps[1].stage, f.wire->transmit_stage);
    CU_ASSERT_EQUAL(packet->trail->steps[1].elapsed, 500 * 800);
    CU_ASSERT_EQUAL(packet->trail->steps[2].stage, f.wire->propagate_stage);
    CU_ASSERT_EQUAL(packet->trail->steps[2].elapsed, VS_US);
    CU_ASSERT_EQUAL(packet->trail->steps[3].stage, f.wire->latency_stage);
    CU_ASSERT_EQUAL(packet->trail->steps[3].elapsed, 77);
    CU_ASSERT_EQUAL(packet->trail->elapsed, packet->due);
    net_run(&f.net, VS_S);
    vs_journey_clear(&journey);
    net_clear(&f.net);
}

static const VsTestCase tests[] = {
    {"back-to-back frames arrive at line rate",
     test_back_to_back_frames_arrive_at_line_rate},
    {"the device at the far end adds its latency",
     test_device_at_the_far_end_adds_its_latency},
    {"an idle wire starts at once", test_idle_wire_starts_at_once},
    {"10^9 frames at a standard rate have no drift", test_standard_rates_have_no_drift},
    {"14 880 952 frames of 64 bytes pass 10 Gbit/s in a second", test_frames_a_second},
    {"frames counted one by one are as many", test_frames_counted_one_by_one},
    {"odd rates keep the fraction of a picosecond", test_odd_rates_keep_the_fraction},
    {"a frame that would wait too long is dropped", test_long_backlog_drops},
    {"a queue of so many packets is full", test_queue_of_so_many_packets_drops},
    {"waiting frames are a slow twin's", test_waiting_frames_by_slow_twin},
    {"statistics obey Little's law", test_statistics_and_little},
    {"a cleared wire drops what it carries", test_cleared_wire_drops_what_it_carries},
    {"a trail has every part of the way", test_trail_of_a_frame},
    {0},
};
VS_TESTS("wire")

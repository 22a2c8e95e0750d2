/* Cores: a server whose work is what the packet's walk charges. */
#include <glib.h>

#include "base/rng.h"
#include "net/core.h"
#include "tests/net/net_fixture.h"

/* Two cores of one host, and a hop whose cost is in the packet's mark. */
typedef struct {
    Net net;
    VsPart part;
    VsCore cores[2];
    VsCore *current;
    VsHop hop;
    NetSink *sink;
    unsigned n_handled;
    uint64_t handled[64]; /* Numbers of packets, in order. */

    /* What else the hop does with the packet of this number: */
    uint64_t submits; /* 0: nothing. */
    VsCore *submits_to;
    VsTime submits_cost;
    bool submits_limited;
} CoreFixture;

static VsPacket *
packet_of(CoreFixture *f, VsTime cost)
{
    VsPacket *packet = vs_packet_new(&f->net.run);

    packet->mark = (uint32_t)cost;
    packet->hop = &f->hop;
    return packet;
}

static void
handle(VsHop *hop, VsPacket *packet)
{
    CoreFixture *f = VS_CONTAINER_OF(hop, CoreFixture, hop);
    VsCore *core = f->current;

    CU_ASSERT_PTR_NOT_NULL_FATAL(core);
    if (f->n_handled < G_N_ELEMENTS(f->handled)) {
        f->handled[f->n_handled] = packet->number;
    }
    f->n_handled++;
    core->charge += packet->mark / 2;
    if (f->submits == packet->number) {
        vs_core_enqueue(f->submits_to, packet_of(f, f->submits_cost),
                        f->submits_limited);
    }
    CU_ASSERT_PTR_EQUAL(f->current, core);
    core->charge += packet->mark - packet->mark / 2;
    vs_core_depart(core, packet, &f->sink->hop);
}

static void
core_fixture(CoreFixture *f, uint32_t backlog_max)
{
    memset(f, 0, sizeof(*f));
    net_init(&f->net);
    vs_part_init(&f->part, &f->net.run);
    for (unsigned i = 0; i < 2; i++) {
        vs_core_init(&f->cores[i], &f->part, "host", i, backlog_max, &f->current);
    }
    f->hop.receive = handle;
    f->sink = net_sink_new(&f->net);
}

static void
enqueue(CoreFixture *f, VsTime cost)
{
    vs_core_enqueue(&f->cores[0], packet_of(f, cost), true);
}

static void
core_clear(CoreFixture *f)
{
    uint64_t n_held = 0;

    for (unsigned i = 0; i < 2; i++) {
        n_held += f->cores[i].backlog.length + f->cores[i].departures.length;
        CU_ASSERT(vs_queue_stat_balances(&f->cores[i].stat, vs_now(&f->net.run)));
    }
    CU_ASSERT_EQUAL(vs_packets_in_flight(&f->net.run), n_held);
    for (unsigned i = 0; i < 2; i++) {
        vs_core_clear(&f->cores[i]);
    }
    CU_ASSERT_PTR_NULL(f->current);
    net_clear(&f->net);
}

static void
test_charges_become_time(void)
{
    CoreFixture f;

    core_fixture(&f, 1000);
    enqueue(&f, 700);
    CU_ASSERT_EQUAL(f.n_handled, 1); /* Its walk is done at once... */
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 0);
    net_run(&f.net, 699);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 0);
    net_run(&f.net, 700); /* ...and leaves when the work is done. */
    CU_ASSERT_EQUAL(net_arrival(f.sink, 0)->at, 700);
    CU_ASSERT_EQUAL(f.cores[0].busy, 700);
    CU_ASSERT_EQUAL(f.cores[0].n_packets, 1);
    core_clear(&f);
}

static void
test_packets_are_served_in_order(void)
{
    CoreFixture f;

    core_fixture(&f, 1000);
    enqueue(&f, 100);
    enqueue(&f, 0);
    enqueue(&f, 50);
    enqueue(&f, 0);
    net_run(&f.net, 1000);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(f.handled[i], i + 1);
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->number, i + 1);
    }
    CU_ASSERT_EQUAL(net_arrival(f.sink, 0)->at, 100);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 1)->at, 100);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 2)->at, 150);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 3)->at, 150);
    core_clear(&f);
}

/* start = max(now, free); end = start + work. */
static void
test_departures_obey_the_equation_of_servers(void)
{
    enum { N = 20000 };
    VsTime *end = g_new0(VsTime, N);
    VsTime free_at = 0;
    VsTime busy = 0;
    CoreFixture f;
    VsRng rng;

    core_fixture(&f, UINT32_MAX);
    vs_rng_init(&rng, 1, "core", "equation");
    for (unsigned i = 0; i < N; i++) {
        VsTime now = vs_now(&f.net.run) + (VsTime)vs_rng_below(&rng, 1000);
        VsTime cost = vs_rng_below(&rng, 10) ? (VsTime)vs_rng_below(&rng, 1050) : 0;

        net_run(&f.net, now);
        enqueue(&f, cost);
        free_at = MAX(now, free_at) + cost;
        busy += cost;
        end[i] = free_at;
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), N);
    for (unsigned i = 0; i < N; i++) {
        if (net_arrival(f.sink, i)->at != end[i] ||
            net_arrival(f.sink, i)->number != i + 1) {
            CU_FAIL("a packet left at another time than the equation says");
            break;
        }
    }
    CU_ASSERT_EQUAL(f.cores[0].busy, busy);
    CU_ASSERT_EQUAL(f.cores[0].stat.n_left, N);
    g_free(end);
    core_clear(&f);
}

/* net.core.netdev_max_backlog: a thousand wait, one is in work. */
static void
test_thousand_and_second_packet_is_dropped(void)
{
    CoreFixture f;

    core_fixture(&f, 1000);
    for (unsigned i = 0; i < 1001; i++) {
        enqueue(&f, 10);
    }
    CU_ASSERT_EQUAL(vs_packets_dropped(&f.net.run), 0);
    enqueue(&f, 10);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_BACKLOG_FULL), 1);
    CU_ASSERT_EQUAL(f.cores[0].n_dropped, 1);
    vs_core_enqueue(&f.cores[0], packet_of(&f, 10), false); /* One of our own. */
    CU_ASSERT_EQUAL(f.cores[0].n_dropped, 1);
    net_run(&f.net, 20); /* Two places are free: 999 wait. */
    enqueue(&f, 10);
    CU_ASSERT_EQUAL(f.cores[0].n_dropped, 1);
    enqueue(&f, 10);
    CU_ASSERT_EQUAL(f.cores[0].n_dropped, 2);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 1003);
    core_clear(&f);
}

/* What a packet in work gives rise to on its own core waits its turn. */
static void
test_packet_made_in_work_waits_on_the_same_core(void)
{
    CoreFixture f;

    core_fixture(&f, 1000);
    f.submits = 1;
    f.submits_to = &f.cores[0];
    f.submits_cost = 30;
    enqueue(&f, 100);
    enqueue(&f, 7);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 0)->at, 100);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 1)->number,
                    2); /* Made, and enqueued, before. */
    CU_ASSERT_EQUAL(net_arrival(f.sink, 1)->at, 130);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 2)->at, 137);
    core_clear(&f);
}

/* On another core it is handled meanwhile; the first core is the current one again
 * after, which 'handle' asserts. */
static void
test_packet_made_in_work_goes_to_another_core(void)
{
    static const VsTime costs[] = {0, 30, 300};

    for (unsigned i = 0; i < G_N_ELEMENTS(costs); i++) {
        CoreFixture f;

        core_fixture(&f, 1000);
        f.submits = 1;
        f.submits_to = &f.cores[1];
        f.submits_cost = costs[i];
        enqueue(&f, 100);
        CU_ASSERT_PTR_NULL(f.current);
        net_run(&f.net, VS_S);
        CU_ASSERT_EQUAL(f.cores[0].busy, 100);
        CU_ASSERT_EQUAL(f.cores[1].busy, costs[i]);
        CU_ASSERT_EQUAL(net_n_arrived(f.sink), 2);
        core_clear(&f);
    }
}

static void
test_cores_work_side_by_side(void)
{
    CoreFixture f;

    core_fixture(&f, 1000);
    for (unsigned i = 0; i < 4; i++) {
        vs_core_enqueue(&f.cores[i % 2], packet_of(&f, 100), true);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 0)->at, 100);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 1)->at, 100);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 2)->at, 200);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 3)->at, 200);
    core_clear(&f);
}

static void
test_cleared_core_drops_what_it_has(void)
{
    CoreFixture f;

    core_fixture(&f, 1000);
    for (unsigned i = 0; i < 5; i++) {
        enqueue(&f, 100);
    }
    net_run(&f.net, 250);
    core_clear(&f);
}

/* A trail's steps: the wait in the backlog, then the work. */
static void
test_trail_has_the_wait_for_the_core(void)
{
    VsJourney journey = {0};
    VsPacket *packet;
    CoreFixture f;

    core_fixture(&f, 1000);
    enqueue(&f, 100);
    net_run(&f.net, 40);
    vs_journey_start(&journey, 40);
    packet = packet_of(&f, 30);
    packet->payload.journey = &journey;
    packet->payload.journey_generation = journey.generation;
    vs_packet_follow(packet, 0);
    vs_core_enqueue(&f.cores[0], packet, true);
    net_run(&f.net, 100); /* It is in work, and will have taken 30. */
    CU_ASSERT_EQUAL(packet->trail->n_steps, 1);
    CU_ASSERT_EQUAL(packet->trail->steps[0].stage, f.cores[0].queue_stage);
    CU_ASSERT_EQUAL(packet->trail->steps[0].elapsed, 60);
    core_clear(&f);
    vs_journey_clear(&journey);
}

static const VsTestCase tests[] = {
    {"charges become time", test_charges_become_time},
    {"packets are served in order of arrival", test_packets_are_served_in_order},
    {"departures obey the equation of servers",
     test_departures_obey_the_equation_of_servers},
    {"a backlog of a thousand refuses the next",
     test_thousand_and_second_packet_is_dropped},
    {"a packet made in work waits for its own core",
     test_packet_made_in_work_waits_on_the_same_core},
    {"a packet made in work may go to another core",
     test_packet_made_in_work_goes_to_another_core},
    {"cores work side by side", test_cores_work_side_by_side},
    {"a cleared core drops what it has", test_cleared_core_drops_what_it_has},
    {"a trail has the wait for the core", test_trail_has_the_wait_for_the_core},
    {0},
};
VS_TESTS("core")

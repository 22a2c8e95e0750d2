/* Trails and journeys: no picosecond of a request's time is lost or counted twice. */
#include <glib.h>

#include "base/rng.h"
#include "engine/run.h"
#include "packet/packet.h"
#include "tests/packet/journey_sum.h"
#include "vs_test.h"

typedef struct {
    VsRun run;
    VsJourney journey;
    VsStage wait, wire, work;
} TrailFixture;

static void
trail_fixture(TrailFixture *f)
{
    memset(f, 0, sizeof(*f));
    vs_run_init(&f->run, 1);
    vs_run_make_packets(&f->run);
    f->wait = vs_stages_add(&f->run.packets->stages, "client", "wait", VS_STAGE_DELAY);
    f->wire =
        vs_stages_add(&f->run.packets->stages, "wire", "queue", VS_STAGE_QUEUEING);
    f->work = vs_stages_add(&f->run.packets->stages, "node", "work", VS_STAGE_SERVICE);
}

static void
trail_clear(TrailFixture *f)
{
    CU_ASSERT_EQUAL(vs_packets_in_flight(&f->run), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&f->run.packets->trails), 0);
    vs_journey_clear(&f->journey);
    vs_run_free_packets(&f->run);
    vs_run_clear(&f->run);
}

static void
pass_time(TrailFixture *f, VsTime elapsed)
{
    vs_run_advance(&f->run, vs_now(&f->run) + elapsed, UINT64_MAX);
}

static VsPacket *
packet_of_journey(TrailFixture *f)
{
    VsPacket *packet = vs_packet_new(&f->run);

    packet->payload.journey = &f->journey;
    packet->payload.journey_generation = f->journey.generation;
    return packet;
}

static void
test_stages_have_numbers_and_names(void)
{
    TrailFixture f;

    trail_fixture(&f);
    CU_ASSERT_EQUAL(f.wait, 0);
    CU_ASSERT_EQUAL(f.work, 2);
    CU_ASSERT_STRING_EQUAL(vs_stages_get(&f.run.packets->stages, f.wire)->place,
                           "wire");
    CU_ASSERT_STRING_EQUAL(vs_stages_get(&f.run.packets->stages, f.wire)->what,
                           "queue");
    CU_ASSERT_EQUAL(vs_stages_get(&f.run.packets->stages, f.wire)->kind,
                    VS_STAGE_QUEUEING);
    trail_clear(&f);
}

static void
test_steps_of_a_packet_become_the_journeys(void)
{
    TrailFixture f;
    VsPacket *packet;

    trail_fixture(&f);
    pass_time(&f, 5);
    vs_journey_start(&f.journey, vs_now(&f.run));
    pass_time(&f, 7); /* Before it is sent. */
    packet = packet_of_journey(&f);
    vs_packet_follow(packet, f.wait);
    vs_packet_step(packet, f.wire, 100);
    vs_packet_step(packet, f.work, 0); /* No time: no step. */
    vs_packet_step(packet, f.work, 30);
    pass_time(&f, 130);
    vs_packet_arrive(packet);
    CU_ASSERT_PTR_NULL(packet->trail);
    vs_packet_deliver(packet);

    CU_ASSERT_EQUAL(f.journey.n_steps, 3);
    CU_ASSERT_EQUAL(f.journey.steps[0].stage, f.wait);
    CU_ASSERT_EQUAL(f.journey.steps[0].elapsed, 7);
    CU_ASSERT_EQUAL(f.journey.steps[1].stage, f.wire);
    CU_ASSERT_EQUAL(f.journey.steps[1].elapsed, 100);
    CU_ASSERT_EQUAL(f.journey.steps[2].stage, f.work);
    CU_ASSERT_EQUAL(f.journey.steps[2].elapsed, 30);
    CU_ASSERT_EQUAL(f.journey.accounted, vs_now(&f.run));
    trail_clear(&f);
}

/* Messages there and back with waits in between, many times over: every sum is the
 * end-to-end time, also where a path has more steps than a trail holds. */
static void
test_sums_are_end_to_end_times(void)
{
    VsStageTotals totals = {0};
    unsigned __int128 all = 0;
    unsigned __int128 rows = 0;
    TrailFixture f;
    VsRng rng;

    trail_fixture(&f);
    vs_rng_init(&rng, 1, "trail", "sums");
    for (unsigned n = 0; n < 500; n++) {
        unsigned n_messages = 1 + (unsigned)vs_rng_below(&rng, 5);
        VsTime started = vs_now(&f.run);

        vs_journey_start(&f.journey, started);
        for (unsigned m = 0; m < n_messages; m++) {
            unsigned n_steps = (unsigned)vs_rng_below(&rng, 2 * VS_TRAIL_MAX_STEPS);
            VsPacket *packet;

            pass_time(&f, (VsTime)vs_rng_below(&rng, 50));
            vs_journey_set_phase(&f.journey, m / 2);
            if (m % 2 == 1) {
                vs_journey_wait(&f.journey, f.work, vs_now(&f.run));
            }
            packet = packet_of_journey(&f);
            vs_packet_follow(packet, f.wait);
            for (unsigned i = 0; i < n_steps; i++) {
                VsTime elapsed = (VsTime)vs_rng_below(&rng, 1000);

                vs_packet_step(packet, i % 2 ? f.wire : f.work, elapsed);
                pass_time(&f, elapsed);
            }
            vs_packet_arrive(packet);
            vs_packet_deliver(packet);
            CU_ASSERT_EQUAL(f.journey.accounted, vs_now(&f.run));
        }
        CU_ASSERT_EQUAL(sum_of_steps(&f.journey), vs_now(&f.run) - started);
        vs_stage_totals_add(&totals, &f.journey);
        vs_journey_end(&f.journey);
        all += (unsigned __int128)(vs_now(&f.run) - started);
    }
    for (uint32_t i = 0; i < totals.n_rows; i++) {
        rows += totals.rows[i].elapsed;
        for (uint32_t j = 0; j < i; j++) {
            CU_ASSERT(totals.rows[i].stage != totals.rows[j].stage ||
                      totals.rows[i].phase != totals.rows[j].phase);
        }
    }
    CU_ASSERT_EQUAL(totals.n_journeys, 500);
    CU_ASSERT(totals.elapsed == all);
    CU_ASSERT(rows == all);
    vs_stage_totals_clear(&totals);
    trail_clear(&f);
}

static void
test_phases_split_the_totals(void)
{
    VsStageTotals totals = {0};
    TrailFixture f;

    trail_fixture(&f);
    vs_journey_start(&f.journey, 0);
    vs_journey_wait(&f.journey, f.work, 10);
    vs_journey_set_phase(&f.journey, 1);
    vs_journey_wait(&f.journey, f.work, 25);
    vs_journey_end(&f.journey);
    vs_stage_totals_add(&totals, &f.journey);
    vs_stage_totals_add(&totals, &f.journey);
    CU_ASSERT_EQUAL(totals.n_rows, 2);
    CU_ASSERT_EQUAL(totals.rows[0].phase, 0);
    CU_ASSERT(totals.rows[0].elapsed == 2 * 10);
    CU_ASSERT_EQUAL(totals.rows[1].phase, 1);
    CU_ASSERT(totals.rows[1].elapsed == 2 * 15);
    CU_ASSERT_EQUAL(totals.rows[1].n_steps, 2);
    CU_ASSERT(totals.elapsed == 2 * 25);
    vs_stage_totals_clear(&totals);
    trail_clear(&f);
}

static void
test_packets_of_an_ended_journey_are_not_followed(void)
{
    TrailFixture f;
    VsPacket *early;
    VsPacket *late;

    trail_fixture(&f);
    vs_journey_start(&f.journey, 0);
    early = packet_of_journey(&f);
    late = packet_of_journey(&f);
    vs_packet_follow(early, f.wait);
    CU_ASSERT_PTR_NOT_NULL(early->trail);
    vs_journey_end(&f.journey);
    vs_packet_follow(late, f.wait);
    CU_ASSERT_PTR_NULL(late->trail);

    vs_journey_start(&f.journey, 0); /* The client's next request. */
    vs_packet_follow(late, f.wait);
    CU_ASSERT_PTR_NULL(late->trail); /* Of the one before. */
    vs_packet_arrive(early);
    CU_ASSERT_PTR_NULL(early->trail);
    CU_ASSERT_EQUAL(f.journey.n_steps, 0);
    vs_packet_deliver(early);
    vs_packet_deliver(late);
    trail_clear(&f);
}

static void
test_lost_packet_frees_its_trail(void)
{
    TrailFixture f;
    VsPacket *packet;

    trail_fixture(&f);
    vs_journey_start(&f.journey, 0);
    packet = packet_of_journey(&f);
    vs_packet_follow(packet, f.wait);
    vs_packet_step(packet, f.wire, 100);
    vs_packet_drop(packet, VS_DROP_QUEUE_FULL);
    CU_ASSERT_EQUAL(f.journey.n_steps, 0);
    CU_ASSERT_EQUAL(f.journey.accounted, 0);

    /* The retransmission: what passed meanwhile is a wait. */
    pass_time(&f, 200);
    packet = packet_of_journey(&f);
    vs_packet_follow(packet, f.wait);
    vs_packet_step(packet, f.wire, 50);
    pass_time(&f, 50);
    vs_packet_arrive(packet);
    vs_packet_deliver(packet);
    CU_ASSERT_EQUAL(f.journey.n_steps, 2);
    CU_ASSERT_EQUAL(f.journey.steps[0].elapsed, 200);
    CU_ASSERT_EQUAL(f.journey.accounted, 250);
    trail_clear(&f);
}

/* A start in the past: an intended start that came late (coordinated omission). */
static void
test_intended_start_counts(void)
{
    TrailFixture f;

    trail_fixture(&f);
    pass_time(&f, 100);
    vs_journey_start(&f.journey, 60);
    vs_journey_wait(&f.journey, f.wait, vs_now(&f.run));
    CU_ASSERT_EQUAL(sum_of_steps(&f.journey), 40);
    trail_clear(&f);
}

/* A request that is tried again goes on; the packet of the first try, which arrives later,
 * has no part in it any more. */
static void
test_renewed_journey_leaves_earlier_packets_behind(void)
{
    VsPayload payload = {0};
    VsPacket *early;
    TrailFixture f;

    trail_fixture(&f);
    vs_journey_start(&f.journey, 0);
    vs_payload_set_journey(&payload, &f.journey);
    early = packet_of_journey(&f);
    vs_packet_follow(early, f.wait);
    pass_time(&f, 100);
    vs_journey_wait(&f.journey, f.wait, 100);
    vs_payload_renew_journey(&payload);
    CU_ASSERT_PTR_EQUAL(vs_payload_journey(&payload), &f.journey);
    CU_ASSERT_PTR_NULL(vs_payload_journey(&early->payload));

    vs_packet_step(early, f.wire, 100);
    vs_packet_arrive(early);
    CU_ASSERT_EQUAL(sum_of_steps(&f.journey), 100);
    vs_packet_deliver(early);
    trail_clear(&f);
}

static const VsTestCase tests[] = {
    {"stages have numbers and names", test_stages_have_numbers_and_names},
    {"the steps of a packet become the journey's",
     test_steps_of_a_packet_become_the_journeys},
    {"sums are end-to-end times to the picosecond", test_sums_are_end_to_end_times},
    {"phases split the totals", test_phases_split_the_totals},
    {"packets of an ended journey are not followed",
     test_packets_of_an_ended_journey_are_not_followed},
    {"a lost packet leaves no step", test_lost_packet_frees_its_trail},
    {"a renewed journey leaves earlier packets behind",
     test_renewed_journey_leaves_earlier_packets_behind},
    {"an intended start counts", test_intended_start_counts},
    {0},
};
VS_TESTS("trail")

/* Queue disciplines of one queue: fifos, tbf, CoDel, red; and the egress that asks them. */
#include <glib.h>
#include <math.h>

#include "base/rng.h"
#include "tests/net/qdisc_fixture.h"

#define GBIT UINT64_C(1000000000) /* 8000 ps a byte. */
#define OVERHEAD VS_ETHER_OVERHEAD_BYTES

static void
test_pfifo_holds_so_many_packets(void)
{
    VsFifoConfig config = {3};
    QdiscFixture f;

    qdisc_fixture(&f, GBIT, &vs_qdisc_pfifo, &config);
    for (unsigned i = 0; i < 6; i++) {
        qdisc_send(&f, 1000, (uint16_t)(i + 1));
    }
    /* The first is on the line, three wait, two are lost. */
    CU_ASSERT_EQUAL(vs_wire_n_waiting(f.wire), 3);
    CU_ASSERT_EQUAL(f.root->n_dropped, 2);
    CU_ASSERT_EQUAL(f.wire->n_dropped, 2);
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_QUEUE_FULL), 2);
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 4);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(qdisc_arrival(&f, i), (i + 1) * (1000 + OVERHEAD) * 8000 + 1);
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->top.flow.sport, i + 1);
    }
    CU_ASSERT_EQUAL(f.root->n_packets, 4);
    CU_ASSERT_EQUAL(f.root->n_bytes, 4000);
    CU_ASSERT_EQUAL(f.root->held_bytes_max, 3000);
    qdisc_fixture_clear(&f);
}

static void
test_bfifo_holds_so_many_bytes(void)
{
    VsFifoConfig config = {2500};
    QdiscFixture f;

    qdisc_fixture(&f, GBIT, &vs_qdisc_bfifo, &config);
    qdisc_send(&f, 1000, 1);
    qdisc_send(&f, 1000, 2);
    qdisc_send(&f, 1000, 3);
    qdisc_send(&f, 1000, 4); /* 3000 bytes would wait. */
    qdisc_send(&f, 500, 5);  /* 2500 do. */
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(f.root->n_dropped, 1);
    CU_ASSERT_EQUAL(net_arrival(f.sink, 3)->top.flow.sport, 5);
    qdisc_fixture_clear(&f);
}

/* The table of tc-prio(8), whose bands are pfifo_fast's, but for TOS 0x02 and its like,
 * which belongs to ECN now. */
static void
test_bands_are_those_of_the_manual_page(void)
{
    static const struct {
        uint8_t tos, band;
    } rows[] = {{0x00, 1}, {0x04, 1}, {0x08, 2}, {0x0c, 2}, {0x10, 0},
                {0x14, 0}, {0x18, 1}, {0x1c, 1}, {0xb8, 1}, {0x88, 2}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        CU_ASSERT_EQUAL(vs_pfifo_fast_band(rows[i].tos), rows[i].band);
        CU_ASSERT_EQUAL(vs_pfifo_fast_band(rows[i].tos | 3), rows[i].band);
    }
}

static void
test_band_0_goes_first(void)
{
    static const uint8_t tos[] = {0, 0x08, 0, 0x10, 0x08, 0x10};
    static const uint16_t order[] = {0, 3, 5,
                                     2, 1, 4}; /* The first finds a free line. */
    VsFifoConfig config = {1000};
    QdiscFixture f;

    qdisc_fixture(&f, GBIT, &vs_qdisc_pfifo_fast, &config);
    for (unsigned i = 0; i < G_N_ELEMENTS(tos); i++) {
        VsPacket *packet = qdisc_packet(&f, 100, (uint16_t)i);

        vs_packet_top(packet)->tos = tos[i];
        vs_wire_send(f.wire, packet);
    }
    net_run(&f.net, VS_S);
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        CU_ASSERT_EQUAL(net_arrival(f.sink, i)->top.flow.sport, order[i]);
    }
    qdisc_fixture_clear(&f);
}

/* A burst of 5000 bytes passes at line rate, the rest at 8 Mbit/s: a byte takes 1 us. */
static void
test_tbf_by_closed_form(void)
{
    VsTbfConfig config = {
        .bits_per_s = 8000000, .burst_bytes = 5000, .limit_bytes = 1000000};
    QdiscFixture f;

    qdisc_fixture(&f, GBIT, &vs_qdisc_tbf, &config);
    for (unsigned i = 0; i < 100; i++) {
        qdisc_send(&f, 1000, 1);
    }
    net_run(&f.net, VS_S);
    CU_ASSERT_EQUAL(net_n_arrived(f.sink), 100);
    for (unsigned i = 0; i < 100; i++) {
        VsTime line = (1000 + OVERHEAD) * 8000;
        VsTime start = i < 5 ? i * line : (i - 4) * 1000 * VS_US;

        CU_ASSERT_EQUAL(qdisc_arrival(&f, i), start + line + 1);
    }
    qdisc_fixture_clear(&f);
}

static void
test_peak_rate_spaces_the_burst(void)
{
    VsTbfConfig config = {.bits_per_s = 8000000,
                          .burst_bytes = 5000,
                          .limit_bytes = 1000000,
                          .peak_bits_per_s = 80000000,
                          .peak_burst_bytes = 1000};
    QdiscFixture f;

    qdisc_fixture(&f, GBIT, &vs_qdisc_tbf, &config);
    for (unsigned i = 0; i < 10; i++) {
        qdisc_send(&f, 1000, 1);
    }
    net_run(&f.net, VS_S);
    /* 100 us apart while the burst lasts, which 5 packets of 6 at 1/10 of the rate have
     * refilled by half a packet, then at the rate: 5 + 0.1 i packets by packet i. */
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 1) - qdisc_arrival(&f, 0), 100 * VS_US);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 4) - qdisc_arrival(&f, 3), 100 * VS_US);
    CU_ASSERT_EQUAL(qdisc_arrival(&f, 9) - qdisc_arrival(&f, 0), 5000 * VS_US);
    qdisc_send(&f, 1001, 1); /* Fits no bucket of 1000. */
    CU_ASSERT_EQUAL(net_n_dropped(&f.net, VS_DROP_OVER_BURST), 1);
    qdisc_fixture_clear(&f);
}

/* Counts tokens in units of 1/1000 byte each microsecond, a byte being 1 us long. */
static void
test_tbf_by_counting_tokens(void)
{
    VsTbfConfig config = {
        .bits_per_s = 8000000, .burst_bytes = 3000, .limit_bytes = 6000};
    QdiscFixture f;
    VsRng rng;
    uint32_t lengths[600];
    unsigned n_sent = 0, first = 0, last = 0;
    int64_t tokens = 3000, waiting = 0;
    VsTime at[600];
    unsigned n_dropped = 0, n_wrong = 0;

    vs_rng_init(&rng, 5, "tbf", "lengths");
    qdisc_fixture(&f, 800 * GBIT, &vs_qdisc_tbf, &config);
    for (int64_t us = 0; us < 400000; us++) {
        net_run(&f.net, us * VS_US);
        tokens = MIN(tokens + (us > 0), 3000);
        while (first < last && tokens >= lengths[first]) {
            tokens -= lengths[first];
            waiting -= lengths[first];
            at[n_sent++] = us;
            first++;
        }
        if (us % 700 == 0) { /* 571 of them, 900 bytes each on average. */
            uint32_t bytes = 400 + (uint32_t)vs_rng_below(&rng, 1001);

            qdisc_send(&f, bytes, 1);
            if (waiting + bytes > 6000) {
                n_dropped++;
                continue;
            }
            lengths[last++] = bytes;
            waiting += bytes;
            if (first + 1 == last && tokens >= bytes) {
                tokens -= bytes;
                waiting -= bytes;
                at[n_sent++] = us;
                first++;
            }
        }
    }
    CU_ASSERT(n_dropped > 50);
    CU_ASSERT(n_sent > 400);
    CU_ASSERT_EQUAL(f.root->n_dropped, n_dropped);
    CU_ASSERT_EQUAL(f.root->n_packets, n_sent);
    for (unsigned i = 0; i < n_sent; i++) {
        VsTime start = qdisc_arrival(&f, i) - 1 - (lengths[i] + OVERHEAD) * 10;

        n_wrong += start / VS_US != at[i] || start % VS_US > 100 * VS_NS;
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    qdisc_fixture_clear(&f);
}

/* ---- CoDel ----------------------------------------------------------------------- */

/* The pseudo code of RFC 8289, section 5, on plain arrays: times of arrival and lengths. */
typedef struct {
    const VsTime *came;
    unsigned first, last;
    int64_t bytes;
    uint32_t length;
    VsTime target, interval, first_above_time, drop_next;
    uint32_t count, lastcount;
    bool dropping;
    GArray *drops; /* Of unsigned: which. */
} Reference;

typedef struct {
    int p; /* -1: NULL. */
    bool ok_to_drop;
} DodequeueResult;

static DodequeueResult
reference_dodequeue(Reference *q, VsTime now)
{
    DodequeueResult r = {-1, false};
    VsTime sojourn;

    if (q->first == q->last) {
        q->first_above_time = 0;
        return r;
    }
    r.p = (int)q->first++;
    q->bytes -= q->length;
    sojourn = now - q->came[r.p];
    if (sojourn < q->target || q->bytes <= 1514) {
        q->first_above_time = 0;
    } else if (q->first_above_time == 0) {
        q->first_above_time = now + q->interval;
    } else if (now >= q->first_above_time) {
        r.ok_to_drop = true;
    }
    return r;
}

static VsTime
reference_control_law(const Reference *q, VsTime t)
{
    return t + (VsTime)((double)q->interval / sqrt(q->count));
}

static int
reference_dequeue(Reference *q, VsTime now)
{
    DodequeueResult r = reference_dodequeue(q, now);

    if (q->dropping) {
        if (!r.ok_to_drop) {
            q->dropping = false;
        }
        while (now >= q->drop_next && q->dropping) {
            unsigned lost = (unsigned)r.p;

            g_array_append_val(q->drops, lost);
            ++q->count;
            r = reference_dodequeue(q, now);
            if (!r.ok_to_drop) {
                q->dropping = false;
            } else {
                q->drop_next = reference_control_law(q, q->drop_next);
            }
        }
    } else if (r.ok_to_drop) {
        unsigned lost = (unsigned)r.p;
        uint32_t delta;

        g_array_append_val(q->drops, lost);
        r = reference_dodequeue(q, now);
        q->dropping = true;
        delta = q->count - q->lastcount;
        q->count = delta > 1 && now - q->drop_next < 16 * q->interval ? delta : 1;
        q->drop_next = reference_control_law(q, now);
        q->lastcount = q->count;
    }
    return r.p;
}

/* Packets of 1000 bytes come in phases of load 0.2 to 2 and are asked for at random; those
 * that neither drops must be the same, at the same times. */
static unsigned
compare_codel(uint64_t seed)
{
    enum { N = 3000 };
    static VsTime came[N];
    VsCodelConfig config = {.packets_max = 100000,
                            .target = 5 * VS_MS,
                            .interval = 100 * VS_MS,
                            .mtu_bytes = 1514};
    Reference q = {.came = came,
                   .length = 1000,
                   .target = config.target,
                   .interval = config.interval,
                   .drops = g_array_new(FALSE, FALSE, sizeof(unsigned))};
    unsigned n_drops, n_wrong = 0;
    QdiscFixture f;
    VsQdisc *codel;
    VsRng rng;
    VsTime now = 0, next, dequeue_at = VS_MS;

    vs_rng_init(&rng, seed, "codel", "trace");
    qdisc_fixture(&f, GBIT, &vs_qdisc_codel, &config);
    codel = f.root;
    for (unsigned i = 0; i < N; i++) {
        double load = (double)(1 + (i / 300 * 7 + seed) % 10) / 5;

        now += (VsTime)(-log(1 - vs_rng_double(&rng)) * (double)VS_MS / load);
        while (dequeue_at < now) {
            VsPacket *packet;
            int expected = reference_dequeue(&q, dequeue_at);

            net_run(&f.net, dequeue_at);
            packet = vs_qdisc_dequeue(codel, dequeue_at, &next);
            n_wrong += packet ? expected < 0 || packet->entered != came[expected]
                              : expected >= 0;
            n_wrong += codel->n_dropped != q.drops->len;
            if (packet) {
                vs_packet_deliver(packet);
            }
            dequeue_at += VS_US + (VsTime)vs_rng_below(&rng, 2 * VS_MS);
        }
        net_run(&f.net, now);
        vs_qdisc_enqueue(codel, qdisc_packet(&f, 1000, 1), now);
        came[q.last++] = now;
        q.bytes += 1000;
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    n_drops = q.drops->len;
    g_array_free(q.drops, TRUE);
    vs_qdisc_free(g_ptr_array_steal_index(f.egress->qdiscs, 0));
    f.egress->root = NULL;
    net_clear(&f.net);
    return n_drops;
}

static void
test_codel_drops_as_rfc_8289(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        CU_ASSERT(compare_codel(seed) > 20);
    }
}

static const VsTestCase tests[] = {
    {"pfifo holds so many packets", test_pfifo_holds_so_many_packets},
    {"bfifo holds so many bytes", test_bfifo_holds_so_many_bytes},
    {"bands are those of the manual page", test_bands_are_those_of_the_manual_page},
    {"band 0 goes first", test_band_0_goes_first},
    {"tbf by closed form", test_tbf_by_closed_form},
    {"a peak rate spaces the burst", test_peak_rate_spaces_the_burst},
    {"tbf by counting tokens", test_tbf_by_counting_tokens},
    {"CoDel drops as RFC 8289 on 20 traces", test_codel_drops_as_rfc_8289},
    {0},
};
VS_TESTS("qdisc")

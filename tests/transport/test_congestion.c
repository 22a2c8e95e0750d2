/* Congestion control through its interface alone: no network, a clock that the test turns.
 * CUBIC against RFC 9438's formulas, NewReno against sequences worked out by hand, HyStart++
 * against RFC 9406's rounds. */
#include <glib.h>
#include <math.h>

#include "transport/congestion.h"
#include "vs_test.h"

enum { MSS = 1000, START = 1000000 };

/* A sender with the other end in its hands. */
typedef struct Driver {
    VsCongestion congestion;
    VsPool deliveries;
    uint64_t snd_una;
    uint64_t snd_nxt;
    VsTime now;
    VsTime rtt;
    bool is_marked; /* ACKs echo marks. */
    bool is_bursty; /* A whole window is sent, and acknowledged, at one instant. */
} Driver;

static void
driver_init(Driver *driver, VsCongestionKind kind, uint32_t initial_segments,
            VsTime rtt)
{
    *driver = (Driver){.snd_una = START, .snd_nxt = START, .now = VS_S, .rtt = rtt};
    vs_pool_init(&driver->deliveries, sizeof(VsDelivery), 1);
    vs_congestion_init(&driver->congestion, kind, MSS, initial_segments);
}

static void
driver_send(Driver *driver, uint32_t bytes)
{
    vs_congestion_sent(&driver->congestion, &driver->deliveries, driver->snd_una,
                       driver->snd_nxt + bytes, driver->now);
    driver->snd_nxt += bytes;
}

static void
driver_fill(Driver *driver)
{
    while (driver->snd_nxt - driver->snd_una + MSS <= driver->congestion.cwnd) {
        driver_send(driver, MSS);
    }
}

static void
driver_ack(Driver *driver, uint32_t bytes)
{
    VsCongestionAck ack = {.now = driver->now,
                           .srtt = driver->rtt,
                           .acked = bytes,
                           .is_growing = true,
                           .is_echo = driver->is_marked};

    driver->snd_una += bytes;
    ack.snd_una = driver->snd_una;
    ack.snd_nxt = driver->snd_nxt;
    vs_congestion_ack(&driver->congestion, &ack);
}

/* A round trip: what is under way is acknowledged, segment by segment, at even distances,
 * and new segments follow. */
static void
driver_round(Driver *driver)
{
    uint64_t end;
    VsTime begun = driver->now;
    unsigned n_segments, i = 0;

    driver_fill(driver);
    end = driver->snd_nxt;
    n_segments = (unsigned)((end - driver->snd_una) / MSS);
    while (driver->snd_una < end) {
        i++;
        driver->now =
            begun + driver->rtt * (driver->is_bursty ? n_segments : i) / n_segments;
        driver_ack(driver, MSS);
        if (!driver->is_bursty) {
            driver_fill(driver);
        }
    }
}

static void
driver_lose(Driver *driver)
{
    vs_congestion_loss(&driver->congestion, driver->snd_nxt - driver->snd_una,
                       driver->now);
    vs_congestion_recovered(&driver->congestion);
    driver->snd_una = driver->snd_nxt;
}

static void
driver_clear(Driver *driver)
{
    vs_pool_clear(&driver->deliveries);
}

static double
window(const Driver *driver)
{
    return (double)driver->congestion.cwnd / MSS;
}

/* Slow start doubles; half of 20 on loss; then a segment for each window acknowledged. */
static void
test_reno_by_hand(void)
{
    Driver d;

    driver_init(&d, VS_CONGESTION_RENO, 10, 100 * VS_MS);
    driver_round(&d);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 20 * MSS);
    driver_fill(&d);
    driver_lose(&d);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 10 * MSS);
    CU_ASSERT_EQUAL(d.congestion.ssthresh, 10 * MSS);
    driver_fill(&d);
    for (unsigned i = 0; i < 9; i++) {
        driver_ack(&d, MSS);
        driver_fill(&d);
        CU_ASSERT_EQUAL(d.congestion.cwnd, 10 * MSS);
    }
    driver_ack(&d, MSS);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 11 * MSS);
    driver_fill(&d);
    for (unsigned i = 0; i < 11; i++) {
        driver_ack(&d, MSS);
        driver_fill(&d);
    }
    CU_ASSERT_EQUAL(d.congestion.cwnd, 12 * MSS);
    driver_clear(&d);
}

/* RFC 3465: an ACK of many counts as two in slow start. */
static void
test_reno_counts_two_segments_an_ack(void)
{
    Driver d;

    driver_init(&d, VS_CONGESTION_RENO, 10, 100 * VS_MS);
    driver_fill(&d);
    driver_ack(&d, 5 * MSS);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 12 * MSS);
    driver_ack(&d, MSS);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 13 * MSS);
    driver_clear(&d);
}

/* A time-out: one segment, slow start to half of what was under way; a second in a row
 * leaves the threshold alone.  The threshold is two segments at least. */
static void
test_reno_time_out(void)
{
    Driver d;

    driver_init(&d, VS_CONGESTION_RENO, 16, 100 * VS_MS);
    driver_fill(&d);
    vs_congestion_timeout(&d.congestion, 16 * MSS, true, d.now);
    CU_ASSERT_EQUAL(d.congestion.cwnd, MSS);
    CU_ASSERT_EQUAL(d.congestion.ssthresh, 8 * MSS);
    vs_congestion_timeout(&d.congestion, MSS, false, d.now);
    CU_ASSERT_EQUAL(d.congestion.ssthresh, 8 * MSS);
    d.snd_una = d.snd_nxt;
    for (unsigned expected = 2; expected <= 8; expected *= 2) {
        driver_round(&d);
        CU_ASSERT_EQUAL(d.congestion.cwnd, expected * MSS);
    }
    driver_round(&d);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 9 * MSS);
    vs_congestion_timeout(&d.congestion, MSS, true, d.now);
    CU_ASSERT_EQUAL(d.congestion.ssthresh, 2 * MSS);
    driver_clear(&d);
}

/* Five segments of ten were enough for slow start; in congestion avoidance they are not. */
static void
test_unused_window_does_not_grow(void)
{
    static const VsCongestionKind kinds[] = {VS_CONGESTION_RENO, VS_CONGESTION_CUBIC};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        Driver d;

        driver_init(&d, kinds[i], 10, 100 * VS_MS);
        driver_send(&d, 4 * MSS);
        driver_ack(&d, 4 * MSS);
        CU_ASSERT_EQUAL(d.congestion.cwnd, 10 * MSS);
        driver_send(&d, 5 * MSS);
        driver_ack(&d, MSS);
        CU_ASSERT_EQUAL(d.congestion.cwnd, 11 * MSS);
        driver_lose(&d);
        for (unsigned round = 0; round < 100; round++) {
            uint32_t cwnd = d.congestion.cwnd;

            d.now += d.rtt;
            driver_send(&d, cwnd / 2);
            driver_ack(&d, cwnd / 2);
            CU_ASSERT_EQUAL(d.congestion.cwnd, cwnd);
        }
        driver_clear(&d);
    }
}

/* RFC 2861: halved for each time-out of silence, down to the initial window. */
static void
test_idle_connection_begins_again(void)
{
    static const unsigned expected[] = {80, 80, 20, 10, 10}; /* After n time-outs. */

    for (unsigned n = 0; n < G_N_ELEMENTS(expected); n++) {
        Driver d;

        driver_init(&d, VS_CONGESTION_RENO, 10, 100 * VS_MS);
        for (unsigned round = 0; round < 3; round++) {
            driver_round(&d);
        }
        CU_ASSERT_EQUAL(d.congestion.cwnd, 80 * MSS);
        d.snd_una = d.snd_nxt;
        d.now = d.congestion.last_sent + n * 200 * VS_MS + (n > 1);
        /* A time-out exactly is not longer than one. */
        vs_congestion_restart(&d.congestion, d.now, 200 * VS_MS);
        CU_ASSERT_EQUAL(d.congestion.cwnd, expected[n] * MSS);
        driver_clear(&d);
    }
}

/* After a loss at W_max: K = cbrt(W_max (1 - 0.7) / 0.4), and the window a round trip after
 * time t is W(t) = 0.4 (t - K)^3 + W_max, within what a window moves in a round trip. */
static void
test_cubic_follows_its_curve(void)
{
    double w_max = 1000, k = cbrt(w_max * 0.3 / 0.4);
    VsTime begun;
    Driver d;

    driver_init(&d, VS_CONGESTION_CUBIC, 1000, 50 * VS_MS);
    driver_fill(&d);
    driver_lose(&d);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 700 * MSS);
    begun = d.now;
    driver_fill(&d);
    driver_ack(&d, MSS);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.k_s, k, 1e-9);
    while (d.now < begun + (VsTime)(1.5 * k * (double)VS_S)) {
        double t, expected;

        driver_round(&d);
        t = (double)(d.now - begun) / (double)VS_S;
        expected = 0.4 * pow(t - k, 3) + w_max;
        CU_ASSERT_DOUBLE_EQUAL(vs_cubic_window(&d.congestion.cubic, d.now - begun),
                               expected, 1e-6);
        CU_ASSERT_DOUBLE_EQUAL(window(&d), expected, 0.005 * expected);
    }
    CU_ASSERT_TRUE(window(&d) > w_max);
    driver_clear(&d);
}

/* Short round trips, small windows: W_est = 0.7 W_max + 0.529 t / RTT up to W_max, then a
 * segment a round trip. */
static void
test_cubic_is_reno_friendly(void)
{
    double alpha = 3 * 0.3 / 1.7;
    unsigned n_rounds = 0;
    Driver d;

    driver_init(&d, VS_CONGESTION_CUBIC, 20, VS_MS);
    driver_fill(&d);
    driver_lose(&d);
    while (window(&d) < 20) {
        driver_round(&d);
        n_rounds++;
        CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.w_est, 14 + alpha * n_rounds, 0.3);
        CU_ASSERT_DOUBLE_EQUAL(window(&d), d.congestion.cubic.w_est, 0.1);
    }
    CU_ASSERT_DOUBLE_EQUAL(n_rounds, 6 / alpha, 1);
    for (unsigned i = 0; i < 50; i++) {
        driver_round(&d);
    }
    CU_ASSERT_DOUBLE_EQUAL(window(&d), 20 + 50, 2);
    driver_clear(&d);
}

/* Fast convergence: a second loss below W_max sets it to 0.85 of the window; above, to it. */
static void
test_cubic_fast_convergence(void)
{
    Driver d;

    driver_init(&d, VS_CONGESTION_CUBIC, 100, 100 * VS_MS);
    driver_fill(&d);
    driver_lose(&d);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.w_max, 100, 1e-9);
    driver_fill(&d);
    driver_lose(&d);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 49 * MSS);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.w_max, 0.85 * 70, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.cwnd_prior, 70, 1e-9);
    d.congestion.cubic.w_max = 40;
    driver_lose(&d);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.w_max, 49, 1e-9);
    driver_clear(&d);
}

/* After a time-out the curve begins at its plateau: K = 0, W_max = the window then. */
static void
test_cubic_time_out(void)
{
    Driver d;

    driver_init(&d, VS_CONGESTION_CUBIC, 100, 100 * VS_MS);
    driver_fill(&d);
    vs_congestion_timeout(&d.congestion, 100 * MSS, true, d.now);
    CU_ASSERT_EQUAL(d.congestion.cwnd, MSS);
    CU_ASSERT_EQUAL(d.congestion.ssthresh, 70 * MSS);
    d.snd_una = d.snd_nxt;
    while (d.congestion.cwnd < 70 * MSS) {
        driver_round(&d);
    }
    driver_round(&d);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.k_s, 0, 0);
    CU_ASSERT_DOUBLE_EQUAL(d.congestion.cubic.w_max, 70, 0.5);
    driver_clear(&d);
}

/* Two rounds at 100 ms, then one at 'rtt'. */
static void
slow_start_then(Driver *driver, VsTime rtt)
{
    driver_init(driver, VS_CONGESTION_CUBIC, 20, 100 * VS_MS);
    driver->is_bursty = true;
    driver_round(driver);
    driver_round(driver);
    CU_ASSERT_EQUAL(driver->congestion.cwnd, 80 * MSS);
    driver->rtt = rtt;
    driver_round(driver);
}

/* Round trips of 100 ms get longer by 13 ms, more than 100 / 8: conservative slow start,
 * by a quarter, for five rounds; then congestion avoidance. */
static void
test_hystart_leaves_slow_start_when_the_delay_rises(void)
{
    Driver d;

    slow_start_then(&d, 113 * VS_MS);
    CU_ASSERT_EQUAL(d.congestion.cubic.hystart.n_css_rounds, 1);
    for (unsigned round = 2; round <= 5; round++) {
        double before = window(&d);

        driver_round(&d);
        CU_ASSERT_EQUAL(d.congestion.ssthresh, VS_CONGESTION_NO_SSTHRESH);
        CU_ASSERT_EQUAL(d.congestion.cubic.hystart.n_css_rounds, round);
        CU_ASSERT_DOUBLE_EQUAL(window(&d) / before, 1.25, 0.02);
    }
    driver_round(&d);
    CU_ASSERT_EQUAL(vs_congestion_is_slow_start(&d.congestion), false);
    driver_clear(&d);
}

/* By 12 ms is not enough: a threshold of an eighth, within 4 and 16 ms. */
static void
test_hystart_bears_a_small_rise(void)
{
    Driver d;

    slow_start_then(&d, 112 * VS_MS);
    CU_ASSERT_EQUAL(d.congestion.cubic.hystart.n_css_rounds, 0);
    CU_ASSERT_EQUAL(d.congestion.cwnd, 160 * MSS);
    driver_clear(&d);
}

/* It was no queue: the round trip falls again, and slow start goes on. */
static void
test_hystart_resumes_slow_start(void)
{
    double before;
    Driver d;

    slow_start_then(&d, 113 * VS_MS);
    CU_ASSERT_EQUAL(d.congestion.cubic.hystart.n_css_rounds, 1);
    d.rtt = 100 * VS_MS;
    driver_round(&d);
    CU_ASSERT_EQUAL(d.congestion.cubic.hystart.n_css_rounds, 0);
    before = window(&d);
    driver_round(&d);
    CU_ASSERT_DOUBLE_EQUAL(window(&d) / before, 2, 0.02);
    driver_clear(&d);
}

/* RFC 8257: alpha is 1 at first and loses a sixteenth in each round without marks; a round
 * of marks gives a sixteenth back, and takes alpha / 2 of the window, once. */
static void
test_dctcp_reduces_by_the_share_of_marks(void)
{
    static const unsigned alphas[] = {960, 900, 844, 792};
    uint32_t cwnd;
    Driver d;

    driver_init(&d, VS_CONGESTION_DCTCP, 10, VS_MS);
    driver_fill(&d);
    driver_lose(&d); /* To congestion avoidance. */
    driver_round(&d);
    d.congestion.dctcp.alpha = VS_DCTCP_ALPHA_ONE;
    for (unsigned i = 0; i < G_N_ELEMENTS(alphas); i++) {
        driver_round(&d);
        CU_ASSERT_EQUAL(d.congestion.dctcp.alpha, alphas[i]);
    }
    d.is_marked = true;
    cwnd = d.congestion.cwnd;
    driver_ack(&d, MSS); /* Ends the quiet round; and is an echo. */
    CU_ASSERT_EQUAL(d.congestion.dctcp.alpha, 743 + 64 / 9); /* One of nine. */
    cwnd -= cwnd * d.congestion.dctcp.alpha / (2 * VS_DCTCP_ALPHA_ONE);
    CU_ASSERT_EQUAL(d.congestion.cwnd, cwnd);
    driver_ack(&d, MSS);
    CU_ASSERT_EQUAL(d.congestion.cwnd, cwnd);
    driver_clear(&d);
}

/* The other algorithms take a mark for a loss, once a round trip (RFC 3168). */
static void
test_a_mark_counts_as_a_loss(void)
{
    static const struct {
        VsCongestionKind kind;
        unsigned expected;
    } cases[] = {{VS_CONGESTION_RENO, 10}, {VS_CONGESTION_CUBIC, 14}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Driver d;

        driver_init(&d, cases[i].kind, 20, 100 * VS_MS);
        driver_fill(&d);
        d.is_marked = true;
        for (unsigned n = 0; n < 20; n++) {
            driver_ack(&d, MSS);
            CU_ASSERT_EQUAL(d.congestion.cwnd, cases[i].expected * MSS);
        }
        driver_fill(&d);
        driver_ack(&d, MSS);
        CU_ASSERT_EQUAL(d.congestion.cwnd,
                        cases[i].expected * MSS * cases[i].expected / 20);
        driver_clear(&d);
    }
}

/* Ten segments in a burst at 0, one of them acknowledged at 100 ms, an eleventh sent then, and
 * all acknowledged at 110 ms: ten segments went in 100 ms, however fast their ACKs came. */
static void
test_rate_is_the_slower_of_sending_and_acknowledging(void)
{
    uint32_t cwnd = VS_DELIVERY_A_WINDOW * MSS; /* A mark for each segment. */
    VsDelivery *delivery;
    VsRateSample sample;
    VsPool pool;

    vs_pool_init(&pool, sizeof(VsDelivery), 1);
    delivery = vs_delivery_new(&pool, START, 0);
    for (unsigned i = 1; i <= 10; i++) {
        vs_delivery_sent(delivery, START, START + i * MSS, cwnd, 0);
    }
    sample = vs_delivery_acked(delivery, START + MSS, 100 * VS_MS);
    CU_ASSERT_EQUAL(sample.rtt, 100 * VS_MS);
    CU_ASSERT_EQUAL(sample.delivered, MSS);
    CU_ASSERT_EQUAL(sample.interval, 100 * VS_MS);
    CU_ASSERT_TRUE(sample.is_app_limited); /* Nothing was under way before. */

    vs_delivery_sent(delivery, START + MSS, START + 11 * MSS, cwnd, 100 * VS_MS);
    sample = vs_delivery_acked(delivery, START + 11 * MSS, 110 * VS_MS);
    CU_ASSERT_EQUAL(sample.rtt, 10 * VS_MS);
    CU_ASSERT_EQUAL(sample.prior_delivered, START + MSS);
    CU_ASSERT_EQUAL(sample.delivered, 10 * MSS);
    CU_ASSERT_EQUAL(sample.interval, 100 * VS_MS);
    CU_ASSERT_FALSE(sample.is_app_limited);

    /* Sent again: whose ACK it is nobody knows. */
    vs_delivery_sent(delivery, START + 11 * MSS, START + 12 * MSS, cwnd, 120 * VS_MS);
    vs_delivery_forget(delivery);
    sample = vs_delivery_acked(delivery, START + 12 * MSS, 130 * VS_MS);
    CU_ASSERT_EQUAL(sample.rtt, 0);
    vs_delivery_free(delivery);
    vs_pool_clear(&pool);
}

static const VsTestCase tests[] = {
    {"NewReno by hand", test_reno_by_hand},
    {"NewReno counts two segments an ACK", test_reno_counts_two_segments_an_ack},
    {"NewReno after a time-out", test_reno_time_out},
    {"a window that is not used does not grow", test_unused_window_does_not_grow},
    {"an idle connection begins again", test_idle_connection_begins_again},
    {"CUBIC follows its curve", test_cubic_follows_its_curve},
    {"CUBIC is Reno-friendly", test_cubic_is_reno_friendly},
    {"CUBIC: fast convergence", test_cubic_fast_convergence},
    {"CUBIC after a time-out", test_cubic_time_out},
    {"HyStart++ leaves slow start when the delay rises",
     test_hystart_leaves_slow_start_when_the_delay_rises},
    {"HyStart++ bears a small rise", test_hystart_bears_a_small_rise},
    {"HyStart++ resumes slow start", test_hystart_resumes_slow_start},
    {"DCTCP reduces by the share of marks", test_dctcp_reduces_by_the_share_of_marks},
    {"to the others, a mark is a loss", test_a_mark_counts_as_a_loss},
    {"a rate is the slower of sending and acknowledging",
     test_rate_is_the_slower_of_sending_and_acknowledging},
    {0},
};

VS_TESTS("transport/congestion")

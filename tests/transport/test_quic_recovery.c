/* RFC 9002: times and windows of loss recovery worked out by hand, without a network; and
 * lengths of QUIC's packets. */
#include <glib.h>

#include "engine/timer.h"
#include "transport/quic_recovery.h"
#include "vs_test.h"

enum { BYTES = 1200 };

typedef struct Driver {
    VsQuicRecovery recovery;
    VsPool sents;
    VsPool deliveries;
    uint64_t next[VS_QUIC_N_SPACES];
    unsigned n_acked;
    unsigned n_lost;
    uint64_t last_lost;
} Driver;

static void
on_acked(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicSent *sent)
{
    (void)space;
    (void)sent;
    VS_CONTAINER_OF(recovery, Driver, recovery)->n_acked++;
}

static void
on_lost(VsQuicRecovery *recovery, VsQuicSpace space, const VsQuicSent *sent)
{
    Driver *driver = VS_CONTAINER_OF(recovery, Driver, recovery);

    (void)space;
    driver->n_lost++;
    driver->last_lost = sent->number;
}

static const VsQuicRecoveryOps ops = {on_acked, on_lost};

static void
driver_init(Driver *driver)
{
    *driver = (Driver){0};
    vs_pool_init(&driver->sents, sizeof(VsQuicSent), 8);
    vs_pool_init(&driver->deliveries, sizeof(VsDelivery), 1);
    vs_quic_recovery_init(&driver->recovery, &ops, &driver->sents, &driver->deliveries,
                          VS_CONGESTION_RENO, BYTES, 25 * VS_MS);
    driver->recovery.is_confirmed = true;
}

/* Nothing that was borrowed is left. */
static void
driver_clear(Driver *driver)
{
    vs_quic_recovery_clear(&driver->recovery);
    CU_ASSERT_EQUAL(driver->recovery.in_flight, 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&driver->sents), 0);
    CU_ASSERT_EQUAL(vs_pool_n_used(&driver->deliveries), 0);
    vs_pool_clear(&driver->sents);
    vs_pool_clear(&driver->deliveries);
}

static void
send_one(Driver *driver, VsQuicSpace space, VsTime now)
{
    static const VsQuicFrames frames = {.kinds = VS_QUIC_PING};

    vs_quic_recovery_sent(&driver->recovery, space, driver->next[space]++, BYTES,
                          &frames, now);
}

/* Acknowledges 'first' to 'last'. */
static void
ack(Driver *driver, VsQuicSpace space, uint64_t first, uint64_t last, VsTime delay,
    VsTime now)
{
    VsQuicAck frame = {.n_ranges = 1, .delay = delay, .ranges = {{first, last + 1}}};

    vs_quic_recovery_ack(&driver->recovery, space, &frame, true, now);
}

/* Sends and acknowledges a packet, the first: a sample of 'rtt'. */
static void
sample(Driver *driver, VsTime rtt)
{
    send_one(driver, VS_QUIC_DATA, 0);
    ack(driver, VS_QUIC_DATA, 0, 0, 0, rtt);
}

/* Section 5.3: 7/8 * 100 + 1/8 * 100 after the delay of 20 ms; 3/4 * 50 + 1/4 * 0. */
static void
test_round_trips_are_smoothed(void)
{
    Driver driver;

    driver_init(&driver);
    sample(&driver, 100 * VS_MS);
    CU_ASSERT_EQUAL(driver.recovery.srtt, 100 * VS_MS);
    CU_ASSERT_EQUAL(driver.recovery.rttvar, 50 * VS_MS);
    send_one(&driver, VS_QUIC_DATA, VS_S);
    ack(&driver, VS_QUIC_DATA, 1, 1, 20 * VS_MS, VS_S + 120 * VS_MS);
    CU_ASSERT_EQUAL(driver.recovery.srtt, 100 * VS_MS);
    CU_ASSERT_EQUAL(driver.recovery.rttvar, 37500 * VS_US);
    /* No more than max_ack_delay counts: 145 - 25 = 120; 87.5 + 15; 28.125 + 5. */
    send_one(&driver, VS_QUIC_DATA, 2 * VS_S);
    ack(&driver, VS_QUIC_DATA, 2, 2, 40 * VS_MS, 2 * VS_S + 145 * VS_MS);
    CU_ASSERT_EQUAL(driver.recovery.srtt, 102500 * VS_US);
    CU_ASSERT_EQUAL(driver.recovery.rttvar, 33125 * VS_US);
    driver_clear(&driver);
}

/* Before a sample 333 + 4 * 166.5 ms; then doubled; with a sample 100 + 4 * 50 + 25. */
static void
test_probes_back_off(void)
{
    VsQuicSpace space = VS_QUIC_N_SPACES;
    Driver driver;

    driver_init(&driver);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), VS_TIME_NEVER);
    send_one(&driver, VS_QUIC_INITIAL, 0);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), 999 * VS_MS);
    CU_ASSERT_TRUE(vs_quic_recovery_due(&driver.recovery, 999 * VS_MS, &space));
    CU_ASSERT_EQUAL(space, VS_QUIC_INITIAL);
    send_one(&driver, VS_QUIC_INITIAL, 999 * VS_MS);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), 3 * 999 * VS_MS);
    CU_ASSERT_EQUAL(driver.n_lost, 0); /* Nobody says that it is. */
    CU_ASSERT_EQUAL(driver.recovery.congestion.cwnd, 10 * BYTES);
    ack(&driver, VS_QUIC_INITIAL, 1, 1, 0, 1099 * VS_MS);
    vs_quic_recovery_discard(&driver.recovery, VS_QUIC_INITIAL);
    send_one(&driver, VS_QUIC_DATA, 2 * VS_S);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), 2325 * VS_MS);
    driver_clear(&driver);
}

/* Section 6.2.1: no probes of 1-RTT data before the handshake is confirmed. */
static void
test_data_are_not_probed_before_confirmation(void)
{
    Driver driver;

    driver_init(&driver);
    driver.recovery.is_confirmed = false;
    send_one(&driver, VS_QUIC_DATA, 0);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), VS_TIME_NEVER);
    send_one(&driver, VS_QUIC_HANDSHAKE, VS_MS);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), 1000 * VS_MS);
    driver_clear(&driver);
}

/* 1 is lost with the ACK of 4, not with that of 3. */
static void
test_three_packets_later_it_is_lost(void)
{
    Driver driver;

    driver_init(&driver);
    sample(&driver, 100 * VS_MS);
    for (unsigned i = 1; i <= 4; i++) {
        send_one(&driver, VS_QUIC_DATA, VS_S);
    }
    ack(&driver, VS_QUIC_DATA, 2, 3, 0, 1100 * VS_MS);
    CU_ASSERT_EQUAL(driver.n_lost, 0);
    ack(&driver, VS_QUIC_DATA, 2, 4, 0, 1101 * VS_MS);
    CU_ASSERT_EQUAL(driver.n_lost, 1);
    CU_ASSERT_EQUAL(driver.last_lost, 1);
    CU_ASSERT_EQUAL(driver.n_acked, 4);
    CU_ASSERT_EQUAL(driver.recovery.in_flight, 0);
    driver_clear(&driver);
}

/* One packet later: 9/8 of 100 ms after it was sent. */
static void
test_after_nine_eighths_of_a_round_trip_it_is_lost(void)
{
    VsQuicSpace space;
    Driver driver;

    driver_init(&driver);
    sample(&driver, 100 * VS_MS);
    send_one(&driver, VS_QUIC_DATA, VS_S);
    send_one(&driver, VS_QUIC_DATA, VS_S);
    ack(&driver, VS_QUIC_DATA, 2, 2, 0, 1100 * VS_MS);
    CU_ASSERT_EQUAL(driver.n_lost, 0);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), 1112500 * VS_US);
    CU_ASSERT_FALSE(vs_quic_recovery_due(&driver.recovery, 1112500 * VS_US, &space));
    CU_ASSERT_EQUAL(driver.n_lost, 1);
    CU_ASSERT_EQUAL(vs_quic_recovery_next(&driver.recovery), VS_TIME_NEVER);
    driver_clear(&driver);
}

/* Section 7.3.2: the window is halved once for all that was sent before. */
static void
test_one_reduction_a_round_trip(void)
{
    Driver driver;

    driver_init(&driver);
    sample(&driver, 100 * VS_MS);
    driver.recovery.congestion.cwnd = 10 * BYTES;
    for (unsigned i = 1; i <= 9; i++) {
        send_one(&driver, VS_QUIC_DATA, VS_S);
    }
    ack(&driver, VS_QUIC_DATA, 4, 4, 0, 1100 * VS_MS);
    CU_ASSERT_EQUAL(driver.recovery.congestion.cwnd, 5 * BYTES);
    ack(&driver, VS_QUIC_DATA, 8, 8, 0, 1101 * VS_MS);
    CU_ASSERT_EQUAL(driver.n_lost, 4); /* 1, then 2, 3 and 5. */
    CU_ASSERT_EQUAL(driver.recovery.congestion.cwnd, 5 * BYTES);
    CU_ASSERT_TRUE(driver.recovery.is_recovering);
    /* 10 was sent after the reduction: its ACK ends the recovery, its loss is a new one. */
    for (unsigned i = 10; i <= 14; i++) {
        send_one(&driver, VS_QUIC_DATA, 1200 * VS_MS);
    }
    ack(&driver, VS_QUIC_DATA, 11, 11, 0, 1300 * VS_MS);
    CU_ASSERT_FALSE(driver.recovery.is_recovering);
    ack(&driver, VS_QUIC_DATA, 11, 14, 0, 1301 * VS_MS);
    CU_ASSERT_TRUE(driver.recovery.is_recovering);
    CU_ASSERT_EQUAL(driver.recovery.recovery_start, 1301 * VS_MS);
    driver_clear(&driver);
}

/* Section 7.6: losses over more than 3 * (100 + 150 + 25) ms, with nothing acknowledged in
 * between (rttvar is 37.5 by now), leave two datagrams; with something, they only halve the window. */
static void
test_persistent_congestion(void)
{
    static const struct {
        VsTime apart;
        bool has_arrival;
        uint32_t window;
    } cases[] = {
        {826 * VS_MS, false, 2 * BYTES},
        {825 * VS_MS, false, 5 * BYTES},
        {826 * VS_MS, true, 5 * BYTES},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsTime last = VS_S + cases[i].apart;
        VsQuicAck frame = {.n_ranges = 1, .ranges = {{4, 7}, {2, 3}}};
        Driver driver;

        driver_init(&driver);
        sample(&driver, 100 * VS_MS);
        driver.recovery.congestion.cwnd = 10 * BYTES;
        send_one(&driver, VS_QUIC_DATA, VS_S);
        send_one(&driver, VS_QUIC_DATA, VS_S + VS_MS);
        send_one(&driver, VS_QUIC_DATA, last);
        for (unsigned n = 4; n <= 6; n++) {
            send_one(&driver, VS_QUIC_DATA, last);
        }
        frame.n_ranges = cases[i].has_arrival ? 2 : 1;
        vs_quic_recovery_ack(&driver.recovery, VS_QUIC_DATA, &frame, true,
                             last + 100 * VS_MS);
        if (driver.recovery.spaces[VS_QUIC_DATA].first) {
            VsQuicSpace space;

            vs_quic_recovery_due(&driver.recovery,
                                 vs_quic_recovery_next(&driver.recovery), &space);
        }
        CU_ASSERT_EQUAL(driver.n_lost, cases[i].has_arrival ? 2 : 3);
        CU_ASSERT_EQUAL(driver.recovery.congestion.cwnd, cases[i].window);
        driver_clear(&driver);
    }
}

static void
test_lengths_of_packets(void)
{
    VsQuicDatagram datagram = {0};
    VsQuicAck two = {.n_ranges = 2, .delay = 25 * VS_MS, .ranges = {{10, 13}, {5, 9}}};
    VsQuicPacket *packet = &datagram.packets[VS_QUIC_INITIAL];

    CU_ASSERT_EQUAL(vs_quic_varint_bytes(63), 1);
    CU_ASSERT_EQUAL(vs_quic_varint_bytes(64), 2);
    CU_ASSERT_EQUAL(vs_quic_varint_bytes(16384), 4);
    CU_ASSERT_EQUAL(vs_quic_varint_bytes(UINT64_C(1) << 30), 8);
    /* The example of RFC 9000 appendix A.2. */
    CU_ASSERT_EQUAL(vs_quic_number_bytes(0xac5c02, 0xabe8b3 + 1), 2);
    CU_ASSERT_EQUAL(vs_quic_number_bytes(0xace8fe, 0xabe8b3 + 1), 3);
    /* Type, largest, 3125 units of 8 us, count, first; gap and length. */
    CU_ASSERT_EQUAL(vs_quic_ack_bytes(&two), 1 + 1 + 2 + 1 + 1 + 2);
    CU_ASSERT_EQUAL(vs_quic_overhead_bytes(VS_QUIC_DATA, false, 1), 1 + 8 + 1 + 16);
    /* A hello of 512 bytes: flags, version, two ids, token, length, number, tag. */
    *packet = (VsQuicPacket){.number_bytes = 1,
                             .frames = {.kinds = VS_QUIC_CRYPTO, .crypto_bytes = 512}};
    CU_ASSERT_EQUAL(vs_quic_packet_bytes(&datagram, VS_QUIC_INITIAL),
                    1 + 4 + 9 + 9 + 1 + 2 + 1 + 16 + (1 + 1 + 2) + 512);
}

static const VsTestCase tests[] = {
    {"round trips are smoothed", test_round_trips_are_smoothed},
    {"probes back off", test_probes_back_off},
    {"data are not probed before confirmation",
     test_data_are_not_probed_before_confirmation},
    {"three packets later it is lost", test_three_packets_later_it_is_lost},
    {"after nine eighths of a round trip it is lost",
     test_after_nine_eighths_of_a_round_trip_it_is_lost},
    {"one reduction a round trip", test_one_reduction_a_round_trip},
    {"persistent congestion", test_persistent_congestion},
    {"lengths of packets", test_lengths_of_packets},
    {0},
};
VS_TESTS("quic_recovery")

/* The work of bench_tables and of its peers: connections, and addresses of pods. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/table.h"
#include "tests/bench/bench.h"

enum {
    BENCH_BATCH = 64,          /* Keys a bulk call; rte_hash takes no more, */
    BENCH_FLOWS_BATCH = 1024,  /* VsFlowTable any number. */
    BENCH_N_QUERIES = 1 << 20, /* Keys looked up in a round, in random order. */
    BENCH_N_PODS_CIDRS =
        5000, /* Routes: a /24 a node from 10.0.0.0 up, and the default. */
};

/* Seconds that a figure is measured for. */
#define BENCH_MIN_SECONDS 0.4

/* The 'i'th connection: 16384 ports of each client, all to one service. */
static inline VsKey
bench_connection(uint64_t i)
{
    return (VsKey){{(0x0A000000 + (i >> 14)) << 32 | 0x0A600001,
                    (1024 + (i & 0x3FFF)) << 48 | UINT64_C(80) << 32 | 6 << 24}};
}

/* The first 'n' connections.  Freed with g_free(). */
static inline VsKey *
bench_connections(size_t n)
{
    VsKey *keys = g_new(VsKey, n);

    for (size_t i = 0; i < n; i++) {
        keys[i] = bench_connection(i);
    }
    return keys;
}

/* BENCH_N_QUERIES of the first 'n' connections.  Freed with g_free(). */
static inline VsKey *
bench_queries(size_t n)
{
    VsKey *keys = g_new(VsKey, BENCH_N_QUERIES);

    for (size_t i = 0; i < BENCH_N_QUERIES; i++) {
        keys[i] = bench_connection(vs_mix64(i + 1) % n);
    }
    return keys;
}

/* BENCH_N_QUERIES addresses of pods.  Freed with g_free(). */
static inline uint32_t *
bench_pod_addresses(void)
{
    uint32_t *addresses = g_new(uint32_t, BENCH_N_QUERIES);

    for (size_t i = 0; i < BENCH_N_QUERIES; i++) {
        addresses[i] =
            0x0A000000 + (uint32_t)(vs_mix64(i + 1) % (BENCH_N_PODS_CIDRS << 8));
    }
    return addresses;
}

/* Million operations a second of processor time: 'round' does 'n' of them on 'data', is run
 * once to warm up and then until there is enough to measure. */
static inline double
bench_rate(void (*round)(void *data), void *data, double n)
{
    double seconds, done = 0;

    round(data);
    seconds = -bench_seconds();
    do {
        round(data);
        done += n;
    } while (seconds + bench_seconds() < BENCH_MIN_SECONDS);
    return done / (seconds + bench_seconds()) / 1e6;
}

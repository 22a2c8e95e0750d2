/* DPDK's rte_hash and rte_lpm at the work of bench_tables.
 *
 * usage: peer_dpdk_tables find|churn CONNECTIONS
 *        peer_dpdk_tables route
 *
 * The hash function is CRC32 by instruction, rte_hash's fastest; the table is twice as long
 * as it needs to be.  Memory is of ordinary pages.  Prints million operations per second of
 * processor time; a churn is one removal and one insertion. */
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lpm.h>
#include <rte_memory.h>
#include <stdbool.h>

#include "tests/bench/bench_tables.h"

typedef struct Peer {
    struct rte_hash *hash;
    struct rte_lpm *lpm;
    size_t n, oldest; /* Connections; of 2 n keys, the one to go next. */
    VsKey *keys;
    const void **queries;
    uint32_t *addresses;
    uint64_t
        sum; /* Of what was found: it must not be optimised away, and is checked. */
} Peer;

static void
die(const char *what)
{
    fprintf(stderr, "peer_dpdk_tables: %s\n", what);
    exit(EXIT_FAILURE);
}

static void
find(void *data)
{
    Peer *peer = data;
    void *found[BENCH_BATCH];

    for (size_t i = 0; i < BENCH_N_QUERIES; i += BENCH_BATCH) {
        uint64_t hits = 0;

        rte_hash_lookup_bulk_data(peer->hash, peer->queries + i, BENCH_BATCH, &hits,
                                  found);
        if (hits != UINT64_MAX) {
            die("a key was not found");
        }
        for (size_t k = 0; k < BENCH_BATCH; k++) {
            peer->sum += (uintptr_t)found[k];
        }
    }
}

static void
add(Peer *peer, size_t i)
{
    if (rte_hash_add_key_data(peer->hash, &peer->keys[i], (void *)(uintptr_t)i) != 0) {
        die("a key does not fit");
    }
}

static void
churn(void *data)
{
    Peer *peer = data;

    for (size_t i = 0; i < peer->n; i++) {
        if (rte_hash_del_key(peer->hash, &peer->keys[peer->oldest]) < 0) {
            die("a key was not removed");
        }
        add(peer, (peer->oldest + peer->n) % (2 * peer->n));
        peer->oldest = (peer->oldest + 1) % (2 * peer->n);
    }
}

static void
make_hash(Peer *peer, size_t n)
{
    const struct rte_hash_parameters parameters = {
        .name = "connections",
        .entries = (uint32_t)(2 * n),
        .key_len = sizeof(VsKey),
        .hash_func = rte_hash_crc,
        .socket_id = SOCKET_ID_ANY,
    };
    VsKey *queries = bench_queries(n);

    peer->n = n;
    peer->keys = bench_connections(2 * n);
    peer->queries = g_new(const void *, BENCH_N_QUERIES);
    for (size_t i = 0; i < BENCH_N_QUERIES; i++) {
        peer->queries[i] = &queries[i];
    }
    peer->hash = rte_hash_create(&parameters);
    if (!peer->hash) {
        die("no memory for rte_hash");
    }
    for (size_t i = 0; i < n; i++) {
        add(peer, i);
    }
}

static void
route(void *data)
{
    Peer *peer = data;
    uint32_t hops[BENCH_BATCH];

    for (size_t i = 0; i < BENCH_N_QUERIES; i += BENCH_BATCH) {
        rte_lpm_lookup_bulk(peer->lpm, peer->addresses + i, hops, BENCH_BATCH);
        for (size_t k = 0; k < BENCH_BATCH; k++) {
            peer->sum += hops[k];
        }
    }
}

static void
make_routes(Peer *peer)
{
    const struct rte_lpm_config config = {.max_rules = 2 * BENCH_N_PODS_CIDRS,
                                          .number_tbl8s = 256};

    peer->addresses = bench_pod_addresses();
    peer->lpm = rte_lpm_create("routes", SOCKET_ID_ANY, &config);
    /* It knows no prefix of length 0. */
    if (!peer->lpm || rte_lpm_add(peer->lpm, 0, 1, 1) != 0 ||
        rte_lpm_add(peer->lpm, UINT32_C(1) << 31, 1, 1) != 0) {
        die("no memory for rte_lpm");
    }
    for (uint32_t i = 0; i < BENCH_N_PODS_CIDRS; i++) {
        if (rte_lpm_add(peer->lpm, 0x0A000000 + (i << 8), 24, i + 2) != 0) {
            die("a route does not fit");
        }
    }
}

int
main(int argc, char **argv)
{
    char *eal[] = {argv[0],       "--no-huge",         "--no-pci",       "-m", "2048",
                   "--no-shconf", "--log-level=error", "--no-telemetry", NULL};
    const char *what = argc > 1 ? argv[1] : "";
    Peer peer = {0};
    double rate = 0;

    if (rte_eal_init(G_N_ELEMENTS(eal) - 1, eal) < 0) {
        die("no EAL");
    }
    if (strcmp(what, "route") == 0) {
        make_routes(&peer);
        rate = bench_rate(route, &peer, BENCH_N_QUERIES);
    } else if (strcmp(what, "find") == 0 || strcmp(what, "churn") == 0) {
        size_t n = (size_t)bench_number(argc, argv, 2, "CONNECTIONS", 262144);
        bool is_churn = strcmp(what, "churn") == 0;

        make_hash(&peer, n);
        rate = bench_rate(is_churn ? churn : find, &peer,
                          is_churn ? (double)n : BENCH_N_QUERIES);
    } else {
        die("usage: peer_dpdk_tables find|churn CONNECTIONS, or peer_dpdk_tables route");
    }
    printf("%.4f %" G_GUINT64_FORMAT "\n", rate, peer.sum);
    return EXIT_SUCCESS;
}

/* Consistent hashing: making a Maglev table, and picks by table and by ring.
 *
 * usage: bench_balance build|plain|table|bulk|lookup|ring [BACKENDS [SECONDS]]
 *
 * "build" fills 65537 slots and prints ms; "plain" does so by walking every permutation;
 * "table" and "ring" print ns a pick of katran-maglev and of envoy-ring-hash, hash and all,
 * over 4096 keys one by one, "bulk" of the former over all of them at once; "lookup" is
 * the table's part of that: the hash of two words, its slot and what is in it.  1000 backends without a number; processor time, after a warm-up. */
#include <glib.h>

#include "balance/balancer.h"
#include "balance/maglev.h"
#include "base/hash.h"
#include "tests/bench/bench.h"

enum { SLOTS = 65537, N_KEYS = 4096 };

static uint16_t table[SLOTS];

static void
fill_plainly(const VsMaglevEntry *entries, uint32_t n)
{
    g_autofree uint32_t *next = g_new(uint32_t, n);
    uint32_t n_taken = 0;

    memset(table, 0xff, sizeof(table));
    for (uint32_t i = 0; i < n; i++) {
        next[i] = entries[i].offset;
    }
    while (n_taken < SLOTS) {
        for (uint32_t i = 0; i < n && n_taken < SLOTS; i++, n_taken++) {
            while (table[next[i]] != VS_MAGLEV_FREE) {
                next[i] += entries[i].skip;
                next[i] -= next[i] >= SLOTS ? SLOTS : 0;
            }
            table[next[i]] = entries[i].backend;
        }
    }
}

/* Milliseconds a table. */
static double
build(uint32_t n, bool is_plain, double seconds)
{
    g_autofree VsMaglevEntry *entries = g_new(VsMaglevEntry, n);
    uint64_t random = 1;
    double start;
    double elapsed;
    uint64_t n_built = 0;

    for (uint32_t i = 0; i < n; i++) {
        entries[i] = (VsMaglevEntry){
            .backend = (uint16_t)i,
            .offset = (uint32_t)(bench_uniform(&random) * (SLOTS - 1)),
            .skip = (uint32_t)(bench_uniform(&random) * (SLOTS - 2)) + 1,
            .turns = 1,
        };
    }
    start = bench_seconds();
    do {
        if (is_plain) {
            fill_plainly(entries, n);
        } else {
            vs_maglev_fill(entries, n, table, SLOTS);
        }
        n_built++;
        elapsed = bench_seconds() - start;
    } while (elapsed < seconds);
    return 1e3 * elapsed / (double)n_built;
}

static VsBalancer
new_balancer(const char *kind, uint32_t n)
{
    const VsRng rng = {0};
    VsBalancer balancer;

    if (!vs_balancer_init(&balancer, vs_balancer_kind_find(kind), NULL, &rng, NULL)) {
        g_assert_not_reached();
    }
    for (uint32_t i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("10.0.%u.%u:80", i / 256, i % 256);

        vs_balancer_add(&balancer, name, 1);
    }
    return balancer;
}

/* Nanoseconds a pick, one by one or all keys at once. */
static double
pick(const char *kind, uint32_t n, bool is_bulk, double seconds)
{
    static uint32_t backends[N_KEYS];
    static VsBalanceKey keys[N_KEYS];
    static char texts[N_KEYS][24];
    VsBalancer balancer = new_balancer(kind, n);
    uint64_t random = 1;
    double start;
    double elapsed;
    uint64_t n_picked = 0;

    for (int i = 0; i < N_KEYS; i++) {
        g_snprintf(texts[i], sizeof(texts[i]), "user-%.12f", bench_uniform(&random));
        keys[i].data = texts[i];
        keys[i].bytes = strlen(texts[i]);
        keys[i].flow.saddr = (VsAddr)(bench_uniform(&random) * UINT32_MAX);
        keys[i].flow.sport = (uint16_t)(bench_uniform(&random) * UINT16_MAX);
    }
    vs_balancer_pick(&balancer, &keys[0]);
    start = bench_seconds();
    do {
        if (is_bulk) {
            vs_balancer_pick_bulk(&balancer, keys, N_KEYS, backends);
        }
        for (int i = 0; !is_bulk && i < N_KEYS; i++) {
            vs_balancer_pick(&balancer, &keys[i]);
        }
        n_picked += N_KEYS;
        elapsed = bench_seconds() - start;
    } while (elapsed < seconds);
    vs_balancer_clear(&balancer);
    return 1e9 * elapsed / (double)n_picked;
}

/* Nanoseconds a lookup. */
static double
look_up(uint32_t n, double seconds)
{
    enum { BATCH = 64 };
    static uint32_t sources[N_KEYS], ports[N_KEYS], backends[N_KEYS];
    const VsSimd simd = vs_simd_best();
    VsBalancer balancer = new_balancer("katran-maglev", n);
    uint64_t random = 1, n_found = 0;
    double start, elapsed;

    for (int i = 0; i < N_KEYS; i++) {
        sources[i] = (uint32_t)(bench_uniform(&random) * UINT32_MAX);
        ports[i] = (uint32_t)(bench_uniform(&random) * UINT32_MAX);
    }
    vs_balancer_pick(&balancer, &(VsBalanceKey){0}); /* Makes the table. */
    start = bench_seconds();
    do {
        for (int i = 0; i < N_KEYS; i += BATCH) {
            uint32_t hashes[BATCH];

            vs_jhash_2words_bulk(sources + i, ports + i, BATCH, SLOTS, simd, hashes);
            vs_maglev_at_bulk(&balancer, hashes, BATCH, backends + i);
        }
        n_found += N_KEYS;
        elapsed = bench_seconds() - start;
    } while (elapsed < seconds);
    vs_balancer_clear(&balancer);
    return 1e9 * elapsed / (double)n_found;
}

static double
measure(const char *what, uint32_t n, double seconds)
{
    if (strcmp(what, "build") == 0 || strcmp(what, "plain") == 0) {
        return build(n, strcmp(what, "plain") == 0, seconds);
    }
    if (strcmp(what, "lookup") == 0) {
        return look_up(n, seconds);
    }
    return pick(strcmp(what, "ring") == 0 ? "envoy-ring-hash" : "katran-maglev", n,
                strcmp(what, "bulk") == 0, seconds);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "build";
    uint32_t n = (uint32_t)bench_number(argc, argv, 2, "BACKENDS", 1000);
    double seconds = bench_number(argc, argv, 3, "SECONDS", 1);

    measure(what, n, seconds / 4);
    g_print("%.4f\n", measure(what, n, seconds));
    return EXIT_SUCCESS;
}

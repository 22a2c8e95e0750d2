/* Tables of the path against GLib's, and what a run does by the million besides.
 *
 * usage: bench_tables find|churn [CONNECTIONS]     VsFlowTable with room for twice as many
 *        bench_tables find-full|churn-full [CONNECTIONS]    the same at its design load
 *        bench_tables glib-find|glib-churn [CONNECTIONS]
 *        bench_tables route                        VsLpmTable, 5000 nodes' pods
 *        bench_tables host|host-text|host-text-one VsHostPath: resolved, by text, one by one
 *        bench_tables glib-host                    a table of hosts, each with one of paths
 *        bench_tables exponential|log|record
 *
 * Prints million operations per second of processor time; a churn is one removal and one
 * insertion. */
#include <math.h>

#include "base/dist.h"
#include "base/flow_table.h"
#include "base/histogram.h"
#include "base/host_path.h"
#include "base/lpm_table.h"
#include "base/rng.h"
#include "tests/bench/bench_tables.h"

enum {
    N_HOSTS = 10000,
    PATHS_A_HOST = 3,
    N_REQUESTS = 1 << 16,
    N_DRAWS = 1 << 20,
    N_KEPT = 1024
};

typedef struct Work {
    size_t n, oldest; /* Connections; of 2 n keys, the one to go next. */
    VsKey *keys, *queries;
    VsFlowTable flows;
    GHashTable *glib;
    VsLpmTable routes;
    uint32_t *addresses;
    VsHostPath rules;
    char **hosts, **paths; /* Of each request. */
    uint32_t *host_numbers, *path_numbers;
    VsRng rng;
    double draws[N_KEPT];
    VsHistogram histogram;
    int64_t *values;
    uint64_t sum; /* Of what came out: it must not be optimised away. */
} Work;

static void
check(bool is_right, const char *what)
{
    if (!is_right) {
        fprintf(stderr, "bench_tables: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* ---- Connections ---- */

static void
make_flows(Work *work, bool is_full)
{
    vs_flow_table_init(&work->flows);
    vs_flow_table_reserve(&work->flows, is_full ? work->n : 2 * work->n);
    for (size_t i = 0; i < work->n; i++) {
        vs_flow_table_insert(&work->flows, work->keys[i], (uint32_t)i);
    }
}

static void
find(void *data)
{
    Work *work = data;
    uint32_t values[BENCH_FLOWS_BATCH];

    for (size_t i = 0; i < BENCH_N_QUERIES; i += BENCH_FLOWS_BATCH) {
        check(vs_flow_table_find_bulk(&work->flows, work->queries + i,
                                      BENCH_FLOWS_BATCH, values) == BENCH_FLOWS_BATCH,
              "a key was not found");
        for (size_t k = 0; k < BENCH_FLOWS_BATCH; k++) {
            work->sum += values[k];
        }
    }
}

static void
churn(void *data)
{
    Work *work = data;
    uint32_t values[BENCH_FLOWS_BATCH];

    for (size_t i = 0; i < work->n; i += BENCH_FLOWS_BATCH) {
        size_t next = (work->oldest + work->n) % (2 * work->n);

        check(vs_flow_table_remove_bulk(&work->flows, work->keys + work->oldest,
                                        BENCH_FLOWS_BATCH,
                                        values) == BENCH_FLOWS_BATCH &&
                  vs_flow_table_insert_bulk(&work->flows, work->keys + next, values,
                                            BENCH_FLOWS_BATCH) == BENCH_FLOWS_BATCH,
              "a key was not removed or inserted");
        work->oldest = (work->oldest + BENCH_FLOWS_BATCH) % (2 * work->n);
    }
}

static guint
hash_for_glib(gconstpointer key)
{
    return (guint)vs_key_hash(*(const VsKey *)key);
}

static gboolean
equal_for_glib(gconstpointer a, gconstpointer b)
{
    return vs_key_equal(*(const VsKey *)a, *(const VsKey *)b);
}

static void
make_glib(Work *work)
{
    work->glib = g_hash_table_new(hash_for_glib, equal_for_glib);
    for (size_t i = 0; i < work->n; i++) {
        g_hash_table_insert(work->glib, &work->keys[i], GSIZE_TO_POINTER(i));
    }
}

static void
glib_find(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < BENCH_N_QUERIES; i++) {
        work->sum += (double)GPOINTER_TO_SIZE(
            g_hash_table_lookup(work->glib, &work->queries[i]));
    }
}

static void
glib_churn(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < work->n; i++) {
        size_t next = (work->oldest + work->n) % (2 * work->n);

        check(g_hash_table_remove(work->glib, &work->keys[work->oldest]),
              "a key was not removed");
        g_hash_table_insert(work->glib, &work->keys[next], GSIZE_TO_POINTER(next));
        work->oldest = (work->oldest + 1) % (2 * work->n);
    }
}

/* ---- Routes ---- */

static void
make_routes(Work *work)
{
    work->addresses = bench_pod_addresses();
    vs_lpm_table_init(&work->routes);
    vs_lpm_table_insert(&work->routes, 0, 0, 1);
    for (uint32_t i = 0; i < BENCH_N_PODS_CIDRS; i++) {
        vs_lpm_table_insert(&work->routes, 0x0A000000 + (i << 8), 24, i + 2);
    }
}

static void
route(void *data)
{
    Work *work = data;
    uint32_t hops[BENCH_BATCH];

    for (size_t i = 0; i < BENCH_N_QUERIES; i += BENCH_BATCH) {
        vs_lpm_table_lookup_bulk(&work->routes, work->addresses + i, BENCH_BATCH, hops);
        for (size_t k = 0; k < BENCH_BATCH; k++) {
            work->sum += hops[k];
        }
    }
}

/* ---- Hosts and paths ---- */

static const char *const rule_paths[PATHS_A_HOST] = {"/", "/api", "/static/images"};
static const char *const request_paths[] = {"/index.html", "/api/v1/items/42",
                                            "/static/images/logo.png", "/api"};

static void
make_requests(Work *work)
{
    work->hosts = g_new(char *, N_REQUESTS);
    work->paths = g_new(char *, N_REQUESTS);
    work->host_numbers = g_new(uint32_t, N_REQUESTS);
    work->path_numbers = g_new(uint32_t, N_REQUESTS);
    vs_host_path_init(&work->rules);
    work->glib = g_hash_table_new(g_str_hash, g_str_equal);
    for (uint32_t i = 0; i < N_HOSTS; i++) {
        char *host = g_strdup_printf("service-%u.apps.example.com", i);
        GHashTable *paths = g_hash_table_new(g_str_hash, g_str_equal);

        for (uint32_t k = 0; k < PATHS_A_HOST; k++) {
            uint32_t value = i * PATHS_A_HOST + k + 1;

            vs_host_path_add(&work->rules, host, rule_paths[k], false, value);
            g_hash_table_insert(paths, (gpointer)rule_paths[k],
                                GUINT_TO_POINTER(value));
        }
        g_hash_table_insert(work->glib, host, paths);
    }
    for (uint32_t i = 0; i < N_REQUESTS; i++) {
        uint64_t random = vs_mix64(i + 1);

        work->hosts[i] = g_strdup_printf("service-%u.apps.example.com",
                                         (unsigned)(random % N_HOSTS));
        work->paths[i] = g_strdup(request_paths[random >> 40 & 3]);
        work->host_numbers[i] = vs_host_path_resolve_host(&work->rules, work->hosts[i]);
        work->path_numbers[i] = vs_host_path_resolve_path(&work->rules, work->paths[i]);
    }
}

static void
match(void *data)
{
    Work *work = data;
    uint32_t values[BENCH_BATCH];

    for (size_t i = 0; i < N_REQUESTS; i += BENCH_BATCH) {
        vs_host_path_find_bulk(&work->rules, work->host_numbers + i,
                               work->path_numbers + i, BENCH_BATCH, values);
        for (size_t k = 0; k < BENCH_BATCH; k++) {
            work->sum += values[k];
        }
    }
}

static void
match_text(void *data)
{
    Work *work = data;
    uint32_t values[BENCH_BATCH];

    for (size_t i = 0; i < N_REQUESTS; i += BENCH_BATCH) {
        vs_host_path_match_bulk(&work->rules, (const char *const *)work->hosts + i,
                                (const char *const *)work->paths + i, BENCH_BATCH,
                                values);
        for (size_t k = 0; k < BENCH_BATCH; k++) {
            work->sum += values[k];
        }
    }
}

static void
match_text_one(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < N_REQUESTS; i++) {
        work->sum += vs_host_path_find(
            &work->rules, vs_host_path_resolve_host(&work->rules, work->hosts[i]),
            vs_host_path_resolve_path(&work->rules, work->paths[i]));
    }
}

/* The whole path, then without its last element, and so on. */
static void
match_glib(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < N_REQUESTS; i++) {
        GHashTable *paths = g_hash_table_lookup(work->glib, work->hosts[i]);
        gpointer value = g_hash_table_lookup(paths, work->paths[i]);
        char start[64], *slash;

        g_strlcpy(start, work->paths[i], sizeof(start));
        while (!value && (slash = strrchr(start, '/'))) {
            slash[slash == start] = '\0';
            value = g_hash_table_lookup(paths, start);
        }
        work->sum += GPOINTER_TO_UINT(value);
    }
}

/* ---- Draws and records ---- */

/* They are stored, not added up: a sum would wait for memory, as no register for it outlives
 * a call. */
static void
exponential(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < N_DRAWS; i++) {
        work->draws[i % N_KEPT] = vs_draw_exponential(&work->rng);
    }
    work->sum += (uint64_t)(work->draws[0] * 1e9);
}

static void
logarithm(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < N_DRAWS; i++) {
        work->draws[i % N_KEPT] = -log(1 - drand48());
    }
    work->sum += (uint64_t)(work->draws[0] * 1e9);
}

static void
record(void *data)
{
    Work *work = data;

    for (size_t i = 0; i < N_DRAWS; i++) {
        vs_histogram_record(&work->histogram, work->values[i]);
    }
}

static void
make_values(Work *work)
{
    vs_histogram_init(&work->histogram);
    work->values = g_new(int64_t, N_DRAWS);
    for (size_t i = 0; i < N_DRAWS; i++) { /* Latencies in ps, of 1 ms on average. */
        work->values[i] = (int64_t)(vs_draw_exponential(&work->rng) * 1e9);
    }
}

/* ---- Which ---- */

/* What is left of a finished process is the system's to free. */
static double
measure(Work *work, const char *what)
{
    if (strstr(what, "find") || strstr(what, "churn")) {
        bool is_glib = g_str_has_prefix(what, "glib-");

        work->n -= work->n % BENCH_FLOWS_BATCH;
        work->keys = bench_connections(2 * work->n);
        work->queries = bench_queries(work->n);
        if (is_glib) {
            make_glib(work);
        } else {
            make_flows(work, g_str_has_suffix(what, "full"));
        }
        if (strstr(what, "find")) {
            return bench_rate(is_glib ? glib_find : find, work, BENCH_N_QUERIES);
        }
        return bench_rate(is_glib ? glib_churn : churn, work, (double)work->n);
    }
    if (strcmp(what, "route") == 0) {
        make_routes(work);
        return bench_rate(route, work, BENCH_N_QUERIES);
    }
    if (strstr(what, "host")) {
        make_requests(work);
        return bench_rate(strcmp(what, "host") == 0            ? match
                          : strcmp(what, "host-text") == 0     ? match_text
                          : strcmp(what, "host-text-one") == 0 ? match_text_one
                                                               : match_glib,
                          work, N_REQUESTS);
    }
    if (strcmp(what, "record") == 0) {
        make_values(work);
        return bench_rate(record, work, N_DRAWS);
    }
    check(strcmp(what, "exponential") == 0 || strcmp(what, "log") == 0,
          "find, churn, find-full, churn-full, glib-find, glib-churn, route, host, "
          "host-text, host-text-one, glib-host, exponential, log or record?");
    return bench_rate(*what == 'e' ? exponential : logarithm, work, N_DRAWS);
}

int
main(int argc, char **argv)
{
    Work work = {.n = (size_t)bench_number(argc, argv, 2, "CONNECTIONS", 262144)};
    double rate;

    vs_rng_init(&work.rng, 1, "bench", "tables");
    rate = measure(&work, argc > 1 ? argv[1] : "");
    printf("%.4f %" G_GUINT64_FORMAT "\n", rate, work.sum);
    return EXIT_SUCCESS;
}

/* The family of HAProxy: sequences that were read off HAProxy 2.6, and slow twins on weights
 * and states at random.  tests/balance/haproxy.sh asks the program itself. */
#include <glib.h>

#include "balance/balance_fixture.h"
#include "base/hash.h"

enum { N = 8, N_ROUNDS = 60, N_PICKS = 40 };

static const char all_names[N][2] = {"A", "B", "C", "D", "E", "F", "G", "H"};

static VsBalancer
haproxy_new(const char *kind, const char *settings, const uint32_t *weights, unsigned n)
{
    VsBalancer balancer = balancer_new_with(kind, settings);

    for (unsigned i = 0; i < n; i++) {
        vs_balancer_add(&balancer, all_names[i], weights[i]);
    }
    return balancer;
}

static void
assert_turns(const char *kind, uint32_t a, uint32_t b, uint32_t c, const char *expected)
{
    const uint32_t weights[] = {a, b, c};
    VsBalancer balancer = haproxy_new(kind, "", weights, 3);

    for (unsigned round = 0; round < 3; round++) {
        for (const char *name = expected; *name; name++) {
            uint32_t pick = balancer_pick_text(&balancer, "");

            CU_ASSERT_EQUAL(balancer.backends[pick].name[0], *name);
            vs_balancer_release(&balancer, pick, NULL);
        }
    }
    vs_balancer_clear(&balancer);
}

static void
test_turns_are_those_of_the_program(void)
{
    assert_turns("haproxy-roundrobin", 5, 1, 1, "AAABAAC");
    assert_turns("haproxy-roundrobin", 4, 3, 2, "ABACBAABC");
    assert_turns("haproxy-static-rr", 3, 2, 1, "AABABC");
    assert_turns("haproxy-static-rr", 5, 1, 1, "AAABAAC");
    assert_turns("haproxy-static-rr", 30, 20, 10, "AABABC");
}

/* Changes weights and states of one or more backends by chance; somebody stays available. */
static void
churn(VsBalancer *balancer, VsRng *rng)
{
    do {
        uint32_t backend = (uint32_t)vs_rng_below(rng, balancer->n_backends);

        if (vs_rng_below(rng, 2)) {
            vs_balancer_set_weight(balancer, backend,
                                   (uint32_t)vs_rng_below(rng, 9) *
                                       (uint32_t)vs_rng_below(rng, 9));
        } else {
            vs_balancer_set_up(balancer, backend, vs_rng_below(rng, 3) > 0);
        }
    } while (balancer->n_available == 0);
}

static VsBalancer
random_new(const char *kind, const char *settings, VsRng *rng)
{
    uint32_t weights[N];

    for (unsigned i = 0; i < N; i++) {
        weights[i] = 1 + (uint32_t)vs_rng_below(rng, 20);
    }
    return haproxy_new(kind, settings, weights, N);
}

static uint32_t
weight_of(const VsBalancer *balancer, uint32_t backend)
{
    return vs_backend_is_available(&balancer->backends[backend])
               ? balancer->backends[backend].weight
               : 0;
}

/* Stride scheduling with exact fractions, as lists: a backend's k-th turn after its first of
 * a round is due k * total / weight positions later.  Who is due takes the position, the
 * earliest first, of equals who waited longest; when nobody is, the heaviest that had no
 * turn yet.  Turns beyond the round are not due. */
typedef struct SlowTurns {
    uint64_t position;
    uint64_t first[N];
    uint64_t last[N];
    uint64_t n_turns[N];
} SlowTurns;

static uint32_t
slow_due(const VsBalancer *balancer, const SlowTurns *turns, uint64_t *ret_at)
{
    uint64_t total = balancer->total_weight;
    uint32_t due = VS_BALANCER_NONE;
    double due_key = 0;

    for (uint32_t i = 0; i < N; i++) {
        uint64_t weight = balancer->backends[i].weight;
        uint64_t at = turns->first[i] + turns->n_turns[i] * total / weight;
        /* At one position, what is left of the division less the weight decides. */
        double key =
            (double)at +
            ((double)(turns->n_turns[i] * total % weight) - (double)weight) / 1e6;

        if (turns->n_turns[i] == 0 || at >= total) {
            continue;
        }
        if (due == VS_BALANCER_NONE || key < due_key ||
            (key == due_key && turns->last[i] < turns->last[due])) {
            due = i;
            due_key = key;
            *ret_at = at;
        }
    }
    return due;
}

static uint32_t
slow_roundrobin(const VsBalancer *balancer, SlowTurns *turns)
{
    uint64_t at = 0;
    uint32_t due = slow_due(balancer, turns, &at);
    uint32_t waiting = VS_BALANCER_NONE;

    for (uint32_t i = 0; i < N; i++) {
        if (turns->n_turns[i] == 0 &&
            (waiting == VS_BALANCER_NONE ||
             balancer->backends[i].weight > balancer->backends[waiting].weight)) {
            waiting = i;
        }
    }
    if (waiting != VS_BALANCER_NONE &&
        (due == VS_BALANCER_NONE || at > turns->position)) {
        turns->first[waiting] = turns->position;
        due = waiting;
    }
    if (due == VS_BALANCER_NONE) {
        memset(turns, 0, sizeof(*turns));
        return slow_roundrobin(balancer, turns);
    }
    turns->n_turns[due]++;
    turns->last[due] = turns->position++;
    return due;
}

static void
test_roundrobin_is_stride_scheduling(void)
{
    VsRng rng;

    vs_rng_init(&rng, 12, "test", "weights");
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        VsBalancer balancer = random_new("haproxy-roundrobin", "", &rng);
        SlowTurns turns = {0};

        for (uint64_t i = 0; i < balancer.total_weight; i++) {
            CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""),
                            slow_roundrobin(&balancer, &turns));
        }
        vs_balancer_clear(&balancer);
    }
}

/* After any changes a round has all that are up and nobody else, in proportion. */
static void
test_roundrobin_comes_to_its_shares_after_changes(void)
{
    VsRng rng;

    vs_rng_init(&rng, 11, "test", "weights");
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        VsBalancer balancer = random_new("haproxy-roundrobin", "", &rng);
        uint64_t n_before[N];
        uint64_t n;

        for (unsigned i = 0; i < 200; i++) {
            churn(&balancer, &rng);
            balancer_pick_text(&balancer, "");
        }
        n = 100 * balancer.total_weight;
        for (uint64_t i = 0; i < 2 * n; i++) {
            if (i == n) {
                for (unsigned j = 0; j < N; j++) {
                    n_before[j] = balancer.backends[j].n_picked;
                }
            }
            balancer_pick_text(&balancer, "");
        }
        for (unsigned j = 0; j < N; j++) {
            uint64_t share = balancer.backends[j].n_picked - n_before[j];

            CU_ASSERT(weight_of(&balancer, j) > 0 || share == 0);
            CU_ASSERT_DOUBLE_EQUAL((double)share, 100.0 * weight_of(&balancer, j),
                                   0.1 * (double)n);
        }
        vs_balancer_clear(&balancer);
    }
}

/* ---- Maps --------------------------------------------------------------------------- */

/* The map as smooth shares: in rounds of 'total' slots the first to have waited a whole
 * round's worth, else the first that is there at all. */
static unsigned
slow_map(const VsBalancer *balancer, const uint32_t *configured, uint32_t *map)
{
    int64_t score[N] = {0};
    uint32_t divisor = 1;
    int64_t total = 0;

    for (uint32_t d = 2; d <= 256; d++) {
        bool divides_all = true;

        for (unsigned i = 0; i < N; i++) {
            divides_all &= configured[i] % d == 0;
        }
        divisor = divides_all ? d : divisor;
    }
    for (unsigned i = 0; i < N; i++) {
        total += weight_of(balancer, i) / divisor;
    }
    for (int64_t slot = 0; slot < total; slot++) {
        uint32_t best = VS_BALANCER_NONE;

        for (unsigned i = 0; i < N; i++) {
            score[i] += weight_of(balancer, i) / divisor;
        }
        for (int64_t least = total; best == VS_BALANCER_NONE; least -= total) {
            for (unsigned i = 0; i < N && best == VS_BALANCER_NONE; i++) {
                best = weight_of(balancer, i) > 0 && score[i] >= least ? i : best;
            }
        }
        score[best] -= total;
        map[slot] = best;
    }
    return (unsigned)total;
}

/* Only states and weights of 0 change while HAProxy runs. */
static void
churn_map(VsBalancer *balancer, const uint32_t *configured, VsRng *rng)
{
    do {
        uint32_t backend = (uint32_t)vs_rng_below(rng, N);

        if (vs_rng_below(rng, 2)) {
            vs_balancer_set_weight(balancer, backend,
                                   vs_rng_below(rng, 3) ? configured[backend] : 0);
        } else {
            vs_balancer_set_up(balancer, backend, vs_rng_below(rng, 3) > 0);
        }
    } while (balancer->n_available == 0);
}

static void
test_maps_are_those_of_the_slow_twin(void)
{
    uint32_t map[N * 256];
    uint32_t configured[N];
    unsigned next = 0;
    VsRng rng;

    vs_rng_init(&rng, 13, "test", "weights");
    for (unsigned i = 0; i < N; i++) {
        configured[i] = 3 * (1 + (uint32_t)vs_rng_below(&rng, 20));
    }
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        VsBalancer turns = haproxy_new("haproxy-static-rr", "", configured, N);
        VsBalancer hash = haproxy_new("haproxy-source", "", configured, N);

        next = 0;
        for (unsigned change = 0; change < 10; change++) {
            VsRng copy = rng;
            unsigned length;

            churn_map(&turns, configured, &copy);
            churn_map(&hash, configured, &rng);
            length = slow_map(&turns, configured, map);
            for (unsigned i = 0; i < N_PICKS; i++) {
                next = next < length ? next : 0;
                CU_ASSERT_EQUAL(balancer_pick_text(&turns, ""), map[next]);
                next++;
                CU_ASSERT_EQUAL(balancer_pick_number(&hash, i * 2654435761u),
                                map[i * 2654435761u % length]);
            }
        }
        vs_balancer_clear(&turns);
        vs_balancer_clear(&hash);
    }
}

/* ---- Rings -------------------------------------------------------------------------- */

/* Of all points of all backends the closest; of two as close the one before the hash. */
static uint32_t
slow_ring(const VsBalancer *balancer, uint32_t hash)
{
    uint32_t best = VS_BALANCER_NONE;
    uint32_t before_distance = UINT32_MAX;
    uint32_t after_distance = UINT32_MAX;
    uint32_t after = VS_BALANCER_NONE;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        for (uint32_t n = 0; n < 16 * weight_of(balancer, i); n++) {
            uint32_t point = vs_avalanche((i + 1) * 4096 + n);

            if (point != hash && hash - point <= before_distance) {
                before_distance = hash - point;
                best = i;
            }
            if (point - hash < after_distance) {
                after_distance = point - hash;
                after = i;
            }
        }
    }
    return before_distance <= after_distance ? best : after;
}

static void
test_rings_are_those_of_the_slow_twin(void)
{
    VsRng rng;

    vs_rng_init(&rng, 14, "test", "weights");
    for (unsigned round = 0; round < 10; round++) {
        VsBalancer source = random_new("haproxy-source", "hash-type=consistent", &rng);

        for (unsigned change = 0; change < 5; change++) {
            churn(&source, &rng);
            for (unsigned i = 0; i < N_PICKS; i++) {
                uint32_t address = vs_rng_u32(&rng);

                /* A single backend is not asked for by a hash. */
                CU_ASSERT_EQUAL(balancer_pick_number(&source, address),
                                slow_ring(&source, vs_avalanche(address)));
            }
        }
        vs_balancer_clear(&source);
    }
}

/* Where the ring's ends meet, at points, and in the middle between two. */
static void
test_edges_of_rings(void)
{
    static const uint32_t weights[] = {2, 3, 1};
    VsBalancer balancer = haproxy_new(
        "haproxy-source", "hash-type=consistent hash-function=sdbm", weights, 3);

    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t n = 0; n < 16 * weights[i]; n++) {
            uint32_t point = vs_avalanche((i + 1) * 4096 + n);
            uint32_t gap = UINT32_MAX;

            for (uint32_t j = 0; j < 3; j++) {
                for (uint32_t m = 0; m < 16 * weights[j]; m++) {
                    gap = MIN(gap, vs_avalanche((j + 1) * 4096 + m) - point - 1);
                }
            }
            CU_ASSERT_EQUAL(balancer_pick_number(&balancer, point), i);
            /* As far from the next one, or one nearer. */
            CU_ASSERT_EQUAL(balancer_pick_number(&balancer, point + (gap + 1) / 2), i);
        }
    }
    for (uint32_t step = 0; step < 4096; step++) {
        uint32_t hash = (step - 2048) << 14;

        CU_ASSERT_EQUAL(balancer_pick_number(&balancer, hash),
                        slow_ring(&balancer, hash));
    }
    vs_balancer_clear(&balancer);
}

/* With the same numbers drawn. */
static void
test_random_takes_the_least_loaded_of_its_draws(void)
{
    for (unsigned draws = 1; draws <= 4; draws++) {
        g_autofree char *settings = g_strdup_printf("draws=%u", draws);
        VsBalancer balancer;
        VsRng rng;

        vs_rng_init(&rng, 15, "test", "weights");
        balancer = random_new("haproxy-random", settings, &rng);
        rng = balancer.rng;
        for (unsigned i = 0; i < 500; i++) {
            uint32_t best = VS_BALANCER_NONE;
            double best_load = 0;

            for (unsigned draw = 0; draw < draws; draw++) {
                uint32_t drawn = slow_ring(&balancer, vs_rng_u32(&rng));
                const VsBackend *backend = &balancer.backends[drawn];
                double load = (double)backend->n_active / backend->weight;

                if (best == VS_BALANCER_NONE || load <= best_load) {
                    best = drawn;
                    best_load = load;
                }
            }
            CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), best);
        }
        vs_balancer_clear(&balancer);
    }
}

/* Nobody has more than its share of 1.25 times the connections, rounded up. */
static void
test_bounded_loads_are_bounded(void)
{
    static const uint32_t weights[] = {1, 3, 2, 2};
    unsigned n_used = 0;
    VsBalancer balancer = haproxy_new(
        "haproxy-uri", "hash-type=consistent hash-balance-factor=125", weights, 4);

    for (unsigned n = 1; n <= 500; n++) {
        uint32_t pick = balancer_pick_text(&balancer, "/the-same-for-all");

        CU_ASSERT(balancer.backends[pick].n_active <=
                  (n * 125 + 99) / 100 * weights[pick] / 8 + 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        n_used += balancer.backends[i].n_active > 0;
    }
    CU_ASSERT(n_used >= 3); /* Two have no room for all: 125 * 6 / 8 < 100. */
    vs_balancer_clear(&balancer);
}

/* ---- By load ------------------------------------------------------------------------ */

/* A list in order of the last change of each, searched from its begin. */
static uint32_t
slow_leastconn(const VsBalancer *balancer, const uint64_t *changed)
{
    uint32_t best = VS_BALANCER_NONE;
    uint32_t best_key = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        uint32_t active = balancer->backends[i].n_active;
        uint32_t weight = weight_of(balancer, i);
        uint32_t key;

        if (weight == 0) {
            continue;
        }
        key = active > 0 ? (active + 1) * 4096 / (weight * 16) : 0;
        if (best == VS_BALANCER_NONE || key < best_key ||
            (key == best_key && changed[i] < changed[best])) {
            best = i;
            best_key = key;
        }
    }
    return best;
}

static void
test_leastconn_is_that_of_the_slow_twin(void)
{
    uint64_t changed[N];
    uint64_t clock = N;
    VsBalancer balancer;
    VsRng rng;

    vs_rng_init(&rng, 16, "test", "weights");
    balancer = random_new("haproxy-leastconn", "", &rng);
    for (unsigned i = 0; i < N; i++) {
        changed[i] = i;
    }
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t backend = (uint32_t)vs_rng_below(&rng, N);
        uint32_t weight = weight_of(&balancer, backend);

        if (i % 50 == 0) {
            vs_balancer_set_up(&balancer, backend, weight == 0);
        } else if (i % 50 == 25 && weight > 0) {
            vs_balancer_set_weight(&balancer, backend, 1 + i % 256);
        }
        if (weight_of(&balancer, backend) != weight) {
            changed[backend] = clock++;
        }
        if (balancer.backends[backend].n_active > 0) {
            vs_balancer_release(&balancer, backend, NULL);
            changed[backend] = clock++;
        }
        if (balancer.n_available > 0) {
            uint32_t expected = slow_leastconn(&balancer, changed);

            CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), expected);
            changed[expected] = clock++;
        }
    }
    vs_balancer_clear(&balancer);
}

static void
test_first_fills_one_after_the_other(void)
{
    static const uint32_t weights[] = {1, 9, 0, 1};
    VsBalancer balancer = haproxy_new("haproxy-first", "maxconn=2", weights, 4);
    static const uint32_t expected[] = {0, 0, 1, 1, 3, 3, VS_BALANCER_NONE};

    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), expected[i]);
    }
    vs_balancer_release(&balancer, 1, NULL);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 1);

    /* A new server has the id of one that is gone, and its place. */
    vs_balancer_remove(&balancer, 0);
    vs_balancer_add(&balancer, "new", 1);
    vs_balancer_release(&balancer, 1, NULL);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 4);
    vs_balancer_clear(&balancer);
}

/* ---- What is hashed ----------------------------------------------------------------- */

/* Whether 'a' and 'b' are one key: on 256 slots, by all of four functions. */
static bool
are_one_key(const char *kind, const char *settings, const char *a, const char *b)
{
    static const char *const functions[] = {"sdbm", "djb2", "wt6", "crc32"};
    bool are_one = true;

    for (unsigned f = 0; f < G_N_ELEMENTS(functions); f++) {
        g_autofree char *all = g_strdup_printf(
            "hash-function=%s hash-modifier=avalanche%s", functions[f], settings);
        VsBalancer balancer = balancer_new_with(kind, all);

        for (unsigned i = 0; i < 256; i++) {
            vs_balancer_add(&balancer, "backend", 1);
        }
        are_one &= balancer_pick_text(&balancer, a) == balancer_pick_text(&balancer, b);
        vs_balancer_clear(&balancer);
    }
    return are_one;
}

static void
test_parts_of_uris(void)
{
    const char *uri = "haproxy-uri";

    CU_ASSERT(are_one_key(uri, "", "/a/b?c=d", "/a/b?e"));
    CU_ASSERT(!are_one_key(uri, "", "/a/b", "/a/c"));
    CU_ASSERT(!are_one_key(uri, " whole=yes", "/a/b?c=d", "/a/b?e"));
    CU_ASSERT(are_one_key(uri, " len=4", "/abcd", "/abce"));
    CU_ASSERT(!are_one_key(uri, " len=5", "/abcd", "/abce"));
    CU_ASSERT(are_one_key(uri, " depth=2", "/a/b/c", "/a/b/d/e"));
    CU_ASSERT(!are_one_key(uri, " depth=2", "/a/b/c", "/a/c/c"));
    CU_ASSERT(are_one_key(uri, " path-only=yes", "/a/b", "http://example.com/a/b?c"));
    CU_ASSERT(!are_one_key(uri, "", "/a/b", "http://example.com/a/b"));
}

static void
test_parts_of_headers(void)
{
    const char *hdr = "haproxy-hdr";

    CU_ASSERT(are_one_key(hdr, "", " a ,b", "a,c"));
    CU_ASSERT(!are_one_key(hdr, "", "\"a,b\"", "\"a,c\""));
    CU_ASSERT(
        are_one_key(hdr, " use-domain-only=yes", "www.example.com", "example.org"));
    CU_ASSERT(
        !are_one_key(hdr, " use-domain-only=yes", "www.example.com", "www.a.com"));
    /* Without the header there are turns. */
    CU_ASSERT(!are_one_key(hdr, "", "", ""));
    CU_ASSERT(!are_one_key(hdr, " hash-type=consistent", "", ""));
}

static void
test_settings_that_do_not_fit_are_refused(void)
{
    static const char *const refused[][3] = {
        {"hash-modifier=avalanche", NULL},
        {"hash-balance-factor=150", NULL},
        {"hash-type=consistent", "hash-balance-factor=100", NULL},
    };
    VsRng rng;

    vs_rng_init(&rng, 17, "test", "backend");
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        VsBalancer balancer;

        CU_ASSERT(!vs_balancer_init(&balancer, vs_balancer_kind_find("haproxy-uri"),
                                    refused[i], &rng, &error));
        CU_ASSERT(g_error_matches(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE));
    }
}

static const VsTestCase tests[] = {
    {"turns are those of the program", test_turns_are_those_of_the_program},
    {"roundrobin is stride scheduling", test_roundrobin_is_stride_scheduling},
    {"roundrobin comes to its shares after changes",
     test_roundrobin_comes_to_its_shares_after_changes},
    {"maps are those of the slow twin", test_maps_are_those_of_the_slow_twin},
    {"rings are those of the slow twin", test_rings_are_those_of_the_slow_twin},
    {"edges of rings", test_edges_of_rings},
    {"random takes the least loaded of its draws",
     test_random_takes_the_least_loaded_of_its_draws},
    {"bounded loads are bounded", test_bounded_loads_are_bounded},
    {"leastconn is that of the slow twin", test_leastconn_is_that_of_the_slow_twin},
    {"first fills one after the other", test_first_fills_one_after_the_other},
    {"parts of URIs are hashed", test_parts_of_uris},
    {"parts of headers are hashed", test_parts_of_headers},
    {"settings that do not fit are refused", test_settings_that_do_not_fit_are_refused},
    {0},
};

VS_TESTS("haproxy")

/* The family of HAProxy, by maps and rings: slow twins on weights and states at random, and
 * what is hashed.  tests/balance/haproxy.sh asks the program itself. */
#include "balance/haproxy_fixture.h"
#include "base/hash.h"

enum { N_PICKS = 40 };

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
    {"maps are those of the slow twin", test_maps_are_those_of_the_slow_twin},
    {"rings are those of the slow twin", test_rings_are_those_of_the_slow_twin},
    {"edges of rings", test_edges_of_rings},
    {"random takes the least loaded of its draws",
     test_random_takes_the_least_loaded_of_its_draws},
    {"bounded loads are bounded", test_bounded_loads_are_bounded},
    {"parts of URIs are hashed", test_parts_of_uris},
    {"parts of headers are hashed", test_parts_of_headers},
    {"settings that do not fit are refused", test_settings_that_do_not_fit_are_refused},
    {0},
};

VS_TESTS("haproxy_hash")

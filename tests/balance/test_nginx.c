#include <glib.h>

#include "balance/balance_fixture.h"
#include "balance/ketama.h"
#include "base/hash.h"

enum { N_MAX = 8 };

/* The names of the next picks without a key, backends being a, b, c, ... */
static void
assert_sequence(const char *kind, const uint32_t *weights, unsigned n,
                const char *expected)
{
    VsBalancer balancer = balancer_new_with(kind, "");

    for (unsigned i = 0; i < n; i++) {
        vs_balancer_add(&balancer, (char[]){(char)('a' + i), '\0'}, weights[i]);
    }
    for (; *expected; expected++) {
        uint32_t pick = balancer_pick_text(&balancer, "");

        CU_ASSERT_EQUAL(balancer.backends[pick].name[0], *expected);
        vs_balancer_release(&balancer, pick, NULL);
    }
    vs_balancer_clear(&balancer);
}

static void
test_round_robin_is_smooth(void)
{
    assert_sequence("nginx-round-robin", (const uint32_t[]){5, 1, 1}, 3,
                    "aabacaaaabacaa");
    assert_sequence("nginx-round-robin", (const uint32_t[]){4, 3, 2}, 3,
                    "abcabacbaabcabacba");
    assert_sequence("nginx-least-conn", (const uint32_t[]){5, 1, 1}, 3, "aabacaa");
}

/* Of two backends with 'hash' and 'size' - hash of the weight, the second is picked; if the
 * first has one more, it is that. */
static void
assert_hash(const char *kind, const char *key, uint32_t hash, uint32_t size)
{
    for (uint32_t more = 0; more <= 1; more++) {
        VsBalancer balancer = balancer_new_with(kind, "");

        vs_balancer_add(&balancer, "a", hash + more);
        vs_balancer_add(&balancer, "b", size - hash - more);
        CU_ASSERT_EQUAL(balancer_pick_text(&balancer, key), 1 - more);
        vs_balancer_clear(&balancer);
    }
}

static void
test_hashes_are_those_of_nginx(void)
{
    assert_hash("nginx-ip-hash", "192.0.2.77", 6255, 6271);
    assert_hash("nginx-ip-hash", "198.51.100.9", 936, 6271);
    assert_hash("nginx-ip-hash", "10.1.2.3", 2680, 6271);
    assert_hash("nginx-ip-hash", "2001:db8::1", 2600, 6271);
    assert_hash("nginx-hash", "/", 31187, 32768);
    assert_hash("nginx-hash", "/index.html", 27170, 32768);
    assert_hash("nginx-hash", "/api/v1/users", 26213, 32768);
}

static void
test_points_are_those_of_nginx(void)
{
    VsBalancer balancer = balancer_new_with("nginx-hash-consistent", "");
    g_autofree char *text = NULL;
    VsKetamaPoint points[3];

    vs_ketama_fill(points, 3,
                   vs_crc32(0,
                            "10.0.0.1\0"
                            "80",
                            11),
                   0);
    CU_ASSERT_EQUAL(points[0].hash, 0xa2ad5d56);
    CU_ASSERT_EQUAL(points[1].hash, 0x0bdeb0ab);
    CU_ASSERT_EQUAL(points[2].hash, 0x75f00c5b);
    vs_balancer_add(&balancer, "10.0.0.1:80", 1);
    vs_balancer_add(&balancer, "10.0.0.2:80", 1);
    vs_balancer_add(&balancer, "10.0.0.3:80", 1);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, "/"), 1);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, "/index.html"), 0);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, "/api/v1/users"), 1);
    text = vs_balancer_describe(&balancer);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n480 points\n"));
    vs_balancer_clear(&balancer);
}

/* ---- A slow twin ------------------------------------------------------------------ */

typedef struct Twin {
    unsigned n;
    long weight[N_MAX], current[N_MAX], effective[N_MAX], fails[N_MAX], checked[N_MAX],
        accessed[N_MAX], conns[N_MAX];
    bool is_up[N_MAX];
    long max_fails, fail_timeout, now;
    VsRng rng; /* As the balancer's before the pick. */
} Twin;

static bool
twin_is_usable(const Twin *twin, unsigned i)
{
    bool is_shut_out = twin->max_fails > 0 && twin->fails[i] >= twin->max_fails &&
                       twin->now - twin->checked[i] <= twin->fail_timeout;

    return twin->is_up[i] && !is_shut_out;
}

/* Smooth weighted round robin among the bits of a set. */
static int
twin_turn(Twin *twin, unsigned set)
{
    long total = 0;
    int best = -1;

    for (unsigned i = 0; i < twin->n; i++) {
        if (set >> i & 1) {
            twin->current[i] += twin->effective[i];
            total += twin->effective[i];
            twin->effective[i] += twin->effective[i] < twin->weight[i];
            best = best < 0 || twin->current[i] > twin->current[best] ? (int)i : best;
        }
    }
    if (best >= 0) {
        twin->current[best] -= total;
    }
    return best;
}

static unsigned
twin_usable_set(const Twin *twin)
{
    unsigned set = 0;

    for (unsigned i = 0; i < twin->n; i++) {
        set |= (unsigned)twin_is_usable(twin, i) << i;
    }
    return set;
}

/* The one at place 'at' of a list with each as often as its weight. */
static unsigned
twin_listed(const Twin *twin, uint64_t at)
{
    unsigned list[N_MAX * 9];
    unsigned n = 0;

    for (unsigned i = 0; i < twin->n; i++) {
        for (long j = 0; j < twin->weight[i]; j++) {
            list[n++] = i;
        }
    }
    return list[at % n];
}

static uint64_t
twin_total(const Twin *twin)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < twin->n; i++) {
        total += (uint64_t)twin->weight[i];
    }
    return total;
}

static int
twin_least_conn(Twin *twin)
{
    unsigned usable = twin_usable_set(twin);
    unsigned least = usable;

    for (unsigned i = 0; i < twin->n; i++) {
        for (unsigned j = 0; j < twin->n; j++) {
            if (usable >> j & 1 &&
                twin->conns[j] * twin->weight[i] < twin->conns[i] * twin->weight[j]) {
                least &= ~(1u << i);
            }
        }
    }
    /* One alone neither gains nor pays. */
    return least & (least - 1) ? twin_turn(twin, least) : __builtin_ffs((int)least) - 1;
}

/* The tries of the kinds that draw or hash, then round robin. */
static int
twin_tries(Twin *twin, const char *kind, const VsBalanceKey *key)
{
    const uint8_t *address = key->data;
    uint32_t hash = strcmp(kind, "nginx-ip-hash") == 0 ? 89 : 0;

    for (int try = 0; try < 21; try++) {
        unsigned backend;

        if (strcmp(kind, "nginx-random") == 0) {
            hash = (uint32_t)vs_rng_below(&twin->rng, twin_total(twin));
        } else if (strcmp(kind, "nginx-ip-hash") == 0) {
            for (size_t i = 0; i < (key->bytes == 4 ? 3 : 16); i++) {
                hash = (hash * 113 + address[i]) % 6271;
            }
        } else {
            g_autofree char *text =
                try == 0 ? g_strdup(key->data)
                         : g_strdup_printf("%d%s", try, (const char *)key->data);

            hash += vs_crc32(0, text, strlen(text)) >> 16 & 0x7fff;
        }
        backend = twin_listed(twin, hash);
        if (twin_is_usable(twin, backend)) {
            return (int)backend;
        }
    }
    return twin_turn(twin, twin_usable_set(twin));
}

static int
twin_random_two(Twin *twin)
{
    int first = -1;

    for (int n_misses = 0; n_misses < 21;) {
        int drawn = (int)twin_listed(twin, vs_rng_below(&twin->rng, twin_total(twin)));

        if (drawn == first || !twin_is_usable(twin, (unsigned)drawn)) {
            n_misses++;
        } else if (first < 0) {
            first = drawn;
        } else {
            return twin->conns[drawn] * twin->weight[first] >
                           twin->conns[first] * twin->weight[drawn]
                       ? first
                       : drawn;
        }
    }
    return twin_turn(twin, twin_usable_set(twin));
}

/* The owner of the least point that is not below 'from'; all points are looked at.  Names
 * are "a:1", "b:1", ... */
static int
twin_point(const Twin *twin, uint64_t from, uint64_t *ret_hash)
{
    int owner = -1;

    for (unsigned i = 0; i < twin->n; i++) {
        uint32_t hash = 0;

        for (long j = 0; j < 160 * twin->weight[i]; j++) {
            const uint8_t bytes[] = {(uint8_t)('a' + i),
                                     0,
                                     '1',
                                     (uint8_t)hash,
                                     (uint8_t)(hash >> 8),
                                     (uint8_t)(hash >> 16),
                                     (uint8_t)(hash >> 24)};

            hash = vs_crc32(0, bytes, sizeof(bytes));
            if (hash >= from && (owner < 0 || hash < *ret_hash)) {
                owner = (int)i;
                *ret_hash = hash;
            }
        }
    }
    return owner;
}

static int
twin_consistent(Twin *twin, const VsBalanceKey *key)
{
    uint64_t hash = vs_crc32(0, key->data, key->bytes);

    for (int try = 0; try < 21; try++, hash++) {
        int owner = twin_point(twin, hash, &hash);

        if (owner < 0) {
            owner = twin_point(twin, 0, &hash);
        }
        if (twin_is_usable(twin, (unsigned)owner)) {
            return twin_turn(twin, 1u << owner);
        }
    }
    return twin_turn(twin, twin_usable_set(twin));
}

static int
twin_pick(Twin *twin, const char *kind, const VsBalanceKey *key)
{
    int pick;

    if (twin_usable_set(twin) == 0) {
        return -1;
    }
    if (strcmp(kind, "nginx-round-robin") == 0) {
        pick = twin_turn(twin, twin_usable_set(twin));
    } else if (strcmp(kind, "nginx-least-conn") == 0) {
        pick = twin_least_conn(twin);
    } else if (strcmp(kind, "nginx-random-two") == 0) {
        pick = twin_random_two(twin);
    } else if (strcmp(kind, "nginx-hash-consistent") == 0) {
        pick = twin_consistent(twin, key);
    } else {
        pick = twin_tries(twin, kind, key);
    }
    twin->conns[pick]++;
    if (twin->now - twin->checked[pick] > twin->fail_timeout) {
        twin->checked[pick] = twin->now;
    }
    return pick;
}

static void
twin_release(Twin *twin, uint32_t i, bool has_failed)
{
    twin->conns[i]--;
    if (has_failed) {
        twin->fails[i]++;
        twin->accessed[i] = twin->checked[i] = twin->now;
        twin->effective[i] -= twin->max_fails ? twin->weight[i] / twin->max_fails : 0;
        twin->effective[i] = MAX(twin->effective[i], 0);
    } else if (twin->accessed[i] < twin->checked[i]) {
        twin->fails[i] = 0;
    }
}

typedef struct Walk {
    VsBalancer balancer;
    Twin twin;
    VsRng rng;
    uint32_t held[64];
    unsigned n_held;
} Walk;

static void
walk_init(Walk *walk, const char *kind, unsigned round)
{
    unsigned max_fails = round % 4;
    g_autofree char *settings =
        g_strdup_printf("max-fails=%u fail-timeout=%u", max_fails, 3 + round % 5);

    memset(walk, 0, sizeof(*walk));
    vs_rng_init(&walk->rng, round, kind, "walk");
    walk->balancer = balancer_new_with(kind, settings);
    walk->twin.n = 2 + (unsigned)vs_rng_below(&walk->rng, N_MAX - 1);
    walk->twin.max_fails = max_fails;
    walk->twin.fail_timeout = 3 + round % 5;
    for (unsigned i = 0; i < walk->twin.n; i++) {
        const char name[] = {(char)('a' + i), ':', '1', '\0'};

        walk->twin.weight[i] = 1 + (long)vs_rng_below(&walk->rng, 9);
        walk->twin.effective[i] = walk->twin.weight[i];
        walk->twin.checked[i] = walk->twin.accessed[i] = -1000000;
        walk->twin.is_up[i] = true;
        vs_balancer_add(&walk->balancer, name, (uint32_t)walk->twin.weight[i]);
    }
}

static void
walk_pick(Walk *walk)
{
    const char *kind = walk->balancer.kind->name;
    uint64_t number[2] = {vs_rng_u64(&walk->rng), vs_rng_u64(&walk->rng)};
    char text[24];
    VsBalanceKey key = {.data = number, .now = walk->twin.now * VS_S};
    uint32_t pick;
    int expected;

    key.bytes = number[1] % 2 ? 4 : 16;
    if (walk->balancer.kind->key == VS_BALANCE_BY_TEXT) {
        key.bytes =
            (size_t)snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, number[0]);
        key.data = text;
    }
    walk->twin.rng = walk->balancer.rng;
    expected = twin_pick(&walk->twin, kind, &key);
    pick = vs_balancer_pick(&walk->balancer, &key);
    CU_ASSERT_EQUAL_FATAL(pick, expected < 0 ? VS_BALANCER_NONE : (uint32_t)expected);
    if (expected >= 0) {
        walk->held[walk->n_held++] = pick;
    }
}

static void
walk_release(Walk *walk)
{
    unsigned at = (unsigned)vs_rng_below(&walk->rng, walk->n_held);
    uint32_t backend = walk->held[at];
    VsBalanceOutcome outcome = {.now = walk->twin.now * VS_S,
                                .has_failed = vs_rng_below(&walk->rng, 10) == 0};

    walk->held[at] = walk->held[--walk->n_held];
    vs_balancer_release(&walk->balancer, backend, &outcome);
    twin_release(&walk->twin, backend, outcome.has_failed);
}

static void
test_agrees_with_twin(void)
{
    static const char *const kinds[] = {
        "nginx-round-robin", "nginx-least-conn",      "nginx-ip-hash",   "nginx-hash",
        "nginx-random",      "nginx-hash-consistent", "nginx-random-two"};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds) * 20; i++) {
        Walk walk;

        walk_init(&walk, kinds[i / 20], i % 20);
        for (unsigned step = 0; step < 300; step++) {
            uint64_t chance = vs_rng_below(&walk.rng, 20);

            if (chance == 0) {
                unsigned at = (unsigned)vs_rng_below(&walk.rng, walk.twin.n);

                walk.twin.is_up[at] = !walk.twin.is_up[at];
                vs_balancer_set_up(&walk.balancer, at, walk.twin.is_up[at]);
            } else if (chance == 1) {
                walk.twin.now++;
            } else if (walk.n_held < 64 && (chance < 12 || walk.n_held == 0)) {
                walk_pick(&walk);
            } else {
                walk_release(&walk);
            }
        }
        vs_balancer_clear(&walk.balancer);
    }
}

/* ---- Configurations --------------------------------------------------------------- */

static void
test_a_reload_starts_over(void)
{
    VsBalancer balancer = balancer_new_with("nginx-least-conn", "");

    vs_balancer_add(&balancer, "a", 2);
    vs_balancer_add(&balancer, "b", 1);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 0);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 1);
    vs_balancer_add(&balancer, "c", 1); /* The new worker has no connections. */
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 0);
    vs_balancer_release(&balancer, 0, NULL); /* The old worker's. */
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 1);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 2);
    CU_ASSERT_EQUAL(balancer_pick_text(&balancer, ""), 0); /* 1/2, 1/1, 1/1 */
    vs_balancer_clear(&balancer);
}

static void
test_failures_shut_out_and_pass(void)
{
    VsBalancer balancer = balancer_new_with("nginx-round-robin", "fail-timeout=5");
    VsBalanceOutcome failure = {.now = VS_S, .has_failed = true};
    VsBalanceKey key = {.now = VS_S};

    vs_balancer_add(&balancer, "a", 2);
    vs_balancer_add(&balancer, "b", 1);
    CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), 0);
    vs_balancer_release(&balancer, 0, &failure);
    for (key.now = VS_S; key.now < 7 * VS_S; key.now += VS_S) {
        CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), 1);
        vs_balancer_release(&balancer, 1, NULL);
    }
    /* Its current weight is still -1, its effective weight was 0: others come first. */
    CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), 1);
    failure.now = key.now;
    vs_balancer_release(&balancer, 1, &failure);
    CU_ASSERT_EQUAL(vs_balancer_pick(&balancer, &key), 0);
    vs_balancer_clear(&balancer);
}

static const VsTestCase tests[] = {
    {"round robin is smooth", test_round_robin_is_smooth},
    {"hashes are those of nginx", test_hashes_are_those_of_nginx},
    {"points are those of nginx", test_points_are_those_of_nginx},
    {"every kind picks what its twin picks", test_agrees_with_twin},
    {"a reload starts over", test_a_reload_starts_over},
    {"failures shut out for fail-timeout", test_failures_shut_out_and_pass},
    {0},
};

VS_TESTS("nginx")

/* The family of HAProxy, by turns and by load: sequences that were read off HAProxy 2.6, and
 * slow twins on weights and states at random.  tests/balance/haproxy.sh asks the program
 * itself. */
#include "balance/haproxy_fixture.h"

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

static const VsTestCase tests[] = {
    {"turns are those of the program", test_turns_are_those_of_the_program},
    {"roundrobin is stride scheduling", test_roundrobin_is_stride_scheduling},
    {"roundrobin comes to its shares after changes",
     test_roundrobin_comes_to_its_shares_after_changes},
    {"leastconn is that of the slow twin", test_leastconn_is_that_of_the_slow_twin},
    {"first fills one after the other", test_first_fills_one_after_the_other},
    {0},
};

VS_TESTS("haproxy")

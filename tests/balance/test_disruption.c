/* What a change moves: small cases by hand, and theory against counting. */
#include "balance/disruption.h"

#include <math.h>

#include "balance/select.h"
#include "balance_fixture.h"

#define CLOSE(a, b) CU_ASSERT_DOUBLE_EQUAL(a, b, 1e-12)

static VsBalancer
balancer_of(const char *algorithm, const char *backends)
{
    const VsSelectSpec spec = {.algorithm = algorithm, .backends = backends, .seed = 1};
    g_autoptr(GError) error = NULL;
    VsBalancer balancer;

    if (!vs_select_open(&balancer, &spec, &error)) {
        g_error("%s", error->message);
    }
    return balancer;
}

static void
change(VsBalancer *balancer, VsSelectVerb verb, const char *text)
{
    CU_ASSERT(vs_select_change(balancer, &(VsSelectChange){verb, text}, NULL));
}

static const VsDisruptionServer *
server_at(const VsDisruption *disruption, guint row)
{
    return &g_array_index(disruption->servers, VsDisruptionServer, row);
}

static void
add_picks(VsDisruption *disruption, void (*add)(VsDisruption *, uint32_t),
          const uint32_t *picks, unsigned n_picks)
{
    for (unsigned i = 0; i < n_picks; i++) {
        add(disruption, picks[i]);
    }
}

static void
test_keys_are_counted(void)
{
    /* Backends 0 to 2; 2 goes.  Key 1 stays; 0 moves though it need not; 2, 3 and 6
     * must; 4 loses its server; 5 had none and gets one, which moves nothing. */
    static const uint32_t before[] = {0, 1, 2, 2, 0, VS_BALANCER_NONE, 2};
    static const uint32_t after[] = {1, 1, 0, 1, VS_BALANCER_NONE, 0, 0};
    VsBalancer balancer = balancer_of("source-hash", "a=2,b,c");
    g_autoptr(VsDisruption) disruption = vs_disruption_new(&balancer);

    add_picks(disruption, vs_disruption_add_before, before, G_N_ELEMENTS(before));
    change(&balancer, VS_SELECT_REMOVE, "c");
    vs_disruption_change(disruption);
    add_picks(disruption, vs_disruption_add_after, after, G_N_ELEMENTS(after));
    vs_disruption_finish(disruption);

    CU_ASSERT_EQUAL(disruption->n_keys, 7);
    CU_ASSERT_EQUAL(disruption->n_remapped, 5);
    CU_ASSERT_EQUAL(disruption->n_forced, 3);
    CU_ASSERT_EQUAL(disruption->n_unserved_before, 1);
    CU_ASSERT_EQUAL(disruption->n_unserved_after, 1);
    CU_ASSERT_EQUAL(server_at(disruption, 0)->n_before, 2);
    CU_ASSERT_EQUAL(server_at(disruption, 1)->n_after, 3);
    /* Before: 2/2, 1/1, 3/1 keys a weight; 6 keys over weight 4 are 1.5 on average. */
    CLOSE(disruption->skew_before, 3 / 1.5);
    /* After: 3/2 and 3/1; 6 keys over weight 3. */
    CLOSE(disruption->skew_after, 3 / 2.);
    /* c had a quarter; a had 2/4 and has 2/3, b had 1/4 and has 1/3. */
    CLOSE(disruption->least, 1 / 4.);
    CLOSE(disruption->anew, 1 - (2 / 4. * 2 / 3. + 1 / 4. * 1 / 3.));
    vs_balancer_clear(&balancer);
}

static void
test_equal_servers_are_the_textbook(void)
{
    VsBalancer balancer = balancer_of("source-hash", "a,b,c,d,e");
    g_autoptr(VsDisruption) disruption = vs_disruption_new(&balancer);

    change(&balancer, VS_SELECT_REMOVE, "c");
    vs_disruption_change(disruption);
    vs_disruption_finish(disruption);
    CLOSE(disruption->least, 1 / 5.);
    CLOSE(disruption->modulo, 1 - 1 / 5.);
    CLOSE(disruption->anew, 1 - 1 / 5.);
    CU_ASSERT(isnan(disruption->skew_before) && isnan(disruption->skew_after));
    vs_balancer_clear(&balancer);
}

static void
test_without_servers_there_is_no_theory(void)
{
    VsBalancer balancer = balancer_of("source-hash", "a");
    g_autoptr(VsDisruption) disruption = vs_disruption_new(&balancer);

    change(&balancer, VS_SELECT_FAIL, "a");
    vs_disruption_change(disruption);
    vs_disruption_finish(disruption);
    CU_ASSERT(isnan(disruption->least) && isnan(disruption->modulo) &&
              isnan(disruption->anew));
    vs_balancer_clear(&balancer);
}

static void
test_one_that_comes_back_is_the_same_server(void)
{
    VsBalancer balancer = balancer_of("source-hash", "a,b");
    g_autoptr(VsDisruption) disruption = vs_disruption_new(&balancer);

    vs_disruption_add_before(disruption, 0);
    change(&balancer, VS_SELECT_REMOVE, "a");
    change(&balancer, VS_SELECT_ADD, "a");
    vs_disruption_change(disruption);
    vs_disruption_add_after(disruption, 2);
    vs_disruption_finish(disruption);
    CU_ASSERT_EQUAL(disruption->n_remapped, 0);
    CU_ASSERT_EQUAL(disruption->servers->len, 2);
    CLOSE(disruption->least, 0);
    CLOSE(disruption->modulo, 1); /* The order is b, a now. */
    vs_balancer_clear(&balancer);
}

static void
test_turns_are_not_remapped(void)
{
    VsBalancer balancer = balancer_of("round-robin", "a,b");
    g_autoptr(VsDisruption) disruption = vs_disruption_new(&balancer);

    vs_disruption_add_before(disruption, 0);
    vs_disruption_change(disruption);
    vs_disruption_add_after(disruption, 1);
    vs_disruption_finish(disruption);
    CU_ASSERT(!disruption->is_by_key);
    CU_ASSERT_EQUAL(disruption->n_remapped, 0);
    CU_ASSERT_EQUAL(server_at(disruption, 1)->n_after, 1);
    vs_balancer_clear(&balancer);
}

/* The server that 'at' falls to, by walking the weights in the order of addition. */
static const char *
name_at(const VsBalancer *balancer, uint64_t at)
{
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        const VsBackend *backend = &balancer->backends[i];
        uint64_t weight = vs_backend_is_available(backend) ? backend->weight : 0;

        if (at < weight) {
            return backend->name;
        }
        at -= weight;
    }
    g_assert_not_reached();
}

/* Every hash below the product of the totals, which both divide, once. */
static double
count_modulo(const VsBalancer *before, const VsBalancer *after)
{
    uint64_t n_hashes = before->total_weight * after->total_weight;
    uint64_t n_moved = 0;

    for (uint64_t hash = 0; hash < n_hashes; hash++) {
        n_moved += strcmp(name_at(before, hash % before->total_weight),
                          name_at(after, hash % after->total_weight)) != 0;
    }
    return (double)n_moved / (double)n_hashes;
}

static void
test_modulo_agrees_with_counting(void)
{
    VsRng rng;

    vs_rng_init(&rng, 3, "test", "weights");
    for (unsigned i = 0; i < 300; i++) {
        unsigned w[5];
        g_autofree char *backends = NULL, *added = NULL, *weighed = NULL;
        VsBalancer before, after;
        g_autoptr(VsDisruption) disruption = NULL;

        for (unsigned j = 0; j < G_N_ELEMENTS(w); j++) {
            w[j] = 1 + (unsigned)vs_rng_below(&rng, 12);
        }
        backends = g_strdup_printf("a=%u,b=%u,c=%u", w[0], w[1], w[2]);
        added = g_strdup_printf("d=%u", w[3]);
        weighed = g_strdup_printf("b=%u", w[4] - 1);
        before = balancer_of("source-hash", backends);
        after = balancer_of("source-hash", backends);
        disruption = vs_disruption_new(&after);
        if (i % 2 == 0) {
            change(&after, VS_SELECT_REMOVE, "a");
        }
        if (i % 3 == 0) {
            change(&after, VS_SELECT_ADD, added);
        }
        change(&after, VS_SELECT_WEIGH, weighed);
        vs_disruption_change(disruption);
        vs_disruption_finish(disruption);
        CLOSE(disruption->modulo, count_modulo(&before, &after));
        CU_ASSERT(disruption->least <= disruption->modulo + 1e-12);
        vs_balancer_clear(&before);
        vs_balancer_clear(&after);
    }
}

static const VsTestCase tests[] = {
    {"keys that move, must move, lose or get a server are counted",
     test_keys_are_counted},
    {"one of n equal servers moves 1/n at least, 1-1/n by modulo",
     test_equal_servers_are_the_textbook},
    {"without servers there is no theory", test_without_servers_there_is_no_theory},
    {"one that comes back is the same server",
     test_one_that_comes_back_is_the_same_server},
    {"what goes by turns is not remapped", test_turns_are_not_remapped},
    {"modulo agrees with counting all hashes", test_modulo_agrees_with_counting},
    {0},
};

VS_TESTS("disruption")

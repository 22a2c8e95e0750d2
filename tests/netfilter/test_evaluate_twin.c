/* Random rules and packets: vs_chain_run() with its index and without, and a plain walk
 * (rules_twin.h), each on a ruleset and a random stream of its own, must agree in all. */
#include "tests/netfilter/random_rules.h"
#include "tests/netfilter/rules_twin.h"

enum {
    N_RULESETS = 2500,
    N_PACKETS = 400, /* Of each. */
};

/* ---- Comparison ---- */

/* Where 'step' is: its chain, rule and place, as one number. */
static uint64_t
place_of(const RulesFixture *f, const VsRuleStep *step)
{
    for (unsigned i = 0; step && i < f->table->chains->len; i++) {
        const VsChain *chain = f->table->chains->pdata[i];

        for (unsigned j = 0; j < chain->rules->len; j++) {
            const VsRule *rule = chain->rules->pdata[j];

            if (step >= rule->steps && step < rule->steps + rule->n_steps) {
                return (uint64_t)(i + 1) << 40 | (uint64_t)j << 8 |
                       (uint64_t)(step - rule->steps);
            }
        }
    }
    return 0;
}

/* Steps of maps are in no chain. */
static bool
same_nat(const RulesFixture *f, const VsRuleStep *a, const RulesFixture *g,
         const VsRuleStep *b)
{
    return place_of(f, a) == place_of(g, b) &&
           (a == NULL || (b != NULL && a->nat.min_address == b->nat.min_address));
}

static bool
same_hits(const VsRuleView *a, const VsRuleView *b)
{
    if (a->n_hits != b->n_hits) {
        return false;
    }
    for (unsigned i = 0; i < MIN(a->n_hits, VS_WALK_MAX_HITS); i++) {
        if (a->hits[i]->number != b->hits[i]->number ||
            strcmp(a->hits[i]->chain->name, b->hits[i]->chain->name) != 0) {
            return false;
        }
    }
    return true;
}

static bool
same_views(const RulesFixture *f, const VsRuleView *a, const RulesFixture *g,
           const VsRuleView *b)
{
    return memcmp(a->fields, b->fields, sizeof(a->fields)) == 0 &&
           memcmp(a->has_addr_type, b->has_addr_type, sizeof(a->has_addr_type)) == 0 &&
           same_nat(f, a->nat, g, b->nat) &&
           place_of(f, a->reject) == place_of(g, b->reject) &&
           a->is_notrack == b->is_notrack && a->zone == b->zone &&
           a->has_zone == b->has_zone && a->n_rules == b->n_rules &&
           a->n_lookups == b->n_lookups && a->is_volatile == b->is_volatile &&
           a->has_met_policy == b->has_met_policy && same_hits(a, b) &&
           memcmp(&f->rng, &g->rng, sizeof(VsRng)) == 0;
}

static bool
same_counters(const RulesFixture *f, const RulesFixture *g)
{
    for (unsigned i = 0; i < f->table->chains->len; i++) {
        const VsChain *a = f->table->chains->pdata[i];
        const VsChain *b = g->table->chains->pdata[i];

        if (a->n_packets != b->n_packets || a->n_bytes != b->n_bytes) {
            return false;
        }
        for (unsigned j = 0; j < a->rules->len; j++) {
            const VsRule *r = a->rules->pdata[j];
            const VsRule *s = b->rules->pdata[j];

            if (r->n_packets != s->n_packets || r->n_bytes != s->n_bytes) {
                return false;
            }
            for (unsigned k = 0; k < r->n_steps; k++) {
                if (r->steps[k].kind == VS_STEP_COUNTER &&
                    memcmp(&r->steps[k].counter, &s->steps[k].counter,
                           sizeof(r->steps[k].counter)) != 0) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* What the random walks have met, so that they cannot agree in nothing. */
typedef struct Tally {
    uint64_t n_packets;
    uint64_t n_rules;
    uint64_t n_hits;
    uint64_t n_lookups;
    uint64_t n_nat;
    uint64_t n_reject;
    uint64_t n_drop;
    uint64_t n_policy;
    uint64_t n_steady; /* Nothing random or remembered was asked. */
} Tally;

static void
count(Tally *tally, const VsRuleView *view, VsVerdictKind verdict)
{
    tally->n_packets++;
    tally->n_rules += view->n_rules;
    tally->n_hits += view->n_hits;
    tally->n_lookups += view->n_lookups;
    tally->n_nat += view->nat != NULL;
    tally->n_reject += view->reject != NULL;
    tally->n_drop += verdict == VS_RULE_DROP;
    tally->n_policy += view->has_met_policy;
    tally->n_steady += !view->is_volatile;
}

/* Walks one ruleset three ways; the number of packets that fared differently. */
static unsigned
compare_walks(unsigned seed, Tally *tally)
{
    RulesFixture indexed = random_rules_new(seed);
    RulesFixture plain = random_rules_new(seed);
    RulesFixture slow = random_rules_new(seed);
    Twin *twin = twin_new(slow.ruleset);
    g_autofree char *name = g_strdup_printf("%u", seed);
    unsigned n_differ = 0;
    VsTime now = 0;
    VsRng rng;

    vs_rng_init(&rng, 7, name, "packets");
    for (unsigned i = 0; i < N_PACKETS; i++) {
        VsRuleView a = random_view(&rng, now), b = a, c = a;
        VsVerdictKind verdict;

        a.rng = &indexed.rng;
        b.rng = &plain.rng;
        c.rng = &slow.rng;
        b.is_plain = true;
        verdict = vs_chain_run(indexed.base, &a);
        n_differ += verdict != vs_chain_run(plain.base, &b) ||
                    verdict != twin_run(twin, slow.base, &c) ||
                    !same_views(&indexed, &a, &plain, &b) ||
                    !same_views(&indexed, &a, &slow, &c);
        count(tally, &a, verdict);
        now += vs_rng_below(&rng, 400) * VS_MS;
        if (i == N_PACKETS / 2) {
            n_differ +=
                !same_counters(&indexed, &plain) || !same_counters(&indexed, &slow);
            random_rules_change(&indexed, seed);
            random_rules_change(&plain, seed);
            twin_forget(twin, slow.base);
            random_rules_change(&slow, seed);
        }
    }
    n_differ += !same_counters(&indexed, &plain) || !same_counters(&indexed, &slow);
    twin_free(twin);
    rules_fixture_clear(&indexed);
    rules_fixture_clear(&plain);
    rules_fixture_clear(&slow);
    return n_differ;
}

static void
test_three_walks_of_random_rules_agree(void)
{
    Tally tally = {0};

    for (unsigned seed = 0; seed < N_RULESETS; seed++) {
        unsigned n_differ = compare_walks(seed, &tally);

        if (n_differ > 0) {
            fprintf(stderr, "ruleset %u: %u packets differ\n", seed, n_differ);
        }
        CU_ASSERT_EQUAL_FATAL(n_differ, 0);
    }
    printf("%.3g rules, %.3g hits, %.3g lookups a packet; of %.3g packets %.3g nat, "
           "%.3g reject, %.3g drop, %.3g policy, %.3g steady ... ",
           (double)tally.n_rules / (double)tally.n_packets,
           (double)tally.n_hits / (double)tally.n_packets,
           (double)tally.n_lookups / (double)tally.n_packets, (double)tally.n_packets,
           (double)tally.n_nat, (double)tally.n_reject, (double)tally.n_drop,
           (double)tally.n_policy, (double)tally.n_steady);
    CU_ASSERT(tally.n_packets >= 1000000);
    CU_ASSERT(tally.n_rules > 30 * tally.n_packets);
    CU_ASSERT(tally.n_hits > tally.n_packets / 2);
    CU_ASSERT(tally.n_lookups > tally.n_packets / 10);
    CU_ASSERT(tally.n_nat > tally.n_packets / 100);
    CU_ASSERT(tally.n_reject > tally.n_packets / 100);
    CU_ASSERT(tally.n_drop > tally.n_packets / 10);
    CU_ASSERT(tally.n_policy > tally.n_packets / 10);
    CU_ASSERT(tally.n_steady > tally.n_packets / 100);
}

static const VsTestCase tests[] = {
    {"three walks of random rules agree in every outcome, count and draw",
     test_three_walks_of_random_rules_agree},
    {0}};

VS_TESTS("evaluate_twin")

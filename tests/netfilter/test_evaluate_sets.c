/* Rules that look up and change sets, verdict maps and lists of addresses. */
#include "tests/base/random_fixture.h"
#include "tests/netfilter/rules_fixture.h"

#include "netfilter/recent.h"

/* ---- Sets ---- */

/* The fixture with one rule that asks for saddr in set "s". */
static VsSet *
ask_for_source(RulesFixture *f)
{
    VsSet *set = add_set(f, "s", VS_SET_IPV4_ADDR);

    ask_set(&add_step_rule(f->base, VS_STEP_LOOKUP)->lookup, VS_FIELD_SADDR, "s");
    return set;
}

static unsigned
n_hits_of(RulesFixture *f, VsAddr saddr, VsTime now)
{
    VsRuleView view = view_of(f);

    view.fields[VS_FIELD_SADDR] = saddr;
    view.now = now;
    vs_chain_run(f->base, &view);
    return view.n_hits;
}

static void
test_sets_hold_their_elements(void)
{
    RulesFixture f = rules_fixture();
    VsSet *set = ask_for_source(&f);
    VsRuleView view = view_of(&f);
    VsRule *rule = f.base->rules->pdata[0];
    uint32_t zero = 0;
    VsKey key = vs_set_key(&zero, 1);

    add_element(set, IP(10, 0, 0, 1));
    add_element(set, 0);
    link_rules(&f);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(10, 0, 0, 1), 0), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(10, 0, 0, 2), 0), 0);
    CU_ASSERT_EQUAL(n_hits_of(&f, 0, 0), 1);
    vs_set_remove(set, &key);
    CU_ASSERT_EQUAL(n_hits_of(&f, 0, 0), 0);
    rule->steps[0].lookup.is_inverted = true;
    CU_ASSERT_EQUAL(n_hits_of(&f, 0, 0), 1);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(view.n_lookups, 1);
    CU_ASSERT(!view.is_volatile);
    rules_fixture_clear(&f);
}

static void
test_intervals_include_both_ends(void)
{
    RulesFixture f = rules_fixture();
    VsSet *set = ask_for_source(&f);
    uint32_t end = IP(10, 0, 0, 20);

    set->has_intervals = true;
    add_element(set, IP(10, 0, 0, 10))->end = vs_set_key(&end, 1);
    add_element(set, IP(192, 0, 2, 1));
    link_rules(&f);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(10, 0, 0, 9), 0), 0);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(10, 0, 0, 10), 0), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(10, 0, 0, 20), 0), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(10, 0, 0, 21), 0), 0);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(192, 0, 2, 1), 0), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, IP(192, 0, 2, 2), 0), 0);
    rules_fixture_clear(&f);
}

static void
test_keys_of_several_parts(void)
{
    RulesFixture f = rules_fixture();
    VsSet *set = vs_ruleset_get_set(f.ruleset, f.table, "services");
    VsLookup *lookup = &add_step_rule(f.base, VS_STEP_LOOKUP)->lookup;
    uint32_t parts[] = {IP(10, 96, 0, 10), VS_PROTOCOL_TCP, 80};
    VsKey key = vs_set_key(parts, 3);
    VsRuleView view = view_of(&f);

    ask_set(lookup, VS_FIELD_DADDR, "services");
    lookup->n_fields = 3;
    lookup->fields[1] = VS_FIELD_PROTOCOL;
    lookup->fields[2] = VS_FIELD_DPORT;
    vs_set_add(set, &key);
    link_rules(&f);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(view.n_hits, 1);
    view.fields[VS_FIELD_PROTOCOL] = VS_PROTOCOL_UDP;
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(view.n_hits, 1);
    rules_fixture_clear(&f);
}

/* An affinity set of kube-proxy: update at each connection, "seen" before the choice. */
static void
test_updates_refresh_elements_until_they_expire(void)
{
    RulesFixture f = rules_fixture();
    VsSet *set = ask_for_source(&f);
    VsRuleStep *step = add_step_rule(chain_of(&f, "end"), VS_STEP_UPDATE);
    VsRuleView view = view_of(&f);

    set->is_dynamic = true;
    set->has_timeout = true;
    set->timeout = 10 * VS_S;
    ask_set(&step->update.key, VS_FIELD_SADDR, "s");
    link_rules(&f);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 0), 0);
    vs_chain_run(chain_of(&f, "end"), &view);
    CU_ASSERT(view.is_volatile);
    CU_ASSERT_EQUAL(view.n_lookups, 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 10 * VS_S - 1), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 10 * VS_S), 0);
    view.now = 9 * VS_S;
    vs_chain_run(chain_of(&f, "end"), &view);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 19 * VS_S - 1), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 19 * VS_S), 0);
    /* "add" leaves the time of one that is there. */
    step->update.is_add = true;
    view.now = 18 * VS_S;
    vs_chain_run(chain_of(&f, "end"), &view);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 19 * VS_S), 0);
    /* But adds anew one that has expired; with a timeout of its own. */
    step->update.timeout = VS_S;
    view.now = 20 * VS_S;
    vs_chain_run(chain_of(&f, "end"), &view);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 21 * VS_S - 1), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, view.fields[VS_FIELD_SADDR], 21 * VS_S), 0);
    rules_fixture_clear(&f);
}

static void
test_an_update_of_a_full_set_ends_the_rule(void)
{
    RulesFixture f = rules_fixture();
    VsSet *set = add_set(&f, "s", VS_SET_IPV4_ADDR);
    VsRule *rule = vs_chain_add_rule(f.base);
    VsRuleStep *step = vs_rule_add_step(rule, VS_STEP_UPDATE, VS_MODULE_BASE);

    ask_set(&step->update.key, VS_FIELD_SADDR, "s");
    set->is_dynamic = true;
    set->timeout = 10 * VS_S;
    set->size = 2;
    link_rules(&f);
    CU_ASSERT_EQUAL(n_hits_of(&f, 1, 0), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, 2, VS_S), 1);
    CU_ASSERT_EQUAL(n_hits_of(&f, 3, VS_S), 0);
    CU_ASSERT_EQUAL(n_hits_of(&f, 1, VS_S), 1);
    /* At 11 s the second has expired and makes room. */
    CU_ASSERT_EQUAL(n_hits_of(&f, 3, 11 * VS_S), 1);
    CU_ASSERT_EQUAL(set->elements->len, 1);
    rules_fixture_clear(&f);
}

/* ---- Verdict maps ---- */

/* A map from numbers 0 .. n-1 to chains "e0", "e1", ... which accept. */
static VsLookup *
add_number_map(RulesFixture *f, VsNumberKind kind, unsigned n)
{
    VsLookup *lookup = &add_step_rule(f->base, VS_STEP_VMAP)->lookup;

    lookup->n_fields = 1;
    lookup->fields[0] = VS_FIELD_NUMBER;
    lookup->number = vs_number_new(kind, n);
    lookup->set = vs_set_new();
    lookup->set->is_map = true;
    for (unsigned i = 0; i < n; i++) {
        VsRuleVerdict *verdict = &add_element(lookup->set, i)->verdict;

        verdict->kind = VS_RULE_GOTO;
        verdict->target = g_strdup_printf("e%u", i);
        add_verdict_rule(chain_of(f, verdict->target), VS_RULE_ACCEPT);
    }
    return lookup;
}

static void
test_numgen_inc_counts_from_its_offset(void)
{
    RulesFixture f = rules_fixture();
    VsLookup *lookup = add_number_map(&f, VS_NUMBER_INC, 3);
    const char order[] = "0120120";

    link_rules(&f);
    for (int i = 0; order[i]; i++) {
        VsRuleView view = view_of(&f);

        CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
        CU_ASSERT_EQUAL(view.hits[1]->chain->name[1], order[i]);
        CU_ASSERT(view.is_volatile);
        CU_ASSERT_EQUAL(view.n_lookups, 1);
    }
    /* Next is 1 of 0..2: with the offset 2 and the modulus 1, only 2. */
    lookup->number->modulus = 1;
    lookup->number->offset = 2;
    lookup->number->next = 0;
    for (int i = 0; i < 3; i++) {
        VsRuleView view = view_of(&f);

        vs_chain_run(f.base, &view);
        CU_ASSERT_EQUAL(view.hits[1]->chain->name[1], '2');
    }
    rules_fixture_clear(&f);
}

static void
test_numgen_random_is_uniform(void)
{
    RulesFixture f = rules_fixture();
    unsigned counts[7];

    add_number_map(&f, VS_NUMBER_RANDOM, 7);
    link_rules(&f);
    for (int i = 0; i < 100000; i++) {
        VsRuleView view = view_of(&f);

        CU_ASSERT_EQUAL_FATAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    }
    for (unsigned i = 0; i < 7; i++) {
        const VsChain *chain = f.table->chains->pdata[1 + i];

        counts[i] = (unsigned)((VsRule *)chain->rules->pdata[0])->n_packets;
    }
    CU_ASSERT(get_chi_square_chance(counts, 7, 100000) > 0.001);
    rules_fixture_clear(&f);
}

static void
test_a_map_without_the_key_ends_the_rule(void)
{
    RulesFixture f = rules_fixture();
    VsSet *map = add_set(&f, "m", VS_SET_INET_SERVICE);
    VsRule *rule = vs_chain_add_rule(f.base);
    VsRuleView view = view_of(&f);

    map->is_map = true;
    add_element(map, 443)->verdict.kind = VS_RULE_ACCEPT;
    add_element(map, 81)->verdict.kind = VS_RULE_CONTINUE;
    ask_set(&vs_rule_add_step(rule, VS_STEP_VMAP, VS_MODULE_BASE)->lookup,
            VS_FIELD_DPORT, "m");
    vs_rule_verdict(rule, VS_RULE_DROP);
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    CU_ASSERT(view.has_met_policy);
    CU_ASSERT_EQUAL(rule->n_packets, 0);
    view.fields[VS_FIELD_DPORT] = 81; /* "continue" goes on with the rule. */
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_DROP);
    view.fields[VS_FIELD_DPORT] = 443;
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    CU_ASSERT_EQUAL(rule->n_packets, 2);
    rules_fixture_clear(&f);
}

/* ---- xt_recent ---- */

typedef struct RecentFixture {
    RulesFixture rules;
    VsRecent *recent;
    VsRecent *set;
} RecentFixture;

/* Chain "base" has a rule that checks list "l" and chain "set" one that writes to it. */
static RecentFixture
recent_fixture(VsRecentCheck check)
{
    RecentFixture f = {.rules = rules_fixture()};

    f.recent = &add_step_rule(f.rules.base, VS_STEP_RECENT)->recent;
    f.recent->name = g_strdup("l");
    f.recent->mask = UINT32_MAX;
    f.recent->check = check;
    f.set = &add_step_rule(chain_of(&f.rules, "set"), VS_STEP_RECENT)->recent;
    f.set->name = g_strdup("l");
    f.set->mask = UINT32_MAX;
    f.set->check = VS_RECENT_SET;
    return f;
}

static bool
runs_hit(RecentFixture *f, VsChain *chain, VsAddr saddr, VsTime now)
{
    VsRuleView view = view_of(&f->rules);

    view.fields[VS_FIELD_SADDR] = saddr;
    view.now = now;
    vs_chain_run(chain, &view);
    CU_ASSERT(view.is_volatile);
    return view.n_hits == 1;
}

static bool
checks(RecentFixture *f, VsAddr saddr, VsTime now)
{
    return runs_hit(f, f->rules.base, saddr, now);
}

static void
set(RecentFixture *f, VsAddr saddr, VsTime now)
{
    CU_ASSERT(runs_hit(f, chain_of(&f->rules, "set"), saddr, now));
}

static void
test_rcheck_sees_those_of_the_last_seconds(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_RCHECK);

    f.recent->seconds = 10;
    link_rules(&f.rules);
    CU_ASSERT(!checks(&f, 1, 0));
    set(&f, 1, 0);
    CU_ASSERT(checks(&f, 1, 10 * VS_S));
    CU_ASSERT(!checks(&f, 1, 10 * VS_S + 1));
    CU_ASSERT(!checks(&f, 2, 0));
    set(&f, 1, 20 * VS_S);
    CU_ASSERT(checks(&f, 1, 25 * VS_S));
    f.recent->seconds = 0; /* Ever. */
    CU_ASSERT(checks(&f, 1, 100000 * VS_S));
    f.recent->is_inverted = true;
    CU_ASSERT(!checks(&f, 1, 100000 * VS_S));
    CU_ASSERT(checks(&f, 2, 100000 * VS_S));
    f.recent->is_inverted = false;
    f.recent->seconds = UINT32_MAX; /* More than there is time. */
    CU_ASSERT(checks(&f, 1, 100000 * VS_S));
    rules_fixture_clear(&f.rules);
}

static void
test_update_writes_down_what_it_finds(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_UPDATE);

    f.recent->seconds = 10;
    link_rules(&f.rules);
    CU_ASSERT(!checks(&f, 1, 0)); /* Finds none, adds none. */
    CU_ASSERT(!checks(&f, 1, 1));
    set(&f, 1, 0);
    CU_ASSERT(checks(&f, 1, 8 * VS_S));
    CU_ASSERT(checks(&f, 1, 16 * VS_S));
    CU_ASSERT(!checks(&f, 1, 27 * VS_S));
    CU_ASSERT(!checks(&f, 1, 28 * VS_S));
    rules_fixture_clear(&f.rules);
}

/* "! --update" holds, and so writes down, when the address was not seen of late. */
static void
test_inverted_update_writes_down_when_it_holds(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_UPDATE);

    f.recent->seconds = 10;
    f.recent->is_inverted = true;
    link_rules(&f.rules);
    set(&f, 1, 0);
    CU_ASSERT(!checks(&f, 1, 5 * VS_S));
    CU_ASSERT(checks(&f, 1, 11 * VS_S));
    CU_ASSERT(!checks(&f, 1, 12 * VS_S));
    rules_fixture_clear(&f.rules);
}

static void
test_hitcount_counts_within_the_seconds(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_RCHECK);

    f.recent->seconds = 10;
    f.recent->hitcount = 40; /* More than the 32 times kept by default. */
    link_rules(&f.rules);
    for (int i = 0; i < 39; i++) {
        set(&f, 1, i * VS_MS);
    }
    CU_ASSERT(!checks(&f, 1, VS_S));
    set(&f, 1, VS_S);
    CU_ASSERT(checks(&f, 1, VS_S));
    CU_ASSERT(checks(&f, 1, 10 * VS_S));
    CU_ASSERT(!checks(&f, 1, 10 * VS_S + 1)); /* The first is too old. */
    rules_fixture_clear(&f.rules);
}

static void
test_remove_holds_for_what_it_removes(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_REMOVE);

    link_rules(&f.rules);
    CU_ASSERT(!checks(&f, 1, 0));
    set(&f, 1, 0);
    CU_ASSERT(checks(&f, 1, 1));
    CU_ASSERT(!checks(&f, 1, 2));
    f.recent->is_inverted = true;
    CU_ASSERT(checks(&f, 1, 2));
    rules_fixture_clear(&f.rules);
}

static void
test_masks_and_sides_of_lists(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_RCHECK);

    f.recent->mask = f.set->mask = 0xffffff00;
    link_rules(&f.rules);
    set(&f, IP(10, 0, 0, 1), 0);
    CU_ASSERT(checks(&f, IP(10, 0, 0, 200), 0));
    CU_ASSERT(!checks(&f, IP(10, 0, 1, 1), 0));
    f.recent->is_destination = true; /* 10.96.0.10 */
    CU_ASSERT(!checks(&f, IP(10, 0, 0, 1), 0));
    set(&f, IP(10, 96, 0, 77), 0);
    CU_ASSERT(checks(&f, IP(10, 0, 0, 1), 0));
    rules_fixture_clear(&f.rules);
}

/* ip_list_tot: the list of an endpoint with more clients than 100 forgets some. */
static void
test_a_list_forgets_the_one_longest_without_news(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_RCHECK);

    link_rules(&f.rules);
    for (VsAddr i = 0; i < VS_RECENT_MAX_ADDRESSES; i++) {
        set(&f, i, i);
    }
    set(&f, 0, 200); /* Now 1 is the one. */
    CU_ASSERT(checks(&f, 1, 200));
    set(&f, 1000, 201);
    CU_ASSERT(checks(&f, 0, 202));
    CU_ASSERT(!checks(&f, 1, 202));
    CU_ASSERT(checks(&f, 2, 202));
    CU_ASSERT(checks(&f, 1000, 202));
    rules_fixture_clear(&f.rules);
}

/* What is reaped shows where another rule asks without seconds. */
static void
test_reaping_forgets_the_oldest_if_it_is_past(void)
{
    RecentFixture f = recent_fixture(VS_RECENT_RCHECK);

    f.recent->is_reaping = true;
    f.recent->seconds = 10;
    link_rules(&f.rules);
    set(&f, 1, 0);
    set(&f, 2, 0);
    set(&f, 3, 15 * VS_S);
    CU_ASSERT(checks(&f, 3, 16 * VS_S)); /* One at a time: 1. */
    f.recent->is_reaping = false;
    f.recent->seconds = 0;
    CU_ASSERT(!checks(&f, 1, 16 * VS_S));
    CU_ASSERT(checks(&f, 2, 16 * VS_S));
    f.recent->is_reaping = true;
    f.recent->seconds = 10;
    CU_ASSERT(!checks(&f, 2, 16 * VS_S)); /* Itself. */
    CU_ASSERT(checks(&f, 3, 16 * VS_S));  /* None is past. */
    f.recent->is_reaping = false;
    f.recent->seconds = 0;
    CU_ASSERT(!checks(&f, 2, 16 * VS_S));
    CU_ASSERT(checks(&f, 3, 16 * VS_S));
    rules_fixture_clear(&f.rules);
}

static const VsTestCase tests[] = {
    {"sets hold their elements", test_sets_hold_their_elements},
    {"intervals include both ends", test_intervals_include_both_ends},
    {"keys of several parts", test_keys_of_several_parts},
    {"updates refresh elements until they expire",
     test_updates_refresh_elements_until_they_expire},
    {"an update of a full set ends the rule",
     test_an_update_of_a_full_set_ends_the_rule},
    {"numgen inc counts from its offset", test_numgen_inc_counts_from_its_offset},
    {"numgen random is uniform", test_numgen_random_is_uniform},
    {"a map without the key ends the rule", test_a_map_without_the_key_ends_the_rule},
    {"rcheck sees those of the last seconds",
     test_rcheck_sees_those_of_the_last_seconds},
    {"update writes down what it finds", test_update_writes_down_what_it_finds},
    {"inverted update writes down when it holds",
     test_inverted_update_writes_down_when_it_holds},
    {"hitcount counts within the seconds", test_hitcount_counts_within_the_seconds},
    {"remove holds for what it removes", test_remove_holds_for_what_it_removes},
    {"masks and sides of lists", test_masks_and_sides_of_lists},
    {"a list forgets the one longest without news",
     test_a_list_forgets_the_one_longest_without_news},
    {"reaping forgets the oldest if it is past",
     test_reaping_forgets_the_oldest_if_it_is_past},
    {0}};

VS_TESTS("evaluate_sets")

#include "tests/netfilter/rules_fixture.h"

#include "netfilter/dispatch.h"

/* Linking fails with this code and message. */
static void
assert_link_fails(RulesFixture *f, VsRulesetError code, const char *message)
{
    GError *error = NULL;

    CU_ASSERT_FALSE_FATAL(vs_ruleset_link(f->ruleset, &error));
    CU_ASSERT(g_error_matches(error, VS_RULESET_ERROR, (int)code));
    CU_ASSERT_STRING_EQUAL(error->message, message);
    g_clear_error(&error);
}

/* ---- Building ---- */

static void
test_iptables_tables_come_with_their_chains(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    const unsigned n_chains[] = {2, 5, 4, 3}; /* raw, mangle, nat, filter. */
    VsRuleTable *nat;
    VsChain *chain;

    for (unsigned i = 0; vs_iptables_table_names[i]; i++) {
        const VsRuleTable *table = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES,
                                                        vs_iptables_table_names[i]);

        CU_ASSERT_EQUAL(table->chains->len, n_chains[i]);
    }
    nat = vs_ruleset_find_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    chain = vs_rule_table_find_chain(nat, "POSTROUTING");
    CU_ASSERT_EQUAL(chain->type, VS_CHAIN_NAT);
    CU_ASSERT_EQUAL(chain->point, VS_HOOK_POSTROUTING);
    CU_ASSERT_EQUAL(chain->priority, 100);
    CU_ASSERT_EQUAL(chain->policy, VS_RULE_ACCEPT);
    CU_ASSERT_EQUAL(vs_rule_table_find_chain(nat, "PREROUTING")->priority, -100);
    CU_ASSERT_PTR_EQUAL(vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat"), nat);
    CU_ASSERT_PTR_NULL(vs_ruleset_find_table(ruleset, VS_DIALECT_NFT, "nat"));
    CU_ASSERT_EQUAL(vs_ruleset_get_table(ruleset, VS_DIALECT_NFT, "nat")->chains->len,
                    0);
    vs_ruleset_free(ruleset);
}

static void
test_rules_are_numbered_in_their_chain(void)
{
    RulesFixture f = rules_fixture();

    for (unsigned i = 1; i <= 3; i++) {
        CU_ASSERT_EQUAL(vs_chain_add_rule(f.base)->number, i);
    }
    vs_chain_flush(f.base);
    CU_ASSERT_EQUAL(f.base->rules->len, 0);
    CU_ASSERT_EQUAL(vs_chain_add_rule(f.base)->number, 1);
    CU_ASSERT_PTR_EQUAL(chain_of(&f, "base"), f.base);
    CU_ASSERT_PTR_NULL(vs_rule_table_find_chain(f.table, "other"));
    rules_fixture_clear(&f);
}

static void
test_builders_say_what_they_match(void)
{
    RulesFixture f = rules_fixture();
    VsRule *rule = vs_chain_add_rule(f.base);

    vs_rule_match_not(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, 6);
    vs_rule_match_prefix(rule, VS_FIELD_DADDR, IP(10, 1, 2, 3), 12, false);
    vs_rule_comment(rule, "why");
    vs_rule_dnat(rule, IP(10, 0, 0, 1), 0);
    CU_ASSERT_EQUAL(rule->n_steps, 4);
    CU_ASSERT(rule->steps[0].range.is_inverted);
    CU_ASSERT_EQUAL(rule->steps[0].range.mask, UINT32_MAX);
    CU_ASSERT_EQUAL(rule->steps[1].range.mask, 0xfff00000);
    CU_ASSERT_EQUAL(rule->steps[1].range.min, IP(10, 0, 0, 0));
    CU_ASSERT_STRING_EQUAL(rule->steps[2].comment, "why");
    CU_ASSERT(rule->steps[3].nat.has_address && !rule->steps[3].nat.has_ports);
    rules_fixture_clear(&f);
}

/* ---- Linking ---- */

static void
test_an_unknown_chain_is_an_error(void)
{
    RulesFixture f = rules_fixture();

    add_jump_rule(f.base, "nowhere")->line = 7;
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE,
                      "7: there is no chain \"nowhere\" to go to");
    chain_of(&f, "nowhere");
    link_rules(&f);
    rules_fixture_clear(&f);
}

/* Rules made here have no line. */
static void
test_a_base_chain_is_no_target(void)
{
    RulesFixture f = rules_fixture();

    add_goto_rule(chain_of(&f, "a"), "base");
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE,
                      "chain \"base\" is a base chain, which rules cannot jump to");
    rules_fixture_clear(&f);
}

static void
test_chains_of_other_tables_are_unknown(void)
{
    RulesFixture f = rules_fixture();
    VsRuleTable *other = vs_ruleset_get_table(f.ruleset, VS_DIALECT_NFT, "other");

    vs_rule_table_get_chain(other, "a");
    add_jump_rule(f.base, "a");
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE,
                      "there is no chain \"a\" to go to");
    rules_fixture_clear(&f);
}

static void
test_circles_of_jumps_and_gotos_are_errors(void)
{
    RulesFixture f = rules_fixture();

    add_jump_rule(f.base, "a");
    add_jump_rule(chain_of(&f, "a"), "b");
    add_goto_rule(chain_of(&f, "b"), "a")->line = 12;
    assert_link_fails(&f, VS_RULESET_ERROR_LOOP,
                      "12: going to chain \"a\" makes a circle");
    rules_fixture_clear(&f);
}

static void
test_a_chain_that_jumps_to_itself_is_an_error(void)
{
    RulesFixture f = rules_fixture();

    add_jump_rule(chain_of(&f, "a"), "a");
    assert_link_fails(&f, VS_RULESET_ERROR_LOOP, "going to chain \"a\" makes a circle");
    rules_fixture_clear(&f);
}

static VsSetElement *
add_target(VsSet *map, uint32_t key, const char *chain)
{
    VsSetElement *element = add_element(map, key);

    element->verdict.kind = VS_RULE_JUMP;
    element->verdict.target = g_strdup(chain);
    return element;
}

static void
test_circles_through_verdict_maps_are_errors(void)
{
    RulesFixture f = rules_fixture();
    VsSet *map = add_set(&f, "m", VS_SET_INET_SERVICE);

    map->is_map = true;
    add_target(map, 80, "a");
    ask_set(&add_step_rule(f.base, VS_STEP_VMAP)->lookup, VS_FIELD_DPORT, "m");
    chain_of(&f, "a");
    link_rules(&f);
    ask_set(&add_step_rule(chain_of(&f, "a"), VS_STEP_VMAP)->lookup, VS_FIELD_DPORT,
            "m");
    assert_link_fails(&f, VS_RULESET_ERROR_LOOP, "going to chain \"a\" makes a circle");
    rules_fixture_clear(&f);
}

static void
test_unknown_chains_in_maps_are_errors(void)
{
    RulesFixture f = rules_fixture();
    VsSet *map = add_set(&f, "m", VS_SET_INET_SERVICE);

    map->is_map = true;
    add_target(map, 80, "nowhere");
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE,
                      "there is no chain \"nowhere\" to go to");
    rules_fixture_clear(&f);
}

/* Two ways to one chain are no circle. */
static void
test_diamonds_are_no_circles(void)
{
    RulesFixture f = rules_fixture();

    add_jump_rule(f.base, "a");
    add_jump_rule(f.base, "b");
    add_jump_rule(chain_of(&f, "a"), "c");
    add_goto_rule(chain_of(&f, "b"), "c");
    chain_of(&f, "c");
    link_rules(&f);
    rules_fixture_clear(&f);
}

/* A ruleset of 'n' chains, each of which jumps to the next; is it refused? */
static bool
is_too_deep(VsDialect dialect, unsigned n, bool is_backwards)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsRuleTable *table = vs_ruleset_get_table(ruleset, dialect, "t");
    GError *error = NULL;
    bool is_refused;

    /* The order of creation is that of the search. */
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("%u", is_backwards ? n - 1 - i : i);

        vs_rule_table_get_chain(table, name);
    }
    for (unsigned i = 0; i + 1 < n; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        g_autofree char *next = g_strdup_printf("%u", i + 1);

        add_jump_rule(vs_rule_table_get_chain(table, name), next);
    }
    is_refused = !vs_ruleset_link(ruleset, &error);
    CU_ASSERT_EQUAL(is_refused, error != NULL);
    if (error) {
        CU_ASSERT(
            g_error_matches(error, VS_RULESET_ERROR, VS_RULESET_ERROR_UNSUPPORTED));
        CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "nested chains"));
        g_error_free(error);
    }
    vs_ruleset_free(ruleset);
    return is_refused;
}

static void
test_nesting_has_a_limit(void)
{
    for (int is_backwards = 0; is_backwards < 2; is_backwards++) {
        CU_ASSERT(!is_too_deep(VS_DIALECT_NFT, 16, is_backwards));
        CU_ASSERT(is_too_deep(VS_DIALECT_NFT, 17, is_backwards));
        CU_ASSERT(!is_too_deep(VS_DIALECT_IPTABLES, 64, is_backwards));
        CU_ASSERT(is_too_deep(VS_DIALECT_IPTABLES, 65, is_backwards));
        CU_ASSERT(is_too_deep(VS_DIALECT_IPTABLES, 100000, is_backwards));
    }
}

static void
test_sets_and_maps_must_be_there_and_of_their_kind(void)
{
    RulesFixture f = rules_fixture();
    VsRule *rule = vs_chain_add_rule(f.base);
    VsSet *set;

    rule->line = 3;
    ask_set(&vs_rule_add_step(rule, VS_STEP_LOOKUP, VS_MODULE_SET)->lookup,
            VS_FIELD_SADDR, "s");
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE, "3: there is no set \"s\"");
    /* An ipset is no set of an nft table. */
    vs_ruleset_get_set(f.ruleset, NULL, "s");
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE, "3: there is no set \"s\"");
    set = add_set(&f, "s", VS_SET_IPV4_ADDR);
    link_rules(&f);
    CU_ASSERT_PTR_EQUAL(rule->steps[0].lookup.set, set);
    ask_set(&add_step_rule(f.base, VS_STEP_VMAP)->lookup, VS_FIELD_SADDR, "s");
    assert_link_fails(&f, VS_RULESET_ERROR_REFERENCE, "there is no map \"s\"");
    rules_fixture_clear(&f);
}

static void
test_iptables_rules_ask_ipsets(void)
{
    VsRuleset *ruleset = vs_ruleset_new();
    VsRuleTable *nat = vs_ruleset_get_table(ruleset, VS_DIALECT_IPTABLES, "nat");
    VsLookup *lookup =
        &add_step_rule(vs_rule_table_get_chain(nat, "OUTPUT"), VS_STEP_LOOKUP)->lookup;
    VsSet *set = vs_ruleset_get_set(ruleset, NULL, "KUBE-CLUSTER-IP");
    GError *error = NULL;

    ask_set(lookup, VS_FIELD_DADDR, "KUBE-CLUSTER-IP");
    CU_ASSERT(vs_ruleset_link(ruleset, &error));
    CU_ASSERT_PTR_EQUAL(lookup->set, set);
    vs_ruleset_free(ruleset);
}

static void
test_limits_and_hitcounts_out_of_range_are_refused(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_LIMIT);

    step->limit.amount = 1;
    step->limit.unit = 86400 * VS_S;
    step->limit.burst = 10000;
    assert_link_fails(&f, VS_RULESET_ERROR_UNSUPPORTED,
                      "a burst of 10000 is out of range for this rate");
    step->limit.burst = 5;
    link_rules(&f);
    step = add_step_rule(f.base, VS_STEP_RECENT);
    step->recent.name = g_strdup("l");
    step->recent.hitcount = 256;
    assert_link_fails(&f, VS_RULESET_ERROR_UNSUPPORTED,
                      "hitcount 256 is more than 255");
    rules_fixture_clear(&f);
}

/* ---- Change ---- */

static bool
moves_on(const VsRuleset *ruleset, uint32_t *generation)
{
    bool moved = ruleset->generation != *generation;

    *generation = ruleset->generation;
    return moved;
}

static void
test_every_change_moves_the_generation_on(void)
{
    RulesFixture f = rules_fixture();
    uint32_t generation = f.ruleset->generation;
    uint32_t value = 1;
    VsKey key = vs_set_key(&value, 1);
    VsSet *sets[2];

    vs_chain_add_rule(f.base);
    CU_ASSERT(moves_on(f.ruleset, &generation));
    vs_chain_flush(f.base);
    CU_ASSERT(moves_on(f.ruleset, &generation));
    chain_of(&f, "a");
    CU_ASSERT(moves_on(f.ruleset, &generation));
    chain_of(&f, "a");
    CU_ASSERT(!moves_on(f.ruleset, &generation));
    vs_chain_set_base(f.base, VS_CHAIN_FILTER, VS_HOOK_INPUT, 0, VS_RULE_DROP);
    CU_ASSERT(moves_on(f.ruleset, &generation));
    link_rules(&f);
    CU_ASSERT(moves_on(f.ruleset, &generation));
    sets[0] = vs_ruleset_get_set(f.ruleset, f.table, "s");
    sets[1] = vs_ruleset_get_set(f.ruleset, NULL, "s");
    CU_ASSERT(moves_on(f.ruleset, &generation));
    for (int i = 0; i < 2; i++) {
        vs_set_add(sets[i], &key);
        CU_ASSERT(moves_on(f.ruleset, &generation));
        vs_set_remove(sets[i], &key);
        CU_ASSERT(moves_on(f.ruleset, &generation));
        vs_set_remove(sets[i], &key);
        CU_ASSERT(!moves_on(f.ruleset, &generation));
    }
    /* What packets change is asked anew each time. */
    sets[0]->is_dynamic = true;
    vs_set_add(sets[0], &key);
    CU_ASSERT(!moves_on(f.ruleset, &generation));
    vs_ruleset_remove_table(f.ruleset, f.table);
    CU_ASSERT(moves_on(f.ruleset, &generation));
    vs_ruleset_touch(f.ruleset);
    CU_ASSERT(moves_on(f.ruleset, &generation));
    rules_fixture_clear(&f);
}

static void
test_an_element_of_the_same_key_is_replaced(void)
{
    RulesFixture f = rules_fixture();
    VsSet *set = add_set(&f, "s", VS_SET_NUMBER);
    uint32_t value = 1;
    VsKey key = vs_set_key(&value, 1);

    for (int has_intervals = 0; has_intervals < 2; has_intervals++) {
        VsSetElement *element;

        set->has_intervals = has_intervals;
        add_element(set, 2);
        add_element(set, 1)->verdict.kind = VS_RULE_DROP;
        element = add_element(set, 1);
        CU_ASSERT_EQUAL(set->elements->len, 2);
        CU_ASSERT_PTR_EQUAL(vs_set_find(set, &key, 0), element);
        CU_ASSERT_EQUAL(element->verdict.kind, VS_RULE_CONTINUE);
        vs_set_remove(set, &key);
        CU_ASSERT_PTR_NULL(vs_set_find(set, &key, 0));
        value = 2;
        key = vs_set_key(&value, 1);
        vs_set_remove(set, &key);
        value = 1;
        key = vs_set_key(&value, 1);
        CU_ASSERT_EQUAL(set->elements->len, 0);
    }
    rules_fixture_clear(&f);
}

/* Lists and counts go on when rules are linked again. */
static void
test_linking_again_forgets_nothing(void)
{
    RulesFixture f = rules_fixture();
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_RECENT);
    VsRuleView view = view_of(&f);

    step->recent.name = g_strdup("l");
    step->recent.mask = UINT32_MAX;
    link_rules(&f);
    vs_chain_run(f.base, &view);
    link_rules(&f);
    step->recent.check = VS_RECENT_RCHECK;
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(view.n_hits, 2);
    rules_fixture_clear(&f);
}

/* ---- The index ---- */

/* Rule i of 100 asks for 10.0.0.(i % 10), but 50 to 59, which ask for no destination. */
static void
test_the_index_finds_the_next_rule_of_an_address(void)
{
    RulesFixture f = rules_fixture();
    const VsDispatch *dispatch;

    for (unsigned i = 0; i < 100; i++) {
        VsRule *rule = vs_chain_add_rule(f.base);

        vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_PROTOCOL, 6);
        if (i < 50 || i >= 60) {
            vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_DADDR, IP(10, 0, 0, i % 10));
        }
    }
    link_rules(&f);
    dispatch = vs_dispatch_get(f.base);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 0, IP(10, 0, 0, 0)), 0);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 0, IP(10, 0, 0, 7)), 7);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 8, IP(10, 0, 0, 7)), 17);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 48, IP(10, 0, 0, 7)), 50);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 55, IP(10, 0, 0, 7)), 55);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 60, IP(10, 0, 0, 7)), 67);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 98, IP(10, 0, 0, 7)), 100);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 0, IP(10, 0, 1, 7)), 50);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 60, IP(10, 0, 1, 7)), 100);
    CU_ASSERT_EQUAL(vs_dispatch_next(dispatch, 100, IP(10, 0, 0, 7)), 100);
    CU_ASSERT_PTR_EQUAL(vs_dispatch_get(f.base), dispatch);
    rules_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"iptables' tables come with their chains",
     test_iptables_tables_come_with_their_chains},
    {"rules are numbered in their chain", test_rules_are_numbered_in_their_chain},
    {"builders say what they match", test_builders_say_what_they_match},
    {"an unknown chain is an error", test_an_unknown_chain_is_an_error},
    {"a base chain is no target", test_a_base_chain_is_no_target},
    {"chains of other tables are unknown", test_chains_of_other_tables_are_unknown},
    {"circles of jumps and gotos are errors",
     test_circles_of_jumps_and_gotos_are_errors},
    {"a chain that jumps to itself is an error",
     test_a_chain_that_jumps_to_itself_is_an_error},
    {"circles through verdict maps are errors",
     test_circles_through_verdict_maps_are_errors},
    {"unknown chains in maps are errors", test_unknown_chains_in_maps_are_errors},
    {"diamonds are no circles", test_diamonds_are_no_circles},
    {"nesting has a limit", test_nesting_has_a_limit},
    {"sets and maps must be there and of their kind",
     test_sets_and_maps_must_be_there_and_of_their_kind},
    {"iptables' rules ask ipsets", test_iptables_rules_ask_ipsets},
    {"limits and hit counts out of range are refused",
     test_limits_and_hitcounts_out_of_range_are_refused},
    {"every change moves the generation on", test_every_change_moves_the_generation_on},
    {"an element of the same key is replaced",
     test_an_element_of_the_same_key_is_replaced},
    {"linking again forgets nothing", test_linking_again_forgets_nothing},
    {"the index finds the next rule of an address",
     test_the_index_finds_the_next_rule_of_an_address},
    {0}};

VS_TESTS("ruleset")

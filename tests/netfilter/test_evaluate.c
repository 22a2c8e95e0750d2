/* Chains, verdicts and statements of rules. */
#include "tests/netfilter/rules_fixture.h"

/* ---- Chains ---- */

static void
test_a_base_chain_ends_in_its_policy(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    f.base->policy = VS_RULE_DROP;
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_DROP);
    CU_ASSERT(view.has_met_policy);
    CU_ASSERT_EQUAL(f.base->n_packets, 2);
    CU_ASSERT_EQUAL(f.base->n_bytes, 200);
    rules_fixture_clear(&f);
}

static void
test_return_in_a_base_chain_is_its_policy(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    add_verdict_rule(f.base, VS_RULE_RETURN);
    add_verdict_rule(f.base, VS_RULE_DROP);
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    CU_ASSERT(view.has_met_policy);
    CU_ASSERT_EQUAL(view.n_rules, 1);
    rules_fixture_clear(&f);
}

static void
test_jump_comes_back_after_the_jump(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    add_jump_rule(f.base, "a");
    add_verdict_rule(f.base, VS_RULE_DROP);
    add_jump_rule(chain_of(&f, "a"), "b");
    add_verdict_rule(chain_of(&f, "a"), VS_RULE_RETURN);
    add_verdict_rule(chain_of(&f, "a"), VS_RULE_ACCEPT); /* Never reached. */
    add_verdict_rule(chain_of(&f, "b"), VS_RULE_CONTINUE);
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_DROP);
    CU_ASSERT_EQUAL(view.n_rules, 5); /* base 1, a 1, b 1, a 2, base 2. */
    CU_ASSERT(!view.has_met_policy);
    rules_fixture_clear(&f);
}

/* base: jump a; drop.  a: goto b; drop.  b: nothing.  The end of b comes back to base. */
static void
test_goto_comes_back_where_the_last_jump_was(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    add_jump_rule(f.base, "a");
    add_verdict_rule(f.base, VS_RULE_ACCEPT);
    add_goto_rule(chain_of(&f, "a"), "b");
    add_verdict_rule(chain_of(&f, "a"), VS_RULE_DROP);
    chain_of(&f, "b");
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    CU_ASSERT_EQUAL(view.n_rules, 3);
    CU_ASSERT(!view.has_met_policy);
    rules_fixture_clear(&f);
}

static void
test_goto_from_a_base_chain_ends_in_its_policy(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    f.base->policy = VS_RULE_DROP;
    add_goto_rule(f.base, "a");
    add_verdict_rule(f.base, VS_RULE_ACCEPT);
    chain_of(&f, "a");
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_DROP);
    CU_ASSERT_EQUAL(f.base->n_packets, 1);
    CU_ASSERT_EQUAL(chain_of(&f, "a")->n_packets, 0);
    rules_fixture_clear(&f);
}

static void
test_rules_are_credited_when_all_steps_hold(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRule *marks = vs_chain_add_rule(f.base);
    VsRule *other = vs_chain_add_rule(f.base);

    vs_rule_set_mark(marks, 0x4000, 0x4000);
    vs_rule_match(other, VS_MODULE_TCP, VS_FIELD_DPORT, 443);
    vs_rule_verdict(other, VS_RULE_DROP);
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    CU_ASSERT_EQUAL(view.n_rules, 2);
    CU_ASSERT_EQUAL(view.n_hits, 1);
    CU_ASSERT_PTR_EQUAL(view.hits[0], marks);
    CU_ASSERT_EQUAL(marks->n_packets, 1);
    CU_ASSERT_EQUAL(marks->n_bytes, 100);
    CU_ASSERT_EQUAL(other->n_packets, 0);
    CU_ASSERT(!view.is_volatile);
    rules_fixture_clear(&f);
}

static void
test_more_hits_than_remembered_are_counted(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    for (int i = 0; i < VS_WALK_MAX_HITS + 5; i++) {
        add_verdict_rule(f.base, VS_RULE_CONTINUE);
    }
    link_rules(&f);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(view.n_hits, VS_WALK_MAX_HITS + 5);
    CU_ASSERT_PTR_EQUAL(view.hits[VS_WALK_MAX_HITS - 2],
                        f.base->rules->pdata[VS_WALK_MAX_HITS - 2]);
    CU_ASSERT_PTR_EQUAL(view.hits[VS_WALK_MAX_HITS - 1], /* The last. */
                        f.base->rules->pdata[VS_WALK_MAX_HITS + 4]);
    rules_fixture_clear(&f);
}

/* ---- Marks, verdicts of packets ---- */

static void
run_mark(VsStepKind kind, uint32_t value, uint32_t mask, uint32_t *mark,
         uint32_t *ct_mark)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRuleStep *step = add_step_rule(f.base, kind);

    step->mark.value = value;
    step->mark.mask = mask;
    view.fields[VS_FIELD_MARK] = *mark;
    view.fields[VS_FIELD_CT_MARK] = *ct_mark;
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    *mark = view.fields[VS_FIELD_MARK];
    *ct_mark = view.fields[VS_FIELD_CT_MARK];
    rules_fixture_clear(&f);
}

static void
test_marks_are_masked_and_xored(void)
{
    uint32_t mark = 0x00f0, ct_mark = 0x0f00;

    run_mark(VS_STEP_SET_MARK, 0x4000, 0x4000, &mark, &ct_mark); /* --or-mark */
    CU_ASSERT_EQUAL(mark, 0x40f0);
    run_mark(VS_STEP_SET_MARK, 0, 0x4000, &mark, &ct_mark); /* --and-mark */
    CU_ASSERT_EQUAL(mark, 0x00f0);
    run_mark(VS_STEP_SET_MARK, 0x4010, 0, &mark, &ct_mark); /* --xor-mark */
    CU_ASSERT_EQUAL(mark, 0x40e0);
    run_mark(VS_STEP_SET_MARK, 7, UINT32_MAX, &mark, &ct_mark); /* --set-mark */
    CU_ASSERT_EQUAL(mark, 7);
    CU_ASSERT_EQUAL(ct_mark, 0x0f00);
    run_mark(VS_STEP_SET_CT_MARK, 0x1, 0xff00, &mark, &ct_mark);
    CU_ASSERT_EQUAL(ct_mark, 0x1);
    CU_ASSERT_EQUAL(mark, 7);
}

static void
test_marks_are_saved_and_restored(void)
{
    uint32_t mark = 0x1234, ct_mark = 0xff00ff;

    /* (0xff00ff & ~0xff) ^ (0x1234 & 0x0ff0). */
    run_mark(VS_STEP_SAVE_MARK, 0x0ff0, 0xff, &mark, &ct_mark);
    CU_ASSERT_EQUAL(ct_mark, 0xff0230);
    CU_ASSERT_EQUAL(mark, 0x1234);
    /* (0x1234 & ~0xf0ff) ^ (0xff0230 & 0xff0000). */
    run_mark(VS_STEP_RESTORE_MARK, 0xff0000, 0xf0ff, &mark, &ct_mark);
    CU_ASSERT_EQUAL(mark, 0xff0200);
    CU_ASSERT_EQUAL(ct_mark, 0xff0230);
}

static void
test_translation_accepts_and_is_reported(void)
{
    const VsStepKind kinds[] = {VS_STEP_DNAT, VS_STEP_SNAT, VS_STEP_MASQUERADE,
                                VS_STEP_REDIRECT};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        RulesFixture f = rules_fixture();
        VsRuleView view = view_of(&f);
        VsRuleStep *step = add_step_rule(f.base, kinds[i]);

        add_verdict_rule(f.base, VS_RULE_DROP);
        link_rules(&f);
        CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
        CU_ASSERT_PTR_EQUAL(view.nat, step);
        CU_ASSERT_EQUAL(view.n_rules, 1);
        CU_ASSERT(!view.has_met_policy);
        rules_fixture_clear(&f);
    }
}

static void
test_reject_drops_and_is_reported(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRuleStep *step = add_step_rule(f.base, VS_STEP_REJECT);

    step->reject = VS_REJECT_TCP_RESET;
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_DROP);
    CU_ASSERT_PTR_EQUAL(view.reject, step);
    CU_ASSERT_PTR_NULL(view.nat);
    rules_fixture_clear(&f);
}

static void
test_notrack_zone_and_log_go_on(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);

    add_step_rule(f.base, VS_STEP_NOTRACK);
    add_step_rule(f.base, VS_STEP_SET_ZONE)->mark.value = 42;
    add_step_rule(f.base, VS_STEP_LOG)->log.prefix = g_strdup("seen: ");
    link_rules(&f);
    CU_ASSERT_EQUAL(vs_chain_run(f.base, &view), VS_RULE_ACCEPT);
    CU_ASSERT(view.is_notrack && view.has_zone);
    CU_ASSERT_EQUAL(view.zone, 42);
    CU_ASSERT_EQUAL(view.n_hits, 3);
    rules_fixture_clear(&f);
}

static void
test_counters_count_what_reaches_them(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    VsRule *rule = vs_chain_add_rule(f.base);

    vs_rule_add_step(rule, VS_STEP_COUNTER, VS_MODULE_BASE);
    vs_rule_match(rule, VS_MODULE_TCP, VS_FIELD_DPORT, 443);
    vs_rule_add_step(rule, VS_STEP_COUNTER, VS_MODULE_BASE);
    link_rules(&f);
    vs_chain_run(f.base, &view);
    CU_ASSERT_EQUAL(rule->steps[0].counter.n_packets, 1);
    CU_ASSERT_EQUAL(rule->steps[0].counter.n_bytes, 100);
    CU_ASSERT_EQUAL(rule->steps[2].counter.n_packets, 0);
    CU_ASSERT_EQUAL(rule->n_packets, 0);
    CU_ASSERT(view.is_volatile);
    rules_fixture_clear(&f);
}

/* ---- Observers and reasons ---- */

typedef struct Heard {
    VsRuleObserver observer;
    GString *story;
} Heard;

static void
hear_chain(VsRuleObserver *observer, const VsChain *chain)
{
    g_string_append_printf(VS_CONTAINER_OF(observer, Heard, observer)->story, "[%s]",
                           chain->name);
}

static void
hear_rule(VsRuleObserver *observer, const VsRule *rule, const VsRuleStep *failed,
          const VsRuleView *view, VsVerdictKind verdict)
{
    GString *story = VS_CONTAINER_OF(observer, Heard, observer)->story;

    if (failed) {
        g_autofree char *why = vs_rule_step_explain(failed, view, false);

        g_string_append_printf(story, " %u:%s;", rule->number, why);
    } else {
        g_string_append_printf(story, " %u=%d;", rule->number, verdict);
    }
}

static void
hear_policy(VsRuleObserver *observer, const VsChain *chain, VsVerdictKind verdict)
{
    g_string_append_printf(VS_CONTAINER_OF(observer, Heard, observer)->story,
                           " %s policy=%d", chain->name, verdict);
}

static void
test_an_observer_hears_every_rule_and_the_step_that_failed(void)
{
    RulesFixture f = rules_fixture();
    VsRuleView view = view_of(&f);
    Heard heard = {.observer = {hear_chain, hear_rule, hear_policy}};
    VsRule *rule = vs_chain_add_rule(f.base);

    heard.story = g_string_new(NULL);
    vs_rule_match(rule, VS_MODULE_BASE, VS_FIELD_DADDR, IP(10, 96, 0, 10));
    vs_rule_match(rule, VS_MODULE_TCP, VS_FIELD_DPORT, 443);
    vs_rule_jump(rule, "a");
    add_jump_rule(f.base, "a");
    /* Enough for an index, which an observer must not notice. */
    for (int i = 0; i < 20; i++) {
        vs_rule_match(vs_chain_add_rule(chain_of(&f, "a")), VS_MODULE_BASE,
                      VS_FIELD_DADDR, IP(10, 96, 0, 11));
    }
    link_rules(&f);
    view.observer = &heard.observer;
    vs_chain_run(f.base, &view);
    CU_ASSERT(g_str_has_prefix(heard.story->str,
                               "[base] 1:dport 80 is not 443; 2=4;[a]"
                               " 1:daddr 10.96.0.10 is not 10.96.0.11;"));
    CU_ASSERT(g_str_has_suffix(heard.story->str,
                               " 20:daddr 10.96.0.10 is not 10.96.0.11;"
                               " base policy=1"));
    CU_ASSERT_EQUAL(view.n_rules, 22);
    g_string_free(heard.story, TRUE);
    rules_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"a base chain ends in its policy", test_a_base_chain_ends_in_its_policy},
    {"return in a base chain is its policy", test_return_in_a_base_chain_is_its_policy},
    {"jump comes back after the jump", test_jump_comes_back_after_the_jump},
    {"goto comes back where the last jump was",
     test_goto_comes_back_where_the_last_jump_was},
    {"goto from a base chain ends in its policy",
     test_goto_from_a_base_chain_ends_in_its_policy},
    {"rules are credited when all steps hold",
     test_rules_are_credited_when_all_steps_hold},
    {"more hits than remembered are counted",
     test_more_hits_than_remembered_are_counted},
    {"marks are masked and xored", test_marks_are_masked_and_xored},
    {"marks are saved and restored", test_marks_are_saved_and_restored},
    {"translation accepts and is reported", test_translation_accepts_and_is_reported},
    {"reject drops and is reported", test_reject_drops_and_is_reported},
    {"notrack, zone and log go on", test_notrack_zone_and_log_go_on},
    {"counters count what reaches them", test_counters_count_what_reaches_them},
    {"an observer hears every rule and the step that failed",
     test_an_observer_hears_every_rule_and_the_step_that_failed},
    {0}};

VS_TESTS("evaluate")

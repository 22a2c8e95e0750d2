#include "probe_fixture.h"

/* The first finding about 'pattern' of which 'text' is a part, or "". */
static char *
explain(const ProbeFixture *f, const char *pattern, const char *text,
        const VsTraceRules *rules)
{
    g_autoptr(GArray) findings = vs_trace_why_not(f->simulation, pattern, rules, NULL);

    for (guint i = 0; findings && i < findings->len; i++) {
        const VsTraceFinding *finding = &g_array_index(findings, VsTraceFinding, i);

        if (strstr(finding->text, text)) {
            return g_strdup(finding->explanation);
        }
    }
    return g_strdup("");
}

static bool
is_explained(const ProbeFixture *f, const char *pattern, const char *expected)
{
    g_autofree char *found = explain(f, pattern, "", NULL);

    if (strcmp(found, expected) != 0) {
        printf("\"%s\" should be \"%s\"\n", found, expected);
    }
    return strcmp(found, expected) == 0;
}

static void
test_a_backend_that_was_not_chosen(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");
    g_autofree char *taken = explain(&f, "backend N1", "", NULL);
    g_autofree char *passed = explain(&f, "backend n2", "", NULL);

    CU_ASSERT(g_str_has_prefix(passed,
                               "it is up, but the choice of round-robin fell on "
                               "another; chosen was backend n1 "));
    CU_ASSERT(g_str_has_prefix(taken, "it was taken: round-robin among the 2 of 2"));
    probe_fixture_clear(&f);
}

static void
test_an_ingress_rule_that_did_not_match(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");

    CU_ASSERT(is_explained(&f, "other.example",
                           "host shop.example is not other.example; chosen was rule "
                           "host shop.example path / (Prefix): service web"));
    probe_fixture_clear(&f);
}

static void
test_nothing_of_that_name(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");
    g_autoptr(GError) error = NULL;

    CU_ASSERT_PTR_NULL(vs_trace_why_not(f.simulation, "othr.example", NULL, &error));
    CU_ASSERT(g_str_has_suffix(error ? error->message : "",
                               "did you mean \"other.example\"?"));
    probe_fixture_clear(&f);
}

/* Chain DEMO of n1/root: rule 1 does not match, rule 2 accepts, rule 3 is not reached; no
 * packet comes to chain OTHER. */
static const VsTraceRule demo_rules[] = {
    {"filter", "DEMO", 1, 3, "-p udp -j DROP"},
    {"filter", "DEMO", 2, 3, "-p tcp -j ACCEPT"},
    {"filter", "DEMO", 3, 3, "-m mark --mark 7 -j DROP"},
    {"filter", "OTHER", 1, 1, "-m mark --mark 9 -j DROP"},
};

static void
list_demo_rules(const VsTraceRules *rules, const VsNetns *netns, VsTraceRuleFound found,
                void *data)
{
    (void)rules;
    for (unsigned i = 0; i < G_N_ELEMENTS(demo_rules); i++) {
        if (strcmp(netns->name, "n1/root") == 0) {
            found(&demo_rules[i], data);
        }
    }
}

static const VsTraceRules demo = {list_demo_rules};

static void
add_rule(VsPacket *packet, unsigned number, const char *why, const char *verdict)
{
    VsTraceRecord *record = vs_trace_add(packet, VS_TRACE_RULE, "n1/root", 0);

    record->table = g_strdup("filter");
    record->name = g_strdup("DEMO");
    record->number = number;
    record->text = g_strdup(demo_rules[number - 1].text);
    record->why = g_strdup(why);
    record->verdict = g_strdup(verdict);
}

static void
test_rules_that_failed_and_rules_never_reached(void)
{
    ProbeFixture f = probe_fixture("n1", "203.0.113.1:80");
    VsPacket *packet = vs_packet_new(vs_simulation_run(f.simulation));
    g_autofree char *failed = NULL;
    g_autofree char *taken = NULL;
    g_autofree char *behind = NULL;
    g_autofree char *never = NULL;

    add_rule(packet, 1, "protocol tcp is not udp", "no match");
    add_rule(packet, 2, "protocol is tcp", "ACCEPT");
    vs_packet_deliver(packet);

    failed = explain(&f, "udp", "-p udp", &demo);
    taken = explain(&f, "-P TCP -j", "-p tcp -j ACCEPT", &demo);
    behind = explain(&f, "mark 7", "", &demo);
    never = explain(&f, "mark 9", "", &demo);
    CU_ASSERT_STRING_EQUAL(
        failed, "examined as rule 1 of chain DEMO, table filter; failed "
                "because protocol tcp is not udp; rule 2 matched: -p tcp -j ACCEPT");
    CU_ASSERT_STRING_EQUAL(taken,
                           "it was taken: rule 2 of chain DEMO, table filter: ACCEPT");
    CU_ASSERT_STRING_EQUAL(behind, "never reached: chain DEMO was left at rule 2 of 3 "
                                   "(ACCEPT: protocol is tcp): -p tcp -j ACCEPT");
    CU_ASSERT_STRING_EQUAL(never, "never reached: its chain OTHER was never entered");
    probe_fixture_clear(&f);
}

static void
test_the_same_finding_is_told_once(void)
{
    ProbeFixture f = probe_fixture("n1", "203.0.113.1:80");
    VsPacket *packet = vs_packet_new(vs_simulation_run(f.simulation));
    g_autoptr(GArray) findings = NULL;

    add_rule(packet, 1, "protocol tcp is not udp", "no match");
    add_rule(packet, 1, "protocol tcp is not udp", "no match");
    vs_packet_deliver(packet);
    findings = vs_trace_why_not(f.simulation, "udp -j drop", NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(findings->len, 1);
    CU_ASSERT_EQUAL(g_array_index(findings, VsTraceFinding, 0).n_times, 2);
    probe_fixture_clear(&f);
}

/* Of kube-proxy's own rules. */
static void
test_a_rule_of_another_service(void)
{
    ProbeFixture f = probe_fixture("users", "http://shop.example/");
    g_autofree char *other =
        explain(&f, "default/late cluster IP", "-A KUBE-SERVICES", &vs_trace_rules);
    g_autofree char *never =
        explain(&f, "default/late cluster IP", "-A KUBE-SVC", &vs_trace_rules);

    CU_ASSERT_PTR_NOT_NULL(strstr(other, " of chain KUBE-SERVICES, table nat; failed "
                                         "because daddr "));
    CU_ASSERT(g_str_has_prefix(never, "never reached: its chain KUBE-SVC-"));
    CU_ASSERT(g_str_has_suffix(never, " was never entered"));
    probe_fixture_clear(&f);
}

static void
test_rules_of_a_node_that_no_packet_came_to(void)
{
    ProbeFixture f = probe_fixture("guest", "http://172.16.0.1/"); /* A user's. */
    g_autofree char *found =
        explain(&f, "default/late cluster IP", "", &vs_trace_rules);

    CU_ASSERT_STRING_EQUAL(found, "never reached: no packet of the request came here");
    probe_fixture_clear(&f);
}

static void
test_the_other_element_of_a_map(void)
{
    ProbeFixture f = probe_fixture("n1", "203.0.113.1:80");
    VsPacket *packet = vs_packet_new(vs_simulation_run(f.simulation));
    VsTraceRecord *record = vs_trace_add(packet, VS_TRACE_RULE, "n1/root", 0);
    g_autofree char *other = NULL;
    g_autofree char *taken = NULL;
    g_autofree char *whole = NULL;

    record->table = g_strdup("demo");
    record->name = g_strdup("service-x");
    record->number = 2;
    record->text =
        g_strdup("numgen random mod 2 vmap { 0 : goto to-a, 1 : goto to-b }");
    record->why = g_strdup("the map has a number below 2, drawn at random");
    record->verdict = g_strdup("goto to-a");
    vs_packet_deliver(packet);

    other = explain(&f, "to-B", "", NULL);
    taken = explain(&f, "to-a", "", NULL);
    whole = explain(&f, "vmap { 0", "", NULL);
    CU_ASSERT_STRING_EQUAL(other,
                           "rule 2 of chain service-x, table demo, chose another: goto "
                           "to-a (the map has a number below 2, drawn at random)");
    CU_ASSERT_STRING_EQUAL(
        taken, "it was taken: rule 2 of chain service-x, table demo: goto to-a");
    CU_ASSERT_STRING_EQUAL(whole, taken);
    probe_fixture_clear(&f);
}

static const VsTestCase tests[] = {
    {"a backend that was not chosen", test_a_backend_that_was_not_chosen},
    {"an ingress rule that did not match", test_an_ingress_rule_that_did_not_match},
    {"nothing of that name", test_nothing_of_that_name},
    {"rules that failed and rules never reached",
     test_rules_that_failed_and_rules_never_reached},
    {"a rule of another service", test_a_rule_of_another_service},
    {"rules of a node that no packet came to",
     test_rules_of_a_node_that_no_packet_came_to},
    {"the other element of a map", test_the_other_element_of_a_map},
    {"the same finding is told once", test_the_same_finding_is_told_once},
    {0},
};
VS_TESTS("trace_why")

#include "tests/scenario/toy_scenario.h"
#include "tests/vs_test.h"

/* "n-1 n-2 n-3": the ids of the elements in document order; newly allocated. */
static char *
list_ids(const VsScenario *scenario)
{
    GString *ids = g_string_new(NULL);

    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        const VsElement *element = vs_scenario_element(scenario, i);

        g_assert(element->index == i);
        g_string_append_printf(ids, "%s%s", i ? " " : "",
                               element->id ? element->id : "()");
    }
    return g_string_free(ids, FALSE);
}

static bool
has_ids(const char *body, const char *expected)
{
    g_autoptr(VsScenario) scenario = toy_parse(body);
    g_autofree char *ids = scenario ? list_ids(scenario) : g_strdup("");

    if (strcmp(ids, expected) != 0) {
        printf("\n    %s is not %s", ids, expected);
    }
    return strcmp(ids, expected) == 0;
}

/* Templates. ----------------------------------------------------------------------- */

static void
test_a_template_unfolds_into_numbered_members(void)
{
    CU_ASSERT(has_ids("<host id=\"n\"/>", "n"));
    CU_ASSERT(has_ids("<host id=\"n\" count=\"3\"/>", "n-1 n-2 n-3"));
    CU_ASSERT(has_ids("<host id=\"n\" count=\"1\"/>", "n-1"));
    CU_ASSERT(has_ids("<host id=\"n\" count=\"2\"><box id=\"b\"/><slot/></host>",
                      "n-1 b-1 () n-2 b-2 ()"));
    CU_ASSERT(has_ids("<host id=\"n\" count=\"2\"><box id=\"b\" count=\"2\"/></host>",
                      "n-1 b-1-1 b-1-2 n-2 b-2-1 b-2-2"));
}

static void
test_elements_without_id_are_named_by_their_place(void)
{
    CU_ASSERT(has_ids("<host id=\"n\"><box/><box id=\"b\"/><box count=\"2\"/></host>",
                      "n box:1 b box:3-1 box:3-2"));
}

static void
test_members_know_their_place(void)
{
    g_autoptr(VsScenario) s = toy_parse(
        "<host id=\"n\" count=\"2\"><box id=\"b\" count=\"3\"/></host><hub id=\"h\"/>");
    const VsElement *host, *box;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    host = vs_scenario_find(s, "n-2");
    CU_ASSERT_PTR_NOT_NULL_FATAL(host);
    CU_ASSERT(host->member == 1 && host->n_members == 2);
    CU_ASSERT_EQUAL_FATAL(host->n_children, 3);
    box = host->children[1];
    CU_ASSERT_STRING_EQUAL(box->id, "b-2-2");
    CU_ASSERT_EQUAL(box->parent, host);
    CU_ASSERT(box->member == 4 && box->n_members == 6);
    CU_ASSERT_EQUAL(vs_scenario_find(s, "h")->n_members, 1);
    CU_ASSERT_PTR_NULL(vs_scenario_find(s, "h")->parent);
}

static void
test_a_group_is_found_by_its_own_id(void)
{
    g_autoptr(VsScenario) s =
        toy_parse("<host id=\"n\" count=\"2\"><box id=\"b\" count=\"3\"/></host>");
    const VsElement *const *all;
    unsigned n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_PTR_NULL(vs_scenario_find(s, "n"));
    all = vs_scenario_find_all(s, "n", &n);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    CU_ASSERT_STRING_EQUAL(all[1]->id, "n-2");
    CU_ASSERT_PTR_NOT_NULL(vs_scenario_find_all(s, "b", &n));
    CU_ASSERT_EQUAL(n, 6);
    all = vs_scenario_find_all(s, "b-2", &n);
    CU_ASSERT_EQUAL_FATAL(n, 3);
    CU_ASSERT_STRING_EQUAL(all[0]->id, "b-2-1");
    all = vs_scenario_find_all(s, "b-2-1", &n);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_PTR_NULL(vs_scenario_find_all(s, "c", &n));
    CU_ASSERT_EQUAL(n, 0);
}

static void
test_index_is_the_number_of_the_member(void)
{
    g_autoptr(VsScenario) s = toy_parse(
        "<host id=\"n\" count=\"3\" cores=\"${index}\" labels=\"host=${index}\">"
        "<box id=\"b\" count=\"2\" service-time=\"${index}0ms\"/>"
        "<note text=\"${index} costs $${index}\"/></host>");
    const ToyHost *host;
    const ToyBox *box;
    const ToyNote *note;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    host = vs_scenario_find(s, "n-3")->config;
    CU_ASSERT_EQUAL(host->cores, 3);
    CU_ASSERT_STRING_EQUAL(host->labels.labels[0].value, "3");
    box = vs_scenario_find(s, "b-3-2")->config;
    CU_ASSERT_EQUAL(vs_dist_mean(&box->service_time), 20.0 * VS_MS);
    note = vs_scenario_find(s, "n-3")->children[2]->config;
    CU_ASSERT_STRING_EQUAL(note->text, "3 costs ${index}");
    CU_ASSERT(toy_fails(
        "<host id=\"a\" cores=\"${index}\"/>", VS_SCENARIO_ERROR_REFERENCE,
        "2: cores: ${index} is the number of a template's member, and this is "
        "outside of one (count=\"\")"));
}

static void
test_counts_are_limited(void)
{
    CU_ASSERT(toy_fails("<host id=\"a\" count=\"0\"/>", VS_SCENARIO_ERROR_VALUE,
                        "2: count=\"0\" is below the least, 1"));
    CU_ASSERT(toy_fails("<host id=\"a\" count=\"100001\"/>", VS_SCENARIO_ERROR_VALUE,
                        "2: count=\"100001\" is above the most, 100000"));
    CU_ASSERT(
        toy_fails("<host id=\"a\" count=\"x\"/>", VS_SCENARIO_ERROR_VALUE,
                  "2: count=\"x\" is not a whole number: write it in digits, such as "
                  "100"));
    CU_ASSERT(
        toy_fails("<host id=\"a\" count=\"100000\"><box count=\"100000\"/></host>",
                  VS_SCENARIO_ERROR_VALUE,
                  "2: count=\"100000\" makes more than 4000000 elements of <box>"));
}

/* Ids. ----------------------------------------------------------------------------- */

static void
test_ids_are_unique(void)
{
    CU_ASSERT(toy_fails("<host id=\"a\"/>\n<hub id=\"a\"/>", VS_SCENARIO_ERROR_CONFLICT,
                        "3: the id \"a\" is taken by the host at toy.xml:2"));
    CU_ASSERT(toy_fails("<host id=\"a\" count=\"3\"/>\n<hub id=\"a-2\"/>",
                        VS_SCENARIO_ERROR_CONFLICT,
                        "3: the id \"a-2\" is taken by the host at toy.xml:2"));
    CU_ASSERT(toy_fails("<hub id=\"a-2\"/>\n<host id=\"a\" count=\"3\"/>",
                        VS_SCENARIO_ERROR_CONFLICT,
                        "3: the id \"a-2\" is taken by the hub at toy.xml:2"));
    CU_ASSERT(toy_fails("<host id=\"a\" count=\"3\"/>\n<host id=\"a\" count=\"3\"/>",
                        VS_SCENARIO_ERROR_CONFLICT,
                        "3: the id \"a-1\" is taken by the host at toy.xml:2"));
    CU_ASSERT(toy_fails("<host id=\"a\" count=\"3\"/>\n<hub id=\"a\"/>",
                        VS_SCENARIO_ERROR_CONFLICT,
                        "3: the id \"a\" is taken by the host at toy.xml:2"));
}

static void
test_ids_have_plain_characters(void)
{
    static const char *const bad[] = {"", "a b", "-a", ".a", "a:b", "a/b", "\303\251"};

    CU_ASSERT(has_ids("<hub id=\"a-b_c.D9\"/><hub id=\"9\"/>", "a-b_c.D9 9"));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *body = g_strdup_printf("<hub id=\"%s\"/>", bad[i]);
        g_autofree char *message = g_strdup_printf(
            "2: id=\"%s\" is not an id: write letters, digits, \"-\", \"_\" "
            "and \".\", a letter or digit first",
            bad[i]);

        CU_ASSERT(toy_fails(body, VS_SCENARIO_ERROR_VALUE, message));
    }
}

/* References. ---------------------------------------------------------------------- */

static void
test_references_may_point_forward(void)
{
    g_autoptr(VsScenario) s = toy_parse(
        "<wire id=\"w\" from=\"h\" to=\"a\"/><hub id=\"h\"/><host id=\"a\"/>");
    const ToyWire *wire;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    wire = vs_scenario_find(s, "w")->config;
    CU_ASSERT_EQUAL(wire->from, vs_scenario_find(s, "h"));
    CU_ASSERT_EQUAL(wire->to, vs_scenario_find(s, "a"));
}

static void
test_bad_references_say_what_there_is(void)
{
    CU_ASSERT(toy_fails("<hub id=\"hub1\"/><wire from=\"hub1\" to=\"hub2\"/>",
                        VS_SCENARIO_ERROR_REFERENCE,
                        "2: to=\"hub2\" names nothing; did you mean \"hub1\"?"));
    CU_ASSERT(toy_fails("<hub id=\"a\"/><wire from=\"a\" to=\"router\"/>",
                        VS_SCENARIO_ERROR_REFERENCE,
                        "2: to=\"router\" names nothing; it may name a"));
    CU_ASSERT(toy_fails(
        "<hub id=\"a\"/><host id=\"b\" peer=\"c\"><box id=\"d\"/></host>",
        VS_SCENARIO_ERROR_REFERENCE, "2: peer=\"c\" names nothing; it may name b"));
    CU_ASSERT(
        toy_fails("<wire from=\"a\" to=\"b\"/>", VS_SCENARIO_ERROR_REFERENCE,
                  "2: from=\"a\" names nothing; it must name host or hub, and there is "
                  "none"));
    CU_ASSERT(toy_fails(
        "<host id=\"a\">\n<box id=\"b\"/></host>\n<wire from=\"a\" to=\"b\"/>",
        VS_SCENARIO_ERROR_REFERENCE,
        "4: to=\"b\" names the box at toy.xml:3; it must name host or hub"));
    CU_ASSERT(toy_fails("<host id=\"a\" friends=\"\"/>", VS_SCENARIO_ERROR_VALUE,
                        "2: friends=\"\" names nothing: write ids, or leave it out"));
    CU_ASSERT(toy_fails("<host id=\"a\" friends=\"a a\"/>", VS_SCENARIO_ERROR_CONFLICT,
                        "2: friends=\"a a\" names \"a\" twice"));
    CU_ASSERT(toy_fails(
        "<wire from=\"h\" to=\"h\"/><hub id=\"h\"/><gadget ref=\"wire:1\"/>",
        VS_SCENARIO_ERROR_REFERENCE, "2: ref=\"wire:1\" names nothing; it may name h"));
}

static void
test_lists_name_all_members_in_order(void)
{
    g_autoptr(VsScenario) s =
        toy_parse("<host id=\"x\" friends=\"b n a\"/><host id=\"n\" count=\"2\">"
                  "<box id=\"b\"/></host><host id=\"a\" friends=\"n\"/>");
    static const char *const expected[] = {"b-1", "b-2", "n-1", "n-2", "a"};
    const ToyHost *x, *a;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    x = vs_scenario_find(s, "x")->config;
    CU_ASSERT_EQUAL_FATAL(x->friends.n_elements, 5);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_STRING_EQUAL(x->friends.elements[i]->id, expected[i]);
    }
    a = vs_scenario_find(s, "a")->config;
    CU_ASSERT_EQUAL_FATAL(a->friends.n_elements, 2);
    CU_ASSERT_STRING_EQUAL(a->friends.elements[1]->id, "n-2");
}

static void
test_members_name_members_of_the_same_number(void)
{
    g_autoptr(VsScenario) s =
        toy_parse("<wire id=\"w\" count=\"3\" from=\"n\" to=\"h\"/><hub id=\"h\"/>"
                  "<host id=\"n\" count=\"3\"><box id=\"b\" host=\"n\"/></host>");
    const ToyWire *wire;
    const ToyBox *box;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    wire = vs_scenario_find(s, "w-2")->config;
    CU_ASSERT_EQUAL(wire->from, vs_scenario_find(s, "n-2"));
    CU_ASSERT_EQUAL(wire->to, vs_scenario_find(s, "h"));
    box = vs_scenario_find(s, "b-3")->config;
    CU_ASSERT_EQUAL(box->host, vs_scenario_find(s, "n-3"));

    CU_ASSERT(toy_fails("<host id=\"n\" count=\"2\"/><hub id=\"h\"/><wire from=\"n\" "
                        "to=\"h\"/>",
                        VS_SCENARIO_ERROR_REFERENCE,
                        "2: from=\"n\" names 2 elements: write one of n-1, n-2; or "
                        "count=\"2\", for each to name its own"));
    CU_ASSERT(toy_fails(
        "<host id=\"n\" count=\"9\"/><hub id=\"h\"/><wire count=\"2\" "
        "from=\"n\" to=\"h\"/>",
        VS_SCENARIO_ERROR_REFERENCE,
        "2: from=\"n\" names 9 elements: write one of n-1, n-2, n-3, ... n-9; "
        "or count=\"9\", for each to name its own"));
}

/* Parameters of the scenario. ------------------------------------------------------ */

static void
test_params_replace_and_settings_override(void)
{
    const char *body = "<param name=\"n\" default=\"2\"/>"
                       "<param name=\"cores\" default=\"${n}0\"/>"
                       "<host id=\"n\" count=\"${n}\" cores=\"${cores}\"/>";
    const char *const settings[] = {"n=3", NULL};
    g_autoptr(VsScenario) usual = toy_parse(body);
    g_autoptr(VsScenario) set = toy_parse_with(body, settings);

    CU_ASSERT_FATAL(usual && set);
    CU_ASSERT_EQUAL(vs_scenario_n_elements(usual), 2);
    CU_ASSERT_EQUAL(((ToyHost *)vs_scenario_element(usual, 0)->config)->cores, 20);
    CU_ASSERT_EQUAL(vs_scenario_n_elements(set), 3);
    CU_ASSERT_EQUAL(((ToyHost *)vs_scenario_element(set, 0)->config)->cores, 30);

    CU_ASSERT_EQUAL_FATAL(vs_scenario_n_settings(set), 2);
    CU_ASSERT_STRING_EQUAL(vs_scenario_setting(set, 0)->name, "n");
    CU_ASSERT_STRING_EQUAL(vs_scenario_setting(set, 0)->value, "3");
    CU_ASSERT_TRUE(vs_scenario_setting(set, 0)->is_set);
    CU_ASSERT_STRING_EQUAL(vs_scenario_setting(set, 1)->value, "30");
    CU_ASSERT_FALSE(vs_scenario_setting(set, 1)->is_set);
}

static void
test_the_root_takes_params(void)
{
    const char *text = "<scenario version=\"1\" seed=\"${s}\" until=\"${t}s\" "
                       "name=\"a${s}\" " TOY_XMLNS "><param name=\"s\" default=\"5\"/>"
                       "<param name=\"t\" default=\"3\"/></scenario>";
    g_autoptr(VsScenario) s =
        vs_scenario_parse(text, strlen(text), "toy.xml", &toy_registry, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(vs_scenario_seed(s), 5);
    CU_ASSERT_EQUAL(vs_scenario_until(s), 3 * VS_S);
    CU_ASSERT_STRING_EQUAL(vs_scenario_name(s), "a5");
}

static void
test_params_are_known_used_and_unique(void)
{
    CU_ASSERT(toy_fails("<param name=\"rate\" default=\"1\"/>",
                        VS_SCENARIO_ERROR_NO_EFFECT,
                        "2: param \"rate\" has no effect: no attribute uses ${rate}"));
    CU_ASSERT(toy_fails(
        "<param name=\"rate\" default=\"1\"/><host id=\"a\" "
        "cores=\"${rat}\"/>",
        VS_SCENARIO_ERROR_REFERENCE,
        "2: cores: the scenario has no param \"rat\"; did you mean \"rate\"?"));
    CU_ASSERT(toy_fails("<host id=\"a\" cores=\"${rat}\"/>",
                        VS_SCENARIO_ERROR_REFERENCE,
                        "2: cores: the scenario has no param \"rat\"; it has none"));
    CU_ASSERT(toy_fails(
        "<param name=\"a\" default=\"1\"/>\n<param name=\"a\" default=\"1\"/>",
        VS_SCENARIO_ERROR_CONFLICT, "3: param \"a\" exists already, at toy.xml:2"));
    CU_ASSERT(toy_fails(
        "<param name=\"a b\" default=\"1\"/>", VS_SCENARIO_ERROR_VALUE,
        "2: name=\"a b\" is not a name: write letters, digits, \"-\", \"_\" and "
        "\".\""));
    CU_ASSERT(
        toy_fails("<param name=\"index\" default=\"1\"/>", VS_SCENARIO_ERROR_CONFLICT,
                  "2: name=\"index\" is taken: ${index} is the number of a template's "
                  "member"));
    CU_ASSERT(toy_fails("<param name=\"a\"/>", VS_SCENARIO_ERROR_ATTRIBUTE,
                        "2: <param> lacks its default: write <param name=\"rate\" "
                        "default=\"1000/s\"/>"));
    CU_ASSERT(toy_fails(
        "<host id=\"a\" cores=\"${x\"/>", VS_SCENARIO_ERROR_VALUE,
        "2: cores=\"${x\" lacks the } of its ${: write $${ for the characters "
        "themselves"));
}

static void
test_errors_show_where_a_value_came_from(void)
{
    CU_ASSERT(
        toy_fails("<param name=\"n\" default=\"600\"/><host id=\"a\" cores=\"${n}\"/>",
                  VS_SCENARIO_ERROR_VALUE,
                  "2: cores=\"600\" is above the most, 256 (from cores=\"${n}\")"));
}

/* A value of values of values: the laugh of a billion, without entities. */
static void
test_values_do_not_explode(void)
{
    g_autoptr(GString) body =
        g_string_new("<param name=\"p0\" default=\"0123456789\"/>");

    for (int i = 1; i < 30; i++) {
        g_string_append_printf(body, "<param name=\"p%d\" default=\"${p%d}${p%d}\"/>",
                               i, i - 1, i - 1);
    }
    CU_ASSERT(toy_fails(body->str, VS_SCENARIO_ERROR_VALUE,
                        "2: default grows beyond 64 KiB with its parameters replaced"));
}

static void
test_settings_must_fit_a_param(void)
{
    g_autofree char *text = toy_text(
        "<param name=\"rate\" default=\"1\"/><host id=\"a\" cores=\"${rate}\"/>");
    const char *const unknown[] = {"rats=3", NULL};
    const char *const far[] = {"x=3", NULL};
    const char *const bare[] = {"rate", NULL};
    const char *const twice[] = {"rate=1", "rate=2", NULL};
    const char *const bad[] = {"rate=\377", NULL};

    CU_ASSERT(
        toy_text_fails(text, unknown, VS_SCENARIO_ERROR_REFERENCE,
                       "1: setting \"rats=3\": the scenario has no param \"rats\"; did "
                       "you mean \"rate\"?"));
    CU_ASSERT(
        toy_text_fails(text, far, VS_SCENARIO_ERROR_REFERENCE,
                       "1: setting \"x=3\": the scenario has no param \"x\"; it has "
                       "rate"));
    CU_ASSERT(toy_text_fails(text, bare, VS_SCENARIO_ERROR_VALUE,
                             "1: setting \"rate\" has no value: write rate=VALUE"));
    CU_ASSERT(
        toy_text_fails(text, twice, VS_SCENARIO_ERROR_NO_EFFECT,
                       "1: setting \"rate=2\" comes after another of \"rate\": give it "
                       "once"));
    CU_ASSERT(toy_text_fails(text, bad, VS_SCENARIO_ERROR_VALUE,
                             "1: a setting is not text in UTF-8"));
}

/* What is given. ------------------------------------------------------------------- */

static void
test_given_attributes_differ_from_defaults(void)
{
    g_autoptr(VsScenario) s = toy_parse("<host id=\"a\" cores=\"1\"/><host id=\"b\"/>");
    const VsElement *a, *b;
    g_autofree char *description = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    a = vs_scenario_find(s, "a");
    b = vs_scenario_find(s, "b");
    CU_ASSERT_TRUE(vs_element_has(a, "cores"));
    CU_ASSERT_FALSE(vs_element_has(a, "labels"));
    CU_ASSERT_FALSE(vs_element_has(a, "nonsense"));
    CU_ASSERT_FALSE(vs_element_has(b, "cores"));
    CU_ASSERT_EQUAL(((ToyHost *)b->config)->cores, 1);
    description = vs_element_describe(a);
    CU_ASSERT_STRING_EQUAL(description, "host \"a\"");
}

/* The hash. ------------------------------------------------------------------------ */

static bool
same_hash(const char *a, const char *b)
{
    g_autoptr(VsScenario) first = toy_parse(a);
    g_autoptr(VsScenario) second = toy_parse(b);

    g_assert(first && second && strlen(vs_scenario_hash(first)) == 64);
    return strcmp(vs_scenario_hash(first), vs_scenario_hash(second)) == 0;
}

static void
test_the_hash_is_of_the_meaning(void)
{
    const char *body =
        "<host id=\"a\" cores=\"2\" labels=\"x=1 y=2\"/><host id=\"b\"/>";

    CU_ASSERT(same_hash(body,
                        "<!-- The same. -->\n<host labels=\"y=2  x=1\" cores=\"2\" "
                        "id=\"a\"></host>\n\n<host cores=\"1\" id=\"b\"/>"));
    CU_ASSERT(same_hash(body, "<param name=\"n\" default=\"2\"/><host id=\"a\" "
                              "cores=\"${n}\" labels=\"x=1 y=2\"/><host id=\"b\"/>"));
    CU_ASSERT(!same_hash(body, "<host id=\"a\" cores=\"3\" labels=\"x=1 y=2\"/>"
                               "<host id=\"b\"/>"));
    CU_ASSERT(!same_hash(body,
                         "<host id=\"b\"/><host id=\"a\" cores=\"2\" labels=\"x=1 "
                         "y=2\"/>"));
    CU_ASSERT(!same_hash(body, "<host id=\"a\" cores=\"2\" labels=\"x=1 y=2\"/>"
                               "<host id=\"c\"/>"));
}

static void
test_the_hash_covers_long_lists(void)
{
    const char *all = "<host id=\"x\" friends=\"n\"/><host id=\"n\" count=\"20\"/>";
    const char *most =
        "<host id=\"x\" friends=\"n-1 n-2 n-3 n-4 n-5 n-6 n-7 n-8 n-9\"/>"
        "<host id=\"n\" count=\"20\"/>";
    const char *other =
        "<host id=\"x\" friends=\"n-1 n-2 n-3 n-4 n-5 n-6 n-7 n-8 n-10\"/>"
        "<host id=\"n\" count=\"20\"/>";

    CU_ASSERT(same_hash(all, all));
    CU_ASSERT(!same_hash(all, most));
    CU_ASSERT(!same_hash(most, other));
}

/* 5000 hosts of 30 boxes, each naming all of them, in a time without a square in it. */
static void
test_large_templates_load_quickly(void)
{
    const char *body =
        "<host id=\"n\" count=\"5000\" friends=\"n b\">"
        "<box id=\"b\" count=\"30\" service-time=\"exponential(2ms)\"/></host>"
        "<wire count=\"5000\" from=\"n\" to=\"h\"/><hub id=\"h\"/>";
    gint64 start = g_get_monotonic_time();
    g_autoptr(VsScenario) s = toy_parse(body);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(vs_scenario_n_elements(s), 5000 + 150000 + 5000 + 1);
    /* Half a second on a small machine; a square would take minutes. */
    CU_ASSERT(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
}

static const VsTestCase tests[] = {
    {"a template unfolds into numbered members",
     test_a_template_unfolds_into_numbered_members},
    {"elements without id are named by their place",
     test_elements_without_id_are_named_by_their_place},
    {"members know their place", test_members_know_their_place},
    {"a group is found by its own id", test_a_group_is_found_by_its_own_id},
    {"index is the number of the member", test_index_is_the_number_of_the_member},
    {"counts are limited", test_counts_are_limited},
    {"ids are unique", test_ids_are_unique},
    {"ids have plain characters", test_ids_have_plain_characters},
    {"references may point forward", test_references_may_point_forward},
    {"bad references say what there is", test_bad_references_say_what_there_is},
    {"lists name all members in order", test_lists_name_all_members_in_order},
    {"members name members of the same number",
     test_members_name_members_of_the_same_number},
    {"params replace and settings override", test_params_replace_and_settings_override},
    {"the root takes params", test_the_root_takes_params},
    {"params are known, used and unique", test_params_are_known_used_and_unique},
    {"errors show where a value came from", test_errors_show_where_a_value_came_from},
    {"values do not explode", test_values_do_not_explode},
    {"settings must fit a param", test_settings_must_fit_a_param},
    {"given attributes differ from defaults",
     test_given_attributes_differ_from_defaults},
    {"the hash is of the meaning", test_the_hash_is_of_the_meaning},
    {"the hash covers long lists", test_the_hash_covers_long_lists},
    {"large templates load quickly", test_large_templates_load_quickly},
    {0}};
VS_TESTS("expand")

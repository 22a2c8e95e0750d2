#include "models/fixture.h"
#include "models/ingress/ingress.h"

enum { MAX_RULES = 16, MAX_ELEMENTS = 16 };

/* What the scenario of a test says, once more. */
typedef struct Rule {
    const char *host; /* NULL: any. */
    const char *path;
    bool is_exact;
} Rule;

typedef struct Table {
    Model *model;
    IngressRules *rules;
} Table;

/* An ingress with one <rule> for each of 'rules', the n-th to service "s<n>". */
static Table
table_new(const Rule *rules, unsigned n_rules, bool has_default)
{
    g_autoptr(GString) xml = g_string_new("<node id='n1'><pod id='p'><ingress id='i'");
    Table table;

    g_string_append_printf(xml, "%s>",
                           has_default ? " default-service='fallback'" : "");
    for (unsigned i = 0; i < n_rules; i++) {
        g_autofree char *host =
            rules[i].host ? g_strdup_printf(" host='%s'", rules[i].host) : g_strdup("");

        g_string_append_printf(
            xml, "<rule%s><path path='%s' type='%s' service='s%u'/></rule>", host,
            rules[i].path, rules[i].is_exact ? "Exact" : "Prefix", i);
    }
    g_string_append(xml,
                    "</ingress></pod></node><service id='fallback' select='a=b'/>");
    for (unsigned i = 0; i < n_rules; i++) {
        g_string_append_printf(xml, "<service id='s%u' select='a=b'/>", i);
    }
    table.model = model_new("%s", xml->str);
    for (unsigned i = 0;; i++) {
        const VsElement *element = vs_scenario_element(table.model->scenario, i);

        if (strcmp(element->model->element, "ingress") == 0) {
            table.rules = ingress_rules_new(element, (VsBuild *)table.model->build);
            return table;
        }
    }
}

static void
table_free(Table *table)
{
    ingress_rules_free(table->rules);
    model_free(table->model);
}

/* "s3", "fallback" or "404". */
static const char *
find(Table *table, const char *host, const char *path)
{
    VsNames *names = &table->model->run->packets->names;
    const VsService *service = ingress_rules_find(
        table->rules, vs_names_intern(names, host), vs_names_intern(names, path));

    return service ? service->name : "404";
}

/* The twin, slow and plain: lists of words compared word by word. */

typedef struct Words {
    char **words;
    unsigned n;
} Words;

static Words
elements_of(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    GPtrArray *words = g_ptr_array_new();

    /* Nothing stands before the first slash, and nothing may stand after the last. */
    for (unsigned i = 1; parts[i]; i++) {
        if (parts[i][0] != '\0' || parts[i + 1]) {
            g_ptr_array_add(words, g_strdup(parts[i]));
        }
    }
    g_ptr_array_add(words, NULL);
    return (Words){(char **)words->pdata, words->len - 1};
}

static bool
twin_path_matches(const Rule *rule, const char *path)
{
    Words have = elements_of(path);
    Words want = elements_of(rule->path);
    bool matches = have.n >= want.n;

    for (unsigned i = 0; i < want.n && matches; i++) {
        matches = strcmp(have.words[i], want.words[i]) == 0;
    }
    if (rule->is_exact) {
        matches = strcmp(rule->path, path) == 0;
    }
    g_strfreev(have.words);
    g_strfreev(want.words);
    return matches;
}

static unsigned
twin_path_rank(const Rule *rule)
{
    Words words = elements_of(rule->path);
    unsigned rank = 2 * words.n + rule->is_exact; /* Longest, then Exact. */

    g_strfreev(words.words);
    return rank;
}

/* 0: no; 1: the rule is for any host; 2: by its wildcard; 3: by its name. */
static unsigned
twin_host_match(const Rule *rule, const char *host)
{
    g_autofree char *lower = g_ascii_strdown(host, -1);
    g_auto(GStrv) have = g_strsplit(lower, ".", -1);
    g_auto(GStrv) want = NULL;
    g_autofree char *pattern = NULL;

    if (!rule->host) {
        return 1;
    }
    pattern = g_ascii_strdown(rule->host, -1);
    want = g_strsplit(pattern, ".", -1);
    if (g_strv_length(have) != g_strv_length(want)) {
        return 0;
    }
    for (unsigned i = 0; want[i]; i++) {
        bool is_star = i == 0 && strcmp(want[i], "*") == 0;

        if (is_star ? have[i][0] == '\0' : strcmp(have[i], want[i]) != 0) {
            return 0;
        }
    }
    return strcmp(want[0], "*") == 0 ? 2 : 3;
}

static char *
twin_find(const Rule *rules, unsigned n_rules, bool has_default, const char *host,
          const char *url)
{
    g_auto(GStrv) parts = g_strsplit(url, "?", 2);
    const char *path = parts[0];
    unsigned host_class = 0;
    int best = -1;

    for (unsigned i = 0; i < n_rules; i++) {
        host_class = MAX(host_class, twin_host_match(&rules[i], host));
    }
    for (unsigned i = 0; i < n_rules && host_class > 0; i++) {
        if (twin_host_match(&rules[i], host) == host_class &&
            twin_path_matches(&rules[i], path) &&
            (best < 0 || twin_path_rank(&rules[i]) > twin_path_rank(&rules[best]))) {
            best = (int)i;
        }
    }
    if (best < 0) {
        return g_strdup(has_default ? "fallback" : "404");
    }
    return g_strdup_printf("s%d", best);
}

/* The table of kubernetes.io/docs/concepts/services-networking/ingress, "Examples". */
static void
test_examples_of_the_documentation(void)
{
    static const struct {
        bool is_exact;
        const char *pattern;
        const char *path;
        bool matches;
    } examples[] = {
        {false, "/", "/anything", true},
        {false, "/", "/", true},
        {true, "/foo", "/foo", true},
        {true, "/foo", "/bar", false},
        {true, "/foo", "/foo/", false},
        {true, "/foo/", "/foo", false},
        {false, "/foo", "/foo", true},
        {false, "/foo", "/foo/", true},
        {false, "/foo/", "/foo", true},
        {false, "/foo/", "/foo/", true},
        {false, "/aaa/bb", "/aaa/bbb", false},
        {false, "/aaa/bbb", "/aaa/bbb", true},
        {false, "/aaa/bbb/", "/aaa/bbb", true},
        {false, "/aaa/bbb", "/aaa/bbb/", true},
        {false, "/aaa/bbb", "/aaa/bbb/ccc", true},
        {false, "/aaa/bbb", "/aaa/bbbxyz", false},
        {false, "/aaa", "/ccc", false},
        /* Not in the table, but said in the text: case counts. */
        {true, "/Foo", "/foo", false},
        {false, "/Foo", "/foo", false},
        /* A query is no part of the path. */
        {true, "/foo", "/foo?x=/y", true},
        {false, "/foo", "/foo?x", true},
        {false, "/foo/bar", "/foo?/bar", false},
        {false, "/foo", "/?/foo", false},
        {true, "/", "/?", true},
        {false, "/foo", "/fo", false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
        CU_ASSERT_EQUAL(ingress_path_matches(examples[i].pattern, examples[i].is_exact,
                                             examples[i].path),
                        examples[i].matches);
    }
}

static void
test_host_patterns(void)
{
    static const struct {
        const char *pattern;
        const char *host;
        bool matches;
    } examples[] = {
        {"*.foo.com", "bar.foo.com", true}, {"*.foo.com", "baz.bar.foo.com", false},
        {"*.foo.com", "foo.com", false},    {"*.foo.com", ".foo.com", false},
        {"*.foo.com", "BAR.Foo.Com", true}, {"*.foo.com", "bar.foo.org", false},
        {"foo.com", "foo.com", true},       {"foo.com", "FOO.com", true},
        {"Foo.Com", "foo.com", true},       {"foo.com", "bar.foo.com", false},
        {"foo.com", "foo.co", false},       {"foo.com", "xfoo.com", false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
        CU_ASSERT_EQUAL(ingress_host_matches(examples[i].pattern, examples[i].host),
                        examples[i].matches);
    }
}

static void
assert_finds(const Rule *rules, unsigned n_rules, const char *host, const char *path,
             const char *expected)
{
    Table table = table_new(rules, n_rules, false);

    CU_ASSERT_STRING_EQUAL(find(&table, host, path), expected);
    table_free(&table);
}

static void
test_longest_path_wins(void)
{
    static const Rule rules[] = {
        {NULL, "/", false}, {NULL, "/aaa", false}, {NULL, "/aaa/bbb", false}};

    assert_finds(rules, 3, "x", "/aaa/bbb", "s2");
    assert_finds(rules, 3, "x", "/aaa/bbb/c", "s2");
    assert_finds(rules, 3, "x", "/aaa/ccc", "s1");
    assert_finds(rules, 3, "x", "/aaab", "s0");
    assert_finds(rules, 3, "x", "/ccc", "s0");
    assert_finds(rules + 1, 2, "x", "/ccc", "404");
}

static void
test_exact_beats_prefix(void)
{
    static const Rule rules[] = {{NULL, "/foo", false}, {NULL, "/foo", true}};
    static const Rule slash[] = {{NULL, "/foo/", false}, {NULL, "/foo", true}};

    assert_finds(rules, 2, "x", "/foo", "s1");
    assert_finds(rules, 2, "x", "/foo?q=1", "s1");
    assert_finds(rules, 2, "x", "/foo/", "s0");
    assert_finds(rules, 2, "x", "/foo/bar", "s0");
    /* The slash at the end of a prefix is ignored, so it is not the longer path. */
    assert_finds(slash, 2, "x", "/foo", "s1");
    assert_finds(slash, 2, "x", "/foo/", "s0");
}

static void
test_more_specific_host_wins(void)
{
    static const Rule rules[] = {
        {NULL, "/", false}, {"*.foo.com", "/", false}, {"bar.foo.com", "/", false}};

    assert_finds(rules, 3, "bar.foo.com", "/", "s2");
    assert_finds(rules, 3, "BAR.foo.com", "/", "s2");
    assert_finds(rules, 3, "baz.foo.com", "/", "s1");
    assert_finds(rules, 3, "a.baz.foo.com", "/", "s0");
    assert_finds(rules, 3, "foo.com", "/", "s0");
    assert_finds(rules + 1, 2, "foo.com", "/", "404");
}

/* Hosts are servers of their own: a path that one does not have is not looked for in a
 * less specific one. */
static void
test_paths_of_other_hosts_do_not_count(void)
{
    static const Rule rules[] = {{NULL, "/a/b", false},
                                 {"*.foo.com", "/a", false},
                                 {"bar.foo.com", "/b", false}};

    assert_finds(rules, 3, "bar.foo.com", "/a/b", "404");
    assert_finds(rules, 3, "baz.foo.com", "/a/b", "s1");
    assert_finds(rules, 3, "x", "/a/b", "s0");
}

static void
test_default_service_takes_what_is_left(void)
{
    static const Rule rules[] = {{"foo.com", "/a", false}};
    Table with = table_new(rules, 1, true);
    Table without = table_new(rules, 1, false);

    CU_ASSERT_STRING_EQUAL(find(&with, "foo.com", "/a"), "s0");
    CU_ASSERT_STRING_EQUAL(find(&with, "foo.com", "/b"), "fallback");
    CU_ASSERT_STRING_EQUAL(find(&with, "bar.com", "/a"), "fallback");
    CU_ASSERT_STRING_EQUAL(find(&without, "foo.com", "/b"), "404");
    CU_ASSERT_STRING_EQUAL(find(&without, "bar.com", "/a"), "404");
    table_free(&with);
    table_free(&without);
}

static void
test_answers_do_not_depend_on_the_question_before(void)
{
    static const Rule rules[] = {{"foo.com", "/a", false}, {NULL, "/", false}};
    Table table = table_new(rules, 2, false);

    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_STRING_EQUAL(find(&table, "foo.com", "/a"), "s0");
        CU_ASSERT_STRING_EQUAL(find(&table, "foo.com", "/"), "404");
        CU_ASSERT_STRING_EQUAL(find(&table, "bar.com", "/a"), "s1");
    }
    table_free(&table);
}

/* Generated: few words, so that they meet. */

static const char *
any_of(const char *const *words, unsigned n_words, VsRng *rng)
{
    return words[vs_rng_below(rng, n_words)];
}

static char *
random_path(VsRng *rng, bool is_request)
{
    static const char *const words[] = {"a", "b", "ab", "A"};
    unsigned n = (unsigned)vs_rng_below(rng, 4);
    GString *path = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_c(path, '/');
        g_string_append(path, any_of(words, G_N_ELEMENTS(words), rng));
    }
    if (n == 0 || vs_rng_below(rng, 4) == 0) {
        g_string_append_c(path, '/');
    }
    if (is_request && vs_rng_below(rng, 5) == 0) {
        g_string_append(path, "?next=/a/b");
    }
    return g_string_free(path, FALSE);
}

static void
test_random_tables_agree_with_the_twin(void)
{
    enum { N_TABLES = 60, N_REQUESTS = 50 };
    static const char *const patterns[] = {NULL,         "foo.com",     "a.foo.com",
                                           "*.foo.com",  "*.a.foo.com", "Bar.com",
                                           "b.a.foo.com"};
    static const char *const hosts[] = {"foo.com",     "FOO.com",       "a.foo.com",
                                        "A.Foo.Com",   "b.foo.com",     "b.a.foo.com",
                                        "c.a.foo.com", "d.c.a.foo.com", "bar.com",
                                        "x.bar.com",   "foo.org"};
    unsigned n_found = 0;
    VsRng rng;

    vs_rng_init(&rng, 11, "ingress", "rules");
    for (unsigned t = 0; t < N_TABLES; t++) {
        unsigned n_rules = 1 + (unsigned)vs_rng_below(&rng, MAX_RULES);
        bool has_default = vs_rng_below(&rng, 2) == 0;
        Rule rules[MAX_RULES];
        Table table;

        for (unsigned i = 0; i < n_rules; i++) {
            rules[i] = (Rule){any_of(patterns, G_N_ELEMENTS(patterns), &rng),
                              random_path(&rng, false), vs_rng_below(&rng, 3) == 0};
        }
        table = table_new(rules, n_rules, has_default);
        for (unsigned i = 0; i < N_REQUESTS; i++) {
            const char *host = any_of(hosts, G_N_ELEMENTS(hosts), &rng);
            g_autofree char *path = random_path(&rng, true);
            g_autofree char *expected =
                twin_find(rules, n_rules, has_default, host, path);
            const char *found = find(&table, host, path);

            CU_ASSERT_STRING_EQUAL(found, expected);
            if (strcmp(found, expected) != 0) {
                fprintf(stderr, "table %u: http://%s%s to %s, not %s\n", t, host, path,
                        found, expected);
            }
            n_found += expected[0] == 's';
        }
        table_free(&table);
        for (unsigned i = 0; i < n_rules; i++) {
            g_free((char *)rules[i].path);
        }
    }
    /* The cases are not all misses. */
    CU_ASSERT(n_found > N_TABLES * N_REQUESTS / 4);
}

static void
test_wrong_rules_are_refused(void)
{
    g_autofree char *no_slash =
        model_error("<node id='n'><pod id='p'><ingress id='i'><rule><path path='foo' "
                    "service='s'/></rule>"
                    "</ingress></pod></node><service id='s' select='a=b'/>");
    g_autofree char *no_path = model_error(
        "<node id='n'><pod id='p'><ingress id='i'><rule/></ingress></pod></node>");
    g_autofree char *no_rule =
        model_error("<node id='n'><pod id='p'><ingress id='i'/></pod></node>");
    g_autofree char *no_service = model_error(
        "<node id='n'><pod id='p'><ingress id='i'><rule><path service='s'/></rule>"
        "</ingress></pod></node>");

    CU_ASSERT_PTR_NOT_NULL(strstr(no_slash, "write \"/foo\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(no_path, "a rule without <path>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(no_rule, "answers 404 to all"));
    CU_ASSERT_PTR_NOT_NULL(strstr(no_service, "\"s\""));
}

static const VsTestCase tests[] = {
    {"paths match as in Kubernetes' documentation", test_examples_of_the_documentation},
    {"a wildcard host stands for exactly one label, case does not count",
     test_host_patterns},
    {"the longest path wins", test_longest_path_wins},
    {"Exact beats Prefix of the same path", test_exact_beats_prefix},
    {"an exact host beats a wildcard, which beats any", test_more_specific_host_wins},
    {"paths of less specific hosts do not count",
     test_paths_of_other_hosts_do_not_count},
    {"the default service takes what no rule does, else 404",
     test_default_service_takes_what_is_left},
    {"an answer does not depend on those before",
     test_answers_do_not_depend_on_the_question_before},
    {"3000 generated requests agree with a twin",
     test_random_tables_agree_with_the_twin},
    {"rules that cannot be are refused", test_wrong_rules_are_refused},
    {0},
};

VS_TESTS("ingress rules")

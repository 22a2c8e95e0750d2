#include "base/host_path.h"

#include <glib.h>

#include "base/hash.h"
#include "vs_test.h"

/* ---- The slow twin: all rules are looked at, by their texts. ---- */

typedef struct Rule {
    const char *host;
    const char *path;
    bool is_exact;
    uint32_t value;
} Rule;

static size_t
trimmed_length(const char *path)
{
    size_t length = strlen(path);

    return length > 0 && path[length - 1] == '/' ? length - 1 : length;
}

static bool
twin_host_matches(const char *pattern, const char *host)
{
    const char *dot = strchr(host, '.');

    return !pattern ||
           (pattern[0] == '*' ? dot && g_ascii_strcasecmp(pattern + 1, dot) == 0
                              : g_ascii_strcasecmp(pattern, host) == 0);
}

static bool
twin_path_matches(const Rule *rule, const char *path)
{
    size_t length = trimmed_length(rule->path);

    if (rule->is_exact) {
        return strcmp(rule->path, path) == 0;
    }
    return strncmp(rule->path, path, length) == 0 &&
           (path[length] == '\0' || path[length] == '/');
}

static int
twin_host_rank(const Rule *rule)
{
    return !rule->host ? 0 : rule->host[0] == '*' ? 1 : 2;
}

static size_t
twin_path_rank(const Rule *rule)
{
    return rule->is_exact ? 2 * strlen(rule->path) + 1 : 2 * trimmed_length(rule->path);
}

static uint32_t
twin_find(const GArray *rules, const char *host, const char *path)
{
    const Rule *best = NULL;
    int best_host = -1;

    for (guint i = 0; i < rules->len; i++) {
        const Rule *rule = &g_array_index(rules, Rule, i);

        if (twin_host_matches(rule->host, host)) {
            best_host = MAX(best_host, twin_host_rank(rule));
        }
    }
    for (guint i = 0; i < rules->len; i++) {
        const Rule *rule = &g_array_index(rules, Rule, i);

        if (twin_host_rank(rule) == best_host && twin_host_matches(rule->host, host) &&
            twin_path_matches(rule, path) &&
            (!best || twin_path_rank(rule) > twin_path_rank(best))) {
            best = rule;
        }
    }
    return best ? best->value : VS_HOST_PATH_NONE;
}

/* ---- Tests ---- */

static uint32_t
find(const VsHostPath *table, const char *host, const char *path)
{
    return vs_host_path_find(table, vs_host_path_resolve_host(table, host),
                             vs_host_path_resolve_path(table, path));
}

static void
test_the_best_host_then_the_longest_path_wins(void)
{
    VsHostPath table;

    vs_host_path_init(&table);
    CU_ASSERT_EQUAL(find(&table, "a.example.com", "/"), VS_HOST_PATH_NONE);
    CU_ASSERT_TRUE(vs_host_path_add(&table, "foo.bar.com", "/", false, 1));
    CU_ASSERT_TRUE(vs_host_path_add(&table, "foo.bar.com", "/aaa/bbb", false, 2));
    CU_ASSERT_TRUE(vs_host_path_add(&table, "foo.bar.com", "/aaa/bbb", true, 3));
    CU_ASSERT_TRUE(vs_host_path_add(&table, "*.bar.com", "/aaa/bbb/ccc", false, 4));
    CU_ASSERT_EQUAL(find(&table, "x.com", "/aaa"), VS_HOST_PATH_NONE);
    CU_ASSERT_TRUE(vs_host_path_add(&table, NULL, "/aaa", false, 5));
    CU_ASSERT_FALSE(vs_host_path_add(&table, "FOO.bar.com", "/aaa/bbb/", false, 6));

    CU_ASSERT_EQUAL(find(&table, "foo.bar.com", "/zzz?q=/aaa/bbb"), 1);
    CU_ASSERT_EQUAL(find(&table, "foo.bar.com", "/aaa/bbb/ccc"), 2);
    CU_ASSERT_EQUAL(find(&table, "Foo.Bar.Com", "/aaa/bbb/"), 2);
    CU_ASSERT_EQUAL(find(&table, "foo.bar.com", "/aaa/bbb?x"), 3);
    CU_ASSERT_EQUAL(find(&table, "foo.bar.com", "/aaa/bbbxyz"), 1);
    CU_ASSERT_EQUAL(find(&table, "foo.bar.com", "/AAA/bbb"), 1);
    CU_ASSERT_EQUAL(find(&table, "any.BAR.com", "/aaa/bbb/ccc"), 4);
    CU_ASSERT_EQUAL(find(&table, "any.bar.com", "/aaa/bbb"), VS_HOST_PATH_NONE);
    CU_ASSERT_EQUAL(find(&table, "baz.foo.bar.com", "/aaa/bbb/ccc"), 5);
    CU_ASSERT_EQUAL(find(&table, "bar.com", "/aaa/"), 5);
    CU_ASSERT_EQUAL(find(&table, "bar.com", "/aaaa"), VS_HOST_PATH_NONE);
    vs_host_path_clear(&table);
}

/* The examples of Kubernetes' documentation (Ingress, "Examples"): kind, path of the rule,
 * path of the request, whether they match. */
static void
test_paths_match_as_kubernetes_documents(void)
{
    static const struct {
        bool is_exact;
        const char *rule, *request;
        bool is_match;
    } examples[] = {
        {false, "/", "/any/path", true},
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
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
        VsHostPath table;

        vs_host_path_init(&table);
        vs_host_path_add(&table, "h", examples[i].rule, examples[i].is_exact, 1);
        CU_ASSERT_EQUAL(find(&table, "h", examples[i].request) == 1,
                        examples[i].is_match);
        vs_host_path_clear(&table);
    }
}

static void
test_very_deep_paths_are_told_apart(void)
{
    g_autoptr(GString) path = g_string_new(NULL);
    VsHostPath table;

    vs_host_path_init(&table);
    for (uint32_t depth = 1; depth <= 100; depth++) {
        g_string_append(path, "/a");
        vs_host_path_add(&table, "h", path->str, false, depth);
    }
    for (uint32_t depth = 100; depth >= 1; depth--) {
        CU_ASSERT_EQUAL(find(&table, "h", path->str), depth);
        g_string_truncate(path, path->len - 2);
    }
    vs_host_path_clear(&table);
}

static char *
random_path(uint64_t random)
{
    static const char *const elements[] = {"a", "b", "images", "a-much-longer-element"};
    GString *path = g_string_new(NULL);
    unsigned depth = random % 5;

    for (unsigned d = 0; d < depth; d++) {
        random >>= 5;
        g_string_append_printf(path, "/%s", elements[random % 4]);
    }
    if (depth == 0 || (random >> 5) % 4 == 0) {
        g_string_append_c(path, '/');
    }
    return g_string_free(path, FALSE);
}

static char *
random_host(uint64_t random)
{
    static const char *const labels[] = {"shop", "a", "WWW", "x-1"};
    static const char *const domains[] = {"example.com", "test", "b.example.org",
                                          "A.test"};

    return g_strdup_printf("%s.%s", labels[random % 4], domains[random / 4 % 4]);
}

static void
fill_at_random(VsHostPath *table, GArray *rules, GStringChunk *texts, uint64_t seed)
{
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t random = vs_mix64(seed << 32 | i);
        g_autofree char *host = random_host(random >> 40);
        g_autofree char *path = random_path(random);
        Rule rule = {NULL, g_string_chunk_insert(texts, path), random >> 32 & 1,
                     (uint32_t)i};

        if ((random >> 33) % 3 == 1) { /* The first label becomes any. */
            g_autofree char *wildcard = g_strconcat("*", strchr(host, '.'), NULL);

            rule.host = g_string_chunk_insert(texts, wildcard);
        } else if ((random >> 33) % 3 == 2) {
            rule.host = g_string_chunk_insert(texts, host);
        }
        if (vs_host_path_add(table, rule.host, rule.path, rule.is_exact, rule.value)) {
            g_array_append_val(rules, rule);
        }
    }
}

static void
test_a_million_matches_agree_with_a_search_through_all_rules(void)
{
    enum { N_TABLES = 10, N_TEXTS = 200, N_MATCHES = 100000 };
    unsigned n_failures = 0, n_found = 0;

    for (uint64_t seed = 0; seed < N_TABLES; seed++) {
        g_autoptr(GArray) rules = g_array_new(FALSE, FALSE, sizeof(Rule));
        GStringChunk *texts = g_string_chunk_new(1024);
        g_autofree uint32_t *expected = g_new(uint32_t, N_TEXTS * N_TEXTS);
        uint32_t hosts[N_TEXTS], paths[N_TEXTS];
        VsHostPath table;

        vs_host_path_init(&table);
        fill_at_random(&table, rules, texts, seed);
        for (unsigned i = 0; i < N_TEXTS; i++) {
            g_autofree char *path = random_path(vs_mix64(seed + i));

            paths[i] = vs_host_path_resolve_path(&table, path);
            for (unsigned k = 0; k < N_TEXTS; k++) {
                g_autofree char *host = random_host(vs_mix64(k * 7 + seed) >> 20);

                hosts[k] = vs_host_path_resolve_host(&table, host);
                expected[i * N_TEXTS + k] =
                    (k + i) % 5 == 0 ? twin_find(rules, host, path) : 0;
            }
        }
        for (unsigned m = 0; m < N_MATCHES; m++) {
            uint64_t random = vs_mix64(m) >> 8;
            unsigned i = random % N_TEXTS;
            unsigned k =
                (unsigned)(random / N_TEXTS % (N_TEXTS / 5) * 5 + 5 - i % 5) % N_TEXTS;
            uint32_t value = vs_host_path_find(&table, hosts[k], paths[i]), bulk;

            vs_host_path_find_bulk(&table, &hosts[k], &paths[i], 1, &bulk);
            n_failures += value != expected[i * N_TEXTS + k] || bulk != value;
            n_found += value != VS_HOST_PATH_NONE;
        }
        g_string_chunk_free(texts);
        vs_host_path_clear(&table);
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT(n_found > N_TABLES * N_MATCHES / 4);
}

/* Rules of up to 'depth' elements, and requests that leave them at every point, of lengths
 * around the eight letters that are hashed at a time. */
static void
check_texts_in_bulk(uint64_t seed, unsigned depth, bool has_exact)
{
    enum { N_REQUESTS = 150 };
    GArray *rules = g_array_new(FALSE, FALSE, sizeof(Rule));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    const char *hosts[N_REQUESTS], *paths[N_REQUESTS];
    uint32_t values[N_REQUESTS];
    unsigned n_failures = 0, n_found = 0;
    VsHostPath table;

    vs_host_path_init(&table);
    for (uint64_t i = 0; i < 80; i++) {
        uint64_t random = vs_mix64(seed << 32 | i);
        char *host = g_strdup_printf("%.*s.test", (int)(random % 3) + 1, "abc");
        GString *path = g_string_new(NULL);
        Rule rule = {host, NULL, has_exact && random >> 33 & 1, (uint32_t)i};

        for (unsigned d = 0; d <= (random >> 8) % depth; d++) {
            g_string_append_printf(path, "/%.*s", (int)(random >> (16 + 3 * d) & 7) + 1,
                                   "abcdefgh");
        }
        rule.path = g_string_free(path, FALSE);
        if (vs_host_path_add(&table, host, rule.path, rule.is_exact, rule.value)) {
            g_array_append_val(rules, rule);
        }
        g_ptr_array_add(texts, host);
        g_ptr_array_add(texts, (char *)rule.path);
    }
    for (uint64_t i = 0; i < N_REQUESTS; i++) {
        uint64_t random = vs_mix64(seed << 40 | i);
        const Rule *rule = &g_array_index(rules, Rule, random % rules->len);
        char *path = g_strdup_printf("%s%s%s", rule->path, random >> 20 & 1 ? "/x" : "",
                                     random >> 21 & 1 ? "/" : "");

        if (random >> 22 & 1) { /* Cut off somewhere. */
            path[(random >> 32) % strlen(path) + 1] = '\0';
        }
        hosts[i] = random >> 23 & 1 ? rule->host : "C.test";
        paths[i] = path;
        g_ptr_array_add(texts, path);
    }
    vs_host_path_match_bulk(&table, hosts, paths, N_REQUESTS, values);
    for (unsigned i = 0; i < N_REQUESTS; i++) {
        n_failures += values[i] != twin_find(rules, hosts[i], paths[i]) ||
                      values[i] != find(&table, hosts[i], paths[i]);
        n_found += values[i] != VS_HOST_PATH_NONE;
    }
    CU_ASSERT_EQUAL(n_failures, 0);
    CU_ASSERT(n_found > N_REQUESTS / 10);
    vs_host_path_clear(&table);
    g_array_free(rules, TRUE);
}

static void
test_texts_in_bulk_agree_with_a_search_through_all_rules(void)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        check_texts_in_bulk(seed, 2, false);
        check_texts_in_bulk(seed, 4, true);
        check_texts_in_bulk(seed, 12, seed % 2);
    }
}

static void
test_a_query_ends_a_path_in_bulk_too(void)
{
    const char *hosts[] = {"x.h", "X.H", "x.h", "y.h", "x.h", "z.z", ".h"};
    const char *paths[] = {"/aaaaaa?/b", "/aaaaaa/b?c", "/?aaaaaa", "/q?",
                           "/e?",        "/q",          "/q"};
    const uint32_t expected[] = {1, 2, VS_HOST_PATH_NONE, 3, 4, 5, 5};
    uint32_t values[G_N_ELEMENTS(hosts)];
    VsHostPath table;

    vs_host_path_init(&table);
    vs_host_path_add(&table, "x.h", "/aaaaaa", false, 1);
    vs_host_path_add(&table, "x.h", "/aaaaaa/b", false, 2);
    vs_host_path_add(&table, "*.h", "/q", false, 3);
    vs_host_path_add(&table, "x.h", "/e", true, 4);
    vs_host_path_add(&table, NULL, "/q", false, 5);
    vs_host_path_add(&table, "x.h", "/q?", false, 6); /* No path has a "?". */
    vs_host_path_match_bulk(&table, hosts, paths, G_N_ELEMENTS(hosts), values);
    for (unsigned i = 0; i < G_N_ELEMENTS(hosts); i++) {
        CU_ASSERT_EQUAL(values[i], expected[i]);
    }
    CU_ASSERT_EQUAL(find(&table, "x.h", "/q?"), VS_HOST_PATH_NONE);
    vs_host_path_clear(&table);
}

static const VsTestCase tests[] = {
    {"the best host, then the longest path wins",
     test_the_best_host_then_the_longest_path_wins},
    {"paths match as Kubernetes documents", test_paths_match_as_kubernetes_documents},
    {"very deep paths are told apart", test_very_deep_paths_are_told_apart},
    {"a million matches agree with a search through all rules",
     test_a_million_matches_agree_with_a_search_through_all_rules},
    {"texts in bulk agree with a search through all rules",
     test_texts_in_bulk_agree_with_a_search_through_all_rules},
    {"a query ends a path in bulk, too", test_a_query_ends_a_path_in_bulk_too},
    {0},
};

VS_TESTS("host_path")

#include "results/trace_why.h"

#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "model/build.h"

#define NO_MATCH "no match"

/* Of rules in chains that no packet came to, so many a place are told one by one. */
enum { MAX_UNREACHED = 3 };

typedef struct Search {
    const VsTrace *trace;
    const char *pattern; /* Small letters. */
    const char *address; /* Of the pod that the pattern names; NULL: of none. */
    GArray *findings;    /* Of VsTraceFinding. */
    GHashTable *words;   /* Of all candidates: what could have been meant. */
    const VsNetns *netns;
    unsigned n_unreached; /* In 'netns' so far. */
} Search;

static void
finding_clear(gpointer finding_)
{
    VsTraceFinding *finding = finding_;

    g_free(finding->place);
    g_free(finding->text);
    g_free(finding->explanation);
}

/* True if 'text' names an endpoint at 'address': "10.244.0.2:8080", "__10.244.0.2/8080". */
static bool
has_endpoint(const char *text, const char *address)
{
    const char *at = text;

    while ((at = strstr(at, address))) {
        char before = at > text ? at[-1] : ' ';
        char after = at[strlen(address)];

        if (!g_ascii_isdigit(before) && before != '.' &&
            (after == ':' || (after == '/' && before == '_'))) {
            return true;
        }
        at++;
    }
    return false;
}

/* True if 'text' has the pattern in it, or an endpoint of the pod that it names; its words
 * are remembered in any case. */
static bool
is_meant(Search *search, const char *text)
{
    g_autofree char *small = g_ascii_strdown(text, -1);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (char **word = words; *word; word++) {
        g_hash_table_add(search->words, g_strdup(*word));
    }
    return strstr(small, search->pattern) ||
           (search->address && has_endpoint(text, search->address));
}

/* Takes 'explanation'. */
static void
add_finding(Search *search, const char *place, const char *text, char *explanation,
            bool is_taken)
{
    VsTraceFinding finding = {.place = g_strdup(place),
                              .text = g_strdup(text),
                              .explanation = explanation,
                              .is_taken = is_taken,
                              .n_times = 1};

    for (unsigned i = 0; i < search->findings->len; i++) {
        VsTraceFinding *other = &g_array_index(search->findings, VsTraceFinding, i);

        if (strcmp(other->place, finding.place) == 0 &&
            strcmp(other->text, finding.text) == 0 &&
            strcmp(other->explanation, finding.explanation) == 0) {
            other->n_times++;
            finding_clear(&finding);
            return;
        }
    }
    g_array_append_val(search->findings, finding);
}

static const char *
or_none(const char *text)
{
    return text ? text : "nothing";
}

static bool
is_match(const VsTraceRecord *record)
{
    return g_strcmp0(record->verdict, NO_MATCH) != 0;
}

/* The rule of the same chain that matched the packet after 'failed' had not; or NULL. */
static const VsTraceRecord *
find_next_match(const VsTrace *trace, const VsTraceRecord *failed)
{
    const VsTraceRecord *end =
        &g_array_index(trace->records, VsTraceRecord, trace->records->len);

    for (const VsTraceRecord *record = failed + 1; record < end; record++) {
        if (record->kind == VS_TRACE_RULE && record->packet == failed->packet &&
            record->number > failed->number && is_match(record) &&
            g_strcmp0(record->place, failed->place) == 0 &&
            g_strcmp0(record->table, failed->table) == 0 &&
            g_strcmp0(record->name, failed->name) == 0) {
            return record;
        }
    }
    return NULL;
}

static char *
explain_failed(const VsTrace *trace, const VsTraceRecord *record)
{
    const VsTraceRecord *next = find_next_match(trace, record);
    g_autofree char *then = next ? g_strdup_printf("; rule %u matched: %s",
                                                   next->number, or_none(next->text))
                                 : g_strdup("");

    return g_strdup_printf("examined as rule %u of chain %s, table %s; failed because "
                           "%s%s",
                           record->number, record->name, or_none(record->table),
                           or_none(record->why), then);
}

/* True if the rule went by a verdict map, and of what is printed of it only other targets
 * have the pattern in them: "vmap { 0 : goto A, 1 : goto B }". */
static bool
went_elsewhere(const Search *search, const VsTraceRecord *record)
{
    g_auto(GStrv) words = g_strsplit_set(record->text, " ,", -1);
    const char *target = record->verdict ? strchr(record->verdict, ' ') : NULL;
    bool has_other = false;

    for (unsigned i = 1; target && words[0] && words[i]; i++) {
        g_autofree char *small = g_ascii_strdown(words[i], -1);
        bool is_target =
            strcmp(words[i - 1], "goto") == 0 || strcmp(words[i - 1], "jump") == 0;

        if (strstr(small, search->pattern) ||
            (search->address && has_endpoint(words[i], search->address))) {
            if (!is_target || strcmp(words[i], target + 1) == 0) {
                return false;
            }
            has_other = true;
        }
    }
    return has_other;
}

static void
search_rule(Search *search, const VsTraceRecord *record)
{
    if (!record->text || !is_meant(search, record->text)) {
        return;
    }
    if (went_elsewhere(search, record)) {
        add_finding(search, record->place, record->text,
                    g_strdup_printf("rule %u of chain %s, table %s, chose another: %s "
                                    "(%s)",
                                    record->number, record->name,
                                    or_none(record->table), record->verdict,
                                    or_none(record->why)),
                    false);
        return;
    }
    add_finding(search, record->place, record->text,
                is_match(record)
                    ? g_strdup_printf("it was taken: rule %u of chain %s, table %s: %s",
                                      record->number, record->name,
                                      or_none(record->table), or_none(record->verdict))
                    : explain_failed(search->trace, record),
                is_match(record));
}

static void
search_service(Search *search, const VsTraceRecord *record)
{
    if (record->text && is_meant(search, record->text)) {
        add_finding(search, record->place, record->text,
                    g_strdup_printf("it was taken: %s", or_none(record->why)), true);
    }
    for (char **passed = record->passed; passed && passed[0]; passed += 2) {
        if (is_meant(search, passed[0])) {
            add_finding(
                search, record->place, passed[0],
                g_strdup_printf("%s; chosen was %s", passed[1], or_none(record->text)),
                false);
        }
    }
}

static bool
is_of_chain(const VsTraceRecord *record, const VsNetns *netns, const VsTraceRule *rule)
{
    return (record->kind == VS_TRACE_CHAIN || record->kind == VS_TRACE_RULE) &&
           strcmp(record->place, netns->name) == 0 &&
           g_strcmp0(record->table, rule->table) == 0 &&
           g_strcmp0(record->name, rule->chain) == 0;
}

/* A rule that exists: found before if it was examined; else why no packet came to it. */
static void
search_unexamined(const VsTraceRule *rule, void *search_)
{
    Search *search = search_;
    const VsTraceRecord *last = NULL;
    bool has_come = false;
    bool is_entered = false;
    char *explanation;

    if (!is_meant(search, rule->text)) {
        return;
    }
    for (unsigned i = 0; i < search->trace->records->len; i++) {
        const VsTraceRecord *record =
            &g_array_index(search->trace->records, VsTraceRecord, i);

        has_come |= g_strcmp0(record->place, search->netns->name) == 0;
        if (!is_of_chain(record, search->netns, rule)) {
            continue;
        }
        if (record->kind == VS_TRACE_RULE && record->number == rule->number) {
            return;
        }
        is_entered = true;
        if (record->kind == VS_TRACE_RULE && record->number < rule->number &&
            is_match(record)) {
            last = record;
        }
    }
    if (last) {
        explanation = g_strdup_printf("never reached: chain %s was left at rule %u of "
                                      "%u (%s%s%s): %s",
                                      rule->chain, last->number, rule->n_rules,
                                      or_none(last->verdict), last->why ? ": " : "",
                                      last->why ? last->why : "", or_none(last->text));
    } else if (!is_entered && ++search->n_unreached > MAX_UNREACHED) {
        add_finding(search, search->netns->name, "more rules with that in them",
                    g_strdup("never reached: their chains were never entered"), false);
        return;
    } else if (!has_come) {
        explanation = g_strdup("never reached: no packet of the request came here");
    } else {
        explanation = g_strdup_printf(
            is_entered ? "never reached: chain %s was left before it"
                       : "never reached: its chain %s was never entered",
            rule->chain);
    }
    add_finding(search, search->netns->name, rule->text, explanation, false);
}

static void
search_all_rules(Search *search, const VsBuild *build, const VsTraceRules *rules)
{
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        for (search->netns = host->namespaces; search->netns;
             search->netns = search->netns->next) {
            search->n_unreached = 0;
            rules->list(rules, search->netns, search_unexamined, search);
        }
    }
}

static void
set_unknown(const Search *search, const char *pattern, GError **error)
{
    g_autofree const char **words =
        (const char **)g_hash_table_get_keys_as_array(search->words, NULL);
    const char *meant = vs_suggest(pattern, words);

    g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_REFERENCE,
                "no rule, endpoint or backend that the request could have met has "
                "\"%s\" in it%s%s%s",
                pattern, meant ? "; did you mean \"" : "", meant ? meant : "",
                meant ? "\"?" : "");
}

/* The pod that 'pattern' names, as "a-2" or "default/a-2", or NULL; all names of pods are
 * remembered. */
static const VsPod *
find_pod(Search *search, const VsCluster *cluster, const char *pattern)
{
    const char *slash = strrchr(pattern, '/');

    for (unsigned i = 0; i < cluster->pods->len; i++) {
        const VsPod *pod = cluster->pods->pdata[i];

        g_hash_table_add(search->words, g_strdup(pod->name));
    }
    return vs_cluster_find_pod(cluster, slash ? slash + 1 : pattern);
}

GArray *
vs_trace_why_not(VsSimulation *simulation, const char *pattern,
                 const VsTraceRules *rules, GError **error)
{
    const VsTrace *trace = vs_simulation_run(simulation)->trace;
    g_autofree char *small = g_ascii_strdown(pattern, -1);
    g_autoptr(GHashTable) words =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Search search = {.trace = trace, .pattern = small, .words = words};
    const VsPod *pod =
        find_pod(&search, vs_simulation_build(simulation)->cluster, pattern);
    g_autofree char *address = pod ? vs_format_ipv4(pod->address) : NULL;

    search.address = address;
    search.findings = g_array_new(FALSE, FALSE, sizeof(VsTraceFinding));
    g_array_set_clear_func(search.findings, finding_clear);
    for (unsigned i = 0; i < trace->records->len; i++) {
        const VsTraceRecord *record = &g_array_index(trace->records, VsTraceRecord, i);

        if (record->kind == VS_TRACE_RULE) {
            search_rule(&search, record);
        } else if (record->kind == VS_TRACE_SERVICE) {
            search_service(&search, record);
        }
    }
    if (rules) {
        search_all_rules(&search, vs_simulation_build(simulation), rules);
    }
    if (search.findings->len == 0) {
        set_unknown(&search, pattern, error);
        g_array_unref(search.findings);
        return NULL;
    }
    return search.findings;
}

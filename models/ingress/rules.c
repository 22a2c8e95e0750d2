#include "models/ingress/ingress.h"

#include <string.h>

#include "models/ingress/rule.h"

/* A path of a rule. */
typedef struct Route {
    const char *host; /* NULL: any. */
    const char *path;
    bool is_exact;
    VsService *service;
} Route;

struct IngressRules {
    VsRun *run;
    GArray *routes;      /* Of Route, as in the scenario. */
    VsHostPath places;   /* Hosts and paths to the index of their first route. */
    VsService *fallback; /* default-service, or NULL. */
    VsTable answers;     /* (host, path) to Answer: found once a pair. */
    VsPool answer_pool;
};

typedef struct Answer {
    VsService *service;
} Answer;

enum { ANSWERS_A_SLAB = 32 };

/* Of a path without its query. */
static size_t
path_length(const char *path)
{
    return strcspn(path, "?");
}

/* Of a prefix without the slash that may end it, which does not count. */
static size_t
prefix_length(const char *pattern)
{
    size_t length = strlen(pattern);

    while (length > 0 && pattern[length - 1] == '/') {
        length--;
    }
    return length;
}

bool
ingress_path_matches(const char *pattern, bool is_exact, const char *path)
{
    size_t length = path_length(path);
    size_t prefix;

    if (is_exact) {
        return strlen(pattern) == length && strncmp(pattern, path, length) == 0;
    }
    prefix = prefix_length(pattern);
    return prefix <= length && strncmp(pattern, path, prefix) == 0 &&
           (prefix == length || path[prefix] == '/');
}

bool
ingress_host_matches(const char *pattern, const char *host)
{
    const char *dot;

    if (strncmp(pattern, "*.", 2) != 0) {
        return g_ascii_strcasecmp(pattern, host) == 0;
    }
    dot = strchr(host, '.');
    return dot && dot != host && g_ascii_strcasecmp(pattern + 1, dot) == 0;
}

/* Specificity of a matching host pattern: any, wildcard, exact. */
static int
host_rank(const char *pattern)
{
    if (!pattern) {
        return 0;
    }
    return g_str_has_prefix(pattern, "*.") ? 1 : 2;
}

/* The name that the rules know: a request's without the port, if it has one.  Owned by the
 * caller. */
static char *
host_of(const IngressRules *rules, VsName authority)
{
    const char *text = vs_names_get(&rules->run->packets->names, authority);

    return g_strndup(text, strcspn(text, ":"));
}

/* The best route for a request, or NULL. */
static const Route *
search(const IngressRules *rules, const char *host, const char *path)
{
    uint32_t place = vs_host_path_find(&rules->places,
                                       vs_host_path_resolve_host(&rules->places, host),
                                       vs_host_path_resolve_path(&rules->places, path));

    return place == VS_HOST_PATH_NONE ? NULL
                                      : &g_array_index(rules->routes, Route, place);
}

VsService *
ingress_rules_find(IngressRules *rules, VsName host, VsName path)
{
    const VsNames *names = &rules->run->packets->names;
    VsKey key = {{(uint64_t)host << 32 | path, 0}};
    Answer *answer = vs_table_find(&rules->answers, key);

    if (!answer) {
        g_autofree char *name = host_of(rules, host);
        const Route *best = search(rules, name, vs_names_get(names, path));

        answer = vs_pool_alloc(&rules->answer_pool);
        answer->service = best ? best->service : rules->fallback;
        vs_table_insert(&rules->answers, key, answer);
    }
    return answer->service;
}

static char *
format_route(const Route *route)
{
    return g_strdup_printf("rule host %s path %s (%s): service %s",
                           route->host ? route->host : "*", route->path,
                           route->is_exact ? "Exact" : "Prefix", route->service->name);
}

static char *
explain_passed(const Route *route, const Route *best, const char *host,
               const char *path)
{
    if (route->host && !ingress_host_matches(route->host, host)) {
        return g_strdup_printf("host %s is not %s", host, route->host);
    }
    if (!ingress_path_matches(route->path, route->is_exact, path)) {
        return g_strdup_printf("path %s does not match %s (%s)", path, route->path,
                               route->is_exact ? "Exact" : "Prefix");
    }
    return g_strdup(!best || host_rank(route->host) < host_rank(best->host)
                        ? "it matches, but a rule for the host goes before it"
                        : "it matches, but another path is longer or exact");
}

void
ingress_rules_explain(const IngressRules *rules, VsName host, VsName path,
                      VsTraceRecord *record)
{
    g_autofree char *host_text = host_of(rules, host);
    const char *path_text = vs_names_get(&rules->run->packets->names, path);
    const Route *best = search(rules, host_text, path_text);
    GPtrArray *passed = g_ptr_array_new();

    for (unsigned i = 0; i < rules->routes->len; i++) {
        const Route *route = &g_array_index(rules->routes, Route, i);

        if (route != best) {
            g_ptr_array_add(passed, format_route(route));
            g_ptr_array_add(passed, explain_passed(route, best, host_text, path_text));
        }
    }
    g_ptr_array_add(passed, NULL);
    record->passed = (char **)g_ptr_array_free(passed, FALSE);
    record->name = g_strdup("ingress");
    if (best) {
        record->text = format_route(best);
        record->why = g_strdup_printf("host %s, path %s", host_text, path_text);
    } else {
        record->text = rules->fallback
                           ? g_strdup_printf("service %s", rules->fallback->name)
                           : g_strdup("404 Not Found");
        record->why =
            g_strdup_printf("no rule matches host %s, path %s%s", host_text, path_text,
                            rules->fallback ? ": default-service" : "");
    }
}

static bool
check_service(const VsElement *service, const VsElement *element, const VsBuild *build,
              GError **error)
{
    return !service ||
           vs_build_check_tcp(vs_cluster_find_service(build->cluster, service->id),
                              element, error);
}

bool
ingress_rules_check(const VsElement *element, const VsBuild *build, GError **error)
{
    for (unsigned i = 0; i < element->n_children; i++) {
        const VsElement *rule = element->children[i];

        for (unsigned j = 0; j < rule->n_children; j++) {
            const IngressPathConfig *path = rule->children[j]->config;

            if (!check_service(path->service, rule->children[j], build, error)) {
                return false;
            }
        }
    }
    return check_service(ingress_default_service(element), element, build, error);
}

static void
add_routes(IngressRules *rules, const VsElement *rule, const VsCluster *cluster)
{
    const IngressRuleConfig *rule_config = rule->config;

    for (unsigned i = 0; i < rule->n_children; i++) {
        const IngressPathConfig *path = rule->children[i]->config;
        Route route = {
            .host = rule_config->host,
            .path = path->path,
            .is_exact = path->type == INGRESS_PATH_EXACT,
            .service = vs_cluster_find_service(cluster, path->service->id),
        };

        vs_host_path_add(&rules->places, route.host, route.path, route.is_exact,
                         rules->routes->len);
        g_array_append_val(rules->routes, route);
    }
}

IngressRules *
ingress_rules_new(const VsElement *element, VsBuild *build)
{
    IngressRules *rules = g_new0(IngressRules, 1);
    const VsElement *fallback = ingress_default_service(element);

    rules->run = build->run;
    rules->routes = g_array_new(FALSE, FALSE, sizeof(Route));
    vs_host_path_init(&rules->places);
    vs_table_init(&rules->answers);
    vs_pool_init(&rules->answer_pool, sizeof(Answer), ANSWERS_A_SLAB);
    if (fallback) {
        rules->fallback = vs_cluster_find_service(build->cluster, fallback->id);
    }
    for (unsigned i = 0; i < element->n_children; i++) {
        add_routes(rules, element->children[i], build->cluster);
    }
    return rules;
}

const VsService *
ingress_rules_find_changing(const IngressRules *rules)
{
    for (unsigned i = 0; i < rules->routes->len; i++) {
        const VsService *service = g_array_index(rules->routes, Route, i).service;

        if (vs_service_changes(service)) {
            return service;
        }
    }
    return rules->fallback && vs_service_changes(rules->fallback) ? rules->fallback
                                                                  : NULL;
}

void
ingress_rules_free(IngressRules *rules)
{
    if (rules) {
        g_array_free(rules->routes, TRUE);
        vs_host_path_clear(&rules->places);
        vs_table_clear(&rules->answers);
        vs_pool_clear(&rules->answer_pool);
        g_free(rules);
    }
}

#include "scenario/probe_names.h"

#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "packet/http.h"

#define POD_PREFIX "pod/"

enum { MAX_HOPS = 64 };

/* What can be an origin: every host that has addresses, then every pod. */
static GPtrArray *
list_origins(const VsBuild *build)
{
    GPtrArray *names = g_ptr_array_new();

    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsBuiltHost *built = &g_array_index(build->hosts, VsBuiltHost, i);

        if (built->role != VS_HOST_SWITCH) {
            g_ptr_array_add(names, (gpointer)built->element->id);
        }
    }
    for (unsigned i = 0; i < build->cluster->pods->len; i++) {
        const VsPod *pod = build->cluster->pods->pdata[i];

        g_ptr_array_add(names, (gpointer)pod->name);
    }
    g_ptr_array_add(names, NULL);
    return names;
}

/* Those of 'names' that count="..." made of 'base': "a-1", "a-2" of "a"; ended by NULL. */
static GPtrArray *
list_members(const GPtrArray *names, const char *base)
{
    GPtrArray *members = g_ptr_array_new();

    for (unsigned i = 0; i + 1 < names->len; i++) {
        const char *name = names->pdata[i];
        const char *rest = name + strlen(base);

        if (g_str_has_prefix(name, base) && rest[0] == '-' &&
            g_ascii_isdigit(rest[1])) {
            g_ptr_array_add(members, (gpointer)name);
        }
    }
    g_ptr_array_add(members, NULL);
    return members;
}

static void
set_unknown_origin(const VsSimulation *simulation, const char *from, GError **error)
{
    g_autoptr(GPtrArray) names = list_origins(vs_simulation_build(simulation));
    g_autoptr(GPtrArray) members = list_members(names, from);
    const char *meant = vs_suggest(from, (const char *const *)names->pdata);
    g_autofree char *hint = NULL;

    if (members->len > 1) {
        hint = vs_suggest_list("; there are ", (const char *const *)members->pdata);
    } else if (meant) {
        hint = g_strdup_printf("; did you mean \"%s\"?", meant);
    } else {
        hint = vs_suggest_list("; there are ", (const char *const *)names->pdata);
    }
    g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_REFERENCE,
                "no host or pod is called \"%s\"%s", from, hint);
}

VsNetns *
vs_probe_find_origin(const VsSimulation *simulation, const char *from,
                     const VsElement **ret_element, GError **error)
{
    const VsBuild *build = vs_simulation_build(simulation);
    bool is_pod = g_str_has_prefix(from, POD_PREFIX);
    const VsElement *element =
        is_pod ? NULL : vs_scenario_find(vs_simulation_scenario(simulation), from);
    const VsBuiltHost *built = element ? vs_build_find_host(build, element) : NULL;
    const VsPod *pod;

    *ret_element = NULL;
    if (built && built->role == VS_HOST_SWITCH) {
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_REFERENCE,
                    "\"%s\" is a switch, which has no address to send from", from);
        return NULL;
    }
    if (built) {
        *ret_element = element;
        return built->host->root;
    }
    pod =
        vs_cluster_find_pod(build->cluster, is_pod ? from + strlen(POD_PREFIX) : from);
    if (!pod) {
        set_unknown_origin(simulation, from, error);
        return NULL;
    }
    return pod->netns;
}

/* True of "address:port" followed by 'protocol', which would be a path otherwise. */
static bool
is_port_of(const char *to, const char *protocol)
{
    const char *slash = strchr(to, '/');
    const char *colon = strchr(to, ':');

    return slash && colon && colon < slash && strcmp(slash, protocol) == 0;
}

bool
vs_probe_split_target(VsProbeResult *result, const char *to, GError **error)
{
    g_autofree char *url = NULL;
    g_autofree char *bare = NULL;
    bool is_tls = false;

    if (is_port_of(to, "/sctp")) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                    "\"%s\": SCTP is not modelled; write \"address:port\" or "
                    "\"address:port/udp\"",
                    to);
        return false;
    }
    if (is_port_of(to, "/tcp")) {
        to = bare = g_strndup(to, strlen(to) - strlen("/tcp"));
    }
    result->is_udp = g_str_has_suffix(to, "/udp") && !strstr(to, "://");
    if (result->is_udp) {
        url = g_strdup_printf("http://%.*s", (int)(strlen(to) - strlen("/udp")), to);
    } else {
        url = g_strconcat(strstr(to, "://") ? "" : "http://", to, NULL);
    }
    if (!vs_http_split_url(url, &is_tls, &result->host, &result->port, &result->path,
                           error)) {
        return false;
    }
    if (is_tls != result->is_http3) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                    is_tls
                        ? "\"%s\": a probe does not speak TLS; write http://, or ask "
                          "for HTTP/3, too"
                        : "\"%s\": HTTP/3 has TLS always; write https://",
                    to);
        return false;
    }
    if (result->is_udp &&
        (!strchr(url + strlen("http://"), ':') || strcmp(result->path, "/") != 0)) {
        g_set_error(error, VS_UNITS_ERROR, VS_UNITS_ERROR_SYNTAX,
                    "\"%s\": a UDP target is \"address:port/udp\"", to);
        return false;
    }
    return true;
}

/* The reference of parameter 'name', or the first of several, if the element's model has one and the file gives it. */
static const VsElement *
find_reference(const VsElement *element, const char *name)
{
    for (const VsParam *param = element->model->params; param && param->name; param++) {
        if (strcmp(param->name, name) == 0 && param->type == VS_PARAM_TYPE_REF) {
            return G_STRUCT_MEMBER(const VsElement *, element->config, param->offset);
        }
        if (strcmp(param->name, name) == 0 && param->type == VS_PARAM_TYPE_REFS) {
            const VsRefs *refs = G_STRUCT_MEMBER_P(element->config, param->offset);

            return refs->n_elements > 0 ? refs->elements[0] : NULL;
        }
    }
    return NULL;
}

/* "shop", "shop.default", "shop.default.svc", "shop.default.svc.cluster.local". */
static const VsService *
find_service(const VsCluster *cluster, const char *host)
{
    static const char *const domains[] = {"", ".default", ".default.svc",
                                          ".default.svc.cluster.local"};

    for (unsigned i = 0; i < cluster->services->len; i++) {
        const VsService *service = cluster->services->pdata[i];
        size_t length = strlen(service->name);

        for (unsigned j = 0; j < G_N_ELEMENTS(domains); j++) {
            if (g_ascii_strncasecmp(host, service->name, length) == 0 &&
                g_ascii_strcasecmp(host + length, domains[j]) == 0) {
                return service;
            }
        }
    }
    return NULL;
}

/* The namespace that 'address' belongs to, or NULL. */
static VsNetns *
find_netns(const VsBuild *build, VsAddr address)
{
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        for (VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            if (vs_netns_is_local(netns, address)) {
                return netns;
            }
        }
    }
    return NULL;
}

/* Do the routes lead from 'netns' to 'address'? */
static bool
has_way(const VsBuild *build, VsNetns *netns, VsAddr address)
{
    for (unsigned n_hops = 0; netns && n_hops < MAX_HOPS; n_hops++) {
        const VsRoute *route = vs_routes_find(&netns->routes, address);

        if (!route || route->type == VS_ROUTE_UNREACHABLE ||
            (n_hops > 0 && route->type != VS_ROUTE_LOCAL && !netns->is_forwarding)) {
            return false;
        }
        if (route->type == VS_ROUTE_LOCAL) {
            return true;
        }
        netns = find_netns(build, route->via ? route->via : address);
    }
    return false;
}

/* Asks the first element of model 'model' that has a way; false if none has. */
static bool
choose_server(VsProbeResult *result, const VsSimulation *simulation, const char *model)
{
    const VsScenario *scenario = vs_simulation_scenario(simulation);
    const VsBuild *build = vs_simulation_build(simulation);

    for (unsigned i = 0; i < vs_scenario_n_elements(scenario); i++) {
        const VsElement *element = vs_scenario_element(scenario, i);
        VsAddr address;

        if (strcmp(element->model->element, model) != 0) {
            continue;
        }
        address = vs_build_address_of(build, element);
        if (address != 0 && has_way(build, result->netns, address)) {
            result->resolution = VS_PROBE_BY_FIRST;
            result->server = element->id;
            result->server_address = address;
            return true;
        }
    }
    return false;
}

static bool
is_in_cluster(const VsCluster *cluster, const VsNetns *netns)
{
    for (unsigned i = 0; i < cluster->nodes->len; i++) {
        if (((const VsNode *)cluster->nodes->pdata[i])->host == netns->host) {
            return true;
        }
    }
    return false;
}

void
vs_probe_choose_resolution(VsProbeResult *result, const VsSimulation *simulation,
                           const VsElement *origin)
{
    const VsBuild *build = vs_simulation_build(simulation);
    const VsElement *own = origin ? find_reference(origin, "resolver") : NULL;
    const VsService *service = is_in_cluster(build->cluster, result->netns)
                                   ? find_service(build->cluster, result->host)
                                   : NULL;

    if (vs_parse_ipv4(result->host, &result->address, NULL)) {
        result->resolution = VS_PROBE_BY_ADDRESS;
    } else if (own) {
        result->resolution = VS_PROBE_BY_RESOLVER;
        result->server = own->id;
        result->server_address = vs_build_address_of(build, own);
    } else if (service) {
        result->resolution = VS_PROBE_BY_SERVICE;
        result->server = service->name;
        result->address = service->cluster_ip;
    } else if (!choose_server(result, simulation, "resolver") &&
               !choose_server(result, simulation, "dns")) {
        result->resolution = VS_PROBE_BY_NOBODY;
    }
}

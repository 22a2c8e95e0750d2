#include "model/resolv_params.h"

#include "model/element.h"

const char *const vs_dns_policy_names[] = {"ClusterFirst", "Default", "None", NULL};

static bool
add_servers(const VsBuild *build, const VsElement *element, const VsRefs *servers,
            VsResolvConf *conf, GError **error)
{
    for (unsigned i = 0; i < servers->n_elements; i++) {
        const VsElement *server = servers->elements[i];
        VsAddr address = vs_build_address_of(build, server);

        if (address == 0) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                            "resolver=\"%s\" has no address: no link leads to it; "
                            "write <link from=\"%s\" to=\"...\"/>",
                            server->id, server->id);
            return false;
        }
        if (conf->n_servers == VS_RESOLV_MAX_SERVERS) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                            "more than %d DNS servers, of which resolvers use the "
                            "first %d; leave the others out",
                            VS_RESOLV_MAX_SERVERS, VS_RESOLV_MAX_SERVERS);
            return false;
        }
        conf->servers[conf->n_servers++] = address;
    }
    return true;
}

static void
add_search(GPtrArray *search, const char *domains)
{
    g_auto(GStrv) words = g_strsplit_set(domains ? domains : "", " \t\n", -1);

    for (char **word = words; *word; word++) {
        if (**word) {
            g_ptr_array_add(search, g_strdup(*word));
        }
    }
}

static bool
add_options(const VsElement *element, const VsResolvParams *params, VsResolvConf *conf,
            GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (!vs_resolv_conf_parse(conf, params->options ? params->options : "", &reason)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE, "dns-options: %s",
                        reason->message);
        return false;
    }
    return true;
}

static bool
add_params(const VsBuild *build, const VsElement *element, const VsResolvParams *params,
           VsResolvConf *conf, GPtrArray *search, GError **error)
{
    add_search(search, params->search);
    return add_servers(build, element, &params->servers, conf, error) &&
           add_options(element, params, conf, error);
}

/* Hands over 'search'. */
static bool
complete(const VsElement *element, VsResolvConf *conf, GPtrArray *search,
         char ***ret_search, bool is_good, const char *instead, GError **error)
{
    g_ptr_array_add(search, NULL);
    *ret_search = (char **)g_ptr_array_free(search, FALSE);
    conf->search = (const char *const *)*ret_search;
    if (is_good && conf->n_servers == 0) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_CONFLICT,
                        "no DNS server to ask; %s", instead);
        return false;
    }
    return is_good;
}

bool
vs_build_resolv_conf(const VsBuild *build, const VsElement *element,
                     const VsResolvParams *params, VsLibc libc, VsResolvConf *ret_conf,
                     char ***ret_search, GError **error)
{
    GPtrArray *search = g_ptr_array_new();
    bool is_good;

    vs_resolv_conf_init(ret_conf, libc);
    is_good = add_params(build, element, params, ret_conf, search, error);
    return complete(element, ret_conf, search, ret_search, is_good,
                    "write resolver=\"...\"", error);
}

/* The kubelet's: the namespace's names, then the cluster's, then the node's. */
static void
add_cluster(const VsBuild *build, VsResolvConf *conf, GPtrArray *search)
{
    const VsService *service =
        vs_cluster_find_service(build->cluster, VS_CLUSTER_DNS_SERVICE);

    add_search(search, "default.svc." VS_CLUSTER_DOMAIN " svc." VS_CLUSTER_DOMAIN
                       " " VS_CLUSTER_DOMAIN);
    conf->ndots = 5;
    if (service) {
        conf->servers[conf->n_servers++] = service->cluster_ip;
    }
}

bool
vs_build_pod_resolv_conf(const VsBuild *build, const VsPod *pod, VsLibc libc,
                         VsResolvConf *ret_conf, char ***ret_search, GError **error)
{
    static const char *const instead[] = {
        "add <service id=\"" VS_CLUSTER_DNS_SERVICE
        "\" protocol=\"udp\" port=\"53\" .../>, or write dns-policy=\"Default\"",
        "write dns-nameservers=\"...\" on its node", "write dns-nameservers=\"...\""};
    const VsResolvParams *own = pod->resolv;
    const VsResolvParams *node = pod->node->resolv;
    GPtrArray *search = g_ptr_array_new();
    bool is_good = true;

    vs_resolv_conf_init(ret_conf, libc);
    if (own->policy == VS_DNS_POLICY_CLUSTER_FIRST) {
        add_cluster(build, ret_conf, search);
        add_search(search, node->search);
    } else if (own->policy == VS_DNS_POLICY_DEFAULT) {
        is_good = add_params(build, pod->node->element, node, ret_conf, search, error);
    }
    is_good = is_good && add_params(build, pod->element, own, ret_conf, search, error);
    return complete(pod->element, ret_conf, search, ret_search, is_good,
                    instead[own->policy], error);
}

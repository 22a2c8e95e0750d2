#include "results/export.h"

#include "base/suggest.h"
#include "net/host.h"
#include "net/netns.h"
#include "net/route_text.h"
#include "netfilter/conntrack.h"
#include "netfilter/filter.h"
#include "netfilter/ipset.h"
#include "netfilter/iptables.h"
#include "netfilter/ipvs.h"
#include "netfilter/nft.h"
#include "results/export_ip.h"

const char *const vs_export_form_names[] = {
    [VS_EXPORT_IPTABLES_SAVE] = "iptables-save",
    [VS_EXPORT_IPTABLES_SAVE_C] = "iptables-save-c",
    [VS_EXPORT_NFT] = "nft",
    [VS_EXPORT_NFT_JSON] = "nft-json",
    [VS_EXPORT_ROUTES] = "routes",
    [VS_EXPORT_CONNTRACK] = "conntrack",
    [VS_EXPORT_IPVSADM] = "ipvsadm",
    [VS_EXPORT_IPSET] = "ipset",
    [VS_EXPORT_IP_ADDR] = "ip-addr",
    [VS_EXPORT_IP_ROUTE] = "ip-route",
    [VS_EXPORT_IP_RULE] = "ip-rule",
    [VS_EXPORT_N_FORMS] = NULL,
};

/* The namespace called 'name': "n1" is its root, "n1/shop-1" a pod's. */
static const VsNetns *
find_netns(const VsBuild *build, const char *name, GPtrArray *names)
{
    for (unsigned i = 0; i < build->hosts->len; i++) {
        const VsHost *host = g_array_index(build->hosts, VsBuiltHost, i).host;

        g_ptr_array_add(names, host->name);
        if (g_str_equal(name, host->name)) {
            return host->root;
        }
        for (const VsNetns *netns = host->namespaces; netns; netns = netns->next) {
            g_ptr_array_add(names, netns->name);
            if (g_str_equal(name, netns->name)) {
                return netns;
            }
        }
    }
    return NULL;
}

/* "n1/c" of the namespaces' 'names', where 'name' is "c"; or NULL. */
static const char *
find_pod(const GPtrArray *names, const char *name)
{
    for (unsigned i = 0; i < names->len; i++) {
        const char *slash = strchr(names->pdata[i], '/');

        if (slash && g_str_equal(slash + 1, name)) {
            return names->pdata[i];
        }
    }
    return NULL;
}

static char *
nothing(const char *name, const char *what, const char *hint, GError **error)
{
    g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE, "%s has no %s: %s",
                name, what, hint);
    return NULL;
}

/* Takes 'text', of the routes of 'name'. */
static char *
or_no_routes(char *text, const char *name, GError **error)
{
    if (*text) {
        return text;
    }
    g_free(text);
    return nothing(name, "routes",
                   "without an address, as a switch, there is nothing to route", error);
}

/* The rules of 'netns' in a dialect, if it has any. */
static const VsRuleset *
rules_of(const VsNetns *netns, VsDialect dialect)
{
    const VsFilter *filter = vs_filter_of(netns);
    const VsRuleset *ruleset = filter ? vs_filter_ruleset(filter) : NULL;

    for (unsigned i = 0; ruleset && i < ruleset->tables->len; i++) {
        const VsRuleTable *table = ruleset->tables->pdata[i];

        if (table->dialect == dialect) {
            return ruleset;
        }
    }
    return NULL;
}

static char *
ipsets_of(const VsNetns *netns)
{
    const VsFilter *filter = vs_filter_of(netns);
    const VsRuleset *ruleset = filter ? vs_filter_ruleset(filter) : NULL;

    return ruleset && ruleset->ipsets->len > 0 ? vs_ipset_print(ruleset) : NULL;
}

char *
vs_export(const VsSimulation *simulation, const char *name, VsExportForm form,
          GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const VsNetns *netns = find_netns(vs_simulation_build(simulation), name, names);
    const VsRuleset *ruleset;
    char *text;

    if (!netns) {
        const char *meant;

        meant = find_pod(names, name);
        g_ptr_array_add(names, NULL);
        meant = meant ? meant : vs_suggest(name, (const char *const *)names->pdata);
        g_set_error(error, VS_SCENARIO_ERROR, VS_SCENARIO_ERROR_VALUE,
                    "there is no node or host \"%s\"%s%s%s", name,
                    meant ? "; did you mean \"" : "", meant ? meant : "",
                    meant ? "\"?" : "");
        return NULL;
    }
    switch (form) {
    case VS_EXPORT_IPTABLES_SAVE:
    case VS_EXPORT_IPTABLES_SAVE_C:
        ruleset = rules_of(netns, VS_DIALECT_IPTABLES);
        return ruleset ? vs_iptables_print(ruleset, form == VS_EXPORT_IPTABLES_SAVE_C)
                       : nothing(name, "iptables rules",
                                 "proxy=\"iptables\" would write some", error);
    case VS_EXPORT_NFT:
    case VS_EXPORT_NFT_JSON:
        ruleset = rules_of(netns, VS_DIALECT_NFT);
        if (!ruleset) {
            return nothing(name, "nftables rules",
                           "proxy=\"nftables\" would write some", error);
        }
        return form == VS_EXPORT_NFT ? vs_nft_print(ruleset)
                                     : vs_nft_print_json(ruleset);
    case VS_EXPORT_ROUTES:
        return or_no_routes(vs_routes_print(netns), name, error);
    case VS_EXPORT_CONNTRACK:
        return netns->conntrack ? vs_conntrack_print(netns->conntrack)
                                : nothing(name, "connection tracking",
                                          "nodes and load balancers have it", error);
    case VS_EXPORT_IPVSADM:
        return netns->ipvs ? vs_ipvs_print(netns->ipvs)
                           : nothing(name, "virtual servers",
                                     "proxy=\"ipvs\" would make some", error);
    case VS_EXPORT_IPSET:
        text = ipsets_of(netns);
        return text ? text
                    : nothing(name, "ipsets", "a file in ipsets= would bring some",
                              error);
    case VS_EXPORT_IP_ADDR:
        return vs_export_ip_addr(netns);
    case VS_EXPORT_IP_ROUTE:
        return or_no_routes(vs_export_ip_route(netns), name, error);
    case VS_EXPORT_IP_RULE:
        return vs_policy_print(netns);
    case VS_EXPORT_N_FORMS:
        break;
    }
    return NULL;
}

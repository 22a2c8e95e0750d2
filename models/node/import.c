#include "models/node/import.h"

typedef bool (*ReadRules)(VsRuleset *ruleset, const char *text, const char *file_name,
                          GError **error);

/* What linking finds starts with the line of a rule, if with a place at all. */
static bool
link_rules(VsRuleset *ruleset, const char *path, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (vs_ruleset_link(ruleset, &reason)) {
        return true;
    }
    g_set_error(error, VS_RULESET_ERROR, reason->code, "%s:%s%s", path,
                g_ascii_isdigit(reason->message[0]) ? "" : " ", reason->message);
    return false;
}

/* The text of 'file', newly allocated; NULL with 'error' set. */
static char *
read_text(const VsElement *element, const char *attribute, const char *file,
          GError **error)
{
    size_t length = 0;
    char *text = vs_import_read(element, attribute, file, &length, error);

    if (text && strlen(text) != length) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s=\"%s\" is no text: it has zero bytes", attribute, file);
        g_free(text);
        return NULL;
    }
    return text;
}

static bool
read_rules(VsRuleset *ruleset, const VsElement *element, const char *attribute,
           const char *file, ReadRules read, GError **error)
{
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;

    if (!file) {
        return true;
    }
    path = vs_element_path(element, file);
    text = read_text(element, attribute, file, error);
    return text && read(ruleset, text, path, error) && link_rules(ruleset, path, error);
}

/* Virtual servers, whose addresses become the node's own: those of kube-ipvs0. */
static bool
read_ipvs(VsNetns *netns, const VsElement *element, const char *file, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) reason = NULL;
    VsIpvs *ipvs;

    if (!file) {
        return true;
    }
    text = read_text(element, "ipvs-rules", file, error);
    if (!text) {
        return false;
    }
    ipvs = vs_ipvs_attach(netns, &vs_ipvs_config_default);
    if (!vs_ipvs_read(ipvs, text, &reason)) {
        g_autofree char *path = vs_element_path(element, file);

        g_set_error(error, VS_RULESET_ERROR, VS_RULESET_ERROR_SYNTAX, "%s:%s", path,
                    reason->message);
        return false;
    }
    vs_iface_new(netns, VS_IFACE_DUMMY, "kube-ipvs0");
    for (unsigned i = 0; i < ipvs->services->len; i++) {
        const VsIpvsService *service = ipvs->services->pdata[i];

        if (!vs_netns_is_local(netns, service->address)) {
            vs_netns_add_local(netns, service->address);
        }
    }
    return true;
}

bool
node_import_rules(const NodeRules *rules, VsNetns *netns, const VsElement *element,
                  GError **error)
{
    VsRuleset *ruleset;

    if (!rules->iptables && !rules->nft) {
        return true;
    }
    ruleset = vs_ruleset_new();
    if (!read_rules(ruleset, element, "ipsets", rules->ipsets, vs_ipset_read, error) ||
        !read_rules(ruleset, element, "iptables-rules", rules->iptables,
                    vs_iptables_read, error) ||
        !read_rules(ruleset, element, "nft-rules", rules->nft, vs_nft_read, error)) {
        vs_ruleset_free(ruleset);
        return false;
    }
    vs_filter_attach(netns, ruleset);
    return read_ipvs(netns, element, rules->ipvs, error);
}

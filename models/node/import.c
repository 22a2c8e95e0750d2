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

static bool
read_rules(VsRuleset *ruleset, const VsElement *element, const char *attribute,
           const char *file, ReadRules read, GError **error)
{
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    if (!file) {
        return true;
    }
    path = vs_element_path(element, file);
    text = vs_import_read(element, attribute, file, &length, error);
    if (!text) {
        return false;
    }
    if (strlen(text) != length) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s=\"%s\" is no text: it has zero bytes", attribute, file);
        return false;
    }
    return read(ruleset, text, path, error) && link_rules(ruleset, path, error);
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
    return true;
}

/* The nat rules that istio-init writes (istio tools/istio-iptables/pkg/capture/run.go), in its
 * order.  It is called by the injector with all inbound ports but those of the agent:
 * 15020, 15021 and 15090. */
#include "models/sidecar/sidecar.h"

/* Calls 'each' for the ports of "22 8443"; false when there is something else. */
static bool
for_each_port(const char *text, void (*each)(GString *rules, uint64_t port),
              GString *rules)
{
    g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);

    for (unsigned i = 0; words[i]; i++) {
        uint64_t port;

        if (words[i][0] == '\0') {
            continue;
        }
        if (!vs_parse_uint(words[i], &port, NULL) || port == 0 || port > UINT16_MAX) {
            return false;
        }
        if (each) {
            each(rules, port);
        }
    }
    return true;
}

static bool
check_ports(const char *name, const char *text, const VsElement *element,
            GError **error)
{
    if (!for_each_port(text, NULL, NULL)) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_VALUE,
                        "%s=\"%s\" is not a list of ports; write numbers from 1 to "
                        "65535 with blanks between",
                        name, text);
        return false;
    }
    return true;
}

bool
sidecar_check_capture(const SidecarCapture *capture, const VsElement *element,
                      GError **error)
{
    return check_ports("exclude-inbound-ports", capture->exclude_inbound_ports, element,
                       error) &&
           check_ports("exclude-outbound-ports", capture->exclude_outbound_ports,
                       element, error);
}

static void
exclude_inbound(GString *rules, uint64_t port)
{
    g_string_append_printf(
        rules, "-A ISTIO_INBOUND -p tcp --dport %" G_GUINT64_FORMAT " -j RETURN\n",
        port);
}

static void
exclude_outbound(GString *rules, uint64_t port)
{
    static const char *const protocols[] = {"tcp", "udp"};

    for (unsigned i = 0; i < G_N_ELEMENTS(protocols); i++) {
        g_string_append_printf(
            rules, "-A ISTIO_OUTPUT -p %s --dport %" G_GUINT64_FORMAT " -j RETURN\n",
            protocols[i], port);
    }
}

static void
write_prefix(GString *rules, VsPrefix prefix, const char *target)
{
    g_autofree char *address = vs_format_ipv4(prefix.address);

    g_string_append_printf(rules, "-A ISTIO_OUTPUT -d %s/%u -j %s\n", address,
                           prefix.length, target);
}

static void
write_inbound(GString *rules, const SidecarCapture *capture)
{
    g_string_append_printf(rules,
                           "-A ISTIO_INBOUND -p tcp --dport %d -j RETURN\n"
                           "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports %d\n"
                           "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports %d\n"
                           "-A PREROUTING -p tcp -j ISTIO_INBOUND\n",
                           SIDECAR_TUNNEL_PORT, SIDECAR_OUTBOUND_PORT,
                           SIDECAR_INBOUND_PORT);
    for_each_port("15090 15021 15020", exclude_inbound, rules);
    for_each_port(capture->exclude_inbound_ports, exclude_inbound, rules);
    g_string_append(rules, "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT\n");
}

/* 'owner' is "uid" or "gid".  The proxy's packets to the pod's own address come back in as
 * another's would (a pod that calls its own service); programs of the pod reach one another
 * by lo without it; what the proxy sends elsewhere passes. */
static void
write_owner(GString *rules, const char *owner)
{
    g_string_append_printf(
        rules,
        "-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport %d -m owner "
        "--%s-owner %d -j ISTIO_IN_REDIRECT\n"
        "-A ISTIO_OUTPUT -o lo -m owner ! --%s-owner %d -j RETURN\n"
        "-A ISTIO_OUTPUT -m owner --%s-owner %d -j RETURN\n",
        SIDECAR_TUNNEL_PORT, owner, SIDECAR_UID, owner, SIDECAR_UID, owner,
        SIDECAR_UID);
}

static void
write_outbound(GString *rules, const SidecarCapture *capture)
{
    const VsPrefixes *included = &capture->include_outbound;
    const VsPrefixes *excluded = &capture->exclude_outbound;

    g_string_append(rules, "-A OUTPUT -j ISTIO_OUTPUT\n");
    for_each_port(capture->exclude_outbound_ports, exclude_outbound, rules);
    g_string_append(rules, "-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN\n");
    write_owner(rules, "uid");
    write_owner(rules, "gid");
    g_string_append(rules, "-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN\n");
    for (unsigned i = 0; i < excluded->n_prefixes; i++) {
        write_prefix(rules, excluded->prefixes[i], "RETURN");
    }
    for (unsigned i = 0; i < included->n_prefixes; i++) {
        write_prefix(rules, included->prefixes[i], "ISTIO_REDIRECT");
    }
    if (included->n_prefixes == 0) {
        g_string_append(rules, "-A ISTIO_OUTPUT -j ISTIO_REDIRECT\n");
    }
}

bool
sidecar_add_rules(Sidecar *sidecar, const VsElement *element, GError **error)
{
    const SidecarConfig *config = element->config;
    VsNetns *netns = sidecar->pod->netns;
    const VsNetns *root = sidecar->pod->node->host->root;
    GString *text = g_string_new("*nat\n"
                                 ":ISTIO_INBOUND - [0:0]\n"
                                 ":ISTIO_REDIRECT - [0:0]\n"
                                 ":ISTIO_IN_REDIRECT - [0:0]\n"
                                 ":ISTIO_OUTPUT - [0:0]\n");
    g_autofree char *rules = NULL;
    VsRuleset *ruleset = vs_ruleset_new();

    write_inbound(text, &config->capture);
    write_outbound(text, &config->capture);
    g_string_append(text, "COMMIT\n");
    rules = g_string_free(text, FALSE);
    if (!vs_iptables_read(ruleset, rules, "istio-init", error) ||
        !vs_ruleset_link(ruleset, error)) {
        vs_ruleset_free(ruleset);
        return false;
    }
    vs_conntrack_attach(netns, &root->conntrack->config, &sidecar->conntrack);
    vs_filter_attach(netns, ruleset);
    return true;
}

#include "packet/flow.h"

#include <glib.h>

#include "base/units.h"

static const char *
protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case VS_PROTOCOL_ICMP:
        return "icmp";
    case VS_PROTOCOL_IPIP:
        return "ipip";
    case VS_PROTOCOL_TCP:
        return "tcp";
    case VS_PROTOCOL_UDP:
        return "udp";
    default:
        return "ip";
    }
}

char *
vs_flow_format(const VsFlow *flow)
{
    g_autofree char *saddr = vs_format_ipv4(flow->saddr);
    g_autofree char *daddr = vs_format_ipv4(flow->daddr);

    return g_strdup_printf("%s:%u > %s:%u %s", saddr, flow->sport, daddr, flow->dport,
                           protocol_name(flow->protocol));
}

/* Appends "NAME 10.0.0.1:80 -> 10.0.0.2:8080" if that end of a flow has changed. */
static void
append_change(GString *text, const char *name, const VsFlow *flow, VsAddr before,
              uint16_t before_port, VsAddr after, uint16_t after_port)
{
    g_autofree char *old = vs_format_ipv4(before);
    g_autofree char *new = vs_format_ipv4(after);

    if (before == after && before_port == after_port) {
        return;
    }
    g_string_append_printf(text, "%s%s ", text->len > 0 ? ", " : "", name);
    if (flow->protocol == VS_PROTOCOL_ICMP) { /* No ports. */
        g_string_append_printf(text, "%s -> %s", old, new);
    } else {
        g_string_append_printf(text, "%s:%u -> %s:%u", old, before_port, new,
                               after_port);
    }
}

char *
vs_flow_format_change(const VsFlow *before, const VsFlow *after)
{
    GString *text = g_string_new(NULL);

    append_change(text, "source", after, before->saddr, before->sport, after->saddr,
                  after->sport);
    append_change(text, "destination", after, before->daddr, before->dport,
                  after->daddr, after->dport);
    return g_string_free(text, FALSE);
}

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

#include "net/decision.h"

void
vs_decision_translated(const VsNetns *netns, VsPacket *packet, const char *by,
                       const VsFlow *before, const VsFlow *quoted)
{
    const VsLayer *top = vs_packet_top(packet);
    g_autofree char *change = vs_flow_format_change(before, &top->flow);
    g_autofree char *inside =
        quoted ? vs_flow_format_change(quoted, &(top - 1)->flow) : g_strdup("");
    bool has_both = *change && *inside;

    if (*change || *inside) {
        vs_note_add(packet, netns, "%s: %s%s%s%s", by, change, has_both ? ", " : "",
                    *inside ? "quoted " : "", inside);
    }
}

void
vs_decision_answered(const VsNetns *netns, const VsPacket *cause, VsPacket *answer)
{
    g_autofree char *flow = vs_flow_format(&cause->layers[cause->n_layers - 1].flow);

    vs_note_add(answer, netns, "made here about %s", flow);
}

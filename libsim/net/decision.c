#include "net/decision.h"

#include "base/units.h"

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

static void
append_changes(GString *text, const char *source, const char *destination,
               const VsFlow *before, const VsFlow *after)
{
    append_change(text, source, after, before->saddr, before->sport, after->saddr,
                  after->sport);
    append_change(text, destination, after, before->daddr, before->dport, after->daddr,
                  after->dport);
}

void
vs_decision_translated(const VsNetns *netns, VsPacket *packet, const char *by,
                       const VsFlow *before, const VsFlow *quoted)
{
    const VsLayer *top = vs_packet_top(packet);
    g_autoptr(GString) text = g_string_new(NULL);

    append_changes(text, "source", "destination", before, &top->flow);
    if (quoted) {
        append_changes(text, "quoted source", "quoted destination", quoted,
                       &(top - 1)->flow);
    }
    if (text->len > 0) {
        vs_note_add(packet, netns, "%s: %s", by, text->str);
    }
}

void
vs_decision_answered(const VsNetns *netns, const VsPacket *cause, VsPacket *answer)
{
    g_autofree char *flow = vs_flow_format(&cause->layers[cause->n_layers - 1].flow);

    vs_note_add(answer, netns, "made here about %s", flow);
}

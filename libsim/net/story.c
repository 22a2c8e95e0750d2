#include "net/story.h"

#include <glib.h>

#include "base/units.h"
#include "net/host.h"
#include "net/multipath.h"

static const char *const point_names[VS_HOOK_N_POINTS] = {
    [VS_HOOK_PREROUTING] = "PREROUTING",   [VS_HOOK_INPUT] = "INPUT",
    [VS_HOOK_FORWARD] = "FORWARD",         [VS_HOOK_OUTPUT] = "OUTPUT",
    [VS_HOOK_POSTROUTING] = "POSTROUTING",
};

const char *
vs_hook_point_name(VsHookPoint point)
{
    return point_names[point];
}

VsTraceRecord *
vs_story_add(const VsNetns *netns, VsPacket *packet, VsTraceKind kind)
{
    const VsCore *core = netns->host->core;

    return vs_trace_add(packet, kind, netns->name, core ? core->charge : 0);
}

void
vs_story_hook(const VsHookState *state, VsPacket *packet)
{
    VsTraceRecord *record = vs_story_add(state->netns, packet, VS_TRACE_HOOK);
    g_autoptr(GString) text = g_string_new(NULL);

    record->name = g_strdup(point_names[state->point]);
    record->device = g_strdup(state->in ? state->in->name : NULL);
    if (state->in) {
        g_string_append_printf(text, "in %s", state->in->name);
    }
    if (state->out) {
        g_string_append_printf(text, "%sout %s", text->len ? ", " : "",
                               state->out->name);
    }
    if (state->physin) {
        g_string_append_printf(text, ", bridged from %s", state->physin->name);
    }
    if (state->physout) {
        g_string_append_printf(text, " to %s", state->physout->name);
    }
    record->text = g_strdup(text->str);
    if (state->point == VS_HOOK_FORWARD && !state->physin) { /* Routed: one hop less. */
        record->has_before = true;
        record->before = record->after;
        record->before.ttl++;
    }
}

/* The rule and the next hop that were chosen, or NULL. */
static char *
explain_route(const VsRoute *route, const VsPolicyChoice *choice)
{
    g_autofree char *rule = choice->rule ? vs_policy_rule_format(choice->rule) : NULL;
    g_autofree char *hop =
        choice->multipath ? vs_multipath_explain(choice->multipath, route, choice->hash)
                          : NULL;

    if (!rule) {
        return g_steal_pointer(&hop);
    }
    return g_strdup_printf("rule %u: %s%s%s", choice->rule->priority, rule,
                           hop ? "; " : "", hop ? hop : "");
}

void
vs_story_route(const VsNetns *netns, VsPacket *packet, const VsRoute *route,
               const VsPolicyChoice *choice)
{
    VsTraceRecord *record = vs_story_add(netns, packet, VS_TRACE_ROUTE);
    g_autofree char *prefix =
        route ? vs_format_ipv4_prefix(route->prefix, route->length) : NULL;
    g_autofree char *via = route && route->via ? vs_format_ipv4(route->via) : NULL;

    record->cost = choice->n_tables * netns->host->costs.route_lookup;
    record->why = explain_route(route, choice);
    if (!route) {
        record->text = g_strdup("no route");
        record->verdict = g_strdup("unreachable");
        return;
    }
    record->device = g_strdup(route->iface ? route->iface->name : NULL);
    switch (route->type) {
    case VS_ROUTE_LOCAL:
        record->text = g_strdup_printf("local %s dev lo", prefix);
        record->verdict = g_strdup("local");
        break;
    case VS_ROUTE_BLACKHOLE:
        record->text = g_strdup_printf("blackhole %s", prefix);
        record->verdict = g_strdup("blackhole");
        break;
    case VS_ROUTE_UNREACHABLE:
        record->text = g_strdup_printf("unreachable %s", prefix);
        record->verdict = g_strdup("unreachable");
        break;
    case VS_ROUTE_UNICAST:
        record->text = g_strdup_printf("%s%s%s dev %s", prefix, via ? " via " : "",
                                       via ? via : "", route->iface->name);
        record->verdict = g_strdup("unicast");
        break;
    }
}

void
vs_story_neighbour(VsIface *iface, VsPacket *packet, VsAddr next_hop, uint64_t mac)
{
    VsTraceRecord *record = vs_story_add(iface->netns, packet, VS_TRACE_NEIGHBOUR);
    g_autofree char *address = vs_format_ipv4(next_hop);
    g_autofree char *hardware = vs_format_mac(mac);

    record->device = g_strdup(iface->name);
    record->text = g_strdup_printf("%s lladdr %s", address, hardware);
    record->verdict = g_strdup("reachable");
    record->cost = iface->netns->host->costs.neighbour_lookup;
}

void
vs_story_wait_neighbour(VsIface *iface, VsPacket *packet, VsAddr next_hop)
{
    VsTraceRecord *record = vs_story_add(iface->netns, packet, VS_TRACE_NEIGHBOUR);
    g_autofree char *address = vs_format_ipv4(next_hop);

    record->device = g_strdup(iface->name);
    record->text = g_strdup(address);
    record->verdict = g_strdup("incomplete");
    record->why = g_strdup("unknown: asked by ARP, the packet waits");
    record->cost = iface->netns->host->costs.neighbour_lookup;
}

void
vs_story_bridge(const VsIface *bridge, VsPacket *packet, const VsIface *port,
                const char *why)
{
    VsTraceRecord *record = vs_story_add(bridge->netns, packet, VS_TRACE_BRIDGE);

    record->name = g_strdup(bridge->name);
    record->device = g_strdup(port ? port->name : NULL);
    record->why = g_strdup(why);
    record->verdict = g_strdup(port ? "forward" : "flood");
    record->cost = bridge->netns->host->costs.bridge_forward;
}

void
vs_story_iface(const VsIface *iface, VsPacket *packet, VsTraceKind kind)
{
    VsTraceRecord *record = vs_story_add(iface->netns, packet, kind);

    record->device = g_strdup(iface->name);
}

void
vs_story_answer(const VsNetns *netns, const VsPacket *cause, VsPacket *answer)
{
    VsTraceRecord *record;
    g_autofree char *flow = vs_flow_format(&cause->layers[cause->n_layers - 1].flow);

    answer->flags |= VS_PACKET_TRACED;
    record = vs_story_add(netns, answer, VS_TRACE_SEND);
    record->text = g_strdup_printf("made here about %s", flow);
}

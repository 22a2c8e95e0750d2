#include "netfilter/conntrack_story.h"

#include <string.h>

#include "net/host.h"
#include "net/story.h"

/* "172.16.0.1:32768 > 10.0.0.1:80 tcp", without a zone's. */
static char *
format_original(const VsConntrackEntry *entry)
{
    return vs_flow_format(&entry->tuple[VS_CT_ORIGINAL]);
}

/* What rules see, and the state of TCP. */
static char *
describe_state(const VsPacket *packet)
{
    const VsConntrackEntry *entry = packet->ct;
    uint32_t state = vs_conntrack_state(packet);
    const char *seen = state & VS_CT_STATE_RELATED       ? "RELATED"
                       : state & VS_CT_STATE_ESTABLISHED ? "ESTABLISHED"
                                                         : "NEW";

    return entry->state == VS_CT_NONE
               ? g_strdup_printf("rules see %s", seen)
               : g_strdup_printf("rules see %s, the entry is %s", seen,
                                 vs_ct_state_name((VsCtState)entry->state));
}

static void
describe_entry(VsTraceRecord *record, const VsPacket *packet)
{
    g_autofree char *original = format_original(packet->ct);

    if (packet->flags & VS_PACKET_CT_RELATED) {
        record->verdict = g_strdup("related");
        record->text = g_strdup_printf("about %s", original);
    } else if (packet->flags & VS_PACKET_CT_NEW) {
        record->verdict = g_strdup("new");
        record->text = g_strdup(original);
    } else {
        record->verdict = g_strdup("found");
        record->text = g_strdup_printf(
            packet->ct_dir == VS_CT_REPLY ? "reply of %s" : "original of %s", original);
    }
    record->why = describe_state(packet);
}

void
vs_ct_story_tracked(const VsNetns *netns, VsPacket *packet, VsTime cost)
{
    VsTraceRecord *record = vs_story_add(netns, packet, VS_TRACE_CONNTRACK);

    record->cost = cost;
    if (packet->flags & VS_PACKET_NOTRACK) {
        record->verdict = g_strdup("untracked");
        record->why = g_strdup("a rule said so");
    } else if (packet->ct) {
        describe_entry(record, packet);
    } else {
        record->verdict = g_strdup("invalid");
        record->why = g_strdup("it belongs to no connection and opens none");
    }
}

static const char *
explain_confirmation(const VsConntrackEntry *made, const VsConntrackEntry *now)
{
    if (now != made) {
        return "a packet of the same flow was faster: this one joins its entry";
    }
    return now->status & VS_CT_NAT_CLASH
               ? "another connection has its original tuple: kept for replies alone"
               : NULL;
}

void
vs_ct_story_confirmed(const VsNetns *netns, VsPacket *packet,
                      const VsConntrackEntry *made)
{
    VsTraceRecord *record = vs_story_add(netns, packet, VS_TRACE_CONNTRACK);
    g_autofree char *original = format_original(packet->ct);
    g_autofree char *reply = vs_flow_format(&packet->ct->tuple[VS_CT_REPLY]);

    record->verdict = g_strdup("confirmed");
    record->text = g_strdup_printf("%s, reply %s", original, reply);
    record->why = g_strdup(explain_confirmation(made, packet->ct));
    record->cost = netns->host->costs.conntrack_insert;
}

void
vs_ct_story_clashed(const VsNetns *netns, VsPacket *packet,
                    const VsConntrackEntry *winner)
{
    VsTraceRecord *record = vs_story_add(netns, packet, VS_TRACE_CONNTRACK);
    g_autofree char *original = format_original(winner);
    g_autofree char *reply = vs_flow_format(&winner->tuple[VS_CT_REPLY]);

    record->verdict = g_strdup("clash");
    record->text = format_original(packet->ct);
    record->why =
        g_strdup_printf("a tuple of it is of %s, reply %s, already", original, reply);
    record->cost = netns->host->costs.conntrack_insert;
}

/* True for the verdicts of rules that translate (rule_story.c). */
static bool
is_translation(const char *verdict)
{
    static const char *const names[] = {"dnat", "snat", "masquerade", "redirect", NULL};

    return g_strv_contains(names, verdict ? verdict : "");
}

/* The rule that translated the packet since the present hook began, or NULL. */
static const VsTraceRecord *
find_rule(const VsPacket *packet, const char *place)
{
    const VsTrace *trace = packet->run->trace;
    const VsTraceRecord *record = vs_trace_last(trace, packet->number);

    while (record && record->kind != VS_TRACE_HOOK &&
           strcmp(record->place, place) == 0) {
        if (record->kind == VS_TRACE_RULE && is_translation(record->verdict)) {
            return record;
        }
        record = vs_trace_previous(trace, record);
    }
    return NULL;
}

void
vs_ct_story_translated(const VsNetns *netns, VsPacket *packet, const VsLayer *before,
                       const VsFlow *quoted, VsNatManip manip)
{
    const VsTraceRecord *rule = find_rule(packet, netns->name);
    g_autofree char *why = NULL;
    VsTraceRecord *record;

    if (rule) {
        why = g_strdup_printf("by rule %u of chain %s, table %s", rule->number,
                              rule->name, rule->table);
    } else {
        why =
            g_strdup(packet->flags & VS_PACKET_CT_NEW ? "as its connection was set up"
                     : packet->ct_dir == VS_CT_REPLY ? "back, by the connection's entry"
                                                     : "by the connection's entry");
    }
    record = vs_story_add(netns, packet, VS_TRACE_NAT);
    record->verdict = g_strdup(manip == VS_NAT_SRC ? "source" : "destination");
    record->why = g_steal_pointer(&why);
    if (quoted) {
        g_autofree char *change =
            vs_flow_format_change(quoted, &packet->layers[packet->n_layers - 2].flow);

        record->text = g_strconcat("quoted ", change, NULL);
    }
    record->has_before = true;
    record->before = *before;
    record->cost = netns->host->costs.nat_rewrite;
}

/* How an entry enters the table, and who wins when two packets of a connection, or two
 * connections, race for it. */
#include "netfilter/conntrack_internal.h"
#include "netfilter/conntrack_story.h"
#include "packet/trace.h"

/* An entry kept for replies alone lives this long. */
#define CLASH_TIMEOUT (1 * VS_S)

static VsConntrackEntry *
find_tuple(const VsConntrack *conntrack, const VsFlow *tuple)
{
    VsCtDir dir;

    return vs_conntrack_find(conntrack, tuple, &dir);
}

/* The packet joins 'winner', if its entry has the same tuples. */
static bool
merge(VsConntrackEntry *loser, VsConntrackEntry *winner, VsPacket *packet)
{
    if (!vs_flow_equals(&loser->tuple[0], &winner->tuple[0]) ||
        !vs_flow_equals(&loser->tuple[1], &winner->tuple[1])) {
        return false;
    }
    winner->n_packets[VS_CT_ORIGINAL] += loser->n_packets[VS_CT_ORIGINAL];
    vs_ct_entry_free(loser);
    packet->ct = winner;
    return true;
}

/* 'winner' has a tuple that 'loser' wants (nf_ct_resolve_clash).  True when the packet may
 * go on. */
static bool
resolve_clash(VsConntrack *conntrack, VsConntrackEntry *loser, VsConntrackEntry *winner,
              VsPacket *packet)
{
    VsConntrackEntry *other;

    if (loser->tuple[VS_CT_ORIGINAL].protocol != VS_PROTOCOL_UDP ||
        conntrack->config.clash == VS_CT_CLASH_DROP) {
        return false;
    }
    if (merge(loser, winner, packet)) {
        return true;
    }
    if (conntrack->config.clash == VS_CT_CLASH_MERGE) {
        return false;
    }
    other = find_tuple(conntrack, &loser->tuple[VS_CT_REPLY]);
    if (other) {
        return merge(loser, other, packet);
    }
    loser->status |= VS_CT_NAT_CLASH;
    return true;
}

/* The entry enters the table, where cores find it from now on. */
static void
insert(VsConntrack *conntrack, VsConntrackEntry *entry)
{
    if (G_UNLIKELY(entry->status & VS_CT_NAT_CLASH)) {
        entry->expires = vs_now(conntrack->netns->run) + CLASH_TIMEOUT;
        entry->status |= VS_CT_FIXED_TIMEOUT;
    } else {
        vs_table_insert(&conntrack->tuples, vs_flow_key(&entry->tuple[VS_CT_ORIGINAL]),
                        entry);
    }
    vs_table_insert(&conntrack->tuples, vs_flow_key(&entry->tuple[VS_CT_REPLY]),
                    (void *)((uintptr_t)entry | VS_CT_DIR_BIT));
    entry->status |= VS_CT_CONFIRMED;
    entry->visible = vs_ct_walk_time(conntrack);
    conntrack->stats->n_entries++;
    conntrack->stats->n_entries_max =
        MAX(conntrack->stats->n_entries_max, conntrack->stats->n_entries);
    vs_timer_arm(&entry->timeout, entry->expires);
}

static VsVerdict
confirm(VsConntrack *conntrack, VsPacket *packet)
{
    VsHost *host = conntrack->netns->host;
    VsConntrackEntry *entry = packet->ct;
    VsConntrackEntry *winner;

    conntrack->unconfirmed = NULL;
    vs_host_charge(host, host->costs.conntrack_insert);
    winner = find_tuple(conntrack, &entry->tuple[VS_CT_ORIGINAL]);
    if (!winner) {
        winner = find_tuple(conntrack, &entry->tuple[VS_CT_REPLY]);
    }
    if (G_UNLIKELY(winner)) {
        if (!resolve_clash(conntrack, entry, winner, packet)) {
            conntrack->stats->insert_failed++;
            conntrack->stats->drop++;
            if (vs_packet_is_traced(packet)) {
                vs_ct_story_clashed(conntrack->netns, packet, winner);
            }
            vs_ct_entry_free(entry);
            vs_packet_drop(packet, VS_DROP_CONNTRACK_CLASH);
            return VS_VERDICT_STOLEN;
        }
        conntrack->stats->clash_resolve++;
    }
    if (G_LIKELY(packet->ct == entry)) {
        insert(conntrack, entry);
    }
    if (vs_packet_is_traced(packet)) {
        vs_ct_story_confirmed(conntrack->netns, packet, entry);
    }
    return VS_VERDICT_ACCEPT;
}

VsVerdict
vs_ct_confirm_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    VsConntrack *conntrack = data;

    (void)state;
    vs_packet_top(packet)->flow.zone = 0; /* Of this namespace alone. */
    if (G_UNLIKELY(packet->flags & VS_PACKET_CT_HELD)) {
        vs_ct_put(packet);
    } else if (packet->ct && packet->ct == conntrack->unconfirmed) {
        return confirm(conntrack, packet);
    }
    return VS_VERDICT_ACCEPT;
}

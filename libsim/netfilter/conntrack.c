#include "netfilter/conntrack.h"

#include <glib.h>

#include "net/icmp.h"
#include "netfilter/nat.h"

enum { ENTRIES_A_SLAB = 128 };

#define DIR_BIT ((uintptr_t)1)

const VsConntrackConfig vs_conntrack_config_default = {
    .max = 262144,
    .tcp_timeout =
        {
            [VS_CT_SYN_SENT] = 120 * VS_S,
            [VS_CT_SYN_RECV] = 60 * VS_S,
            [VS_CT_ESTABLISHED] = 86400 * VS_S, /* kube-proxy; the kernel: 432000. */
            [VS_CT_FIN_WAIT] = 120 * VS_S,
            [VS_CT_CLOSE_WAIT] = 3600 * VS_S, /* kube-proxy; the kernel: 60. */
            [VS_CT_LAST_ACK] = 30 * VS_S,
            [VS_CT_TIME_WAIT] = 120 * VS_S,
            [VS_CT_CLOSE] = 10 * VS_S,
        },
    .udp_timeout = 30 * VS_S,
    .udp_stream_timeout = 120 * VS_S,
    .icmp_timeout = 30 * VS_S,
};

static VsVerdict track_hook(void *data, VsPacket *packet, const VsHookState *state);
static VsVerdict confirm_hook(void *data, VsPacket *packet, const VsHookState *state);
static void conntrack_free(VsConntrack *conntrack);
static void entry_timeout(VsTimer *timer);
static void entry_free(VsConntrackEntry *entry);

static const VsHook hooks[] = {
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_CONNTRACK, track_hook},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_CONNTRACK, track_hook},
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_NAT_DST, vs_nat_dst_hook},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST, vs_nat_dst_hook},
    {VS_HOOK_POSTROUTING, VS_HOOK_PRI_NAT_SRC, vs_nat_src_hook},
    {VS_HOOK_INPUT, VS_HOOK_PRI_NAT_SRC, vs_nat_src_hook},
    {VS_HOOK_POSTROUTING, VS_HOOK_PRI_CONFIRM, confirm_hook},
    {VS_HOOK_INPUT, VS_HOOK_PRI_CONFIRM, confirm_hook},
    {0},
};

static const char *const state_names[VS_CT_N_STATES] = {
    [VS_CT_NONE] = "NONE",         [VS_CT_SYN_SENT] = "SYN_SENT",
    [VS_CT_SYN_RECV] = "SYN_RECV", [VS_CT_ESTABLISHED] = "ESTABLISHED",
    [VS_CT_FIN_WAIT] = "FIN_WAIT", [VS_CT_CLOSE_WAIT] = "CLOSE_WAIT",
    [VS_CT_LAST_ACK] = "LAST_ACK", [VS_CT_TIME_WAIT] = "TIME_WAIT",
    [VS_CT_CLOSE] = "CLOSE",
};

const char *
vs_ct_state_name(VsCtState state)
{
    return state_names[state];
}

VsConntrack *
vs_conntrack_attach(VsNetns *netns, const VsConntrackConfig *config)
{
    VsConntrack *conntrack = g_new0(VsConntrack, 1);

    g_assert(!netns->conntrack);
    conntrack->netns = netns;
    conntrack->config = *config;
    vs_table_init(&conntrack->tuples);
    vs_pool_init(&conntrack->entries, sizeof(VsConntrackEntry), ENTRIES_A_SLAB);
    vs_rng_init(&conntrack->rng, netns->run->seed, netns->name, "nat");
    netns->conntrack = conntrack;
    netns->free_conntrack = conntrack_free;
    vs_netns_add_hooks(netns, hooks, conntrack);
    return conntrack;
}

VsConntrackEntry *
vs_conntrack_find(const VsConntrack *conntrack, const VsFlow *flow, VsCtDir *ret_dir)
{
    uintptr_t value = (uintptr_t)vs_table_find(&conntrack->tuples, vs_flow_key(flow));

    *ret_dir = (VsCtDir)(value & DIR_BIT);
    return (VsConntrackEntry *)(value & ~DIR_BIT);
}

static void
conntrack_free(VsConntrack *conntrack)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&conntrack->tuples, &cursor, &key, &value)) {
        if (!((uintptr_t)value & DIR_BIT)) {
            vs_timer_cancel(&((VsConntrackEntry *)value)->timeout);
        }
    }
    vs_table_clear(&conntrack->tuples);
    vs_pool_clear(&conntrack->entries);
    g_free(conntrack);
}

static VsConntrackEntry *
entry_new(VsConntrack *conntrack, const VsFlow *flow)
{
    VsConntrackEntry *entry = vs_pool_alloc(&conntrack->entries);

    *entry = (VsConntrackEntry){.table = conntrack};
    entry->tuple[VS_CT_ORIGINAL] = *flow;
    entry->tuple[VS_CT_REPLY] = vs_flow_reverse(flow);
    vs_timer_init(&entry->timeout, &conntrack->netns->host->entity, entry_timeout);
    conntrack->n_created++;
    return entry;
}

static void
entry_release(VsConntrackEntry *entry)
{
    if (entry->release) {
        void (*release)(VsConntrackEntry *) = entry->release;

        entry->release = NULL;
        release(entry);
    }
}

static void
entry_free(VsConntrackEntry *entry)
{
    VsConntrack *conntrack = entry->table;

    entry_release(entry);
    vs_timer_cancel(&entry->timeout);
    if (entry->status & VS_CT_CONFIRMED) {
        vs_table_remove(&conntrack->tuples, vs_flow_key(&entry->tuple[VS_CT_ORIGINAL]));
        vs_table_remove(&conntrack->tuples, vs_flow_key(&entry->tuple[VS_CT_REPLY]));
        conntrack->n_entries--;
    }
    vs_pool_free(&conntrack->entries, entry);
}

static void
entry_timeout(VsTimer *timer)
{
    VsConntrackEntry *entry = VS_CONTAINER_OF(timer, VsConntrackEntry, timeout);

    if (entry->expires > timer->due) {
        vs_timer_arm(timer, entry->expires);
    } else {
        entry_free(entry);
    }
}

/* The entry lives 'timeout' longer than now.  The timer is left alone when it fires early
 * enough to find that out by itself. */
static void
refresh(VsConntrackEntry *entry, VsTime timeout)
{
    entry->expires = vs_now(entry->table->netns->run) + timeout;
    if ((entry->status & VS_CT_CONFIRMED) &&
        (!vs_timer_is_armed(&entry->timeout) || entry->timeout.due > entry->expires)) {
        vs_timer_arm(&entry->timeout, entry->expires);
    }
}

/* The state after a segment, for connections seen from their first packet on; a closing
 * FIN and its ACK move both sides as in the kernel's table. */
static VsCtState
next_tcp_state(VsConntrackEntry *entry, const VsTcpHeader *tcp, VsCtDir dir)
{
    VsCtState state = (VsCtState)entry->state;

    if (tcp->flags & VS_TCP_RST) {
        return VS_CT_CLOSE;
    }
    if (state == VS_CT_TIME_WAIT || state == VS_CT_CLOSE) {
        return state; /* Late segments do not bring it back to life. */
    }
    if (tcp->flags & VS_TCP_SYN) {
        if (tcp->flags & VS_TCP_ACK) {
            return state == VS_CT_SYN_SENT && dir == VS_CT_REPLY ? VS_CT_SYN_RECV
                                                                 : state;
        }
        return state == VS_CT_NONE ? VS_CT_SYN_SENT : state;
    }
    if (tcp->flags & VS_TCP_FIN) {
        entry->fin_seen[dir] = 1;
        return entry->fin_seen[!dir] ? VS_CT_LAST_ACK : VS_CT_FIN_WAIT;
    }
    switch (state) {
    case VS_CT_NONE: /* Picked up in the middle. */
        return VS_CT_ESTABLISHED;
    case VS_CT_SYN_RECV:
        return dir == VS_CT_ORIGINAL ? VS_CT_ESTABLISHED : state;
    case VS_CT_FIN_WAIT:
        return entry->fin_seen[dir] ? state : VS_CT_CLOSE_WAIT;
    case VS_CT_LAST_ACK:
        return VS_CT_TIME_WAIT;
    default:
        return state;
    }
}

static void
track_tcp(VsConntrackEntry *entry, const VsTcpHeader *tcp, VsCtDir dir)
{
    VsConntrack *conntrack = entry->table;

    entry->state = (uint8_t)next_tcp_state(entry, tcp, dir);
    if (entry->state == VS_CT_ESTABLISHED) {
        entry->status |= VS_CT_ASSURED;
    }
    if (entry->state == VS_CT_TIME_WAIT || entry->state == VS_CT_CLOSE) {
        entry_release(entry);
    }
    refresh(entry, conntrack->config.tcp_timeout[entry->state]);
}

static void
track_packet(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir)
{
    const VsConntrackConfig *config = &entry->table->config;

    entry->n_packets[dir]++;
    if (dir == VS_CT_REPLY) {
        entry->status |= VS_CT_SEEN_REPLY;
    }
    switch (top->flow.protocol) {
    case VS_PROTOCOL_TCP:
        track_tcp(entry, &top->tcp, dir);
        break;
    case VS_PROTOCOL_UDP:
        refresh(entry, entry->status & VS_CT_SEEN_REPLY ? config->udp_stream_timeout
                                                        : config->udp_timeout);
        break;
    default:
        refresh(entry, config->icmp_timeout);
        break;
    }
}

/* Only a SYN, or an ACK of a connection that began before we looked, makes an entry; a
 * stray SYN/ACK, FIN or RST is INVALID. */
static bool
opens_connection(const VsLayer *top)
{
    uint8_t flags = top->tcp.flags;

    if (top->flow.protocol != VS_PROTOCOL_TCP) {
        return true;
    }
    if (flags & VS_TCP_RST) {
        return false;
    }
    return flags & VS_TCP_SYN ? !(flags & VS_TCP_ACK)
                              : (flags & (VS_TCP_ACK | VS_TCP_FIN)) == VS_TCP_ACK;
}

/* A SYN may open the connection anew when the old one is over. */
static bool
is_reopened(const VsConntrackEntry *entry, const VsLayer *top)
{
    return top->flow.protocol == VS_PROTOCOL_TCP &&
           (top->tcp.flags & (VS_TCP_SYN | VS_TCP_ACK)) == VS_TCP_SYN &&
           (entry->state == VS_CT_TIME_WAIT || entry->state == VS_CT_CLOSE ||
            entry->state == VS_CT_LAST_ACK);
}

/* An ICMP error belongs to the connection of the packet it quotes, in the direction
 * opposite to that packet's (the kernel's RELATED). */
static void
track_error(VsConntrack *conntrack, VsPacket *packet)
{
    const VsFlow *quoted = &packet->layers[packet->n_layers - 2].flow;
    VsFlow reverse = vs_flow_reverse(quoted);
    VsCtDir dir;
    VsConntrackEntry *entry = vs_conntrack_find(conntrack, &reverse, &dir);

    if (entry) {
        packet->ct = entry;
        packet->ct_dir = (uint8_t)dir;
    }
}

static VsVerdict
track_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    VsConntrack *conntrack = data;
    VsHost *host = state->netns->host;
    const VsLayer *top = vs_packet_top(packet);
    VsConntrackEntry *entry;
    VsCtDir dir;

    if (conntrack->unconfirmed) {
        entry_free(conntrack->unconfirmed);
        conntrack->unconfirmed = NULL;
    }
    if (packet->ct) {
        return VS_VERDICT_ACCEPT; /* Looped back: tracked on its way out. */
    }
    vs_host_charge(host, host->costs.conntrack_lookup);
    packet->flags &= (uint16_t)~VS_PACKET_CT_NEW;
    if (G_UNLIKELY(vs_icmp_is_error(top))) {
        track_error(conntrack, packet);
        return VS_VERDICT_ACCEPT;
    }

    entry = vs_conntrack_find(conntrack, &top->flow, &dir);
    if (entry && is_reopened(entry, top)) {
        entry_free(entry);
        entry = NULL;
    }
    if (!entry) {
        if (!opens_connection(top)) {
            return VS_VERDICT_ACCEPT;
        }
        if (conntrack->config.max > 0 &&
            conntrack->n_entries >= conntrack->config.max) {
            conntrack->n_full++;
            vs_packet_drop(packet, VS_DROP_CONNTRACK_FULL);
            return VS_VERDICT_STOLEN;
        }
        entry = entry_new(conntrack, &top->flow);
        dir = VS_CT_ORIGINAL;
        conntrack->unconfirmed = entry;
        packet->flags |= VS_PACKET_CT_NEW;
    }
    packet->ct = entry;
    packet->ct_dir = (uint8_t)dir;
    track_packet(entry, top, dir);
    return VS_VERDICT_ACCEPT;
}

static VsVerdict
confirm_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    VsConntrack *conntrack = data;
    VsHost *host = state->netns->host;
    VsConntrackEntry *entry = packet->ct;
    VsKey original;
    VsKey reply;

    if (!entry || entry != conntrack->unconfirmed) {
        return VS_VERDICT_ACCEPT;
    }
    vs_host_charge(host, host->costs.conntrack_insert);
    original = vs_flow_key(&entry->tuple[VS_CT_ORIGINAL]);
    reply = vs_flow_key(&entry->tuple[VS_CT_REPLY]);
    if (vs_table_find(&conntrack->tuples, original) ||
        vs_table_find(&conntrack->tuples, reply)) {
        conntrack->n_insert_failed++;
        vs_packet_drop(packet, VS_DROP_CONNTRACK_CLASH);
        return VS_VERDICT_STOLEN;
    }
    vs_table_insert(&conntrack->tuples, original, entry);
    vs_table_insert(&conntrack->tuples, reply, (void *)((uintptr_t)entry | DIR_BIT));
    conntrack->unconfirmed = NULL;
    entry->status |= VS_CT_CONFIRMED;
    conntrack->n_entries++;
    conntrack->n_entries_max = MAX(conntrack->n_entries_max, conntrack->n_entries);
    vs_timer_arm(&entry->timeout, entry->expires);
    return VS_VERDICT_ACCEPT;
}

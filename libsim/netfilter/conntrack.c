#include "netfilter/conntrack.h"

#include <glib.h>

#include "net/icmp.h"
#include "netfilter/conntrack_internal.h"
#include "netfilter/conntrack_story.h"
#include "netfilter/conntrack_tcp.h"
#include "netfilter/nat.h"
#include "packet/trace.h"

enum {
    ENTRIES_A_SLAB = 128,
    EVICTION_BUCKETS = 8, /* The kernel's NF_CT_EVICTION_RANGE. */
    BUCKET_MAX_TUPLES = 32,
    KERNEL_BUCKETS = 262144,
};

/* An answered UDP flow is a stream when it is older than this. */
#define UDP_STREAM_AGE (2 * VS_S)

const VsConntrackConfig vs_conntrack_config_default = {
    .max = KERNEL_BUCKETS,
    .n_buckets = KERNEL_BUCKETS,
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
            [VS_CT_SYN_SENT2] = 120 * VS_S,
        },
    .tcp_unacknowledged_timeout = 300 * VS_S,
    .tcp_retransmitted_timeout = 300 * VS_S,
    .tcp_max_retransmitted = 3,
    .udp_timeout = 30 * VS_S,
    .udp_stream_timeout = 120 * VS_S,
    .icmp_timeout = 30 * VS_S,
    .generic_timeout = 600 * VS_S,
};

static VsVerdict track_hook(void *data, VsPacket *packet, const VsHookState *state);
static void conntrack_free(VsConntrack *conntrack);
static void entry_timeout(VsTimer *timer);
static void hold(VsPacket *packet);
static void resume(VsPacket *packet);
static void bury(VsConntrack *conntrack);

static const VsHook hooks[] = {
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_CONNTRACK, track_hook},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_CONNTRACK, track_hook},
    {VS_HOOK_PREROUTING, VS_HOOK_PRI_NAT_DST, vs_nat_dst_hook},
    {VS_HOOK_OUTPUT, VS_HOOK_PRI_NAT_DST, vs_nat_dst_hook},
    {VS_HOOK_POSTROUTING, VS_HOOK_PRI_NAT_SRC, vs_nat_src_hook},
    {VS_HOOK_INPUT, VS_HOOK_PRI_NAT_SRC, vs_nat_src_hook},
    {VS_HOOK_POSTROUTING, VS_HOOK_PRI_CONFIRM, vs_ct_confirm_hook},
    {VS_HOOK_INPUT, VS_HOOK_PRI_CONFIRM, vs_ct_confirm_hook},
    {0},
};

VsConntrackConfig
vs_conntrack_config_for(unsigned n_cores, uint32_t max_per_core, uint32_t min)
{
    VsConntrackConfig config = vs_conntrack_config_default;

    config.max = MAX(max_per_core * n_cores, min);
    config.n_buckets = MAX((uint32_t)KERNEL_BUCKETS, config.max / 4);
    return config;
}

VsConntrack *
vs_conntrack_attach(VsNetns *netns, const VsConntrackConfig *config,
                    VsConntrackStats *stats)
{
    VsConntrack *conntrack = g_new0(VsConntrack, 1);

    g_assert(!netns->conntrack);
    conntrack->netns = netns;
    conntrack->config = *config;
    conntrack->stats = stats;
    vs_table_init(&conntrack->tuples);
    vs_pool_init(&conntrack->entries, sizeof(VsConntrackEntry), ENTRIES_A_SLAB);
    vs_rng_init(&conntrack->rng, netns->run->seed, netns->name, "nat");
    vs_table_init(&conntrack->sources);
    netns->conntrack = conntrack;
    netns->free_conntrack = conntrack_free;
    netns->relate_conntrack = vs_conntrack_relate;
    netns->hold_conntrack = hold;
    netns->resume_conntrack = resume;
    netns->run->packets->put_ct = vs_ct_put;
    vs_netns_add_hooks(netns, hooks, conntrack);
    return conntrack;
}

VsConntrackEntry *
vs_conntrack_find(const VsConntrack *conntrack, const VsFlow *flow, VsCtDir *ret_dir)
{
    uintptr_t value = (uintptr_t)vs_table_find(&conntrack->tuples, vs_flow_key(flow));

    *ret_dir = (VsCtDir)(value & VS_CT_DIR_BIT);
    return (VsConntrackEntry *)(value & ~VS_CT_DIR_BIT);
}

bool
vs_conntrack_original_destination(const VsConntrack *conntrack, const VsFlow *flow,
                                  VsAddr *ret_daddr, uint16_t *ret_dport)
{
    VsCtDir dir;
    const VsConntrackEntry *entry = vs_conntrack_find(conntrack, flow, &dir);

    if (!entry) {
        return false;
    }
    *ret_daddr = entry->tuple[VS_CT_ORIGINAL].daddr;
    *ret_dport = entry->tuple[VS_CT_ORIGINAL].dport;
    return true;
}

bool
vs_conntrack_sees(const VsConntrack *conntrack, const VsConntrackEntry *entry)
{
    return entry->visible <= vs_ct_walk_time(conntrack);
}

void
vs_conntrack_delete(VsConntrackEntry *entry)
{
    g_assert(entry->status & VS_CT_CONFIRMED);
    vs_ct_entry_free(entry);
}

uint32_t
vs_conntrack_status(const VsPacket *packet)
{
    return packet->ct ? packet->ct->status & VS_CT_STATUS_MASK : 0;
}

uint32_t
vs_conntrack_state(const VsPacket *packet)
{
    const VsConntrackEntry *entry = packet->ct;
    uint32_t nat = 0;

    if (packet->flags & VS_PACKET_NOTRACK) {
        return VS_CT_STATE_UNTRACKED;
    }
    if (!entry) {
        return VS_CT_STATE_INVALID;
    }
    if (entry->status & VS_CT_SRC_NAT) {
        nat |= VS_CT_STATE_SNAT;
    }
    if (entry->status & VS_CT_DST_NAT) {
        nat |= VS_CT_STATE_DNAT;
    }
    if (packet->flags & VS_PACKET_CT_RELATED) {
        return nat | VS_CT_STATE_RELATED;
    }
    return nat | (packet->ct_dir == VS_CT_REPLY || (entry->status & VS_CT_SEEN_REPLY)
                      ? VS_CT_STATE_ESTABLISHED
                      : VS_CT_STATE_NEW);
}

void
vs_conntrack_set_notrack(VsPacket *packet)
{
    packet->flags |= VS_PACKET_NOTRACK;
}

void
vs_conntrack_set_zone(VsPacket *packet, uint16_t zone)
{
    vs_packet_top(packet)->flow.zone = zone;
}

void
vs_conntrack_relate(const VsPacket *cause, VsPacket *answer)
{
    if (cause->ct) {
        answer->ct = cause->ct;
        answer->ct_dir = !cause->ct_dir;
        answer->flags |= VS_PACKET_CT_RELATED | VS_PACKET_CT_HELD;
        answer->ct->n_holders++;
    }
}

void
vs_ct_put(VsPacket *packet)
{
    VsConntrackEntry *entry = packet->ct;

    packet->ct = NULL;
    packet->flags &= (uint16_t)~VS_PACKET_CT_HELD;
    if (--entry->n_holders > 0) {
        return;
    }
    if (entry->status & VS_CT_DYING) {
        vs_pool_free(&entry->table->entries, entry);
    } else if (!(entry->status & VS_CT_CONFIRMED) &&
               entry != entry->table->unconfirmed) {
        /* Its first packet never came to the end of its way. */
        vs_ct_entry_free(entry);
    }
}

static void
hold(VsPacket *packet)
{
    VsConntrackEntry *entry = packet->ct;

    if (!entry || (packet->flags & VS_PACKET_CT_HELD)) {
        return;
    }
    entry->n_holders++;
    packet->flags |= VS_PACKET_CT_HELD;
    if (entry == entry->table->unconfirmed) {
        entry->table->unconfirmed = NULL;
    }
}

/* A connection that is still new is again the one of the packet being handled. */
static void
resume(VsPacket *packet)
{
    VsConntrackEntry *entry = packet->ct;

    if (!entry || !(packet->flags & VS_PACKET_CT_HELD) ||
        (packet->flags & VS_PACKET_CT_RELATED)) {
        return;
    }
    if (entry->status & (VS_CT_CONFIRMED | VS_CT_DYING)) {
        return; /* Held up to its end: vs_ct_confirm_hook() lets go. */
    }
    bury(entry->table);
    entry->n_holders--;
    packet->flags &= (uint16_t)~VS_PACKET_CT_HELD;
    entry->table->unconfirmed = entry;
}

static void
conntrack_free(VsConntrack *conntrack)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (vs_table_next(&conntrack->tuples, &cursor, &key, &value)) {
        vs_timer_cancel(
            &((VsConntrackEntry *)((uintptr_t)value & ~VS_CT_DIR_BIT))->timeout);
    }
    vs_table_clear(&conntrack->tuples);
    vs_table_clear(&conntrack->sources);
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
    entry->number = conntrack->n_created++;
    vs_timer_init(&entry->timeout, &conntrack->netns->host->entity, entry_timeout);
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

/* Takes the entry out of the table, as far as it is in it, and tells its user. */
static void
entry_unlink(VsConntrackEntry *entry)
{
    VsConntrack *conntrack = entry->table;

    entry_release(entry);
    vs_timer_cancel(&entry->timeout);
    vs_nat_forget(entry);
    if (entry->status & VS_CT_CONFIRMED) {
        if (!(entry->status & VS_CT_NAT_CLASH)) {
            vs_table_remove(&conntrack->tuples,
                            vs_flow_key(&entry->tuple[VS_CT_ORIGINAL]));
        }
        vs_table_remove(&conntrack->tuples, vs_flow_key(&entry->tuple[VS_CT_REPLY]));
        conntrack->stats->n_entries--;
    }
    entry->status |= VS_CT_DYING;
}

void
vs_ct_entry_free(VsConntrackEntry *entry)
{
    entry_unlink(entry);
    if (G_LIKELY(entry->n_holders == 0)) {
        vs_pool_free(&entry->table->entries, entry);
    }
}

static void
entry_timeout(VsTimer *timer)
{
    VsConntrackEntry *entry = VS_CONTAINER_OF(timer, VsConntrackEntry, timeout);

    if (entry->expires > timer->due) {
        vs_timer_arm(timer, entry->expires);
    } else {
        vs_ct_entry_free(entry);
    }
}

/* The entry lives 'timeout' longer than now.  The timer is left alone when it fires early
 * enough to find that out by itself. */
static void
refresh(VsConntrackEntry *entry, VsTime timeout)
{
    if (G_UNLIKELY(entry->status & VS_CT_FIXED_TIMEOUT)) {
        return;
    }
    entry->expires = vs_now(entry->table->netns->run) + timeout;
    if ((entry->status & VS_CT_CONFIRMED) &&
        (!vs_timer_is_armed(&entry->timeout) || entry->timeout.due > entry->expires)) {
        vs_timer_arm(&entry->timeout, entry->expires);
    }
}

static VsTime
track_udp(VsConntrackEntry *entry)
{
    const VsConntrackConfig *config = &entry->table->config;
    VsTime now = vs_now(entry->table->netns->run);

    if (!(entry->status & VS_CT_CONFIRMED)) {
        entry->udp_stream = now + UDP_STREAM_AGE;
    }
    if (!(entry->status & VS_CT_SEEN_REPLY) || now <= entry->udp_stream) {
        return config->udp_timeout;
    }
    if (!(entry->status & VS_CT_NAT_CLASH)) {
        entry->status |= VS_CT_ASSURED;
    }
    return config->udp_stream_timeout;
}

/* A packet of 'entry' in direction 'dir': its state, and how long it lives. */
static VsCtVerdict
track_packet(VsConntrackEntry *entry, const VsLayer *top, VsCtDir dir)
{
    const VsConntrackConfig *config = &entry->table->config;
    VsCtVerdict verdict = VS_CT_ACCEPT;
    VsTime timeout;

    switch (top->flow.protocol) {
    case VS_PROTOCOL_TCP:
        verdict = vs_ct_track_tcp(entry, top, dir, &timeout);
        if (verdict == VS_CT_INVALID || verdict == VS_CT_AGAIN) {
            return verdict;
        }
        if (entry->state == VS_CT_TIME_WAIT || entry->state == VS_CT_CLOSE) {
            entry_release(entry);
        }
        break;
    case VS_PROTOCOL_UDP:
        timeout = track_udp(entry);
        break;
    case VS_PROTOCOL_ICMP:
        if (!(entry->status & VS_CT_CONFIRMED) && top->icmp.type != VS_ICMP_ECHO) {
            return VS_CT_INVALID; /* An answer to nothing. */
        }
        timeout = config->icmp_timeout;
        break;
    default:
        timeout = config->generic_timeout;
        break;
    }
    if (timeout > 0) {
        refresh(entry, timeout);
    }
    entry->n_packets[dir]++;
    if (dir == VS_CT_REPLY) {
        entry->status |= VS_CT_SEEN_REPLY;
    }
    return verdict;
}

/* Makes room in a full table: of the tuples where 'flow' would be, and those that follow
 * as far as the kernel looks, the first bucket with entries that are not assured loses
 * those.  The kernel's buckets are taken to be of mean length. */
static bool
early_drop(VsConntrack *conntrack, const VsFlow *flow)
{
    const VsTable *table = &conntrack->tuples;
    uint64_t n_tuples = 2 * (uint64_t)conntrack->config.max;
    uint32_t n_buckets = MAX(conntrack->config.n_buckets, 1);
    uint64_t n_a_bucket =
        CLAMP((n_tuples + n_buckets - 1) / n_buckets, 1, BUCKET_MAX_TUPLES);
    uint64_t n_left = n_a_bucket * EVICTION_BUCKETS;
    VsConntrackEntry *victims[BUCKET_MAX_TUPLES];
    size_t slot = vs_key_hash(vs_flow_key(flow)) >> table->shift;
    unsigned n_victims = 0;

    for (size_t i = 0; i <= table->mask && n_left > 0; i++) {
        uintptr_t value = (uintptr_t)table->slots[(slot + i) & table->mask].value;
        VsConntrackEntry *entry = (VsConntrackEntry *)(value & ~VS_CT_DIR_BIT);

        if (!entry) {
            continue;
        }
        if (!(entry->status & VS_CT_ASSURED) && vs_conntrack_sees(conntrack, entry)) {
            victims[n_victims++] = entry;
            entry->status |= VS_CT_ASSURED; /* Found once. */
        }
        if (--n_left % n_a_bucket == 0 && n_victims > 0) {
            break;
        }
    }
    for (unsigned i = 0; i < n_victims; i++) {
        vs_ct_entry_free(victims[i]);
    }
    conntrack->stats->early_drop += n_victims;
    return n_victims > 0;
}

/* An ICMP error belongs to the connection of the packet it quotes, in the direction
 * opposite to that packet's, if it goes to that packet's sender. */
static void
track_error(VsConntrack *conntrack, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    const VsFlow *quoted = &packet->layers[packet->n_layers - 2].flow;
    VsFlow reverse = vs_flow_reverse(quoted);
    VsCtDir dir;
    VsConntrackEntry *entry;

    reverse.zone = top->flow.zone;
    entry = vs_conntrack_find(conntrack, &reverse, &dir);
    if (!entry || entry->tuple[dir].daddr != top->flow.daddr) {
        conntrack->stats->icmp_error++;
        return;
    }
    packet->ct = entry;
    packet->ct_dir = (uint8_t)dir;
    packet->flags |= VS_PACKET_CT_RELATED;
}

/* Frees what the last packet left: an entry that was never confirmed, as the packet was
 * dropped, and one that the packet ended. */
static void
bury(VsConntrack *conntrack)
{
    if (G_UNLIKELY(conntrack->unconfirmed)) {
        vs_ct_entry_free(conntrack->unconfirmed);
        conntrack->unconfirmed = NULL;
    }
    if (G_UNLIKELY(conntrack->over)) {
        if (conntrack->over->n_holders == 0) {
            vs_pool_free(&conntrack->entries, conntrack->over);
        }
        conntrack->over = NULL;
    }
}

/* The entry of the packet, new if need be.  NULL when the table is full. */
static VsConntrackEntry *
find_or_make(VsConntrack *conntrack, VsPacket *packet, VsCtDir *ret_dir)
{
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    VsConntrackEntry *entry = vs_conntrack_find(conntrack, flow, ret_dir);

    if (G_LIKELY(entry && vs_conntrack_sees(conntrack, entry))) {
        return entry;
    }
    if (conntrack->config.max > 0 &&
        conntrack->stats->n_entries >= conntrack->config.max &&
        !early_drop(conntrack, flow)) {
        return NULL;
    }
    *ret_dir = VS_CT_ORIGINAL;
    return entry_new(conntrack, flow);
}

static VsVerdict
track(VsConntrack *conntrack, VsPacket *packet)
{
    VsHost *host = conntrack->netns->host;
    const VsLayer *top = vs_packet_top(packet);
    VsConntrackEntry *entry;
    VsCtVerdict verdict;
    VsCtDir dir;

    bury(conntrack);
    vs_host_charge(host, host->costs.conntrack_lookup);
    packet->flags &= (uint16_t) ~(VS_PACKET_CT_NEW | VS_PACKET_CT_RELATED);
    if (G_UNLIKELY(vs_icmp_is_error(top))) {
        track_error(conntrack, packet);
        return VS_VERDICT_ACCEPT;
    }

    do {
        entry = find_or_make(conntrack, packet, &dir);
        if (G_UNLIKELY(!entry)) {
            conntrack->stats->drop++;
            vs_packet_drop(packet, VS_DROP_CONNTRACK_FULL);
            return VS_VERDICT_STOLEN;
        }
        verdict = track_packet(entry, top, dir);
        if (G_UNLIKELY(verdict == VS_CT_AGAIN)) {
            vs_ct_entry_free(entry);
        }
    } while (verdict == VS_CT_AGAIN);

    if (G_UNLIKELY(verdict == VS_CT_INVALID)) {
        conntrack->stats->invalid++;
        if (!(entry->status & VS_CT_CONFIRMED)) {
            conntrack->n_created--;
            vs_ct_entry_free(entry);
        }
        return VS_VERDICT_ACCEPT;
    }
    packet->ct = entry;
    packet->ct_dir = (uint8_t)dir;
    if (!(entry->status & VS_CT_CONFIRMED)) {
        conntrack->unconfirmed = entry;
        packet->flags |= VS_PACKET_CT_NEW;
    }
    if (G_UNLIKELY(verdict == VS_CT_OVER)) {
        entry_unlink(entry); /* The packet itself is still translated. */
        conntrack->over = entry;
    }
    return VS_VERDICT_ACCEPT;
}

static VsVerdict
track_hook(void *data, VsPacket *packet, const VsHookState *state)
{
    bool is_traced = vs_packet_is_traced(packet);
    VsVerdict verdict = VS_VERDICT_ACCEPT;
    VsTime cost = 0;

    if (!packet->ct && !(packet->flags & VS_PACKET_NOTRACK)) {
        verdict = track(data, packet);
        cost = state->netns->host->costs.conntrack_lookup;
    } /* Else it is looped back, or made here about another. */
    if (G_UNLIKELY(is_traced && verdict == VS_VERDICT_ACCEPT)) {
        vs_ct_story_tracked(state->netns, packet, cost);
    }
    return verdict;
}

#include "net/reassembly.h"

#include <glib.h>

#include "engine/timer.h"

/* A packet of which some fragments have come. */
typedef struct VsDatagram {
    struct VsReassembly *owner;
    VsKey key;
    VsPacket *fragments; /* By offset, through 'next'; no overlaps. */
    uint32_t n_fragments;
    uint32_t bytes;       /* Of IP payload received. */
    uint32_t total_bytes; /* Of IP payload in all; 0 until the last fragment came. */
    VsTimer timeout;
} VsDatagram;

typedef struct VsReassembly {
    VsNetns *netns;
    VsTable datagrams; /* (saddr, daddr, id, protocol) to VsDatagram. */
} VsReassembly;

static void datagram_timeout(VsTimer *timer);

static inline uint32_t
offset_bytes(const VsLayer *layer)
{
    return (uint32_t)(layer->ip_fragment & VS_IP_OFFSET_MASK) * 8;
}

static inline uint32_t
content_bytes(const VsLayer *layer)
{
    return layer->ip_bytes - VS_IPV4_HEADER_BYTES;
}

static VsKey
datagram_key(const VsLayer *layer)
{
    return (VsKey){{(uint64_t)layer->flow.saddr << 32 | layer->flow.daddr,
                    (uint64_t)layer->ip_id << 8 | layer->flow.protocol}};
}

VsPacket *
vs_ip_fragment(VsPacket *packet, uint32_t mtu)
{
    VsLayer *first = vs_packet_top(packet);
    uint32_t total = content_bytes(first);
    uint32_t base = offset_bytes(first);
    uint32_t piece = (mtu - VS_IPV4_HEADER_BYTES) & ~UINT32_C(7);
    uint16_t last_flag =
        first->ip_fragment & VS_IP_MF; /* Fragments may be cut again. */
    VsPacket *tail = packet;

    for (uint32_t at = piece; at < total; at += piece) {
        VsPacket *fragment = vs_packet_copy(packet);
        VsLayer *top = vs_packet_top(fragment);
        uint32_t bytes = MIN(piece, total - at);

        top->ip_bytes = VS_IPV4_HEADER_BYTES + bytes;
        top->ip_fragment = (uint16_t)((base + at) / 8);
        top->ip_fragment |= at + bytes < total ? VS_IP_MF : last_flag;
        vs_packet_measure(fragment);
        tail->next = fragment;
        tail = fragment;
    }
    tail->next = NULL;
    first->ip_bytes = VS_IPV4_HEADER_BYTES + MIN(piece, total);
    first->ip_fragment = (uint16_t)(base / 8 | (piece < total ? VS_IP_MF : last_flag));
    vs_packet_measure(packet);
    return packet;
}

static VsReassembly *
reassembly_of(VsNetns *netns)
{
    if (!netns->reassembly) {
        netns->reassembly = g_new0(VsReassembly, 1);
        netns->reassembly->netns = netns;
        vs_table_init(&netns->reassembly->datagrams);
    }
    return netns->reassembly;
}

static VsDatagram *
datagram_get(VsReassembly *reassembly, VsKey key)
{
    VsDatagram *datagram = vs_table_find(&reassembly->datagrams, key);
    VsNetns *netns = reassembly->netns;

    if (!datagram) {
        datagram = g_new0(VsDatagram, 1);
        datagram->owner = reassembly;
        datagram->key = key;
        vs_timer_init(&datagram->timeout, &netns->host->entity, datagram_timeout);
        vs_timer_arm(&datagram->timeout, vs_now(netns->run) + VS_REASSEMBLY_TIMEOUT);
        vs_table_insert(&reassembly->datagrams, key, datagram);
    }
    return datagram;
}

static void
datagram_free(VsDatagram *datagram)
{
    vs_timer_cancel(&datagram->timeout);
    vs_table_remove(&datagram->owner->datagrams, datagram->key);
    g_free(datagram);
}

static void
drop_fragments(VsDatagram *datagram, VsDrop drop)
{
    VsPacket *fragment = datagram->fragments;

    while (fragment) {
        VsPacket *next = fragment->next;

        vs_packet_drop(fragment, drop);
        fragment = next;
    }
    datagram->fragments = NULL;
}

static void
datagram_timeout(VsTimer *timer)
{
    VsDatagram *datagram = VS_CONTAINER_OF(timer, VsDatagram, timeout);

    drop_fragments(datagram, VS_DROP_REASSEMBLY_TIMEOUT);
    datagram_free(datagram);
}

/* Puts 'fragment' in its place; false if some of its bytes are there already. */
static bool
insert_fragment(VsDatagram *datagram, VsPacket *fragment)
{
    const VsLayer *layer = vs_packet_top(fragment);
    uint32_t start = offset_bytes(layer);
    uint32_t end = start + content_bytes(layer);
    VsPacket **link = &datagram->fragments;
    uint32_t before = 0;

    while (*link && offset_bytes(vs_packet_top(*link)) < start) {
        const VsLayer *other = vs_packet_top(*link);

        before = offset_bytes(other) + content_bytes(other);
        link = &(*link)->next;
    }
    if (before > start || (*link && offset_bytes(vs_packet_top(*link)) < end)) {
        return false;
    }
    fragment->next = *link;
    *link = fragment;
    datagram->n_fragments++;
    datagram->bytes += end - start;
    if (!(layer->ip_fragment & VS_IP_MF)) {
        datagram->total_bytes = end;
    }
    return true;
}

VsPacket *
vs_ip_reassemble(VsNetns *netns, VsPacket *fragment)
{
    VsReassembly *reassembly = reassembly_of(netns);
    VsDatagram *datagram =
        datagram_get(reassembly, datagram_key(vs_packet_top(fragment)));
    VsPacket *whole;
    VsPacket *rest;
    VsLayer *top;

    vs_host_park(netns->host, fragment, netns->work_stage);
    if (!insert_fragment(datagram, fragment)) {
        vs_packet_drop(fragment, VS_DROP_DUPLICATE);
        return NULL;
    }
    if (datagram->total_bytes == 0 || datagram->bytes < datagram->total_bytes) {
        return NULL;
    }

    whole = datagram->fragments;
    rest = whole->next;
    whole->next = NULL;
    while (rest) {
        VsPacket *next = rest->next;

        vs_packet_deliver(rest);
        rest = next;
    }
    top = vs_packet_top(whole);
    top->ip_bytes = VS_IPV4_HEADER_BYTES + datagram->total_bytes;
    top->ip_fragment = 0;
    vs_packet_measure(whole);
    vs_host_unpark(netns->host, whole, netns->reassembly_stage);
    datagram->fragments = NULL;
    datagram_free(datagram);
    return whole;
}

void
vs_reassembly_free(VsReassembly *reassembly)
{
    size_t cursor = 0;
    VsKey key;
    void *value;

    if (!reassembly) {
        return;
    }
    while (vs_table_next(&reassembly->datagrams, &cursor, &key, &value)) {
        VsDatagram *datagram = value;

        vs_timer_cancel(&datagram->timeout);
        drop_fragments(datagram, VS_DROP_HOST_CLOSED);
        g_free(datagram);
    }
    vs_table_clear(&reassembly->datagrams);
    g_free(reassembly);
}

uint64_t
vs_reassembly_n_held(const VsReassembly *reassembly)
{
    uint64_t n_held = 0;
    size_t cursor = 0;
    VsKey key;
    void *value;

    while (reassembly && vs_table_next(&reassembly->datagrams, &cursor, &key, &value)) {
        n_held += ((const VsDatagram *)value)->n_fragments;
    }
    return n_held;
}

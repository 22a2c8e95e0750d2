/* ICMP errors about segments (RFC 5927 tells which to believe), and the path MTU
 * (RFC 1191), kept for each destination as Linux keeps it in its routes. */
#include <glib.h>

#include "transport/tcp_internal.h"

static inline VsKey
address_key(VsAddr address)
{
    return (VsKey){{address, 0}};
}

uint32_t
vs_tcp_mtu_to(VsSockets *sockets, VsAddr daddr)
{
    uint32_t mtu = vs_netns_mtu_to(sockets->netns, daddr);
    const VsPathMtu *path = vs_table_find(&sockets->path_mtus, address_key(daddr));

    if (path && path->expires > vs_now(sockets->run)) {
        mtu = MIN(mtu, path->mtu);
    }
    return mtu;
}

static void
set_path_mtu(VsSockets *sockets, VsAddr daddr, uint32_t mtu)
{
    VsPathMtu *path = vs_table_find(&sockets->path_mtus, address_key(daddr));

    if (!path) {
        path = vs_pool_alloc(&sockets->path_mtu_entries);
        vs_table_insert(&sockets->path_mtus, address_key(daddr), path);
    }
    path->mtu = mtu;
    path->expires = vs_now(sockets->run) + VS_TCP_MTU_EXPIRES;
}

/* What was too big is sent again in smaller pieces; the congestion window stays. */
static void
shrink(VsTcp *tcp, uint32_t next_mtu)
{
    uint16_t mss = vs_tcp_data_bytes(tcp, vs_tcp_mss_of(next_mtu));

    set_path_mtu(tcp->sockets, tcp->flow.daddr, next_mtu);
    if (mss < tcp->mss) {
        tcp->mss = mss;
        vs_congestion_set_mss(&tcp->congestion, mss);
        vs_tcp_recovery_shrink(tcp);
        vs_tcp_output(tcp);
    }
}

bool
vs_tcp_input_error(VsSockets *sockets, const VsLayer *error, const VsLayer *quoted)
{
    VsFlow reverse = vs_flow_reverse(&quoted->flow);
    VsTcpEntry *entry = vs_table_find(&sockets->connections, vs_flow_key(&reverse));
    VsTcp *tcp = (VsTcp *)entry;
    uint64_t position;

    if (!entry || entry->is_time_wait) {
        return false;
    }
    position = vs_tcp_position(tcp->snd_una, quoted->tcp.seq);
    if (error->icmp.type != VS_ICMP_UNREACHABLE || position < tcp->snd_una ||
        position >= tcp->snd_nxt) {
        return true; /* Of no use, or about what has arrived since. */
    }
    if (tcp->state == VS_TCP_SYN_SENT) {
        vs_tcp_break(tcp, error->icmp.code == VS_ICMP_CODE_PORT
                              ? VS_TCP_END_REFUSED
                              : VS_TCP_END_UNREACHABLE);
    } else if (error->icmp.code == VS_ICMP_CODE_TOO_BIG &&
               tcp->state != VS_TCP_SYN_RECEIVED) {
        shrink(tcp, error->icmp.next_mtu);
        vs_tcp_arm(tcp);
    }
    return true;
}

#include "transport/udp.h"

#include <glib.h>

#include "net/icmp.h"
#include "net/ip.h"
#include "transport/socket_internal.h"

/* A free ephemeral port, or 0. */
static uint16_t
find_port(VsSockets *sockets, VsAddr address)
{
    for (unsigned n = 0; n < vs_sockets_n_ports(sockets); n++) {
        uint16_t port = vs_sockets_next_port(sockets, VS_PORTS_UDP);

        if (!vs_sockets_find_bound(sockets, VS_PROTOCOL_UDP, address, port)) {
            return port;
        }
    }
    return 0;
}

bool
vs_udp_open(VsUdp *udp, VsNetns *netns, VsAddr address, uint16_t port,
            const VsUdpOps *ops, void *user)
{
    VsSockets *sockets = vs_sockets_of(netns);

    if (port == 0) {
        port = find_port(sockets, address);
    }
    *udp = (VsUdp){
        .netns = netns, .ops = ops, .user = user, .address = address, .port = port};
    return port != 0 &&
           vs_table_insert(&sockets->bound,
                           vs_bound_key(VS_PROTOCOL_UDP, address, port), udp);
}

void
vs_udp_close(VsUdp *udp)
{
    VsSockets *sockets = vs_sockets_of(udp->netns);

    while (udp->peers) {
        VsUdpPeer *peer = udp->peers;

        udp->peers = peer->next;
        vs_pool_free(&sockets->udp_peers, peer);
    }
    vs_table_remove(&sockets->bound,
                    vs_bound_key(VS_PROTOCOL_UDP, udp->address, udp->port));
}

/* ---- Destinations that a hook puts in place --------------------------------------- */

static VsUdpPeer *
find_peer(const VsUdp *udp, VsAddr address, uint16_t port)
{
    VsUdpPeer *peer = udp->peers;

    while (peer && (peer->address != address || peer->port != port)) {
        peer = peer->next;
    }
    return peer;
}

/* Of several that were asked for and led to the same, the last counts. */
static void
remember_peer(VsUdp *udp, VsAddr asked_address, uint16_t asked_port, const VsFlow *flow)
{
    VsUdpPeer *peer = find_peer(udp, flow->daddr, flow->dport);

    if (!peer) {
        peer = vs_pool_alloc(&vs_sockets_of(udp->netns)->udp_peers);
        *peer = (VsUdpPeer){
            .next = udp->peers, .address = flow->daddr, .port = flow->dport};
        udp->peers = peer;
    }
    peer->asked_address = asked_address;
    peer->asked_port = asked_port;
}

/* No destination: the sender hears it as from its own host. */
static void
refuse(VsUdp *udp, VsPacket *packet)
{
    vs_icmp_send_error(udp->netns, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_HOST, 0);
    vs_packet_drop(packet, VS_DROP_NO_ROUTE);
}

/* ---- Sending ---------------------------------------------------------------------- */

/* UDP lets routers fragment, but not QUIC; 'query' is what this answers at once, or NULL, and so
 * is 'quic'. */
static VsPacket *
make_datagram(VsUdp *udp, const VsFlow *flow, VsPacket *query, const VsPayload *payload,
              struct VsQuicDatagram *quic, uint32_t bytes)
{
    VsSockets *sockets = vs_sockets_of(udp->netns);
    VsPacket *packet = vs_ip_packet_new(udp->netns, flow, VS_UDP_HEADER_BYTES + bytes);

    vs_packet_top(packet)->ip_fragment = quic ? VS_IP_DF : 0;
    packet->payload_bytes = bytes;
    packet->message_bytes = bytes;
    packet->owner = 1; /* Programs that use UDP are root's. */
    packet->payload = *payload;
    if (quic) {
        packet->flags |= VS_PACKET_QUIC;
        packet->quic = quic;
    }
    if (G_UNLIKELY(udp->is_moved)) {
        packet->flags |= VS_PACKET_MOVED;
    }
    if (query && payload->journey) {
        packet->trail = query->trail;
        packet->flags |= query->flags & VS_PACKET_TRACED;
        query->trail = NULL;
    }
    vs_packet_follow(packet, sockets->wait_stage);
    vs_sockets_tell(sockets, packet, VS_TRACE_SEND);
    return packet;
}

static void
send_datagram(VsUdp *udp, VsPacket *packet)
{
    VsSockets *sockets = vs_sockets_of(udp->netns);

    vs_sockets_enter(sockets);
    vs_ip_send(udp->netns, packet);
    vs_sockets_leave(sockets);
}

/* With 'quic', or NULL. */
static void
send_to(VsUdp *udp, VsAddr saddr, VsAddr daddr, uint16_t dport,
        const VsPayload *payload, struct VsQuicDatagram *quic, uint32_t bytes)
{
    const VsSockets *sockets = vs_sockets_of(udp->netns);
    VsFlow flow = {.saddr = saddr,
                   .daddr = daddr,
                   .sport = udp->port,
                   .dport = dport,
                   .protocol = VS_PROTOCOL_UDP,
                   .family = VS_FAMILY_IPV4};

    bool has_destination = !sockets->connect_hook ||
                           sockets->connect_hook(sockets->connect_data, VS_PROTOCOL_UDP,
                                                 &flow.daddr, &flow.dport);
    bool is_redirected = flow.daddr != daddr || flow.dport != dport;
    VsPacket *packet;

    if (flow.saddr == 0) {
        flow.saddr =
            udp->address ? udp->address : vs_netns_source_for(udp->netns, flow.daddr);
    }
    packet = make_datagram(udp, &flow, NULL, payload, quic, bytes);
    if (!has_destination) {
        refuse(udp, packet);
        return;
    }
    if (is_redirected) {
        remember_peer(udp, daddr, dport, &flow);
        if (sockets->connect_story && vs_packet_is_traced(packet)) {
            sockets->connect_story(sockets->connect_data, udp->netns, packet, daddr,
                                   dport);
        }
    }
    send_datagram(udp, packet);
}

void
vs_udp_send(VsUdp *udp, VsAddr saddr, VsAddr daddr, uint16_t dport,
            const VsPayload *payload, uint32_t bytes)
{
    send_to(udp, saddr, daddr, dport, payload, NULL, bytes);
}

void
vs_udp_send_quic(VsUdp *udp, VsAddr saddr, VsAddr daddr, uint16_t dport,
                 const VsPayload *payload, struct VsQuicDatagram *quic, uint32_t bytes)
{
    send_to(udp, saddr, daddr, dport, payload, quic, bytes);
}

void
vs_udp_reply(VsUdp *udp, VsPacket *query, const VsPayload *payload, uint32_t bytes)
{
    VsFlow flow = vs_flow_reverse(&vs_packet_top(query)->flow);

    send_datagram(udp, make_datagram(udp, &flow, query, payload, NULL, bytes));
}

void
vs_udp_input(VsSockets *sockets, VsPacket *packet)
{
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    VsUdp *udp =
        vs_sockets_find_bound(sockets, VS_PROTOCOL_UDP, flow->daddr, flow->dport);

    if (udp && udp->ops->has_room && !udp->ops->has_room(udp)) {
        vs_packet_drop(packet, VS_DROP_RECEIVE_QUEUE_FULL);
    } else if (udp) {
        const VsUdpPeer *peer = find_peer(udp, flow->saddr, flow->sport);

        vs_sockets_tell(sockets, packet, VS_TRACE_DELIVER);
        if (G_UNLIKELY(peer)) {
            vs_packet_top(packet)->flow.saddr = peer->asked_address;
            vs_packet_top(packet)->flow.sport = peer->asked_port;
        }
        udp->ops->receive(udp, packet);
        vs_packet_deliver(packet);
    } else {
        vs_icmp_send_error(sockets->netns, packet, VS_ICMP_UNREACHABLE,
                           VS_ICMP_CODE_PORT, 0);
        vs_packet_drop(packet, VS_DROP_NO_SOCKET);
    }
}

bool
vs_udp_input_error(VsSockets *sockets, const VsLayer *error, const VsLayer *quoted)
{
    VsUdp *udp = vs_sockets_find_bound(sockets, VS_PROTOCOL_UDP, quoted->flow.saddr,
                                       quoted->flow.sport);

    if (!udp) {
        return false;
    }
    if (error->icmp.type == VS_ICMP_UNREACHABLE && udp->ops->refused) {
        const VsUdpPeer *peer = find_peer(udp, quoted->flow.daddr, quoted->flow.dport);
        VsFlow sent = quoted->flow;

        if (peer) {
            sent.daddr = peer->asked_address;
            sent.dport = peer->asked_port;
        }
        udp->ops->refused(udp, &sent, error->icmp.code);
    }
    return true;
}

#include "transport/udp.h"

#include <glib.h>

#include "net/icmp.h"
#include "net/ip.h"
#include "transport/socket_internal.h"

enum { N_EPHEMERAL = VS_EPHEMERAL_LAST - VS_EPHEMERAL_FIRST + 1 };

/* A free ephemeral port, or 0. */
static uint16_t
find_port(VsSockets *sockets, VsAddr address)
{
    for (unsigned n = 0; n < N_EPHEMERAL; n++) {
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
    vs_table_remove(&vs_sockets_of(udp->netns)->bound,
                    vs_bound_key(VS_PROTOCOL_UDP, udp->address, udp->port));
}

/* UDP lets routers fragment; 'query' is what this answers at once, or NULL. */
static void
send_datagram(VsUdp *udp, const VsFlow *flow, VsPacket *query, const VsPayload *payload,
              uint32_t bytes)
{
    VsSockets *sockets = vs_sockets_of(udp->netns);
    VsPacket *packet = vs_ip_packet_new(udp->netns, flow, VS_UDP_HEADER_BYTES + bytes);

    vs_packet_top(packet)->ip_fragment = 0;
    packet->payload_bytes = bytes;
    packet->message_bytes = bytes;
    packet->payload = *payload;
    if (query && payload->journey) {
        packet->trail = query->trail;
        packet->flags |= query->flags & VS_PACKET_TRACED;
        query->trail = NULL;
    }
    vs_packet_follow(packet, sockets->wait_stage);
    vs_sockets_tell(sockets, packet, VS_TRACE_SEND);
    vs_sockets_enter(sockets);
    vs_ip_send(udp->netns, packet);
    vs_sockets_leave(sockets);
}

void
vs_udp_send(VsUdp *udp, VsAddr saddr, VsAddr daddr, uint16_t dport,
            const VsPayload *payload, uint32_t bytes)
{
    VsFlow flow = {.saddr = saddr,
                   .daddr = daddr,
                   .sport = udp->port,
                   .dport = dport,
                   .protocol = VS_PROTOCOL_UDP,
                   .family = VS_FAMILY_IPV4};

    if (flow.saddr == 0) {
        flow.saddr =
            udp->address ? udp->address : vs_netns_source_for(udp->netns, daddr);
    }
    send_datagram(udp, &flow, NULL, payload, bytes);
}

void
vs_udp_reply(VsUdp *udp, VsPacket *query, const VsPayload *payload, uint32_t bytes)
{
    VsFlow flow = vs_flow_reverse(&vs_packet_top(query)->flow);

    send_datagram(udp, &flow, query, payload, bytes);
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
        vs_sockets_tell(sockets, packet, VS_TRACE_DELIVER);
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
        udp->ops->refused(udp, &quoted->flow, error->icmp.code);
    }
    return true;
}

#include "netfilter/reject.h"

#include "net/decision.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/story.h"
#include "netfilter/conntrack.h"

/* ICMP codes of "destination unreachable" (RFC 792, RFC 1812). */
static const uint8_t codes[] = {
    [VS_REJECT_NET_UNREACHABLE] = 0,   [VS_REJECT_HOST_UNREACHABLE] = 1,
    [VS_REJECT_PROTO_UNREACHABLE] = 2, [VS_REJECT_PORT_UNREACHABLE] = 3,
    [VS_REJECT_NET_PROHIBITED] = 9,    [VS_REJECT_HOST_PROHIBITED] = 10,
    [VS_REJECT_ADMIN_PROHIBITED] = 13,
};

/* RFC 9293 section 3.10.7.1: a reset for a segment of no connection. */
static void
send_reset(VsNetns *netns, VsPacket *packet)
{
    const VsLayer *fault = vs_packet_top(packet);
    VsFlow flow = vs_flow_reverse(&fault->flow);
    VsTcpHeader tcp = {.flags = VS_TCP_RST};
    VsPacket *reset;

    if (fault->tcp.flags & VS_TCP_RST) {
        return;
    }
    if (fault->tcp.flags & VS_TCP_ACK) {
        tcp.seq = fault->tcp.ack;
    } else {
        tcp.flags |= VS_TCP_ACK;
        tcp.ack = fault->tcp.seq + packet->payload_bytes +
                  ((fault->tcp.flags & VS_TCP_SYN) != 0) +
                  ((fault->tcp.flags & VS_TCP_FIN) != 0);
    }
    flow.zone = 0;
    reset = vs_ip_packet_new(netns, &flow, VS_TCP_HEADER_BYTES);
    vs_packet_top(reset)->tcp = tcp;
    vs_conntrack_relate(packet, reset);
    if (vs_packet_is_traced(packet)) {
        vs_story_answer(netns, packet, reset);
    }
    if (vs_decision_is_wanted(netns)) {
        vs_decision_answered(netns, packet, reset);
    }
    vs_ip_send(netns, reset);
}

void
vs_reject(VsNetns *netns, VsPacket *packet, VsRejectWith with)
{
    if (with != VS_REJECT_TCP_RESET) {
        vs_icmp_send_error(netns, packet, VS_ICMP_UNREACHABLE, codes[with], 0);
    } else if (vs_packet_top(packet)->flow.protocol == VS_PROTOCOL_TCP) {
        send_reset(netns, packet);
    }
}

#include "net/icmp.h"

#include <glib.h>
#include <string.h>

#include "net/decision.h"
#include "net/ip.h"
#include "net/story.h"

bool
vs_icmp_is_error(const VsLayer *layer)
{
    return layer->flow.protocol == VS_PROTOCOL_ICMP &&
           (layer->icmp.type == VS_ICMP_UNREACHABLE ||
            layer->icmp.type == VS_ICMP_TIME_EXCEEDED);
}

static bool
may_answer(const VsLayer *layer)
{
    return layer->ether_type == VS_ETHER_TYPE_IPV4 && layer->dmac != VS_MAC_BROADCAST &&
           (layer->ip_fragment & VS_IP_OFFSET_MASK) == 0 && !vs_icmp_is_error(layer) &&
           layer->flow.saddr != 0;
}

/* What the packet was sent to if that is ours, else the interface it came in by. */
static VsAddr
source_of_error(VsNetns *netns, const VsPacket *packet, const VsLayer *fault)
{
    if (vs_netns_is_local(netns, fault->flow.daddr)) {
        return fault->flow.daddr;
    }
    return packet->iface && packet->iface->address
               ? packet->iface->address
               : vs_netns_source_for(netns, fault->flow.saddr);
}

/* Puts the faulty packet below the header of 'error', a tunnel's with what is inside, but
 * for a packet so deep that the error could not enter a tunnel then. */
static void
quote(VsPacket *error, const VsPacket *packet)
{
    VsLayer header = *vs_packet_top(error);
    unsigned n_quoted =
        packet->n_layers + 2U <= VS_PACKET_MAX_LAYERS ? packet->n_layers : 1;

    memcpy(error->layers, &packet->layers[packet->n_layers - n_quoted],
           n_quoted * sizeof(VsLayer));
    error->layers[n_quoted - 1].flow.zone = 0;
    error->layers[n_quoted] = header;
    error->n_layers = (uint8_t)(n_quoted + 1);
    /* What the quoted bytes mean; but it completes no message of a journey. */
    error->payload = packet->payload;
    error->tcp_options = packet->tcp_options;
    error->message_offset = packet->message_offset;
    error->message_bytes = packet->message_bytes;
    vs_payload_set_journey(&error->payload, NULL);
}

void
vs_icmp_send_error(VsNetns *netns, const VsPacket *packet, uint8_t type, uint8_t code,
                   uint16_t next_mtu)
{
    const VsLayer *fault = &packet->layers[packet->n_layers - 1];
    uint32_t quoted = MIN(fault->ip_bytes, (uint32_t)VS_ICMP_MAX_QUOTED_BYTES);
    VsFlow flow = {.daddr = fault->flow.saddr,
                   .protocol = VS_PROTOCOL_ICMP,
                   .family = VS_FAMILY_IPV4};
    VsPacket *error;
    VsLayer *top;

    if (!may_answer(fault)) {
        return;
    }
    flow.saddr = source_of_error(netns, packet, fault);
    if (flow.saddr == 0) {
        return;
    }
    error = vs_ip_packet_new(netns, &flow, VS_ICMP_HEADER_BYTES + quoted);
    quote(error, packet);
    top = vs_packet_top(error);
    top->icmp = (VsIcmpHeader){.type = type, .code = code, .next_mtu = next_mtu};
    top->ip_fragment = 0;
    vs_packet_measure(error);
    if (packet->ct) {
        netns->relate_conntrack(packet, error);
    }
    if (vs_packet_is_traced(packet)) {
        vs_story_answer(netns, packet, error);
    }
    if (vs_decision_is_wanted(netns)) {
        vs_decision_answered(netns, packet, error);
    }
    vs_ip_send(netns, error);
}

void
vs_icmp_answer_echo(VsNetns *netns, VsPacket *packet)
{
    const VsLayer *asked = vs_packet_top(packet);
    VsFlow flow = vs_flow_reverse(&asked->flow);
    VsPacket *reply;

    reply = vs_ip_packet_new(netns, &flow, asked->ip_bytes - VS_IPV4_HEADER_BYTES);
    vs_packet_top(reply)->icmp =
        (VsIcmpHeader){.type = VS_ICMP_ECHO_REPLY, .sequence = asked->icmp.sequence};
    reply->payload_bytes = packet->payload_bytes;
    vs_packet_deliver(packet);
    vs_ip_send(netns, reply);
}

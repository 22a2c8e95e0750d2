#include "net/tunnel.h"

#include <glib.h>

#include "base/hash.h"
#include "base/hash_flow.h"
#include "base/units.h"
#include "net/ip.h"
#include "net/reassembly.h"
#include "packet/trace.h"
#include "packet/train.h"

enum { DEFAULT_TTL = 64 };

static inline VsKey
mac_key(uint64_t mac)
{
    return (VsKey){{mac, 0}};
}

VsTunnel *
vs_tunnel_new(VsNetns *netns, const char *name, const VsTunnelConfig *config)
{
    VsTunnel *tunnel = g_new0(VsTunnel, 1);
    VsTunnel **link = &netns->tunnels;

    tunnel->config = *config;
    tunnel->iface = vs_iface_new(netns, VS_IFACE_TUNNEL, name);
    tunnel->iface->tunnel = tunnel;
    tunnel->iface->is_noarp = config->kind == VS_TUNNEL_IPIP;
    vs_table_init(&tunnel->peers);
    while (*link) {
        link = &(*link)->next;
    }
    *link = tunnel;
    return tunnel;
}

void
vs_tunnel_free(VsTunnel *tunnel)
{
    vs_table_clear(&tunnel->peers);
    g_free(tunnel);
}

void
vs_tunnel_add_peer(VsTunnel *tunnel, uint64_t mac, VsAddr address)
{
    g_assert(tunnel->config.kind == VS_TUNNEL_VXLAN && address != 0);
    vs_table_insert(&tunnel->peers, mac_key(mac), GUINT_TO_POINTER(address));
}

uint32_t
vs_tunnel_overhead(const VsTunnel *tunnel)
{
    return tunnel->config.kind == VS_TUNNEL_VXLAN ? VS_VXLAN_OVERHEAD_BYTES
                                                  : VS_IPIP_OVERHEAD_BYTES;
}

uint16_t
vs_tunnel_source_port(const VsLayer *inner)
{
    VsFlow flow = inner->flow;
    uint64_t mixed;
    uint32_t hash;

    if (vs_ip_is_fragment(inner)) {
        flow.sport = 0;
        flow.dport = 0;
    }
    mixed = vs_flow_mix(&flow);
    hash = (uint32_t)(mixed ^ mixed >> 32);
    return vs_udp_flow_source_port(hash, VS_TUNNEL_PORT_FIRST, VS_TUNNEL_PORT_LAST);
}

/* Where the frame must go, or 0. */
static VsAddr
find_remote(const VsTunnel *tunnel, const VsLayer *inner)
{
    if (tunnel->config.kind == VS_TUNNEL_IPIP) {
        return (VsAddr)inner->dmac;
    }
    return GPOINTER_TO_UINT(vs_table_find(&tunnel->peers, mac_key(inner->dmac)));
}

static void
push_vxlan(const VsTunnel *tunnel, VsPacket *packet)
{
    VsLayer *outer = vs_packet_push(packet);
    const VsLayer *inner = outer - 1;

    outer->flow.sport = vs_tunnel_source_port(inner);
    outer->flow.dport = tunnel->config.port;
    outer->flow.protocol = VS_PROTOCOL_UDP;
    outer->ttl = DEFAULT_TTL;
    outer->vni = tunnel->config.vni;
}

static void
push_ipip(VsPacket *packet)
{
    VsLayer *outer = vs_packet_push(packet);
    const VsLayer *inner = outer - 1;

    outer->flow.protocol = VS_PROTOCOL_IPIP;
    outer->ttl = inner->ttl;
    outer->ip_fragment = inner->ip_fragment & VS_IP_DF;
}

static void
record(const VsTunnel *tunnel, VsPacket *packet, VsTraceKind kind, const VsLayer *outer)
{
    const VsNetns *netns = tunnel->iface->netns;
    VsTraceRecord *entry = vs_trace_add(
        packet, kind, netns->name, netns->host->core ? netns->host->core->charge : 0);
    g_autofree char *saddr = vs_format_ipv4(outer->flow.saddr);
    g_autofree char *daddr = vs_format_ipv4(outer->flow.daddr);

    entry->device = g_strdup(tunnel->iface->name);
    if (tunnel->config.kind == VS_TUNNEL_VXLAN) {
        entry->text = g_strdup_printf("VXLAN VNI %u, %s:%u > %s:%u", outer->vni, saddr,
                                      outer->flow.sport, daddr, outer->flow.dport);
    } else {
        entry->text = g_strdup_printf("IPIP %s > %s", saddr, daddr);
    }
}

/* The connection of the packet is another one now; the mark stays, in one namespace. */
static inline void
forget_connection(VsPacket *packet)
{
    packet->ct = NULL;
    packet->flags &= (uint16_t)~VS_PACKET_CT_FLAGS;
}

void
vs_tunnel_transmit(VsTunnel *tunnel, VsPacket *packet)
{
    VsNetns *netns = tunnel->iface->netns;
    bool is_vxlan = tunnel->config.kind == VS_TUNNEL_VXLAN;
    VsAddr remote = find_remote(tunnel, vs_packet_top(packet));
    const VsRoute *route =
        remote ? vs_netns_find_route(netns, &(VsRouteKey){.daddr = remote}) : NULL;
    uint32_t inner_bytes = vs_packet_top(packet)->ip_bytes;
    VsLayer *outer;

    /* Routed into itself, the packet would go round for ever. */
    if (remote == 0 || (route && route->iface == tunnel->iface)) {
        vs_packet_drop(packet, VS_DROP_NO_TUNNEL_PEER);
        return;
    }
    vs_host_charge(netns->host, is_vxlan ? netns->host->costs.vxlan_encapsulate
                                         : netns->host->costs.ipip_encapsulate);
    if (is_vxlan) {
        push_vxlan(tunnel, packet);
    } else {
        push_ipip(packet);
    }
    outer = vs_packet_top(packet);
    outer->ether_type = VS_ETHER_TYPE_IPV4;
    outer->flow.family = VS_FAMILY_IPV4;
    outer->flow.saddr = vs_netns_source_for(netns, remote);
    outer->flow.daddr = remote;
    outer->ip_id = netns->next_ip_id;
    netns->next_ip_id = (uint16_t)(netns->next_ip_id + vs_packet_n_frames(packet));
    outer->ip_bytes = inner_bytes + vs_tunnel_overhead(tunnel);
    vs_packet_inherit_ecn(packet);
    vs_packet_measure(packet);
    forget_connection(packet);
    if (vs_packet_is_traced(packet)) {
        record(tunnel, packet, VS_TRACE_ENCAPSULATE, outer);
    }
    vs_ip_output(netns, packet);
}

static VsTunnel *
find_tunnel(const VsNetns *netns, const VsLayer *outer)
{
    VsTunnel *tunnel = netns->tunnels;

    for (; tunnel; tunnel = tunnel->next) {
        if (tunnel->config.kind == VS_TUNNEL_IPIP
                ? outer->flow.protocol == VS_PROTOCOL_IPIP
                : outer->flow.protocol == VS_PROTOCOL_UDP &&
                      outer->flow.dport == tunnel->config.port) {
            break;
        }
    }
    return tunnel;
}

bool
vs_tunnel_receive(VsNetns *netns, VsPacket *packet)
{
    const VsLayer outer = *vs_packet_top(packet);
    VsTunnel *tunnel = find_tunnel(netns, &outer);
    bool is_vxlan = tunnel && tunnel->config.kind == VS_TUNNEL_VXLAN;

    if (!tunnel) {
        return false;
    }
    if (packet->n_layers < 2 || (is_vxlan && outer.vni != tunnel->config.vni)) {
        vs_packet_drop(packet, VS_DROP_MALFORMED);
        return true;
    }
    vs_host_charge(netns->host, is_vxlan ? netns->host->costs.vxlan_decapsulate
                                         : netns->host->costs.ipip_decapsulate);
    vs_packet_bequeath_ecn(packet);
    vs_packet_pop(packet);
    if (!is_vxlan) {
        vs_packet_top(packet)->dmac = tunnel->iface->mac;
    }
    vs_packet_measure(packet);
    forget_connection(packet);
    if (vs_packet_is_traced(packet)) {
        record(tunnel, packet, VS_TRACE_DECAPSULATE, &outer);
    }
    vs_iface_receive(tunnel->iface, packet);
    return true;
}

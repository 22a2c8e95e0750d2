#include "net/redirect.h"

#include <glib.h>

#include "net/story.h"
#include "packet/train.h"

void
vs_redirect_attach(VsIface *iface)
{
    g_assert(iface->kind == VS_IFACE_VETH || iface->kind == VS_IFACE_ETHERNET);
    iface->is_redirecting = true;
}

void
vs_redirect_set_nat(VsNetns *netns, VsRedirectNat *nat)
{
    netns->redirect_nat = nat;
}

static inline bool
is_for(const VsIface *iface, const VsLayer *top)
{
    return top->ether_type == VS_ETHER_TYPE_IPV4 && top->dmac == iface->mac;
}

/* The way the program may take, or NULL: then the stack decides.  Cards pass on what is for
 * pods and what was translated, no more. */
static const VsRoute *
find_way(VsIface *iface, VsPacket *packet, bool is_translated)
{
    const VsLayer *top = vs_packet_top(packet);
    const VsRoute *route;

    if (top->ttl <= 1) {
        return NULL;
    }
    route = vs_routes_find(&iface->netns->routes, top->flow.daddr);
    if (G_UNLIKELY(route && route->multipath)) {
        route = &vs_multipath_select(route->multipath,
                                     vs_multipath_hash(iface->netns, packet), 0)
                     ->route;
    }
    if (!route || route->type != VS_ROUTE_UNICAST ||
        vs_packet_mtu_bytes(packet) > route->iface->mtu) {
        return NULL;
    }
    if (route->iface->kind == VS_IFACE_VETH) {
        return route;
    }
    return iface->kind == VS_IFACE_VETH || is_translated ? route : NULL;
}

/* A translated packet without a way. */
static void
drop_translated(VsNetns *netns, VsPacket *packet)
{
    const VsLayer *top = vs_packet_top(packet);
    const VsRoute *route = vs_routes_find(&netns->routes, top->flow.daddr);

    if (top->ttl <= 1) {
        vs_packet_drop(packet, VS_DROP_TTL_EXCEEDED);
    } else if (route && route->type == VS_ROUTE_UNICAST) {
        vs_packet_drop(packet, VS_DROP_TOO_BIG);
    } else {
        vs_packet_drop(packet, VS_DROP_NO_ROUTE);
    }
}

static void
record(const VsIface *iface, VsPacket *packet, const VsRoute *route)
{
    VsTraceRecord *entry = vs_story_add(iface->netns, packet, VS_TRACE_ROUTE);

    entry->device = g_strdup(route->iface->name);
    entry->has_before = true;
    entry->before = entry->after;
    entry->before.ttl++;
    entry->text = g_strdup_printf("redirected by eBPF at %s to %s", iface->name,
                                  route->iface->kind == VS_IFACE_VETH
                                      ? route->iface->peer->netns->name
                                      : route->iface->name);
}

static void
redirect_to_peer(VsIface *veth, VsPacket *packet)
{
    VsNetns *netns = veth->netns;
    VsLayer *top = vs_packet_top(packet);

    vs_host_charge(netns->host, netns->host->costs.redirect_peer);
    vs_host_mark(netns->host, packet, netns->work_stage);
    top->smac = veth->mac;
    top->dmac = veth->peer->mac;
    packet->mark = 0;
    vs_iface_receive(veth->peer, packet);
}

static VsRedirectResult
translate(VsIface *iface, VsPacket *packet)
{
    VsRedirectNat *nat = iface->netns->redirect_nat;

    return nat ? nat->translate(nat, iface, packet) : VS_REDIRECT_LEFT;
}

static void
send_on(VsIface *iface, VsPacket *packet, const VsRoute *route)
{
    VsLayer *top = vs_packet_top(packet);

    top->ttl--;
    if (vs_packet_is_traced(packet)) {
        record(iface, packet, route);
    }
    if (route->iface->kind == VS_IFACE_VETH) {
        redirect_to_peer(route->iface, packet);
    } else {
        vs_neighbour_output(route->iface, route->via ? route->via : top->flow.daddr,
                            packet);
    }
}

bool
vs_redirect_receive(VsIface *iface, VsPacket *packet)
{
    VsHost *host = iface->netns->host;
    VsRedirectResult result;
    const VsRoute *route;

    vs_host_charge(host, host->costs.bpf_program);
    if (!is_for(iface, vs_packet_top(packet))) {
        return false;
    }
    result = translate(iface, packet);
    if (result == VS_REDIRECT_DROPPED) {
        return true;
    }
    route = find_way(iface, packet, result == VS_REDIRECT_TRANSLATED);
    if (route) {
        send_on(iface, packet, route);
    } else if (result == VS_REDIRECT_TRANSLATED) {
        drop_translated(iface->netns, packet);
    } else {
        return false;
    }
    return true;
}

#include "net/ip.h"

#include <glib.h>

#include "net/icmp.h"
#include "net/reassembly.h"
#include "net/story.h"
#include "net/tunnel.h"
#include "packet/train.h"

enum { DEFAULT_TTL = 64 };

static void forward(VsNetns *netns, VsPacket *packet, const VsRoute *route);
static void finish(VsNetns *netns, VsPacket *packet, const VsRoute *route);
static void deliver(VsNetns *netns, VsPacket *packet);
static void output_receive(VsHop *hop, VsPacket *packet);

void
vs_ip_attach(VsNetns *netns)
{
    netns->output.receive = output_receive;
}

const VsRoute *
vs_ip_find_route(VsNetns *netns, VsPacket *packet)
{
    const VsFlow *flow = &vs_packet_top(packet)->flow;
    VsPolicyChoice choice = {.n_tables = 1};
    const VsRoute *route;

    if (G_LIKELY(!netns->policy)) {
        route = vs_routes_find(&netns->routes, flow->daddr);
    } else {
        VsRouteKey key = {.saddr = flow->saddr,
                          .daddr = flow->daddr,
                          .mark = packet->mark,
                          .iif = packet->iface};

        route = vs_policy_find(netns, &key, &choice);
    }
    if (G_UNLIKELY(route && route->multipath)) {
        choice.multipath = route->multipath;
        choice.hash = vs_multipath_hash(netns, packet);
        route = &vs_multipath_select(choice.multipath, choice.hash,
                                     packet->iface ? 0 : flow->saddr)
                     ->route;
    }
    vs_host_charge(netns->host, choice.n_tables * netns->host->costs.route_lookup);
    if (vs_packet_is_traced(packet)) {
        vs_story_route(netns, packet, route, &choice);
    }
    return route;
}

static inline bool
run_hooks(VsNetns *netns, VsHookPoint point, VsPacket *packet, VsIface *out)
{
    VsHookState state = {
        .point = point,
        .netns = netns,
        .in = packet->iface,
        .out = out,
    };

    if (vs_packet_is_traced(packet)) {
        vs_story_hook(&state, packet);
    }
    return vs_hook_list_run(&netns->hooks[point], packet, &state) == VS_VERDICT_ACCEPT;
}

static void
refuse(VsNetns *netns, VsPacket *packet, const VsRoute *route)
{
    if (!route || route->type != VS_ROUTE_BLACKHOLE) {
        vs_icmp_send_error(netns, packet, VS_ICMP_UNREACHABLE,
                           route ? VS_ICMP_CODE_HOST : VS_ICMP_CODE_NET, 0);
    }
    vs_packet_drop(packet, VS_DROP_NO_ROUTE);
}

void
vs_ip_receive(VsIface *iface, VsPacket *packet)
{
    VsNetns *netns = iface->netns;

    if (G_UNLIKELY(vs_ip_is_fragment(vs_packet_top(packet)) && netns->conntrack)) {
        packet = vs_ip_reassemble(netns, packet);
        if (!packet) {
            return;
        }
    }
    if (run_hooks(netns, VS_HOOK_PREROUTING, packet, NULL)) {
        vs_ip_receive_prerouted(iface, packet, NULL);
    }
}

void
vs_ip_receive_prerouted(VsIface *iface, VsPacket *packet, const VsRoute *route)
{
    VsNetns *netns = iface->netns;

    if (!route) {
        route = vs_ip_find_route(netns, packet);
    }
    if (route && route->type == VS_ROUTE_LOCAL) {
        deliver(netns, packet);
    } else if (!netns->is_forwarding) {
        vs_packet_drop(packet, VS_DROP_NOT_FORWARDING);
    } else if (!vs_route_is_open(route)) {
        refuse(netns, packet, route);
    } else {
        forward(netns, packet, route);
    }
}

void
vs_ip_send(VsNetns *netns, VsPacket *packet)
{
    vs_host_submit_owing(netns->host, packet, &netns->output);
}

VsPacket *
vs_ip_packet_new(VsNetns *netns, const VsFlow *flow, uint32_t bytes)
{
    VsPacket *packet = vs_packet_new(netns->run);
    VsLayer *top = vs_packet_top(packet);

    top->ether_type = VS_ETHER_TYPE_IPV4;
    top->flow = *flow;
    top->ttl = DEFAULT_TTL;
    top->ip_fragment = VS_IP_DF;
    top->ip_id = netns->next_ip_id++;
    top->ip_bytes = VS_IPV4_HEADER_BYTES + bytes;
    vs_packet_measure(packet);
    return packet;
}

/* To the sockets of this namespace, when the core is done with the packet. */
static void
deliver(VsNetns *netns, VsPacket *packet)
{
    if (G_UNLIKELY(vs_ip_is_fragment(vs_packet_top(packet)))) {
        packet = vs_ip_reassemble(netns, packet);
        if (!packet) {
            return;
        }
    }
    if (!run_hooks(netns, VS_HOOK_INPUT, packet, NULL)) {
        return;
    }
    if (netns->tunnels && vs_tunnel_receive(netns, packet)) {
        return;
    }
    vs_host_charge(netns->host, netns->host->costs.socket_receive);
    vs_host_mark(netns->host, packet, netns->work_stage);
    if (netns->local) {
        vs_host_depart(netns->host, packet, netns->local);
    } else {
        vs_packet_drop(packet, VS_DROP_NO_SOCKET);
    }
}

static void
forward(VsNetns *netns, VsPacket *packet, const VsRoute *route)
{
    VsLayer *top = vs_packet_top(packet);

    vs_host_charge(netns->host, netns->host->costs.ip_forward);
    if (top->ttl <= 1) {
        vs_icmp_send_error(netns, packet, VS_ICMP_TIME_EXCEEDED, 0, 0);
        vs_packet_drop(packet, VS_DROP_TTL_EXCEEDED);
        return;
    }
    if (vs_packet_mtu_bytes(packet) > route->iface->mtu &&
        (top->ip_fragment & VS_IP_DF)) {
        vs_icmp_send_error(netns, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_TOO_BIG,
                           (uint16_t)route->iface->mtu);
        vs_packet_drop(packet, VS_DROP_TOO_BIG);
        return;
    }
    top->ttl--;
    if (run_hooks(netns, VS_HOOK_FORWARD, packet, route->iface)) {
        finish(netns, packet, route);
    }
}

/* A packet of a local socket, on a core now. */
static void
output_receive(VsHop *hop, VsPacket *packet)
{
    VsNetns *netns = VS_CONTAINER_OF(hop, VsNetns, output);
    const VsCore *core = netns->host->core;

    if (G_UNLIKELY(core && core->charge > 0)) {
        vs_host_mark(netns->host, packet, netns->cipher_stage);
    }
    vs_host_charge(netns->host, netns->host->costs.socket_send);
    vs_ip_output(netns, packet);
}

void
vs_ip_output(VsNetns *netns, VsPacket *packet)
{
    VsAddr daddr = vs_packet_top(packet)->flow.daddr;
    uint32_t mark = packet->mark;
    const VsRoute *route;

    packet->iface = NULL;
    route = vs_ip_find_route(netns, packet);
    if (!vs_route_is_open(route)) {
        refuse(netns, packet, route);
        return;
    }
    if (!run_hooks(netns, VS_HOOK_OUTPUT, packet, route->iface)) {
        return;
    }
    if (vs_packet_top(packet)->flow.daddr != daddr ||
        (netns->policy && packet->mark != mark)) {
        route = vs_ip_find_route(netns, packet);
        if (!vs_route_is_open(route)) {
            refuse(netns, packet, route);
            return;
        }
    }
    finish(netns, packet, route);
}

static void
send_out(VsPacket *packet, const VsRoute *route)
{
    vs_neighbour_output(route->iface,
                        route->via ? route->via : vs_packet_top(packet)->flow.daddr,
                        packet);
}

static void
send_fragments(VsPacket *packet, const VsRoute *route)
{
    VsPacket *fragment = vs_ip_fragment(packet, route->iface->mtu);

    while (fragment) {
        VsPacket *next = fragment->next;

        send_out(fragment, route);
        fragment = next;
    }
}

/* POSTROUTING, fragments where needed and allowed, the neighbour. */
static void
finish(VsNetns *netns, VsPacket *packet, const VsRoute *route)
{
    const VsLayer *top = vs_packet_top(packet);

    if (!run_hooks(netns, VS_HOOK_POSTROUTING, packet, route->iface)) {
        return;
    }
    if (route->type == VS_ROUTE_LOCAL) {
        vs_iface_transmit(netns->loopback, packet);
    } else if (G_LIKELY(vs_packet_mtu_bytes(packet) <= route->iface->mtu)) {
        send_out(packet, route);
    } else if (top->ip_fragment & VS_IP_DF) {
        vs_icmp_send_error(netns, packet, VS_ICMP_UNREACHABLE, VS_ICMP_CODE_TOO_BIG,
                           (uint16_t)route->iface->mtu);
        vs_packet_drop(packet, VS_DROP_TOO_BIG);
    } else if (vs_packet_is_train(packet)) {
        VsPacket *segment = vs_train_split(packet);

        while (segment) {
            VsPacket *next = segment->next;

            send_fragments(segment, route);
            segment = next;
        }
    } else {
        send_fragments(packet, route);
    }
}

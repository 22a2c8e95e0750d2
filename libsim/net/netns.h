/* A network namespace: interfaces, routes, neighbours, hooks and sockets of its own. */
#pragma once

#include <stdbool.h>

#include "net/hook.h"
#include "net/host.h"
#include "net/iface.h"
#include "net/multipath.h"
#include "net/neighbour.h"
#include "net/policy.h"
#include "net/route.h"
#include "packet/packet.h"

typedef struct VsNetns VsNetns;

struct VsNetns {
    VsNetns *next; /* In the host. */
    VsHost *host;
    VsRun *run;
    char *name; /* "n1/root", "n1/pod-a". */
    VsIface *ifaces;
    VsIface *last_iface;
    VsIface *loopback;
    unsigned n_taps; /* On its interfaces: decisions are noted (net/decision.h). */
    VsRoutes routes;
    VsPolicy *policy; /* NULL: none but the kernel's own rules. */
    VsMultipathConfig multipath;
    VsNeighbours neighbours;
    VsHookList hooks[VS_HOOK_N_POINTS];
    bool is_forwarding; /* net.ipv4.ip_forward */
    uint16_t next_ip_id;

    VsHop output; /* Sends a packet of a local socket (on a core): net/ip.h. */
    VsHop *local; /* Delivers a packet to local sockets; the transport floor's. */

    /* State of higher floors, made on demand and freed through these. */
    struct VsConntrack *conntrack;
    void (*free_conntrack)(struct VsConntrack *conntrack);
    /* Makes 'answer' (an ICMP error, a reset) part of the connection of 'cause'. */
    void (*relate_conntrack)(const VsPacket *cause, VsPacket *answer);
    /* 'packet' is put aside between two hooks, and taken up again: its connection, new or
     * not, stays with it. */
    void (*hold_conntrack)(VsPacket *packet);
    void (*resume_conntrack)(VsPacket *packet);
    struct VsFilter *filter;
    void (*free_filter)(struct VsFilter *filter);
    struct VsSockets *sockets;
    void (*free_sockets)(struct VsSockets *sockets);
    struct VsIpvs *ipvs;
    void (*free_ipvs)(struct VsIpvs *ipvs);
    struct VsReassembly *reassembly;
    VsTunnel *tunnels;                  /* The interfaces own them. */
    struct VsRedirectNat *redirect_nat; /* net/redirect.h; its model's, or NULL. */

    VsStage work_stage;       /* CPU time spent in here. */
    VsStage cipher_stage;     /* CPU time of its sockets' keys and ciphers. */
    VsStage neighbour_stage;  /* Waiting for ARP. */
    VsStage reassembly_stage; /* Waiting for the other fragments. */
};

/* Makes a namespace of 'host' with its interface lo (127.0.0.1/8); the host owns it. */
VsNetns *vs_netns_new(VsHost *host, const char *name);
void vs_netns_free(VsNetns *netns);

/* Adds the hooks of a table ended by a row without function; 'data' goes to each call. */
void vs_netns_add_hooks(VsNetns *netns, const VsHook *hooks, void *data);

/* The route for 'key' by the rules of the namespace, with one next hop, or NULL; valid until
 * one is added. */
static inline const VsRoute *
vs_netns_find_route(VsNetns *netns, const VsRouteKey *key)
{
    VsPolicyChoice choice;
    const VsRoute *route = G_LIKELY(!netns->policy)
                               ? vs_routes_find(&netns->routes, key->daddr)
                               : vs_policy_find(netns, key, &choice);

    if (G_UNLIKELY(route && route->multipath)) {
        route =
            &vs_multipath_select(route->multipath, vs_multipath_hash_key(netns, key),
                                 key->iif ? 0 : key->saddr)
                 ->route;
    }
    return route;
}

/* The interface of this name, or NULL. */
VsIface *vs_netns_find_iface(const VsNetns *netns, const char *name);

/* The address that a packet to 'daddr' would be sent from, or 0 without a route. */
VsAddr vs_netns_source_for(VsNetns *netns, VsAddr daddr);

/* MTU of the route to 'daddr', or 0 without one. */
uint32_t vs_netns_mtu_to(VsNetns *netns, VsAddr daddr);

/* True if 'address' is delivered to sockets of this namespace. */
bool vs_netns_is_local(VsNetns *netns, VsAddr address);

/* Makes 'address' local without an interface of its own: a VIP. */
void vs_netns_add_local(VsNetns *netns, VsAddr address);

void vs_netns_add_route(VsNetns *netns, VsAddr prefix, unsigned length, VsIface *iface,
                        VsAddr via);

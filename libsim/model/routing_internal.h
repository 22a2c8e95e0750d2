/* Shortest paths between hosts, in nets: what routing.c and routing_ways.c share. */
#pragma once

#include <glib.h>

#include "model/topology.h"
#include "net/multipath.h"

/* A host on a subnet. */
typedef struct VsRoutingAttachment {
    unsigned host; /* Index in the build's hosts. */
    VsIface *iface;
} VsRoutingAttachment;

typedef struct VsRoutingNet {
    VsAddr address;
    unsigned length;
    GArray *attachments; /* Of VsRoutingAttachment. */
} VsRoutingNet;

/* How the present host reaches a net. */
typedef struct VsReach {
    unsigned round; /* That of the host it was computed for; others are stale. */
    unsigned hops;
    VsAddr via; /* 0: it is on it. */
    VsIface *iface;
} VsReach;

/* How the present host reaches a router. */
typedef struct VsRouterWays {
    unsigned distance; /* Hops to its nearest net, plus one; 0: not known yet. */
    GArray *ways;      /* Of VsNextHop: all shortest ones; NULL: not known yet. */
} VsRouterWays;

typedef struct VsRouting {
    VsBuild *build;
    GArray *nets;       /* Of VsRoutingNet. */
    GHashTable *net_of; /* VsIface to net index + 1. */
    VsReach *reach;     /* By net. */
    unsigned *visited;  /* By host: round in which others' nets were reached by it. */
    unsigned *queue;    /* Of nets. */
    unsigned n_queued;
    unsigned round;
    VsRouterWays *routers; /* By host; NULL until somebody asks. */
} VsRouting;

static inline const VsBuiltHost *
vs_routing_host(const VsRouting *routing, unsigned host)
{
    return &g_array_index(routing->build->hosts, VsBuiltHost, host);
}

static inline VsRoutingNet *
vs_routing_net(const VsRouting *routing, unsigned net)
{
    return &g_array_index(routing->nets, VsRoutingNet, net);
}

/* Goes on from *iface, itself included, to one that is on a net. */
static inline bool
vs_routing_next_net(const VsRouting *routing, const VsIface **iface, unsigned *ret_net)
{
    for (; *iface; *iface = (*iface)->next) {
        unsigned place = GPOINTER_TO_UINT(g_hash_table_lookup(routing->net_of, *iface));

        if (place > 0) {
            *ret_net = place - 1;
            return true;
        }
    }
    return false;
}

/* All ways of the present host 'from' that lead to 'net', which it has reached and is not on,
 * by a shortest path through routers; where none leads, the one that was found.  Newly
 * allocated, of VsNextHop of weight 1. */
GArray *vs_routing_ways_to_net(VsRouting *routing, unsigned from, unsigned net);

/* Adds 'more' to 'ways', without those that are there already. */
void vs_routing_add_ways(GArray *ways, const GArray *more);

/* Forgets the ways of the present host. */
void vs_routing_forget_ways(VsRouting *routing);

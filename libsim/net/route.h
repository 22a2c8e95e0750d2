/* The routing table of a namespace: longest prefix match over IPv4 prefixes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lpm.h"
#include "base/lpm_table.h"
#include "packet/flow.h"

struct VsIface;
struct VsMultipath;

typedef enum VsRouteType {
    VS_ROUTE_UNICAST,     /* Out of 'iface', to 'via' or the destination itself. */
    VS_ROUTE_LOCAL,       /* To this namespace's sockets. */
    VS_ROUTE_UNREACHABLE, /* Refused with ICMP host unreachable. */
    VS_ROUTE_BLACKHOLE,   /* Dropped without a word. */
} VsRouteType;

typedef struct VsRoute {
    VsAddr prefix;
    uint8_t length;
    VsRouteType type;
    struct VsIface *iface;
    VsAddr via;    /* Gateway, reached on the link even where its address is no part of
                    * the link's prefix ("onlink"); 0: the destination is on the link. */
    VsAddr source; /* Preferred source address; 0: the interface's. */
    struct VsMultipath
        *multipath; /* Of several next hops, of which 'iface' and 'via' are
                                    * the first: net/multipath.h; NULL: one. */
} VsRoute;

/* True if 'route' (NULL: there is none) leads somewhere. */
static inline bool
vs_route_is_open(const VsRoute *route)
{
    return route && (route->type == VS_ROUTE_UNICAST || route->type == VS_ROUTE_LOCAL);
}

enum {
    VS_ROUTES_N_RECENT = 8, /* The last answers, by destination: one cache line, most
                             * packets look no further. */
    VS_ROUTES_N_FEW =
        256, /* More have a table of 256 KiB and more that needs no search:
                             * of a cluster's nodes, each may have one. */
};

typedef struct VsRoutes {
    VsLpm lpm;         /* Indices into 'routes'. */
    VsLpmTable *table; /* The same, if they are many; or NULL. */
    unsigned n_routes;
    uint32_t generation; /* Moves on with every change. */
    VsRoute *routes;
    struct {
        VsAddr addr;
        uint32_t number; /* Index into 'routes', plus one; 0: empty. */
    } recent[VS_ROUTES_N_RECENT];
} VsRoutes;

void vs_routes_init(VsRoutes *routes);
void vs_routes_clear(VsRoutes *routes);

/* Adds 'route', or replaces the one of the same prefix; its 'multipath' becomes the
 * table's. */
void vs_routes_add(VsRoutes *routes, const VsRoute *route);

/* Removes all routes but those that 'is_kept' says yes to. */
void vs_routes_filter(VsRoutes *routes, bool (*is_kept)(const VsRoute *route));

/* The route of just this prefix, or NULL; valid until a route is added. */
const VsRoute *vs_routes_find_prefix(const VsRoutes *routes, VsAddr prefix,
                                     unsigned length);

/* The route of 'addr', or NULL; valid until a route is added. */
const VsRoute *vs_routes_find(VsRoutes *routes, VsAddr addr);

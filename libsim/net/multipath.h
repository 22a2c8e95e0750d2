/* Routes with several next hops: each flow goes by one of them, as a hash of it says.
 *
 * Each hop takes a range of the hash, as wide as its weight (hash-threshold).  A packet made
 * here goes by a hop whose interface has its source address, if there is one: so a socket
 * that is bound to an uplink's address leaves by that uplink.
 *
 * Source: Linux 6.18, net/ipv4/fib_semantics.c (fib_rebalance, fib_select_multipath),
 * net/ipv4/route.c (fib_multipath_hash, ip_multipath_l3_keys).  Older kernels do not look at
 * the source address. */
#pragma once

#include "base/hash_flow.h"
#include "net/policy.h"
#include "net/route.h"
#include "packet/packet.h"

struct VsNetns;

/* What is hashed: net.ipv4.fib_multipath_hash_policy. */
typedef enum VsMultipathPolicy {
    VS_MULTIPATH_L3,       /* Addresses; of an ICMP error those of what it quotes. */
    VS_MULTIPATH_L4,       /* Addresses, protocol, ports of TCP and UDP. */
    VS_MULTIPATH_INNER_L3, /* Addresses; of an IPIP packet those inside. */
} VsMultipathPolicy;

/* How a namespace hashes. */
typedef struct VsMultipathConfig {
    VsMultipathPolicy policy;
    VsFlowHashKey hash_key;
} VsMultipathConfig;

enum { VS_MULTIPATH_MAX_WEIGHT = 256 };

typedef struct VsNextHop {
    struct VsIface *iface;
    VsAddr via;      /* 0: the destination is on the link. */
    uint32_t weight; /* From 1 to VS_MULTIPATH_MAX_WEIGHT. */
    bool is_dead;    /* Its link is down: gets nothing. */
} VsNextHop;

/* A next hop in place. */
typedef struct VsMultipathHop {
    VsRoute route; /* The route with this hop alone. */
    uint32_t weight;
    int32_t bound; /* The greatest hash of its range, or VS_HASH_THRESHOLD_DEAD. */
} VsMultipathHop;

typedef struct VsMultipath {
    unsigned n_hops;
    VsMultipathHop hops[];
} VsMultipath;

/* Sets next hop and interface of 'route' to the first of 'n_hops' >= 1, and, if there are
 * more, its 'multipath', which vs_routes_add() takes over. */
void vs_multipath_set(VsRoute *route, const VsNextHop *hops, unsigned n_hops);

/* What chooses a next hop of the routes of 'packet', or of a packet with this key. */
uint32_t vs_multipath_hash(const struct VsNetns *netns, VsPacket *packet);
uint32_t vs_multipath_hash_key(const struct VsNetns *netns, const VsRouteKey *key);

/* The hop for 'hash'; 'saddr' is that of a packet made here, else 0.  O(hops). */
const VsMultipathHop *vs_multipath_select(const VsMultipath *multipath, uint32_t hash,
                                          VsAddr saddr);

/* "next hop 2 of 3: hash 5 in 0..7" for a route that is one of a multipath's hops.  Newly
 * allocated. */
char *vs_multipath_explain(const VsMultipath *multipath, const VsRoute *route,
                           uint32_t hash);

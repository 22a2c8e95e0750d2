/* What the algorithms of HAProxy share.
 *
 * Followed is HAProxy 2.6 with one thread, without backup servers, slow start or queues:
 * src/backend.c and src/lb_*.c there. */
#pragma once

#include "balance/balancer.h"

enum {
    VS_HAPROXY_WEIGHT_SCALE = 16, /* Effective weights are finer. */
    VS_HAPROXY_WEIGHT_MAX = 256,  /* Of configured ones; more counts as this. */
};

/* A backend's weight as HAProxy computes with it; 0 if it is not available. */
static inline uint32_t
vs_haproxy_effective_weight(const VsBackend *backend)
{
    return vs_backend_is_available(backend)
               ? MIN(backend->weight, VS_HAPROXY_WEIGHT_MAX) * VS_HAPROXY_WEIGHT_SCALE
               : 0;
}

/* The smallest number from 1 on that no other backend has that is not removed: what a server
 * without "id" gets.  ids[i * stride] is the id of backend i, in bytes. */
uint32_t vs_haproxy_next_id(const VsBalancer *balancer, uint32_t added,
                            const uint32_t *ids, size_t stride);

/* ---- Map: static-rr, and hashes with "hash-type map-based" (lb_map.c) -------------- */

/* As many slots as there is weight, divided by what all weights have in common. */
typedef struct VsHaproxyMap {
    uint32_t *slots; /* Indices of backends. */
    uint32_t length;
    uint32_t capacity;
    uint32_t next;     /* Slot whose turn it is. */
    uint32_t *weights; /* Of all backends as configured: the last that was not 0. */
    uint32_t n_weights;
} VsHaproxyMap;

void vs_haproxy_map_clear(VsHaproxyMap *map);

/* Weights that go to 0 and come back are HAProxy's "set server weight"; other weights and
 * new servers need a reload, after which turns begin with the first slot. */
void vs_haproxy_map_change(VsHaproxyMap *map, const VsBalancer *balancer,
                           uint32_t backend);

/* Fills the slots; O(slots * backends), as in recalc_server_map(). */
void vs_haproxy_map_rebuild(VsHaproxyMap *map, const VsBalancer *balancer);

/* The next slot's backend; the one at a hash.  O(1), for a map with slots. */
uint32_t vs_haproxy_map_next(VsHaproxyMap *map);
uint32_t vs_haproxy_map_at(const VsHaproxyMap *map, uint32_t hash);

/* ---- Ring: "hash-type consistent", random (lb_chash.c) ------------------------------ */

typedef struct VsHaproxyPoint {
    uint32_t hash;
    uint32_t order; /* Of arrival, among points of one hash. */
    uint32_t backend;
    uint32_t number; /* Of the backend's points. */
} VsHaproxyPoint;

/* What the ring knows about a backend. */
typedef struct VsHaproxyRingServer {
    uint32_t id; /* Makes its points' hashes: see vs_haproxy_next_id(). */
    uint32_t
        n_without_id;  /* "add server" of 2.6 makes points before there is an id: of as
                             * many the hashes are those of an id 0. */
    uint32_t n_points; /* In the ring: its effective weight. */
    uint32_t weight_before; /* Of the backends before it when the ring began. */
} VsHaproxyRingServer;

typedef struct VsHaproxyRing {
    VsHaproxyPoint *points; /* By hash, then order. */
    uint32_t n_points;
    uint32_t n_arrived;
    uint32_t last; /* Point whose turn it was; UINT32_MAX: none. */
    VsHaproxyRingServer *servers;
    uint32_t factor;   /* hash-balance-factor in per cent; 0: loads have no bound. */
    uint64_t n_served; /* Connections that were picked and not released. */
    bool has_begun;
} VsHaproxyRing;

void vs_haproxy_ring_clear(VsHaproxyRing *ring);
void vs_haproxy_ring_change(VsHaproxyRing *ring, const VsBalancer *balancer,
                            VsBalancerChange change, uint32_t backend);

/* Takes out and puts in points until each backend has its weight's; O(points log points). */
void vs_haproxy_ring_rebuild(VsHaproxyRing *ring, const VsBalancer *balancer);

/* The backend of the point closest to 'hash' in either direction; with a factor the first
 * from there on that its share of the load leaves room.  O(log points), and then O(1) a
 * point passed over. */
uint32_t vs_haproxy_ring_at(const VsHaproxyRing *ring, const VsBalancer *balancer,
                            uint32_t hash);

/* The next point's backend. */
uint32_t vs_haproxy_ring_next(VsHaproxyRing *ring);

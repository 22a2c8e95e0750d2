#include "balance/haproxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

uint32_t
vs_haproxy_next_id(const VsBalancer *balancer, uint32_t added, const uint32_t *ids,
                   size_t stride)
{
    g_autofree bool *is_used = g_new0(bool, (size_t)added + 2);
    uint32_t id = 1;

    for (uint32_t i = 0; i < added; i++) {
        uint32_t other = *(const uint32_t *)((const char *)ids + i * stride);

        if (!balancer->backends[i].is_removed && other <= added) {
            is_used[other] = true;
        }
    }
    while (is_used[id]) {
        id++;
    }
    return id;
}

void
vs_haproxy_ring_clear(VsHaproxyRing *ring)
{
    g_free(ring->points);
    g_free(ring->servers);
    memset(ring, 0, sizeof(*ring));
}

void
vs_haproxy_ring_change(VsHaproxyRing *ring, const VsBalancer *balancer,
                       VsBalancerChange change, uint32_t backend)
{
    const VsBackend *added = &balancer->backends[backend];

    if (change == VS_BALANCER_ADDED) {
        ring->servers = g_renew(VsHaproxyRingServer, ring->servers, backend + 1);
        ring->servers[backend] = (VsHaproxyRingServer){
            .id = vs_haproxy_next_id(balancer, backend, &ring->servers[0].id,
                                     sizeof(*ring->servers)),
            .n_without_id = ring->has_begun ? vs_haproxy_effective_weight(added) : 0,
        };
    }
}

static int
compare_points(const void *a_, const void *b_)
{
    const VsHaproxyPoint *a = a_;
    const VsHaproxyPoint *b = b_;

    return a->hash != b->hash ? (a->hash > b->hash) - (a->hash < b->hash)
                              : (a->order > b->order) - (a->order < b->order);
}

/* The first point that is not before 'point'; n_points: there is none. */
static uint32_t
find_point(const VsHaproxyRing *ring, const VsHaproxyPoint *point)
{
    uint32_t low = 0;
    uint32_t high = ring->n_points;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare_points(&ring->points[middle], point) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Weights before each backend, which say who gets what is left of a bounded load.  HAProxy
 * sums them up when it starts, and never again. */
static void
begin(VsHaproxyRing *ring, const VsBalancer *balancer)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        uint32_t weight = vs_haproxy_effective_weight(&balancer->backends[i]);

        ring->servers[i].weight_before = weight > 0 ? sum : 0;
        sum += weight;
    }
    ring->last = UINT32_MAX;
    ring->has_begun = true;
}

static void
remove_points(VsHaproxyRing *ring, const VsBalancer *balancer)
{
    uint32_t n_kept = 0;

    for (uint32_t i = 0; i < ring->n_points; i++) {
        const VsHaproxyPoint *point = &ring->points[i];

        if (point->number <
            vs_haproxy_effective_weight(&balancer->backends[point->backend])) {
            ring->points[n_kept++] = *point;
        }
    }
    ring->n_points = n_kept;
}

static void
add_points(VsHaproxyRing *ring, const VsBalancer *balancer)
{
    const uint32_t id_step = VS_HAPROXY_WEIGHT_MAX * VS_HAPROXY_WEIGHT_SCALE;
    uint64_t n_wanted = 0;

    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        n_wanted += vs_haproxy_effective_weight(&balancer->backends[i]);
    }
    ring->points = g_renew(VsHaproxyPoint, ring->points, MAX(n_wanted, 1));
    for (uint32_t i = 0; i < balancer->n_backends; i++) {
        VsHaproxyRingServer *server = &ring->servers[i];
        uint32_t weight = vs_haproxy_effective_weight(&balancer->backends[i]);

        for (uint32_t number = server->n_points; number < weight; number++) {
            uint32_t id = number < server->n_without_id ? 0 : server->id;

            ring->points[ring->n_points++] = (VsHaproxyPoint){
                .hash = vs_avalanche(id * id_step + number),
                .order = ring->n_arrived++,
                .backend = i,
                .number = number,
            };
        }
        server->n_points = weight;
    }
    qsort(ring->points, ring->n_points, sizeof(*ring->points), compare_points);
}

void
vs_haproxy_ring_rebuild(VsHaproxyRing *ring, const VsBalancer *balancer)
{
    VsHaproxyPoint last = {0};

    if (!ring->has_begun) {
        begin(ring, balancer);
    }
    if (ring->last != UINT32_MAX && ring->n_points > 0) {
        last = ring->points[ring->last];
    } else {
        ring->last = UINT32_MAX;
    }
    remove_points(ring, balancer);
    if (ring->last != UINT32_MAX) {
        /* When its point goes, the turn moves on to the one after it. */
        ring->last = find_point(ring, &last);
        if (ring->n_points > 0) {
            last = ring->points[ring->last < ring->n_points ? ring->last : 0];
        }
    }
    add_points(ring, balancer);
    if (ring->last != UINT32_MAX) {
        ring->last = ring->n_points > 0 ? find_point(ring, &last) : UINT32_MAX;
    }
}

/* Of the connections that all may have, its weight's share, at least one, is not reached:
 * "Consistent Hashing with Bounded Loads" (Mirrokni, Thorup, Zadimoghaddam 2016). */
static bool
has_room(const VsHaproxyRing *ring, const VsBalancer *balancer, uint32_t backend)
{
    const VsHaproxyRingServer *server = &ring->servers[backend];
    uint64_t total = (uint64_t)ring->n_points;
    uint64_t room = ((ring->n_served + 1) * ring->factor + 99) / 100;
    uint64_t rest = room % total;
    uint64_t before = server->weight_before;
    uint64_t share = room / total * server->n_points +
                     (before + server->n_points) * rest / total - before * rest / total;

    return balancer->backends[backend].n_active < MAX(share, 1);
}

uint32_t
vs_haproxy_ring_at(const VsHaproxyRing *ring, const VsBalancer *balancer, uint32_t hash)
{
    const VsHaproxyPoint wanted = {.hash = hash};
    uint32_t at = find_point(ring, &wanted) % ring->n_points;
    uint32_t before = (at > 0 ? at : ring->n_points) - 1;

    if (hash - ring->points[before].hash <= ring->points[at].hash - hash) {
        at = before;
    }
    if (ring->factor > 0) {
        /* All may have more than they have: once around, somebody has room. */
        for (uint32_t i = 0;
             i < ring->n_points && !has_room(ring, balancer, ring->points[at].backend);
             i++) {
            at = at + 1 < ring->n_points ? at + 1 : 0;
        }
    }
    return ring->points[at].backend;
}

uint32_t
vs_haproxy_ring_next(VsHaproxyRing *ring)
{
    ring->last = ring->last != UINT32_MAX && ring->last + 1 < ring->n_points
                     ? ring->last + 1
                     : 0;
    return ring->points[ring->last].backend;
}

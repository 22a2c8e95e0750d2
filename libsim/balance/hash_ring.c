#include "balance/hash_ring.h"

#include <glib.h>
#include <stdlib.h>

void
vs_hash_ring_clear(VsHashRing *ring)
{
    g_free(ring->points);
    g_free(ring->index);
    *ring = (VsHashRing){0};
}

void
vs_hash_ring_reset(VsHashRing *ring)
{
    ring->n_points = 0;
}

void
vs_hash_ring_add(VsHashRing *ring, uint64_t hash, uint32_t owner)
{
    if (ring->n_points == ring->n_allocated) {
        ring->n_allocated = MAX(64, 2 * ring->n_allocated);
        ring->points = g_renew(VsHashPoint, ring->points, ring->n_allocated);
    }
    ring->points[ring->n_points++] = (VsHashPoint){.hash = hash, .owner = owner};
}

static int
compare(const void *a_, const void *b_)
{
    const VsHashPoint *a = a_;
    const VsHashPoint *b = b_;

    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1)
                              : (a->owner > b->owner) - (a->owner < b->owner);
}

void
vs_hash_ring_seal(VsHashRing *ring)
{
    unsigned bits = 1;
    uint32_t at = 0;

    if (ring->n_points > 1) {
        qsort(ring->points, ring->n_points, sizeof(*ring->points), compare);
    }
    while (bits < 31 && UINT32_C(1) << bits < ring->n_points) {
        bits++;
    }
    ring->shift = 64 - bits;
    ring->index = g_renew(uint32_t, ring->index, UINT32_C(1) << bits);
    for (uint32_t top = 0; top < UINT32_C(1) << bits; top++) {
        while (at < ring->n_points && ring->points[at].hash >> ring->shift < top) {
            at++;
        }
        ring->index[top] = at;
    }
}

/* A ring of points of 64 bits, each of an owner: the lookup of consistent hashing.
 *
 * An index over the top bits of the hash tells where to begin, so a lookup looks at one or
 * two points on average, however many there are. */
#pragma once

#include <stdint.h>

typedef struct VsHashPoint {
    uint64_t hash;
    uint32_t owner;
} VsHashPoint;

typedef struct VsHashRing {
    VsHashPoint *points; /* In ascending order once sealed. */
    uint32_t n_points;
    uint32_t n_allocated;
    uint32_t *index; /* By top bits: the first point there or after. */
    unsigned shift;  /* What is left of a hash are the top bits. */
} VsHashRing;

/* A ring starts as zeros. */
void vs_hash_ring_clear(VsHashRing *ring);

/* Forgets the points and keeps the memory. */
void vs_hash_ring_reset(VsHashRing *ring);
void vs_hash_ring_add(VsHashRing *ring, uint64_t hash, uint32_t owner);

/* Sorts, equal hashes by owner, and makes the index: due before lookups. */
void vs_hash_ring_seal(VsHashRing *ring);

/* The place of the first point with 'hash' or more, or 0 past the last; the ring must have
 * points. */
static inline uint32_t
vs_hash_ring_find(const VsHashRing *ring, uint64_t hash)
{
    uint32_t at = ring->index[hash >> ring->shift];

    while (at < ring->n_points && ring->points[at].hash < hash) {
        at++;
    }
    return at < ring->n_points ? at : 0;
}

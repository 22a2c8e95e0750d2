/* The fingerprint of a run: a 64-bit sum over all events and frames.
 *
 * Each item is mixed on its own and the results are added, so the digest depends on what
 * happened and when, not on who observed it first: sums of parts or threads just add up.
 * The order of events is in it, since each event's (time, entity, count) is.
 *
 * The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", OOPSLA 2014; constants by D. Stafford, variant 13). */
#pragma once

#include <stdint.h>

typedef struct VsDigest {
    uint64_t sum;
    uint64_t n_items;
} VsDigest;

static inline void
vs_digest_add(VsDigest *digest, uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b;

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    digest->sum += x ^ (x >> 31);
    digest->n_items++;
}

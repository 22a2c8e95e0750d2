/* Streams of random numbers, one for each source of randomness.
 *
 * A stream is a pure function of (seed, entity, purpose): Philox4x32-10 (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011), a cipher run over a counter.
 * Adding an entity or drawing more in one place leaves every other stream as it was, which
 * is what lets two policies be compared on the same arrivals, and parts run in any order.
 *
 * The names choose the stream thus: with s = entity, a zero byte, purpose, the cipher's key
 * is SipHash-2-4(s; k0 = seed, k1 = 1) and the upper half of its counter SipHash-2-4(s;
 * k0 = seed, k1 = 2).  The lower half counts blocks from 0.  Streams of 2^65 numbers with
 * 128 bits of identity: two never overlap but by a collision of 128 bits.
 *
 * A VsRng is plain data: a copy continues on its own from the same place. */
#ifndef VS_BASE_RNG_H
#define VS_BASE_RNG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/simd.h"

/* Numbers made at a time: two to a block, four blocks, which is what the processor can work
 * at side by side. */
#define VS_RNG_BATCH_LENGTH 8

/* Numbers are made a batch ahead: a batch takes as long as some ten draws, and goes on while
 * those of the batch before are used. */
#define VS_RNG_BUFFER_LENGTH (2 * VS_RNG_BATCH_LENGTH)

typedef struct VsRng {
    uint64_t key;
    uint64_t stream; /* Upper half of the counter. */
    uint64_t block;  /* Lower half: the next block to make. */
    uint32_t place;  /* Of the number given last; those before it are next. */
    bool is_started; /* Else no number is made yet. */
    uint8_t simd;    /* VsSimd; numbers do not depend on it. */
    uint64_t buffer[VS_RNG_BUFFER_LENGTH];
} VsRng;

void vs_rng_init(VsRng *rng, uint64_t seed, const char *entity, const char *purpose);

/* The same for a processor without what is above 'simd', which this one must support. */
void vs_rng_init_simd(VsRng *rng, uint64_t seed, const char *entity,
                      const char *purpose, VsSimd simd);

/* One block of Philox4x32-10; words in the order of the paper's reference code. */
void vs_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4]);

/* For vs_rng_u64() alone: makes the batch after next, in place of the one that is used up. */
void vs_rng_refill(VsRng *rng);

/* 64 random bits.  A block of words w0..w3 gives w0 | w1 << 32, then w2 | w3 << 32. */
static inline uint64_t
vs_rng_u64(VsRng *rng)
{
    if (G_UNLIKELY(rng->place % VS_RNG_BATCH_LENGTH == 0)) {
        vs_rng_refill(rng);
    }
    return rng->buffer[--rng->place];
}

/* 32 random bits: the upper half of a vs_rng_u64(). */
static inline uint32_t
vs_rng_u32(VsRng *rng)
{
    return vs_rng_u64(rng) >> 32;
}

/* A multiple of 2^-53 in [0, 1). */
static inline double
vs_rng_double(VsRng *rng)
{
    return (double)(vs_rng_u64(rng) >> 11) * 0x1p-53;
}

/* An unbiased integer in 0 .. n-1, n > 0: the upper half of a 128-bit product, rejected in
 * the few cases that would favour some results (Lemire, ACM TOMACS 29, 2019).  The usual
 * case takes one vs_rng_u64() and no division. */
static inline uint64_t
vs_rng_below(VsRng *rng, uint64_t n)
{
    __extension__ typedef unsigned __int128 Wide;
    Wide product = (Wide)vs_rng_u64(rng) * n;

    if (G_UNLIKELY((uint64_t)product < n)) {
        uint64_t threshold = -n % n;

        while ((uint64_t)product < threshold) {
            product = (Wide)vs_rng_u64(rng) * n;
        }
    }
    return product >> 64;
}

#endif

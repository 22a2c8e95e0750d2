/* Remainders of division by a number that stays the same: two products in place of a division
 * (Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI
 * 1994, with a correction at the end). */
#ifndef VS_BASE_MODULUS_H
#define VS_BASE_MODULUS_H

#include <stdint.h>

typedef struct VsModulus {
    uint64_t reciprocal; /* 2^64 / divisor, rounded down, or one less. */
    uint32_t divisor;
} VsModulus;

/* 'divisor' is not 0. */
static inline VsModulus
vs_modulus(uint32_t divisor)
{
    return (VsModulus){UINT64_MAX / divisor, divisor};
}

/* x % divisor, of any x: the quotient by the reciprocal is right or one too small, as x times
 * what was rounded off is below 2^64. */
static inline uint32_t
vs_modulus_reduce(VsModulus modulus, uint64_t x)
{
    __extension__ typedef unsigned __int128 Wide;
    uint64_t quotient = (uint64_t)((Wide)x * modulus.reciprocal >> 64);
    uint64_t rest = x - quotient * modulus.divisor;

    return (uint32_t)(rest - (rest >= modulus.divisor ? modulus.divisor : 0));
}

/* The same for 32 bits, by products of 64; the divisor is below 2^31. */
static inline uint32_t
vs_modulus_reduce_32(VsModulus modulus, uint32_t x)
{
    uint32_t quotient = (uint32_t)((modulus.reciprocal >> 32) * x >> 32);
    uint32_t rest = x - quotient * modulus.divisor;
    uint32_t less = rest - modulus.divisor;

    return less < rest ? less : rest; /* It wraps round where it is too much. */
}

#endif

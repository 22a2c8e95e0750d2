/* Which vector instructions the processor has.
 *
 * Code that can use them exists for the levels where they help and is chosen at run time; a
 * level includes those below.  Every level gives the same results, which the tests check by
 * asking for each in turn, from VS_SIMD_PLAIN up to vs_simd_best(). */
#ifndef VS_BASE_SIMD_H
#define VS_BASE_SIMD_H

#include <stdbool.h>

typedef enum VsSimd {
    VS_SIMD_PLAIN, /* C alone: any processor. */
    VS_SIMD_SSE42, /* With the instruction for CRC-32C. */
    VS_SIMD_AVX2,
    VS_SIMD_AVX512, /* F, BW, DQ and VL. */
    VS_SIMD_GFNI,   /* Products of bit matrices, in vectors of 512 bits. */
} VsSimd;

/* True if this processor can run code of that level. */
static inline bool
vs_simd_is_supported(VsSimd simd)
{
#ifdef __x86_64__
    switch (simd) {
    case VS_SIMD_GFNI:
        return vs_simd_is_supported(VS_SIMD_AVX512) && __builtin_cpu_supports("gfni");
    case VS_SIMD_AVX512:
        return vs_simd_is_supported(VS_SIMD_AVX2) &&
               __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case VS_SIMD_AVX2:
        return vs_simd_is_supported(VS_SIMD_SSE42) && __builtin_cpu_supports("avx2");
    case VS_SIMD_SSE42:
        return __builtin_cpu_supports("sse4.2");
    case VS_SIMD_PLAIN:
        break;
    }
#endif
    return simd == VS_SIMD_PLAIN;
}

/* The highest level that this processor supports. */
static inline VsSimd
vs_simd_best(void)
{
    VsSimd simd = VS_SIMD_GFNI;

    while (!vs_simd_is_supported(simd)) {
        simd = (VsSimd)(simd - 1);
    }
    return simd;
}

#endif

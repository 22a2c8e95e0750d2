/* Which vector instructions the processor has.
 *
 * Code that can use them exists once for each level and is chosen at run time; every level
 * gives the same results, which the tests check by asking for each in turn. */
#ifndef VS_BASE_SIMD_H
#define VS_BASE_SIMD_H

#include <stdbool.h>

typedef enum VsSimd {
    VS_SIMD_PLAIN, /* C alone: any processor. */
    VS_SIMD_AVX2,
    VS_SIMD_AVX512, /* F, VL and DQ. */
} VsSimd;

/* True if this processor can run code of that level. */
static inline bool
vs_simd_is_supported(VsSimd simd)
{
#ifdef __x86_64__
    switch (simd) {
    case VS_SIMD_AVX2:
        return __builtin_cpu_supports("avx2");
    case VS_SIMD_AVX512:
        return __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
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
    VsSimd simd = VS_SIMD_AVX512;

    while (!vs_simd_is_supported(simd)) {
        simd = (VsSimd)(simd - 1);
    }
    return simd;
}

#endif

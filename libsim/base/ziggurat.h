/* The 256 layers of the two ziggurats that dist.h draws from, computed with 400 bits and
 * rounded.
 *
 * Layers of one area v each cover the area under f: exp(-x) and exp(-x^2/2) for x > 0, not
 * normalised.  Their right borders are x[1] = r, f(x[i+1]) = f(x[i]) + v/x[i], down to
 * x[256] = 0, where r is chosen so that the last one ends at f(0) = 1.  Layer 0 is the base,
 * rectangle and tail together, taken as if x[0] = v/f(r) wide.
 *
 * tests/base/test_dist.c computes the tables again. */
#ifndef VS_BASE_ZIGGURAT_H
#define VS_BASE_ZIGGURAT_H

#include <stdint.h>

#define VS_ZIGGURAT_EXPONENTIAL_TAIL 0x1.ec9d9297ebb83p+2 /* r */
#define VS_ZIGGURAT_NORMAL_TAIL 0x1.d3bb48209ad33p+1

typedef struct VsZiggurat {
    uint64_t inner[256]; /* Of 2^53: draws below it are under f for certain. */
    double scale[257];   /* x[i] 2^-53: a draw of 53 bits times it is x. */
    double height[257];  /* f(x[i]), a layer's lower border; of the base, 0. */
} VsZiggurat;

extern const VsZiggurat vs_ziggurat_exponential;
extern const VsZiggurat vs_ziggurat_normal;

#endif

/* The points of a ketama ring as Perl's Cache::Memcached::Fast makes them, and nginx and
 * lua-resty-balancer after it: each is the CRC-32 of its server and of the point before. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { VS_KETAMA_POINTS = 160 }; /* For each unit of weight. */

typedef struct VsKetamaPoint {
    uint32_t hash;
    uint32_t backend;
} VsKetamaPoint;

/* Fills 'n_points' points: the first is vs_crc32() of four zero bytes on from 'base', each
 * other that of the one before as a little-endian word. */
void vs_ketama_fill(VsKetamaPoint *points, size_t n_points, uint32_t base,
                    uint32_t backend);

/* By hash; those of equal hash by backend. */
void vs_ketama_sort(VsKetamaPoint *points, size_t n_points);

/* The number of points below 'hash': the index of the first that is not. */
size_t vs_ketama_find(const VsKetamaPoint *points, size_t n_points, uint32_t hash);

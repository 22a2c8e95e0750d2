#include "balance/ketama.h"

#include <stdlib.h>

#include "base/hash.h"

void
vs_ketama_fill(VsKetamaPoint *points, size_t n_points, uint32_t base, uint32_t backend)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < n_points; i++) {
        const uint8_t before[] = {(uint8_t)hash, (uint8_t)(hash >> 8),
                                  (uint8_t)(hash >> 16), (uint8_t)(hash >> 24)};

        hash = vs_crc32(base, before, sizeof(before));
        points[i] = (VsKetamaPoint){hash, backend};
    }
}

static int
compare(const void *a_, const void *b_)
{
    const VsKetamaPoint *a = a_;
    const VsKetamaPoint *b = b_;

    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return (a->backend > b->backend) - (a->backend < b->backend);
}

void
vs_ketama_sort(VsKetamaPoint *points, size_t n_points)
{
    qsort(points, n_points, sizeof(*points), compare);
}

size_t
vs_ketama_find(const VsKetamaPoint *points, size_t n_points, uint32_t hash)
{
    size_t first = 0;
    size_t end = n_points;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (points[middle].hash < hash) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

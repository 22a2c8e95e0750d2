/* Hashes byte by byte, and the full avalanche of 32 bits. */
#include "base/hash.h"

#include "base/hash_bits.h"

#define FNV32_OFFSET 0x811C9DC5u
#define FNV32_PRIME 0x01000193u
#define FNV64_OFFSET 0xCBF29CE484222325u
#define FNV64_PRIME 0x100000001B3u

uint32_t
vs_fnv32(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint32_t hash = FNV32_OFFSET;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = hash * FNV32_PRIME ^ bytes[i];
    }
    return hash;
}

uint32_t
vs_fnv1a32(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint32_t hash = FNV32_OFFSET;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = (hash ^ bytes[i]) * FNV32_PRIME;
    }
    return hash;
}

uint64_t
vs_fnv64(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint64_t hash = FNV64_OFFSET;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = hash * FNV64_PRIME ^ bytes[i];
    }
    return hash;
}

uint64_t
vs_fnv1a64(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint64_t hash = FNV64_OFFSET;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = (hash ^ bytes[i]) * FNV64_PRIME;
    }
    return hash;
}

uint32_t
vs_sdbm(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint32_t hash = 0;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = hash * 65599u + bytes[i]; /* 65599 = 2^16 + 2^6 - 1. */
    }
    return hash;
}

uint32_t
vs_djb2(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint32_t hash = 5381;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = hash * 33 + bytes[i];
    }
    return hash;
}

/* The step may be 0, for which rotl32() has no meaning in C. */
static inline uint32_t
rotl32_any(uint32_t x, unsigned n)
{
    return x << n | x >> (-n & 31);
}

uint32_t
vs_wt6(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint32_t h0 = 0xA53C965Au, h1 = 0x5CA6953Au;
    unsigned step0 = 6, step1 = 18;

    for (size_t i = 0; i < n_bytes; i++) {
        uint32_t x = ~(h0 ^ bytes[i]);
        uint32_t y = ~(h1 + bytes[i]);
        uint32_t steps;

        h0 = rotl32_any(y, step0);
        h1 = rotl32_any(x, step1);
        steps = (h0 >> 16 ^ h1) & 0xFFFF;
        step0 = steps & 31;
        step1 = steps >> 11;
    }
    return h0 ^ h1;
}

uint32_t
vs_avalanche(uint32_t x)
{
    x = (x + 0x7ED55D16u) + (x << 12);
    x = (x ^ 0xC761C23Cu) ^ (x >> 19);
    x = (x + 0x165667B1u) + (x << 5);
    x = (x + 0xD3A2646Cu) ^ (x << 9);
    x = (x + 0xFD7046C5u) + (x << 3);
    x = (x ^ 0xB55A4F09u) ^ (x >> 16);
    return x * 3221225473u;
}

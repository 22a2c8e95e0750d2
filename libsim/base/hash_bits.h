/* What the hash functions share: words from bytes, and rotations. */
#ifndef VS_BASE_HASH_BITS_H
#define VS_BASE_HASH_BITS_H

#include <stddef.h>
#include <stdint.h>

/* 'n' <= 8 bytes as a little-endian word. */
static inline uint64_t
load_le(const uint8_t *bytes, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

/* Written out, these become one load where the host is little-endian. */
static inline uint32_t
load_le32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static inline uint64_t
load_le64(const uint8_t *b)
{
    return (uint64_t)load_le32(b + 4) << 32 | load_le32(b);
}

static inline uint64_t
rotl64(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline uint32_t
rotl32(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

#endif

/* xxHash of 32 and 64 bits. */
#include "base/hash.h"
#include "base/hash_bits.h"

#define P32_1 0x9E3779B1u
#define P32_2 0x85EBCA77u
#define P32_3 0xC2B2AE3Du
#define P32_4 0x27D4EB2Fu
#define P32_5 0x165667B1u

#define P64_1 0x9E3779B185EBCA87u
#define P64_2 0xC2B2AE3D27D4EB4Fu
#define P64_3 0x165667B19E3779F9u
#define P64_4 0x85EBCA77C2B2AE63u
#define P64_5 0x27D4EB2F165667C5u

/* 32 bits. -------------------------------------------------------------------------------- */

static inline uint32_t
xx32_round(uint32_t lane, uint32_t word)
{
    return rotl32(lane + word * P32_2, 13) * P32_1;
}

static inline uint32_t
xx32_stripes(const uint8_t **bytes, size_t *left, uint32_t seed)
{
    uint32_t lane[4] = {seed + P32_1 + P32_2, seed + P32_2, seed, seed - P32_1};

    for (; *left >= 16; *left -= 16, *bytes += 16) {
        for (int i = 0; i < 4; i++) {
            lane[i] = xx32_round(lane[i], load_le32(*bytes + 4 * i));
        }
    }
    return rotl32(lane[0], 1) + rotl32(lane[1], 7) + rotl32(lane[2], 12) +
           rotl32(lane[3], 18);
}

uint32_t
vs_xxhash32(const void *data, size_t n_bytes, uint32_t seed)
{
    const uint8_t *bytes = data;
    size_t left = n_bytes;
    uint32_t hash = n_bytes >= 16 ? xx32_stripes(&bytes, &left, seed) : seed + P32_5;

    hash += (uint32_t)n_bytes;
    for (; left >= 4; left -= 4, bytes += 4) {
        hash = rotl32(hash + load_le32(bytes) * P32_3, 17) * P32_4;
    }
    for (; left > 0; left--, bytes++) {
        hash = rotl32(hash + *bytes * P32_5, 11) * P32_1;
    }
    hash = (hash ^ hash >> 15) * P32_2;
    hash = (hash ^ hash >> 13) * P32_3;
    return hash ^ hash >> 16;
}

/* 64 bits. -------------------------------------------------------------------------------- */

static inline uint64_t
xx64_round(uint64_t lane, uint64_t word)
{
    return rotl64(lane + word * P64_2, 31) * P64_1;
}

static inline uint64_t
xx64_stripes(const uint8_t **bytes, size_t *left, uint64_t seed)
{
    uint64_t lane[4] = {seed + P64_1 + P64_2, seed + P64_2, seed, seed - P64_1};
    uint64_t hash;

    for (; *left >= 32; *left -= 32, *bytes += 32) {
        for (int i = 0; i < 4; i++) {
            lane[i] = xx64_round(lane[i], load_le64(*bytes + 8 * i));
        }
    }
    hash = rotl64(lane[0], 1) + rotl64(lane[1], 7) + rotl64(lane[2], 12) +
           rotl64(lane[3], 18);
    for (int i = 0; i < 4; i++) {
        hash = (hash ^ xx64_round(0, lane[i])) * P64_1 + P64_4;
    }
    return hash;
}

uint64_t
vs_xxhash64(const void *data, size_t n_bytes, uint64_t seed)
{
    const uint8_t *bytes = data;
    size_t left = n_bytes;
    uint64_t hash = n_bytes >= 32 ? xx64_stripes(&bytes, &left, seed) : seed + P64_5;

    hash += n_bytes;
    for (; left >= 8; left -= 8, bytes += 8) {
        hash = rotl64(hash ^ xx64_round(0, load_le64(bytes)), 27) * P64_1 + P64_4;
    }
    if (left >= 4) {
        hash = rotl64(hash ^ load_le32(bytes) * P64_1, 23) * P64_2 + P64_3;
        left -= 4;
        bytes += 4;
    }
    for (; left > 0; left--, bytes++) {
        hash = rotl64(hash ^ *bytes * P64_5, 11) * P64_1;
    }
    hash = (hash ^ hash >> 33) * P64_2;
    hash = (hash ^ hash >> 29) * P64_3;
    return hash ^ hash >> 32;
}

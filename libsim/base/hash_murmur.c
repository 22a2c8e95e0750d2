/* MurmurHash2 of 64 bits; MurmurHash3 of 32 and 128 bits. */
#include "base/hash.h"
#include "base/hash_bits.h"

/* MurmurHash2. ---------------------------------------------------------------------------- */

uint64_t
vs_murmur2_64(const void *data, size_t n_bytes, uint64_t seed)
{
    const uint64_t multiplier = 0xC6A4A7935BD1E995u;
    const uint8_t *bytes = data;
    uint64_t hash = seed ^ n_bytes * multiplier;

    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8) {
        uint64_t word = load_le64(bytes) * multiplier;

        hash = (hash ^ (word ^ word >> 47) * multiplier) * multiplier;
    }
    if (n_bytes > 0) {
        hash = (hash ^ load_le(bytes, n_bytes)) * multiplier;
    }
    hash = (hash ^ hash >> 47) * multiplier;
    return hash ^ hash >> 47;
}

/* MurmurHash3, 32 bits. ------------------------------------------------------------------- */

static inline uint32_t
murmur3_scramble32(uint32_t word)
{
    return rotl32(word * 0xCC9E2D51u, 15) * 0x1B873593u;
}

uint32_t
vs_murmur3_32(const void *data, size_t n_bytes, uint32_t seed)
{
    const uint8_t *bytes = data;
    uint32_t hash = seed;
    size_t left = n_bytes;

    for (; left >= 4; left -= 4, bytes += 4) {
        hash ^= murmur3_scramble32(load_le32(bytes));
        hash = rotl32(hash, 13) * 5 + 0xE6546B64u;
    }
    hash ^= murmur3_scramble32((uint32_t)load_le(bytes, left)); /* 0 gives 0. */
    hash ^= (uint32_t)n_bytes;
    hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
    return hash ^ hash >> 16;
}

/* MurmurHash3, 128 bits. ------------------------------------------------------------------ */

static inline uint64_t
murmur3_scramble_first(uint64_t word)
{
    return rotl64(word * 0x87C37B91114253D5u, 31) * 0x4CF5AD432745937Fu;
}

static inline uint64_t
murmur3_scramble_second(uint64_t word)
{
    return rotl64(word * 0x4CF5AD432745937Fu, 33) * 0x87C37B91114253D5u;
}

void
vs_murmur3_128(const void *data, size_t n_bytes, uint32_t seed, uint64_t *ret_h1,
               uint64_t *ret_h2)
{
    const uint8_t *bytes = data;
    uint64_t h1 = seed, h2 = seed;
    size_t left = n_bytes;

    for (; left >= 16; left -= 16, bytes += 16) {
        h1 ^= murmur3_scramble_first(load_le64(bytes));
        h1 = (rotl64(h1, 27) + h2) * 5 + 0x52DCE729u;
        h2 ^= murmur3_scramble_second(load_le64(bytes + 8));
        h2 = (rotl64(h2, 31) + h1) * 5 + 0x38495AB5u;
    }
    h1 ^= murmur3_scramble_first(load_le(bytes, left < 8 ? left : 8));
    h2 ^= murmur3_scramble_second(left > 8 ? load_le(bytes + 8, left - 8) : 0);

    h1 ^= n_bytes;
    h2 ^= n_bytes;
    h1 += h2;
    h2 += h1;
    h1 = vs_mix64(h1);
    h2 = vs_mix64(h2);
    h1 += h2;
    h2 += h1;
    *ret_h1 = h1;
    *ret_h2 = h2;
}

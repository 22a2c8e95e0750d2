#include "base/hash.h"

#include <assert.h>

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

/* SipHash. -------------------------------------------------------------------------------- */

static inline void
sip_rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[1] = rotl64(v[1], 13) ^ v[0];
        v[0] = rotl64(v[0], 32);
        v[2] += v[3];
        v[3] = rotl64(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl64(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl64(v[1], 17) ^ v[2];
        v[2] = rotl64(v[2], 32);
    }
}

static inline uint64_t
siphash(const void *data, size_t n_bytes, uint64_t k0, uint64_t k1, int n_compress,
        int n_finish)
{
    const uint8_t *bytes = data;
    uint64_t v[4] = {k0 ^ 0x736F6D6570736575u, k1 ^ 0x646F72616E646F6Du,
                     k0 ^ 0x6C7967656E657261u, k1 ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)n_bytes << 56;

    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8) {
        uint64_t word = load_le(bytes, 8);

        v[3] ^= word;
        sip_rounds(v, n_compress);
        v[0] ^= word;
    }
    last |= load_le(bytes, n_bytes);
    v[3] ^= last;
    sip_rounds(v, n_compress);
    v[0] ^= last;

    v[2] ^= 0xFF;
    sip_rounds(v, n_finish);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
vs_siphash_2_4(const void *data, size_t bytes, uint64_t k0, uint64_t k1)
{
    return siphash(data, bytes, k0, k1, 2, 4);
}

uint64_t
vs_siphash_1_3(const void *data, size_t bytes, uint64_t k0, uint64_t k1)
{
    return siphash(data, bytes, k0, k1, 1, 3);
}

/* jhash. ---------------------------------------------------------------------------------- */

#define JHASH_INITVAL 0xDEADBEEFu

static inline void
jhash_mix(uint32_t *a, uint32_t *b, uint32_t *c)
{
    *a = (*a - *c) ^ rotl32(*c, 4);
    *c += *b;
    *b = (*b - *a) ^ rotl32(*a, 6);
    *a += *c;
    *c = (*c - *b) ^ rotl32(*b, 8);
    *b += *a;
    *a = (*a - *c) ^ rotl32(*c, 16);
    *c += *b;
    *b = (*b - *a) ^ rotl32(*a, 19);
    *a += *c;
    *c = (*c - *b) ^ rotl32(*b, 4);
    *b += *a;
}

static inline uint32_t
jhash_final(uint32_t a, uint32_t b, uint32_t c)
{
    c = (c ^ b) - rotl32(b, 14);
    a = (a ^ c) - rotl32(c, 11);
    b = (b ^ a) - rotl32(a, 25);
    c = (c ^ b) - rotl32(b, 16);
    a = (a ^ c) - rotl32(c, 4);
    b = (b ^ a) - rotl32(a, 14);
    c = (c ^ b) - rotl32(b, 24);
    return c;
}

uint32_t
vs_jhash(const void *data, size_t n_bytes, uint32_t initval)
{
    const uint8_t *bytes = data;
    uint32_t a = JHASH_INITVAL + (uint32_t)n_bytes + initval;
    uint32_t b = a, c = a;

    for (; n_bytes > 12; n_bytes -= 12, bytes += 12) {
        a += (uint32_t)load_le(bytes, 4);
        b += (uint32_t)load_le(bytes + 4, 4);
        c += (uint32_t)load_le(bytes + 8, 4);
        jhash_mix(&a, &b, &c);
    }
    if (n_bytes == 0) {
        return c;
    }
    a += (uint32_t)load_le(bytes, n_bytes < 4 ? n_bytes : 4);
    if (n_bytes > 4) {
        b += (uint32_t)load_le(bytes + 4, n_bytes < 8 ? n_bytes - 4 : 4);
    }
    if (n_bytes > 8) {
        c += (uint32_t)load_le(bytes + 8, n_bytes - 8);
    }
    return jhash_final(a, b, c);
}

uint32_t
vs_jhash_words(const uint32_t *words, size_t n, uint32_t initval)
{
    uint32_t a = JHASH_INITVAL + ((uint32_t)n << 2) + initval;
    uint32_t b = a, c = a;

    for (; n > 3; n -= 3, words += 3) {
        a += words[0];
        b += words[1];
        c += words[2];
        jhash_mix(&a, &b, &c);
    }
    if (n == 0) {
        return c;
    }
    a += words[0];
    b += n > 1 ? words[1] : 0;
    c += n > 2 ? words[2] : 0;
    return jhash_final(a, b, c);
}

uint32_t
vs_jhash_3words(uint32_t a, uint32_t b, uint32_t c, uint32_t initval)
{
    uint32_t start = JHASH_INITVAL + (3 << 2) + initval;

    return jhash_final(a + start, b + start, c + start);
}

uint32_t
vs_jhash_2words(uint32_t a, uint32_t b, uint32_t initval)
{
    uint32_t start = JHASH_INITVAL + (2 << 2) + initval;

    return jhash_final(a + start, b + start, start);
}

uint32_t
vs_jhash_1word(uint32_t a, uint32_t initval)
{
    uint32_t start = JHASH_INITVAL + (1 << 2) + initval;

    return jhash_final(a + start, start, start);
}

/* CRC, by half bytes: a table of 64 bytes stays in cache and can be checked by eye. --------- */

static inline uint32_t
crc_by_nibbles(uint32_t crc, const uint32_t table[16], const uint8_t *bytes,
               size_t n_bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

uint32_t
vs_crc32(uint32_t crc, const void *data, size_t bytes)
{
    /* The remainders of 0..15 by the reflected polynomial 0xEDB88320. */
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };

    return crc_by_nibbles(crc, table, data, bytes);
}

uint32_t
vs_crc32c(uint32_t crc, const void *data, size_t bytes)
{
    /* The remainders of 0..15 by the reflected polynomial 0x82F63B78. */
    static const uint32_t table[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };

    return crc_by_nibbles(crc, table, data, bytes);
}

/* Toeplitz. ------------------------------------------------------------------------------- */

const uint8_t vs_toeplitz_key_microsoft[VS_TOEPLITZ_KEY_BYTES] = {
    0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B, 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D, 0x43, 0xA3,
    0x8F, 0xB0, 0xD0, 0xCA, 0x2B, 0xCB, 0xAE, 0x7B, 0x30, 0xB4, 0x77, 0xCB, 0x2D, 0xA3,
    0x80, 0x30, 0xF2, 0x0C, 0x6A, 0x42, 0xB7, 0x3B, 0xBE, 0xAC, 0x01, 0xFA,
};

uint32_t
vs_toeplitz(const uint8_t *key, size_t key_bytes, const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint32_t hash = 0;

    assert(key_bytes >= n_bytes + 4);
    for (size_t i = 0; i < n_bytes; i++) {
        /* The 40 key bits from bit 8i: a window of 32 for each bit of this byte. */
        uint64_t window = (uint64_t)key[i] << 32 | (uint32_t)key[i + 1] << 24 |
                          (uint32_t)key[i + 2] << 16 | (uint32_t)key[i + 3] << 8 |
                          key[i + 4];

        for (int bit = 7; bit >= 0; bit--) {
            uint32_t is_set = bytes[i] >> bit & 1;

            hash ^= (uint32_t)(window >> (bit + 1)) & -is_set;
        }
    }
    return hash;
}

uint64_t
vs_fnv1a64(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < n_bytes; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001B3u;
    }
    return hash;
}

/* xxHash. --------------------------------------------------------------------------------- */

#define XX32_1 0x9E3779B1u
#define XX32_2 0x85EBCA77u
#define XX32_3 0xC2B2AE3Du
#define XX32_4 0x27D4EB2Fu
#define XX32_5 0x165667B1u

static inline uint32_t
xx32_lanes(const uint8_t **bytes, size_t *n_bytes, uint32_t seed)
{
    uint32_t v[4] = {seed + XX32_1 + XX32_2, seed + XX32_2, seed, seed - XX32_1};

    for (; *n_bytes >= 16; *n_bytes -= 16, *bytes += 16) {
        for (int i = 0; i < 4; i++) {
            v[i] += (uint32_t)load_le(*bytes + 4 * i, 4) * XX32_2;
            v[i] = rotl32(v[i], 13) * XX32_1;
        }
    }
    return rotl32(v[0], 1) + rotl32(v[1], 7) + rotl32(v[2], 12) + rotl32(v[3], 18);
}

uint32_t
vs_xxhash32(const void *data, size_t n_bytes, uint32_t seed)
{
    const uint8_t *bytes = data;
    uint32_t h = (uint32_t)n_bytes;

    h += n_bytes >= 16 ? xx32_lanes(&bytes, &n_bytes, seed) : seed + XX32_5;
    for (; n_bytes >= 4; n_bytes -= 4, bytes += 4) {
        h = rotl32(h + (uint32_t)load_le(bytes, 4) * XX32_3, 17) * XX32_4;
    }
    for (; n_bytes > 0; n_bytes--, bytes++) {
        h = rotl32(h + *bytes * XX32_5, 11) * XX32_1;
    }
    h = (h ^ (h >> 15)) * XX32_2;
    h = (h ^ (h >> 13)) * XX32_3;
    return h ^ (h >> 16);
}

#define XX64_1 0x9E3779B185EBCA87u
#define XX64_2 0xC2B2AE3D27D4EB4Fu
#define XX64_3 0x165667B19E3779F9u
#define XX64_4 0x85EBCA77C2B2AE63u
#define XX64_5 0x27D4EB2F165667C5u

static inline uint64_t
xx64_round(uint64_t lane, uint64_t word)
{
    return rotl64(lane + word * XX64_2, 31) * XX64_1;
}

static inline uint64_t
xx64_lanes(const uint8_t **bytes, size_t *n_bytes, uint64_t seed)
{
    uint64_t v[4] = {seed + XX64_1 + XX64_2, seed + XX64_2, seed, seed - XX64_1};
    uint64_t h;

    for (; *n_bytes >= 32; *n_bytes -= 32, *bytes += 32) {
        for (int i = 0; i < 4; i++) {
            v[i] = xx64_round(v[i], load_le(*bytes + 8 * i, 8));
        }
    }
    h = rotl64(v[0], 1) + rotl64(v[1], 7) + rotl64(v[2], 12) + rotl64(v[3], 18);
    for (int i = 0; i < 4; i++) {
        h = (h ^ xx64_round(0, v[i])) * XX64_1 + XX64_4;
    }
    return h;
}

uint64_t
vs_xxhash64(const void *data, size_t n_bytes, uint64_t seed)
{
    const uint8_t *bytes = data;
    uint64_t h = n_bytes;

    h += n_bytes >= 32 ? xx64_lanes(&bytes, &n_bytes, seed) : seed + XX64_5;
    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8) {
        h = rotl64(h ^ xx64_round(0, load_le(bytes, 8)), 27) * XX64_1 + XX64_4;
    }
    for (; n_bytes >= 4; n_bytes -= 4, bytes += 4) {
        h = rotl64(h ^ load_le(bytes, 4) * XX64_1, 23) * XX64_2 + XX64_3;
    }
    for (; n_bytes > 0; n_bytes--, bytes++) {
        h = rotl64(h ^ *bytes * XX64_5, 11) * XX64_1;
    }
    h = (h ^ (h >> 33)) * XX64_2;
    h = (h ^ (h >> 29)) * XX64_3;
    return h ^ (h >> 32);
}

/* MurmurHash. ----------------------------------------------------------------------------- */

uint64_t
vs_murmur2_64(const void *data, size_t n_bytes, uint64_t seed)
{
    const uint64_t m = 0xC6A4A7935BD1E995u;
    const uint8_t *bytes = data;
    uint64_t h = seed ^ n_bytes * m;

    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8) {
        uint64_t word = load_le(bytes, 8) * m;

        h = (h ^ (word ^ (word >> 47)) * m) * m;
    }
    if (n_bytes > 0) {
        h = (h ^ load_le(bytes, n_bytes)) * m;
    }
    h = (h ^ (h >> 47)) * m;
    return h ^ (h >> 47);
}

#define MURMUR3_1 0x87C37B91114253D5u
#define MURMUR3_2 0x4CF5AD432745937Fu

static inline uint64_t
murmur3_first(uint64_t word)
{
    return rotl64(word * MURMUR3_1, 31) * MURMUR3_2;
}

static inline uint64_t
murmur3_second(uint64_t word)
{
    return rotl64(word * MURMUR3_2, 33) * MURMUR3_1;
}

void
vs_murmur3_128(const void *data, size_t n_bytes, uint32_t seed, uint64_t *ret_h1,
               uint64_t *ret_h2)
{
    const uint8_t *bytes = data;
    uint64_t length = n_bytes;
    uint64_t h1 = seed;
    uint64_t h2 = seed;

    for (; n_bytes >= 16; n_bytes -= 16, bytes += 16) {
        h1 = rotl64(h1 ^ murmur3_first(load_le(bytes, 8)), 27) + h2;
        h1 = h1 * 5 + 0x52DCE729;
        h2 = rotl64(h2 ^ murmur3_second(load_le(bytes + 8, 8)), 31) + h1;
        h2 = h2 * 5 + 0x38495AB5;
    }
    if (n_bytes > 8) {
        h2 ^= murmur3_second(load_le(bytes + 8, n_bytes - 8));
    }
    h1 ^= murmur3_first(load_le(bytes, n_bytes < 8 ? n_bytes : 8));
    h1 ^= length;
    h2 ^= length;
    h1 += h2;
    h2 += h1;
    h1 = vs_mix64(h1);
    h2 = vs_mix64(h2);
    h1 += h2;
    h2 += h1;
    *ret_h1 = h1;
    *ret_h2 = h2;
}

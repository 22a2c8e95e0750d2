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

/* jhash of Linux. */
#include <glib.h>

#include "base/hash.h"
#include "base/hash_bits.h"

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
        a += load_le32(bytes);
        b += load_le32(bytes + 4);
        c += load_le32(bytes + 8);
        jhash_mix(&a, &b, &c);
    }
    if (n_bytes == 12) { /* Addresses and ports: the usual case. */
        a += load_le32(bytes);
        b += load_le32(bytes + 4);
        c += load_le32(bytes + 8);
        return jhash_final(a, b, c);
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

/* ---- Many at once ---- */

/* Pairs that make full vectors at any level. */
enum { LANES = 16 };

/* Loops of known length, one step of the hash each, which every compiler makes vectors of. */
static inline __attribute__((always_inline)) void
hash_pairs(const uint32_t *restrict a, const uint32_t *restrict b, size_t n,
           uint32_t start, uint32_t *restrict ret_hashes)
{
    size_t i = 0;

    for (; n - i >= LANES; i += LANES) {
        for (unsigned k = 0; k < LANES; k++) {
            ret_hashes[i + k] = jhash_final(a[i + k] + start, b[i + k] + start, start);
        }
    }
    for (; i < n; i++) {
        ret_hashes[i] = jhash_final(a[i] + start, b[i] + start, start);
    }
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void
hash_pairs_avx2(const uint32_t *a, const uint32_t *b, size_t n, uint32_t start,
                uint32_t *ret_hashes)
{
    hash_pairs(a, b, n, start, ret_hashes);
}

__attribute__((target("avx512f,avx512vl"))) static void
hash_pairs_avx512(const uint32_t *a, const uint32_t *b, size_t n, uint32_t start,
                  uint32_t *ret_hashes)
{
    hash_pairs(a, b, n, start, ret_hashes);
}
#endif

void
vs_jhash_2words_bulk(const uint32_t *a, const uint32_t *b, size_t n, uint32_t initval,
                     VsSimd simd, uint32_t *ret_hashes)
{
    uint32_t start = JHASH_INITVAL + (2 << 2) + initval;

    g_assert(vs_simd_is_supported(simd));
#ifdef __x86_64__
    if (simd >= VS_SIMD_AVX512) {
        hash_pairs_avx512(a, b, n, start, ret_hashes);
        return;
    }
    if (simd >= VS_SIMD_AVX2) {
        hash_pairs_avx2(a, b, n, start, ret_hashes);
        return;
    }
#endif
    hash_pairs(a, b, n, start, ret_hashes);
}

/* Toeplitz: bit by bit for any key, and by tables or bit matrices for a prepared one. */
#include <assert.h>
#include <glib.h>

#include "base/hash.h"
#include "base/hash_bits.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

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

/* Bytes of input multiplied at a time by VS_SIMD_GFNI, and the matrices they meet: their own
 * and three more, for four bytes of result, and one that meets nothing. */
enum { BLOCK_BYTES = 12, BLOCK_MATRICES = 16 };

struct VsToeplitz {
    size_t n_max; /* Bytes of the longest input. */
    VsSimd simd;
    uint32_t (*table)[256]; /* [place of a byte][its value]; else NULL and */
    uint64_t *matrices;     /* [place of a byte + place of a byte of the result]. */
};

/* What a byte of input adds to a byte of the result is its product with a matrix of 8 x 8
 * bits, whose rows are eight bits of the key each, every row starting a bit further.  The
 * first one starts at the byte of the key whose place is the sum of theirs; here, at 'key'.
 * As GF2P8AFFINEQB wants it, the row for the highest bit of the result is the lowest byte. */
static uint64_t
make_matrix(const uint8_t *key)
{
    unsigned window = (unsigned)key[0] << 8 | key[1];
    uint64_t matrix = 0;

    for (unsigned i = 0; i < 8; i++) {
        matrix |= (uint64_t)(window >> (8 - i) & 255) << (8 * i);
    }
    return matrix;
}

static void
fill_matrices(VsToeplitz *toeplitz, const uint8_t *key, size_t key_bytes)
{
    size_t n_blocks = (toeplitz->n_max + BLOCK_BYTES - 1) / BLOCK_BYTES;

    toeplitz->matrices =
        g_new0(uint64_t, n_blocks * BLOCK_BYTES + BLOCK_MATRICES - BLOCK_BYTES);
    for (size_t i = 0; i + 1 < key_bytes; i++) {
        toeplitz->matrices[i] = make_matrix(key + i);
    }
}

static void
fill_table(VsToeplitz *toeplitz, const uint8_t *key, size_t key_bytes)
{
    toeplitz->table = g_malloc_n(toeplitz->n_max, sizeof(*toeplitz->table));
    for (size_t i = 0; i < toeplitz->n_max; i++) {
        for (unsigned value = 0; value < 256; value++) {
            const uint8_t byte = (uint8_t)value;

            /* The key from this byte on: what a byte gives depends on its place alone. */
            toeplitz->table[i][value] = vs_toeplitz(key + i, key_bytes - i, &byte, 1);
        }
    }
}

VsToeplitz *
vs_toeplitz_new_simd(const uint8_t *key, size_t key_bytes, VsSimd simd)
{
    VsToeplitz *toeplitz = g_new0(VsToeplitz, 1);

    assert(key_bytes > 4 && vs_simd_is_supported(simd));
    toeplitz->n_max = key_bytes - 4;
    toeplitz->simd = simd;
    if (simd >= VS_SIMD_GFNI) {
        fill_matrices(toeplitz, key, key_bytes);
    } else {
        fill_table(toeplitz, key, key_bytes);
    }
    return toeplitz;
}

VsToeplitz *
vs_toeplitz_new(const uint8_t *key, size_t key_bytes)
{
    return vs_toeplitz_new_simd(key, key_bytes, vs_simd_best());
}

void
vs_toeplitz_free(VsToeplitz *toeplitz)
{
    if (toeplitz) {
        g_free(toeplitz->table);
        g_free(toeplitz->matrices);
        g_free(toeplitz);
    }
}

static inline uint32_t
toeplitz_8(const uint32_t (*table)[256], uint64_t word)
{
    return table[0][word & 255] ^ table[1][word >> 8 & 255] ^
           table[2][word >> 16 & 255] ^ table[3][word >> 24 & 255] ^
           table[4][word >> 32 & 255] ^ table[5][word >> 40 & 255] ^
           table[6][word >> 48 & 255] ^ table[7][word >> 56];
}

static inline uint32_t
toeplitz_4(const uint32_t (*table)[256], uint32_t word)
{
    return table[0][word & 255] ^ table[1][word >> 8 & 255] ^
           table[2][word >> 16 & 255] ^ table[3][word >> 24];
}

static uint32_t
hash_by_table(const VsToeplitz *toeplitz, const uint8_t *bytes, size_t n_bytes)
{
    const uint32_t(*table)[256] = (const uint32_t(*)[256])toeplitz->table;
    uint32_t hash = 0;

    if (n_bytes == 12) { /* Addresses and ports of IPv4: no loop. */
        return toeplitz_8(table, load_le64(bytes)) ^
               toeplitz_4(table + 8, load_le32(bytes + 8));
    }
    for (; n_bytes >= 8; n_bytes -= 8, bytes += 8, table += 8) {
        hash ^= toeplitz_8(table, load_le64(bytes));
    }
    if (n_bytes >= 4) {
        hash ^= toeplitz_4(table, load_le32(bytes));
        n_bytes -= 4;
        bytes += 4;
        table += 4;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        hash ^= table[i][bytes[i]];
    }
    return hash;
}

#ifdef __x86_64__

#define TARGET_GFNI __attribute__((target("avx512f,avx512bw,avx512vl,gfni")))

/* Which bytes of a block meet the matrix i: those at i - 3 .. i, for the fourth .. first byte
 * of the result, as a word for VPSHUFB.  0x80 stands for a zero. */
#define LANE(i)                                                                     \
    (0x8080808000000000 | (uint64_t)PLACE(i) << 24 | (uint64_t)PLACE((i)-1) << 16 | \
     (uint64_t)PLACE((i)-2) << 8 | PLACE((i)-3))
#define PLACE(i) ((i) >= 0 && (i) < BLOCK_BYTES ? (unsigned)(i)&15 : 0x80)

/* What the first or second half of the matrices adds to the hash, in eight parts. */
TARGET_GFNI static inline __m512i
multiply(__m512i block, __m512i places, const uint64_t *matrices)
{
    return _mm512_gf2p8affine_epi64_epi8(_mm512_shuffle_epi8(block, places),
                                         _mm512_loadu_si512(matrices), 0);
}

TARGET_GFNI static inline __m512i
multiply_block(__m128i block, const uint64_t *matrices)
{
    const __m512i first = _mm512_set_epi64(LANE(7), LANE(6), LANE(5), LANE(4), LANE(3),
                                           LANE(2), LANE(1), LANE(0));
    const __m512i second = _mm512_set_epi64(LANE(15), LANE(14), LANE(13), LANE(12),
                                            LANE(11), LANE(10), LANE(9), LANE(8));
    __m512i four = _mm512_broadcast_i32x4(block);

    return _mm512_xor_si512(multiply(four, first, matrices),
                            multiply(four, second, matrices + BLOCK_MATRICES / 2));
}

/* Exclusive or of the eight parts. */
TARGET_GFNI static inline uint32_t
fold(__m512i parts)
{
    __m256i four = _mm256_xor_si256(_mm512_castsi512_si256(parts),
                                    _mm512_extracti64x4_epi64(parts, 1));
    __m128i two =
        _mm_xor_si128(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));

    return (uint32_t)_mm_cvtsi128_si32(
        _mm_xor_si128(two, _mm_unpackhi_epi64(two, two)));
}

TARGET_GFNI static uint32_t
hash_by_matrices(const VsToeplitz *toeplitz, const uint8_t *bytes, size_t n_bytes)
{
    const uint64_t *matrices = toeplitz->matrices;
    __m512i parts = _mm512_setzero_si512();

    if (n_bytes == BLOCK_BYTES) { /* Addresses and ports of IPv4: no loop. */
        __m128i low = _mm_loadl_epi64((const __m128i *)bytes);

        return fold(multiply_block(_mm_insert_epi32(low, (int)load_le32(bytes + 8), 2),
                                   matrices));
    }
    for (size_t i = 0; i < n_bytes; i += BLOCK_BYTES) {
        unsigned n = n_bytes - i < BLOCK_BYTES ? (unsigned)(n_bytes - i) : BLOCK_BYTES;
        __m128i block = _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), bytes + i);

        parts = _mm512_xor_si512(parts, multiply_block(block, matrices + i));
    }
    return fold(parts);
}

#endif

uint32_t
vs_toeplitz_hash(const VsToeplitz *toeplitz, const void *data, size_t n_bytes)
{
    assert(n_bytes <= toeplitz->n_max);
#ifdef __x86_64__
    if (toeplitz->simd >= VS_SIMD_GFNI) {
        return hash_by_matrices(toeplitz, data, n_bytes);
    }
#endif
    return hash_by_table(toeplitz, data, n_bytes);
}

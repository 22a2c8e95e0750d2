/* Toeplitz: bit by bit for any key, and by tables for a key that is prepared. */
#include <assert.h>
#include <glib.h>

#include "base/hash.h"
#include "base/hash_bits.h"

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

struct VsToeplitz {
    size_t n_max;          /* Bytes of the longest input. */
    uint32_t table[][256]; /* [place of a byte][its value] */
};

VsToeplitz *
vs_toeplitz_new(const uint8_t *key, size_t key_bytes)
{
    size_t n_max = key_bytes - 4;
    VsToeplitz *toeplitz;

    assert(key_bytes > 4);
    toeplitz = g_malloc(sizeof(*toeplitz) + n_max * sizeof(*toeplitz->table));
    toeplitz->n_max = n_max;
    for (size_t i = 0; i < n_max; i++) {
        for (unsigned value = 0; value < 256; value++) {
            const uint8_t byte = (uint8_t)value;

            /* The key from this byte on: what a byte gives depends on its place alone. */
            toeplitz->table[i][value] = vs_toeplitz(key + i, key_bytes - i, &byte, 1);
        }
    }
    return toeplitz;
}

void
vs_toeplitz_free(VsToeplitz *toeplitz)
{
    g_free(toeplitz);
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

uint32_t
vs_toeplitz_hash(const VsToeplitz *toeplitz, const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    const uint32_t(*table)[256] = toeplitz->table;
    uint32_t hash = 0;

    assert(n_bytes <= toeplitz->n_max);
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

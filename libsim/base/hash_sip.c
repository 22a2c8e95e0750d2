/* SipHash and HalfSipHash. */
#include "base/hash.h"
#include "base/hash_bits.h"

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
        uint64_t word = load_le64(bytes);

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

uint32_t
vs_hsiphash(const void *data, size_t bytes, uint64_t k0, uint64_t k1)
{
    return (uint32_t)siphash(data, bytes, k0, k1, 1, 3);
}

/* HalfSipHash: the same with half words, and rotations of its own. */
static inline void
half_sip_round(uint32_t v[4])
{
    v[0] += v[1];
    v[1] = rotl32(v[1], 5) ^ v[0];
    v[0] = rotl32(v[0], 16);
    v[2] += v[3];
    v[3] = rotl32(v[3], 8) ^ v[2];
    v[0] += v[3];
    v[3] = rotl32(v[3], 7) ^ v[0];
    v[2] += v[1];
    v[1] = rotl32(v[1], 13) ^ v[2];
    v[2] = rotl32(v[2], 16);
}

uint32_t
vs_half_siphash_1_3(const void *data, size_t n_bytes, uint32_t k0, uint32_t k1)
{
    const uint8_t *bytes = data;
    uint32_t v[4] = {k0, k1, k0 ^ 0x6C796765u, k1 ^ 0x74656462u};
    uint32_t last = (uint32_t)n_bytes << 24;

    for (; n_bytes >= 4; n_bytes -= 4, bytes += 4) {
        uint32_t word = load_le32(bytes);

        v[3] ^= word;
        half_sip_round(v);
        v[0] ^= word;
    }
    last |= (uint32_t)load_le(bytes, n_bytes);
    v[3] ^= last;
    half_sip_round(v);
    v[0] ^= last;

    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++) {
        half_sip_round(v);
    }
    return v[1] ^ v[3];
}

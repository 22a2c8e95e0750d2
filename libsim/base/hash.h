/* Hash functions of the systems that vethsim imitates, bit for bit.
 *
 * Input is bytes, and words are read from it as little-endian, so results do not depend on
 * the host.  The tests quote the published vectors. */
#ifndef VS_BASE_HASH_H
#define VS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-c-d, 64-bit result (Aumasson and Bernstein 2012).  2-4 is the original, used by
 * Linux for ECMP; 1-3 is what 64-bit Linux calls hsiphash (of which it keeps the low half).
 * 'k0' and 'k1' are the 16 key bytes read as two little-endian words. */
uint64_t vs_siphash_2_4(const void *data, size_t bytes, uint64_t k0, uint64_t k1);
uint64_t vs_siphash_1_3(const void *data, size_t bytes, uint64_t k0, uint64_t k1);

/* Linux include/linux/jhash.h: jhash() over bytes, jhash2() over 'n' words, and the
 * unrolled jhash_1word() .. jhash_3words() (Bob Jenkins, lookup3). */
uint32_t vs_jhash(const void *data, size_t bytes, uint32_t initval);
uint32_t vs_jhash_words(const uint32_t *words, size_t n, uint32_t initval);
uint32_t vs_jhash_1word(uint32_t a, uint32_t initval);
uint32_t vs_jhash_2words(uint32_t a, uint32_t b, uint32_t initval);
uint32_t vs_jhash_3words(uint32_t a, uint32_t b, uint32_t c, uint32_t initval);

/* CRC-32 of IEEE 802.3 (as zlib's) and CRC-32C of Castagnoli (RFC 3720, B.4).  'crc' is 0 or
 * the result over the bytes before, so crc(crc(0, a), b) == crc(0, ab). */
uint32_t vs_crc32(uint32_t crc, const void *data, size_t bytes);
uint32_t vs_crc32c(uint32_t crc, const void *data, size_t bytes);

/* Toeplitz hash of receive side scaling: every set bit k of the input, first bit first,
 * contributes the 32 bits of the key that start at bit k.  The key must be at least four
 * bytes longer than the input. */
#define VS_TOEPLITZ_KEY_BYTES 40
extern const uint8_t vs_toeplitz_key_microsoft[VS_TOEPLITZ_KEY_BYTES];
uint32_t vs_toeplitz(const uint8_t *key, size_t key_bytes, const void *data,
                     size_t bytes);

/* FNV-1a with 64 bits (Fowler, Noll, Vo). */
uint64_t vs_fnv1a64(const void *data, size_t bytes);

/* xxHash with 32 and 64 bits (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). */
uint32_t vs_xxhash32(const void *data, size_t bytes, uint32_t seed);
uint64_t vs_xxhash64(const void *data, size_t bytes, uint64_t seed);

/* MurmurHash64A of MurmurHash2 (Austin Appleby), which libstdc++ has as std::hash. */
uint64_t vs_murmur2_64(const void *data, size_t bytes, uint64_t seed);

/* MurmurHash3_x64_128 (Austin Appleby). */
void vs_murmur3_128(const void *data, size_t bytes, uint32_t seed, uint64_t *ret_h1,
                    uint64_t *ret_h2);

/* The 64-bit finaliser of MurmurHash3: a bijection in which every input bit reaches every
 * output bit. */
static inline uint64_t
vs_mix64(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDu;
    x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53u;
    return x ^ (x >> 33);
}

#endif

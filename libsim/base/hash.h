/* Hash functions of the systems that vethsim imitates, bit for bit.
 *
 * Input is bytes, and words are read from it as little-endian, so results do not depend on
 * the host.  The tests quote the published vectors. */
#ifndef VS_BASE_HASH_H
#define VS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/simd.h"

/* SipHash-c-d, 64-bit result (Aumasson and Bernstein 2012; github.com/veorq/SipHash).  2-4
 * is the original, used by Linux for ECMP; 1-3 is Rust's default and the base of Linux's
 * hsiphash().  'k0' and 'k1' are the 16 key bytes read as two little-endian words. */
uint64_t vs_siphash_2_4(const void *data, size_t bytes, uint64_t k0, uint64_t k1);
uint64_t vs_siphash_1_3(const void *data, size_t bytes, uint64_t k0, uint64_t k1);

/* hsiphash() of Linux lib/siphash.c: on 64-bit kernels the lower half of SipHash-1-3, on
 * 32-bit ones HalfSipHash-1-3 with a key of half the size, and other results. */
uint32_t vs_hsiphash(const void *data, size_t bytes, uint64_t k0, uint64_t k1);
uint32_t vs_half_siphash_1_3(const void *data, size_t bytes, uint32_t k0, uint32_t k1);

/* Linux include/linux/jhash.h: jhash() over bytes, jhash2() over 'n' words, and the
 * unrolled jhash_1word() .. jhash_3words() (Bob Jenkins, lookup3). */
uint32_t vs_jhash(const void *data, size_t bytes, uint32_t initval);
uint32_t vs_jhash_words(const uint32_t *words, size_t n, uint32_t initval);
uint32_t vs_jhash_1word(uint32_t a, uint32_t initval);
uint32_t vs_jhash_2words(uint32_t a, uint32_t b, uint32_t initval);
uint32_t vs_jhash_3words(uint32_t a, uint32_t b, uint32_t c, uint32_t initval);

/* jhash_2words() of 'n' pairs, by instructions of level 'simd', which must be supported. */
void vs_jhash_2words_bulk(const uint32_t *a, const uint32_t *b, size_t n,
                          uint32_t initval, VsSimd simd, uint32_t *ret_hashes);

/* CRC-32 of IEEE 802.3 (as zlib's) and CRC-32C of Castagnoli (RFC 3720, B.4).  'crc' is 0 or
 * the result over the bytes before, so crc(crc(0, a), b) == crc(0, ab). */
uint32_t vs_crc32(uint32_t crc, const void *data, size_t bytes);
uint32_t vs_crc32c(uint32_t crc, const void *data, size_t bytes);

/* CRC-32C for a processor without what is above 'simd', which this one must support. */
uint32_t vs_crc32c_simd(uint32_t crc, const void *data, size_t bytes, VsSimd simd);

/* Toeplitz hash of receive side scaling (Microsoft, "RSS hashing types"): every set bit k of
 * the input, first bit first, contributes the 32 bits of the key that start at bit k.  The
 * input is source address, destination address, source port, destination port in network
 * order: 8 or 12 bytes for IPv4, 32 or 36 for IPv6.  The key must be at least four bytes
 * longer than the input.  The default of Microsoft and many cards has 40. */
#define VS_TOEPLITZ_KEY_BYTES 40
extern const uint8_t vs_toeplitz_key_microsoft[VS_TOEPLITZ_KEY_BYTES];
uint32_t vs_toeplitz(const uint8_t *key, size_t key_bytes, const void *data,
                     size_t bytes);

/* A key prepared for the same results some twenty times as fast, and more with
 * VS_SIMD_GFNI: key_bytes - 4 bytes of input are taken at most.  Below that level each of
 * them costs a table of 1 KiB (36 KiB for a key of 40). */
typedef struct VsToeplitz VsToeplitz;
VsToeplitz *vs_toeplitz_new(const uint8_t *key, size_t key_bytes);

/* For a processor without what is above 'simd', which this one must support. */
VsToeplitz *vs_toeplitz_new_simd(const uint8_t *key, size_t key_bytes, VsSimd simd);
void vs_toeplitz_free(VsToeplitz *toeplitz);
uint32_t vs_toeplitz_hash(const VsToeplitz *toeplitz, const void *data, size_t bytes);

/* FNV-1 and FNV-1a of 32 and 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): fnv_32_buf(),
 * fnv_32a_buf(), fnv_64_buf() and fnv_64a_buf() from the offset basis. */
uint32_t vs_fnv32(const void *data, size_t bytes);
uint32_t vs_fnv1a32(const void *data, size_t bytes);
uint64_t vs_fnv64(const void *data, size_t bytes);
uint64_t vs_fnv1a64(const void *data, size_t bytes);

/* HAProxy src/hash.c: hash_sdbm(), hash_djb2() (from 5381, times 33, plus), hash_wt6().
 * Bytes are unsigned. */
uint32_t vs_sdbm(const void *data, size_t bytes);
uint32_t vs_djb2(const void *data, size_t bytes);
uint32_t vs_wt6(const void *data, size_t bytes);

/* full_hash() of HAProxy include/haproxy/intops.h, its "avalanche": Bob Jenkins' integer
 * hash, and a multiplication by 3221225473. */
uint32_t vs_avalanche(uint32_t x);

/* MurmurHash64A (Austin Appleby, github.com/aappleby/smhasher MurmurHash2.cpp); with seed
 * 0xc70f6907 std::hash of libstdc++ and MurmurHash::murmurHash2_64() of Envoy. */
#define VS_MURMUR2_STD_SEED 0xC70F6907u
uint64_t vs_murmur2_64(const void *data, size_t bytes, uint64_t seed);

/* MurmurHash3_x86_32 and MurmurHash3_x64_128 (same place, MurmurHash3.cpp). */
uint32_t vs_murmur3_32(const void *data, size_t bytes, uint32_t seed);
void vs_murmur3_128(const void *data, size_t bytes, uint32_t seed, uint64_t *ret_h1,
                    uint64_t *ret_h2);

/* XXH32 and XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). */
uint32_t vs_xxhash32(const void *data, size_t bytes, uint32_t seed);
uint64_t vs_xxhash64(const void *data, size_t bytes, uint64_t seed);

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

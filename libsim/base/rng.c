#include "base/rng.h"

#include <string.h>

#include "base/hash.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define N_ROUNDS 10
#define N_BLOCKS (VS_RNG_BATCH_LENGTH / 2) /* In a batch. */

#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define KEY_STEP_0 0x9E3779B9u
#define KEY_STEP_1 0xBB67AE85u

void
vs_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret[4])
{
    uint32_t k0 = key[0], k1 = key[1];

    memcpy(ret, counter, 4 * sizeof(*ret));
    for (int i = 0; i < N_ROUNDS; i++) {
        uint64_t product_0 = (uint64_t)MULTIPLIER_0 * ret[0];
        uint64_t product_1 = (uint64_t)MULTIPLIER_1 * ret[2];

        ret[0] = (uint32_t)(product_1 >> 32) ^ ret[1] ^ k0;
        ret[1] = (uint32_t)product_1;
        ret[2] = (uint32_t)(product_0 >> 32) ^ ret[3] ^ k1;
        ret[3] = (uint32_t)product_0;
        k0 += KEY_STEP_0;
        k1 += KEY_STEP_1;
    }
}

void
vs_rng_init_simd(VsRng *rng, uint64_t seed, const char *entity, const char *purpose,
                 VsSimd simd)
{
    size_t entity_bytes = strlen(entity) + 1; /* The zero separates the names. */
    size_t purpose_bytes = strlen(purpose);
    g_autofree char *name = g_malloc(entity_bytes + purpose_bytes);

    g_assert(vs_simd_is_supported(simd));
    memcpy(name, entity, entity_bytes);
    memcpy(name + entity_bytes, purpose, purpose_bytes);
    *rng = (VsRng){
        .key = vs_siphash_2_4(name, entity_bytes + purpose_bytes, seed, 1),
        .stream = vs_siphash_2_4(name, entity_bytes + purpose_bytes, seed, 2),
        .simd = (uint8_t)simd,
    };
}

void
vs_rng_init(VsRng *rng, uint64_t seed, const char *entity, const char *purpose)
{
    vs_rng_init_simd(rng, seed, entity, purpose, vs_simd_best());
}

/* ---- Batches: four blocks, the first number of them last. ---- */

static G_GNUC_NO_INLINE void
make_batch_plain(VsRng *rng, uint64_t *batch)
{
    const uint32_t key[2] = {(uint32_t)rng->key, (uint32_t)(rng->key >> 32)};

    for (int i = N_BLOCKS - 1; i >= 0; i--, rng->block++) {
        const uint32_t counter[4] = {
            (uint32_t)rng->block,
            (uint32_t)(rng->block >> 32),
            (uint32_t)rng->stream,
            (uint32_t)(rng->stream >> 32),
        };
        uint32_t words[4];

        vs_philox4x32(counter, key, words);
        batch[2 * i + 1] = words[0] | (uint64_t)words[1] << 32;
        batch[2 * i] = words[2] | (uint64_t)words[3] << 32;
    }
}

#ifdef __x86_64__

/* Four blocks side by side: each vector holds one counter word of all, in the lower halves
 * of its 64-bit lanes, where the multiplication of 32 by 32 bits finds them.  The upper
 * halves may hold anything.  The lanes' order is the one that the last step needs. */
__attribute__((target("avx2"), always_inline)) static inline void
make_batch_by_lanes(VsRng *rng, uint64_t *batch)
{
    const __m256i step_0 = _mm256_set1_epi64x(KEY_STEP_0);
    const __m256i step_1 = _mm256_set1_epi64x(KEY_STEP_1);
    __m256i k0 = _mm256_set1_epi64x((uint32_t)rng->key);
    __m256i k1 = _mm256_set1_epi64x((uint32_t)(rng->key >> 32));
    __m256i w0 = _mm256_add_epi64(_mm256_set1_epi64x((int64_t)rng->block),
                                  _mm256_set_epi64x(0, 2, 1, 3));
    __m256i w1 = _mm256_srli_epi64(w0, 32);
    __m256i w2 = _mm256_set1_epi64x((int64_t)rng->stream);
    __m256i w3 = _mm256_srli_epi64(w2, 32);
    __m256i even, odd;

#pragma GCC unroll 10
    for (int i = 0; i < N_ROUNDS; i++) {
        __m256i product_0 = _mm256_mul_epu32(w0, _mm256_set1_epi64x(MULTIPLIER_0));
        __m256i product_1 = _mm256_mul_epu32(w2, _mm256_set1_epi64x(MULTIPLIER_1));

        w0 = _mm256_xor_si256(_mm256_srli_epi64(product_1, 32),
                              _mm256_xor_si256(w1, k0));
        w1 = product_1;
        w2 = _mm256_xor_si256(_mm256_srli_epi64(product_0, 32),
                              _mm256_xor_si256(w3, k1));
        w3 = product_0;
        k0 = _mm256_add_epi32(k0, step_0);
        k1 = _mm256_add_epi32(k1, step_1);
    }
    even = _mm256_blend_epi32(w0, _mm256_slli_epi64(w1, 32), 0xAA);
    odd = _mm256_blend_epi32(w2, _mm256_slli_epi64(w3, 32), 0xAA);
    _mm256_storeu_si256((__m256i *)batch, _mm256_unpacklo_epi64(odd, even));
    _mm256_storeu_si256((__m256i *)(batch + 4), _mm256_unpackhi_epi64(odd, even));
    rng->block += N_BLOCKS;
}

__attribute__((target("avx2"))) static void
make_batch_avx2(VsRng *rng, uint64_t *batch)
{
    make_batch_by_lanes(rng, batch);
}

/* Its instruction for exclusive or takes three operands. */
__attribute__((target("avx512f,avx512vl"))) static void
make_batch_avx512(VsRng *rng, uint64_t *batch)
{
    make_batch_by_lanes(rng, batch);
}

#endif

static inline void
make_batch(VsRng *rng, uint64_t *batch)
{
#ifdef __x86_64__
    if (G_LIKELY(rng->simd >= VS_SIMD_AVX512)) {
        make_batch_avx512(rng, batch);
        return;
    }
    if (rng->simd >= VS_SIMD_AVX2) {
        make_batch_avx2(rng, batch);
        return;
    }
#endif
    make_batch_plain(rng, batch);
}

static G_GNUC_NO_INLINE void
start(VsRng *rng)
{
    make_batch(rng, rng->buffer + VS_RNG_BATCH_LENGTH);
    rng->is_started = true;
}

void
vs_rng_refill(VsRng *rng)
{
    uint64_t *used_up = rng->buffer + rng->place;

    if (G_UNLIKELY(!rng->is_started)) {
        start(rng);
    }
    rng->place = rng->place == 0 ? VS_RNG_BUFFER_LENGTH : rng->place;
    make_batch(rng, used_up);
}

#include "base/rng.h"

#include <string.h>

#include "base/hash.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define N_ROUNDS 10
#define N_BLOCKS (VS_RNG_BUFFER_LENGTH / 2)

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
vs_rng_init(VsRng *rng, uint64_t seed, const char *entity, const char *purpose)
{
    size_t entity_bytes = strlen(entity) + 1; /* The zero separates the names. */
    size_t purpose_bytes = strlen(purpose);
    g_autofree char *name = g_malloc(entity_bytes + purpose_bytes);

    memcpy(name, entity, entity_bytes);
    memcpy(name + entity_bytes, purpose, purpose_bytes);
    *rng = (VsRng){
        .key = vs_siphash_2_4(name, entity_bytes + purpose_bytes, seed, 1),
        .stream = vs_siphash_2_4(name, entity_bytes + purpose_bytes, seed, 2),
    };
}

#if defined(__SSE2__)

/* Two blocks side by side: each vector holds one counter word of both, in the lower halves of
 * its 64-bit lanes, where the multiplication of 32 by 32 bits finds them.  The upper halves
 * may hold anything. */
typedef struct {
    __m128i word[4];
} BlockPair;

/* The blocks 'first' and the one after it. */
static inline BlockPair
start_pair(const VsRng *rng, uint64_t first)
{
    __m128i counter = _mm_set_epi64x((int64_t)(first + 1), (int64_t)first);
    __m128i stream = _mm_set1_epi64x((int64_t)rng->stream);

    return (BlockPair){
        {counter, _mm_srli_epi64(counter, 32), stream, _mm_srli_epi64(stream, 32)}};
}

static inline void
round_pair(BlockPair *pair, __m128i k0, __m128i k1)
{
    __m128i product_0 = _mm_mul_epu32(pair->word[0], _mm_set1_epi64x(MULTIPLIER_0));
    __m128i product_1 = _mm_mul_epu32(pair->word[2], _mm_set1_epi64x(MULTIPLIER_1));

    pair->word[0] =
        _mm_xor_si128(_mm_srli_epi64(product_1, 32), _mm_xor_si128(pair->word[1], k0));
    pair->word[1] = product_1;
    pair->word[2] =
        _mm_xor_si128(_mm_srli_epi64(product_0, 32), _mm_xor_si128(pair->word[3], k1));
    pair->word[3] = product_0;
}

/* Four numbers, the first of them last. */
static inline void
store_pair(const BlockPair *pair, uint64_t out[4])
{
    const __m128i low_half = _mm_set1_epi64x(UINT32_MAX);
    __m128i even = _mm_or_si128(_mm_and_si128(pair->word[0], low_half),
                                _mm_slli_epi64(pair->word[1], 32));
    __m128i odd = _mm_or_si128(_mm_and_si128(pair->word[2], low_half),
                               _mm_slli_epi64(pair->word[3], 32));

    _mm_storeu_si128((__m128i *)out, _mm_unpackhi_epi64(odd, even));
    _mm_storeu_si128((__m128i *)(out + 2), _mm_unpacklo_epi64(odd, even));
}

void
vs_rng_refill(VsRng *rng)
{
    BlockPair first = start_pair(rng, rng->block);
    BlockPair second = start_pair(rng, rng->block + 2);
    __m128i k0 = _mm_set1_epi64x((uint32_t)rng->key);
    __m128i k1 = _mm_set1_epi64x((uint32_t)(rng->key >> 32));

    for (int i = 0; i < N_ROUNDS; i++) {
        round_pair(&first, k0, k1);
        round_pair(&second, k0, k1);
        k0 = _mm_add_epi32(k0, _mm_set1_epi64x(KEY_STEP_0));
        k1 = _mm_add_epi32(k1, _mm_set1_epi64x(KEY_STEP_1));
    }
    store_pair(&first, rng->buffer + 4);
    store_pair(&second, rng->buffer);
    rng->block += N_BLOCKS;
    rng->n_left = VS_RNG_BUFFER_LENGTH;
}

#else

void
vs_rng_refill(VsRng *rng)
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
        rng->buffer[2 * i + 1] = words[0] | (uint64_t)words[1] << 32;
        rng->buffer[2 * i] = words[2] | (uint64_t)words[3] << 32;
    }
    rng->n_left = VS_RNG_BUFFER_LENGTH;
}

#endif

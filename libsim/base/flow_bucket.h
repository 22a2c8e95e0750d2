/* The inside of VsFlowTable: what its files share, and nobody else includes. */
#ifndef VS_BASE_FLOW_BUCKET_H
#define VS_BASE_FLOW_BUCKET_H

#include "base/flow_table.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    VS_FLOW_STATE = VS_FLOW_BUCKET_LENGTH, /* Among a bucket's words, */
    VS_FLOW_TAKEN = 0x15,                  /* a bit for each of its slots, */
    VS_FLOW_ONE_AWAY = 1 << 6,             /* a key of this home elsewhere. */
};

/* ---- Where a key lives ---- */

/* Three products, the second turned by half a word so that a difference in the high bits of
 * one word alone (a client's address, its port) does not meet the other's: eight of these
 * are a dozen AVX-512 instructions.  Its high half chooses the home, the bits below the
 * distance from there. */
#define VS_FLOW_MULTIPLIER_0 UINT64_C(0x9E3779B97F4A7C15)
#define VS_FLOW_MULTIPLIER_1 UINT64_C(0xE7037ED1A0B428DB)
#define VS_FLOW_MULTIPLIER_2 UINT64_C(0xA0761D6478BD642F)
enum { VS_FLOW_DISTANCE_SHIFT = 24 };

static inline uint64_t
vs_flow_hash(VsKey key)
{
    uint64_t turned = key.w[1] * VS_FLOW_MULTIPLIER_1;
    uint64_t hash = key.w[0] * VS_FLOW_MULTIPLIER_0 + (turned << 32 | turned >> 32);

    hash = (hash ^ hash >> 32) * VS_FLOW_MULTIPLIER_2;
    return (hash ^ hash >> 29) * VS_FLOW_MULTIPLIER_0;
}

static inline uint32_t
vs_flow_home(const VsFlowTable *table, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * table->n_buckets >> 32);
}

static inline uint32_t
vs_flow_other(const VsFlowTable *table, uint64_t hash, uint32_t home)
{
    uint32_t other =
        home + 1 + ((uint32_t)hash >> VS_FLOW_DISTANCE_SHIFT & table->reach_mask);

    return other < table->n_buckets ? other : other - table->n_buckets;
}

static inline bool
vs_flow_has_away(const VsFlowBucket *bucket)
{
    return bucket->words[VS_FLOW_STATE] >= VS_FLOW_ONE_AWAY;
}

static inline bool
vs_flow_is_full(const VsFlowBucket *bucket)
{
    return (bucket->words[VS_FLOW_STATE] & VS_FLOW_TAKEN) == VS_FLOW_TAKEN;
}

/* ---- Searching a bucket ---- */

/* Bits 0, 2 and 4 say whether slot 0, 1 and 2 hold the key, in use or not: the form in which
 * the comparison of eight 64-bit words leaves it. */
static inline unsigned
vs_flow_compare_plain(const VsFlowBucket *bucket, VsKey key)
{
    return (unsigned)vs_key_equal(bucket->keys[0], key) |
           (unsigned)vs_key_equal(bucket->keys[1], key) << 2 |
           (unsigned)vs_key_equal(bucket->keys[2], key) << 4;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static inline unsigned
vs_flow_compare_avx2(const VsFlowBucket *bucket, const VsKey *key)
{
    __m128i one = _mm_loadu_si128((const __m128i *)key);
    __m256i both = _mm256_broadcastsi128_si256(one);
    __m256i low = _mm256_cmpeq_epi64(*(const __m256i *)bucket->keys, both);
    __m128i high = _mm_cmpeq_epi64(*(const __m128i *)&bucket->keys[2], one);
    unsigned words = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
                     (unsigned)_mm_movemask_pd(_mm_castsi128_pd(high)) << 4;

    return words & words >> 1;
}

__attribute__((target("avx512f,avx512vl,avx512dq"))) static inline unsigned
vs_flow_compare_avx512(const VsFlowBucket *bucket, const VsKey *key)
{
    __m512i wanted = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)key));
    unsigned words =
        _mm512_cmpeq_epi64_mask(_mm512_load_si512((const void *)bucket), wanted);

    return words & words >> 1;
}
#endif

/* The slots of 'bucket' in use that hold 'key', one at most: slot s as bit 2 s.  'simd' is a
 * constant where it matters.  A free slot may hold any old key. */
static inline __attribute__((always_inline)) unsigned
vs_flow_find_slot(const VsFlowBucket *bucket, const VsKey *key, VsSimd simd)
{
    unsigned equal;

#ifdef __x86_64__
    if (simd == VS_SIMD_AVX512) {
        equal = vs_flow_compare_avx512(bucket, key);
    } else if (simd == VS_SIMD_AVX2) {
        equal = vs_flow_compare_avx2(bucket, key);
    } else
#endif
    {
        (void)simd;
        equal = vs_flow_compare_plain(bucket, *key);
    }
    return equal & VS_FLOW_TAKEN & bucket->words[VS_FLOW_STATE];
}

/* The value in 'slot', as a bit from above, or VS_FLOW_TABLE_NONE for none: without a branch,
 * which would be guessed wrong for one key in four. */
static inline uint32_t
vs_flow_value(const VsFlowBucket *bucket, unsigned slot)
{
    /* Bit 6 stands for the state, whose value all those ones hide. */
    unsigned index = (unsigned)__builtin_ctz(slot | 1 << 2 * VS_FLOW_STATE) / 2;

    return bucket->words[index] | -(uint32_t)(slot == 0);
}

/* ---- One key whose hash is known.  The table holds memory. ---- */

bool vs_flow_table_insert_hashed(VsFlowTable *table, VsKey key, uint64_t hash,
                                 uint32_t value);

uint32_t vs_flow_table_remove_hashed(VsFlowTable *table, VsKey key, uint64_t hash);

/* The bucket to which the key in 'bucket' may move. */
static inline uint32_t
vs_flow_other_bucket(const VsFlowTable *table, uint32_t bucket, VsKey key)
{
    uint64_t hash = vs_flow_hash(key);
    uint32_t home = vs_flow_home(table, hash);

    return bucket == home ? vs_flow_other(table, hash, home) : home;
}

#endif

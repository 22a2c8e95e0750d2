/* The bulk functions of VsFlowTable: hash all, fetch all, probe all. */
#include <string.h>

#include "base/flow_bucket.h"

enum {
    BLOCK = 64, /* Keys under way at a time. */
    LANES = 8,  /* Keys hashed at a time. */
};

/* ---- Finding ---- */

/* Keys of a search in bulk: while the homes of one block are probed, those of the next are on
 * their way to the cache, and so are the second buckets of the block before. */
typedef struct Block {
    uint64_t hashes[BLOCK];
    uint32_t homes[BLOCK];
    /* Keys that may be in their second bucket: their places in the block, and that. */
    size_t n_waiting;
    uint32_t waiting[BLOCK];
    const VsFlowBucket *others[BLOCK];
} Block;

#ifdef __x86_64__
/* vs_flow_hash() and vs_flow_home() of 8 keys.  Not inlined: among the probes' registers its
 * own go to memory and back. */
__attribute__((noinline, target("avx512f,avx512vl,avx512dq"))) static void
hash_avx512(const VsFlowTable *table, const VsKey *keys, uint64_t *ret_hashes,
            uint32_t *ret_homes)
{
    const __m512i in_order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    __m512i first = _mm512_loadu_si512(keys), second = _mm512_loadu_si512(keys + 4);
    __m512i low = _mm512_mullo_epi64(_mm512_unpacklo_epi64(first, second),
                                     _mm512_set1_epi64((int64_t)VS_FLOW_MULTIPLIER_0));
    __m512i high = _mm512_mullo_epi64(_mm512_unpackhi_epi64(first, second),
                                      _mm512_set1_epi64((int64_t)VS_FLOW_MULTIPLIER_1));
    __m512i hash = _mm512_add_epi64(low, _mm512_rol_epi64(high, 32));

    hash = _mm512_mullo_epi64(_mm512_xor_si512(hash, _mm512_srli_epi64(hash, 32)),
                              _mm512_set1_epi64((int64_t)VS_FLOW_MULTIPLIER_2));
    hash = _mm512_mullo_epi64(_mm512_xor_si512(hash, _mm512_srli_epi64(hash, 29)),
                              _mm512_set1_epi64((int64_t)VS_FLOW_MULTIPLIER_0));
    hash = _mm512_permutexvar_epi64(in_order, hash);
    _mm512_storeu_si512(ret_hashes, hash);
    hash = _mm512_mul_epu32(_mm512_srli_epi64(hash, 32),
                            _mm512_set1_epi64(table->n_buckets));
    _mm256_storeu_si256((__m256i *)ret_homes,
                        _mm512_cvtepi64_epi32(_mm512_srli_epi64(hash, 32)));
}
#endif

/* Hashes up to LANES keys of a block, from 'at' on, and sends for their homes. */
static inline __attribute__((always_inline)) void
prepare_lanes(const VsFlowTable *table, const VsKey *keys, size_t n, size_t at,
              Block *block, VsSimd simd)
{
    size_t end = MIN(n, at + LANES);

#ifdef __x86_64__
    if (simd == VS_SIMD_AVX512 && end - at == LANES) {
        hash_avx512(table, keys + at, block->hashes + at, block->homes + at);
#pragma GCC unroll 8
        for (size_t i = 0; i < LANES; i++) {
            __builtin_prefetch(&table->buckets[block->homes[at + i]]);
        }
        return;
    }
#endif
    for (size_t i = at; i < end; i++) {
        block->hashes[i] = vs_flow_hash(keys[i]);
        block->homes[i] = vs_flow_home(table, block->hashes[i]);
        __builtin_prefetch(&table->buckets[block->homes[i]]);
    }
}

static inline __attribute__((always_inline)) void
prepare(const VsFlowTable *table, const VsKey *keys, size_t n, Block *block,
        VsSimd simd)
{
    for (size_t at = 0; at < n; at += LANES) {
        prepare_lanes(table, keys, n, at, block, simd);
    }
}

/* Looks into the homes of up to LANES keys of a block, and notes and sends for the second
 * buckets that are worth a look, without a branch for each key.  Returns how many keys were
 * found. */
static inline __attribute__((always_inline)) size_t
probe_lanes(const VsFlowTable *table, const VsKey *keys, size_t n, size_t at,
            Block *block, uint32_t *ret_values, VsSimd simd)
{
    size_t end = MIN(n, at + LANES), n_found = 0, n_before = block->n_waiting;

    for (size_t i = at; i < end; i++) {
        const VsFlowBucket *bucket = &table->buckets[block->homes[i]];
        unsigned slot = vs_flow_find_slot(bucket, &keys[i], simd);

        ret_values[i] = vs_flow_value(bucket, slot);
        block->waiting[block->n_waiting] = (uint32_t)i;
        block->n_waiting += (slot == 0) & vs_flow_has_away(bucket);
        n_found += slot != 0;
    }
    for (size_t k = n_before; k < block->n_waiting; k++) {
        uint32_t i = block->waiting[k];

        block->others[k] =
            &table->buckets[vs_flow_other(table, block->hashes[i], block->homes[i])];
        __builtin_prefetch(block->others[k]);
    }
    return n_found;
}

/* Looks into the second buckets that a block waits for.  Returns how many keys were found. */
static inline __attribute__((always_inline)) size_t
probe_others(Block *block, const VsKey *keys, uint32_t *ret_values, VsSimd simd)
{
    size_t n_found = 0;

    for (size_t k = 0; k < block->n_waiting; k++) {
        uint32_t i = block->waiting[k];
        unsigned slot = vs_flow_find_slot(block->others[k], &keys[i], simd);

        ret_values[i] = vs_flow_value(block->others[k], slot);
        n_found += slot != 0;
    }
    block->n_waiting = 0;
    return n_found;
}

static inline __attribute__((always_inline)) size_t
find_all(const VsFlowTable *table, const VsKey *keys, size_t n, uint32_t *ret_values,
         VsSimd simd)
{
    Block blocks[2], *block = &blocks[0], *other = &blocks[1];
    size_t n_found = 0, from;

    if (n == 0) {
        return 0;
    }
    block->n_waiting = 0;
    other->n_waiting = 0;
    prepare(table, keys, MIN(n, BLOCK), block, simd);
    for (from = 0; from < n; from += BLOCK) {
        size_t length = MIN(n - from, BLOCK),
               next_length = MIN(n - from - length, BLOCK);
        const VsKey *next_keys = keys + from + length;

        for (size_t at = 0; at < length; at += LANES) {
            if (at < next_length) {
                prepare_lanes(table, next_keys, next_length, at, other, simd);
            }
            n_found += probe_lanes(table, keys + from, length, at, block,
                                   ret_values + from, simd);
        }
        if (from) {
            n_found += probe_others(other, keys + from - BLOCK,
                                    ret_values + from - BLOCK, simd);
        }
        other = block;
        block = &blocks[block == blocks];
    }
    return n_found +
           probe_others(other, keys + from - BLOCK, ret_values + from - BLOCK, simd);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static size_t
find_all_avx2(const VsFlowTable *table, const VsKey *keys, size_t n,
              uint32_t *ret_values)
{
    return find_all(table, keys, n, ret_values, VS_SIMD_AVX2);
}

__attribute__((target("avx512f,avx512vl,avx512dq"))) static size_t
find_all_avx512(const VsFlowTable *table, const VsKey *keys, size_t n,
                uint32_t *ret_values)
{
    return find_all(table, keys, n, ret_values, VS_SIMD_AVX512);
}
#endif

size_t
vs_flow_table_find_bulk(const VsFlowTable *table, const VsKey *keys, size_t n,
                        uint32_t *ret_values)
{
    if (G_UNLIKELY(!table->n_buckets)) {
        memset(ret_values, 0xFF, n * sizeof(*ret_values));
        return 0;
    }
#ifdef __x86_64__
    if (table->simd >= VS_SIMD_AVX512) {
        return find_all_avx512(table, keys, n, ret_values);
    }
    if (table->simd >= VS_SIMD_AVX2) {
        return find_all_avx2(table, keys, n, ret_values);
    }
#endif
    return find_all(table, keys, n, ret_values, VS_SIMD_PLAIN);
}

/* ---- Changing ---- */

/* A key to be changed is hashed, and AHEAD keys later its home is there and is looked at for
 * what else to fetch, and AHEAD keys later again; then it is changed. */
enum {
    AHEAD = 16,
    N_STAGES = 4,
    N_UNDER_WAY = AHEAD * N_STAGES, /* A power of two. */
};

/* Fetches the other bucket of a key whose home is full or has keys elsewhere. */
static inline void
prepare_other(const VsFlowTable *table, uint64_t hash)
{
    uint32_t home = vs_flow_home(table, hash);
    const VsFlowBucket *bucket = &table->buckets[home];

    if (vs_flow_has_away(bucket) || vs_flow_is_full(bucket)) {
        __builtin_prefetch(&table->buckets[vs_flow_other(table, hash, home)]);
    }
}

/* Fetches what making room for a key will look at first. */
static inline void
prepare_moves(const VsFlowTable *table, uint64_t hash)
{
    uint32_t home = vs_flow_home(table, hash);
    const VsFlowBucket *bucket = &table->buckets[home];

    if (vs_flow_is_full(bucket) &&
        vs_flow_is_full(&table->buckets[vs_flow_other(table, hash, home)])) {
        for (unsigned slot = 0; slot < VS_FLOW_BUCKET_LENGTH; slot++) {
            __builtin_prefetch(
                &table->buckets[vs_flow_other_bucket(table, home, bucket->keys[slot])]);
        }
    }
}

/* The stages before the last for the keys around 'i'.  Returns the hash of key
 * 'i' - (N_STAGES - 1) * AHEAD, if there is such a key. */
static inline __attribute__((always_inline)) uint64_t
prepare_change(const VsFlowTable *table, const VsKey *keys, size_t n, size_t i,
               uint64_t *hashes, bool is_insertion)
{
    if (i < n) {
        uint64_t hash = vs_flow_hash(keys[i]);

        __builtin_prefetch(&table->buckets[vs_flow_home(table, hash)]);
        hashes[i % N_UNDER_WAY] = hash;
    }
    if (i - AHEAD < n) {
        prepare_other(table, hashes[(i - AHEAD) % N_UNDER_WAY]);
    }
    if (is_insertion && i - 2 * AHEAD < n) {
        prepare_moves(table, hashes[(i - 2 * AHEAD) % N_UNDER_WAY]);
    }
    return hashes[(i - (N_STAGES - 1) * AHEAD) % N_UNDER_WAY];
}

size_t
vs_flow_table_insert_bulk(VsFlowTable *table, const VsKey *keys, const uint32_t *values,
                          size_t n)
{
    const size_t delay = (N_STAGES - 1) * AHEAD;
    uint64_t hashes[N_UNDER_WAY] = {0};
    size_t n_added = 0;

    if (n) {
        vs_flow_table_reserve(table, 1);
    }
    for (size_t i = 0; i < n + delay; i++) {
        uint64_t hash = prepare_change(table, keys, n, i, hashes, true);

        if (i >= delay) {
            n_added += vs_flow_table_insert_hashed(table, keys[i - delay], hash,
                                                   values[i - delay]);
        }
    }
    return n_added;
}

size_t
vs_flow_table_remove_bulk(VsFlowTable *table, const VsKey *keys, size_t n,
                          uint32_t *ret_values)
{
    const size_t delay = (N_STAGES - 1) * AHEAD;
    uint64_t hashes[N_UNDER_WAY] = {0};
    size_t length_before = table->length;

    if (G_UNLIKELY(!table->n_buckets)) {
        memset(ret_values, 0xFF, n * sizeof(*ret_values));
        return 0;
    }
    for (size_t i = 0; i < n + delay; i++) {
        uint64_t hash = prepare_change(table, keys, n, i, hashes, false);

        if (i >= delay) {
            ret_values[i - delay] =
                vs_flow_table_remove_hashed(table, keys[i - delay], hash);
        }
    }
    return length_before - table->length;
}

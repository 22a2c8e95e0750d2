#include "base/flow_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    STATE = VS_FLOW_BUCKET_LENGTH,  /* Among a bucket's words, */
    TAKEN_ALL = 0x15,               /* all its slots taken, */
    ONE_AWAY = 1 << 6,              /* a key of this home elsewhere. */
    ABSENT = VS_FLOW_BUCKET_LENGTH, /* In place of a slot. */
    REACH_MAX =
        128, /* Buckets from a home to its other ones; with 64 some find no place. */
    BUCKETS_MIN = 16,
    BLOCK = 64,      /* Keys of a bulk function under way at a time. */
    N_SEARCHED = 96, /* Buckets to look at for a chain of moves. */
};

G_STATIC_ASSERT(sizeof(VsFlowBucket) == 64);

/* A key's hash: its high half chooses the home, its low bits the distance from there. */
static inline uint32_t
home_of(const VsFlowTable *table, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * table->n_buckets >> 32);
}

static inline uint32_t
other_of(const VsFlowTable *table, uint64_t hash, uint32_t home)
{
    uint32_t other = home + 1 + ((uint32_t)hash & table->reach_mask);

    return other < table->n_buckets ? other : other - table->n_buckets;
}

static inline bool
has_away(const VsFlowBucket *bucket)
{
    return bucket->words[STATE] >= ONE_AWAY;
}

static inline bool
is_full(const VsFlowBucket *bucket)
{
    return (bucket->words[STATE] & TAKEN_ALL) == TAKEN_ALL;
}

/* ---- Searching a bucket ---- */

/* Bits 0, 2 and 4 say whether slot 0, 1 and 2 hold the key, in use or not: the form in which
 * the comparison of eight 64-bit words leaves it. */
static inline unsigned
compare_plain(const VsFlowBucket *bucket, VsKey key)
{
    return (unsigned)vs_key_equal(bucket->keys[0], key) |
           (unsigned)vs_key_equal(bucket->keys[1], key) << 2 |
           (unsigned)vs_key_equal(bucket->keys[2], key) << 4;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static inline unsigned
compare_avx2(const VsFlowBucket *bucket, const VsKey *key)
{
    __m128i one = _mm_loadu_si128((const __m128i *)key);
    __m256i both = _mm256_broadcastsi128_si256(one);
    __m256i low = _mm256_cmpeq_epi64(*(const __m256i *)bucket->keys, both);
    __m128i high = _mm_cmpeq_epi64(*(const __m128i *)&bucket->keys[2], one);
    unsigned words = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
                     (unsigned)_mm_movemask_pd(_mm_castsi128_pd(high)) << 4;

    return words & words >> 1 & 0x15;
}

__attribute__((target("avx512f,avx512vl"))) static inline unsigned
compare_avx512(const VsFlowBucket *bucket, const VsKey *key)
{
    __m512i wanted = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)key));
    unsigned words =
        _mm512_cmpeq_epi64_mask(_mm512_load_si512((const void *)bucket), wanted);

    return words & words >> 1 & 0x15;
}
#endif

/* The slot of 'key' in 'bucket', or ABSENT.  'simd' is a constant where it matters. */
static inline __attribute__((always_inline)) unsigned
find_slot(const VsFlowBucket *bucket, const VsKey *key, VsSimd simd)
{
    unsigned equal;

#ifdef __x86_64__
    if (simd == VS_SIMD_AVX512) {
        equal = compare_avx512(bucket, key);
    } else if (simd == VS_SIMD_AVX2) {
        equal = compare_avx2(bucket, key);
    } else
#endif
    {
        (void)simd;
        equal = compare_plain(bucket, *key);
    }
    /* A free slot may hold any old key.  Bit 6 stands for ABSENT: no branch is needed. */
    return (unsigned)__builtin_ctz((equal & bucket->words[STATE]) | 1 << 2 * ABSENT) /
           2;
}

/* The value in 'slot', or VS_FLOW_TABLE_NONE for ABSENT. */
static inline uint32_t
value_at(const VsFlowBucket *bucket, unsigned slot)
{
    return bucket->words[slot] | -(uint32_t)(slot == ABSENT);
}

/* ---- Memory ---- */

static void
allocate(VsFlowTable *table, size_t n_buckets)
{
    const size_t huge_page = 2 << 20;
    size_t bytes = n_buckets * sizeof(VsFlowBucket);
    size_t alignment = bytes >= 2 * huge_page ? huge_page : sizeof(VsFlowBucket);
    void *memory;

    if (n_buckets > UINT32_MAX || posix_memalign(&memory, alignment, bytes) != 0) {
        g_error("no memory for a table of %zu bytes", bytes);
    }
    if (alignment == huge_page) {
        /* Only advice: where it is not taken, searches wait for the pages' addresses. */
        (void)madvise(memory, bytes, MADV_HUGEPAGE);
    }
    memset(memory, 0, bytes);
    table->buckets = memory;
    table->n_buckets = (uint32_t)n_buckets;
    table->reach_mask = REACH_MAX - 1;
    while (table->reach_mask >= n_buckets / 2) {
        table->reach_mask /= 2;
    }
    table->length_max = n_buckets * VS_FLOW_BUCKET_LENGTH * 33 / 40;
}

void
vs_flow_table_init_simd(VsFlowTable *table, VsSimd simd)
{
    g_assert(vs_simd_is_supported(simd));
    *table = (VsFlowTable){.simd = simd};
}

void
vs_flow_table_init(VsFlowTable *table)
{
    vs_flow_table_init_simd(table, vs_simd_best());
}

void
vs_flow_table_clear(VsFlowTable *table)
{
    free(table->buckets);
    vs_flow_table_init_simd(table, table->simd);
}

/* ---- Inserting ---- */

static inline void
put(VsFlowBucket *bucket, VsKey key, uint32_t value)
{
    unsigned slot = (unsigned)__builtin_ctz(~bucket->words[STATE] & TAKEN_ALL) / 2;

    bucket->keys[slot] = key;
    bucket->words[slot] = value;
    bucket->words[STATE] |= 1u << 2 * slot;
}

/* A bucket on a chain of moves: it gets room when the key in 'slot' of the bucket before it,
 * whose other bucket this is, moves here after one of its own has moved on. */
typedef struct Step {
    uint32_t bucket;
    int16_t before; /* Index of the step before, or -1. */
    uint16_t slot;
} Step;

static uint32_t
other_bucket_of(const VsFlowTable *table, uint32_t bucket, VsKey key)
{
    uint64_t hash = vs_key_hash(key);
    uint32_t home = home_of(table, hash);

    return bucket == home ? other_of(table, hash, home) : home;
}

/* Moves the key in 'slot' of bucket 'from' to 'to', its other one, which has room. */
static void
move(VsFlowTable *table, uint32_t from, unsigned slot, uint32_t to)
{
    VsFlowBucket *bucket = &table->buckets[from];
    VsKey key = bucket->keys[slot];

    put(&table->buckets[to], key, bucket->words[slot]);
    bucket->words[STATE] &= ~(1u << 2 * slot);
    if (home_of(table, vs_key_hash(key)) == from) {
        bucket->words[STATE] += ONE_AWAY;
    } else {
        table->buckets[to].words[STATE] -= ONE_AWAY;
    }
}

static bool
is_on_the_way(const Step *steps, unsigned n_steps, uint32_t bucket)
{
    for (unsigned i = 0; i < n_steps; i++) {
        if (steps[i].bucket == bucket) {
            return true;
        }
    }
    return false;
}

/* Makes room in one of the two full buckets by moving keys to their other ones: the shortest
 * chain of moves, searched breadth first.  Returns the bucket with room, or UINT32_MAX. */
static uint32_t
make_room(VsFlowTable *table, uint32_t home, uint32_t other)
{
    Step steps[N_SEARCHED];
    unsigned n_steps = 2;

    steps[0] = (Step){home, -1, 0};
    steps[1] = (Step){other, -1, 0};
    for (unsigned i = 0; i < n_steps; i++) {
        const VsFlowBucket *bucket = &table->buckets[steps[i].bucket];

        for (uint16_t slot = 0; slot < VS_FLOW_BUCKET_LENGTH; slot++) {
            uint32_t to = other_bucket_of(table, steps[i].bucket, bucket->keys[slot]);
            int step = (int)i;

            if (is_full(&table->buckets[to])) {
                if (n_steps < N_SEARCHED && !is_on_the_way(steps, n_steps, to)) {
                    steps[n_steps++] = (Step){to, (int16_t)i, slot};
                }
                continue;
            }
            move(table, steps[step].bucket, slot, to);
            for (; steps[step].before >= 0; step = steps[step].before) {
                move(table, steps[steps[step].before].bucket, steps[step].slot,
                     steps[step].bucket);
            }
            return steps[step].bucket;
        }
    }
    return UINT32_MAX;
}

/* Puts a key that is absent; false when it finds no place. */
static inline bool
place(VsFlowTable *table, VsKey key, uint64_t hash, uint32_t value)
{
    uint32_t home = home_of(table, hash), chosen = home;

    if (is_full(&table->buckets[home])) {
        chosen = other_of(table, hash, home);
        if (is_full(&table->buckets[chosen])) {
            chosen = make_room(table, home, chosen);
            if (chosen == UINT32_MAX) {
                return false;
            }
        }
        table->buckets[home].words[STATE] += chosen == home ? 0 : ONE_AWAY;
    }
    put(&table->buckets[chosen], key, value);
    return true;
}

/* Moves all to a table of that many buckets, or of more should a key find no place.  Homes
 * keep their order, so both tables are gone through from start to end. */
static void
rehash(VsFlowTable *table, size_t n_buckets)
{
    VsFlowTable grown = *table;
    size_t cursor = 0;
    uint32_t value;
    VsKey key;

    allocate(&grown, MAX(n_buckets, BUCKETS_MIN));
    while (vs_flow_table_next(table, &cursor, &key, &value)) {
        if (!place(&grown, key, vs_key_hash(key), value)) {
            cursor = 0;
            free(grown.buckets);
            allocate(&grown, (size_t)grown.n_buckets + grown.n_buckets / 2);
        }
    }
    free(table->buckets);
    *table = grown;
}

void
vs_flow_table_reserve(VsFlowTable *table, size_t length)
{
    if (length > table->length_max) {
        rehash(table, length * 40 / (VS_FLOW_BUCKET_LENGTH * 33) + 1);
    }
}

static void
grow(VsFlowTable *table)
{
    rehash(table, (size_t)table->n_buckets + table->n_buckets / 2);
}

/* ---- One key ---- */

typedef struct Found {
    VsFlowBucket *bucket; /* NULL: absent. */
    VsFlowBucket *home;
    unsigned slot;
} Found;

static inline Found
search(const VsFlowTable *table, VsKey key, uint64_t hash)
{
    uint32_t home = home_of(table, hash);
    Found found = {.home = &table->buckets[home]};

    found.bucket = found.home;
    found.slot = find_slot(found.bucket, &key, VS_SIMD_PLAIN);
    if (found.slot == ABSENT && has_away(found.home)) {
        found.bucket = &table->buckets[other_of(table, hash, home)];
        found.slot = find_slot(found.bucket, &key, VS_SIMD_PLAIN);
    }
    if (found.slot == ABSENT) {
        found.bucket = NULL;
    }
    return found;
}

static inline bool
insert(VsFlowTable *table, VsKey key, uint64_t hash, uint32_t value)
{
    g_assert(value != VS_FLOW_TABLE_NONE);
    if (table->n_buckets && search(table, key, hash).bucket) {
        return false;
    }
    if (G_UNLIKELY(table->length >= table->length_max)) {
        grow(table);
    }
    while (G_UNLIKELY(!place(table, key, hash, value))) {
        grow(table);
    }
    table->length++;
    return true;
}

static inline uint32_t
remove_key(VsFlowTable *table, VsKey key, uint64_t hash)
{
    Found found = search(table, key, hash);

    if (!found.bucket) {
        return VS_FLOW_TABLE_NONE;
    }
    found.bucket->words[STATE] &= ~(1u << 2 * found.slot);
    found.home->words[STATE] -= found.bucket == found.home ? 0 : ONE_AWAY;
    table->length--;
    return found.bucket->words[found.slot];
}

uint32_t
vs_flow_table_find(const VsFlowTable *table, VsKey key)
{
    Found found;

    if (G_UNLIKELY(!table->n_buckets)) {
        return VS_FLOW_TABLE_NONE;
    }
    found = search(table, key, vs_key_hash(key));
    return found.bucket ? found.bucket->words[found.slot] : VS_FLOW_TABLE_NONE;
}

bool
vs_flow_table_insert(VsFlowTable *table, VsKey key, uint32_t value)
{
    return insert(table, key, vs_key_hash(key), value);
}

uint32_t
vs_flow_table_remove(VsFlowTable *table, VsKey key)
{
    return table->n_buckets ? remove_key(table, key, vs_key_hash(key))
                            : VS_FLOW_TABLE_NONE;
}

bool
vs_flow_table_next(const VsFlowTable *table, size_t *cursor, VsKey *ret_key,
                   uint32_t *ret_value)
{
    const size_t end = (size_t)table->n_buckets * VS_FLOW_BUCKET_LENGTH;

    for (size_t i = *cursor; i < end; i++) {
        const VsFlowBucket *bucket = &table->buckets[i / VS_FLOW_BUCKET_LENGTH];
        unsigned slot = i % VS_FLOW_BUCKET_LENGTH;

        if (bucket->words[STATE] >> 2 * slot & 1) {
            *ret_key = bucket->keys[slot];
            *ret_value = bucket->words[slot];
            *cursor = i + 1;
            return true;
        }
    }
    return false;
}

/* ---- Many keys ---- */

/* A key of a block that may be in its second bucket. */
typedef struct Waiting {
    const VsFlowBucket *bucket;
    size_t index;
} Waiting;

/* Hashes of a block of keys; their homes are on the way to the cache. */
static inline void
prepare(const VsFlowTable *table, const VsKey *keys, size_t n, uint64_t *ret_hashes)
{
    for (size_t i = 0; i < n; i++) {
        ret_hashes[i] = vs_key_hash(keys[i]);
        __builtin_prefetch(&table->buckets[home_of(table, ret_hashes[i])]);
    }
}

/* Fetches what changing the block's keys will look at besides their homes: the other bucket
 * of a key whose home is full or has keys elsewhere. */
static void
prepare_others(const VsFlowTable *table, const uint64_t *hashes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t home = home_of(table, hashes[i]);
        const VsFlowBucket *bucket = &table->buckets[home];

        if (has_away(bucket) || is_full(bucket)) {
            __builtin_prefetch(&table->buckets[other_of(table, hashes[i], home)]);
        }
    }
}

/* Fetches what making room for the block's keys will look at first. */
static void
prepare_moves(const VsFlowTable *table, const uint64_t *hashes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t home = home_of(table, hashes[i]);
        const VsFlowBucket *bucket = &table->buckets[home];

        if (is_full(bucket) &&
            is_full(&table->buckets[other_of(table, hashes[i], home)])) {
            for (unsigned slot = 0; slot < VS_FLOW_BUCKET_LENGTH; slot++) {
                __builtin_prefetch(
                    &table->buckets[other_bucket_of(table, home, bucket->keys[slot])]);
            }
        }
    }
}

/* Looks into the homes of a block of keys.  Those whose second bucket is worth a look are
 * noted with it, which is fetched; without a branch, as that would be guessed wrong for one
 * key in four.  Returns how many they are. */
static inline __attribute__((always_inline)) size_t
probe_homes(const VsFlowTable *table, const VsKey *keys, size_t n,
            const uint64_t *hashes, uint32_t *ret_values, Waiting *waiting, VsSimd simd)
{
    size_t n_waiting = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t home = home_of(table, hashes[i]);
        const VsFlowBucket *bucket = &table->buckets[home];
        unsigned slot = find_slot(bucket, &keys[i], simd);
        bool is_waiting = (slot == ABSENT) & has_away(bucket);
        int64_t distance = (int64_t)other_of(table, hashes[i], home) - home;

        ret_values[i] = value_at(bucket, slot);
        waiting[n_waiting] = (Waiting){bucket + (distance & -(int64_t)is_waiting), i};
        __builtin_prefetch(waiting[n_waiting].bucket);
        n_waiting += is_waiting;
    }
    return n_waiting;
}

/* While the second lines of a block are on their way, the first ones of the next are sent
 * for. */
static inline __attribute__((always_inline)) size_t
find_all(const VsFlowTable *table, const VsKey *keys, size_t n, uint32_t *ret_values,
         VsSimd simd)
{
    uint64_t hashes[BLOCK];
    Waiting waiting[BLOCK];
    size_t n_found = 0;

    prepare(table, keys, MIN(n, BLOCK), hashes);
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t length = MIN(n - from, BLOCK);
        size_t n_waiting = probe_homes(table, keys + from, length, hashes,
                                       ret_values + from, waiting, simd);

        if (n - from > BLOCK) {
            prepare(table, keys + from + BLOCK, MIN(n - from - BLOCK, BLOCK), hashes);
        }
        for (size_t k = 0; k < n_waiting; k++) {
            size_t i = from + waiting[k].index;
            unsigned slot = find_slot(waiting[k].bucket, &keys[i], simd);

            ret_values[i] = value_at(waiting[k].bucket, slot);
        }
        for (size_t i = from; i < from + length; i++) {
            n_found += ret_values[i] != VS_FLOW_TABLE_NONE;
        }
    }
    return n_found;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static size_t
find_all_avx2(const VsFlowTable *table, const VsKey *keys, size_t n,
              uint32_t *ret_values)
{
    return find_all(table, keys, n, ret_values, VS_SIMD_AVX2);
}

__attribute__((target("avx512f,avx512vl"))) static size_t
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
    if (table->simd == VS_SIMD_AVX512) {
        return find_all_avx512(table, keys, n, ret_values);
    }
    if (table->simd == VS_SIMD_AVX2) {
        return find_all_avx2(table, keys, n, ret_values);
    }
#endif
    return find_all(table, keys, n, ret_values, VS_SIMD_PLAIN);
}

size_t
vs_flow_table_insert_bulk(VsFlowTable *table, const VsKey *keys, const uint32_t *values,
                          size_t n)
{
    uint64_t hashes[BLOCK];
    size_t n_added = 0;

    for (size_t from = 0; from < n; from += BLOCK) {
        size_t to = MIN(n - from, BLOCK);

        prepare(table, keys + from, to, hashes);
        if (table->n_buckets) {
            prepare_others(table, hashes, to);
            prepare_moves(table, hashes, to);
        }
        for (size_t i = 0; i < to; i++) {
            n_added += insert(table, keys[from + i], hashes[i], values[from + i]);
        }
    }
    return n_added;
}

size_t
vs_flow_table_remove_bulk(VsFlowTable *table, const VsKey *keys, size_t n,
                          uint32_t *ret_values)
{
    uint64_t hashes[BLOCK];
    size_t length = table->length;

    if (G_UNLIKELY(!table->n_buckets)) {
        memset(ret_values, 0xFF, n * sizeof(*ret_values));
        return 0;
    }
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t to = MIN(n - from, BLOCK);

        prepare(table, keys + from, to, hashes);
        prepare_others(table, hashes, to);
        for (size_t i = 0; i < to; i++) {
            ret_values[from + i] = remove_key(table, keys[from + i], hashes[i]);
        }
    }
    return length - table->length;
}

#include "base/flow_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/flow_bucket.h"

enum {
    REACH_MAX =
        128, /* Buckets from a home to its other ones; with 64 some find no place. */
    BUCKETS_MIN = 16,
    N_SEARCHED = 96, /* Buckets to look at for a chain of moves. */
};

G_STATIC_ASSERT(sizeof(VsFlowBucket) == 64);

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
    unsigned slot =
        (unsigned)__builtin_ctz(~bucket->words[VS_FLOW_STATE] & VS_FLOW_TAKEN) / 2;

    bucket->keys[slot] = key;
    bucket->words[slot] = value;
    bucket->words[VS_FLOW_STATE] |= 1u << 2 * slot;
}

/* A bucket on a chain of moves: it gets room when the key in 'slot' of the bucket before it,
 * whose other bucket this is, moves here after one of its own has moved on. */
typedef struct Step {
    uint32_t bucket;
    int16_t before; /* Index of the step before, or -1. */
    uint16_t slot;
} Step;

/* Moves the key in 'slot' of bucket 'from' to 'to', its other one, which has room. */
static void
move(VsFlowTable *table, uint32_t from, unsigned slot, uint32_t to)
{
    VsFlowBucket *bucket = &table->buckets[from];
    VsKey key = bucket->keys[slot];

    put(&table->buckets[to], key, bucket->words[slot]);
    bucket->words[VS_FLOW_STATE] &= ~(1u << 2 * slot);
    if (vs_flow_home(table, vs_flow_hash(key)) == from) {
        bucket->words[VS_FLOW_STATE] += VS_FLOW_ONE_AWAY;
    } else {
        table->buckets[to].words[VS_FLOW_STATE] -= VS_FLOW_ONE_AWAY;
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
            uint32_t to =
                vs_flow_other_bucket(table, steps[i].bucket, bucket->keys[slot]);
            int step = (int)i;

            if (vs_flow_is_full(&table->buckets[to])) {
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
    uint32_t home = vs_flow_home(table, hash), chosen = home;

    if (vs_flow_is_full(&table->buckets[home])) {
        chosen = vs_flow_other(table, hash, home);
        if (vs_flow_is_full(&table->buckets[chosen])) {
            chosen = make_room(table, home, chosen);
            if (chosen == UINT32_MAX) {
                return false;
            }
        }
        table->buckets[home].words[VS_FLOW_STATE] +=
            chosen == home ? 0 : VS_FLOW_ONE_AWAY;
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
        if (!place(&grown, key, vs_flow_hash(key), value)) {
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
    VsFlowBucket *home, *bucket; /* The key's home, and where it was looked for last. */
    unsigned slot; /* A bit, as vs_flow_find_slot() has them; 0: absent. */
} Found;

static inline Found
search(const VsFlowTable *table, VsKey key, uint64_t hash)
{
    uint32_t home = vs_flow_home(table, hash);
    Found found = {&table->buckets[home], &table->buckets[home], 0};

    found.slot = vs_flow_find_slot(found.bucket, &key, VS_SIMD_PLAIN);
    if (found.slot == 0 && vs_flow_has_away(found.home)) {
        found.bucket = &table->buckets[vs_flow_other(table, hash, home)];
        found.slot = vs_flow_find_slot(found.bucket, &key, VS_SIMD_PLAIN);
    }
    return found;
}

bool
vs_flow_table_insert_hashed(VsFlowTable *table, VsKey key, uint64_t hash,
                            uint32_t value)
{
    g_assert(value != VS_FLOW_TABLE_NONE);
    if (table->n_buckets && search(table, key, hash).slot) {
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

uint32_t
vs_flow_table_remove_hashed(VsFlowTable *table, VsKey key, uint64_t hash)
{
    Found found = search(table, key, hash);

    if (found.slot == 0) {
        return VS_FLOW_TABLE_NONE;
    }
    found.bucket->words[VS_FLOW_STATE] &= ~found.slot;
    found.home->words[VS_FLOW_STATE] -=
        found.bucket == found.home ? 0 : VS_FLOW_ONE_AWAY;
    table->length--;
    return vs_flow_value(found.bucket, found.slot);
}

uint32_t
vs_flow_table_find(const VsFlowTable *table, VsKey key)
{
    Found found;

    if (G_UNLIKELY(!table->n_buckets)) {
        return VS_FLOW_TABLE_NONE;
    }
    found = search(table, key, vs_flow_hash(key));
    return found.slot ? vs_flow_value(found.bucket, found.slot) : VS_FLOW_TABLE_NONE;
}

bool
vs_flow_table_insert(VsFlowTable *table, VsKey key, uint32_t value)
{
    return vs_flow_table_insert_hashed(table, key, vs_flow_hash(key), value);
}

uint32_t
vs_flow_table_remove(VsFlowTable *table, VsKey key)
{
    return table->n_buckets ? vs_flow_table_remove_hashed(table, key, vs_flow_hash(key))
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

        if (bucket->words[VS_FLOW_STATE] >> 2 * slot & 1) {
            *ret_key = bucket->keys[slot];
            *ret_value = bucket->words[slot];
            *cursor = i + 1;
            return true;
        }
    }
    return false;
}

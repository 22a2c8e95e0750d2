#include "base/pool.h"

#include <stdlib.h>

void
vs_pool_init(VsPool *pool, size_t object_bytes, size_t slab_objects)
{
    vs_pool_init_aligned(pool, object_bytes, slab_objects, 16);
}

void
vs_pool_init_aligned(VsPool *pool, size_t object_bytes, size_t slab_objects,
                     size_t alignment)
{
    g_assert(object_bytes > 0 && slab_objects > 0);
    g_assert(alignment >= 16 && (alignment & (alignment - 1)) == 0);

    *pool = (VsPool){
        .object_bytes = (object_bytes + alignment - 1) & ~(alignment - 1),
        .alignment = alignment,
        .slab_objects = slab_objects,
        .first_slab_objects = slab_objects,
    };
}

void
vs_pool_clear(VsPool *pool)
{
    for (size_t i = 0; i < pool->n_slabs; i++) {
#if VS_POOL_POISONS
        __asan_unpoison_memory_region(pool->slabs[i].memory, pool->slabs[i].bytes);
#endif
        free(pool->slabs[i].memory);
    }
    g_free(pool->slabs);
    vs_pool_init_aligned(pool, pool->object_bytes, pool->first_slab_objects,
                         pool->alignment);
}

static void
add_slab(VsPool *pool)
{
    size_t bytes = pool->slab_objects * pool->object_bytes;
    void *memory;

    if (posix_memalign(&memory, pool->alignment, bytes) != 0) {
        g_error("out of memory: a slab of %zu bytes", bytes);
    }
#if VS_POOL_POISONS
    __asan_poison_memory_region(memory, bytes);
#endif
    pool->slabs = g_renew(VsPoolSlab, pool->slabs, pool->n_slabs + 1);
    pool->slabs[pool->n_slabs++] = (VsPoolSlab){memory, bytes};
    pool->bytes += bytes;
    pool->fresh = memory;
    pool->fresh_end = pool->fresh + bytes;
    if (2 * bytes <= VS_POOL_SLAB_BYTES_MAX) {
        pool->slab_objects *= 2;
    }
}

void *
vs_pool_alloc_fresh(VsPool *pool)
{
    void *object;

    if (pool->fresh == pool->fresh_end) {
        add_slab(pool);
    }
    object = pool->fresh;
    pool->fresh += pool->object_bytes;
#if VS_POOL_POISONS
    __asan_unpoison_memory_region(object, pool->object_bytes);
#endif
    return object;
}

size_t
vs_pool_n_used(const VsPool *pool)
{
    return pool->n_used;
}

size_t
vs_pool_n_slabs(const VsPool *pool)
{
    return pool->n_slabs;
}

size_t
vs_pool_bytes(const VsPool *pool)
{
    return pool->bytes;
}

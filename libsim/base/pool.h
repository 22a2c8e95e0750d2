/* A pool of objects of one size, cut from slabs.
 *
 * Freed objects are given again last in, first out, while they are still in cache; slabs go
 * back to the system only with vs_pool_clear().  So a run allocates while it warms up and
 * never again, which vs_pool_n_slabs() lets a test see.
 *
 * Under AddressSanitizer a free object is poisoned: its use is reported like that of freed
 * memory. */
#ifndef VS_BASE_POOL_H
#define VS_BASE_POOL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define VS_POOL_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VS_POOL_POISONS 1
#endif
#endif
#ifndef VS_POOL_POISONS
#define VS_POOL_POISONS 0
#endif

#if VS_POOL_POISONS
#include <sanitizer/asan_interface.h>
#endif

/* Slabs double in objects from the first to about this many bytes: a tiny run stays tiny,
 * a big one has few slabs. */
#define VS_POOL_SLAB_BYTES_MAX ((size_t)1 << 20)

typedef struct VsPoolLink VsPoolLink;
struct VsPoolLink {
    VsPoolLink *next;
};

typedef struct {
    void *memory;
    size_t bytes;
} VsPoolSlab;

typedef struct {
    VsPoolLink *free;        /* Returned objects, the latest first. */
    char *fresh, *fresh_end; /* What was never given of the newest slab. */
    size_t n_used;
    size_t object_bytes; /* Rounded up to the alignment. */
    size_t alignment;
    size_t slab_objects; /* Of the slab to come. */
    size_t first_slab_objects;
    size_t bytes; /* Of all slabs. */
    size_t n_slabs;
    VsPoolSlab *slabs;
} VsPool;

/* Objects of 'object_bytes' > 0, aligned to 16; the first slab holds 'slab_objects' > 0.
 * Allocates nothing yet. */
void vs_pool_init(VsPool *pool, size_t object_bytes, size_t slab_objects);

/* The same with an alignment, a power of two from 16: 64 gives objects that share no cache
 * line. */
void vs_pool_init_aligned(VsPool *pool, size_t object_bytes, size_t slab_objects,
                          size_t alignment);

/* Frees all slabs, and with them every object.  The pool may be used again. */
void vs_pool_clear(VsPool *pool);

size_t vs_pool_n_used(const VsPool *pool);
size_t vs_pool_n_slabs(const VsPool *pool);
size_t vs_pool_bytes(const VsPool *pool);

/* For vs_pool_alloc() alone: an object never given before. */
void *vs_pool_alloc_fresh(VsPool *pool);

/* An object, not zeroed.  Never NULL. */
static inline void *
vs_pool_alloc(VsPool *pool)
{
    VsPoolLink *link = pool->free;

    pool->n_used++;
    if (G_UNLIKELY(!link)) {
        return vs_pool_alloc_fresh(pool);
    }
#if VS_POOL_POISONS
    __asan_unpoison_memory_region(link, pool->object_bytes);
#endif
    pool->free = link->next;
    return link;
}

/* Gives 'object' back to the pool it came from; NULL is fine. */
static inline void
vs_pool_free(VsPool *pool, void *object)
{
    VsPoolLink *link = (VsPoolLink *)object;

    if (!link) {
        return;
    }
#if VS_POOL_POISONS
    g_assert(!__asan_address_is_poisoned(object)); /* Else freed twice. */
#endif
    link->next = pool->free;
    pool->free = link;
    pool->n_used--;
#if VS_POOL_POISONS
    __asan_poison_memory_region(link, pool->object_bytes);
#endif
}

#endif

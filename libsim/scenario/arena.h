/* Memory that is freed all at once: the small pieces of a scenario. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct VsArena VsArena;

VsArena *vs_arena_new(void);
void vs_arena_free(VsArena *arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsArena, vs_arena_free)

/* 'size' zeroed bytes, aligned for any type; valid until the arena is freed.  O(size). */
void *vs_arena_alloc(VsArena *arena, size_t size);

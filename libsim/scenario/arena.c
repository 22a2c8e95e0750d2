#include "scenario/arena.h"

#include <stdalign.h>

/* A piece larger than a quarter of a block gets a block of its own. */
#define BLOCK_SIZE ((size_t)64 * 1024)

typedef struct Block {
    struct Block *next;
    alignas(max_align_t) char data[];
} Block;

struct VsArena {
    Block *blocks; /* The first is the one being filled. */
    size_t used;   /* Bytes of its data. */
};

VsArena *
vs_arena_new(void)
{
    VsArena *arena = g_new0(VsArena, 1);

    arena->used = BLOCK_SIZE;
    return arena;
}

void
vs_arena_free(VsArena *arena)
{
    if (!arena) {
        return;
    }
    for (Block *block = arena->blocks; block;) {
        Block *next = block->next;

        g_free(block);
        block = next;
    }
    g_free(arena);
}

void *
vs_arena_alloc(VsArena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    Block *block;
    void *piece;

    g_assert(rounded >= size);
    if (rounded > BLOCK_SIZE / 4) {
        block = g_malloc0(sizeof(Block) + rounded);
        if (arena->blocks) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            arena->blocks = block;
        }
        return block->data;
    }
    if (arena->used + rounded > BLOCK_SIZE) {
        block = g_malloc0(sizeof(Block) + BLOCK_SIZE);
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
    }
    piece = arena->blocks->data + arena->used;
    arena->used += rounded;
    return piece;
}

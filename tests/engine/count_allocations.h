/* Counts the calls of malloc(), calloc() and realloc() by the whole program, by
 * standing in for them.  To be included by one file of a test program.  Only with
 * glibc, and not where a sanitizer has its own: vs_can_count_allocations says. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/pool.h"

#if defined(__GLIBC__) && !VS_POOL_POISONS && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);

static const bool vs_can_count_allocations = true;
static _Atomic uint64_t vs_n_allocations;

void *
malloc(size_t bytes)
{
    atomic_fetch_add(&vs_n_allocations, 1);
    return __libc_malloc(bytes);
}

void *
calloc(size_t n, size_t bytes)
{
    atomic_fetch_add(&vs_n_allocations, 1);
    return __libc_calloc(n, bytes);
}

void *
realloc(void *memory, size_t bytes)
{
    atomic_fetch_add(&vs_n_allocations, 1);
    return __libc_realloc(memory, bytes);
}
#else
static const bool vs_can_count_allocations = false;
static const uint64_t vs_n_allocations = 0;
#endif

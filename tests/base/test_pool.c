#include "base/pool.h"

#include "base/hash.h"
#include "vs_test.h"

static void
test_a_new_pool_holds_no_memory(void)
{
    VsPool pool;

    vs_pool_init(&pool, 100, 8);
    CU_ASSERT_EQUAL(vs_pool_bytes(&pool), 0);
    CU_ASSERT_EQUAL(vs_pool_n_slabs(&pool), 0);
    vs_pool_clear(&pool);
}

static void
test_the_last_object_freed_is_the_first_given(void)
{
    VsPool pool;
    void *a, *b;

    vs_pool_init(&pool, 24, 4);
    a = vs_pool_alloc(&pool);
    b = vs_pool_alloc(&pool);
    vs_pool_free(&pool, a);
    vs_pool_free(&pool, b);
    CU_ASSERT_PTR_EQUAL(vs_pool_alloc(&pool), b);
    CU_ASSERT_PTR_EQUAL(vs_pool_alloc(&pool), a);
    vs_pool_clear(&pool);
}

static void
test_slabs_double_up_to_a_limit(void)
{
    VsPool pool;

    vs_pool_init(&pool, 1024, 1);
    for (unsigned i = 0; i < 1; i++) {
        vs_pool_alloc(&pool);
    }
    CU_ASSERT_EQUAL(vs_pool_bytes(&pool), 1024);
    for (unsigned i = 1; i < 7; i++) {
        vs_pool_alloc(&pool);
    }
    CU_ASSERT_EQUAL(vs_pool_n_slabs(&pool), 3); /* 1 + 2 + 4 objects. */
    CU_ASSERT_EQUAL(vs_pool_bytes(&pool), 7 * 1024);
    for (unsigned i = 7; i < 2047 + 2 * 1024; i++) {
        vs_pool_alloc(&pool);
    }
    CU_ASSERT_EQUAL(vs_pool_n_slabs(&pool), 11 + 2); /* Up to 1 MiB, then as big. */
    CU_ASSERT_EQUAL(vs_pool_bytes(&pool), (2047 + 2 * 1024) * 1024);
    vs_pool_clear(&pool);
}

static void
test_after_warm_up_nothing_is_allocated(void)
{
    VsPool pool;
    void *objects[1000];
    size_t n_slabs;

    vs_pool_init(&pool, 64, 16);
    for (unsigned i = 0; i < 1000; i++) {
        objects[i] = vs_pool_alloc(&pool);
    }
    n_slabs = vs_pool_n_slabs(&pool);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned j = vs_mix64(i + 1) % 1000;

        vs_pool_free(&pool, objects[j]);
        objects[j] = vs_pool_alloc(&pool);
    }
    CU_ASSERT_EQUAL(vs_pool_n_slabs(&pool), n_slabs);
    CU_ASSERT_EQUAL(vs_pool_n_used(&pool), 1000);
    for (unsigned i = 0; i < 1000; i++) {
        vs_pool_free(&pool, objects[i]);
    }
    vs_pool_free(&pool, NULL);
    CU_ASSERT_EQUAL(vs_pool_n_used(&pool), 0);
    vs_pool_clear(&pool);
}

static void
test_objects_are_aligned_and_apart(void)
{
    static const size_t sizes[] = {1, 8, 17, 64, 200};

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        unsigned char *objects[300];
        bool are_intact = true;
        VsPool pool;

        vs_pool_init_aligned(&pool, sizes[i], 3, i % 2 ? 64 : 16);
        for (unsigned j = 0; j < 300; j++) {
            objects[j] = vs_pool_alloc(&pool);
            CU_ASSERT_EQUAL((uintptr_t)objects[j] % (i % 2 ? 64 : 16), 0);
            memset(objects[j], j & 255, sizes[i]);
        }
        for (unsigned j = 0; j < 300; j++) {
            for (size_t k = 0; k < sizes[i]; k++) {
                are_intact &= objects[j][k] == (j & 255);
            }
        }
        CU_ASSERT_TRUE(are_intact);
        vs_pool_clear(&pool);
    }
}

static void
test_a_cleared_pool_starts_again(void)
{
    VsPool pool;

    vs_pool_init(&pool, 32, 2);
    for (unsigned i = 0; i < 100; i++) {
        vs_pool_alloc(&pool);
    }
    vs_pool_clear(&pool);
    CU_ASSERT_EQUAL(vs_pool_n_used(&pool), 0);
    CU_ASSERT_PTR_NOT_NULL(vs_pool_alloc(&pool));
    CU_ASSERT_EQUAL(vs_pool_bytes(&pool), 2 * 32);
    vs_pool_clear(&pool);
}

static void
test_free_objects_are_poisoned_for_asan(void)
{
#if VS_POOL_POISONS
    VsPool pool;
    char *object, *neighbour;

    vs_pool_init(&pool, 48, 4);
    object = vs_pool_alloc(&pool);
    neighbour = vs_pool_alloc(&pool);
    CU_ASSERT_FALSE(__asan_address_is_poisoned(object));
    CU_ASSERT_TRUE(__asan_address_is_poisoned(neighbour + 48)); /* Never given. */
    vs_pool_free(&pool, object);
    CU_ASSERT_TRUE(__asan_address_is_poisoned(object));
    CU_ASSERT_TRUE(__asan_address_is_poisoned(object + 47));
    CU_ASSERT_FALSE(__asan_address_is_poisoned(neighbour));
    CU_ASSERT_PTR_EQUAL(vs_pool_alloc(&pool), object);
    CU_ASSERT_FALSE(__asan_address_is_poisoned(object + 47));
    vs_pool_clear(&pool);
#endif
}

static const VsTestCase tests[] = {
    {"a new pool holds no memory", test_a_new_pool_holds_no_memory},
    {"the last object freed is the first given",
     test_the_last_object_freed_is_the_first_given},
    {"slabs double up to a limit", test_slabs_double_up_to_a_limit},
    {"after warm-up nothing is allocated", test_after_warm_up_nothing_is_allocated},
    {"objects are aligned and apart", test_objects_are_aligned_and_apart},
    {"a cleared pool starts again", test_a_cleared_pool_starts_again},
    {"free objects are poisoned for ASan", test_free_objects_are_poisoned_for_asan},
    {0},
};

VS_TESTS("pool")

/* A CUnit program from a table of tests.
 *
 *     static const VsTestCase tests[] = {
 *         {"parsing what was printed gives it again", test_round_trip},
 *         {0}
 *     };
 *     VS_TESTS("units")
 *
 * The program returns 0 when all assertions held, 1 otherwise, and VS_TEST_SKIP for a reason
 * given to vs_test_skip().  An argument runs only the tests with it in their name. */
#ifndef VS_TEST_H
#define VS_TEST_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What automake counts as skipped. */
#define VS_TEST_SKIP 77

typedef struct {
    const char *name;
    void (*function)(void);
} VsTestCase;

static inline void __attribute__((noreturn)) vs_test_skip(const char *reason)
{
    printf("skipped: %s\n", reason);
    exit(VS_TEST_SKIP);
}

static inline int
vs_test_main(const char *suite_name, const VsTestCase *tests, const char *only)
{
    CU_pSuite suite;
    unsigned n_failures;

    if (CU_initialize_registry() != CUE_SUCCESS ||
        !(suite = CU_add_suite(suite_name, NULL, NULL))) {
        fprintf(stderr, "%s\n", CU_get_error_msg());
        return EXIT_FAILURE;
    }
    for (; tests->name; tests++) {
        if (only && !strstr(tests->name, only)) {
            continue;
        }
        if (!CU_add_test(suite, tests->name, tests->function)) {
            fprintf(stderr, "%s: %s\n", tests->name, CU_get_error_msg());
            return EXIT_FAILURE;
        }
    }

    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    n_failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return n_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define VS_TESTS(suite)                                               \
    int main(int argc, char **argv)                                   \
    {                                                                 \
        return vs_test_main(suite, tests, argc > 1 ? argv[1] : NULL); \
    }

#endif

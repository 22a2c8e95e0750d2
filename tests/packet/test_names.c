/* Names as handles. */
#include <glib.h>

#include "packet/names.h"
#include "vs_test.h"

static void
test_handle_gives_the_string_again(void)
{
    VsNames names;
    VsName handles[1000];

    vs_names_init(&names);
    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("host-%u.example", i);

        handles[i] = vs_names_intern(&names, name);
        CU_ASSERT_EQUAL(handles[i], i + 1); /* In order; 0 is the empty name. */
    }
    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("host-%u.example", i);

        CU_ASSERT_STRING_EQUAL(vs_names_get(&names, handles[i]), name);
        CU_ASSERT_EQUAL(vs_names_intern(&names, name), handles[i]);
    }
    vs_names_clear(&names);
}

static void
test_null_and_empty_are_zero(void)
{
    VsNames names;

    vs_names_init(&names);
    CU_ASSERT_EQUAL(vs_names_intern(&names, NULL), 0);
    CU_ASSERT_EQUAL(vs_names_intern(&names, ""), 0);
    CU_ASSERT_STRING_EQUAL(vs_names_get(&names, 0), "");
    CU_ASSERT_EQUAL(vs_names_intern(&names, "a"), 1);
    vs_names_clear(&names);
}

static const VsTestCase tests[] = {
    {"a handle gives the string again", test_handle_gives_the_string_again},
    {"NULL and the empty name are handle 0", test_null_and_empty_are_zero},
    {0},
};
VS_TESTS("names")

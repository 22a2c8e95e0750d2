#include "packet/names.h"

void
vs_names_init(VsNames *names)
{
    names->strings = g_ptr_array_new_with_free_func(g_free);
    names->handles = g_hash_table_new(g_str_hash, g_str_equal);
    vs_names_intern(names, "");
}

void
vs_names_clear(VsNames *names)
{
    g_hash_table_destroy(names->handles);
    g_ptr_array_free(names->strings, TRUE);
}

VsName
vs_names_intern(VsNames *names, const char *string)
{
    gpointer found = NULL;
    char *copy;

    if (!string) {
        return 0;
    }
    if (g_hash_table_lookup_extended(names->handles, string, NULL, &found)) {
        return GPOINTER_TO_UINT(found);
    }
    copy = g_strdup(string);
    g_hash_table_insert(names->handles, copy, GUINT_TO_POINTER(names->strings->len));
    g_ptr_array_add(names->strings, copy);
    return names->strings->len - 1;
}

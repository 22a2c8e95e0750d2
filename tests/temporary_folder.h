/* A folder of a test's own, which goes with all that is in it. */
#pragma once

#include <glib.h>

#include "vs_test.h"

/* Its path, newly allocated. */
static inline char *
temporary_folder_new(void)
{
    char *path = g_dir_make_tmp("vethsim-XXXXXX", NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(path);
    return path;
}

/* Also frees 'path'. */
static inline void
temporary_folder_delete(char *path)
{
    const char *arguments[] = {"rm", "-rf", path, NULL};

    CU_ASSERT(g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL,
                           NULL, NULL, NULL, NULL, NULL));
    g_free(path);
}

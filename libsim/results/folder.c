#include "results/folder.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

struct VsFolder {
    char *path;
    char *partial; /* NULL once committed. */
    VsFolderIsOurs is_ours;
};

static void
set_error(GError **error, const char *what, const char *path)
{
    int code = errno;

    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                "%s cannot be %s: %s", path, what, g_strerror(code));
}

static char *
trim_slashes(const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == G_DIR_SEPARATOR) {
        length--;
    }
    return g_strndup(path, length);
}

static bool
is_empty(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

    return dir && !g_dir_read_name(dir);
}

static bool
check_place(const char *path, VsFolderIsOurs is_ours, GError **error)
{
    if (g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "%s is a symbolic link, which cannot be replaced by results", path);
        return false;
    }
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        return true;
    }
    if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "%s is a file; results need a folder", path);
        return false;
    }
    return is_empty(path) || is_ours(path, error);
}

/* Deletes 'path' and all in it, not following symbolic links. */
static void
delete_tree(const char *path)
{
    if (g_file_test(path, G_FILE_TEST_IS_DIR) &&
        !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *inner = g_build_filename(path, name, NULL);

            delete_tree(inner);
        }
    }
    g_remove(path);
}

VsFolder *
vs_folder_new(const char *path, VsFolderIsOurs is_ours, GError **error)
{
    g_autofree char *trimmed = trim_slashes(path);
    g_autofree char *above = g_path_get_dirname(trimmed);
    g_autofree char *partial = g_strdup_printf("%s.partial-XXXXXX", trimmed);
    VsFolder *folder;

    if (!check_place(trimmed, is_ours, error)) {
        return NULL;
    }
    if (g_mkdir_with_parents(above, 0777) != 0 || !g_mkdtemp_full(partial, 0777)) {
        set_error(error, "created", trimmed);
        return NULL;
    }
    folder = g_new0(VsFolder, 1);
    folder->path = g_steal_pointer(&trimmed);
    folder->partial = g_steal_pointer(&partial);
    folder->is_ours = is_ours;
    return folder;
}

const char *
vs_folder_partial_path(const VsFolder *folder)
{
    return folder->partial;
}

const char *
vs_folder_path(const VsFolder *folder)
{
    return folder->path;
}

/* Renames the folder over a free place or an empty folder. */
static bool
move_in(VsFolder *folder, GError **error)
{
    if (g_rename(folder->partial, folder->path) != 0) {
        set_error(error, "written", folder->path);
        return false;
    }
    g_clear_pointer(&folder->partial, g_free);
    return true;
}

bool
vs_folder_commit(VsFolder *folder, GError **error)
{
    g_autofree char *old = g_strdup_printf("%s.old-XXXXXX", folder->path);

    if (!check_place(folder->path, folder->is_ours, error)) {
        return false;
    }
    if (!g_file_test(folder->path, G_FILE_TEST_EXISTS) || is_empty(folder->path)) {
        return move_in(folder, error);
    }
    if (!g_mkdtemp_full(old, 0777) || g_rename(folder->path, old) != 0) {
        set_error(error, "moved away", folder->path);
        g_rmdir(old);
        return false;
    }
    if (!move_in(folder, error)) {
        if (g_rename(old, folder->path) != 0) {
            g_prefix_error(error, "the old results are in %s; ", old);
        }
        return false;
    }
    delete_tree(old);
    return true;
}

void
vs_folder_free(VsFolder *folder)
{
    if (!folder) {
        return;
    }
    if (folder->partial) {
        delete_tree(folder->partial);
    }
    g_free(folder->partial);
    g_free(folder->path);
    g_free(folder);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
vs_folder_list(const char *path, const char *suffix)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, suffix)) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

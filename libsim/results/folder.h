/* An output folder that is there as a whole or not at all: it is filled under a
 * temporary name beside its place, then renamed.
 *
 * Errors are in the domain G_FILE_ERROR; G_FILE_ERROR_EXIST when there is something
 * that must not be replaced. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct VsFolder VsFolder;

/* Says whether the existing folder 'path', which is not empty, may be replaced. */
typedef bool (*VsFolderIsOurs)(const char *path, GError **error);

/* Creates "PATH.partial-XXXXXX", and the folders above.  'path' must be free, an empty
 * folder, or one that 'is_ours'. */
VsFolder *vs_folder_new(const char *path, VsFolderIsOurs is_ours,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where to write until the folder is complete. */
const char *vs_folder_partial_path(const VsFolder *folder);

/* Where it will be: as given, without slashes at the end. */
const char *vs_folder_path(const VsFolder *folder);

/* Renames the folder to its place.  What was there is moved away first and deleted
 * after; on failure it is moved back. */
bool vs_folder_commit(VsFolder *folder, GError **error);

/* Deletes the folder unless it was committed. */
void vs_folder_free(VsFolder *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsFolder, vs_folder_free)

/* Names of the files in 'path' that end with 'suffix', sorted; newly allocated, of
 * char *.  Empty when there is no such folder. */
GPtrArray *vs_folder_list(const char *path, const char *suffix);

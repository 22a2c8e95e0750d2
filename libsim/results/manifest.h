/* The manifest of results: what was run, so that it can be run again. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "results/results.h"

typedef struct VsManifestFile {
    char *name;
    const char *purpose;
} VsManifestFile;

/* The document, newly allocated; 'files' is of VsManifestFile. */
char *vs_manifest_print(const VsSummary *summary, const char *id, const GArray *files,
                        const VsResultsHost *host);

/* True when 'folder' has results and nothing else, so it may be replaced; otherwise
 * false with 'error' set to G_FILE_ERROR_EXIST. */
bool vs_manifest_covers(const char *folder, GError **error);

/* Reading the CSV files of results. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define VS_CSV_MAX_FIELDS 7

typedef void (*VsCsvTakeRow)(char *const fields[VS_CSV_MAX_FIELDS], void *data);

/* Calls 'take' for each row of 'path' below the heading; fields that a row lacks are
 * "".  No field holds a comma.  False with 'error' set in the domain G_FILE_ERROR. */
bool vs_csv_read(const char *path, VsCsvTakeRow take, void *data, GError **error);

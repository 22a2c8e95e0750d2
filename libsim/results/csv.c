#include "results/csv.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts 'row' at its commas. */
static void
split_row(char *row, char *fields[VS_CSV_MAX_FIELDS])
{
    char *end = row + strlen(row);

    for (unsigned i = 0; i < VS_CSV_MAX_FIELDS; i++) {
        fields[i] = row ? strsep(&row, ",") : end;
    }
}

bool
vs_csv_read(const char *path, VsCsvTakeRow take, void *data, GError **error)
{
    FILE *file = g_fopen(path, "r");
    char *row = NULL;
    size_t size = 0;
    ssize_t length;
    bool is_heading = true;

    if (!file) {
        int code = errno;

        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "%s cannot be read: %s", path, g_strerror(code));
        return false;
    }
    while ((length = getline(&row, &size, file)) > 0) {
        char *fields[VS_CSV_MAX_FIELDS];

        if (!is_heading) {
            row[length - (row[length - 1] == '\n')] = '\0';
            split_row(row, fields);
            take(fields, data);
        }
        is_heading = false;
    }
    free(row);
    fclose(file);
    return true;
}

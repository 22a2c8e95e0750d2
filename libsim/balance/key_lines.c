#include "balance/key_lines.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/balancer.h"

struct VsKeyLines {
    char *name; /* For messages. */
    FILE *file; /* NULL: they are made up. */
    char *line;
    size_t size;
    uint64_t number; /* Of the line that was read last, from 1. */

    VsBalanceKeyKind kind; /* Of those made up. */
    uint64_t count;
};

VsKeyLines *
vs_key_lines_open(const char *path, GError **error)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : g_fopen(path, "r");
    VsKeyLines *lines;

    if (!file) {
        int code = errno;

        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "%s: cannot be read: %s", path, g_strerror(code));
        return NULL;
    }
    lines = g_new0(VsKeyLines, 1);
    lines->name = g_strdup(is_stdin ? "<stdin>" : path);
    lines->file = file;
    return lines;
}

VsKeyLines *
vs_key_lines_make(VsBalanceKeyKind kind, uint64_t count)
{
    VsKeyLines *lines = g_new0(VsKeyLines, 1);

    lines->name = g_strdup("<made up>");
    lines->kind = kind;
    lines->count = count;
    lines->size = 64;
    lines->line = malloc(lines->size);
    g_assert(lines->line);
    return lines;
}

void
vs_key_lines_free(VsKeyLines *lines)
{
    if (!lines) {
        return;
    }
    if (lines->file && lines->file != stdin) {
        fclose(lines->file);
    }
    free(lines->line); /* getline()'s, so malloc()'s. */
    g_free(lines->name);
    g_free(lines);
}

/* An odd factor permutes the 2^24 addresses. */
static const char *
make_line(VsKeyLines *lines)
{
    uint64_t i = ++lines->number;
    uint32_t host = (uint32_t)(i * UINT32_C(2654435761)) & 0xffffff;
    const char *format = lines->kind == VS_BALANCE_BY_TEXT ? "/%" PRIu64 : "%" PRIu64;

    switch (lines->kind) {
    case VS_BALANCE_BY_ADDRESS:
        snprintf(lines->line, lines->size, "10.%u.%u.%u", host >> 16, host >> 8 & 255,
                 host & 255);
        break;
    case VS_BALANCE_BY_FLOW:
        snprintf(lines->line, lines->size, "10.%u.%u.%u:%u 198.51.100.1:80", host >> 16,
                 host >> 8 & 255, host & 255, 1024 + (unsigned)(i % 64000));
        break;
    case VS_BALANCE_BY_TEXT:
    case VS_BALANCE_BY_NOTHING:
    case VS_BALANCE_N_KEY_KINDS:
        snprintf(lines->line, lines->size, format, i);
        break;
    }
    return lines->line;
}

static const char *
fail_read(VsKeyLines *lines, GError **error)
{
    int code = errno;

    if (ferror(lines->file)) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "%s: cannot be read: %s", lines->name, g_strerror(code));
    }
    return NULL;
}

const char *
vs_key_lines_next(VsKeyLines *lines, GError **error)
{
    ssize_t length;

    if (!lines->file) {
        return lines->number < lines->count ? make_line(lines) : NULL;
    }
    length = getline(&lines->line, &lines->size, lines->file);
    if (length < 0) {
        return fail_read(lines, error);
    }
    lines->number++;
    if (length > 0 && lines->line[length - 1] == '\n') {
        lines->line[--length] = '\0';
    }
    if (length > 0 && lines->line[length - 1] == '\r') {
        lines->line[--length] = '\0';
    }
    if (strlen(lines->line) != (size_t)length) {
        g_set_error(error, VS_BALANCE_ERROR, VS_BALANCE_ERROR_VALUE,
                    "a zero byte: write keys as text, one a line");
        vs_key_lines_prefix(lines, error);
        return NULL;
    }
    return lines->line;
}

void
vs_key_lines_prefix(const VsKeyLines *lines, GError **error)
{
    g_prefix_error(error, "%s:%" PRIu64 ": ", lines->name, lines->number);
}

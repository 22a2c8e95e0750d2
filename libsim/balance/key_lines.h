/* Keys of balancers, a line each: of a file, which is read as it goes, or made up. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "balance/key.h"

typedef struct VsKeyLines VsKeyLines;

/* The lines of the file 'path', "-" being the standard input.  NULL with 'error' set in the
 * domain G_FILE_ERROR. */
VsKeyLines *vs_key_lines_open(const char *path,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* So many keys of this kind, all different up to 2^24 (those of texts and of nothing: at
 * all): client i of 10.0.0.0/8 has i * 2654435761 in its lower 24 bits, and comes from port
 * 1024 + i mod 64000 to 198.51.100.1:80; texts are "/1", "/2"; of nothing, "1", "2". */
VsKeyLines *vs_key_lines_make(VsBalanceKeyKind kind, uint64_t count);

void vs_key_lines_free(VsKeyLines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsKeyLines, vs_key_lines_free)

/* The next line without its end (LF or CR LF), valid until the next call.  NULL at the end,
 * or with 'error' set, when the file cannot be read or a line holds a zero byte. */
const char *vs_key_lines_next(VsKeyLines *lines, GError **error);

/* Puts "FILE:LINE: " of the line that was read last before the error's message. */
void vs_key_lines_prefix(const VsKeyLines *lines, GError **error);

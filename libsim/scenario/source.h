/* Files of scenarios, read whole. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* No scenario needs more; what does is a mistake, such as a disk image. */
#define VS_SOURCE_BYTES_MAX ((size_t)256 << 20)
#define VS_SOURCE_TOO_LARGE "it is larger than 256 MiB"

typedef struct VsSource {
    GByteArray *bytes;
    struct stat status;
} VsSource;

/* Reads 'path', "-" being standard input.  With 'is_include' it must be a plain file: a
 * scenario cannot make its reader wait for a pipe or a device.
 *
 * Returns false with the reason in words, newly allocated, in 'ret_reason'. */
bool vs_source_read(const char *path, bool is_include, VsSource *ret,
                    char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
void vs_source_clear(VsSource *source);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsSource, vs_source_clear)

#include "scenario/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool
fail(char **ret_reason, const char *reason)
{
    *ret_reason = g_strdup(reason);
    return false;
}

static bool
check_kind(mode_t mode, bool is_include, char **ret_reason)
{
    if (S_ISDIR(mode)) {
        return fail(ret_reason, "it is a directory");
    }
    if (is_include && !S_ISREG(mode)) {
        return fail(ret_reason, "it is not a plain file");
    }
    return true;
}

static bool
read_all(int fd, GByteArray *bytes, char **ret_reason)
{
    for (;;) {
        guint8 buffer[32 * 1024];
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail(ret_reason, g_strerror(errno));
        }
        if (n == 0) {
            return true;
        }
        if (bytes->len + (size_t)n > VS_SOURCE_BYTES_MAX) {
            return fail(ret_reason, VS_SOURCE_TOO_LARGE);
        }
        g_byte_array_append(bytes, buffer, (guint)n);
    }
}

bool
vs_source_read(const char *path, bool is_include, VsSource *ret, char **ret_reason)
{
    bool is_stdin = !is_include && strcmp(path, "-") == 0;
    int flags = O_RDONLY | O_CLOEXEC | (is_include ? O_NONBLOCK : 0);
    int fd = is_stdin ? STDIN_FILENO : open(path, flags);
    VsSource source = {0};
    bool is_good;

    if (fd < 0) {
        return fail(ret_reason, g_strerror(errno));
    }
    source.bytes = g_byte_array_new();
    is_good = fstat(fd, &source.status) == 0
                  ? check_kind(source.status.st_mode, is_include, ret_reason)
                  : fail(ret_reason, g_strerror(errno));
    is_good = is_good && read_all(fd, source.bytes, ret_reason);
    if (!is_stdin) {
        close(fd);
    }
    if (!is_good) {
        vs_source_clear(&source);
        return false;
    }
    *ret = source;
    return true;
}

void
vs_source_clear(VsSource *source)
{
    if (source->bytes) {
        g_byte_array_unref(source->bytes);
    }
    source->bytes = NULL;
}

#include "packet/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Block types, options and values of the format. */
enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    VERSION_MAJOR = 1,
    VERSION_MINOR = 0,
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_SECTION_APPLICATION = 4,
    OPTION_IF_NAME = 2,
    OPTION_IF_DESCRIPTION = 3,
    OPTION_IF_SPEED = 8,
    OPTION_IF_TIME_RESOLUTION = 9,
    OPTION_PACKET_FLAGS = 2,
    NANOSECONDS = 9, /* A power of ten, negated. */
    NO_LIMIT = 0,
};

/* What is written at once. */
#define BUFFER_BYTES (256 * 1024)

struct VsPcapng {
    char *path;
    char *partial; /* NULL once closed. */
    int fd;        /* -1 once closed. */
    GByteArray *buffer;
    uint32_t n_interfaces;
    GError *error; /* The first of writing, or NULL. */
};

static void
set_error(GError **error, const char *path)
{
    int code = errno;

    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                "%s cannot be written: %s", path, g_strerror(code));
}

/* Blocks. -------------------------------------------------------------------------- */

static void
put_u16(GByteArray *out, unsigned value)
{
    guint16 bytes = GUINT16_TO_LE((guint16)value);

    g_byte_array_append(out, (const guint8 *)&bytes, sizeof(bytes));
}

static void
put_u32(GByteArray *out, uint32_t value)
{
    guint32 bytes = GUINT32_TO_LE(value);

    g_byte_array_append(out, (const guint8 *)&bytes, sizeof(bytes));
}

static void
put_u64(GByteArray *out, uint64_t value)
{
    put_u32(out, (uint32_t)value);
    put_u32(out, (uint32_t)(value >> 32));
}

/* Bytes, and zeros up to a multiple of four. */
static void
put_padded(GByteArray *out, const void *bytes, size_t n_bytes)
{
    static const guint8 zeros[3] = {0};

    g_byte_array_append(out, bytes, (guint)n_bytes);
    g_byte_array_append(out, zeros, (guint)(-n_bytes & 3));
}

static void
put_option(GByteArray *out, unsigned code, const void *value, size_t n_bytes)
{
    put_u16(out, code);
    put_u16(out, (unsigned)n_bytes);
    put_padded(out, value, n_bytes);
}

/* An option's length has 16 bits. */
static void
put_text_option(GByteArray *out, unsigned code, const char *text)
{
    if (text) {
        put_option(out, code, text, MIN(strlen(text), (size_t)UINT16_MAX));
    }
}

/* Returns where the block starts. */
static guint
begin_block(GByteArray *out, uint32_t type)
{
    guint start = out->len;

    put_u32(out, type);
    put_u32(out, 0); /* The length: end_block(). */
    return start;
}

static void
end_block(GByteArray *out, guint start)
{
    guint32 length;

    put_u16(out, OPTION_END);
    put_u16(out, 0);
    length = out->len - start + (guint32)sizeof(length);
    put_u32(out, length);
    length = GUINT32_TO_LE(length);
    memcpy(out->data + start + sizeof(uint32_t), &length, sizeof(length));
}

static void
print_section(GByteArray *out, const char *application)
{
    guint start = begin_block(out, BLOCK_SECTION);

    put_u32(out, BYTE_ORDER_MAGIC);
    put_u16(out, VERSION_MAJOR);
    put_u16(out, VERSION_MINOR);
    put_u64(out, UINT64_MAX); /* Length of the section: to the end of the file. */
    put_text_option(out, OPTION_SECTION_APPLICATION, application);
    end_block(out, start);
}

static void
print_interface(GByteArray *out, const VsPcapngInterface *iface)
{
    static const guint8 resolution = NANOSECONDS;
    guint start = begin_block(out, BLOCK_INTERFACE);

    put_u16(out, iface->link_type);
    put_u16(out, 0);
    put_u32(out, NO_LIMIT);
    put_text_option(out, OPTION_IF_NAME, iface->name);
    put_text_option(out, OPTION_IF_DESCRIPTION, iface->description);
    if (iface->bits_per_s > 0) {
        put_u16(out, OPTION_IF_SPEED);
        put_u16(out, sizeof(uint64_t));
        put_u64(out, iface->bits_per_s);
    }
    put_option(out, OPTION_IF_TIME_RESOLUTION, &resolution, sizeof(resolution));
    end_block(out, start);
}

void
vs_pcapng_print_packet(const VsPcapngPacket *packet, GByteArray *out)
{
    guint start = begin_block(out, BLOCK_PACKET);

    put_u32(out, packet->iface);
    put_u32(out, (uint32_t)(packet->time_ns >> 32));
    put_u32(out, (uint32_t)packet->time_ns);
    put_u32(out, packet->n_bytes); /* Captured, and on the wire. */
    put_u32(out, packet->n_bytes);
    put_padded(out, packet->bytes, packet->n_bytes);
    put_u16(out, OPTION_PACKET_FLAGS);
    put_u16(out, sizeof(uint32_t));
    put_u32(out, packet->direction);
    put_text_option(out, OPTION_COMMENT, packet->comment);
    end_block(out, start);
}

/* The file. ------------------------------------------------------------------------ */

static void
flush(VsPcapng *file)
{
    const guint8 *at = file->buffer->data;
    gsize left = file->buffer->len;

    while (left > 0 && !file->error) {
        ssize_t n_written = write(file->fd, at, left);

        if (n_written >= 0) {
            at += n_written;
            left -= (gsize)n_written;
        } else if (errno != EINTR) {
            set_error(&file->error, file->path);
        }
    }
    g_byte_array_set_size(file->buffer, 0);
}

static void
flush_when_full(VsPcapng *file)
{
    if (file->buffer->len >= BUFFER_BYTES) {
        flush(file);
    }
}

VsPcapng *
vs_pcapng_new(const char *path, const char *application, GError **error)
{
    g_autoptr(VsPcapng) file = g_new0(VsPcapng, 1);
    g_autofree char *partial = g_strdup_printf("%s.partial-XXXXXX", path);

    file->path = g_strdup(path);
    file->buffer = g_byte_array_new();
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        errno = EISDIR;
        set_error(error, path);
        file->fd = -1;
        return NULL;
    }
    file->fd = g_mkstemp_full(partial, O_WRONLY | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        set_error(error, path);
        return NULL;
    }
    file->partial = g_steal_pointer(&partial);
    print_section(file->buffer, application);
    return g_steal_pointer(&file);
}

uint32_t
vs_pcapng_add_interface(VsPcapng *file, const VsPcapngInterface *iface)
{
    print_interface(file->buffer, iface);
    flush_when_full(file);
    return file->n_interfaces++;
}

void
vs_pcapng_add_blocks(VsPcapng *file, const uint8_t *blocks, size_t n_bytes)
{
    g_byte_array_append(file->buffer, blocks, (guint)n_bytes);
    flush_when_full(file);
}

bool
vs_pcapng_close(VsPcapng *file, GError **error)
{
    int status;

    flush(file);
    status = close(file->fd);
    file->fd = -1;
    if (file->error) {
        g_propagate_error(error, g_steal_pointer(&file->error));
        return false;
    }
    if (status != 0 || g_rename(file->partial, file->path) != 0) {
        set_error(error, file->path);
        return false;
    }
    g_clear_pointer(&file->partial, g_free);
    return true;
}

void
vs_pcapng_free(VsPcapng *file)
{
    if (!file) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    if (file->partial) {
        g_unlink(file->partial);
    }
    g_free(file->partial);
    g_free(file->path);
    g_byte_array_free(file->buffer, TRUE);
    g_clear_error(&file->error);
    g_free(file);
}

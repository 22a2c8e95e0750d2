/* Where the bytes of a message go: they are counted, and kept if there is a place for them. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <string.h>

typedef struct VsSink {
    GString *out; /* Or NULL. */
    size_t bytes;
} VsSink;

static inline void
vs_sink_put_bytes(VsSink *sink, const char *bytes, size_t n_bytes)
{
    sink->bytes += n_bytes;
    if (sink->out) {
        g_string_append_len(sink->out, bytes, (gssize)n_bytes);
    }
}

static inline void
vs_sink_put(VsSink *sink, const char *text)
{
    vs_sink_put_bytes(sink, text, strlen(text));
}

/* In decimal. */
static inline void
vs_sink_put_number(VsSink *sink, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    vs_sink_put_bytes(sink, digits + first, sizeof(digits) - first);
}

#include "results/pick_lines.h"

#include <string.h>

static void
append_field(GString *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (*text == '"') {
            g_string_append_c(out, '"');
        }
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

void
vs_pick_append_csv(GString *out, const char *key, const char *backend)
{
    append_field(out, key);
    g_string_append_c(out, ',');
    append_field(out, backend ? backend : "");
    g_string_append_c(out, '\n');
}

static void
append_json_text(GString *out, const char *text)
{
    g_autofree char *valid =
        g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);

    g_string_append_c(out, '"');
    for (const char *at = valid ? valid : text; *at; at++) {
        if (*at == '"' || *at == '\\') {
            g_string_append_c(out, '\\');
            g_string_append_c(out, *at);
        } else if ((unsigned char)*at < ' ') {
            g_string_append_printf(out, "\\u%04x", (unsigned)*at);
        } else {
            g_string_append_c(out, *at);
        }
    }
    g_string_append_c(out, '"');
}

void
vs_pick_append_json(GString *out, const char *key, const char *backend)
{
    g_string_append(out, "{\"key\":");
    append_json_text(out, key);
    g_string_append(out, ",\"backend\":");
    if (backend) {
        append_json_text(out, backend);
    } else {
        g_string_append(out, "null");
    }
    g_string_append(out, "}\n");
}

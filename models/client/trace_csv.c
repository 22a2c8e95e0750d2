#include "models/client/trace.h"

enum { COLUMN_TIME, COLUMN_METHOD, COLUMN_PATH, COLUMN_HOST, COLUMN_BODY, COLUMN_TOLD };

static const char *const column_names[CLIENT_TRACE_COLUMNS_MAX] = {
    [COLUMN_TIME] = "time",          [COLUMN_METHOD] = "method",
    [COLUMN_PATH] = "path",          [COLUMN_HOST] = "host",
    [COLUMN_BODY] = "request-bytes", [COLUMN_TOLD] = "response-bytes",
};

/* A field in quotes, whose first is before 'text': two quotes are one (RFC 4180, section 2).
 * Returns what follows it, or NULL: it does not end. */
static char *
unquote(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text == '"' && *++text != '"') {
            *to = '\0';
            return text;
        }
        *to++ = *text;
    }
    return NULL;
}

/* Ends the field at *text with zero, and moves on to the next, or to NULL; false: its quotes
 * are wrong. */
static bool
next_field(char **text, const char **ret)
{
    char *end;

    if (**text == '"') {
        *ret = *text + 1;
        end = unquote(*text + 1);
        if (!end || (*end != ',' && *end != '\0')) {
            return false;
        }
    } else {
        *ret = *text;
        end = *text + strcspn(*text, ",");
    }
    *text = *end ? end + 1 : NULL;
    if (*end) {
        *end = '\0';
    }
    return true;
}

bool
client_trace_is_header(const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, ",", -1);

    return g_strv_contains((const char *const *)fields, "time") ||
           g_strv_contains((const char *const *)fields, "\"time\"");
}

static bool
add_column(ClientTraceColumns *columns, const char *name, GError **error)
{
    for (unsigned what = 0; what < CLIENT_TRACE_COLUMNS_MAX; what++) {
        if (strcmp(name, column_names[what]) != 0) {
            continue;
        }
        for (unsigned i = 0; i < columns->n; i++) {
            if (columns->what[i] == what) {
                return vs_value_fail(
                    error, "there are two columns \"%s\"; leave one out", name);
            }
        }
        columns->what[columns->n++] = what;
        return true;
    }
    return vs_value_fail(error,
                         "column \"%s\" is none of time, method, path, host, "
                         "request-bytes and response-bytes; leave it out",
                         name);
}

bool
client_trace_read_header(char *line, ClientTraceColumns *ret, GError **error)
{
    const char *name;

    ret->n = 0;
    while (line) {
        if (!next_field(&line, &name)) {
            return vs_value_fail(error, "a quote is missing");
        }
        if (!add_column(ret, name, error)) {
            return false;
        }
    }
    return true;
}

/* An empty field tells nothing. */
static bool
read_field(unsigned what, const char *text, ClientTraceLine *ret, GError **error)
{
    if (*text == '\0' && what != COLUMN_TIME) {
        return true;
    }
    switch (what) {
    case COLUMN_TIME:
        return client_trace_read_time(text, &ret->s, &ret->ps, error);
    case COLUMN_METHOD:
        return client_trace_read_method(text, &ret->method, error);
    case COLUMN_PATH:
        ret->path = text;
        return client_trace_check_path(text, error);
    case COLUMN_HOST:
        ret->host = text;
        return vs_http_is_host(text) ||
               vs_value_fail(error, "\"%s\" is no host; write shop.example", text);
    case COLUMN_BODY:
        return client_trace_read_size(text, "request-bytes", &ret->body_bytes, error);
    default:
        if (!client_trace_read_size(text, "response-bytes", &ret->told_bytes, error)) {
            return false;
        }
        ret->told_bytes++;
        return true;
    }
}

bool
client_trace_read_csv(const ClientTraceColumns *columns, char *line,
                      ClientTraceLine *ret, GError **error)
{
    bool has_method = false;
    const char *text;
    unsigned n = 0;

    *ret = (ClientTraceLine){0};
    for (; line && n <= columns->n; n++) {
        if (!next_field(&line, &text)) {
            return vs_value_fail(error, "a quote is missing");
        }
        if (n < columns->n) {
            has_method |= columns->what[n] == COLUMN_METHOD && *text;
            if (!read_field(columns->what[n], text, ret, error)) {
                return false;
            }
        }
    }
    if (n != columns->n) {
        return vs_value_fail(error,
                             "there are %s fields than the %u columns named; write one "
                             "for each",
                             n < columns->n ? "less" : "more", columns->n);
    }
    if (!has_method && ret->body_bytes > 0) {
        ret->method = VS_HTTP_POST;
    }
    return true;
}
